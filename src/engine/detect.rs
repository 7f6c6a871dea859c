//! Judgements that no expression can make, because they remember: one file a detector and the table of them. A
//! detector says what holds; `for`, `clear_for`, flapping and folding are the rule engine's, as with expressions.

mod burn; // how fast the monthly SLA is used up
mod jitter; // neighbouring measurements differ too much
mod latency; // a median above the object's own baseline
mod loss; // so many of the last packets
mod reach; // nobody answers

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::expr::Eval;
use crate::model::detector::{DetectorSpec, detector};
use crate::model::observation::Cause;
use crate::model::{Mono, Outcome, Purpose, Summary, Tally};

/// What a detector is told of one run, or of one summary window at the console.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// Now.
    pub now: Mono,
    /// When the run began.
    pub began: Mono,
    /// What for.
    pub purpose: Purpose,
    /// How it ended; never `Invalid`.
    pub outcome: Outcome,
    /// Its packets.
    pub tally: Tally,
    /// Runs answered and failed: one run, or those of a window.
    pub runs: [u32; 2],
    /// The field it reads.
    pub measured: Measured<'a>,
    /// Whether nothing of it is held against the object: it was within maintenance, or while the rule's calendar was
    /// closed; only the console tells.
    pub planned: bool,
    /// Why it failed.
    pub why: Option<&'a (Cause, Option<Arc<str>>)>,
}

/// Measurements of one field.
#[derive(Debug, Clone, Copy)]
pub enum Measured<'a> {
    /// Not measured.
    Nothing,
    /// A value.
    One(f64),
    /// Several, in order.
    Many(&'a [f64]),
    /// Those of a window.
    Summary(&'a Summary),
}

impl Measured<'_> {
    /// Calls back for each measurement; a summary gives its median, or its mean.
    pub(super) fn each(self, mut take: impl FnMut(f64)) {
        match self {
            Self::Nothing => {}
            Self::One(v) => take(v),
            Self::Many(many) => many.iter().for_each(|v| take(*v)),
            Self::Summary(s) => take(s.histogram.as_ref().and_then(|h| h.quantile(0.5)).unwrap_or_else(|| s.mean())),
        }
    }
}

/// A judgement in the making, of one rule on one row.
pub trait Detector: fmt::Debug + Send + Sync {
    /// Takes what came.
    fn take(&mut self, heard: &Heard<'_>);
    /// Whether it is to be raised.
    fn raise(&self) -> Eval;
    /// Whether it may clear; asked only while it is raised.
    fn clear(&self) -> Eval;
    /// What it judges by, for a person.
    fn evidence(&self) -> Vec<(String, String)>;
    /// What it learnt holds no more: the path has changed, or this agent saw nothing at all for a while.
    fn forget(&mut self);
    /// What it learnt that took long, for after a restart: a few numbers, or nothing.
    fn learnt(&self) -> Option<Vec<f64>> {
        None
    }
    /// Takes back what `learnt` told before a restart.
    fn remember(&mut self, _learnt: &[f64]) {}
    /// Whether it judges reachability, so well that it is a witness of what the agent itself sees.
    fn of_reach(&self) -> bool {
        false
    }
    /// Since when nobody answers, of one that judges reachability.
    fn silent_since(&self) -> Option<Mono> {
        None
    }
}

/// Makes a detector with these settings.
pub type Make = fn(&Settings<'_>) -> Box<dyn Detector>;

/// All detectors: those of `model::detector`, with what makes them.
const TABLE: &[(&str, Make)] = &[
    ("reach", reach::make),
    ("loss", loss::make),
    ("latency", latency::make),
    ("jitter", jitter::make),
    ("burn", burn::make),
];

/// The maker of a detector and what it declares.
pub fn find(name: &str) -> Option<(&'static DetectorSpec, Make)> {
    let (_, make) = TABLE.iter().find(|(known, _)| *known == name)?;
    Some((detector(name)?, *make))
}

/// Settings of a detector for one case.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    spec: &'static DetectorSpec,
    given: &'a BTreeMap<String, f64>,
}

impl<'a> Settings<'a> {
    /// Of a case's parameters.
    pub const fn new(spec: &'static DetectorSpec, given: &'a BTreeMap<String, f64>) -> Self {
        Self { spec, given }
    }

    /// A number: as given, within its bounds, else the default.
    fn number(&self, name: &str) -> f64 {
        let declared = self.spec.settings.iter().find(|s| s.name == name);
        debug_assert!(declared.is_some(), "{} declares no setting {name}", self.spec.name);
        let Some(declared) = declared else { return 0.0 };
        let (least, most) = declared.bounds;
        self.given.get(name).copied().filter(|v| v.is_finite()).unwrap_or(declared.default).clamp(least, most)
    }

    /// A whole number.
    fn count(&self, name: &str) -> u32 {
        self.number(name).round() as u32
    }
}

/// True, or false.
const fn holds(yes: bool) -> Eval {
    if yes { Eval::True } else { Eval::False }
}

/// The `q` quantile of some numbers, which are put in disorder; nothing if there are none.
fn quantile(numbers: &mut [f64], q: f64) -> Option<f64> {
    let rank = ((q * numbers.len() as f64).ceil().max(1.0) as usize).min(numbers.len()).checked_sub(1)?;
    let (_, v, _) = numbers.select_nth_unstable_by(rank, f64::total_cmp);
    Some(*v)
}

#[cfg(test)]
mod tests;
