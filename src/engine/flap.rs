//! Flapping by Icinga's formula: of the last 20 results, each that changed the state weighs 0.8 (the
//! oldest) to 1.18 (the newest); above 30 % it flaps, at 25 % or below it no longer does.

/// How many results are looked at.
pub const SLOTS: u32 = 20;
/// Above this percentage flapping begins.
pub const START: f64 = 30.0;
/// At or below this it ends.
pub const STOP: f64 = 25.0;

const MASK: u32 = (1 << SLOTS) - 1;

/// The last 20 results of one state machine. Copied freely: five bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flap {
    /// Bit 0 is the newest result; set = it changed the state.
    changes: u32,
    flapping: bool,
}

/// What a result did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Same,
    /// It flaps from now on.
    Began,
    /// It no longer flaps.
    Ended,
}

impl Flap {
    /// As it was kept.
    pub const fn restore(changes: u32, flapping: bool) -> Self {
        Self { changes: changes & MASK, flapping }
    }
    /// To keep.
    pub const fn changes(self) -> u32 {
        self.changes
    }
    /// Whether it flaps.
    pub const fn flapping(self) -> bool {
        self.flapping
    }
    /// Takes a result.
    pub fn push(&mut self, changed: bool) -> Turn {
        self.changes = (self.changes << 1 | u32::from(changed)) & MASK;
        if self.changes == 0 && !self.flapping {
            return Turn::Same; // the common case costs nothing
        }
        let percent = self.percent();
        if !self.flapping && percent > START {
            self.flapping = true;
            return Turn::Began;
        }
        if self.flapping && percent <= STOP {
            self.flapping = false;
            return Turn::Ended;
        }
        Turn::Same
    }
    /// The weighted share of changes, 0 to 99.
    pub fn percent(self) -> f64 {
        // Hundredths, so that the sum is exact: slot i (0 the oldest) weighs 80 + 2 i.
        let sum: u32 = (0..SLOTS).filter(|i| self.changes >> (SLOTS - 1 - i) & 1 == 1).map(|i| 80 + 2 * i).sum();
        f64::from(sum) / f64::from(SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_changes_in_a_row_reach_33_9_and_fifteen_quiet_results_fall_to_21() {
        let mut flap = Flap::default();
        let turns: Vec<Turn> = (0..6).map(|_| flap.push(true)).collect();
        assert_eq!(turns, [Turn::Same, Turn::Same, Turn::Same, Turn::Same, Turn::Same, Turn::Began]);
        assert_eq!(flap.percent(), 33.9);
        let quiet: Vec<Turn> = (0..15).map(|_| flap.push(false)).collect();
        assert_eq!(quiet.iter().position(|t| *t == Turn::Ended), Some(14));
        assert_eq!(flap.percent(), 21.0);
    }

    #[test]
    fn all_slots_changed_is_99_percent() {
        let mut flap = Flap::default();
        (0..40).for_each(|_| {
            flap.push(true);
        });
        assert_eq!(flap.percent(), 99.0);
        assert!(flap.flapping());
        assert_eq!(Flap::restore(flap.changes(), true), flap);
    }

    #[test]
    fn a_quiet_one_never_flaps() {
        let mut flap = Flap::default();
        assert!((0..100).all(|_| flap.push(false) == Turn::Same));
    }
}
