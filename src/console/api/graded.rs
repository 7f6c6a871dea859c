//! Graded protection (等级保护): what every item comes to on every asset, what proves it, waivers and answers.

pub mod files;
mod routes;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::incidents::{ReasonBody, time, words};
use super::problem::Problem;
use super::query::{AFTER, LIMIT, Param, param, required};
use super::route::{Call, Reply};
use super::{page, page_of, shape};
use crate::baseline::due;
use crate::baseline::score::{Counts, Index};
use crate::console::command::{Command, Outcome};
use crate::console::dropped;
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::store::{FindingRow, InspectedRow, SnapshotRow, judged_as_here};
use crate::model::finding::Verdict;
use crate::model::inventory::System;
use crate::model::waiver::{Answer, Plea, Reach, Waiver};
use crate::model::{AssetId, Object, SystemId, Wall};

pub use routes::ROUTES;

/// Query parameters of the matrix.
pub const MATRIX: &[Param] =
    &[param("system", "of this system; all assets that belong to one or were looked at if absent"), LIMIT, AFTER];
/// Query parameters of the report.
pub const SYSTEM: &[Param] = &[param("system", "of this system; all graded assets if absent")];
/// Query parameters of results.
pub const FINDINGS: &[Param] = &[
    param("asset", "of this asset; all in scope if absent"),
    param("check", "of this check, such as D17"),
    param("item", "of this item, such as L3-CES1-02"),
    param("result", "pass, partial, fail, na, manual, error"),
    LIMIT,
    AFTER,
];
/// Query parameters of what one asset has.
pub const ASSET: &[Param] = &[required("asset", "an asset")];
/// Query parameters of a comparison.
pub const DIFF: &[Param] =
    &[required("left", "number of the older snapshot"), required("right", "number of the newer one")];
/// Query parameters of the waivers.
pub const WAIVERS: &[Param] = &[param("all", "true: those that are over too")];

/// `GET /baseline/items`
pub async fn items(_call: Call) -> Result<Reply, Problem> {
    let all = graded::items(3).into_iter().map(|c| {
        json!({
            "item": c.item, "l3": c.l3, "l2": shape::text_or_null(&c.l2), "zh": c.words.zh, "en": c.words.en,
            "decides": c.decides,
        })
    });
    Ok(page(all.collect(), None))
}

/// `GET /baseline/systems`
pub async fn systems(call: Call) -> Result<Reply, Problem> {
    let (_, inventory) = call.service.store.inventory();
    let sees = |asset: &AssetId| call.service.store.sees(&call.actor.scope, &Object::Asset(asset.clone()));
    let (now, zone) = (call.service.clock.wall(), &call.service.zone);
    let one = |system: &System| {
        let next = due::next(system, now, zone);
        json!({
            "id": system.id,
            "name": system.name,
            "level": system.level,
            "assets": system.assets.iter().filter(|asset| sees(asset)).collect::<Vec<_>>(),
            "filing_number": shape::text_or_null(&system.filing.number),
            "filed": system.filing.filed,
            "last_assessed": system.filing.last_assessed,
            "next_by": next.as_ref().map(|next| &next.date),
            "days_left": next.as_ref().map(|next| next.days),
        })
    };
    let seen = |system: &&System| system.assets.iter().any(sees);
    Ok(page(inventory.systems.values().filter(seen).map(one).collect(), None))
}

async fn matrix_of(call: &Call) -> Result<Matrix, Problem> {
    let system = call.query.parse::<SystemId>("system", "a system")?;
    if let Some(id) = &system {
        let (_, inventory) = call.service.store.inventory();
        let known = inventory.systems.get(id).is_some_and(|system| system.level >= 2);
        if !known {
            return Err(Problem::unknown("二级及以上的定级对象", "a system of level 2 or above", id.as_str()));
        }
    }
    let now = call.service.clock.wall();
    Ok(graded::matrix(&call.service.store, &call.actor.scope, system.as_ref(), now).await?)
}

fn inspected(row: Option<&InspectedRow>, now: Wall) -> Value {
    row.map_or(Value::Null, |row| {
        json!({
            "at": shape::time(row.at),
            "age_seconds": now.since(row.at).as_secs(),
            "source": row.source,
            "origin": row.origin,
            "os": row.os,
            "version": row.version,
            "profile": row.profile,
            "policy": row.policy,
            "policy_here": judged_as_here(&row.policy),
            "sha256": shape::text_or_null(&row.sha256),
            "complete": row.complete,
        })
    })
}

fn counts(counts: &Counts) -> Value {
    let mut all: Map<String, Value> =
        Verdict::ALL.into_iter().map(|v| (v.as_str().to_owned(), json!(counts.get(v)))).collect();
    all.insert("applicable".to_owned(), json!(counts.applicable()));
    all.insert("rate".to_owned(), counts.rate().map_or(Value::Null, shape::number));
    Value::Object(all)
}

fn index(index: Option<Index>) -> Value {
    index.map_or(Value::Null, |i| json!({ "low": shape::number(i.low), "high": shape::number(i.high) }))
}

fn asset_row(matrix: &Matrix, row: &AssetRow, now: Wall) -> Value {
    let items = matrix.items.iter().zip(&row.items).map(|(clause, on)| {
        let said = json!({
            "raw": on.raw, "adjusted": on.adjusted, "by_hand": on.by_hand, "waived": on.waived,
        });
        (clause.item.clone(), said)
    });
    json!({
        "asset": row.asset,
        "inspected": inspected(row.inspected.as_ref(), now),
        "counts": counts(&row.counts(false)),
        "adjusted": counts(&row.counts(true)),
        "checks": row.said.len(),
        "mostly_silent": row.loud(),
        "items": items.collect::<Map<String, Value>>(),
    })
}

/// `GET /baseline/assets`
pub async fn assets(call: Call) -> Result<Reply, Problem> {
    let now = call.service.clock.wall();
    let matrix = matrix_of(&call).await?;
    let page = call.query.page()?;
    page_of(matrix.rows.iter(), &page, |row| row.asset.to_string(), |row| asset_row(&matrix, row, now))
}

/// `GET /baseline/report`
pub async fn report(call: Call) -> Result<Reply, Problem> {
    let matrix = matrix_of(&call).await?;
    let items: Vec<Value> = matrix
        .items
        .iter()
        .enumerate()
        .map(|(at, clause)| {
            let merged = matrix.item(at);
            json!({ "item": clause.item, "l3": clause.l3, "raw": merged.raw, "adjusted": merged.adjusted })
        })
        .collect();
    let points = matrix.points().into_iter().map(|(point, items)| {
        let merged = matrix.merged(&items);
        json!({ "point": point, "raw": merged.raw, "adjusted": merged.adjusted })
    });
    let hazards = matrix.rows.iter().flat_map(|row| {
        let failed = row.said.iter().filter(|said| said.major && said.raw() == Verdict::Fail);
        failed.map(move |said| json!({ "asset": row.asset, "check": said.check, "waived": said.waived }))
    });
    let never = matrix.rows.iter().filter(|row| row.inspected.is_none()).map(|row| &row.asset);
    let silent = matrix.rows.iter().filter(|row| row.loud()).map(|row| &row.asset);
    Ok(Reply::Json(json!({
        "self_check": true,
        "level": matrix.level,
        "assets": matrix.rows.len(),
        "never_inspected": never.collect::<Vec<_>>(),
        "mostly_silent": silent.collect::<Vec<_>>(),
        "counts": counts(&matrix.counts(false)),
        "adjusted": counts(&matrix.counts(true)),
        "index": index(matrix.index(false)),
        "index_adjusted": index(matrix.index(true)),
        "points": points.collect::<Vec<_>>(),
        "items": items,
        "major_hazards": hazards.collect::<Vec<_>>(),
    })))
}

fn finding(row: &FindingRow, waiver: Option<&Waiver>, answer: Option<&Answer>, now: Wall) -> Value {
    let mut shown = row.finding.as_ref().map_or(json!({}), |finding| json!(finding));
    if let Some(all) = shown.as_object_mut() {
        all.insert("asset".to_owned(), json!(row.asset));
        all.insert("item".to_owned(), shape::text_or_null(&row.item));
        all.insert("pin".to_owned(), json!(row.pin));
        all.insert("first".to_owned(), shape::time(row.first));
        all.insert("last".to_owned(), shape::time(row.last));
        all.insert("changed".to_owned(), shape::time(row.changed));
        all.insert("raised".to_owned(), shape::time_or_null(row.raised));
        all.insert("waiver".to_owned(), waiver.map_or(Value::Null, |w| waived(w, now)));
        all.insert("answer".to_owned(), answer.map_or(Value::Null, answered));
    }
    shown
}

/// `GET /baseline/findings`
pub async fn findings(call: Call) -> Result<Reply, Problem> {
    let (store, scope) = (&call.service.store, &call.actor.scope);
    let wanted = call.query.read_with("result", "pass, partial, fail, na, manual or error", Verdict::parse)?;
    let assets = match call.query.parse::<AssetId>("asset", "an asset")? {
        Some(asset) => vec![asset],
        None => store.inspected(scope).await?.into_iter().map(|row| row.asset).collect(),
    };
    let answers = store.answers(scope, assets.clone()).await?;
    let waivers = store.waivers().await?;
    let now = call.service.clock.wall();
    let (_, inventory) = store.inventory();
    let is = |name: &str, value: &str| call.query.text(name).is_none_or(|text| text == value);
    let page = call.query.page()?;
    // Without sentences first: a page of them is read whole, not ten thousand assets.
    let mut rows = store.findings(scope, assets, false).await?;
    rows.retain(|row| wanted.is_none_or(|w| w == row.result) && is("check", &row.check) && is("item", &row.item));
    let key = |row: &FindingRow| format!("{}/{}", row.asset, row.check);
    rows.sort_by_cached_key(key);
    rows.retain(|row| page.after.as_ref().is_none_or(|after| key(row) > *after));
    let more = rows.len() > page.limit;
    rows.truncate(page.limit);
    let mut needed: Vec<AssetId> = rows.iter().map(|row| row.asset.clone()).collect();
    needed.dedup();
    let whole = store.findings(scope, needed, true).await?;
    let whole: std::collections::HashMap<String, FindingRow> =
        whole.into_iter().map(|row| (key(&row), row)).collect();
    let items = rows.iter().filter_map(|row| whole.get(&key(row))).map(|row| {
        let answer = answers.iter().find(|a| a.asset == row.asset && a.target == row.check);
        finding(row, graded::waiver(&inventory, row, &waivers, now), answer, now)
    });
    Ok(super::page(items.collect(), rows.last().filter(|_| more).map(key)))
}

fn asset_of(call: &Call) -> Result<AssetId, Problem> {
    let missing = || Problem::wrong("缺少 `asset`", "`asset` is missing");
    let asset = call.query.parse::<AssetId>("asset", "an asset")?.ok_or_else(missing)?;
    if call.service.store.sees(&call.actor.scope, &Object::Asset(asset.clone())) {
        return Ok(asset);
    }
    Err(Problem::unknown("资产", "asset", asset.as_str()))
}

/// `GET /baseline/changes`
pub async fn changes(call: Call) -> Result<Reply, Problem> {
    let asset = asset_of(&call)?;
    let rows = call.service.store.finding_changes(&call.actor.scope, &asset).await?;
    let items = rows.iter().map(|row| {
        json!({
            "check": row.check, "at": shape::time(row.at), "before": row.before, "after": row.after,
            "cause": row.cause, "changed_by": row.by,
        })
    });
    Ok(page(items.collect(), None))
}

fn snapshot_row(row: &SnapshotRow) -> Value {
    json!({
        "id": row.id,
        "asset": row.asset,
        "part": row.part,
        "from": shape::time(row.at),
        "to": shape::time(row.seen),
        "sha256": row.sha256,
        "os": row.os,
        "version": row.version,
        "origin": row.origin,
        "complete": row.complete,
        "changed_by": shape::text_or_null(&row.by),
        "changed_at": shape::text_or_null(&row.by_at),
    })
}

/// `GET /baseline/snapshots`
pub async fn snapshots(call: Call) -> Result<Reply, Problem> {
    let asset = asset_of(&call)?;
    let rows = call.service.store.snapshots(&call.actor.scope, &asset).await?;
    Ok(page(rows.iter().map(snapshot_row).collect(), None))
}

async fn whole_snapshot(call: &Call, id: &str) -> Result<(SnapshotRow, String), Problem> {
    let found = match id.parse() {
        Ok(number) => call.service.store.snapshot(&call.actor.scope, number).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Problem::unknown("配置快照", "snapshot", id))
}

/// `GET /baseline/snapshots/{id}`
pub async fn snapshot(call: Call) -> Result<Reply, Problem> {
    let (row, text) = whole_snapshot(&call, call.part("id")).await?;
    let mut shown = snapshot_row(&row);
    if let Some(all) = shown.as_object_mut() {
        let hashes: Value = serde_json::from_str(&row.hashes).unwrap_or(Value::Null);
        all.insert("text".to_owned(), shape::text_or_null(&text));
        all.insert("hashes".to_owned(), hashes);
    }
    Ok(Reply::Json(shown))
}

/// `GET /baseline/diff`
pub async fn diff(call: Call) -> Result<Reply, Problem> {
    let (left, before) = whole_snapshot(&call, call.query.text("left").unwrap_or_default()).await?;
    let (right, after) = whole_snapshot(&call, call.query.text("right").unwrap_or_default()).await?;
    let lines = graded::diff(&right.os, &before, &after);
    Ok(Reply::Json(json!({ "left": snapshot_row(&left), "right": snapshot_row(&right), "lines": lines })))
}

fn waived(waiver: &Waiver, now: Wall) -> Value {
    let plea = &waiver.plea;
    let (asset, tag, level) = match &plea.reach {
        Reach::Asset(asset) => (json!(asset), Value::Null, Value::Null),
        Reach::Tag(tag) => (Value::Null, json!(tag), Value::Null),
        Reach::Level(level) => (Value::Null, Value::Null, json!(level)),
        Reach::All => (Value::Null, Value::Null, Value::Null),
    };
    json!({
        "id": waiver.id,
        "check": plea.check,
        "asset": asset,
        "tag": tag,
        "level": level,
        "block": shape::text_or_null(&plea.block),
        "reason": plea.reason,
        "compensating": shape::text_or_null(&plea.compensating),
        "ticket": shape::text_or_null(&plea.ticket),
        "approver": waiver.approver,
        "created": shape::time(waiver.created),
        "expires": shape::time(plea.expires),
        "pin": plea.pin,
        "stands": waiver.stands(now),
        "revoked": waiver.revoked.as_ref().map(|(at, by)| json!({ "at": shape::time(*at), "by": by })),
    })
}

/// `GET /baseline/waivers`
pub async fn waivers(call: Call) -> Result<Reply, Problem> {
    let (all, now) = (call.query.flag("all")?, call.service.clock.wall());
    let rows = call.service.store.waivers().await?;
    Ok(page(rows.iter().filter(|w| all || w.stands(now)).map(|w| waived(w, now)).collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PleaBody {
    check: String,
    asset: Option<AssetId>,
    tag: Option<String>,
    level: Option<u8>,
    #[serde(default)]
    block: String,
    reason: String,
    #[serde(default)]
    compensating: String,
    #[serde(default)]
    ticket: String,
    expires: String,
    pin: Option<String>,
}

/// `POST /baseline/waivers`
pub async fn waiver_add(call: Call) -> Result<Reply, Problem> {
    let body: PleaBody = call.json()?;
    let reach = match (body.asset, body.tag, body.level) {
        (Some(asset), None, None) => Reach::Asset(asset),
        (None, Some(tag), None) => Reach::Tag(tag),
        (None, None, Some(level)) => Reach::Level(level),
        (None, None, None) => Reach::All,
        _ => return Err(Problem::wrong("范围只能给出一种", "give one of `asset`, `tag` and `level`, or none")),
    };
    let missing = || Problem::wrong("缺少 `expires`", "`expires` is missing");
    let plea = Plea {
        check: body.check,
        reach,
        block: body.block,
        reason: words("reason", body.reason)?,
        compensating: body.compensating,
        ticket: body.ticket,
        expires: time(Some(&body.expires), "expires")?.ok_or_else(missing)?,
        pin: body.pin,
    };
    let reason = plea.reason.clone();
    let command = Command::WaiverAdd(Box::new(plea));
    match call.service.store.command(&call.actor, Some(&reason), command).await? {
        Outcome::Started(id) => one_waiver(&call, &id).await,
        _ => Ok(Reply::Json(Value::Null)),
    }
}

async fn one_waiver(call: &Call, id: &str) -> Result<Reply, Problem> {
    let (rows, now) = (call.service.store.waivers().await?, call.service.clock.wall());
    Ok(Reply::Json(rows.iter().find(|w| w.id == id).map_or(Value::Null, |w| waived(w, now))))
}

/// `POST /baseline/waivers/{id}/revoke`
pub async fn waiver_revoke(call: Call) -> Result<Reply, Problem> {
    let body: ReasonBody = call.json()?;
    let id = call.part("id").to_owned();
    let command = Command::WaiverRevoke { id: id.clone() };
    call.service.store.command(&call.actor, body.reason.as_deref(), command).await?;
    one_waiver(&call, &id).await
}

fn answered(answer: &Answer) -> Value {
    json!({
        "asset": answer.asset, "target": answer.target, "result": answer.result, "reason": answer.reason,
        "by": answer.by, "at": shape::time(answer.at),
    })
}

/// `GET /baseline/answers`
pub async fn answers(call: Call) -> Result<Reply, Problem> {
    let asset = asset_of(&call)?;
    let rows = call.service.store.answers(&call.actor.scope, vec![asset]).await?;
    Ok(page(rows.iter().map(answered).collect(), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswersBody {
    answers: Vec<AnswerBody>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    asset: AssetId,
    target: String,
    result: Verdict,
    reason: String,
}

/// `POST /baseline/answers`
pub async fn answer(call: Call) -> Result<Reply, Problem> {
    let body: AnswersBody = call.json()?;
    let at = call.service.clock.wall();
    let by = call.actor.name.to_string();
    let given = body.answers.into_iter().map(|a| Answer {
        asset: a.asset,
        target: a.target,
        result: a.result,
        reason: a.reason,
        by: by.clone(),
        at,
    });
    let given: Vec<Answer> = given.collect();
    let count = given.len();
    call.service.store.command(&call.actor, body.reason.as_deref(), Command::Answers(given)).await?;
    Ok(Reply::Json(json!({ "answers": count })))
}

/// `POST /baseline/import`: one inspection a line.
pub async fn import(call: Call) -> Result<Reply, Problem> {
    let all = dropped::inspections(&call.body).map_err(|why| Problem::wrong(why.zh, why.en))?;
    let count = all.len();
    call.service.store.command(&call.actor, None, Command::Inspections(all)).await?;
    Ok(Reply::Json(json!({ "inspections": count })))
}
