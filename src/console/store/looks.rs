//! Looks that are asked of agents: by a person, or by the book when what an object hung on is back.

use std::collections::{BTreeSet, HashSet};

use super::agents;
use super::db::sql;
use super::types::StoreError;
use super::writer::Writer;
use crate::model::plan::Job;
use crate::model::{AgentId, Object};

/// Jobs that may wait for one agent.
pub(super) const MAX_WAITING: i64 = 50;
/// Of them, how many the book may take: people come first.
const MAX_OWN: i64 = 25;
/// Objects that one recovery has looked at: those behind a county's line.
const MAX_LOOKS: usize = 200;

/// Who watches an object.
pub(super) fn watchers(writer: &Writer, object: &Object) -> BTreeSet<AgentId> {
    let live = writer.shared.live();
    let whole = object.asset().map(|asset| Object::Asset(asset.clone()));
    let watches = |objects: &HashSet<Object>| {
        objects.contains(object) || whole.as_ref().is_some_and(|whole| objects.contains(whole))
    };
    live.assigned.iter().filter(|(_, set)| watches(&set.now)).map(|(agent, _)| agent.clone()).collect()
}

/// Jobs that wait for an agent.
pub(super) fn waiting(writer: &Writer, agent: &AgentId) -> Result<i64, StoreError> {
    writer
        .core
        .query_row("SELECT count(*) FROM job WHERE agent = ?1 AND done IS NULL", [agent.as_str()], |r| r.get(0))
        .map_err(sql("count the jobs of an agent"))
}

/// Has objects looked at once; whoever has too much to do is left alone, and says by itself how things are.
pub(super) fn queue(writer: &mut Writer, objects: &[Object]) -> Result<(), StoreError> {
    let now = writer.now();
    for object in objects.iter().take(MAX_LOOKS) {
        for agent in watchers(writer, object) {
            if waiting(writer, &agent)? < MAX_OWN {
                let id = writer.new_id(now).to_string();
                let job = Job::ProbeNow { id: id.clone(), object: object.clone(), count: 1, spacing_ms: 1_000 };
                agents::job_add(writer, &agent, &id, &job)?;
            }
        }
    }
    Ok(())
}
