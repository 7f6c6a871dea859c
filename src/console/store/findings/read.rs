//! Reading results, texts and their history back.

use std::io::Read;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::polled;
use crate::console::store::db::sql;
use crate::console::store::types::{ChangeRow, FindingRow, InspectedRow, SnapshotRow, StoreError};
use crate::model::finding::{MAX_TEXT, Origin, Part, Verdict, Weight};
use crate::model::{AssetId, Wall};

/// Changes listed at most.
const MAX_LISTED: usize = 1_000;

const INSPECTED: &str =
    "SELECT asset, at, source, origin, os, version, profile, policy, sha256, complete FROM inspected";
const FINDING: &str =
    "SELECT asset, id, item, result, severity, weight, major, block, pin, first, last, changed, raised";
const SNAPSHOT: &str =
    "SELECT id, asset, part, at, seen, sha256, os, version, origin, complete, by_whom, by_at, hashes FROM snapshot";

fn inspected_row(r: &Row<'_>) -> rusqlite::Result<Option<InspectedRow>> {
    let [asset, source, origin]: [String; 3] = [r.get(0)?, r.get(2)?, r.get(3)?];
    let (at, os, version) = (r.get(1)?, r.get(4)?, r.get(5)?);
    let (profile, policy, sha256, complete) = (r.get(6)?, r.get(7)?, r.get(8)?, r.get(9)?);
    let row = || {
        Some(InspectedRow {
            asset: AssetId::new(&asset).ok()?,
            at: Wall::from_millis(at),
            source,
            origin: Origin::parse(&origin)?,
            os,
            version,
            profile,
            policy,
            sha256,
            complete,
        })
    };
    Ok(row())
}

/// When an asset was looked at last; nothing if it never was.
pub(in crate::console::store) fn inspected(
    core: &Connection,
    asset: &AssetId,
) -> Result<Option<InspectedRow>, StoreError> {
    core.prepare_cached(&format!("{INSPECTED} WHERE asset = ?1"))
        .and_then(|mut q| q.query_row([asset.as_str()], inspected_row).optional())
        .map(Option::flatten)
        .map_err(sql("read when an asset was looked at"))
}

/// The same of all.
pub(in crate::console::store) fn all_inspected(core: &Connection) -> Result<Vec<InspectedRow>, StoreError> {
    let rows: Vec<Option<InspectedRow>> = core
        .prepare_cached(&format!("{INSPECTED} ORDER BY asset"))
        .and_then(|mut q| q.query_map([], inspected_row)?.collect())
        .map_err(sql("read when assets were looked at"))?;
    Ok(rows.into_iter().flatten().collect())
}

fn finding_row(r: &Row<'_>) -> rusqlite::Result<Option<FindingRow>> {
    let [asset, result, severity]: [String; 3] = [r.get(0)?, r.get(3)?, r.get(4)?];
    let (check, item, weight, major) = (r.get(1)?, r.get(2)?, r.get(5)?, r.get(6)?);
    let (block, pin): (String, String) = (r.get(7)?, r.get(8)?);
    let [first, last, changed]: [i64; 3] = [r.get(9)?, r.get(10)?, r.get(11)?];
    let (raised, body): (Option<i64>, Option<String>) = (r.get(12)?, r.get(13)?);
    let row = || {
        Some(FindingRow {
            asset: AssetId::new(&asset).ok()?,
            check,
            item,
            result: Verdict::parse(&result)?,
            severity: Weight::parse(&severity)?,
            weight,
            major,
            block,
            pin,
            first: Wall::from_millis(first),
            last: Wall::from_millis(last),
            changed: Wall::from_millis(changed),
            raised: raised.map(Wall::from_millis),
            finding: body.and_then(|body| serde_json::from_str(&body).ok()),
        })
    };
    Ok(row())
}

/// Results of assets as of now, in their order; with evidence and sentences if asked.
pub(in crate::console::store) fn findings(
    core: &Connection,
    assets: &[AssetId],
    whole: bool,
    now: Wall,
) -> Result<Vec<FindingRow>, StoreError> {
    let body = if whole { "body" } else { "NULL" };
    let failed = sql("read results");
    let mut query = core
        .prepare_cached(&format!("{FINDING}, {body} FROM finding WHERE asset = ?1 ORDER BY id"))
        .map_err(&failed)?;
    let mut all = Vec::new();
    for asset in assets {
        let rows: rusqlite::Result<Vec<_>> =
            query.query_map([asset.as_str()], finding_row).map_err(&failed)?.collect();
        let mut rows: Vec<FindingRow> = rows.map_err(&failed)?.into_iter().flatten().collect();
        polled::lay(core, asset, (whole, now), |_| true, &mut rows)?;
        all.append(&mut rows);
    }
    Ok(all)
}

fn change_row(r: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    let [before, after]: [String; 2] = [r.get(2)?, r.get(3)?];
    let parse = |word: &str| Verdict::parse(word).unwrap_or(Verdict::Error);
    Ok(ChangeRow {
        check: r.get(0)?,
        at: Wall::from_millis(r.get(1)?),
        before: parse(&before),
        after: parse(&after),
        cause: r.get(4)?,
        by: r.get(5)?,
    })
}

/// What changed on an asset, newest first.
pub(in crate::console::store) fn changes(core: &Connection, asset: &AssetId) -> Result<Vec<ChangeRow>, StoreError> {
    core.prepare_cached(
        "SELECT finding, at, before, after, cause, by_whom FROM finding_change WHERE asset = ?1 ORDER BY id DESC LIMIT ?2",
    )
    .and_then(|mut q| q.query_map(params![asset.as_str(), MAX_LISTED as i64], change_row)?.collect())
    .map_err(sql("read the changes of results"))
}

fn snapshot_row(r: &Row<'_>) -> rusqlite::Result<Option<SnapshotRow>> {
    let [asset, part, origin]: [String; 3] = [r.get(1)?, r.get(2)?, r.get(8)?];
    let (id, at, seen): (i64, i64, i64) = (r.get(0)?, r.get(3)?, r.get(4)?);
    let (sha256, os, version, complete) = (r.get(5)?, r.get(6)?, r.get(7)?, r.get(9)?);
    let (by, by_at, hashes) = (r.get(10)?, r.get(11)?, r.get(12)?);
    let row = || {
        Some(SnapshotRow {
            id,
            asset: AssetId::new(&asset).ok()?,
            part: Part::parse(&part)?,
            at: Wall::from_millis(at),
            seen: Wall::from_millis(seen),
            sha256,
            os,
            version,
            origin: Origin::parse(&origin)?,
            complete,
            by,
            by_at,
            hashes,
        })
    };
    Ok(row())
}

/// The same of some items alone, with evidence and sentences: a page of one item does not read all of every asset.
pub(in crate::console::store) fn findings_of(
    core: &Connection,
    assets: &[AssetId],
    items: &[String],
    now: Wall,
) -> Result<Vec<FindingRow>, StoreError> {
    let failed = sql("read the results of items");
    let wanted = serde_json::json!(items).to_string();
    let mut query = core
        .prepare_cached(&format!(
            "{FINDING}, body FROM finding WHERE asset = ?1 AND item IN (SELECT value FROM json_each(?2)) ORDER BY id"
        ))
        .map_err(&failed)?;
    let mut all = Vec::new();
    for asset in assets {
        let rows: rusqlite::Result<Vec<_>> =
            query.query_map([asset.as_str(), &wanted], finding_row).map_err(&failed)?.collect();
        let mut rows: Vec<FindingRow> = rows.map_err(&failed)?.into_iter().flatten().collect();
        polled::lay(core, asset, (true, now), |item| items.iter().any(|one| one == item), &mut rows)?;
        all.append(&mut rows);
    }
    Ok(all)
}

/// What changed on assets since then, newest first, at most so many of each.
pub(in crate::console::store) fn changes_since(
    core: &Connection,
    assets: &[AssetId],
    since: Wall,
    most: usize,
) -> Result<Vec<(AssetId, ChangeRow)>, StoreError> {
    let read = || -> rusqlite::Result<Vec<(AssetId, ChangeRow)>> {
        let mut query = core.prepare_cached(
            "SELECT finding, at, before, after, cause, by_whom FROM finding_change WHERE asset = ?1 AND at >= ?2
             ORDER BY at DESC, id DESC LIMIT ?3",
        )?;
        let mut all = Vec::new();
        for asset in assets {
            let rows: rusqlite::Result<Vec<ChangeRow>> =
                query.query_map(params![asset.as_str(), since.millis(), most as i64], change_row)?.collect();
            all.extend(rows?.into_iter().map(|row| (asset.clone(), row)));
        }
        all.sort_by_key(|(_, row)| std::cmp::Reverse(row.at));
        Ok(all)
    };
    read().map_err(sql("read the newest changes of results"))
}

/// States of the configurations of an asset, newest first.
pub(in crate::console::store) fn snapshots(
    core: &Connection,
    asset: &AssetId,
) -> Result<Vec<SnapshotRow>, StoreError> {
    let rows: Vec<Option<SnapshotRow>> = core
        .prepare_cached(&format!("{SNAPSHOT} WHERE asset = ?1 ORDER BY at DESC, id DESC"))
        .and_then(|mut q| q.query_map([asset.as_str()], snapshot_row)?.collect())
        .map_err(sql("read the snapshots of an asset"))?;
    Ok(rows.into_iter().flatten().collect())
}

/// One of them with its text, which is empty if it was too long to be kept.
pub(in crate::console::store) fn snapshot(
    core: &Connection,
    id: i64,
) -> Result<Option<(SnapshotRow, String)>, StoreError> {
    let row = core
        .prepare_cached(&format!("{SNAPSHOT} WHERE id = ?1"))
        .and_then(|mut q| q.query_row([id], snapshot_row).optional())
        .map_err(sql("read a snapshot"))?;
    let Some(row) = row.flatten() else { return Ok(None) };
    let body: Option<Vec<u8>> = core
        .prepare_cached("SELECT body FROM config_text WHERE sha256 = ?1")
        .and_then(|mut q| q.query_row([&row.sha256], |r| r.get(0)).optional())
        .map_err(sql("read the text of a snapshot"))?;
    let mut text = String::new();
    if let Some(body) = body {
        zstd::stream::read::Decoder::with_buffer(body.as_slice())
            .and_then(|d| d.take(MAX_TEXT as u64).read_to_string(&mut text))
            .map_err(|e| StoreError::Sql { what: "unpack a text", detail: e.to_string() })?;
    }
    Ok(Some((row, text)))
}
