//! Availability of an object over a period, from roll-ups: exact to the runs that were counted. Hours in which nothing
//! failed and no maintenance began or ended are taken whole; the others by their five minutes, so that what is
//! excluded or blamed on somebody is told apart to five minutes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::chunk::Window;
use super::days::Layout;
use super::db::sql;
use super::points;
use super::roll::{self, DAY, FIVE_MINUTES, HOUR, Of, Sources};
use super::types::{Reckoned, SeriesKey, StoreError};
use crate::engine::availability::{Outage, Runs, planned, reckon, within};
use crate::engine::witness::{self, ROUND_TRIP};
use crate::model::{Object, Summary, Wall};

/// Counts of runs: answered, partly answered, not answered.
const RUNS: [&str; 3] = ["runs_ok", "runs_degraded", "runs_failed"];
/// The field that tells how the round trip varies.
const VARIATION: &str = "variation_seconds";
/// Incidents that may be looked at for one object and period; a flapping link is one.
const MAX_OUTAGES: i64 = 5_000;

/// Problems of a link that are an outage; all others, such as another way or a smaller MTU, leave it there. What is wrong
/// at its ports stands under it as a symptom.
const LINK_OUT: [&str; 2] = ["link-down", "link-adjacency-lost"];

/// Runs by the window in which they were counted, of one probe.
type Counted = BTreeMap<(i64, Arc<str>), Runs>;

/// What a window spans, without counts.
fn span_of(window: &Window) -> Runs {
    Runs { from: Wall::from_millis(window.from), to: Wall::from_millis(window.to), good: 0, bad: 0 }
}

fn count(counted: &mut Counted, of: &Of, window: &Window) {
    let n = window.summary.sum.max(0.0) as u64;
    // The counts of one window begin together, whatever their field.
    let runs = counted.entry((window.from, of.agent.clone())).or_insert_with(|| span_of(window));
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

/// See `Store::availability`. `key.field` is not looked at. Packets and round trip are those that count: without
/// maintenance, and within the open spans.
pub(super) fn reckoned(
    layout: &Layout,
    key: &SeriesKey,
    span: (Wall, Wall),
    maintenance: &[(Wall, Wall)],
    outages: &[Outage],
    open: Option<&[(Wall, Wall)]>,
) -> Result<Reckoned, StoreError> {
    let (from, to) = (span.0.millis(), span.1.millis());
    let mut hours: BTreeMap<(u8, Arc<str>), Counted> = BTreeMap::new();
    roll::windows(layout, key, &RUNS, (from, to), HOUR, Sources::Rolled, |of, window| {
        if let Some(rank) = witness::rank(&key.object, &of.kind) {
            count(hours.entry((rank, of.probe.clone())).or_default(), of, window);
        }
    })?;
    // Of several probes of the best kind the one that looked most often says whether it was there.
    let all = |counted: &Counted| counted.values().map(|runs| runs.good + runs.bad).sum::<u64>();
    let best = hours.into_iter().min_by_key(|((rank, _), counted)| (*rank, Reverse(all(counted))));
    let Some(((_, probe), counted)) = best else {
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
    let mut fine = Counted::new();
    closely(layout, &key, &RUNS, (from, to), &closer, |of, window| count(&mut fine, of, window))?;
    runs.extend(fine.into_values());
    runs.retain(|runs| open.is_none_or(|open| within(runs, open)));
    runs.sort_by_key(|runs| (runs.from, runs.to));
    let mut found = Reckoned { from: span.0, to: span.1, probe: key.probe.clone(), ..Reckoned::default() };
    found.availability = reckon(&runs, maintenance, outages);
    let counts = |span: &Runs| !planned(span, maintenance) && open.is_none_or(|open| within(span, open));
    let closer = (!maintenance.is_empty() || open.is_some()).then_some(&closer);
    spread(layout, &key, (from, to), closer, counts, &mut found)?;
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

/// Calls `each` with the windows of five minutes of these hours.
fn closely(
    layout: &Layout,
    key: &SeriesKey,
    fields: &[&str],
    (from, to): (i64, i64),
    hours: &BTreeSet<i64>,
    mut each: impl FnMut(&Of, &Window),
) -> Result<(), StoreError> {
    for (first, last) in stretches(hours) {
        let part = ((first * HOUR).max(from), ((last + 1) * HOUR).min(to));
        roll::windows(layout, key, fields, part, FIVE_MINUTES, Sources::Rolled, &mut each)?;
    }
    Ok(())
}

/// Packets, and how the round trip was spread. Where not all of the period counts, `closer` has the hours that are
/// looked at by their five minutes, and `counts` says of each window whether it does.
fn spread(
    layout: &Layout,
    key: &SeriesKey,
    span: (i64, i64),
    closer: Option<&BTreeSet<i64>>,
    counts: impl Fn(&Runs) -> bool,
    found: &mut Reckoned,
) -> Result<(), StoreError> {
    let mut fields = vec!["packets_sent", "packets_lost", VARIATION];
    fields.extend(ROUND_TRIP);
    let mut all: BTreeMap<Arc<str>, Summary> = BTreeMap::new();
    let mut add = |of: &Of, window: &Window| match all.get_mut(&of.field) {
        Some(held) => held.merge(&window.summary),
        None => drop(all.insert(of.field.clone(), window.summary.clone())),
    };
    match closer {
        None => roll::windows(layout, key, &fields, span, DAY, Sources::Rolled, add)?,
        Some(closer) => {
            roll::windows(layout, key, &fields, span, HOUR, Sources::Rolled, |of, window| {
                if !closer.contains(&window.from.div_euclid(HOUR)) && counts(&span_of(window)) {
                    add(of, window);
                }
            })?;
            closely(layout, key, &fields, span, closer, |of, window| {
                if counts(&span_of(window)) {
                    add(of, window);
                }
            })?;
        }
    }
    let sum = |field: &str| all.get(field).map_or(0, |summary| summary.sum.max(0.0) as u64);
    (found.sent, found.lost) = (sum("packets_sent"), sum("packets_lost"));
    let rtt = ROUND_TRIP.iter().find_map(|field| all.get(*field));
    found.rtt = rtt.and_then(points::quantiles);
    found.variation = all.get(VARIATION).and_then(points::quantiles);
    Ok(())
}

/// Incidents of an object that touch a span, of a link those of its reach, and who was found responsible: for a symptom
/// whoever was for its cause.
pub(super) fn outages(core: &Connection, object: &Object, from: Wall, to: Wall) -> Result<Vec<Outage>, StoreError> {
    let [down, adjacency] = LINK_OUT;
    let all = !matches!(object, Object::Link(_));
    core.prepare_cached(
        "SELECT i.opened, i.resolved, coalesce(i.party, c.party) FROM incident i LEFT JOIN incident c ON c.id = i.cause
         WHERE i.object = ?1 AND i.opened < ?3 AND (i.resolved IS NULL OR i.resolved > ?2)
           AND (?5 OR i.problem IN (?6, ?7)) ORDER BY i.opened LIMIT ?4",
    )
    .and_then(|mut q| {
        let asked = params![object.to_string(), from.millis(), to.millis(), MAX_OUTAGES, all, down, adjacency];
        q.query_map(asked, |r| {
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
