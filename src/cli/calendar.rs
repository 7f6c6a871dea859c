//! `fengsui calendar`: working calendars as the definitions have them, and a year's holidays into a definition.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::json;

use super::client::unreadable;
use super::json::show;
use super::text::{local_time, pick};
use super::{Answer, Exit, Failure, Format, print, say};
use crate::config::defs::{self, CalendarDef, Definitions};
use crate::config::import::{self, MAX_FILE};
use crate::config::settings::DEFAULT_OVERLAY;
use crate::engine::calendar::{next_change, open_at, spans};
use crate::model::calendar::DayKind;
use crate::model::{Calendar, CalendarId, Wall};
use crate::net::clock::Clock;
use crate::probe;

/// Most days that are shown.
const MAX_DAYS: u16 = 366;
/// The month in which next year's notice is out.
const NOTICE_MONTH: i8 = 12;

/// Options of `calendar`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List working calendars: open now or not, and for which years their holidays are known
    List {
        /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
        #[arg(long, value_name = "DIR")]
        definitions: Vec<PathBuf>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show the hours of a calendar day by day; exit 1 if holidays of a year that is shown are not known
    Show {
        /// Calendar
        id: String,
        /// First day, such as 2027-01-01 [default: today]
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// How many days
        #[arg(long, default_value_t = 14)]
        days: u16,
        /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
        #[arg(long, value_name = "DIR")]
        definitions: Vec<PathBuf>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Make a definition of a year's holidays out of a table (CSV, XLSX) or the text of the notice
    Import {
        /// File with one day a row, or with the notice
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Set of holidays that calendars name
        #[arg(long, default_value = "cn")]
        set: String,
        /// Year, where the file does not say it
        #[arg(long)]
        year: Option<i16>,
        /// Write it below this directory, in calendars/holidays-SET-YEAR.toml, instead of printing it
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    match args.what {
        What::List { definitions, format } => list(in_force(definitions)?.as_ref(), format, Clock::system().wall()),
        What::Show { id, from, days, definitions, format } => {
            let all = in_force(definitions)?;
            let found = CalendarId::new(&id).ok().and_then(|id| all.calendars.get(&id).cloned());
            let calendar = found.ok_or_else(|| unknown(&id, &all))?.calendar;
            day_by_day(&calendar, from.unwrap_or_else(|| today(&calendar, Clock::system().wall())), days, format)
        }
        What::Import { file, set, year, into } => take(&file, &set, year, into.as_deref()),
    }
}

/// The definitions in force with these overlays; the usual one if none is named.
pub(super) fn in_force(mut overlays: Vec<PathBuf>) -> Result<std::sync::Arc<Definitions>, Failure> {
    if overlays.is_empty() {
        overlays.push(PathBuf::from(DEFAULT_OVERLAY));
    }
    let loaded = defs::load(&overlays, probe::catalog());
    if loaded.usable() {
        return Ok(loaded.definitions);
    }
    Err(Failure::usage(loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn unknown(id: &str, all: &Definitions) -> Failure {
    let known = all.calendars.keys().map(CalendarId::as_str).collect::<Vec<_>>().join(", ");
    Failure::usage(pick(
        format!("没有工作日历 `{id}`；现有：{known}"),
        format!("there is no calendar `{id}`; there are: {known}"),
    ))
}

fn list(all: &Definitions, format: Format, now: Wall) -> Answer {
    let items: Vec<serde_json::Value> = all
        .calendars
        .values()
        .map(|CalendarDef { calendar, .. }| {
            json!({
                "id": calendar.id.as_str(),
                "name": { "zh": calendar.zh, "en": calendar.en },
                "timezone": calendar.timezone.iana_name(),
                "years": calendar.years,
                "open": open_at(calendar, now),
                "next": next_change(calendar, now).map(|at| at.to_string()),
            })
        })
        .collect();
    let head = pick(["标识", "名称", "现在", "下次变化", "节假日年份"], ["id", "name", "now", "next", "holidays"]);
    show(&items, format, &head, |item| {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let open = if item["open"] == true { pick("工作", "open") } else { pick("休息", "closed") };
        let years = item["years"].as_array().into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
        let next = Wall::parse(&text("next")).map(local_time).unwrap_or_default();
        let name = pick(&item["name"]["zh"], &item["name"]["en"]).as_str().unwrap_or_default().to_owned();
        vec![text("id"), name, open.to_owned(), next, years.join(" ")]
    });
    Ok(Exit::Good)
}

fn day_by_day(calendar: &Calendar, from: Date, days: u16, format: Format) -> Answer {
    let all: Vec<Date> = from.series(1.day()).take(usize::from(days.min(MAX_DAYS))).collect();
    let items: Vec<serde_json::Value> = all
        .iter()
        .map(|date| {
            let kind = calendar.days.get(date).map(|kind| match kind {
                DayKind::Off => "off",
                DayKind::Work => "work",
            });
            let hours: Vec<String> = spans(calendar, *date).iter().map(ToString::to_string).collect();
            json!({ "date": date.to_string(), "kind": kind, "hours": hours })
        })
        .collect();
    let head = pick(["日期", "星期", "", "工作时间"], ["date", "day", "", "hours"]);
    show(&items, format, &head, |item| {
        let date: Option<Date> = item["date"].as_str().and_then(|text| text.parse().ok());
        let kind = match item["kind"].as_str() {
            Some("off") => pick("休", "off"),
            Some(_) => pick("班", "work"),
            None => "",
        };
        let hours: Vec<&str> = item["hours"].as_array().into_iter().flatten().filter_map(|h| h.as_str()).collect();
        let weekday = date.map(|date| weekday(date).to_owned()).unwrap_or_default();
        vec![item["date"].as_str().unwrap_or_default().to_owned(), weekday, kind.to_owned(), hours.join(" ")]
    });
    let lacking: BTreeSet<i16> = all.iter().map(|d| d.year()).filter(|y| lacks(calendar, *y)).collect();
    for year in &lacking {
        say(&not_known(calendar, *year));
    }
    Ok(if lacking.is_empty() { Exit::Good } else { Exit::Bad })
}

fn weekday(date: Date) -> &'static str {
    let at = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
    let zh = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    let en = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    pick(zh, en).get(at).copied().unwrap_or_default()
}

/// A calendar that follows holidays and was not told those of the year.
fn lacks(calendar: &Calendar, year: i16) -> bool {
    !calendar.days.is_empty() && !calendar.years.contains(&year)
}

fn not_known(calendar: &Calendar, year: i16) -> String {
    let id = &calendar.id;
    pick(
        format!("工作日历 `{id}` 没有 {year} 年的节假日，按平常的星期计；请执行 fengsui calendar import"),
        format!(
            "calendar `{id}` was not told the holidays of {year} and goes by weekdays; run fengsui calendar import"
        ),
    )
}

fn today(calendar: &Calendar, now: Wall) -> Date {
    let timestamp = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(calendar.timezone.clone()).date()
}

/// Years that should be known by now and are not, for `fengsui check`.
pub(super) fn warnings(all: &Definitions, now: Wall) -> Vec<String> {
    let of = |calendar: &Calendar| {
        let today = today(calendar, now);
        let next = (today.month() >= NOTICE_MONTH).then_some(today.year() + 1);
        [Some(today.year()), next].into_iter().flatten().filter(|y| lacks(calendar, *y)).collect::<Vec<_>>()
    };
    let calendars = all.calendars.values().map(|def| &def.calendar);
    calendars.flat_map(|calendar| of(calendar).into_iter().map(|year| not_known(calendar, year))).collect()
}

fn take(file: &Path, set: &str, year: Option<i16>, into: Option<&Path>) -> Answer {
    let length = std::fs::metadata(file).map_err(|e| unreadable(file, &e))?.len();
    if length > MAX_FILE as u64 {
        return Err(Failure::usage(pick(
            format!("{} 过大", file.display()),
            format!("{} is too large", file.display()),
        )));
    }
    let bytes = std::fs::read(file).map_err(|e| unreadable(file, &e))?;
    let found = import::holidays(&bytes, year).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?;
    let text = import::definition(set, &found);
    // The reader has the last word on what it will read.
    let checked = defs::parse(&[(file.display().to_string(), text.clone())], probe::catalog());
    if !checked.usable() {
        return Err(Failure::usage(
            checked.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        ));
    }
    let count = |kind| found.days.values().filter(|k| **k == kind).count();
    let (off, work, year) = (count(DayKind::Off), count(DayKind::Work), found.year);
    match into {
        None => print(text.trim_end()),
        Some(directory) => {
            let directory = directory.join("calendars");
            let path = directory.join(format!("holidays-{set}-{year}.toml"));
            let beside = path.with_extension("new");
            let written = std::fs::create_dir_all(&directory)
                .and_then(|()| std::fs::write(&beside, &text))
                .and_then(|()| std::fs::rename(&beside, &path));
            written.map_err(|e| Failure::unseen(format!("{}: {e}", path.display())))?;
            say(&pick(format!("已写入 {}", path.display()), format!("written to {}", path.display())));
        }
    }
    say(&pick(
        format!("{set} {year} 年：休 {off} 天，调休上班 {work} 天"),
        format!("{set} {year}: {off} days off, {work} days worked instead"),
    ));
    Ok(Exit::Good)
}
