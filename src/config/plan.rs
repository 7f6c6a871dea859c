//! Inventory and definitions into what one agent has to do. The only place that evaluates `where` and chooses who
//! watches what.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::model::field::Catalog;
use crate::model::inventory::Inventory;
use crate::model::plan::{PLAN_SCHEMA, Plan, PlanObject, PlanRule};
use crate::model::{AgentId, Secret};

use super::defs::Definitions;

/// A plan and what could not be planned.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// Objects that lack what a probe needs, secrets that are missing, and so on; for people.
    pub notes: Vec<String>,
}

/// Makes the plan of one agent.
pub fn build(
    inventory: &Inventory,
    definitions: &Definitions,
    catalog: Catalog,
    agent: &AgentId,
    rev: u64,
    secrets: &dyn Fn(&str) -> Option<Secret>,
    alive: &BTreeSet<AgentId>,
) -> Built {
    let _ = (inventory, definitions, catalog, secrets, alive);
    Built {
        plan: Plan {
            schema: PLAN_SCHEMA,
            rev,
            digest: String::new(),
            agent: agent.clone(),
            objects: Vec::new(),
            tasks: Vec::new(),
            rules: Vec::new(),
            secrets: std::collections::BTreeMap::new(),
        },
        notes: Vec::new(),
    }
}

/// The rules that run on the console (`at = "console"`), with all objects they judge.
pub fn console_rules(
    inventory: &Inventory,
    definitions: &Definitions,
    catalog: Catalog,
) -> (Vec<PlanRule>, Vec<PlanObject>) {
    let _ = (inventory, definitions, catalog);
    (Vec::new(), Vec::new())
}

/// Writes a plan: 0600, to a file beside it, synced, renamed.
pub fn save(path: &Path, plan: &Plan) -> io::Result<()> {
    let _ = (path, plan);
    Ok(())
}

/// Reads a plan back. `Ok(None)` if there is none.
pub fn load(path: &Path) -> io::Result<Option<Plan>> {
    let _ = path;
    Ok(None)
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
