//! Package databases made here, in each of the forms.

use std::io::Cursor;

use super::*;

/// An rpm header with the tags that matter and one that does not.
fn blob(name: &str, version: &str, release: &str, epoch: Option<u32>, padding: usize) -> Vec<u8> {
    let mut store = Vec::new();
    let mut entries: Vec<(u32, u32, usize)> = Vec::new();
    for (tag, text) in [(1000, name), (1001, version), (1002, release)] {
        entries.push((tag, 6, store.len()));
        store.extend_from_slice(text.as_bytes());
        store.push(0);
    }
    if let Some(epoch) = epoch {
        entries.push((1003, 4, store.len()));
        store.extend_from_slice(&epoch.to_be_bytes());
    }
    entries.push((1005, 6, store.len()));
    store.extend(std::iter::repeat_n(b'x', padding));
    store.push(0);
    let mut all = Vec::new();
    all.extend_from_slice(&u32::try_from(entries.len()).unwrap().to_be_bytes());
    all.extend_from_slice(&u32::try_from(store.len()).unwrap().to_be_bytes());
    for (tag, kind, offset) in entries {
        for word in [tag, kind, u32::try_from(offset).unwrap(), 1] {
            all.extend_from_slice(&word.to_be_bytes());
        }
    }
    all.extend_from_slice(&store);
    all
}

fn packages(bytes: &[u8], log: Option<&[u8]>) -> Result<Vec<(String, String)>, Broken> {
    let all = read(&mut Cursor::new(bytes), log)?;
    Ok(all.into_iter().map(|p| (p.name, p.version)).collect())
}

fn pair(name: &str, version: &str) -> (String, String) {
    (name.to_owned(), version.to_owned())
}

/// The table as rpm makes it, with packages that spill over pages and enough of them for a tree of two levels.
fn sqlite(rows: usize) -> (tempfile::TempDir, rusqlite::Connection, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rpmdb.sqlite");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
         CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);",
    )
    .unwrap();
    for i in 0..rows {
        let blob = blob(&format!("p{i:04}"), "1.0", "2", (i % 2 == 1).then_some(3), i * 37 % 20_000);
        db.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
    }
    (dir, db, path)
}

#[test]
fn a_table_of_sqlite_is_read_with_what_its_log_holds() {
    let (_dir, db, path) = sqlite(900);
    let all = packages(&std::fs::read(&path).unwrap(), None).unwrap();
    assert_eq!(all.len(), 900);
    assert_eq!(all[0], pair("p0000", "1.0-2"));
    assert_eq!(all[899], pair("p0899", "3:1.0-2"));
    db.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    db.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob("zlast", "9", "1", None, 9000)]).unwrap();
    let (bytes, log) = (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("sqlite-wal")).unwrap());
    assert_eq!(packages(&bytes, None).unwrap().len(), 900);
    assert_eq!(packages(&bytes, Some(&log)).unwrap().last().unwrap(), &pair("zlast", "9-1"));
}

#[test]
fn slots_of_ndb_are_read() {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(b"RpmP");
    bytes[12..16].copy_from_slice(&1_u32.to_le_bytes());
    for slot in bytes[32..].chunks_exact_mut(16) {
        slot[..4].copy_from_slice(b"Slot");
    }
    let blob = blob("bash", "5.1", "7", None, 10);
    for (offset, value) in [(36, 5_u32), (40, 256)] {
        bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(b"BlbS");
    for word in [5, 0, u32::try_from(blob.len()).unwrap()] {
        bytes.extend_from_slice(&u32::to_le_bytes(word));
    }
    bytes.extend_from_slice(&blob);
    assert_eq!(packages(&bytes, None).unwrap(), [pair("bash", "5.1-7")]);
    bytes[4096] = b'X';
    assert!(packages(&bytes, None).is_err());
}

/// A hash with one page of pairs, and packages on chains of overflow pages.
fn bdb_file() -> Vec<u8> {
    const SIZE: usize = 512;
    let blobs = [blob("kernel", "4.19", "1", None, 900), blob("openssh", "7.4p1", "21.el7", Some(1), 3)];
    let put =
        |page: &mut [u8], offset: usize, value: u32| page[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    let mut pages = vec![vec![0_u8; SIZE], vec![0_u8; SIZE]];
    let mut starts = Vec::new();
    for blob in &blobs {
        starts.push((pages.len(), blob.len()));
        let parts: Vec<&[u8]> = blob.chunks(SIZE - 26).collect();
        for (i, part) in parts.iter().enumerate() {
            let mut page = vec![0; SIZE];
            page[25] = 7;
            let next = if i + 1 < parts.len() { pages.len() + 1 } else { 0 };
            put(&mut page, 16, u32::try_from(next).unwrap());
            page[22..24].copy_from_slice(&u16::try_from(part.len()).unwrap().to_le_bytes());
            page[26..26 + part.len()].copy_from_slice(part);
            pages.push(page);
        }
    }
    let hash = &mut pages[1];
    hash[25] = 13;
    hash[20..22].copy_from_slice(&4_u16.to_le_bytes());
    for (i, (start, length)) in starts.iter().enumerate() {
        let (key, value) = (500 - i * 40, 480 - i * 40);
        hash[26 + i * 4..28 + i * 4].copy_from_slice(&u16::try_from(key).unwrap().to_le_bytes());
        hash[28 + i * 4..30 + i * 4].copy_from_slice(&u16::try_from(value).unwrap().to_le_bytes());
        hash[key] = 1;
        hash[value] = 3;
        put(hash, value + 4, u32::try_from(*start).unwrap());
        put(hash, value + 8, u32::try_from(*length).unwrap());
    }
    let last = u32::try_from(pages.len() - 1).unwrap();
    put(&mut pages[0], 12, 0x0006_1561);
    put(&mut pages[0], 20, u32::try_from(SIZE).unwrap());
    put(&mut pages[0], 32, last);
    pages.concat()
}

#[test]
fn a_hash_of_berkeley_db_is_read() {
    let bytes = bdb_file();
    assert_eq!(packages(&bytes, None).unwrap(), [pair("kernel", "4.19-1"), pair("openssh", "1:7.4p1-21.el7")]);
}

#[test]
fn what_is_cut_or_turned_over_is_an_error_or_less_and_never_a_panic() {
    let (_dir, _db, path) = sqlite(60);
    for bytes in [std::fs::read(&path).unwrap(), bdb_file()] {
        for end in (0..bytes.len()).step_by(97) {
            let _ = packages(&bytes[..end], None);
        }
        let mut seed = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut other = bytes.clone();
            for _ in 0..seed.usize(1..20) {
                let at = seed.usize(..other.len());
                other[at] = seed.u8(..);
            }
            let _ = packages(&other, Some(&bytes));
        }
    }
    assert!(packages(b"", None).is_err());
    assert!(packages(&[0xff; 4096], None).is_err());
    // A chain that leads back to itself ends where a header ends.
    let mut bytes = bdb_file();
    bytes[2 * 512 + 16] = 2;
    assert!(packages(&bytes, None).is_ok());
}
