//! Whom a STAMP reflector answers, and with which number. It counts each session by itself, gives no source more than
//! its rate and all of them no more than theirs, and holds a bounded number of both; where there is no room for one
//! more session it answers as a stateless reflector does, so that the round trip is still measured.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::Mono;

/// Sessions counted at once: ten of each of four hundred neighbours, in about half a megabyte.
pub const MAX_SESSIONS: usize = 4096;
/// Sources whose rate is watched at once.
pub const MAX_SOURCES: usize = 4096;
/// A session without a packet for so long is over (the default of RFC 8762's YANG model is 900 s).
pub const SESSION_IDLE: Duration = Duration::from_secs(900);
/// A source without a packet for so long has its full rate again and need not be remembered.
const SOURCE_IDLE: Duration = Duration::from_secs(10);
/// What is over is looked for at most this often, so that a full table costs no search a packet.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A source may send so much at once that its rate would take this long for.
const BURST: Duration = Duration::from_secs(1);

/// How much is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Packets a second from one address.
    pub source: u32,
    /// Packets a second from all.
    pub total: u32,
}

/// What tells a session from others: both ends and the identifier its sender chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The sender's address.
    pub from: IpAddr,
    /// Its port.
    pub port: u16,
    /// The address it asked, where that is known.
    pub to: Option<IpAddr>,
    /// Its identifier (RFC 8972), or 0.
    pub ssid: u16,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer with this number of the session's own count.
    Own(u32),
    /// Answer with the request's number: there is no room to count one more session.
    Copied,
    /// Do not answer: its source has had its rate.
    SourceRate,
    /// Do not answer: all together have had theirs.
    TotalRate,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    next: u32,
    seen: Mono,
}

/// Fills with time and is emptied by packets.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Mono,
}

impl Bucket {
    fn full(rate: u32, now: Mono) -> Self {
        Self { tokens: f64::from(rate) * BURST.as_secs_f64(), at: now }
    }

    fn fill(&mut self, rate: u32, now: Mono) {
        let most = f64::from(rate) * BURST.as_secs_f64();
        self.tokens = (self.tokens + now.since(self.at).as_secs_f64() * f64::from(rate)).min(most);
        self.at = now;
    }

    fn take(&mut self, rate: u32, now: Mono) -> bool {
        self.fill(rate, now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// The sessions of a reflector.
#[derive(Debug)]
pub struct Sessions {
    rates: Rates,
    sessions: HashMap<SessionKey, Session>,
    sources: HashMap<IpAddr, Bucket>,
    total: Bucket,
    swept: Mono,
}

impl Sessions {
    /// None yet.
    pub fn new(rates: Rates, now: Mono) -> Self {
        let total = Bucket::full(rates.total, now);
        Self { rates, sessions: HashMap::new(), sources: HashMap::new(), total, swept: now }
    }

    /// A request that is well-formed, and signed where that is asked for.
    pub fn ask(&mut self, key: SessionKey, now: Mono) -> Verdict {
        self.sweep(now);
        if !self.source_may(key.from, now) {
            return Verdict::SourceRate;
        }
        if !self.total.take(self.rates.total, now) {
            return Verdict::TotalRate;
        }
        let room = self.sessions.len() < MAX_SESSIONS;
        match self.sessions.get_mut(&key) {
            Some(session) => {
                let number = session.next;
                *session = Session { next: number.wrapping_add(1), seen: now };
                Verdict::Own(number)
            }
            None if room => {
                self.sessions.insert(key, Session { next: 1, seen: now });
                Verdict::Own(0)
            }
            None => Verdict::Copied,
        }
    }

    /// How many sessions are counted.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Sources beyond the table share what is left of the total.
    fn source_may(&mut self, from: IpAddr, now: Mono) -> bool {
        let rate = self.rates.source;
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&from) {
            return true;
        }
        self.sources.entry(from).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    fn sweep(&mut self, now: Mono) {
        if now.since(self.swept) < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        self.sessions.retain(|_, session| now.since(session.seen) < SESSION_IDLE);
        self.sources.retain(|_, bucket| now.since(bucket.at) < SOURCE_IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { source: 10, total: 1000 };

    fn at(ms: u64) -> Mono {
        Mono::default().plus(Duration::from_millis(ms))
    }

    fn key(host: u32, port: u16) -> SessionKey {
        SessionKey { from: IpAddr::from(host.to_be_bytes()), port, to: None, ssid: 0 }
    }

    #[test]
    fn each_session_has_a_count_of_its_own_until_it_is_over() {
        let mut all = Sessions::new(RATES, at(0));
        let other = SessionKey { ssid: 7, ..key(1, 1) };
        for n in 0..3 {
            assert_eq!(all.ask(key(1, 1), at(n)), Verdict::Own(n as u32));
            assert_eq!(all.ask(other, at(n)), Verdict::Own(n as u32));
        }
        assert_eq!(all.ask(key(1, 1), at(899_000)), Verdict::Own(3));
        assert_eq!((all.len(), all.is_empty()), (2, false));
        assert_eq!(all.ask(other, at(901_000)), Verdict::Own(0), "it was over");
        assert_eq!(all.ask(key(1, 1), at(901_000)), Verdict::Own(4));
    }

    #[test]
    fn a_source_gets_its_rate_and_the_others_theirs() {
        let mut all = Sessions::new(RATES, at(0));
        let answered = |all: &mut Sessions, ms: u64, host: u32| {
            (0..100).filter(|port| all.ask(key(host, *port), at(ms)) != Verdict::SourceRate).count()
        };
        assert_eq!(answered(&mut all, 0, 1), 10, "what a second's rate is, at once");
        assert_eq!(answered(&mut all, 0, 2), 10);
        assert_eq!(answered(&mut all, 500, 1), 5);
        assert_eq!(answered(&mut all, 60_500, 1), 10, "and no more for having been silent");
    }

    #[test]
    fn all_together_get_theirs() {
        let mut all = Sessions::new(RATES, at(0));
        let verdicts: Vec<Verdict> = (0..2000).map(|host| all.ask(key(host, 1), at(0))).collect();
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::TotalRate).count(), 1000);
        assert_eq!(all.ask(key(5, 1), at(10)), Verdict::Own(1), "it comes back with time");
    }

    #[test]
    fn tables_are_bounded_and_a_full_one_still_answers() {
        let mut all = Sessions::new(Rates { source: 10, total: 1_000_000 }, at(0));
        for host in 0..3 * MAX_SESSIONS as u32 {
            let wanted = if (host as usize) < MAX_SESSIONS { Verdict::Own(0) } else { Verdict::Copied };
            assert_eq!(all.ask(key(host, 1), at(1)), wanted);
        }
        assert_eq!((all.len(), all.sources.len()), (MAX_SESSIONS, MAX_SOURCES));
        assert_eq!(all.ask(key(0, 1), at(2)), Verdict::Own(1), "who was there first keeps its count");
        // The storm is over.
        assert_eq!(all.ask(key(99_999, 1), at(1_000_000)), Verdict::Own(0));
        assert_eq!((all.len(), all.sources.len()), (1, 1));
    }
}
