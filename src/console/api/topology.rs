//! The topology over the API: what was found against what is declared, and to declare what was found.

use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Reply};
use super::page;
use super::problem::Problem;
use crate::console::topology;
use crate::engine::topology::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdoptBody {
    #[serde(default)]
    reason: Option<String>,
}

/// `GET /topology`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let words = State::ALL.map(State::as_str).join(", ");
    let state = call.query.read_with("state", &words, State::parse)?;
    let lines = topology::lines(&call.service, &call.actor.scope).await?;
    let found = lines.iter().filter(|line| state.is_none_or(|state| state == line.state));
    Ok(page(found.map(topology::json_of).collect(), None))
}

/// `POST /topology/{id}/adopt`
pub async fn adopt(call: Call) -> Result<Reply, Problem> {
    let body: AdoptBody = call.json()?;
    let (rev, link) = topology::adopt(&call.service, &call.actor, call.part("id"), body.reason.as_deref()).await?;
    Ok(Reply::Json(json!({ "rev": rev, "link": link })))
}
