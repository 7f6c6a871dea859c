//! `reach`: nobody answers. A burst that finds nobody says so within a second; without bursts, so many failed runs in
//! a row, and more where runs fail anyway. Any answer to what was sent after the silence began ends it.

use std::sync::Arc;

use super::{Detector, Heard, Settings, holds};
use crate::config::expr::Eval;
use crate::engine::rule::with_unit;
use crate::engine::streak::Recent;
use crate::model::observation::Cause;
use crate::model::{Mono, Outcome, Purpose};

/// See the module.
#[derive(Debug)]
struct Reach {
    /// Failed runs in a row that suffice where none fails otherwise.
    enough: u32,
    /// How rarely a streak may be chance where some do.
    chance: f64,
    recent: Recent,
    by_burst: bool,
    fails: u32,
    /// When the first of them began.
    since: Option<Mono>,
    /// A burst found nobody: when its run began, and how many packets that makes.
    nobody: Option<(Mono, u32)>,
    /// When the silence began that is judged, until it is answered.
    silence: Option<Mono>,
    /// When the last run that was answered began.
    answered: Option<Mono>,
    now: Mono,
    why: Option<(Cause, Option<Arc<str>>)>,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Reach {
        enough: settings.count("fails"),
        chance: settings.number("chance"),
        recent: Recent::default(),
        by_burst: settings.number("confirm") > 0.0,
        fails: 0,
        since: None,
        nobody: None,
        silence: None,
        answered: None,
        now: Mono::default(),
        why: None,
    })
}

impl Reach {
    fn silent(&self) -> bool {
        self.fails >= self.asked() || (self.by_burst && self.nobody.is_some())
    }

    /// Failed runs in a row that suffice now.
    fn asked(&self) -> u32 {
        self.enough.max(self.recent.enough(self.chance))
    }
}

impl Detector for Reach {
    fn take(&mut self, heard: &Heard<'_>) {
        self.now = heard.now;
        let failed = heard.outcome == Outcome::Failed;
        if failed {
            self.why = heard.why.cloned();
        }
        match (heard.purpose, failed) {
            (Purpose::Confirm, true) => {
                if self.answered.is_none_or(|at| at < heard.began) {
                    self.nobody = Some((heard.began, heard.tally.sent.saturating_add(1)));
                }
            }
            (Purpose::Measure, true) => {
                self.recent.lost();
                if self.answered.is_some_and(|at| heard.began <= at) {
                    self.recent.settle(); // the burst that followed it was answered
                } else {
                    self.fails = self.fails.saturating_add(1);
                    self.since.get_or_insert(heard.began);
                }
            }
            (purpose, false) => {
                if self.silent() {
                    self.recent.outage();
                }
                match purpose {
                    Purpose::Measure => self.recent.answered(),
                    Purpose::Confirm => self.recent.settle(),
                }
                (self.fails, self.since) = (0, None);
                self.answered = self.answered.max(Some(heard.began));
                self.nobody = self.nobody.filter(|(since, _)| *since > heard.began);
                self.silence = self.silence.filter(|since| *since > heard.began);
            }
        }
        if self.silent() && self.silence.is_none() {
            self.silence = self.silent_since();
        }
    }

    fn raise(&self) -> Eval {
        if self.answered.is_none() && self.fails == 0 && self.nobody.is_none() {
            return Eval::Unknown;
        }
        holds(self.silent())
    }

    fn clear(&self) -> Eval {
        // One more run that fails, where some do anyway, is no new silence.
        match self.answered {
            Some(_) => holds(self.silence.is_none()),
            None if self.fails > 0 || self.nobody.is_some() => Eval::False,
            None => Eval::Unknown,
        }
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let mut all = vec![("down".to_owned(), "address".to_owned())];
        if let Some((_, packets)) = self.nobody {
            all.push(("unanswered".to_owned(), packets.to_string()));
        }
        if self.fails > 0 {
            all.push(("failed_runs".to_owned(), self.fails.to_string()));
        }
        if self.asked() > self.enough {
            all.push(("asked_for".to_owned(), self.asked().to_string()));
        }
        if let Some(since) = self.silent_since() {
            let lasted = self.now.since(since).as_secs_f64();
            all.push(("silent_for".to_owned(), with_unit("silent_seconds", lasted)));
        }
        if let Some((cause, detail)) = &self.why {
            all.push(("cause".to_owned(), cause.as_str().to_owned()));
            all.extend(detail.as_ref().map(|detail| ("detail".to_owned(), detail.to_string())));
        }
        all
    }

    fn forget(&mut self) {
        (self.fails, self.since, self.nobody) = (0, None, None);
    }

    fn of_reach(&self) -> bool {
        self.by_burst
    }

    fn silent_since(&self) -> Option<Mono> {
        match (self.nobody, self.since) {
            (Some((a, _)), Some(b)) => Some(a.min(b)),
            (Some((at, _)), None) | (None, Some(at)) => Some(at),
            (None, None) => None,
        }
    }
}
