//! Working calendars (工作日历): when an organisation works. Hours by season and day of the week, and single days
//! that are otherwise: holidays, and the Saturdays and Sundays worked for them. The State Council announces those a
//! year at a time, so a calendar knows which years it was told. What is open when is `engine::calendar`'s to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::id::CalendarId;

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// A stretch of one day, in minutes after midnight; the end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Its first minute.
    pub from: u16,
    /// The minute after its last; `DAY` at most.
    pub to: u16,
}

impl Span {
    /// Reads `"10:00-14:00"`; the end may be `24:00`. The error is a hint.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write \"10:00-14:00\"";
        let (from, to) = text.split_once('-').ok_or(FORM)?;
        let (from, to) = (minute(from).ok_or(FORM)?, minute(to).ok_or(FORM)?);
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(
                "it ends before it begins; what goes past midnight is written as two, \"20:00-24:00\" and \"00:00-02:00\"",
            )
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, self.to / 60, self.to % 60)
    }
}

fn minute(text: &str) -> Option<u16> {
    let text = text.trim();
    if text == "24:00" {
        return Some(DAY);
    }
    let (hours, minutes) = text.split_once(':')?;
    let two = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
    let one_or_two = hours.len() == 1 && hours.bytes().all(|b| b.is_ascii_digit()) || two(hours);
    if !two(minutes) || !one_or_two {
        return None;
    }
    let time = Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()?;
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()
}

/// Hours of a week: the stretches of a working day, of a Saturday and of a Sunday, each in order and apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hours {
    /// Monday to Friday, and whatever day is worked instead of one.
    pub work: Vec<Span>,
    /// Saturday; usually none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saturday: Vec<Span>,
    /// Sunday; usually none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sunday: Vec<Span>,
}

/// A day of any year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MonthDay {
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
    pub day: i8,
}

impl MonthDay {
    /// Reads `"05-01"`; 29 February is a day.
    pub fn parse(text: &str) -> Option<Self> {
        let (month, day) = text.split_once('-')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A leap year has every day there is.
        Date::new(2024, month, day).ok().map(|_| Self { month, day })
    }

    /// The one of a date.
    pub fn of(date: Date) -> Self {
        Self { month: date.month(), day: date.day() }
    }
}

/// Other hours for a part of every year, both days included; it may go over new year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// Its first day.
    pub from: MonthDay,
    /// Its last day.
    pub to: MonthDay,
    /// Its hours.
    pub hours: Hours,
}

impl Season {
    /// Whether a day is in it.
    pub fn has(&self, day: MonthDay) -> bool {
        if self.from <= self.to { self.from <= day && day <= self.to } else { day >= self.from || day <= self.to }
    }
}

/// What a single day is, whatever its weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A holiday (休).
    Off,
    /// Worked (班).
    Work,
}

/// When an organisation works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Id.
    pub id: CalendarId,
    /// Name in Chinese.
    #[serde(default)]
    pub zh: String,
    /// Name in English.
    #[serde(default)]
    pub en: String,
    /// Whose clock its hours are on.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub timezone: TimeZone,
    /// Hours outside of all seasons.
    pub hours: Hours,
    /// Other hours; the first that has a day counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<Season>,
    /// Days that are otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<Date, DayKind>,
    /// Years whose holidays it was told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub years: BTreeSet<i16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_a_day_read_as_written() {
        for (text, from, to) in [("10:00-14:00", 600, 840), ("9:30-24:00", 570, DAY), ("00:00 - 00:01", 0, 1)] {
            assert_eq!(Span::parse(text), Ok(Span { from, to }), "{text}");
        }
        assert_eq!(Span::parse("09:05-14:00").unwrap().to_string(), "09:05-14:00");
        for text in ["", "10:00", "10-14", "10:60-11:00", "25:00-26:00", "24:00-24:00", "10:0-11:00", "+1:00-02:00"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        assert!(Span::parse("20:00-02:00").unwrap_err().contains("two"));
    }

    #[test]
    fn a_season_may_go_over_new_year() {
        let day = |text: &str| MonthDay::parse(text).unwrap();
        let winter = Season { from: day("10-01"), to: day("04-30"), hours: Hours::default() };
        for (text, inside) in [("09-30", false), ("10-01", true), ("01-01", true), ("04-30", true), ("05-01", false)]
        {
            assert_eq!(winter.has(day(text)), inside, "{text}");
        }
        assert!(MonthDay::parse("02-29").is_some());
        for text in ["02-30", "13-01", "5", "05/01", ""] {
            assert!(MonthDay::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_calendar_survives_the_wire() {
        let calendar = Calendar {
            id: CalendarId::new("office").unwrap(),
            zh: "作息".to_owned(),
            en: String::new(),
            timezone: TimeZone::get("Asia/Shanghai").unwrap(),
            hours: Hours { work: vec![Span { from: 600, to: 840 }], ..Hours::default() },
            seasons: Vec::new(),
            days: BTreeMap::from([(Date::constant(2026, 10, 1), DayKind::Off)]),
            years: BTreeSet::from([2026]),
        };
        let json = serde_json::to_string(&calendar).unwrap();
        assert!(json.contains(r#""timezone":"Asia/Shanghai""#) && json.contains(r#""2026-10-01":"off""#), "{json}");
        assert_eq!(serde_json::from_str::<Calendar>(&json).unwrap(), calendar);
    }
}
