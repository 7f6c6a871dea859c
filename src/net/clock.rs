//! The only place that asks what time it is. Monotonic time is tokio's, so a test that pauses tokio's
//! clock pauses the program; wall time is the system's, plus an offset that tests of clock jumps turn.
//! It refuses to step back for anyone: whoever needs order uses `Mono`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::model::time::{Mono, Now, Wall};
use crate::net::sock;

/// How far before its first use the origin lies, so that a paused clock that was started a little earlier
/// still reads as a time after it.
const HEAD_START: Duration = Duration::from_secs(3600);

/// Reads of the clocks further apart than this were interrupted, and are tried again.
const STAMP_GAP: Duration = Duration::from_micros(50);
/// How often at most: a machine that is always this late gets what it gets.
const STAMP_TRIES: usize = 3;

/// Monotonic time and the kernel's wall time of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Monotonic time.
    pub mono: Mono,
    /// Since the epoch, to the nanosecond.
    pub wall: Duration,
}

/// Wall time that moved more than this against monotonic time was set, not slewed (500 ppm at most).
const CLOCK_STEP: Duration = Duration::from_millis(2);

/// When a packet left: as we sent it, and as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Departure {
    /// Just before it was handed to the kernel.
    pub before: Stamp,
    /// When the kernel handed it to the device, since the epoch.
    pub left: Option<Duration>,
}

impl Departure {
    /// How long it took until the kernel's stamp `arrived`, or without one until `now`, when that was read;
    /// unknown if the clock was set in between.
    pub fn took(&self, arrived: Option<Duration>, now: Stamp) -> Option<Duration> {
        let offset = |s: Stamp| s.wall.saturating_sub(s.mono.since_origin());
        let moved = offset(now).abs_diff(offset(self.before));
        if moved > CLOCK_STEP + now.mono.since(self.before.mono) / 1000 {
            return None;
        }
        arrived.unwrap_or(now.wall).checked_sub(self.left.unwrap_or(self.before.wall))
    }
}

/// How good the system's clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality {
    /// A time service keeps it in step with UTC.
    pub in_step: bool,
    /// How far off it may be: as its service estimates, or the most it can be where that says nothing.
    pub error: Duration,
}

/// The clock of this process. Clones read the same time, and so do clocks made apart.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    shift_ms: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { shift_ms: None }
    }

    /// The system's clock with its wall time moved by `ms`, which the owner may change at any time.
    pub const fn shifted(ms: Arc<AtomicI64>) -> Self {
        Self { shift_ms: Some(ms) }
    }

    /// Both clocks, read together.
    pub fn now(&self) -> Now {
        Now { wall: self.wall(), mono: self.mono() }
    }

    /// What records carry.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn wall(&self) -> Wall {
        let now = SystemTime::now();
        let ms = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        let shift = self.shift_ms.as_ref().map_or(0, |s| s.load(Ordering::Relaxed));
        Wall::from_millis(ms.saturating_add(shift))
    }

    /// What intervals are measured with.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn mono(&self) -> Mono {
        Mono::from_origin(Instant::now().saturating_duration_since(origin()))
    }

    /// Monotonic time with the wall time that the kernel's timestamps carry, read close together: their
    /// difference changes only when somebody sets the clock.
    #[expect(clippy::disallowed_methods, reason = "kernel timestamps are of the system's clock, never shifted")]
    pub fn stamp(&self) -> Stamp {
        let mut best = None;
        for _ in 0..STAMP_TRIES {
            let before = self.mono();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let gap = self.mono().since(before);
            if best.is_none_or(|(least, _)| gap < least) {
                best = Some((gap, Stamp { mono: before, wall }));
            }
            if gap < STAMP_GAP {
                break;
            }
        }
        best.map_or(Stamp::default(), |(_, stamp)| stamp)
    }

    /// How good the system's clock is, as the kernel has it. Where it may not be asked, the clock counts as not kept in
    /// step: nothing is concluded from it.
    pub fn quality(&self) -> Quality {
        sock::discipline().map_or(Quality::default(), |kernel| Quality {
            in_step: kernel.in_step,
            error: if kernel.estimated.is_zero() { kernel.most } else { kernel.estimated },
        })
    }

    /// Returns at `at`, at once if that is past.
    pub async fn sleep_until(&self, at: Mono) {
        tokio::time::sleep_until(origin() + at.since_origin()).await;
    }

    /// Returns after `for_`.
    pub async fn sleep(&self, for_: Duration) {
        tokio::time::sleep(for_).await;
    }

    /// What `work` gives, or nothing if it is not done by `deadline`.
    pub async fn until<T>(&self, deadline: Mono, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(origin() + deadline.since_origin(), work).await.ok()
    }
}

/// The same for all clocks of the process, so that their times compare.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    *ORIGIN.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(HEAD_START).unwrap_or(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleeping_moves_the_monotonic_clock_by_just_that() {
        let clock = Clock::system();
        let began = clock.mono();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.mono().since(began), Duration::from_secs(3600));
        clock.sleep_until(began.plus(Duration::from_secs(7200))).await;
        assert_eq!(Clock::system().mono().since(began), Duration::from_secs(7200));
        clock.sleep_until(began).await;
        assert_eq!(clock.mono().since(began), Duration::from_secs(7200));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_not_done_by_its_deadline_gives_nothing() {
        let clock = Clock::system();
        let deadline = clock.mono().plus(Duration::from_millis(10));
        assert_eq!(clock.until(deadline, clock.sleep(Duration::from_millis(5))).await, Some(()));
        assert_eq!(clock.until(deadline, std::future::pending::<()>()).await, None);
        assert_eq!(clock.mono(), deadline);
    }

    #[test]
    fn a_shifted_clock_jumps_in_wall_time_only() {
        let shift = Arc::new(AtomicI64::new(0));
        let (clock, plain) = (Clock::shifted(shift.clone()), Clock::system());
        shift.store(86_400_000, Ordering::Relaxed);
        assert!(clock.wall().since(plain.wall()) > Duration::from_secs(86_000));
        assert!(clock.mono().since(plain.mono()) < Duration::from_secs(60));
    }
}
