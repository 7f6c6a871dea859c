//! The pages of definitions over the shipped ones: found by what they say, explained, and honest about a reading
//! that failed.

use crate::config::{Diagnostic, Level};
use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

#[tokio::test]
async fn what_is_in_force_is_listed_with_its_thresholds_and_place() {
    let world = World::new().await;
    let mut browser = world.signed_in(Role::Viewer, Scope::All).await;
    browser.open("/definitions?rows=200").await.shows(&[
        "Link loses packets",
        "lost = 6",
        "alerts/rules/links.toml:",
        "alerts/rules/core.toml:",
        "every 10s",
        "link.tier == &quot;backbone&quot;",
    ]);
    browser
        .open("/definitions?noun=probe&kind=icmp")
        .await
        .shows(&["Asset reachability"])
        .lacks(&["Link loses packets"]);
    browser.open("/definitions?q=backbone-icmp").await.shows(&["Backbone link quality"]).lacks(&["Website"]);
    browser.open("/definitions?from=local").await.shows(&["No definition matches"]);
    browser.open("/definitions?format=csv").await.shows(&["link-loss"]);
    browser.chinese().open("/definitions?rows=200").await.shows(&["链路丢包", "监测项", "告警规则", "内置"]);
}

#[tokio::test]
async fn a_rule_explains_its_names_and_has_its_runbook() {
    let world = World::new().await;
    let mut browser = world.signed_in(Role::Viewer, Scope::All).await;
    browser.open("/definitions/rule/port-congested").await.shows(&[
        "w.in_ratio.mean &gt; raise_at",
        "w.in_ratio.mean",
        "mean over the last",
        "threshold, 0.9",
        "Means",
    ]);
    browser.open("/definitions/probe/backbone-icmp").await.shows(&["Link: tier", "rtt_seconds", "Link down"]);
    browser.clone().chinese().open("/definitions/rule/port-congested").await.shows(&[
        "含义",
        "平均值",
        "阈值，默认 0.9",
    ]);
    browser.open("/definitions/rule/link-loss").await.shows(&[
        "too many of the last packets",
        "raise at so many lost",
        "link-down",
    ]);
    for path in ["/definitions/rule/none", "/definitions/probe/link-loss", "/definitions/x/y"] {
        assert_eq!(browser.open(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_reading_that_failed_says_what_to_mend_and_what_goes_on() {
    let world = World::new().await;
    let mut browser = world.signed_in(Role::Viewer, Scope::All).await;
    let wrong = Diagnostic {
        file: "/etc/fengsui/alerts/<own>.toml".to_owned(),
        line: 7,
        column: 1,
        what: "unknown rule `lnk`".to_owned(),
        hint: Some("did you mean `link`?".to_owned()),
        severity: Level::Error,
    };
    world.service().reloaded(None, vec![wrong]);
    browser.open("/definitions").await.shows(&[
        "with 1 mistake",
        "goes on",
        "/etc/fengsui/alerts/&lt;own&gt;.toml:7",
        "did you mean `link`?",
        "Link loses packets",
    ]);
    browser.chinese().open("/definitions").await.shows(&["有 1 处错误", "未知的规则 `lnk`", "是否为 `link`？"]);
}
