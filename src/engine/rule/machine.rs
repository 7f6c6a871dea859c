//! The state machine of one rule on one row: inactive, pending, firing, recovering. It knows no values, only
//! what the conditions say; `Unknown` never moves it.

use std::time::Duration;

use crate::config::expr::Eval;
use crate::engine::flap::{Flap, Turn};
use crate::model::{Mono, Wall};

/// After so long a clear, the next raise counts from 1 again; the console reopens incidents as long.
pub(super) const QUIET: Duration = Duration::from_secs(30 * 60);

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// The condition does not hold.
    #[default]
    Inactive,
    /// It holds since then, but `for` has not passed.
    Pending(Mono),
    /// Raised.
    Firing,
    /// The clear condition holds since then, but `clear_for` has not passed.
    Recovering(Mono),
}

/// What others know of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raised {
    pub(super) since: Wall,
    pub(super) stale: bool,
    /// False while another probe's machine speaks for the same key.
    pub(super) shown: bool,
}

/// One rule on one row.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) rule: u32,
    pub(super) case: u32,
    pub(super) phase: Phase,
    pub(super) flap: Flap,
    pub(super) count: u32,
    /// When it last cleared.
    pub(super) cleared: Option<Mono>,
    /// When a result last counted for flapping.
    pub(super) counted: Option<Mono>,
    /// Taken over from before a restart: no clearing until its window is full again.
    pub(super) not_before: Option<Mono>,
    /// Present while it is reported as firing.
    pub(super) raised: Option<Box<Raised>>,
}

/// What a judgement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anyone must know.
    None,
    /// It waits for `for` or `clear_for` to pass.
    Waiting,
    /// It fires.
    Raised,
    /// It no longer does.
    Cleared,
}

/// The conditions at this moment; each is asked only if it matters.
pub(super) trait Conditions {
    fn raise(&self) -> Eval;
    fn clear(&self) -> Eval;
}

/// Whether a judgement counts for flapping: one of data does, one of a timer only if it changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// An observation.
    Data,
    /// Time alone.
    Timer,
}

/// How long things must last, as its rule says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holds {
    pub(super) hold: Duration,
    pub(super) clear_hold: Duration,
    /// Unchanged results count for flapping at most this often.
    pub(super) flap_every: Duration,
}

impl Machine {
    /// Firing underneath, whatever is reported.
    pub(super) const fn on(&self) -> bool {
        matches!(self.phase, Phase::Firing | Phase::Recovering(_))
    }

    /// One judgement.
    pub(super) fn judge(&mut self, conditions: &impl Conditions, holds: Holds, now: Mono, by: By) -> (Change, Turn) {
        let Holds { hold, clear_hold, flap_every } = holds;
        let (change, known) =
            if self.on() { self.when_on(conditions, clear_hold, now) } else { self.when_off(conditions, hold, now) };
        let changed = matches!(change, Change::Raised | Change::Cleared);
        let counts = || self.counted.is_none_or(|at| now.since(at) >= flap_every);
        let turn = if changed || (known && by == By::Data && counts()) {
            self.counted = Some(now);
            self.flap.push(changed)
        } else {
            Turn::Same
        };
        if change == Change::Raised {
            if self.cleared.is_some_and(|at| now.since(at) > QUIET) {
                self.count = 0;
            }
            self.count = self.count.saturating_add(1);
        }
        if change == Change::Cleared {
            (self.cleared, self.not_before) = (Some(now), None);
        }
        (change, turn)
    }

    fn when_off(&mut self, conditions: &impl Conditions, hold: Duration, now: Mono) -> (Change, bool) {
        match (conditions.raise(), self.phase) {
            (Eval::Unknown, _) => (Change::None, false),
            (Eval::False, _) => {
                self.phase = Phase::Inactive;
                (Change::None, true)
            }
            (Eval::True, Phase::Pending(since)) if now.since(since) < hold => (Change::None, true),
            (Eval::True, Phase::Inactive) if !hold.is_zero() => {
                self.phase = Phase::Pending(now);
                (Change::Waiting, true)
            }
            (Eval::True, _) => {
                self.phase = Phase::Firing;
                (Change::Raised, true)
            }
        }
    }

    fn when_on(&mut self, conditions: &impl Conditions, clear_hold: Duration, now: Mono) -> (Change, bool) {
        if self.not_before.is_some_and(|at| now < at) {
            return (Change::None, false);
        }
        // If both conditions hold the rule contradicts itself; staying raised is the safe reading.
        let clear = match conditions.clear() {
            Eval::True if conditions.raise() == Eval::True => Eval::False,
            other => other,
        };
        match (clear, self.phase) {
            (Eval::Unknown, _) => (Change::None, false),
            (Eval::False, _) => {
                self.phase = Phase::Firing;
                (Change::None, true)
            }
            (Eval::True, Phase::Recovering(since)) if now.since(since) < clear_hold => (Change::None, true),
            (Eval::True, Phase::Firing) if !clear_hold.is_zero() => {
                self.phase = Phase::Recovering(now);
                (Change::Waiting, true)
            }
            (Eval::True, _) => {
                self.phase = Phase::Inactive;
                (Change::Cleared, true)
            }
        }
    }

    /// When time alone may change it.
    pub(super) fn deadline(&self, hold: Duration, clear_hold: Duration) -> Option<Mono> {
        match self.phase {
            Phase::Pending(since) => Some(since.plus(hold)),
            Phase::Recovering(since) => Some(since.plus(clear_hold)),
            Phase::Inactive | Phase::Firing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Say(Eval, Eval);
    impl Conditions for Say {
        fn raise(&self) -> Eval {
            self.0
        }
        fn clear(&self) -> Eval {
            self.1
        }
    }

    /// `r` raise holds, `c` clear holds, `-` neither, `b` both, `?` unknown; answers one letter a second:
    /// `.` off, `p` pending, `F` firing, `r` recovering.
    fn check(hold: u64, clear_hold: u64, input: &str, expected: &str) {
        let mut m = Machine::default();
        let got: String = input
            .chars()
            .zip(0u64..)
            .map(|(c, t)| {
                let say = match c {
                    'r' => Say(Eval::True, Eval::False),
                    'c' => Say(Eval::False, Eval::True),
                    'b' => Say(Eval::True, Eval::True),
                    '?' => Say(Eval::Unknown, Eval::Unknown),
                    _ => Say(Eval::False, Eval::False),
                };
                let now = Mono::from_origin(Duration::from_secs(t));
                let [hold, clear_hold] = [hold, clear_hold].map(Duration::from_secs);
                m.judge(&say, Holds { hold, clear_hold, flap_every: Duration::ZERO }, now, By::Data);
                match m.phase {
                    Phase::Inactive => '.',
                    Phase::Pending(_) => 'p',
                    Phase::Firing => 'F',
                    Phase::Recovering(_) => 'r',
                }
            })
            .collect();
        assert_eq!(got, expected, "for {hold} clear_for {clear_hold} {input}");
    }

    #[test]
    fn states_follow_the_conditions() {
        check(0, 0, "-r-c-", ".FF..");
        check(3, 0, "rrrrc", "pppF.");
        check(3, 0, "rr-rrrr", "pp.pppF");
        check(0, 2, "rcccr", "Frr.F");
        check(0, 2, "rc-ccc", "FrFrr.");
        check(0, 2, "rcrccc", "FrFrr.");
    }

    #[test]
    fn the_unknown_changes_nothing() {
        check(0, 0, "r???c", "FFFF.");
        check(3, 0, "r???r", "ppppF");
        check(0, 2, "rc???c", "Frrrr.");
        check(0, 0, "??", "..");
    }

    #[test]
    fn a_rule_that_contradicts_itself_stays_raised() {
        check(0, 0, "rbbbc", "FFFF.");
    }
}
