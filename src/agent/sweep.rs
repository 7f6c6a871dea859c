//! The sweep that a console asked this agent for: one at a time, told of once a second while it runs.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Mono;
use crate::model::discovery::{Found, Keys, Progress, Wanted};
use crate::model::wire::{JobResult, Record};
use crate::probe::Ctx;
use crate::probe::discover::{Step, Sweep, Sweeping};

/// How often a running sweep is told of.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Findings in one record: with their texts about 60 KB.
const MAX_TOLD: usize = 100;

/// The sweep under way, if there is one.
pub(super) struct Sweeps {
    cx: Arc<Ctx>,
    current: Option<Current>,
}

struct Current {
    job: String,
    sweeping: Sweeping,
    done: usize,
    total: usize,
    answered: usize,
    found: Vec<Found>,
    told: Mono,
    news: bool,
}

impl Sweeps {
    /// None yet.
    pub(super) const fn new(cx: Arc<Ctx>) -> Self {
        Self { cx, current: None }
    }

    /// Begins one, or says why not.
    pub(super) fn begin(&mut self, job: String, wanted: &Wanted, keys: &Keys) -> Result<(), (String, String)> {
        if self.current.is_some() {
            return Err((job, "a sweep is under way on this agent; ask again when it has ended".to_owned()));
        }
        let sweep = match Sweep::new(wanted, keys) {
            Ok(sweep) => sweep,
            Err(error) => return Err((job, error.to_string())),
        };
        tracing::info!(job, addresses = sweep.total(), "a sweep begins");
        self.current = Some(Current {
            job,
            done: 0,
            total: sweep.total(),
            answered: 0,
            found: Vec::new(),
            told: self.cx.clock.mono(),
            news: true,
            sweeping: sweep.begin(self.cx.clock.clone()),
        });
        Ok(())
    }

    /// What is to be told next; never returns while there is nothing.
    pub(super) async fn next(&mut self) -> Vec<Record> {
        let Some(current) = &mut self.current else { return std::future::pending().await };
        loop {
            let due = current.told.plus(TELL_EVERY);
            tokio::select! {
                step = current.sweeping.steps.recv() => match step {
                    Some(step) => {
                        current.take(step);
                        if current.found.len() >= MAX_TOLD {
                            return vec![current.tell(self.cx.clock.mono())];
                        }
                    }
                    None => break,
                },
                () = self.cx.clock.sleep_until(due), if current.news => {
                    return vec![current.tell(self.cx.clock.mono())];
                }
            }
        }
        let last = current.tell(self.cx.clock.mono());
        let (done, total, answered) = (current.done, current.total, current.answered);
        let detail = format!("looked at {done} of {total} addresses, {answered} answered");
        let result = JobResult { id: current.job.clone(), ok: done == total, detail };
        self.current = None;
        vec![last, Record::JobResult(result)]
    }
}

impl Current {
    fn take(&mut self, step: Step) {
        self.done = step.done;
        self.answered += step.found.len();
        self.found.extend(step.found);
        self.news = true;
    }

    fn tell(&mut self, now: Mono) -> Record {
        self.told = now;
        self.news = false;
        let found = std::mem::take(&mut self.found);
        Record::Discovery(Progress { job: self.job.clone(), done: self.done as u64, total: self.total as u64, found })
    }
}
