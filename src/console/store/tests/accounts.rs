//! Accounts and sessions: who comes in, who is kept out, what ends, and what is written down of it.

mod walls;

use super::*;
use crate::model::SecretText;

const FIRST: &str = "Kizilgaha-tower-7";
const SECOND: &str = "Smoke-by-day-fire-8";
const FROM: &str = "10.65.0.7";

fn text(password: &str) -> SecretText {
    SecretText::new(password)
}

fn user(name: &str, role: Role, password: &str) -> Command {
    Command::UserAdd {
        name: name.to_owned(),
        display: "值班员".to_owned(),
        role,
        scope: Scope::All,
        password: text(password),
    }
}

fn as_user(name: &str, role: Role) -> Actor {
    Actor { name: Arc::from(format!("user:{name}")), role, scope: Scope::All }
}

fn change(old: &str, new: &str, keep: Option<Arc<str>>) -> Command {
    Command::PasswordChange { old: text(old), new: text(new), keep }
}

impl World {
    /// With an admin `chief` and an operator `duty`, both with the first password.
    async fn peopled(dir: &Path) -> Self {
        let world = Self::open(dir).await;
        world.does(user("chief", Role::Admin, FIRST)).await.unwrap();
        world.does(user("duty", Role::Operator, FIRST)).await.unwrap();
        world
    }

    async fn does(&self, command: Command) -> Result<Outcome, CommandError> {
        self.store.command(&admin(), None, command).await
    }

    async fn enter(&self, name: &str, password: &str) -> Result<NewSession, SignInError> {
        self.store.sign_in(name, &text(password), FROM, "Browser/1").await
    }

    /// From an address of its own each time, so that only the name counts.
    async fn try_from(&self, n: u8, name: &str, password: &str) -> Result<NewSession, SignInError> {
        self.store.sign_in(name, &text(password), &format!("10.0.0.{n}"), "").await
    }

    /// Both clocks go on.
    async fn pass(&self, by: Duration) {
        self.forward(by);
        tokio::time::advance(by).await;
    }

    fn user(&self, name: &str) -> UserRow {
        self.store.users().into_iter().find(|user| &*user.name == name).unwrap()
    }

    async fn actions(&self) -> Vec<(String, String, String, String)> {
        let rows = self.audit().await.into_iter().rev();
        rows.filter(|row| row.action != "inventory.apply")
            .map(|row| {
                (row.actor, row.action, row.target, if row.reason.is_empty() { row.result } else { row.reason })
            })
            .collect()
    }
}

fn wrong(answer: Result<NewSession, SignInError>) -> &'static str {
    match answer {
        Ok(_) => "in",
        Err(SignInError::Wrong) => "wrong",
        Err(SignInError::Locked { .. }) => "locked",
        Err(SignInError::Busy) => "busy",
        Err(SignInError::Store(_)) => "store",
    }
}

#[tokio::test]
async fn nobody_has_an_account_until_somebody_makes_one() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    assert!(!world.store.has_users() && world.store.users().is_empty());
    for (name, password) in [("admin", "admin"), ("admin", ""), ("root", "root"), ("", "")] {
        assert_eq!(wrong(world.try_from(1, name, password).await), "wrong");
    }
    world.does(user("chief", Role::Admin, FIRST)).await.unwrap();
    assert!(world.store.has_users());
    assert!(!world.user("chief").must_change, "whoever makes the first one makes it for himself");
}

#[tokio::test]
async fn a_user_signs_in_is_known_by_the_token_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let new = world.store.sign_in(" Duty ", &text(FIRST), FROM, &"B".repeat(500)).await.unwrap();
    let session = world.store.session(new.token.expose()).unwrap();
    assert_eq!((&*session.actor.name, session.actor.role), ("user:duty", Role::Operator));
    assert_eq!((session.display.as_str(), session.from.as_str(), session.agent.len()), ("值班员", FROM, 200));
    assert!(session.must_change && session.csrf == new.session.csrf && session.csrf.len() == 43);
    assert_ne!(&*session.csrf, new.token.expose());
    let listed = world.store.sessions();
    assert_eq!((listed.len(), &*listed[0].csrf, &listed[0].id), (1, "", &session.id));
    assert!(world.user("duty").signed_in.is_some());
    for other in ["", "fsw_", "fsw_wrong", &*session.id, &"x".repeat(10_000)] {
        assert!(world.store.session(other).is_none(), "{other}");
    }
    world.store.sign_out(&session.id).await.unwrap();
    assert!(world.store.session(new.token.expose()).is_none());
    let (actor, action, _, result) = world.actions().await.pop().unwrap();
    assert_eq!((actor.as_str(), action.as_str(), result.as_str()), ("user:duty", "session.end", "signed out"));
}

#[tokio::test]
async fn a_name_that_is_not_there_costs_the_same_hash_and_is_locked_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let mut told = Vec::new();
    for name in ["duty", "nobody"] {
        let before = world.store.password_hashes();
        let mut answers = Vec::new();
        for n in 0..6 {
            answers.push(wrong(world.try_from(n, name, "not the password").await));
        }
        told.push((answers, world.store.password_hashes() - before));
    }
    assert_eq!(told[0].0, ["wrong", "wrong", "wrong", "wrong", "wrong", "locked"]);
    assert_eq!(told[0].1, 5);
    assert_eq!(told[0], told[1]);
}

#[tokio::test(start_paused = true)]
async fn five_failures_lock_for_a_quarter_of_an_hour_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    for n in 0..5 {
        assert_eq!(wrong(world.try_from(n, "duty", "not the password").await), "wrong");
    }
    assert_eq!(wrong(world.try_from(6, "duty", FIRST).await), "locked");
    assert_eq!(wrong(world.try_from(6, "chief", FIRST).await), "in", "only that name");
    let until = world.user("duty").locked_until.unwrap();
    assert_eq!(until.since(world.now().wall).as_secs().div_ceil(60), 15);
    let World { store, shift, clock } = world;
    store.close().await;
    let world = World { store: Store::open(&parts(dir.path(), &clock)).unwrap(), shift, clock };
    world.pass(Duration::from_secs(14 * 60)).await;
    assert_eq!(wrong(world.try_from(7, "duty", FIRST).await), "locked");
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(world.user("duty").locked_until, None);
    assert_eq!(wrong(world.try_from(8, "duty", FIRST).await), "in");
    let rows = world.actions().await;
    let of =
        |what: &str| rows.iter().filter(|(_, action, target, _)| action == what && target == "user:duty").count();
    assert_eq!((of("user.lock"), of("session.start")), (1, 7));
}

#[tokio::test]
async fn an_administrator_unlocks_before_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    for n in 0..5 {
        wrong(world.try_from(n, "duty", "not the password").await);
    }
    assert_eq!(wrong(world.try_from(6, "duty", FIRST).await), "locked");
    world.does(Command::UserLock { name: "duty".to_owned(), locked: false }).await.unwrap();
    assert_eq!(wrong(world.try_from(6, "duty", FIRST).await), "in");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_guesses_must_wait_whatever_name_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    for n in 0..10 {
        assert_eq!(wrong(world.enter(&format!("name{n}"), "x").await), "wrong");
    }
    let hashes = world.store.password_hashes();
    assert_eq!(wrong(world.enter("duty", FIRST).await), "busy");
    assert_eq!(wrong(world.store.sign_in_link("fsl_x", FROM, "").await), "busy");
    assert_eq!(world.store.password_hashes(), hashes, "no hash is spent on it");
    assert_eq!(wrong(world.try_from(1, "duty", FIRST).await), "in");
    world.pass(Duration::from_secs(61)).await;
    assert_eq!(wrong(world.enter("duty", FIRST).await), "in");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_used_ends_and_so_does_one_that_is_always_used() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let idle = world.enter("duty", FIRST).await.unwrap();
    let minute = Duration::from_secs(60);
    for _ in 0..14 {
        world.pass(minute).await;
        // A region that is fetched again is no person.
        assert!(world.store.session_look(idle.token.expose()).is_some());
    }
    world.pass(minute).await;
    assert!(world.store.session(idle.token.expose()).is_none());
    world.store.tick(world.now()).await;
    assert!(world.store.sessions().is_empty());
    let used = world.enter("duty", FIRST).await.unwrap();
    for n in 1..8 * 6 {
        world.pass(10 * minute).await;
        assert!(world.store.session(used.token.expose()).is_some(), "{n}");
    }
    world.pass(10 * minute).await;
    assert!(world.store.session(used.token.expose()).is_none());
    world.store.tick(world.now()).await;
    let ends: Vec<String> = world
        .actions()
        .await
        .into_iter()
        .filter(|row| row.1 == "session.end")
        .map(|row| row.0 + " " + &row.3)
        .collect();
    assert_eq!(ends, ["console idle time-out", "console absolute time-out"]);
}

#[tokio::test(start_paused = true)]
async fn sessions_survive_a_restart_with_the_time_they_have_left() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let [used, idle] = [world.enter("duty", FIRST).await.unwrap(), world.enter("chief", FIRST).await.unwrap()];
    world.pass(Duration::from_secs(10 * 60)).await;
    let csrf = world.store.session(used.token.expose()).unwrap().csrf;
    world.store.tick(world.now()).await;
    let World { store, shift, clock } = world;
    store.close().await;
    assert!(!on_disk(dir.path(), used.token.expose().as_bytes()) && !on_disk(dir.path(), csrf.as_bytes()));
    let world = World { store: Store::open(&parts(dir.path(), &clock)).unwrap(), shift, clock };
    world.pass(Duration::from_secs(6 * 60)).await;
    let again = world.store.session(used.token.expose()).unwrap();
    assert_eq!((again.csrf, &*again.actor.name, again.id), (csrf, "user:duty", used.session.id));
    assert!(world.store.session(idle.token.expose()).is_none(), "nobody used it for 16 minutes");
}

#[tokio::test]
async fn a_link_works_once_for_half_an_hour_and_acts_as_whoever_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let link = world.store.link_create(&admin()).await.unwrap();
    assert!(!on_disk(dir.path(), link.expose().as_bytes()));
    let both = [1, 2].map(|_| {
        let (store, link) = (world.store.clone(), link.clone());
        tokio::spawn(async move { wrong(store.sign_in_link(link.expose(), FROM, "").await) })
    });
    let mut told = Vec::new();
    for one in both {
        told.push(one.await.unwrap());
    }
    told.sort_unstable();
    assert_eq!(told, ["in", "wrong"], "two that come at once are one");
    let session = &world.store.sessions()[0];
    assert_eq!((&*session.actor.name, session.actor.role, session.way), ("local:0", Role::Admin, SignInWay::Link));
    let late = world.store.link_create(&admin()).await.unwrap();
    world.forward(Duration::from_secs(30 * 60));
    assert_eq!(wrong(world.store.sign_in_link(late.expose(), FROM, "").await), "wrong");
    assert_eq!(wrong(world.store.sign_in_link(&"x".repeat(10_000), FROM, "").await), "wrong");
    let operator = as_user("duty", Role::Operator);
    assert!(world.store.link_create(&operator).await.is_err());
}

#[tokio::test]
async fn sessions_end_when_their_user_is_locked_reset_or_removed_and_its_links_are_void() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    world.does(user("other", Role::Admin, FIRST)).await.unwrap();
    let name = "other".to_owned();
    for (command, password, after) in [
        (Command::UserLock { name: name.clone(), locked: true }, FIRST, "wrong"),
        (Command::UserReset { name: name.clone(), password: text(SECOND) }, FIRST, "in"),
        (Command::UserRemove { name: name.clone() }, SECOND, "wrong"),
    ] {
        let session = world.enter("other", password).await.unwrap();
        let link = world.store.link_create(&session.session.actor).await.unwrap();
        let mine = world.enter("duty", FIRST).await.unwrap();
        world.does(command.clone()).await.unwrap();
        assert!(world.store.session(session.token.expose()).is_none(), "{command:?}");
        assert!(world.store.session(mine.token.expose()).is_some(), "{command:?}");
        assert_eq!(wrong(world.store.sign_in_link(link.expose(), "", "").await), "wrong", "{command:?}");
        assert_eq!(wrong(world.try_from(1, "other", SECOND).await), after, "{command:?}");
        if after == "wrong" && world.store.users().len() == 3 {
            world.does(Command::UserLock { name: name.clone(), locked: false }).await.unwrap();
        }
    }
    assert_eq!(world.store.users().len(), 2);
}

#[tokio::test]
async fn whoever_changes_a_password_stays_and_all_other_sessions_of_it_end() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let (here, there) = (world.enter("duty", FIRST).await.unwrap(), world.enter("duty", FIRST).await.unwrap());
    let actor = here.session.actor.clone();
    let does = async |command| world.store.command(&actor, None, command).await;
    let keep = Some(here.session.id.clone());
    let error = does(change("not it", SECOND, keep.clone())).await.unwrap_err().to_string();
    assert_eq!(error, "the old password is wrong");
    let error = does(change(FIRST, "short", keep.clone())).await.unwrap_err().to_string();
    assert!(error.starts_with("a password has 12 to 128 characters"), "{error}");
    does(change(FIRST, SECOND, keep)).await.unwrap();
    assert!(!world.store.session(here.token.expose()).unwrap().must_change);
    assert!(world.store.session(there.token.expose()).is_none());
    assert_eq!(wrong(world.enter("duty", FIRST).await), "wrong");
    assert_eq!(wrong(world.enter("duty", SECOND).await), "in");
    let local = world.does(change(FIRST, SECOND, None)).await.unwrap_err();
    assert!(matches!(local, CommandError::Invalid(_)), "{local}");
}

#[tokio::test]
async fn a_wrong_old_password_counts_as_a_failed_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let actor = as_user("duty", Role::Operator);
    for _ in 0..5 {
        world.store.command(&actor, None, change("not it", SECOND, None)).await.unwrap_err();
    }
    let error = world.store.command(&actor, None, change(FIRST, SECOND, None)).await.unwrap_err().to_string();
    assert!(error.starts_with("too many wrong passwords: try again after "), "{error}");
    assert_eq!(wrong(world.enter("duty", FIRST).await), "locked");
}

#[tokio::test]
async fn the_last_five_passwords_do_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let nth = |n: usize| format!("Signal-fire-no-{n}");
    let reset = |password: &str| Command::UserReset { name: "duty".to_owned(), password: text(password) };
    for n in 0..5 {
        world.does(reset(&nth(n))).await.unwrap();
    }
    for n in 0..5 {
        let error = world.does(reset(&nth(n))).await.unwrap_err().to_string();
        assert_eq!(error, "the password was one of the last 5: take another");
    }
    world.does(reset(FIRST)).await.unwrap();
    assert!(world.user("duty").must_change);
}

#[tokio::test]
async fn the_last_admin_is_neither_locked_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let lock = |name: &str| Command::UserLock { name: name.to_owned(), locked: true };
    let remove = |name: &str| Command::UserRemove { name: name.to_owned() };
    for command in [lock("chief"), remove("chief")] {
        let error = world.does(command).await.unwrap_err().to_string();
        assert_eq!(error, "`chief` is the last admin and cannot be locked or removed: add another admin first");
    }
    world.does(user("second", Role::Admin, FIRST)).await.unwrap();
    world.does(lock("second")).await.unwrap();
    assert!(world.does(lock("chief")).await.is_err(), "a locked admin does not count");
    world.does(Command::UserLock { name: "second".to_owned(), locked: false }).await.unwrap();
    world.does(remove("chief")).await.unwrap();
    assert!(world.does(remove("second")).await.is_err());
}

#[tokio::test]
async fn commands_about_people_are_refused_to_those_who_may_not_and_where_they_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let duty = as_user("duty", Role::Operator);
    for command in [
        user("x", Role::Viewer, FIRST),
        Command::UserLock { name: "chief".to_owned(), locked: true },
        Command::UserReset { name: "chief".to_owned(), password: text(SECOND) },
        Command::UserRemove { name: "chief".to_owned() },
    ] {
        let hashes = world.store.password_hashes();
        let refused = world.store.command(&duty, None, command).await.unwrap_err();
        assert_eq!(refused, CommandError::Forbidden { role: "operator", needs: "admin" });
        assert_eq!(world.store.password_hashes(), hashes);
    }
    let regions = |role, regions: &[&str]| Command::UserAdd {
        name: "x".to_owned(),
        display: "x".to_owned(),
        role,
        scope: Scope::Regions(regions.iter().map(|id| id.parse().unwrap()).collect()),
        password: text(FIRST),
    };
    for (command, said) in [
        (user("No Name", Role::Viewer, FIRST), "`No Name` is no user name"),
        (user("duty", Role::Viewer, FIRST), "there is a user `duty` already"),
        (user("x", Role::Metrics, FIRST), "a user is admin, operator or viewer"),
        (user("x", Role::Viewer, "Password@2026"), "people try first"),
        (regions(Role::Admin, &["652900"]), "an admin is not limited to regions"),
        (regions(Role::Viewer, &[]), "a scope of no region sees nothing"),
        (regions(Role::Viewer, &["999999"]), "region `999999` is not in the inventory"),
        (Command::UserRemove { name: "x".to_owned() }, "user `x` is not known here"),
    ] {
        let error = world.does(command).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}, not {said}");
    }
    world.does(regions(Role::Viewer, &["652900"])).await.unwrap();
    let x = world.enter("x", FIRST).await.unwrap();
    assert_eq!(x.session.actor.scope, Scope::Regions(vec!["652900".parse().unwrap()]));
    let own = Command::UserReset { name: "chief".to_owned(), password: text(SECOND) };
    let error = world.store.command(&as_user("chief", Role::Admin), None, own).await.unwrap_err().to_string();
    assert!(error.contains("change your own password with the old one"), "{error}");
}

#[tokio::test]
async fn ones_own_session_may_be_ended_and_anothers_by_an_admin_only() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let [mine, chief] = [world.enter("duty", FIRST).await.unwrap(), world.enter("chief", FIRST).await.unwrap()];
    let end = |id: &str| Command::SessionEnd { id: id.to_owned() };
    let does = async |actor: &Actor, id: &str| world.store.command(actor, None, end(id)).await;
    let refused = does(&mine.session.actor, &chief.session.id).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotFound { what: "session", .. }));
    does(&mine.session.actor, &mine.session.id).await.unwrap();
    assert!(world.store.session(mine.token.expose()).is_none());
    let mine = world.enter("duty", FIRST).await.unwrap();
    does(&chief.session.actor, &mine.session.id).await.unwrap();
    assert!(world.store.session(mine.token.expose()).is_none());
    assert!(does(&admin(), "none").await.is_err());
}

#[tokio::test]
async fn a_principal_has_twenty_sessions_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let mut tokens = Vec::new();
    for _ in 0..21 {
        tokens.push(world.enter("duty", FIRST).await.unwrap().token);
        world.forward(Duration::from_millis(2));
    }
    assert_eq!(world.store.sessions().len(), 20);
    assert!(world.store.session(tokens[0].expose()).is_none());
    assert!(tokens[1..].iter().all(|token| world.store.session(token.expose()).is_some()));
}

#[tokio::test]
async fn a_revoked_token_takes_the_sessions_of_its_links_along() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let create = Command::TokenCreate { name: "t".to_owned(), role: Role::Admin, scope: Scope::All, expires: None };
    let Outcome::Token { token, .. } = world.does(create).await.unwrap() else { panic!("no token") };
    let actor = world.store.token_check(token.expose()).unwrap();
    let link = world.store.link_create(&actor).await.unwrap();
    let session = world.store.sign_in_link(link.expose(), FROM, "").await.unwrap();
    assert_eq!(&*session.session.actor.name, "token:t");
    world.does(Command::TokenRevoke { name: "t".to_owned() }).await.unwrap();
    assert!(world.store.session(session.token.expose()).is_none());
}

#[tokio::test]
async fn views_belong_to_whoever_saved_them() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::peopled(dir.path()).await;
    let (duty, chief) = (as_user("duty", Role::Operator), as_user("chief", Role::Admin));
    let save = |name: &str, query: &str| Command::ViewSave {
        page: "assets".to_owned(),
        name: name.to_owned(),
        query: query.to_owned(),
    };
    let remove = |name: &str| Command::ViewRemove { page: "assets".to_owned(), name: name.to_owned() };
    for (name, query) in [("只看骨干", "kind=router"), ("b", "state=down"), ("只看骨干", "kind=switch")] {
        world.store.command(&duty, None, save(name, query)).await.unwrap();
    }
    let clock = world.clock.clone();
    let expected = [("b", "state=down"), ("只看骨干", "kind=switch")];
    let shown = |store: &Store, actor: &Actor, page: &str| {
        store.views(actor, page).into_iter().map(|view| (view.name, view.query)).collect::<Vec<_>>()
    };
    let owned = expected.map(|(name, query)| (name.to_owned(), query.to_owned()));
    assert_eq!(shown(&world.store, &duty, "assets"), owned);
    assert!(shown(&world.store, &chief, "assets").is_empty() && shown(&world.store, &duty, "links").is_empty());
    assert!(world.store.command(&chief, None, remove("b")).await.is_err());
    let bad = ["", &"长".repeat(61), "a\nb"];
    for name in bad {
        assert!(matches!(world.store.command(&duty, None, save(name, "")).await, Err(CommandError::Invalid(_))));
    }
    let metrics = Actor { name: Arc::from("token:m"), role: Role::Metrics, scope: Scope::All };
    assert!(matches!(world.store.command(&metrics, None, save("x", "")).await, Err(CommandError::Forbidden { .. })));
    world.store.close().await;
    let store = Store::open(&parts(dir.path(), &clock)).unwrap();
    assert_eq!(shown(&store, &duty, "assets"), owned);
    store.command(&duty, None, remove("b")).await.unwrap();
    assert_eq!(shown(&store, &duty, "assets").len(), 1);
    let gone = Command::UserRemove { name: "duty".to_owned() };
    store.command(&admin(), None, gone).await.unwrap();
    assert!(shown(&store, &duty, "assets").is_empty());
}

/// Takes down everything that is logged in this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_password_and_no_token_is_ever_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::default();
    let made = {
        let log = log.clone();
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || log.clone()).finish()
    };
    let _guard = tracing::subscriber::set_default(made);
    let world = World::peopled(dir.path()).await;
    let marks =
        ["Marker-right-one-1", "Marker-wrong-one-2", "Marker-as-a-name-3", "Marker-reset-one-4", "marker-weak"];
    world.does(user("x", Role::Viewer, marks[0])).await.unwrap();
    world.does(user("y", Role::Viewer, marks[4])).await.unwrap_err();
    let session = world.enter("x", marks[0]).await.unwrap();
    wrong(world.enter("x", marks[1]).await);
    // A person who types the password where the name belongs.
    wrong(world.enter(marks[2], "x").await);
    world.does(Command::UserReset { name: "x".to_owned(), password: text(marks[3]) }).await.unwrap();
    let link = world.store.link_create(&admin()).await.unwrap();
    let linked = world.store.sign_in_link(link.expose(), FROM, "").await.unwrap();
    let secrets = [session.token.expose(), link.expose(), linked.token.expose(), &session.session.csrf];
    let audit = format!("{:?}", world.audit().await).to_lowercase();
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap().to_lowercase();
    assert!(said.contains("a sign-in failed") && audit.contains("session.start"));
    for mark in marks.into_iter().chain(secrets) {
        assert!(!on_disk(dir.path(), mark.as_bytes()), "{mark}");
        assert!(!on_disk(dir.path(), mark.to_lowercase().as_bytes()), "{mark}");
        assert!(!audit.contains(&mark.to_lowercase()) && !said.contains(&mark.to_lowercase()), "{mark}");
    }
    assert!(!format!("{session:?} {linked:?} {:?}", user("x", Role::Viewer, marks[0])).contains("Marker"));
    assert!(world.store.audit_verify().await.unwrap().broken_at.is_none());
}
