//! Which Linux it is: os-release(5).

use std::sync::Arc;

use super::root::Root;
use super::{Fact, Family, Found, Host, Row, Unseen, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The first that is there counts, os-release(5).
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// Values of `ID` and `ID_LIKE` whose package tool is known. Kylin and UOS use the same id for both.
const DEB: &[&str] = &["debian", "ubuntu", "deepin"];
const RPM: &[&str] = &["rhel", "centos", "fedora", "openeuler", "rocky", "almalinux", "anolis"];
/// Where the others have their package database.
const DPKG: &str = "/var/lib/dpkg/status";
const RPMDB: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// A distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Os {
    /// Its id, in lower case; empty if not known.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its family; nothing if not known.
    pub family: Option<Family>,
    /// The file that says so, and the line of its id.
    place: Option<(&'static str, usize, String)>,
}

impl Os {
    /// The distribution whose files these are.
    pub fn of(root: &Root) -> Self {
        let mut os = Self::default();
        let mut like = String::new();
        let found = FILES.iter().find_map(|path| Some((*path, root.text(path).ok()??)));
        for (path, (number, line)) in found.iter().flat_map(|(p, text)| super::lines(text, "#").map(move |l| (*p, l)))
        {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            match key.trim() {
                "ID" => {
                    os.place = Some((path, number, line.to_owned()));
                    os.id = value.to_ascii_lowercase();
                }
                "ID_LIKE" => like = value.to_ascii_lowercase(),
                "PRETTY_NAME" => os.name = value,
                "VERSION_ID" => os.version = value,
                _ => {}
            }
        }
        let words: Vec<&str> = std::iter::once(os.id.as_str()).chain(like.split_whitespace()).collect();
        let known = |names: &[&str]| words.iter().any(|w| names.contains(w));
        let there = |path: &&str| root.exists(path).unwrap_or(false);
        os.family = if known(DEB) {
            Some(Family::Deb)
        } else if known(RPM) {
            Some(Family::Rpm)
        } else if there(&DPKG) {
            Some(Family::Deb)
        } else if RPMDB.iter().any(there) {
            Some(Family::Rpm)
        } else {
            None
        };
        os
    }

    /// Whether a policy's word means it.
    pub fn is(&self, family: Family) -> bool {
        family == Family::Linux || self.family == Some(family)
    }
}

#[derive(Debug)]
struct Which;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Which))
}

impl Fact for Which {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("id", Type::Text), ("name", Type::Text), ("version", Type::Text), ("family", Type::Text)])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let os = &host.os;
        found.looked.extend(FILES.map(str::to_owned));
        let Some((file, line, text)) = &os.place else { return Ok(()) };
        let row = Row::at(file, *line, text.clone()).with("id", os.id.clone()).with("name", os.name.clone());
        let family = os.family.map_or("", Family::as_str);
        found.rows.push(row.with("version", os.version.clone()).with("family", family));
        Ok(())
    }
}
