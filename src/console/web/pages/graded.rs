//! Graded protection (等级保护): every item on every asset, what a system comes to, and the record sheet as a file. A row is
//! an item of an asset; the file has the same rows.

mod one;

use std::collections::HashMap;

use maud::{Markup, html};

use crate::baseline::policy::Clause;
use crate::baseline::score::{self, Counts, OnAsset};
use crate::console::api::query::encode;
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::store::FindingRow;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;
use crate::model::waiver::Answer as Answered;
use crate::model::{AssetId, SystemId};

pub use one::{answer, page as asset};

/// Orders; the first is the default.
const SORTS: &[&str] = &["item", "asset", "result", "adjusted"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["system", "asset", "item", "result", "q"];

/// A cell of the matrix.
struct Line<'m> {
    at: usize,
    clause: &'static Clause,
    row: &'m AssetRow,
    on: &'m OnAsset,
}

/// `GET /baseline`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let (_, inventory) = cx.service.store.inventory();
    let system = list.filter("system").and_then(|id| id.parse::<SystemId>().ok());
    let system = system.filter(|id| inventory.systems.contains_key(id));
    let now = cx.service.clock.wall();
    let matrix = graded::matrix(&cx.service.store, &cx.scope(), system.as_ref(), now).await?;
    let result = list.filter("result").and_then(Verdict::parse);
    let is = |name: &str, value: &str| list.filter(name).is_none_or(|wanted| wanted == value);
    let wanted: Vec<String> =
        list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |line: &Line<'_>| {
        let said = || {
            let name = named(&inventory, &line.row.asset);
            format!("{name}\n{}\n{}\n{}", line.row.asset, line.clause.words.zh, line.clause.words.en).to_lowercase()
        };
        result.is_none_or(|r| r == line.on.raw)
            && is("asset", line.row.asset.as_str())
            && is("item", &line.clause.item)
            && (wanted.is_empty() || wanted.iter().all(|word| said().contains(word.as_str())))
    };
    let lines = matrix.rows.iter().flat_map(|row| {
        let cells = matrix.items.iter().zip(&row.items).enumerate();
        cells.map(move |(at, (clause, on))| Line { at, clause, row, on })
    });
    let found: Vec<Line<'_>> = lines.filter(fits).collect();
    let key = |line: &Line<'_>| match list.sort {
        "asset" => Key::text(&named(&inventory, &line.row.asset)),
        "result" => Key::Number(Some(-f64::from(line.on.raw.badness()))),
        "adjusted" => Key::Number(Some(-f64::from(line.on.adjusted.badness()))),
        _ => Key::Number(Some(line.at as f64)),
    };
    let id = |line: &Line<'_>| format!("{:03} {}", line.at, line.row.asset);
    let (rows, next, total) = list.page(found, id, key);
    let (proofs, answers) = proofs(&cx, &rows).await?;
    let table = Table {
        list: &list,
        caption: text::graded_title(l),
        columns: vec![
            Column::sorted("item", text::graded_item(l)),
            Column::new(text::graded_asks(l)).wide(),
            Column::sorted("asset", text::graded_asset(l)),
            Column::sorted("result", text::graded_result(l)),
            Column::sorted("adjusted", text::graded_adjusted(l)).wide(),
            Column::new(text::graded_record(l)),
        ],
        rows: rows.iter().map(|line| shown(&cx, &inventory, &matrix, line, &proofs, &answers)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(text::graded_none_fits(l), html! { a.button href="/baseline" { (text::table_reset(l)) } }),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "record-sheet")? {
        return Ok(file);
    }
    let inside = html! {
        (ui::heading(text::graded_title(l), html! {}))
        p.help { (text::graded_self_check(l)) }
        @if matrix.rows.is_empty() {
            section.card { (ui::empty(text::graded_nothing(l), html! { (text::graded_nothing_advice(l)) })) }
        } @else {
            (summary(&cx, &inventory, &matrix))
            (filters(l, &inventory, &list))
            div.graded { (table.show(&cx)) }
        }
    };
    Ok(layout::page(&cx, Place::Baseline, text::graded_title(l), inside))
}

/// What proves the rows of a page: results of checks by asset, and people's answers.
async fn proofs(
    cx: &Cx,
    rows: &[Line<'_>],
) -> Result<(HashMap<AssetId, Vec<FindingRow>>, Vec<Answered>), crate::console::api::problem::Problem> {
    let mut assets: Vec<AssetId> = rows.iter().map(|line| line.row.asset.clone()).collect();
    assets.sort_unstable();
    assets.dedup();
    let mut proofs: HashMap<AssetId, Vec<FindingRow>> = HashMap::new();
    for row in cx.service.store.findings(&cx.scope(), assets.clone(), true).await? {
        proofs.entry(row.asset.clone()).or_default().push(row);
    }
    Ok((proofs, cx.service.store.answers(&cx.scope(), assets).await?))
}

fn named(inventory: &Inventory, asset: &AssetId) -> String {
    inventory.assets.get(asset).map_or_else(|| asset.to_string(), |a| a.name.clone())
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

/// The word of a verdict.
pub(super) fn word(l: Lang, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => text::graded_pass(l),
        Verdict::Partial => text::graded_partial(l),
        Verdict::Fail => text::graded_fail(l),
        Verdict::Na => text::graded_na(l),
        Verdict::Manual => text::graded_manual(l),
        Verdict::Error => text::graded_error(l),
    }
}

/// The number of an item at a level.
pub(super) fn number(clause: &Clause, level: u8) -> &str {
    if level >= 3 { &clause.l3 } else { &clause.l2 }
}

fn shown(
    cx: &Cx,
    inventory: &Inventory,
    matrix: &Matrix,
    line: &Line<'_>,
    proofs: &HashMap<AssetId, Vec<FindingRow>>,
    answers: &[Answered],
) -> Row {
    let l = cx.lang;
    let (clause, asset) = (line.clause, &line.row.asset);
    let href = format!("/baseline/{}#{}", encode(asset.as_str()), encode(&clause.item));
    let record = record(l, line, proofs, answers);
    let waived = if line.on.waived { text::graded_waived(l) } else { "" };
    let adjusted = word(l, line.on.adjusted);
    Row {
        id: format!("{} {}", clause.item, asset),
        class: "",
        cells: vec![
            Cell::html(
                html! { span.mono { (number(clause, matrix.level)) } div.under.mono { (clause.item) } },
                format!("{} {}", number(clause, matrix.level), clause.item),
            ),
            Cell::text(l.pick(clause.words.zh.as_str(), clause.words.en.as_str())),
            Cell::html(
                html! { a href=(href) { (named(inventory, asset)) } div.under { (age(cx, line.row)) } },
                named(inventory, asset),
            ),
            Cell::html(
                html! { (verdict(l, line.on.raw)) @if line.on.by_hand { " " (badge::mark(text::graded_by_hand(l))) } },
                word(l, line.on.raw),
            ),
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

/// What the record sheet says: the person's words, else the sentences of the checks, the worst first.
fn record(l: Lang, line: &Line<'_>, proofs: &HashMap<AssetId, Vec<FindingRow>>, answers: &[Answered]) -> String {
    let asset = &line.row.asset;
    let answer = answers.iter().find(|a| a.asset == *asset && a.target == line.clause.item);
    if let Some(answer) = answer {
        return format!("{} ({})", answer.reason, answer.by);
    }
    let mut all: Vec<&FindingRow> =
        proofs.get(asset).into_iter().flatten().filter(|row| row.item == line.clause.item).collect();
    all.sort_by_key(|row| std::cmp::Reverse(row.result.badness()));
    let said = |row: &&FindingRow| {
        let finding = row.finding.as_ref()?;
        let proof: Vec<String> = finding
            .evidence
            .iter()
            .map(|e| format!("{}:{} {}", e.file.rsplit('/').next().unwrap_or(&e.file), e.line_from, e.text))
            .collect();
        let proof = if proof.is_empty() { String::new() } else { format!(" [{}]", proof.join("; ")) };
        let sentence = l.pick(finding.record.zh.as_str(), finding.record.en.as_str());
        Some(format!("{} {sentence}{proof}", row.check))
    };
    all.iter().filter_map(said).collect::<Vec<_>>().join(l.pick("；", "; "))
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
            h2 { (text::graded_summary(l, matrix.rows.len(), matrix.items.len())) }
            div.scroll tabindex="0" { table.grid {
                thead { tr { th { (text::graded_counted(l)) } @for v in Verdict::ALL { th.number { (word(l, v)) } } th.number { (text::graded_rate(l)) } th.number { (text::graded_index(l)) } } }
                tbody {
                    @for adjusted in [false, true] {
                        (figures(l, matrix.counts(adjusted), matrix.index(adjusted), adjusted))
                    }
                }
            } }
            p.help { (text::graded_index_help(l)) }
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

fn filters(l: Lang, inventory: &Inventory, list: &List) -> Markup {
    let value = |name: &str| list.filter(name).unwrap_or_default();
    let mut systems = vec![(String::new(), text::graded_all_systems(l).to_owned())];
    systems.extend(inventory.systems.values().filter(|s| s.level >= 2).map(|system| {
        let level = system.level;
        (system.id.to_string(), text::graded_system_level(l, system.name.clone(), level))
    }));
    let mut results = vec![("", text::graded_all_results(l))];
    results.extend(Verdict::ALL.map(|v| (v.as_str(), word(l, v))));
    html! {
        form.filters method="get" action="/baseline" data-auto {
            @for name in ["asset", "item"] {
                @if let Some(held) = list.filter(name) { input type="hidden" name=(name) value=(held); }
            }
            (form::select(&Field { name: "system", label: text::graded_system(l), value: value("system"), ..Field::default() }, &systems))
            (form::select(&Field { name: "result", label: text::graded_result(l), value: value("result"), ..Field::default() }, &results))
            (form::input(&Field { name: "q", label: text::table_search(l), kind: "search", longest: 100, value: value("q"), ..Field::default() }))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/baseline" { (text::table_reset(l)) } }
        }
    }
}
