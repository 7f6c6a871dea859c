//! One spool database: records of three streams with their sequences, rule state, an epoch.
//!
//! Every change is one transaction. A record leaves it by acknowledgement or by a cap; what a cap took, a
//! `gap` row stands for, and any other hole (there should be none) is told as `not_held`. It decides nothing
//! about failing disks: see `store`.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use crate::model::Wall;
use crate::model::wire::{Batch, Envelope, Gap, Stream, WIRE_VERSION};

use super::SavedState;
use super::row::{Row, unpack};

/// Version of the file; a newer one is set aside, there is no older one yet.
const SCHEMA: i64 = 1;
/// Counted for each row beside its body: columns, index entry, page overhead.
const ROW_OVERHEAD: u64 = 64;
/// Counted for each record of a batch beside its body: sequence, time, kind, braces.
const ENVELOPE_OVERHEAD: usize = 96;
/// Counted for a gap in a batch: its body is made only then.
const GAP_RAW: usize = 128;
/// How long a process before this one may take to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// The WAL is cut back to this after a checkpoint.
const WAL_LIMIT: i64 = 4 << 20;
/// Most refused records kept for a person to look at.
const MAX_DEAD: i64 = 1_000;
/// A cap drops down to this share of itself, so that it does not bite at every append.
const CAP_LOW: f64 = 0.95;

const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE stream (id INTEGER PRIMARY KEY, next INTEGER NOT NULL, acked INTEGER NOT NULL);
    CREATE TABLE record (stream INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
        body BLOB NOT NULL, packed INTEGER NOT NULL, raw INTEGER NOT NULL, PRIMARY KEY (stream, seq));
    CREATE TABLE saved (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE dead (stream INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
        body BLOB NOT NULL, packed INTEGER NOT NULL);
    INSERT INTO stream (id, next, acked) VALUES (0, 1, 0), (1, 1, 0), (2, 1, 0);
";

/// Why a database cannot be opened or used.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another process has it.
    Held,
    /// What is in the file is no spool that this build can read.
    Unreadable(String),
    /// The disk or file system does not let us.
    Disk(String),
    /// SQLite objects to what we do: while opening, the file is not ours; later, a fault of this program.
    Odd(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Unreadable(text),
            Some(ErrorCode::Unknown | ErrorCode::TypeMismatch) | None => Self::Odd(text),
            Some(_) => Self::Disk(text),
        }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Sequence of the next record.
    pub(super) next: u64,
    /// Everything up to here was delivered.
    pub(super) acked: u64,
    /// Records held, gaps not counted.
    pub(super) records: u64,
    /// Bytes of them.
    pub(super) bytes: u64,
    /// The last sequence that this process offered; what an earlier one sent is offered again.
    pub(super) sent: u64,
}

impl Head {
    const fn forget(&mut self, records: u64, bytes: u64) {
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes + records * ROW_OVERHEAD);
    }
}

/// Why records were given up, in the words of `Gap::cause`.
#[derive(Debug, Clone, Copy)]
pub(super) enum GapCause {
    CapBytes,
    CapAge,
    NotHeld,
    Refused,
}

impl GapCause {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::CapBytes => "cap_bytes",
            Self::CapAge => "cap_age",
            Self::NotHeld => "not_held",
            Self::Refused => "refused",
        }
    }
}

/// An open database.
pub(super) struct Db {
    conn: Connection,
    epoch: Arc<str>,
    heads: [Head; 3],
    full_sync: bool,
}

impl Db {
    /// Opens or creates the file.
    pub(super) fn open(path: &Path, epoch: Arc<str>) -> Result<Self, Fault> {
        Self::open_as_is(path, epoch).map_err(|fault| match fault {
            Fault::Odd(why) => Fault::Unreadable(why),
            other => other,
        })
    }

    fn open_as_is(path: &Path, epoch: Arc<str>) -> Result<Self, Fault> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| Fault::Disk(e.to_string()))?;
        Self::start(Connection::open(path)?, epoch)
    }

    /// A database in memory, for when there is no disk.
    pub(super) fn memory(epoch: Arc<str>) -> Result<Self, Fault> {
        Self::start(Connection::open_in_memory()?, epoch)
    }

    fn start(conn: Connection, epoch: Arc<str>) -> Result<Self, Fault> {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        let _mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
        conn.pragma_update(None, "synchronous", "NORMAL")?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        let _limit: i64 = conn.query_row(&format!("PRAGMA journal_size_limit = {WAL_LIMIT}"), [], |r| r.get(0))?;
        let mut db = Self { conn, epoch, heads: [Head::default(); 3], full_sync: false };
        let version: i64 = db.conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        match version {
            0 => db.create()?,
            SCHEMA => db.load()?,
            newer => return Err(Fault::Unreadable(format!("it has version {newer}, this build reads {SCHEMA}"))),
        }
        Ok(db)
    }

    fn create(&mut self) -> Result<(), Fault> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(TABLES)?;
        tx.execute("INSERT INTO meta (key, value) VALUES ('epoch', ?1)", [&*self.epoch])?;
        tx.pragma_update(None, "user_version", SCHEMA)?;
        tx.commit()?;
        self.heads = [Head { next: 1, ..Head::default() }; 3];
        Ok(())
    }

    fn load(&mut self) -> Result<(), Fault> {
        let verdict: String = self.conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        if verdict != "ok" {
            return Err(Fault::Unreadable(verdict));
        }
        let epoch: String = self.conn.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |r| r.get(0))?;
        self.epoch = epoch.into();
        for stream in Stream::ALL {
            let id = stream as usize;
            let (next, acked) = self.conn.query_row("SELECT next, acked FROM stream WHERE id = ?1", [id], |r| {
                Ok((r.get::<_, u64>(0)?, r.get::<_, u64>(1)?))
            })?;
            let newest: Option<u64> =
                self.conn.query_row("SELECT max(seq) FROM record WHERE stream = ?1", [id], |r| r.get(0))?;
            if next <= acked || newest.is_some_and(|newest| newest >= next) {
                return Err(Fault::Unreadable(format!("its {} sequence contradicts itself", stream.as_str())));
            }
            self.heads[id] = Head { next, acked, ..Head::default() };
            self.recount(id)?;
        }
        Ok(())
    }

    fn recount(&mut self, id: usize) -> Result<(), Fault> {
        let (records, bytes): (u64, u64) = self.conn.query_row(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record WHERE stream = ?1 AND kind <> 'gap' AND seq > ?2",
            params![id, self.heads[id].acked],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        self.heads[id].records = records;
        self.heads[id].bytes = bytes + records * ROW_OVERHEAD;
        Ok(())
    }

    /// The life of the sequences.
    pub(super) const fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// State of a stream.
    pub(super) const fn head(&self, stream: Stream) -> Head {
        self.heads[stream as usize]
    }

    /// Records up to `seq` were offered to the console.
    pub(super) fn note_sent(&mut self, stream: Stream, seq: u64) {
        let head = &mut self.heads[stream as usize];
        head.sent = head.sent.max(seq);
    }

    /// Bytes held in all streams.
    pub(super) fn bytes(&self) -> u64 {
        self.heads.iter().map(|h| h.bytes).sum()
    }

    /// Whether anything waits in a stream, gaps included.
    pub(super) fn has_more(&self, stream: Stream) -> bool {
        let head = self.head(stream);
        head.next > head.acked.saturating_add(1)
    }

    fn sync_full(&mut self, full: bool) -> rusqlite::Result<()> {
        if self.full_sync != full {
            self.conn.pragma_update(None, "synchronous", if full { "FULL" } else { "NORMAL" })?;
            self.full_sync = full;
        }
        Ok(())
    }

    /// Adds records and rule state, all or nothing. With an event among them it is on the platter afterwards;
    /// samples may lose their last seconds to a power cut, never to a killed process.
    pub(super) fn append(&mut self, rows: &[Row], saved: &[SavedState]) -> Result<(), Fault> {
        self.sync_full(rows.iter().any(|row| row.stream != Stream::Sample))?;
        let mut heads = self.heads;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT INTO record (stream, seq, at, kind, body, packed, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for row in rows {
                let id = row.stream as usize;
                let head = &mut heads[id];
                insert.execute(params![id, head.next, row.at.millis(), row.kind, row.body, row.packed, row.raw])?;
                head.next += 1;
                if row.kind != "gap" {
                    head.records += 1;
                    head.bytes += row.body.len() as u64 + ROW_OVERHEAD;
                }
            }
            let mut next = tx.prepare_cached("UPDATE stream SET next = ?2 WHERE id = ?1")?;
            for (id, (old, new)) in self.heads.iter().zip(&heads).enumerate() {
                if old.next != new.next {
                    next.execute(params![id, new.next])?;
                }
            }
            let mut put = tx.prepare_cached("INSERT OR REPLACE INTO saved (key, body) VALUES (?1, ?2)")?;
            let mut forget = tx.prepare_cached("DELETE FROM saved WHERE key = ?1")?;
            for state in saved {
                match &state.body {
                    Some(body) => put.execute(params![state.key, body.to_string()])?,
                    None => forget.execute(params![state.key])?,
                };
            }
        }
        tx.commit()?;
        self.heads = heads;
        Ok(())
    }

    /// All rule state; an unreadable value is left out.
    pub(super) fn saved(&self) -> Result<Vec<(String, serde_json::Value)>, Fault> {
        let mut select = self.conn.prepare("SELECT key, body FROM saved ORDER BY key")?;
        let rows = select.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
        let mut all = Vec::new();
        for row in rows {
            let (key, body) = row?;
            if let Ok(body) = serde_json::from_str(&body) {
                all.push((key, body));
            }
        }
        Ok(all)
    }

    /// The oldest records that were not delivered, up to `upto`; at least one however large it is.
    pub(super) fn next_batch(
        &self,
        stream: Stream,
        max_records: usize,
        max_bytes: usize,
        upto: u64,
        now: Wall,
    ) -> Result<Option<Batch>, Fault> {
        let head = self.head(stream);
        let upto = upto.min(head.next.saturating_sub(1));
        let mut select = self.conn.prepare_cached(
            "SELECT seq, at, kind, body, packed, raw FROM record WHERE stream = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
        )?;
        let mut rows = select.query(params![stream as usize, head.acked, upto])?;
        let mut records: Vec<Envelope> = Vec::new();
        let mut due = head.acked + 1;
        let mut bytes = 0usize;
        while let Some(row) = rows.next()? {
            let (seq, at): (u64, i64) = (row.get(0)?, row.get(1)?);
            let raw: usize = row.get(5)?;
            bytes = bytes.saturating_add(raw + ENVELOPE_OVERHEAD);
            // Two, because a hole before the record becomes a record too.
            if !records.is_empty() && (records.len() + 2 > max_records || bytes > max_bytes) {
                break;
            }
            let at = Wall::from_millis(at);
            let kind: String = row.get(2)?;
            let body = row.get_ref(3)?.as_bytes().map_err(rusqlite::Error::from)?;
            if kind == "gap" {
                let cause = String::from_utf8_lossy(body).into_owned();
                records.push(gap(due, seq, cause, at));
            } else {
                if seq > due {
                    records.push(gap(due, seq - 1, GapCause::NotHeld.as_str().to_owned(), at));
                }
                records.push(match unpack(body, row.get(4)?, raw) {
                    Some(body) => Envelope { seq, at, kind, body },
                    None => gap(seq, seq, GapCause::NotHeld.as_str().to_owned(), at),
                });
            }
            due = seq + 1;
        }
        if records.is_empty() && upto > head.acked {
            records.push(gap(due, upto, GapCause::NotHeld.as_str().to_owned(), now));
            due = upto + 1;
        }
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some(Batch {
            v: WIRE_VERSION,
            stream,
            epoch: self.epoch.clone(),
            first_seq: head.acked + 1,
            last_seq: due - 1,
            sent_at: now,
            records,
        }))
    }

    /// Everything up to `seq` was delivered. In memory this holds even if the file cannot be written; then the
    /// console sees some records twice after a crash, and knows them.
    pub(super) fn acked(&mut self, stream: Stream, seq: u64) -> Result<(), Fault> {
        let id = stream as usize;
        if seq <= self.heads[id].acked {
            return Ok(());
        }
        let seq = seq.min(self.heads[id].next - 1);
        self.heads[id].acked = seq;
        self.sync_full(false)?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (records, bytes) = remove_upto(&tx, id, seq)?;
        tx.prepare_cached("UPDATE stream SET acked = ?2 WHERE id = ?1")?.execute(params![id, seq])?;
        tx.commit()?;
        self.heads[id].forget(records, bytes);
        Ok(())
    }

    /// The console wants records again from `expected`: those that are gone become a gap.
    pub(super) fn rewind(&mut self, stream: Stream, expected: u64, now: Wall) -> Result<(), Fault> {
        let id = stream as usize;
        let head = self.heads[id];
        let before = expected.max(1) - 1;
        if before >= head.acked {
            return self.acked(stream, before);
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        put_gap(&tx, id, head.acked, GapCause::NotHeld, now)?;
        tx.execute("UPDATE stream SET acked = ?2 WHERE id = ?1", params![id, before])?;
        tx.commit()?;
        self.heads[id].acked = before;
        Ok(())
    }

    /// Puts malformed records aside; a gap stands for each.
    pub(super) fn refuse(&mut self, stream: Stream, seqs: &[u64], now: Wall) -> Result<u64, Fault> {
        let id = stream as usize;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut moved = 0;
        for seq in seqs {
            let held = tx.execute(
                "INSERT INTO dead (stream, seq, at, kind, body, packed)
                 SELECT stream, seq, at, kind, body, packed FROM record WHERE stream = ?1 AND seq = ?2 AND kind <> 'gap'",
                params![id, seq],
            )?;
            if held > 0 {
                put_gap(&tx, id, *seq, GapCause::Refused, now)?;
                moved += 1;
            }
        }
        tx.execute("DELETE FROM dead WHERE rowid <= (SELECT max(rowid) FROM dead) - ?1", params![MAX_DEAD])?;
        tx.commit()?;
        self.recount(id)?;
        Ok(moved)
    }

    /// Begins a new life of all sequences with what is still held: the console knows more of the old one than
    /// this file does, which happens when an old copy of it was put back.
    pub(super) fn new_epoch(&mut self, epoch: Arc<str>) -> Result<(), Fault> {
        self.sync_full(true)?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut heads = self.heads;
        for (id, head) in heads.iter_mut().enumerate() {
            tx.execute("DELETE FROM record WHERE stream = ?1 AND seq <= ?2", params![id, head.acked])?;
            // By way of negative numbers, so that no two rows ever share a sequence.
            tx.execute("UPDATE record SET seq = ?2 - seq WHERE stream = ?1", params![id, head.acked])?;
            tx.execute("UPDATE record SET seq = -seq WHERE stream = ?1", params![id])?;
            head.next -= head.acked;
            head.acked = 0;
            head.sent = 0;
            tx.execute("UPDATE stream SET next = ?2, acked = 0 WHERE id = ?1", params![id, head.next])?;
        }
        tx.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [&*epoch])?;
        tx.commit()?;
        self.heads = heads;
        self.epoch = epoch;
        Ok(())
    }

    /// Drops the oldest samples, then bulk, then events, until no more than `max_bytes` are held.
    pub(super) fn shrink(&mut self, max_bytes: u64, now: Wall) -> Result<u64, Fault> {
        const ORDER: [Stream; 3] = [Stream::Sample, Stream::Bulk, Stream::Event];
        let mut dropped = 0;
        if self.bytes() <= max_bytes {
            return Ok(0);
        }
        let low = (max_bytes as f64 * CAP_LOW) as u64;
        for stream in ORDER {
            let excess = self.bytes().saturating_sub(low);
            if excess == 0 {
                break;
            }
            let mut freed = 0;
            let cut = self.prefix(stream, |_, bytes| {
                let more = freed < excess;
                freed += bytes;
                more
            })?;
            dropped += self.drop_upto(stream, cut, GapCause::CapBytes, now)?;
        }
        Ok(dropped)
    }

    /// Drops what is older than `limit`, as far as it stands at the old end.
    pub(super) fn expire(&mut self, limit: Wall, unset: Wall, now: Wall) -> Result<u64, Fault> {
        let mut dropped = 0;
        for stream in Stream::ALL {
            let cut = self.prefix(stream, |at, _| at < limit && at > unset)?;
            dropped += self.drop_upto(stream, cut, GapCause::CapAge, now)?;
        }
        Ok(dropped)
    }

    /// The last sequence of the oldest records that all satisfy `give_up(at, bytes)`.
    fn prefix(&self, stream: Stream, mut give_up: impl FnMut(Wall, u64) -> bool) -> Result<Option<u64>, Fault> {
        let mut select = self.conn.prepare_cached(
            "SELECT seq, at, length(body) FROM record WHERE stream = ?1 AND seq > ?2 AND kind <> 'gap' ORDER BY seq",
        )?;
        let mut rows = select.query(params![stream as usize, self.head(stream).acked])?;
        let mut cut = None;
        while let Some(row) = rows.next()? {
            let bytes: u64 = row.get(2)?;
            if !give_up(Wall::from_millis(row.get(1)?), bytes + ROW_OVERHEAD) {
                break;
            }
            cut = Some(row.get(0)?);
        }
        Ok(cut)
    }

    fn drop_upto(&mut self, stream: Stream, cut: Option<u64>, cause: GapCause, now: Wall) -> Result<u64, Fault> {
        let Some(cut) = cut else { return Ok(0) };
        let id = stream as usize;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (records, bytes) = remove_upto(&tx, id, cut)?;
        put_gap(&tx, id, cut, cause, now)?;
        tx.commit()?;
        self.heads[id].forget(records, bytes);
        Ok(records)
    }

    /// Gives pages that nobody needs back to the file system.
    pub(super) fn tidy(&self) -> Result<(), Fault> {
        let mut vacuum = self.conn.prepare_cached("PRAGMA incremental_vacuum(1000)")?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {} // one page a step
        Ok(())
    }

    /// Takes out the records after `after` and all rule state, oldest first.
    pub(super) fn take_after(&mut self, after: [u64; 3]) -> Result<(Vec<Row>, Vec<SavedState>), Fault> {
        let saved = self.saved()?.into_iter().map(|(key, body)| SavedState { key, body: Some(body) }).collect();
        let mut rows = Vec::new();
        for stream in Stream::ALL {
            let mut select = self.conn.prepare_cached(
                "SELECT at, kind, body, packed, raw FROM record WHERE stream = ?1 AND seq > ?2 ORDER BY seq",
            )?;
            let found = select.query_map(params![stream as usize, after[stream as usize]], |r| {
                Ok(Row {
                    stream,
                    at: Wall::from_millis(r.get(0)?),
                    kind: r.get(1)?,
                    body: r.get(2)?,
                    packed: r.get(3)?,
                    raw: r.get(4)?,
                })
            })?;
            for row in found {
                rows.push(row?);
            }
        }
        Ok((rows, saved))
    }

    /// Removes the records after `after` and all rule state.
    pub(super) fn cut_after(&mut self, after: [u64; 3]) -> Result<(), Fault> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (id, after) in after.iter().enumerate() {
            tx.execute("DELETE FROM record WHERE stream = ?1 AND seq > ?2", params![id, after])?;
            tx.execute("UPDATE stream SET next = ?2 WHERE id = ?1", params![id, after + 1])?;
        }
        tx.execute("DELETE FROM saved", [])?;
        tx.commit()?;
        for (id, after) in after.iter().enumerate() {
            self.heads[id].next = after + 1;
            self.recount(id)?;
        }
        Ok(())
    }

    /// How many refused records are kept.
    pub(super) fn dead(&self) -> Result<u64, Fault> {
        Ok(self.conn.query_row("SELECT count(*) FROM dead", [], |r| r.get(0)).optional()?.unwrap_or(0))
    }

    /// The connection, for tests that break things.
    #[cfg(test)]
    pub(super) const fn conn(&self) -> &Connection {
        &self.conn
    }
}

fn gap(from: u64, to: u64, cause: String, at: Wall) -> Envelope {
    let body = serde_json::json!(Gap { from, to, cause });
    Envelope { seq: to, at, kind: "gap".to_owned(), body }
}

/// Removes the old end of a stream; how many records and bytes that were.
fn remove_upto(tx: &rusqlite::Transaction<'_>, id: usize, seq: u64) -> rusqlite::Result<(u64, u64)> {
    let counted = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record
             WHERE stream = ?1 AND seq <= ?2 AND kind <> 'gap'",
        )?
        .query_row(params![id, seq], |r| Ok((r.get(0)?, r.get(1)?)))?;
    tx.prepare_cached("DELETE FROM record WHERE stream = ?1 AND seq <= ?2")?.execute(params![id, seq])?;
    Ok(counted)
}

fn put_gap(tx: &rusqlite::Transaction<'_>, id: usize, seq: u64, cause: GapCause, now: Wall) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT OR REPLACE INTO record (stream, seq, at, kind, body, packed, raw) VALUES (?1, ?2, ?3, 'gap', ?4, 0, ?5)",
        params![id, seq, now.millis(), cause.as_str().as_bytes(), GAP_RAW],
    )?;
    Ok(())
}
