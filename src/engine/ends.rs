//! `ends`: what the two ends of a link say of it. No probe looks at this: the console makes it of the states of
//! ports and routing neighbours that agents send, because the ends of a link may be watched by different agents. It
//! refuses to guess: an end that was not heard of lately counts as neither up nor down, and so does one that was shut
//! on purpose.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::port;
use crate::model::wire::{SampleRow, Samples, SummaryBody};
use crate::model::{AssetId, LinkId, Mono, Object, ObjectKind, ProbeId, Summary};

/// Name of the kind, and of the probe that its samples seem to come from.
pub const KIND: &str = "ends";
/// A port not heard of for so many windows is not known.
const FRESH_WINDOWS: u32 = 3;
/// ifAdminStatus and ifOperStatus by position in the names of the fields `admin` and `oper` of a port.
const UP: u8 = 0;
const DOWN: u8 = 1;
const LOWER_LAYER_DOWN: u8 = 6;

/// As ports have them, and `unknown` where an end is not ours or not heard of.
const STATES: &[Cow<'static, str>] =
    &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("shut"), Cow::Borrowed("unknown")];

/// As routing neighbours have them in the field `adjacency`, and `unknown`.
const ADJACENCIES: &[Cow<'static, str>] = &[
    Cow::Borrowed("up"),
    Cow::Borrowed("down"),
    Cow::Borrowed("forming"),
    Cow::Borrowed("shut"),
    Cow::Borrowed("unknown"),
];
/// Where an end has several adjacencies (OSPF, and BGP over it), the first of these that one of them has is said.
const WORST_FIRST: [u8; 4] = [DOWN, 2, UP, 3];
const UNKNOWN_ADJACENCY: u8 = 4;
/// Adjacencies of one end that are kept: one by OSPF and one by BGP, and as many again for what may come.
const MAX_ADJACENT: usize = 4;

/// What it observes.
pub static SPEC: KindSpec = KindSpec {
    name: KIND,
    zh: "链路两端的端口与路由邻接状态（由管理中心得出）",
    en: "the state of ports and routing adjacencies at both ends of a link, found by the console",
    on: &[ObjectKind::Link],
    target: TargetNeed::Derived,
    settings: &[],
    schema: KindSchema {
        kind: Cow::Borrowed(KIND),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::state("a_port", STATES, "a 端端口", "the port at end a"),
                Field::state("b_port", STATES, "b 端端口", "the port at end b"),
                Field::gauge("up_ports", "处于 up 的端口数", "how many of the ends are up"),
                Field::gauge("down_ports", "应通而不通的端口数", "how many of the ends are down though set up"),
                Field::state("a_adjacency", ADJACENCIES, "a 端路由邻接", "the routing adjacency as end a has it"),
                Field::state("b_adjacency", ADJACENCIES, "b 端路由邻接", "the routing adjacency as end b has it"),
                Field::gauge("adjacent_count", "路由邻接正常的端数", "how many of the ends have it up"),
                Field::gauge(
                    "load_bps",
                    "负载（两端出入速率的最大值，比特每秒）",
                    "the load: the largest rate, in or out, at either end",
                ),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// Something that holds for a while after it was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Heard<T> {
    what: T,
    at: Mono,
    holds: Duration,
}

impl<T: Copy> Heard<T> {
    fn fresh(&self, now: Mono) -> Option<T> {
        (now.since(self.at) <= self.holds).then_some(self.what)
    }
}

/// What is known of one end.
#[derive(Debug, Default)]
struct Known {
    /// The device has a port of exactly the declared name: others like it are others.
    exact: bool,
    /// The port: its state and load.
    port: Option<Heard<(State, Option<f64>)>>,
    /// Adjacencies with the other end by the neighbour's name, such as `ospf/10.1.0.2`; empty if there never were any.
    adjacent: BTreeMap<Arc<str>, Heard<u8>>,
}

impl Known {
    /// What the adjacencies come to; `None` if there never were any.
    fn adjacency(&self, now: Mono) -> Option<u8> {
        let fresh: Vec<u8> = self.adjacent.values().filter_map(|heard| heard.fresh(now)).collect();
        let worst = WORST_FIRST.into_iter().find(|state| fresh.contains(state)).unwrap_or(UNKNOWN_ADJACENCY);
        (!self.adjacent.is_empty()).then_some(worst)
    }
}

/// By position in `STATES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Shut,
    Unknown,
}

impl State {
    fn of(row: &SampleRow) -> Option<Self> {
        let newest = |name: &str| row.fields.get(name).map(|body| body.0.last.clamp(0.0, 255.0) as u8);
        Some(match (newest("admin"), newest("oper")?) {
            (_, UP) => Self::Up,
            (Some(DOWN), _) => Self::Shut,
            (_, DOWN | LOWER_LAYER_DOWN) => Self::Down,
            _ => Self::Unknown,
        })
    }
}

/// The larger of the rates in and out.
fn load(row: &SampleRow) -> Option<f64> {
    let rate = |name: &str| row.fields.get(name).map(|body| body.0.mean());
    [rate("in_bps"), rate("out_bps")].into_iter().flatten().reduce(f64::max)
}

/// The ends of all links.
#[derive(Debug, Default)]
pub struct Ends {
    /// A device, its ports as they are declared, and the links that end there.
    by_asset: HashMap<AssetId, Vec<(String, Place)>>,
    /// A device and an address of others, and the links whose other end has that.
    by_neighbour: HashMap<(Object, IpAddr), Vec<Place>>,
    known: HashMap<LinkId, [Known; 2]>,
}

/// An end of a link: 0 is a, 1 is b.
type Place = (LinkId, usize);

impl Ends {
    /// Takes the links as they now are; what is known of those that stay is kept.
    pub fn set(&mut self, inventory: &Inventory) {
        self.by_asset.clear();
        self.by_neighbour.clear();
        for link in inventory.links.values() {
            for (end, other, side) in [(&link.a, &link.b, 0), (&link.b, &link.a, 1)] {
                let LinkEnd::Port { asset, interface, .. } = end else { continue };
                let place = (link.id.clone(), side);
                if let Some(address) = other.address().and_then(|text| text.parse::<IpAddr>().ok()) {
                    let key = (Object::Asset(asset.clone()), address);
                    self.by_neighbour.entry(key).or_default().push(place.clone());
                }
                self.by_asset.entry(asset.clone()).or_default().push((interface.clone(), place));
            }
        }
        self.known.retain(|link, _| inventory.links.contains_key(link));
    }

    /// What a window of samples says of links, as samples of their own; `None` if it says nothing of any.
    pub fn take(&mut self, samples: &Samples, now: Mono) -> Option<Samples> {
        let holds = samples.to.since(samples.from).saturating_mul(FRESH_WINDOWS);
        let mut touched = BTreeSet::new();
        for row in &samples.rows {
            let places =
                if row.instance.is_empty() { self.port(row, now, holds) } else { self.neighbour(row, now, holds) };
            touched.extend(places.into_iter().map(|(link, _)| link));
        }
        if touched.is_empty() {
            return None;
        }
        Some(Samples {
            probe: ProbeId::new(KIND).ok()?,
            kind: Arc::from(KIND),
            from: samples.from,
            to: samples.to,
            rows: touched.into_iter().map(|link| self.row(link, now)).collect(),
        })
    }

    fn port(&mut self, row: &SampleRow, at: Mono, holds: Duration) -> Vec<Place> {
        let Object::Interface { asset, name } = &row.object else { return Vec::new() };
        let Some(declared) = self.by_asset.get(asset) else { return Vec::new() };
        let Some(state) = State::of(row) else { return Vec::new() };
        let what = (state, load(row));
        let mut places = Vec::new();
        for (called, (link, side)) in declared.iter().filter(|(called, _)| port::same(called, name)) {
            let Some(end) = self.known.entry(link.clone()).or_default().get_mut(*side) else { continue };
            let exact = **called == **name;
            if exact || !(end.exact && end.port.is_some_and(|port| port.fresh(at).is_some())) {
                end.exact = exact;
                end.port = Some(Heard { what, at, holds });
                places.push((link.clone(), *side));
            }
        }
        places
    }

    fn neighbour(&mut self, row: &SampleRow, at: Mono, holds: Duration) -> Vec<Place> {
        let Some(adjacency) = row.fields.get("adjacency") else { return Vec::new() };
        let what = adjacency.0.last.clamp(0.0, 255.0) as u8;
        let address = row.instance.rsplit('/').next().and_then(|text| text.parse().ok());
        let places = address.and_then(|address| self.by_neighbour.get(&(row.object.clone(), address)));
        for (link, side) in places.into_iter().flatten() {
            let Some(end) = self.known.entry(link.clone()).or_default().get_mut(*side) else { continue };
            if end.adjacent.len() < MAX_ADJACENT || end.adjacent.contains_key(&row.instance) {
                end.adjacent.insert(row.instance.clone(), Heard { what, at, holds });
            }
        }
        places.cloned().unwrap_or_default()
    }

    fn row(&self, link: LinkId, now: Mono) -> SampleRow {
        let ends: Vec<&Known> = self.known.get(&link).into_iter().flatten().collect();
        let ports: Vec<_> = ends.iter().map(|end| end.port.and_then(|port| port.fresh(now))).collect();
        let state = |side: usize| ports.get(side).copied().flatten().map_or(State::Unknown, |(state, _)| state);
        let count = |state: State| ports.iter().flatten().filter(|(s, _)| *s == state).count() as f64;
        let mut fields = vec![
            ("a_port", f64::from(state(0) as u8)),
            ("b_port", f64::from(state(1) as u8)),
            ("up_ports", count(State::Up)),
            ("down_ports", count(State::Down)),
        ];
        let load = ports.iter().flatten().filter_map(|(_, load)| *load).reduce(f64::max);
        fields.extend(load.map(|load| ("load_bps", load)));
        let adjacency: Vec<Option<u8>> = ends.iter().map(|end| end.adjacency(now)).collect();
        if adjacency.iter().any(Option::is_some) {
            let of = |side: usize| adjacency.get(side).copied().flatten().unwrap_or(UNKNOWN_ADJACENCY);
            let up = adjacency.iter().filter(|state| **state == Some(UP)).count();
            fields.extend([("a_adjacency", f64::from(of(0))), ("b_adjacency", f64::from(of(1)))]);
            fields.push(("adjacent_count", up as f64));
        }
        SampleRow {
            object: Object::Link(link),
            instance: Arc::from(""),
            runs: [1, 0, 0, 0],
            packets: [0; 5],
            causes: BTreeMap::new(),
            fields: fields.into_iter().map(|(name, v)| (name.to_owned(), SummaryBody(Summary::one(v)))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wall;

    const INVENTORY: &str = r#"
[[asset]]
id = "near"
kind = "switch"
zone = "extranet"
address = "10.0.0.1"
[[asset]]
id = "far"
kind = "router"
zone = "extranet"
address = "10.0.0.2"
[[link]]
id = "both"
a = { asset = "near", interface = "GE0/0/1", address = "10.1.0.1" }
b = { asset = "far", interface = "GE0/0/2", address = "10.1.0.2" }
[[link]]
id = "one"
a = { asset = "near", interface = "GE0/0/9" }
b = { peer = "carrier", address = "10.1.0.6" }
"#;

    fn ends() -> Ends {
        let inventory = crate::config::inventory::parse(&[("i.toml".to_owned(), INVENTORY.to_owned())]).unwrap();
        let mut ends = Ends::default();
        ends.set(&inventory);
        ends
    }

    /// A window of ten seconds in which a port showed these states.
    fn window(port: &str, admin: u8, oper: u8) -> Samples {
        let body = |v: u8| SummaryBody(Summary::one(f64::from(v)));
        let row = SampleRow {
            object: format!("interface:{port}").parse().unwrap(),
            instance: "".into(),
            runs: [0; 4],
            packets: [0; 5],
            causes: BTreeMap::new(),
            fields: [("admin".to_owned(), body(admin)), ("oper".to_owned(), body(oper))].into(),
        };
        let (from, to) = (Wall::from_millis(0), Wall::from_millis(10_000));
        Samples { probe: "snmp".parse().unwrap(), kind: "snmp".into(), from, to, rows: vec![row] }
    }

    fn told(samples: Option<Samples>) -> String {
        let Some(samples) = samples else { return "nothing".to_owned() };
        let rows = samples.rows.iter().map(|row| {
            let of = |name: &str| row.fields[name].0.last as usize;
            let [a, b] = ["a_port", "b_port"].map(|end| &STATES[of(end)]);
            format!("{} a={a} b={b} {} up {} down", row.object, of("up_ports"), of("down_ports"))
        });
        rows.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_port_is_heard_of_by_its_long_name_too_unless_there_is_one_of_exactly_the_declared_name() {
        let mut ends = ends();
        let mut oper =
            |port: &str, oper: u8| told(ends.take(&window(&format!("near/{port}"), 0, oper), Mono::default()));
        assert!(oper("GigabitEthernet0/0/1", 1).contains("a=down"));
        assert!(oper("GE0/0/1", 0).contains("a=up"));
        assert_eq!(oper("GigabitEthernet0/0/1", 1), told(None));
        assert_eq!(oper("XGigabitEthernet0/0/1", 1), told(None));
    }

    #[test]
    fn both_ends_make_one_state_of_their_link() {
        let mut ends = ends();
        let at = |seconds| Mono::default().plus(Duration::from_secs(seconds));
        let table = [
            (0, "near/GE0/0/1", 0, 0, "link:both a=up b=unknown 1 up 0 down"),
            (1, "far/GE0/0/2", 0, 0, "link:both a=up b=up 2 up 0 down"),
            (10, "near/GE0/0/1", 0, 1, "link:both a=down b=up 1 up 1 down"),
            (11, "far/GE0/0/2", 0, 6, "link:both a=down b=down 0 up 2 down"),
            (20, "near/GE0/0/1", 1, 1, "link:both a=shut b=down 0 up 1 down"),
            // The far end is not heard of for three windows.
            (50, "near/GE0/0/1", 0, 0, "link:both a=up b=unknown 1 up 0 down"),
            (50, "near/GE0/0/9", 0, 4, "link:one a=unknown b=unknown 0 up 0 down"),
            (50, "near/GE0/0/8", 0, 1, "nothing"),
        ];
        for (seconds, port, admin, oper, wanted) in table {
            assert_eq!(told(ends.take(&window(port, admin, oper), at(seconds))), wanted, "{port} at {seconds}");
        }
    }

    #[test]
    fn the_load_is_the_largest_rate_at_either_end() {
        let mut ends = ends();
        let mut take = |port: &str, rates: [f64; 2]| {
            let mut window = window(port, 0, 0);
            for (name, rate) in ["in_bps", "out_bps"].into_iter().zip(rates) {
                window.rows[0].fields.insert(name.to_owned(), SummaryBody(Summary::one(rate)));
            }
            ends.take(&window, Mono::default()).unwrap().rows[0].fields["load_bps"].0.last
        };
        assert_eq!(take("near/GE0/0/1", [3e6, 90e6]), 90e6);
        assert_eq!(take("far/GE0/0/2", [88e6, 2e6]), 90e6);
        assert!(
            !ends.take(&window("near/GE0/0/9", 0, 0), Mono::default()).unwrap().rows[0]
                .fields
                .contains_key("load_bps")
        );
    }

    #[test]
    fn an_adjacency_belongs_to_the_link_whose_other_end_has_the_address() {
        let mut ends = ends();
        let mut take = |seconds, asset: &str, neighbour: &str, adjacency: u8| {
            let mut window = window("near/GE0/0/1", 0, 0);
            let row = &mut window.rows[0];
            (row.object, row.instance) = (format!("asset:{asset}").parse().unwrap(), neighbour.into());
            row.fields = [("adjacency".to_owned(), SummaryBody(Summary::one(f64::from(adjacency))))].into();
            let told = ends.take(&window, Mono::default().plus(Duration::from_secs(seconds)))?;
            let of = |name: &str| told.rows[0].fields[name].0.last as usize;
            let [a, b] = ["a_adjacency", "b_adjacency"].map(|end| &ADJACENCIES[of(end)]);
            Some(format!("{} a={a} b={b} {} up", told.rows[0].object, of("adjacent_count")))
        };
        let table = [
            (0, "near", "ospf/10.1.0.2", 0, Some("link:both a=up b=unknown 1 up")),
            (1, "far", "ospf/10.1.0.1", 0, Some("link:both a=up b=up 2 up")),
            (2, "near", "bgp/10.1.0.2", 3, Some("link:both a=up b=up 2 up")), // shut on purpose
            (10, "near", "ospf/10.1.0.2", 1, Some("link:both a=down b=up 1 up")),
            (11, "near", "bgp/10.1.0.2", 0, Some("link:both a=down b=up 1 up")),
            (12, "near", "ospf/10.1.0.2", 2, Some("link:both a=forming b=up 1 up")),
            // The far end is not heard of for three windows.
            (41, "near", "ospf/10.1.0.2", 0, Some("link:both a=up b=unknown 1 up")),
            (41, "near", "ospf/10.1.0.6", 1, Some("link:one a=down b=unknown 0 up")), // a peer that is not ours
            (41, "far", "ospf/10.1.0.6", 1, None),
            (41, "near", "if-7", 1, None),
        ];
        for (seconds, asset, neighbour, adjacency, wanted) in table {
            let told = take(seconds, asset, neighbour, adjacency);
            assert_eq!(told.as_deref(), wanted, "{asset} {neighbour} at {seconds}");
        }
    }

    #[test]
    fn a_link_that_is_gone_is_forgotten_and_one_that_stays_is_not() {
        let mut ends = ends();
        ends.take(&window("near/GE0/0/1", 0, 1), Mono::default());
        ends.set(&crate::config::inventory::parse(&[("i.toml".to_owned(), INVENTORY.to_owned())]).unwrap());
        assert!(told(ends.take(&window("far/GE0/0/2", 0, 0), Mono::default())).contains("a=down b=up"));
        ends.set(&Inventory::default());
        assert_eq!(told(ends.take(&window("near/GE0/0/1", 0, 1), Mono::default())), "nothing");
    }
}
