//! Where the log goes: stderr, filtered by FENGSUI_LOG (default `info`), without times under journald,
//! which writes its own.

use tracing_subscriber::EnvFilter;

/// Starts the log of a daemon. A second call does nothing.
pub fn start() {
    start_at("info");
}

/// Starts the log, at `level` unless FENGSUI_LOG says otherwise.
pub fn start_at(level: &str) {
    let asked = super::env("FENGSUI_LOG");
    let filter = EnvFilter::try_new(quiet(asked.as_deref().unwrap_or(level)));
    let wrong = filter.is_err();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(quiet(level)));
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if super::env("JOURNAL_STREAM").is_some() {
        base.with_ansi(false).without_time().try_init()
    } else {
        base.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    if wrong && started.is_ok() {
        tracing::warn!(
            FENGSUI_LOG = asked,
            "this is no log filter, `info` is used; write for example `info,fengsui::relay=debug`"
        );
    }
}

/// The SNMP library logs every device that does not answer as an error; the observation already says so.
fn quiet(filter: &str) -> String {
    if filter.contains("async_snmp") { filter.to_owned() } else { format!("{filter},async_snmp=off") }
}
