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

#[tokio::test]
async fn the_whole_set_up_without_scripts() {
    let world = World::new().await;
    let store = &world.service().store;
    let mut browser = world.admin().await;
    browser.open("/setup").await;
    let made = browser.submit("/setup/account", &[("name", "liwei"), ("password", GOOD), ("again", GOOD)]).await;
    made.shows(&["Step 2 of 7", "652900 阿克苏地区"]);

    // Regions and units: a name that no list has needs its code; then a prefecture, its counties, units.
    let wrong = browser.submit("/setup/units", &[("prefecture", "无名地区"), ("counties", "12 x")]).await;
    assert_eq!(wrong.status, 422);
    wrong.shows(&["id=\"e-prefecture\"", "id=\"e-counties\"", "value=\"无名地区\""]);
    let proposed = browser.submit("/setup/units", &[("prefecture", "阿克苏地区")]).await;
    proposed.shows(&["Saved", "name=\"n-652900\"", "652927 乌什县"]);
    let filled = browser
        .submit(
            "/setup/units",
            &[
                ("counties", "652922 温宿县\n652927 乌什县"),
                ("county-code-1", "652924"),
                ("county-name-1", "沙雅县"),
                ("units", "地区电子政务办\n652927 乌什县政务办"),
                ("n-652900", "阿克苏地区（改）"),
            ],
        )
        .await;
    filled.shows(&["沙雅县", "地区电子政务办"]);
    let (_, all) = store.inventory();
    assert_eq!(
        all.regions.keys().map(|r| r.as_str()).collect::<Vec<_>>(),
        ["650000", "652900", "652922", "652924", "652927"]
    );
    assert_eq!(all.regions["652900"].name, "阿克苏地区（改）");
    assert_eq!(all.regions["652924"].parent.as_ref().map(|p| p.as_str()), Some("652900"));
    assert!(
        all.organisations
            .values()
            .any(|o| o.name == "乌什县政务办" && o.region.as_ref().is_some_and(|r| r.as_str() == "652927"))
    );

    // Credentials: never shown again, not even after a mistake.
    browser.open("/setup/credentials").await.shows(&["Step 3 of 7"]);
    let wrong = browser
        .submit("/setup/credentials", &[("kind", "v2"), ("name", "Bad Name"), ("community", "s3cret-ro")])
        .await;
    wrong.shows(&["id=\"e-name\""]).lacks(&["s3cret-ro"]);
    let v2 = browser
        .submit(
            "/setup/credentials",
            &[("kind", "v2"), ("name", "aks"), ("community", "s3cret-ro"), ("version", "v2c")],
        )
        .await;
    v2.shows(&["Credential aks is sealed", "snmp-v2c", "***"]).lacks(&["s3cret-ro"]);
    let v3 = [
        ("kind", "v3"),
        ("v3name", "aks3"),
        ("user", "ops"),
        ("auth", "sha256"),
        ("auth_key", "short"),
        ("privacy", "aes128"),
        ("privacy_key", "longer-than-8"),
    ];
    browser
        .submit("/setup/credentials", &v3)
        .await
        .shows(&["id=\"e-auth_key\"", "at least 8"])
        .lacks(&["longer-than-8"]);
    let v3 = v3.map(|(name, value)| if name == "auth_key" { (name, "also-longer") } else { (name, value) });
    browser.submit("/setup/credentials", &v3).await.shows(&["snmp-v3"]);
    assert_eq!(store.secrets().len(), 2);

    // Assets by hand, then a link between their ports.
    browser.open("/setup/links").await.shows(&["Links need assets first"]);
    browser.open("/setup/assets").await.shows(&["/import", "/discover", "/assets/new"]);
    for (id, name) in [("core", "地区核心"), ("wushi", "乌什核心")] {
        browser.open("/assets/new").await;
        let made = browser
            .post(
                "/assets/new",
                &[("id", id), ("name", name), ("kind", "switch"), ("zone", "extranet"), ("status", "in_use")],
            )
            .await;
        assert_eq!(made.status, 303, "{}", made.body);
    }
    browser.open("/setup/links").await.shows(&["Step 5 of 7"]);
    let unclear = browser
        .submit("/setup/links", &[("do", "save"), ("a_asset", "核心"), ("b_asset", "nothing"), ("tier", "backbone")])
        .await;
    assert_eq!(unclear.status, 422);
    unclear.shows(&["fits several assets", "There is no asset"]);
    let ports = browser
        .submit(
            "/setup/links",
            &[("do", "ports"), ("a_asset", "地区核心"), ("b_asset", "乌什核心"), ("tier", "backbone")],
        )
        .await;
    assert_eq!(ports.status, 200);
    ports.shows(&["value=\"core\"", "No agent has seen ports"]);
    let fields = [
        ("do", "save"),
        ("a_asset", "core"),
        ("a_port", "GE0/0/1"),
        ("b_asset", "wushi"),
        ("b_port", ""),
        ("tier", "backbone"),
        ("capacity", "1Gbps"),
        ("carrier", "中国电信"),
        ("circuit", "AKS-0427"),
        ("hotline", "10000"),
    ];
    let no_port = browser.submit("/setup/links", &fields).await;
    no_port.shows(&["id=\"e-b_port\"", "AKS-0427"]);
    let fields = fields.map(|(name, value)| if name == "b_port" { (name, "GE0/0/24") } else { (name, value) });
    browser.submit("/setup/links", &fields).await.shows(&["Saved", "地区核心 - 乌什核心", "1 Gbit/s"]);
    let (_, all) = store.inventory();
    assert_eq!(all.links["core--wushi"].carrier.as_ref().map(|c| c.circuit.as_str()), Some("AKS-0427"));

    // Who is told: a person of a new unit, and a test message in the audit trail.
    browser.open("/setup/people").await;
    browser.submit("/setup/people", &[("name", "张工")]).await.shows(&["id=\"e-organisation\""]);
    let person = [("name", "张工"), ("new_unit", "网络科"), ("mobile", "139 0000 0000"), ("duty", "值班员")];
    browser.submit("/setup/people", &person).await.shows(&["张工", "网络科"]);
    let id = store.inventory().1.persons.keys().next().unwrap().to_string();
    let tested = browser.submit("/setup/people/test", &[("person", &id)]).await;
    tested.shows(&["The test message to 张工", "mail and SMS come with a later version"]);
    let rows = store.audit(crate::console::command::Page { limit: 5, after: None }).await.unwrap();
    assert!(rows.items.iter().any(|row| row.action == "message.test" && row.target == format!("person:{id}")));

    // No demonstration: nothing is cut, and everything is done.
    browser.open("/setup/cable").await.shows(&["Step 7 of 7", "fengsui up --demo"]);
    assert_eq!(browser.post("/setup/cable", &[("link", "core--wushi")]).await.status, 409);
    browser.open("/setup").await.shows(&["Finish, to the overview"]).lacks(&["Go on:"]);
}

#[tokio::test]
async fn a_cable_of_the_demonstration_is_pulled_and_put_back_by_a_button() {
    use crate::console::demo::{Demo, DemoOrder};
    let world = World::with(
        "[[asset]]\nid = \"a\"\nkind = \"switch\"\nzone = \"extranet\"\n[[asset]]\nid = \"b\"\nkind = \"switch\"\nzone = \"extranet\"\n\
         [[link]]\nid = \"ab\"\na = { asset = \"a\", interface = \"GE1\" }\nb = { asset = \"b\", interface = \"GE2\" }\n",
    )
    .await;
    let (pull, mut orders) = tokio::sync::mpsc::channel(4);
    let (told, pulled) = tokio::sync::watch::channel(std::collections::BTreeSet::new());
    let link: crate::model::LinkId = "ab".parse().unwrap();
    world.service().set_demo(Demo { cables: vec![(link.clone(), "甲乙线".into())], pull, pulled });
    let mut browser = world.admin().await;
    browser.open("/setup/cable").await.shows(&["甲乙线", "Plugged in", "Pull it"]);
    browser
        .submit("/setup/cable", &[("link", "ab"), ("do", "pull")])
        .await
        .shows(&["The cable is out", "id=\"cables\""]);
    assert_eq!(orders.try_recv().unwrap(), DemoOrder::Pull(link.clone()));
    told.send_replace([link.clone()].into());
    browser.open("/setup/cable?link=ab").await.shows(&["Put it back", "Pulled"]);
    browser.submit("/setup/cable", &[("link", "ab"), ("do", "plug")]).await;
    assert_eq!(orders.try_recv().unwrap(), DemoOrder::Plug(link));
    assert_eq!(browser.post("/setup/cable", &[("link", "other"), ("do", "pull")]).await.status, 404);
}
