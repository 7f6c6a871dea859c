//! Which tasks there are, and when each begins: at its own phase in its interval.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::{NUMBERS, Pacer, Todo, Watched};
use crate::codec::icmp::Version;
use crate::engine::confirm::Confirm;
use crate::engine::detour::Detour;
use crate::model::Object;
use crate::model::observation::Tally;
use crate::model::plan::Task;
use crate::model::time::Mono;
use crate::probe::icmp::pace::place::Place;
use crate::probe::icmp::{MAX_INTERVAL, Wants};

impl Watched {
    pub(super) fn unfinished(&self) -> usize {
        self.flights.iter().filter(|flight| flight.done.is_none()).count()
    }
}

impl Pacer {
    /// Takes over a new list of tasks; those that stay as they are keep phase, address and unfinished runs. What was sent to
    /// another target, or otherwise, is told no more: neither as a run of the new one nor as late.
    pub(super) fn plan(&mut self, tasks: &[Arc<Task>]) {
        let mut gone: HashMap<Arc<str>, usize> = std::mem::take(&mut self.by_id);
        for task in tasks {
            match gone.remove(&task.id) {
                Some(slot) => {
                    self.by_id.insert(task.id.clone(), slot);
                    self.renew(slot, task);
                }
                None => {
                    let slot = self.add(task, true);
                    self.schedule(slot);
                }
            }
        }
        for slot in gone.into_values() {
            self.remove(slot);
        }
        self.apart = self.slots.iter().flatten().map(|w| w.wants.apart()).min().unwrap_or(MAX_INTERVAL);
        // Now rather than at the first packet: what is lacking shows at once, and the kernel needs some
        // milliseconds until it stamps what comes in.
        let now = self.cx.clock.mono();
        for version in [Version::V4, Version::V6] {
            let wanted = |w: &Watched| w.place.address.is_some_and(|a| Version::of(a.ip()) == version);
            if self.slots.iter().flatten().any(wanted) {
                // Said in `limits`; the runs that need it say it too.
                let _ = self.open(version, now);
            }
        }
    }

    fn renew(&mut self, slot: usize, task: &Arc<Task>) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let interval = watched.wants.interval;
        watched.wants = Wants::of(task);
        let next = self.numbers.wrapping_add(1) & NUMBERS;
        if watched.task.target != task.target || watched.task.settings != task.settings {
            watched.place = Place::of(task);
            watched.confirm = Confirm::default();
            watched.detour = watched.detour.map(|_| Detour::default());
            self.bursts -= usize::from(watched.burst.take().is_some());
            self.waiting -= watched.unfinished();
            watched.flights.clear();
            (watched.carry, watched.before, watched.since) = (Tally::default(), None, next);
        }
        watched.task = task.clone();
        if !watched.kept || watched.wants.interval != interval {
            watched.kept = true;
            self.schedule(slot);
        }
    }

    pub(super) fn add(&mut self, task: &Arc<Task>, kept: bool) -> usize {
        let slot = self.free.pop_first().unwrap_or(self.slots.len());
        let watched = Watched {
            task: task.clone(),
            wants: Wants::of(task),
            generation: 0,
            planned: Mono::default(),
            place: Place::of(task),
            flights: VecDeque::new(),
            confirm: Confirm::default(),
            detour: matches!(task.object, Object::Link(_)).then(Detour::default),
            burst: None,
            carry: Tally::default(),
            newest: None,
            before: None,
            since: self.numbers.wrapping_add(1) & NUMBERS,
            kept,
        };
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(watched),
            None => self.slots.push(Some(watched)),
        }
        self.generations = self.generations.wrapping_add(1);
        if let Some(Some(watched)) = self.slots.get_mut(slot) {
            watched.generation = self.generations;
        }
        self.by_id.insert(task.id.clone(), slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: usize) {
        if let Some(watched) = self.slots.get_mut(slot).and_then(Option::take) {
            self.free.insert(slot);
            self.waiting -= watched.unfinished();
            self.bursts -= usize::from(watched.burst.is_some());
        }
    }

    /// Puts the first run of a slot on the calendar, at its task's phase.
    fn schedule(&mut self, slot: usize) {
        self.generations = self.generations.wrapping_add(1);
        let now = self.cx.clock.mono();
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        watched.generation = self.generations;
        watched.planned = first_after(now, watched.wants.interval, &watched.task.id);
        self.calendar.put(watched.planned, self.tick, Todo::Begin(slot, watched.generation));
    }
}

/// The first time after `now` that has this task's phase: a hash of its id, spread over the interval.
fn first_after(now: Mono, interval: Duration, id: &str) -> Mono {
    // FNV-1a: stable over restarts and builds, unlike std's hashers.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let length = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let phase = hash % length;
    let at = u64::try_from(now.since_origin().as_nanos()).unwrap_or(u64::MAX);
    let ahead = (phase + length - at % length) % length;
    now.plus(Duration::from_nanos(ahead))
}
