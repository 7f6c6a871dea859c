//! What is kept of a device whoever asks it: how many rows a request asks it for, learnt by walks (what it bore last time, or
//! what its answers had room for), and whose turn it is.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::table::{COLUMNS_AT_ONCE, MOST_AT_ONCE, Walked};

/// Rows that a device is known to bear, while nothing is known.
const ANY: u32 = u32::MAX;

/// See above.
#[derive(Debug)]
pub(super) struct Appetite {
    /// Rows a request that it bore, if it did not bear all that were wanted.
    bore: AtomicU32,
    /// Variables a request that its answers had room for, below the rows that were wanted of the walk that found it out.
    roomy: AtomicU64,
    /// Held by whoever has a request of v3 under way: one at a time. The engine of v1 and v2c sees to that itself.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Default for Appetite {
    fn default() -> Self {
        Self { bore: AtomicU32::new(ANY), roomy: AtomicU64::new(0), turn: tokio::sync::Mutex::default() }
    }
}

impl Appetite {
    /// Rows to begin a walk of so many columns with.
    pub(super) fn rows(&self, wanted: u32, columns: u32) -> u32 {
        let bore = self.bore.load(Relaxed);
        if bore < wanted {
            return bore;
        }
        let roomy = self.roomy.load(Relaxed);
        let (of, variables) = ((roomy >> 32) as u32, roomy as u32);
        let more = variables / columns.clamp(1, COLUMNS_AT_ONCE as u32);
        if of == wanted { more.clamp(wanted, MOST_AT_ONCE.max(wanted)) } else { wanted }
    }

    /// Keeps what a walk found out. A device that bore fewer rows than wanted is asked for more again, slowly.
    pub(super) fn learn(&self, walked: &Walked) {
        let Walked { wanted, repetitions, worn, roomy, .. } = *walked;
        let more = repetitions.saturating_add(repetitions / 4 + 1);
        // A walk that wanted no more than the device bears anyway tells nothing of that.
        if worn {
            self.bore.fetch_min(more, Relaxed);
        } else if wanted > self.bore.load(Relaxed) {
            self.bore.store(if more < wanted { more } else { ANY }, Relaxed);
        }
        if worn {
            self.roomy.store(0, Relaxed);
        } else if roomy > 0 {
            // Of several walks the one that wants more rows counts, and of two that want as many the larger.
            self.roomy.fetch_max(u64::from(wanted) << 32 | u64::from(roomy), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_bore_or_had_room_for_is_what_it_is_asked_for_next() {
        let appetite = Appetite::default();
        let walk = |repetitions, worn, roomy| Walked { repetitions, worn, roomy, ..Walked::new(25) };
        assert_eq!(appetite.rows(25, 6), 25, "nothing is known");
        for (bore, next) in [(3, 4), (4, 6), (1, 2)] {
            appetite.learn(&walk(bore, bore != 4, 0));
            assert_eq!(appetite.rows(25, 6), next, "it bore {bore}");
        }
        appetite.learn(&Walked { repetitions: 2, ..Walked::new(2) });
        assert_eq!(appetite.rows(25, 6), 2, "who wanted no more cannot tell");
        appetite.learn(&Walked { repetitions: 1, worn: true, ..Walked::new(2) });
        assert_eq!(appetite.rows(25, 6), 2, "who bears not even that bears no more than was known");
        appetite.learn(&walk(20, false, 0));
        assert_eq!(appetite.rows(25, 6), 25);
        appetite.learn(&walk(58, false, 58));
        assert_eq!((appetite.rows(25, 1), appetite.rows(25, 2), appetite.rows(25, 6)), (58, 29, 25));
        assert_eq!(appetite.rows(3, 1), 3, "who wants few gets few");
        appetite.learn(&walk(12, true, 0));
        assert_eq!((appetite.rows(25, 1), appetite.rows(10, 1)), (16, 10), "it bore less than we took it to");
        appetite.learn(&walk(25, false, 9_000));
        assert_eq!(appetite.rows(25, 1), MOST_AT_ONCE);
    }
}
