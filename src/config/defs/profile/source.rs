//! Where a value comes from: one source, several that are tried in turn, and conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::{Arcs, Check, From, Shape, Source, Test};
use crate::config::diag::did_you_mean;
use crate::config::reader::{Item, Table};
use crate::model::device::Class;

/// Sources that are tried for one field, values of one condition, columns of one list.
const MAX_ALTERNATIVES: usize = 16;
/// How deep a source may ask another which row it means: a bridge port to an index to a name is three.
const MAX_DEPTH: usize = 6;
/// The longest OID of SMI, less what an index adds.
const MAX_ARCS: usize = 64;

/// Names that stand for the beginnings of OIDs.
#[derive(Debug, Default)]
pub(super) struct Short(BTreeMap<String, Vec<u32>>);

impl Short {
    /// Reads the `oids` of a profile.
    pub(super) fn read(table: &Table<'_>) -> Self {
        let mut short = Self::default();
        let Some(given) = table.table("oids") else { return short };
        for item in given.items() {
            let name = item.key;
            if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.contains('.') {
                item.fault(format!("`{name}` is no name for an OID"), "begin it with a-z, without a dot");
            }
            let Some(oid) = item.text().and_then(|text| Self::default().oid(text, &item)) else { continue };
            short.0.insert(name.to_owned(), oid.to_vec());
        }
        short
    }

    /// The OID that a text means: dotted numbers, or a name and dotted numbers.
    pub(super) fn oid(&self, text: &str, item: &Item<'_>) -> Option<Arcs> {
        let (first, rest) = text.split_once('.').unwrap_or((text, ""));
        let (mut arcs, rest) = if first.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let Some(found) = self.0.get(first) else {
                let what = format!("`{first}` stands for no OID here");
                item.fault(what, did_you_mean(first, self.0.keys().map(String::as_str)));
                return None;
            };
            (found.clone(), rest)
        } else {
            (Vec::new(), text)
        };
        if !rest.is_empty() {
            for arc in rest.split('.') {
                let Ok(arc) = arc.parse::<u32>() else {
                    item.fault(
                        format!("`{text}` is no OID"),
                        "write dotted numbers, such as \"1.3.6.1.2.1.2.2.1.2\"",
                    );
                    return None;
                };
                arcs.push(arc);
            }
        }
        if arcs.len() < 3 || arcs.len() > MAX_ARCS {
            item.fault(format!("`{text}` has {} numbers", arcs.len()), format!("3 to {MAX_ARCS}"));
            return None;
        }
        Some(arcs.into())
    }

    /// One OID or a list.
    pub(super) fn oids(&self, item: &Item<'_>) -> Vec<Arcs> {
        let items = if item.is_text() { vec![*item] } else { item.list().unwrap_or_default() };
        bounded(item, items.len());
        items.iter().filter_map(|item| self.oid(item.text()?, item)).collect()
    }
}

fn bounded(item: &Item<'_>, len: usize) {
    if len > MAX_ALTERNATIVES {
        item.fault(format!("`{}` has {len} entries", item.key), format!("at most {MAX_ALTERNATIVES}"));
    }
}

/// A regular expression with at most one group.
pub(super) fn pattern(table: &Table<'_>, key: &'static str) -> Option<Regex> {
    let item = table.item(key)?;
    let text = item.text()?;
    match Regex::new(text) {
        Ok(regex) if regex.captures_len() <= 2 => Some(regex),
        Ok(_) => {
            item.fault(format!("`{key}` has more than one group"), "write the others as (?:...)");
            None
        }
        Err(error) => {
            let line = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            item.fault(format!("`{key}` is no regular expression: {line}"), "see docs/profiles.md");
            None
        }
    }
}

/// The sources of the fields of a class, in its order; a field that is not given has none.
pub(super) fn fields(table: &Table<'_>, class: &Class, short: &Short) -> Vec<Vec<Source>> {
    let of = |name| table.item(name).map_or_else(Vec::new, |item| several(&item, short, 0));
    class.parts.iter().map(|part| of(part.name)).collect()
}

/// One source or a list of them.
fn several(item: &Item<'_>, short: &Short, depth: usize) -> Vec<Source> {
    if !item.is_list() {
        return source(item, short, depth).into_iter().collect();
    }
    let items = item.list().unwrap_or_default();
    bounded(item, items.len());
    items.iter().filter_map(|item| source(item, short, depth)).collect()
}

/// A source: an OID alone, or a table.
fn source(item: &Item<'_>, short: &Short, depth: usize) -> Option<Source> {
    if item.is_text() {
        return Some(Source::new(column_or_scalar(short.oid(item.text()?, item)?, None)));
    }
    if depth > MAX_DEPTH {
        item.fault(format!("more than {MAX_DEPTH} sources within each other"), "make it simpler");
        return None;
    }
    let table = item.table()?;
    table.name(format!("the source of `{}`", item.key));
    let source = from_table(&table, short, depth);
    table.finish();
    source
}

fn from_table(table: &Table<'_>, short: &Short, depth: usize) -> Option<Source> {
    let before = table.faults.count();
    let inner = |key| table.item(key).and_then(|item| source(&item, short, depth + 1)).map(Box::new);
    let oid = |key: &'static str| table.item(key).and_then(|item| short.oid(item.text()?, &item));
    let key = inner("key");
    let index = table.item("index").and_then(|item| slice(&item));
    let given = [
        oid("oid").map(|oid| column_or_scalar(oid, key)),
        oid("below").zip(index).map(|(column, (first, last))| From::Below { column, first, last }),
        oid("above").zip(index).map(|(column, (first, last))| From::Above { column, first, last }),
        inner("port").map(From::Port),
        table.opt_text("text").map(|text| From::Text(Arc::from(text))),
    ];
    let mut given: Vec<From> = given.into_iter().flatten().collect();
    if given.is_empty() {
        given.extend(index.map(|(first, last)| From::Index(first, last)));
    }
    if given.len() != 1 && table.faults.count() == before {
        table.fault(
            format!("{} does not say where it comes from, or says it twice", table.label()),
            "give one of oid, index, below or above (with index), port and text",
        );
    }
    let words = ["plain", "mac", "address", "mask", "port"];
    let shape = table.word("as", &words, |word| match word {
        "plain" => Some(Shape::Plain),
        "mac" => Some(Shape::Mac),
        "address" => Some(Shape::Address),
        "mask" => Some(Shape::Mask),
        "port" => Some(Shape::Port),
        _ => None,
    });
    let states = table.table("states").map_or_else(BTreeMap::new, |states| states_of(&states));
    let source = Source {
        shape: shape.unwrap_or(Shape::Plain),
        only: table.table("only").and_then(|only| check(&only, short)).map(Box::new),
        pattern: pattern(table, "pattern"),
        split: table.opt_text("split").and_then(|text| text.chars().next()),
        none: numbers(table, "none"),
        raw: bounds(table, "raw"),
        offset: table.item("offset").and_then(|item| item.number()).unwrap_or(0.0),
        scale: table.item("scale").and_then(|item| item.number()).unwrap_or(1.0),
        exponent: inner("exponent"),
        digits: inner("digits"),
        times: inner("times"),
        plus: table.item("plus").map_or_else(Vec::new, |item| several(&item, short, depth + 1)),
        microwatts: table.bool("microwatts").unwrap_or(false),
        range: bounds(table, "range"),
        states,
        before: table.text_or_empty("before"),
        after: table.text_or_empty("after"),
        ..Source::new(given.pop()?)
    };
    Some(source)
}

impl Source {
    /// What it is if nothing more is said.
    fn new(from: From) -> Self {
        Self {
            from,
            shape: Shape::Plain,
            only: None,
            pattern: None,
            split: None,
            none: Vec::new(),
            raw: None,
            offset: 0.0,
            scale: 1.0,
            exponent: None,
            digits: None,
            times: None,
            plus: Vec::new(),
            microwatts: false,
            range: None,
            states: BTreeMap::new(),
            before: String::new(),
            after: String::new(),
        }
    }
}

/// A scalar's OID ends in 0, a column's never does.
fn column_or_scalar(oid: Arcs, key: Option<Box<Source>>) -> From {
    if oid.last() == Some(&0) { From::Scalar(oid) } else { From::Column { column: oid, key } }
}

/// A condition: a source with `in`, `not`, `over` or `within`.
pub(super) fn check(table: &Table<'_>, short: &Short) -> Option<Check> {
    table.name("this condition");
    let list = |key| table.item(key).and_then(|item| item.list()).map(|items| values(&items));
    let limit = |key| table.item(key).and_then(|item| source(&item, short, 1));
    let tests = [
        list("in").map(Test::In),
        list("not").map(Test::Not),
        limit("over").map(Test::Over),
        limit("within").map(Test::Within),
    ];
    let source = from_table(table, short, 1);
    table.finish();
    let mut tests: Vec<Test> = tests.into_iter().flatten().collect();
    if tests.len() != 1 {
        table.fault("a condition has `in`, `not`, `over` or `within`, one of them", "add in = [1, 2]");
        return None;
    }
    Some(Check { source: source?, test: tests.pop()? })
}

fn values(items: &[Item<'_>]) -> Vec<Arc<str>> {
    let value = |item: &Item<'_>| {
        if item.is_text() { item.text().map(Arc::from) } else { item.number().map(|n| Arc::from(n.to_string())) }
    };
    items.iter().filter_map(value).collect()
}

fn numbers(table: &Table<'_>, key: &'static str) -> Vec<f64> {
    let items = table.item(key).and_then(|item| item.list()).unwrap_or_default();
    items.iter().filter_map(|item| item.number()).collect()
}

/// `[least, most]`.
fn bounds(table: &Table<'_>, key: &'static str) -> Option<(f64, f64)> {
    let item = table.item(key)?;
    match numbers(table, key).as_slice() {
        [least, most] if least <= most => Some((*least, *most)),
        _ => {
            item.fault(format!("`{key}` is no range"), format!("write {key} = [0, 100]"));
            None
        }
    }
}

/// `"2"`, `"1..5"` or `"1.."`: numbers of an index, counted from 0.
fn slice(item: &Item<'_>) -> Option<(usize, Option<usize>)> {
    let text = item.text()?;
    let read = |text: &str| text.parse::<usize>().ok();
    let found = match text.split_once("..") {
        None => read(text).map(|at| (at, Some(at + 1))),
        Some((first, "")) => read(first).map(|first| (first, None)),
        Some((first, last)) => read(first).zip(read(last)).filter(|(a, b)| a < b).map(|(a, b)| (a, Some(b))),
    };
    if found.is_none() {
        item.fault(format!("`{text}` is no part of an index"), "write \"0\", \"1..5\" or \"1..\"");
    }
    found
}

fn states_of(table: &Table<'_>) -> BTreeMap<i64, Arc<str>> {
    let mut states = BTreeMap::new();
    for item in table.items() {
        let Ok(number) = item.key.parse::<i64>() else {
            item.fault(format!("`{}` is no number of a state", item.key), "write states = { 1 = \"ok\" }");
            continue;
        };
        if let Some(word) = item.text() {
            states.insert(number, Arc::from(word));
        }
    }
    states
}
