//! What leaves the agent: one summary a series and window, never single measurements; texts and states as
//! facts, when they change and once a day. States go both ways: their position as a number, their name as a fact.
//!
//! A probe's windows lie on a fixed grid with a phase from its id, so that not all of them end at once. Thousands of
//! devices with dozens of ports each are hundreds of thousands of rows, so a row is flat: a field that was seen once is
//! one number. How many there may be follows from the plan, how much memory they take has a bound of its own.

mod facts;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::schedule::phase;
use crate::model::field::Catalog;
use crate::model::plan::Task;
use crate::model::wire::{Facts, MAX_SAMPLE_ROWS, SampleRow, Samples, SummaryBody};
use crate::model::{
    Cause, Histogram, KindSchema, Mono, Now, Object, Observation, Outcome, ProbeId, Purpose, Summary, Tally, Value,
    Wall,
};

/// Rows (objects and instances) held at a time, whatever the plan: fifty of each of a thousand devices.
pub const LEAST_ROOM: usize = 50_000;
/// Rows that a target may have whose kind tells of its parts: a switch with 48 ports, its VLAN interfaces, boards and modules
/// has half as many, so that some chassis find room among them.
const ROWS_A_TARGET: usize = 128;
/// Bytes that all rows may take: four hundred thousand rows of twenty fields. What finds no room is dropped and counted.
const MAX_BYTES: usize = 256 << 20;
/// The shortest window; a plan with zero would make a record of every run.
pub const MIN_KEEP: Duration = Duration::from_secs(1);

/// Collects observations into windows.
#[derive(Debug, Default)]
pub struct Summariser {
    windows: HashMap<ProbeId, Window>,
    facts: facts::Known,
    held: Held,
    dropped: u64,
    /// Windows that ended and have not been handed out as a whole.
    ended: VecDeque<Ended>,
}

/// What is held, and how much may be.
#[derive(Debug)]
struct Held {
    rows: usize,
    bytes: usize,
    room: usize,
    most: usize,
}

impl Default for Held {
    fn default() -> Self {
        Self { rows: 0, bytes: 0, room: LEAST_ROOM, most: MAX_BYTES }
    }
}

/// A window that ended.
#[derive(Debug)]
struct Ended {
    probe: ProbeId,
    schema: Arc<KindSchema>,
    from: Wall,
    to: Wall,
    rows: std::vec::IntoIter<Row>,
}

/// Rows that the windows of these tasks may have: of a kind that tells of parts of its target, many each.
pub fn room(tasks: &[Task], specs: Catalog) -> usize {
    let tables =
        |task: &Task| specs.iter().find(|spec| spec.name == &*task.kind).map_or(1, |s| s.schema.tables.len());
    tasks.iter().map(|task| if tables(task) > 1 { ROWS_A_TARGET } else { 1 }).sum::<usize>().max(LEAST_ROOM)
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
    /// Of a target.
    runs: Option<Box<Runs>>,
    /// Few, so a list.
    fields: Vec<Field>,
}

/// How the runs of a target ended.
#[derive(Debug, Default)]
struct Runs {
    counts: [u32; 4],
    tally: Tally,
    causes: BTreeMap<Cause, u32>,
    up: Option<Summary>,
    duration: Option<Summary>,
}

/// One field of a row.
#[derive(Debug)]
struct Field {
    table: u16,
    slot: u16,
    points: Points,
}

/// Most fields are seen once in a window.
#[derive(Debug)]
enum Points {
    One(f64),
    Many(Box<Summary>),
}

impl Points {
    fn add(&mut self, v: f64) {
        match self {
            Self::One(first) => {
                let mut both = Summary::one(*first);
                both.merge(&Summary::one(v));
                *self = Self::Many(Box::new(both));
            }
            Self::Many(summary) => summary.merge(&Summary::one(v)),
        }
    }

    fn add_many(&mut self, many: &[f64]) {
        many.iter().for_each(|v| self.add(*v));
        if let Self::Many(summary) = self {
            // Straight into the histogram, without making one for this run alone.
            let histogram = summary.histogram.get_or_insert_with(|| Box::new(Histogram::default()));
            many.iter().for_each(|v| histogram.add(*v));
        }
    }

    fn summary(self) -> Summary {
        match self {
            Self::One(v) => Summary::one(v),
            Self::Many(summary) => *summary,
        }
    }
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
            self.end(&seen.probe.clone(), now.mono);
        }
        let window = self.windows.entry(seen.probe.clone()).or_insert_with(|| Window::new(seen, keep, now));
        self.dropped += window.take(seen, &mut self.held);
        self.facts.push(seen, self.held.room, now)
    }

    /// So many rows may be held from now on (`room`).
    pub const fn set_room(&mut self, rows: usize) {
        self.held.room = rows;
    }

    /// The next record of windows that have ended; nothing if there is none. What is not asked for is kept as it is, for a
    /// record takes several times the memory.
    pub fn ended(&mut self, now: Now) -> Option<Samples> {
        let due: Vec<ProbeId> =
            self.windows.iter().filter(|(_, w)| now.mono >= w.ends).map(|(probe, _)| probe.clone()).collect();
        due.iter().for_each(|probe| self.end(probe, now.mono));
        self.facts.sweep(now.mono);
        self.record()
    }

    /// Ends all windows, before the process ends.
    pub fn end_all(&mut self, now: Mono) {
        let all: Vec<ProbeId> = self.windows.keys().cloned().collect();
        all.iter().for_each(|probe| self.end(probe, now));
    }

    /// Whether windows that ended wait to be asked for.
    pub fn waits(&self) -> bool {
        !self.ended.is_empty()
    }

    /// When the next window ends.
    pub fn next_wake(&self) -> Option<Mono> {
        self.windows.values().map(|w| w.ends).min()
    }

    /// Rows and facts dropped since start because there were too many.
    pub const fn dropped(&self) -> u64 {
        self.dropped + self.facts.dropped()
    }

    /// One that is not over ends now: that of a day may have hours to go, and nobody tells of what is to come.
    fn end(&mut self, probe: &ProbeId, now: Mono) {
        let Some(Window { schema, from, keep, ends, rows, .. }) = self.windows.remove(probe) else { return };
        let (rows, to) = (rows.into_iter(), from.plus(keep.saturating_sub(ends.since(now))));
        self.ended.push_back(Ended { probe: probe.clone(), schema, from, to, rows });
    }

    fn record(&mut self) -> Option<Samples> {
        let window = self.ended.front_mut()?;
        let (schema, held) = (&window.schema, &mut self.held);
        let sample = |row: Row| {
            held.rows = held.rows.saturating_sub(1);
            held.bytes = held.bytes.saturating_sub(row.bytes());
            row.sample(schema)
        };
        let rows = window.rows.by_ref().take(MAX_SAMPLE_ROWS).map(sample).collect();
        let (probe, kind) = (window.probe.clone(), Arc::from(&*window.schema.kind));
        let samples = Samples { probe, kind, from: window.from, to: window.to, rows };
        if window.rows.len() == 0 {
            self.ended.pop_front();
        }
        Some(samples)
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

    fn take(&mut self, seen: &Observation, held: &mut Held) -> u64 {
        let mut dropped = 0;
        match self.row(&seen.object, &seen.instance, 0, held) {
            Some(target) if seen.purpose == Purpose::Measure => {
                let before = target.bytes();
                target.take_run(seen);
                held.bytes += target.bytes() - before;
            }
            Some(_) => {}
            None => dropped += 1,
        }
        if seen.outcome == Outcome::Invalid {
            return dropped;
        }
        for row in &seen.rows {
            match self.row(&row.object, &row.instance, row.values.len(), held) {
                Some(mine) => {
                    let before = mine.bytes();
                    row.values.iter().zip(0..).for_each(|(value, slot)| mine.take(row.table, slot, value));
                    held.bytes += mine.bytes().saturating_sub(before);
                }
                None => dropped += 1,
            }
        }
        dropped
    }

    fn row(&mut self, object: &Object, instance: &Arc<str>, fields: usize, held: &mut Held) -> Option<&mut Row> {
        let key = (object.clone(), instance.clone());
        let i = match self.index.get(&key) {
            Some(i) => *i,
            None => {
                let fields = Vec::with_capacity(fields);
                let row = Row { object: object.clone(), instance: instance.clone(), runs: None, fields };
                let bytes = row.bytes();
                if held.rows >= held.room || held.bytes + bytes > held.most {
                    return None;
                }
                (held.rows, held.bytes) = (held.rows + 1, held.bytes + bytes);
                let i = self.rows.len();
                self.index.insert(key, i);
                self.rows.push(row);
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
    /// What it takes of the memory, with its entry in the index; histograms are on top of it, bounded by `MAX_BUCKETS`.
    fn bytes(&self) -> usize {
        const INDEX: usize = size_of::<((Object, Arc<str>), usize)>();
        let many = self.fields.iter().filter(|field| matches!(field.points, Points::Many(_))).count();
        let runs = if self.runs.is_some() { size_of::<Runs>() } else { 0 };
        size_of::<Self>() + INDEX + runs + self.fields.capacity() * size_of::<Field>() + many * size_of::<Summary>()
    }

    fn take_run(&mut self, seen: &Observation) {
        let runs = self.runs.get_or_insert_default();
        let [ok, degraded, failed, invalid] = &mut runs.counts;
        let n = match seen.outcome {
            Outcome::Ok => ok,
            Outcome::Degraded => degraded,
            Outcome::Failed => failed,
            Outcome::Invalid => invalid,
        };
        *n = n.saturating_add(1);
        runs.tally.add(seen.tally);
        if let Some(cause) = seen.cause {
            let n = runs.causes.entry(cause).or_default();
            *n = n.saturating_add(1);
        }
        if seen.outcome != Outcome::Invalid {
            add(&mut runs.up, f64::from(u8::from(seen.outcome != Outcome::Failed)));
            add(&mut runs.duration, seen.took.as_secs_f64());
        }
    }

    fn take(&mut self, table: usize, slot: u16, value: &Value) {
        let table = u16::try_from(table).unwrap_or(u16::MAX);
        let known = self.fields.iter_mut().find(|field| (field.table, field.slot) == (table, slot));
        match (value, known) {
            (Value::Many(many), Some(field)) => field.points.add_many(many),
            (Value::Many(many), None) => {
                let points = Summary::many(many).map(|summary| Points::Many(Box::new(summary)));
                self.fields.extend(points.map(|points| Field { table, slot, points }));
            }
            (value, known) => {
                let Some(v) = value.number() else { return };
                match known {
                    Some(field) => field.points.add(v),
                    None => self.fields.push(Field { table, slot, points: Points::One(v) }),
                }
            }
        }
    }

    fn sample(self, schema: &KindSchema) -> SampleRow {
        let name = |field: &Field| {
            let table = schema.tables.get(usize::from(field.table))?;
            table.fields.get(usize::from(field.slot)).map(|field| field.name.to_string())
        };
        let named =
            self.fields.into_iter().filter_map(|field| Some((name(&field)?, SummaryBody(field.points.summary()))));
        let mut fields: BTreeMap<String, SummaryBody> = named.collect();
        let Runs { counts, tally, causes, up, duration } = self.runs.map_or_else(Runs::default, |runs| *runs);
        fields.extend(up.map(|up| ("up".to_owned(), SummaryBody(up))));
        fields.extend(duration.map(|d| ("duration_seconds".to_owned(), SummaryBody(d))));
        SampleRow {
            object: self.object,
            instance: self.instance,
            runs: counts,
            packets: [tally.sent, tally.lost, tally.late, tally.duplicate, tally.invalid],
            causes: causes.into_iter().map(|(cause, n)| (cause.as_str().to_owned(), n)).collect(),
            fields,
        }
    }
}

#[cfg(test)]
mod tests;
