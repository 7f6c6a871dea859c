//! Rules that a detector judges, and the agent that sees nothing at all.

use super::*;
use crate::model::detector::DetectorUse;

const L: &str = "link:l";

fn detects(id: &str, name: &str, objects: &[&str], clear_for_ms: u64) -> PlanRule {
    let used = DetectorUse { name: name.into(), field: None, explained_by: None };
    PlanRule { detector: Some(used), clear_for_ms, ..rule(id, "icmp", objects, "") }
}

impl Play {
    /// A run, or a burst that follows one that began at `began`.
    fn told(&mut self, t: f64, began: f64, object: &str, purpose: Purpose, ok: bool) {
        let lost = u32::from(!ok);
        let tally = match purpose {
            Purpose::Measure => Tally { sent: 1, lost, ..Tally::default() },
            Purpose::Confirm => Tally { sent: 5, lost: 5 * lost, ..Tally::default() },
        };
        let rtt = if ok { Value::many(vec![0.01]) } else { Value::Null };
        let values = vec![rtt, Value::F64(f64::from(lost))];
        let row = Row { table: 0, object: object.parse().unwrap(), instance: "".into(), values };
        let seen = Observation {
            instance: "".into(),
            purpose,
            schema: self.schema.clone(),
            agent: "tower".parse().unwrap(),
            probe: self.probe.parse().unwrap(),
            object: object.parse().unwrap(),
            at: now(began).wall,
            took: Duration::from_secs_f64(t - began),
            outcome: if ok { Outcome::Ok } else { Outcome::Failed },
            cause: (!ok).then_some(Cause::Timeout),
            detail: None,
            tally,
            rows: vec![row],
        };
        let effects = self.rules.observe(&seen, now(t));
        self.take(t, effects);
    }

    /// A run of each at `t`, answered after 10 ms.
    fn answered(&mut self, t: f64, objects: &[&str]) {
        objects.iter().for_each(|object| self.told(t + 0.01, t, object, Purpose::Measure, true));
    }

    /// A run at `t` that nobody answers, told by its burst and then by itself.
    fn silent(&mut self, t: f64, object: &str) {
        self.told(t + 0.75, t, object, Purpose::Confirm, false);
        self.told(t + 1.15, t, object, Purpose::Measure, false);
    }
}

#[test]
fn a_burst_that_finds_nobody_raises_at_once_and_any_answer_clears_after_the_hold() {
    let mut play = Play::new(&[detects("link-down", "reach", &[L], 10_000)], &[task("ping", "icmp", L, 1)]);
    play.answered(0.0, &[L]);
    play.silent(1.0, L);
    assert_eq!(play.log(), ["1.8 + link-down|link:l| x1"]);
    let evidence = &play.last[0].evidence;
    assert_eq!(evidence[0], ("down".to_owned(), "address".to_owned()));
    assert!(evidence.contains(&("unanswered".to_owned(), "6".to_owned())), "{evidence:?}");
    for t in 2..5 {
        play.told(f64::from(t) + 1.15, f64::from(t), L, Purpose::Measure, false);
    }
    (6..30).for_each(|t| {
        play.answered(f64::from(t), &[L]);
        (0..10).for_each(|tenth| play.tick(f64::from(t) + f64::from(tenth) / 10.0));
    });
    assert_eq!(play.log(), ["16.1 - link-down|link:l| x1"]);
}

/// A line with one packet in two hundred lost would otherwise be down for half a minute after each cut.
#[test]
fn a_packet_that_is_lost_while_the_line_recovers_does_not_begin_the_hold_anew() {
    let mut play = Play::new(&[detects("link-down", "reach", &[L], 10_000)], &[task("ping", "icmp", L, 1)]);
    play.answered(0.0, &[L]);
    play.silent(1.0, L);
    (6..20).for_each(|t| {
        let at = f64::from(t);
        if t == 12 {
            play.told(at + 0.65, at, L, Purpose::Confirm, true);
            play.tick(at + 0.7);
            play.told(at + 1.15, at, L, Purpose::Measure, false);
        } else {
            play.answered(at, &[L]);
        }
        (1..10).for_each(|tenth| play.tick(at + f64::from(tenth) / 10.0));
    });
    assert_eq!(play.log(), ["1.8 + link-down|link:l| x1", "16.1 - link-down|link:l| x1"]);
}

#[test]
fn a_line_that_comes_and_goes_is_one_alert_that_flaps() {
    let mut play = Play::new(&[detects("link-down", "reach", &[L], 10_000)], &[task("ping", "icmp", L, 1)]);
    let (mut records, mut flapping) = (0, None);
    for t in 0..600u32 {
        let at = f64::from(t);
        play.tick(at + 0.18); // the run before was told at 0.15
        match (t / 20 % 2 == 1, t % 20) {
            (true, 0) => play.silent(at, L),
            (true, _) => play.told(at + 1.15, at, L, Purpose::Measure, false),
            (false, _) => play.answered(at + 0.2, &[L]),
        }
        let log = play.log();
        records += log.len();
        if flapping.is_none() && log.iter().any(|line| line.contains("flapping")) {
            flapping = Some(at);
        }
    }
    assert!(flapping.is_some_and(|at| at < 240.0), "{flapping:?}");
    assert!(records <= 8, "{records}");
    assert_eq!(play.rules.roster().len(), 1, "it counts as firing while it flaps");
    for t in 600..1_000u32 {
        play.answered(f64::from(t), &[L]);
        play.tick(f64::from(t) + 0.5);
    }
    assert_eq!(play.rules.roster().len(), 0);
    assert_eq!(play.log().len(), 1, "and it ends once");
}

const FOUR: [&str; 4] = ["link:a", "link:b", "link:c", "link:d"];

fn four() -> Play {
    let tasks = FOUR.map(|object| task("ping", "icmp", object, 1));
    Play::new(&[detects("link-down", "reach", &FOUR, 10_000)], &tasks)
}

#[test]
fn one_of_four_that_falls_silent_is_raised_when_another_was_heard_since() {
    let mut play = four();
    play.answered(0.0, &FOUR);
    play.answered(1.3, &FOUR[1..]);
    play.silent(1.0, FOUR[0]);
    assert_eq!(play.log(), ["1.8 + link-down|link:a| x1"]);
}

#[test]
fn one_of_four_while_nobody_is_heard_asks_others_and_is_raised_with_their_answer() {
    let mut play = four();
    play.answered(0.0, &FOUR);
    play.told(1.75, 1.0, FOUR[0], Purpose::Confirm, false);
    assert_eq!(play.log(), ["1.8 probe link:b x1", "1.8 probe link:c x1", "1.8 probe link:d x1"]);
    play.answered(1.76, &FOUR[2..3]);
    assert_eq!(play.log(), ["1.8 + link-down|link:a| x1"]);
}

#[test]
fn an_agent_that_sees_nothing_says_so_of_itself_and_of_nobody_else() {
    let mut play = four();
    play.answered(0.0, &FOUR);
    for (t, object) in [1.0, 1.2, 1.5, 1.8].into_iter().zip(FOUR) {
        play.told(t + 0.75, t, object, Purpose::Confirm, false);
    }
    for round in 0..30u32 {
        for (t, object) in [1.0, 1.2, 1.5, 1.8].into_iter().zip(FOUR) {
            let began = t + f64::from(round);
            play.told(began + 1.15, began, object, Purpose::Measure, false);
        }
        play.tick(f64::from(round) + 3.0);
    }
    let raised: Vec<String> = play.log().into_iter().filter(|line| !line.contains("probe link")).collect();
    assert_eq!(raised, ["4.0 + probe-fault|agent:tower| x1"], "{raised:?}");
    assert_eq!(play.last.last().unwrap().evidence, [("silent_targets".to_owned(), "4".to_owned())]);
    assert_eq!(play.rules.roster().len(), 1);
    assert_eq!(play.rules.firing(now(31.0)).len(), 1);

    // It sees again: only what falls silent anew counts.
    play.answered(40.0, &FOUR[1..]);
    assert_eq!(play.log(), ["40.0 - probe-fault|agent:tower| x1"]);
    for t in 41..46 {
        play.answered(f64::from(t), &FOUR[1..]);
        play.told(f64::from(t) + 1.15, f64::from(t), FOUR[0], Purpose::Measure, false);
    }
    assert_eq!(play.log(), ["46.1 + link-down|link:a| x1"], "five in a row: it is down indeed");
}

/// A rule about latency, and another one whose problem explains what it finds.
fn slow_and_path() -> ([PlanRule; 2], [Task; 2]) {
    let mut slow = detects("link-slow", "latency", &[L], 0);
    slow.detector = Some(DetectorUse {
        name: "latency".into(),
        field: Some("rtt_seconds".into()),
        explained_by: Some("path-changed".parse().unwrap()),
    });
    let path = PlanRule { source: RuleSource::Kind("tcp".into()), ..rule("path-changed", "tcp", &[L], "fails >= 1") };
    ([slow, path], [task("ping", "icmp", L, 1), task("trace", "tcp", L, 60)])
}

/// A run at `t` that took so long.
fn run(play: &mut Play, t: u32, rtt: f64) {
    let values = vec![Value::many(vec![rtt]), Value::F64(0.0)];
    let row = Row { table: 0, object: L.parse().unwrap(), instance: "".into(), values };
    play.seen(f64::from(t), L, Outcome::Ok, vec![row]);
}

#[test]
fn what_is_usual_is_known_after_a_restart_unless_something_has_made_it_void() {
    let (rules, tasks) = slow_and_path();
    let mut play = Play::new(&rules, &tasks);
    (0..600).for_each(|t| run(&mut play, t, 0.008));
    assert_eq!(play.saved.keys().collect::<Vec<_>>(), ["~learnt|link-slow|ping|link:l|"]);
    let kept: Vec<Saved> = play.saved.values().cloned().collect();
    let mut again = Play::restored(&rules, &tasks, kept.clone(), 700.0);
    (700..800).for_each(|t| run(&mut again, t, 0.028));
    assert!(again.log.len() == 1 && again.log[0].contains("+ link-slow|link:l|"), "{:?}", again.log);
    // The path changed: a restart soon after it must not find the old baseline.
    again.switch("trace", "tcp");
    again.seen(800.0, L, Outcome::Failed, vec![]);
    assert!(!again.saved.contains_key("~learnt|link-slow|ping|link:l|"), "{:?}", again.saved.keys());
    // A rule or task that is gone leaves nothing behind.
    let gone = Play::restored(&[], &tasks, kept, 900.0);
    assert_eq!(gone.saved.len(), 0);
}

#[test]
fn a_change_that_explains_it_ends_an_alarm_about_latency() {
    let (rules, tasks) = slow_and_path();
    let mut play = Play::new(&rules, &tasks);
    (0..600).for_each(|t| run(&mut play, t, 0.008));
    (600..800).for_each(|t| run(&mut play, t, 0.028));
    let log = play.log();
    assert!(log.len() == 1 && log[0].contains("+ link-slow|link:l|"), "{log:?}");
    play.switch("trace", "tcp");
    play.seen(800.0, L, Outcome::Failed, vec![]);
    play.switch("ping", "icmp");
    run(&mut play, 801, 0.028);
    let log = play.log();
    assert!(log.iter().any(|line| line.contains("+ path-changed|")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("- link-slow|link:l|")), "{log:?}");
    (802..1_600).for_each(|t| run(&mut play, t, 0.028));
    assert_eq!(play.log(), Vec::<String>::new(), "the longer way is the usual one now");
}

#[test]
fn a_new_plan_keeps_what_a_detector_has_learnt_unless_its_settings_changed() {
    let mut loss = detects("link-loss", "loss", &[L], 0);
    let tasks = [task("ping", "icmp", L, 1)];
    let mut play = Play::new(std::slice::from_ref(&loss), &tasks);
    let lose =
        |play: &mut Play, t: u32, lost: bool| play.told(f64::from(t) + 0.9, f64::from(t), L, Purpose::Measure, !lost);
    (0..10).for_each(|t| lose(&mut play, t, t % 2 == 1));
    let (effects, problems) = play.rules.reload(std::slice::from_ref(&loss), &[], &tasks, now(10.0));
    assert!(effects.is_empty() && problems.is_empty(), "{problems:?}");
    lose(&mut play, 11, true);
    lose(&mut play, 12, false);
    assert_eq!(play.log(), ["12.9 + link-loss|link:l| x1"], "the sixth of eleven");
    loss.cases[0].params.insert("lost".to_owned(), 8.0);
    play.rules.reload(&[loss], &[], &tasks, now(13.0));
    lose(&mut play, 14, false);
    assert_eq!(play.log(), Vec::<String>::new(), "it fires on until its window is full and says otherwise");
}

#[test]
fn a_detector_nobody_knows_is_named_and_left_out() {
    let strange = detects("x", "clairvoyance", &[A], 0);
    let (rules, problems) = Rules::new(&[strange], &[], &[], CATALOG, Vec::new(), now(0.0));
    assert_eq!(problems, ["rule x: this build knows no detector `clairvoyance`"]);
    assert_eq!(rules.roster().len(), 0);
}
