//! A raw walk of a device, as a long job.

use tokio::sync::mpsc;

use super::long::Long;
use crate::model::walk::{MAX_TOLD, Progress, Row};
use crate::model::wire::Record;
use crate::net::clock::Clock;
use crate::probe::walk::{Walk, Walking};

/// One under way.
pub(super) struct Variables {
    walking: Walking,
    rows: Vec<Row>,
    bytes: usize,
}

impl Variables {
    /// Begins.
    pub(super) fn begin(walk: Walk, clock: &Clock) -> Self {
        Self { walking: walk.begin(clock.clone()), rows: Vec::new(), bytes: 0 }
    }
}

impl Long for Variables {
    type Step = Row;
    const BUSY: &'static str = "a walk is under way on this agent; ask again when it has ended";

    fn steps(&mut self) -> &mut mpsc::Receiver<Row> {
        &mut self.walking.rows
    }

    fn take(&mut self, row: Row) -> bool {
        self.bytes += row.bytes();
        self.rows.push(row);
        self.bytes >= MAX_TOLD
    }

    fn tell(&mut self, job: &str) -> Record {
        self.bytes = 0;
        Record::Walk(Progress { job: job.to_owned(), rows: std::mem::take(&mut self.rows) })
    }

    async fn end(&mut self) -> (bool, String) {
        // The rows are closed by its end, so this does not wait.
        match (&mut self.walking.end).await {
            Ok(Ok(detail)) => (true, detail),
            Ok(Err(detail)) => (false, detail),
            Err(error) => (false, format!("the walk broke off: {error}")),
        }
    }
}
