//! The inbox: incidents by any of its filters and orders, a page at a time. A page is found in an index that
//! holds everything the filters ask; only the rows that are shown are read whole. What SQL cannot know (the
//! reader's scope, regions, the names of objects) is asked once an object and remembered for the walk.

use std::cmp::Ordering;
use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql};

use super::db::sql;
use super::incidents::{rank, select, severity};
use super::scope::Seen;
use super::types::{InboxRow, Standing, StoreError};
use crate::console::command::{Assigned, Inbox, IncidentSort, Paged, Words};
use crate::model::Object;
use crate::model::incident::IncidentState;
use crate::model::inventory::Inventory;

/// The most rows of one answer: an export.
const MAX_ROWS: usize = 20_000;
/// What stands between the parts of a cursor; no id and no object holds it.
const BETWEEN: char = '\u{1f}';

/// What a row is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

/// The place of a row in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct At {
    key: Key,
    opened: i64,
    id: String,
}

impl At {
    fn cursor(&self) -> String {
        let key = match &self.key {
            Key::Number(n) => format!("n{n}"),
            Key::Text(text) => format!("t{text}"),
        };
        format!("{key}{BETWEEN}{}{BETWEEN}{}", self.opened, self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, BETWEEN);
        let (key, opened, id) = (parts.next()?, parts.next()?, parts.next()?);
        let key = match (key.get(..1)?, key.get(1..)?) {
            ("n", number) => Key::Number(number.parse().ok()?),
            ("t", text) => Key::Text(text.to_owned()),
            _ => return None,
        };
        Some(Self { key, opened: opened.parse().ok()?, id: id.to_owned() })
    }

    /// Before `other` on the page? Equal keys: the newest first.
    fn order(&self, other: &Self, descending: bool) -> Ordering {
        let by_key = self.key.cmp(&other.key);
        let by_key = if descending { by_key.reverse() } else { by_key };
        by_key.then_with(|| other.opened.cmp(&self.opened)).then_with(|| other.id.cmp(&self.id))
    }
}

/// A page of the inbox.
pub(super) fn page(
    core: &Connection,
    seen: &Seen,
    within: Option<&Seen>,
    inventory: &Inventory,
    asked: &Inbox,
) -> Result<Paged<InboxRow>, StoreError> {
    let limit = asked.limit.clamp(1, MAX_ROWS);
    let after = match &asked.after {
        None => None,
        Some(text) => Some(At::read(text).ok_or_else(|| {
            let text: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
            StoreError::Request(format!("`{text}` is no cursor of this list"))
        })?),
    };
    let mut sieve = Sieve { seen, within, inventory, asked, objects: HashMap::new(), problems: HashMap::new() };
    let mut found = walk(core, asked, after.as_ref(), limit, &mut sieve)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(At::cursor);
    let mut items = Vec::with_capacity(found.len());
    for at in &found {
        // It may have gone meanwhile only if somebody removed it from the table by hand.
        let Some(incident) = select(core, "WHERE id = ?1", &[&at.id])?.pop() else { continue };
        let symptoms = core
            .prepare_cached("SELECT count(*) FROM incident WHERE cause = ?1")
            .and_then(|mut q| q.query_row([&at.id], |r| r.get(0)))
            .map_err(sql("count symptoms"))?;
        items.push(InboxRow { incident, symptoms });
    }
    Ok(Paged { items, next })
}

/// The places of the rows of a page and one more, in order.
fn walk(
    core: &Connection,
    asked: &Inbox,
    after: Option<&At>,
    limit: usize,
    sieve: &mut Sieve<'_>,
) -> Result<Vec<At>, StoreError> {
    let failed = sql("walk the inbox");
    let named = match &asked.words {
        Some(words) if !of_active(asked) => named(core, words, sieve).map_err(&failed)?,
        _ => None,
    };
    let (text, args) = statement(asked, after, named.as_deref());
    let mut query = core.prepare_cached(&text).map_err(&failed)?;
    let args = rusqlite::params_from_iter(args.iter().map(|arg| &**arg));
    let mut rows = query.query(args).map_err(&failed)?;
    // Every order but one comes out of an index, and the walk ends with the page.
    let by_index = asked.sort != IncidentSort::Acked;
    let order = |a: &At, b: &At| a.order(b, asked.descending);
    let mut found: Vec<At> = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        if !sieve.lets_through(row).map_err(&failed)? {
            continue;
        }
        let at = place(row, asked).map_err(&failed)?;
        if after.is_some_and(|after| order(&at, after) != Ordering::Greater) {
            continue;
        }
        found.push(at);
        if by_index && found.len() > limit {
            break;
        }
        // Only the first of the order are kept, whatever comes by.
        if found.len() >= 4 * (limit + 1) {
            found.select_nth_unstable_by(limit, order);
            found.truncate(limit + 1);
        }
    }
    if !by_index {
        found.sort_by(order);
        found.truncate(limit + 1);
    }
    Ok(found)
}

const ID: usize = 0;
const OPENED: usize = 1;
const OBJECT: usize = 2;
const PROBLEM: usize = 3;
const SEVERITY: usize = 4;
const UPDATED: usize = 5;
const ACKED: usize = 6;

/// Every object that ever had an incident, by one seek each: SQLite itself would read every row.
const OBJECTS: &str = "WITH RECURSIVE o (object) AS (
        SELECT min(object) FROM incident INDEXED BY incident_by_object
        UNION ALL
        SELECT (SELECT min(object) FROM incident INDEXED BY incident_by_object WHERE object > o.object) FROM o WHERE object IS NOT NULL
    ) SELECT object FROM o WHERE object IS NOT NULL";
/// The same of problems.
const PROBLEMS: &str = "WITH RECURSIVE p (problem) AS (
        SELECT min(problem) FROM incident INDEXED BY incident_problem
        UNION ALL
        SELECT (SELECT min(problem) FROM incident INDEXED BY incident_problem WHERE problem > p.problem) FROM p WHERE problem IS NOT NULL
    ) SELECT problem FROM p WHERE problem IS NOT NULL";
/// Words that name more objects than so many are found soon enough on the way.
const FEW: usize = 200;

/// The objects that the words name, if they are few and name no problem: then only theirs are walked.
fn named(core: &Connection, words: &Words, sieve: &mut Sieve<'_>) -> rusqlite::Result<Option<Vec<String>>> {
    let mut problems = core.prepare_cached(PROBLEMS)?;
    let mut rows = problems.query([])?;
    while let Some(row) = rows.next()? {
        let problem = text(row.get_ref(0)?)?;
        if problem.contains(&words.text) || words.problems.contains(problem) {
            return Ok(None);
        }
    }
    let mut found = Vec::new();
    let mut objects = core.prepare_cached(OBJECTS)?;
    let mut rows = objects.query([])?;
    while let Some(row) = rows.next()? {
        let object = text(row.get_ref(0)?)?;
        if sieve.look_at(object) == (true, true) {
            found.push(object.to_owned());
            if found.len() > FEW {
                return Ok(None);
            }
        }
    }
    Ok(Some(found))
}

fn of_active(asked: &Inbox) -> bool {
    !asked.states.is_empty() && asked.states.iter().all(|s| s.active())
}

fn statement(asked: &Inbox, after: Option<&At>, named: Option<&[String]>) -> (String, Vec<Box<dyn ToSql>>) {
    let active = of_active(asked);
    // Named, because the planner cannot know how few are active; it would take the index of one state.
    let index = match asked.sort {
        _ if active => "incident_active",
        _ if named.is_some() => "incident_by_object",
        IncidentSort::Opened | IncidentSort::Acked => "incident_opened",
        IncidentSort::Severity => "incident_by_severity",
        IncidentSort::Updated => "incident_by_updated",
        IncidentSort::Object => "incident_by_object",
    };
    let mut clauses = vec![if active { "state IN ('open', 'acked')".to_owned() } else { "1".to_owned() }];
    if !asked.states.is_empty() {
        let words: Vec<String> = asked.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
        clauses.push(format!("state IN ({})", words.join(", ")));
    }
    if asked.causes_only {
        clauses.push("cause IS NULL".to_owned());
    }
    if asked.assigned == Some(Assigned::Nobody) {
        clauses.push("assignee IS NULL".to_owned());
    }
    let mut args: Vec<Box<dyn ToSql>> = Vec::new();
    let mut bind = |clause: &str, value: Box<dyn ToSql>| {
        args.push(value);
        clauses.push(clause.replace('?', &format!("?{}", args.len())));
    };
    if let Some(named) = named {
        bind("object IN (SELECT value FROM json_each(?))", Box::new(serde_json::json!(named).to_string()));
    }
    if let Some(least) = asked.min_severity {
        bind("severity >= ?", Box::new(rank(least)));
    }
    if let Some(most) = asked.max_severity {
        bind("severity <= ?", Box::new(rank(most)));
    }
    if let Some(since) = asked.opened_since {
        bind("opened >= ?", Box::new(since.millis()));
    }
    if let Some(Assigned::To(names)) = &asked.assigned {
        bind("assignee IN (SELECT value FROM json_each(?))", Box::new(serde_json::json!(names).to_string()));
    }
    let (column, word) = (column(asked.sort), if asked.descending { "DESC" } else { "ASC" });
    let sign = if asked.descending { "<=" } else { ">=" };
    if let (Some(column), Some(after)) = (column, after) {
        let key: Box<dyn ToSql> = match &after.key {
            Key::Number(n) => Box::new(*n),
            Key::Text(text) => Box::new(text.clone()),
        };
        bind(&format!("{column} {sign} ?"), key);
    }
    let order = column.map_or_else(String::new, |column| format!(" ORDER BY {column} {word}, opened DESC, id DESC"));
    let text = format!(
        "SELECT id, opened, object, problem, severity, updated, acked FROM incident INDEXED BY {index} WHERE {}{order}",
        clauses.join(" AND ")
    );
    (text, args)
}

/// The column of an order; none where SQL cannot put it in order.
const fn column(sort: IncidentSort) -> Option<&'static str> {
    match sort {
        IncidentSort::Opened => Some("opened"),
        IncidentSort::Severity => Some("severity"),
        IncidentSort::Updated => Some("updated"),
        IncidentSort::Object => Some("object"),
        IncidentSort::Acked => None,
    }
}

fn place(row: &Row<'_>, asked: &Inbox) -> rusqlite::Result<At> {
    let opened = row.get(OPENED)?;
    let key = match asked.sort {
        IncidentSort::Opened => Key::Number(opened),
        IncidentSort::Severity => Key::Number(row.get(SEVERITY)?),
        IncidentSort::Updated => Key::Number(row.get(UPDATED)?),
        IncidentSort::Object => Key::Text(row.get(OBJECT)?),
        // Those that nobody acknowledged come last either way.
        IncidentSort::Acked => {
            let none = if asked.descending { i64::MIN } else { i64::MAX };
            Key::Number(row.get::<_, Option<i64>>(ACKED)?.unwrap_or(none))
        }
    };
    Ok(At { key, opened, id: row.get(ID)? })
}

/// The filters that need more than the row.
struct Sieve<'a> {
    seen: &'a Seen,
    within: Option<&'a Seen>,
    inventory: &'a Inventory,
    asked: &'a Inbox,
    /// By object: whether the row may be shown, and whether the words stand in its name.
    objects: HashMap<String, (bool, bool)>,
    /// By problem: whether the words stand in its name.
    problems: HashMap<String, bool>,
}

impl Sieve<'_> {
    fn lets_through(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        if self.seen.everything() && self.within.is_none() && self.asked.words.is_none() {
            return Ok(true);
        }
        let object = text(row.get_ref(OBJECT)?)?;
        let (shown, named) = match self.objects.get(object) {
            Some(known) => *known,
            None => {
                let known = self.look_at(object);
                self.objects.insert(object.to_owned(), known);
                known
            }
        };
        let Some(words) = &self.asked.words else { return Ok(shown) };
        if !shown || named {
            return Ok(shown);
        }
        let problem = text(row.get_ref(PROBLEM)?)?;
        if let Some(known) = self.problems.get(problem) {
            return Ok(*known);
        }
        let known = problem.contains(&words.text) || words.problems.contains(problem);
        self.problems.insert(problem.to_owned(), known);
        Ok(known)
    }

    fn look_at(&self, text: &str) -> (bool, bool) {
        let Ok(object) = text.parse::<Object>() else { return (false, false) };
        let shown = self.seen.sees(&object) && self.within.is_none_or(|within| within.sees(&object));
        let named = self.asked.words.as_ref().is_some_and(|words| {
            text.to_lowercase().contains(&words.text)
                || name(self.inventory, &object).is_some_and(|name| name.to_lowercase().contains(&words.text))
        });
        (shown, named)
    }
}

/// What people call the object, or the asset that it is a part of.
fn name<'a>(inventory: &'a Inventory, object: &Object) -> Option<&'a str> {
    match object {
        Object::Region(id) => inventory.regions.get(id).map(|r| r.name.as_str()),
        Object::Asset(id) | Object::Interface { asset: id, .. } => inventory.assets.get(id).map(|a| a.name.as_str()),
        Object::Link(id) => inventory.links.get(id).map(|l| l.name.as_str()),
        Object::Agent(id) => inventory.agents.get(id).map(|a| a.name.as_str()),
    }
}

fn text(value: ValueRef<'_>) -> rusqlite::Result<&str> {
    Ok(value.as_str()?)
}

/// How many open and acknowledged ones stand with which severity; counted anew, because a scope has no counters.
pub(super) fn standing(core: &Connection, seen: &Seen) -> Result<Vec<Standing>, StoreError> {
    let failed = sql("count open incidents");
    let object = if seen.everything() { "''" } else { "object" };
    let text = format!(
        "SELECT {object}, state, severity, cause IS NULL, count(*) FROM incident INDEXED BY incident_active
         WHERE state IN ('open', 'acked') GROUP BY 1, 2, 3, 4"
    );
    let mut query = core.prepare_cached(&text).map_err(&failed)?;
    let mut rows = query.query([]).map_err(&failed)?;
    let mut found: Vec<Standing> = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let part = (|| {
            let object: String = row.get(0)?;
            let state: String = row.get(1)?;
            Ok((object, state, row.get::<_, i64>(2)?, row.get::<_, bool>(3)?, row.get::<_, u64>(4)?))
        })();
        let (object, state, rank, cause, n) = part.map_err(&failed)?;
        let Some(state) = IncidentState::parse(&state) else { continue };
        if !seen.everything() && !object.parse::<Object>().is_ok_and(|object| seen.sees(&object)) {
            continue;
        }
        let severity = severity(rank);
        match found.iter_mut().find(|s| (s.state, s.severity, s.cause) == (state, severity, cause)) {
            Some(known) => known.n += n,
            None => found.push(Standing { state, severity, cause, n }),
        }
    }
    Ok(found)
}
