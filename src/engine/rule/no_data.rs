//! When nothing valid comes from a probe: what fires is marked stale, and an alert of its own (problem
//! `no-data`, instance = the probe) says so. Time in which we slept ourselves does not count.

use std::time::Duration;

use crate::model::plan::RuleAt;
use crate::model::{Mono, Object, ProblemId};

use super::compile::{Compiled, Layout};
use super::machine::Raised;

/// The problem that all `no_data` of all rules raise.
pub const PROBLEM: &str = "no-data";

/// `no_data` of one rule on one feed.
#[derive(Debug, Clone)]
pub(super) struct NoData {
    pub(super) rule: u32,
    pub(super) intervals: u32,
    pub(super) count: u32,
    /// Silence before this was outside of working hours.
    pub(super) from: Mono,
    /// It was outside of them when last looked at.
    pub(super) closed: bool,
    pub(super) raised: Option<Box<Raised>>,
}

impl NoData {
    /// Those of all rules that read a feed of this object. Not at the console: there a silent agent is an incident of
    /// its own.
    pub(super) fn of(layout: &Layout, rules: &[Compiled], home: &Object) -> Vec<Self> {
        let mut all = Vec::new();
        for i in &layout.rules {
            let Some(rule) = rules.get(*i as usize) else { continue };
            if rule.def.no_data > 0 && rule.def.at == RuleAt::Agent && rule.homes.contains(home) {
                all.push(Self {
                    rule: *i,
                    intervals: rule.def.no_data,
                    count: 0,
                    from: Mono::default(),
                    closed: false,
                    raised: None,
                });
            }
        }
        all
    }

    /// When it is due, if the silence began at `from`.
    pub(super) fn deadline(&self, from: Mono, interval: Duration) -> Mono {
        from.max(self.from).plus(interval.saturating_mul(self.intervals))
    }
}

/// The problem as an id.
pub(super) fn problem() -> ProblemId {
    PROBLEM.parse().expect("it is written as a slug")
}
