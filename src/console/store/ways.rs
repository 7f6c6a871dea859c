//! Traced ways as text, `10.1.0.1 > * > 10.3.0.1|10.3.1.1 > 10.9.0.2`: whether two tell the same way. A probe learns its way
//! bit by bit (another router that shares a hop, a hop that was silent), and after a restart anew; none of that is a
//! change. Pure.

use std::collections::BTreeSet;

/// The field in which a probe tells the way.
pub const PATH: &str = "path";
/// Addresses kept of a hop: more than any router spreads over.
const MAX_ADDRESSES: usize = 16;

type Hop<'a> = BTreeSet<&'a str>;

/// What two texts of one way tell together; nothing if they are different ways: where others answer at a hop than before,
/// or the same end is nearer or farther. Silence is no difference, and neither is a way that was not seen to its end.
pub(super) fn together(was: &str, now: &str) -> Option<String> {
    let (was, now) = (hops(was), hops(now));
    if was.iter().zip(&now).any(|(was, now)| !was.is_empty() && !now.is_empty() && was.is_disjoint(now)) {
        return None;
    }
    let same_end = was.last().zip(now.last()).is_some_and(|(was, now)| !was.is_disjoint(now));
    if was.len() != now.len() && same_end {
        return None;
    }
    let longest = was.len().max(now.len());
    let joined = (0..longest).map(|at| {
        let mut all = was.get(at).cloned().unwrap_or_default();
        for address in now.get(at).into_iter().flatten() {
            if all.len() < MAX_ADDRESSES {
                all.insert(address);
            }
        }
        if all.is_empty() { "*".to_owned() } else { all.into_iter().collect::<Vec<_>>().join("|") }
    });
    Some(joined.collect::<Vec<_>>().join(" > "))
}

fn hops(way: &str) -> Vec<Hop<'_>> {
    way.split(" > ").map(|hop| hop.split('|').filter(|by| *by != "*" && !by.is_empty()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_of_a_way_is_no_other_way() {
        for (was, now, wanted) in [
            ("1 > 2 > 9", "1 > 2 > 9", Some("1 > 2 > 9")),
            // A router that shares the hop, and one that was silent.
            ("1 > 2 > 9", "1 > 2|3 > 9", Some("1 > 2|3 > 9")),
            ("1 > 2|3 > 9", "1 > 3 > 9", Some("1 > 2|3 > 9")),
            ("1 > * > 9", "1 > 2 > 9", Some("1 > 2 > 9")),
            ("1 > 2 > 9", "1 > * > 9", Some("1 > 2 > 9")),
            // Not seen to its end, and then.
            ("1 > 2", "1 > 2 > 9", Some("1 > 2 > 9")),
            ("1 > 2 > 9", "1", Some("1 > 2 > 9")),
            // Others answer.
            ("1 > 2 > 9", "1 > 3 > 9", None),
            ("1 > 2|3 > 9", "1 > 4|5 > 9", None),
            ("1 > 2 > 9", "1 > 2 > 4 > 9", None),
            // The end is nearer or farther, and silence was between.
            ("1 > * > 9", "1 > 9", None),
            ("1 > 9", "1 > * > 9", None),
        ] {
            assert_eq!(together(was, now).as_deref(), wanted, "{was}, {now}");
        }
        let many: Vec<String> = (10..30).map(|n| n.to_string()).collect();
        assert_eq!(together("10 > 9", &format!("{} > 9", many.join("|"))).unwrap().matches('|').count(), 15);
    }
}
