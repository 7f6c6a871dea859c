//! Opening SQLite files: pragmas, the schema's version, migrations. A file of a newer version is not
//! touched, a damaged one is named with its remedy.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::types::StoreError;
use crate::model::Wall;

/// Page cache of the writer's connection to core.db, in KiB: the working set is a few thousand rows.
const WRITER_CACHE_KIB: i64 = 8_192;
/// Page cache of any other connection, in KiB: the whole program stays below 80 MB.
const READER_CACHE_KIB: i64 = 2_048;
/// What the write-ahead log is cut back to after a checkpoint, in bytes.
const WAL_LIMIT: i64 = 64 << 20;
/// How long a connection waits for a lock; only a backup or a checkpoint holds one.
const BUSY: Duration = Duration::from_secs(5);

/// Steps of a schema: step N leads from version N-1 to N.
pub(super) type Migrations = &'static [&'static str];
/// Of core.db.
pub(super) const CORE: Migrations = &[
    include_str!("sql/core-1.sql"),
    include_str!("sql/core-2.sql"),
    include_str!("sql/core-3.sql"),
    include_str!("sql/core-4.sql"),
    include_str!("sql/core-5.sql"),
    include_str!("sql/core-6.sql"),
    include_str!("sql/core-7.sql"),
    include_str!("sql/core-8.sql"),
    include_str!("sql/core-9.sql"),
    include_str!("sql/core-10.sql"),
    include_str!("sql/core-11.sql"),
];
/// Of raw-YYYYMMDD.db.
pub(super) const RAW: Migrations = &[include_str!("sql/raw-1.sql"), include_str!("sql/raw-2.sql")];
/// Of roll-YYYYMM.db.
pub(super) const ROLL: Migrations = &[include_str!("sql/roll-1.sql")];
/// Of event-YYYYMM.db.
pub(super) const EVENT: Migrations = &[include_str!("sql/event-1.sql")];
/// Of log-YYYYMMDD.db.
pub(super) const LOG: Migrations = &[include_str!("sql/log-1.sql")];

const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL, build TEXT NOT NULL) STRICT";

/// How a connection will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The writer, core.db.
    Core,
    /// The writer, a day's file.
    Day,
    /// The writer, a month's file: rows go from it one day, and their room with them.
    Month,
}

/// Maps an error of SQLite.
pub(super) fn sql(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Sql { what, detail: error.to_string() }
}

/// Opens a file for the writer and brings its schema up to date. Before a migration of an existing file a
/// copy is put into `backup`.
pub(super) fn open(
    path: &Path,
    migrations: Migrations,
    usage: Use,
    backup: &Path,
    now: Wall,
) -> Result<Connection, StoreError> {
    let broken = |error: rusqlite::Error| broken(path, backup, &error);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = if path.exists() { version(path).map_err(broken)? } else { 0 };
    if found > known {
        return Err(StoreError::Newer { file: path.display().to_string(), found, known });
    }
    private(path)?;
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(broken)?;
    tune(&conn, if usage == Use::Core { WRITER_CACHE_KIB } else { READER_CACHE_KIB }).map_err(broken)?;
    if usage == Use::Month {
        // Counts for a file without tables only.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(broken)?;
    }
    conn.pragma_update(None, "journal_mode", "WAL").map_err(broken)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(broken)?;
    conn.pragma_update(None, "journal_size_limit", WAL_LIMIT).map_err(broken)?;
    migrate(&conn, path, migrations, found, backup, now)?;
    Ok(conn)
}

/// Opens a file for reading only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let opened =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .and_then(|conn| tune(&conn, READER_CACHE_KIB).map(|()| conn));
    opened.map_err(|error| StoreError::File {
        what: "read",
        file: path.display().to_string(),
        detail: error.to_string(),
    })
}

fn tune(conn: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "cache_size", -cache_kib)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)
}

/// Makes the file with mode 0600 before SQLite would make it with another.
fn private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| super::lock::file_error("open", path, &error))
}

/// The schema's version, read without writing anything; 0 for an empty file.
fn version(path: &Path) -> rusqlite::Result<i64> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(BUSY)?;
    let there: bool =
        conn.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'schema_version'", [], |r| r.get(0))?;
    if !there {
        return Ok(0);
    }
    conn.query_row("SELECT coalesce(max(version), 0) FROM schema_version", [], |r| r.get(0))
}

fn migrate(
    conn: &Connection,
    path: &Path,
    migrations: Migrations,
    found: i64,
    backup: &Path,
    now: Wall,
) -> Result<(), StoreError> {
    let from = usize::try_from(found).unwrap_or(0);
    if from >= migrations.len() {
        return Ok(());
    }
    if from > 0 {
        copy(conn, path, from, backup, now)?;
    }
    let run = || -> rusqlite::Result<()> {
        let tx = conn.unchecked_transaction()?;
        tx.execute_batch(VERSION_TABLE)?;
        for (at, text) in migrations.iter().enumerate().skip(from) {
            tx.execute_batch(text)?;
            tx.execute(
                "INSERT INTO schema_version (version, applied, build) VALUES (?1, ?2, ?3)",
                (at as i64 + 1, now.millis(), env!("CARGO_PKG_VERSION")),
            )?;
        }
        tx.commit()
    };
    run().map_err(|error| broken(path, backup, &error))
}

fn copy(conn: &Connection, path: &Path, version: usize, backup: &Path, now: Wall) -> Result<(), StoreError> {
    super::lock::make_dir(backup)?;
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let to: PathBuf = backup.join(format!("{name}-schema{version}-{}.db", now.millis()));
    let failed = |error: rusqlite::Error| StoreError::File {
        what: "copy the database before its migration to",
        file: to.display().to_string(),
        detail: error.to_string(),
    };
    private(&to)?;
    let mut target = Connection::open(&to).map_err(failed)?;
    let job = rusqlite::backup::Backup::new(conn, &mut target).map_err(failed)?;
    // All pages in one step: a copy in several starts over whenever somebody writes.
    job.step(-1).map_err(failed)?;
    Ok(())
}

fn broken(path: &Path, backup: &Path, error: &rusqlite::Error) -> StoreError {
    let file = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { file, detail: error.to_string(), backup: backup.display().to_string() }
        }
        _ => StoreError::File { what: "open", file, detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migrations = &["CREATE TABLE a (x INTEGER) STRICT;"];
    const TWO: Migrations = &["CREATE TABLE a (x INTEGER) STRICT;", "ALTER TABLE a ADD COLUMN y TEXT;"];
    const BAD: Migrations =
        &["CREATE TABLE a (x INTEGER) STRICT;", "CREATE TABLE b (x INTEGER); CREATE TABLE a (x);"];

    fn at(dir: &Path, steps: Migrations) -> Result<Connection, StoreError> {
        open(&dir.join("t.db"), steps, Use::Core, &dir.join("backup"), Wall::from_millis(7))
    }

    #[test]
    fn an_older_file_is_copied_and_then_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        at(dir.path(), ONE).unwrap().execute("INSERT INTO a VALUES (1)", []).unwrap();
        let conn = at(dir.path(), TWO).unwrap();
        assert!(conn.query_row("SELECT y IS NULL FROM a", [], |r| r.get::<_, bool>(0)).unwrap());
        let copy = Connection::open(dir.path().join("backup/t-schema1-7.db")).unwrap();
        assert_eq!(copy.query_row("SELECT x FROM a", [], |r| r.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        drop(at(dir.path(), ONE).unwrap());
        at(dir.path(), BAD).unwrap_err();
        let conn = at(dir.path(), TWO).unwrap();
        let b: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'b'", [], |r| r.get(0)).unwrap();
        assert_eq!(b, 0);
    }

    #[test]
    fn a_newer_file_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        drop(at(dir.path(), TWO).unwrap());
        let before = std::fs::read(dir.path().join("t.db")).unwrap();
        let error = at(dir.path(), ONE).unwrap_err().to_string();
        assert!(
            error.starts_with("data directory was written by a newer fengsui (schema 2, this build knows 1): install that version or restore a backup"),
            "{error}"
        );
        assert_eq!(std::fs::read(dir.path().join("t.db")).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_no_database_is_named_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.db"), "this is a letter, not a database file".repeat(40)).unwrap();
        let error = at(dir.path(), ONE).unwrap_err().to_string();
        assert!(error.contains("t.db is damaged (") && error.contains("restore the newest copy from"), "{error}");
    }
}
