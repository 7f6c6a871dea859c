//! Samples over days, hours that close, points, retention.

use super::*;
use crate::console::store::series::close_hours;

/// A Tuesday, 23:59:50 in Shanghai.
const MIDNIGHT: &str = "2026-03-03T23:59:50+08:00";

async fn at(dir: &Path, text: &str) -> World {
    World::open_at(dir, Wall::parse(text).unwrap()).await
}

#[tokio::test]
async fn a_batch_over_midnight_stands_in_the_files_of_both_days() {
    let dir = tempfile::tempdir().unwrap();
    let world = at(dir.path(), MIDNIGHT).await;
    let from = world.now().wall;
    let later = from.plus(Duration::from_secs(20));
    world.forward(Duration::from_secs(60));
    let batch =
        world.batch(Stream::Sample, 1, vec![samples("asset:core-1", later, 2.0), samples("asset:core-1", from, 1.0)]);
    assert_eq!(world.send(batch.clone()).await.unwrap().acked, 2);
    for day in ["20260303", "20260304"] {
        assert!(dir.path().join(format!("series/raw-{day}.db")).exists(), "{day}");
    }
    world.store.clone().close().await;
    drop(world);
    let world = at(dir.path(), "2026-03-04T00:01:00+08:00").await;
    world.send(batch).await.unwrap();
    assert_eq!(world.store.stats().duplicates, 1);
    let points = world
        .series("rtt_seconds", from.minus(Duration::from_secs(1)), later.plus(Duration::from_secs(1)), 100)
        .await;
    assert_eq!(points.iter().map(|p| (p.n, p.max)).collect::<Vec<_>>(), [(2, 2.0), (2, 4.0)]);
    assert_eq!(world.store.latest(&Scope::All, &object("asset:core-1"))[0].value, 4.0);
}

#[tokio::test]
async fn points_are_the_same_before_and_after_an_hour_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let world = at(dir.path(), "2026-03-03T10:00:00+08:00").await;
    let begin = world.now().wall;
    for minute in 0..60u64 {
        let records = (0..6).map(|i| {
            let from = begin.plus(Duration::from_secs(minute * 60 + i * 10));
            samples("asset:core-1", from, (minute + 1) as f64)
        });
        world.forward(Duration::from_secs(60));
        world.send(world.batch(Stream::Sample, minute * 6 + 1, records.collect())).await.unwrap();
    }
    let end = begin.plus(Duration::from_secs(3_600));
    let fine = world.series("rtt_seconds", begin, end, 1_000).await;
    let coarse = world.series("rtt_seconds", begin, end, 12).await;
    let lost = world.series("packets_lost", begin, end, 1).await;
    assert_eq!((fine.len(), coarse.len()), (360, 12));
    assert_eq!(
        (coarse[0].n, coarse[0].min, coarse[0].max, coarse[0].mean, coarse[0].last),
        (60, 1.0, 10.0, 4.5, 10.0)
    );
    assert_eq!(lost[0].n, 360);
    close_hours(&world.store, end.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(world.store.stats().hours_closed, 1);
    let file = rusqlite::Connection::open(dir.path().join("series/raw-20260303.db")).unwrap();
    let count =
        |table: &str| file.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!((count("journal"), count("chunk")), (0, 4));
    assert_eq!(world.series("rtt_seconds", begin, end, 1_000).await, fine);
    assert_eq!(world.series("rtt_seconds", begin, end, 12).await, coarse);
    assert_eq!(world.series("packets_lost", begin, end, 1).await, lost);
    // A sample that comes after its hour was closed stands beside the chunk.
    let late = samples("asset:core-1", begin, 100.0);
    world.send(world.batch(Stream::Sample, 361, vec![late])).await.unwrap();
    close_hours(&world.store, end.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!((count("journal"), count("chunk")), (0, 8));
    assert_eq!(world.series("rtt_seconds", begin, end, 1).await[0].max, 200.0);
}

#[tokio::test]
async fn old_days_go_and_their_watermarks_stay() {
    let dir = tempfile::tempdir().unwrap();
    let world = at(dir.path(), "2026-03-03T10:00:00+08:00").await;
    let sent = world.batch(Stream::Sample, 1, vec![samples("asset:core-1", world.now().wall, 1.0)]);
    world.send(sent.clone()).await.unwrap();
    let file = dir.path().join("series/raw-20260303.db");
    assert!(file.exists());
    world.forward(Duration::from_secs(40 * 86_400));
    super::super::retention::daily(&world.store, world.now().wall).await.unwrap();
    assert!(!file.exists());
    world.store.clone().close().await;
    let now = world.now().wall.to_string();
    drop(world);
    let world = at(dir.path(), &now).await;
    world.send(sent).await.unwrap();
    assert_eq!(world.store.stats().duplicates, 1);
}

#[tokio::test]
async fn a_damaged_day_is_set_aside_and_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let world = at(dir.path(), "2026-03-03T10:00:00+08:00").await;
    std::fs::write(dir.path().join("series/raw-20260303.db"), "rubbish ".repeat(1_000)).unwrap();
    let batch = world.batch(Stream::Sample, 1, vec![samples("asset:core-1", world.now().wall, 1.0)]);
    assert_eq!(world.send(batch).await.unwrap().acked, 1);
    let aside = std::fs::read_dir(dir.path().join("series")).unwrap();
    assert!(aside.into_iter().any(|e| e.unwrap().file_name().to_string_lossy().contains(".damaged-")));
}

#[tokio::test]
async fn times_of_a_clock_that_is_off_are_corrected() {
    let dir = tempfile::tempdir().unwrap();
    let world = at(dir.path(), "2026-03-03T10:00:00+08:00").await;
    let now = world.now().wall;
    let off = Duration::from_secs(3_600);
    let mut batch = world.batch(Stream::Sample, 1, vec![samples("asset:core-1", now.plus(off), 1.0)]);
    batch.sent_at = batch.sent_at.plus(off);
    world.send(batch).await.unwrap();
    let points =
        world.series("rtt_seconds", now.minus(Duration::from_secs(5)), now.plus(Duration::from_secs(5)), 10).await;
    assert_eq!(points.len(), 1);
    let latest = world.store.latest(&Scope::All, &object("asset:core-1"));
    assert!(latest[0].at.since(now) < Duration::from_secs(20));
}
