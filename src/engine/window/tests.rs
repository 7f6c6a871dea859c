//! What windows tell, and what they cost.

use super::*;
use proptest::prelude::*;

fn all() -> Asked {
    Asked::of(&Stat::ALL)
}

/// Entries that it holds.
fn held(ring: &Ring) -> usize {
    match &ring.kept {
        Kept::Each(each) => each.entries.len(),
        Kept::Parts(buckets) => buckets.len(),
    }
}

fn s(seconds: f64) -> Mono {
    Mono::from_origin(Duration::from_secs_f64(seconds))
}

#[test]
fn each_statistic_sees_the_span_and_nothing_older() {
    let mut ring = Ring::new(Duration::from_secs(10), all());
    for t in 0..30 {
        ring.push(s(f64::from(t)), f64::from(t));
    }
    // (now, stat, expected); at 29 the window holds 20..=29
    let table = [
        (29.0, Stat::Mean, Some(24.5)),
        (29.0, Stat::Min, Some(20.0)),
        (29.0, Stat::Max, Some(29.0)),
        (29.0, Stat::P50, Some(24.0)),
        (29.0, Stat::P95, Some(29.0)),
        (29.0, Stat::Count, Some(10.0)),
        (29.0, Stat::Delta, Some(9.0)),
        (35.0, Stat::Min, Some(26.0)),
        (60.0, Stat::Mean, None),
        (60.0, Stat::Count, Some(0.0)),
    ];
    for (now, stat, expected) in table {
        assert_eq!(ring.stat(stat, s(now)), expected, "{stat:?} at {now}");
    }
}

#[test]
fn a_window_just_begun_counts_from_its_first_measurement() {
    let mut ring = Ring::new(Duration::from_secs(60), Asked::of(&[Stat::Mean]));
    ring.push(s(0.0), 1.0);
    assert_eq!(ring.stat(Stat::Mean, s(0.0)), Some(1.0));
}

proptest! {
    #[test]
    fn a_ring_stays_bounded_and_close_to_the_truth(
        values in prop::collection::vec((1u64..2_000, 0.001f64..1.0), 1..2_000),
    ) {
        let span = Duration::from_secs(300);
        let mut ring = Ring::new(span, all());
        let mut all = Vec::new();
        let mut now = 0;
        for (step, v) in values {
            now += step;
            let at = Mono::from_origin(Duration::from_millis(now));
            ring.push(at, v);
            all.push((now, v));
            prop_assert!(held(&ring) <= MAX_ENTRIES);
        }
        let at = Mono::from_origin(Duration::from_millis(now));
        let edge = |slack: u64| all.iter().filter(|(t, _)| t + 300_000 > now + slack).count() as f64;
        let count = ring.stat(Stat::Count, at).unwrap();
        prop_assert!(count <= edge(0) && count >= edge(1_300), "{} {} {}", count, edge(0), edge(1_300));
        prop_assert_eq!(ring.stat(Stat::Count, at.plus(span)), Some(0.0));
    }

    #[test]
    fn parts_of_a_long_window_forget_nothing_younger_and_little_that_is_older(
        values in prop::collection::vec((1u64..5_000, -30.0f64..5.0), 1..600),
        later in 0u64..100_000,
    ) {
        let span = Duration::from_secs(86_400);
        let ring = |stats: &[Stat]| Ring::new(span, Asked::of(stats));
        let (mut max, mut min) = (ring(&[Stat::Max]), ring(&[Stat::Min]));
        let mut sums = ring(&[Stat::Mean, Stat::Min, Stat::Max, Stat::Count]);
        let (mut now, mut seen) = (0, Vec::new());
        let second = |at: u64| Mono::from_origin(Duration::from_secs(at));
        for (step, v) in values {
            now += step;
            seen.push((now, v));
            max.push(second(now), v);
            min.push(second(now), v);
            sums.push_summary(second(now), &Summary::one(v));
            prop_assert!([&max, &min, &sums].into_iter().all(|ring| held(ring) <= buckets::MAX));
        }
        now += later;
        // Of a day what is younger counts, what is an hour older does not; in between it may.
        let within = |most: u64| seen.iter().filter(move |(at, _)| at + most > now).map(|(_, v)| *v);
        let (sure, most): (Vec<f64>, Vec<f64>) = (within(86_400).collect(), within(90_000).collect());
        let of = |stat| sums.stat(stat, second(now));
        let greatest = |all: &[f64]| all.iter().copied().reduce(f64::max);
        let least = |all: &[f64]| all.iter().copied().reduce(f64::min);
        prop_assert_eq!(max.stat(Stat::Max, second(now)), of(Stat::Max));
        prop_assert_eq!(min.stat(Stat::Min, second(now)), of(Stat::Min));
        prop_assert!(greatest(&sure) <= of(Stat::Max) && of(Stat::Max) <= greatest(&most));
        prop_assert!(of(Stat::Min).is_some() || sure.is_empty());
        prop_assert!(least(&sure).is_none_or(|v| of(Stat::Min).is_some_and(|got| got <= v)));
        prop_assert!(least(&most).is_none_or(|v| of(Stat::Min).is_none_or(|got| got >= v)));
        let count = of(Stat::Count).unwrap() as usize;
        prop_assert!((sure.len()..=most.len()).contains(&count));
        // What counts is the newest of them, so the mean is exactly theirs.
        let counted: Vec<f64> = most.iter().rev().take(count).copied().collect();
        let mean = counted.iter().sum::<f64>() / count as f64;
        prop_assert!(of(Stat::Mean).map_or(count == 0, |got| (got - mean).abs() < 1e-9));
    }
}

#[test]
fn a_day_of_an_optical_module_costs_a_few_hundred_bytes() {
    let span = Duration::from_secs(86_400);
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % 400) as f64 / 100.0 - 10.0
    };
    // What is read every ten minutes, and every minute.
    for (name, every, each) in [("device", 600, 144 * 24), ("snmp", 60, 320 * 24)] {
        let mut max = Ring::new(span, Asked::of(&[Stat::Max]));
        let mut sums = Ring::new(span, Asked::of(&[Stat::Mean, Stat::Max]));
        let mut exact = Ring::new(span, Asked::of(&[Stat::Max, Stat::Delta]));
        let (mut most, mut sum, mut times) = (0, 0, 0);
        for at in (0..3 * 86_400).step_by(every) {
            let (at, v) = (Mono::from_origin(Duration::from_secs(at)), noise());
            [&mut max, &mut sums, &mut exact].into_iter().for_each(|ring| ring.push(at, v));
            (most, sum, times) = (most.max(max.bytes()), sum + max.bytes(), times + 1);
        }
        let mean = sum / times;
        println!("{name}: each {} B, greatest {mean} B ({most} at most), sums {} B", exact.bytes(), sums.bytes());
        assert!(exact.bytes() >= each && most <= 416 && mean <= 200 && sums.bytes() <= 832);
    }
    // Light that only fades keeps a part of each hour: the worst there is.
    let mut max = Ring::new(span, Asked::of(&[Stat::Max]));
    for at in (0..3 * 86_400).step_by(60) {
        max.push(Mono::from_origin(Duration::from_secs(at)), -(at as f64));
    }
    assert!(max.bytes() <= 416, "{}", max.bytes());
}

#[test]
fn a_window_is_kept_in_parts_if_it_is_long_and_what_is_asked_can_be_made_of_parts() {
    let hour = Duration::from_secs(3600);
    let parts = |span, stats: &[Stat]| matches!(Ring::new(span, Asked::of(stats)).kept, Kept::Parts(_));
    assert!(parts(hour, &[Stat::Max]) && parts(hour, &[Stat::Mean, Stat::Count]));
    assert!(!parts(hour, &[Stat::Max, Stat::P95]) && !parts(hour, &[Stat::Delta]) && !parts(hour, &[]));
    assert!(!parts(hour / 2, &[Stat::Max]), "short windows are as exact as they were");
    let day = |stats: &[Stat]| Ring::new(24 * hour, Asked::of(stats));
    assert!(day(&[Stat::Mean]).is_like(&day(&[Stat::Count])));
    assert!(!day(&[Stat::Max]).is_like(&day(&[Stat::Min])) && !day(&[Stat::Max]).is_like(&day(&[Stat::Delta])));
}
