//! A year's holidays from a file: the notice itself as text, or a table (CSV, XLSX) with one day a row. What comes
//! out is the definition that the program reads, written for people to look over.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::model::calendar::DayKind;

use super::{ImportError, csv, xlsx};

/// The longest holiday a notice may name: a slip in it must not close an office for months.
const MAX_STRETCH: usize = 31;

/// Why nothing came of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HolidayError {
    /// It does not read as a file.
    #[error(transparent)]
    File(#[from] ImportError),
    /// Nothing in it is a day.
    #[error("no day off and no day worked was found; give a table with date and 休 or 班, or the text of the notice")]
    Nothing,
    /// A row or sentence that means no day.
    #[error("line {line}: {what}")]
    Line {
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// The days of one year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Year {
    /// Year.
    pub year: i16,
    /// Its days.
    pub days: BTreeMap<Date, DayKind>,
}

/// Reads a file. `year` is needed only where the file has days without one, as a notice does.
pub fn holidays(bytes: &[u8], year: Option<i16>) -> Result<Year, HolidayError> {
    let sheets = if bytes.starts_with(b"PK") { xlsx::sheets(bytes)? } else { vec![csv::rows(bytes)?] };
    let rows: Vec<(usize, Vec<String>)> =
        sheets.into_iter().flat_map(|sheet| sheet.rows).map(|row| (row.number, row.cells)).collect();
    let all: String = rows.iter().map(|(_, cells)| cells.join(",") + "\n").collect();
    let days = if all.contains("放假") && all.contains('月') {
        let year = year.or_else(|| year_of(&all));
        let year = year.ok_or_else(|| wrong(1, "the notice names no year; give it with --year"))?;
        notice(&all, year)?
    } else {
        table(&rows)?
    };
    // New year's holiday may begin in December, so the last day tells the year.
    let last = days.keys().last().map(|date| date.year()).ok_or(HolidayError::Nothing)?;
    Ok(Year { year: year.unwrap_or(last), days })
}

fn wrong(line: usize, what: impl Into<String>) -> HolidayError {
    HolidayError::Line { line, what: what.into() }
}

/// `关于2026年部分节假日安排的通知`: the first year that is named so.
fn year_of(text: &str) -> Option<i16> {
    text.match_indices('年').find_map(|(at, _)| {
        let before = text.get(..at)?;
        before.get(before.len().checked_sub(4)?..)?.parse().ok().filter(|year| (2000..=2100).contains(year))
    })
}

/// One day a row: a date, and what it is. Rows without a date are headings.
fn table(rows: &[(usize, Vec<String>)]) -> Result<BTreeMap<Date, DayKind>, HolidayError> {
    let mut days = BTreeMap::new();
    for (line, cells) in rows {
        let Some(date) = cells.iter().find_map(|cell| date(cell)) else { continue };
        let kind = cells.iter().find_map(|cell| kind(cell));
        let kind = kind.ok_or_else(|| wrong(*line, format!("{date}: neither off (休) nor worked (班)")))?;
        if days.insert(date, kind).is_some_and(|before| before != kind) {
            return Err(wrong(*line, format!("{date} stands twice, off and worked")));
        }
    }
    Ok(days)
}

/// `2026-10-01`, `2026/10/1`, `2026年10月1日`, `20261001`.
fn date(cell: &str) -> Option<Date> {
    let cell = cell.split([' ', '（', '(']).next()?.trim_end_matches('日');
    let parts: Vec<&str> = cell.split(['-', '/', '.', '年', '月']).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] => (*year, *month, *day),
        [all] if all.len() == 8 => (all.get(..4)?, all.get(4..6)?, all.get(6..)?),
        _ => return None,
    };
    Date::new(year.parse().ok().filter(|y| (2000..=2100).contains(y))?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn kind(cell: &str) -> Option<DayKind> {
    let cell = cell.trim().to_lowercase();
    // 调休上班 holds both signs: work is looked for first.
    if cell == "work" || cell == "1" || cell.contains('班') {
        Some(DayKind::Work)
    } else if cell == "off" || cell == "holiday" || cell == "0" || cell.contains('休') || cell.contains("放假") {
        Some(DayKind::Off)
    } else {
        None
    }
}

/// The text of the State Council's notice: `10月1日(周四)至7日(周三)放假调休,共7天。9月20日(周日)上班。`
fn notice(text: &str, year: i16) -> Result<BTreeMap<Date, DayKind>, HolidayError> {
    let mut days = BTreeMap::new();
    for (line, text) in (1_usize..).zip(text.lines()) {
        let mut from_december = false;
        for sentence in plain(text).split(['。', '；', ';']) {
            let (off, work) = match sentence.split_once("放假") {
                Some((off, work)) => (off, work),
                None => ("", sentence),
            };
            let off = dates(off, year).map_err(|what| wrong(line, what))?;
            if let [from, rest @ ..] = off.as_slice() {
                let to = rest.first().unwrap_or(from);
                from_december |= from.year() < year;
                let stretch: Vec<Date> = from.series(1.day()).take_while(|d| d <= to).take(MAX_STRETCH + 1).collect();
                if stretch.is_empty() || stretch.len() > MAX_STRETCH {
                    return Err(wrong(line, format!("{from} to {to} is no holiday")));
                }
                days.extend(stretch.into_iter().map(|date| (date, DayKind::Off)));
            }
            if !work.contains("上班") {
                continue;
            }
            for date in dates(work, year).map_err(|what| wrong(line, what))? {
                let before = from_december && date.month() == 12 && date.year() == year;
                let date = if before { date.checked_sub(1.year()).unwrap_or(date) } else { date };
                // A slip of the pen, or of this reading, would open an office on a day of rest.
                if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
                    return Err(wrong(line, format!("{date} is no Saturday or Sunday, yet to be worked")));
                }
                days.insert(date, DayKind::Work);
            }
        }
    }
    Ok(days)
}

/// Without what stands in brackets: weekdays and days of the old calendar.
fn plain(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| match c {
            '(' | '（' => {
                depth += 1;
                false
            }
            ')' | '）' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// All `M月D日` of a text, with `Y年` before them or not, and the bare `D日` after them, in the month that was named
/// last. A December that comes before an earlier month is that of the year before.
fn dates(text: &str, year: i16) -> Result<Vec<Date>, String> {
    let mut found: Vec<Date> = Vec::new();
    let (mut in_year, mut month): (i16, Option<i8>) = (year, None);
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            '年' => in_year = digits.parse().unwrap_or(in_year),
            '月' => month = digits.parse().ok(),
            '日' => {
                if let (Some(month), Ok(day)) = (month, digits.parse::<i8>()) {
                    let bad = |_| format!("{month}月{day}日 is no day");
                    found.push(Date::new(in_year, month, day).map_err(bad)?);
                }
            }
            _ => {}
        }
        digits.clear();
    }
    if let [first, second, ..] = found.as_mut_slice()
        && second < first
        && first.month() == 12
    {
        *first = first.checked_sub(1.year()).map_err(|e| e.to_string())?;
    }
    Ok(found)
}

/// The definition of a set's year, as the program reads it.
pub fn definition(set: &str, year: &Year) -> String {
    let of = |kind: DayKind| year.days.iter().filter(move |(_, k)| **k == kind).map(|(date, _)| *date);
    let mut off: Vec<(Date, Date)> = Vec::new();
    for date in of(DayKind::Off) {
        match off.last_mut() {
            Some((_, last)) if last.checked_add(1.day()).is_ok_and(|next| next == date) => *last = date,
            _ => off.push((date, date)),
        }
    }
    let off: Vec<String> = off.iter().map(|(from, to)| format!("    \"{from}..{to}\",\n")).collect();
    let work: Vec<String> = of(DayKind::Work).map(|date| date.to_string()).collect();
    format!(
        "[[holidays]]\nset = \"{set}\"\nyear = {}\noff = [\n{}]\nwork = [{}]\n",
        year.year,
        off.concat(),
        work.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTICE: &str = "国务院办公厅关于2026年部分节假日安排的通知\n\
        一、元旦:1月1日(周四)至3日(周六)放假调休,共3天。1月4日(周日)上班。\n\
        三、清明节:4月4日(周六)至6日(周一)放假,共3天。\n\
        七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。\n\
        节假日期间，要妥善安排好值班和安全、保卫等工作。\n";
    const DEFINITION: &str = "[[holidays]]\nset = \"cn\"\nyear = 2026\noff = [\n    \"2026-01-01..2026-01-03\",\n    \
        \"2026-04-04..2026-04-06\",\n    \"2026-10-01..2026-10-07\",\n]\nwork = [2026-01-04, 2026-09-20, 2026-10-10]\n";

    #[test]
    fn the_notice_reads_as_people_read_it() {
        let year = holidays(NOTICE.as_bytes(), None).unwrap();
        assert_eq!(definition("cn", &year), DEFINITION);
        let (gbk, ..) = encoding_rs::GBK.encode(NOTICE);
        assert_eq!(holidays(&gbk, None), Ok(year));
        for early in [
            "元旦：12月30日至1月1日放假，12月29日上班。",
            "元旦：12月30日至1月1日放假。12月29日上班。",
            "元旦：2018年12月30日至2019年1月1日放假调休，共3天。2018年12月29日（星期六）上班。",
        ] {
            let year = holidays(early.as_bytes(), Some(2019)).unwrap();
            let days: Vec<String> = year.days.keys().map(ToString::to_string).collect();
            assert_eq!(days, ["2018-12-29", "2018-12-30", "2018-12-31", "2019-01-01"], "{early}");
        }
    }

    #[test]
    fn a_table_reads_whatever_its_columns_are_called() {
        for text in [
            "日期,安排,名称\n2026-10-01,休,国庆节\n2026/10/10,班,\n",
            "name;day;type\nNational Day;20261001;off\n;2026年10月10日;work\n",
            "2026-10-01 周四\t放假\n2026-10-10\t调休上班\n",
        ] {
            let year = holidays(text.as_bytes(), None).unwrap();
            let days: Vec<String> = year.days.iter().map(|(date, kind)| format!("{date} {kind:?}")).collect();
            assert_eq!(
                (year.year, days),
                (2026, vec!["2026-10-01 Off".to_owned(), "2026-10-10 Work".to_owned()]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_year_of_holidays_is_refused_with_its_line() {
        for (text, why) in [
            ("", "no day off"),
            ("a,b\nc,d\n", "no day off"),
            ("date,kind\n2026-10-01,perhaps\n", "line 2"),
            ("2026-10-01,休\n2026-10-01,班\n", "twice"),
            ("国庆节：10月1日至12月7日放假。", "--year"),
            ("2026年国庆节：10月1日至12月7日放假。", "is no holiday"),
            ("2026年国庆节：10月32日放假。", "is no day"),
            ("2026年国庆节放假。10月9日上班。", "no Saturday"),
        ] {
            let error = holidays(text.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
