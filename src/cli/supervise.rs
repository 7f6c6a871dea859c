//! What a running daemon tells: the service manager that it is ready, alive, stopping; a person what this
//! machine cannot do. And what it waits for: changed files.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::say;
use super::text::pick;
use crate::config::watch::Watch;
use crate::net::clock::Clock;
use crate::probe::Limits;

/// Says that start-up is over, and keeps saying that we are alive for as long as `pulse` moves.
pub(crate) fn ready(clock: Clock, pulse: watch::Receiver<u64>) -> JoinHandle<()> {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]); // without a service manager there is nobody to tell
    tokio::spawn(async move {
        let Some(every) = sd_notify::watchdog_enabled().map(|limit| (limit / 3).max(Duration::from_secs(1))) else {
            return;
        };
        let mut last = None;
        loop {
            clock.sleep(every).await;
            let beat = *pulse.borrow();
            if last.replace(beat) != Some(beat) {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
    })
}

/// Says that we are about to end.
pub(crate) fn stopping() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}

/// Limits that a person has been told of.
#[derive(Default)]
pub(crate) struct Told(BTreeSet<(&'static str, String)>);

impl Told {
    /// Says what is new.
    pub(crate) fn tell(&mut self, limits: &Limits) {
        for (topic, text) in limits.list() {
            if self.0.insert((topic, text.clone())) {
                say(&pick(format!("本机受限 {topic}：{text}"), format!("cannot here: {topic}: {text}")));
            }
        }
    }
}

/// Returns when a watched file has changed; never, if none is watched.
pub(crate) async fn changed(files: &mut Option<Watch>) {
    match files {
        Some(files) => files.changed().await,
        None => std::future::pending().await,
    };
}
