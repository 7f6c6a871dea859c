//! Walks: several columns of a table at once, or one subtree as it comes.

use std::collections::BTreeMap;

use ::snmp::ErrorStatus;

use super::{Oid, Session, SnmpError, Value};
use crate::model::time::Mono;
use crate::net::clock::Clock;

/// Columns of one GETBULK: with 25 repetitions some 150 variables, a reply of 3 to 5 KB.
const COLUMNS_AT_ONCE: usize = 6;
/// Rows of one table: a large router has some thousand interfaces, a lying agent has no end.
pub const MAX_ROWS: usize = 20_000;
/// Requests for one set of columns, for the same reason.
const MAX_PACKETS: u32 = 10_000;

impl Session {
    /// Walks a subtree and hands out each variable, in order; ends where the agent's OIDs stop growing.
    pub async fn walk(
        &self,
        root: &Oid,
        repetitions: u32,
        told: &mut (dyn FnMut(&Oid, &Value) + Send),
    ) -> Result<(), SnmpError> {
        let mut last = root.clone();
        loop {
            let list = match self.get_bulk(std::slice::from_ref(&last), repetitions).await {
                Err(SnmpError::Status { status: ErrorStatus::NoSuchName, .. }) if self.v1 => return Ok(()),
                other => other?,
            };
            if list.is_empty() {
                let why = format!("the agent answered nothing after {last}");
                return Err(SnmpError::Protocol { peer: self.peer, why });
            }
            for (oid, value) in list {
                if matches!(value, Value::EndOfMibView) || (oid > last && !oid.starts_with(root)) {
                    return Ok(());
                }
                if oid <= last {
                    let why = format!("the agent's OIDs do not grow at {oid}");
                    return Err(SnmpError::Protocol { peer: self.peer, why });
                }
                told(&oid, &value);
                last = oid;
            }
        }
    }

    /// Walks several columns (or subtrees) at once into `table`, whatever comes until `deadline`.
    pub async fn walk_columns(&self, columns: &[Oid], table: &mut Columns, clock: &Clock, deadline: Mono) {
        let first = table.width;
        table.width += columns.len();
        let mut cursors: Vec<Cursor> = columns
            .iter()
            .enumerate()
            .map(|(at, prefix)| Cursor { at: first + at, prefix: prefix.clone(), last: prefix.clone(), done: false })
            .collect();
        for group in cursors.chunks_mut(COLUMNS_AT_ONCE) {
            self.walk_group(group, table, clock, deadline).await;
            if table.error.is_some() {
                return;
            }
        }
    }

    async fn walk_group(&self, group: &mut [Cursor], table: &mut Columns, clock: &Clock, deadline: Mono) {
        let mut at_once = group.len();
        loop {
            let mut active: Vec<&mut Cursor> = group.iter_mut().filter(|c| !c.done).take(at_once).collect();
            if active.is_empty() {
                return;
            }
            if table.packets >= MAX_PACKETS {
                return table.cut(format!("more than {MAX_PACKETS} requests"));
            }
            if table.rows.len() >= MAX_ROWS {
                return table.cut(format!("more than {MAX_ROWS} rows"));
            }
            table.packets += 1;
            let from: Vec<Oid> = active.iter().map(|c| c.last.clone()).collect();
            let answer = clock.until(deadline, self.get_bulk(&from, table.repetitions)).await;
            match answer.unwrap_or(Err(SnmpError::Timeout { peer: self.peer })) {
                Ok(list) => table.take(&mut active, list),
                // v1 says "end of the tree" with an error, for the column that it names.
                Err(SnmpError::Status { status: ErrorStatus::NoSuchName, index, .. }) if self.v1 => {
                    match (index as usize).checked_sub(1).and_then(|at| active.get_mut(at)) {
                        Some(cursor) => cursor.done = true,
                        None => active.iter_mut().for_each(|cursor| cursor.done = true),
                    }
                }
                Err(error) if error.is_burden() && table.repetitions > 1 && clock.mono() < deadline => {
                    table.repetitions /= 2;
                }
                Err(SnmpError::Status { .. }) if at_once > 1 => at_once = 1,
                Err(error @ SnmpError::Status { .. }) => {
                    if let Some(cursor) = active.first_mut() {
                        cursor.done = true;
                        table.shortfalls.push(format!("{}: {error}", cursor.prefix));
                    }
                }
                Err(error) => {
                    table.error = Some(error);
                    return;
                }
            }
        }
    }
}

#[derive(Debug)]
struct Cursor {
    at: usize,
    prefix: Oid,
    last: Oid,
    done: bool,
}

/// Columns of a table, by index, as far as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Index -> value by column, in the order in which columns were walked.
    pub rows: BTreeMap<Vec<u32>, Vec<Option<Value>>>,
    /// Repetitions of a GETBULK; halved when a device does not bear them.
    pub repetitions: u32,
    /// What was left out, and why; empty if the table is whole.
    pub shortfalls: Vec<String>,
    /// What ended the walk early.
    pub error: Option<SnmpError>,
    /// Requests so far.
    pub packets: u32,
    width: usize,
}

impl Columns {
    /// Nothing yet.
    pub fn new(repetitions: u32) -> Self {
        Self {
            rows: BTreeMap::new(),
            repetitions: repetitions.max(1),
            shortfalls: Vec::new(),
            error: None,
            packets: 0,
            width: 0,
        }
    }

    /// True if all rows of all columns came.
    pub const fn whole(&self) -> bool {
        self.shortfalls.is_empty() && self.error.is_none()
    }

    fn cut(&mut self, why: String) {
        self.shortfalls.push(why);
    }

    fn take(&mut self, active: &mut [&mut Cursor], list: Vec<(Oid, Value)>) {
        let count = active.len();
        let (mut heard, width) = (0, self.width);
        for (position, (oid, value)) in list.into_iter().enumerate() {
            let Some(cursor) = active.get_mut(position % count) else { continue };
            heard += 1;
            if cursor.done {
                continue;
            }
            if matches!(value, Value::EndOfMibView) || (oid > cursor.last && !oid.starts_with(&cursor.prefix)) {
                cursor.done = true;
                continue;
            }
            if oid <= cursor.last {
                cursor.done = true;
                self.shortfalls.push(format!("{}: the agent's OIDs do not grow at {oid}", cursor.prefix));
                continue;
            }
            let index = oid.arcs().get(cursor.prefix.len()..).unwrap_or_default().to_vec();
            cursor.last = oid;
            if value.is_exception() {
                continue; // noSuchObject in a walk: nothing here, go on behind it
            }
            let row = self.rows.entry(index).or_default();
            row.resize(width, None);
            if let Some(place) = row.get_mut(cursor.at) {
                *place = Some(value);
            }
        }
        if heard > 0 {
            return;
        }
        for cursor in active.iter_mut() {
            cursor.done = true;
            self.shortfalls.push(format!("{}: the agent answered nothing", cursor.prefix));
        }
    }
}
