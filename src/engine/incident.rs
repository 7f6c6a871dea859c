//! What the alerts of all agents make: incidents. One row a key (problem, object, instance) while it is open
//! or acknowledged; suppression is a set of flags beside the state and never keeps a state from changing.
//! It stores nothing: each effect carries a whole incident for the store to put in place of the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::incident::{AckKind, CloseCause, Incident, IncidentState, TimelineEntry, Vantage};
use crate::model::wire::RosterEntry;
use crate::model::{AgentId, Alert, Object, ProblemId, Wall};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An alert record came in; its times are corrected by the agent's clock skew.
    Alert {
        /// From.
        agent: AgentId,
        /// The record.
        alert: Alert,
        /// Older than ten minutes when it came (补报).
        history: bool,
    },
    /// All that is firing on an agent: what we hold beyond it is withdrawn.
    Roster {
        /// From.
        agent: AgentId,
        /// What fires there.
        entries: Vec<RosterEntry>,
        /// When it was made, corrected by the agent's clock skew.
        at: Wall,
    },
    /// Nothing was heard of an agent for too long.
    AgentSilent {
        /// Which.
        agent: AgentId,
    },
    /// It speaks again.
    AgentHeard {
        /// Which.
        agent: AgentId,
    },
    /// An object left the inventory: all that is said about it is withdrawn.
    ObjectGone {
        /// Which.
        object: Object,
    },
    /// Acknowledge.
    Ack {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
        /// What they say.
        comment: String,
        /// For how long.
        kind: AckKind,
    },
    /// End an acknowledgement.
    Unack {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
    },
    /// Assign, or take away.
    Assign {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
        /// To whom.
        to: Option<String>,
    },
    /// Resolve by hand.
    Resolve {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
        /// Why; not empty.
        reason: String,
    },
    /// Close a resolved one.
    Close {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
        /// Why it happened.
        cause: CloseCause,
        /// Responsible party; not empty.
        party: String,
        /// Words.
        comment: String,
    },
    /// Add a note.
    Note {
        /// Incident.
        incident: Arc<str>,
        /// Who.
        actor: String,
        /// Words; not empty.
        text: String,
    },
    /// Time passed: acknowledgements expire, held symptoms come free.
    Tick,
}

/// What is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The whole incident, new or changed.
    Put(Incident),
    /// A line of its timeline.
    Timeline(TimelineEntry),
}

/// Why an operator's input was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not held in memory. If the store has it: `load` it and try again.
    #[error("there is no incident {0}")]
    Unknown(Arc<str>),
    /// Its state does not allow that.
    #[error("incident {incident} is {}: {remedy}", .state.as_str())]
    Conflict {
        /// Incident.
        incident: Arc<str>,
        /// Its state.
        state: IncidentState,
        /// What to do instead.
        remedy: &'static str,
    },
    /// Something must be said and was not.
    #[error("incident {incident}: {what} must not be empty")]
    Missing {
        /// Incident.
        incident: Arc<str>,
        /// What is missing.
        what: &'static str,
    },
}

/// What the book cannot know from alerts alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// How agents combine, by problem; `Any` where nothing is said.
    pub vantage: BTreeMap<ProblemId, Vantage>,
    /// Which agents watch an object; where nothing is said, those that have spoken about it.
    pub watchers: BTreeMap<Object, BTreeSet<AgentId>>,
}

/// All incidents that may still change by themselves.
#[derive(Debug, Default)]
pub struct Book {}

impl Book {
    /// Takes back what the store holds: all open and acked ones, and those resolved or closed in the last hours.
    pub fn restore(_incidents: Vec<Incident>) -> Self {
        Self::default()
    }
    /// Sets the policy; it counts from the next input on.
    pub fn set_policy(&mut self, _policy: Policy) {}
    /// Takes an old incident from the store into memory, so that a person can act on it.
    pub fn load(&mut self, _incident: Incident) {}
    /// One input. Only operators' inputs are ever refused. `id` makes a new UUIDv7.
    pub fn apply(
        &mut self,
        _input: Input,
        _now: Wall,
        _id: &mut dyn FnMut() -> Arc<str>,
    ) -> Result<Vec<Effect>, Refused> {
        Ok(Vec::new())
    }
    /// All agents' inputs of one batch, committed together: an incident changed twice is put once, as it ends up.
    pub fn apply_all(&mut self, _inputs: Vec<Input>, _now: Wall, _id: &mut dyn FnMut() -> Arc<str>) -> Vec<Effect> {
        Vec::new()
    }
    /// One incident.
    pub fn incident(&self, _id: &str) -> Option<&Incident> {
        None
    }
    /// All open and acknowledged ones.
    pub fn active(&self) -> impl Iterator<Item = &Incident> {
        std::iter::empty()
    }
    /// Alerts dropped since start because there were too many incidents.
    pub const fn dropped(&self) -> u64 {
        0
    }
}
