//! Against real servers with certificates of the test's own CA, good and bad.

use crate::probe::tests::{Authority, Script, host, peer, run_once, self_signed, told, value};

use super::*;

const LONG: Duration = Duration::from_secs(10);
const ALL: &str = "handshake days_left chain_days_left trusted name_ok subject issuer names chain";
/// Of a chain that is not trusted nobody can say when it ends.
const UNTRUSTED: &str = "handshake days_left trusted name_ok subject issuer names chain";

#[tokio::test]
async fn a_certificate_is_described_even_when_it_is_bad() {
    let authority = Authority::new();
    let ca = format!("ca_file={}", authority.file());
    let table = [
        (authority.server(&["portal.test"], 2040), "ok", 1, 1, ""),
        (authority.server(&["portal.test"], 2021), "failed certificate", 0, 1, "has expired"),
        (authority.server(&["other.test"], 2040), "failed certificate", 1, 0, "for another name"),
        (self_signed(&["portal.test"], 2040), "failed certificate", 0, 1, "not trusted"),
    ];
    for (server, outcome, trusted, name_ok, why) in table {
        let address = peer(Script::Say(""), Some(server)).await;
        let at = || host("127.0.0.1", address.port());
        let run = run_once("tls", at(), &["server_name=portal.test", &ca], LONG).await.unwrap();
        let all = if trusted == 1 { ALL } else { UNTRUSTED };
        assert_eq!(told("tls", &run), format!("{outcome}: {all}"), "{:?}", run.detail);
        assert_eq!(value("tls", &run, "trusted"), Value::State(trusted), "{why}");
        assert_eq!(value("tls", &run, "name_ok"), Value::State(name_ok), "{why}");
        let expired = value("tls", &run, "days_left").number().unwrap() < 0.0;
        assert_eq!(expired, why == "has expired");
        assert!(run.detail.clone().unwrap_or_default().contains(why), "{:?}", run.detail);
        assert_eq!(value("tls", &run, "subject"), Value::Text(Arc::from("Test server")));
        // The same without judging.
        let run = run_once("tls", at(), &["server_name=portal.test", &ca, "verify=false"], LONG).await.unwrap();
        assert_eq!(told("tls", &run), format!("ok: {all}"));
    }
}

#[tokio::test]
async fn a_chain_ends_with_the_first_certificate_that_it_needs() {
    let authority = Authority::new();
    let ca = format!("ca_file={}", authority.file());
    let year = |y: i64| f64::from(u32::try_from((y - 2026) * 365).unwrap());
    for (server, wanted) in [
        (authority.server_below(&["portal.test"], 2039, 2033), 2033),
        (authority.server_below(&["portal.test"], 2031, 2033), 2031),
        // Sent along, and of no use to anybody.
        (authority.server_with_stray(&["portal.test"], 2039, 2027), 2039),
    ] {
        let address = peer(Script::Say(""), Some(server)).await;
        let at = host("127.0.0.1", address.port());
        let run = run_once("tls", at, &["server_name=portal.test", &ca], LONG).await.unwrap();
        assert_eq!(told("tls", &run), format!("ok: {ALL}"), "{:?}", run.detail);
        let days = value("tls", &run, "chain_days_left").number().unwrap();
        // The test runs in some year; what counts is which of them ends it.
        let all = value("tls", &run, "days_left").number().unwrap();
        assert_eq!(days < all - 300.0, wanted == 2033, "{wanted}: {days} of {all}");
        assert!(days > year(wanted) - 3_000.0, "{wanted}: {days}");
    }
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let authority = Authority::new();
    let address = peer(Script::Say(""), Some(authority.server(&["127.0.0.1", "portal.test"], 2040))).await;
    let ca = format!("ca_file={}", authority.file());
    let run = run_once("tls", host("127.0.0.1", address.port()), &[&ca], LONG).await.unwrap();
    assert_eq!(told("tls", &run), format!("ok: {ALL}"), "{:?}", run.detail);
    assert_eq!(value("tls", &run, "names"), Value::Text(Arc::from("127.0.0.1, portal.test")));
}

#[tokio::test]
async fn what_is_no_tls_fails_as_such() {
    for (script, wanted) in [
        (Script::Say("HTTP/1.1 400 Bad Request\r\n\r\n"), "failed tls: -"),
        (Script::Say(""), "failed reset: -"),
        (Script::SayAndReset(""), "failed reset: -"),
        (Script::SayAndHang(""), "failed timeout: -"),
    ] {
        let address = peer(script, None).await;
        let run = run_once("tls", host("127.0.0.1", address.port()), &[], Duration::from_millis(500)).await.unwrap();
        assert_eq!(told("tls", &run), wanted, "{script:?}: {:?}", run.detail);
    }
    let run = run_once("tls", host("127.0.0.77", 1), &[], LONG).await.unwrap();
    assert_eq!(told("tls", &run), "failed refused: -");
}

#[tokio::test]
async fn a_file_of_cas_that_holds_none_is_told_before_any_run() {
    let authority = Authority::new();
    let file = authority.directory().join("empty.pem");
    std::fs::write(&file, "nothing").unwrap();
    let set = format!("ca_file={}", file.display());
    let error = run_once("tls", host("127.0.0.1", 1), &[&set], LONG).await.unwrap_err();
    assert!(error.contains("empty.pem"), "{error}");
}
