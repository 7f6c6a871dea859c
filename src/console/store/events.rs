//! What devices said, one file a month. Newest first is by row number, which is made of the time, so a page reads as
//! many rows as it shows, and so does a search. A month goes once all of it is older than logs are kept.

mod words;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use super::days::{Day, Layout, Sort};
use super::db::{self, sql};
use super::scope::Seen;
use super::types::{EventFilter, EventRow, StoreError};
use super::writer::Writer;
use super::{Store, live::Shared};
use crate::console::command::{Page, Paged, Scope};
use crate::model::wire::{Heard, LogSource};
use crate::model::{AgentId, AssetId, Wall};

/// Rows of one millisecond, as a power of two: a million, when a file is written in the tens of thousands a second.
pub(super) const IN_A_MS: i64 = 1 << 20;
/// Numbers tried for a row before it is given up: more rows of one millisecond are not told apart anyway.
const MAX_TRIES: i64 = 10_000;
/// Rows given at once.
const MAX_ROWS: usize = 1_000;

/// One row as it is kept: who sent it, its time corrected.
pub(super) struct Kept<'a> {
    pub(super) agent: &'a AgentId,
    /// Epoch, sequence and place of its record.
    pub(super) place: (&'a str, u64, usize),
    pub(super) at: Wall,
    pub(super) received: Wall,
    pub(super) heard: &'a Heard,
}

/// Keeps a row; one that is kept already stays as it is.
pub(super) fn keep(writer: &mut Writer, row: &Kept<'_>) -> Result<(), StoreError> {
    let Kept { agent, at, received, heard, .. } = row;
    let month = writer.days.layout.day(*at) / 100;
    let file = writer.days.file(Sort::Event, month, *received)?;
    let failed = sql("keep what a device said");
    let mark = mark(row);
    let mut held = file.prepare_cached("SELECT mark FROM event WHERE id = ?1").map_err(&failed)?;
    let first = at.millis().max(0).saturating_mul(IN_A_MS);
    // Rows of a record follow each other, so that most find their number at once.
    let start = first.saturating_add(i64::try_from(row.place.2).unwrap_or(0));
    for id in start..start.saturating_add(MAX_TRIES) {
        match held.query_row([id], |r| r.get::<_, i64>(0)).optional().map_err(&failed)? {
            Some(there) if there == mark => return Ok(()),
            Some(_) => {}
            None => return insert(file, id, mark, row).map_err(&failed),
        }
    }
    tracing::warn!(%agent, sender = %heard.from, "too many lines of one moment; one is lost");
    Ok(())
}

fn insert(file: &Connection, id: i64, mark: i64, row: &Kept<'_>) -> rusqlite::Result<()> {
    let Kept { agent, received, heard, .. } = row;
    let (sender, via) = (heard.from.to_string(), heard.via.map(|ip| ip.to_string()).unwrap_or_default());
    let asset = heard.asset.as_ref().map_or("", AssetId::as_str);
    file.prepare_cached(
        "INSERT INTO event (id, mark, agent, received, source, sender, via, asset, host, facility, severity, tag, text, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        id,
        mark,
        agent.as_str(),
        received.millis(),
        heard.source.as_str(),
        sender,
        via,
        asset,
        heard.host,
        heard.facility,
        heard.severity,
        heard.tag,
        heard.text,
        heard.count
    ])?;
    let said = words::cut(&[&heard.text, &heard.tag, &heard.host, asset, &sender]);
    file.prepare_cached("INSERT INTO word (rowid, text) VALUES (?1, ?2)")?.execute(params![id, said])?;
    Ok(())
}

/// Tells a row from all others.
fn mark(row: &Kept<'_>) -> i64 {
    let mut hasher = DefaultHasher::new();
    (row.agent.as_str(), row.place).hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// Deletes the months that are too old as a whole.
pub(super) fn retire(writer: &mut Writer, first: Day) {
    writer.days.forget_before(Sort::Event, first / 100);
    writer.after(move |shared: &Shared| drop(shared.layout.retire(Sort::Event, first / 100)));
}

impl Store {
    /// What was heard, newest first; of assets in scope, and of unknown senders where there is no limit.
    pub async fn events(
        &self,
        scope: &Scope,
        filter: EventFilter,
        page: Page,
    ) -> Result<Paged<EventRow>, StoreError> {
        let seen = self.seen(scope);
        self.chart(move |layout| read(layout, &seen, &filter, &page)).await
    }

    /// Whether anything was ever heard.
    pub fn hears(&self) -> bool {
        !self.shared.layout.held(Sort::Event).is_empty()
    }
}

fn read(layout: &Layout, seen: &Seen, filter: &EventFilter, page: &Page) -> Result<Paged<EventRow>, StoreError> {
    let limit = page.limit.clamp(1, MAX_ROWS);
    let before = match &page.after {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| {
            let text: String = text.chars().take(80).collect();
            StoreError::Request(format!("`{text}` is no cursor of this list"))
        })?,
    };
    let wanted = Wanted::new(seen, filter, before);
    let mut items: Vec<EventRow> = Vec::new();
    let months = layout.held(Sort::Event).into_iter().rev();
    let (first, last) = (filter.from.map(|at| layout.day(at) / 100), filter.to.map(|at| layout.day(at) / 100));
    for month in months.filter(|m| first.is_none_or(|first| *m >= first) && last.is_none_or(|last| *m <= last)) {
        let conn = db::open_reader(&layout.path(Sort::Event, month))?;
        let more = limit + 1 - items.len();
        items.extend(wanted.rows(&conn, more).map_err(sql("list what devices said"))?);
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|row| row.id.to_string()) } else { None };
    Ok(Paged { items, next })
}

/// Conditions and their values.
struct Wanted {
    /// Where the rows come from: the table, or the index of words with the table beside it.
    from: &'static str,
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Wanted {
    fn new(seen: &Seen, filter: &EventFilter, before: i64) -> Self {
        let mut all = Self { from: "event e", terms: Vec::new(), values: Vec::new() };
        let mut id = "e.id";
        if let Some(query) = words::query(&filter.words) {
            // The index first: it gives its rows in order, so a page of a frequent word reads no more than a page.
            (all.from, id) = ("word w CROSS JOIN event e ON e.id = w.rowid", "w.rowid");
            all.add("word MATCH ?", Value::Text(query));
        } else if !filter.words.trim().is_empty() {
            all.terms.push("0".to_owned()); // signs only: no word has them
        }
        let until = filter.to.map_or(i64::MAX, |to| to.millis().max(0).saturating_mul(IN_A_MS));
        all.add(&format!("{id} < ?"), Value::Integer(before.min(until)));
        if let Some(from) = filter.from {
            all.add(&format!("{id} >= ?"), Value::Integer(from.millis().max(0).saturating_mul(IN_A_MS)));
        }
        if let Some(asset) = &filter.asset {
            all.add("e.asset = ?", Value::Text(asset.to_string()));
        } else if filter.unknown {
            all.terms.push("e.asset = ''".to_owned());
        }
        if !seen.everything() {
            let ids = serde_json::to_string(&seen.assets()).unwrap_or_default();
            all.add("e.asset IN (SELECT value FROM json_each(?))", Value::Text(ids));
        }
        if let Some(sender) = filter.sender {
            all.add("e.sender = ?", Value::Text(sender.to_string()));
        }
        if let Some(source) = filter.source {
            all.add("e.source = ?", Value::Text(source.as_str().to_owned()));
        }
        if let Some(severity) = filter.severity {
            all.add("e.severity <= ?", Value::Integer(i64::from(severity)));
        }
        if let Some(tag) = &filter.tag {
            all.add("e.tag = ?", Value::Text(tag.clone()));
        }
        all
    }

    fn add(&mut self, term: &str, value: Value) {
        self.terms.push(term.to_owned());
        self.values.push(value);
    }

    fn rows(&self, conn: &Connection, most: usize) -> rusqlite::Result<Vec<EventRow>> {
        let text = format!(
            "SELECT e.id, e.agent, e.received, e.source, e.sender, e.via, e.asset, e.host, e.facility, e.severity, e.tag, e.text, e.count
             FROM {} WHERE {} ORDER BY {} DESC LIMIT ?",
            self.from,
            self.terms.join(" AND "),
            if self.from.starts_with("word") { "w.rowid" } else { "e.id" },
        );
        let values = self.values.iter().cloned().chain([Value::Integer(most as i64)]);
        let mut query = conn.prepare(&text)?;
        let mut found = query.query(rusqlite::params_from_iter(values))?;
        let mut rows = Vec::new();
        while let Some(r) = found.next()? {
            rows.extend(row(r)?);
        }
        Ok(rows)
    }
}

/// A row; nothing if a later version wrote words that this one does not know.
fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<Option<EventRow>> {
    let id: i64 = r.get(0)?;
    let text = |at: usize| r.get::<_, String>(at);
    let address = |text: String| text.parse::<IpAddr>().ok();
    let (agent, source, from) = (text(1)?.parse().ok(), LogSource::parse(&text(3)?), address(text(4)?));
    let (Some(agent), Some(source), Some(from)) = (agent, source, from) else { return Ok(None) };
    let heard = Heard {
        at: Wall::from_millis(id.div_euclid(IN_A_MS)),
        source,
        from,
        via: address(text(5)?),
        asset: text(6)?.parse().ok(),
        host: text(7)?,
        facility: r.get(8)?,
        severity: r.get(9)?,
        tag: text(10)?,
        text: text(11)?,
        count: r.get(12)?,
    };
    Ok(Some(EventRow { id, agent, received: Wall::from_millis(r.get(2)?), heard }))
}
