//! Batches of agents: taken once and in order, answered after COMMIT, the watermark in the transaction of the
//! rows. An agent speaks about the objects of its plan only. What is malformed or a day ahead is put aside,
//! kinds that this build does not know are kept in the log file; nothing stops the stream.

mod event;
mod prepare;
mod sample;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::days::Sort;
use super::db::sql;
use super::live::Shared;
use super::own;
use super::types::{GapRow, IngestError, StoreError};
use super::writer::Writer;
use super::{Store, agents, audit};
use crate::engine::incident::Input;
use crate::model::wire::{Batch, BatchAnswer, Gap, Stream};
use crate::model::{AgentId, AssetId, Now, Object, Wall};
use crate::relay::receive::{Verdict, judge};
use prepare::{Item, Prepared, prepare};

pub(super) use sample::sample_marks;

/// Records so much ahead of the console's clock are put aside.
const FUTURE: Duration = Duration::from_secs(86_400);
/// Records so old when they come are history (补报).
const HISTORY: Duration = Duration::from_secs(600);
/// A difference of clocks below this is transit time, not skew, and corrects nothing.
const SKEW_NOISE_MS: i64 = 500;
/// A larger one opens an incident.
const SKEW_RAISE_MS: i64 = 2_000;
/// A smaller one ends it.
const SKEW_CLEAR_MS: i64 = 1_000;
/// A change of the difference beyond this is a clock that was set: taken as it is, not smoothed.
const SKEW_STEP_MS: i64 = 5_000;
/// (agent, object) pairs refused and audited; beyond it they are only counted.
const MAX_REFUSED: usize = 1_000;

/// Which objects an agent may speak about.
struct Authority {
    agent: AgentId,
    now: Arc<std::collections::HashSet<Object>>,
    before: Arc<std::collections::HashSet<Object>>,
}

impl Authority {
    fn allows(&self, object: &Object) -> bool {
        if *object == Object::Agent(self.agent.clone()) || self.now.contains(object) || self.before.contains(object) {
            return true;
        }
        let Object::Interface { asset, .. } = object else { return false };
        let whole = Object::Asset(asset.clone());
        self.now.contains(&whole) || self.before.contains(&whole)
    }
}

/// Everything about a batch that its records do not say.
struct Context {
    authority: Authority,
    stream: Stream,
    epoch: Arc<str>,
    received: Wall,
    /// Console clock minus agent clock.
    skew_ms: i64,
}

impl Context {
    /// A time of the agent's clock on the console's.
    fn correct(&self, at: Wall) -> Wall {
        Wall::from_millis(at.millis().saturating_add(self.shift_ms()))
    }

    /// What is added to the agent's times.
    fn shift_ms(&self) -> i64 {
        if self.skew_ms.abs() < SKEW_NOISE_MS { 0 } else { self.skew_ms }
    }
}

/// What comes of the records.
#[derive(Default)]
struct Outcome {
    inputs: Vec<Input>,
    refused: Vec<u64>,
    unassigned: u64,
    parked: u64,
    aside: u64,
    /// Assets that have no room for another interface.
    crowded: std::collections::HashSet<AssetId>,
}

/// See `Store::ingest`.
pub(super) async fn ingest(
    store: &Store,
    agent: &AgentId,
    batch: Batch,
    received: Now,
) -> Result<BatchAnswer, IngestError> {
    let authority = authority(&store.shared, agent, received.wall)?;
    agents::heard(store, agent);
    let skew_ms = skew(&store.shared, agent, batch.sent_at, received.wall);
    let context =
        Context { authority, stream: batch.stream, epoch: batch.epoch.clone(), received: received.wall, skew_ms };
    // Parsing and compressing a megabyte takes milliseconds: not on a thread of the runtime.
    let (batch, prepared) = tokio::task::spawn_blocking(move || {
        let prepared = prepare(&batch);
        (batch, prepared)
    })
    .await
    .map_err(|error| StoreError::Sql { what: "read a batch", detail: error.to_string() })?;
    let answer = store.queue.ask(move |writer| take(writer, &context, &batch, prepared)).await?;
    if answer.refused.is_empty() { Ok(answer) } else { Err(IngestError::Malformed(answer)) }
}

fn authority(shared: &Shared, agent: &AgentId, now: Wall) -> Result<Authority, IngestError> {
    let live = shared.live();
    if live.agents.get(agent).is_some_and(|row| row.revoked.is_some()) {
        return Err(IngestError::Unknown(agent.clone()));
    }
    match live.assigned.get(agent) {
        Some(assigned) => Ok(Authority {
            agent: agent.clone(),
            now: assigned.now.clone(),
            before: if now < assigned.before_until { assigned.before.clone() } else { Arc::default() },
        }),
        None if live.inventory.agents.contains_key(agent) => Err(IngestError::NoPlan(agent.clone())),
        // Nothing is declared for it, so nothing is its own but itself.
        None => Ok(Authority { agent: agent.clone(), now: Arc::default(), before: Arc::default() }),
    }
}

/// How far the console's clock is before the agent's; smoothed, because transit times vary.
fn skew(shared: &Shared, agent: &AgentId, sent_at: Wall, received: Wall) -> i64 {
    let measured = received.millis().saturating_sub(sent_at.millis());
    let mut live = shared.live_mut();
    let row = live.agents.entry(agent.clone()).or_default();
    let smoothed = match row.skew_ms {
        Some(held) if held.abs_diff(measured) < SKEW_STEP_MS.unsigned_abs() => held + (measured - held) / 5,
        _ => measured,
    };
    row.skew_ms = Some(smoothed);
    smoothed
}

fn take(
    writer: &mut Writer,
    context: &Context,
    batch: &Batch,
    prepared: Vec<Prepared>,
) -> Result<BatchAnswer, IngestError> {
    let agent = &context.authority.agent;
    let mark = watermark(writer, context)?;
    let answer = |acked, expected, refused| BatchAnswer { acked, expected, refused, now: context.received };
    let skip = match judge(mark.unwrap_or(0), batch) {
        Verdict::Malformed(why) => return Err(IngestError::Envelope(why.to_owned())),
        Verdict::Duplicate => {
            writer.shared.count(|stats| stats.duplicates += 1);
            return Ok(answer(mark.unwrap_or(0), None, Vec::new()));
        }
        Verdict::Expect(expected) => {
            let answer = answer(mark.unwrap_or(0), Some(expected), Vec::new());
            return Err(IngestError::Sequence { first: batch.first_seq, expected, answer });
        }
        Verdict::Accept { skip } => skip,
    };
    let mut outcome = Outcome::default();
    if mark.is_none() && has_other_epoch(writer, context)? {
        let evidence = vec![("epoch".to_owned(), context.epoch.to_string())];
        let until = Some(context.received.plus(own::SHOWN));
        outcome.inputs.extend(own::raise(writer, agent, own::SPOOL_RESET, until, evidence, context.received)?);
    }
    let taken = prepared.len().saturating_sub(skip);
    let mut samples = sample::Kept::default();
    for record in prepared.into_iter().skip(skip) {
        take_record(writer, context, record, &mut outcome, &mut samples)?;
    }
    watch_clock(writer, context, &mut outcome)?;
    event::finish(writer, context, std::mem::take(&mut outcome.inputs))?;
    match context.stream {
        Stream::Sample => sample::finish(writer, context, samples, batch.last_seq)?,
        Stream::Event | Stream::Bulk => set_watermark(writer, context, batch.last_seq)?,
    }
    writer.rows += taken;
    let Outcome { refused, unassigned, parked, aside, .. } = outcome;
    writer.after(move |shared| {
        shared.count(|stats| {
            stats.batches += 1;
            stats.records += taken as u64;
            stats.unassigned += unassigned;
            stats.parked += parked;
            stats.aside += aside;
        });
    });
    Ok(answer(batch.last_seq, None, refused))
}

fn take_record(
    writer: &mut Writer,
    context: &Context,
    record: Prepared,
    outcome: &mut Outcome,
    samples: &mut sample::Kept,
) -> Result<(), StoreError> {
    let Prepared { seq, at, kind, item } = record;
    // What it speaks of counts as well, by the agent's clock and by ours: a day in the far future would be a file
    // that no retention ever reaches.
    let latest = item.latest().map_or(at, |latest| latest.max(at));
    let ahead = latest.max(context.correct(latest)) > context.received.plus(FUTURE);
    if ahead && !matches!(item, Item::Gap(_)) {
        outcome.aside += 1;
        return put_aside(writer, context, seq, at, &kind, "more than a day ahead", &item.text());
    }
    match item {
        Item::Malformed { body, why } => {
            outcome.aside += 1;
            outcome.refused.push(seq);
            put_aside(writer, context, seq, at, &kind, &why, &body)
        }
        Item::Unknown { body } => {
            outcome.parked += 1;
            park(writer, context, seq, at, &kind, &body)
        }
        Item::Gap(gap) => take_gap(writer, context, &gap, outcome),
        Item::Samples(prepared) => sample::take(writer, context, seq, prepared, outcome, samples),
        Item::Findings(inspection) => event::take_findings(writer, context, &inspection, outcome),
        Item::Event(record) => event::take(writer, context, (seq, at), record, outcome),
    }
}

/// Says no, counts it, and writes it down the first time.
fn refuse(writer: &mut Writer, context: &Context, object: &Object, outcome: &mut Outcome) -> Result<(), StoreError> {
    outcome.unassigned += 1;
    let pair = (context.authority.agent.clone(), object.clone());
    {
        let live = writer.shared.live();
        if live.refused.len() >= MAX_REFUSED || live.refused.contains(&pair) {
            return Ok(());
        }
    }
    writer.shared.live_mut().refused.insert(pair);
    let entry = audit::Entry {
        actor: format!("agent:{}", context.authority.agent),
        action: "ingest.refuse",
        target: object.to_string(),
        result: "refused: the object is not assigned to this agent".to_owned(),
        ..audit::Entry::default()
    };
    audit::append(writer, &entry)
}

fn put_aside(
    writer: &Writer,
    context: &Context,
    seq: u64,
    at: Wall,
    kind: &str,
    why: &str,
    body: &str,
) -> Result<(), StoreError> {
    writer
        .core
        .prepare_cached("INSERT OR IGNORE INTO aside (agent, stream, epoch, seq, why, at, received, kind, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
        .and_then(|mut q| {
            q.execute(params![
                context.authority.agent.as_str(), context.stream.as_str(), context.epoch, seq as i64, why, at.millis(),
                context.received.millis(), kind, body
            ])
        })
        .map(drop)
        .map_err(sql("put a record aside"))
}

fn park(
    writer: &mut Writer,
    context: &Context,
    seq: u64,
    at: Wall,
    kind: &str,
    body: &str,
) -> Result<(), StoreError> {
    let received = context.received;
    let oldest = received.minus(Duration::from_secs(86_400 * u64::from(writer.shared.log_days)));
    let day = writer.days.layout.day(if at < oldest || at > received { received } else { at });
    let file = writer.days.file(Sort::Log, day, received)?;
    file.prepare_cached("INSERT OR IGNORE INTO record (agent, stream, epoch, seq, kind, at, received, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
        .and_then(|mut q| {
            q.execute(params![
                context.authority.agent.as_str(), context.stream.as_str(), context.epoch, seq as i64, kind, at.millis(),
                received.millis(), body
            ])
        })
        .map(drop)
        .map_err(sql("keep a log record"))
}

fn take_gap(writer: &mut Writer, context: &Context, gap: &Gap, outcome: &mut Outcome) -> Result<(), StoreError> {
    let agent = &context.authority.agent;
    writer
        .core
        .prepare_cached("INSERT OR REPLACE INTO gap (agent, stream, epoch, first, last, cause, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        .and_then(|mut q| {
            q.execute(params![
                agent.as_str(), context.stream.as_str(), context.epoch, gap.from as i64, gap.to as i64, gap.cause,
                context.received.millis()
            ])
        })
        .map_err(sql("store a gap"))?;
    let evidence = vec![
        ("stream".to_owned(), context.stream.as_str().to_owned()),
        ("records".to_owned(), format!("{}..{}", gap.from, gap.to)),
        ("cause".to_owned(), gap.cause.clone()),
    ];
    let until = Some(context.received.plus(own::SHOWN));
    outcome.inputs.extend(own::raise(writer, agent, own::SPOOL_GAP, until, evidence, context.received)?);
    let row = GapRow {
        stream: context.stream.as_str().to_owned(),
        epoch: context.epoch.to_string(),
        first: gap.from,
        last: gap.to,
        cause: gap.cause.clone(),
        received: context.received,
    };
    let agent = agent.clone();
    writer.after(move |shared| shared.live_mut().add_gap(&agent, row));
    Ok(())
}

fn watch_clock(writer: &mut Writer, context: &Context, outcome: &mut Outcome) -> Result<(), StoreError> {
    let (agent, off) = (&context.authority.agent, context.skew_ms);
    let input = if off.abs() > SKEW_RAISE_MS {
        let evidence = vec![("skew_seconds".to_owned(), format!("{:.1}", off as f64 / 1_000.0))];
        own::raise(writer, agent, own::CLOCK_SKEW, None, evidence, context.received)?
    } else if off.abs() < SKEW_CLEAR_MS {
        own::clear(writer, agent, own::CLOCK_SKEW, context.received)?
    } else {
        None
    };
    outcome.inputs.extend(input);
    Ok(())
}

/// What is committed of this stream; nothing if the epoch is new.
fn watermark(writer: &Writer, context: &Context) -> Result<Option<u64>, StoreError> {
    let agent = &context.authority.agent;
    if context.stream == Stream::Sample {
        return Ok(writer.memory.marks.get(&(agent.clone(), context.epoch.clone())).copied());
    }
    let found: Option<i64> = writer
        .core
        .prepare_cached("SELECT acked FROM watermark WHERE agent = ?1 AND stream = ?2 AND epoch = ?3")
        .and_then(|mut q| {
            q.query_row(params![agent.as_str(), context.stream.as_str(), context.epoch], |r| r.get(0)).optional()
        })
        .map_err(sql("read a watermark"))?;
    Ok(found.map(i64::unsigned_abs))
}

fn has_other_epoch(writer: &Writer, context: &Context) -> Result<bool, StoreError> {
    let agent = &context.authority.agent;
    if context.stream == Stream::Sample {
        return Ok(writer.memory.marks.keys().any(|(other, epoch)| other == agent && *epoch != context.epoch));
    }
    writer
        .core
        .prepare_cached("SELECT count(*) > 0 FROM watermark WHERE agent = ?1 AND stream = ?2 AND epoch <> ?3")
        .and_then(|mut q| q.query_row(params![agent.as_str(), context.stream.as_str(), context.epoch], |r| r.get(0)))
        .map_err(sql("look for another epoch"))
}

fn set_watermark(writer: &Writer, context: &Context, acked: u64) -> Result<(), StoreError> {
    writer
        .core
        .prepare_cached(
            "INSERT OR REPLACE INTO watermark (agent, stream, epoch, acked, updated) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut q| {
            q.execute(params![
                context.authority.agent.as_str(),
                context.stream.as_str(),
                context.epoch,
                acked as i64,
                context.received.millis()
            ])
        })
        .map(drop)
        .map_err(sql("store a watermark"))?;
    Ok(())
}
