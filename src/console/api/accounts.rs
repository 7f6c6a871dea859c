//! Users, sessions and one-time links over the API. No answer carries a password, and no refusal quotes a body
//! that holds one.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::incidents::ReasonBody;
use super::problem::Problem;
use super::route::{Call, Reply};
use super::{page, shape};
use crate::console::command::{Command, Role, Scope};
use crate::model::{RegionId, SecretText};

/// A body that may hold a password: what is wrong with it is said by its place only.
fn quiet<T: DeserializeOwned>(call: &Call) -> Result<T, Problem> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Problem::wrong(
            format!("请求体格式错误（第 {line} 行第 {column} 列）；格式见 /api/v1/openapi.json"),
            format!("the body is malformed at line {line} column {column}; see /api/v1/openapi.json"),
        )
    })
}

/// `GET /users`
pub async fn users(call: Call) -> Result<Reply, Problem> {
    let rows = call.service.store.users();
    let items = rows.iter().map(|u| {
        json!({
            "name": u.name,
            "display": u.display,
            "role": u.role.as_str(),
            "regions": shape::scope(&u.scope),
            "created": shape::time(u.created),
            "creator": u.creator,
            "locked": u.locked,
            "locked_until": shape::time_or_null(u.locked_until),
            "must_change": u.must_change,
            "password_set": shape::time(u.password_set),
            "signed_in": shape::time_or_null(u.signed_in),
        })
    });
    Ok(page(items.collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    name: String,
    display: Option<String>,
    role: String,
    #[serde(default)]
    regions: Vec<RegionId>,
    password: String,
    reason: Option<String>,
}

/// `POST /users`
pub async fn add(call: Call) -> Result<Reply, Problem> {
    let body: UserBody = quiet(&call)?;
    let role = Role::parse(&body.role).filter(|role| *role != Role::Metrics).ok_or_else(|| {
        Problem::wrong(
            "角色不存在；用户的角色为 admin, operator, viewer",
            "there is no such role; a user is admin, security, operator or viewer",
        )
    })?;
    let scope = if body.regions.is_empty() { Scope::All } else { Scope::Regions(body.regions) };
    let (name, regions) = (body.name, shape::scope(&scope));
    let display = body.display.unwrap_or_else(|| name.clone());
    let command =
        Command::UserAdd { name: name.clone(), display, role, scope, password: SecretText::new(body.password) };
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    Ok(Reply::Json(json!({ "name": name, "role": role.as_str(), "regions": regions })))
}

/// `POST /users/{name}/lock`
pub async fn lock(call: Call) -> Result<Reply, Problem> {
    locked(call, true).await
}

/// `POST /users/{name}/unlock`
pub async fn unlock(call: Call) -> Result<Reply, Problem> {
    locked(call, false).await
}

async fn locked(call: Call, locked: bool) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    let name = call.part("name").to_owned();
    let command = Command::UserLock { name: name.clone(), locked };
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    Ok(Reply::Json(json!({ "name": name, "locked": locked })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    password: String,
    reason: Option<String>,
}

/// `POST /users/{name}/reset`
pub async fn reset(call: Call) -> Result<Reply, Problem> {
    let body: ResetBody = quiet(&call)?;
    let name = call.part("name").to_owned();
    let command = Command::UserReset { name: name.clone(), password: SecretText::new(body.password) };
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    Ok(Reply::Json(json!({ "name": name, "must_change": true })))
}

/// `DELETE /users/{name}`
pub async fn remove(call: Call) -> Result<Reply, Problem> {
    let name = call.part("name").to_owned();
    call.service.store.command(&call.actor, None, Command::UserRemove { name: name.clone() }).await?;
    Ok(Reply::Json(json!({ "name": name, "removed": true })))
}

/// `GET /sessions`
pub async fn sessions(call: Call) -> Result<Reply, Problem> {
    let everybody = call.actor.role == Role::Admin && call.actor.scope == Scope::All;
    let all = call.service.store.sessions();
    let items: Vec<Value> = all
        .iter()
        .filter(|s| everybody || s.actor.name == call.actor.name)
        .map(|s| {
            json!({
                "id": s.id,
                "actor": s.actor.name,
                "display": s.display,
                "role": s.actor.role.as_str(),
                "created": shape::time(s.created),
                "seen": shape::time(s.seen),
                "from": s.from,
                "agent": s.agent,
                "way": s.way.as_str(),
                "own": s.actor.name == call.actor.name,
            })
        })
        .collect();
    Ok(page(items, None))
}

/// `DELETE /sessions/{id}`
pub async fn session_end(call: Call) -> Result<Reply, Problem> {
    let id = call.part("id").to_owned();
    call.service.store.command(&call.actor, None, Command::SessionEnd { id: id.clone() }).await?;
    Ok(Reply::Json(json!({ "id": id, "ended": true })))
}

/// `POST /links`
pub async fn link(call: Call) -> Result<Reply, Problem> {
    let token = call.service.store.link_create(&call.actor).await?;
    let path = format!("/welcome?token={}", token.expose());
    let url = call.service.pages_url().map(|base| format!("{base}{path}"));
    Ok(Reply::Json(json!({ "path": path, "url": url, "minutes": LINK_MINUTES })))
}

/// How long a link works, for people; the store keeps to it.
const LINK_MINUTES: u64 = crate::console::store::LINK_LIFE.as_secs() / 60;
