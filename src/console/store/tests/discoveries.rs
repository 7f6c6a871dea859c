//! Sweeps: handed out with the secrets they need, told of by their agent only, and silent about values.

use super::*;
use crate::model::discovery::{Found, Progress, Wanted};
use crate::model::inventory::AssetKind;
use crate::model::{SecretText, ZoneId};

fn wanted(ranges: &[&str]) -> Wanted {
    Wanted {
        ranges: ranges.iter().map(|r| (*r).to_owned()).collect(),
        secrets: vec!["aks-core".to_owned()],
        snmp_port: 161,
        tcp_ports: vec![22],
    }
}

fn begin(agent: &str, wanted: Wanted) -> Command {
    let zone = ZoneId::new("extranet").unwrap();
    Command::Discover { agent: agent.parse().unwrap(), wanted, zone, region: None, found: None }
}

fn found(address: &str) -> Found {
    Found {
        address: address.parse().unwrap(),
        name: "core\u{7}".to_owned(),
        kind: AssetKind::Switch,
        icmp: true,
        tcp: vec![22, 4444],
        secret: Some("aks-core".to_owned()),
        description: String::new(),
        object_id: String::new(),
    }
}

async fn world(dir: &Path) -> World {
    let world = World::open(dir).await;
    let secret = Secret::SnmpCommunity { v1: false, community: SecretText::new("MARKER") };
    let set = Command::SecretSet { name: "aks-core".to_owned(), secret };
    world.store.command(&admin(), None, set).await.unwrap();
    world
}

#[tokio::test]
async fn a_sweep_goes_out_with_its_secrets_and_comes_back_with_what_was_asked_for_only() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let command = begin("tower", wanted(&["10.9.0.0/30"]));
    let Outcome::Started(id) = world.store.command(&admin(), None, command.clone()).await.unwrap() else { panic!() };
    let jobs = world.store.jobs(&tower()).await.unwrap();
    let Job::Discover { id: job, keys, .. } = &jobs[0] else { panic!("{jobs:?}") };
    assert_eq!((job, keys.len()), (&id, 1));
    assert!(serde_json::to_string(&jobs[0]).unwrap().contains("MARKER"), "the agent must have it");
    assert!(!format!("{jobs:?}").contains("MARKER"));
    // While it is under way there is no second one.
    assert!(matches!(world.store.command(&admin(), None, command).await, Err(CommandError::Conflict(_))));
    let progress = Record::Discovery(Progress {
        job: id.clone(),
        done: 1,
        total: 2,
        found: vec![found("10.9.0.1"), found("10.8.0.1")],
    });
    world.send(world.batch(Stream::Event, 1, vec![progress])).await.unwrap();
    let (row, items) = world.store.discovery(&id).await.unwrap().unwrap();
    assert_eq!((row.looked, row.total, row.found, row.ended), (1, 2, 1, None));
    assert_eq!((items[0].name.as_str(), items[0].tcp.as_slice()), ("core", [22].as_slice()));
    let result = Record::JobResult(JobResult { id: id.clone(), ok: true, detail: "looked".to_owned() });
    world.send(world.batch(Stream::Event, 2, vec![result])).await.unwrap();
    let (row, _) = world.store.discovery(&id).await.unwrap().unwrap();
    assert_eq!((row.ok, row.detail.as_str()), (Some(true), "looked"));
    assert!(world.store.jobs(&tower()).await.unwrap().is_empty());
    // What comes after the end, or from somebody else, changes nothing.
    let late = Record::Discovery(Progress { job: id.clone(), done: 2, total: 2, found: vec![found("10.9.0.2")] });
    world.send(world.batch(Stream::Event, 3, vec![late])).await.unwrap();
    assert_eq!(world.store.discovery(&id).await.unwrap().unwrap().1.len(), 1);
    let rows = world.store.audit(Page { limit: 100, after: None }).await.unwrap();
    assert!(format!("{rows:?}").contains("discovery.begin") && !format!("{rows:?}").contains("MARKER"));
    // Nor is the value in the database beside the job.
    let core = std::fs::read(dir.path().join("core.db")).unwrap();
    let wal = std::fs::read(dir.path().join("core.db-wal")).unwrap_or_default();
    assert!(![core, wal].concat().windows(6).any(|w| w == b"MARKER"));
}

#[tokio::test]
async fn wrong_sweeps_are_refused_and_one_from_elsewhere_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let unknown = Wanted { secrets: vec!["nothing".to_owned()], ..wanted(&["10.9.0.1"]) };
    let many = Wanted { tcp_ports: (1..=17).collect(), ..wanted(&["10.9.0.1"]) };
    for command in [
        begin("tower", wanted(&["10.0.0.0/8"])),
        begin("tower", wanted(&[])),
        begin("tower", unknown),
        begin("tower", many),
        begin("nobody", wanted(&["10.9.0.1"])),
    ] {
        assert!(world.store.command(&admin(), None, command.clone()).await.is_err(), "{command:?}");
    }
    let Command::Discover { wanted, zone, .. } = begin("tower", wanted(&["10.9.0.1"])) else { panic!() };
    let agent = AgentId::new("command.line").unwrap();
    let command = Command::Discover { agent, wanted, zone, region: None, found: Some(vec![found("10.9.0.1")]) };
    let Outcome::Started(id) = world.store.command(&admin(), None, command).await.unwrap() else { panic!() };
    let (row, items) = world.store.discovery(&id).await.unwrap().unwrap();
    assert_eq!((row.ok, row.looked, items.len()), (Some(true), 1, 1));
    assert!(world.store.jobs(&tower()).await.unwrap().is_empty());
}
