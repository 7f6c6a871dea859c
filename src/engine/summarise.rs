//! What leaves the agent: one summary a series and window, never single measurements; texts and states as
//! facts, when they change and once a day.

use std::time::Duration;

use crate::model::wire::{Facts, Samples};
use crate::model::{Now, Observation};

/// Collects observations into windows.
#[derive(Debug, Default)]
pub struct Summariser {}

impl Summariser {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
    /// Takes an observation of a task with windows of length `keep`; answers the facts that changed.
    pub fn push(&mut self, _seen: &Observation, _keep: Duration, _now: Now) -> Vec<Facts> {
        Vec::new()
    }
    /// The windows that have ended.
    pub fn flush(&mut self, _now: Now) -> Vec<Samples> {
        Vec::new()
    }
    /// All windows, ended or not: before the process ends.
    pub fn flush_all(&mut self, _now: Now) -> Vec<Samples> {
        Vec::new()
    }
}
