//! When which task runs: on a fixed grid with a phase from the task's id, so that ten thousand tasks spread
//! evenly, never drift, and keep their places when a plan changes. It starts nothing itself, never asks
//! for two runs of one task at once, and never makes up for lost time with a burst.

mod limiter;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::plan::Task;
use crate::model::{Cause, Mono, Object};

pub use limiter::Limiter;

/// The most that one call of `due` hands out: a few milliseconds of work for the runner between two looks at
/// everything else it has to do.
pub const MAX_BATCH: usize = 1_024;
/// The shortest interval that is honoured; a plan with zero would never let go of the loop.
pub const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// A new task need not wait for its place on the grid longer than this: after a start something shows soon.
pub const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// So late, and later than its interval, a run says more about this machine than about the target.
pub const LATE: Duration = Duration::from_secs(1);
/// Extra runs waiting at one time: 100 times what a person asks for.
pub const MAX_EXTRAS: usize = 10_000;

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
    /// Extra runs refused by the limit, or dropped because a run was under way or they came too late.
    pub refused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    No,
    Planned,
    Extra,
}

#[derive(Debug)]
struct Slot {
    task: Arc<Task>,
    interval: Duration,
    phase: Duration,
    next: Mono,
    running: Running,
}

impl Slot {
    /// The first place on the grid after `t`.
    fn grid_after(&self, t: Mono) -> Mono {
        let (t, phase) = (t.since_origin(), self.phase);
        if t < phase {
            return Mono::from_origin(phase);
        }
        let passed = (t - phase).as_nanos() / self.interval.as_nanos();
        Mono::from_origin(phase.saturating_add(times(self.interval, passed.saturating_add(1))))
    }

    /// How many places on the grid lie in (`from`, `to`].
    fn places(&self, from: Mono, to: Mono) -> u64 {
        let first = self.grid_after(from);
        if first > to {
            return 0;
        }
        u64::try_from(to.since(first).as_nanos() / self.interval.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

fn times(interval: Duration, n: u128) -> Duration {
    Duration::from_nanos(u64::try_from(interval.as_nanos().saturating_mul(n)).unwrap_or(u64::MAX))
}

/// The scheduler.
#[derive(Debug, Default)]
pub struct Schedule {
    seed: u64,
    slots: Vec<Slot>,
    by_id: HashMap<Arc<str>, usize>,
    by_object: HashMap<Object, Vec<usize>>,
    /// One entry a slot.
    heap: BinaryHeap<Reverse<(Mono, usize)>>,
    extras: BinaryHeap<Reverse<(Mono, usize)>>,
    /// Tasks that left the plan while a run of theirs was under way.
    orphans: HashSet<Arc<str>>,
    limiter: Limiter,
    counts: Counts,
}

impl Schedule {
    /// An empty one. `seed` differs between agents, so that they do not beat in time on a shared target.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Makes these the tasks. Unchanged ones keep phase and running state; removed ones are forgotten.
    pub fn set(&mut self, tasks: &[Arc<Task>], now: Mono) {
        let extras: Vec<(Mono, Arc<str>)> = std::mem::take(&mut self.extras)
            .into_iter()
            .filter_map(|Reverse((at, i))| Some((at, self.slots.get(i)?.task.id.clone())))
            .collect();
        let mut old: HashMap<Arc<str>, Slot> =
            std::mem::take(&mut self.slots).into_iter().map(|slot| (slot.task.id.clone(), slot)).collect();
        (self.by_id, self.by_object, self.heap) = (HashMap::new(), HashMap::new(), BinaryHeap::new());
        for task in tasks {
            if self.by_id.contains_key(&task.id) {
                continue; // ids are unique in a plan; a second one would run twice
            }
            let slot = self.slot(task, old.remove(&task.id), now);
            let i = self.slots.len();
            self.by_id.insert(task.id.clone(), i);
            self.by_object.entry(task.object.clone()).or_default().push(i);
            self.heap.push(Reverse((slot.next, i)));
            self.slots.push(slot);
        }
        self.orphans.extend(old.into_values().filter(|s| s.running != Running::No).map(|s| s.task.id.clone()));
        self.extras = extras.into_iter().filter_map(|(at, id)| Some(Reverse((at, *self.by_id.get(&id)?)))).collect();
    }

    fn slot(&mut self, task: &Arc<Task>, old: Option<Slot>, now: Mono) -> Slot {
        let interval = task.interval().max(MIN_INTERVAL);
        let phase = phase(self.seed, &task.id, interval);
        let mut slot = Slot { task: task.clone(), interval, phase, next: now, running: Running::No };
        match old {
            Some(old) => {
                slot.running = old.running;
                slot.next = if old.interval == interval { old.next } else { slot.grid_after(now) };
            }
            None => {
                if self.orphans.remove(&task.id) {
                    slot.running = Running::Planned;
                }
                let on_grid = slot.grid_after(now);
                let early = now.plus(self::phase(self.seed, &task.id, interval.min(FIRST_WITHIN)));
                slot.next = if early.plus(task.timeout()) <= on_grid { early } else { on_grid };
            }
        }
        slot
    }

    /// What is due, at most a batch; call again at once while the answer is not empty.
    pub fn due(&mut self, now: Mono) -> Vec<Due> {
        let mut out = Vec::new();
        self.due_extras(now, &mut out);
        while out.len() < MAX_BATCH {
            let Some(Reverse((planned, i))) = self.heap.peek().copied().filter(|Reverse((at, _))| *at <= now) else {
                break;
            };
            self.heap.pop();
            let Some(slot) = self.slots.get_mut(i) else { continue };
            slot.next = slot.grid_after(now);
            self.heap.push(Reverse((slot.next, i)));
            out.extend(turn(slot, planned, now, &mut self.counts));
        }
        out
    }

    fn due_extras(&mut self, now: Mono, out: &mut Vec<Due>) {
        while out.len() < MAX_BATCH {
            let Some(Reverse((at, i))) = self.extras.peek().copied().filter(|Reverse((at, _))| *at <= now) else {
                break;
            };
            self.extras.pop();
            let Some(slot) = self.slots.get_mut(i) else { continue };
            let late_by = now.since(at);
            if slot.running != Running::No || late_by > LATE {
                self.counts.refused += 1;
                continue;
            }
            slot.running = Running::Extra;
            self.counts.runs += 1;
            out.push(Due {
                task: slot.task.clone(),
                planned: at,
                late_by,
                deadline: now.plus(slot.task.timeout()),
                action: Action::Run,
                slots: 1,
            });
        }
    }

    /// When to ask again; not after `now` if something is due already.
    pub fn next_wake(&self, _now: Mono) -> Option<Mono> {
        let next = |heap: &BinaryHeap<Reverse<(Mono, usize)>>| heap.peek().map(|Reverse((at, _))| *at);
        [next(&self.heap), next(&self.extras)].into_iter().flatten().min()
    }

    /// A run of this task began outside of `due`.
    pub fn started(&mut self, task: &str) {
        if let Some(slot) = self.by_id.get(task).and_then(|i| self.slots.get_mut(*i)) {
            slot.running = Running::Planned;
        }
    }

    /// The run ended, however it did.
    pub fn finished(&mut self, task: &str) {
        match self.by_id.get(task).and_then(|i| self.slots.get_mut(*i)) {
            Some(slot) => slot.running = Running::No,
            None => {
                self.orphans.remove(task);
            }
        }
    }

    /// Asks for `count` extra runs of all tasks of an object (and, of an interface, of its asset), or of those of a kind
    /// alone; answers how many the limit allows.
    pub fn probe_now(
        &mut self,
        object: &Object,
        kind: Option<&str>,
        count: u32,
        spacing: Duration,
        now: Mono,
    ) -> u32 {
        let owner = match object {
            Object::Interface { asset, .. } => Some(Object::Asset(asset.clone())),
            _ => None,
        };
        let tasks: Vec<usize> = [Some(object), owner.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|o| self.by_object.get(o))
            .flatten()
            .copied()
            .filter(|i| kind.is_none_or(|kind| self.slots.get(*i).is_some_and(|slot| *slot.task.kind == *kind)))
            .collect();
        if tasks.is_empty() {
            return 0;
        }
        let allowed = self.limiter.allow(owner.as_ref().unwrap_or(object), count, now);
        self.counts.refused += u64::from(count.saturating_sub(allowed));
        let spacing = limiter::spacing(spacing);
        for k in 0..allowed {
            for i in &tasks {
                if self.extras.len() >= MAX_EXTRAS {
                    self.counts.refused += 1;
                    continue;
                }
                self.extras.push(Reverse((now.plus(times(spacing, u128::from(k))), *i)));
            }
        }
        allowed
    }

    /// Counts since start.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many tasks there are.
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// A task's turn on the grid: run it, skip it, or (while an extra run is under way) neither.
fn turn(slot: &mut Slot, planned: Mono, now: Mono, counts: &mut Counts) -> Option<Due> {
    let missed = slot.places(planned, now);
    let slots = missed.saturating_add(1);
    let late_by = now.since(planned);
    let timeout = slot.task.timeout();
    let mut due = Due {
        task: slot.task.clone(),
        planned,
        late_by,
        deadline: planned.plus(timeout),
        action: Action::Skip(Cause::Late),
        slots,
    };
    if late_by > slot.interval.max(LATE) {
        counts.late = counts.late.saturating_add(slots);
        return Some(due);
    }
    match slot.running {
        Running::Planned => {
            counts.overrun = counts.overrun.saturating_add(slots);
            due.action = Action::Skip(Cause::Overrun);
            Some(due)
        }
        Running::Extra => None, // it looks at the very same thing just now
        Running::No => {
            counts.late = counts.late.saturating_add(missed);
            counts.runs += 1;
            slot.running = Running::Planned;
            due.action = Action::Run;
            if missed > 0 {
                due.planned = slot.grid_after(planned).plus(times(slot.interval, u128::from(missed - 1)));
                due.late_by = now.since(due.planned);
                due.deadline = due.planned.plus(timeout);
            }
            // A run must not fail because we began it late: then the full time counts from now.
            if due.late_by * 2 > timeout {
                due.deadline = now.plus(timeout);
            }
            Some(due)
        }
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

#[cfg(test)]
mod tests;
