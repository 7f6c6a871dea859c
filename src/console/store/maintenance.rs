//! Maintenance windows: announced, agreed to by a second person where they cover much, ended. The newest stand in
//! memory; the book is told which are open whenever that changes. A window never begins in the past, or it would
//! whiten an outage after the fact.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::audit::Entry;
use super::db::sql;
use super::live::Shared;
use super::scope::Seen;
use super::types::StoreError;
use super::writer::Writer;
use crate::console::command::{Actor, CommandError, Outcome, said};
use crate::engine::incident::Input;
use crate::engine::maintenance::{Cover, MAX_LENGTH, MAX_REPEAT, Planned, SECOND_PERSON, openings};
use crate::model::inventory::Inventory;
use crate::model::maintenance::{Every, Maintenance, Mark, Work};
use crate::model::{Object, ProblemId, Wall};

/// Windows kept, of five years a few a day; beyond that nothing is announced until old ones go.
const MAX_KEPT: usize = 10_000;
/// Objects that one window may name: a region names all in it.
const MAX_OBJECTS: usize = 200;
/// Work that has just begun may still be announced.
const GRACE: Duration = Duration::from_secs(15 * 60);
/// How long a window is kept after it is over: as long as roll-ups, whose reports it explains.
pub(super) const KEEP: Duration = Duration::from_secs(1_826 * 86_400);

const COLUMNS: &str = "id, title, objects, problems, began, until, every, repeats, created, creator, needs_second, approved, approver, ended, ender";

fn read(r: &Row<'_>) -> rusqlite::Result<Maintenance> {
    let time = |column: usize| r.get::<_, i64>(column).map(Wall::from_millis);
    let mark = |at: usize, by: usize| -> rusqlite::Result<Option<Mark>> {
        let (at, by): (Option<i64>, Option<String>) = (r.get(at)?, r.get(by)?);
        Ok(at.zip(by).map(|(at, by)| Mark { by, at: Wall::from_millis(at) }))
    };
    let list = |column: usize| -> rusqlite::Result<Vec<String>> {
        Ok(serde_json::from_str(&r.get::<_, String>(column)?).unwrap_or_default())
    };
    Ok(Maintenance {
        id: r.get(0)?,
        work: Work {
            title: r.get(1)?,
            objects: list(2)?.iter().filter_map(|text| text.parse::<Object>().ok()).collect(),
            problems: list(3)?.iter().filter_map(|text| text.parse::<ProblemId>().ok()).collect(),
            from: time(4)?,
            to: time(5)?,
            every: r.get::<_, Option<String>>(6)?.as_deref().and_then(Every::parse),
            until: r.get::<_, Option<i64>>(7)?.map(Wall::from_millis),
        },
        created: Mark { at: time(8)?, by: r.get(9)? },
        needs_second: r.get(10)?,
        approved: mark(11, 12)?,
        ended: mark(13, 14)?,
    })
}

/// All that are kept, newest first.
pub(super) fn load(core: &Connection) -> Result<Vec<Arc<Maintenance>>, StoreError> {
    core.prepare(&format!("SELECT {COLUMNS} FROM maintenance ORDER BY id DESC"))
        .and_then(|mut q| q.query_map([], |r| read(r).map(Arc::new))?.collect())
        .map_err(sql("read the maintenance windows"))
}

fn put(core: &Connection, m: &Maintenance) -> Result<(), StoreError> {
    let objects: Vec<String> = m.work.objects.iter().map(ToString::to_string).collect();
    let problems: Vec<&str> = m.work.problems.iter().map(ProblemId::as_str).collect();
    let mark = |mark: &Option<Mark>| mark.as_ref().map(|mark| (mark.at.millis(), mark.by.clone())).unzip();
    let ((approved, approver), (ended, ender)) = (mark(&m.approved), mark(&m.ended));
    let last = m.work.until.map_or(m.work.to, |until| until.plus(m.work.to.since(m.work.from)));
    core.prepare_cached(&format!(
        "INSERT OR REPLACE INTO maintenance ({COLUMNS}, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
    ))
    .and_then(|mut q| {
        q.execute(params![
            m.id, m.work.title, serde_json::json!(objects).to_string(), serde_json::json!(problems).to_string(),
            m.work.from.millis(), m.work.to.millis(), m.work.every.map(Every::as_str), m.work.until.map(Wall::millis),
            m.created.at.millis(), m.created.by, m.needs_second, approved, approver, ended, ender, last.millis()
        ])
    })
    .map(drop)
    .map_err(sql("store a maintenance window"))
}

/// Takes a window into the tables and, once that is committed, into memory.
fn keep(writer: &mut Writer, window: Maintenance) -> Result<(), StoreError> {
    put(&writer.core, &window)?;
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        live.maintenance.retain(|held| held.id != window.id);
        live.maintenance.push(Arc::new(window));
        live.maintenance.sort_by(|a, b| b.id.cmp(&a.id));
        drop(live);
        shared.changed(|changes| changes.incidents += 1);
    });
    Ok(())
}

fn refuse<R>(zh: impl Into<String>, en: impl Into<String>) -> Result<R, CommandError> {
    Err(CommandError::Invalid(said(zh, en)))
}

/// Announces a window.
pub(super) fn add(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    asked: Work,
) -> Result<Outcome, CommandError> {
    let now = writer.now();
    check(&asked, now)?;
    let (inventory, kept) = {
        let live = writer.shared.live();
        (live.inventory.clone(), live.maintenance.len())
    };
    if kept >= MAX_KEPT {
        return Err(CommandError::Conflict(said(
            format!("已有 {kept} 个维护窗口，不能再加"),
            format!("there are {kept} maintenance windows already, which is all that are kept"),
        )));
    }
    let seen = Seen::new(&actor.scope, &inventory);
    if let Some(object) = asked.objects.iter().find(|object| !seen.sees(object) || !there(&inventory, object)) {
        return Err(CommandError::NotFound { what: "object", id: object.to_string() });
    }
    let mut window = Maintenance {
        id: writer.new_id(now),
        work: Work { title: asked.title.trim().to_owned(), until: asked.every.and(asked.until), ..asked },
        created: Mark { by: actor.name.to_string(), at: now },
        needs_second: false,
        approved: None,
        ended: None,
    };
    window.needs_second = Cover::of(&window, &inventory).size() > SECOND_PERSON;
    entry.target = format!("maintenance:{}", window.id);
    entry.after = digest(&window);
    let id = window.id.to_string();
    keep(writer, window)?;
    Ok(Outcome::Started(id))
}

fn check(asked: &Work, now: Wall) -> Result<(), CommandError> {
    if asked.title.trim().is_empty() {
        return refuse("请说明维护内容", "say what is done: the title must not be empty");
    }
    if asked.objects.is_empty() || asked.objects.len() > MAX_OBJECTS {
        return refuse(
            format!("请给出 1 至 {MAX_OBJECTS} 个对象；一个区划包含其中的全部资产和链路"),
            format!("name 1 to {MAX_OBJECTS} objects; a region stands for all in it"),
        );
    }
    if asked.to <= asked.from || asked.to.since(asked.from) > MAX_LENGTH {
        return refuse("结束须晚于开始，且一次最长 7 天", "it must end after it begins, and last 7 days at most");
    }
    if asked.from < now.minus(GRACE) || asked.to <= now {
        return refuse(
            "维护窗口不能事后补登：开始时间最多早于现在 15 分钟",
            "a window cannot be announced afterwards: it may have begun 15 minutes ago at most",
        );
    }
    match (asked.every, asked.until) {
        (None, None) => Ok(()),
        (Some(_), Some(until)) if until > asked.from && until.since(asked.from) <= MAX_REPEAT => Ok(()),
        (Some(_), _) => {
            refuse("重复的窗口须给出一年以内的截止时间", "one that comes again needs a last time within a year")
        }
        (None, Some(_)) => refuse("给出截止时间时须说明每天还是每周重复", "a last time needs `every`: day or week"),
    }
}

fn there(inventory: &Inventory, object: &Object) -> bool {
    match object {
        Object::Region(id) => inventory.regions.contains_key(id),
        Object::Asset(id) | Object::Interface { asset: id, .. } => inventory.assets.contains_key(id),
        Object::Link(id) => inventory.links.contains_key(id),
        Object::Agent(id) => inventory.agents.contains_key(id),
    }
}

fn digest(m: &Maintenance) -> String {
    serde_json::json!({
        "title": m.work.title,
        "objects": m.work.objects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "problems": m.work.problems.iter().map(ProblemId::as_str).collect::<Vec<_>>(),
        "from": m.work.from.to_string(),
        "to": m.work.to.to_string(),
        "every": m.work.every.map(Every::as_str),
        "until": m.work.until.map(|until| until.to_string()),
        "needs_second": m.needs_second,
        "ended": m.ended.as_ref().map(|mark| mark.at.to_string()),
    })
    .to_string()
}

/// A window that the actor may change: all of its objects are in scope.
fn held(writer: &Writer, actor: &Actor, id: &str) -> Result<Maintenance, CommandError> {
    let live = writer.shared.live();
    let seen = Seen::new(&actor.scope, &live.inventory);
    let found =
        live.maintenance.iter().find(|m| *m.id == *id && m.work.objects.iter().all(|object| seen.sees(object)));
    found
        .map(|m| (**m).clone())
        .ok_or_else(|| CommandError::NotFound { what: "maintenance window", id: id.to_owned() })
}

fn over(window: &Maintenance, writer: &Writer) -> Result<(), CommandError> {
    let now = writer.now();
    let last = window.work.until.map_or(window.work.to, |until| until.plus(window.work.to.since(window.work.from)));
    if window.ended.is_some() || last <= now {
        return Err(CommandError::Conflict(said("此维护窗口已结束", "this maintenance window is over already")));
    }
    Ok(())
}

/// A second person agrees.
pub(super) fn approve(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    id: &str,
) -> Result<Outcome, CommandError> {
    let mut window = held(writer, actor, id)?;
    over(&window, writer)?;
    if !window.needs_second || window.approved.is_some() {
        return Err(CommandError::Conflict(said(
            "此维护窗口不需要复核",
            "nobody needs to agree to this window any more",
        )));
    }
    if window.created.by == *actor.name {
        return Err(CommandError::Conflict(said(
            "须由登记人以外的另一人复核",
            "somebody else than the one who announced it must agree",
        )));
    }
    entry.before = digest(&window);
    window.approved = Some(Mark { by: actor.name.to_string(), at: writer.now() });
    entry.after = digest(&window);
    keep(writer, window)?;
    Ok(Outcome::Done)
}

/// Ends a window now, or calls it off.
pub(super) fn end(writer: &mut Writer, actor: &Actor, entry: &mut Entry, id: &str) -> Result<Outcome, CommandError> {
    let mut window = held(writer, actor, id)?;
    over(&window, writer)?;
    entry.before = digest(&window);
    window.ended = Some(Mark { by: actor.name.to_string(), at: writer.now() });
    entry.after = digest(&window);
    keep(writer, window)?;
    Ok(Outcome::Done)
}

/// Which windows are open, by inventory revision: what the book was told last.
pub(super) type Told = Option<(u64, Vec<Arc<str>>)>;

/// What the book must be told, if that changed.
pub(super) fn input(writer: &mut Writer, now: Wall) -> Option<Input> {
    let shared = writer.shared.clone();
    let live = shared.live();
    let open: Vec<&Arc<Maintenance>> = live
        .maintenance
        .iter()
        .filter(|m| !openings(m, shared.layout.zone(), now, now.plus(Duration::from_millis(1))).is_empty())
        .collect();
    let told: Told = Some((live.rev, open.iter().map(|m| m.id.clone()).collect()));
    if writer.memory.told == told {
        return None;
    }
    let open = open.into_iter().map(|m| Cover::of(m, &live.inventory)).collect();
    writer.memory.told = told;
    writer.memory.dirty = true;
    Some(Input::Maintenance { open })
}

/// When objects were under maintenance, in a span of time.
pub(super) fn covering(
    shared: &Shared,
    object: &Object,
    from: Wall,
    to: Wall,
) -> Vec<(Arc<Maintenance>, Wall, Wall)> {
    let live = shared.live();
    let mut found = Vec::new();
    for window in &live.maintenance {
        let open = openings(window, shared.layout.zone(), from, to);
        if !open.is_empty() && Cover::of(window, &live.inventory).object(object) {
            found.extend(open.into_iter().map(|(from, to)| (window.clone(), from, to)));
        }
    }
    found.sort_by_key(|(_, from, _)| *from);
    found
}

/// Windows that are open within a span, and what they cover.
pub(super) fn planned(shared: &Shared, from: Wall, to: Wall) -> Vec<Planned> {
    let live = shared.live();
    let of = |window: &Arc<Maintenance>| Planned::of(window, &live.inventory, shared.layout.zone(), from, to);
    live.maintenance.iter().filter_map(of).collect()
}

/// Those of a scope, newest first: all that name an object of it.
pub(super) fn list(shared: &Shared, seen: &Seen) -> Vec<Arc<Maintenance>> {
    shared
        .live()
        .maintenance
        .iter()
        .filter(|m| m.work.objects.iter().any(|object| seen.sees(object)))
        .cloned()
        .collect()
}

/// Forgets windows that ended before a time; with the retention of each day.
pub(super) fn forget(writer: &mut Writer, before: Wall) -> Result<(), StoreError> {
    writer
        .core
        .execute("DELETE FROM maintenance WHERE last < ?1", [before.millis()])
        .map_err(sql("retire maintenance windows"))?;
    let kept: HashSet<Arc<str>> = load(&writer.core)?.into_iter().map(|m| m.id.clone()).collect();
    writer.after(move |shared| shared.live_mut().maintenance.retain(|m| kept.contains(&m.id)));
    Ok(())
}
