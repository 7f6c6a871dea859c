//! When facts changed: each new value with its time, so that the path of a link two months ago can still be told.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::db::sql;
use super::types::{Fact, StoreError};
use super::ways;
use crate::model::wire::Facts;
use crate::model::{Object, Wall};

/// Changes kept of one fact: one that changes more often has no history worth reading.
const MAX_KEPT: i64 = 200;
/// Changes in one answer.
const MAX_SHOWN: i64 = 500;
/// How long changes are kept: two years, as long as the charts that they explain.
const KEEP: Duration = Duration::from_secs(731 * 86_400);

/// Notes a value that is not the one held; called before it takes its place. Of a way what is learnt is added to what was
/// noted; only another one is a change.
pub(super) fn note(
    core: &Connection,
    object: &str,
    facts: &Facts,
    field: &str,
    value: &str,
    agent: &str,
    at: i64,
) -> Result<(), StoreError> {
    let of = (object, &*facts.instance, facts.probe.as_str(), field);
    if field == ways::PATH && is_known_way(core, of, value, at)? {
        return Ok(());
    }
    let noted = core
        .prepare_cached(
            "INSERT OR IGNORE INTO fact_change (object, instance, probe, field, at, value, agent) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
             WHERE NOT EXISTS (SELECT 1 FROM fact WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4
                 AND (value = ?6 OR at > ?5))",
        )
        .and_then(|mut q| q.execute(params![of.0, of.1, of.2, of.3, at, value, agent]))
        .map_err(sql("note that a fact changed"))?;
    if noted > 0 {
        core.prepare_cached(
            "DELETE FROM fact_change WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4 AND at <=
                (SELECT at FROM fact_change WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4
                 ORDER BY at DESC LIMIT 1 OFFSET ?5)",
        )
        .and_then(|mut q| q.execute(params![of.0, of.1, of.2, of.3, MAX_KEPT]))
        .map_err(sql("forget the oldest change of a fact"))?;
    }
    Ok(())
}

/// Whether the way that was noted last is this one; then what is new of it stands there from now on.
fn is_known_way(core: &Connection, of: (&str, &str, &str, &str), now: &str, at: i64) -> Result<bool, StoreError> {
    let noted: Option<(i64, String)> = core
        .prepare_cached(
            "SELECT at, value FROM fact_change WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4
             ORDER BY at DESC LIMIT 1",
        )
        .and_then(|mut q| q.query_row(params![of.0, of.1, of.2, of.3], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(sql("read the way that was noted"))?;
    let Some((since, was)) = noted.filter(|(since, _)| *since <= at) else { return Ok(false) };
    let Some(all) = ways::together(&was, now) else { return Ok(false) };
    if all != was {
        core.prepare_cached(
            "UPDATE fact_change SET value = ?6
             WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4 AND at = ?5",
        )
        .and_then(|mut q| q.execute(params![of.0, of.1, of.2, of.3, since, all]))
        .map_err(sql("note what was learnt of a way"))?;
    }
    Ok(true)
}

/// See `Store::fact_changes`.
pub(super) fn of(core: &Connection, object: &Object, field: &str) -> Result<Vec<Fact>, StoreError> {
    type Row = (String, String, String, String, i64);
    let rows: Vec<Row> = core
        .prepare_cached(
            "SELECT instance, probe, value, agent, at FROM fact_change WHERE object = ?1 AND field = ?2 ORDER BY at DESC LIMIT ?3",
        )
        .and_then(|mut q| {
            q.query_map(params![object.to_string(), field, MAX_SHOWN], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
            })?
            .collect()
        })
        .map_err(sql("read the changes of a fact"))?;
    Ok(rows
        .into_iter()
        .filter_map(|(instance, probe, value, agent, at)| {
            Some(Fact {
                object: object.clone(),
                instance,
                probe: probe.parse().ok()?,
                field: field.to_owned(),
                value,
                agent: agent.parse().ok()?,
                at: Wall::from_millis(at),
            })
        })
        .collect())
}

/// Forgets what is too old.
pub(super) fn forget(core: &Connection, now: Wall) -> Result<(), StoreError> {
    core.execute("DELETE FROM fact_change WHERE at < ?1", [now.minus(KEEP).millis()])
        .map(drop)
        .map_err(sql("forget old changes of facts"))
}
