//! Secrets at rest: sealed bytes in core.db, the same in memory; opened for the moment of use.

use rusqlite::{Connection, params};

use super::db::sql;
use super::live::Shared;
use super::types::{SecretRow, StoreError};
use super::writer::Writer;
use crate::config::plan::MARKS;
use crate::console::secrets::Keys;
use crate::model::{Secret, Wall};

/// Most secrets: one a device would be a thousand or two.
const MAX_SECRETS: i64 = 10_000;

/// All rows.
pub(super) fn load(core: &Connection) -> Result<Vec<(SecretRow, Vec<u8>)>, StoreError> {
    core.prepare("SELECT name, kind, generation, updated, updater, sealed FROM secret")
        .and_then(|mut q| {
            q.query_map([], |r| {
                let row = SecretRow {
                    name: r.get(0)?,
                    kind: r.get(1)?,
                    generation: r.get::<_, i64>(2)?.unsigned_abs(),
                    updated: Wall::from_millis(r.get(3)?),
                    updater: r.get(4)?,
                };
                Ok((row, r.get(5)?))
            })?
            .collect()
        })
        .map_err(sql("read the secrets"))
}

/// The key under which secrets of configurations are hashed, taken out of the rows. It is made once and sealed like a
/// secret: sealing all under a new key leaves it what it is, so that hashes from before compare with those after. One
/// that does not open any more is made anew, and hashes of two keys are not compared.
pub(super) fn marks(
    core: &Connection,
    keys: &Keys,
    rows: &mut Vec<(SecretRow, Vec<u8>)>,
    now: Wall,
) -> Result<Option<Secret>, StoreError> {
    let kept = rows.extract_if(.., |(row, _)| row.name == MARKS).next();
    if let Some(secret) = kept.and_then(|(row, body)| keys.open(MARKS, row.generation, &body).ok()) {
        return Ok(Some(secret));
    }
    let Some(secret) = keys.derived(MARKS).map(Secret::Token) else { return Ok(None) };
    let kind = secret.kind().to_owned();
    let row =
        SecretRow { name: MARKS.to_owned(), kind, generation: keys.current(), updated: now, updater: String::new() };
    store(core, &row, &keys.seal(MARKS, &secret)?)?;
    Ok(Some(secret))
}

/// Opens one.
pub(super) fn open(shared: &Shared, name: &str) -> Option<Secret> {
    let live = shared.live();
    if name == MARKS {
        return live.marks.clone();
    }
    let (row, sealed) = live.secrets.get(name)?;
    match live.keys.open(name, row.generation, sealed) {
        Ok(secret) => Some(secret),
        Err(error) => {
            tracing::error!(%error, "a secret cannot be used");
            None
        }
    }
}

/// Seals and stores one; says whether it replaced another.
pub(super) fn set(writer: &mut Writer, name: &str, secret: &Secret, updater: &str) -> Result<bool, StoreError> {
    let keys = writer.shared.live().keys.clone();
    let count: i64 =
        writer.core.query_row("SELECT count(*) FROM secret", [], |r| r.get(0)).map_err(sql("count the secrets"))?;
    let there: bool = writer
        .core
        .query_row("SELECT count(*) > 0 FROM secret WHERE name = ?1", [name], |r| r.get(0))
        .map_err(sql("look for a secret"))?;
    if !there && count >= MAX_SECRETS {
        return Err(StoreError::Request(format!("there are {MAX_SECRETS} secrets already; remove some first")));
    }
    let now = writer.now();
    let row = SecretRow {
        name: name.to_owned(),
        kind: secret.kind().to_owned(),
        generation: keys.current(),
        updated: now,
        updater: updater.to_owned(),
    };
    put(writer, row, keys.seal(name, secret)?)?;
    Ok(there)
}

fn store(core: &Connection, row: &SecretRow, sealed: &[u8]) -> Result<(), StoreError> {
    core.prepare_cached("INSERT OR REPLACE INTO secret (name, kind, generation, sealed, updated, updater) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .and_then(|mut q| {
            q.execute(params![row.name, row.kind, row.generation as i64, sealed, row.updated.millis(), row.updater])
        })
        .map(drop)
        .map_err(sql("store a secret"))
}

fn put(writer: &mut Writer, row: SecretRow, sealed: Vec<u8>) -> Result<(), StoreError> {
    store(&writer.core, &row, &sealed)?;
    if row.name == MARKS {
        return Ok(());
    }
    writer.after(move |shared| {
        shared.live_mut().secrets.insert(row.name.clone(), (row, sealed));
        shared.changed(|changes| changes.plan += 1);
    });
    Ok(())
}

/// Removes one; says whether it was there.
pub(super) fn remove(writer: &mut Writer, name: &str) -> Result<bool, StoreError> {
    if name == MARKS {
        return Ok(false);
    }
    let gone = writer.core.execute("DELETE FROM secret WHERE name = ?1", [name]).map_err(sql("remove a secret"))? > 0;
    let name = name.to_owned();
    writer.after(move |shared| {
        shared.live_mut().secrets.remove(&name);
        shared.changed(|changes| changes.plan += 1);
    });
    Ok(gone)
}

/// Seals all again under a new key. The key file holds both generations until that is committed.
pub(super) fn rotate(writer: &mut Writer) -> Result<(u64, usize), StoreError> {
    let old = writer.shared.live().keys.clone();
    let next = old.with_next()?;
    let rows = load(&writer.core)?;
    let count = rows.iter().filter(|(row, _)| row.name != MARKS).count();
    let mut sealed = Vec::with_capacity(rows.len());
    for (row, body) in rows {
        let secret = old.open(&row.name, row.generation, &body)?;
        sealed.push((next.seal(&row.name, &secret)?, row));
    }
    next.save()?;
    // Known at once, so that a secret set later in the same group is not sealed under the old key.
    writer.shared.live_mut().keys = next.clone();
    for (body, row) in sealed {
        put(writer, SecretRow { generation: next.current(), ..row }, body)?;
    }
    let generation = next.current();
    writer.after(move |shared| drop_old(shared, &next));
    Ok((generation, count))
}

fn drop_old(shared: &Shared, next: &Keys) {
    let kept = next.without_old();
    match kept.save() {
        Ok(()) => shared.live_mut().keys = kept,
        Err(error) => tracing::warn!(%error, "the old sealing key stays in the key file"),
    }
}
