//! Reads files and directories into sources: the only file reads of this layer beside the plan.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Faults, Source};
use crate::config::diag::Diagnostic;

/// The largest file read: 100 times the inventory of a prefecture.
const MAX_BYTES: u64 = 16 << 20;
/// How deep directories are searched; also the end of a symlink loop.
const MAX_DEPTH: usize = 8;
/// The most files of one directory tree.
const MAX_FILES: usize = 2_000;

/// The directory of baseline checks beside those of definitions; its files are read by the layer they belong to.
pub const BASELINE: &str = "baseline";

/// All `*.toml` files below a directory in order of their paths, or the file itself. A missing path gives none;
/// hidden files and editors' leavings are passed over.
pub(crate) fn toml_files(path: &Path, faults: &Faults) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(path, 0, &mut found, faults);
    found.sort();
    found
}

fn search(path: &Path, depth: usize, found: &mut Vec<PathBuf>, faults: &Faults) {
    let unreadable = |error: io::Error| {
        if error.kind() != io::ErrorKind::NotFound {
            faults.push(Diagnostic::file(
                &path.display().to_string(),
                format!("cannot read: {error}"),
                "check its permissions",
            ));
        }
    };
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() && depth < MAX_DEPTH && found.len() < MAX_FILES => match fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
                    let inner = entry.path();
                    if !hidden && (inner.is_dir() || inner.extension().is_some_and(|e| e == "toml")) {
                        search(&inner, depth + 1, found, faults);
                    }
                }
            }
            Err(error) => unreadable(error),
        },
        Ok(meta) if meta.is_dir() => {
            let what = format!("deeper than {MAX_DEPTH} directories or more than {MAX_FILES} files");
            faults.push(Diagnostic::file(&path.display().to_string(), what, "point at a smaller directory"));
        }
        Ok(_) => found.push(path.to_owned()),
        Err(error) => unreadable(error),
    }
}

/// Reads files; one that cannot be read is reported and left out.
pub(crate) fn read_files(files: &[PathBuf], faults: &Faults) -> Vec<Source> {
    files.iter().filter_map(|path| read_one(path, faults)).collect()
}

fn read_one(path: &Path, faults: &Faults) -> Option<Source> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::PermissionDenied => "let this user read it",
            _ => "name a file",
        };
        // The system's number in brackets helps nobody.
        let error = error.to_string();
        let error = error.split(" (os error").next().unwrap_or(&error).to_owned();
        faults.push(Diagnostic::file(&name, format!("cannot read: {error}"), hint));
        return None;
    }
    if bytes.len() as u64 > MAX_BYTES {
        faults.push(Diagnostic::file(&name, format!("larger than {} MiB", MAX_BYTES >> 20), "split it"));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(Source { name, text: text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned) }),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(good).filter(|b| **b == b'\n').count() + 1;
            let mut d = Diagnostic::file(&name, "not UTF-8", "save it as UTF-8 (an editor's GBK shows here)");
            d.line = line;
            faults.push(d);
            None
        }
    }
}

/// Files by what is in them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Definitions; also files that say nothing of what they are, and settings directories.
    pub definitions: Vec<PathBuf>,
    /// Inventories.
    pub inventory: Vec<PathBuf>,
    /// Settings of a console or an agent.
    pub settings: Vec<PathBuf>,
}

/// Keys that only an inventory has.
const INVENTORY: [&str; 8] = ["region", "organisation", "person", "zone", "agent", "asset", "link", "system"];

/// Keys of settings files; none of them means anything in a definition.
const SETTINGS: [&str; 9] =
    ["id", "data", "listen", "agent_listen", "names", "timezone", "retention", "console", "spool"];

/// Tells inventories, settings and definitions apart. A directory with several sorts is taken apart file by file;
/// one with definitions alone stays whole, so that it is one layer.
pub fn sort_files(paths: &[PathBuf]) -> Sorted {
    let mut sorted = Sorted::default();
    for path in paths {
        // Whoever reads them reports what cannot be read.
        let mut files = toml_files(path, &Faults::default());
        files.retain(|file| !file.starts_with(path.join(BASELINE)));
        let (inventory, other): (Vec<PathBuf>, Vec<PathBuf>) =
            files.into_iter().partition(|f| has_key(f, &INVENTORY));
        let (settings, other): (Vec<PathBuf>, Vec<PathBuf>) = other.into_iter().partition(|f| has_key(f, &SETTINGS));
        if inventory.is_empty() && settings.is_empty() {
            sorted.definitions.push(path.clone());
        } else {
            sorted.definitions.extend(other);
            sorted.inventory.extend(inventory);
            sorted.settings.extend(settings);
        }
    }
    sorted
}

/// Whether a file has one of these keys at its top.
fn has_key(file: &Path, keys: &[&str]) -> bool {
    let faults = Faults::default();
    read_files(&[file.to_owned()], &faults).first().is_some_and(|source| {
        let document = super::parse(source, &faults);
        keys.iter().any(|key| document.get_ref().get(*key).is_some())
    })
}
