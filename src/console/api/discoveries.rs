//! Discovery over the API: begin a sweep, see how far it is and what it proposes, adopt.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::json;

use super::page;
use super::problem::Problem;
use super::route::{Call, Reply};
use crate::console::discoveries::{self, Adoption, Pick, Start};
use crate::model::discovery::{Found, PORTS, SNMP_PORT, Wanted};
use crate::model::inventory::AssetKind;
use crate::model::{AgentId, OrganisationId, RegionId, ZoneId};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    cidr: Vec<String>,
    #[serde(default)]
    agent: Option<AgentId>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    snmp_port: Option<u16>,
    #[serde(default)]
    tcp_ports: Option<Vec<u16>>,
    #[serde(default)]
    zone: Option<ZoneId>,
    #[serde(default)]
    region: Option<RegionId>,
    #[serde(default)]
    found: Option<Vec<Found>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PickBody {
    address: IpAddr,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdoptBody {
    #[serde(default)]
    addresses: Option<Vec<PickBody>>,
    #[serde(default)]
    region: Option<RegionId>,
    #[serde(default)]
    owner: Option<OrganisationId>,
}

/// `GET /discoveries`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let rows = discoveries::list(&call.service, &call.actor).await?;
    let now = call.service.clock.wall();
    Ok(page(rows.iter().map(|row| discoveries::row_json(row, now)).collect(), None))
}

/// `GET /discoveries/{id}`
pub async fn one(call: Call) -> Result<Reply, Problem> {
    let (row, proposals) = discoveries::one(&call.service, &call.actor, call.part("id")).await?;
    let mut shown = discoveries::row_json(&row, call.service.clock.wall());
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("proposals".to_owned(), proposals.iter().map(discoveries::proposal_json).collect());
    }
    Ok(Reply::Json(shown))
}

/// `POST /discoveries`
pub async fn start(call: Call) -> Result<Reply, Problem> {
    let body: StartBody = call.json()?;
    let wanted = Wanted {
        ranges: body.cidr,
        secrets: body.secrets,
        snmp_port: body.snmp_port.unwrap_or(SNMP_PORT),
        tcp_ports: body.tcp_ports.unwrap_or_else(|| PORTS.to_vec()),
    };
    let start = Start { agent: body.agent, wanted, zone: body.zone, region: body.region, found: body.found };
    let id = discoveries::start(&call.service, &call.actor, start).await?;
    Ok(Reply::Json(json!({ "id": id })))
}

/// `POST /discoveries/{id}/adopt`
pub async fn adopt(call: Call) -> Result<Reply, Problem> {
    let body: AdoptBody = call.json()?;
    let read = |pick: PickBody| {
        let kind = match pick.kind.as_deref() {
            None => None,
            Some(word) => Some(AssetKind::parse(word).ok_or_else(|| {
                let all: Vec<&str> = AssetKind::ALL.iter().map(|kind| kind.as_str()).collect();
                let all = all.join(", ");
                Problem::wrong(format!("没有类型 `{word}`；可用：{all}"), format!("no kind `{word}`; known: {all}"))
            })?),
        };
        Ok(Pick { address: pick.address, name: pick.name, kind })
    };
    let picks = body.addresses.map(|list| list.into_iter().map(read).collect::<Result<Vec<_>, Problem>>());
    let adoption = Adoption { picks: picks.transpose()?, region: body.region, owner: body.owner };
    let (rev, assets) = discoveries::adopt(&call.service, &call.actor, call.part("id"), adoption).await?;
    Ok(Reply::Json(json!({ "rev": rev, "assets": assets })))
}
