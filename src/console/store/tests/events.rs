//! What devices said: kept once, found by words, in the file of its month, of assets in scope.

use super::*;
use crate::console::store::retention::daily;
use crate::model::wire::{Heard, Log, LogSource};

fn heard(at: Wall, text: &str) -> Heard {
    Heard {
        at,
        source: LogSource::Syslog,
        from: "10.65.0.1".parse().unwrap(),
        via: None,
        asset: Some("core-1".parse().unwrap()),
        host: "AKS-CORE".to_owned(),
        facility: 23,
        severity: 4,
        tag: "SSH/SSH_FAIL".to_owned(),
        text: text.to_owned(),
        count: 1,
    }
}

fn unknown(at: Wall, text: &str) -> Heard {
    Heard { from: "10.99.0.1".parse().unwrap(), asset: None, severity: 6, tag: String::new(), ..heard(at, text) }
}

fn log(rows: Vec<Heard>) -> Record {
    Record::Log(Log { rows })
}

impl World {
    async fn found(&self, filter: EventFilter) -> Vec<String> {
        self.events(&Scope::All, filter).await
    }

    async fn events(&self, scope: &Scope, filter: EventFilter) -> Vec<String> {
        let page = Page { limit: 100, after: None };
        let found = self.store.events(scope, filter, page).await.unwrap().items;
        found.into_iter().map(|row| row.heard.text).collect()
    }
}

fn words(words: &str) -> EventFilter {
    EventFilter { words: words.to_owned(), ..EventFilter::default() }
}

#[tokio::test]
async fn lines_are_found_by_any_part_of_chinese_and_by_the_beginning_of_words() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let rows =
        vec![heard(at, "用户登录失败 (IP=10.1.2.3)"), heard(at, "接口 GE0/0/1 变为 DOWN"), unknown(at, "hello")];
    let batch = world.batch(Stream::Bulk, 1, vec![log(rows)]);
    world.send(batch).await.unwrap();
    for (asked, want) in [
        ("", &["hello", "接口 GE0/0/1 变为 DOWN", "用户登录失败 (IP=10.1.2.3)"][..]),
        ("登录失败", &["用户登录失败 (IP=10.1.2.3)"]),
        ("失败", &["用户登录失败 (IP=10.1.2.3)"]),
        ("败", &[]),
        ("登", &["用户登录失败 (IP=10.1.2.3)"]),
        ("失败登录", &[]),
        ("10.1.2", &["用户登录失败 (IP=10.1.2.3)"]),
        ("10.1.2.3", &["用户登录失败 (IP=10.1.2.3)"]),
        ("10.1.2.30", &[]),
        ("ge0/0 down", &["接口 GE0/0/1 变为 DOWN"]),
        ("ssh_fail", &["接口 GE0/0/1 变为 DOWN", "用户登录失败 (IP=10.1.2.3)"]),
        ("aks-core 10.99", &["hello"]),
        ("\" OR text : *", &[]),
        ("%%", &[]),
    ] {
        assert_eq!(world.found(words(asked)).await, want, "{asked}");
    }
    let asset = Some("core-1".parse().unwrap());
    assert_eq!(world.found(EventFilter { asset, ..EventFilter::default() }).await.len(), 2);
    assert_eq!(world.found(EventFilter { unknown: true, ..EventFilter::default() }).await, ["hello"]);
    assert_eq!(world.found(EventFilter { severity: Some(4), ..EventFilter::default() }).await.len(), 2);
    let sender = Some("10.99.0.1".parse().unwrap());
    assert_eq!(world.found(EventFilter { sender, ..words("hello") }).await, ["hello"]);
    assert_eq!(world.found(EventFilter { to: Some(at), ..EventFilter::default() }).await, Vec::<String>::new());
    assert_eq!(world.found(EventFilter { from: Some(at), ..words("down") }).await.len(), 1);
    let elsewhere = Scope::Regions(vec!["653000".parse().unwrap()]);
    assert_eq!(world.events(&elsewhere, EventFilter::default()).await, Vec::<String>::new());
    let here = Scope::Regions(vec!["652900".parse().unwrap()]);
    assert_eq!(world.events(&here, EventFilter::default()).await.len(), 2);
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_kept_once_and_a_month_has_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open_at(dir.path(), Wall::parse("2026-03-01T00:00:10+08:00").unwrap()).await;
    let at = world.now().wall;
    let old = at.minus(Duration::from_secs(60));
    let rows: Vec<Heard> = (0..5).map(|n| heard(if n < 2 { old } else { at }, &format!("line {n}"))).collect();
    let batch = world.batch(Stream::Bulk, 1, vec![log(rows)]);
    world.send(batch.clone()).await.unwrap();
    // Killed between the commits of the two files, the agent sends it again.
    let core = rusqlite::Connection::open(dir.path().join("core.db")).unwrap();
    core.execute("DELETE FROM watermark", []).unwrap();
    world.send(batch).await.unwrap();
    assert_eq!(world.found(words("line")).await, ["line 4", "line 3", "line 2", "line 1", "line 0"]);
    for month in ["202602", "202603"] {
        assert!(dir.path().join(format!("event/event-{month}.db")).exists(), "{month}");
    }
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = Page { limit: 2, after };
        let found = world.store.events(&Scope::All, words("line"), page).await.unwrap();
        pages.push(found.items.len());
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    // A month goes once all of it is too old.
    world.forward(Duration::from_secs(86_400 * 170));
    daily(&world.store, world.now().wall).await.unwrap();
    assert_eq!(world.found(words("line")).await.len(), 5);
    world.forward(Duration::from_secs(86_400 * 20));
    daily(&world.store, world.now().wall).await.unwrap();
    assert_eq!(world.found(words("line")).await, ["line 4", "line 3", "line 2"]);
}

#[tokio::test]
async fn an_agent_speaks_for_its_own_assets_and_the_line_stays_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let foreign = Heard { asset: Some("core-2".parse().unwrap()), ..heard(at, "not mine") };
    let long = Heard { text: "x".repeat(5_000), ..heard(at, "") };
    let unset = heard(Wall::from_millis(1_000), "a clock that was never set");
    let records = vec![log(vec![foreign, unset]), log(vec![long])];
    let error = world.send(world.batch(Stream::Bulk, 1, records)).await.unwrap_err();
    assert!(matches!(error, IngestError::Malformed(answer) if answer.refused == [2]));
    assert_eq!(world.found(EventFilter { unknown: true, ..EventFilter::default() }).await, ["not mine"]);
    assert_eq!(world.found(words("clock")).await, ["a clock that was never set"]);
    assert!(world.audit().await.iter().any(|row| row.action == "ingest.refuse" && row.target == "asset:core-2"));
}
