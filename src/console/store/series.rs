//! Samples: chunks of closed hours, and the journal for the hour that is open, read when somebody asks. Hours are
//! closed a few minutes after their end, one probe at a time and in bounded passes, so that the memory this takes
//! does not grow with the number of devices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::Store;
use super::chunk::{Window, decode, encode, series_of};
use super::days::{Day, Layout, Sort};
use super::db::{self, sql};
use super::live::Shared;
use super::roll;
use super::types::{SeriesKey, StoreError};
use super::writer::Writer;
use crate::model::wire::Samples;
use crate::model::{AgentId, Now, Wall};

pub(super) use super::chunk::points;

const HOUR_MS: i64 = 3_600_000;
/// An hour is closed so long after its end: agents deliver within seconds, unless they were cut off.
const CLOSE_AFTER: Duration = Duration::from_secs(300);
/// How often it is looked for hours to close.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Windows held in memory while an hour is closed: about 10 MB.
const PASS_WINDOWS: u64 = 100_000;
/// Journal rows closed in one transaction; a row is one record of at most 500 rows.
const PASS_ROWS: usize = 4_000;
/// Unpacked size of a journal row at most: a record fits into a batch of 1 MiB.
const MAX_BODY: usize = 4 << 20;
/// How far back the newest values are looked for at start.
const WARM: Duration = Duration::from_secs(600);
/// Newest values older than that are forgotten.
const LATEST_LIFE: Duration = Duration::from_secs(86_400);

/// Unpacks a journal row.
fn unpack(body: &[u8]) -> Result<Samples, StoreError> {
    parse(&plain(body)?)
}

fn failed(detail: impl std::fmt::Display) -> StoreError {
    StoreError::Sql { what: "read a journal row", detail: detail.to_string() }
}

fn plain(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::decompress(body, MAX_BODY).map_err(failed)
}

fn parse(json: &[u8]) -> Result<Samples, StoreError> {
    serde_json::from_slice(json).map_err(failed)
}

/// Fills the cache of newest values from the last minutes of the journal.
pub(super) fn warm(shared: &Shared, now: Wall) {
    let from = now.minus(WARM);
    let mut days = vec![shared.layout.day(from), shared.layout.day(now)];
    days.dedup();
    for day in days {
        let path = shared.layout.path(Sort::Raw, day);
        if !path.exists() {
            continue;
        }
        let read = db::open_reader(&path).and_then(|conn| {
            each_journal(&conn, from.millis(), now.millis(), None, None, |row| {
                let agent = row.agent.parse().ok();
                if let (Some(agent), Ok(samples)) = (agent, unpack(&row.body)) {
                    shared.latest_mut().put(&agent, Wall::from_millis(row.ended), &samples);
                }
                Ok(())
            })
        });
        if let Err(error) = read {
            tracing::warn!(%error, file = %path.display(), "the newest values come with the next samples");
        }
    }
}

/// A row of the journal.
struct Journal {
    agent: String,
    ended: i64,
    skew_ms: i64,
    body: Vec<u8>,
}

fn each_journal(
    conn: &Connection,
    from: i64,
    to: i64,
    agent: Option<&str>,
    probe: Option<&str>,
    mut each: impl FnMut(Journal) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = sql("read the journal of samples");
    let mut query = conn
        .prepare_cached(
            "SELECT agent, ended, skew_ms, body FROM journal
             WHERE began >= ?1 AND began < ?2 AND (?3 IS NULL OR agent = ?3) AND (?4 IS NULL OR probe = ?4) ORDER BY began",
        )
        .map_err(&failed)?;
    let mut rows = query.query(params![from, to, agent, probe]).map_err(&failed)?;
    while let Some(r) = rows.next().map_err(&failed)? {
        let read = || -> rusqlite::Result<Journal> {
            Ok(Journal { agent: r.get(0)?, ended: r.get(1)?, skew_ms: r.get(2)?, body: r.get(3)? })
        };
        each(read().map_err(&failed)?)?;
    }
    Ok(())
}

/// Calls `each` with the begin and the record of every journal row in a span whose text holds `part`.
pub(super) fn each_record(
    conn: &Connection,
    (from, to): (i64, i64),
    part: &str,
    mut each: impl FnMut(i64, &Samples),
) -> Result<(), StoreError> {
    each_journal(conn, from, to, None, None, |row| {
        let json = plain(&row.body)?;
        if std::str::from_utf8(&json).is_ok_and(|text| text.contains(part)) {
            let samples = parse(&json)?;
            each(samples.from.millis().saturating_add(row.skew_ms), &samples);
        }
        Ok(())
    })
}

/// Who said what a sample holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) agent: &'a str,
    pub(super) probe: &'a str,
    pub(super) kind: &'a str,
}

/// Calls `each` with who said it, field and window of every sample of some fields of an object, in chunks or in the
/// journal, that touches a span. `key.field` is not looked at.
pub(super) fn each_sample(
    conn: &Connection,
    key: &SeriesKey,
    fields: &[&str],
    span: (i64, i64),
    mut each: impl FnMut(By<'_>, &str, &Window),
) -> Result<(), StoreError> {
    read_chunks(conn, key, fields, span, &mut each)?;
    read_journal(conn, key, fields, span, &mut each)
}

fn read_chunks(
    conn: &Connection,
    key: &SeriesKey,
    fields: &[&str],
    (from, to): (i64, i64),
    each: &mut impl FnMut(By<'_>, &str, &Window),
) -> Result<(), StoreError> {
    let failed = sql("read chunks of samples");
    let mut query = conn
        .prepare_cached(
            "SELECT s.agent, s.probe, s.kind, c.body FROM series s JOIN chunk c ON c.series = s.id
             WHERE s.object = ?1 AND s.field = ?2 AND s.instance = ?3 AND (?4 IS NULL OR s.agent = ?4) AND (?5 IS NULL OR s.probe = ?5)
               AND c.t1 >= ?6 AND c.t0 < ?7 ORDER BY c.t0",
        )
        .map_err(&failed)?;
    let agent = key.agent.as_ref().map(AgentId::as_str);
    let probe = key.probe.as_ref().map(|probe| probe.as_str());
    let object = key.object.to_string();
    for field in fields {
        let mut rows = query.query(params![object, field, key.instance, agent, probe, from, to]).map_err(&failed)?;
        while let Some(r) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<(String, String, String, Vec<u8>)> {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            };
            let (agent, probe, kind, body) = read().map_err(&failed)?;
            for window in decode(&body)? {
                each(By { agent: &agent, probe: &probe, kind: &kind }, field, &window);
            }
        }
    }
    Ok(())
}

fn read_journal(
    conn: &Connection,
    key: &SeriesKey,
    fields: &[&str],
    (from, to): (i64, i64),
    each: &mut impl FnMut(By<'_>, &str, &Window),
) -> Result<(), StoreError> {
    let agent = key.agent.as_ref().map(AgentId::as_str);
    let probe = key.probe.as_ref().map(|probe| probe.as_str());
    // The open hour of a large network is hundreds of megabytes of text, nearly all of it about others: looking
    // for the name is several times faster than reading everything.
    let name = serde_json::Value::from(key.object.to_string()).to_string();
    each_journal(conn, from, to, agent, probe, |row| {
        let json = plain(&row.body)?;
        if !std::str::from_utf8(&json).is_ok_and(|text| text.contains(&name)) {
            return Ok(());
        }
        let samples = parse(&json)?;
        for sample in samples.rows.iter().filter(|r| r.object == key.object && *r.instance == *key.instance) {
            for (field, summary) in series_of(sample).filter(|(field, _)| fields.contains(field)) {
                let window = window(&samples, row.skew_ms, summary.into_owned());
                each(By { agent: &row.agent, probe: samples.probe.as_str(), kind: &samples.kind }, field, &window);
            }
        }
        Ok(())
    })
}

fn window(samples: &Samples, skew_ms: i64, summary: crate::model::Summary) -> Window {
    let at = |wall: Wall| wall.millis().saturating_add(skew_ms);
    Window { from: at(samples.from), to: at(samples.to), summary }
}

/// Closes hours and retires days, when it is time.
pub(super) async fn maintain(store: &Store, now: Now) {
    {
        let mut next = store.shared.close_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if now.mono < *next {
            return;
        }
        *next = now.mono.plus(LOOK_EVERY);
    }
    let Ok(permit) = store.shared.closing.clone().try_acquire_owned() else { return };
    // Takes seconds on a large network: the tick does not wait for it.
    let store = store.clone();
    tokio::spawn(async move {
        let _permit = permit;
        store.shared.latest_mut().prune(now.wall.minus(LATEST_LIFE), |_| false);
        let (_, inventory) = store.inventory();
        store.shared.strips_mut().prune(|link| inventory.links.contains_key(link));
        if let Err(error) = close_hours(&store, now.wall.minus(CLOSE_AFTER)).await {
            tracing::warn!(%error, "hours stay in the journal until the next try");
        }
        if let Err(error) = roll::roll_up(&store).await {
            tracing::warn!(%error, "hours are rolled up at the next try");
        }
        if let Err(error) = super::retention::daily(&store, now.wall).await {
            tracing::warn!(%error, "retention tries again in a minute");
        }
    });
}

/// Turns all journal rows of hours that ended before `now` into chunks.
pub(super) async fn close_hours(store: &Store, now: Wall) -> Result<(), StoreError> {
    let cutoff = now.millis().div_euclid(HOUR_MS) * HOUR_MS;
    for day in store.shared.layout.held(Sort::Raw) {
        let shared = store.shared.clone();
        let due = blocking(move || due(&shared.layout, day, cutoff)).await?;
        for (hour, probe) in due {
            while close_some(store, day, hour, &probe).await? {}
            store.shared.count(|stats| stats.hours_closed += 1);
        }
    }
    Ok(())
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Sql { what: "close an hour", detail: error.to_string() }))
}

/// Hours and probes of a day that still stand in the journal.
fn due(layout: &Layout, day: Day, cutoff: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let conn = db::open_reader(&layout.path(Sort::Raw, day))?;
    conn.prepare("SELECT DISTINCT began / ?2, probe FROM journal WHERE began < ?1")
        .and_then(|mut q| q.query_map(params![cutoff, HOUR_MS], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(sql("look for hours to close"))
}

/// A series that was packed.
struct Packed {
    object: String,
    instance: Arc<str>,
    agent: String,
    field: String,
    kind: Arc<str>,
    t0: i64,
    t1: i64,
    n: usize,
    body: Vec<u8>,
}

struct Closed {
    rows: Vec<(String, String, i64)>,
    series: Vec<Packed>,
    more: bool,
}

async fn close_some(store: &Store, day: Day, hour: i64, probe: &str) -> Result<bool, StoreError> {
    let shared = store.shared.clone();
    let (layout, name) = (shared.layout.clone(), probe.to_owned());
    let closed = blocking(move || pack(&layout, day, hour, &name)).await?;
    let (more, probe) = (closed.more, probe.to_owned());
    if closed.rows.is_empty() {
        return Ok(false);
    }
    let written = store.queue.ask(move |writer| write(writer, day, &probe, closed)).await?;
    Ok(more && written)
}

/// Packs some rows of an hour of a probe: all of them unless there are very many.
fn pack(layout: &Layout, day: Day, hour: i64, probe: &str) -> Result<Closed, StoreError> {
    let conn = db::open_reader(&layout.path(Sort::Raw, day))?;
    let failed = sql("close an hour");
    let (from, to) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
    let mut rows: Vec<(String, String, i64, i64)> = conn
        .prepare("SELECT agent, epoch, seq, points FROM journal WHERE began >= ?1 AND began < ?2 AND probe = ?3 ORDER BY agent, epoch, seq LIMIT ?4")
        .and_then(|mut q| {
            q.query_map(params![from, to, probe, PASS_ROWS as i64 + 1], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?
            .collect()
        })
        .map_err(&failed)?;
    let more = rows.len() > PASS_ROWS;
    rows.truncate(PASS_ROWS);
    let total: u64 = rows.iter().map(|row| row.3.unsigned_abs()).sum();
    let passes = total / PASS_WINDOWS + 1;
    let mut series = Vec::new();
    let mut body = conn
        .prepare("SELECT body, skew_ms FROM journal WHERE agent = ?1 AND epoch = ?2 AND seq = ?3")
        .map_err(&failed)?;
    for pass in 0..passes {
        type Key = (String, Arc<str>, String, String);
        let mut found: BTreeMap<Key, (Arc<str>, Vec<Window>)> = BTreeMap::new();
        for (agent, epoch, seq, _) in &rows {
            let (packed, skew_ms): (Vec<u8>, i64) =
                body.query_row(params![agent, epoch, seq], |r| Ok((r.get(0)?, r.get(1)?))).map_err(&failed)?;
            let samples = match unpack(&packed) {
                Ok(samples) => samples,
                Err(error) => {
                    // One bad row must not keep all others in the journal for ever.
                    tracing::warn!(%error, agent, seq, "a journal row is lost");
                    continue;
                }
            };
            for row in &samples.rows {
                let object = row.object.to_string();
                if share(&object) % passes != pass {
                    continue;
                }
                for (field, summary) in series_of(row) {
                    let key = (object.clone(), row.instance.clone(), agent.clone(), field.to_owned());
                    let (_, windows) = found.entry(key).or_insert_with(|| (samples.kind.clone(), Vec::new()));
                    windows.push(window(&samples, skew_ms, summary.into_owned()));
                }
            }
        }
        for ((object, instance, agent, field), (kind, mut windows)) in found {
            windows.sort_by_key(|window| window.from);
            let (Some(t0), Some(t1)) = (windows.first().map(|w| w.from), windows.last().map(|w| w.to)) else {
                continue;
            };
            let (n, body) = (windows.len(), encode(&windows)?);
            series.push(Packed { object, instance, agent, field, kind, t0, t1, n, body });
        }
    }
    let rows = rows.into_iter().map(|(agent, epoch, seq, _)| (agent, epoch, seq)).collect();
    Ok(Closed { rows, series, more })
}

/// Spreads objects over passes (FNV-1a).
fn share(object: &str) -> u64 {
    object.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Stores chunks and takes their rows out of the journal, in one transaction. Rows beyond their watermark (a
/// crash came between two files of a batch) stay until they are sent again, or they would count twice.
fn write(writer: &mut Writer, day: Day, probe: &str, closed: Closed) -> Result<bool, StoreError> {
    let beyond = |(agent, epoch, seq): &(String, String, i64)| {
        let agent = AgentId::new(agent).ok();
        let mark = agent.and_then(|agent| writer.memory.marks.get(&(agent, Arc::from(epoch.as_str()))).copied());
        mark.is_none_or(|mark| seq.unsigned_abs() > mark)
    };
    if closed.rows.iter().any(beyond) {
        return Ok(false);
    }
    let now = writer.now();
    let hours: BTreeSet<i64> = closed.series.iter().map(|series| series.t0.div_euclid(HOUR_MS)).collect();
    writer.rows += closed.series.len() + closed.rows.len();
    let conn = writer.days.file(Sort::Raw, day, now)?;
    let failed = sql("store the chunks of an hour");
    let mut insert = conn
        .prepare_cached("INSERT INTO series (object, instance, agent, probe, kind, field) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET kind = excluded.kind RETURNING id")
        .map_err(&failed)?;
    let mut chunk = conn
        .prepare_cached(
            "INSERT INTO chunk (series, t0, part, t1, n, body) VALUES (?1, ?2,
                (SELECT coalesce(max(part) + 1, 0) FROM chunk WHERE series = ?1 AND t0 = ?2), ?3, ?4, ?5)",
        )
        .map_err(&failed)?;
    for s in closed.series {
        let id: i64 = insert
            .query_row(params![s.object, s.instance, s.agent, probe, s.kind, s.field], |r| r.get(0))
            .map_err(&failed)?;
        chunk.execute(params![id, s.t0, s.t1, s.n as i64, s.body]).map_err(&failed)?;
    }
    for hour in hours {
        roll::mark(conn, hour, probe)?;
    }
    let mut delete =
        conn.prepare_cached("DELETE FROM journal WHERE agent = ?1 AND epoch = ?2 AND seq = ?3").map_err(&failed)?;
    for (agent, epoch, seq) in closed.rows {
        delete.execute(params![agent, epoch, seq]).map_err(&failed)?;
    }
    Ok(true)
}
