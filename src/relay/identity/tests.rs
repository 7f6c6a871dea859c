//! Enrolment and renewal against a console on loopback.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::relay::testing::{DAY, Running};

#[tokio::test]
async fn an_enrolled_agent_finds_its_identity_again() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("identity");
    let clock = Clock::system();
    assert!(Identity::load(&home, &clock).unwrap().is_none());
    let made = enroll(&running.enrolment(), &home, &clock).await.unwrap();
    for file in [KEY, CERTIFICATE, CA, IDENTITY] {
        assert_eq!(fs::metadata(home.join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let found = Identity::load(&home, &clock).unwrap().unwrap();
    assert_eq!((found.agent.as_str(), &found.console), ("tower-1", &running.url()));
    assert_eq!((&found.pair.key, found.not_after), (&made.pair.key, made.not_after));
    assert!(!format!("{:?}", made.pair).contains("PRIVATE"));
}

#[tokio::test]
async fn every_refusal_names_its_remedy() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let good = running.enrolment();
    for (status, remedy) in [
        (401, "make a new one with"),
        (403, "make a new one with"),
        (409, "fengsui enroll token AGENT"),
        (500, "answered 500"),
    ] {
        running.console.book().enroll_status = Some(status);
        let error = enroll(&good, dir.path(), &clock).await.unwrap_err().to_string();
        assert!(error.contains(remedy) && error.contains("because"), "{error}");
    }
    running.console.book().enroll_status = None;
    for (changed, remedy) in [
        (Enrolment { ca_fingerprint: "ab".repeat(32), ..good.clone() }, "does not have the CA of fingerprint abab"),
        (Enrolment { ca_fingerprint: "12".into(), ..good.clone() }, "64 hex digits"),
        (Enrolment { console: "https://127.0.0.1:1".into(), ..good.clone() }, "cannot be reached"),
        (Enrolment { console: running.url().replace("https", "http"), ..good.clone() }, "must begin with https://"),
        (Enrolment { agent: Some("tower-2".parse().unwrap()), ..good.clone() }, "the token is for agent tower-1"),
    ] {
        let error = enroll(&changed, dir.path(), &clock).await.unwrap_err().to_string();
        assert!(error.contains(remedy), "{error}");
    }
    assert!(Identity::load(dir.path(), &clock).unwrap().is_none(), "a failed enrolment leaves no identity");
}

#[tokio::test]
async fn a_renewal_keeps_the_key_and_replaces_the_certificate() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    running.console.book().certificate_end = Some(clock.wall().minus(DAY)); // late, but not too late
    let old = enroll(&running.enrolment(), dir.path(), &clock).await.unwrap();
    assert!(!old.is_beyond_renewal(clock.wall()) && old.is_beyond_renewal(clock.wall().plus(DAY * 60)));
    running.console.book().certificate_end = None;
    let new = old.renew(&clock).await.unwrap();
    assert!(new.not_after > clock.wall().plus(DAY * 80));
    let found = Identity::load(dir.path(), &clock).unwrap().unwrap();
    assert_eq!((&found.pair.key, found.not_after), (&old.pair.key, new.not_after));
    running.console.book().enroll_status = Some(403);
    let error = new.renew(&clock).await.unwrap_err().to_string();
    assert!(error.contains("enrol it again with a token"), "{error}");
}

#[tokio::test]
async fn a_renewal_is_due_at_two_thirds_of_the_life_with_some_spread() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let identity = running.identity(dir.path()).await; // lives 100 days, 10 of them past
    let days = |jitter| identity.renew_at(jitter).since(identity.not_before).as_secs() / 86_400;
    assert_eq!((days(0.0), days(1.0)), (66, 71));
}

#[tokio::test]
async fn a_damaged_identity_is_an_error_that_names_the_file() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    running.identity(dir.path()).await;
    for (file, text) in [(IDENTITY, "agent = 'tower-1'\nconsole = 'x'\nextra = 1\n"), (CERTIFICATE, "nothing")] {
        let kept = fs::read_to_string(dir.path().join(file)).unwrap();
        fs::write(dir.path().join(file), text).unwrap();
        let error = Identity::load(dir.path(), &Clock::system()).unwrap_err().to_string();
        assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
        fs::write(dir.path().join(file), kept).unwrap();
    }
    fs::remove_file(dir.path().join(KEY)).unwrap();
    assert!(Identity::load(dir.path(), &Clock::system()).is_err());
}
