//! One look at the way: a few hops at a time until the target answers, then the other packets of each hop. Hops
//! that stay silent are not waited for again and again. It counts; what the counts mean is for others.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::trace::{Answer, Said, Tracer};
use crate::probe::path::course::Hops;

/// Hops asked together while it is not known how far the target is: few, because all that lie behind it are
/// answered by the target.
const WAVE: u8 = 4;
/// After so many silent hops in a row nothing more is expected.
const SILENT: u8 = 8;
/// A hop that was asked so often and never answered is not asked again in this run.
const DEAF: u32 = 2;
/// Time between packets: routers answer such packets at a limited rate.
const SPACING: Duration = Duration::from_millis(5);
/// How often the sockets are looked at; the kernel keeps the true times.
const LOOK: Duration = Duration::from_millis(5);
/// Packets more for hops where strangers answer: that all six avoid a known one of two is one chance in 64.
const AGAIN: usize = 6;
/// Packets of one run at most: 64 hops, ten each, and all that is asked again.
const MAX_PACKETS: usize = 2048;

/// How much and how patiently to ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    pub(super) count: u32,
    pub(super) max_hops: u8,
    pub(super) wait: Duration,
}

/// What one hop did.
#[derive(Debug, Clone, Default)]
struct Hop {
    sent: u32,
    answered: u32,
    by: BTreeSet<IpAddr>,
    rtts: Vec<f64>,
}

/// A packet that was sent: to which hop, and whether it was answered.
#[derive(Debug, Clone, Copy)]
struct Asked {
    hop: u8,
    answered: bool,
}

/// What one run found.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) to: IpAddr,
    /// Who would not pass it on, and in which words.
    pub(super) refused: Option<(IpAddr, &'static str)>,
    /// Why nothing could be sent.
    pub(super) failed: Option<NetError>,
    pace: Pace,
    asked: Vec<Asked>, // by token
    hops: Vec<Hop>,    // nearest first
    end: Option<u8>,   // the nearest hop from which nothing goes farther
    reached: bool,
    invalid: u32,
}

impl Trace {
    pub(super) fn new(to: IpAddr, pace: Pace) -> Self {
        let hops = vec![Hop::default(); usize::from(pace.max_hops)];
        Self { to, refused: None, failed: None, pace, asked: Vec::new(), hops, end: None, reached: false, invalid: 0 }
    }

    /// Goes the whole way, `count` packets a hop.
    pub(super) async fn walk(&mut self, tracer: &mut Tracer, clock: &Clock, deadline: Mono) {
        let mut from = 1;
        while self.end.is_none() && from <= self.pace.max_hops && self.silence(from) < SILENT {
            let to = from.saturating_add(WAVE - 1).min(self.pace.max_hops);
            self.ask((from..=to).collect(), tracer, clock, deadline).await;
            if self.failed.is_some() || clock.mono() >= deadline {
                break;
            }
            from = to + 1;
        }
        for _ in 1..self.pace.count {
            let last = self.hops().0.len();
            let speaks = |hop: &Hop| hop.answered > 0 || hop.sent < DEAF;
            let places: Vec<u8> =
                (1u8..).zip(&self.hops).take(last).filter(|(_, hop)| speaks(hop)).map(|(hop, _)| hop).collect();
            self.ask(places, tracer, clock, deadline).await;
        }
    }

    /// Asks some hops (from 0) again.
    pub(super) async fn ask_again(&mut self, places: &[usize], tracer: &mut Tracer, clock: &Clock, deadline: Mono) {
        let hops: Vec<u8> = places.iter().filter_map(|at| u8::try_from(at + 1).ok()).collect();
        for _ in 0..AGAIN {
            self.ask(hops.clone(), tracer, clock, deadline).await;
        }
    }

    /// How many hops before `hop` were silent in a row.
    fn silence(&self, hop: u8) -> u8 {
        let before = self.hops.iter().take(usize::from(hop) - 1).rev();
        before.take_while(|hop| hop.answered == 0).fold(0, |n: u8, _| n.saturating_add(1))
    }

    /// One packet to each hop, and waits for the answers.
    async fn ask(&mut self, hops: Vec<u8>, tracer: &mut Tracer, clock: &Clock, deadline: Mono) {
        let first = self.asked.len();
        let mut left = Vec::new();
        for hop in hops {
            if clock.mono() >= deadline || self.asked.len() >= MAX_PACKETS {
                return;
            }
            if tracer.one_at_a_time() {
                left.push(hop);
                continue;
            }
            self.send(hop, tracer);
            clock.sleep(SPACING).await;
            self.listen(tracer);
        }
        self.wait(first, tracer, clock, deadline).await;
        if tracer.one_at_a_time() {
            // Found out just now: what was not told apart is asked again.
            let lost = self.asked.iter().skip(first).filter(|asked| !asked.answered).map(|asked| asked.hop);
            left.extend(lost);
        }
        for hop in left {
            tracer.give_up();
            let at = self.asked.len();
            self.send(hop, tracer);
            self.wait(at, tracer, clock, deadline).await;
        }
    }

    /// Until all packets from `first` on are answered, or the time for that is over.
    async fn wait(&mut self, first: usize, tracer: &mut Tracer, clock: &Clock, deadline: Mono) {
        let give_up = clock.mono().plus(self.pace.wait).min(deadline);
        loop {
            self.listen(tracer);
            let done = self.asked.iter().skip(first).all(|asked| asked.answered);
            if done || clock.mono() >= give_up {
                return;
            }
            clock.sleep(LOOK).await;
        }
    }

    fn send(&mut self, hop: u8, tracer: &mut Tracer) {
        let token = self.asked.len() as u32;
        self.asked.push(Asked { hop, answered: false });
        if let Some(place) = self.hops.get_mut(usize::from(hop) - 1) {
            place.sent += 1;
        }
        let mut answers = Vec::new();
        tracer.send(hop, token, &mut answers);
        answers.into_iter().for_each(|answer| self.take(answer));
    }

    fn listen(&mut self, tracer: &mut Tracer) {
        let mut answers = Vec::new();
        tracer.drain(&mut answers);
        answers.into_iter().for_each(|answer| self.take(answer));
    }

    fn take(&mut self, answer: Answer) {
        let Some(asked) = self.asked.get_mut(answer.token as usize).filter(|asked| !asked.answered) else { return };
        asked.answered = true;
        let at = asked.hop;
        let arrived = answer.what == Said::Arrived || answer.by == Some(self.to);
        match answer.what {
            Said::NotSent(error) => {
                if let Some(hop) = self.hops.get_mut(usize::from(at) - 1) {
                    hop.sent -= 1;
                }
                self.invalid += 1;
                self.failed = Some(error);
                return;
            }
            Said::Refused(words) if !arrived => {
                self.refused = answer.by.map(|by| (by, words)).or(self.refused);
                self.stop(at, false);
            }
            _ if arrived => self.stop(at, true),
            _ => {}
        }
        let Some(hop) = self.hops.get_mut(usize::from(at) - 1) else { return };
        hop.answered += 1;
        hop.by.extend(answer.by);
        hop.rtts.extend(answer.rtt.map(|rtt| rtt.as_secs_f64()));
    }

    /// Nothing goes farther than this hop, where the target answers or somebody refuses.
    fn stop(&mut self, hop: u8, reached: bool) {
        match self.end {
            Some(end) if end < hop => {}
            Some(end) if end == hop => self.reached |= reached,
            _ => (self.end, self.reached) = (Some(hop), reached),
        }
    }

    /// Who answers at each hop, up to the target or the last that answers; and whether that is the target.
    pub(super) fn hops(&self) -> (Hops, bool) {
        let spoken = self.hops.iter().rposition(|hop| hop.answered > 0).map_or(0, |at| at + 1);
        let mut length = self.end.map_or(spoken, usize::from);
        // Who refuses to pass on is the hop that a shorter-lived packet died at.
        let by = |at: usize| self.hops.get(at).map(|hop| &hop.by);
        if !self.reached && length >= 2 && by(length - 1) == by(length - 2) {
            length -= 1;
        }
        (self.hops.iter().take(length).map(|hop| hop.by.clone()).collect(), self.reached)
    }

    /// Packets sent to a hop (from 1), and how many it answered.
    pub(super) fn counts(&self, hop: usize) -> (u32, u32) {
        self.hops.get(hop - 1).map_or((0, 0), |hop| (hop.sent, hop.answered))
    }

    /// Round-trip times to a hop (from 1), in seconds.
    pub(super) fn rtts(&self, hop: usize) -> Vec<f64> {
        self.hops.get(hop.saturating_sub(1)).map_or_else(Vec::new, |hop| hop.rtts.clone())
    }

    /// Packets sent to the target, lost of them, and not sent by our own fault. Where it did not answer, those to
    /// the farthest hop that was asked should have reached it.
    pub(super) fn target(&self) -> (u32, u32, u32) {
        let place = match self.end {
            Some(end) if self.reached => self.hops.get(usize::from(end) - 1),
            _ => self.hops.iter().rev().find(|hop| hop.sent > 0),
        };
        let sent = place.map_or(0, |hop| hop.sent);
        let lost = if self.reached { place.map_or(0, |hop| hop.sent.saturating_sub(hop.answered)) } else { sent };
        (sent, lost, self.invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Cause;

    fn answered(hop: u8, by: [u8; 4], what: Said) -> (u8, Option<(IpAddr, Said)>) {
        (hop, Some((IpAddr::from(by), what)))
    }

    /// Packets to hops and what came back, as hops and counts of the target.
    fn told(packets: Vec<(u8, Option<(IpAddr, Said)>)>) -> (String, bool, (u32, u32, u32)) {
        let pace = Pace { count: 3, max_hops: 8, wait: Duration::from_millis(1) };
        let mut trace = Trace::new(IpAddr::from([10, 0, 0, 9]), pace);
        for (token, (hop, answer)) in packets.into_iter().enumerate() {
            trace.asked.push(Asked { hop, answered: false });
            trace.hops[usize::from(hop) - 1].sent += 1;
            if let Some((by, what)) = answer {
                let answer = Answer { token: token as u32, by: Some(by), rtt: None, what };
                trace.take(answer.clone());
                trace.take(answer); // once more: it counts once
            }
        }
        let (hops, reached) = trace.hops();
        let words: Vec<String> = hops.iter().map(crate::probe::path::course::words).collect();
        (words.join(" "), reached, trace.target())
    }

    #[test]
    fn what_comes_back_makes_a_way() {
        let router = |hop, n| answered(hop, [10, 0, 0, n], Said::Exceeded);
        let target = |hop| answered(hop, [10, 0, 0, 9], Said::Arrived);
        let refusal = |hop| answered(hop, [10, 0, 0, 2], Said::Refused("host unreachable"));
        let nobody = |hop| (hop, None);
        let error = || Said::NotSent(NetError::new(Cause::Send, "no"));
        for (packets, wanted) in [
            (vec![router(1, 1), router(2, 2), target(3), target(4)], ("10.0.0.1 10.0.0.2 10.0.0.9", true, (1, 0, 0))),
            // The nearest place where the target answers is where it is, whatever comes first.
            (vec![target(4), target(3), router(1, 1), nobody(2)], ("10.0.0.1 * 10.0.0.9", true, (1, 0, 0))),
            (vec![router(1, 1), target(2), nobody(2), nobody(2)], ("10.0.0.1 10.0.0.9", true, (3, 2, 0))),
            (vec![router(1, 1), nobody(2), nobody(3)], ("10.0.0.1", false, (1, 1, 0))),
            (vec![router(1, 1), refusal(2), refusal(3)], ("10.0.0.1 10.0.0.2", false, (1, 1, 0))),
            (vec![router(1, 1), router(1, 3), nobody(2)], ("10.0.0.1|10.0.0.3", false, (1, 1, 0))),
            (vec![answered(1, [0; 4], error())], ("", false, (0, 0, 1))),
        ] {
            let (words, reached, counts) = told(packets.clone());
            assert_eq!((words.as_str(), reached, counts), wanted, "{packets:?}");
        }
    }
}
