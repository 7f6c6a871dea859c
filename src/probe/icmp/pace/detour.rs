//! Answers that came by another road than the line that is looked at (`engine::detour`): they are no answers of the line,
//! whatever may be reached by a second path.

use super::{BURST_FROM, Pacer};
use crate::engine::detour::hops;
use crate::net::icmp::Event;
use crate::probe::way;

impl Pacer {
    /// Takes an answer that came by a detour; false if the event is none.
    pub(super) fn take_detour(&mut self, slot: usize, number: u32, packet: u32, event: &Event) -> bool {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return false };
        let (Some(detour), Event::Reply { left: Some(left), .. }) = (&mut watched.detour, event) else {
            return false;
        };
        let now = self.cx.clock.mono();
        let passed = hops(*left);
        let Some(usual) = detour.judge(passed, watched.confirm.is_silent(), now) else { return false };
        let said = Some(way::detour(&watched.place.host, passed, usual));
        if packet >= BURST_FROM {
            watched
                .burst
                .iter_mut()
                .filter(|burst| burst.number == number)
                .for_each(|burst| burst.said.clone_from(&said));
        } else if let Some((.., flight)) = self.flight(slot, number) {
            flight.score.unreachable += 1;
            flight.score.said = said;
            self.if_over(slot, number);
        }
        true
    }
}
