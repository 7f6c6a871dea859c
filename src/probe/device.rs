//! A device as its answers and a profile make it: from columns and scalars to interfaces, sensors, neighbours.
//!
//! Pure: whoever fetches (`fetch`) or plays a recording hands in [`Answers`]. A value that is a sentinel or cannot be
//! true is none; a table that was cut is kept and flagged, so that nobody takes half of it for the whole.

mod family; // profiles in force, while probes run
pub mod fetch;
pub(super) mod kept; // what was found once is read again without a walk
mod kind; // the probe kind
pub(super) mod part; // processors, memories and sensors as samples
pub(super) mod silence; // one that does not answer is knocked at
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

pub use self::family::{Families, Family, HEALTH, Profiles};
pub use self::kind::{SPEC, prober};
use self::value::Look;
use crate::config::defs::profile::choose::Chosen;
use crate::config::defs::profile::{Arcs, Check, From, ProfileDef, Source, TableDef};
use crate::model::device::{CLASSES, Class, DEVICE, Device, Fact, Holds, Incomplete, Part, SENSORS, Thing};
use crate::model::id::MAX_NAME;
use crate::net::snmp::Value;

/// VLANs that frames can be of (IEEE 802.1Q).
const VLANS: RangeInclusive<u32> = 1..=4094;

/// What a device answered.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    columns: HashMap<Arcs, BTreeMap<Vec<u32>, Value>>,
    scalars: HashMap<Arcs, Value>,
    cut: Vec<(Arcs, String)>,
    /// What it answered about one VLAN.
    vlans: BTreeMap<u32, Answers>,
}

impl Answers {
    /// A variable by its whole name: one that there is once, or a cell that was asked for by itself.
    pub fn scalar(&mut self, oid: Arcs, value: Value) {
        self.scalars.insert(oid, value);
    }
    /// A cell of a column.
    pub fn cell(&mut self, column: &Arcs, index: &[u32], value: Value) {
        self.columns.entry(column.clone()).or_default().insert(index.to_vec(), value);
    }
    /// A column that did not come whole, and why.
    pub fn cut(&mut self, column: Arcs, why: String) {
        self.cut.push((column, why));
    }
    /// What it answered about a VLAN by itself.
    pub fn vlan(&mut self, vlan: u32, answers: Self) {
        self.cut.extend(answers.cut.iter().map(|(column, why)| (column.clone(), format!("VLAN {vlan}: {why}"))));
        self.vlans.insert(vlan, answers);
    }
    /// The scalar of this OID.
    pub fn of_scalar(&self, oid: &[u32]) -> Option<&Value> {
        self.scalars.get(oid)
    }
    /// A cell.
    fn at(&self, column: &[u32], index: &[u32]) -> Option<&Value> {
        match self.columns.get(column) {
            Some(cells) => cells.get(index),
            None => self.scalars.get([column, index].concat().as_slice()),
        }
    }
    /// Whether nothing came, though something was asked for.
    fn is_silent(&self) -> bool {
        self.columns.is_empty() && self.scalars.is_empty() && !self.cut.is_empty()
    }
    /// VLANs by the condition of a table that is read in each of them.
    fn vlans_of(&self, check: &Check) -> BTreeSet<u32> {
        let From::Column { column, .. } = &check.source.from else { return BTreeSet::new() };
        let look = Look { answers: self, ports: &Ports::new() };
        let indexes = self.column(column).into_iter().flatten().map(|(index, _)| index.as_slice());
        let those = indexes.filter(|index| look.holds(check, index)).filter_map(|index| index.last().copied());
        those.filter(|vlan| VLANS.contains(vlan)).collect()
    }
    /// A column by index.
    pub fn column(&self, column: &[u32]) -> Option<&BTreeMap<Vec<u32>, Value>> {
        self.columns.get(column)
    }
}

/// What a profile wants to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Variables that there are once.
    pub scalars: BTreeSet<Arcs>,
    /// Columns.
    pub columns: BTreeSet<Arcs>,
}

impl Wanted {
    /// What these tables need, and the device itself.
    pub fn of<'a>(chosen: &Chosen<'_>, tables: impl IntoIterator<Item = &'a TableDef>) -> Self {
        Self::parts(chosen, tables, |_| true)
    }

    /// What the whole device needs but its counters, which somebody else reads often.
    pub fn but_counters(chosen: &Chosen<'_>) -> Self {
        Self::parts(chosen, chosen.tables(), |part| !(part.moves && part.holds == Holds::Count))
    }

    fn parts<'a>(
        chosen: &Chosen<'_>,
        tables: impl IntoIterator<Item = &'a TableDef>,
        which: impl Fn(&Part) -> bool,
    ) -> Self {
        let mut wanted = Self::default();
        for profile in chosen.profiles() {
            profile.device.iter().flatten().for_each(|source| wanted.source(source));
        }
        tables.into_iter().for_each(|table| wanted.parts_of(table, &which));
        wanted
    }

    fn table(&mut self, table: &TableDef) {
        self.parts_of(table, |_| true);
    }

    /// What a table needs that is read in each VLAN by itself.
    fn in_vlan(table: &TableDef) -> Self {
        let mut wanted = Self::default();
        wanted.own(table, |_| true);
        wanted
    }

    fn parts_of(&mut self, table: &TableDef, which: impl Fn(&Part) -> bool) {
        match &table.vlans {
            Some(check) => check.sources().for_each(|source| self.source(source)),
            None => self.own(table, which),
        }
    }

    fn own(&mut self, table: &TableDef, which: impl Fn(&Part) -> bool) {
        table.rows.iter().for_each(|oid| self.oid(oid));
        table.keep.iter().flat_map(Check::sources).for_each(|source| self.source(source));
        let parts = table.into.parts.iter().zip(&table.fields).filter(|(part, _)| which(part));
        parts.flat_map(|(_, sources)| sources).for_each(|source| self.source(source));
    }

    fn source(&mut self, source: &Source) {
        match &source.from {
            From::Column { column, key } => {
                self.oid(column);
                key.iter().for_each(|key| self.source(key));
            }
            From::Scalar(oid) => self.oid(oid),
            From::Below { column, .. } | From::Above { column, .. } => self.oid(column),
            From::Port(inner) => self.source(inner),
            From::Index(..) | From::Text(_) => {}
        }
        source.only.iter().flat_map(|check| check.sources()).for_each(|source| self.source(source));
        source.plus.iter().for_each(|inner| self.source(inner));
        [&source.exponent, &source.digits, &source.times].into_iter().flatten().for_each(|inner| self.source(inner));
    }

    fn oid(&mut self, oid: &Arcs) {
        let of_its_kind = if oid.last() == Some(&0) { &mut self.scalars } else { &mut self.columns };
        of_its_kind.insert(oid.clone());
    }
}

/// Names of interfaces by ifIndex.
type Ports = HashMap<u32, Arc<str>>;

/// Makes the device.
pub fn evaluate(chosen: &Chosen<'_>, answers: &Answers) -> Device {
    evaluate_by_table(chosen, answers, |_, _| {})
}

/// Makes the device, and tells of each table what it found.
fn evaluate_by_table<'a>(
    chosen: &Chosen<'a>,
    answers: &Answers,
    mut told: impl FnMut(&'a TableDef, &[Thing]),
) -> Device {
    let mut ports = Ports::new();
    let mut things: Vec<Vec<Thing>> = CLASSES.iter().map(|_| Vec::new()).collect();
    let tables = chosen.tables();
    each(&tables, answers, &mut ports, |table, _, mut found| {
        if let Some(place) = CLASSES.iter().position(|class| std::ptr::eq(class, table.into))
            && let Some(all) = things.get_mut(place)
        {
            let known: HashSet<Vec<String>> = all.iter().filter_map(|thing| key(table.into, thing)).collect();
            let mut said: HashSet<Vec<String>> = HashSet::new();
            found.retain(|thing| {
                key(table.into, thing)
                    .is_none_or(|key| !known.contains(&key) && said.insert(still(table.into, thing)))
            });
            told(table, &found);
            all.extend(found);
        }
    });
    let facts = of_itself(chosen, &Look { answers, ports: &ports });
    Device { facts, things, incomplete: incomplete(tables, answers) }
}

/// What each of the tables makes of the answers, by its place among them.
fn each<'a>(
    tables: &[&'a TableDef],
    answers: &Answers,
    ports: &mut Ports,
    mut take: impl FnMut(&'a TableDef, usize, Vec<Thing>),
) {
    let mut told: HashMap<&str, usize> = HashMap::new();
    let of_ports = |table: &TableDef| CLASSES.first().is_some_and(|class| std::ptr::eq(table.into, class));
    // Interfaces first: others name them. What stands in for another table last: it must know what that one told.
    let mut order: Vec<(usize, &'a TableDef)> = tables.iter().copied().enumerate().collect();
    // What is read in each VLAN was not read at all if another stands in for it, and tells more than one for all of them.
    let stands_in = |table: &TableDef| table.vlans.is_none() && !table.unless.is_empty();
    order.sort_by_key(|(_, table)| (!of_ports(table), stands_in(table)));
    for (at, table) in order {
        let told_by = |other: &String| told.get(other.as_str()).is_some_and(|rows| *rows > 0);
        if stands_in(table) && table.unless.iter().any(told_by) {
            continue;
        }
        let mut found = match &table.vlans {
            None => rows(table, &Look { answers, ports }),
            Some(_) => {
                answers.vlans.iter().flat_map(|(vlan, answers)| in_vlan(table, answers, ports, *vlan)).collect()
            }
        };
        told.insert(&table.id, found.len());
        if of_ports(table) {
            name_ports(table, &mut found, &Look { answers, ports });
            ports.extend(found.iter().filter_map(|thing| {
                let name = thing.fact(table.into, "name").text()?;
                Some((*thing.row.first()?, Arc::from(name)))
            }));
            name_others(table, &mut found, &Look { answers, ports });
        }
        take(table, at, found);
    }
}

/// What tells a thing from others of a class that several tables list.
fn key(class: &Class, thing: &Thing) -> Option<Vec<String>> {
    let told = |name: &&str| thing.fact(class, name).text().unwrap_or_default().to_owned();
    (!class.key.is_empty()).then(|| class.key.iter().map(told).collect())
}

/// What does not move of a thing.
fn still(class: &Class, thing: &Thing) -> Vec<String> {
    let parts = class.parts.iter().zip(&thing.facts).filter(|(part, _)| !part.moves);
    let told = |fact: &Fact| match fact {
        Fact::Text(text) => text.to_string(),
        other => other.number().map(|number| number.to_string()).unwrap_or_default(),
    };
    parts.map(|(_, fact)| told(fact)).collect()
}

/// The device itself: the sources of its profiles, the more particular first.
fn of_itself(chosen: &Chosen<'_>, look: &Look<'_>) -> Vec<Fact> {
    let fact = |(at, part): (usize, &Part)| {
        if part.name == "profile" {
            return Fact::Text(Arc::from(chosen.id()));
        }
        let told = |profile: &ProfileDef| {
            let sources = profile.device.get(at).into_iter().flatten();
            let found = sources.map(|source| look.anywhere(source, part)).find(|fact| !fact.is_null());
            let constant = match part.name {
                "vendor" => &profile.vendor,
                "os" => &profile.os,
                _ => return found,
            };
            found.or_else(|| (!constant.is_empty()).then(|| Fact::Text(constant.clone())))
        };
        chosen.profiles().find_map(told).unwrap_or_default()
    };
    DEVICE.parts.iter().enumerate().map(fact).collect()
}

/// The things of a table in one VLAN, which it does not name itself.
fn in_vlan(table: &TableDef, answers: &Answers, ports: &Ports, vlan: u32) -> Vec<Thing> {
    let mut found = rows(table, &Look { answers, ports });
    for thing in &mut found {
        thing.row.insert(0, vlan);
        if let Some(fdb) = table.into.place("fdb").and_then(|at| thing.facts.get_mut(at)).filter(|fdb| fdb.is_null())
        {
            *fdb = Fact::Count(vlan.into());
        }
    }
    found
}

/// The things of one table.
fn rows(table: &TableDef, look: &Look<'_>) -> Vec<Thing> {
    let mut indexes: BTreeSet<&[u32]> = BTreeSet::new();
    for oid in &table.rows {
        if oid.last() == Some(&0) {
            indexes.extend(look.answers.of_scalar(oid).map(|_| &[][..]));
        } else {
            indexes.extend(look.answers.column(oid).into_iter().flatten().map(|(index, _)| index.as_slice()));
        }
    }
    let holds = |check: &Check, index: &[u32]| look.holds(check, index);
    let kept = indexes.into_iter().filter(|index| table.keep.iter().all(|check| holds(check, index)));
    let mut found = Vec::new();
    for index in kept {
        let split = table.fields.iter().flatten().find(|source| source.split.is_some());
        let items = split.map_or(1, |source| look.items(source, index));
        for item in 0..items {
            found.extend(thing(table, look, index, item, |_| Fact::Null).map(|mut thing| {
                if items > 1 {
                    name_lane(table.into, &mut thing, item);
                }
                thing
            }));
        }
    }
    found
}

/// One thing, if it has what it needs; what is known of it is not looked up.
fn thing(
    table: &TableDef,
    look: &Look<'_>,
    index: &[u32],
    item: usize,
    known: impl Fn(&Part) -> Fact,
) -> Option<Thing> {
    let class = table.into;
    let mut facts = Vec::with_capacity(class.parts.len());
    let mut from: Option<Arcs> = None;
    for (part, sources) in class.parts.iter().zip(&table.fields) {
        let mut fact = known(part);
        let looked_up = if fact.is_null() { sources.as_slice() } else { &[] };
        for source in looked_up {
            fact = look.fact(source, part, index, item);
            if fact.is_null() {
                continue;
            }
            if let From::Column { column: oid, .. } | From::Scalar(oid) = &source.from
                && part.name != "name"
            {
                from = Some(main(class, part.name, from.take(), oid));
            }
            break;
        }
        facts.push(fact);
    }
    let from = from.unwrap_or_else(|| Arc::from(&[][..]));
    let mut thing = Thing { facts, row: index.to_vec(), item, from, as_of: None };
    complete(class, &mut thing);
    let lacks = class.parts.iter().zip(&thing.facts).any(|(part, fact)| part.needed && fact.is_null());
    let says_nothing =
        class.name == "sensors" && thing.fact(class, "value").is_null() && thing.fact(class, "status").is_null();
    (!lacks && !says_nothing).then_some(thing)
}

/// The column that a thing is known by: that of its value, if it has one.
fn main(class: &Class, part: &str, before: Option<Arcs>, oid: &Arcs) -> Arcs {
    match (before, part) {
        (Some(before), "status" | "size_bytes" | "free_bytes") => before,
        (Some(before), _) if class.name != "sensors" && class.name != "cpu" && class.name != "memory" => before,
        _ => oid.clone(),
    }
}

/// What follows from the rest: a unit from the kind, a ratio from two sizes.
fn complete(class: &Class, thing: &mut Thing) {
    let number = |thing: &Thing, name: &str| thing.fact(class, name).number();
    let set = |thing: &mut Thing, name: &str, fact: Fact| {
        if let Some(place) = class.place(name).and_then(|at| thing.facts.get_mut(at))
            && place.is_null()
        {
            *place = fact;
        }
    };
    match class.name {
        "interfaces" => {
            if let Some(index) = thing.row.first().copied() {
                set(thing, "index", Fact::Count(index.into()));
            }
        }
        "memory" => {
            let (size, used, free) =
                (number(thing, "size_bytes"), number(thing, "used_bytes"), number(thing, "free_bytes"));
            let size = size.or_else(|| Some(used? + free?)).filter(|size| *size > 0.0);
            let used = used.or_else(|| Some(size? - free?));
            if let Some(size) = size {
                set(thing, "size_bytes", Fact::Number(size));
            }
            if let (Some(size), Some(used)) = (size, used)
                && (0.0..=size).contains(&used)
            {
                set(thing, "used_ratio", Fact::Number(used / size));
            }
        }
        "sensors" => {
            let name = thing.fact(class, "kind").text().unwrap_or_default();
            let Some(kind) = SENSORS.iter().find(|kind| kind.name == name) else { return };
            let Some(value) = number(thing, "value") else { return };
            let (least, most) = kind.bounds;
            if !(least..=most).contains(&value) {
                if let Some(place) = class.place("value").and_then(|at| thing.facts.get_mut(at)) {
                    *place = Fact::Null;
                }
            } else if !kind.unit.is_empty() {
                set(thing, "unit", Fact::Text(Arc::from(kind.unit)));
            }
        }
        _ => {}
    }
}

/// Lane 2 of a module with four is another sensor than lane 1.
fn name_lane(class: &Class, thing: &mut Thing, item: usize) {
    if let Some(Fact::Text(name)) = class.place("name").and_then(|at| thing.facts.get_mut(at)) {
        *name = format!("{name} lane {}", item + 1).into();
    }
}

/// An interface is known by its name. Of names that several have the next source of the name counts (ifDescr) if it tells
/// them apart: it stays over a restart, which an index need not. Else they get their index; long ones are cut.
fn name_ports(table: &TableDef, ports: &mut [Thing], look: &Look<'_>) {
    let class = table.into;
    let Some((place, part)) = class.place("name").and_then(|at| Some((at, class.parts.get(at)?))) else { return };
    let name = |port: &Thing| port.fact(class, "name").text().unwrap_or_default().to_owned();
    let counted = |names: &mut dyn Iterator<Item = String>| {
        let mut count: HashMap<String, usize> = HashMap::new();
        names.for_each(|name| *count.entry(name).or_default() += 1);
        count
    };
    let count = counted(&mut ports.iter().map(name));
    let columns = table.fields.get(place).into_iter().flatten();
    let others = columns.filter(|source| matches!(source.from, From::Column { key: None, .. })).skip(1);
    let others: Vec<Vec<String>> = others
        .map(|source| {
            let called = |port: &Thing| look.fact(source, part, &port.row, 0).text().unwrap_or_default().to_owned();
            ports.iter().map(called).collect()
        })
        .collect();
    let alone: Vec<HashMap<String, usize>> = others.iter().map(|all| counted(&mut all.iter().cloned())).collect();
    for (at, port) in ports.iter_mut().enumerate() {
        let index = port.row.first().copied().unwrap_or_default();
        let Some(Fact::Text(name)) = port.facts.get_mut(place) else { continue };
        if count.get(&**name).is_some_and(|n| *n > 1) {
            let told = others.iter().zip(&alone).filter_map(|(all, alone)| Some((all.get(at)?, alone)));
            let mut told = told.filter(|(other, alone)| {
                !other.is_empty() && alone.get(*other) == Some(&1) && !count.contains_key(*other)
            });
            *name = told.next().map_or_else(|| format!("{name}#{index}"), |(other, _)| other.clone()).into();
        }
        if name.len() > MAX_NAME {
            let end = (0..=MAX_NAME).rev().find(|at| name.is_char_boundary(*at)).unwrap_or_default();
            *name = name.get(..end).unwrap_or_default().into();
        }
    }
}

/// What interfaces say of each other, such as the aggregate that one is of, can be told once all have their names. None is
/// of itself.
fn name_others(table: &TableDef, ports: &mut [Thing], look: &Look<'_>) {
    for port in ports {
        let own = port.fact(table.into, "name").clone();
        let places = table.into.parts.iter().zip(&table.fields).zip(&mut port.facts);
        for ((part, sources), fact) in places.filter(|(_, fact)| fact.is_null()) {
            let named = sources.iter().filter(|source| matches!(source.from, From::Port(_)));
            let mut told = named.map(|source| look.fact(source, part, &port.row, 0));
            *fact = told.find(|fact| !fact.is_null() && *fact != own).unwrap_or_default();
        }
    }
}

/// What was cut of these tables.
fn incomplete<'a>(tables: impl IntoIterator<Item = &'a TableDef>, answers: &Answers) -> Vec<Incomplete> {
    let mut all: Vec<Incomplete> = Vec::new();
    for table in tables {
        let wanted = Wanted::in_vlan(table);
        for (column, why) in &answers.cut {
            let told = Incomplete { class: table.into.name, reason: why.clone() };
            if (wanted.columns.contains(column) || wanted.scalars.contains(column)) && !all.contains(&told) {
                all.push(told);
            }
        }
    }
    all
}
