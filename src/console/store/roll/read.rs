//! Windows of series between two times, from whatever holds them best: days, hours or five minutes where those are
//! rolled up, and the samples themselves for hours that are not yet. Nothing is counted twice: an hour comes either
//! from a roll-up or from its samples.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::chunk::{Window, decode};
use super::super::days::{Day, Layout, Sort};
use super::super::db::{self, sql};
use super::super::series;
use super::super::types::{SeriesKey, StoreError};
use super::{DAY, FIVE_MINUTES, HOUR, Names, Step, has, marks};
use crate::model::{AgentId, Wall};

/// Which series a window is of.
#[derive(Debug, Clone)]
pub(in crate::console::store) struct Of {
    pub(in crate::console::store) agent: Arc<str>,
    pub(in crate::console::store) probe: Arc<str>,
    pub(in crate::console::store) kind: Arc<str>,
    pub(in crate::console::store) field: Arc<str>,
}

/// What may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console::store) enum Sources {
    /// Everything: exact up to now. Costs reading the journal of the open hour.
    All,
    /// Roll-ups alone: exact up to the last hours.
    Rolled,
}

/// Calls `each` with the windows of some fields of an object that begin within a span, in no wider windows than
/// `width`, unless they are not held so narrow any more. `key.field` is not looked at.
pub(in crate::console::store) fn windows(
    layout: &Layout,
    key: &SeriesKey,
    fields: &[&str],
    (from, to): (i64, i64),
    width: i64,
    sources: Sources,
    mut each: impl FnMut(&Of, &Window),
) -> Result<(), StoreError> {
    let day = |at: i64| layout.day(Wall::from_millis(at));
    let (first, last) = (day(from), day(to));
    let held = layout.held(Sort::Raw);
    let whole = held.first().is_some_and(|oldest| *oldest <= first);
    let raw: Vec<Day> = held.into_iter().filter(|held| (first..=last).contains(held)).collect();
    let mut open = BTreeSet::new();
    let step = match width {
        width if width < FIVE_MINUTES => None,
        width if width < HOUR => Some(Step::Five),
        width if width < DAY => Some(Step::Hour),
        _ => Some(Step::Day),
    };
    let mut read = Read { layout, key, fields, from, to, names: Names::default(), each: &mut each };
    if sources == Sources::All {
        for held in &raw {
            open.extend(unrolled(layout, *held, step.is_none(), from, to)?);
        }
        for held in raw {
            read.samples(held, &open)?;
        }
        if step.is_none() && whole {
            return Ok(());
        }
    }
    for month in layout.held(Sort::Roll).into_iter().filter(|m| (first / 100..=last / 100).contains(m)) {
        read.month(month, step.unwrap_or(Step::Five), &open)?;
    }
    Ok(())
}

/// Hours of a day that only its samples can tell: all of them if they are wanted as fine as that.
fn unrolled(layout: &Layout, day: Day, all: bool, from: i64, to: i64) -> Result<BTreeSet<i64>, StoreError> {
    let conn = db::open_reader(&layout.path(Sort::Raw, day))?;
    if all || !marks(&conn)? {
        let begins = layout.begins(day).millis();
        let ends = layout.begins(layout.day(Wall::from_millis(begins + 36 * HOUR))).millis();
        return Ok((begins.max(from).div_euclid(HOUR)..=(ends - 1).min(to).div_euclid(HOUR)).collect());
    }
    // The journal holds what was not closed: of all probes, but few hours.
    conn.prepare("SELECT DISTINCT began / ?1 FROM journal UNION SELECT hour FROM roll_due")
        .and_then(|mut q| q.query_map([HOUR], |r| r.get(0))?.collect())
        .map_err(sql("look for hours that are open"))
}

/// A request while it is answered.
struct Read<'a, F> {
    layout: &'a Layout,
    key: &'a SeriesKey,
    fields: &'a [&'a str],
    from: i64,
    to: i64,
    names: Names,
    each: &'a mut F,
}

impl<F: FnMut(&Of, &Window)> Read<'_, F> {
    fn give(&mut self, of: &Of, window: &Window) {
        if window.from >= self.from && window.from < self.to {
            (self.each)(of, window);
        }
    }

    /// The open hours of a day, from its samples.
    fn samples(&mut self, day: Day, open: &BTreeSet<i64>) -> Result<(), StoreError> {
        let conn = db::open_reader(&self.layout.path(Sort::Raw, day))?;
        // One transaction, so that an hour that is closed meanwhile is not seen twice or not at all.
        let tx = conn.unchecked_transaction().map_err(sql("read the samples of a day"))?;
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for hour in open {
            let (from, to) = ((hour * HOUR).max(self.from), ((hour + 1) * HOUR).min(self.to));
            match spans.last_mut() {
                Some((_, end)) if *end == from => *end = to,
                _ if from < to => spans.push((from, to)),
                _ => {}
            }
        }
        let (key, fields) = (self.key, self.fields);
        let mut names = std::mem::take(&mut self.names);
        for span in spans {
            series::each_sample(&tx, key, fields, span, |said, field, window| {
                let [agent, probe, kind, field] =
                    [said.agent, said.probe, said.kind, field].map(|name| names.of(name));
                let of = Of { agent, probe, kind, field };
                if window.from >= span.0 && window.from < span.1 {
                    self.give(&of, window);
                }
            })?;
        }
        self.names = names;
        Ok(())
    }

    /// The rolled hours of a month.
    fn month(&mut self, month: Day, step: Step, open: &BTreeSet<i64>) -> Result<(), StoreError> {
        let conn = db::open_reader(&self.layout.path(Sort::Roll, month))?;
        let step = if step == Step::Five && !has(&conn, step)? { Step::Hour } else { step };
        for (id, of) in self.series(&conn)? {
            match step {
                Step::Five | Step::Hour => {
                    for window in self.blocks(&conn, id, step)? {
                        if !open.contains(&window.from.div_euclid(HOUR)) {
                            self.give(&of, &window);
                        }
                    }
                }
                Step::Day => self.days(&conn, id, &of, open)?,
            }
        }
        Ok(())
    }

    /// Days of a month; a day with an open hour, or only partly asked for, by its hours.
    fn days(&mut self, conn: &Connection, id: i64, of: &Of, open: &BTreeSet<i64>) -> Result<(), StoreError> {
        let layout = self.layout;
        let day = |at: i64| layout.day(Wall::from_millis(at));
        let edges = [day(self.from), day(self.to)];
        let whole = edges.map(|edge| [self.from, self.to].contains(&layout.begins(edge).millis()));
        let mut parted: BTreeSet<Day> = open.iter().map(|hour| day(hour * HOUR)).collect();
        parted.extend(edges.into_iter().zip(whole).filter(|(_, whole)| !whole).map(|(edge, _)| edge));
        for window in self.blocks(conn, id, Step::Day)? {
            if !parted.contains(&day(window.from)) {
                self.give(of, &window);
            }
        }
        if !parted.is_empty() {
            for window in self.blocks(conn, id, Step::Hour)? {
                let hour = window.from.div_euclid(HOUR);
                if parted.contains(&day(window.from)) && !open.contains(&hour) {
                    self.give(of, &window);
                }
            }
        }
        Ok(())
    }

    fn series(&mut self, conn: &Connection) -> Result<Vec<(i64, Of)>, StoreError> {
        let failed = sql("look for series");
        let mut query = conn
            .prepare_cached(
                "SELECT id, agent, probe, kind FROM series WHERE object = ?1 AND field = ?2 AND instance = ?3
                 AND (?4 IS NULL OR agent = ?4) AND (?5 IS NULL OR probe = ?5)",
            )
            .map_err(&failed)?;
        let agent = self.key.agent.as_ref().map(AgentId::as_str);
        let probe = self.key.probe.as_ref().map(|probe| probe.as_str());
        let object = self.key.object.to_string();
        let mut all = Vec::new();
        for field in self.fields {
            let asked = params![object, field, self.key.instance, agent, probe];
            let found: Vec<(i64, [String; 3])> = query
                .query_map(asked, |r| Ok((r.get(0)?, [r.get(1)?, r.get(2)?, r.get(3)?])))
                .and_then(Iterator::collect)
                .map_err(&failed)?;
            for (id, said) in found {
                let [agent, probe, kind] = said.map(|name| self.names.of(&name));
                all.push((id, Of { agent, probe, kind, field: self.names.of(field) }));
            }
        }
        Ok(all)
    }

    /// The windows of a series, of the blocks that the span touches.
    fn blocks(&self, conn: &Connection, id: i64, step: Step) -> Result<Vec<Window>, StoreError> {
        // A block begins before its windows: by an hour, a day or a month at most.
        let before = match step {
            Step::Five => HOUR,
            Step::Hour => 25 * HOUR,
            Step::Day => 32 * 24 * HOUR,
        };
        let failed = sql("read roll-ups");
        let mut query = conn
            .prepare_cached(
                "SELECT body FROM roll WHERE step = ?1 AND series = ?2 AND t0 > ?3 AND t0 < ?4 ORDER BY t0",
            )
            .map_err(&failed)?;
        let bodies: Vec<Vec<u8>> = query
            .query_map(params![step.seconds(), id, self.from - before, self.to], |r| r.get(0))
            .and_then(Iterator::collect)
            .map_err(&failed)?;
        let mut all = Vec::new();
        for body in bodies {
            all.extend(decode(&body)?);
        }
        Ok(all)
    }
}
