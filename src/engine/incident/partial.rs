//! What explains in part. A line that loses packets goes on carrying them, and nothing routes around it: of several
//! lines together, one that does suffices to explain what is lost behind them. It explains total silence behind them
//! only for a while: chance may lose three answers in a row, and not for minutes.

use std::sync::Arc;

use super::{Book, HOLD, Work};
use crate::model::Wall;

impl Book {
    /// Whether what this incident is about goes on working.
    pub(super) fn is_partial(&self, id: &Arc<str>) -> bool {
        self.incidents.get(id).is_some_and(|incident| self.policy.partial.contains(&incident.key.problem))
    }

    /// Whether a cause on another object that goes on working may explain this incident still.
    pub(super) fn believes_partial(&self, id: &Arc<str>, now: Wall) -> bool {
        let Some(incident) = self.incidents.get(id) else { return false };
        let since = incident.contributions.iter().filter(|c| c.firing).map(|c| c.since).min();
        self.is_partial(id) || now.since(since.unwrap_or(incident.opened)) < HOLD
    }

    /// Symptoms that have lasted too long for what they hang under stand alone from now on, or find another cause.
    pub(super) fn doubt_partial(&mut self, work: &mut Work<'_>) {
        let object = |id: &Arc<str>| self.incidents.get(id).map(|incident| &incident.key.object);
        let of_partial = self.symptoms.iter().filter(|(cause, _)| self.is_partial(cause));
        let doubted: Vec<Arc<str>> = of_partial
            .flat_map(|(cause, ids)| ids.iter().filter(move |id| object(id) != object(cause)))
            .filter(|id| !self.believes_partial(id, work.now))
            .cloned()
            .collect();
        for id in doubted {
            self.stands_alone(&id, work);
        }
    }
}
