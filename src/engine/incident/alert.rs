//! What agents say: alerts, rosters, silence. How their contributions combine, when that opens, reopens and
//! resolves. An alert's raises are told apart by (since, count): the same one told again changes no state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::alert::{AlertState, ClearReason};
use crate::model::incident::{AckKind, Contribution, Flags, Incident, IncidentState, TimelineKind, Vantage};
use crate::model::wire::RosterEntry;
use crate::model::{AgentId, Alert, AlertKey, Object, ProblemId, RuleId, Severity, Wall};

use crate::engine::maintenance::Cover;

use super::{AGENT_SILENT, Book, CONSOLE, MAX_ACTIVE, MAX_WAITING, REOPEN, Waiting, Work};

/// Two reckonings of one moment differ by what the skew of an agent's clock is misjudged.
const SKEW: Duration = Duration::from_secs(5);

/// How a record stands to what is known of its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Of the raise we know.
    Same,
    /// Of an earlier one, told again.
    Older,
    /// Of a later one.
    Newer,
}

fn age(alert: &Alert, known: &Contribution) -> Age {
    let near = alert.since.since(known.since) <= SKEW && known.since.since(alert.since) <= SKEW;
    if alert.count == known.count && near {
        Age::Same
    } else if alert.count < known.count && alert.since <= known.since.plus(SKEW) {
        Age::Older
    } else {
        Age::Newer
    }
}

fn contribution(agent: &AgentId, alert: &Alert) -> Contribution {
    Contribution {
        agent: agent.clone(),
        rule: alert.rule.clone(),
        firing: true,
        severity: alert.severity,
        since: alert.since,
        at: alert.at,
        flapping: alert.flapping,
        stale: alert.stale,
        count: alert.count,
        evidence: alert.evidence.clone(),
        folds_into: alert.folds_into.clone(),
    }
}

/// The record that a contribution was made of.
fn told_by(key: AlertKey, c: &Contribution, category: Arc<str>, runbook: Arc<str>) -> Alert {
    Alert {
        key,
        rule: c.rule.clone(),
        probe: None,
        state: AlertState::Firing,
        cleared_by: None,
        severity: c.severity,
        since: c.since,
        at: c.at,
        count: c.count,
        flapping: c.flapping,
        stale: c.stale,
        evidence: c.evidence.clone(),
        folds_into: c.folds_into.clone(),
        category,
        runbook,
    }
}

/// `link-loss: loss_ratio = 0.35 (raise_at 0.1)`
fn words(alert: &Alert) -> String {
    let evidence: Vec<String> = alert.evidence.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if evidence.is_empty() { alert.rule.to_string() } else { format!("{}: {}", alert.rule, evidence.join(", ")) }
}

impl Book {
    pub(super) fn alert(&mut self, agent: &AgentId, alert: Alert, history: bool, work: &mut Work<'_>) {
        match alert.state {
            AlertState::Pending => {}
            AlertState::Firing => self.fires(agent, alert, history, work),
            AlertState::Cleared => self.clears(agent, &alert, work),
        }
    }

    fn fires(&mut self, agent: &AgentId, alert: Alert, history: bool, work: &mut Work<'_>) {
        if let Some(id) = self.active.get(&alert.key).cloned() {
            self.joins(&id, agent, &alert, work);
            return;
        }
        let last = self.ended.get(&alert.key).and_then(|id| self.incidents.get(id));
        let known = last.and_then(|last| find(&last.contributions, agent, &alert.rule));
        if known.is_some_and(|known| age(&alert, known) != Age::Newer) {
            return; // told again after it ended, or after a person ended it
        }
        if let Some(votes) = self.votes(agent, &alert) {
            self.begin(agent, &alert, votes, history, work);
        }
    }

    /// Opens the incident again, or a new one.
    fn begin(
        &mut self,
        agent: &AgentId,
        alert: &Alert,
        votes: Vec<Contribution>,
        history: bool,
        work: &mut Work<'_>,
    ) {
        let last = self.ended.get(&alert.key).and_then(|id| self.incidents.get(id));
        let reopens = last.filter(|last| last.state == IncidentState::Resolved).and_then(|last| {
            let event = if history { alert.since } else { work.now };
            (event.since(last.resolved?) <= REOPEN).then(|| last.id.clone())
        });
        let previous = last.map(|last| last.id.clone());
        match reopens {
            Some(id) => self.reopen(&id, agent, alert, votes, history, work),
            None => self.open(agent, alert, votes, previous, history, work),
        }
    }

    /// The contributions that open an incident together, or `None` while they wait for others.
    fn votes(&mut self, agent: &AgentId, alert: &Alert) -> Option<Vec<Contribution>> {
        let new = contribution(agent, alert);
        if self.vantage(&alert.key.problem) == Vantage::Any {
            return Some(vec![new]);
        }
        let mut votes = self.waiting.remove(&alert.key).map(|waiting| waiting.votes).unwrap_or_default();
        replace(&mut votes, new);
        if self.holds(&alert.key, &votes) {
            return Some(votes);
        }
        self.wait(&alert.key, Waiting { category: alert.category.clone(), runbook: alert.runbook.clone(), votes });
        None
    }

    fn wait(&mut self, key: &AlertKey, waiting: Waiting) {
        if self.waiting.len() < MAX_WAITING || self.waiting.contains_key(key) {
            self.waiting.insert(key.clone(), waiting);
        } else {
            self.dropped += 1;
        }
    }

    fn vantage(&self, problem: &ProblemId) -> Vantage {
        self.policy.vantage.get(problem).copied().unwrap_or_default()
    }

    /// Whether these contributions make an incident.
    fn holds(&self, key: &AlertKey, all: &[Contribution]) -> bool {
        let firing: BTreeSet<&AgentId> = all.iter().filter(|c| c.firing).map(|c| &c.agent).collect();
        let vantage = self.vantage(&key.problem);
        if vantage == Vantage::Any || firing.is_empty() {
            return !firing.is_empty();
        }
        let watchers: BTreeSet<&AgentId> = match self.policy.watchers.get(&key.object) {
            Some(watchers) => watchers.iter().collect(),
            None => all.iter().map(|c| &c.agent).collect(),
        };
        let live: Vec<&AgentId> = watchers.into_iter().filter(|agent| !self.silent.contains(*agent)).collect();
        if live.is_empty() {
            return true; // nobody left who could contradict
        }
        let agree = live.iter().filter(|agent| firing.contains(**agent)).count();
        match vantage {
            Vantage::Any => agree > 0,
            Vantage::All => agree == live.len(),
            Vantage::Majority => agree * 2 > live.len(),
        }
    }

    fn open(
        &mut self,
        agent: &AgentId,
        alert: &Alert,
        votes: Vec<Contribution>,
        previous: Option<Arc<str>>,
        history: bool,
        work: &mut Work<'_>,
    ) {
        if self.active.len() >= MAX_ACTIVE {
            self.dropped += 1;
            return;
        }
        let id = (work.id)();
        let severity = votes.iter().map(|c| c.severity).max().unwrap_or(alert.severity);
        let incident = Incident {
            id: id.clone(),
            key: alert.key.clone(),
            state: IncidentState::Open,
            severity,
            opened: votes.iter().map(|c| c.since).min().unwrap_or(alert.since),
            updated: work.now,
            resolved: None,
            closed: None,
            ack: None,
            assignee: None,
            count: 1,
            flags: Flags { late: history, ..Flags::default() },
            cause: None,
            previous,
            contributions: votes,
            close_cause: None,
            party: None,
            category: alert.category.clone(),
            runbook: alert.runbook.clone(),
        };
        self.incidents.insert(id.clone(), incident);
        self.index(&id);
        work.line(&id, alert.at, agent.as_str(), TimelineKind::Opened, words(alert));
        self.flag(&id, alert.at, work);
        self.fold(&alert.key.object, work);
        self.explained_before(&id, work);
        if !history {
            self.hush(&id, work);
        }
    }

    fn reopen(
        &mut self,
        id: &Arc<str>,
        agent: &AgentId,
        alert: &Alert,
        votes: Vec<Contribution>,
        history: bool,
        work: &mut Work<'_>,
    ) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        for vote in votes {
            replace(&mut incident.contributions, vote);
        }
        (incident.state, incident.ack, incident.resolved) = (IncidentState::Open, None, None);
        incident.count = incident.count.saturating_add(1);
        if let Some(cause) = &incident.cause {
            super::remove(&mut self.symptoms, cause, id);
        }
        (incident.cause, incident.flags.topology, incident.flags.late) = (None, false, history);
        self.ended.remove(&alert.key);
        self.index(id);
        work.line(id, alert.at, agent.as_str(), TimelineKind::Reopened, words(alert));
        self.worse(id, alert, agent, work);
        self.flag(id, alert.at, work);
        self.fold(&alert.key.object, work);
        self.explained_before(id, work);
        if !history {
            self.hush(id, work);
        }
    }

    /// An alert of a key that has an active incident.
    fn joins(&mut self, id: &Arc<str>, agent: &AgentId, alert: &Alert, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        let known = find(&incident.contributions, agent, &alert.rule);
        let back = match known {
            None => true,
            Some(known) => {
                match age(alert, known) {
                    Age::Older => return,
                    Age::Same if !known.firing || alert.at < known.at => return,
                    Age::Same => {}
                    Age::Newer => {
                        let times = if known.firing { alert.count.saturating_sub(known.count).max(1) } else { 1 };
                        incident.count = incident.count.saturating_add(times);
                    }
                }
                !known.firing
            }
        };
        let new = contribution(agent, alert);
        if known == Some(&new) {
            return;
        }
        replace(&mut incident.contributions, new);
        self.name(id);
        if back {
            self.by_agent.entry(agent.clone()).or_default().insert(id.clone());
            work.line(id, alert.at, agent.as_str(), TimelineKind::Joined, words(alert));
        }
        work.touch(id);
        self.worse(id, alert, agent, work);
        self.flag(id, alert.at, work);
        self.fresh_word(id, alert.at, work);
        self.fold(&alert.key.object, work);
    }

    /// Severity rises by itself, never falls; a rise breaks an acknowledgement that is not sticky.
    fn worse(&mut self, id: &Arc<str>, alert: &Alert, agent: &AgentId, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        if alert.severity <= incident.severity {
            return;
        }
        incident.severity = alert.severity;
        let broken = incident.ack.take_if(|ack| ack.kind != AckKind::Sticky).is_some();
        if broken {
            incident.state = IncidentState::Open;
            self.timed.remove(id);
        }
        work.line(id, alert.at, agent.as_str(), TimelineKind::Worse, alert.severity.as_str());
        if broken {
            work.line(id, alert.at, CONSOLE, TimelineKind::Unacked, "severity rose");
        }
    }

    fn clears(&mut self, agent: &AgentId, alert: &Alert, work: &mut Work<'_>) {
        self.waits_no_more(&alert.key, |c| c.agent == *agent && c.rule == alert.rule);
        let Some(id) = self.active.get(&alert.key).cloned() else { return };
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        let Some(known) = incident.contributions.iter_mut().find(|c| c.agent == *agent && c.rule == alert.rule)
        else {
            return;
        };
        if !known.firing || age(alert, known) == Age::Older {
            return;
        }
        known.at = alert.at;
        let by = alert.cleared_by.unwrap_or(ClearReason::Condition);
        self.leaves(&id, agent, &alert.rule, alert.at, by.as_str(), work);
    }

    /// Marks a contribution as over and resolves if that was it.
    fn leaves(&mut self, id: &Arc<str>, agent: &AgentId, rule: &RuleId, at: Wall, why: &str, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        if let Some(c) = incident.contributions.iter_mut().find(|c| c.agent == *agent && c.rule == *rule) {
            (c.firing, c.flapping, c.stale) = (false, false, false);
        }
        let key = incident.key.clone();
        work.line(id, at, agent.as_str(), TimelineKind::Left, format!("{rule}: {why}"));
        let holds = self.incidents.get(id).is_some_and(|incident| self.holds(&key, &incident.contributions));
        if holds {
            self.flag(id, at, work);
            self.fold(&key.object, work);
        } else {
            self.lost(id, at, agent.as_str(), why, work);
        }
    }

    /// Its contributions no longer suffice: it resolves, and those that still fire wait for others to join them.
    fn lost(&mut self, id: &Arc<str>, at: Wall, actor: &str, why: &str, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get(id) else { return };
        let votes: Vec<Contribution> = incident.contributions.iter().filter(|c| c.firing).cloned().collect();
        if !votes.is_empty() {
            let key = incident.key.clone();
            let waiting = Waiting { category: incident.category.clone(), runbook: incident.runbook.clone(), votes };
            self.wait(&key, waiting);
        }
        self.resolve(id, at, actor, why, work);
    }

    /// Ends it. Whatever suppresses it, a resolution always goes through.
    pub(super) fn resolve(&mut self, id: &Arc<str>, at: Wall, actor: &str, why: &str, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        incident.state = IncidentState::Resolved;
        incident.resolved = Some(at.max(incident.opened));
        (incident.flags.flapping, incident.flags.stale, incident.flags.held) = (false, false, false);
        incident.contributions.iter_mut().for_each(|c| c.firing = false);
        let object = incident.key.object.clone();
        self.unindex(id);
        work.line(id, at, actor, TimelineKind::Resolved, why);
        self.hold_symptoms(id, at, work);
        self.fold(&object, work);
    }

    fn waits_no_more(&mut self, key: &AlertKey, gone: impl Fn(&Contribution) -> bool) {
        if let Some(waiting) = self.waiting.get_mut(key) {
            waiting.votes.retain(|c| !gone(c));
            if waiting.votes.is_empty() {
                self.waiting.remove(key);
            }
        }
    }

    /// Windows opened or closed: everything that stands open is looked at again.
    pub(super) fn maintain(&mut self, open: Vec<Cover>, work: &mut Work<'_>) {
        self.maintenance = Some(open);
        let mut ids: Vec<Arc<str>> = self.active.values().cloned().collect();
        ids.sort();
        for id in ids {
            self.flag(&id, work.now, work);
        }
    }

    /// `flapping` and `stale` follow from the contributions, `maintenance` from the open windows.
    fn flag(&mut self, id: &Arc<str>, at: Wall, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get_mut(id) else { return };
        let mut firing = incident.contributions.iter().filter(|c| c.firing).peekable();
        let some = firing.peek().is_some();
        let (flapping, stale) = firing.fold((false, true), |(flapping, stale), c| {
            (flapping || c.flapping, stale && (c.stale || self.silent.contains(&c.agent)))
        });
        let covered = match &self.maintenance {
            Some(open) => open.iter().any(|cover| cover.key(&incident.key)),
            None => incident.flags.maintenance,
        };
        let now = [
            ("maintenance", covered, &mut incident.flags.maintenance),
            ("flapping", flapping, &mut incident.flags.flapping),
            ("stale", some && stale, &mut incident.flags.stale),
        ];
        for (name, now, flag) in now {
            if *flag != now {
                *flag = now;
                work.line(id, at, CONSOLE, TimelineKind::Flag, format!("{}{name}", if now { "+" } else { "-" }));
            }
        }
    }

    pub(super) fn roster(&mut self, agent: &AgentId, entries: Vec<RosterEntry>, at: Wall, work: &mut Work<'_>) {
        let entries: BTreeSet<(AlertKey, RuleId)> = entries
            .into_iter()
            .map(|e| (AlertKey { problem: e.problem, object: e.object, instance: e.instance }, e.rule))
            .collect();
        let listed = |key: &AlertKey, c: &Contribution| {
            c.agent != *agent || c.at >= at || entries.contains(&(key.clone(), c.rule.clone()))
        };
        for id in self.by_agent.get(agent).cloned().unwrap_or_default() {
            let Some(incident) = self.incidents.get(&id) else { continue };
            let key = incident.key.clone();
            let gone: Vec<RuleId> = incident
                .contributions
                .iter()
                .filter(|c| c.firing && c.agent == *agent && !listed(&key, c))
                .map(|c| c.rule.clone())
                .collect();
            for rule in gone {
                if self.is_active(Some(&id)) {
                    self.leaves(&id, agent, &rule, at, "withdrawn", work);
                }
            }
        }
        self.waiting.retain(|key, waiting| {
            waiting.votes.retain(|c| listed(key, c));
            !waiting.votes.is_empty()
        });
    }

    pub(super) fn object_gone(&mut self, object: &Object, work: &mut Work<'_>) {
        let gone = |other: &Object| {
            other == object || (matches!(object, Object::Asset(_)) && other.asset() == object.asset())
        };
        self.waiting.retain(|key, _| !gone(&key.object));
        let mut ids: Vec<Arc<str>> =
            self.by_object.iter().filter(|(other, _)| gone(other)).flat_map(|(_, ids)| ids).cloned().collect();
        ids.sort();
        for id in ids {
            let firing: Vec<(AgentId, RuleId)> = self
                .incidents
                .get(&id)
                .map(|i| {
                    i.contributions.iter().filter(|c| c.firing).map(|c| (c.agent.clone(), c.rule.clone())).collect()
                })
                .unwrap_or_default();
            for (agent, rule) in firing {
                if self.is_active(Some(&id)) {
                    self.leaves(&id, &agent, &rule, work.now, "withdrawn", work);
                }
            }
        }
    }

    pub(super) fn agent_silent(&mut self, agent: AgentId, work: &mut Work<'_>) {
        if !self.silent.insert(agent.clone()) {
            return;
        }
        let alert = self.silence(&agent, AlertState::Firing, work.now);
        self.alert(&console(), alert, false, work);
        self.agent_changed(&agent, work);
    }

    pub(super) fn agent_heard(&mut self, agent: &AgentId, work: &mut Work<'_>) {
        if !self.silent.remove(agent) {
            return;
        }
        let alert = self.silence(agent, AlertState::Cleared, work.now);
        self.alert(&console(), alert, false, work);
        self.agent_changed(agent, work);
    }

    /// An agent went or came: what it says is stale or no longer, and it counts in a vantage or no longer.
    fn agent_changed(&mut self, agent: &AgentId, work: &mut Work<'_>) {
        for id in self.by_agent.get(agent).cloned().unwrap_or_default() {
            self.flag(&id, work.now, work);
            let lost = self.incidents.get(&id).filter(|i| i.state.active() && !self.holds(&i.key, &i.contributions));
            if lost.is_some() {
                self.lost(&id, work.now, CONSOLE, "vantage", work);
            }
        }
        let ready: Vec<AlertKey> =
            self.waiting.iter().filter(|(key, w)| self.holds(key, &w.votes)).map(|(key, _)| key.clone()).collect();
        for key in ready {
            let Some(waiting) = self.waiting.remove(&key) else { continue };
            if let Some(last) = waiting.votes.last().cloned() {
                let alert = told_by(key, &last, waiting.category, waiting.runbook);
                self.begin(&last.agent, &alert, waiting.votes, false, work);
            }
        }
    }

    /// The console's own alert about a silent agent.
    fn silence(&self, agent: &AgentId, state: AlertState, now: Wall) -> Alert {
        let problem: ProblemId = AGENT_SILENT.parse().expect("it is written as a slug");
        let rule: RuleId = AGENT_SILENT.parse().expect("it is written as a slug");
        let key = AlertKey { problem, object: Object::Agent(agent.clone()), instance: Arc::from("") };
        let known = [&self.active, &self.ended]
            .iter()
            .find_map(|index| find(&self.incidents.get(index.get(&key)?)?.contributions, &console(), &rule));
        let before = known.map_or(0, |c| c.count);
        let firing = state == AlertState::Firing;
        Alert {
            key,
            rule,
            probe: None,
            state,
            cleared_by: (!firing).then_some(ClearReason::Condition),
            severity: Severity::Major,
            since: if firing { now } else { known.map_or(now, |c| c.since) },
            at: now,
            count: if firing { before.saturating_add(1) } else { before },
            flapping: false,
            stale: false,
            evidence: Vec::new(),
            folds_into: Vec::new(),
            category: Arc::from(""),
            runbook: Arc::from(AGENT_SILENT),
        }
    }
}

fn console() -> AgentId {
    CONSOLE.parse().expect("it is written as a slug")
}

fn find<'a>(all: &'a [Contribution], agent: &AgentId, rule: &RuleId) -> Option<&'a Contribution> {
    all.iter().find(|c| c.agent == *agent && c.rule == *rule)
}

fn replace(all: &mut Vec<Contribution>, new: Contribution) {
    match all.iter_mut().find(|c| c.agent == new.agent && c.rule == new.rule) {
        Some(old) => *old = new,
        None => all.push(new),
    }
}
