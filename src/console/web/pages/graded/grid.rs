//! The compliance matrix (合规矩阵): assets below each other, control points or items beside each other, a verdict in each
//! cell as a word and a colour, raw and with waivers. A cell leads to what proves it. The list beside it says the same in
//! lines of text.

use maud::{Markup, html};

use super::{age, none_fits, verdict};
use crate::baseline::score::{self, Counts};
use crate::console::api::query::encode;
use crate::console::graded::{self, AREAS, AssetRow, Matrix};
use crate::console::record_sheet::{Wanted, named, number};
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui;
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{order, pager, sorter};
use crate::console::web::ui::words::verdict as word;
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;

/// Orders; the first is the default.
pub(super) const SORTS: &[&str] = &["asset", "unmet", "rate"];

/// A control point or an item.
struct Column {
    /// Its number at the level of the system.
    number: String,
    /// What it is called, in the reader's language; for an item what it asks for.
    name: String,
    /// Its items, as places in the matrix.
    items: Vec<usize>,
    /// Its layer.
    area: usize,
    /// Where its heading leads.
    href: String,
}

/// What a column comes to.
struct Seen {
    raw: Verdict,
    adjusted: Verdict,
    /// The worst of its items.
    worst: usize,
}

/// An asset with what is shown of it.
struct Shown<'m> {
    row: &'m AssetRow,
    cells: Vec<Seen>,
    counts: [Counts; 2],
}

/// What the layers are called.
pub(super) const fn areas(l: Lang) -> [&'static str; AREAS.len()] {
    [text::grid_network(l), text::grid_boundary(l), text::grid_computing(l), text::grid_management(l)]
}

/// The matrix with legend and pages.
pub(super) fn show(cx: &Cx, inventory: &Inventory, matrix: &Matrix, list: &List, wanted: &Wanted) -> Markup {
    let l = cx.lang;
    let columns = columns(l, matrix, list);
    let items: Vec<usize> = columns.iter().flat_map(|column| column.items.iter().copied()).collect();
    let fits = |row: &&AssetRow| {
        let said = || format!("{}\n{}", named(inventory, &row.asset), row.asset).to_lowercase();
        wanted.asset.as_ref().is_none_or(|one| one == row.asset.as_str())
            && (wanted.words.is_empty() || wanted.words.iter().all(|word| said().contains(word.as_str())))
    };
    let shown = |row| {
        let cells = columns.iter().filter_map(|column| seen(row, &column.items)).collect();
        Shown { row, cells, counts: [false, true].map(|adjusted| counts(row, &items, adjusted)) }
    };
    let has = |one: &Shown<'_>| wanted.result.is_none_or(|result| one.cells.iter().any(|cell| cell.raw == result));
    let found: Vec<Shown<'_>> = matrix.rows.iter().filter(fits).map(shown).filter(has).collect();
    let key = |one: &Shown<'_>| match list.sort {
        "unmet" => Key::Number(Some(unmet(&one.counts[0]) as f64)),
        "rate" => Key::Number(one.counts[0].rate()),
        _ => Key::text(&named(inventory, &one.row.asset)),
    };
    let (rows, next, total) = list.page(found, |one| one.row.asset.to_string(), key);
    if rows.is_empty() {
        return none_fits(l);
    }
    html! {
        div.scroll.tall tabindex="0" role="region" aria-label=(text::grid_caption(l)) {
            table.grid.matrix {
                caption.unseen { (text::grid_caption(l)) }
                (head(cx, list, &columns))
                tbody {
                    (together(l, matrix, &columns))
                    @for one in &rows { (line(cx, inventory, matrix, &columns, one, wanted.result)) }
                }
            }
        }
        (pager(cx, list, rows.len(), Some(total as u64), next.as_deref(), None))
        p.legend.help {
            @for v in Verdict::ALL { span { b class={ "v-" (v.as_str()) } { (short(l, v)) } " " (word(l, v)) } }
            span { (text::grid_waived(l)) }
        }
    }
}

fn columns(l: Lang, matrix: &Matrix, list: &List) -> Vec<Column> {
    let wanted = list.filter("area").and_then(|area| AREAS.iter().position(|one| *one == area));
    let by_item = list.filter("by") == Some("item");
    let column = |(point, items): (&str, Vec<usize>)| {
        let clause = items.first().and_then(|at| matrix.items.get(*at))?;
        let area = graded::area(&clause.item);
        let number = number(clause, matrix.level);
        let (zh, en) = graded::point_words(point);
        let column = if by_item {
            let system = list.filter("system").map(|id| format!("?system={}", encode(id))).unwrap_or_default();
            let href = format!("/baseline/items/{}{system}", encode(&clause.item));
            let name = l.pick(&clause.words.zh, &clause.words.en).to_owned();
            Column { number: number.to_owned(), name, items, area, href }
        } else {
            let href = list.url(&[("by", "item"), ("area", AREAS.get(area).copied().unwrap_or_default())]);
            let name = l.pick(zh, en).to_owned();
            Column { number: score::point(number).to_owned(), name, items, area, href }
        };
        wanted.is_none_or(|wanted| wanted == area).then_some(column)
    };
    let points = matrix.points();
    let split = |(point, items): (&'static str, Vec<usize>)| -> Vec<(&'static str, Vec<usize>)> {
        if by_item { items.into_iter().map(|at| (point, vec![at])).collect() } else { vec![(point, items)] }
    };
    points.into_iter().flat_map(split).filter_map(column).collect()
}

fn seen(row: &AssetRow, items: &[usize]) -> Option<Seen> {
    let all = || items.iter().filter_map(|at| row.items.get(*at).map(|on| (*at, on)));
    Some(Seen {
        raw: score::merge(all().map(|(_, on)| on.raw))?,
        adjusted: score::merge(all().map(|(_, on)| on.adjusted))?,
        worst: all().max_by_key(|(at, on)| (on.raw.badness(), std::cmp::Reverse(*at))).map(|(at, _)| at)?,
    })
}

fn counts(row: &AssetRow, items: &[usize], adjusted: bool) -> Counts {
    let of = items.iter().filter_map(|at| row.items.get(*at));
    Counts::of(of.map(|on| if adjusted { on.adjusted } else { on.raw }))
}

const fn unmet(counts: &Counts) -> u64 {
    counts.get(Verdict::Fail) + counts.get(Verdict::Partial)
}

fn head(cx: &Cx, list: &List, columns: &[Column]) -> Markup {
    let l = cx.lang;
    let sort = |name: &str, title: &str, down: bool| {
        html! { th.first rowspan="2" scope="col" aria-sort=[order(list, name)] { (sorter(cx, list, name, title, down)) } }
    };
    let groups = AREAS
        .iter()
        .enumerate()
        .zip(areas(l))
        .map(|((area, _), name)| (name, columns.iter().filter(|column| column.area == area).count()));
    html! {
        thead {
            tr {
                (sort("asset", text::graded_asset(l), false))
                (sort("unmet", text::grid_unmet(l), true))
                (sort("rate", text::graded_rate(l), false))
                @for (name, wide) in groups.filter(|(_, wide)| *wide > 0) { th.group scope="colgroup" colspan=(wide) { (name) } }
            }
            tr.second {
                @for column in columns { th scope="col" title=(column.name) { a href=(column.href) { (column.number) small { (column.name) } } } }
            }
        }
    }
}

/// All assets together.
fn together(l: Lang, matrix: &Matrix, columns: &[Column]) -> Markup {
    html! {
        tr.all {
            th scope="row" { (text::grid_together(l)) }
            td {} td {}
            @for column in columns {
                @let merged = matrix.merged(&column.items);
                td class={ "v-" (merged.raw.as_str()) } title={ (column.number) " " (column.name) ": " (word(l, merged.raw)) } {
                    (short(l, merged.raw)) (changed(l, merged.raw, merged.adjusted))
                }
            }
        }
    }
}

fn line(
    cx: &Cx,
    inventory: &Inventory,
    matrix: &Matrix,
    columns: &[Column],
    one: &Shown<'_>,
    result: Option<Verdict>,
) -> Markup {
    let l = cx.lang;
    let page = format!("/baseline/{}", encode(one.row.asset.as_str()));
    let [raw, adjusted] = one.counts.map(|counts| counts.rate());
    html! {
        tr id={ "r-" (one.row.asset) } {
            th scope="row" { a href=(page) { (named(inventory, &one.row.asset)) } div.under { (age(cx, one.row)) } }
            td.number { (unmet(&one.counts[0])) }
            td.number { (share(raw)) @if raw != adjusted { small { "→" (share(adjusted)) } } }
            @for (column, cell) in columns.iter().zip(&one.cells) {
                @let item = matrix.items.get(cell.worst).map_or("", |clause| clause.item.as_str());
                td class={ "v-" (cell.raw.as_str()) @if result.is_some_and(|r| r != cell.raw) { " other" } } {
                    a href={ (page) "#" (item) } title={ (column.number) " " (column.name) ": " (word(l, cell.raw)) } { (short(l, cell.raw)) }
                    (changed(l, cell.raw, cell.adjusted))
                }
            }
        }
    }
}

/// What a verdict is with waivers, where that is another.
fn changed(l: Lang, raw: Verdict, adjusted: Verdict) -> Markup {
    html! { @if raw != adjusted { small title={ (text::graded_with_waivers(l)) ": " (word(l, adjusted)) } { "→" (short(l, adjusted)) } } }
}

fn share(rate: Option<f64>) -> Markup {
    html! { @match rate { Some(rate) => (format!("{:.0} %", rate * 100.0)), None => (ui::none()) } }
}

/// A verdict in as few letters as are understood; the legend has them all.
const fn short(l: Lang, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => text::grid_pass(l),
        Verdict::Partial => text::grid_partial(l),
        Verdict::Fail => text::grid_fail(l),
        Verdict::Na => text::grid_na(l),
        Verdict::Manual => text::grid_manual(l),
        Verdict::Error => text::grid_error(l),
    }
}

/// Raw, and with waivers where that is another.
pub(super) fn both(l: Lang, raw: Verdict, adjusted: Verdict) -> Markup {
    html! { (verdict(l, raw)) @if raw != adjusted { " → " (verdict(l, adjusted)) " " (ui::badge::mark(text::graded_waived(l))) } }
}
