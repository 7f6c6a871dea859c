//! Timers of many jobs, coarse and cheap: one entry a job, moved on when it turns out to be early.

use std::time::Duration;

use crate::model::time::Mono;

/// How exact a timer is. A retransmission that comes so much late harms nobody.
const TICK_MS: u64 = 10;
/// Places: what is due later than these ticks stands in the last and is put in anew from there.
const PLACES: u64 = 512;

/// What is due when. It knows jobs by number only.
#[derive(Debug)]
pub(super) struct Wheel {
    places: Vec<Vec<(u64, u32)>>,
    /// The last tick that was handed out.
    at: u64,
    count: usize,
}

impl Wheel {
    pub(super) fn new(now: Mono) -> Self {
        Self { places: vec![Vec::new(); PLACES as usize], at: tick_of(now), count: 0 }
    }

    /// The tick at which a job that is due then comes out.
    pub(super) fn tick(&self, due: Mono) -> u64 {
        (tick_of(due) + 1).clamp(self.at + 1, self.at + PLACES - 1)
    }

    /// Puts a job in, to come out at a tick that `tick` gave.
    pub(super) fn put(&mut self, job: u32, tick: u64) {
        if let Some(place) = self.places.get_mut((tick % PLACES) as usize) {
            place.push((tick, job));
            self.count += 1;
        }
    }

    /// The first tick that has something.
    pub(super) fn next(&self) -> Option<Mono> {
        if self.count == 0 {
            return None;
        }
        let full = |tick: &u64| self.places.get((*tick % PLACES) as usize).is_some_and(|place| !place.is_empty());
        let tick = (self.at + 1..self.at + PLACES).find(full)?;
        Some(Mono::from_origin(Duration::from_millis(tick.saturating_mul(TICK_MS))))
    }

    /// Moves what is due by `now` to `out`, each with its tick. True if time went on by a tick.
    pub(super) fn advance(&mut self, now: Mono, out: &mut Vec<(u64, u32)>) -> bool {
        let to = tick_of(now);
        let moved = to > self.at;
        // After a long pause every place is looked at once.
        for tick in self.at + 1..=to.min(self.at + PLACES) {
            if let Some(place) = self.places.get_mut((tick % PLACES) as usize) {
                self.count -= place.len();
                out.append(place);
            }
        }
        self.at = self.at.max(to);
        moved
    }
}

fn tick_of(at: Mono) -> u64 {
    u64::try_from(at.since_origin().as_millis()).unwrap_or(u64::MAX) / TICK_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_out_never_early_and_at_most_a_tick_late() {
        let start = Mono::from_origin(Duration::from_secs(3600));
        let mut wheel = Wheel::new(start);
        assert_eq!(wheel.next(), None);
        let dues = [0, 1, 9, 10, 11, 250, 2000, 5090];
        let ticks: Vec<u64> = dues.iter().map(|ms| wheel.tick(start.plus(Duration::from_millis(*ms)))).collect();
        ticks.iter().enumerate().for_each(|(job, tick)| wheel.put(job as u32, *tick));
        let mut came = Vec::new();
        while let Some(next) = wheel.next() {
            let mut out = Vec::new();
            wheel.advance(next, &mut out);
            for (tick, job) in out {
                assert_eq!(tick, ticks[job as usize]);
                let late = next.since(start.plus(Duration::from_millis(dues[job as usize])));
                assert!(late <= Duration::from_millis(TICK_MS), "{job} came {late:?} late");
                came.push(job);
            }
        }
        assert_eq!(came, [0, 1, 2, 3, 4, 5, 6, 7]);
        let early = wheel.tick(start.plus(Duration::from_secs(60)));
        wheel.put(9, early);
        assert!(
            early < tick_of(start.plus(Duration::from_secs(60))),
            "beyond the wheel it comes out early, to be put in anew"
        );
        let mut out = Vec::new();
        wheel.advance(start.plus(Duration::from_secs(3600)), &mut out);
        assert_eq!((out.len(), wheel.next()), (1, None));
    }
}
