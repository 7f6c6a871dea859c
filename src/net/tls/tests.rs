//! What a certificate, a fingerprint and a PEM text are taken for.

use std::time::Duration;

use super::testing::Authority;
use super::*;

fn now() -> Wall {
    Wall::from_millis(1_800_000_000_000)
}

#[test]
fn a_peer_is_the_agent_that_both_names_agree_on() {
    let authority = Authority::new();
    let pair = authority.agent("tower-1", now().plus(Duration::from_secs(3600)));
    let peer = PeerCertificate::read_pem(&pair.certificate, now()).unwrap();
    assert_eq!(peer.subject_agent, Some(AgentId::new("tower-1").unwrap()));
    assert!(!peer.expired && !peer.serial.is_empty());
    assert_eq!(peer.not_after, now().plus(Duration::from_secs(3600)));
    assert!(PeerCertificate::read_pem(&pair.certificate, now().plus(Duration::from_secs(3601))).unwrap().expired);
    let console = PeerCertificate::read_pem(&authority.console().certificate, now()).unwrap();
    assert_eq!(console.subject_agent, None);
    assert_eq!(PeerCertificate::read(b"not a certificate", now()), None);
}

#[test]
fn fingerprints_are_read_however_they_are_written() {
    let hex = "ab".repeat(32);
    let colons = hex.as_bytes().chunks(2).map(|b| std::str::from_utf8(b).unwrap()).collect::<Vec<_>>().join(":");
    for text in [hex.clone(), hex.to_uppercase(), colons, format!(" {hex}\n")] {
        assert_eq!(read_fingerprint(&text).unwrap(), hex);
    }
    for text in ["", "ab", &"zz".repeat(32)] {
        let error = read_fingerprint(text).unwrap_err().to_string();
        assert!(error.contains("64 hex digits"), "{error}");
    }
}

#[test]
fn bad_pem_is_refused_with_what_it_is() {
    for (pem, why) in [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\nx", "not readable PEM")] {
        let error = certificates(pem).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(private_key("").is_err());
    let (one, other) = (Authority::new().console(), Authority::new().console());
    let mixed = Pair { certificate: one.certificate, key: other.key };
    assert!(server(&mixed, &Clock::system()).is_err());
}
