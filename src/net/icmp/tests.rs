//! Against the kernel's own echo on loopback. A host that allows neither a raw nor a ping socket says so.

use super::*;

fn pinger(versions: &[Version]) -> Option<Pinger> {
    let mut pinger = Pinger::new(Clock::system());
    for version in versions {
        match pinger.open(*version) {
            Ok(mode) => println!("{version:?}: {mode:?}"),
            Err(error) => {
                println!("not run: needs CAP_NET_RAW or ping_group_range: {error}");
                return None;
            }
        }
    }
    Some(pinger)
}

fn request(pinger: &Pinger, to: &str, token: u64, size: usize) -> Request {
    let deadline = pinger.clock.mono().plus(Duration::from_secs(2));
    Request { to: SocketAddr::new(to.parse().unwrap(), 0), size, class: 0, deadline, token }
}

/// Drains until `n` events came, or five seconds have passed.
async fn events(pinger: &mut Pinger, requests: &[Request], n: usize) -> Vec<Event> {
    let mut events = Vec::new();
    pinger.send(requests, &mut events);
    let clock = pinger.clock.clone();
    let give_up = clock.mono().plus(Duration::from_secs(5));
    while events.len() < n && clock.mono() < give_up {
        pinger.drain(&mut events);
        clock.sleep(Duration::from_millis(1)).await;
    }
    events
}

#[tokio::test]
async fn loopback_answers_both_families_and_all_sizes_with_kernel_times() {
    let Some(mut pinger) = pinger(&[Version::V4, Version::V6]) else { return };
    let targets = [("127.0.0.1", 56), ("::1", 56), ("127.0.0.9", 0), ("::1", 1400), ("127.1.2.3", 1400)];
    let requests: Vec<Request> =
        targets.iter().zip(0..).map(|((to, size), token)| request(&pinger, to, token, *size)).collect();
    // The kernel turns timestamps on a little after it was asked.
    events(&mut pinger, &requests, targets.len()).await;
    let mut got = events(&mut pinger, &requests, targets.len()).await;
    got.sort_by_key(|e| if let Event::Reply { token, .. } = e { *token } else { u64::MAX });
    for (event, wanted) in got.iter().zip(0..) {
        let Event::Reply { token, rtt: Some(rtt), late: false } = event else { panic!("{event:?}") };
        assert_eq!(*token, wanted);
        assert!(*rtt > Duration::ZERO && *rtt < Duration::from_millis(50), "{rtt:?}");
    }
    assert_eq!(got.len(), targets.len());
    let stamped = |line: &Option<Line>| line.as_ref().unwrap().sent.iter().filter(|s| s.left.is_some()).count();
    println!("stamped by the kernel: {} + {}", stamped(&pinger.v4), stamped(&pinger.v6));
    assert!(stamped(&pinger.v4) >= 3 && stamped(&pinger.v6) >= 2);
}

#[tokio::test]
async fn ten_thousand_echoes_are_all_told_apart() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..10u64 {
        let requests: Vec<Request> = (0..1000u64)
            .map(|i| request(&pinger, &format!("127.3.{}.{}", i / 250, i % 250 + 1), round * 1000 + i, 56))
            .collect();
        for event in events(&mut pinger, &requests, 1000).await {
            let Event::Reply { token, .. } = event else { panic!("{event:?}") };
            assert!(seen.insert(token));
        }
    }
    assert_eq!(seen.len(), 10_000);
}

#[tokio::test]
async fn a_request_that_cannot_leave_does_not_shift_the_stamps_of_the_others() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    // A limited broadcast is refused by the kernel without SO_BROADCAST, in the middle of a batch.
    let requests: Vec<Request> = ["127.0.0.1", "255.255.255.255", "127.0.0.2", "127.0.0.3"]
        .iter()
        .zip(0..)
        .map(|(to, token)| request(&pinger, to, token, 56))
        .collect();
    for _ in 0..3 {
        let got = events(&mut pinger, &requests, 4).await;
        let (failed, answered): (Vec<_>, Vec<_>) = got.iter().partition(|e| matches!(e, Event::NotSent { .. }));
        assert_eq!((failed.len(), answered.len()), (1, 3), "{got:?}");
        assert!(
            matches!(failed.first(), Some(Event::NotSent { token: 1, error }) if error.cause == Cause::Permission)
        );
    }
    let line = pinger.v4.as_ref().unwrap();
    assert!(line.numbers_from.is_some());
    for sent in &line.sent {
        assert!(sent.left.is_none_or(|left| left >= sent.before.wall));
    }
}

#[tokio::test]
async fn a_reply_with_another_cookie_or_from_another_source_is_not_ours() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    let request = request(&pinger, "127.0.0.1", 5, 56);
    let mut told = Vec::new();
    pinger.send(&[request], &mut told);
    let line = pinger.v4.as_mut().unwrap();
    let (id, seq) = line.words_of(line.next().wrapping_sub(1));
    let sent = line.find(id, seq).unwrap();
    let mut forged = Vec::new();
    icmp::write_request(Version::V4, id, seq, sent.cookie ^ 1, 56, &mut forged);
    let echo = icmp::read_request(Version::V4, &forged).unwrap();
    let from = |ip: &str| ip.parse::<IpAddr>().unwrap();
    assert!(!sent.matches(from("127.0.0.1"), &echo, false));
    let right = Echo { payload: &sent.cookie.to_be_bytes(), ..echo };
    assert!(sent.matches(from("127.0.0.1"), &right, false));
    assert!(sent.matches(from("::ffff:127.0.0.1"), &right, false));
    assert!(!sent.matches(from("127.0.0.2"), &right, false));
    let cut = Echo { payload: &[], ..echo };
    assert!(!sent.matches(from("127.0.0.1"), &cut, false), "a reply carries all that was sent");
    assert!(sent.matches(from("127.0.0.1"), &cut, true), "a quote need not");
}

#[test]
fn late_and_doubled_replies_are_told_by_the_kernels_time_not_by_when_they_were_read() {
    let at = |ms: u64| Mono::from_origin(Duration::from_millis(ms));
    let wall = |ms: u64| Duration::from_secs(1_700_000_000) + Duration::from_millis(ms);
    let mut sent = Sent {
        to: IpAddr::V4(Ipv4Addr::LOCALHOST),
        cookie: 0,
        with_cookie: true,
        token: 9,
        before: Stamp { mono: at(1000), wall: wall(1000) },
        left: Some(wall(1001)),
        deadline: at(1900),
        state: State::Waiting,
    };
    let rtt = |ms| Some(Duration::from_millis(ms));
    // Received at 1500, read at 5000: in time.
    let read_at = Stamp { mono: at(5000), wall: wall(5000) };
    assert_eq!(reply(&sent, Some(wall(1500)), read_at), Event::Reply { token: 9, rtt: rtt(499), late: false });
    assert_eq!(reply(&sent, Some(wall(2500)), read_at), Event::Reply { token: 9, rtt: rtt(1499), late: true });
    // Somebody set the clock an hour ahead in between: answered, but nobody knows how fast.
    let stepped = Stamp { mono: at(1500), wall: wall(3_601_500) };
    assert_eq!(reply(&sent, Some(wall(3_601_400)), stepped), Event::Reply { token: 9, rtt: None, late: false });
    sent.state = State::Answered;
    assert_eq!(reply(&sent, Some(wall(1600)), read_at), Event::Duplicate { token: 9 });
}
