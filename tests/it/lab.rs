//! The lab's own parts that need no network: what the relay does to frames, what a scenario may say. The lab
//! itself is `tests/lab/run`.

#[path = "../lab/impair.rs"]
#[allow(dead_code, reason = "the relay, which is not part of this binary, uses the rest")]
mod impair;
#[path = "../lab/scenario.rs"]
#[allow(dead_code, reason = "the player, which is not part of this binary, uses the rest")]
mod scenario;

use std::collections::BTreeSet;
use std::time::Duration;

use impair::{Impair, Way};
use scenario::{Expect, Scenario};

use crate::tree;

/// Frames of 100 bytes, one a millisecond; when each comes out, by what `does` says.
fn through(does: &str, frames: u32) -> Vec<[Option<Duration>; 2]> {
    let mut way = Way::new(7);
    way.set(Impair::parse(does).unwrap());
    (0..frames).map(|n| way.pass(100, Duration::from_millis(n.into()))).collect()
}

fn lost(of: &[[Option<Duration>; 2]]) -> usize {
    of.iter().filter(|out| out[0].is_none()).count()
}

#[test]
fn delay_is_exact_and_jitter_keeps_the_order() {
    for (n, out) in (0..).zip(through("delay=10ms", 100)) {
        assert_eq!(out, [Some(Duration::from_millis(n + 10)), None]);
    }
    let out: Vec<Duration> = through("delay=10ms jitter=5ms", 1_000).iter().map(|out| out[0].unwrap()).collect();
    assert!(out.is_sorted());
    let added = |(n, at): (u64, &Duration)| *at - Duration::from_millis(n);
    let most = (0..).zip(&out).map(added).max().unwrap();
    assert!(most > Duration::from_millis(14) && most <= Duration::from_millis(16), "{most:?}");
}

#[test]
fn loss_is_what_was_said_and_the_same_for_the_same_seed() {
    let share = lost(&through("loss=0.3", 10_000)) as f64 / 10_000.0;
    assert!((0.28..0.32).contains(&share), "{share}");
    assert_eq!(through("loss=0.3 jitter=3ms", 500), through("loss=0.3 jitter=3ms", 500));
    assert_eq!(lost(&through("cut", 50)), 50);
    assert_eq!(lost(&through("", 50)), 0);
}

#[test]
fn bursts_come_in_runs_and_recorded_ones_as_they_were() {
    let out = through("bursts=0.01/0.2/1", 100_000);
    let gone: Vec<bool> = out.iter().map(|out| out[0].is_none()).collect();
    let runs = gone.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
    let mean = lost(&out) as f64 / runs as f64;
    assert!((4.0..6.0).contains(&mean), "a burst ends with a chance of one in five a frame: {mean}");
    let gone: Vec<usize> =
        (0..).zip(through("recorded=3,2,4,1", 20)).filter(|(_, o)| o[0].is_none()).map(|(n, _)| n).collect();
    assert_eq!(gone, [3, 4, 9, 13, 14, 19]);
}

#[test]
fn frames_are_doubled_overtaken_held_back_by_the_rate_and_dropped_by_length() {
    let doubled = through("duplicate=0.5", 1_000).iter().filter(|out| out[1].is_some()).count();
    assert!((450..550).contains(&doubled), "{doubled}");
    let out: Vec<Duration> = through("reorder=0.1", 1_000).iter().map(|out| out[0].unwrap()).collect();
    let overtaken = out.windows(2).filter(|w| w[1] < w[0]).count();
    assert!((60..140).contains(&overtaken), "{overtaken}");
    // 100 bytes a millisecond are 0.8 Mbit/s: a line of 0.4 takes half of them once its queue is full.
    let out = through("rate=0.4mbit", 2_000);
    assert!((900..1_000).contains(&lost(&out)), "{}", lost(&out));
    let mut way = Way::new(1);
    way.set(Impair::parse("longest=1300").unwrap());
    assert_eq!([1_314, 1_315].map(|bytes| way.pass(bytes, Duration::ZERO)[0].is_some()), [true, false]);
    assert_eq!((way.counts.frames, way.counts.lost), (2, 1));
}

#[test]
fn a_recording_is_replayed_by_the_clock_and_some_frames_are_held_up() {
    // The recording goes on for 120 s: frames are lost when the queue was full, however many there are.
    let every = through("replay=full-queue", 120_000);
    let share = lost(&every) as f64 / every.len() as f64;
    assert!((0.015..0.025).contains(&share), "{share}");
    let gone = every.iter().map(|out| out[0].is_none());
    let longest = gone.collect::<Vec<_>>().chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).max();
    assert_eq!(longest, Some(207), "milliseconds");
    assert_eq!(lost(&through("replay=full-queue", 240_000)), 2 * lost(&every));

    let mut way = Way::new(7);
    way.set(Impair::parse("spikes=0.3/60ms").unwrap());
    let late = (0..1_000).map(Duration::from_secs).filter(|at| way.pass(100, *at)[0] != Some(*at)).count();
    assert!((250..350).contains(&late), "{late}");
}

#[test]
fn what_a_line_cannot_do_is_refused() {
    for word in [
        "replay=none",
        "spikes=0.3",
        "loss=1.5",
        "delay=10",
        "bursts=0.1/0.2",
        "recorded=0,0",
        "recorded=a",
        "rate=fast",
        "slow",
        "cut=1",
    ] {
        assert!(Impair::parse(word).is_err(), "{word}");
    }
}

#[test]
fn every_scenario_of_the_lab_can_be_read() {
    let files = tree::files("tests/lab/scenarios", &[".toml"]);
    assert!(files.len() >= 5, "only {}", files.len());
    let mut whole = Vec::new();
    for file in &files {
        let read = Scenario::parse(&file.text).unwrap_or_else(|why| panic!("{}: {why}", file.path));
        assert!(!read.title.is_empty() && !read.faults.is_empty(), "{}", file.path);
        whole.extend((!read.alone).then_some(read));
    }
    // Played at once, each finds its own incidents: no two scenarios may be about the same of one line.
    let mut taken = BTreeSet::new();
    for one in &whole {
        let own: BTreeSet<(&str, &str)> = one.expects.iter().map(|e| (&*e.problem, &*e.on)).collect();
        for expected in own {
            assert!(taken.insert(expected), "{expected:?} of \"{}\" is of another one, too", one.title);
        }
    }
}

#[test]
fn steps_come_in_order_and_a_flapping_fault_ends_as_it_began() {
    let text = r#"
title = "x"
[[fault]]
id = "flap"
at = "1s"
for = "10s"
do = "cut"
on = "p1-c1"
flap = "4s"
[[fault]]
id = "hog"
for = "2s"
do = "hog"
on = ""
with = "1"
[[expect]]
problem = "link-down"
on = "link:p1-*"
fault = "flap"
within = "3s"
ends_within = "9s"
"#;
    let read = Scenario::parse(text).unwrap();
    let steps: Vec<(u64, usize, bool)> = read.steps().iter().map(|(at, n, on)| (at.as_secs(), *n, *on)).collect();
    assert_eq!(steps, [(0, 1, true), (1, 0, true), (2, 1, false), (5, 0, false), (9, 0, true), (11, 0, false)]);
    let expect: &Expect = &read.expects[0];
    assert!(expect.means("link-down", "link:p1-c1") && !expect.means("link-down", "link:p2-c1"));
    assert!(Scenario::parse(&text.replace("fault = \"flap\"", "fault = \"none\"")).is_err());
    assert!(Scenario::parse(&text.replace("within = \"3s\"", "within = \"3\"")).is_err());
}
