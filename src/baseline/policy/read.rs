//! Reads the policy's TOML: every mistake with file, line and remedy, none of them the last.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Check, Clause, Fallback, Loaded, Policy, Profile, Quantifier, Reference, Test, Variant, Vector, Want, Weight,
    Words,
};
use crate::baseline::dialect::{Constraint, Dialect};
use crate::baseline::host;
use crate::baseline::judge::Verdict;
use crate::baseline::pattern::{Kind, Pattern};
use crate::config::diag::did_you_mean;
use crate::config::expr::{Expr, Scope, Type};
use crate::config::reader::{self, Faults, Item, Source, Table};

/// The deepest `all`/`any` within each other.
const MAX_DEPTH: usize = 4;

/// Reads all layers, lowest first.
pub(super) fn all(layers: &[Vec<Source>], faults: Faults) -> Loaded {
    let mut policy = Policy { digest: digest(layers), ..Policy::default() };
    let parsed: Vec<_> = layers
        .iter()
        .enumerate()
        .flat_map(|(layer, sources)| sources.iter().map(move |source| (layer, source)))
        .map(|(layer, source)| (layer, source, reader::parse(source, &faults)))
        .collect();
    let roots: Vec<(usize, Table<'_>)> =
        parsed.iter().map(|(layer, source, table)| (*layer, Table::root(source, &faults, table.get_ref()))).collect();
    for (_, root) in &roots {
        policy.clauses.extend(root.tables("clause").iter().filter_map(clause).map(|c| (c.l3.clone(), c)));
        policy.lists.extend(root.tables("list").iter().filter_map(list));
        policy.profiles.extend(root.tables("level").iter().filter_map(profile).map(|p| (p.id.clone(), p)));
    }
    let mut seen: BTreeSet<(usize, String)> = BTreeSet::new();
    for (layer, root) in &roots {
        for table in root.tables("check") {
            let Some(id) = table.text("id", "\"D06\"") else { continue };
            table.name(format!("check `{id}`"));
            if !seen.insert((*layer, id.to_owned())) {
                table.fault(format!("check `{id}` is defined twice"), "give one of them another id");
                continue;
            }
            let read =
                Reader { lists: &policy.lists, clauses: &policy.clauses, params: params(&table) }.check(id, &table);
            policy.checks.extend(read.map(|check| (id.to_owned(), check)));
        }
        root.finish();
    }
    drop(roots);
    drop(parsed);
    Loaded { policy, diagnostics: faults.into_sorted() }
}

/// Over texts, not their names: the same policy in another directory is the same.
fn digest(layers: &[Vec<Source>]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for source in layers.iter().flatten() {
        context.update(&(source.text.len() as u64).to_le_bytes());
        context.update(source.text.as_bytes());
    }
    context.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn clause(table: &Table<'_>) -> Option<Clause> {
    let [l3, item] = [table.text("l3", "\"8.1.4.1 a)\"")?, table.text("item", "\"L3-CES1-01\"")?].map(str::to_owned);
    let (l2, old) = (table.text_or_empty("l2"), table.text_or_empty("old"));
    let words = Words { zh: table.text_or_empty("zh"), en: table.text_or_empty("en") };
    let decides = table.texts("decides").iter().filter_map(Item::text).map(str::to_owned).collect();
    table.finish();
    Some(Clause { l3, l2, item, old, words, decides })
}

fn list(table: &Table<'_>) -> Option<(String, Vec<String>)> {
    let name = table.text("name", "\"shared_accounts\"")?.to_owned();
    let values = table.texts("values").iter().filter_map(Item::text).map(str::to_owned).collect();
    table.finish();
    Some((name, values))
}

fn profile(table: &Table<'_>) -> Option<Profile> {
    let id = table.text("id", "\"l3\"")?.to_owned();
    let level = table.int("level", 2, 3).unwrap_or(3);
    let mut given = Vec::new();
    for change in table.tables("param") {
        let (check, name) = (change.text_or_empty("check"), change.text_or_empty("name"));
        given.extend(change.item("value").and_then(|v| v.number()).map(|value| (check, name, value)));
        change.finish();
    }
    table.finish();
    Some(Profile { id, level, params: given })
}

fn params(table: &Table<'_>) -> BTreeMap<String, f64> {
    let Some(params) = table.table("params") else { return BTreeMap::new() };
    params.items().filter_map(|item| Some((item.key.to_owned(), item.number()?))).collect()
}

fn words(table: &Table<'_>, key: &'static str) -> Words {
    let Some(table) = table.table(key) else { return Words::default() };
    let words = Words { zh: table.text_or_empty("zh"), en: table.text_or_empty("en") };
    if words.zh.is_empty() || words.en.is_empty() {
        table.fault(format!("`{key}` lacks a language"), format!("write {key} = {{ zh = \"...\", en = \"...\" }}"));
    }
    table.finish();
    words
}

struct Reader<'a> {
    lists: &'a BTreeMap<String, Vec<String>>,
    clauses: &'a BTreeMap<String, Clause>,
    params: BTreeMap<String, f64>,
}

impl Reader<'_> {
    fn check(&self, id: &str, table: &Table<'_>) -> Option<Check> {
        let before = table.faults.count();
        let severity = table.word("severity", &Weight::WORDS, Weight::parse);
        if !table.has("severity") {
            table.missing("severity", "\"high\"");
        }
        let clause = table.text("clause", "\"8.1.4.1 b)\"").unwrap_or_default();
        let found = self.clauses.get(clause).cloned();
        if found.is_none()
            && let Some(item) = table.item("clause")
        {
            item.fault(
                format!("no clause `{clause}`"),
                did_you_mean(clause, self.clauses.keys().map(String::as_str)),
            );
        }
        for key in ["title", "pass", "fail"] {
            if table.table(key).is_none() {
                table.missing(key, "{ zh = \"...\", en = \"...\" }");
            }
        }
        let (title, pass, fail) = (words(table, "title"), words(table, "pass"), words(table, "fail"));
        let (hosts, devices): (Vec<_>, Vec<_>) = table.tables("when").into_iter().partition(host::read::is_host);
        let variants: Vec<Variant> = devices.iter().filter_map(|when| self.variant(when)).collect();
        let hosts = hosts.iter().filter_map(|when| host::read::variant(when, &self.scope())).collect();
        if !table.has("when") {
            table.fault(format!("check `{id}` judges no dialect"), "add a [[check.when]]");
        }
        let (weight, major_hazard) =
            (table.int("weight", 1, 3).unwrap_or(1), table.bool("major_hazard").unwrap_or(false));
        let (compensating, not_in) = (words(table, "compensating"), dialects(table, "not_in"));
        table.finish();
        let check = Check {
            id: id.to_owned(),
            title,
            severity: severity.unwrap_or(Weight::Low),
            weight,
            major_hazard,
            compensating,
            clause: found?,
            params: self.params.clone(),
            record: (pass, fail),
            not_in,
            variants,
            hosts,
            file: table.source.name.clone(),
            line: table.line(),
        };
        (table.faults.count() == before).then_some(check)
    }

    fn variant(&self, table: &Table<'_>) -> Option<Variant> {
        let os = dialects(table, "os");
        if os.is_empty() {
            table.missing("os", "[\"huawei-vrp\"]");
        }
        let version = match table.item("version") {
            None => Constraint::Any,
            Some(item) => constraint(&item)?,
        };
        let applies = patterns(table, "applies");
        let source = table.text("source", "\"the manual that says so\"")?.to_owned();
        let fix = table.text("fix", "\"the commands that mend it\"")?.to_owned();
        let mut asks = Vec::new();
        let test = self.test(table, &mut asks, 0)?;
        let vectors: Vec<Vector> = table.tables("tests").iter().filter_map(vector).collect();
        proven(table, vectors.iter().map(|v| v.expect));
        table.finish();
        Some(Variant { os, version, applies, test, asks, source, fix, vectors })
    }

    fn test(&self, table: &Table<'_>, asks: &mut Vec<String>, depth: usize) -> Option<Test> {
        let part = |part: &Table<'_>, asks: &mut Vec<String>| self.test(part, asks, depth + 1);
        match several(table, asks, depth, part) {
            Several::Not => self.each(table, asks, depth),
            Several::All(tests) => Some(Test::All(tests)),
            Several::Any(tests) => Some(Test::Any(tests)),
            Several::Wrong => None,
        }
    }

    fn each(&self, table: &Table<'_>, asks: &mut Vec<String>, depth: usize) -> Option<Test> {
        let path = patterns(table, "each");
        let mut scope = self.scope();
        path.iter().for_each(|p| name(&mut scope, p));
        let filter = expression(table, "where", &scope);
        let (having, without) = (patterns(table, "having"), patterns(table, "without"));
        let quantifier = quantifier(table, "quantifier");
        let empty = verdict(table, "empty").unwrap_or(Verdict::Na);
        let want = self.want(table, scope)?;
        let within: Vec<&str> = path.iter().map(Pattern::text).collect();
        let keys = ["having", "without", "line", "absent", "group", "assert", "partial", "default"];
        let said = keys.iter().filter(|key| table.has(key)).map(|key| format!("{key} {}", raw(table, key)));
        asks.push(
            format!("{}{} {}", "  ".repeat(depth), within.join(" / "), said.collect::<Vec<_>>().join("; "))
                .trim_end()
                .to_owned(),
        );
        Some(Test::Each { path, filter, having, without, want: Box::new(want), quantifier, empty })
    }

    fn want(&self, table: &Table<'_>, mut scope: BTreeMap<String, Type>) -> Option<Want> {
        if table.has("absent") {
            return Some(Want::Absent { patterns: patterns(table, "absent") });
        }
        if table.has("group") {
            return self.group(table, scope);
        }
        if !table.has("line") {
            table.fault("it asks for nothing", "write line, absent, group, all or any");
            return None;
        }
        let all = patterns(table, "line");
        all.iter().for_each(|p| name(&mut scope, p));
        let default = self.default(table, &scope)?;
        let reference = table.table("ref").and_then(|t| {
            let (block, last) = (one_pattern(&t, "block")?, one_pattern(&t, "last")?);
            let shared = block.names().iter().find(|(n, _)| scope.contains_key(n));
            if shared.is_none() {
                t.fault(
                    "`block` names nothing that the line names",
                    "write the line's capture in it: acl number <n:word>",
                );
            }
            t.finish();
            let name = shared?.0.clone();
            Some(Box::new(Reference { block, name, last }))
        });
        Some(Want::Line {
            assert: expression(table, "assert", &scope),
            partial: expression(table, "partial", &scope),
            otherwise: verdict(table, "otherwise").unwrap_or(Verdict::Fail),
            lines: quantifier(table, "lines"),
            negated: verdict(table, "negated"),
            patterns: all,
            default,
            reference,
        })
    }

    fn group(&self, table: &Table<'_>, scope: BTreeMap<String, Type>) -> Option<Want> {
        let pattern = one_pattern(table, "group")?;
        let by = table.text("by", "\"u\"")?.to_owned();
        let default = verdict(table, "default").unwrap_or(Verdict::Na);
        let mut require = Vec::new();
        for part in table.tables("require") {
            let wanted = one_pattern(&part, "line")?;
            let mut scope = scope.clone();
            name(&mut scope, &wanted);
            require.push((wanted, expression(&part, "assert", &scope)));
            part.finish();
        }
        Some(Want::Group { pattern, by, require, default })
    }

    fn default(&self, table: &Table<'_>, scope: &BTreeMap<String, Type>) -> Option<Fallback> {
        let Some(item) = table.item("default") else {
            table.missing("default", "\"fail\", or the values in force without the line: { m = 10 }");
            return None;
        };
        if item.is_text() {
            return item.word(&Verdict::WORDS, Verdict::parse).map(Fallback::Verdict);
        }
        let values = |table: &Table<'_>| {
            let mut all = Vec::new();
            for item in table.items().filter(|i| i.key != "version") {
                if !scope.contains_key(item.key) {
                    item.fault(
                        format!("no capture `{}`", item.key),
                        did_you_mean(item.key, scope.keys().map(String::as_str)),
                    );
                }
                all.extend(item.number().map(|n| (item.key.to_owned(), n)));
            }
            all
        };
        if !item.is_list() {
            return Some(Fallback::Values(vec![(Constraint::Any, values(&item.table()?))]));
        }
        let by_version = table.tables("default");
        let of = |t: &Table<'_>| Some((constraint(&t.item("version")?)?, values(t)));
        Some(Fallback::Values(by_version.iter().filter_map(of).collect()))
    }

    fn scope(&self) -> BTreeMap<String, Type> {
        let params = self.params.keys().map(|n| (n.clone(), Type::Number));
        params.chain(self.lists.keys().map(|n| (n.clone(), Type::List))).collect()
    }
}

/// What `all` and `any` of a table say.
pub(in crate::baseline) enum Several<T> {
    /// The table has neither.
    Not,
    /// All of these.
    All(Vec<T>),
    /// One of these.
    Any(Vec<T>),
    /// Something is wrong, and was told.
    Wrong,
}

/// Reads `all` or `any` of a table, part by part; `asks` gets the words for it.
pub(in crate::baseline) fn several<T>(
    table: &Table<'_>,
    asks: &mut Vec<String>,
    depth: usize,
    mut read: impl FnMut(&Table<'_>, &mut Vec<String>) -> Option<T>,
) -> Several<T> {
    let Some(key) = ["all", "any"].into_iter().find(|key| table.has(key)) else { return Several::Not };
    if depth == MAX_DEPTH {
        table.fault(format!("`{key}` within {MAX_DEPTH} others"), "flatten it");
        return Several::Wrong;
    }
    asks.push(format!("{}{key}:", "  ".repeat(depth)));
    let mut parts = Vec::new();
    for part in table.tables(key) {
        parts.extend(read(&part, asks));
        part.finish();
    }
    if key == "all" { Several::All(parts) } else { Several::Any(parts) }
}

/// Asks for tests of a variant that show both sides of it; the bad one may be left to people.
pub(in crate::baseline) fn proven(table: &Table<'_>, expects: impl Iterator<Item = Verdict> + Clone) {
    let bad = |v: Verdict| matches!(v, Verdict::Fail | Verdict::Manual);
    if !expects.clone().any(bad) || expects.clone().all(|v| v != Verdict::Pass) {
        table.fault(
            "a variant without a test that passes and one that fails",
            "add tests = [{ config = \"...\", expect = \"fail\" }]",
        );
    }
}

fn name(scope: &mut BTreeMap<String, Type>, pattern: &Pattern) {
    let kind = |kind: &Kind| if *kind == Kind::Int { Type::Number } else { Type::Text };
    scope.extend(pattern.names().iter().map(|(n, k)| (n.clone(), kind(k))));
}

/// A value as it is written.
pub(in crate::baseline) fn raw(table: &Table<'_>, key: &'static str) -> String {
    table.item(key).map(|i| i.written().split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

fn vector(table: &Table<'_>) -> Option<Vector> {
    let config = table.text("config", "\"user-interface vty 0 4\"")?.to_owned();
    let expect = verdict(table, "expect")?;
    table.finish();
    Some(Vector { config, expect, line: table.line() })
}

pub(in crate::baseline) fn verdict(table: &Table<'_>, key: &'static str) -> Option<Verdict> {
    table.word(key, &Verdict::WORDS, Verdict::parse)
}

pub(in crate::baseline) fn quantifier(table: &Table<'_>, key: &'static str) -> Quantifier {
    let parse =
        |t: &str| [("all", Quantifier::All), ("any", Quantifier::Any)].iter().find(|(w, _)| *w == t).map(|(_, q)| *q);
    table.word(key, &["all", "any"], parse).unwrap_or(Quantifier::All)
}

fn constraint(item: &Item<'_>) -> Option<Constraint> {
    let text = item.text()?;
    let read = Constraint::parse(text);
    if read.is_none() {
        item.fault(format!("`{text}` is no version constraint"), "write \">=V200R006\", \"<V200R006\" or \"*\"");
    }
    read
}

fn dialects(table: &Table<'_>, key: &'static str) -> Vec<Dialect> {
    let known = Dialect::ALL.map(Dialect::as_str);
    table.texts(key).iter().filter_map(|item| item.word(&known, Dialect::parse)).collect()
}

/// A pattern or a list of them.
pub(in crate::baseline) fn patterns(table: &Table<'_>, key: &'static str) -> Vec<Pattern> {
    match table.item(key) {
        None => Vec::new(),
        Some(item) if item.is_text() => pattern(&item).into_iter().collect(),
        Some(_) => table.texts(key).iter().filter_map(pattern).collect(),
    }
}

fn one_pattern(table: &Table<'_>, key: &'static str) -> Option<Pattern> {
    table.text(key, "\"acl <n:word> inbound\"")?;
    pattern(&table.item(key)?)
}

fn pattern(item: &Item<'_>) -> Option<Pattern> {
    let text = item.text()?;
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            item.fault(format!("`{text}` is no pattern: {why}"), "see docs/baseline.md");
            None
        }
    }
}

pub(in crate::baseline) fn expression(
    table: &Table<'_>,
    key: &'static str,
    names: &BTreeMap<String, Type>,
) -> Option<Expr> {
    let item = table.item(key)?;
    let text = item.text()?;
    match Expr::compile(text, &Scope::values(names)) {
        Ok(expr) => Some(expr),
        Err(error) => {
            item.fault_inside(error.offset, error.what, error.hint);
            None
        }
    }
}
