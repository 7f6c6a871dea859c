//! Sums over what the console holds, taken when somebody looks: agents, incidents, objects, the store.

use std::collections::BTreeMap;

use crate::console::api::problem::Problem;
use crate::console::service::Service;
use crate::console::store::AgentRow;
use crate::engine::expose::Reach;
use crate::engine::expose::text::{MetricType, Text, label};
use crate::model::incident::IncidentState;
use crate::model::wire::HeardCounts;
use crate::model::{Object, Severity};

/// Jobs that wait for the writer beyond which the console is not ready: its queue holds 256.
pub(super) const QUEUE_FULL: u64 = 200;

/// Writes all of it.
pub(in crate::console) async fn write(service: &Service, out: &mut Text) -> Result<(), Problem> {
    build_info(out);
    incidents(service, out).await?;
    agents(service, out);
    objects(service, out);
    store(service, out);
    Ok(())
}

fn build_info(out: &mut Text) {
    let mut labels = String::new();
    label(&mut labels, "version", env!("CARGO_PKG_VERSION"));
    out.family("fengsui_build_info", MetricType::Gauge, "The version that runs; always 1.");
    out.sample("fengsui_build_info", &labels, 1.0);
}

async fn incidents(service: &Service, out: &mut Text) -> Result<(), Problem> {
    const NAME: &str = "fengsui_incidents";
    let counts = service.store.incident_counts().await?;
    out.family(NAME, MetricType::Gauge, "Incidents by state and severity.");
    // All combinations stand there, so that an alert on one of them need not cope with absence.
    for state in IncidentState::ALL {
        for severity in Severity::ALL {
            let n = counts.iter().filter(|c| c.state == state && c.severity == severity).map(|c| c.n).sum::<u64>();
            let mut labels = String::new();
            label(&mut labels, "state", state.as_str());
            label(&mut labels, "severity", severity.as_str());
            out.sample(NAME, &labels, n as f64);
        }
    }
    Ok(())
}

/// One value an agent, nothing where it is unknown.
fn per_agent(
    out: &mut Text,
    rows: &[AgentRow],
    name: &str,
    kind: MetricType,
    help: &str,
    value: impl Fn(&AgentRow) -> Option<f64>,
) {
    let found: Vec<(&AgentRow, f64)> = rows.iter().filter_map(|row| Some((row, value(row)?))).collect();
    if found.is_empty() {
        return;
    }
    out.family(name, kind, help);
    for (row, value) in found {
        let mut labels = String::new();
        label(&mut labels, "agent", row.id.as_str());
        out.sample(name, &labels, value);
    }
}

fn agents(service: &Service, out: &mut Text) {
    use MetricType::{Counter, Gauge};
    let rows = service.store.agents();
    let now = service.clock.wall();
    per_agent(
        out,
        &rows,
        "fengsui_agent_alive",
        Gauge,
        "1 when the agent was heard of lately, 0 when it is silent; enrolled agents only.",
        // One that never was here or was sent away is not silent.
        |row| (row.enrolled.is_some() && row.revoked.is_none()).then(|| f64::from(u8::from(row.alive))),
    );
    per_agent(out, &rows, "fengsui_agent_heard_age_seconds", Gauge, "Since the agent was heard of last.", |row| {
        Some(now.since(row.last_heard?).as_secs_f64())
    });
    per_agent(
        out,
        &rows,
        "fengsui_agent_clock_skew_seconds",
        Gauge,
        "The console's clock minus the agent's.",
        |row| Some(row.skew_ms? as f64 / 1000.0),
    );
    per_agent(
        out,
        &rows,
        "fengsui_agent_certificate_expiry_timestamp_seconds",
        Gauge,
        "When the agent's newest certificate ends.",
        |row| Some(row.certificate_expires?.millis() as f64 / 1000.0),
    );
    per_agent(out, &rows, "fengsui_agent_spool_records", Gauge, "Records waiting at the agent.", |row| {
        Some(row.status.as_ref()?.spool_records as f64)
    });
    per_agent(out, &rows, "fengsui_agent_spool_bytes", Gauge, "Bytes of records waiting at the agent.", |row| {
        Some(row.status.as_ref()?.spool_bytes as f64)
    });
    per_agent(
        out,
        &rows,
        "fengsui_agent_spool_dropped_total",
        Counter,
        "Records the agent dropped since it started, because its spool was full.",
        |row| Some(row.status.as_ref()?.spool_dropped as f64),
    );
    per_agent(
        out,
        &rows,
        "fengsui_agent_skipped_runs_total",
        Counter,
        "Runs the agent skipped since it started, because the one before had not ended.",
        |row| Some(row.status.as_ref()?.skipped_runs as f64),
    );
    per_agent(out, &rows, "fengsui_agent_tasks", Gauge, "Tasks the agent runs.", |row| {
        Some(row.status.as_ref()?.tasks as f64)
    });
    per_agent(
        out,
        &rows,
        "fengsui_agent_limits",
        Gauge,
        "Things the agent cannot do; `fengsui enroll list` names them.",
        |row| Some(row.status.as_ref()?.limits.len() as f64),
    );
    per_agent(out, &rows, "fengsui_agent_plan_rev", Gauge, "Revision of the plan the agent uses.", |row| {
        Some(row.status.as_ref()?.plan_rev as f64)
    });
    heard(out, &rows);
    let silent = rows.iter().filter(|row| row.enrolled.is_some() && row.revoked.is_none() && !row.alive).count();
    out.family("fengsui_agents_silent", Gauge, "Enrolled agents that were not heard of lately.");
    out.sample("fengsui_agents_silent", "", silent as f64);
}

/// What agents heard unasked: one value an agent and source, and of what was refused one a reason.
fn heard(out: &mut Text, rows: &[AgentRow]) {
    /// More sources or reasons than there are words for are made up.
    const MOST: usize = 16;
    let of = |row: &AgentRow| row.status.as_ref().map(|status| status.heard.clone()).unwrap_or_default();
    let all: Vec<(&AgentRow, HeardCounts)> =
        rows.iter().flat_map(|row| of(row).into_iter().take(MOST).map(move |counts| (row, counts))).collect();
    if all.is_empty() {
        return;
    }
    let labels = |row: &AgentRow, counts: &HeardCounts| {
        let mut labels = String::new();
        label(&mut labels, "agent", row.id.as_str());
        label(&mut labels, "source", &counts.source);
        labels
    };
    for (name, help, value) in [
        (
            "fengsui_agent_messages_received_total",
            "Lines of syslog and traps that came to an agent.",
            (|counts| counts.received) as fn(&HeardCounts) -> u64,
        ),
        (
            "fengsui_agent_messages_kept_total",
            "Those that were taken: stored, or counted in a row that says the same.",
            |counts| counts.kept,
        ),
        ("fengsui_agent_messages_left_out_total", "Those beyond the rate of their source.", |counts| counts.left_out),
        ("fengsui_agent_messages_unmapped_total", "Kept ones that no rule speaks of.", |counts| counts.unmapped),
    ] {
        out.family(name, MetricType::Counter, help);
        for (row, counts) in &all {
            out.sample(name, &labels(row, counts), value(counts) as f64);
        }
    }
    if all.iter().any(|(_, counts)| !counts.refused.is_empty()) {
        const REFUSED: &str = "fengsui_agent_messages_refused_total";
        out.family(REFUSED, MetricType::Counter, "Those that could not be taken, by reason.");
        for (row, counts) in &all {
            for (reason, n) in counts.refused.iter().take(MOST) {
                let mut labels = labels(row, counts);
                label(&mut labels, "reason", reason);
                out.sample(REFUSED, &labels, *n as f64);
            }
        }
    }
}

fn objects(service: &Service, out: &mut Text) {
    let (_, inventory) = service.store.inventory();
    let now = service.clock.mono();
    let mut assets: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut links: BTreeMap<&str, u64> = Reach::ALL.iter().map(|r| (r.as_str(), 0)).collect();
    let (series, dropped) = {
        let values = service.exposition();
        for asset in inventory.assets.values() {
            let state = if asset.status.watched() {
                values.reach(&Object::Asset(asset.id.clone()), now).as_str()
            } else {
                "unwatched"
            };
            let region = asset.region.as_ref().map(ToString::to_string).unwrap_or_default();
            *assets.entry((region, state)).or_default() += 1;
        }
        for id in inventory.links.keys() {
            *links.entry(values.reach(&Object::Link(id.clone()), now).as_str()).or_default() += 1;
        }
        values.counts()
    };
    if !assets.is_empty() {
        out.family("fengsui_assets", MetricType::Gauge, "Assets by region and state.");
    }
    for ((region, state), n) in assets {
        let mut labels = String::new();
        if !region.is_empty() {
            label(&mut labels, "region", &region);
        }
        label(&mut labels, "state", state);
        out.sample("fengsui_assets", &labels, n as f64);
    }
    out.family("fengsui_links", MetricType::Gauge, "Links by state.");
    for (state, n) in links {
        let mut labels = String::new();
        label(&mut labels, "state", state);
        out.sample("fengsui_links", &labels, n as f64);
    }
    one(out, "fengsui_object_series", MetricType::Gauge, "Series on /metrics/objects.", series as f64);
    one(
        out,
        "fengsui_object_series_dropped_total",
        MetricType::Counter,
        "Values left out of /metrics/objects because there were too many series.",
        dropped as f64,
    );
}

fn store(service: &Service, out: &mut Text) {
    use MetricType::{Counter, Gauge};
    let s = service.store.stats();
    for (name, kind, help, value) in [
        ("fengsui_store_commits_total", Counter, "Transactions committed.", s.commits),
        ("fengsui_store_queue_length", Gauge, "Changes waiting for the writer.", s.queued),
        ("fengsui_store_records_total", Counter, "Records of agents committed.", s.records),
        ("fengsui_store_duplicate_batches_total", Counter, "Batches that had been committed before.", s.duplicates),
        (
            "fengsui_store_unassigned_records_total",
            Counter,
            "Records about objects that are not the agent's.",
            s.unassigned,
        ),
        (
            "fengsui_store_aside_records_total",
            Counter,
            "Records put aside: malformed, or too far in the future.",
            s.aside,
        ),
        ("fengsui_store_parked_records_total", Counter, "Records of unknown kinds, kept.", s.parked),
        ("fengsui_store_periods_closed_total", Counter, "Hours turned from journal into chunks.", s.hours_closed),
        ("fengsui_store_newest_series", Gauge, "Series whose newest value is in memory, for pages.", s.series),
        (
            "fengsui_store_newest_series_dropped_total",
            Counter,
            "Values that found no room there; they are in the journal, and on charts.",
            s.series_dropped,
        ),
        ("fengsui_store_wal_bytes", Gauge, "Write-ahead log of core.db.", s.wal_bytes),
    ] {
        one(out, name, kind, help, value as f64);
    }
}

fn one(out: &mut Text, name: &str, kind: MetricType, help: &str, value: f64) {
    out.family(name, kind, help);
    out.sample(name, "", value);
}
