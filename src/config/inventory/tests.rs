//! Inventory: the design's example, every mistake, diff and prune, export that reads back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::inventory::*;
use crate::model::{AgentId, AssetId, LinkId, OrganisationId, PersonId, RegionId, SystemId};

/// The example of the design, whole.
pub(crate) const EXAMPLE: &str = r#"
[[region]]
id = "650000"
name = "新疆维吾尔自治区"
tier = "province"

[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"
parent = "650000"

[[organisation]]
id = "aks-egov"
name = "地区电子政务管理办公室"
region = "652900"

[[agent]]
id = "aks-tower"
region = "652900"
zone = "extranet"
address = "10.65.0.9"

[[asset]]
id = "aks-core-1"
name = "地区核心交换机"
kind = "switch"
address = "10.65.0.1"
also = ["10.65.255.1"]
zone = "extranet"
region = "652900"
owner = "aks-egov"
operator = "aks-egov"
importance = 3
watch = { agents = ["aks-tower"], mode = "first" }
snmp = { port = 161, secret = "aks-core" }
depends_on = []

[[asset]]
id = "wushi-core-1"
name = "乌什县核心路由器"
kind = "router"
address = "10.65.9.1"
zone = "extranet"
region = "652900"
owner = "aks-egov"
operator = "aks-egov"

[[asset]]
id = "aks-portal"
name = "地区门户网站"
kind = "website"
website = { url = "https://www.aks.example/", site_code = "6529000001" }
zone = "extranet"
region = "652900"
owner = "aks-egov"
operator = "aks-egov"

[[link]]
id = "aks-wushi"
name = "地区-乌什县骨干链路"
a = { asset = "aks-core-1", interface = "XGigabitEthernet0/0/1", address = "10.65.1.1" }
b = { asset = "wushi-core-1", interface = "GigabitEthernet0/0/1", address = "10.65.1.2" }
watch = [{ agent = "aks-tower", to = "b" }]
tier = "backbone"
capacity = "1Gbps"
carrier = { name = "运营商", circuit = "0312-3", hotline = "10000" }

[[system]]
id = "aks-portal-system"
name = "地区门户网站系统"
level = 3
assets = ["aks-portal", "aks-core-1"]
owner = "aks-egov"
filing = { number = "", filed = 2024-03-01, last_assessed = 2026-05-20 }
"#;

fn texts(text: &str) -> Vec<(String, String)> {
    vec![("i.toml".to_owned(), text.to_owned())]
}

fn mistakes(text: &str) -> Vec<String> {
    parse(&texts(text)).map(|_| Vec::new()).unwrap_or_else(|d| d.iter().map(ToString::to_string).collect())
}

#[test]
fn the_designs_example_reads_as_it_means() {
    let inventory = parse(&texts(EXAMPLE)).unwrap();
    let core = &inventory.assets["aks-core-1"];
    assert_eq!(
        (core.importance, core.status, core.snmp.as_ref().unwrap().secret.as_str()),
        (3, AssetStatus::InUse, "aks-core")
    );
    let link = &inventory.links["aks-wushi"];
    assert_eq!(
        (link.capacity_bps, link.b.address(), link.watch[0].to),
        (Some(1_000_000_000), Some("10.65.1.2"), Side::B)
    );
    let filing = &inventory.systems["aks-portal-system"].filing;
    assert_eq!((filing.filed.as_deref(), filing.last_assessed.as_deref()), (Some("2024-03-01"), Some("2026-05-20")));
    assert_eq!(inventory.zones.len(), 5);
    assert_eq!(inventory.agents["aks-tower"].name, "aks-tower");
    assert_eq!(parse(&texts(&export(&inventory))).unwrap(), inventory);
}

#[test]
fn every_mistake_is_reported_at_once_over_all_files() {
    let a = "[[region]]\nid = 'r1'\ntier = 'county'\nparent = 'r2'\n[[region]]\nid = 'r2'\ntier = 'city'\nparent = 'r1'\n";
    let b = "[[asset]]\nid = 'A'\nkind = 'host'\nzone = 'extranett'\n[[asset]]\nid = 'x'\nkind = 'website'\nzone = 'extranet'\nregion = 'r1'\naddress = '10.0.0.300'\nwatch = { agents = ['tower'] }\nsmtp = 1\n";
    let found = parse(&[("a.toml".into(), a.into()), ("b.toml".into(), b.into())]).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "a.toml:4: unknown region `r2`; did you mean `r1`?",
            "a.toml:7: `city` is no value of `tier`; known: county, prefecture, province, township",
            "b.toml:2: `A` is no asset id; it must start with a-z or 0-9",
            "b.toml:4: unknown zone `extranett`; did you mean `extranet`?",
            "b.toml:5: asset `x` lacks `website`; add website = { url = \"https://...\" }",
            "b.toml:10: `10.0.0.300` is no address; an IPv4 address has four numbers of 0 to 255",
            "b.toml:11: unknown agent `tower`; there is none to choose from",
            "b.toml:12: unknown key `smtp` in asset `x`; did you mean `snmp`?",
        ]
    );
}

#[test]
fn a_region_above_itself_is_found_once() {
    let found = mistakes(
        "[[region]]\nid = 'a'\ntier = 'county'\nparent = 'b'\n[[region]]\nid = 'b'\ntier = 'county'\nparent = 'a'\n[[region]]\nid = 'c'\ntier = 'county'\nparent = 'a'\n",
    );
    assert_eq!(found, ["i.toml:4: region `a` is above itself: a -> b -> a; mend one `parent`"]);
}

#[test]
fn applying_without_prune_adds_and_replaces_and_with_prune_removes() {
    let old = parse(&texts(EXAMPLE)).unwrap();
    let part = "[[asset]]\nid = 'aks-core-1'\nname = '核心'\nkind = 'switch'\nzone = 'extranet'\naddress = '10.65.0.2'\n[[asset]]\nid = 'new'\nkind = 'host'\nzone = 'intranet'\nregion = '652900'\n";
    let plan = apply(&old, &texts(part), false).unwrap();
    let lines: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(plan.counts(), (1, 1, 0));
    assert!(
        lines[0].starts_with(
            "~ asset aks-core-1: name \"地区核心交换机\" -> \"核心\", address \"10.65.0.1\" -> \"10.65.0.2\""
        ),
        "{lines:?}"
    );
    assert!(lines[0].contains("importance 3 -> nothing"), "{lines:?}");
    assert_eq!(lines[1], "+ asset new");
    assert_eq!(plan.changes[1].zh(), "+ 资产 new");
    assert_eq!(plan.merged.assets.len(), 4);
    assert!(apply(&plan.merged, &texts(part), false).unwrap().changes.is_empty());

    // Pruning needs a file that stands on its own.
    assert!(apply(&old, &texts(part), true).is_err());
    let small = "[[agent]]\nid = 'aks-tower'\nzone = 'extranet'\n";
    let plan = apply(&old, &texts(small), true).unwrap();
    assert_eq!((plan.merged.assets.len(), plan.merged.agents.len(), plan.merged.zones.len()), (0, 1, 5));
    assert_eq!(plan.counts(), (0, 1, 8));
    // The first inventory of a console is not five lines about zones.
    assert_eq!(apply(&Inventory::default(), &texts(small), false).unwrap().counts(), (1, 0, 0));
}

#[test]
fn a_renamed_shipped_zone_stays_renamed() {
    let zone = "[[zone]]\nid = 'extranet'\nname = '电子政务外网'\n";
    let old = apply(&shipped(), &texts(zone), false).unwrap();
    assert_eq!(old.changes[0].to_string(), "~ zone extranet: name \"政务外网\" -> \"电子政务外网\"");
    let agent = "[[agent]]\nid = 'a'\nzone = 'extranet'\n";
    for prune in [false, true] {
        let next = apply(&old.merged, &texts(agent), prune).unwrap();
        assert_eq!(next.merged.zones["extranet"].name, "电子政务外网");
    }
    assert_eq!(parse(&texts(&export(&old.merged))).unwrap(), old.merged);
}

fn word() -> impl Strategy<Value = String> {
    // Whatever a person may type into a name: quotes, backslashes, Chinese, dots.
    "[a-z0-9 '\"\\\\核心交换机.#=\\[\\]{},-]{0,12}[a-z核]"
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("the strategy makes slugs")
}

prop_compose! {
    fn asset(n: usize)(
        name in word(), kind in prop::sample::select(AssetKind::ALL), status in prop::sample::select(AssetStatus::ALL),
        address in prop::option::of("10\\.[0-9]\\.[0-9]\\.[0-9]"), location in word(), importance in 1u8..=3,
        mode in prop::option::of(prop::sample::select(WatchMode::ALL)), secret in prop::option::of(word()), source in 0..3, dialect in word(),
        port in 1u16.., ports in prop::collection::btree_set(1u16.., 0..4), tags in prop::collection::vec(word(), 0..3),
        region in any::<bool>(), owner in any::<bool>(), depends in prop::collection::vec(prop::collection::vec(0..=n, 0..3), 0..3),
    ) -> Asset {
        Asset {
            id: id(&format!("asset-{n}")), name, kind, status, address, also: vec!["10.0.0.9".into()], zone: id("private"),
            region: region.then(|| id("r1")), owner: owner.then(|| id("org")), operator: None, person: Some(id("zhang")),
            location, importance,
            watch: mode.map(|mode| Watch { agents: vec![id("tower"), id("spare")], mode }),
            config: secret.clone().map(|secret| ConfigAccess {
                source: match source {
                    0 => ConfigSource::Ssh { port, secret, host_key: "SHA256:x".into() },
                    1 => ConfigSource::File("/srv/a".into()),
                    _ => ConfigSource::Own(id("tower")),
                },
                dialect,
            }),
            snmp: secret.map(|secret| SnmpAccess { port, secret, bulk: port % 2 == 0, strict_source: port % 3 == 0 }),
            website: (kind == AssetKind::Website).then(|| Website { url: "https://x.example/?a=\"b\"".into(), site_code: "6529000001".into() }),
            tcp_ports: ports.into_iter().collect(),
            depends_on: depends.into_iter().map(|g| g.into_iter().map(|i| format!("asset-{i}")).collect()).collect(),
            tags, renamed_from: Some(id("old")),
        }
    }
}

prop_compose! {
    fn inventory()(assets in (asset(0), asset(1), asset(2)), capacity in prop::option::of(1u64..1_000_000_000_000), names in (word(), word(), word(), word())) -> Inventory {
        let mut all = shipped();
        let region = |rid: &str, parent: Option<&str>| Region { id: id(rid), name: names.0.clone(), tier: Tier::County, parent: parent.map(id) };
        all.regions = BTreeMap::from([(id::<RegionId>("r1"), region("r1", Some("r2"))), (id("r2"), region("r2", None))]);
        all.organisations.insert(id::<OrganisationId>("org"), Organisation { id: id("org"), name: names.1.clone(), region: Some(id("r2")), parent: None, calendar: Some(id("office")) });
        all.persons.insert(id::<PersonId>("zhang"), Person { id: id("zhang"), name: names.2.clone(), organisation: id("org"), duty: names.3.clone(), mobile: String::new(), deputy: Some(id("zhang")) });
        for agent in ["tower", "spare"] {
            all.agents.insert(id::<AgentId>(agent), AgentDecl { id: id(agent), name: agent.into(), region: None, zone: id("intranet"), address: None });
        }
        for asset in [assets.0, assets.1, assets.2] {
            all.assets.insert(asset.id.clone(), asset);
        }
        let a = LinkEnd::Port { asset: id::<AssetId>("asset-0"), interface: names.0.clone(), address: Some("fe80::1".into()) };
        let b = LinkEnd::Peer { name: names.1.clone(), address: None };
        let watch = vec![LinkWatch { agent: id("tower"), to: Side::A }];
        let carrier = Some(Carrier { name: names.2.clone(), ..Carrier::default() });
        all.links.insert(id::<LinkId>("l"), Link { id: id("l"), name: names.3.clone(), a, b, watch, tier: LinkTier::Metro, capacity_bps: capacity, carrier, tags: vec![names.1.clone()] });
        all.systems.insert(id::<SystemId>("s"), System { id: id("s"), name: names.0.clone(), level: 4, assets: vec![id("asset-1")], owner: None, filing: Filing { number: names.1.clone(), filed: Some("2024-03-01".into()), last_assessed: Some("2026-05-20".into()) } });
        all
    }
}

proptest! {
    #[test]
    fn what_is_exported_reads_back_equal(inventory in inventory()) {
        let text = export(&inventory);
        let back = parse(&texts(&text)).map_err(|d| TestCaseError::fail(format!("{d:?}\n{text}")))?;
        prop_assert_eq!(&back, &inventory, "{}", text);
        prop_assert!(diff(&inventory, &back, true).changes.is_empty());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[\\[?(asset|region|link)\\]\\]?\n|(id|kind|zone|parent|a|watch) = ('a'|1|\\[\\]|\\{\\}|\\{ asset = 'a' \\}|\"核)\n?|[\\[\\]{}='\"a\n]){0,20}") {
        let _ = parse(&texts(&text));
    }
}
