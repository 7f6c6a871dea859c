//! Asks a device for what a profile wants: scalars first, then table by table, one request at a time.

use super::{Answers, Wanted};
use crate::codec::text;
use crate::config::defs::profile::Arcs;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{Columns, Oid, Session, SnmpError, Value};

/// Variables of one GET: a reply stays within a frame.
const AT_ONCE: usize = 24;
/// Tables that a device leaves unanswered before the rest is not asked any more: it has fallen silent.
const MOST_SILENT: usize = 2;

/// sysDescr.
const SYS_DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
/// sysObjectID.
const SYS_OBJECT_ID: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];

/// What a device says it is; its profile is chosen by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// sysObjectID; empty if it has none.
    pub object_id: Vec<u32>,
    /// sysDescr; empty if it has none.
    pub descr: String,
}

impl Identity {
    /// Asks it.
    pub async fn of(session: &Session, clock: &Clock, deadline: Mono) -> Result<Self, SnmpError> {
        let oids = [SYS_DESCR, SYS_OBJECT_ID].map(Oid::from_slice);
        let silence = SnmpError::Timeout { peer: session.peer() };
        let found = Box::pin(clock.until(deadline, session.get(&oids))).await.unwrap_or(Err(silence))?;
        let [descr, object_id] = oids.map(|oid| found.get(&oid).cloned());
        let object_id = match object_id {
            Some(Value::ObjectIdentifier(oid)) => oid.arcs().to_vec(),
            _ => Vec::new(),
        };
        let descr = descr.as_ref().and_then(Value::as_bytes).map(text::decode).unwrap_or_default();
        Ok(Self { object_id, descr })
    }
}

/// Fetches. An error is one of the device as a whole: it does not answer at all, or refuses the key.
pub async fn fetch(
    session: &Session,
    wanted: &Wanted,
    repetitions: u32,
    clock: &Clock,
    deadline: Mono,
) -> Result<Answers, SnmpError> {
    let mut answers = Answers::default();
    let scalars: Vec<Arcs> = wanted.scalars.iter().cloned().collect();
    for chunk in scalars.chunks(AT_ONCE) {
        get(session, chunk, &mut answers, clock, deadline).await?;
    }
    let columns: Vec<Arcs> = wanted.columns.iter().cloned().collect();
    let mut repetitions = repetitions;
    let mut silent = 0;
    for table in columns.chunk_by(|a, b| parent(a) == parent(b)) {
        if silent >= MOST_SILENT || clock.mono() >= deadline {
            let why = if silent >= MOST_SILENT { "the device fell silent" } else { "the time was over" };
            table.iter().for_each(|column| answers.cut(column.clone(), format!("not asked: {why}")));
            continue;
        }
        let oids: Vec<Oid> = table.iter().map(|column| Oid::from_slice(column)).collect();
        let mut found = Columns::new(repetitions);
        // A walk's future holds many others: on the heap, so that those who wait for this one need not hold them, too.
        Box::pin(session.walk_columns(&oids, &mut found, clock, deadline)).await;
        repetitions = found.repetitions;
        silent = match &found.error {
            Some(SnmpError::Timeout { .. }) => silent + 1,
            _ => 0,
        };
        take(&mut answers, table, found);
    }
    Ok(answers)
}

/// All but the last number: columns of one table have it in common.
fn parent(column: &Arcs) -> &[u32] {
    column.split_last().map_or(&[], |(_, parent)| parent)
}

/// Gets variables. An agent may refuse a whole request for one that it cannot read: each half is asked for by itself.
async fn get(
    session: &Session,
    oids: &[Arcs],
    answers: &mut Answers,
    clock: &Clock,
    deadline: Mono,
) -> Result<(), SnmpError> {
    let mut left = vec![oids];
    while let Some(oids) = left.pop() {
        let silence = SnmpError::Timeout { peer: session.peer() };
        if clock.mono() >= deadline {
            return Err(silence);
        }
        let wanted: Vec<Oid> = oids.iter().map(|oid| Oid::from_slice(oid)).collect();
        match Box::pin(clock.until(deadline, session.get(&wanted))).await.unwrap_or(Err(silence)) {
            Ok(found) => found.into_iter().for_each(|(oid, value)| answers.scalar(oid.arcs().into(), value)),
            Err(SnmpError::Status { .. }) if oids.len() > 1 => {
                let (one, other) = oids.split_at(oids.len() / 2);
                left.extend([other, one]);
            }
            Err(error @ SnmpError::Status { .. }) => {
                oids.iter().for_each(|oid| answers.cut(oid.clone(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn take(answers: &mut Answers, table: &[Arcs], found: Columns) {
    let mut why = found.shortfalls;
    why.extend(found.error.map(|error| format!("cut after {} rows: {error}", found.rows.len())));
    for (index, row) in found.rows {
        for (column, value) in table.iter().zip(row) {
            if let Some(value) = value {
                answers.cell(column, &index, value);
            }
        }
    }
    if !why.is_empty() {
        table.iter().for_each(|column| answers.cut(column.clone(), why.join("; ")));
    }
}
