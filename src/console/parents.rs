//! What hangs on what, for the incident engine: as the inventory says, and where it says nothing, as the links lie
//! between an asset and whoever watches it, and as the traced ways go.

pub mod traced; // what the ways add

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::model::inventory::{Inventory, Link, LinkEnd, Side};
use crate::model::plan::Plan;
use crate::model::{AgentId, AssetId, LinkId, Object};

/// Runs in a row that a rule needs before it says that something is down.
const RUNS: u32 = 3;

/// Groups of objects that an object hangs on: it is out of reach when all of any group are.
pub type Groups = Vec<Vec<Object>>;

/// What each object hangs on: a port on the link that ends there, a link on the assets at its ends, an asset on what
/// its inventory says, else on all the links by which its watchers can reach it. `called` is the port at an end as its
/// device calls it.
pub fn hangs_on(
    inventory: &Inventory,
    watchers: &BTreeMap<Object, BTreeSet<AgentId>>,
    called: impl Fn(&LinkEnd) -> Option<Object>,
) -> BTreeMap<Object, Groups> {
    let mut all: BTreeMap<Object, Groups> = BTreeMap::new();
    let named = |id: &String| {
        let asset = AssetId::new(id).ok().filter(|id| inventory.assets.contains_key(id)).map(Object::Asset);
        asset.or_else(|| LinkId::new(id).ok().filter(|id| inventory.links.contains_key(id)).map(Object::Link))
    };
    for asset in inventory.assets.values().filter(|asset| !asset.depends_on.is_empty()) {
        let groups = asset.depends_on.iter().map(|group| group.iter().filter_map(named).collect()).collect();
        all.insert(Object::Asset(asset.id.clone()), groups);
    }
    for (asset, links) in uplinks(inventory, watchers) {
        let links = links.into_iter().map(|link| Object::Link(link.clone())).collect();
        all.entry(Object::Asset(asset.clone())).or_insert_with(|| vec![links]);
    }
    for link in inventory.links.values() {
        let own = Object::Link(link.id.clone());
        for end in [&link.a, &link.b] {
            let LinkEnd::Port { asset, .. } = end else { continue };
            if let Some(port) = called(end) {
                all.entry(port).or_default().push(vec![own.clone()]);
            }
            all.entry(own.clone()).or_default().push(vec![Object::Asset(asset.clone())]);
        }
    }
    all
}

/// Links by the addresses of their ends.
pub fn addresses(inventory: &Inventory) -> BTreeMap<IpAddr, Object> {
    let ends = inventory.links.values().flat_map(|link| [(link, &link.a), (link, &link.b)]);
    ends.filter_map(|(link, end)| Some((end.address()?.parse().ok()?, Object::Link(link.id.clone())))).collect()
}

/// How soon trouble of each object is noticed, by what looks at it most often.
pub fn noticed_within<'a>(plans: impl Iterator<Item = &'a Plan>) -> BTreeMap<Object, Duration> {
    let mut all: BTreeMap<Object, Duration> = BTreeMap::new();
    for task in plans.flat_map(|plan| &plan.tasks) {
        let within = task.interval().saturating_mul(RUNS);
        let held = all.entry(task.object.clone()).or_insert(within);
        *held = (*held).min(within);
    }
    all
}

/// The asset at an end.
const fn asset_of(end: &LinkEnd) -> Option<&AssetId> {
    match end {
        LinkEnd::Port { asset, .. } => Some(asset),
        LinkEnd::Peer { .. } => None,
    }
}

/// Where an agent stands: at the asset from whose side it probes most links.
fn homes(inventory: &Inventory) -> BTreeMap<&AgentId, &AssetId> {
    let mut counts: BTreeMap<&AgentId, BTreeMap<&AssetId, usize>> = BTreeMap::new();
    for link in inventory.links.values() {
        for watch in &link.watch {
            let near = if watch.to == Side::A { &link.b } else { &link.a };
            if let Some(asset) = asset_of(near) {
                *counts.entry(&watch.agent).or_default().entry(asset).or_default() += 1;
            }
        }
    }
    let mut found = BTreeMap::new();
    for (agent, counts) in counts {
        let top = counts.values().copied().max().unwrap_or_default();
        if let Some((asset, _)) = counts.into_iter().find(|(_, n)| *n == top) {
            found.insert(agent, asset);
        }
    }
    found
}

/// The links of each asset that do not lead further away from its watchers: as long as one of them carries, the
/// asset can be reached.
fn uplinks<'a>(
    inventory: &'a Inventory,
    watchers: &BTreeMap<Object, BTreeSet<AgentId>>,
) -> BTreeMap<&'a AssetId, Vec<&'a LinkId>> {
    let homes = homes(inventory);
    let mut of_asset: BTreeMap<&AssetId, Vec<(&Link, &AssetId)>> = BTreeMap::new();
    for link in inventory.links.values() {
        if let (Some(a), Some(b)) = (asset_of(&link.a), asset_of(&link.b)) {
            of_asset.entry(a).or_default().push((link, b));
            of_asset.entry(b).or_default().push((link, a));
        }
    }
    let mut far: BTreeMap<BTreeSet<&AssetId>, BTreeMap<&AssetId, usize>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (asset, links) in &of_asset {
        let who = watchers.get(&Object::Asset((*asset).clone())).into_iter().flatten();
        let from: BTreeSet<&AssetId> = who.filter_map(|agent| homes.get(agent).copied()).collect();
        if from.is_empty() {
            continue;
        }
        let steps = far.entry(from.clone()).or_insert_with(|| distances(&from, &of_asset));
        let Some(own) = steps.get(asset).copied().filter(|steps| *steps > 0) else { continue };
        let up: Vec<&LinkId> = links
            .iter()
            .filter(|(_, other)| steps.get(other).is_some_and(|steps| *steps <= own))
            .map(|(link, _)| &link.id)
            .collect();
        if !up.is_empty() {
            found.insert(*asset, up);
        }
    }
    found
}

/// How many links lie between an asset and the nearest of some.
fn distances<'a>(
    from: &BTreeSet<&'a AssetId>,
    of_asset: &BTreeMap<&'a AssetId, Vec<(&'a Link, &'a AssetId)>>,
) -> BTreeMap<&'a AssetId, usize> {
    let mut found: BTreeMap<&AssetId, usize> = from.iter().map(|asset| (*asset, 0)).collect();
    let mut next: VecDeque<&AssetId> = from.iter().copied().collect();
    while let Some(at) = next.pop_front() {
        let steps = found.get(at).copied().unwrap_or_default() + 1;
        for (_, other) in of_asset.get(at).into_iter().flatten() {
            if !found.contains_key(other) {
                found.insert(other, steps);
                next.push_back(other);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// core - wushi by two lines, wushi - town by one, core - baicheng by one, wushi - baicheng across.
    fn inventory(more: &str) -> Inventory {
        let mut text = String::from("[[agent]]\nid = \"tower\"\nzone = \"extranet\"\n");
        for id in ["core", "wushi", "town", "baicheng", "alone"] {
            let more = if id == "town" { more } else { "" };
            text += &format!(
                "[[asset]]\nid = \"{id}\"\nname = \"{id}\"\nkind = \"router\"\nzone = \"extranet\"\naddress = \"10.0.0.1\"\n{more}\n"
            );
        }
        for (id, a, b, watched) in [
            ("w1", "core", "wushi", true),
            ("w2", "core", "wushi", true),
            ("t", "wushi", "town", true),
            ("b", "core", "baicheng", true),
            ("x", "wushi", "baicheng", false),
        ] {
            let watch = if watched { "watch = [{ agent = \"tower\", to = \"b\" }]\n" } else { "" };
            text += &format!(
                "[[link]]\nid = \"{id}\"\nname = \"{id}\"\ntier = \"backbone\"\na = {{ asset = \"{a}\", interface = \"{id}\" }}\nb = {{ asset = \"{b}\", interface = \"{id}\" }}\n{watch}"
            );
        }
        crate::config::inventory::parse(&[("i.toml".to_owned(), text)]).unwrap()
    }

    fn groups(inventory: &Inventory, object: &str) -> Vec<String> {
        let tower: BTreeSet<AgentId> = [AgentId::new("tower").unwrap()].into();
        let watchers = inventory.assets.keys().map(|id| (Object::Asset(id.clone()), tower.clone())).collect();
        let called = |end: &LinkEnd| match end {
            LinkEnd::Port { asset, interface, .. } => {
                Object::interface(asset.clone(), &interface.replace("t", "Town")).ok()
            }
            LinkEnd::Peer { .. } => None,
        };
        let all = hangs_on(inventory, &watchers, called);
        let found = all.get(&object.parse().unwrap()).cloned().unwrap_or_default();
        found.iter().map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn an_asset_hangs_on_all_links_towards_its_watchers_together() {
        let plain = inventory("");
        for (object, wanted) in [
            ("asset:core", &[][..]),
            ("asset:wushi", &["link:w1 link:w2 link:x"]),
            ("asset:baicheng", &["link:b link:x"]),
            ("asset:town", &["link:t"]),
            ("asset:alone", &[]),
            ("link:t", &["asset:wushi", "asset:town"]),
            ("interface:town/Town", &["link:t"]),
            ("interface:town/t", &[]),
        ] {
            assert_eq!(groups(&plain, object), wanted, "{object}");
        }
    }

    #[test]
    fn what_is_declared_is_not_guessed() {
        let declared = inventory("depends_on = [[\"core\"]]");
        assert_eq!(groups(&declared, "asset:town"), ["asset:core"]);
    }
}
