//! Links for screens on walls and for users: what they open, to whom, for how long, and who takes it away.

use super::*;

async fn wall(world: &World) -> NewSession {
    let made = world.does(Command::WallLink { display: "值班室".to_owned() }).await.unwrap();
    let Outcome::Token { token, .. } = made else { panic!("no link") };
    world.store.sign_in_link(token.expose(), FROM, "Kiosk/1").await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_wall_is_bound_to_its_address_and_goes_on_without_anybody_for_ninety_days() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let new = wall(&world).await;
    let token = new.token.expose();
    assert_eq!((new.session.way, new.session.display.as_str()), (SignInWay::Wall, "值班室"));
    assert_eq!((new.session.actor.role, &new.session.actor.scope), (Role::Viewer, &Scope::All));
    assert_eq!(world.store.session(token), None, "who does not look at the address knows no wall");
    assert_eq!(world.store.session_look(token), None);
    assert_eq!(world.store.session_wall(token, "10.65.0.8"), None);
    world.pass(Duration::from_secs(80 * 86_400)).await;
    world.store.tick(world.now()).await;
    assert_eq!(world.store.session_wall(token, FROM).unwrap().id, new.session.id);
    world.pass(Duration::from_secs(10 * 86_400)).await;
    world.store.tick(world.now()).await;
    assert_eq!(world.store.session_wall(token, FROM), None);
    assert!(world.store.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wall_survives_a_restart_changes_nothing_and_is_ended_by_an_admin() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let new = wall(&world).await;
    let view = Command::ViewSave { page: "assets".into(), name: "x".into(), query: "a=b".into() };
    let end = |id: &str| Command::SessionEnd { id: id.to_owned() };
    for command in [view, end(&new.session.id), Command::Unack { id: "x".into() }] {
        let refused = world.store.command(&new.session.actor, None, command).await;
        assert!(matches!(refused, Err(CommandError::Conflict(_))), "{refused:?}");
    }
    world.store.close().await;
    let world = World::open(dir.path()).await;
    let token = new.token.expose();
    assert!(world.store.session_wall(token, FROM).is_some());
    world.does(end(&new.session.id)).await.unwrap();
    assert_eq!(world.store.session_wall(token, FROM), None);
}

#[tokio::test(start_paused = true)]
async fn a_users_link_opens_the_account_as_it_is_now_and_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let link = async |name: &str| world.does(Command::UserLink { name: name.to_owned() }).await;
    let Outcome::Token { token, .. } = link("duty").await.unwrap() else { panic!("no link") };
    let new = world.store.sign_in_link(token.expose(), FROM, "").await.unwrap();
    assert_eq!((&*new.session.actor.name, new.session.actor.role), ("user:duty", Role::Operator));
    assert_eq!((new.session.way, new.session.display.as_str()), (SignInWay::Link, "值班员"));
    let Outcome::Token { token, .. } = link("duty").await.unwrap() else { panic!("no link") };
    world.does(Command::UserLock { name: "duty".into(), locked: true }).await.unwrap();
    assert_eq!(wrong(world.store.sign_in_link(token.expose(), FROM, "").await), "wrong");
    assert!(matches!(link("duty").await, Err(CommandError::Conflict(_))));
    assert!(matches!(link("nobody").await, Err(CommandError::NotFound { .. })));
    let operator = as_user("duty", Role::Operator);
    let refused = world.store.command(&operator, None, Command::UserLink { name: "chief".into() }).await;
    assert!(matches!(refused, Err(CommandError::Forbidden { .. })));
    let refused = world.store.command(&operator, None, Command::WallLink { display: "x".into() }).await;
    assert!(matches!(refused, Err(CommandError::Forbidden { .. })));
}
