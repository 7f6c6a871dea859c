//! Cables of one aggregate as the one link that they are, by what the devices at their ends say of their members
//! (IEEE8023-LAG-MIB, ifStackTable). Of a device that does not say which ports are whose nothing is guessed here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{End, Found, Near};
use crate::model::AssetId;
use crate::model::port::same as same_port;

/// What is known of devices, by asset.
type Known<'a> = HashMap<&'a AssetId, &'a Near>;

/// The aggregates at the two ends of a cable, as far as the devices say.
type Ends = [Option<Arc<str>>; 2];

/// Makes one link of the cables of each aggregate; the rest stays as it is.
pub(super) fn fold(found: Vec<Found>, near: &Known<'_>) -> Vec<Found> {
    let aggregate = |end: &End| near.get(&end.asset).and_then(|near| near.aggregate(&end.port).cloned());
    let mut keyed: Vec<(Ends, Found)> =
        found.into_iter().map(|found| ([aggregate(&found.a), aggregate(&found.b)], found)).collect();
    // What names both ends first: it is what those that name one of them have in common.
    keyed.sort_by_key(|(ends, _)| ends.iter().filter(|end| end.is_none()).count());
    let mut groups: Vec<(Ends, Vec<Found>)> = Vec::new();
    let mut rest = Vec::new();
    for (ends, found) in keyed {
        if ends.iter().all(Option::is_none) {
            rest.push(found);
            continue;
        }
        match groups.iter_mut().find(|(held, _)| is_one(held, &ends)) {
            Some((held, cables)) => {
                for (held, end) in held.iter_mut().zip(ends) {
                    *held = held.take().or(end);
                }
                cables.push(found);
            }
            None => groups.push((ends, vec![found])),
        }
    }
    let mut all: Vec<Found> = groups.into_iter().filter_map(|(ends, cables)| whole(&ends, cables, near)).collect();
    all.extend(rest);
    all
}

/// Whether two cables are of one aggregate: of the same at one end, and of no two at the other.
fn is_one(held: &Ends, ends: &Ends) -> bool {
    let told = held.iter().zip(ends).filter_map(|(held, end)| Some(held.as_ref()? == end.as_ref()?));
    let told: Vec<bool> = told.collect();
    !told.is_empty() && told.iter().all(|same| *same)
}

fn whole(ends: &Ends, cables: Vec<Found>, near: &Known<'_>) -> Option<Found> {
    let [a, b] = ends;
    let mut cables = cables.into_iter();
    let mut one = cables.next()?;
    one.members = vec![(one.a.port.clone(), one.b.port.clone())];
    for cable in cables {
        one.evidence.extend(cable.evidence);
        one.said_by.extend(cable.said_by);
        one.a.address = one.a.address.or(cable.a.address);
        one.b.address = one.b.address.or(cable.b.address);
        one.members.push((cable.a.port, cable.b.port));
    }
    let alone = one.members.len() == 1;
    for (end, aggregate) in [(&mut one.a, a), (&mut one.b, b)] {
        match aggregate {
            Some(aggregate) => (end.port, end.sure) = (aggregate.clone(), true),
            // Several ports of a device that names no aggregate of theirs: which it is, nobody says.
            None if !alone => (end.port, end.sure) = (Arc::from(""), false),
            None => {}
        }
    }
    // What was seen on the aggregate itself is no cable of it.
    let itself = |port: &str, end: &End| !port.is_empty() && *port == *end.port;
    one.members.retain(|(x, y)| !(itself(x, &one.a) && itself(y, &one.b)));
    one.lost = lost(&one, near);
    Some(one)
}

/// Ports that should carry and do not: members that are down, and those whose other end is a member while they are none.
pub(super) fn lost(whole: &Found, near: &Known<'_>) -> BTreeSet<(AssetId, Arc<str>)> {
    let mut all = BTreeSet::new();
    let ports: [Vec<&Arc<str>>; 2] =
        [whole.members.iter().map(|(a, _)| a).collect(), whole.members.iter().map(|(_, b)| b).collect()];
    for (end, ports) in [&whole.a, &whole.b].into_iter().zip(ports) {
        let Some(near) = near.get(&end.asset) else { continue };
        let mut members = near.members(&end.port).peekable();
        if members.peek().is_none() {
            continue;
        }
        let down = members.filter(|port| port.down).map(|port| port.name.clone());
        let apart = ports.into_iter().filter(|port| !port.is_empty() && near.aggregate(port).is_none()).cloned();
        all.extend(down.chain(apart).map(|port| (end.asset.clone(), port)));
    }
    all
}

/// One cable of an aggregate by itself, or what carries for two of its ports.
pub(super) fn cable(whole: &Found, a: &str, b: &str) -> Found {
    let end = |end: &End, port: &str| End { port: port.into(), address: None, ..end.clone() };
    Found {
        a: end(&whole.a, a),
        b: end(&whole.b, b),
        evidence: whole.evidence.clone(),
        said_by: whole.said_by.clone(),
        members: Vec::new(),
        lost: BTreeSet::new(),
    }
}

/// Whether a port is the one at this end of a link, or a member of the aggregate that is.
pub(super) fn carries(end: &End, port: &str, near: &Known<'_>) -> bool {
    let of = || near.get(&end.asset).and_then(|near| near.aggregate(port));
    same_port(&end.port, port) || of().is_some_and(|of| same_port(of, &end.port))
}
