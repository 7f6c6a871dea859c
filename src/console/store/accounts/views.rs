//! Saved views: the filters that somebody keeps for a page. They are read with every page, so they are in
//! memory; each belongs to one principal and nobody else sees it.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::console::command::{Actor, CommandError, Outcome, said};
use crate::console::store::audit::Entry;
use crate::console::store::commands::named;
use crate::console::store::db::sql;
use crate::console::store::types::{StoreError, ViewRow};
use crate::console::store::writer::Writer;

/// Views of one principal for one page: more make no menu.
const EACH: usize = 50;
/// Views in all: they are in memory.
const MAX_VIEWS: i64 = 10_000;
/// Longest name, in characters.
const MAX_NAME: usize = 60;
/// Longest query, in bytes; the longest that the API takes.
const MAX_QUERY: usize = 4_096;

type Views = BTreeMap<(String, String), Vec<ViewRow>>;

/// All of them.
pub(super) fn load(core: &Connection) -> Result<Views, StoreError> {
    let rows: Vec<(String, String, ViewRow)> = core
        .prepare("SELECT owner, page, name, query FROM saved_view ORDER BY owner, page, name")
        .and_then(|mut q| {
            q.query_map([], |r| Ok((r.get(0)?, r.get(1)?, ViewRow { name: r.get(2)?, query: r.get(3)? })))?.collect()
        })
        .map_err(sql("read the saved views"))?;
    let mut all = Views::new();
    for (owner, page, row) in rows {
        all.entry((owner, page)).or_default().push(row);
    }
    Ok(all)
}

fn of(core: &Connection, owner: &str, page: &str) -> Result<Vec<ViewRow>, StoreError> {
    core.prepare_cached("SELECT name, query FROM saved_view WHERE owner = ?1 AND page = ?2 ORDER BY name")
        .and_then(|mut q| {
            q.query_map([owner, page], |r| Ok(ViewRow { name: r.get(0)?, query: r.get(1)? }))?.collect()
        })
        .map_err(sql("read the saved views of a page"))
}

fn refresh(writer: &mut Writer, owner: String, page: String) -> Result<(), StoreError> {
    let rows = of(&writer.core, &owner, &page)?;
    writer.after(move |shared| {
        shared.people().views.insert((owner, page), rows);
    });
    Ok(())
}

pub(super) fn save(
    writer: &mut Writer,
    actor: &Actor,
    page: String,
    name: String,
    query: String,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    named(&page, "page")?;
    let name = name.trim().to_owned();
    let long = name.chars().count();
    if !(1..=MAX_NAME).contains(&long) || name.chars().any(char::is_control) {
        return Err(CommandError::Invalid(said(
            format!("视图名称须有 1 至 {MAX_NAME} 个字符，不含控制字符；现有 {long} 个"),
            format!("the name of a view has 1 to {MAX_NAME} characters, no control characters; this one has {long}"),
        )));
    }
    if query.len() > MAX_QUERY || query.chars().any(char::is_control) {
        return Err(CommandError::Invalid(said(
            format!("筛选条件须在 {MAX_QUERY} 字节以内，不含控制字符"),
            format!("the filter of a view has up to {MAX_QUERY} bytes and no control characters"),
        )));
    }
    let owner = actor.name.to_string();
    let mine = of(&writer.core, &owner, &page)?;
    let all: i64 =
        writer.core.query_row("SELECT count(*) FROM saved_view", [], |r| r.get(0)).map_err(sql("count the views"))?;
    let new = !mine.iter().any(|row| row.name == name);
    if new && (mine.len() >= EACH || all >= MAX_VIEWS) {
        return Err(CommandError::Conflict(said(
            format!("此页已有 {} 个视图，全部 {all} 个：请先删除不用的", mine.len()),
            format!("there are {} views of this page, {all} in all: remove some first", mine.len()),
        )));
    }
    entry.after = serde_json::json!({ "query": query }).to_string();
    writer
        .core
        .execute(
            "INSERT OR REPLACE INTO saved_view (owner, page, name, query, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![owner, page, name, query, writer.now().millis()],
        )
        .map_err(sql("store a view"))?;
    refresh(writer, owner, page)?;
    Ok(Outcome::Done)
}

pub(super) fn remove(
    writer: &mut Writer,
    actor: &Actor,
    page: String,
    name: String,
) -> Result<Outcome, CommandError> {
    let owner = actor.name.to_string();
    let gone = writer
        .core
        .execute("DELETE FROM saved_view WHERE owner = ?1 AND page = ?2 AND name = ?3", [&owner, &page, &name])
        .map_err(sql("remove a view"))?;
    if gone == 0 {
        return Err(CommandError::NotFound { what: "view", id: name.chars().take(MAX_NAME).collect() });
    }
    refresh(writer, owner, page)?;
    Ok(Outcome::Done)
}
