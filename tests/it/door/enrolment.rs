//! Tokens, signing requests and renewals that are not what they should be.

use std::time::Duration;

use fengsui::relay::identity::{Identity, IdentityError};
use serde_json::json;

use super::{DAY, Door};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_once_in_time_and_for_its_own_agent() {
    let door = Door::open().await;
    let token = door.enroll_token("tower").await;
    let error = door.join("mill", &token).await.unwrap_err().to_string();
    assert!(error.contains("tower") && error.contains("mill"), "{error}");
    door.join("tower", &token).await.expect("the mistaken name did not spend the token");
    let error = door.join("tower", &token).await.unwrap_err();
    assert!(matches!(error, IdentityError::NameTaken(_)), "{error}");
    let late = door.enroll_token("mill").await;
    door.forward(DAY * 2);
    let error = door.join("mill", &late).await.unwrap_err();
    assert!(matches!(error, IdentityError::Token(_)) && error.to_string().contains("fengsui enroll token AGENT"));
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_and_who_guesses_must_wait() {
    let door = Door::open().await;
    let token = door.enroll_token("tower").await;
    let nobody = door.peer(None);
    let ask = async |body: Vec<u8>| nobody.post("/ingest/v1/enroll", body).await;
    for (what, body, expected) in [
        ("nonsense", b"{".to_vec(), 400),
        ("too long", vec![b' '; (32 << 10) + 1], 413),
        ("no request", json!({ "token": token, "csr": "-----BEGIN NOTHING-----" }).to_string().into_bytes(), 400),
        ("a long one", json!({ "token": token, "csr": "x".repeat(9_000) }).to_string().into_bytes(), 400),
    ] {
        let answer = ask(body).await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.reason());
        assert!(!answer.reason().contains(&token), "the token is not repeated");
    }
    let guess = |n: u32| json!({ "token": format!("fse_{n}"), "csr": "x" }).to_string().into_bytes();
    let mut last = ask(guess(0)).await;
    for n in 1..10 {
        assert_eq!(last.status, 403, "{}", last.reason());
        last = ask(guess(n)).await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(last.status, 429, "{}", last.reason());
    let wait: u64 = last.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_renews_until_sixty_days_after_its_end() {
    let door = Door::open().await;
    door.enrolled("tower").await;
    let held = || Identity::load(&door.dir.path().join("tower"), &door.clock).unwrap().unwrap();
    door.forward(DAY * 100); // ten days late
    let renewed = held().renew(&door.clock).await.unwrap();
    assert!(renewed.not_after > door.clock.wall().plus(DAY * 80));
    let peer = door.peer(Some(&renewed.pair));
    assert_eq!(peer.get("/ingest/v1/desired?rev=0").await.status, 200);
    door.forward(DAY * 155); // 65 days late
    let error = held().renew(&door.clock).await.unwrap_err();
    let said = error.to_string();
    assert!(!matches!(error, IdentityError::Answer { .. }), "{said}");
    // What was never enrolled here does not renew, and garbage does not either.
    let nobody = door.peer(None);
    assert_eq!(nobody.post("/ingest/v1/renew", b"{\"csr\":\"x\"}".to_vec()).await.status, 403);
    assert_eq!(
        nobody.client.request("PUT", "/ingest/v1/renew", &[], vec![], Duration::from_secs(9)).await.unwrap().status,
        405
    );
    door.handle.stop().await;
}
