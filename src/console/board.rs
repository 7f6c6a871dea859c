//! How everything stands at one moment, within a reader's scope: which objects answer, what is open about them,
//! their newest headline values. Pages that list objects build one a request, from snapshots that are each
//! locked once: it costs time by the number of objects, never a lock an object. It judges nothing: reach comes
//! from the probes, trouble from the incidents, and what is stale or comes from a silent agent counts as unknown.

mod called;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::console::command::Scope;
use crate::console::service::Service;
use crate::console::store::{AgentRow, Brief, Newest, NewestRow, StoreError};
use crate::engine::expose::Reach;
use crate::engine::witness::{self, ROUND_TRIP};
use crate::model::inventory::{Asset, Inventory, Link, LinkEnd, Region};
use crate::model::{AgentId, AssetId, LinkId, Object, RegionId, Severity, Wall};

use called::declared_port;
pub(in crate::console) use called::known_port;

/// The position of `up` among the states of a port.
const PORT_UP: f64 = 0.0;

/// Open incidents of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trouble {
    /// How many.
    pub open: usize,
    /// How many of them nobody has acknowledged.
    pub unacked: usize,
    /// The worst.
    pub worst: Option<Severity>,
}

impl Trouble {
    fn add(&mut self, incident: &Brief) {
        self.open += 1;
        self.unacked += usize::from(incident.state == crate::model::incident::IncidentState::Open);
        self.worst = self.worst.max(Some(incident.severity));
    }
    fn join(&mut self, other: Self) {
        self.open += other.open;
        self.unacked += other.unacked;
        self.worst = self.worst.max(other.worst);
    }
}

/// The newest headline values of an object. Where several agents measure, the worst of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vitals {
    /// Round trip, or time of a connection or a request where nothing else is measured.
    pub rtt_seconds: Option<f64>,
    /// Loss.
    pub loss_ratio: Option<f64>,
    /// CPU in use.
    pub cpu_ratio: Option<f64>,
    /// When it was answered last.
    pub answered: Option<Wall>,
    /// When it was looked at last, whatever came of it.
    pub looked: Option<Wall>,
}

/// A port as it was seen last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortNow {
    /// Position among the admin states.
    pub admin: Option<f64>,
    /// Position among the oper states.
    pub oper: Option<f64>,
    /// Bits a second received.
    pub in_bps: Option<f64>,
    /// Bits a second sent.
    pub out_bps: Option<f64>,
    /// Received, as a part of the speed.
    pub in_ratio: Option<f64>,
    /// Sent, as a part of the speed.
    pub out_ratio: Option<f64>,
    /// Speed.
    pub speed_bps: Option<f64>,
    /// Errors counted by the device, both ways.
    pub errors: Option<f64>,
    /// When.
    pub at: Wall,
    /// False if that is too old to be how things are, or comes from an agent that is silent.
    pub fresh: bool,
}

impl PortNow {
    /// From what a probe said.
    pub fn of(row: &NewestRow<'_>, fresh: bool) -> Self {
        let errors = [row.value("in_errors"), row.value("out_errors")];
        Self {
            admin: row.value("admin"),
            oper: row.value("oper"),
            in_bps: row.value("in_bps"),
            out_bps: row.value("out_bps"),
            in_ratio: row.value("in_ratio"),
            out_ratio: row.value("out_ratio"),
            speed_bps: row.value("speed_bps"),
            errors: errors.iter().flatten().copied().reduce(|a, b| a + b),
            at: row.at(),
            fresh,
        }
    }

    /// Does it carry traffic? Nothing if that is not known now.
    pub fn up(&self) -> Option<bool> {
        self.oper.filter(|_| self.fresh).map(|oper| oper == PORT_UP)
    }
}

/// A link as it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkNow {
    /// By its probes and the ports at its ends; nothing if nobody is to watch it.
    pub reach: Option<Reach>,
    /// Its newest values.
    pub vitals: Vitals,
    /// The busier direction at the busier end, as a part of the capacity.
    pub used_ratio: Option<f64>,
    /// Port at end a.
    pub a: Option<PortNow>,
    /// Port at end b.
    pub b: Option<PortNow>,
    /// Open incidents of it and of the ports at its ends.
    pub trouble: Trouble,
    /// Open causes on it alone.
    pub own: Trouble,
}

/// A region as it stands, with everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegionNow {
    /// Watched assets by reach, in the order of `Reach::ALL`.
    pub assets: [usize; 4],
    /// Assets that nobody is to watch.
    pub unwatched: usize,
    /// Links that begin or end here.
    pub links: usize,
    /// Those that are down.
    pub links_down: usize,
    /// Open causes on what stands here.
    pub trouble: Trouble,
}

/// How far a look reaches: the page of one thing need not pay for all others.
#[derive(Debug, Clone, Copy)]
enum Reaches<'a> {
    All,
    /// The asset, its ports and the links on them.
    Asset(&'a AssetId),
    /// The link and the ports at its ends.
    Link(&'a LinkId),
}

impl Reaches<'_> {
    fn asset(self, asset: &Asset) -> bool {
        match self {
            Self::All => true,
            Self::Asset(id) => asset.id == *id,
            Self::Link(_) => false,
        }
    }

    fn link(self, link: &Link) -> bool {
        match self {
            Self::All => true,
            Self::Asset(id) => touches(link, id),
            Self::Link(id) => link.id == *id,
        }
    }

    fn object(self, inventory: &Inventory, object: &Object) -> bool {
        match (self, object) {
            (Self::All, _) => true,
            (_, Object::Asset(id)) => inventory.assets.get(id).is_some_and(|asset| self.asset(asset)),
            (_, Object::Link(id)) => inventory.links.get(id).is_some_and(|link| self.link(link)),
            _ => false,
        }
    }
}

/// Is one end of the link a port of the asset?
pub fn touches(link: &Link, id: &AssetId) -> bool {
    [&link.a, &link.b].into_iter().any(|end| matches!(end, LinkEnd::Port { asset, .. } if asset == id))
}

/// See the module.
#[derive(Debug)]
pub struct Board {
    /// What is declared.
    pub inventory: Arc<Inventory>,
    /// When this was so.
    pub now: Wall,
    /// Everything open, in scope, newest first.
    pub open: Vec<Brief>,
    /// Agents in scope.
    pub agents: Vec<AgentRow>,
    ids: HashSet<Arc<str>>,
    regions: Option<BTreeSet<RegionId>>,
    alive: BTreeSet<AgentId>,
    reach: HashMap<Object, Reach>,
    assets: HashMap<AssetId, (Vitals, Trouble)>,
    links: BTreeMap<LinkId, LinkNow>,
    /// Ports that links name otherwise than their devices do.
    called: HashMap<Object, Object>,
}

impl Board {
    /// Looks at everything in a scope.
    pub async fn of(service: &Service, scope: &Scope) -> Result<Self, StoreError> {
        let open = service.store.open_now(scope).await?;
        Ok(Self::look(service, scope, open, Reaches::All))
    }

    /// Looks at one asset, its ports and the links on them; the rest is as if it were not there.
    pub async fn of_asset(service: &Service, scope: &Scope, id: &AssetId) -> Result<Self, StoreError> {
        let asset = vec![Object::Asset(id.clone())];
        let about = service.store.incidents_about(scope, asset, Some(id.clone()), MAX_ABOUT).await?;
        Ok(Self::look(service, scope, active(about), Reaches::Asset(id)))
    }

    /// Looks at one link and the ports at its ends; the rest is as if it were not there.
    pub async fn of_link(service: &Service, scope: &Scope, id: &LinkId) -> Result<Self, StoreError> {
        let (_, inventory) = service.store.inventory();
        let ends = inventory.links.get(id).map(|link| [&link.a, &link.b]);
        let mut about = vec![Object::Link(id.clone())];
        {
            let newest = service.store.newest();
            about.extend(ends.into_iter().flatten().filter_map(|end| known_port(&newest, end)));
        }
        let about = service.store.incidents_about(scope, about, None, MAX_ABOUT).await?;
        Ok(Self::look(service, scope, active(about), Reaches::Link(id)))
    }

    fn look(service: &Service, scope: &Scope, open: Vec<Brief>, reaches: Reaches<'_>) -> Self {
        let store = &service.store;
        let (_, inventory) = store.inventory();
        let rows = store.agents();
        let alive: BTreeSet<AgentId> = rows.iter().filter(|a| a.alive).map(|a| a.id.clone()).collect();
        let now = service.clock.now();
        let exposition = service.exposition();
        let known = exposition.reaches(&alive, now.mono).filter(|(object, _)| reaches.object(&inventory, object));
        let reach = known.map(|(object, reach)| (object.clone(), reach)).collect();
        drop(exposition);
        let mut board = Self {
            regions: crate::console::api::objects::regions_of(&inventory, scope),
            now: now.wall,
            ids: open.iter().map(|incident| incident.id.clone()).collect(),
            open,
            agents: Vec::new(),
            alive,
            reach,
            assets: HashMap::with_capacity(inventory.assets.len()),
            links: BTreeMap::new(),
            called: HashMap::new(),
            inventory,
        };
        board.agents = rows.into_iter().filter(|row| store.sees(scope, &Object::Agent(row.id.clone()))).collect();
        board.fill(&store.newest(), reaches);
        board
    }

    fn fill(&mut self, newest: &Newest<'_>, reaches: Reaches<'_>) {
        let links = self.inventory.links.values().filter(|l| reaches.link(l));
        let ends = links.flat_map(|link| [&link.a, &link.b]);
        self.called = ends
            .filter_map(|end| Some((declared_port(end)?, known_port(newest, end)?)))
            .filter(|(declared, known)| declared != known)
            .collect();
        let (mut troubles, mut ports): (HashMap<AssetId, Trouble>, HashMap<Object, Trouble>) = Default::default();
        for incident in &self.open {
            if let Some(asset) = incident.key.object.asset() {
                troubles.entry(asset.clone()).or_default().add(incident);
            }
            ports.entry(incident.key.object.clone()).or_default().add(incident);
        }
        let inventory = &self.inventory;
        let assets = inventory.assets.values().filter(|a| reaches.asset(a) && self.within(a.region.as_ref()));
        let assets = assets.map(|asset| {
            let vitals = self.vitals(newest, &Object::Asset(asset.id.clone()));
            (asset.id.clone(), (vitals, troubles.get(&asset.id).copied().unwrap_or_default()))
        });
        let assets = assets.collect();
        let links = inventory.links.values().filter(|l| reaches.link(l) && self.sees_link(l));
        let links = links.map(|link| (link.id.clone(), self.link_now(newest, link, &ports))).collect();
        (self.assets, self.links) = (assets, links);
    }

    /// What is open and no symptom of something else that is open: what a person can do something about.
    pub fn causes(&self) -> impl Iterator<Item = &Brief> {
        self.open.iter().filter(|incident| incident.cause.as_ref().is_none_or(|cause| !self.ids.contains(cause)))
    }

    /// Is what a row says how things are now?
    pub fn current(&self, row: &NewestRow<'_>) -> bool {
        row.fresh(self.now) && self.alive.contains(row.agent())
    }

    fn vitals(&self, newest: &Newest<'_>, object: &Object) -> Vitals {
        let mut all = Vitals::default();
        let mut best = ROUND_TRIP.len();
        let spoken = || newest.of(object).filter_map(|row| Some((witness::rank(object, row.kind())?, row)));
        let speaks = spoken().filter(|(_, row)| self.current(row)).map(|(rank, _)| rank).min();
        for (rank, row) in spoken() {
            all.answered = all.answered.max(row.answered());
            all.looked = all.looked.max(Some(row.at()));
            if !self.current(&row) || Some(rank) != speaks {
                continue;
            }
            if let Some((rank, rtt)) =
                ROUND_TRIP.iter().enumerate().find_map(|(rank, field)| Some((rank, row.value(field)?)))
            {
                let before = all.rtt_seconds.filter(|_| rank == best);
                if rank <= best {
                    all.rtt_seconds = Some(before.map_or(rtt, |b| b.max(rtt)));
                    best = rank;
                }
            }
            let worst = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
            all.loss_ratio = worst(all.loss_ratio, row.value("loss_ratio"));
            all.cpu_ratio = worst(all.cpu_ratio, row.value("cpu_ratio"));
        }
        all
    }

    /// A port as the newest of what agents said of it.
    pub fn port(&self, newest: &Newest<'_>, port: &Object) -> Option<PortNow> {
        let row = newest.of(port).max_by_key(|row| (self.current(row), row.at()))?;
        Some(PortNow::of(&row, self.current(&row)))
    }

    fn link_now(&self, newest: &Newest<'_>, link: &Link, troubles: &HashMap<Object, Trouble>) -> LinkNow {
        let object = Object::Link(link.id.clone());
        let ends = [&link.a, &link.b].map(|end| {
            let port = self.end_port(end)?;
            Some((self.port(newest, &port), port))
        });
        let mut own = Trouble::default();
        let mut trouble = troubles.get(&object).copied().unwrap_or_default();
        if trouble.open > 0 {
            self.causes().filter(|incident| incident.key.object == object).for_each(|incident| own.add(incident));
        }
        for (_, port) in ends.iter().flatten() {
            trouble.join(troubles.get(port).copied().unwrap_or_default());
        }
        let [a, b] = ends.map(|end| end.and_then(|(now, _)| now));
        let carried = [a, b].into_iter().flatten().filter(|port| port.fresh);
        let capacity = link.capacity_bps.filter(|c| *c > 0).map(|c| c as f64);
        let used_ratio = carried
            .flat_map(|port| match capacity {
                Some(capacity) => [port.in_bps.map(|v| v / capacity), port.out_bps.map(|v| v / capacity)],
                None => [port.in_ratio, port.out_ratio],
            })
            .flatten()
            .reduce(f64::max);
        let watched = !link.watch.is_empty() || [&link.a, &link.b].into_iter().any(|end| self.watches(end));
        let probed = self.reach.get(&object).copied().unwrap_or(Reach::Unknown);
        let reach = link_reach(probed, a.and_then(|p| p.up()), b.and_then(|p| p.up()));
        LinkNow {
            reach: (watched || reach != Reach::Unknown).then_some(reach),
            vitals: self.vitals(newest, &object),
            used_ratio,
            a,
            b,
            trouble,
            own,
        }
    }

    /// The port at an end of a link, if it is one of ours, as its device calls it.
    pub fn end_port(&self, end: &LinkEnd) -> Option<Object> {
        declared_port(end).map(|port| self.called.get(&port).cloned().unwrap_or(port))
    }

    fn watches(&self, end: &LinkEnd) -> bool {
        matches!(end, LinkEnd::Port { asset, .. } if self.inventory.assets.get(asset).is_some_and(|a| a.status.watched()))
    }

    /// Whether a region is in scope.
    pub fn within(&self, region: Option<&RegionId>) -> bool {
        crate::console::api::objects::within(self.regions.as_ref(), region)
    }

    /// Whether one of its ends is in scope.
    pub fn sees_link(&self, link: &Link) -> bool {
        self.regions.is_none() || self.link_regions(link).any(|region| self.within(Some(region)))
    }

    /// Regions in which a link has an end.
    pub fn link_regions<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = &'a RegionId> {
        [&link.a, &link.b].into_iter().filter_map(|end| match end {
            LinkEnd::Port { asset, .. } => self.inventory.assets.get(asset)?.region.as_ref(),
            LinkEnd::Peer { .. } => None,
        })
    }

    /// Assets in scope.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.inventory.assets.values().filter(|asset| self.assets.contains_key(&asset.id))
    }

    /// Links in scope, and how they stand.
    pub fn links(&self) -> impl Iterator<Item = (&Link, &LinkNow)> {
        self.links.iter().filter_map(|(id, now)| Some((self.inventory.links.get(id)?, now)))
    }

    /// How a link in scope stands.
    pub fn link(&self, id: &LinkId) -> Option<&LinkNow> {
        self.links.get(id)
    }

    /// Whether an asset answers; nothing if nobody is to watch it.
    pub fn reach(&self, asset: &Asset) -> Option<Reach> {
        let known = || self.reach.get(&Object::Asset(asset.id.clone())).copied().unwrap_or(Reach::Unknown);
        asset.status.watched().then(known)
    }

    /// The newest values of an asset.
    pub fn vitals_of(&self, asset: &AssetId) -> Vitals {
        self.assets.get(asset).map(|(vitals, _)| *vitals).unwrap_or_default()
    }

    /// What is open about an asset and its ports.
    pub fn trouble_of(&self, asset: &AssetId) -> Trouble {
        self.assets.get(asset).map(|(_, trouble)| *trouble).unwrap_or_default()
    }

    /// Every region in scope in the order of the tree, with its depth and how it stands with all below it.
    pub fn regions(&self) -> Vec<(usize, &Region, RegionNow)> {
        let mut sums: HashMap<&RegionId, RegionNow> = HashMap::new();
        for asset in self.assets() {
            let Some(region) = &asset.region else { continue };
            let sum = sums.entry(region).or_default();
            match self.reach(asset) {
                Some(reach) => {
                    for (n, r) in sum.assets.iter_mut().zip(Reach::ALL) {
                        *n += usize::from(r == reach);
                    }
                }
                None => sum.unwatched += 1,
            }
        }
        for incident in self.causes() {
            if let Some(region) = self.region_of(&incident.key.object) {
                sums.entry(region).or_default().trouble.add(incident);
            }
        }
        let tree = tree(&self.inventory, |region| self.within(Some(&region.id)));
        // Links and their incidents belong to two regions, and once to each region above both.
        let parents: HashMap<&RegionId, Option<&RegionId>> =
            self.inventory.regions.values().map(|r| (&r.id, r.parent.as_ref())).collect();
        let mut found: Vec<(usize, &Region, RegionNow)> = Vec::with_capacity(tree.len());
        for (depth, region) in tree {
            found.push((depth, region, sums.get(&region.id).copied().unwrap_or_default()));
        }
        // From the leaves up: what follows a region and stands deeper is below it.
        for at in (0..found.len()).rev() {
            let Some((depth, _, mut sum)) = found.get(at).copied() else { continue };
            for (below, _, part) in found.iter().skip(at + 1).take_while(|(d, _, _)| *d > depth) {
                if *below == depth + 1 {
                    for (n, m) in sum.assets.iter_mut().zip(part.assets) {
                        *n += m;
                    }
                    sum.unwatched += part.unwatched;
                    sum.trouble.join(part.trouble);
                }
            }
            if let Some(row) = found.get_mut(at) {
                row.2 = sum;
            }
        }
        let index: HashMap<&RegionId, usize> = found.iter().enumerate().map(|(at, row)| (&row.1.id, at)).collect();
        let mut linked: Vec<(usize, &LinkNow)> = Vec::new();
        for (link, now) in self.links() {
            let mut touched: BTreeSet<usize> = BTreeSet::new();
            for region in self.link_regions(link) {
                let mut next = Some(region);
                let mut steps = 0;
                while let Some(region) = next.filter(|_| steps < MAX_DEPTH) {
                    touched.extend(index.get(region));
                    next = parents.get(region).copied().flatten();
                    steps += 1;
                }
            }
            linked.extend(touched.into_iter().map(|at| (at, now)));
        }
        drop(index);
        for (at, now) in linked {
            if let Some((_, _, sum)) = found.get_mut(at) {
                sum.links += 1;
                sum.links_down += usize::from(now.reach == Some(Reach::Down));
                sum.trouble.join(now.own);
            }
        }
        found
    }

    /// Where something stands; a link stands in two places.
    fn region_of<'a>(&'a self, object: &'a Object) -> Option<&'a RegionId> {
        match object {
            Object::Region(id) => Some(id),
            Object::Asset(id) | Object::Interface { asset: id, .. } => self.inventory.assets.get(id)?.region.as_ref(),
            Object::Agent(id) => self.inventory.agents.get(id)?.region.as_ref(),
            Object::Link(_) => None,
        }
    }
}

/// Incidents that are read about one thing; nobody looks at more of them.
const MAX_ABOUT: usize = 200;

fn active(mut about: Vec<Brief>) -> Vec<Brief> {
    about.retain(|incident| incident.state.active());
    about
}

/// A region tree is province, prefecture, county, township; more is a mistake that must not loop.
const MAX_DEPTH: usize = 16;

/// A link by what its probes say and by whether the ports at its ends are up. A port that is down means no
/// traffic, unless the line still answers: then one of the two is wrong, and a person shall look.
const fn link_reach(probed: Reach, a: Option<bool>, b: Option<bool>) -> Reach {
    let down = matches!(a, Some(false)) || matches!(b, Some(false));
    match (probed, down) {
        (Reach::Up | Reach::Partly, true) => Reach::Partly,
        (_, true) => Reach::Down,
        (Reach::Unknown, false) if matches!(a, Some(true)) && matches!(b, Some(true)) => Reach::Up,
        (probed, false) => probed,
    }
}

/// The regions for which `seen` holds, each after the one above it, with its depth among them.
pub fn tree(inventory: &Inventory, seen: impl Fn(&Region) -> bool) -> Vec<(usize, &Region)> {
    let mut below: BTreeMap<Option<&RegionId>, Vec<&Region>> = BTreeMap::new();
    for region in inventory.regions.values().filter(|r| seen(r)) {
        let parent = region.parent.as_ref().filter(|p| inventory.regions.get(*p).is_some_and(&seen));
        below.entry(parent).or_default().push(region);
    }
    let mut found = Vec::new();
    let mut waiting: Vec<(usize, &Region)> =
        below.get(&None).into_iter().flatten().rev().map(|region| (0, *region)).collect();
    while let Some((depth, region)) = waiting.pop() {
        found.push((depth, region));
        if depth < MAX_DEPTH {
            waiting.extend(below.get(&Some(&region.id)).into_iter().flatten().rev().map(|r| (depth + 1, *r)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_down_when_a_port_is_and_doubtful_when_the_line_still_answers() {
        use Reach::{Down, Partly, Unknown, Up};
        for (probed, a, b, stands) in [
            (Up, Some(true), Some(true), Up),
            (Up, None, None, Up),
            (Up, Some(false), Some(true), Partly),
            (Unknown, Some(false), None, Down),
            (Down, Some(true), Some(true), Down),
            (Unknown, Some(true), Some(true), Up),
            (Unknown, Some(true), None, Unknown),
            (Partly, None, None, Partly),
        ] {
            assert_eq!(link_reach(probed, a, b), stands, "{probed:?} {a:?} {b:?}");
        }
    }

    #[test]
    fn the_tree_lists_each_region_below_the_one_above_it() {
        let mut inventory = Inventory::default();
        for (id, parent) in [
            ("653", None),
            ("652900", Some("65")),
            ("65", None),
            ("652922", Some("652900")),
            ("652901", Some("652900")),
        ] {
            let id: RegionId = id.parse().unwrap();
            let region = Region {
                id: id.clone(),
                name: id.to_string(),
                tier: crate::model::inventory::Tier::County,
                parent: parent.map(|p| p.parse().unwrap()),
            };
            inventory.regions.insert(id, region);
        }
        let listed = |seen: fn(&Region) -> bool| {
            tree(&inventory, seen).into_iter().map(|(d, r)| format!("{d}{}", r.id)).collect::<Vec<_>>()
        };
        assert_eq!(listed(|_| true), ["065", "1652900", "2652901", "2652922", "0653"]);
        assert_eq!(listed(|r| r.id.as_str() != "65"), ["0652900", "1652901", "1652922", "0653"]);
    }
}
