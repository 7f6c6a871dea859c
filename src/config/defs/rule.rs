//! One `[[rule]]`, one `[[override]]`, and what holds between rules.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::diag::{Level, did_you_mean};
use crate::config::expr::{self, Expr, Ref, Scope};
use crate::config::reader::Table;
use crate::model::field::{Catalog, KindSpec, TargetNeed};
use crate::model::plan::{RuleAt, RuleSource};
use crate::model::{ObjectKind, ProbeId, ProblemId, RuleId, Severity, TableOn};

use super::calendar::when;
use super::probe::{bounded, expression, filter, kind, on};
use super::{Judge, Origin, OverrideDef, ProbeDef, RuleDef, detector, hears};

/// Longest window, `for` and `clear_for`: the agent keeps windows in memory.
const MAX_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// Most problems a rule folds into, and most parameters: a rule with more is several rules.
const MAX_LIST: usize = 16;

/// What a rule may refer to.
pub(super) struct Context<'a> {
    pub(super) catalog: Catalog,
    pub(super) probes: &'a [ProbeDef],
    /// Ids of all probes in force, those with mistakes included.
    pub(super) known: &'a HashSet<&'a str>,
    pub(super) disabled: &'a [(String, Origin)],
    pub(super) calendars: &'a BTreeSet<&'a str>,
}

/// Reads a rule; nothing comes back if a mistake was reported.
pub(super) fn read(id: &str, table: &Table<'_>, origin: Origin, context: &Context<'_>) -> Option<RuleDef> {
    let before = table.faults.count();
    let own = RuleId::new(id).ok()?;
    let problem: Option<ProblemId> = match table.item("problem") {
        Some(item) => item.parsed(),
        None => ProblemId::new(id).ok(),
    };
    let on = on(table);
    let heard = hears::is_one(table);
    let (source, kind) = if heard { hears::source(table) } else { source(table, context) }.unzip();
    if let (Some(kind), Some((on, item))) = (kind, &on) {
        check_on(kind, *on, item);
    }
    let on = on.map(|(on, _)| on);
    let at = if heard { hears::at(table) } else { runs_at(table) };
    if kind.is_some_and(|kind| kind.target == TargetNeed::Derived)
        && at != Some(RuleAt::Console)
        && let Some(item) = table.item("kind")
    {
        let what = format!("kind `{}` is known at the console only", item.text().unwrap_or_default());
        item.fault(what, "add at = \"console\"");
    }
    let filter = filter(table, on);
    let zero = Duration::ZERO;
    let (judge, params, window) = if heard {
        (hears::read(table, on, context.catalog), BTreeMap::new(), zero)
    } else if table.has("detector") {
        let (judge, numbers) = detector::read(table, kind, at).unzip();
        (judge, numbers.unwrap_or_default(), zero)
    } else {
        if let Some(item) = table.item("settings") {
            item.fault("`settings` without `detector`", "a rule with `raise` has `params`");
        }
        let params = params(table, kind);
        let (judge, window) = expressions(table, kind.zip(on), &params);
        (judge, params, window)
    };
    // What is heard has no intervals, and nothing that lasts.
    let hold = (!heard).then(|| bounded(table, "for", zero, MAX_WINDOW)).flatten();
    let clear_for = (!heard).then(|| bounded(table, "clear_for", zero, MAX_WINDOW)).flatten();
    let no_data = (!heard).then(|| table.int("no_data", 0, 1_000)).flatten();
    let folds_into: Vec<ProblemId> = table.texts("folds_into").iter().filter_map(|i| i.parsed()).collect();
    if folds_into.len() > MAX_LIST {
        table.fault(format!("{} folds into more than {MAX_LIST} problems", table.label()), "name the causes only");
    }
    let partial = table.bool("partial").unwrap_or(false);
    let counts_as = table.item("counts_as").and_then(|item| item.parsed());
    let words = Severity::ALL.map(Severity::as_str);
    let severity = table.word("severity", &words, Severity::parse);
    if !table.has("severity") {
        table.missing("severity", "\"major\"");
    }
    let when = (!heard).then(|| when(table, context.calendars)).flatten();
    let category = table.text_or_empty("category");
    let runbook = table.text_or_empty("runbook");
    let title = |key| table.opt_text(key).unwrap_or(id).to_owned();
    let (zh, en) = (title("zh"), title("en"));
    table.finish();
    if table.faults.count() != before {
        return None;
    }
    Some(RuleDef {
        id: own,
        problem: problem?,
        on: on?,
        source: source?,
        kind: kind?,
        at: at.unwrap_or(RuleAt::Agent),
        filter,
        window,
        params,
        judge: judge?,
        for_: hold.unwrap_or(zero),
        clear_for: clear_for.unwrap_or(zero),
        no_data: no_data.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        folds_into,
        partial,
        counts_as,
        when,
        severity: severity?,
        category,
        runbook,
        zh,
        en,
        origin,
    })
}

fn runs_at(table: &Table<'_>) -> Option<RuleAt> {
    table.word("at", &["agent", "console"], |word| match word {
        "agent" => Some(RuleAt::Agent),
        "console" => Some(RuleAt::Console),
        _ => None,
    })
}

/// `raise`, `clear` and the window they ask for.
fn expressions(
    table: &Table<'_>,
    of: Option<(&KindSpec, ObjectKind)>,
    params: &BTreeMap<String, f64>,
) -> (Option<Judge>, Duration) {
    let scope = of.map(|(kind, on)| Scope::rule(kind, on, params.keys()));
    if !table.has("raise") {
        table.missing("raise", "'fails >= 3'");
    }
    table.has("clear");
    let raise = scope.as_ref().and_then(|scope| expression(table, "raise", scope));
    let clear = scope.as_ref().and_then(|scope| expression(table, "clear", scope));
    check_pair(table, raise.as_ref(), clear.as_ref(), params);
    let window = bounded(table, "window", Duration::from_secs(1), MAX_WINDOW);
    let asks = [&raise, &clear].into_iter().flatten().flat_map(Expr::refs).any(|r| matches!(r, Ref::Window(..)));
    if asks && !table.has("window") {
        table.fault(format!("{} asks for `w.` but has no window", table.label()), "add window = \"60s\"");
    }
    (raise.map(|raise| Judge::Expressions(raise, clear)), window.unwrap_or(Duration::ZERO))
}

/// Exactly one of `kind` and `probe`.
fn source(table: &Table<'_>, context: &Context<'_>) -> Option<(RuleSource, &'static KindSpec)> {
    let Some(item) = table.item("probe") else {
        let kind = kind(table, context.catalog)?;
        return Some((RuleSource::Kind(Arc::from(kind.name)), kind));
    };
    if let Some(kind) = table.item("kind") {
        kind.fault("`kind` beside `probe`", "keep one of them: a probe has its kind");
    }
    let probe: ProbeId = item.parsed()?;
    if let Some(def) = context.probes.iter().find(|p| p.id == probe) {
        let kind = Arc::from(def.kind.name);
        return Some((RuleSource::Probe { probe, kind }, def.kind));
    }
    if context.known.contains(probe.as_str()) {
        return None; // its own mistake is reported already
    }
    let hint = match context.disabled.iter().find(|(id, _)| id == probe.as_str()) {
        Some((_, at)) => format!("it is disabled at {}:{}", at.file, at.line),
        None => did_you_mean(probe.as_str(), context.known.iter().copied()),
    };
    item.fault(format!("unknown probe `{probe}`"), hint);
    None
}

fn check_on(kind: &KindSpec, on: ObjectKind, item: &crate::config::reader::Item<'_>) {
    let ports = kind.schema.tables.iter().any(|t| t.on == TableOn::Interface) || kind.target == TargetNeed::Heard;
    let fits = if on == ObjectKind::Interface { ports } else { kind.on.contains(&on) };
    if !fits {
        let mut known: Vec<&str> = kind.on.iter().map(|k| k.as_str()).collect();
        if ports {
            known.push(ObjectKind::Interface.as_str());
        }
        item.fault(format!("kind `{}` tells nothing about {on}", kind.name), format!("known: {}", known.join(", ")));
    }
}

/// Parameters: numbers, named so that they hide nothing.
fn params(table: &Table<'_>, kind: Option<&KindSpec>) -> BTreeMap<String, f64> {
    let Some(given) = table.table("params") else { return BTreeMap::new() };
    let mut params = BTreeMap::new();
    for item in given.items() {
        let name = item.key;
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let field = kind.is_some_and(|k| k.schema.find(name).is_some())
            || crate::model::field::IMPLICIT.iter().any(|f| f.name == name);
        if !plain {
            item.fault(format!("`{name}` is no name of a parameter"), "only a-z, 0-9 and `_`, a letter first");
        } else if field || expr::reserved(name) {
            item.fault(
                format!("parameter `{name}` would hide a name of the language"),
                "call it otherwise, such as `raise_at`",
            );
        } else if let Some(value) = item.number() {
            params.insert(name.to_owned(), value);
        }
    }
    if params.len() > MAX_LIST {
        given.fault(format!("more than {MAX_LIST} parameters"), "make several rules");
    }
    params
}

/// `raise` and `clear` judge the same rows, and every parameter is used.
fn check_pair(table: &Table<'_>, raise: Option<&Expr>, clear: Option<&Expr>, params: &BTreeMap<String, f64>) {
    let Some(raise) = raise else { return };
    if let (Some(clear), Some(item)) = (clear, table.item("clear")) {
        // Table 0 without a field of its own means implicit fields only, which go with any table.
        let (a, b) = (raise.table().unwrap_or(0), clear.table().unwrap_or(0));
        if a != b && a != 0 && b != 0 {
            item.fault("`clear` asks for another table than `raise`", "judge the same rows in both");
        }
    } else if table.has("clear") {
        return;
    }
    let used = |name: &str| {
        [Some(raise), clear]
            .into_iter()
            .flatten()
            .flat_map(Expr::refs)
            .any(|r| matches!(r, Ref::Param(p) if &**p == name))
    };
    for name in params.keys().filter(|name| !used(name)) {
        table.warn(format!("{}: parameter `{name}` is not used", table.label()), "remove it or use it");
    }
}

/// Reads an override.
pub(super) fn read_override(table: &Table<'_>, rules: &[RuleDef], ids: &[&str]) -> Option<OverrideDef> {
    let before = table.faults.count();
    let rule: Option<RuleId> = match table.item("rule") {
        Some(item) => item.parsed(),
        None => {
            table.missing("rule", "\"link-loss\"");
            None
        }
    };
    let def = rule.as_ref().and_then(|rule| rules.iter().find(|r| r.id == *rule));
    if let (Some(rule), None, Some(item)) = (&rule, def, table.item("rule"))
        && !ids.contains(&rule.as_str())
    {
        item.fault(format!("unknown rule `{rule}`"), did_you_mean(rule.as_str(), ids.iter().copied()));
    }
    table.has("where");
    let filter = filter(table, def.map(|d| d.on));
    let mut params = BTreeMap::new();
    match table.table("params") {
        Some(given) => {
            for item in given.items() {
                let known = def.is_none_or(|d| d.params.contains_key(item.key));
                if !known {
                    let names =
                        def.map(|d| d.params.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
                    let what =
                        format!("rule `{}` has no parameter `{}`", def.map_or("", |d| d.id.as_str()), item.key);
                    item.fault(what, did_you_mean(item.key, names));
                } else if let Some(value) = item.number() {
                    params.insert(item.key.to_owned(), value);
                }
            }
        }
        None if !table.has("params") => table.missing("params", "{ raise_at = 0.2 }"),
        None => {}
    }
    table.finish();
    if table.faults.count() != before {
        return None;
    }
    let origin = Origin { file: table.source.name.clone(), line: table.line(), replaces: None };
    Some(OverrideDef { rule: def?.id.clone(), filter, params, origin })
}

/// A rule that folds into a problem nobody raises has most likely misspelt it.
pub(super) fn check_folding(rules: &[RuleDef], tables: &Vec<(&str, &Table<'_>)>) {
    let problems: HashSet<&str> = rules.iter().map(|r| r.problem.as_str()).collect();
    for rule in rules {
        for problem in rule.folds_into.iter().filter(|p| !problems.contains(p.as_str())) {
            let Some((_, table)) = tables.iter().find(|(id, _)| *id == rule.id.as_str()) else { continue };
            let mut known: Vec<&str> = problems.iter().copied().collect();
            known.sort_unstable();
            let what = format!("rule `{}` folds into `{problem}`, which no rule raises", rule.id);
            table.faults.at(table.source, table.start(), Level::Warning, what, did_you_mean(problem.as_str(), known));
        }
    }
}
