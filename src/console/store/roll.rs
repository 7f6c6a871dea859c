//! Roll-ups: what the samples of an hour come to, in windows of five minutes, an hour and a day. Windows are merged
//! and never averaged, so counts, sums, extremes and histograms over two years are those of the samples. An hour
//! is rolled once its chunks are stored, and again whenever late samples made another chunk; doing it twice
//! changes nothing, so a mark is taken away only after all of its hour is committed.

mod read;

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::chunk::{Window, decode, encode};
use super::days::{Day, Layout, Sort};
use super::db::{self, sql};
use super::types::StoreError;
use super::writer::Writer;
use crate::model::Wall;

pub(super) use read::{Of, Sources, windows};

/// The narrowest window.
pub(super) const FIVE_MINUTES: i64 = 300_000;
pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 86_400_000;
/// Series rolled in one transaction: a few milliseconds of the writer.
const PORTION: i64 = 200;
/// Rows of five minutes that go in one transaction.
const THIN_ROWS: i64 = 5_000;

/// Width of the windows of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Five,
    Hour,
    Day,
}

impl Step {
    /// As the column has it.
    const fn seconds(self) -> i64 {
        match self {
            Self::Five => 300,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// Windows that share a slot, as one. They are in order of time.
pub(super) fn merged(windows: Vec<Window>, slot: impl Fn(i64) -> i64) -> Vec<Window> {
    let mut all: Vec<(i64, Window)> = Vec::new();
    for window in windows {
        let at = slot(window.from);
        match all.last_mut() {
            Some((slot, last)) if *slot == at => {
                last.to = last.to.max(window.to);
                last.summary.merge(&window.summary);
            }
            _ => all.push((at, window)),
        }
    }
    all.into_iter().map(|(_, window)| window).collect()
}

/// Puts `fresh` in the place of whatever begins between two times.
fn replace(held: &mut Vec<Window>, from: i64, to: i64, fresh: Option<Window>) {
    held.retain(|window| window.from < from || window.from >= to);
    held.extend(fresh);
    held.sort_by_key(|window| window.from);
}

/// An hour of a day. Where midnight is not on the hour, two days share one.
#[derive(Debug, Clone, Copy)]
struct Span {
    day: Day,
    from: i64,
    to: i64,
    /// The day it is part of.
    day_from: i64,
    day_to: i64,
    month_from: i64,
}

impl Span {
    fn of(layout: &Layout, day: Day, hour: i64) -> Self {
        let day_from = layout.begins(day).millis();
        // Noon of the day after, whatever the clocks did: its day begins where this one ends.
        let day_to = layout.begins(layout.day(Wall::from_millis(day_from + DAY + DAY / 2))).millis();
        let month_from = layout.begins(day / 100 * 100 + 1).millis();
        let from = (hour * HOUR).max(day_from);
        Self { day, from, to: ((hour + 1) * HOUR).min(day_to), day_from, day_to, month_from }
    }
}

/// A series with the blocks that change.
struct Rolled {
    object: String,
    instance: String,
    agent: String,
    kind: String,
    field: String,
    /// Step, beginning of the block, packed windows.
    blocks: [(Step, i64, Vec<u8>); 3],
}

/// Rolls all hours that are marked, of all days.
pub(super) async fn roll_up(store: &Store) -> Result<(), StoreError> {
    for day in store.shared.layout.held(Sort::Raw) {
        let layout = store.shared.layout.clone();
        for (hour, probe) in blocking(move || due(&layout, day)).await? {
            let mut after = 0;
            loop {
                let (layout, name) = (store.shared.layout.clone(), probe.clone());
                let span = Span::of(&layout, day, hour);
                let (rolled, last) = blocking(move || pack(&layout, span, &name, after)).await?;
                if !rolled.is_empty() {
                    let name = probe.clone();
                    store.queue.ask(move |writer| write(writer, span, &name, rolled)).await?;
                }
                let Some(last) = last else { break };
                after = last;
            }
            store.queue.ask(move |writer| unmark(writer, day, hour, &probe)).await?;
        }
    }
    Ok(())
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Sql { what: "roll samples up", detail: error.to_string() }))
}

/// Whether a day's file says which of its hours are rolled; one that an older version closed does not.
fn marks(conn: &Connection) -> Result<bool, StoreError> {
    conn.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'roll_due'", [], |r| r.get(0))
        .map_err(sql("look for hours to roll up"))
}

fn due(layout: &Layout, day: Day) -> Result<Vec<(i64, String)>, StoreError> {
    let conn = db::open_reader(&layout.path(Sort::Raw, day))?;
    if !marks(&conn)? {
        return Ok(Vec::new());
    }
    conn.prepare("SELECT hour, probe FROM roll_due ORDER BY hour, probe")
        .and_then(|mut q| q.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("look for hours to roll up"))
}

/// One series of an hour as its chunks hold it.
struct Hour {
    id: i64,
    object: String,
    instance: String,
    agent: String,
    kind: String,
    field: String,
    windows: Vec<Window>,
}

/// Rolls some series of an hour of a probe, those after `after`; also the last one looked at, if there may be more.
fn pack(layout: &Layout, span: Span, probe: &str, after: i64) -> Result<(Vec<Rolled>, Option<i64>), StoreError> {
    let hours = chunks(layout, span, probe, after)?;
    let last = (hours.len() as i64 >= PORTION).then(|| hours.last().map(|hour| hour.id)).flatten();
    let path = layout.path(Sort::Roll, span.day / 100);
    let held = if path.exists() { Some(db::open_reader(&path)?) } else { None };
    let mut rolled = Vec::with_capacity(hours.len());
    // A series that said nothing in this hour stays as it is.
    for mut hour in hours.into_iter().filter(|hour| !hour.windows.is_empty()) {
        hour.windows.sort_by_key(|window| window.from);
        let five = merged(std::mem::take(&mut hour.windows), |from| from.div_euclid(FIVE_MINUTES));
        let mut of_day = Vec::new();
        let mut of_month = Vec::new();
        if let Some(conn) = &held {
            of_day = block(conn, Step::Hour, &hour, probe, span.day_from)?;
            of_month = block(conn, Step::Day, &hour, probe, span.month_from)?;
        }
        replace(&mut of_day, span.from, span.to, merged(five.clone(), |_| 0).pop());
        replace(&mut of_month, span.day_from, span.day_to, merged(of_day.clone(), |_| 0).pop());
        let blocks = [
            (Step::Five, span.from, encode(&five)?),
            (Step::Hour, span.day_from, encode(&of_day)?),
            (Step::Day, span.month_from, encode(&of_month)?),
        ];
        let Hour { object, instance, agent, kind, field, .. } = hour;
        rolled.push(Rolled { object, instance, agent, kind, field, blocks });
    }
    Ok((rolled, last))
}

/// The chunks of an hour by series, in order of their numbers.
fn chunks(layout: &Layout, span: Span, probe: &str, after: i64) -> Result<Vec<Hour>, StoreError> {
    let failed = sql("read the chunks of an hour");
    let conn = db::open_reader(&layout.path(Sort::Raw, span.day))?;
    let mut query = conn
        .prepare(
            "SELECT s.id, s.object, s.instance, s.agent, s.kind, s.field, c.body
             FROM (SELECT * FROM series WHERE probe = ?1 AND id > ?2 ORDER BY id LIMIT ?3) s
             LEFT JOIN chunk c ON c.series = s.id AND c.t0 >= ?4 AND c.t0 < ?5 ORDER BY s.id, c.t0, c.part",
        )
        .map_err(&failed)?;
    let mut rows = query.query(params![probe, after, PORTION, span.from, span.to]).map_err(&failed)?;
    let mut all: Vec<Hour> = Vec::new();
    while let Some(r) = rows.next().map_err(&failed)? {
        let mut read = || -> rusqlite::Result<Option<Vec<u8>>> {
            let id = r.get(0)?;
            if all.last().is_none_or(|hour| hour.id != id) {
                all.push(Hour {
                    id,
                    object: r.get(1)?,
                    instance: r.get(2)?,
                    agent: r.get(3)?,
                    kind: r.get(4)?,
                    field: r.get(5)?,
                    windows: Vec::new(),
                });
            }
            r.get(6)
        };
        if let (Some(body), Some(hour)) = (read().map_err(&failed)?, all.last_mut()) {
            hour.windows.extend(decode(&body)?);
        }
    }
    Ok(all)
}

/// A block as it is held; empty if there is none.
fn block(conn: &Connection, step: Step, of: &Hour, probe: &str, t0: i64) -> Result<Vec<Window>, StoreError> {
    let body: Option<Vec<u8>> = conn
        .prepare_cached(
            "SELECT r.body FROM series s JOIN roll r ON r.series = s.id AND r.step = ?6 AND r.t0 = ?7
             WHERE s.object = ?1 AND s.field = ?2 AND s.instance = ?3 AND s.agent = ?4 AND s.probe = ?5",
        )
        .and_then(|mut q| {
            let asked = params![of.object, of.field, of.instance, of.agent, probe, step.seconds(), t0];
            q.query_row(asked, |r| r.get(0)).optional()
        })
        .map_err(sql("read a roll-up"))?;
    body.map_or_else(|| Ok(Vec::new()), |body| decode(&body))
}

fn write(writer: &mut Writer, span: Span, probe: &str, rolled: Vec<Rolled>) -> Result<(), StoreError> {
    let now = writer.now();
    writer.rows += rolled.len();
    let conn = writer.days.file(Sort::Roll, span.day / 100, now)?;
    let failed = sql("store a roll-up");
    let mut series = conn
        .prepare_cached("INSERT INTO series (object, instance, agent, probe, kind, field) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET kind = excluded.kind RETURNING id")
        .map_err(&failed)?;
    let mut put = conn
        .prepare_cached("INSERT OR REPLACE INTO roll (step, series, t0, body) VALUES (?1, ?2, ?3, ?4)")
        .map_err(&failed)?;
    for r in rolled {
        let id: i64 = series
            .query_row(params![r.object, r.instance, r.agent, probe, r.kind, r.field], |row| row.get(0))
            .map_err(&failed)?;
        for (step, t0, body) in r.blocks {
            put.execute(params![step.seconds(), id, t0, body]).map_err(&failed)?;
        }
    }
    Ok(())
}

fn unmark(writer: &mut Writer, day: Day, hour: i64, probe: &str) -> Result<(), StoreError> {
    let now = writer.now();
    let conn = writer.days.file(Sort::Raw, day, now)?;
    conn.prepare_cached("DELETE FROM roll_due WHERE hour = ?1 AND probe = ?2")
        .and_then(|mut q| q.execute(params![hour, probe]))
        .map(drop)
        .map_err(sql("note that an hour is rolled up"))
}

/// Marks hours whose chunks changed; in the transaction that stores them.
pub(super) fn mark(conn: &Connection, hour: i64, probe: &str) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR IGNORE INTO roll_due (hour, probe) VALUES (?1, ?2)")
        .and_then(|mut q| q.execute(params![hour, probe]))
        .map(drop)
        .map_err(sql("mark an hour to roll up"))
}

/// Takes the five minutes out of months before `first`, a bounded part at a time, and gives their room back.
pub(super) async fn thin(store: &Store, first: Day) -> Result<(), StoreError> {
    for month in store.shared.layout.held(Sort::Roll).into_iter().filter(|month| *month < first) {
        let path = store.shared.layout.path(Sort::Roll, month);
        while blocking({
            let path = path.clone();
            move || has(&db::open_reader(&path)?, Step::Five)
        })
        .await?
        {
            store.queue.ask(move |writer| thin_some(writer, month)).await?;
        }
    }
    Ok(())
}

/// Whether a file has windows of that width.
fn has(conn: &Connection, step: Step) -> Result<bool, StoreError> {
    conn.query_row("SELECT EXISTS (SELECT 1 FROM roll WHERE step = ?1)", [step.seconds()], |r| r.get(0))
        .map_err(sql("look into a roll-up"))
}

fn thin_some(writer: &mut Writer, month: Day) -> Result<(), StoreError> {
    let now = writer.now();
    let conn = writer.days.file(Sort::Roll, month, now)?;
    conn.execute(
        "DELETE FROM roll WHERE (step, series, t0) IN (SELECT step, series, t0 FROM roll WHERE step = ?1 LIMIT ?2)",
        params![Step::Five.seconds(), THIN_ROWS],
    )
    .and_then(|_| conn.execute_batch("PRAGMA incremental_vacuum"))
    .map_err(sql("thin a roll-up"))
}

/// Names of series once, for maps of many.
#[derive(Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        let name: Arc<str> = Arc::from(text);
        self.0.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Summary;

    fn window(from: i64, value: f64) -> Window {
        let summary = Summary::many(&[value, value * 3.0]).unwrap();
        Window { from, to: from + 10_000, summary }
    }

    #[test]
    fn windows_of_a_slot_become_one_and_lose_nothing() {
        let windows: Vec<Window> = (0..90).map(|at| window(at * 10_000, at as f64 + 1.0)).collect();
        let five = merged(windows.clone(), |from| from.div_euclid(FIVE_MINUTES));
        assert_eq!(
            five.iter().map(|w| (w.from, w.to)).collect::<Vec<_>>(),
            [(0, 300_000), (300_000, 600_000), (600_000, 900_000)]
        );
        let (whole, twice) = (merged(windows, |_| 0), merged(five, |_| 0));
        assert_eq!(whole, twice);
        let s = &whole[0].summary;
        assert_eq!((s.n, s.min, s.max, s.sum), (180, 1.0, 270.0, 4.0 * (90.0 * 91.0) / 2.0));
        assert_eq!(s.histogram.as_ref().unwrap().count(), 180);
    }

    #[test]
    fn what_is_rolled_again_takes_the_place_of_what_was() {
        let mut held = vec![window(0, 1.0), window(HOUR + 5, 2.0), window(2 * HOUR, 3.0)];
        replace(&mut held, HOUR, 2 * HOUR, Some(window(HOUR, 9.0)));
        assert_eq!(held.iter().map(|w| w.summary.min).collect::<Vec<_>>(), [1.0, 9.0, 3.0]);
        replace(&mut held, HOUR, 2 * HOUR, None);
        assert_eq!(held.len(), 2);
    }

    #[test]
    fn an_hour_at_midnight_is_shared_where_midnight_is_not_on_the_hour() {
        let layout = Layout::new(std::path::Path::new("/nowhere"), "Asia/Kolkata").unwrap();
        let hour = Wall::parse("2026-03-03T18:00:00Z").unwrap().millis() / HOUR;
        let (a, b) = (Span::of(&layout, 20_260_303, hour), Span::of(&layout, 20_260_304, hour));
        assert_eq!((a.to - a.from, b.to - b.from), (HOUR / 2, HOUR / 2));
        assert_eq!((a.to, b.from), (b.day_from, a.day_to));
    }
}
