//! What observations make: alerts. One state machine a (rule, object, instance): inactive, pending, firing,
//! recovering. Missing data never changes a state; only data does. See `docs/rules-engine.md`.
//!
//! Where two probes feed one rule on one object, each has a machine of its own: the alert is raised by the
//! first that fires and cleared with the last.

mod blind;
mod compile;
mod evidence;
mod feed;
mod hours;
mod learnt;
mod lookup;
mod machine;
mod no_data;
mod reload;
mod report;
mod saved;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::maintenance::Planned;
use crate::engine::sight::Sight;
use crate::model::field::{Catalog, TargetNeed};
use crate::model::plan::{Attribute, PlanObject, PlanRule, RuleAt, Task};
use crate::model::wire::{RosterEntry, Samples};
use crate::model::{AgentId, Alert, Mono, Now, Object, Observation, Outcome, ProbeId, Purpose};

use compile::{Compiled, Layout, home};
use feed::Feed;
use hours::OpenHours;
use lookup::Look;
use machine::By;
use report::{Place, Turned};

pub use blind::PROBLEM as PROBE_FAULT;
pub(crate) use evidence::with_unit;
pub use no_data::PROBLEM as NO_DATA;
pub use saved::Saved;

/// Judgements of one feed are at least this far apart: one a second, less what timers are rounded by.
pub const GAP: Duration = Duration::from_millis(900);
/// Timers are rounded up to this, so that a thousand feeds do not wake us a thousand times a second.
pub const GRAIN: Duration = Duration::from_millis(100);
/// Woken so late we have slept or been starved ourselves: silence until now is not held against anyone.
pub const LATE: Duration = Duration::from_secs(1);
/// Summary windows that ended so long ago are history and judge nothing.
pub const HISTORY: Duration = Duration::from_secs(600);
/// Probes of one object that rules may read; an object has a handful.
pub const MAX_FEEDS: usize = 64;
/// Rows that nobody has seen for so long are let go; what fires on them expires.
pub const ROW_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How often a feed looks for such rows.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Interval of a feed that no task names.
const UNKNOWN_INTERVAL: Duration = Duration::from_secs(60);

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "an effect lives until it is carried out, a few lines later")]
pub enum Effect {
    /// Send this alert; keep (or, if its body is null, forget) its state in the same transaction.
    Alert {
        /// The record.
        alert: Alert,
        /// Its state.
        saved: Saved,
    },
    /// Keep state without sending anything.
    Save(Saved),
    /// Forget state without sending anything.
    Forget(String),
    /// Look again, soon: a judgement waits for fresh data.
    ProbeNow {
        /// At what.
        object: Object,
        /// By probes of this kind alone; by all of them if it says none.
        kind: Option<Arc<str>>,
        /// How often.
        count: u32,
        /// How far apart.
        spacing: Duration,
        /// Why, for the log.
        reason: String,
    },
}

/// An object with all that is told about it.
#[derive(Debug)]
struct Home {
    object: Object,
    attributes: Arc<BTreeMap<String, Attribute>>,
    feeds: Vec<Feed>,
}

/// All rules of a plan with their states.
#[derive(Debug, Default)]
pub struct Rules {
    specs: Catalog,
    rules: Vec<Compiled>,
    homes: Vec<Home>,
    by_object: HashMap<Object, usize>,
    layouts: HashMap<(ProbeId, Arc<str>, bool), Arc<Layout>>,
    /// One live entry a feed: the one it has in `queued`.
    timers: BinaryHeap<Reverse<(Mono, usize, usize)>>,
    /// Effects of `new`, which has no place to give them.
    waiting: Vec<Effect>,
    /// Whether the agent itself sees anything, and the alert that says that it does not.
    sight: Sight,
    blind: Option<blind::Blind>,
    hours: OpenHours,
    planned: Vec<Planned>,
    /// Silence before this counts for nothing.
    grace: Mono,
    /// When we asked to be woken.
    expected: Option<Mono>,
    dropped: u64,
}

impl Rules {
    /// Compiles the rules and takes back the states of the last run. Rules that do not compile are left out and
    /// named in the answer. Withdrawals of saved alerts that have lost their rule come out of the first call of
    /// `observe` or `tick`.
    pub fn new(
        rules: &[PlanRule],
        objects: &[PlanObject],
        tasks: &[Task],
        specs: Catalog,
        saved: Vec<Saved>,
        now: Now,
    ) -> (Self, Vec<String>) {
        let (mut all, problems) = Self::build(rules, objects, tasks, specs, now.mono);
        for saved in saved {
            all.restore(saved, now);
        }
        for h in 0..all.homes.len() {
            for f in 0..all.homes[h].feeds.len() {
                all.queue(h, f, now.mono);
            }
        }
        all.expect();
        (all, problems)
    }

    fn build(
        rules: &[PlanRule],
        objects: &[PlanObject],
        tasks: &[Task],
        specs: Catalog,
        now: Mono,
    ) -> (Self, Vec<String>) {
        let mut all = Self { specs, grace: now, ..Self::default() };
        let mut problems = Vec::new();
        // Those on what is heard are `engine::heard`'s.
        for rule in rules.iter().filter(|rule| rule.hears.is_none()) {
            match Compiled::new(rule, specs) {
                Ok(rule) => all.rules.push(rule),
                Err(problem) => problems.push(problem),
            }
        }
        let attributes: HashMap<&Object, &PlanObject> = objects.iter().map(|o| (&o.object, o)).collect();
        let homes: std::collections::BTreeSet<Object> =
            all.rules.iter().flat_map(|r| r.homes.iter().cloned()).collect();
        for object in homes {
            let attributes = attributes.get(&object).map(|o| o.attributes.clone()).unwrap_or_default();
            all.by_object.insert(object.clone(), all.homes.len());
            all.homes.push(Home { object, attributes: Arc::new(attributes), feeds: Vec::new() });
        }
        for task in tasks {
            let key = (&task.probe, &task.instance);
            if let Some((h, f)) = all.feed(None, key, &task.kind, &task.object, task.interval(), now) {
                all.homes[h].feeds[f].calendar = task.calendar.clone();
            }
        }
        all.sight = Sight::of(all.homes.iter().filter(|home| home.feeds.iter().any(Feed::of_reach)).count());
        (all, problems)
    }

    /// The feed of a probe on an object, made if some rule could read it.
    fn feed(
        &mut self,
        agent: Option<&AgentId>,
        (probe, instance): (&ProbeId, &Arc<str>),
        kind: &str,
        object: &Object,
        interval: Duration,
        now: Mono,
    ) -> Option<(usize, usize)> {
        let h = *self.by_object.get(object)?;
        let home = self.homes.get_mut(h)?;
        let same = |f: &Feed| f.agent.as_ref() == agent && f.probe == *probe && f.instance == *instance;
        if let Some(f) = home.feeds.iter().position(same) {
            return Some((h, f));
        }
        if home.feeds.len() >= MAX_FEEDS {
            self.dropped += 1;
            return None;
        }
        let (kind, rules) = (Arc::<str>::from(kind), &self.rules);
        let at = if agent.is_some() { RuleAt::Console } else { RuleAt::Agent };
        let layout = self
            .layouts
            .entry((probe.clone(), kind.clone(), agent.is_some()))
            .or_insert_with(|| Arc::new(Layout::new(rules, probe, &kind, at)))
            .clone();
        let mut feed = Feed::new(
            agent.cloned(),
            (probe.clone(), instance.clone(), kind),
            layout,
            &home.object,
            rules,
            interval,
            now,
        );
        let spec = self.specs.iter().find(|spec| spec.name == &*feed.kind);
        feed.far = spec.is_some_and(|spec| matches!(spec.target, TargetNeed::Address | TargetNeed::Url));
        home.feeds.push(feed);
        Some((h, home.feeds.len() - 1))
    }

    /// Takes an observation of an agent's own probe.
    pub fn observe(&mut self, seen: &Observation, now: Now) -> Vec<Effect> {
        let mut out = self.begin(now.mono);
        if seen.outcome != Outcome::Invalid {
            let kind = &seen.schema.kind;
            let found =
                self.feed(None, (&seen.probe, &seen.instance), kind, &seen.object, UNKNOWN_INTERVAL, now.mono);
            if let Some((h, f)) = found {
                self.look_around(seen, (h, f), now, &mut out);
                self.hear(seen, h, f, now, &mut out);
            }
        }
        self.expect();
        out
    }

    fn hear(&mut self, seen: &Observation, h: usize, f: usize, now: Now, out: &mut Vec<Effect>) {
        let feed = &mut self.homes[h].feeds[f];
        if feed.deaf() {
            return;
        }
        match seen.purpose {
            Purpose::Measure => {
                self.dropped += feed.take(&self.rules, seen, now);
                self.after_data(h, f, now, out);
                self.keep_learnt(h, f, false, out);
            }
            // Worth a second, and rare: it does not wait for its turn.
            Purpose::Confirm => {
                feed.detect(seen, now);
                self.judge(h, f, now, By::Data, out);
                self.queue(h, f, now.mono);
            }
        }
    }

    /// Tells the maintenance about now, for rules at the console; what was told before is forgotten.
    pub fn set_planned(&mut self, planned: Vec<Planned>) {
        self.planned = planned;
    }

    /// Takes a summary window of an agent, for rules at the console. Its summaries are entries of windows, its
    /// newest values the newest values.
    pub fn observe_samples(&mut self, agent: &AgentId, samples: &Samples, now: Now) -> Vec<Effect> {
        let mut out = self.begin(now.mono);
        if now.wall.since(samples.to) <= HISTORY {
            let interval = samples.to.since(samples.from).max(GRAIN);
            let mut touched = Vec::new();
            let whole: Arc<str> = Arc::from("");
            for row in &samples.rows {
                let home = home(&row.object);
                // Only rows of targets count runs; rows of their parts belong to the target without instance.
                let of = if row.runs == [0; 4] { &whole } else { &row.instance };
                let found = self.feed(Some(agent), (&samples.probe, of), &samples.kind, &home, interval, now.mono);
                let Some((h, f)) = found.filter(|(h, f)| !self.homes[*h].feeds[*f].deaf()) else { continue };
                let feed = &mut self.homes[h].feeds[f];
                feed.interval = interval;
                let work = self.planned.iter().any(|work| work.touches(&row.object, samples.from, samples.to));
                let (rules, hours, middle) = (&self.rules, &mut self.hours, samples.from.plus(interval / 2));
                let mut planned = |rule: u32| {
                    let rule = rules.get(rule as usize);
                    let calendar = rule.and_then(|rule| rule.calendar(rule.case_of(&home)?));
                    work || hours.closed(calendar, middle)
                };
                self.dropped += feed.take_samples(rules, row, &mut planned, &home, now.mono);
                if touched.last() != Some(&(h, f)) {
                    touched.push((h, f));
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for (h, f) in touched {
                self.after_data(h, f, now, &mut out);
            }
        }
        self.expect();
        out
    }

    /// Timers: `for`, `clear_for`, `no_data`, and judgements put off by the limit of one a second.
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let mut out = self.begin(now.mono);
        while let Some(Reverse((at, h, f))) = self.timers.peek().copied().filter(|Reverse((at, ..))| *at <= now.mono)
        {
            self.timers.pop();
            let Some(feed) = self.homes.get_mut(h).and_then(|home| home.feeds.get_mut(f)) else { continue };
            if feed.queued != Some(at) {
                continue; // a shorter one took its place
            }
            feed.queued = None;
            let put_off = feed.dirty && feed.judged.is_none_or(|at| now.mono.since(at) >= GAP);
            let rules = &self.rules;
            let timed = feed.rows.iter().flat_map(|row| &row.machines).any(|m| {
                let rule = &rules[m.rule as usize];
                m.deadline(rule.hold(), rule.clear_hold()).is_some_and(|at| at <= now.mono)
            });
            if put_off {
                self.judge(h, f, now, By::Data, &mut out);
            } else if timed && feed.fresh(now.mono) {
                self.judge(h, f, now, By::Timer, &mut out);
            }
            self.look_for_silence(h, f, now, &mut out);
            self.queue(h, f, now.mono);
        }
        self.look_again(now, &mut out);
        self.expect();
        out
    }

    /// Every alert that is firing.
    pub fn roster(&self) -> Vec<RosterEntry> {
        let mut all = Vec::new();
        self.each_shown(|key, rule| {
            all.push(RosterEntry { problem: key.problem, object: key.object, instance: key.instance, rule });
        });
        all.extend(self.blind_entry());
        all.sort();
        all
    }

    /// When `tick` has something to do.
    pub fn next_wake(&self) -> Option<Mono> {
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        [timer, self.sight.due()].into_iter().flatten().min()
    }

    /// Rows and values that found no place, since start: too many, or about objects that are not the probe's.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Starts every call: effects still owed, and whether we have slept.
    fn begin(&mut self, now: Mono) -> Vec<Effect> {
        if self.expected.is_some_and(|at| now.since(at) > LATE) {
            self.grace = now;
        }
        std::mem::take(&mut self.waiting)
    }

    /// Ends every call.
    fn expect(&mut self) {
        self.expected = self.next_wake();
    }

    fn after_data(&mut self, h: usize, f: usize, now: Now, out: &mut Vec<Effect>) {
        self.end_silence(h, f, now, out);
        let feed = &mut self.homes[h].feeds[f];
        if feed.judged.is_none_or(|at| now.mono.since(at) >= GAP) {
            self.judge(h, f, now, By::Data, out);
        } else {
            feed.dirty = true;
        }
        let feed = &self.homes[h].feeds[f];
        if now.mono.since(feed.swept) >= SWEEP_EVERY {
            self.sweep(h, f, now, out);
        }
        self.queue(h, f, now.mono);
    }

    /// Judges all rows of a feed by all its rules.
    fn judge(&mut self, h: usize, f: usize, now: Now, by: By, out: &mut Vec<Effect>) {
        let sees = self.sees((h, f), now, out);
        let home = &mut self.homes[h];
        let feed = &mut home.feeds[f];
        (feed.judged, feed.dirty) = (Some(now.mono), false);
        let mut turned = Vec::new(); // stays empty, hence unallocated, nearly always
        for r in 0..feed.rows.len() {
            let mut machines = std::mem::take(&mut feed.rows[r].machines);
            for (machine, m) in machines.iter_mut().zip(0usize..) {
                let rule = &self.rules[machine.rule as usize];
                let look = Look {
                    rule,
                    index: machine.rule,
                    case: machine.case,
                    attributes: &home.attributes,
                    feed,
                    row: &feed.rows[r],
                    closed: self.hours.closed(rule.calendar(machine.case), now.wall),
                    now: now.mono,
                    sees,
                };
                let (change, turn) = machine.judge(&look, rule.holds(), now.mono, by);
                let turned_now = Turned { change, turn, fresh: by == By::Data };
                if turned_now.matters(machine) {
                    turned.push((Place { h, f, r, m }, turned_now));
                }
            }
            feed.rows[r].machines = machines;
        }
        for (place, turned) in turned {
            self.report(place, turned, now, out);
        }
    }

    /// Sets the feed's timer, unless an earlier one is set; that one will set it again.
    fn queue(&mut self, h: usize, f: usize, now: Mono) {
        let feed = &mut self.homes[h].feeds[f];
        let put_off = feed.dirty.then(|| feed.judged.unwrap_or(now).plus(GAP));
        let silent_from = feed.last.unwrap_or(feed.started).max(feed.started).max(self.grace);
        let silences =
            feed.no_data.iter().filter(|n| n.raised.is_none()).map(|n| n.deadline(silent_from, feed.interval)).min();
        let rules = &self.rules;
        let timed = feed
            .rows
            .iter()
            .flat_map(|row| &row.machines)
            .filter_map(|m| {
                let rule = &rules[m.rule as usize];
                m.deadline(rule.hold(), rule.clear_hold())
            })
            .filter(|at| *at > now) // one that has passed unmoved waits for data, not for time
            .min();
        let Some(at) = [put_off, silences, timed].into_iter().flatten().min().map(rounded) else { return };
        if feed.queued.is_none_or(|queued| at < queued) {
            feed.queued = Some(at);
            self.timers.push(Reverse((at, h, f)));
        }
    }
}

/// Up to the next grain.
fn rounded(at: Mono) -> Mono {
    let (ns, grain) = (at.since_origin().as_nanos(), GRAIN.as_nanos());
    let up = ns.div_ceil(grain) * grain;
    Mono::from_origin(Duration::from_nanos(u64::try_from(up).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
