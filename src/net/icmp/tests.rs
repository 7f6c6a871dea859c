//! Against the kernel's own echo on loopback. A host that allows neither a raw nor a ping socket says so.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::line::{Sent, State, reply};
use super::*;
use crate::codec::icmp::{self, Echo};
use crate::net::clock::{Departure, Stamp};

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
    Request {
        to: SocketAddr::new(to.parse().unwrap(), 0),
        size,
        route: Route::default(),
        whole: false,
        deadline,
        token,
    }
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
        let Event::Reply { token, rtt: Some(rtt), late: false, .. } = event else { panic!("{event:?}") };
        assert_eq!(*token, wanted);
        assert!(*rtt > Duration::ZERO && *rtt < Duration::from_millis(50), "{rtt:?}");
    }
    assert_eq!(got.len(), targets.len());
    let stamped = |version| {
        let line = pinger.line((version, false)).unwrap();
        line.sent.iter().filter(|s| s.departure.left.is_some()).count()
    };
    let (v4, v6) = (stamped(Version::V4), stamped(Version::V6));
    println!("stamped by the kernel: {v4} + {v6}");
    assert!(v4 >= 3 && v6 >= 2);
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
async fn of_many_that_leave_together_some_are_stamped_and_the_others_left_between() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    let requests: Vec<Request> =
        (0..200u64).map(|n| request(&pinger, &format!("127.6.0.{}", n + 1), n, 56)).collect();
    let mut between = 0;
    // The kernel turns timestamps on a little after it was asked; and where this process is held up all are stamped.
    for round in 0..60 {
        assert_eq!(events(&mut pinger, &requests, 200).await.len(), 200);
        let line = pinger.line((Version::V4, false)).unwrap();
        assert!(line.numbered);
        let mut before = None;
        for sent in line.sent.iter().skip(round * 200) {
            let left = sent.departure.left;
            between += usize::from(sent.between && left.is_some());
            assert!(left.is_none() || left >= before, "{left:?} after {before:?}");
            before = left.or(before);
        }
    }
    println!("{between} of 12000 have their time from their neighbours");
    assert!(between > 0);
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
            matches!(failed.first(), Some(Event::NotSent { token: 1, error, .. }) if error.cause == Cause::Permission)
        );
    }
    let line = pinger.line((Version::V4, false)).unwrap();
    assert!(line.numbered);
    for sent in &line.sent {
        assert!(sent.departure.left.is_none_or(|left| left >= sent.departure.before.wall));
    }
}

#[tokio::test]
async fn a_reply_with_another_cookie_or_from_another_source_is_not_ours() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    let request = request(&pinger, "127.0.0.1", 5, 56);
    let mut told = Vec::new();
    pinger.send(&[request], &mut told);
    let line = pinger.lines[0].as_mut().unwrap();
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
        departure: Departure { before: Stamp { mono: at(1000), wall: wall(1000) }, left: Some(wall(1001)) },
        between: false,
        deadline: at(1900),
        state: State::Waiting,
    };
    let rtt = |ms| Some(Duration::from_millis(ms));
    // Received at 1500, read at 5000: in time.
    let read_at = Stamp { mono: at(5000), wall: wall(5000) };
    assert_eq!(
        reply(&sent, Some(wall(1500)), read_at, Some(9)),
        Event::Reply { token: 9, rtt: rtt(499), late: false, left: Some(9) }
    );
    assert_eq!(
        reply(&sent, Some(wall(2500)), read_at, Some(9)),
        Event::Reply { token: 9, rtt: rtt(1499), late: true, left: Some(9) }
    );
    // Somebody set the clock an hour ahead in between: answered, but nobody knows how fast.
    let stepped = Stamp { mono: at(1500), wall: wall(3_601_500) };
    assert_eq!(
        reply(&sent, Some(wall(3_601_400)), stepped, Some(9)),
        Event::Reply { token: 9, rtt: None, late: false, left: Some(9) }
    );
    sent.state = State::Answered;
    assert_eq!(reply(&sent, Some(wall(1600)), read_at, None), Event::Duplicate { token: 9 });
}

/// Echo replies to nobody, and errors about other people's packets, as fast as one socket takes them.
fn storm(packets: usize, to: &str, id: u16) -> Option<()> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), Some(Protocol::ICMPV4)).ok()?;
    let mut random = fastrand::Rng::with_seed(3);
    let to = SocketAddr::new(to.parse().unwrap(), 0).into();
    let mut reply = Vec::new();
    icmp::write_request(Version::V4, id, 0, 0, 56, &mut reply);
    reply[0] = 0;
    let udp = [0x45, 0, 0, 84, 0, 0, 64, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
    let echo = [0x45, 0, 0, 84, 0, 0, 64, 0, 64, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
    for at in 0..packets {
        let mut packet = match at % 4 {
            0 | 1 => reply.clone(),
            2 => [&[3, 1, 0, 0, 0, 0, 0, 0][..], &udp, &random.u64(..).to_be_bytes()].concat(),
            _ => [&[11, 0, 0, 0, 0, 0, 0, 0][..], &echo, &[8, 0, 0, 0], &id.to_be_bytes(), &[0, at as u8]].concat(),
        };
        packet[2..4].fill(0);
        if at % 7 == 0 {
            packet.truncate(random.usize(4..packet.len()));
        }
        let sum = pnet::util::checksum(&packet, 1);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        // A full buffer of ours is no matter here.
        let _ = socket.send_to(&packet, &to);
    }
    Some(())
}

#[tokio::test]
async fn a_storm_of_other_peoples_icmp_is_thrown_away_by_the_kernel() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    if pinger.open(Version::V4) != Ok(Mode::Raw) {
        println!("not run: a ping socket sees only its own");
        return;
    }
    let mine = pinger.line((Version::V4, false)).unwrap().words_of(0).0;
    let foreign = mine ^ 0x5550;
    for round in 0..5 {
        storm(4_000, "127.0.0.1", foreign).expect("a raw socket, as the pinger has one");
        let requests: Vec<Request> =
            (0..200).map(|token| request(&pinger, &format!("127.4.{round}.{}", token + 1), token, 56)).collect();
        let got = events(&mut pinger, &requests, 200).await;
        assert!(got.iter().all(|event| matches!(event, Event::Reply { late: false, .. })), "{got:?}");
        assert_eq!(got.len(), 200);
    }
    assert_eq!(pinger.foreign(), 0, "not one of them got past the filter");
    assert!(!pinger.overflowed(Version::V4, Mono::default()));
}

#[tokio::test]
async fn forged_messages_with_our_identifier_are_counted_and_change_nothing() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    if pinger.open(Version::V4) != Ok(Mode::Raw) {
        return;
    }
    let requests: Vec<Request> = (0..50).map(|n| request(&pinger, &format!("127.5.0.{}", n + 1), n, 56)).collect();
    let mut told = Vec::new();
    let id = pinger.line((Version::V4, false)).unwrap().words_of(0).0;
    storm(2_000, "127.0.0.1", id).expect("a raw socket, as the pinger has one");
    told.extend(events(&mut pinger, &requests, 50).await);
    storm(2_000, "127.0.0.1", id).expect("a raw socket, as the pinger has one");
    told.extend(events(&mut pinger, &[], 0).await);
    pinger.drain(&mut told);
    assert!(told.iter().all(|event| matches!(event, Event::Reply { late: false, .. })), "{told:?}");
    assert_eq!(told.len(), 50);
    assert!(pinger.foreign() > 1_000, "{}", pinger.foreign());
}

#[tokio::test]
async fn a_packet_that_dies_on_the_way_is_told_by_whom_and_one_too_large_for_the_interface_too() {
    let Some(mut pinger) = pinger(&[Version::V4]) else { return };
    let mut large = request(&pinger, "127.0.0.1", 1, 9000);
    large.whole = true;
    let got = events(&mut pinger, &[large], 1).await;
    assert!(matches!(got.as_slice(), [Event::Reply { token: 1, .. }]), "{got:?}");
    large.size = 65_520;
    let got = events(&mut pinger, &[Request { token: 2, ..large }], 1).await;
    assert!(matches!(got.as_slice(), [Event::NotSent { token: 2, too_big: true, .. }]), "{got:?}");
}

#[tokio::test]
async fn all_echoes_of_a_flow_bear_its_identifier() {
    let mut pinger = Pinger::of_flow(Clock::system(), 0xabc7);
    if pinger.open(Version::V4) != Ok(Mode::Raw) {
        println!("not run: needs CAP_NET_RAW");
        return;
    }
    let requests: Vec<Request> = (0..9).map(|n| request(&pinger, "127.0.0.1", n, 32)).collect();
    assert_eq!(events(&mut pinger, &requests, 9).await.len(), 9);
    let line = pinger.line((Version::V4, false)).unwrap();
    assert!((0..9u32).all(|n| line.words_of((7 << 16) + n).0 == 0xabc7));
    assert_eq!(line.next(), (7 << 16) + 9);
}
