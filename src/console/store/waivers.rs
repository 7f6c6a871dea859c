//! What people say beside the machine in graded protection: waivers, answers, and the reminders of what runs out.

use rusqlite::{Connection, Row, params};

use super::audit::Entry;
use super::db::sql;
use super::own;
use super::scope::Seen;
use super::types::StoreError;
use super::writer::Writer;
use crate::baseline::due::{self, DUE, Due};
use crate::console::command::{Actor, CommandError, Outcome, Scope, said};
use crate::engine::incident::Input;
use crate::model::alert::{Alert, AlertKey, AlertState, ClearReason, Severity};
use crate::model::finding::Inspection;
use crate::model::inventory::Inventory;
use crate::model::waiver::{Answer, MAX_LIFE, MAX_SAID, Plea, Reach, Waiver};
use crate::model::{AssetId, Object, ProblemId, RuleId, Wall};

/// Waivers that may be kept: those that are over stay as a record.
const MAX_WAIVERS: i64 = 10_000;
/// Answers of one command: all items of an asset list, imported at once.
pub(super) const MAX_ANSWERS: usize = 50_000;

const COLUMNS: &str =
    "id, finding, reach, block, reason, compensating, ticket, approver, created, expires, pin, revoked, revoked_by";

fn read(r: &Row<'_>) -> rusqlite::Result<Option<Waiver>> {
    let reach: String = r.get(2)?;
    let (id, check, block, reason) = (r.get(0)?, r.get(1)?, r.get(3)?, r.get(4)?);
    let (compensating, ticket, approver) = (r.get(5)?, r.get(6)?, r.get(7)?);
    let (created, expires) = (Wall::from_millis(r.get(8)?), Wall::from_millis(r.get(9)?));
    let (pin, revoked, by): (Option<String>, Option<i64>, Option<String>) = (r.get(10)?, r.get(11)?, r.get(12)?);
    let row = || {
        let reach: Reach = serde_json::from_str(&reach).ok()?;
        let revoked = revoked.map(|at| (Wall::from_millis(at), by.unwrap_or_default()));
        let plea = Plea { check, reach, block, reason, compensating, ticket, expires, pin };
        Some(Waiver { id, plea, approver, created, revoked })
    };
    Ok(row())
}

/// All of them, those that are over too, newest first.
pub(super) fn all(core: &Connection) -> Result<Vec<Waiver>, StoreError> {
    let rows: Vec<Option<Waiver>> = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM waiver ORDER BY id DESC LIMIT ?1"))
        .and_then(|mut q| q.query_map([MAX_WAIVERS], read)?.collect())
        .map_err(sql("read the waivers"))?;
    Ok(rows.into_iter().flatten().collect())
}

/// Grants one.
pub(super) fn add(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    plea: Plea,
) -> Result<Outcome, CommandError> {
    let now = writer.now();
    let wrong = |zh: &str, en: &str| Err(CommandError::Invalid(said(zh, en)));
    let texts = [&plea.check, &plea.block, &plea.reason, &plea.compensating, &plea.ticket];
    if texts.into_iter().any(|text| text.len() > MAX_SAID) {
        return wrong("文字过长：每项不超过 2048 字节", "a text is too long: at most 2048 bytes each");
    }
    if plea.check.trim().is_empty() || plea.reason.trim().is_empty() {
        return wrong("须写明检查项和理由", "a waiver needs a check and a reason");
    }
    if plea.expires <= now || plea.expires > now.plus(MAX_LIFE) {
        return wrong("有效期必填，须晚于现在，最长一年", "a waiver ends later than now and within a year");
    }
    match &plea.reach {
        Reach::Asset(asset) => known(writer, actor, asset)?,
        _ if plea.pin.is_some() => {
            return wrong("只有单个资产的例外可以绑定证据", "only a waiver of one asset can be pinned to evidence");
        }
        _ if actor.scope != Scope::All => {
            return wrong(
                "范围不限于一个资产的例外，须由不限区划的账户批准",
                "a waiver of more than one asset needs an account that is not limited to regions",
            );
        }
        _ => {}
    }
    let held: i64 =
        writer.core.query_row("SELECT count(*) FROM waiver", [], |r| r.get(0)).map_err(sql("count the waivers"))?;
    if held >= MAX_WAIVERS {
        return wrong("例外已达 10000 条", "there are 10000 waivers already");
    }
    let id = writer.new_id(now).to_string();
    let reach = serde_json::to_string(&plea.reach).expect("a reach has string keys, so it always serialises");
    entry.target = format!("waiver:{id}");
    entry.after = serde_json::json!({
        "check": plea.check, "reach": plea.reach, "block": plea.block, "reason": plea.reason,
        "compensating": plea.compensating, "ticket": plea.ticket, "expires": plea.expires.to_string(), "pin": plea.pin
    })
    .to_string();
    writer
        .core
        .execute(
            &format!(
                "INSERT INTO waiver ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL, NULL)"
            ),
            params![
                id,
                plea.check,
                reach,
                plea.block,
                plea.reason,
                plea.compensating,
                plea.ticket,
                actor.name.as_ref(),
                now.millis(),
                plea.expires.millis(),
                plea.pin
            ],
        )
        .map_err(sql("store a waiver"))?;
    changed(writer);
    Ok(Outcome::Started(id))
}

/// Takes one back.
pub(super) fn revoke(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    id: &str,
) -> Result<Outcome, CommandError> {
    let unknown = || CommandError::NotFound { what: "waiver", id: id.to_owned() };
    let waiver = all(&writer.core)?.into_iter().find(|w| w.id == id).ok_or_else(unknown)?;
    match &waiver.plea.reach {
        Reach::Asset(asset) => known(writer, actor, asset).map_err(|_| unknown())?,
        _ if actor.scope != Scope::All => return Err(unknown()),
        _ => {}
    }
    let now = writer.now();
    if !waiver.stands(now) {
        return Err(CommandError::Conflict(said("该例外已失效", "that waiver is over already")));
    }
    entry.before =
        serde_json::json!({ "check": waiver.plea.check, "expires": waiver.plea.expires.to_string() }).to_string();
    writer
        .core
        .execute(
            "UPDATE waiver SET revoked = ?2, revoked_by = ?3 WHERE id = ?1",
            params![id, now.millis(), actor.name.as_ref()],
        )
        .map_err(sql("revoke a waiver"))?;
    changed(writer);
    remind(writer, now)?;
    Ok(Outcome::Done)
}

fn known(writer: &Writer, actor: &Actor, asset: &AssetId) -> Result<(), CommandError> {
    let inventory = writer.shared.live().inventory.clone();
    let seen = Seen::new(&actor.scope, &inventory).sees(&Object::Asset(asset.clone()));
    if seen && inventory.assets.contains_key(asset) {
        return Ok(());
    }
    Err(CommandError::NotFound { what: "asset", id: asset.to_string() })
}

fn changed(writer: &mut Writer) {
    writer.after(|shared| shared.changed(|changes| changes.baseline += 1));
}

/// Answers of some assets.
pub(super) fn answers(core: &Connection, assets: &[AssetId]) -> Result<Vec<Answer>, StoreError> {
    let row =
        |r: &Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get(2)?, r.get(3)?, r.get::<_, i64>(4)?));
    let mut all = Vec::new();
    for asset in assets {
        let rows: Vec<(String, String, String, String, i64)> = core
            .prepare_cached("SELECT target, result, reason, by_whom, at FROM answer WHERE asset = ?1 ORDER BY target")
            .and_then(|mut q| q.query_map([asset.as_str()], row)?.collect())
            .map_err(sql("read answers"))?;
        all.extend(rows.into_iter().filter_map(|(target, result, reason, by, at)| {
            let result = crate::model::finding::Verdict::parse(&result)?;
            Some(Answer { asset: asset.clone(), target, result, reason, by, at: Wall::from_millis(at) })
        }));
    }
    Ok(all)
}

/// Notes what people found; an answer without a reason takes the one before away.
pub(super) fn answer(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    given: Vec<Answer>,
) -> Result<Outcome, CommandError> {
    if given.len() > MAX_ANSWERS {
        return Err(CommandError::Invalid(said("一次最多 50000 条", "at most 50000 answers at once")));
    }
    if let [one] = given.as_slice() {
        entry.target = format!("asset:{}", one.asset);
    }
    let shown: Vec<_> = given.iter().map(|a| serde_json::json!([a.asset, a.target, a.result, a.reason])).collect();
    entry.after = serde_json::json!({ "answers": shown }).to_string();
    let now = writer.now();
    for Answer { asset, target, result, reason, .. } in given {
        known(writer, actor, &asset)?;
        if reason.len() > MAX_SAID || target.len() > MAX_SAID || target.is_empty() {
            return Err(CommandError::Invalid(said(
                "文字过长，或缺少检查项",
                "a text is too long, or no item is named",
            )));
        }
        let done = if reason.trim().is_empty() {
            writer
                .core
                .execute("DELETE FROM answer WHERE asset = ?1 AND target = ?2", params![asset.as_str(), target])
        } else {
            writer.core.execute(
                "INSERT OR REPLACE INTO answer (asset, target, result, reason, by_whom, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![asset.as_str(), target, result.as_str(), reason, actor.name.as_ref(), now.millis()],
            )
        };
        done.map_err(sql("store an answer"))?;
        writer.rows += 1;
    }
    changed(writer);
    Ok(Outcome::Done)
}

/// Takes inspections that somebody hands over; those that name no asset are found by their own name.
pub(super) fn import(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    all: Vec<Inspection>,
) -> Result<Outcome, CommandError> {
    let inventory = writer.shared.live().inventory.clone();
    let source = actor.name.to_string();
    let now = writer.now();
    let (mut inputs, mut names) = (Vec::new(), Vec::new());
    for mut inspection in all {
        if let Some(why) = inspection.wrong() {
            return Err(CommandError::Invalid(said(
                format!("核查结果不合规格：{why}"),
                format!("not a sound result: {why}"),
            )));
        }
        inspection.clean();
        let asset = inspection.asset.clone().or_else(|| by_name(&inventory, &inspection.name));
        let Some(asset) = asset else {
            return Err(CommandError::NotFound { what: "asset", id: inspection.name });
        };
        known(writer, actor, &asset)?;
        names.push(asset.to_string());
        inspection.asset = Some(asset);
        // A clock of another machine may be ahead; what was taken tomorrow would hide what is taken today.
        inputs.extend(super::findings::take(writer, &source, inspection.at.min(now), &inspection)?);
    }
    entry.after = serde_json::json!({ "assets": names }).to_string();
    super::incidents::apply_all(writer, inputs, now)?;
    Ok(Outcome::Done)
}

/// The only asset that has this name, or is called so.
fn by_name(inventory: &Inventory, name: &str) -> Option<AssetId> {
    let same = |text: &str| !name.is_empty() && text.eq_ignore_ascii_case(name);
    let mut found = inventory.assets.values().filter(|a| same(a.id.as_str()) || same(&a.name));
    let first = found.next()?;
    found.next().is_none().then(|| first.id.clone())
}

/// Raises what runs out and ends what does not any more; once a day, and when a waiver is taken back.
pub(super) fn remind(writer: &mut Writer, now: Wall) -> Result<(), StoreError> {
    let inventory = writer.shared.live().inventory.clone();
    let zone = writer.shared.layout.zone().clone();
    let waivers = all(&writer.core)?;
    let wanted = due::all(&inventory, &waivers, now, &zone);
    let held: Vec<(String, String)> = writer
        .core
        .prepare_cached("SELECT substr(key, 5), body FROM rule_state WHERE key GLOB 'due|*'")
        .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("read what is due"))?;
    let mut inputs = Vec::new();
    for (key, body) in &held {
        if !wanted.iter().any(|due| due.key == *key) {
            forget(&writer.core, key)?;
            let since = body.split_once('|').and_then(|(_, since)| since.parse().ok()).map_or(now, Wall::from_millis);
            inputs.extend(object(body).map(|object| alert(object, key, None, since, now)));
        }
    }
    for due in &wanted {
        let before = held.iter().find(|(key, _)| *key == due.key).map(|(_, body)| body.as_str());
        let stage = due.stage.to_string();
        if before.and_then(|body| body.split('|').next()) == Some(stage.as_str()) {
            continue;
        }
        let since =
            before.and_then(|b| b.split('|').nth(1)).and_then(|s| s.parse().ok()).map_or(now, Wall::from_millis);
        let about = due.asset.clone().map_or_else(|| Object::Agent(own::console()), Object::Asset);
        writer
            .core
            .execute(
                "INSERT OR REPLACE INTO rule_state (key, body) VALUES (?1, ?2)",
                params![format!("due|{}", due.key), format!("{stage}|{}|{about}", since.millis())],
            )
            .map_err(sql("note what is due"))?;
        inputs.push(alert(about, &due.key, Some(due), since, now));
    }
    super::incidents::apply_all(writer, inputs, now)
}

/// The object that a kept reminder is about.
fn object(body: &str) -> Option<Object> {
    body.splitn(3, '|').nth(2)?.parse().ok()
}

fn forget(core: &Connection, key: &str) -> Result<(), StoreError> {
    core.execute("DELETE FROM rule_state WHERE key = ?1", [format!("due|{key}")])
        .map(drop)
        .map_err(sql("forget what was due"))
}

fn alert(object: Object, key: &str, due: Option<&Due>, since: Wall, now: Wall) -> Input {
    let named = "the names of the console's own problems follow the pattern of a slug";
    let severity = match due.map(|due| due.stage) {
        Some(due::Stage::Over) => Severity::Major,
        Some(due::Stage::Week) => Severity::Minor,
        Some(due::Stage::Month) => Severity::Warning,
        _ => Severity::Info,
    };
    let alert = Alert {
        key: AlertKey { problem: ProblemId::new(DUE).expect(named), object, instance: key.into() },
        rule: RuleId::new(DUE).expect(named),
        probe: None,
        state: if due.is_some() { AlertState::Firing } else { AlertState::Cleared },
        cleared_by: due.is_none().then_some(ClearReason::Condition),
        severity,
        since,
        at: now,
        count: 1,
        flapping: false,
        stale: false,
        evidence: due.map(|due| due.evidence.clone()).unwrap_or_default(),
        folds_into: Vec::new(),
        category: "SHE".into(),
        runbook: DUE.into(),
    };
    Input::Alert { agent: own::console(), alert, history: false }
}
