//! Raw walks that were asked for: how far they are, and what came. An agent is believed only about its own walk, and only
//! about what lies below the OID that was asked for.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::sql;
use super::discoveries::LOST;
use super::types::{StoreError, WalkRow};
use super::writer::Writer;
use super::{agents, looks};
use crate::console::command::{CommandError, Outcome, said};
use crate::model::plan::Job;
use crate::model::walk::{self, MAX_ROWS, MAX_VALUE, Progress};
use crate::model::wire::JobResult;
use crate::model::{AgentId, AssetId, Object, Wall};

/// Walks kept; older ones go, running or not.
const MAX_KEPT: i64 = 100;
/// Walks of one asset that are listed.
const LISTED: i64 = 10;
/// Longest word for a type.
const MAX_KIND: usize = 16;

const COLUMNS: &str = "id, agent, asset, actor, created, oid, rows, heard, ended, ok, detail";

fn read(r: &Row<'_>) -> rusqlite::Result<Option<WalkRow>> {
    let time = |column: usize| r.get::<_, Option<i64>>(column).map(|ms| ms.map(Wall::from_millis));
    let (agent, asset): (String, String) = (r.get(1)?, r.get(2)?);
    let (id, actor, oid, detail) = (r.get(0)?, r.get(3)?, r.get(5)?, r.get(10)?);
    let (created, heard, ended) = (Wall::from_millis(r.get(4)?), time(7)?, time(8)?);
    let (rows, ok): (i64, _) = (r.get(6)?, r.get(9)?);
    let row = || {
        Some(WalkRow {
            id,
            agent: agent.parse().ok()?,
            asset: asset.parse().ok()?,
            actor,
            created,
            oid,
            rows: rows.unsigned_abs(),
            heard,
            ended,
            ok,
            detail,
        })
    };
    Ok(row())
}

/// Those of an asset, newest first.
pub(super) fn list(core: &Connection, asset: &AssetId) -> Result<Vec<WalkRow>, StoreError> {
    let rows: Vec<Option<WalkRow>> = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM walk WHERE asset = ?1 ORDER BY id DESC LIMIT ?2"))
        .and_then(|mut q| q.query_map(params![asset.as_str(), LISTED], read)?.collect())
        .map_err(sql("read the walks of a device"))?;
    Ok(rows.into_iter().flatten().collect())
}

/// One, with what came.
pub(super) fn one(core: &Connection, id: &str) -> Result<Option<(WalkRow, Vec<walk::Row>)>, StoreError> {
    let row = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM walk WHERE id = ?1"))
        .and_then(|mut q| q.query_row([id], read).optional())
        .map_err(sql("read a walk"))?;
    let Some(row) = row.flatten() else { return Ok(None) };
    let bodies: Vec<String> = core
        .prepare_cached("SELECT body FROM walked WHERE walk = ?1 ORDER BY part")
        .and_then(|mut q| q.query_map([id], |r| r.get(0))?.collect())
        .map_err(sql("read what a walk brought"))?;
    let rows = bodies.iter().filter_map(|body| serde_json::from_str::<Vec<walk::Row>>(body).ok());
    Ok(Some((row, rows.flatten().collect())))
}

/// Has the agent that reads a device walk it.
pub(super) fn command(
    writer: &mut Writer,
    actor: String,
    asset: AssetId,
    oid: &str,
) -> Result<Outcome, CommandError> {
    let arcs = walk::read(oid).map_err(|bad| CommandError::Invalid(said(bad.zh(), bad.to_string())))?;
    let now = writer.now();
    let snmp = writer.shared.live().inventory.assets.get(&asset).map(|asset| asset.snmp.is_some());
    match snmp {
        None => return Err(CommandError::NotFound { what: "asset", id: asset.to_string() }),
        Some(false) => {
            return Err(CommandError::Conflict(said(
                format!("资产 `{asset}` 未登记 SNMP 访问方式，无法读取"),
                format!("asset `{asset}` has no SNMP access in the inventory; declare it first"),
            )));
        }
        Some(true) => {}
    }
    let agent = reader(writer, &asset)?;
    let busy: bool = writer
        .core
        .query_row(
            "SELECT count(*) > 0 FROM walk WHERE agent = ?1 AND ended IS NULL AND coalesce(heard, created) >= ?2",
            params![agent.as_str(), now.minus(LOST).millis()],
            |r| r.get(0),
        )
        .map_err(sql("look for a walk under way"))?;
    if busy || looks::waiting(writer, &agent)? >= looks::MAX_WAITING {
        return Err(CommandError::Conflict(said(
            format!("探针 `{agent}` 正在进行另一次读取；请等它结束"),
            format!("agent `{agent}` is at another walk; wait for its end"),
        )));
    }
    let (id, oid, object) = (writer.new_id(now).to_string(), walk::dotted(&arcs), Object::Asset(asset.clone()));
    writer
        .core
        .execute(
            "INSERT INTO walk (id, agent, asset, actor, created, oid, rows, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, '')",
            params![id, agent.as_str(), asset.as_str(), actor, now.millis(), oid],
        )
        .and_then(|_| {
            let old = "DELETE FROM walk WHERE id NOT IN (SELECT id FROM walk ORDER BY id DESC LIMIT ?1)";
            writer.core.execute(old, [MAX_KEPT])
        })
        .map_err(sql("store a walk"))?;
    agents::job_add(writer, &agent, &id, &Job::Walk { id: id.clone(), object, oid })?;
    changed(writer);
    Ok(Outcome::Started(id))
}

/// Which agent reads the device: the one whose report of it is held, else any that watches it.
fn reader(writer: &Writer, asset: &AssetId) -> Result<AgentId, CommandError> {
    let watchers = looks::watchers(writer, &Object::Asset(asset.clone()));
    let reported = super::reports::of(&writer.core, asset)?.map(|row| row.agent);
    let known = reported.filter(|agent| watchers.contains(agent));
    known.or_else(|| watchers.first().cloned()).ok_or_else(|| {
        CommandError::Conflict(said(
            format!("目前没有探针监测资产 `{asset}`：见台账中的 `watch`"),
            format!("no agent watches asset `{asset}` now: see `watch` in the inventory"),
        ))
    })
}

/// What came since.
pub(super) fn progress(writer: &mut Writer, agent: &AgentId, progress: Progress) -> Result<(), StoreError> {
    let Some((row, held)) =
        one(&writer.core, &progress.job)?.filter(|(row, _)| row.agent == *agent && row.ended.is_none())
    else {
        return Ok(());
    };
    let below =
        |oid: &str| oid.strip_prefix(row.oid.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    // An agent that was restarted meanwhile begins anew.
    let held: HashSet<String> = held.into_iter().map(|row| row.oid).collect();
    let room = MAX_ROWS.saturating_sub(usize::try_from(row.rows).unwrap_or(MAX_ROWS));
    let mut rows: Vec<walk::Row> =
        progress.rows.into_iter().filter(|row| below(&row.oid) && !held.contains(&row.oid)).take(room).collect();
    for row in &mut rows {
        row.kind.truncate(row.kind.floor_char_boundary(MAX_KIND));
        // What was cut has an ellipsis behind it.
        row.value.truncate(row.value.floor_char_boundary(MAX_VALUE + '…'.len_utf8()));
    }
    writer
        .core
        .execute(
            "UPDATE walk SET rows = rows + ?2, heard = ?3 WHERE id = ?1",
            params![row.id, rows.len() as i64, writer.now().millis()],
        )
        .map_err(sql("note how far a walk is"))?;
    if !rows.is_empty() {
        let body = serde_json::to_string(&rows).expect("rows have string keys, so they always serialise");
        writer
            .core
            .execute(
                "INSERT INTO walked (walk, part, body) SELECT ?1, count(*), ?2 FROM walked WHERE walk = ?1",
                params![row.id, body],
            )
            .map_err(sql("store what a walk brought"))?;
    }
    changed(writer);
    Ok(())
}

/// A job ended; if it was a walk, so is that.
pub(super) fn ended(writer: &mut Writer, agent: &AgentId, result: &JobResult) -> Result<(), StoreError> {
    let rows = writer
        .core
        .execute(
            "UPDATE walk SET ended = ?3, ok = ?4, detail = ?5 WHERE id = ?1 AND agent = ?2 AND ended IS NULL",
            params![result.id, agent.as_str(), writer.now().millis(), result.ok, result.detail],
        )
        .map_err(sql("end a walk"))?;
    if rows > 0 {
        changed(writer);
    }
    Ok(())
}

fn changed(writer: &mut Writer) {
    writer.after(|shared| shared.changed(|changes| changes.walks += 1));
}
