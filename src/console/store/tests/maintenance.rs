//! Maintenance windows: who may announce what, what they do to incidents and to availability.

use super::*;
use crate::model::maintenance::{Every, Work};

const HOUR: Duration = Duration::from_secs(3_600);

fn asked(on: &str, from: Wall, to: Wall) -> Work {
    Work {
        title: "光缆割接".to_owned(),
        objects: vec![object(on)],
        problems: Vec::new(),
        from,
        to,
        every: None,
        until: None,
    }
}

async fn add(world: &World, actor: &Actor, asked: Work) -> Result<String, CommandError> {
    match world.store.command(actor, None, Command::MaintenanceAdd(Box::new(asked))).await? {
        Outcome::Started(id) => Ok(id),
        other => panic!("{other:?}"),
    }
}

fn operator(name: &str, scope: Scope) -> Actor {
    Actor { name: Arc::from(name), role: Role::Operator, scope }
}

#[tokio::test]
async fn an_incident_within_a_window_is_marked_and_the_mark_goes_with_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let now = world.now().wall;
    world.send(world.batch(Stream::Event, 1, vec![alert("asset:core-1", "asset-down", true, now)])).await.unwrap();
    let flagged = async || world.incidents().await[0].flags.maintenance;
    world.store.tick(world.now()).await;
    assert!(!flagged().await);
    let id = add(&world, &admin(), asked("asset:core-1", now, now.plus(HOUR))).await.unwrap();
    world.store.tick(world.now()).await;
    assert!(flagged().await);
    world.forward(HOUR + Duration::from_secs(1));
    world.store.tick(world.now()).await;
    assert!(!flagged().await);
    let detail = world.store.incident(&Scope::All, &world.incidents().await[0].id).await.unwrap().unwrap();
    let lines: Vec<&str> =
        detail.timeline.iter().map(|t| t.text.as_str()).filter(|t| t.ends_with("maintenance")).collect();
    assert_eq!(lines, ["+maintenance", "-maintenance"]);
    let over = world.store.command(&admin(), None, Command::MaintenanceEnd { id }).await.unwrap_err();
    assert!(matches!(over, CommandError::Conflict(_)), "{over}");
}

#[tokio::test]
async fn a_window_that_is_ended_is_over_after_a_restart_too() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let now = world.now().wall;
    let id = add(&world, &admin(), asked("region:652900", now, now.plus(HOUR))).await.unwrap();
    let open = |world: &World| {
        world.store.maintained(&Scope::All, &object("interface:core-1/GE1"), now, now.plus(HOUR)).len()
    };
    assert_eq!(open(&world), 1);
    world.forward(Duration::from_secs(60));
    world.store.command(&admin(), None, Command::MaintenanceEnd { id }).await.unwrap();
    world.store.clone().close().await;
    drop(world);
    let world = World::open_at(dir.path(), now.plus(HOUR)).await;
    let held = world.store.maintained(&Scope::All, &object("asset:core-1"), now, now.plus(HOUR));
    assert_eq!(held.iter().map(|(_, _, to)| to.since(now).as_secs()).collect::<Vec<_>>(), [60]);
    assert_eq!(world.store.maintenance(&Scope::All).len(), 1);
}

#[tokio::test]
async fn what_may_not_be_announced_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let now = world.now().wall;
    let near = operator("user:near", Scope::Regions(vec!["652900".parse().unwrap()]));
    let plain = asked("asset:core-1", now, now.plus(HOUR));
    for (actor, asked, said) in [
        (&admin(), Work { title: " ".into(), ..plain.clone() }, "the title must not be empty"),
        (&admin(), Work { objects: vec![], ..plain.clone() }, "name 1 to 200 objects"),
        (&admin(), Work { to: now.plus(HOUR * 24 * 8), ..plain.clone() }, "last 7 days at most"),
        (&admin(), Work { from: now.minus(HOUR), ..plain.clone() }, "cannot be announced afterwards"),
        (&admin(), Work { every: Some(Every::Day), ..plain.clone() }, "needs a last time within a year"),
        (&admin(), asked("asset:nobody", now, now.plus(HOUR)), "`asset:nobody` is not known here"),
        (&near, asked("asset:core-2", now, now.plus(HOUR)), "`asset:core-2` is not known here"),
        (&Actor { role: Role::Viewer, ..near.clone() }, plain.clone(), "it needs `operator`"),
    ] {
        let error = add(&world, actor, asked).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    add(&world, &near, plain).await.unwrap();
    assert_eq!(world.store.maintenance(&Scope::Regions(vec!["653000".parse().unwrap()])).len(), 0);
}

#[tokio::test]
async fn one_that_covers_much_counts_only_once_a_second_person_agreed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let (rev, mut inventory) = {
        let (rev, inventory) = world.store.inventory();
        (rev, (*inventory).clone())
    };
    let model = inventory.assets.values().next().unwrap().clone();
    for n in 0..60 {
        let id: AssetId = format!("more-{n}").parse().unwrap();
        inventory.assets.insert(id.clone(), crate::model::inventory::Asset { id, ..model.clone() });
    }
    let command = Command::InventoryApply { inventory: Box::new(inventory), summary: vec![], base_rev: rev };
    world.store.command(&admin(), None, command).await.unwrap();
    let now = world.now().wall;
    let (first, second) = (operator("user:a", Scope::All), operator("user:b", Scope::All));
    let id = add(&world, &first, asked("region:652900", now, now.plus(HOUR))).await.unwrap();
    let open = || world.store.maintained(&Scope::All, &object("asset:core-1"), now, now.plus(HOUR)).len();
    assert_eq!(open(), 0);
    let approve = Command::MaintenanceApprove { id };
    let error = world.store.command(&first, None, approve.clone()).await.unwrap_err().to_string();
    assert!(error.contains("somebody else"), "{error}");
    world.store.command(&second, None, approve).await.unwrap();
    assert_eq!(open(), 1);
    let rows = world.audit().await;
    assert!(rows.iter().any(|row| row.action == "maintenance.approve" && row.result == "ok"));
}

#[tokio::test]
async fn what_was_lost_and_slow_in_a_window_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let begin = Wall::parse("2026-03-03T10:00:00+08:00").unwrap();
    let minutes = |minutes: u64| begin.plus(Duration::from_secs(minutes * 60));
    let world = World::open_at(dir.path(), begin).await;
    // From within an hour over the whole of the next.
    let planned = minutes(65)..minutes(180);
    add(&world, &admin(), asked("asset:core-1", planned.start, planned.end)).await.unwrap();
    world.forward(HOUR * 3);
    for hour in 0..3 {
        let windows = (0..360).map(|at| minutes(hour * 60).plus(Duration::from_secs(at * 10)));
        let windows = windows.map(|at| samples("asset:core-1", at, if planned.contains(&at) { 1.0 } else { 0.001 }));
        world.send(world.batch(Stream::Sample, hour * 360 + 1, windows.collect())).await.unwrap();
    }
    super::rolls::close(&world).await;
    let key = SeriesKey {
        object: object("asset:core-1"),
        field: String::new(),
        instance: String::new(),
        agent: None,
        probe: None,
    };
    let found = world.store.availability(&Scope::All, key, begin, minutes(180), None).await.unwrap();
    assert_eq!((found.availability.good, found.availability.maintained_good), (10_800, 6_900));
    assert_eq!((found.sent, found.lost), (3_900, 390));
    assert!(found.rtt.unwrap().p99 < 0.003, "{:?}", found.rtt);
}
