//! What one probe of one object has told so far: newest values, windows, counts, and the machines of the
//! rules that read it. One row a (table, object, instance); row 0 is the target itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::expr::Eval;
use crate::engine::detect::{Detector, Heard, Measured};
use crate::engine::window::Ring;
use crate::model::observation::Cause;
use crate::model::wire::SampleRow;
use crate::model::{
    AgentId, CalendarId, Mono, Now, Object, Observation, Outcome, ProbeId, Purpose, Summary, Tally, Value,
};

use super::compile::{Compiled, Layout, Series, What};
use super::machine::Machine;
use super::no_data::NoData;

/// Rows of one feed: a chassis with 4,000 interfaces is the largest there is here. More are dropped and counted.
pub(super) const MAX_ROWS: usize = 4_096;
/// Values this many intervals old say nothing about now.
const FRESH_INTERVALS: u32 = 3;

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) table: usize,
    pub(super) object: Object,
    pub(super) instance: Arc<str>,
    pub(super) values: Vec<Value>,
    pub(super) rings: Vec<(Series, Ring)>,
    pub(super) machines: Vec<Machine>,
    /// Of the rules that a detector judges; only the target itself has any.
    pub(super) detectors: Vec<Held>,
    /// When its values were measured.
    pub(super) seen: Option<Mono>,
    /// In which observation.
    turn: u64,
}

/// A detector at its place.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) rule: u32,
    slot: Option<usize>,
    pub(super) detector: Box<dyn Detector>,
    /// What it learnt is kept for after a restart.
    pub(super) kept: bool,
}

/// One probe of one object, as one agent sees it.
#[derive(Debug)]
pub(super) struct Feed {
    /// Whose probe; `None` on the agent itself.
    pub(super) agent: Option<AgentId>,
    pub(super) probe: ProbeId,
    /// Of the task, usually empty.
    pub(super) instance: Arc<str>,
    pub(super) kind: Arc<str>,
    /// It looks over the network, not at the agent's own host.
    pub(super) far: bool,
    pub(super) layout: Arc<Layout>,
    pub(super) interval: Duration,
    /// While which is open its probe runs.
    pub(super) calendar: Option<CalendarId>,
    pub(super) fails: u32,
    pub(super) up: Option<f64>,
    pub(super) duration: Option<f64>,
    /// Why the last run failed, if it did.
    pub(super) trouble: Option<(Cause, Option<Arc<str>>)>,
    /// The last valid run.
    pub(super) last: Option<Mono>,
    pub(super) started: Mono,
    pub(super) judged: Option<Mono>,
    /// Data came that has not been judged.
    pub(super) dirty: bool,
    pub(super) rows: Vec<Row>,
    index: HashMap<(usize, Object, Arc<str>), usize>,
    pub(super) no_data: Vec<NoData>,
    /// Its entry in the heap of timers.
    pub(super) queued: Option<Mono>,
    pub(super) swept: Mono,
    turn: u64,
}

impl Feed {
    pub(super) fn new(
        agent: Option<AgentId>,
        (probe, instance, kind): (ProbeId, Arc<str>, Arc<str>),
        layout: Arc<Layout>,
        home: &Object,
        rules: &[Compiled],
        interval: Duration,
        now: Mono,
    ) -> Self {
        let no_data = NoData::of(&layout, rules, home);
        let mut feed = Self {
            agent,
            probe,
            instance: instance.clone(),
            kind,
            far: false,
            layout,
            interval,
            calendar: None,
            fails: 0,
            up: None,
            duration: None,
            trouble: None,
            last: None,
            started: now,
            judged: None,
            dirty: false,
            rows: Vec::new(),
            index: HashMap::new(),
            no_data,
            queued: None,
            swept: now,
            turn: 0,
        };
        feed.row(rules, 0, home, &instance, home);
        feed
    }

    /// What a silence of it is named by.
    pub(super) fn silent_instance(&self) -> Arc<str> {
        match &*self.instance {
            "" => Arc::from(self.probe.as_str()),
            instance => Arc::from(format!("{}/{instance}", self.probe)),
        }
    }

    /// Whether a detector judges if anybody answers.
    pub(super) fn of_reach(&self) -> bool {
        self.rows.first().is_some_and(|target| target.detectors.iter().any(|held| held.detector.of_reach()))
    }

    /// Since when nobody answers, by the detector that wants to say so.
    pub(super) fn silent_since(&self) -> Option<Mono> {
        let detectors = self.rows.first().map_or(&[][..], |target| &target.detectors);
        let silent = |held: &Held| held.detector.silent_since().filter(|_| held.detector.raise() == Eval::True);
        detectors.iter().filter_map(silent).min()
    }

    /// What its detectors learnt holds no more, of those of which `which` is true. Answers the rules of those of which
    /// it was kept.
    pub(super) fn forget(&mut self, which: impl Fn(&Held) -> bool) -> Vec<u32> {
        let detectors = self.rows.first_mut().map_or(&mut [][..], |target| &mut target.detectors);
        let mut kept = Vec::new();
        for held in detectors.iter_mut().filter(|held| which(held)) {
            held.detector.forget();
            if std::mem::take(&mut held.kept) {
                kept.push(held.rule);
            }
        }
        kept
    }

    /// Nothing ever listens to it.
    pub(super) fn deaf(&self) -> bool {
        self.layout.rules.is_empty()
    }

    /// Finds a row, or makes it with the machines of the rules that apply to it. `None` if it is not for us.
    pub(super) fn row(
        &mut self,
        rules: &[Compiled],
        table: usize,
        object: &Object,
        instance: &Arc<str>,
        home: &Object,
    ) -> Option<usize> {
        let key = (table, object.clone(), instance.clone());
        if let Some(i) = self.index.get(&key) {
            return Some(*i);
        }
        if self.rows.len() >= MAX_ROWS || !self.layout.fits(table, home, object) {
            return None;
        }
        let width = self.layout.width(table)?;
        let machines: Vec<Machine> = self
            .layout
            .rules
            .iter()
            .filter_map(|i| {
                let rule = rules.get(*i as usize).filter(|rule| rule.table == table)?;
                Some(Machine { rule: *i, case: rule.case_of(object)?, ..Machine::default() })
            })
            .collect();
        let rings = self
            .layout
            .series
            .iter()
            .filter(|(series, _)| series.table == table)
            .map(|(series, asked)| (*series, Ring::new(series.span, *asked)))
            .collect();
        let detectors = if self.rows.is_empty() {
            let held = |m: &Machine| {
                let (detector, slot) = rules.get(m.rule as usize)?.detector(m.case)?;
                Some(Held { rule: m.rule, slot, detector, kept: false })
            };
            machines.iter().filter_map(held).collect()
        } else {
            Vec::new()
        };
        let values = vec![Value::Null; width];
        let i = self.rows.len();
        self.index.insert(key, i);
        self.rows.push(Row {
            table,
            object: object.clone(),
            instance: instance.clone(),
            values,
            rings,
            machines,
            detectors,
            seen: None,
            turn: 0,
        });
        Some(i)
    }

    /// Takes a valid observation; answers how many of its rows found no place.
    pub(super) fn take(&mut self, rules: &[Compiled], seen: &Observation, at: Now) -> u64 {
        let now = at.mono;
        let ok = seen.outcome != Outcome::Failed;
        self.turn += 1;
        self.heard(ok, if ok { 0 } else { self.fails.saturating_add(1) }, now);
        self.duration = Some(seen.took.as_secs_f64());
        self.trouble = (!ok).then(|| (seen.cause.unwrap_or(Cause::Internal), seen.detail.clone()));
        let mut dropped = 0;
        for (row, guess) in seen.rows.iter().zip(0usize..) {
            // Rows come in the same order each time, so the guess nearly always holds.
            let known = [guess, guess + 1].into_iter().find(|i| {
                self.rows
                    .get(*i)
                    .is_some_and(|r| r.table == row.table && r.object == row.object && r.instance == row.instance)
            });
            let place = known.or_else(|| self.row(rules, row.table, &row.object, &row.instance, &seen.object));
            match place.and_then(|i| self.rows.get_mut(i)) {
                Some(mine) if mine.values.len() == row.values.len() => mine.take(&row.values, now, self.turn),
                _ => dropped += 1,
            }
        }
        for row in self.rows.iter_mut().filter(|row| row.turn != self.turn) {
            row.values.fill(Value::Null);
        }
        self.push_implicit(now);
        self.detect(seen, at);
        dropped
    }

    /// Tells the detectors of a run; of a burst nobody else hears.
    pub(super) fn detect(&mut self, seen: &Observation, now: Now) {
        let Some(target) = self.rows.first_mut().filter(|row| !row.detectors.is_empty()) else { return };
        let answered = seen.outcome != Outcome::Failed;
        let why = (!answered).then(|| (seen.cause.unwrap_or(Cause::Internal), seen.detail.clone()));
        let values = seen.rows.iter().find(|row| row.table == 0 && row.object == target.object);
        for held in &mut target.detectors {
            let value = held.slot.and_then(|slot| values?.values.get(slot));
            let measured = match value {
                Some(Value::Many(many)) => Measured::Many(many),
                Some(value) => value.number().map_or(Measured::Nothing, Measured::One),
                None => Measured::Nothing,
            };
            held.detector.take(&Heard {
                now: now.mono,
                began: began(seen, now),
                purpose: seen.purpose,
                outcome: seen.outcome,
                tally: seen.tally,
                runs: [u32::from(answered), u32::from(!answered)],
                measured,
                planned: false,
                why: why.as_ref(),
            });
        }
    }

    /// Tells the detectors of a summary window.
    fn detect_samples(&mut self, row: &SampleRow, planned: &mut dyn FnMut(u32) -> bool, now: Mono) {
        let [ok, degraded, failed, _] = row.runs;
        let answered = ok.saturating_add(degraded);
        let spec = self.layout.spec;
        let Some(target) = self.rows.first_mut().filter(|target| target.object == row.object) else { return };
        let [sent, lost, late, duplicate, invalid] = row.packets;
        for held in &mut target.detectors {
            let name = held.slot.and_then(|slot| spec?.schema.tables.first()?.fields.get(slot)).map(|f| &*f.name);
            let measured = name.and_then(|name| row.fields.get(name));
            held.detector.take(&Heard {
                now,
                began: now,
                purpose: Purpose::Measure,
                outcome: if answered > 0 { Outcome::Ok } else { Outcome::Failed },
                tally: Tally { sent, lost, late, duplicate, invalid },
                runs: [answered, failed],
                measured: measured.map_or(Measured::Nothing, |body| Measured::Summary(&body.0)),
                planned: planned(held.rule),
                why: self.trouble.as_ref(),
            });
        }
    }

    /// Takes one row of a summary window; `planned` tells of a rule whether it holds that against nobody. Answers how many
    /// values found no place.
    pub(super) fn take_samples(
        &mut self,
        rules: &[Compiled],
        row: &SampleRow,
        planned: &mut dyn FnMut(u32) -> bool,
        home: &Object,
        now: Mono,
    ) -> u64 {
        let [ok, degraded, failed, _] = row.runs;
        let answered = ok.saturating_add(degraded);
        if answered > 0 || failed > 0 {
            let fails = if answered > 0 { 0 } else { self.fails.saturating_add(failed) };
            self.heard(answered > 0, fails, now);
            self.trouble = (answered == 0)
                .then(|| row.causes.keys().find_map(|word| Cause::parse(word)).map(|cause| (cause, None)))
                .flatten();
            if answered == 0 {
                self.rows.iter_mut().for_each(|row| row.values.fill(Value::Null));
            }
        }
        let mut dropped = 0;
        let mut implicit = false;
        for (name, body) in &row.fields {
            match name.as_str() {
                "up" => implicit |= self.window(What::Up, &body.0, now),
                "duration_seconds" => {
                    self.duration = Some(body.0.last);
                    implicit |= self.window(What::Duration, &body.0, now);
                }
                _ => {
                    let place = self.layout.spec.and_then(|spec| spec.schema.find(name)).map(|(t, s, _)| (t, s));
                    let Some((table, slot)) = place else { continue };
                    let mine = self.row(rules, table, &row.object, &row.instance, home);
                    match mine.and_then(|i| self.rows.get_mut(i)) {
                        Some(mine) => mine.take_summary(slot, &body.0, now),
                        None => dropped += 1,
                    }
                }
            }
        }
        if implicit || failed > 0 {
            self.window(What::Fails, &Summary::one(f64::from(self.fails)), now);
        }
        if answered > 0 || failed > 0 {
            self.detect_samples(row, planned, now);
        }
        dropped
    }

    fn heard(&mut self, ok: bool, fails: u32, now: Mono) {
        self.fails = fails;
        self.up = Some(f64::from(u8::from(ok)));
        self.last = Some(now);
    }

    fn push_implicit(&mut self, now: Mono) {
        let (up, fails, duration) = (self.up, Some(f64::from(self.fails)), self.duration);
        let Some(target) = self.rows.first_mut() else { return };
        for (series, ring) in &mut target.rings {
            let v = match series.what {
                What::Up => up,
                What::Fails => fails,
                What::Duration => duration,
                What::Slot(_) => None,
            };
            if let Some(v) = v {
                ring.push(now, v);
            }
        }
    }

    fn window(&mut self, what: What, summary: &Summary, now: Mono) -> bool {
        if let Some(target) = self.rows.first_mut() {
            target.rings.iter_mut().filter(|(s, _)| s.what == what).for_each(|(_, r)| r.push_summary(now, summary));
        }
        true
    }

    /// How long a value holds.
    pub(super) fn fresh_for(&self) -> Duration {
        self.interval.saturating_mul(FRESH_INTERVALS).max(Duration::from_secs(3))
    }

    /// Whether there is something to judge by.
    pub(super) fn fresh(&self, now: Mono) -> bool {
        self.last.is_some_and(|last| now.since(last) <= self.fresh_for())
    }

    /// Lets go of rows that nobody has seen since `before`, except the target.
    pub(super) fn sweep(&mut self, before: Mono) {
        let mut first = true;
        self.rows.retain(|row| std::mem::take(&mut first) || row.seen.is_none_or(|seen| seen >= before));
        self.index = self
            .rows
            .iter()
            .enumerate()
            .map(|(i, row)| ((row.table, row.object.clone(), row.instance.clone()), i))
            .collect();
    }
}

/// When a run began, on the clock that intervals are measured with.
pub(super) fn began(seen: &Observation, now: Now) -> Mono {
    now.mono.minus(now.wall.since(seen.at))
}

impl Row {
    fn take(&mut self, values: &[Value], now: Mono, turn: u64) {
        (self.seen, self.turn) = (Some(now), turn);
        self.values.clone_from_slice(values);
        for (series, ring) in &mut self.rings {
            let What::Slot(slot) = series.what else { continue };
            match values.get(slot) {
                Some(Value::Many(many)) if many.len() > 1 => {
                    if let Some(summary) = Summary::many(many) {
                        ring.push_summary(now, &summary);
                    }
                }
                Some(value) => {
                    if let Some(v) = value.number() {
                        ring.push(now, v);
                    }
                }
                None => {}
            }
        }
    }

    fn take_summary(&mut self, slot: usize, summary: &Summary, now: Mono) {
        self.seen = Some(now);
        if let Some(value) = self.values.get_mut(slot) {
            *value = Value::gauge(summary.last);
        }
        for (series, ring) in &mut self.rings {
            if series.what == What::Slot(slot) {
                ring.push_summary(now, summary);
            }
        }
    }
}
