//! Commands: roles, audit, secrets, tokens, inventory; the directory itself.

use super::*;
use crate::config::plan::MARKS;
use crate::model::SecretText;

const SECRET: &str = "tower-of-kizilgaha-community";

fn secret() -> Secret {
    Secret::SnmpCommunity { v1: false, community: SecretText::new(SECRET) }
}

fn set(name: &str) -> Command {
    Command::SecretSet { name: name.to_owned(), secret: secret() }
}

#[tokio::test]
async fn a_second_holder_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let error = Store::open(&StoreParts::new(dir.path(), &world.clock)).unwrap_err().to_string();
    let pid = std::process::id();
    assert!(error.contains(&format!("is held by process {pid}: stop it")), "{error}");
    let World { store, clock, .. } = world;
    store.close().await;
    Store::open(&StoreParts::new(dir.path(), &clock)).unwrap().close().await;
}

#[tokio::test]
async fn secrets_survive_and_never_stand_anywhere_in_clear_text() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    world.store.command(&admin(), Some("first"), set("aks-core")).await.unwrap();
    let marks = world.store.secret(MARKS);
    world.store.command(&admin(), None, Command::SecretRotate).await.unwrap();
    assert_eq!(world.store.secret("aks-core"), Some(secret()));
    assert_eq!((world.store.secrets()[0].generation, world.store.secrets().len()), (2, 1));
    assert!(marks.is_some() && world.store.secret(MARKS) == marks, "hashes from before still compare");
    let hidden = Command::SecretRemove { name: MARKS.to_owned() };
    assert!(matches!(world.store.command(&admin(), None, hidden).await, Err(CommandError::NotFound { .. })));
    let used = Command::SecretRemove { name: "aks-core".to_owned() };
    let error = world.store.command(&admin(), None, used).await.unwrap_err().to_string();
    assert!(error.contains("is used by asset `core-1`"), "{error}");
    let bad = Command::SecretSet { name: "No Name".to_owned(), secret: secret() };
    assert!(matches!(world.store.command(&admin(), None, bad).await, Err(CommandError::Invalid(_))));
    assert!(!on_disk(dir.path(), SECRET.as_bytes()));
    let clock = world.clock.clone();
    world.store.close().await;
    assert!(!on_disk(dir.path(), SECRET.as_bytes()));
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    assert_eq!(store.secret("aks-core"), Some(secret()));
    assert_eq!(store.secret("other"), None);
    assert_eq!(store.secret(MARKS), marks);
    store.close().await;
    // Another key does not open it, and that is no reason not to start.
    std::fs::remove_file(dir.path().join("key")).unwrap();
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    assert_eq!(store.secret("aks-core"), None);
    assert!(store.secret(MARKS).is_some_and(|other| Some(other) != marks), "made anew");
    store.command(&admin(), None, set("aks-core")).await.unwrap();
    assert_eq!(store.secret("aks-core"), Some(secret()));
}

#[tokio::test]
async fn every_command_leaves_a_row_and_a_refused_one_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let viewer = Actor { name: Arc::from("token:wall"), role: Role::Viewer, scope: Scope::All };
    let error = world.store.command(&viewer, None, set("x")).await.unwrap_err();
    assert_eq!(error, CommandError::Forbidden { role: "viewer", needs: "admin" });
    let regional = Actor {
        name: Arc::from("token:r"),
        role: Role::Admin,
        scope: Scope::Regions(vec!["652900".parse().unwrap()]),
    };
    assert!(world.store.command(&regional, None, set("x")).await.is_err());
    world.store.command(&admin(), Some("because"), set("x")).await.unwrap();
    let rows: Vec<(String, String, String, String)> = world
        .audit()
        .await
        .into_iter()
        .filter(|row| row.action == "secret.set")
        .map(|row| (row.actor, row.target, row.reason, row.result))
        .collect();
    let row = |actor: &str, reason: &str, result: &str| {
        (actor.to_owned(), "secret:x".to_owned(), reason.to_owned(), result.to_owned())
    };
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], row("local:0", "because", "ok"));
    assert!(rows[1].3.starts_with("refused: this changes things outside any region"));
    assert_eq!(rows[2], row("token:wall", "", "refused: role `viewer` may not do this; it needs `admin`"));
    assert!(world.store.audit_verify().await.unwrap().broken_at.is_none());
}

#[tokio::test]
async fn an_audit_row_that_was_altered_or_removed_shows() {
    for (text, expected) in [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 3", Some(3)),
        ("DELETE FROM audit WHERE seq = 2", Some(3)),
        ("UPDATE audit SET hash = x'00' WHERE seq = 4", Some(4)),
        ("UPDATE audit SET at = at", None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let world = World::open(dir.path()).await;
        for name in ["a", "b", "c", "d"] {
            world.store.command(&admin(), None, set(name)).await.unwrap();
        }
        let core = rusqlite::Connection::open(dir.path().join("core.db")).unwrap();
        core.execute(text, []).unwrap();
        assert_eq!(world.store.audit_verify().await.unwrap().broken_at, expected, "{text}");
    }
}

#[tokio::test]
async fn audit_rows_come_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    for name in ["a", "b", "c", "d"] {
        world.store.command(&admin(), None, set(name)).await.unwrap();
    }
    let mut seqs = Vec::new();
    let mut after = None;
    loop {
        let page = world.store.audit(Page { limit: 2, after }).await.unwrap();
        seqs.extend(page.items.iter().map(|row| row.seq));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seqs, [5, 4, 3, 2, 1]);
    let error = world.store.audit(Page { limit: 2, after: Some("x".to_owned()) }).await.unwrap_err();
    assert!(error.to_string().contains("is no cursor"));
}

#[tokio::test]
async fn tokens_work_until_they_expire_or_are_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let create = |name: &str, expires| Command::TokenCreate {
        name: name.to_owned(),
        role: Role::Operator,
        scope: Scope::Regions(vec!["652900".parse().unwrap()]),
        expires,
    };
    let expires = Some(world.now().wall.plus(Duration::from_secs(60)));
    let Outcome::Token { token, .. } = world.store.command(&admin(), None, create("duty", expires)).await.unwrap()
    else {
        panic!("no token")
    };
    assert!(token.expose().starts_with("fst_"));
    let actor = world.store.token_check(token.expose()).unwrap();
    assert_eq!((&*actor.name, actor.role), ("token:duty", Role::Operator));
    assert!(world.store.token_check("fst_wrong").is_none());
    assert!(!on_disk(dir.path(), token.expose().as_bytes()));
    let again = world.store.command(&admin(), None, create("duty", None)).await.unwrap_err();
    assert!(matches!(again, CommandError::Conflict(_)));
    world.forward(Duration::from_secs(61));
    assert!(world.store.token_check(token.expose()).is_none());
    world.store.command(&admin(), None, Command::TokenRevoke { name: "duty".to_owned() }).await.unwrap();
    let Outcome::Token { token, .. } = world.store.command(&admin(), None, create("duty", None)).await.unwrap()
    else {
        panic!("no token")
    };
    assert!(world.store.token_check(token.expose()).is_some());
    let clock = world.clock.clone();
    world.store.close().await;
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    assert!(store.token_check(token.expose()).is_some());
    store.command(&admin(), None, Command::TokenRevoke { name: "duty".to_owned() }).await.unwrap();
    assert!(store.token_check(token.expose()).is_none());
}

#[tokio::test]
async fn an_inventory_comes_back_as_it_was_applied_and_a_stale_plan_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let (rev, inventory) = world.store.inventory();
    assert_eq!((rev, inventory.assets.len()), (1, 2));
    let mut next = (*inventory).clone();
    next.assets.remove("core-2");
    let asset = next.assets.remove("core-1").unwrap();
    let renamed = AssetId::new("core-one").unwrap();
    let asset = crate::model::inventory::Asset { id: renamed.clone(), renamed_from: Some(asset.id.clone()), ..asset };
    next.assets.insert(renamed.clone(), asset);
    let apply = |base_rev| Command::InventoryApply { inventory: Box::new(next.clone()), summary: vec![], base_rev };
    let error = world.store.command(&admin(), None, apply(0)).await.unwrap_err();
    assert!(matches!(error, CommandError::Conflict(_)), "{error}");
    let changes = world.store.subscribe();
    let before = changes.borrow().plan;
    assert!(matches!(world.store.command(&admin(), None, apply(1)).await, Ok(Outcome::Revision(2))));
    assert!(changes.borrow().plan > before);
    let clock = world.clock.clone();
    world.store.close().await;
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    assert_eq!(store.inventory(), (2, Arc::new(next)));
    let core = rusqlite::Connection::open(dir.path().join("core.db")).unwrap();
    let gone: String = core.query_row("SELECT id FROM entity WHERE removed IS NOT NULL", [], |r| r.get(0)).unwrap();
    let (from, uuids): (String, i64) = core
        .query_row(
            "SELECT renamed_from, (SELECT count(*) FROM entity WHERE kind = 'asset') FROM entity WHERE id = 'core-one'",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .unwrap();
    assert_eq!((gone.as_str(), from.as_str(), uuids), ("core-2", "core-1", 2));
    assert_eq!(store.next_plan_rev().await.unwrap(), 1);
    assert_eq!(store.next_plan_rev().await.unwrap(), 2);
}

#[tokio::test]
async fn a_core_of_a_newer_version_or_a_damaged_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let clock = world.clock.clone();
    world.store.close().await;
    let core = dir.path().join("core.db");
    let conn = rusqlite::Connection::open(&core).unwrap();
    conn.execute("INSERT INTO schema_version VALUES (99, 0, 'later')", []).unwrap();
    drop(conn);
    let error = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap_err().to_string();
    assert!(
        error.contains(&format!("written by a newer fengsui (schema 99, this build knows {})", db::CORE.len())),
        "{error}"
    );
    std::fs::write(&core, "rubbish ".repeat(1_000)).unwrap();
    let error = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap_err().to_string();
    assert!(error.contains("core.db is damaged"), "{error}");
}

#[tokio::test]
async fn one_change_that_fails_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let jobs = (0..50).map(|n| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let command =
                if n % 5 == 0 { Command::TokenRevoke { name: format!("t{n}") } } else { set(&format!("s{n}")) };
            store.command(&admin(), None, command).await.is_ok()
        })
    });
    let jobs: Vec<_> = jobs.collect();
    let mut fine = 0;
    for job in jobs {
        fine += usize::from(job.await.unwrap());
    }
    assert_eq!((fine, world.store.secrets().len()), (40, 40));
    assert_eq!(world.store.audit_verify().await.unwrap().rows, 51);
}
