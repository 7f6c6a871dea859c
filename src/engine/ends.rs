//! `ends`: what the two ends of a link say of it. No probe looks at this: the console makes it of the states of
//! ports that agents send, because the ends of a link may be watched by different agents. It refuses to guess:
//! an end that was not heard of lately counts as neither up nor down, and so does one that was shut on purpose.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::wire::{SampleRow, Samples, SummaryBody};
use crate::model::{LinkId, Mono, Object, ObjectKind, ProbeId, Summary};

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

/// What it observes.
pub static SPEC: KindSpec = KindSpec {
    name: KIND,
    zh: "链路两端的端口状态（由管理中心得出）",
    en: "the state of the ports at both ends of a link, found by the console",
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
                Field::gauge(
                    "load_bps",
                    "负载（两端出入速率的最大值，比特每秒）",
                    "the load: the largest rate, in or out, at either end",
                ),
            ]),
        }]),
    },
    secret: false,
};

/// What is known of one end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    state: State,
    load: Option<f64>,
    at: Mono,
    holds: Duration,
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
    /// A port, and the links that end there.
    by_port: HashMap<Object, Vec<(LinkId, usize)>>,
    known: HashMap<LinkId, [Option<Seen>; 2]>,
}

impl Ends {
    /// Takes the links as they now are; what is known of those that stay is kept.
    pub fn set(&mut self, inventory: &Inventory) {
        self.by_port.clear();
        for link in inventory.links.values() {
            for (end, side) in [&link.a, &link.b].into_iter().zip(0..) {
                if let LinkEnd::Port { asset, interface, .. } = end
                    && let Ok(port) = Object::interface(asset.clone(), interface)
                {
                    self.by_port.entry(port).or_default().push((link.id.clone(), side));
                }
            }
        }
        self.known.retain(|link, _| inventory.links.contains_key(link));
    }

    /// What a window of samples says of links, as samples of their own; `None` if it says nothing of any.
    pub fn take(&mut self, samples: &Samples, now: Mono) -> Option<Samples> {
        let window = samples.to.since(samples.from);
        let mut touched = BTreeSet::new();
        for row in &samples.rows {
            let Some(links) = self.by_port.get(&row.object) else { continue };
            let Some(state) = State::of(row) else { continue };
            let seen = Seen { state, load: load(row), at: now, holds: window.saturating_mul(FRESH_WINDOWS) };
            for (link, side) in links {
                if let Some(place) = self.known.entry(link.clone()).or_default().get_mut(*side) {
                    *place = Some(seen);
                }
                touched.insert(link.clone());
            }
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

    fn row(&self, link: LinkId, now: Mono) -> SampleRow {
        let fresh = self.known.get(&link).copied().unwrap_or_default();
        let fresh = fresh.map(|end| end.filter(|seen| now.since(seen.at) <= seen.holds));
        let ends = fresh.map(|end| end.map_or(State::Unknown, |seen| seen.state));
        let load = fresh.into_iter().flatten().filter_map(|seen| seen.load).reduce(f64::max);
        let count = |state: State| ends.iter().filter(|end| **end == state).count() as f64;
        let fields = [
            ("a_port", f64::from(ends[0] as u8)),
            ("b_port", f64::from(ends[1] as u8)),
            ("up_ports", count(State::Up)),
            ("down_ports", count(State::Down)),
        ];
        SampleRow {
            object: Object::Link(link),
            instance: Arc::from(""),
            runs: [1, 0, 0, 0],
            packets: [0; 5],
            causes: BTreeMap::new(),
            fields: fields
                .into_iter()
                .chain(load.map(|load| ("load_bps", load)))
                .map(|(name, v)| (name.to_owned(), SummaryBody(Summary::one(v))))
                .collect(),
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
    fn a_link_that_is_gone_is_forgotten_and_one_that_stays_is_not() {
        let mut ends = ends();
        ends.take(&window("near/GE0/0/1", 0, 1), Mono::default());
        ends.set(&crate::config::inventory::parse(&[("i.toml".to_owned(), INVENTORY.to_owned())]).unwrap());
        assert!(told(ends.take(&window("far/GE0/0/2", 0, 0), Mono::default())).contains("a=down b=up"));
        ends.set(&Inventory::default());
        assert_eq!(told(ends.take(&window("near/GE0/0/1", 0, 1), Mono::default())), "nothing");
    }
}
