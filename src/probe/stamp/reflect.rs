//! The answering side of STAMP (RFC 8762), stateful: it counts every session by itself, so that whoever asks can tell
//! in which direction packets were lost. Runs in an agent whose settings say so, and as `fengsui stamp reflect`. It
//! answers nobody who is not allowed, nothing unsigned where there is a key, no source beyond its rate, nothing longer
//! than it was asked, and no answer: two reflectors never keep each other busy.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;

use crate::codec::stamp::{Estimate, Format, Key, Malformed, Reply, Stamp, read_reply, read_request, write_reply};
use crate::engine::reflector::{Rates, SessionKey, Sessions, Verdict};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::stamp::port::{Asked, Port};
use crate::net::stop::Stop;
use crate::probe::Limits;

/// A source's packets a second unless told: twenty targets of ours at five a second.
pub const SOURCE_RATE: u32 = 100;
/// All sources' packets a second: about a sixth of a core, and a hundred full sources.
pub const TOTAL_RATE: u32 = 10_000;
/// A port that could not be had is tried again this often.
const BIND_AGAIN: Duration = Duration::from_secs(30);
/// How good the clock is, is asked this often: it changes by the minute.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// A request that carries one of our own times of so recently is an answer to us in disguise.
const OWN_TIME: Duration = Duration::from_secs(10);
/// Batches read before others get their turn.
const BATCHES: usize = 16;
/// What was not answered goes to the log this often, if there was any.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Topic of its limits.
const TOPIC: &str = "reflector";

/// How it answers.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Answers only what is signed with it.
    pub key: Option<Key>,
    /// Whom it answers; everybody if empty.
    pub allow: Vec<IpNet>,
    /// How much.
    pub rates: Rates,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident $word:literal $zh:literal;)*) => {
        /// What became of requests since the start.
        #[derive(Debug, Default)]
        pub struct Counts { $($(#[$doc])* pub $name: AtomicU64,)* }

        impl Counts {
            /// All of them: word, Chinese, count.
            pub fn list(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$(($word, $zh, self.$name.load(Ordering::Relaxed)),)*]
            }

            /// Those that were not answered.
            fn unanswered(&self) -> u64 {
                let answered = [&self.answered, &self.stateless].map(|n| n.load(Ordering::Relaxed));
                self.list().iter().map(|(.., n)| n).sum::<u64>().saturating_sub(answered.iter().sum())
            }
        }
    };
}

counts! {
    /// Answered.
    answered "answered" "已应答";
    /// Answered with the sender's number: there was no room for one more session.
    stateless "answered without a count" "无状态应答";
    /// From a source that is not allowed.
    refused "source not allowed" "来源不允许";
    /// Too short.
    malformed "malformed" "报文残缺";
    /// Not signed with the key.
    unsigned "not signed with the key" "密钥不符";
    /// Beyond the rate of their source.
    source_rate "beyond the rate of their source" "超出单源速率";
    /// Beyond the rate of all.
    total_rate "beyond the rate of all" "超出总速率";
    /// Answers that came as requests.
    looped "answers, not requests" "并非请求的应答";
    /// Could not be sent.
    unsent "could not be sent" "发送失败";
}

/// Binds its port.
pub fn bind(terms: &Terms, clock: &Clock) -> Result<Port, NetError> {
    Port::bind(terms.listen, clock.clone()).map_err(|error| {
        let remedy = match error.cause {
            Cause::Permission => {
                "; ports below 1024 need a privilege: give a port from 1024 on (and `port` to those who ask), or lower \
                 net.ipv4.ip_unprivileged_port_start"
            }
            Cause::Send => "; another program has the port or this host lacks the address: choose another",
            _ => "",
        };
        NetError::new(error.cause, format!("{}{remedy}", error.detail))
    })
}

/// Answers until it is stopped; where the port cannot be had it says so in `limits` and tries again.
pub async fn run(terms: Terms, clock: Clock, limits: Arc<Limits>, counts: Arc<Counts>, stop: Stop) {
    while !stop.is_stopped() {
        match bind(&terms, &clock) {
            Ok(port) => {
                limits.clear(TOPIC);
                tracing::info!(address = %port.address(), "answering STAMP");
                return serve(port, terms, &clock, &counts, &stop).await;
            }
            Err(error) => {
                if limits.set(TOPIC, error.detail.clone()) {
                    tracing::warn!("{error}");
                }
            }
        }
        tokio::select! {
            () = clock.sleep(BIND_AGAIN) => {}
            () = stop.stopped() => {}
        }
    }
}

/// Answers on a port until it is stopped.
pub async fn serve(mut port: Port, terms: Terms, clock: &Clock, counts: &Counts, stop: &Stop) {
    let mut reflector = Reflector {
        sessions: Sessions::new(terms.rates, clock.mono()),
        estimate: estimate(clock),
        asked_clock: clock.mono(),
        told: (clock.mono(), 0),
        terms,
        clock: clock.clone(),
    };
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            () = port.wait() => {}
        }
        let mut batches = 0;
        while port.receive() > 0 {
            reflector.answer_all(&port, counts);
            batches += 1;
            if batches % BATCHES == 0 {
                tokio::task::yield_now().await;
                if stop.is_stopped() {
                    return;
                }
            }
        }
    }
}

struct Reflector {
    terms: Terms,
    sessions: Sessions,
    clock: Clock,
    estimate: u16,
    asked_clock: Mono,
    /// When the log was told last, and of how many.
    told: (Mono, u64),
}

fn estimate(clock: &Clock) -> u16 {
    let quality = clock.quality();
    Estimate { in_step: quality.in_step, format: Format::Ntp, error: quality.error }.to_wire()
}

impl Reflector {
    fn answer_all(&mut self, port: &Port, counts: &Counts) {
        let now = self.clock.mono();
        if now.since(self.asked_clock) >= CLOCK_EVERY {
            self.asked_clock = now;
            self.estimate = estimate(&self.clock);
        }
        if now.since(self.told.0) >= TELL_EVERY {
            let unanswered = counts.unanswered();
            if unanswered != self.told.1 {
                tracing::info!(unanswered, counts = ?counts.list(), "requests of STAMP that were not answered");
            }
            self.told = (now, unanswered);
        }
        for asked in port.asked() {
            let which = match self.reply(&asked, now) {
                Err(which) => which,
                Ok((mut reply, which)) => {
                    // The very last thing before it leaves, but for its signature.
                    reply.stamp = Stamp::ntp(self.clock.stamp().wall);
                    let bytes = write_reply(&reply, asked.bytes, self.terms.key.as_ref());
                    let unsent: Which = |c| &c.unsent;
                    if port.answer(&asked, &bytes).is_ok() { which } else { unsent }
                }
            };
            which(counts).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The answer but for the time it leaves, and what it counts as; or only the latter.
    fn reply(&mut self, asked: &Asked<'_>, now: Mono) -> Result<(Reply, Which), Which> {
        let from: IpAddr = asked.from.ip().to_canonical();
        if !self.terms.allow.is_empty() && !self.terms.allow.iter().any(|net| net.contains(&from)) {
            return Err(|c| &c.refused);
        }
        let key = self.terms.key.as_ref();
        let request = read_request(asked.bytes, key).map_err(|why| -> Which {
            match why {
                Malformed::Short { .. } => |c| &c.malformed,
                Malformed::Code => |c| &c.unsigned,
            }
        })?;
        if is_answer_to_us(asked, key) {
            return Err(|c| &c.looped);
        }
        let session = SessionKey { from, port: asked.from.port(), to: asked.to, ssid: request.ssid };
        let (seq, which): (u32, Which) = match self.sessions.ask(session, now) {
            Verdict::Own(number) => (number, |c| &c.answered),
            Verdict::Copied => (request.seq, |c| &c.stateless),
            Verdict::SourceRate => return Err(|c| &c.source_rate),
            Verdict::TotalRate => return Err(|c| &c.total_rate),
        };
        let reply = Reply {
            seq,
            stamp: Stamp::default(),
            estimate: self.estimate,
            ssid: request.ssid,
            received: Stamp::ntp(asked.at),
            asked_seq: request.seq,
            asked_stamp: request.stamp,
            asked_estimate: request.estimate,
            ttl: asked.ttl,
        };
        Ok((reply, which))
    }
}

/// Which count a request belongs to.
type Which = fn(&Counts) -> &AtomicU64;

/// Where a reply has the time of its request, a request has zeros or padding: a time of ours there means that another
/// reflector, asked in our name, answers what we sent.
fn is_answer_to_us(asked: &Asked<'_>, key: Option<&Key>) -> bool {
    let Ok(reply) = read_reply(asked.bytes, key) else { return false };
    let sent = reply.asked_stamp.nanos(Format::Ntp, asked.at);
    let now = i64::try_from(asked.at.as_nanos()).unwrap_or(i64::MAX);
    reply.asked_stamp != Stamp::default() && Duration::from_nanos(now.abs_diff(sent)) < OWN_TIME
}

#[cfg(test)]
mod tests;
