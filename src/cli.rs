//! The command line: the only place that reads argv and the environment. One file a subcommand, no logic:
//! a command turns words into a call of the layers below, and their answer into words.
//!
//! Every command file has `pub struct Args` (clap) and `pub fn run(args: Args) -> Answer`.
//! Exit codes: 0 good, 1 something bad found, 2 wrong use or definitions, 3 could not be looked at, 130 interrupted.

pub mod agent;
mod arenas;
pub mod baseline;
pub mod calendar;
pub mod check;
pub mod client;
pub mod completions;
pub mod console;
pub mod demo;
pub mod discover;
pub mod enroll;
mod hear;
pub mod help;
mod hidden;
pub mod incident;
pub mod inventory;
pub mod json;
pub mod link;
pub mod log;
pub mod maintenance;
pub mod man;
pub mod probe;
pub mod reach;
pub mod replay;
pub mod secret;
pub mod simulate;
pub mod snmp;
pub mod stamp;
mod supervise;
pub mod syslog;
pub mod table;
pub mod text;
pub mod token;
pub mod topology;
pub mod trap;
pub mod up;
pub mod user;
mod welcome;
pub mod zh;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::cli::text::pick;

/// How a command ended, as the exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Good.
    Good = 0,
    /// Something bad was found.
    Bad = 1,
    /// Wrong use or definitions; nothing was run.
    Usage = 2,
    /// Something could not be looked at.
    Unseen = 3,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do its work: one message that names the thing and a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For stderr, already in the reader's language.
    pub message: String,
}

impl Failure {
    /// Wrong use or definitions.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }
    /// It could not be looked at.
    pub fn unseen(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unseen, message: message.into() }
    }
    /// Something is bad or was refused.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { exit: Exit::Bad, message: message.into() }
    }
}

/// What every command's `run` answers.
pub type Answer = Result<Exit, Failure>;

/// How a read command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON object a line, with `"v":1`.
    Json,
}

/// Fengsui (烽燧) watches a government network and tells its duty room what broke.
#[derive(Debug, Parser)]
#[command(name = "fengsui", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Verb,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Console and agent in one process; watches this machine at once.
    Up(up::Args),
    /// The console alone.
    Console(console::Args),
    /// An agent alone.
    Agent(agent::Args),
    /// Read settings, definitions and inventory as the daemon would; print every mistake.
    Check(check::Args),
    /// The declared inventory: apply, export, diff, import.
    Inventory(inventory::Args),
    /// Working calendars: list and show them, import a year's holidays.
    Calendar(calendar::Args),
    /// Graded protection: judge device configurations against GB/T 22239.
    Baseline(baseline::Args),
    /// Look at targets now, by any kind of probe.
    Probe(probe::Args),
    /// Which addresses of a range answer, and what they are.
    Discover(discover::Args),
    /// Incidents: list them and handle them.
    Incident(incident::Args),
    /// Links: what they came to over a month.
    Link(link::Args),
    /// What devices say of their neighbours against the declared links.
    Topology(topology::Args),
    /// Maintenance windows: list, announce, agree to, end.
    Maintenance(maintenance::Args),
    /// API tokens.
    Token(token::Args),
    /// Named secrets: SNMP communities and users, logins, tokens.
    Secret(secret::Args),
    /// Accounts of people, and one-time sign-in links.
    User(user::Args),
    /// Enrolment of agents.
    Enroll(enroll::Args),
    /// Ask one SNMP agent: get, walk.
    Snmp(snmp::Args),
    /// Syslog: print what comes in, list what the console keeps.
    Syslog(syslog::Args),
    /// SNMP traps and informs: print what comes in.
    Trap(trap::Args),
    /// Answer STAMP and TWAMP Light, for delay and loss of each direction.
    Stamp(stamp::Args),
    /// Serve SNMP recordings as devices.
    Simulate(simulate::Args),
    /// Play a scenario of faults on simulated devices.
    Replay(replay::Args),
    /// Completions for a shell, on stdout.
    Completions(completions::Args),
    /// Manual pages, into a directory.
    Man(man::Args),
}

/// The clap command, in the reader's language; completions, man pages and tests start from it too.
pub fn command() -> clap::Command {
    command_in(text::lang())
}

/// The clap command in a language.
pub fn command_in(lang: text::Lang) -> clap::Command {
    let command = help::tidy(Cli::command());
    match lang {
        text::Lang::Zh => help::chinese(command),
        text::Lang::En => command,
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    arenas::bound();
    let cli = match command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors: clap prints them on stdout.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            match text::lang() {
                text::Lang::En => drop(error.print()),
                text::Lang::Zh => {
                    let words = zh::usage(&error.render().to_string());
                    if error.use_stderr() { say(words.trim_end()) } else { print(words.trim_end()) }
                }
            }
            return exit.into();
        }
    };
    finish(run(cli.command))
}

fn run(verb: Verb) -> Answer {
    match verb {
        Verb::Up(args) => up::run(args),
        Verb::Console(args) => console::run(args),
        Verb::Agent(args) => agent::run(args),
        Verb::Check(args) => check::run(args),
        Verb::Inventory(args) => inventory::run(args),
        Verb::Calendar(args) => calendar::run(args),
        Verb::Baseline(args) => baseline::run(args),
        Verb::Probe(args) => probe::run(args),
        Verb::Discover(args) => discover::run(args),
        Verb::Incident(args) => incident::run(args),
        Verb::Link(args) => link::run(args),
        Verb::Topology(args) => topology::run(args),
        Verb::Maintenance(args) => maintenance::run(args),
        Verb::Token(args) => token::run(args),
        Verb::Secret(args) => secret::run(args),
        Verb::User(args) => user::run(args),
        Verb::Enroll(args) => enroll::run(args),
        Verb::Snmp(args) => snmp::run(args),
        Verb::Syslog(args) => syslog::run(args),
        Verb::Trap(args) => trap::run(args),
        Verb::Stamp(args) => stamp::run(args),
        Verb::Simulate(args) => simulate::run(args),
        Verb::Replay(args) => replay::run(args),
        Verb::Completions(args) => completions::run(args),
        Verb::Man(args) => man::run(args),
    }
}

fn finish(answer: Answer) -> ExitCode {
    match answer {
        Ok(exit) => exit.into(),
        Err(failure) => {
            say(&pick(
                format!("错误：{}", failure.message.lines().map(zh::line).collect::<Vec<_>>().join("\n")),
                format!("error: {}", failure.message),
            ));
            failure.exit.into()
        }
    }
}

/// A line on stdout. A reader that has gone away (`| head`) is no error of ours: the program ends quietly.
pub fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A line on stderr; never fails.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A diagnostic or a refusal of another layer on stderr, in the reader's language.
pub fn complain(line: &str) {
    say(&pick(zh::line(line), line.to_owned()));
}

/// An environment variable, if it is set, not empty, and UTF-8.
#[expect(clippy::disallowed_methods, reason = "the one place of the program that reads the environment")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// Runs a future on a runtime of its own with `workers` threads.
pub fn block_on<T>(workers: usize, future: impl Future<Output = T>) -> Result<T, Failure> {
    // Without workers all is done by this thread: nobody has to be woken for what another has ready.
    let mut builder = match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(workers.max(1))
        .thread_name("fengsui")
        .enable_all()
        .build()
        .map_err(|e| Failure::unseen(format!("{}: {e}", pick("无法启动线程", "cannot start threads"))))?;
    let answer = runtime.block_on(future);
    // A blocking lookup must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(answer)
}

#[cfg(test)]
mod tests;
