//! Batches: twice, with holes, half wrong, of strangers, and bombs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DAY, Door, wall};

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_taken_once_in_order_and_what_is_wrong_stops_nothing() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let first = tower.batch("event", 1, &[tower.status(1), tower.alert(2, "asset:core-1")]);
    for _ in 0..2 {
        let (status, answer) = tower.send(&first).await;
        assert_eq!((status, &answer["acked"]), (200, &json!(2)), "{answer}");
    }
    let (status, answer) = tower.send(&tower.batch("event", 5, &[tower.status(5)])).await;
    assert_eq!((status, &answer["acked"], &answer["expected"]), (409, &json!(2), &json!(3)));
    // The answer to 1..2 got lost, and the agent sends more with it.
    let (status, answer) = tower.send(&tower.batch("event", 2, &[tower.status(2), tower.status(3)])).await;
    assert_eq!((status, &answer["acked"]), (200, &json!(3)));
    let records = [
        tower.record(4, "facts", json!({ "object": 7 })),
        tower.record(5, "hologram", json!({ "x": 1 })),
        tower.alert(6, "asset:core-2"), // the other agent's
        tower.status(7),
    ];
    let (status, answer) = tower.send(&tower.batch("event", 4, &records)).await;
    assert_eq!((status, &answer["acked"], &answer["refused"]), (422, &json!(7), &json!([4])));
    let stats = door.handle.service.store.stats();
    assert_eq!((stats.parked, stats.unassigned, stats.aside, stats.duplicates), (1, 1, 1, 1));
    let incidents = door.admin("GET", "/api/v1/incidents", Vec::new()).await;
    let text = String::from_utf8(incidents.body).unwrap();
    assert!(text.contains("asset:core-1") && !text.contains("asset:core-2"), "{text}");
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_batch_is_refused_and_the_next_good_one_is_taken() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let pack = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let huge = vec![b' '; 1 << 30];
    let bomb = zstd::encode_all(&huge[..], 1).unwrap();
    drop(huge);
    assert!(bomb.len() < 1 << 20);
    let thousand: Vec<Value> = (1..=1_001).map(|n| tower.status(n)).collect();
    let good = tower.batch("event", 1, &[tower.status(1)]);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut batch = good.clone();
        change(&mut batch);
        pack(batch.to_string().as_bytes())
    };
    let many_values = format!("{{\"records\":[{}0]}}", "0,".repeat(1_000_000));
    for (what, body, expected) in [
        ("nothing", Vec::new(), 400),
        ("nonsense", b"{\"a\":".to_vec(), 400),
        ("a bomb", bomb, 413),
        ("more than allowed", vec![b' '; (1 << 20) + (64 << 10) + 1], 413),
        ("a broken frame", pack(good.to_string().as_bytes())[..40].to_vec(), 400),
        ("deep JSON", "[".repeat(100_000).into_bytes(), 400),
        ("a million values", pack(many_values.as_bytes()), 413),
        ("1,001 records", pack(tower.batch("event", 1, &thousand).to_string().as_bytes()), 400),
        ("not a number", changed(&|b| b["sent_at"] = json!("NaN")), 400),
        ("a number beyond all", pack(good.to_string().replace("\"v\":1", "\"v\":1e999").as_bytes()), 400),
        ("another version", changed(&|b| b["v"] = json!(2)), 400),
        ("no epoch", changed(&|b| b["epoch"] = json!("")), 400),
        ("a long epoch", changed(&|b| b["epoch"] = json!("e".repeat(65))), 400),
        ("sequence 0", changed(&|b| b["first_seq"] = json!(0)), 400),
        (
            "the last sequence",
            changed(&|b| {
                b["first_seq"] = json!(u64::MAX - 1);
                b["last_seq"] = json!(u64::MAX - 1);
                b["records"][0]["seq"] = json!(u64::MAX - 1);
            }),
            400,
        ),
        ("a hole", changed(&|b| b["last_seq"] = json!(2)), 400),
    ] {
        let (status, answer) = tower.send_bytes(body).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(!answer["detail"].as_str().unwrap_or_default().is_empty(), "{what} is not explained: {answer}");
    }
    assert_eq!(tower.send(&good).await.0, 200);
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_too_large_are_put_aside_one_by_one() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let long = "x".repeat(10_000);
    let with = |mut record: Value, key: &str, value: Value| {
        record["body"][key] = value;
        record
    };
    let evidence = |n: usize, text: &str| json!(vec![("a", text); n]);
    let facts = |seq, key: &str| {
        tower.record(seq, "facts", json!({ "object": "asset:core-1", "probe": "snmp", "values": { key: "v" } }))
    };
    let records = [
        with(tower.alert(1, "asset:core-1"), "instance", json!(long)),
        with(tower.alert(2, "asset:core-1"), "evidence", evidence(1, &long)),
        with(tower.alert(3, "asset:core-1"), "evidence", evidence(17, "b")),
        with(tower.alert(4, "asset:core-1"), "runbook", json!(long)),
        with(tower.alert(5, "asset:core-1"), "folds_into", json!(vec!["p"; 65])),
        facts(6, &"f".repeat(65)),
        facts(7, "Not A Name"),
        with(tower.status(8), "limits", json!([long])),
        with(tower.alert(9, "asset:core-1"), "evidence", evidence(16, "b")),
        with(tower.alert(10, "asset:no such id"), "count", json!(1)),
        with(tower.alert(11, "asset:core-1"), "count", json!(-1)),
    ];
    let (status, answer) = tower.send(&tower.batch("event", 1, &records)).await;
    let refused = json!([1, 2, 3, 4, 5, 6, 7, 10, 11]);
    assert_eq!((status, &answer["acked"], &answer["refused"]), (422, &json!(11), &refused));
    let agent = door.admin("GET", "/api/v1/agents/tower", Vec::new()).await;
    assert!(agent.body.len() < 8_000, "a long limit is cut: {} bytes", agent.body.len());
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_another_age_make_no_files_and_no_incidents() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let files = || -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![door.dir.path().join("data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.retain(|name| name.ends_with(".db") && name.contains('-'));
        names
    };
    let (far, past) = (wall("9999-06-01T00:00:00Z"), wall("0005-01-01T00:00:00Z"));
    let now = tower.now();
    let sample = |seq: u64, at: i64, from: i64| {
        json!({ "seq": seq, "at": at, "kind": "samples", "body": { "probe": "ping", "kind": "icmp", "from": from,
            "to": from.saturating_add(1_000), "rows": [{ "object": "asset:core-1", "runs": [1, 0, 0, 0],
            "fields": { "up": [1, 1.0, 1.0, 1.0, 1.0, 1.0] } }] } })
    };
    let times =
        [(far, far), (now, far), (now, now + 3 * 86_400_000), (now, past), (past, past), (i64::MAX, i64::MAX)];
    let records: Vec<Value> = (1..).zip(times).map(|(seq, (at, from))| sample(seq, at, from)).collect();
    let (status, answer) = tower.send(&tower.batch("sample", 1, &records)).await;
    assert_eq!((status, &answer["acked"]), (200, &json!(6)), "{answer}");
    assert_eq!(door.handle.service.store.stats().aside, 4);
    // A sender whose clock says 1970 must not turn its samples into those of 2080.
    let mut batch = tower.batch("sample", 7, &[sample(7, now, now)]);
    batch["sent_at"] = json!(0);
    assert_eq!(tower.send(&batch).await.0, 200);
    assert_eq!(door.handle.service.store.stats().aside, 5);
    let year = &fengsui::model::Wall::from_millis(now).to_string()[..4];
    let others: Vec<String> = files().into_iter().filter(|name| !name.contains(year)).collect();
    assert!(others.is_empty(), "{others:?}");

    let mut alert = tower.alert(1, "asset:core-1");
    alert["body"]["since"] = json!(far);
    let (status, _) = tower.send(&tower.batch("event", 1, &[alert])).await;
    assert_eq!(status, 200);
    let incidents = door.admin("GET", "/api/v1/incidents", Vec::new()).await;
    assert!(!String::from_utf8(incidents.body).unwrap().contains("service-down"));
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_asks_to_come_again_and_loses_nothing() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    // Every permit to receive is taken, as by 64 agents whose batches wait for the writer.
    let taken = door.handle.service.receiving.acquire_many(64).await.unwrap();
    let batch = tower.batch("event", 1, &[tower.status(1)]);
    let body = batch.to_string().into_bytes();
    let answer = tower.post("/ingest/v1/batches", body.clone()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.reason());
    drop(taken);
    assert_eq!(tower.post("/ingest/v1/batches", body).await.status, 200);
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_leaves_out_parts_of_its_plan_is_an_incident_until_it_does_not() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let mut partial = tower.status(1);
    partial["body"]["plan_problems"] = json!(2);
    assert_eq!(tower.send(&tower.batch("event", 1, &[partial])).await.0, 200);
    let found = door.admin("GET", "/api/v1/incidents?problem=plan-partial", Vec::new()).await;
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!((&found["items"][0]["state"], &found["items"][0]["object"]), (&json!("open"), &json!("agent:tower")));
    assert_eq!(tower.send(&tower.batch("event", 2, &[tower.status(2)])).await.0, 200);
    let found = door.admin("GET", "/api/v1/incidents?problem=plan-partial&state=resolved", Vec::new()).await;
    assert!(String::from_utf8(found.body).unwrap().contains("plan-partial"));
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_not_good_open_nothing_even_on_a_connection_that_was() {
    let door = Door::open().await;
    let (tower, mill) = (door.enrolled("tower").await, door.enrolled("mill").await);
    let batch = |peer: &super::Peer, n| peer.batch("event", n, &[peer.status(n)]);
    assert_eq!(tower.send(&batch(&tower, 1)).await.0, 200);
    assert_eq!(mill.send(&batch(&mill, 1)).await.0, 200);
    // None at all.
    let (status, answer) = door.peer(None).send(&batch(&tower, 2)).await;
    assert_eq!(status, 403);
    assert!(answer["detail"].as_str().unwrap().contains("fengsui enroll join"), "{answer}");
    // Of another console: TLS ends it.
    let other = Door::open().await;
    let token = other.enroll_token("tower").await;
    let stranger = other.join("tower", &token).await.unwrap();
    let peer = door.peer(Some(&stranger.pair));
    let asked = peer.client.request("GET", "/ingest/v1/desired?rev=0", &[], Vec::new(), super::PATIENCE).await;
    assert!(asked.is_err(), "{asked:?}");
    other.handle.stop().await;
    // Revoked while a poll of it waits: the poll ends and the connection is good for nothing.
    let rev = door.handle.service.plan(&"mill".parse().unwrap()).unwrap().plan.rev;
    let (poller, path) = (mill.clone(), format!("/ingest/v1/desired?rev={rev}&wait=50"));
    let poll = tokio::spawn(async move { poller.get(&path).await });
    let before = door.clock.mono();
    door.clock.sleep(Duration::from_millis(200)).await; // let the poll begin; nothing depends on it
    door.admin_json("/api/v1/agents/mill/revoke", json!({ "reason": "stolen" })).await;
    assert_eq!(mill.send(&batch(&mill, 2)).await.0, 403);
    assert_eq!(poll.await.unwrap().status, 403);
    assert!(door.clock.mono().since(before) < Duration::from_secs(40), "the poll ended with the revocation");
    // Expired on an open connection, and on a new one: renewal only.
    door.forward(DAY * 100);
    let plan = "/ingest/v1/desired?rev=0";
    assert_eq!(tower.get(plan).await.status, 403);
    tower.client.forget();
    assert_eq!(tower.get(plan).await.status, 403);
    assert_eq!(tower.send(&batch(&tower, 2)).await.0, 403);
    door.handle.stop().await;
}
