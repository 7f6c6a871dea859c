//! What stands before a password: how often it may be tried for a name and from an address, and how many
//! hashes run at once. A name that is not there is guarded, and hashed, like one that is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::console::password;
use crate::console::store::types::{HashCost, StoreError};
use crate::console::throttle::Throttle;
use crate::model::{Mono, Now, SecretText, Wall};

/// Failures that lock a name.
pub(super) const TRIES: u32 = 5;
/// Within so long, and for so long.
pub(super) const LOCK: Duration = Duration::from_secs(15 * 60);
/// Names that are not there and were tried; the one tried first is forgotten.
const MAX_UNKNOWN: usize = 10_000;
/// Hashes at once: each takes 64 MiB and one core.
const HASHES: usize = 2;
/// Sign-ins that may wait for a hash: two seconds of them.
const WAITING: usize = 32;

/// Whose password is tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// A user.
    User(Arc<str>),
    /// Nobody, by the hash of the name that was given.
    Nobody(String),
}

/// Tries of one name.
#[derive(Debug, Clone, Copy)]
struct Guess {
    count: u32,
    first: Mono,
    until: Option<(Mono, Wall)>,
}

/// See the file.
pub(in crate::console::store) struct Guard {
    guesses: Mutex<HashMap<Whose, Guess>>,
    throttle: Throttle,
    cost: HashCost,
    decoy: String,
    permits: Arc<Semaphore>,
    waiting: Semaphore,
    hashes: AtomicU64,
}

impl Guard {
    /// With nothing tried yet.
    pub(super) fn new(cost: HashCost) -> Result<Self, StoreError> {
        Ok(Self {
            guesses: Mutex::default(),
            throttle: Throttle::default(),
            cost,
            decoy: password::decoy(cost)?,
            permits: Arc::new(Semaphore::new(HASHES)),
            waiting: Semaphore::new(WAITING),
            hashes: AtomicU64::new(0),
        })
    }

    fn guesses(&self) -> MutexGuard<'_, HashMap<Whose, Guess>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an address may try now.
    pub(super) fn lets(&self, from: &str, now: Mono) -> bool {
        address(from).is_none_or(|ip| self.throttle.wait(ip, now).is_zero())
    }

    /// An address was refused.
    pub(super) fn refused(&self, from: &str, now: Mono) {
        if let Some(ip) = address(from) {
            self.throttle.refused(ip, now);
        }
    }

    /// Counts a try before it is made, so that many at once are no more than one after another; or says until
    /// when the name is locked.
    pub(super) fn begin(&self, whose: &Whose, now: Now) -> Result<(), Wall> {
        let mut all = self.guesses();
        make_room(&mut all, whose);
        let fresh = Guess { count: 0, first: now.mono, until: None };
        let guess = all.entry(whose.clone()).or_insert(fresh);
        match guess.until {
            Some((until, wall)) if now.mono < until => return Err(wall),
            Some(_) => *guess = fresh,
            None if now.mono.since(guess.first) >= LOCK => *guess = fresh,
            None => {}
        }
        if guess.count >= TRIES {
            return Err(now.wall.plus(LOCK));
        }
        guess.count += 1;
        Ok(())
    }

    /// The try failed; says until when the name is locked from now on, if this was one too many.
    pub(super) fn failed(&self, whose: &Whose, now: Now) -> Option<Wall> {
        let mut all = self.guesses();
        let guess = all.get_mut(whose)?;
        if guess.count < TRIES || guess.until.is_some() {
            return None;
        }
        let until = now.wall.plus(LOCK);
        guess.until = Some((now.mono.plus(LOCK), until));
        Some(until)
    }

    /// The try was not made after all.
    pub(super) fn cancel(&self, whose: &Whose) {
        if let Some(guess) = self.guesses().get_mut(whose) {
            guess.count = guess.count.saturating_sub(1);
        }
    }

    /// Nothing counts any more: the right password came, or an administrator says so.
    pub(super) fn forget(&self, whose: &Whose) {
        self.guesses().remove(whose);
    }

    /// What the database knows of a user: failures within `LOCK`, and a lock.
    pub(super) fn recall(&self, user: &Arc<str>, failures: &[Wall], until: Option<Wall>, now: Now) {
        let within = |at: &&Wall| now.wall.since(**at) < LOCK;
        let count = u32::try_from(failures.iter().filter(within).count()).unwrap_or(TRIES).min(TRIES);
        let oldest = failures.iter().filter(within).min().map_or(now.mono, |at| now.mono.minus(now.wall.since(*at)));
        // A clock that was set back must not lock for longer than a lock lasts.
        let until = until.filter(|until| *until > now.wall);
        let until = until.map(|until| (now.mono.plus(until.since(now.wall).min(LOCK)), until));
        if count > 0 || until.is_some() {
            self.guesses().insert(Whose::User(user.clone()), Guess { count, first: oldest, until });
        }
    }

    /// Until when a user is locked by failures.
    pub(super) fn locked(&self, user: &Arc<str>, now: Mono) -> Option<Wall> {
        let (until, wall) = self.guesses().get(&Whose::User(user.clone()))?.until?;
        (now < until).then_some(wall)
    }

    /// Whether a password is right; `None` is the hash of no password. Nothing if too many wait.
    pub(super) async fn verify(&self, password: &SecretText, kept: Option<String>) -> Option<bool> {
        let (password, kept) = (password.clone(), kept.unwrap_or_else(|| self.decoy.clone()));
        self.run(move || password::verify(&password, &kept)).await
    }

    /// The hash of a password. Nothing if too many wait.
    pub(super) async fn hash(&self, password: &SecretText) -> Option<Result<String, StoreError>> {
        let (password, cost) = (password.clone(), self.cost);
        self.run(move || password::hash(&password, cost)).await
    }

    /// How many hashes were made.
    pub(super) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    async fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Option<R> {
        let _waiting = self.waiting.try_acquire().ok()?;
        // The permit goes with the work: whoever asked may go away, the hash goes on.
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.ok()
    }
}

fn make_room(all: &mut HashMap<Whose, Guess>, whose: &Whose) {
    if all.len() < MAX_UNKNOWN || all.contains_key(whose) {
        return;
    }
    let nobodies = all.iter().filter(|(whose, _)| matches!(whose, Whose::Nobody(_)));
    if let Some(oldest) = nobodies.min_by_key(|(_, guess)| guess.first).map(|(whose, _)| whose.clone()) {
        all.remove(&oldest);
    }
}

/// The address to count by: one IPv6 customer has a whole /64.
fn address(from: &str) -> Option<IpAddr> {
    let ip = from.parse::<IpAddr>().or_else(|_| from.parse::<std::net::SocketAddr>().map(|all| all.ip())).ok()?;
    Some(match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let since = Duration::from_secs(seconds);
        Now { wall: Wall::from_millis(0).plus(since), mono: Mono::from_origin(since) }
    }

    fn guard() -> Guard {
        Guard::new(HashCost { memory_kib: 8, passes: 1, lanes: 1 }).unwrap()
    }

    #[test]
    fn five_failures_lock_a_name_for_a_quarter_of_an_hour_whether_it_is_there_or_not() {
        for whose in [Whose::User("duty".into()), Whose::Nobody("x".to_owned())] {
            let guard = guard();
            for n in 0..5 {
                guard.begin(&whose, at(n)).unwrap();
                let until = guard.failed(&whose, at(n));
                assert_eq!(until, (n == 4).then(|| at(4 + 900).wall), "{n}");
            }
            assert_eq!(guard.begin(&whose, at(903)), Err(at(904).wall));
            assert_eq!(guard.begin(&whose, at(904)), Ok(()));
            assert_eq!(guard.failed(&whose, at(904)), None, "the count begins anew");
        }
    }

    #[test]
    fn many_tries_at_once_are_no_more_than_one_after_another() {
        let (guard, whose) = (guard(), Whose::User("duty".into()));
        let begun = (0..20).filter(|_| guard.begin(&whose, at(0)).is_ok()).count();
        assert_eq!(begun, 5);
        guard.cancel(&whose);
        assert!(guard.begin(&whose, at(0)).is_ok());
        guard.forget(&whose);
        assert!(guard.begin(&whose, at(0)).is_ok());
    }

    #[test]
    fn failures_of_long_ago_do_not_count() {
        let (guard, whose) = (guard(), Whose::User("duty".into()));
        for n in 0..20 {
            guard.begin(&whose, at(n * 300)).unwrap();
            assert_eq!(guard.failed(&whose, at(n * 300)), None);
        }
    }

    #[test]
    fn what_the_database_knows_comes_back_after_a_restart() {
        let user: Arc<str> = "duty".into();
        let fresh = guard();
        fresh.recall(&user, &[at(10_000).wall; 4], None, at(10_100));
        fresh.begin(&Whose::User(user.clone()), at(10_100)).unwrap();
        assert!(fresh.failed(&Whose::User(user.clone()), at(10_100)).is_some());
        let locked = guard();
        locked.recall(&user, &[], Some(at(10_500).wall), at(10_100));
        assert_eq!(locked.locked(&user, at(10_499).mono), Some(at(10_500).wall));
        assert_eq!(locked.locked(&user, at(10_500).mono), None);
        // The clock was set back by a day.
        let far = guard();
        far.recall(&user, &[], Some(at(96_400).wall), at(10_000));
        assert!(far.begin(&Whose::User(user), at(10_900)).is_ok());
    }

    #[test]
    fn an_address_is_what_stands_before_the_port_and_a_network_in_ipv6() {
        for (from, ip) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("10.0.0.1:443", Some("10.0.0.1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("[2001:db8:1:2:3:4:5:6]:1", Some("2001:db8:1:2::")),
            ("admin.sock", None),
        ] {
            assert_eq!(address(from), ip.map(|ip| ip.parse().unwrap()), "{from}");
        }
    }
}
