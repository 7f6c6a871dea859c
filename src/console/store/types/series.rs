//! What is asked of series and what they answer: points, how they are spread, what a period came to.

use crate::engine::availability::Availability;
use crate::model::{AgentId, Object, ProbeId, Wall};

/// Which series. What is left out merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesKey {
    /// Object.
    pub object: Object,
    /// Field.
    pub field: String,
    /// Instance; empty for the whole.
    pub instance: String,
    /// One agent only.
    pub agent: Option<AgentId>,
    /// One probe only.
    pub probe: Option<ProbeId>,
}

/// A point of a series: one summary window, or several merged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Start of the window.
    pub t: Wall,
    /// Measurements.
    pub n: u64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Newest.
    pub last: f64,
    /// How they are spread, for fields of type histogram.
    pub quantiles: Option<Quantiles>,
}

/// How the measurements of a step are spread; each within 1.6 % of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// 5 % are below.
    pub p5: f64,
    /// 25 % are below.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// 75 % are below.
    pub p75: f64,
    /// 95 % are below.
    pub p95: f64,
    /// 99 % are below.
    pub p99: f64,
}

/// A step of a smoke chart: how measurements are spread, and what was lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoke {
    /// Begin of the step.
    pub from: Wall,
    /// Its end.
    pub to: Wall,
    /// What was measured; nothing if nothing was.
    pub values: Option<Point>,
    /// Packets sent.
    pub sent: u64,
    /// Of them without answer.
    pub lost: u64,
    /// Runs that were answered, at least partly.
    pub answered: u64,
    /// Runs that were not.
    pub failed: u64,
}

/// What an object's runs came to over a period.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reckoned {
    /// Begin of the period.
    pub from: Wall,
    /// Its end.
    pub to: Wall,
    /// The probe that says whether it was there: of the best kind the one that looked most often; nothing if none did.
    pub probe: Option<ProbeId>,
    /// Runs, and who was responsible for those that failed.
    pub availability: Availability,
    /// Packets sent, outside maintenance.
    pub sent: u64,
    /// Of them without answer.
    pub lost: u64,
    /// How the round trip was spread, outside maintenance.
    pub rtt: Option<Quantiles>,
    /// How its variation from packet to packet was: the jitter.
    pub variation: Option<Quantiles>,
}
