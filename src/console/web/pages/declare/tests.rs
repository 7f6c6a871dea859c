//! Declaring by forms, as a browser without scripts does it.

use super::*;
use crate::console::command::{Role, Scope};
use crate::console::web::testing::World;

pub(super) const INVENTORY: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[organisation]]
id = "egov"
name = "地区电子政务办"

[[agent]]
id = "tower"
zone = "extranet"

[[asset]]
id = "core"
name = "地区核心"
kind = "switch"
address = "10.65.0.1"
also = ["10.65.0.2"]
zone = "extranet"
region = "652900"
owner = "egov"
importance = 3
watch = { agents = ["tower"], mode = "all" }
snmp = { secret = "aks", port = 1161 }
tcp = [22, 443]
depends_on = [["fw"]]
tags = ["骨干", "重点"]
renamed_from = "old-core"

[[asset]]
id = "fw"
name = "防火墙"
kind = "firewall"
address = "10.65.0.9"
zone = "extranet"
"#;

#[test]
fn a_text_of_a_form_stays_one_line_of_a_file() {
    let hostile = "a\"\\\n[[asset]]\nid = \"x\"\u{7}'''中";
    let draft = Draft::new("asset").text("name", "name", hostile);
    assert_eq!(draft.toml().lines().count(), 2);
    let read: toml::Table = draft.toml().parse().unwrap();
    assert_eq!(read["asset"][0]["name"].as_str(), Some(hostile));
}

#[tokio::test]
async fn a_form_that_is_saved_as_it_is_shown_changes_nothing() {
    let world = World::with(INVENTORY).await;
    let before = world.service().store.inventory();
    let asset = &before.1.assets["core"];
    let mut browser = world.admin().await;
    browser.get("/assets/core/edit").await.shows(&[
        "value=\"地区核心\"",
        "<option value=\"652900\" selected",
        "<option value=\"aks\" selected>aks (not set yet)",
    ]);
    let filled = asset::values(asset);
    let fields: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let saved = browser.post("/assets/core/edit", &fields).await;
    assert_eq!((saved.status.as_u16(), saved.location()), (303, "/assets/core?said=saved"));
    assert_eq!(world.service().store.inventory(), before, "nothing was lost on the way through the form");
}

#[tokio::test]
async fn an_asset_is_made_with_an_id_of_its_address_and_mistakes_stand_beside_their_fields() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.admin().await;
    browser.get("/assets/new").await.shows(&["New asset", "name=\"seen\" value=\"new\""]);
    let wrong = browser
        .post(
            "/assets/new",
            &[
                ("name", "<b>x</b>"),
                ("kind", "website"),
                ("zone", "nowhere"),
                ("address", "10.65.0.999"),
                ("tcp", "ssh"),
                ("importance", "9"),
            ],
        )
        .await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&[
        "value=\"&lt;b&gt;x&lt;/b&gt;\"",
        "id=\"e-address\"",
        "id=\"e-tcp\"",
        "id=\"e-importance\"",
        "lacks `website`",
    ]);
    wrong.lacks(&["<b>x"]);
    let mut chinese = browser.clone().chinese();
    chinese.get("/assets/new").await;
    let wrong = chinese
        .post("/assets/new", &[("name", "x"), ("kind", "host"), ("zone", "extranet"), ("address", "10.65.0.999")])
        .await;
    wrong.shows(&["不是地址"]);

    let fine = [("name", "乌什核心"), ("kind", "switch"), ("zone", "extranet"), ("address", "10.65.8.1")];
    let made = browser.post("/assets/new", &fine).await;
    assert_eq!(made.location(), "/assets/dev-10-65-8-1?said=saved");
    let (_, all) = world.service().store.inventory();
    assert_eq!(all.assets["dev-10-65-8-1"].name, "乌什核心");
    assert_eq!(all.assets.len(), 3, "the others are still there");
    let again = browser.post("/assets/new", &fine).await;
    again.shows(&["id=\"e-id\"", "is taken"]);
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.admin().await;
    browser.get("/assets/fw/edit").await;
    world.declare("[[asset]]\nid = \"fw\"\nname = \"新防火墙\"\nkind = \"firewall\"\nzone = \"extranet\"\n").await;
    let refused =
        browser.post("/assets/fw/edit", &[("name", "mine"), ("kind", "firewall"), ("zone", "extranet")]).await;
    assert_eq!(refused.status, 422);
    refused.shows(&["Somebody changed this entry", "value=\"mine\""]);
    assert_eq!(world.service().store.inventory().1.assets["fw"].name, "新防火墙");
}

#[tokio::test]
async fn only_an_administrator_declares() {
    let world = World::with(INVENTORY).await;
    let mut browser = world.signed_in(Role::Operator, Scope::All).await;
    for path in ["/assets/new", "/assets/core/edit"] {
        assert_eq!(browser.get(path).await.status, 403, "{path}");
    }
}

const LINKED: &str = r#"
[[person]]
id = "zhang"
name = "张工"
organisation = "egov"

[[link]]
id = "core-fw"
name = "核心到防火墙"
tier = "backbone"
capacity = "10Gbps"
a = { asset = "core", interface = "GE0/0/1", address = "10.65.1.1" }
b = { peer = "自治区 PE", address = "10.65.1.2" }
watch = [{ agent = "tower", to = "b" }, { agent = "tower", to = "a" }]
carrier = { name = "中国电信", circuit = "C-1", hotline = "10000" }

[[system]]
id = "oa"
level = 3
assets = ["core", "fw"]
owner = "egov"
"#;

#[tokio::test]
async fn a_link_that_is_saved_as_it_is_shown_changes_nothing() {
    let world = World::with(INVENTORY).await;
    world.declare(LINKED).await;
    let before = world.service().store.inventory();
    let mut browser = world.admin().await;
    browser.get("/links/core-fw/edit").await.shows(&[
        "value=\"tower:b, tower:a\"",
        "value=\"自治区 PE\"",
        "value=\"10Gbps\"",
    ]);
    let filled = link::values(&before.1.links["core-fw"]);
    let mut fields: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("do", "save"));
    let saved = browser.post("/links/core-fw/edit", &fields).await;
    assert_eq!((saved.status.as_u16(), saved.location()), (303, "/links/core-fw?said=saved"), "{}", saved.body);
    assert_eq!(world.service().store.inventory(), before);
}

#[tokio::test]
async fn regions_units_and_persons_are_listed_added_and_changed() {
    let world = World::with(INVENTORY).await;
    world.declare(LINKED).await;
    let mut browser = world.admin().await;
    browser.open("/inventory").await.shows(&["阿克苏地区", "652900"]);
    browser.open("/inventory?what=unit&q=电子").await.shows(&["地区电子政务办"]);
    browser.open("/inventory?what=person").await.shows(&["张工"]);
    browser.open("/inventory/region/new").await;
    let fields = [("name", "温宿县"), ("id", "652922"), ("tier", "county"), ("parent", "652900")];
    browser.submit("/inventory/region/new", &fields).await.shows(&["Saved", "温宿县"]);
    browser.open("/inventory/region/652900/edit").await.shows(&["阿克苏地区"]).lacks(&["<option value=\"652900\""]);
    // A loop is refused by the reader, beside its field.
    let fields = [("name", "阿克苏地区"), ("tier", "prefecture"), ("parent", "652922")];
    browser.submit("/inventory/region/652900/edit", &fields).await.shows(&["id=\"e-parent\"", "is above itself"]);
    browser.open("/inventory/person/new").await;
    browser.submit("/inventory/person/new", &[("name", "李工")]).await.shows(&["lacks `organisation`"]);
    browser
        .submit("/inventory/person/new", &[("name", "李工"), ("organisation", "egov"), ("deputy", "zhang")])
        .await
        .shows(&["李工"]);
    assert_eq!(browser.get("/inventory/nothing/new").await.status, 404);
    assert_eq!(browser.get("/inventory/region/999/edit").await.status, 404);
    let csv = browser.get("/inventory?what=unit&format=csv").await;
    csv.shows(&["地区电子政务办"]);
}

#[tokio::test]
async fn what_is_removed_takes_what_is_meaningless_without_it_and_nothing_else() {
    let world = World::with(INVENTORY).await;
    world.declare(LINKED).await;
    let store = &world.service().store;
    let mut browser = world.admin().await;
    browser
        .open("/inventory/unit/egov/remove")
        .await
        .shows(&["still point to it", "张工"])
        .lacks(&["class=\"danger\""]);
    assert_eq!(browser.post("/inventory/unit/egov/remove", &[]).await.status, 422);
    browser.open("/assets/core/remove").await.shows(&[
        "the 1 link that ends at it",
        "its open alerts are withdrawn",
        "oa",
    ]);
    let refused = browser.post("/assets/core/remove", &[]).await;
    assert_eq!(refused.status, 422);
    assert!(store.inventory().1.assets.contains_key("core"));
    let gone = browser.post("/assets/core/remove", &[("links", "1")]).await;
    assert_eq!(gone.location(), "/assets?said=removed", "{}", gone.body);
    let (_, all) = store.inventory();
    assert!(!all.assets.contains_key("core") && all.links.is_empty());
    assert_eq!(all.systems["oa"].assets.len(), 1, "the system has lost only that asset");
    browser.open("/assets/fw/remove").await.shows(&["watched no more"]);
    browser.post("/assets/fw/remove", &[]).await;
    browser.open("/inventory/person/zhang/remove").await;
    browser.submit("/inventory/person/zhang/remove", &[]).await.shows(&["Removed"]);
    assert!(store.inventory().1.persons.is_empty());
}
