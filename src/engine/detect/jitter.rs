//! `jitter`: neighbouring measurements differ too much, by a quantile of the differences: what telephony and video
//! buffer for. The smoothed mean of RFC 3550 forgives a line that is bad every fourth packet; a quantile does not.

use std::collections::VecDeque;

use super::{Detector, Heard, Settings, holds, quantile};
use crate::config::expr::Eval;
use crate::engine::rule::with_unit;
use crate::model::Purpose;

/// See the module.
#[derive(Debug)]
struct Jitter {
    of: usize,
    share: f64,
    raise_at: f64,
    clear_at: f64,
    before: Option<f64>,
    steps: VecDeque<f64>,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Jitter {
        of: settings.count("of") as usize,
        share: settings.number("share"),
        raise_at: settings.number("raise"),
        clear_at: settings.number("clear"),
        before: None,
        steps: VecDeque::new(),
    })
}

impl Jitter {
    fn push(&mut self, v: f64) {
        if let Some(before) = self.before.replace(v) {
            self.steps.push_back((v - before).abs());
        }
        if self.steps.len() > self.of {
            self.steps.pop_front();
        }
    }

    /// Nothing before the window is full.
    fn value(&self) -> Option<f64> {
        if self.steps.len() < self.of {
            return None;
        }
        quantile(&mut self.steps.iter().copied().collect::<Vec<_>>(), self.share)
    }
}

impl Detector for Jitter {
    fn take(&mut self, heard: &Heard<'_>) {
        if heard.purpose == Purpose::Measure {
            heard.measured.each(|v| self.push(v));
        }
    }

    fn raise(&self) -> Eval {
        self.value().map_or(Eval::Unknown, |v| holds(v > self.raise_at))
    }

    fn clear(&self) -> Eval {
        self.value().map_or(Eval::Unknown, |v| holds(v < self.clear_at))
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let jitter = self.value().map_or_else(|| "?".to_owned(), |v| with_unit("jitter_seconds", v));
        vec![("jitter".to_owned(), jitter), ("limit".to_owned(), with_unit("limit_seconds", self.raise_at))]
    }

    fn forget(&mut self) {
        self.before = None;
        self.steps.clear();
    }
}
