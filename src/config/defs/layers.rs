//! Which definition of an id is in force, over all layers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use include_dir::{Dir, include_dir};
use toml::Spanned;
use toml::de::DeTable;

use crate::config::diag::did_you_mean;
use crate::config::reader::{self, Faults, Source, Table};
use crate::model::field::Catalog;
use crate::model::{CalendarId, ProbeId, ProfileId, RuleId};

use super::{CalendarDef, Definitions, Origin, ProfileDef, calendar, probe, profile, rule};

static PROBES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/probes");
static RULES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/alerts/rules");
static CALENDARS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/calendars");

/// The shipped texts.
pub(super) fn embedded() -> Vec<Source> {
    let mut sources = Vec::new();
    // Files of a folder below have their path from the one above.
    let profiles = PROBES.get_dir("snmp").unwrap_or(&PROBES);
    let all = [("probes", &PROBES), ("probes", profiles), ("alerts/rules", &RULES), ("calendars", &CALENDARS)];
    for (prefix, dir) in all {
        for file in dir.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml")) {
            let name = format!("embedded:{prefix}/{}", file.path().display());
            sources.push(Source { name, text: file.contents_utf8().unwrap_or_default().to_owned() });
        }
    }
    sources
}

/// Definitions of one noun by id: the table in force and where it and those below it stand.
struct InForce<'a> {
    table: Table<'a>,
    origin: Origin,
    layer: usize,
    disabled: bool,
}

/// Reads all layers, lowest first.
pub(super) fn read(layers: &[Vec<Source>], catalog: Catalog, faults: &Faults) -> Definitions {
    let parsed: Vec<(usize, &Source, Spanned<DeTable<'_>>)> = layers
        .iter()
        .enumerate()
        .flat_map(|(layer, sources)| sources.iter().map(move |s| (layer, s)))
        .map(|(layer, source)| (layer, source, reader::parse(source, faults)))
        .collect();
    let mut probes = BTreeMap::new();
    let mut rules = BTreeMap::new();
    let mut profiles = BTreeMap::new();
    let (mut calendars, mut holidays) = (BTreeMap::new(), BTreeMap::new());
    let mut overrides = Vec::new();
    for (layer, source, document) in &parsed {
        let root = Table::root(source, faults, document.get_ref());
        for table in root.tables("holidays") {
            if let Some(key) = calendar::key(&table) {
                lay(&mut holidays, "holidays", &key, table, *layer);
            }
        }
        for table in root.tables("calendar") {
            if let Some(id) = table.id::<CalendarId>("\"office\"") {
                lay(&mut calendars, "calendar", id.as_str(), table, *layer);
            }
        }
        for table in root.tables("profile") {
            if let Some(id) = table.id::<ProfileId>("\"huawei-vrp\"") {
                lay(&mut profiles, "profile", id.as_str(), table, *layer);
            }
        }
        for table in root.tables("probe") {
            if let Some(id) = table.id::<ProbeId>("\"backbone-icmp\"") {
                lay(&mut probes, "probe", id.as_str(), table, *layer);
            }
        }
        for table in root.tables("rule") {
            if let Some(id) = table.id::<RuleId>("\"link-loss\"") {
                lay(&mut rules, "rule", id.as_str(), table, *layer);
            }
        }
        overrides.extend(root.tables("override"));
        root.finish();
    }

    let mut definitions = Definitions::default();
    let all = [&mut holidays, &mut calendars, &mut profiles, &mut probes, &mut rules];
    let gone: Vec<(String, Origin)> = all.into_iter().flat_map(drop_disabled).collect();
    definitions.calendars = read_calendars(&holidays, &calendars);
    definitions.profiles = read_profiles(&profiles);
    let open: BTreeSet<&str> = calendars.keys().map(String::as_str).collect();
    for (id, in_force) in &probes {
        definitions.probes.extend(probe::read(id, &in_force.table, in_force.origin.clone(), catalog, &open));
    }
    // A rule on a probe whose definition is wrong has no mistake of its own.
    let known: HashSet<&str> = probes.keys().map(String::as_str).collect();
    for (id, in_force) in &rules {
        let context =
            rule::Context { catalog, probes: &definitions.probes, known: &known, disabled: &gone, calendars: &open };
        definitions.rules.extend(rule::read(id, &in_force.table, in_force.origin.clone(), &context));
    }
    let rule_ids: Vec<&str> = rules.keys().map(String::as_str).collect();
    for table in &overrides {
        definitions.overrides.extend(rule::read_override(table, &definitions.rules, &rule_ids));
    }
    rule::check_folding(&definitions.rules, &rules.iter().map(|(id, r)| (id.as_str(), &r.table)).collect());
    definitions.disabled = gone;
    definitions
}

/// Profiles; what one says of the generic one's tables and of others is checked against those in force.
fn read_profiles(profiles: &BTreeMap<String, InForce<'_>>) -> Vec<ProfileDef> {
    let generic = profiles.get(profile::GENERIC).map(|generic| profile::table_ids(&generic.table));
    let generic = generic.unwrap_or_default();
    let read = profiles.iter().filter_map(|(id, p)| profile::read(id, &p.table, p.origin.clone(), &generic));
    let mut read: Vec<ProfileDef> = read.collect();
    profile::complete(&mut read);
    profile::check_likes(&read, &profiles.iter().map(|(id, p)| (id.as_str(), &p.table)).collect());
    read
}

/// Calendars with the holidays of the sets they name.
fn read_calendars(
    holidays: &BTreeMap<String, InForce<'_>>,
    calendars: &BTreeMap<String, InForce<'_>>,
) -> BTreeMap<CalendarId, CalendarDef> {
    // A year with a mistake is reported by itself; its set is known nevertheless.
    let sets: BTreeSet<&str> = holidays.keys().filter_map(|key| Some(key.rsplit_once('-')?.0)).collect();
    let known: Vec<calendar::Holidays> = holidays.values().filter_map(|h| calendar::holidays(&h.table)).collect();
    let read = calendars.iter().filter_map(|(id, c)| calendar::read(id, &c.table, c.origin.clone(), &known, &sets));
    read.map(|def| (def.calendar.id.clone(), def)).collect()
}

fn lay<'a>(all: &mut BTreeMap<String, InForce<'a>>, noun: &str, id: &str, table: Table<'a>, layer: usize) {
    table.name(format!("{noun} `{id}`"));
    let disabled = table.bool("disabled") == Some(true);
    let mut origin = Origin { file: table.source.name.clone(), line: table.line(), replaces: None };
    if let Some(lower) = all.get(id) {
        if lower.layer == layer {
            let place = format!("{}:{}", lower.origin.file, lower.origin.line);
            table.fault(format!("{noun} `{id}` is defined twice"), format!("the other one is at {place}"));
            return;
        }
        origin.replaces = Some(Box::new(lower.origin.clone()));
    } else if disabled {
        let hint = did_you_mean(id, all.keys().map(String::as_str));
        table.warn(format!("{noun} `{id}` is disabled here but defined nowhere below"), hint);
    }
    all.insert(id.to_owned(), InForce { table, origin, layer, disabled });
}

/// Takes the disabled ones out; such a table may hold nothing else.
fn drop_disabled(all: &mut BTreeMap<String, InForce<'_>>) -> Vec<(String, Origin)> {
    let ids: Vec<String> = all.iter().filter(|(_, d)| d.disabled).map(|(id, _)| id.clone()).collect();
    ids.into_iter().filter_map(|id| all.remove(&id).map(|d| (id, d.origin))).collect()
}
