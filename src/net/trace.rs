//! Packets of one flow that die a given number of hops away, and who said so. ICMP echoes by a raw or a ping
//! socket; UDP datagrams, which need no privilege at all, where that is wanted or where ICMP is not allowed. All
//! packets of a tracer look the same to routers that share load between paths (addresses, ports or identifier,
//! checksum), so they take one path. It decides nothing: neither which hop is asked next, nor when to give up.

mod udp; // datagrams and the error queue

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::codec::icmp::{Version, Why};
use crate::model::observation::Cause;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::icmp::{Event, Pinger, Request};
use crate::net::sock::Route;
use crate::net::trace::udp::Udp;

/// Bytes of payload: a cookie, the word that levels the checksum, and what smaller routers want to see at all.
const SIZE: usize = 32;
/// An answer after this long is of no use to any trace.
const USEFUL: Duration = Duration::from_secs(10);

/// By which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Echo requests.
    Icmp,
    /// Datagrams to a port where nobody listens.
    Udp,
}

/// What became of a packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whose.
    pub token: u32,
    /// Who answered.
    pub by: Option<IpAddr>,
    /// How long it took.
    pub rtt: Option<Duration>,
    /// What was said.
    pub what: Said,
}

/// What was said of a packet.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It died on the way, as it was meant to.
    Exceeded,
    /// It reached the target.
    Arrived,
    /// Somebody will not or cannot pass it on, in these words.
    Refused(&'static str),
    /// It did not leave this host.
    NotSent(NetError),
}

/// Sends and listens for one target.
#[derive(Debug)]
pub struct Tracer {
    clock: Clock,
    to: SocketAddr,
    route: Route,
    sender: Sender,
    events: Vec<Event>,
}

#[derive(Debug)]
enum Sender {
    Icmp(Box<Pinger>),
    Udp(Box<Udp>),
}

impl Tracer {
    /// Makes the sockets. `flow` is the identifier, or our port, if it is free. ICMP that is not allowed becomes UDP.
    pub fn open(clock: Clock, to: IpAddr, method: Method, flow: u16, route: Route) -> Result<Self, NetError> {
        let to = SocketAddr::new(to, 0);
        let udp = || Udp::open(clock.clone(), to.ip(), flow, route).map(|udp| Sender::Udp(Box::new(udp)));
        let sender = match method {
            Method::Udp => udp()?,
            Method::Icmp => {
                let mut pinger = Pinger::of_flow(clock.clone(), flow);
                match pinger.open(Version::of(to.ip())) {
                    Ok(_) => Sender::Icmp(Box::new(pinger)),
                    Err(error) if error.cause == Cause::Permission => udp()?,
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(Self { clock, to, route, sender, events: Vec::new() })
    }

    /// How it really goes.
    pub const fn method(&self) -> Method {
        match self.sender {
            Sender::Icmp(_) => Method::Icmp,
            Sender::Udp(_) => Method::Udp,
        }
    }

    /// Whether only one packet at a time can be told from the others: routers that quote too little of it.
    pub fn one_at_a_time(&self) -> bool {
        matches!(&self.sender, Sender::Udp(udp) if udp.short_quotes())
    }

    /// Sends one packet that lives for `hops`.
    pub fn send(&mut self, hops: u8, token: u32, answers: &mut Vec<Answer>) {
        match &mut self.sender {
            Sender::Udp(udp) => udp.send(hops, token, answers),
            Sender::Icmp(pinger) => {
                let request = Request {
                    to: self.to,
                    size: SIZE,
                    route: Route { hops, ..self.route },
                    whole: false,
                    deadline: self.clock.mono().plus(USEFUL),
                    token: u64::from(token),
                };
                pinger.send(&[request], &mut self.events);
                self.take(answers);
            }
        }
    }

    /// Nobody waits for what was sent so far any more.
    pub fn give_up(&mut self) {
        if let Sender::Udp(udp) = &mut self.sender {
            udp.give_up();
        }
    }

    /// Reads what came in since the last time.
    pub fn drain(&mut self, answers: &mut Vec<Answer>) {
        match &mut self.sender {
            Sender::Udp(udp) => udp.drain(answers),
            Sender::Icmp(pinger) => {
                pinger.drain(&mut self.events);
                self.take(answers);
            }
        }
    }

    fn take(&mut self, answers: &mut Vec<Answer>) {
        let to = self.to.ip();
        answers.extend(self.events.drain(..).filter_map(|event| {
            let token = event.token() as u32;
            Some(match event {
                Event::Reply { rtt, .. } => Answer { token, by: Some(to), rtt, what: Said::Arrived },
                Event::Unreachable { why, by, rtt, .. } => Answer { token, by, rtt, what: said(why) },
                Event::NotSent { error, .. } => Answer { token, by: None, rtt: None, what: Said::NotSent(error) },
                Event::Duplicate { .. } => return None,
            })
        }));
    }
}

fn said(why: Why) -> Said {
    match why {
        Why::Exceeded => Said::Exceeded,
        Why::Port => Said::Arrived,
        why => Said::Refused(why.words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answers(method: Method, to: &str, hops: u8) -> (Method, Vec<Answer>) {
        let clock = Clock::system();
        let ip: IpAddr = to.parse().unwrap();
        let mut tracer = Tracer::open(clock.clone(), ip, method, 40_123, Route::default()).unwrap();
        let mut answers = Vec::new();
        for token in 0..3 {
            tracer.send(hops, token, &mut answers);
        }
        let give_up = clock.mono().plus(Duration::from_secs(5));
        while answers.len() < 3 && clock.mono() < give_up {
            tracer.drain(&mut answers);
            clock.sleep(Duration::from_millis(1)).await;
        }
        answers.sort_by_key(|answer| answer.token);
        (tracer.method(), answers)
    }

    #[tokio::test]
    async fn loopback_is_one_hop_away_by_either_protocol_and_family() {
        for (method, to) in [(Method::Icmp, "127.0.0.1"), (Method::Udp, "127.0.0.1"), (Method::Udp, "::1")] {
            let (really, got) = answers(method, to, 1).await;
            println!("{to}: {method:?} became {really:?}");
            let tokens: Vec<u32> = got.iter().map(|answer| answer.token).collect();
            assert_eq!(tokens, [0, 1, 2], "{to} by {method:?}: {got:?}");
            for answer in &got {
                assert_eq!((&answer.what, answer.by), (&Said::Arrived, Some(to.parse().unwrap())), "{got:?}");
                assert!(answer.rtt.is_some_and(|rtt| rtt < Duration::from_millis(50)), "{got:?}");
            }
        }
    }
}
