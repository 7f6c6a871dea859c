//! Results of graded protection: what each check came to on each asset, since when, and what changed it. Texts stand
//! once under their hash; a configuration that says the same again only moves the time at which it was seen last.

mod polled; // what reading over SNMP proves
mod read;
mod who; // who changed a configuration

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::db::sql;
use super::own;
use super::types::StoreError;
use super::writer::Writer;
use crate::baseline::policy::{self, Policy};
use crate::baseline::score::{self, DRIFT};
use crate::console::secrets::hex;
use crate::engine::incident::Input;
use crate::model::alert::{Alert, AlertKey, AlertState, ClearReason, Severity};
use crate::model::finding::{Changed, Finding, Inspection, Part, Snapshot, Verdict, Weight};
use crate::model::{AssetId, Object, ProblemId, RuleId, Wall};

pub(super) use read::*;

/// The class of its incidents in GB/T 20986-2023: 安全隐患 (SHE), here 网络配置合规缺陷.
const CATEGORY: &str = "SHE";
/// A check that failed anew so often within `FLAP_WITHIN` is not called mended before that time has passed.
const FLAPS: i64 = 3;
/// See `FLAPS`.
const FLAP_WITHIN: Duration = Duration::from_secs(86_400);
/// Before the first look at an asset, whoever is named within this time is who changed it last.
const FIRST_LOOK: Duration = Duration::from_secs(3_600);
/// Changes kept of an asset, newest first.
const MAX_CHANGES: i64 = 500;
/// And no longer than two years.
const KEEP_CHANGES: Duration = Duration::from_secs(731 * 86_400);
/// zstd level of texts: they are written once and kept long.
const LEVEL: i32 = 9;

/// The shipped policy, of which the console uses items and lists; what agents judge by is theirs.
pub(crate) static SHIPPED: LazyLock<Policy> = LazyLock::new(|| policy::parse(&[]).policy);

/// Digest of the policy of this machine, the console's own: what another one judged may be asked otherwise. Policies do not
/// travel: what reads a host with every right takes no questions from a network.
static HERE: LazyLock<String> = LazyLock::new(|| policy::load(&[PathBuf::from(policy::OWN)]).policy.digest);

/// Whether a look was judged by the policy of this machine.
pub(crate) fn judged_as_here(policy: &str) -> bool {
    policy == *HERE
}

/// Who changed a configuration, if nobody says so.
pub(crate) const UNKNOWN: &str = "unknown";

/// What was held of a check.
struct Held {
    result: Verdict,
    known: Verdict,
    first: Wall,
    changed: Wall,
    raised: Option<Wall>,
}

/// Takes an inspection; what it raises and ends is for the book of incidents. `source` is who handed it over.
pub(super) fn take(
    writer: &mut Writer,
    source: &str,
    at: Wall,
    inspection: &Inspection,
) -> Result<Vec<Input>, StoreError> {
    let Some(asset) = &inspection.asset else { return Ok(Vec::new()) };
    let before = inspected(&writer.core, asset)?;
    let since = before.as_ref().map_or(at.minus(FIRST_LOOK), |before| before.at);
    let own = inspection.changed.clone().filter(|changed| !changed.by.is_empty());
    let changed = match own {
        Some(own) => Some(own),
        None => who::of(writer, asset, since, at)?.or_else(|| inspection.changed.clone()),
    };
    let moved = match &inspection.snapshot {
        Some(snapshot) => keep(writer, asset, at, inspection, snapshot, changed.as_ref())?,
        None => false,
    };
    // What it would start with is kept to be compared; what is in force is judged.
    if inspection.part == Part::Startup {
        return Ok(Vec::new());
    }
    if before.as_ref().is_some_and(|before| before.at > at) {
        return Ok(Vec::new());
    }
    let by = changed.as_ref().map(|c| c.by.as_str()).filter(|by| !by.is_empty()).unwrap_or(UNKNOWN);
    let cause = match &before {
        None => "first",
        Some(before) if before.policy != inspection.policy || before.profile != inspection.profile => "policy",
        Some(_) if moved => "configuration",
        Some(_) => "look",
    };
    note_inspected(writer, asset, source, at, inspection)?;
    let mut held = held(&writer.core, asset)?;
    let mut inputs = Vec::new();
    for finding in &inspection.findings {
        let old = held.remove(&finding.check);
        inputs.extend(one(writer, asset, at, finding, old, (cause, by))?);
    }
    for (check, old) in held {
        writer
            .core
            .prepare_cached("DELETE FROM finding WHERE asset = ?1 AND id = ?2")
            .and_then(|mut q| q.execute(params![asset.as_str(), check]))
            .map_err(sql("forget a result"))?;
        if let Some(since) = old.raised {
            inputs.push(alert(asset, &check, AlertState::Cleared, (since, at), Weight::Low, Vec::new(), false));
        }
    }
    writer.rows += inspection.findings.len();
    writer.after(|shared| shared.changed(|changes| changes.baseline += 1));
    Ok(inputs)
}

fn one(
    writer: &Writer,
    asset: &AssetId,
    at: Wall,
    finding: &Finding,
    old: Option<Held>,
    (cause, by): (&str, &str),
) -> Result<Option<Input>, StoreError> {
    let result = finding.result;
    let before = old.as_ref().map(|old| old.result);
    let changed = before.is_some_and(|before| before != result);
    if changed {
        note_change(&writer.core, asset, &finding.check, at, (before.unwrap_or(result), result), (cause, by))?;
    }
    let unknown = matches!(result, Verdict::Manual | Verdict::Error);
    let was = old.as_ref().map(|old| old.known);
    let mut raised = old.as_ref().and_then(|old| old.raised);
    let mut input = None;
    let words = || {
        vec![
            ("check".to_owned(), finding.check.clone()),
            ("title".to_owned(), finding.title.zh.clone()),
            ("title_en".to_owned(), finding.title.en.clone()),
            ("block".to_owned(), finding.block.clone()),
            ("line".to_owned(), finding.evidence.first().map(|e| e.text.clone()).unwrap_or_default()),
            ("changed_by".to_owned(), by.to_owned()),
        ]
    };
    match (result, raised) {
        // Another policy may think otherwise of what did not change: that is no drift.
        (Verdict::Fail, None) if was.is_some_and(good) && cause != "policy" => {
            raised = Some(at);
            input =
                Some(alert(asset, &finding.check, AlertState::Firing, (at, at), finding.severity, words(), false));
        }
        (Verdict::Pass | Verdict::Na, Some(since)) => {
            let flaps = flaps(&writer.core, asset, &finding.check, at.minus(FLAP_WITHIN))?;
            if flaps < FLAPS {
                raised = None;
                input = Some(alert(
                    asset,
                    &finding.check,
                    AlertState::Cleared,
                    (since, at),
                    finding.severity,
                    words(),
                    false,
                ));
            } else if changed {
                input = Some(alert(
                    asset,
                    &finding.check,
                    AlertState::Firing,
                    (since, at),
                    finding.severity,
                    words(),
                    true,
                ));
            }
        }
        _ => {}
    }
    let known = if unknown { was.unwrap_or(result) } else { result };
    let first = old.as_ref().map_or(at, |old| old.first);
    let since = old.as_ref().filter(|_| !changed).map_or(at, |old| old.changed);
    let body = serde_json::to_string(finding).expect("a finding has string keys, so it always serialises");
    writer
        .core
        .prepare_cached(
            "INSERT OR REPLACE INTO finding (asset, id, item, result, severity, weight, major, block, pin, first, last,
             changed, known, raised, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
        .and_then(|mut q| {
            q.execute(params![
                asset.as_str(),
                finding.check,
                finding.item().unwrap_or_default(),
                result.as_str(),
                finding.severity.as_str(),
                finding.weight,
                finding.major_hazard,
                finding.block,
                score::pin(finding),
                first.millis(),
                at.millis(),
                since.millis(),
                known.as_str(),
                raised.map(Wall::millis),
                body
            ])
        })
        .map_err(sql("store a result"))?;
    Ok(input)
}

/// Whether a later failure is news.
const fn good(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Partial | Verdict::Na)
}

fn held(core: &Connection, asset: &AssetId) -> Result<HashMap<String, Held>, StoreError> {
    let read = |r: &rusqlite::Row<'_>| {
        let [id, result, known]: [String; 3] = [r.get(0)?, r.get(1)?, r.get(2)?];
        let (first, changed, raised): (i64, i64, Option<i64>) = (r.get(3)?, r.get(4)?, r.get(5)?);
        let parse = |word: &str| Verdict::parse(word).unwrap_or(Verdict::Error);
        let held = Held {
            result: parse(&result),
            known: parse(&known),
            first: Wall::from_millis(first),
            changed: Wall::from_millis(changed),
            raised: raised.map(Wall::from_millis),
        };
        Ok((id, held))
    };
    core.prepare_cached("SELECT id, result, known, first, changed, raised FROM finding WHERE asset = ?1")
        .and_then(|mut q| q.query_map([asset.as_str()], read)?.collect())
        .map_err(sql("read the results of an asset"))
}

fn note_change(
    core: &Connection,
    asset: &AssetId,
    check: &str,
    at: Wall,
    (before, after): (Verdict, Verdict),
    (cause, by): (&str, &str),
) -> Result<(), StoreError> {
    core.prepare_cached(
        "INSERT INTO finding_change (asset, finding, at, before, after, cause, by_whom) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .and_then(|mut q| {
        q.execute(params![asset.as_str(), check, at.millis(), before.as_str(), after.as_str(), cause, by])
    })
    .and_then(|_| {
        core.prepare_cached(
            "DELETE FROM finding_change WHERE asset = ?1 AND id <= (SELECT id FROM finding_change WHERE asset = ?1
             ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![asset.as_str(), MAX_CHANGES])
    })
    .map(drop)
    .map_err(sql("note the change of a result"))
}

/// How often a check began to fail since then.
fn flaps(core: &Connection, asset: &AssetId, check: &str, since: Wall) -> Result<i64, StoreError> {
    core.prepare_cached(
        "SELECT count(*) FROM finding_change WHERE asset = ?1 AND finding = ?2 AND at >= ?3 AND after = 'fail'",
    )
    .and_then(|mut q| q.query_row(params![asset.as_str(), check, since.millis()], |r| r.get(0)))
    .map_err(sql("count the changes of a result"))
}

fn note_inspected(
    writer: &Writer,
    asset: &AssetId,
    source: &str,
    at: Wall,
    inspection: &Inspection,
) -> Result<(), StoreError> {
    let snapshot = inspection.snapshot.as_ref();
    writer
        .core
        .prepare_cached(
            "INSERT OR REPLACE INTO inspected (asset, at, source, origin, os, version, profile, policy, sha256, complete)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )
        .and_then(|mut q| {
            q.execute(params![
                asset.as_str(),
                at.millis(),
                source,
                inspection.origin.as_str(),
                inspection.os,
                inspection.version,
                inspection.profile,
                inspection.policy,
                snapshot.map(|s| s.sha256.as_str()).unwrap_or_default(),
                snapshot.is_some_and(|s| s.complete)
            ])
        })
        .map(drop)
        .map_err(sql("note that an asset was looked at"))
}

/// Keeps a text; whether it says something else than the one before.
fn keep(
    writer: &Writer,
    asset: &AssetId,
    at: Wall,
    inspection: &Inspection,
    snapshot: &Snapshot,
    changed: Option<&Changed>,
) -> Result<bool, StoreError> {
    let stable = fingerprint(&inspection.os, snapshot);
    let part = inspection.part.as_str();
    let newest: Option<(i64, String, i64)> = writer
        .core
        .prepare_cached(
            "SELECT id, stable, seen FROM snapshot WHERE asset = ?1 AND part = ?2 ORDER BY at DESC LIMIT 1",
        )
        .and_then(|mut q| {
            q.query_row(params![asset.as_str(), part], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()
        })
        .map_err(sql("read the newest snapshot"))?;
    if let Some((id, held, seen)) = &newest {
        if *seen > at.millis() {
            return Ok(false);
        }
        if *held == stable {
            return writer
                .core
                .prepare_cached("UPDATE snapshot SET seen = ?2 WHERE id = ?1")
                .and_then(|mut q| q.execute(params![id, at.millis()]))
                .map(|_| false)
                .map_err(sql("note that a snapshot still holds"));
        }
    }
    if !snapshot.text.is_empty() {
        let packed = zstd::bulk::compress(snapshot.text.as_bytes(), LEVEL)
            .map_err(|e| StoreError::Sql { what: "compress a text", detail: e.to_string() })?;
        writer
            .core
            .prepare_cached("INSERT OR IGNORE INTO config_text (sha256, body) VALUES (?1, ?2)")
            .and_then(|mut q| q.execute(params![snapshot.sha256, packed]))
            .map_err(sql("store a text"))?;
    }
    let (by, by_at) = changed.map_or(("", ""), |c| (c.by.as_str(), c.at.as_str()));
    let hashes = serde_json::json!({ "key": snapshot.key, "secrets": snapshot.secrets }).to_string();
    writer
        .core
        .prepare_cached(
            "INSERT INTO snapshot (asset, part, at, seen, sha256, stable, os, version, origin, complete, by_whom, by_at, hashes)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut q| {
            q.execute(params![
                asset.as_str(),
                part,
                at.millis(),
                snapshot.sha256,
                stable,
                inspection.os,
                inspection.version,
                inspection.origin.as_str(),
                snapshot.complete,
                by,
                by_at,
                hashes
            ])
        })
        .map_err(sql("store a snapshot"))?;
    let kept = i64::from(writer.shared.snapshots);
    writer
        .core
        .prepare_cached(
            "DELETE FROM snapshot WHERE asset = ?1 AND part = ?2 AND id NOT IN
             (SELECT id FROM snapshot WHERE asset = ?1 AND part = ?2 ORDER BY at DESC LIMIT ?3)",
        )
        .and_then(|mut q| q.execute(params![asset.as_str(), part, kept]))
        .map_err(sql("forget an old snapshot"))?;
    Ok(newest.is_some())
}

/// Lines of a command language that change by themselves, and those whose order means nothing.
pub(crate) fn noise(os: &str) -> (&'static [String], &'static [String]) {
    let list = |name: &str| SHIPPED.lists.get(name).map_or(&[][..], Vec::as_slice);
    (list(&format!("volatile.{os}")), list(&format!("unordered.{os}")))
}

/// Equal if nothing changed that matters: the text without its noise, and the secrets, which the text does not show.
fn fingerprint(os: &str, snapshot: &Snapshot) -> String {
    if snapshot.text.is_empty() {
        return snapshot.sha256.clone();
    }
    let (volatile, unordered) = noise(os);
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for (_, line) in score::stable(&snapshot.text, volatile, unordered) {
        context.update(line.as_bytes());
        context.update(b"\n");
    }
    hex(context.finish().as_ref())
}

fn alert(
    asset: &AssetId,
    check: &str,
    state: AlertState,
    (since, at): (Wall, Wall),
    weight: Weight,
    evidence: Vec<(String, String)>,
    flapping: bool,
) -> Input {
    let named = "the names of the console's own problems follow the pattern of a slug";
    let severity = match weight {
        Weight::Low => Severity::Warning,
        Weight::Medium => Severity::Minor,
        Weight::High => Severity::Major,
        Weight::Critical => Severity::Critical,
    };
    let alert = Alert {
        key: AlertKey {
            problem: ProblemId::new(DRIFT).expect(named),
            object: Object::Asset(asset.clone()),
            instance: Arc::from(check),
        },
        rule: RuleId::new(DRIFT).expect(named),
        probe: None,
        state,
        cleared_by: (state == AlertState::Cleared).then_some(ClearReason::Condition),
        severity,
        since,
        at,
        count: 1,
        flapping,
        stale: false,
        evidence: evidence.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        folds_into: Vec::new(),
        category: Arc::from(CATEGORY),
        runbook: Arc::from(DRIFT),
    };
    Input::Alert { agent: own::console(), alert, history: false }
}

/// Forgets results and texts of assets that nobody declares any more, and changes that are too old.
pub(super) fn forget(core: &Connection, now: Wall) -> Result<(), StoreError> {
    for table in ["snapshot", "inspected", "finding", "finding_change", "answer"] {
        core.execute(
            &format!(
                "DELETE FROM {table} WHERE asset NOT IN (SELECT id FROM entity WHERE kind = 'asset' AND removed IS NULL)"
            ),
            [],
        )
        .map_err(sql("forget the results of removed assets"))?;
    }
    core.execute("DELETE FROM finding_change WHERE at < ?1", [now.minus(KEEP_CHANGES).millis()])
        .and_then(|_| core.execute("DELETE FROM config_text WHERE sha256 NOT IN (SELECT sha256 FROM snapshot)", []))
        .map(drop)
        .map_err(sql("forget old changes and texts"))
}
