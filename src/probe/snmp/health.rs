//! Processors, memories and sensors, by the profile of the device's family (docs/profiles.md).
//!
//! Tables of vendors have a row for every part of a chassis, most of them empty. They are walked to find out what there
//! is, when the device is new, started in the last minutes or was looked through ten minutes ago; in between exactly the cells of what was found
//! are asked for, one or two requests. A value that does not come any more makes the next run look again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::interfaces::{MAX_AGE, Moment, fit};
use crate::codec::text;
use crate::config::defs::profile::TableDef;
use crate::model::device::{SENSOR_KINDS, STATUS, Thing};
use crate::model::observation::Value;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{Session, SnmpError, Value as Wire};
use crate::probe::device::kept::{Cells, Kept, find};
use crate::probe::device::{Answers, Families, Family, HEALTH, Wanted, fetch};

/// Things of one device; the largest chassis have some hundred sensors.
const MAX_THINGS: usize = 1_000;

/// Which column of the table of sensors a kind's value stands in, and what a value is divided by. Kinds that are not
/// here have a status alone.
const VALUES: &[(&str, usize, f64)] = &[
    ("temperature", 2, 1.0),
    ("fan", 3, 1.0),
    ("fan_ratio", 4, 100.0),
    ("voltage", 5, 1.0),
    ("current", 6, 1.0),
    ("power", 7, 1.0),
    ("optical_rx", 8, 1.0),
    ("optical_tx", 8, 1.0),
    ("optical", 8, 1.0),
    ("humidity", 9, 100.0),
    ("charge", 10, 100.0),
    ("load", 11, 100.0),
    ("frequency", 12, 1.0),
    ("runtime", 13, 1.0),
    ("sessions", 14, 1.0),
];
/// By position in `STATUS`: the device does not say. It is a state of its own, so that rules can ask for it.
const UNKNOWN: u8 = 4;
/// Columns of the table of sensors.
const WIDTH: usize = 15;

/// What is kept from run to run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The profiles that the family was chosen among.
    families: Option<Arc<Families>>,
    /// Of sysObjectID and sysDescr.
    identity: u64,
    family: Option<Arc<Family>>,
    kept: Box<[Kept]>,
    cells: Cells,
    found_at: Option<Mono>,
}

/// What a device says it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Who {
    object_id: Vec<u32>,
    descr: String,
}

impl Who {
    /// By its sysObjectID and sysDescr.
    pub(super) fn of(object_id: Option<&Wire>, descr: Option<&Wire>) -> Self {
        let object_id = match object_id {
            Some(Wire::ObjectIdentifier(oid)) => oid.arcs().to_vec(),
            _ => Vec::new(),
        };
        Self { object_id, descr: descr.and_then(Wire::as_bytes).map(text::decode).unwrap_or_default() }
    }
}

/// A processor, a memory or a sensor, its values in the order of the fields of its table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Which of [`HEALTH`].
    pub(super) class: usize,
    pub(super) name: Arc<str>,
    pub(super) values: Vec<Value>,
}

impl Memory {
    /// The device's family, chosen anew if the device or the profiles are others than before.
    pub(super) fn family(&mut self, families: &Arc<Families>, who: &Who) -> Arc<Family> {
        let mut hash = DefaultHasher::new();
        who.hash(&mut hash);
        let identity = hash.finish();
        let same = self.identity == identity && self.families.as_ref().is_some_and(|f| Arc::ptr_eq(f, families));
        match &self.family {
            Some(family) if same => family.clone(),
            _ => {
                let family = families.of(&who.object_id, &who.descr);
                *self = Self {
                    families: Some(families.clone()),
                    identity,
                    family: Some(family.clone()),
                    ..Self::default()
                };
                family
            }
        }
    }

    /// Takes what a walk found. What was there before stays if the walk was cut.
    fn take(&mut self, family: &Family, found: &[(usize, Thing)], whole: bool) -> Vec<Kept> {
        let named = found.iter().filter_map(|(at, thing)| Some((*at, family.tables.get(*at)?, thing)));
        let named: Vec<_> = named.map(|(at, table, thing)| (at, table, thing, name_of(table, thing))).collect();
        // Names that several have get their row, and where two tables tell of one row, its table.
        let mut count: HashMap<(&str, String), u32> = HashMap::new();
        let rows = |table: &TableDef, thing: &Thing, name: &str| {
            let row: Vec<String> = thing.row.iter().map(u32::to_string).collect();
            (table.into.name, format!("{name}#{}", row.join(".")))
        };
        for (_, table, thing, name) in &named {
            *count.entry((table.into.name, name.clone())).or_default() += 1;
            *count.entry(rows(table, thing, name)).or_default() += 1;
        }
        let several = |name: &(&str, String)| count.get(name).is_some_and(|n| *n > 1);
        let mut kept: Vec<Kept> = Vec::with_capacity(named.len());
        for (at, table, thing, name) in &named {
            let plain = (table.into.name, name.clone());
            let with_row = rows(table, thing, name);
            let (_, name) = match several(&plain) {
                false => plain,
                true if several(&with_row) => ("", format!("{}.{}.{}", with_row.1, table.id, thing.item)),
                true => with_row,
            };
            kept.push(Kept::new(*at, table, thing, &fit(name)));
        }
        if !whole {
            let before = std::mem::take(&mut self.kept).into_iter();
            let lost: Vec<Kept> = before.filter(|old| kept.iter().all(|new| !new.is(old))).collect();
            kept.extend(lost);
        }
        kept.truncate(MAX_THINGS);
        kept
    }
}

/// Whom to ask, and how.
pub(super) struct Ask<'a> {
    pub(super) session: &'a Session,
    pub(super) repetitions: u32,
    pub(super) clock: &'a Clock,
    pub(super) deadline: Mono,
}

impl Ask<'_> {
    async fn fetch(&self, wanted: &Wanted) -> Result<Answers, SnmpError> {
        fetch::fetch(self.session, wanted, self.repetitions, self.clock, self.deadline).await
    }
}

/// Reads them; what is missing is told in `shortfalls`. `ports` are the names of the device's interfaces by index.
pub(super) async fn read(
    ask: &Ask<'_>,
    memory: &mut Memory,
    family: &Family,
    ports: impl Iterator<Item = (u32, &Arc<str>)>,
    moment: &Moment,
    shortfalls: &mut Vec<String>,
) -> Vec<Part> {
    let fresh = memory.found_at.is_some_and(|at| moment.at.since(at) < MAX_AGE) && moment.elapsed.is_some();
    let cells = || Wanted { scalars: memory.cells.names().collect(), ..Wanted::default() };
    let wanted = if fresh { &cells() } else { &family.wanted };
    let answers = match ask.fetch(wanted).await {
        Ok(answers) => answers,
        Err(error) => {
            shortfalls.push(format!("health cut: {error}"));
            return Vec::new();
        }
    };
    if !fresh {
        let ports = ports.map(|(index, name)| (index, name.clone())).collect();
        let (found, cut) = find(&family.tables, &answers, ports);
        if found.len() > MAX_THINGS {
            shortfalls.push(format!("{} processors and sensors, the first {MAX_THINGS} are shown", found.len()));
        }
        let kept = memory.take(family, &found, cut.is_empty());
        memory.cells = Cells::of(&kept, &family.tables, &answers);
        memory.kept = kept.into();
        memory.found_at = (cut.is_empty() && !moment.young).then_some(moment.at);
        shortfalls.extend(cut.into_iter().map(|cut| format!("{}: {}", cut.class, cut.reason)));
    } else if wanted.scalars.iter().any(|name| answers.of_scalar(name).is_none()) {
        memory.found_at = None; // something was taken out
    }
    let part = |kept: &Kept| {
        let table = family.tables.get(usize::from(kept.table))?;
        part_of(table, &kept.read(table, &answers)?, kept.name.clone())
    };
    memory.kept.iter().filter_map(part).collect()
}

/// What it is called; sensors have their kind before it.
fn name_of(table: &TableDef, thing: &Thing) -> String {
    let fact = |name: &str| thing.fact(table.into, name).text().unwrap_or_default();
    let own = match fact("kind") {
        "" => fact("name").to_owned(),
        kind => format!("{kind}/{}", fact("name")),
    };
    own.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn part_of(table: &TableDef, thing: &Thing, name: Arc<str>) -> Option<Part> {
    let class = HEALTH.iter().position(|class| *class == table.into.name)?;
    let number = |name: &str| thing.fact(table.into, name).number();
    let gauge = |number: Option<f64>| number.map_or(Value::Null, Value::gauge);
    let word = |words: &[&str], name: &str| {
        let fact = thing.fact(table.into, name).text()?;
        words.iter().position(|word| *word == fact).and_then(|at| u8::try_from(at).ok())
    };
    let values = match table.into.name {
        "cpu" => vec![gauge(number("ratio"))],
        "memory" => vec![gauge(number("used_ratio")), gauge(number("size_bytes"))],
        _ => {
            let mut values = vec![Value::Null; WIDTH];
            let kind = word(&SENSOR_KINDS, "kind")?;
            let set = |values: &mut Vec<Value>, at: usize, value: Value| {
                if let Some(place) = values.get_mut(at) {
                    *place = value;
                }
            };
            set(&mut values, 0, Value::State(kind));
            set(&mut values, 1, Value::State(word(STATUS, "status").unwrap_or(UNKNOWN)));
            let name = SENSOR_KINDS.get(usize::from(kind))?;
            if let Some((_, at, by)) = VALUES.iter().find(|(of, ..)| of == name) {
                set(&mut values, *at, gauge(number("value").map(|value| value / by)));
            }
            values
        }
    };
    Some(Part { class, name, values })
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
