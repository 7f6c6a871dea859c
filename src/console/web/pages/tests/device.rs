//! What a device says of itself on the page of its asset, and what several say of each other against the declared links.

use serde_json::json;

use super::*;
use crate::model::device::report;
use crate::model::wire::{Packed, Report};

fn report_of(asset: &str, object: serde_json::Value) -> Record {
    let fingerprint = report::fingerprint(&report::read(&object));
    let packed = Packed::of(&object.to_string()).unwrap();
    let (object, probe) = (format!("asset:{asset}").parse().unwrap(), "asset-device".parse().unwrap());
    Record::Report(Report { object, probe, fingerprint, packed })
}

fn port(name: &str, mac: &str) -> serde_json::Value {
    json!({ "name": name, "mac": mac, "type": "ethernetCsmacd" })
}

fn lldp(local: &str, port: &str, chassis: &str) -> serde_json::Value {
    json!({ "protocol": "lldp", "local_port": local, "port": port, "chassis": chassis, "name": "<script>alert(9)</script>" })
}

fn core() -> serde_json::Value {
    json!({
        "v": 1,
        "device": { "vendor": "Huawei", "model": "S5720", "version": "V200R019", "serial": "2102351", "name": "core" },
        "interfaces": [port("XGE0/0/1", "02:00:00:00:0a:01"), port("XGE0/0/2", "02:00:00:00:0a:02")],
        "sensors": [{ "kind": "temperature", "name": "板卡 1", "value": 41.5, "unit": "°C", "status": "ok" }],
        "neighbours": [lldp("XGE0/0/1", "GE0/0/7", "02:00:00:00:0b:07"), lldp("XGE0/0/2", "1", "02:dd:00:00:00:01")],
        "macs": (0..120).map(|n| json!({ "mac": format!("02:11:00:00:00:{n:02x}"), "port": "XGE0/0/1", "fdb": 10 + n % 2, "status": "learned" })).collect::<Vec<_>>(),
        "incomplete": [{ "table": "arp", "reason": "not asked: the time was over" }],
    })
}

fn wushi() -> serde_json::Value {
    json!({
        "device": { "name": "wushi" },
        "interfaces": [port("GE0/0/7", "02:00:00:00:0b:07"), port("GE0/0/8", "02:00:00:00:0b:08")],
        "neighbours": [lldp("GE0/0/7", "XGE0/0/1", "02:00:00:00:0a:01")],
        "addresses": [{ "address": "10.65.1.2", "prefix_length": 30, "interface": "GE0/0/8" }],
    })
}

const SNMP: &str = "[[asset]]\nid = \"core\"\nname = \"地区核心交换机\"\nkind = \"switch\"\naddress = \"10.65.0.1\"\nzone = \"extranet\"\nregion = \"652900\"\nsnmp = { secret = \"aks\" }\n";

#[tokio::test]
async fn the_page_of_an_asset_says_how_its_last_runs_ended() {
    let mut net = Net::new().await;
    let fields = [("up", 1.0), ("duration_seconds", 4.2), ("round_trip_seconds", 0.0035), ("requests_count", 31.0)];
    let fields = fields.into_iter().chain([("retries_count", 3.0), ("variables_count", 1_204.0)]).collect::<Vec<_>>();
    net.saw(5, "snmp", "asset:core", &fields).await;
    let lacks = Facts {
        object: "asset:core".parse().unwrap(),
        instance: Arc::from(""),
        probe: "test-snmp".parse().unwrap(),
        values: BTreeMap::from([("shortfall".to_owned(), "sensors: <b>no answer</b>".to_owned())]),
    };
    net.send(Stream::Event, Record::Facts(lacks)).await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    let good = viewer.get("/assets/core").await;
    good.shows(&["Last runs", "Good", "3.5 ms", "31 (3 sent again)", "1,204"]);
    net.ended = ([2, 1, 0, 0], "partial");
    net.saw(1, "snmp", "asset:core", &fields).await;
    let cut = viewer.get("/assets/core").await;
    cut.shows(&["Partly", "partial", "sensors: &lt;b&gt;no answer&lt;/b&gt;"]);
    cut.lacks(&["<b>no answer"]);
    viewer.chinese().get("/assets/core").await.shows(&["最近一次监测", "部分应答", "重发 3"]);
}

#[tokio::test]
async fn a_device_is_shown_with_its_tables_and_what_is_missing_of_them() {
    let mut net = Net::new().await;
    net.world.declare(SNMP).await;
    let mut admin = net.world.admin().await;
    admin
        .get("/assets/core")
        .await
        .shows(&["The device has said nothing of itself yet", "fengsui snmp poll 10.65.0.1"]);
    admin.get("/assets/core/device").await.shows(&["every ten minutes"]);
    admin.get("/assets/wushi").await.lacks(&["id=\"device\""]);
    admin.get("/assets/wushi/device").await.shows(&["Declare its SNMP access"]);
    assert_eq!(admin.get("/assets/nobody/device").await.status, 404);

    net.send(Stream::Bulk, report_of("core", core())).await;
    let page = admin.get("/assets/core").await;
    page.shows(&["S5720", "2102351", "/assets/core/device?table=macs", "ARP: not asked: the time was over"]);
    let page = admin.get("/assets/core/device").await;
    page.shows(&["V200R019", "href=\"/api/v1/assets/core/report\"", "XGE0/0/1"]).lacks(&["<script>alert"]);
    let page = admin.get("/assets/core/device?table=sensors").await;
    page.shows(&["temperature", "41.5", "°C", "板卡 1"]);
    // Sorted, searched, paged, and as a file.
    let macs = admin.get("/assets/core/device?table=macs&sort=-mac").await;
    assert_eq!(ids(&macs.body).len(), 50);
    assert_eq!(ids(&macs.body)[0], "119");
    macs.shows(&["120 in all", "after="]);
    let found = admin.get("/assets/core/device?table=macs&q=00%3A03").await;
    assert_eq!(ids(&found.body), ["3"]);
    admin.get("/assets/core/device?table=macs&q=none").await.shows(&["No row fits"]);
    let file = admin.get("/assets/core/device?table=macs&format=csv").await;
    assert_eq!(file.body.lines().count(), 121);
    let mut chinese = net.world.admin().await.chinese();
    chinese.get("/assets/core/device?table=sensors").await.shows(&["温度", "正常", "身份", "未能全部读到"]);
    let seen = admin.get("/api/v1/assets/core/report").await;
    let answer: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        (answer["report"]["device"]["serial"].as_str(), answer["agent"].as_str()),
        (Some("2102351"), Some("tower"))
    );
    assert_eq!(admin.get("/api/v1/assets/wushi/report").await.status, 404);
    let mut county = net.world.signed_in(Role::Viewer, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    for path in ["/assets/core/device", "/api/v1/assets/core/report"] {
        assert_eq!(county.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_was_measured_since_stands_in_place_of_the_report_with_its_own_time() {
    let mut net = Net::new().await;
    net.world.declare(SNMP).await;
    let mut told = core();
    told["cpu"] = json!([{ "name": "board 1", "ratio": 0.5 }, { "name": "board 2", "ratio": 0.25 }]);
    told["memory"] = json!([{ "name": "board 1", "used_ratio": 0.5 }]);
    told["device"]["uptime_seconds"] = json!(60.0);
    told["interfaces"][0]["oper"] = json!("up");
    net.send(Stream::Bulk, report_of("core", told)).await;
    let mut admin = net.world.admin().await;
    admin.get("/assets/core/device?table=cpu").await.shows(&["50 %", "25 %"]);
    net.saw(0, "snmp", "asset:core", &[("up", 1.0), ("uptime_seconds", 7_200.0)]).await;
    net.saw_of(0, "snmp", "asset:core", "board 1", &[("cpu_ratio", 0.875)]).await;
    net.saw_of(
        0,
        "snmp",
        "asset:core",
        "temperature/板卡 1",
        &[("sensor", 0.0), ("sensor_status", 2.0), ("temperature_celsius", 88.5)],
    )
    .await;
    net.saw(
        0,
        "snmp",
        "interface:core/XGE0/0/1",
        &[("admin", 0.0), ("oper", 1.0), ("in_bps", 2_500_000.0), ("out_bps", 1_000.0)],
    )
    .await;
    let page = admin.get("/assets/core/device?table=cpu").await;
    page.shows(&["87.5 %", "25 %", "2 h", ">Seen<", "hx-trigger=\"live-objects from:body"]).lacks(&["50 %"]);
    admin.get("/assets/core/device?table=sensors").await.shows(&["88.5", "critical"]).lacks(&["41.5"]);
    let ports = admin.get("/assets/core/device?table=interfaces").await;
    ports.shows(&["down", "2.5 Mbit/s"]);
    let file = admin.get("/assets/core/device?table=interfaces&format=csv").await;
    assert!(file.body.contains("2500000"), "{}", file.body);
}

#[tokio::test]
async fn rows_that_a_cut_table_did_not_reach_stay_on_the_page_with_their_time() {
    let mut net = Net::new().await;
    net.world.declare(SNMP).await;
    net.send(Stream::Bulk, report_of("core", core())).await;
    let mut cut = core();
    cut["macs"] = json!([{ "mac": "02:11:00:00:00:03", "port": "XGE0/0/2", "fdb": 11, "status": "learned" }]);
    cut["incomplete"] = json!([{ "table": "macs", "reason": "not asked: the time was over" }]);
    net.send(Stream::Bulk, report_of("core", cut)).await;
    let mut admin = net.world.admin().await;
    let page = admin.get("/assets/core/device?table=macs&rows=500").await;
    page.shows(&["rows of before that were not reached and are kept: 119, the oldest seen", ">Seen<"]);
    assert_eq!(ids(&page.body).len(), 120);
    admin.chinese().get("/assets/core/device?table=macs").await.shows(&["保留的旧行 119 行", ">见于<"]);
    net.send(Stream::Bulk, report_of("core", core())).await;
    let mut admin = net.world.admin().await;
    admin.get("/assets/core/device?table=macs").await.lacks(&["rows of before", ">Seen<"]);
}

#[tokio::test]
async fn another_box_is_told_with_its_time() {
    let mut net = Net::new().await;
    net.world.declare(SNMP).await;
    for serial in ["2102351", "2102999"] {
        let facts = Facts {
            object: "asset:core".parse().unwrap(),
            instance: "".into(),
            probe: "asset-device".parse().unwrap(),
            values: BTreeMap::from([("serial".to_owned(), serial.to_owned())]),
        };
        net.send(Stream::Event, Record::Facts(facts)).await;
    }
    net.send(Stream::Bulk, report_of("core", core())).await;
    let mut admin = net.world.admin().await;
    admin.get("/assets/core/device").await.shows(&[
        "Became another",
        "Hidden danger: the serial number changed lately",
        "2102351</span> → <span class=\"mono\">2102999",
    ]);
}

#[tokio::test]
async fn what_was_found_is_compared_and_adopted_with_an_audit_row() {
    let mut net = Net::new().await;
    let mut admin = net.world.admin().await;
    // Nothing was heard of the one declared link between two assets.
    admin.get("/topology").await.shows(&["No device has said anything of its neighbours yet", "state=unseen"]);
    net.send(Stream::Bulk, report_of("core", core())).await;
    net.send(Stream::Bulk, report_of("wushi", wushi())).await;
    let page = admin.get("/topology").await;
    page.shows(&["On another port", "Correct the ports", "Unknown device", "both ends say so", "GE0/0/7"]);
    page.shows(&["declared: 地区核心交换机 XGE0/0/1 - 乌什县核心路由器 GE0/0/1", "href=\"/assets/new?name="]);
    page.lacks(&["<script>alert", "state=unseen"]);
    admin.get("/topology?format=csv").await.shows(&["地区核心交换机 XGE0/0/1"]);
    assert_eq!(ids(&admin.get("/topology?state=stranger").await.body).len(), 1);
    assert!(ids(&admin.get("/topology?state=stranger&q=nothing").await.body).is_empty());
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/topology").await.shows(&["On another port"]).lacks(&["Correct the ports"]);
    let id = ids(&admin.get("/topology?state=wrong_port").await.body)[0].to_owned();
    assert_eq!(viewer.post(&format!("/topology/{id}/adopt"), &[]).await.status, 403);
    let done = admin.submit(&format!("/topology/{id}/adopt"), &[]).await;
    done.shows(&["Done. The link stands in the inventory", "As declared"]).lacks(&["Correct the ports"]);
    let store = &net.world.service().store;
    let link = store.inventory().1.links["aks-wushi"].clone();
    let shown = format!("{:?} {:?}", link.a, link.b);
    assert!(shown.contains("GE0/0/7") && shown.contains("10.65.1.2"), "the address that was declared stays: {shown}");
    let audit = format!("{:?}", store.audit(crate::console::command::Page { limit: 10, after: None }).await.unwrap());
    assert!(audit.contains("adopted from the topology: link aks-wushi"), "{audit}");
    // What was done is no longer there to be done.
    assert_eq!(admin.post(&format!("/topology/{id}/adopt"), &[]).await.status, 409);
    assert_eq!(admin.post("/topology/0000000000000000/adopt", &[]).await.status, 404);
}

#[tokio::test]
async fn an_operator_walks_a_device_and_sees_what_came_sorted_searched_and_as_files() {
    use crate::model::walk::{Progress, Row};
    use crate::model::wire::JobResult;
    let mut net = Net::new().await;
    net.world.declare(SNMP).await;
    let mut admin = net.world.admin().await;
    admin.get("/assets/core/device").await.shows(&[
        "id=\"walk\"",
        "action=\"/assets/core/walks\"",
        "value=\"ifTable\"",
    ]);
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/assets/core/device").await.shows(&["fengsui snmp walk"]).lacks(&["action=\"/assets/core/walks\""]);
    assert_eq!(viewer.get("/assets/core/walks").await.status, 403);
    let wrong = admin.post("/assets/core/walks", &[("oid", "ifTabel<b>")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["is no OID", "ifTabel&lt;b&gt;"]).lacks(&["ifTabel<b>"]);
    assert_eq!(admin.post("/assets/wushi/walks", &[("oid", "system")]).await.status, 409);

    let begun = admin.submit("/assets/core/walks", &[("oid", "ifTable")]).await;
    begun.shows(&["below ifTable", "Waiting", "Nothing has come yet", "hx-trigger=\"live-walks from:body"]);
    let core = "core".parse().unwrap();
    let id = net.world.service().store.walks(&Scope::All, &core).await.unwrap()[0].id.clone();
    let row = |n: usize, kind: &str, value: &str| Row {
        oid: format!("1.3.6.1.2.1.2.2.1.8.{n}"),
        kind: kind.to_owned(),
        value: value.to_owned(),
    };
    let mut rows: Vec<Row> = (1..=119).map(|n| row(n, "integer", &n.to_string())).collect();
    rows.push(row(120, "text", "=<script>alert(7)</script>\r\n核心"));
    net.send(Stream::Event, Record::Walk(Progress { job: id.clone(), rows })).await;
    let here = format!("/assets/core/walks/{id}");
    admin.get(&here).await.shows(&["120 variables", "ifOperStatus.1", "<progress"]);
    let result = JobResult { id, ok: false, detail: "snmp 10.65.0.1:161: no answer in time".to_owned() };
    net.send(Stream::Event, Record::JobResult(result)).await;
    let page = admin.get(&here).await;
    page.shows(&["Not finished", "no answer in time", "120 in all", "Walk again"])
        .lacks(&["<progress", "<script>alert"]);
    assert_eq!(ids(&page.body).len(), 50);
    assert_eq!(ids(&admin.get(&format!("{here}?sort=-value&rows=1")).await.body), ["118"]);
    assert_eq!(ids(&admin.get(&format!("{here}?q=ifOperStatus.77")).await.body), ["76"]);
    admin.get(&format!("{here}?q=nothing")).await.shows(&["No row fits"]);
    let file = admin.get(&format!("{here}?format=csv")).await;
    assert_eq!(file.body.lines().count(), 122, "one value has two lines");
    assert!(file.body.contains("'=<script>") && file.body.contains("ifOperStatus.120"), "{}", file.body);
    let plain = admin.get(&format!("{here}?format=txt")).await;
    assert_eq!(plain.body.lines().count(), 120);
    assert!(plain.body.starts_with("1.3.6.1.2.1.2.2.1.8.1 = integer: 1\n"), "{}", plain.body);
    let mut chinese = net.world.admin().await.chinese();
    chinese.get(&here).await.shows(&["再读一次", "超时没有应答"]);
    chinese.get("/assets/core/device").await.shows(&["原始数据", "该设备的历次读取"]);
    let told = admin.get(&format!("/api/v1{here}")).await;
    let told: serde_json::Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(
        (&told["state"], &told["rows"], &told["variables"][0]["name"]),
        (&"failed".into(), &120.into(), &"ifOperStatus.1".into())
    );
    assert_eq!(viewer.get(&here).await.status, 403);
    assert_eq!(admin.get("/assets/wushi/walks/none").await.status, 404);
}
