//! Durations (`"900ms"`, `"10s"`, `"5m"`, `"1h"`, `"1d"`) and capacities (`"155Mbps"`) as people write them.

use std::time::Duration;

/// Longest duration: 10 years, so that arithmetic on milliseconds never overflows.
pub const MAX_DURATION: Duration = Duration::from_secs(3650 * 86_400);

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const RATES: [(&str, u64); 5] =
    [("Tbps", 1_000_000_000_000), ("Gbps", 1_000_000_000), ("Mbps", 1_000_000), ("kbps", 1_000), ("bps", 1)];

/// Reads a whole number with a unit. The error says what is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a whole number and ms, s, m, h or d, such as \"900ms\" or \"10s\"";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (Ok(number), Some((_, ms))) = (number.parse::<u64>(), UNITS.iter().find(|(u, _)| *u == unit)) else {
        return Err(FORM.to_owned());
    };
    let duration = number.checked_mul(*ms).map(Duration::from_millis);
    duration.filter(|d| *d <= MAX_DURATION).ok_or_else(|| "at most 3650d".to_owned())
}

/// Writes a duration in the largest unit that keeps it whole.
pub fn format_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let (unit, per) = UNITS.iter().rev().find(|(_, per)| ms % per == 0).unwrap_or(&UNITS[0]);
    format!("{}{unit}", ms / per)
}

/// Reads a line rate into bit/s: `"1Gbps"`, `"2.5Gbps"`, `"155Mbps"`, `"64kbps"`.
pub fn parse_capacity(text: &str) -> Result<u64, String> {
    const FORM: &str = "write a number and kbps, Mbps or Gbps, such as \"155Mbps\" or \"2.5Gbps\"";
    let Some((number, per)) = RATES.iter().find_map(|(unit, per)| Some((text.strip_suffix(unit)?.trim_end(), per)))
    else {
        return Err(FORM.to_owned());
    };
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(FORM.to_owned());
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(*per).filter(|v| *v > 0).ok_or_else(|| "it must be above zero and fit".to_owned());
    }
    let value = number.parse::<f64>().map_err(|_| FORM.to_owned())? * *per as f64;
    // 1 Pbit/s: beyond any line, and exact in a double.
    if (1.0..=1e15).contains(&value) {
        Ok(value.round() as u64)
    } else {
        Err("it must be above zero and fit".to_owned())
    }
}

/// Writes bit/s in the largest unit that keeps it whole.
pub fn format_capacity(bps: u64) -> String {
    let (unit, per) = RATES.iter().find(|(_, per)| bps.is_multiple_of(*per)).unwrap_or(&RATES[4]);
    format!("{}{unit}", bps / per)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_written() {
        for (text, ms) in [("900ms", 900), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "10", "s", "1.5s", "-1s", "10 s", "10sec", "99999999999999999999s", "9999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn capacities_read_as_written() {
        for (text, bps) in
            [("1Gbps", 1_000_000_000), ("155Mbps", 155_000_000), ("2.5Gbps", 2_500_000_000), ("64kbps", 64_000)]
        {
            assert_eq!(parse_capacity(text), Ok(bps), "{text}");
        }
        for text in ["", "Gbps", "1G", "-1Gbps", "0Mbps", "1e3Mbps", "1gbps"] {
            assert!(parse_capacity(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ms in 0u64..=3650 * 86_400_000, bps in 1u64..=1_000_000_000_000_000) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_capacity(&format_capacity(bps)), Ok(bps));
        }
    }
}
