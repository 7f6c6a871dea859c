//! Children wait for their parents: an incident on something that hangs on something else stands there at once, and
//! is quiet for as long as trouble above it may take to be noticed. What began well before its supposed cause is no
//! symptom of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Book, Work};
use crate::model::{Object, Wall};

/// How soon trouble of an object is noticed if the policy does not say.
const NOTICED: Duration = Duration::from_secs(30);
/// Nobody is kept waiting longer, however slowly something above is looked at.
const MAX_QUIET: Duration = Duration::from_secs(60);
/// Clocks and rules of different agents differ by that much about when something began.
const LEAST_LEAD: Duration = Duration::from_secs(30);
/// What counts as another problem, such as a lost adjacency as a cut, is told by devices: asked once a minute, judged by
/// the window of the minute after.
const TOLD_LEAD: Duration = Duration::from_secs(120);

impl Book {
    /// How soon trouble of an object is noticed.
    fn noticed_within(&self, object: &Object) -> Duration {
        self.policy.noticed_within.get(object).copied().unwrap_or(NOTICED)
    }

    /// Keeps an incident quiet until trouble above it would be known, unless it is a symptom already.
    pub(super) fn hush(&mut self, id: &Arc<str>, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get(id).filter(|i| i.state.active() && !i.flags.topology) else { return };
        let above = self.policy.hangs_on.get(&incident.key.object).into_iter().flatten().flatten();
        let Some(patience) = above.map(|object| self.noticed_within(object)).max() else { return };
        self.quiet.insert(id.clone(), work.now.plus(patience.min(MAX_QUIET)));
        if let Some(incident) = self.incidents.get_mut(id) {
            incident.flags.held = true;
            work.touch(id);
        }
    }

    /// It has a cause, is over, or has waited long enough.
    pub(super) fn heard(&mut self, id: &Arc<str>, work: &mut Work<'_>) {
        self.quiet.remove(id);
        if let Some(incident) = self.incidents.get_mut(id).filter(|incident| incident.flags.held) {
            incident.flags.held = false;
            work.touch(id);
        }
    }

    /// Those that have waited long enough.
    pub(super) fn hushed_until_now(&self, now: Wall) -> Vec<Arc<str>> {
        self.quiet.iter().filter(|(_, until)| **until <= now).map(|(id, _)| id.clone()).collect()
    }

    /// Whether a symptom began no earlier than trouble on another object, but for what that takes to be noticed.
    pub(super) fn in_time(&self, symptom: &Arc<str>, cause: &Arc<str>) -> bool {
        let both = self.incidents.get(symptom).zip(self.incidents.get(cause));
        both.is_some_and(|(symptom, cause)| {
            let least = if self.policy.counts_as.contains_key(&cause.key.problem) { TOLD_LEAD } else { LEAST_LEAD };
            let lead = self.noticed_within(&cause.key.object).max(least);
            symptom.opened.plus(lead) >= cause.opened
        })
    }
}
