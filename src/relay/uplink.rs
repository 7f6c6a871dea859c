//! From the spool to the console, and plans and jobs back.
//!
//! One task a stream with one request in flight, a long poll for what the console desires, and one that
//! renews the certificate. Whatever the console answers ends in progress: acknowledged, rewound, put aside,
//! or tried again later. The agent only ever calls; it accepts nothing. It does not decide what to send,
//! nor what a plan means.

mod backoff;
mod desired;
mod line;
mod renew;
mod send;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::model::Wall;
use crate::model::wire::{Desired, Stream};
use crate::net::clock::Clock;
use crate::net::stop::Stop;

use super::identity::Identity;
use super::spool::Spool;

use line::Line;

/// A clock this far from the console's is told: correlation and history suffer.
pub const SKEW_LIMIT: Duration = Duration::from_secs(2);
/// Pause before a task that panicked is started again.
const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// What the uplink works with.
pub struct UplinkParts {
    /// Records to send.
    pub spool: Spool,
    /// Who we are, and where the console is.
    pub identity: Identity,
    /// Clock.
    pub clock: Clock,
    /// Revision of the plan in use; the long poll asks for anything newer.
    pub plan_rev: watch::Receiver<u64>,
    /// Where plans and jobs go; a job comes once in the life of the process, its result goes through the spool.
    pub desired: mpsc::Sender<Desired>,
}

/// How the connection is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UplinkStatus {
    /// The last exchange succeeded.
    pub connected: bool,
    /// The console refuses this agent; records are kept, not sent.
    pub revoked: bool,
    /// The console's clock minus ours, milliseconds; at most half a round trip wrong.
    pub skew_ms: Option<i64>,
    /// When an exchange last succeeded.
    pub last_ok: Option<Wall>,
    /// The last failure, in words; gone after success.
    pub last_error: Option<String>,
    /// Last moment of our certificate.
    pub certificate_end: Wall,
    /// Why the certificate could not be renewed when it was due.
    pub renewal_error: Option<String>,
}

impl UplinkStatus {
    /// Texts for `AgentStatus::limits`: what keeps this agent from reporting as it should.
    pub fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if self.revoked {
            limits.push("the console has revoked this agent: records are kept, not sent; enrol it again".to_owned());
        }
        if let Some(why) = &self.renewal_error {
            limits.push(format!("the certificate ends at {} and cannot be renewed: {why}", self.certificate_end));
        }
        if let Some(skew) = self.skew_ms
            && u128::from(skew.unsigned_abs()) > SKEW_LIMIT.as_millis()
        {
            let side = if skew > 0 { "behind" } else { "ahead of" };
            let by = skew.unsigned_abs();
            limits.push(format!("this machine's clock is {by} ms {side} the console's: set up time synchronisation"));
        }
        limits
    }
}

/// Starts the uplink; it ends with `stop`, within two seconds.
pub fn run(parts: UplinkParts, stop: Stop) -> (JoinHandle<()>, watch::Receiver<UplinkStatus>) {
    let UplinkParts { spool, identity, clock, plan_rev, desired } = parts;
    let status = UplinkStatus { certificate_end: identity.not_after, ..UplinkStatus::default() };
    let (tell, told) = watch::channel(status);
    let identity = watch::Sender::new(identity);
    let line = Line {
        spool,
        clock,
        identity: identity.subscribe(),
        status: Arc::new(tell),
        back: Arc::new(Notify::new()),
        stop,
    };
    let task = tokio::spawn(async move {
        let mut tasks = JoinSet::new();
        for stream in Stream::ALL {
            let own = line.clone();
            tasks.spawn(keep(line.clone(), stream.as_str(), move || send::send(own.clone(), stream)));
        }
        let own = line.clone();
        tasks.spawn(keep(line.clone(), "desired", move || {
            desired::poll(own.clone(), plan_rev.clone(), desired.clone())
        }));
        let own = line.clone();
        tasks.spawn(keep(line, "renew", move || renew::renew(own.clone(), identity.clone())));
        while tasks.join_next().await.is_some() {}
    });
    (task, told)
}

/// Runs a task until it ends; one that panicked is started again, so that one bad answer does not silence
/// an agent for good.
async fn keep<F>(line: Line, name: &'static str, start: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let mut task = JoinSet::new();
        task.spawn(start());
        match task.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(task = name, "an uplink task panicked; it starts again")
            }
            _ => return,
        }
        line.pause_fully(PANIC_PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
