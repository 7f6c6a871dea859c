//! How often somebody may ask for extra runs on one object: a bucket of tokens each, so that a flapping rule
//! or an impatient person cannot turn a monitor into a load.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Mono, Object};

/// Runs at once: enough to confirm a judgement or to look three times by hand.
pub(super) const BURST: u32 = 5;
/// Then one every six seconds: ten a minute.
pub(super) const REFILL: Duration = Duration::from_secs(6);
/// Objects remembered; when it is full those with a full bucket go, and if none has, new ones are refused.
pub(super) const MAX_OBJECTS: usize = 20_000;

/// Token buckets by object.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: HashMap<Object, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    /// Up to here refills are counted.
    at: Mono,
}

impl Bucket {
    fn refill(&mut self, now: Mono) {
        let gained = u32::try_from(now.since(self.at).as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(BURST);
        self.at = if self.tokens == BURST { now } else { self.at.plus(REFILL.saturating_mul(gained)) };
    }
}

impl Limiter {
    /// Takes up to `count` tokens of the object and says how many there were.
    pub fn allow(&mut self, object: &Object, count: u32, now: Mono) -> u32 {
        if !self.buckets.contains_key(object) {
            if self.buckets.len() >= MAX_OBJECTS {
                self.buckets.retain(|_, bucket| {
                    bucket.refill(now);
                    bucket.tokens < BURST
                });
            }
            if self.buckets.len() >= MAX_OBJECTS {
                return 0;
            }
        }
        let bucket = self.buckets.entry(object.clone()).or_insert(Bucket { tokens: BURST, at: now });
        bucket.refill(now);
        let taken = count.min(bucket.tokens);
        bucket.tokens -= taken;
        taken
    }
}

/// The spacing that is used when that one is asked for.
pub(super) fn spacing(asked: Duration) -> Duration {
    asked.clamp(Duration::from_millis(200), Duration::from_secs(60))
}
