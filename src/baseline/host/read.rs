//! Reads the host part of a check: which hosts, which questions, and the small hosts that prove it.

use std::collections::BTreeMap;

use super::judge::TEST_DAY;
use super::root::Memory;
use super::{Ask, Datum, Fallback, Family, KINDS, Test, Variant, Vector};
use crate::baseline::judge::Verdict;
use crate::baseline::policy::{Several, expression, proven, quantifier, raw, several, verdict};
use crate::config::expr::Type;
use crate::config::reader::{Item, Table};

/// Whether a `[[check.when]]` is about hosts: its first system is one.
pub(in crate::baseline) fn is_host(table: &Table<'_>) -> bool {
    systems(table).first().and_then(Item::text).is_some_and(|t| Family::parse(t).is_some())
}

fn systems<'t>(table: &Table<'t>) -> Vec<Item<'t>> {
    match table.item("os") {
        Some(item) if item.is_text() => vec![item],
        Some(_) => table.texts("os"),
        None => Vec::new(),
    }
}

/// Reads one. `scope`: the check's parameters and the lists.
pub(in crate::baseline) fn variant(table: &Table<'_>, scope: &BTreeMap<String, Type>) -> Option<Variant> {
    let os: Vec<Family> = systems(table).iter().filter_map(|item| item.word(&Family::WORDS, Family::parse)).collect();
    let applies = if table.has("applies") { super::paths(table, "applies")? } else { Vec::new() };
    let source = table.text("source", "\"the manual that says so\"")?.to_owned();
    let fix = table.text("fix", "\"what mends it\"")?.to_owned();
    let mut asks = Vec::new();
    let test = test(table, scope, &mut asks, 0)?;
    let vectors: Vec<Vector> = table.tables("tests").iter().filter_map(vector).collect();
    proven(table, vectors.iter().map(|v| v.expect));
    table.finish();
    Some(Variant { os, applies, test, asks, source, fix, vectors })
}

fn test(table: &Table<'_>, scope: &BTreeMap<String, Type>, asks: &mut Vec<String>, depth: usize) -> Option<Test> {
    let part = |part: &Table<'_>, asks: &mut Vec<String>| test(part, scope, asks, depth + 1);
    match several(table, asks, depth, part) {
        Several::Not => {}
        Several::All(tests) => return Some(Test::All(tests)),
        Several::Any(tests) => return Some(Test::Any(tests)),
        Several::Wrong => return None,
    }
    let said = ["where", "assert", "partial", "default", "unwritten"];
    let ask = ask(table, scope)?;
    let kind = KINDS.iter().find(|k| table.has(k.name)).map_or("", |k| k.name);
    let keys = said.iter().filter(|key| table.has(key)).map(|key| format!("; {key} {}", raw(table, key)));
    let indent = "  ".repeat(depth);
    asks.push(format!("{indent}{kind} {}{}", raw(table, kind), keys.collect::<String>()));
    Some(Test::Ask(Box::new(ask)))
}

fn ask(table: &Table<'_>, scope: &BTreeMap<String, Type>) -> Option<Ask> {
    let Some(kind) = KINDS.iter().filter(|kind| table.has(kind.name)).last() else {
        let known: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
        table.fault("it asks for nothing", format!("write all, any or one of: {}", known.join(", ")));
        return None;
    };
    let settings = table.table(kind.name)?;
    let fact = (kind.read)(&settings);
    settings.finish();
    let fact = fact?;
    let mut scope = scope.clone();
    scope.extend(fact.columns());
    let default = default(table, &fact.columns())?;
    Some(Ask {
        filter: expression(table, "where", &scope),
        assert: expression(table, "assert", &scope),
        partial: expression(table, "partial", &scope),
        otherwise: verdict(table, "otherwise").unwrap_or(Verdict::Fail),
        unwritten: verdict(table, "unwritten").unwrap_or(Verdict::Pass),
        quantifier: quantifier(table, "quantifier"),
        default,
        fact,
    })
}

fn default(table: &Table<'_>, columns: &[(String, Type)]) -> Option<Fallback> {
    let Some(item) = table.item("default") else {
        table.missing("default", "\"fail\", or the values in force then: { value = \"no\" }");
        return None;
    };
    if item.is_text() {
        return item.word(&Verdict::WORDS, Verdict::parse).map(Fallback::Verdict);
    }
    let mut values = Vec::new();
    for item in item.table()?.items() {
        let datum = match columns.iter().find(|(name, _)| name == item.key) {
            Some((_, Type::Number)) => Datum::Number(item.number()?),
            Some((_, Type::Bool)) => Datum::Bool(item.bool()?),
            Some(_) => Datum::Text(item.text()?.to_owned()),
            None => {
                let known = columns.iter().map(|(name, _)| name.as_str());
                item.fault(format!("no value `{}`", item.key), crate::config::diag::did_you_mean(item.key, known));
                return None;
            }
        };
        values.push((item.key.to_owned(), datum));
    }
    Some(Fallback::Values(values))
}

/// `files = { PATH = TEXT }`, `links = { PATH = TARGET }`, `dirs = [PATH]`, `modes = { PATH = "0640 0:42" }`,
/// `ages = { PATH = DAYS }`, `expect`.
fn vector(table: &Table<'_>) -> Option<Vector> {
    let mut files = Memory::default().dir("/etc");
    for item in table.table("files").iter().flat_map(Table::items) {
        files = files.file(item.key, item.text()?);
    }
    for item in table.table("links").iter().flat_map(Table::items) {
        files = files.link(item.key, item.text()?);
    }
    for item in table.texts("dirs") {
        files = files.dir(item.text()?);
    }
    for item in table.table("modes").iter().flat_map(Table::items) {
        let Some((mode, uid, gid)) = mode(item.text()?) else {
            item.fault(format!("`{}` is no mode", item.text()?), "write \"0640\" or \"0640 0:42\"");
            return None;
        };
        files = files.mode(item.key, mode, uid, gid);
    }
    for item in table.table("ages").iter().flat_map(Table::items) {
        let day = TEST_DAY - item.int(0, 10_000)?;
        files = files.modified(item.key, day * 86_400);
    }
    let expect = verdict(table, "expect")?;
    table.finish();
    Some(Vector { files, expect, line: table.line() })
}

/// Mode, owner and group; root's unless given.
fn mode(text: &str) -> Option<(u32, u32, u32)> {
    let (mode, owner) = text.split_once(' ').unwrap_or((text, "0:0"));
    let (uid, gid) = owner.split_once(':')?;
    Some((u32::from_str_radix(mode, 8).ok()?, uid.parse().ok()?, gid.parse().ok()?))
}
