//! Words for people: Chinese when LC_ALL, LC_MESSAGES or LANG (the first that is set) starts with `zh`,
//! English otherwise. Both stand side by side at the place that says them, so neither can be forgotten.

use std::time::Duration;

use crate::model::Wall;

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language that the first set one of the locale variables asks for.
    pub fn of(locale: Option<&str>) -> Self {
        if locale.is_some_and(|l| l.to_ascii_lowercase().starts_with("zh")) { Self::Zh } else { Self::En }
    }
}

/// The language of this process.
pub fn lang() -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(super::env);
    Lang::of(locale.as_deref())
}

/// The one of two texts that the reader asked for.
pub fn pick<T>(zh: T, en: T) -> T {
    match lang() {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// Local time with zone, for tables.
pub fn local_time(at: Wall) -> String {
    let zone = match super::env("TZ") {
        Some(_) => jiff::tz::TimeZone::system(),
        // Without TZ the system's own setting; a machine without one says UTC.
        None => jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC),
    };
    in_zone(at, zone)
}

fn in_zone(at: Wall, zone: jiff::tz::TimeZone) -> String {
    let time = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A duration for people, its two largest units: `45s`, `3m 20s`, `2h 5m`, `4d 1h`.
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit} {small}{small_unit}") }
    };
    match s {
        0 => format!("{}ms", d.as_millis()),
        1..60 => format!("{s}s"),
        60..3_600 => two(s / 60, "m", s % 60, "s"),
        3_600..86_400 => two(s / 3_600, "h", s % 3_600 / 60, "m"),
        _ => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

/// Reads a duration as people write it: `30s`, `15m`, `2h`, `90d`, `500ms`. Used by clap.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        pick(
            format!("`{text}` 不是时长；请写成 30s、15m、2h 或 90d"),
            format!("`{text}` is no duration; write 30s, 15m, 2h or 90d"),
        )
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_asked_for_by_a_locale_that_starts_with_zh() {
        assert_eq!(Lang::of(Some("zh_CN.UTF-8")), Lang::Zh);
        for other in [None, Some("C"), Some("en_US.UTF-8"), Some("ug_CN")] {
            assert_eq!(Lang::of(other), Lang::En);
        }
    }

    #[test]
    fn times_in_tables_carry_their_zone() {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(in_zone(Wall::from_millis(1_700_000_000_005), zone), "2023-11-15 06:13:20 +08:00");
    }

    #[test]
    fn durations_read_and_print_as_people_write_them() {
        for (text, printed) in
            [("500ms", "500ms"), ("45s", "45s"), ("200s", "3m 20s"), ("120m", "2h"), ("97h", "4d 1h"), ("90d", "90d")]
        {
            assert_eq!(duration(parse_duration(text).unwrap()), printed);
        }
        for wrong in ["", "10", "s", "1w", "-1s", "99999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
