//! The page of maintenance windows over a real store: announced, refused, ended, and shown where it matters.

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

const INVENTORY: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"
[[asset]]
id = "core"
name = "<b>核心</b>"
kind = "router"
zone = "extranet"
region = "652900"
[[link]]
id = "l"
name = "地区-乌什县"
tier = "backbone"
a = { asset = "core", interface = "GE0/0/1" }
b = { peer = "对端" }
"#;

/// So many days from now, as the form has it.
fn in_days(world: &World, n: u64) -> String {
    let at = world.service().clock.wall().plus(std::time::Duration::from_secs(n * 86_400));
    let zoned = jiff::Timestamp::from_millisecond(at.millis()).unwrap().to_zoned(world.service().zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M").to_string()
}

#[tokio::test]
async fn a_window_is_announced_shown_and_ended() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.signed_in(Role::Operator, Scope::All).await;
    browser.open("/maintenance").await.shows(&["No maintenance is open or to come", "Announce maintenance"]);
    let seen = browser.open("/maintenance?objects=link%3Al").await;
    seen.shows(&["value=\"link:l\""]);
    let (from, to) = (in_days(&world, 1), in_days(&world, 2));
    let form =
        [("do", "add"), ("title", "<i>割接</i>"), ("objects", "link:l, asset:core"), ("from", &from), ("to", &to)];
    browser
        .submit("/maintenance", &form)
        .await
        .shows(&["&lt;i&gt;割接", "To come", "地区-乌什县", "Call off"])
        .lacks(&["<i>割接", "<b>核心"]);
    browser.open("/links/l").await.shows(&["Maintenance to come", "&lt;i&gt;割接"]);
    let id = world.service().store.maintenance(&Scope::All)[0].id.to_string();
    browser.submit("/maintenance", &[("do", "end"), ("id", &id)]).await.shows(&["Over", "was ended"]);
    let refused = browser.submit("/maintenance", &[("do", "end"), ("id", &id)]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["is over already"]);
    browser.clone().chinese().open("/maintenance").await.shows(&["维护窗口", "已结束"]);
}

#[tokio::test]
async fn a_window_may_be_about_some_problems_only() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.signed_in(Role::Operator, Scope::All).await;
    browser.open("/maintenance").await.shows(&["Only these problems", "<option value=\"link-down\">"]);
    let (from, to) = (in_days(&world, 1), in_days(&world, 2));
    let form = |problems| {
        let times = [("from", from.as_str()), ("to", to.as_str())];
        [&[("do", "add"), ("title", "割接"), ("objects", "link:l"), ("problems", problems)][..], &times].concat()
    };
    let seen = browser.submit("/maintenance", &form("Link down?")).await;
    assert_eq!(seen.status, 422);
    seen.shows(&["`Link` is no problem", "value=\"Link down?\""]);
    browser.submit("/maintenance", &form("link-donw")).await.shows(&["`link-donw` is no problem"]);
    let seen = browser.submit("/maintenance", &form("link-down，link-degraded")).await;
    let windows = world.service().store.maintenance(&Scope::All);
    let problems: Vec<&str> = windows[0].work.problems.iter().map(|problem| problem.as_str()).collect();
    assert_eq!(problems, ["link-down", "link-degraded"]);
    seen.shows(&["Only Link down, Link loses packets"]);
    browser.clone().chinese().open("/maintenance").await.shows(&["仅限 链路中断、链路丢包", "仅限的问题"]);
}

#[tokio::test]
async fn a_wrong_form_is_shown_again_with_the_reason_and_a_viewer_has_none() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.signed_in(Role::Operator, Scope::All).await;
    browser.open("/maintenance").await;
    let form = |objects| {
        [("do", "add"), ("title", "割接 1"), ("objects", objects), ("from", "2026-01-01T00:00"), ("to", "soon")]
    };
    let seen = browser.submit("/maintenance", &form("line l")).await;
    assert_eq!(seen.status, 422);
    seen.shows(&["`line` is no object", "value=\"割接 1\""]);
    browser.submit("/maintenance", &form("link:l")).await.shows(&["To: write year-month-day hour:minute"]);
    let mut viewer = world.signed_in(Role::Viewer, Scope::All).await;
    viewer.open("/maintenance").await.lacks(&["Announce maintenance", "name=\"title\""]);
    assert_eq!(viewer.submit("/maintenance", &form("link:l")).await.status, 403);
}
