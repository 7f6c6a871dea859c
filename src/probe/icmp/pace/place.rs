//! Where targets stand: names are looked up again and again without holding anyone up, and the socket of an
//! address's family is made when it is first needed. What is lacking goes to `limits`, with a remedy.

use std::net::SocketAddr;
use std::time::Duration;

use super::Pacer;
use crate::codec::icmp::Version;
use crate::model::observation::Cause;
use crate::model::plan::Task;
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::icmp::Mode;
use crate::net::resolver::{literal, resolve};
use crate::probe::Run;

/// How long an address stands for a name before it is looked up again.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);
/// How soon a socket that could not be made is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(10);

/// Where a task's target stands.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) fixed: bool,
    pub(super) address: Option<SocketAddr>,
    pub(super) found_at: Mono,
    pub(super) asking: bool,
}

impl Place {
    pub(super) fn of(task: &Task) -> Self {
        let host = task.target.host.clone().unwrap_or_default();
        let address = literal(&host, 0);
        Self { fixed: address.is_some(), host, address, found_at: Mono::default(), asking: false }
    }
}

impl Pacer {
    /// Makes sure that there is a socket; says in `limits` what it lacks.
    pub(super) fn open(&mut self, version: Version, now: Mono) -> Result<(), NetError> {
        if self.pinger.is_open(version) {
            return Ok(());
        }
        let (topic, at) = match version {
            Version::V4 => ("icmp-v4", 0),
            Version::V6 => ("icmp-v6", 1),
        };
        if let Some(Some((until, error))) = self.closed.get(at)
            && now < *until
        {
            return Err(error.clone());
        }
        match self.pinger.open(version) {
            Ok(Mode::Raw) => {
                self.cx.limits.clear(topic);
                Ok(())
            }
            Ok(Mode::Ping) => {
                let text = "no CAP_NET_RAW: echoes go through an unprivileged ping socket (one identifier, at most \
                            65,536 outstanding); setcap cap_net_raw+ep gives the raw socket";
                if self.cx.limits.set(topic, text) {
                    tracing::info!(topic, "{text}");
                }
                Ok(())
            }
            Err(error) => {
                let remedy = match error.cause {
                    Cause::Permission => {
                        "; give the binary CAP_NET_RAW (setcap cap_net_raw+ep) or the group a place in \
                         net.ipv4.ping_group_range"
                    }
                    Cause::Unsupported => "; this host does not speak this version of IP",
                    _ => "",
                };
                let error = NetError::new(error.cause, format!("{}{remedy}", error.detail));
                if self.cx.limits.set(topic, error.detail.clone()) {
                    tracing::warn!(topic, "{error}");
                }
                if let Some(closed) = self.closed.get_mut(at) {
                    *closed = Some((now.plus(OPEN_AGAIN), error.clone()));
                }
                Err(error)
            }
        }
    }

    /// Asks for the address of a name that is not known, or not any more.
    pub(super) fn look_up(&mut self, slot: usize, now: Mono) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let place = &mut watched.place;
        let fresh = place.address.is_some() && now.since(place.found_at) < RESOLVE_EVERY;
        if place.fixed || place.asking || fresh {
            return;
        }
        place.asking = true;
        let (host, family, ask) = (place.host.clone(), watched.wants.family, self.ask.clone());
        tokio::spawn(async move {
            let found = resolve(&host, 0, family).await;
            // The pacer is gone when nobody listens.
            let _ = ask.send((slot, host, found)).await;
        });
    }

    /// The resolver answered.
    pub(super) fn found(&mut self, slot: usize, host: &str, found: Result<Vec<SocketAddr>, NetError>) {
        let now = self.cx.clock.mono();
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if watched.place.host != host {
            return;
        }
        watched.place.asking = false;
        if let Ok(addresses) = &found {
            let same = watched.place.address.filter(|a| addresses.contains(a));
            watched.place.address = same.or_else(|| addresses.first().copied());
            watched.place.found_at = now;
        }
        let address = watched.place.address;
        let waiting: Vec<u32> =
            watched.flights.iter().filter(|f| f.to.is_none() && f.done.is_none()).map(|f| f.number).collect();
        for number in waiting {
            match &found {
                Ok(_) => {
                    if let Some((_, _, flight)) = self.flight(slot, number) {
                        flight.to = address;
                    }
                    self.packet(slot, number, now);
                }
                Err(error) => {
                    let took = self.flight(slot, number).map_or(Duration::ZERO, |(_, _, f)| now.since(f.start));
                    self.settle(slot, number, Run::error(error.clone(), Vec::new(), took));
                }
            }
        }
    }
}
