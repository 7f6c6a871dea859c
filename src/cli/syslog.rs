//! `fengsui syslog`: listen and print what comes, to see what devices send; list what the console keeps.

use std::net::SocketAddr;

use clap::Subcommand;
use ipnet::IpNet;
use serde_json::Value;

use super::client::{IfMissing, with_console};
use super::json::{show, text, time, with_query};
use super::reach::Reach;
use super::text::pick;
use super::{Answer, Exit, Format, block_on, hear};
use crate::collect::syslog::KIND;
use crate::collect::{SOURCE_RATE, Terms};
use crate::config::settings::net_of;

/// Items the API gives at once.
const MAX_PAGE: usize = 1_000;

/// Options of `syslog`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Receive lines over UDP and TCP and print them, until Ctrl-C; nothing is kept
    Listen {
        /// Address and port for UDP and TCP; [::]:514 for both families
        #[arg(long, value_name = "ADDR:PORT", default_value = "[::]:514")]
        listen: SocketAddr,
        /// Receiver that is believed when it says whose line it passes on (repeat for more)
        #[arg(long, value_name = "NET", value_parser = network)]
        relay: Vec<IpNet>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// List lines and traps that the console keeps, newest first
    List {
        /// Words in any order; part of a Chinese text, the beginning of other words
        words: Vec<String>,
        /// Of this asset
        #[arg(long, value_name = "ASSET")]
        asset: Option<String>,
        /// From this address
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// Of senders that are no address of an asset
        #[arg(long)]
        unknown: bool,
        /// At least this bad: emergency, alert, critical, error, warning, notice, info, debug
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<String>,
        /// Not before this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Before this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Reads `--relay`.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    net_of(text).ok_or_else(|| format!("`{text}` is no network; write ADDRESS/LENGTH, or an address"))
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    match args.what {
        What::Listen { listen, relay, format } => {
            super::log::start();
            let terms = Terms { listen: vec![listen], rate: SOURCE_RATE, relays: relay, ..Terms::default() };
            block_on(1, hear::listen(&KIND, terms, format))?
        }
        What::List { words, asset, from, unknown, severity, since, until, limit, format, reach } => {
            super::client::quiet_log();
            let filter = [
                ("q", Some(words.join(" ")).filter(|words| !words.is_empty())),
                ("asset", asset),
                ("sender", from),
                ("unknown", unknown.then(|| "true".to_owned())),
                ("severity", severity),
                ("from", since),
                ("to", until),
                ("limit", Some(limit.clamp(1, MAX_PAGE).to_string())),
            ];
            let path = with_query("/api/v1/events", &filter);
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(&path, limit).await)?;
            let head = pick(["时间", "来源", "级别", "标识", "内容"], ["time", "source", "severity", "tag", "text"]);
            show(&items, format, &head, cells);
            Ok(Exit::Good)
        }
    }
}

fn cells(item: &Value) -> Vec<String> {
    let whose = [text(item, "asset"), text(item, "from")].into_iter().find(|text| !text.is_empty());
    let count = item.get("count").and_then(Value::as_u64).filter(|n| *n > 1);
    let said = count.map_or_else(|| text(item, "text"), |n| format!("(×{n}) {}", text(item, "text")));
    vec![time(item, "at"), whose.unwrap_or_default(), text(item, "severity"), text(item, "tag"), said]
}
