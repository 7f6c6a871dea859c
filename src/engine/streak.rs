//! How many losses in a row are no chance, on a line that loses packets anyway: six of six are a cut where one in a
//! thousand is lost, and happen every few minutes where one in three is. It counts what was lost before the streak that
//! is judged, and not what was lost in an outage: a line that was cut this morning is not lossy for that.

/// Results that are looked at together: the many say how a line is, the few that it has just become another.
const WINDOWS: [u32; 2] = [32, 128];
/// The most that is ever asked: a line that loses four of five packets is of no use to anybody, and called down
/// after a minute of silence at one packet a second.
pub const MOST: u32 = 60;
/// How rarely a streak may be chance: of a million that begin, one.
pub const CHANCE: f64 = 1e-6;

/// The last results of one target, and the streak under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    /// The newest in the lowest bit; 1 = lost.
    results: u128,
    /// Lost since the last answer.
    streak: u32,
}

impl Recent {
    fn push(&mut self, lost: bool) {
        self.results = self.results << 1 | u128::from(lost);
    }

    /// One was answered: what was lost just before it was loss.
    pub fn answered(&mut self) {
        self.settle();
        self.push(false);
    }

    /// Somebody is there, by what is no result itself: what was lost before was loss.
    pub fn settle(&mut self) {
        for _ in 0..std::mem::take(&mut self.streak) {
            self.push(true);
        }
    }

    /// One was lost.
    pub const fn lost(&mut self) {
        // More than are remembered say no more.
        if self.streak < WINDOWS[1] {
            self.streak += 1;
        }
    }

    /// What was lost in a row was an outage.
    pub const fn outage(&mut self) {
        self.streak = 0;
    }

    /// So many losses in a row happen by chance at most that often: at least 1, at most `MOST`. What is not known
    /// counts as answered.
    pub fn enough(&self, chance: f64) -> u32 {
        WINDOWS.into_iter().map(|of| in_a_row(self.share(of), chance)).max().unwrap_or(1)
    }

    /// The share of the last so many that was lost, at worst: two standard deviations above what was counted.
    fn share(&self, of: u32) -> f64 {
        let kept = u128::MAX >> (u128::BITS - of);
        let (lost, of) = (f64::from((self.results & kept).count_ones()), f64::from(of));
        (lost + 2.0 * (lost * (1.0 - lost / of)).sqrt()) / of
    }
}

/// How many times a loss of this share must happen in a row until it is rarer than `chance`.
fn in_a_row(share: f64, chance: f64) -> u32 {
    let needed = if share <= 0.0 { 1.0 } else { (chance.ln() / share.ln()).ceil() };
    if share < 1.0 && needed < f64::from(MOST) { needed.max(1.0) as u32 } else { MOST }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After results, newest last: `.` answered, `x` lost, `|` what was lost before was an outage; then the times.
    fn after(results: &str, times: usize) -> Recent {
        let mut recent = Recent::default();
        for c in results.repeat(times).chars() {
            match c {
                '.' => recent.answered(),
                'x' => recent.lost(),
                _ => recent.outage(),
            }
        }
        recent
    }

    #[test]
    fn what_is_enough_follows_what_was_lost() {
        let table = [
            ("nothing known", "", 1, 1),
            ("a clean line", ".", 128, 1),
            ("one, under way", ".x", 1, 1),
            ("one lately", ".x..", 1, 6),
            ("three in ten", "x..x.x....", 13, 17),
            ("half", "x.", 64, 36),
            ("nine in ten", "xxxxxxxxx.", 13, MOST),
        ];
        for (what, results, times, expected) in table {
            let got = after(results, times).enough(CHANCE);
            assert_eq!(got, expected, "{what}");
        }
        assert_eq!(after(".x..", 1).enough(1e-3), 3);
    }

    #[test]
    fn a_streak_counts_once_it_is_over_and_an_outage_never() {
        let clean = after(".", 40);
        let mut recent = clean;
        (0..500).for_each(|_| recent.lost());
        assert_eq!(recent.enough(CHANCE), clean.enough(CHANCE), "it is under way");
        let mut loss = recent;
        loss.answered();
        assert_eq!(loss.enough(CHANCE), MOST, "it was loss");
        recent.outage();
        recent.answered();
        assert_eq!(recent.enough(CHANCE), 1, "it was an outage");
    }
}
