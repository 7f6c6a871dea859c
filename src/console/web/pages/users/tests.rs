//! The page of users over a real store: added, locked, given a new password or a link, removed, and each refused
//! with words beside what is wrong.

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

const REGION: &str = "[[region]]\nid = \"652900\"\nname = \"阿克苏<i>\"\ntier = \"prefecture\"\n";
const PASSWORD: &str = "Kizilgaha-tower-7";

#[tokio::test]
async fn a_user_is_added_with_a_role_and_regions_and_mistakes_stand_beside_their_fields() {
    let world = World::with(REGION).await;
    let mut browser = world.admin().await;
    browser.open("/users").await.shows(&["No user yet", "/users/add"]);
    browser.open("/users/add").await.shows(&["阿克苏&lt;i&gt;"]).lacks(&["<i>"]);
    let form = |name, display, role, password| {
        [("name", name), ("display", display), ("role", role), ("password", password), ("region", "652900")]
    };
    for (fields, said) in [
        (form("li", "李", "operator", "short"), "12 to 128 characters"),
        (form("Li Ming!", "李", "operator", PASSWORD), "is no user name"),
        (form("li", " ", "operator", PASSWORD), "a name for people has 1 to 80"),
        (form("li", "李", "admin", PASSWORD), "an admin is not limited to regions"),
    ] {
        let seen = browser.submit("/users/add", &fields).await;
        assert_eq!(seen.status, 422);
        seen.shows(&[said, "checked"]).lacks(&[PASSWORD]);
    }
    browser.submit("/users/add", &form("li", "李<b>明", "operator", PASSWORD)).await.shows(&[
        "The user is added",
        "李&lt;b&gt;明",
        "阿克苏&lt;i&gt;",
        "Operator",
    ]);
    let twice = browser.submit("/users/add", &form("li", "李", "operator", PASSWORD)).await;
    twice.shows(&["already: take another name"]);
    browser.open("/users?q=nobody").await.shows(&["No user matches"]);
    browser.open("/users?format=csv").await.shows(&["李<b>明", "652900"]);
    browser.chinese().open("/users").await.shows(&["值班员", "全部登录会话"]);
}

#[tokio::test]
async fn what_is_done_to_a_user_is_asked_first_and_the_last_admin_stays() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/users/add").await;
    for (name, role) in [("chief", "admin"), ("duty", "viewer")] {
        let fields = [("name", name), ("display", name), ("role", role), ("password", PASSWORD)];
        browser.submit("/users/add", &fields).await.shows(&["The user is added"]);
    }
    for what in ["lock", "remove"] {
        browser.open(&format!("/users/chief/{what}")).await.shows(&["Cancel"]);
        let refused = browser.submit(&format!("/users/chief/{what}"), &[]).await;
        assert_eq!(refused.status, 422, "{what}");
        refused.shows(&["is the last admin"]);
    }
    browser.open("/users/duty/lock").await.shows(&["Lock: duty (duty)", "cannot sign in"]);
    browser.submit("/users/duty/lock", &[]).await.shows(&["The user is locked", "/users/duty/unlock"]);
    assert_eq!(browser.submit("/users/duty/link", &[]).await.status, 422);
    browser.submit("/users/duty/unlock", &[]).await.shows(&["The user is unlocked"]);
    let weak = browser.submit("/users/duty/reset", &[("password", "weak")]).await;
    weak.shows(&["12 to 128 characters", "aria-invalid"]);
    browser.submit("/users/duty/reset", &[("password", "Smoke-by-day-fire-8")]).await.shows(&["The password is new"]);
    let made = browser.submit("/users/duty/link", &[]).await;
    let token = made.body.split("/welcome?token=").nth(1).and_then(|r| r.split('<').next()).unwrap().to_owned();
    let mut duty = world.stranger();
    assert_eq!(duty.get(&format!("/welcome?token={token}")).await.status, 303);
    duty.open("/account").await.shows(&["user:duty", "Viewer", "One-time link"]);
    assert_eq!(duty.open("/users").await.status, 403);
    browser.submit("/users/duty/remove", &[]).await.shows(&["The user is removed"]).lacks(&["/users/duty/"]);
    assert_eq!(duty.get("/account").await.status, 303);
    assert_eq!(browser.open("/users/duty/lock").await.status, 404);
    assert_eq!(browser.open("/users/chief/promote").await.status, 404);
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    assert_eq!(viewer.submit("/users/chief/remove", &[]).await.status, 403);
}
