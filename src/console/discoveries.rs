//! Discovery: an agent sweeps addresses, what answers is a proposal, and what somebody adopts becomes assets in one
//! transaction. API and pages use the functions here.
//!
//! Nothing that was found enters the inventory by itself; an address that is an asset already is shown as that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::problem::Problem;
use super::api::shape;
use super::command::{Actor, Command, Outcome};
use super::imports::{permitted, written};
use super::service::Service;
use super::store::{DiscoveryRow, WalkRow};
use crate::config::import::slug;
use crate::model::discovery::{Found, Wanted};
use crate::model::inventory::{Asset, AssetKind, AssetStatus, Inventory, SnmpAccess};
use crate::model::{AgentId, AssetId, OrganisationId, RegionId, Wall, ZoneId};

/// A sweep or walk of which nothing was heard for so long is taken for lost.
const LOST: Duration = Duration::from_secs(300);

/// Where a sweep or a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The agent has not begun.
    Waiting,
    /// Under way.
    Running,
    /// It looked at everything.
    Done,
    /// It ended before that, or was refused.
    Failed,
    /// Nothing was heard of it for minutes.
    Lost,
}

impl State {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// Of a sweep, as of now.
    pub fn of(row: &DiscoveryRow, now: Wall) -> Self {
        Self::told((row.created, row.heard), row.ended.and(row.ok), now)
    }

    /// Of a walk, as of now.
    pub fn of_walk(row: &WalkRow, now: Wall) -> Self {
        Self::told((row.created, row.heard), row.ended.and(row.ok), now)
    }

    fn told((created, heard): (Wall, Option<Wall>), ended: Option<bool>, now: Wall) -> Self {
        match ended {
            Some(true) => Self::Done,
            Some(false) => Self::Failed,
            None if now.since(heard.unwrap_or(created)) > LOST => Self::Lost,
            None if heard.is_none() => Self::Waiting,
            None => Self::Running,
        }
    }

    /// Whether more is to come.
    pub const fn going(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// What to sweep.
#[derive(Debug, Clone)]
pub struct Start {
    /// Who looks; the only agent that is alive if absent.
    pub agent: Option<AgentId>,
    /// At what.
    pub wanted: Wanted,
    /// The zone; the agent's if absent.
    pub zone: Option<ZoneId>,
    /// The region that what is found belongs to; the agent's if absent.
    pub region: Option<RegionId>,
    /// What was found already, if the caller has swept itself.
    pub found: Option<Vec<Found>>,
}

/// An address that answered, as an asset it could be.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What was found.
    pub found: Found,
    /// The asset that it is already.
    pub known: Option<AssetId>,
    /// The id that it would get.
    pub id: AssetId,
    /// The name that it would get.
    pub name: String,
}

/// One proposal to adopt, with what a person says otherwise.
#[derive(Debug, Clone)]
pub struct Pick {
    /// Which.
    pub address: IpAddr,
    /// Its name.
    pub name: Option<String>,
    /// Its kind.
    pub kind: Option<AssetKind>,
}

/// What to adopt.
#[derive(Debug, Clone, Default)]
pub struct Adoption {
    /// These; all that are new if absent.
    pub picks: Option<Vec<Pick>>,
    /// Their region, instead of the sweep's.
    pub region: Option<RegionId>,
    /// Their owner and operator.
    pub owner: Option<OrganisationId>,
}

/// Begins a sweep; answers its id.
pub async fn start(service: &Service, actor: &Actor, start: Start) -> Result<String, Problem> {
    permitted(actor)?;
    let (_, inventory) = service.store.inventory();
    let agent = match (start.agent, &start.found) {
        (Some(agent), _) => agent,
        // Who swept elsewhere is no agent of this console; it is shown under this name.
        (None, Some(_)) => AgentId::new("command.line").map_err(|e| Problem::wrong(e.to_string(), e.to_string()))?,
        (None, None) => only_agent(service)?,
    };
    let declared = inventory.agents.get(&agent);
    let zone = start.zone.or_else(|| declared.map(|a| a.zone.clone())).or_else(|| first_zone(&inventory));
    let zone = zone.ok_or_else(|| Problem::wrong("请指定所属网络", "name the zone of the addresses"))?;
    let region = start.region.or_else(|| declared.and_then(|a| a.region.clone()));
    let command = Command::Discover { agent, wanted: start.wanted, zone, region, found: start.found };
    match service.store.command(actor, None, command).await? {
        Outcome::Started(id) => Ok(id),
        _ => Err(Problem::from(super::store::StoreError::Closed)),
    }
}

fn only_agent(service: &Service) -> Result<AgentId, Problem> {
    let alive: Vec<AgentId> = service.store.agents().into_iter().filter(|row| row.alive).map(|row| row.id).collect();
    match alive.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Problem::new(
            StatusCode::CONFLICT,
            "没有在线的探针；请先启动并注册一个",
            "no agent is alive; start and enrol one first",
        )),
        many => {
            let all: Vec<&str> = many.iter().map(AgentId::as_str).take(12).collect();
            Err(Problem::wrong(
                format!("请指定由哪个探针发现：{}", all.join("、")),
                format!("say which agent shall look: {}", all.join(", ")),
            ))
        }
    }
}

fn first_zone(inventory: &Inventory) -> Option<ZoneId> {
    inventory.zones.keys().find(|zone| zone.as_str() == "extranet").or(inventory.zones.keys().next()).cloned()
}

/// All sweeps, newest first.
pub async fn list(service: &Service, actor: &Actor) -> Result<Vec<DiscoveryRow>, Problem> {
    permitted(actor)?;
    Ok(service.store.discoveries().await?)
}

/// One sweep with its proposals.
pub async fn one(service: &Service, actor: &Actor, id: &str) -> Result<(DiscoveryRow, Vec<Proposal>), Problem> {
    permitted(actor)?;
    let found = service.store.discovery(id).await?;
    let (row, found) = found.ok_or_else(|| Problem::unknown("发现任务", "discovery", id))?;
    let (_, inventory) = service.store.inventory();
    let proposals = proposals(&row.zone, found, &inventory);
    Ok((row, proposals))
}

/// Makes assets of proposals in one transaction; those that are assets already are left alone. Answers the
/// inventory's revision and the new assets.
pub async fn adopt(
    service: &Service,
    actor: &Actor,
    id: &str,
    adoption: Adoption,
) -> Result<(u64, Vec<AssetId>), Problem> {
    let (base_rev, base) = service.store.inventory();
    let (row, proposals) = one(service, actor, id).await?;
    if let Some(region) = adoption.region.as_ref().filter(|region| !base.regions.contains_key(*region)) {
        return Err(Problem::unknown("区划", "region", region.as_str()));
    }
    if let Some(owner) = adoption.owner.as_ref().filter(|owner| !base.organisations.contains_key(*owner)) {
        return Err(Problem::unknown("单位", "organisation", owner.as_str()));
    }
    let known: BTreeSet<IpAddr> = proposals.iter().map(|p| p.found.address).collect();
    let picks: Option<BTreeMap<IpAddr, Pick>> =
        adoption.picks.map(|picks| picks.into_iter().map(|pick| (pick.address, pick)).collect());
    if let Some(stray) = picks.iter().flat_map(BTreeMap::keys).find(|address| !known.contains(address)) {
        return Err(Problem::unknown("已发现的地址", "found address", &stray.to_string()));
    }
    let mut merged = (*base).clone();
    let mut made = Vec::new();
    for proposal in proposals.into_iter().filter(|p| p.known.is_none()) {
        let pick = match &picks {
            None => None,
            Some(picks) => match picks.get(&proposal.found.address) {
                Some(pick) => Some(pick),
                None => continue,
            },
        };
        let asset = asset(&row, proposal, pick, adoption.region.as_ref(), adoption.owner.as_ref());
        made.push(asset.id.clone());
        merged.assets.insert(asset.id.clone(), asset);
    }
    if made.is_empty() {
        return Ok((base_rev, made));
    }
    let mut summary = written(&base, &merged, "discovery")?;
    summary.insert(0, format!("adopted from discovery {id}: {} assets", made.len()));
    let command = Command::Import { inventory: Box::new(merged), secrets: Vec::new(), summary, base_rev };
    match service.store.command(actor, None, command).await? {
        Outcome::Revision(rev) => Ok((rev, made)),
        _ => Ok((service.store.inventory().0, made)),
    }
}

fn asset(
    row: &DiscoveryRow,
    proposal: Proposal,
    pick: Option<&Pick>,
    region: Option<&RegionId>,
    owner: Option<&OrganisationId>,
) -> Asset {
    let Proposal { found, id, name, .. } = proposal;
    let given = pick.and_then(|pick| pick.name.clone()).filter(|name| !name.trim().is_empty());
    // What answers SNMP tells of its ports by that; an open port of anything else is all there is to watch.
    let tcp_ports = if found.secret.is_some() { Vec::new() } else { found.tcp };
    Asset {
        name: given.unwrap_or(name),
        kind: pick.and_then(|pick| pick.kind).unwrap_or(found.kind),
        status: AssetStatus::InUse,
        address: Some(found.address.to_string()),
        also: Vec::new(),
        zone: row.zone.clone(),
        region: region.or(row.region.as_ref()).cloned(),
        owner: owner.cloned(),
        operator: owner.cloned(),
        person: None,
        location: String::new(),
        importance: 1,
        watch: None,
        snmp: found.secret.map(|secret| SnmpAccess::new(row.wanted.snmp_port, secret)),
        config: None,
        website: None,
        tcp_ports,
        depends_on: Vec::new(),
        tags: Vec::new(),
        renamed_from: None,
        id,
    }
}

/// What was found as assets it could be. Ids are made of what a device calls itself, else of its address, and are
/// all different.
pub fn proposals(zone: &ZoneId, found: Vec<Found>, inventory: &Inventory) -> Vec<Proposal> {
    let mut held: BTreeMap<IpAddr, &Asset> = BTreeMap::new();
    for asset in inventory.assets.values().filter(|asset| asset.zone == *zone) {
        // Websites and services share addresses; they are not the device.
        if !matches!(asset.kind, AssetKind::Website | AssetKind::Service) {
            let all = asset.address.iter().chain(&asset.also);
            held.extend(all.filter_map(|address| Some((address.parse().ok()?, asset))));
        }
    }
    let mut taken: HashSet<String> = inventory.assets.keys().map(ToString::to_string).collect();
    let mut all = Vec::with_capacity(found.len());
    for found in found {
        let by_address = format!("dev-{}", found.address.to_string().replace(['.', ':'], "-"));
        let by_address = by_address.trim_end_matches('-').to_owned();
        let numbered = (2..=u16::MAX).map(|n| format!("{by_address}-{n}"));
        let candidates = slug(&found.name).into_iter().chain([by_address.clone()]).chain(numbered);
        let id = candidates.filter(|id| !taken.contains(id)).find_map(|id| AssetId::new(&id).ok());
        let Some(id) = id else { continue };
        let known = held.get(&found.address).map(|asset| asset.id.clone());
        if known.is_none() {
            taken.insert(id.to_string());
        }
        let name = if found.name.trim().is_empty() { found.address.to_string() } else { found.name.clone() };
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        all.push(Proposal { known, id, name, found });
    }
    all
}

/// A sweep as the API shows it.
pub fn row_json(row: &DiscoveryRow, now: Wall) -> Value {
    json!({
        "id": row.id,
        "agent": row.agent,
        "actor": row.actor,
        "created": shape::time(row.created),
        "cidr": row.wanted.ranges,
        "secrets": row.wanted.secrets,
        "snmp_port": row.wanted.snmp_port,
        "tcp_ports": row.wanted.tcp_ports,
        "zone": row.zone,
        "region": row.region,
        "state": State::of(row, now).as_str(),
        "done": row.looked,
        "total": row.total,
        "found": row.found,
        "ended": shape::time_or_null(row.ended),
        "detail": row.detail,
    })
}

/// A proposal as the API shows it.
pub fn proposal_json(proposal: &Proposal) -> Value {
    let found = &proposal.found;
    json!({
        "address": found.address,
        "id": proposal.id,
        "name": proposal.name,
        "kind": found.kind.as_str(),
        "known": proposal.known,
        "icmp": found.icmp,
        "tcp": found.tcp,
        "secret": found.secret,
        "description": found.description,
        "object_id": found.object_id,
    })
}

#[cfg(test)]
mod tests;
