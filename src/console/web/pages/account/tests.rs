//! One's own page over a real store: a password that somebody else chose comes first, mistakes stand beside their
//! fields, sessions end, a wall shows and does nothing else.

use crate::console::command::{Command, Role, Scope};
use crate::console::web::testing::{Browser, World, admin};
use crate::model::SecretText;

const FIRST: &str = "Kizilgaha-tower-7";
const SECOND: &str = "Smoke-by-day-fire-8";

async fn add(world: &World, name: &str, role: Role) {
    let command = Command::UserAdd {
        name: name.to_owned(),
        display: "值班<b>员</b>".to_owned(),
        role,
        scope: Scope::All,
        password: SecretText::new(FIRST),
    };
    world.service().store.command(&admin(), None, command).await.unwrap();
}

/// Somebody whose password was set by an administrator, and who signed in with it.
async fn new_user(world: &World) -> Browser {
    add(world, "chief", Role::Admin).await;
    add(world, "duty", Role::Operator).await;
    let mut browser = world.stranger();
    let seen = browser.submit("/signin", &[("name", "duty"), ("password", FIRST)]).await;
    seen.shows(&["An administrator set this password"]).lacks(&["/account/wall", "Not allowed"]);
    browser
}

#[tokio::test]
async fn a_password_set_by_somebody_else_is_changed_before_anything_is_seen() {
    let world = World::new().await;
    let mut browser = new_user(&world).await;
    for path in ["/", "/agents", "/users", "/wall"] {
        let seen = browser.get(path).await;
        assert_eq!((seen.status.as_u16(), seen.location()), (303, "/account?said=must"), "{path}");
    }
    assert_eq!(browser.get("/live").await.status, 401);
    assert_eq!(browser.get("/api/v1/assets").await.status, 403);
    let change = async |browser: &mut Browser, old: &str, new: &str, again: &str| {
        browser.open("/account").await;
        browser.submit("/account/password", &[("old", old), ("new", new), ("again", again)]).await
    };
    for (old, new, again, said) in [
        (FIRST, "short", "short", "a password has 12 to 128 characters"),
        (FIRST, SECOND, "other", "The two are not the same"),
        (FIRST, FIRST, FIRST, "one of the last 5"),
        ("wrong", SECOND, SECOND, "the old password is wrong"),
    ] {
        let seen = change(&mut browser, old, new, again).await;
        assert_eq!(seen.status, 422);
        seen.shows(&[said, "aria-invalid=\"true\""]).lacks(&[SECOND, FIRST]);
    }
    change(&mut browser, FIRST, SECOND, SECOND).await.shows(&[
        "The password is changed",
        "值班&lt;b&gt;员&lt;/b&gt;",
        "this one",
        "Operator",
    ]);
    assert_eq!(browser.get("/agents").await.status, 200);
    browser.chinese().open("/account").await.shows(&["我的账户", "值班员", "当前会话", "全部区划"]);
}

#[tokio::test]
async fn a_session_ends_from_another_browser_but_not_from_a_stranger() {
    let world = World::new().await;
    let mut first = world.admin().await;
    let mut second = world.admin().await;
    let page = first.open("/account").await;
    let id = page.body.split("name=\"id\" value=\"").nth(1).and_then(|r| r.split('"').next()).unwrap().to_owned();
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    viewer.open("/account").await;
    let refused = viewer.submit("/account/sessions/end", &[("id", &id)]).await;
    assert_eq!(refused.status, 404);
    first.open("/account").await;
    first
        .submit("/account/sessions/end", &[("id", &id), ("back", "https://evil.example")])
        .await
        .shows(&["The session has ended"]);
    assert_eq!(second.get("/account").await.location(), "/signin?back=%2Faccount");
    viewer.open("/account").await.lacks(&["/account/wall", "href=\"/users\"", "href=\"/gallery\""]);
}

#[tokio::test]
async fn a_wall_shows_and_changes_nothing_and_an_admin_ends_it() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/account").await.shows(&["Link for a wall", "href=\"/gallery\""]);
    let refused = browser.submit("/account/wall", &[("display", " ")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["the name of a wall has 1 to 80 characters"]);
    browser.open("/account").await;
    let made = browser.submit("/account/wall", &[("display", "值班室<大屏>")]).await;
    let token = made.body.split("/welcome?token=").nth(1).and_then(|r| r.split('<').next()).unwrap().to_owned();
    let mut wall = world.stranger();
    let opened = wall.get(&format!("/welcome?token={token}")).await;
    assert_eq!(opened.location(), "/wall");
    assert!(opened.headers["set-cookie"].to_str().unwrap().contains("Max-Age=7776000"));
    assert_eq!(wall.open("/wall").await.status, 200);
    wall.open("/account").await.shows(&["值班室&lt;大屏&gt;"]);
    assert_eq!(wall.open("/audit").await.status, 403);
    for path in ["/assets/views", "/account/sessions/end", "/account/password"] {
        assert_eq!(wall.submit(path, &[("id", "x")]).await.status, 403, "{path}");
    }
    let sessions = browser.open("/users").await;
    sessions.shows(&["值班室&lt;大屏&gt;", ">Wall<"]);
    let id = world.service().store.sessions().into_iter().find(|s| s.display.starts_with("值班室")).unwrap().id;
    browser
        .submit("/account/sessions/end", &[("id", &id), ("back", "/users")])
        .await
        .shows(&["The session has ended"]);
    assert_eq!(wall.get("/wall").await.status, 303);
    assert_eq!(wall.get(&format!("/welcome?token={token}")).await.status, 403);
}
