//! Security updates that wait: what is installed held against the lists of packages that apt has fetched. Only the lists
//! of security archives count, and only as fresh as they are.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns, package};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// apt's lists of security archives, by the names that Debian and Ubuntu give these.
const LISTS: &str = "/var/lib/apt/lists/*security*_Packages";
/// The largest list that is read.
const MAX_LIST: usize = 64 << 20;

#[derive(Debug)]
struct Updates;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Updates))
}

impl Fact for Updates {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("name", Type::Text), ("version", Type::Text), ("available", Type::Text)])
    }

    /// A row for each package that a security archive has in a newer version. No list is no answer.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(LISTS.to_owned());
        let known = package::installed(host);
        let known = known.as_ref().as_ref().map_err(Clone::clone)?;
        let lists = host.root.glob(LISTS)?;
        if lists.is_empty() {
            return Err(Unseen::Missing(LISTS.to_owned()));
        }
        let have: BTreeMap<&str, &str> = known.all.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        for path in lists {
            let Some(bytes) = host.root.bytes(&path, MAX_LIST)? else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let mut newest: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
            let mut name = "";
            for (line, number) in text.lines().zip(1..) {
                if let Some(value) = line.strip_prefix("Package: ") {
                    name = value;
                } else if let Some(version) = line.strip_prefix("Version: ")
                    && have.contains_key(name)
                    && newest.get(name).is_none_or(|(v, _)| (known.compare)(version, v) == Ordering::Greater)
                {
                    newest.insert(name, (version, number));
                }
            }
            for (name, (available, line)) in newest {
                let Some(version) = have.get(name).filter(|v| (known.compare)(v, available) == Ordering::Less) else {
                    continue;
                };
                let row = Row::at(&path, line, format!("{name} {version} < {available}")).about(name);
                found.rows.push(row.with("name", name).with("version", *version).with("available", available));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::include::made;

    #[test]
    fn what_a_security_archive_has_newer_waits() {
        let root = made::root(&[
            (
                "/var/lib/dpkg/status",
                "Package: a\nStatus: install ok installed\nVersion: 1.0-1\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n",
            ),
            (
                "/var/lib/apt/lists/d_debian-security_x_Packages",
                "Package: a\nVersion: 1.0-1+deb12u1\n\nPackage: b\nVersion: 2\n\nPackage: c\nVersion: 9\n",
            ),
        ]);
        let mut found = Found::default();
        Updates.gather(&Host::new(root, 20_000), &mut found).unwrap();
        assert_eq!(found.rows.iter().map(|r| r.proof.text.as_str()).collect::<Vec<_>>(), ["a 1.0-1 < 1.0-1+deb12u1"]);
        let mut found = Found::default();
        let root = made::root(&[("/var/lib/dpkg/status", "")]);
        assert!(Updates.gather(&Host::new(root, 20_000), &mut found).is_err());
    }
}
