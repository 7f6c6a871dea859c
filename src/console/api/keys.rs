//! Keys of devices that are read over SSH: which was accepted, which was seen, and a person's word on it. What is accepted
//! stands in the inventory.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page;
use super::problem::Problem;
use super::route::{Call, Reply};
use super::shape;
use crate::config::inventory;
use crate::console::command::Command;
use crate::console::store::Fact;
use crate::model::inventory::{Asset, ConfigSource};
use crate::model::{AssetId, Object};

/// The field in which agents say which key they saw.
const SEEN: &str = "host_key";

/// `GET /baseline/keys`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let mut all = Vec::new();
    for asset in inventory.assets.values() {
        let Some(accepted) = accepted(asset) else { continue };
        let object = Object::Asset(asset.id.clone());
        if !call.service.store.sees(&call.actor.scope, &object) {
            continue;
        }
        let facts = call.service.store.facts(&call.actor.scope, &object).await?;
        all.push(told(asset, accepted, facts.iter().find(|fact| fact.field == SEEN)));
    }
    Ok(page(all, None))
}

fn told(asset: &Asset, accepted: &str, seen: Option<&Fact>) -> Value {
    let key = seen.map(|fact| fact.value.clone()).unwrap_or_default();
    let state = match (accepted, key.as_str()) {
        (_, "") => "unseen",
        ("", _) => "new",
        (accepted, key) if accepted == key => "accepted",
        _ => "changed",
    };
    json!({
        "asset": asset.id,
        "state": state,
        "accepted": shape::text_or_null(accepted),
        "seen": shape::text_or_null(&key),
        "at": seen.map(|fact| shape::time(fact.at)),
    })
}

/// The accepted key of an asset that is read over SSH; empty before there is one.
fn accepted(asset: &Asset) -> Option<&str> {
    match &asset.config.as_ref()?.source {
        ConfigSource::Ssh { host_key, .. } => Some(host_key),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    asset: AssetId,
    key: String,
    reason: Option<String>,
}

/// `POST /baseline/keys`
pub async fn accept(call: Call) -> Result<Reply, Problem> {
    let body: Body = call.json()?;
    let fingerprint =
        |hash: &str| hash.len() == 43 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b));
    if !body.key.is_empty() && !body.key.strip_prefix("SHA256:").is_some_and(fingerprint) {
        return Err(Problem::wrong(
            "`key` 不是指纹；请按 ssh-keygen -l 的写法：SHA256:...",
            "`key` is no fingerprint; write it as ssh-keygen -l does: SHA256:...",
        ));
    }
    let (base_rev, old) = call.service.store.inventory();
    let object = Object::Asset(body.asset.clone());
    let asset = old.assets.get(&body.asset).filter(|_| call.service.store.sees(&call.actor.scope, &object));
    let Some(asset) = asset.filter(|asset| accepted(asset).is_some()) else {
        return Err(Problem::unknown("经 SSH 采集的资产", "an asset that is read over SSH", body.asset.as_str()));
    };
    let mut new = (*old).clone();
    let mut asset = asset.clone();
    if let Some(ConfigSource::Ssh { host_key, .. }) = asset.config.as_mut().map(|config| &mut config.source) {
        host_key.clone_from(&body.key);
    }
    new.assets.insert(asset.id.clone(), asset);
    let diff = inventory::diff(&old, &new, false);
    if !diff.changes.is_empty() {
        let summary = diff.changes.iter().map(ToString::to_string).collect();
        let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary, base_rev };
        call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    }
    Ok(Reply::Json(json!({ "asset": body.asset, "accepted": shape::text_or_null(&body.key) })))
}
