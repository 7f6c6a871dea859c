//! Installed packages, out of dpkg's or rpm's own database.

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use super::root::Unseen;
use super::rpmdb::{self, Package};
use super::{Fact, Found, Host, Row, columns, dpkg, include, version};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Packages of dpkg.
const DPKG: &str = "/var/lib/dpkg/status";
/// Packages of rpm, newest place and form first.
const RPM: [&str; 6] = [
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages",
    "/var/lib/rpm/Packages",
];
/// The largest write-ahead log of SQLite that is read.
const MAX_LOG: usize = 16 << 20;

/// What is installed.
#[derive(Debug)]
pub(super) struct Installed {
    /// The database.
    pub(super) file: &'static str,
    /// The packages.
    pub(super) all: Vec<Package>,
    /// How their versions compare.
    pub(super) compare: fn(&str, &str) -> Ordering,
}

impl Installed {
    /// Whether it is dpkg's.
    pub(super) fn is_dpkg(&self) -> bool {
        self.file == DPKG
    }
}

/// Reads the database; once a run.
pub(super) fn installed(host: &Host) -> Rc<Result<Installed, Unseen>> {
    host.once("packages", |host| {
        if let Some(text) = host.root.text(DPKG)? {
            return Ok(Installed { file: DPKG, all: dpkg::installed(&text), compare: version::deb });
        }
        for file in RPM {
            let Some(mut bytes) = host.root.open_file(file)? else { continue };
            let log = host.root.bytes(&format!("{file}-wal"), MAX_LOG)?;
            let all = rpmdb::read(&mut bytes, log.as_deref());
            let all = all.map_err(|why| Unseen::Io(file.to_owned(), why.to_string()))?;
            return Ok(Installed { file, all, compare: version::rpm });
        }
        Err(Unseen::Missing(format!("{DPKG}, {}", RPM[1])))
    })
}

#[derive(Debug)]
struct Packages {
    names: Vec<String>,
    since: Option<String>,
}

/// `name` (a package or a list of them), `since` (a version: `recent` says whether what is installed is at least that).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let names = include::texts(table, "name", "[\"telnetd\", \"rsh-server\"]")?;
    Some(Arc::new(Packages { names, since: table.opt_text("since").map(str::to_owned) }))
}

impl Fact for Packages {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("name", Type::Text), ("version", Type::Text), ("recent", Type::Bool)])
    }

    /// A row for each that is installed.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = installed(host);
        let known = known.as_ref().as_ref().map_err(Clone::clone)?;
        found.looked.push(known.file.to_owned());
        for package in known.all.iter().filter(|p| self.names.contains(&p.name)) {
            let row = Row::at(known.file, 0, format!("{} {}", package.name, package.version));
            let row = row.about(package.name.as_str()).with("name", package.name.as_str());
            let row = row.with("version", package.version.as_str());
            found.rows.push(match &self.since {
                Some(since) => row.with("recent", (known.compare)(&package.version, since) != Ordering::Less),
                None => row,
            });
        }
        Ok(())
    }
}
