//! Files of graded protection on their page: who may hand them in, what is told of each, and no text that becomes markup.

use super::*;

const CONFIG: &str = "#\nsysname Core\n#\ntelnet server enable\n#\naaa\n local-user a password cipher MARKER\n#\n\
    user-interface vty 0 4\n#\nreturn\n";

#[tokio::test]
async fn the_record_sheet_leaves_in_three_forms_and_as_it_is_filtered() {
    let net = Net::new().await;
    let mut viewer = net.world.signed_in(Role::Viewer, Scope::All).await;
    let page = viewer.get("/baseline?system=oa").await;
    page.shows(&["Record sheet DOCX", "Record sheet XLSX", "Record sheet CSV", "公文系统", "not known"]);
    page.lacks(&["/baseline/files"]);
    for (format, kind) in [("docx", "wordprocessingml"), ("xlsx", "spreadsheetml"), ("csv", "text/csv")] {
        let file = viewer.get(&format!("/baseline?system=oa&format={format}")).await;
        assert!(file.headers["content-type"].to_str().unwrap().contains(kind), "{format}");
        assert!(file.headers["content-disposition"].to_str().unwrap().contains(&format!("record-sheet.{format}")));
        assert_eq!(file.bytes.starts_with(b"PK"), format != "csv");
    }
    let one = viewer.get("/baseline?item=L3-CES1-01&format=csv").await;
    assert_eq!(one.body.lines().count(), 2, "{}", one.body);
}

#[tokio::test]
async fn a_security_administrator_hands_in_configurations_and_says_whose_they_are() {
    let net = Net::new().await;
    for role in [Role::Viewer, Role::Operator, Role::Admin] {
        let mut other = net.world.signed_in(role, Scope::All).await;
        let may = other.get("/baseline/files").await.status == 200;
        // Whoever came in by a link of the machine itself owns it.
        assert_eq!(may, role == Role::Admin, "{}", role.as_str());
    }
    let mut security = net.world.signed_in(Role::Security, Scope::All).await;
    security.get("/baseline").await.shows(&["Hand in files"]);
    security.get("/baseline/files").await.shows(&["multiple", "huawei-vrp", "name=\"configurations\""]);
    let page = security.upload("/baseline/files", "configurations", "core.cfg", CONFIG.as_bytes()).await;
    page.shows(&["1 belong to an asset now", "/baseline/core", "地区核心交换机", "huawei-vrp", "Not met"]);
    page.lacks(&["MARKER"]);
    security
        .get("/baseline/core")
        .await
        .shows(&["a file dropped on a page", "telnet server enable"])
        .lacks(&["MARKER"]);
    let evil = CONFIG.replace("sysname Core", "sysname <script>alert(9)</script>");
    let page = security.upload("/baseline/files", "configurations", "<b>.cfg", evil.as_bytes()).await;
    page.shows(&["&lt;script&gt;alert(9)", "&lt;b&gt;.cfg", "No asset has this name", "d-assets"]);
    page.lacks(&["<script>alert", "MARKER"]);
    let token = page.body.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let refused = security.post("/baseline/files", &[("token", &token), ("asset0", "nobody")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["nobody"]);
    let token = refused.body.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let done = security.post("/baseline/files", &[("token", &token), ("asset0", "wushi")]).await;
    done.shows(&["1 belong to an asset now", "/baseline/wushi"]);
    let page = security.upload("/baseline/files", "configurations", "x.txt", b"MARKER\n").await;
    page.shows(&["1 could not be judged", "choose the language"]).lacks(&["MARKER"]);
    let page = security.upload("/baseline/files", "configurations", "x.txt", b"").await;
    assert_eq!(page.status, 422);
    let other = Net::new().await;
    let mut county = other.world.signed_in(Role::Security, Scope::Regions(vec!["652928".parse().unwrap()])).await;
    county.get("/baseline/files").await;
    let page = county.upload("/baseline/files", "configurations", "core.cfg", CONFIG.as_bytes()).await;
    page.shows(&["No asset has this name"]).lacks(&["地区核心交换机"]);
}

#[tokio::test]
async fn a_sheet_that_was_filled_in_is_shown_before_it_counts() {
    let net = Net::new().await;
    let mut security = net.world.signed_in(Role::Security, Scope::All).await;
    security.get("/baseline/files").await.shows(&["enctype=\"multipart/form-data\""]);
    let sheet = |rows: &str| format!("测评项编号,资产编号,人工结果,核查所见\n{rows}");
    let bad = sheet("L3-CES1-04,core,maybe,<i>x</i>\n");
    let page = security.upload("/baseline/files/answers", "file", "a.csv", bad.as_bytes()).await;
    page.shows(&["There are 1 mistakes", "人工结果", "maybe", "choose one of"]).lacks(&["<i>x", "Take "]);
    let path = page.path.clone();
    let refused = security.post(&path, &[]).await;
    assert_eq!(refused.status, 422);
    let good = sheet("L3-CES1-04,core,不符合,口令<i>一种</i>\nL3-CES1-05,core,,\n");
    let page = security.upload("/baseline/files/answers", "file", "a.csv", good.as_bytes()).await;
    page.shows(&["1 answers would change", "地区核心交换机", "口令&lt;i&gt;一种", "Take 1 answers"]);
    let path = page.path.clone();
    let mut operator = net.world.signed_in(Role::Operator, Scope::All).await;
    assert_eq!(operator.post(&path, &[]).await.status, 403);
    security.submit(&path, &[]).await.shows(&["1 answers were taken"]);
    security.get("/baseline?item=L3-CES1-04").await.shows(&["口令&lt;i&gt;一种", "by hand"]);
    let page = security.upload("/baseline/files/answers", "file", "a.csv", b"a,b\n1,2\n").await;
    assert_eq!(page.status, 422);
    page.shows(&["Asset id"]);
}
