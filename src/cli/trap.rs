//! `fengsui trap`: listen and print the traps and informs that come, to see what devices send. What the console keeps of
//! them is listed with the lines: `fengsui syslog list`.

use std::net::SocketAddr;

use clap::Subcommand;
use ipnet::IpNet;

use tokio::sync::watch;

use super::probe::Access;
use super::syslog::network;
use super::{Answer, Failure, Format, block_on, hear};
use crate::collect::trap::KIND;
use crate::collect::{EngineTerms, SOURCE_RATE, Terms};
use crate::net::snmp::Engine;

/// Options of `trap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Receive traps and informs of SNMP and print them, until Ctrl-C; nothing is kept
    Listen {
        /// Address and UDP port; [::]:162 for both families
        #[arg(long, value_name = "ADDR:PORT", default_value = "[::]:162")]
        listen: SocketAddr,
        /// Receiver that is believed when it says whose trap it passes on (repeat for more)
        #[arg(long, value_name = "NET", value_parser = network)]
        relay: Vec<IpNet>,
        /// User of SNMP v3, and how it is secured
        #[command(flatten)]
        access: Box<Access>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let What::Listen { listen, relay, access, format } = args.what;
    let user = access.secret(&crate::probe::snmp::SPEC).map_err(Failure::usage)?;
    let (_users, users) = watch::channel(user.into_iter().collect());
    // An engine of this hour: who sends informs asks for it first.
    let engine = Engine::fresh_id().map(|id| EngineTerms { id, boots: 1, clocks: Vec::new(), users });
    let terms = Terms { listen: vec![listen], rate: SOURCE_RATE, relays: relay, engine, ..Terms::default() };
    block_on(1, hear::listen(&KIND, terms, format))?
}
