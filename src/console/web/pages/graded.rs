//! Graded protection (等级保护): every item on every asset, as a matrix or as a list with what proves it, what a system
//! comes to, and the record sheet as a file, which has the rows of the list.

pub mod files;
mod grid;
pub mod item;
mod one;
pub mod report;
pub mod states;
mod systems;
pub mod waivers;

use maud::{Markup, html};

use crate::baseline::score::{self, Counts};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::record_sheet::{self, Cell as Line, Format, Proofs, Wanted, named, number};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Row, Table, download};
use crate::console::web::ui::words::verdict as word;
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::SystemId;
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;

pub use one::{answer, page as asset};

/// Orders of the list; the first is the default.
const SORTS: &[&str] = &["item", "asset", "result", "adjusted"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["view", "system", "area", "by", "asset", "item", "result", "q"];

/// The views of graded protection, as they stand beside each other on every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Matrix,
    List,
    Report,
    Waivers,
}

/// Links between the views; the system stays.
fn views(l: Lang, here: View, system: Option<&SystemId>) -> Markup {
    let of = |path: &str| {
        let mark = if path.contains('?') { '&' } else { '?' };
        system.map_or_else(|| path.to_owned(), |id| format!("{path}{mark}system={}", encode(id.as_str())))
    };
    let all = [
        (View::Matrix, "/baseline", text::grid_matrix(l)),
        (View::List, "/baseline?view=list", text::grid_list(l)),
        (View::Report, "/baseline/report", text::selfcheck_report(l)),
        (View::Waivers, "/baseline/waivers", text::waiver_title(l)),
    ];
    html! {
        nav.views aria-label=(text::graded_title(l)) {
            @for (view, path, name) in all { a href=(of(path)) aria-current=[(view == here).then_some("page")] { (name) } }
        }
    }
}

/// The system that the address names, if there is one.
fn system_of(inventory: &Inventory, list: &List) -> Option<SystemId> {
    let named = list.filter("system").and_then(|id| id.parse::<SystemId>().ok());
    named.filter(|id| inventory.systems.contains_key(id))
}

/// Words of a search.
fn words_of(list: &List) -> Vec<String> {
    list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// `GET /baseline`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    // Of one item there is nothing beside: its assets stand below each other.
    let listed = cx.query.get("view") == Some("list") || cx.query.get("item").is_some();
    let view = if listed { View::List } else { View::Matrix };
    let list = List::read(&cx, if view == View::List { SORTS } else { grid::SORTS }, FILTERS);
    let (_, inventory) = cx.service.store.inventory();
    let wanted = Wanted {
        system: system_of(&inventory, &list),
        asset: list.filter("asset").map(str::to_owned),
        item: list.filter("item").map(str::to_owned),
        result: list.filter("result").and_then(Verdict::parse),
        words: words_of(&list),
    };
    if let Some(format) = cx.query.get("format").and_then(Format::parse) {
        let sheet = record_sheet::build(&cx.service, &cx.scope(), &wanted, l).await?;
        return Ok(download(sheet.write(format)?, format.kind(), format.file()));
    }
    let matrix = graded::matrix(&cx.service.store, &cx.scope(), wanted.system.as_ref(), cx.now).await?;
    let inside = html! {
        (ui::heading(text::graded_title(l), files::links(&cx, &list)))
        p.help { (if view == View::List { text::graded_self_check(l) } else { text::selfcheck_only(l) }) }
        (views(l, view, wanted.system.as_ref()))
        (ui::live(&cx, "graded", &[Topic::Baseline, Topic::Inventory], html! {
            @if matrix.rows.is_empty() {
                section.card { (ui::empty(text::graded_nothing(l), html! { (text::graded_nothing_advice(l)) })) }
            } @else {
                (summary(&cx, &inventory, &matrix))
                (filters(l, &inventory, &list, view))
                @if view == View::List { (lines(&cx, &inventory, &matrix, &list, &wanted).await?) }
                @else { (grid::show(&cx, &inventory, &matrix, &list, &wanted)) }
                (systems::table(&cx, &inventory, "/baseline"))
            }
        }))
    };
    Ok(layout::page(&cx, Place::Baseline, text::graded_title(l), inside))
}

/// The list: a row an item an asset, with the sentences of the record sheet.
async fn lines(
    cx: &Cx,
    inventory: &Inventory,
    matrix: &Matrix,
    list: &List,
    wanted: &Wanted,
) -> Result<Markup, Problem> {
    let l = cx.lang;
    let area = list.filter("area").and_then(|area| graded::AREAS.iter().position(|one| *one == area));
    let mut found = record_sheet::cells(matrix, inventory, wanted);
    found.retain(|line| area.is_none_or(|area| graded::area(&line.clause.item) == area));
    let key = |line: &Line<'_>| match list.sort {
        "asset" => Key::text(&named(inventory, &line.row.asset)),
        "result" => Key::Number(Some(-f64::from(line.on.raw.badness()))),
        "adjusted" => Key::Number(Some(-f64::from(line.on.adjusted.badness()))),
        _ => Key::Number(Some(line.at as f64)),
    };
    let id = |line: &Line<'_>| format!("{:03} {}", line.at, line.row.asset);
    let (rows, next, total) = list.page(found, id, key);
    let proofs = Proofs::of(&cx.service.store, &cx.scope(), &rows).await?;
    let table = Table {
        list,
        caption: text::graded_title(l),
        columns: vec![
            Column::sorted("item", text::graded_item(l)),
            Column::new(text::graded_asks(l)).wide(),
            Column::sorted("asset", text::graded_asset(l)),
            Column::sorted("result", text::graded_result(l)),
            Column::sorted("adjusted", text::graded_adjusted(l)).wide(),
            Column::new(text::graded_record(l)),
        ],
        rows: rows.iter().map(|line| shown(cx, inventory, matrix, line, &proofs)).collect(),
        next,
        total: Some(total as u64),
        empty: none_fits(l),
        bulk: None,
    };
    Ok(html! { div.graded { (table.show(cx)) } })
}

fn none_fits(l: Lang) -> Markup {
    ui::empty(text::graded_none_fits(l), html! { a.button href="/baseline" { (text::table_reset(l)) } })
}

/// A verdict: a shape, a word, a colour.
pub(super) fn verdict(l: Lang, verdict: Verdict) -> Markup {
    let tone = match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Partial => Tone::Warn,
        Verdict::Fail => Tone::Bad,
        Verdict::Na | Verdict::Manual | Verdict::Error => Tone::Info,
    };
    badge::toned(tone, word(l, verdict))
}

/// The asset of a line, with its age, as the way to its proof.
fn asset_cell(cx: &Cx, inventory: &Inventory, line: &Line<'_>) -> Cell {
    let asset = &line.row.asset;
    let href = format!("/baseline/{}#{}", encode(asset.as_str()), encode(&line.clause.item));
    Cell::html(
        html! { a href=(href) { (named(inventory, asset)) } div.under { (age(cx, line.row)) } },
        named(inventory, asset),
    )
}

/// What a line comes to without waivers.
fn raw_cell(l: Lang, line: &Line<'_>) -> Cell {
    Cell::html(
        html! { (verdict(l, line.on.raw)) @if line.on.by_hand { " " (badge::mark(text::graded_by_hand(l))) } },
        word(l, line.on.raw),
    )
}

fn shown(cx: &Cx, inventory: &Inventory, matrix: &Matrix, line: &Line<'_>, proofs: &Proofs) -> Row {
    let l = cx.lang;
    let (clause, asset) = (line.clause, &line.row.asset);
    let mut record = proofs.record(l, line);
    let proof = proofs.proof(line).replace('\n', "; ");
    if !proof.is_empty() && !line.on.by_hand {
        record = format!("{record} [{proof}]");
    }
    let waived = if line.on.waived { text::graded_waived(l) } else { "" };
    let adjusted = word(l, line.on.adjusted);
    Row {
        id: format!("{} {}", clause.item, asset),
        class: "",
        cells: vec![
            Cell::html(
                html! { a.mono href={ "/baseline/items/" (encode(&clause.item)) } { (number(clause, matrix.level)) } div.under.mono { (clause.item) } },
                format!("{} {}", number(clause, matrix.level), clause.item),
            ),
            Cell::text(l.pick(clause.words.zh.as_str(), clause.words.en.as_str())),
            asset_cell(cx, inventory, line),
            raw_cell(l, line),
            Cell::html(
                html! { (verdict(l, line.on.adjusted)) @if line.on.waived { " " (badge::mark(waived)) } },
                if waived.is_empty() { adjusted.to_owned() } else { format!("{adjusted} ({waived})") },
            ),
            Cell::text(record),
        ],
    }
}

/// When an asset was looked at.
fn age(cx: &Cx, row: &AssetRow) -> Markup {
    match &row.inspected {
        Some(inspected) => time::at(cx, inspected.at),
        None => html! { (text::graded_never(cx.lang)) },
    }
}

fn summary(cx: &Cx, inventory: &Inventory, matrix: &Matrix) -> Markup {
    let l = cx.lang;
    let never: Vec<&AssetRow> = matrix.rows.iter().filter(|row| row.inspected.is_none()).collect();
    let loud: Vec<&AssetRow> = matrix.rows.iter().filter(|row| row.loud()).collect();
    let hazards = matrix.rows.iter().flat_map(|row| {
        row.said.iter().filter(|said| said.major && said.raw() == Verdict::Fail).map(move |said| (row, said))
    });
    let hazards: Vec<_> = hazards.collect();
    let names = |rows: &[&AssetRow]| {
        let shown: Vec<String> = rows.iter().take(8).map(|row| named(inventory, &row.asset)).collect();
        let more = if rows.len() > shown.len() { "…" } else { "" };
        shown.join(l.pick("、", ", ")) + more
    };
    html! {
        section.card {
            (figures_of(l, matrix))
            @if !hazards.is_empty() {
                (ui::note(Tone::Bad, html! {
                    (text::graded_hazards(l, hazards.len())) " "
                    @for (row, said) in hazards.iter().take(20) {
                        a href={ "/baseline/" (encode(row.asset.as_str())) "#" (said.check) } { (named(inventory, &row.asset)) " " (said.check) } " "
                    }
                }))
            }
            @if !never.is_empty() { (ui::note(Tone::Warn, html! { (text::graded_never_these(l, never.len(), names(&never))) })) }
            @if !loud.is_empty() { (ui::note(Tone::Warn, html! { (text::graded_loud(l, loud.len(), names(&loud))) })) }
        }
    }
}

/// Counts, 符合率 and 自查指数, raw and with waivers.
fn figures_of(l: Lang, matrix: &Matrix) -> Markup {
    html! {
        h2 { (text::graded_summary(l, matrix.rows.len(), matrix.items.len())) }
        div.scroll tabindex="0" role="region" aria-label=(text::graded_counted(l)) { table.grid {
            thead { tr { th scope="col" { (text::graded_counted(l)) } @for v in Verdict::ALL { th.number scope="col" { (word(l, v)) } } th.number scope="col" { (text::graded_rate(l)) } th.number scope="col" { (text::graded_index(l)) } } }
            tbody {
                @for adjusted in [false, true] {
                    (figures(l, matrix.counts(adjusted), matrix.index(adjusted), adjusted))
                }
            }
        } }
        p.help { (text::graded_index_help(l)) }
    }
}

fn figures(l: Lang, counts: Counts, index: Option<score::Index>, adjusted: bool) -> Markup {
    let name = if adjusted { text::graded_with_waivers(l) } else { text::graded_raw(l) };
    html! {
        tr {
            th scope="row" { (name) }
            @for v in Verdict::ALL { td.number { (counts.get(v)) } }
            td.number { @match counts.rate() { Some(rate) => { (format!("{:.1} %", rate * 100.0)) " (" (counts.get(Verdict::Pass)) "/" (counts.applicable()) ")" } None => (ui::none()) } }
            td.number { @match index { Some(i) => (format!("{:.1} – {:.1}", i.low, i.high)), None => (ui::none()) } }
        }
    }
}

fn filters(l: Lang, inventory: &Inventory, list: &List, view: View) -> Markup {
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    let mut areas = vec![("", text::grid_all_areas(l))];
    areas.extend(graded::AREAS.into_iter().zip(grid::areas(l)));
    let by = [("", text::grid_by_point(l)), ("item", text::grid_by_item(l))];
    html! {
        form.filters method="get" action="/baseline" data-auto {
            @for name in ["view", "asset", "item"] {
                @if let Some(held) = list.filter(name) { input type="hidden" name=(name) value=(held); }
            }
            (form::select(&field("system", text::graded_system(l)), &systems_of(l, inventory)))
            (form::select(&field("area", text::grid_area(l)), &areas))
            @if view == View::Matrix { (form::select(&field("by", text::grid_columns(l)), &by)) }
            (form::select(&field("result", text::graded_result(l)), &results(l)))
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            button type="submit" { (text::table_filter(l)) }
            @if list.filters.iter().any(|(name, _)| *name != "view") { a.quiet href=(if view == View::List { "/baseline?view=list" } else { "/baseline" }) { (text::table_reset(l)) } }
        }
    }
}

/// Graded systems to choose from, and all of them.
fn systems_of(l: Lang, inventory: &Inventory) -> Vec<(String, String)> {
    let mut systems = vec![(String::new(), text::graded_all_systems(l).to_owned())];
    systems.extend(
        inventory
            .systems
            .values()
            .filter(|s| s.level >= 2)
            .map(|system| (system.id.to_string(), text::graded_system_level(l, system.name.clone(), system.level))),
    );
    systems
}

/// Verdicts to choose from, and all of them.
fn results(l: Lang) -> Vec<(&'static str, &'static str)> {
    let mut results = vec![("", text::graded_all_results(l))];
    results.extend(Verdict::ALL.map(|v| (v.as_str(), word(l, v))));
    results
}
