//! `fengsui probe`: looks at targets now, with the very probers the agent runs, and says what they saw. It
//! judges nothing (rules do) and stores nothing (`--explain` says what an agent would store).

mod drive; // runs the targets, spread over the interval
mod show; // runs as lines, tables and JSON
mod targets; // words to tasks
mod times; // what many times amount to, in little memory

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub(super) use targets::Access;

use super::text::{parse_duration, pick};
use super::{Answer, Exit, Failure, Format, block_on, calendar};
use crate::config::kinds::parse_set;
use crate::model::id::AgentId;
use crate::model::observation::Outcome;
use crate::model::plan::Settings;
use crate::net::clock::Clock;
use crate::probe::device::Profiles;
use crate::probe::{Ctx, KINDS, Kind, Runner, kind};

/// Runs shown at a time.
const READY: usize = 256;

/// Options of `probe`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kind of probe, such as icmp, tcp, http or dns; a wrong one lists all
    pub kind: String,
    /// Hosts, HOST:PORT, URLs, or @ASSET of the --inventory; none for a kind that looks at its own host
    #[arg(value_name = "TARGET")]
    pub target: Vec<String>,
    /// Read more targets from a file, one a line (# comments; - is stdin)
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Inventory file or directory, for @ASSET
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,
    /// A setting of the kind, such as count=3 (repeat for more)
    #[arg(long, value_name = "K=V")]
    pub set: Vec<String>,
    /// Runs a target; 0 goes on until interrupted
    #[arg(long, short = 'c', default_value_t = 1)]
    pub count: u64,
    /// Time between the runs of a target
    #[arg(long, short = 'i', default_value = "1s", value_parser = parse_duration)]
    pub interval: Duration,
    /// Time after which a run is given up
    #[arg(long, short = 't', default_value = "3s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// How to print: table or json (one object a line)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Say also with which settings, step by step, and what an agent would store
    #[arg(long)]
    pub explain: bool,
    /// SNMP credentials.
    #[command(flatten)]
    pub access: targets::Access,
}

/// What is to be done, checked.
struct Order {
    kind: &'static Kind,
    settings: Settings,
    targets: Vec<targets::Aim>,
    args: Args,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    let order = check(args)?;
    let profiles = Arc::new(Profiles::default());
    if order.kind.spec.profiles {
        profiles.set(calendar::in_force(Vec::new())?.profiles.clone());
    }
    let cx =
        Ctx { clock: Clock::system(), agent: own_name(), limits: Arc::default(), profiles, marks: Arc::default() };
    // A bulk kind is one loop over one socket; the others wait for many things at once.
    let workers = if matches!(order.kind.runner, Runner::Bulk(_)) { 0 } else { 2 };
    // As a task like the others: the outermost future is woken by a system call.
    let watching = async { tokio::spawn(watch(cx, order)).await };
    block_on(workers, watching)?.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()))
}

/// Everything that can be wrong with the words, before anything runs.
fn check(args: Args) -> Result<Order, Failure> {
    let Some(kind) = kind(&args.kind).filter(|kind| !matches!(kind.runner, Runner::Derived)) else {
        let looks = |kind: &&Kind| !matches!(kind.runner, Runner::Derived);
        let known = KINDS.iter().filter(looks).map(|k| k.spec.name).collect::<Vec<_>>().join(", ");
        let name = &args.kind;
        return Err(Failure::usage(pick(
            format!("没有 `{name}` 这种监测；可用的有 {known}"),
            format!("no probe kind `{name}`; there are {known}"),
        )));
    };
    if args.timeout.is_zero() || args.interval.is_zero() {
        return Err(Failure::usage(pick(
            "--timeout 与 --interval 须大于零",
            "--timeout and --interval must not be zero",
        )));
    }
    let set: Vec<&str> = args.set.iter().map(String::as_str).collect();
    let settings = parse_set(kind.spec, &set).map_err(|wrong| Failure::usage(wrong.join("\n")))?;
    let targets = targets::read(kind.spec, &args)?;
    Ok(Order { kind, settings, targets, args })
}

async fn watch(cx: Ctx, order: Order) -> Answer {
    let tasks = targets::tasks(&order);
    let secret = order.args.access.secret(order.kind.spec).map_err(Failure::usage)?;
    let (out, mut told) = mpsc::channel(1024);
    let mut driver = drive::start(&cx, &order, &tasks, secret.as_ref(), out).map_err(Failure::usage)?;
    let mut screen = show::Screen::new(&cx, &order, &tasks);
    let mut interrupted = false;
    let mut left = if order.args.count == 0 { u64::MAX } else { order.args.count.saturating_mul(tasks.len() as u64) };
    let mut ready = Vec::with_capacity(READY);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    while left > 0 {
        tokio::select! {
            n = told.recv_many(&mut ready, READY) => {
                ready.drain(..).for_each(|ended| screen.take(ended));
                left = if n == 0 { 0 } else { left.saturating_sub(n as u64) };
            }
            _ = &mut interrupt => {
                interrupted = true;
                break;
            }
        }
    }
    driver.shutdown().await;
    screen.finish();
    Ok(match screen.worst() {
        _ if interrupted => Exit::Interrupted,
        Outcome::Failed => Exit::Bad,
        Outcome::Invalid => Exit::Unseen,
        Outcome::Ok | Outcome::Degraded => Exit::Good,
    })
}

/// Whom observations come from: this host, as far as its name is an id.
fn own_name() -> AgentId {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    AgentId::new(&targets::slug(host.trim()))
        .unwrap_or_else(|_| AgentId::new("local").expect("`local` is a slug, see model::id"))
}
