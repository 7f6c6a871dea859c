//! The inventory as files: read (all references checked), compare, write out again.
//!
//! `declared` things only; what agents observe never comes through here. See `docs/definitions.md`.

pub(in crate::config) mod check;
mod diff;
mod export;
mod parse;

use std::path::PathBuf;

use crate::model::ZoneId;
use crate::model::inventory::{Inventory, Zone};

use super::diag::Diagnostic;
use super::reader::{Faults, Source, read_files, toml_files};

pub use diff::{Action, Change, Diff, asset_changes, diff};
pub use export::export;

/// Reads files (or directories of `*.toml`) that stand on their own: every reference points into them or to a
/// shipped zone.
pub fn read(files: &[PathBuf]) -> Result<Inventory, Vec<Diagnostic>> {
    let faults = Faults::default();
    let mut paths = Vec::new();
    for file in files {
        // A missing directory is no mistake for overlays, but here somebody named it.
        if file.is_dir() { paths.extend(toml_files(file, &faults)) } else { paths.push(file.clone()) }
    }
    let sources = read_files(&paths, &faults);
    parse::read(&shipped(), &sources, faults)
}

/// The same from texts: (name, text).
pub fn parse(texts: &[(String, String)]) -> Result<Inventory, Vec<Diagnostic>> {
    parse_onto(&shipped(), texts)
}

/// Reads texts whose references may also point into `base`; the answer holds the texts' items only, plus the
/// shipped zones.
pub fn parse_onto(base: &Inventory, texts: &[(String, String)]) -> Result<Inventory, Vec<Diagnostic>> {
    let sources: Vec<Source> =
        texts.iter().map(|(name, text)| Source { name: name.clone(), text: text.clone() }).collect();
    parse::read(base, &sources, Faults::default())
}

/// Reads texts and compares: what applying them to `old` would do. With `prune` the texts must stand on their own.
pub fn apply(old: &Inventory, texts: &[(String, String)], prune: bool) -> Result<Diff, Vec<Diagnostic>> {
    let new = if prune { parse(texts) } else { parse_onto(old, texts) }?;
    Ok(diff(old, &new, prune))
}

/// The zones every inventory has: id, name, the zone above.
const ZONES: [(&str, &str, Option<&str>); 5] = [
    ("extranet", "政务外网", None),
    ("public", "公用网络区", Some("extranet")),
    ("private", "专用网络区", Some("extranet")),
    ("internet", "互联网接入区", Some("extranet")),
    ("intranet", "政务内网（非涉密域）", None),
];

/// An inventory with the shipped zones and nothing else.
pub fn shipped() -> Inventory {
    let id = |text: &str| ZoneId::new(text).expect("the table above holds slugs");
    let zones = ZONES.iter().map(|(zone, name, parent)| {
        (id(zone), Zone { id: id(zone), name: (*name).to_owned(), parent: parent.map(id) })
    });
    Inventory { zones: zones.collect(), ..Inventory::default() }
}

#[cfg(test)]
mod tests;
