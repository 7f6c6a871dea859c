//! What applying a file would do, item by item and key by key.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::inventory::{Asset, Inventory};

use super::export::Fields;

/// What a change does to one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Add,
    /// It differs.
    Change,
    /// It goes.
    Remove,
}

impl Action {
    /// The sign at the start of a line.
    pub const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
        }
    }
}

/// One line of a printed plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// `asset`, `link`, ...
    pub what: &'static str,
    /// The same in Chinese.
    pub what_zh: &'static str,
    /// Id.
    pub id: String,
    /// Key, old and new value as a file writes them; empty = not there. Only for `Change`.
    pub fields: Vec<(String, String, String)>,
}

impl Change {
    /// The line in Chinese.
    pub fn zh(&self) -> String {
        self.line(self.what_zh, "无")
    }

    fn line(&self, what: &str, nothing: &str) -> String {
        let or = |value: &str| if value.is_empty() { nothing.to_owned() } else { value.to_owned() };
        let fields: Vec<String> =
            self.fields.iter().map(|(key, old, new)| format!("{key} {} -> {}", or(old), or(new))).collect();
        let colon = if fields.is_empty() { "" } else { ": " };
        format!("{} {what} {}{colon}{}", self.action.sign(), self.id, fields.join(", "))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(self.what, "nothing"))
    }
}

/// What applying a file would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// In order: zones and regions first, systems last.
    pub changes: Vec<Change>,
    /// The inventory as it would be.
    pub merged: Inventory,
}

impl Diff {
    /// How many are added, changed, removed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let of = |action| self.changes.iter().filter(|c| c.action == action).count();
        (of(Action::Add), of(Action::Change), of(Action::Remove))
    }
}

/// Compares. Without `prune` the items of `new` are added to or replace those of `old`; with it what `new` lacks
/// goes (shipped zones stay).
pub fn diff(old: &Inventory, new: &Inventory, prune: bool) -> Diff {
    let shipped = super::shipped();
    let mut merged = Inventory::default();
    let mut changes = Vec::new();
    // A reader adds the shipped zones to everything; that must not undo a zone somebody changed.
    let mut zones = new.zones.clone();
    zones.retain(|id, zone| shipped.zones.get(id) != Some(zone) || !old.zones.contains_key(id));
    if prune {
        zones.extend(
            old.zones
                .iter()
                .filter(|(id, _)| new.zones.contains_key(*id))
                .filter(|&(id, _zone)| !zones.contains_key(id) && shipped.zones.contains_key(id))
                .map(|(id, zone)| (id.clone(), zone.clone()))
                .collect::<Vec<_>>(),
        );
    }
    merged.zones = compare("zone", "所属网络", &old.zones, &zones, prune, &mut changes);
    // The shipped ones are there from the start; nobody wants to read about them.
    changes
        .retain(|c| c.action != Action::Add || shipped.zones.get(c.id.as_str()) != merged.zones.get(c.id.as_str()));
    macro_rules! nouns {
        ($($noun:literal $zh:literal $map:ident;)*) => {
            $(merged.$map = compare($noun, $zh, &old.$map, &new.$map, prune, &mut changes);)*
        };
    }
    nouns! {
        "region" "区划" regions;
        "organisation" "单位" organisations;
        "person" "责任人" persons;
        "agent" "探针" agents;
        "asset" "资产" assets;
        "link" "链路" links;
        "system" "定级对象" systems;
    }
    Diff { changes, merged }
}

/// Keys of an asset that differ, with old and new value as a file writes them; empty = not there.
pub fn asset_changes(old: &Asset, new: &Asset) -> Vec<(String, String, String)> {
    changed_fields(old, new)
}

fn compare<K: Ord + Clone + ToString, V: Fields + Clone + PartialEq>(
    what: &'static str,
    what_zh: &'static str,
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    prune: bool,
    changes: &mut Vec<Change>,
) -> BTreeMap<K, V> {
    let mut merged = old.clone();
    let mut change =
        |action, id: &K, fields| changes.push(Change { action, what, what_zh, id: id.to_string(), fields });
    for (id, item) in new {
        match old.get(id) {
            None => change(Action::Add, id, Vec::new()),
            Some(before) if before != item => change(Action::Change, id, changed_fields(before, item)),
            Some(_) => continue,
        }
        merged.insert(id.clone(), item.clone());
    }
    if prune {
        for id in old.keys().filter(|id| !new.contains_key(*id)) {
            change(Action::Remove, id, Vec::new());
            merged.remove(id);
        }
    }
    merged
}

fn changed_fields(old: &impl Fields, new: &impl Fields) -> Vec<(String, String, String)> {
    let (old, new) = (old.fields(), new.fields());
    let value = |all: &[(&str, String)], key: &str| {
        all.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    let mut keys: Vec<&str> = new.iter().map(|(k, _)| *k).collect();
    keys.extend(old.iter().map(|(k, _)| *k).filter(|k| !new.iter().any(|(n, _)| n == k)));
    let all = keys.into_iter().map(|key| (key.to_owned(), value(&old, key), value(&new, key)));
    all.filter(|(_, before, after)| before != after).collect()
}
