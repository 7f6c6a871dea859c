//! `[[calendar]]`, and `[[holidays]]`: the days of one year that several calendars share, such as those of the State
//! Council's notice. A set of holidays is one definition a year, so that next year's is a new file and no edit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::diag::did_you_mean;
use crate::config::reader::{Item, Table};
use crate::model::CalendarId;
use crate::model::calendar::{Calendar, DayKind, Hours, MonthDay, Season, Span};

use super::{CalendarDef, Origin, When};

/// What a definition writes instead of a calendar's id: that of the organisation whose object it is.
const ORGANISATION: &str = "organisation";
/// What a question about availability writes instead: the one within which the SLA counts.
const SLA: &str = "sla";
/// The time zone unless given: the one that offices in all of China keep.
const TIMEZONE: &str = "Asia/Shanghai";
/// Most stretches of a day, seasons of a year and sets of holidays: more is a mistake of a generator.
const MAX_LIST: usize = 12;
/// Years that holidays may be of.
const YEARS: (i64, i64) = (2000, 2100);

/// The days of one set in one year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holidays {
    pub(super) set: String,
    pub(super) year: i16,
    pub(super) days: BTreeMap<Date, DayKind>,
}

/// What a year of holidays is laid under: its set and year.
pub(super) fn key(table: &Table<'_>) -> Option<String> {
    let set = table.text("set", "\"cn\"");
    let year = table.int("year", YEARS.0, YEARS.1);
    if !table.has("year") {
        table.missing("year", "2027");
    }
    let set = set?;
    if CalendarId::new(set).is_err() {
        table
            .item("set")?
            .fault(format!("`{set}` is no name of a set"), "only a-z, 0-9, `.`, `_` and `-` are allowed");
        return None;
    }
    Some(format!("{set}-{}", year?))
}

/// Reads a year of holidays; nothing comes back if a mistake was reported.
pub(super) fn holidays(table: &Table<'_>) -> Option<Holidays> {
    let before = table.faults.count();
    let set = table.opt_text("set")?.to_owned();
    let year = i16::try_from(table.int("year", YEARS.0, YEARS.1)?).ok()?;
    let mut days = BTreeMap::new();
    for (name, kind) in [("off", DayKind::Off), ("work", DayKind::Work)] {
        for item in table.item(name).and_then(|item| item.list()).unwrap_or_default() {
            for date in dates(&item, year) {
                if days.insert(date, kind).is_some() {
                    item.fault(format!("{date} stands twice"), "a day is either off or worked");
                }
            }
        }
    }
    table.finish();
    (table.faults.count() == before).then_some(Holidays { set, year, days })
}

/// One date, or a text `"2026-10-01..2026-10-07"` with both ends included.
fn dates(item: &Item<'_>, year: i16) -> Vec<Date> {
    let read = |text: &str| text.trim().parse::<Date>().ok();
    let ends = if item.is_text() {
        item.text().and_then(|text| text.split_once("..")).and_then(|(a, b)| Some((read(a)?, read(b)?)))
    } else {
        let Some(date) = item.date().as_deref().and_then(read) else { return Vec::new() };
        Some((date, date))
    };
    // The holiday of new year's day may begin in December.
    let of_year = |d: &Date| d.year() == year || (d.year() == year - 1 && d.month() == 12);
    match ends {
        Some((from, to)) if from <= to && of_year(&from) && of_year(&to) => {
            from.series(1.day()).take_while(|date| *date <= to).collect()
        }
        Some((from, to)) if from > to => {
            item.fault(format!("{to} is before {from}"), "write the first day first");
            Vec::new()
        }
        Some((from, _)) => {
            item.fault(format!("{from} is not of {year}"), "put it with the holidays of its own year");
            Vec::new()
        }
        None => {
            item.fault(
                format!("an entry of `{}` is no days", item.key),
                "write 2026-10-01 or \"2026-10-01..2026-10-07\"",
            );
            Vec::new()
        }
    }
}

/// Reads a calendar; nothing comes back if a mistake was reported.
pub(super) fn read(
    id: &str,
    table: &Table<'_>,
    origin: Origin,
    known: &[Holidays],
    sets: &BTreeSet<&str>,
) -> Option<CalendarDef> {
    let before = table.faults.count();
    let taken = [
        (ORGANISATION, "that word means the calendar of an object's own organisation"),
        (SLA, "that word means the calendar within which an object's SLA counts"),
    ];
    if let Some((word, why)) = taken.into_iter().find(|(word, _)| *word == id) {
        table.fault(format!("a calendar cannot be called `{word}`"), why);
    }
    let timezone = match table.item("timezone") {
        None => TimeZone::get(TIMEZONE).ok(),
        Some(item) => item.text().and_then(|name| {
            let zone = TimeZone::get(name).ok();
            if zone.is_none() {
                item.fault(
                    format!("unknown time zone `{name}`"),
                    "an IANA name such as Asia/Shanghai or Asia/Urumqi",
                );
            }
            zone
        }),
    };
    if !table.has("hours") {
        table.missing("hours", "[\"10:00-14:00\", \"16:00-20:00\"]");
    }
    let hours = hours(table);
    let seasons: Vec<Season> = table.tables("season").iter().filter_map(season).collect();
    if seasons.len() > MAX_LIST {
        table.fault(format!("{} has more than {MAX_LIST} seasons", table.label()), "a year has a few");
    }
    let mut days = BTreeMap::new();
    let mut years: Option<BTreeSet<i16>> = None;
    for item in table.texts("holidays") {
        let Some(set) = item.text() else { continue };
        if !sets.contains(set) {
            item.fault(format!("unknown holidays `{set}`"), did_you_mean(set, sets.iter().copied()));
        }
        let of_set = || known.iter().filter(|h| h.set == set);
        // A later set adds to an earlier one and prevails over it: a region's own days over the country's.
        of_set().for_each(|h| days.extend(&h.days));
        let told: BTreeSet<i16> = of_set().map(|h| h.year).collect();
        years = Some(years.map_or(told.clone(), |years| &years & &told));
    }
    let title = |key| table.opt_text(key).unwrap_or(id).to_owned();
    let (zh, en) = (title("zh"), title("en"));
    table.finish();
    if table.faults.count() != before {
        return None;
    }
    let id = CalendarId::new(id).ok()?;
    let years = years.unwrap_or_default();
    Some(CalendarDef { calendar: Calendar { id, zh, en, timezone: timezone?, hours, seasons, days, years }, origin })
}

fn season(table: &Table<'_>) -> Option<Season> {
    table.name("a season");
    let day = |key: &'static str, example: &str| {
        let text = table.text(key, example)?;
        let day = MonthDay::parse(text);
        if let (None, Some(item)) = (day, table.item(key)) {
            item.fault(format!("`{text}` is no day of the year"), format!("write {key} = {example}"));
        }
        day
    };
    let (from, to) = (day("from", "\"10-01\""), day("to", "\"04-30\""));
    if !table.has("hours") {
        table.missing("hours", "[\"10:00-14:00\", \"15:30-19:30\"]");
    }
    let hours = hours(table);
    table.finish();
    Some(Season { from: from?, to: to?, hours })
}

fn hours(table: &Table<'_>) -> Hours {
    Hours { work: spans(table, "hours"), saturday: spans(table, "saturday"), sunday: spans(table, "sunday") }
}

/// Stretches of a day in order; those that touch or overlap are a mistake.
fn spans(table: &Table<'_>, key: &'static str) -> Vec<Span> {
    let items = table.texts(key);
    if items.len() > MAX_LIST
        && let Some(item) = table.item(key)
    {
        item.fault(format!("`{key}` has more than {MAX_LIST} stretches"), "a day has a few");
    }
    let mut all: Vec<Span> = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        match Span::parse(text) {
            Ok(span) if all.last().is_none_or(|last| last.to < span.from) => all.push(span),
            Ok(_) => item.fault(
                format!("`{text}` begins before the one before it has ended"),
                "write them in order and apart",
            ),
            Err(hint) => item.fault(format!("`{text}` is no stretch of a day"), hint),
        }
    }
    all
}

/// The `calendar` of a probe or a rule.
pub(super) fn when(table: &Table<'_>, known: &BTreeSet<&str>) -> Option<When> {
    let item = table.item("calendar")?;
    if item.text()? == ORGANISATION {
        return Some(When::Organisation);
    }
    let id: CalendarId = item.parsed()?;
    if !known.contains(id.as_str()) {
        let all = known.iter().copied().chain([ORGANISATION]);
        item.fault(format!("unknown calendar `{id}`"), did_you_mean(id.as_str(), all));
    }
    Some(When::Calendar(id))
}
