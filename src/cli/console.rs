//! `fengsui console`: the console alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use super::client::{start_failure, unreadable};
use super::reach::data_dir;
use super::text::pick;
use super::{Answer, Exit, Failure, env, say, supervise, welcome};
use crate::config::Diagnostic;
use crate::config::settings::ConsoleSettings;
use crate::console::store::SealingKey;
use crate::console::{Console, ConsoleParts, Handle};
use crate::net::clock::Clock;

/// Options of `console`, and of the console in `up`; they prevail over the settings file.
#[derive(Debug, clap::Args)]
#[group(skip)] // else its name clashes with that of `up`, which takes these in
pub struct Args {
    /// Settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of pages and API: plain HTTP on loopback, HTTPS elsewhere [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address for agents (mTLS) [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR")]
    pub agent_listen: Option<SocketAddr>,
    /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let parts = parts(args)?;
    super::block_on(2, async move {
        let handle = Console::start(parts).await.map_err(|e| start_failure(&e))?;
        welcome::tell(&handle).await;
        say(pick("已就绪（ready）；按 Ctrl-C 停止", "ready; Ctrl-C stops it"));
        let watchdog = supervise::ready(handle.service.clock.clone(), beats(&handle));
        let interrupted = until_signal().await?;
        say(pick("正在停止……", "stopping ..."));
        supervise::stopping();
        watchdog.abort();
        handle.stop().await;
        Ok(if interrupted { Exit::Interrupted } else { Exit::Good })
    })?
}

/// Settings as the options change them.
pub fn parts(args: Args) -> Result<ConsoleParts, Failure> {
    let mut settings = match &args.config {
        Some(file) => ConsoleSettings::read(file).map_err(|list| settings_failure(&list))?,
        None => ConsoleSettings::default(),
    };
    let data = data_dir(args.data.or_else(|| settings.data.clone()));
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.agent_listen = args.agent_listen.unwrap_or(settings.agent_listen);
    if !args.definitions.is_empty() {
        settings.definitions = args.definitions;
    }
    Ok(ConsoleParts { data, settings, catalog: crate::probe::catalog(), clock: Clock::system(), key: sealing_key()? })
}

/// All mistakes of a settings file on stderr, and the failure that sums them up.
pub fn settings_failure(list: &[Diagnostic]) -> Failure {
    for diagnostic in list {
        super::complain(&diagnostic.to_string());
    }
    Failure::usage(pick(
        format!("配置有 {} 处错误，未启动", list.len()),
        format!("the settings have {} mistakes; mend them and start again", list.len()),
    ))
}

/// The sealing key of the system's credentials (`LoadCredential=fengsui-key`), 32 bytes or 64 hex digits.
fn sealing_key() -> Result<Option<SealingKey>, Failure> {
    let Some(dir) = env("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let file = PathBuf::from(dir).join("fengsui-key");
    if !file.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(&file).map_err(|e| unreadable(&file, &e))?;
    read_key(&bytes).map(|key| Some(SealingKey(key))).ok_or_else(|| {
        let file = file.display();
        Failure::usage(pick(
            format!("{file} 应为 32 字节或 64 个十六进制字符"),
            format!("{file} must hold 32 bytes or 64 hex digits; make one with `openssl rand -hex 32`"),
        ))
    })
}

fn read_key(bytes: &[u8]) -> Option<[u8; 32]> {
    if let Ok(key) = <[u8; 32]>::try_from(bytes) {
        return Some(key);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; 32];
    for (n, slot) in key.iter_mut().enumerate() {
        *slot = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(key)
}

/// Counts up for as long as the store answers; the service manager is told by it that we are alive.
fn beats(handle: &Handle) -> watch::Receiver<u64> {
    const EVERY: Duration = Duration::from_secs(3);
    let (beat, pulse) = watch::channel(0);
    let (store, clock) = (handle.service.store.clone(), handle.service.clock.clone());
    tokio::spawn(async move {
        while !beat.is_closed() {
            if store.incident_counts().await.is_ok() {
                beat.send_modify(|n| *n += 1);
            }
            clock.sleep(EVERY).await;
        }
    });
    pulse
}

/// Waits for Ctrl-C (true) or SIGTERM (false).
pub async fn until_signal() -> Result<bool, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Failure::unseen(format!("signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealing_key_is_bytes_or_hex() {
        assert_eq!(read_key(&[7; 32]), Some([7; 32]));
        assert_eq!(read_key(format!("{}\n", "07".repeat(32)).as_bytes()), Some([7; 32]));
        for wrong in [&b""[..], b"07", &[b'g'; 64], &[7; 31]] {
            assert_eq!(read_key(wrong), None);
        }
    }
}
