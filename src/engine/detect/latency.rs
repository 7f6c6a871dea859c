//! `latency`: the median of the last measurements is well above the object's own baseline. Medians all the way: one
//! slow packet in three moves nothing. It learns while nothing is wrong, and anew when a change of path explains what
//! it finds, or when what it finds has lasted for a day: the longer way is not an alarm for ever.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Detector, Heard, Settings, holds, quantile};
use crate::config::expr::Eval;
use crate::engine::rule::with_unit;
use crate::model::{Mono, Purpose};

/// Windows that make the baseline: an hour at one a second, so that a slow morning does not become the rule at noon
/// and a line that was moved is learnt within the day.
const BASELINE: usize = 180;

/// The middle of one window and how far its measurements are from it.
#[derive(Debug, Clone, Copy)]
struct Window {
    median: f64,
    mad: f64,
}

/// See the module.
#[derive(Debug)]
struct Latency {
    of: usize,
    windows: u32,
    mads: f64,
    factor: f64,
    floor: f64,
    learn: usize,
    accept: Duration,
    last: VecDeque<f64>,
    /// Measurements since the last window was looked at.
    fresh: usize,
    known: VecDeque<Window>,
    newest: Option<Window>,
    /// Windows in a row above the limit.
    high: u32,
    /// The last of them, and since when: after long enough they are what is usual.
    above: VecDeque<Window>,
    above_since: Option<Mono>,
    now: Mono,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Latency {
        of: settings.count("of") as usize,
        windows: settings.count("windows"),
        mads: settings.number("mads"),
        factor: settings.number("factor"),
        floor: settings.number("floor"),
        learn: settings.count("learn") as usize,
        accept: Duration::from_secs_f64(settings.number("accept")),
        last: VecDeque::new(),
        fresh: 0,
        known: VecDeque::new(),
        newest: None,
        high: 0,
        above: VecDeque::new(),
        above_since: None,
        now: Mono::default(),
    })
}

impl Latency {
    fn push(&mut self, v: f64) {
        self.last.push_back(v);
        self.fresh += 1;
        if self.last.len() > self.of {
            self.last.pop_front();
        }
        if self.last.len() == self.of && self.fresh >= self.of.div_ceil(3) {
            self.fresh = 0;
            self.look();
        }
    }

    /// A window is full.
    fn look(&mut self) {
        let mut numbers: Vec<f64> = self.last.iter().copied().collect();
        let Some(median) = quantile(&mut numbers, 0.5) else { return };
        numbers.iter_mut().for_each(|v| *v = (*v - median).abs());
        let mad = quantile(&mut numbers, 0.5).unwrap_or_default();
        let window = Window { median, mad };
        self.newest = Some(window);
        if self.limit().is_some_and(|limit| median > limit) {
            self.high = self.high.saturating_add(1);
            remember(&mut self.above, window);
            let since = *self.above_since.get_or_insert(self.now);
            if self.now.since(since) >= self.accept {
                self.known = std::mem::take(&mut self.above);
                self.is_usual();
            }
        } else {
            remember(&mut self.known, window);
            self.is_usual();
        }
    }

    fn is_usual(&mut self) {
        self.high = 0;
        self.above.clear();
        self.above_since = None;
    }

    fn baseline(&self) -> Option<Window> {
        if self.known.len() < self.learn {
            return None;
        }
        let of = |f: fn(&Window) -> f64| quantile(&mut self.known.iter().map(f).collect::<Vec<_>>(), 0.5);
        Some(Window { median: of(|w| w.median)?, mad: of(|w| w.mad)? })
    }

    /// Above which a median is high.
    fn limit(&self) -> Option<f64> {
        let Window { median, mad } = self.baseline()?;
        Some((median + self.mads * mad).max(median * self.factor).max(median + self.floor))
    }
}

/// One window more of those that make a baseline.
fn remember(windows: &mut VecDeque<Window>, window: Window) {
    windows.push_back(window);
    if windows.len() > BASELINE {
        windows.pop_front();
    }
}

impl Detector for Latency {
    fn take(&mut self, heard: &Heard<'_>) {
        self.now = heard.now;
        if heard.purpose == Purpose::Measure {
            heard.measured.each(|v| self.push(v));
        }
    }

    fn raise(&self) -> Eval {
        if self.known.len() < self.learn { Eval::Unknown } else { holds(self.high >= self.windows) }
    }

    fn clear(&self) -> Eval {
        // Learning anew, because something explains it, is no alarm either; after a restart it has yet to measure.
        if self.newest.is_none() { Eval::Unknown } else { holds(self.high == 0) }
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let shown = |v: Option<f64>| v.map_or_else(|| "?".to_owned(), |v| with_unit("rtt_seconds", v));
        vec![
            ("median".to_owned(), shown(self.newest.map(|w| w.median))),
            ("baseline".to_owned(), shown(self.baseline().map(|w| w.median))),
            ("limit".to_owned(), shown(self.limit())),
        ]
    }

    fn forget(&mut self) {
        self.known.clear();
        self.last.clear();
        self.fresh = 0;
        self.is_usual();
    }

    fn learnt(&self) -> Option<Vec<f64>> {
        self.baseline().map(|Window { median, mad }| vec![median, mad])
    }

    fn remember(&mut self, learnt: &[f64]) {
        if let [median, mad] = *learnt {
            self.known = std::iter::repeat_n(Window { median, mad }, self.learn).collect();
        }
    }
}
