//! What makes a task run out of turn: a file it reads was changed, or the device told of a problem after which it is to
//! look. Kinds say so by two settings; which kinds they are is nothing to this module.
//!
//! Files are watched by a task of its own, because a look at thousands of them may wait for a disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::watch;
use crate::engine::heard::Hit;
use crate::model::plan::{PlanRule, Task};
use crate::model::{Mono, Object, ProblemId, RuleId};
use crate::probe::config::{AFTER, PATH, stamp};

/// From a word of the device to the look: whoever changes it types more than one command.
const SETTLE: Duration = Duration::from_secs(30);
/// Objects whose files changed and that wait for the loop.
const WAITING: usize = 256;

/// What may make tasks run.
#[derive(Default)]
pub(super) struct Triggers {
    problems: HashMap<RuleId, ProblemId>,
    after: HashSet<(Object, String)>,
    due: BTreeMap<Object, Mono>,
    files: Vec<Arc<Task>>,
    watching: Option<(JoinHandle<()>, mpsc::Receiver<Object>)>,
}

impl Drop for Triggers {
    fn drop(&mut self) {
        self.unwatch();
    }
}

impl Triggers {
    /// Takes a plan's tasks and rules.
    pub(super) fn set(&mut self, tasks: &[Arc<Task>], rules: &[PlanRule]) {
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

    /// The next object whose file changed; never returns while none is watched.
    pub(super) async fn changed(&mut self) -> Object {
        match &mut self.watching {
            Some((_, changed)) => match changed.recv().await {
                Some(object) => object,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// When it wants to be asked again.
    pub(super) fn next_wake(&self) -> Option<Mono> {
        self.due.values().min().copied()
    }

    /// Objects that are to be looked at now.
    pub(super) fn due(&mut self, now: Mono) -> Vec<Object> {
        let due: Vec<Object> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(object, _)| object.clone()).collect();
        due.iter().for_each(|object| {
            self.due.remove(object);
        });
        due
    }
}

/// Tells whose file is another than before, after every change below the watched paths.
async fn look_after(mut watch: watch::Watch, tasks: Vec<Arc<Task>>, tell: mpsc::Sender<Object>) {
    let stamps = || {
        let tasks = tasks.clone();
        tokio::task::spawn_blocking(move || tasks.iter().map(|task| stamp(task)).collect::<Vec<_>>())
    };
    let Ok(mut before) = stamps().await else { return };
    while watch.changed().await.is_some() {
        let Ok(now) = stamps().await else { return };
        for (task, (was, is)) in tasks.iter().zip(before.iter().zip(&now)) {
            if is.is_some() && was != is && tell.send(task.object.clone()).await.is_err() {
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
        triggers.set(&[task("a", &[("path", path.clone())]), task("b", &[("path", path)])], &[]);
        // The first look at the files must be over before one changes.
        for round in 0..50 {
            std::fs::write(dir.path().join("b.cfg"), "2".repeat(round + 2)).unwrap();
            let told = tokio::time::timeout(Duration::from_secs(1), triggers.changed()).await;
            if let Ok(object) = told {
                assert_eq!(object.to_string(), "asset:b");
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
        triggers.set(&[task("a", &[])], &[rule("trap-config-changed", "config-changed"), rule("trap-fan", "fan")]);
        let now = Mono::default();
        triggers.heard(&[hit("a", "trap-fan"), hit("b", "trap-config-changed")], now);
        assert_eq!(triggers.next_wake(), None);
        triggers.heard(&[hit("a", "trap-config-changed")], now);
        triggers.heard(&[hit("a", "trap-config-changed")], now.plus(SETTLE / 2));
        assert!(triggers.due(now.plus(SETTLE / 2)).is_empty());
        let due = triggers.due(now.plus(SETTLE));
        assert_eq!(due.iter().map(ToString::to_string).collect::<Vec<_>>(), ["asset:a"]);
        assert!(triggers.due(now.plus(SETTLE * 2)).is_empty());
    }
}
