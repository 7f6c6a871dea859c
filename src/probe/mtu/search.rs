//! Which size to try next, and what the answers amount to. Silence says nothing by itself: it is a limit only if a
//! smaller packet gets through at the same time. A limit that a router names is believed once the size it names
//! gets through; one that nobody names is a black hole.

use std::net::IpAddr;

/// Sizes tried at most: halving 9,000 takes 14, and everything may have to be said twice.
const MAX_STEPS: u32 = 48;
/// A size that everything on the way takes (RFC 791: 68; this leaves room for options).
pub(super) const SMALLEST: u32 = 128;

/// What became of a packet of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was answered.
    Fits,
    /// Somebody (this host if nobody is named) said that it is too big, and what would fit (0 = not told).
    TooBig(u32, Option<IpAddr>),
    /// None of several was answered.
    Silent,
}

/// What the search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The largest size gets through.
    Full,
    /// This much gets through, and whoever takes no more says so.
    Limited(u32, Option<IpAddr>),
    /// This much gets through; more is lost without a word.
    BlackHole(u32),
    /// Not even small packets are answered.
    Nothing,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Try this size.
    Try(u32),
    /// It is known.
    Done(Found),
}

/// Why the smallest size that does not fit does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Nothing was too big so far.
    None,
    Said(Option<IpAddr>),
    Silent,
}

/// How far a silent limit was looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Fresh,
    StillSilent,
    Sure,
}

/// A search that is under way.
#[derive(Debug, Clone)]
pub(super) struct Search {
    largest: u32,
    fits: u32,  // the largest size known to fit; 0 = none
    fails: u32, // the smallest size known not to fit
    limit: Limit,
    hint: u32,
    doubt: Doubt,
    nothing: bool,
    steps: u32,
}

impl Search {
    pub(super) const fn new(largest: u32) -> Self {
        Self {
            largest,
            fits: 0,
            fails: largest + 1,
            limit: Limit::None,
            hint: 0,
            doubt: Doubt::Fresh,
            nothing: false,
            steps: 0,
        }
    }

    pub(super) fn step(&self) -> Step {
        if self.nothing || self.steps >= MAX_STEPS {
            return Step::Done(Found::Nothing);
        }
        if self.fits + 1 >= self.fails {
            return match (self.limit, self.doubt) {
                (Limit::None, _) => Step::Done(Found::Full),
                (Limit::Said(by), _) => Step::Done(Found::Limited(self.fits, by)),
                // Both sides of the limit once more, nearly at the same time.
                (Limit::Silent, Doubt::Fresh) => Step::Try(self.fails),
                (Limit::Silent, Doubt::StillSilent) => Step::Try(self.fits),
                (Limit::Silent, Doubt::Sure) => Step::Done(Found::BlackHole(self.fits)),
            };
        }
        Step::Try(match self.limit {
            Limit::None => self.largest,
            _ if self.fits < self.hint && self.hint < self.fails => self.hint,
            _ if self.fits == 0 => SMALLEST.min(self.fails - 1),
            _ => self.fits.midpoint(self.fails),
        })
    }

    pub(super) fn take(&mut self, size: u32, answer: Answer) {
        self.steps += 1;
        match answer {
            Answer::Fits if size >= self.fails => {
                // Lost before by chance: what is above may fit as well.
                (self.fits, self.fails) = (size, self.largest + 1);
                self.limit = if size == self.largest { Limit::None } else { Limit::Silent };
                self.doubt = Doubt::Fresh;
            }
            Answer::Fits if size == self.fits => {
                if self.doubt == Doubt::StillSilent {
                    self.doubt = Doubt::Sure;
                }
            }
            Answer::Fits => {
                self.fits = size;
                if size == self.hint && matches!(self.limit, Limit::Said(_)) {
                    self.fails = size + 1;
                }
            }
            Answer::TooBig(mtu, by) => {
                self.fails = self.fails.min(size);
                self.limit = Limit::Said(by);
                self.hint = if mtu < size { mtu } else { 0 };
                self.doubt = Doubt::Fresh;
            }
            // The very size that fitted before: the target is gone.
            Answer::Silent if size == self.fits || size <= SMALLEST => self.nothing = true,
            Answer::Silent => {
                if size == self.fails && self.fits + 1 == self.fails {
                    self.doubt = Doubt::StillSilent;
                }
                self.fails = self.fails.min(size);
                self.limit = Limit::Silent;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path: sizes up to `says` pass the router that says what it takes, sizes up to `swallows` the one that does not.
    #[derive(Clone, Copy)]
    struct Way {
        says: u32,
        honest: bool,
        swallows: u32,
        dies_after: u32,
    }

    const OPEN: Way = Way { says: 9000, honest: true, swallows: 9000, dies_after: u32::MAX };

    fn run(largest: u32, way: Way) -> (Found, u32) {
        let router = Some(IpAddr::from([10, 0, 0, 1]));
        let mut search = Search::new(largest);
        let mut steps = 0;
        loop {
            let size = match search.step() {
                Step::Done(found) => return (found, steps),
                Step::Try(size) => size,
            };
            assert!((1..=largest).contains(&size), "{size}");
            steps += 1;
            let answer = if steps > way.dies_after || size > way.swallows {
                Answer::Silent
            } else if size > way.says {
                Answer::TooBig(if way.honest { way.says } else { 0 }, router)
            } else {
                Answer::Fits
            };
            search.take(size, answer);
        }
    }

    #[test]
    fn a_limit_is_found_and_whether_anybody_says_so() {
        let router = Some(IpAddr::from([10, 0, 0, 1]));
        assert_eq!(run(1500, OPEN), (Found::Full, 1));
        assert_eq!(run(1500, Way { says: 1300, ..OPEN }), (Found::Limited(1300, router), 2));
        assert_eq!(run(9000, Way { says: 1500, ..OPEN }), (Found::Limited(1500, router), 2));
        // A router that does not say how much it takes (RFC 792), and limits of every size.
        for limit in SMALLEST..1500 {
            let (found, steps) = run(1500, Way { says: limit, honest: false, ..OPEN });
            assert_eq!(found, Found::Limited(limit, router));
            assert!(steps <= 14, "{limit}: {steps}");
            let (found, steps) = run(1500, Way { swallows: limit, ..OPEN });
            assert_eq!(found, Found::BlackHole(limit));
            assert!(steps <= 16, "{limit}: {steps}");
        }
        // Behind a router that says so, one that does not.
        assert_eq!(run(1500, Way { says: 1400, swallows: 1300, ..OPEN }).0, Found::BlackHole(1300));
    }

    #[test]
    fn a_target_that_is_silent_or_falls_silent_has_no_limit() {
        assert_eq!(run(1500, Way { dies_after: 0, ..OPEN }), (Found::Nothing, 2));
        for dies_after in 1..9 {
            let (found, _) = run(1500, Way { swallows: 1300, dies_after, ..OPEN });
            assert_eq!(found, Found::Nothing, "after {dies_after}");
        }
    }

    #[test]
    fn a_packet_lost_by_chance_is_no_limit() {
        let mut search = Search::new(1500);
        search.take(1500, Answer::Silent);
        while let Step::Try(size) = search.step() {
            search.take(size, Answer::Fits);
        }
        assert_eq!(search.step(), Step::Done(Found::Full));
    }
}
