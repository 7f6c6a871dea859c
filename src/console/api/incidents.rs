//! Incidents: read them, handle them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::query::bad;
use super::route::{Call, Reply};
use super::{page, shape};
use crate::console::command::{Command, IncidentFilter, Outcome};
use crate::model::incident::{AckKind, CloseCause, IncidentState};
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::{Object, Severity, Wall, port};

/// The longest comment, note, reason or name that an action takes, in bytes.
const MAX_WORDS: usize = 4_000;

/// `GET /incidents`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let query = &call.query;
    let mut filter = IncidentFilter {
        min_severity: query.read_with("severity", "critical, major, minor, warning or info", Severity::parse)?,
        object: query.parse::<Object>("object", "an object, such as asset:core-1")?,
        problem: query.text("problem").map(str::to_owned),
        causes_only: query.flag("causes")?,
        ..IncidentFilter::default()
    };
    for word in query.text("state").unwrap_or_default().split(',').filter(|w| !w.is_empty()) {
        let state =
            IncidentState::parse(word).ok_or_else(|| bad("state", word, "open, acked, resolved or closed"))?;
        filter.states.push(state);
    }
    let found = call.service.store.incidents(&call.actor.scope, filter, query.page()?).await?;
    Ok(page(found.items.iter().map(shape::incident).collect(), found.next))
}

/// `GET /incidents/{id}`
pub async fn get(call: Call) -> Result<Reply, Problem> {
    let id = call.part("id");
    let found = call.service.store.incident(&call.actor.scope, id).await?;
    let found = found.ok_or_else(|| Problem::unknown("事件", "incident", id))?;
    let (_, inventory) = call.service.store.inventory();
    let mut all = shape::incident_detail(&found);
    if let Some(all) = all.as_object_mut() {
        all.insert("lines".to_owned(), lines(&inventory, &found.incident.key.object));
    }
    Ok(Reply::Json(all))
}

/// The lines that an object is, or ends at: whose they are, and whom to call.
fn lines(inventory: &Inventory, object: &Object) -> Value {
    let here = |end: &LinkEnd| match (end, object) {
        (LinkEnd::Port { asset, interface, .. }, Object::Interface { asset: own, name }) => {
            asset == own && port::same(interface, name)
        }
        _ => false,
    };
    let links = inventory.links.values().filter(|link| match object {
        Object::Link(id) => link.id == *id,
        _ => here(&link.a) || here(&link.b),
    });
    links
        .map(|link| {
            let carrier = link.carrier.clone().unwrap_or_default();
            let (name, circuit, hotline) = (carrier.name, carrier.circuit, carrier.hotline);
            json!({ "link": link.id, "name": link.name, "carrier": name, "circuit": circuit, "hotline": hotline })
        })
        .collect()
}

/// `GET /alerts`
pub async fn alerts(call: Call) -> Result<Reply, Problem> {
    let found = call.service.store.alerts(&call.actor.scope).await?;
    let items = found.iter().map(|a| {
        let mut shown = json!({
            "problem": a.key.problem,
            "object": a.key.object,
            "instance": a.key.instance,
            "incident": a.incident,
            "incident_state": a.state.as_str(),
        });
        if let (Some(all), Value::Object(part)) = (shown.as_object_mut(), shape::contribution(&a.contribution)) {
            all.extend(part);
        }
        shown
    });
    Ok(page(items.collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AckBody {
    #[serde(default)]
    comment: String,
    until: Option<String>,
    #[serde(default)]
    sticky: bool,
    reason: Option<String>,
}

/// `POST /incidents/{id}/ack`
pub async fn ack(call: Call) -> Result<Reply, Problem> {
    let body: AckBody = call.json()?;
    let kind = match (time(body.until.as_deref(), "until")?, body.sticky) {
        (Some(_), true) => {
            return Err(Problem::wrong(
                "`until` 与 `sticky` 不能同时给出",
                "`until` and `sticky` exclude each other; give one",
            ));
        }
        (Some(at), false) if at <= call.service.clock.wall() => {
            return Err(Problem::wrong(
                "`until` 已经过去；请给将来的时间",
                "`until` is in the past; give a later time",
            ));
        }
        (Some(at), false) => AckKind::Until(at),
        (None, true) => AckKind::Sticky,
        (None, false) => AckKind::UntilChange,
    };
    let command = Command::Ack { id: id(&call), comment: words("comment", body.comment)?, kind };
    act(call, body.reason, command).await
}

/// `{"reason": "..."}` and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why.
    pub reason: Option<String>,
}

/// `POST /incidents/{id}/unack`
pub async fn unack(call: Call) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    let command = Command::Unack { id: id(&call) };
    act(call, body.reason, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignBody {
    // Must be there: an empty body must not take an incident away from somebody.
    #[serde(deserialize_with = "Option::deserialize")]
    to: Option<String>,
    reason: Option<String>,
}

/// `POST /incidents/{id}/assign`
pub async fn assign(call: Call) -> Result<Reply, Problem> {
    let body: AssignBody = call.json()?;
    let to = body.to.map(|to| words("to", to)).transpose()?;
    let command = Command::Assign { id: id(&call), to };
    act(call, body.reason, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolveBody {
    reason: String,
}

/// `POST /incidents/{id}/resolve`
pub async fn resolve(call: Call) -> Result<Reply, Problem> {
    let body: ResolveBody = call.json()?;
    let reason = words("reason", body.reason)?;
    let command = Command::Resolve { id: id(&call), reason: reason.clone() };
    act(call, Some(reason), command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    cause: String,
    party: String,
    #[serde(default)]
    comment: String,
    reason: Option<String>,
}

/// `POST /incidents/{id}/close`
pub async fn close(call: Call) -> Result<Reply, Problem> {
    let body: CloseBody = call.json()?;
    let cause = CloseCause::parse(&body.cause).ok_or_else(|| {
        let all =
            CloseCause::ALL.iter().map(|c| format!("{} ({})", c.as_str(), c.zh())).collect::<Vec<_>>().join(", ");
        let given: String = body.cause.chars().take(80).collect();
        Problem::wrong(
            format!("关闭原因 `{given}` 无效；可用：{all}"),
            format!("`{given}` is no cause; there are: {all}"),
        )
    })?;
    let command = Command::Close {
        id: id(&call),
        cause,
        party: words("party", body.party)?,
        comment: words("comment", body.comment)?,
    };
    act(call, body.reason, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteBody {
    text: String,
}

/// `POST /incidents/{id}/note`
pub async fn note(call: Call) -> Result<Reply, Problem> {
    let body: NoteBody = call.json()?;
    let command = Command::Note { id: id(&call), text: words("text", body.text)? };
    act(call, None, command).await
}

fn id(call: &Call) -> String {
    call.part("id").to_owned()
}

async fn act(call: Call, reason: Option<String>, command: Command) -> Result<Reply, Problem> {
    let id = id(&call);
    let outcome = call.service.store.command(&call.actor, reason.as_deref(), command).await?;
    match outcome {
        Outcome::Incident(incident) => Ok(Reply::Json(shape::incident(&incident))),
        _ => {
            let found = call.service.store.incident(&call.actor.scope, &id).await?;
            Ok(Reply::Json(found.map_or(Value::Null, |d| shape::incident(&d.incident))))
        }
    }
}

/// A time in a body.
pub fn time(text: Option<&str>, name: &str) -> Result<Option<Wall>, Problem> {
    text.map(|t| {
        Wall::parse(t).ok_or_else(|| {
            let given: String = t.chars().take(80).collect();
            Problem::wrong(
                format!("`{name}` 的值 `{given}` 不是 RFC 3339 时间，例如 2026-11-24T08:00:00+08:00"),
                format!("`{name}`: `{given}` is no RFC 3339 time, such as 2026-11-24T08:00:00+08:00"),
            )
        })
    })
    .transpose()
}

/// A text of a body, within the bound.
pub fn words(name: &str, text: String) -> Result<String, Problem> {
    if text.len() > MAX_WORDS {
        return Err(Problem::wrong(
            format!("`{name}` 超过 {MAX_WORDS} 字节；请缩短"),
            format!("`{name}` is longer than {MAX_WORDS} bytes; shorten it"),
        ));
    }
    Ok(text)
}
