//! Raw walks of a device: against the simulator, and from end to end with the real binary.

use std::net::SocketAddr;
use std::sync::Arc;

use fengsui::config::kinds::settings_of;
use fengsui::model::ProbeId;
use fengsui::model::plan::{Target, Task};
use fengsui::model::walk::{MAX_ROWS, MAX_VALUE, Row, read};
use fengsui::net::clock::Clock;
use fengsui::probe::{self, walk::Walk};
use fengsui::sim::Recording;
use serde_json::Value;

use crate::discover::devices;
use crate::rig::{Site, text};
use crate::snmp::{community, world};

async fn walk(at: SocketAddr, oid: &str) -> (Vec<Row>, Result<String, String>) {
    let kind = probe::kind("device").unwrap();
    let task = Task {
        instance: "".into(),
        id: "asset-device|asset:a|a".into(),
        probe: ProbeId::new("asset-device").unwrap(),
        kind: "device".into(),
        object: "asset:a".parse().unwrap(),
        target: Target { host: Some(at.ip().to_string()), port: Some(at.port()), url: None },
        settings: settings_of(kind.spec),
        interval_ms: 600_000,
        timeout_ms: 1_000,
        keep_ms: 600_000,
        secret: Some("a".into()),
        calendar: None,
    };
    let secret = community("public");
    let held = [secret.clone(), community("hidden-elsewhere"), community("x")];
    let walk = Walk::of(&task, &secret, held.iter(), read(oid).unwrap()).unwrap();
    let mut walking = walk.begin(Clock::system());
    let mut rows = Vec::new();
    while let Some(row) = walking.rows.recv().await {
        rows.push(row);
    }
    (rows, (&mut walking.end).await.unwrap())
}

#[tokio::test]
async fn everything_below_comes_in_order_without_what_is_secret() {
    let long = "y".repeat(5_000);
    let text = format!(
        "1.3.6.1.2.1.1.1.0|4|made up\n\
         1.3.6.1.2.1.1.5.0|4|public is the community of edge-x\n\
         1.3.6.1.2.1.1.6.0|4x|bacbd0c4\n\
         1.3.6.1.2.1.2.2.1.2.1|4|Gi1\n\
         1.3.6.1.2.1.2.2.1.2.2|4|{long}\n\
         1.3.6.1.4.1.9.2|4|via hidden-elsewhere\n\
         1.3.6.1.6.3.16.1.2.1.3.2.6.112.117.98.108.105.99|4|readers\n\
         1.3.6.1.6.3.16.1.2.1.3.2.6.112.117.98.108.105.100|4|writers\n\
         1.3.6.1.6.3.16.1.2.1.3.2.6.112.117.98.108.105.101|6|1.3.6.1.6.3.18.1.1.1.3.6.112.117.98.108.105.99\n\
         1.3.6.1.6.3.18.1.1.1.2.6.112.117.98.108.105.99|4|other\n\
         1.3.6.1.6.3.18.1.1.1.3.6.112.117.98.108.105.99|4|name\n"
    );
    let recording = Arc::new(Recording::parse("made-up", text.as_bytes()).unwrap());
    let (world, at) = world(recording, vec![community("public")]).await;
    let (rows, end) = walk(at, "1.3.6.1").await;
    assert_eq!(end.as_deref(), Ok("all variables that there are: 8; 3 of communities are not shown"));
    let shown: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} {}", row.oid, row.kind, row.value))
        .filter(|row| row.len() < 100)
        .collect();
    assert_eq!(
        shown,
        [
            "1.3.6.1.2.1.1.1.0 text made up",
            "1.3.6.1.2.1.1.5.0 text ***",
            "1.3.6.1.2.1.1.6.0 text 核心",
            "1.3.6.1.2.1.2.2.1.2.1 text Gi1",
            "1.3.6.1.4.1.9.2 text ***",
            "1.3.6.1.6.3.16.1.2.1.3.2.6.112.117.98.108.105.100 text writers",
            "1.3.6.1.6.3.16.1.2.1.3.2.6.112.117.98.108.105.101 oid ***",
        ]
    );
    assert_eq!(rows[4].value.len(), MAX_VALUE + '…'.len_utf8());
    // A variable by its whole name, and one that there is not.
    let (rows, end) = walk(at, "sysDescr.0").await;
    assert_eq!((rows.len(), end.as_deref()), (1, Ok("all variables that there are: 1")));
    let (rows, end) = walk(at, "lldpRemTable").await;
    assert_eq!((rows.len(), end.as_deref()), (0, Ok("the device has nothing below 1.0.8802.1.1.2.1.4.1")));
    world.stop().await;
    let (rows, end) = walk(at, "system").await;
    assert!(rows.is_empty() && end.as_ref().is_err_and(|why| why.contains("port unreachable")), "{end:?}");
}

#[tokio::test]
async fn a_walk_ends_at_its_bound_and_says_so() {
    let text: String = (1..=MAX_ROWS + 500).map(|n| format!("1.3.6.1.2.1.2.2.1.10.{n}|65|{n}\n")).collect();
    let recording = Arc::new(Recording::parse("many", text.as_bytes()).unwrap());
    let (world, at) = world(recording, vec![community("public")]).await;
    let (rows, end) = walk(at, "mib-2").await;
    assert_eq!(end.as_deref(), Ok("the first 2000 variables; ask for a smaller subtree to see the rest"));
    assert_eq!((rows.len(), rows[1_999].oid.as_str()), (MAX_ROWS, "1.3.6.1.2.1.2.2.1.10.2000"));
    world.stop().await;
}

#[test]
fn an_asset_is_walked_by_the_agent_that_reads_it_with_the_secret_it_has() {
    let devices = devices(3);
    let site = Site::new();
    let _daemon = site.up();
    site.write("community", "MARKER-community\n");
    let (file, port) = (site.arg("community"), devices.port());
    let set = site.run(&["secret", "set", "field", "--type", "snmp-v2c", "--file", &file]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let adopt = ["discover", "127.78.3.3", "--secret", "field", "--snmp-port", &port, "--ports", "1", "--adopt"];
    let adopted = site.run(&adopt);
    assert!(adopted.status.success(), "{}", text(&adopted.stderr));
    // The agent has the plan with the new asset a moment later.
    let walk = ["snmp", "walk", "@sim-switch-1", "ifDescr"];
    let done = crate::rig::wait_for("the walk", std::time::Duration::from_secs(60), || {
        let done = site.run(&walk);
        done.status.success().then_some(done)
    });
    let shown = text(&done.stdout);
    assert_eq!(shown.lines().count(), 9, "{shown}");
    assert!(shown.starts_with("1.3.6.1.2.1.2.2.1.2.1 = text: GigabitEthernet0/0/1 Interface\n"), "{shown}");
    assert!(text(&done.stderr).contains("all variables that there are: 9"), "{}", text(&done.stderr));
    let items: Vec<Value> = site.json(&["snmp", "walk", "@sim-switch-1", "sysName.0"]);
    assert_eq!((&items[0]["name"], &items[0]["value"]), (&"sysName.0".into(), &"sim-switch-1".into()));
    for (args, code) in
        [(["snmp", "walk", "@sim-switch-1", "lldpRemTable"], 1), (["snmp", "walk", "@nobody", "system"], 1)]
    {
        let refused = site.run(&args);
        assert_ne!(refused.status.code(), Some(0), "{args:?} {code}: {}", text(&refused.stderr));
    }
}
