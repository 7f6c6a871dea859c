//! Whether an answer came over the line or by another road. The address of a line's far end may be reachable by a second
//! path when the line is cut: an answer from farther away than usual is no sign that the line is back. How far away
//! somebody is follows from the time to live that was left of the answer, because senders begin with one of a few numbers.
//!
//! Who sits at the near end itself (usually no hop between) believes nothing from farther away, ever: there is only one
//! line. From elsewhere the way to the near end may become longer as well, so there a longer way counts as the
//! line's while the line is not known to be silent, and after a silence once it has stayed for a while. Two lines side
//! by side are equally long: this does not tell them apart.

use std::time::Duration;

use crate::model::Mono;

/// How long only answers from farther away must come after a silence until they are believed where the near end is not
/// our own: by then the ports at both ends have been polled ten times.
pub const BELIEVED: Duration = Duration::from_secs(600);
/// Numbers that packets begin with.
const BEGINS: [u8; 4] = [32, 64, 128, 255];

/// Routers that an answer has passed, of which so much time to live was left.
pub fn hops(left: u8) -> u8 {
    BEGINS.into_iter().find(|begin| *begin >= left).map_or(0, |begin| begin - left)
}

/// How far away the far end of one line usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Detour {
    usual: Option<u8>,
    /// Since when only answers from farther away have come.
    since: Option<Mono>,
}

impl Detour {
    /// An answer that passed so many hops, while the line is known to be `silent` or not. Whether it came by a detour;
    /// then how many hops are usual.
    pub fn judge(&mut self, hops: u8, silent: bool, now: Mono) -> Option<u8> {
        let farther = self.usual.filter(|usual| hops > *usual && (silent || *usual == 0));
        let Some(usual) = farther else {
            (self.usual, self.since) = (Some(hops), None);
            return None;
        };
        let since = *self.since.get_or_insert(now);
        if usual > 0 && now.since(since) >= BELIEVED {
            (self.usual, self.since) = (Some(hops), None);
            return None;
        }
        Some(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One answer a minute: how many hops each passed, `!` before those that come while the line is silent; answers
    /// `d` for a detour.
    fn check(answers: &str, expected: &str) {
        let mut detour = Detour::default();
        let told: String = answers
            .split(' ')
            .zip(0u32..)
            .map(|(word, minute)| {
                let now = Mono::from_origin(Duration::from_secs(60) * minute);
                let silent = word.starts_with('!');
                let hops = word.trim_start_matches('!').parse().unwrap();
                if detour.judge(hops, silent, now).is_some() { 'd' } else { '.' }
            })
            .collect();
        assert_eq!(told, expected, "{answers}");
    }

    #[test]
    fn from_the_near_end_itself_nothing_farther_away_is_the_line() {
        check("0 0 2 2 2 0 0", "..ddd..");
        check("0 1 !1 !1 !1 !1 !1 !1 !1 !1 !1 !1 !1 !1 !1 0", ".dddddddddddddd.");
    }

    #[test]
    fn from_elsewhere_a_longer_way_counts_unless_it_comes_after_a_silence() {
        check("2 2 3 3 2", ".....");
        check("2 2 !4 !4 !2 3", "..dd..");
        check("2 !1", "..");
        check("2 !4 !4 !4 !4 !4 !4 !4 !4 !4 !4 !4 4", ".dddddddddd..");
    }

    #[test]
    fn hops_follow_from_what_is_left() {
        for (left, passed) in [(64, 0), (63, 1), (255, 0), (250, 5), (128, 0), (120, 8), (30, 2), (33, 31)] {
            assert_eq!(hops(left), passed, "{left}");
        }
    }
}
