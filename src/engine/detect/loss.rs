//! `loss`: so many of the last packets were lost. What is lost in a row, or found to be nobody by a burst, is an
//! outage: that is another judgement's, and would leave an echo here long after it has ended.

use std::collections::VecDeque;

use super::{Detector, Heard, Settings, holds};
use crate::config::expr::Eval;
use crate::model::{Outcome, Purpose};

/// See the module.
#[derive(Debug)]
struct Loss {
    raise_at: usize,
    clear_at: usize,
    of: usize,
    outage_at: usize,
    /// The last packets, oldest first; true = lost.
    packets: VecDeque<bool>,
    lost: usize,
    /// How many at the end of them were lost.
    streak: usize,
    outage: bool,
}

pub(super) fn make(settings: &Settings<'_>) -> Box<dyn Detector> {
    Box::new(Loss {
        raise_at: settings.count("lost") as usize,
        clear_at: settings.count("clear") as usize,
        of: settings.count("of") as usize,
        outage_at: settings.count("outage") as usize,
        packets: VecDeque::new(),
        lost: 0,
        streak: 0,
        outage: false,
    })
}

impl Loss {
    fn push(&mut self, lost: bool) {
        if !lost {
            (self.outage, self.streak) = (false, 0);
        } else if self.outage {
            return;
        } else {
            self.streak += 1;
        }
        self.packets.push_back(lost);
        self.lost += usize::from(lost);
        while self.packets.len() > self.of {
            self.lost -= usize::from(self.packets.pop_front().unwrap_or(false));
        }
        if self.streak >= self.outage_at {
            self.begin_outage();
        }
    }

    /// What was lost last was no loss but the beginning of an outage.
    fn begin_outage(&mut self) {
        let all = self.packets.len();
        let streak = std::mem::take(&mut self.streak).min(all);
        self.packets.truncate(all - streak);
        self.lost -= streak;
        self.outage = true;
    }
}

impl Detector for Loss {
    fn take(&mut self, heard: &Heard<'_>) {
        match heard.purpose {
            Purpose::Confirm if heard.outcome == Outcome::Failed => self.begin_outage(),
            Purpose::Confirm => {}
            Purpose::Measure => {
                let lost = heard.tally.lost.min(heard.tally.sent);
                (lost..heard.tally.sent).for_each(|_| self.push(false));
                (0..lost).for_each(|_| self.push(true));
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
    }
}
