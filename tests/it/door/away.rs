//! The agent's side: consoles that lie, plans of another time, files that were damaged.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use fengsui::agent::{Agent, Parts};
use fengsui::config;
use fengsui::model::wire::{JobResult, Record};
use fengsui::net::clock::Clock;
use fengsui::relay::spool::{Append, Caps, Spool};
use fengsui::relay::uplink::{self, UplinkParts};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::Door;

/// A plan as a console of a later version would send it.
fn newer(agent: &str) -> Value {
    let task = |id: &str, object: &str| {
        json!({ "id": id, "probe": "ping", "kind": "tcp", "object": object, "target": { "host": "127.0.0.1", "port": 1 },
            "settings": {}, "interval_ms": 1_000, "timeout_ms": 500, "keep_ms": 10_000 })
    };
    let rule = |id: &str, severity: &str| {
        json!({ "id": id, "problem": "p", "on": "asset", "source": { "kind": "tcp" }, "at": "agent", "window_ms": 0,
            "raise": "up < 1.0", "for_ms": 0, "clear_for_ms": 0, "no_data": 0, "severity": severity,
            "cases": [{ "params": {}, "objects": ["asset:a"] }] })
    };
    let mut strange = task("strange", "asset:a");
    strange["settings"] = json!({ "how": { "quantum": 7 } });
    let mut unknown = task("unknown", "asset:a");
    unknown["kind"] = json!("hologram");
    json!({
        "schema": 9, "rev": 41, "digest": "d", "agent": agent, "profiles": [{ "x": 1 }], "moons": {},
        "objects": [
            { "object": "asset:a", "name": "a", "attributes": {} },
            { "object": "satellite:s", "name": "s", "attributes": {} },
        ],
        "tasks": [task("plain", "asset:a"), task("far", "satellite:s"), strange, unknown],
        "rules": [rule("good", "major"), rule("odd", "apocalyptic")],
        "secrets": {
            "known": { "type": "token", "token": "t" },
            "later": { "type": "quantum", "key": "hunter2" },
            "broken": { "type": "token", "token": { "hunter2": 1 } },
        },
    })
}

#[test]
fn of_a_plan_of_a_newer_version_the_known_parts_are_used_and_the_others_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json");
    std::fs::write(&path, newer("tower").to_string()).unwrap();
    let plan = config::plan::load(&path).unwrap().unwrap();
    assert_eq!(plan.tasks.iter().map(|t| &*t.id).collect::<Vec<_>>(), ["plain", "unknown"]);
    assert_eq!(plan.rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["good"]);
    assert_eq!((plan.objects.len(), plan.secrets.len()), (1, 1));
    let said = plan.skipped.join("\n");
    for word in ["schema 9", "`satellite:s`", "`far`", "`strange`", "`odd`", "`later`", "`broken`", "update"] {
        assert!(said.contains(word), "`{word}` is not in {said}");
    }
    assert!(!said.contains("hunter2") && !format!("{plan:?}").contains("hunter2"), "{said}");
    // Written down by this build, it still says that something is missing.
    config::plan::save(&path, &plan).unwrap();
    assert_eq!(config::plan::load(&path).unwrap().unwrap().skipped, plan.skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_starts_with_damaged_files_and_says_so_and_asks_anew_for_what_it_lacks() {
    let door = Door::open().await;
    let token = door.enroll_token("tower").await;
    let identity = door.join("tower", &token).await.unwrap();
    let dir = door.dir.path().join("agent");
    std::fs::create_dir_all(&dir).unwrap();
    let start = async |plan: &[u8]| {
        std::fs::write(dir.join("plan.json"), plan).unwrap();
        let parts = Parts {
            agent: "tower".parse().unwrap(),
            dir: dir.clone(),
            caps: Caps::default(),
            clock: door.clock.clone(),
            identity: Some(identity.clone()),
            plan: None,
            reflector: None,
            collectors: Vec::new(),
        };
        Agent::start(parts).await.unwrap()
    };
    let current = door.handle.service.plan(&"tower".parse().unwrap()).unwrap().plan.rev;
    let told = async |what: &str, holds: &(dyn Fn(&Value) -> bool + Sync)| {
        door.until(what, async || {
            let answer = door.admin("GET", "/api/v1/agents/tower", Vec::new()).await;
            let agent: Value = serde_json::from_slice(&answer.body).unwrap();
            holds(&agent["status"])
        })
        .await;
    };
    let limit = |status: &Value, word: &str| status["limits"].to_string().contains(word);

    std::fs::write(dir.join("spool.db"), b"this is no database, and never was one").unwrap();
    let agent = start(b"{\"schema\":1,").await;
    assert!(agent.limits.list().iter().any(|(topic, _)| *topic == "plan"));
    told("spool and plan in the status", &|s| limit(s, "set aside") && s["plan_rev"] == current).await;
    agent.stop().await;

    // Of a newer version and of the very revision that the console has: it is asked for again all the same.
    let mut plan = newer("tower");
    plan["rev"] = json!(current);
    let agent = start(plan.to_string().as_bytes()).await;
    told("the whole plan again", &|s| s["plan_rev"] == current && !limit(s, "left out")).await;
    agent.stop().await;

    let agent = start(newer("mill").to_string().as_bytes()).await;
    let kept = || config::plan::load(&dir.join("plan.json")).unwrap().unwrap();
    door.until("its own plan instead of another's", async || kept().agent.as_str() == "tower").await;
    assert_eq!(kept().rev, current);
    agent.stop().await;
    door.handle.stop().await;
}

/// Answers every request with what `answer` says of its path; then the connection ends.
async fn liar(door: &Door, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let store = &door.handle.service.store;
    let identity = store.server_identity(&[]).unwrap();
    let pair = fengsui::net::tls::Pair { certificate: identity.chain, key: identity.key.expose().to_owned() };
    let tls = fengsui::net::tls::server_mutual(&pair, &door.ca(), &Clock::system()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(tls.config.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = vec![0; 4_096];
                let n = stream.read(&mut head).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&head[..n]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                let _ = stream.write_all(&answer(path)).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let mut all =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).into_bytes();
    all.extend_from_slice(body);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_lies_gets_no_record_deleted_and_no_plan_believed() {
    let door = Door::open().await;
    let token = door.enroll_token("tower").await;
    let good = door.join("tower", &token).await.unwrap();
    let now = door.clock.wall().millis();
    let redirect =
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
    let endless = {
        let mut all = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..64 {
            all.extend_from_slice(b"10000\r\n");
            all.extend_from_slice(&[b'x'; 0x10000]);
            all.extend_from_slice(b"\r\n");
        }
        all
    };
    for (what, lie) in [
        ("nonsense", http("200 OK", b"<html>hello</html>")),
        ("no HTTP", b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("an endless body", endless),
        ("a body that breaks off", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()),
        ("a redirect", redirect),
        (
            "more acknowledged than was ever made",
            http("200 OK", json!({ "acked": u64::MAX, "now": now }).to_string().as_bytes()),
        ),
        ("a number below zero", http("200 OK", json!({ "acked": -1, "now": now }).to_string().as_bytes())),
        (
            "a wish for the far future",
            http("409 Conflict", json!({ "acked": 0, "expected": u64::MAX, "now": now }).to_string().as_bytes()),
        ),
        (
            "refusals of others",
            http("422 Unprocessable", json!({ "acked": 0, "refused": [77], "now": now }).to_string().as_bytes()),
        ),
        ("a year of its own", http("200 OK", json!({ "acked": 0, "now": i64::MAX }).to_string().as_bytes())),
    ] {
        let address = liar(&door, move |_| lie.clone()).await;
        let mut identity = good.clone();
        identity.console = format!("https://{address}");
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(&dir.path().join("spool.db"), Caps::default(), door.clock.clone()).unwrap();
        let record = |n: u64| Append {
            record: Record::JobResult(JobResult { id: n.to_string(), ok: true, detail: String::new() }),
            at: door.clock.wall(),
        };
        spool.append((1..=5).map(record).collect(), Vec::new()).await.unwrap();
        let (out, mut plans) = mpsc::channel(4);
        let (_rev, plan_rev) = watch::channel(0);
        let (trigger, stop) = fengsui::net::stop::pair();
        let parts = UplinkParts { spool: spool.clone(), identity, clock: door.clock.clone(), plan_rev, desired: out };
        let (task, status) = uplink::run(parts, stop);
        door.until(what, async || {
            let status = status.borrow();
            status.last_error.is_some() || status.last_ok.is_some()
        })
        .await;
        trigger.stop();
        task.await.unwrap();
        assert_eq!(spool.stats().records, 5, "{what}");
        assert!(plans.try_recv().is_err(), "{what}");
        spool.close().await;
    }
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_newer_console_is_answered_and_a_plan_comes_through_beside_it() {
    let desired = json!({ "plan": newer("tower"), "now": 0, "later": {},
        "jobs": [{ "job": "dance", "id": "j1" }, { "job": "roster", "id": "j2" }, 7] });
    let read: fengsui::model::wire::Desired = serde_json::from_value(desired).unwrap();
    use fengsui::model::plan::Job;
    assert_eq!(read.jobs, [Job::Unknown { id: "j1".into() }, Job::Roster { id: "j2".into() }]);
    assert_eq!(read.plan.unwrap().rev, 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_no_record_that_memory_can_hold() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::tiny(dir.path()) else {
        return println!("not run: a small file system cannot be mounted here (needs root)");
    };
    let clock = Clock::system();
    let (spool, _) = Spool::open(&dir.path().join("spool.db"), Caps::default(), clock.clone()).unwrap();
    let append = async |n: u64| {
        let record = Record::JobResult(JobResult { id: n.to_string(), ok: true, detail: String::new() });
        spool.append(vec![Append { record, at: clock.wall() }], Vec::new()).await
    };
    append(1).await.unwrap();
    let mut filler = std::fs::File::create(dir.path().join("filler")).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    for n in 2..=200 {
        append(n).await.unwrap();
    }
    assert_eq!(spool.stats().records, 200);
    assert!(!spool.stats().limits().is_empty(), "it says that the disk is full");
    drop(filler);
    std::fs::remove_file(dir.path().join("filler")).unwrap();
    spool.close().await;
}

struct Mount(std::path::PathBuf);

impl Mount {
    fn tiny(at: &Path) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at)
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
