//! Incidents, their contributions and time lines in rows. The book decides, this writes down what it says in
//! the transaction of what made it say so, and reads pages back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::days::Days;
use super::db::sql;
use super::scope::Seen;
use super::types::{FiringAlert, IncidentCount, StoreError};
use super::writer::{Memory, Writer};
use crate::console::command::{IncidentDetail, IncidentFilter, Page, Paged};
use crate::engine::incident::{Book, Effect, Input, Refused};
use crate::model::alert::AlertKey;
use crate::model::incident::{
    Ack, AckKind, CloseCause, Contribution, Flags, Incident, IncidentState, TimelineEntry, TimelineKind,
};
use crate::model::{AgentId, ProblemId, RuleId, Severity, Wall};

/// How long an incident that is over stays in memory: far beyond the 30 minutes in which it may reopen.
const RECENT: Duration = Duration::from_secs(6 * 3_600);
/// Most of them; older ones are loaded when somebody acts on them.
const MAX_RECENT: i64 = 5_000;
/// Symptoms and time line entries shown with an incident.
const MAX_DETAIL: i64 = 2_000;
/// Firing alerts in one answer.
const MAX_FIRING: i64 = 20_000;

const COLUMNS: &str = "id, problem, object, instance, state, severity, opened, updated, resolved, closed, ack, assignee, count, flags, cause, previous, close_cause, party, category, runbook";

/// One input of a person; refused ones change nothing.
pub(super) fn apply(
    writer: &mut Writer,
    input: Input,
    id: &str,
    now: Wall,
) -> Result<Result<(), Refused>, StoreError> {
    if writer.memory.book.incident(id).is_none() {
        let mut found = select(&writer.core, "WHERE id = ?1", &[&id])?;
        if let Some(incident) = found.pop() {
            writer.memory.dirty = true;
            writer.memory.book.load(incident);
        }
    }
    match with_ids(writer, now, |book, next| book.apply(input, now, next)) {
        Err(refused) => Ok(Err(refused)),
        Ok(effects) => {
            writer.memory.dirty = true;
            persist(writer, effects)?;
            Ok(Ok(()))
        }
    }
}

/// Inputs of agents and of time; never refused.
pub(super) fn apply_all(writer: &mut Writer, inputs: Vec<Input>, now: Wall) -> Result<(), StoreError> {
    if inputs.is_empty() {
        return Ok(());
    }
    writer.memory.dirty = true;
    let effects = with_ids(writer, now, |book, next| book.apply_all(inputs, now, next));
    persist(writer, effects)
}

/// Lends the book and a source of ids, which live in the same writer.
fn with_ids<R>(writer: &mut Writer, now: Wall, work: impl FnOnce(&mut Book, &mut dyn FnMut() -> Arc<str>) -> R) -> R {
    let mut book = std::mem::take(&mut writer.memory.book);
    let result = work(&mut book, &mut || writer.new_id(now));
    writer.memory.book = book;
    result
}

fn persist(writer: &mut Writer, effects: Vec<Effect>) -> Result<(), StoreError> {
    if effects.is_empty() {
        return Ok(());
    }
    writer.rows += effects.len();
    // Those that leave the key free go first: the unique index looks after each row.
    let (mut puts, mut lines, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Put(incident) => puts.push(incident),
            Effect::Timeline(entry) => lines.push(entry),
            Effect::Look(object) => looks.push(object),
        }
    }
    puts.sort_by_key(|incident| incident.state.active());
    for incident in &puts {
        put(&writer.core, incident)?;
    }
    let mut insert = writer
        .core
        .prepare_cached("INSERT INTO timeline (incident, at, actor, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)")
        .map_err(sql("write a time line"))?;
    for entry in &lines {
        insert
            .execute(params![entry.incident, entry.at.millis(), entry.actor, entry.kind.as_str(), entry.text])
            .map_err(sql("write a time line"))?;
    }
    drop(insert);
    super::looks::queue(writer, &looks)?;
    writer.after(|shared| shared.changed(|changes| changes.incidents += 1));
    Ok(())
}

fn put(core: &Connection, incident: &Incident) -> Result<(), StoreError> {
    let failed = sql("store an incident");
    let before: Option<(String, i64)> = core
        .prepare_cached("SELECT state, severity FROM incident WHERE id = ?1")
        .and_then(|mut q| q.query_row([&incident.id], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(&failed)?;
    let key = &incident.key;
    let object = key.object.to_string();
    let previous: Option<Arc<str>> = match (&incident.previous, &before) {
        // An object has few incidents, a problem has them all: left alone, SQLite walks those.
        (None, None) => core
            .prepare_cached("SELECT id FROM incident INDEXED BY incident_object WHERE object = ?1 AND problem = ?2 AND instance = ?3 ORDER BY id DESC LIMIT 1")
            .and_then(|mut q| q.query_row(params![object, key.problem.as_str(), key.instance], |r| r.get(0)).optional())
            .map_err(&failed)?,
        (previous, _) => previous.clone(),
    };
    core.prepare_cached(
        "INSERT INTO incident (id, problem, object, instance, state, severity, opened, updated, resolved, closed, ack, assignee, count, flags, cause, previous, close_cause, party, category, runbook)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity, opened = excluded.opened, updated = excluded.updated,
             resolved = excluded.resolved, closed = excluded.closed, ack = excluded.ack, assignee = excluded.assignee, count = excluded.count,
             flags = excluded.flags, cause = excluded.cause, previous = coalesce(excluded.previous, previous), close_cause = excluded.close_cause,
             party = excluded.party, category = excluded.category, runbook = excluded.runbook",
    )
    .and_then(|mut q| {
        q.execute(params![
            incident.id, key.problem.as_str(), object, key.instance, incident.state.as_str(), rank(incident.severity),
            incident.opened.millis(), incident.updated.millis(), incident.resolved.map(Wall::millis),
            incident.closed.map(Wall::millis), incident.ack.as_ref().map(ack_text), incident.assignee, incident.count,
            flag_bits(incident.flags), incident.cause, previous, incident.close_cause.map(CloseCause::as_str),
            incident.party, incident.category, incident.runbook
        ])
    })
    .map_err(&failed)?;
    for contribution in &incident.contributions {
        put_contribution(core, &incident.id, contribution)?;
    }
    let after = (incident.state.as_str().to_owned(), rank(incident.severity));
    if before.as_ref() != Some(&after) {
        let mut add = core
            .prepare_cached("INSERT INTO incident_counter (state, severity, n) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + excluded.n")
            .map_err(&failed)?;
        for ((state, severity), n) in before.map(|old| (old, -1)).into_iter().chain([(after, 1)]) {
            add.execute(params![state, severity, n]).map_err(&failed)?;
        }
    }
    Ok(())
}

fn put_contribution(core: &Connection, incident: &str, c: &Contribution) -> Result<(), StoreError> {
    core.prepare_cached(
        "INSERT INTO contribution (incident, agent, rule, firing, severity, since, at, flapping, stale, count, evidence, folds_into)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT DO UPDATE SET firing = excluded.firing, severity = excluded.severity, since = excluded.since, at = excluded.at,
             flapping = excluded.flapping, stale = excluded.stale, count = excluded.count, evidence = excluded.evidence, folds_into = excluded.folds_into",
    )
    .and_then(|mut q| {
        let folds: Vec<&str> = c.folds_into.iter().map(ProblemId::as_str).collect();
        q.execute(params![
            incident, c.agent.as_str(), c.rule.as_str(), c.firing, rank(c.severity), c.since.millis(), c.at.millis(),
            c.flapping, c.stale, c.count, serde_json::json!(c.evidence).to_string(), serde_json::json!(folds).to_string()
        ])
    })
    .map(drop)
    .map_err(sql("store a contribution"))
}

/// Notes beside a contribution what the agent's own clock said.
pub(super) fn note_original(
    core: &Connection,
    key: &AlertKey,
    agent: &AgentId,
    rule: &RuleId,
    since: Wall,
    at: Wall,
) -> Result<(), StoreError> {
    core.prepare_cached(
        "UPDATE contribution SET since_original = ?6, at_original = ?7 WHERE agent = ?4 AND rule = ?5 AND incident =
            (SELECT id FROM incident INDEXED BY incident_object WHERE object = ?1 AND problem = ?2 AND instance = ?3 ORDER BY id DESC LIMIT 1)",
    )
    .and_then(|mut q| {
        q.execute(params![
            key.object.to_string(),
            key.problem.as_str(),
            key.instance,
            agent.as_str(),
            rule.as_str(),
            since.millis(),
            at.millis()
        ])
    })
    .map(drop)
    .map_err(sql("note the original time of an alert"))
}

pub(super) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Minor => 2,
        Severity::Major => 3,
        Severity::Critical => 4,
    }
}

pub(super) fn severity(rank: i64) -> Severity {
    Severity::ALL.into_iter().find(|s| self::rank(*s) == rank).unwrap_or(Severity::Critical)
}

const fn flag_bits(f: Flags) -> i64 {
    f.maintenance as i64
        | (f.topology as i64) << 1
        | (f.flapping as i64) << 2
        | (f.silence as i64) << 3
        | (f.storm as i64) << 4
        | (f.stale as i64) << 5
        | (f.late as i64) << 6
        | (f.held as i64) << 7
}

pub(super) const fn flags(bits: i64) -> Flags {
    Flags {
        maintenance: bits & 1 != 0,
        topology: bits & 2 != 0,
        flapping: bits & 4 != 0,
        silence: bits & 8 != 0,
        storm: bits & 16 != 0,
        stale: bits & 32 != 0,
        late: bits & 64 != 0,
        held: bits & 128 != 0,
    }
}

fn ack_text(ack: &Ack) -> String {
    let (kind, until) = match ack.kind {
        AckKind::UntilChange => ("until_change", None),
        AckKind::Until(until) => ("until", Some(until.millis())),
        AckKind::Sticky => ("sticky", None),
    };
    serde_json::json!({"by": ack.by, "at": ack.at.millis(), "comment": ack.comment, "kind": kind, "until": until})
        .to_string()
}

fn ack(text: &str) -> Option<Ack> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let kind = match value.get("kind")?.as_str()? {
        "until" => AckKind::Until(Wall::from_millis(value.get("until")?.as_i64()?)),
        "sticky" => AckKind::Sticky,
        _ => AckKind::UntilChange,
    };
    Some(Ack {
        by: value.get("by")?.as_str()?.to_owned(),
        at: Wall::from_millis(value.get("at")?.as_i64()?),
        comment: value.get("comment")?.as_str()?.to_owned(),
        kind,
    })
}

pub(super) fn wrong(column: usize, what: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(what))
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no word of this column")]
pub(super) struct NoWord(pub(super) String);

fn incident(r: &Row<'_>) -> rusqlite::Result<Incident> {
    let text = |column: usize| r.get::<_, String>(column);
    let time = |column: usize| r.get::<_, i64>(column).map(Wall::from_millis);
    let maybe = |column: usize| r.get::<_, Option<i64>>(column).map(|ms| ms.map(Wall::from_millis));
    let state = text(4)?;
    Ok(Incident {
        id: r.get(0)?,
        key: AlertKey {
            problem: text(1)?.parse().map_err(|e| wrong(1, e))?,
            object: text(2)?.parse().map_err(|e| wrong(2, e))?,
            instance: r.get(3)?,
        },
        state: IncidentState::parse(&state).ok_or_else(|| wrong(4, NoWord(state)))?,
        severity: severity(r.get(5)?),
        opened: time(6)?,
        updated: time(7)?,
        resolved: maybe(8)?,
        closed: maybe(9)?,
        ack: r.get::<_, Option<String>>(10)?.as_deref().and_then(ack),
        assignee: r.get(11)?,
        count: r.get(12)?,
        flags: flags(r.get(13)?),
        cause: r.get(14)?,
        previous: r.get(15)?,
        contributions: Vec::new(),
        close_cause: r.get::<_, Option<String>>(16)?.as_deref().and_then(CloseCause::parse),
        party: r.get(17)?,
        category: r.get(18)?,
        runbook: r.get(19)?,
    })
}

const CONTRIBUTION: &str = "agent, rule, firing, severity, since, at, flapping, stale, count, evidence, folds_into";

fn contribution(r: &Row<'_>, from: usize) -> rusqlite::Result<Contribution> {
    let text = |column: usize| r.get::<_, String>(from + column);
    let folds: Vec<String> = serde_json::from_str(&text(10)?).unwrap_or_default();
    Ok(Contribution {
        agent: text(0)?.parse().map_err(|e| wrong(0, e))?,
        rule: text(1)?.parse().map_err(|e| wrong(1, e))?,
        firing: r.get(from + 2)?,
        severity: severity(r.get(from + 3)?),
        since: Wall::from_millis(r.get(from + 4)?),
        at: Wall::from_millis(r.get(from + 5)?),
        flapping: r.get(from + 6)?,
        stale: r.get(from + 7)?,
        count: r.get(from + 8)?,
        evidence: serde_json::from_str(&text(9)?).unwrap_or_default(),
        folds_into: folds.iter().filter_map(|id| id.parse().ok()).collect(),
    })
}

fn contributions(core: &Connection, incident: &mut Incident) -> Result<(), StoreError> {
    let text = format!("SELECT {CONTRIBUTION} FROM contribution WHERE incident = ?1 ORDER BY agent, rule");
    incident.contributions = core
        .prepare_cached(&text)
        .and_then(|mut q| q.query_map([&incident.id], |r| contribution(r, 0))?.collect())
        .map_err(sql("read contributions"))?;
    Ok(())
}

pub(super) fn select(
    core: &Connection,
    rest: &str,
    args: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Incident>, StoreError> {
    let mut found: Vec<Incident> = core
        .prepare_cached(&format!("SELECT {COLUMNS} FROM incident {rest}"))
        .and_then(|mut q| q.query_map(args, incident)?.collect())
        .map_err(sql("read incidents"))?;
    for incident in &mut found {
        contributions(core, incident)?;
    }
    Ok(found)
}

impl Memory {
    /// Reads back what the tables say.
    pub(super) fn load(core: &Connection, days: &mut Days, now: Wall) -> Result<Self, StoreError> {
        let mut held = select(core, "WHERE state IN ('open', 'acked')", &[])?;
        let since = now.minus(RECENT).millis();
        held.extend(select(
            core,
            "WHERE state IN ('resolved', 'closed') AND updated >= ?1 ORDER BY id DESC LIMIT ?2",
            &[&since, &MAX_RECENT],
        )?);
        Ok(Self {
            book: Book::restore(held),
            marks: super::ingest::sample_marks(core, days)?,
            own: super::own::load(core)?,
            told: None,
            dirty: false,
        })
    }
}

/// A page, newest first. Filters that SQL does not know are applied while the rows come by.
pub(super) fn list(
    core: &Connection,
    seen: &Seen,
    filter: &IncidentFilter,
    page: &Page,
) -> Result<Paged<Incident>, StoreError> {
    let limit = page.limit.clamp(1, 1_000);
    let mut text = format!("SELECT {COLUMNS} FROM incident WHERE id < ?1");
    let mut args: Vec<Box<dyn rusqlite::ToSql>> = Vec::new();
    // Ids are UUIDs; `g` sorts after every one.
    let after = page.after.clone().unwrap_or_else(|| "g".to_owned());
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if page.after.as_deref().is_some_and(|text| !is_id(text)) {
        let text: String = after.chars().take(80).collect();
        return Err(StoreError::Request(format!("`{text}` is no cursor of this list")));
    }
    args.push(Box::new(after));
    let mut bind = |clause: &str, value: Box<dyn rusqlite::ToSql>| {
        args.push(value);
        text.push_str(&format!(" AND {clause} ?{}", args.len()));
    };
    if let Some(least) = filter.min_severity {
        bind("severity >=", Box::new(rank(least)));
    }
    if let Some(object) = &filter.object {
        bind("object =", Box::new(object.to_string()));
    }
    if let Some(problem) = &filter.problem {
        bind("problem =", Box::new(problem.clone()));
    }
    if !filter.states.is_empty() {
        let words: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
        text.push_str(&format!(" AND state IN ({})", words.join(", ")));
    }
    if filter.causes_only {
        text.push_str(" AND cause IS NULL");
    }
    text.push_str(" ORDER BY id DESC");
    let failed = sql("list incidents");
    let mut query = core.prepare_cached(&text).map_err(&failed)?;
    let mut rows = query.query(rusqlite::params_from_iter(args.iter().map(|arg| arg.as_ref()))).map_err(&failed)?;
    let mut items = Vec::new();
    let mut next = None;
    while let Some(row) = rows.next().map_err(&failed)? {
        let incident = incident(row).map_err(&failed)?;
        if !seen.sees(&incident.key.object) {
            continue;
        }
        if items.len() == limit {
            next = items.last().map(|last: &Incident| last.id.to_string());
            break;
        }
        items.push(incident);
    }
    drop(rows);
    for incident in &mut items {
        contributions(core, incident)?;
    }
    Ok(Paged { items, next })
}

/// One with its time line and symptoms.
pub(super) fn detail(core: &Connection, seen: &Seen, id: &str) -> Result<Option<IncidentDetail>, StoreError> {
    let Some(incident) = select(core, "WHERE id = ?1", &[&id])?.pop().filter(|i| seen.sees(&i.key.object)) else {
        return Ok(None);
    };
    let mut timeline: Vec<TimelineEntry> = core
        .prepare_cached(
            "SELECT incident, at, actor, kind, text FROM timeline WHERE incident = ?1 ORDER BY seq DESC LIMIT ?2",
        )
        .and_then(|mut q| {
            q.query_map(params![id, MAX_DETAIL], |r| {
                Ok(TimelineEntry {
                    incident: r.get(0)?,
                    at: Wall::from_millis(r.get(1)?),
                    actor: r.get(2)?,
                    kind: timeline_kind(&r.get::<_, String>(3)?),
                    text: r.get(4)?,
                })
            })?
            .collect()
        })
        .map_err(sql("read a time line"))?;
    timeline.reverse();
    let symptoms = select(core, "WHERE cause = ?1 ORDER BY id DESC LIMIT ?2", &[&id, &MAX_DETAIL])?
        .into_iter()
        .filter(|symptom| seen.sees(&symptom.key.object))
        .collect();
    Ok(Some(IncidentDetail { incident, timeline, symptoms }))
}

/// What a person in this scope may act on.
pub(super) fn one(core: &Connection, seen: &Seen, id: &str) -> Result<Option<Incident>, StoreError> {
    Ok(select(core, "WHERE id = ?1", &[&id])?.pop().filter(|incident| seen.sees(&incident.key.object)))
}

fn timeline_kind(word: &str) -> TimelineKind {
    use TimelineKind::{
        Acked, Assigned, Closed, Flag, Folded, Joined, Left, Note, Opened, Reopened, Resolved, Unacked, Unfolded,
        Worse,
    };
    [Opened, Reopened, Worse, Joined, Left, Acked, Unacked, Assigned, Resolved, Closed, Note, Folded, Unfolded, Flag]
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or(Note)
}

/// Counters.
pub(super) fn counts(core: &Connection) -> Result<Vec<IncidentCount>, StoreError> {
    let rows: BTreeMap<(String, i64), i64> = core
        .prepare_cached("SELECT state, severity, n FROM incident_counter WHERE n > 0")
        .and_then(|mut q| q.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))?.collect())
        .map_err(sql("read the counters of incidents"))?;
    Ok(rows
        .into_iter()
        .filter_map(|((state, rank), n)| {
            Some(IncidentCount {
                state: IncidentState::parse(&state)?,
                severity: severity(rank),
                n: n.unsigned_abs(),
            })
        })
        .collect())
}

/// All firing contributions.
pub(super) fn firing(core: &Connection, seen: &Seen) -> Result<Vec<FiringAlert>, StoreError> {
    let text = format!(
        "SELECT i.id, i.state, i.problem, i.object, i.instance, {} FROM incident i JOIN contribution c ON c.incident = i.id
         WHERE i.state IN ('open', 'acked') AND c.firing = 1 ORDER BY i.id DESC LIMIT {MAX_FIRING}",
        CONTRIBUTION.split(", ").map(|column| format!("c.{column}")).collect::<Vec<_>>().join(", ")
    );
    let all: Vec<FiringAlert> = core
        .prepare_cached(&text)
        .and_then(|mut q| {
            q.query_map([], |r| {
                let word = |column: usize| r.get::<_, String>(column);
                let state = word(1)?;
                Ok(FiringAlert {
                    incident: r.get(0)?,
                    state: IncidentState::parse(&state).ok_or_else(|| wrong(1, NoWord(state)))?,
                    key: AlertKey {
                        problem: word(2)?.parse().map_err(|e| wrong(2, e))?,
                        object: word(3)?.parse().map_err(|e| wrong(3, e))?,
                        instance: r.get(4)?,
                    },
                    contribution: contribution(r, 5)?,
                })
            })?
            .collect()
        })
        .map_err(sql("list alerts"))?;
    Ok(all.into_iter().filter(|alert| seen.sees(&alert.key.object)).collect())
}
