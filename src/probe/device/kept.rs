//! What was found of a device once, to be read again without a walk: where each thing stands, and which cells its values
//! are made of. Tables of vendors have a row for every part of a chassis; what counts of them is a score of cells.

use std::sync::Arc;

use super::value::Look;
use super::{Answers, Ports, each, thing};
use crate::codec::snmp::write;
use crate::config::defs::profile::TableDef;
use crate::model::device::{Fact, Incomplete, Part, Thing};

/// Where a thing was found, and what does not change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) struct Kept {
    /// Place of its table among those of the family.
    pub(in crate::probe) table: u16,
    /// Which of its row's things it is.
    item: u16,
    row: Box<[u32]>,
    /// Its name, unlike that of any other of its class.
    pub(in crate::probe) name: Arc<str>,
    /// Of a sensor, its kind.
    kind: Option<Arc<str>>,
}

impl Kept {
    /// Of a thing of the table at this place.
    pub(in crate::probe) fn new(table: usize, class: &TableDef, thing: &Thing, name: Arc<str>) -> Self {
        let kind = match thing.fact(class.into, "kind") {
            Fact::Text(kind) => Some(kind.clone()),
            _ => None,
        };
        let narrow = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
        let (table, item) = (narrow(table), narrow(thing.item));
        Self { table, item, row: thing.row.as_slice().into(), name, kind }
    }

    /// Whether both are the same thing, whatever they are called.
    pub(in crate::probe) fn is(&self, other: &Self) -> bool {
        (self.table, self.item, &self.row) == (other.table, other.item, &other.row)
    }

    /// Its values as they are now; none if it has none, or counts no longer.
    pub(in crate::probe) fn read(&self, table: &TableDef, answers: &Answers) -> Option<Thing> {
        let look = Look { answers, ports: &Ports::new() };
        let known = |part: &Part| match part.name {
            "name" => Fact::Text(self.name.clone()),
            "kind" => self.kind.clone().map_or(Fact::Null, Fact::Text),
            _ => Fact::Null,
        };
        let counts = table.keep.iter().all(|check| look.holds(check, &self.row));
        counts.then(|| thing(table, &look, &self.row, self.item.into(), known)).flatten()
    }
}

/// All that the tables make of the answers to a walk, by the place of the table; and what was cut.
pub(in crate::probe) fn find(
    tables: &[TableDef],
    answers: &Answers,
    mut ports: Ports,
) -> (Vec<(usize, Thing)>, Vec<Incomplete>) {
    let mut all = Vec::new();
    let refs: Vec<&TableDef> = tables.iter().collect();
    each(&refs, answers, &mut ports, |_, at, found| all.extend(found.into_iter().map(|thing| (at, thing))));
    (all, super::incomplete(tables, answers))
}

/// Names of variables, encoded one after the other, each behind its length: a device has dozens, and there are thousands
/// of devices.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Cells(Box<[u8]>);

impl Cells {
    /// The cells that the values of these things are made of, as far as the device had them.
    pub(in crate::probe) fn of(kept: &[Kept], tables: &[TableDef], answers: &Answers) -> Self {
        let look = Look { answers, ports: &Ports::new() };
        let mut names = Vec::new();
        let mut add = |column: &[u32], index: &[u32]| {
            if answers.at(column, index).is_some() {
                names.push([column, index].concat());
            }
        };
        for one in kept {
            let Some(table) = tables.get(usize::from(one.table)) else { continue };
            let fields = table.into.parts.iter().zip(&table.fields);
            let moving = fields.filter(|(part, _)| !["name", "kind"].contains(&part.name)).flat_map(|(_, from)| from);
            let sources = moving.chain(table.keep.iter().flat_map(|check| check.sources()));
            sources.for_each(|source| look.cells(source, &one.row, &mut add));
        }
        names.sort_unstable();
        names.dedup();
        let mut encoded = Vec::new();
        for name in names.iter().map(|name| write::name(name)) {
            let Ok(length) = u16::try_from(name.len()) else { continue };
            encoded.extend(length.to_be_bytes());
            encoded.extend(name);
        }
        Self(encoded.into())
    }

    /// Their names.
    pub(in crate::probe) fn names(&self) -> impl Iterator<Item = Arc<[u32]>> + '_ {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk()?;
            let (name, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = behind;
            crate::codec::snmp::Oid::read(name).map(|name| name.arcs().collect())
        })
    }
}
