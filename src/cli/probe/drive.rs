//! Runs targets in parallel, each at its place in the interval so that nothing bursts, with the runners that
//! the agent uses.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::Order;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::probe::{self, BulkChannels, BulkFn, Ctx, Ended, Prober, Runner};

/// Most runs of an `Each` kind at once: each may hold a socket, and 1,024 files is the usual limit.
const MAX_PARALLEL: usize = 400;
/// Targets start this far apart, or closer where the interval is too short for all of them.
const SPREAD: Duration = Duration::from_millis(1);

/// A start that comes so much too late moves all that follow.
const HELD_UP: Duration = Duration::from_millis(500);
/// Ticks that may wait to be begun.
const ASKED: usize = 64;
/// Time that a bulk kind has to make its sockets ready before the first run.
const WARM_UP: Duration = Duration::from_millis(20);

/// Starts all: each task is told of as often as it is to run. An error is about a target that no run can serve.
pub(super) fn start(
    cx: &Ctx,
    order: &Order,
    tasks: &[Arc<Task>],
    secret: Option<&Secret>,
    out: mpsc::Sender<Ended>,
) -> Result<JoinSet<()>, String> {
    let mut pace = Pace::new(order, tasks.len(), cx.clock.clone());
    let mut all = JoinSet::new();
    match order.kind.runner {
        Runner::Each(make) => {
            let mut probers = Vec::with_capacity(tasks.len());
            let mut wrong = Vec::new();
            for (task, aim) in tasks.iter().zip(&order.targets) {
                match make(cx, task, secret) {
                    Ok(prober) => probers.push(prober),
                    Err(why) => wrong.push(format!("{}: {why}", aim.shown)),
                }
            }
            if !wrong.is_empty() {
                return Err(wrong.join("\n"));
            }
            let places = Arc::new(Semaphore::new(MAX_PARALLEL));
            for (target, (task, prober)) in tasks.iter().zip(probers).enumerate() {
                all.spawn(each(
                    (target, task.clone()),
                    prober,
                    cx.clone(),
                    pace.clone(),
                    places.clone(),
                    order.args.timeout,
                    out.clone(),
                ));
            }
        }
        Runner::Derived => {
            return Err(format!("{}: found by the console, nobody can look at it", order.kind.spec.name));
        }
        Runner::Bulk(begin) => {
            // On the kind's own grid: its looks at the sockets then need no wake-ups beside those of the starts.
            pace.began = pace.began.plus(WARM_UP).round_up(pace.tick);
            all.spawn(bulk(begin, cx.clone(), pace, tasks.into(), out));
        }
    }
    Ok(all)
}

/// When each run of each target is due.
#[derive(Debug, Clone)]
struct Pace {
    began: Mono,
    step: Duration,
    interval: Duration,
    count: u64,
    tick: Duration,
    clock: Clock,
}

impl Pace {
    fn new(order: &Order, targets: usize, clock: Clock) -> Self {
        let interval = order.args.interval;
        let step = SPREAD.min(interval / u32::try_from(targets.max(1)).unwrap_or(u32::MAX));
        let count = if order.args.count == 0 { u64::MAX } else { order.args.count };
        let per_second = Duration::from_secs(1).as_nanos() / step.as_nanos().max(1);
        let tick = probe::tick(u64::try_from(per_second).unwrap_or(u64::MAX), interval);
        Self { began: clock.mono(), step, interval, count, tick, clock }
    }

    async fn wait(&self, round: u64, target: usize) {
        self.clock.sleep_until(self.due(target).plus(self.round(round))).await;
    }

    /// When the first run of a target is due.
    fn due(&self, target: usize) -> Mono {
        self.began.plus(self.step.saturating_mul(u32::try_from(target).unwrap_or(u32::MAX)))
    }

    /// How much later the run of a round is.
    fn round(&self, round: u64) -> Duration {
        self.interval.saturating_mul(u32::try_from(round).unwrap_or(u32::MAX))
    }
}

async fn each(
    (target, task): (usize, Arc<Task>),
    mut prober: Box<dyn Prober>,
    cx: Ctx,
    pace: Pace,
    places: Arc<Semaphore>,
    timeout: Duration,
    out: mpsc::Sender<Ended>,
) {
    for round in 0..pace.count {
        pace.wait(round, target).await;
        let Ok(_place) = places.acquire().await else { return };
        let now = cx.clock.now();
        let run = prober.run(&cx, now.mono.plus(timeout)).await;
        if out.send((task.clone(), now.wall, run)).await.is_err() {
            return;
        }
    }
}

async fn bulk(begin: BulkFn, cx: Ctx, pace: Pace, tasks: Arc<[Arc<Task>]>, out: mpsc::Sender<Ended>) {
    let (plan, planned) = watch::channel(tasks.clone());
    let (ask, now) = mpsc::channel(ASKED);
    let mut ticks: Vec<(Mono, Vec<Arc<Task>>)> = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        let due = pace.due(at).round_up(pace.tick);
        match ticks.last_mut() {
            Some((last, together)) if *last == due => together.push(task.clone()),
            _ => ticks.push((due, vec![task.clone()])),
        }
    }
    let ticks: Vec<(Mono, Arc<[Arc<Task>]>)> = ticks.into_iter().map(|(due, tasks)| (due, tasks.into())).collect();
    begin(&cx, BulkChannels { tasks: planned, now, out });
    // Whoever was held up goes on from there, rather than to send at once all that was left out.
    let mut held_up = Duration::ZERO;
    for round in 0..pace.count {
        let later = pace.round(round);
        for (due, together) in &ticks {
            let due = due.plus(later + held_up);
            pace.clock.sleep_until(due).await;
            let late = pace.clock.mono().since(due);
            if late > HELD_UP {
                held_up += late;
            }
            if ask.send(together.clone()).await.is_err() {
                return;
            }
        }
    }
    // The kind ends when `plan` is dropped, which would leave its last runs untold: with the runtime, or the listener.
    ask.closed().await;
    drop(plan);
}
