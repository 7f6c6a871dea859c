//! The page of the audit trail over a real store: who may, what is found, what a change looks like.

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

const REGION: &str = "[[region]]\nid = \"652900\"\nname = \"阿克苏\"\ntier = \"prefecture\"\n";

#[tokio::test]
async fn rows_are_found_by_what_they_say_and_refused_ones_stand_there_too() {
    let world = World::with(REGION).await;
    let mut browser = world.admin().await;
    browser.open("/enroll").await;
    browser.submit("/enroll", &[("agent", "t1"), ("name", "<b>一号</b>"), ("zone", "extranet")]).await;
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    assert_eq!(viewer.open("/audit").await.status, 403);
    browser
        .open("/audit")
        .await
        .shows(&[
            "Make an enrolment token",
            "agent.enroll_token",
            "/agents/t1",
            "Sign in",
            "user:test-viewer",
            "local:0",
        ])
        .lacks(&["<b>一号"]);
    browser.open("/audit?action=agent.enroll_token").await.shows(&["/agents/t1"]).lacks(&["session.start</small>"]);
    browser.open("/audit?actor=test-view").await.shows(&["user:test-viewer"]).lacks(&["/agents/t1"]);
    browser.open("/audit?target=t1").await.shows(&["/agents/t1"]).lacks(&["session.start</small>"]);
    browser.open("/audit?result=refused").await.shows(&["No audit row matches"]);
    browser.open("/audit?from=2000-01-01T00:00&to=2000-01-02T00:00").await.shows(&["No audit row matches"]);
    browser.open("/audit?from=yesterday").await.shows(&["Write year-month-day hour:minute", "/agents/t1"]);
    browser.open("/audit?format=csv&action=agent.enroll_token").await.shows(&["agent.enroll_token", "local:0"]);
    browser.chinese().open("/audit").await.shows(&["生成注册令牌", "登录", "成功"]);
}

#[tokio::test]
async fn pages_follow_each_other_and_one_row_shows_what_changed() {
    let world = World::with(REGION).await;
    let mut browser = world.admin().await;
    browser.open("/enroll").await;
    for n in 0..6 {
        browser.submit("/enroll", &[("agent", &format!("t{n}")), ("zone", "extranet")]).await;
    }
    let first = browser.open("/audit?rows=5").await;
    let next = first.body.split("after=").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let second = browser.open(&format!("/audit?rows=5&after={next}")).await;
    second.shows(&["First page"]).lacks(&["hx-get"]);
    let rows =
        world.service().store.audit(crate::console::command::Page { limit: 50, after: None }).await.unwrap().items;
    let applied = rows.iter().find(|r| r.action == "inventory.apply" && r.after.contains("t3")).unwrap();
    browser.open(&format!("/audit/{}", applied.seq)).await.shows(&["changes", "agent", "t3", "<ins>"]);
    assert_eq!(browser.open("/audit/9999").await.status, 404);
    assert_eq!(browser.open("/audit/x").await.status, 404);
}

#[tokio::test]
async fn the_chain_is_checked_by_a_button_and_by_nothing_else() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/audit").await.shows(&["Verify the chain"]);
    let done = browser.submit("/audit/verify", &[]).await;
    let verdict = world.service().store.audit_verify().await.unwrap();
    done.shows(&["The chain is whole", &verdict.head]);
    assert_eq!(browser.get("/audit/verify").await.status, 405);
    let stranger = world.stranger().post("/audit/verify", &[]).await;
    assert_eq!((stranger.status.as_u16(), stranger.location()), (303, "/signin"));
}
