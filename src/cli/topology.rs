//! `fengsui topology`: what devices say of their neighbours against the declared links, and to declare what was found.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, with_console};
use super::json::{list, show, text, with_query};
use super::reach::Reach;
use super::text::pick;
use super::{Answer, Exit, Format, say};
use crate::console::api::query::encode;

/// Lines of one answer.
const MOST: usize = 100_000;

/// Options of `topology`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List what was found and what is declared, what differs first; exit 1 if anything is missing or on another port
    List {
        /// Only lines of this state: wrong_port, missing, extra, stranger, unseen, agrees
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Declare the link of a line, or give the declared one the ports that it was found on
    Adopt {
        /// Line: its id
        id: String,
        /// Why, for the audit trail
        #[arg(long, value_name = "WORDS")]
        reason: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::List { state, format, reach } => {
            let path = with_query("/api/v1/topology", &[("state", state)]);
            let lines = with_console(&reach, IfMissing::Fail, async |c| c.list(&path, MOST).await)?;
            show_lines(&lines, format);
            let bad = |line: &Value| matches!(text(line, "state").as_str(), "missing" | "wrong_port");
            Ok(if lines.iter().any(bad) { Exit::Bad } else { Exit::Good })
        }
        What::Adopt { id, reason, reach } => {
            let path = format!("/api/v1/topology/{}/adopt", encode(&id));
            let made =
                with_console(&reach, IfMissing::Fail, async |c| c.post(&path, &json!({ "reason": reason })).await)?;
            let link = text(&made, "link");
            say(&pick(format!("链路 {link} 已列入台账"), format!("link {link} stands in the inventory")));
            Ok(Exit::Good)
        }
    }
}

fn state_text(word: &str) -> String {
    let zh = match word {
        "wrong_port" => "端口不符",
        "missing" => "未发现",
        "extra" => "未登记",
        "stranger" => "未知设备",
        "unseen" => "无从得知",
        "agrees" => "一致",
        other => other,
    };
    pick(zh, word).to_owned()
}

fn show_lines(lines: &[Value], format: Format) {
    let head = pick(["编号", "状态", "从", "到", "依据", "链路"], ["id", "state", "from", "to", "evidence", "link"]);
    show(lines, format, &head, |line| {
        let end = |key: &str| line.get(key).map(|end| joined(end, &["asset", "port"])).unwrap_or_default();
        let stranger = line.get("stranger").filter(|stranger| stranger.is_object());
        let mut evidence: Vec<String> =
            list(line, "evidence").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let lost: Vec<String> = list(line, "lost").iter().map(|end| joined(end, &["asset", "port"])).collect();
        if !lost.is_empty() {
            let lost = lost.join(", ");
            evidence.push(pick(format!("（未承载的成员：{lost}）"), format!("(not carrying: {lost})")));
        }
        vec![
            text(line, "id"),
            state_text(&text(line, "state")),
            stranger.map_or_else(|| end("a"), |s| joined(s, &["by", "local_port"])),
            stranger.map_or_else(|| end("b"), |s| joined(s, &["name", "chassis", "port"])),
            stranger.map_or_else(|| evidence.join(" "), |s| text(s, "protocol")),
            text(line, "link"),
        ]
    });
}

fn joined(value: &Value, keys: &[&str]) -> String {
    let all = keys.iter().map(|key| text(value, key)).filter(|text| !text.is_empty());
    all.collect::<Vec<_>>().join(" ")
}
