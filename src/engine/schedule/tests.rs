//! The grid, its overruns and pauses, extra runs, and what holds for any of it.

use super::*;
use crate::model::plan::{Settings, Target};
use proptest::prelude::*;

fn ms(ms: u64) -> Mono {
    Mono::from_origin(Duration::from_millis(ms))
}

fn task(id: &str, interval_ms: u64, timeout_ms: u64) -> Arc<Task> {
    Arc::new(Task {
        instance: "".into(),
        id: id.into(),
        probe: "p".parse().unwrap(),
        kind: "icmp".into(),
        object: format!("asset:{}", id.split('|').next().unwrap()).parse().unwrap(),
        target: Target::default(),
        settings: Settings::default(),
        interval_ms,
        timeout_ms,
        keep_ms: 10_000,
        secret: None,
        calendar: None,
    })
}

/// Runs the schedule in steps and lists (time, what) of everything due; runs end at once if `end`.
fn play(s: &mut Schedule, times: impl IntoIterator<Item = u64>, end: bool) -> Vec<(u64, String)> {
    let mut log = Vec::new();
    for t in times {
        for due in s.due(ms(t)) {
            let what = match due.action {
                Action::Run => "run".to_owned(),
                Action::Skip(cause) => format!("{} x{}", cause.as_str(), due.slots),
            };
            log.push((t, what));
            if end && due.action == Action::Run {
                s.finished(&due.task.id);
            }
        }
    }
    log
}

#[test]
fn runs_stay_on_their_grid_however_late_each_is_looked_at() {
    let mut s = Schedule::new(1);
    s.set(&[task("a", 1_000, 900)], ms(0));
    let mut planned = Vec::new();
    for step in 0..50u64 {
        let at = s.next_wake(ms(0)).unwrap().plus(Duration::from_millis(step * 7 % 40));
        for due in s.due(at) {
            planned.push(due.planned.since_origin().as_nanos());
            assert_eq!(due.deadline, due.planned.plus(Duration::from_millis(900)));
            s.finished(&due.task.id);
        }
    }
    assert_eq!(planned.len(), 50);
    assert!(planned.windows(2).all(|w| w[1] - w[0] == 1_000_000_000), "{planned:?}");
}

#[test]
fn a_run_that_has_not_ended_makes_an_overrun_not_a_second_run() {
    let mut s = Schedule::new(1);
    s.set(&[task("a", 1_000, 900)], ms(0));
    let t0 = s.next_wake(ms(0)).unwrap().since_origin().as_millis() as u64 + 1;
    let log = play(&mut s, [t0, t0 + 1_000, t0 + 2_000], false);
    assert_eq!(log, [(t0, "run".into()), (t0 + 1_000, "overrun x1".into()), (t0 + 2_000, "overrun x1".into())]);
    s.finished("a");
    assert_eq!(play(&mut s, [t0 + 3_000], false), [(t0 + 3_000, "run".into())]);
    assert_eq!(s.counts().overrun, 2);
}

#[test]
fn after_a_long_pause_each_task_is_heard_of_once() {
    let mut s = Schedule::new(1);
    let tasks: Vec<_> = (0..100).map(|i| task(&format!("t{i}"), 1_000, 900)).collect();
    s.set(&tasks, ms(0));
    play(&mut s, (0..2_000).step_by(50), true);
    let after = play(&mut s, [3_600_000], true);
    assert_eq!(after.len(), 100);
    assert!(after.iter().all(|(_, what)| what.starts_with("late x359")), "{after:?}");
    let next = play(&mut s, (3_600_050..=3_601_000).step_by(50), true);
    assert_eq!(next.len(), 100);
    assert!(next.iter().all(|(_, what)| what == "run"));
}

#[test]
fn a_slow_task_that_wakes_within_its_interval_runs_with_its_full_time() {
    let mut s = Schedule::new(1);
    s.set(&[task("a", 60_000, 5_000)], ms(0));
    let planned = s.next_wake(ms(0)).unwrap();
    let now = planned.plus(Duration::from_secs(30));
    let due = s.due(now);
    assert_eq!(due[0].action, Action::Run);
    assert_eq!(due[0].deadline, now.plus(Duration::from_secs(5)));
}

#[test]
fn a_new_plan_keeps_the_places_of_what_did_not_change() {
    let (a, b) = (task("a", 5_000, 900), task("b", 5_000, 900));
    let mut s = Schedule::new(7);
    s.set(std::slice::from_ref(&a), ms(0));
    let first = s.next_wake(ms(0)).unwrap();
    s.due(first);
    let next = s.next_wake(first).unwrap();
    s.set(&[b.clone(), a.clone()], ms(100));
    s.due(next.minus(Duration::from_millis(1)));
    let due = s.due(next);
    assert!(due.iter().any(|d| d.task.id == a.id && d.planned == next && d.action == Action::Skip(Cause::Overrun)));
    // Removed and added again while its run is still under way: still running.
    s.set(std::slice::from_ref(&b), ms(200));
    s.set(&[a.clone(), b], ms(300));
    let wake = s.slots[s.by_id["a"]].next;
    assert!(s.due(wake).iter().any(|d| d.task.id == a.id && d.action == Action::Skip(Cause::Overrun)));
}

#[test]
fn a_new_slow_task_is_first_run_within_ten_seconds_and_then_on_its_grid() {
    let tasks: Vec<_> = (0..200).map(|i| task(&format!("t{i}"), 300_000, 5_000)).collect();
    let mut s = Schedule::new(3);
    s.set(&tasks, ms(1_000_000));
    let early = play(&mut s, (1_000_000..1_016_000).step_by(100), true);
    assert!(early.len() > 190, "{}", early.len());
    let planned: Vec<_> = s.slots.iter().map(|slot| (slot.next.since_origin() - slot.phase).as_nanos()).collect();
    assert!(planned.iter().all(|p| p % 300_000_000_000 == 0));
}

#[test]
fn extra_runs_are_limited_an_object_and_never_overlap_a_run() {
    let mut s = Schedule::new(1);
    s.set(&[task("a", 3_600_000, 900), task("b", 3_600_000, 900)], ms(0));
    play(&mut s, (0..12_000).step_by(100), true);
    let a: Object = "asset:a".parse().unwrap();
    assert_eq!(s.probe_now(&a, None, 3, Duration::from_secs(1), ms(20_000)), 3);
    assert_eq!(s.probe_now(&a, None, 3, Duration::from_secs(1), ms(20_000)), 2);
    assert_eq!(s.probe_now(&a, None, 3, Duration::from_secs(1), ms(20_000)), 0);
    assert_eq!(s.probe_now(&"asset:zzz".parse().unwrap(), None, 3, Duration::from_secs(1), ms(20_000)), 0);
    let log = play(&mut s, (20_000..30_000).step_by(100), true);
    assert_eq!(log.len(), 3, "two fell on a run under way");
    assert_eq!(s.counts().refused, 1 + 3 + 2);
    assert_eq!(s.probe_now(&a, None, 9, Duration::from_secs(1), ms(44_000)), 4, "one token every six seconds");
    // While one is under way the next is dropped.
    assert_eq!(play(&mut s, [44_000, 45_000, 46_000], false).len(), 1);
    let port: Object = "interface:b/eth0".parse().unwrap();
    assert_eq!(
        s.probe_now(&port, None, 1, Duration::from_secs(1), ms(50_000)),
        1,
        "an interface is seen by its asset's tasks"
    );
}

#[test]
fn extra_runs_of_a_kind_leave_the_other_tasks_of_the_object_alone() {
    let mut s = Schedule::new(1);
    let slow = Arc::new(Task { kind: "device".into(), ..Task::clone(&task("a|slow", 3_600_000, 900)) });
    s.set(&[task("a", 3_600_000, 900), slow], ms(0));
    play(&mut s, (0..12_000).step_by(100), true);
    let a: Object = "asset:a".parse().unwrap();
    assert_eq!(s.probe_now(&a, Some("device"), 1, Duration::ZERO, ms(20_000)), 1);
    let due = s.due(ms(20_000));
    assert_eq!(due.iter().map(|due| &*due.task.id).collect::<Vec<_>>(), ["a|slow"]);
    assert_eq!(s.probe_now(&a, Some("snmp"), 1, Duration::ZERO, ms(20_000)), 0, "there is none");
}

#[test]
fn ten_thousand_tasks_spread_over_their_interval() {
    let tasks: Vec<_> = (0..10_000).map(|i| task(&format!("probe|asset:a{i}|"), 1_000, 900)).collect();
    let mut s = Schedule::new(0);
    s.set(&tasks, ms(0));
    let mut most = 0;
    for t in (0..1_000).step_by(10) {
        let due = s.due(ms(t));
        most = most.max(due.len());
        due.iter().for_each(|d| s.finished(&d.task.id));
    }
    assert!(most < 200, "{most} in ten milliseconds, a hundred would be even");
}

proptest! {
    #[test]
    fn no_task_runs_twice_in_one_slot_and_none_is_forgotten(
        steps in prop::collection::vec((0u64..3_000, any::<bool>()), 1..200),
        intervals in prop::collection::vec(100u64..5_000, 1..6),
    ) {
        let tasks: Vec<_> = intervals.iter().enumerate().map(|(i, ms)| task(&format!("t{i}"), *ms, ms / 2)).collect();
        let mut s = Schedule::new(9);
        s.set(&tasks, ms(0));
        let mut now = 0;
        let mut seen: HashMap<(Arc<str>, u128), u32> = HashMap::new();
        let mut running: HashSet<Arc<str>> = HashSet::new();
        for (step, end) in steps {
            now += step;
            for due in s.due(ms(now)) {
                prop_assert!(due.planned <= ms(now));
                let slot = &s.slots[s.by_id[&due.task.id]];
                let cell = (due.planned.since_origin() + slot.interval - slot.phase).as_nanos() / slot.interval.as_nanos();
                if due.action == Action::Run {
                    let n = seen.entry((due.task.id.clone(), cell)).or_default();
                    *n += 1;
                    prop_assert_eq!(*n, 1);
                    prop_assert!(running.insert(due.task.id.clone()));
                }
            }
            prop_assert!(s.slots.iter().all(|slot| slot.next > ms(now)));
            prop_assert_eq!(s.heap.len(), tasks.len());
            if end {
                running.drain().for_each(|id| s.finished(&id));
            }
        }
    }
}
