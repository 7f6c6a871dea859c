//! What each device said of itself last. Bodies stay as agents packed them; only who shows one unpacks it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::sql;
use super::types::{ReportRow, StoreError};
use super::writer::Writer;
use crate::model::device::report;
use crate::model::wire::{MAX_REPORT, Packed, Report};
use crate::model::{AgentId, AssetId, Object, Wall};

/// Takes the place of what was held, unless that is newer. Rows that a cut table did not reach stay, with their time.
pub(super) fn take(writer: &mut Writer, agent: &AgentId, at: Wall, report: &Report) -> Result<(), StoreError> {
    let Object::Asset(asset) = &report.object else { return Ok(()) };
    let packed = completed(&writer.core, asset, at, &report.packed)?;
    writer
        .core
        .prepare_cached(
            "INSERT INTO report (asset, probe, agent, at, changed, fingerprint, body) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET probe = excluded.probe, agent = excluded.agent, at = excluded.at,
                 changed = CASE WHEN fingerprint = excluded.fingerprint THEN changed ELSE excluded.changed END,
                 fingerprint = excluded.fingerprint, body = excluded.body
             WHERE excluded.at >= at",
        )
        .and_then(|mut q| {
            q.execute(params![
                asset.as_str(),
                report.probe.as_str(),
                agent.as_str(),
                at.millis(),
                report.fingerprint.cast_signed(),
                packed.as_ref().unwrap_or(&report.packed).bytes()
            ])
        })
        .map(drop)
        .map_err(sql("store the report of a device"))
}

/// A report of which some table was cut, with what the one before holds of it, as far as a report has room; nothing if that
/// adds nothing.
fn completed(core: &Connection, asset: &AssetId, at: Wall, packed: &Packed) -> Result<Option<Packed>, StoreError> {
    let Some(text) = packed.text().filter(|text| report::is_cut(text)) else { return Ok(None) };
    let Some(before) = of(core, asset)?.filter(|before| before.at <= at) else { return Ok(None) };
    let read = |text: &str| serde_json::from_str(text).ok().map(|object| report::read(&object));
    let (Some(new), Some(old)) = (read(&text), before.packed.text().as_deref().and_then(read)) else {
        return Ok(None);
    };
    let whole = report::completed(new, at, (&old, before.at));
    Ok(report::with_kept(whole, MAX_REPORT).as_deref().and_then(Packed::of))
}

/// The report of an asset.
pub(super) fn of(core: &Connection, asset: &AssetId) -> Result<Option<ReportRow>, StoreError> {
    core.prepare_cached("SELECT asset, probe, agent, at, changed, body FROM report WHERE asset = ?1")
        .and_then(|mut q| q.query_row([asset.as_str()], read).optional())
        .map(Option::flatten)
        .map_err(sql("read the report of a device"))
}

/// Of which assets there are reports, and from when.
pub(super) fn times(core: &Connection) -> Result<Vec<(AssetId, Wall)>, StoreError> {
    let rows: Vec<(String, i64)> = core
        .prepare_cached("SELECT asset, at FROM report ORDER BY asset")
        .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("list the reports of devices"))?;
    Ok(rows.into_iter().filter_map(|(id, at)| Some((AssetId::new(&id).ok()?, Wall::from_millis(at)))).collect())
}

fn read(r: &Row<'_>) -> rusqlite::Result<Option<ReportRow>> {
    let texts: [String; 3] = [r.get(0)?, r.get(1)?, r.get(2)?];
    let (at, changed, body): (i64, i64, Vec<u8>) = (r.get(3)?, r.get(4)?, r.get(5)?);
    let [asset, probe, agent] = texts;
    // Ids are written from ids; one that does not read was damaged, and is as if it were not there.
    let row = || {
        Some(ReportRow {
            asset: AssetId::new(&asset).ok()?,
            probe: probe.parse().ok()?,
            agent: AgentId::new(&agent).ok()?,
            at: Wall::from_millis(at),
            changed: Wall::from_millis(changed),
            packed: Packed::kept(body),
        })
    };
    Ok(row())
}

/// Forgets those of assets that nobody declares any more.
pub(super) fn forget(core: &Connection) -> Result<(), StoreError> {
    core.execute(
        "DELETE FROM report WHERE asset NOT IN (SELECT id FROM entity WHERE kind = 'asset' AND removed IS NULL)",
        [],
    )
    .map(drop)
    .map_err(sql("forget the reports of removed devices"))
}
