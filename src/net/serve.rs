//! Listening sockets of the simulator: TCP conversations, UDP answers, SNMP agents, and mute sockets.
//!
//! Why here: every socket is made in `net`. It refuses to know what is answered (that is `sim`), and it is
//! no server for real clients: no limits beyond a bounded number of conversations.

mod crowd;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, JoinSet};

pub use self::crowd::{Answers, Crowd, crowd};
use super::snmp::{Oid, Value};
use super::tls::ServerTls;
use crate::model::{Secret, SecretText};

/// Conversations at once on one simulated TCP port: enough for a load test, few enough to notice a leak.
const MAX_CONVERSATIONS: usize = 1024;
/// What a simulated SNMP agent accepts and sends at most: a jumbo reply, well below a full UDP datagram.
const AGENT_MESSAGE: usize = 16_384;
/// The largest UDP payload; an echo must take whatever comes.
const MAX_DATAGRAM: usize = 65_507;
/// Receive buffer of an agent. Simulated devices are many, so it is far below the 4 MiB of the crate.
const AGENT_BUFFER: usize = 256 * 1024;

/// Why a simulated service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be bound.
    #[error("listening on {kind} {address}: {source}; {remedy}", remedy = remedy(.source))]
    Bind {
        /// `tcp` or `udp`.
        kind: &'static str,
        /// Where.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The agent could not be built from its users.
    #[error("simulated SNMP agent on {address}: {why}")]
    Agent {
        /// Where.
        address: SocketAddr,
        /// The library's words.
        why: String,
    },
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another process holds it (`ss -lntup` names it): stop that, or give another address or port"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE: give a higher port, such as 1161"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: use one of 127.0.0.0/8, or add it to an interface"
        }
        _ => "give another address or port",
    }
}

/// Both directions of a conversation.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One conversation, running.
pub type Conversation = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Begins a conversation on a new connection.
pub type Talk = Arc<dyn Fn(Box<dyn Duplex>) -> Conversation + Send + Sync>;
/// The answer to a datagram, if any.
pub type Answer = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A running service; dropping it closes the socket soon, `stop` closes it before it returns.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Service {
    /// Where it listens, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Ends it and every conversation; the port is free afterwards.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await; // cancelled, as asked
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on TCP and talks on every connection.
pub async fn tcp(address: SocketAddr, talk: Talk) -> Result<Service, ServeError> {
    let bind = |source| ServeError::Bind { kind: "tcp", address, source };
    #[expect(clippy::disallowed_types, reason = "this is net")]
    let listener = tokio::net::TcpListener::bind(address).await.map_err(bind)?;
    let local = listener.local_addr().map_err(bind)?;
    let task = tokio::spawn(async move {
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            if open.len() >= MAX_CONVERSATIONS {
                open.join_next().await;
            }
            // A failed accept (the peer went away) concerns nobody else; yielding keeps it from spinning.
            match listener.accept().await {
                Ok((stream, _)) => {
                    open.spawn(talk(Box::new(stream)));
                }
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    Ok(Service { address: local, task })
}

/// The same behind TLS: what is shown can be replaced while it runs. A client that fails the handshake is gone.
pub async fn tls(address: SocketAddr, tls: &ServerTls, talk: Talk) -> Result<Service, ServeError> {
    let acceptor = tokio_rustls::TlsAcceptor::from(tls.config.clone());
    let shake: Talk = Arc::new(move |stream| {
        let (acceptor, talk) = (acceptor.clone(), talk.clone());
        Box::pin(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(Box::new(stream)).await;
            }
        })
    });
    tcp(address, shake).await
}

/// Listens on UDP and answers datagrams.
pub async fn udp(address: SocketAddr, answer: Answer) -> Result<Service, ServeError> {
    let bind = |source| ServeError::Bind { kind: "udp", address, source };
    #[expect(clippy::disallowed_types, reason = "this is net")]
    let socket = tokio::net::UdpSocket::bind(address).await.map_err(bind)?;
    let local = socket.local_addr().map_err(bind)?;
    let task = tokio::spawn(async move {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            // An error here is an ICMP message about an earlier answer: nobody waits for it.
            let Ok((len, from)) = socket.recv_from(&mut buffer).await else { continue };
            if let Some(reply) = buffer.get(..len).and_then(|bytes| answer(bytes)) {
                let _ = socket.send_to(&reply, from).await; // a lost answer is what UDP does
            }
        }
    });
    Ok(Service { address: local, task })
}

/// Holds a UDP port and never answers.
pub async fn mute_udp(address: SocketAddr) -> Result<Service, ServeError> {
    udp(address, Arc::new(|_| None)).await
}

/// Holds a TCP port: connections open, nothing is ever said.
pub async fn mute_tcp(address: SocketAddr) -> Result<Service, ServeError> {
    tcp(
        address,
        Arc::new(|stream| {
            Box::pin(async move {
                let _held = stream;
                std::future::pending::<()>().await;
            })
        }),
    )
    .await
}

/// What a simulated agent says.
pub trait Mib: Send + Sync + 'static {
    /// The value of exactly this OID.
    fn value(&self, oid: &Oid) -> Option<Value>;
    /// The first OID after this one, with its value.
    fn next(&self, oid: &Oid) -> Option<(Oid, Value)>;
}

/// Who may ask: communities serve v1 and v2c alike, users v3.
#[derive(Debug, Clone, Default)]
pub struct Access(Vec<Secret>);

impl Access {
    /// These secrets; other than SNMP ones are ignored.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets)
    }
    /// One community.
    pub fn community(name: &str) -> Self {
        Self(vec![Secret::SnmpCommunity { v1: false, community: SecretText::new(name) }])
    }
}

/// Identity of an SNMP engine over restarts: its id stays, its boots grow.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    state: Option<::snmp::PersistedAuthoritativeEngine>,
}

impl Engine {
    fn begin(&mut self) -> ::snmp::Result<::snmp::AuthoritativeEngine> {
        let kept = |_: &::snmp::PersistedAuthoritativeEngine| Ok::<(), io::Error>(()); // `state` keeps it
        let authority = match self.state.take() {
            Some(state) => ::snmp::AuthoritativeEngine::restart(state, kept)?,
            None => ::snmp::AuthoritativeEngine::install(::snmp::generate_engine_id()?, kept)?,
        };
        self.state = Some(authority.persisted_state());
        Ok(authority)
    }
}

/// An SNMP agent that answers from `mib`; `engine` counts this start.
pub async fn snmp(
    address: SocketAddr,
    access: &Access,
    engine: &mut Engine,
    mib: Arc<dyn Mib>,
) -> Result<Service, ServeError> {
    let refuse = |why: String| ServeError::Agent { address, why };
    let authority = engine.begin().map_err(|error| refuse(error.to_string()))?;
    let mut builder = ::snmp::Agent::builder()
        .bind(address.to_string())
        .max_message_size(AGENT_MESSAGE)
        .recv_buffer_size(Some(AGENT_BUFFER))
        .without_builtin_handlers()
        .authoritative_engine(authority)
        .allow_all_access()
        .handler(Oid::from_slice(&[1]), Arc::new(Handler(mib)));
    for secret in &access.0 {
        match secret {
            Secret::SnmpCommunity { community, .. } => {
                builder = builder.community(community.expose().as_bytes().to_vec());
            }
            Secret::SnmpV3 { user, auth, privacy, .. } => {
                builder = builder
                    .usm_user(user.clone().into_bytes(), |u| match (auth, privacy) {
                        (Some((a, key)), Some((p, word))) => u.auth_priv(
                            super::snmp::auth_of(*a),
                            key.expose(),
                            super::snmp::privacy_of(*p),
                            word.expose(),
                        ),
                        (Some((a, key)), None) => u.auth(super::snmp::auth_of(*a), key.expose()),
                        (None, _) => Ok(u),
                    })
                    .map_err(|error| refuse(format!("user `{user}`: {error}")))?;
            }
            Secret::Login { .. } | Secret::Token(_) | Secret::Ssh { .. } => {}
        }
    }
    let agent = builder.build().await.map_err(|error| match *error {
        ::snmp::Error::Network { source, .. } => ServeError::Bind { kind: "udp", address, source },
        other => refuse(other.to_string()),
    })?;
    let local = agent.local_addr();
    let task = tokio::spawn(async move {
        if let Err(error) = agent.run().await {
            tracing::warn!(%error, %address, "the simulated SNMP agent ended");
        }
    });
    Ok(Service { address: local, task })
}

struct Handler(Arc<dyn Mib>);

impl ::snmp::MibHandler for Handler {
    fn get<'a>(
        &'a self,
        _: &'a ::snmp::RequestContext,
        oid: &'a Oid,
    ) -> ::snmp::BoxFuture<'a, ::snmp::HandlerResult<::snmp::GetResult>> {
        let found = self.0.value(oid).map_or(::snmp::GetResult::NoSuchInstance, ::snmp::GetResult::Value);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn get_next<'a>(
        &'a self,
        _: &'a ::snmp::RequestContext,
        oid: &'a Oid,
    ) -> ::snmp::BoxFuture<'a, ::snmp::HandlerResult<::snmp::GetNextResult>> {
        let answer = self.0.next(oid).map_or(::snmp::GetNextResult::EndOfMibView, |(oid, value)| {
            ::snmp::GetNextResult::Value(::snmp::VarBind::new(oid, value))
        });
        Box::pin(std::future::ready(Ok(answer)))
    }
}
