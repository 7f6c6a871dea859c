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
    let page = admin.get("/baseline?result=fail").await;
    page.shows(&["8.1.4.1 b)", "L3-CES1-02", "Not met", "D06 &lt;script&gt;", "sw1.cfg:3 idle-timeout 0 0"]);
    page.lacks(&["<script>alert", "style=\"", "never looked at"]);
    assert_eq!(ids(&page.body), ["L3-CES1-02 core"]);
    assert_eq!(ids(&admin.get("/baseline?system=oa&rows=500").await.body).len(), 74);
    admin.get("/baseline?q=zzz").await.shows(&["No row fits"]);
    let file = admin.get("/baseline?format=csv").await;
    assert!(file.body.lines().count() == 75 && file.body.contains("idle-timeout 0 0"), "{}", file.body);
    net.world.admin().await.chinese().get("/baseline?result=fail").await.shows(&[
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
    let link = page.body.split("href=\"").find(|part| part.contains("left=")).unwrap();
    let link = link.split_once('#').unwrap().0.replace("&amp;", "&");
    admin.get(&link).await.shows(&["+ telnet server enable"]);
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
