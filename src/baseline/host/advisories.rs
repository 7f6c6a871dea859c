//! Advisories of dnf and yum (`updateinfo`), as their caches hold them: which packages were updated for security's sake.
//! Form: createrepo_c, `updaterecord`; the documents are compressed, read piece by piece and bounded.
//!
//! Packages of modules are left out: which stream a host follows is not in its package database.

use std::io::{BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::root::{Pieces, Unseen};
use super::updates::{Offers, Wanted};

/// Where the caches of dnf, of its fifth edition and of yum have them.
pub(super) const CACHES: [&str; 3] = [
    "/var/cache/dnf/*/repodata/*updateinfo.xml*",
    "/var/cache/libdnf5/*/repodata/*updateinfo.xml*",
    "/var/cache/yum/*/*/*/*updateinfo.xml*",
];
/// The most bytes of a document, unpacked; those of distributions have some tens of MiB.
const MAX_BYTES: u64 = 256 << 20;

/// The newest version that any advisory on security has of each package that is wanted.
pub(super) fn offers(file: Box<dyn Pieces>, path: &str, wanted: &Wanted<'_>) -> Result<Offers, Unseen> {
    let text: Box<dyn Read> = match path.rsplit('.').next() {
        Some("xml") => Box::new(file),
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => {
            let unpacked = zstd::Decoder::new(file).map_err(|e| Unseen::Io(path.to_owned(), e.to_string()))?;
            Box::new(unpacked)
        }
        _ => return Err(Unseen::Io(path.to_owned(), "its compression is not known".to_owned())),
    };
    read(BufReader::new(text.take(MAX_BYTES)), path, wanted)
}

fn read(text: impl BufRead, path: &str, wanted: &Wanted<'_>) -> Result<Offers, Unseen> {
    let mut reader = Reader::from_reader(text);
    let (mut buffer, mut offers) = (Vec::new(), Offers::new());
    let (mut security, mut modular, mut whole) = (false, false, false);
    let mut pending: Vec<(String, String)> = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let broken = |what: &str| Unseen::Io(path.to_owned(), what.to_owned());
        match event.map_err(|_| broken("not well-formed XML"))? {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "update" => security = attribute(&element, "type").as_deref() == Some("security"),
                "collection" => {
                    pending.clear();
                    modular = false;
                }
                "module" => modular = true,
                "package" if security => pending.extend(package(&element)),
                _ => {}
            },
            Event::End(element) if element.name().as_ref() == "collection" => {
                for (name, version) in pending.drain(..).filter(|_| !modular) {
                    wanted.offer(&mut offers, &name, &version, 0);
                }
            }
            Event::End(element) if element.name().as_ref() == "updates" => whole = true,
            Event::Eof if reader.buffer_position() >= MAX_BYTES => return Err(Unseen::TooLarge(path.to_owned())),
            Event::Eof if !whole => return Err(broken("cut short")),
            Event::Eof => return Ok(offers),
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|a| a.key.as_ref() == name)?;
    Some(found.value.into_owned())
}

/// Name and `[EPOCH:]VERSION-RELEASE`, as the package database has them.
fn package(element: &BytesStart<'_>) -> Option<(String, String)> {
    let own = |name| attribute(element, name);
    let epoch = own("epoch").filter(|e| !e.is_empty() && e != "0").map(|e| format!("{e}:")).unwrap_or_default();
    Some((own("name")?, format!("{epoch}{}-{}", own("version")?, own("release")?)))
}
