//! The shipped definitions against the real kinds: they read without a word, say what they are in both languages, and
//! make a plan for the example inventory.

use std::collections::{BTreeSet, HashSet};

use fengsui::config::kinds::settings_of;
use fengsui::config::{defs, inventory, plan};
use fengsui::model::AgentId;
use fengsui::model::field::TargetNeed;
use fengsui::probe;

#[test]
fn every_default_of_every_kind_can_be_read() {
    for kind in probe::catalog() {
        let with_default = kind.settings.iter().filter(|s| s.default.is_some()).count();
        assert_eq!(settings_of(kind).0.len(), with_default, "{}", kind.name);
    }
}

#[test]
fn the_shipped_definitions_have_no_mistake_and_two_languages() {
    let loaded = defs::load(&[], probe::catalog());
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(lines, Vec::<String>::new());
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let definitions = &loaded.definitions;
    let titles = definitions.probes.iter().map(|p| (p.id.as_str(), &p.zh, &p.en));
    for (id, zh, en) in titles.chain(definitions.rules.iter().map(|r| (r.id.as_str(), &r.zh, &r.en))) {
        assert!(chinese(zh) && !chinese(en) && en.as_str() != id, "{id}: {zh} / {en}");
    }
    for rule in &definitions.rules {
        assert!(!rule.runbook.is_empty() && !rule.category.is_empty(), "{} needs runbook and category", rule.id);
    }
    let used: HashSet<&str> = definitions.probes.iter().map(|p| p.kind.name).collect();
    for kind in probe::catalog().iter().filter(|kind| kind.target != TargetNeed::Derived) {
        assert!(used.contains(kind.name), "no shipped probe is of kind `{}`", kind.name);
    }
}

#[test]
fn the_shipped_definitions_watch_an_example_and_this_host() {
    let text = r#"
[[asset]]
id = "core-1"
kind = "switch"
zone = "extranet"
address = "10.65.0.1"
tcp = [22]
tags = ["udp-echo", "dns", "routing", "snmp-v3"]
snmp = { secret = "core" }
[[asset]]
id = "portal"
kind = "website"
zone = "extranet"
website = { url = "https://www.aks.example/" }
tags = ["visit"]
[[link]]
id = "a-b"
tier = "backbone"
tags = ["stamp"]
a = { asset = "core-1", interface = "GE0/0/1", address = "10.65.1.1" }
b = { peer = "carrier", address = "10.65.1.2" }
"#;
    let loaded = defs::load(&[], probe::catalog());
    let inventory = inventory::parse(&[("example.toml".to_owned(), text.to_owned())]).unwrap();
    let agent = AgentId::new("local").unwrap();
    let built = plan::build(
        &inventory,
        &loaded.definitions,
        probe::catalog(),
        &agent,
        1,
        &|_| Some(fengsui::model::Secret::Token(fengsui::model::SecretText::new("x"))),
        &BTreeSet::new(),
    );
    assert_eq!(built.notes, Vec::<String>::new());
    let ids: Vec<&str> = built.plan.tasks.iter().map(|t| &*t.id).collect();
    assert_eq!(
        ids,
        [
            "agent-host|agent:local|",
            "asset-device|asset:core-1|",
            "asset-dns|asset:core-1|",
            "asset-echo|asset:core-1|",
            "asset-icmp|asset:core-1|",
            "asset-snmp|asset:core-1|",
            "asset-tcp|asset:core-1|22",
            "backbone-icmp|link:a-b|b",
            "link-mtu|link:a-b|b",
            "link-path|link:a-b|b",
            "link-stamp|link:a-b|b",
            "website-http|asset:portal|",
            "website-tls|asset:portal|",
            "website-visit|asset:portal|",
        ]
    );
    // Every shipped rule applies to something here, but for those on data that nothing shipped gathers.
    let planned: HashSet<&str> = built.plan.rules.iter().map(|r| r.id.as_str()).collect();
    let rules = &loaded.definitions.rules;
    let idle: Vec<&str> = rules.iter().map(|r| r.id.as_str()).filter(|id| !planned.contains(id)).collect();
    let derived = [
        "link-adjacency",
        "link-adjacency-forming",
        "link-ends-down",
        "link-sla",
        "link-utilisation",
        "snmp-engine-shared",
    ];
    let other = [
        "config-startup-different",
        "config-unread",
        "link-echo-down",
        "link-echo-loss",
        "link-stamp-down",
        "link-stamp-jitter",
        "link-stamp-latency",
        "link-stamp-loss",
        "link-stamp-loss-slow",
        "link-stamp-sla",
        "ssh-key-changed",
    ];
    let (others, rest): (Vec<&str>, Vec<&str>) = idle.into_iter().partition(|id| other.contains(id));
    assert_eq!((others.as_slice(), rest.as_slice()), (&other[..], &derived[..]));
    let (console, objects, _) = plan::console_rules(&inventory, &loaded.definitions, probe::catalog());
    assert_eq!(console.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), derived);
    assert_eq!(objects.len(), 2, "the link and the router at its end");
}

#[test]
fn the_availability_promised_of_a_link_is_the_target_of_the_rule_that_judges_it() {
    let line = |tier: &str| {
        let text = format!(
            "[[asset]]\nid = 'core'\nkind = 'router'\nzone = 'extranet'\n[[link]]\nid = 'line'\ntier = '{tier}'\n\
             a = {{ asset = 'core', interface = 'GE1' }}\nb = {{ peer = 'carrier', address = '10.65.1.2' }}\n"
        );
        inventory::parse(&[("line.toml".to_owned(), text)]).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let overlay = dir.path().join("sla.toml");
    std::fs::write(
        &overlay,
        "[[override]]\nrule = 'link-sla'\nwhere = 'link.id == \"line\"'\nparams = { target = 0.9995 }\n",
    )
    .unwrap();
    let object = "link:line".parse().unwrap();
    for (overlays, tier, promised) in
        [(vec![], "backbone", Some(0.999)), (vec![overlay], "backbone", Some(0.9995)), (vec![], "metro", None)]
    {
        let loaded = defs::load(&overlays, probe::catalog());
        assert_eq!(loaded.diagnostics.len(), 0);
        let found = plan::promised(&line(tier), &loaded.definitions, &object);
        assert_eq!(found, promised.map(|target| plan::Promise { target, calendar: None }), "{tier}");
    }
}
