//! Who watches what: as declared, else by zone and region.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::inventory::{Asset, Inventory, Link, LinkEnd, LinkWatch, Side, WatchMode};
use crate::model::{AgentId, AssetId, Object, RegionId, ZoneId};

/// What one agent (or, for the console, anybody) watches.
#[derive(Debug, Default)]
pub(super) struct Watched<'a> {
    pub(super) assets: Vec<&'a Asset>,
    /// The machines that it, or they, run on.
    pub(super) own: Vec<&'a Asset>,
    /// A link, and towards which end.
    pub(super) links: Vec<(&'a Link, Side)>,
    pub(super) agents: Vec<AgentId>,
}

impl Watched<'_> {
    /// As objects, each once.
    pub(super) fn objects(&self) -> BTreeSet<Object> {
        let assets = self.assets.iter().chain(&self.own).map(|a| Object::Asset(a.id.clone()));
        let links = self.links.iter().map(|(l, _)| Object::Link(l.id.clone()));
        assets.chain(links).chain(self.agents.iter().cloned().map(Object::Agent)).collect()
    }
}

/// Everything that somebody watches.
pub(super) fn everything(inventory: &Inventory) -> Watched<'_> {
    let mut links = Vec::new();
    for link in inventory.links.values() {
        let mut sides: Vec<Side> = link.watch.iter().map(|w| w.to).collect();
        if sides.is_empty() {
            sides.push(far_side(link));
        }
        sides.dedup();
        links.extend(sides.into_iter().map(|side| (link, side)));
    }
    Watched {
        assets: inventory.assets.values().filter(|a| a.status.watched()).collect(),
        own: inventory.assets.values().filter(|a| a.status.watched() && a.own_agent().is_some()).collect(),
        links,
        agents: inventory.agents.keys().cloned().collect(),
    }
}

/// What this agent watches.
pub(super) fn watched_by<'a>(
    inventory: &'a Inventory,
    agent: &AgentId,
    alive: &BTreeSet<AgentId>,
    notes: &mut Vec<String>,
) -> Watched<'a> {
    let alone = match inventory.agents.len() {
        0 => true,
        1 => inventory.agents.contains_key(agent),
        _ => false,
    };
    let mut chooser = Chooser { inventory, agent, alive, alone, nearest: BTreeMap::new() };
    let mut watched = Watched { agents: vec![agent.clone()], ..Watched::default() };
    for asset in inventory.assets.values().filter(|a| a.status.watched()) {
        if asset.own_agent() == Some(agent) {
            watched.own.push(asset);
        }
        match chooser.asset(asset) {
            Choice::Mine => watched.assets.push(asset),
            Choice::Others => {}
            // Its own agent does.
            Choice::Nobody if asset.own_agent().is_some() => {}
            Choice::Nobody => notes.push(format!(
                "asset `{}`: no agent stands in zone `{}` in its region or above; declare one, or name watchers with watch",
                asset.id, asset.zone
            )),
        }
    }
    for link in inventory.links.values() {
        if link.watch.is_empty() {
            match chooser.link(link) {
                Choice::Mine => watched.links.push((link, far_side(link))),
                Choice::Others => {}
                Choice::Nobody => {
                    notes.push(format!("link `{}`: no agent found for it; name one with watch", link.id));
                }
            }
        } else {
            let mine = link.watch.iter().filter(|w| w.agent == *agent);
            for LinkWatch { to, .. } in mine {
                if !watched.links.iter().any(|(l, side)| l.id == link.id && side == to) {
                    watched.links.push((link, *to));
                }
            }
        }
    }
    watched
}

/// Without a word from the operator a link is probed from its end of ours (`a` if both are) towards the other.
fn far_side(link: &Link) -> Side {
    match (&link.a, &link.b) {
        (LinkEnd::Peer { .. }, LinkEnd::Port { .. }) => Side::A,
        _ => Side::B,
    }
}

enum Choice {
    Mine,
    Others,
    Nobody,
}

struct Chooser<'a> {
    inventory: &'a Inventory,
    agent: &'a AgentId,
    alive: &'a BTreeSet<AgentId>,
    alone: bool,
    /// Zone and region to the agent chosen for them.
    nearest: BTreeMap<(ZoneId, Option<RegionId>), Option<AgentId>>,
}

impl Chooser<'_> {
    fn asset(&mut self, asset: &Asset) -> Choice {
        if let Some(watch) = &asset.watch {
            let mine = match watch.mode {
                WatchMode::All => watch.agents.contains(self.agent),
                WatchMode::First => {
                    let first = watch.agents.iter().find(|a| self.alive.contains(*a)).or(watch.agents.first());
                    first == Some(self.agent)
                }
            };
            return if mine { Choice::Mine } else { Choice::Others };
        }
        self.by_place(&asset.zone, asset.region.as_ref())
    }

    fn link(&mut self, link: &Link) -> Choice {
        let near: Option<&AssetId> = [&link.a, &link.b].into_iter().find_map(|end| match end {
            LinkEnd::Port { asset, .. } => Some(asset),
            LinkEnd::Peer { .. } => None,
        });
        match near.and_then(|id| self.inventory.assets.get(id)) {
            Some(asset) => self.asset(asset),
            None if self.alone => Choice::Mine,
            None => Choice::Nobody,
        }
    }

    fn by_place(&mut self, zone: &ZoneId, region: Option<&RegionId>) -> Choice {
        if self.alone {
            return Choice::Mine;
        }
        let inventory = self.inventory;
        let key = (zone.clone(), region.cloned());
        let chosen = self.nearest.entry(key).or_insert_with(|| nearest(inventory, zone, region));
        match chosen {
            Some(agent) if agent == self.agent => Choice::Mine,
            Some(_) => Choice::Others,
            None => Choice::Nobody,
        }
    }
}

/// The lowest id among the agents of the zone in the region, else in the nearest region above it; agents without a
/// region stand above all.
fn nearest(inventory: &Inventory, zone: &ZoneId, region: Option<&RegionId>) -> Option<AgentId> {
    let here = |at: Option<&RegionId>| {
        inventory.agents.values().find(|a| a.zone == *zone && a.region.as_ref() == at).map(|a| a.id.clone())
    };
    let mut at = region;
    while let Some(region) = at {
        if let Some(agent) = here(Some(region)) {
            return Some(agent);
        }
        // Parents have no cycles: the inventory's reader checks.
        at = inventory.regions.get(region).and_then(|r| r.parent.as_ref());
    }
    here(None)
}
