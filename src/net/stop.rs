//! One way to say "end now": a trigger and any number of handles that wait for it.
//! It carries no reason and cannot be taken back.

use tokio::sync::watch;

/// Ends everything that holds the matching `Stop`; dropping the last trigger does the same.
#[derive(Debug, Clone)]
pub struct StopTrigger(watch::Sender<bool>);

/// Waits for the trigger.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A trigger and its handle.
pub fn pair() -> (StopTrigger, Stop) {
    let (trigger, handle) = watch::channel(false);
    (StopTrigger(trigger), Stop(handle))
}

impl StopTrigger {
    /// Ends everything that waits; calling it again changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
    /// Another handle of this trigger.
    pub fn handle(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// Whether the end has come.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
    /// Returns when the end has come. Safe to drop and call again.
    pub async fn stopped(&self) {
        let mut handle = self.0.clone();
        // An error means that the last trigger is gone, which is an end too.
        let _ = handle.wait_for(|stopped| *stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_seen_by_handles_made_before_and_after_it() {
        let (trigger, early) = pair();
        assert!(!early.is_stopped());
        trigger.stop();
        early.stopped().await;
        trigger.handle().stopped().await;
        assert!(early.is_stopped());
    }

    #[tokio::test]
    async fn a_dropped_trigger_is_a_stop() {
        let (trigger, handle) = pair();
        drop(trigger);
        handle.stopped().await;
        assert!(handle.is_stopped());
    }
}
