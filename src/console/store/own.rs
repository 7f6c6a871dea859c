//! Alerts that the console raises itself: what its own rules say, and about its agents.

use rusqlite::{Connection, params};

use super::db::sql;
use super::types::StoreError;
use super::writer::Writer;
use crate::engine::incident::Input;
use crate::model::{AgentId, Alert};

/// Under which agent the console's own contributions stand.
pub(super) fn console() -> AgentId {
    AgentId::new("console").expect("`console` follows the pattern of a slug")
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
            Some(body) => writer
                .core
                .prepare_cached("INSERT OR REPLACE INTO rule_state (key, body) VALUES (?1, ?2)")
                .and_then(|mut q| q.execute(params![key, body.to_string()])),
            None => {
                writer.core.prepare_cached("DELETE FROM rule_state WHERE key = ?1").and_then(|mut q| q.execute([key]))
            }
        }
        .map_err(sql("store the state of a rule"))?;
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

/// Stub.
pub(super) fn load(
    _core: &Connection,
) -> Result<std::collections::BTreeMap<(AgentId, String), Option<crate::model::Wall>>, StoreError> {
    Ok(Default::default())
}
/// Stub.
pub(super) fn ended(_w: &mut Writer, _now: crate::model::Wall) -> Result<Vec<Input>, StoreError> {
    Ok(Vec::new())
}
