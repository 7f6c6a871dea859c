//! What is watched: regions, assets, interfaces, links, and their newest values.
//! Everything goes through the caller's scope; what is outside of it does not exist for the caller.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::route::{Call, Reply};
use super::{page, page_of, shape};
use crate::console::command::{Command, Outcome, Scope};
use crate::console::store::{Fact, FiringAlert, Latest};
use crate::engine::expose::Reach;
use crate::model::inventory::{Asset, AssetKind, Inventory, Link, LinkEnd, LinkTier};
use crate::model::{AssetId, LinkId, Object, RegionId};

/// The regions of a scope with all below them; nothing = everything.
pub fn regions_of(inventory: &Inventory, scope: &Scope) -> Option<BTreeSet<RegionId>> {
    match scope {
        Scope::All => None,
        Scope::Regions(roots) => Some(roots.iter().flat_map(|r| inventory.region_subtree(r)).collect()),
    }
}

/// Whether something that stands in `region` is within the regions of a scope.
pub fn within(regions: Option<&BTreeSet<RegionId>>, region: Option<&RegionId>) -> bool {
    regions.is_none_or(|all| region.is_some_and(|r| all.contains(r)))
}

fn link_regions<'a>(inventory: &'a Inventory, link: &'a Link) -> impl Iterator<Item = &'a RegionId> {
    [&link.a, &link.b].into_iter().filter_map(|end| match end {
        LinkEnd::Port { asset, .. } => inventory.assets.get(asset)?.region.as_ref(),
        LinkEnd::Peer { .. } => None,
    })
}

fn link_within(inventory: &Inventory, regions: Option<&BTreeSet<RegionId>>, link: &Link) -> bool {
    regions.is_none_or(|all| link_regions(inventory, link).any(|r| all.contains(r)))
}

/// `GET /regions`
pub async fn regions(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let found = inventory.regions.values().filter(|r| within(seen.as_ref(), Some(&r.id)));
    page_of(found, &call.query.page()?, |r| r.id.to_string(), shape::region)
}

/// State of an asset for people: what probes say, unless nobody is to look.
fn asset_state(call: &Call, asset: &Asset) -> &'static str {
    if asset.status.watched() { reach(call, &Object::Asset(asset.id.clone())).as_str() } else { "unwatched" }
}

fn reach(call: &Call, object: &Object) -> Reach {
    call.service.exposition().reach(object, call.service.clock.mono())
}

/// Worst severity and number of incidents by object.
type Firing = BTreeMap<Object, (Option<crate::model::Severity>, BTreeSet<std::sync::Arc<str>>)>;

fn firing_by_object(alerts: &[FiringAlert]) -> Firing {
    let mut all = Firing::new();
    for a in alerts {
        let (worst, incidents) = all.entry(a.key.object.clone()).or_default();
        *worst = (*worst).max(Some(a.contribution.severity));
        incidents.insert(a.incident.clone());
    }
    all
}

fn standing(firing: &Firing, object: &Object) -> (Value, usize) {
    firing.get(object).map_or((Value::Null, 0), |(worst, incidents)| (json!(worst), incidents.len()))
}

/// `GET /assets`
pub async fn assets(call: Call) -> Result<Reply, Problem> {
    const STATES: &str = "up, partly, down, unknown or unwatched";
    let query = &call.query;
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let region = query.parse::<RegionId>("region", "a region id")?.map(|r| inventory.region_subtree(&r));
    let kind = query.read_with(
        "kind",
        "router, switch, firewall, host, website, service, ups or other",
        AssetKind::parse,
    )?;
    let state = query.read_with("state", STATES, |t| {
        Reach::ALL.iter().map(|r| r.as_str()).chain(["unwatched"]).find(|s| *s == t)
    })?;
    let (zone, part) = (query.text("zone"), query.text("q").map(str::to_lowercase));
    let firing = firing_by_object(&call.service.store.alerts(&call.actor.scope).await?);
    let found = inventory.assets.values().filter(|a| {
        within(seen.as_ref(), a.region.as_ref())
            && region.as_ref().is_none_or(|list| a.region.as_ref().is_some_and(|r| list.contains(r)))
            && kind.is_none_or(|k| k == a.kind)
            && zone.is_none_or(|z| a.zone.as_str() == z)
            && part.as_ref().is_none_or(|q| matches_text(a, q))
            && state.is_none_or(|s| asset_state(&call, a) == s)
    });
    page_of(
        found,
        &query.page()?,
        |a| a.id.to_string(),
        |a| {
            let (severity, incidents) = standing(&firing, &Object::Asset(a.id.clone()));
            json!({
                "id": a.id,
                "name": a.name,
                "kind": a.kind.as_str(),
                "status": a.status.as_str(),
                "address": a.address,
                "zone": a.zone,
                "region": a.region,
                "importance": a.importance,
                "state": asset_state(&call, a),
                "severity": severity,
                "incidents": incidents,
            })
        },
    )
}

fn matches_text(asset: &Asset, part: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(part);
    has(asset.id.as_str()) || has(&asset.name) || asset.address.as_deref().is_some_and(has)
}

pub(super) fn find_asset<'a>(call: &Call, inventory: &'a Inventory) -> Result<&'a Asset, Problem> {
    let id = call.part("id");
    let seen = regions_of(inventory, &call.actor.scope);
    AssetId::new(id)
        .ok()
        .and_then(|id| inventory.assets.get(&id))
        .filter(|a| within(seen.as_ref(), a.region.as_ref()))
        .ok_or_else(|| Problem::unknown("资产", "asset", id))
}

/// `GET /assets/{id}`
pub async fn asset(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let asset = find_asset(&call, &inventory)?;
    let object = Object::Asset(asset.id.clone());
    let mut all = whole(&call, &object, shape::asset(asset)).await?;
    if let Some(all) = all.as_object_mut() {
        all.insert("state".to_owned(), json!(asset_state(&call, asset)));
    }
    Ok(Reply::Json(all))
}

/// An object as the pages show it: declared and observed apart, newest values, what fires.
async fn whole(call: &Call, object: &Object, declared: Value) -> Result<Value, Problem> {
    let store = &call.service.store;
    let latest = store.latest(&call.actor.scope, object);
    let observed = store.facts(&call.actor.scope, object).await?;
    let alerts = store.alerts(&call.actor.scope).await?;
    let firing: Vec<Value> = alerts
        .iter()
        .filter(|a| a.key.object == *object)
        .map(|a| {
            json!({
                "incident": a.incident,
                "problem": a.key.problem,
                "instance": a.key.instance,
                "agent": a.contribution.agent,
                "rule": a.contribution.rule,
                "severity": a.contribution.severity,
                "since": shape::time(a.contribution.since),
            })
        })
        .collect();
    Ok(json!({
        "object": object,
        "state": reach(call, object).as_str(),
        "declared": declared,
        "observed": observed.iter().map(fact).collect::<Vec<_>>(),
        "latest": latest.iter().map(value).collect::<Vec<_>>(),
        "firing": firing,
    }))
}

fn fact(f: &Fact) -> Value {
    json!({
        "instance": f.instance,
        "probe": f.probe,
        "field": f.field,
        "value": f.value,
        "agent": f.agent,
        "at": shape::time(f.at),
    })
}

fn value(l: &Latest) -> Value {
    json!({
        "object": l.object,
        "instance": l.instance,
        "agent": l.agent,
        "probe": l.probe,
        "kind": l.kind,
        "field": l.field,
        "value": shape::number(l.value),
        "at": shape::time(l.at),
    })
}

/// `GET /assets/{id}/interfaces`
pub async fn interfaces(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let asset = find_asset(&call, &inventory)?;
    let found = call.service.store.interfaces(&call.actor.scope, &asset.id).await?;
    page_of(found.iter(), &call.query.page()?, ToString::to_string, |object| {
        let name = match object {
            Object::Interface { name, .. } => name.to_string(),
            other => other.name(),
        };
        let latest = call.service.store.latest(&call.actor.scope, object);
        json!({
            "object": object,
            "asset": asset.id,
            "name": name,
            "latest": latest.iter().map(value).collect::<Vec<_>>(),
        })
    })
}

/// `GET /assets/{id}/report`
pub async fn report(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let asset = find_asset(&call, &inventory)?;
    let row = call.service.store.report(&call.actor.scope, &asset.id).await?.ok_or_else(|| {
        Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            format!("资产 `{}` 尚无设备报告；SNMP 资产每十分钟读取一次", asset.id),
            format!("there is no report of asset `{}` yet; assets with SNMP are read every ten minutes", asset.id),
        )
    })?;
    let object: Option<Value> = row.packed.text().and_then(|text| serde_json::from_str(&text).ok());
    Ok(Reply::Json(json!({
        "asset": row.asset,
        "probe": row.probe,
        "agent": row.agent,
        "at": shape::time(row.at),
        "changed": shape::time(row.changed),
        "report": object,
    })))
}

/// `GET /links`
pub async fn links(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let tier = call.query.read_with("tier", "backbone, metro or access", LinkTier::parse)?;
    let firing = firing_by_object(&call.service.store.alerts(&call.actor.scope).await?);
    let found = inventory
        .links
        .values()
        .filter(|l| link_within(&inventory, seen.as_ref(), l) && tier.is_none_or(|t| t == l.tier));
    page_of(
        found,
        &call.query.page()?,
        |l| l.id.to_string(),
        |l| {
            let object = Object::Link(l.id.clone());
            let (severity, incidents) = standing(&firing, &object);
            let mut all = shape::link(l);
            if let Some(all) = all.as_object_mut() {
                all.insert("state".to_owned(), json!(reach(&call, &object).as_str()));
                all.insert("severity".to_owned(), severity);
                all.insert("incidents".to_owned(), json!(incidents));
            }
            all
        },
    )
}

/// `GET /links/{id}`
pub async fn link(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let id = call.part("id");
    let link = LinkId::new(id)
        .ok()
        .and_then(|id| inventory.links.get(&id))
        .filter(|l| link_within(&inventory, seen.as_ref(), l))
        .ok_or_else(|| Problem::unknown("链路", "link", id))?;
    Ok(Reply::Json(whole(&call, &Object::Link(link.id.clone()), shape::link(link)).await?))
}

/// The object of a query, if it is within the caller's scope.
pub(super) fn object_of(call: &Call, object: Object) -> Result<Object, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let seen = seen.as_ref();
    let known = match &object {
        Object::Region(id) => inventory.regions.contains_key(id) && within(seen, Some(id)),
        Object::Asset(id) | Object::Interface { asset: id, .. } => {
            inventory.assets.get(id).is_some_and(|a| within(seen, a.region.as_ref()))
        }
        Object::Link(id) => inventory.links.get(id).is_some_and(|l| link_within(&inventory, seen, l)),
        Object::Agent(id) => inventory.agents.get(id).is_some_and(|a| within(seen, a.region.as_ref())),
    };
    if known { Ok(object) } else { Err(Problem::unknown("对象", "object", &object.to_string())) }
}

/// `GET /observations`
pub async fn observations(call: Call) -> Result<Reply, Problem> {
    let query = &call.query;
    let object = query.parse::<Object>("object", "an object, such as asset:core-1")?;
    let Some(object) = object else { return Ok(page(Vec::new(), None)) };
    let object = object_of(&call, object)?;
    let (probe, instance) = (query.text("probe"), query.text("instance"));
    let latest = call.service.store.latest(&call.actor.scope, &object);
    let found = latest
        .iter()
        .filter(|l| probe.is_none_or(|p| l.probe.as_str() == p) && instance.is_none_or(|i| *l.instance == *i));
    Ok(page(found.map(value).collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeBody {
    count: Option<u32>,
    spacing_ms: Option<u64>,
    reason: Option<String>,
}

/// `POST /objects/{object}/probe`
pub async fn probe_now(call: Call) -> Result<Reply, Problem> {
    let body: ProbeBody = call.json()?;
    let object: Object =
        call.part("object").parse().map_err(|e| Problem::wrong(format!("{e}；请写成 asset:ID"), format!("{e}")))?;
    let object = object_of(&call, object)?;
    let command = Command::ProbeNow {
        object: object.clone(),
        count: body.count.unwrap_or(1),
        spacing_ms: body.spacing_ms.unwrap_or(1_000),
    };
    let agents = match call.service.store.command(&call.actor, body.reason.as_deref(), command).await? {
        Outcome::Queued(agents) => agents,
        _ => Vec::new(),
    };
    Ok(Reply::Json(json!({ "object": object, "agents": agents })))
}
