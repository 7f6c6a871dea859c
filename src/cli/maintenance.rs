//! `fengsui maintenance`: announce work, agree to it, end it.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, IfMissing, with_console};
use super::json::{list, show, text, time, with_query};
use super::reach::Reach;
use super::text::{parse_duration, parse_time, pick};
use super::{Answer, Exit, Failure, Format, say};
use crate::console::api::query::encode;
use crate::model::Wall;
use crate::model::maintenance::Stage;
use crate::net::clock::Clock;

/// Windows listed at most.
const MOST: usize = 10_000;
/// How much of an id a table shows.
const SHORT: usize = 8;

/// Options of `maintenance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List windows that are open, to come or to be agreed to; with --all those that are over too
    List {
        /// Those that are over too
        #[arg(long)]
        all: bool,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Announce maintenance: incidents are marked, and availability is told without it too
    Add {
        /// Objects, such as link:aks-wushi, asset:core-1 or region:652901 with all in it
        #[arg(required = true, value_name = "OBJECT")]
        objects: Vec<String>,
        /// What is done
        #[arg(long)]
        title: String,
        /// Begin: RFC 3339, or local as in "2026-11-29 01:00" [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: Option<Wall>,
        /// End, in the same way
        #[arg(long, value_name = "TIME", value_parser = parse_time, required_unless_present = "lasting", conflicts_with = "lasting")]
        to: Option<Wall>,
        /// How long, such as 4h, instead of an end
        #[arg(long = "for", id = "lasting", value_name = "DURATION", value_parser = parse_duration)]
        lasting: Option<Duration>,
        /// It comes again at the same local time: day or week
        #[arg(long, value_name = "EVERY", requires = "until")]
        every: Option<String>,
        /// It comes again until then, a year at most
        #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "every")]
        until: Option<Wall>,
        /// Only for this problem, such as link-down (repeat for more) [default: all]
        #[arg(long, value_name = "PROBLEM")]
        problem: Vec<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Agree to a window as the second person
    Approve {
        /// Window: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// End a window now, or call it off
    End {
        /// Window: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::List { all, format, reach } => {
            let path = with_query("/api/v1/maintenance", &[("all", all.then(|| "true".to_owned()))]);
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(&path, MOST).await)?;
            show_list(&items, format);
        }
        What::Add { objects, title, from, to, lasting, every, until, problem, reach } => {
            let from = from.unwrap_or_else(|| Clock::system().wall());
            let to = to.or_else(|| Some(from.plus(lasting?))).unwrap_or(from);
            let body = json!({
                "title": title,
                "objects": objects,
                "problems": problem,
                "from": from.to_string(),
                "to": to.to_string(),
                "every": every,
                "until": until.map(|at| at.to_string()),
            });
            let made = with_console(&reach, IfMissing::Fail, async |c| c.post("/api/v1/maintenance", &body).await)?;
            told(&made);
        }
        What::Approve { id, reach } => act(&reach, &id, "approve")?,
        What::End { id, reach } => act(&reach, &id, "end")?,
    }
    Ok(Exit::Good)
}

fn act(reach: &Reach, id: &str, action: &str) -> Result<(), Failure> {
    let after = with_console(reach, IfMissing::Fail, async |c| {
        let id = encode(&whole_id(c, id).await?);
        c.post(&format!("/api/v1/maintenance/{id}/{action}"), &json!({})).await
    })?;
    told(&after);
    Ok(())
}

/// The one window whose id begins or ends so.
async fn whole_id(c: &Client, given: &str) -> Result<String, Failure> {
    let all = c.list("/api/v1/maintenance?all=true", MOST).await?;
    let fit: Vec<String> =
        all.iter().map(|m| text(m, "id")).filter(|id| id.starts_with(given) || id.ends_with(given)).collect();
    match fit.as_slice() {
        [one] => Ok(one.clone()),
        [] => Ok(given.to_owned()),
        many => Err(Failure::usage(pick(
            format!("`{given}` 对应 {} 个维护窗口；请多写几位", many.len()),
            format!("`{given}` fits {} windows; write more of it", many.len()),
        ))),
    }
}

fn stage_text(word: &str) -> String {
    pick(Stage::parse(word).map_or(word, |stage| stage.zh()), word).to_owned()
}

fn told(window: &Value) {
    let (id, stage) = (text(window, "id"), text(window, "stage"));
    say(&pick(format!("维护窗口 {id}：{}", stage_text(&stage)), format!("maintenance window {id}: {stage}")));
    if stage == Stage::Waiting.as_str() {
        say(&pick(
            format!("范围较大，须由另一人复核：fengsui maintenance approve {id}"),
            format!("it covers much, so somebody else must agree: fengsui maintenance approve {id}"),
        ));
    }
}

fn show_list(items: &[Value], format: Format) {
    let head = pick(
        ["编号", "状态", "内容", "对象", "开始", "结束", "重复", "登记人"],
        ["id", "stage", "title", "objects", "from", "to", "every", "announced by"],
    );
    show(items, format, &head, |m| {
        let next = m.get("next").filter(|next| next.is_object()).unwrap_or(m);
        let id = text(m, "id");
        let objects: Vec<&str> = list(m, "objects").iter().filter_map(Value::as_str).collect();
        vec![
            id.get(id.len().saturating_sub(SHORT)..).unwrap_or(&id).to_owned(),
            stage_text(&text(m, "stage")),
            text(m, "title"),
            objects.join(" "),
            time(next, "from"),
            time(next, "to"),
            match text(m, "every").as_str() {
                "day" => pick("每天", "day").to_owned(),
                "week" => pick("每周", "week").to_owned(),
                _ => String::new(),
            },
            text(m, "creator"),
        ]
    });
}
