//! Agents: when they were heard of, how far their clocks are off, what they report, their jobs, and what they
//! found out. Being heard is kept in memory and written down once a minute.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::db::sql;
use super::live::{Assigned, CertificateLive, Live, Shared};
use super::types::{AgentRow, Fact, GapRow, StoreError, StoreParts};
use super::writer::Writer;
use super::{Store, sealed, tokens};
use crate::console::secrets::Keys;
use crate::engine::incident::Input;
use crate::model::plan::Job;
use crate::model::wire::JobResult;
use crate::model::{AgentId, AssetId, Now, Object, Wall};

/// Being heard of is written down so often.
const SAVE_HEARD: Duration = Duration::from_secs(60);
/// Records judged by the plan before are accepted for so long after a new one.
const PLAN_GRACE: Duration = Duration::from_secs(600);
/// A job nobody asked for within that time is not handed out any more.
const JOB_LIFE: Duration = Duration::from_secs(3_600);
/// Gaps kept in memory an agent.
const MAX_GAPS: usize = 20;
/// Jobs in one answer.
const MAX_JOBS: i64 = 50;
/// Facts or interfaces in one answer; a large chassis has a few thousand ports.
pub(super) const MAX_OBSERVED: i64 = 10_000;

impl Live {
    /// Reads everything that is kept in memory.
    pub(super) fn load(core: &Connection, parts: &StoreParts, now: Wall) -> Result<Self, StoreError> {
        if super::inventory::setting(core, "console_uuid")?.is_none() {
            let bytes: [u8; 16] = crate::console::secrets::random()?;
            let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
            super::inventory::set_setting(core, "console_uuid", &uuid)?;
        }
        let mut secrets = sealed::load(core)?;
        let newest = secrets.iter().map(|(row, _)| row.generation).max().unwrap_or(0);
        let keys = Keys::load(&parts.dir, parts.key.as_ref(), newest)?;
        let marks = sealed::marks(core, &keys, &mut secrets, now)?;
        for (row, body) in &secrets {
            if let Err(error) = keys.open(&row.name, row.generation, body) {
                tracing::error!(%error, "a secret cannot be used");
            }
        }
        let (rev, inventory) = super::inventory::load(core)?;
        let mut live = Self {
            rev,
            inventory,
            keys,
            marks,
            secrets: secrets.into_iter().map(|(row, body)| (row.name.clone(), (row, body))).collect(),
            tokens: tokens::load(core)?.into_iter().collect(),
            enroll_tokens: tokens::load_enroll(core)?,
            maintenance: super::maintenance::load(core)?,
            ..Self::default()
        };
        live.load_agents(core)?;
        live.load_certificates(core)?;
        live.load_gaps(core)?;
        Ok(live)
    }

    fn load_agents(&mut self, core: &Connection) -> Result<(), StoreError> {
        let mut query = core
            .prepare("SELECT id, enrolled, heard, skew_ms, status, status_at, revoked FROM agent")
            .map_err(sql("read the agents"))?;
        let mut rows = query.query([]).map_err(sql("read the agents"))?;
        while let Some(r) = rows.next().map_err(sql("read the agents"))? {
            let read = || -> rusqlite::Result<_> {
                let time = |column: usize| r.get::<_, Option<i64>>(column).map(|ms| ms.map(Wall::from_millis));
                let row = super::live::AgentLive {
                    enrolled: time(1)?,
                    heard: time(2)?,
                    skew_ms: r.get(3)?,
                    status: r.get::<_, Option<String>>(4)?.and_then(|text| serde_json::from_str(&text).ok()),
                    status_at: time(5)?,
                    revoked: r.get(6)?,
                    ..Default::default()
                };
                Ok((r.get::<_, String>(0)?, row))
            };
            let (id, row) = read().map_err(sql("read the agents"))?;
            if let Ok(id) = AgentId::new(&id) {
                self.agents.insert(id, row);
            }
        }
        Ok(())
    }

    fn load_certificates(&mut self, core: &Connection) -> Result<(), StoreError> {
        let rows: Vec<(String, String, i64, Option<String>)> = core
            .prepare("SELECT serial, agent, expires, revoked FROM certificate")
            .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?.collect())
            .map_err(sql("read the certificates"))?;
        for (serial, agent, expires, revoked) in rows {
            if let Ok(agent) = AgentId::new(&agent) {
                let row = CertificateLive { agent, expires: Wall::from_millis(expires), revoked };
                self.certificates.insert(serial, row);
            }
        }
        Ok(())
    }

    fn load_gaps(&mut self, core: &Connection) -> Result<(), StoreError> {
        let rows: Vec<(String, GapRow)> = core
            .prepare("SELECT agent, stream, epoch, first, last, cause, received FROM gap ORDER BY received DESC LIMIT 1000")
            .and_then(|mut q| {
                q.query_map([], |r| {
                    let gap = GapRow {
                        stream: r.get(1)?,
                        epoch: r.get(2)?,
                        first: r.get::<_, i64>(3)?.unsigned_abs(),
                        last: r.get::<_, i64>(4)?.unsigned_abs(),
                        cause: r.get(5)?,
                        received: Wall::from_millis(r.get(6)?),
                    };
                    Ok((r.get(0)?, gap))
                })?
                .collect()
            })
            .map_err(sql("read the gaps"))?;
        for (agent, gap) in rows.into_iter().rev() {
            if let Ok(agent) = AgentId::new(&agent) {
                self.add_gap(&agent, gap);
            }
        }
        Ok(())
    }

    /// Remembers a gap.
    pub(super) fn add_gap(&mut self, agent: &AgentId, gap: GapRow) {
        let gaps = &mut self.agents.entry(agent.clone()).or_default().gaps;
        gaps.push(gap);
        let over = gaps.len().saturating_sub(MAX_GAPS);
        gaps.drain(..over);
    }
}

/// See `Store::agents`.
pub(super) fn rows(shared: &Shared) -> Vec<AgentRow> {
    let now = shared.clock.mono();
    let live = shared.live();
    let ids: std::collections::BTreeSet<&AgentId> = live.inventory.agents.keys().chain(live.agents.keys()).collect();
    let nothing = super::live::AgentLive::default();
    ids.into_iter()
        .map(|id| {
            let row = live.agents.get(id).unwrap_or(&nothing);
            let certificates = live.certificates.values().filter(|c| c.agent == *id && c.revoked.is_none());
            AgentRow {
                id: id.clone(),
                declared: live.inventory.agents.contains_key(id),
                enrolled: row.enrolled,
                last_heard: row.heard,
                alive: row.heard_mono.is_some_and(|heard| now.since(heard) <= shared.silent_after),
                skew_ms: row.skew_ms,
                status: row.status.clone(),
                status_at: row.status_at,
                revoked: row.revoked.clone(),
                certificate_expires: certificates.map(|c| c.expires).max(),
                gaps: row.gaps.clone(),
            }
        })
        .collect()
}

/// See `Store::heard`.
pub(super) fn heard(store: &Store, agent: &AgentId) {
    let now = store.shared.clock.now();
    let mut live = store.shared.live_mut();
    let row = live.agents.entry(agent.clone()).or_default();
    row.heard = Some(now.wall);
    row.heard_mono = Some(now.mono);
    let save = row.heard_saved.is_none_or(|saved| now.mono.since(saved) >= SAVE_HEARD);
    let back = row.silent != Some(false);
    if !save && !back {
        return;
    }
    let id = agent.clone();
    let sent = store.queue.tell("note that an agent was heard of", move |writer| {
        writer
            .core
            .prepare_cached("INSERT INTO agent (id, heard) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET heard = ?2")
            .and_then(|mut q| q.execute(params![id.as_str(), now.wall.millis()]))
            .map_err(sql("note that an agent was heard of"))?;
        if back {
            super::incidents::apply_all(writer, vec![Input::AgentHeard { agent: id }], now.wall)?;
            writer.after(|shared| shared.changed(|changes| changes.plan += 1));
        }
        Ok(())
    });
    // When the queue is full, the next request tells it.
    if sent.is_ok() {
        row.heard_saved = Some(now.mono);
        row.silent = Some(false);
    }
}

/// See `Store::set_assignments`.
pub(super) fn assign(shared: &Shared, agent: &AgentId, objects: HashSet<Object>) {
    let until = shared.clock.wall().plus(PLAN_GRACE);
    let mut live = shared.live_mut();
    let old = live.assigned.remove(agent);
    let assigned = match old {
        Some(old) if *old.now == objects => old,
        Some(old) => Assigned { now: Arc::new(objects), before: old.now, before_until: until },
        None => Assigned { now: Arc::new(objects), ..Assigned::default() },
    };
    live.assigned.insert(agent.clone(), assigned);
}

/// See `Store::tick`.
pub(super) async fn tick(store: &Store, now: Now) {
    let shared = &store.shared;
    let mut silent = Vec::new();
    {
        let mut live = shared.live_mut();
        for (id, row) in &mut live.agents {
            // An agent that was never heard of since this console started gets as long as any other.
            let since = row.heard_mono.unwrap_or(shared.opened);
            let watched = row.enrolled.is_some() && row.revoked.is_none();
            if watched && row.silent != Some(true) && now.mono.since(since) > shared.silent_after {
                row.silent = Some(true);
                silent.push(id.clone());
            }
        }
    }
    let told = silent.clone();
    let done = store
        .queue
        .ask(move |writer| {
            let mut inputs: Vec<Input> = silent.into_iter().map(|agent| Input::AgentSilent { agent }).collect();
            let changed = !inputs.is_empty();
            inputs.extend(super::own::ended(writer, now.wall)?);
            inputs.extend(super::maintenance::input(writer, now.wall));
            inputs.push(Input::Tick);
            super::incidents::apply_all(writer, inputs, now.wall)?;
            if changed {
                writer.after(|shared| shared.changed(|changes| changes.plan += 1));
            }
            Ok::<(), StoreError>(())
        })
        .await;
    if let Err(error) = done {
        tracing::warn!(%error, "the store's tick failed");
        let mut live = shared.live_mut();
        for id in told {
            if let Some(row) = live.agents.get_mut(&id).filter(|row| row.silent == Some(true)) {
                row.silent = None;
            }
        }
    }
}

/// See `Store::jobs`.
pub(super) fn jobs(core: &Connection, agent: &AgentId) -> Result<Vec<Job>, StoreError> {
    let bodies: Vec<String> = core
        .prepare_cached("SELECT body FROM job WHERE agent = ?1 AND done IS NULL ORDER BY id LIMIT ?2")
        .and_then(|mut q| q.query_map(params![agent.as_str(), MAX_JOBS], |r| r.get(0))?.collect())
        .map_err(sql("read the jobs of an agent"))?;
    Ok(bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect())
}

/// Queues a job.
pub(super) fn job_add(writer: &mut Writer, agent: &AgentId, id: &str, job: &Job) -> Result<(), StoreError> {
    let now = writer.now();
    let body = serde_json::to_string(job).expect("a job has string keys only, so it always serialises");
    writer
        .core
        .execute(
            "UPDATE job SET done = ?2, ok = 0, detail = 'nobody asked for it' WHERE done IS NULL AND created < ?1",
            params![now.minus(JOB_LIFE).millis(), now.millis()],
        )
        .and_then(|_| {
            writer.core.execute(
                "INSERT INTO job (id, agent, body, created) VALUES (?1, ?2, ?3, ?4)",
                params![id, agent.as_str(), body, now.millis()],
            )
        })
        .map_err(sql("queue a job"))?;
    writer.after(|shared| shared.changed(|changes| changes.jobs += 1));
    Ok(())
}

/// See `Store::job_done`.
pub(super) fn job_done(writer: &mut Writer, agent: &AgentId, result: &JobResult) -> Result<(), StoreError> {
    let now = writer.now();
    writer
        .core
        .execute(
            "UPDATE job SET done = ?3, ok = ?4, detail = ?5 WHERE id = ?1 AND agent = ?2 AND done IS NULL",
            params![result.id, agent.as_str(), now.millis(), result.ok, result.detail],
        )
        .map_err(sql("finish a job"))?;
    super::walks::ended(writer, agent, result)?;
    super::discoveries::ended(writer, agent, result)
}

/// See `Store::facts`.
pub(super) fn facts(core: &Connection, object: &Object) -> Result<Vec<Fact>, StoreError> {
    type Row = (String, String, String, String, String, i64);
    let rows: Vec<Row> = core
        .prepare_cached("SELECT instance, probe, field, value, agent, at FROM fact WHERE object = ?1 LIMIT ?2")
        .and_then(|mut q| {
            q.query_map(params![object.to_string(), MAX_OBSERVED], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
            })?
            .collect()
        })
        .map_err(sql("read the facts of an object"))?;
    Ok(rows
        .into_iter()
        .filter_map(|(instance, probe, field, value, agent, at)| {
            Some(Fact {
                object: object.clone(),
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

/// See `Store::interfaces`.
pub(super) fn interfaces(core: &Connection, asset: &AssetId) -> Result<Vec<Object>, StoreError> {
    let names: Vec<String> = core
        .prepare_cached("SELECT name FROM observed_interface WHERE asset = ?1 ORDER BY name LIMIT ?2")
        .and_then(|mut q| q.query_map(params![asset.as_str(), MAX_OBSERVED], |r| r.get(0))?.collect())
        .map_err(sql("read the interfaces of an asset"))?;
    Ok(names.iter().filter_map(|name| Object::interface(asset.clone(), name).ok()).collect())
}
