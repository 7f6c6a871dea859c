//! Which objects a principal sees: everything, or what stands in some regions and below. An object that the
//! inventory does not place (removed, or never declared) is seen by principals of everything only.

use std::collections::HashSet;
use std::sync::Arc;

use crate::console::command::Scope;
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::{AssetId, Object, RegionId};

/// A scope, resolved.
pub(super) struct Seen {
    regions: Option<HashSet<RegionId>>,
    inventory: Arc<Inventory>,
}

impl Seen {
    /// Resolves a scope.
    pub(super) fn new(scope: &Scope, inventory: &Arc<Inventory>) -> Self {
        let regions = match scope {
            Scope::All => None,
            Scope::Regions(roots) => Some(roots.iter().flat_map(|root| inventory.region_subtree(root)).collect()),
        };
        Self { regions, inventory: inventory.clone() }
    }

    /// Whether it is no limit at all.
    pub(super) const fn everything(&self) -> bool {
        self.regions.is_none()
    }

    /// The assets in it.
    pub(super) fn assets(&self) -> Vec<&AssetId> {
        let all = self.inventory.assets.values();
        all.filter(|asset| self.sees(&Object::Asset(asset.id.clone()))).map(|asset| &asset.id).collect()
    }

    /// Whether the object is in it.
    pub(super) fn sees(&self, object: &Object) -> bool {
        let Some(regions) = &self.regions else { return true };
        let within = |region: Option<&RegionId>| region.is_some_and(|region| regions.contains(region));
        let asset = |id: &AssetId| within(self.inventory.assets.get(id).and_then(|asset| asset.region.as_ref()));
        match object {
            Object::Region(id) => within(Some(id)),
            Object::Asset(id) | Object::Interface { asset: id, .. } => asset(id),
            Object::Agent(id) => within(self.inventory.agents.get(id).and_then(|agent| agent.region.as_ref())),
            Object::Link(id) => self.inventory.links.get(id).is_some_and(|link| {
                [&link.a, &link.b].into_iter().any(|end| match end {
                    LinkEnd::Port { asset: id, .. } => asset(id),
                    LinkEnd::Peer { .. } => false,
                })
            }),
        }
    }
}
