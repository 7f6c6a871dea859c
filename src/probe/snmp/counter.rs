//! From two readings of a counter to a growth that can be believed, or none.
//!
//! Why so careful: a reset taken for a wrap is a spike of gigabits that never was, and a wrap taken for a reset
//! a hole. Rules: a 64-bit counter that goes down was reset; a 32-bit one may have wrapped, but only if the
//! device and the counter did not restart and the line cannot have wrapped twice meanwhile; nothing is faster
//! than its line. It refuses to guess: whatever does not fit is `None`, and the next reading starts anew.

use std::time::Duration;

/// sysUpTime is 32 bits of hundredths: it starts again at 0 after 497 days.
pub(super) const UPTIME_WRAP: u64 = 1 << 32;
/// A counter is read a little before or after its sysUpTime, so a full line may look this much too fast.
const TOLERANCE: f64 = 1.05;
/// Closer readings say nothing: agents refresh their counters every second or slower.
pub(super) const MIN_ELAPSED: Duration = Duration::from_secs(1);
/// How far a device's clock may be off ours for a sysUpTime that wrapped, in hundredths: a minute.
const WRAP_SLACK: u64 = 6_000;

/// A counter as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Counter32.
    C32(u32),
    /// Counter64.
    C64(u64),
}

/// What is known about the time between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Between {
    /// By the device's clock.
    pub(super) elapsed: Duration,
    /// The device, its agent or the counter started anew, or may have.
    pub(super) restarted: bool,
    /// Speed of the line in bits a second.
    pub(super) speed: Option<f64>,
}

/// How much an octet counter grew.
pub(super) fn growth(before: Reading, now: Reading, between: &Between) -> Option<u64> {
    if between.restarted || between.elapsed < MIN_ELAPSED {
        return None;
    }
    let grown = match (before, now) {
        (Reading::C64(a), Reading::C64(b)) => b.checked_sub(a)?,
        (Reading::C32(a), Reading::C32(b)) => {
            // At 1 Gbit/s 32 bits of octets last 34 seconds.
            let wrap = between.speed.map(|speed| 2_f64.powi(32) * 8.0 / speed);
            match wrap {
                Some(seconds) if between.elapsed.as_secs_f64() >= seconds => return None,
                None if b < a => return None,
                _ => u64::from(b.wrapping_sub(a)),
            }
        }
        _ => return None, // the device changed its mind about the type
    };
    let fastest = between.speed.map_or(f64::INFINITY, |speed| speed * TOLERANCE);
    (rate(grown, between.elapsed) <= fastest).then_some(grown)
}

/// Bits a second.
pub(super) fn rate(octets: u64, elapsed: Duration) -> f64 {
    octets as f64 * 8.0 / elapsed.as_secs_f64()
}

/// What happened to a device's sysUpTime between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uptime {
    /// It went on, so long.
    Went(Duration),
    /// It started anew.
    Restarted,
}

/// By which a sysUpTime may stay behind our clock, beside a hundredth of the time.
const BEHIND: Duration = Duration::from_secs(60);

/// Compares two sysUpTimes (hundredths), `ours` apart by our clock. A smaller one is a restart, unless it is
/// where the old one must be after 497 days, or snmpEngineTime (seconds, before and now) went on as well.
pub(super) fn uptime(before: u32, now: u32, ours: Duration, engine: Option<(u32, u32)>) -> Uptime {
    if now >= before {
        let went = Duration::from_millis(u64::from(now - before) * 10);
        // It took longer than it says to have been up: it started anew, and was up longer before it was asked again.
        if !went.is_zero() && went + BEHIND + ours / 100 < ours {
            return Uptime::Restarted;
        }
        // An agent that answers a stale sysUpTime would make every rate infinite.
        return Uptime::Went(if went.is_zero() { ours } else { went });
    }
    let expected = u64::from(before) + u64::try_from(ours.as_millis() / 10).unwrap_or(u64::MAX / 2);
    let wrapped = u64::from(now) + UPTIME_WRAP;
    let engine_went_on = engine.is_some_and(|(a, b)| b > a);
    let fits = expected.abs_diff(wrapped) <= WRAP_SLACK;
    if fits && engine.is_none_or(|_| engine_went_on) {
        Uptime::Went(Duration::from_millis((wrapped - u64::from(before)) * 10))
    } else {
        Uptime::Restarted
    }
}

/// Seconds up: sysUpTime, plus the wraps that snmpEngineTime tells of, or else those that were seen.
pub(super) fn uptime_seconds(ticks: u32, engine: Option<u32>, seen: u32) -> f64 {
    let seen = u64::from(seen);
    let wraps = match engine {
        Some(seconds) => {
            let hundredths = u64::from(seconds) * 100;
            let wraps = (hundredths + UPTIME_WRAP / 2).saturating_sub(u64::from(ticks)) / UPTIME_WRAP;
            // Engine time runs from the agent's last start, sysUpTime too: they agree up to seconds, or tell nothing.
            let fits = (u64::from(ticks) + wraps * UPTIME_WRAP).abs_diff(hundredths) <= WRAP_SLACK;
            if fits { wraps } else { seen }
        }
        None => seen,
    };
    (u64::from(ticks) + wraps * UPTIME_WRAP) as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::Reading::{C32, C64};
    use super::*;

    const G: Option<f64> = Some(1e9);

    #[test]
    fn growth_is_believed_or_left_out() {
        let cases = [
            ("64 bits grow", C64(100), C64(1100), 10, false, G, Some(1000)),
            ("64 bits going down were reset, never wrapped", C64(u64::MAX - 5), C64(5), 10, false, G, None),
            ("32 bits grow", C32(100), C32(1100), 10, false, G, Some(1000)),
            ("32 bits wrap once within the wrap time", C32(u32::MAX - 99), C32(900), 10, false, G, Some(1000)),
            ("32 bits down, but the device restarted", C32(u32::MAX - 99), C32(900), 10, true, G, None),
            ("32 bits down, after more than the wrap time", C32(u32::MAX - 99), C32(900), 35, false, G, None),
            ("32 bits up, after more than the wrap time", C32(100), C32(1100), 35, false, G, None),
            ("32 bits down on a line of unknown speed", C32(u32::MAX - 99), C32(900), 10, false, None, None),
            ("32 bits up on a line of unknown speed", C32(100), C32(1100), 300, false, None, Some(1000)),
            ("a 32-bit reset looks like a wrap faster than the line", C32(5), C32(4), 10, false, G, None),
            ("a full line", C64(0), C64(1_250_000_000), 10, false, G, Some(1_250_000_000)),
            ("4 % over the line is timing", C64(0), C64(1_300_000_000), 10, false, G, Some(1_300_000_000)),
            ("6 % over the line is no rate", C64(0), C64(1_330_000_000), 10, false, G, None),
            ("64 bits grow, but the device restarted", C64(100), C64(1100), 10, true, G, None),
            ("the type changed", C32(100), C64(1100), 10, false, G, None),
            ("too close", C64(100), C64(1100), 0, false, G, None),
        ];
        for (name, before, now, seconds, restarted, speed, want) in cases {
            let between = Between { elapsed: Duration::from_secs(seconds), restarted, speed };
            assert_eq!(growth(before, now, &between), want, "{name}");
        }
    }

    #[test]
    fn a_smaller_uptime_is_a_restart_unless_it_had_to_wrap() {
        let minute = Duration::from_secs(60);
        let went = |seconds| Uptime::Went(Duration::from_secs(seconds));
        let near = u32::MAX - 2999; // half a minute before the wrap
        for (name, before, now, engine, want) in [
            ("it went on", 1000, 7100, None, went(61)),
            ("stale", 1000, 1000, None, went(60)),
            ("restarted", 500_000, 3000, None, Uptime::Restarted),
            ("497 days", near, 3000, None, went(60)),
            ("497 days, and the engine went on", near, 3000, Some((42_949_000, 42_949_060)), went(60)),
            (
                "restarted just before 497 days, as the engine tells",
                near,
                3000,
                Some((42_949_000, 30)),
                Uptime::Restarted,
            ),
            ("long before the wrap", u32::MAX / 2, 3000, Some((1, 61)), Uptime::Restarted),
        ] {
            assert_eq!(uptime(before, now, minute, engine), want, "{name}");
        }
        // Up for 40 s, then for 60 s, ten minutes later.
        assert_eq!(uptime(4_000, 6_000, minute * 10, None), Uptime::Restarted);
        assert_eq!(uptime(4_000, 4_000 + 55_000, minute * 10, None), went(550), "a clock that is slow");
    }

    #[test]
    fn the_engine_tells_of_wraps_of_the_uptime() {
        assert_eq!(uptime_seconds(12_345, None, 0), 123.45);
        assert_eq!(uptime_seconds(12_345, None, 1), 42_949_796.41, "it was there when it began anew");
        assert_eq!(uptime_seconds(12_345, Some(123), 0), 123.45);
        assert_eq!(uptime_seconds(12_345, Some(42_949_796), 0), 42_949_796.41);
        assert_eq!(uptime_seconds(12_345, Some(9_999), 0), 123.45, "an engine that started otherwise tells nothing");
    }
}
