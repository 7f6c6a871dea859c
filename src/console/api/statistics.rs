//! What measurements come to over time: series with their percentiles, smoke, availability.

use std::time::Duration;

use serde_json::{Value, json};

use super::objects::object_of;
use super::problem::Problem;
use super::route::{Call, Reply};
use super::{page, shape};
use crate::config::plan::{Promise, calendar_of, promised};
use crate::console::store::{Point, Quantiles, Reckoned, SeriesKey, Smoke};
use crate::engine::availability::Party;
use crate::engine::calendar::open_spans;
use crate::model::inventory::Inventory;
use crate::model::{AgentId, Calendar, Object, ProbeId, Wall};

/// Points of a series unless asked otherwise: what a chart has pixels for.
const DEFAULT_POINTS: usize = 500;
/// The most points of a series.
const MAX_POINTS: usize = 5_000;
/// What a series shows unless asked otherwise.
const DEFAULT_SPAN: Duration = Duration::from_secs(3_600);
/// What availability is told of unless asked otherwise.
const DEFAULT_PERIOD: Duration = Duration::from_secs(30 * 86_400);
const TIME: &str = "an RFC 3339 time, such as 2026-11-24T08:00:00Z";

/// The span that a query asks for, `default` back from now if it does not say.
fn span(call: &Call, default: Duration) -> Result<(Wall, Wall), Problem> {
    let to = call.query.read_with("to", TIME, Wall::parse)?.unwrap_or_else(|| call.service.clock.wall());
    let from = call.query.read_with("from", TIME, Wall::parse)?.unwrap_or_else(|| to.minus(default));
    if from >= to {
        return Err(Problem::wrong("`from` 必须早于 `to`", "`from` must be before `to`"));
    }
    Ok((from, to))
}

fn most(call: &Call) -> Result<usize, Problem> {
    let read = |text: &str| text.parse().ok().filter(|n| (2..=MAX_POINTS).contains(n));
    Ok(call.query.read_with("max_points", "a number from 2 to 5000", read)?.unwrap_or(DEFAULT_POINTS))
}

/// Which series a query asks for; nothing if it names no object.
fn key(call: &Call) -> Result<Option<SeriesKey>, Problem> {
    let query = &call.query;
    let Some(object) = query.parse::<Object>("object", "an object, such as asset:core-1")? else { return Ok(None) };
    Ok(Some(SeriesKey {
        object: object_of(call, object)?,
        field: query.text("field").unwrap_or_default().to_owned(),
        instance: query.text("instance").unwrap_or_default().to_owned(),
        agent: query.parse::<AgentId>("agent", "an agent id")?,
        probe: query.parse::<ProbeId>("probe", "a probe id")?,
    }))
}

/// What an answer says of its series and span.
fn head(key: &SeriesKey, from: Wall, to: Wall) -> Value {
    json!({
        "object": key.object,
        "field": key.field,
        "instance": key.instance,
        "agent": key.agent,
        "probe": key.probe,
        "from": shape::time(from),
        "to": shape::time(to),
    })
}

fn with(mut head: Value, name: &str, value: Value) -> Reply {
    if let Some(all) = head.as_object_mut() {
        all.insert(name.to_owned(), value);
    }
    Reply::Json(head)
}

fn quantiles(q: Option<Quantiles>) -> Value {
    q.map_or(Value::Null, |q| {
        json!({
            "p5": shape::number(q.p5), "p25": shape::number(q.p25), "p50": shape::number(q.p50),
            "p75": shape::number(q.p75), "p95": shape::number(q.p95), "p99": shape::number(q.p99),
        })
    })
}

fn point(p: &Point) -> Value {
    json!({
        "at": shape::time(p.t),
        "count": p.n,
        "min": shape::number(p.min),
        "max": shape::number(p.max),
        "mean": shape::number(p.mean),
        "last": shape::number(p.last),
        "percentiles": quantiles(p.quantiles),
    })
}

/// `GET /series`
pub async fn series(call: Call) -> Result<Reply, Problem> {
    let Some(key) = key(&call)? else { return Ok(page(Vec::new(), None)) };
    let ((from, to), most) = (span(&call, DEFAULT_SPAN)?, most(&call)?);
    let points = call.service.store.series(&call.actor.scope, key.clone(), from, to, most).await?;
    Ok(with(head(&key, from, to), "points", points.iter().map(point).collect()))
}

/// `GET /smoke`
pub async fn smoke(call: Call) -> Result<Reply, Problem> {
    let Some(key) = key(&call)? else { return Ok(page(Vec::new(), None)) };
    let ((from, to), most) = (span(&call, DEFAULT_SPAN)?, most(&call)?);
    let store = &call.service.store;
    let steps = store.smoke(&call.actor.scope, key.clone(), from, to, most).await?;
    let maintenance = store.maintained(&call.actor.scope, &key.object, from, to);
    let maintenance: Vec<Value> = maintenance
        .iter()
        .map(|(window, from, to)| {
            json!({ "id": window.id, "title": window.work.title, "from": shape::time(*from), "to": shape::time(*to) })
        })
        .collect();
    let mut head = head(&key, from, to);
    if let Some(all) = head.as_object_mut() {
        all.insert("maintenance".to_owned(), maintenance.into());
    }
    Ok(with(head, "steps", steps.iter().map(step).collect()))
}

fn step(s: &Smoke) -> Value {
    let ratio = |part: u64, all: u64| if all == 0 { Value::Null } else { shape::number(part as f64 / all as f64) };
    json!({
        "from": shape::time(s.from),
        "to": shape::time(s.to),
        "values": s.values.as_ref().map(point),
        "sent": s.sent,
        "lost": s.lost,
        "loss_ratio": ratio(s.lost, s.sent),
        "answered": s.answered,
        "failed": s.failed,
    })
}

/// `GET /availability`
pub async fn availability(call: Call) -> Result<Reply, Problem> {
    let Some(key) = key(&call)? else { return Ok(page(Vec::new(), None)) };
    let (from, to) = span(&call, DEFAULT_PERIOD)?;
    let (_, inventory) = call.service.store.inventory();
    let promise = promised(&inventory, &call.service.definitions(), &key.object);
    let calendar = calendar(&call, &inventory, &key.object, promise.as_ref())?;
    let open = calendar.as_ref().map(|calendar| open_spans(calendar, from, to));
    let found = call.service.store.availability(&call.actor.scope, key.clone(), from, to, open).await?;
    let id = calendar.map_or(Value::Null, |calendar| calendar.id.as_str().into());
    Ok(with(reckoned(&key.object, &found, promise.as_ref()), "calendar", id))
}

/// The working calendar that a query asks for, `organisation` for that of the object's own, `sla` for the one within which
/// the promise counts.
fn calendar(
    call: &Call,
    inventory: &Inventory,
    object: &Object,
    promise: Option<&Promise>,
) -> Result<Option<Calendar>, Problem> {
    let Some(word) = call.query.text("calendar") else { return Ok(None) };
    let definitions = call.service.definitions();
    let id = match word {
        "organisation" => calendar_of(inventory, object).map(|id| id.as_str()),
        "sla" => match promise.and_then(|promise| promise.calendar.as_ref()) {
            Some(id) => Some(id.as_str()),
            None => return Ok(None), // all hours count
        },
        id => Some(id),
    };
    let found = id.and_then(|id| definitions.calendars.get(id));
    match found {
        Some(def) => Ok(Some(def.calendar.clone())),
        None => Err(Problem::wrong(
            format!("没有工作日历 `{word}`，或对象所属单位没有工作日历"),
            format!("there is no calendar `{word}`, or the object's organisation has none"),
        )),
    }
}

/// What a period came to, as JSON.
fn reckoned(object: &Object, r: &Reckoned, promise: Option<&Promise>) -> Value {
    let a = &r.availability;
    let seconds = |d: Duration| shape::number(d.as_secs_f64().round());
    let ratio = |v: Option<f64>| v.map_or(Value::Null, shape::number);
    let parties: Vec<Value> = a
        .parties
        .iter()
        .map(|(party, bad)| {
            let (kind, name) = party_words(party);
            json!({
                "party": kind,
                "name": name,
                "failed": bad,
                "down_seconds": seconds(a.lasting(*bad)),
                "availability": ratio(a.of(party)),
            })
        })
        .collect();
    json!({
        "object": object,
        "from": shape::time(r.from),
        "to": shape::time(r.to),
        "until": shape::time_or_null(a.until),
        "probe": r.probe,
        "answered": a.good,
        "failed": a.bad,
        "availability": ratio(a.raw()),
        "availability_without_maintenance": ratio(a.without_maintenance()),
        "target": ratio(promise.map(|promise| promise.target)),
        "target_calendar": promise.and_then(|promise| promise.calendar.as_ref()).map(|id| id.as_str()),
        "measured_seconds": seconds(a.measured),
        "down_seconds": seconds(a.lasting(a.bad)),
        "maintenance_seconds": seconds(a.maintained),
        "by_party": parties,
        "sent": r.sent,
        "lost": r.lost,
        "loss_ratio": if r.sent == 0 { Value::Null } else { shape::number(r.lost as f64 / r.sent as f64) },
        "rtt_seconds": quantiles(r.rtt),
        "variation_seconds": quantiles(r.variation),
    })
}

/// A party as a word of the API, and its name if it has one.
pub fn party_words(party: &Party) -> (&'static str, Option<&str>) {
    match party {
        Party::Maintenance => ("maintenance", None),
        Party::Named(name) => ("named", Some(name)),
        Party::Unnamed => ("unnamed", None),
        Party::NoIncident => ("no_incident", None),
    }
}
