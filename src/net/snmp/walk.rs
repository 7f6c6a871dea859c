//! Walks: several columns of a table at once, or one subtree as it comes.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ::snmp::ErrorStatus;

pub use super::table::{MAX_ROWS, Sink, Walked};
use super::{Oid, Session, SnmpError, Value, convert};
use crate::codec::snmp::oid::{self, MAX_ARCS};
use crate::codec::snmp::{self as wire, write};
use crate::model::time::Mono;
use crate::net::clock::Clock;

impl Session {
    /// Walks a subtree and hands out each variable, in order, as long as more are wanted; ends where the agent's OIDs stop
    /// growing. A device that does not bear the rows it is asked for is asked for one at a time.
    pub async fn walk(
        &self,
        root: &Oid,
        mut repetitions: u32,
        told: &mut (dyn FnMut(&Oid, &Value) -> ControlFlow<()> + Send),
    ) -> Result<(), SnmpError> {
        let mut last = root.clone();
        loop {
            let list = match self.get_bulk(std::slice::from_ref(&last), repetitions).await {
                Err(SnmpError::Status { status: ErrorStatus::NoSuchName, .. }) if self.v1 => return Ok(()),
                // One that never said anything is dead, not burdened.
                Err(error)
                    if repetitions > 1
                        && error.is_burden()
                        && (last != *root || matches!(error, SnmpError::Status { .. })) =>
                {
                    repetitions = 1;
                    continue;
                }
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
                if told(&oid, &value).is_break() {
                    return Ok(());
                }
                last = oid;
            }
        }
    }

    /// Walks several columns (or subtrees) at once into `sink`, whatever comes until `deadline`. `walked` says how many
    /// rows to ask for at once and how many requests were made before; a device that bore fewer is asked for fewer, one
    /// whose answers were small for more.
    pub async fn scan<S: Sink>(
        &self,
        columns: &[Oid],
        sink: S,
        walked: Walked,
        clock: &Clock,
        deadline: Mono,
    ) -> (Option<S>, Walked) {
        let names = columns.iter().map(|column| write::name(column.arcs())).collect();
        let (sink, walked) = self.walk_table(names, Box::new(sink), walked, clock, deadline).await;
        let sink: Option<Box<dyn Any>> = sink.map(|sink| sink as Box<dyn Any>);
        (sink.and_then(|sink| sink.downcast().ok()).map(|sink| *sink), walked)
    }

    /// Walks several columns (or subtrees) at once into `table`, whatever comes until `deadline`.
    pub async fn walk_columns(&self, columns: &[Oid], table: &mut Columns, clock: &Clock, deadline: Mono) {
        let walked = Walked { packets: table.packets, ..Walked::new(table.wanted) };
        let first = table.width;
        let cells = Cells { rows: std::mem::take(&mut table.rows), first, width: first + columns.len() };
        table.width = cells.width;
        let (cells, walked) = self.scan(columns, cells, walked, clock, deadline).await;
        table.rows = cells.map(|cells| cells.rows).unwrap_or_default();
        table.repetitions = walked.repetitions;
        table.packets = walked.packets;
        table.shortfalls.extend(walked.shortfalls);
        table.error = walked.error;
    }
}

/// Columns of a table, by index, as far as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Index -> value by column, in the order in which columns were walked.
    pub rows: BTreeMap<Vec<u32>, Vec<Option<Value>>>,
    /// Rows that a GETBULK is to ask for at first.
    pub wanted: u32,
    /// Rows that one asked for in the end.
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
            wanted: repetitions.max(1),
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
}

/// The rows of `Columns` while they are walked.
struct Cells {
    rows: BTreeMap<Vec<u32>, Vec<Option<Value>>>,
    /// The place of the first column of this walk in a row, and how many places a row has.
    first: usize,
    width: usize,
}

impl Sink for Cells {
    fn take(&mut self, column: usize, index: &[u8], value: &wire::Value<'_>) {
        let mut arcs = [0; MAX_ARCS];
        let mut count = 0;
        for (place, arc) in arcs.iter_mut().zip(oid::index_arcs(index)) {
            *place = arc;
            count += 1;
        }
        let index = arcs.get(..count).unwrap_or_default();
        let row = match self.rows.get_mut(index) {
            Some(row) => row,
            None => self.rows.entry(index.to_vec()).or_default(),
        };
        if row.len() < self.width {
            row.resize(self.width, None);
        }
        if let Some(place) = row.get_mut(self.first + column) {
            *place = Some(convert::owned(value));
        }
    }
}
