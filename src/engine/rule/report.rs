//! From a machine's turn to what others are told: which alert records, which state to keep.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::flap::Turn;
use crate::model::alert::{AlertState, ClearReason};
use crate::model::{Alert, AlertKey, Now, RuleId, Severity};

use super::compile::Compiled;
use super::evidence::evidence;
use super::feed::{Feed, Held, Row};
use super::lookup::Look;
use super::machine::{Change, Machine, Phase, Raised};
use super::saved::{Kept, Saved, key};
use super::{Effect, Home, ROW_LIFE, Rules, no_data};

/// A machine, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) h: usize,
    pub(super) f: usize,
    pub(super) r: usize,
    pub(super) m: usize,
}

/// What a judgement did to a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turned {
    pub(super) change: Change,
    pub(super) turn: Turn,
    /// It was judged by fresh data.
    pub(super) fresh: bool,
}

impl Turned {
    /// Whether anyone must be told.
    pub(super) fn matters(self, machine: &Machine) -> bool {
        self.change != Change::None
            || self.turn != Turn::Same
            || (self.fresh && machine.raised.as_ref().is_some_and(|raised| raised.stale))
    }
}

impl Rules {
    pub(super) fn report(&mut self, at: Place, turned: Turned, now: Now, out: &mut Vec<Effect>) {
        if turned.change == Change::Waiting {
            out.extend(self.confirmation(at));
        }
        if turned.change == Change::Raised {
            self.explain(at, out);
        }
        let elsewhere = self.elsewhere(at, true).is_some();
        let machine = self.machine(at);
        let (flapping, on) = (machine.flap.flapping(), machine.on());
        let told = match turned.turn {
            Turn::Began => Some(true),
            Turn::Ended => Some(on),
            Turn::Same if flapping => None,
            Turn::Same => match turned.change {
                Change::Raised => Some(true),
                Change::Cleared => Some(false),
                Change::None | Change::Waiting => None,
            },
        };
        let unstale = turned.fresh && machine.raised.as_mut().is_some_and(|r| std::mem::take(&mut r.stale));
        match told {
            Some(false) => self.cleared(at, ClearReason::Condition, now, out),
            Some(true) => {
                let raised = Raised { since: now.wall, stale: false, shown: !elsewhere };
                self.machine(at).raised.get_or_insert_with(|| Box::new(raised));
                self.firing_again(at, now, out);
            }
            None if unstale => self.firing_again(at, now, out),
            None => {}
        }
    }

    /// What was raised may explain what detectors on the same object find: those learn anew.
    fn explain(&mut self, at: Place, out: &mut Vec<Effect>) {
        let Some((_, _, _, _, rule)) = self.look_up(at) else { return };
        let (problem, rules) = (rule.def.problem.clone(), &self.rules);
        let explained = |held: &Held| {
            let used = rules.get(held.rule as usize).and_then(|rule| rule.def.detector.as_ref());
            used.is_some_and(|used| used.explained_by.as_ref() == Some(&problem))
        };
        let feeds = self.homes[at.h].feeds.iter_mut().zip(0usize..);
        let void: Vec<(usize, Vec<u32>)> = feeds.map(|(feed, f)| (f, feed.forget(explained))).collect();
        void.iter().for_each(|(f, rules)| self.unlearn(at.h, *f, rules, out));
    }

    /// Tells that it fires, if it is this machine's part to tell.
    pub(super) fn firing_again(&mut self, at: Place, now: Now, out: &mut Vec<Effect>) {
        if self.machine(at).raised.as_ref().is_some_and(|raised| raised.shown)
            && let Some(alert) = self.alert(at, now)
        {
            let saved = self.saved(at, alert.clone());
            out.push(Effect::Alert { alert, saved });
        }
    }

    /// Tells that it no longer fires, unless another probe's machine takes over the key.
    pub(super) fn cleared(&mut self, at: Place, by: ClearReason, now: Now, out: &mut Vec<Effect>) {
        let alert = self.alert(at, now);
        let Some(raised) = self.machine(at).raised.take() else { return };
        let Some(alert) = alert.filter(|_| raised.shown) else { return };
        if let Some(heir) = self.elsewhere(at, false) {
            if let Some(raised) = self.machine(heir).raised.as_mut() {
                raised.shown = true;
            }
            if let Some(alert) = self.alert(heir, now) {
                let saved = self.saved(heir, alert);
                out.push(Effect::Save(saved));
            }
            return;
        }
        out.push(withdraw(Alert {
            state: AlertState::Cleared,
            cleared_by: Some(by),
            stale: false,
            flapping: false,
            ..alert
        }));
    }

    /// A machine of another probe that is raised for the same key, shown or hidden.
    fn elsewhere(&self, at: Place, shown: bool) -> Option<Place> {
        let home = self.homes.get(at.h)?;
        if home.feeds.len() < 2 {
            return None;
        }
        let mine = home.feeds.get(at.f)?.rows.get(at.r)?;
        let rule = mine.machines.get(at.m)?.rule;
        for (feed, f) in home.feeds.iter().zip(0usize..).filter(|(_, f)| *f != at.f) {
            for (row, r) in feed.rows.iter().zip(0usize..) {
                if row.object != mine.object || row.instance != mine.instance {
                    continue;
                }
                let found = row
                    .machines
                    .iter()
                    .position(|m| m.rule == rule && m.raised.as_ref().is_some_and(|raised| raised.shown == shown));
                if let Some(m) = found {
                    return Some(Place { h: at.h, f, r, m });
                }
            }
        }
        None
    }

    /// A run or two more, if the next one would come only after `for` or `clear_for` has passed.
    fn confirmation(&mut self, at: Place) -> Option<Effect> {
        let (home, feed, _, machine, rule) = self.look_up(at)?;
        let (wait, word) = match machine.phase {
            Phase::Pending(_) => (rule.hold(), "raise"),
            _ => (rule.clear_hold(), "clear"),
        };
        (feed.agent.is_none() && feed.interval > wait).then(|| Effect::ProbeNow {
            object: home.object.clone(),
            kind: None,
            count: 2,
            spacing: (wait / 3).max(Duration::from_secs(1)),
            reason: format!("rule {} is about to {word}", rule.def.id),
        })
    }

    pub(super) fn look_up(&self, at: Place) -> Option<(&Home, &Feed, &Row, &Machine, &Compiled)> {
        let home = self.homes.get(at.h)?;
        let feed = home.feeds.get(at.f)?;
        let row = feed.rows.get(at.r)?;
        let machine = row.machines.get(at.m)?;
        Some((home, feed, row, machine, self.rules.get(machine.rule as usize)?))
    }

    pub(super) fn machine(&mut self, at: Place) -> &mut Machine {
        &mut self.homes[at.h].feeds[at.f].rows[at.r].machines[at.m]
    }

    /// The alert of a raised machine as it is now.
    pub(super) fn alert(&self, at: Place, now: Now) -> Option<Alert> {
        let (home, feed, row, machine, rule) = self.look_up(at)?;
        let raised = machine.raised.as_ref()?;
        let (index, attributes) = (machine.rule, &home.attributes);
        // Evidence is told of what fires, at whatever hour.
        let (closed, sees) = (false, true);
        let look = Look { rule, index, case: machine.case, attributes, feed, row, closed, now: now.mono, sees };
        Some(Alert {
            key: AlertKey {
                problem: rule.def.problem.clone(),
                object: row.object.clone(),
                instance: row.instance.clone(),
            },
            rule: rule.def.id.clone(),
            probe: Some(feed.probe.clone()),
            state: AlertState::Firing,
            cleared_by: None,
            severity: rule.def.severity,
            since: raised.since,
            at: now.wall,
            count: machine.count,
            flapping: machine.flap.flapping(),
            stale: raised.stale,
            evidence: evidence(&look),
            folds_into: rule.def.folds_into.clone(),
            category: Arc::from(rule.def.category.as_str()),
            runbook: Arc::from(rule.def.runbook.as_str()),
        })
    }

    pub(super) fn saved(&self, at: Place, alert: Alert) -> Saved {
        let found = self.look_up(at);
        let flap = found.map(|(_, _, _, machine, _)| machine.flap).unwrap_or_default();
        let on = found.is_none_or(|(_, _, _, machine, _)| machine.on());
        let fails = found.map_or(0, |(_, feed, ..)| feed.fails);
        let agent = found.and_then(|(_, feed, ..)| feed.agent.clone());
        Kept { alert, flap, on, fails, agent }.save()
    }

    /// Raises `no-data` and marks what fires as stale, where the silence has lasted.
    pub(super) fn look_for_silence(&mut self, h: usize, f: usize, now: Now, out: &mut Vec<Effect>) {
        let feed = &self.homes[h].feeds[f];
        let from = feed.last.unwrap_or(feed.started).max(feed.started).max(self.grace);
        for n in 0..feed.no_data.len() {
            let home = &mut self.homes[h];
            let feed = &mut home.feeds[f];
            let interval = feed.interval;
            let silence = &mut feed.no_data[n];
            let rule = &self.rules[silence.rule as usize];
            let judged = rule.case_of(&home.object).and_then(|case| rule.calendar(case));
            let closed = [feed.calendar.as_ref(), judged].into_iter().any(|c| self.hours.closed(c, now.wall));
            // The first look after it opened begins the count.
            if closed || silence.closed {
                (silence.from, silence.closed) = (now.mono, closed);
                continue;
            }
            if silence.raised.is_some() || now.mono < silence.deadline(from, interval) {
                continue;
            }
            silence.count = silence.count.saturating_add(1);
            silence.raised = Some(Box::new(Raised { since: now.wall, stale: false, shown: true }));
            let rule = silence.rule;
            out.extend(self.silence(h, f, n, now).map(|alert| Effect::Alert {
                saved:
                    Kept { alert: alert.clone(), flap: Default::default(), on: true, fails: 0, agent: None }.save(),
                alert,
            }));
            let rows = &self.homes[h].feeds[f].rows;
            let places: Vec<Place> = rows
                .iter()
                .zip(0usize..)
                .flat_map(|(row, r)| row.machines.iter().zip(0usize..).map(move |(machine, m)| (machine, r, m)))
                .filter(|(machine, ..)| machine.rule == rule && machine.raised.as_ref().is_some_and(|r| !r.stale))
                .map(|(_, r, m)| Place { h, f, r, m })
                .collect();
            for at in places {
                if let Some(raised) = self.machine(at).raised.as_mut() {
                    raised.stale = true;
                }
                self.firing_again(at, now, out);
            }
        }
    }

    /// A valid run came: the silence is over.
    pub(super) fn end_silence(&mut self, h: usize, f: usize, now: Now, out: &mut Vec<Effect>) {
        for n in 0..self.homes[h].feeds[f].no_data.len() {
            if self.homes[h].feeds[f].no_data[n].raised.is_none() {
                continue;
            }
            let alert = self.silence(h, f, n, now);
            self.homes[h].feeds[f].no_data[n].raised = None;
            out.extend(alert.map(|alert| {
                withdraw(Alert { state: AlertState::Cleared, cleared_by: Some(ClearReason::Condition), ..alert })
            }));
        }
    }

    /// The alert of a raised silence.
    pub(super) fn silence(&self, h: usize, f: usize, n: usize, now: Now) -> Option<Alert> {
        let home = self.homes.get(h)?;
        let feed = home.feeds.get(f)?;
        let silence = feed.no_data.get(n)?;
        let raised = silence.raised.as_ref()?;
        let rule = self.rules.get(silence.rule as usize)?;
        let quiet = match feed.last {
            Some(last) => format!("{} s ago", now.mono.since(last).as_secs()),
            None => "never".to_owned(),
        };
        let allowed = format!("{} x {} s", silence.intervals, feed.interval.as_secs_f64());
        Some(Alert {
            key: AlertKey {
                problem: no_data::problem(),
                object: home.object.clone(),
                instance: feed.silent_instance(),
            },
            rule: rule.def.id.clone(),
            probe: Some(feed.probe.clone()),
            state: AlertState::Firing,
            cleared_by: None,
            severity: Severity::Minor,
            since: raised.since,
            at: now.wall,
            count: silence.count,
            flapping: false,
            stale: false,
            evidence: vec![("last_valid_run".to_owned(), quiet), ("no_data".to_owned(), allowed)],
            folds_into: Vec::new(),
            category: Arc::from(""),
            runbook: Arc::from(no_data::PROBLEM),
        })
    }

    /// Lets go of rows long unseen; what fires on them has expired.
    pub(super) fn sweep(&mut self, h: usize, f: usize, now: Now, out: &mut Vec<Effect>) {
        let before = now.mono.minus(ROW_LIFE);
        let feed = &self.homes[h].feeds[f];
        let mut gone = Vec::new();
        for (row, r) in feed.rows.iter().zip(0usize..).skip(1).filter(|(row, _)| row.seen.is_some_and(|s| s < before))
        {
            gone.extend((0..row.machines.len()).map(|m| Place { h, f, r, m }));
        }
        for at in gone {
            self.cleared(at, ClearReason::Expired, now, out);
        }
        let feed = &mut self.homes[h].feeds[f];
        feed.swept = now.mono;
        feed.sweep(before);
        self.keep_learnt(h, f, true, out);
    }

    /// The alerts that are firing, whole: for the agent's own pages and metrics.
    pub fn firing(&self, now: Now) -> Vec<Alert> {
        let mut all = Vec::new();
        for (home, h) in self.homes.iter().zip(0usize..) {
            for (feed, f) in home.feeds.iter().zip(0usize..) {
                for (row, r) in feed.rows.iter().zip(0usize..) {
                    for (machine, m) in row.machines.iter().zip(0usize..) {
                        if machine.raised.as_ref().is_some_and(|raised| raised.shown) {
                            all.extend(self.alert(Place { h, f, r, m }, now));
                        }
                    }
                }
                all.extend((0..feed.no_data.len()).filter_map(|n| self.silence(h, f, n, now)));
            }
        }
        all.extend(self.blindness(now));
        all
    }

    /// Whether some rule holds this problem of this object; in this instance of it, where one is told.
    pub fn fires(&self, key: &AlertKey, instance: Option<&str>) -> bool {
        let mut found = false;
        self.each_shown(|shown, _| {
            let same = (&shown.problem, &shown.object) == (&key.problem, &key.object);
            found |= same && instance.is_none_or(|instance| *shown.instance == *instance);
        });
        found
    }

    /// Calls back for every alert that is firing.
    pub(super) fn each_shown(&self, mut each: impl FnMut(AlertKey, RuleId)) {
        for home in &self.homes {
            for feed in &home.feeds {
                for row in &feed.rows {
                    for machine in row.machines.iter().filter(|m| m.raised.as_ref().is_some_and(|r| r.shown)) {
                        let def = &self.rules[machine.rule as usize].def;
                        let (object, instance) = (row.object.clone(), row.instance.clone());
                        each(AlertKey { problem: def.problem.clone(), object, instance }, def.id.clone());
                    }
                }
                for silence in feed.no_data.iter().filter(|n| n.raised.is_some()) {
                    let def = &self.rules[silence.rule as usize].def;
                    let (object, instance) = (home.object.clone(), feed.silent_instance());
                    each(AlertKey { problem: no_data::problem(), object, instance }, def.id.clone());
                }
            }
        }
    }
}

/// The last record of an alert; its state is forgotten with it.
pub(super) fn withdraw(alert: Alert) -> Effect {
    let saved = Saved { key: key(&alert), body: serde_json::Value::Null };
    Effect::Alert { alert, saved }
}
