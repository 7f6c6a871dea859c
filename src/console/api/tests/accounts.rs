//! Accounts over the API, and browsers as principals of it.

use super::*;
use crate::console::store::NewSession;
use crate::model::SecretText;

const PASSWORD: &str = "Kizilgaha-tower-7";

/// A request of a browser with these headers.
async fn browse(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = router(world.local.service().clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// A signed-in admin, by a link, which costs no hash.
async fn signed_in(world: &World) -> NewSession {
    let (status, made) = world.admin("POST", "/api/v1/links", "").await;
    assert_eq!((status, &made["minutes"], &made["url"]), (200, &json!(30), &Value::Null), "{made}");
    let path = made["path"].as_str().unwrap();
    let token = path.strip_prefix("/welcome?token=").unwrap();
    world.local.service().store.sign_in_link(token, "10.0.0.1", "Browser/1").await.unwrap()
}

#[tokio::test]
async fn a_browser_reads_with_its_cookie_and_changes_only_from_our_own_pages() {
    let world = World::new().await;
    let new = signed_in(&world).await;
    let (cookie, csrf) = (format!("a=b; fengsui={}", new.token.expose()), new.session.csrf.to_string());
    let secure = format!("__Host-fengsui={}", new.token.expose());
    let own = &[("host", "c:1"), ("origin", "http://c:1"), ("sec-fetch-site", "same-origin")][..];
    let get = async |headers: &[(&str, &str)]| browse(&world, "GET", "/api/v1/tokens", headers).await.0;
    assert_eq!(get(&[("cookie", &cookie)]).await, 200);
    assert_eq!(get(&[("cookie", &secure)]).await, 200);
    assert_eq!(get(&[("cookie", "fengsui=fsw_wrong")]).await, 401);
    assert_eq!(get(&[("cookie", &cookie), ("authorization", "Bearer fst_wrong")]).await, 401, "a token prevails");
    let post = async |headers: &[(&str, &str)]| {
        let all: Vec<_> = [("cookie", cookie.as_str())].iter().chain(headers).copied().collect();
        browse(&world, "POST", "/api/v1/secrets/rotate", &all).await.0
    };
    let right = ("x-csrf-token", csrf.as_str());
    for (status, headers) in [
        (403, vec![]),
        (403, vec![("x-csrf-token", "")]),
        (403, vec![("x-csrf-token", "wrong")]),
        (403, vec![("x-csrf-token", new.token.expose())]),
        (403, own.to_vec()),
        (403, vec![right, ("host", "c:1"), ("origin", "http://evil.example")]),
        (403, vec![right, ("host", "c:1"), ("origin", "null")]),
        (403, vec![right, ("sec-fetch-site", "cross-site")]),
        (403, vec![right, ("sec-fetch-site", "same-site")]),
        (200, vec![right]),
        (200, own.iter().copied().chain([right]).collect()),
    ] {
        assert_eq!(post(&headers).await, status, "{headers:?}");
    }
    let path = format!("/api/v1/sessions/{}", new.session.id);
    let (status, said) = browse(&world, "DELETE", &path, &[("cookie", &cookie), right]).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(get(&[("cookie", &cookie)]).await, 401);
}

#[tokio::test]
async fn an_account_is_made_locked_reset_and_removed_and_no_answer_shows_its_password() {
    let world = World::with_inventory().await;
    let make = |name: &str, role: &str, more: &str| {
        format!(r#"{{"name":"{name}","role":"{role}","password":"{PASSWORD}"{more}}}"#)
    };
    let mut said = Vec::new();
    for (status, method, path, body) in [
        (200, "POST", "/api/v1/users", make("chief", "admin", "")),
        (200, "POST", "/api/v1/users", make("duty", "operator", r#","display":"值班员","regions":["652900"]"#)),
        (409, "POST", "/api/v1/users", make("duty", "operator", "")),
        (400, "POST", "/api/v1/users", make("x", "metrics", "")),
        (400, "POST", "/api/v1/users", make("x", "viewer", &format!(r#","{PASSWORD}":1"#))),
        (400, "POST", "/api/v1/users", format!(r#"{{"name":"x","role":"viewer","password":["{PASSWORD}"]}}"#)),
        (400, "POST", "/api/v1/users", format!(r#""{PASSWORD}""#)),
        (422, "POST", "/api/v1/users", r#"{"name":"x","role":"viewer","password":"Short-kizil"}"#.to_owned()),
        (200, "POST", "/api/v1/users/duty/lock", r#"{"reason":"left"}"#.to_owned()),
        (200, "POST", "/api/v1/users/duty/unlock", String::new()),
        (422, "POST", "/api/v1/users/duty/reset", format!(r#"{{"password":"{PASSWORD}"}}"#)),
        (200, "POST", "/api/v1/users/duty/reset", r#"{"password":"Kizilgaha-tower-8"}"#.to_owned()),
        (200, "GET", "/api/v1/users", String::new()),
        (409, "POST", "/api/v1/users/chief/lock", String::new()),
        (409, "DELETE", "/api/v1/users/chief", String::new()),
        (200, "DELETE", "/api/v1/users/duty", String::new()),
        (404, "DELETE", "/api/v1/users/duty", String::new()),
        (200, "GET", "/api/v1/audit", String::new()),
    ] {
        let (given, answer) = world.admin(method, path, &body).await;
        assert_eq!(given, status, "{method} {path} {body}: {answer}");
        said.push(answer.to_string());
    }
    let all = said.concat();
    assert!(!all.contains("Kizilgaha") && !all.contains("Short-kizil"), "{all}");
    assert!(all.contains(r#""name":"duty","display":"值班员","role":"operator","regions":["652900"]"#), "{all}");
}

#[tokio::test]
async fn a_password_that_somebody_else_gave_opens_nothing_before_it_is_changed() {
    let world = World::new().await;
    for (name, role) in [("chief", "admin"), ("duty", "viewer")] {
        let body = format!(r#"{{"name":"{name}","role":"{role}","password":"{PASSWORD}"}}"#);
        assert_eq!(world.admin("POST", "/api/v1/users", &body).await.0, 200);
    }
    let store = &world.local.service().store;
    for (name, status) in [("chief", 200), ("duty", 403)] {
        let new = store.sign_in(name, &SecretText::new(PASSWORD), "10.0.0.1", "").await.unwrap();
        let cookie = format!("fengsui={}", new.token.expose());
        let (given, said) = browse(&world, "GET", "/api/v1/sessions", &[("cookie", &cookie)]).await;
        assert_eq!(given, status, "{said}");
        assert!(!said.contains(new.token.expose()) && !said.contains(&*new.session.csrf));
    }
    let viewer = world.token("viewer", "").await;
    let (_, own) = world.as_token(&viewer, "GET", "/api/v1/sessions", "").await;
    assert_eq!(own["items"], json!([]), "others' sessions are not there");
    let (_, all) = world.admin("GET", "/api/v1/sessions", "").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}
