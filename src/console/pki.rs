//! The console's own certificate authority: ECDSA P-256, made at first start, 0600. It signs the console's
//! server certificate and agents' client certificates. Of a signing request it takes the public key and
//! nothing else: names, lifetime and use are ours.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::secrets::{hex, random};
use super::store::types::StoreError;
use super::store::{file_error, make_dir, write_private};
use crate::model::{AgentId, Wall};

/// Life of the authority.
const CA_LIFE: Duration = Duration::from_secs(86_400 * 3_652);
/// Life of the server certificate.
const SERVER_LIFE: Duration = Duration::from_secs(86_400 * 397);
/// The server certificate is made anew when less than this is left.
const SERVER_RENEW: Duration = Duration::from_secs(86_400 * 30);
/// Life of an agent's certificate; agents renew at two thirds.
pub const AGENT_LIFE: Duration = Duration::from_secs(86_400 * 90);
/// Certificates begin so much earlier, for clocks that are behind.
const BACKDATE: Duration = Duration::from_secs(3_600);
/// The longest signing request that is looked at, in bytes; a P-256 one has about 500.
const MAX_CSR: usize = 8_192;

/// The authority. Prints no key.
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    fingerprint: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.fingerprint)
    }
}

/// The console's server certificate with its key, PEM.
#[derive(Clone)]
pub struct ServerIdentity {
    /// Certificate, then the authority's.
    pub chain: String,
    /// Private key.
    pub key: crate::model::SecretText,
    /// When it expires.
    pub expires: Wall,
}

/// An agent's new certificate.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Serial, hex as `serial_hex` writes it.
    pub serial: String,
    /// Certificate, PEM.
    pub pem: String,
    /// When it expires.
    pub expires: Wall,
}

fn failed(what: &str) -> impl Fn(rcgen::Error) -> StoreError + '_ {
    move |error| StoreError::Key(format!("cannot {what}: {error}"))
}

/// Serial number as this store writes it: lower-case hex without leading zeros.
pub fn serial_hex(bytes: &[u8]) -> String {
    let text = hex(bytes);
    let text = text.trim_start_matches('0');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

impl Authority {
    /// Reads the authority from `dir`, or makes it.
    pub fn open(dir: &Path, now: Wall) -> Result<Self, StoreError> {
        make_dir(dir)?;
        let (key_file, pem_file) = (dir.join("ca.key"), dir.join("ca.pem"));
        if !key_file.exists() && !pem_file.exists() {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed("make the authority's key"))?;
            let mut params = lifetime(CertificateParams::default(), now, CA_LIFE);
            params.distinguished_name.push(DnType::CommonName, format!("fengsui {}", hex(&random::<4>()?)));
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let certificate = params.self_signed(&key).map_err(failed("sign the authority"))?;
            // The key first: a certificate without its key would be an error at the next start.
            write_private(&key_file, key.serialize_pem().as_bytes())?;
            write_private(&pem_file, certificate.pem().as_bytes())?;
        }
        let read = |file: &Path| std::fs::read_to_string(file).map_err(|error| file_error("read", file, &error));
        let wrong = |file: &Path| {
            let what = file.display();
            StoreError::Key(format!(
                "{what} is damaged: put it back from a backup, or remove {} and enrol all agents again",
                dir.display()
            ))
        };
        let pem = if pem_file.exists() { read(&pem_file)? } else { return Err(wrong(&pem_file)) };
        let key = KeyPair::from_pem(&read(&key_file)?).map_err(|_| wrong(&key_file))?;
        let der = first_der(&pem).ok_or_else(|| wrong(&pem_file))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| wrong(&pem_file))?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(StoreError::Key(format!(
                "{} does not belong to {}: put both back from a backup",
                key_file.display(),
                pem_file.display()
            )));
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|_| wrong(&pem_file))?;
        let fingerprint = hex(ring::digest::digest(&ring::digest::SHA256, &der).as_ref());
        Ok(Self { dir: dir.to_path_buf(), issuer, pem, fingerprint })
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the certificate's DER form, hex: what an agent is told to expect.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The server certificate; made anew when it nears its end or must stand for another set of names.
    pub fn server(&self, names: &[String], now: Wall) -> Result<ServerIdentity, StoreError> {
        let names = all_names(names);
        if let Some(held) = self.held_server(&names, now) {
            return Ok(held);
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed("make the server's key"))?;
        let mut params = lifetime(CertificateParams::default(), now, SERVER_LIFE);
        params.distinguished_name.push(DnType::CommonName, "fengsui console");
        for name in &names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed("use a host name"))?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (_, serial) = serial()?;
        params.serial_number = Some(serial);
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed("sign the server certificate"))?;
        let chain = format!("{}{}", certificate.pem(), self.pem);
        // In one file, so that no crash pairs a new certificate with an old key.
        let body = format!("{}{chain}", key.serialize_pem());
        write_private(&self.dir.join("server.pem"), body.as_bytes())?;
        Ok(ServerIdentity { chain, key: key.serialize_pem().into_secret(), expires: now.plus(SERVER_LIFE) })
    }

    fn held_server(&self, names: &[String], now: Wall) -> Option<ServerIdentity> {
        let body = std::fs::read_to_string(self.dir.join("server.pem")).ok()?;
        let at = body.find("-----BEGIN CERTIFICATE-----")?;
        let (key, chain) = body.split_at(at);
        KeyPair::from_pem(key).ok()?;
        if !chain.ends_with(self.pem.as_str()) {
            return None;
        }
        let der = first_der(chain)?;
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let expires = Wall::from_millis(parsed.validity().not_after.timestamp().saturating_mul(1_000));
        if expires < now.plus(SERVER_RENEW) {
            return None;
        }
        let mut held = Vec::new();
        for name in &parsed.subject_alternative_name().ok()??.value.general_names {
            match name {
                x509_parser::extensions::GeneralName::DNSName(name) => held.push((*name).to_owned()),
                x509_parser::extensions::GeneralName::IPAddress(bytes) => held.push(address(bytes)?.to_string()),
                _ => {}
            }
        }
        held.sort();
        (held == names).then(|| ServerIdentity {
            chain: chain.to_owned(),
            key: key.to_owned().into_secret(),
            expires,
        })
    }

    /// Signs a client certificate for `agent` over the public key of the request.
    pub fn sign_agent(&self, agent: &AgentId, csr: &str, now: Wall) -> Result<Issued, String> {
        if csr.len() > MAX_CSR {
            return Err(format!("it has {} bytes, more than {MAX_CSR}", csr.len()));
        }
        let request = CertificateSigningRequestParams::from_pem(csr).map_err(|error| error.to_string())?;
        // A node that asks in another name would refuse what it gets, and its token would be spent.
        if let Some(rcgen::DnValue::Utf8String(asked)) = request.params.distinguished_name.get(&DnType::CommonName)
            && asked != agent.as_str()
        {
            let asked: String = asked.chars().take(64).collect();
            return Err(format!("the request is for agent `{asked}`, this is for `{agent}`"));
        }
        let mut params = lifetime(CertificateParams::default(), now, AGENT_LIFE);
        params.distinguished_name.push(DnType::CommonName, agent.as_str());
        let name = format!("{agent}.agent.fengsui");
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().map_err(|e: rcgen::Error| e.to_string())?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (text, number) = serial().map_err(|error| error.to_string())?;
        params.serial_number = Some(number);
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(|error| error.to_string())?;
        Ok(Issued { serial: text, pem: certificate.pem(), expires: now.plus(AGENT_LIFE) })
    }
}

trait IntoSecret {
    fn into_secret(self) -> crate::model::SecretText;
}
impl IntoSecret for String {
    fn into_secret(self) -> crate::model::SecretText {
        crate::model::SecretText::new(self)
    }
}

fn lifetime(mut params: CertificateParams, now: Wall, life: Duration) -> CertificateParams {
    let at = |wall: Wall| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(wall.millis()).unwrap_or(0))
    };
    params.not_before = at(now.minus(BACKDATE));
    params.not_after = at(now.plus(life));
    params
}

fn serial() -> Result<(String, SerialNumber), StoreError> {
    let mut bytes: [u8; 16] = random()?;
    // RFC 5280: positive, and the first octet must not vanish.
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok((serial_hex(&bytes), SerialNumber::from_slice(&bytes)))
}

fn all_names(names: &[String]) -> Vec<String> {
    // Agents look for `CONSOLE_NAME`, so that they may reach the console under any address.
    let fixed = ["localhost", "127.0.0.1", "::1", crate::net::tls::CONSOLE_NAME].map(str::to_owned);
    // A wildcard listen address is no name of anything.
    let mut all: Vec<String> =
        names.iter().cloned().chain(fixed).filter(|name| !matches!(name.as_str(), "" | "0.0.0.0" | "::")).collect();
    all.sort();
    all.dedup();
    all
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn first_der(pem: &str) -> Option<Vec<u8>> {
    use rustls::pki_types::pem::PemObject;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    Some(der.to_vec())
}

/// A certificate may still renew this long after its end.
pub const RENEW_LATE: Duration = Duration::from_secs(86_400 * 60);
