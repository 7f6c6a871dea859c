//! Symptoms under their cause: an incident whose alerts name the problem of another active one, on the same object
//! or on what that hangs on, hangs under it and wakes nobody. When the cause is gone the symptom waits for a fresh word of its
//! own, so that a recovery does not wake people for what is recovering too.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::incident::{AckKind, Incident, IncidentState, TimelineKind};
use crate::model::{Object, ProblemId, Wall};

use super::{Book, CONSOLE, HOLD, Work};

/// Longest chain of causes followed; three levels are already rare.
const MAX_CHAIN: usize = 16;

/// Objects looked at above one symptom: a device on a ring hangs on a handful.
const MAX_ABOVE: usize = 256;
/// Objects looked at below one cause: all that a prefecture has.
const MAX_BELOW: usize = 20_000;

impl Book {
    /// Hangs the incidents of an object, and of those that hang on it, under each other, whichever came first.
    pub(super) fn fold(&mut self, object: &Object, work: &mut Work<'_>) {
        self.fold_own(object, work);
        for below in self.hanging_on(object) {
            self.fold_own(&below, work);
        }
        for other in self.naming(object) {
            self.fold_own(&other, work);
        }
    }

    fn fold_own(&mut self, object: &Object, work: &mut Work<'_>) {
        let Some(ids) = self.by_object.get(object) else { return };
        let names = ids.iter().any(|id| self.names.contains_key(id));
        if ids.len() < 2 && !names && !self.policy.hangs_on.contains_key(object) {
            return;
        }
        let ids = ids.clone();
        for id in &ids {
            let Some(incident) = self.incidents.get(id) else { continue };
            if let Some(cause) = incident.cause.clone().filter(|c| incident.flags.topology && self.is_active(Some(c)))
            {
                // Its cause may have come back.
                if self.held.remove(id).is_some() {
                    self.symptoms.entry(cause).or_default().insert(id.clone());
                }
                continue;
            }
            let problems = named(incident);
            if problems.is_empty() {
                continue;
            }
            let own = &incident.key.problem;
            let here = ids.iter().find(|other| {
                *other != id
                    && self
                        .incidents
                        .get(*other)
                        .is_some_and(|other| other.key.problem != *own && problems.contains(&other.key.problem))
                    && !self.is_below(other, id)
            });
            let (cause, elsewhere) = match here.cloned() {
                Some(cause) => (Some(cause), false),
                None => {
                    let partial = self.believes_partial(id, work.now);
                    let (forked, path, looked) = (false, Vec::new(), 0);
                    let mut search = Search { book: self, id, problems: &problems, partial, forked, path, looked };
                    let above = search.above(object).or_else(|| self.named_cause(id, &problems));
                    (above.map(|cause| self.top(cause)), true)
                }
            };
            let Some(cause) = cause else { continue };
            self.hang(id, &cause, work);
            // What hangs on it from elsewhere has the same cause, if that explains it by itself.
            for symptom in self.symptoms.get(id).cloned().unwrap_or_default() {
                let Some(below) = self.incidents.get(&symptom).filter(|i| i.key.object != *object) else { continue };
                if elsewhere || self.explains_elsewhere(&cause, &named(below)) {
                    self.hang(&symptom, &cause, work);
                }
            }
        }
    }

    pub(super) fn hang(&mut self, id: &Arc<str>, cause: &Arc<str>, work: &mut Work<'_>) {
        self.held.remove(id);
        let text = self.incidents.get(cause).map(|c| c.key.to_string()).unwrap_or_default();
        let Some(incident) = self.incidents.get_mut(id) else { return };
        let before = incident.cause.replace(cause.clone());
        (incident.flags.topology, incident.flags.held) = (true, false);
        if let Some(before) = before {
            super::remove(&mut self.symptoms, &before, id);
        }
        self.symptoms.entry(cause.clone()).or_default().insert(id.clone());
        self.quiet.remove(id);
        work.line(id, work.now, CONSOLE, TimelineKind::Folded, text);
    }

    /// Whether an incident is, for other objects, what one of these problems says: by its own, or by what that counts as.
    pub(super) fn explains_elsewhere(&self, id: &Arc<str>, problems: &BTreeSet<&ProblemId>) -> bool {
        let Some(problem) = self.incidents.get(id).map(|incident| &incident.key.problem) else { return false };
        let stands_for = self.policy.counts_as.get(problem);
        problems.contains(problem) || stands_for.is_some_and(|problem| problems.contains(problem))
    }

    /// The incident that this one hangs under, over all steps.
    fn top(&self, id: Arc<str>) -> Arc<str> {
        let mut at = id;
        for _ in 0..MAX_CHAIN {
            let above = self.incidents.get(&at).filter(|i| i.flags.topology).and_then(|i| i.cause.clone());
            match above.filter(|above| self.is_active(Some(above))) {
                Some(above) => at = above,
                None => break,
            }
        }
        at
    }

    /// Objects with active incidents that hang on this one, over any steps, if this one has any itself.
    fn hanging_on(&self, object: &Object) -> Vec<Object> {
        let mut found = Vec::new();
        if self.hanging.is_empty() || !self.by_object.contains_key(object) {
            return found;
        }
        let (mut seen, mut next) = (BTreeSet::from([object]), vec![object]);
        while let Some(at) = next.pop() {
            for below in self.hanging.get(at).into_iter().flatten() {
                if seen.len() < MAX_BELOW && seen.insert(below) {
                    next.push(below);
                    if self.by_object.contains_key(below) {
                        found.push(below.clone());
                    }
                }
            }
        }
        found
    }

    /// Whether an incident hangs, over any steps, under another.
    pub(super) fn is_below(&self, id: &Arc<str>, top: &Arc<str>) -> bool {
        let mut at = id.clone();
        for _ in 0..MAX_CHAIN {
            if at == *top {
                return true;
            }
            match self.incidents.get(&at).filter(|i| i.flags.topology).and_then(|i| i.cause.clone()) {
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    }

    /// Its cause is gone: the symptoms are held until they speak, or for a while.
    pub(super) fn hold_symptoms(&mut self, cause: &Arc<str>, at: Wall, work: &mut Work<'_>) {
        for id in self.symptoms.remove(cause).unwrap_or_default() {
            let symptom = self.incidents.get(&id).filter(|i| i.flags.topology && i.cause.as_ref() == Some(cause));
            let Some(symptom) = symptom.filter(|i| i.state.active()) else { continue };
            let object = symptom.key.object.clone();
            if !self.ends_with_cause(&id, work) {
                work.looks.insert(object);
                self.held.insert(id, (at, work.now));
            }
        }
    }

    /// It fires still, said by a record made at that time. A roster says only that it has not cleared, which a rule
    /// with a window cannot before its window has passed.
    pub(super) fn fresh_word(&mut self, id: &Arc<str>, at: Wall, work: &mut Work<'_>) {
        if self.held.get(id).is_some_and(|(ended, _)| at > *ended) {
            self.unfold(id, work);
        }
    }

    fn unfold(&mut self, id: &Arc<str>, work: &mut Work<'_>) {
        self.held.remove(id);
        if let Some(incident) = self.incidents.get_mut(id) {
            if let Some(cause) = &incident.cause {
                super::remove(&mut self.symptoms, cause, id);
            }
            (incident.cause, incident.flags.topology) = (None, false);
            work.line(id, work.now, CONSOLE, TimelineKind::Unfolded, "");
        }
    }

    /// It is explained no more, unless another cause does by now.
    pub(super) fn stands_alone(&mut self, id: &Arc<str>, work: &mut Work<'_>) {
        self.unfold(id, work);
        if let Some(object) = self.incidents.get(id).map(|incident| incident.key.object.clone()) {
            self.fold_own(&object, work);
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self, work: &mut Work<'_>) {
        for (_, learnt) in self.held.values_mut().filter(|(_, learnt)| *learnt == Wall::default()) {
            *learnt = work.now;
        }
        let free: Vec<Arc<str>> =
            self.held.iter().filter(|(_, (_, at))| work.now.since(*at) >= HOLD).map(|(id, _)| id.clone()).collect();
        for id in &free {
            if !self.ends_with_cause(id, work) {
                self.stands_alone(id, work);
            }
        }
        self.doubt_partial(work);
        for id in self.hushed_until_now(work.now) {
            self.heard(&id, work);
        }
        let over = |book: &Self, id: &Arc<str>| {
            let ack = book.incidents.get(id).and_then(|i| i.ack.as_ref());
            ack.is_none_or(|ack| matches!(ack.kind, AckKind::Until(end) if end <= work.now))
        };
        let expired: Vec<Arc<str>> = self.timed.iter().filter(|id| over(self, id)).cloned().collect();
        for id in expired {
            self.timed.remove(&id);
            let Some(incident) = self.incidents.get_mut(&id) else { continue };
            if incident.state == IncidentState::Acked {
                (incident.state, incident.ack) = (IncidentState::Open, None);
                work.line(&id, work.now, CONSOLE, TimelineKind::Unacked, "expired");
            }
        }
    }
}

/// Problems that explain an incident, as its alerts say.
pub(super) fn named(incident: &Incident) -> BTreeSet<&ProblemId> {
    incident.contributions.iter().filter(|c| c.firing).flat_map(|c| &c.folds_into).collect()
}

/// Looks for the cause of one symptom above its object.
struct Search<'a> {
    book: &'a Book,
    id: &'a Arc<str>,
    problems: &'a BTreeSet<&'a ProblemId>,
    /// What goes on working may be the cause.
    partial: bool,
    /// Several ways lay on the way up here.
    forked: bool,
    /// From the symptom's object upwards; what is on it is not looked at again, for rings.
    path: Vec<Object>,
    looked: usize,
}

impl Search<'_> {
    /// The cause in the first group that is wholly down, or of which one goes on working with trouble.
    fn above(&mut self, object: &Object) -> Option<Arc<str>> {
        let groups = self.book.policy.hangs_on.get(object)?;
        if self.path.len() >= MAX_CHAIN || self.path.contains(object) {
            return None;
        }
        self.path.push(object.clone());
        let cause = groups.iter().find_map(|group| self.group(group));
        self.path.pop();
        cause
    }

    fn group(&mut self, group: &[Object]) -> Option<Arc<str>> {
        let before = (self.partial, self.forked);
        if group.len() > 1 {
            // Loss on one of several ways explains what lies right behind them: not the other ways, which lead there
            // too, and nothing behind a second fork, whose ways it may not be on.
            self.partial &= !self.forked && !group.iter().any(|above| self.path.contains(above));
            self.forked = true;
        }
        let found: Vec<Option<Arc<str>>> = group.iter().map(|above| self.down(above)).collect();
        (self.partial, self.forked) = before;
        let whole = found.iter().all(Option::is_some).then(|| found.first().cloned().flatten()).flatten();
        whole.or_else(|| found.into_iter().flatten().find(|cause| self.book.is_partial(cause)))
    }

    /// What is wrong with an object by itself, else above it.
    fn down(&mut self, object: &Object) -> Option<Arc<str>> {
        self.looked += 1;
        // On a ring the way up leads back to the symptom's own object.
        if self.looked > MAX_ABOVE || self.path.contains(object) {
            return None;
        }
        let book = self.book;
        let named = |other: &&Arc<str>| {
            *other != self.id
                && book.explains_elsewhere(other, self.problems)
                && (self.partial || !book.is_partial(other))
                && !book.is_below(other, self.id)
                && book.in_time(self.id, other)
        };
        let own = book.by_object.get(object).into_iter().flatten().find(named).cloned();
        own.or_else(|| self.above(object))
    }
}
