//! What the service manager is told: ready, alive, stopping. Without one, nothing.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::net::clock::Clock;

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
