//! Maintenance windows: see them, announce them, agree to them, end them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::incidents::{ReasonBody, time, words};
use super::page;
use super::problem::Problem;
use super::route::{Call, Reply};
use super::shape;
use crate::console::command::{Command, Outcome};
use crate::engine::maintenance::stage;
use crate::model::maintenance::{Every, Maintenance, Stage, Work};
use crate::model::{Object, ProblemId, Wall};

/// `GET /maintenance`
pub async fn list(call: Call) -> Result<Reply, Problem> {
    let wanted = call.query.read_with("stage", "waiting, running, planned or over", Stage::parse)?;
    let all = call.query.flag("all")?;
    let (zone, now) = (&call.service.zone, call.service.clock.wall());
    let windows = call.service.store.maintenance(&call.actor.scope);
    let rows = windows.iter().map(|window| (stage(window, zone, now), window));
    let rows = rows.filter(|((stage, _), _)| wanted.map_or(all || *stage != Stage::Over, |w| w == *stage));
    Ok(page(rows.map(|((stage, next), window)| shown(window, stage, next)).collect(), None))
}

fn shown(m: &Maintenance, stage: Stage, next: Option<(Wall, Wall)>) -> Value {
    json!({
        "id": m.id,
        "title": m.work.title,
        "stage": stage.as_str(),
        "objects": m.work.objects,
        "problems": m.work.problems,
        "from": shape::time(m.work.from),
        "to": shape::time(m.work.to),
        "every": m.work.every.map(Every::as_str),
        "until": shape::time_or_null(m.work.until),
        "next": next.map(|(from, to)| json!({ "from": shape::time(from), "to": shape::time(to) })),
        "creator": m.created.by,
        "created": shape::time(m.created.at),
        "needs_second": m.needs_second,
        "approver": m.approved.as_ref().map(|mark| &mark.by),
        "approved": shape::time_or_null(m.approved.as_ref().map(|mark| mark.at)),
        "ended": shape::time_or_null(m.ended.as_ref().map(|mark| mark.at)),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddBody {
    title: String,
    objects: Vec<String>,
    #[serde(default)]
    problems: Vec<String>,
    from: String,
    to: String,
    every: Option<String>,
    until: Option<String>,
    reason: Option<String>,
}

/// Reads a list of things by their text form.
fn all<T: std::str::FromStr>(name: &str, texts: &[String]) -> Result<Vec<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    let wrong = |error: T::Err| Problem::wrong(format!("`{name}`：{error}"), format!("`{name}`: {error}"));
    texts.iter().map(|text| text.parse().map_err(wrong)).collect()
}

/// `POST /maintenance`
pub async fn add(call: Call) -> Result<Reply, Problem> {
    let body: AddBody = call.json()?;
    let every = body.every.as_deref().map(|text| {
        Every::parse(text).ok_or_else(|| Problem::wrong("`every` 应为 day 或 week", "`every` must be day or week"))
    });
    let missing = || Problem::wrong("缺少时间", "a time is missing");
    let asked = Work {
        title: words("title", body.title)?,
        objects: all::<Object>("objects", &body.objects)?,
        problems: all::<ProblemId>("problems", &body.problems)?,
        from: time(Some(&body.from), "from")?.ok_or_else(missing)?,
        to: time(Some(&body.to), "to")?.ok_or_else(missing)?,
        every: every.transpose()?,
        until: time(body.until.as_deref(), "until")?,
    };
    let command = Command::MaintenanceAdd(Box::new(asked));
    match call.service.store.command(&call.actor, body.reason.as_deref(), command).await? {
        Outcome::Started(id) => Ok(Reply::Json(one(&call, &id))),
        _ => Ok(Reply::Json(Value::Null)),
    }
}

/// A window as it now is.
fn one(call: &Call, id: &str) -> Value {
    let windows = call.service.store.maintenance(&call.actor.scope);
    let found = windows.iter().find(|window| *window.id == *id);
    found.map_or(Value::Null, |window| {
        let (stage, next) = stage(window, &call.service.zone, call.service.clock.wall());
        shown(window, stage, next)
    })
}

/// `POST /maintenance/{id}/approve`
pub async fn approve(call: Call) -> Result<Reply, Problem> {
    let id = call.part("id").to_owned();
    act(call, Command::MaintenanceApprove { id }).await
}

/// `POST /maintenance/{id}/end`
pub async fn end(call: Call) -> Result<Reply, Problem> {
    let id = call.part("id").to_owned();
    act(call, Command::MaintenanceEnd { id }).await
}

async fn act(call: Call, command: Command) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    Ok(Reply::Json(one(&call, call.part("id"))))
}
