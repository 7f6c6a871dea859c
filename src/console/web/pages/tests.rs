//! The overview, the lists and pages of assets and links, over a real store in a browser without scripts: what
//! is shown of what agents send, what is old or comes from a silent agent, who may do what, and that nothing
//! from outside becomes markup or a formula.

mod device;
mod files;
mod graded;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::console::board::Board;
use crate::console::command::{Role, Scope};
use crate::console::planner;
use crate::console::web::testing::{World, firing};
use crate::model::wire::{Batch, Envelope, Facts, Record, SampleRow, Samples, Stream, SummaryBody, WIRE_VERSION};
use crate::model::{AgentId, Object, Severity, Summary};

const INVENTORY: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[region]]
id = "652928"
name = "乌什县"
tier = "county"
parent = "652900"

[[organisation]]
id = "egov"
name = "电子政务办"

[[person]]
id = "wang"
name = "王建国"
organisation = "egov"
duty = "科长"
mobile = "13900001000"

[[agent]]
id = "tower"
name = "地区探针"
zone = "extranet"
region = "652900"

[[asset]]
id = "core"
name = "地区核心交换机"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652900"
owner = "egov"
person = "wang"
location = "机房 A1"
importance = 3

[[asset]]
id = "wushi"
name = "乌什县核心路由器"
kind = "router"
address = "10.65.9.1"
zone = "extranet"
region = "652928"

[[asset]]
id = "evil"
name = "=cmd|' /C calc'!A0<script>alert(1)</script>"
kind = "host"
address = "10.65.9.9"
zone = "extranet"
region = "652928"
location = "\"><img src=x onerror=alert(2)>"

[[asset]]
id = "spare"
name = "备用交换机"
kind = "switch"
status = "spare"
zone = "extranet"
region = "652900"

[[link]]
id = "aks-wushi"
name = "地区-乌什县骨干链路"
a = { asset = "core", interface = "XGE0/0/1", address = "10.65.1.1" }
b = { asset = "wushi", interface = "GE0/0/1", address = "10.65.1.2" }
watch = [{ agent = "tower", to = "b" }]
tier = "backbone"
capacity = "1Gbps"
carrier = { name = "某运营商", circuit = "0312-3", hotline = "10000" }

[[link]]
id = "up"
name = "上联链路"
a = { asset = "core", interface = "XGE0/0/24", address = "10.65.2.1" }
b = { peer = "自治区汇聚", address = "10.65.2.2" }
tier = "backbone"

[[system]]
id = "oa"
name = "公文系统"
level = 3
assets = ["core"]
owner = "egov"
"#;

/// A console that watches all this, and the sender of the agent `tower`.
struct Net {
    world: World,
    /// Records sent, by stream.
    seq: BTreeMap<&'static str, u64>,
    /// How the runs of a window ended, and why.
    ended: ([u32; 4], &'static str),
}

impl Net {
    async fn new() -> Self {
        let world = World::new().await;
        world.declare(INVENTORY).await;
        Self::of(world).await
    }

    async fn of(world: World) -> Self {
        planner::rebuild(world.service()).await.unwrap();
        let own = ["asset:core", "asset:wushi", "asset:evil", "link:aks-wushi", "link:up"];
        let own = own.iter().map(|text| text.parse().unwrap()).collect();
        world.service().store.set_assignments(&tower(), own);
        Self { world, seq: BTreeMap::new(), ended: ([1, 0, 0, 0], "") }
    }

    /// What a probe of that kind saw in a window of ten seconds that ended so long ago; another one of that kind is
    /// written `KIND-NAME`.
    async fn saw(&mut self, ago: u64, kind: &str, object: &str, fields: &[(&str, f64)]) {
        self.saw_of(ago, kind, object, "", fields).await;
    }

    async fn saw_of(&mut self, ago: u64, kind: &str, object: &str, instance: &str, fields: &[(&str, f64)]) {
        let service = self.world.service();
        let to = service.clock.wall().minus(Duration::from_secs(ago));
        let row = SampleRow {
            object: object.parse().unwrap(),
            instance: Arc::from(instance),
            runs: self.ended.0,
            packets: [0; 5],
            causes: [(self.ended.1.to_owned(), 1)].into_iter().filter(|(cause, _)| !cause.is_empty()).collect(),
            fields: fields.iter().map(|(f, v)| ((*f).to_owned(), SummaryBody(Summary::one(*v)))).collect(),
        };
        let probe = format!("test-{kind}").parse().unwrap();
        let kind = kind.split('-').next().unwrap_or_default();
        let samples =
            Samples { probe, kind: Arc::from(kind), from: to.minus(Duration::from_secs(10)), to, rows: vec![row] };
        service.exposition().take(&tower(), &samples, 0, service.clock.now());
        self.send(Stream::Sample, Record::Samples(samples)).await;
    }

    async fn send(&mut self, stream: Stream, record: Record) {
        let n = self.seq.entry(stream.as_str()).or_default();
        *n += 1;
        let n = *n;
        let service = self.world.service();
        let now = service.clock.now();
        let records = vec![Envelope { seq: n, at: now.wall, kind: record.kind().to_owned(), body: record.body() }];
        let epoch = Arc::from("test");
        let batch = Batch { v: WIRE_VERSION, stream, epoch, first_seq: n, last_seq: n, sent_at: now.wall, records };
        service.store.ingest(&tower(), batch, now).await.unwrap();
    }

    async fn raise(&self, object: &str, problem: &str, severity: Severity) {
        let alert = firing(self.world.service().clock.wall(), object, problem, severity);
        self.world.service().store.judge(vec![alert], Vec::new()).await.unwrap();
    }
}

fn tower() -> AgentId {
    "tower".parse().unwrap()
}

/// Ids of the rows of a list, in order.
fn ids(page: &str) -> Vec<&str> {
    page.split("<tr id=\"r-").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

#[tokio::test]
async fn an_empty_console_says_what_to_do_first() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    admin.get("/").await.shows(&["Nothing is watched yet", "href=\"/setup\"", "href=\"/import\"", "Links down"]);
    admin.get("/wall").await.shows(&["Nothing is watched yet"]).lacks(&["<nav"]);
    admin.get("/assets").await.shows(&["Nothing is watched yet"]);
    admin.get("/links").await.shows(&["No links yet"]);
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/").await.shows(&["Once an administrator"]).lacks(&["href=\"/setup\"", "href=\"/import\""]);
    let mut stranger = world.stranger();
    for path in ["/", "/wall", "/assets", "/links", "/assets/core", "/links/up"] {
        assert_eq!(stranger.get(path).await.status, 303, "{path}");
    }
}

#[tokio::test]
async fn the_overview_tells_what_is_broken_and_where() {
    let mut net = Net::new().await;
    net.saw(1, "icmp", "asset:core", &[("up", 1.0), ("rtt_seconds", 0.002)]).await;
    net.saw(1, "icmp", "asset:wushi", &[("up", 0.0), ("loss_ratio", 1.0)]).await;
    net.saw(1, "icmp", "link:aks-wushi", &[("up", 0.0), ("loss_ratio", 1.0)]).await;
    net.raise("link:aks-wushi", "link-down", Severity::Critical).await;
    let mut admin = net.world.admin().await;
    let page = admin.get("/").await;
    page.shows(&[
        "1 critical incident that nobody has acknowledged",
        "href=\"/links?state=down\"",
        "<b>1<small> / 2</small></b>",
        "href=\"/assets?region=652928\"",
        "1 of 1 links down",
        "地区-乌什县骨干链路",
        "100 %",
    ]);
    page.lacks(&["<script>alert", "style=\"", "onclick"]);
    let wall = admin.get("/?wall=1").await;
    wall.shows(&["class=\"wall\"", "1 open, 1 not acknowledged", "hx-get=\"/?wall=1\""]).lacks(&["<nav", "/signout"]);
    let mut county = net.world.signed_in(Role::Viewer, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    county.get("/").await.shows(&["乌什县", "地区-乌什县骨干链路"]).lacks(&["阿克苏地区", "上联链路"]);
}

#[tokio::test]
async fn what_is_old_or_comes_from_a_silent_agent_is_not_how_things_are() {
    let mut net = Net::new().await;
    net.saw(40, "icmp", "asset:core", &[("up", 1.0), ("rtt_seconds", 0.0123)]).await;
    let mut admin = net.world.admin().await;
    // Three windows are over: unknown, and the value is shown as old only among the raw ones.
    let page = admin.get("/assets/core").await;
    page.shows(&["Unknown", "The data is old", "class=\"old\"", "12.3 ms"]);
    assert_eq!(ids(&admin.get("/assets?state=unknown").await.body).len(), 3);
    admin.get("/assets?q=core").await.shows(&["40 seconds ago"]).lacks(&["12.3 ms"]);
    // An agent that is not heard of says nothing, however fresh it is.
    let service = net.world.service();
    let now = service.clock.now();
    let row = |object: &str| SampleRow {
        object: object.parse().unwrap(),
        instance: Arc::from(""),
        runs: [1, 0, 0, 0],
        packets: [0; 5],
        causes: BTreeMap::new(),
        fields: [("up".to_owned(), SummaryBody(Summary::one(1.0)))].into(),
    };
    let samples = Samples {
        probe: "ping".parse().unwrap(),
        kind: Arc::from("icmp"),
        from: now.wall.minus(Duration::from_secs(10)),
        to: now.wall,
        rows: vec![row("asset:wushi")],
    };
    service.exposition().take(&"mute".parse().unwrap(), &samples, 0, now);
    assert!(ids(&admin.get("/assets?state=up").await.body).is_empty());
    service.exposition().take(&tower(), &samples, 0, now);
    assert_eq!(ids(&admin.get("/assets?state=up").await.body), ["wushi"]);
}

#[tokio::test]
async fn assets_are_filtered_ordered_and_leave_as_files_without_formulas() {
    let mut net = Net::new().await;
    net.saw(1, "icmp", "asset:core", &[("up", 1.0), ("rtt_seconds", 0.002)]).await;
    net.saw(1, "icmp", "asset:wushi", &[("up", 0.0), ("loss_ratio", 1.0)]).await;
    net.raise("interface:core/XGE0/0/1", "port-down", Severity::Minor).await;
    let mut admin = net.world.admin().await;
    for (query, expected) in [
        ("", vec!["wushi", "core", "evil", "spare"]),
        ("sort=name", vec!["evil", "wushi", "core", "spare"]),
        ("sort=-rtt&kind=switch", vec!["core", "spare"]),
        ("state=down", vec!["wushi"]),
        ("state=unwatched", vec!["spare"]),
        ("status=spare", vec!["spare"]),
        ("region=652928", vec!["wushi", "evil"]),
        ("region=652900&importance=3", vec!["core"]),
        ("unit=egov", vec!["core"]),
        ("zone=extranet&q=%E6%9C%BA%E6%88%BF", vec!["core"]),
        ("q=10.65.9", vec!["wushi", "evil"]),
        ("q=nothing-like-that", vec![]),
        ("kind=nonsense&state=x&region=%00&importance=z&sort=nonsense", vec!["wushi", "core", "evil", "spare"]),
    ] {
        let seen = admin.get(&format!("/assets?{query}")).await;
        assert_eq!(seen.status, 200, "{query}");
        assert_eq!(ids(&seen.body), expected, "{query}");
        seen.lacks(&["<script>alert", "<img src=x"]);
    }
    admin.get("/assets?q=nothing-like-that").await.shows(&["No asset fits", "href=\"/assets\""]);
    let csv = admin.get("/assets?format=csv").await;
    csv.shows(&["Round trip (ms)", "'=cmd|", "地区核心交换机", "王建国", ",2,"]);
    csv.lacks(&["\n=cmd", ",=cmd", ",\"=cmd"]);
    let xlsx = admin.get("/assets?format=xlsx").await;
    assert!(xlsx.bytes.starts_with(b"PK"), "{}", xlsx.body);
    let links = admin.get("/links?format=csv").await;
    links.shows(&["0312-3", "1000000000", "地区核心交换机 XGE0/0/1"]);
}

#[tokio::test]
async fn a_view_is_kept_shown_and_forgotten() {
    let net = Net::new().await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/assets?kind=switch&sort=name").await.shows(&["value=\"kind=switch&amp;sort=name\""]);
    let fields = [("do", "save"), ("name", "<b>交换机</b>"), ("query", "kind=switch&sort=name")];
    let seen = viewer.submit("/assets/views", &fields).await;
    seen.shows(&["The view is kept", "&lt;b&gt;交换机&lt;/b&gt;", "href=\"/assets?kind=switch&amp;sort=name\""]);
    assert_eq!(ids(&seen.body), ["core", "spare"]);
    let wrong = viewer.post("/assets/views", &[("do", "save"), ("name", &"长".repeat(61)), ("query", "q=x")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["has 1 to 60 characters", "value=\"q=x\"", &"长".repeat(61)]);
    viewer
        .submit("/assets/views", &[("do", "remove"), ("name", "<b>交换机</b>")])
        .await
        .shows(&["The view is removed"]);
    viewer.get("/assets").await.lacks(&["交换机&lt;/b&gt;"]);
    let seen = viewer.submit("/links/views", &[("do", "save"), ("name", "骨干"), ("query", "tier=backbone")]).await;
    seen.shows(&["href=\"/links?tier=backbone\""]);
}

#[tokio::test]
async fn an_asset_shows_state_ports_and_facts_apart() {
    let mut net = Net::new().await;
    let port = |octets: f64| {
        [
            ("admin", 0.0),
            ("oper", 0.0),
            ("in_octets", octets),
            ("out_octets", octets / 2.0),
            ("in_bps", 8e6),
            ("out_bps", 4e6),
            ("in_ratio", 0.08),
            ("speed_bps", 1e8),
            ("in_errors", 7.0),
        ]
    };
    for (ago, octets) in [(130, 0.0), (70, 6e7), (10, 1.2e8)] {
        net.saw(ago, "snmp", "interface:core/XGE0/0/1", &port(octets)).await;
    }
    net.saw(1, "snmp", "interface:core/XGE0/0/10", &[("admin", 1.0), ("oper", 1.0)]).await;
    net.saw(1, "snmp", "asset:core", &[("up", 1.0), ("uptime_seconds", 86_400.0), ("duration_seconds", 0.012)]).await;
    let facts = |object: &str, field: &str, value: &str| Facts {
        object: object.parse().unwrap(),
        instance: Arc::from(""),
        probe: "test-snmp".parse().unwrap(),
        values: [(field.to_owned(), value.to_owned())].into(),
    };
    let described = facts("asset:core", "description", "<script>alert(3)</script> V200R019");
    let named = facts("interface:core/XGE0/0/1", "alias", "至乌什\"><svg onload=alert(4)>");
    net.send(Stream::Event, Record::Facts(described)).await;
    net.send(Stream::Event, Record::Facts(named)).await;
    net.raise("interface:core/XGE0/0/1", "port-errors", Severity::Minor).await;

    let mut operator = net.world.signed_in(Role::Operator, Scope::All).await;
    let page = operator.get("/assets/core").await;
    page.shows(&["12 ms", "V200R019", "王建国", "tel:13900001000", "公文系统", "Level 3", "Probe now"]);
    page.shows(&[
        "XGE0/0/1",
        "8 Mbit/s",
        "peak 8 Mbit/s",
        "<polyline",
        "地区-乌什县骨干链路",
        "Disabled",
        "port-errors",
    ]);
    page.lacks(&["<script>alert", "<svg onload", "/assets/core/edit"]);
    let chosen = operator.get("/assets/core?port=XGE0%2F0%2F1&span=24").await;
    chosen.shows(&["class=\"here\"", "id=\"chart-port\"", "data-hours=\"24\""]);
    operator.get("/assets/core?format=csv").await.shows(&["In (bit/s)", "8000000", "至乌什"]);

    let refused = operator.post("/assets/spare/probe", &[]).await;
    assert!(refused.status.is_client_error(), "nobody watches it: {}", refused.status);
    refused.shows(&["备用交换机"]);
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    viewer.get("/assets/wushi").await.shows(&["Nothing has been measured yet"]).lacks(&["Probe now"]);
    assert_eq!(viewer.post("/assets/wushi/probe", &[]).await.status, 403);
    for path in ["/assets/core", "/assets/nothing", "/assets/%22%3E", "/links/nothing"] {
        assert_eq!(viewer.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_link_shows_both_ends_and_whom_to_call() {
    let mut net = Net::new().await;
    net.saw(1, "icmp", "link:aks-wushi", &[("up", 1.0), ("rtt_seconds", 0.0042), ("loss_ratio", 0.25)]).await;
    net.saw(
        1,
        "snmp",
        "interface:core/XGE0/0/1",
        &[("admin", 0.0), ("oper", 0.0), ("in_bps", 5e8), ("out_bps", 1e8)],
    )
    .await;
    net.saw(1, "snmp", "interface:wushi/GE0/0/1", &[("admin", 0.0), ("oper", 1.0)]).await;
    let mut admin = net.world.admin().await;
    let page = admin.get("/links/aks-wushi").await;
    page.shows(&["0312-3", "tel:10000", "500 Mbit/s", "50 %", "4.2 ms", "25 %", "10.65.1.2", "地区探针"]);
    page.shows(&["Partly up", "yet the line still answers", "id=\"chart-a\"", "id=\"chart-b\"", "id=\"chart-loss\""]);
    admin.get("/links/up").await.shows(&["自治区汇聚", "10.65.2.2", "judged from the other end"]);
    for (query, expected) in [
        ("sort=-loss", vec!["aks-wushi", "up"]),
        ("region=652928", vec!["aks-wushi"]),
        ("carrier=%E6%9F%90%E8%BF%90%E8%90%A5%E5%95%86", vec!["aks-wushi"]),
        ("state=partly&tier=backbone", vec!["aks-wushi"]),
        ("q=0312", vec!["aks-wushi"]),
        ("tier=metro", vec![]),
    ] {
        assert_eq!(ids(&admin.get(&format!("/links?{query}")).await.body), expected, "{query}");
    }
    // In Chinese it says the same.
    let mut chinese = net.world.admin().await.chinese();
    chinese.get("/links/aks-wushi").await.shows(&["部分正常", "某运营商", "报障电话", "往返时延"]);
    let object: Object = "link:aks-wushi".parse().unwrap();
    assert!(net.world.service().store.latest(&Scope::All, &object).iter().any(|v| &*v.field == "rtt_seconds"));
}

#[tokio::test]
async fn of_two_probes_the_better_kind_speaks_for_a_link_and_the_worse_of_two_of_one_kind_is_shown() {
    let mut net = Net::new().await;
    let (line, core) = ("link:aks-wushi", "asset:core");
    let vitals = async |net: &Net, object: &str| {
        let board = Board::of(net.world.service(), &Scope::All).await.unwrap();
        let found = match object.parse().unwrap() {
            Object::Asset(asset) => board.vitals_of(&asset),
            _ => board.links().find(|(link, _)| object == format!("link:{}", link.id)).unwrap().1.vitals,
        };
        (found.rtt_seconds, found.loss_ratio)
    };
    net.saw(1, "stamp", line, &[("up", 1.0), ("rtt_seconds", 0.9), ("loss_ratio", 0.5)]).await;
    assert_eq!(vitals(&net, line).await, (Some(0.9), Some(0.5)), "nobody else has looked");
    net.saw(1, "icmp", line, &[("up", 1.0), ("rtt_seconds", 0.004), ("loss_ratio", 0.0)]).await;
    assert_eq!(vitals(&net, line).await, (Some(0.004), Some(0.0)));
    net.saw(1, "icmp-gold", line, &[("up", 1.0), ("rtt_seconds", 0.007), ("loss_ratio", 0.25)]).await;
    assert_eq!(vitals(&net, line).await, (Some(0.007), Some(0.25)), "whichever said so last");
    net.saw(0, "icmp", line, &[("up", 1.0), ("rtt_seconds", 0.004), ("loss_ratio", 0.0)]).await;
    assert_eq!(vitals(&net, line).await, (Some(0.007), Some(0.25)));
    // What is old says nothing, be it of a better kind.
    net.saw(40, "icmp", "link:up", &[("up", 1.0), ("rtt_seconds", 0.001), ("loss_ratio", 1.0)]).await;
    net.saw(1, "stamp", "link:up", &[("up", 1.0), ("rtt_seconds", 0.02), ("loss_ratio", 0.0)]).await;
    assert_eq!(vitals(&net, "link:up").await, (Some(0.02), Some(0.0)));
    // Of an asset all are heard: an echo says more of the round trip than a connection, and the worst loss counts.
    net.saw(1, "tcp", core, &[("up", 1.0), ("connect_seconds", 0.3)]).await;
    assert_eq!(vitals(&net, core).await, (Some(0.3), None));
    net.saw(1, "icmp", core, &[("up", 1.0), ("rtt_seconds", 0.005), ("loss_ratio", 0.1)]).await;
    net.saw(1, "echo", core, &[("up", 1.0), ("rtt_seconds", 0.006), ("loss_ratio", 0.0)]).await;
    assert_eq!(vitals(&net, core).await, (Some(0.006), Some(0.1)));
}

#[tokio::test]
async fn a_link_says_which_hours_its_sla_counts() {
    let text = INVENTORY.replace("name = \"电子政务办\"", "name = \"电子政务办\"\ncalendar = \"xj-office\"");
    let rule = |calendar: &str| {
        format!(
            "[[rule]]\nid = \"link-sla\"\non = \"link\"\nkind = \"icmp\"\nat = \"console\"\ndetector = \"burn\"\n\
             settings = {{ target = 0.9995 }}\nseverity = \"warning\"\n{calendar}"
        )
    };
    let zh = ["全部时间", "工作时间内：新疆"];
    for (calendar, inventory, counts, first, then, said) in [
        (
            "calendar = \"organisation\"",
            &*text,
            Some("xj-office"),
            "Within working hours: ",
            "At all hours",
            "counts within working hours only",
        ),
        (
            "calendar = \"cn-office\"",
            INVENTORY,
            Some("cn-office"),
            "Within working hours: ",
            "At all hours",
            "counts within working hours only",
        ),
        ("", &*text, None, "At all hours", "Within working hours: ", "counts at all hours"),
    ] {
        let world = World::defined(&rule(calendar)).await;
        world.declare(inventory).await;
        let net = Net::of(world).await;
        let page = net.world.admin().await.get("/links/aks-wushi").await;
        page.shows(&[first, then, said, "99.9500 %"]);
        let at = |text: &str| page.body.find(text).unwrap();
        assert!(at(first) < at("99.9500 %") && at("99.9500 %") < at(then), "{calendar}");
        let asked = "/api/v1/availability?object=link:aks-wushi&calendar=";
        for (word, counted) in [("sla", counts), ("cn-office", Some("cn-office"))] {
            let answer = net.world.admin().await.get(&format!("{asked}{word}")).await;
            let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(
                (answer["calendar"].as_str(), answer["target_calendar"].as_str()),
                (counted, counts),
                "{word}"
            );
        }
        if inventory == text {
            net.world.admin().await.chinese().get("/links/aks-wushi").await.shows(&zh);
        }
    }
    let net = Net::of({
        let world = World::defined(&rule("")).await;
        world.declare(INVENTORY).await;
        world
    })
    .await;
    net.world
        .admin()
        .await
        .get("/links/aks-wushi")
        .await
        .shows(&["99.9500 %"])
        .lacks(&["At all hours", "working hours"]);
}
