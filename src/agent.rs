//! The daemon on a node (探针): runs a plan, judges what it sees, spools what its console must know.
//!
//! It works the same cut off from its console as connected, and alone from a local plan. It knows nothing of
//! consoles but the relay's uplink. Everything that changes its state passes one loop, `core`.

mod bulk;
mod core;
mod ears;
mod engine;
mod hours;
mod latest;
mod long;
mod runs;
mod status;
mod sweep;
mod triggers;
mod walks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::collect;
use crate::config;
use crate::model::plan::Plan;
use crate::model::{AgentId, Alert};
use crate::net::clock::Clock;
use crate::net::stop::{self, StopTrigger};
use crate::probe::stamp::reflect;
use crate::probe::{Ctx, Limits};
use crate::relay::identity::Identity;
use crate::relay::spool::{Caps, Spool, SpoolError};
use crate::relay::uplink::{self, UplinkParts, UplinkStatus};

pub use latest::Latest;

/// How long the loop, and then the uplink, may take to end; together under the five seconds of a stop.
const DRAIN: Duration = Duration::from_secs(2);

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
    /// Who it is at its console, unless it runs alone.
    pub identity: Option<Identity>,
    /// A plan to begin with, when it runs alone.
    pub plan: Option<Plan>,
    /// How it answers STAMP, if it does.
    pub reflector: Option<reflect::Terms>,
    /// What it listens for, and how.
    pub collectors: Vec<(&'static collect::Kind, collect::Terms)>,
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
    /// Its spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// What the loop tells of itself, after every tick.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Alerts that are firing.
    pub(crate) firing: Vec<Alert>,
    /// Runs since start, by how they went.
    pub(crate) counts: Counts,
}

/// Runs since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Runs that ended, of all kinds.
    pub runs: u64,
    /// Runs skipped because the one before had not ended.
    pub overrun: u64,
    /// Runs skipped because this host was too busy to begin in time.
    pub late: u64,
}

/// A running agent.
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What every series is worth now, for its own `/metrics`.
    pub latest: Latest,
    /// What it cannot do, and why.
    pub limits: Arc<Limits>,
    told: watch::Receiver<Told>,
    pulse: watch::Receiver<u64>,
    plans: mpsc::Sender<Plan>,
    stop_core: StopTrigger,
    stop_uplink: StopTrigger,
    core: JoinHandle<()>,
    uplink: Option<(JoinHandle<()>, watch::Receiver<UplinkStatus>)>,
    spool: Spool,
}

impl Agent {
    /// Starts it: opens the spool, takes the last plan it wrote down, begins to probe, then calls home.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        std::fs::create_dir_all(&parts.dir)
            .map_err(|source| StartError::Directory { dir: parts.dir.clone(), source })?;
        let limits = Arc::new(Limits::default());
        let (spool, opened) = Spool::open(&parts.dir.join("spool.db"), parts.caps, parts.clock.clone())?;
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
        let cx = Arc::new(Ctx {
            clock: parts.clock.clone(),
            agent: parts.agent.clone(),
            limits: limits.clone(),
            profiles: Arc::default(),
            marks: Arc::default(),
        });
        let (stop_core, core_stopped) = stop::pair();
        if let Some(terms) = parts.reflector {
            let counts = Arc::default();
            let stopped = core_stopped.clone();
            tokio::spawn(reflect::run(terms, parts.clock.clone(), limits.clone(), counts, stopped));
        }
        let (ears, mouth) = ears::pair();
        let restored = spool.saved().await?;
        for (kind, mut terms) in parts.collectors {
            if kind.engine {
                terms.engine = engine::own(&spool, &restored, mouth.users.clone()).await;
            }
            listen(kind, terms, &mouth, &cx, core_stopped.clone());
        }
        drop(mouth);
        let (stop_uplink, uplink_stopped) = stop::pair();
        let (plans, plan_in) = mpsc::channel(4);
        let (desired_out, desired_in) = mpsc::channel(4);
        // A plan that was written down without some of its parts is asked for again: this build may know them.
        let whole = plan.as_ref().filter(|plan| plan.skipped.is_empty());
        let (rev_out, rev_in) = watch::channel(whole.map_or(0, |plan| plan.rev));
        let latest = Latest::new(parts.clock.clone());
        let uplink = parts.identity.map(|identity| {
            let clock = parts.clock.clone();
            let parts = UplinkParts { spool: spool.clone(), identity, clock, plan_rev: rev_in, desired: desired_out };
            uplink::run(parts, uplink_stopped)
        });
        let (tell, told) = watch::channel(Told::default());
        let (beat, pulse) = watch::channel(0);
        let parts_of_core = core::Parts {
            cx,
            spool: spool.clone(),
            plan_file: uplink.is_some().then_some(plan_file),
            first: plan,
            plans: plan_in,
            desired: desired_in,
            rev: rev_out,
            latest: latest.clone(),
            uplink: uplink.as_ref().map(|(_, status)| status.clone()),
            stop: core_stopped,
            tell,
            beat,
        };
        let core = tokio::spawn(core::run(parts_of_core, ears));
        Ok(Self { id: parts.agent, latest, limits, told, pulse, plans, stop_core, stop_uplink, core, uplink, spool })
    }

    /// Gives a stand-alone agent a new plan.
    pub async fn set_plan(&self, plan: Plan) {
        let _ = self.plans.send(plan).await; // the loop only ends on stop, when no plan matters
    }

    /// The alerts that are firing, as of the last second.
    pub fn firing(&self) -> Vec<Alert> {
        self.told.borrow().firing.clone()
    }

    /// Counts the loop's ticks: when it stands still, so does the agent.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.pulse.clone()
    }

    /// Runs since start, as of the last second.
    pub fn counts(&self) -> Counts {
        self.told.borrow().counts
    }

    /// How the connection to its console is; `None` when it runs alone.
    pub fn uplink(&self) -> Option<UplinkStatus> {
        self.uplink.as_ref().map(|(_, status)| status.borrow().clone())
    }

    /// Ends runs in flight, writes down what was seen, delivers what it can; at most twice `DRAIN`.
    pub async fn stop(self) {
        self.stop_core.stop();
        end("loop", self.core).await;
        self.stop_uplink.stop();
        if let Some((uplink, _)) = self.uplink {
            end("uplink", uplink).await;
        }
        self.spool.close().await;
    }
}

/// Starts a collector.
fn listen(kind: &'static collect::Kind, terms: collect::Terms, mouth: &ears::Mouth, cx: &Ctx, stop: stop::Stop) {
    let limits = cx.limits.clone();
    let trouble = move |topic, text: Option<String>| match text {
        Some(text) => {
            if limits.set(topic, text.clone()) {
                tracing::warn!(topic, "{text}");
            }
        }
        None => limits.clear(topic),
    };
    let (clock, out, matcher) = (cx.clock.clone(), mouth.out.clone(), mouth.matcher.clone());
    let wires = collect::Wires { clock, matcher, out, trouble: Box::new(trouble), stop };
    tokio::spawn(collect::run(kind, terms, wires));
}

async fn end(part: &str, mut task: JoinHandle<()>) {
    if tokio::time::timeout(DRAIN, &mut task).await.is_err() {
        tracing::warn!(part, "did not end in time and was cut off");
        task.abort();
    }
}
