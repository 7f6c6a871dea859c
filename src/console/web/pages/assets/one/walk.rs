//! Raw walks of a device: an operator names a subtree, the agent that reads the device asks it, and what came stands here
//! as a table. How far it is shows by itself; without scripts the page is loaded again by its link.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use super::device;
use crate::config::zh;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Outcome};
use crate::console::discoveries::State;
use crate::console::store::{StoreError, WalkRow};
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::discover::state_badge;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Format, Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table, download};
use crate::console::web::ui::{self, Tone, number, time};
use crate::model::inventory::Asset;
use crate::model::walk::{self, MAX_ROWS, WITHIN, called, dotted};

/// Orders; the first is the default.
const SORTS: &[&str] = &["oid", "type", "value"];
/// What else stands in the address.
const FILTERS: &[&str] = &["q"];
/// Subtrees that are proposed for any device, beside those that its profile reads.
const PROPOSED: &[&str] = &[
    "system",
    "ifTable",
    "ifXTable",
    "entPhysicalTable",
    "entPhySensorTable",
    "lldpRemTable",
    "ipAddrTable",
    "ipNetToMediaTable",
    "dot1dTpFdbTable",
    "dot1qTpFdbTable",
    "bgpPeerTable",
    "ospfNbrTable",
    "host",
    "enterprises",
];

/// `GET /assets/{id}/walks`
pub async fn list(cx: Cx) -> Answer {
    show_form(&cx, "", None).await
}

/// `POST /assets/{id}/walks`
pub async fn start(cx: Cx) -> Answer {
    let asset = device::asset_of(&cx)?;
    let oid = cx.form.text("oid").trim().to_owned();
    match cx.command(None, Command::Walk { asset: asset.id.clone(), oid: oid.clone() }).await {
        Ok(Outcome::Started(id)) => Ok(redirect(&format!("{}/{}", walks_url(&asset), encode(&id)))),
        Ok(_) => Err(Problem::from(StoreError::Closed)),
        Err(problem) => refused(show_form(&cx, &oid, Some(&problem)).await, &problem),
    }
}

async fn show_form(cx: &Cx, oid: &str, wrong: Option<&Problem>) -> Answer {
    let asset = device::asset_of(cx)?;
    let profile = device::profile_of(cx, &asset.id).await?;
    let title = format!("{}: {}", asset.name, text::walk_title(cx.lang));
    let inside = html! {
        (trail(cx, &asset))
        (ui::heading(&title, html! {}))
        section.card { (ask(cx, &asset, profile.as_deref(), oid, wrong).await?) }
    };
    Ok(layout::page(cx, Place::Assets, &title, inside))
}

/// The card on the page of a device; `by_hand` is how to see the same without the console.
pub async fn card(cx: &Cx, asset: &Asset, profile: Option<&str>, by_hand: Markup) -> Result<Markup, Problem> {
    let asks = cx.operates() && asset.snmp.is_some();
    Ok(html! {
        @if asks || asset.address.is_some() {
            section.card #walk {
                h2 { (text::walk_title(cx.lang)) }
                @if asks { (ask(cx, asset, profile, "", None).await?) }
                (by_hand)
            }
        }
    })
}

/// The form, and what was asked before.
async fn ask(
    cx: &Cx,
    asset: &Asset,
    profile: Option<&str>,
    oid: &str,
    wrong: Option<&Problem>,
) -> Result<Markup, Problem> {
    let l = cx.lang;
    let before = cx.service.store.walks(&cx.scope(), &asset.id).await?;
    let field = Field {
        name: "oid",
        label: text::walk_oid(l),
        value: oid,
        help: text::walk_oid_help(l),
        error: wrong.map(|problem| cx.problem(problem)),
        required: true,
        longest: 600,
        ..Field::default()
    };
    Ok(html! {
        p { (text::walk_about(l, number::count(MAX_ROWS as u64), WITHIN.as_secs())) }
        (form::post(cx, &walks_url(asset), html! {
            (form::suggest(&field, &proposed(cx, profile)))
            button.primary type="submit" { (text::walk_start(l)) }
        }))
        @if !before.is_empty() {
            h3 { (text::walk_recent(l)) }
            ul.plain { @for row in &before {
                li {
                    a.mono href={ (walks_url(asset)) "/" (encode(&row.id)) } { (name_of(&row.oid)) } " "
                    (state_badge(cx, State::of_walk(row, cx.now))) " "
                    small { (text::walk_progress(l, number::count(row.rows))) " · " (row.actor) " · " (time::ago(cx, row.created)) }
                }
            } }
        }
    })
}

/// Subtrees of the standard, and the tables of the device's profile.
fn proposed(cx: &Cx, profile: Option<&str>) -> Vec<(String, String)> {
    let known = |name: &&str| walk::read(name).ok().map(|arcs| ((*name).to_owned(), dotted(&arcs)));
    let mut all: Vec<(String, String)> = PROPOSED.iter().filter_map(known).collect();
    let definitions = cx.service.definitions();
    let profile = profile.and_then(|id| definitions.profiles.iter().find(|profile| profile.id.as_str() == id));
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    for table in profile.iter().flat_map(|profile| &profile.tables) {
        let class = cx.lang.pick(table.into.zh, table.into.en);
        for column in &table.rows {
            let above = column.split_last().map_or(&column[..0], |(_, above)| above);
            tables.entry(dotted(above)).or_insert_with(|| format!("{class} ({})", table.id));
        }
    }
    all.extend(tables);
    all
}

fn walks_url(asset: &Asset) -> String {
    format!("/assets/{}/walks", encode(asset.id.as_str()))
}

fn trail(cx: &Cx, asset: &Asset) -> Markup {
    let above = format!("/assets/{}", encode(asset.id.as_str()));
    let device = format!("{above}/device");
    let l = cx.lang;
    ui::trail(&[("/assets", text::nav_assets(l)), (&above, &asset.name), (&device, text::device_title(l))])
}

fn name_of(oid: &str) -> String {
    called(oid).filter(|name| !name.contains('.')).unwrap_or_else(|| oid.to_owned())
}

/// `GET /assets/{id}/walks/{walk}`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let asset = device::asset_of(&cx)?;
    let id = cx.part("walk");
    let found = cx.service.store.walk(&cx.scope(), &asset.id, id).await?;
    let (row, rows) = found.ok_or_else(|| Problem::unknown("原始数据", "walk", id))?;
    if cx.query.get("format") == Some("txt") {
        return Ok(plain(&row, &rows));
    }
    let list = List::read(&cx, SORTS, FILTERS);
    let state = State::of_walk(&row, cx.now);
    let table = table(&cx, &list, &rows, state);
    if let Some(file) = table.file(&cx, "walk")? {
        return Ok(file);
    }
    let title = text::walk_page(l, asset.name.clone(), name_of(&row.oid));
    let inside = html! {
        div.act {
            @if !state.going() { (form::button(&cx, &walks_url(&asset), text::walk_again(l), "", &[("oid", &row.oid)])) }
            @if !rows.is_empty() { a.button href=(list.url(&[("format", "txt")])) download { "TXT" } }
        }
        p {
            (state_badge(&cx, state)) " " (text::walk_progress(l, number::count(row.rows))) " "
            small { (text::walk_asked(l, row.actor.clone(), row.agent.to_string())) " " (time::at(&cx, row.created)) }
        }
        @if !row.detail.is_empty() {
            @let said = html! { (l.pick(&zh::text(&row.detail), &row.detail)) };
            @if state == State::Failed { (ui::note(Tone::Bad, said)) } @else { p.help { (said) } }
        }
        @if state.going() {
            progress max=(MAX_ROWS) value=(row.rows) { (row.rows) }
            p { a href=(list.url(&[])) { (text::discover_reload(l)) } }
        }
        (table.show(&cx))
    };
    let q = list.filter("q").unwrap_or_default();
    let inside = html! {
        (trail(&cx, &asset))
        (ui::heading(&title, html! {}))
        @if name_of(&row.oid) != row.oid { p.mono { (row.oid) } }
        section.card {
            form.filters method="get" action=(list.path) data-auto {
                (form::input(&Field { name: "q", label: text::table_search(l), kind: "search", longest: 100, value: q, ..Field::default() }))
                button type="submit" { (text::table_filter(l)) }
                @if !q.is_empty() { a.quiet href=(list.path) { (text::table_reset(l)) } }
            }
            @if state.going() { (ui::live(&cx, "walked", &[Topic::Walks], inside)) } @else { section #walked { (inside) } }
        }
    };
    Ok(layout::page(&cx, Place::Assets, &title, inside))
}

fn table<'a>(cx: &Cx, list: &'a List, rows: &'a [walk::Row], state: State) -> Table<'a> {
    let l = cx.lang;
    let file = list.format != Format::Html;
    let wanted: Vec<String> =
        list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let says = |(_, row): &(usize, &walk::Row)| {
        let name = called(&row.oid).unwrap_or_default();
        let all = format!("{}\n{name}\n{}\n{}", row.oid, row.kind, row.value).to_lowercase();
        wanted.iter().all(|word| all.contains(word.as_str()))
    };
    let found: Vec<(usize, &walk::Row)> = rows.iter().enumerate().filter(says).collect();
    // The device tells them in the order of their OIDs.
    let key = |(at, row): &(usize, &walk::Row)| match list.sort {
        "type" => Key::text(&row.kind),
        "value" => row.value.parse().map_or_else(|_| Key::text(&row.value), |n| Key::Number(Some(n))),
        _ => Key::Number(Some(*at as f64)),
    };
    let (shown, next, total) = list.page(found, |(at, _)| format!("{at:06}"), key);
    let mut columns = vec![
        Column::sorted("oid", text::walk_oid(l)),
        Column::sorted("type", text::walk_type(l)).wide(),
        Column::sorted("value", text::walk_value(l)),
    ];
    if file {
        columns.push(Column::new(text::walk_name(l)));
    }
    let row = |(at, row): (usize, &walk::Row)| {
        let name = called(&row.oid).unwrap_or_default();
        let oid = html! { span.mono { (row.oid) } @if !name.is_empty() { div.under { (name) } } };
        Row {
            id: at.to_string(),
            class: "",
            cells: vec![
                Cell::html(oid, row.oid.clone()),
                Cell::text(row.kind.clone()),
                Cell::of(html! { span.raw { (ui::or_none(&row.value)) } }, Plain::Text(row.value.clone())),
                Cell::text(name),
            ],
        }
    };
    let empty = match (rows.is_empty(), state.going()) {
        (true, true) => ui::empty(text::walk_none_yet(l), html! { (text::walk_none_yet_advice(l)) }),
        (true, false) => ui::empty(text::walk_none(l), html! { (text::walk_none_advice(l)) }),
        _ => ui::empty(text::device_none_fits(l), html! { a.button href=(list.path) { (text::table_reset(l)) } }),
    };
    Table {
        list,
        caption: text::walk_title(l),
        columns,
        rows: shown.into_iter().map(row).collect(),
        next,
        total: Some(total as u64),
        empty,
        bulk: None,
    }
}

/// As `fengsui snmp walk` prints it; what would break a line is a blank.
fn plain(row: &WalkRow, rows: &[walk::Row]) -> Response {
    let lines = rows.iter().map(|row| {
        let value: String = row.value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{} = {}: {value}\n", row.oid, row.kind)
    });
    let name = format!("{}-{}.txt", row.asset, name_of(&row.oid));
    download(lines.collect::<String>().into_bytes(), "text/plain; charset=utf-8", &name)
}
