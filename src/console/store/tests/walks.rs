//! Raw walks: handed to the agent that reads the device, told of by it only, and bounded here, too.

use super::*;
use crate::model::walk::{self, MAX_ROWS, Progress};

fn walk(asset: &str, oid: &str) -> Command {
    Command::Walk { asset: asset.parse().unwrap(), oid: oid.to_owned() }
}

fn row(oid: &str) -> walk::Row {
    walk::Row { oid: oid.to_owned(), kind: "integer".to_owned(), value: "1".to_owned() }
}

fn told(job: &str, rows: Vec<walk::Row>) -> Record {
    Record::Walk(Progress { job: job.to_owned(), rows })
}

#[tokio::test]
async fn a_walk_goes_to_the_agent_that_watches_and_brings_what_lies_below_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let core = AssetId::new("core-1").unwrap();
    let Outcome::Started(id) = world.store.command(&admin(), None, walk("core-1", "ifTable")).await.unwrap() else {
        panic!()
    };
    let jobs = world.store.jobs(&tower()).await.unwrap();
    let wanted = Job::Walk { id: id.clone(), object: object("asset:core-1"), oid: "1.3.6.1.2.1.2.2".to_owned() };
    assert_eq!(jobs, [wanted]);
    assert!(matches!(
        world.store.command(&admin(), None, walk("core-1", "system")).await,
        Err(CommandError::Conflict(_))
    ));
    let stray = vec![row("1.3.6.1.2.1.2.2.1.1.1"), row("1.3.6.1.2.1.2.20"), row("1.3.6.1.4.1.1")];
    world.send(world.batch(Stream::Event, 1, vec![told(&id, stray)])).await.unwrap();
    // Its agent was restarted, and walks from the beginning.
    let again = told(&id, vec![row("1.3.6.1.2.1.2.2.1.1.1")]);
    world.send(world.batch(Stream::Event, 2, vec![again])).await.unwrap();
    let many = (0..MAX_ROWS).map(|n| row(&format!("1.3.6.1.2.1.2.2.1.2.{n}"))).collect();
    world.send(world.batch(Stream::Event, 3, vec![told(&id, many)])).await.unwrap();
    let result = JobResult { id: id.clone(), ok: true, detail: "2000 variables".to_owned() };
    world.send(world.batch(Stream::Event, 4, vec![Record::JobResult(result)])).await.unwrap();
    let late = told(&id, vec![row("1.3.6.1.2.1.2.2.1.1.2")]);
    world.send(world.batch(Stream::Event, 5, vec![late, told("nobody's", vec![row("1.3")])])).await.unwrap();
    let (found, rows) = world.store.walk(&Scope::All, &core, &id).await.unwrap().unwrap();
    assert_eq!(
        (found.rows, rows.len(), found.ok, found.detail.as_str()),
        (2_000, MAX_ROWS, Some(true), "2000 variables")
    );
    assert_eq!((rows[0].oid.as_str(), rows[1].oid.as_str()), ("1.3.6.1.2.1.2.2.1.1.1", "1.3.6.1.2.1.2.2.1.2.0"));
    assert_eq!(world.store.walks(&Scope::All, &core).await.unwrap(), [found]);
    // Of another asset, or out of scope, it is not there.
    let other = Scope::Regions(vec!["653000".parse().unwrap()]);
    assert!(world.store.walk(&Scope::All, &"core-2".parse().unwrap(), &id).await.unwrap().is_none());
    assert!(world.store.walk(&other, &core, &id).await.unwrap().is_none());
    assert!(world.store.walks(&other, &core).await.unwrap().is_empty());
    assert!(world.audit().await.iter().any(|row| row.action == "snmp.walk" && row.after.contains("ifTable")));
}

#[tokio::test]
async fn what_cannot_be_walked_is_refused_and_each_refusal_stands_in_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let viewer = Actor { role: Role::Viewer, ..admin() };
    let county = Actor { scope: Scope::Regions(vec!["653000".parse().unwrap()]), role: Role::Operator, ..admin() };
    for (actor, command) in [
        (viewer, walk("core-1", "system")),
        (county, walk("core-1", "system")),
        (admin(), walk("core-1", "nonsense")),
        (admin(), walk("core-1", "")),
        (admin(), walk("core-2", "system")),
        (admin(), walk("nobody", "system")),
    ] {
        assert!(world.store.command(&actor, None, command.clone()).await.is_err(), "{command:?}");
    }
    assert!(world.store.jobs(&tower()).await.unwrap().is_empty());
    assert_eq!(world.audit().await.iter().filter(|row| row.action == "snmp.walk").count(), 6);
}
