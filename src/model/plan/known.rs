//! Plans of a newer console: parts this build does not know are left out and named, each for itself, so that
//! one new rule does not stop the watch over a county. The names stand in the plan, so that an agent which
//! starts from its file knows that the file lacks something, and asks for the plan again.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Job, PLAN_SCHEMA, Plan, PlanObject, PlanProfile, PlanRule, PlanSource, Task};
use crate::model::calendar::Calendar;
use crate::model::id::AgentId;
use crate::model::secret::Secret;

/// Most names of parts left out: a page of them is read, a thousand are not.
const MAX_SKIPPED: usize = 100;
/// Longest such name, in characters.
const MAX_WORDS: usize = 200;

/// A plan as it is read.
#[derive(Deserialize)]
pub(super) struct PlanBody {
    schema: u32,
    rev: u64,
    digest: String,
    agent: AgentId,
    #[serde(default)]
    objects: Known<PlanObject>,
    tasks: Known<Task>,
    rules: Known<PlanRule>,
    #[serde(default)]
    sources: Known<PlanSource>,
    #[serde(default)]
    calendars: Known<Arc<Calendar>>,
    #[serde(default)]
    profiles: Known<PlanProfile>,
    #[serde(default)]
    secrets: KnownSecrets,
    #[serde(default)]
    skipped: Vec<String>,
}

impl From<PlanBody> for Plan {
    fn from(body: PlanBody) -> Self {
        let mut skipped = body.skipped;
        if body.schema > PLAN_SCHEMA {
            skipped.push(format!(
                "the plan has schema {}, this agent knows {PLAN_SCHEMA}: what it does not know is left out; update this agent",
                body.schema
            ));
        }
        let parts = [
            ("object", body.objects.skipped),
            ("task", body.tasks.skipped),
            ("rule", body.rules.skipped),
            ("source", body.sources.skipped),
            ("calendar", body.calendars.skipped),
            ("profile", body.profiles.skipped),
            ("secret", body.secrets.skipped),
        ];
        for (part, names) in parts {
            skipped
                .extend(names.into_iter().map(|name| format!("{part} {name}; left out until this agent is updated")));
        }
        let mut seen = std::collections::BTreeSet::new();
        skipped.retain(|line| seen.insert(line.clone()));
        let more = skipped.len().saturating_sub(MAX_SKIPPED);
        if more > 0 {
            skipped.truncate(MAX_SKIPPED);
            skipped.push(format!("and {more} more"));
        }
        Self {
            schema: body.schema,
            rev: body.rev,
            digest: body.digest,
            agent: body.agent,
            objects: body.objects.kept,
            tasks: body.tasks.kept,
            rules: body.rules.kept,
            sources: body.sources.kept,
            calendars: body.calendars.kept,
            profiles: body.profiles.kept,
            secrets: body.secrets.kept,
            skipped,
        }
    }
}

/// A list without the items that do not read; they are read one at a time, so a large plan is not held twice.
struct Known<T> {
    kept: Vec<T>,
    skipped: Vec<String>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), skipped: Vec::new() }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Visit<T> {
            type Value = Known<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut known = Known::default();
                while let Some(item) = seq.next_element::<Value>()? {
                    match T::deserialize(&item) {
                        Ok(item) => known.kept.push(item),
                        Err(error) => note(&mut known.skipped, || format!("`{}`: {error}", name(&item))),
                    }
                }
                Ok(known)
            }
        }
        d.deserialize_seq(Visit(PhantomData))
    }
}

/// Secrets of types this build knows. What is said of the others quotes nothing of them.
#[derive(Default)]
struct KnownSecrets {
    kept: BTreeMap<String, Secret>,
    skipped: Vec<String>,
}

impl<'de> Deserialize<'de> for KnownSecrets {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = KnownSecrets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("secrets by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut known = KnownSecrets::default();
                while let Some((name, secret)) = map.next_entry::<String, Value>()? {
                    match Secret::deserialize(&secret) {
                        Ok(secret) => {
                            known.kept.insert(name, secret);
                        }
                        Err(_) => note(&mut known.skipped, || format!("`{name}`: its type is not known")),
                    }
                }
                Ok(known)
            }
        }
        d.deserialize_map(Visit)
    }
}

/// Jobs; one that this build does not know keeps its id, so that it is answered and not offered for ever.
pub(crate) fn jobs<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Job>, D::Error> {
    let jobs = Vec::<Value>::deserialize(d)?;
    Ok(jobs
        .iter()
        .filter_map(|job| match Job::deserialize(job) {
            Ok(job) => Some(job),
            Err(_) => Some(Job::Unknown { id: job.get("id")?.as_str()?.to_owned() }),
        })
        .collect())
}

fn note(list: &mut Vec<String>, text: impl FnOnce() -> String) {
    // One more than are shown, so that the end of the list says that there are more.
    if list.len() <= MAX_SKIPPED {
        list.push(text().chars().take(MAX_WORDS).collect());
    }
}

fn name(item: &Value) -> &str {
    ["id", "object"].into_iter().find_map(|key| item.get(key)?.as_str()).unwrap_or("?")
}
