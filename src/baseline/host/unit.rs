//! Units of systemd by what is on disk (systemd.unit(5)): masked by a link to /dev/null, enabled by a link in a `.wants` or
//! `.requires` directory, and active where its control group has processes.

use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Where the control groups of units stand, by the version of control groups.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice"];

#[derive(Debug)]
struct Units {
    names: Vec<String>,
}

/// `name` (a unit with its ending or a list of them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Units { names: include::texts(table, "name", "[\"auditd.service\"]")? }))
}

impl Fact for Units {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("unit", Type::Text), ("state", Type::Text), ("active", Type::Bool)])
    }

    /// A row for each that is there. `active` is missing where there is no running systemd to ask.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for name in &self.names {
            let (state, file) = state(&mut Files::of(&host.root, found), name);
            if state == State::Absent {
                continue;
            }
            let text = format!("{name} {}", state.as_str());
            let row = Row::at(&file, 0, text).about(name.as_str()).with("unit", name.as_str());
            let row = row.with("state", state.as_str());
            found.rows.push(match active(host, name)? {
                Some(active) => row.with("active", active),
                None => row,
            });
        }
        Ok(())
    }
}

/// Whether a unit's control group has processes; nothing where no unit has a group.
fn active(host: &Host, name: &str) -> Result<Option<bool>, Unseen> {
    if !host.root.live() {
        return Ok(None);
    }
    for base in GROUPS {
        if host.root.exists(base)? {
            let group = host.root.bytes(&format!("{base}/{name}/cgroup.procs"), 64 * 1024)?;
            return Ok(Some(group.is_some_and(|ids| !ids.is_empty())));
        }
    }
    Ok(None)
}

/// Where units stand, most important first.
const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// What is known of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No file.
    Absent,
    /// Cannot be started.
    Masked,
    /// Started with the system, or by what wants it.
    Enabled,
    /// Not started by itself.
    Disabled,
    /// Has no `[Install]`: started by others only.
    Static,
}

impl State {
    /// Its word.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Masked => "masked",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Static => "static",
        }
    }
}

/// The state of a unit, with the file that says so.
fn state(files: &mut Files<'_>, name: &str) -> (State, String) {
    for base in DIRECTORIES {
        let path = format!("{base}/{name}");
        let target = files.link(&path);
        if target.as_deref() == Some("/dev/null") {
            return (State::Masked, path);
        }
        let Some(text) = files.text(&path) else { continue };
        if text.is_empty() {
            return (State::Masked, path);
        }
        if let Some(by) = wanted(files, name) {
            return (State::Enabled, by);
        }
        let installs = text.lines().any(|l| l.trim() == "[Install]");
        return (if installs { State::Disabled } else { State::Static }, path);
    }
    (State::Absent, String::new())
}

/// Whether a unit starts with the system.
pub(super) fn enabled(files: &mut Files<'_>, name: &str) -> bool {
    state(files, name).0 == State::Enabled
}

/// The link by which something wants a unit; an alias that is linked counts as it.
fn wanted(files: &mut Files<'_>, name: &str) -> Option<String> {
    for base in DIRECTORIES {
        for directory in files.names(base).unwrap_or_default() {
            if !directory.ends_with(".wants") && !directory.ends_with(".requires") {
                continue;
            }
            let path = format!("{base}/{directory}");
            if files.names(&path).unwrap_or_default().iter().any(|n| n == name) {
                return Some(format!("{path}/{name}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::root::{Memory, Root};

    #[test]
    fn links_say_what_a_unit_is() {
        const UNIT: &str = "[Unit]\n[Install]\nWantedBy=multi-user.target\n";
        let files = Memory::default()
            .file("/usr/lib/systemd/system/auditd.service", UNIT)
            .link(
                "/etc/systemd/system/multi-user.target.wants/auditd.service",
                "/usr/lib/systemd/system/auditd.service",
            )
            .file("/usr/lib/systemd/system/off.service", UNIT)
            .file("/usr/lib/systemd/system/static.service", "[Unit]\n")
            .file("/usr/lib/systemd/system/ctrl-alt-del.target", "[Unit]\n")
            .link("/etc/systemd/system/ctrl-alt-del.target", "/dev/null");
        let root = Root::memory(files);
        let mut found = Found::default();
        let mut of = |name| state(&mut Files::of(&root, &mut found), name).0;
        assert_eq!(of("auditd.service"), State::Enabled);
        assert_eq!(of("off.service"), State::Disabled);
        assert_eq!(of("static.service"), State::Static);
        assert_eq!(of("ctrl-alt-del.target"), State::Masked);
        assert_eq!(of("none.service"), State::Absent);
        assert!(found.unseen.is_empty(), "{:?}", found.unseen);
    }
}
