//! Inventory and definitions into what one agent has to do. The only place that evaluates `where` and chooses who
//! watches what.
//!
//! Everything is in a fixed order (ids ascending), so equal inputs give equal digests and an agent can tell that
//! nothing changed for it.

mod assign;
mod attributes;
mod file;
mod rules;
mod sources;
mod tasks;
mod when;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::field::{Catalog, TargetNeed};
use crate::model::inventory::Inventory;
use crate::model::plan::{PLAN_SCHEMA, Plan, PlanObject, PlanProfile, PlanRule, RuleAt, Task};
use crate::model::{AgentId, Calendar, Object, Secret};

use super::defs::{Definitions, ProfileDef};

pub use attributes::attributes_of;
pub use file::{load, save};
pub use rules::{Promise, promised};
pub use when::calendar_of;

/// The most notes of one plan; the rest is counted. A page of them is read, a thousand are not.
const MAX_NOTES: usize = 100;

/// The name of the key under which secrets found in configurations are hashed. Not one that people set: the console
/// makes it, and it goes into plans by which configurations are read.
pub const MARKS: &str = "@marks";

/// A plan and what could not be planned.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// Objects that lack what a probe needs, secrets that are missing, and so on; for people.
    pub notes: Vec<String>,
}

/// Makes the plan of one agent. `alive` are the agents heard lately (`watch` with mode `first` takes the first of
/// them); `secrets` looks a secret up by name.
pub fn build(
    inventory: &Inventory,
    definitions: &Definitions,
    catalog: Catalog,
    agent: &AgentId,
    rev: u64,
    secrets: &dyn Fn(&str) -> Option<Secret>,
    alive: &BTreeSet<AgentId>,
) -> Built {
    let mut notes = Vec::new();
    let watched = assign::watched_by(inventory, agent, alive, &mut notes);
    let facts = attributes::Facts::of(inventory, &watched.objects(), agent);
    let calendars = when::Calendars { definitions, inventory };
    let tasks = tasks::tasks(definitions, &watched, &facts, &calendars, &mut notes);
    let (sources, heard) = sources::sources(&watched, &mut notes);
    let rules = rules::rules(definitions, RuleAt::Agent, &facts, (&tasks, &heard), &calendars);
    calendars.missing(&mut notes);

    let mut named = BTreeMap::new();
    for name in tasks.iter().filter_map(|t| t.secret.as_deref()).collect::<BTreeSet<_>>() {
        match secrets(name) {
            Some(secret) => {
                named.insert(name.to_owned(), secret);
            }
            None => notes.push(format!("secret `{name}` is not set; set it with: fengsui secret set {name}")),
        }
    }
    let reads = |task: &Task| catalog.iter().any(|k| k.target == TargetNeed::Config && *k.name == *task.kind);
    if tasks.iter().any(reads) {
        named.extend(secrets(MARKS).map(|key| (MARKS.to_owned(), key)));
    }
    let used: BTreeSet<&Object> = tasks.iter().map(|t| &t.object).chain(&heard).collect();
    let objects = facts.into_plan_objects(|object| used.contains(object));
    if notes.len() > MAX_NOTES {
        let more = notes.len() - MAX_NOTES;
        notes.truncate(MAX_NOTES);
        notes.push(format!("and {more} more"));
    }
    let mut plan = Plan {
        schema: PLAN_SCHEMA,
        rev: 0,
        digest: String::new(),
        agent: agent.clone(),
        objects,
        sources,
        calendars: calendars.used(&tasks, &rules),
        profiles: profiles(definitions, catalog, &tasks),
        tasks,
        rules,
        secrets: named,
        skipped: Vec::new(),
    };
    plan.digest = digest(&plan);
    plan.rev = rev;
    Built { plan, notes }
}

/// All profiles, if a task reads devices by them: which ones the devices have, nobody knows before they were asked.
fn profiles(definitions: &Definitions, catalog: Catalog, tasks: &[Task]) -> Vec<PlanProfile> {
    let reads = |task: &Task| catalog.iter().any(|kind| kind.profiles && *kind.name == *task.kind);
    if !tasks.iter().any(reads) {
        return Vec::new();
    }
    let profile = |def: &ProfileDef| PlanProfile { id: def.id.clone(), toml: def.toml.clone() };
    definitions.profiles.iter().map(profile).collect()
}

/// SHA-256 over the plan's JSON with revision and digest left out.
fn digest(plan: &Plan) -> String {
    let json = serde_json::to_vec(plan).unwrap_or_default();
    hex(ring::digest::digest(&ring::digest::SHA256, &json).as_ref())
}

/// The rules that run on the console (`at = "console"`), with all objects they judge and the calendars they follow.
pub fn console_rules(
    inventory: &Inventory,
    definitions: &Definitions,
    catalog: Catalog,
) -> (Vec<PlanRule>, Vec<PlanObject>, Vec<Arc<Calendar>>) {
    let watched = assign::everything(inventory);
    let facts = attributes::Facts::of_all(inventory, &watched.objects());
    let mut notes = Vec::new(); // the plans of the agents say the same
    let calendars = when::Calendars { definitions, inventory };
    let mut tasks = tasks::tasks(definitions, &watched, &facts, &calendars, &mut notes);
    tasks.extend(tasks::derived(inventory, catalog));
    let rules = rules::rules(definitions, RuleAt::Console, &facts, (&tasks, &BTreeSet::new()), &calendars);
    let judged: BTreeSet<&Object> = rules.iter().flat_map(|r| &r.cases).flat_map(|c| &c.objects).collect();
    let objects = facts.into_plan_objects(|object| judged.contains(object));
    let calendars = calendars.used(&[], &rules);
    (rules, objects, calendars)
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;
