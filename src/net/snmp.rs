//! Asking SNMP agents, v1, v2c and v3: get, get-bulk, and several columns of a table at once.
//!
//! One socket a family serves all devices, because a socket a device costs a descriptor and a buffer each.
//! A cut table is data: what came is kept, beside why the rest did not. It refuses to walk for ever: an OID
//! that does not grow ends its column, rows and packets are capped, each with its name.

mod walk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ::snmp::v3::ReportStatus;
use ::snmp::{Auth, AuthProtocol, Client, ErrorStatus, MasterKeys, PrivProtocol, Retry, UdpTransport, UsmConfig};
pub use ::snmp::{Oid, Value};
use tokio::sync::OnceCell;

pub use self::walk::{Columns, MAX_ROWS};

use super::clock::Clock;
use super::error::{NetError, cause_of};
use crate::model::Secret;
use crate::model::observation::Cause;
use crate::model::secret::{SnmpAuth, SnmpPrivacy};

/// The largest UDP payload. A smaller msgMaxSize makes net-snmp answer a v3 GETBULK with genErr.
const RECEIVE_CAPACITY: usize = 65_507;
/// The kernel's default of 208 KiB overflows when hundreds of devices answer at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// OIDs in one GET: the fixed part of a device fits, and the reply stays within a frame or two.
const MAX_GET: usize = 32;
/// Time a port has to refuse an empty datagram: the ICMP message comes from the device itself.
const REFUSAL: Duration = Duration::from_millis(150);
/// Credentials kept with their hashed keys (1 to 9 ms each); more are hashed anew.
const MAX_KEYS: usize = 64;

/// Why an agent gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// Nothing came in time.
    #[error("snmp {peer}: no answer in time")]
    Timeout {
        /// Agent.
        peer: SocketAddr,
    },
    /// The device said that nobody listens on the port.
    #[error("snmp {peer}: port unreachable, no agent listens there")]
    Refused {
        /// Agent.
        peer: SocketAddr,
    },
    /// SNMPv3: user, key or time refused.
    #[error("snmp {peer}: {why}")]
    Auth {
        /// Agent.
        peer: SocketAddr,
        /// The report, and what to look at.
        why: String,
    },
    /// The agent answered with an error status.
    #[error("snmp {peer}: the agent answered {status}")]
    Status {
        /// Agent.
        peer: SocketAddr,
        /// Status.
        status: ErrorStatus,
        /// Which variable, from 1; 0 = none.
        index: u32,
    },
    /// The agent broke the protocol.
    #[error("snmp {peer}: {why}")]
    Protocol {
        /// Agent.
        peer: SocketAddr,
        /// How.
        why: String,
    },
    /// The network or this host.
    #[error("{0}")]
    Net(NetError),
}

impl SnmpError {
    /// Why, in one word.
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Timeout { .. } => Cause::Timeout,
            Self::Refused { .. } => Cause::Refused,
            Self::Auth { .. } => Cause::Auth,
            Self::Status { status: ErrorStatus::AuthorizationError | ErrorStatus::NoAccess, .. } => Cause::Auth,
            Self::Status { .. } | Self::Protocol { .. } => Cause::Protocol,
            Self::Net(error) => error.cause,
        }
    }
}

impl From<SnmpError> for NetError {
    fn from(error: SnmpError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

/// How a session asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// How long one try waits.
    pub timeout: Duration,
    /// How often a request is sent again.
    pub retries: u32,
    /// Whether an answer must come from the address that was asked; multi-homed devices may answer from another.
    pub strict_source: bool,
}

/// What one runtime shares: a socket a family, and hashed keys.
#[derive(Default)]
struct Shared {
    v4: OnceCell<UdpTransport>,
    v6: OnceCell<UdpTransport>,
    keys: Mutex<Vec<(Secret, Auth)>>,
}

impl Shared {
    /// The one of this runtime. Sockets belong to the runtime that made them, so there is one a runtime;
    /// they close with the last session.
    fn here() -> Arc<Self> {
        static ALL: Mutex<Vec<(tokio::runtime::Id, Weak<Shared>)>> = Mutex::new(Vec::new());
        let id = tokio::runtime::Handle::current().id();
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, shared)| shared.strong_count() > 0);
        if let Some(shared) = all.iter().find(|(at, _)| *at == id).and_then(|(_, shared)| shared.upgrade()) {
            return shared;
        }
        let shared = Arc::new(Self::default());
        all.push((id, Arc::downgrade(&shared)));
        shared
    }

    async fn transport(&self, peer: SocketAddr) -> Result<&UdpTransport, SnmpError> {
        let (cell, any) = if peer.is_ipv4() { (&self.v4, "0.0.0.0:0") } else { (&self.v6, "[::]:0") };
        let make = || {
            UdpTransport::builder()
                .bind(any)
                .receive_capacity(RECEIVE_CAPACITY)
                .recv_buffer_size(RECEIVE_BUFFER)
                .build()
        };
        cell.get_or_try_init(make).await.map_err(|error| of_library(peer, &error))
    }

    fn auth(&self, peer: SocketAddr, secret: &Secret) -> Result<Auth, SnmpError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, auth)) = keys.iter().find(|(known, _)| known == secret) {
            return Ok(auth.clone());
        }
        let auth = credentials(secret)
            .map_err(|why| SnmpError::Auth { peer, why: format!("the secret cannot be used: {why}") })?;
        if keys.len() < MAX_KEYS {
            keys.push((secret.clone(), auth.clone()));
        }
        Ok(auth)
    }
}

fn credentials(secret: &Secret) -> Result<Auth, String> {
    match secret {
        Secret::SnmpCommunity { v1, community } => {
            let octets = community.expose().as_bytes().to_vec();
            Ok(if *v1 { Auth::v1(octets) } else { Auth::v2c(octets) })
        }
        Secret::SnmpV3 { user, auth, privacy, context } => {
            let user = UsmConfig::new(user.clone().into_bytes()).context_name(context.clone().into_bytes());
            let Some((protocol, key)) = auth else { return Ok(user.into()) };
            let mut keys = MasterKeys::new(auth_of(*protocol), key.expose().as_bytes()).map_err(|e| e.to_string())?;
            match privacy {
                Some((SnmpPrivacy::Des, _)) => {
                    return Err("DES privacy is not supported, it is broken: set AES on the device".into());
                }
                Some((protocol, key)) => {
                    keys = keys
                        .with_privacy(privacy_of(*protocol), key.expose().as_bytes())
                        .map_err(|e| e.to_string())?;
                }
                None => {}
            }
            Ok(user.with_master_keys(keys).map_err(|e| e.to_string())?.into())
        }
        other => Err(format!("it is of type {}, not snmp-v1, snmp-v2c or snmp-v3", other.kind())),
    }
}

/// One agent, asked again and again; one request at a time is up to the caller.
pub struct Session {
    client: Client,
    peer: SocketAddr,
    v1: bool,
    _shared: Arc<Shared>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Session {
    /// Ready to ask; nothing is sent yet.
    pub async fn open(peer: SocketAddr, secret: &Secret, manner: Manner) -> Result<Self, SnmpError> {
        let shared = Shared::here();
        let auth = shared.auth(peer, secret)?;
        let retry = Retry::fixed(manner.retries, Duration::ZERO)
            .map_err(|error| SnmpError::Net(NetError::new(Cause::Internal, error.to_string())))?;
        let client = Client::builder(peer, auth)
            .request_timeout(manner.timeout)
            .send_timeout(manner.timeout)
            .retry(retry)
            .max_oids_per_request(MAX_GET)
            .strict_source(manner.strict_source)
            // Without it a wrong user or key looks like silence, because the report that says so cannot be
            // authenticated. What it adds is believed for one packet only, and only from the agent's address.
            .allow_unauthenticated_v3_time_correction(manner.strict_source)
            .build_with(shared.transport(peer).await?)
            .await
            .map_err(|error| of_library(peer, &error))?;
        let v1 = matches!(secret, Secret::SnmpCommunity { v1: true, .. });
        Ok(Self { client, peer, v1, _shared: shared })
    }

    /// The agent's address.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The values of exactly these OIDs, as far as the agent has them: what it lacks is not in the answer.
    pub async fn get(&self, oids: &[Oid]) -> Result<BTreeMap<Oid, Value>, SnmpError> {
        let mut wanted = oids.to_vec();
        loop {
            if wanted.is_empty() {
                return Ok(BTreeMap::new());
            }
            match self.client.get_many(&wanted).await {
                Ok(answer) => {
                    let known = |oid: &Oid| wanted.contains(oid);
                    let pairs = answer.varbinds.into_iter().map(|vb| (vb.oid, vb.value));
                    return Ok(pairs.filter(|(oid, value)| known(oid) && !value.is_exception()).collect());
                }
                Err(error) => match of_library(self.peer, &error) {
                    // v1 refuses the whole request for one missing variable: ask again without it.
                    SnmpError::Status { status: ErrorStatus::NoSuchName, index, .. }
                        if self.v1 && index > 0 && wanted.len() >= index as usize =>
                    {
                        wanted.remove(index as usize - 1);
                    }
                    other => return Err(other),
                },
            }
        }
    }

    /// One GETBULK (v1: one GETNEXT): variables row by row, in the order of `oids`.
    pub async fn get_bulk(&self, oids: &[Oid], repetitions: u32) -> Result<Vec<(Oid, Value)>, SnmpError> {
        let answer = if self.v1 {
            self.client.get_next_many(oids).await.map(|answer| answer.varbinds)
        } else {
            self.client.get_bulk(oids, 0, repetitions).await
        };
        match answer {
            Ok(list) => Ok(list.into_iter().map(|vb| (vb.oid, vb.value)).collect()),
            Err(error) => Err(of_library(self.peer, &error)),
        }
    }
}

impl SnmpError {
    /// Whether a smaller request may fare better.
    const fn is_burden(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Status { status: ErrorStatus::TooBig | ErrorStatus::GenErr, .. })
    }
}

/// Whether a port refuses: an empty datagram, which no agent answers, brings an ICMP message if nobody listens.
pub async fn refuses(peer: SocketAddr, clock: &Clock) -> bool {
    #[expect(clippy::disallowed_types, reason = "this is net")]
    type Socket = tokio::net::UdpSocket;
    let any = SocketAddr::new(if peer.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() }, 0);
    let Ok(socket) = Socket::bind(any).await else { return false };
    if socket.connect(peer).await.is_err() || socket.send(&[]).await.is_err() {
        return false;
    }
    let mut nothing = [0; 1];
    let heard = clock.until(clock.mono().plus(REFUSAL), socket.recv(&mut nothing)).await;
    matches!(heard, Some(Err(error)) if cause_of(&error) == Cause::Refused)
}

/// A text for a person: lossy, without control characters and trailing NULs.
pub fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let trimmed = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    trimmed.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn of_library(peer: SocketAddr, error: &::snmp::Error) -> SnmpError {
    use ::snmp::Error;
    let auth = |why: &str| SnmpError::Auth { peer, why: why.to_owned() };
    let protocol = |why: String| SnmpError::Protocol { peer, why };
    match error.exchange_source() {
        Error::Timeout { .. } | Error::ConstructionTimeout { .. } => SnmpError::Timeout { peer },
        Error::Network { source, .. } => SnmpError::Net(NetError::io(format_args!("snmp {peer}"), source)),
        Error::Snmp { status, index, .. } => SnmpError::Status { peer, status: *status, index: *index },
        Error::Auth { .. } => auth("the answer does not match our key: check the passwords of the secret"),
        Error::Report { status, .. } => match &**status {
            ReportStatus::UnknownUserName { .. } => auth("unknown user: check the user name of the secret"),
            ReportStatus::WrongDigest { .. } => auth("wrong digest: check the authentication password and protocol"),
            ReportStatus::DecryptionError { .. } => auth("decryption error: check the privacy password and protocol"),
            ReportStatus::UnsupportedSecurityLevel { .. } => {
                auth("security level not supported for this user: check authentication and privacy of the secret")
            }
            ReportStatus::NotInTimeWindow { .. } => auth("not in time window, even after a new synchronisation"),
            other => protocol(format!("report: {other}")),
        },
        Error::Closed { .. } | Error::RequestIdInUse { .. } | Error::RandomSource { .. } | Error::Config(_) => {
            SnmpError::Net(NetError::new(Cause::Internal, format!("snmp {peer}: {error}")))
        }
        other => protocol(other.to_string()),
    }
}

pub(super) const fn auth_of(auth: SnmpAuth) -> AuthProtocol {
    match auth {
        SnmpAuth::Md5 => AuthProtocol::Md5,
        SnmpAuth::Sha1 => AuthProtocol::Sha1,
        SnmpAuth::Sha224 => AuthProtocol::Sha224,
        SnmpAuth::Sha256 => AuthProtocol::Sha256,
        SnmpAuth::Sha384 => AuthProtocol::Sha384,
        SnmpAuth::Sha512 => AuthProtocol::Sha512,
    }
}

pub(super) const fn privacy_of(privacy: SnmpPrivacy) -> PrivProtocol {
    match privacy {
        SnmpPrivacy::Des => PrivProtocol::Des,
        SnmpPrivacy::Aes128 => PrivProtocol::Aes128,
        SnmpPrivacy::Aes192 => PrivProtocol::Aes192Blumenthal,
        SnmpPrivacy::Aes256 => PrivProtocol::Aes256Blumenthal,
    }
}
