//! Asks a device for what a profile wants: scalars first, then table by table, one request at a time.

use std::time::Duration;

use super::{Answers, Wanted};
use crate::codec::text;
use crate::config::defs::profile::choose::Chosen;
use crate::config::defs::profile::{Arcs, Check, ProfileDef, TableDef};
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{Columns, Oid, Session, SnmpError, Value};

/// Variables of one GET: a reply stays within a frame.
const AT_ONCE: usize = 24;
/// Tables that a device leaves unanswered before the rest is not asked any more: it has fallen silent.
const MOST_SILENT: usize = 2;

/// VLANs of which tables are read one by one: each is some requests.
const MAX_VLANS: usize = 128;
/// What one VLAN may take: a device that knows no such community or context says nothing, however often it is asked.
const VLAN_TIME: Duration = Duration::from_secs(10);

/// sysDescr.
const SYS_DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
/// sysObjectID.
const SYS_OBJECT_ID: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];

/// What a device says it is; its profile is chosen by that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
        let [descr, object_id] = oids.map(|oid| found.get(&oid));
        Ok(Self::told(object_id, descr))
    }

    /// By its sysObjectID and sysDescr, where it has them.
    pub fn told(object_id: Option<&Value>, descr: Option<&Value>) -> Self {
        let object_id = match object_id {
            Some(Value::ObjectIdentifier(oid)) => oid.arcs().to_vec(),
            _ => Vec::new(),
        };
        Self { object_id, descr: descr.and_then(Value::as_bytes).map(text::decode).unwrap_or_default() }
    }

    /// Its profile among these.
    pub fn chosen<'a>(&self, profiles: &'a [ProfileDef]) -> Chosen<'a> {
        Chosen::of(profiles, &self.object_id, &self.descr)
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
        silent = match &found.error {
            Some(SnmpError::Timeout { .. }) => silent + 1,
            _ => 0,
        };
        take(&mut answers, table, found);
    }
    Ok(answers)
}

/// Fetches what is told of each VLAN by itself, one VLAN after the other, as far as the time suffices.
pub async fn vlans(
    session: &Session,
    chosen: &Chosen<'_>,
    answers: &mut Answers,
    repetitions: u32,
    clock: &Clock,
    deadline: Mono,
) {
    let tables = chosen.tables();
    let has_rows = |table: &TableDef| {
        table.rows.iter().any(|column| answers.column(column).is_some_and(|cells| !cells.is_empty()))
    };
    let wanted = |table: &&&TableDef| {
        let instead = |other: &&&TableDef| table.unless.contains(&other.id) && has_rows(other);
        !tables.iter().any(|other| instead(&other))
    };
    let each: Vec<(&TableDef, &Check)> =
        tables.iter().filter(wanted).filter_map(|table| Some((*table, table.vlans.as_ref()?))).collect();
    for (table, check) in each {
        let all = answers.vlans_of(check);
        let mut silent = 0;
        for (vlan, at) in all.iter().copied().zip(0..) {
            let why = if at >= MAX_VLANS {
                Some(format!("{MAX_VLANS} of {} VLANs are read", all.len()))
            } else if silent >= MOST_SILENT {
                Some(format!("not asked from VLAN {vlan} on: the {MOST_SILENT} before told nothing"))
            } else {
                (clock.mono() >= deadline).then(|| format!("not asked from VLAN {vlan} on: the time was over"))
            };
            if let Some(why) = why {
                table.rows.iter().for_each(|column| answers.cut(column.clone(), why.clone()));
                break;
            }
            let wanted = Wanted::in_vlan(table);
            let end = deadline.min(clock.mono().plus(VLAN_TIME));
            let found = match session.of_vlan(vlan).await {
                Ok(session) => Box::pin(fetch(&session, &wanted, repetitions, clock, end)).await,
                Err(error) => Err(error),
            };
            let found = found.unwrap_or_else(|error| {
                let mut nothing = Answers::default();
                table.rows.iter().for_each(|column| nothing.cut(column.clone(), error.to_string()));
                nothing
            });
            silent = if found.is_silent() { silent + 1 } else { 0 };
            answers.vlan(vlan, found);
        }
    }
}

/// All but the last number: columns of one table have it in common.
fn parent(column: &Arcs) -> &[u32] {
    column.split_last().map_or(&[], |(_, parent)| parent)
}

/// Gets variables.
async fn get(
    session: &Session,
    oids: &[Arcs],
    answers: &mut Answers,
    clock: &Clock,
    deadline: Mono,
) -> Result<(), SnmpError> {
    let silence = SnmpError::Timeout { peer: session.peer() };
    if clock.mono() >= deadline {
        return Err(silence);
    }
    let wanted: Vec<Oid> = oids.iter().map(|oid| Oid::from_slice(oid)).collect();
    let got = Box::pin(clock.until(deadline, session.get_in_parts(&wanted))).await;
    let (found, refused) = got.unwrap_or(Err(silence))?;
    found.into_iter().for_each(|(oid, value)| answers.scalar(oid.arcs().into(), value));
    refused.into_iter().for_each(|(oid, why)| answers.cut(oid.arcs().into(), why.to_string()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_it_is_may_be_missing() {
        let (object_id, descr) = (Oid::from_slice(&[1, 3, 6, 1, 4, 1, 2011]), Value::OctetString("VRP".into()));
        let told = Identity::told(Some(&Value::ObjectIdentifier(object_id)), Some(&descr));
        assert_eq!((told.object_id, told.descr.as_str()), (vec![1, 3, 6, 1, 4, 1, 2011], "VRP"));
        assert_eq!(Identity::told(None, None), Identity::default());
    }
}
