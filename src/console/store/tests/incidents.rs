//! Incidents in tables: from alert to closed, over restarts, in scope, in pages.

use super::*;
use crate::model::incident::{AckKind, CloseCause, IncidentState};

fn operator(region: &str) -> Actor {
    Actor {
        name: Arc::from("token:duty"),
        role: Role::Operator,
        scope: Scope::Regions(vec![region.parse().unwrap()]),
    }
}

#[tokio::test]
async fn an_incident_lives_from_alert_to_closed_and_survives_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    world.send(world.batch(Stream::Event, 1, vec![alert("asset:core-1", "ping", true, at)])).await.unwrap();
    let found = world.incidents().await;
    assert_eq!(found.len(), 1);
    let id = found[0].id.to_string();
    assert_eq!((found[0].state, found[0].severity), (IncidentState::Open, Severity::Major));
    assert_eq!(world.store.alerts(&Scope::All).await.unwrap().len(), 1);
    let ack = |id: &str| Command::Ack { id: id.to_owned(), comment: "on it".to_owned(), kind: AckKind::UntilChange };
    let elsewhere = world.store.command(&operator("653000"), None, ack(&id)).await.unwrap_err();
    assert!(matches!(elsewhere, CommandError::NotFound { .. }));
    match world.store.command(&operator("650000"), None, ack(&id)).await.unwrap() {
        Outcome::Incident(incident) => assert_eq!(incident.state, IncidentState::Acked),
        other => panic!("{other:?}"),
    }
    world.store.close().await;
    let world = World::open(dir.path()).await;
    assert_eq!(world.incidents().await[0].ack.as_ref().unwrap().by, "token:duty");
    let at = world.now().wall;
    world.send(world.batch(Stream::Event, 2, vec![alert("asset:core-1", "ping", false, at)])).await.unwrap();
    let found = world.incidents().await;
    assert_eq!((found.len(), found[0].state), (1, IncidentState::Resolved));
    let close = Command::Close {
        id: id.clone(),
        cause: CloseCause::FibreCut,
        party: "carrier".to_owned(),
        comment: String::new(),
    };
    world.store.command(&admin(), None, close).await.unwrap();
    let detail = world.store.incident(&Scope::All, &id).await.unwrap().unwrap();
    assert_eq!(detail.incident.close_cause, Some(CloseCause::FibreCut));
    let words: Vec<&str> = detail.timeline.iter().map(|entry| entry.kind.as_str()).collect();
    for word in ["opened", "acked", "resolved", "closed"] {
        assert!(words.contains(&word), "{word} in {words:?}");
    }
    let counts = world.store.incident_counts().await.unwrap();
    assert_eq!(counts, [IncidentCount { state: IncidentState::Closed, severity: Severity::Major, n: 1 }]);
}

#[tokio::test]
async fn a_silent_agent_is_an_incident_until_it_speaks() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let token = super::enrolment::token(&world).await;
    world.store.enroll(&token, &super::enrolment::csr()).await.unwrap();
    let mut now = world.now();
    world.store.tick(now).await;
    assert!(world.incidents().await.is_empty());
    now.mono = now.mono.plus(Duration::from_secs(31));
    world.store.tick(now).await;
    let silent = world.incidents().await;
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0].key.object, object("agent:tower"));
    world.send(world.batch(Stream::Event, 1, vec![status()])).await.unwrap();
    assert!(!world.incidents().await[0].state.active());
    assert!(world.store.alive().contains(&tower()));
}

#[tokio::test]
async fn a_removed_asset_takes_its_incidents_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let at = world.now().wall;
    let records = vec![alert("asset:core-1", "ping", true, at), alert("interface:core-1/GE1", "port-down", true, at)];
    world.send(world.batch(Stream::Event, 1, records)).await.unwrap();
    assert_eq!(world.incidents().await.iter().filter(|i| i.state.active()).count(), 2);
    let (rev, inventory) = world.store.inventory();
    let mut next = (*inventory).clone();
    next.assets.remove("core-1");
    let apply = Command::InventoryApply { inventory: Box::new(next), summary: vec![], base_rev: rev };
    world.store.command(&admin(), None, apply).await.unwrap();
    assert!(world.incidents().await.iter().all(|incident| !incident.state.active()));
}

#[tokio::test]
async fn ten_thousand_incidents_come_in_pages_without_loss_or_repetition() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    {
        let core = rusqlite::Connection::open(dir.path().join("core.db")).unwrap();
        let tx = core.unchecked_transaction().unwrap();
        for n in 0..10_000i64 {
            let asset = if n % 100 == 0 { "asset:core-2" } else { "asset:core-1" };
            tx.execute(
                "INSERT INTO incident (id, problem, object, instance, state, severity, opened, updated, count, flags, category, runbook)
                 VALUES (printf('0000-%08d', ?1), 'p' || ?1, ?2, '', 'open', ?1 % 5, ?1, ?1, 1, 0, '', '')",
                (n, asset),
            )
            .unwrap();
        }
        tx.commit().unwrap();
    }
    for (scope, least, expected) in [
        (Scope::All, None, 10_000),
        (Scope::Regions(vec!["653000".parse().unwrap()]), None, 100),
        (Scope::All, Some(Severity::Critical), 2_000),
    ] {
        let filter = IncidentFilter { min_severity: least, ..IncidentFilter::default() };
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 333, after };
            let page = world.store.incidents(&scope, filter.clone(), page).await.unwrap();
            ids.extend(page.items.into_iter().map(|incident| incident.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), expected);
        assert!(ids.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
