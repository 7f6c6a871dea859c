//! Against scripted peers, plain and TLS.

use crate::probe::tests::{Authority, Script, peer, run_once, self_signed, told, url, value};

use super::*;

const LONG: Duration = Duration::from_secs(10);
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello, world";
const ALL: &str = "resolve connect first_byte total status_code body_bytes";

async fn check(script: Script, set: &[&str], wanted: &str) {
    let address = peer(script, None).await;
    let within = if wanted.contains("timeout") { Duration::from_millis(300) } else { LONG };
    let run = run_once("http", url(&format!("http://{address}/a?b=c")), set, within).await.unwrap();
    assert_eq!(told("http", &run), wanted, "{script:?} {set:?}: {:?}", run.detail);
}

#[tokio::test]
async fn what_a_server_says_becomes_an_outcome() {
    let part = |fields: &str| fields.to_owned();
    let cut = part("resolve connect first_byte status_code body_bytes");
    check(Script::Say(HELLO), &[], &format!("ok: {ALL}")).await;
    check(Script::Say(HELLO), &["body_contains=o, w"], &format!("ok: {ALL}")).await;
    check(Script::Say(HELLO), &["body_contains=goodbye"], &format!("failed content: {ALL}")).await;
    check(Script::Say(HELLO), &["body_contains=world", "max_body=5"], &format!("failed content: {ALL}")).await;
    check(Script::Say(HELLO), &["status=[204, 404]"], &format!("failed status: {ALL}")).await;
    let moved = "HTTP/1.1 301 Moved\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
    check(Script::Say(moved), &[], &format!("ok: {ALL}")).await;
    check(Script::Say(moved), &["status=[200]"], &format!("failed status: {ALL}")).await;
    check(Script::Say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"), &[], &format!("failed status: {ALL}")).await;
    check(Script::Say("SSH-2.0-OpenSSH_9.2\r\n"), &[], "failed protocol: resolve connect").await;
    check(Script::Say(""), &[], "failed reset: resolve connect").await;
    check(Script::Say("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhello"), &[], &format!("failed reset: {cut}"))
        .await;
    check(Script::SayAndReset(""), &[], "failed reset: resolve connect").await;
    check(Script::SayAndHang(""), &[], "failed timeout: resolve connect").await;
    check(
        Script::SayAndHang("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhello"),
        &[],
        &format!("failed timeout: {cut}"),
    )
    .await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n";
    check(Script::Say(head), &["method=HEAD"], &format!("ok: {ALL}")).await;
}

#[tokio::test]
async fn no_more_of_a_body_is_read_than_allowed() {
    let address = peer(Script::SayAndHang("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n0123456789"), None).await;
    let run = run_once("http", url(&format!("http://{address}/")), &["max_body=4"], LONG).await.unwrap();
    assert_eq!(value("http", &run, "body_bytes"), Value::F64(4.0));
    assert_eq!(run.outcome.as_str(), "ok");
}

#[tokio::test]
async fn https_is_verified_unless_told_otherwise() {
    let authority = Authority::new();
    let address = peer(Script::Say(HELLO), Some(authority.server(&["127.0.0.1"], 2040))).await;
    let ca = format!("ca_file={}", authority.file());
    let all = "resolve connect tls first_byte total status_code body_bytes";
    for (set, wanted) in [
        (vec![ca.as_str()], format!("ok: {all}")),
        (vec![], "failed certificate: resolve connect".to_owned()),
        (vec!["verify=false"], format!("ok: {all}")),
    ] {
        let run = run_once("http", url(&format!("https://{address}/")), &set, LONG).await.unwrap();
        assert_eq!(told("http", &run), wanted, "{:?}", run.detail);
    }
    let other = peer(Script::Say(HELLO), Some(self_signed(&["127.0.0.1"], 2040))).await;
    let run = run_once("http", url(&format!("https://{other}/")), &[&ca], LONG).await.unwrap();
    assert_eq!(told("http", &run), "failed certificate: resolve connect");
    let plain = peer(Script::Say(HELLO), None).await;
    let run = run_once("http", url(&format!("https://{plain}/")), &[&ca], LONG).await.unwrap();
    assert_eq!(told("http", &run), "failed tls: resolve connect", "{:?}", run.detail);
}

#[tokio::test]
async fn nobody_there_is_a_refusal_and_a_bad_url_is_told_before_any_run() {
    let run = run_once("http", url("http://127.0.0.77:1/"), &[], LONG).await.unwrap();
    assert_eq!(told("http", &run), "failed refused: resolve");
    for (text, set, why) in [
        ("ftp://x/", vec![], "http:// or https://"),
        ("http://user:word@x/", vec![], "user name"),
        ("not a url", vec![], "no URL"),
        ("http://x/", vec!["path=nowhere"], "must start with /"),
        ("https://x/", vec!["ca_file=/nonexistent/ca.pem"], "/nonexistent/ca.pem"),
    ] {
        let error = run_once("http", url(text), &set, LONG).await.unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}
