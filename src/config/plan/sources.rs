//! From which addresses the assets of an agent speak: their own, those named with `also`, those on their links.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::inventory::{Link, LinkEnd};
use crate::model::plan::PlanSource;
use crate::model::{AssetId, Object};

use super::assign::Watched;

/// Addresses with their assets, and the assets that have any. An address of two assets is left out and noted.
pub(super) fn sources(watched: &Watched<'_>, notes: &mut Vec<String>) -> (Vec<PlanSource>, BTreeSet<Object>) {
    let mine: BTreeSet<&AssetId> = watched.assets.iter().map(|asset| &asset.id).collect();
    let mut all: BTreeMap<IpAddr, &AssetId> = BTreeMap::new();
    let mut shared: BTreeMap<IpAddr, [&AssetId; 2]> = BTreeMap::new();
    let own =
        watched.assets.iter().flat_map(|a| a.address.iter().chain(&a.also).map(|address| (address.as_str(), &a.id)));
    let ends = watched.links.iter().flat_map(|(link, _)| ports(link)).filter(|(_, asset)| mine.contains(asset));
    for (text, asset) in own.chain(ends) {
        // A name is no source: what it stands for may change, and whoever answers for it would be believed.
        let Ok(address) = text.parse::<IpAddr>() else { continue };
        match all.insert(address, asset) {
            Some(other) if other != asset => drop(shared.insert(address, [other, asset])),
            _ => {}
        }
    }
    for (address, [one, other]) in shared {
        all.remove(&address);
        notes.push(format!(
            "{address} is an address of asset `{one}` and of asset `{other}`: what it sends is nobody's; mend one of them"
        ));
    }
    let heard = all.values().map(|asset| Object::Asset((*asset).clone())).collect();
    (all.into_iter().map(|(address, asset)| PlanSource { address, asset: asset.clone() }).collect(), heard)
}

fn ports(link: &Link) -> impl Iterator<Item = (&str, &AssetId)> {
    [&link.a, &link.b].into_iter().filter_map(|end| match end {
        LinkEnd::Port { asset, address: Some(address), .. } => Some((address.as_str(), asset)),
        _ => None,
    })
}
