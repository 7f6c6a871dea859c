//! A sweep of addresses: echo, a few TCP ports, and SNMP's name, description and object id, 64 addresses in
//! flight, two minutes at most. It is no probe kind: it has no object yet.
//!
//! An echo to 127.0.0.0/8 is never counted, since the kernel answers for everybody there, and a port that refuses
//! says nothing, since a firewall refuses for whole networks.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::codec::icmp::Version;
use crate::codec::text;
use crate::model::Secret;
use crate::model::discovery::{self, BadRange, Found, Keys, MAX_PORTS, MAX_SECRETS, MAX_TEXT, Wanted};
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::icmp::{Event, Pinger, Request};
use crate::net::snmp::{Manner, Oid, Session, Value};
use crate::net::sock::Route;
use crate::net::tcp;

/// Addresses in flight: each holds a few sockets.
const IN_FLIGHT: usize = 64;
/// A sweep is over after this, whatever is left.
const WITHIN: Duration = Duration::from_secs(120);
/// How long an echo, a connection and one SNMP try may take: a satellite line answers within.
const PATIENCE: Duration = Duration::from_secs(1);
/// SNMP is asked once more, since a datagram may be lost; not where nothing else answers and several secrets are
/// to be tried, or 1,024 silent addresses would take longer than a sweep may.
const RETRIES: u32 = 1;
/// Echoes that leave together, and the time between: 640 a second stay below what devices limit.
const BURST: usize = 16;
const PAUSE: Duration = Duration::from_millis(25);
/// Steps that may wait for whoever reads.
const STEPS: usize = 16;

/// How far a sweep is, and what it found since the last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Addresses looked at.
    pub done: usize,
    /// In all.
    pub total: usize,
    /// What answered.
    pub found: Vec<Found>,
}

/// A sweep that can be begun.
#[derive(Debug)]
pub struct Sweep {
    addresses: Vec<IpAddr>,
    secrets: Vec<(String, Secret)>,
    snmp_port: u16,
    tcp_ports: Vec<u16>,
}

/// A sweep under way.
#[derive(Debug)]
pub struct Sweeping {
    /// Steps; closed when it is over.
    pub steps: mpsc::Receiver<Step>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sweep {
    /// What is wanted, with the secrets that are there for it; names without a value are left out.
    pub fn new(wanted: &Wanted, keys: &Keys) -> Result<Self, BadRange> {
        let addresses = discovery::addresses(&wanted.ranges)?;
        let named = wanted.secrets.iter().take(MAX_SECRETS);
        let secrets = named.filter_map(|name| Some((name.clone(), keys.get(name)?.clone()))).collect();
        let tcp_ports = wanted.tcp_ports.iter().copied().take(MAX_PORTS).collect();
        Ok(Self { addresses, secrets, snmp_port: wanted.snmp_port, tcp_ports })
    }

    /// How many addresses it looks at.
    pub fn total(&self) -> usize {
        self.addresses.len()
    }

    /// Begins; it ends when the answer is dropped.
    pub fn begin(self, clock: Clock) -> Sweeping {
        let (out, steps) = mpsc::channel(STEPS);
        let task = tokio::spawn(async move {
            let end = clock.mono().plus(WITHIN);
            clock.until(end, self.run(&clock, &out)).await;
        });
        Sweeping { steps, task }
    }

    async fn run(self, clock: &Clock, out: &mpsc::Sender<Step>) {
        let total = self.addresses.len();
        let answered = echoes(clock, &self.addresses).await;
        let mut waiting = self.addresses.iter();
        let mut flying: JoinSet<Option<Found>> = JoinSet::new();
        let mut done = 0;
        loop {
            while flying.len() < IN_FLIGHT {
                let Some(address) = waiting.next() else { break };
                let look = Look {
                    address: *address,
                    icmp: answered.contains(address),
                    secrets: self.secrets.clone(),
                    snmp_port: self.snmp_port,
                    tcp_ports: self.tcp_ports.clone(),
                    clock: clock.clone(),
                };
                flying.spawn(look.run());
            }
            let Some(ended) = flying.join_next().await else { break };
            let mut found = Vec::new();
            let mut take = |ended: Result<Option<Found>, tokio::task::JoinError>| {
                done += 1;
                found.extend(ended.ok().flatten());
            };
            take(ended);
            while let Some(ended) = flying.try_join_next() {
                take(ended);
            }
            if out.send(Step { done, total, found }).await.is_err() {
                return;
            }
        }
    }
}

/// Which of the addresses answer an echo; none where this process may not send any.
async fn echoes(clock: &Clock, addresses: &[IpAddr]) -> HashSet<IpAddr> {
    let asked: Vec<IpAddr> = addresses.iter().copied().filter(|address| !address.is_loopback()).collect();
    let mut answered = HashSet::new();
    let mut pinger = Pinger::new(clock.clone());
    for version in [Version::V4, Version::V6] {
        if asked.iter().any(|address| Version::of(*address) == version) && pinger.open(version).is_err() {
            tracing::debug!(?version, "no echoes in this sweep: no permission or no such network");
        }
    }
    let mut events = Vec::new();
    let mut take = |events: &mut Vec<Event>| {
        for event in events.drain(..) {
            if let Event::Reply { token, .. } = event {
                answered.extend(usize::try_from(token).ok().and_then(|at| asked.get(at)).copied());
            }
        }
    };
    let mut last = clock.mono();
    for (burst, part) in asked.chunks(BURST).enumerate() {
        let deadline = clock.mono().plus(PATIENCE);
        let request = |(at, address): (usize, &IpAddr)| Request {
            to: SocketAddr::new(*address, 0),
            size: 32,
            route: Route::default(),
            whole: false,
            deadline,
            token: (burst * BURST + at) as u64,
        };
        let requests: Vec<Request> = part.iter().enumerate().map(request).collect();
        pinger.send(&requests, &mut events);
        last = deadline;
        clock.sleep(PAUSE).await;
        pinger.drain(&mut events);
        take(&mut events);
    }
    while !asked.is_empty() && clock.mono() < last {
        clock.sleep(PAUSE).await;
        pinger.drain(&mut events);
        take(&mut events);
    }
    answered
}

/// One address.
struct Look {
    address: IpAddr,
    icmp: bool,
    secrets: Vec<(String, Secret)>,
    snmp_port: u16,
    tcp_ports: Vec<u16>,
    clock: Clock,
}

/// What a device says of itself.
#[derive(Default)]
struct Said {
    secret: Option<String>,
    name: String,
    description: String,
    object_id: String,
    services: Option<i64>,
}

impl Look {
    async fn run(self) -> Option<Found> {
        let end = self.clock.mono().plus(PATIENCE);
        let tcp = self.ports(end).await;
        let alive = self.icmp || !tcp.is_empty();
        let said = self.snmp(if alive || self.secrets.len() < 2 { RETRIES } else { 0 }).await;
        if !alive && said.secret.is_none() {
            return None;
        }
        let kind = discovery::guess(&said.description, &said.object_id, said.services, &tcp);
        Some(Found {
            address: self.address,
            name: said.name,
            kind,
            icmp: self.icmp,
            tcp,
            secret: said.secret,
            description: said.description,
            object_id: said.object_id,
        })
    }

    async fn ports(&self, end: Mono) -> Vec<u16> {
        let mut open = Vec::new();
        let mut trying = JoinSet::new();
        for port in &self.tcp_ports {
            let (at, clock) = (SocketAddr::new(self.address, *port), self.clock.clone());
            trying.spawn(async move { tcp::connect(at, end, &clock).await.is_ok().then_some(at.port()) });
        }
        while let Some(ended) = trying.join_next().await {
            open.extend(ended.ok().flatten());
        }
        open.sort_unstable();
        open
    }

    /// Asks with one secret after the other; the first that is answered stays.
    async fn snmp(&self, retries: u32) -> Said {
        let at = SocketAddr::new(self.address, self.snmp_port);
        let oids: Vec<Oid> = [1_u32, 2, 5, 7].map(|n| Oid::from([1, 3, 6, 1, 2, 1, 1, n, 0])).into();
        let manner = Manner { timeout: PATIENCE, retries, strict_source: true };
        for (name, secret) in &self.secrets {
            let Ok(session) = Session::open(at, secret, manner).await else { continue };
            let Ok(values) = session.get(&oids).await else { continue };
            let mut said = Said { secret: Some(name.clone()), ..Said::default() };
            let value = |at: usize| oids.get(at).and_then(|oid| values.get(oid));
            let text = |at| match value(at) {
                Some(Value::OctetString(bytes)) => cut(&text::decode(bytes)),
                Some(Value::ObjectIdentifier(oid)) => cut(&oid.to_string()),
                _ => String::new(),
            };
            (said.description, said.object_id, said.name) = (text(0), text(1), text(2));
            if let Some(Value::Integer(n)) = value(3) {
                said.services = Some(i64::from(*n));
            }
            return said;
        }
        Said::default()
    }
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_echo_to_loopback_is_nobody() {
        let wanted =
            Wanted { ranges: vec!["127.77.0.0/29".into()], secrets: vec![], snmp_port: 1, tcp_ports: vec![] };
        let sweep = Sweep::new(&wanted, &Keys::new()).unwrap();
        assert_eq!(sweep.total(), 6);
        let mut sweeping = sweep.begin(Clock::system());
        let mut last = None;
        while let Some(step) = sweeping.steps.recv().await {
            assert!(step.found.is_empty(), "{step:?}");
            last = Some((step.done, step.total));
        }
        assert_eq!(last, Some((6, 6)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_of_silence_ends_in_time() {
        let wanted =
            Wanted { ranges: vec!["192.0.2.0/30".into()], secrets: vec![], snmp_port: 161, tcp_ports: vec![22] };
        let clock = Clock::system();
        let began = clock.mono();
        let mut sweeping = Sweep::new(&wanted, &Keys::new()).unwrap().begin(clock.clone());
        while sweeping.steps.recv().await.is_some() {}
        assert!(clock.mono().since(began) <= WITHIN);
    }
}
