//! Websites with certificates of the test's own authority: good, about to expire, expired, of another name.

use std::io::{Read, Write};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// Serves 200 over TLS with a certificate of `name` that ends `days` from now; answers the port.
pub(crate) fn serve(issuer: &Issuer<'_, KeyPair>, name: &str, days: i64) -> u16 {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Test server");
    // Dates are whole days: the middle of the one asked for is what counts.
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days + 24);
    let end = end.to_zoned(jiff::tz::TimeZone::UTC);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(end.year().into(), end.month().unsigned_abs(), end.day().unsigned_abs());
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let config = ServerConfig::builder_with_provider(fengsui::net::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let Ok(connection) = ServerConnection::new(config.clone()) else { continue };
            let mut stream = StreamOwned::new(connection, stream);
            if stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}

#[test]
fn certificates_that_end_soon_have_ended_or_name_another_are_told_by_how_bad_it_is() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Test authority");
    let authority = params.self_signed(&key).unwrap();
    let site = Site::new();
    let ca = site.write("ca.pem", &authority.pem());
    let issuer = Issuer::new(params, key);
    let servers = [
        ("good", serve(&issuer, "localhost", 300)),
        ("month", serve(&issuer, "localhost", 20)),
        ("week", serve(&issuer, "localhost", 4)),
        ("ended", serve(&issuer, "localhost", -3)),
        ("other", serve(&issuer, "other.test", 300)),
    ];
    let inventory = servers.map(|(id, port)| {
        format!(
            "[[asset]]\nid = \"{id}\"\nkind = \"website\"\nzone = \"extranet\"\n\
             website = {{ url = \"https://localhost:{port}/\" }}\n"
        )
    });
    site.write("inventory.toml", &inventory.concat());
    let trusting = format!("settings = {{ ca_file = '{ca}' }}");
    let probes = probe("website-tls", "2s", &trusting) + &probe("website-http", "2s", &trusting);
    site.write("definitions/probes/fast.toml", &probes);
    let up = site.up();

    for (id, problem, severity) in [
        ("month", "certificate-expiring", "warning"),
        ("week", "certificate-expiring", "major"),
        ("ended", "certificate-expiring", "critical"),
        ("other", "certificate-untrusted", "major"),
        ("ended", "site-down", "critical"), // no browser goes there any more
        ("other", "site-down", "critical"),
    ] {
        let object = format!("asset:{id}");
        wait_for(&format!("{problem} of {id} to be {severity}"), SOON, || {
            let found = of(&site, problem, &object);
            assert!(found.len() < 2, "{found:#?}");
            found.first().is_some_and(|i| i["severity"] == severity && i["state"] == "open").then_some(())
        });
    }
    wait_for("the good one to be seen", SOON, || {
        (values(&up, "fengsui_http_up", "asset=\"good\"") == [1.0]).then_some(())
    });
    assert_eq!(
        all(&site),
        [
            "certificate-expiring asset:ended",
            "certificate-expiring asset:month",
            "certificate-expiring asset:week",
            "certificate-untrusted asset:other",
            "site-down asset:ended",
            "site-down asset:other",
        ]
    );
}
