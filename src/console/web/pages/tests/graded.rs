//! Graded protection on its pages: much and nothing, in both languages, hostile texts, who may answer.

use super::*;
use crate::model::finding::{Inspection, Verdict, sample};
use crate::model::wire::Findings;

fn told(turn: impl FnOnce(&mut Inspection)) -> Record {
    let mut inspection = sample("core", "D06", Verdict::Fail);
    turn(&mut inspection);
    Record::Finding(Findings::of(&inspection).unwrap())
}

#[tokio::test]
async fn the_matrix_has_every_item_and_says_what_proves_it() {
    let mut net = Net::new().await;
    let mut admin = net.world.admin().await;
    // Nothing looked at: the assets of a graded system are there all the same, and say so.
    let page = admin.get("/baseline").await;
    page.shows(&["1 assets, 74 items", "1 assets were never looked at", "Could not be checked", "地区核心交换机"]);
    net.send(Stream::Bulk, told(|i| i.findings[0].record.en = "<script>alert(7)</script> no timeout".into())).await;
    let page = admin.get("/baseline?view=list&result=fail").await;
    page.shows(&["8.1.4.1 b)", "L3-CES1-02", "Not met", "D06 &lt;script&gt;", "sw1.cfg:3 idle-timeout 0 0"]);
    page.lacks(&["<script>alert", "style=\"", "never looked at"]);
    assert_eq!(ids(&page.body), ["L3-CES1-02 core"]);
    assert_eq!(ids(&admin.get("/baseline?view=list&system=oa&rows=500").await.body).len(), 74);
    admin.get("/baseline?q=zzz").await.shows(&["No row fits"]);
    let file = admin.get("/baseline?format=csv").await;
    assert!(file.body.lines().count() == 75 && file.body.contains("idle-timeout 0 0"), "{}", file.body);
    net.world.admin().await.chinese().get("/baseline?view=list&result=fail").await.shows(&[
        "不符合",
        "自查指数",
        "公文系统（3 级）",
    ]);
    let mut county = net.world.signed_in(Role::Viewer, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    county.get("/baseline").await.lacks(&["地区核心交换机"]);
    assert_eq!(county.get("/baseline/core").await.status, 404);
}

#[tokio::test]
async fn an_asset_shows_its_proof_its_history_and_takes_answers_of_security_only() {
    let mut net = Net::new().await;
    net.send(Stream::Bulk, told(|i| i.findings[0].result = Verdict::Pass)).await;
    net.send(
        Stream::Bulk,
        told(|i| {
            i.at = i.at.plus(Duration::from_secs(60));
            let snapshot = i.snapshot.as_mut().unwrap();
            snapshot.text.push_str("telnet server enable\n");
            snapshot.sha256 = "1".repeat(64);
        }),
    )
    .await;
    let mut admin = net.world.admin().await;
    let page = admin.get("/baseline/core").await;
    page.shows(&["id=\"L3-CES1-02\"", "idle-timeout 10 0", "States of the configuration", "configuration changed"]);
    page.lacks(&["Answer by hand", "<script>alert"]);
    page.shows(&["href=\"/baseline/core/states\""]);
    let fields = [("target", "L3-CES1-04"), ("result", "fail"), ("reason", "口令一种")];
    let mut operator = net.world.signed_in(Role::Operator, Scope::All).await;
    operator.get("/baseline/core").await.lacks(&["Answer by hand"]);
    assert_eq!(operator.post("/baseline/core", &fields).await.status, 403);
    let mut security = net.world.signed_in(Role::Security, Scope::All).await;
    security.get("/baseline/core").await.shows(&["Answer by hand"]);
    security.submit("/baseline/core", &fields).await.shows(&["口令一种", "by hand"]);
    security.get("/baseline?item=L3-CES1-04").await.shows(&["口令一种"]);
    assert_eq!(security.get("/baseline/nobody").await.status, 404);
}

/// The text with a line more, so many minutes after ten minutes ago; `by` changed it.
fn later(net: &Net, minutes: u64, line: &str, by: &str, result: Verdict) -> Record {
    told(|i| {
        let now = net.world.service().clock.wall();
        i.at = now.minus(Duration::from_secs(600)).plus(Duration::from_secs(60 * minutes));
        i.findings[0].result = result;
        i.changed = Some(crate::model::finding::Changed { by: by.into(), at: "2026-11-20".into() });
        let snapshot = i.snapshot.as_mut().unwrap();
        snapshot.text.push_str(line);
        snapshot.sha256 = format!("{minutes}").repeat(64);
    })
}

#[tokio::test]
async fn the_matrix_stands_by_points_or_items_and_every_cell_is_a_word_that_leads_to_its_proof() {
    let mut net = Net::new().await;
    net.send(Stream::Bulk, told(|_| ())).await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    let page = viewer.get("/baseline").await;
    page.shows(&[
        "class=\"grid matrix\"",
        "Computing environment",
        "8.1.4.1",
        "Identity",
        "href=\"/baseline/core#L3-CES1-02\"",
        "class=\"v-fail\"",
        "All assets together",
        "hx-trigger=\"live-baseline from:body",
    ]);
    page.lacks(&["style=\"", "onclick"]);
    assert_eq!(ids(&page.body), ["core"]);
    // 24 control points of the asset and of all together.
    assert_eq!(page.body.matches("<td class=\"v-").count(), 48);
    let items = viewer.get("/baseline?by=item&area=L3-CES1&system=oa").await;
    assert_eq!(items.body.matches("<td class=\"v-").count(), 2 * 34);
    items.shows(&["href=\"/baseline/items/L3-CES1-02?system=oa\""]).lacks(&["Area boundary</th>"]);
    assert_eq!(ids(&viewer.get("/baseline?result=fail").await.body), ["core"]);
    viewer.get("/baseline?result=pass").await.shows(&["No row fits"]);
    viewer.get("/baseline?q=nobody").await.shows(&["No row fits"]);
    assert_eq!(ids(&viewer.get("/baseline?sort=-unmet&q=核心").await.body), ["core"]);
    net.world.signed_in(Role::Operator, Scope::All).await.chinese().get("/baseline").await.shows(&[
        "安全计算环境",
        "身份鉴别",
        "不符",
        "全部资产合并",
    ]);
}

#[tokio::test]
async fn an_item_has_its_numbers_checks_and_proof_and_is_answered_for_many_assets_at_once() {
    let mut net = Net::new().await;
    net.send(Stream::Bulk, told(|i| i.findings[0].record.en = "<b>bold</b>".into())).await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    let page = viewer.get("/baseline/items/L3-CES1-02").await;
    page.shows(&["8.1.4.1 b)", "7.1.4.1 b)", "L3-CES1-02", "D06", "idle-timeout 0 0", "&lt;b&gt;bold", "Identity"]);
    page.lacks(&["<b>bold", "Select assets", "name=\"reason\""]);
    assert_eq!(ids(&page.body), ["core"]);
    assert_eq!(viewer.get("/baseline/items/L3-CES1-16").await.status, 404);
    assert!(viewer.get("/baseline/items/L3-CES1-02?format=csv").await.body.contains("idle-timeout 0 0"));
    let fields =
        [("id", "core"), ("result", "pass"), ("reason", "口令<i>已改</i>"), ("back", "/baseline/items/L3-CES1-04")];
    assert_eq!(viewer.post("/baseline/items/L3-CES1-04", &fields).await.status, 403);
    let mut security = net.world.signed_in(Role::Security, Scope::All).await;
    security.get("/baseline/items/L3-CES1-04").await.shows(&["Select assets", "No check", "name=\"reason\""]);
    let refused = security.post("/baseline/items/L3-CES1-04", &[("result", "pass"), ("reason", "kept")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["choose the assets", "value=\"kept\""]);
    let page = security.submit("/baseline/items/L3-CES1-04", &fields).await;
    page.shows(&["口令&lt;i&gt;已改", "by hand", "Met"]).lacks(&["<i>已改"]);
    let mut county = net.world.signed_in(Role::Operator, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    county.get("/baseline/items/L3-CES1-02").await.lacks(&["idle-timeout", "地区核心交换机"]);
}

#[tokio::test]
async fn a_waiver_is_granted_with_an_end_stands_beside_the_raw_result_and_is_taken_back() {
    let mut net = Net::new().await;
    net.send(Stream::Bulk, told(|_| ())).await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/baseline/waivers").await.shows(&["No waiver fits"]).lacks(&["id=\"grant\""]);
    let mut security = net.world.signed_in(Role::Security, Scope::All).await;
    security.get("/baseline/core").await.shows(&["/baseline/waivers?check=D06&amp;asset=core#grant"]);
    security.get("/baseline/waivers?check=D06&asset=core").await.shows(&["value=\"D06\"", "value=\"core\""]);
    let end = |days: u64| {
        let at = net.world.service().clock.wall().plus(Duration::from_secs(days * 86_400)).to_string();
        at[..16].to_owned()
    };
    let form = |check: &'static str, days: u64| {
        vec![
            ("do", "add".to_owned()),
            ("check", check.to_owned()),
            ("reach", "asset".to_owned()),
            ("to", "core".to_owned()),
            ("reason", "老设备 <i>1</i>".to_owned()),
            ("compensating", "acl 2000".to_owned()),
            ("expires", end(days)),
            ("pin", "1".to_owned()),
        ]
    };
    let fields = |form: &[(&'static str, String)]| form.iter().map(|(n, v)| (*n, v.clone())).collect::<Vec<_>>();
    fn lent<'a>(all: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
        all.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
    // No end within a year, nothing to bind to, no reason: each is refused and what was written stays.
    let long = security.post("/baseline/waivers", &lent(&form("D06", 400))).await;
    assert_eq!(long.status, 422);
    long.shows(&["within a year", "acl 2000"]);
    let strange = security.post("/baseline/waivers", &lent(&form("D99", 30))).await;
    assert_eq!(strange.status, 422);
    strange.shows(&["no result of that check"]);
    let mut endless = fields(&form("D06", 30));
    endless.retain(|(name, _)| *name != "expires");
    assert_eq!(security.post("/baseline/waivers", &lent(&endless)).await.status, 422);
    assert_eq!(viewer.post("/baseline/waivers", &lent(&form("D06", 30))).await.status, 403);
    let page = security.submit("/baseline/waivers?said=x", &lent(&form("D06", 30))).await;
    page.shows(&["The waiver was granted", "老设备 &lt;i&gt;1", "acl 2000", "bound to evidence", "Ends soon"]);
    page.lacks(&["<i>1</i>"]);
    let id = ids(&page.body)[0].to_owned();
    viewer.get("/baseline").await.shows(&["→", "With waivers: Somebody has to look"]);
    viewer.get("/baseline/core").await.shows(&["Not met", "老设备"]);
    viewer.get("/baseline/report?system=oa").await.shows(&["老设备", "acl 2000"]);
    assert_eq!(viewer.post("/baseline/waivers", &[("do", "revoke"), ("id", &id)]).await.status, 403);
    security
        .submit("/baseline/waivers", &[("do", "revoke"), ("id", &id)])
        .await
        .shows(&["was withdrawn", "No waiver fits"]);
    assert_eq!(ids(&security.get("/baseline/waivers?state=withdrawn").await.body), [id.as_str()]);
    assert_eq!(security.post("/baseline/waivers", &[("do", "revoke"), ("id", &id)]).await.status, 422);
}

#[tokio::test]
async fn the_report_of_a_system_is_loud_where_most_says_nothing_and_tells_who_changed_what() {
    let mut net = Net::new().await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/baseline/report").await.shows(&["Choose a graded system", "/baseline/report?system=oa"]);
    let page = viewer.get("/baseline/report?system=oa").await;
    page.shows(&[
        "公文系统: self-check report",
        "not an assessment",
        "More than half",
        "never looked at",
        "No check fails",
    ]);
    let record = later(&net, 0, "", "ops", Verdict::Pass);
    net.send(Stream::Bulk, record).await;
    let record = later(&net, 1, "telnet server enable\n", "<ops>", Verdict::Fail);
    net.send(Stream::Bulk, record).await;
    let page = viewer.get("/baseline/report?system=oa").await;
    page.shows(&[
        "&lt;ops&gt;",
        "newest look",
        "idle-timeout",
        "8.1.4.1",
        "Self-check index",
        "data-print",
        "电子政务办",
    ]);
    page.lacks(&["<ops>", "never looked at"]);
    net.world.signed_in(Role::Operator, Scope::All).await.chinese().get("/baseline/report?system=oa").await.shows(&[
        "公文系统：等级保护自查报告",
        "主要安全隐患",
        "自查，不是等级测评",
        "符合率",
    ]);
    let mut county = net.world.signed_in(Role::Security, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    county.get("/baseline/report?system=oa").await.shows(&["No system of level 2"]).lacks(&["公文系统"]);
}

#[tokio::test]
async fn two_states_of_a_configuration_stand_side_by_side_with_whoever_made_the_change() {
    let mut net = Net::new().await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    viewer.get("/baseline/core/states").await.shows(&["No configuration is kept"]);
    assert_eq!(viewer.get("/baseline/nobody/states").await.status, 404);
    let record = later(&net, 0, "", "wang", Verdict::Pass);
    net.send(Stream::Bulk, record).await;
    let record = later(&net, 1, "telnet server enable\n", "<zhang>", Verdict::Fail);
    net.send(Stream::Bulk, record).await;
    let record = later(&net, 2, "stelnet server enable\n", "li", Verdict::Fail);
    net.send(Stream::Bulk, record).await;
    // Without a choice the newest beside the one before it.
    let page = viewer.get("/baseline/core/states").await;
    page.shows(&["+ stelnet server enable", "- telnet server enable", "&lt;zhang&gt;", "wang", "type=\"radio\""]);
    page.lacks(&["<zhang>"]);
    let states: Vec<&str> =
        page.body.split("name=\"right\" value=\"").skip(1).map(|r| r.split_once('"').unwrap().0).collect();
    assert_eq!(states.len(), 3);
    let page = viewer.get(&format!("/baseline/core/states?left={}&right={}", states[2], states[1])).await;
    page.shows(&["came\">+ telnet server enable", "1 lines came, 0 went", "Results that changed meanwhile", "D06"]);
    page.lacks(&["- telnet server enable"]);
    viewer.get("/baseline/core/states?left=x&right=9").await.shows(&["+ stelnet server enable"]);
}
