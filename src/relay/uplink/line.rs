//! What the tasks of an uplink share: identity, status, and the signal that the console is there again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::model::Wall;
use crate::net::clock::Clock;
use crate::net::http::{Client, Response};
use crate::net::stop::Stop;

use super::UplinkStatus;
use super::backoff::{Backoff, retry_after};
use crate::relay::identity::Identity;
use crate::relay::spool::Spool;

/// How often a revoked agent asks whether it is still so.
const REVOKED_PAUSE: Duration = Duration::from_secs(600);

/// Shared by the tasks.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) spool: Spool,
    pub(super) clock: Clock,
    pub(super) identity: watch::Receiver<Identity>,
    pub(super) status: Arc<watch::Sender<UplinkStatus>>,
    /// Told when an exchange succeeds after a failure: waiting tasks try at once.
    pub(super) back: Arc<Notify>,
    pub(super) stop: Stop,
}

/// A client that follows the identity.
pub(super) struct Connection {
    client: Option<Client>,
    identity: watch::Receiver<Identity>,
    max_answer: usize,
}

impl Line {
    /// A connection for one task.
    pub(super) fn connection(&self, max_answer: usize) -> Connection {
        Connection { client: None, identity: self.identity.clone(), max_answer }
    }

    /// An exchange succeeded; `clocks` is the console's clock in its answer, and ours when we asked.
    pub(super) fn succeeded(&self, clocks: Option<(Wall, Wall)>) {
        let now = self.clock.wall();
        let was = self.status.borrow().connected;
        self.status.send_modify(|status| {
            if let Some((theirs, sent)) = clocks {
                let middle = sent.millis() + (now.millis() - sent.millis()) / 2;
                status.skew_ms = Some(theirs.millis() - middle);
            }
            status.connected = true;
            status.revoked = false;
            status.last_ok = Some(now);
            status.last_error = None;
        });
        if !was {
            tracing::info!("connected to the console");
            self.back.notify_waiters();
        }
    }

    /// An exchange failed.
    pub(super) fn failed(&self, why: &str) {
        let before = self.status.borrow().clone();
        if before.connected || before.last_error.is_none() {
            tracing::warn!(why, "the console does not answer; records are kept until it does");
        } else if before.last_error.as_deref() != Some(why) {
            tracing::debug!(why, "the console still does not answer");
        }
        self.status.send_modify(|status| {
            status.connected = false;
            status.last_error = Some(why.to_owned());
        });
    }

    /// The console answered, but not with what we hoped for; the line itself is well.
    pub(super) fn complained(&self, why: &str) {
        if self.status.borrow().last_error.as_deref() != Some(why) {
            tracing::warn!(why, "the console cannot take something");
        }
        self.status.send_modify(|status| status.last_error = Some(why.to_owned()));
    }

    /// The console answered that it is busy: it is there, so nothing is wrong with the line.
    pub(super) fn busy(&self, why: &str) {
        tracing::debug!(why, "the console is busy");
    }

    /// The console refuses this agent. With an expired certificate that is only a matter of renewal.
    pub(super) fn refused(&self, why: &str) {
        let expired = self.clock.wall() > self.identity.borrow().not_after;
        if !expired && !self.status.borrow().revoked {
            tracing::error!(why, "the console has revoked this agent; records are kept, not sent");
        }
        self.status.send_modify(|status| {
            status.connected = false;
            status.revoked = !expired;
            status.last_error = Some(why.to_owned());
        });
    }

    /// Waits, or less: until the console is there again, or the end.
    pub(super) async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = self.clock.sleep(wait) => {}
            () = self.back.notified() => {}
            () = self.stop.stopped() => {}
        }
    }

    /// Waits in full, or until the end; a console that asked for time gets it.
    pub(super) async fn pause_fully(&self, wait: Duration) {
        tokio::select! {
            () = self.clock.sleep(wait) => {}
            () = self.stop.stopped() => {}
        }
    }

    /// Waits long, or until there is another certificate than the one that was refused.
    async fn pause_revoked(&self, connection: &Connection) {
        let mut identity = connection.identity.clone();
        tokio::select! {
            () = self.clock.sleep(REVOKED_PAUSE) => {}
            Ok(()) = identity.changed() => {}
            () = self.stop.stopped() => {}
        }
    }

    /// What any answer but the expected ones means; waits as long as it asks for.
    pub(super) async fn unexpected(&self, answer: &Response, backoff: &mut Backoff, connection: &Connection) {
        let why = format!("the console answered {}: {}", answer.status, answer.reason());
        match answer.status {
            401 | 403 => {
                self.refused(&why);
                self.pause_revoked(connection).await;
            }
            429 | 503 => {
                self.busy(&why);
                let asked = retry_after(answer.header("retry-after"), fastrand::f64());
                let wait = asked.unwrap_or_else(|| backoff.next(fastrand::f64()));
                self.pause_fully(wait).await;
            }
            _ => {
                self.complained(&why);
                self.pause_fully(backoff.next(fastrand::f64())).await;
            }
        }
    }
}

impl Connection {
    /// The client of the present identity; the error is for a person.
    pub(super) fn client(&mut self, clock: &Clock) -> Result<Client, String> {
        let changed = self.identity.has_changed().unwrap_or(false);
        match &self.client {
            Some(client) if !changed => Ok(client.clone()),
            _ => {
                let made = self.identity.borrow_and_update().client(self.max_answer, clock);
                self.client = made.as_ref().ok().cloned();
                made.map_err(|e| e.to_string())
            }
        }
    }
}
