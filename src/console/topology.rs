//! The topology of the inventory: what devices said of their neighbours, held against the declared links, and links
//! declared from what was found. API and pages use the functions here.
//!
//! Of each report only what a join needs is kept in memory, made again when the device said something else.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::problem::Problem;
use super::command::{Actor, Command, Outcome, Scope};
use super::imports::{permitted, written};
use super::service::Service;
use super::store::ReportRow;
use crate::config::import::slug;
use crate::engine::topology::{self, End, Found, Line, Near};
use crate::model::device::report;
use crate::model::inventory::{Inventory, Link, LinkEnd, LinkTier};
use crate::model::{AssetId, LinkId, Object, Wall};

/// Reports read and unpacked in one go: a packed one has some 20 KB, of which little is kept.
const AT_ONCE: usize = 64;

/// What was made of the reports so far.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Kept>);

#[derive(Debug, Default, Clone)]
struct Kept {
    /// The inventory whose addresses were asked about.
    rev: u64,
    /// By asset, with the time of its report.
    near: BTreeMap<AssetId, (Wall, Arc<Near>)>,
}

/// All lines of which an end is in scope, what needs somebody first.
pub async fn lines(service: &Service, scope: &Scope) -> Result<Vec<Line>, Problem> {
    let (rev, inventory) = service.store.inventory();
    let near = heard(service, rev, &inventory).await?;
    let compared = inventory.clone();
    let work = move || {
        let all: Vec<Near> = near.iter().map(|near| (**near).clone()).collect();
        topology::compare(&compared, &all, topology::join(&compared, &all))
    };
    let mut lines = tokio::task::spawn_blocking(work).await.map_err(|_| broken())?;
    let sees = |asset: &AssetId| service.store.sees(scope, &Object::Asset(asset.clone()));
    lines.retain(|line| ends(&inventory, line).into_iter().flatten().any(|(asset, _)| sees(&asset)));
    lines.sort_by_cached_key(|line| (line.state, ends(&inventory, line)));
    Ok(lines)
}

/// What devices call themselves: their sysName, of those that were read over SNMP.
pub async fn called(service: &Service) -> Result<Vec<(AssetId, Arc<str>)>, Problem> {
    let (rev, inventory) = service.store.inventory();
    let all = heard(service, rev, &inventory).await?;
    Ok(all.iter().map(|near| (near.asset.clone(), near.name.clone())).collect())
}

/// What devices said, as it is now.
async fn heard(service: &Service, rev: u64, inventory: &Arc<Inventory>) -> Result<Vec<Arc<Near>>, Problem> {
    let held = || service.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kept = held().clone();
    if kept.rev != rev {
        kept = Kept { rev, near: BTreeMap::new() };
    }
    let times = service.store.report_times().await?;
    let there: HashSet<&AssetId> = times.iter().map(|(asset, _)| asset).collect();
    kept.near.retain(|asset, _| there.contains(asset));
    let stale = |(asset, at): &&(AssetId, Wall)| {
        inventory.assets.contains_key(asset) && kept.near.get(asset).is_none_or(|(of, _)| of != at)
    };
    let due: Vec<AssetId> = times.iter().filter(stale).map(|(asset, _)| asset.clone()).collect();
    if !due.is_empty() {
        let asked: Arc<HashSet<IpAddr>> = Arc::new(inventory.assets.values().flat_map(topology::addresses).collect());
        for some in due.chunks(AT_ONCE) {
            let mut rows = Vec::with_capacity(some.len());
            for asset in some {
                rows.extend(service.store.report(&Scope::All, asset).await?);
            }
            let asked = asked.clone();
            let made = tokio::task::spawn_blocking(move || {
                rows.iter().filter_map(|row| near(row, &asked)).collect::<Vec<_>>()
            });
            kept.near.extend(made.await.map_err(|_| broken())?);
        }
    }
    let all = kept.near.values().map(|(_, near)| near.clone()).collect();
    *held() = kept;
    Ok(all)
}

fn near(row: &ReportRow, asked: &HashSet<IpAddr>) -> Option<(AssetId, (Wall, Arc<Near>))> {
    let object: Value = serde_json::from_str(&row.packed.text()?).ok()?;
    let near = Near::of(row.asset.clone(), &report::read(&object), |address| asked.contains(address));
    Some((row.asset.clone(), (row.at, Arc::new(near))))
}

fn broken() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "拓扑比对中断；详见管理中心日志",
        "the comparison broke off; see the console's log",
    )
}

/// An asset and one of its ports, which may be unknown.
pub type Place = (AssetId, String);

/// The two ends of a line: as found, else as declared. A neighbour that is no asset is none.
pub fn ends(inventory: &Inventory, line: &Line) -> [Option<Place>; 2] {
    let found = |end: &End| Some((end.asset.clone(), end.port.to_string()));
    let declared = |end: &LinkEnd| match end {
        LinkEnd::Port { asset, interface, .. } => Some((asset.clone(), interface.clone())),
        LinkEnd::Peer { .. } => None,
    };
    match (&line.found, &line.stranger, line.link.as_ref().and_then(|id| inventory.links.get(id))) {
        (Some(f), _, _) => [found(&f.a), found(&f.b)],
        (None, Some(stranger), _) => [Some((stranger.by.clone(), stranger.heard.local.to_string())), None],
        (None, None, Some(link)) => [declared(&link.a), declared(&link.b)],
        (None, None, None) => [None, None],
    }
}

/// A line as the API shows it.
pub fn json_of(line: &Line) -> Value {
    let end = |end: &End| json!({ "asset": end.asset, "port": none_if_empty(&end.port), "sure": end.sure, "address": end.address });
    let found = line.found.as_ref();
    let heard = line.stranger.as_ref().map(|stranger| {
        let heard = &stranger.heard;
        json!({
            "by": stranger.by,
            "local_port": none_if_empty(&heard.local),
            "protocol": &*heard.protocol,
            "name": none_if_empty(&heard.name),
            "port": none_if_empty(&heard.port),
            "chassis": none_if_empty(&heard.chassis),
            "address": heard.address,
        })
    });
    json!({
        "id": line.id(),
        "state": line.state.as_str(),
        "a": found.map(|f| end(&f.a)),
        "b": found.map(|f| end(&f.b)),
        "evidence": found.map(|f| f.evidence.iter().map(|e| e.as_str()).collect::<Vec<_>>()),
        "said_by": found.map(|f| f.said_by.iter().collect::<Vec<_>>()),
        "members": found.map(|f| f.members.iter().map(|(a, b)| json!([&**a, &**b])).collect::<Vec<_>>()),
        "lost": found.map(|f| f.lost.iter().map(|(asset, port)| json!({ "asset": asset, "port": &**port })).collect::<Vec<_>>()),
        "link": line.link,
        "stranger": heard,
        "adoptable": line.adoptable(),
    })
}

fn none_if_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Declares the link of a line, or gives the declared one the ports that it was found on. Answers the inventory's
/// revision and the link.
pub async fn adopt(
    service: &Service,
    actor: &Actor,
    id: &str,
    reason: Option<&str>,
) -> Result<(u64, LinkId), Problem> {
    permitted(actor)?;
    let (base_rev, base) = service.store.inventory();
    let all = lines(service, &actor.scope).await?;
    let line = all.into_iter().find(|line| line.id() == id);
    let line = line.ok_or_else(|| Problem::unknown("拓扑连线", "line of the topology", id))?;
    let (Some(found), true) = (&line.found, line.adoptable()) else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "此连线不能直接采纳：须为台账中没有的或端口不符的，且两端端口已知；请手工登记链路",
            "this line cannot be adopted: it must be undeclared or on other ports, with both ports known; declare the link by hand",
        ));
    };
    let mut merged = (*base).clone();
    let near = heard(service, base_rev, &base).await?;
    let capacity = capacity(&near, found);
    let link = match line.link.as_ref().and_then(|id| base.links.get(id)) {
        Some(held) => corrected(held, found, capacity),
        None => fresh(&base, found, capacity).ok_or_else(broken)?,
    };
    let link_id = link.id.clone();
    merged.links.insert(link_id.clone(), link);
    let mut summary = written(&base, &merged, "topology")?;
    summary.insert(0, format!("adopted from the topology: link {link_id}"));
    let command = Command::InventoryApply { inventory: Box::new(merged), summary, base_rev };
    match service.store.command(actor, reason, command).await? {
        Outcome::Revision(rev) => Ok((rev, link_id)),
        _ => Ok((service.store.inventory().0, link_id)),
    }
}

fn port(end: &End) -> LinkEnd {
    let address = end.address.map(|address| address.to_string());
    LinkEnd::Port { asset: end.asset.clone(), interface: end.port.to_string(), address }
}

/// What a line carries: the slower of its two ports, as far as they say.
fn capacity(near: &[Arc<Near>], found: &Found) -> Option<u64> {
    let speed = |end: &End| {
        let near = near.iter().find(|near| near.asset == end.asset)?;
        near.ports.iter().find(|port| port.name == end.port)?.speed_bps
    };
    [speed(&found.a), speed(&found.b)].into_iter().flatten().min()
}

/// A link as it was found. Between regions it is a metro line, else one of access. Who watches it follows from where its
/// ends stand, as of every link that names nobody.
fn fresh(inventory: &Inventory, found: &Found, capacity_bps: Option<u64>) -> Option<Link> {
    let (a, b) = (inventory.assets.get(&found.a.asset)?, inventory.assets.get(&found.b.asset)?);
    let plain = format!("{}--{}", a.id, b.id);
    let with_ports = slug(&format!("{} {} {} {}", a.id, found.a.port, b.id, found.b.port));
    let numbered = (2..=u16::MAX).map(|n| format!("link-{n}"));
    let free = |id: &LinkId| !inventory.links.contains_key(id);
    let id =
        std::iter::once(plain).chain(with_ports).chain(numbered).filter_map(|id| LinkId::new(&id).ok()).find(free)?;
    Some(Link {
        id,
        name: format!("{} {} - {} {}", a.name, found.a.port, b.name, found.b.port),
        a: port(&found.a),
        b: port(&found.b),
        watch: Vec::new(),
        tier: if a.region == b.region { LinkTier::Access } else { LinkTier::Metro },
        capacity_bps,
        carrier: None,
        tags: Vec::new(),
    })
}

/// A declared link on the ports that it was found on; an address and a capacity that were declared stay.
fn corrected(held: &Link, found: &Found, capacity: Option<u64>) -> Link {
    let end = |held: &LinkEnd| {
        let LinkEnd::Port { asset, address, .. } = held else { return held.clone() };
        let seen = if found.a.asset == *asset { &found.a } else { &found.b };
        match port(seen) {
            LinkEnd::Port { asset, interface, address: found } => {
                LinkEnd::Port { asset, interface, address: address.clone().or(found) }
            }
            peer @ LinkEnd::Peer { .. } => peer,
        }
    };
    Link { a: end(&held.a), b: end(&held.b), capacity_bps: held.capacity_bps.or(capacity), ..held.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_what_its_slower_port_does_as_far_as_they_say() {
        let near = |asset: &str, speed: Value| {
            let ports = json!([{ "name": "GE0/0/1", "speed_bps": speed }, { "name": "GE0/0/2", "speed_bps": 1e7 }]);
            let device = report::read(&json!({ "interfaces": ports }));
            Arc::new(Near::of(asset.parse().unwrap(), &device, |_| false))
        };
        let end = |asset: &str| End {
            asset: asset.parse().unwrap(),
            port: Arc::from("GE0/0/1"),
            sure: true,
            address: None,
        };
        for (a, b, want) in [
            (json!(1e10), json!(1e9), Some(1_000_000_000)),
            (json!(1e10), json!(null), Some(10_000_000_000)),
            (json!(null), json!(0), None),
        ] {
            let found = Found {
                a: end("a"),
                b: end("b"),
                evidence: Default::default(),
                said_by: Default::default(),
                members: Default::default(),
                lost: Default::default(),
            };
            assert_eq!(capacity(&[near("a", a), near("b", b)], &found), want);
        }
    }
}
