//! All links by hour, one row each: which were bad, when, and whether it was all of them at once. The last day comes
//! from memory, an earlier one from the roll-ups.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::found;
use crate::console::board::Board;
use crate::console::store::SeriesKey;
use crate::console::store::strip::Quarter;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::List;
use crate::console::web::ui::strip::{self, Went};
use crate::console::web::ui::{self, number};
use crate::model::inventory::Link;
use crate::model::{LinkId, Object, Wall};

/// Links of a page; more do not fit a look.
const ROWS: usize = 60;
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["region", "tier", "state", "carrier", "q", "day"];
const HOUR_MS: i64 = 3_600_000;
/// Quarters of an hour.
const QUARTERS: usize = 4;

/// Begin of each column, and what was counted of each link in it.
struct Heat {
    hours: Vec<Wall>,
    cells: BTreeMap<LinkId, Vec<Quarter>>,
}

/// `GET /links/heat`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, &["name"], FILTERS);
    let board = Board::of(&cx.service, &cx.scope()).await?;
    let mut links: Vec<&Link> = found(&board, &list).into_iter().map(|(link, _)| link).collect();
    links.sort_by(|a, b| (a.tier, &a.name).cmp(&(b.tier, &b.name)));
    let total = links.len();
    links.truncate(ROWS);
    let day = list.filter("day").and_then(|text| super::super::audit::moment(&cx, text));
    let heat = match day {
        Some(day) => of_day(&cx, &links, day).await?,
        None => last_day(&cx, &links),
    };
    let inside = html! {
        (ui::trail(&[("/links", text::nav_links(l))]))
        (ui::heading(text::heat_title(l), html! {}))
        (filters(&cx, &list))
        (ui::live(&cx, "heat", if day.is_none() { &[Topic::Objects, Topic::Inventory] } else { &[] }, html! {
            @if links.is_empty() { section.card { (ui::empty(text::links_none(l), html! { a.button href="/links/heat" { (text::table_reset(l)) } })) } }
            @else {
                (table(&cx, &links, &heat))
                (strip::legend(l))
                @if total > ROWS { p.help { (text::heat_more(l, total - ROWS)) } }
            }
        }))
    };
    Ok(layout::page(&cx, Place::Links, text::heat_title(l), inside))
}

fn last_day(cx: &Cx, links: &[&Link]) -> Heat {
    let first = (cx.now.millis().div_euclid(HOUR_MS) - 23) * HOUR_MS;
    let hours = (0..24).map(|hour| Wall::from_millis(first + hour * HOUR_MS)).collect();
    // The strip ends with this quarter, the columns with this hour.
    let past = usize::try_from(cx.now.millis().rem_euclid(HOUR_MS) / (HOUR_MS / 4)).unwrap_or(0);
    let cells = links.iter().map(|link| {
        let quarters = cx.service.store.strip(&link.id);
        let mut hours = vec![Quarter::default(); 24];
        for (back, quarter) in quarters.iter().rev().enumerate() {
            // Quarters of this hour come first, counted backwards.
            let hour = (back + QUARTERS - 1 - past) / QUARTERS;
            if let Some(held) = hours.len().checked_sub(hour + 1).and_then(|at| hours.get_mut(at)) {
                held.add(*quarter);
            }
        }
        (link.id.clone(), hours)
    });
    Heat { hours, cells: cells.collect() }
}

async fn of_day(cx: &Cx, links: &[&Link], day: Wall) -> Result<Heat, crate::console::api::problem::Problem> {
    let from = day.millis().div_euclid(HOUR_MS) * HOUR_MS;
    let hours: Vec<Wall> = (0..24).map(|hour| Wall::from_millis(from + hour * HOUR_MS)).collect();
    let mut cells = BTreeMap::new();
    for link in links {
        let key = SeriesKey {
            object: Object::Link(link.id.clone()),
            field: String::new(),
            instance: String::new(),
            agent: None,
            probe: None,
        };
        let counted = cx.service.store.hours(&cx.scope(), key, day, 24).await?;
        cells.insert(link.id.clone(), counted);
    }
    Ok(Heat { hours, cells })
}

fn filters(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    html! {
        form.filters method="get" action="/links/heat" data-auto {
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            (form::input(&Field { kind: "date", ..field("day", text::heat_day(l)) }))
            @for name in ["region", "tier", "state", "carrier"] {
                @if let Some(value) = list.filter(name) { input type="hidden" name=(name) value=(value); }
            }
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/links/heat" { (text::heat_last_day(l)) } }
        }
    }
}

fn table(cx: &Cx, links: &[&Link], heat: &Heat) -> Markup {
    let l = cx.lang;
    let hour = |at: Wall| {
        let zoned = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        zoned.to_zoned(cx.zone.clone())
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::heat_title(l)) { table.grid.heat {
            thead { tr {
                th scope="col" { (text::links_name(l)) }
                @for at in &heat.hours { @let at = hour(*at); th.number scope="col" title=(at.strftime("%Y-%m-%d %H:%M %:z")) { (at.strftime("%H")) } }
            } }
            tbody { @for link in links {
                tr {
                    th scope="row" { a href=(ui::object_url(&Object::Link(link.id.clone()))) { (link.name) } }
                    @for (at, quarter) in heat.hours.iter().zip(heat.cells.get(&link.id).into_iter().flatten()) { (cell(cx, &hour(*at), *quarter)) }
                }
            } }
        } }
    }
}

fn cell(cx: &Cx, at: &jiff::Zoned, counted: Quarter) -> Markup {
    let went = Went::of(counted);
    let loss = counted.loss().unwrap_or(0.0).max(counted.failed_share().unwrap_or(0.0));
    let said = match went {
        Went::Unmeasured => text::strip_unmeasured(cx.lang).to_owned(),
        _ => text::heat_lost(cx.lang, number::percent(loss)),
    };
    let percent = loss * 100.0;
    html! {
        td.number.(went.class()) title={ (at.strftime("%m-%d %H:%M")) " " (said) } {
            @match went {
                Went::Unmeasured => "–",
                Went::Well => { span.unseen { "0" } },
                _ if percent < 0.1 => "<.1",
                _ if percent < 10.0 => { (format!("{percent:.1}")) },
                _ => { (format!("{percent:.0}")) },
            }
        }
    }
}
