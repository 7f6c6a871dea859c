//! The audit table: one row a change, in the change's own transaction, chained by SHA-256 so that a row that
//! is altered, removed or put in between shows. Nothing secret goes into it.

use rusqlite::{Connection, OptionalExtension, params};

use super::db::sql;
use super::types::{AuditRow, AuditVerdict, StoreError};
use super::writer::Writer;
use crate::console::command::{Page, Paged};
use crate::console::secrets::hex;
use crate::model::Wall;

/// Most bytes of a text in a row; a longer one is cut, and says so.
const MAX_TEXT: usize = 64 << 10;

/// What to write down.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) actor: String,
    pub(super) action: &'static str,
    pub(super) target: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) reason: String,
    pub(super) result: String,
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TEXT);
    format!("{} [cut, {} bytes]", text.get(..end).unwrap_or_default(), text.len())
}

/// Appends a row.
pub(super) fn append(writer: &mut Writer, entry: &Entry) -> Result<(), StoreError> {
    let at = writer.now();
    let last: Option<(i64, Vec<u8>)> = writer
        .core
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .and_then(|mut q| q.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(sql("read the last audit row"))?;
    let (seq, previous) = last.map_or((1, Vec::new()), |(seq, hash)| (seq + 1, hash));
    let row = AuditRow {
        seq: u64::try_from(seq).unwrap_or(0),
        at,
        actor: cut(&entry.actor),
        action: entry.action.to_owned(),
        target: cut(&entry.target),
        before: cut(&entry.before),
        after: cut(&entry.after),
        reason: cut(&entry.reason),
        result: cut(&entry.result),
    };
    let hash = link(&previous, &row);
    writer
        .core
        .prepare_cached("INSERT INTO audit (seq, at, actor, action, target, before, after, reason, result, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
        .and_then(|mut q| {
            q.execute(params![
                seq, at.millis(), row.actor, row.action, row.target, row.before, row.after, row.reason, row.result, hash
            ])
        })
        .map_err(sql("write an audit row"))?;
    writer.rows += 1;
    Ok(())
}

/// The hash of a row: over the hash before it, and the row as a JSON array.
fn link(previous: &[u8], row: &AuditRow) -> Vec<u8> {
    let body = serde_json::json!([
        row.seq,
        row.at.millis(),
        row.actor,
        row.action,
        row.target,
        row.before,
        row.after,
        row.reason,
        row.result
    ])
    .to_string();
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(previous);
    context.update(body.as_bytes());
    context.finish().as_ref().to_vec()
}

fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: r.get::<_, i64>(0)?.unsigned_abs(),
        at: Wall::from_millis(r.get(1)?),
        actor: r.get(2)?,
        action: r.get(3)?,
        target: r.get(4)?,
        before: r.get(5)?,
        after: r.get(6)?,
        reason: r.get(7)?,
        result: r.get(8)?,
    })
}

const COLUMNS: &str = "seq, at, actor, action, target, before, after, reason, result";

/// A page, newest first.
pub(super) fn page(core: &Connection, page: &Page) -> Result<Paged<AuditRow>, StoreError> {
    let after = match &page.after {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| {
            let text: String = text.chars().take(80).collect();
            StoreError::Request(format!("`{text}` is no cursor of this list"))
        })?,
    };
    let limit = page.limit.clamp(1, 1_000);
    let text = format!("SELECT {COLUMNS} FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
    let mut items: Vec<AuditRow> = core
        .prepare_cached(&text)
        .and_then(|mut q| q.query_map(params![after, limit as i64 + 1], row)?.collect())
        .map_err(sql("list audit rows"))?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|row| row.seq.to_string()) } else { None };
    Ok(Paged { items, next })
}

/// Recomputes the chain.
pub(super) fn verify(core: &Connection) -> Result<AuditVerdict, StoreError> {
    let read = || -> rusqlite::Result<AuditVerdict> {
        let mut query = core.prepare(&format!("SELECT {COLUMNS}, hash FROM audit ORDER BY seq"))?;
        let mut rows = query.query([])?;
        let (mut count, mut head) = (0u64, Vec::new());
        while let Some(r) = rows.next()? {
            let (stored, hash) = (row(r)?, r.get::<_, Vec<u8>>(9)?);
            let due = link(&head, &stored);
            if stored.seq != count + 1 || due != hash {
                return Ok(AuditVerdict { rows: count, broken_at: Some(stored.seq), head: hex(&head) });
            }
            head = hash;
            count += 1;
        }
        Ok(AuditVerdict { rows: count, broken_at: None, head: hex(&head) })
    };
    read().map_err(sql("verify the audit rows"))
}
