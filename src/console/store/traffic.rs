//! What went through a port in the last hour, minute by minute, in memory: pages show it for every port of a
//! device, and reading the journal for each would take seconds on a large network. Counters become rates the
//! way `web/src/chart.ts` does it: growth over time, and a counter that fell was reset and says nothing for
//! that step. After a restart the hour fills again; the charts read the journal.

use std::collections::VecDeque;

use crate::model::Wall;

/// Minutes that are kept. A port takes 16 bytes a minute, so 1 KB in all; ports are bounded by the cache's series.
pub const MINUTES: usize = 60;
const MINUTE_MS: i64 = 60_000;
/// Two readings further apart say nothing of the minutes between: longer than the longest sensible interval.
const MAX_STEP_MS: i64 = 15 * MINUTE_MS;

/// See above.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    last: Option<Reading>,
    minutes: VecDeque<Minute>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: i64,
    received: f64,
    sent: f64,
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    /// Since 1970.
    number: i32,
    /// Milliseconds that its readings cover.
    covered: u32,
    received: f32,
    sent: f32,
}

/// Bits a second through a port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The minute it ends in.
    pub at: Wall,
    /// Received.
    pub received_bps: f64,
    /// Sent.
    pub sent_bps: f64,
}

impl Traffic {
    /// Takes the counters of octets as they stood at that time.
    pub(super) fn take(&mut self, at: Wall, received: f64, sent: f64) {
        let now = Reading { at: at.millis(), received, sent };
        let Some(before) = self.last.replace(now) else { return };
        let step = now.at.saturating_sub(before.at);
        let (received, sent) = (now.received - before.received, now.sent - before.sent);
        if step <= 0 || step > MAX_STEP_MS || received < 0.0 || sent < 0.0 {
            return;
        }
        let number = i32::try_from(now.at.div_euclid(MINUTE_MS)).unwrap_or(i32::MAX);
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        match self.minutes.back_mut().filter(|minute| minute.number == number) {
            Some(minute) => {
                minute.covered = minute.covered.saturating_add(step);
                minute.received += received as f32;
                minute.sent += sent as f32;
            }
            None => {
                if self.minutes.len() == MINUTES {
                    self.minutes.pop_front();
                }
                self.minutes.push_back(Minute {
                    number,
                    covered: step,
                    received: received as f32,
                    sent: sent as f32,
                });
            }
        }
    }

    /// The rates of the last hour, oldest first; a minute without readings is not there.
    pub fn rates(&self, now: Wall) -> impl Iterator<Item = Rate> + '_ {
        let first = now.millis().div_euclid(MINUTE_MS) - MINUTES as i64;
        self.minutes.iter().filter(move |minute| i64::from(minute.number) > first).map(|minute| {
            let rate = |octets: f32| f64::from(octets) * 8_000.0 / f64::from(minute.covered.max(1));
            Rate {
                at: Wall::from_millis(i64::from(minute.number) * MINUTE_MS),
                received_bps: rate(minute.received),
                sent_bps: rate(minute.sent),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Wall {
        Wall::from_millis(1_800_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn counters_become_rates_and_a_reset_says_nothing_for_its_step() {
        let mut traffic = Traffic::default();
        for (seconds, received, sent) in [
            (0, 1_000.0, 0.0),
            (30, 4_750.0, 7_500.0),
            (60, 8_500.0, 15_000.0),
            (90, 100.0, 15_000.0),
            (120, 3_850.0, 15_000.0),
        ] {
            traffic.take(at(seconds), received, sent);
        }
        let rates: Vec<(f64, f64)> = traffic.rates(at(120)).map(|r| (r.received_bps, r.sent_bps)).collect();
        assert_eq!(rates, [(1_000.0, 2_000.0), (1_000.0, 2_000.0), (1_000.0, 0.0)]);
    }

    #[test]
    fn it_holds_an_hour_and_no_more() {
        let mut traffic = Traffic::default();
        for minute in 0..500 {
            traffic.take(at(minute * 60), minute as f64 * 60.0, 0.0);
        }
        assert_eq!(traffic.minutes.len(), MINUTES);
        assert_eq!(traffic.rates(at(499 * 60)).count(), MINUTES);
        assert_eq!(traffic.rates(at(529 * 60)).count(), MINUTES - 30);
        // A silence is a hole, not a slow hour.
        traffic.take(at(2_000 * 60), 1e9, 0.0);
        assert_eq!(traffic.rates(at(2_000 * 60)).count(), 0);
    }
}
