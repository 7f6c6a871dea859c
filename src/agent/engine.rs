//! The agent's engine of SNMP v3: its id, how often it started, and what the clocks of others said. Kept with what else
//! outlives a restart, because who sends it informs signs for this id, and takes a clock that goes back for a fraud (RFC 3414
//! section 2.2), as we take theirs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::collect::EngineTerms;
use crate::model::Secret;
use crate::net::snmp::{Engine, PeerClock};
use crate::relay::spool::{SavedState, Spool};

/// Its key, and that of the clocks of others; they are of no rule.
const KEY: &str = "~engine";
const CLOCKS: &str = "~engine-clocks";

#[derive(Serialize, Deserialize)]
struct Kept {
    id: Vec<u8>,
    boots: u32,
}

/// Whether this was kept for the engine.
pub(super) fn keeps(key: &str) -> bool {
    key == KEY || key == CLOCKS
}

/// The clocks of others, to be written down.
pub(super) fn keep(clocks: Vec<PeerClock>) -> SavedState {
    SavedState { key: CLOCKS.to_owned(), body: Some(json!(clocks)) }
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
    let clocks = kept.iter().find(|(key, _)| key == CLOCKS);
    let clocks = clocks.and_then(|(_, body)| Deserialize::deserialize(body).ok()).unwrap_or_default();
    let body = json!(Kept { id: id.clone(), boots });
    match spool.append(Vec::new(), vec![SavedState { key: KEY.to_owned(), body: Some(body) }]).await {
        Ok(()) => Some(EngineTerms { id, boots, clocks, users }),
        Err(error) => {
            tracing::error!(%error, "the engine of SNMP v3 cannot count its starts; v3 is not received");
            None
        }
    }
}
