//! What the agent hears: parcels of its collectors become records and alerts; patterns of a new plan go to them.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::collect::Parcel;
use crate::engine::heard::{Alarms, Matcher};
use crate::engine::rule::{Effect, Saved};
use crate::model::plan::Plan;
use crate::model::wire::{Heard, Log, MAX_LOG_ROWS, Record};
use crate::model::{Alert, AlertKey, Now, Observation, Secret};

/// Parcels that wait for the loop; collectors wait when it is full, and the kernel keeps what comes meanwhile.
const WAITING: usize = 4;

/// The loop's end.
pub(super) struct Ears {
    parcels: mpsc::Receiver<Parcel>,
    matcher: watch::Sender<Arc<Matcher>>,
    users: watch::Sender<Arc<[Secret]>>,
    /// Alerts of rules on what is heard.
    pub(super) alarms: Alarms,
}

/// The collectors' end.
pub(super) struct Mouth {
    pub(super) out: mpsc::Sender<Parcel>,
    pub(super) matcher: watch::Receiver<Arc<Matcher>>,
    /// Users of SNMP v3 that devices are asked as.
    pub(super) users: watch::Receiver<Arc<[Secret]>>,
}

/// Both ends.
pub(super) fn pair() -> (Ears, Mouth) {
    let (out, parcels) = mpsc::channel(WAITING);
    let (send, matcher) = watch::channel(Arc::default());
    let (tell, users) = watch::channel(Arc::default());
    (Ears { parcels, matcher: send, users: tell, alarms: Alarms::default() }, Mouth { out, matcher, users })
}

impl Ears {
    /// Takes a plan into use; answers what it cannot use of it.
    pub(super) fn apply(&mut self, plan: &Plan, now: Now) -> (Vec<Effect>, Vec<String>) {
        let (matcher, problems) = Matcher::new(&plan.rules, &plan.sources);
        self.matcher.send_replace(Arc::new(matcher));
        let users = plan.secrets.values().filter(|secret| matches!(secret, Secret::SnmpV3 { .. }));
        let users: Arc<[Secret]> = users.cloned().collect();
        self.users.send_if_modified(|known| std::mem::replace(known, users.clone()) != users);
        (self.alarms.reload(&plan.rules, now), problems)
    }

    /// Takes what is its own out of what was kept over a restart.
    pub(super) fn restore(&mut self, restored: &mut Vec<Saved>, now: Now) -> Vec<Effect> {
        let mine = restored.extract_if(.., |saved| Alarms::keeps(&saved.key)).collect();
        self.alarms.restore(mine, now)
    }

    /// The next parcel; none once all collectors have ended.
    pub(super) async fn next(&mut self) -> Option<Parcel> {
        self.parcels.recv().await
    }

    /// Alerts and records of a parcel.
    pub(super) fn take(&mut self, parcel: Parcel, now: Now) -> (Vec<Effect>, Vec<Record>) {
        let Parcel { rows, hits, .. } = parcel;
        (hits.into_iter().flat_map(|hit| self.alarms.hit(hit, now)).collect(), records(rows))
    }

    /// An observation of the agent's own.
    pub(super) fn observed(&mut self, seen: &Observation) {
        self.alarms.observed(seen);
    }

    /// Once a second.
    pub(super) fn tick(&mut self, now: Now, fires: impl Fn(&AlertKey, Option<&str>) -> bool) -> Vec<Effect> {
        self.alarms.tick(now, fires)
    }

    /// What fires, whole.
    pub(super) fn firing(&self) -> impl Iterator<Item = Alert> {
        self.alarms.firing().cloned()
    }
}

/// Rows in records that fit a batch.
fn records(rows: Vec<Heard>) -> Vec<Record> {
    let mut records = Vec::with_capacity(rows.len().div_ceil(MAX_LOG_ROWS));
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        records.push(Record::Log(Log { rows: rows.by_ref().take(MAX_LOG_ROWS).collect() }));
    }
    records
}
