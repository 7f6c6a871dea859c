//! What makes a task run out of turn: a file it reads was changed, the device told of a problem after which it is to look,
//! or a poll saw that the configuration was changed. Kinds say so by two settings; which kinds they are is nothing to this
//! module.
//!
//! Files are watched by a task of its own, because a look at thousands of them may wait for a disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::watch;
use crate::engine::heard::Hit;
use crate::model::plan::{PlanRule, Task};
use crate::model::{Mono, Object, Observation, ProblemId, RuleId, Value};
use crate::probe::config::{AFTER, PATH, stamp};

/// From a word of the device to the look: whoever changes it types more than one command.
const SETTLE: Duration = Duration::from_secs(30);
/// The field that says when a configuration was changed last.
const CHANGED: &str = "config_changed_seconds";
/// Changed files that wait for the loop.
const WAITING: usize = 256;

/// Which object is to be looked at, and by probes of which kind.
type Look = (Object, Arc<str>);

/// What may make tasks run.
#[derive(Default)]
pub(super) struct Triggers {
    problems: HashMap<RuleId, ProblemId>,
    after: HashSet<(Object, String)>,
    due: BTreeMap<Object, Mono>,
    /// Tasks that are looked at after something, as they were.
    tasks: HashMap<Arc<str>, Arc<Task>>,
    /// The uptime at the last change of an object's configuration, as a poll saw it.
    polled: HashMap<Object, f64>,
    files: Vec<Arc<Task>>,
    watching: Option<(JoinHandle<()>, mpsc::Receiver<Look>)>,
}

impl Drop for Triggers {
    fn drop(&mut self) {
        self.unwatch();
    }
}

impl Triggers {
    /// Takes a plan's tasks and rules.
    pub(super) fn set(&mut self, tasks: &[Arc<Task>], rules: &[PlanRule], now: Mono) {
        self.changed_tasks(tasks, now);
        self.problems = rules.iter().map(|rule| (rule.id.clone(), rule.problem.clone())).collect();
        let after = |task: &Arc<Task>| {
            let object = task.object.clone();
            task.settings
                .texts(AFTER)
                .iter()
                .map(move |problem| (object.clone(), problem.clone()))
                .collect::<Vec<_>>()
        };
        self.after = tasks.iter().flat_map(after).collect();
        self.polled.retain(|object, _| self.after.iter().any(|(other, _)| other == object));
        let files: Vec<Arc<Task>> = tasks.iter().filter(|t| t.settings.text(PATH).is_some()).cloned().collect();
        if files == self.files {
            return;
        }
        self.unwatch();
        self.files = files;
        let mut paths: Vec<PathBuf> =
            self.files.iter().filter_map(|t| t.settings.text(PATH)).map(PathBuf::from).collect();
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return;
        }
        match watch::watch(&paths) {
            Ok(watch) => {
                let (tell, changed) = mpsc::channel(WAITING);
                let task = tokio::spawn(look_after(watch, self.files.clone(), tell));
                self.watching = Some((task, changed));
            }
            Err(why) => tracing::warn!(%why, "configuration files are read on schedule only"),
        }
    }

    /// What is to be looked at after something is looked at when it is to be looked at otherwise: a key was accepted.
    fn changed_tasks(&mut self, tasks: &[Arc<Task>], now: Mono) {
        let before = std::mem::take(&mut self.tasks);
        for task in tasks.iter().filter(|task| !task.settings.texts(AFTER).is_empty()) {
            if before.get(&task.id).is_some_and(|before| before != task) {
                self.due.entry(task.object.clone()).or_insert(now);
            }
            self.tasks.insert(task.id.clone(), task.clone());
        }
    }

    fn unwatch(&mut self) {
        if let Some((task, _)) = self.watching.take() {
            task.abort();
        }
    }

    /// Lines and traps of devices fitted rules.
    pub(super) fn heard(&mut self, hits: &[Hit], now: Mono) {
        for hit in hits.iter().filter(|hit| hit.raise) {
            let object = Object::Asset(hit.asset.clone());
            let Some(problem) = self.problems.get(&hit.rule) else { continue };
            let wanted = (object, problem.to_string());
            if self.after.contains(&wanted) {
                self.due.entry(wanted.0).or_insert(now.plus(SETTLE));
            }
        }
    }

    /// A poll brought something: whether the configuration was changed since the poll before.
    pub(super) fn observed(&mut self, observation: &Observation, now: Mono) {
        if self.after.is_empty() {
            return;
        }
        let Some((table, slot, _)) = observation.schema.find(CHANGED) else { return };
        for row in observation.rows.iter().filter(|row| row.table == table) {
            let Some(at) = row.values.get(slot).and_then(Value::number) else { continue };
            let before = self.polled.insert(row.object.clone(), at);
            let other = before.is_some_and(|before| before.to_bits() != at.to_bits());
            if other && self.after.iter().any(|(object, _)| *object == row.object) {
                self.due.entry(row.object.clone()).or_insert(now.plus(SETTLE));
            }
        }
    }

    /// Whose file changed next; never returns while none is watched.
    pub(super) async fn changed(&mut self) -> Look {
        match &mut self.watching {
            Some((_, changed)) => match changed.recv().await {
                Some(look) => look,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// When it wants to be asked again.
    pub(super) fn next_wake(&self) -> Option<Mono> {
        self.due.values().min().copied()
    }

    /// What is to be looked at now: by the tasks alone that are looked at after something.
    pub(super) fn due(&mut self, now: Mono) -> BTreeSet<Look> {
        let due: Vec<Object> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(object, _)| object.clone()).collect();
        due.iter().for_each(|object| {
            self.due.remove(object);
        });
        let those = self.tasks.values().filter(|task| due.contains(&task.object));
        those.map(|task| (task.object.clone(), task.kind.clone())).collect()
    }
}

/// Tells whose file is another than before, after every change below the watched paths.
async fn look_after(mut watch: watch::Watch, tasks: Vec<Arc<Task>>, tell: mpsc::Sender<Look>) {
    let stamps = || {
        let tasks = tasks.clone();
        tokio::task::spawn_blocking(move || tasks.iter().map(|task| stamp(task)).collect::<Vec<_>>())
    };
    let Ok(mut before) = stamps().await else { return };
    while watch.changed().await.is_some() {
        let Ok(now) = stamps().await else { return };
        for (task, (was, is)) in tasks.iter().zip(before.iter().zip(&now)) {
            let changed = is.is_some() && was != is;
            if changed && tell.send((task.object.clone(), task.kind.clone())).await.is_err() {
                return;
            }
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::{SettingValue, Target};
    use crate::model::{AssetId, ProbeId};

    fn task(id: &str, set: &[(&str, SettingValue)]) -> Arc<Task> {
        let mut settings = crate::config::settings_of(crate::probe::kind("config").unwrap().spec);
        settings.0.extend(set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Arc::new(Task {
            id: id.into(),
            probe: ProbeId::new("p").unwrap(),
            kind: "config".into(),
            object: format!("asset:{id}").parse().unwrap(),
            instance: "".into(),
            target: Target::default(),
            settings,
            interval_ms: 1000,
            timeout_ms: 900,
            keep_ms: 1000,
            secret: None,
            calendar: None,
        })
    }

    #[tokio::test]
    async fn a_changed_file_is_told_by_the_object_it_belongs_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = SettingValue::Text(dir.path().display().to_string());
        for name in ["a", "b"] {
            std::fs::write(dir.path().join(format!("{name}.cfg")), "1").unwrap();
        }
        let mut triggers = Triggers::default();
        triggers.set(&[task("a", &[("path", path.clone())]), task("b", &[("path", path)])], &[], Mono::default());
        // The first look at the files must be over before one changes.
        for round in 0..50 {
            std::fs::write(dir.path().join("b.cfg"), "2".repeat(round + 2)).unwrap();
            let told = tokio::time::timeout(Duration::from_secs(1), triggers.changed()).await;
            if let Ok((object, kind)) = told {
                assert_eq!((object.to_string().as_str(), &*kind), ("asset:b", "config"));
                return;
            }
        }
        panic!("no change was told");
    }

    #[test]
    fn a_device_that_tells_of_a_change_is_looked_at_a_moment_later_and_once() {
        let rule = |id: &str, problem: &str| -> PlanRule {
            let json = serde_json::json!({
                "id": id, "problem": problem, "on": "asset", "source": {"kind": "trap"}, "at": "agent", "window_ms": 0,
                "raise": "", "for_ms": 0, "clear_for_ms": 0, "no_data": 0, "severity": "warning", "cases": [],
            });
            serde_json::from_value(json).unwrap()
        };
        let hit = |asset: &str, rule: &str| Hit {
            rule: RuleId::new(rule).unwrap(),
            asset: AssetId::new(asset).unwrap(),
            part: None,
            raise: true,
            evidence: Vec::new(),
        };
        let mut triggers = Triggers::default();
        let now = Mono::default();
        let rules = [rule("trap-config-changed", "config-changed"), rule("trap-fan", "fan")];
        triggers.set(&[task("a", &[])], &rules, now);
        triggers.heard(&[hit("a", "trap-fan"), hit("b", "trap-config-changed")], now);
        assert_eq!(triggers.next_wake(), None);
        triggers.heard(&[hit("a", "trap-config-changed")], now);
        triggers.heard(&[hit("a", "trap-config-changed")], now.plus(SETTLE / 2));
        assert!(triggers.due(now.plus(SETTLE / 2)).is_empty());
        let due = triggers.due(now.plus(SETTLE));
        assert_eq!(
            due.iter().map(|(object, kind)| format!("{object} {kind}")).collect::<Vec<_>>(),
            ["asset:a config"]
        );
        assert!(triggers.due(now.plus(SETTLE * 2)).is_empty());
        // Another accepted key: at once; the same task again: not.
        let other = task("a", &[("host_key", SettingValue::Text("SHA256:x".into()))]);
        triggers.set(std::slice::from_ref(&other), &rules, now);
        assert_eq!(triggers.due(now).len(), 1);
        triggers.set(&[other], &rules, now);
        assert_eq!(triggers.next_wake(), None);
    }

    #[test]
    fn a_device_whose_configuration_was_changed_by_what_a_poll_says_is_looked_at() {
        let mut triggers = Triggers::default();
        let now = Mono::default();
        triggers.set(&[task("a", &[])], &[], now);
        let polled = |asset: &str, at: f64| {
            let schema = crate::probe::kind("device").unwrap().spec.schema.clone();
            let (table, slot, _) = schema.find(CHANGED).unwrap();
            let object: Object = format!("asset:{asset}").parse().unwrap();
            let mut values = vec![Value::Null; schema.tables[table].fields.len()];
            values[slot] = Value::gauge(at);
            Observation {
                schema: Arc::new(schema),
                agent: "t".parse().unwrap(),
                probe: "p".parse().unwrap(),
                object: object.clone(),
                instance: "".into(),
                purpose: crate::model::Purpose::Measure,
                at: crate::model::Wall::default(),
                took: Duration::ZERO,
                outcome: crate::model::Outcome::Ok,
                cause: None,
                detail: None,
                tally: crate::model::observation::Tally::default(),
                rows: vec![crate::model::observation::Row { table, object, instance: "".into(), values }],
            }
        };
        for (asset, at, want) in
            [("a", 5.5, 0), ("a", 5.5, 0), ("b", 1.0, 0), ("b", 2.0, 0), ("a", 7.25, 1), ("a", 7.25, 0)]
        {
            triggers.observed(&polled(asset, at), now);
            assert_eq!(triggers.due(now.plus(SETTLE)).len(), want, "{asset} {at}");
        }
    }
}
