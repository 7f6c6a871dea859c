//! One `[[probe]]`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::diag::did_you_mean;
use crate::config::expr::{Expr, Scope};
use crate::config::kinds;
use crate::config::reader::{Item, Table};
use crate::config::units::format_duration;
use crate::model::field::{Catalog, KindSpec, TargetNeed};
use crate::model::{ObjectKind, ProbeId};

use super::calendar::when;
use super::{Origin, ProbeDef};

/// The setting by which a probe says from which address its packets leave.
pub(in crate::config) const SOURCE: &str = "source";
/// What it says for the near address of a link.
pub(in crate::config) const NEAR: &str = "near";
/// The shortest interval: below it the schedule, not the network, is measured.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// The longest interval; a daily probe is the rarest that makes sense.
const MAX_INTERVAL: Duration = Duration::from_secs(7 * 86_400);
/// Timeout unless given: a county on a satellite line answers within it.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Summary window unless given.
const DEFAULT_KEEP: Duration = Duration::from_secs(10);
/// The longest summary window; chunks close by the hour, a day is the longest interval's.
const MAX_KEEP: Duration = MAX_INTERVAL;

/// Reads it; nothing comes back if a mistake was reported.
pub(super) fn read(
    id: &str,
    table: &Table<'_>,
    origin: Origin,
    catalog: Catalog,
    calendars: &BTreeSet<&str>,
) -> Option<ProbeDef> {
    let before = table.faults.count();
    let kind = kind(table, catalog);
    let on = on(table);
    if let (Some(kind), Some((on, item))) = (kind, &on)
        && !kind.on.contains(on)
    {
        let known: Vec<&str> = kind.on.iter().map(|k| k.as_str()).collect();
        item.fault(format!("kind `{}` cannot watch {on}", kind.name), format!("known: {}", known.join(", ")));
    }
    if kind.is_some_and(|kind| kind.target == TargetNeed::Derived)
        && let Some(item) = table.item("kind")
    {
        let what = format!("kind `{}` is found by the console, not probed", item.text().unwrap_or_default());
        item.fault(what, "write a rule on it with at = \"console\"; it needs no probe");
    }
    let filter = filter(table, on.as_ref().map(|(on, _)| *on));
    let interval = bounded(table, "interval", MIN_INTERVAL, MAX_INTERVAL);
    if !table.has("interval") {
        table.missing("interval", "\"10s\"");
    }
    let interval = interval.unwrap_or(DEFAULT_KEEP);
    let timeout = bounded(table, "timeout", Duration::from_millis(10), MAX_INTERVAL);
    if let (Some(timeout), Some(item)) = (timeout, table.item("timeout"))
        && timeout > interval
        && table.faults.count() == before
    {
        let what =
            format!("timeout {} is longer than the interval {}", format_duration(timeout), format_duration(interval));
        item.fault(what, "make it at most the interval");
    }
    let keep = bounded(table, "keep", MIN_INTERVAL, MAX_KEEP);
    if let (Some(keep), Some(item)) = (keep, table.item("keep"))
        && keep < interval
    {
        let what =
            format!("keep {} is shorter than the interval {}", format_duration(keep), format_duration(interval));
        item.fault(what, "make it at least the interval");
    }
    let given = table.table("settings");
    let settings = kind.map(|kind| kinds::read(kind, given.as_ref()));
    if settings.as_ref().and_then(|settings| settings.text(SOURCE)) == Some(NEAR)
        && on.as_ref().is_some_and(|(on, _)| *on != ObjectKind::Link)
        && let Some(item) = given.as_ref().and_then(|given| given.item(SOURCE))
    {
        item.fault(format!("`{NEAR}` is an address of a link"), "write on = \"link\", or the address itself");
    }
    let when = when(table, calendars);
    let title = |key| table.opt_text(key).unwrap_or(id).to_owned();
    let (zh, en) = (title("zh"), title("en"));
    table.finish();
    if table.faults.count() != before {
        return None;
    }
    Some(ProbeDef {
        id: ProbeId::new(id).ok()?,
        kind: kind?,
        on: on?.0,
        filter,
        interval,
        timeout: timeout.unwrap_or_else(|| interval.min(DEFAULT_TIMEOUT)),
        keep: keep.unwrap_or_else(|| interval.max(DEFAULT_KEEP)),
        settings: settings?,
        when,
        zh,
        en,
        origin,
    })
}

/// The kind a definition names.
pub(super) fn kind(table: &Table<'_>, catalog: Catalog) -> Option<&'static KindSpec> {
    let name = table.text("kind", "\"icmp\"")?;
    let found = catalog.iter().copied().find(|k| k.name == name);
    if let (None, Some(item)) = (found, table.item("kind")) {
        item.fault(format!("unknown kind `{name}`"), did_you_mean(name, catalog.iter().map(|k| k.name)));
    }
    found
}

/// The kind of object a definition is on, and where it says so.
pub(super) fn on<'a>(table: &Table<'a>) -> Option<(ObjectKind, Item<'a>)> {
    let Some(item) = table.item("on") else {
        table.missing("on", "\"asset\"");
        return None;
    };
    let words = ObjectKind::ALL.map(ObjectKind::as_str);
    Some((item.word(&words, ObjectKind::parse)?, item))
}

/// A `where`.
pub(super) fn filter(table: &Table<'_>, on: Option<ObjectKind>) -> Option<Expr> {
    expression(table, "where", &Scope::filter(on?))
}

/// An optional expression.
pub(super) fn expression(table: &Table<'_>, key: &'static str, scope: &Scope) -> Option<Expr> {
    let item = table.item(key)?;
    match Expr::compile(item.text()?, scope) {
        Ok(expr) => Some(expr),
        Err(error) => {
            item.fault_inside(error.offset, format!("`{key}`: {}", error.what), error.hint);
            None
        }
    }
}

/// An optional duration within bounds.
pub(super) fn bounded(table: &Table<'_>, key: &'static str, min: Duration, max: Duration) -> Option<Duration> {
    let duration = table.duration(key)?;
    if (min..=max).contains(&duration) {
        return Some(duration);
    }
    let what = format!("`{key}` = {} is out of bounds", format_duration(duration));
    table.item(key)?.fault(what, format!("{} to {}", format_duration(min), format_duration(max)));
    None
}
