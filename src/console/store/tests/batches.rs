//! Batches: once, in order, after a crash, and only about one's own objects.

use super::*;
use crate::model::wire::{Facts, Gap, JobResult, Roster};

#[tokio::test]
async fn a_batch_is_taken_once_however_often_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let event = world.batch(Stream::Event, 1, vec![alert("asset:core-1", "ping", true, at), status()]);
    let sample = world.batch(Stream::Sample, 1, vec![samples("asset:core-1", at, 0.01)]);
    for _ in 0..3 {
        assert_eq!(world.send(event.clone()).await.unwrap().acked, 2);
        assert_eq!(world.send(sample.clone()).await.unwrap().acked, 1);
    }
    let stats = world.store.stats();
    assert_eq!((stats.batches, stats.duplicates, stats.records), (2, 4, 3));
    let points =
        world.series("rtt_seconds", at.minus(Duration::from_secs(60)), at.plus(Duration::from_secs(60)), 10).await;
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].n, 2);
}

#[tokio::test]
async fn missing_records_are_asked_for_and_a_gap_stands_for_those_that_are_lost() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.send(world.batch(Stream::Event, 1, vec![status()])).await.unwrap();
    match world.send(world.batch(Stream::Event, 5, vec![status()])).await.unwrap_err() {
        IngestError::Sequence { expected: 2, answer, .. } => {
            assert_eq!((answer.acked, answer.expected), (1, Some(2)));
        }
        other => panic!("{other}"),
    }
    let gap = Record::Gap(Gap { from: 2, to: 4, cause: "not_held".to_owned() });
    let answer = world.send(world.batch(Stream::Event, 2, vec![gap, status()])).await.unwrap();
    assert_eq!(answer.acked, 5);
    let agent = world.store.agents().into_iter().find(|agent| agent.id == tower()).unwrap();
    assert_eq!(agent.gaps.len(), 1);
    assert_eq!((agent.gaps[0].first, agent.gaps[0].last, agent.gaps[0].cause.as_str()), (2, 4, "not_held"));
}

#[tokio::test]
async fn a_batch_that_contradicts_itself_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let mut batch = world.batch(Stream::Event, 1, vec![status(), status()]);
    batch.last_seq = 7;
    assert!(matches!(world.send(batch).await, Err(IngestError::Envelope(_))));
    assert_eq!(world.send(world.batch(Stream::Event, 1, vec![status()])).await.unwrap().acked, 1);
}

#[tokio::test]
async fn malformed_and_unknown_records_do_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let mut batch =
        world.batch(Stream::Event, 1, vec![status(), status(), status(), alert("asset:core-1", "ping", true, at)]);
    batch.records[0].body = serde_json::json!({"version": 7});
    batch.records[1].kind = "hologram".to_owned();
    match world.send(batch).await.unwrap_err() {
        IngestError::Malformed(answer) => assert_eq!((answer.acked, answer.refused), (4, vec![1])),
        other => panic!("{other}"),
    }
    let stats = world.store.stats();
    assert_eq!((stats.aside, stats.parked, stats.records), (1, 1, 4));
    assert!(on_disk(&dir.path().join("log"), b"hologram"));
}

#[tokio::test]
async fn windows_of_probes_that_run_once_a_day_or_a_week_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let of_days = |days: u64| {
        let from = world.now().wall.minus(Duration::from_secs(days * 86_400));
        match samples("asset:core-1", from, 1.0) {
            Record::Samples(samples) => Record::Samples(Samples { to: world.now().wall, ..samples }),
            other => other,
        }
    };
    world.send(world.batch(Stream::Sample, 1, vec![of_days(1), of_days(7)])).await.unwrap();
    assert_eq!(world.store.stats().aside, 0);
    match world.send(world.batch(Stream::Sample, 3, vec![of_days(8)])).await.unwrap_err() {
        IngestError::Malformed(answer) => assert_eq!(answer.refused, vec![3]),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn records_more_than_a_day_ahead_are_put_aside_and_the_clock_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let mut batch = world.batch(Stream::Event, 1, vec![status()]);
    let ahead = world.now().wall.plus(Duration::from_secs(2 * 86_400));
    batch.records[0].at = ahead;
    batch.sent_at = ahead;
    assert_eq!(world.send(batch).await.unwrap().acked, 1);
    assert_eq!(world.store.stats().aside, 1);
    let agent = world.store.agents().into_iter().find(|agent| agent.id == tower()).unwrap();
    assert!(agent.skew_ms.unwrap() < -86_400_000);
    assert!(agent.status.is_none());
    let skewed = |incidents: &[Incident]| {
        incidents.iter().any(|i| i.key.to_string() == "clock-skew|agent:tower|" && i.state.active())
    };
    assert!(skewed(&world.incidents().await));
    world.send(world.batch(Stream::Event, 2, vec![status()])).await.unwrap();
    assert!(!skewed(&world.incidents().await));
}

#[tokio::test]
async fn an_agent_speaks_about_its_own_objects_only() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let facts = |on: &str| {
        Record::Facts(Facts {
            object: object(on),
            instance: Arc::from(""),
            probe: "snmp".parse().unwrap(),
            values: BTreeMap::from([("model".to_owned(), "S6730".to_owned())]),
        })
    };
    let records = vec![
        alert("asset:core-2", "ping", true, at),
        alert("asset:core-2", "ping", true, at),
        facts("asset:core-2"),
        facts("interface:core-1/GE0/0/1"),
        facts("agent:tower"),
        facts("agent:other"),
    ];
    assert_eq!(world.send(world.batch(Stream::Event, 1, records)).await.unwrap().acked, 6);
    let sample = world.batch(Stream::Sample, 1, vec![samples("asset:core-2", at, 1.0)]);
    assert_eq!(world.send(sample).await.unwrap().acked, 1);
    assert_eq!(world.store.stats().unassigned, 5);
    assert!(!world.incidents().await.iter().any(|incident| incident.key.object == object("asset:core-2")));
    let refusals: Vec<String> =
        world.audit().await.into_iter().filter(|row| row.action == "ingest.refuse").map(|row| row.target).collect();
    assert_eq!(refusals, ["agent:other", "asset:core-2"]);
    let port = object("interface:core-1/GE0/0/1");
    assert_eq!(world.store.facts(&Scope::All, &port).await.unwrap().len(), 1);
    let ports = world.store.interfaces(&Scope::All, &AssetId::new("core-1").unwrap()).await.unwrap();
    assert_eq!(ports, [port]);
    assert!(world.store.latest(&Scope::All, &object("asset:core-2")).is_empty());
}

#[tokio::test]
async fn without_a_plan_a_declared_agent_is_asked_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.store.clone().close().await;
    drop(world);
    let world = World::open(dir.path()).await;
    let fresh = Store::open(&StoreParts::new(dir.path(), &world.clock));
    assert!(matches!(fresh, Err(StoreError::Held { .. })));
    let other = AgentId::new("nobody").unwrap();
    let batch = world.batch(Stream::Event, 1, vec![status()]);
    // Not declared: nothing is its own, but it may report itself.
    assert_eq!(world.store.ingest(&other, batch.clone(), world.now()).await.unwrap().acked, 1);
}

#[tokio::test]
async fn a_new_epoch_begins_at_one_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.send(world.batch(Stream::Event, 1, vec![status(), status()])).await.unwrap();
    let mut batch = world.batch(Stream::Event, 1, vec![status()]);
    batch.epoch = Arc::from("e2");
    assert_eq!(world.send(batch).await.unwrap().acked, 1);
    let reset = |incidents: &[Incident]| {
        incidents.iter().any(|i| i.key.to_string() == "spool-reset|agent:tower|" && i.state.active())
    };
    assert!(reset(&world.incidents().await));
    world.forward(Duration::from_secs(2 * 3_600));
    world.store.tick(world.now()).await;
    assert!(!reset(&world.incidents().await));
}

#[tokio::test]
async fn answers_to_jobs_take_them_off_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let command = Command::ProbeNow { object: object("interface:core-1/GE1"), count: 3, spacing_ms: 1_000 };
    match world.store.command(&admin(), None, command).await.unwrap() {
        Outcome::Queued(agents) => assert_eq!(agents, [tower()]),
        other => panic!("{other:?}"),
    }
    let jobs = world.store.jobs(&tower()).await.unwrap();
    let Job::ProbeNow { id, .. } = &jobs[0] else { panic!("{jobs:?}") };
    let result = Record::JobResult(JobResult { id: id.clone(), ok: true, detail: String::new() });
    let roster = Record::Roster(Roster { firing: vec![], plan_rev: 1 });
    world.send(world.batch(Stream::Event, 1, vec![result, roster])).await.unwrap();
    assert!(world.store.jobs(&tower()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    // The files are copied while the store is open: what kill -9 would leave.
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let copy = tempfile::tempdir().unwrap();
    for round in 0..20u64 {
        let event = world.batch(Stream::Event, round + 1, vec![status()]);
        let sample = world.batch(
            Stream::Sample,
            round + 1,
            vec![samples("asset:core-1", at.minus(Duration::from_secs(10 * round)), 0.5)],
        );
        let (a, b) = tokio::join!(world.send(event), world.send(sample));
        assert_eq!((a.unwrap().acked, b.unwrap().acked), (round + 1, round + 1));
        if round % 5 != 4 {
            continue;
        }
        let target = copy.path().join(round.to_string());
        copy_tree(dir.path(), &target);
        let after = World::open(&target).await;
        let again = after.batch(Stream::Event, 1, (0..=round).map(|_| status()).collect());
        after.send(again).await.unwrap();
        let next = after.batch(Stream::Sample, round + 2, vec![samples("asset:core-1", at, 0.5)]);
        assert_eq!(after.send(next).await.unwrap().acked, round + 2);
        assert_eq!(after.store.stats().duplicates, 1);
        let points = after
            .series("rtt_seconds", at.minus(Duration::from_secs(600)), at.plus(Duration::from_secs(60)), 1_000)
            .await;
        assert_eq!(points.iter().map(|p| p.n).sum::<u64>(), 2 * (round + 2));
        assert!(after.store.audit_verify().await.unwrap().broken_at.is_none());
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn an_agent_that_invents_interfaces_and_facts_fills_no_disk() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let invented = |from: usize, n: usize| {
        let Record::Samples(mut made) = samples("asset:core-1", at, 1.0) else { panic!("they are samples") };
        let row = made.rows.remove(0);
        made.rows = (from..from + n)
            .map(|n| SampleRow { object: object(&format!("interface:core-1/x{n}")), ..row.clone() })
            .collect();
        Record::Samples(made)
    };
    for part in 0..21u64 {
        let record = invented(part as usize * 500, 500);
        assert_eq!(world.send(world.batch(Stream::Sample, part + 1, vec![record])).await.unwrap().acked, part + 1);
    }
    let core1 = "core-1".parse().unwrap();
    assert_eq!(world.store.interfaces(&Scope::All, &core1).await.unwrap().len(), 10_000);
    assert_eq!(world.store.stats().unassigned, 500);
    assert!(world.store.latest(&Scope::All, &object("interface:core-1/x10400")).is_empty());
    // Known ones go on.
    world.forward(Duration::from_secs(20));
    assert_eq!(world.send(world.batch(Stream::Sample, 22, vec![invented(9_999, 2)])).await.unwrap().acked, 22);
    assert_eq!(world.store.stats().unassigned, 501);
    let facts = |n: usize| {
        Record::Facts(Facts {
            object: object("asset:core-1"),
            instance: Arc::from(n.to_string()),
            probe: "snmp".parse().unwrap(),
            values: (0..250).map(|f| (format!("f{f}"), "v".to_owned())).collect(),
        })
    };
    world.send(world.batch(Stream::Event, 1, (0..60).map(facts).collect())).await.unwrap();
    let rows = rusqlite::Connection::open(dir.path().join("core.db"))
        .and_then(|core| core.query_row("SELECT count(*) FROM fact", [], |r| r.get::<_, i64>(0)))
        .unwrap();
    assert_eq!(rows, 10_000);
}

#[tokio::test]
async fn what_is_learnt_of_a_way_is_no_change_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let ways = [
        "10.0.0.1 > 10.0.0.2 > 10.0.0.9",
        "10.0.0.1 > 10.0.0.2|10.0.0.3 > 10.0.0.9",
        // The agent begins anew.
        "10.0.0.1 > * > 10.0.0.9",
        "10.0.0.1 > 10.0.0.3 > 10.0.0.9",
        "10.0.0.1 > 10.0.0.4 > 10.0.0.9",
        "10.0.0.1 > 10.0.0.4 > 10.0.0.5 > 10.0.0.9",
    ];
    for (seq, way) in (1..).zip(ways) {
        let facts = Record::Facts(Facts {
            object: object("asset:core-1"),
            instance: Arc::from(""),
            probe: "p".parse().unwrap(),
            values: BTreeMap::from([("path".to_owned(), way.to_owned())]),
        });
        world.send(world.batch(Stream::Event, seq, vec![facts])).await.unwrap();
        world.forward(Duration::from_secs(60));
    }
    let noted = world.store.fact_changes(&Scope::All, &object("asset:core-1"), "path").await.unwrap();
    let noted: Vec<&str> = noted.iter().map(|fact| &*fact.value).collect();
    assert_eq!(noted, [ways[5], ways[4], ways[1]]);
    let held = world.store.facts(&Scope::All, &object("asset:core-1")).await.unwrap();
    assert_eq!(held[0].value, ways[5]);
}

#[tokio::test]
async fn what_ports_tell_in_words_and_the_engine_ids_of_devices_are_found_for_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let facts = |object_: &str, probe: &str, values: &[(&str, &str)]| {
        Record::Facts(Facts {
            object: object(object_),
            instance: Arc::from(""),
            probe: probe.parse().unwrap(),
            values: values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
        })
    };
    let port = [("alias", "到乌什"), ("type", "ethernetCsmacd"), ("index", "7"), ("mac", "02:00:5e:00:00:01")];
    let records = vec![
        facts("interface:core-1/GE0/0/1", "snmp", &port),
        facts("interface:core-1/GE0/0/1", "snmp-again", &[("alias", "old"), ("index", "")]),
        facts("asset:core-1", "snmp", &[("engine_id", "800007db03112233445566"), ("name", "core-1")]),
    ];
    world.send(world.batch(Stream::Event, 1, records)).await.unwrap();
    let told = world.store.ports_told().await.unwrap();
    let told = &told[&object("interface:core-1/GE0/0/1")];
    let want = [("alias", "到乌什"), ("index", "7"), ("type", "ethernetCsmacd")];
    assert_eq!(told.iter().map(|(field, text)| (*field, &**text)).collect::<Vec<_>>(), want);
    let at = world.now().wall;
    let engines = world.store.engines(at.minus(Duration::from_secs(3600))).await.unwrap();
    assert_eq!(engines[&crate::model::AssetId::new("core-1").unwrap()], "800007db03112233445566");
    assert!(world.store.engines(at.plus(Duration::from_secs(1))).await.unwrap().is_empty(), "what is old is not so");
}
