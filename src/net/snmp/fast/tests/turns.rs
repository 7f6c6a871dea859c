//! Those who ask one device take turns.

use super::*;

#[test]
fn a_device_has_one_request_at_a_time_whoever_asks_it() {
    let mut rig = Rig::new(1 << 20);
    // Three sessions, one of them in another version; and one at another port, which is another agent.
    let sessions = [device(PEER, false, 1), device(PEER, true, 1), device(PEER, false, 1)];
    let ended: Vec<_> = sessions.iter().map(|session| rig.get(session)).collect();
    let other = rig.get(&device("192.0.2.1:1161", false, 1));
    let sent = rig.sent();
    assert_eq!(sent.len(), 2, "one each");
    rig.core.datagram(sent[1].0, &answer(&sent[1].1, |_| {}));
    assert_eq!(outcome(other), Some(Ok(1)));
    let mut next = sent[0].clone();
    for ended in ended {
        rig.core.datagram(next.0, &answer(&next.1, |_| {}));
        assert_eq!(outcome(ended), Some(Ok(1)), "in the order in which they asked");
        let mut sent = rig.sent();
        assert!(sent.len() <= 1);
        next = sent.pop().unwrap_or(next);
    }
    // A walk does not keep a single question waiting, nor the other way round.
    let walk = rig.submit(&sessions[0], blind(), None);
    let (to, request) = rig.sent().remove(0);
    let asked = rig.get(&sessions[1]);
    let row = |last| [(vec![1, 3, 9, 1, last], 1)].into_iter().collect();
    rig.core.datagram(to, &respond(&row(1), Vice::default(), &request));
    let (to, question) = rig.sent().remove(0);
    rig.core.datagram(to, &answer(&question, |_| {}));
    assert_eq!(outcome(asked), Some(Ok(1)));
    let (to, request) = rig.sent().remove(0);
    rig.core.datagram(to, &respond(&Mib::new(), Vice::default(), &request));
    assert!(rig.sent().is_empty());
    drop(walk);
}

#[test]
fn silence_gives_its_turn_away_after_a_second_and_is_still_listened_to() {
    let mut rig = Rig::new(1 << 20);
    let mut slow = Arc::into_inner(device(PEER, false, 0)).unwrap();
    slow.manner.timeout = ms(4_000);
    let slow = Arc::new(slow);
    let (first, second) = (rig.get(&slow), rig.get(&slow));
    let (to, request) = rig.sent().remove(0);
    for _ in 0..98 {
        rig.pass(ms(10));
        assert!(rig.sent().is_empty());
    }
    let mut sent = Vec::new();
    for _ in 0..8 {
        rig.pass(ms(10));
        sent.extend(rig.sent());
    }
    let (_, other) = sent.remove(0);
    assert!(sent.is_empty());
    rig.core.datagram(to, &answer(&other, |_| {}));
    assert_eq!(outcome(second), Some(Ok(1)));
    rig.core.datagram(to, &answer(&request, |_| {}));
    assert_eq!(outcome(first), Some(Ok(1)), "late is not never");
    assert_eq!(slow.round_trip.last().map(|took| took.as_millis() / 10), Some(106), "in hundredths of a second");
}

#[test]
fn those_who_wait_for_a_silent_device_have_their_turns_and_their_ends() {
    let mut rig = Rig::new(1 << 20);
    let patient = device(PEER, false, 1);
    let first = rig.get(&patient);
    let mut hasty = rig.submit(&patient, blind(), Some(rig.now.plus(ms(300))));
    let mut second = rig.get(&patient);
    let mut under_way: Vec<usize> = Vec::new();
    for _ in 0..380 {
        under_way.push(rig.sent().len());
        rig.pass(ms(10));
    }
    let Ok(Work::Table(table)) = hasty.try_recv() else { panic!("it ended in its time") };
    assert!(matches!(table.walked.error, Some(SnmpError::Timeout { .. })), "{:?}", table.walked.error);
    assert!(matches!(outcome(first), Some(Err(SnmpError::Timeout { .. }))));
    assert!(matches!(second.try_recv(), Ok(Work::Once(Once { answer: Some(Err(SnmpError::Timeout { .. })), .. }))));
    assert_eq!(under_way.iter().sum::<usize>(), 4, "two tries of each that had the time");
    assert!(under_way.iter().all(|at_once| *at_once <= 1));
    // Nothing is left behind, not even of those who went away while they waited: who comes next is asked at once.
    let first = rig.get(&patient);
    let gone = [rig.get(&patient), rig.get(&patient)];
    let (to, request) = rig.sent().remove(0);
    drop(gone);
    let last = rig.get(&patient);
    rig.core.datagram(to, &answer(&request, |_| {}));
    assert_eq!(outcome(first), Some(Ok(1)));
    let (to, request) = rig.sent().remove(0);
    rig.core.datagram(to, &answer(&request, |_| {}));
    assert_eq!(outcome(last), Some(Ok(1)));
}
