//! Whether the agent itself sees anything. When all it watches falls silent at once, the fault is near: its own cable,
//! its own host, and not forty links. A target that falls silent is believed as soon as another one is heard that was
//! asked later; while none is, others are asked, and when nobody answers for a while the agent is blind and says so
//! instead. It refuses to guess with fewer than three lines: there the near and the far cannot be told apart. What stands
//! behind a line is no witness against the agent, only what it reaches by itself: the caller counts targets whose
//! reachability is judged on its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Mono;

/// Fewer targets than this prove nothing about the agent.
pub const LEAST: usize = 3;
/// How long everything must be silent: the longest timeout of a shipped reachability probe, its grace, and a second
/// for the round of the others.
pub const WAIT: Duration = Duration::from_millis(3_000);
/// How many others are asked to answer.
pub const ASKED: usize = 3;

/// A feed, by its place.
pub type Who = (usize, usize);

/// What a target's silence is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The agent sees others: it is the target's.
    Clear,
    /// Nobody else was heard since: ask some, and wait.
    Ask,
    /// Others were asked: wait.
    Wait,
    /// Nobody answers: from now on the agent counts as blind.
    Blinded,
    /// It is blind still.
    Blind,
}

/// What the agent sees.
#[derive(Debug, Default)]
pub struct Sight {
    targets: usize,
    /// When the last run that was answered began, of any target.
    heard: Option<Mono>,
    /// Who fell silent when, and waits for a verdict.
    waiting: BTreeMap<Who, Mono>,
    blind: Option<Mono>,
}

impl Sight {
    /// Of an agent that judges the reachability of so many targets.
    pub fn of(targets: usize) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Takes over what was known under another plan, whose feeds had other places.
    pub fn carry(&mut self, before: &Self) {
        (self.heard, self.blind) = (before.heard, before.blind);
    }

    /// A run that began then was answered. Those who waited for that come back, to be judged.
    pub fn heard(&mut self, began: Mono) -> Vec<Who> {
        if self.heard.is_none_or(|at| at < began) {
            self.heard = Some(began);
        }
        if self.waiting.is_empty() {
            return Vec::new(); // nearly always
        }
        let free: Vec<Who> = self.waiting.iter().filter(|(_, since)| **since <= began).map(|(who, _)| *who).collect();
        self.waiting.retain(|_, since| *since > began);
        free
    }

    /// A target is silent since then; `silent` of all are. What that is worth.
    pub fn ask(&mut self, who: Who, since: Mono, silent: impl FnOnce() -> usize, now: Mono) -> View {
        if self.blind.is_some() {
            return View::Blind;
        }
        if self.targets < LEAST || self.heard.is_some_and(|at| at >= since) {
            self.waiting.remove(&who);
            return View::Clear;
        }
        let first = self.waiting.is_empty();
        self.waiting.insert(who, since);
        if self.due().is_none_or(|due| now < due) {
            return if first { View::Ask } else { View::Wait };
        }
        if silent() < LEAST {
            self.waiting.remove(&who);
            return View::Clear;
        }
        self.blind = Some(now);
        View::Blinded
    }

    /// It is silent no more.
    pub fn answers(&mut self, who: Who) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&who);
        }
    }

    /// Whether it is blind.
    pub const fn blind(&self) -> bool {
        self.blind.is_some()
    }

    /// Ends its blindness if something asked after it began was answered. True if it does.
    pub fn sees_again(&mut self) -> bool {
        let again = self.blind.is_some_and(|since| self.heard.is_some_and(|at| at > since));
        if again {
            self.blind = None;
            self.waiting.clear();
        }
        again
    }

    /// When those who wait have waited long enough.
    pub fn due(&self) -> Option<Mono> {
        if self.blind.is_some() {
            return None;
        }
        self.waiting.values().min().map(|since| since.plus(WAIT))
    }

    /// Those who wait.
    pub fn waiting(&self) -> Vec<Who> {
        self.waiting.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Mono {
        Mono::from_origin(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn one_who_falls_silent_while_others_are_heard_is_believed_at_once() {
        let mut sight = Sight::of(9);
        sight.heard(s(10.2));
        assert_eq!(sight.ask((0, 0), s(10.0), || 1, s(10.75)), View::Clear);
    }

    #[test]
    fn one_alone_waits_until_another_is_heard() {
        let mut sight = Sight::of(9);
        sight.heard(s(9.9));
        assert_eq!(sight.ask((0, 0), s(10.0), || 1, s(10.75)), View::Ask);
        assert_eq!(sight.ask((1, 0), s(10.1), || 2, s(10.85)), View::Wait);
        assert_eq!(sight.heard(s(9.95)), [], "asked before the silence: it proves nothing");
        assert_eq!(sight.heard(s(10.05)), [(0, 0)]);
        assert_eq!(sight.ask((0, 0), s(10.0), || 2, s(10.9)), View::Clear);
        assert_eq!(sight.due(), Some(s(13.1)));
    }

    #[test]
    fn when_nobody_answers_the_agent_is_blind_until_somebody_does() {
        let mut sight = Sight::of(9);
        sight.heard(s(9.9));
        assert_eq!(sight.ask((0, 0), s(10.0), || 1, s(10.75)), View::Ask);
        assert_eq!(sight.ask((1, 0), s(10.2), || 5, s(13.0)), View::Blinded);
        assert_eq!(sight.ask((2, 0), s(10.4), || 6, s(13.1)), View::Blind);
        sight.heard(s(12.9));
        assert!(!sight.sees_again(), "that was asked before");
        sight.heard(s(60.0));
        assert!(sight.sees_again() && !sight.blind());
    }

    #[test]
    fn too_few_targets_prove_nothing() {
        let mut few = Sight::of(2);
        assert_eq!(few.ask((0, 0), s(10.0), || 2, s(10.75)), View::Clear);
        let mut sight = Sight::of(9);
        sight.ask((0, 0), s(10.0), || 1, s(10.75));
        assert_eq!(sight.ask((0, 0), s(10.0), || 2, s(13.0)), View::Clear, "two of nine, and of the rest no word");
    }
}
