//! Is a target down, or was one packet lost? A run that has no answer after several times its usual round trip is
//! followed at once by a burst of packets: one answer to any of them says that it was lost, none that the target is
//! down, a second after the cut instead of five. It is as long as the line is lossy: five of five lost mean nothing
//! where one in three is lost anyway. What the burst counts stands apart: packets sent because one was lost would make a
//! lossy line look worse or better than it is.
//!
//! It sends nothing itself. Whoever paces a kind asks how patient to be, carries out each `Step`, and says what came.

use std::time::Duration;

use crate::engine::streak::{CHANCE, Recent};
use crate::model::{Mono, Tally};

/// Between the packets of a burst: six lost in half a second are no single loss burst of a queue that overflows.
pub const SPACING: Duration = Duration::from_millis(100);
/// The shortest patience: an answer may be scheduled away that long on either side.
pub const SHORTEST: Duration = Duration::from_millis(50);
/// Most packets of a burst, whatever the line loses: four seconds. Where more would be needed runs in a row tell.
pub const MOST: u32 = 40;
/// How long after its last packet a burst waits at least: a line that has turned slow all of a sudden is not down.
pub const AFTER: Duration = Duration::from_millis(300);
/// The usual round trip is the 99th percentile of the last answers; patience is this many times that.
const TIMES: u32 = 4;
/// Answers it takes to know what is usual; until then the timeout holds. Few, because a line may be cut soon after
/// the agent starts, and four times the slowest of eight is patient enough.
const ENOUGH: u16 = 8;
/// Answers remembered, more or less: at this many all counts are halved, so that a new path is learnt in seconds.
const REMEMBERED: u16 = 200;
/// Steps of the round-trip scale: four an octave from 64 us; the last begins at four seconds.
const STEPS: usize = 64;
/// A verdict that comes so long after its time was kept up by this host itself: answers may have been, too.
const LATE: Duration = Duration::from_millis(100);
/// How often a verdict is put off for that reason before the burst is void.
const PUT_OFF: u8 = 3;

/// Round-trip times that are usual for one target, on a coarse scale: 130 bytes a target.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Usual {
    counts: [u16; STEPS],
    total: u16,
}

impl Usual {
    const fn new() -> Self {
        Self { counts: [0; STEPS], total: 0 }
    }

    fn add(&mut self, rtt: Duration) {
        if let Some(count) = self.counts.get_mut(step(rtt)) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= REMEMBERED {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    /// The upper edge of the step that the 99th percentile is in; nothing before enough is known.
    fn p99(&self) -> Option<Duration> {
        if self.total < ENOUGH {
            return None;
        }
        let beyond = self.total / 100;
        let mut above = 0;
        let at = self.counts.iter().rposition(|count| {
            above += count;
            above > beyond
        })?;
        Some(edge(at))
    }
}

/// The step of a round-trip time.
fn step(rtt: Duration) -> usize {
    let sixteenths = u64::try_from(rtt.as_micros() / 16).unwrap_or(u64::MAX);
    if sixteenths < 4 {
        return 0;
    }
    let octave = sixteenths.ilog2() - 2;
    let within = sixteenths >> octave & 3;
    (octave as usize * 4 + within as usize).min(STEPS - 1)
}

/// Where the step above this one begins.
fn edge(at: usize) -> Duration {
    let next = at + 1;
    Duration::from_micros(((4 + next as u64 % 4) * 16) << (next / 4))
}

/// What to do next for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send its packet of this number, and ask again at that time.
    Send(u32, Mono),
    /// Ask again at that time.
    Wait(Mono),
    /// It is over.
    Over(Verdict),
}

/// What a burst found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether anyone is there.
    pub found: Found,
    /// Its packets; `invalid` are those this host could not send.
    pub tally: Tally,
}

/// See `Verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Something was answered.
    Someone,
    /// Neither the run nor any packet of the burst was.
    Nobody,
    /// Nothing can be said: this host did not send, or ran late.
    Unknown,
}

/// A burst under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Burst {
    size: u32,
    wait: Duration,
    sent: u32,
    answered: u32,
    invalid: u32,
    /// The run itself, or another one, was answered.
    heard: bool,
    put_off: u8,
}

/// Patience and bursts of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    usual: Usual,
    recent: Recent,
    burst: Option<Burst>,
    /// A burst found nobody, and nothing was heard since: another one would find nothing new.
    silent: bool,
}

impl Default for Confirm {
    fn default() -> Self {
        Self { usual: Usual::new(), recent: Recent::default(), burst: None, silent: false }
    }
}

impl Confirm {
    /// How long a packet may be without an answer until it is in doubt; at most its timeout.
    pub fn patience(&self, timeout: Duration) -> Duration {
        self.usual.p99().map_or(timeout, |p99| (p99 * TIMES).max(SHORTEST).min(timeout))
    }

    /// A packet of a run was answered.
    pub fn answered(&mut self, rtt: Option<Duration>) {
        if let Some(rtt) = rtt {
            self.usual.add(rtt);
        }
        self.recent.answered();
        self.silent = false;
        if let Some(burst) = &mut self.burst {
            burst.heard = true;
        }
    }

    /// A packet of a run was not answered in time, not even late. While nobody is there that is no loss.
    pub const fn lost(&mut self) {
        if !self.silent {
            self.recent.lost();
        }
    }

    /// A packet of the burst was answered.
    pub fn burst_answered(&mut self, rtt: Option<Duration>) {
        if let Some(burst) = &mut self.burst {
            burst.answered += 1;
        }
        self.answered(rtt);
    }

    /// A packet of the burst did not leave this host.
    pub fn not_sent(&mut self) {
        if let Some(burst) = &mut self.burst {
            burst.invalid += 1;
        }
    }

    /// A run is in doubt. Whether a burst of `least` packets or more begins: not during another one, nor if the last
    /// one found nobody, nor where so much is lost that the longest burst would prove nothing.
    pub fn doubt(&mut self, least: u32, timeout: Duration) -> bool {
        let size = least.max(self.recent.enough(CHANCE));
        let begins = least > 0 && size <= MOST && self.burst.is_none() && !self.silent;
        if begins {
            let wait = self.patience(timeout).max(AFTER);
            self.burst = Some(Burst { size, wait, sent: 0, answered: 0, invalid: 0, heard: false, put_off: 0 });
        }
        begins
    }

    /// What to do now, where it was due at `due`; nothing if there is no burst.
    pub fn step(&mut self, due: Mono, now: Mono) -> Option<Step> {
        let burst = self.burst.as_mut()?;
        if burst.sent < burst.size && !burst.heard {
            let number = burst.sent;
            burst.sent += 1;
            let next = if burst.sent < burst.size { SPACING } else { burst.wait };
            return Some(Step::Send(number, now.plus(next)));
        }
        let answered = burst.answered + burst.invalid >= burst.sent;
        if burst.sent < burst.size && !answered {
            // It was heard: what is under way may come, so that the counts are right.
            burst.size = burst.sent;
            return Some(Step::Wait(now.plus(burst.wait.saturating_sub(SPACING))));
        }
        let late = now.since(due) >= LATE;
        if late && !burst.heard && burst.put_off < PUT_OFF {
            burst.put_off += 1;
            return Some(Step::Wait(now.plus(burst.wait)));
        }
        let sent = burst.sent.saturating_sub(burst.invalid);
        let lost = sent.saturating_sub(burst.answered);
        let found = match burst {
            Burst { heard: true, .. } => Found::Someone,
            Burst { invalid: 1.., .. } => Found::Unknown,
            _ if late => Found::Unknown,
            _ => Found::Nobody,
        };
        let verdict = Verdict { found, tally: Tally { sent, lost, invalid: burst.invalid, ..Tally::default() } };
        self.burst = None;
        self.silent = found == Found::Nobody;
        match found {
            Found::Nobody => self.recent.outage(),
            Found::Someone => (0..lost).for_each(|_| self.recent.lost()),
            Found::Unknown => {}
        }
        Some(Step::Over(verdict))
    }

    /// Whether an answer is usual: enough have come to know.
    pub const fn expects(&self) -> bool {
        self.usual.total >= ENOUGH
    }

    /// A burst found nobody, and nothing was heard since.
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    /// The last verdict is worth nothing: our receive buffer overflowed, an answer may be among the dropped.
    pub fn unsettled(&mut self) {
        self.silent = false;
    }
}

#[cfg(test)]
mod tests;
