//! The page of what devices said, over a real store: filters, files, scope, and what it says when there is nothing.

use std::sync::Arc;

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;
use crate::engine::expose::text::{Dialect, Text};
use crate::model::wire::{
    AgentStatus, Batch, Envelope, Heard, HeardCounts, Log, LogSource, Record, Stream, WIRE_VERSION,
};
use crate::model::{AgentId, Object};

const PLACES: &str = "[[region]]\nid = \"652900\"\nname = \"阿克苏\"\ntier = \"prefecture\"\n\
    [[agent]]\nid = \"tower\"\nzone = \"extranet\"\nregion = \"652900\"\n\
    [[asset]]\nid = \"core-1\"\nname = \"核心\"\nkind = \"switch\"\nzone = \"extranet\"\nregion = \"652900\"\naddress = \"10.65.0.1\"\n";

async fn hear(world: &World, rows: &[(&str, bool)]) {
    let (service, agent) = (world.service(), AgentId::new("tower").unwrap());
    let now = service.clock.now();
    let core: Object = "asset:core-1".parse().unwrap();
    service.store.set_assignments(&agent, [core].into());
    let row = |(text, known): &(&str, bool)| Heard {
        at: now.wall,
        source: LogSource::Syslog,
        from: if *known { "10.65.0.1" } else { "10.99.0.1" }.parse().unwrap(),
        via: None,
        asset: known.then(|| "core-1".parse().unwrap()),
        host: "AKS".to_owned(),
        facility: 23,
        severity: if *known { 3 } else { 6 },
        tag: "SSH/SSH_FAIL".to_owned(),
        text: (*text).to_owned(),
        count: 7,
    };
    let record = Record::Log(Log { rows: rows.iter().map(row).collect() });
    let envelope = Envelope { seq: 1, at: now.wall, kind: record.kind().to_owned(), body: record.body() };
    let (epoch, records) = (Arc::from("e"), vec![envelope]);
    let batch =
        Batch { v: WIRE_VERSION, stream: Stream::Bulk, epoch, first_seq: 1, last_seq: 1, sent_at: now.wall, records };
    service.store.ingest(&agent, batch, now).await.unwrap();
}

#[tokio::test]
async fn a_tag_is_called_what_rules_take_it_for() {
    use crate::console::web::lang::Lang;
    let world = World::with(PLACES).await;
    let definitions = world.service().definitions();
    for (l, down, up) in [
        (Lang::Zh, "端口中断（陷阱）", "端口中断（陷阱）：恢复"),
        (Lang::En, "Port down (trap)", "Port down (trap): cleared"),
    ] {
        let all = super::meanings(&definitions, l);
        let of = |source, tag| all.get(&(source, tag)).map(String::as_str);
        assert_eq!(of(LogSource::Trap, "1.3.6.1.6.3.1.1.5.3"), Some(down));
        assert_eq!(of(LogSource::Trap, "1.3.6.1.6.3.1.1.5.4"), Some(up));
        assert_eq!((of(LogSource::Syslog, "1.3.6.1.6.3.1.1.5.3"), of(LogSource::Syslog, "*")), (None, None));
        assert!(of(LogSource::Syslog, "SSH/SSH_FAIL").is_some());
    }
}

#[tokio::test]
async fn what_no_rule_speaks_of_is_listed_by_count_and_counted_in_metrics() {
    let world = World::with(PLACES).await;
    let (service, agent) = (world.service(), AgentId::new("tower").unwrap());
    let now = service.clock.now();
    service.store.set_assignments(&agent, [].into());
    let tags = vec![("1.3.6.1.4.1.9999.1.2".to_owned(), 41), ("<b>x</b>".to_owned(), 3)];
    let heard = HeardCounts {
        source: "trap".to_owned(),
        received: 1_000,
        kept: 900,
        left_out: 60,
        refused: [("that are no traps".to_owned(), 40)].into(),
        unmapped: 44,
        unmapped_tags: tags,
    };
    let record = Record::AgentStatus(AgentStatus { heard: vec![heard], ..AgentStatus::default() });
    let envelope = Envelope { seq: 1, at: now.wall, kind: record.kind().to_owned(), body: record.body() };
    let (epoch, records) = (Arc::from("e"), vec![envelope]);
    let stream = Stream::Event;
    let batch = Batch { v: WIRE_VERSION, stream, epoch, first_seq: 1, last_seq: 1, sent_at: now.wall, records };
    service.store.ingest(&agent, batch, now).await.unwrap();
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    let page = viewer.get("/events").await;
    page.shows(&["What no rule speaks of", "/events?tag=1.3.6.1.4.1.9999.1.2", ">41<", "&lt;b&gt;x"]);
    viewer.chinese().get("/events").await.shows(&["没有规则对应的消息"]);
    let mut out = Text::new(Dialect::Plain, 0);
    crate::console::metrics::snapshot::write(service, &mut out).await.ok().unwrap();
    let text = out.finish();
    for line in [
        "received_total{agent=\"tower\",source=\"trap\"} 1000",
        "kept_total{agent=\"tower\",source=\"trap\"} 900",
        "left_out_total{agent=\"tower\",source=\"trap\"} 60",
        "unmapped_total{agent=\"tower\",source=\"trap\"} 44",
        "refused_total{agent=\"tower\",source=\"trap\",reason=\"that are no traps\"} 40",
    ] {
        assert!(text.contains(&format!("fengsui_agent_messages_{line}\n")), "{line} in {text}");
    }
}

#[tokio::test]
async fn lines_are_shown_searched_and_leave_as_a_file() {
    let world = World::with(PLACES).await;
    let mut browser = world.admin().await;
    browser.open("/events").await.shows(&["Nothing ever came", "[syslog]"]);
    hear(&world, &[("用户登录失败 <b>x</b>", true), ("hello", false)]).await;
    browser
        .open("/events")
        .await
        .shows(&["用户登录失败 &lt;b&gt;x", "/assets/core-1", "SSH/SSH_FAIL", "unknown source", "10.99.0.1", "hello"])
        .lacks(&["<b>x"]);
    browser.open("/events?q=登录失败").await.shows(&["用户登录失败"]).lacks(&["hello"]);
    browser.open("/events?asset=-").await.shows(&["hello"]).lacks(&["用户登录失败"]);
    browser.open("/events?asset=core-1&severity=error").await.shows(&["用户登录失败"]).lacks(&["hello"]);
    browser.open("/events?severity=critical").await.shows(&["Nothing matches"]);
    browser.open("/events?sender=home").await.shows(&["Write an IP address"]).lacks(&["hello"]);
    browser.open("/events?from=yesterday").await.shows(&["Write year-month-day hour:minute"]);
    browser.open("/events?format=csv&q=hello").await.shows(&["10.99.0.1", "hello", "info"]);
    browser.open("/assets/core-1").await.shows(&["/events?asset=core-1"]);
    browser.chinese().open("/events").await.shows(&["日志", "未知来源", "错误"]);
}

#[tokio::test]
async fn whoever_sees_another_region_sees_none_of_it() {
    let world = World::with(&format!("{PLACES}[[region]]\nid = \"653000\"\ntier = \"prefecture\"\n")).await;
    hear(&world, &[("登录失败", true), ("hello", false)]).await;
    let mut here = world.signed_in(Role::Viewer, Scope::Regions(vec!["652900".parse().unwrap()])).await;
    here.open("/events").await.shows(&["登录失败"]).lacks(&["hello"]);
    let mut elsewhere = world.signed_in(Role::Operator, Scope::Regions(vec!["653000".parse().unwrap()])).await;
    elsewhere.open("/events").await.lacks(&["登录失败", "hello", "核心"]);
}
