//! Certificates of servers that we probe: handshakes that verify or take what comes, and what the chain says.
//! Trust is the system's roots, plus a file of CAs where a probe names one (units have CAs of their own).

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::model::observation::Cause;
use crate::model::time::{Mono, Wall};
use crate::net::clock::Clock;
use crate::net::error::{NetError, cause_of};
use crate::net::tls;

/// Longest text taken from a certificate: facts are for reading, and certificates are the other side's.
const MAX_TEXT: usize = 512;
/// Most bytes of a file of CAs.
const MAX_CA_FILE: u64 = 1 << 20;

/// Whether a handshake ends when the certificate is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A bad certificate fails the handshake.
    Verify,
    /// Any certificate is taken.
    TakeAny,
}

/// Whom we trust.
#[derive(Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    verify: Arc<ClientConfig>,
    take_any: Arc<ClientConfig>,
}

impl Trust {
    /// The system's roots, read once a process; with those of `ca_file` where given.
    pub fn load(ca_file: Option<&Path>) -> Result<Arc<Self>, String> {
        static SYSTEM: OnceLock<Result<Arc<Trust>, String>> = OnceLock::new();
        let system =
            || SYSTEM.get_or_init(|| Self::of(tls::system_roots().map_err(|e| e.to_string())?).map(Arc::new));
        let Some(path) = ca_file else { return system().clone() };
        let shown = path.display();
        let pem = read_bounded(path).map_err(|e| format!("ca_file {shown}: {e}"))?;
        let mut roots = system().as_ref().map_or_else(|_| RootCertStore::empty(), |s| s.roots.as_ref().clone());
        for der in tls::certificates(&pem).map_err(|e| format!("ca_file {shown}: {e}"))? {
            roots.add(der).map_err(|e| format!("ca_file {shown}: {e}"))?;
        }
        Self::of(roots).map(Arc::new)
    }

    fn of(roots: RootCertStore) -> Result<Self, String> {
        let roots = Arc::new(roots);
        let mut verify = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        // A resumed session would be faster than what a visitor meets, and shows no chain.
        verify.resumption = rustls::client::Resumption::disabled();
        let take_any = tls::client_unverified_capture(&Clock::system()).map_err(|e| e.to_string())?;
        Ok(Self { roots, verify: Arc::new(verify), take_any })
    }

    /// Shakes hands as a client of `name`, an address or a host name.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        check: Check,
        name: &str,
        stream: S,
        deadline: Mono,
        clock: &Clock,
    ) -> Result<TlsStream<S>, NetError> {
        let what = format!("tls {name}");
        let Ok(server) = server_name(name) else {
            return Err(NetError::new(Cause::Unsupported, format!("{what}: no name that a certificate can have")));
        };
        let config = match check {
            Check::Verify => self.verify.clone(),
            Check::TakeAny => self.take_any.clone(),
        };
        match clock.until(deadline, TlsConnector::from(config).connect(server, stream)).await {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(error)) => Err(tls_error(&what, &error)),
            None => Err(NetError::timeout(what)),
        }
    }

    /// When a chain that is trusted now will no longer be: the end of the first of its certificates without which it
    /// leads nowhere. Servers send others along that nobody needs; those do not count.
    pub fn ends(&self, chain: &[CertificateDer<'_>], now: Wall) -> Option<Wall> {
        let (leaf, rest) = chain.split_first()?;
        let leaf = ParsedCertificate::try_from(leaf).ok()?;
        let algorithms = tls::provider().signature_verification_algorithms.all;
        let trusted = |at: Wall| {
            let at = UnixTime::since_unix_epoch(at.since(Wall::from_millis(0)));
            verify_server_cert_signed_by_trust_anchor(&leaf, &self.roots, rest, at, algorithms).is_ok()
        };
        let ends = |der: &CertificateDer<'_>| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            Some(Wall::from_millis(certificate.validity().not_after.timestamp().saturating_mul(1_000)))
        };
        let mut all: Vec<Wall> = chain.iter().filter_map(ends).filter(|end| *end > now).collect();
        all.sort();
        let after = |end: &Wall| end.plus(std::time::Duration::from_secs(1));
        if trusted(now) { all.into_iter().find(|end| !trusted(after(end))) } else { None }
    }

    /// What is wrong with a chain, if anything: trust (signatures, dates, roots) and name apart.
    pub fn judge(&self, chain: &[CertificateDer<'_>], name: &str, now: Wall) -> Verdict {
        let parsed = chain.split_first().ok_or(rustls::Error::from(CertificateError::BadEncoding));
        let parsed = parsed.and_then(|(leaf, rest)| Ok((ParsedCertificate::try_from(leaf)?, rest)));
        let (leaf, rest) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => {
                return Verdict { untrusted: Some(plain(&error)), misnamed: Some(plain(&error)) };
            }
        };
        let algorithms = tls::provider().signature_verification_algorithms.all;
        let at = UnixTime::since_unix_epoch(now.since(Wall::from_millis(0)));
        let trusted = verify_server_cert_signed_by_trust_anchor(&leaf, &self.roots, rest, at, algorithms);
        let named = server_name(name)
            .map_err(|_| rustls::Error::from(CertificateError::NotValidForName))
            .and_then(|name| verify_server_name(&leaf, &name));
        Verdict { untrusted: trusted.err().map(|e| plain(&e)), misnamed: named.err().map(|e| plain(&e)) }
    }
}

/// What is wrong with a chain, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is not trusted.
    pub untrusted: Option<String>,
    /// Why it is not for this name.
    pub misnamed: Option<String>,
}

/// What a chain says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// Days until the leaf expires; negative after.
    pub days_left: f64,
    /// Subject of the leaf.
    pub subject: String,
    /// Issuer of the leaf.
    pub issuer: String,
    /// DNS names and addresses of the leaf.
    pub names: String,
    /// Subjects, leaf first.
    pub chain: String,
}

impl Presented {
    /// Reads a chain; nothing if its leaf is no certificate. Days are the leaf's: servers send expired
    /// cross-signed certificates along that nobody needs, and `Trust::judge` knows which one matters.
    pub fn read(chain: &[CertificateDer<'_>], now: Wall) -> Option<Self> {
        let parsed: Vec<X509Certificate<'_>> =
            chain.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, c)| c).collect();
        let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
        let ends = leaf.validity().not_after.timestamp();
        let names = leaf.subject_alternative_name().ok().flatten().map_or_else(Vec::new, |extension| {
            extension.value.general_names.iter().filter_map(general_name).collect()
        });
        let subjects: Vec<String> = parsed.iter().map(|c| name_of(c.subject())).collect();
        Some(Self {
            days_left: (ends as f64 - now.millis() as f64 / 1000.0) / 86_400.0,
            subject: bounded(&name_of(leaf.subject())),
            issuer: bounded(&name_of(leaf.issuer())),
            names: bounded(&names.join(", ")),
            chain: bounded(&subjects.join(" < ")),
        })
    }
}

fn name_of(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next().and_then(|cn| cn.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Printable and of bounded length.
fn bounded(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
    let end = (0..=MAX_TEXT.min(clean.len())).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
    clean.get(..end).unwrap_or("").to_owned()
}

fn server_name(name: &str) -> Result<ServerName<'static>, ()> {
    ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| ())
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if length > MAX_CA_FILE {
        return Err(format!("{length} bytes are too many for a file of certificates"));
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

/// The error of a handshake.
fn tls_error(what: &str, error: &std::io::Error) -> NetError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls_error) => {
            let cause = match rustls_error {
                rustls::Error::InvalidCertificate(_) => Cause::Certificate,
                _ => Cause::Tls,
            };
            NetError::new(cause, format!("{what}: {}", plain(rustls_error)))
        }
        // What ends the connection without a word of TLS.
        None if cause_of(error) == Cause::Protocol => NetError::new(Cause::Tls, format!("{what}: {error}")),
        None => NetError::io(what, error),
    }
}

/// The usual errors in words for people; rustls's own for the rest.
fn plain(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate, or one above it, has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "the issuer is not trusted (self-signed, or a CA is missing)".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for another name".to_owned()
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}
