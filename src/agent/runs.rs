//! The probers of the plan's tasks, and their runs in flight.
//!
//! Every task of kind `Each` has a prober of its own that keeps state between runs. A run takes the prober
//! away and brings it back; while it is away the task cannot start again. A panicking run loses its prober,
//! costs one invalid observation, and the next run gets a new one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::model::plan::{Plan, Task};
use crate::model::wire::Record;
use crate::model::{Cause, Mono, Secret, Wall};
use crate::probe::{self, Ctx, Prober, Run, Runner};

/// Runs in flight at once. Each may hold a socket; 1,024 stays under the usual soft limit on open files
/// together with everything else.
const MAX_IN_FLIGHT: usize = 768;

/// A finished run.
pub(super) struct Done {
    /// Its task.
    pub(super) task: Arc<Task>,
    /// When it began.
    pub(super) began: Wall,
    /// What it saw.
    pub(super) run: Run,
    /// What the burst found that followed it.
    pub(super) burst: Option<Run>,
    /// What it found out beside that.
    pub(super) news: Vec<Record>,
}

impl Done {
    /// A run alone.
    pub(super) const fn of(task: Arc<Task>, began: Wall, run: Run) -> Self {
        Self { task, began, run, burst: None, news: Vec::new() }
    }
}

/// A run that is over, with the prober it had taken.
type Landed = (Done, Box<dyn Prober>);

enum Slot {
    Idle(Box<dyn Prober>),
    Away,
    /// It could not be built; every run says why.
    Broken(Cause, String),
}

/// All probers and runs of kind `Each`.
pub(super) struct Runs {
    cx: Arc<Ctx>,
    secrets: BTreeMap<String, Secret>,
    slots: HashMap<Arc<str>, (Arc<Task>, Slot)>,
    flying: JoinSet<Landed>,
    ids: HashMap<tokio::task::Id, (Arc<Task>, Wall)>,
}

impl Runs {
    /// No tasks yet.
    pub(super) fn new(cx: Arc<Ctx>) -> Self {
        Self { cx, secrets: BTreeMap::new(), slots: HashMap::new(), flying: JoinSet::new(), ids: HashMap::new() }
    }

    /// Takes a new plan: unchanged tasks keep their prober and state, the rest are built anew.
    /// Returns what could not be built.
    pub(super) fn set(&mut self, plan: &Plan, tasks: &[Arc<Task>]) -> Vec<String> {
        let before = std::mem::replace(&mut self.secrets, plan.secrets.clone());
        let mut old = std::mem::take(&mut self.slots);
        let mut problems = Vec::new();
        for task in tasks {
            let kept = old.remove(&task.id).filter(|(was, slot)| {
                let same_secret = task.secret.as_ref().is_none_or(|name| before.get(name) == plan.secrets.get(name));
                was == task && same_secret && !matches!(slot, Slot::Broken(..))
            });
            let slot = match kept {
                Some((_, slot)) => slot,
                None => self.build(task),
            };
            if let Slot::Broken(_, why) = &slot {
                problems.push(format!("{}: {why}", task.id));
            }
            self.slots.insert(task.id.clone(), (task.clone(), slot));
        }
        problems
    }

    /// The secrets of the plan.
    pub(super) const fn secrets(&self) -> &BTreeMap<String, Secret> {
        &self.secrets
    }

    fn build(&self, task: &Arc<Task>) -> Slot {
        let secret = task.secret.as_ref().and_then(|name| self.secrets.get(name));
        if let (Some(name), None) = (&task.secret, secret) {
            return Slot::Broken(Cause::NoSecret, format!("secret `{name}` is not in the plan"));
        }
        match probe::kind(&task.kind).map(|kind| &kind.runner) {
            Some(Runner::Each(build)) => match build(&self.cx, task, secret) {
                Ok(prober) => Slot::Idle(prober),
                Err(why) => Slot::Broken(Cause::Unsupported, why),
            },
            _ => Slot::Broken(Cause::Unsupported, format!("this build does not know probe kind `{}`", task.kind)),
        }
    }

    /// Starts a run; what cannot start comes back at once as an invalid one.
    pub(super) fn start(&mut self, task: &Arc<Task>, began: Wall, deadline: Mono) -> Option<Done> {
        let full = self.flying.len() >= MAX_IN_FLIGHT;
        let refuse = |cause, why: String| Some(Done::of(task.clone(), began, Run::invalid(cause, why)));
        let Some((_, slot)) = self.slots.get_mut(&task.id) else {
            return None; // the task left the plan between being due and now
        };
        match slot {
            Slot::Broken(cause, why) => refuse(*cause, why.clone()),
            Slot::Away => refuse(Cause::Overrun, "the run before has not ended".to_owned()),
            Slot::Idle(_) if full => refuse(Cause::Overrun, format!("{MAX_IN_FLIGHT} runs are in flight already")),
            Slot::Idle(_) => {
                let Slot::Idle(mut prober) = std::mem::replace(slot, Slot::Away) else { return None };
                let (cx, task) = (self.cx.clone(), task.clone());
                let flying_task = task.clone();
                let handle = self.flying.spawn(async move {
                    let run = prober.run(&cx, deadline).await;
                    let (burst, news) = (prober.burst(), prober.news());
                    (Done { task: flying_task, began, run, burst, news }, prober)
                });
                self.ids.insert(handle.id(), (task, began));
                None
            }
        }
    }

    /// The next finished run; never returns when none is in flight.
    pub(super) async fn next(&mut self) -> Done {
        match self.flying.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, (done, prober)))) => {
                self.ids.remove(&id);
                self.bring_back(&done.task, prober);
                done
            }
            Some(Err(error)) => {
                let (task, began) =
                    self.ids.remove(&error.id()).expect("every spawned run is entered in `ids` before it can end");
                tracing::error!(task = %task.id, %error, "a probe run broke off; its prober starts afresh");
                let fresh = self.build(&task);
                if let Some((now, slot)) = self.slots.get_mut(&task.id)
                    && *now == task
                {
                    *slot = fresh;
                }
                let run = Run::invalid(Cause::Internal, format!("the run broke off: {error}"));
                Done::of(task, began, run)
            }
        }
    }

    fn bring_back(&mut self, task: &Arc<Task>, prober: Box<dyn Prober>) {
        if let Some((now, slot)) = self.slots.get_mut(&task.id)
            && now == task
            && matches!(slot, Slot::Away)
        {
            *slot = Slot::Idle(prober);
        }
    }

    /// How many runs are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.flying.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::model::{AgentId, Outcome};
    use crate::net::clock::Clock;
    use crate::probe::RunFuture;

    /// Runs as it is told: number of runs so far to what happens.
    struct Scripted(u32, fn(u32) -> Act);

    enum Act {
        Answer,
        Panic,
        Hang,
    }

    impl Prober for Scripted {
        fn run<'a>(&'a mut self, cx: &'a Ctx, _deadline: Mono) -> RunFuture<'a> {
            Box::pin(async move {
                self.0 += 1;
                match (self.1)(self.0) {
                    Act::Answer => Run::ok(Vec::new(), Duration::from_millis(u64::from(self.0))),
                    Act::Panic => panic!("scripted"),
                    Act::Hang => {
                        cx.clock.sleep(Duration::from_secs(3600)).await;
                        Run::ok(Vec::new(), Duration::ZERO)
                    }
                }
            })
        }
    }

    fn task(id: &str, kind: &str) -> Arc<Task> {
        Arc::new(Task {
            id: id.into(),
            probe: "p".parse().unwrap(),
            kind: kind.into(),
            object: "asset:a".parse().unwrap(),
            instance: "".into(),
            target: crate::model::plan::Target { host: Some("127.0.0.1".into()), port: Some(9), url: None },
            settings: crate::config::settings_of(crate::probe::kind("tcp").unwrap().spec),
            interval_ms: 1000,
            timeout_ms: 900,
            keep_ms: 1000,
            secret: None,
            calendar: None,
        })
    }

    fn plan() -> Plan {
        Plan {
            schema: 1,
            rev: 1,
            digest: String::new(),
            agent: AgentId::new("t").unwrap(),
            objects: Vec::new(),
            tasks: Vec::new(),
            rules: Vec::new(),
            sources: Vec::new(),
            calendars: Vec::new(),
            profiles: Vec::new(),
            secrets: BTreeMap::new(),
            skipped: Vec::new(),
        }
    }

    fn runs(script: fn(u32) -> Act) -> (Runs, Arc<Task>) {
        let agent = AgentId::new("t").unwrap();
        let cx = Arc::new(Ctx {
            clock: Clock::system(),
            agent,
            limits: Arc::default(),
            profiles: Arc::default(),
            marks: Arc::default(),
        });
        let (mut runs, task) = (Runs::new(cx), task("t", "tcp"));
        runs.slots.insert(task.id.clone(), (task.clone(), Slot::Idle(Box::new(Scripted(0, script)))));
        (runs, task)
    }

    fn start(runs: &mut Runs, task: &Arc<Task>) -> Option<Done> {
        runs.start(task, Wall::default(), Mono::default().plus(Duration::from_secs(1)))
    }

    fn cause(done: &Done) -> (Outcome, Option<Cause>) {
        (done.run.outcome, done.run.cause)
    }

    #[tokio::test(start_paused = true)]
    async fn a_prober_keeps_its_state_from_run_to_run_and_over_an_unchanged_plan() {
        let (mut runs, task) = runs(|_| Act::Answer);
        for n in 1..=3 {
            assert!(start(&mut runs, &task).is_none());
            assert_eq!(runs.next().await.run.took, Duration::from_millis(n));
            assert_eq!(runs.set(&plan(), std::slice::from_ref(&task)), Vec::<String>::new());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_run_costs_one_invalid_observation_and_the_next_gets_a_new_prober() {
        let (mut runs, task) = runs(|_| Act::Panic);
        start(&mut runs, &task);
        assert_eq!(cause(&runs.next().await), (Outcome::Invalid, Some(Cause::Internal)));
        assert!(matches!(runs.slots.get("t"), Some((_, Slot::Idle(_)))), "built anew by its kind");
        assert_eq!(runs.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_has_not_ended_is_not_begun_again() {
        let (mut runs, task) = runs(|_| Act::Hang);
        assert!(start(&mut runs, &task).is_none());
        let refused = start(&mut runs, &task).unwrap();
        assert_eq!(cause(&refused), (Outcome::Invalid, Some(Cause::Overrun)));
        assert_eq!(runs.in_flight(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_left_the_plan_does_not_start_and_its_prober_does_not_come_back() {
        let (mut runs, task) = runs(|_| Act::Answer);
        start(&mut runs, &task);
        runs.set(&plan(), &[]);
        runs.next().await;
        assert!(start(&mut runs, &task).is_none());
        assert!(runs.slots.is_empty() && runs.in_flight() == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_kind_and_a_missing_secret_are_named_and_every_run_says_so() {
        let (mut runs, _) = runs(|_| Act::Answer);
        let strange = task("s", "hologram");
        let mut secret = Task::clone(&task("x", "snmp"));
        secret.secret = Some("core".into());
        let secret = Arc::new(secret);
        let problems = runs.set(&plan(), &[strange.clone(), secret.clone()]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("hologram") && problems[1].contains("core"), "{problems:?}");
        let said = [&strange, &secret].map(|task| cause(&start(&mut runs, task).unwrap()).1);
        assert_eq!(said, [Some(Cause::Unsupported), Some(Cause::NoSecret)]);
    }
}
