//! Slows down whoever guesses: after some refusals an address must wait. Bounded in memory; when it is full,
//! the address that has been quiet the longest is forgotten.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::Mono;

/// Refusals within `WINDOW` after which an address must wait: a person mistypes a token a few times.
const ALLOWED: u32 = 10;
/// The window, and the longest wait.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered.
const MAX_ADDRESSES: usize = 10_000;

/// Refusals by address.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<BTreeMap<IpAddr, (u32, Mono)>>);

impl Throttle {
    /// How long an address must wait before it may try; zero if it may.
    pub fn wait(&self, from: IpAddr, now: Mono) -> Duration {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&from) {
            Some((count, since)) if *count >= ALLOWED => WINDOW.saturating_sub(now.since(*since)),
            _ => Duration::ZERO,
        }
    }

    /// An address was refused.
    pub fn refused(&self, from: IpAddr, now: Mono) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ADDRESSES
            && !all.contains_key(&from)
            && let Some(oldest) = all.iter().min_by_key(|(_, (_, since))| *since).map(|(ip, _)| *ip)
        {
            all.remove(&oldest);
        }
        let entry = all.entry(from).or_insert((0, now));
        if now.since(entry.1) >= WINDOW {
            *entry = (0, now);
        }
        entry.0 = entry.0.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_refusals_a_minute_are_a_typing_person_and_the_next_must_wait() {
        let throttle = Throttle::default();
        let from: IpAddr = "10.0.0.1".parse().unwrap();
        let at = |s| Mono::from_origin(Duration::from_secs(s));
        for n in 0..10 {
            assert_eq!(throttle.wait(from, at(n)), Duration::ZERO);
            throttle.refused(from, at(n));
        }
        assert_eq!(throttle.wait(from, at(10)), Duration::from_secs(50));
        assert_eq!(throttle.wait("10.0.0.2".parse().unwrap(), at(10)), Duration::ZERO);
        assert_eq!(throttle.wait(from, at(60)), Duration::ZERO);
    }
}
