//! `fengsui syslog`: listen and print what comes, to see what devices send; list what the console keeps.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use clap::Subcommand;
use ipnet::IpNet;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::client::{IfMissing, with_console};
use super::json::{line, show, text, time, with_query};
use super::reach::Reach;
use super::simulate::wait_for_interrupt;
use super::text::{local_time, pick};
use super::{Answer, Exit, Failure, Format, block_on, print, say};
use crate::collect::syslog::{self, Ports};
use crate::collect::{CopyTo, Form, SOURCE_RATE, Terms, Wires};
use crate::config::settings::{SyslogSettings, net_of};
use crate::console::api::events::heard;
use crate::model::wire::Heard;
use crate::net::clock::Clock;
use crate::net::{sock, stop};

/// Parcels that wait to be printed.
const WAITING: usize = 16;
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
fn network(text: &str) -> Result<IpNet, String> {
    net_of(text).ok_or_else(|| format!("`{text}` is no network; write ADDRESS/LENGTH, or an address"))
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    match args.what {
        What::Listen { listen, relay, format } => {
            super::log::start();
            let terms = Terms { listen: vec![listen], rate: SOURCE_RATE, relays: relay, ..Terms::default() };
            block_on(1, hear(terms, format))?
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

async fn hear(mut terms: Terms, format: Format) -> Answer {
    let ports = Ports::open(&mut terms).map_err(|error| Failure::unseen(error.to_string()))?;
    let (trigger, stop) = stop::pair();
    let (out, mut parcels) = mpsc::channel(WAITING);
    let trouble = Box::new(|topic: &'static str, text: Option<String>| {
        if let Some(text) = text {
            say(&format!("{topic}: {text}"));
        }
    });
    let (_plan, matcher) = watch::channel(Arc::default());
    let addresses: Vec<String> = ports.addresses().iter().map(ToString::to_string).collect();
    let wires = Wires { clock: Clock::system(), matcher, out, trouble, stop };
    match format {
        Format::Json => print(&line(json!({ "listen": addresses }))),
        Format::Table => print(&pick(
            format!("正在接收 udp、tcp {}", addresses.join("，")),
            format!("listening on udp and tcp {}", addresses.join(", ")),
        )),
    }
    say(pick("按 Ctrl-C 结束", "Ctrl-C ends it"));
    let serving = tokio::spawn(syslog::serve(ports, terms, wires));
    let mut interrupt = std::pin::pin!(wait_for_interrupt());
    let ended = loop {
        tokio::select! {
            ended = &mut interrupt => break ended,
            Some(parcel) = parcels.recv() => parcel.rows.iter().for_each(|row| tell(row, format)),
        }
    };
    trigger.stop();
    while let Some(parcel) = parcels.recv().await {
        parcel.rows.iter().for_each(|row| tell(row, format));
    }
    // It has ended: its end of the channel is gone.
    let _ = serving.await;
    ended.map(|_| Exit::Good)
}

fn tell(row: &Heard, format: Format) {
    match format {
        Format::Json => print(&line(heard(row))),
        Format::Table => {
            let host = if row.host.is_empty() { String::new() } else { format!(" {}", row.host) };
            let tag = if row.tag.is_empty() { String::new() } else { format!(" {}:", row.tag) };
            print(&format!("{} {}{host} {}{tag} {}", local_time(row.at), row.from, row.severity_word(), row.text));
        }
    }
}

/// How settings say to listen; ports that the service manager hands over under this name prevail.
pub(super) fn terms(settings: &SyslogSettings) -> Terms {
    let form = |original| if original { Form::Original } else { Form::Relayed };
    Terms {
        listen: settings.listen.clone(),
        handed: handed(),
        rate: settings.rate.unwrap_or(SOURCE_RATE),
        relays: settings.relays.clone(),
        copies: settings.copies.iter().map(|copy| CopyTo { to: copy.to, form: form(copy.original) }).collect(),
    }
}

/// Ports that the service manager has bound for syslog: of the socket unit with that name.
fn handed() -> Vec<OwnedFd> {
    const NAME: &str = "syslog";
    // An error says that there is no service manager, or that it handed over nothing.
    let all = sd_notify::listen_fds_with_names().into_iter().flatten();
    all.filter(|(_, name)| name == NAME).map(|(fd, _)| sock::handed(fd)).collect()
}
