//! What tests of probe kinds share: tasks, a loopback peer with a script, certificates good and bad.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::kinds::parse_set;
use crate::model::field::KindSpec;
use crate::model::id::{AgentId, AssetId, Object, ProbeId};
use crate::model::observation::Value;
use crate::model::plan::{Target, Task};
use crate::net::clock::Clock;
use crate::net::tls;
use crate::probe::{Ctx, Run, Runner, kind};

pub(crate) fn cx() -> Ctx {
    Ctx {
        clock: Clock::system(),
        agent: AgentId::new("tower").unwrap(),
        limits: Arc::default(),
        profiles: Arc::default(),
        marks: Arc::default(),
    }
}

/// A task of one second and 900 ms.
pub(crate) fn task(spec: &KindSpec, id: &str, target: Target, set: &[&str]) -> Arc<Task> {
    Arc::new(Task {
        instance: "".into(),
        id: Arc::from(format!("p|asset:{id}|")),
        probe: ProbeId::new("p").unwrap(),
        kind: Arc::from(spec.name),
        object: Object::Asset(AssetId::new(id).unwrap()),
        target,
        settings: parse_set(spec, set).unwrap(),
        interval_ms: 1000,
        timeout_ms: 900,
        keep_ms: 10_000,
        secret: None,
        calendar: None,
    })
}

pub(crate) fn host(host: &str, port: u16) -> Target {
    Target { host: Some(host.to_owned()), port: Some(port), url: None }
}

pub(crate) fn url(url: &str) -> Target {
    Target { host: None, port: None, url: Some(url.to_owned()) }
}

/// One run of an `Each` kind, with this much time.
pub(crate) async fn run_once(name: &str, target: Target, set: &[&str], within: Duration) -> Result<Run, String> {
    let cx = cx();
    let kind = kind(name).unwrap();
    let Runner::Each(prober) = kind.runner else { panic!("{name} is no Each kind") };
    let mut prober = prober(&cx, &task(kind.spec, "a", target, set), None)?;
    Ok(prober.run(&cx, cx.clock.mono().plus(within)).await)
}

/// Outcome, cause and the measured fields' names, such as `failed refused: -`.
pub(crate) fn told(name: &str, run: &Run) -> String {
    let spec = kind(name).unwrap().spec;
    let fields = &spec.schema.tables[0].fields;
    let row = run.rows.first();
    let measured: Vec<String> = row.map_or_else(Vec::new, |row| {
        let named = fields.iter().zip(&row.values).filter(|(_, v)| **v != Value::Null);
        named.map(|(f, _)| f.name.trim_end_matches("_seconds").to_owned()).collect()
    });
    let cause = run.cause.map(|c| format!(" {}", c.as_str())).unwrap_or_default();
    let fields = if measured.is_empty() { "-".to_owned() } else { measured.join(" ") };
    format!("{}{cause}: {fields}", run.outcome.as_str())
}

/// A value of the first row.
pub(crate) fn value(name: &str, run: &Run, field: &str) -> Value {
    let (_, slot, _) = kind(name).unwrap().spec.schema.find(field).unwrap();
    run.rows[0].values[slot].clone()
}

/// What a peer does with a connection, after the request has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Sends this and closes.
    Say(&'static str),
    /// Sends this and says no more.
    SayAndHang(&'static str),
    /// Sends this and resets.
    SayAndReset(&'static str),
}

/// A peer on loopback; it lives as long as the test's runtime.
pub(crate) async fn peer(script: Script, tls: Option<ServerConfig>) -> SocketAddr {
    #[expect(clippy::disallowed_types, reason = "the test plays the peer")]
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(|config| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => {
                        if matches!(script, Script::SayAndReset(_)) {
                            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                        }
                        play(stream, script).await;
                    }
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            play(stream, script).await;
                        }
                    }
                }
            });
        }
    });
    address
}

async fn play<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S, script: Script) {
    let mut request = [0u8; 4096];
    let Ok(1..) = stream.read(&mut request).await else { return };
    let (Script::Say(text) | Script::SayAndHang(text) | Script::SayAndReset(text)) = script;
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
    match script {
        Script::Say(_) => {
            let _ = stream.shutdown().await;
        }
        Script::SayAndHang(_) => std::future::pending().await,
        Script::SayAndReset(_) => {}
    }
}

/// A CA of the test, and its PEM file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), directory }
    }

    pub(crate) fn file(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A server with a certificate for `names` until `year`.
    pub(crate) fn server(&self, names: &[&str], year: i32) -> ServerConfig {
        let (params, key) = leaf(names, year);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), &key)
    }

    /// The same with an intermediate CA until `above` between.
    pub(crate) fn server_below(&self, names: &[&str], year: i32, above: i32) -> ServerConfig {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test intermediate");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(above, 1, 1);
        let key = KeyPair::generate().unwrap();
        let between = params.signed_by(&key, &self.issuer).unwrap();
        let issuer = Issuer::new(params, key);
        let (params, key) = leaf(names, year);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        chain(vec![certificate.der().clone(), between.der().clone()], &key)
    }

    /// A server that sends along a certificate until `other` which its own has nothing to do with.
    pub(crate) fn server_with_stray(&self, names: &[&str], year: i32, other: i32) -> ServerConfig {
        let (params, stray_key) = leaf(&["stray.test"], other);
        let stray = params.self_signed(&stray_key).unwrap();
        let (params, key) = leaf(names, year);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        chain(vec![certificate.der().clone(), stray.der().clone()], &key)
    }
}

/// A server with a certificate that nobody signed.
pub(crate) fn self_signed(names: &[&str], year: i32) -> ServerConfig {
    let (params, key) = leaf(names, year);
    let certificate = params.self_signed(&key).unwrap();
    server(certificate.der().clone(), &key)
}

fn leaf(names: &[&str], year: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Test server");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    (params, KeyPair::generate().unwrap())
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    chain(vec![certificate], key)
}

fn chain(certificates: Vec<CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap()
}
