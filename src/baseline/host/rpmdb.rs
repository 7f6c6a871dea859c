//! The package database of rpm, read without rpm and without a database library: the three forms it has had (a table
//! of SQLite, a hash of Berkeley DB, slots of "ndb"), of which only package names and versions are wanted. Everything
//! is bounded, a broken file is an error and never a panic. Sources: SQLite's "Database File Format", the layout of
//! libdb's `db_page.h`, rpm's `rpmpkg.c` and its header format.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

/// The most packages a host may have.
const MAX_PACKAGES: usize = 50_000;
/// How much of a header is read: name, version and architecture stand before descriptions and file lists.
const MAX_HEADER: usize = 64 * 1024;
/// The most pages that are looked at: 4 GiB of the usual 4 KiB.
const MAX_PAGES: u32 = 1 << 20;
/// The deepest tree of SQLite.
const MAX_DEPTH: usize = 20;
/// The most slot pages of an ndb file.
const MAX_SLOT_PAGES: u32 = 2048;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    /// Name.
    pub(super) name: String,
    /// `[EPOCH:]VERSION[-RELEASE]`.
    pub(super) version: String,
}

/// Why a database could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(&'static str);

const SHORT: Broken = Broken("the package database is cut short");

/// Reads `rpmdb.sqlite`, with what its write-ahead log holds, `Packages` (Berkeley DB) or `Packages.db` (ndb); the
/// file's own first bytes tell which.
pub(super) fn read(file: &mut (impl Read + Seek), log: Option<&[u8]>) -> Result<Vec<Package>, Broken> {
    let mut head = [0; 72];
    at(file, 0, &mut head)?;
    let blobs = if head.starts_with(b"SQLite format 3\0") {
        Sqlite::open(file, &head, log)?.blobs("Packages")
    } else if head.starts_with(b"RpmP") {
        ndb(file, &head)
    } else {
        bdb(file, &head)
    }?;
    let mut packages: Vec<Package> = blobs.iter().filter_map(|blob| header(blob)).collect();
    if packages.len() * 2 < blobs.len() {
        return Err(Broken("most package headers could not be read"));
    }
    packages.sort();
    Ok(packages)
}

fn at(file: &mut (impl Read + Seek), offset: u64, buffer: &mut [u8]) -> Result<(), Broken> {
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
    read.map_err(|_| SHORT)
}

fn number<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Broken> {
    bytes.get(offset..offset + N).and_then(|b| b.try_into().ok()).ok_or(SHORT)
}

/// Bytes as they stand most significant first.
fn big(bytes: &[u8], offset: usize) -> Result<u32, Broken> {
    number(bytes, offset).map(u32::from_be_bytes)
}

fn big16(bytes: &[u8], offset: usize) -> Result<usize, Broken> {
    number(bytes, offset).map(u16::from_be_bytes).map(usize::from)
}

/// Name and version of an rpm header: counts, index of tags, store. `None` if it is none.
fn header(blob: &[u8]) -> Option<Package> {
    const STRING: u32 = 6;
    const INT32: u32 = 4;
    const ENTRY: usize = 16;
    let count = (big(blob, 0).ok()? as usize).min(blob.len() / ENTRY);
    let store = 8 + count * ENTRY;
    let entry = |tag: u32, kind: u32| {
        let mut all = (0..count).map(|i| 8 + i * ENTRY);
        let found = all.find(|&o| big(blob, o) == Ok(tag) && big(blob, o + 4) == Ok(kind))?;
        blob.get(store.checked_add(big(blob, found + 8).ok()? as usize)?..)
    };
    let text = |tag| {
        let bytes = entry(tag, STRING)?;
        let end = bytes.iter().position(|b| *b == 0)?;
        std::str::from_utf8(bytes.get(..end)?).ok().map(str::to_owned)
    };
    let (name, version, release) = (text(1000)?, text(1001)?, text(1002)?);
    let epoch = entry(1003, INT32).and_then(|b| big(b, 0).ok()).filter(|e| *e > 0);
    let epoch = epoch.map(|e| format!("{e}:")).unwrap_or_default();
    Some(Package { name, version: format!("{epoch}{version}-{release}") })
}

/// A SQLite file as pages.
struct Sqlite<'a, F> {
    file: &'a mut F,
    size: usize,
    usable: usize,
    log: &'a [u8],
    logged: HashMap<u32, usize>,
}

impl<'a, F: Read + Seek> Sqlite<'a, F> {
    fn open(file: &'a mut F, head: &[u8], log: Option<&'a [u8]>) -> Result<Self, Broken> {
        let size = match big16(head, 16)? {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => size,
            _ => return Err(Broken("not a page size of SQLite")),
        };
        let usable = size - usize::from(*head.get(20).ok_or(SHORT)?);
        let log = log.unwrap_or_default();
        Ok(Self { file, size, usable, log, logged: logged(log, size) })
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, Broken> {
        if let Some(&offset) = self.logged.get(&number) {
            return self.log.get(offset..offset + self.size).map(<[u8]>::to_vec).ok_or(SHORT);
        }
        let mut page = vec![0; self.size];
        at(self.file, u64::from(number.checked_sub(1).ok_or(SHORT)?) * self.size as u64, &mut page)?;
        Ok(page)
    }

    /// The first blob of each row of a table.
    fn blobs(&mut self, table: &str) -> Result<Vec<Vec<u8>>, Broken> {
        let mut root = None;
        for row in self.rows(1)? {
            let columns = columns(&row);
            if columns.first() == Some(&b"table".as_slice()) && columns.get(1) == Some(&table.as_bytes()) {
                let bytes = columns.get(3).copied().unwrap_or_default();
                root = Some(bytes.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)));
            }
        }
        let rows = self.rows(root.ok_or(Broken("the database has no table of packages"))?)?;
        Ok(rows.iter().filter_map(|row| columns(row).get(1).map(|b| b.to_vec())).collect())
    }

    /// The records of a table's tree, each as far as a header is read.
    fn rows(&mut self, root: u32) -> Result<Vec<Vec<u8>>, Broken> {
        const INTERIOR: u8 = 5;
        const LEAF: u8 = 13;
        let (mut rows, mut seen) = (Vec::new(), 0);
        let mut open = vec![(root, 0)];
        while let Some((number, depth)) = open.pop() {
            seen += 1;
            if depth > MAX_DEPTH || seen > MAX_PAGES || rows.len() > MAX_PACKAGES {
                return Err(Broken("the package database is larger than any that is real"));
            }
            let page = self.page(number)?;
            let start = if number == 1 { 100 } else { 0 };
            let (kind, count) = (*page.get(start).ok_or(SHORT)?, big16(&page, start + 3)?);
            let cells = start + if kind == INTERIOR { 12 } else { 8 };
            for i in 0..count {
                let cell = big16(&page, cells + i * 2)?;
                match kind {
                    INTERIOR => open.push((big(&page, cell)?, depth + 1)),
                    LEAF => rows.push(self.payload(&page, cell)?),
                    _ => return Err(Broken("the package database's tree is broken")),
                }
            }
            if kind == INTERIOR {
                open.push((big(&page, start + 8)?, depth + 1));
            }
        }
        Ok(rows)
    }

    fn payload(&mut self, page: &[u8], cell: usize) -> Result<Vec<u8>, Broken> {
        let (length, used) = varint(page.get(cell..).ok_or(SHORT)?).ok_or(SHORT)?;
        let (_, key) = varint(page.get(cell + used..).ok_or(SHORT)?).ok_or(SHORT)?;
        let (length, start) = (usize::try_from(length).map_err(|_| SHORT)?, cell + used + key);
        let all = self.usable.checked_sub(35).ok_or(SHORT)?;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = match length {
            n if n <= all => n,
            n => Some(least + (n - least) % (self.usable - 4)).filter(|k| *k <= all).unwrap_or(least),
        };
        let mut record = page.get(start..start + local).ok_or(SHORT)?.to_vec();
        let mut next = if local < length { big(page, start + local)? } else { 0 };
        while next != 0 && record.len() < length.min(MAX_HEADER) {
            let more = self.page(next)?;
            next = big(&more, 0)?;
            let part = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(more.get(4..4 + part).ok_or(SHORT)?);
        }
        Ok(record)
    }
}

/// Where the newest committed copy of each page stands in a write-ahead log.
fn logged(log: &[u8], size: usize) -> HashMap<u32, usize> {
    let (mut pages, mut pending) = (HashMap::new(), Vec::new());
    let salts = log.get(16..24);
    let mut offset = 32;
    while let (Some(frame), true) = (log.get(offset..offset + 24), log.len() >= offset + 24 + size) {
        if frame.get(8..16) != salts {
            break;
        }
        let (number, commit) = (big(frame, 0).unwrap_or(0), big(frame, 4).unwrap_or(0));
        pending.push((number, offset + 24));
        if commit != 0 {
            pages.extend(pending.drain(..));
        }
        offset += 24 + size;
    }
    pages
}

/// A number of SQLite's and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        if i == 8 {
            return Some((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// The values of a record as bytes; the last may be cut.
fn columns(record: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let Some((length, mut offset)) = varint(record) else { return all };
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(record.len());
    let mut start = length;
    while offset < length {
        let Some((kind, used)) = record.get(offset..length).and_then(varint) else { break };
        offset += used;
        let size = match kind {
            0 | 8 | 9 => 0,
            n @ 1..=4 => n as usize,
            5 => 6,
            6 | 7 => 8,
            n => usize::try_from(n.saturating_sub(12) / 2).unwrap_or(usize::MAX),
        };
        let end = start.saturating_add(size).min(record.len());
        all.push(record.get(start..end).unwrap_or_default());
        start = end;
    }
    all
}

/// Slots of rpm's own form.
fn ndb(file: &mut (impl Read + Seek), head: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
    const SLOT: usize = 16;
    let little = |bytes: &[u8], offset| number(bytes, offset).map(u32::from_le_bytes);
    let pages = little(head, 12)?;
    if little(head, 4)? != 0 || pages == 0 || pages > MAX_SLOT_PAGES {
        return Err(Broken("not a version of ndb that is known"));
    }
    let mut slots = vec![0; pages as usize * 4096 - 2 * SLOT];
    at(file, 2 * SLOT as u64, &mut slots)?;
    let mut blobs = Vec::new();
    for slot in slots.chunks_exact(SLOT) {
        if !slot.starts_with(b"Slot") {
            return Err(Broken("a slot of the package database is broken"));
        }
        if little(slot, 4)? == 0 {
            continue;
        }
        let mut blob = [0; SLOT];
        let start = u64::from(little(slot, 8)?) * SLOT as u64;
        at(file, start, &mut blob)?;
        if !blob.starts_with(b"BlbS") || blob.get(4..8) != slot.get(4..8) {
            return Err(Broken("a package of the database is broken"));
        }
        let mut bytes = vec![0; (little(&blob, 12)? as usize).min(MAX_HEADER)];
        at(file, start + SLOT as u64, &mut bytes)?;
        blobs.push(bytes);
        if blobs.len() > MAX_PACKAGES {
            return Err(Broken("the package database is larger than any that is real"));
        }
    }
    Ok(blobs)
}

/// A hash of Berkeley DB: packages stand on chains of overflow pages that the hash's pages name.
fn bdb(file: &mut (impl Read + Seek), head: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
    const MAGIC: u32 = 0x0006_1561;
    const HEAD: usize = 26;
    const HASH: [u8; 2] = [2, 13];
    const OVERFLOW: u8 = 7;
    const OFF_PAGE: u8 = 3;
    let swapped = match number(head, 12).map(u32::from_le_bytes)? {
        MAGIC => false,
        magic if magic.swap_bytes() == MAGIC => true,
        _ => return Err(Broken("not a package database of a form that is known (sqlite, ndb, Berkeley DB hash)")),
    };
    let word = |bytes: &[u8], offset| {
        number(bytes, offset).map(|b| if swapped { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    };
    let half = |bytes: &[u8], offset| {
        number(bytes, offset)
            .map(|b| usize::from(if swapped { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }))
    };
    let (size, last) = (word(head, 20)? as usize, word(head, 32)?);
    if !size.is_power_of_two() || !(512..=65_536).contains(&size) || last > MAX_PAGES {
        return Err(Broken("not a page size of Berkeley DB"));
    }
    let (mut page, mut more) = (vec![0; size], vec![0; size]);
    let (mut blobs, mut chained) = (Vec::new(), 0_u32);
    for index in 0..=last {
        at(file, u64::from(index) * size as u64, &mut page)?;
        if !page.get(25).is_some_and(|kind| HASH.contains(kind)) {
            continue;
        }
        // Keys and values take turns; the number of the next package is kept as a value on the page itself.
        for item in (1..half(&page, 20)?).step_by(2) {
            let item = half(&page, HEAD + item * 2)?;
            if page.get(item) != Some(&OFF_PAGE) {
                continue;
            }
            let mut blob = Vec::new();
            let mut next = word(&page, item + 4)?;
            while next != 0 && blob.len() < MAX_HEADER {
                chained += 1;
                if chained > MAX_PAGES {
                    return Err(Broken("the package database is larger than any that is real"));
                }
                at(file, u64::from(next) * size as u64, &mut more)?;
                if more.get(25) != Some(&OVERFLOW) {
                    return Err(Broken("a chain of pages of the package database is broken"));
                }
                next = word(&more, 16)?;
                let end = if next == 0 { HEAD + half(&more, 22)? } else { size };
                blob.extend_from_slice(more.get(HEAD..end).ok_or(SHORT)?);
            }
            blobs.push(blob);
            if blobs.len() > MAX_PACKAGES {
                return Err(Broken("the package database is larger than any that is real"));
            }
        }
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests;
