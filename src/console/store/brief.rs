//! Incidents in short: one row each and nothing beside it, so that the overview and the lists of objects stay
//! quick when thousands are open and a hundred thousand are over.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::db::sql;
use super::incidents::{NoWord, flags, severity, wrong};
use super::scope::Seen;
use super::types::{Brief, Fact, StoreError};
use crate::engine::expose::{TOLD, Told};
use crate::model::alert::AlertKey;
use crate::model::incident::IncidentState;
use crate::model::{AssetId, Object, Wall};

/// Open incidents in one answer: nobody counts further, and the inbox pages through all of them.
const MAX_OPEN: i64 = 20_000;
/// Facts of ports in one answer: some six each of a chassis with ten thousand.
const MAX_OF_PORTS: i64 = 60_000;
/// What ports tell in words: name, type and index of those of 10,000 devices.
const MAX_TOLD: i64 = 1_500_000;
/// Incidents about an object in one answer.
const MAX_ABOUT: usize = 200;

const COLUMNS: &str = "id, problem, object, instance, state, severity, opened, resolved, flags, assignee, cause";

fn brief(r: &Row<'_>) -> rusqlite::Result<Brief> {
    let text = |column: usize| r.get::<_, String>(column);
    let state = text(4)?;
    Ok(Brief {
        id: r.get(0)?,
        key: AlertKey {
            problem: text(1)?.parse().map_err(|e| wrong(1, e))?,
            object: text(2)?.parse().map_err(|e| wrong(2, e))?,
            instance: r.get(3)?,
        },
        state: IncidentState::parse(&state).ok_or_else(|| wrong(4, NoWord(state)))?,
        severity: severity(r.get(5)?),
        opened: Wall::from_millis(r.get(6)?),
        resolved: r.get::<_, Option<i64>>(7)?.map(Wall::from_millis),
        flags: flags(r.get(8)?),
        assignee: r.get(9)?,
        cause: r.get(10)?,
    })
}

/// See `Store::open_now`.
pub(super) fn open(core: &Connection, seen: &Seen) -> Result<Vec<Brief>, StoreError> {
    let all: Vec<Brief> = core
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incident WHERE state IN ('open', 'acked') ORDER BY id DESC LIMIT ?1"
        ))
        .and_then(|mut q| q.query_map([MAX_OPEN], brief)?.collect())
        .map_err(sql("read what stands open"))?;
    Ok(all.into_iter().filter(|i| seen.sees(&i.key.object)).collect())
}

/// See `Store::incidents_about`.
pub(super) fn about(
    core: &Connection,
    seen: &Seen,
    objects: &[Object],
    ports_of: Option<&AssetId>,
    limit: usize,
) -> Result<Vec<Brief>, StoreError> {
    let failed = sql("read the incidents of an object");
    let limit = limit.clamp(1, MAX_ABOUT);
    let bound = limit as i64;
    let mut found: Vec<Brief> = Vec::new();
    let mut exact = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM incident WHERE object = ?1 ORDER BY id DESC LIMIT ?2"))
        .map_err(&failed)?;
    for object in objects.iter().filter(|object| seen.sees(object)) {
        let rows = exact.query_map(params![object.to_string(), bound], brief).map_err(&failed)?;
        found.extend(rows.collect::<rusqlite::Result<Vec<_>>>().map_err(&failed)?);
    }
    if let Some(asset) = ports_of.filter(|asset| seen.sees(&Object::Asset((*asset).clone()))) {
        // `0` follows `/`: everything that begins with `interface:ASSET/`.
        let (from, to) = (format!("interface:{asset}/"), format!("interface:{asset}0"));
        let rows: Vec<Brief> = core
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM incident WHERE object >= ?1 AND object < ?2 ORDER BY id DESC LIMIT ?3"
            ))
            .and_then(|mut q| q.query_map(params![from, to, bound], brief)?.collect())
            .map_err(&failed)?;
        found.extend(rows);
    }
    found.sort_by(|a, b| b.id.cmp(&a.id));
    found.truncate(limit);
    Ok(found)
}

/// See `Store::ports_told`.
pub(super) fn ports_told(core: &Connection) -> Result<BTreeMap<Object, Told>, StoreError> {
    let read = || {
        let mut query = core.prepare_cached(
            "SELECT object, field, value FROM fact WHERE object >= 'interface:' AND object < 'interface;'
             AND field IN ('alias', 'type', 'index') AND value <> '' ORDER BY object LIMIT ?1",
        )?;
        let mut rows = query.query([MAX_TOLD])?;
        let mut all: BTreeMap<Object, Told> = BTreeMap::new();
        while let Some(r) = rows.next()? {
            let (object, field): (String, String) = (r.get(0)?, r.get(1)?);
            let (Ok(object), Some(field)) = (object.parse(), TOLD.into_iter().find(|told| *told == field)) else {
                continue;
            };
            let told = all.entry(object).or_default();
            // Two probes may tell of it.
            if told.iter().all(|(known, _)| *known != field) {
                told.push((field, r.get(2)?));
            }
        }
        Ok(all)
    };
    read().map_err(sql("read what ports are called"))
}

/// See `Store::engines`.
pub(super) fn engines(core: &Connection, since: Wall) -> Result<BTreeMap<AssetId, String>, StoreError> {
    let rows: Vec<(String, String)> = core
        .prepare_cached(
            "SELECT object, value FROM fact WHERE object >= 'asset:' AND object < 'asset;' AND field = 'engine_id' AND at >= ?1
             ORDER BY object, at LIMIT ?2",
        )
        .and_then(|mut q| {
            q.query_map(params![since.millis(), MAX_TOLD], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        })
        .map_err(sql("read the engine ids of devices"))?;
    let asset = |object: String| object.parse::<Object>().ok()?.asset().cloned();
    Ok(rows.into_iter().filter_map(|(object, id)| Some((asset(object)?, id))).collect())
}

/// See `Store::facts_of_ports`.
pub(super) fn facts_of_ports(core: &Connection, asset: &AssetId) -> Result<Vec<Fact>, StoreError> {
    type Found = (String, String, String, String, String, String, i64);
    let (from, to) = (format!("interface:{asset}/"), format!("interface:{asset}0"));
    let rows: Vec<Found> = core
        .prepare_cached(
            "SELECT object, instance, probe, field, value, agent, at FROM fact WHERE object >= ?1 AND object < ?2 LIMIT ?3",
        )
        .and_then(|mut q| {
            q.query_map(params![from, to, MAX_OF_PORTS], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?))
            })?
            .collect()
        })
        .map_err(sql("read the facts of an asset's ports"))?;
    Ok(rows
        .into_iter()
        .filter_map(|(object, instance, probe, field, value, agent, at)| {
            Some(Fact {
                object: object.parse().ok()?,
                instance,
                probe: probe.parse().ok()?,
                field,
                value,
                agent: agent.parse().ok()?,
                at: Wall::from_millis(at),
            })
        })
        .collect())
}
