//! Notes, which are incidents of severity info, and what they are about. A note is an event that is shown while it is
//! news: one that something else explains ends with that, and never stands there alone afterwards. A note that names
//! addresses of links, such as a way that has become another one, may have its cause on any of those.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Book, HOLD, Work};
use crate::model::{Object, ProblemId, Severity};

/// What a note says when what explains it is over.
const EXPLAINED: &str = "explained";
/// Most links that one incident may name: two ways of as many hops as a packet may take.
const MAX_NAMED: usize = 256;

/// Addresses in a value of evidence: alone, or those of a way, as in `10.1.0.1 > * > 10.3.0.1|10.3.1.1`.
fn addresses(value: &str) -> impl Iterator<Item = IpAddr> + '_ {
    value.split([' ', '>', '|']).filter_map(|word| word.parse().ok())
}

impl Book {
    /// Links that the firing alerts of an incident name by their addresses.
    fn named_by(&self, id: &Arc<str>) -> BTreeSet<Object> {
        let Some(incident) = self.incidents.get(id).filter(|_| !self.policy.addresses.is_empty()) else {
            return BTreeSet::new();
        };
        let firing = incident.contributions.iter().filter(|c| c.firing);
        let values = firing.flat_map(|c| &c.evidence).map(|(_, value)| value.as_str());
        let links = values.flat_map(addresses).filter_map(|address| self.policy.addresses.get(&address));
        links.filter(|link| **link != incident.key.object).take(MAX_NAMED).cloned().collect()
    }

    /// Enters which links an incident names.
    pub(super) fn name(&mut self, id: &Arc<str>) {
        let links = self.named_by(id);
        for link in &links {
            self.naming.entry(link.clone()).or_default().insert(id.clone());
        }
        if !links.is_empty() {
            self.names.entry(id.clone()).or_default().extend(links);
        }
    }

    /// It has ended.
    pub(super) fn names_no_more(&mut self, id: &Arc<str>) {
        for link in self.names.remove(id).unwrap_or_default() {
            super::remove(&mut self.naming, &link, id);
        }
    }

    /// Objects of the incidents that name this one.
    pub(super) fn naming(&self, object: &Object) -> BTreeSet<Object> {
        let ids = self.naming.get(object).into_iter().flatten();
        ids.filter_map(|id| Some(self.incidents.get(id)?.key.object.clone())).collect()
    }

    /// An active incident on one of the links that this one names, of one of these problems.
    pub(super) fn named_cause(&self, id: &Arc<str>, problems: &BTreeSet<&ProblemId>) -> Option<Arc<str>> {
        let links = self.names.get(id)?;
        let there = links.iter().filter_map(|link| self.by_object.get(link)).flatten();
        let explains = |other: &&Arc<str>| {
            self.explains_elsewhere(other, problems) && !self.is_below(other, id) && self.in_time(id, other)
        };
        there.into_iter().find(explains).cloned()
    }

    fn is_note(&self, id: &Arc<str>) -> bool {
        self.incidents.get(id).is_some_and(|incident| incident.severity == Severity::Info && incident.state.active())
    }

    /// What explains a note is over, and so is the note. False if it is none.
    pub(super) fn ends_with_cause(&mut self, id: &Arc<str>, work: &mut Work<'_>) -> bool {
        let note = self.is_note(id);
        if note {
            self.resolve(id, work.now, super::CONSOLE, EXPLAINED, work);
        }
        note
    }

    /// A note that comes when what explains it has just ended, such as the way back after a cut, ends at once.
    pub(super) fn explained_before(&mut self, id: &Arc<str>, work: &mut Work<'_>) {
        let Some(incident) = self.incidents.get(id).filter(|i| self.is_note(id) && !i.flags.topology) else { return };
        let problems = super::fold::named(incident);
        let names = self.names.get(id);
        let about = |object: &Object| *object == incident.key.object || names.is_some_and(|n| n.contains(object));
        let recent = self.endings.iter().rev().take_while(|(_, ended)| work.now.since(*ended) <= HOLD);
        let mut ended = recent.filter(|(other, _)| {
            let other = self.incidents.get(other).filter(|other| !other.state.active());
            other.is_some_and(|other| problems.contains(&other.key.problem) && about(&other.key.object))
        });
        let Some(cause) = ended.next().map(|(cause, _)| cause.clone()) else { return };
        self.hang(id, &cause, work);
        self.ends_with_cause(id, work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_a_way_and_nowhere_else() {
        let found = |value| addresses(value).map(|a| a.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(found("10.1.0.1 > * > 10.3.0.1|10.3.1.1 > 2001:db8::1"), "10.1.0.1 10.3.0.1 10.3.1.1 2001:db8::1");
        assert_eq!(found("10.1.0.1"), "10.1.0.1");
        assert_eq!(found("10.1.0.1: no answer within 900 ms"), "");
        assert_eq!(found("3"), "");
    }
}
