//! Proposals and their adoption.

use std::sync::Arc;

use super::*;
use crate::config::settings::ConsoleSettings;
use crate::console::command::{Role, Scope};
use crate::console::{ConsoleParts, Local};
use crate::model::{Secret, SecretText};
use crate::net::clock::Clock;

fn found(address: &str, name: &str) -> Found {
    Found {
        address: address.parse().unwrap(),
        name: name.to_owned(),
        kind: AssetKind::Switch,
        icmp: false,
        tcp: vec![22],
        secret: (!name.is_empty()).then(|| "core".to_owned()),
        description: String::new(),
        object_id: String::new(),
    }
}

#[test]
fn ids_come_from_names_else_addresses_and_are_all_different() {
    let zone = ZoneId::new("extranet").unwrap();
    let text = "[[asset]]\nid = \"aks-core\"\nkind = \"switch\"\naddress = \"10.0.0.9\"\nzone = \"extranet\"\n";
    let inventory = crate::config::inventory::parse(&[("a".to_owned(), text.to_owned())]).unwrap();
    let list = [
        found("10.0.0.1", "AKS Core"),
        found("10.0.0.2", "温宿"),
        found("10.0.0.3", "sw"),
        found("10.0.0.4", "sw"),
        found("10.0.0.9", "aks-core"),
        found("fd00::1", ""),
    ];
    let all = proposals(&zone, list.to_vec(), &inventory);
    let ids: Vec<&str> = all.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["dev-10-0-0-1", "dev-10-0-0-2", "sw", "dev-10-0-0-4", "dev-10-0-0-9", "dev-fd00--1"]);
    assert_eq!(all[1].name, "温宿");
    assert_eq!(all[4].known.as_ref().unwrap().as_str(), "aks-core");
    assert_eq!(all[5].name, "fd00::1");
}

#[tokio::test]
async fn what_is_adopted_becomes_assets_at_once_and_is_known_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let parts = ConsoleParts {
        data: dir.path().join("data"),
        settings: ConsoleSettings { definitions: vec![], ..ConsoleSettings::default() },
        catalog: &[],
        clock: Clock::system(),
        key: None,
    };
    let local = Local::open(parts).await.unwrap();
    let service = local.service();
    let actor = Actor { name: Arc::from("local:0"), role: Role::Admin, scope: Scope::All };
    let secret = Secret::SnmpCommunity { v1: false, community: SecretText::new("x") };
    service.store.command(&actor, None, Command::SecretSet { name: "core".to_owned(), secret }).await.unwrap();
    let wanted = Wanted {
        ranges: vec!["10.0.0.0/29".to_owned()],
        secrets: vec!["core".to_owned()],
        snmp_port: 1161,
        tcp_ports: vec![22],
    };
    let swept = vec![found("10.0.0.1", "sw-1"), found("10.0.0.2", ""), found("10.0.0.3", "<b>")];
    let begin = Start { agent: None, wanted: wanted.clone(), zone: None, region: None, found: Some(swept) };
    let id = start(service, &actor, begin).await.unwrap();
    let pick =
        |address: &str| Pick { address: address.parse().unwrap(), name: Some("核心".to_owned()), kind: None };
    let stray = Adoption { picks: Some(vec![pick("10.0.0.6")]), ..Adoption::default() };
    assert_eq!(adopt(service, &actor, &id, stray).await.unwrap_err().status, StatusCode::NOT_FOUND);
    let first = Adoption { picks: Some(vec![pick("10.0.0.1")]), ..Adoption::default() };
    let (rev, made) = adopt(service, &actor, &id, first).await.unwrap();
    assert_eq!(made.iter().map(AssetId::as_str).collect::<Vec<_>>(), ["sw-1"]);
    let (now, inventory) = service.store.inventory();
    let asset = &inventory.assets["sw-1"];
    assert_eq!((now, asset.name.as_str()), (rev, "核心"));
    assert_eq!(asset.snmp, Some(SnmpAccess::new(1161, "core".to_owned())));
    let (_, rest) = adopt(service, &actor, &id, Adoption::default()).await.unwrap();
    assert_eq!(rest.len(), 2, "{rest:?}");
    let (row, proposals) = one(service, &actor, &id).await.unwrap();
    assert!(proposals.iter().all(|p| p.known.is_some()), "{proposals:?}");
    assert_eq!(State::of(&row, service.clock.wall()), State::Done);
    let (again, none) = adopt(service, &actor, &id, Adoption::default()).await.unwrap();
    assert_eq!((again, none.len()), (service.store.inventory().0, 0));
    let (_, inventory) = service.store.inventory();
    assert_eq!(inventory.assets["dev-10-0-0-2"].tcp_ports, [22]);
    // Without an agent there is nobody to look.
    let nobody = Start { agent: None, wanted, zone: None, region: None, found: None };
    assert_eq!(start(service, &actor, nobody).await.unwrap_err().status, StatusCode::CONFLICT);
    let viewer = Actor { role: Role::Operator, ..actor };
    assert_eq!(list(service, &viewer).await.unwrap_err().status, StatusCode::FORBIDDEN);
}
