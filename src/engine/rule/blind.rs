//! The agent that sees nothing at all (`engine::sight`): its targets' silence is held back, and one alert of its own
//! (problem `probe-fault`, on the agent) is raised instead.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::sight::{ASKED, View, Who};
use crate::model::alert::{AlertState, ClearReason};
use crate::model::wire::RosterEntry;
use crate::model::{AgentId, Alert, AlertKey, Now, Object, Observation, Outcome, ProblemId, RuleId, Severity, Wall};

use super::feed::began;
use super::machine::By;
use super::report::withdraw;
use super::saved::Kept;
use super::{Effect, Rules};

/// The problem, the rule and the runbook.
pub const PROBLEM: &str = "probe-fault";

/// What is told of it.
#[derive(Debug, Clone)]
pub(super) struct Blind {
    pub(super) agent: AgentId,
    since: Wall,
    silent: usize,
    /// Raised so often since the rules were made.
    count: u32,
    /// False while it is only remembered for its count and its agent.
    firing: bool,
}

impl Rules {
    /// Something was answered, or not: whoever waited for that is judged, and what the agent itself sees is kept.
    pub(super) fn look_around(&mut self, seen: &Observation, who: Who, now: Now, out: &mut Vec<Effect>) {
        if self.blind.as_ref().is_none_or(|blind| blind.agent != seen.agent) {
            self.blind =
                Some(Blind { agent: seen.agent.clone(), since: now.wall, silent: 0, count: 0, firing: false });
        }
        let far = self.homes[who.0].feeds[who.1].far;
        if !far || seen.outcome == Outcome::Failed {
            return;
        }
        let free = self.sight.heard(began(seen, now));
        if self.sight.sees_again() {
            self.see_again(now, out);
        }
        for (h, f) in free.into_iter().filter(|free| *free != who) {
            self.judge(h, f, now, By::Data, out);
            self.queue(h, f, now.mono);
        }
    }

    /// Whether the silence of a feed is its own. Others are asked if nobody was heard since.
    pub(super) fn sees(&mut self, who: Who, now: Now, out: &mut Vec<Effect>) -> bool {
        let feed = &self.homes[who.0].feeds[who.1];
        let Some(since) = feed.silent_since().filter(|_| feed.agent.is_none()) else {
            self.sight.answers(who);
            return true;
        };
        let homes = &self.homes;
        let silent = || homes.iter().filter(|h| h.feeds.iter().any(|f| f.of_reach() && f.fails > 0)).count();
        match self.sight.ask(who, since, silent, now.mono) {
            View::Clear => true,
            View::Wait | View::Blind => false,
            View::Ask => {
                self.ask_others(who, out);
                false
            }
            View::Blinded => {
                let silent = silent();
                self.go_blind(silent, now, out);
                false
            }
        }
    }

    /// Asks some others that should answer, not always the same ones first.
    fn ask_others(&self, (h, _): Who, out: &mut Vec<Effect>) {
        let others = self.homes.iter().cycle().skip(h + 1).take(self.homes.len().saturating_sub(1));
        let alive = others.filter(|home| home.feeds.iter().any(|f| f.far && f.fails == 0));
        out.extend(alive.take(ASKED).map(|home| Effect::ProbeNow {
            object: home.object.clone(),
            kind: None,
            count: 1,
            spacing: Duration::from_secs(1),
            reason: format!("{} is silent: is anybody heard?", self.homes[h].object),
        }));
    }

    /// Those who wait have waited long enough.
    pub(super) fn look_again(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.sight.due().is_none_or(|at| now.mono < at) {
            return;
        }
        for (h, f) in self.sight.waiting() {
            self.judge(h, f, now, By::Data, out);
            self.queue(h, f, now.mono);
        }
    }

    fn go_blind(&mut self, silent: usize, now: Now, out: &mut Vec<Effect>) {
        let Some(blind) = &mut self.blind else { return };
        (blind.since, blind.silent, blind.firing) = (now.wall, silent, true);
        blind.count = blind.count.saturating_add(1);
        let alert = blind.alert(now);
        let flap = Default::default();
        let saved = Kept { alert: alert.clone(), flap, on: true, fails: 0, agent: None }.save();
        out.push(Effect::Alert { alert, saved });
    }

    /// It sees again: what fell silent meanwhile must fall silent anew to count.
    fn see_again(&mut self, now: Now, out: &mut Vec<Effect>) {
        for feed in self.homes.iter_mut().flat_map(|home| &mut home.feeds) {
            feed.forget(|held| held.detector.silent_since().is_some());
        }
        if let Some(blind) = self.blind.as_mut().filter(|blind| blind.firing) {
            blind.firing = false;
            let alert = blind.alert(now);
            out.push(withdraw(Alert {
                state: AlertState::Cleared,
                cleared_by: Some(ClearReason::Condition),
                ..alert
            }));
        }
    }

    /// The alert that it is blind, while it is.
    pub(super) fn blindness(&self, now: Now) -> Option<Alert> {
        self.blind.as_ref().filter(|blind| blind.firing).map(|blind| blind.alert(now))
    }

    /// The same for the roster.
    pub(super) fn blind_entry(&self) -> Option<RosterEntry> {
        let blind = self.blind.as_ref().filter(|blind| blind.firing)?;
        let AlertKey { problem, object, instance } = blind.key();
        Some(RosterEntry { problem, object, instance, rule: rule() })
    }
}

impl Blind {
    fn key(&self) -> AlertKey {
        let problem: ProblemId = PROBLEM.parse().expect("it is written as a slug");
        AlertKey { problem, object: Object::Agent(self.agent.clone()), instance: Arc::from("") }
    }

    fn alert(&self, now: Now) -> Alert {
        Alert {
            key: self.key(),
            rule: rule(),
            probe: None,
            state: AlertState::Firing,
            cleared_by: None,
            severity: Severity::Major,
            since: self.since,
            at: now.wall,
            count: self.count,
            flapping: false,
            stale: false,
            evidence: vec![("silent_targets".to_owned(), self.silent.to_string())],
            folds_into: Vec::new(),
            category: Arc::from("DE"),
            runbook: Arc::from(PROBLEM),
        }
    }
}

fn rule() -> RuleId {
    PROBLEM.parse().expect("it is written as a slug")
}
