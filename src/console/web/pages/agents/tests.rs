//! The pages of agents over a real store: who sees what, what a report looks like, how one comes and goes.

use std::sync::Arc;

use crate::console::command::{Command, Outcome, Role, Scope};
use crate::console::planner;
use crate::console::web::testing::{World, admin};
use crate::model::AgentId;
use crate::model::wire::{AgentStatus, Batch, Envelope, Gap, Record, Stream, WIRE_VERSION};

const INVENTORY: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[region]]
id = "653100"
name = "喀什地区"
tier = "prefecture"

[[agent]]
id = "tower"
name = "=地区<b>探针</b>"
region = "652900"
zone = "extranet"

[[agent]]
id = "far"
name = "喀什探针"
region = "653100"
zone = "intranet"

[[asset]]
id = "core"
name = "地区核心<script>"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652900"

[[asset]]
id = "lost"
name = "没有探针的网络"
kind = "router"
address = "10.65.0.2"
zone = "internet"
region = "652900"
watch = { agents = ["tower"] }
"#;

/// Enrols `tower` and lets it report.
async fn report(world: &World, status: AgentStatus) {
    let store = &world.service().store;
    let tower = AgentId::new("tower").unwrap();
    let expires = world.service().clock.wall().plus(std::time::Duration::from_secs(600));
    let command = Command::EnrollToken { agent: tower.clone(), region: None, expires };
    let Outcome::Token { token, .. } = store.command(&admin(), None, command).await.unwrap() else {
        panic!("no token")
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "tower");
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    store.enroll(token.expose(), &csr).await.unwrap();
    planner::rebuild(world.service()).await.unwrap();
    let now = world.service().clock.now();
    let record = Record::AgentStatus(status);
    let gap = Record::Gap(Gap { from: 2, to: 9, cause: "age".into() });
    let envelope =
        |seq, record: Record| Envelope { seq, at: now.wall, kind: record.kind().to_owned(), body: record.body() };
    let batch = Batch {
        v: WIRE_VERSION,
        stream: Stream::Event,
        epoch: Arc::from("e1"),
        first_seq: 1,
        last_seq: 9,
        sent_at: now.wall.minus(std::time::Duration::from_secs(5)),
        records: vec![envelope(1, record), envelope(9, gap)],
    };
    store.heard(&tower);
    store.ingest(&tower, batch, now).await.unwrap();
}

fn status() -> AgentStatus {
    AgentStatus {
        version: "0.9.<i>".to_owned(),
        hostname: "node-7".to_owned(),
        uptime_seconds: 7_260,
        spool_records: 1_234,
        spool_bytes: 2_048,
        spool_dropped: 7,
        skipped_runs: 3,
        limits: vec![
            "this machine's clock is 5000 ms behind the console's: set up time synchronisation".to_owned(),
            "nobody <knows> this".to_owned(),
        ],
        ..AgentStatus::default()
    }
}

#[tokio::test]
async fn the_list_says_who_needs_a_look_and_is_a_file_without_formulas() {
    let world = World::with(INVENTORY).await;
    report(&world, status()).await;
    let mut browser = world.admin().await;
    browser
        .open("/agents")
        .await
        .shows(&[
            "=地区&lt;b&gt;探针&lt;/b&gt;",
            "Heard",
            "Not enrolled",
            "1,234",
            "2 KiB",
            "2 limits",
            "0.9.&lt;i&gt;",
            "s behind",
        ])
        .lacks(&["<b>探针", "0.9.<i>"]);
    browser.open("/agents?state=unenrolled").await.shows(&["喀什探针"]).lacks(&["node-7", "=地区"]);
    browser.open("/agents?q=NODE-7").await.shows(&["=地区"]).lacks(&["/agents/far"]);
    browser.open("/agents?q=nothing").await.shows(&["No agent matches"]);
    browser.open("/agents?format=csv").await.shows(&["'=地区<b>探针</b>"]);
    browser.chinese().open("/agents").await.shows(&["在线", "未注册", "2 项", "阿克苏地区", "慢 5"]);
}

#[tokio::test]
async fn one_agent_says_what_it_cannot_do_in_the_readers_language() {
    let world = World::with(INVENTORY).await;
    report(&world, status()).await;
    let mut browser = world.admin().await;
    browser
        .open("/agents/tower")
        .await
        .shows(&[
            "What it cannot do here",
            "clock is 5000 ms behind",
            "nobody &lt;knows&gt; this",
            "2–9",
            "Asset reachability",
            "No data of the host yet",
        ])
        .lacks(&["<knows>"]);
    browser
        .open("/agents/tower?probe=asset-icmp")
        .await
        .shows(&["地区核心&lt;script&gt;", "10.65.0.1", "Objects of Asset reachability"])
        .lacks(&["核心<script>"]);
    let seen = browser.open("/agents/tower?probe=asset-icmp&format=csv").await;
    seen.shows(&["10.65.0.2"]);
    assert_eq!(browser.open("/agents/nobody").await.status, 404);
    browser.clone().chinese().open("/agents/tower").await.shows(&[
        "本机时钟比管理中心慢 5000 毫秒",
        "设备可达性",
        "2 小时 1 分",
    ]);
    browser.open("/agents/far").await.shows(&["not enrolled"]);
}

#[tokio::test]
async fn others_regions_are_not_seen_and_only_an_admin_lets_agents_in() {
    let world = World::with(INVENTORY).await;
    let mut viewer = world.signed_in(Role::Viewer, Scope::Regions(vec!["652900".parse().unwrap()])).await;
    viewer.open("/agents").await.shows(&["/agents/tower"]).lacks(&["/agents/far", "/enroll"]);
    assert_eq!(viewer.open("/agents/far").await.status, 404);
    viewer.open("/agents/tower").await.lacks(&["/revoke", "/enroll"]);
    for path in ["/enroll", "/agents/tower/revoke"] {
        assert_eq!(viewer.open(path).await.status, 403, "{path}");
        assert_eq!(viewer.submit(path, &[("agent", "tower"), ("reason", "x")]).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_shown_once_with_the_line_to_run_and_declares_the_agent() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.admin().await;
    browser.open("/enroll?agent=far").await.shows(&["value=\"far\"", "No unused token"]);
    let wrong = browser.submit("/enroll", &[("agent", "Wu Shi<"), ("zone", "extranet")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["`Wu Shi&lt;` is no id", "aria-invalid=\"true\"", "value=\"Wu Shi&lt;\""]);
    let made = browser
        .submit(
            "/enroll",
            &[("agent", "wushi"), ("name", "乌什探针"), ("region", "652900"), ("zone", "extranet"), ("life", "week")],
        )
        .await;
    assert_eq!(made.status, 200);
    let sha = world.service().store.authority().fingerprint().to_owned();
    made.shows(&["fengsui enroll join wushi --console https://", &sha, "fse_", "data-copy=\"enroll-line\""]);
    let (_, inventory) = world.service().store.inventory();
    let declared = &inventory.agents[&AgentId::new("wushi").unwrap()];
    assert_eq!((declared.name.as_str(), declared.region.as_ref().unwrap().as_str()), ("乌什探针", "652900"));
    browser.open("/enroll").await.shows(&["/agents/wushi"]).lacks(&["fse_"]);
    browser.open("/agents/wushi").await.shows(&["乌什探针"]);
}

#[tokio::test]
async fn revoking_asks_first_and_wants_a_reason() {
    let world = World::with(INVENTORY).await;
    report(&world, status()).await;
    let mut browser = world.admin().await;
    browser.open("/agents/tower/revoke").await.shows(&["Revoke it", "Cancel"]);
    let refused = browser.submit("/agents/tower/revoke", &[("reason", " ")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["Say why"]);
    let done = browser.submit("/agents/tower/revoke", &[("reason", "gone <for> good")]).await;
    done.shows(&["Revoked: its certificates", "gone &lt;for&gt; good"]).lacks(&["/revoke\""]);
    let rows =
        world.service().store.audit(crate::console::command::Page { limit: 1, after: None }).await.unwrap().items;
    assert_eq!((rows[0].action.as_str(), rows[0].reason.as_str()), ("agent.revoke", "gone <for> good"));
    let unknown = browser.submit("/agents/far/revoke", &[("reason", "x")]).await;
    assert_eq!(unknown.status, 422);
    unknown.shows(&["is not known here"]);
}

#[tokio::test]
async fn a_console_without_agents_says_what_to_do() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/agents").await.shows(&["No agent yet", "/enroll"]);
    browser.open("/enroll").await.shows(&["Make the token"]);
}
