//! Who trusts whom: every rustls configuration of the program, with `ring` as its only provider.
//!
//! Agents trust the one CA of their console (pinned by certificate, or by fingerprint at enrolment) and do
//! not look at addresses: the console is reached by many names, so its certificate carries `CONSOLE_NAME`
//! beside them, and nobody else gets one with that name. Consoles trust client certificates of their own
//! CA, up to `LATE` beyond expiry, because machines stay off for months; such a peer is marked and the
//! application lets it do nothing but renew. An agent is named in its certificate by CN `ID` and SAN DNS
//! `ID.agent.fengsui`; where both are there they must agree.
//! Refuses TLS below 1.3 between agents and consoles.

use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ring::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::model::{AgentId, Wall};

use super::clock::Clock;

/// The name every console certificate carries beside its addresses.
pub const CONSOLE_NAME: &str = "console.fengsui";
/// SAN suffix of agent certificates.
pub const AGENT_SUFFIX: &str = ".agent.fengsui";
/// How long after its end an agent's certificate still lets it renew.
pub const LATE: Duration = Duration::from_secs(60 * 24 * 3600);

/// Why a key, certificate or trust root cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Unreadable PEM.
    #[error("{what} is not readable PEM: {why}")]
    Pem {
        /// Which file or field.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// rustls refused it.
    #[error("{what}: {why}")]
    Refused {
        /// What was attempted.
        what: &'static str,
        /// What rustls said.
        why: String,
    },
    /// Not a SHA-256 in hex.
    #[error(
        "`{0}` is not a CA fingerprint; it is 64 hex digits, as `fengsui enroll token AGENT` prints them on the console"
    )]
    Fingerprint(String),
    /// No trusted roots on this machine.
    #[error("this machine has no trusted root certificates ({0}); install the ca-certificates package")]
    NoRoots(String),
}

fn refused(what: &'static str) -> impl Fn(rustls::Error) -> TlsError {
    move |error| TlsError::Refused { what, why: error.to_string() }
}

/// The one provider.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Reads a certificate chain, leaf first.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "the certificate";
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| TlsError::Pem { what, why: e.to_string() })?;
    if chain.is_empty() {
        return Err(TlsError::Pem { what, why: "no certificate in it".to_owned() });
    }
    Ok(chain)
}

/// Reads a private key.
pub fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| TlsError::Pem { what: "the private key", why: e.to_string() })
}

/// SHA-256 of a certificate, lower-case hex.
pub fn fingerprint(der: &[u8]) -> String {
    digest::digest(&digest::SHA256, der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of the first certificate of a PEM text: what is printed for `enroll join --ca-fingerprint`.
pub fn fingerprint_pem(pem: &str) -> Result<String, TlsError> {
    Ok(certificates(pem)?.first().map(|der| fingerprint(der)).unwrap_or_default())
}

/// A certificate chain with its key, both PEM.
#[derive(Clone)]
pub struct Pair {
    /// Chain, leaf first.
    pub certificate: String,
    /// Private key.
    pub key: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair(***)")
    }
}

// ---- clients

/// Trusts the console of one CA and, with `client`, says who we are.
pub fn client_pinned_ca(ca_pem: &str, client: Option<&Pair>, clock: &Clock) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = Trust::Ca(roots_of(&certificates(ca_pem)?)?);
    client_config(trust, client, clock)
}

/// Trusts whatever console shows a CA certificate of this SHA-256 (hex; colons and capitals are fine) in its
/// chain and a certificate signed by it. For enrolment only.
pub fn client_pinned_fingerprint(sha256_hex: &str, clock: &Clock) -> Result<Arc<ClientConfig>, TlsError> {
    client_config(Trust::Fingerprint(read_fingerprint(sha256_hex)?), None, clock)
}

/// Trusts the system's roots, checks the name; for `--url`, webhooks and https probes. TLS 1.2 is allowed:
/// gateways in front of a console may speak nothing newer.
pub fn client_system_roots(clock: &Clock) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = system_roots()?;
    let config = ClientConfig::builder_with_details(provider(), Arc::new(TlsTime(clock.clone())))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(refused("TLS versions"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Accepts any certificate: for the tls probe, which takes the chain from the finished handshake
/// (`peer_certificates`) and judges it with `verify_chain`. Nothing secret may go over such a connection.
pub fn client_unverified_capture(clock: &Clock) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(TlsTime(clock.clone())))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(refused("TLS versions"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust: Trust::Anyone, provider: provider() }))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled(); // a resumed session shows no chain
    Ok(Arc::new(config))
}

/// The system's trusted roots.
pub fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unreadable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(roots)
}

/// Judges a chain as a client would: signature, time, then name. `Err` holds the reason in words.
pub fn verify_chain(
    chain: &[CertificateDer<'_>],
    host: &str,
    roots: &RootCertStore,
    now: Wall,
) -> Result<(), rustls::Error> {
    let (leaf, rest) = chain.split_first().ok_or(CertificateError::BadEncoding)?;
    let name = ServerName::try_from(host).map_err(|_| CertificateError::NotValidForName)?;
    let leaf = ParsedCertificate::try_from(leaf)?;
    let algorithms = provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&leaf, roots, rest, unix(now), algorithms)?;
    verify_server_name(&leaf, &name)
}

fn roots_of(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(refused("the CA certificate"))?;
    }
    Ok(roots)
}

fn read_fingerprint(text: &str) -> Result<String, TlsError> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
    if digits.len() != 64 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(TlsError::Fingerprint(text.to_owned()));
    }
    Ok(digits)
}

fn client_config(trust: Trust, client: Option<&Pair>, clock: &Clock) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(TlsTime(clock.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused("TLS versions"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider: provider() }));
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(pair) => builder
            .with_client_auth_cert(certificates(&pair.certificate)?, private_key(&pair.key)?)
            .map_err(refused("the client certificate"))?,
    };
    Ok(Arc::new(config))
}

#[derive(Debug)]
enum Trust {
    Ca(RootCertStore),
    Fingerprint(String),
    Anyone,
}

/// Checks a console's certificate; handshake signatures are checked whatever the trust.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned;
        let roots = match &self.trust {
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
            Trust::Ca(roots) => roots,
            Trust::Fingerprint(wanted) => {
                let ca = intermediates.iter().find(|der| fingerprint(der) == *wanted);
                let mut roots = RootCertStore::empty();
                roots.add(ca.ok_or(CertificateError::UnknownIssuer)?.clone().into_owned())?;
                pinned = roots;
                &pinned
            }
        };
        let leaf = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&leaf, roots, intermediates, now, algorithms)?;
        let console = ServerName::try_from(CONSOLE_NAME).map_err(|_| CertificateError::NotValidForName)?;
        verify_server_name(&leaf, &console).or_else(|_| verify_server_name(&leaf, server_name))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// rustls asks our clock, so that tests can jump it.
#[derive(Clone)]
struct TlsTime(Clock);

impl fmt::Debug for TlsTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTime")
    }
}

impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(self.0.wall()))
    }
}

fn unix(at: Wall) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0)))
}

// ---- servers

/// A server's TLS: what it shows can be replaced while it runs.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// For `tokio_rustls::TlsAcceptor`.
    pub config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// A server that asks nobody who they are: pages and API.
pub fn server(pair: &Pair, clock: &Clock) -> Result<ServerTls, TlsError> {
    server_config(pair, None, clock)
}

/// A server whose clients may show a certificate of `client_ca_pem`; one that shows another is refused, one
/// that shows none goes on without `PeerCertificate` (enrolment). `pair.certificate` must hold the CA
/// certificate behind the leaf, or enrolment by fingerprint finds nothing to compare.
pub fn server_mutual(pair: &Pair, client_ca_pem: &str, clock: &Clock) -> Result<ServerTls, TlsError> {
    server_config(pair, Some(client_ca_pem), clock)
}

fn server_config(pair: &Pair, client_ca: Option<&str>, clock: &Clock) -> Result<ServerTls, TlsError> {
    let shown = Arc::new(Shown { key: RwLock::new(certified(pair)?) });
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(TlsTime(clock.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused("TLS versions"))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let roots = Arc::new(roots_of(&certificates(pem)?)?);
            let inner = WebPkiClientVerifier::builder_with_provider(roots, provider())
                .allow_unauthenticated()
                .build()
                .map_err(|e| TlsError::Refused { what: "the client CA", why: e.to_string() })?;
            builder.with_client_cert_verifier(Arc::new(LateVerifier { inner }))
        }
    };
    let mut config = builder.with_cert_resolver(shown.clone());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would carry the certificate of a client revoked or renewed since; consoles look at
    // serials on every request, but a full handshake keeps the expiry check honest as well.
    config.send_tls13_tickets = if client_ca.is_some() { 0 } else { 2 };
    Ok(ServerTls { config: Arc::new(config), shown })
}

impl ServerTls {
    /// Shows another certificate from the next handshake on.
    pub fn replace(&self, pair: &Pair) -> Result<(), TlsError> {
        let fresh = certified(pair)?;
        *self.shown.key.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }
}

fn certified(pair: &Pair) -> Result<Arc<CertifiedKey>, TlsError> {
    CertifiedKey::from_der(certificates(&pair.certificate)?, private_key(&pair.key)?, &provider())
        .map(Arc::new)
        .map_err(refused("the server certificate"))
}

#[derive(Debug)]
struct Shown {
    key: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
}

/// Lets certificates through that ended less than `LATE` ago, by checking them as of their last second.
#[derive(Debug)]
struct LateVerifier {
    inner: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for LateVerifier {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let ended = PeerCertificate::read(end_entity, Wall::default())
            .ok_or(CertificateError::BadEncoding)?
            .not_after
            .millis()
            .div_euclid(1000);
        let ended = u64::try_from(ended).unwrap_or(0);
        let late = now.as_secs().saturating_sub(ended);
        let as_of = if (1..=LATE.as_secs()).contains(&late) {
            UnixTime::since_unix_epoch(Duration::from_secs(ended))
        } else {
            now
        };
        self.inner.verify_client_cert(end_entity, intermediates, as_of)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

// ---- who the peer is

/// The client certificate of a connection, already checked against the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The agent it was made for; `None` if it names none, or two.
    pub subject_agent: Option<AgentId>,
    /// Serial number, lower-case hex without leading zeros.
    pub serial: String,
    /// First moment of its life.
    pub not_before: Wall,
    /// Last moment of its life.
    pub not_after: Wall,
    /// Ended already; only a renewal is to be answered.
    pub expired: bool,
    /// The certificate itself.
    pub der: Arc<[u8]>,
}

impl PeerCertificate {
    /// Reads a certificate; `None` if it is none.
    pub fn read(der: &[u8], now: Wall) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let seconds = |t: x509_parser::time::ASN1Time| Wall::from_millis(t.timestamp().saturating_mul(1000));
        let not_after = seconds(certificate.validity().not_after);
        let digits: String = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
        let serial = digits.trim_start_matches('0').to_owned();
        Some(Self {
            subject_agent: agent_of(&certificate),
            serial: if serial.is_empty() { "0".to_owned() } else { serial },
            not_before: seconds(certificate.validity().not_before),
            not_after,
            expired: now > not_after,
            der: Arc::from(der),
        })
    }

    /// Reads the first certificate of a PEM text.
    pub fn read_pem(pem: &str, now: Wall) -> Option<Self> {
        Self::read(certificates(pem).ok()?.first()?, now)
    }
}

fn agent_of(certificate: &x509_parser::certificate::X509Certificate<'_>) -> Option<AgentId> {
    use x509_parser::extensions::GeneralName;
    let mut names = certificate.subject().iter_common_name();
    let common = AgentId::new(names.next()?.as_str().ok()?).ok()?;
    if names.next().is_some() {
        return None;
    }
    let alternatives = certificate.subject_alternative_name().ok()?;
    let mut named = alternatives.iter().flat_map(|san| &san.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(dns) => dns.strip_suffix(AGENT_SUFFIX),
        _ => None,
    });
    (named.next() == Some(common.as_str()) && named.next().is_none()).then_some(common)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
