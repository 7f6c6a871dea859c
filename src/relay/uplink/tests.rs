//! The uplink against a console on loopback that loses answers, forgets, refuses, storms and goes away.

use std::sync::atomic::Ordering;

use super::*;
use crate::model::plan::{Job, PLAN_SCHEMA, Plan};
use crate::model::wire::{JobResult, Record, Samples};
use crate::net::stop::{self, StopTrigger};
use crate::relay::spool::{Append, Caps};
use crate::relay::testing::{DAY, Dictated, Running};

struct Agent {
    spool: Spool,
    status: watch::Receiver<UplinkStatus>,
    desired: mpsc::Receiver<Desired>,
    plan_rev: watch::Sender<u64>,
    trigger: StopTrigger,
    task: JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Agent {
    async fn start(running: &Running) -> Self {
        let dir = tempfile::tempdir().unwrap();
        running.identity(&dir.path().join("identity")).await;
        Self::start_in(dir)
    }

    fn start_in(dir: tempfile::TempDir) -> Self {
        let clock = Clock::system();
        let identity = Identity::load(&dir.path().join("identity"), &clock).unwrap().unwrap();
        let (spool, _) = Spool::open(&dir.path().join("spool.db"), Caps::default(), clock.clone()).unwrap();
        let (out, desired) = mpsc::channel(4);
        let (plan_rev, seen) = watch::channel(3);
        let (trigger, stop) = stop::pair();
        let parts = UplinkParts { spool: spool.clone(), identity, clock, plan_rev: seen, desired: out };
        let (task, status) = run(parts, stop);
        Self { spool, status, desired, plan_rev, trigger, task, dir }
    }

    async fn append(&self, ids: std::ops::RangeInclusive<u64>) {
        for n in ids {
            let record = Record::JobResult(JobResult { id: n.to_string(), ok: true, detail: String::new() });
            self.spool.append(vec![Append { record, at: Wall::default() }], Vec::new()).await.unwrap();
        }
    }

    /// Waits until the status says so.
    async fn until(&mut self, what: &str, holds: impl Fn(&UplinkStatus) -> bool) -> UplinkStatus {
        let wait = self.status.wait_for(|status| holds(status));
        match tokio::time::timeout(Duration::from_secs(30), wait).await {
            Ok(status) => status.unwrap().clone(),
            Err(_) => panic!("never: {what}"),
        }
    }

    async fn stop(self) -> tempfile::TempDir {
        self.trigger.stop();
        self.task.await.unwrap();
        self.spool.close().await;
        self.dir
    }
}

async fn arrives(running: &Running, expected: &str) {
    running.console.until(expected, |book| book.shown(Stream::Event) == expected).await;
}

#[tokio::test]
async fn events_and_samples_arrive_in_order_and_leave_the_spool() {
    let running = Running::start().await;
    let mut agent = Agent::start(&running).await;
    agent.append(1..=3).await;
    arrives(&running, "1 2 3").await;
    let samples = Samples {
        probe: "p".parse().unwrap(),
        kind: "k".into(),
        from: Wall::default(),
        to: Wall::default(),
        rows: Vec::new(),
    };
    let record = Record::Samples(samples);
    agent.spool.append(vec![Append { record, at: Wall::default() }], Vec::new()).await.unwrap();
    running.console.until("a sample", |book| book.shown(Stream::Sample) == "?").await;
    let status = agent.until("connected", |s| s.connected).await;
    assert!(status.skew_ms.unwrap().abs() < 2_000 && status.limits().is_empty(), "{status:?}");
    agent.append(4..=4).await;
    arrives(&running, "1 2 3 4").await;
    let dir = agent.stop().await;
    let agent = Agent::start_in(dir);
    assert_eq!(agent.spool.stats().records, 0);
}

#[tokio::test]
async fn an_answer_that_was_lost_makes_no_duplicate() {
    let running = Running::start().await;
    running.console.book().dictated.extend([Dictated::CommitThenStatus(502), Dictated::CommitThenStatus(500)]);
    let agent = Agent::start(&running).await;
    agent.append(1..=5).await;
    arrives(&running, "1 2 3 4 5").await;
    agent.append(6..=6).await;
    arrives(&running, "1 2 3 4 5 6").await;
}

#[tokio::test]
async fn a_console_that_lost_its_watermark_gets_what_is_held_and_a_gap_for_the_rest() {
    let running = Running::start().await;
    let agent = Agent::start(&running).await;
    agent.append(1..=3).await;
    arrives(&running, "1 2 3").await;
    running.console.book().watermarks.values_mut().for_each(|w| *w = 1); // an older backup was put back
    agent.append(4..=4).await;
    arrives(&running, "1 2 3 gap:not_held 4").await;
}

#[tokio::test]
async fn malformed_records_are_put_aside_and_the_rest_goes_on() {
    let running = Running::start().await;
    running.console.book().dictated.extend([Dictated::Status(503, Some("1")), Dictated::Refuse(vec![2])]);
    let agent = Agent::start(&running).await;
    agent.append(1..=3).await;
    running.console.until("1 and 3", |book| book.shown(Stream::Event).ends_with('3')).await;
    agent.append(4..=4).await;
    arrives(&running, "1 3 4").await;
    assert_eq!((agent.spool.stats().refused_kept, agent.spool.stats().dropped), (1, 1));
}

#[tokio::test]
async fn a_storm_of_503_is_waited_out_as_asked() {
    let running = Running::start().await;
    running.console.book().dictated.extend(vec![Dictated::Status(503, Some("1")); 2]);
    let agent = Agent::start(&running).await;
    let began = Clock::system().mono();
    agent.append(1..=1).await;
    arrives(&running, "1").await;
    assert!(Clock::system().mono().since(began) >= Duration::from_secs(2));
    assert_eq!(running.console.book().posts, 3);
}

#[tokio::test]
async fn a_batch_that_is_too_large_for_the_console_is_halved() {
    let running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    running.identity(&dir.path().join("identity")).await;
    let (spool, _) = Spool::open(&dir.path().join("spool.db"), Caps::default(), Clock::system()).unwrap();
    for n in 1..=8u64 {
        let record = Record::JobResult(JobResult { id: n.to_string(), ok: true, detail: String::new() });
        spool.append(vec![Append { record, at: Wall::default() }], Vec::new()).await.unwrap();
    }
    spool.close().await;
    running.console.book().dictated.extend(vec![Dictated::Status(413, None); 2]);
    let _agent = Agent::start_in(dir);
    arrives(&running, "1 2 3 4 5 6 7 8").await;
    assert!(running.console.book().posts >= 4);
}

#[tokio::test]
async fn a_revoked_agent_stops_sending_keeps_its_records_and_says_so() {
    let running = Running::start().await;
    running.console.book().dictated.push_back(Dictated::Status(403, None));
    let mut agent = Agent::start(&running).await;
    agent.append(1..=1).await;
    let status = agent.until("revoked", |s| s.revoked).await;
    assert!(status.limits().iter().any(|l| l.contains("enrol it again")), "{status:?}");
    agent.append(2..=2).await;
    assert_eq!(agent.spool.stats().records, 2);
    assert_eq!(running.console.book().posts, 1);
}

#[tokio::test]
async fn a_console_that_was_away_gets_everything_once_when_it_is_back() {
    let running = Running::start().await;
    let mut agent = Agent::start(&running).await;
    agent.append(1..=2).await;
    arrives(&running, "1 2").await;
    let away = running.stop().await;
    agent.append(3..=5).await;
    let status = agent.until("disconnected", |s| !s.connected).await;
    assert!(status.last_error.is_some());
    let dir = agent.stop().await; // the agent restarts meanwhile
    let agent = Agent::start_in(dir);
    agent.append(6..=6).await;
    let running = Running::restart(away).await;
    arrives(&running, "1 2 3 4 5 6").await;
}

#[tokio::test]
async fn plans_and_jobs_come_by_long_poll_and_a_job_comes_once() {
    let running = Running::start().await;
    let mut agent = Agent::start(&running).await;
    let now = Wall::from_millis(1_800_000_000_000);
    let plan = Plan {
        schema: PLAN_SCHEMA,
        rev: 4,
        digest: "d".into(),
        agent: "tower-1".parse().unwrap(),
        objects: Vec::new(),
        tasks: Vec::new(),
        rules: Vec::new(),
        sources: Vec::new(),
        calendars: Vec::new(),
        profiles: Vec::new(),
        secrets: Default::default(),
        skipped: Vec::new(),
    };
    let job = |id: &str| Job::Roster { id: id.to_owned() };
    running.console.book().desired.push_back(Desired { plan: Some(plan), jobs: vec![job("a")], now });
    agent.append(1..=1).await; // tells the waiting poll as well
    let got = agent.desired.recv().await.unwrap();
    assert_eq!((got.plan.unwrap().rev, got.jobs.len()), (4, 1));
    running.console.book().desired.push_back(Desired { plan: None, jobs: vec![job("a"), job("b")], now });
    agent.plan_rev.send_replace(4);
    let got = agent.desired.recv().await.unwrap();
    assert_eq!(got.jobs, [job("b")]);
    let polls = running.console.book().polls.clone();
    assert!(polls[0].starts_with("rev=3&wait="), "{polls:?}");
    assert!(polls.last().unwrap().starts_with("rev=4&"), "{polls:?}");
}

#[tokio::test]
async fn the_stop_does_not_wait_for_a_console_that_hangs() {
    let running = Running::start().await;
    running.console.book().dictated.push_back(Dictated::Hang);
    let agent = Agent::start(&running).await;
    agent.append(1..=1).await;
    running.console.until("a post", |book| book.posts == 1).await;
    let began = Clock::system().mono();
    let dir = agent.stop().await;
    assert!(Clock::system().mono().since(began) < Duration::from_secs(4));
    let agent = Agent::start_in(dir);
    arrives(&running, "1").await;
    drop(agent);
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    let running = Running::start().await;
    running.console.skew.store(5_000, Ordering::Relaxed);
    let mut agent = Agent::start(&running).await;
    agent.append(1..=1).await;
    let status = agent.until("skew", |s| s.skew_ms.is_some_and(|ms| ms > 4_000)).await;
    assert!(status.limits()[0].contains("behind the console's"), "{status:?}");
}

#[tokio::test]
async fn an_agent_whose_certificate_ended_renews_it_and_then_sends() {
    let running = Running::start().await;
    running.console.book().certificate_end = Some(Clock::system().wall().minus(DAY * 30));
    let dir = tempfile::tempdir().unwrap();
    running.identity(&dir.path().join("identity")).await;
    running.console.book().certificate_end = None;
    let mut agent = Agent::start_in(dir);
    agent.append(1..=1).await;
    arrives(&running, "1").await;
    let status = agent.until("connected", |s| s.connected).await;
    assert!(!status.revoked && status.certificate_end > Clock::system().wall().plus(DAY * 80), "{status:?}");
    assert_eq!(running.console.book().enrolled, 2);
}
