//! The newest value of every series, in memory and bounded; fed on ingest, pruned by age, rebuilt from the
//! last minutes of the journal at start.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::types::Latest;
use crate::model::wire::Samples;
use crate::model::{AgentId, Object, ProbeId, Wall};

/// Series in the cache: 2,000 devices with 100 fields each; about 80 bytes a series.
pub const MAX_SERIES: usize = 200_000;

struct Entry {
    instance: Arc<str>,
    agent: AgentId,
    probe: ProbeId,
    kind: Arc<str>,
    at: Wall,
    fields: Vec<(Arc<str>, f64)>,
}

/// See above.
#[derive(Default)]
pub(super) struct LatestCache {
    rows: BTreeMap<Object, Vec<Entry>>,
    names: HashSet<Arc<str>>,
    series: usize,
    dropped: u64,
}

impl LatestCache {
    fn intern(&mut self, name: &str) -> Arc<str> {
        match self.names.get(name) {
            Some(name) => name.clone(),
            None => {
                let name: Arc<str> = Arc::from(name);
                self.names.insert(name.clone());
                name
            }
        }
    }

    /// Takes a summary window; an older one than it holds changes nothing.
    pub(super) fn put(&mut self, agent: &AgentId, at: Wall, samples: &Samples) {
        let kind = self.intern(&samples.kind);
        for row in &samples.rows {
            let fields: Vec<(Arc<str>, f64)> =
                row.fields.iter().map(|(name, body)| (self.intern(name), body.0.last)).collect();
            let room = MAX_SERIES.saturating_sub(self.series);
            // What holds nothing takes no room, and so would have no bound.
            if fields.is_empty() || (room < fields.len() && !self.rows.contains_key(&row.object)) {
                self.dropped += fields.len() as u64;
                continue;
            }
            let entries = self.rows.entry(row.object.clone()).or_default();
            let found = entries
                .iter_mut()
                .find(|e| e.instance == row.instance && e.agent == *agent && e.probe == samples.probe);
            match found {
                Some(entry) if entry.at <= at => {
                    self.series = (self.series + fields.len()).saturating_sub(entry.fields.len());
                    entry.at = at;
                    entry.fields = fields;
                }
                Some(_) => {}
                None if fields.len() <= room => {
                    self.series += fields.len();
                    entries.push(Entry {
                        instance: row.instance.clone(),
                        agent: agent.clone(),
                        probe: samples.probe.clone(),
                        kind: kind.clone(),
                        at,
                        fields,
                    });
                }
                None => self.dropped += fields.len() as u64,
            }
        }
    }

    /// Forgets what is older than `before`, and what `gone` names.
    pub(super) fn prune(&mut self, before: Wall, gone: impl Fn(&Object) -> bool) {
        self.rows.retain(|object, entries| {
            if gone(object) {
                return false;
            }
            entries.retain(|entry| entry.at >= before);
            !entries.is_empty()
        });
        self.series = self.rows.values().flatten().map(|entry| entry.fields.len()).sum();
        self.names.retain(|name| Arc::strong_count(name) > 1);
    }

    /// Calls `each` for every value of an object.
    pub(super) fn of(&self, object: &Object, mut each: impl FnMut(Latest)) {
        for entry in self.rows.get(object).into_iter().flatten() {
            give(object, entry, &mut each);
        }
    }

    /// Calls `each` for every value, objects in order.
    pub(super) fn all(&self, mut each: impl FnMut(Latest)) {
        for (object, entries) in &self.rows {
            for entry in entries {
                give(object, entry, &mut each);
            }
        }
    }

    /// Whether it has values of this object.
    pub(super) fn knows(&self, object: &Object) -> bool {
        self.rows.contains_key(object)
    }

    /// Series held, and measurements that found no room.
    pub(super) const fn size(&self) -> (usize, u64) {
        (self.series, self.dropped)
    }
}

fn give(object: &Object, entry: &Entry, each: &mut impl FnMut(Latest)) {
    for (field, value) in &entry.fields {
        each(Latest {
            object: object.clone(),
            instance: entry.instance.clone(),
            agent: entry.agent.clone(),
            probe: entry.probe.clone(),
            kind: entry.kind.clone(),
            field: field.clone(),
            value: *value,
            at: entry.at,
        });
    }
}
