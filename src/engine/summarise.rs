//! What leaves the agent: one summary a series and window, never single measurements; texts and states as
//! facts, when they change and once a day. States go both ways: their position as a number, their name as a fact.
//!
//! A probe's windows lie on a fixed grid with a phase from its id, so that not all of them end at once.

mod facts;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::schedule::phase;
use crate::model::wire::{Facts, MAX_SAMPLE_ROWS, SampleRow, Samples, SummaryBody};
use crate::model::{
    Cause, Histogram, KindSchema, Mono, Now, Object, Observation, Outcome, ProbeId, Purpose, Summary, Tally, Value,
    Wall,
};

/// Series rows held at a time: fifty of each of a thousand devices. More are dropped and counted.
pub const MAX_ROWS: usize = 50_000;
/// The shortest window; a plan with zero would make a record of every run.
pub const MIN_KEEP: Duration = Duration::from_secs(1);

/// Collects observations into windows.
#[derive(Debug, Default)]
pub struct Summariser {
    windows: HashMap<ProbeId, Window>,
    facts: facts::Known,
    rows: usize,
    dropped: u64,
    /// Windows that ended when an observation of the next one came before `flush`.
    ended: Vec<Samples>,
}

/// The window of one probe that is being filled.
#[derive(Debug)]
struct Window {
    schema: Arc<KindSchema>,
    from: Wall,
    keep: Duration,
    ends: Mono,
    rows: Vec<Row>,
    index: HashMap<(Object, Arc<str>), usize>,
}

/// What is summed up of one object and instance.
#[derive(Debug)]
struct Row {
    object: Object,
    instance: Arc<str>,
    runs: [u32; 4],
    tally: Tally,
    causes: BTreeMap<Cause, u32>,
    up: Option<Summary>,
    duration: Option<Summary>,
    /// By table and slot; few, so a list.
    fields: Vec<(usize, usize, Summary)>,
}

impl Summariser {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an observation of a task with windows of length `keep`; answers the facts that changed.
    pub fn push(&mut self, seen: &Observation, keep: Duration, now: Now) -> Vec<Facts> {
        let keep = keep.max(MIN_KEEP);
        if let Some(window) = self.windows.get(&seen.probe)
            && (now.mono >= window.ends || window.keep != keep || !same_schema(&window.schema, &seen.schema))
        {
            self.end(&seen.probe.clone());
        }
        let window = self.windows.entry(seen.probe.clone()).or_insert_with(|| Window::new(seen, keep, now));
        let mut rows = self.rows;
        self.dropped += window.take(seen, &mut rows);
        self.rows = rows;
        self.facts.push(seen, now)
    }

    /// The windows that have ended.
    pub fn flush(&mut self, now: Now) -> Vec<Samples> {
        let due: Vec<ProbeId> =
            self.windows.iter().filter(|(_, w)| now.mono >= w.ends).map(|(probe, _)| probe.clone()).collect();
        due.iter().for_each(|probe| self.end(probe));
        self.facts.sweep(now.mono);
        std::mem::take(&mut self.ended)
    }

    /// All windows, ended or not: before the process ends.
    pub fn flush_all(&mut self, _now: Now) -> Vec<Samples> {
        let all: Vec<ProbeId> = self.windows.keys().cloned().collect();
        all.iter().for_each(|probe| self.end(probe));
        std::mem::take(&mut self.ended)
    }

    /// When the next window ends.
    pub fn next_wake(&self) -> Option<Mono> {
        self.windows.values().map(|w| w.ends).min()
    }

    /// Rows and facts dropped since start because there were too many.
    pub const fn dropped(&self) -> u64 {
        self.dropped + self.facts.dropped()
    }

    fn end(&mut self, probe: &ProbeId) {
        let Some(window) = self.windows.remove(probe) else { return };
        self.rows = self.rows.saturating_sub(window.rows.len());
        let to = window.from.plus(window.keep);
        let kind: Arc<str> = Arc::from(&*window.schema.kind);
        let mut rows = window.rows.into_iter().map(|row| row.sample(&window.schema)).peekable();
        while rows.peek().is_some() {
            self.ended.push(Samples {
                probe: probe.clone(),
                kind: kind.clone(),
                from: window.from,
                to,
                rows: rows.by_ref().take(MAX_SAMPLE_ROWS).collect(),
            });
        }
    }
}

fn same_schema(a: &Arc<KindSchema>, b: &Arc<KindSchema>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl Window {
    fn new(seen: &Observation, keep: Duration, now: Now) -> Self {
        let phase = phase(0, seen.probe.as_str(), keep);
        let since = (now.mono.since_origin() + keep).saturating_sub(phase).as_nanos() % keep.as_nanos().max(1);
        let since = Duration::from_nanos(u64::try_from(since).unwrap_or(0));
        Self {
            schema: seen.schema.clone(),
            from: now.wall.minus(since),
            keep,
            ends: now.mono.plus(keep - since),
            rows: Vec::new(),
            index: HashMap::new(),
        }
    }

    fn take(&mut self, seen: &Observation, held: &mut usize) -> u64 {
        let mut dropped = 0;
        match self.row(&seen.object, &seen.instance, held) {
            Some(target) if seen.purpose == Purpose::Measure => target.take_run(seen),
            Some(_) => {}
            None => dropped += 1,
        }
        if seen.outcome == Outcome::Invalid {
            return dropped;
        }
        for row in &seen.rows {
            match self.row(&row.object, &row.instance, held) {
                Some(mine) => {
                    row.values.iter().zip(0usize..).for_each(|(value, slot)| mine.take(row.table, slot, value));
                }
                None => dropped += 1,
            }
        }
        dropped
    }

    fn row(&mut self, object: &Object, instance: &Arc<str>, held: &mut usize) -> Option<&mut Row> {
        let key = (object.clone(), instance.clone());
        let i = match self.index.get(&key) {
            Some(i) => *i,
            None => {
                if *held >= MAX_ROWS {
                    return None;
                }
                *held += 1;
                let i = self.rows.len();
                self.index.insert(key, i);
                self.rows.push(Row {
                    object: object.clone(),
                    instance: instance.clone(),
                    runs: [0; 4],
                    tally: Tally::default(),
                    causes: BTreeMap::new(),
                    up: None,
                    duration: None,
                    fields: Vec::new(),
                });
                i
            }
        };
        self.rows.get_mut(i)
    }
}

fn add(slot: &mut Option<Summary>, v: f64) {
    match slot {
        Some(summary) => summary.merge(&Summary::one(v)),
        None => *slot = Some(Summary::one(v)),
    }
}

impl Row {
    fn take_run(&mut self, seen: &Observation) {
        let [ok, degraded, failed, invalid] = &mut self.runs;
        let n = match seen.outcome {
            Outcome::Ok => ok,
            Outcome::Degraded => degraded,
            Outcome::Failed => failed,
            Outcome::Invalid => invalid,
        };
        *n = n.saturating_add(1);
        self.tally.add(seen.tally);
        if let Some(cause) = seen.cause {
            let n = self.causes.entry(cause).or_default();
            *n = n.saturating_add(1);
        }
        if seen.outcome != Outcome::Invalid {
            add(&mut self.up, f64::from(u8::from(seen.outcome != Outcome::Failed)));
            add(&mut self.duration, seen.took.as_secs_f64());
        }
    }

    fn take(&mut self, table: usize, slot: usize, value: &Value) {
        let known = self.fields.iter_mut().find(|(t, s, _)| (*t, *s) == (table, slot)).map(|(.., summary)| summary);
        match (value, known) {
            (Value::Many(many), Some(summary)) => {
                // Straight into the histogram, without making one for this run alone.
                for v in many.iter() {
                    summary.merge(&Summary::one(*v));
                    summary.histogram.get_or_insert_with(|| Box::new(Histogram::default())).add(*v);
                }
            }
            (Value::Many(many), None) => {
                self.fields.extend(Summary::many(many).map(|summary| (table, slot, summary)));
            }
            (value, known) => {
                let Some(v) = value.number() else { return };
                match known {
                    Some(summary) => summary.merge(&Summary::one(v)),
                    None => self.fields.push((table, slot, Summary::one(v))),
                }
            }
        }
    }

    fn sample(self, schema: &KindSchema) -> SampleRow {
        let name = |table: usize, slot: usize| {
            schema.tables.get(table).and_then(|t| t.fields.get(slot)).map(|field| field.name.to_string())
        };
        let mut fields: BTreeMap<String, SummaryBody> = self
            .fields
            .into_iter()
            .filter_map(|(table, slot, summary)| Some((name(table, slot)?, SummaryBody(summary))))
            .collect();
        fields.extend(self.up.map(|up| ("up".to_owned(), SummaryBody(up))));
        fields.extend(self.duration.map(|d| ("duration_seconds".to_owned(), SummaryBody(d))));
        let t = self.tally;
        SampleRow {
            object: self.object,
            instance: self.instance,
            runs: self.runs,
            packets: [t.sent, t.lost, t.late, t.duplicate, t.invalid],
            causes: self.causes.into_iter().map(|(cause, n)| (cause.as_str().to_owned(), n)).collect(),
            fields,
        }
    }
}

#[cfg(test)]
mod tests;
