//! What the console knows, in SQLite below one directory. Every change is a job for the one writer thread
//! and carries its audit row; every read takes a scope. The only SQL of the console stands in here.
//!
//! ```text
//! DIR/lock  key  core.db  series/raw-YYYYMMDD.db  series/roll-YYYYMM.db  log/log-YYYYMMDD.db  event/event-YYYYMM.db  pki/  backup/
//! ```

mod accounts;
mod agents;
mod audit;
mod availability;
mod brief;
mod certificates;
mod changes;
mod chunk;
mod commands;
mod days;
mod db;
mod discoveries;
mod events;
mod findings;
mod graded;
mod inbox;
mod incidents;
mod ingest;
mod inventory;
mod latest;
mod live;
mod lock;
mod looks;
mod maintenance;
mod own;
mod points;
mod reports;
mod retention;
mod roll;
mod scope;
mod sealed;
mod series;
mod statistics;
pub mod strip;
mod tokens;
pub mod traffic;
pub mod types;
mod waivers;
mod walks;
pub mod ways;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, watch};

pub use accounts::LINK_LIFE;
pub(crate) use findings::{SHIPPED, UNKNOWN, judged_as_here};
pub(crate) use graded::noise;
pub use latest::{Ended, MAX_SERIES, Newest, NewestRow};
pub use live::{Changes, FreshSamples};
pub(crate) use lock::{file_error, make_dir, write_private};
pub use types::*;

use crate::console::command::{
    Actor, AuditFilter, Command, CommandError, Inbox, IncidentDetail, IncidentFilter, Outcome, Page, Paged, Scope,
};
use crate::console::pki::{Authority, ServerIdentity};
use crate::engine::expose::Told;
use crate::engine::incident::Policy;
use crate::model::discovery::Found;
use crate::model::incident::Incident;
use crate::model::inventory::Inventory;
use crate::model::plan::Job;
use crate::model::walk;
use crate::model::wire::{Batch, BatchAnswer, EnrollAnswer, JobResult};
use crate::model::{AgentId, Alert, AssetId, Now, Object, Secret, Wall};

use live::{Live, Shared};
use writer::{Memory, Queue, Writer};

/// Read-only connections to core.db: pages are short, and each has its own cache.
const READERS: usize = 3;
/// Series read at once: each may unpack an hour of the journal.
const CHARTS: usize = 2;
/// How long a desired-state request may be held at most, so that an agent that polls is heard often enough.
pub const LONG_POLL_MAX: Duration = Duration::from_secs(20);

/// A handle to the store. The last one that goes ends the writer, after all that waits is committed.
#[derive(Clone)]
pub struct Store {
    queue: Queue,
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.shared.dir.display())
    }
}

impl Store {
    /// Opens the data directory, alone. Blocks: call it before the runtime is busy.
    pub fn open(parts: &StoreParts) -> Result<Self, StoreError> {
        let lock = lock::Lock::take(&parts.dir)?;
        let now = parts.clock.now();
        let layout = days::Layout::new(&parts.dir, &parts.timezone)?;
        let backup = parts.dir.join("backup");
        let core_file = parts.dir.join("core.db");
        let core = db::open(&core_file, db::CORE, db::Use::Core, &backup, now.wall)?;
        let mut days = days::Days::new(layout.clone())?;
        let authority = Authority::open(&parts.dir.join("pki"), now.wall)?;
        let live = Live::load(&core, parts, now.wall)?;
        let accounts = accounts::Accounts::load(&core, parts.accounts, now)?;
        let memory = Memory::load(&core, &mut days, now.wall)?;
        let readers = (0..READERS).map(|_| db::open_reader(&core_file)).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared {
            dir: parts.dir.clone(),
            clock: parts.clock.clone(),
            layout,
            raw_days: parts.raw_days,
            roll_days: parts.roll_days,
            log_days: parts.log_days,
            snapshots: parts.snapshots,
            silent_after: parts.silent_after,
            opened: now.mono,
            accounts,
            authority,
            live: RwLock::new(live),
            latest: RwLock::default(),
            strips: RwLock::default(),
            policy: Mutex::default(),
            stats: Mutex::default(),
            changes: watch::channel(Changes::default()).0,
            feed: broadcast::channel(live::FEED).0,
            readers: Mutex::new(readers),
            permits: Semaphore::new(READERS),
            charts: Semaphore::new(CHARTS),
            closing: Arc::new(Semaphore::new(1)),
            retired: Mutex::new(0),
            close_at: Mutex::default(),
        });
        series::warm(&shared, now.wall);
        strip::warm(&shared, now.wall);
        let writer = Writer::new(core, days, memory, shared.clone(), lock);
        let (queue, thread) = Queue::start(writer)?;
        Ok(Self { queue, shared, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Ends the writer and waits until everything that waits is committed and the directory is free. Other
    /// handles answer from then on that the store is closed.
    pub async fn close(self) {
        let Self { queue, thread, .. } = self;
        let thread = thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let ended = tokio::task::spawn_blocking(move || {
            queue.stop();
            thread.map(std::thread::JoinHandle::join)
        });
        if !matches!(ended.await, Ok(None | Some(Ok(())))) {
            tracing::error!("the store's writer ended badly");
        }
    }

    /// The data directory.
    pub fn dir(&self) -> &std::path::Path {
        &self.shared.dir
    }

    /// Carries out a change, with its audit row in the same transaction; a refused one leaves a row too.
    pub async fn command(
        &self,
        actor: &Actor,
        reason: Option<&str>,
        command: Command,
    ) -> Result<Outcome, CommandError> {
        commands::run(self, actor.clone(), reason.map(str::to_owned), command).await
    }

    /// The declared inventory and its revision.
    pub fn inventory(&self) -> (u64, Arc<Inventory>) {
        let live = self.shared.live();
        (live.rev, live.inventory.clone())
    }

    /// A secret, opened; `None` if there is none of that name or it does not open (which is logged).
    pub fn secret(&self, name: &str) -> Option<Secret> {
        sealed::open(&self.shared, name)
    }

    /// All secrets, without their values.
    pub fn secrets(&self) -> Vec<SecretRow> {
        self.shared.live().secrets.values().map(|(row, _)| row.clone()).collect()
    }

    /// All API tokens, without their texts.
    pub fn tokens(&self) -> Vec<TokenRow> {
        let mut rows: Vec<TokenRow> = self.shared.live().tokens.values().cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// All enrolment tokens, without their texts.
    pub fn enroll_tokens(&self) -> Vec<EnrollTokenRow> {
        self.shared.live().enroll_tokens.clone()
    }

    /// Who a bearer token stands for; `None` if it is unknown, expired or revoked.
    pub fn token_check(&self, text: &str) -> Option<Actor> {
        tokens::check(self, text)
    }

    /// All agents that are declared or enrolled.
    pub fn agents(&self) -> Vec<AgentRow> {
        agents::rows(&self.shared)
    }

    /// Agents that were heard of within `silent_after`.
    pub fn alive(&self) -> std::collections::BTreeSet<AgentId> {
        self.agents().into_iter().filter(|agent| agent.alive).map(|agent| agent.id).collect()
    }

    /// Notes that an agent asked for something. Ingest does so itself; the desired-state poll calls it when a
    /// request comes in, and a poll is held for `LONG_POLL_MAX` at most.
    pub fn heard(&self, agent: &AgentId) {
        agents::heard(self, agent);
    }

    /// Which objects an agent may speak about: those of its plan. An asset stands for its interfaces, and the
    /// agent itself is always its own.
    pub fn set_assignments(&self, agent: &AgentId, objects: HashSet<Object>) {
        agents::assign(&self.shared, agent, objects);
    }

    /// How agents combine and who watches what; from the plan builder.
    pub fn set_policy(&self, policy: Policy) {
        *self.shared.policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = policy.clone();
        let sent = self.queue.tell("set the policy of incidents", move |writer| {
            writer.memory.book.set_policy(policy);
            Ok(())
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "the policy of incidents waits for the next change");
        }
    }

    /// A plan revision above all given out before.
    pub async fn next_plan_rev(&self) -> Result<u64, StoreError> {
        self.queue.ask(|writer| inventory::next_number(&writer.core, "plan_rev")).await
    }

    /// Takes a batch of an agent; answers after COMMIT.
    pub async fn ingest(&self, agent: &AgentId, batch: Batch, received: Now) -> Result<BatchAnswer, IngestError> {
        ingest::ingest(self, agent, batch, received).await
    }

    /// Samples as they are committed, for the console's own rules.
    pub fn feed(&self) -> broadcast::Receiver<FreshSamples> {
        self.shared.feed.subscribe()
    }

    /// What the console's own rules say, with their state, in one transaction.
    pub async fn judge(
        &self,
        alerts: Vec<Alert>,
        saved: Vec<(String, Option<serde_json::Value>)>,
    ) -> Result<(), StoreError> {
        self.queue.ask(move |writer| own::judged(writer, alerts, saved)).await
    }

    /// The state of the console's own rules, as `judge` left it.
    pub async fn judged(&self) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
        self.read(own::saved).await
    }

    /// Jobs that an agent has not answered; a sweep brings the secrets it needs, which are stored nowhere with it.
    pub async fn jobs(&self, agent: &AgentId) -> Result<Vec<Job>, StoreError> {
        let agent = agent.clone();
        let mut jobs = self.read(move |core| agents::jobs(core, &agent)).await?;
        for job in &mut jobs {
            if let Job::Discover { wanted, keys, .. } = job {
                *keys = wanted.secrets.iter().filter_map(|name| Some((name.clone(), self.secret(name)?))).collect();
            }
        }
        Ok(jobs)
    }

    /// Sweeps, newest first.
    pub async fn discoveries(&self) -> Result<Vec<DiscoveryRow>, StoreError> {
        self.read(discoveries::list).await
    }

    /// A sweep with what it found, in order of addresses.
    pub async fn discovery(&self, id: &str) -> Result<Option<(DiscoveryRow, Vec<Found>)>, StoreError> {
        let id = id.to_owned();
        self.read(move |core| discoveries::one(core, &id)).await
    }

    /// Raw walks of an asset in scope, newest first.
    pub async fn walks(&self, scope: &Scope, asset: &AssetId) -> Result<Vec<WalkRow>, StoreError> {
        if !self.sees(scope, &Object::Asset(asset.clone())) {
            return Ok(Vec::new());
        }
        let asset = asset.clone();
        self.read(move |core| walks::list(core, &asset)).await
    }

    /// A raw walk of an asset in scope, with what came, in the order in which the device told it.
    pub async fn walk(
        &self,
        scope: &Scope,
        asset: &AssetId,
        id: &str,
    ) -> Result<Option<(WalkRow, Vec<walk::Row>)>, StoreError> {
        if !self.sees(scope, &Object::Asset(asset.clone())) {
            return Ok(None);
        }
        let id = id.to_owned();
        let found = self.read(move |core| walks::one(core, &id)).await?;
        Ok(found.filter(|(row, _)| row.asset == *asset))
    }

    /// Marks a job as done; ingest does so itself for `job_result` records.
    pub async fn job_done(&self, agent: &AgentId, result: JobResult) -> Result<(), StoreError> {
        let agent = agent.clone();
        self.queue.ask(move |writer| agents::job_done(writer, &agent, &result)).await
    }

    /// Incidents, newest first.
    pub async fn incidents(
        &self,
        scope: &Scope,
        filter: IncidentFilter,
        page: Page,
    ) -> Result<Paged<Incident>, StoreError> {
        let seen = self.seen(scope);
        self.read(move |core| incidents::list(core, &seen, &filter, &page)).await
    }

    /// A page of the inbox.
    pub async fn inbox(&self, scope: &Scope, asked: Inbox) -> Result<Paged<InboxRow>, StoreError> {
        let seen = self.seen(scope);
        let within = (!asked.regions.is_empty()).then(|| self.seen(&Scope::Regions(asked.regions.clone())));
        let (_, inventory) = self.inventory();
        self.read(move |core| inbox::page(core, &seen, within.as_ref(), &inventory, &asked)).await
    }

    /// How many open and acknowledged incidents of a scope stand where.
    pub async fn standing(&self, scope: &Scope) -> Result<Vec<Standing>, StoreError> {
        let seen = self.seen(scope);
        self.read(move |core| inbox::standing(core, &seen)).await
    }

    /// One incident; `None` if it is not there or not in scope.
    pub async fn incident(&self, scope: &Scope, id: &str) -> Result<Option<IncidentDetail>, StoreError> {
        let (seen, id) = (self.seen(scope), id.to_owned());
        self.read(move |core| incidents::detail(core, &seen, &id)).await
    }

    /// Whether an object is in a scope.
    pub fn sees(&self, scope: &Scope, object: &Object) -> bool {
        self.seen(scope).sees(object)
    }

    /// How many incidents stand where; kept by the writer, over all regions.
    pub async fn incident_counts(&self) -> Result<Vec<IncidentCount>, StoreError> {
        self.read(incidents::counts).await
    }

    /// Everything that is firing.
    pub async fn alerts(&self, scope: &Scope) -> Result<Vec<FiringAlert>, StoreError> {
        let seen = self.seen(scope);
        self.read(move |core| incidents::firing(core, &seen)).await
    }

    /// The newest values of an object; empty if it is not in scope.
    pub fn latest(&self, scope: &Scope, object: &Object) -> Vec<Latest> {
        let mut found = Vec::new();
        if self.seen(scope).sees(object) {
            self.shared.latest().of(object, |latest| found.push(latest));
        }
        found
    }

    /// The newest values, lent: one lock for as many look-ups as a page needs. Not to be held across an await.
    pub fn newest(&self) -> Newest<'_> {
        Newest(self.shared.latest())
    }

    /// What stands open, newest first, in short; in scope, and at most `brief::MAX_OPEN`.
    pub async fn open_now(&self, scope: &Scope) -> Result<Vec<Brief>, StoreError> {
        let seen = self.seen(scope);
        self.read(move |core| brief::open(core, &seen)).await
    }

    /// Incidents about these objects, newest first, in short; with `ports_of`, about all ports of an asset too.
    pub async fn incidents_about(
        &self,
        scope: &Scope,
        objects: Vec<Object>,
        ports_of: Option<AssetId>,
        limit: usize,
    ) -> Result<Vec<Brief>, StoreError> {
        let seen = self.seen(scope);
        self.read(move |core| brief::about(core, &seen, &objects, ports_of.as_ref(), limit)).await
    }

    /// Calls `each` with the newest value of every series, objects in order; holds a lock meanwhile.
    pub fn latest_all(&self, each: impl FnMut(Latest)) {
        self.shared.latest().all(each);
    }

    /// What agents found out about an object; empty if it is not in scope.
    pub async fn facts(&self, scope: &Scope, object: &Object) -> Result<Vec<Fact>, StoreError> {
        let (seen, object) = (self.seen(scope), object.clone());
        if !seen.sees(&object) {
            return Ok(Vec::new());
        }
        self.read(move |core| agents::facts(core, &object)).await
    }

    /// What ports of all assets tell in words, each with the name of its field (`engine::expose::TOLD`).
    pub async fn ports_told(&self) -> Result<BTreeMap<Object, Told>, StoreError> {
        self.read(brief::ports_told).await
    }

    /// The SNMP engine id of each asset that told it since then, in hexadecimal.
    pub async fn engines(&self, since: Wall) -> Result<BTreeMap<AssetId, String>, StoreError> {
        self.read(move |core| brief::engines(core, since)).await
    }

    /// What agents found out about the ports of an asset; empty if it is not in scope. One query for all of them.
    pub async fn facts_of_ports(&self, scope: &Scope, asset: &AssetId) -> Result<Vec<Fact>, StoreError> {
        let (seen, asset) = (self.seen(scope), asset.clone());
        if !seen.sees(&Object::Asset(asset.clone())) {
            return Ok(Vec::new());
        }
        self.read(move |core| brief::facts_of_ports(core, &asset)).await
    }

    /// What a device said of itself last; nothing if it is not in scope.
    pub async fn report(&self, scope: &Scope, asset: &AssetId) -> Result<Option<ReportRow>, StoreError> {
        let (seen, asset) = (self.seen(scope), asset.clone());
        if !seen.sees(&Object::Asset(asset.clone())) {
            return Ok(None);
        }
        self.read(move |core| reports::of(core, &asset)).await
    }

    /// Which assets have a report, and from when it is; all of them.
    pub async fn report_times(&self) -> Result<Vec<(AssetId, Wall)>, StoreError> {
        self.read(reports::times).await
    }

    /// Interfaces that agents saw on an asset.
    pub async fn interfaces(&self, scope: &Scope, asset: &AssetId) -> Result<Vec<Object>, StoreError> {
        let (seen, asset) = (self.seen(scope), asset.clone());
        if !seen.sees(&Object::Asset(asset.clone())) {
            return Ok(Vec::new());
        }
        self.read(move |core| agents::interfaces(core, &asset)).await
    }

    /// Audit rows, newest first.
    pub async fn audit(&self, page: Page) -> Result<Paged<AuditRow>, StoreError> {
        self.audit_find(AuditFilter::default(), page).await
    }

    /// Audit rows that a filter lets through, newest first.
    pub async fn audit_find(&self, filter: AuditFilter, page: Page) -> Result<Paged<AuditRow>, StoreError> {
        self.read(move |core| audit::page(core, &filter, &page)).await
    }

    /// One audit row.
    pub async fn audit_row(&self, seq: u64) -> Result<Option<AuditRow>, StoreError> {
        self.read(move |core| audit::one(core, seq)).await
    }

    /// Who acted and what was done so far, by name, for choosing.
    pub async fn audit_words(&self) -> Result<AuditWords, StoreError> {
        self.read(audit::words).await
    }

    /// Recomputes the hash chain of the audit table.
    pub async fn audit_verify(&self) -> Result<AuditVerdict, StoreError> {
        self.read(audit::verify).await
    }

    /// The certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.shared.authority
    }

    /// The server certificate for these names; made anew in time, so ask once a day.
    pub fn server_identity(&self, names: &[String]) -> Result<ServerIdentity, StoreError> {
        self.shared.authority.server(names, self.shared.clock.wall())
    }

    /// Enrols an agent with its one-time token and signing request.
    pub async fn enroll(&self, token: &str, csr: &str) -> Result<EnrollAnswer, EnrollError> {
        certificates::enroll(self, token, csr).await
    }

    /// Signs a new certificate for the holder of one that is valid, or up to 60 days late.
    pub async fn renew(&self, serial: &str, csr: &str) -> Result<EnrollAnswer, EnrollError> {
        certificates::renew(self, serial, csr).await
    }

    /// Whose certificate this is, asked on each request. `serial` is hex as `pki::serial_hex` writes it.
    pub fn agent_by_certificate(&self, serial: &str) -> Result<AgentId, Refusal> {
        certificates::agent_of(&self.shared, serial)
    }

    /// Revisions to watch.
    pub fn subscribe(&self) -> watch::Receiver<Changes> {
        self.shared.changes.subscribe()
    }

    /// Once a second: silence of agents, expiry of acknowledgements, sessions that are over, hours to close, days to retire.
    pub async fn tick(&self, now: Now) {
        agents::tick(self, now).await;
        accounts::tick(self, now).await;
        series::maintain(self, now).await;
    }

    /// Counters since it was opened.
    pub fn stats(&self) -> StoreStats {
        let mut stats = *self.shared.stats();
        let (series, dropped) = self.shared.latest().size();
        stats.series = series as u64;
        stats.series_dropped = dropped;
        stats.wal_bytes = std::fs::metadata(self.shared.dir.join("core.db-wal")).map_or(0, |m| m.len());
        stats
    }

    fn seen(&self, scope: &Scope) -> scope::Seen {
        scope::Seen::new(scope, &self.shared.live().inventory)
    }

    /// Runs `work` on a read-only connection, off the runtime's threads.
    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let shared = self.shared.clone();
        let _permit = self.shared.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || {
            let lock = || shared.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let taken = lock().pop();
            let conn = match taken {
                Some(conn) => conn,
                None => db::open_reader(&shared.dir.join("core.db"))?,
            };
            let result = work(&conn);
            lock().push(conn);
            result
        })
        .await
        .unwrap_or_else(|error| Err(StoreError::Sql { what: "read", detail: error.to_string() }))
    }
}
