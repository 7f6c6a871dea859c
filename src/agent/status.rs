//! The agent's own state, for its console and its metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::agent::Counts;
use crate::model::plan::Plan;
use crate::model::wire::{AgentStatus, HeardCounts};
use crate::model::{Cause, Mono, Now};
use crate::probe::{Limits, Run};
use crate::relay::spool::Spool;
use crate::relay::uplink::UplinkStatus;

/// Status records go up this often, and at once when something in them gets worse.
const EVERY: Duration = Duration::from_secs(60);
/// Most lines of limits in one status record.
const MAX_LIMITS: usize = 32;

/// Counts what happens and says when to tell.
pub(super) struct Status {
    started: Mono,
    next: Mono,
    spool: Spool,
    limits: Arc<Limits>,
    uplink: Option<watch::Receiver<UplinkStatus>>,
    hostname: String,
    plan_rev: u64,
    tasks: u64,
    plan_problems: Vec<String>,
    counts: Counts,
    heard: BTreeMap<String, HeardCounts>,
    told: Vec<String>,
}

impl Status {
    pub(super) fn new(
        now: Now,
        spool: Spool,
        limits: Arc<Limits>,
        uplink: Option<watch::Receiver<UplinkStatus>>,
    ) -> Self {
        Self {
            started: now.mono,
            next: now.mono,
            spool,
            limits,
            uplink,
            hostname: sysinfo::System::host_name().unwrap_or_default(),
            plan_rev: 0,
            tasks: 0,
            plan_problems: Vec::new(),
            counts: Counts::default(),
            heard: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// A plan came into use.
    pub(super) fn plan(&mut self, plan: &Plan, mut problems: Vec<String>) {
        problems.extend(plan.skipped.iter().cloned());
        for problem in &problems {
            tracing::warn!(%problem, "part of the plan cannot be carried out");
        }
        self.plan_rev = plan.rev;
        self.tasks = plan.tasks.len() as u64;
        self.plan_problems = problems;
        self.next = Mono::default();
    }

    /// A run ended.
    pub(super) fn ran(&mut self, run: &Run) {
        match run.cause {
            Some(Cause::Overrun) => self.counts.overrun += 1,
            Some(Cause::Late) => self.counts.late += 1,
            _ => self.counts.runs += 1,
        }
    }

    /// What a collector heard so far.
    pub(super) fn heard(&mut self, counts: HeardCounts) {
        self.heard.insert(counts.source.clone(), counts);
    }

    /// Runs since start.
    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The record, if it is time for one.
    pub(super) fn due(&mut self, now: Now) -> Option<AgentStatus> {
        let mut limits: Vec<String> =
            self.limits.list().into_iter().map(|(topic, text)| format!("{topic}: {text}")).collect();
        let spool = self.spool.stats();
        limits.extend(spool.limits());
        if let Some(uplink) = &self.uplink {
            limits.extend(uplink.borrow().limits());
        }
        limits.extend(self.plan_problems.iter().cloned());
        let more = limits.len().saturating_sub(MAX_LIMITS);
        if more > 0 {
            limits.truncate(MAX_LIMITS);
            limits.push(format!("and {more} more; see the agent's log"));
        }
        if now.mono < self.next && limits == self.told {
            return None;
        }
        self.next = now.mono.plus(EVERY);
        self.told.clone_from(&limits);
        Some(AgentStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: self.hostname.clone(),
            uptime_seconds: now.mono.since(self.started).as_secs(),
            plan_rev: self.plan_rev,
            tasks: self.tasks,
            spool_records: spool.records,
            spool_bytes: spool.bytes,
            spool_dropped: spool.dropped,
            skipped_runs: self.counts.overrun + self.counts.late,
            plan_problems: self.plan_problems.len() as u64,
            limits,
            heard: self.heard.values().cloned().collect(),
        })
    }
}
