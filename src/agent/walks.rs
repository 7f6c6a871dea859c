//! The raw walk that a console asked this agent for: one at a time, told of once a second while it runs.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Mono;
use crate::model::walk::{MAX_TOLD, Progress, Row};
use crate::model::wire::{JobResult, Record};
use crate::probe::Ctx;
use crate::probe::walk::{Walk, Walking};

/// How often a running walk is told of.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The walk under way, if there is one.
pub(super) struct Walks {
    cx: Arc<Ctx>,
    current: Option<Current>,
}

struct Current {
    job: String,
    walking: Walking,
    rows: Vec<Row>,
    bytes: usize,
    told: Mono,
}

impl Walks {
    /// None yet.
    pub(super) const fn new(cx: Arc<Ctx>) -> Self {
        Self { cx, current: None }
    }

    /// Begins one, or says why not.
    pub(super) fn begin(&mut self, job: String, walk: Walk) -> Result<(), (String, String)> {
        if self.current.is_some() {
            return Err((job, "a walk is under way on this agent; ask again when it has ended".to_owned()));
        }
        tracing::info!(job, "a walk begins");
        let walking = walk.begin(self.cx.clock.clone());
        self.current = Some(Current { job, walking, rows: Vec::new(), bytes: 0, told: self.cx.clock.mono() });
        Ok(())
    }

    /// What is to be told next; never returns while there is nothing.
    pub(super) async fn next(&mut self) -> Vec<Record> {
        let Some(current) = &mut self.current else { return std::future::pending().await };
        loop {
            let due = current.told.plus(TELL_EVERY);
            tokio::select! {
                row = current.walking.rows.recv() => match row {
                    Some(row) => {
                        current.bytes += row.bytes();
                        current.rows.push(row);
                        if current.bytes >= MAX_TOLD {
                            return vec![current.tell(self.cx.clock.mono())];
                        }
                    }
                    None => break,
                },
                // Also without news: a walk of which nothing is heard is taken for lost.
                () = self.cx.clock.sleep_until(due) => return vec![current.tell(self.cx.clock.mono())],
            }
        }
        // The rows are closed by its end, so this does not wait.
        let ended = (&mut current.walking.end).await;
        let (ok, detail) = match ended {
            Ok(Ok(detail)) => (true, detail),
            Ok(Err(detail)) => (false, detail),
            Err(error) => (false, format!("the walk broke off: {error}")),
        };
        let last = current.tell(self.cx.clock.mono());
        let result = JobResult { id: current.job.clone(), ok, detail };
        self.current = None;
        vec![last, Record::JobResult(result)]
    }
}

impl Current {
    fn tell(&mut self, now: Mono) -> Record {
        (self.told, self.bytes) = (now, 0);
        Record::Walk(Progress { job: self.job.clone(), rows: std::mem::take(&mut self.rows) })
    }
}
