//! States over a restart and over a new plan: what is still judged goes on as it was, what is gone is withdrawn.

use std::sync::Arc;

use crate::model::alert::{AlertState, ClearReason};
use crate::model::plan::{PlanObject, PlanRule, Task};
use crate::model::{Alert, Now};

use super::compile::{Compiled, home};
use super::feed::{Feed, Held};
use super::machine::{Machine, Phase, Raised};
use super::report::{Place, withdraw};
use super::saved::{Kept, Saved};
use super::{Effect, Rules, UNKNOWN_INTERVAL, no_data};

impl Rules {
    /// Takes back one state of the last run; without a place for it, its alert is withdrawn.
    pub(super) fn restore(&mut self, saved: Saved, now: Now) {
        if saved.body.is_null() {
            return;
        }
        if self.restore_learnt(&saved) {
            return;
        }
        let Some(kept) = Kept::read(&saved) else {
            tracing::warn!(key = saved.key, "a kept rule state cannot be read and is forgotten");
            self.waiting.push(Effect::Forget(saved.key));
            return;
        };
        let alert = kept.alert.clone();
        if self.put_back(kept, now).is_none() {
            self.waiting.push(withdrawn(alert, now));
        }
    }

    fn put_back(&mut self, kept: Kept, now: Now) -> Option<()> {
        let alert = kept.alert;
        let i = self.rules.iter().position(|rule| rule.def.id == alert.rule)?;
        let home = home(&alert.key.object);
        let probe = alert.probe.as_ref()?;
        let whole: Arc<str> = Arc::from("");
        let (h, f) = match &kept.agent {
            None => {
                let h = *self.by_object.get(&home)?;
                let of =
                    |f: &Feed, instance: &str| f.agent.is_none() && f.probe == *probe && *f.instance == *instance;
                let feeds = &self.homes[h].feeds;
                let exact = feeds.iter().position(|f| {
                    of(f, &alert.key.instance) || (of(f, &f.instance) && f.silent_instance() == alert.key.instance)
                });
                (h, exact.or_else(|| feeds.iter().position(|f| of(f, "")))?)
            }
            Some(agent) => {
                let kind = self.rules[i].spec.name;
                self.feed(Some(agent), (probe, &whole), kind, &home, UNKNOWN_INTERVAL, now.mono)?
            }
        };
        let rule = &self.rules[i];
        let feed = &mut self.homes[h].feeds[f];
        let raised = Some(Box::new(Raised { since: alert.since, stale: alert.stale, shown: true }));
        if alert.key.problem != rule.def.problem {
            let is_silence = alert.key.problem == no_data::problem();
            let silence = feed.no_data.iter_mut().find(|n| is_silence && n.rule as usize == i)?;
            (silence.raised, silence.count) = (raised, alert.count);
            return Some(());
        }
        let r = feed.row(&self.rules, rule.table, &alert.key.object, &alert.key.instance, &home)?;
        let machine = feed.rows[r].machines.iter_mut().find(|m| m.rule as usize == i)?;
        machine.phase = if kept.on { Phase::Firing } else { Phase::Inactive };
        (machine.flap, machine.count, machine.raised) = (kept.flap, alert.count, raised);
        machine.not_before = full_again(rule, now);
        feed.rows[r].seen = Some(now.mono);
        feed.fails = feed.fails.max(kept.fails);
        Some(())
    }

    /// Takes a new plan: what is gone is withdrawn, what is changed is judged again (and fires on until its clear
    /// condition holds), the rest goes on, windows included. Answers also which rules cannot be used.
    pub fn reload(
        &mut self,
        rules: &[PlanRule],
        objects: &[PlanObject],
        tasks: &[Task],
        now: Now,
    ) -> (Vec<Effect>, Vec<String>) {
        let (new, problems) = Self::build(rules, objects, tasks, self.specs, now.mono);
        let mut old = std::mem::replace(self, new);
        let mut out = std::mem::take(&mut old.waiting);
        self.dropped += old.dropped;
        self.sight.carry(&old.sight);
        self.planned = std::mem::take(&mut old.planned);
        self.blind = old.blind.take();
        self.hours = std::mem::take(&mut old.hours);
        let mut gone = Vec::new();
        for h in 0..old.homes.len() {
            for f in 0..old.homes[h].feeds.len() {
                self.carry_feed(&mut old, h, f, now, &mut gone, &mut out);
            }
        }
        for alert in gone {
            match self.hidden(&alert) {
                None => out.push(withdrawn(alert, now)),
                Some(heir) => {
                    if let Some(raised) = self.machine(heir).raised.as_mut() {
                        raised.shown = true;
                    }
                    out.extend(self.alert(heir, now).map(|alert| Effect::Save(self.saved(heir, alert))));
                }
            }
        }
        for h in 0..self.homes.len() {
            for f in 0..self.homes[h].feeds.len() {
                self.queue(h, f, now.mono);
            }
        }
        self.expect();
        (out, problems)
    }

    fn carry_feed(
        &mut self,
        old: &mut Self,
        h: usize,
        f: usize,
        now: Now,
        gone: &mut Vec<Alert>,
        out: &mut Vec<Effect>,
    ) {
        let (object, from) = (old.homes[h].object.clone(), &old.homes[h].feeds[f]);
        let place = match &from.agent {
            None => self.by_object.get(&object).and_then(|h| {
                let same = |f: &Feed| {
                    f.agent.is_none() && f.probe == from.probe && f.instance == from.instance && f.kind == from.kind
                };
                Some((*h, self.homes[*h].feeds.iter().position(same)?))
            }),
            Some(agent) => {
                self.feed(Some(agent), (&from.probe, &from.instance), &from.kind, &object, from.interval, now.mono)
            }
        };
        if let Some((nh, nf)) = place {
            let to = &mut self.homes[nh].feeds[nf];
            to.carry(from);
        }
        if let Some((nh, nf)) = place {
            for silence in &old.homes[h].feeds[f].no_data {
                let id = &old.rules[silence.rule as usize].def.id;
                let rules = &self.rules;
                let mut there = self.homes[nh].feeds[nf].no_data.iter_mut();
                if let Some(to) = there.find(|to| rules[to.rule as usize].def.id == *id) {
                    (to.from, to.closed) = (silence.from, silence.closed);
                }
            }
        }
        for n in 0..old.homes[h].feeds[f].no_data.len() {
            let Some(alert) = old.silence(h, f, n, now) else { continue };
            let silence = old.homes[h].feeds[f].no_data[n].clone();
            let rules = &self.rules;
            let to = place.and_then(|(nh, nf)| {
                self.homes[nh].feeds[nf].no_data.iter_mut().find(|to| rules[to.rule as usize].def.id == alert.rule)
            });
            match to {
                Some(to) => (to.raised, to.count) = (silence.raised, silence.count),
                None => gone.push(alert),
            }
        }
        for r in 0..old.homes[h].feeds[f].rows.len() {
            self.carry_row(old, (h, f, r), place, now, gone, out);
        }
    }

    fn carry_row(
        &mut self,
        old: &mut Self,
        (h, f, r): (usize, usize, usize),
        place: Option<(usize, usize)>,
        now: Now,
        gone: &mut Vec<Alert>,
        out: &mut Vec<Effect>,
    ) {
        let object = old.homes[h].object.clone();
        let to = place.and_then(|(nh, nf)| {
            let row = &old.homes[h].feeds[f].rows[r];
            let feed = &mut self.homes[nh].feeds[nf];
            Some((nh, nf, feed.row(&self.rules, row.table, &row.object, &row.instance, &object)?))
        });
        if let Some((nh, nf, nr)) = to {
            let from = &mut old.homes[h].feeds[f].rows[r];
            let row = &mut self.homes[nh].feeds[nf].rows[nr];
            row.seen = from.seen;
            if row.values.len() == from.values.len() {
                std::mem::swap(&mut row.values, &mut from.values);
            }
            for (series, ring) in &mut row.rings {
                let same = |(s, old): &&mut (_, crate::engine::window::Ring)| s == series && old.is_like(ring);
                if let Some((_, was)) = from.rings.iter_mut().find(same) {
                    std::mem::swap(ring, was);
                }
            }
        }
        if let Some((nh, nf, nr)) = to {
            let row = &mut self.homes[nh].feeds[nf].rows[nr];
            let same = |a: &Held, b: &Held| {
                let (new, was) = (&self.rules[a.rule as usize], &old.rules[b.rule as usize]);
                let (case, before) = (new.case_of(&row.object), was.case_of(&row.object));
                let params = |rule: &Compiled, case: Option<u32>| rule.cases.get(case? as usize).cloned();
                new.def == was.def && params(new, case) == params(was, before)
            };
            for held in &mut row.detectors {
                let from = &mut old.homes[h].feeds[f].rows[r].detectors;
                if let Some(was) = from.iter_mut().find(|was| same(held, was)) {
                    std::mem::swap(&mut held.detector, &mut was.detector);
                    held.kept = was.kept;
                }
            }
        }
        for m in 0..old.homes[h].feeds[f].rows[r].machines.len() {
            let alert = old.alert(Place { h, f, r, m }, now);
            let from = std::mem::take(&mut old.homes[h].feeds[f].rows[r].machines[m]);
            let shown = from.raised.as_ref().is_some_and(|raised| raised.shown);
            let was = &old.rules[from.rule as usize];
            let found = to.and_then(|(h, f, r)| {
                let machines = &self.homes[h].feeds[f].rows[r].machines;
                let m = machines.iter().position(|m| self.rules[m.rule as usize].def.id == was.def.id)?;
                Some(Place { h, f, r, m })
            });
            let same_problem =
                |at: &Place| self.look_up(*at).is_some_and(|(_, _, _, _, rule)| rule.def.problem == was.def.problem);
            match found.filter(same_problem) {
                Some(at) => self.carry_machine(from, was, at, alert.filter(|_| shown), now, out),
                None => gone.extend(alert.filter(|_| shown)),
            }
        }
    }

    fn carry_machine(
        &mut self,
        from: Machine,
        was: &Compiled,
        at: Place,
        told: Option<Alert>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some((_, _, _, to, rule)) = self.look_up(at) else { return };
        let same = rule.def == was.def && rule.cases.get(to.case as usize) == was.cases.get(from.case as usize);
        let not_before = if rule.memory() == was.memory() { from.not_before } else { full_again(rule, now) };
        let machine = Machine { rule: to.rule, case: to.case, ..from };
        *self.machine(at) = machine;
        if same {
            return;
        }
        let machine = self.machine(at);
        machine.not_before = not_before;
        machine.phase = if machine.on() { Phase::Firing } else { Phase::Inactive };
        let feed = &mut self.homes[at.h].feeds[at.f];
        feed.dirty = feed.fresh(now.mono);
        let looks =
            |alert: &Alert| (alert.severity, alert.folds_into.clone(), alert.category.clone(), alert.runbook.clone());
        if let (Some(told), Some(tell)) = (told, self.alert(at, now))
            && looks(&told) != looks(&tell)
        {
            self.firing_again(at, now, out);
        }
    }

    /// A machine that is raised for this alert's key and rule, and keeps silent for another's sake.
    fn hidden(&self, alert: &Alert) -> Option<Place> {
        let h = *self.by_object.get(&home(&alert.key.object))?;
        for (feed, f) in self.homes[h].feeds.iter().zip(0usize..) {
            for (row, r) in feed.rows.iter().zip(0usize..) {
                if row.object != alert.key.object || row.instance != alert.key.instance {
                    continue;
                }
                let hidden = |m: &Machine| {
                    self.rules[m.rule as usize].def.id == alert.rule && m.raised.as_ref().is_some_and(|r| !r.shown)
                };
                if let Some(m) = row.machines.iter().position(hidden) {
                    return Some(Place { h, f, r, m });
                }
            }
        }
        None
    }
}

impl Feed {
    /// Takes over what is known of the target, but neither rows nor machines.
    fn carry(&mut self, from: &Self) {
        self.fails = from.fails;
        (self.up, self.duration, self.trouble) = (from.up, from.duration, from.trouble.clone());
        (self.last, self.started, self.judged, self.dirty) = (from.last, from.started, from.judged, from.dirty);
        self.swept = from.swept;
        if self.agent.is_some() {
            self.interval = from.interval; // the console learns it from the windows themselves
        }
    }
}

/// When a window that begins empty now is full; before that it cannot clear what fired by a full one.
fn full_again(rule: &Compiled, now: Now) -> Option<crate::model::Mono> {
    let memory = rule.memory();
    (!memory.is_zero()).then(|| now.mono.plus(memory))
}

fn withdrawn(alert: Alert, now: Now) -> Effect {
    withdraw(Alert {
        state: AlertState::Cleared,
        cleared_by: Some(ClearReason::Withdrawn),
        at: now.wall,
        flapping: false,
        stale: false,
        ..alert
    })
}
