//! Setting up, as a browser without scripts does it.

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

const GOOD: &str = "Drei-Kamele-88-x";

#[tokio::test]
async fn the_link_leads_to_the_first_account_and_the_session_goes_on_under_its_name() {
    let world = World::new().await;
    let store = &world.service().store;
    let mut browser = world.admin().await;
    let page = browser.open("/setup").await;
    assert_eq!(page.path, "/setup/account");
    page.shows(&["Step 1 of", "new-password"]);

    let refused =
        browser.submit("/setup/account", &[("name", "Li Wei"), ("password", "short"), ("again", "short")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["value=\"Li Wei\"", "id=\"e-name\"", "id=\"e-password\"", "a password has 12 to 128 characters"]);
    refused.lacks(&["value=\"short\""]);
    let differs = browser.submit("/setup/account", &[("name", "liwei"), ("password", GOOD), ("again", "x")]).await;
    differs.shows(&["id=\"e-again\"", "The two passwords differ"]);
    assert!(!store.has_users());

    let made = browser
        .post("/setup/account", &[("name", "LiWei"), ("display", "李伟"), ("password", GOOD), ("again", GOOD)])
        .await;
    assert_eq!((made.status.as_u16(), made.location()), (303, "/setup/units"));
    let users = store.users();
    assert_eq!((&*users[0].name, users[0].role, users[0].must_change), ("liwei", Role::Admin, false));
    let sessions = store.sessions();
    assert_eq!(
        sessions.iter().map(|s| &*s.actor.name).collect::<Vec<_>>(),
        ["user:liwei"],
        "the link's own has ended"
    );
    browser.open("/setup/account").await.shows(&["李伟", "There is 1 account"]).lacks(&["new-password"]);
    browser.open("/setup").await.shows(&["Set-up", "done"]);
}

#[tokio::test]
async fn only_an_administrator_sets_up() {
    let world = World::new().await;
    for role in [Role::Operator, Role::Viewer] {
        let mut browser = world.signed_in(role, Scope::All).await;
        for path in ["/setup", "/setup/account"] {
            assert_eq!(browser.get(path).await.status, 403, "{path} as {}", role.as_str());
        }
    }
    assert_eq!(world.stranger().get("/setup").await.location(), "/signin?back=%2Fsetup");
}
