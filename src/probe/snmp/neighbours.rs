//! The routing neighbours of a device: OSPF (OSPF-MIB, RFC 4750) and BGP (BGP4-MIB, RFC 4273, and what the device's profile
//! knows beside it: peers of IPv6 and of VPNs), each by its address.
//!
//! A router forgets an OSPF neighbour that fell silent, so one that was there and is not is lost, as long as OSPF itself
//! still answers. A BGP peer stays in its table until it leaves the configuration: one that is gone was removed.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::device::Thing;
use crate::model::observation::Value;
use crate::model::time::Mono;
use crate::net::snmp::{Columns, Oid, Value as Wire};
use crate::probe::device::Family;
use crate::probe::device::kept::find;

use super::Ask;
use super::interfaces::MAX_AGE;
use super::spec::ADJACENCY_STATES;

/// Neighbours of one device; a core router has some hundred.
const MAX_NEIGHBOURS: usize = 1_000;
/// A neighbour that has been away for so long is none any more: a line that was taken down is forgotten within a week.
const FORGOTTEN: Duration = Duration::from_secs(7 * 86_400);
/// Rows asked for beyond those known: a device without neighbours is asked for little.
const SPARE: u32 = 2;

/// Columns, in walking order: six make one request.
const COLUMNS: &[&[u32]] = &[
    &[1, 3, 6, 1, 2, 1, 14, 1, 1],     // 0 ospfRouterId: OSPF itself
    &[1, 3, 6, 1, 2, 1, 14, 10, 1, 3], // 1 ospfNbrRtrId
    &[1, 3, 6, 1, 2, 1, 14, 10, 1, 6], // 2 ospfNbrState
    &[1, 3, 6, 1, 2, 1, 15, 3, 1, 2],  // 3 bgpPeerState
    &[1, 3, 6, 1, 2, 1, 15, 3, 1, 3],  // 4 bgpPeerAdminStatus
    &[1, 3, 6, 1, 2, 1, 15, 3, 1, 9],  // 5 bgpPeerRemoteAs
];
/// The index of a scalar, and so of ospfRouterId among the rows.
const SCALAR: &[u32] = &[0];

/// By position in the names of the field `adjacency`.
const UP: u8 = 0;
const DOWN: u8 = 1;
const FORMING: u8 = 2;
const SHUT: u8 = 3;

/// `adjacency_state` of OSPF is ospfNbrState - 1, of BGP this and bgpPeerState - 1.
const BGP_STATES: u8 = 8;
/// `adjacency_state` of an OSPF neighbour that was there and is not.
const GONE: u8 = 14;

/// bgpPeerAdminStatus: stop.
const STOP: u64 = 1;

/// One neighbour, its values in the order of the fields of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbour {
    /// `ospf/10.1.0.2`
    pub(super) name: Arc<str>,
    pub(super) values: Vec<Value>,
}

impl Neighbour {
    fn is(&self, adjacency: u8) -> bool {
        self.values.first() == Some(&Value::State(adjacency))
    }
}

/// OSPF neighbours seen so far: their names, router ids, and when they were there last; and when each neighbour was up last.
#[derive(Debug, Default)]
pub(super) struct Memory {
    ospf: BTreeMap<Arc<str>, (Value, Mono)>,
    up: BTreeMap<Arc<str>, Mono>,
    rows: u32,
    /// When the profile's own tables had no peer; they are looked into again after a while.
    without_own: Option<Mono>,
}

/// Reads the tables; what is missing is told in `shortfalls`.
pub(super) async fn read(
    ask: &Ask<'_>,
    memory: &mut Memory,
    family: &Family,
    now: Mono,
    shortfalls: &mut Vec<String>,
) -> Vec<Neighbour> {
    let mut table = Columns::new(ask.repetitions.min(memory.rows + SPARE));
    let columns: Vec<Oid> = COLUMNS.iter().map(|column| Oid::from_slice(column)).collect();
    ask.session.walk_columns(&columns, &mut table, ask.clock, ask.deadline).await;
    shortfalls.extend(table.shortfalls.iter().cloned());
    shortfalls.extend(table.error.iter().map(|error| format!("neighbours cut: {error}")));
    let own = own_peers(ask, memory, family, now, shortfalls).await;
    let mut found = judge(memory, &table, own, now);
    if found.len() > MAX_NEIGHBOURS {
        shortfalls.push(format!("{} neighbours, the first {MAX_NEIGHBOURS} are shown", found.len()));
        found.truncate(MAX_NEIGHBOURS);
    }
    found
}

/// Peers of BGP in the profile's own tables.
async fn own_peers(
    ask: &Ask<'_>,
    memory: &mut Memory,
    family: &Family,
    now: Mono,
    shortfalls: &mut Vec<String>,
) -> Vec<Neighbour> {
    if family.peers.is_empty() || memory.without_own.is_some_and(|at| now.since(at) < MAX_AGE) {
        return Vec::new();
    }
    let answers = match ask.fetch(&family.peers_wanted).await {
        Ok(answers) => answers,
        Err(error) => {
            shortfalls.push(format!("neighbours cut: {error}"));
            return Vec::new();
        }
    };
    let (found, cut) = find(&family.peers, &answers, HashMap::new());
    memory.without_own = (found.is_empty() && cut.is_empty()).then_some(now);
    shortfalls.extend(cut.into_iter().map(|cut| format!("{}: {}", cut.class, cut.reason)));
    let peer = |(at, thing): (usize, Thing)| {
        let class = family.peers.get(at)?.into;
        let fact = |name| thing.fact(class, name);
        let mut states = ADJACENCY_STATES.iter().zip(0_u8..).skip(usize::from(BGP_STATES));
        let state = fact("state").text()?;
        let state = states.find(|(name, _)| **name == *state).map(|(_, at)| at - BGP_STATES)?;
        let number_of_as = fact("remote_as").number().map_or(Value::Null, |n| Value::Text(n.to_string().into()));
        Some(bgp_peer(Arc::from(format!("bgp/{}", fact("peer").text()?)), state, None, number_of_as))
    };
    found.into_iter().filter_map(peer).collect()
}

/// `own`: what the profile's own tables say, which counts of those that BGP4-MIB does not know.
fn judge(memory: &mut Memory, table: &Columns, own: Vec<Neighbour>, now: Mono) -> Vec<Neighbour> {
    let mut found = Vec::new();
    for (index, row) in &table.rows {
        let number = |at: usize| row.get(at).and_then(Option::as_ref).and_then(Wire::as_u64);
        if let (Some(name), Some(state)) = (ospf(index), number(2).and_then(|s| step(s, 8))) {
            let router = match row.get(1).and_then(Option::as_ref) {
                Some(Wire::IpAddress(address)) => Value::Text(Ipv4Addr::from(*address).to_string().into()),
                _ => Value::Null,
            };
            if memory.ospf.len() < MAX_NEIGHBOURS || memory.ospf.contains_key(&name) {
                memory.ospf.insert(name.clone(), (router.clone(), now));
            }
            found.push(neighbour(name, of_ospf(state), state, router, Value::Null));
        } else if let (Some(name), Some(state)) = (bgp(index), number(3).and_then(|s| step(s, 6))) {
            let number_of_as = number(5).map_or(Value::Null, |n| Value::Text(n.to_string().into()));
            found.push(bgp_peer(name, state, number(4), number_of_as));
        }
    }
    let mut places: HashMap<Arc<str>, usize> =
        found.iter().zip(0..).map(|(one, at)| (one.name.clone(), at)).collect();
    memory.rows = u32::try_from(found.len().min(MAX_NEIGHBOURS)).unwrap_or(0);
    // One address may be a peer in several VPNs: the one that is down counts.
    for one in own {
        match places.get(&one.name).and_then(|at| found.get_mut(*at)) {
            Some(known) if known.is(UP) && one.is(DOWN) => *known = one,
            Some(_) => {}
            None => {
                places.insert(one.name.clone(), found.len());
                found.push(one);
            }
        }
    }
    memory.ospf.retain(|_, (_, seen)| now.since(*seen) < FORGOTTEN);
    // Whether one is missing is known only where the table is whole and OSPF speaks: its program may be starting anew.
    if table.whole() && table.rows.contains_key(SCALAR) {
        let missing = memory.ospf.iter().filter(|(_, (_, seen))| *seen < now);
        found.extend(
            missing.map(|(name, (router, _))| neighbour(name.clone(), DOWN, GONE, router.clone(), Value::Null)),
        );
    }
    memory.up.retain(|_, at| now.since(*at) < FORGOTTEN);
    for one in found.iter().filter(|one| one.is(UP)) {
        if memory.up.len() < MAX_NEIGHBOURS || memory.up.contains_key(&one.name) {
            memory.up.insert(one.name.clone(), now);
        }
    }
    for one in &mut found {
        one.values.push(Value::State(u8::from(memory.up.contains_key(&one.name))));
    }
    found
}

/// By bgpPeerState - 1 and bgpPeerAdminStatus.
fn bgp_peer(name: Arc<str>, state: u8, admin: Option<u64>, number_of_as: Value) -> Neighbour {
    let adjacency = match (state, admin) {
        (5, _) => UP,
        (_, Some(STOP)) => SHUT,
        _ => DOWN,
    };
    neighbour(name, adjacency, BGP_STATES + state, Value::Null, number_of_as)
}

fn neighbour(name: Arc<str>, adjacency: u8, state: u8, router: Value, number_of_as: Value) -> Neighbour {
    Neighbour { name, values: vec![Value::State(adjacency), Value::State(state), router, number_of_as] }
}

/// An enumeration that begins at 1, as a position.
fn step(state: u64, most: u64) -> Option<u8> {
    (1..=most).contains(&state).then_some((state - 1) as u8)
}

/// By ospfNbrState - 1. Two routers of a broadcast network that are not its designated ones stay at two-way, and all is well.
const fn of_ospf(state: u8) -> u8 {
    match state {
        3 | 7 => UP,
        4..=6 => FORMING,
        _ => DOWN,
    }
}

/// The index of ospfNbrTable: an address, and the interface where it has none of its own.
fn ospf(index: &[u32]) -> Option<Arc<str>> {
    let [address @ .., interface] = index else { return None };
    let address = dotted(address)?;
    Some(Arc::from(match interface {
        0 => format!("ospf/{address}"),
        _ => format!("ospf/{address}%{interface}"),
    }))
}

/// The index of bgpPeerTable: an address.
fn bgp(index: &[u32]) -> Option<Arc<str>> {
    dotted(index).map(|address| Arc::from(format!("bgp/{address}")))
}

fn dotted(arcs: &[u32]) -> Option<Ipv4Addr> {
    let bytes: Vec<u8> = arcs.iter().map(|arc| u8::try_from(*arc)).collect::<Result<_, _>>().ok()?;
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: i32 = 8;
    const INIT: i32 = 3;
    const EXCHANGE: i32 = 6;

    /// What a device says: OSPF neighbours 10.1.0.N by state, BGP peers 10.2.0.N by state and admin status.
    fn table(speaks: bool, ospf: &[(u32, i32)], bgp: &[(u32, i32, i32)]) -> Columns {
        let mut table = Columns::new(2);
        let address = |last: u32| Some(Wire::IpAddress([9, 9, 9, last as u8]));
        if speaks {
            table.rows.insert(SCALAR.to_vec(), vec![address(1), None, None, None, None, None]);
        }
        for (last, state) in ospf {
            let row = vec![None, address(*last), Some(Wire::Integer(*state)), None, None, None];
            table.rows.insert(vec![10, 1, 0, *last, 0], row);
        }
        for (last, state, admin) in bgp {
            let number = |v: &i32| Some(Wire::Integer(*v));
            let row = vec![None, None, None, number(state), number(admin), Some(Wire::Gauge32(65_001))];
            table.rows.insert(vec![10, 2, 0, *last], row);
        }
        table
    }

    fn told(found: &[Neighbour]) -> String {
        let state = |n: &Neighbour, at: usize| n.values[at].number().map_or(-1, |v| v as i64);
        let one = |n: &Neighbour| {
            let text =
                n.values[2..].iter().filter_map(|v| if let Value::Text(t) = v { Some(t.as_ref()) } else { None });
            format!("{} {}:{} {}", n.name, state(n, 0), state(n, 1), text.collect::<Vec<_>>().join(" "))
        };
        found.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    fn at(seconds: u64) -> Mono {
        Mono::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn neighbours_have_their_state_and_one_that_is_gone_is_lost() {
        let mut memory = Memory::default();
        let mut play = |seconds, table| told(&judge(&mut memory, &table, Vec::new(), at(seconds)));
        assert_eq!(
            play(0, table(true, &[(2, FULL), (6, EXCHANGE)], &[])),
            "ospf/10.1.0.2 0:7 9.9.9.2; ospf/10.1.0.6 2:5 9.9.9.6"
        );
        assert_eq!(play(10, table(true, &[(2, INIT)], &[])), "ospf/10.1.0.2 1:2 9.9.9.2; ospf/10.1.0.6 1:14 9.9.9.6");
        // OSPF does not speak: nothing is known of anybody.
        assert_eq!(play(20, table(false, &[], &[])), "");
        assert_eq!(play(30, table(true, &[], &[])), "ospf/10.1.0.2 1:14 9.9.9.2; ospf/10.1.0.6 1:14 9.9.9.6");
        assert_eq!(play(40, table(true, &[(2, FULL)], &[])), "ospf/10.1.0.2 0:7 9.9.9.2; ospf/10.1.0.6 1:14 9.9.9.6");
        // It was last there at the beginning, a week ago.
        assert_eq!(play(7 * 86_400, table(true, &[(2, FULL)], &[])), "ospf/10.1.0.2 0:7 9.9.9.2");
    }

    #[test]
    fn a_neighbour_that_was_up_is_told_from_one_that_never_was() {
        let mut memory = Memory::default();
        let mut play = |seconds, peers: &[(u32, i32, i32)]| {
            let found = judge(&mut memory, &table(false, &[], peers), Vec::new(), at(seconds));
            found.iter().map(|n| n.values[4].number().unwrap() as u8).collect::<Vec<_>>()
        };
        assert_eq!(play(0, &[(1, 6, 2), (2, 3, 2)]), [1, 0]);
        assert_eq!(play(60, &[(1, 1, 2), (2, 3, 2)]), [1, 0]);
        assert_eq!(play(7 * 86_400, &[(1, 1, 2), (2, 3, 2)]), [0, 0], "forgotten within a week");
    }

    #[test]
    fn a_bgp_peer_is_up_down_or_shut_and_one_removed_is_no_more() {
        let mut memory = Memory::default();
        let mut play = |table| told(&judge(&mut memory, &table, Vec::new(), at(0)));
        let three = table(false, &[], &[(1, 6, 2), (2, 3, 2), (3, 1, 1)]);
        assert_eq!(play(three), "bgp/10.2.0.1 0:13 65001; bgp/10.2.0.2 1:10 65001; bgp/10.2.0.3 3:8 65001");
        assert_eq!(play(table(false, &[], &[(1, 6, 2)])), "bgp/10.2.0.1 0:13 65001");
    }

    #[test]
    fn an_address_in_several_vpns_is_down_if_one_of_its_peers_is() {
        let own = |last: u32, state: u8| bgp_peer(format!("bgp/10.2.0.{last}").into(), state, None, Value::Null);
        let mut memory = Memory::default();
        let mut play =
            |own, peers: &[(u32, i32, i32)]| told(&judge(&mut memory, &table(false, &[], peers), own, at(0)));
        assert_eq!(play(vec![own(1, 5), own(1, 0)], &[(1, 6, 2)]), "bgp/10.2.0.1 1:8 ");
        assert_eq!(play(vec![own(1, 0)], &[(1, 1, 1)]), "bgp/10.2.0.1 3:8 65001", "shut on purpose");
        assert_eq!(play(vec![own(1, 2), own(1, 5), own(2, 5)], &[]), "bgp/10.2.0.1 1:10 ; bgp/10.2.0.2 0:13 ");
    }

    #[test]
    fn a_table_that_was_cut_says_nothing_of_who_is_missing() {
        let mut memory = Memory::default();
        judge(&mut memory, &table(true, &[(2, FULL), (6, FULL)], &[]), Vec::new(), at(0));
        let mut cut = table(true, &[(2, FULL)], &[]);
        cut.shortfalls.push("more than 20000 rows".into());
        assert_eq!(told(&judge(&mut memory, &cut, Vec::new(), at(10))), "ospf/10.1.0.2 0:7 9.9.9.2");
        assert_eq!(
            judge(&mut memory, &table(true, &[(300, FULL)], &[]), Vec::new(), at(20)).len(),
            2,
            "an index that is no address"
        );
    }
}
