//! Working calendars in the agent: a task whose calendar is closed is not run, and nothing is observed of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::calendar::OpenNow;
use crate::model::plan::{Plan, Task};
use crate::model::{CalendarId, Wall};

/// The calendars of the plan, and which of them were closed when last looked at.
#[derive(Debug, Default)]
pub(super) struct Hours {
    calendars: BTreeMap<CalendarId, (OpenNow, bool)>,
}

impl Hours {
    /// Takes those of a plan.
    pub(super) fn set(&mut self, plan: &Plan, now: Wall) {
        self.calendars = plan
            .calendars
            .iter()
            .map(|calendar| {
                let mut hours = OpenNow::new(calendar.clone());
                let open = hours.at(now);
                (calendar.id.clone(), (hours, open))
            })
            .collect();
    }

    /// Looks again; true if any opened or closed since.
    pub(super) fn turned(&mut self, now: Wall) -> bool {
        let mut turned = false;
        for (hours, open) in self.calendars.values_mut() {
            let was = std::mem::replace(open, hours.at(now));
            turned |= was != *open;
        }
        turned
    }

    /// Whether a task is to be run. One whose calendar is not in the plan always is: rather too often than never.
    pub(super) fn open(&self, task: &Task) -> bool {
        task.calendar.as_ref().and_then(|id| self.calendars.get(id)).is_none_or(|(_, open)| *open)
    }

    /// Those that are to be run.
    pub(super) fn those_open(&self, tasks: &[Arc<Task>]) -> Vec<Arc<Task>> {
        tasks.iter().filter(|task| self.open(task)).cloned().collect()
    }
}
