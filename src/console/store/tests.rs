//! The store as a whole: batches, crashes, days, incidents, secrets, audit, enrolment.

mod accounts;
mod audit;
mod batches;
mod changes;
mod discoveries;
mod due;
mod enrolment;
mod events;
mod findings;
mod incidents;
mod maintenance;
mod reports;
mod rolls;
mod samples;
mod walks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::*;
use crate::console::command::Role;
use crate::model::alert::{AlertKey, AlertState};
use crate::model::wire::{AgentStatus, Envelope, Record, SampleRow, Samples, Stream, SummaryBody, WIRE_VERSION};
use crate::model::{Severity, Summary, Wall};
use crate::net::clock::Clock;

const INVENTORY: &str = r#"
[[region]]
id = "650000"
name = "新疆"
tier = "province"

[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"
parent = "650000"

[[region]]
id = "653000"
name = "克孜勒苏"
tier = "prefecture"
parent = "650000"

[[agent]]
id = "tower"
zone = "extranet"
region = "652900"

[[asset]]
id = "core-1"
name = "核心交换机"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
region = "652900"
snmp = { secret = "aks-core" }

[[asset]]
id = "core-2"
name = "另一台"
kind = "switch"
address = "10.65.0.2"
zone = "extranet"
region = "653000"
"#;

/// A store in a directory of its own, on a clock that tests turn.
struct World {
    store: Store,
    shift: Arc<AtomicI64>,
    clock: Clock,
}

fn admin() -> Actor {
    Actor { name: Arc::from("local:0"), role: Role::Admin, scope: Scope::All }
}

fn tower() -> AgentId {
    AgentId::new("tower").unwrap()
}

fn object(text: &str) -> Object {
    text.parse().unwrap()
}

/// The usual settings, with hashes that cost next to nothing.
fn parts(dir: &Path, clock: &Clock) -> StoreParts {
    let mut parts = StoreParts::new(dir, clock);
    parts.accounts.cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    parts
}

impl World {
    /// Opens the directory with the inventory above and the agent's objects assigned.
    async fn open(dir: &Path) -> Self {
        Self::open_at(dir, Clock::system().wall()).await
    }

    /// The same, at another time.
    async fn open_at(dir: &Path, at: Wall) -> Self {
        let shift = Arc::new(AtomicI64::new(at.millis() - Clock::system().wall().millis()));
        let clock = Clock::shifted(shift.clone());
        let store = Store::open(&parts(dir, &clock)).unwrap();
        let (rev, inventory) = store.inventory();
        if inventory.assets.is_empty() {
            let inventory = crate::config::inventory::parse(&[("i.toml".to_owned(), INVENTORY.to_owned())]).unwrap();
            let command = Command::InventoryApply { inventory: Box::new(inventory), summary: vec![], base_rev: rev };
            store.command(&admin(), None, command).await.unwrap();
        }
        store.set_assignments(&tower(), [object("asset:core-1"), object("link:l")].into());
        Self { store, shift, clock }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn forward(&self, by: Duration) {
        self.shift.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn send(&self, batch: Batch) -> Result<BatchAnswer, IngestError> {
        self.store.ingest(&tower(), batch, self.now()).await
    }

    /// A batch of these records from `first` on, sent now.
    fn batch(&self, stream: Stream, first: u64, records: Vec<Record>) -> Batch {
        let at = self.now().wall;
        let records: Vec<Envelope> = records
            .into_iter()
            .scan(first, |next, record| {
                let seq = match &record {
                    Record::Gap(gap) => gap.to,
                    _ => *next,
                };
                *next = seq + 1;
                Some(Envelope { seq, at, kind: record.kind().to_owned(), body: record.body() })
            })
            .collect();
        Batch {
            v: WIRE_VERSION,
            stream,
            epoch: Arc::from("e1"),
            first_seq: first,
            last_seq: records.last().map_or(first, |record| record.seq),
            sent_at: at,
            records,
        }
    }

    async fn audit(&self) -> Vec<AuditRow> {
        self.store.audit(Page { limit: 1_000, after: None }).await.unwrap().items
    }

    async fn incidents(&self) -> Vec<Incident> {
        let page = Page { limit: 100, after: None };
        self.store.incidents(&Scope::All, IncidentFilter::default(), page).await.unwrap().items
    }

    async fn series(&self, field: &str, from: Wall, to: Wall, most: usize) -> Vec<Point> {
        let key = SeriesKey {
            object: object("asset:core-1"),
            field: field.to_owned(),
            instance: String::new(),
            agent: None,
            probe: None,
        };
        self.store.series(&Scope::All, key, from, to, most).await.unwrap()
    }
}

fn alert(on: &str, problem: &str, firing: bool, at: Wall) -> Record {
    Record::Alert(Alert {
        key: AlertKey { problem: problem.parse().unwrap(), object: object(on), instance: Arc::from("") },
        rule: problem.parse().unwrap(),
        probe: None,
        state: if firing { AlertState::Firing } else { AlertState::Cleared },
        cleared_by: None,
        severity: Severity::Major,
        since: at,
        at,
        count: 1,
        flapping: false,
        stale: false,
        evidence: vec![("loss_ratio".to_owned(), "1".to_owned())],
        folds_into: vec![],
        category: Arc::from(""),
        runbook: Arc::from(""),
    })
}

fn samples(on: &str, from: Wall, value: f64) -> Record {
    let row = SampleRow {
        object: object(on),
        instance: Arc::from(""),
        runs: [10, 0, 0, 0],
        packets: [10, 1, 0, 0, 0],
        causes: BTreeMap::new(),
        fields: BTreeMap::from([(
            "rtt_seconds".to_owned(),
            SummaryBody(Summary::many(&[value, value * 2.0]).unwrap()),
        )]),
    };
    Record::Samples(Samples {
        probe: "ping".parse().unwrap(),
        kind: Arc::from("icmp"),
        from,
        to: from.plus(Duration::from_secs(10)),
        rows: vec![row],
    })
}

fn status() -> Record {
    Record::AgentStatus(AgentStatus { version: "1".to_owned(), ..AgentStatus::default() })
}

/// Whether any file below `dir` holds these bytes.
fn on_disk(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, bytes);
        }
        std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}
