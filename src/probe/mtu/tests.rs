//! On loopback, whose interface takes 65,536 bytes; real limits are in `tests/it/path.rs`.

use crate::probe::tests::{host, run_once, told, value};

use super::*;

#[tokio::test]
async fn loopback_takes_all_there_is_to_try() {
    for (target, largest) in [("127.0.0.9", 1500), ("127.0.0.9", 9000), ("::1", 1500)] {
        let set = format!("largest={largest}");
        let run = run_once("mtu", host(target, 1), &[&set], Duration::from_secs(5)).await.unwrap();
        if run.cause == Some(Cause::Permission) {
            println!("not run: needs CAP_NET_RAW or ping_group_range");
            return;
        }
        assert_eq!(told("mtu", &run), "ok: path_mtu_bytes path_mtu", "{target}: {:?}", run.detail);
        assert_eq!(value("mtu", &run, "path_mtu_bytes"), Value::F64(f64::from(largest)));
        assert_eq!(value("mtu", &run, "path_mtu"), Value::State(0));
    }
}

#[tokio::test]
async fn silence_is_no_limit_and_a_wrong_source_is_ours() {
    // Nobody answers for an address of documentation on loopback's interface.
    let set = ["interface=lo", "tries=1", "wait=50ms"];
    let run = run_once("mtu", host("192.0.2.9", 1), &set, Duration::from_secs(5)).await.unwrap();
    let told_now = told("mtu", &run);
    assert!(
        ["failed timeout: -", "failed unreachable: -", "invalid permission: -"].contains(&told_now.as_str()),
        "{told_now}"
    );
    let run = run_once("mtu", host("127.0.0.9", 1), &["source=192.0.2.77"], Duration::from_secs(5)).await.unwrap();
    assert!(told("mtu", &run).starts_with("invalid "), "{:?}", run.detail);
}
