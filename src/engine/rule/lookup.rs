//! What an expression finds when it asks: values of its row, implicit ones of the target, windows, parameters,
//! attributes. What is not measured, or measured too long ago, is not there.

use std::collections::BTreeMap;

use crate::config::expr::{Eval, Lookup, Ref, Val};
use crate::engine::detect::Detector;
use crate::model::plan::Attribute;
use crate::model::{Mono, Value};

use super::compile::{Compiled, Judge, Source, What};
use super::feed::{Feed, Row};
use super::machine::Conditions;

/// One rule looking at one row.
pub(super) struct Look<'a> {
    pub(super) rule: &'a Compiled,
    /// Its place.
    pub(super) index: u32,
    pub(super) case: u32,
    pub(super) attributes: &'a BTreeMap<String, Attribute>,
    pub(super) feed: &'a Feed,
    pub(super) row: &'a Row,
    /// Outside the hours of its calendar nothing is raised.
    pub(super) closed: bool,
    pub(super) now: Mono,
    /// False while the agent may be blind itself.
    pub(super) sees: bool,
}

impl Look<'_> {
    fn row_of(&self, table: usize) -> Option<&Row> {
        if self.row.table == table { Some(self.row) } else { self.feed.rows.first().filter(|row| row.table == table) }
    }

    fn newest(&self, table: usize, what: What) -> Option<Val<'_>> {
        match what {
            What::Up => self.feed.up.map(Val::Number),
            What::Fails => self.feed.up.map(|_| Val::Number(f64::from(self.feed.fails))),
            What::Duration => self.feed.duration.map(Val::Number),
            What::Slot(slot) => {
                let row = self.row_of(table)?;
                if self.now.since(row.seen?) > self.feed.fresh_for() {
                    return None;
                }
                match row.values.get(slot)? {
                    Value::Text(text) => Some(Val::Text(text)),
                    value => value.number().map(Val::Number),
                }
            }
        }
    }
}

impl Lookup for Look<'_> {
    fn get(&self, slot: &Ref) -> Option<Val<'_>> {
        let (_, source) = self.rule.refs.iter().find(|(known, _)| known == slot)?;
        match (source, slot) {
            (Source::Newest(table, what), _) => self.newest(*table, *what),
            (Source::Window(series, stat), _) => {
                let (_, ring) = self.row_of(series.table)?.rings.iter().find(|(known, _)| known == series)?;
                ring.stat(*stat, self.now).map(Val::Number)
            }
            (Source::Param, Ref::Param(name)) => {
                self.rule.cases.get(self.case as usize)?.get(&**name).map(|v| Val::Number(*v))
            }
            (Source::Attribute, Ref::Attr(_, name)) => self.attributes.get(&**name).map(Val::from),
            _ => None,
        }
    }
}

impl Look<'_> {
    /// The detector that judges, if one does.
    pub(super) fn detector(&self) -> Option<&dyn Detector> {
        self.row.detectors.iter().find(|held| held.rule == self.index).map(|held| &*held.detector)
    }
}

impl Conditions for Look<'_> {
    fn raise(&self) -> Eval {
        if self.closed {
            return Eval::False;
        }
        match (&self.rule.judge, self.detector()) {
            (Judge::Expressions(raise, _), _) => raise.eval(self),
            // Who falls silent while nobody at all is heard says nothing yet.
            (_, Some(detector)) if !self.sees && detector.silent_since().is_some() => match detector.raise() {
                Eval::True => Eval::Unknown,
                other => other,
            },
            (_, detector) => detector.map_or(Eval::Unknown, Detector::raise),
        }
    }
    fn clear(&self) -> Eval {
        match &self.rule.judge {
            Judge::Expressions(_, Some(clear)) => clear.eval(self),
            Judge::Expressions(raise, None) => match raise.eval(self) {
                Eval::True => Eval::False,
                Eval::False => Eval::True,
                Eval::Unknown => Eval::Unknown,
            },
            Judge::Detector(..) => self.detector().map_or(Eval::Unknown, Detector::clear),
        }
    }
}
