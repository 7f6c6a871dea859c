//! Texts and states of objects: told when they change and once a day, so that one lost is told again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::wire::Facts;
use crate::model::{FieldType, Mono, Now, Object, Observation, Outcome, ProbeId, Value};

/// Told again after so long, changed or not.
pub(super) const AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Forgotten when nothing was seen of it for so long.
const LIFE: Duration = Duration::from_secs(48 * 3600);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: HashMap<(ProbeId, Object, Arc<str>), Told>,
    swept: Mono,
    dropped: u64,
}

#[derive(Debug)]
struct Told {
    /// By table and slot, as narrow as they are: a quarter of a million ports have some each.
    values: Vec<(u16, u16, Value)>,
    at: Mono,
    seen: Mono,
}

impl Known {
    /// `room`: of how many objects and instances it may remember what was told.
    pub(super) fn push(&mut self, seen: &Observation, room: usize, now: Now) -> Vec<Facts> {
        let mut out = Vec::new();
        if seen.outcome == Outcome::Invalid {
            return out;
        }
        for row in &seen.rows {
            let telling = |v: &Value| matches!(v, Value::Text(_) | Value::State(_));
            if !row.values.iter().any(telling) {
                continue;
            }
            let key = (seen.probe.clone(), row.object.clone(), row.instance.clone());
            if self.all.len() >= room && !self.all.contains_key(&key) {
                self.dropped += 1;
                continue;
            }
            let told = self.all.entry(key).or_insert(Told { values: Vec::new(), at: now.mono, seen: now.mono });
            let mut changed = false;
            let Ok(table) = u16::try_from(row.table) else { continue };
            if told.values.is_empty() {
                told.values.reserve_exact(row.values.iter().filter(|value| telling(value)).count());
            }
            for (value, slot) in row.values.iter().zip(0u16..).filter(|(value, _)| telling(value)) {
                match told.values.iter_mut().find(|(t, s, _)| (*t, *s) == (table, slot)) {
                    Some((.., old)) if old == value => {}
                    Some((.., old)) => {
                        changed = true;
                        old.clone_from(value);
                    }
                    None => {
                        changed = true;
                        told.values.push((table, slot, value.clone()));
                    }
                }
            }
            told.seen = now.mono;
            if changed || now.mono.since(told.at) >= AGAIN {
                told.at = now.mono;
                out.push(Facts {
                    object: row.object.clone(),
                    instance: row.instance.clone(),
                    probe: seen.probe.clone(),
                    values: words(seen, &told.values),
                });
            }
        }
        out
    }

    pub(super) fn sweep(&mut self, now: Mono) {
        if now.since(self.swept) >= SWEEP_EVERY {
            self.swept = now;
            self.all.retain(|_, told| now.since(told.seen) < LIFE);
        }
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn words(seen: &Observation, values: &[(u16, u16, Value)]) -> BTreeMap<String, String> {
    values
        .iter()
        .filter_map(|(table, slot, value)| {
            let field = seen.schema.tables.get(usize::from(*table))?.fields.get(usize::from(*slot))?;
            let word = match (value, &field.kind) {
                (Value::Text(text), _) => text.to_string(),
                (Value::State(i), FieldType::State(names)) => names.get(usize::from(*i))?.to_string(),
                _ => return None,
            };
            Some((field.name.to_string(), word))
        })
        .collect()
}
