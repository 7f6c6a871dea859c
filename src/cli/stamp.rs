//! `fengsui stamp reflect`: answers STAMP (RFC 8762) and TWAMP Light until Ctrl-C, for a node without an agent and for
//! looking at a line by hand. To ask, see `fengsui probe stamp`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use ipnet::IpNet;

use super::simulate::wait_for_interrupt;
use super::text::pick;
use super::{Answer, Exit, Failure, Format, block_on, print, say};
use crate::config::settings::{ReflectorSettings, net_of};
use crate::engine::reflector::Rates;
use crate::net::clock::Clock;
use crate::net::stop;
use crate::probe::stamp::read_key;
use crate::probe::stamp::reflect::{self, Counts, SOURCE_RATE, TOTAL_RATE, Terms};

/// Options of `stamp`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Answer STAMP and TWAMP Light, until Ctrl-C
    Reflect {
        /// Address and UDP port; the standard's port 862 needs a privilege
        #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:862")]
        listen: SocketAddr,
        /// File with the key; then only what is signed with it is answered
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Network to answer, instead of everybody (repeat for more)
        #[arg(long, value_name = "NET", value_parser = network)]
        allow: Vec<IpNet>,
        /// Packets a second that one address may send
        #[arg(long, value_name = "N", default_value_t = SOURCE_RATE, value_parser = clap::value_parser!(u32).range(1..=i64::from(TOTAL_RATE)))]
        rate: u32,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Reads `--allow`.
fn network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{text}` is no network; write ADDRESS/LENGTH, such as \"10.65.0.0/16\", or an address");
    net_of(text).ok_or_else(wrong)
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let What::Reflect { listen, key, allow, rate, format } = args.what;
    let terms = terms(&ReflectorSettings { listen, key_file: key, allow, rate: Some(rate) })?;
    block_on(1, reflect(terms, format))?
}

/// How settings say to answer; the key is read here.
pub(super) fn terms(settings: &ReflectorSettings) -> Result<Terms, Failure> {
    let key = settings.key_file.as_deref().map(read_key).transpose().map_err(Failure::usage)?;
    let rates = Rates { source: settings.rate.unwrap_or(SOURCE_RATE), total: TOTAL_RATE };
    Ok(Terms { listen: settings.listen, key, allow: settings.allow.clone(), rates })
}

async fn reflect(terms: Terms, format: Format) -> Answer {
    let clock = Clock::system();
    let port = reflect::bind(&terms, &clock).map_err(|error| Failure::unseen(error.to_string()))?;
    let address = port.address();
    let counts = Arc::new(Counts::default());
    let (trigger, stop) = stop::pair();
    let told = counts.clone();
    let serving = tokio::spawn(async move { reflect::serve(port, terms, &clock, &told, &stop).await });
    match format {
        Format::Json => print(&serde_json::json!({"v": 1, "listen": address.to_string()}).to_string()),
        Format::Table => print(&pick(format!("正在应答 udp {address}"), format!("answering on udp {address}"))),
    }
    say(pick("按 Ctrl-C 结束", "Ctrl-C ends it"));
    let interrupted = wait_for_interrupt().await;
    trigger.stop();
    // It has nothing to lose but what is on its way.
    let _ = serving.await;
    interrupted?;
    tell(&counts, format);
    Ok(Exit::Good)
}

/// What became of all that came.
fn tell(counts: &Counts, format: Format) {
    let list = counts.list();
    match format {
        Format::Json => {
            let pairs =
                list.iter().map(|(word, _, n)| (word.replace([' ', ','], "_").replace("__", "_"), (*n).into()));
            let mut line: serde_json::Map<String, serde_json::Value> = pairs.collect();
            line.insert("v".to_owned(), 1.into());
            print(&serde_json::Value::Object(line).to_string());
        }
        Format::Table => {
            for (word, zh, n) in list.iter().filter(|(.., n)| *n > 0) {
                print(&pick(format!("{zh}：{n}"), format!("{word}: {n}")));
            }
        }
    }
}
