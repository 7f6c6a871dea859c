//! `loss`: so many of the last packets were lost. What was lost in a row counts once something is answered: if it was
//! found to be nobody by a burst, or was longer than chance makes it, it was an outage. That is another judgement's, and
//! would raise a second alarm here at its beginning, and leave an echo long after it has ended.

use std::collections::VecDeque;

use super::{Detector, Heard, Settings, holds};
use crate::config::expr::Eval;
use crate::engine::streak::Recent;
use crate::model::{Mono, Outcome, Purpose};

/// A streak that chance makes rarer than this is an outage, where packets are lost anyway.
const CHANCE: f64 = 1e-3;

/// See the module.
#[derive(Debug)]
struct Loss {
    raise_at: usize,
    clear_at: usize,
    of: usize,
    outage_at: u32,
    /// The last packets, oldest first; true = lost.
    packets: VecDeque<bool>,
    lost: usize,
    /// Lost since the last answer, and not counted yet.
    streak: u32,
    outage: bool,
    recent: Recent,
    /// A burst that followed the run which began then was answered: that run was loss.
    alive: Option<Mono>,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Loss {
        raise_at: settings.count("lost") as usize,
        clear_at: settings.count("clear") as usize,
        of: settings.count("of") as usize,
        outage_at: settings.count("outage"),
        packets: VecDeque::new(),
        lost: 0,
        streak: 0,
        outage: false,
        recent: Recent::default(),
        alive: None,
    })
}

impl Loss {
    fn push(&mut self, lost: bool) {
        self.packets.push_back(lost);
        self.lost += usize::from(lost);
        while self.packets.len() > self.of {
            self.lost -= usize::from(self.packets.pop_front().unwrap_or(false));
        }
    }

    /// Nobody answered a run.
    fn silent(&mut self, lost: u32) {
        if self.outage {
            return;
        }
        (0..lost).for_each(|_| self.recent.lost());
        self.streak = self.streak.saturating_add(lost);
        if self.streak >= self.outage_at.max(self.recent.enough(CHANCE)) {
            self.begin_outage();
        }
    }

    /// Somebody is there: what was lost before was loss, unless it was an outage.
    fn settle(&mut self) {
        self.outage = false;
        (0..std::mem::take(&mut self.streak)).for_each(|_| self.push(true));
    }

    /// What was lost last was no loss but the beginning of an outage.
    const fn begin_outage(&mut self) {
        (self.streak, self.outage) = (0, true);
        self.recent.outage();
    }
}

impl Detector for Loss {
    fn take(&mut self, heard: &Heard<'_>) {
        match heard.purpose {
            Purpose::Confirm if heard.outcome == Outcome::Failed => self.begin_outage(),
            Purpose::Confirm => {
                self.alive = Some(heard.began);
                self.settle();
            }
            Purpose::Measure => {
                let lost = heard.tally.lost.min(heard.tally.sent);
                let answered = heard.tally.sent - lost;
                let found = self.alive.is_some_and(|at| heard.began <= at);
                if answered == 0 && !found {
                    return self.silent(lost);
                }
                self.settle();
                (0..answered).for_each(|_| self.push(false));
                (0..lost).for_each(|_| self.push(true));
                (0..lost).for_each(|_| self.recent.lost());
                (0..answered).for_each(|_| self.recent.answered());
            }
        }
    }

    fn raise(&self) -> Eval {
        if self.packets.is_empty() { Eval::Unknown } else { holds(self.lost >= self.raise_at) }
    }

    fn clear(&self) -> Eval {
        // After a restart nothing is known of the past until the window is full again.
        if self.packets.len() < self.of && self.lost <= self.clear_at {
            return Eval::Unknown;
        }
        holds(self.lost <= self.clear_at)
    }

    fn evidence(&self) -> Vec<(String, String)> {
        let (lost, of) = (self.lost, self.packets.len());
        let ratio = if of == 0 { 0.0 } else { lost as f64 / of as f64 };
        vec![("lost_packets".to_owned(), format!("{lost} / {of}")), ("loss_ratio".to_owned(), format!("{ratio:.3}"))]
    }

    fn forget(&mut self) {
        self.packets.clear();
        (self.lost, self.streak) = (0, 0);
        self.recent.outage();
    }
}
