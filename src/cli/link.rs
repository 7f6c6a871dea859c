//! `fengsui link`: what links come to over a month: availability, loss, round trip.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, with_console};
use super::json::{line, list, text};
use super::reach::Reach;
use super::table::table;
use super::text::{duration, local_month, parse_time, pick};
use super::{Answer, Exit, Failure, Format, print, say};
use crate::console::api::query::encode;
use crate::model::Wall;
use crate::net::clock::Clock;

/// Links in one report.
const MOST: usize = 10_000;

/// Options of `link`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Availability of links over a month: raw, without maintenance, promised, by responsible party; loss and round trip.
    /// It counts runs, so lost packets are missing from it too; loss and round trip leave maintenance out
    Report {
        /// Links; all if none is named
        #[arg(value_name = "LINK")]
        links: Vec<String>,
        /// Only of this tier: backbone, metro, access
        #[arg(long, value_name = "TIER")]
        tier: Option<String>,
        /// Month, such as 2026-11 [default: this one]
        #[arg(long, value_name = "YYYY-MM", conflicts_with_all = ["from", "to"])]
        month: Option<String>,
        /// Begin, instead of a month: RFC 3339, or local as in "2026-11-01 00:00"
        #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "to")]
        from: Option<Wall>,
        /// End, in the same way
        #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "from")]
        to: Option<Wall>,
        /// Count only what is within this working calendar; organisation = that of each link's own, sla = that within which
        /// its SLA counts
        #[arg(long, value_name = "CALENDAR")]
        calendar: Option<String>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    let What::Report { links, tier, month, from, to, calendar, format, reach } = args.what;
    let (from, to) = match from.zip(to) {
        Some(span) => span,
        None => local_month(month.as_deref(), Clock::system().wall()).map_err(Failure::usage)?,
    };
    let within = calendar.as_deref().map_or_else(String::new, |id| format!("&calendar={}", encode(id)));
    let span = format!("from={}&to={}{within}", encode(&from.to_string()), encode(&to.to_string()));
    let found = with_console(&reach, IfMissing::Fail, async |c| {
        let tier = tier.as_deref().map_or_else(String::new, |tier| format!("?tier={}", encode(tier)));
        let all = c.list(&format!("/api/v1/links{tier}"), MOST).await?;
        let unknown = links.iter().find(|id| !all.iter().any(|link| text(link, "id") == **id));
        if let Some(id) = unknown {
            return Err(Failure::usage(pick(
                format!("没有链路 `{id}`；`fengsui link report` 列出全部"),
                format!("there is no link `{id}`; `fengsui link report` lists all"),
            )));
        }
        let mut rows = Vec::new();
        for link in all {
            let id = text(&link, "id");
            if links.is_empty() || links.contains(&id) {
                let path = format!("/api/v1/availability?object={}&{span}", encode(&format!("link:{id}")));
                rows.push((link, c.get(&path).await?));
            }
        }
        Ok(rows)
    })?;
    match format {
        Format::Json => found.into_iter().for_each(|(link, report)| print(&line(joined(&link, report)))),
        Format::Table => show(&found),
    }
    Ok(Exit::Good)
}

/// A report with what says whose line it is.
fn joined(link: &Value, mut report: Value) -> Value {
    if let Some(all) = report.as_object_mut() {
        for key in ["name", "tier", "carrier"] {
            all.insert(key.to_owned(), link.get(key).cloned().unwrap_or(json!(null)));
        }
    }
    report
}

fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}

fn percent(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |v| format!("{:.digits$} %", v * 100.0))
}

/// What is promised, with the calendar within which that counts if another one was counted by.
fn target(report: &Value) -> String {
    let target = percent(number(report, "target"), 4);
    let [promised, counted] = ["target_calendar", "calendar"].map(|key| text(report, key));
    if target.is_empty() || promised == counted {
        return target;
    }
    let hours = if promised.is_empty() { pick("全部时间", "all hours") } else { promised.as_str() };
    format!("{target} ({hours})")
}

fn millis(report: &Value, field: &str, key: &str) -> String {
    let value = report.get(field).and_then(|spread| number(spread, key));
    value.map_or_else(String::new, |v| format!("{:.2} ms", v * 1e3))
}

fn show(found: &[(Value, Value)]) {
    if found.is_empty() {
        say(pick("没有链路", "there are no links"));
        return;
    }
    let head = pick(
        [
            "链路",
            "名称",
            "可用率",
            "不含维护",
            "目标",
            "中断时长",
            "责任方",
            "丢包率",
            "时延 p50",
            "p95",
            "p99",
            "抖动 p95",
        ],
        [
            "link",
            "name",
            "availability",
            "without maint.",
            "target",
            "down for",
            "by party",
            "loss",
            "rtt p50",
            "p95",
            "p99",
            "jitter p95",
        ],
    );
    let seconds = |v: f64| duration(std::time::Duration::from_secs_f64(v.clamp(0.0, 1e12)));
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(link, report)| {
            let parties = list(report, "by_party").iter().map(|part| {
                let name = text(part, "name");
                let who = if name.is_empty() { party_text(&text(part, "party")).to_owned() } else { name };
                format!("{who} {}", seconds(number(part, "down_seconds").unwrap_or(0.0)))
            });
            vec![
                text(link, "id"),
                text(link, "name"),
                percent(number(report, "availability"), 4),
                percent(number(report, "availability_without_maintenance"), 4),
                target(report),
                number(report, "down_seconds").filter(|v| *v > 0.0).map(seconds).unwrap_or_default(),
                parties.collect::<Vec<_>>().join(pick("；", "; ")),
                percent(number(report, "loss_ratio"), 3),
                millis(report, "rtt_seconds", "p50"),
                millis(report, "rtt_seconds", "p95"),
                millis(report, "rtt_seconds", "p99"),
                millis(report, "variation_seconds", "p95"),
            ]
        })
        .collect();
    print(&table(&head, &rows));
}

fn party_text(word: &str) -> &str {
    let zh = match word {
        "maintenance" => "维护",
        "unnamed" => "未定责",
        "no_incident" => "未成事件",
        other => other,
    };
    let en = match word {
        "unnamed" => "nobody named",
        "no_incident" => "no incident",
        other => other,
    };
    pick(zh, en)
}
