//! The table, its description and its gate.

use super::route::Needs;
use super::*;
use crate::console::command::Role;

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = openapi::document();
    let described: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| format!("{} {path}", m.to_ascii_uppercase()))
        })
        .collect();
    let mut served: Vec<String> = ROUTES.iter().map(|r| format!("{} /api/v1{}", r.method, r.path)).collect();
    let mut described_sorted = described.clone();
    described_sorted.sort();
    served.sort();
    assert_eq!(described_sorted, served);
    served.dedup();
    assert_eq!(served.len(), ROUTES.len(), "a route stands there twice");
}

#[test]
fn every_route_has_words_and_its_path_parts_are_parameters() {
    let document = openapi::document();
    for route in ROUTES {
        assert!(!route.about.is_empty(), "{}", route.path);
        let operation = &document["paths"][format!("/api/v1{}", route.path)][route.method.to_ascii_lowercase()];
        assert_eq!(operation["x-role"], route.needs.as_str());
        for part in route.path.split('/').filter(|p| p.starts_with('{')) {
            let name = part.trim_matches(['{', '}']);
            let listed = operation["parameters"].as_array().unwrap();
            assert!(listed.iter().any(|p| p["name"] == name && p["in"] == "path"), "{} {name}", route.path);
        }
    }
}

#[test]
fn a_role_may_what_those_below_it_may_and_metrics_may_nothing() {
    use Needs::{Admin, Operator, Viewer};
    for (role, may) in [
        (Role::Admin, [true, true, true]),
        (Role::Operator, [true, true, false]),
        (Role::Viewer, [true, false, false]),
        (Role::Metrics, [false, false, false]),
    ] {
        assert_eq!([Viewer, Operator, Admin].map(|n| n.met_by(role)), may, "{}", role.as_str());
    }
}

/// Who may do what, spelled out: a change here is a decision.
#[test]
fn the_roles_of_all_routes_are_these() {
    let of = |needs: Needs| {
        let mut list: Vec<String> =
            ROUTES.iter().filter(|r| r.needs == needs).map(|r| format!("{} {}", r.method, r.path)).collect();
        list.sort();
        list
    };
    assert_eq!(
        of(Needs::Operator),
        [
            "POST /incidents/{id}/ack",
            "POST /incidents/{id}/assign",
            "POST /incidents/{id}/close",
            "POST /incidents/{id}/note",
            "POST /incidents/{id}/resolve",
            "POST /incidents/{id}/unack",
            "POST /objects/{object}/probe",
        ]
    );
    assert_eq!(
        of(Needs::Admin),
        [
            "DELETE /secrets/{name}",
            "GET /audit",
            "GET /enroll-tokens",
            "GET /secrets",
            "GET /tokens",
            "POST /agents/{id}/revoke",
            "POST /enroll-tokens",
            "POST /inventory/apply",
            "POST /inventory/plan",
            "POST /secrets/rotate",
            "POST /tokens",
            "POST /tokens/{name}/revoke",
            "PUT /secrets/{name}",
        ]
    );
    assert!(ROUTES.iter().filter(|r| r.method != "GET").all(|r| r.needs > Needs::Viewer), "a viewer changes nothing");
}
