//! The way back: a long poll for the plan and for jobs. The console never connects to an agent.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::model::plan::Job;
use crate::model::wire::Desired;

use super::backoff::Backoff;
use super::line::Line;

/// Seconds the console may hold a poll; below the minute after which proxies cut silent requests.
const WAIT_SECONDS: u64 = 50;
/// The poll is given up so long after it should have been answered.
const GRACE: Duration = Duration::from_secs(15);
/// Largest plan: ten thousand assets with ten tasks each.
const MAX_PLAN: usize = 64 << 20;
/// Jobs remembered, so that one that was not answered yet is not begun twice.
const MAX_JOBS: usize = 1_000;
/// Pause after an answer that brought nothing new before its time.
const NOTHING_NEW: Duration = Duration::from_secs(2);
/// How long a new plan may take to come into force before the console is asked again.
const PLAN_PATIENCE: Duration = Duration::from_secs(30);

/// Polls until the stop.
pub(super) async fn poll(line: Line, mut plan_rev: watch::Receiver<u64>, out: mpsc::Sender<Desired>) {
    let mut connection = line.connection(MAX_PLAN);
    let mut backoff = Backoff::default();
    let mut begun = VecDeque::new();
    while !line.stop.is_stopped() {
        let rev = *plan_rev.borrow_and_update();
        let sent = line.clock.wall();
        let asked = line.clock.mono();
        let client = match connection.client(&line.clock) {
            Ok(client) => client,
            Err(why) => {
                line.failed(&why);
                line.pause(backoff.next(fastrand::f64())).await;
                continue;
            }
        };
        let path = format!("/ingest/v1/desired?rev={rev}&wait={WAIT_SECONDS}");
        let timeout = Duration::from_secs(WAIT_SECONDS) + GRACE;
        let answer = tokio::select! {
            answer = client.request("GET", &path, &[("accept-language", "en")], Vec::new(), timeout) => answer,
            () = line.stop.stopped() => return,
        };
        let took = line.clock.mono().since(asked);
        let desired = match answer {
            Ok(answer) if answer.status == 200 => serde_json::from_slice::<Desired>(&answer.body),
            Ok(answer) => {
                line.unexpected(&answer, &mut backoff, &connection).await;
                continue;
            }
            Err(error) => {
                line.failed(&error.to_string());
                line.pause(backoff.next(fastrand::f64())).await;
                continue;
            }
        };
        let mut desired = match desired {
            Ok(desired) => desired,
            Err(error) => {
                line.failed(&format!("the plan cannot be read: {error}; update this agent"));
                line.pause(backoff.next(fastrand::f64())).await;
                continue;
            }
        };
        backoff.reset();
        // An answer that the console held back says little about its clock.
        line.succeeded((took < NOTHING_NEW).then_some((desired.now, sent)));
        desired.jobs.retain(|job| fresh(&mut begun, job));
        let new_rev = desired.plan.as_ref().map(|plan| plan.rev);
        if new_rev.is_none() && desired.jobs.is_empty() {
            if took < NOTHING_NEW {
                line.pause_fully(NOTHING_NEW).await;
            }
            continue;
        }
        tokio::select! {
            sent = out.send(desired) => if sent.is_err() { return },
            () = line.stop.stopped() => return,
        }
        if let Some(new) = new_rev {
            settle(&line, &mut plan_rev, new).await;
        }
    }
}

/// Waits until the plan is in force, or was not taken.
async fn settle(line: &Line, plan_rev: &mut watch::Receiver<u64>, new: u64) {
    tokio::select! {
        _ = plan_rev.wait_for(|rev| *rev >= new) => {}
        () = line.clock.sleep(PLAN_PATIENCE) => {}
        () = line.stop.stopped() => {}
    }
}

fn fresh(begun: &mut VecDeque<String>, job: &Job) -> bool {
    let id = match job {
        Job::ProbeNow { id, .. }
        | Job::Roster { id }
        | Job::Discover { id, .. }
        | Job::Walk { id, .. }
        | Job::Unknown { id } => id,
    };
    if begun.contains(id) {
        return false;
    }
    if begun.len() >= MAX_JOBS {
        begun.pop_front();
    }
    begun.push_back(id.clone());
    true
}
