//! What devices say of their neighbours, joined into links between assets, and held against the declared ones.
//!
//! LLDP and CDP name both ends. An address learnt alone on a port stands behind it. Two devices with addresses in one
//! /30 or /31 share a line, also where a carrier lets no LLDP through. It refuses to guess: who fits several assets is
//! none of them, and a port behind which several stand leads to nobody in particular.

mod bundle; // cables of one aggregate
mod compare;
mod near;

pub use compare::{Line, State, compare};
pub use near::{Address, Heard, Mac, Nature, Near, Port, mac};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::AssetId;
use crate::model::inventory::{Asset, AssetKind, Inventory};
use crate::model::port::same as same_port;

/// How a link was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A neighbour by LLDP (IEEE 802.1AB).
    Lldp,
    /// A neighbour by CDP.
    Cdp,
    /// Addresses of both in one /30 or /31 (of IPv6 /126 or /127).
    Subnet,
    /// Its address alone was learnt on the port.
    Mac,
}

impl Evidence {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lldp => "lldp",
            Self::Cdp => "cdp",
            Self::Subnet => "subnet",
            Self::Mac => "mac",
        }
    }
}

/// One end of a link that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// Device.
    pub asset: AssetId,
    /// Its port; empty if nobody told.
    pub port: Arc<str>,
    /// The port is one of the device's own list; else only a neighbour called it so.
    pub sure: bool,
    /// Its address on the link, if that is known.
    pub address: Option<IpAddr>,
}

/// A link that was found; the end of the lesser asset first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// One end.
    pub a: End,
    /// The other.
    pub b: End,
    /// How it was found.
    pub evidence: BTreeSet<Evidence>,
    /// Who said so: both ends, or one.
    pub said_by: BTreeSet<AssetId>,
    /// The ports of its cables, where its own are aggregates.
    pub members: Vec<(Arc<str>, Arc<str>)>,
    /// Members of its aggregates that do not carry: they are down, or the other end has them in no aggregate.
    pub lost: BTreeSet<(AssetId, Arc<str>)>,
}

/// A neighbour that is no asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Who heard it.
    pub by: AssetId,
    /// What it said.
    pub heard: Heard,
}

/// All that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Links.
    pub links: Vec<Found>,
    /// Neighbours that are no assets.
    pub strangers: Vec<Stranger>,
}

/// Joins what all devices say.
pub fn join(inventory: &Inventory, all: &[Near]) -> Joined {
    let who = Who::new(inventory, all);
    let mut joined = Joined::default();
    let mut links: BTreeMap<(AssetId, AssetId), Vec<Found>> = BTreeMap::new();
    for near in all {
        for heard in &near.neighbours {
            match who.is(near, heard) {
                Some(asset) => add(&mut links, sighting(&who, near, heard, asset)),
                None => joined.strangers.push(Stranger { by: near.asset.clone(), heard: heard.clone() }),
            }
        }
    }
    joined.strangers.dedup();
    links.values_mut().for_each(|of_pair| *of_pair = bundle::fold(std::mem::take(of_pair), &who.near));
    for (one, other) in subnets(all) {
        share(&mut links, &who, one, other);
    }
    for near in all {
        for (port, macs) in &near.behind {
            if let Some(asset) = who.alone(near, macs) {
                behind(&mut links, &who, near, port, macs, asset);
            }
        }
    }
    joined.links = links.into_values().flatten().collect();
    joined
}

/// The addresses by which an asset is known; websites and services share those of the machines they run on.
pub fn addresses(asset: &Asset) -> impl Iterator<Item = IpAddr> {
    let machine = !matches!(asset.kind, AssetKind::Website | AssetKind::Service);
    let texts = asset.address.iter().chain(&asset.also).filter(move |_| machine);
    texts.filter_map(|text| text.parse().ok())
}

/// Something that may be known of one asset, or of several, and is worth nothing then.
type Known<K> = HashMap<K, Option<AssetId>>;

fn know<K: std::hash::Hash + Eq>(known: &mut Known<K>, key: K, asset: &AssetId) {
    let held = known.entry(key).or_insert_with(|| Some(asset.clone()));
    if held.as_ref() != Some(asset) {
        *held = None;
    }
}

/// Who is who.
struct Who<'a> {
    near: HashMap<&'a AssetId, &'a Near>,
    by_mac: Known<Mac>,
    by_address: Known<IpAddr>,
    by_name: Known<String>,
}

impl<'a> Who<'a> {
    fn new(inventory: &Inventory, all: &'a [Near]) -> Self {
        let (mut by_mac, mut by_address, mut by_name) = (Known::new(), Known::new(), Known::new());
        let declared = inventory.assets.values().flat_map(|asset| addresses(asset).map(move |a| (a, &asset.id)));
        declared.for_each(|(address, asset)| know(&mut by_address, address, asset));
        for near in all {
            // What is declared counts before what a device says: a second device may have the address of a first.
            for address in near.addresses.iter().map(|a| a.net.addr()).filter(public) {
                if !matches!(by_address.get(&address), Some(Some(asset)) if *asset != near.asset) {
                    know(&mut by_address, address, &near.asset);
                }
            }
            near.ports.iter().filter_map(|port| port.mac).for_each(|mac| know(&mut by_mac, mac, &near.asset));
            names(&near.name).into_iter().for_each(|name| know(&mut by_name, name, &near.asset));
        }
        for asset in inventory.assets.values() {
            for name in [asset.name.to_lowercase(), asset.id.to_string()] {
                know(&mut by_name, name, &asset.id);
            }
        }
        // Whose address is known has the MAC address that others see it with.
        for (address, mac) in all.iter().flat_map(|near| &near.arp) {
            if let Some(Some(asset)) = by_address.get(address)
                && !by_mac.contains_key(mac)
            {
                by_mac.insert(*mac, Some(asset.clone()));
            }
        }
        Self { near: all.iter().map(|near| (&near.asset, near)).collect(), by_mac, by_address, by_name }
    }

    /// The asset that a neighbour is: by its MAC address, its address, its name.
    fn is(&self, near: &Near, heard: &Heard) -> Option<AssetId> {
        let by_mac = || mac(&heard.chassis).and_then(|mac| self.by_mac.get(&mac)?.clone());
        let chassis =
            || heard.chassis.parse().ok().and_then(|address: IpAddr| self.by_address.get(&address)?.clone());
        let by_address = || heard.address.and_then(|address| self.by_address.get(&address)?.clone());
        let by_name = || names(&heard.name).into_iter().find_map(|name| self.by_name.get(&name)?.clone());
        let found = by_mac().or_else(chassis).or_else(by_address).or_else(by_name)?;
        (found != near.asset).then_some(found)
    }

    /// The one asset that has all these addresses.
    fn alone(&self, near: &Near, macs: &BTreeSet<Mac>) -> Option<AssetId> {
        let mut owners = macs.iter().map(|mac| self.by_mac.get(mac).cloned().flatten());
        let first = owners.next()??;
        (first != near.asset && owners.all(|owner| owner.as_ref() == Some(&first))).then_some(first)
    }

    fn end(&self, asset: AssetId, called: &str, described: &str) -> End {
        let meant = self.near.get(&asset).and_then(|near| near.meant(called, described));
        let port = meant.map_or_else(|| Arc::from(called), |port| port.name.clone());
        End { port, sure: meant.is_some(), address: None, asset }
    }
}

fn public(address: &IpAddr) -> bool {
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

/// What a device may be called: its whole name, and the part before the domain.
fn names(name: &str) -> Vec<String> {
    let whole = name.trim().to_lowercase();
    let host = whole.split('.').next().unwrap_or_default().to_owned();
    let mut all = vec![whole, host];
    all.dedup();
    all.retain(|name| !name.is_empty());
    all
}

fn sighting(who: &Who<'_>, near: &Near, heard: &Heard, asset: AssetId) -> Found {
    let here = who.end(near.asset.clone(), &heard.local, "");
    let there = who.end(asset, &heard.port, &heard.description);
    let by = if &*heard.protocol == "cdp" { Evidence::Cdp } else { Evidence::Lldp };
    found(here, there, by, [near.asset.clone()])
}

fn found(one: End, other: End, how: Evidence, said_by: impl IntoIterator<Item = AssetId>) -> Found {
    let (a, b) = if one.asset <= other.asset { (one, other) } else { (other, one) };
    let (evidence, said_by) = (BTreeSet::from([how]), said_by.into_iter().collect());
    Found { a, b, evidence, said_by, members: Vec::new(), lost: BTreeSet::new() }
}

/// Whether two tell of one port; nothing if one of them is not sure of its name.
fn agree(one: &End, other: &End) -> Option<bool> {
    let same = !one.port.is_empty() && same_port(&one.port, &other.port);
    if same || (one.sure && other.sure) { Some(same) } else { None }
}

/// Adds what a device heard.
fn add(links: &mut BTreeMap<(AssetId, AssetId), Vec<Found>>, fresh: Found) {
    let of_pair = links.entry((fresh.a.asset.clone(), fresh.b.asset.clone())).or_default();
    match of_pair.iter_mut().find(|held| is_one(held, &fresh)) {
        Some(held) => unite(held, fresh),
        None => of_pair.push(fresh),
    }
}

/// Whether both tell of one link: two links of a pair differ at both ends.
fn is_one(held: &Found, fresh: &Found) -> bool {
    let ends = (agree(&held.a, &fresh.a), agree(&held.b, &fresh.b));
    matches!(ends, (Some(true), Some(true) | None) | (None, Some(true)))
}

fn unite(held: &mut Found, fresh: Found) {
    held.evidence.extend(fresh.evidence);
    held.said_by.extend(fresh.said_by);
    // Each end knows its own port for sure; what the other calls it gives way.
    for (held, fresh) in [(&mut held.a, fresh.a), (&mut held.b, fresh.b)] {
        let address = held.address.or(fresh.address);
        if fresh.sure && !held.sure {
            *held = fresh;
        }
        held.address = address;
    }
}

/// Ends that share a network for two.
fn subnets(all: &[Near]) -> Vec<(End, End)> {
    let mut sharing: BTreeMap<IpNet, Vec<End>> = BTreeMap::new();
    for near in all {
        for Address { net, port } in &near.addresses {
            let pair = matches!((net, net.prefix_len()), (IpNet::V4(_), 30 | 31) | (IpNet::V6(_), 126 | 127));
            if pair && public(&net.addr()) {
                let end =
                    End { asset: near.asset.clone(), port: port.clone(), sure: true, address: Some(net.addr()) };
                sharing.entry(net.trunc()).or_default().push(end);
            }
        }
    }
    let two = |ends: Vec<End>| {
        <[End; 2]>::try_from(ends).ok().filter(|[a, b]| a.asset != b.asset && a.address != b.address)
    };
    sharing.into_values().filter_map(two).map(|[a, b]| (a, b)).collect()
}

/// Adds two ends in one network. What is known of their cables already gets the addresses.
fn share(links: &mut BTreeMap<(AssetId, AssetId), Vec<Found>>, who: &Who<'_>, one: End, other: End) {
    let both = [one.asset.clone(), other.asset.clone()];
    let mut fresh = found(one, other, Evidence::Subnet, both);
    let of_pair = links.entry((fresh.a.asset.clone(), fresh.b.asset.clone())).or_default();
    let nature = |end: &End| {
        who.near.get(&end.asset).and_then(|near| near.port(&end.port)).map_or(Nature::Cable, |port| port.nature)
    };
    let natures = [nature(&fresh.a), nature(&fresh.b)];
    let carried = natures.contains(&Nature::Virtual);
    let alone = of_pair.len() == 1;
    if let Some(held) = of_pair.iter_mut().find(|held| is_one(held, &fresh)) {
        unite(held, fresh);
    } else if let (true, [held]) = (carried && alone, of_pair.as_mut_slice()) {
        held.evidence.insert(Evidence::Subnet);
        held.a.address = held.a.address.or(fresh.a.address);
        held.b.address = held.b.address.or(fresh.b.address);
    } else if carried && !of_pair.is_empty() {
        // Over one of several cables; nobody says over which.
    } else {
        // Which cables are whose is known where a device names the members; else all of the pair are of the one.
        let told = [&fresh.a, &fresh.b]
            .into_iter()
            .any(|end| who.near.get(&end.asset).is_some_and(|near| near.members(&end.port).next().is_some()));
        if natures.contains(&Nature::Aggregate) && !told {
            let cables = of_pair.extract_if(.., |held| !held.evidence.contains(&Evidence::Subnet));
            for cable in cables {
                fresh.evidence.extend(cable.evidence);
                fresh.members.push((cable.a.port, cable.b.port));
            }
        }
        of_pair.push(fresh);
    }
}

/// Adds who stands alone behind a port, unless the port is known to lead elsewhere, or the two are joined already.
fn behind(
    links: &mut BTreeMap<(AssetId, AssetId), Vec<Found>>,
    who: &Who<'_>,
    near: &Near,
    port: &Arc<str>,
    macs: &BTreeSet<Mac>,
    asset: AssetId,
) {
    let here = |local: &str| same_port(local, port) || near.aggregate(local).is_some_and(|of| same_port(of, port));
    let leads_elsewhere =
        near.neighbours.iter().any(|heard| here(&heard.local) && who.is(near, heard).as_ref() != Some(&asset));
    let here = who.end(near.asset.clone(), port, "");
    if leads_elsewhere || near.port(port).is_some_and(|port| port.nature == Nature::Virtual) {
        return;
    }
    // Its own port, if only one has such an address.
    let theirs = who.near.get(&asset).and_then(|there| {
        let mut ports =
            there.ports.iter().filter(|p| p.nature != Nature::Virtual && p.mac.is_some_and(|m| macs.contains(&m)));
        ports.next().filter(|_| ports.next().is_none()).map(|port| port.name.clone())
    });
    let there = End { sure: theirs.is_some(), port: theirs.unwrap_or_else(|| "".into()), address: None, asset };
    let fresh = found(here, there, Evidence::Mac, [near.asset.clone()]);
    let of_pair = links.entry((fresh.a.asset.clone(), fresh.b.asset.clone())).or_default();
    let mine = |held: &Found| if held.a.asset == near.asset { held.a.port.clone() } else { held.b.port.clone() };
    let unnamed = |held: &Found| mine(held).is_empty() && held.evidence.contains(&Evidence::Mac);
    let first = of_pair.is_empty();
    match of_pair.iter_mut().find(|held| same_port(&mine(held), port) || unnamed(held)) {
        Some(held) => {
            held.evidence.insert(Evidence::Mac);
            held.said_by.insert(near.asset.clone());
            for (held, fresh) in [(&mut held.a, fresh.a), (&mut held.b, fresh.b)] {
                if held.port.is_empty() {
                    *held = fresh;
                }
            }
        }
        None if first => of_pair.push(fresh),
        None => {}
    }
}

#[cfg(test)]
mod tests;
