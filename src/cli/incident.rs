//! `fengsui incident`: list incidents and handle them.

use std::time::Duration;

use clap::Subcommand;

use super::reach::Reach;
use super::text::parse_duration;
use super::{Answer, Exit, Format};

/// Options of `incident`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List incidents, newest first; open and acked ones unless --state or --all
    List {
        /// States: open, acked, resolved, closed
        #[arg(long, value_name = "STATE", value_delimiter = ',', conflicts_with = "all")]
        state: Vec<String>,
        /// All states
        #[arg(long)]
        all: bool,
        /// At least this bad: critical, major, minor, warning, info
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<String>,
        /// About this object, such as asset:core-1
        #[arg(long, value_name = "OBJECT")]
        object: Option<String>,
        /// Of this problem
        #[arg(long, value_name = "PROBLEM")]
        problem: Option<String>,
        /// Leave out symptoms of other incidents
        #[arg(long)]
        causes: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Show one incident with its timeline and symptoms
    Show {
        /// Incident
        id: String,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Acknowledge an incident: until it changes, unless --for or --sticky
    Ack {
        /// Incident
        id: String,
        /// What you say
        #[arg(long, default_value = "")]
        comment: String,
        /// For so long, such as 2h
        #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, conflicts_with = "sticky")]
        lasting: Option<Duration>,
        /// Until somebody ends it or the incident resolves
        #[arg(long)]
        sticky: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// End an acknowledgement
    Unack {
        /// Incident
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Assign an incident
    Assign {
        /// Incident
        id: String,
        /// To whom
        #[arg(long, value_name = "WHO", required_unless_present = "nobody", conflicts_with = "nobody")]
        to: Option<String>,
        /// Take it away from whoever has it
        #[arg(long)]
        nobody: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Resolve an incident by hand
    Resolve {
        /// Incident
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Close a resolved incident
    Close {
        /// Incident
        id: String,
        /// Why it happened: fibre_cut, device_fault, power_loss, planned_work, config_change, attack, false_alarm, other
        #[arg(long)]
        cause: String,
        /// Who was responsible
        #[arg(long)]
        party: String,
        /// Words
        #[arg(long, default_value = "")]
        comment: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Add a note to an incident
    Note {
        /// Incident
        id: String,
        /// Words
        text: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(_args: Args) -> Answer {
    Ok(Exit::Good)
}
