//! Reports of devices: the last one counts, and what moves is no change; nobody speaks of what is not his.

use super::*;
use crate::model::wire::{Packed, Report};

fn report(on: &str, text: &str, fingerprint: u64) -> Record {
    let packed = Packed::of(text).unwrap();
    Record::Report(Report { object: object(on), probe: "asset-device".parse().unwrap(), fingerprint, packed })
}

#[tokio::test]
async fn the_last_report_is_kept_with_the_time_of_its_last_change() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let core = AssetId::new("core-1").unwrap();
    assert!(world.store.report(&Scope::All, &core).await.unwrap().is_none());
    let mut times = Vec::new();
    for (n, (text, fingerprint)) in (1_u64..).zip([("{\"v\":1}", 7), ("{\"v\":2}", 7), ("{\"v\":3}", u64::MAX)]) {
        world.send(world.batch(Stream::Bulk, n, vec![report("asset:core-1", text, fingerprint)])).await.unwrap();
        let row = world.store.report(&Scope::All, &core).await.unwrap().unwrap();
        assert_eq!(row.packed.text().as_deref(), Some(text));
        times.push((row.at, row.changed));
        world.forward(Duration::from_secs(600));
    }
    assert_eq!(times[1].1, times[0].1, "the second one changed nothing that counts");
    assert!(times[1].0 > times[0].0 && times[2].1 == times[2].0);
    assert_eq!(world.store.report_times().await.unwrap(), [(core.clone(), times[2].0)]);
    // Out of scope it is not there.
    let other = Scope::Regions(vec!["653000".parse().unwrap()]);
    assert!(world.store.report(&other, &core).await.unwrap().is_none());
    // With its asset it goes, at the next look of the day.
    let (rev, inventory) = world.store.inventory();
    let mut less = (*inventory).clone();
    less.assets.remove(&core);
    let command = Command::InventoryApply { inventory: Box::new(less), summary: vec![], base_rev: rev };
    world.store.command(&admin(), None, command).await.unwrap();
    retention::daily(&world.store, world.now().wall).await.unwrap();
    assert!(world.store.report_times().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cut_table_deletes_nothing_and_says_from_when_its_rows_are() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let core = AssetId::new("core-1").unwrap();
    let whole = r#"{"v":1,"interfaces":[{"name":"GE1"},{"name":"GE2"}]}"#;
    let cut =
        r#"{"v":1,"interfaces":[{"name":"GE1"}],"incomplete":[{"table":"interfaces","reason":"no answer in time"}]}"#;
    let mut rows = Vec::new();
    for (n, text) in (1_u64..).zip([whole, cut, cut, whole]) {
        world.send(world.batch(Stream::Bulk, n, vec![report("asset:core-1", text, n)])).await.unwrap();
        let row = world.store.report(&Scope::All, &core).await.unwrap().unwrap();
        let object: serde_json::Value = serde_json::from_str(&row.packed.text().unwrap()).unwrap();
        rows.push((object, row.at));
        world.forward(Duration::from_secs(600));
    }
    let first = rows[0].1.to_string();
    for (object, _) in &rows[1..3] {
        assert_eq!(object["interfaces"][1]["name"], "GE2");
        assert_eq!(object["interfaces"][1]["as_of"], first.as_str());
        assert_eq!(
            (&object["incomplete"][0]["kept_rows"], &object["incomplete"][0]["as_of"]),
            (&1.into(), &first.as_str().into())
        );
        assert!(object["interfaces"][0].get("as_of").is_none());
    }
    assert!(rows[3].0["interfaces"][1].get("as_of").is_none());
}

#[tokio::test]
async fn reports_of_others_are_refused_and_what_is_no_object_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.send(world.batch(Stream::Bulk, 1, vec![report("asset:core-2", "{}", 1)])).await.unwrap();
    assert!(world.store.report_times().await.unwrap().is_empty());
    assert!(world.audit().await.iter().any(|row| row.action == "ingest.refuse" && row.target == "asset:core-2"));
    for (n, wrong) in (2..).zip([report("link:l", "{}", 1), report("asset:core-1", "[]", 1)]) {
        let refused = world.send(world.batch(Stream::Bulk, n, vec![wrong])).await.unwrap_err();
        let IngestError::Malformed(answer) = refused else { panic!("{refused:?}") };
        assert_eq!((answer.acked, answer.refused), (n, vec![n]));
    }
    assert!(world.store.report_times().await.unwrap().is_empty());
}
