//! An agent alone, in this process: it judges without a console, over a jumping clock and changing plans.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fengsui::agent::{Agent, Parts};
use fengsui::config;
use fengsui::model::plan::{Plan, PlanObject, PlanProfile, PlanRule, RuleAt, RuleCase, RuleSource, Target, Task};
use fengsui::model::wire::Record;
use fengsui::model::{AgentId, Alert, AlertState, Object, ObjectKind, Severity};
use fengsui::net::clock::Clock;
use fengsui::relay::spool::{Caps, Spool};

use crate::rig::{Service, Site};

const SOON: Duration = Duration::from_secs(20);
const DAY_MS: i64 = 86_400_000;

fn plan(rev: u64, port: u16, fails: f64) -> Plan {
    let object: Object = "asset:oa".parse().expect("it is an object");
    let kind: Arc<str> = "tcp".into();
    let spec = fengsui::probe::kind("tcp").expect("tcp is a kind").spec;
    let task = Task {
        instance: "".into(),
        id: "oa-tcp|asset:oa|".into(),
        probe: "oa-tcp".parse().expect("it is an id"),
        kind: kind.clone(),
        object: object.clone(),
        target: Target { host: Some("127.0.0.1".into()), port: Some(port), url: None },
        settings: config::parse_set(spec, &[]).expect("defaults are valid"),
        interval_ms: 100,
        timeout_ms: 90,
        keep_ms: 500,
        secret: None,
        calendar: None,
    };
    let rule = PlanRule {
        id: "oa-down".parse().expect("it is an id"),
        problem: "service-down".parse().expect("it is an id"),
        on: ObjectKind::Asset,
        source: RuleSource::Kind(kind),
        at: RuleAt::Agent,
        window_ms: 0,
        raise: "fails >= limit".into(),
        clear: Some("up == 1.0".into()),
        detector: None,
        hears: None,
        for_ms: 0,
        clear_for_ms: 0,
        no_data: 0,
        folds_into: Vec::new(),
        severity: Severity::Major,
        category: String::new(),
        runbook: String::new(),
        zh: String::new(),
        en: String::new(),
        cases: vec![RuleCase {
            params: BTreeMap::from([("limit".into(), fails)]),
            calendar: None,
            objects: vec![object.clone()],
        }],
    };
    Plan {
        schema: 1,
        rev,
        digest: String::new(),
        agent: AgentId::new("tower").expect("it is an id"),
        objects: vec![PlanObject { object, name: "OA".into(), attributes: BTreeMap::new() }],
        tasks: vec![task],
        rules: vec![rule],
        sources: Vec::new(),
        calendars: Vec::new(),
        profiles: Vec::new(),
        secrets: BTreeMap::new(),
        skipped: Vec::new(),
    }
}

async fn start(site: &Site, clock: &Clock, plan: Plan) -> Agent {
    let parts = Parts {
        agent: plan.agent.clone(),
        dir: site.path("agent"),
        caps: Caps::default(),
        clock: clock.clone(),
        identity: None,
        plan: Some(plan),
        reflector: None,
        collectors: Vec::new(),
    };
    Agent::start(parts).await.expect("the agent starts")
}

async fn until(what: &str, clock: &Clock, mut holds: impl FnMut() -> bool) {
    let end = clock.mono().plus(SOON);
    while !holds() {
        assert!(clock.mono() < end, "waited in vain for: {what}");
        clock.sleep(Duration::from_millis(10)).await;
    }
}

/// Every alert that the agent wrote down, oldest first.
async fn alerts(site: &Site) -> Vec<Alert> {
    let clock = Clock::system();
    let (spool, _) = Spool::open(&site.path("agent/spool.db"), Caps::default(), clock).expect("the spool opens");
    let batch = spool.next_batch(fengsui::model::wire::Stream::Event, 1000, 1 << 20).await.expect("it can be read");
    spool.close().await;
    let records = batch.map(|batch| batch.records).unwrap_or_default();
    let alert = |record: Record| if let Record::Alert(alert) = record { Some(alert) } else { None };
    records.iter().filter_map(|e| Record::read(&e.kind, &e.body).ok().flatten().and_then(alert)).collect()
}

fn states(alerts: &[Alert]) -> Vec<AlertState> {
    alerts.iter().map(|alert| alert.state).collect()
}

fn up(agent: &Agent) -> bool {
    agent.latest.text(fengsui::engine::expose::text::Dialect::Plain).contains("fengsui_tcp_connect_seconds{")
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_it_judges_what_stops_and_what_returns_and_writes_it_down() {
    let (site, clock) = (Site::new(), Clock::system());
    let mut service = Service::start();
    let agent = start(&site, &clock, plan(1, service.port(), 3.0)).await;
    until("the first window in its metrics", &clock, || up(&agent)).await;
    service.stop();
    let firing = |agent: &Agent| !agent.firing().is_empty();
    until("the alert to fire", &clock, || firing(&agent)).await;
    service.restart();
    until("the alert to clear", &clock, || !firing(&agent)).await;
    agent.stop().await;
    assert_eq!(states(&alerts(&site).await), [AlertState::Firing, AlertState::Cleared]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jumping_clock_raises_nothing_and_stops_nothing() {
    let site = Site::new();
    let shift = Arc::new(AtomicI64::new(0));
    let clock = Clock::shifted(shift.clone());
    let service = Service::start();
    let agent = start(&site, &clock, plan(1, service.port(), 3.0)).await;
    until("the first window in its metrics", &clock, || up(&agent)).await;
    for jump in [DAY_MS, -2 * DAY_MS, 400 * DAY_MS, 0] {
        shift.store(jump, Ordering::SeqCst);
        let before = agent.counts().runs;
        until("runs to go on", &clock, || agent.counts().runs > before + 8).await;
        assert!(agent.firing().is_empty(), "after a jump of {jump} ms: {:?}", agent.firing());
    }
    assert_eq!(agent.counts().late, 0, "wall time does not matter to the schedule");
    agent.stop().await;
    assert_eq!(alerts(&site).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_change_under_load_lose_no_run_and_withdraw_what_they_drop() {
    let (site, clock) = (Site::new(), Clock::system());
    let mut service = Service::start();
    let agent = start(&site, &clock, plan(1, service.port(), 3.0)).await;
    service.stop();
    until("the alert to fire", &clock, || !agent.firing().is_empty()).await;
    for rev in 2..10 {
        agent.set_plan(plan(rev, service.port(), 2.0 + (rev % 2) as f64)).await;
        let before = agent.counts().runs;
        until("a run under the new plan", &clock, || agent.counts().runs > before).await;
    }
    assert_eq!(agent.firing().len(), 1, "a changed parameter keeps the alert");
    assert_eq!(agent.counts().overrun, 0);
    let empty = Plan { tasks: Vec::new(), rules: Vec::new(), objects: Vec::new(), ..plan(50, service.port(), 3.0) };
    agent.set_plan(empty).await;
    until("the alert to be withdrawn", &clock, || agent.firing().is_empty()).await;
    agent.stop().await;
    let all = alerts(&site).await;
    assert_eq!(states(&all), [AlertState::Firing, AlertState::Cleared]);
    assert_eq!(all[1].cleared_by.map(|by| by.as_str()), Some("withdrawn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firing_alert_survives_a_restart_without_being_raised_again() {
    let (site, clock) = (Site::new(), Clock::system());
    let mut service = Service::start();
    let agent = start(&site, &clock, plan(1, service.port(), 3.0)).await;
    service.stop();
    until("the alert to fire", &clock, || !agent.firing().is_empty()).await;
    agent.stop().await;
    let agent = start(&site, &clock, plan(1, service.port(), 3.0)).await;
    until("the alert to be known again", &clock, || !agent.firing().is_empty()).await;
    service.restart();
    until("the alert to clear", &clock, || agent.firing().is_empty()).await;
    agent.stop().await;
    assert_eq!(states(&alerts(&site).await), [AlertState::Firing, AlertState::Cleared]);
}

/// A plan of one device with one processor, whose profile reads it at this scale.
fn device_plan(rev: u64, port: u16, scale: f64) -> Plan {
    let toml = format!(
        "[[profile]]\nid = \"generic\"\n[[profile.table]]\ntable = \"one\"\ninto = \"cpu\"\ntimer = \"fast\"\n\
         rows = \"1.3.6.1.2.1.25.3.3.1.2\"\nname = {{ text = \"one\" }}\n\
         ratio = {{ oid = \"1.3.6.1.2.1.25.3.3.1.2\", scale = {scale} }}\n"
    );
    let mut plan = plan(rev, port, 3.0);
    plan.rules.clear();
    let spec = fengsui::probe::kind("snmp").expect("snmp is a kind").spec;
    for task in &mut plan.tasks {
        task.kind = "snmp".into();
        task.settings = config::parse_set(spec, &[]).expect("defaults are valid");
        task.secret = Some("public".into());
        task.interval_ms = 300;
        task.timeout_ms = 300;
    }
    plan.secrets = BTreeMap::from([("public".into(), crate::snmp::community("public"))]);
    plan.profiles = vec![
        PlanProfile { id: "generic".parse().expect("it is an id"), toml: toml.into() },
        PlanProfile { id: "broken".parse().expect("it is an id"), toml: "[[profile]]\nid = \"broken\"\n".into() },
    ];
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_come_with_the_plan_and_another_plan_brings_others() {
    let lines = "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n1.3.6.1.2.1.1.3.0|67:counter|100,100\n\
                 1.3.6.1.2.1.25.3.3.1.2.1|2|50\n";
    let recording = Arc::new(fengsui::sim::Recording::parse("one", lines.as_bytes()).expect("it is a recording"));
    let (world, at) = crate::snmp::world(recording, vec![crate::snmp::community("public")]).await;
    let (site, clock) = (Site::new(), Clock::system());
    let agent = start(&site, &clock, device_plan(1, at.port(), 0.01)).await;
    let ratio = |agent: &Agent| {
        let text = agent.latest.text(fengsui::engine::expose::text::Dialect::Plain);
        let line = text.lines().find(|line| line.starts_with("fengsui_snmp_cpu_ratio{"))?.to_owned();
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    until("the processor by the first profile", &clock, || ratio(&agent) == Some(0.5)).await;
    agent.set_plan(device_plan(2, at.port(), 0.001)).await;
    until("the processor by the second profile", &clock, || ratio(&agent) == Some(0.05)).await;
    agent.stop().await;
    drop(world);
}
