//! Plays a scenario in real time, or faster: one step after another, each told when it was done.

use std::time::Duration;

use super::scenario::Scenario;
use super::world::{Action, Step, World, WorldError};
use crate::model::Wall;
use crate::net::clock::Clock;

/// A step that was played.
#[derive(Debug)]
pub struct Played<'a> {
    /// When.
    pub at: Wall,
    /// Time of the script, without the speed.
    pub offset: Duration,
    /// What.
    pub step: &'a Step,
    /// Whether the world did it.
    pub done: Result<(), WorldError>,
}

/// How fast a script may be played: beyond it the steps would be nothing but load.
pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

/// Plays all steps; returns after the last one, or never if a step repeats for ever.
pub async fn play(
    world: &mut World,
    scenario: &Scenario,
    seed: u64,
    speed: f64,
    clock: &Clock,
    mut told: impl FnMut(Played<'_>),
) {
    let speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
    let began = clock.mono();
    for (offset, step) in scenario.timeline(seed) {
        clock.sleep_until(began.plus(offset.div_f64(speed))).await;
        let done = world.apply(step).await;
        told(Played { at: clock.wall(), offset, step, done });
    }
}

impl Action {
    /// The word that a script writes for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Silence => "silence",
            Self::Set { .. } => "set",
        }
    }
}
