//! Detectors over simulated lines, time compressed: how soon each finds what it is for, and that a week of ordinary
//! loss raises nothing. Every line is seeded; the figures are printed.

use super::*;
use crate::engine::confirm::{Confirm, Found, Step};
use crate::model::detector::DETECTORS;

/// SplitMix64: small, seeded, good enough for losing packets.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    /// Of an exponential distribution.
    fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.roll()).ln()
    }
}

/// When a line is bad, and loses more than it does otherwise.
enum Bad {
    Never,
    /// Gilbert and Elliott, in time: mean good time, mean bad time, share lost in the bad one.
    Drawn(f64, f64, f64),
    /// As a full queue was recorded to lose, burst by burst: its times in turn, how far it has come, and how many
    /// times as long the pauses between bursts are.
    Recorded(Vec<f64>, usize, f64),
}

/// Milliseconds passed and lost, in turn; the file says how it was recorded.
const FULL_QUEUE: &str = include_str!("../../../tests/recordings/full-queue.losses");

/// What lasts longer lies between two bursts of the recording, and is drawn, because no queue fills at the same second
/// of every other minute.
const PAUSE: f64 = 0.5;

impl Bad {
    fn recorded(stretch: f64) -> Self {
        let lines = FULL_QUEUE.lines().filter(|line| !line.starts_with('#'));
        let ms = lines.flat_map(str::split_whitespace).map(|word| word.parse::<f64>().unwrap() / 1_000.0);
        Self::Recorded(ms.collect(), 0, stretch)
    }

    /// How long the next good or bad time is.
    fn next(&mut self, bad: bool, dice: &mut Dice) -> f64 {
        match self {
            Self::Never => f64::INFINITY,
            Self::Drawn(good, rough, _) => dice.wait(if bad { *rough } else { *good }),
            Self::Recorded(times, at, stretch) => {
                let time = times[*at % times.len()];
                *at += 1;
                if time > PAUSE { dice.wait(time * *stretch) } else { time }
            }
        }
    }
}

/// What a line does to packets, in seconds since its beginning.
struct Line {
    dice: Dice,
    rtt: f64,
    /// Share lost at random.
    loss: f64,
    bursts: Bad,
    bad: bool,
    until: f64,
    cut: std::ops::Range<f64>,
    /// From when on it takes so much longer.
    detour: (f64, f64),
}

impl Line {
    fn new(seed: u64, loss: f64) -> Self {
        let never = f64::INFINITY;
        Self {
            dice: Dice(seed),
            rtt: 0.008,
            loss,
            bursts: Bad::Never,
            bad: true, // a good time comes first
            until: 0.0,
            cut: never..never,
            detour: (never, 0.0),
        }
    }

    /// The answer to a packet sent then: after how long, if at all.
    fn send(&mut self, at: f64) -> Option<f64> {
        while at >= self.until {
            self.bad = !self.bad;
            self.until += self.bursts.next(self.bad, &mut self.dice);
        }
        let loss = match self.bursts {
            Bad::Drawn(_, _, lost) if self.bad => lost,
            Bad::Recorded(..) if self.bad => 1.0,
            _ => self.loss,
        };
        if self.cut.contains(&at) || self.dice.roll() < loss {
            return None;
        }
        let queue = self.dice.wait(0.000_5);
        let more = if at >= self.detour.0 { self.detour.1 } else { 0.0 };
        Some(self.rtt + queue + more)
    }
}

fn mono(s: f64) -> Mono {
    Mono::from_origin(std::time::Duration::from_secs_f64(s.max(0.0)))
}

fn seconds(at: Mono) -> f64 {
    at.since_origin().as_secs_f64()
}

/// One probe a second with its bursts, as the pacer makes them, and all detectors of an agent.
struct Watch {
    line: Line,
    confirm: Confirm,
    detectors: Vec<(&'static str, Box<dyn Detector>)>,
    /// When each was first to be raised.
    raised: Vec<(&'static str, f64)>,
    packets: u64,
}

const TIMEOUT: std::time::Duration = std::time::Duration::from_millis(900);

fn settings(name: &str, given: &[(&str, f64)]) -> Box<dyn Detector> {
    let (spec, make) = find(name).unwrap();
    let given = given.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect();
    make(&Settings::new(spec, &given))
}

impl Watch {
    fn new(line: Line) -> Self {
        let slow = [("lost", 15.0), ("of", 600.0), ("clear", 4.0)];
        let detectors = vec![
            ("reach", settings("reach", &[])),
            ("loss", settings("loss", &[])),
            ("slow loss", settings("loss", &slow)),
            ("latency", settings("latency", &[])),
            ("jitter", settings("jitter", &[])),
        ];
        Self { line, confirm: Confirm::default(), detectors, raised: Vec::new(), packets: 0 }
    }

    fn tell(&mut self, now: f64, began: f64, purpose: Purpose, outcome: Outcome, tally: Tally, rtt: Option<f64>) {
        let ok = outcome != Outcome::Failed;
        let heard = Heard {
            now: mono(now),
            began: mono(began),
            purpose,
            outcome,
            tally,
            runs: [u32::from(ok), u32::from(!ok)],
            measured: rtt.map_or(Measured::Nothing, Measured::One),
            planned: false,
            why: None,
        };
        for (name, detector) in &mut self.detectors {
            detector.take(&heard);
            if detector.raise() == Eval::True && self.raised.iter().all(|(known, _)| known != name) {
                self.raised.push((name, now));
            }
        }
    }

    /// A run at `at`; answers when it is told.
    fn run(&mut self, at: f64) {
        let one = Tally { sent: 1, ..Tally::default() };
        self.packets += 1;
        if let Some(rtt) = self.line.send(at) {
            self.confirm.answered(Some(std::time::Duration::from_secs_f64(rtt)));
            return self.tell(at + rtt, at, Purpose::Measure, Outcome::Ok, one, Some(rtt));
        }
        let doubt = at + self.confirm.patience(TIMEOUT).as_secs_f64();
        if self.confirm.doubt(8, TIMEOUT) {
            self.burst(at, doubt);
        }
        self.confirm.lost();
        self.tell(at + 1.15, at, Purpose::Measure, Outcome::Failed, Tally { lost: 1, ..one }, None);
    }

    fn burst(&mut self, began: f64, doubt: f64) {
        let mut due = mono(doubt);
        loop {
            match self.confirm.step(due, due) {
                Some(Step::Send(_, next)) => {
                    self.packets += 1;
                    if let Some(rtt) = self.line.send(seconds(due)) {
                        self.confirm.burst_answered(Some(std::time::Duration::from_secs_f64(rtt)));
                    }
                    due = next;
                }
                Some(Step::Wait(next)) => due = next,
                Some(Step::Over(verdict)) => {
                    let outcome = if verdict.found == Found::Nobody { Outcome::Failed } else { Outcome::Ok };
                    return self.tell(seconds(due), began, Purpose::Confirm, outcome, verdict.tally, None);
                }
                None => return,
            }
        }
    }

    /// Runs one a second from `from` to `to`, at that phase.
    fn watch(&mut self, from: u32, to: u32, phase: f64) {
        (from..to).for_each(|n| self.run(f64::from(n) + phase));
    }
}

/// The value at a share of a sorted list.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// How long after `since` a detector wants to raise, over many seeds; sorted. Panics where it never does.
fn found(name: &str, many: u64, since: f64, until: u32, line: impl Fn(u64) -> Line) -> Vec<f64> {
    let mut all: Vec<f64> = (0..many)
        .map(|seed| {
            let mut watch = Watch::new(line(seed));
            let phase = Dice(seed ^ 77).roll();
            watch.watch(0, until, phase);
            let found = watch.raised.iter().find(|(known, _)| *known == name);
            let (_, at) = found.unwrap_or_else(|| panic!("{name}, seed {seed}: never found"));
            assert!(*at >= since, "{name}, seed {seed}: raised at {at}, before anything happened");
            at - since
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn a_cut_is_found_within_two_and_a_half_seconds() {
    for loss in [0.0, 0.005] {
        let delays = found("reach", 500, 100.0, 110, |seed| Line { cut: 100.0..200.0, ..Line::new(seed, loss) });
        println!(
            "cut, loss {loss}: p50 {:.2} s, p95 {:.2} s, most {:.2} s",
            at(&delays, 0.5),
            at(&delays, 0.95),
            at(&delays, 1.0)
        );
        assert!(at(&delays, 0.95) < 2.1 && at(&delays, 1.0) < 2.5, "{:?}", delays.last());
    }
}

#[test]
fn a_lossy_line_is_found_within_forty_seconds_and_a_slow_one_within_two_minutes() {
    for (share, most) in [(0.30, 40.0), (0.10, 250.0)] {
        let delays: Vec<f64> = {
            let mut all: Vec<f64> = (0..200u64)
                .map(|seed| {
                    let mut watch = Watch::new(Line::new(seed, 0.0));
                    watch.watch(0, 200, 0.5);
                    watch.line.loss = share;
                    watch.watch(200, 1_400, 0.5);
                    let found = watch.raised.iter().find(|(known, _)| *known == "loss");
                    found.unwrap_or_else(|| panic!("{share}, seed {seed}: never found")).1 - 200.0
                })
                .collect();
            all.sort_by(f64::total_cmp);
            all
        };
        println!("loss of {share}: p50 {:.0} s, p95 {:.0} s", at(&delays, 0.5), at(&delays, 0.95));
        assert!(at(&delays, 0.95) < most, "{share}: {:?}", at(&delays, 0.95));
    }
    let delays =
        found("latency", 50, 1_000.0, 1_300, |seed| Line { detour: (1_000.0, 0.020), ..Line::new(seed, 0.001) });
    println!("20 ms longer: p50 {:.0} s, most {:.0} s", at(&delays, 0.5), at(&delays, 1.0));
    assert!(at(&delays, 1.0) < 120.0);
}

const DAY: u32 = 86_400;
const WEEK: u32 = 7 * DAY;

/// What is raised in so many seconds of a line; panics if its bursts send many packets more.
fn raised(what: &str, seconds: u32, line: Line) -> Vec<(&'static str, f64)> {
    let mut watch = Watch::new(line);
    watch.watch(0, seconds, 0.25);
    let more = watch.packets as f64 / f64::from(seconds) - 1.0;
    println!("{what}: {:?}; {:.1} % more packets", watch.raised, more * 100.0);
    assert!(more < 0.1, "bursts are few: {more}");
    watch.raised
}

#[test]
fn a_week_of_ordinary_loss_raises_nothing() {
    for (what, seed, loss, bursts) in [
        ("a week, 0.1 % at random", 1, 0.001, Bad::Never),
        ("a week, 0.5 % at random", 2, 0.005, Bad::Never),
        // A queue that overflows for 50 ms every ten seconds.
        ("a week, loss bursts", 3, 0.000_5, Bad::Drawn(10.0, 0.050, 0.7)),
    ] {
        assert_eq!(raised(what, WEEK, Line { bursts, ..Line::new(seed, loss) }), [], "{what}");
    }
}

#[test]
fn a_week_of_recorded_bursts_raises_nothing() {
    // As often as makes 0.5 %: up to 0.2 s on end, twice a minute.
    let line = Line { bursts: Bad::recorded(4.0), ..Line::new(4, 0.0) };
    assert_eq!(raised("a week, recorded bursts", WEEK, line), []);
}

#[test]
fn a_queue_that_is_full_as_often_as_it_was_recorded_loses_packets_and_does_nothing_else() {
    // Two in a hundred: that is loss, and rightly told as such.
    let line = Line { bursts: Bad::recorded(1.0), ..Line::new(5, 0.0) };
    let wrong: Vec<_> =
        raised("a day as recorded", DAY, line).into_iter().filter(|(name, _)| !name.contains("loss")).collect();
    assert_eq!(wrong, []);
}

/// How long after a cut so many lines are down that lost this share before; sorted.
fn cut_of_lossy(many: u64, share: f64) -> Vec<f64> {
    let mut all: Vec<f64> = (0..many)
        .map(|seed| {
            let mut watch = Watch::new(Line { cut: 400.0..600.0, ..Line::new(seed, share) });
            let phase = Dice(seed ^ 77).roll();
            watch.watch(0, 400, phase - 1.0);
            watch.raised.clear(); // it began without knowing what is lost
            watch.watch(400, 600, phase - 1.0);
            let found = watch.raised.iter().find(|(known, _)| *known == "reach");
            found.unwrap_or_else(|| panic!("{share}, seed {seed}: never found")).1 - 400.0
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn a_line_that_loses_packets_is_not_down_for_that_and_its_cut_is_known_in_bounded_time() {
    for (share, seed) in [(0.05, 11), (0.10, 12), (0.30, 13), (0.50, 14)] {
        let mut watch = Watch::new(Line::new(seed, share));
        watch.watch(0, 86_400, 0.5);
        let down = watch.raised.iter().find(|(name, _)| *name == "reach");
        assert_eq!(down, None, "a day at {share}");
    }
    for (share, most) in [(0.05, 3.5), (0.10, 4.0), (0.30, 6.0), (0.50, 70.0)] {
        let delays = cut_of_lossy(200, share);
        println!("cut of a line that loses {share}: p50 {:.1} s, p95 {:.1} s", at(&delays, 0.5), at(&delays, 0.95));
        assert!(at(&delays, 0.95) < most, "{share}: {:?}", at(&delays, 0.95));
    }
}

#[test]
fn a_line_that_begins_to_lose_packets_is_rarely_called_down_before_that_is_known() {
    let mut down = 0;
    for seed in 0..2_000 {
        let mut watch = Watch::new(Line::new(seed, 0.001));
        watch.watch(0, 60, 0.5);
        watch.line.loss = 0.30;
        watch.watch(60, 120, 0.5);
        down += u32::from(watch.raised.iter().any(|(name, _)| *name == "reach"));
    }
    println!("called down within the first minute of 30 % loss: {down} of 2000 lines");
    assert!(down <= 2, "{down}");
}

#[test]
fn loss_that_turns_out_to_be_an_outage_raises_nothing() {
    // An asset: one run in ten seconds, no bursts. Two lost at random, then three in a row, then it is back.
    let asset = [("lost", 4.0), ("of", 20.0), ("clear", 1.0), ("outage", 3.0)];
    let play = |runs: &str| {
        let mut loss = settings("loss", &asset);
        let mut told = String::new();
        for (run, n) in runs.chars().zip(0u32..) {
            let began = mono(f64::from(n) * 10.0);
            let lost = u32::from(run == 'x');
            let (purpose, tally) = (Purpose::Measure, Tally { sent: 1, lost, ..Tally::default() });
            let outcome = if lost > 0 { Outcome::Failed } else { Outcome::Ok };
            let measured = Measured::Nothing;
            loss.take(&Heard {
                now: began,
                began,
                purpose,
                outcome,
                tally,
                runs: [1, 0],
                measured,
                planned: false,
                why: None,
            });
            told.push(if loss.raise() == Eval::True { 'L' } else { '.' });
        }
        told
    };
    assert_eq!(play("..x...x...xxxxx...."), "...................");
    assert_eq!(play("..x...x...x..x....."), "..............LLLLL", "four apart are loss, known with the next answer");
}

#[test]
fn an_outage_is_no_loss_and_leaves_no_echo() {
    let mut watch = Watch::new(Line { cut: 300.0..420.0, ..Line::new(5, 0.001) });
    watch.watch(0, 3_000, 0.5);
    assert_eq!(watch.raised.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["reach"]);
    let (_, reach) = &watch.detectors[0];
    assert_eq!((reach.raise(), reach.clear()), (Eval::False, Eval::True));
    assert_eq!(reach.silent_since(), None);
}

#[test]
fn without_bursts_runs_in_a_row_say_so() {
    let mut reach = settings("reach", &[("fails", 3.0), ("chance", 1e-3)]);
    let mut loss = settings("loss", &[("outage", 3.0)]);
    assert_eq!(reach.raise(), Eval::Unknown, "nothing was heard yet");
    let tally = Tally { sent: 1, ..Tally::default() };
    let told: String = "110100011"
        .chars()
        .zip(0u32..)
        .map(|(answer, at)| {
            let ok = answer == '1';
            let heard = Heard {
                now: mono(f64::from(at) + 1.0),
                began: mono(f64::from(at)),
                purpose: Purpose::Measure,
                outcome: if ok { Outcome::Ok } else { Outcome::Failed },
                tally: Tally { lost: u32::from(!ok), ..tally },
                runs: [u32::from(ok), u32::from(!ok)],
                measured: Measured::Nothing,
                planned: false,
                why: None,
            };
            reach.take(&heard);
            loss.take(&heard);
            match (reach.raise(), reach.clear()) {
                (Eval::True, Eval::False) => 'D',
                (Eval::False, Eval::True) => '.',
                _ => '-',
            }
        })
        .collect();
    assert_eq!(told, "......D..");
    assert_eq!(loss.evidence()[0].1, "1 / 6", "the three in a row were an outage");
}

#[test]
fn an_answer_to_what_was_sent_before_the_silence_does_not_end_it() {
    let mut reach = settings("reach", &[]);
    let mut tell = |began: f64, purpose, outcome| {
        let tally = Tally { sent: 5, lost: 5, ..Tally::default() };
        let (now, runs) = (mono(began + 0.8), [0, 1]);
        let measured = Measured::Nothing;
        reach.take(&Heard {
            now,
            began: mono(began),
            purpose,
            outcome,
            tally,
            runs,
            measured,
            planned: false,
            why: None,
        });
        reach.raise()
    };
    assert_eq!(tell(1.0, Purpose::Measure, Outcome::Ok), Eval::False);
    assert_eq!(tell(3.0, Purpose::Confirm, Outcome::Failed), Eval::True);
    assert_eq!(tell(2.0, Purpose::Measure, Outcome::Ok), Eval::True);
    assert_eq!(tell(4.0, Purpose::Measure, Outcome::Degraded), Eval::False);
    assert_eq!(tell(3.5, Purpose::Confirm, Outcome::Failed), Eval::False, "it was heard since");
}

#[test]
fn latency_learns_anew_when_something_explains_it() {
    let mut watch = Watch::new(Line { detour: (1_000.0, 0.020), ..Line::new(9, 0.0) });
    watch.watch(0, 1_200, 0.5);
    let latency = &mut watch.detectors[3].1;
    assert_eq!((latency.raise(), latency.clear()), (Eval::True, Eval::False));
    let shown = latency.evidence();
    assert!(shown[0].1.starts_with("28") && shown[1].1.starts_with("8."), "{shown:?}");
    latency.forget();
    assert_eq!((latency.raise(), latency.clear()), (Eval::Unknown, Eval::True));
    watch.watch(1_200, 3_000, 0.5);
    let latency = &watch.detectors[3].1;
    assert_eq!((latency.raise(), latency.clear()), (Eval::False, Eval::True));
    assert!(latency.evidence()[1].1.starts_with("28"), "{:?}", latency.evidence());
}

#[test]
fn latency_accepts_a_step_that_nothing_explains_after_a_day_and_keeps_what_it_knows_over_a_restart() {
    let play = |latency: &mut Box<dyn Detector>, minutes: std::ops::Range<u32>, rtt: f64| {
        for n in minutes {
            let now = mono(f64::from(n) * 60.0);
            let (purpose, outcome, tally) = (Purpose::Measure, Outcome::Ok, Tally::default());
            let measured = Measured::One(rtt + f64::from(n % 7) * 1e-5);
            latency.take(&Heard {
                now,
                began: now,
                purpose,
                outcome,
                tally,
                runs: [1, 0],
                measured,
                planned: false,
                why: None,
            });
        }
        (latency.raise(), latency.clear())
    };
    let day = 24 * 60;
    let fresh = || settings("latency", &[("of", 15.0)]);
    let mut latency = fresh();
    assert_eq!(play(&mut latency, 0..600, 0.008), (Eval::False, Eval::True));
    let learnt = latency.learnt().unwrap();
    assert!((learnt[0] - 0.008_03).abs() < 1e-5, "{learnt:?}");
    assert_eq!(play(&mut latency, 600..600 + day - 60, 0.028), (Eval::True, Eval::False), "almost a day");
    assert_eq!(play(&mut latency, 600 + day - 60..600 + day + 60, 0.028), (Eval::False, Eval::True));
    assert!(latency.evidence()[1].1.starts_with("28"), "{:?}", latency.evidence());
    assert_eq!(play(&mut latency, 3_000..3_100, 0.060), (Eval::True, Eval::False), "and goes on from there");

    // Started anew while the line is slow: what is usual is known from before.
    let mut again = fresh();
    again.remember(&learnt);
    assert_eq!((again.raise(), again.clear()), (Eval::False, Eval::Unknown));
    assert_eq!(play(&mut again, 0..60, 0.028), (Eval::True, Eval::False));
    let mut forgetful = fresh();
    assert_eq!(play(&mut forgetful, 0..600, 0.028), (Eval::False, Eval::True));
}

#[test]
fn a_jittery_line_is_told_from_one_with_a_stray_packet() {
    let play = |values: &dyn Fn(u32) -> f64| {
        let mut jitter = settings("jitter", &[]);
        for n in 0..100 {
            let at = mono(f64::from(n));
            let (purpose, outcome, tally) = (Purpose::Measure, Outcome::Ok, Tally::default());
            let measured = Measured::One(values(n));
            jitter.take(&Heard {
                now: at,
                began: at,
                purpose,
                outcome,
                tally,
                runs: [1, 0],
                measured,
                planned: false,
                why: None,
            });
        }
        (jitter.raise(), jitter.clear())
    };
    assert_eq!(play(&|_| 0.010), (Eval::False, Eval::True));
    assert_eq!(play(&|n| if n % 20 == 0 { 0.5 } else { 0.010 }), (Eval::False, Eval::True));
    assert_eq!(play(&|n| 0.010 + 0.040 * f64::from(n % 2)), (Eval::True, Eval::False));
    assert_eq!(play(&|n| 0.010 + 0.025 * f64::from(n % 2)), (Eval::False, Eval::False), "between the two");
}

#[test]
fn the_sla_burns_by_both_times_or_not_at_all() {
    let mut burn = settings("burn", &[("target", 0.999)]);
    let mut minute = 0u32;
    let mut pass = |minutes: u32, failed: u32, planned: bool| {
        for _ in 0..minutes {
            let (at, purpose, outcome) = (mono(f64::from(minute) * 60.0), Purpose::Measure, Outcome::Ok);
            let runs = [60 - failed, failed];
            let (tally, measured) = (Tally::default(), Measured::Nothing);
            burn.take(&Heard { now: at, began: at, purpose, outcome, tally, runs, measured, planned, why: None });
            minute += 1;
        }
        (burn.raise(), burn.clear())
    };
    assert_eq!(pass(1, 20, false), (Eval::False, Eval::Unknown), "a bad first minute is no ruined month");
    assert_eq!(pass(400, 0, false), (Eval::False, Eval::True));
    assert_eq!(pass(1, 3, false), (Eval::False, Eval::True), "three lost runs are nothing");
    assert_eq!(pass(60, 2, false), (Eval::True, Eval::False), "33 times what is allowed");
    assert_eq!(pass(40, 0, false), (Eval::False, Eval::True), "it has ended");
    assert_eq!(pass(400, 0, false), (Eval::False, Eval::True));
    assert_eq!(pass(60, 60, true), (Eval::False, Eval::True), "an hour of planned work is not held against it");
    assert_eq!(pass(1, 20, false), (Eval::False, Eval::False), "twenty lost runs are twenty of that hour");
    assert_eq!(pass(1, 60, false), (Eval::True, Eval::False), "and eighty are too many");
}

#[test]
fn every_detector_that_is_declared_can_be_made_and_its_settings_are_in_bounds() {
    let made: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(made, DETECTORS.iter().map(|spec| spec.name).collect::<Vec<_>>());
    for spec in DETECTORS {
        settings(spec.name, &[]);
        for setting in spec.settings {
            let (least, most) = setting.bounds;
            assert!((least..=most).contains(&setting.default), "{} {}", spec.name, setting.name);
        }
    }
}
