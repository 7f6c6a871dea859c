//! A reflector on loopback, asked by a plain socket: what it answers, what it refuses, and that it counts either.
#![expect(clippy::disallowed_types, reason = "the test plays the peer")]

use std::net::UdpSocket;

use super::*;
use crate::codec::stamp::{Request, write_request};
use crate::net::stop::{self, StopTrigger};

const LONG: Duration = Duration::from_secs(10);

fn key() -> Key {
    Key::new(b"sixteen bytes or more")
}

/// A running reflector, its counts, and what ends it.
fn start(change: impl FnOnce(&mut Terms)) -> (SocketAddr, Arc<Counts>, StopTrigger) {
    let clock = Clock::system();
    let rates = Rates { source: SOURCE_RATE, total: TOTAL_RATE };
    let mut terms = Terms { listen: "127.0.0.1:0".parse().unwrap(), key: None, allow: Vec::new(), rates };
    change(&mut terms);
    let port = bind(&terms, &clock).unwrap();
    let address = port.address();
    let counts = Arc::new(Counts::default());
    let (trigger, stop) = stop::pair();
    let told = counts.clone();
    tokio::spawn(async move { serve(port, terms, &clock, &told, &stop).await });
    (address, counts, trigger)
}

/// Whoever asks; it waits for answers in a thread of its own, so that the reflector can run.
struct Asker(UdpSocket);

impl Asker {
    fn of(reflector: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(reflector).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self(socket)
    }

    async fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.send(bytes).unwrap();
        let socket = self.0.try_clone().unwrap();
        tokio::task::spawn_blocking(move || {
            let mut buffer = [0; 2048];
            let n = socket.recv(&mut buffer).unwrap();
            buffer[..n].to_vec()
        })
        .await
        .unwrap()
    }
}

fn request(seq: u32, ssid: u16, key: Option<&Key>) -> Vec<u8> {
    let request = Request { seq, stamp: Stamp(0x1234_5678_9abc_def0), estimate: 0x8cc8, ssid };
    write_request(&request, 0, key)
}

/// Counts that are not zero, once there are `wanted` requests in all.
async fn counted(counts: &Counts, wanted: u64) -> String {
    let clock = Clock::system();
    let end = clock.mono().plus(LONG);
    loop {
        let list = counts.list();
        if list.iter().map(|(.., n)| n).sum::<u64>() >= wanted {
            let some = list.iter().filter(|(.., n)| *n > 0).map(|(word, _, n)| format!("{word} {n}"));
            return some.collect::<Vec<_>>().join(", ");
        }
        assert!(clock.mono() < end, "{list:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_counts_each_session_and_gives_back_what_it_was_sent() {
    let (address, counts, _stop) = start(|_| {});
    let asker = Asker::of(address);
    for (n, seq) in [5u32, 9, 1_000_000].into_iter().enumerate() {
        for ssid in [0, 7] {
            let reply = read_reply(&asker.ask(&request(seq, ssid, None)).await, None).unwrap();
            assert_eq!((reply.seq, reply.asked_seq, reply.ssid), (n as u32, seq, ssid));
            assert_eq!((reply.asked_stamp, reply.asked_estimate), (Stamp(0x1234_5678_9abc_def0), 0x8cc8));
            let now = Clock::system().stamp().wall;
            let [came, left] = [reply.received, reply.stamp].map(|stamp| stamp.nanos(Format::Ntp, now));
            assert!(came <= left && left <= now.as_nanos() as i64, "{reply:?}");
            assert!(reply.ttl > 0);
        }
    }
    assert_eq!(counted(&counts, 6).await, "answered 6");
}

#[tokio::test]
async fn with_a_key_it_answers_its_holders_only_and_signs() {
    let (address, counts, _stop) = start(|terms| terms.key = Some(key()));
    let asker = Asker::of(address);
    asker.0.send(&request(1, 0, None)).unwrap();
    asker.0.send(&request(2, 0, Some(&Key::new(b"another key of theirs")))).unwrap();
    let reply = asker.ask(&request(3, 0, Some(&key()))).await;
    assert_eq!(read_reply(&reply, Some(&key())).unwrap().asked_seq, 3);
    assert_eq!(counted(&counts, 3).await, "answered 1, malformed 1, not signed with the key 1");
}

#[tokio::test]
async fn strangers_fragments_and_answers_are_not_answered() {
    let (address, counts, _stop) = start(|terms| terms.allow = vec!["192.0.2.0/24".parse().unwrap()]);
    Asker::of(address).0.send(&request(1, 0, None)).unwrap();
    assert_eq!(counted(&counts, 1).await, "source not allowed 1");

    let (address, counts, _stop) = start(|terms| terms.allow = vec!["127.0.0.0/8".parse().unwrap()]);
    let asker = Asker::of(address);
    let answer = asker.ask(&request(1, 0, None)).await;
    for short in [0, 1, 14, 40] {
        asker.0.send(&answer[..short]).unwrap();
    }
    // Another reflector that was asked in our name answers us with our own answer in its own.
    let reply = read_reply(&answer, None).unwrap();
    let back = Reply { asked_stamp: reply.stamp, ..reply };
    asker.0.send(&write_reply(&back, &answer, None)).unwrap();
    assert_eq!(counted(&counts, 6).await, "answered 1, malformed 4, answers, not requests 1");
}

#[tokio::test]
async fn a_storm_from_one_source_gets_its_rate_and_another_source_is_answered() {
    let (address, counts, _stop) = start(|terms| terms.rates.source = 10);
    let storm = Asker::of(address);
    for seq in 0..200 {
        storm.0.send(&request(seq, 0, None)).unwrap();
    }
    let other = UdpSocket::bind("127.0.0.9:0").unwrap();
    other.connect(address).unwrap();
    other.set_read_timeout(Some(LONG)).unwrap();
    let reply = Asker(other).ask(&request(1, 0, None)).await;
    assert_eq!(read_reply(&reply, None).unwrap().seq, 0);
    let told = counted(&counts, 201).await;
    let answered = counts.answered.load(Ordering::Relaxed);
    assert!((11..40).contains(&answered) && told.contains("beyond the rate of their source"), "{told}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_limit_with_a_remedy() {
    let (address, ..) = start(|_| {});
    let rates = Rates { source: 1, total: 1 };
    let error = bind(&Terms { listen: address, key: None, allow: Vec::new(), rates }, &Clock::system()).unwrap_err();
    assert!(error.detail.contains("choose another"), "{error}");
}
