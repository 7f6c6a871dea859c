//! Which way packets take, and whether it is another one than before. A router that spreads packets over several
//! neighbours shows several addresses at one hop, and which ones show in a run is chance: such a set is learnt,
//! and no change. A way has changed when, at some hop, none of the known addresses answers any more though others
//! do. Silence is never a change: routers that are busy do not answer.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Addresses learnt a hop at most: more than any router spreads over.
const MAX_ADDRESSES: usize = 16;

/// What answered at each hop, nearest first; empty where nothing did.
pub(super) type Hops = Vec<BTreeSet<IpAddr>>;

/// The way as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Course {
    hops: Hops,
    reached: bool,
    /// Hops that were all strangers once and wait for the next run to say so again.
    doubted: bool,
}

/// What a run says of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first that was seen.
    First,
    /// As known.
    Same,
    /// Another one; this was the one before.
    Changed(String),
}

impl Course {
    /// Places (from 0) of hops where a stranger answers: worth asking again before anything is concluded.
    pub(super) fn strange(&self, seen: &Hops, reached: bool) -> Vec<usize> {
        if self.hops.is_empty() || self.reached && !reached {
            return Vec::new(); // nothing to compare with, or cut short by an outage
        }
        // A target that answers farther off may only have been missed where it used to answer.
        let farther = reached && self.reached && seen.len() > self.hops.len();
        let stranger = |(at, now): &(usize, &BTreeSet<IpAddr>)| {
            !now.is_empty() && !now.is_subset(self.at(*at))
                || self.is_other(*at, seen, reached)
                || farther && *at + 1 == self.hops.len()
        };
        seen.iter().enumerate().filter(stranger).map(|(at, _)| at).collect()
    }

    /// Whether nobody known answers at a hop any more though others do, or the target answers nearer or farther.
    fn is_other(&self, at: usize, seen: &Hops, reached: bool) -> bool {
        let (was, now) = (self.at(at), seen.get(at));
        let moved = reached && self.reached && seen.len() != self.hops.len() && at + 1 == seen.len();
        moved || !was.is_empty() && now.is_some_and(|now| !now.is_empty() && now.is_disjoint(was))
    }

    /// Takes over what a run saw, after strangers were asked again.
    pub(super) fn settle(&mut self, seen: Hops, reached: bool) -> Verdict {
        if self.hops.is_empty() {
            *self = Self { hops: seen, reached, doubted: false };
            return Verdict::First;
        }
        if self.reached && !reached {
            return Verdict::Same;
        }
        let others: Vec<usize> = (0..seen.len()).filter(|at| self.is_other(*at, &seen, reached)).collect();
        if others.is_empty() {
            self.doubted = false;
            self.learn(seen, reached);
            return Verdict::Same;
        }
        // Where several share a hop, all of them being strangers may still be chance: once more is not.
        let shared = |at: &usize| self.at(*at).len() > 1 || seen.get(*at).is_some_and(|now| now.len() > 1);
        if others.iter().all(shared) && !self.doubted {
            self.doubted = true;
            return Verdict::Same;
        }
        let was = self.to_string();
        *self = Self { hops: seen, reached, doubted: false };
        Verdict::Changed(was)
    }

    fn learn(&mut self, seen: Hops, reached: bool) {
        if self.hops.len() < seen.len() {
            self.hops.resize(seen.len(), BTreeSet::new());
        }
        for (mine, now) in self.hops.iter_mut().zip(seen) {
            let room = MAX_ADDRESSES.saturating_sub(mine.len());
            let new: Vec<IpAddr> = now.difference(mine).take(room).copied().collect();
            mine.extend(new);
        }
        self.reached |= reached;
    }

    /// What is known of a hop.
    pub(super) fn at(&self, at: usize) -> &BTreeSet<IpAddr> {
        static NOTHING: BTreeSet<IpAddr> = BTreeSet::new();
        self.hops.get(at).unwrap_or(&NOTHING)
    }

    /// Hops that several share.
    pub(super) fn balanced(&self) -> usize {
        self.hops.iter().filter(|hop| hop.len() > 1).count()
    }
}

impl std::fmt::Display for Course {
    /// `10.1.0.1 > * > 10.3.0.1|10.3.1.1 > 10.9.0.2`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, hop) in self.hops.iter().enumerate() {
            f.write_str(if at > 0 { " > " } else { "" })?;
            f.write_str(&words(hop))?;
        }
        Ok(())
    }
}

/// A hop in words; `*` where nobody answers.
pub(super) fn words(hop: &BTreeSet<IpAddr>) -> String {
    let all: Vec<String> = hop.iter().map(ToString::to_string).collect();
    if all.is_empty() { "*".to_owned() } else { all.join("|") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 2|3 *` is 10.0.0.1, then 10.0.0.2 and 10.0.0.3, then silence.
    fn hops(text: &str) -> Hops {
        let address = |n: &str| IpAddr::from([10, 0, 0, n.parse::<u8>().unwrap()]);
        let hop = |word: &str| word.split('|').filter(|n| *n != "*").map(address).collect();
        text.split_whitespace().map(hop).collect()
    }

    /// Runs one after the other, each with whether the target answered; which of them tell a change.
    fn changes(runs: &[(&str, bool)]) -> Vec<usize> {
        let mut course = Course::default();
        let mut told = Vec::new();
        for (at, (seen, reached)) in runs.iter().enumerate() {
            if let Verdict::Changed(_) = course.settle(hops(seen), *reached) {
                told.push(at);
            }
        }
        told
    }

    #[test]
    fn another_way_is_told_once() {
        type Seen<'a> = &'a [(&'a str, bool)];
        let table: [(Seen<'_>, &[usize]); 12] = [
            (&[("1 2 9", true), ("1 2 9", true)], &[]),
            (&[("1 2 9", true), ("1 3 9", true), ("1 3 9", true)], &[1]),
            (&[("1 2 9", true), ("1 3 9", true), ("1 2 9", true)], &[1, 2]),
            // Longer and shorter.
            (&[("1 2 9", true), ("1 2 4 9", true), ("1 2 4 9", true)], &[1]),
            (&[("1 * 9", true), ("1 9", true), ("1 9", true)], &[1]),
            // Silence, and an outage that cuts the way short.
            (&[("1 2 9", true), ("1 * 9", true), ("* 2 9", true), ("1 2 9", true)], &[]),
            (&[("1 * 9", true), ("1 2 9", true), ("1 3 9", true)], &[2]),
            (&[("1 2 9", true), ("1", false), ("1 7 8", false), ("1 2 9", true)], &[]),
            // A target that never answers.
            (&[("1 2", false), ("1 2", false), ("1 2 3", false), ("1 4 3", false)], &[3]),
            (&[("1 2", false), ("1 2 9", true), ("1 5 9", true)], &[2]),
            // Spread over several, learnt bit by bit; another neighbour for good needs two runs.
            (&[("1 2 9", true), ("1 2|3 9", true), ("1 3 9", true), ("1 2 9", true)], &[]),
            (&[("1 2|3 9", true), ("1 4 9", true), ("1 3 9", true), ("1 4|5 9", true), ("1 4|5 9", true)], &[4]),
        ];
        for (runs, wanted) in table {
            assert_eq!(changes(runs), wanted, "{runs:?}");
        }
    }

    #[test]
    fn strangers_are_asked_again_wherever_they_answer() {
        let mut course = Course::default();
        assert_eq!(course.strange(&hops("1 2 9"), true), [0usize; 0]);
        assert_eq!(course.settle(hops("1 2 9"), true), Verdict::First);
        assert_eq!(course.strange(&hops("1 2|3 9"), true), [1]);
        assert_eq!(course.strange(&hops("1 4 5 9"), true), [1, 2, 3]);
        assert_eq!(course.strange(&hops("1 4"), false), [0usize; 0], "an outage");
        assert_eq!(course.strange(&hops("1 2 * 9"), true), [2, 3], "it may have been missed at the third hop");
        assert_eq!(course.settle(hops("1 4 5 9"), true), Verdict::Changed("10.0.0.1 > 10.0.0.2 > 10.0.0.9".into()));
        assert_eq!(course.settle(hops("1 4|6 * 9"), true), Verdict::Same);
        assert_eq!(course.to_string(), "10.0.0.1 > 10.0.0.4|10.0.0.6 > 10.0.0.5 > 10.0.0.9");
        assert_eq!(course.balanced(), 1);
    }

    /// Routers that choose anew for every packet, three packets a run and six more for strangers.
    #[test]
    fn spreading_of_every_packet_is_no_change_over_a_week() {
        for ways in [2u8, 3, 4, 8] {
            let mut random = fastrand::Rng::with_seed(u64::from(ways));
            let mut course = Course::default();
            let mut told = 0;
            for _ in 0..10_080 {
                let packets = 3;
                let mut draw = |n: usize| -> BTreeSet<IpAddr> {
                    (0..n).map(|_| IpAddr::from([10, 0, 1, random.u8(..ways)])).collect()
                };
                let mut seen = vec![hops("1").remove(0), draw(packets), hops("9").remove(0)];
                if course.strange(&seen, true).contains(&1) {
                    seen[1].extend(draw(6));
                }
                told += usize::from(matches!(course.settle(seen, true), Verdict::Changed(_)));
            }
            assert_eq!((told, course.balanced()), (0, 1), "{ways} ways");
        }
    }
}
