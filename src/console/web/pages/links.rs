//! All links: which stand, how well they carry, who to call about them.

pub mod heat;
pub mod one;
pub mod over_time;

use maud::{Markup, html};

use crate::console::board::{Board, LinkNow, PortNow};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::assets::badness;
use crate::console::web::pages::assets::filters::{reach, region_and_below, region_choices, state_choices};
use crate::console::web::pages::overview::parts;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Format, Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, badge, chart, number, strip, views, words};
use crate::engine::expose::Reach;
use crate::model::inventory::{Inventory, Link, LinkEnd, LinkTier};
use crate::model::{Object, Severity};

/// The list's name among saved views.
const VIEWS: &str = "links";
/// Orders; the first is the default.
const SORTS: &[&str] =
    &["-trouble", "state", "name", "tier", "carrier", "capacity", "rtt", "loss", "used", "incidents"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["region", "tier", "state", "carrier", "q"];

/// `GET /links`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let board = Board::of(&cx.service, &cx.scope()).await?;
    let found = found(&board, &list);
    let (shown, next, total) = list.page(found, |(link, _)| link.id.to_string(), |(link, now)| key(&list, link, now));
    let table = table(&cx, &board, &list, &shown, next, total);
    if let Some(file) = table.file(&cx, "links")? {
        return Ok(file);
    }
    let fixed = [
        ("", text::links_view_all(l)),
        ("state=down", text::links_view_down(l)),
        ("tier=backbone", text::links_view_backbone(l)),
    ];
    let inside = html! {
        (ui::heading(text::nav_links(l), html! { a.button href="/topology" { (text::topology_title(l)) } a.button href="/links/heat" { (text::heat_title(l)) } @if cx.administers() { a.button href="/links/new" { (text::linkform_new_title(l)) } } }))
        (crate::console::web::pages::declare::lists::said(&cx))
        @if board.inventory.links.is_empty() {
            section.card { (ui::empty(text::links_fresh(l), html! {
                (text::links_fresh_advice(l)) @if cx.administers() { " " a.button href="/links/new" { (text::linkform_new_title(l)) } }
            })) }
        } @else {
            (views::show(&cx, VIEWS, "-trouble", &fixed, &list))
            (filters(&cx, &board, &list))
            (ui::live(&cx, "links", &[Topic::Objects, Topic::Incidents, Topic::Agents, Topic::Inventory], table.show(&cx)))
            (strip::legend(l))
        }
    };
    Ok(layout::page(&cx, Place::Links, text::nav_links(l), inside))
}

/// `POST /links/views`
pub async fn keep_view(cx: Cx) -> Answer {
    views::change(&cx, VIEWS, Place::Links).await
}

fn found<'a>(board: &'a Board, list: &List) -> Vec<(&'a Link, &'a LinkNow)> {
    let regions = list.filter("region").and_then(|id| region_and_below(&board.inventory, id));
    let tier = list.filter("tier").and_then(LinkTier::parse);
    let state = list.filter("state").and_then(reach);
    let carrier = list.filter("carrier");
    let words: Vec<String> =
        list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    board
        .links()
        .filter(|(link, now)| {
            regions.as_ref().is_none_or(|all| board.link_regions(link).any(|r| all.contains(r)))
                && tier.is_none_or(|t| t == link.tier)
                && state.is_none_or(|s| s == now.reach)
                && carrier.is_none_or(|c| link.carrier.as_ref().is_some_and(|own| own.name == c))
                && (words.is_empty() || says(&board.inventory, link, &words))
        })
        .collect()
}

fn says(inventory: &Inventory, link: &Link, words: &[String]) -> bool {
    let (name, circuit) = link.carrier.as_ref().map_or(("", ""), |c| (c.name.as_str(), c.circuit.as_str()));
    let all =
        [link.id.as_str(), &link.name, name, circuit, &end_text(inventory, &link.a), &end_text(inventory, &link.b)]
            .join("\n")
            .to_lowercase();
    words.iter().all(|word| all.contains(word.as_str()))
}

/// An end of a link in words.
pub fn end_text(inventory: &Inventory, end: &LinkEnd) -> String {
    match end {
        LinkEnd::Port { asset, interface, .. } => {
            let name = inventory.assets.get(asset).map_or(asset.as_str(), |a| a.name.as_str());
            format!("{name} {interface}")
        }
        LinkEnd::Peer { name, .. } => name.clone(),
    }
}

fn key(list: &List, link: &Link, now: &LinkNow) -> Key {
    match list.sort {
        "name" => Key::text(&link.name),
        "tier" => Key::Number(LinkTier::ALL.iter().position(|t| *t == link.tier).map(|at| at as f64)),
        "carrier" => {
            Key::text(&link.carrier.as_ref().map(|c| format!("{} {}", c.name, c.circuit)).unwrap_or_default())
        }
        "capacity" => Key::Number(link.capacity_bps.map(|c| c as f64)),
        "rtt" => Key::Number(now.vitals.rtt_seconds),
        "loss" => Key::Number(now.vitals.loss_ratio),
        "used" => Key::Number(now.used_ratio),
        "incidents" => Key::Number(Some(now.trouble.open as f64)),
        "state" => Key::Number(Some(parts::rank(now.reach))),
        _ => Key::Number(Some(badness(now.reach, &now.trouble))),
    }
}

fn filters(cx: &Cx, board: &Board, list: &List) -> Markup {
    let l = cx.lang;
    let mut tiers = vec![("", text::table_any(l))];
    tiers.extend(LinkTier::ALL.iter().map(|t| (t.as_str(), words::link_tier(l, *t))));
    let names: std::collections::BTreeSet<&str> =
        board.links().filter_map(|(link, _)| link.carrier.as_ref()).map(|c| c.name.as_str()).collect();
    let mut carriers = vec![("", text::table_any(l))];
    carriers.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (name, name)));
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    html! {
        form.filters method="get" action="/links" data-auto {
            (form::select(&field("region", text::links_region(l)), &region_choices(board, l)))
            (form::select(&field("tier", text::links_tier(l)), &tiers))
            (form::select(&field("state", text::links_state(l)), &state_choices(l)))
            @if carriers.len() > 1 { (form::select(&field("carrier", text::links_carrier(l)), &carriers)) }
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            @if list.sort != "trouble" || !list.descending {
                input type="hidden" name="sort" value={ (if list.descending { "-" } else { "" }) (list.sort) };
            }
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/links" { (text::table_reset(l)) } }
        }
    }
}

fn table<'a>(
    cx: &Cx,
    board: &Board,
    list: &'a List,
    shown: &[(&Link, &LinkNow)],
    next: Option<String>,
    total: usize,
) -> Table<'a> {
    let l = cx.lang;
    let file = list.format != Format::Html;
    let unit = |page: &'static str, file_title: &'static str| if file { file_title } else { page };
    let mut columns = vec![
        Column::sorted("state", text::links_state(l)).down(),
        Column::sorted("name", text::links_name(l)),
        Column::new(text::links_a(l)).wide(),
        Column::new(text::links_b(l)).wide(),
        Column::sorted("carrier", text::links_carrier(l)).wide(),
        Column::sorted("rtt", unit(text::links_rtt(l), text::links_rtt_file(l))).number().wide().down(),
        Column::sorted("loss", unit(text::links_loss(l), text::links_loss_file(l))).number().down(),
        Column::sorted("used", unit(text::links_used(l), text::links_used_file(l))).number().down(),
        Column::sorted("incidents", text::links_incidents(l)).down(),
    ];
    if file {
        let more = [text::links_tier(l), text::links_capacity_file(l), text::links_id(l), text::links_day(l)];
        columns.extend(more.map(Column::new));
    }
    let rows = shown.iter().map(|(link, now)| row(cx, board, link, now)).collect();
    let empty = ui::empty(text::links_none(l), html! { a.button href="/links" { (text::table_reset(l)) } });
    Table { list, caption: text::nav_links(l), columns, rows, next, total: Some(total as u64), empty, bulk: None }
}

fn row(cx: &Cx, board: &Board, link: &Link, now: &LinkNow) -> Row {
    let l = cx.lang;
    let url = ui::object_url(&Object::Link(link.id.clone()));
    let carrier = link.carrier.as_ref();
    let capacity = link.capacity_bps.map(|c| c as f64);
    let (rtt, loss) = (now.vitals.rtt_seconds, now.vitals.loss_ratio);
    let quarters = cx.service.store.strip(&link.id);
    Row {
        id: link.id.to_string(),
        class: now.trouble.worst.map_or("", Severity::as_str),
        cells: vec![
            Cell::html(
                html! { (badge::reach(l, now.reach)) (strip::show(l, &quarters)) },
                badge::reach_word(l, now.reach),
            ),
            Cell::html(
                html! {
                    a.title href=(url) { (link.name) }
                    div.under { (words::link_tier(l, link.tier)) @if let Some(capacity) = capacity { " · " (number::bits(capacity)) } }
                },
                link.name.clone(),
            ),
            Cell::html(end(cx, board, &link.a, now.a), end_text(&board.inventory, &link.a)),
            Cell::html(end(cx, board, &link.b, now.b), end_text(&board.inventory, &link.b)),
            Cell::html(
                html! { @if let Some(c) = carrier { (c.name) @if !c.circuit.is_empty() { div.under.mono { (c.circuit) } } } @else { (ui::none()) } },
                carrier.map(|c| format!("{} {}", c.name, c.circuit).trim().to_owned()).unwrap_or_default(),
            ),
            Cell::value(rtt.map(|v| number::seconds(l, v)), rtt.map(|v| v * 1_000.0)),
            Cell::value(loss.map(number::percent), loss.map(|v| v * 100.0)),
            Cell::of(
                now.used_ratio.map_or_else(ui::none, chart::share),
                now.used_ratio.map_or(Plain::None, |v| Plain::Number(v * 100.0)),
            ),
            Cell::of(
                parts::trouble(cx, &now.trouble, &format!("{url}#incidents")),
                Plain::Number(now.trouble.open as f64),
            ),
            Cell::text(words::link_tier(l, link.tier)),
            Cell::value(None, capacity),
            Cell::text(link.id.as_str()),
            Cell::text(strip::words(l, &quarters)),
        ],
    }
}

/// An end: whose port, and whether it is up.
fn end(cx: &Cx, board: &Board, end: &LinkEnd, now: Option<PortNow>) -> Markup {
    let l = cx.lang;
    match end {
        LinkEnd::Peer { name, .. } => html! { (ui::or_none(name)) " " small { (text::links_peer(l)) } },
        LinkEnd::Port { asset, interface, .. } => {
            let name = board.inventory.assets.get(asset).map_or(asset.as_str(), |a| a.name.as_str());
            html! {
                (port_mark(cx, now)) " " (name)
                @if let Some(port) = board.end_port(end) { div.under { a.mono.whole href=(ui::object_url(&port)) { (interface) } } }
            }
        }
    }
}

/// Whether a port is up, as a mark with a word for those who do not see it.
pub fn port_mark(cx: &Cx, now: Option<PortNow>) -> Markup {
    let l = cx.lang;
    let (class, shape, word) = match now.and_then(|n| n.up()) {
        Some(true) => ("up", "tick", text::word_oper_up(l)),
        Some(false) => ("down", "cross", text::word_oper_down(l)),
        None => ("unknown", "question", badge::reach_word(l, Some(Reach::Unknown))),
    };
    html! { span.port-mark.(class) title=(word) { (ui::icon(shape)) span.unseen { (word) } } }
}
