//! The services of one simulated device, and what can be changed about them while they run.
//!
//! A service is up, silent (its port is held, nothing is answered) or down (its port is closed). Its port
//! stays the same over all of these. It refuses to be clever: no protocol here answers beyond what
//! a probe needs.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::certificate::{self, Authority, Life};
use super::recording::{Entry, Recording, parse_oid};
use crate::model::Mono;
use crate::net::clock::Clock;
use crate::net::serve::{self, Access, Duplex, Engine, Mib, ServeError, Service};
use crate::net::snmp::{Oid, Value};
use crate::net::tls::{self, ServerTls};

/// A request head longer than this is no probe's.
const MAX_HEAD: usize = 8192;
/// A TCP service reads so much at once, and throws it away.
const DRAIN: usize = 4096;

/// What a service is, as a scenario writes it.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An SNMP agent answering from a recording.
    Snmp {
        /// What it answers.
        recording: Arc<Recording>,
        /// Who may ask.
        access: Access,
    },
    /// An HTTP server answering everything alike.
    Http {
        /// Status code.
        status: u16,
        /// Body.
        body: String,
        /// Time before the answer.
        delay: Duration,
    },
    /// The same over HTTPS, with a certificate that can be replaced.
    Https {
        /// Status code.
        status: u16,
        /// Body.
        body: String,
        /// Who signs its certificates.
        authority: Arc<Authority>,
        /// What its certificates are for.
        names: Vec<String>,
        /// How long its first certificate lives.
        life: Duration,
    },
    /// A TCP port that says a banner and reads what comes.
    Tcp {
        /// Sent at once; may be empty.
        banner: String,
    },
    /// A UDP port that returns each datagram.
    UdpEcho,
}

impl Kind {
    /// The word used in scenarios: `snmp`, `http`, `https`, `tcp`, `udp_echo`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Snmp { .. } => "snmp",
            Self::Http { .. } => "http",
            Self::Https { .. } => "https",
            Self::Tcp { .. } => "tcp",
            Self::UdpEcho => "udp_echo",
        }
    }
}

/// Whether a service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Answers.
    Up,
    /// Holds its port and says nothing.
    Silent,
    /// Its port is closed.
    Down,
}

/// A service of a device, with its state.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) address: SocketAddr,
    pub(super) power: Power,
    kind: Kind,
    running: Option<Service>,
    engine: Engine,
    live: Option<Arc<LiveMib>>,
    http: Arc<LiveHttp>,
    /// What an https service shows; the same over stop and start.
    tls: Option<ServerTls>,
    banner: Arc<RwLock<String>>,
}

impl Unit {
    pub(super) fn new(address: IpAddr, port: u16, kind: Kind) -> Self {
        let http = match &kind {
            Kind::Http { status, body, delay } => LiveHttp::new(*status, body, *delay),
            Kind::Https { status, body, .. } => LiveHttp::new(*status, body, Duration::ZERO),
            _ => LiveHttp::new(200, "", Duration::ZERO),
        };
        let banner = match &kind {
            Kind::Tcp { banner } => banner.clone(),
            _ => String::new(),
        };
        Self {
            address: SocketAddr::new(address, port),
            power: Power::Down,
            kind,
            running: None,
            engine: Engine::default(),
            live: None,
            http: Arc::new(http),
            tls: None,
            banner: Arc::new(RwLock::new(banner)),
        }
    }

    /// Brings it into that state. Up from down is a cold start: counters begin anew.
    pub(super) async fn switch(&mut self, power: Power, clock: &Clock) -> Result<(), ServeError> {
        if self.power == power {
            return Ok(());
        }
        if let Some(service) = self.running.take() {
            service.stop().await;
        }
        let cold = self.power == Power::Down;
        self.power = Power::Down;
        let service = match power {
            Power::Down => None,
            Power::Silent => Some(match &self.kind {
                Kind::Snmp { .. } | Kind::UdpEcho => serve::mute_udp(self.address).await?,
                Kind::Http { .. } | Kind::Https { .. } | Kind::Tcp { .. } => serve::mute_tcp(self.address).await?,
            }),
            Power::Up => Some(self.start(cold, clock).await?),
        };
        if let Some(service) = &service {
            self.address = service.address();
        }
        self.running = service;
        self.power = power;
        Ok(())
    }

    async fn start(&mut self, cold: bool, clock: &Clock) -> Result<Service, ServeError> {
        match &self.kind {
            Kind::Snmp { recording, access } => {
                let live = match &self.live {
                    Some(live) if !cold => live.clone(),
                    _ => Arc::new(LiveMib::new(recording.clone(), clock.clone())),
                };
                self.live = Some(live.clone());
                serve::snmp(self.address, access, &mut self.engine, live).await
            }
            Kind::Http { .. } => serve::tcp(self.address, self.talk_http(clock)).await,
            Kind::Https { authority, names, life, .. } => {
                let tls = match &self.tls {
                    Some(tls) => tls.clone(),
                    None => {
                        let refuse = |why: String| ServeError::Agent { address: self.address, why };
                        let pair = authority.issue(names, clock.wall(), *life).map_err(refuse)?;
                        tls::server(&pair, clock).map_err(|error| refuse(error.to_string()))?
                    }
                };
                self.tls = Some(tls.clone());
                serve::tls(self.address, &tls, self.talk_http(clock)).await
            }
            Kind::Tcp { .. } => {
                let banner = self.banner.clone();
                serve::tcp(self.address, Arc::new(move |stream| Box::pin(greet(stream, banner.clone())))).await
            }
            Kind::UdpEcho => serve::udp(self.address, Arc::new(|bytes| Some(bytes.to_vec()))).await,
        }
    }

    fn talk_http(&self, clock: &Clock) -> serve::Talk {
        let (http, clock) = (self.http.clone(), clock.clone());
        Arc::new(move |stream| Box::pin(answer_http(stream, http.clone(), clock.clone())))
    }

    /// Changes one thing about it; the message says what it would take.
    pub(super) fn set(&self, what: &str, value: &str, clock: &Clock) -> Result<(), String> {
        match &self.kind {
            Kind::Snmp { .. } => match &self.live {
                Some(live) => live.set(what, value),
                None => Err("the agent was never started, so there is nothing to set yet".into()),
            },
            Kind::Https { authority, names, .. } if what == "not_after" => {
                let life = certificate::life(value)
                    .ok_or_else(|| format!("`{value}` is no time from now, such as 5d, 36h or -1d"))?;
                let (began, life) = match life {
                    Life::Left(life) => (clock.wall(), life),
                    Life::Over(since) => (clock.wall().minus(since), Duration::ZERO),
                };
                let tls = self.tls.as_ref().ok_or("it was never started, so there is nothing to replace yet")?;
                tls.replace(&authority.issue(names, began, life)?).map_err(|error| error.to_string())
            }
            Kind::Https { .. } => {
                self.http.set(what, value).map_err(|why| format!("{why}; an https service also has `not_after`"))
            }
            Kind::Http { .. } => self.http.set(what, value),
            Kind::Tcp { .. } if what == "banner" => {
                value.clone_into(&mut self.banner.write().unwrap_or_else(PoisonError::into_inner));
                Ok(())
            }
            Kind::Tcp { .. } => Err(format!("a tcp service has no `{what}`; it has `banner`")),
            Kind::UdpEcho => Err(format!("a udp_echo service has no `{what}`; it can only be stopped or silenced")),
        }
    }
}

/// A recording that lives: counters move from its start, and values can be changed.
#[derive(Debug)]
pub struct LiveMib {
    recording: Arc<Recording>,
    changed: RwLock<Changed>,
    clock: Clock,
    started: Mono,
}

/// What is no longer as recorded.
#[derive(Debug, Default)]
struct Changed {
    entries: BTreeMap<Oid, Entry>,
    /// Ports that are not up, or were not for a time: a port that is down counts nothing.
    idle: BTreeMap<u32, Idle>,
}

/// How long a port has counted nothing.
#[derive(Debug, Default, Clone, Copy)]
struct Idle {
    before: Duration,
    since: Option<Duration>,
}

impl Changed {
    /// The time by which a variable has grown.
    fn age(&self, oid: &Oid, since: Duration) -> Duration {
        if self.idle.is_empty() {
            return since;
        }
        let of_port = IF_TABLES.iter().any(|table| oid.arcs().starts_with(table));
        let idle = oid.arcs().last().filter(|_| of_port).and_then(|port| self.idle.get(port)).copied();
        let Some(idle) = idle else { return since };
        let now = idle.since.map_or(Duration::ZERO, |from| since.saturating_sub(from));
        since.saturating_sub(idle.before + now)
    }

    /// A port went up or not up.
    fn port(&mut self, port: u32, up: bool, since: Duration) {
        let idle = self.idle.entry(port).or_default();
        match (up, idle.since) {
            (true, Some(from)) => {
                idle.before += since.saturating_sub(from);
                idle.since = None;
            }
            (false, None) => idle.since = Some(since),
            _ => {}
        }
    }
}

/// ifTable and ifXTable, whose rows are ports.
const IF_TABLES: [&[u32]; 2] = [&[1, 3, 6, 1, 2, 1, 2, 2, 1], &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1]];
/// The column that says whether a port is up.
const OPER_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8];

/// Columns and scalars that `set` knows by name; any other is given by its OID.
const NAMES: &[(&str, &[u32])] = &[
    ("sysName", &[1, 3, 6, 1, 2, 1, 1, 5]),
    ("sysUpTime", &[1, 3, 6, 1, 2, 1, 1, 3]),
    ("ifAdminStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 7]),
    ("ifOperStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8]),
    ("ifInErrors", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 14]),
    ("ifOutErrors", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 20]),
    ("ifName", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1]),
    ("ifHCInOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6]),
    ("ifHCOutOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10]),
    ("ifHighSpeed", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15]),
    ("ifAlias", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18]),
];

impl LiveMib {
    /// Starts now.
    pub fn new(recording: Arc<Recording>, clock: Clock) -> Self {
        let started = clock.mono();
        Self { recording, changed: RwLock::default(), clock, started }
    }

    fn since(&self) -> Duration {
        self.clock.mono().since(self.started)
    }

    /// Sets `ifOperStatus.3` or an OID to a value of its present type, or to `TAG|VALUE`.
    fn set(&self, what: &str, value: &str) -> Result<(), String> {
        let oid = match NAMES.iter().find(|(name, _)| what.split('.').next() == Some(name)) {
            Some((name, base)) => {
                let rest = what.get(name.len() + 1..).filter(|rest| !rest.is_empty());
                let rest = rest.ok_or_else(|| format!("`{what}` lacks its index, such as `{name}.1`"))?;
                let mut arcs = base.to_vec();
                for arc in rest.split('.') {
                    arcs.push(arc.parse().map_err(|_| format!("`{rest}` is no index"))?);
                }
                Oid::from(arcs)
            }
            None => parse_oid(what).map_err(|_| {
                let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                format!("`{what}` is neither an OID nor one of {}", known.join(", "))
            })?,
        };
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        let entry = match value.split_once('|') {
            Some((tag, text)) => Entry::parse(tag, text)?,
            None => {
                let present = changed.entries.get(&oid).or_else(|| self.recording.get(&oid));
                let tag = present.map(Entry::tag).ok_or("it is not recorded: give TAG|VALUE, such as 2|1")?;
                Entry::fixed(tag, value, false)?
            }
        };
        if let Some([port]) = oid.arcs().strip_prefix(OPER_STATUS) {
            changed.port(*port, entry == Entry::Fixed(Value::Integer(1)), self.since());
        }
        changed.entries.insert(oid, entry);
        Ok(())
    }
}

impl Mib for LiveMib {
    fn value(&self, oid: &Oid) -> Option<Value> {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let entry = changed.entries.get(oid).or_else(|| self.recording.get(oid))?;
        Some(entry.at(changed.age(oid, self.since())))
    }

    fn next(&self, oid: &Oid) -> Option<(Oid, Value)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let ours = changed.entries.range((Excluded(oid), Unbounded)).next();
        let (at, entry) = match (self.recording.after(oid), ours) {
            (Some(recorded), Some(ours)) if recorded.0 < ours.0 => recorded,
            (_, Some(ours)) => ours,
            (recorded, None) => recorded?,
        };
        Some((at.clone(), entry.at(changed.age(at, self.since()))))
    }
}

#[derive(Debug)]
struct LiveHttp {
    status: AtomicU16,
    delay_ms: AtomicU64,
    body: Mutex<Arc<str>>,
}

impl LiveHttp {
    fn new(status: u16, body: &str, delay: Duration) -> Self {
        Self {
            status: AtomicU16::new(status),
            delay_ms: AtomicU64::new(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
            body: Mutex::new(Arc::from(body)),
        }
    }

    fn set(&self, what: &str, value: &str) -> Result<(), String> {
        match what {
            "status" => match value.parse() {
                Ok(status @ 100..=599) => self.status.store(status, Ordering::Relaxed),
                _ => return Err(format!("`{value}` is no status; it is 100 to 599")),
            },
            "delay" => {
                let delay = super::scenario::duration(value)
                    .ok_or_else(|| format!("`{value}` is no duration, such as 250ms"))?;
                self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
            "body" => *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from(value),
            _ => return Err(format!("an http service has no `{what}`; it has `status`, `body` and `delay`")),
        }
        Ok(())
    }
}

async fn answer_http(mut stream: Box<dyn Duplex>, http: Arc<LiveHttp>, clock: Clock) {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(len @ 1..) if head.len() < MAX_HEAD => head.extend_from_slice(piece.get(..len).unwrap_or_default()),
            _ => return, // gone, or no request of a probe
        }
    }
    clock.sleep(Duration::from_millis(http.delay_ms.load(Ordering::Relaxed))).await;
    let (status, body) =
        (http.status.load(Ordering::Relaxed), http.body.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let shown = if head.starts_with(b"HEAD ") { "" } else { &*body };
    let answer = format!(
        "HTTP/1.1 {status} Simulated\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{shown}",
        body.len()
    );
    // The client may be gone by now; that is its business.
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn greet(mut stream: Box<dyn Duplex>, banner: Arc<RwLock<String>>) {
    let text = banner.read().unwrap_or_else(PoisonError::into_inner).clone();
    if stream.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    let mut piece = [0; DRAIN];
    while matches!(stream.read(&mut piece).await, Ok(1..)) {}
}
