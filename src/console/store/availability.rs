//! Availability of an object over a period, from roll-ups: exact to the runs that were counted. Hours in which nothing
//! failed and no maintenance began or ended are taken whole; the others by their five minutes, so that what is
//! excluded or blamed on somebody is told apart to five minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::chunk::Window;
use super::days::Layout;
use super::db::sql;
use super::points;
use super::roll::{self, DAY, FIVE_MINUTES, HOUR, Of, Sources};
use super::types::{Reckoned, SeriesKey, StoreError};
use crate::engine::availability::{Outage, Runs, reckon, within};
use crate::model::{Object, Summary, Wall};

/// Counts of runs: answered, partly answered, not answered.
const RUNS: [&str; 3] = ["runs_ok", "runs_degraded", "runs_failed"];
/// Fields that hold a round-trip time, the best first.
const ROUND_TRIP: [&str; 3] = ["rtt_seconds", "total_seconds", "connect_seconds"];
/// Incidents that may be looked at for one object and period; a flapping link is one.
const MAX_OUTAGES: i64 = 5_000;

/// Runs by the window in which they were counted, of one probe.
type Counted = BTreeMap<(i64, Arc<str>), Runs>;

fn count(all: &mut BTreeMap<Arc<str>, Counted>, of: &Of, window: &Window) {
    let n = window.summary.sum.max(0.0) as u64;
    let counted = all.entry(of.probe.clone()).or_default();
    // The counts of one window begin together, whatever their field.
    let runs = counted.entry((window.from, of.agent.clone())).or_insert(Runs {
        from: Wall::from_millis(window.from),
        to: Wall::from_millis(window.to),
        good: 0,
        bad: 0,
    });
    runs.to = runs.to.max(Wall::from_millis(window.to));
    match &*of.field {
        "runs_failed" => runs.bad += n,
        _ => runs.good += n,
    }
}

/// Which hours must be looked at closer.
fn close(runs: &Runs, maintenance: &[(Wall, Wall)], open: Option<&[(Wall, Wall)]>) -> bool {
    let edge = |at: Wall| at > runs.from && at < runs.to;
    let cut = |(from, to): &(Wall, Wall)| edge(*from) || edge(*to);
    // Those of a calendar are in order and many: only the ones about these runs are looked at.
    let open = open.unwrap_or_default();
    let near = open.partition_point(|(_, to)| *to <= runs.from);
    let near = open.get(near..).unwrap_or_default().iter().take_while(|(from, _)| *from < runs.to);
    runs.bad > 0 || maintenance.iter().any(cut) || near.into_iter().any(cut)
}

/// See `Store::availability`. `key.field` is not looked at. Packets and round trip are those of the whole period.
pub(super) fn reckoned(
    layout: &Layout,
    key: &SeriesKey,
    span: (Wall, Wall),
    maintenance: &[(Wall, Wall)],
    outages: &[Outage],
    open: Option<&[(Wall, Wall)]>,
) -> Result<Reckoned, StoreError> {
    let (from, to) = (span.0.millis(), span.1.millis());
    let mut hours: BTreeMap<Arc<str>, Counted> = BTreeMap::new();
    roll::windows(layout, key, &RUNS, (from, to), HOUR, Sources::Rolled, |of, window| count(&mut hours, of, window))?;
    // Of several probes the one that looked most often says whether it was there.
    let all = |counted: &Counted| counted.values().map(|runs| runs.good + runs.bad).sum::<u64>();
    let Some((probe, counted)) = hours.into_iter().max_by_key(|(_, counted)| all(counted)) else {
        return Ok(Reckoned { from: span.0, to: span.1, ..Reckoned::default() });
    };
    let key = SeriesKey { probe: probe.parse().ok(), ..key.clone() };
    let closer: BTreeSet<i64> = counted
        .values()
        .filter(|runs| close(runs, maintenance, open))
        .map(|runs| runs.from.millis().div_euclid(HOUR))
        .collect();
    let mut runs: Vec<Runs> =
        counted.into_values().filter(|runs| !closer.contains(&runs.from.millis().div_euclid(HOUR))).collect();
    for (first, last) in stretches(&closer) {
        let part = ((first * HOUR).max(from), ((last + 1) * HOUR).min(to));
        let mut fine: BTreeMap<Arc<str>, Counted> = BTreeMap::new();
        roll::windows(layout, &key, &RUNS, part, FIVE_MINUTES, Sources::Rolled, |of, window| {
            count(&mut fine, of, window)
        })?;
        runs.extend(fine.into_values().flat_map(Counted::into_values));
    }
    runs.retain(|runs| open.is_none_or(|open| within(runs, open)));
    runs.sort_by_key(|runs| (runs.from, runs.to));
    let mut found = Reckoned { from: span.0, to: span.1, probe: key.probe.clone(), ..Reckoned::default() };
    found.availability = reckon(&runs, maintenance, outages);
    spread(layout, &key, (from, to), &mut found)?;
    Ok(found)
}

/// Hours that follow each other, first and last.
fn stretches(hours: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = Vec::new();
    for hour in hours {
        match all.last_mut() {
            Some((_, last)) if *last + 1 == *hour => *last = *hour,
            _ => all.push((*hour, *hour)),
        }
    }
    all
}

/// Packets, and how the round trip was spread, over the whole period.
fn spread(layout: &Layout, key: &SeriesKey, span: (i64, i64), found: &mut Reckoned) -> Result<(), StoreError> {
    let mut fields = vec!["packets_sent", "packets_lost"];
    fields.extend(ROUND_TRIP);
    let mut all: BTreeMap<Arc<str>, Summary> = BTreeMap::new();
    roll::windows(layout, key, &fields, span, DAY, Sources::Rolled, |of, window| match all.get_mut(&of.field) {
        Some(held) => held.merge(&window.summary),
        None => drop(all.insert(of.field.clone(), window.summary.clone())),
    })?;
    let sum = |field: &str| all.get(field).map_or(0, |summary| summary.sum.max(0.0) as u64);
    (found.sent, found.lost) = (sum("packets_sent"), sum("packets_lost"));
    let rtt = ROUND_TRIP.iter().find_map(|field| all.get(*field));
    found.rtt = rtt.and_then(points::quantiles);
    Ok(())
}

/// Incidents of an object that touch a span, and who was found responsible: for a symptom whoever was for its cause.
pub(super) fn outages(core: &Connection, object: &Object, from: Wall, to: Wall) -> Result<Vec<Outage>, StoreError> {
    core.prepare_cached(
        "SELECT i.opened, i.resolved, coalesce(i.party, c.party) FROM incident i LEFT JOIN incident c ON c.id = i.cause
         WHERE i.object = ?1 AND i.opened < ?3 AND (i.resolved IS NULL OR i.resolved > ?2) ORDER BY i.opened LIMIT ?4",
    )
    .and_then(|mut q| {
        q.query_map(params![object.to_string(), from.millis(), to.millis(), MAX_OUTAGES], |r| {
            Ok(Outage {
                from: Wall::from_millis(r.get(0)?),
                to: r.get::<_, Option<i64>>(1)?.map(Wall::from_millis),
                party: r.get(2)?,
            })
        })?
        .collect()
    })
    .map_err(sql("read the incidents of an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_in_a_row_are_read_at_once() {
        assert_eq!(stretches(&[1, 2, 3, 7, 9, 10].into()), [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(stretches(&BTreeSet::new()), []);
    }
}
