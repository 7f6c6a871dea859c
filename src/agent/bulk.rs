//! The runners of kind `Bulk`: one task a kind, which owns its targets, its pacing and its socket.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::model::plan::Task;
use crate::probe::{self, BulkChannels, Ctx, Ended, KINDS, Runner};

/// Finished runs waiting for the loop; a bulk runner waits when it is full, which makes its runs late and so
/// invalid, never lost.
const OUT: usize = 4096;
/// Runs asked for out of turn and not yet begun.
const NOW: usize = 256;

struct Running {
    tasks: watch::Sender<Arc<[Arc<Task>]>>,
    now: mpsc::Sender<Arc<[Arc<Task>]>>,
    handle: JoinHandle<()>,
}

/// All bulk runners.
pub(super) struct Bulk {
    cx: Arc<Ctx>,
    running: HashMap<&'static str, Running>,
    out: mpsc::Sender<Ended>,
    done: mpsc::Receiver<Ended>,
}

/// Whether a kind is run in bulk.
pub(super) fn is_bulk(kind: &str) -> bool {
    matches!(probe::kind(kind).map(|kind| &kind.runner), Some(Runner::Bulk(_)))
}

impl Bulk {
    /// None running yet.
    pub(super) fn new(cx: Arc<Ctx>) -> Self {
        let (out, done) = mpsc::channel(OUT);
        Self { cx, running: HashMap::new(), out, done }
    }

    /// Gives every bulk kind its tasks; a kind starts with its first task.
    pub(super) fn set(&mut self, tasks: &[Arc<Task>]) {
        for kind in KINDS {
            let Runner::Bulk(start) = &kind.runner else { continue };
            let name = kind.spec.name;
            let mine: Arc<[Arc<Task>]> = tasks.iter().filter(|task| &*task.kind == name).cloned().collect();
            let alive = self.running.get(name).is_some_and(|runner| !runner.handle.is_finished());
            match self.running.get(name) {
                Some(runner) if alive => {
                    runner.tasks.send_replace(mine);
                }
                _ if mine.is_empty() => {}
                _ => {
                    let (tasks, tasks_in) = watch::channel(mine);
                    let (now, now_in) = mpsc::channel(NOW);
                    let channels = BulkChannels { tasks: tasks_in, now: now_in, out: self.out.clone() };
                    let handle = start(&self.cx, channels);
                    self.running.insert(name, Running { tasks, now, handle });
                }
            }
        }
    }

    /// Runs a task out of turn; dropped when too many wait already.
    pub(super) fn now(&self, task: &Arc<Task>) {
        if let Some(runner) = self.running.get(&*task.kind)
            && runner.now.try_send(Arc::from([task.clone()])).is_err()
        {
            tracing::debug!(task = %task.id, "too many runs out of turn; this one is left out");
        }
    }

    /// Runners that ended though nobody told them to.
    pub(super) fn ended(&self) -> Vec<&'static str> {
        self.running.iter().filter(|(_, runner)| runner.handle.is_finished()).map(|(name, _)| *name).collect()
    }

    /// Waits for finished runs and takes all that are there, at most `OUT`.
    pub(super) async fn next(&mut self, into: &mut Vec<Ended>) {
        // Never zero: this struct holds a sender itself, so the channel stays open.
        self.done.recv_many(into, OUT).await;
    }

    /// Ends all runners.
    pub(super) fn stop(&mut self) {
        for (_, runner) in self.running.drain() {
            runner.handle.abort();
        }
    }
}
