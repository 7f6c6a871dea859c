//! The table, its description and its gate.

mod accounts;

use tower::ServiceExt;

use super::route::Needs;
use super::*;
use crate::config::settings::ConsoleSettings;
use crate::config::testing::{PING, PINGS};
use crate::console::command::Role;
use crate::console::{ConsoleParts, Local, planner};
use crate::model::wire::{SampleRow, Samples, SummaryBody};
use crate::model::{Alert, AlertKey, AlertState, Severity, Summary};
use crate::net::clock::Clock;
use crate::net::listen::PeerAddr;

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = openapi::document();
    let described: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| format!("{} {path}", m.to_ascii_uppercase()))
        })
        .collect();
    let mut served: Vec<String> = route::all().map(|r| format!("{} /api/v1{}", r.method, r.path)).collect();
    let mut described_sorted = described.clone();
    described_sorted.sort();
    served.sort();
    assert_eq!(described_sorted, served);
    served.dedup();
    assert_eq!(served.len(), route::all().count(), "a route stands there twice");
}

#[test]
fn every_route_has_words_and_its_path_parts_are_parameters() {
    let document = openapi::document();
    for route in route::all() {
        assert!(!route.about.is_empty(), "{}", route.path);
        let operation = &document["paths"][format!("/api/v1{}", route.path)][route.method.to_ascii_lowercase()];
        assert_eq!(operation["x-role"], route.needs.as_str());
        for part in route.path.split('/').filter(|p| p.starts_with('{')) {
            let name = part.trim_matches(['{', '}']);
            let listed = operation["parameters"].as_array().unwrap();
            assert!(listed.iter().any(|p| p["name"] == name && p["in"] == "path"), "{} {name}", route.path);
        }
    }
}

#[test]
fn a_role_may_what_those_below_it_may_and_metrics_may_nothing() {
    use Needs::{Admin, Operator, Security, Viewer};
    for (role, may) in [
        (Role::Admin, [true, false, true, true]),
        (Role::Security, [true, true, false, false]),
        (Role::Operator, [true, false, true, false]),
        (Role::Viewer, [true, false, false, false]),
        (Role::Metrics, [false, false, false, false]),
    ] {
        assert_eq!([Viewer, Security, Operator, Admin].map(|n| n.met_by(role)), may, "{}", role.as_str());
    }
}

/// Who may do what, spelled out: a change here is a decision.
#[test]
fn the_roles_of_all_routes_are_these() {
    let of = |needs: Needs| {
        let mut list: Vec<String> =
            route::all().filter(|r| r.needs == needs).map(|r| format!("{} {}", r.method, r.path)).collect();
        list.sort();
        list
    };
    assert_eq!(
        of(Needs::Operator),
        [
            "GET /assets/{id}/walks",
            "GET /assets/{id}/walks/{walk}",
            "POST /assets/{id}/walks",
            "POST /incidents/{id}/ack",
            "POST /incidents/{id}/assign",
            "POST /incidents/{id}/close",
            "POST /incidents/{id}/note",
            "POST /incidents/{id}/resolve",
            "POST /incidents/{id}/unack",
            "POST /maintenance",
            "POST /maintenance/{id}/approve",
            "POST /maintenance/{id}/end",
            "POST /objects/{object}/probe",
        ]
    );
    assert_eq!(
        of(Needs::Admin),
        [
            "DELETE /secrets/{name}",
            "DELETE /users/{name}",
            "GET /audit",
            "GET /discoveries",
            "GET /discoveries/{id}",
            "GET /enroll-tokens",
            "GET /import/{token}/bad.xlsx",
            "GET /secrets",
            "GET /tokens",
            "GET /users",
            "POST /agents/{id}/revoke",
            "POST /baseline/keys",
            "POST /discoveries",
            "POST /discoveries/{id}/adopt",
            "POST /enroll-tokens",
            "POST /import/preview",
            "POST /import/{token}/apply",
            "POST /import/{token}/preview",
            "POST /inventory/apply",
            "POST /inventory/plan",
            "POST /links",
            "POST /secrets/rotate",
            "POST /tokens",
            "POST /tokens/{name}/revoke",
            "POST /topology/{id}/adopt",
            "POST /users",
            "POST /users/{name}/lock",
            "POST /users/{name}/reset",
            "POST /users/{name}/unlock",
            "PUT /secrets/{name}",
        ]
    );
    let by_viewers: Vec<&str> =
        route::all().filter(|r| r.method != "GET" && r.needs == Needs::Viewer).map(|r| r.path).collect();
    assert_eq!(by_viewers, ["/sessions/{id}"], "a viewer changes nothing but its own sessions");
}

/// The table of docs/api.md, made from `ROUTES`.
fn documented() -> String {
    let mut all = String::from("| method and path | role | what |\n|---|---|---|\n");
    for route in route::all() {
        all.push_str(&format!(
            "| `{} /api/v1{}` | {} | {} |\n",
            route.method,
            route.path,
            route.needs.as_str(),
            route.about
        ));
    }
    all
}

#[test]
fn the_document_has_the_table_of_the_router() {
    let text = include_str!("../../../docs/api.md");
    let table = documented();
    assert!(text.contains(&table), "docs/api.md must contain:\n{table}");
}

// ---- over a store

const INVENTORY: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[region]]
id = "652922"
name = "温宿县"
tier = "county"
parent = "652900"

[[region]]
id = "653100"
name = "喀什地区"
tier = "prefecture"

[[agent]]
id = "tower"
region = "652900"
zone = "extranet"

[[asset]]
id = "aks-core"
name = "地区核心"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652922"

[[asset]]
id = "ks-core"
name = "喀什核心"
kind = "router"
address = "10.66.0.1"
zone = "extranet"
region = "653100"
"#;

struct World {
    _dir: tempfile::TempDir,
    local: Local,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let parts = ConsoleParts {
            data: dir.path().join("data"),
            settings: ConsoleSettings { definitions: vec![], ..ConsoleSettings::default() },
            catalog: PINGS,
            clock: Clock::system(),
            key: None,
        };
        let local = Local::open(parts).await.unwrap();
        Self { _dir: dir, local }
    }

    async fn with_inventory() -> Self {
        let world = Self::new().await;
        let (status, plan) = world.admin("POST", "/api/v1/inventory/plan", INVENTORY).await;
        assert_eq!(status, 200, "{plan}");
        let path = format!("/api/v1/inventory/apply?base_rev={}", plan["base_rev"]);
        let (status, done) = world.admin("POST", &path, INVENTORY).await;
        assert_eq!(status, 200, "{done}");
        planner::rebuild(world.local.service()).await.unwrap();
        world
    }

    /// As the user of this process.
    async fn admin(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        send(self.local.router(), method, path, None, body).await
    }

    /// As the holder of a token.
    async fn as_token(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        send(router(self.local.service().clone()), method, path, Some(token), body).await
    }

    async fn token(&self, role: &str, regions: &str) -> String {
        let body = format!(r#"{{"name":"t-{role}-{n}","role":"{role}","regions":[{regions}]}}"#, n = regions.len());
        let (status, made) = self.admin("POST", "/api/v1/tokens", &body).await;
        assert_eq!(status, 200, "{made}");
        made["token"].as_str().unwrap().to_owned()
    }
}

async fn send(router: Router, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let (status, text) = send_text(router, method, path, token, body).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn send_text(router: Router, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = router.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// A path of the route with something in its parts.
fn filled(route: &Route) -> String {
    let parts: Vec<&str> = route
        .path
        .split('/')
        .map(|part| match part {
            "{object}" => "asset:aks-core",
            p if p.starts_with('{') => "nothing",
            p => p,
        })
        .collect();
    let query: Vec<String> =
        route.takes.iter().filter(|p| p.required).map(|p| format!("{}=asset:x", p.name)).collect();
    format!("/api/v1{}?{}", parts.join("/"), query.join("&"))
}

#[tokio::test]
async fn every_route_lets_in_exactly_the_roles_it_names() {
    let world = World::with_inventory().await;
    for role in Role::ALL {
        let token = world.token(role.as_str(), "").await;
        for route in route::all() {
            let (status, said) = world.as_token(&token, route.method, &filled(route), "").await;
            let refused = status == 403 && said["detail"].as_str().is_some_and(|d| d.starts_with("role "));
            assert_eq!(
                refused,
                !route.needs.met_by(role),
                "{} {} as {}: {said}",
                route.method,
                route.path,
                role.as_str()
            );
            assert_ne!(status, 401);
            assert_ne!(status, 500, "{} {}: {said}", route.method, route.path);
        }
    }
    for route in route::all() {
        let (status, said) =
            send(router(world.local.service().clone()), route.method, &filled(route), None, "").await;
        assert_eq!(status, 401, "{} {}: {said}", route.method, route.path);
    }
    let (status, _) = world.as_token("fst_wrong", "GET", "/api/v1/assets", "").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_token_for_regions_sees_those_and_what_is_below_them() {
    let world = World::with_inventory().await;
    let token = world.token("viewer", "\"652900\"").await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
    };
    let get = async |path: &str| world.as_token(&token, "GET", path, "").await;
    assert_eq!(ids(&get("/api/v1/assets").await.1), ["aks-core"]);
    assert_eq!(ids(&get("/api/v1/regions").await.1), ["652900", "652922"]);
    assert_eq!(get("/api/v1/assets/aks-core").await.0, 200);
    for hidden in [
        "/api/v1/assets/ks-core",
        "/api/v1/assets/ks-core/interfaces",
        "/api/v1/observations?object=asset:ks-core",
        "/api/v1/series?object=asset:ks-core&field=up",
    ] {
        assert_eq!(get(hidden).await.0, 404, "{hidden}");
    }
    assert_eq!(get("/api/v1/inventory").await.0, 403);
    let (_, all) = world.admin("GET", "/api/v1/assets", "").await;
    assert_eq!(ids(&all), ["aks-core", "ks-core"]);
}

#[tokio::test]
async fn lists_come_in_pages_and_filters_are_checked() {
    let world = World::with_inventory().await;
    let (_, first) = world.admin("GET", "/api/v1/assets?limit=1", "").await;
    assert_eq!(first["next"], "aks-core");
    let (_, second) = world.admin("GET", "/api/v1/assets?limit=1&after=aks-core", "").await;
    assert_eq!((second["items"][0]["id"].as_str(), &second["next"]), (Some("ks-core"), &Value::Null));
    let (_, found) = world.admin("GET", "/api/v1/assets?q=10.66&kind=router&state=unknown", "").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    for (path, said) in [
        ("/api/v1/assets?stat=up", "unknown query parameter `stat`; did you mean `state`?"),
        (
            "/api/v1/assets?state=fine",
            "query parameter `state`: `fine` is wrong, expected up, partly, down, unknown or unwatched",
        ),
        (
            "/api/v1/incidents?state=opened",
            "query parameter `state`: `opened` is wrong, expected open, acked, resolved or closed",
        ),
        ("/api/v1/series?object=asset:aks-core", "query parameter `field` is missing: a field, such as rtt_seconds"),
    ] {
        let (status, problem) = world.admin("GET", path, "").await;
        assert_eq!((status, problem["detail"].as_str().unwrap()), (400, said), "{path}");
    }
}

#[tokio::test]
async fn wrong_paths_methods_and_bodies_are_problems_with_a_remedy() {
    let world = World::new().await;
    for (method, path, body, status, said) in [
        ("GET", "/api/v1/asset", "", 404, "there is no such path; /api/v1/openapi.json lists them"),
        ("DELETE", "/api/v1/assets", "", 405, "this path takes no DELETE; /api/v1/openapi.json lists what it takes"),
        ("GET", "/api/v1/assets", "x", 413, "this path takes no body"),
        (
            "GET",
            "/api/v1/incidents/nothing",
            "",
            404,
            "incident `nothing` is not known here; list what is there first",
        ),
        (
            "POST",
            "/api/v1/incidents/x/ack",
            "{\"comment\":1}",
            400,
            "the body is not the JSON that is needed: invalid type: integer `1`, expected a string at line 1 column 12; see /api/v1/openapi.json",
        ),
        (
            "POST",
            "/api/v1/tokens",
            "{\"name\":\"a\",\"role\":\"root\"}",
            400,
            "there is no role `root`; there are: admin, security, operator, viewer, metrics",
        ),
        (
            "PUT",
            "/api/v1/secrets/core",
            "{\"type\":\"snmp-v2c\",\"comunity\":\"hush\"}",
            400,
            "the secret is malformed at line 0 column 0; see /api/v1/openapi.json",
        ),
    ] {
        let (got, problem) = world.admin(method, path, body).await;
        assert_eq!((got, problem["detail"].as_str().unwrap()), (status, said), "{method} {path}");
        assert!(!problem.to_string().contains("hush"));
    }
    let long = " ".repeat(MAX_JSON + 1);
    assert_eq!(world.admin("POST", "/api/v1/tokens", &long).await.0, 413);
}

#[tokio::test]
async fn a_wrong_inventory_changes_nothing_and_names_every_mistake() {
    let world = World::with_inventory().await;
    let body = "# file: site.toml\n[[asset]]\nid = \"x\"\nname = \"x\"\nkind = \"swich\"\nzone = \"extranet\"\nregion = \"1\"\n";
    let (status, problem) = world.admin("POST", "/api/v1/inventory/plan", body).await;
    assert_eq!(status, 422, "{problem}");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{problem}");
    assert!(errors.iter().all(|e| e.as_str().unwrap().starts_with("site.toml:")), "{problem}");
    let (status, problem) = world.admin("POST", "/api/v1/inventory/apply?base_rev=0", INVENTORY).await;
    assert_eq!(status, 409, "{problem}");
}

#[tokio::test]
async fn an_incident_is_handled_from_open_to_closed() {
    let world = World::with_inventory().await;
    let service = world.local.service();
    let now = service.clock.wall();
    let alert = |state| Alert {
        key: AlertKey {
            problem: "device-down".parse().unwrap(),
            object: "asset:aks-core".parse().unwrap(),
            instance: "".into(),
        },
        rule: "device-down".parse().unwrap(),
        probe: None,
        state,
        cleared_by: None,
        severity: Severity::Critical,
        since: now,
        at: now,
        count: 1,
        flapping: false,
        stale: false,
        evidence: vec![("loss_ratio".into(), "1".into())],
        folds_into: vec![],
        category: "".into(),
        runbook: "".into(),
    };
    service.store.judge(vec![alert(AlertState::Firing)], vec![]).await.unwrap();
    let (_, open) = world.admin("GET", "/api/v1/incidents?state=open&severity=major", "").await;
    let id = open["items"][0]["id"].as_str().unwrap().to_owned();
    let (_, firing) = world.admin("GET", "/api/v1/alerts", "").await;
    assert_eq!(firing["items"][0]["incident"], id.as_str());
    assert_eq!(firing["items"][0]["evidence"][0]["value"], "1");

    let token = world.token("operator", "\"652900\"").await;
    let act = async |action: &str, body: &str| {
        world.as_token(&token, "POST", &format!("/api/v1/incidents/{id}/{action}"), body).await
    };
    let (status, acked) = act("ack", r#"{"comment":"看一下"}"#).await;
    assert_eq!((status, acked["state"].as_str()), (200, Some("acked")), "{acked}");
    assert_eq!(acked["ack"]["by"], "token:t-operator-8");
    assert_eq!(act("assign", "{}").await.0, 400, "an empty body takes nothing away");
    assert_eq!(act("assign", r#"{"to":"王"}"#).await.1["assignee"], "王");
    assert_eq!(act("note", r#"{"text":"在路上"}"#).await.0, 200);
    assert_eq!(act("close", r#"{"cause":"fibre_cut","party":"电信"}"#).await.0, 409, "it is not resolved yet");
    assert_eq!(act("close", r#"{"cause":"gremlins","party":"电信"}"#).await.0, 400);
    service.store.judge(vec![alert(AlertState::Cleared)], vec![]).await.unwrap();
    let (status, closed) = act("close", r#"{"cause":"光缆中断","party":"电信","comment":"已修复"}"#).await;
    assert_eq!((status, closed["state"].as_str()), (200, Some("closed")), "{closed}");
    assert_eq!(closed["close_cause"], "fibre_cut");
    let (_, whole) = world.admin("GET", &format!("/api/v1/incidents/{id}"), "").await;
    let kinds: Vec<&str> =
        whole["timeline"].as_array().unwrap().iter().map(|t| t["kind"].as_str().unwrap()).collect();
    for kind in ["opened", "acked", "assigned", "note", "resolved", "closed"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let (_, audit) = world.admin("GET", "/api/v1/audit?limit=3", "").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 3);
    assert!(audit["next"].is_string());
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let world = World::new().await;
    let (status, _) =
        world.admin("PUT", "/api/v1/secrets/core", r#"{"type":"snmp-v2c","community":"hush-hush"}"#).await;
    assert_eq!(status, 200);
    let (_, list) = world.admin("GET", "/api/v1/secrets", "").await;
    assert_eq!(
        (list["items"][0]["name"].as_str(), list["items"][0]["type"].as_str()),
        (Some("core"), Some("snmp-v2c"))
    );
    let (_, audit) = world.admin("GET", "/api/v1/audit", "").await;
    assert!(!format!("{list}{audit}").contains("hush"));
    assert_eq!(world.admin("DELETE", "/api/v1/secrets/core", "").await.0, 200);
    assert_eq!(world.admin("DELETE", "/api/v1/secrets/core", "").await.0, 404);
}

// ---- metrics

fn feed(service: &Service) {
    let now = service.clock.now();
    let one = |v: f64| SummaryBody(Summary::one(v));
    let samples = Samples {
        probe: "p1".parse().unwrap(),
        kind: PING.name.into(),
        from: now.wall.minus(Duration::from_secs(10)),
        to: now.wall,
        rows: vec![SampleRow {
            object: "asset:aks-core".parse().unwrap(),
            instance: "disk \"C:\\\"".into(),
            runs: [10, 0, 0, 0],
            packets: [10, 0, 0, 0, 0],
            causes: BTreeMap::new(),
            fields: [("up".into(), one(1.0)), ("rtt_seconds".into(), one(0.001)), ("in_octets".into(), one(7.0))]
                .into(),
        }],
    };
    service.exposition().take(&"tower".parse().unwrap(), &samples, 0, now);
}

#[expect(clippy::disallowed_methods, reason = "promtool is the judge of our text; it gets a fixed argument")]
fn promtool(text: &str) -> (bool, String) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (Debian package prometheus)");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_both_metrics_pages() {
    let world = World::with_inventory().await;
    let service = world.local.service();
    feed(service);
    service.meters.batch("event", "committed");
    service.meters.commit("event", Duration::from_millis(2));
    let (_, assets) = world.admin("GET", "/api/v1/assets", "").await;
    assert_eq!(assets["items"][0]["state"], "up");
    for path in ["/metrics", "/metrics/objects"] {
        let (status, text) = send_text(world.local.router(), "GET", path, None, "").await;
        assert_eq!(status, 200, "{text}");
        let (good, said) = promtool(&text);
        assert!(good && said.is_empty(), "{path}: {said}\n{text}");
    }
    let (_, text) = send_text(world.local.router(), "GET", "/metrics", None, "").await;
    for wanted in [
        "fengsui_incidents{state=\"open\",severity=\"critical\"} 0\n",
        "fengsui_assets{region=\"652922\",state=\"up\"} 1\n",
        "fengsui_assets{region=\"653100\",state=\"unknown\"} 1\n",
        "fengsui_config_last_reload_successful 1\n",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_for_the_role_metrics() {
    let world = World::with_inventory().await;
    feed(world.local.service());
    let at =
        |peer: &str| router(world.local.service().clone()).layer(axum::Extension(PeerAddr(peer.parse().unwrap())));
    let (token, scoped) = (world.token("metrics", "").await, world.token("metrics", "\"653100\"").await);
    for (peer, token, path, expected) in [
        ("127.0.0.1:5", None, "/metrics", 200),
        ("[::ffff:127.0.0.1]:5", None, "/metrics/objects", 200),
        ("127.0.0.1:5", Some("wrong"), "/metrics", 401),
        ("10.0.0.1:5", None, "/metrics", 401),
        ("10.0.0.1:5", None, "/metrics/objects", 401),
        ("10.0.0.1:5", Some(token.as_str()), "/metrics", 200),
        ("10.0.0.1:5", Some(scoped.as_str()), "/metrics", 403),
        ("10.0.0.1:5", Some(scoped.as_str()), "/metrics/objects", 200),
        ("10.0.0.1:5", None, "/healthz", 200),
    ] {
        let (status, said) = send_text(at(peer), "GET", path, token, "").await;
        assert_eq!(status, expected, "{peer} {path}: {said}");
    }
    let (_, text) = send_text(at("10.0.0.1:5"), "GET", "/metrics/objects", Some(&scoped), "").await;
    assert!(text.contains("ks-core") && !text.contains("aks-core\""), "{text}");
    let (status, ready) = send(at("10.0.0.1:5"), "GET", "/readyz", None, "").await;
    assert_eq!((status, ready["store"].as_str(), ready["planner"].as_str()), (200, Some("ok"), Some("ok")));
}
