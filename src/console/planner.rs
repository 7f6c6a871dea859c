//! Keeps the plan of every agent up to date: when inventory, definitions, secrets or the liveness of agents
//! change, all plans are built again, after a short pause in which further changes are awaited. A plan whose
//! digest is the same keeps its revision, so that nobody fetches it for nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan;
use crate::console::parents;
use crate::console::service::{Planned, Service};
use crate::engine::expose::Place;
use crate::engine::incident::Policy;
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::{AgentId, Object};

/// How long further changes are awaited: an import touches things one after the other.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Pause after a failure of the store.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until the console stops. The first plans are there already: `start` builds them.
pub async fn run(service: Service) {
    let (mut changes, mut definitions) = (service.store.subscribe(), service.watch_definitions());
    // Whatever came between the first plans and now: build once more, it costs nothing when digests are equal.
    let mut due = true;
    let mut seen = changes.borrow_and_update().plan;
    while !service.stop.is_stopped() {
        if !due {
            let plan_changed = changes.wait_for(|c| c.plan != seen);
            let open = tokio::select! {
                changed = plan_changed => changed.is_ok(),
                changed = definitions.changed() => changed.is_ok(),
                () = service.stop.stopped() => false,
            };
            if !open {
                return;
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
pub async fn rebuild(service: &Service) -> Result<(), crate::console::store::StoreError> {
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
    let mut watchers: BTreeMap<Object, BTreeSet<AgentId>> = BTreeMap::new();
    for (agent, planned) in &plans {
        let objects: HashSet<Object> = planned.plan.objects.iter().map(|o| o.object.clone()).collect();
        for object in &objects {
            watchers.entry(object.clone()).or_default().insert(agent.clone());
        }
        service.store.set_assignments(agent, objects);
    }
    let hangs_on = parents::hangs_on(&inventory, &watchers);
    let noticed_within = parents::noticed_within(plans.values().map(|planned| &planned.plan));
    service.store.set_policy(Policy { watchers, hangs_on, noticed_within, ..Policy::default() });
    service.exposition().set_places(places(&inventory));
    service.set_plans(plans);
    Ok(())
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
