//! Uploads over the API: judged, kept for their sender, applied at once or not at all, and silent about secrets.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;

use super::*;
use crate::config::settings::ConsoleSettings;
use crate::console::command::Page;
use crate::console::{ConsoleParts, Local};
use crate::net::clock::Clock;

struct World {
    _dir: tempfile::TempDir,
    local: Local,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let parts = ConsoleParts {
            data: dir.path().join("data"),
            settings: ConsoleSettings { definitions: vec![], ..ConsoleSettings::default() },
            catalog: &[],
            clock: Clock::system(),
            key: None,
        };
        Self { local: Local::open(parts).await.unwrap(), _dir: dir }
    }

    async fn raw(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("accept-language", "zh");
        let answer = self.local.router().oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        (status, axum::body::to_bytes(answer.into_body(), 1 << 26).await.unwrap().to_vec())
    }

    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let (status, body) = self.raw(method, path, body).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn admin(name: &str) -> Actor {
    Actor { name: Arc::from(name), role: Role::Admin, scope: Scope::All }
}

const FILE: &str = "设备名称,管理IP,类型,单位,区划,团体名,备注密码\n\
    核心,10.65.0.1,交换机,电政办,温宿县,MARKER-one,MARKER-two\n\
    边界,10.65.0.2,路由器,电政办,温宿县,MARKER-three,\n\
    坏的,10.65.0.300,路由器,,,MARKER-four,MARKER-five\n";

#[tokio::test]
async fn an_upload_is_looked_at_applied_once_and_its_bad_rows_come_back() {
    let world = World::new().await;
    let (status, preview) = world.ask("POST", "/import/preview?name=a.csv", FILE.as_bytes()).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!(preview["counts"], json!({ "add": 2, "change": 0, "same": 0, "bad": 1 }));
    assert_eq!(
        preview["secrets"],
        json!([
            { "name": "snmp-1", "type": "snmp-v2c", "used_by": 1 }, { "name": "snmp-2", "type": "snmp-v2c", "used_by": 1 }
        ])
    );
    let token = preview["token"].as_str().unwrap();
    let (status, done) = world.ask("POST", &format!("/import/{token}/apply"), b"{\"reason\":\"first stock\"}").await;
    assert_eq!(status, 200, "{done}");
    let store = &world.local.service().store;
    let (rev, inventory) = store.inventory();
    assert_eq!(done["rev"], json!(rev));
    assert_eq!(inventory.assets["dev-10-65-0-1"].snmp.as_ref().unwrap().secret, "snmp-1");
    assert!(
        matches!(store.secret("snmp-2"), Some(Secret::SnmpCommunity { community, .. }) if community.expose() == "MARKER-three")
    );
    // The bad rows are still there, and what was applied is the same now.
    let (status, sheet) = world.raw("GET", &format!("/import/{token}/bad.xlsx"), b"").await;
    assert_eq!((status, &sheet[..2]), (200, b"PK".as_slice()));
    let (_, again) = world.ask("POST", &format!("/import/{token}/preview"), b"").await;
    assert_eq!(again["counts"], json!({ "add": 0, "change": 0, "same": 2, "bad": 1 }));
    assert_eq!(again["secrets"], json!([]));
    let (status, twice) = world.ask("POST", &format!("/import/{token}/apply"), b"").await;
    assert_eq!((status, &twice["rev"]), (200, &json!(rev)), "nothing changes, nothing is written");
}

#[tokio::test]
async fn no_answer_and_no_audit_row_holds_a_value_of_a_secret_column() {
    let world = World::new().await;
    let mut said = String::new();
    let (_, preview) = world.ask("POST", "/import/preview?name=a.csv", FILE.as_bytes()).await;
    said.push_str(&preview.to_string());
    let token = preview["token"].as_str().unwrap().to_owned();
    let (_, remapped) = world.ask("POST", &format!("/import/{token}/preview?mapping=5:location,6:tags"), b"").await;
    said.push_str(&remapped.to_string());
    world.ask("POST", &format!("/import/{token}/preview?mapping="), b"").await;
    let (status, done) = world.ask("POST", &format!("/import/{token}/apply"), b"").await;
    assert_eq!(status, 200, "{done}");
    said.push_str(&done.to_string());
    for path in ["/inventory", "/secrets", "/assets", "/audit"] {
        said.push_str(&world.ask("GET", path, b"").await.1.to_string());
    }
    let cut = &FILE.as_bytes()[..FILE.len() - 40];
    said.push_str(&world.ask("POST", "/import/preview", cut).await.1.to_string());
    said.push_str(&world.ask("POST", "/import/preview", b"MARKER,MARKER\nMARKER,MARKER\n").await.1.to_string());
    let (_, sheet) = world.raw("GET", &format!("/import/{token}/bad.xlsx"), b"").await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(sheet)).unwrap();
    for at in 0..archive.len() {
        let mut body = Vec::new();
        std::io::copy(&mut archive.by_index(at).unwrap(), &mut body).unwrap();
        said.push_str(&String::from_utf8_lossy(&body));
    }
    assert!(said.contains("坏的") && said.contains("inventory.import"));
    assert!(!said.contains("MARKER"), "{said}");
    let rows = world.local.service().store.audit(Page { limit: 100, after: None }).await.unwrap();
    assert!(!format!("{rows:?}").contains("MARKER"));
}

#[tokio::test]
async fn what_changed_meanwhile_is_a_conflict_and_seals_nothing() {
    let world = World::new().await;
    let (_, preview) = world.ask("POST", "/import/preview?name=a.csv", FILE.as_bytes()).await;
    let (_, other) = world.ask("POST", "/import/preview?name=b.csv", "名称,IP\n别的,10.9.0.1\n".as_bytes()).await;
    let apply = |preview: &Value| format!("/import/{}/apply", preview["token"].as_str().unwrap());
    assert_eq!(world.ask("POST", &apply(&other), b"").await.0, 200);
    let (status, refused) = world.ask("POST", &apply(&preview), b"").await;
    assert_eq!(status, 409, "{refused}");
    assert!(world.local.service().store.secrets().is_empty());
    // The store says so too, whoever asks it.
    let store = &world.local.service().store;
    let (rev, inventory) = store.inventory();
    let secret = Secret::Token(crate::model::SecretText::new("x"));
    let stale = Command::Import {
        inventory: Box::new((*inventory).clone()),
        secrets: vec![("late".to_owned(), secret)],
        summary: Vec::new(),
        base_rev: rev - 1,
    };
    assert!(store.command(&admin("local:0"), None, stale).await.is_err());
    assert!(store.secrets().is_empty(), "all or nothing");
    let (_, again) = world.ask("POST", &format!("/import/{}/preview", preview["token"].as_str().unwrap()), b"").await;
    assert_eq!(again["counts"]["add"], 2);
    assert_eq!(world.ask("POST", &apply(&preview), b"").await.0, 200);
}

#[tokio::test]
async fn wrong_files_and_mappings_are_refused_in_words() {
    let world = World::new().await;
    let (status, said) = world.ask("POST", "/import/preview", b"PK\x03\x04").await;
    assert_eq!((status, said["detail"].as_str()), (422, Some("工作簿损坏或不完整；请打开后另存为 .xlsx 再上传")));
    let (status, said) = world.ask("POST", "/import/preview?mapping=x:y", FILE.as_bytes()).await;
    assert_eq!(status, 400, "{said}");
    assert_eq!(world.ask("POST", "/import/nothing/apply", b"").await.0, 404);
    let (status, template) = world.raw("GET", "/import/template.xlsx", b"").await;
    assert_eq!((status, &template[..2]), (200, b"PK".as_slice()));
}

#[test]
fn an_upload_is_its_senders_for_half_an_hour_and_their_own_make_way() {
    let imports = Imports::default();
    let at = |minutes: u64| Mono::from_origin(Duration::from_secs(minutes * 60));
    let (a, b) = (admin("user:a"), admin("user:b"));
    let upload =
        |size: usize| Upload { name: String::new(), bytes: vec![0; size].into(), mapping: Mapping::new(), rev: 1 };
    let first = imports.put(&a, upload(1), at(0)).unwrap();
    assert!(imports.get(&a, &first, at(29)).is_some());
    assert!(imports.get(&b, &first, at(1)).is_none(), "somebody else's");
    assert!(imports.get(&a, &first, at(30)).is_none(), "too old");
    let tokens: Vec<String> = (0..MAX_KEPT).map(|_| imports.put(&a, upload(1), at(31)).unwrap()).collect();
    assert_eq!(imports.put(&b, upload(1), at(32)).unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
    let next = imports.put(&a, upload(1), at(32)).unwrap();
    assert_eq!(tokens.iter().filter(|t| imports.get(&a, t, at(32)).is_some()).count(), MAX_KEPT - 1);
    imports.drop(&b, &next, at(32));
    assert!(imports.get(&a, &next, at(32)).is_some());
    for token in tokens.iter().chain([&next]) {
        imports.drop(&a, token, at(33));
    }
    imports.put(&a, upload(16 << 20), at(33)).unwrap();
    imports.put(&a, upload(16 << 20), at(33)).unwrap();
    assert!(imports.put(&b, upload(1), at(33)).is_err());
}
