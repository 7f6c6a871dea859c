//! How long to wait after a failure: exponential with full jitter, so that the agents of a region do not
//! come back to a console in one wave.

use std::time::Duration;

/// The first ceiling.
const FIRST: Duration = Duration::from_millis(500);
/// The last ceiling: a console that is back has all agents within a minute.
const LAST: Duration = Duration::from_secs(60);
/// Never less, so that a failure at once does not spin.
const FLOOR: Duration = Duration::from_millis(50);
/// What a console may ask for with `Retry-After`.
const RETRY_AFTER: std::ops::RangeInclusive<u64> = 1..=300;
/// Share added to `Retry-After` at most, because all agents got the same number.
const SPREAD: f64 = 0.2;

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait; `random` is 0 to 1.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(random.clamp(0.0, 1.0)).max(FLOOR)
    }

    /// Something worked.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

/// The wait that `Retry-After: SECONDS` asks for; `None` if it is no number (a date is not worth reading).
pub(super) fn retry_after(header: Option<&str>, random: f64) -> Option<Duration> {
    let seconds: u64 = header?.trim().parse().ok()?;
    let asked = Duration::from_secs(seconds.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end()));
    Some(asked.mul_f64(1.0 + SPREAD * random.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_to_a_minute_and_start_again_after_success() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<f64> = (0..9).map(|_| backoff.next(1.0).as_secs_f64()).collect();
        assert_eq!(ceilings, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        for _ in 0..100 {
            assert_eq!(backoff.next(1.0), LAST);
        }
        backoff.reset();
        assert_eq!(backoff.next(0.0), FLOOR);
        assert_eq!(backoff.next(0.5), Duration::from_millis(500));
    }

    #[test]
    fn retry_after_is_obeyed_within_bounds_and_spread() {
        for (header, random, expected) in [
            (Some("10"), 0.0, Some(10.0)),
            (Some(" 10 "), 1.0, Some(12.0)),
            (Some("0"), 0.0, Some(1.0)),
            (Some("99999"), 0.0, Some(300.0)),
            (Some("Wed, 21 Oct 2026 07:28:00 GMT"), 0.0, None),
            (None, 0.0, None),
        ] {
            assert_eq!(retry_after(header, random).map(|d| d.as_secs_f64()), expected, "{header:?}");
        }
    }
}
