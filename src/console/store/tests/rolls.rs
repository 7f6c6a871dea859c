//! Roll-ups: they hold what the samples held, whenever those came, and availability is counted from them.

use super::*;
use crate::console::store::roll::{roll_up, thin};
use crate::console::store::series::close_hours;
use crate::engine::availability::Party;

const HOUR: Duration = Duration::from_secs(3_600);

/// Runs of one window of ten seconds on the link, at 1 s each.
fn window(from: Wall, failed: u32, rtt: f64) -> Record {
    said(("ping", "icmp"), from, failed, rtt)
}

/// The same by a probe of some kind.
fn said((probe, kind): (&str, &str), from: Wall, failed: u32, rtt: f64) -> Record {
    let row = SampleRow {
        object: object("link:l"),
        instance: Arc::from(""),
        runs: [10 - failed, 0, failed, 0],
        packets: [10, failed, 0, 0, 0],
        causes: BTreeMap::new(),
        fields: BTreeMap::from([
            ("rtt_seconds".to_owned(), SummaryBody(Summary::many(&[rtt, rtt * 2.0, rtt * 3.0]).unwrap())),
            ("variation_seconds".to_owned(), SummaryBody(Summary::many(&[0.004; 3]).unwrap())),
        ]),
    };
    Record::Samples(Samples {
        probe: probe.parse().unwrap(),
        kind: Arc::from(kind),
        from,
        to: from.plus(Duration::from_secs(10)),
        rows: vec![row],
    })
}

/// A world whose clock is at `end`, with a window each ten seconds from `begin` on; `failed` says how many runs fail.
async fn measured(dir: &Path, begin: &str, hours: u64, failed: impl Fn(u64) -> u32) -> (World, Wall) {
    let begin = Wall::parse(begin).unwrap();
    let world = World::open_at(dir, begin.plus(HOUR * u32::try_from(hours).unwrap())).await;
    let windows = hours * 360;
    for first in (0..windows).step_by(360) {
        let records = (first..first + 360)
            .map(|at| window(begin.plus(Duration::from_secs(at * 10)), failed(at), (at % 7 + 1) as f64 / 1_000.0));
        world.send(world.batch(Stream::Sample, first + 1, records.collect())).await.unwrap();
    }
    (world, begin)
}

fn key(field: &str) -> SeriesKey {
    SeriesKey { object: object("link:l"), field: field.to_owned(), instance: String::new(), agent: None, probe: None }
}

pub(super) async fn close(world: &World) {
    close_hours(&world.store, world.now().wall.plus(Duration::from_secs(1))).await.unwrap();
    roll_up(&world.store).await.unwrap();
}

async fn points(world: &World, from: Wall, to: Wall, most: usize) -> Vec<(u64, f64, f64, f64)> {
    let points = world.store.series(&Scope::All, key("rtt_seconds"), from, to, most).await.unwrap();
    points.iter().map(|p| (p.n, p.min, p.max, (p.mean * 1e9).round())).collect()
}

#[tokio::test]
async fn points_are_the_same_from_samples_and_from_roll_ups_of_any_width() {
    let dir = tempfile::tempdir().unwrap();
    // Three hours up to midnight and three after, over the end of a month.
    let (world, begin) = measured(dir.path(), "2026-03-31T21:00:00+08:00", 6, |_| 0).await;
    let end = begin.plus(HOUR * 6);
    let widths = [1_000, 72, 6, 3, 1];
    let mut before = Vec::new();
    for most in widths {
        before.push(points(&world, begin, end, most).await);
    }
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 72, 6, 3, 1]);
    close(&world).await;
    for (most, before) in widths.into_iter().zip(before) {
        assert_eq!(points(&world, begin, end, most).await, before, "{most}");
    }
    // Two days of a chart of two years.
    let years =
        world.store.series(&Scope::All, key("rtt_seconds"), begin.minus(HOUR * 24 * 700), end, 701).await.unwrap();
    assert_eq!(years.iter().map(|p| p.n).collect::<Vec<_>>(), [3_240, 3_240]);
    let q = years[0].quantiles.unwrap();
    assert!(q.p5 <= q.p25 && q.p25 <= q.p50 && q.p50 <= q.p75 && q.p95 <= q.p99 && q.p99 <= years[0].max);
    assert!((q.p50 / 0.007 - 1.0).abs() < 0.2, "{q:?}");
    for month in ["202603", "202604"] {
        assert!(dir.path().join(format!("series/roll-{month}.db")).exists(), "{month}");
    }
}

#[tokio::test]
async fn samples_that_come_late_are_rolled_up_again_and_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let (world, begin) = measured(dir.path(), "2026-03-03T10:00:00+08:00", 2, |_| 0).await;
    close(&world).await;
    let end = begin.plus(HOUR * 2);
    let late = window(begin.plus(Duration::from_secs(5)), 0, 1.0);
    world.send(world.batch(Stream::Sample, 721, vec![late])).await.unwrap();
    for _ in 0..2 {
        let whole = points(&world, begin, end, 1).await;
        assert_eq!((whole[0].0, whole[0].2), (721 * 3, 3.0));
        let hours = points(&world, begin, end, 2).await;
        assert_eq!(hours.iter().map(|p| p.0).collect::<Vec<_>>(), [361 * 3, 360 * 3]);
        close(&world).await;
    }
    // Doing it again changes nothing.
    close(&world).await;
    assert_eq!(points(&world, begin, end, 1).await[0].0, 721 * 3);
}

#[tokio::test]
async fn roll_ups_outlive_the_samples_and_lose_their_five_minutes_last() {
    let dir = tempfile::tempdir().unwrap();
    let (world, begin) = measured(dir.path(), "2026-03-03T10:00:00+08:00", 2, |_| 0).await;
    close(&world).await;
    let end = begin.plus(HOUR * 2);
    let fine = points(&world, begin, end, 24).await;
    world.forward(Duration::from_secs(40 * 86_400));
    crate::console::store::retention::daily(&world.store, world.now().wall).await.unwrap();
    assert!(!dir.path().join("series/raw-20260303.db").exists());
    assert_eq!(points(&world, begin, end, 24).await, fine);
    assert_eq!(points(&world, begin, end, 720).await, fine);
    thin(&world.store, 202_604).await.unwrap();
    let hours = points(&world, begin, end, 24).await;
    assert_eq!(hours.iter().map(|p| p.0).collect::<Vec<_>>(), [1_080, 1_080]);
}

#[tokio::test]
async fn availability_is_exact_and_says_who_was_responsible() {
    let dir = tempfile::tempdir().unwrap();
    // Down from 11:00 to 11:10, and a tenth of the runs from 11:50 to 12:00.
    let failed = |at: u64| match at {
        360..420 => 10,
        660..720 => 1,
        _ => 0,
    };
    let (world, begin) = measured(dir.path(), "2026-03-03T10:00:00+08:00", 3, failed).await;
    close(&world).await;
    let end = begin.plus(HOUR * 3);
    let found = world.store.availability(&Scope::All, key(""), begin, end, None).await.unwrap();
    let a = &found.availability;
    assert_eq!((a.good, a.bad, a.until), (10_800 - 660, 660, Some(end)));
    assert_eq!((found.sent, found.lost), (10_800, 660));
    assert_eq!(a.measured, HOUR * 3);
    assert_eq!(a.parties, [(Party::NoIncident, 660)].into());
    assert_eq!(found.probe.map(|p| p.to_string()).as_deref(), Some("ping"));
    assert!(found.rtt.is_some());
    let jitter = found.variation.map(|spread| spread.p95).unwrap_or_default();
    assert!((jitter / 0.004 - 1.0).abs() < 0.02, "{jitter}");
    // An incident over the first ten minutes, closed on the carrier.
    let raised = begin.plus(HOUR);
    world.send(world.batch(Stream::Event, 1, vec![alert("link:l", "link-down", true, raised)])).await.unwrap();
    let mut clear = alert("link:l", "link-down", false, raised.plus(Duration::from_secs(600)));
    if let Record::Alert(alert) = &mut clear {
        alert.since = raised;
    }
    world.send(world.batch(Stream::Event, 2, vec![clear])).await.unwrap();
    let id = world.incidents().await[0].id.to_string();
    let command = Command::Close {
        id,
        cause: crate::model::incident::CloseCause::FibreCut,
        party: "运营商甲".to_owned(),
        comment: String::new(),
    };
    world.store.command(&admin(), None, command).await.unwrap();
    let found = world.store.availability(&Scope::All, key(""), begin, end, None).await.unwrap();
    let named = Party::Named("运营商甲".to_owned());
    assert_eq!(found.availability.parties, [(named.clone(), 600), (Party::NoIncident, 60)].into());
    assert_eq!(found.availability.of(&named), Some(10_200.0 / 10_800.0));
    // Another scope sees nothing.
    let other = Scope::Regions(vec!["653000".parse().unwrap()]);
    assert_eq!(world.store.availability(&other, key(""), begin, end, None).await.unwrap().availability.raw(), None);
}

#[tokio::test]
async fn a_smoke_chart_has_what_was_lost_beside_what_was_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (world, begin) =
        measured(dir.path(), "2026-03-03T10:00:00+08:00", 1, |at| if at < 30 { 10 } else { 0 }).await;
    close(&world).await;
    let steps = world.store.smoke(&Scope::All, key("rtt_seconds"), begin, begin.plus(HOUR), 12).await.unwrap();
    assert_eq!(steps.len(), 12);
    assert_eq!((steps[0].sent, steps[0].lost, steps[0].answered, steps[0].failed), (300, 300, 0, 300));
    assert_eq!((steps[1].sent, steps[1].lost, steps[1].answered, steps[1].failed), (300, 0, 300, 0));
    assert_eq!((steps[1].from, steps[1].to.since(steps[1].from)), (begin.plus(HOUR / 12), HOUR / 12));
    assert_eq!(steps[1].values.unwrap().n, 90);
}

#[tokio::test]
async fn what_stamp_path_and_mtu_say_of_a_link_does_not_count_where_icmp_speaks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let (world, begin) = measured(dir.path(), "2026-03-03T10:00:00+08:00", 1, |_| 0).await;
    // Twice as many runs of each as of icmp, none of them answered.
    let others: Vec<Record> = [("reflect", "stamp"), ("way", "path"), ("widest", "mtu")]
        .into_iter()
        .flat_map(|by| (0..720).map(move |at| said(by, begin.plus(Duration::from_secs(at * 5)), 10, 1.0)))
        .collect();
    for (n, records) in others.chunks(360).enumerate() {
        world.send(world.batch(Stream::Sample, 361 + n as u64 * 360, records.to_vec())).await.unwrap();
    }
    let strip = world.store.strip(&"l".parse().unwrap());
    close(&world).await;
    let end = begin.plus(HOUR);
    let found = world.store.availability(&Scope::All, key(""), begin, end, None).await.unwrap();
    assert_eq!(found.probe.map(|p| p.to_string()).as_deref(), Some("ping"));
    assert_eq!((found.availability.good, found.availability.bad, found.sent, found.lost), (3_600, 0, 3_600, 0));
    assert!(found.rtt.unwrap().p99 < 0.03);
    let hour = world.store.hours(&Scope::All, key(""), begin, 1).await.unwrap();
    let all = |strip: &[strip::Quarter]| {
        strip.iter().fold([0; 4], |[a, b, c, d], q| [a + q.answered, b + q.failed, c + q.sent, d + q.lost])
    };
    assert_eq!(all(&hour), [3_600, 0, 3_600, 0]);
    assert_eq!(all(&strip), [3_600, 0, 3_600, 0]);
    let steps = world.store.smoke(&Scope::All, key("rtt_seconds"), begin, end, 12).await.unwrap();
    assert!(steps.iter().all(|step| (step.sent, step.lost, step.failed) == (300, 0, 0)), "{steps:?}");
}

#[tokio::test]
async fn a_note_about_the_path_of_a_link_is_nobodys_outage() {
    let dir = tempfile::tempdir().unwrap();
    let (world, begin) = measured(dir.path(), "2026-03-03T10:00:00+08:00", 1, |at| u32::from(at % 60 == 0)).await;
    close(&world).await;
    let parties = async |problem: &str, seq: u64| {
        world.send(world.batch(Stream::Event, seq, vec![alert("link:l", problem, true, begin)])).await.unwrap();
        let found = world.store.availability(&Scope::All, key(""), begin, begin.plus(HOUR), None).await.unwrap();
        found.availability.parties
    };
    assert_eq!(parties("link-path-changed", 1).await, [(Party::NoIncident, 6)].into());
    assert_eq!(parties("link-adjacency-lost", 2).await, [(Party::Unnamed, 6)].into());
}
