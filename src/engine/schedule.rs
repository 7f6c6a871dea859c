//! When which task runs: on a fixed grid with a phase from the task's id, so that ten thousand tasks spread
//! evenly, never drift, and keep their places when a plan changes. It starts nothing itself, never asks
//! for two runs of one task at once, and never makes up for lost time with a burst.

use std::sync::Arc;
use std::time::Duration;

use crate::model::plan::Task;
use crate::model::{Cause, Mono, Object};

/// What to do about a task that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Run it, and give up at the deadline.
    Run,
    /// Do not run it; make an `invalid` observation of this cause (`overrun` or `late`) instead.
    Skip(Cause),
}

/// A task whose time has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The task; marked as running from now on if `action` is `Run`, until `finished`.
    pub task: Arc<Task>,
    /// Its place on the grid.
    pub planned: Mono,
    /// How long ago that was.
    pub late_by: Duration,
    /// When the run is to be given up.
    pub deadline: Mono,
    /// What to do.
    pub action: Action,
    /// Slots this one stands for: more than 1 after a pause, when the ones before were dropped.
    pub slots: u64,
}

/// Counts since start, for `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Runs started.
    pub runs: u64,
    /// Slots skipped because the run before had not ended.
    pub overrun: u64,
    /// Slots skipped because we woke too late.
    pub late: u64,
    /// Runs asked for by `probe_now` and refused by its limit, or dropped because one was running.
    pub refused: u64,
}

/// The scheduler.
#[derive(Debug, Default)]
pub struct Schedule {
    seed: u64,
    counts: Counts,
}

impl Schedule {
    /// An empty one. `seed` differs between agents, so that they do not beat in time on a shared target.
    pub fn new(seed: u64) -> Self {
        Self { seed, counts: Counts::default() }
    }
    /// Makes these the tasks. Unchanged ones keep phase and running state; removed ones are forgotten.
    pub fn set(&mut self, _tasks: &[Arc<Task>], _now: Mono) {}
    /// What is due, at most a batch; call again at once while the answer is not empty.
    pub fn due(&mut self, _now: Mono) -> Vec<Due> {
        Vec::new()
    }
    /// When to ask again; not after `now` if something is due already.
    pub fn next_wake(&self, _now: Mono) -> Option<Mono> {
        None
    }
    /// A run of this task began outside of `due`.
    pub fn started(&mut self, _task: &str) {}
    /// The run ended, however it did.
    pub fn finished(&mut self, _task: &str) {}
    /// Asks for `count` extra runs of all tasks of an object; answers how many the limit allows.
    pub fn probe_now(&mut self, _object: &Object, _count: u32, _spacing: Duration, _now: Mono) -> u32 {
        0
    }
    /// Counts since start.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}

/// The phase of a task within its interval: the same for the same seed, id and interval, always.
pub fn phase(seed: u64, id: &str, interval: Duration) -> Duration {
    // FNV-1a, then splitmix64's finish, so that near ids fall far apart.
    let mut h =
        id.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^= h >> 31;
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(h % nanos)
}
