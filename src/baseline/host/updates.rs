//! Security updates that wait: what is installed held against what the package manager has fetched, apt's lists of
//! packages of security archives and the advisories (`updateinfo`) of dnf and yum. Only as fresh as these are.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::package::Installed;
use super::root::Unseen;
use super::{Fact, Found, Host, Row, advisories, columns, package};
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

/// The newest version of each package, and the line that offers it; 0 if it has none.
pub(super) type Offers = BTreeMap<String, (String, usize)>;

/// Takes the offers out of a list.
type Reader = fn(&Host, &str, &Wanted<'_>) -> Result<Offers, Unseen>;

impl Fact for Updates {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("name", Type::Text), ("version", Type::Text), ("available", Type::Text)])
    }

    /// A row for each package of which there is a newer version for security's sake. No list is no answer.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = package::installed(host);
        let known = known.as_ref().as_ref().map_err(Clone::clone)?;
        // Of several versions side by side, such as kernels, the newest counts.
        let mut have: BTreeMap<&str, &str> = BTreeMap::new();
        for package in &known.all {
            let newest = have.entry(&package.name).or_insert(&package.version);
            if (known.compare)(&package.version, newest) == Ordering::Greater {
                *newest = &package.version;
            }
        }
        let (patterns, offers): (&[&str], Reader) =
            if known.is_dpkg() { (&[LISTS], apt) } else { (&advisories::CACHES, rpm) };
        found.looked.extend(patterns.iter().map(|p| (*p).to_owned()));
        let mut lists = Vec::new();
        for pattern in patterns {
            lists.extend(host.root.glob(pattern)?);
        }
        if lists.is_empty() {
            return Err(Unseen::Missing(patterns.join(", ")));
        }
        for path in lists {
            let has = |name: &str| have.contains_key(name);
            let offers = match offers(host, &path, &Wanted { known, has: &has }) {
                Ok(offers) => offers,
                Err(why) => {
                    found.unseen.push(why);
                    continue;
                }
            };
            for (name, (available, line)) in offers {
                let older = |v: &&&str| (known.compare)(v, &available) == Ordering::Less;
                let Some(version) = have.get(name.as_str()).filter(older) else { continue };
                let row = Row::at(&path, line, format!("{name} {version} < {available}")).about(name.as_str());
                found.rows.push(row.with("name", name).with("version", *version).with("available", available));
            }
        }
        Ok(())
    }
}

/// Which packages are asked for.
pub(super) struct Wanted<'a> {
    known: &'a Installed,
    has: &'a dyn Fn(&str) -> bool,
}

impl Wanted<'_> {
    /// Takes an offer if it is of a package that is installed and newer than one seen before.
    pub(super) fn offer(&self, offers: &mut Offers, name: &str, version: &str, line: usize) {
        let newer = |(seen, _): &(String, usize)| (self.known.compare)(version, seen) == Ordering::Greater;
        if (self.has)(name) && offers.get(name).is_none_or(newer) {
            offers.insert(name.to_owned(), (version.to_owned(), line));
        }
    }
}

fn apt(host: &Host, path: &str, wanted: &Wanted<'_>) -> Result<Offers, Unseen> {
    let bytes = host.root.bytes(path, MAX_LIST)?.unwrap_or_default();
    let (mut offers, mut name) = (Offers::new(), "");
    let text = String::from_utf8_lossy(&bytes);
    for (line, number) in text.lines().zip(1..) {
        if let Some(value) = line.strip_prefix("Package: ") {
            name = value;
        } else if let Some(version) = line.strip_prefix("Version: ") {
            wanted.offer(&mut offers, name, version, number);
        }
    }
    Ok(offers)
}

fn rpm(host: &Host, path: &str, wanted: &Wanted<'_>) -> Result<Offers, Unseen> {
    let Some(file) = host.root.open_file(path)? else { return Ok(Offers::new()) };
    advisories::offers(file, path, wanted)
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

    #[test]
    fn advisories_on_security_offer_what_they_name() {
        let known = Installed { file: "/x", all: Vec::new(), compare: super::super::version::rpm };
        let text = "<?xml version=\"1.0\"?>\n<updates>\n<update type=\"security\"><id>A</id><pkglist><collection><name>n</name>\
            <package name=\"a\" epoch=\"0\" version=\"1.0\" release=\"2\" arch=\"x86_64\"><filename>f</filename></package>\
            <package name=\"b\" epoch=\"1\" version=\"3\" release=\"1\"/><package name=\"z\" version=\"9\" release=\"1\"/>\
            </collection></pkglist></update>\n<update type=\"bugfix\"><pkglist><collection><package name=\"a\" version=\"8\" release=\"1\"/>\
            </collection></pkglist></update>\n<update type=\"security\"><pkglist><collection><module name=\"m\" stream=\"1\"/>\
            <package name=\"a\" version=\"7\" release=\"1\"/></collection></pkglist></update>\n</updates>\n";
        let packed = |name: &str| -> Vec<u8> {
            match name {
                "u.xml.gz" => {
                    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    std::io::Write::write_all(&mut gz, text.as_bytes()).unwrap();
                    gz.finish().unwrap()
                }
                "u.xml.zst" => zstd::encode_all(text.as_bytes(), 1).unwrap(),
                _ => text.as_bytes().to_vec(),
            }
        };
        let read = |name: &str, bytes: Vec<u8>| {
            let has = |name: &str| name != "z";
            let wanted = Wanted { known: &known, has: &has };
            advisories::offers(Box::new(std::io::Cursor::new(bytes)), name, &wanted)
        };
        let want: Offers =
            [("a", "1.0-2"), ("b", "1:3-1")].map(|(n, v)| (n.to_owned(), (v.to_owned(), 0))).into_iter().collect();
        for name in ["u.xml", "u.xml.gz", "u.xml.zst"] {
            assert_eq!(read(name, packed(name)).unwrap(), want, "{name}");
            let mut cut = packed(name);
            cut.truncate(cut.len() / 2);
            assert!(read(name, cut).is_err(), "{name}");
        }
        assert!(read("u.xml.zck", Vec::new()).is_err());
    }
}
