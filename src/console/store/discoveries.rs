//! Sweeps that were asked for: how far they are, and what they found. An agent is believed only about its own
//! sweep and about addresses that were asked for.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::agents;
use super::db::sql;
use super::types::{DiscoveryRow, StoreError};
use super::writer::Writer;
use crate::console::command::{CommandError, Outcome, said};
use crate::model::discovery::{Found, Keys, MAX_PORTS, MAX_SECRETS, MAX_TEXT, Progress, Wanted, addresses};
use crate::model::plan::Job;
use crate::model::wire::JobResult;
use crate::model::{AgentId, RegionId, Wall, ZoneId};

/// Sweeps kept; older ones go, running or not.
const MAX_KEPT: i64 = 100;

/// A sweep of which nothing was heard for so long is not waited for: it takes two minutes, and is told of every
/// second.
pub(super) const LOST: Duration = Duration::from_secs(300);

const COLUMNS: &str = "id, agent, actor, created, asked, zone, region, looked, total, heard, ended, ok, detail, \
     (SELECT count(*) FROM discovered WHERE discovery = discovery.id)";

fn read(r: &Row<'_>) -> rusqlite::Result<Option<DiscoveryRow>> {
    let time = |column: usize| r.get::<_, Option<i64>>(column).map(|ms| ms.map(Wall::from_millis));
    let (agent, zone, region): (String, String, Option<String>) = (r.get(1)?, r.get(5)?, r.get(6)?);
    let asked: String = r.get(4)?;
    let (id, actor, detail) = (r.get(0)?, r.get(2)?, r.get(12)?);
    let (created, heard, ended) = (Wall::from_millis(r.get(3)?), time(9)?, time(10)?);
    let (looked, total, found): (i64, i64, i64) = (r.get(7)?, r.get(8)?, r.get(13)?);
    let ok = r.get(11)?;
    let row = || {
        Some(DiscoveryRow {
            id,
            agent: agent.parse().ok()?,
            actor,
            created,
            wanted: serde_json::from_str(&asked).ok()?,
            zone: zone.parse().ok()?,
            region: region.map(|region| region.parse()).transpose().ok()?,
            looked: looked.unsigned_abs(),
            total: total.unsigned_abs(),
            heard,
            ended,
            ok,
            detail,
            found: found.unsigned_abs(),
        })
    };
    Ok(row())
}

/// Newest first.
pub(super) fn list(core: &Connection) -> Result<Vec<DiscoveryRow>, StoreError> {
    let rows: Vec<Option<DiscoveryRow>> = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM discovery ORDER BY id DESC LIMIT ?1"))
        .and_then(|mut q| q.query_map([MAX_KEPT], read)?.collect())
        .map_err(sql("read the discoveries"))?;
    Ok(rows.into_iter().flatten().collect())
}

/// One with what it found, in order of addresses.
pub(super) fn one(core: &Connection, id: &str) -> Result<Option<(DiscoveryRow, Vec<Found>)>, StoreError> {
    let row = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM discovery WHERE id = ?1"))
        .and_then(|mut q| q.query_row([id], read).optional())
        .map_err(sql("read a discovery"))?;
    let Some(row) = row.flatten() else { return Ok(None) };
    let bodies: Vec<String> = core
        .prepare_cached("SELECT body FROM discovered WHERE discovery = ?1")
        .and_then(|mut q| q.query_map([id], |r| r.get(0))?.collect())
        .map_err(sql("read what a discovery found"))?;
    let mut found: Vec<Found> = bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect();
    found.sort_by_key(|found| found.address);
    Ok(Some((row, found)))
}

/// What a command asks for.
pub(super) struct Asked {
    pub(super) agent: AgentId,
    pub(super) wanted: Wanted,
    pub(super) zone: ZoneId,
    pub(super) region: Option<RegionId>,
    pub(super) found: Option<Vec<Found>>,
}

/// Has an agent sweep, or stores what the caller has swept itself.
pub(super) fn command(writer: &mut Writer, actor: String, asked: Asked) -> Result<Outcome, CommandError> {
    let Asked { agent, wanted, zone, region, found: swept } = asked;
    let all =
        addresses(&wanted.ranges).map_err(|error| CommandError::Invalid(said(error.zh(), error.to_string())))?;
    if wanted.secrets.len() > MAX_SECRETS || wanted.tcp_ports.len() > MAX_PORTS || wanted.tcp_ports.contains(&0) {
        return Err(CommandError::Invalid(said(
            format!("最多 {MAX_SECRETS} 个凭据、{MAX_PORTS} 个端口，端口为 1 至 65535"),
            format!("at most {MAX_SECRETS} secrets and {MAX_PORTS} ports of 1 to 65535"),
        )));
    }
    let now = writer.now();
    {
        let live = writer.shared.live();
        let missing = |what, id: String| Err(CommandError::NotFound { what, id });
        if let Some(region) = region.as_ref().filter(|region| !live.inventory.regions.contains_key(*region)) {
            return missing("region", region.to_string());
        }
        if !live.inventory.zones.contains_key(&zone) {
            return missing("zone", zone.to_string());
        }
        if let Some(name) = wanted.secrets.iter().find(|name| !live.secrets.contains_key(*name)) {
            return missing("secret", name.clone());
        }
        let row = live.agents.get(&agent);
        let enrolled = row.is_some_and(|row| row.enrolled.is_some());
        let revoked = row.is_some_and(|row| row.revoked.is_some());
        let known = !revoked && (enrolled || live.inventory.agents.contains_key(&agent));
        if swept.is_none() && !known {
            return missing("agent", agent.to_string());
        }
    }
    if swept.is_none() && busy(&writer.core, &agent, now.minus(LOST))? {
        return Err(CommandError::Conflict(said(
            format!("探针 `{agent}` 正在进行另一次发现；请等它结束"),
            format!("agent `{agent}` is at another sweep; wait for its end"),
        )));
    }
    let id = writer.new_id(now).to_string();
    let total = all.len() as u64;
    let row = DiscoveryRow {
        id: id.clone(),
        agent: agent.clone(),
        actor,
        created: now,
        wanted: wanted.clone(),
        zone,
        region,
        looked: if swept.is_some() { total } else { 0 },
        total,
        heard: None,
        ended: None,
        ok: None,
        detail: String::new(),
        found: 0,
    };
    begin(writer, &row)?;
    match swept {
        Some(swept) => {
            let detail = format!("looked at {total} of {total} addresses, {} answered", swept.len());
            found(writer, &row, swept)?;
            ended(writer, &agent, &JobResult { id: id.clone(), ok: true, detail })?;
        }
        None => agents::job_add(writer, &agent, &id, &Job::Discover { id: id.clone(), wanted, keys: Keys::new() })?,
    }
    Ok(Outcome::Started(id))
}

/// A new one.
fn begin(writer: &mut Writer, row: &DiscoveryRow) -> Result<(), StoreError> {
    let asked = serde_json::to_string(&row.wanted).expect("what is wanted has string keys, so it always serialises");
    writer
        .core
        .execute(
            "INSERT INTO discovery (id, agent, actor, created, asked, zone, region, looked, total, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '')",
            params![
                row.id,
                row.agent.as_str(),
                row.actor,
                row.created.millis(),
                asked,
                row.zone.as_str(),
                row.region.as_ref().map(|region| region.as_str()),
                row.looked as i64,
                row.total as i64
            ],
        )
        .and_then(|_| {
            writer.core.execute(
                "DELETE FROM discovery WHERE id NOT IN (SELECT id FROM discovery ORDER BY id DESC LIMIT ?1)",
                [MAX_KEPT],
            )
        })
        .map_err(sql("store a discovery"))?;
    changed(writer);
    Ok(())
}

/// Whether an agent has one under way.
fn busy(core: &Connection, agent: &AgentId, since: Wall) -> Result<bool, StoreError> {
    core.query_row(
        "SELECT count(*) > 0 FROM discovery WHERE agent = ?1 AND ended IS NULL AND coalesce(heard, created) >= ?2",
        params![agent.as_str(), since.millis()],
        |r| r.get(0),
    )
    .map_err(sql("look for a discovery under way"))
}

/// How far one is, and what it found since.
pub(super) fn progress(writer: &mut Writer, agent: &AgentId, progress: Progress) -> Result<(), StoreError> {
    let Some((row, _)) =
        one(&writer.core, &progress.job)?.filter(|(row, _)| row.agent == *agent && row.ended.is_none())
    else {
        return Ok(());
    };
    let now = writer.now();
    let looked = progress.done.min(row.total);
    writer
        .core
        .execute(
            "UPDATE discovery SET looked = max(looked, ?2), heard = ?3 WHERE id = ?1",
            params![row.id, looked as i64, now.millis()],
        )
        .map_err(sql("note how far a discovery is"))?;
    found(writer, &row, progress.found)?;
    changed(writer);
    Ok(())
}

/// Stores what was found at addresses that were asked for.
fn found(writer: &mut Writer, row: &DiscoveryRow, found: Vec<Found>) -> Result<(), StoreError> {
    let asked: HashSet<IpAddr> = addresses(&row.wanted.ranges).unwrap_or_default().into_iter().collect();
    for mut found in found.into_iter().filter(|found| asked.contains(&found.address)) {
        for text in [&mut found.name, &mut found.description, &mut found.object_id] {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            text.retain(|c| !c.is_control());
        }
        found.tcp.retain(|port| row.wanted.tcp_ports.contains(port));
        found.secret = found.secret.filter(|name| row.wanted.secrets.contains(name));
        let body = serde_json::to_string(&found).expect("a finding has string keys, so it always serialises");
        writer
            .core
            .prepare_cached("INSERT OR REPLACE INTO discovered (discovery, address, body) VALUES (?1, ?2, ?3)")
            .and_then(|mut q| q.execute(params![row.id, found.address.to_string(), body]))
            .map_err(sql("store what a discovery found"))?;
    }
    Ok(())
}

/// A job ended; if it was a sweep, so is that.
pub(super) fn ended(writer: &mut Writer, agent: &AgentId, result: &JobResult) -> Result<(), StoreError> {
    let now = writer.now();
    let rows = writer
        .core
        .execute(
            "UPDATE discovery SET ended = ?3, ok = ?4, detail = ?5 WHERE id = ?1 AND agent = ?2 AND ended IS NULL",
            params![result.id, agent.as_str(), now.millis(), result.ok, result.detail],
        )
        .map_err(sql("end a discovery"))?;
    if rows > 0 {
        changed(writer);
    }
    Ok(())
}

fn changed(writer: &mut Writer) {
    writer.after(|shared| shared.changed(|changes| changes.discoveries += 1));
}
