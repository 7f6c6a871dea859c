//! What every part of the console shares: the store, the definitions in force, the plans of the agents, the
//! newest values, the counters. Cheap to clone. It decides nothing; `planner` and `judge` write into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use tokio::sync::{Semaphore, watch};

use crate::config::Diagnostic;
use crate::config::defs::Definitions;
use crate::console::demo::Demo;
use crate::console::imports::Imports;
use crate::console::metrics::meters::Meters;
use crate::console::store::Store;
use crate::console::throttle::Throttle;
use crate::console::topology::Heard;
use crate::console::web::live::Hub;
use crate::engine::expose::Exposition;
use crate::model::field::Catalog;
use crate::model::plan::Plan;
use crate::model::{AgentId, Wall};
use crate::net::clock::Clock;
use crate::net::stop::Stop;

/// Batches that are unpacked at once: each may hold 2 MiB, and the writer takes them one by one anyway.
const UNPACKING: usize = 8;

/// Batches whose bodies come in at once: each may hold 1.1 MiB.
const RECEIVING: usize = 64;

/// The plan of one agent and what could not be planned.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// For people.
    pub notes: Vec<String>,
}

/// How the last reading of the definitions went.
#[derive(Debug, Clone)]
pub struct Reload {
    /// The files read last are in force.
    pub ok: bool,
    /// When those in force were read.
    pub loaded: Wall,
    /// When files were read last.
    pub tried: Wall,
    /// What was wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

/// A handle to the running console.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// See `Service`.
pub struct Inner {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// All probe kinds.
    pub catalog: Catalog,
    /// Counters.
    pub meters: Meters,
    /// Refused enrolments by address.
    pub enroll_throttle: Throttle,
    /// Permits to send a batch.
    pub receiving: Semaphore,
    /// Permits to unpack a batch.
    pub unpacking: Semaphore,
    /// Uploads that wait to be applied.
    pub imports: Imports,
    /// What devices said of their neighbours.
    pub heard: Heard,
    /// Ends long polls and tasks.
    pub stop: Stop,
    /// Time zone of people.
    pub zone: jiff::tz::TimeZone,
    /// What open pages are told.
    pub live: Hub,
    definitions: watch::Sender<Arc<Definitions>>,
    reload: Mutex<Reload>,
    exposition: Mutex<Exposition>,
    plans: RwLock<BTreeMap<AgentId, Arc<Planned>>>,
    planned: watch::Sender<u64>,
    ready: AtomicBool,
    agent_address: OnceLock<SocketAddr>,
    pages_url: OnceLock<String>,
    console_rule_problems: Mutex<Vec<String>>,
    demo: OnceLock<Demo>,
}

impl Deref for Service {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Service {
    /// Without plans; `planner` makes them.
    pub fn new(
        store: Store,
        clock: Clock,
        catalog: Catalog,
        definitions: Arc<Definitions>,
        diagnostics: Vec<Diagnostic>,
        zone: jiff::tz::TimeZone,
        stop: Stop,
    ) -> Self {
        let now = clock.wall();
        let meters = Meters::new();
        meters.reload(true, now.millis() / 1000);
        Self(Arc::new(Inner {
            store,
            catalog,
            meters,
            enroll_throttle: Throttle::default(),
            receiving: Semaphore::new(RECEIVING),
            unpacking: Semaphore::new(UNPACKING),
            imports: Imports::default(),
            heard: Heard::default(),
            stop,
            zone,
            live: Hub::new(now.millis().to_string()),
            definitions: watch::channel(definitions).0,
            reload: Mutex::new(Reload { ok: true, loaded: now, tried: now, diagnostics }),
            exposition: Mutex::new(Exposition::new(catalog)),
            plans: RwLock::default(),
            planned: watch::channel(0).0,
            ready: AtomicBool::new(false),
            agent_address: OnceLock::new(),
            pages_url: OnceLock::new(),
            console_rule_problems: Mutex::default(),
            demo: OnceLock::new(),
            clock,
        }))
    }
}

impl Inner {
    /// The definitions in force.
    pub fn definitions(&self) -> Arc<Definitions> {
        self.definitions.borrow().clone()
    }

    /// Tells when definitions change.
    pub fn watch_definitions(&self) -> watch::Receiver<Arc<Definitions>> {
        self.definitions.subscribe()
    }

    /// Takes definitions that were read while running: into force, or, without any, only what is wrong with them.
    pub fn reloaded(&self, definitions: Option<Arc<Definitions>>, diagnostics: Vec<Diagnostic>) {
        let now = self.clock.wall();
        self.meters.reload(definitions.is_some(), now.millis() / 1000);
        {
            let mut reload = lock(&self.reload);
            reload.ok = definitions.is_some();
            reload.tried = now;
            reload.diagnostics = diagnostics;
            if definitions.is_some() {
                reload.loaded = now;
            }
        }
        if let Some(definitions) = definitions {
            self.definitions.send_replace(definitions);
        }
        self.live.definitions_read();
    }

    /// How the last reading went.
    pub fn reload(&self) -> Reload {
        lock(&self.reload).clone()
    }

    /// The newest values; hold it for a moment only.
    pub fn exposition(&self) -> MutexGuard<'_, Exposition> {
        lock(&self.exposition)
    }

    /// The plan of an agent, once there is one.
    pub fn plan(&self, agent: &AgentId) -> Option<Arc<Planned>> {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }

    /// All plans.
    pub fn plans(&self) -> BTreeMap<AgentId, Arc<Planned>> {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts all plans in place and wakes whoever waits for one.
    pub fn set_plans(&self, plans: BTreeMap<AgentId, Arc<Planned>>) {
        *self.plans.write().unwrap_or_else(PoisonError::into_inner) = plans;
        self.ready.store(true, Ordering::Release);
        self.planned.send_modify(|n| *n += 1);
    }

    /// Tells when plans change.
    pub fn watch_plans(&self) -> watch::Receiver<u64> {
        self.planned.subscribe()
    }

    /// True once the first plans are built.
    pub fn planner_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Where agents reach this console, once it listens.
    pub fn agent_address(&self) -> Option<SocketAddr> {
        self.agent_address.get().copied()
    }

    /// Says where agents reach this console.
    pub fn set_agent_address(&self, address: SocketAddr) {
        let _ = self.agent_address.set(address);
    }

    /// The demonstration, if this is one.
    pub fn demo(&self) -> Option<&Demo> {
        self.demo.get()
    }

    /// Says that this is a demonstration, before anybody can ask for a page.
    pub fn set_demo(&self, demo: Demo) {
        let _ = self.demo.set(demo);
    }

    /// Where a browser on this machine opens the pages, such as `http://127.0.0.1:8080`, once they are served.
    pub fn pages_url(&self) -> Option<&str> {
        self.pages_url.get().map(String::as_str)
    }

    /// Says where the pages are.
    pub fn set_pages_url(&self, url: String) {
        let _ = self.pages_url.set(url);
    }

    /// Rules at the console that could not be used.
    pub fn console_rule_problems(&self) -> Vec<String> {
        lock(&self.console_rule_problems).clone()
    }

    /// Says which rules at the console could not be used.
    pub fn set_console_rule_problems(&self, problems: Vec<String>) {
        *lock(&self.console_rule_problems) = problems;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
