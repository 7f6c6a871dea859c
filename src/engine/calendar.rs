//! What a working calendar says of a moment: open or closed, when that changes, and how much of a period was open.
//! Pure: the calendar and the time are arguments, and the time zones' rules are part of the program.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan, Zoned};

use crate::model::Wall;
use crate::model::calendar::{Calendar, DayKind, Hours, MonthDay, Span};

/// How far ahead a change is looked for: past the longest holiday and the longest season.
const AHEAD_DAYS: u32 = 400;
/// The longest period whose open time is told: a little over the longest that is kept.
const MAX_DAYS: u32 = 10 * 366;

/// Whether it is open at that moment.
pub fn open_at(calendar: &Calendar, at: Wall) -> bool {
    let local = local(calendar, at);
    let minute = minute_of(&local);
    spans(calendar, local.date()).iter().any(|span| span.from <= minute && minute < span.to)
}

/// The first moment after `at` at which it opens or closes; `None` if it does neither within a year.
pub fn next_change(calendar: &Calendar, at: Wall) -> Option<Wall> {
    let mut closes = None;
    for (from, to) in days(calendar, at, AHEAD_DAYS).filter(|(_, to)| *to > at) {
        match closes {
            _ if from <= at => closes = Some(to),
            None => return Some(from),
            Some(end) if from <= end => closes = Some(to),
            Some(end) => return Some(end),
        }
    }
    closes
}

/// The open stretches of a period, in order, apart from each other, cut to the period.
pub fn open_spans(calendar: &Calendar, from: Wall, to: Wall) -> Vec<(Wall, Wall)> {
    let mut all: Vec<(Wall, Wall)> = Vec::new();
    for (begins, ends) in days(calendar, from, MAX_DAYS).take_while(|(begins, _)| *begins < to) {
        let (begins, ends) = (begins.max(from), ends.min(to));
        match all.last_mut() {
            _ if begins >= ends => {}
            Some((_, last)) if begins <= *last => *last = ends,
            _ => all.push((begins, ends)),
        }
    }
    all
}

/// How much of a period is open.
pub fn open_time(calendar: &Calendar, from: Wall, to: Wall) -> Duration {
    open_spans(calendar, from, to).iter().map(|(from, to)| to.since(*from)).sum()
}

/// A calendar asked again and again about times that lie close together: it looks only when the answer may have
/// changed.
#[derive(Debug, Clone)]
pub struct OpenNow {
    calendar: Arc<Calendar>,
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    from: Wall,
    until: Wall,
    open: bool,
}

impl OpenNow {
    /// Of a calendar.
    pub const fn new(calendar: Arc<Calendar>) -> Self {
        Self { calendar, known: None }
    }

    /// Whether it is open at that moment. Clocks that jump, also backwards, are answered right.
    pub fn at(&mut self, at: Wall) -> bool {
        match self.known {
            Some(known) if known.from <= at && at < known.until => known.open,
            _ => {
                let open = open_at(&self.calendar, at);
                let until = next_change(&self.calendar, at).unwrap_or(at.plus(Duration::from_secs(86_400)));
                self.known = Some(Known { from: at, until, open });
                open
            }
        }
    }
}

/// The stretches of one day, whatever they are called for.
pub fn spans(calendar: &Calendar, date: Date) -> &[Span] {
    let hours = hours(calendar, date);
    match (calendar.days.get(&date), date.weekday()) {
        (Some(DayKind::Off), _) => &[],
        (Some(DayKind::Work), _) => &hours.work,
        (None, Weekday::Saturday) => &hours.saturday,
        (None, Weekday::Sunday) => &hours.sunday,
        (None, _) => &hours.work,
    }
}

/// The hours in force on a day.
fn hours(calendar: &Calendar, date: Date) -> &Hours {
    let day = MonthDay::of(date);
    calendar.seasons.iter().find(|season| season.has(day)).map_or(&calendar.hours, |season| &season.hours)
}

/// Open stretches as moments, day by day from the day of `from` on.
fn days(calendar: &Calendar, from: Wall, most: u32) -> impl Iterator<Item = (Wall, Wall)> + '_ {
    let mut date = Some(local(calendar, from).date());
    (0..most)
        .map_while(move |_| {
            let today = date?;
            date = today.checked_add(1.day()).ok();
            Some(
                spans(calendar, today)
                    .iter()
                    .map(move |span| (moment(calendar, today, span.from), moment(calendar, today, span.to))),
            )
        })
        .flatten()
}

/// A minute of a day as a moment. Where a clock is put forward the minute that is skipped comes an hour later, as a
/// person would take it; the last minute of a day is the first of the next.
fn moment(calendar: &Calendar, date: Date, minute: u16) -> Wall {
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    let there = midnight.checked_add(i64::from(minute).minutes()).unwrap_or(midnight);
    let zoned = calendar.timezone.to_ambiguous_zoned(there).compatible();
    Wall::from_millis(zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
}

fn local(calendar: &Calendar, at: Wall) -> Zoned {
    let timestamp = Timestamp::from_millisecond(at.millis()).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(calendar.timezone.clone())
}

fn minute_of(local: &Zoned) -> u16 {
    u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::model::CalendarId;
    use crate::model::calendar::Season;

    fn list(text: &str) -> Vec<Span> {
        text.split_whitespace().map(|span| Span::parse(span).unwrap()).collect()
    }

    fn work(text: &str) -> Hours {
        Hours { work: list(text), ..Hours::default() }
    }

    /// An office in Aksu: later than Beijing, with another break in winter; National Day 2026 with its make-up days.
    fn office() -> Calendar {
        let day = |text: &str| MonthDay::parse(text).unwrap();
        let off = (1..=7).map(|d| (Date::constant(2026, 10, d), DayKind::Off));
        let made_up = [Date::constant(2026, 9, 20), Date::constant(2026, 10, 10)].map(|d| (d, DayKind::Work));
        Calendar {
            id: CalendarId::new("office").unwrap(),
            zh: String::new(),
            en: String::new(),
            timezone: TimeZone::get("Asia/Shanghai").unwrap(),
            hours: work("10:00-14:00 16:00-20:00"),
            seasons: vec![Season { from: day("10-01"), to: day("04-30"), hours: work("10:00-14:00 15:30-19:30") }],
            days: off.chain(made_up).collect::<BTreeMap<_, _>>(),
            years: BTreeSet::from([2026]),
        }
    }

    fn at(text: &str) -> Wall {
        Wall::parse(&format!("{text}:00+08:00")).unwrap()
    }

    #[test]
    fn hours_follow_season_weekday_and_single_days() {
        let calendar = office();
        for (text, open, why) in [
            ("2026-09-18T09:59", false, "before it opens"),
            ("2026-09-18T10:00", true, "the first minute"),
            ("2026-09-18T14:00", false, "the minute after the last"),
            ("2026-09-18T19:59", true, "summer hours"),
            ("2026-11-20T15:45", true, "winter hours"),
            ("2026-11-20T19:45", false, "winter hours"),
            ("2026-09-19T11:00", false, "a Saturday"),
            ("2026-09-20T11:00", true, "a Sunday that is worked"),
            ("2026-10-01T11:00", false, "a holiday on a Thursday"),
            ("2026-10-10T16:00", true, "a Saturday that is worked, by the winter's hours"),
            ("2026-10-11T11:00", false, "an ordinary Sunday"),
        ] {
            assert_eq!(open_at(&calendar, at(text)), open, "{text}: {why}");
        }
    }

    #[test]
    fn the_next_change_is_found_over_breaks_nights_and_holidays() {
        let calendar = office();
        for (now, next) in [
            ("2026-09-18T09:00", "2026-09-18T10:00"),
            ("2026-09-18T10:00", "2026-09-18T14:00"),
            ("2026-09-18T14:00", "2026-09-18T16:00"),
            ("2026-09-18T20:00", "2026-09-20T10:00"),
            ("2026-09-30T20:00", "2026-10-08T10:00"),
        ] {
            assert_eq!(next_change(&calendar, at(now)), Some(at(next)), "{now}");
        }
        let never = Calendar { hours: Hours::default(), seasons: Vec::new(), days: BTreeMap::new(), ..office() };
        assert_eq!(next_change(&never, at("2026-09-18T09:00")), None);
    }

    #[test]
    fn days_that_meet_at_midnight_are_one_stretch() {
        let all = list("00:00-24:00");
        let always = Hours { work: all.clone(), saturday: all.clone(), sunday: all };
        let night = Calendar { seasons: Vec::new(), days: BTreeMap::new(), hours: always, ..office() };
        let (from, to) = (at("2026-09-18T09:00"), at("2026-09-25T09:00"));
        assert_eq!(open_spans(&night, from, to), [(from, to)]);
        let hours = Hours { work: list("00:00-02:00 20:00-24:00"), ..Hours::default() };
        let shift = Calendar { hours, ..night };
        assert_eq!(next_change(&shift, at("2026-09-17T21:00")), Some(at("2026-09-18T02:00")));
    }

    #[test]
    fn a_month_has_as_many_open_hours_as_people_count() {
        // October 2026: 31 days, 9 weekend days, 7 days off (5 of them on weekdays), one Saturday made up for.
        let calendar = office();
        let open = open_time(&calendar, at("2026-10-01T00:00"), at("2026-11-01T00:00"));
        assert_eq!(open, Duration::from_secs((22 - 5 + 1) * 8 * 3_600));
        assert_eq!(open_time(&calendar, at("2026-10-02T00:00"), at("2026-10-02T00:00")), Duration::ZERO);
    }

    #[test]
    fn an_hour_that_a_clock_skips_comes_later_and_one_that_comes_twice_counts_twice() {
        let berlin = Calendar {
            timezone: TimeZone::get("Europe/Berlin").unwrap(),
            hours: Hours { sunday: list("01:00-04:00"), ..Hours::default() },
            seasons: Vec::new(),
            days: BTreeMap::new(),
            ..office()
        };
        let of = |day: &str| {
            let at = |time: &str| Wall::parse(&format!("{day}T{time}:00Z")).unwrap();
            open_time(&berlin, at("00:00"), at("12:00")).as_secs() / 3_600
        };
        assert_eq!((of("2026-03-29"), of("2026-10-25"), of("2026-06-28")), (2, 3, 2));
    }

    proptest! {
        #[test]
        fn spans_changes_and_moments_agree(start in 1_767_200_000_000_i64..1_800_000_000_000, hours in 1_u64..2_000) {
            let calendar = office();
            let (from, to) = (Wall::from_millis(start), Wall::from_millis(start).plus(Duration::from_secs(hours * 3_600)));
            let spans = open_spans(&calendar, from, to);
            prop_assert!(spans.windows(2).all(|w| w[0].1 < w[1].0));
            for (begins, ends) in &spans {
                prop_assert!(open_at(&calendar, *begins) && !open_at(&calendar, *ends) || *ends == to);
                let change = next_change(&calendar, *begins).unwrap();
                prop_assert_eq!(change.min(to), *ends);
            }
            let mut cached = OpenNow::new(Arc::new(calendar.clone()));
            for k in 0..50 {
                let moment = from.plus(Duration::from_secs(k * 1_931));
                prop_assert_eq!(cached.at(moment), open_at(&calendar, moment));
                prop_assert_eq!(spans.iter().any(|(b, e)| *b <= moment && moment < *e), open_at(&calendar, moment) && moment < to);
            }
        }
    }
}
