//! All assets: which answer, what is open about them, how far away they are. Filters and order stand in the
//! address; five thousand of them are one look at the board.

pub mod filters;
pub mod one;

use maud::html;

use self::filters::{Asked, unit_name};
use crate::console::board::{Board, Trouble, Vitals};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::overview::parts;
use crate::console::web::text;
use crate::console::web::ui::list::{Format, Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, badge, number, time, views, words};
use crate::engine::expose::Reach;
use crate::model::inventory::Asset;
use crate::model::{Object, Severity};

/// The list's name among saved views.
const VIEWS: &str = "assets";
/// Orders; the first is the default: what is worst comes first.
const SORTS: &[&str] =
    &["-trouble", "state", "name", "kind", "region", "unit", "importance", "incidents", "rtt", "loss", "cpu", "seen"];

/// `GET /assets`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, filters::FILTERS);
    let board = Board::of(&cx.service, &cx.scope()).await?;
    let asked = Asked::read(&list, &board.inventory);
    let found: Vec<&Asset> = board.assets().filter(|asset| asked.fits(&board, asset)).collect();
    let (shown, next, total) = list.page(found, |a| a.id.to_string(), |a| key(&board, &list, a));
    let table = table(&cx, &board, &list, &shown, next, total);
    if let Some(file) = table.file(&cx, "assets")? {
        return Ok(file);
    }
    let fixed = [
        ("", text::assets_view_all(l)),
        ("state=down", text::assets_view_down(l)),
        ("state=unknown", text::assets_view_unknown(l)),
        ("importance=3", text::assets_view_vital(l)),
        ("kind=website", text::assets_view_sites(l)),
    ];
    let beside = html! {
        @if cx.administers() {
            a.button href="/assets/new" { (text::assets_new(l)) }
            a.button href="/import" { (ui::icon("import")) " " (text::nav_import(l)) }
        }
    };
    let inside = html! {
        (ui::heading(text::nav_assets(l), beside))
        (crate::console::web::pages::declare::lists::said(&cx))
        @if board.inventory.assets.is_empty() { (parts::nothing_yet(&cx)) } @else {
            (views::show(&cx, VIEWS, "-trouble", &fixed, &list))
            (filters::form(&cx, &board, &list))
            (ui::live(&cx, "assets", &[Topic::Objects, Topic::Incidents, Topic::Agents, Topic::Inventory], table.show(&cx)))
        }
    };
    Ok(layout::page(&cx, Place::Assets, text::nav_assets(l), inside))
}

/// `POST /assets/views`
pub async fn keep_view(cx: Cx) -> Answer {
    views::change(&cx, VIEWS, Place::Assets).await
}

/// What a row is ordered by.
fn key(board: &Board, list: &List, asset: &Asset) -> Key {
    let vitals = || board.vitals_of(&asset.id);
    match list.sort {
        "name" => Key::text(&asset.name),
        "kind" => Key::text(asset.kind.as_str()),
        "region" => Key::text(asset.region.as_ref().map_or("", |r| r.as_str())),
        "unit" => Key::text(&unit_name(&board.inventory, asset.owner.as_ref())),
        "importance" => Key::Number(Some(f64::from(asset.importance))),
        "incidents" => Key::Number(Some(board.trouble_of(&asset.id).open as f64)),
        "rtt" => Key::Number(vitals().rtt_seconds),
        "loss" => Key::Number(vitals().loss_ratio),
        "cpu" => Key::Number(vitals().cpu_ratio),
        "seen" => Key::Number(vitals().answered.map(|at| at.millis() as f64)),
        "state" => Key::Number(Some(parts::rank(board.reach(asset)))),
        _ => Key::Number(Some(badness(board.reach(asset), &board.trouble_of(&asset.id)))),
    }
}

/// Worst first: by severity, where what does not answer counts as major even before an incident says so; then by
/// reach.
pub fn badness(reach: Option<Reach>, trouble: &Trouble) -> f64 {
    let severity = match trouble.worst {
        None => 0.0,
        Some(Severity::Info) => 1.0,
        Some(Severity::Warning) => 2.0,
        Some(Severity::Minor) => 3.0,
        Some(Severity::Major) => 4.0,
        Some(Severity::Critical) => 5.0,
    };
    let silent = match reach {
        Some(Reach::Down) => 4.0,
        Some(Reach::Partly) => 2.0,
        Some(Reach::Unknown) => 1.0,
        Some(Reach::Up) | None => 0.0,
    };
    f64::max(severity, silent) * 10.0 + parts::rank(reach)
}

fn table<'a>(
    cx: &Cx,
    board: &'a Board,
    list: &'a List,
    shown: &[&Asset],
    next: Option<String>,
    total: usize,
) -> Table<'a> {
    let l = cx.lang;
    let file = list.format != Format::Html;
    let cpu = board.assets().any(|a| board.vitals_of(&a.id).cpu_ratio.is_some());
    // In a file a number stands alone, so its column names the unit.
    let unit = |page: &'static str, file_title: &'static str| if file { file_title } else { page };
    let mut columns = vec![
        Column::sorted("state", text::assets_state(l)).down(),
        Column::sorted("name", text::assets_name(l)),
        Column::sorted("kind", text::assets_kind(l)).wide(),
        Column::sorted("region", text::assets_region(l)).wide(),
        Column::sorted("unit", text::assets_unit(l)).wide(),
        Column::sorted("importance", text::assets_importance(l)).wide().down(),
        Column::sorted("incidents", text::assets_incidents(l)).down(),
        Column::sorted("rtt", unit(text::assets_rtt(l), text::assets_rtt_file(l))).number().down(),
        Column::sorted("loss", unit(text::assets_loss(l), text::assets_loss_file(l))).number().wide().down(),
    ];
    if cpu {
        columns
            .push(Column::sorted("cpu", unit(text::assets_cpu(l), text::assets_cpu_file(l))).number().wide().down());
    }
    columns.push(Column::sorted("seen", text::assets_seen(l)).wide());
    if file {
        columns.extend(
            [
                text::assets_id(l),
                text::assets_address(l),
                text::assets_zone(l),
                text::assets_status(l),
                text::assets_operator(l),
                text::assets_person(l),
                text::assets_location(l),
            ]
            .map(Column::new),
        );
    }
    let rows = shown.iter().map(|asset| row(cx, board, asset, cpu, file)).collect();
    let empty = ui::empty(text::assets_none(l), html! { a.button href="/assets" { (text::table_reset(l)) } });
    Table { list, caption: text::nav_assets(l), columns, rows, next, total: Some(total as u64), empty, bulk: None }
}

fn row(cx: &Cx, board: &Board, asset: &Asset, cpu: bool, file: bool) -> Row {
    let l = cx.lang;
    let inventory = &board.inventory;
    let reach = board.reach(asset);
    let Vitals { rtt_seconds, loss_ratio, cpu_ratio, answered, .. } = board.vitals_of(&asset.id);
    let trouble = board.trouble_of(&asset.id);
    let url = ui::object_url(&Object::Asset(asset.id.clone()));
    let address = filters::address(asset);
    let region = asset.region.as_ref().and_then(|r| inventory.regions.get(r)).map_or("", |r| r.name.as_str());
    let mut cells = vec![
        Cell::html(badge::reach(l, reach), badge::reach_word(l, reach)),
        Cell::html(
            html! { a.title href=(url) { (asset.name) } @if !address.is_empty() { div.under.mono { (address) } } },
            asset.name.clone(),
        ),
        Cell::html(html! { span.whole { (words::asset_kind(l, asset.kind)) } }, words::asset_kind(l, asset.kind)),
        Cell::html(html! { span.whole { (ui::or_none(region)) } }, region),
        Cell::text(unit_name(inventory, asset.owner.as_ref())),
        Cell::html(importance(cx, asset), words::importance(l, asset.importance)),
        Cell::of(parts::trouble(cx, &trouble, &format!("{url}#incidents")), Plain::Number(trouble.open as f64)),
        Cell::value(rtt_seconds.map(|v| number::seconds(l, v)), rtt_seconds.map(|v| v * 1_000.0)),
        Cell::value(loss_ratio.map(number::percent), loss_ratio.map(|v| v * 100.0)),
    ];
    if cpu {
        cells.push(Cell::value(cpu_ratio.map(number::percent), cpu_ratio.map(|v| v * 100.0)));
    }
    let seen = answered.map_or_else(ui::none, |at| time::ago(cx, at));
    cells.push(Cell::of(seen, answered.map_or(Plain::None, Plain::Time)));
    if file {
        let person = asset.person.as_ref().and_then(|p| inventory.persons.get(p)).map_or("", |p| p.name.as_str());
        let zone = inventory.zones.get(&asset.zone).map_or(asset.zone.as_str(), |z| z.name.as_str());
        let plain = [
            asset.id.as_str(),
            &address,
            zone,
            words::asset_status(l, asset.status),
            &unit_name(inventory, asset.operator.as_ref()),
            person,
            &asset.location,
        ];
        cells.extend(plain.map(Cell::text));
    }
    Row { id: asset.id.to_string(), class: trouble.worst.map_or("", Severity::as_str), cells }
}

fn importance(cx: &Cx, asset: &Asset) -> maud::Markup {
    let word = words::importance(cx.lang, asset.importance);
    if asset.importance > 1 {
        badge::mark(word)
    } else {
        html! { small { (word) } }
    }
}
