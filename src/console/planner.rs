//! Keeps the plan of every agent up to date: when inventory, definitions, secrets or the liveness of agents
//! change, all plans are built again, after a short pause in which further changes are awaited. A plan whose
//! digest is the same keeps its revision, so that nobody fetches it for nothing. What hangs on what follows the traced
//! ways, too, which change while no plan does.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan;
use crate::console::board::known_port;
use crate::console::command::Scope;
use crate::console::parents::{self, traced};
use crate::console::service::{Planned, Service};
use crate::console::store::{StoreError, ways};
use crate::engine::expose::Place;
use crate::engine::incident::Policy;
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::{AgentId, Object};

/// How long further changes are awaited: an import touches things one after the other.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Pause after a failure of the store.
const RETRY: Duration = Duration::from_secs(1);
/// How often the traced ways are looked at; they are traced once a minute.
const WAYS: Duration = Duration::from_secs(60);
/// Objects whose ways are looked at: a region's backbone and metro links, and some services.
const MAX_TRACED: usize = 5_000;

/// Runs until the console stops. The first plans are there already: `start` builds them.
pub async fn run(service: Service) {
    let (mut changes, mut definitions) = (service.store.subscribe(), service.watch_definitions());
    // Whatever came between the first plans and now: build once more, it costs nothing when digests are equal.
    let mut due = true;
    let mut seen = changes.borrow_and_update().plan;
    let mut told = Policy::default();
    while !service.stop.is_stopped() {
        if !due {
            let plan_changed = changes.wait_for(|c| c.plan != seen);
            // Nothing has changed, or everything is at an end, or else plans are due.
            let open = tokio::select! {
                changed = plan_changed => changed.ok().map(|_| true),
                changed = definitions.changed() => changed.ok().map(|()| true),
                () = service.clock.sleep(WAYS) => Some(false),
                () = service.stop.stopped() => None,
            };
            match open {
                Some(true) => {}
                Some(false) => {
                    follow_ways(&service, &mut told).await;
                    continue;
                }
                None => return,
            }
        }
        tokio::select! {
            () = service.clock.sleep(if due { RETRY } else { DEBOUNCE }) => {}
            () = service.stop.stopped() => return,
        }
        // Noted before building, so that what changes meanwhile is seen on the next round.
        seen = changes.borrow_and_update().plan;
        definitions.borrow_and_update();
        let built = rebuild(&service).await;
        due = built.is_err();
        if let Err(error) = built {
            tracing::error!(%error, "plans could not be built, the ones before stay; trying again");
        }
    }
}

/// Builds all plans and puts them in place.
pub async fn rebuild(service: &Service) -> Result<(), StoreError> {
    let (_, inventory) = service.store.inventory();
    let agents: BTreeSet<AgentId> =
        inventory.agents.keys().cloned().chain(service.store.agents().into_iter().map(|a| a.id)).collect();
    let mut plans = BTreeMap::new();
    for (agent, mut fresh) in build_all(service, inventory.clone(), agents).await {
        let old = service.plan(&agent);
        fresh.plan.rev = match old {
            Some(old) if old.plan.digest == fresh.plan.digest => old.plan.rev,
            _ => {
                let rev = service.store.next_plan_rev().await?;
                tracing::info!(%agent, rev, tasks = fresh.plan.tasks.len(), rules = fresh.plan.rules.len(), "new plan");
                for note in &fresh.notes {
                    tracing::warn!(%agent, note);
                }
                rev
            }
        };
        plans.insert(agent, Arc::new(fresh));
    }
    for (agent, planned) in &plans {
        let objects: HashSet<Object> = planned.plan.objects.iter().map(|o| o.object.clone()).collect();
        service.store.set_assignments(agent, objects);
    }
    service.store.set_policy(policy(service, &inventory, &plans).await?);
    service.exposition().set_places(places(&inventory));
    service.set_plans(plans);
    Ok(())
}

/// Tells the incident engine where a way has changed what hangs on what.
async fn follow_ways(service: &Service, told: &mut Policy) {
    let (_, inventory) = service.store.inventory();
    match policy(service, &inventory, &service.plans()).await {
        Ok(now) if now != *told => {
            *told = now.clone();
            service.store.set_policy(now);
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the traced ways could not be read, what hangs on what stays"),
    }
}

/// Who watches what, and what hangs on what.
async fn policy(
    service: &Service,
    inventory: &Inventory,
    plans: &BTreeMap<AgentId, Arc<Planned>>,
) -> Result<Policy, StoreError> {
    let mut watchers: BTreeMap<Object, BTreeSet<AgentId>> = BTreeMap::new();
    for (agent, planned) in plans {
        for object in &planned.plan.objects {
            watchers.entry(object.object.clone()).or_default().insert(agent.clone());
        }
    }
    let mut hangs_on = {
        let newest = service.store.newest();
        parents::hangs_on(inventory, &watchers, |end| known_port(&newest, end))
    };
    let tells_ways =
        |kind: &str| service.catalog.iter().any(|spec| spec.name == kind && spec.schema.find(ways::PATH).is_some());
    let tasks = plans.values().flat_map(|planned| &planned.plan.tasks);
    let objects: BTreeSet<&Object> = tasks.filter(|task| tells_ways(&task.kind)).map(|task| &task.object).collect();
    let mut paths = BTreeMap::new();
    for object in objects.into_iter().take(MAX_TRACED) {
        let changes = service.store.fact_changes(&Scope::All, object, ways::PATH).await?;
        if !changes.is_empty() {
            paths.insert(object.clone(), changes);
        }
    }
    traced::add(&mut hangs_on, inventory, &paths, service.clock.wall());
    let noticed_within = parents::noticed_within(plans.values().map(|planned| &planned.plan));
    let addresses = parents::addresses(inventory);
    let definitions = service.definitions();
    let rules = &definitions.rules;
    let partial = rules.iter().filter(|rule| rule.partial).map(|rule| rule.problem.clone()).collect();
    let counts_as = rules.iter().filter_map(|rule| Some((rule.problem.clone(), rule.counts_as.clone()?))).collect();
    Ok(Policy { watchers, hangs_on, noticed_within, partial, counts_as, addresses, ..Policy::default() })
}

/// Building is pure and takes a while with thousands of assets, so it runs off the runtime's threads.
async fn build_all(
    service: &Service,
    inventory: Arc<Inventory>,
    agents: BTreeSet<AgentId>,
) -> Vec<(AgentId, Planned)> {
    let (definitions, alive) = (service.definitions(), service.store.alive());
    let (store, catalog) = (service.store.clone(), service.catalog);
    let work = move || {
        let secret = |name: &str| store.secret(name);
        agents
            .into_iter()
            .map(|agent| {
                let built = plan::build(&inventory, &definitions, catalog, &agent, 0, &secret, &alive);
                (agent, Planned { plan: built.plan, notes: built.notes })
            })
            .collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "building plans broke off");
        Vec::new()
    })
}

/// What the metrics pages say of each object.
fn places(inventory: &Inventory) -> BTreeMap<Object, Place> {
    let mut all = BTreeMap::new();
    for region in inventory.regions.values() {
        let info = vec![("name", region.name.clone()), ("tier", region.tier.as_str().to_owned())];
        all.insert(Object::Region(region.id.clone()), Place { region: Some(region.id.clone()), info });
    }
    for asset in inventory.assets.values() {
        let info = vec![
            ("name", asset.name.clone()),
            ("kind", asset.kind.as_str().to_owned()),
            ("zone", asset.zone.to_string()),
            ("status", asset.status.as_str().to_owned()),
            ("importance", asset.importance.to_string()),
        ];
        all.insert(Object::Asset(asset.id.clone()), Place { region: asset.region.clone(), info });
    }
    for link in inventory.links.values() {
        let region = [&link.a, &link.b].into_iter().find_map(|end| match end {
            LinkEnd::Port { asset, .. } => inventory.assets.get(asset)?.region.clone(),
            LinkEnd::Peer { .. } => None,
        });
        let info = vec![("name", link.name.clone()), ("tier", link.tier.as_str().to_owned())];
        all.insert(Object::Link(link.id.clone()), Place { region, info });
    }
    for agent in inventory.agents.values() {
        let info = vec![("name", agent.name.clone()), ("zone", agent.zone.to_string())];
        all.insert(Object::Agent(agent.id.clone()), Place { region: agent.region.clone(), info });
    }
    all
}
