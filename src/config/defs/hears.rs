//! `source` and `match` of a rule that judges what is heard: lines of syslog, traps.

use std::time::Duration;

use crate::config::diag::did_you_mean;
use crate::config::pattern::Pattern;
use crate::config::reader::Table;
use crate::model::ObjectKind;
use crate::model::field::{Catalog, KindSpec};
use crate::model::hearing;
use crate::model::plan::{ConfirmUse, LOOK_EVERY_MS, MatchUse, RuleAt, RuleSource};
use crate::model::wire::LogSource;

use super::Judge;
use super::probe::bounded;

/// Most patterns of a rule.
const MAX_PATTERNS: usize = 64;
/// Most that must come until it is raised; the times of each are kept.
const MAX_COUNT: i64 = 100;
/// Longest time in which they must come, longest wait for a look, longest life unless heard again.
const MAX_WITHIN: Duration = Duration::from_secs(3_600);
const MAX_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// Life unless given.
const LIFE: Duration = Duration::from_secs(3_600);
/// The group that names the port, in rules on interfaces.
const PORT: &str = "port";

/// Whether it is a rule of this sort.
pub(super) fn is_one(table: &Table<'_>) -> bool {
    ["source", "match"].into_iter().filter(|key| table.has(key)).count() > 0
}

/// What it hears, as kind of data.
pub(super) fn source(table: &Table<'_>) -> Option<(RuleSource, &'static KindSpec)> {
    if !table.has("source") {
        table.missing("source", "\"syslog\"");
    }
    for key in ["kind", "probe"] {
        if let Some(item) = table.item(key) {
            item.fault(format!("`{key}` beside `source`"), "what is heard is not probed; keep one of them");
        }
    }
    let words = hearing::SOURCES.map(LogSource::as_str);
    let source = table.word("source", &words, |word| hearing::SOURCES.into_iter().find(|s| s.as_str() == word))?;
    let kind = hearing::kind(source);
    Some((RuleSource::Kind(kind.name.into()), kind))
}

/// What raises and clears it.
pub(super) fn read(table: &Table<'_>, on: Option<ObjectKind>, catalog: Catalog) -> Option<Judge> {
    let others =
        ["raise", "clear", "detector", "settings", "params", "window", "for", "clear_for", "no_data", "calendar"];
    for key in others {
        if let Some(item) = table.item(key) {
            item.fault(format!("`{key}` beside `source`"), "what is heard is judged by `match`");
        }
    }
    let source = table.opt_text("source").and_then(LogSource::parse);
    let Some(given) = table.table("match") else {
        table.missing("match", "{ raise = [\"SYS/CONFIG_I\"] }");
        return None;
    };
    given.name(format!("the match of {}", table.label()));
    let instance = table.opt_text("instance").map(str::to_owned);
    let given_by_oid = source == Some(LogSource::Trap) && instance.as_deref() == Some(hearing::INDEX);
    let wants = match on {
        Some(ObjectKind::Interface) => Some(PORT),
        _ => instance.as_deref().filter(|_| !given_by_oid).map(|written| hearing::instance_of(written).1),
    };
    let raise = patterns(&given, "raise", wants);
    // A clear that names no part of the asset clears all of them.
    let clear = patterns(&given, "clear", wants.filter(|_| on == Some(ObjectKind::Interface)));
    if raise.is_empty() && !given.has("raise") {
        given.missing("raise", "[\"SYS/CONFIG_I\"]");
    }
    if let (Some(ObjectKind::Interface), Some(item)) = (on, table.item("instance")) {
        item.fault("`instance` of a rule on interfaces", "the group `port` names the interface; remove it");
    }
    let count = given.int("count", 1, MAX_COUNT).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    let within = bounded(&given, "within", Duration::from_secs(1), MAX_WITHIN);
    if count > 1 && within.is_none() {
        given.missing("within", "\"1m\"");
    }
    given.finish();
    let expires = bounded(table, "expires", Duration::from_secs(10), MAX_LIFE).unwrap_or(LIFE);
    let confirm = table.table("confirm").and_then(|confirm| read_confirm(&confirm, catalog));
    let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    Some(Judge::Match(MatchUse {
        source: source?,
        raise,
        clear,
        count,
        within_ms: within.map_or(0, ms),
        instance,
        confirm,
        expires_ms: ms(expires),
    }))
}

/// Patterns of a key, all of them good.
fn patterns(given: &Table<'_>, key: &'static str, wants: Option<&str>) -> Vec<String> {
    let items = given.texts(key);
    if items.len() > MAX_PATTERNS {
        given.fault(format!("{} has more than {MAX_PATTERNS} patterns", given.label()), "make several rules");
    }
    let read = items.iter().filter_map(|item| {
        let written = item.text()?;
        match (Pattern::compile(written), wants) {
            (Err(why), _) => item.fault(format!("`{written}` is no pattern"), why),
            (Ok(pattern), Some(group)) if !pattern.has_group(group) => {
                item.fault(format!("`{written}` has no group `{group}`"), format!("write (?<{group}>...) around it"));
            }
            _ => return Some(written.to_owned()),
        }
        None
    });
    read.collect()
}

fn read_confirm(table: &Table<'_>, catalog: Catalog) -> Option<ConfirmUse> {
    table.name("confirm");
    let within = bounded(table, "within", Duration::from_secs(1), MAX_WITHIN);
    let names = || catalog.iter().map(|kind| kind.name);
    let kind = table.text("kind", "\"snmp\"");
    if let (Some(kind), Some(item)) = (kind, table.item("kind"))
        && !names().any(|name| name == kind)
    {
        item.fault(format!("unknown kind `{kind}`"), did_you_mean(kind, names()));
    }
    let every = bounded(table, "every", Duration::from_millis(LOOK_EVERY_MS), MAX_WITHIN);
    table.finish();
    let ms = |time: Option<Duration>| time.and_then(|time| u64::try_from(time.as_millis()).ok());
    let (within_ms, every_ms) = (ms(within).unwrap_or(0), ms(every).unwrap_or(LOOK_EVERY_MS));
    Some(ConfirmUse { kind: kind?.into(), within_ms, every_ms })
}

/// Where it runs: the agent hears, so the agent judges.
pub(super) fn at(table: &Table<'_>) -> Option<RuleAt> {
    table.word("at", &["agent"], |word| (word == "agent").then_some(RuleAt::Agent))
}
