//! Against a reflector of ours, through a line that loses what a test says it loses, and against peers that lie.
#![expect(clippy::disallowed_types, reason = "the test plays the line")]

use std::sync::atomic::Ordering;

use tokio::net::UdpSocket;

use super::*;
use crate::engine::reflector::Rates;
use crate::net::clock::Clock;
use crate::net::serve::{self, Answer};
use crate::net::stop::{self, StopTrigger};
use crate::probe::tests::{cx, host, run_once, task, told, value};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

/// A reflector; it ends with what comes second.
fn reflector(key: Option<Key>) -> (SocketAddr, StopTrigger) {
    let (clock, counts) = (Clock::system(), reflect::Counts::default());
    let rates = Rates { source: 10_000, total: 10_000 };
    let terms = reflect::Terms { listen: "127.0.0.1:0".parse().unwrap(), key, allow: Vec::new(), rates };
    let port = reflect::bind(&terms, &clock).unwrap();
    let address = port.address();
    let (trigger, stop) = stop::pair();
    tokio::spawn(async move {
        reflect::serve(port, terms, &clock, &counts, &stop).await;
        assert_eq!(counts.malformed.load(Ordering::Relaxed), 0);
    });
    (address, trigger)
}

/// Whether a line loses a packet: on the way there (true) or back, by its number.
type Loses = fn(bool, u32) -> bool;

/// A line to a reflector.
async fn line(to: SocketAddr, loses: Loses) -> SocketAddr {
    let down = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let up = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    up.connect(to).await.unwrap();
    let address = down.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut there, mut back) = ([0; 2048], [0; 2048]);
        let mut asker = address;
        let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        loop {
            tokio::select! {
                Ok((n, from)) = down.recv_from(&mut there) => {
                    asker = from;
                    if !loses(true, number(&there, 0)) {
                        up.send(&there[..n]).await.unwrap();
                    }
                }
                Ok(n) = up.recv(&mut back) => {
                    if !loses(false, number(&back, 24)) {
                        down.send_to(&back[..n], asker).await.unwrap();
                    }
                }
            }
        }
    });
    address
}

/// So many runs of one task.
async fn runs(to: SocketAddr, set: &[&str], n: usize, within: Duration) -> Vec<Run> {
    let cx = cx();
    let task = task(&SPEC, "a", host(&to.ip().to_string(), to.port()), set);
    let mut prober = prober(&cx, &task, None).unwrap();
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(prober.run(&cx, cx.clock.mono().plus(within)).await);
    }
    all
}

/// How many packets a run settled in a direction, and how many of them were lost.
fn lost(run: &Run, field: &str) -> (usize, usize) {
    match value("stamp", run, field) {
        Value::Many(each) => (each.len(), each.iter().filter(|v| **v == 1.0).count()),
        _ => (0, 0),
    }
}

#[tokio::test]
async fn a_reflector_of_ours_gives_times_and_both_directions() {
    let (address, _stop) = reflector(None);
    let run = runs(address, &["count=5", "spacing=1ms", "size=142"], 1, LONG).await.remove(0);
    assert_eq!((run.outcome, run.tally), (Outcome::Ok, Tally { sent: 5, ..Tally::default() }), "{:?}", run.detail);
    let Value::Many(rtts) = value("stamp", &run, "rtt_seconds") else { panic!("no times") };
    assert!(rtts.len() == 5 && rtts.iter().all(|rtt| (0.0..5.0).contains(rtt)), "{rtts:?}");
    assert_eq!(value("stamp", &run, "loss_ratio"), Value::F64(0.0));
    assert_eq!(["forward_loss_ratio", "return_loss_ratio"].map(|field| lost(&run, field)), [(4, 0), (4, 0)]);
    assert_eq!(value("stamp", &run, "reflector"), Value::State(1));
    let Value::Many(variation) = value("stamp", &run, "forward_variation_seconds") else { panic!("no variation") };
    assert!(variation.len() == 4 && value("stamp", &run, "return_jitter_seconds") != Value::Null);
    // One clock: in step with itself, whether or not with UTC.
    let Value::State(clocks) = value("stamp", &run, "clocks") else { panic!("no clocks") };
    let delays = value("stamp", &run, "forward_delay_seconds");
    assert!(if clocks == 0 { delays != Value::Null } else { clocks == 3 && delays == Value::Null }, "{clocks}");
}

#[tokio::test]
async fn loss_has_a_direction_and_is_known_with_the_next_answer() {
    let (address, _stop) = reflector(None);
    let there = line(address, |forward, seq| forward && seq % 5 == 0).await;
    let back = line(address, |forward, seq| !forward && seq % 5 == 0).await;
    // Number 20 is lost too, and waits for its successor; the first only begins the count.
    for (to, wanted) in [(there, [(18, 3), (15, 0)]), (back, [(18, 0), (18, 3)])] {
        let all = runs(to, &["count=10", "spacing=1ms"], 2, SHORT).await;
        let mut total = [(0, 0); 2];
        for run in &all {
            for (sum, field) in total.iter_mut().zip(["forward_loss_ratio", "return_loss_ratio"]) {
                let (n, of_them) = lost(run, field);
                *sum = (sum.0 + n, sum.1 + of_them);
            }
            assert_eq!((run.outcome, run.cause), (Outcome::Degraded, Some(Cause::Partial)));
            assert_eq!((run.tally.sent, run.tally.lost), (10, 2));
            assert_eq!(value("stamp", run, "loss_ratio"), Value::F64(0.2));
        }
        assert_eq!(total, wanted);
    }
}

#[tokio::test]
async fn an_outage_is_told_with_its_direction_when_it_is_over() {
    let (address, _stop) = reflector(None);
    let to = line(address, |forward, seq| forward && (11..=30).contains(&seq)).await;
    let all = runs(to, &["count=10", "spacing=1ms", "burst=0"], 4, SHORT).await;
    let outcomes: Vec<_> = all.iter().map(|run| (run.outcome, run.cause)).collect();
    let (ok, failed) = ((Outcome::Ok, None), (Outcome::Failed, Some(Cause::Timeout)));
    assert_eq!(outcomes, [ok, failed, failed, ok]);
    let fields = told("stamp", &all[1]);
    assert!(!fields.split_once(": ").unwrap().1.contains("rtt"), "a lost packet has no time");
    assert_eq!(value("stamp", &all[3], "outage"), Value::State(0));
    assert_eq!(lost(&all[3], "forward_loss_ratio"), (0, 0), "and makes no second alarm");
}

/// A run at which all packets are answered, then one; that with what its burst found.
async fn doubted(loses: Loses) -> (Run, Option<Run>) {
    let (address, _stop) = reflector(None);
    let to = line(address, loses).await;
    let cx = cx();
    let task = task(&SPEC, "a", host(&to.ip().to_string(), to.port()), &["count=10", "spacing=1ms"]);
    let mut prober = prober(&cx, &task, None).unwrap();
    let first = prober.run(&cx, cx.clock.mono().plus(SHORT)).await;
    assert_eq!((first.outcome, prober.burst()), (Outcome::Ok, None), "{:?}", first.detail);
    let run = prober.run(&cx, cx.clock.mono().plus(SHORT)).await;
    let burst = prober.burst();
    assert_eq!(prober.burst(), None, "it is told once");
    (run, burst)
}

#[tokio::test]
async fn a_run_without_an_answer_is_followed_by_a_burst_that_finds_nobody_or_somebody() {
    let (run, burst) = doubted(|forward, seq| forward && seq > 10).await;
    assert_eq!((run.outcome, run.tally.sent, run.tally.lost), (Outcome::Failed, 10, 10));
    let burst = burst.unwrap();
    assert_eq!((burst.purpose, burst.outcome, burst.tally.sent), (Purpose::Confirm, Outcome::Failed, 6));
    assert!(burst.detail.unwrap().contains("7 packets within"), "the run's own counts as one");

    // The second packet of the burst is answered: it ends there, and counts in nothing else.
    let (run, burst) = doubted(|forward, seq| forward && (11..=21).contains(&seq)).await;
    assert_eq!((run.outcome, run.tally.sent, run.tally.lost, run.tally.late), (Outcome::Failed, 10, 10, 0));
    let burst = burst.unwrap();
    assert_eq!((burst.outcome, burst.tally.sent, burst.tally.lost), (Outcome::Ok, 2, 1));
    assert_eq!(value("stamp", &burst, "burst_lost_packets"), Value::F64(1.0));
}

#[tokio::test]
async fn one_who_gives_our_numbers_back_tells_nothing_of_directions() {
    use crate::codec::stamp::{Reply, read_request, write_reply};
    let stateless: Answer = Arc::new(|asked| {
        let request = read_request(asked, None).ok()?;
        let reply = Reply {
            seq: request.seq,
            asked_seq: request.seq,
            asked_stamp: request.stamp,
            received: request.stamp,
            stamp: request.stamp,
            ..Reply::default()
        };
        Some(write_reply(&reply, asked, None)[..41].to_vec()) // TWAMP's shortest
    });
    let service = serve::udp("127.0.0.1:0".parse().unwrap(), stateless).await.unwrap();
    let run = runs(service.address(), &["count=3", "spacing=1ms"], 1, LONG).await.remove(0);
    assert_eq!((run.outcome, value("stamp", &run, "reflector")), (Outcome::Ok, Value::State(2)), "{:?}", run.detail);
    assert_eq!(value("stamp", &run, "forward_loss_ratio"), Value::Null);
}

#[tokio::test]
async fn an_answer_from_farther_away_than_the_line_is_none() {
    use crate::codec::stamp::{Reply, read_request, write_reply};
    let detour: Answer = Arc::new(|asked| {
        let request = read_request(asked, None).ok()?;
        let stamp = request.stamp;
        let ttl = if request.seq > 10 { 253 } else { 255 };
        let reply = Reply {
            seq: request.seq,
            asked_seq: request.seq,
            asked_stamp: stamp,
            received: stamp,
            stamp,
            ttl,
            ..Reply::default()
        };
        Some(write_reply(&reply, asked, None))
    });
    let service = serve::udp("127.0.0.1:0".parse().unwrap(), detour).await.unwrap();
    let asset = task(&SPEC, "a", host("127.0.0.1", service.address().port()), &["count=10", "spacing=1ms"]);
    let link = Arc::new(Task { object: "link:l".parse().unwrap(), ..Task::clone(&asset) });
    for (task, outcome) in [(asset, Outcome::Ok), (link, Outcome::Failed)] {
        let cx = cx();
        let mut prober = prober(&cx, &task, None).unwrap();
        let first = prober.run(&cx, cx.clock.mono().plus(SHORT)).await;
        assert_eq!(first.outcome, Outcome::Ok, "{:?}", first.detail);
        let run = prober.run(&cx, cx.clock.mono().plus(SHORT)).await;
        assert_eq!(run.outcome, outcome, "{:?}", run.detail);
        if outcome == Outcome::Failed {
            assert_eq!(run.cause, Some(Cause::Unreachable));
            assert_eq!(run.detail.unwrap(), "127.0.0.1: answers from 2 hops away, usually 0: not over this line");
            assert_eq!(prober.burst().map(|burst| burst.outcome), Some(Outcome::Failed));
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    type Case = (fn(&[u8]) -> Option<Vec<u8>>, &'static str);
    let table: [Case; 4] = [
        (|_| None, "failed timeout: loss_ratio"),
        (|_| Some(b"hello".to_vec()), "failed content: loss_ratio"),
        (|asked| Some(asked.to_vec()), "failed content: loss_ratio"),
        (|asked| Some([asked, &[0; 900]].concat()), "failed content: loss_ratio"),
    ];
    for (liar, wanted) in table {
        let service = serve::udp("127.0.0.1:0".parse().unwrap(), Arc::new(liar)).await.unwrap();
        let run = run_once("stamp", host("127.0.0.1", service.address().port()), &[], SHORT).await.unwrap();
        assert_eq!(told("stamp", &run).replace(" reflector", ""), wanted, "{:?}", run.detail);
    }
    let run = run_once("stamp", host("127.0.0.77", 9), &[], LONG).await.unwrap();
    assert_eq!(told("stamp", &run).replace(" reflector", ""), "failed refused: loss_ratio", "{:?}", run.detail);
    assert!(run.took < LONG);
    let run = run_once("stamp", host("no name at all", 862), &[], LONG).await.unwrap();
    assert_eq!(told("stamp", &run), "failed resolve: -");
}

#[tokio::test]
async fn a_key_is_read_from_its_file_and_both_ends_must_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let hex = file("hex", b"000102030405060708090a0b0c0d0e0f\n");
    let raw = file("raw", &(0..16).collect::<Vec<u8>>());
    let (address, _stop) = reflector(Some(read_key(&raw).unwrap()));
    let set = format!("key_file='{}'", hex.display());
    let run = runs(address, &[&set], 1, LONG).await.remove(0);
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.detail);
    // One who answers without it answers nothing.
    let service = serve::udp("127.0.0.1:0".parse().unwrap(), Arc::new(|asked| Some(asked.to_vec()))).await.unwrap();
    let run = runs(service.address(), &[&set], 1, SHORT).await.remove(0);
    assert_eq!((run.outcome, run.cause), (Outcome::Failed, Some(Cause::Content)), "signed by us, so not by them");
    let unsigned: Answer = Arc::new(|asked| Some(vec![7; asked.len()]));
    let service = serve::udp("127.0.0.1:0".parse().unwrap(), unsigned).await.unwrap();
    let run = runs(service.address(), &[&set], 1, SHORT).await.remove(0);
    assert_eq!((run.outcome, run.cause), (Outcome::Failed, Some(Cause::Auth)));
    let short = file("short", b"0011223344556677");
    assert!(read_key(&short).unwrap_err().contains("holds 8 bytes of key; at least 16"));
    let missing = run_once("stamp", host("127.0.0.1", 862), &["key_file='/nonexistent/key'"], SHORT).await;
    assert!(missing.unwrap_err().starts_with("the key file /nonexistent/key: No such file"));
}

#[tokio::test]
async fn a_reply_that_comes_in_the_next_run_is_late_there() {
    let held = Arc::new(std::sync::Mutex::new(Vec::<Vec<u8>>::new()));
    let (address, _stop) = reflector(None);
    let down = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = down.local_addr().unwrap();
    let release = held.clone();
    tokio::spawn(async move {
        let up = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        up.connect(address).await.unwrap();
        let mut buffer = [0; 2048];
        loop {
            // The answer to each request goes out before the next request goes on.
            let (n, from) = down.recv_from(&mut buffer).await.unwrap();
            let asked = buffer[..n].to_vec();
            let old: Vec<_> = release.lock().unwrap().drain(..).collect();
            for bytes in old {
                down.send_to(&bytes, from).await.unwrap();
            }
            up.send(&asked).await.unwrap();
            let n = up.recv(&mut buffer).await.unwrap();
            release.lock().unwrap().push(buffer[..n].to_vec());
        }
    });
    let all = runs(to, &[], 3, SHORT).await;
    let tallies: Vec<_> = all.iter().map(|run| (run.tally.sent, run.tally.lost, run.tally.late)).collect();
    assert_eq!(tallies, [(1, 1, 0), (1, 1, 1), (1, 1, 1)]);
    assert!(all.iter().all(|run| value("stamp", run, "rtt_seconds") == Value::Null));
}

#[test]
fn what_clocks_and_outages_mean_is_said_in_words() {
    let task = task(&SPEC, "a", host("192.0.2.1", 862), &[]);
    let wants = Wants::of(&task).unwrap();
    let mut score = Score::new("192.0.2.1:862".parse().unwrap());
    score.tried = 1;
    score.answered = 1;
    score.settled = Some(Settled { packets: 3, forward_lost: 1, back_lost: 1, outage: None });
    for (clocks, word) in
        [(Clocks::InStep, "in_step"), (Clocks::NearFree, "near_unsynchronised"), (Clocks::Fault, "fault")]
    {
        score.clocks = Some(clocks);
        let run = report(&task, &wants, &score, Value::of_many(&[0.25]), Duration::ZERO);
        let Value::State(at) = value("stamp", &run, "clocks") else { panic!("no state") };
        assert_eq!(CLOCKS[usize::from(at)], word);
        assert_eq!((lost(&run, "forward_loss_ratio"), lost(&run, "return_loss_ratio")), ((3, 1), (2, 1)));
    }
    score.settled = Some(Settled { outage: Some(directions::Way::Back), ..Settled::default() });
    let run = report(&task, &wants, &score, Value::of_many(&[0.25]), Duration::ZERO);
    assert_eq!(value("stamp", &run, "outage"), Value::State(1));
    assert_eq!(lost(&run, "forward_loss_ratio"), (0, 0));
}
