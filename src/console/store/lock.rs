//! One holder at a time: whoever has the data directory open holds a lock on `DIR/lock`, which the kernel
//! takes back when the process dies, however it dies. It refuses to wait.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::types::StoreError;

/// Held while it lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

/// The longest process id that is read back from a lock file.
const MAX_PID: u64 = 20;

impl Lock {
    /// Makes the directory if need be and takes its lock.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        make_dir(dir)?;
        let path = dir.join("lock");
        let failed = |detail: std::io::Error| file_error("lock", &path, &detail);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(failed)?;
                writeln!(file, "{}", std::process::id()).map_err(failed)?;
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.take(MAX_PID).read_to_string(&mut text);
                let holder = match (read, text.trim()) {
                    (Ok(_), pid) if !pid.is_empty() => pid.to_owned(),
                    _ => "unknown".to_owned(),
                };
                Err(StoreError::Held { dir: dir.display().to_string(), holder })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Makes a directory that only its owner enters.
pub(crate) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| file_error("make directory", dir, &error))
}

/// Says which file it was.
pub(crate) fn file_error(what: &'static str, file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::File { what, file: file.display().to_string(), detail: error.to_string() }
}

/// Writes a 0600 file so that after a crash either the old or the new one is there.
pub(crate) fn write_private(path: &Path, body: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(body)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| file_error("write", path, &error))
}
