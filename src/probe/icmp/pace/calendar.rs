//! What is to be done and when, gathered into ticks: a heap would sort what is done together anyway, at a dozen
//! places in memory a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Todo;
use crate::model::time::Mono;

/// Emptied lists that are kept for use again.
const SPARE: usize = 8;

/// What is to be done, by tick.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    ticks: BTreeMap<Mono, Vec<Todo>>, // by their beginning
    spare: Vec<Vec<Todo>>,
}

impl Calendar {
    /// Does `todo` in the first of the ticks of this length that begins at `at` or later.
    pub(super) fn put(&mut self, at: Mono, tick: Duration, todo: Todo) {
        let spare = &mut self.spare;
        self.ticks.entry(at.round_up(tick)).or_insert_with(|| spare.pop().unwrap_or_default()).push(todo);
    }

    /// When the next tick with something to do begins.
    pub(super) fn next(&self) -> Option<Mono> {
        self.ticks.first_key_value().map(|(begins, _)| *begins)
    }

    /// What is to be done in the first tick that has begun by `now`, in the order in which it was put, and when that
    /// tick began.
    pub(super) fn take(&mut self, now: Mono) -> Option<(Mono, Vec<Todo>)> {
        Some(self.ticks.first_entry().filter(|first| *first.key() <= now)?.remove_entry())
    }

    /// Takes back a list of `take`.
    pub(super) fn done(&mut self, mut todos: Vec<Todo>) {
        if self.spare.len() < SPARE {
            todos.clear();
            self.spare.push(todos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todos_come_by_tick_and_within_one_in_their_order() {
        let at = |ms| Mono::from_origin(Duration::from_millis(ms));
        let tick = Duration::from_millis(20);
        let mut calendar = Calendar::default();
        for (ms, slot) in [(41, 1), (20, 2), (1, 3), (60, 4), (0, 5)] {
            calendar.put(at(ms), tick, Todo::Begin(slot, 0));
        }
        let slots = |todos: &[Todo]| -> Vec<usize> {
            todos.iter().map(|todo| if let Todo::Begin(slot, _) = todo { *slot } else { 0 }).collect()
        };
        assert_eq!(calendar.next(), Some(at(0)));
        let mut seen = Vec::new();
        while let Some((began, todos)) = calendar.take(at(59)) {
            seen.push((began, slots(&todos)));
            calendar.done(todos);
        }
        assert_eq!(seen, [(at(0), vec![5]), (at(20), vec![2, 3])]);
        // Ticks that are longer from now on.
        calendar.put(at(61), tick * 2, Todo::Begin(6, 0));
        assert_eq!(calendar.take(at(60)).map(|(_, todos)| slots(&todos)), Some(vec![1, 4]));
        assert_eq!(calendar.take(at(79)), None);
        assert_eq!(calendar.take(at(1_000_000)), Some((at(80), vec![Todo::Begin(6, 0)])));
    }
}
