//! Who an agent is: its key, its certificate and the CA of its console, in one directory, all 0600.
//!
//! Enrolment trusts a console by the fingerprint of its CA and pays with a one-time token; renewal at two
//! thirds of the certificate's life keeps the key, so that only one file changes and no crash can leave a
//! key without its certificate. It refuses to guess: a directory without a readable identity is not enrolled.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde::{Deserialize, Serialize};

use crate::model::wire::{EnrollAnswer, EnrollRequest};
use crate::model::{AgentId, Cause, SecretText, Wall};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::http::{BaseUrl, Client, Response};
use crate::net::tls::{self, AGENT_SUFFIX, LATE, Pair, PeerCertificate, TlsError};

/// Longest wait for an enrolment or renewal.
const ENROLL_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest answer: a chain of a few certificates.
const MAX_ANSWER: usize = 256 << 10;
/// Renewals of many agents enrolled on one day spread over this share of a certificate's life.
const JITTER: f64 = 0.05;

const KEY: &str = "agent.key";
const CERTIFICATE: &str = "agent.crt";
const CA: &str = "ca.crt";
const IDENTITY: &str = "identity.toml";

/// `POST /ingest/v1/renew`, over a connection with the present certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenewRequest {
    /// Certificate signing request, PEM.
    pub csr: String,
}

/// Why an agent has no identity, or no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why, with the remedy.
        why: String,
    },
    /// A key, certificate, fingerprint or URL is not usable.
    #[error("{0}")]
    Unusable(String),
    /// The console cannot be reached.
    #[error(
        "the console {console} cannot be reached: {source}; check the address, the port of `--agent-listen`, and firewalls between"
    )]
    Unreachable {
        /// Which.
        console: String,
        /// Why.
        source: NetError,
    },
    /// The console is not the one whose CA the operator named.
    #[error(
        "the console {console} does not have the CA of fingerprint {fingerprint}: {source}; compare it with what `fengsui enroll token AGENT` prints on the console; if they are equal, somebody stands between"
    )]
    WrongCa {
        /// Which.
        console: String,
        /// The pin.
        fingerprint: String,
        /// What TLS said.
        source: NetError,
    },
    /// The token is not valid.
    #[error(
        "the console refuses the token: it is wrong, used or expired ({0}); make a new one with `fengsui enroll token AGENT` there"
    )]
    Token(String),
    /// There is an agent of that name, or the token was used.
    #[error(
        "the console refuses this enrolment: {0}; `fengsui enroll list` there shows who is enrolled, and a token that `fengsui enroll token AGENT` makes now takes the place of what was"
    )]
    NameTaken(String),
    /// The certificate was revoked, or ended too long ago.
    #[error(
        "the console no longer accepts this agent ({0}); enrol it again with a token of `fengsui enroll token AGENT`"
    )]
    Revoked(String),
    /// Any other answer.
    #[error("the console answered {status}: {text}")]
    Answer {
        /// Status.
        status: u16,
        /// Text.
        text: String,
    },
}

impl From<TlsError> for IdentityError {
    fn from(error: TlsError) -> Self {
        Self::Unusable(error.to_string())
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    agent: AgentId,
    console: String,
}

/// An enrolled agent.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Where it lies.
    pub dir: PathBuf,
    /// Its name.
    pub agent: AgentId,
    /// Its console, such as `https://console.example:8443`.
    pub console: String,
    /// Key and certificate.
    pub pair: Pair,
    /// CA certificate, PEM.
    pub ca: String,
    /// First moment of the certificate.
    pub not_before: Wall,
    /// Last moment of the certificate.
    pub not_after: Wall,
}

/// What an agent needs to enrol.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// URL of the console's agent listener.
    pub console: String,
    /// SHA-256 of its CA certificate, hex.
    pub ca_fingerprint: String,
    /// One-time token.
    pub token: SecretText,
    /// The name the token is for; `None` takes what the console says.
    pub agent: Option<AgentId>,
}

/// Enrols, and writes the identity into `dir` in place of one that may be there.
pub async fn enroll(with: &Enrolment, dir: &Path, clock: &Clock) -> Result<Identity, IdentityError> {
    let base = BaseUrl::parse(&with.console).map_err(IdentityError::Unusable)?;
    if !base.secure {
        return Err(IdentityError::Unusable(format!("`{}` must begin with https://", with.console)));
    }
    let config = tls::client_pinned_fingerprint(&with.ca_fingerprint, clock)?;
    prepare(dir)?;
    let key = KeyPair::generate().map_err(|e| IdentityError::Unusable(format!("make a key: {e}")))?;
    let request = EnrollRequest { token: with.token.clone(), csr: signing_request(&key, with.agent.as_ref())? };
    let client = Client::url(base, Some(config), MAX_ANSWER, clock.clone());
    let answer = post(&client, "/ingest/v1/enroll", &request).await.map_err(|source| {
        let console = with.console.clone();
        match source.cause {
            Cause::Certificate => {
                IdentityError::WrongCa { console, fingerprint: with.ca_fingerprint.clone(), source }
            }
            _ => IdentityError::Unreachable { console, source },
        }
    })?;
    let answer = match answer.status {
        200 | 201 => read_answer(&answer)?,
        401 | 403 => return Err(IdentityError::Token(answer.reason())),
        409 => return Err(IdentityError::NameTaken(answer.reason())),
        status => return Err(IdentityError::Answer { status, text: answer.reason() }),
    };
    if let Some(wanted) = &with.agent
        && *wanted != answer.agent
    {
        let why = format!(
            "the token is for agent {}, not {wanted}; give that name, or make a token for {wanted}",
            answer.agent
        );
        return Err(IdentityError::Unusable(why));
    }
    let identity = Identity::of(dir, answer, with.console.clone(), key.serialize_pem(), clock.wall())?;
    identity.write()?;
    Ok(identity)
}

impl Identity {
    /// Reads the identity in `dir`; `None` if there is none.
    pub fn load(dir: &Path, clock: &Clock) -> Result<Option<Self>, IdentityError> {
        let path = dir.join(IDENTITY);
        if !path.exists() {
            return Ok(None);
        }
        let file: IdentityFile = toml::from_str(&read(&path)?)
            .map_err(|e| IdentityError::File { path, why: format!("{}; enrol the agent again", e.message()) })?;
        let answer =
            EnrollAnswer { agent: file.agent, certificate: read(&dir.join(CERTIFICATE))?, ca: read(&dir.join(CA))? };
        Self::of(dir, answer, file.console, read(&dir.join(KEY))?, clock.wall()).map(Some)
    }

    fn of(dir: &Path, answer: EnrollAnswer, console: String, key: String, now: Wall) -> Result<Self, IdentityError> {
        let unusable = |why: &str| IdentityError::Unusable(format!("the certificate in {}: {why}", dir.display()));
        let own = PeerCertificate::read_pem(&answer.certificate, now).ok_or_else(|| unusable("it cannot be read"))?;
        if own.subject_agent.as_ref() != Some(&answer.agent) {
            return Err(unusable(&format!("it is not for agent {}", answer.agent)));
        }
        tls::certificates(&answer.ca)?;
        Ok(Self {
            dir: dir.to_owned(),
            agent: answer.agent,
            console,
            pair: Pair { certificate: answer.certificate, key },
            ca: answer.ca,
            not_before: own.not_before,
            not_after: own.not_after,
        })
    }

    fn write(&self) -> Result<(), IdentityError> {
        let index = self.dir.join(IDENTITY);
        // Without the index there is no identity, so a crash between the files leaves none, not a mixed one.
        if index.exists() {
            fs::remove_file(&index).map_err(|e| failed(&index, &e))?;
        }
        put(&self.dir.join(KEY), &self.pair.key)?;
        put(&self.dir.join(CERTIFICATE), &self.pair.certificate)?;
        put(&self.dir.join(CA), &self.ca)?;
        let file = IdentityFile { agent: self.agent.clone(), console: self.console.clone() };
        let text = toml::to_string(&file).map_err(|e| IdentityError::Unusable(e.to_string()))?;
        put(&index, &text)
    }

    /// A client of the console that shows this certificate.
    pub fn client(&self, max_answer: usize, clock: &Clock) -> Result<Client, IdentityError> {
        let base = BaseUrl::parse(&self.console).map_err(IdentityError::Unusable)?;
        let config = tls::client_pinned_ca(&self.ca, Some(&self.pair), clock)?;
        Ok(Client::url(base, Some(config), max_answer, clock.clone()))
    }

    /// When to renew: two thirds of the life, later by up to a twentieth of it; `jitter` is 0 to 1.
    pub fn renew_at(&self, jitter: f64) -> Wall {
        let life = self.not_after.since(self.not_before);
        self.not_before.plus(life.mul_f64(2.0 / 3.0 + JITTER * jitter.clamp(0.0, 1.0)))
    }

    /// Whether the certificate ended so long ago that the console will not renew it.
    pub fn is_beyond_renewal(&self, now: Wall) -> bool {
        now > self.not_after.plus(LATE)
    }

    /// Gets a new certificate for the same key and writes it.
    pub async fn renew(&self, clock: &Clock) -> Result<Self, IdentityError> {
        let key = KeyPair::from_pem(&self.pair.key)
            .map_err(|e| IdentityError::Unusable(format!("the key in {}: {e}", self.dir.display())))?;
        let request = RenewRequest { csr: signing_request(&key, Some(&self.agent))? };
        let client = self.client(MAX_ANSWER, clock)?;
        let unreachable = |source| IdentityError::Unreachable { console: self.console.clone(), source };
        let answer = post(&client, "/ingest/v1/renew", &request).await.map_err(unreachable)?;
        let answer = match answer.status {
            200 | 201 => read_answer(&answer)?,
            401 | 403 => return Err(IdentityError::Revoked(answer.reason())),
            status => return Err(IdentityError::Answer { status, text: answer.reason() }),
        };
        let renewed = Self::of(&self.dir, answer, self.console.clone(), self.pair.key.clone(), clock.wall())?;
        if renewed.agent != self.agent {
            return Err(IdentityError::Unusable(format!("the console renewed {} as {}", self.agent, renewed.agent)));
        }
        // Refused here, a pair that does not match never reaches the disk.
        tls::client_pinned_ca(&renewed.ca, Some(&renewed.pair), clock)?;
        put(&self.dir.join(CERTIFICATE), &renewed.pair.certificate)?;
        put(&self.dir.join(CA), &renewed.ca)?;
        Ok(renewed)
    }
}

fn signing_request(key: &KeyPair, agent: Option<&AgentId>) -> Result<String, IdentityError> {
    let names = agent.map(|id| vec![format!("{id}{AGENT_SUFFIX}")]).unwrap_or_default();
    let make = || {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(id) = agent {
            params.distinguished_name.push(DnType::CommonName, id.as_str());
        }
        params.serialize_request(key)?.pem()
    };
    make().map_err(|e: rcgen::Error| IdentityError::Unusable(format!("make a signing request: {e}")))
}

async fn post(client: &Client, path: &str, body: &impl Serialize) -> Result<Response, NetError> {
    let body = serde_json::to_vec(body).map_err(|e| NetError::new(Cause::Internal, e.to_string()))?;
    let headers = [("content-type", "application/json"), ("accept-language", "en")];
    client.request("POST", path, &headers, body, ENROLL_TIMEOUT).await
}

fn read_answer(answer: &Response) -> Result<EnrollAnswer, IdentityError> {
    serde_json::from_slice(&answer.body)
        .map_err(|e| IdentityError::Unusable(format!("the console's answer makes no sense: {e}")))
}

fn prepare(dir: &Path) -> Result<(), IdentityError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| failed(dir, &e))
}

fn read(path: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(path).map_err(|e| failed(path, &e))
}

/// Writes beside and renames: whoever reads sees the old text or the new one.
fn put(path: &Path, text: &str) -> Result<(), IdentityError> {
    let fresh = path.with_extension("new");
    let write = || {
        let _ = fs::remove_file(&fresh);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
    };
    write().map_err(|e| failed(path, &e))
}

fn failed(path: &Path, error: &std::io::Error) -> IdentityError {
    IdentityError::File { path: path.to_owned(), why: format!("{error}; the agent's user must own the directory") }
}

#[cfg(test)]
mod tests;
