//! `fengsui trap`: listen and print the traps and informs that come, to see what devices send. What the console keeps of
//! them is listed with the lines: `fengsui syslog list`.

use std::net::SocketAddr;

use clap::Subcommand;
use ipnet::IpNet;

use super::syslog::network;
use super::{Answer, Format, block_on, hear};
use crate::collect::trap::KIND;
use crate::collect::{SOURCE_RATE, Terms};

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
    /// Receive traps and informs of SNMP v1 and v2c and print them, until Ctrl-C; nothing is kept
    Listen {
        /// Address and UDP port; [::]:162 for both families
        #[arg(long, value_name = "ADDR:PORT", default_value = "[::]:162")]
        listen: SocketAddr,
        /// Receiver that is believed when it says whose trap it passes on (repeat for more)
        #[arg(long, value_name = "NET", value_parser = network)]
        relay: Vec<IpNet>,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let What::Listen { listen, relay, format } = args.what;
    let terms = Terms { listen: vec![listen], rate: SOURCE_RATE, relays: relay, ..Terms::default() };
    block_on(1, hear::listen(&KIND, terms, format))?
}
