//! Files of one day each, samples and logs, and of one month each, roll-ups and what devices said. A record stands in the file of its own
//! day, however late it comes; retention deletes whole files. A damaged file is set aside and begun anew, never a
//! reason to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::db::{self, Use, sql};
use super::types::StoreError;
use crate::model::Wall;

/// Days whose files stay open between transactions: today and yesterday, which late samples touch.
const OPEN_DAYS: usize = 2;

/// A day in the console's time zone as YYYYMMDD; of roll-ups and what devices said a month as YYYYMM.
pub(crate) type Day = i32;

/// Which kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Samples.
    Raw,
    /// Logs.
    Log,
    /// Roll-ups.
    Roll,
    /// What devices said.
    Event,
}

impl Sort {
    const fn directory(self) -> &'static str {
        match self {
            Self::Raw | Self::Roll => "series",
            Self::Log => "log",
            Self::Event => "event",
        }
    }
    const fn prefix(self) -> &'static str {
        match self {
            Self::Raw => "raw-",
            Self::Log => "log-",
            Self::Roll => "roll-",
            Self::Event => "event-",
        }
    }
}

/// Where the files of days are, and which day a time belongs to.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
    zone: TimeZone,
}

impl Layout {
    /// For a data directory.
    pub(super) fn new(dir: &Path, timezone: &str) -> Result<Self, StoreError> {
        let zone = TimeZone::get(timezone).map_err(|_| {
            StoreError::Request(format!("`{timezone}` is no time zone; write one such as Asia/Shanghai"))
        })?;
        Ok(Self { dir: dir.to_path_buf(), zone })
    }

    /// The zone in which a day begins.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The day of a time.
    pub(super) fn day(&self, at: Wall) -> Day {
        let time = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = time.to_zoned(self.zone.clone()).date();
        i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
    }

    /// When a day begins.
    pub(super) fn begins(&self, day: Day) -> Wall {
        let part = |n: i32| i8::try_from(n % 100).unwrap_or(1);
        let date = jiff::civil::Date::new(i16::try_from(day / 10_000).unwrap_or(1970), part(day / 100), part(day));
        let start = date.ok().and_then(|date| date.to_zoned(self.zone.clone()).ok());
        Wall::from_millis(start.map_or(0, |start| start.timestamp().as_millisecond()))
    }

    /// The file of a day, or of a month.
    pub(super) fn path(&self, sort: Sort, day: Day) -> PathBuf {
        self.dir.join(sort.directory()).join(format!("{}{day}.db", sort.prefix()))
    }

    /// Days that have a file, oldest first.
    pub(super) fn held(&self, sort: Sort) -> Vec<Day> {
        let Ok(entries) = std::fs::read_dir(self.dir.join(sort.directory())) else { return Vec::new() };
        let mut days: Vec<Day> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                name.strip_prefix(sort.prefix())?.strip_suffix(".db")?.parse().ok()
            })
            .collect();
        days.sort_unstable();
        days
    }

    /// Deletes the files of days before `first`; gives those days.
    pub(super) fn retire(&self, sort: Sort, first: Day) -> Vec<Day> {
        let old: Vec<Day> = self.held(sort).into_iter().filter(|day| *day < first).collect();
        for day in &old {
            let path = self.path(sort, *day);
            for suffix in ["", "-wal", "-shm"] {
                let file = with_suffix(&path, suffix);
                if let Err(error) = std::fs::remove_file(&file)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::warn!(file = %file.display(), %error, "retention could not delete a file");
                }
            }
        }
        old
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

struct File {
    conn: Connection,
    in_group: bool,
    in_job: bool,
}

/// The writer's connections to the files of days.
pub(super) struct Days {
    /// Where they are.
    pub(super) layout: Layout,
    raw: BTreeMap<Day, File>,
    log: BTreeMap<Day, File>,
    roll: BTreeMap<Day, File>,
    event: BTreeMap<Day, File>,
    raw_in_job: bool,
}

impl Days {
    /// Makes the directories.
    pub(super) fn new(layout: Layout) -> Result<Self, StoreError> {
        for sort in [Sort::Raw, Sort::Log, Sort::Event] {
            super::lock::make_dir(&layout.dir.join(sort.directory()))?;
        }
        let files = BTreeMap::new;
        Ok(Self { layout, raw: files(), log: files(), roll: files(), event: files(), raw_in_job: false })
    }

    /// The file of a day, inside this group's transaction and this job's savepoint.
    pub(super) fn file(&mut self, sort: Sort, day: Day, now: Wall) -> Result<&Connection, StoreError> {
        let files = match sort {
            Sort::Raw => {
                self.raw_in_job = true;
                &mut self.raw
            }
            Sort::Log => &mut self.log,
            Sort::Roll => &mut self.roll,
            Sort::Event => &mut self.event,
        };
        let file = match files.entry(day) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                let conn = open(&self.layout, sort, day, now)?;
                free.insert(File { conn, in_group: false, in_job: false })
            }
        };
        if !file.in_group {
            file.conn.execute_batch("BEGIN IMMEDIATE").map_err(sql("begin a transaction on the file of a day"))?;
            file.in_group = true;
        }
        if !file.in_job {
            file.conn.execute_batch("SAVEPOINT job").map_err(sql("begin a change in the file of a day"))?;
            file.in_job = true;
        }
        Ok(&file.conn)
    }

    fn all(&mut self) -> impl Iterator<Item = &mut File> {
        let logs = self.log.values_mut().chain(self.roll.values_mut()).chain(self.event.values_mut());
        logs.chain(self.raw.values_mut())
    }

    /// A job begins.
    pub(super) fn begin_job(&mut self) {
        self.raw_in_job = false;
    }

    /// Whether this job wrote to a raw file.
    pub(super) const fn job_touched_raw(&self) -> bool {
        self.raw_in_job
    }

    /// The job succeeded.
    pub(super) fn keep_job(&mut self) -> Result<(), StoreError> {
        self.end_job("RELEASE job")
    }

    /// The job failed.
    pub(super) fn undo_job(&mut self) -> Result<(), StoreError> {
        self.end_job("ROLLBACK TO job; RELEASE job")
    }

    fn end_job(&mut self, text: &str) -> Result<(), StoreError> {
        let mut ended = Ok(());
        for file in self.all().filter(|file| file.in_job) {
            file.in_job = false;
            ended = ended.and(file.conn.execute_batch(text).map_err(sql("end a change in the file of a day")));
        }
        ended
    }

    /// Commits the logs, what devices said, and the roll-ups.
    pub(super) fn commit_logs(&mut self) -> Result<(), StoreError> {
        commit(&mut self.log)?;
        commit(&mut self.event)?;
        commit(&mut self.roll)
    }

    /// Commits the samples, oldest day first.
    pub(super) fn commit_raw(&mut self) -> Result<(), StoreError> {
        commit(&mut self.raw)
    }

    /// Undoes what is not committed.
    pub(super) fn rollback(&mut self) {
        for file in self.all().filter(|file| file.in_group) {
            file.in_group = false;
            let _ = file.conn.execute_batch("ROLLBACK");
        }
    }

    /// Closes all files, so that their write-ahead logs are folded in.
    pub(super) fn close(&mut self) {
        self.raw.clear();
        self.log.clear();
        self.roll.clear();
        self.event.clear();
    }

    /// Forgets the connections of days that retention deleted.
    pub(super) fn forget_before(&mut self, sort: Sort, first: Day) {
        let files = match sort {
            Sort::Raw => &mut self.raw,
            Sort::Log => &mut self.log,
            Sort::Roll => &mut self.roll,
            Sort::Event => &mut self.event,
        };
        files.retain(|day, file| *day >= first || file.in_group);
    }
}

fn commit(files: &mut BTreeMap<Day, File>) -> Result<(), StoreError> {
    for file in files.values_mut().filter(|file| file.in_group) {
        file.conn.execute_batch("COMMIT").map_err(sql("commit the file of a day"))?;
        file.in_group = false;
    }
    while files.len() > OPEN_DAYS {
        files.pop_first();
    }
    Ok(())
}

fn open(layout: &Layout, sort: Sort, day: Day, now: Wall) -> Result<Connection, StoreError> {
    let path = layout.path(sort, day);
    let (migrations, usage) = match sort {
        Sort::Raw => (db::RAW, Use::Day),
        Sort::Log => (db::LOG, Use::Day),
        Sort::Roll => (db::ROLL, Use::Month),
        Sort::Event => (db::EVENT, Use::Day),
    };
    let backup = layout.dir.join("backup");
    match db::open(&path, migrations, usage, &backup, now) {
        Err(error @ StoreError::Corrupt { .. }) => {
            for suffix in ["", "-wal", "-shm"] {
                let from = with_suffix(&path, suffix);
                let to = with_suffix(&path, &format!(".damaged-{}{suffix}", now.millis()));
                if let Err(error) = std::fs::rename(&from, &to)
                    && suffix.is_empty()
                {
                    return Err(super::lock::file_error("set aside", &from, &error));
                }
            }
            tracing::error!(%error, "set aside and begun anew");
            db::open(&path, migrations, usage, &backup, now)
        }
        other => other,
    }
}
