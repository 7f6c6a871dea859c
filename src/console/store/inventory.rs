//! The declared inventory in rows: one entity each, its body the TOML that `inventory export` writes, so that
//! there is one format and one parser. Rows keep a UUIDv7 and their origin through changes and renamings;
//! what is removed stays as a tombstone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::db::sql;
use super::types::StoreError;
use super::writer::Writer;
use crate::config::inventory;
use crate::engine::incident::Input;
use crate::model::inventory::Inventory;
use crate::model::{Object, Wall};

/// A setting, as text.
pub(super) fn setting(core: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    core.prepare_cached("SELECT value FROM setting WHERE key = ?1")
        .and_then(|mut q| q.query_row([key], |r| r.get(0)).optional())
        .map_err(sql("read a setting"))
}

/// Stores a setting.
pub(super) fn set_setting(core: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    core.prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")
        .and_then(|mut q| q.execute([key, value]))
        .map(drop)
        .map_err(sql("store a setting"))
}

/// A counting setting; 0 before its first use.
pub(super) fn number(core: &Connection, key: &str) -> Result<u64, StoreError> {
    Ok(setting(core, key)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// The next number of a counting setting.
pub(super) fn next_number(core: &Connection, key: &str) -> Result<u64, StoreError> {
    let next = number(core, key)? + 1;
    set_setting(core, key, &next.to_string())?;
    Ok(next)
}

/// One declared thing as it is stored.
struct Item {
    body: String,
    renamed_from: Option<String>,
}

/// Every entity as text, by kind and id.
fn items(inventory: &Inventory) -> BTreeMap<(&'static str, String), Item> {
    let mut items = BTreeMap::new();
    macro_rules! each {
        ($($field:ident = $kind:literal;)*) => {$(
            for (id, value) in &inventory.$field {
                let one = Inventory { $field: BTreeMap::from([(id.clone(), value.clone())]), ..Inventory::default() };
                let body = inventory::export(&one);
                // A shipped zone is not written out, and comes back by itself.
                if !body.trim().is_empty() {
                    items.insert(($kind, id.to_string()), Item { body, renamed_from: None });
                }
            }
        )*};
    }
    each! {
        regions = "region";
        organisations = "organisation";
        persons = "person";
        zones = "zone";
        agents = "agent";
        assets = "asset";
        links = "link";
        systems = "system";
    }
    for (id, asset) in &inventory.assets {
        if let Some(item) = items.get_mut(&("asset", id.to_string())) {
            item.renamed_from = asset.renamed_from.as_ref().map(ToString::to_string);
        }
    }
    items
}

/// Reads the inventory and its revision.
pub(super) fn load(core: &Connection) -> Result<(u64, Arc<Inventory>), StoreError> {
    let texts: Vec<(String, String)> = core
        .prepare("SELECT kind, id, body FROM entity WHERE removed IS NULL ORDER BY kind, id")
        .and_then(|mut q| {
            q.query_map([], |r| {
                let (kind, id): (String, String) = (r.get(0)?, r.get(1)?);
                Ok((format!("core.db {kind} {id}"), r.get(2)?))
            })?
            .collect()
        })
        .map_err(sql("read the inventory"))?;
    let read = if texts.is_empty() { Ok(inventory::shipped()) } else { inventory::parse(&texts) };
    let inventory = read.map_err(|diagnostics| {
        let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
        StoreError::Request(format!(
            "the inventory in core.db does not read ({first}): restore a backup, or start the version that wrote it and export"
        ))
    })?;
    Ok((number(core, "inventory_rev")?, Arc::new(inventory)))
}

/// What an application of an inventory came to.
pub(super) enum Applied {
    /// Another revision is in place.
    Conflict(u64),
    /// This revision is in place now.
    Revision(u64),
}

/// Brings the tables to `inventory`.
pub(super) fn apply(writer: &mut Writer, inventory: Inventory, base_rev: u64) -> Result<Applied, StoreError> {
    let found = number(&writer.core, "inventory_rev")?;
    if found != base_rev {
        return Ok(Applied::Conflict(found));
    }
    let now = writer.now();
    let rev = next_number(&writer.core, "inventory_rev")?;
    let wanted = items(&inventory);
    let held: BTreeMap<(String, String), String> = writer
        .core
        .prepare_cached("SELECT kind, id, body FROM entity WHERE removed IS NULL")
        .and_then(|mut q| q.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))?.collect())
        .map_err(sql("read the inventory"))?;
    let origin = setting(&writer.core, "console_uuid")?.unwrap_or_default();
    // Renamings first: they free the old id and keep the row.
    let mut renamed = BTreeSet::new();
    for ((kind, id), item) in &wanted {
        let Some(from) = &item.renamed_from else { continue };
        let (old, new) = (((*kind).to_owned(), from.clone()), ((*kind).to_owned(), id.clone()));
        if held.contains_key(&old) && !held.contains_key(&new) && !wanted.contains_key(&(kind, from.clone())) {
            writer
                .core
                .execute(
                    "UPDATE entity SET id = ?3, renamed_from = ?2, body = ?4, rev = ?5, updated = ?6 WHERE kind = ?1 AND id = ?2 AND removed IS NULL",
                    params![kind, from, id, item.body, rev as i64, now.millis()],
                )
                .map_err(sql("rename an entity"))?;
            renamed.extend([old, new]);
        }
    }
    let mut gone = Vec::new();
    let staying: HashSet<(&str, &str)> = wanted.keys().map(|(kind, id)| (*kind, id.as_str())).collect();
    for key in held.keys() {
        let (kind, id) = key;
        if staying.contains(&(kind.as_str(), id.as_str())) {
            continue;
        }
        gone.extend(object(kind, id));
        if !renamed.contains(key) {
            writer
                .core
                .prepare_cached(
                    "UPDATE entity SET removed = ?3, rev = ?4 WHERE kind = ?1 AND id = ?2 AND removed IS NULL",
                )
                .and_then(|mut q| q.execute(params![kind, id, now.millis(), rev as i64]))
                .map_err(sql("remove an entity"))?;
        }
    }
    for ((kind, id), item) in &wanted {
        let key = ((*kind).to_owned(), id.clone());
        if renamed.contains(&key) {
            continue;
        }
        match held.get(&key) {
            Some(body) if *body == item.body => {}
            Some(_) => {
                writer
                    .core
                    .prepare_cached("UPDATE entity SET body = ?3, rev = ?4, updated = ?5 WHERE kind = ?1 AND id = ?2 AND removed IS NULL")
                    .and_then(|mut q| q.execute(params![kind, id, item.body, rev as i64, now.millis()]))
                    .map_err(sql("change an entity"))?;
            }
            None => insert(writer, kind, id, item, &origin, rev, now)?,
        }
    }
    writer.rows += wanted.len();
    withdraw(writer, gone.clone(), now)?;
    let inventory = Arc::new(inventory);
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        live.inventory = inventory;
        live.rev = rev;
        live.refused.clear();
        drop(live);
        let is_gone = |object: &Object| {
            gone.iter().any(|g| g == object || object.asset().is_some() && g.asset() == object.asset())
        };
        shared.latest_mut().prune(Wall::from_millis(i64::MIN), is_gone);
        shared.changed(|changes| changes.plan += 1);
    });
    Ok(Applied::Revision(rev))
}

fn insert(
    writer: &Writer,
    kind: &str,
    id: &str,
    item: &Item,
    origin: &str,
    rev: u64,
    now: Wall,
) -> Result<(), StoreError> {
    writer
        .core
        .prepare_cached("INSERT INTO entity (uuid, kind, id, origin, rev, body, renamed_from, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)")
        .and_then(|mut q| {
            let uuid = writer.new_id(now);
            q.execute(params![uuid, kind, id, origin, rev as i64, item.body, item.renamed_from, now.millis()])
        })
        .map(drop)
        .map_err(sql("store an entity"))
}

fn object(kind: &str, id: &str) -> Option<Object> {
    matches!(kind, "region" | "agent" | "asset" | "link").then(|| format!("{kind}:{id}").parse().ok()).flatten()
}

/// Nothing is said any longer about what is gone, the interfaces of a gone asset included.
fn withdraw(writer: &mut Writer, gone: Vec<Object>, now: Wall) -> Result<(), StoreError> {
    let mut objects = gone;
    let below: Vec<Object> = writer
        .memory
        .book
        .active()
        .map(|incident| incident.key.object.clone())
        .filter(|object| {
            objects.iter().any(|g| g != object && object.asset().is_some() && g.asset() == object.asset())
        })
        .collect();
    objects.extend(below);
    objects.sort();
    objects.dedup();
    let inputs = objects.into_iter().map(|object| Input::ObjectGone { object }).collect();
    super::incidents::apply_all(writer, inputs, now)
}
