//! The plan as a file: an agent that is cut off starts from it. It holds secrets, so only its user may read it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::model::plan::Plan;

/// Writes a plan: 0600, to a file beside it, synced, renamed. A crash leaves the old one or the new one.
pub fn save(path: &Path, plan: &Plan) -> io::Result<()> {
    let json = serde_json::to_vec(plan).map_err(io::Error::other)?;
    let beside = path.with_extension("new");
    // A leaving of a crash may have other permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(&json)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Reads a plan back. `Ok(None)` if there is none; an error says what to do. Of a plan of a newer version the
/// parts that this build knows are taken, `skipped` names the others.
pub fn load(path: &Path) -> io::Result<Option<Plan>> {
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    serde_json::from_slice(&json)
        .map(Some)
        .map_err(|e| invalid(format!("{} is no plan ({e}); remove it, the console sends another", path.display())))
}
