//! The agent's engine of SNMP v3: its id, and how often it started. Kept with what else outlives a restart, because who
//! sends it informs signs for this id, and takes a clock that goes back for a fraud (RFC 3414 section 2.2).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::collect::EngineTerms;
use crate::model::Secret;
use crate::net::snmp::Engine;
use crate::relay::spool::{SavedState, Spool};

/// Its key; it is of no rule.
const KEY: &str = "~engine";

#[derive(Serialize, Deserialize)]
struct Kept {
    id: Vec<u8>,
    boots: u32,
}

/// Whether this was kept for the engine.
pub(super) fn keeps(key: &str) -> bool {
    key == KEY
}

/// Starts it once more: nothing is said in its name before the number is written down. Without a number that it can
/// write down there is none.
pub(super) async fn own(
    spool: &Spool,
    kept: &[(String, Value)],
    users: watch::Receiver<Arc<[Secret]>>,
) -> Option<EngineTerms> {
    let last = kept.iter().find(|(key, _)| key == KEY);
    let (id, boots) = match last.and_then(|(_, body)| Deserialize::deserialize(body).ok()) {
        Some(Kept { id, boots }) => (id, boots.saturating_add(1)),
        None => (Engine::fresh_id()?, 1),
    };
    let body = json!(Kept { id: id.clone(), boots });
    match spool.append(Vec::new(), vec![SavedState { key: KEY.to_owned(), body: Some(body) }]).await {
        Ok(()) => Some(EngineTerms { id, boots, users }),
        Err(error) => {
            tracing::error!(%error, "the engine of SNMP v3 cannot count its starts; v3 is not received");
            None
        }
    }
}
