//! From the spool to the console, and plans and jobs back.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::model::Wall;
use crate::model::wire::Desired;
use crate::net::clock::Clock;
use crate::net::stop::Stop;

use super::identity::Identity;
use super::spool::Spool;

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
    /// Where plans and jobs go.
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
    /// The last failure, in words.
    pub last_error: Option<String>,
    /// Last moment of our certificate.
    pub certificate_end: Wall,
}

impl UplinkStatus {
    /// Texts for `AgentStatus::limits`.
    pub fn limits(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Starts the uplink; it ends with `stop`.
pub fn run(parts: UplinkParts, stop: Stop) -> (JoinHandle<()>, watch::Receiver<UplinkStatus>) {
    let status = UplinkStatus { certificate_end: parts.identity.not_after, ..UplinkStatus::default() };
    let (tell, told) = watch::channel(status);
    let task = tokio::spawn(async move {
        stop.stopped().await;
        drop((parts, tell));
    });
    (task, told)
}
