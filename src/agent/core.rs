//! The agent's loop: everything that changes its state passes here, one thing after another.
//!
//! plan -> schedule -> run -> observation -> rules and summaries -> spool. It does no I/O itself but the
//! plan file; probes, spool and uplink are tasks of their own behind bounded channels.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::agent::Told;
use crate::agent::bulk::{self, Bulk};
use crate::agent::ears::Ears;
use crate::agent::engine;
use crate::agent::hours::Hours;
use crate::agent::latest::Latest;
use crate::agent::long::Jobs;
use crate::agent::runs::{Done, Runs};
use crate::agent::status::Status;
use crate::agent::sweep::Addresses;
use crate::agent::triggers::Triggers;
use crate::agent::walks::Variables;
use crate::collect;
use crate::config;
use crate::config::defs;
use crate::engine::rule::{Effect, Rules, Saved};
use crate::engine::schedule::{self, Schedule};
use crate::engine::summarise::{self, Summariser};
use crate::model::field::KindSchema;
use crate::model::plan::{Job, Plan, PlanProfile, Task};
use crate::model::walk;
use crate::model::wire::{Desired, JobResult, Record, Roster};
use crate::model::{Cause, Mono, Now, Object, Purpose, Wall};
use crate::net::stop::Stop;
use crate::probe::walk::Walk;
use crate::probe::{self, Ctx, KINDS, Run};
use crate::relay::spool::{Append, SavedState, Spool};
use crate::relay::uplink::UplinkStatus;

/// Rosters and status records go up this often (design section 8).
const ROSTER_EVERY: Duration = Duration::from_secs(60);
/// Timers of rules and summary windows are looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// Records of samples made at once: half a million rows as records are a gigabyte, so the spool gets them in turns.
const RECORDS: usize = 32;
/// Parcels of records waiting to be written; the loop waits when it is full, and runs get late, not lost.
const WRITES: usize = 64;
/// How long runs in flight may take to end when stopping.
const LAST_RUNS: Duration = Duration::from_secs(1);

/// What the loop is started with.
pub(super) struct Parts {
    pub(super) cx: Arc<Ctx>,
    pub(super) spool: Spool,
    /// Where plans are written down before use; `None` when the agent runs alone.
    pub(super) plan_file: Option<PathBuf>,
    pub(super) first: Option<Plan>,
    pub(super) plans: mpsc::Receiver<Plan>,
    pub(super) desired: mpsc::Receiver<Desired>,
    pub(super) rev: watch::Sender<u64>,
    pub(super) latest: Latest,
    pub(super) uplink: Option<watch::Receiver<UplinkStatus>>,
    pub(super) stop: Stop,
    pub(super) tell: watch::Sender<Told>,
    pub(super) beat: watch::Sender<u64>,
}

/// Records and rule state that go down in one transaction.
#[derive(Default)]
struct Parcel {
    records: Vec<Append>,
    saved: Vec<SavedState>,
}

/// Runs until told to stop.
pub(super) async fn run(mut parts: Parts, ears: Ears) {
    let (writes, write_in) = mpsc::channel(WRITES);
    let writer = tokio::spawn(write(parts.spool.clone(), write_in));
    let mut core = Core::new(&parts, ears, writes).await;
    if let Some(plan) = parts.first.take() {
        core.apply(plan);
    }
    let mut finished = Vec::new();
    loop {
        let wake = core.next_wake();
        tokio::select! {
            biased;
            () = parts.stop.stopped() => break,
            Some(plan) = parts.plans.recv() => core.apply(plan),
            Some(desired) = parts.desired.recv() => core.desired(desired, parts.plan_file.as_deref(), &parts.rev),
            done = core.runs.next() => core.finished(done),
            () = core.bulk.next(&mut finished) => {}
            Some(parcel) = core.ears.next() => core.heard(parcel),
            at = core.triggers.changed() => core.look_at(&at, "its configuration file was changed"),
            records = core.walks.next() => records.into_iter().for_each(|record| core.record(record)),
            records = core.sweeps.next() => records.into_iter().for_each(|record| core.record(record)),
            () = core.cx.clock.sleep_until(wake) => {}
        }
        for (task, began, run) in finished.drain(..) {
            core.finished(Done::of(task, began, run));
        }
        core.turn(&parts.tell, &parts.beat);
        core.send().await;
    }
    core.stop().await;
    drop(core);
    if writer.await.is_err() {
        tracing::error!("the spool's writer broke off");
    }
}

/// Writes parcels down in order; several that wait become one transaction.
async fn write(spool: Spool, mut parcels: mpsc::Receiver<Parcel>) {
    let mut waiting = Vec::with_capacity(WRITES);
    while parcels.recv_many(&mut waiting, WRITES).await > 0 {
        let mut all = Parcel::default();
        for parcel in waiting.drain(..) {
            all.records.extend(parcel.records);
            all.saved.extend(parcel.saved);
        }
        if let Err(error) = spool.append(all.records, all.saved).await {
            tracing::error!(%error, "records could not be written down");
        }
    }
}

struct Core {
    cx: Arc<Ctx>,
    spool: Spool,
    schedule: Schedule,
    schemas: HashMap<&'static str, Arc<KindSchema>>,
    runs: Runs,
    bulk: Bulk,
    hours: Hours,
    sweeps: Jobs<Addresses>,
    walks: Jobs<Variables>,
    triggers: Triggers,
    ears: Ears,
    tasks: HashMap<Arc<str>, Arc<Task>>,
    /// Those in use, as they were sent.
    profiles: Option<Vec<PlanProfile>>,
    rules: Option<Rules>,
    restored: Vec<Saved>,
    summaries: Summariser,
    latest: Latest,
    status: Status,
    rev: u64,
    next_tick: Mono,
    next_roster: Mono,
    parcel: Parcel,
    writes: mpsc::Sender<Parcel>,
}

impl Core {
    async fn new(parts: &Parts, mut ears: Ears, writes: mpsc::Sender<Parcel>) -> Self {
        let cx = parts.cx.clone();
        let now = cx.clock.now();
        let restored = parts.spool.saved().await.unwrap_or_else(|error| {
            tracing::error!(%error, "rule states of the last run are lost");
            Vec::new()
        });
        let mut restored: Vec<Saved> = restored.into_iter().map(|(key, body)| Saved { key, body }).collect();
        restored.retain(|saved: &Saved| !engine::keeps(&saved.key));
        let kept = ears.restore(&mut restored, now);
        let mut core = Self {
            schedule: Schedule::new(seed(&cx)),
            schemas: KINDS.iter().map(|kind| (kind.spec.name, Arc::new(kind.spec.schema.clone()))).collect(),
            runs: Runs::new(cx.clone()),
            bulk: Bulk::new(cx.clone()),
            hours: Hours::default(),
            sweeps: Jobs::new(cx.clock.clone()),
            walks: Jobs::new(cx.clock.clone()),
            triggers: Triggers::default(),
            tasks: HashMap::new(),
            profiles: None,
            rules: None,
            restored,
            summaries: Summariser::new(),
            latest: parts.latest.clone(),
            status: Status::new(now, parts.spool.clone(), cx.limits.clone(), parts.uplink.clone()),
            rev: 0,
            next_tick: now.mono.plus(TICK),
            next_roster: now.mono,
            parcel: Parcel::default(),
            writes,
            spool: parts.spool.clone(),
            ears,
            cx,
        };
        core.effects(kept);
        core
    }

    fn next_wake(&self) -> Mono {
        if self.summaries.waits() {
            return self.cx.clock.mono();
        }
        let rules = self.rules.as_ref().and_then(Rules::next_wake);
        let schedule = self.schedule.next_wake(self.cx.clock.mono());
        [schedule, rules, self.triggers.next_wake()].into_iter().flatten().fold(self.next_tick, Mono::min)
    }

    /// Takes a plan into use. The caller has written it down.
    fn apply(&mut self, plan: Plan) {
        let now = self.cx.clock.now();
        let tasks: Vec<Arc<Task>> = plan.tasks.iter().cloned().map(Arc::new).collect();
        let each: Vec<Arc<Task>> = tasks.iter().filter(|task| !bulk::is_bulk(&task.kind)).cloned().collect();
        self.cx.marks.set(plan.secrets.get(config::plan::MARKS));
        let mut problems = self.take_profiles(&plan);
        problems.extend(self.runs.set(&plan, &each));
        self.schedule.set(&each, now.mono);
        self.triggers.set(&each, &plan.rules, now.mono);
        self.hours.set(&plan, now.wall);
        self.bulk.set(&self.hours.those_open(&tasks));
        self.tasks = tasks.iter().map(|task| (task.id.clone(), task.clone())).collect();
        let effects = match &mut self.rules {
            Some(rules) => {
                rules.set_calendars(&plan.calendars);
                let (effects, unknown) = rules.reload(&plan.rules, &plan.objects, &plan.tasks, now);
                problems.extend(unknown);
                effects
            }
            None => {
                let saved = std::mem::take(&mut self.restored);
                let (rules, unknown) =
                    Rules::new(&plan.rules, &plan.objects, &plan.tasks, probe::catalog(), saved, now);
                problems.extend(unknown);
                let rules = self.rules.insert(rules);
                rules.set_calendars(&plan.calendars);
                rules.tick(now) // what lost its rule while we were away
            }
        };
        self.effects(effects);
        let (effects, unknown) = self.ears.apply(&plan, now);
        problems.extend(unknown);
        self.effects(effects);
        self.latest.plan(&plan);
        self.summaries.set_room(summarise::room(&plan.tasks, probe::catalog()));
        self.rev = plan.rev;
        self.status.plan(&plan, problems);
        self.next_roster = now.mono;
        tracing::info!(rev = plan.rev, tasks = tasks.len(), rules = plan.rules.len(), "plan in use");
    }

    /// Families of devices, if they are others than before or the first that are needed; what is wrong with one.
    fn take_profiles(&mut self, plan: &Plan) -> Vec<String> {
        let reads = |kind: &str| KINDS.iter().any(|known| known.spec.profiles && known.spec.name == kind);
        let needed = plan.tasks.iter().any(|task| reads(&task.kind));
        if !needed || self.profiles.as_ref().is_some_and(|profiles| *profiles == plan.profiles) {
            return Vec::new();
        }
        let (profiles, wrong) = defs::profiles(&plan.profiles, probe::catalog());
        self.cx.profiles.set(profiles);
        self.profiles = Some(plan.profiles.clone());
        wrong.iter().map(ToString::to_string).collect()
    }

    /// What the console wants: a plan, which is written down before use, and jobs.
    fn desired(&mut self, desired: Desired, file: Option<&std::path::Path>, rev: &watch::Sender<u64>) {
        if let Some(plan) = desired.plan {
            if plan.agent != self.cx.agent {
                tracing::error!(agent = %plan.agent, "a plan for another agent was left unused");
            } else if let Some(Err(error)) = file.map(|file| config::plan::save(file, &plan)) {
                tracing::error!(%error, "the new plan could not be written down and is left unused");
                self.cx.limits.set("plan", format!("a new plan could not be written down: {error}"));
            } else {
                rev.send_replace(plan.rev);
                self.apply(plan);
            }
        }
        let now = self.cx.clock.now();
        for job in desired.jobs {
            let result = match job {
                Job::ProbeNow { id, object, count, spacing_ms } => {
                    let spacing = Duration::from_millis(spacing_ms);
                    match self.probe_now(&object, None, count, spacing) {
                        Ok(tasks) => JobResult { id, ok: true, detail: format!("{tasks} probes asked for") },
                        Err(why) => JobResult { id, ok: false, detail: why },
                    }
                }
                Job::Roster { id } => {
                    self.next_roster = now.mono;
                    JobResult { id, ok: true, detail: String::new() }
                }
                Job::Discover { id, wanted, keys } => {
                    match self.sweeps.begin(id, |clock| Addresses::begin(&wanted, &keys, clock)) {
                        Ok(()) => continue, // it is answered when it ends
                        Err((id, detail)) => JobResult { id, ok: false, detail },
                    }
                }
                Job::Walk { id, object, oid } => {
                    let walk = self.walk(&object, &oid);
                    match self.walks.begin(id, |clock| Ok(Variables::begin(walk?, clock))) {
                        Ok(()) => continue, // as a sweep
                        Err((id, detail)) => JobResult { id, ok: false, detail },
                    }
                }
                Job::Unknown { id } => {
                    JobResult { id, ok: false, detail: "this agent does not know this job; update it".to_owned() }
                }
            };
            self.record(Record::JobResult(result));
        }
    }

    fn probe_now(
        &mut self,
        object: &Object,
        kind: Option<&str>,
        count: u32,
        spacing: Duration,
    ) -> Result<usize, String> {
        let now = self.cx.clock.mono();
        let wanted = |task: &Task| task.object == *object && kind.is_none_or(|kind| *task.kind == *kind);
        let mine: Vec<Arc<Task>> = self.tasks.values().filter(|task| wanted(task)).cloned().collect();
        if mine.is_empty() {
            return Err(format!("this agent has no probe on {object}"));
        }
        if mine.iter().all(|task| !self.hours.open(task)) {
            return Err(format!("{object} is probed in its working hours only"));
        }
        if self.schedule.probe_now(object, kind, count, spacing, now) == 0 {
            return Err(format!("{object} was probed out of turn too often; wait a minute"));
        }
        for task in mine.iter().filter(|task| bulk::is_bulk(&task.kind) && self.hours.open(task)) {
            self.bulk.now(task);
        }
        Ok(mine.len())
    }

    /// A walk of a device, asked as the task asks that reads it by its profile.
    fn walk(&self, object: &Object, oid: &str) -> Result<Walk, String> {
        let root = walk::read(oid).map_err(|bad| bad.to_string())?;
        let reads = |task: &&Arc<Task>| {
            task.object == *object && probe::kind(&task.kind).is_some_and(|kind| kind.spec.profiles)
        };
        let task = self.tasks.values().filter(reads).min_by_key(|task| &task.id);
        let task = task.ok_or_else(|| format!("this agent does not read {object} by SNMP"))?;
        if !self.hours.open(task) {
            return Err(format!("{object} is probed in its working hours only"));
        }
        let secrets = self.runs.secrets();
        let secret = task.secret.as_ref().and_then(|name| secrets.get(name));
        Walk::of(task, secret.ok_or("its secret is not in the plan")?, secrets.values(), root)
    }

    /// Something says that it is time for a look.
    fn look_at(&mut self, (object, kind): &(Object, Arc<str>), reason: &str) {
        if let Err(why) = self.probe_now(object, Some(kind), 1, Duration::ZERO) {
            tracing::debug!(%object, reason, %why, "not probed out of turn");
        }
    }

    /// A run ended: it becomes an observation, and everybody who wants it gets it.
    fn finished(&mut self, done: Done) {
        let Done { task, began, run, burst, news } = done;
        if !bulk::is_bulk(&task.kind) {
            self.schedule.finished(&task.id);
        }
        if let Some(burst) = burst {
            self.observe(&task, began, burst);
        }
        if self.tasks.contains_key(&task.id) {
            news.into_iter().for_each(|news| self.record(news));
        }
        self.observe(&task, began, run);
    }

    fn observe(&mut self, task: &Arc<Task>, began: Wall, run: Run) {
        let Some(schema) = self.schemas.get(&*task.kind) else { return };
        if !self.tasks.contains_key(&task.id) {
            return; // it left the plan while this run was under way
        }
        if run.purpose == Purpose::Measure {
            self.status.ran(&run);
        }
        let now = self.cx.clock.now();
        let observation = probe::observation(&self.cx, task, schema, began, run);
        let facts = self.summaries.push(&observation, task.keep(), now);
        facts.into_iter().map(Record::Facts).for_each(|record| self.record(record));
        self.ears.observed(&observation);
        self.triggers.observed(&observation, now.mono);
        if let Some(rules) = &mut self.rules {
            let effects = rules.observe(&observation, now);
            self.effects(effects);
        }
    }

    /// Collectors heard something.
    fn heard(&mut self, mut parcel: collect::Parcel) {
        self.parcel.saved.extend(parcel.clocks.take().map(engine::keep));
        parcel.counts.take().into_iter().for_each(|counts| self.status.heard(counts));
        let now = self.cx.clock.now();
        self.triggers.heard(&parcel.hits, now.mono);
        let (effects, records) = self.ears.take(parcel, now);
        self.effects(effects);
        records.into_iter().for_each(|record| self.record(record));
    }

    /// Starts what is due and looks at timers.
    fn turn(&mut self, tell: &watch::Sender<Told>, beat: &watch::Sender<u64>) {
        let now = self.cx.clock.now();
        if self.hours.turned(now.wall) {
            let mut tasks: Vec<Arc<Task>> = self.tasks.values().cloned().collect();
            tasks.sort_by(|a, b| a.id.cmp(&b.id));
            self.bulk.set(&self.hours.those_open(&tasks));
        }
        for at in self.triggers.due(now.mono) {
            self.look_at(&at, "the device told of it");
        }
        self.start_due(now);
        if now.mono >= self.next_tick || self.summaries.waits() {
            self.samples(now, RECORDS);
        }
        if now.mono >= self.next_roster && self.rules.is_some() {
            self.next_roster = now.mono.plus(ROSTER_EVERY);
            let mut firing = self.rules.as_ref().map(Rules::roster).unwrap_or_default();
            firing.extend(self.ears.alarms.roster());
            self.record(Record::Roster(Roster { firing, plan_rev: self.rev }));
        }
        let rules_due = self.rules.as_ref().and_then(Rules::next_wake).is_some_and(|at| at <= now.mono);
        if now.mono < self.next_tick && !rules_due {
            return;
        }
        if let Some(rules) = &mut self.rules {
            let effects = rules.tick(now);
            self.effects(effects);
        }
        if now.mono >= self.next_tick {
            self.next_tick = now.mono.plus(TICK);
            self.tell_dropped();
            for kind in self.bulk.ended() {
                self.cx.limits.set(kind, "its runner ended by itself; it begins again with the next plan");
            }
            let rules = self.rules.as_ref();
            let effects = self.ears.tick(now, |key, instance| rules.is_some_and(|rules| rules.fires(key, instance)));
            self.effects(effects);
            let mut firing = self.rules.as_ref().map(|rules| rules.firing(now)).unwrap_or_default();
            firing.extend(self.ears.firing());
            beat.send_modify(|n| *n += 1);
            tell.send_replace(Told { firing, counts: self.status.counts() });
            if let Some(status) = self.status.due(now) {
                self.record(Record::AgentStatus(status));
            }
        }
    }

    fn start_due(&mut self, now: Now) {
        loop {
            let due = self.schedule.due(now.mono);
            if due.is_empty() {
                return;
            }
            for due in due {
                let done = match due.action {
                    action if !self.hours.open(&due.task) => {
                        if action == schedule::Action::Run {
                            self.schedule.finished(&due.task.id);
                        }
                        None
                    }
                    schedule::Action::Run => {
                        let done = self.runs.start(&due.task, now.wall, due.deadline);
                        if done.is_some() {
                            self.schedule.finished(&due.task.id);
                        }
                        done.map(|done| done.run)
                    }
                    schedule::Action::Skip(cause) => Some(Run::invalid(cause, skipped(cause))),
                };
                if let Some(run) = done {
                    self.observe(&due.task, now.wall, run);
                }
            }
        }
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Alert { alert, saved } => {
                    tracing::info!(alert = %alert.key, rule = %alert.rule, state = alert.state.as_str(), "alert");
                    self.save(saved);
                    self.record(Record::Alert(alert));
                }
                Effect::Save(saved) => self.save(saved),
                Effect::Forget(key) => self.parcel.saved.push(SavedState { key, body: None }),
                Effect::ProbeNow { object, kind, count, spacing, reason } => {
                    if let Err(why) = self.probe_now(&object, kind.as_deref(), count, spacing) {
                        tracing::debug!(%object, %reason, %why, "not probed out of turn");
                    }
                }
            }
        }
    }

    fn save(&mut self, saved: Saved) {
        let body = Some(saved.body).filter(|body| !body.is_null());
        self.parcel.saved.push(SavedState { key: saved.key, body });
    }

    fn record(&mut self, record: Record) {
        let at = self.cx.clock.wall();
        self.parcel.records.push(Append { record, at });
    }

    /// Records of windows that have ended, at most so many.
    fn samples(&mut self, now: Now, most: usize) {
        for _ in 0..most {
            let Some(samples) = self.summaries.ended(now) else { return };
            self.latest.take(&self.cx.agent, &samples, now);
            self.record(Record::Samples(samples));
        }
    }

    /// What found no room in windows is said as long as we run.
    fn tell_dropped(&self) {
        let dropped = self.summaries.dropped();
        if dropped > 0 {
            let text =
                format!("{dropped} rows of samples found no room and were dropped: give devices to other agents");
            self.cx.limits.set("samples", text);
        }
    }

    async fn send(&mut self) {
        if self.parcel.records.is_empty() && self.parcel.saved.is_empty() {
            return;
        }
        let parcel = std::mem::take(&mut self.parcel);
        if self.writes.send(parcel).await.is_err() {
            tracing::error!("the spool's writer is gone; records are lost until the agent restarts");
        }
    }

    /// Lets runs in flight end, then hands everything over.
    async fn stop(&mut self) {
        self.bulk.stop();
        let end = self.cx.clock.mono().plus(LAST_RUNS);
        while self.runs.in_flight() > 0 {
            tokio::select! {
                done = self.runs.next() => self.finished(done),
                () = self.cx.clock.sleep_until(end) => break,
            }
        }
        // Collectors were told to end as well; what they hold comes until their last word.
        while let Some(Some(parcel)) = self.cx.clock.until(end, self.ears.next()).await {
            self.heard(parcel);
        }
        let now = self.cx.clock.now();
        self.summaries.end_all(now.mono);
        self.samples(now, usize::MAX);
        self.send().await;
        tracing::debug!(records = self.spool.stats().records, "agent loop ended");
    }
}

/// Agents do not probe a shared target in time with each other.
fn seed(cx: &Ctx) -> u64 {
    cx.agent.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
    })
}

fn skipped(cause: Cause) -> &'static str {
    match cause {
        Cause::Overrun => "the run before has not ended",
        _ => "this host was too busy to begin in time",
    }
}
