//! The audit table: one row a change, in the change's own transaction, chained by SHA-256 so that a row that
//! is altered, removed or put in between shows. Nothing secret goes into it.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use super::db::sql;
use super::types::{AuditRow, AuditVerdict, AuditWords, StoreError};
use super::writer::Writer;
use crate::console::command::{AuditFilter, Page, Paged};
use crate::console::secrets::hex;
use crate::model::Wall;

/// Most bytes of a text in a row; a longer one is cut, and says so.
const MAX_TEXT: usize = 64 << 10;
/// Most names that are looked through for a part of one: agents, tokens and people of a large prefecture.
const MAX_WORDS: usize = 5_000;

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
    writer.after(|shared| shared.changed(|changes| changes.audit += 1));
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
pub(super) fn page(core: &Connection, filter: &AuditFilter, page: &Page) -> Result<Paged<AuditRow>, StoreError> {
    let after = match &page.after {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| {
            let text: String = text.chars().take(80).collect();
            StoreError::Request(format!("`{text}` is no cursor of this list"))
        })?,
    };
    let limit = page.limit.clamp(1, 1_000);
    let mut wanted = Wanted { terms: vec!["seq < ?".to_owned()], values: vec![Value::Integer(after)] };
    wanted.filter(core, filter)?;
    wanted.values.push(Value::Integer(limit as i64 + 1));
    let text = format!("SELECT {COLUMNS} FROM audit WHERE {} ORDER BY seq DESC LIMIT ?", wanted.terms.join(" AND "));
    let mut items: Vec<AuditRow> = core
        .prepare_cached(&text)
        .and_then(|mut q| q.query_map(rusqlite::params_from_iter(wanted.values), row)?.collect())
        .map_err(sql("list audit rows"))?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|row| row.seq.to_string()) } else { None };
    Ok(Paged { items, next })
}

/// Conditions and their values.
struct Wanted {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Wanted {
    fn filter(&mut self, core: &Connection, filter: &AuditFilter) -> Result<(), StoreError> {
        match filter.actor.as_deref() {
            None => {}
            // A part of a name: there are few names, so they are looked through instead of the rows.
            Some(part) if !part.contains(':') => {
                let mut names = distinct(core, "actor")?;
                names.retain(|name| name.to_lowercase().contains(&part.to_lowercase()));
                let holes = vec!["?"; names.len()].join(", ");
                self.terms.push(format!("actor IN ({holes})"));
                self.values.extend(names.into_iter().map(Value::Text));
            }
            Some(begins) if begins.ends_with(':') => self.begins("actor", &[begins.to_owned()]),
            Some(whole) => self.is("actor", whole),
        }
        match filter.action.as_deref() {
            None => {}
            Some(begins) if begins.ends_with('.') => self.begins("action", &[begins.to_owned()]),
            Some(whole) => self.is("action", whole),
        }
        if let Some(target) = &filter.target {
            let kinds = TARGETS.iter().filter(|_| !target.contains(':')).map(|kind| format!("{kind}:{target}"));
            self.begins("target", &std::iter::once(target.clone()).chain(kinds).collect::<Vec<_>>());
        }
        match filter.done {
            None => {}
            Some(true) => self.terms.push("result = 'ok'".to_owned()),
            Some(false) => self.terms.push("result <> 'ok'".to_owned()),
        }
        for (at, term) in [(filter.from, "at >= ?"), (filter.to, "at < ?")] {
            if let Some(at) = at {
                self.terms.push(term.to_owned());
                self.values.push(Value::Integer(at.millis()));
            }
        }
        Ok(())
    }

    fn is(&mut self, column: &str, value: &str) {
        self.terms.push(format!("{column} = ?"));
        self.values.push(Value::Text(value.to_owned()));
    }

    /// As ranges, so that the index finds them: no text beginning so is larger than it with the last character.
    fn begins(&mut self, column: &str, beginnings: &[String]) {
        let term = format!("({column} >= ? AND {column} < ?)");
        self.terms.push(format!("({})", vec![term; beginnings.len()].join(" OR ")));
        for text in beginnings {
            self.values.push(Value::Text(text.clone()));
            self.values.push(Value::Text(format!("{text}{}", char::MAX)));
        }
    }
}

/// What targets are: the word before the colon.
const TARGETS: [&str; 14] = [
    "incident",
    "asset",
    "interface",
    "link",
    "region",
    "agent",
    "user",
    "session",
    "secret",
    "token",
    "view",
    "import",
    "discovery",
    "waiver",
];

/// Different values of a column with an index, one jump each; at most `MAX_WORDS`.
fn distinct(core: &Connection, column: &str) -> Result<Vec<String>, StoreError> {
    let text = format!(
        "WITH RECURSIVE one (word) AS (SELECT min({column}) FROM audit UNION ALL \
         SELECT (SELECT min({column}) FROM audit WHERE {column} > word) FROM one WHERE word IS NOT NULL) \
         SELECT word FROM one WHERE word IS NOT NULL LIMIT {MAX_WORDS}"
    );
    core.prepare_cached(&text)
        .and_then(|mut q| q.query_map([], |r| r.get(0))?.collect())
        .map_err(sql("list the words of the audit rows"))
}

/// See `Store::audit_words`.
pub(super) fn words(core: &Connection) -> Result<AuditWords, StoreError> {
    Ok(AuditWords { actors: distinct(core, "actor")?, actions: distinct(core, "action")? })
}

/// One row.
pub(super) fn one(core: &Connection, seq: u64) -> Result<Option<AuditRow>, StoreError> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    core.prepare_cached(&format!("SELECT {COLUMNS} FROM audit WHERE seq = ?1"))
        .and_then(|mut q| q.query_row([seq], row).optional())
        .map_err(sql("read an audit row"))
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
