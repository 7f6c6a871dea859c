//! The incident pages over a real store, in a browser without scripts: what is shown, who may do what, what a
//! refused form says, and that nothing from outside becomes markup or a formula.

mod reading;

use crate::config::{defs, testing::CATALOG};
use crate::console::command::{Role, Scope};
use crate::console::web::testing::{Browser, World, firing};
use crate::model::alert::AlertState;
use crate::model::{Alert, Severity};

const INVENTORY: &str = r#"
[[region]]
id = "650000"
name = "新疆维吾尔自治区"
tier = "province"

[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"
parent = "650000"

[[region]]
id = "652928"
name = "乌什县"
tier = "county"
parent = "652900"

[[organisation]]
id = "aks-egov"
name = "地区电子政务管理办公室"

[[agent]]
id = "tower"
name = "地区探针"
zone = "extranet"
region = "652900"

[[asset]]
id = "aks-core-1"
name = "地区核心交换机"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652900"
owner = "aks-egov"
operator = "aks-egov"

[[asset]]
id = "wushi-core-1"
name = "乌什县核心路由器"
kind = "router"
address = "10.65.9.1"
zone = "extranet"
region = "652928"

[[asset]]
id = "evil"
name = "\"><img src=x onerror=alert(1)><script>alert(2)</script>"
kind = "host"
address = "10.65.9.9"
zone = "extranet"
region = "652928"

[[link]]
id = "aks-wushi"
name = "地区-乌什县骨干链路"
a = { asset = "aks-core-1", interface = "XGE0/0/1", address = "10.65.1.1" }
b = { asset = "wushi-core-1", interface = "GE0/0/1", address = "10.65.1.2" }
tier = "backbone"
carrier = { name = "某运营商", circuit = "0312-3", hotline = "10000" }

[[system]]
id = "portal"
name = "门户网站系统"
level = 3
assets = ["aks-core-1"]
owner = "aks-egov"
"#;

const RULES: &str = r#"
[[probe]]
id = "ping"
kind = "icmp"
on = "asset"
interval = "10s"
timeout = "1s"

[[rule]]
id = "asset-down"
zh = "设备不可达"
en = "Asset unreachable"
on = "asset"
kind = "icmp"
params = { raise_at = 3 }
raise = 'fails >= raise_at'
clear = 'up == 1'
severity = "critical"
runbook = "asset-down"

[[rule]]
id = "link-loss"
problem = "link-degraded"
zh = "链路丢包"
en = "Link loses packets"
on = "link"
kind = "icmp"
window = "60s"
params = { raise_at = 0.10, clear_at = 0.02 }
raise = 'w.loss_ratio.mean > raise_at'
clear = 'w.loss_ratio.mean < clear_at'
severity = "major"
runbook = "link-loss"
"#;

/// A console with the inventory and rules above.
async fn world() -> World {
    let world = World::with(INVENTORY).await;
    let loaded = defs::parse(&[("test".into(), RULES.into())], CATALOG);
    assert!(loaded.usable(), "{:?}", loaded.diagnostics);
    world.service().reloaded(Some(loaded.definitions), Vec::new());
    world
}

/// An alert of the rule `link-loss` on links, of a rule of the problem's name elsewhere.
fn alert(world: &World, object: &str, problem: &str, severity: Severity, evidence: &[(&str, &str)]) -> Alert {
    let now = world.service().clock.wall();
    let rule = if problem == "link-degraded" { "link-loss" } else { problem };
    Alert {
        rule: rule.parse().unwrap(),
        evidence: evidence.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        runbook: rule.into(),
        ..firing(now, object, problem, severity)
    }
}

/// Raises it and answers the incident's id.
async fn raise(world: &World, alert: Alert) -> String {
    let key = alert.key.clone();
    let store = &world.service().store;
    store.judge(vec![alert], Vec::new()).await.unwrap();
    let found = store.alerts(&Scope::All).await.unwrap();
    found.iter().find(|a| a.key == key).expect("it was raised a line above").incident.to_string()
}

async fn link_loss(world: &World) -> String {
    let evidence = [("w.loss_ratio.mean", "0.35 (raise_at 0.1)")];
    raise(world, alert(world, "link:aks-wushi", "link-degraded", Severity::Major, &evidence)).await
}

async fn clear(world: &World, alert: &Alert) {
    let over = Alert { state: AlertState::Cleared, ..alert.clone() };
    world.service().store.judge(vec![over], Vec::new()).await.unwrap();
}

async fn operator(world: &World) -> Browser {
    world.signed_in(Role::Operator, Scope::All).await
}

/// From opened to closed with plain forms, as a duty officer would.
#[tokio::test]
async fn an_incident_is_handled_from_open_to_closed_without_scripts() {
    let world = world().await;
    let evidence = [("fails", "3 (raise_at 3)"), ("cause", "timeout"), ("detail", "10.0.0.1: 1 of 4 lost")];
    let down = alert(&world, "asset:aks-core-1", "asset-down", Severity::Critical, &evidence);
    let id = raise(&world, down.clone()).await;
    let mut browser = operator(&world).await;
    let here = format!("/incidents/{id}");
    browser.get("/incidents").await.shows(&["Asset unreachable", "地区核心交换机", &here, "Critical"]);
    browser.get(&here).await.shows(&[
        "Failures in a row",
        "timeout",
        "Acknowledge",
        "Possible once it is resolved",
        "门户网站系统",
        "10.0.0.1: 1 of 4 lost",
    ]);
    let notice = browser.get(&format!("{here}/notice?text=zh-CN")).await;
    notice.shows(&["10.0.0.1：4 个报文丢失 1 个"]);

    let seen = browser.submit(&format!("{here}/ack"), &[("comment", "看一下"), ("until", "4h")]).await;
    seen.shows(&["Acknowledged", "看一下", "test-operator"]);
    let seen = browser.submit(&format!("{here}/assign"), &[("to", ""), ("other", "王工")]).await;
    seen.shows(&["Assigned to 王工"]);
    let seen = browser.submit(&format!("{here}/note"), &[("text", "line one\r\nline two")]).await;
    seen.shows(&["line one\nline two"]);
    let early = browser.post(&format!("{here}/close"), &[("cause", "power_loss"), ("party", "供电公司")]).await;
    assert_eq!(early.status, 409);
    early.shows(&["resolve it first", "Possible once it is resolved"]);

    clear(&world, &down).await;
    let wrong =
        browser.post(&format!("{here}/close"), &[("cause", ""), ("party", "供电公司"), ("comment", "来电")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["choose the cause", "供电公司", "来电"]);
    let seen = browser
        .submit(&format!("{here}/close"), &[("cause", "power_loss"), ("party", "供电公司"), ("comment", "来电")])
        .await;
    seen.shows(&["Power loss; 供电公司; 来电", "It is closed"]);
    browser.get("/incidents").await.shows(&["Nothing is wrong right now"]).lacks(&[&here]);
    browser.get("/incidents?state=ended").await.shows(&[&here]);

    let late = browser.post(&format!("{here}/ack"), &[("comment", "zu spät")]).await;
    assert_eq!(late.status, 409);
    late.shows(&["only an open incident can be acknowledged"]);
}

#[tokio::test]
async fn a_viewer_sees_everything_and_changes_nothing() {
    let world = world().await;
    let id = link_loss(&world).await;
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    let seen = viewer.get(&format!("/incidents/{id}")).await;
    seen.shows(&["Your role may look only", "Acknowledge", "0312-3", "10000"]).lacks(&["<textarea", "/ack\""]);
    viewer.get("/incidents").await.shows(&[&id]).lacks(&["name=\"do\" value=\"ack\""]);
    for path in [format!("/incidents/{id}/ack"), format!("/incidents/{id}/note"), "/incidents".to_owned()] {
        let seen = viewer.post(&path, &[("text", "x"), ("id", &id), ("do", "ack")]).await;
        assert_eq!(seen.status, 403, "{path}");
    }
    let mut stranger = world.stranger();
    let seen = stranger.get(&format!("/incidents/{id}")).await;
    assert_eq!((seen.status.as_u16(), seen.location().starts_with("/signin")), (303, true));
    let mut scoped = world.signed_in(Role::Operator, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    let core = raise(&world, alert(&world, "asset:aks-core-1", "asset-down", Severity::Critical, &[])).await;
    assert_eq!(scoped.get(&format!("/incidents/{core}")).await.status, 404);
    assert_eq!(scoped.post(&format!("/incidents/{core}/ack"), &[]).await.status, 404);
    scoped.get("/incidents").await.shows(&[&id]).lacks(&[&core]);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let world = world().await;
    let id = link_loss(&world).await;
    // No page was seen, so there is no token to send.
    let mut browser = operator(&world).await;
    for path in [format!("/incidents/{id}/ack"), "/incidents".to_owned(), "/incidents/views".to_owned()] {
        let seen = browser.clone().post(&path, &[("id", &id), ("do", "ack"), ("name", "x")]).await;
        assert_eq!(seen.status, 403, "{path}");
    }
    browser
        .get(&format!("/incidents/{id}"))
        .await
        .lacks(&["Acknowledgement ended", "End the acknowledgement</button>"]);
}

#[tokio::test]
async fn what_comes_from_outside_is_never_markup_and_never_a_formula() {
    let world = world().await;
    let hostile = "<script>alert(3)</script>\"><img src=x onerror=alert(4)>";
    let evidence = [("fails", hostile), ("detail", hostile), (hostile, "=cmd|' /C calc'!A0")];
    let id = raise(&world, alert(&world, "asset:evil", "asset-down", Severity::Critical, &evidence)).await;
    let mut browser = operator(&world).await;
    let here = format!("/incidents/{id}");
    browser.get(&here).await;
    browser.submit(&format!("{here}/ack"), &[("comment", hostile)]).await.shows(&["&lt;script&gt;alert(3)"]);
    browser.submit(&format!("{here}/assign"), &[("other", hostile)]).await;
    browser.submit(&format!("{here}/note"), &[("text", "=1+1")]).await;
    let search = format!("/incidents?q={}", crate::console::api::query::encode(hostile));
    let notice = format!("{here}/notice?text=zh-CN");
    for path in ["/incidents", &here, &notice, &search, "/incidents?sort=%22%3E%3Cscript%3E&after=%3Cimg%3E"] {
        let seen = browser.get(path).await;
        seen.lacks(&["<script>alert", "<img src=x"]);
    }
    let csv = browser.get("/incidents?format=csv").await;
    for line in csv.body.lines() {
        for cell in line.split(',') {
            assert!(!cell.trim_matches('"').starts_with(['=', '+', '@']), "{line}");
        }
    }
    csv.shows(&["<script>"]);
    assert!(csv.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"incidents-"));
    let xlsx = browser.get("/incidents?format=xlsx").await;
    assert_eq!(xlsx.bytes.get(..2), Some(b"PK".as_slice()));
}

#[tokio::test]
async fn several_are_handled_at_once_and_what_fails_is_told() {
    let world = world().await;
    let one = link_loss(&world).await;
    let down = alert(&world, "asset:wushi-core-1", "asset-down", Severity::Critical, &[]);
    let two = raise(&world, down.clone()).await;
    let mut browser = operator(&world).await;
    browser.get("/incidents").await;
    let nothing = browser.post("/incidents", &[("do", "ack"), ("back", "/incidents?who=me")]).await;
    assert_eq!(nothing.status, 422);
    nothing.shows(&["nothing is selected", "/incidents?who=me"]);
    let seen = browser
        .submit(
            "/incidents",
            &[("id", &one), ("id", &two), ("do", "ack"), ("comment", "both"), ("back", "/incidents")],
        )
        .await;
    seen.shows(&["2 incidents acknowledged"]);
    let seen = browser.submit("/incidents", &[("id", &one), ("do", "mine"), ("back", "/incidents?who=me")]).await;
    seen.shows(&["1 incident assigned to you", &one]).lacks(&[&two]);
    clear(&world, &down).await;
    let fields = [
        ("id", one.as_str()),
        ("id", &two),
        ("do", "close"),
        ("cause", "other"),
        ("party", "x"),
        ("back", "//evil.example"),
    ];
    let seen = browser.post("/incidents", &fields).await;
    assert_eq!(seen.status, 409);
    seen.shows(&["1 incident was handled", "1 incident could not be handled", "resolve it first"])
        .lacks(&["evil.example"]);
}

#[tokio::test]
async fn a_view_is_kept_and_forgotten() {
    let world = world().await;
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/incidents?severity=major").await;
    let seen =
        viewer.submit("/incidents/views", &[("do", "save"), ("name", "重要以上"), ("query", "severity=major")]).await;
    seen.shows(&["The view is kept", "重要以上", "href=\"/incidents?severity=major\""]);
    let mut other = operator(&world).await;
    other.get("/incidents").await.lacks(&["重要以上"]);
    let seen = viewer.submit("/incidents/views", &[("do", "remove"), ("name", "重要以上")]).await;
    seen.shows(&["The view is removed"]).lacks(&["重要以上"]);
}
