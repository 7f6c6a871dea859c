//! `burn`: what the SLA allows a month is used up too fast: twice at once, over a long and a short time, so that it is
//! raised soon and ends soon (the burn rates of the SRE workbook). For the SLA only: as the one judgement of a line it
//! would flap thousands of times a year. What fails in maintenance was agreed upon, and outside the hours of the rule's
//! calendar nothing was promised: both count as answered.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Detector, Heard, Settings, holds};
use crate::config::expr::Eval;
use crate::engine::rule::with_unit;
use crate::model::{Mono, Purpose};

/// The long and the short time of both burn rates.
const FAST: [Duration; 2] = [Duration::from_secs(3_600), Duration::from_secs(300)];
/// See `FAST`.
const SLOW: [Duration; 2] = [Duration::from_secs(6 * 3_600), Duration::from_secs(1_800)];
/// Counts are kept by the minute: six hours are 360 of them.
const MINUTE: Duration = Duration::from_secs(60);

/// Runs within one minute.
#[derive(Debug, Clone, Copy)]
struct Minute {
    at: Mono,
    answered: u64,
    failed: u64,
}

/// See the module.
#[derive(Debug)]
struct Burn {
    target: f64,
    fast: f64,
    slow: f64,
    least: u64,
    minutes: VecDeque<Minute>,
    now: Mono,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Burn {
        target: settings.number("target"),
        fast: settings.number("fast"),
        slow: settings.number("slow"),
        least: u64::from(settings.count("least")),
        minutes: VecDeque::new(),
        now: Mono::default(),
    })
}

impl Burn {
    /// How many times as fast as allowed, and failures, over the last so long. Time from before it began to watch
    /// counts as good: ten lost runs in its first minute are no ruined month.
    fn rate(&self, over: Duration) -> (f64, u64) {
        let oldest = self.now.minus(over);
        let recent = self.minutes.iter().rev().take_while(|m| m.at >= oldest);
        let (mut all, mut bad, mut from) = (0, 0, self.now);
        for minute in recent {
            all += minute.answered + minute.failed;
            bad += minute.failed;
            from = minute.at;
        }
        let watched = self.now.since(from).max(MINUTE).as_secs_f64();
        let expected = all as f64 * (over.as_secs_f64() / watched).max(1.0);
        let ratio = if all == 0 { 0.0 } else { bad as f64 / expected };
        (ratio / (1.0 - self.target), bad)
    }

    fn burns(&self, [long, short]: [Duration; 2], above: f64) -> bool {
        let ((long, failed), (short, _)) = (self.rate(long), self.rate(short));
        long > above && short > above && failed >= self.least
    }
}

impl Detector for Burn {
    fn take(&mut self, heard: &Heard<'_>) {
        if heard.purpose != Purpose::Measure {
            return;
        }
        self.now = heard.now;
        let [answered, failed] = heard.runs.map(u64::from);
        let [answered, failed] = if heard.planned { [answered + failed, 0] } else { [answered, failed] };
        match self.minutes.back_mut().filter(|m| heard.now.since(m.at) < MINUTE) {
            Some(minute) => {
                minute.answered += answered;
                minute.failed += failed;
            }
            None => self.minutes.push_back(Minute { at: heard.now, answered, failed }),
        }
        let oldest = heard.now.minus(SLOW[0]);
        while self.minutes.front().is_some_and(|m| m.at < oldest) {
            self.minutes.pop_front();
        }
    }

    fn raise(&self) -> Eval {
        if self.minutes.is_empty() {
            return Eval::Unknown;
        }
        holds(self.burns(FAST, self.fast) || self.burns(SLOW, self.slow))
    }

    fn clear(&self) -> Eval {
        // Until a short time is full again nothing says that it has ended.
        let full = self.minutes.front().is_some_and(|m| self.now.since(m.at) >= SLOW[1]);
        if full { holds(self.rate(SLOW[1]).0 < self.slow / 2.0) } else { Eval::Unknown }
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let (rate, failed) = self.rate(FAST[0]);
        let (slow, _) = self.rate(SLOW[0]);
        let all = [("burn_1h", rate), ("burn_6h", slow), ("failed_1h", failed as f64), ("target", self.target)];
        all.into_iter().map(|(name, v)| (name.to_owned(), with_unit(name, v))).collect()
    }

    fn forget(&mut self) {}
}
