//! Graded protection end to end: an agent tells what a configuration came to, the console keeps it, counts it, raises
//! what broke, and a security administrator (nobody else) grants a waiver.

use fengsui::baseline::dialect::Snapshot;
use fengsui::baseline::{judge, policy, record};
use fengsui::model::finding::{self, FORM, Inspection, Origin, Part};
use fengsui::model::wire::{Findings, Record};
use serde_json::{Value, json};

use super::Door;

const GOOD: &str = "#\nsysname core-1\n#\ninfo-center loghost 10.0.0.9\n#\nundo telnet server enable\n#\naaa\n \
    local-user ops password irreversible-cipher $1a$MARKER$\n#\nuser-interface vty 0 4\n authentication-mode aaa\n \
    idle-timeout 5 0\n protocol inbound ssh\n#\nreturn\n";

/// What `text` comes to by the shipped policy.
fn look(door: &Door, text: &str) -> Inspection {
    let loaded = policy::load(&[]);
    let snapshot = Snapshot::read("core-1.cfg", text.as_bytes(), None).unwrap().remove(0);
    let found = judge::judge(&loaded.policy, &loaded.policy.profiles["l3"], &snapshot);
    let masked = text.replace("$1a$MARKER$", "***");
    let sha256 = format!("{:064x}", masked.bytes().map(u128::from).sum::<u128>());
    Inspection {
        v: FORM,
        asset: Some("core-1".parse().unwrap()),
        name: snapshot.name.clone(),
        at: door.clock.wall(),
        origin: Origin::Watched,
        os: snapshot.dialect.as_str().to_owned(),
        version: String::new(),
        profile: "l3".to_owned(),
        policy: loaded.policy.digest.clone(),
        part: Part::Running,
        changed: None,
        snapshot: Some(finding::Snapshot {
            sha256,
            text: masked,
            complete: snapshot.complete(),
            key: String::new(),
            secrets: Vec::new(),
        }),
        findings: found.iter().map(|f| record::finding(f)).collect(),
    }
}

impl Door {
    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.admin("GET", path, Vec::new()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.reason());
        serde_json::from_slice(&answer.body).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_finds_is_counted_and_what_breaks_is_an_incident() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let never = door.get("/api/v1/baseline/report").await;
    assert_eq!((&never["assets"], &never["self_check"]), (&json!(0), &json!(true)));
    let bad = GOOD.replace("undo telnet server enable", "telnet server enable").replace("inbound ssh", "inbound all");
    for (seq, text) in [(1, GOOD), (2, bad.as_str())] {
        let body = Record::Finding(Findings::of(&look(&door, text)).unwrap()).body();
        let (status, answer) = tower.send(&tower.batch("bulk", seq, &[tower.record(seq, "finding", body)])).await;
        assert_eq!((status, &answer["acked"]), (200, &json!(seq)), "{answer}");
        door.forward(std::time::Duration::from_secs(60));
    }
    let found = door.get("/api/v1/baseline/findings?asset=core-1&check=D17").await;
    let d17 = &found["items"][0];
    assert_eq!((&d17["result"], &d17["evidence"][0]["file"]), (&json!("fail"), &json!("core-1.cfg")), "{found}");
    let incidents = door.get("/api/v1/incidents?problem=baseline-drift").await;
    let keys: Vec<&str> =
        incidents["items"].as_array().unwrap().iter().filter_map(|i| i["instance"].as_str()).collect();
    assert!(keys.contains(&"D17"), "{incidents}");
    let states = door.get("/api/v1/baseline/snapshots?asset=core-1").await;
    let id = |at: usize| states["items"][at]["id"].as_i64().unwrap();
    let diff = door.get(&format!("/api/v1/baseline/diff?left={}&right={}", id(1), id(0))).await;
    assert!(diff["lines"].to_string().contains("protocol inbound all"), "{diff}");
    let whole = door.get(&format!("/api/v1/baseline/snapshots/{}", id(0))).await;
    assert!(whole["text"].as_str().unwrap().contains("telnet server enable"));
    // A waiver: an operator's token is refused, a security administrator's is not.
    let end = door.clock.wall().plus(std::time::Duration::from_secs(30 * 86_400)).to_string();
    let plea = json!({ "check": "D17", "asset": "core-1", "reason": "old", "expires": end }).to_string();
    let (operator, security) = (door.token("operator", &[]).await, door.token("security", &[]).await);
    let path = "/api/v1/baseline/waivers";
    assert_eq!(door.ask(Some(&operator), "POST", path, plea.clone().into_bytes()).await.status, 403);
    assert_eq!(door.ask(Some(&security), "POST", path, plea.into_bytes()).await.status, 200);
    let found = door.get("/api/v1/baseline/findings?check=D17").await;
    assert_eq!(
        (&found["items"][0]["result"], &found["items"][0]["waiver"]["reason"]),
        (&json!("fail"), &json!("old"))
    );
    let report = door.get("/api/v1/baseline/report").await;
    assert_eq!((&report["assets"], report["items"].as_array().unwrap().len()), (&json!(1), 74));
    assert!(report["index"]["low"].as_f64() <= report["index_adjusted"]["low"].as_f64(), "{report}");
    // By hand, and a file of somebody else's machine.
    let answers = json!({ "answers": [{ "asset": "core-1", "target": "L3-CES1-04", "result": "fail", "reason": "no second factor" }] });
    let answered =
        door.ask(Some(&security), "POST", "/api/v1/baseline/answers", answers.to_string().into_bytes()).await;
    assert_eq!(answered.status, 200, "{}", answered.reason());
    let matrix = door.get("/api/v1/baseline/assets").await;
    assert_eq!(matrix["items"][0]["items"]["L3-CES1-04"]["by_hand"], json!(true), "{matrix}");
    let mut file = look(&door, GOOD);
    (file.asset, file.name) = (None, "core-2".to_owned());
    let line = serde_json::to_string(&file).unwrap().into_bytes();
    assert_eq!(door.ask(Some(&operator), "POST", "/api/v1/baseline/import", line.clone()).await.status, 403);
    assert_eq!(door.ask(Some(&security), "POST", "/api/v1/baseline/import", line).await.status, 200);
    assert_eq!(door.get("/api/v1/baseline/report").await["assets"], json!(2));
    // Nobody speaks of what is not his.
    let mill = door.enrolled("mill").await;
    let body = Record::Finding(Findings::of(&look(&door, GOOD)).unwrap()).body();
    mill.send(&mill.batch("bulk", 1, &[mill.record(1, "finding", body)])).await;
    assert_eq!(
        door.get("/api/v1/baseline/findings?asset=core-1&check=D17").await["items"][0]["result"],
        json!("fail")
    );
    door.handle.stop().await;
}
