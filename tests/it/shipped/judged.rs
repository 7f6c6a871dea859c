//! The shipped rules of devices by SNMP, minute by minute: what a device says, and the alerts that must come of it and go.
//! Hours pass in no time; the plan is made of the shipped definitions as a console makes it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fengsui::config::{defs, inventory, plan};
use fengsui::engine::rule::{Effect, Rules};
use fengsui::engine::twins::Twins;
use fengsui::model::observation::{Outcome, Purpose, Row, Tally};
use fengsui::model::plan::Task;
use fengsui::model::{AgentId, AlertState, Mono, Now, Object, Observation, Value, Wall};
use fengsui::probe;

const INVENTORY: &str = r#"
[[asset]]
id = "core"
kind = "router"
zone = "extranet"
address = "10.65.0.1"
snmp = { secret = "core" }
tags = ["routing", "snmp-v3"]
"#;

/// A device under the shipped rules, looked at by one kind of probe.
struct Play {
    task: Arc<Task>,
    /// Minutes from one run to the next.
    every: u64,
    rules: Rules,
    minute: u64,
    /// `MINUTE + PROBLEM INSTANCE SEVERITY`, `MINUTE - PROBLEM INSTANCE`.
    log: Vec<String>,
}

impl Play {
    fn of(kind: &str) -> Self {
        let loaded = defs::load(&[], probe::catalog());
        let inventory = inventory::parse(&[("core.toml".to_owned(), INVENTORY.to_owned())]).unwrap();
        let agent = AgentId::new("tower").unwrap();
        let (definitions, catalog) = (&loaded.definitions, probe::catalog());
        let plan = plan::build(&inventory, definitions, catalog, &agent, 1, &|_| None, &BTreeSet::new()).plan;
        assert!(plan.profiles.iter().any(|profile| profile.id.as_str() == "huawei-vrp"), "the profiles go with it");
        let task = Arc::new(plan.tasks.iter().find(|task| &*task.kind == kind).unwrap().clone());
        let tasks = std::slice::from_ref(&*task);
        let at = Self::at(0);
        let (rules, faults) = Rules::new(&plan.rules, &plan.objects, tasks, catalog, Vec::new(), at);
        assert_eq!(faults, Vec::<String>::new());
        Self { every: task.interval_ms / 60_000, task, rules, minute: 0, log: Vec::new() }
    }

    fn at(second: u64) -> Now {
        let since = Duration::from_secs(second);
        Now { wall: Wall::from_millis(1_790_000_000_000).plus(since), mono: Mono::from_origin(since) }
    }

    /// So many minutes, with these rows whenever it is looked at.
    fn minutes(&mut self, count: u64, rows: impl Fn(u64) -> Vec<Row>) {
        let kind = probe::kind(&self.task.kind).unwrap().spec;
        for _ in 0..count {
            let now = Self::at(self.minute * 60);
            let seen = Observation {
                schema: Arc::new(kind.schema.clone()),
                agent: AgentId::new("tower").unwrap(),
                probe: self.task.probe.clone(),
                object: self.task.object.clone(),
                instance: self.task.instance.clone(),
                purpose: Purpose::Measure,
                at: now.wall,
                took: Duration::from_millis(8),
                outcome: Outcome::Ok,
                cause: None,
                detail: None,
                tally: Tally { sent: 1, ..Tally::default() },
                rows: rows(self.minute),
            };
            let turn = self.minute.is_multiple_of(self.every);
            let mut effects = if turn { self.rules.observe(&seen, now) } else { Vec::new() };
            for second in (1..60).step_by(5) {
                effects.extend(self.rules.tick(Self::at(self.minute * 60 + second)));
            }
            effects.into_iter().for_each(|effect| self.take(effect));
            self.minute += 1;
        }
    }

    fn take(&mut self, effect: Effect) {
        let Effect::Alert { alert, .. } = effect else { return };
        let key = format!("{} {}", alert.key.problem, alert.key.instance);
        let key = key.trim_end();
        self.log.push(match alert.state {
            AlertState::Cleared => format!("{} - {key}", self.minute),
            _ => format!("{} + {key} {}", self.minute, alert.severity.as_str()),
        });
    }
}

/// A row of the table of a kind that has these fields.
fn row_of(kind: &str, object: &str, instance: &str, fields: &[(&str, Value)]) -> Row {
    let schema = &probe::kind(kind).unwrap().spec.schema;
    let (table, ..) = schema.find(fields[0].0).unwrap();
    let mut values = vec![Value::Null; schema.tables[table].fields.len()];
    for (name, value) in fields {
        let (of, slot, _) = schema.find(name).unwrap();
        assert_eq!(of, table, "{name}");
        values[slot] = value.clone();
    }
    Row { table, object: object.parse::<Object>().unwrap(), instance: instance.into(), values }
}

fn row(object: &str, instance: &str, fields: &[(&str, Value)]) -> Row {
    row_of("snmp", object, instance, fields)
}

fn part(instance: &str, fields: &[(&str, Value)]) -> Row {
    row("asset:core", instance, fields)
}

/// A sensor of a kind, with a state and a value.
fn sensor(kind: &str, status: &str, value: Option<(&str, f64)>) -> Vec<Row> {
    sensor_by("snmp", kind, status, value)
}

/// The same by another kind of probe.
fn sensor_by(probe: &str, kind: &str, status: &str, value: Option<(&str, f64)>) -> Vec<Row> {
    let at = |words: &[&str], word: &str| Value::State(words.iter().position(|w| *w == word).unwrap() as u8);
    let mut fields = vec![
        ("sensor", at(&fengsui::model::device::SENSOR_KINDS, kind)),
        ("sensor_status", at(fengsui::model::device::STATUS, status)),
    ];
    fields.extend(value.map(|(name, value)| (name, Value::F64(value))));
    vec![row_of(probe, "asset:core", "a/b", &fields)]
}

/// What comes of so many minutes of one, then of the other.
fn told(bad: u64, worse: impl Fn(u64) -> Vec<Row>, good: u64, better: impl Fn(u64) -> Vec<Row>) -> Vec<String> {
    let mut play = Play::of("snmp");
    play.minutes(bad, worse);
    play.minutes(good, better);
    play.log
}

#[test]
fn load_and_memory_are_judged_over_ten_minutes() {
    let cpu = |ratio: f64| move |_| vec![part("MPU", &[("cpu_ratio", Value::F64(ratio))])];
    assert_eq!(told(20, cpu(0.95), 20, cpu(0.3)), ["5 + device-cpu MPU minor", "24 - device-cpu MPU"]);
    assert_eq!(told(60, cpu(0.89), 1, cpu(0.1)), Vec::<String>::new());
    // Six busy minutes of twenty are a busy hour, not a fault.
    let burst = |minute: u64| cpu(if minute % 20 < 6 { 1.0 } else { 0.2 })(minute);
    assert_eq!(told(5, cpu(0.2), 120, burst), Vec::<String>::new());
    let memory = |ratio: f64| {
        move |_| {
            vec![part("MPU", &[("memory_used_ratio", Value::F64(ratio)), ("memory_size_bytes", Value::F64(1e9))])]
        }
    };
    assert_eq!(told(20, memory(0.93), 20, memory(0.5)), ["5 + device-memory MPU minor", "23 - device-memory MPU"]);
}

#[test]
fn a_sensor_that_judges_itself_is_believed_and_one_that_does_not_is_judged_by_degrees() {
    let degrees = |status: &'static str, degrees: f64| {
        move |_| sensor("temperature", status, Some(("temperature_celsius", degrees)))
    };
    assert_eq!(told(60, degrees("ok", 88.0), 1, degrees("ok", 88.0)), Vec::<String>::new());
    assert_eq!(
        told(10, degrees("unknown", 70.0), 10, degrees("unknown", 50.0)),
        ["2 + device-temperature a/b minor", "12 - device-temperature a/b"]
    );
    let hot = told(10, degrees("unknown", 80.0), 10, degrees("unknown", 50.0));
    assert!(hot.contains(&"2 + device-temperature a/b major".to_owned()), "{hot:?}");
    assert_eq!(hot.iter().filter(|line| line.contains(" - ")).count(), 2, "{hot:?}");
    let critical = told(10, degrees("critical", 40.0), 10, degrees("ok", 40.0));
    assert!(critical.contains(&"2 + device-temperature a/b major".to_owned()), "{critical:?}");
}

#[test]
fn fans_supplies_boards_and_batteries_are_as_the_device_says() {
    for (kind, problem) in [
        ("fan", "device-fan"),
        ("fan_ratio", "device-fan"),
        ("power_supply", "device-power"),
        ("board", "device-board"),
        ("battery", "ups-battery"),
    ] {
        let is = |status: &'static str| move |_| sensor(kind, status, None);
        let want = [format!("1 + {problem} a/b major"), format!("7 - {problem} a/b")];
        assert_eq!(told(5, is("critical"), 5, is("ok")), want, "{kind}");
        assert_eq!(told(5, is("critical"), 5, is("absent")), want, "{kind}: it was taken out");
        if kind != "battery" {
            assert_eq!(told(5, is("removed"), 5, is("ok")), want, "{kind}: pulled out, and back");
        }
        for fine in ["ok", "absent", "unknown"] {
            assert_eq!(told(60, is(fine), 1, is(fine)), Vec::<String>::new(), "{kind} {fine}");
        }
    }
}

#[test]
fn less_light_than_the_day_before_is_told_whatever_the_module() {
    let light = |dbm: f64| move |_| sensor_by("device", "optical_rx", "unknown", Some(("optical_dbm", dbm)));
    let mut play = Play::of("device");
    play.minutes(30, light(-8.0));
    play.minutes(20, light(-10.0));
    assert_eq!(play.log, Vec::<String>::new(), "2 dB are weather");
    play.minutes(10, light(-12.0));
    play.minutes(10, light(-8.0));
    assert_eq!(play.log, Vec::<String>::new(), "one reading is none");
    play.minutes(30, light(-12.0));
    play.minutes(30, light(-8.5));
    assert_eq!(play.log, ["85 + optics-low a/b minor", "115 - optics-low a/b"]);
}

#[test]
fn a_module_that_says_it_is_dark_is_told_of_from_the_beginning() {
    let light = |status: &'static str, dbm: f64| {
        move |_| sensor_by("device", "optical_rx", status, Some(("optical_dbm", dbm)))
    };
    let mut play = Play::of("device");
    play.minutes(40, light("critical", -40.0));
    play.minutes(40, light("warning", -25.5));
    play.minutes(40, light("ok", -24.5));
    assert_eq!(play.log, ["15 + optics-low a/b minor", "95 - optics-low a/b"]);
}

#[test]
fn a_configuration_that_changed_is_told_for_half_an_hour() {
    let age = |minute: u64| {
        let seconds = if minute < 30 { 90_000 + minute * 60 } else { (minute - 25) * 60 };
        vec![row_of("device", "asset:core", "", &[("config_age_seconds", Value::F64(seconds as f64))])]
    };
    let mut play = Play::of("device");
    play.minutes(120, age);
    assert_eq!(play.log, ["30 + config-changed warning", "60 - config-changed"]);
}

#[test]
fn tables_that_stay_cut_are_told() {
    let cut = |kind: &'static str, tables: f64| {
        move |_| vec![row_of(kind, "asset:core", "", &[("incomplete_count", Value::F64(tables))])]
    };
    let mut play = Play::of("snmp");
    play.minutes(20, cut("snmp", 2.0));
    play.minutes(10, cut("snmp", 0.0));
    assert_eq!(play.log, Vec::<String>::new(), "twenty minutes are a busy device");
    play.minutes(40, cut("snmp", 1.0));
    play.minutes(10, cut("snmp", 0.0));
    assert_eq!(play.log, ["60 + snmp-incomplete minor", "75 - snmp-incomplete"]);
    let mut play = Play::of("device");
    play.minutes(150, cut("device", 1.0));
    assert_eq!(play.log, ["120 + snmp-incomplete minor"]);
}

#[test]
fn a_sensor_that_is_read_now_and_then_is_hot_where_no_device_is_meant_to_be() {
    let degrees =
        |celsius: f64| move |_| sensor_by("device", "temperature", "unknown", Some(("temperature_celsius", celsius)));
    let mut play = Play::of("device");
    play.minutes(30, degrees(68.0));
    assert_eq!(play.log, Vec::<String>::new(), "modules are warm");
    play.minutes(30, degrees(80.0));
    play.minutes(30, degrees(60.0));
    assert_eq!(play.log, ["45 + device-temperature a/b major", "75 - device-temperature a/b"]);
}

#[test]
fn a_configuration_that_is_not_saved_is_told_after_two_hours() {
    let config = |state: u8| move |_| vec![row_of("device", "asset:core", "", &[("config", Value::State(state))])];
    let mut play = Play::of("device");
    play.minutes(110, config(1));
    play.minutes(20, config(0));
    assert_eq!(play.log, Vec::<String>::new(), "somebody was at work");
    play.minutes(130, config(1));
    play.minutes(20, config(0));
    assert_eq!(play.log, ["250 + config-unsaved warning", "260 - config-unsaved"]);
}

#[test]
fn ports_that_discard_and_neighbours_that_leave_are_told() {
    let port = |discards: u64| {
        let fields = [
            ("in_discards", Value::U64(0)),
            ("out_discards", Value::U64(discards)),
            ("admin", Value::State(0)),
            ("oper", Value::State(0)),
        ];
        vec![row("interface:core/GE0/0/1", "", &fields)]
    };
    let mut play = Play::of("snmp");
    play.minutes(30, |minute| port(minute * 100));
    assert_eq!(play.log, Vec::<String>::new(), "a hundred a minute is less than two a second");
    play.minutes(20, |minute| port(3_000 + (minute - 30) * 300));
    play.minutes(30, |_| port(9_000));
    let kinds: Vec<&str> = play.log.iter().filter_map(|line| line.split_once(' ').map(|(_, rest)| rest)).collect();
    assert_eq!(kinds, ["+ port-discards warning", "- port-discards"], "{:?}", play.log);

    let peer = |adjacency: u8, was_up: u8| {
        move |_| {
            vec![part(
                "bgp/10.1.0.2",
                &[
                    ("adjacency", Value::State(adjacency)),
                    ("adjacency_state", Value::State(8)),
                    ("adjacency_was_up", Value::State(was_up)),
                ],
            )]
        }
    };
    let want = ["1 + neighbour-lost bgp/10.1.0.2 major", "6 - neighbour-lost bgp/10.1.0.2"];
    assert_eq!(told(5, peer(1, 1), 5, peer(0, 1)), want);
    assert_eq!(told(5, peer(1, 1), 5, peer(3, 1)), want, "shut by a person");
    assert_eq!(told(5, peer(1, 0), 5, peer(0, 1)), want, "never there, of an asset with the tag");
}

#[test]
fn a_device_that_must_be_asked_with_v3_is_told_of_when_it_is_not() {
    let itself = |security: u8| {
        move |_| vec![part("", &[("uptime_seconds", Value::F64(1e6)), ("security", Value::State(security))])]
    };
    for open in [0, 1, 2] {
        let told = told(2, itself(open), 2, itself(4));
        assert_eq!(told, ["0 + snmp-unprotected warning", "2 - snmp-unprotected"], "{open}");
    }
    assert_eq!(told(5, itself(3), 5, itself(4)), Vec::<String>::new());
}

#[test]
fn two_assets_of_one_engine_id_are_told_of_both_by_the_other_until_they_differ() {
    let asset = |id: &str, at: u8, tags: &str| {
        format!(
            "[[asset]]\nid = \"{id}\"\nkind = \"firewall\"\nzone = \"extranet\"\naddress = \"10.65.0.{at}\"\n\
             snmp = {{ secret = \"core\" }}\ntags = [{tags}]\n"
        )
    };
    let shared = "\"shared-engine\"";
    let text =
        [asset("core", 1, ""), asset("twin", 2, ""), asset("fw-a", 3, shared), asset("fw-b", 4, shared)].concat();
    let inventory = inventory::parse(&[("core.toml".to_owned(), text)]).unwrap();
    let loaded = defs::load(&[], probe::catalog());
    let (rules, objects, _) = plan::console_rules(&inventory, &loaded.definitions, probe::catalog());
    let (mut rules, faults) = Rules::new(&rules, &objects, &[], probe::catalog(), Vec::new(), Play::at(0));
    assert_eq!(faults, Vec::<String>::new());
    let mut twins = Twins::default();
    let console = AgentId::new("console").unwrap();
    let (one, other) = ("800007db03112233445566", "800063a280aabbccddee00");
    let mut compare = |second: u64, engines: &[(&str, &str)]| {
        let now = Play::at(second);
        let engines = engines.iter().map(|(id, engine)| (id.parse().unwrap(), (*engine).to_owned())).collect();
        let Some(found) = twins.take(&engines, now.wall.minus(Duration::from_secs(300)), now.wall) else {
            return Vec::new();
        };
        let effects = rules.observe_samples(&console, &found, now);
        let alert = |effect: Effect| match effect {
            Effect::Alert { alert, .. } => Some(alert),
            _ => None,
        };
        let line = |a: fengsui::model::Alert| {
            let sign = if a.state == AlertState::Cleared { '-' } else { '+' };
            format!("{sign} {} {} {} {:?}", a.key.problem, a.key.object, a.key.instance, a.evidence)
        };
        effects.into_iter().filter_map(alert).map(line).collect()
    };
    assert!(compare(0, &[("core", one), ("twin", other), ("fw-a", other)]).len() == 1, "of fw-a it is meant so");
    let told = compare(300, &[("core", one), ("twin", one), ("fw-a", other), ("fw-b", other)]);
    assert_eq!(told.iter().filter(|line| line.starts_with('+')).count(), 2, "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("+ snmp-engine-shared asset:core twin")), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("+ snmp-engine-shared asset:twin core")), "{told:?}");
    assert!(told.iter().all(|line| line.starts_with('-') || line.contains("(\"engine_count\", \"2\")")), "{told:?}");
    let over = compare(600, &[("core", one), ("twin", "80000009aabbcc")]);
    assert_eq!(over.iter().filter(|line| line.starts_with("- snmp-engine-shared")).count(), 2, "{over:?}");
}
