//! Who and what an incident concerns: the object's place, its units and their persons, the graded systems that
//! stand on it, the carrier of its link with whom to call.

use std::collections::BTreeSet;

use super::words::Names;
use crate::model::inventory::{Asset, Carrier, Inventory, Link, LinkEnd, System, Tier};
use crate::model::{AssetId, Object, RegionId, port};

/// What an object drags along.
#[derive(Debug, Default)]
pub struct Affected<'a> {
    /// The assets it is or joins.
    pub assets: Vec<&'a Asset>,
    /// The links it is or ends.
    pub links: Vec<&'a Link>,
    /// Graded systems on those assets, the highest level first.
    pub systems: Vec<&'a System>,
    /// Regions.
    pub regions: Vec<RegionId>,
}

/// A unit and in which capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// It owns (主管).
    pub owns: bool,
    /// It operates (运行).
    pub operates: bool,
}

impl<'a> Affected<'a> {
    /// Of this object.
    pub fn of(inventory: &'a Inventory, object: &Object) -> Self {
        let mut found = Self::default();
        let mut ids: Vec<&AssetId> = Vec::new();
        match object {
            Object::Asset(id) => ids.push(id),
            Object::Interface { asset, name } => {
                ids.push(asset);
                found.links.extend(inventory.links.values().filter(|link| {
                    [&link.a, &link.b].into_iter().any(
                        |end| matches!(end, LinkEnd::Port { asset: a, interface, .. } if a == asset && port::same(interface, name)),
                    )
                }));
            }
            Object::Link(id) => found.links.extend(inventory.links.get(id)),
            Object::Region(id) => found.regions.push(id.clone()),
            Object::Agent(id) => found.regions.extend(inventory.agents.get(id).and_then(|a| a.region.clone())),
        }
        if matches!(object, Object::Link(_)) {
            ids.extend(found.links.iter().flat_map(|link| ends(link)));
        }
        found.assets = ids.iter().filter_map(|id| inventory.assets.get(*id)).collect();
        for region in found.assets.iter().filter_map(|asset| asset.region.as_ref()) {
            if !found.regions.contains(region) {
                found.regions.push(region.clone());
            }
        }
        let own: BTreeSet<&AssetId> = found.assets.iter().map(|asset| &asset.id).collect();
        found.systems =
            inventory.systems.values().filter(|system| system.assets.iter().any(|a| own.contains(a))).collect();
        found.systems.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)));
        found
    }

    /// Units that own or operate, each once.
    pub fn units(&self, inventory: &Inventory) -> Vec<Unit> {
        let mut found: Vec<Unit> = Vec::new();
        let all = self.assets.iter().flat_map(|a| [(&a.owner, true), (&a.operator, false)]);
        let systems = self.systems.iter().map(|s| (&s.owner, true));
        for (id, owns) in all.chain(systems).filter_map(|(id, owns)| Some((id.as_ref()?, owns))) {
            let name = inventory.organisations.get(id).map_or_else(|| id.to_string(), |o| o.name.clone());
            match found.iter_mut().find(|unit| unit.name == name) {
                Some(known) if owns => known.owns = true,
                Some(known) => known.operates = true,
                None => found.push(Unit { name, owns, operates: !owns }),
            }
        }
        found
    }

    /// Persons of its assets: name, mobile.
    pub fn persons(&self, inventory: &Inventory) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for person in self.assets.iter().filter_map(|a| inventory.persons.get(a.person.as_ref()?)) {
            let one = (person.name.clone(), person.mobile.clone());
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }

    /// Carriers of its links.
    pub fn carriers(&self) -> impl Iterator<Item = (&'a Link, &'a Carrier)> + '_ {
        self.links.iter().filter_map(|link| Some((*link, link.carrier.as_ref()?)))
    }

    /// Its regions by name, each with what it lies in.
    pub fn places(&self, names: &Names) -> Vec<String> {
        self.regions.iter().map(|id| place(&names.inventory, id)).collect()
    }

    /// Who may be named as responsible: units, then carriers.
    pub fn parties(&self, inventory: &Inventory) -> Vec<String> {
        let mut all: Vec<String> = self.units(inventory).into_iter().map(|unit| unit.name).collect();
        all.extend(self.carriers().map(|(_, carrier)| carrier.name.clone()).filter(|name| !name.is_empty()));
        all.dedup();
        all
    }
}

fn ends(link: &Link) -> impl Iterator<Item = &AssetId> {
    [&link.a, &link.b].into_iter().filter_map(|end| match end {
        LinkEnd::Port { asset, .. } => Some(asset),
        LinkEnd::Peer { .. } => None,
    })
}

/// `阿克苏地区 乌什县`: from the second tier down, because everybody here is in the same province.
fn place(inventory: &Inventory, id: &RegionId) -> String {
    let mut names = Vec::new();
    let (mut at, mut top) = (inventory.regions.get(id), None);
    // Four tiers; a circle in the tree is refused before it is stored.
    while let Some(region) = at.filter(|_| names.len() < 4) {
        names.push(region.name.as_str());
        top = Some(region.tier);
        at = region.parent.as_ref().and_then(|parent| inventory.regions.get(parent));
    }
    if top.is_some_and(|tier| tier == Tier::Province) && names.len() > 1 {
        names.pop();
    }
    if names.is_empty() {
        return id.to_string();
    }
    names.reverse();
    names.join(" ")
}
