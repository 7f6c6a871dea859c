//! SNMPv3, by the library: users, keys, engines and their clocks. One socket a family serves all devices.

use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use ::snmp::v3::{EngineCache, ReportStatus};
use ::snmp::{AuthProtocol, Client, MasterKeys, Oid, PrivProtocol, Retry, UdpTransport, UsmConfig, Value, VarBind};
use std::net::SocketAddr;
use tokio::sync::{Mutex, OnceCell};

use super::convert::Encoded;
use super::fast::HOLD;
use super::table::{Step, Table};
use super::{MAX_GET, Manner, RECEIVE_BUFFER, RoundTrip, SnmpError};
use crate::model::Secret;
use crate::model::observation::Cause;
use crate::model::secret::{SnmpAuth, SnmpPrivacy};
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;

/// The largest UDP payload. A smaller msgMaxSize makes net-snmp answer a v3 GETBULK with genErr.
pub(super) const RECEIVE_CAPACITY: usize = 65_507;
/// Credentials kept with their hashed keys (1 to 9 ms each); more are hashed anew.
const MAX_KEYS: usize = 64;

/// Sockets and hashed keys.
#[derive(Default)]
pub(super) struct Users {
    v4: OnceCell<UdpTransport>,
    v6: OnceCell<UdpTransport>,
    keys: std::sync::Mutex<Vec<(Secret, UsmConfig)>>,
}

/// A device, asked in the name of a user.
pub(super) struct Asked {
    client: Client,
    peer: SocketAddr,
    user: UsmConfig,
    manner: Manner,
    round_trip: RoundTrip,
    /// Who the device is, as those know it who ask about its VLANs one after the other.
    vlans: OnceLock<Arc<EngineCache>>,
}

impl Users {
    /// A device to ask; nothing is sent yet.
    pub(super) async fn device(&self, peer: SocketAddr, secret: &Secret, manner: Manner) -> Result<Asked, SnmpError> {
        self.open(peer, self.user(peer, secret)?, manner, None).await
    }

    /// The same device asked in the context `vlan-N`, in which Cisco's bridges have their BRIDGE-MIB of VLAN N.
    pub(super) async fn of_vlan(&self, device: &Asked, vlan: u32) -> Result<Asked, SnmpError> {
        let user = device.user.clone().context_name(format!("vlan-{vlan}").into_bytes());
        let engines = device.vlans.get_or_init(Arc::default).clone();
        self.open(device.peer, user, device.manner, Some(engines)).await
    }

    async fn open(
        &self,
        peer: SocketAddr,
        user: UsmConfig,
        manner: Manner,
        engines: Option<Arc<EngineCache>>,
    ) -> Result<Asked, SnmpError> {
        let retry = Retry::fixed(manner.retries, Duration::ZERO)
            .map_err(|error| SnmpError::Net(NetError::new(Cause::Internal, error.to_string())))?;
        let builder = Client::builder(peer, user.clone())
            .request_timeout(manner.timeout)
            .send_timeout(manner.timeout)
            .retry(retry)
            .max_oids_per_request(MAX_GET)
            .strict_source(manner.strict_source)
            // Without it a wrong user or key looks like silence, because the report that says so cannot be
            // authenticated. What it adds is believed for one packet only, and only from the agent's address.
            .allow_unauthenticated_v3_time_correction(manner.strict_source);
        let builder = match engines {
            Some(engines) => builder.engine_cache(engines),
            None => builder,
        };
        let client = builder.build_with(self.transport(peer).await?).await;
        let client = client.map_err(|error| of_library(peer, &error))?;
        Ok(Asked { client, peer, user, manner, round_trip: RoundTrip::default(), vlans: OnceLock::new() })
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

    fn user(&self, peer: SocketAddr, secret: &Secret) -> Result<UsmConfig, SnmpError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, user)) = keys.iter().find(|(known, _)| known == secret) {
            return Ok(user.clone());
        }
        let user =
            usm(secret).map_err(|why| SnmpError::Auth { peer, why: format!("the secret cannot be used: {why}") })?;
        if keys.len() < MAX_KEYS {
            keys.push((secret.clone(), user.clone()));
        }
        Ok(user)
    }
}

/// The user of a secret, with hashed keys.
pub(super) fn usm(secret: &Secret) -> Result<UsmConfig, String> {
    let Secret::SnmpV3 { user, auth, privacy, context } = secret else {
        return Err(format!("it is of type {}, not snmp-v1, snmp-v2c or snmp-v3", secret.kind()));
    };
    let user = UsmConfig::new(user.clone().into_bytes()).context_name(context.clone().into_bytes());
    let Some((protocol, key)) = auth else { return Ok(user) };
    let mut keys = MasterKeys::new(auth_of(*protocol), key.expose().as_bytes()).map_err(|e| e.to_string())?;
    match privacy {
        Some((SnmpPrivacy::Des, _)) => {
            return Err("DES privacy is not supported, it is broken: set AES on the device".into());
        }
        Some((protocol, key)) => {
            keys = keys.with_privacy(privacy_of(*protocol), key.expose().as_bytes()).map_err(|e| e.to_string())?;
        }
        None => {}
    }
    user.with_master_keys(keys).map_err(|e| e.to_string())
}

impl Asked {
    /// The values of exactly these OIDs.
    pub(super) async fn get(&self, oids: &[Oid]) -> Result<Vec<(Oid, Value)>, SnmpError> {
        self.told(self.client.get_many(oids).await.map(|answer| answer.varbinds))
    }

    /// What stands behind these OIDs: so many rows by a GETBULK, or without a number one by a GETNEXT.
    pub(super) async fn behind(&self, oids: &[Oid], rows: Option<u32>) -> Result<Vec<(Oid, Value)>, SnmpError> {
        self.told(match rows {
            Some(rows) => self.client.get_bulk(oids, 0, rows).await,
            None => self.client.get_next_many(oids).await.map(|answer| answer.varbinds),
        })
    }

    /// What is asked in its turn; silence keeps others waiting no longer than `HOLD`. It comes on the heap: the library's
    /// futures are large, and every session of v1 and v2c would keep room for one.
    pub(super) async fn in_turn<T>(&self, turn: &Mutex<()>, mut asked: Pin<Box<impl Future<Output = T>>>) -> T {
        let held = turn.lock().await;
        let clock = Clock::system();
        let began = clock.mono();
        let answer = tokio::select! {
            answer = &mut asked => answer,
            () = clock.sleep(HOLD) => {
                drop(held);
                asked.await
            }
        };
        // The library sends again by itself, after the time of one try.
        let took = clock.mono().since(began);
        self.round_trip.note((took < self.manner.timeout).then_some(took));
        answer
    }

    /// From the last request to its answer; none if it had to be sent again.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.last()
    }

    fn told(&self, answer: ::snmp::Result<Vec<VarBind>>) -> Result<Vec<(Oid, Value)>, SnmpError> {
        let answer = answer.map_err(|error| of_library(self.peer, &error))?;
        Ok(answer.into_iter().map(|vb| (vb.oid, vb.value)).collect())
    }

    /// Walks a table as far as it comes until `deadline`, each request in its turn.
    pub(super) async fn walk(&self, table: &mut Table, turn: &Mutex<()>, clock: &Clock, deadline: Mono) {
        let next = table.asks_next();
        loop {
            let Some((names, repetitions)) = table.ask() else { return };
            let oids: Vec<Oid> = names.filter_map(|name| Oid::from_ber(name).ok()).collect();
            let rows = (!next).then_some(repetitions);
            let step = match clock.until(deadline, self.in_turn(turn, Box::pin(self.behind(&oids, rows)))).await {
                Some(Ok(list)) => {
                    let list: Vec<Encoded> = list.into_iter().map(|(oid, value)| Encoded::new(&oid, value)).collect();
                    let bytes = list.iter().map(Encoded::len).sum();
                    table.take(list.iter().filter_map(Encoded::variable).map(Ok), bytes).unwrap_or(Step::Done)
                }
                Some(Err(error)) if clock.mono() < deadline => table.fail(error),
                Some(Err(error)) => table.end(error),
                None => table.end(SnmpError::Timeout { peer: self.peer }),
            };
            if step == Step::Done {
                return;
            }
        }
    }
}

/// snmpUnknownContexts (SNMP-TARGET-MIB, RFC 3413): the device has no context of that name, or none for this user.
const UNKNOWN_CONTEXTS: &[u32] = &[1, 3, 6, 1, 6, 3, 12, 1, 5, 0];

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
            ReportStatus::Other { oid, .. } if oid.arcs() == UNKNOWN_CONTEXTS => {
                auth("unknown context: the device has none of that name, or not for this user")
            }
            other => protocol(format!("report: {other}")),
        },
        Error::Closed { .. } | Error::RequestIdInUse { .. } | Error::RandomSource { .. } | Error::Config(_) => {
            SnmpError::Net(NetError::new(Cause::Internal, format!("snmp {peer}: {error}")))
        }
        other => protocol(other.to_string()),
    }
}

/// The library's word for an authentication protocol.
pub(in crate::net) const fn auth_of(auth: SnmpAuth) -> AuthProtocol {
    match auth {
        SnmpAuth::Md5 => AuthProtocol::Md5,
        SnmpAuth::Sha1 => AuthProtocol::Sha1,
        SnmpAuth::Sha224 => AuthProtocol::Sha224,
        SnmpAuth::Sha256 => AuthProtocol::Sha256,
        SnmpAuth::Sha384 => AuthProtocol::Sha384,
        SnmpAuth::Sha512 => AuthProtocol::Sha512,
    }
}

/// The library's word for a privacy protocol.
pub(in crate::net) const fn privacy_of(privacy: SnmpPrivacy) -> PrivProtocol {
    match privacy {
        SnmpPrivacy::Des => PrivProtocol::Des,
        SnmpPrivacy::Aes128 => PrivProtocol::Aes128,
        SnmpPrivacy::Aes192 => PrivProtocol::Aes192Blumenthal,
        SnmpPrivacy::Aes256 => PrivProtocol::Aes256Blumenthal,
    }
}
