//! Alerts that the console raises itself: what its own rules say, and what it notices about its agents (clock
//! off, spool lost, records that never came). The latter end by a condition or after a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::db::sql;
use super::types::StoreError;
use super::writer::Writer;
use crate::engine::incident::Input;
use crate::model::alert::{AlertKey, AlertState, ClearReason};
use crate::model::{AgentId, Alert, Object, ProblemId, RuleId, Severity, Wall};

/// The agent's clock is off.
pub(super) const CLOCK_SKEW: &str = "clock-skew";
/// The agent lost its spool and began a new one.
pub(super) const SPOOL_RESET: &str = "spool-reset";
/// Records of the agent will never come.
pub(super) const SPOOL_GAP: &str = "spool-gap";
/// The agent cannot carry out all of its plan.
pub(super) const PLAN_PARTIAL: &str = "plan-partial";
/// How long a lost spool and lost records stay firing: long enough for a shift to see them.
pub(super) const SHOWN: Duration = Duration::from_secs(3_600);

/// One that is firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Own {
    since: Wall,
    until: Option<Wall>,
}

/// Under which agent the console's own contributions stand.
pub(super) fn console() -> AgentId {
    AgentId::new("console").expect("`console` follows the pattern of a slug")
}

fn put(core: &Connection, key: &str, body: &str) -> Result<(), StoreError> {
    core.prepare_cached("INSERT OR REPLACE INTO rule_state (key, body) VALUES (?1, ?2)")
        .and_then(|mut q| q.execute(params![key, body]))
        .map(drop)
        .map_err(sql("store the state of a rule"))
}

fn forget(core: &Connection, key: &str) -> Result<(), StoreError> {
    core.prepare_cached("DELETE FROM rule_state WHERE key = ?1")
        .and_then(|mut q| q.execute([key]))
        .map(drop)
        .map_err(sql("forget the state of a rule"))
}

/// See `Store::judge`.
pub(super) fn judged(
    writer: &mut Writer,
    alerts: Vec<Alert>,
    saved: Vec<(String, Option<serde_json::Value>)>,
) -> Result<(), StoreError> {
    for (key, body) in saved {
        let key = format!("rule|{key}");
        match body {
            Some(body) => put(&writer.core, &key, &body.to_string())?,
            None => forget(&writer.core, &key)?,
        }
    }
    let inputs = alerts.into_iter().map(|alert| Input::Alert { agent: console(), alert, history: false }).collect();
    let now = writer.now();
    super::incidents::apply_all(writer, inputs, now)
}

/// See `Store::judged`.
pub(super) fn saved(core: &Connection) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
    let rows: Vec<(String, String)> = core
        .prepare("SELECT substr(key, 6), body FROM rule_state WHERE key GLOB 'rule|*' ORDER BY key")
        .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("read the state of rules"))?;
    Ok(rows.into_iter().filter_map(|(key, body)| Some((key, serde_json::from_str(&body).ok()?))).collect())
}

/// Those that are firing.
pub(super) fn load(core: &Connection) -> Result<BTreeMap<(AgentId, &'static str), Own>, StoreError> {
    let rows: Vec<(String, String)> = core
        .prepare("SELECT key, body FROM rule_state WHERE key GLOB 'own|*'")
        .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("read the console's own alerts"))?;
    let known = [CLOCK_SKEW, SPOOL_RESET, SPOOL_GAP, PLAN_PARTIAL];
    Ok(rows
        .into_iter()
        .filter_map(|(key, body)| {
            let (_, rest) = key.split_once('|')?;
            let (agent, problem) = rest.split_once('|')?;
            let problem = known.into_iter().find(|known| *known == problem)?;
            Some(((AgentId::new(agent).ok()?, problem), serde_json::from_str(&body).ok()?))
        })
        .collect())
}

/// Raises one, or moves its end; an input if it is new.
pub(super) fn raise(
    writer: &mut Writer,
    agent: &AgentId,
    problem: &'static str,
    until: Option<Wall>,
    evidence: Vec<(String, String)>,
    now: Wall,
) -> Result<Option<Input>, StoreError> {
    let key = (agent.clone(), problem);
    let held = writer.memory.own.get(&key).copied();
    if held.is_some_and(|held| held.until == until) {
        return Ok(None);
    }
    let own = Own { since: held.map_or(now, |held| held.since), until };
    put(&writer.core, &format!("own|{agent}|{problem}"), &serde_json::json!(own).to_string())?;
    writer.memory.dirty = true;
    writer.memory.own.insert(key, own);
    Ok(held.is_none().then(|| alert(agent, problem, AlertState::Firing, own.since, evidence, now)))
}

/// Ends one.
pub(super) fn clear(
    writer: &mut Writer,
    agent: &AgentId,
    problem: &'static str,
    now: Wall,
) -> Result<Option<Input>, StoreError> {
    let Some(own) = writer.memory.own.remove(&(agent.clone(), problem)) else { return Ok(None) };
    writer.memory.dirty = true;
    forget(&writer.core, &format!("own|{agent}|{problem}"))?;
    Ok(Some(alert(agent, problem, AlertState::Cleared, own.since, Vec::new(), now)))
}

/// Ends those whose time is over.
pub(super) fn ended(writer: &mut Writer, now: Wall) -> Result<Vec<Input>, StoreError> {
    let over = |own: &Own| own.until.is_some_and(|until| until <= now);
    let keys: Vec<_> = writer.memory.own.iter().filter(|(_, own)| over(own)).map(|(key, _)| key.clone()).collect();
    let mut inputs = Vec::new();
    for (agent, problem) in keys {
        inputs.extend(clear(writer, &agent, problem, now)?);
    }
    Ok(inputs)
}

fn alert(
    agent: &AgentId,
    problem: &'static str,
    state: AlertState,
    since: Wall,
    evidence: Vec<(String, String)>,
    now: Wall,
) -> Input {
    let named = "the names of the console's own problems follow the pattern of a slug";
    let alert = Alert {
        key: AlertKey {
            problem: ProblemId::new(problem).expect(named),
            object: Object::Agent(agent.clone()),
            instance: Arc::from(""),
        },
        rule: RuleId::new(problem).expect(named),
        probe: None,
        state,
        cleared_by: (state == AlertState::Cleared).then_some(ClearReason::Condition),
        severity: Severity::Warning,
        since,
        at: now,
        count: 1,
        flapping: false,
        stale: false,
        evidence,
        folds_into: Vec::new(),
        category: Arc::from(""),
        runbook: Arc::from(""),
    };
    Input::Alert { agent: console(), alert, history: false }
}
