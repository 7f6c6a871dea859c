//! Runs targets in parallel, each at its place in the interval so that nothing bursts, with the runners that
//! the agent uses.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::{Order, READY};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::{Mono, Wall};
use crate::net::clock::Clock;
use crate::probe::{BulkChannels, BulkFn, Ctx, Prober, Run, Runner};

/// Most runs of an `Each` kind at once: each may hold a socket, and 1,024 files is the usual limit.
const MAX_PARALLEL: usize = 400;
/// Targets start this far apart, or closer where the interval is too short for all of them.
const SPREAD: Duration = Duration::from_millis(1);

/// Starts are gathered into ticks of so many milliseconds.
const TICK_MS: u64 = 10;
/// Time that a bulk kind has to make its sockets ready before the first run.
const WARM_UP: Duration = Duration::from_millis(20);

/// A run of the target at `target`.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) target: usize,
    pub(super) began: Wall,
    pub(super) run: Run,
}

/// Starts all; `out` closes when the last run is told. An error is about a target that no run can serve.
pub(super) fn start(
    cx: &Ctx,
    order: &Order,
    tasks: &[Arc<Task>],
    secret: Option<&Secret>,
    out: mpsc::Sender<Told>,
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
            for (target, prober) in probers.into_iter().enumerate() {
                all.spawn(each(
                    target,
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
            pace.began = pace.began.plus(WARM_UP);
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
    clock: Clock,
}

impl Pace {
    fn new(order: &Order, targets: usize, clock: Clock) -> Self {
        let interval = order.args.interval;
        let step = SPREAD.min(interval / u32::try_from(targets.max(1)).unwrap_or(u32::MAX));
        let count = if order.args.count == 0 { u64::MAX } else { order.args.count };
        Self { began: clock.mono(), step, interval, count, clock }
    }

    async fn wait(&self, round: u64, target: usize) {
        self.clock.sleep_until(self.due(round, target)).await;
    }

    fn due(&self, round: u64, target: usize) -> Mono {
        let rounds = self.interval.saturating_mul(u32::try_from(round).unwrap_or(u32::MAX));
        let place = self.step.saturating_mul(u32::try_from(target).unwrap_or(u32::MAX));
        // Those of one tick start together: a wake-up for each would cost more than its run.
        let place = Duration::from_millis(u64::try_from(place.as_millis()).unwrap_or(u64::MAX) / TICK_MS * TICK_MS);
        self.began.plus(rounds).plus(place)
    }
}

async fn each(
    target: usize,
    mut prober: Box<dyn Prober>,
    cx: Ctx,
    pace: Pace,
    places: Arc<Semaphore>,
    timeout: Duration,
    out: mpsc::Sender<Told>,
) {
    for round in 0..pace.count {
        pace.wait(round, target).await;
        let Ok(_place) = places.acquire().await else { return };
        let now = cx.clock.now();
        let run = prober.run(&cx, now.mono.plus(timeout)).await;
        if out.send(Told { target, began: now.wall, run }).await.is_err() {
            return;
        }
    }
}

async fn bulk(begin: BulkFn, cx: Ctx, pace: Pace, tasks: Arc<[Arc<Task>]>, out: mpsc::Sender<Told>) {
    let places: HashMap<Arc<str>, usize> = tasks.iter().enumerate().map(|(at, t)| (t.id.clone(), at)).collect();
    let (plan, planned) = watch::channel(tasks.clone());
    let (ask, now) = mpsc::channel(1024);
    let (send, mut told) = mpsc::channel(1024);
    // Ends when `plan` is dropped at the end of this function, or with the runtime.
    begin(&cx, BulkChannels { tasks: planned, now, out: send });
    let asking = async {
        for round in 0..pace.count {
            let mut tick = None;
            for (at, task) in tasks.iter().enumerate() {
                let due = pace.due(round, at);
                if tick != Some(due) {
                    tick = Some(due);
                    pace.clock.sleep_until(due).await;
                }
                if ask.send(task.clone()).await.is_err() {
                    return;
                }
            }
        }
    };
    let wanted = pace.count.saturating_mul(tasks.len() as u64);
    let telling = async {
        let mut seen = 0u64;
        let mut ready = Vec::with_capacity(READY);
        while seen < wanted && told.recv_many(&mut ready, READY).await > 0 {
            for (task, began, run) in ready.drain(..) {
                seen += 1;
                let target = places.get(&task.id).copied().unwrap_or_default();
                if out.send(Told { target, began, run }).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::join!(asking, telling);
    drop(plan);
}
