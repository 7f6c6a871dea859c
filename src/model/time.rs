//! Time as values. Nobody here asks for the time: `Now` comes in from `net::clock`.
//! Intervals, windows and holds use `Mono`; records carry `Wall`.

use std::fmt;
use std::time::Duration;

/// Wall-clock time, milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(i64);

impl Wall {
    /// From milliseconds since the epoch, clamped to years 1 to 9999 so that it can always be printed.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(-62_135_596_800_000, 253_402_207_200_000))
    }
    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// Later by `by`.
    pub fn plus(self, by: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
    /// Earlier by `by`.
    pub fn minus(self, by: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
    /// How long after `earlier`; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let t: jiff::Timestamp = text.parse().ok()?;
        Some(Self::from_millis(t.as_millisecond()))
    }
}

impl fmt::Display for Wall {
    /// RFC 3339 UTC with milliseconds: `2026-11-24T22:08:39.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{t:.3}")
    }
}

/// Monotonic time since an origin that only this process knows; never stored, never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(Duration);

impl Mono {
    /// That long after the origin.
    pub const fn from_origin(since: Duration) -> Self {
        Self(since)
    }
    /// How long after the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }
    /// Later by `by`.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }
    /// Earlier by `by`, the origin at the earliest.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }
    /// How long after `earlier`; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
    /// The first multiple of `step` after the origin that is not before this; zero for `step` changes nothing.
    pub fn round_up(self, step: Duration) -> Self {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let steps = nanos(self.0).div_ceil(nanos(step).max(1));
        Self(Duration::from_nanos(steps.saturating_mul(nanos(step).max(1))))
    }
}

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What records carry.
    pub wall: Wall,
    /// What intervals are measured with.
    pub mono: Mono,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up_to_a_grid() {
        let at = |ms| Mono::from_origin(Duration::from_millis(ms));
        let rounded: Vec<Mono> = [0, 1, 20, 21].map(|ms| at(ms).round_up(Duration::from_millis(20))).to_vec();
        assert_eq!(rounded, [at(0), at(20), at(20), at(40)]);
        assert_eq!(at(7).round_up(Duration::ZERO), at(7));
        assert!(at(u64::MAX).round_up(Duration::from_millis(20)) > at(1 << 40));
    }

    #[test]
    fn wall_prints_rfc3339_with_milliseconds_and_reads_it_back() {
        let t = Wall::from_millis(1_700_000_000_005);
        assert_eq!(t.to_string(), "2023-11-14T22:13:20.005Z");
        assert_eq!(Wall::parse("2023-11-14T22:13:20.005Z"), Some(t));
        assert_eq!(Wall::parse("2023-11-15T06:13:20.005+08:00"), Some(t));
        assert_eq!(Wall::parse("yesterday"), None);
    }

    #[test]
    fn any_number_of_milliseconds_can_be_printed() {
        for ms in [i64::MIN, i64::MAX, 0] {
            assert!(!Wall::from_millis(ms).to_string().is_empty());
        }
    }
}
