//! Values as the API's JSON: times in RFC 3339 UTC with milliseconds, null = not measured or not there.

use serde_json::{Value, json};

use crate::console::command::{IncidentDetail, Scope};
use crate::model::Wall;
use crate::model::incident::{Ack, AckKind, Contribution, Flags, Incident, TimelineEntry};
use crate::model::inventory::{AgentDecl, Asset, Link, LinkEnd, Region, Side};
use crate::model::wire::AgentStatus;

/// A time.
pub fn time(at: Wall) -> Value {
    Value::String(at.to_string())
}

/// A time that may not be there.
pub fn time_or_null(at: Option<Wall>) -> Value {
    at.map_or(Value::Null, time)
}

/// A number, null if it is not finite.
pub fn number(v: f64) -> Value {
    serde_json::Number::from_f64(v).map_or(Value::Null, Value::Number)
}

/// An incident.
pub fn incident(i: &Incident) -> Value {
    json!({
        "id": i.id,
        "problem": i.key.problem,
        "object": i.key.object,
        "instance": i.key.instance,
        "state": i.state.as_str(),
        "severity": i.severity,
        "opened": time(i.opened),
        "updated": time(i.updated),
        "resolved": time_or_null(i.resolved),
        "closed": time_or_null(i.closed),
        "ack": i.ack.as_ref().map(ack),
        "assignee": i.assignee,
        "count": i.count,
        "flags": flags(i.flags),
        "cause": i.cause,
        "previous": i.previous,
        "contributions": i.contributions.iter().map(contribution).collect::<Vec<_>>(),
        "close_cause": i.close_cause.map(|c| c.as_str()),
        "party": i.party,
        "category": text_or_null(&i.category),
        "runbook": text_or_null(&i.runbook),
    })
}

/// An incident with its timeline and symptoms.
pub fn incident_detail(d: &IncidentDetail) -> Value {
    let mut all = incident(&d.incident);
    if let Some(object) = all.as_object_mut() {
        object.insert("timeline".to_owned(), d.timeline.iter().map(timeline).collect());
        object.insert("symptoms".to_owned(), d.symptoms.iter().map(incident).collect());
    }
    all
}

fn ack(a: &Ack) -> Value {
    let (kind, until) = match a.kind {
        AckKind::UntilChange => ("until_change", None),
        AckKind::Until(at) => ("until", Some(at)),
        AckKind::Sticky => ("sticky", None),
    };
    json!({ "by": a.by, "at": time(a.at), "comment": a.comment, "kind": kind, "until": time_or_null(until) })
}

fn flags(f: Flags) -> Vec<&'static str> {
    let all = [
        (f.maintenance, "maintenance"),
        (f.topology, "topology"),
        (f.flapping, "flapping"),
        (f.silence, "silence"),
        (f.storm, "storm"),
        (f.held, "held"),
        (f.stale, "stale"),
        (f.late, "late"),
    ];
    all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect()
}

/// One rule of one agent under an incident.
pub fn contribution(c: &Contribution) -> Value {
    json!({
        "agent": c.agent,
        "rule": c.rule,
        "firing": c.firing,
        "severity": c.severity,
        "since": time(c.since),
        "at": time(c.at),
        "flapping": c.flapping,
        "stale": c.stale,
        "count": c.count,
        "evidence": c.evidence.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "folds_into": c.folds_into,
    })
}

/// One line of a timeline.
pub fn timeline(t: &TimelineEntry) -> Value {
    json!({ "at": time(t.at), "actor": t.actor, "kind": t.kind.as_str(), "text": t.text })
}

/// What is declared of an asset. The secret stands there by name; that is all the inventory has.
pub fn asset(a: &Asset) -> Value {
    json!({
        "id": a.id,
        "name": a.name,
        "kind": a.kind.as_str(),
        "status": a.status.as_str(),
        "address": a.address,
        "also": a.also,
        "zone": a.zone,
        "region": a.region,
        "owner": a.owner,
        "operator": a.operator,
        "person": a.person,
        "location": text_or_null(&a.location),
        "importance": a.importance,
        "watch": a.watch.as_ref().map(|w| json!({ "agents": w.agents, "mode": w.mode.as_str() })),
        "snmp": a.snmp.as_ref().map(|s| json!({ "port": s.port, "secret": s.secret })),
        "website": a.website.as_ref().map(|w| json!({ "url": w.url, "site_code": text_or_null(&w.site_code) })),
        "tcp_ports": a.tcp_ports,
        "depends_on": a.depends_on,
        "tags": a.tags,
        "renamed_from": a.renamed_from,
    })
}

/// What is declared of a link.
pub fn link(l: &Link) -> Value {
    let watch =
        l.watch.iter().map(|w| json!({ "agent": w.agent, "to": match w.to { Side::A => "a", Side::B => "b" } }));
    json!({
        "id": l.id,
        "name": l.name,
        "a": end(&l.a),
        "b": end(&l.b),
        "watch": watch.collect::<Vec<_>>(),
        "tier": l.tier.as_str(),
        "capacity_bps": l.capacity_bps,
        "carrier": l.carrier.as_ref().map(|c| json!({ "name": c.name, "circuit": c.circuit, "hotline": c.hotline })),
        "tags": l.tags,
    })
}

fn end(e: &LinkEnd) -> Value {
    match e {
        LinkEnd::Port { asset, interface, address } => {
            json!({ "asset": asset, "interface": interface, "peer": null, "address": address })
        }
        LinkEnd::Peer { name, address } => {
            json!({ "asset": null, "interface": null, "peer": name, "address": address })
        }
    }
}

/// A region.
pub fn region(r: &Region) -> Value {
    json!({ "id": r.id, "name": r.name, "tier": r.tier.as_str(), "parent": r.parent })
}

/// What is declared of an agent.
pub fn agent_decl(a: &AgentDecl) -> Value {
    json!({ "id": a.id, "name": a.name, "region": a.region, "zone": a.zone, "address": a.address })
}

/// What an agent says of itself.
pub fn agent_status(s: &AgentStatus) -> Value {
    json!({
        "version": s.version,
        "hostname": s.hostname,
        "uptime_seconds": s.uptime_seconds,
        "plan_rev": s.plan_rev,
        "tasks": s.tasks,
        "spool_records": s.spool_records,
        "spool_bytes": s.spool_bytes,
        "spool_dropped": s.spool_dropped,
        "skipped_runs": s.skipped_runs,
        "limits": s.limits,
    })
}

/// The regions of a scope; null = everything.
pub fn scope(s: &Scope) -> Value {
    match s {
        Scope::All => Value::Null,
        Scope::Regions(list) => json!(list),
    }
}

/// Text, null where there is none.
pub fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::IncidentState;
    use crate::model::{AlertKey, Severity};

    #[test]
    fn an_incident_reads_exactly_like_this() {
        let at = Wall::from_millis(1_700_000_000_005);
        let shown = incident(&Incident {
            id: "0190".into(),
            key: AlertKey {
                problem: "device-down".parse().unwrap(),
                object: "asset:core-1".parse().unwrap(),
                instance: "".into(),
            },
            state: IncidentState::Acked,
            severity: Severity::Critical,
            opened: at,
            updated: at,
            resolved: None,
            closed: None,
            ack: Some(Ack { by: "local:0".into(), at, comment: "看".into(), kind: AckKind::Until(at) }),
            assignee: None,
            count: 1,
            flags: Flags { topology: true, ..Flags::default() },
            cause: None,
            previous: None,
            contributions: vec![],
            close_cause: None,
            party: None,
            category: "".into(),
            runbook: "".into(),
        });
        assert_eq!(
            shown.to_string(),
            "{\"id\":\"0190\",\"problem\":\"device-down\",\"object\":\"asset:core-1\",\"instance\":\"\",\
             \"state\":\"acked\",\"severity\":\"critical\",\"opened\":\"2023-11-14T22:13:20.005Z\",\
             \"updated\":\"2023-11-14T22:13:20.005Z\",\"resolved\":null,\"closed\":null,\
             \"ack\":{\"by\":\"local:0\",\"at\":\"2023-11-14T22:13:20.005Z\",\"comment\":\"看\",\"kind\":\"until\",\
             \"until\":\"2023-11-14T22:13:20.005Z\"},\"assignee\":null,\"count\":1,\"flags\":[\"topology\"],\
             \"cause\":null,\"previous\":null,\"contributions\":[],\"close_cause\":null,\"party\":null,\
             \"category\":null,\"runbook\":null}"
        );
    }
}
