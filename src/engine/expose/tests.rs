//! The exact text, what goes stale, what is dropped.

use super::*;
use crate::config::testing::PINGS;
use crate::model::wire::SummaryBody;
use crate::model::{Summary, Wall};

fn now(seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now { wall: Wall::from_millis(1_700_000_000_000).plus(since), mono: Mono::from_origin(since) }
}

fn samples(object: &str, instance: &str, at: u64) -> Samples {
    let field = |name: &str, values: &[f64]| (name.to_owned(), SummaryBody(Summary::many(values).unwrap()));
    let to = now(at).wall;
    Samples {
        probe: "p1".parse().unwrap(),
        kind: "ping".into(),
        from: to.minus(Duration::from_secs(10)),
        to,
        rows: vec![SampleRow {
            object: object.parse().unwrap(),
            instance: instance.into(),
            runs: [9, 0, 1, 0],
            packets: [10, 1, 0, 0, 0],
            causes: BTreeMap::new(),
            fields: [
                field("up", &[1.0]),
                field("rtt_seconds", &[0.001, 0.003]),
                field("in_octets", &[1.0, 5e9]),
                field("oper", &[1.0]),
                field("novel_ratio", &[0.5]),
                field("Bad name", &[0.5]),
            ]
            .into(),
        }],
    }
}

fn exposition() -> Exposition {
    let mut all = Exposition::new(PINGS);
    let region = Some("652900".parse().unwrap());
    let place = |info: &[(&'static str, &str)]| Place {
        region: region.clone(),
        info: info.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
    };
    all.set_places(BTreeMap::from([
        ("asset:core-1".parse().unwrap(), place(&[("name", "核心\"交换机\""), ("kind", "switch")])),
        ("agent:tower".parse().unwrap(), place(&[])),
    ]));
    all
}

#[test]
fn the_text_is_exactly_this() {
    let mut all = exposition();
    let tower = "tower".parse().unwrap();
    all.take(&tower, &samples("interface:core-1/GE0/0/1", "", 100), 0, now(101));
    assert_eq!(
        all.write(Dialect::Plain, None, now(101).mono),
        r#"# HELP fengsui_asset_info What the inventory says of each asset; always 1.
# TYPE fengsui_asset_info gauge
fengsui_asset_info{region="652900",asset="core-1",name="核心\"交换机\"",kind="switch"} 1
# HELP fengsui_interface_info What a port is called, its type, index and speed in bit/s; always 1.
# TYPE fengsui_interface_info gauge
fengsui_interface_info{region="652900",asset="core-1",interface="GE0/0/1"} 1
# HELP fengsui_probe_runs_total Runs of a probe by outcome; invalid means our own fault.
# TYPE fengsui_probe_runs_total counter
fengsui_probe_runs_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",outcome="ok"} 9
fengsui_probe_runs_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",outcome="degraded"} 0
fengsui_probe_runs_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",outcome="failed"} 1
fengsui_probe_runs_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",outcome="invalid"} 0
# HELP fengsui_probe_packets_total Requests of a probe by fate; sent does not count invalid ones.
# TYPE fengsui_probe_packets_total counter
fengsui_probe_packets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",fate="sent"} 10
fengsui_probe_packets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",fate="lost"} 1
fengsui_probe_packets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",fate="late"} 0
fengsui_probe_packets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",fate="duplicate"} 0
fengsui_probe_packets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1",fate="invalid"} 0
# HELP fengsui_ping_up 1 when the run answered (ok or degraded), 0 when it failed (是否可达（1 是，0 否）)
# TYPE fengsui_ping_up gauge
fengsui_ping_up{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1"} 1
# HELP fengsui_ping_rtt_seconds round-trip time (往返时延); the mean of the newest window
# TYPE fengsui_ping_rtt_seconds gauge
fengsui_ping_rtt_seconds{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1"} 0.002
# HELP fengsui_ping_in_octets_total octets in (入字节)
# TYPE fengsui_ping_in_octets_total counter
fengsui_ping_in_octets_total{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1"} 5000000000
# HELP fengsui_ping_oper state (状态); 0 up, 1 down
# TYPE fengsui_ping_oper gauge
fengsui_ping_oper{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1"} 1
# HELP fengsui_ping_novel_ratio a field that this version does not know
# TYPE fengsui_ping_novel_ratio gauge
fengsui_ping_novel_ratio{region="652900",asset="core-1",interface="GE0/0/1",agent="tower",probe="p1"} 0.5
"#
    );
}

#[test]
fn causes_that_this_version_knows_are_counted_by_object_and_probe() {
    let mut all = exposition();
    let mut window = samples("asset:core-1", "", 100);
    window.rows[0].causes = BTreeMap::from([("partial".to_owned(), 2), ("made up".to_owned(), 9)]);
    all.take(&"tower".parse().unwrap(), &window, 0, now(101));
    all.take(&"tower".parse().unwrap(), &window, 0, now(101));
    let text = all.write(Dialect::Plain, None, now(101).mono);
    let want = "fengsui_probe_causes_total{region=\"652900\",asset=\"core-1\",agent=\"tower\",probe=\"p1\",cause=\"partial\"} 4\n";
    assert!(text.contains(want) && !text.contains("made up"), "{text}");
}

#[test]
fn a_series_disappears_three_windows_after_its_last_value() {
    let mut all = exposition();
    let tower = "tower".parse().unwrap();
    all.take(&tower, &samples("agent:tower", "", 100), 0, now(100));
    assert!(
        all.write(Dialect::Plain, None, now(129).mono).contains("fengsui_ping_up{region=\"652900\",agent=\"tower\"")
    );
    assert!(!all.write(Dialect::Plain, None, now(130).mono).contains("fengsui_ping_up{"));
    all.expire(now(130).mono);
    assert_eq!(all.counts(), (0, 0));
}

#[test]
fn history_is_not_the_newest_value_but_a_fast_clock_is_forgiven() {
    let mut all = exposition();
    let tower = "tower".parse().unwrap();
    all.take(&tower, &samples("agent:tower", "", 100), 0, now(1000));
    assert_eq!(all.counts().0, 0);
    all.take(&tower, &samples("agent:tower", "", 100), 900_000, now(1000));
    assert_eq!(all.counts().0, 5);
}

#[test]
fn an_object_that_leaves_the_inventory_takes_its_series_along() {
    let mut all = exposition();
    let tower = "tower".parse().unwrap();
    all.take(&tower, &samples("asset:core-1", "", 100), 0, now(100));
    all.take(&tower, &samples("asset:unknown", "", 100), 0, now(100));
    assert_eq!(all.counts().0, 5);
    all.set_places(BTreeMap::new());
    assert_eq!(all.counts().0, 0);
}

#[test]
fn a_scoped_reader_sees_its_regions_only() {
    let mut all = exposition();
    let tower = "tower".parse().unwrap();
    all.take(&tower, &samples("asset:core-1", "", 100), 0, now(100));
    let of = |region: &str| all.write(Dialect::OpenMetrics, Some(&[region.parse().unwrap()]), now(100).mono);
    assert!(of("652900").contains("fengsui_ping_up{"));
    assert_eq!(of("650000"), "# EOF\n");
}

#[test]
fn a_device_has_its_share_whatever_the_others_take_and_what_is_beyond_is_counted_by_device() {
    let mut all = exposition();
    let place = || Place { region: None, info: Vec::new() };
    let assets = (0..50).map(|n| (format!("asset:a{n}").parse().unwrap(), place()));
    all.set_places(assets.chain([("link:l".parse().unwrap(), place())]).collect());
    let tower = "tower".parse().unwrap();
    let mut fill = |asset: usize, series: usize, at: u64| {
        for n in 0..series / 5 {
            all.take(&tower, &samples(&format!("asset:a{asset}"), &format!("i{n}"), at), 0, now(at));
        }
        all.counts()
    };
    assert_eq!(fill(0, MAX_OF_ASSET + 10, 100), (MAX_OF_ASSET, 10), "no device has more");
    for asset in 1..MAX_SERIES / MAX_OF_ASSET {
        fill(asset, MAX_OF_ASSET, 100);
    }
    // All is taken: one that has its share gets no more, one that has nothing gets its own.
    assert_eq!(fill(0, 50, 101), (MAX_SERIES, 10), "a series that is there goes on");
    let share = MAX_SERIES / 50;
    assert_eq!(fill(49, share + 5, 101), (MAX_SERIES + share, 15));
    all.take(&tower, &samples("link:l", "", 101), 0, now(101));
    assert_eq!(all.counts(), (MAX_SERIES + share + 5, 15), "links are few");
    let text = all.write(Dialect::Plain, None, now(102).mono);
    for (asset, lost) in [("a0", 10), ("a49", 5)] {
        let line = format!("fengsui_asset_series_dropped_total{{asset=\"{asset}\"}} {lost}\n");
        assert!(text.contains(&line), "{asset}");
    }
    assert!(!text.contains("series_dropped_total{asset=\"a1\"}"));
}

#[test]
fn a_port_has_its_name_and_speed_in_a_series_of_its_own() {
    let mut all = Exposition::new(PINGS);
    all.set_places(BTreeMap::from([("asset:core-1".parse().unwrap(), Place::default())]));
    let port: Object = "interface:core-1/GE0/0/1".parse().unwrap();
    let told =
        vec![("alias", "到\"乌什\"".to_owned()), ("type", "ethernetCsmacd".to_owned()), ("index", "7".to_owned())];
    all.set_ports(BTreeMap::from([(port, told)]));
    for name in ["GE0/0/1", "GE0/0/2"] {
        all.take(&"tower".parse().unwrap(), &samples(&format!("interface:core-1/{name}"), "", 100), 0, now(100));
    }
    let text = all.write(Dialect::Plain, None, now(101).mono);
    let want = "fengsui_interface_info{asset=\"core-1\",interface=\"GE0/0/1\",alias=\"到\\\"乌什\\\"\",type=\"ethernetCsmacd\",index=\"7\"} 1\n";
    assert!(text.contains(want), "{text}");
    let bare = "fengsui_interface_info{asset=\"core-1\",interface=\"GE0/0/2\"} 1\n";
    assert!(text.contains(bare), "one of which nothing is known is not lost by who joins: {text}");
    assert_eq!(text.matches("fengsui_interface_info{").count(), 2);
}

#[test]
fn an_object_is_up_when_all_its_probes_answer() {
    let mut all = exposition();
    let tower: AgentId = "tower".parse().unwrap();
    let core: Object = "asset:core-1".parse().unwrap();
    assert_eq!(all.reach(&core, now(100).mono), Reach::Unknown);
    all.take(&tower, &samples("asset:core-1", "", 100), 0, now(100));
    assert_eq!(all.reach(&core, now(100).mono), Reach::Up);
    let mut other = samples("asset:core-1", "", 100);
    other.probe = "p2".parse().unwrap();
    other.rows[0].fields.insert("up".into(), SummaryBody(Summary::one(0.0)));
    all.take(&tower, &other, 0, now(110));
    assert_eq!(all.reach(&core, now(111).mono), Reach::Partly);
    assert_eq!(all.reach(&core, now(999).mono), Reach::Unknown);
}

#[test]
fn of_a_link_the_best_probe_says_whether_it_is_there() {
    let mut all = exposition();
    let (tower, line): (AgentId, Object) = ("tower".parse().unwrap(), "link:l".parse().unwrap());
    all.set_places(BTreeMap::from([(line.clone(), Place { region: None, info: Vec::new() })]));
    let mut say = |kind: &str, up: f64, at: u64| {
        let mut said = samples("link:l", "", at);
        (said.probe, said.kind) = (kind.parse().unwrap(), kind.into());
        said.rows[0].fields.insert("up".into(), SummaryBody(Summary::one(up)));
        all.take(&tower, &said, 0, now(at));
        all.reach(&line, now(at).mono)
    };
    assert_eq!(say("path", 1.0, 100), Reach::Unknown);
    assert_eq!(say("stamp", 0.0, 100), Reach::Down);
    assert_eq!(say("icmp", 1.0, 100), Reach::Up, "the reflector is stopped, the line is not");
    assert_eq!(say("icmp", 0.0, 110), Reach::Down);
}
