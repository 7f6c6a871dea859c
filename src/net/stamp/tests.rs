//! Against a port of our own whose answers a script bends: honest, doubled, forged, cut, signed and not.

use super::port::Port;
use super::*;
use crate::codec::stamp::{read_request, write_reply};

/// Long for a loaded machine, and a bound for what does not come.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(150);

/// What goes back for a request: its own number counted up, and the bytes of an honest answer, bent by the script.
type Bend = fn(Reply, Vec<u8>) -> Vec<Vec<u8>>;

/// A port that answers by a script for as long as the test's runtime lives.
fn peer(address: &str, key: Option<Key>, bend: Bend) -> SocketAddr {
    let clock = Clock::system();
    let mut port = Port::bind(address.parse().unwrap(), clock.clone()).unwrap();
    let at = port.address();
    tokio::spawn(async move {
        let mut number = 0;
        loop {
            port.wait().await;
            while port.receive() > 0 {
                for asked in port.asked() {
                    let Ok(request) = read_request(asked.bytes, key.as_ref()) else { continue };
                    let reply = Reply {
                        seq: number,
                        stamp: Stamp::ntp(clock.stamp().wall),
                        estimate: 1,
                        ssid: request.ssid,
                        received: Stamp::ntp(asked.at),
                        asked_seq: request.seq,
                        asked_stamp: request.stamp,
                        asked_estimate: request.estimate,
                        ttl: asked.ttl,
                    };
                    number += 1;
                    for bytes in bend(reply, write_reply(&reply, asked.bytes, key.as_ref())) {
                        port.answer(&asked, &bytes).unwrap();
                    }
                }
            }
        }
    });
    SocketAddr::new(if at.is_ipv4() { [127, 0, 0, 1].into() } else { Ipv6Addr::LOCALHOST.into() }, at.port())
}

fn session(peer: SocketAddr, terms: Terms) -> (Session, Clock) {
    let clock = Clock::system();
    (Session::open(peer, terms, clock.clone()).unwrap(), clock)
}

/// Asks once and tells what came within a time, in words.
async fn ask(session: &mut Session, clock: &Clock, within: Duration, wanted: usize) -> Vec<String> {
    let deadline = clock.mono().plus(within);
    session.send(deadline).unwrap();
    let (mut events, mut told) = (Vec::new(), Vec::new());
    while told.len() < wanted && session.receive(deadline, &mut events).await {
        told.extend(events.drain(..).map(|event| match event {
            Event::Answered(answer) => {
                let times = answer.times.unwrap();
                assert!(times.sent <= times.far_received && times.far_sent <= times.received, "{times:?}");
                assert!(times.far_received <= times.far_sent && !answer.late, "{times:?}");
                format!("{}={}", answer.seq, answer.far_seq)
            }
            Event::Copied { seq, far_seq } => format!("{seq}={far_seq} again"),
            Event::Unreachable { seq, error } => format!("{seq} {}", error.cause.as_str()),
            Event::Strange { unsigned: true } => "unsigned".to_owned(),
            Event::Strange { unsigned: false } => "strange".to_owned(),
        }));
    }
    told
}

#[tokio::test]
async fn both_families_are_answered_in_order_and_times_do_not_contradict() {
    for address in ["127.0.0.1:0", "[::]:0", "0.0.0.0:0"] {
        let (mut session, clock) = session(peer(address, None, |_, honest| vec![honest]), Terms::default());
        for n in 1..4 {
            assert_eq!(ask(&mut session, &clock, LONG, 1).await, [format!("{n}={}", n - 1)], "{address}");
        }
        assert!(!session.take_overflowed());
    }
}

#[tokio::test]
async fn a_port_of_both_families_answers_the_older_one_too() {
    let at = peer("[::]:0", None, |reply, honest| {
        assert_eq!(reply.ttl, 255, "no router stands on loopback");
        vec![honest]
    });
    let (mut session, clock) = session(SocketAddr::new([127, 0, 0, 7].into(), at.port()), Terms::default());
    // From 127.0.0.7: from any other address it would not be of the session.
    assert_eq!(ask(&mut session, &clock, LONG, 1).await, ["1=0"]);
}

#[tokio::test]
async fn what_answers_nothing_of_ours_is_no_success() {
    type Case = (Bend, &'static [&'static str]);
    let table: [Case; 8] = [
        (|_, honest| vec![honest.clone(), honest], &["1=0", "1=0 again"]),
        (|_, honest| vec![honest[..40].to_vec()], &["strange"]),
        (|_, _| vec![Vec::new(), b"who is there?".to_vec()], &["strange", "strange"]),
        (|reply, honest| vec![write_reply(&Reply { asked_seq: 9, ..reply }, &honest, None)], &["strange"]),
        (|reply, honest| vec![write_reply(&Reply { ssid: !reply.ssid, ..reply }, &honest, None)], &["strange"]),
        // The time that was sent, but for fifteen nanoseconds.
        (
            |reply, honest| {
                let asked_stamp = Stamp(reply.asked_stamp.0 ^ 64);
                vec![write_reply(&Reply { asked_stamp, ..reply }, &honest, None)]
            },
            &["strange"],
        ),
        // An answer without identifier, as of those who know none; then the same from one who numbers it anew.
        (|reply, honest| vec![write_reply(&Reply { ssid: 0, ..reply }, &honest, None)], &["1=0"]),
        (
            |reply, honest| vec![honest.clone(), write_reply(&Reply { seq: 1, ..reply }, &honest, None)],
            &["1=0", "1=1 again"],
        ),
    ];
    for (bend, wanted) in table {
        let (mut session, clock) = session(peer("127.0.0.1:0", None, bend), Terms::default());
        assert_eq!(ask(&mut session, &clock, LONG, wanted.len()).await, wanted);
    }
}

#[tokio::test]
async fn with_a_key_only_its_holder_answers() {
    let key = || Key::new(b"a key of both ends");
    let terms = || Terms { key: Some(key()), ..Terms::default() };
    let (mut mine, clock) = session(peer("127.0.0.1:0", Some(key()), |_, honest| vec![honest]), terms());
    assert_eq!(ask(&mut mine, &clock, LONG, 1).await, ["1=0"]);
    let forged: Bend =
        |reply, honest| vec![write_reply(&reply, &honest, Some(&Key::new(b"another key than theirs")))];
    let (mut other, clock) = session(peer("127.0.0.1:0", Some(key()), forged), terms());
    assert_eq!(ask(&mut other, &clock, LONG, 1).await, ["unsigned"]);
    // One who asks without the key is not answered, and one who has it but is answered without counts nothing.
    let (mut without, clock) = session(peer("127.0.0.1:0", Some(key()), |_, honest| vec![honest]), Terms::default());
    assert_eq!(ask(&mut without, &clock, SHORT, 1).await, Vec::<String>::new());
    let (mut plain, clock) = session(peer("127.0.0.1:0", None, |_, honest| vec![honest[..44].to_vec()]), terms());
    assert_eq!(ask(&mut plain, &clock, LONG, 1).await, ["unsigned"]);
}

#[tokio::test]
async fn nobody_there_is_told_at_once_and_the_session_goes_on() {
    let gone = peer_that_is_gone();
    let (mut session, clock) = session(gone, Terms::default());
    for n in 1..4 {
        assert_eq!(ask(&mut session, &clock, LONG, 1).await, [format!("{n} refused")]);
    }
}

fn peer_that_is_gone() -> SocketAddr {
    Port::bind("127.0.0.1:0".parse().unwrap(), Clock::system()).unwrap().address()
}

#[tokio::test]
async fn what_is_answered_after_its_time_is_late_and_has_its_true_time() {
    let (mut session, clock) = session(peer("127.0.0.1:0", None, |_, honest| vec![honest]), Terms::default());
    session.send(clock.mono().minus(Duration::from_millis(1))).unwrap();
    let mut events = Vec::new();
    assert!(session.receive(clock.mono().plus(LONG), &mut events).await);
    let [Event::Answered(answer)] = events[..] else { panic!("{events:?}") };
    assert!(answer.late && answer.times.is_some(), "{answer:?}");
}

/// Not a test of speed but of what is measured: under load on both ends the kernel's times stay those of the wire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_host_does_not_show_as_a_slow_line() {
    let (mut session, clock) = session(peer("127.0.0.1:0", None, |_, honest| vec![honest]), Terms::default());
    let busy: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await
                }
            })
        })
        .collect();
    let (mut kernel, mut program) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    for _ in 0..300 {
        let deadline = clock.mono().plus(LONG);
        session.send(deadline).unwrap();
        session.receive(deadline, &mut events).await;
        for event in events.drain(..) {
            let Event::Answered(Answer { times: Some(t), waited, .. }) = event else { continue };
            kernel.push((t.received - t.sent) - (t.far_sent - t.far_received));
            program.push(waited.as_nanos() as i64);
        }
    }
    busy.iter().for_each(tokio::task::JoinHandle::abort);
    kernel.sort_unstable();
    program.sort_unstable();
    let at = |all: &[i64], q: usize| all[(all.len() - 1) * q / 100];
    let [k50, k99, p50, p99] = [at(&kernel, 50), at(&kernel, 99), at(&program, 50), at(&program, 99)];
    println!("round trip ns, p50 and p99: kernel {k50} {k99}, program {p50} {p99}, {} samples", kernel.len());
    assert!(kernel.len() > 290 && k50 < p50, "kernel {k50}, program {p50}");
}
