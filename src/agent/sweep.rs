//! A sweep of addresses, as a long job.

use tokio::sync::mpsc;

use super::long::Long;
use crate::model::discovery::{Found, Keys, Progress, Wanted};
use crate::model::wire::Record;
use crate::net::clock::Clock;
use crate::probe::discover::{Step, Sweep, Sweeping};

/// Findings in one record: with their texts about 60 KB.
const MAX_TOLD: usize = 100;

/// One under way.
pub(super) struct Addresses {
    sweeping: Sweeping,
    done: usize,
    total: usize,
    answered: usize,
    found: Vec<Found>,
}

impl Addresses {
    /// Begins, or says what is wrong with what is wanted.
    pub(super) fn begin(wanted: &Wanted, keys: &Keys, clock: &Clock) -> Result<Self, String> {
        let sweep = Sweep::new(wanted, keys).map_err(|error| error.to_string())?;
        let total = sweep.total();
        Ok(Self { sweeping: sweep.begin(clock.clone()), done: 0, total, answered: 0, found: Vec::new() })
    }
}

impl Long for Addresses {
    type Step = Step;
    const BUSY: &'static str = "a sweep is under way on this agent; ask again when it has ended";

    fn steps(&mut self) -> &mut mpsc::Receiver<Step> {
        &mut self.sweeping.steps
    }

    fn take(&mut self, step: Step) -> bool {
        self.done = step.done;
        self.answered += step.found.len();
        self.found.extend(step.found);
        self.found.len() >= MAX_TOLD
    }

    fn tell(&mut self, job: &str) -> Record {
        let found = std::mem::take(&mut self.found);
        Record::Discovery(Progress { job: job.to_owned(), done: self.done as u64, total: self.total as u64, found })
    }

    async fn end(&mut self) -> (bool, String) {
        let Self { done, total, answered, .. } = self;
        (done == total, format!("looked at {done} of {total} addresses, {answered} answered"))
    }
}
