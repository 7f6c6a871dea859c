//! On loopback, which is one hop away; real routers are in `tests/it/path.rs`.

use crate::model::observation::Value;
use crate::probe::tests::{cx, host, run_once, task, told, value};

use super::*;

#[tokio::test]
async fn loopback_is_one_hop_whatever_the_protocol() {
    for set in [&["method=udp"][..], &["method=icmp"], &["method=udp", "count=1", "dscp=cs6", "source=127.0.0.5"]] {
        let run = run_once("path", host("127.0.0.9", 1), set, Duration::from_secs(5)).await.unwrap();
        assert_eq!(
            told("path", &run),
            "ok: rtt loss_ratio hop_count path_changes balanced_count path used_method",
            "{set:?}: {:?}",
            run.detail
        );
        assert_eq!(value("path", &run, "path"), Value::Text("127.0.0.9".into()));
        assert_eq!(value("path", &run, "hop_count"), Value::F64(1.0));
        assert_eq!(value("path", &run, "loss_ratio"), Value::F64(0.0));
        let hop = &run.rows[1];
        assert_eq!((run.rows.len(), hop.table, hop.instance.as_ref()), (2, 1, "01"));
        assert_eq!(hop.values[0], Value::Text("127.0.0.9".into()));
    }
}

#[tokio::test]
async fn what_this_host_lacks_is_not_the_targets_fault() {
    for (set, wanted) in [
        (&["source=192.0.2.77", "method=udp"][..], "invalid unsupported: -"),
        (&["interface=nope0"], "invalid unsupported: -"),
    ] {
        let run = run_once("path", host("127.0.0.9", 1), set, Duration::from_secs(5)).await.unwrap();
        assert_eq!(told("path", &run), wanted, "{:?}", run.detail);
    }
    let run = run_once("path", host("no name at all", 1), &[], Duration::from_secs(5)).await.unwrap();
    assert_eq!(told("path", &run), "failed resolve: -");
}

#[tokio::test]
async fn a_flow_stays_the_same_from_run_to_run_and_differs_between_tasks() {
    let flow = |id: &str| {
        let task = task(&SPEC, id, host("127.0.0.1", 1), &[]);
        crate::engine::schedule::phase(0, &task.id, Duration::from_nanos(0x4000)).subsec_nanos()
    };
    assert_eq!(flow("a"), flow("a"));
    assert_ne!(flow("a"), flow("b"));
    assert!(prober(&cx(), &task(&SPEC, "a", Default::default(), &[]), None).is_err());
}
