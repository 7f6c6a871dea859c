//! Long jobs that a console asks this agent for: one of a sort at a time, told of once a second while it runs, whether there
//! is news or not, since one of which nothing is heard is taken for lost. What a job does is its own.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::Mono;
use crate::model::wire::{JobResult, Record};
use crate::net::clock::Clock;

/// How often a running job is told of.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A job under way.
pub(super) trait Long {
    /// What it brings, bit by bit.
    type Step: Send;
    /// Why no other of its sort begins meanwhile.
    const BUSY: &'static str;

    /// Closed when it is over.
    fn steps(&mut self) -> &mut mpsc::Receiver<Self::Step>;
    /// Takes a step; answers whether there is so much by now that it is told at once.
    fn take(&mut self, step: Self::Step) -> bool;
    /// How far it is, with what came since that was told.
    fn tell(&mut self, job: &str) -> Record;
    /// Whether it ended well, and words about it; asked once, when its steps are closed.
    fn end(&mut self) -> impl Future<Output = (bool, String)> + Send;
}

/// The job of a sort that is under way, if there is one.
pub(super) struct Jobs<L> {
    clock: Clock,
    current: Option<Current<L>>,
}

struct Current<L> {
    job: String,
    long: L,
    told: Mono,
}

impl<L: Long> Jobs<L> {
    /// None yet.
    pub(super) const fn new(clock: Clock) -> Self {
        Self { clock, current: None }
    }

    /// Begins one, or says why not.
    pub(super) fn begin(
        &mut self,
        job: String,
        make: impl FnOnce(&Clock) -> Result<L, String>,
    ) -> Result<(), (String, String)> {
        if self.current.is_some() {
            return Err((job, L::BUSY.to_owned()));
        }
        match make(&self.clock) {
            Ok(long) => {
                tracing::info!(job, "a long job begins");
                self.current = Some(Current { job, long, told: self.clock.mono() });
                Ok(())
            }
            Err(why) => Err((job, why)),
        }
    }

    /// What is to be told next; never returns while there is nothing.
    pub(super) async fn next(&mut self) -> Vec<Record> {
        let Some(current) = &mut self.current else { return std::future::pending().await };
        loop {
            let due = current.told.plus(TELL_EVERY);
            tokio::select! {
                step = current.long.steps().recv() => match step {
                    Some(step) => {
                        if current.long.take(step) {
                            return vec![current.tell(&self.clock)];
                        }
                    }
                    None => break,
                },
                () = self.clock.sleep_until(due) => return vec![current.tell(&self.clock)],
            }
        }
        // Nothing is taken out before the last wait: whoever waits here may be called away.
        let (ok, detail) = current.long.end().await;
        let last = current.tell(&self.clock);
        let result = JobResult { id: current.job.clone(), ok, detail };
        self.current = None;
        vec![last, Record::JobResult(result)]
    }
}

impl<L: Long> Current<L> {
    fn tell(&mut self, clock: &Clock) -> Record {
        self.told = clock.mono();
        self.long.tell(&self.job)
    }
}
