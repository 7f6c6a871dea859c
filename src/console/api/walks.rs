//! Raw walks of devices over the API: begin one, see how far it is and what came.

use serde::Deserialize;
use serde_json::{Value, json};

use super::objects::find_asset;
use super::page;
use super::problem::Problem;
use super::route::{Call, Reply};
use super::shape;
use crate::console::command::{Command, Outcome};
use crate::console::discoveries::State;
use crate::console::store::{StoreError, WalkRow};
use crate::model::Wall;
use crate::model::walk::called;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    oid: String,
    #[serde(default)]
    reason: Option<String>,
}

/// `GET /assets/{id}/walks`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let asset = find_asset(&call, &inventory)?;
    let rows = call.service.store.walks(&call.actor.scope, &asset.id).await?;
    let now = call.service.clock.wall();
    Ok(page(rows.iter().map(|row| shown(row, now)).collect(), None))
}

/// `POST /assets/{id}/walks`
pub async fn start(call: Call) -> Result<Reply, Problem> {
    let body: StartBody = call.json()?;
    let asset = {
        let (_, inventory) = call.service.store.inventory();
        find_asset(&call, &inventory)?.id.clone()
    };
    let command = Command::Walk { asset, oid: body.oid };
    match call.service.store.command(&call.actor, body.reason.as_deref(), command).await? {
        Outcome::Started(id) => Ok(Reply::Json(json!({ "id": id }))),
        _ => Err(Problem::from(StoreError::Closed)),
    }
}

/// `GET /assets/{id}/walks/{walk}`
pub async fn one(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let asset = find_asset(&call, &inventory)?;
    let id = call.part("walk");
    let found = call.service.store.walk(&call.actor.scope, &asset.id, id).await?;
    let (row, rows) = found.ok_or_else(|| Problem::unknown("原始数据", "walk", id))?;
    let mut answer = shown(&row, call.service.clock.wall());
    if let Some(answer) = answer.as_object_mut() {
        let variable = |row: &crate::model::walk::Row| json!({ "oid": row.oid, "name": called(&row.oid), "type": row.kind, "value": row.value });
        answer.insert("variables".to_owned(), rows.iter().map(variable).collect());
    }
    Ok(Reply::Json(answer))
}

fn shown(row: &WalkRow, now: Wall) -> Value {
    json!({
        "id": row.id,
        "asset": row.asset,
        "agent": row.agent,
        "actor": row.actor,
        "created": shape::time(row.created),
        "oid": row.oid,
        "name": called(&row.oid),
        "state": State::of_walk(row, now).as_str(),
        "rows": row.rows,
        "ended": shape::time_or_null(row.ended),
        "detail": row.detail,
    })
}
