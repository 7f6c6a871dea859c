//! Plays a scenario on the running network: faults by the clock, incidents looked at ten times a second, and at
//! the end the judgement. It waits for the network to be quiet before and after.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fengsui::model::Mono;
use fengsui::net::clock::Clock;
use tokio::task::JoinHandle;

use super::fault::{self, Undo};
use super::judge::{self, Times, Verdict, Watch};
use super::scenario::Scenario;
use super::stage::{self, Stage};
use super::world::World;

/// How often the console is asked.
const LOOK: Duration = Duration::from_millis(100);
/// Beyond the time that an expectation allows, so that one that is late is told by how much.
const GRACE: Duration = Duration::from_secs(15);
/// Before a scenario nothing may be active; what the one before left has so long to go.
const QUIET: Duration = Duration::from_secs(240);
/// Nothing comes any more, once all that was expected is over, if nothing came for so long.
const SETTLE: Duration = Duration::from_secs(5);

/// A network with the program on it.
pub(crate) struct Lab {
    /// The program; it ends before the network does, else its last words are about that.
    pub(crate) stage: Stage,
    /// The network.
    pub(crate) world: World,
    /// For all waits.
    pub(crate) clock: Clock,
}

/// Watches in a task of its own; a fault that takes long to make does not blind it.
struct Eye {
    watch: Arc<Mutex<Watch>>,
    task: JoinHandle<()>,
}

impl Eye {
    fn open(client: fengsui::net::http::Client, clock: Clock, begin: Mono) -> Self {
        let watch = Arc::new(Mutex::new(Watch::default()));
        let seen = watch.clone();
        let task = tokio::spawn(async move {
            loop {
                // An answer that does not come leaves what was seen as it is.
                if let Ok(active) = stage::active(&client).await {
                    let now = clock.mono().since(begin);
                    seen.lock().unwrap_or_else(PoisonError::into_inner).see(&active, now);
                }
                clock.sleep(LOOK).await;
            }
        });
        Self { watch, task }
    }

    fn look<T>(&self, at: impl FnOnce(&Watch) -> T) -> T {
        at(&self.watch.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lab {
    /// Waits until nothing is active for a while.
    pub(crate) async fn quiet(&self) -> Result<(), String> {
        let begin = self.clock.mono();
        let mut since = begin;
        loop {
            let active = stage::active(&self.stage.client()).await?;
            let now = self.clock.mono();
            if !active.is_empty() {
                since = now;
            }
            if now.since(since) >= SETTLE {
                return Ok(());
            }
            if now.since(begin) > QUIET {
                let names: Vec<String> = active.iter().map(|i| format!("{} {}", i["problem"], i["object"])).collect();
                return Err(format!("not quiet after {QUIET:?}: {names:?}"));
            }
            self.clock.sleep(LOOK * 5).await;
        }
    }

    /// Plays one and judges it.
    pub(crate) async fn play(&mut self, scenario: &Scenario) -> Result<Verdict, String> {
        self.quiet().await?;
        let begin = self.clock.mono();
        let eye = Eye::open(self.stage.client(), self.clock.clone(), begin);
        let times = self.act(scenario, begin).await?;
        let last = times.values().map(|(_, ended)| *ended).max().unwrap_or_default();
        let longest = scenario.expects.iter().map(|e| e.ends_within.max(e.within)).max().unwrap_or_default();
        let end = last + longest + GRACE;
        loop {
            let now = self.clock.mono().since(begin);
            let over = eye.look(|watch| judge::is_complete(scenario, watch, &times) && watch.is_quiet());
            if now > end || over && now > last + SETTLE {
                break;
            }
            self.clock.sleep(LOOK).await;
        }
        let mut verdict = eye.look(|watch| judge::judge(scenario, watch, &times));
        let standing = eye.look(Watch::standing);
        if !standing.is_empty() {
            verdict.wrong.push(format!("still there at the end: {}", standing.join(", ")));
        }
        Ok(verdict)
    }

    /// Makes and undoes the faults; says when each was.
    async fn act(&mut self, scenario: &Scenario, begin: Mono) -> Result<Times, String> {
        let mut times = Times::new();
        let mut undo: Vec<Option<Undo>> = scenario.faults.iter().map(|_| None).collect();
        for (at, n, begins) in scenario.steps() {
            self.clock.sleep(at.saturating_sub(self.clock.mono().since(begin))).await;
            let Some(fault) = scenario.faults.get(n) else { continue };
            let before = self.clock.mono().since(begin);
            if begins {
                let made = fault::begin(fault, &mut self.world, &mut self.stage)?;
                if let Some(slot) = undo.get_mut(n) {
                    *slot = Some(made);
                }
                times.entry(fault.id.clone()).or_insert((before, before));
            } else {
                fault::end(fault, &mut self.world)?;
                undo.get_mut(n).and_then(Option::take);
            }
            let now = self.clock.mono().since(begin);
            times.entry(fault.id.clone()).and_modify(|(_, ended)| *ended = now);
        }
        Ok(times)
    }
}
