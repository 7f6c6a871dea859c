//! Records of the event and bulk streams: alerts and rosters for the book, facts, status, answers to jobs.

use std::time::Duration;

use rusqlite::params;

use super::super::db::sql;
use super::super::types::StoreError;
use super::super::writer::Writer;
use super::super::{agents, changes, discoveries, events, findings, incidents, own, reports, walks};
use super::{Context, HISTORY, Outcome, refuse};
use crate::engine::incident::Input;
use crate::model::finding::Inspection;
use crate::model::wire::{AgentStatus, Facts, Log, Record};
use crate::model::{Alert, AlertState, Object, Wall};

/// Longest value of a fact, in bytes: a sysDescr has 255.
const MAX_FACT: usize = 4_096;

pub(super) fn take(
    writer: &mut Writer,
    context: &Context,
    (seq, at): (u64, Wall),
    record: Record,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let agent = &context.authority.agent;
    match record {
        Record::Alert(alert) => {
            // What is over may be said of an object that was just taken away.
            if alert.state == AlertState::Firing && !context.authority.allows(&alert.key.object) {
                return refuse(writer, context, &alert.key.object, outcome);
            }
            let history = context.received.since(context.correct(at)) > HISTORY;
            outcome.inputs.push(Input::Alert { agent: agent.clone(), alert, history });
            Ok(())
        }
        Record::Roster(roster) => {
            let at = context.correct(at);
            outcome.inputs.push(Input::Roster { agent: agent.clone(), entries: roster.firing, at });
            Ok(())
        }
        Record::Facts(facts) => {
            if !context.authority.allows(&facts.object) {
                return refuse(writer, context, &facts.object, outcome);
            }
            if !note_interface(writer, context, &facts.object, outcome)? {
                outcome.unassigned += 1;
                return Ok(());
            }
            take_facts(writer, context, at, &facts)
        }
        Record::AgentStatus(status) => take_status(writer, context, at, status, outcome),
        Record::JobResult(result) => agents::job_done(writer, agent, &result),
        Record::Discovery(progress) => discoveries::progress(writer, agent, progress),
        Record::Walk(progress) => walks::progress(writer, agent, progress),
        Record::Log(log) => take_log(writer, context, seq, log, outcome),
        Record::Report(report) => {
            if !context.authority.allows(&report.object) {
                return refuse(writer, context, &report.object, outcome);
            }
            reports::take(writer, agent, context.correct(at), &report)
        }
        // Those are items of their own.
        Record::Samples(_) | Record::Gap(_) | Record::Finding(_) => Ok(()),
    }
}

/// Results of graded protection about an asset that is the agent's to speak for.
pub(super) fn take_findings(
    writer: &mut Writer,
    context: &Context,
    inspection: &Inspection,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let Some(object) = inspection.asset.clone().map(Object::Asset) else { return Ok(()) };
    if !context.authority.allows(&object) {
        return refuse(writer, context, &object, outcome);
    }
    let source = format!("agent:{}", context.authority.agent);
    outcome.inputs.extend(findings::take(writer, &source, context.correct(inspection.at), inspection)?);
    Ok(())
}

/// Gives everything to the book at once, times corrected, and notes the original ones.
pub(super) fn finish(writer: &mut Writer, context: &Context, mut inputs: Vec<Input>) -> Result<(), StoreError> {
    let mut originals: Vec<Alert> = Vec::new();
    if context.shift_ms() != 0 {
        for input in &mut inputs {
            if let Input::Alert { agent, alert, .. } = input
                && *agent == context.authority.agent
            {
                originals.push(alert.clone());
                alert.since = context.correct(alert.since);
                alert.at = context.correct(alert.at);
            }
        }
    }
    incidents::apply_all(writer, inputs, context.received)?;
    for alert in originals {
        let agent = &context.authority.agent;
        incidents::note_original(&writer.core, &alert.key, agent, &alert.rule, alert.since, alert.at)?;
    }
    Ok(())
}

fn take_facts(writer: &mut Writer, context: &Context, at: Wall, facts: &Facts) -> Result<(), StoreError> {
    let at = context.correct(at).millis();
    let agent = context.authority.agent.as_str();
    let object = facts.object.to_string();
    let held: i64 = writer
        .core
        .prepare_cached("SELECT count(*) FROM fact WHERE object = ?1")
        .and_then(|mut q| q.query_row([&object], |r| r.get(0)))
        .map_err(sql("count facts"))?;
    let room = held < agents::MAX_OBSERVED; // beyond it only what is known changes
    for (field, value) in &facts.values {
        let end = value.floor_char_boundary(MAX_FACT);
        let value = value.get(..end).unwrap_or_default();
        if room {
            changes::note(&writer.core, &object, facts, field, value, agent, at)?;
        }
        writer
            .core
            .prepare_cached(
                "INSERT INTO fact (object, instance, probe, field, value, agent, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
                 WHERE ?8 OR EXISTS (SELECT 1 FROM fact WHERE object = ?1 AND instance = ?2 AND probe = ?3 AND field = ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value, agent = excluded.agent, at = excluded.at WHERE excluded.at >= at",
            )
            .and_then(|mut q| {
                q.execute(params![object, facts.instance, facts.probe.as_str(), field, value, agent, at, room])
            })
            .map_err(sql("store a fact"))?;
    }
    Ok(())
}

/// An interface that an agent saw is observed from then on; false if its asset has no room for another. Everything
/// else has room.
pub(super) fn note_interface(
    writer: &Writer,
    context: &Context,
    object: &Object,
    outcome: &mut Outcome,
) -> Result<bool, StoreError> {
    let Object::Interface { asset, name } = object else { return Ok(true) };
    let (agent, received) = (context.authority.agent.as_str(), context.received.millis());
    let note = || {
        let known: bool = writer
            .core
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM observed_interface WHERE asset = ?1 AND name = ?2)")?
            .query_row(params![asset.as_str(), name], |r| r.get(0))?;
        if known || outcome.crowded.contains(asset) {
            return Ok(known);
        }
        let added = writer.core.prepare_cached(
            "INSERT OR IGNORE INTO observed_interface (asset, name, agent, first) SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT count(*) FROM observed_interface WHERE asset = ?1) < ?5",
        );
        Ok(added?.execute(params![asset.as_str(), name, agent, received, agents::MAX_OBSERVED])? > 0)
    };
    let noted = note().map_err(sql("note an interface"))?;
    if !noted {
        outcome.crowded.insert(asset.clone()); // counting thousands for each of thousands would hold up everybody
    }
    Ok(noted)
}

/// What devices said; an asset that is not the agent's to speak for is nobody's.
fn take_log(
    writer: &mut Writer,
    context: &Context,
    seq: u64,
    log: Log,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let agent = &context.authority.agent;
    let kept = Duration::from_secs(86_400 * u64::from(writer.shared.log_days));
    let oldest = context.received.minus(kept);
    for (place, mut heard) in log.rows.into_iter().enumerate() {
        let whose = heard.asset.clone().map(Object::Asset);
        if let Some(object) = whose.filter(|object| !context.authority.allows(object)) {
            refuse(writer, context, &object, outcome)?;
            heard.asset = None;
        }
        let at = context.correct(heard.at);
        // A clock that was never set: a file of that time would be deleted tomorrow.
        let at = if at < oldest { context.received } else { at };
        let place = (&*context.epoch, seq, place);
        events::keep(writer, &events::Kept { agent, place, at, received: context.received, heard: &heard })?;
        writer.rows += 1;
    }
    Ok(())
}

fn take_status(
    writer: &mut Writer,
    context: &Context,
    at: Wall,
    status: AgentStatus,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let (agent, at) = (context.authority.agent.clone(), context.correct(at));
    let input = if status.plan_problems > 0 {
        let evidence = vec![
            ("parts".to_owned(), status.plan_problems.to_string()),
            ("version".to_owned(), status.version.clone()),
            ("limits".to_owned(), status.limits.last().cloned().unwrap_or_default()),
        ];
        own::raise(writer, &agent, own::PLAN_PARTIAL, None, evidence, context.received)?
    } else {
        own::clear(writer, &agent, own::PLAN_PARTIAL, context.received)?
    };
    outcome.inputs.extend(input);
    let body = serde_json::to_string(&status).expect("a status has string keys only, so it always serialises");
    writer
        .core
        .prepare_cached(
            "INSERT INTO agent (id, heard, skew_ms, status, status_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET heard = excluded.heard, skew_ms = excluded.skew_ms, status = excluded.status, status_at = excluded.status_at",
        )
        .and_then(|mut q| {
            q.execute(params![agent.as_str(), context.received.millis(), context.skew_ms, body, at.millis()])
        })
        .map_err(sql("store the status of an agent"))?;
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        let row = live.agents.entry(agent).or_default();
        row.status = Some(status);
        row.status_at = Some(at);
    });
    Ok(())
}
