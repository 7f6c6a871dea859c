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
    in_zone(at, local_zone())
}

fn in_zone(at: Wall, zone: jiff::tz::TimeZone) -> String {
    let time = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

fn local_zone() -> jiff::tz::TimeZone {
    match super::env("TZ") {
        Some(_) => jiff::tz::TimeZone::system(),
        // Without TZ the system's own setting; a machine without one says UTC.
        None => jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC),
    }
}

/// Reads a time as people write it: RFC 3339, or `2026-11-29 01:00` here. Used by clap.
pub fn parse_time(text: &str) -> Result<Wall, String> {
    let local = || {
        let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", text).ok()?;
        let zoned = civil.to_zoned(local_zone()).ok()?;
        Some(Wall::from_millis(zoned.timestamp().as_millisecond()))
    };
    Wall::parse(text).or_else(local).ok_or_else(|| {
        pick(
            format!("`{text}` 不是时间；请写成 2026-11-29T01:00:00+08:00 或 \"2026-11-29 01:00\"（本地时间）"),
            format!("`{text}` is no time; write 2026-11-29T01:00:00+08:00, or \"2026-11-29 01:00\" for local time"),
        )
    })
}

/// Begin and end of a month here, `2026-11`; of the one that `now` is in if none is named, and no further than that.
pub fn local_month(month: Option<&str>, now: Wall) -> Result<(Wall, Wall), String> {
    month_in(month, now, local_zone()).ok_or_else(|| {
        let text = month.unwrap_or_default();
        pick(
            format!("`{text}` 不是月份；请写成 2026-11"),
            format!("`{text}` is no month that has begun; write 2026-11"),
        )
    })
}

fn month_in(month: Option<&str>, now: Wall, zone: jiff::tz::TimeZone) -> Option<(Wall, Wall)> {
    let here = jiff::Timestamp::from_millisecond(now.millis()).ok()?.to_zoned(zone.clone());
    let first = match month {
        Some(text) => jiff::civil::Date::strptime("%Y-%m-%d", format!("{text}-01")).ok()?,
        None => here.date().first_of_month(),
    };
    let next = first.checked_add(jiff::ToSpan::months(1)).ok()?;
    let wall = |date: jiff::civil::Date| {
        Some(Wall::from_millis(date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
    };
    let (from, to) = (wall(first)?, wall(next)?.min(now));
    (from < to).then_some((from, to))
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
    fn a_month_begins_and_ends_where_the_reader_is() {
        let month = |text: Option<&str>| {
            let now = Wall::parse("2026-11-28T06:00:00Z").unwrap();
            let span = month_in(text, now, jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
            span.map(|(from, to)| format!("{from} {to}"))
        };
        assert_eq!(month(None).as_deref(), Some("2026-10-31T16:00:00.000Z 2026-11-28T06:00:00.000Z"));
        assert_eq!(month(Some("2026-10")).as_deref(), Some("2026-09-30T16:00:00.000Z 2026-10-31T16:00:00.000Z"));
        assert_eq!([month(Some("2026-12")), month(Some("11"))], [None, None]);
        assert_eq!(parse_time("2026-11-29T01:00:00+08:00").unwrap(), Wall::parse("2026-11-28T17:00:00Z").unwrap());
        assert!(parse_time("2026-11-29 01:00").is_ok() && parse_time("tomorrow").is_err());
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
