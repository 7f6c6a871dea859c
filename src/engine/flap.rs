//! Flapping by Icinga's formula: of the last 20 results, each that changed the state weighs 0.8 (the
//! oldest) to 1.18 (the newest); above 30 % it flaps, at 25 % or below it no longer does.
