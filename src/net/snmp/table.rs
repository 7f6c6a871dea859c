//! Walking several columns of a table at once: what to ask next, what of an answer belongs where, and when to stop. It
//! sends nothing itself. An OID that does not grow ends its column, rows and requests are capped, each with its name;
//! what came before stays.

use std::any::Any;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use ::snmp::ErrorStatus;

use super::SnmpError;
use crate::codec::snmp::{Malformed, Oid, Value, Variable, oid};
use crate::model::device::Asking;

/// Columns of one GETBULK: with 25 repetitions some 150 variables, a reply of 3 to 5 KB.
pub(super) const COLUMNS_AT_ONCE: usize = 6;
/// Rows of one table: a core switch knows some ten thousand addresses, a lying agent has no end.
pub const MAX_ROWS: usize = 50_000;
/// Rows of one GETBULK at most, however small they are: agents that look all of them up before they answer are slow.
pub(super) const MOST_AT_ONCE: u32 = 200;
/// An answer that is whole and smaller than this (a frame of Ethernet holds 1,472 bytes) has room for more rows.
const SMALL: usize = 1_300;
/// Requests for one table, for the same reason.
const MAX_PACKETS: u32 = 10_000;

/// Takes what a walk finds, as it comes.
pub trait Sink: Any + Send {
    /// The value of one column (counted as they were asked for) in the row of this index, which is encoded: what follows
    /// the column's OID.
    fn take(&mut self, column: usize, index: &[u8], value: &Value<'_>);
}

/// What became of a walk.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Walked {
    /// Rows that a GETBULK is to ask for at first.
    pub wanted: u32,
    /// Rows that one asked for in the end: halved when a device does not bear them, more where answers are small.
    pub repetitions: u32,
    /// The device did not bear what it was asked for.
    pub worn: bool,
    /// Variables of the largest request that its answers had room for, if that was more than wanted.
    pub roomy: u32,
    /// What was left out, and why; empty if the table is whole.
    pub shortfalls: Vec<String>,
    /// What ended the walk early.
    pub error: Option<SnmpError>,
    /// Requests so far.
    pub packets: u32,
    /// Variables that came.
    pub variables: u64,
}

impl Walked {
    /// Of nothing yet, `repetitions` rows a request.
    pub fn new(repetitions: u32) -> Self {
        Self { wanted: repetitions.max(1), repetitions: repetitions.max(1), ..Self::default() }
    }

    /// True if all rows of all columns came.
    pub const fn whole(&self) -> bool {
        self.shortfalls.is_empty() && self.error.is_none()
    }
}

/// What to do after an answer, or after none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask on.
    Ask,
    /// It is over.
    Done,
}

/// A walk under way.
pub(super) struct Table {
    pub(super) sink: Box<dyn Sink>,
    pub(super) walked: Walked,
    v1: bool,
    /// Row by row, with GETNEXT.
    next: bool,
    cursors: Vec<Cursor>,
    /// The columns that are asked for at present begin here; those before are done with.
    group: usize,
    at_once: usize,
    /// Rows a request of a group begins with: what one of few columns grew to is too much for one of many.
    first: u32,
    /// The columns of the last request, in its order.
    active: Vec<usize>,
}

/// A column, and how far it came.
#[derive(Debug)]
struct Cursor {
    prefix: Vec<u8>,
    last: Vec<u8>,
    rows: usize,
    done: bool,
    /// Rows that came, by a hash of their index, where names need not grow; as many as rows are taken.
    seen: Option<HashSet<u64>>,
}

impl Table {
    /// Columns are given by their encoded OIDs.
    pub(super) fn new(
        columns: Vec<Vec<u8>>,
        sink: Box<dyn Sink>,
        mut walked: Walked,
        v1: bool,
        asking: Asking,
    ) -> Self {
        let next = v1 || asking.bulk == Some(false);
        if next {
            walked.repetitions = 1;
        }
        let seen = || (asking.nonincreasing == Some(true)).then(HashSet::new);
        let cursor = |prefix: Vec<u8>| Cursor { last: prefix.clone(), prefix, rows: 0, done: false, seen: seen() };
        let cursors = columns.into_iter().map(cursor).collect();
        let first = walked.repetitions;
        Self { sink, walked, v1, next, cursors, group: 0, at_once: COLUMNS_AT_ONCE, first, active: Vec::new() }
    }

    /// Whether it is asked for row by row, with GETNEXT.
    pub(super) const fn asks_next(&self) -> bool {
        self.next
    }

    /// The names to ask for next, and how many rows; nothing if the walk is over.
    pub(super) fn ask(&mut self) -> Option<(impl Iterator<Item = &[u8]>, u32)> {
        self.active.clear();
        while self.group < self.cursors.len() && self.active.is_empty() {
            let group = self.cursors.iter().enumerate().skip(self.group).take(COLUMNS_AT_ONCE);
            self.active.extend(group.filter(|(_, cursor)| !cursor.done).map(|(at, _)| at).take(self.at_once));
            if self.active.is_empty() {
                self.group += COLUMNS_AT_ONCE;
                self.at_once = COLUMNS_AT_ONCE;
                self.walked.repetitions = self.walked.repetitions.min(self.first);
            }
        }
        if self.active.is_empty() || self.walked.error.is_some() {
            return None;
        }
        if self.walked.packets >= MAX_PACKETS {
            self.walked.shortfalls.push(format!("more than {MAX_PACKETS} requests"));
            return None;
        }
        if self.cursors.iter().any(|cursor| cursor.rows >= MAX_ROWS) {
            self.walked.shortfalls.push(format!("more than {MAX_ROWS} rows"));
            return None;
        }
        self.walked.packets += 1;
        let cursors = &self.cursors;
        let names = self.active.iter().filter_map(|at| cursors.get(*at)).map(|cursor| cursor.last.as_slice());
        Some((names, self.walked.repetitions))
    }

    /// An answer of so many bytes. Variables come row by row in the order of the columns asked for.
    pub(super) fn take<'a>(
        &mut self,
        answer: impl Iterator<Item = Result<Variable<'a>, Malformed>>,
        bytes: usize,
    ) -> Result<Step, Malformed> {
        let before = self.walked.variables;
        let mut over = false;
        let mut turn = self.active.iter().cycle();
        for variable in answer {
            let Variable { name, value } = variable?;
            self.walked.variables += 1;
            let Some((at, cursor)) = turn.next().and_then(|at| Some((*at, self.cursors.get_mut(*at)?))) else {
                continue;
            };
            if cursor.done {
                continue;
            }
            match cursor.judge(name, &value) {
                Place::End => (cursor.done, over) = (true, true),
                place @ (Place::Back | Place::Again) => {
                    (cursor.done, over) = (true, true);
                    let column = cursor.shown();
                    self.walked.shortfalls.push(match place {
                        Place::Again => format!("{column}: the agent's OIDs come again at {name}"),
                        _ => format!("{column}: the agent's OIDs do not grow at {name}"),
                    });
                }
                Place::Row(index) => {
                    cursor.last.clear();
                    cursor.last.extend_from_slice(name.as_bytes());
                    // noSuchObject in a walk: nothing here, go on behind it.
                    if !value.is_exception() {
                        cursor.rows += 1;
                        self.sink.take(at, index, &value);
                    }
                }
            }
        }
        let heard = self.walked.variables - before;
        if heard == 0 {
            self.give_up("the agent answered nothing");
        } else if !over && bytes < SMALL {
            self.grow(heard);
        }
        Ok(Step::Ask)
    }

    /// More rows, if all that were asked for came; not of a device that was asked for too many before.
    fn grow(&mut self, heard: u64) {
        let (rows, columns) = (self.walked.repetitions, self.active.len() as u32);
        if self.next || self.walked.worn || heard < u64::from(rows) * u64::from(columns) || rows >= MOST_AT_ONCE {
            return;
        }
        self.walked.repetitions = (rows + rows / 2 + 1).min(MOST_AT_ONCE);
        self.walked.roomy = self.walked.roomy.max(self.walked.repetitions * columns);
    }

    /// The agent answered with an error, or not at all.
    pub(super) fn fail(&mut self, error: SnmpError) -> Step {
        match error {
            // v1 says "end of the tree" with an error, for the column that it names.
            SnmpError::Status { status: ErrorStatus::NoSuchName, index, .. } if self.v1 => {
                let named = (index as usize).checked_sub(1).and_then(|at| self.active.get(at));
                let over = named.map_or(self.active.as_slice(), std::slice::from_ref);
                for at in over {
                    if let Some(cursor) = self.cursors.get_mut(*at) {
                        cursor.done = true;
                    }
                }
            }
            error if error.is_burden() && self.walked.repetitions > 1 => {
                (self.walked.repetitions, self.walked.worn) = (self.walked.repetitions / 2, true);
            }
            SnmpError::Status { .. } if self.at_once > 1 => self.at_once = 1,
            error @ SnmpError::Status { .. } => self.give_up(&error.to_string()),
            error => return self.end(error),
        }
        Step::Ask
    }

    /// Ends the walk early.
    pub(super) fn end(&mut self, error: SnmpError) -> Step {
        self.walked.error = Some(error);
        Step::Done
    }

    /// Ends the columns of the last request.
    fn give_up(&mut self, why: &str) {
        for at in &self.active {
            if let Some(cursor) = self.cursors.get_mut(*at).filter(|cursor| !cursor.done) {
                cursor.done = true;
                self.walked.shortfalls.push(format!("{}: {why}", cursor.shown()));
            }
        }
    }
}

/// Where a variable belongs.
enum Place<'a> {
    /// Into the row of this index.
    Row(&'a [u8]),
    /// Behind the column.
    End,
    /// Not behind what came before.
    Back,
    /// Where it was before.
    Again,
}

impl Cursor {
    #[inline]
    fn judge<'a>(&mut self, name: Oid<'a>, value: &Value<'_>) -> Place<'a> {
        if *value == Value::EndOfMibView {
            return Place::End;
        }
        let back = oid::order(name.as_bytes(), &self.last).is_le();
        match (name.behind(&self.prefix), &mut self.seen) {
            // The column itself is no row of it.
            (Some(index), Some(seen)) if !index.is_empty() => match seen.insert(hash(index)) {
                true => Place::Row(index),
                false => Place::Again,
            },
            _ if back => Place::Back,
            (place, _) => place.map_or(Place::End, Place::Row),
        }
    }

    fn shown(&self) -> String {
        Oid::read(&self.prefix).map_or_else(String::new, |oid| oid.to_string())
    }
}

/// Of 50,000 rows two have one hash once in ten billion tables.
fn hash(index: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(index);
    hasher.finish()
}
