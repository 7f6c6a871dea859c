//! Graded systems from the inventory's file to the incident: somebody is told 60, 30 and 7 days before the next
//! assessment, louder each time, until the inventory has its date.

use super::*;
use crate::model::incident::IncidentState;

/// The text of a system that was assessed on a day.
fn system(world: &World, assessed: &str) -> Inventory {
    let text = format!(
        "[[system]]\nid = \"oa\"\nname = \"公文系统\"\nlevel = 3\nassets = [\"core-1\"]\n\
         filing = {{ number = \"65290-1\", filed = 2024-03-01, last_assessed = {assessed} }}\n"
    );
    let (_, held) = world.store.inventory();
    crate::config::inventory::apply(&held, &[("s.toml".to_owned(), text)], false).unwrap().merged
}

async fn declare(world: &World, assessed: &str) {
    let inventory = Box::new(system(world, assessed));
    let base_rev = world.store.inventory().0;
    let command = Command::InventoryApply { inventory, summary: vec![], base_rev };
    world.store.command(&admin(), None, command).await.unwrap();
}

/// The incident about the system on a day, if there is one: its state, how bad it is, the days that are left.
async fn told(world: &World, day: &str) -> Option<(IncidentState, Severity, String)> {
    let at = Wall::parse(&format!("{day}T04:00:00Z")).unwrap();
    world.forward(at.since(world.now().wall));
    super::super::retention::daily(&world.store, world.now().wall).await.unwrap();
    let found = world.incidents().await;
    let due = found.into_iter().find(|i| &*i.key.instance == "system:oa")?;
    let contribution = due.contributions.first()?;
    let days = contribution.evidence.iter().find(|(name, _)| name == "days").map(|(_, days)| days.clone());
    Some((due.state, due.severity, days.unwrap_or_default()))
}

#[tokio::test]
async fn a_system_is_due_by_its_dates_until_it_was_assessed_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open_at(dir.path(), Wall::parse("2027-01-01T04:00:00Z").unwrap()).await;
    declare(&world, "2026-05-20").await;
    assert_eq!(world.store.inventory().1.systems["oa"].filing.filed.as_deref(), Some("2024-03-01"));
    assert_eq!(told(&world, "2027-03-20").await, None, "61 days before");
    let open = |severity, days: &str| Some((IncidentState::Open, severity, days.to_owned()));
    assert_eq!(told(&world, "2027-03-21").await, open(Severity::Info, "60"));
    assert_eq!(told(&world, "2027-04-20").await, open(Severity::Warning, "30"));
    assert_eq!(told(&world, "2027-05-13").await, open(Severity::Minor, "7"));
    assert_eq!(told(&world, "2027-05-20").await, open(Severity::Major, "0"));
    declare(&world, "2027-05-19").await;
    let (state, ..) = told(&world, "2027-05-21").await.unwrap();
    assert_eq!(state, IncidentState::Resolved);
}
