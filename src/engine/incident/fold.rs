//! Symptoms under their cause: an incident whose alerts name the problem of another active one on the same
//! object hangs under it and wakes nobody. When the cause is gone the symptom waits for a fresh word of its
//! own, so that a recovery does not wake people for what is recovering too.

use std::sync::Arc;

use crate::model::incident::{AckKind, IncidentState, TimelineKind};
use crate::model::{Object, ProblemId, Wall};

use super::{Book, CONSOLE, HOLD, Work};

/// Longest chain of causes followed; three levels are already rare.
const MAX_CHAIN: usize = 16;

impl Book {
    /// Hangs the incidents of an object under each other, whichever came first.
    pub(super) fn fold(&mut self, object: &Object, work: &mut Work<'_>) {
        let Some(ids) = self.by_object.get(object).filter(|ids| ids.len() > 1).cloned() else { return };
        for id in &ids {
            let Some(incident) = self.incidents.get(id) else { continue };
            if incident.flags.topology && self.is_active(incident.cause.as_ref()) {
                self.held.remove(id); // its cause may have come back
                continue;
            }
            let problems: Vec<&ProblemId> =
                incident.contributions.iter().filter(|c| c.firing).flat_map(|c| &c.folds_into).collect();
            if problems.is_empty() {
                continue;
            }
            let cause = ids.iter().find(|other| {
                *other != id
                    && self.incidents.get(*other).is_some_and(|other| problems.contains(&&other.key.problem))
                    && !self.is_below(other, id)
            });
            let Some(cause) = cause.cloned() else { continue };
            self.held.remove(id);
            let text = self.incidents.get(&cause).map(|c| c.key.to_string()).unwrap_or_default();
            if let Some(incident) = self.incidents.get_mut(id) {
                (incident.cause, incident.flags.topology) = (Some(cause), true);
            }
            work.line(id, work.now, CONSOLE, TimelineKind::Folded, text);
        }
    }

    /// Whether an incident hangs, over any steps, under another.
    fn is_below(&self, id: &Arc<str>, top: &Arc<str>) -> bool {
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
    pub(super) fn hold_symptoms(&mut self, cause: &Arc<str>, at: Wall, work: &Work<'_>) {
        let object = self.incidents.get(cause).map(|i| i.key.object.clone());
        for id in object.and_then(|object| self.by_object.get(&object)).into_iter().flatten() {
            let symptom = self.incidents.get(id).filter(|i| i.flags.topology && i.cause.as_ref() == Some(cause));
            if symptom.is_some() {
                self.held.insert(id.clone(), (at, work.now));
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
            (incident.cause, incident.flags.topology) = (None, false);
            work.line(id, work.now, CONSOLE, TimelineKind::Unfolded, "");
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self, work: &mut Work<'_>) {
        for (_, learnt) in self.held.values_mut().filter(|(_, learnt)| *learnt == Wall::default()) {
            *learnt = work.now;
        }
        let free: Vec<Arc<str>> =
            self.held.iter().filter(|(_, (_, at))| work.now.since(*at) >= HOLD).map(|(id, _)| id.clone()).collect();
        for id in free {
            self.unfold(&id, work);
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
