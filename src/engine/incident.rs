//! What the alerts of all agents make: incidents. One row a key (problem, object, instance) while it is open
//! or acknowledged; suppression is a set of flags beside the state and never keeps a state from changing.
//! It stores nothing: each effect carries a whole incident for the store to put in place of the old one.

mod alert;
mod fold;
mod hush;
mod note;
mod operator;
mod partial;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::maintenance::Cover;
use crate::model::incident::{
    AckKind, CloseCause, Contribution, Incident, IncidentState, TimelineEntry, TimelineKind, Vantage,
};
use crate::model::wire::RosterEntry;
use crate::model::{AgentId, Alert, AlertKey, Object, ProblemId, Wall};

/// A resolved incident whose key fires again within this time goes on; later it is a new one.
pub const REOPEN: Duration = Duration::from_secs(30 * 60);
/// A symptom whose cause is gone waits so long for a fresh word of its own before it stands alone: longer than
/// the shipped loss rules need to forget an outage, else each would end with a second alarm about its echo.
pub const HOLD: Duration = Duration::from_secs(180);
/// Open and acknowledged incidents at one time; twenty thousand devices with five problems each. Alerts beyond
/// open nothing and are counted.
pub const MAX_ACTIVE: usize = 100_000;
/// Resolved and closed incidents kept in memory, newest first: what may reopen, or be named as `previous`.
pub const MAX_ENDED: usize = 20_000;
/// Alerts kept of agents that do not suffice to open an incident (`vantage`).
pub const MAX_WAITING: usize = 100_000;
/// Who speaks for the console's own rules.
pub const CONSOLE: &str = "console";
/// Problem and rule of an agent that is not heard of.
pub const AGENT_SILENT: &str = "agent-silent";

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
    /// Which maintenance windows are open now, and what they cover.
    Maintenance {
        /// All of them.
        open: Vec<Cover>,
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
#[expect(clippy::large_enum_variant, reason = "an effect lives until it is carried out, a few lines later")]
pub enum Effect {
    /// The whole incident, new or changed.
    Put(Incident),
    /// A line of its timeline.
    Timeline(TimelineEntry),
    /// Have an object looked at: what it hung on is back.
    Look(Object),
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
    /// An acknowledgement until a time that has passed.
    #[error("incident {0}: the acknowledgement would have ended already; give a time in the future")]
    Past(Arc<str>),
    /// Something must be said and was not.
    #[error("incident {incident}: {what} must not be empty")]
    Missing {
        /// Incident.
        incident: Arc<str>,
        /// What is missing.
        what: &'static str,
    },
}

impl Refused {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Unknown(id) => format!("没有事件 {id}"),
            Self::Conflict { incident, state, remedy } => {
                let remedy = match *remedy {
                    "only an open incident can be acknowledged" => "只有未受理的事件可以受理",
                    "it is not acknowledged" => "它并未受理",
                    "a closed incident is nobody's work any more" => "已关闭的事件不能再派单",
                    "it is resolved already" => "它已恢复",
                    "resolve it first" => "请先恢复再关闭",
                    "it is closed already" => "它已关闭",
                    other => other,
                };
                format!("事件 {incident} {}：{remedy}", state.zh())
            }
            Self::Past(id) => format!("事件 {id}：受理的截止时间已过；请给将来的时间"),
            Self::Missing { incident, what } => {
                let what = match *what {
                    "the reason" => "原因",
                    "the responsible party" => "责任方",
                    "the note" => "备注",
                    other => other,
                };
                format!("事件 {incident}：{what}不得为空")
            }
        }
    }
}

/// What the book cannot know from alerts alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// How agents combine, by problem; `Any` where nothing is said.
    pub vantage: BTreeMap<ProblemId, Vantage>,
    /// Which agents watch an object; where nothing is said, those that have spoken about it.
    pub watchers: BTreeMap<Object, BTreeSet<AgentId>>,
    /// What an object hangs on: groups of objects; it is out of reach when all of any group are. A symptom looks
    /// there for its cause too.
    pub hangs_on: BTreeMap<Object, Vec<Vec<Object>>>,
    /// How soon trouble of an object is noticed: what hangs on it waits so long before it is loud.
    pub noticed_within: BTreeMap<Object, Duration>,
    /// What has one of these problems goes on working.
    pub partial: BTreeSet<ProblemId>,
    /// For what hangs on their object, these problems are as good as those.
    pub counts_as: BTreeMap<ProblemId, ProblemId>,
    /// Links by the addresses of their ends.
    pub addresses: BTreeMap<IpAddr, Object>,
}

/// All incidents that may still change by themselves, and the newest that have ended.
#[derive(Debug, Default)]
pub struct Book {
    incidents: HashMap<Arc<str>, Incident>,
    /// Open and acknowledged ones by key: the key is taken.
    active: HashMap<AlertKey, Arc<str>>,
    /// The newest ended one of a key.
    ended: HashMap<AlertKey, Arc<str>>,
    /// Ended ones in the order in which they ended, to forget the oldest.
    endings: VecDeque<(Arc<str>, Wall)>,
    /// Active ones by object.
    by_object: HashMap<Object, BTreeSet<Arc<str>>>,
    /// Active ones by agents that have a say in them.
    by_agent: HashMap<AgentId, BTreeSet<Arc<str>>>,
    /// Firing alerts of keys whose vantage is not reached.
    waiting: BTreeMap<AlertKey, Waiting>,
    silent: BTreeSet<AgentId>,
    /// Acknowledged until a time.
    timed: BTreeSet<Arc<str>>,
    /// Symptoms whose cause is gone: when it ended, and when we learnt it.
    held: BTreeMap<Arc<str>, (Wall, Wall)>,
    /// Incidents that wait for word of what they hang on, and until when.
    quiet: BTreeMap<Arc<str>, Wall>,
    /// Active symptoms by their cause.
    symptoms: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Links that active ones name by their addresses, and the other way round.
    names: HashMap<Arc<str>, BTreeSet<Object>>,
    naming: HashMap<Object, BTreeSet<Arc<str>>>,
    /// Open maintenance windows; nothing until they are told.
    maintenance: Option<Vec<Cover>>,
    policy: Policy,
    /// `Policy::hangs_on` the other way round.
    hanging: HashMap<Object, BTreeSet<Object>>,
    dropped: u64,
}

/// Firing alerts of one key that do not suffice yet.
#[derive(Debug, Default)]
struct Waiting {
    category: Arc<str>,
    runbook: Arc<str>,
    votes: Vec<Contribution>,
}

/// One call: the time, where ids come from, and what has been done so far.
struct Work<'a> {
    now: Wall,
    id: &'a mut dyn FnMut() -> Arc<str>,
    touched: Vec<Arc<str>>,
    lines: Vec<TimelineEntry>,
    looks: BTreeSet<Object>,
}

impl Work<'_> {
    fn touch(&mut self, id: &Arc<str>) {
        if !self.touched.contains(id) {
            self.touched.push(id.clone());
        }
    }

    fn line(&mut self, id: &Arc<str>, at: Wall, actor: &str, kind: TimelineKind, text: impl Into<String>) {
        self.touch(id);
        let entry = TimelineEntry { incident: id.clone(), at, actor: actor.to_owned(), kind, text: text.into() };
        self.lines.push(entry);
    }
}

impl Book {
    /// Takes back what the store holds: all open and acked ones, and those resolved or closed in the last hours.
    pub fn restore(mut incidents: Vec<Incident>) -> Self {
        let mut book = Self::default();
        incidents.sort_by(|a, b| (a.resolved, a.opened, &a.id).cmp(&(b.resolved, b.opened, &b.id)));
        for incident in incidents {
            book.load(incident);
        }
        let orphans: Vec<Arc<str>> = book
            .active()
            .filter(|i| i.flags.topology && !book.is_active(i.cause.as_ref()))
            .map(|i| i.id.clone())
            .collect();
        // Their cause ended while we were not running: the hold begins at the first tick.
        book.held.extend(orphans.into_iter().map(|id| (id, (Wall::default(), Wall::default()))));
        book
    }

    /// Sets the policy; it counts from the next input on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.hanging.clear();
        for (object, groups) in &policy.hangs_on {
            for above in groups.iter().flatten() {
                self.hanging.entry(above.clone()).or_default().insert(object.clone());
            }
        }
        self.policy = policy;
        (self.names, self.naming) = Default::default();
        let ids: Vec<Arc<str>> = self.active.values().cloned().collect();
        ids.iter().for_each(|id| self.name(id));
    }

    /// Takes an old incident from the store into memory, so that a person can act on it.
    pub fn load(&mut self, incident: Incident) {
        if self.incidents.contains_key(&incident.id) {
            return;
        }
        let id = incident.id.clone();
        let (state, key, ended) =
            (incident.state, incident.key.clone(), incident.resolved.unwrap_or(incident.updated));
        let silent = match (&key.object, key.problem.as_str()) {
            (Object::Agent(agent), AGENT_SILENT) if state.active() => Some(agent.clone()),
            _ => None,
        };
        self.silent.extend(silent);
        let timed = state == IncidentState::Acked
            && incident.ack.as_ref().is_some_and(|a| matches!(a.kind, AckKind::Until(_)));
        if timed {
            self.timed.insert(id.clone());
        }
        self.incidents.insert(id.clone(), incident);
        if state.active() {
            self.index(&id);
            if self.incidents.get(&id).is_some_and(|incident| incident.flags.held) {
                // Whatever it waited for is told anew, or not at all.
                self.quiet.insert(id.clone(), Wall::default());
            }
            let hung = self.incidents.get(&id).filter(|i| i.flags.topology).and_then(|i| i.cause.clone());
            if let Some(cause) = hung {
                self.symptoms.entry(cause).or_default().insert(id);
            }
        } else {
            let newer = self
                .ended
                .get(&key)
                .and_then(|other| self.incidents.get(other))
                .is_some_and(|other| other.resolved.unwrap_or(other.updated) > ended);
            if !newer {
                self.ended.insert(key, id.clone());
            }
            self.endings.push_back((id, ended));
        }
    }

    /// One input. Only operators' inputs are ever refused. `id` makes a new UUIDv7.
    pub fn apply(
        &mut self,
        input: Input,
        now: Wall,
        id: &mut dyn FnMut() -> Arc<str>,
    ) -> Result<Vec<Effect>, Refused> {
        let mut work = Work { now, id, touched: Vec::new(), lines: Vec::new(), looks: BTreeSet::new() };
        self.step(input, &mut work)?;
        Ok(self.finish(work))
    }

    /// All agents' inputs of one batch, committed together: an incident changed twice is put once, as it ends up.
    /// So a late raise whose clear is in the batch too is only ever seen resolved.
    pub fn apply_all(&mut self, inputs: Vec<Input>, now: Wall, id: &mut dyn FnMut() -> Arc<str>) -> Vec<Effect> {
        let mut work = Work { now, id, touched: Vec::new(), lines: Vec::new(), looks: BTreeSet::new() };
        for input in inputs {
            if let Err(refused) = self.step(input, &mut work) {
                tracing::warn!(%refused, "an operator's input in a batch of agents' inputs was refused");
            }
        }
        self.finish(work)
    }

    fn step(&mut self, input: Input, work: &mut Work<'_>) -> Result<(), Refused> {
        match input {
            Input::Alert { agent, alert, history } => self.alert(&agent, alert, history, work),
            Input::Roster { agent, entries, at } => self.roster(&agent, entries, at, work),
            Input::AgentSilent { agent } => self.agent_silent(agent, work),
            Input::AgentHeard { agent } => self.agent_heard(&agent, work),
            Input::Maintenance { open } => self.maintain(open, work),
            Input::ObjectGone { object } => self.object_gone(&object, work),
            Input::Tick => self.tick(work),
            Input::Ack { incident, actor, comment, kind } => self.ack(&incident, &actor, comment, kind, work)?,
            Input::Unack { incident, actor } => self.unack(&incident, &actor, work)?,
            Input::Assign { incident, actor, to } => self.assign(&incident, &actor, to, work)?,
            Input::Resolve { incident, actor, reason } => self.resolve_by_hand(&incident, &actor, &reason, work)?,
            Input::Close { incident, actor, cause, party, comment } => {
                self.close(&incident, &actor, cause, party, &comment, work)?;
            }
            Input::Note { incident, actor, text } => self.note(&incident, &actor, text, work)?,
        }
        Ok(())
    }

    fn finish(&mut self, work: Work<'_>) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(work.touched.len() + work.lines.len());
        for id in &work.touched {
            if let Some(incident) = self.incidents.get_mut(id) {
                incident.updated = work.now;
                effects.push(Effect::Put(incident.clone()));
            }
        }
        effects.extend(work.lines.into_iter().map(Effect::Timeline));
        effects.extend(work.looks.into_iter().map(Effect::Look));
        while self.endings.len() > MAX_ENDED {
            self.forget_oldest();
        }
        effects
    }

    fn forget_oldest(&mut self) {
        let Some((id, ended)) = self.endings.pop_front() else { return };
        let Some(incident) = self.incidents.get(&id) else { return };
        if incident.state.active() || incident.resolved.unwrap_or(incident.updated) != ended {
            return; // it went on after that ending; a later entry stands for it
        }
        if self.ended.get(&incident.key) == Some(&id) {
            self.ended.remove(&incident.key);
        }
        self.incidents.remove(&id);
    }

    /// One incident.
    pub fn incident(&self, id: &str) -> Option<&Incident> {
        self.incidents.get(id)
    }

    /// All open and acknowledged ones.
    pub fn active(&self) -> impl Iterator<Item = &Incident> {
        self.active.values().filter_map(|id| self.incidents.get(id))
    }

    /// Alerts dropped since start because there were too many incidents.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn is_active(&self, id: Option<&Arc<str>>) -> bool {
        id.and_then(|id| self.incidents.get(id)).is_some_and(|incident| incident.state.active())
    }

    /// Enters an active incident into the indexes.
    fn index(&mut self, id: &Arc<str>) {
        let Some(incident) = self.incidents.get(id) else { return };
        self.active.insert(incident.key.clone(), id.clone());
        self.by_object.entry(incident.key.object.clone()).or_default().insert(id.clone());
        for c in &incident.contributions {
            self.by_agent.entry(c.agent.clone()).or_default().insert(id.clone());
        }
        self.name(id);
    }

    /// Takes an incident that has ended out of the indexes.
    fn unindex(&mut self, id: &Arc<str>) {
        let Some(incident) = self.incidents.get(id) else { return };
        self.active.remove(&incident.key);
        let (object, agents) = (&incident.key.object, incident.contributions.iter().map(|c| &c.agent));
        remove(&mut self.by_object, object, id);
        for agent in agents {
            remove(&mut self.by_agent, agent, id);
        }
        if let Some(cause) = &incident.cause {
            remove(&mut self.symptoms, cause, id);
        }
        self.ended.insert(incident.key.clone(), id.clone());
        self.endings.push_back((id.clone(), incident.resolved.unwrap_or(incident.updated)));
        self.timed.remove(id);
        self.quiet.remove(id);
        self.held.remove(id);
        self.names_no_more(id);
    }
}

fn remove<K: std::hash::Hash + Eq>(index: &mut HashMap<K, BTreeSet<Arc<str>>>, key: &K, id: &Arc<str>) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
