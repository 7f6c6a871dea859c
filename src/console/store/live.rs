//! What readers see without asking SQLite: brought up to date after each COMMIT, rebuilt from the tables at
//! start. Locks here are held for the moment of a look-up, never across an await.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, watch};

use super::accounts::Accounts;
use super::days::Layout;
use super::latest::LatestCache;
use super::strip::Strips;
use super::types::{EnrollTokenRow, GapRow, SecretRow, StoreStats, TokenRow};
use crate::console::pki::Authority;
use crate::console::secrets::Keys;
use crate::engine::incident::Policy;
use crate::model::Secret;
use crate::model::inventory::Inventory;
use crate::model::maintenance::Maintenance;
use crate::model::wire::{AgentStatus, Samples};
use crate::model::{AgentId, Mono, Object, Wall};
use crate::net::clock::Clock;

/// Samples that wait for the console's own rules; a reader that falls behind further loses the oldest.
pub(super) const FEED: usize = 256;

/// Revisions that grow with every change; watch them to know when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Something plans are built from: inventory, secrets, agents that enrolled, fell silent or spoke again.
    pub plan: u64,
    /// Incidents.
    pub incidents: u64,
    /// Jobs for agents.
    pub jobs: u64,
    /// Sweeps: begun, further, ended.
    pub discoveries: u64,
    /// Raw walks: begun, further, ended.
    pub walks: u64,
    /// Audit rows: commands that were carried out or refused, sign-ins, ends of sessions.
    pub audit: u64,
    /// Graded protection: results, waivers, answers.
    pub baseline: u64,
}

/// One samples record, after COMMIT.
#[derive(Debug, Clone)]
pub struct FreshSamples {
    /// From.
    pub agent: AgentId,
    /// Console clock minus agent clock, to correct its times with.
    pub skew_ms: i64,
    /// The record, rows about others' objects left out.
    pub samples: Arc<Samples>,
}

/// An agent in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentLive {
    pub(super) enrolled: Option<Wall>,
    pub(super) heard: Option<Wall>,
    pub(super) heard_mono: Option<Mono>,
    /// When `heard` was written down last.
    pub(super) heard_saved: Option<Mono>,
    pub(super) skew_ms: Option<i64>,
    pub(super) status: Option<AgentStatus>,
    pub(super) status_at: Option<Wall>,
    pub(super) revoked: Option<String>,
    /// Nothing known since this console started, or silent, or not.
    pub(super) silent: Option<bool>,
    pub(super) gaps: Vec<GapRow>,
}

/// A certificate in memory.
#[derive(Debug, Clone)]
pub(super) struct CertificateLive {
    pub(super) agent: AgentId,
    pub(super) expires: Wall,
    pub(super) revoked: Option<String>,
}

/// Whose objects are whose.
#[derive(Debug, Clone, Default)]
pub(super) struct Assigned {
    pub(super) now: Arc<HashSet<Object>>,
    /// The set before; records judged by the old plan are still on their way.
    pub(super) before: Arc<HashSet<Object>>,
    pub(super) before_until: Wall,
}

/// Everything in memory.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) rev: u64,
    pub(super) inventory: Arc<Inventory>,
    pub(super) agents: BTreeMap<AgentId, AgentLive>,
    pub(super) certificates: HashMap<String, CertificateLive>,
    /// By hash.
    pub(super) tokens: BTreeMap<String, TokenRow>,
    pub(super) enroll_tokens: Vec<EnrollTokenRow>,
    pub(super) secrets: BTreeMap<String, (SecretRow, Vec<u8>)>,
    pub(super) keys: Keys,
    /// The key under which secrets of configurations are hashed.
    pub(super) marks: Option<Secret>,
    pub(super) assigned: HashMap<AgentId, Assigned>,
    /// Newest first.
    pub(super) maintenance: Vec<Arc<Maintenance>>,
    /// (agent, object) that were refused and audited.
    pub(super) refused: HashSet<(AgentId, Object)>,
}

/// Shared by the store's handles and the writer.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) clock: Clock,
    pub(super) layout: Layout,
    pub(super) raw_days: u32,
    pub(super) roll_days: u32,
    pub(super) log_days: u32,
    pub(super) snapshots: u32,
    pub(super) silent_after: Duration,
    pub(super) opened: Mono,
    /// People and their sessions.
    pub(super) accounts: Accounts,
    pub(super) authority: Authority,
    pub(super) live: RwLock<Live>,
    pub(super) latest: RwLock<LatestCache>,
    pub(super) strips: RwLock<Strips>,
    pub(super) policy: Mutex<Policy>,
    pub(super) stats: Mutex<StoreStats>,
    pub(super) changes: watch::Sender<Changes>,
    pub(super) feed: broadcast::Sender<FreshSamples>,
    pub(super) readers: Mutex<Vec<rusqlite::Connection>>,
    pub(super) permits: Semaphore,
    pub(super) charts: Semaphore,
    /// Held while an hour is being closed.
    pub(super) closing: Arc<Semaphore>,
    /// When to look for hours to close next.
    pub(super) close_at: Mutex<Mono>,
    /// The day for which retention ran last.
    pub(super) retired: Mutex<i32>,
}

impl Shared {
    /// To look.
    pub(super) fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }
    /// To change.
    pub(super) fn live_mut(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
    /// To look.
    pub(super) fn latest(&self) -> RwLockReadGuard<'_, LatestCache> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner)
    }
    /// To change.
    pub(super) fn latest_mut(&self) -> RwLockWriteGuard<'_, LatestCache> {
        self.latest.write().unwrap_or_else(PoisonError::into_inner)
    }
    /// To look.
    pub(super) fn strips(&self) -> RwLockReadGuard<'_, Strips> {
        self.strips.read().unwrap_or_else(PoisonError::into_inner)
    }
    /// To change.
    pub(super) fn strips_mut(&self) -> RwLockWriteGuard<'_, Strips> {
        self.strips.write().unwrap_or_else(PoisonError::into_inner)
    }
    /// Counts something.
    pub(super) fn count(&self, change: impl FnOnce(&mut StoreStats)) {
        change(&mut self.stats());
    }
    /// The counters.
    pub(super) fn stats(&self) -> MutexGuard<'_, StoreStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Tells whoever watches.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Changes)) {
        self.changes.send_modify(change);
    }
}
