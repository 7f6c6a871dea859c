//! A run that has no answer when one is usual is followed by a burst: this carries out what `engine::confirm` says
//! and tells its verdict at once, out of turn, because it is worth a second. A burst is no run: its packets stand in
//! no score.

use std::net::SocketAddr;

use super::{BURST_FROM, PACKET_BITS, Pacer, Todo, Watched};
use crate::codec::icmp::Version;
use crate::engine::confirm::{Step, Verdict};
use crate::model::Outcome;
use crate::model::observation::Cause;
use crate::model::time::{Mono, Wall};
use crate::net::error::NetError;
use crate::net::icmp::{Event, Request};
use crate::probe::burst;
use crate::probe::icmp::SPEC;

/// Bursts at one time: with a thousand of them ten thousand packets a second leave beside the planned ones. When more
/// targets fall silent at once, the rest are found by their lost runs.
const MAX_BURSTS: usize = 1_000;

/// A burst under way.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) number: u32,
    began: Wall,
    from: Mono,
    to: SocketAddr,
    pub(super) said: Option<NetError>,
}

impl Watched {
    /// When a run that begins now and has no answer is in doubt: after its last packet, and the patience for it.
    pub(super) fn in_doubt_at(&self, now: Mono) -> Mono {
        let last = self.wants.spacing.saturating_mul(self.wants.count.saturating_sub(1));
        now.plus(last).plus(self.confirm.patience(self.wants.timeout))
    }
}

impl Pacer {
    /// A run has no answer though one is due.
    pub(super) fn doubt(&mut self, slot: usize, number: u32, now: Mono) {
        if self.bursts >= MAX_BURSTS {
            return;
        }
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let Some(flight) = watched.flights.iter().find(|f| f.number == number && f.done.is_none()) else { return };
        let silent = flight.score.answered == 0 && flight.score.invalid == 0;
        let (began, from, to) = (flight.began, flight.start, flight.to);
        let Some(to) = to.filter(|_| silent && flight.planned) else { return };
        if !watched.confirm.doubt(watched.wants.burst, watched.wants.timeout) {
            return;
        }
        watched.burst = Some(Burst { number, began, from, to, said: flight.score.said.clone() });
        self.bursts += 1;
        self.burst(slot, number, now, now);
    }

    /// Goes on with a burst, where that was due at `due`.
    pub(super) fn burst(&mut self, slot: usize, number: u32, due: Mono, now: Mono) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let Some(burst) = watched.burst.as_ref().filter(|burst| burst.number == number) else { return };
        let (to, from) = (burst.to, burst.from);
        match watched.confirm.step(due, now) {
            Some(Step::Send(packet, next)) => {
                let wants = &watched.wants;
                match (self.ours.route(&wants.way, now), &mut watched.burst) {
                    (Ok(route), _) => self.requests.push(Request {
                        to,
                        size: wants.size,
                        route,
                        whole: wants.whole,
                        deadline: now.plus(wants.timeout),
                        token: (slot as u64) << 32 | u64::from(number << PACKET_BITS | (BURST_FROM + packet)),
                    }),
                    (Err(error), burst) => {
                        watched.confirm.not_sent();
                        burst.iter_mut().for_each(|burst| burst.said = Some(error.clone()));
                    }
                }
                self.calendar.put(next, self.tick, Todo::Burst(slot, number));
            }
            Some(Step::Wait(next)) => self.calendar.put(next, self.tick, Todo::Burst(slot, number)),
            Some(Step::Over(verdict)) => {
                let overflowed = self.pinger.overflowed(Version::of(to.ip()), from);
                self.tell_burst(slot, &verdict, overflowed, now);
            }
            None => {}
        }
    }

    fn tell_burst(&mut self, slot: usize, verdict: &Verdict, overflowed: bool, now: Mono) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let Some(burst) = watched.burst.take() else { return };
        self.bursts -= 1;
        let took = now.since(burst.from);
        let said = burst.said.as_ref();
        let mut run = burst::report(&SPEC.schema, &watched.task, &burst.to.ip(), verdict, said, took);
        if overflowed && run.outcome == Outcome::Failed {
            // The next lost run asks again.
            run = burst::void(run);
            watched.confirm.unsettled();
        }
        self.out.push((watched.task.clone(), burst.began, run));
    }

    /// What became of a packet of a burst.
    pub(super) fn take_burst_event(&mut self, slot: usize, number: u32, event: Event) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let current = watched.burst.as_mut().filter(|burst| burst.number == number);
        match (event, current) {
            (Event::Reply { rtt, .. }, Some(_)) => watched.confirm.burst_answered(rtt),
            (Event::Reply { rtt, .. }, None) => watched.confirm.answered(rtt),
            (Event::Unreachable { why, by, .. }, Some(burst)) => {
                let by = by.map(|by| format!(", says {by}")).unwrap_or_default();
                burst.said =
                    Some(NetError::new(Cause::Unreachable, format!("{}: {}{by}", burst.to.ip(), why.words())));
            }
            (Event::NotSent { error, .. }, Some(burst)) => {
                if error.outcome() == Outcome::Invalid {
                    watched.confirm.not_sent();
                }
                burst.said = Some(error);
            }
            (Event::Duplicate { .. } | Event::Unreachable { .. } | Event::NotSent { .. }, _) => {}
        }
    }
}
