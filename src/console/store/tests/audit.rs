//! Finding audit rows: by who, what, on what, how it ended and when, without hole or repetition.

use super::*;
use crate::console::command::{AuditFilter, Role};
use crate::model::SecretText;

fn set(name: &str) -> Command {
    Command::SecretSet { name: name.to_owned(), secret: Secret::Token(SecretText::new("x")) }
}

fn actor(name: &str, role: Role) -> Actor {
    Actor { name: Arc::from(name), role, scope: Scope::All }
}

async fn found(world: &World, filter: AuditFilter) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = world.store.audit_find(filter.clone(), Page { limit: 2, after }).await.unwrap();
        all.extend(page.items.into_iter().map(|row| row.target));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_filter_finds_all_rows_it_means_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    for (who, role, name) in [
        ("user:li", Role::Admin, "a1"),
        ("user:lily", Role::Admin, "a2"),
        ("token:li", Role::Viewer, "b1"),
        ("user:wang", Role::Admin, "b2"),
    ] {
        let done = world.store.command(&actor(who, role), None, set(name)).await;
        assert_eq!(done.is_ok(), role == Role::Admin, "{who}");
    }
    let filter = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, targets) in [
        (AuditFilter { actor: text("user:li"), ..filter() }, vec!["secret:a1"]),
        (AuditFilter { actor: text("LI"), ..filter() }, vec!["secret:b1", "secret:a2", "secret:a1"]),
        (AuditFilter { actor: text("user:"), ..filter() }, vec!["secret:b2", "secret:a2", "secret:a1"]),
        (AuditFilter { actor: text("nobody"), ..filter() }, vec![]),
        (AuditFilter { target: text("secret:a"), ..filter() }, vec!["secret:a2", "secret:a1"]),
        (AuditFilter { target: text("b"), ..filter() }, vec!["secret:b2", "secret:b1"]),
        (AuditFilter { target: text("inv"), ..filter() }, vec!["inventory"]),
        (AuditFilter { action: text("inventory."), ..filter() }, vec!["inventory"]),
        (AuditFilter { action: text("secret.set"), done: Some(false), ..filter() }, vec!["secret:b1"]),
        (
            AuditFilter { action: text("secret.set"), done: Some(true), ..filter() },
            vec!["secret:b2", "secret:a2", "secret:a1"],
        ),
        (AuditFilter { to: Some(Wall::from_millis(0)), ..filter() }, vec![]),
        (AuditFilter { from: Some(Wall::from_millis(0)), actor: text("user:wang"), ..filter() }, vec!["secret:b2"]),
    ] {
        assert_eq!(found(&world, filter.clone()).await, targets, "{filter:?}");
    }
    let words = world.store.audit_words().await.unwrap();
    assert_eq!(words.actors, ["local:0", "token:li", "user:li", "user:lily", "user:wang"]);
    assert_eq!(words.actions, ["inventory.apply", "secret.set"]);
    assert_eq!(world.store.audit_row(1).await.unwrap().unwrap().action, "inventory.apply");
    assert_eq!(world.store.audit_row(99).await.unwrap(), None);
}
