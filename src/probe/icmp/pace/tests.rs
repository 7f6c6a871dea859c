//! Plans that change while packets are on their way. Nothing is sent: packets stay where they wait to be.

use super::*;
use crate::probe::icmp::SPEC;
use crate::probe::tests::{cx, host, task};

/// A reply to the packet `packet` of a run.
fn reply(slot: usize, number: u32, packet: u32) -> Event {
    let token = (slot as u64) << 32 | u64::from(number << PACKET_BITS | packet);
    Event::Reply { token, rtt: Some(Duration::from_millis(3)), late: false, left: Some(60) }
}

/// The number of the run that begins in a slot now.
fn begin(pacer: &mut Pacer, slot: usize) -> u32 {
    let now = pacer.cx.clock.now();
    pacer.begin(slot, now, true);
    pacer.numbers
}

/// What a slot has heard: runs under way, whether anything counts as late or answered, and what is usual.
fn heard(pacer: &Pacer, slot: usize) -> String {
    let watched = pacer.slots[slot].as_ref().unwrap();
    format!("{} {:?} {:?} {:?}", watched.unfinished(), watched.carry, watched.newest, watched.confirm)
}

#[test]
fn what_was_sent_for_another_target_is_told_as_nobodys() {
    let of = |id: &str, to: &str| task(&SPEC, id, host(to, 1), &["count=2"]);
    let mut pacer = Pacer::new(cx());
    pacer.plan(&[of("a", "127.0.0.1"), of("b", "127.0.0.2")]);
    let (first, other) = (begin(&mut pacer, 0), begin(&mut pacer, 1));
    let fresh = {
        let mut pacer = Pacer::new(cx());
        pacer.plan(&[of("a", "127.0.0.1")]);
        heard(&pacer, 0)
    };

    // The target of a is another one: its run is void, and its answers are nobody's.
    pacer.plan(&[of("a", "127.0.0.9"), of("b", "127.0.0.2")]);
    for packet in [0, 1, BURST_FROM] {
        pacer.take_event(reply(0, first, packet));
    }
    assert_eq!(heard(&pacer, 0), fresh);
    assert_eq!((pacer.waiting, pacer.out.len()), (1, 0), "b goes on");
    pacer.take_event(reply(1, other, 0));
    assert_ne!(heard(&pacer, 1), fresh);

    // Its own are.
    let second = begin(&mut pacer, 0);
    pacer.take_event(reply(0, second, 0));
    assert!(pacer.slots[0].as_ref().unwrap().newest.is_some());

    // c takes the place that a leaves, the lowest that is free.
    pacer.plan(&[of("b", "127.0.0.2")]);
    pacer.plan(&[of("b", "127.0.0.2"), of("c", "127.0.0.3")]);
    assert_eq!((pacer.slots.len(), pacer.by_id.get("p|asset:c|"), pacer.free.len()), (2, Some(&0), 0));
    for packet in [0, 1, BURST_FROM] {
        pacer.take_event(reply(0, second, packet));
    }
    assert_eq!(heard(&pacer, 0), fresh);
    assert_eq!(pacer.waiting, 1);
}

#[test]
fn numbers_wrap_and_stay_ones_own() {
    let mut since = NUMBERS - 3;
    assert!(!is_own(since, NUMBERS - 4) && is_own(since, since) && is_own(since, 5));
    for n in 0..64u32 {
        // An eighth of all numbers between two runs of the task.
        let number = (NUMBERS - 3).wrapping_add(n.wrapping_mul(NUMBERS / 8)) & NUMBERS;
        since = first_own(since, number);
        assert!(is_own(since, number), "{n}: {since} {number}");
    }
}
