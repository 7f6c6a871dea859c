//! The spool's judgement: which database takes a record, what to do with a file that is damaged, full or
//! held. The disk comes first. While it fails, a small database in memory with an epoch of its own takes
//! the records, so that no sequence ever means two things; when the disk works again, what was not sent
//! yet moves there. Order within a stream is kept throughout.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::wire::{Batch, Stream};
use crate::model::{Mono, Wall};
use crate::net::clock::Clock;

use super::db::{Db, Fault};
use super::row::Row;
use super::{Caps, SavedState, SpoolError, Stats};

/// Most bytes kept in memory while the disk fails: half an hour of a thousand assets.
const MEMORY_BYTES: u64 = 8 << 20;
/// Pause between attempts to write to a failing disk.
const RETRY: Duration = Duration::from_secs(1);
/// Pause between looks at age and free pages.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// A wall time before this (2020) means that the clock was not set: such a record has no age.
const CLOCK_UNSET: i64 = 1_577_836_800_000;
/// Damaged files kept for a person to look at; older ones are deleted.
const MAX_SET_ASIDE: usize = 3;

struct Spare {
    db: Db,
    /// Per stream: everything up to here was sent at least once, so it stays under this epoch.
    offered: [u64; 3],
}

/// Disk, spare and what became of them.
pub(super) struct Store {
    path: PathBuf,
    caps: Caps,
    clock: Clock,
    disk: Db,
    /// No file at all could be made; `disk` is in memory.
    diskless: bool,
    /// The last attempt to write failed.
    failing: bool,
    spare: Option<Spare>,
    trouble: Option<String>,
    retry_at: Mono,
    tidy_at: Mono,
    dropped: u64,
    set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the file, sets a bad one aside, goes without if it must. Fails only if another process has it.
    pub(super) fn open(path: &Path, caps: Caps, clock: Clock) -> Result<Self, SpoolError> {
        let mut set_aside = None;
        let mut opened = Db::open(path, epoch(&clock));
        if let Err(Fault::Unreadable(why)) = &opened {
            tracing::error!(file = %path.display(), why, "the spool cannot be read; a fresh one begins");
            match aside(path, clock.wall()) {
                Ok(moved) => {
                    set_aside = Some(moved);
                    opened = Db::open(path, epoch(&clock));
                }
                Err(error) => opened = Err(Fault::Disk(format!("it is damaged and cannot be renamed: {error}"))),
            }
        }
        let (disk, trouble) = match opened {
            Ok(disk) => (disk, None),
            Err(Fault::Held) => return Err(SpoolError::Held(path.to_owned())),
            Err(Fault::Disk(why) | Fault::Unreadable(why) | Fault::Odd(why)) => {
                let trouble = format!("no spool at {}: {why}; records are kept in memory only", path.display());
                tracing::error!("{trouble}");
                (memory(&clock)?, Some(trouble))
            }
        };
        let now = clock.mono();
        Ok(Self {
            path: path.to_owned(),
            caps,
            disk,
            diskless: trouble.is_some(),
            failing: false,
            spare: None,
            trouble,
            retry_at: now,
            tidy_at: now.plus(HOUSEKEEPING),
            dropped: 0,
            set_aside,
            clock,
        })
    }

    /// The damaged file that was set aside, last.
    pub(super) const fn set_aside(&self) -> Option<&PathBuf> {
        self.set_aside.as_ref()
    }

    /// Keeps records and rule state; on disk if it can.
    pub(super) fn append(&mut self, rows: &[Row], saved: &[SavedState]) -> Result<(), SpoolError> {
        self.dropped += rows.iter().filter(|row| row.is_gap()).count() as u64;
        let wait = self.spare.is_some() && self.clock.mono() < self.retry_at;
        if wait || !self.write(rows, saved) {
            self.write_spare(rows, saved)?;
        }
        self.shrink();
        Ok(())
    }

    /// Whether it went to the disk, with all that memory held.
    fn write(&mut self, rows: &[Row], saved: &[SavedState]) -> bool {
        let mut attempt = self.write_once(rows, saved);
        if matches!(attempt, Err(Fault::Unreadable(_))) {
            self.note(attempt);
            if !self.start_over() {
                return false;
            }
            attempt = self.write_once(rows, saved);
        }
        let kept = attempt.is_ok();
        self.note(attempt);
        if kept {
            self.failing = false;
            self.recover();
        }
        kept
    }

    fn write_once(&mut self, rows: &[Row], saved: &[SavedState]) -> Result<(), Fault> {
        let Some(spare) = &mut self.spare else {
            return self.disk.append(rows, saved);
        };
        let (mut all, mut states) = spare.db.take_after(spare.offered)?;
        all.extend_from_slice(rows);
        states.extend_from_slice(saved);
        self.disk.append(&all, &states)?;
        spare.db.cut_after(spare.offered)
    }

    fn write_spare(&mut self, rows: &[Row], saved: &[SavedState]) -> Result<(), SpoolError> {
        let spare = match &mut self.spare {
            Some(spare) => spare,
            none => none.insert(Spare { db: memory(&self.clock)?, offered: [0; 3] }),
        };
        spare.db.append(rows, saved).map_err(|fault| SpoolError::Memory(format!("{fault:?}")))
    }

    /// Once the disk works and memory holds nothing any more, all is well.
    fn recover(&mut self) {
        let holds = |spare: &Spare| Stream::ALL.iter().any(|stream| spare.db.has_more(*stream));
        if self.failing || self.diskless || self.spare.as_ref().is_some_and(holds) {
            return;
        }
        self.spare = None;
        if self.trouble.take().is_some() {
            tracing::info!(file = %self.path.display(), "the spool works again");
        }
    }

    /// Records a failure; success changes nothing.
    fn note<T>(&mut self, attempt: Result<T, Fault>) -> Option<T> {
        let why = match attempt {
            Ok(value) => return Some(value),
            Err(Fault::Held) => "another process has it".to_owned(),
            Err(Fault::Disk(why) | Fault::Unreadable(why) | Fault::Odd(why)) => why,
        };
        self.failing = true;
        self.retry_at = self.clock.mono().plus(RETRY);
        let trouble = format!("the spool {} does not work: {why}; records are kept in memory", self.path.display());
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::error!("{trouble}");
            self.trouble = Some(trouble);
        }
        None
    }

    /// Sets the damaged file aside and begins a fresh one.
    fn start_over(&mut self) -> bool {
        let Ok(substitute) = memory(&self.clock) else { return false };
        drop(std::mem::replace(&mut self.disk, substitute)); // closes the file before it is renamed
        let fresh = aside(&self.path, self.clock.wall())
            .map_err(|e| Fault::Disk(e.to_string()))
            .and_then(|moved| Ok((moved, Db::open(&self.path, epoch(&self.clock))?)));
        match fresh {
            Ok((moved, disk)) => {
                tracing::error!(file = %moved.display(), "the spool was damaged and set aside; a fresh one begins");
                self.set_aside = Some(moved);
                self.disk = disk;
                true
            }
            Err(fault) => {
                self.diskless = true;
                self.note::<()>(Err(fault));
                false
            }
        }
    }

    /// All rule state, newest last.
    pub(super) fn saved(&mut self) -> Vec<(String, serde_json::Value)> {
        let found = self.disk.saved();
        self.note(found).unwrap_or_default()
    }

    /// What to send next.
    pub(super) fn next_batch(&mut self, stream: Stream, max_records: usize, max_bytes: usize) -> Option<Batch> {
        let batch = self.pick(stream, max_records, max_bytes)?;
        if let Some(db) = self.of_epoch(&batch.epoch) {
            db.note_sent(stream, batch.last_seq);
        }
        Some(batch)
    }

    fn pick(&mut self, stream: Stream, max_records: usize, max_bytes: usize) -> Option<Batch> {
        self.keep_house();
        let now = self.clock.wall();
        let id = stream as usize;
        if let Some(spare) = &self.spare {
            let offered = spare.offered[id];
            if offered > spare.db.head(stream).acked {
                let batch = spare.db.next_batch(stream, max_records, max_bytes, offered, now);
                return self.note(batch).flatten();
            }
        }
        if self.disk.has_more(stream) {
            let batch = self.disk.next_batch(stream, max_records, max_bytes, u64::MAX, now);
            if let Err(Fault::Unreadable(_)) = &batch {
                self.note(batch);
                self.start_over();
                return None;
            }
            return self.note(batch).flatten();
        }
        let spare = self.spare.as_mut()?;
        let batch = spare.db.next_batch(stream, max_records, max_bytes, u64::MAX, now);
        if let Ok(Some(batch)) = &batch {
            spare.offered[id] = spare.offered[id].max(batch.last_seq);
        }
        self.note(batch).flatten()
    }

    /// The console has everything up to `seq` of that epoch. More than was ever sent means that an old copy of
    /// the file was put back: then a new epoch begins with what is held.
    pub(super) fn acked(&mut self, stream: Stream, of: &str, seq: u64) {
        self.settle(stream, of, seq, |db, seq, _| db.acked(stream, seq));
    }

    /// The console wants `expected` next.
    pub(super) fn rewind(&mut self, stream: Stream, of: &str, expected: u64) {
        self.settle(stream, of, expected.saturating_sub(1), |db, seq, now| {
            db.rewind(stream, seq.saturating_add(1), now)
        });
    }

    fn settle(
        &mut self,
        stream: Stream,
        of: &str,
        seq: u64,
        act: impl FnOnce(&mut Db, u64, Wall) -> Result<(), Fault>,
    ) {
        let now = self.clock.wall();
        let fresh = epoch(&self.clock);
        let Some(db) = self.of_epoch(of) else { return };
        let done = if seq >= db.head(stream).next {
            tracing::warn!(stream = stream.as_str(), "the console knows more than this spool: a new epoch begins");
            db.new_epoch(fresh)
        } else {
            // Nobody can have what was not sent; the records after it stay.
            act(db, seq.min(db.head(stream).sent), now)
        };
        self.note(done);
        self.recover();
    }

    /// Puts malformed records aside.
    pub(super) fn refuse(&mut self, stream: Stream, of: &str, seqs: &[u64]) {
        let now = self.clock.wall();
        let Some(db) = self.of_epoch(of) else { return };
        let moved = db.refuse(stream, seqs, now);
        self.dropped += self.note(moved).unwrap_or(0);
    }

    fn of_epoch(&mut self, epoch: &str) -> Option<&mut Db> {
        if &**self.disk.epoch() == epoch {
            return Some(&mut self.disk);
        }
        self.spare.as_mut().map(|spare| &mut spare.db).filter(|db| &**db.epoch() == epoch)
    }

    fn shrink(&mut self) {
        let now = self.clock.wall();
        if let Some(spare) = &mut self.spare {
            let dropped = spare.db.shrink(MEMORY_BYTES, now);
            self.dropped += self.note(dropped).unwrap_or(0);
        }
        let cap = if self.diskless { MEMORY_BYTES } else { self.caps.bytes };
        let dropped = self.disk.shrink(cap, now);
        self.dropped += self.note(dropped).unwrap_or(0);
    }

    fn keep_house(&mut self) {
        let now = self.clock.now();
        if now.mono < self.tidy_at {
            return;
        }
        self.tidy_at = now.mono.plus(HOUSEKEEPING);
        let unset = Wall::from_millis(CLOCK_UNSET);
        let dropped = self.disk.expire(now.wall.minus(self.caps.age), unset, now.wall);
        self.dropped += self.note(dropped).unwrap_or(0);
        let tidied = self.disk.tidy();
        self.note(tidied);
    }

    /// What is held, and what is wrong.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats {
            epoch: self.disk.epoch().clone(),
            dropped: self.dropped,
            refused_kept: self.disk.dead().unwrap_or(0),
            trouble: self.trouble.clone(),
            set_aside: self.set_aside.clone(),
            ..Stats::default()
        };
        for db in std::iter::once(&self.disk).chain(self.spare.as_ref().map(|spare| &spare.db)) {
            for stream in Stream::ALL {
                let head = db.head(stream);
                stats.records += head.records;
                stats.bytes += head.bytes;
                stats.waiting[stream as usize] += head.records;
            }
        }
        stats
    }

    #[cfg(test)]
    pub(super) const fn disk(&self) -> &Db {
        &self.disk
    }
    #[cfg(test)]
    pub(super) fn retry_now(&mut self) {
        self.retry_at = self.clock.mono();
    }
    #[cfg(test)]
    pub(super) fn expire_now(&mut self) {
        self.tidy_at = self.clock.mono();
        self.keep_house();
    }
}

fn memory(clock: &Clock) -> Result<Db, SpoolError> {
    Db::memory(epoch(clock)).map_err(|fault| SpoolError::Memory(format!("{fault:?}")))
}

/// A UUIDv7 of our own clock.
fn epoch(clock: &Clock) -> Arc<str> {
    let ms = u64::try_from(clock.wall().millis()).unwrap_or(0);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, ms / 1000, (ms % 1000) as u32 * 1_000_000);
    uuid::Uuid::new_v7(at).to_string().into()
}

/// Renames a damaged file and what belongs to it, and forgets all but the newest few.
fn aside(path: &Path, now: Wall) -> std::io::Result<PathBuf> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut target = named(&format!(".corrupt-{}", now.millis()));
    for attempt in 1..100 {
        if !target.exists() {
            break;
        }
        target = named(&format!(".corrupt-{}-{attempt}", now.millis()));
    }
    fs::rename(path, &target)?;
    for part in ["-wal", "-shm"] {
        let from = named(part);
        if from.exists() {
            let mut to = target.as_os_str().to_owned();
            to.push(part);
            fs::rename(from, to)?;
        }
    }
    forget_old(path);
    Ok(target)
}

fn forget_old(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else { return };
    let prefix = format!("{name}.corrupt-");
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|n| n.starts_with(&prefix) && !n.ends_with("-wal") && !n.ends_with("-shm"))
        .collect();
    found.sort_unstable();
    let surplus = found.len().saturating_sub(MAX_SET_ASIDE);
    for old in found.iter().take(surplus) {
        for part in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(dir.join(format!("{old}{part}")));
        }
    }
}
