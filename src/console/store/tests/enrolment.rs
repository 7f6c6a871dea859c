//! Tokens against certificates, renewal, revocation, replacement.

use super::*;

pub(super) fn csr() -> String {
    csr_of("tower")
}

fn csr_of(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.serialize_request(&key).unwrap().pem().unwrap()
}

pub(super) async fn token(world: &World) -> String {
    let expires = world.now().wall.plus(Duration::from_secs(86_400));
    let command = Command::EnrollToken { agent: tower(), region: Some("652900".parse().unwrap()), expires };
    match world.store.command(&admin(), None, command).await.unwrap() {
        Outcome::Token { token, .. } => token.expose().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn serial(pem: &str) -> String {
    use rustls::pki_types::pem::PemObject;
    use x509_parser::prelude::FromDer;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(&der).unwrap();
    assert_eq!(parsed.subject().iter_common_name().next().unwrap().as_str().unwrap(), "tower");
    let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(format!("{names:?}"), "[DNSName(\"tower.agent.fengsui\")]");
    crate::console::pki::serial_hex(parsed.raw_serial())
}

#[tokio::test]
async fn a_token_is_good_once_and_the_names_in_the_certificate_are_ours() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let token = token(&world).await;
    assert!(!on_disk(dir.path(), token.as_bytes()));
    assert!(matches!(world.store.enroll("fse_wrong", &csr()).await, Err(EnrollError::UnknownToken)));
    assert!(matches!(world.store.enroll(&token, "no request").await, Err(EnrollError::Request(_))));
    let other = world.store.enroll(&token, &csr_of("somebody-else")).await;
    assert!(matches!(&other, Err(EnrollError::Request(why)) if why.contains("somebody-else")), "{other:?}");
    let answer = world.store.enroll(&token, &csr()).await.unwrap();
    assert_eq!(answer.agent, tower());
    assert_eq!(answer.ca, world.store.authority().pem());
    let serial = serial(&answer.certificate);
    assert_eq!(world.store.agent_by_certificate(&serial), Ok(tower()));
    assert!(matches!(world.store.enroll(&token, &csr()).await, Err(EnrollError::Used(_))));
    assert!(matches!(world.store.agent_by_certificate("42"), Err(Refusal::Unknown(_))));
    let row = world.store.agents().into_iter().find(|agent| agent.id == tower()).unwrap();
    assert!(row.declared && row.enrolled.is_some() && row.certificate_expires.is_some());
}

#[tokio::test]
async fn a_token_expires_and_an_older_one_does_not_replace_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let (old, unused) = (token(&world).await, token(&world).await);
    world.forward(Duration::from_secs(60));
    let first = serial(&world.store.enroll(&old, &csr()).await.unwrap().certificate);
    assert!(matches!(world.store.enroll(&unused, &csr()).await, Err(EnrollError::Enrolled(_))));
    world.forward(Duration::from_secs(60));
    let fresh = token(&world).await;
    let second = serial(&world.store.enroll(&fresh, &csr()).await.unwrap().certificate);
    assert!(matches!(world.store.agent_by_certificate(&first), Err(Refusal::Revoked { .. })));
    assert_eq!(world.store.agent_by_certificate(&second), Ok(tower()));
    let late = token(&world).await;
    world.forward(Duration::from_secs(2 * 86_400));
    assert!(matches!(world.store.enroll(&late, &csr()).await, Err(EnrollError::Expired(_))));
}

#[tokio::test]
async fn a_certificate_renews_up_to_sixty_days_late_unless_it_was_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let token = token(&world).await;
    let first = serial(&world.store.enroll(&token, &csr()).await.unwrap().certificate);
    world.forward(Duration::from_secs(140 * 86_400));
    let second = serial(&world.store.renew(&first, &csr()).await.unwrap().certificate);
    assert_eq!(world.store.agent_by_certificate(&second), Ok(tower()));
    world.forward(Duration::from_secs(160 * 86_400));
    assert!(matches!(world.store.renew(&second, &csr()).await, Err(EnrollError::Expired(_))));
    let revoke = Command::AgentRevoke { agent: tower(), reason: "stolen".to_owned() };
    world.store.command(&admin(), None, revoke).await.unwrap();
    let clock = world.clock.clone();
    world.store.close().await;
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    match store.agent_by_certificate(&second).unwrap_err() {
        Refusal::Revoked { reason, .. } => assert_eq!(reason, "stolen"),
        other => panic!("{other}"),
    }
    assert!(matches!(store.renew(&second, &csr()).await, Err(EnrollError::Certificate(_))));
    assert!(matches!(
        store
            .ingest(
                &tower(),
                World { store: store.clone(), shift: Arc::default(), clock }.batch(Stream::Event, 1, vec![status()]),
                Clock::system().now()
            )
            .await,
        Err(IngestError::Unknown(_))
    ));
}

#[tokio::test]
async fn the_authority_and_the_server_certificate_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path()).await;
    let names = vec!["console.example".to_owned(), "10.65.0.9".to_owned(), "0.0.0.0".to_owned()];
    let first = world.store.server_identity(&names).unwrap();
    let fingerprint = world.store.authority().fingerprint().to_owned();
    assert_eq!(fingerprint.len(), 64);
    let clock = world.clock.clone();
    world.store.close().await;
    let store = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap();
    assert_eq!(store.authority().fingerprint(), fingerprint);
    assert_eq!(store.server_identity(&names).unwrap().chain, first.chain);
    assert_ne!(store.server_identity(&[]).unwrap().chain, first.chain);
    for file in ["ca.key", "server.pem"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.path().join("pki").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    store.close().await;
    std::fs::write(dir.path().join("pki/ca.key"), "rubbish").unwrap();
    let error = Store::open(&StoreParts::new(dir.path(), &clock)).unwrap_err().to_string();
    assert!(error.contains("ca.key is damaged"), "{error}");
}
