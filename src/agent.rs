//! The daemon on a node (探针): runs a plan, judges what it sees, spools what its console must know.
//!
//! It works the same cut off from its console as connected, and alone from a local plan. It knows nothing of
//! consoles but the relay's uplink. Everything that changes its state passes one loop, `core`.

mod bulk;
mod core;
mod latest;
mod runs;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config;
use crate::model::plan::Plan;
use crate::model::AgentId;
use crate::net::clock::Clock;
use crate::probe::{Ctx, Limits};
use crate::relay::identity::Identity;
use crate::relay::spool::{Caps, Spool};
use crate::relay::uplink;

pub use latest::Latest;

/// How long a stopping agent may take to write down and deliver what it has.
const DRAIN: Duration = Duration::from_secs(3);

/// What an agent is started with.
pub struct Parts {
    /// Its id.
    pub agent: AgentId,
    /// Its state directory (0700): plan, spool.
    pub dir: PathBuf,
    /// Bounds of the spool.
    pub caps: Caps,
    /// The clock.
    pub clock: Clock,
    /// The console, unless it runs alone.
    pub uplink: Option<Uplink>,
    /// A plan to begin with, when it runs alone.
    pub plan: Option<Plan>,
}

/// Where its console is, and who it is there.
pub struct Uplink {
    /// `https://HOST:PORT`.
    pub url: String,
    /// Key, certificate and CA.
    pub identity: Identity,
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its directory cannot be used.
    #[error("the agent's directory {}: {source}; make it writable for this user, or name another", dir.display())]
    Directory {
        /// Directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A running agent.
pub struct Agent {
    /// What every series is worth now, for its own `/metrics`.
    pub latest: Latest,
    /// What it cannot do, and why.
    pub limits: Arc<Limits>,
    plans: mpsc::Sender<Plan>,
    stop: watch::Sender<bool>,
    core: JoinHandle<()>,
    uplink: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts it: opens the spool, takes the last plan it wrote down, begins to probe, then calls home.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        std::fs::create_dir_all(&parts.dir)
            .map_err(|source| StartError::Directory { dir: parts.dir.clone(), source })?;
        let limits = Arc::new(Limits::default());
        let (spool, opened) = Spool::open(&parts.dir.join("spool.db"), parts.caps, &parts.clock);
        if let Some(aside) = &opened.corrupt_set_aside {
            limits.set("spool", format!("it was damaged and set aside as {}; a new epoch began", aside.display()));
        }
        let plan_file = parts.dir.join("plan.json");
        let plan = match parts.plan {
            Some(plan) => Some(plan),
            None => match config::plan::load(&plan_file) {
                Ok(plan) => plan.filter(|plan| plan.agent == parts.agent),
                Err(error) => {
                    limits.set("plan", format!("the one written down earlier cannot be used: {error}"));
                    None
                }
            },
        };
        let cx = Arc::new(Ctx { clock: parts.clock.clone(), agent: parts.agent.clone(), limits: limits.clone() });
        let (stop, stopping) = watch::channel(false);
        let (plans, plan_in) = mpsc::channel(4);
        let (desired_out, desired_in) = mpsc::channel(4);
        let (rev_out, rev_in) = watch::channel(plan.as_ref().map_or(0, |plan| plan.rev));
        let latest = Latest::default();
        let core = tokio::spawn(core::run(core::Parts {
            cx,
            spool: spool.clone(),
            plan_file: parts.uplink.is_some().then_some(plan_file),
            first: plan,
            plans: plan_in,
            desired: desired_in,
            rev: rev_out,
            latest: latest.clone(),
            stopping: stopping.clone(),
        }));
        let uplink = parts.uplink.map(|uplink| {
            tokio::spawn(uplink::run(
                uplink::Parts {
                    spool,
                    identity: uplink.identity,
                    url: uplink.url,
                    clock: parts.clock,
                    plan_rev: rev_in,
                    out: desired_out,
                },
                stopping,
            ))
        });
        Ok(Self { latest, limits, plans, stop, core, uplink })
    }

    /// Gives a stand-alone agent a new plan.
    pub async fn set_plan(&self, plan: Plan) {
        let _ = self.plans.send(plan).await; // the loop only ends on stop, when no plan matters
    }

    /// Ends runs in flight, writes down what was seen, delivers what it can, and returns within `DRAIN` twice.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for (name, task) in [("core", Some(self.core)), ("uplink", self.uplink)] {
            let Some(mut task) = task else { continue };
            if tokio::time::timeout(DRAIN, &mut task).await.is_err() {
                tracing::warn!(part = name, "did not end in time and was cut off");
                task.abort();
            }
        }
    }
}
