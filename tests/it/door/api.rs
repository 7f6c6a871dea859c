//! The API: without a token, with the wrong one, out of scope, and with garbage in every place.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::Door;

async fn incidents(door: &Door, token: &str) -> Vec<Value> {
    let answer = door.ask(Some(token), "GET", "/api/v1/incidents", Vec::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.reason());
    serde_json::from_slice::<Value>(&answer.body).unwrap()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_what_their_role_and_regions_allow_and_no_more() {
    let door = Door::open().await;
    let (tower, mill) = (door.enrolled("tower").await, door.enrolled("mill").await);
    assert_eq!(tower.send(&tower.batch("event", 1, &[tower.alert(1, "asset:core-1")])).await.0, 200);
    assert_eq!(mill.send(&mill.batch("event", 1, &[mill.alert(1, "asset:core-2")])).await.0, 200);
    for token in [None, Some(""), Some("fst_wrong"), Some("x y z")] {
        for path in ["/api/v1/incidents", "/api/v1/openapi.json", "/api/v1/audit"] {
            assert_eq!(door.ask(token, "GET", path, Vec::new()).await.status, 401, "{token:?} {path}");
        }
    }
    let mut tokens = Vec::new();
    for role in ["admin", "operator", "viewer", "metrics"] {
        tokens.push((role, door.token(role, &[]).await));
    }
    let note = json!({ "text": "seen" }).to_string().into_bytes();
    let any = incidents(&door, &tokens[0].1).await;
    assert_eq!(any.len(), 2);
    let one = format!("/api/v1/incidents/{}/note", any[0]["id"].as_str().unwrap());
    for (role, token) in &tokens {
        let asked = [
            door.ask(Some(token), "GET", "/api/v1/incidents", Vec::new()).await.status,
            door.ask(Some(token), "POST", &one, note.clone()).await.status,
            door.ask(Some(token), "GET", "/api/v1/secrets", Vec::new()).await.status,
        ];
        let expected = match *role {
            "admin" => [200, 200, 200],
            "operator" => [200, 200, 403],
            "viewer" => [200, 403, 403],
            _ => [403, 403, 403],
        };
        assert_eq!(asked, expected, "{role}");
    }
    // A token of one prefecture neither sees nor touches what is in the other, and cannot tell that it is there.
    let local = door.token("operator", &["652900"]).await;
    let seen = incidents(&door, &local).await;
    assert_eq!(seen.iter().map(|i| i["object"].as_str().unwrap()).collect::<Vec<_>>(), ["asset:core-1"]);
    let other = any.iter().find(|i| i["object"] == "asset:core-2").unwrap()["id"].as_str().unwrap();
    for (method, path, body) in [
        ("GET", format!("/api/v1/incidents/{other}"), json!(null)),
        ("POST", format!("/api/v1/incidents/{other}/ack"), json!({})),
        ("POST", format!("/api/v1/incidents/{other}/unack"), json!({})),
        ("POST", format!("/api/v1/incidents/{other}/assign"), json!({ "to": "me" })),
        ("POST", format!("/api/v1/incidents/{other}/resolve"), json!({ "reason": "x" })),
        ("POST", format!("/api/v1/incidents/{other}/close"), json!({ "cause": "other", "party": "x" })),
        ("POST", format!("/api/v1/incidents/{other}/note"), json!({ "text": "x" })),
        ("POST", "/api/v1/objects/asset:core-2/probe".to_owned(), json!({})),
        ("GET", "/api/v1/assets/core-2".to_owned(), json!(null)),
        ("GET", "/api/v1/assets/core-2/interfaces".to_owned(), json!(null)),
        ("GET", "/api/v1/agents/mill".to_owned(), json!(null)),
        ("GET", "/api/v1/observations?object=asset:core-2".to_owned(), json!(null)),
        ("GET", "/api/v1/series?object=asset:core-2&field=up".to_owned(), json!(null)),
    ] {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = door.ask(Some(&local), method, &path, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.reason());
    }
    for path in ["/api/v1/assets", "/api/v1/alerts", "/api/v1/agents", "/api/v1/regions", "/metrics/objects"] {
        let answer = door.ask(Some(&local), "GET", path, Vec::new()).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{path} {text}");
        assert!(!text.contains("core-2") && !text.contains("mill") && !text.contains("653000"), "{path}: {text}");
    }
    let scoped = door.token("admin", &["652900"]).await;
    for (method, path) in [("POST", "/api/v1/secrets/rotate"), ("GET", "/api/v1/inventory")] {
        let answer = door.ask(Some(&scoped), method, path, Vec::new()).await;
        assert!(matches!(answer.status, 403 | 409), "{path}: {}", answer.status);
    }
    door.handle.stop().await;
}

/// Lists that tell of the whole console must not do so to an administrator of one region.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_a_region_reads_no_lists_of_the_whole() {
    let door = Door::open().await;
    let scoped = door.token("admin", &["652900"]).await;
    for path in ["/api/v1/audit", "/api/v1/tokens", "/api/v1/secrets", "/api/v1/enroll-tokens"] {
        let answer = door.ask(Some(&scoped), "GET", path, Vec::new()).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.excerpt());
        assert!(answer.reason().contains("regions"), "{}", answer.reason());
    }
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_path_query_and_body_is_refused_in_words() {
    let door = Door::open().await;
    let token = door.token("admin", &[]).await;
    let long = "x".repeat(5_000);
    for (method, path, body, expected) in [
        ("GET", "/api/v1/incidents?stat=open", "", 400),
        ("GET", "/api/v1/incidents?limit=0", "", 400),
        ("GET", "/api/v1/incidents?limit=99999999999999999999", "", 400),
        ("GET", "/api/v1/incidents?after=garbage", "", 400),
        ("GET", "/api/v1/incidents?after=%00", "", 400),
        ("GET", "/api/v1/audit?after=-1e9", "", 400),
        ("GET", "/api/v1/incidents?state=%ff", "", 400),
        ("GET", "/api/v1/series?object=asset:core-1&field=up&from=-9999&to=x", "", 400),
        ("GET", "/api/v1/series?object=asset:core-1&field=up&max_points=99999999", "", 400),
        ("GET", "/api/v1/incidents/..%2f..%2fetc%2fpasswd", "", 404),
        ("GET", "/api/v1/assets/%2e%2e%2f%2e%2e", "", 404),
        ("GET", "/api/v1/assets/..%00", "", 404),
        ("GET", "/api/v1/../../etc/passwd", "", 404),
        ("GET", "/api/v1/assets/%ff", "", 400),
        ("POST", "/api/v1/incidents/x/ack", "[", 400),
        ("POST", "/api/v1/incidents/x/ack", "{\"commment\":\"x\"}", 400),
        ("POST", "/api/v1/incidents/x/ack", "{}", 404),
        ("GET", "/api/v1/incidents", "body", 413),
        ("PATCH", "/api/v1/incidents", "", 405),
        ("POST", "/api/v1/tokens", "{\"name\":\"../x\",\"role\":\"viewer\"}", 422),
        ("POST", "/api/v1/tokens", "{\"name\":\"\",\"role\":\"viewer\"}", 422),
        ("POST", "/api/v1/tokens", "{\"name\":\"n\",\"role\":\"root\"}", 400),
        ("PUT", "/api/v1/secrets/..%2fkey", "{\"type\":\"token\",\"token\":\"t\"}", 422),
    ] {
        let answer = door.ask(Some(&token), method, path, body.into()).await;
        assert_eq!(answer.status, expected, "{method} {path} {body}: {}", answer.reason());
        assert!(!answer.reason().is_empty(), "{method} {path} is explained");
    }
    let answer = door.ask(Some(&token), "GET", &format!("/api/v1/incidents?object={long}"), Vec::new()).await;
    assert_eq!(answer.status, 400, "{}", answer.reason());
    let answer = door.ask(Some(&token), "POST", "/api/v1/tokens", vec![b' '; (64 << 10) + 1]).await;
    assert_eq!(answer.status, 413);
    let deep = "[".repeat(60_000).into_bytes();
    assert_eq!(door.ask(Some(&token), "POST", "/api/v1/tokens", deep).await.status, 400);
    let mode = std::fs::metadata(door.dir.path().join("data/admin.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_acknowledge_at_once_one_is_first_and_all_are_in_the_books() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    assert_eq!(tower.send(&tower.batch("event", 1, &[tower.alert(1, "asset:core-1")])).await.0, 200);
    let token = door.token("operator", &[]).await;
    let id = incidents(&door, &token).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{id}/ack");
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (client, path, bearer) = (door.pages(), path.clone(), format!("Bearer {token}"));
        asked.spawn(async move {
            let body = format!("{{\"comment\":\"c{n}\"}}").into_bytes();
            client.request("POST", &path, &[("authorization", &bearer)], body, super::PATIENCE).await.unwrap().status
        });
    }
    let statuses = asked.join_all().await;
    assert!(statuses.iter().all(|s| matches!(s, 200 | 409)) && statuses.contains(&200), "{statuses:?}");
    let audit = door.admin("GET", "/api/v1/audit?limit=100", Vec::new()).await;
    let text = String::from_utf8(audit.body).unwrap();
    assert_eq!(text.matches("incident.ack").count(), 16);
    door.handle.stop().await;
}

/// Another program holds the database; the writer waits, its queue fills, and who finds no place is told when to
/// come again. Everything that was promised is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_the_writer_asks_to_come_again_and_keeps_its_promises() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    assert_eq!(tower.send(&tower.batch("event", 1, &[tower.alert(1, "asset:core-1")])).await.0, 200);
    let token = door.token("operator", &[]).await;
    let path = format!("/api/v1/incidents/{}/note", incidents(&door, &token).await[0]["id"].as_str().unwrap());
    let other = rusqlite::Connection::open(door.dir.path().join("data/core.db")).unwrap();
    other.busy_timeout(super::PATIENCE).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (refused, mut seen) = tokio::sync::mpsc::channel(1_000);
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..400 {
        let (client, path, bearer, refused) =
            (door.pages(), path.clone(), format!("Bearer {token}"), refused.clone());
        asked.spawn(async move {
            let body = format!("{{\"text\":\"promise-{n}\"}}").into_bytes();
            let headers = [("authorization", bearer.as_str())];
            let answer = client.request("POST", &path, &headers, body, super::PATIENCE).await.unwrap();
            if answer.status == 503 {
                let _ = refused.send(answer.header("retry-after").map(str::to_owned)).await;
            }
            (n, answer.status)
        });
    }
    let first = tokio::time::timeout(super::PATIENCE, seen.recv()).await.unwrap();
    assert!(first.unwrap().is_some(), "a refusal says when to come again");
    other.execute_batch("COMMIT").unwrap();
    let answers = asked.join_all().await;
    let done: Vec<i32> = answers.iter().filter(|(_, status)| *status == 200).map(|(n, _)| *n).collect();
    assert!(answers.iter().all(|(_, status)| matches!(status, 200 | 503)), "{answers:?}");
    assert!(done.len() >= 200, "{} of 400", done.len());
    let told = door.ask(Some(&token), "GET", path.trim_end_matches("/note"), Vec::new()).await;
    let text = String::from_utf8(told.body).unwrap();
    for n in done {
        assert!(text.contains(&format!("\"promise-{n}\"")), "note {n} was promised");
    }
    door.handle.stop().await;
}
