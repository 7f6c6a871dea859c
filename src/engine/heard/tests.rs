//! Lines in, alerts out: rules as an operator writes them, over a plan, with time as an argument.

use std::net::IpAddr;

use super::*;
use crate::config::testing::{CATALOG, kind};
use crate::config::{defs, inventory, plan};
use crate::model::wire::{Heard, LogSource};
use crate::model::{AgentId, Cause, KindSchema, Purpose, Row, Tally};

const RULES: &str = r#"
[[probe]]
id = "poll"
kind = "snmp"
on = "asset"
interval = "10s"
[[rule]]
id = "polled"
problem = "port-down"
on = "interface"
kind = "snmp"
severity = "minor"
raise = 'oper == "down"'
[[rule]]
id = "fan"
on = "asset"
source = "trap"
instance = "index"
severity = "major"
confirm = { kind = "snmp", within = "10s" }
match = { raise = ['1.2.3'], clear = ['1.2.4'] }
[[rule]]
id = "fans-polled"
problem = "fan"
on = "asset"
kind = "snmp"
severity = "major"
raise = 'uptime_seconds < 0'
[[rule]]
id = "peers-polled"
problem = "peer"
on = "asset"
where = 'asset.id == "a"'
kind = "snmp"
severity = "major"
raise = 'uptime_seconds < 0'
[[rule]]
id = "peer"
on = "asset"
source = "trap"
instance = "bgp/at"
severity = "major"
confirm = { kind = "snmp", within = "10s" }
match = { raise = ['2.3.4: 9\.(?<at>[\d.]+)='] }
[[rule]]
id = "port-by-trap"
problem = "port-down"
on = "interface"
source = "trap"
severity = "major"
confirm = { kind = "snmp", within = "10s" }
match = { raise = ['3.4.5: (?<port>[A-Z]\S+)', '3.4.5: (?<port>)\d'] }
[[rule]]
id = "light"
on = "asset"
source = "trap"
severity = "minor"
confirm = { kind = "icmp", every = "1m" }
match = { raise = ['6.7.8'] }
[[rule]]
id = "light-polled"
problem = "light"
on = "asset"
kind = "icmp"
severity = "minor"
raise = 'loss_ratio < 0'
[[rule]]
id = "login"
on = "asset"
source = "syslog"
instance = "peer"
severity = "minor"
expires = "10m"
match = { raise = ['SSH/FAIL: IP=(?<peer>\S+) user=(?<user>\S+)'], clear = ['SSH/OK: IP=(?<peer>\S+)', 'SSH/RESET'], count = 3, within = "1m" }
[[rule]]
id = "port"
problem = "port-down"
on = "interface"
source = "syslog"
severity = "major"
confirm = { kind = "snmp", within = "10s" }
match = { raise = ['LINK/UPDOWN: (?<port>\S+) down'], clear = ['LINK/UPDOWN: (?<port>\S+) up'] }
[[rule]]
id = "words"
on = "asset"
source = "syslog"
where = 'asset.id == "b"'
severity = "info"
match = { raise = ['*: 攻击'] }
"#;

const ASSETS: &str = r#"
[[asset]]
id = "a"
kind = "switch"
zone = "extranet"
address = "10.0.0.1"
also = ["10.0.1.1", "name.example"]
snmp = { secret = "s" }
[[asset]]
id = "b"
kind = "switch"
zone = "extranet"
address = "10.0.0.2"
"#;

struct Play {
    matcher: Matcher,
    alarms: Alarms,
    rules: Vec<PlanRule>,
    backed: bool,
    said: Vec<String>,
}

fn now(s: u64) -> Now {
    let ms = i64::try_from(s * 1_000).unwrap();
    Now { wall: Wall::from_millis(1_700_000_000_000 + ms), mono: Mono::from_origin(Duration::from_secs(1_000 + s)) }
}

impl Play {
    fn new() -> Self {
        let loaded = defs::parse(&[("r.toml".to_owned(), RULES.to_owned())], CATALOG);
        assert!(loaded.usable(), "{:?}", loaded.diagnostics);
        let inventory = inventory::parse(&[("i.toml".to_owned(), ASSETS.to_owned())]).unwrap();
        let agent = AgentId::new("tower").unwrap();
        let built = plan::build(&inventory, &loaded.definitions, CATALOG, &agent, 1, &|_| None, &BTreeSet::new());
        let (matcher, problems) = Matcher::new(&built.plan.rules, &built.plan.sources);
        assert_eq!(problems, Vec::<String>::new());
        let mut alarms = Alarms::default();
        alarms.reload(&built.plan.rules, now(0));
        Self { matcher, alarms, rules: built.plan.rules, backed: false, said: Vec::new() }
    }

    fn note(&mut self, s: u64, effects: Vec<Effect>) {
        for effect in effects {
            self.said.push(match effect {
                Effect::Alert { alert, saved } => {
                    assert_eq!(saved.body.is_null(), alert.state == AlertState::Cleared);
                    let sign = if alert.state == AlertState::Firing { "+" } else { "-" };
                    let by = alert.cleared_by.map(|by| format!(" {}", by.as_str())).unwrap_or_default();
                    format!("{s} {sign} {} x{}{by}", alert.key, alert.count)
                }
                Effect::ProbeNow { object, kind, .. } => match kind.as_deref() {
                    Some("snmp") => format!("{s} ? {object}"),
                    other => format!("{s} ? {object} {other:?}"),
                },
                other => format!("{s} {other:?}"),
            });
        }
    }

    fn line(&mut self, s: u64, from: &str, tag: &str, text: &str) {
        self.hear(s, LogSource::Syslog, from, tag, text);
    }

    fn hear(&mut self, s: u64, source: LogSource, from: &str, tag: &str, text: &str) -> bool {
        let from: IpAddr = from.parse().unwrap();
        let heard = Heard {
            at: now(s).wall,
            source,
            from,
            via: None,
            asset: self.matcher.asset(from).cloned(),
            host: String::new(),
            facility: 23,
            severity: 4,
            tag: tag.to_owned(),
            text: text.to_owned(),
            count: 1,
        };
        let (hits, known) = self.matcher.look(&heard);
        for hit in hits {
            let effects = self.alarms.hit(hit, now(s));
            self.note(s, effects);
        }
        known
    }

    /// A look by SNMP that began then and saw these ports.
    fn poll(&mut self, s: u64, ports: &[&str]) {
        self.poll_of("a", s, ports);
    }

    fn poll_of(&mut self, asset: &str, s: u64, ports: &[&str]) {
        let rows = ports.iter().map(|port| Row {
            table: 1,
            object: format!("interface:a/{port}").parse().unwrap(),
            instance: "".into(),
            values: Vec::new(),
        });
        self.alarms.observed(&Observation {
            schema: Arc::new(KindSchema::clone(&kind("snmp").schema)),
            agent: "tower".parse().unwrap(),
            probe: "p".parse().unwrap(),
            object: format!("asset:{asset}").parse().unwrap(),
            instance: "".into(),
            purpose: Purpose::Measure,
            at: now(s).wall,
            took: Duration::ZERO,
            outcome: Outcome::Ok,
            cause: None::<Cause>,
            detail: None,
            tally: Tally::default(),
            rows: rows.collect(),
        });
    }

    fn tick(&mut self, s: u64) {
        let backed = self.backed;
        let effects = self.alarms.tick(now(s), |_, _| backed);
        self.note(s, effects);
    }

    fn says(&mut self, want: &[&str]) {
        assert_eq!(self.said, want);
        self.said.clear();
    }
}

#[test]
fn so_many_within_the_time_raise_and_a_clear_or_silence_ends_it() {
    let mut play = Play::new();
    for s in [0, 10, 80] {
        play.line(s, "10.0.0.1", "SSH/FAIL", "IP=10.9.9.9 user=x");
    }
    play.says(&[]);
    for s in [81, 82] {
        play.line(s, "10.0.1.1", "SSH/FAIL", "IP=10.9.9.9 user=x");
    }
    play.line(82, "10.0.0.1", "SSH/FAIL", "IP=10.8.8.8 user=x");
    play.says(&["82 + login|asset:a|10.9.9.9 x1"]);
    assert_eq!(
        play.alarms.firing().next().unwrap().evidence,
        [("line", "IP=10.9.9.9 user=x"), ("peer", "10.9.9.9"), ("user", "x")].map(|(a, b)| (a.into(), b.into()))
    );
    // Heard again: told once a minute, with the count.
    for s in [83, 90, 150] {
        play.line(s, "10.0.0.1", "SSH/FAIL", "IP=10.9.9.9 user=x");
    }
    play.says(&["150 + login|asset:a|10.9.9.9 x4"]);
    play.line(160, "10.0.0.1", "SSH/OK", "IP=10.8.8.8");
    play.tick(749);
    play.says(&[]);
    play.tick(750);
    play.says(&["750 - login|asset:a|10.9.9.9 x4 expired"]);
    for s in [800, 801, 802] {
        play.line(s, "10.0.0.1", "SSH/FAIL", "IP=10.9.9.9 user=x");
        play.line(s, "10.0.0.2", "SSH/FAIL", "IP=10.9.9.9 user=x");
    }
    play.line(803, "10.0.0.1", "SSH/RESET", "names nobody, so it ends all of this asset");
    play.says(&[
        "802 + login|asset:a|10.9.9.9 x1",
        "802 + login|asset:b|10.9.9.9 x1",
        "803 - login|asset:a|10.9.9.9 x1 condition",
    ]);
}

#[test]
fn a_look_overrules_what_was_heard_unless_another_rule_bears_it_out() {
    let mut play = Play::new();
    play.poll(0, &["Gi0/1", "Gi0/10", "Te1/1/1"]);
    play.line(1, "10.0.0.1", "LINK/UPDOWN", "GigabitEthernet0/1 down");
    play.says(&["1 ? asset:a", "1 + port-down|interface:a/Gi0/1| x1"]);
    // It began before, so it says nothing about it.
    play.poll(0, &[]);
    play.tick(12);
    play.says(&[]);
    play.poll(2, &[]);
    play.tick(12);
    play.says(&["12 - port-down|interface:a/Gi0/1| x1 condition"]);
    play.backed = true;
    play.line(20, "10.0.0.1", "LINK/UPDOWN", "GigabitEthernet0/1 down");
    play.poll(21, &[]);
    play.tick(40);
    play.backed = false;
    play.tick(41);
    play.says(&["20 ? asset:a", "20 + port-down|interface:a/Gi0/1| x1"]);
    play.poll(42, &[]);
    play.tick(43);
    play.says(&["43 - port-down|interface:a/Gi0/1| x1 condition"]);
    play.line(50, "10.0.0.1", "LINK/UPDOWN", "Vlan7 down");
    play.line(51, "10.0.0.1", "LINK/UPDOWN", "Vlan7 up");
    play.says(&[
        "50 ? asset:a",
        "50 + port-down|interface:a/Vlan7| x1",
        "51 ? asset:a",
        "51 - port-down|interface:a/Vlan7| x1 condition",
    ]);
}

#[test]
fn a_trap_is_told_by_the_index_of_its_first_variable_and_a_look_that_knows_names_only_ends_nothing() {
    let mut play = Play::new();
    play.hear(0, LogSource::Trap, "10.0.0.1", "1.2.3", "1.3.6.1.4.1.9.7.67=x 1.3.6.1.4.1.9.8.1=y");
    play.hear(0, LogSource::Syslog, "10.0.0.1", "1.2.3", "1.3.6.1.4.1.9.7.68=x");
    play.hear(0, LogSource::Trap, "10.0.0.1", "1.2.3", "");
    play.says(&["0 ? asset:a", "0 + fan|asset:a|67 x1", "0 + fan|asset:a| x1"]);
    play.tick(1);
    play.says(&["1 ? asset:a"]);
    play.poll(1, &[]);
    play.tick(20);
    play.says(&[]);
    play.hear(21, LogSource::Trap, "10.0.0.1", "1.2.4", "1.3.6.1.4.1.9.7.67=x");
    play.says(&["21 ? asset:a", "21 - fan|asset:a|67 x1 condition"]);
}

#[test]
fn the_index_is_that_of_a_part_or_a_port_where_a_variable_is_of_one() {
    let mut play = Play::new();
    for text in [
        // A number of no part before it, as Huawei has it, with the index as its value or how grave it is.
        "1.3.6.1.4.1.2011.5.25.219.1.1.0=67371017 1.3.6.1.2.1.47.1.1.1.1.7.67371017=FAN 1",
        "1.3.6.1.4.1.2011.5.25.129.1.1.0=4 1.3.6.1.2.1.47.1.1.1.1.4.9=0 1.3.6.1.2.1.47.1.1.1.1.7.9=LPU 1",
        "1.3.6.1.4.1.9.7.1=a b=c 1.3.6.1.2.1.2.2.1.8.7=2",
        "1.3.6.1.4.1.9.7.1=x 1.3.6.1.2.1.31.1.1.1.1.12=Gi0/12",
        "1.3.6.1.4.1.9.7.5=1.3.6.1.2.1.2.2.1.8.6",
    ] {
        play.hear(0, LogSource::Trap, "10.0.0.1", "1.2.3", text);
    }
    play.says(&[
        "0 ? asset:a",
        "0 + fan|asset:a|67371017 x1",
        "0 + fan|asset:a|9 x1",
        "0 + fan|asset:a|7 x1",
        "0 + fan|asset:a|12 x1",
        "0 + fan|asset:a|5 x1",
    ]);
}

#[test]
fn the_oid_of_a_v1_trap_is_known_with_its_zero_and_without() {
    let mut play = Play::new();
    play.hear(0, LogSource::Trap, "10.0.0.1", "1.2.0.3", "1.3.6.1.4.1.9.7.67=x");
    play.tick(2);
    play.hear(21, LogSource::Trap, "10.0.0.1", "1.2.0.4", "1.3.6.1.4.1.9.7.67=x");
    play.says(&["0 ? asset:a", "0 + fan|asset:a|67 x1", "21 ? asset:a", "21 - fan|asset:a|67 x1 condition"]);
    for (tag, known) in
        [("1.2.3", true), ("1.2.0.3", true), ("1.2.0.0.3", false), ("1.2.0.9", false), ("1.20.3", false), ("", false)]
    {
        assert_eq!(play.hear(30, LogSource::Trap, "10.0.0.1", tag, ""), known, "{tag}");
    }
}

#[test]
fn the_look_is_by_the_kind_that_reads_the_state_and_as_seldom_as_the_rule_says() {
    let mut play = Play::new();
    for s in [0, 1, 30] {
        play.hear(s, LogSource::Trap, "10.0.0.1", "6.7.8", "");
        play.tick(s + 2);
    }
    play.says(&["0 ? asset:a Some(\"icmp\")", "0 + light|asset:a| x1"]);
    // Another kind does not wait for it.
    play.hear(33, LogSource::Trap, "10.0.0.1", "1.2.3", "");
    play.tick(60);
    play.says(&["33 ? asset:a", "33 + fan|asset:a| x1", "60 ? asset:a Some(\"icmp\")"]);
    play.tick(121);
    play.hear(122, LogSource::Trap, "10.0.0.1", "6.7.8", "");
    play.says(&["122 ? asset:a Some(\"icmp\")", "122 + light|asset:a| x4"]);
}

#[test]
fn a_look_judges_parts_that_it_names_as_the_trap_does_where_a_rule_looks_at_the_asset() {
    let mut play = Play::new();
    for from in ["10.0.0.1", "10.0.0.2"] {
        play.hear(0, LogSource::Trap, from, "2.3.4", "9.10.1.0.2=6");
    }
    play.says(&[
        "0 ? asset:a",
        "0 + peer|asset:a|bgp/10.1.0.2 x1",
        "0 ? asset:b",
        "0 + peer|asset:b|bgp/10.1.0.2 x1",
    ]);
    play.poll_of("a", 1, &[]);
    play.poll_of("b", 1, &[]);
    play.tick(12);
    play.says(&["12 - peer|asset:a|bgp/10.1.0.2 x1 condition"]);
}

#[test]
fn a_trap_that_names_no_port_has_the_device_looked_at() {
    let mut play = Play::new();
    play.hear(0, LogSource::Trap, "10.0.0.1", "3.4.5", "Gi0/1 7");
    play.hear(5, LogSource::Trap, "10.0.0.1", "3.4.5", "7");
    play.says(&["0 ? asset:a", "0 + port-down|interface:a/Gi0/1| x1", "5 ? asset:a"]);
}

#[test]
fn rules_hear_their_own_assets_only_and_strangers_nobody() {
    let mut play = Play::new();
    for from in ["10.0.0.1", "10.0.0.3"] {
        play.line(0, from, "x", "检测到攻击");
    }
    play.says(&[]);
    play.line(0, "10.0.0.2", "", "检测到攻击");
    play.says(&["0 + words|asset:b| x1"]);
}

#[test]
fn what_fires_survives_a_restart_and_ends_with_its_rule() {
    let mut play = Play::new();
    play.line(0, "10.0.0.2", "", "攻击");
    let alert = play.alarms.firing().next().unwrap().clone();
    let Effect::Alert { saved, .. } = told(&play.alarms.raised[&key_of(&alert)], 60_000, now(0)) else { panic!() };
    assert!(Alarms::keeps(&saved.key));
    let mut alarms = Alarms::default();
    assert_eq!(alarms.restore(vec![saved.clone()], now(10)), []);
    assert_eq!(alarms.reload(&play.rules, now(10)), []);
    assert_eq!((alarms.firing().count(), alarms.roster().count()), (1, 1));
    assert_eq!(alarms.tick(now(59), |_, _| false), []);
    assert_eq!(alarms.tick(now(60), |_, _| false).len(), 1);
    let mut alarms = Alarms::default();
    alarms.restore(vec![saved.clone()], now(10));
    assert!(
        matches!(&alarms.reload(&[], now(10))[..], [Effect::Alert { alert, .. }] if alert.cleared_by == Some(ClearReason::Withdrawn))
    );
    let damaged = Saved { body: json!({}), ..saved };
    assert!(matches!(&Alarms::default().restore(vec![damaged], now(0))[..], [Effect::Forget(_)]));
}

fn row(from: &str, text: &str) -> Heard {
    Heard {
        at: now(0).wall,
        source: LogSource::Syslog,
        from: from.parse().unwrap(),
        via: None,
        asset: None,
        host: String::new(),
        facility: 0,
        severity: 0,
        tag: String::new(),
        text: text.to_owned(),
        count: 1,
    }
}

#[test]
fn a_source_may_burst_and_then_send_at_its_rate_and_others_do_not_notice() {
    let mut gate = Gate::new(10);
    let (loud, quiet): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let admitted = (0..1_000).filter(|_| gate.admits(loud, now(0).mono)).count();
    assert_eq!(admitted, 100);
    assert!(gate.admits(quiet, now(0).mono));
    assert_eq!((0..1_000).filter(|_| gate.admits(loud, now(3).mono)).count(), 30);
    assert_eq!(gate.left_out(), (1_870, vec![(loud, 1_870)]));
}

#[test]
fn what_is_said_again_within_seconds_is_one_row_and_a_count() {
    let mut gate = Gate::new(10);
    assert!(gate.take(row("10.0.0.1", "x"), now(0).mono).is_some());
    for s in [1, 2, 9] {
        let again = Heard { at: now(s).wall, ..row("10.0.0.1", "x") };
        assert!(gate.take(again, now(s).mono).is_none());
    }
    assert!(gate.take(row("10.0.0.2", "x"), now(9).mono).is_some());
    assert_eq!(gate.due(now(9).mono), []);
    assert_eq!(gate.due(now(10).mono), [Heard { at: now(9).wall, count: 3, ..row("10.0.0.1", "x") }]);
    assert_eq!(gate.due(now(60).mono), []);
    assert!(gate.take(row("10.0.0.1", "x"), now(60).mono).is_some());
}
