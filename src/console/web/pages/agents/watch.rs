//! What an agent watches, by its plan: how many tasks of each probe, and the objects of one of them with how they
//! stand. It says what the console told the agent, never what the agent makes of it.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::service::Planned;
use crate::console::web::cx::Cx;
use crate::console::web::text;
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, badge, number};
use crate::engine::expose::Reach;
use crate::model::ProbeId;
use crate::model::inventory::Inventory;
use crate::model::plan::Task;

/// The card, or the file that was asked for instead of the page.
pub(super) enum Card {
    /// Part of the page.
    Page(Markup),
    /// The list of objects as a file.
    File(Box<Response>),
}

/// See the file.
pub(super) fn card(cx: &Cx, inventory: &Inventory, plan: Option<&Planned>) -> Result<Card, Problem> {
    let l = cx.lang;
    let tasks = plan.map(|p| p.plan.tasks.as_slice()).unwrap_or_default();
    if tasks.is_empty() {
        let nothing = ui::empty(text::agent_watch_none(l), html! { (text::agent_watch_none_advice(l)) });
        return Ok(Card::Page(html! { section #watched .card { h2 { (text::agent_watch(l)) } (nothing) } }));
    }
    match cx.query.get("probe").and_then(|p| ProbeId::new(p).ok()) {
        Some(probe) => objects(cx, inventory, tasks, &probe),
        None => Ok(Card::Page(probes(cx, tasks))),
    }
}

fn probe_word(cx: &Cx, probe: &ProbeId) -> String {
    let definitions = cx.service.definitions();
    let found = definitions.probes.iter().find(|p| p.id == *probe);
    found.map_or_else(|| probe.to_string(), |p| cx.lang.pick(&p.zh, &p.en).to_owned())
}

fn probe_url(probe: &ProbeId) -> String {
    format!("/definitions/probe/{}", encode(probe.as_str()))
}

fn probes(cx: &Cx, tasks: &[Task]) -> Markup {
    let l = cx.lang;
    let mut counts: BTreeMap<&ProbeId, (u64, &str)> = BTreeMap::new();
    for task in tasks {
        counts.entry(&task.probe).or_insert((0, &task.kind)).0 += 1;
    }
    html! {
        section #watched .card {
            h2 { (text::agent_watch(l)) }
            div.scroll tabindex="0" { table.grid {
                thead { tr {
                    th { (text::agent_watch_probe(l)) } th { (text::agent_watch_kind(l)) }
                    th.number { (text::agent_watch_count(l)) } th { (text::agent_watch_object(l)) }
                } }
                tbody { @for (probe, (count, kind)) in &counts { tr {
                    td { a href=(probe_url(probe)) { (probe_word(cx, probe)) } br; small.mono { (probe) } }
                    td { (kind) }
                    td.number { (number::count(*count)) }
                    td { a href={ "?probe=" (encode(probe.as_str())) "#watched" } { (text::agent_watch_objects(l)) } }
                } } }
            } }
        }
    }
}

/// Where a task is aimed, in one text.
fn target(task: &Task) -> String {
    let host = task.target.url.clone().or_else(|| task.target.host.clone()).unwrap_or_default();
    format!("{host} {}", task.instance).trim().to_owned()
}

fn objects(cx: &Cx, inventory: &Inventory, tasks: &[Task], probe: &ProbeId) -> Result<Card, Problem> {
    let l = cx.lang;
    let list = List::read(cx, &["object", "target", "interval"], &["probe"]);
    let of: Vec<&Task> = tasks.iter().filter(|t| t.probe == *probe).collect();
    let key = |task: &&Task| match list.sort {
        "target" => Key::text(&target(task)),
        "interval" => Key::Number(Some(task.interval_ms as f64)),
        _ => Key::text(&ui::object_name(inventory, &task.object)),
    };
    let (rows, next, total) = list.page(of, |t| t.id.to_string(), key);
    let now = cx.service.clock.mono();
    let reach: Vec<Reach> = {
        let exposition = cx.service.exposition();
        rows.iter().map(|t| exposition.reach(&t.object, now)).collect()
    };
    let title = text::agent_watch_of(l, probe_word(cx, probe));
    let table = Table {
        list: &list,
        caption: &title,
        columns: vec![
            Column::sorted("object", text::agent_watch_object(l)),
            Column::new(text::agent_watch_state(l)),
            Column::sorted("target", text::agent_watch_target(l)),
            Column::sorted("interval", text::agent_watch_interval(l)).number(),
        ],
        rows: rows.iter().zip(reach).map(|(task, reach)| row(cx, inventory, task, reach)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(
            text::agent_watch_none(l),
            html! { a href={ (list.path) "#watched" } { (text::agent_watch_all(l)) } },
        ),
        bulk: None,
    };
    if let Some(file) = table.file(cx, "watched")? {
        return Ok(Card::File(Box::new(file)));
    }
    Ok(Card::Page(html! {
        section #watched .card {
            h2 { (title) }
            p { a href={ (list.path) "#watched" } { (text::agent_watch_all(l)) } " · " a href=(probe_url(probe)) { (probe) } }
            (table.show(cx))
        }
    }))
}

fn row(cx: &Cx, inventory: &Inventory, task: &Task, reach: Reach) -> Row {
    let l = cx.lang;
    let every = task.interval_ms as f64 / 1e3;
    Row {
        id: task.id.to_string(),
        class: "",
        cells: vec![
            Cell::html(ui::object(inventory, &task.object), ui::object_name(inventory, &task.object)),
            Cell::html(badge::reach(l, Some(reach)), badge::reach_word(l, Some(reach))),
            Cell::text(target(task)),
            Cell::of(html! { (number::seconds(l, every)) }, Plain::Number(every)),
        ],
    }
}
