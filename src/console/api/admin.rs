//! Agents, tokens, secrets, definitions, audit. No answer ever carries the value of a secret or the text of a
//! token, but for the one that was just made.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::incidents::{ReasonBody, time, words};
use super::objects::{regions_of, within};
use super::problem::Problem;
use super::route::{Call, Reply};
use super::{page, shape};
use crate::console::command::{Command, Outcome, Role, Scope};
use crate::console::store::AgentRow;
use crate::model::plan::RuleAt;
use crate::model::{AgentId, RegionId, Secret};

/// How long an enrolment token works unless asked otherwise: a day to walk to the machine.
const ENROLL_LIFE: Duration = Duration::from_secs(86_400);

/// Agents within the caller's scope.
fn agents_seen(call: &Call) -> Vec<AgentRow> {
    let (_, inventory) = call.service.store.inventory();
    let seen = regions_of(&inventory, &call.actor.scope);
    let mut rows = call.service.store.agents();
    rows.retain(|row| within(seen.as_ref(), inventory.agents.get(&row.id).and_then(|a| a.region.as_ref())));
    rows
}

fn agent_shape(call: &Call, row: &AgentRow) -> Value {
    let (_, inventory) = call.service.store.inventory();
    let plan = call.service.plan(&row.id);
    json!({
        "id": row.id,
        "declared": inventory.agents.get(&row.id).map(shape::agent_decl),
        "enrolled": shape::time_or_null(row.enrolled),
        "last_heard": shape::time_or_null(row.last_heard),
        "alive": row.alive,
        "skew_ms": row.skew_ms,
        "status": row.status.as_ref().map(shape::agent_status),
        "status_at": shape::time_or_null(row.status_at),
        "revoked": row.revoked,
        "certificate_expires": shape::time_or_null(row.certificate_expires),
        "plan": plan.as_ref().map(|p| json!({
            "rev": p.plan.rev,
            "digest": p.plan.digest,
            "tasks": p.plan.tasks.len(),
            "rules": p.plan.rules.len(),
            "notes": p.notes,
        })),
        "gaps": row.gaps.iter().map(|g| json!({
            "stream": g.stream,
            "epoch": g.epoch,
            "from": g.first,
            "to": g.last,
            "cause": g.cause,
            "received": shape::time(g.received),
        })).collect::<Vec<_>>(),
    })
}

/// `GET /agents`
pub async fn agents(call: Call) -> Result<Reply, Problem> {
    Ok(page(agents_seen(&call).iter().map(|row| agent_shape(&call, row)).collect(), None))
}

/// `GET /agents/{id}`
pub async fn agent(call: Call) -> Result<Reply, Problem> {
    let id = call.part("id");
    let found = agents_seen(&call).into_iter().find(|row| row.id.as_str() == id);
    found.map(|row| Reply::Json(agent_shape(&call, &row))).ok_or_else(|| Problem::unknown("探针", "agent", id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    reason: String,
}

/// `POST /agents/{id}/revoke`
pub async fn agent_revoke(call: Call) -> Result<Reply, Problem> {
    let body: RevokeBody = call.json()?;
    let agent = AgentId::new(call.part("id")).map_err(|_| Problem::unknown("探针", "agent", call.part("id")))?;
    let command = Command::AgentRevoke { agent: agent.clone(), reason: words("reason", body.reason.clone())? };
    call.service.store.command(&call.actor, Some(&body.reason), command).await?;
    Ok(Reply::Json(json!({ "agent": agent, "revoked": body.reason })))
}

/// `GET /tokens`
pub async fn tokens(call: Call) -> Result<Reply, Problem> {
    let rows = call.service.store.tokens();
    let items = rows.iter().map(|t| {
        json!({
            "name": t.name,
            "role": t.role.as_str(),
            "regions": shape::scope(&t.scope),
            "created": shape::time(t.created),
            "creator": t.creator,
            "expires": shape::time_or_null(t.expires),
            "used": shape::time_or_null(t.used),
            "revoked": shape::time_or_null(t.revoked),
        })
    });
    Ok(page(items.collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    name: String,
    role: String,
    #[serde(default)]
    regions: Vec<RegionId>,
    expires: Option<String>,
    reason: Option<String>,
}

/// `POST /tokens`
pub async fn token_create(call: Call) -> Result<Reply, Problem> {
    let body: TokenBody = call.json()?;
    let role = Role::parse(&body.role).ok_or_else(|| {
        let given: String = body.role.chars().take(80).collect();
        Problem::wrong(
            format!("角色 `{given}` 不存在；可用：admin, security, operator, viewer, metrics"),
            format!("there is no role `{given}`; there are: admin, security, operator, viewer, metrics"),
        )
    })?;
    let scope = if body.regions.is_empty() { Scope::All } else { Scope::Regions(body.regions) };
    let expires = time(body.expires.as_deref(), "expires")?;
    let command = Command::TokenCreate { name: body.name, role, scope: scope.clone(), expires };
    match call.service.store.command(&call.actor, body.reason.as_deref(), command).await? {
        Outcome::Token { name, token } => Ok(Reply::Json(json!({
            "name": name,
            "role": role.as_str(),
            "regions": shape::scope(&scope),
            "expires": shape::time_or_null(expires),
            "token": token.expose(),
        }))),
        _ => Err(no_token()),
    }
}

fn no_token() -> Problem {
    Problem::new(
        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
        "存储未返回令牌；请查看管理中心日志",
        "the store gave no token; see the console's log",
    )
}

/// `POST /tokens/{name}/revoke`
pub async fn token_revoke(call: Call) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    let name = call.part("name").to_owned();
    let command = Command::TokenRevoke { name: name.clone() };
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    Ok(Reply::Json(json!({ "name": name, "revoked": true })))
}

/// `GET /secrets`
pub async fn secrets(call: Call) -> Result<Reply, Problem> {
    let rows = call.service.store.secrets();
    let items = rows.iter().map(|s| {
        json!({
            "name": s.name,
            "type": s.kind,
            "generation": s.generation,
            "updated": shape::time(s.updated),
            "updater": s.updater,
        })
    });
    Ok(page(items.collect(), None))
}

/// `PUT /secrets/{name}`
pub async fn secret_set(call: Call) -> Result<Reply, Problem> {
    // The error must not quote the body: a mistyped key would carry the value into logs.
    let secret: Secret = serde_json::from_slice(&call.body).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Problem::wrong(
            format!("凭据格式错误（第 {line} 行第 {column} 列）；格式见 /api/v1/openapi.json"),
            format!("the secret is malformed at line {line} column {column}; see /api/v1/openapi.json"),
        )
    })?;
    let name = call.part("name").to_owned();
    let kind = secret.kind();
    call.service.store.command(&call.actor, None, Command::SecretSet { name: name.clone(), secret }).await?;
    Ok(Reply::Json(json!({ "name": name, "type": kind })))
}

/// `DELETE /secrets/{name}`
pub async fn secret_remove(call: Call) -> Result<Reply, Problem> {
    let name = call.part("name").to_owned();
    call.service.store.command(&call.actor, None, Command::SecretRemove { name: name.clone() }).await?;
    Ok(Reply::Json(json!({ "name": name, "removed": true })))
}

/// `POST /secrets/rotate`
pub async fn secret_rotate(call: Call) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    call.service.store.command(&call.actor, body.reason.as_deref(), Command::SecretRotate).await?;
    Ok(Reply::Json(json!({ "secrets": call.service.store.secrets().len() })))
}

/// `GET /enroll-tokens`
pub async fn enroll_tokens(call: Call) -> Result<Reply, Problem> {
    let rows = call.service.store.enroll_tokens();
    let items = rows.iter().map(|t| {
        json!({
            "agent": t.agent,
            "region": t.region,
            "created": shape::time(t.created),
            "creator": t.creator,
            "expires": shape::time(t.expires),
            "used": shape::time_or_null(t.used),
        })
    });
    Ok(page(items.collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrollBody {
    agent: AgentId,
    region: Option<RegionId>,
    expires: Option<String>,
    reason: Option<String>,
}

/// `POST /enroll-tokens`
pub async fn enroll_token(call: Call) -> Result<Reply, Problem> {
    let body: EnrollBody = call.json()?;
    let expires =
        time(body.expires.as_deref(), "expires")?.unwrap_or_else(|| call.service.clock.wall().plus(ENROLL_LIFE));
    let command = Command::EnrollToken { agent: body.agent.clone(), region: body.region, expires };
    match call.service.store.command(&call.actor, body.reason.as_deref(), command).await? {
        Outcome::Token { token, .. } => Ok(Reply::Json(json!({
            "agent": body.agent,
            "expires": shape::time(expires),
            "ca_sha256": call.service.store.authority().fingerprint(),
            "agent_listen": call.service.agent_address().map(|a| a.to_string()),
            "token": token.expose(),
        }))),
        _ => Err(no_token()),
    }
}

/// `GET /definitions`
pub async fn definitions(call: Call) -> Result<Reply, Problem> {
    let in_force = call.service.definitions();
    let reload = call.service.reload();
    let origin = |o: &crate::config::defs::Origin| format!("{}:{}", o.file, o.line);
    let probes: Vec<Value> = in_force
        .probes
        .iter()
        .map(|p| {
            json!({
                "id": p.id,
                "kind": p.kind.name,
                "on": p.on,
                "interval_ms": millis(p.interval),
                "timeout_ms": millis(p.timeout),
                "keep_ms": millis(p.keep),
                "zh": p.zh,
                "en": p.en,
                "origin": origin(&p.origin),
            })
        })
        .collect();
    let rules: Vec<Value> = in_force
        .rules
        .iter()
        .map(|r| {
            json!({
                "id": r.id,
                "problem": r.problem,
                "on": r.on,
                "kind": r.kind.name,
                "at": match r.at { RuleAt::Agent => "agent", RuleAt::Console => "console" },
                "window_ms": millis(r.window),
                "params": r.params,
                "for_ms": millis(r.for_),
                "clear_for_ms": millis(r.clear_for),
                "no_data": r.no_data,
                "folds_into": r.folds_into,
                "partial": r.partial,
                "counts_as": r.counts_as,
                "severity": r.severity,
                "category": shape::text_or_null(&r.category),
                "runbook": shape::text_or_null(&r.runbook),
                "zh": r.zh,
                "en": r.en,
                "origin": origin(&r.origin),
            })
        })
        .collect();
    Ok(Reply::Json(json!({
        "digest": in_force.digest,
        "loaded": shape::time(reload.loaded),
        "last_reload": shape::time(reload.tried),
        "last_reload_successful": reload.ok,
        "diagnostics": reload.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "probes": probes,
        "rules": rules,
        "console_rules": call.service.console_rule_problems(),
    })))
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// `GET /audit`
pub async fn audit(call: Call) -> Result<Reply, Problem> {
    let found = call.service.store.audit(call.query.page()?).await?;
    let items = found.items.iter().map(|a| {
        json!({
            "seq": a.seq,
            "at": shape::time(a.at),
            "actor": a.actor,
            "action": a.action,
            "target": a.target,
            "before": json_or_null(&a.before),
            "after": json_or_null(&a.after),
            "reason": shape::text_or_null(&a.reason),
            "result": a.result,
        })
    });
    Ok(page(items.collect(), found.next))
}

/// A text that is JSON or empty.
fn json_or_null(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| shape::text_or_null(text))
}
