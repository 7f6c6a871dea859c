//! What observations make: alerts. One state machine a (rule, object, instance): inactive, pending, firing,
//! recovering. Missing data never changes a state; only data does.

use std::time::Duration;

use crate::model::field::Catalog;
use crate::model::plan::{PlanObject, PlanRule, Task};
use crate::model::wire::{RosterEntry, Samples};
use crate::model::{AgentId, Alert, Mono, Now, Object, Observation};

/// State to keep over a restart: written in the transaction of the alert it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// `RULE|PROBLEM|OBJECT|INSTANCE`.
    pub key: String,
    /// The state; null = forget what is kept under this key.
    pub body: serde_json::Value,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this alert; keep (or, null, forget) its state in the same transaction.
    Alert {
        /// The record.
        alert: Alert,
        /// Its state.
        saved: Saved,
    },
    /// Keep state without sending anything.
    Save(Saved),
    /// Forget state without sending anything.
    Forget(String),
    /// Look again, soon: a judgement waits for fresh data.
    ProbeNow {
        /// At what.
        object: Object,
        /// How often.
        count: u32,
        /// How far apart.
        spacing: Duration,
        /// Why, for the log.
        reason: String,
    },
}

/// All rules of a plan with their states.
#[derive(Debug, Default)]
pub struct Rules {}

impl Rules {
    /// Compiles the rules and takes back the states of the last run. Rules that do not compile are left out and
    /// named in the answer. Withdrawals of saved alerts that have lost their rule come out of the first `tick`.
    pub fn new(
        _rules: &[PlanRule],
        _objects: &[PlanObject],
        _tasks: &[Task],
        _specs: Catalog,
        _saved: Vec<Saved>,
        _now: Now,
    ) -> (Self, Vec<String>) {
        (Self::default(), Vec::new())
    }
    /// Takes an observation of an agent's own probe.
    pub fn observe(&mut self, _seen: &Observation, _now: Now) -> Vec<Effect> {
        Vec::new()
    }
    /// Takes a summary window of an agent, for rules at the console.
    pub fn observe_samples(&mut self, _agent: &AgentId, _samples: &Samples, _now: Now) -> Vec<Effect> {
        Vec::new()
    }
    /// Timers: `for`, `clear_for`, `no_data`, and judgements put off by the limit of one a second.
    pub fn tick(&mut self, _now: Now) -> Vec<Effect> {
        Vec::new()
    }
    /// Takes a new plan: what is gone is withdrawn, what is changed is judged again, the rest goes on.
    pub fn reload(
        &mut self,
        _rules: &[PlanRule],
        _objects: &[PlanObject],
        _tasks: &[Task],
        _now: Now,
    ) -> (Vec<Effect>, Vec<String>) {
        (Vec::new(), Vec::new())
    }
    /// Every alert that is firing.
    pub fn roster(&self) -> Vec<RosterEntry> {
        Vec::new()
    }
    /// The alerts that are firing, whole: for the agent's own pages and metrics.
    pub fn firing(&self, _now: Now) -> Vec<Alert> {
        Vec::new()
    }
    /// When `tick` has something to do.
    pub fn next_wake(&self) -> Option<Mono> {
        None
    }
    /// Rows beyond the bound of instances, dropped since start.
    pub const fn dropped(&self) -> u64 {
        0
    }
}
