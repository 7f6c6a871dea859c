//! The sample stream: one journal row a record, in the file of the record's own day; the watermark goes into
//! the newest file that the batch touches, which is committed last.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::super::days::{Day, Days, Sort};
use super::super::db::{self, sql};
use super::super::live::FreshSamples;
use super::super::series::points;
use super::super::types::StoreError;
use super::super::writer::Writer;
use super::{Context, Outcome, event, prepare, refuse};
use crate::model::wire::Samples;
use crate::model::{AgentId, Object};

/// What was kept of a batch.
#[derive(Default)]
pub(super) struct Kept {
    days: BTreeSet<Day>,
    fresh: Vec<Arc<Samples>>,
}

pub(super) fn take(
    writer: &mut Writer,
    context: &Context,
    seq: u64,
    mut samples: Samples,
    outcome: &mut Outcome,
    kept: &mut Kept,
) -> Result<(), StoreError> {
    let mut strangers: BTreeSet<Object> = BTreeSet::new();
    samples.rows.retain(|row| {
        let allowed = context.authority.allows(&row.object);
        if !allowed {
            strangers.insert(row.object.clone());
        }
        allowed
    });
    for object in &strangers {
        refuse(writer, context, object, outcome)?;
    }
    let began = context.correct(samples.from);
    let oldest = context.received.minus(Duration::from_secs(86_400 * u64::from(writer.shared.raw_days)));
    if began < oldest {
        return Ok(());
    }
    let mut crowded: BTreeSet<Object> = BTreeSet::new();
    for row in &samples.rows {
        if matches!(row.object, Object::Interface { .. })
            && !writer.shared.latest().knows(&row.object)
            && !event::note_interface(writer, context, &row.object, outcome)?
        {
            crowded.insert(row.object.clone());
        }
    }
    outcome.unassigned += crowded.len() as u64;
    samples.rows.retain(|row| !crowded.contains(&row.object));
    if samples.rows.is_empty() {
        return Ok(());
    }
    let day = writer.days.layout.day(began);
    let body = prepare::pack(&samples);
    let file = writer.days.file(Sort::Raw, day, context.received)?;
    file.prepare_cached("INSERT OR IGNORE INTO journal (agent, epoch, seq, probe, began, ended, skew_ms, points, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
        .and_then(|mut q| {
            q.execute(params![
                context.authority.agent.as_str(), context.epoch, seq as i64, samples.probe.as_str(), began.millis(),
                context.correct(samples.to).millis(), context.shift_ms(), points(&samples) as i64, body
            ])
        })
        .map_err(sql("store samples"))?;
    kept.days.insert(day);
    kept.fresh.push(Arc::new(samples));
    Ok(())
}

/// Stores the watermark, and lets readers have the samples once they are committed.
pub(super) fn finish(writer: &mut Writer, context: &Context, kept: Kept, acked: u64) -> Result<(), StoreError> {
    let agent = context.authority.agent.clone();
    let day = kept.days.last().copied().unwrap_or_else(|| writer.days.layout.day(context.received));
    let file = writer.days.file(Sort::Raw, day, context.received)?;
    file.prepare_cached("INSERT INTO watermark (agent, epoch, acked) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET acked = max(acked, excluded.acked)")
        .and_then(|mut q| q.execute(params![agent.as_str(), context.epoch, acked as i64]))
        .map_err(sql("store a watermark"))?;
    writer.memory.dirty = true;
    writer.memory.marks.insert((agent.clone(), context.epoch.clone()), acked);
    let skew_ms = context.shift_ms();
    writer.after(move |shared| {
        let mut latest = shared.latest_mut();
        let mut strips = shared.strips_mut();
        for samples in kept.fresh {
            let began = samples.from.millis().saturating_add(skew_ms);
            strips.put(began, &samples);
            let to = crate::model::Wall::from_millis(samples.to.millis().saturating_add(skew_ms));
            latest.put(&agent, to, &samples);
            // Nobody may be listening.
            let _ = shared.feed.send(FreshSamples { agent: agent.clone(), skew_ms, samples });
        }
    });
    Ok(())
}

/// All watermarks of sample streams: the largest over the files, and over those that retention deleted.
pub(crate) fn sample_marks(
    core: &Connection,
    days: &mut Days,
) -> Result<HashMap<(AgentId, Arc<str>), u64>, StoreError> {
    let mut marks = HashMap::new();
    let mut add = |conn: &Connection, text: &str| -> rusqlite::Result<()> {
        let mut query = conn.prepare(text)?;
        let mut rows = query.query([])?;
        while let Some(r) = rows.next()? {
            let (agent, epoch, acked) = (r.get::<_, String>(0)?, r.get::<_, Arc<str>>(1)?, r.get::<_, i64>(2)?);
            if let Ok(agent) = AgentId::new(&agent) {
                let mark: &mut u64 = marks.entry((agent, epoch)).or_default();
                *mark = (*mark).max(acked.unsigned_abs());
            }
        }
        Ok(())
    };
    add(core, "SELECT agent, epoch, acked FROM watermark WHERE stream = 'sample'")
        .map_err(sql("read the watermarks"))?;
    for day in days.layout.held(Sort::Raw) {
        let path = days.layout.path(Sort::Raw, day);
        let read = db::open_reader(&path).map(|conn| add(&conn, "SELECT agent, epoch, acked FROM watermark"));
        if let Err(error) = read.and_then(|read| read.map_err(sql("read the watermarks of a day"))) {
            // The file is set aside when the writer opens it; its agents are asked for what is missing.
            tracing::warn!(file = %path.display(), %error, "no watermarks from this file");
        }
    }
    Ok(marks)
}
