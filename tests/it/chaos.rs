//! kill -9 of console and agent at random points: nothing acknowledged is lost, nothing comes twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::acceptance::{Pair, services};
use crate::rig::{Service, wait_for};

/// How often one of the two is killed.
const ROUNDS: u32 = 100;
/// Fixed, so that a failing run can be had again.
const SEED: u64 = 20_261_124;
const SOON: Duration = Duration::from_secs(60);

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens")
}

fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[test]
fn killed_a_hundred_times_both_agree_on_every_record() {
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut service = Service::start();
    let mut pair = Pair::start(&services(&[("oa", service.port())]));
    pair.settled();
    let mut down = false;
    for round in 0..ROUNDS {
        // Somewhere between a start that is hardly over and a quiet second.
        std::thread::park_timeout(Duration::from_millis(dice.u64(0..500)));
        if round % 7 == 0 {
            down = !down;
            if down { service.stop() } else { service.restart() }
        }
        if dice.bool() { pair.restart_console() } else { pair.restart_agent() }
    }
    if !down {
        service.stop();
    }
    wait_for("the service's end to be an active incident", SOON, || {
        let active = pair.site.incidents("oa-down").into_iter().filter(|i| i["state"] == "open");
        (active.count() == 1).then_some(())
    });
    service.restart();
    wait_for("all incidents of the service to resolve", SOON, || {
        let all = pair.site.incidents("oa-down");
        all.iter().all(|i| i["state"] == "resolved").then_some(())
    });
    pair.agent.stop();
    pair.console.stop();

    let core = open(&pair.site.path("data/core.db"));
    let whole: String = core.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be checked");
    assert_eq!(whole, "ok");
    let twice = "SELECT count(*) FROM (SELECT 1 FROM incident WHERE state IN ('open', 'acked') GROUP BY problem, object, instance HAVING count(*) > 1)";
    assert_eq!(count(&core, twice), 0, "a key is active once");
    assert_eq!(count(&core, "SELECT count(*) FROM gap"), 0, "no record was given up");
    let epochs = count(&core, "SELECT count(DISTINCT epoch) FROM watermark WHERE stream = 'event'");
    assert_eq!(epochs, 1, "the spool survived every kill");
    nothing_is_between_the_chairs(&core, &open(&pair.site.path("tower/spool.db")));
    samples_have_no_holes(&pair.site.path("data"));
}

/// What the agent has let go, the console has; what it has not, is still there, without a hole.
fn nothing_is_between_the_chairs(core: &Connection, spool: &Connection) {
    let held = count(core, "SELECT max(acked) FROM watermark WHERE stream = 'event'");
    let acked = count(spool, "SELECT acked FROM stream WHERE id = 0");
    let next = count(spool, "SELECT next FROM stream WHERE id = 0");
    assert!(acked <= held && held < next, "acknowledged {acked}, held {held}, next {next}");
    let kept = count(spool, "SELECT count(*) FROM record WHERE stream = 0");
    assert_eq!(kept, next - 1 - acked, "every record that is not acknowledged is in the spool");
}

/// Every sample record from the first to the watermark is there exactly once.
fn samples_have_no_holes(data: &Path) {
    let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for entry in std::fs::read_dir(data.join("series")).expect("there are series") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|ext| ext == "db") {
            let db = open(&path);
            let mut rows = db.prepare("SELECT epoch, seq FROM journal").expect("the journal is there");
            let rows =
                rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("it reads");
            for row in rows {
                let (epoch, seq) = row.expect("it reads");
                seen.entry(epoch).or_default().push(seq);
            }
        }
    }
    assert!(!seen.is_empty(), "samples arrived");
    for (epoch, mut seqs) in seen {
        // Hours that are over have become chunks; what is left has no hole either.
        seqs.sort_unstable();
        let expected: Vec<i64> = (seqs[0]..).take(seqs.len()).collect();
        assert_eq!(seqs, expected, "epoch {epoch}");
    }
}
