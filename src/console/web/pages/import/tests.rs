//! Importing by pages, as a browser without scripts does it.

use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

const SHEET: &str = "设备名称,管理IP,类型,团体名,单位,备注\r\n\
    地区核心,10.65.0.1,交换机,s3cret-ro,地区电子政务办,x\r\n\
    <b>边界</b>,10.65.0.2,防火墙,,地区电子政务办,y\r\n\
    坏的,10.65.0.999,交换机,,地区电子政务办,z\r\n";

const ASSET: &str =
    "[[asset]]\nid = \"web\"\nname = \"门户\"\nkind = \"host\"\naddress = \"10.65.9.9\"\nzone = \"extranet\"\n";

#[tokio::test]
async fn a_sheet_is_looked_at_mapped_and_applied_and_its_secrets_are_nowhere() {
    let world = World::with(ASSET).await;
    let store = &world.service().store;
    let mut browser = world.admin().await;
    browser.open("/import").await.shows(&["enctype=\"multipart/form-data\"", "/import/template.xlsx", "Community"]);
    let preview = browser.upload("/import", "file", "台账.csv", SHEET.as_bytes()).await;
    assert_eq!(preview.status, 200, "{}", preview.body);
    preview.shows(&["台账.csv", "Bad rows", "10.65.0.999", "Apply 2 changes", "地区电子政务办", "***"]);
    preview.lacks(&["s3cret-ro", "<b>边界"]);
    let here = preview.path.clone();
    browser
        .open(&format!("{here}?show=add"))
        .await
        .shows(&["&lt;b&gt;边界&lt;/b&gt;", "dev-10-65-0-1"])
        .lacks(&["s3cret-ro"]);

    // A column that was not known becomes the place; the others stay as they were found.
    let mapped = browser
        .submit(&format!("{here}/map"), &[("c5", "location"), ("was5", "ignore"), ("c0", "name"), ("was0", "name")])
        .await;
    mapped.shows(&["Looked at again", "by hand"]);
    let bad = browser.get(&format!("{here}/bad.xlsx")).await;
    assert!(bad.bytes.starts_with(b"PK") && bad.status == 200);

    let applied = browser.submit(&format!("{here}/apply"), &[]).await;
    applied.shows(&["2 assets added, 0 changed", "1 credential is sealed", "1 bad row was left out"]);
    let (_, all) = store.inventory();
    assert_eq!(all.assets["dev-10-65-0-1"].location, "x");
    assert_eq!(all.assets["web"].name, "门户", "what others declared stays");
    assert_eq!(store.secrets().len(), 1);
    browser.open(&format!("{here}?show=same")).await.shows(&["地区核心"]);

    // Somebody else's upload is not shown to anybody, and a stale one says so.
    assert_eq!(browser.get("/import/0123456789abcdef0123456789abcdef").await.status, 404);
}

#[tokio::test]
async fn an_import_that_was_looked_at_before_another_change_is_looked_at_again() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/import").await;
    let here = browser.upload("/import", "file", "a.csv", SHEET.as_bytes()).await.path;
    world.declare(ASSET).await;
    let refused = browser.submit(&format!("{here}/apply"), &[]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["has changed since the preview", "Apply 2 changes"]);
    browser.submit(&format!("{here}/apply"), &[]).await.shows(&["2 assets added"]);
    assert_eq!(world.service().store.inventory().1.assets.len(), 3);
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_beside_its_field() {
    let world = World::new().await;
    let mut browser = world.admin().await;
    browser.open("/import").await;
    for (name, bytes) in [("a.xlsx", &b"PK\x03\x04 not really"[..]), ("b.csv", b"\x00\x01\x02"), ("c.csv", b"")] {
        let refused = browser.upload("/import", "file", name, bytes).await;
        assert_eq!(refused.status, 422, "{name}");
        refused.shows(&["id=\"e-file\""]);
    }
}

#[tokio::test]
async fn an_inventory_file_is_read_with_its_lines_shown_and_applied() {
    let world = World::new().await;
    let store = &world.service().store;
    let mut browser = world.admin().await;
    browser.open("/import").await;
    let wrong = browser
        .submit("/import/toml", &[("text", "[[asset]]\nid = \"a\"\nkind = \"swich\"\nzone = \"extranet\"\n")])
        .await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["There is 1 mistake", "inventory.toml:3", "swich"]);
    let plan = browser.submit("/import/toml", &[("text", ASSET)]).await;
    plan.shows(&["Adds 1 and changes 0", "<code>web</code>"]);
    let rev = store.inventory().0.to_string();
    let old = browser.submit("/import/toml", &[("text", ASSET), ("do", "apply"), ("rev", "999")]).await;
    assert_eq!(old.status, 422);
    browser.submit("/import/toml", &[("text", ASSET), ("do", "apply"), ("rev", &rev)]).await.shows(&["Saved"]);
    assert_eq!(store.inventory().1.assets["web"].name, "门户");
    let file = browser.get("/import/inventory.toml").await;
    file.shows(&["id = \"web\""]);
    let sent = browser.upload("/import/toml", "toml", "x.toml", ASSET.replace("门户", "门户网站").as_bytes()).await;
    sent.shows(&["x.toml", "门户网站", "<del>"]);
    assert!(browser.get("/import/template.xlsx").await.bytes.starts_with(b"PK"));
}

#[tokio::test]
async fn a_sweep_is_started_and_what_it_found_is_adopted() {
    use crate::console::discoveries::{self, Start};
    use crate::model::discovery::{Found, Wanted};
    use crate::model::inventory::AssetKind;
    let world = World::with(ASSET).await;
    let mut browser = world.admin().await;
    browser.open("/discover").await.shows(&["There was no sweep yet", "No agent is alive"]);
    let wrong = browser.submit("/discover", &[("cidr", "10.0.0.0/8"), ("tcp", "ssh"), ("snmp_port", "161")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["id=\"e-cidr\"", "more than 1024 addresses", "id=\"e-tcp\""]);
    let nobody = browser.submit("/discover", &[("cidr", "10.65.0.0/30"), ("tcp", "22"), ("snmp_port", "161")]).await;
    nobody.shows(&["no agent is alive"]);

    let found = |address: &str, name: &str| Found {
        address: address.parse().unwrap(),
        name: name.into(),
        kind: AssetKind::Switch,
        icmp: true,
        tcp: vec![22],
        secret: None,
        description: "<script>alert(1)</script>".into(),
        object_id: String::new(),
    };
    let wanted = Wanted { ranges: vec!["10.65.9.0/29".into()], secrets: vec![], snmp_port: 161, tcp_ports: vec![22] };
    let start = Start {
        agent: None,
        wanted,
        zone: None,
        region: None,
        found: Some(vec![found("10.65.9.1", "sw-1"), found("10.65.9.2", "<i>sw-2</i>"), found("10.65.9.3", "sw-1")]),
    };
    let id = discoveries::start(world.service(), &crate::console::web::testing::admin(), start).await.unwrap();
    let here = format!("/discover/{id}");
    let page = browser.open(&here).await;
    page.shows(&["10.65.9.1", "sw-1", "&lt;script&gt;", "TCP 22"]).lacks(&["<script>alert", "<i>sw"]);
    let nothing = browser.submit(&format!("{here}/adopt"), &[("do", "some")]).await;
    assert_eq!(nothing.status, 422);
    nothing.shows(&["tick the addresses"]);
    let fields = [("do", "some"), ("id", "10.65.9.1"), ("name-10.65.9.1", "接入一"), ("kind-10.65.9.1", "router")];
    browser
        .submit(&format!("{here}/adopt"), &fields)
        .await
        .shows(&["1 asset is in the inventory", "In the inventory:"]);
    let (_, all) = world.service().store.inventory();
    assert_eq!(all.assets.len(), 2);
    assert!(all.assets.values().any(|a| a.name == "接入一" && a.kind == AssetKind::Router));
}

#[tokio::test]
async fn only_an_administrator_imports_and_sweeps() {
    let world = World::new().await;
    let mut browser = world.signed_in(Role::Operator, Scope::All).await;
    for path in ["/import", "/discover", "/import/inventory.toml", "/import/template.xlsx"] {
        assert_eq!(browser.get(path).await.status, 403, "{path}");
    }
}
