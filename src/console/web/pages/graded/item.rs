//! One item (测评项) on all assets: what it asks for, the checks that serve it, the verdict of each asset with the lines
//! that prove it, and a person's answer for one asset or for many at once.

use maud::{Markup, html};

use super::grid::both;
use super::{asset_cell, named, number, raw_cell, results, system_of, systems_of, verdict, words_of};
use crate::baseline::policy::Clause;
use crate::console::api::call::Needs;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::Command;
use crate::console::graded::{self, Matrix};
use crate::console::record_sheet::{self, Cell as Line, Proofs, Wanted};
use crate::console::store::SHIPPED;
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Bulk, Cell, Column, Row, Table};
use crate::console::web::ui::words::verdict as word;
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::AssetId;
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;
use crate::model::waiver::Answer as Answered;

/// Orders; the first is the default.
const SORTS: &[&str] = &["result", "adjusted", "asset"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["system", "result", "q"];

/// `GET /baseline/items/{item}`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None).await
}

/// `POST /baseline/items/{item}`: what a person found on the assets that were chosen.
pub async fn answer(cx: Cx) -> Answer {
    let target = clause(&cx)?.item.clone();
    let reason = cx.form.text("reason").to_owned();
    let result = Verdict::parse(cx.form.text("result")).unwrap_or(Verdict::Manual);
    let assets = cx.form.read_all("id", |id| AssetId::new(id).ok());
    if assets.is_empty() {
        let problem = Problem::new(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            "请先勾选资产",
            "choose the assets first that this is about",
        );
        return refused(show(&cx, Some(&problem)).await, &problem);
    }
    let given = assets.into_iter().map(|asset| Answered {
        asset,
        target: target.clone(),
        result,
        reason: reason.clone(),
        by: String::new(),
        at: cx.now,
    });
    match cx.command(None, Command::Answers(given.collect())).await {
        Ok(_) => Ok(redirect(cx.form.text("back"))),
        Err(problem) => refused(show(&cx, Some(&problem)).await, &problem),
    }
}

fn clause(cx: &Cx) -> Result<&'static Clause, Problem> {
    let item = cx.part("item");
    let found = SHIPPED.clauses.values().find(|clause| clause.item == item);
    found.ok_or_else(|| Problem::unknown("测评项", "item", item))
}

async fn show(cx: &Cx, problem: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let clause = clause(cx)?;
    let list = List::read(cx, SORTS, FILTERS);
    let (_, inventory) = cx.service.store.inventory();
    let wanted = Wanted {
        system: system_of(&inventory, &list),
        item: Some(clause.item.clone()),
        result: list.filter("result").and_then(Verdict::parse),
        words: words_of(&list),
        ..Wanted::default()
    };
    let matrix = graded::matrix(&cx.service.store, &cx.scope(), wanted.system.as_ref(), cx.now).await?;
    let found = record_sheet::cells(&matrix, &inventory, &wanted);
    let key = |line: &Line<'_>| match list.sort {
        "asset" => Key::text(&named(&inventory, &line.row.asset)),
        "adjusted" => Key::Number(Some(-f64::from(line.on.adjusted.badness()))),
        _ => Key::Number(Some(-f64::from(line.on.raw.badness()))),
    };
    let (rows, next, total) = list.page(found, |line| line.row.asset.to_string(), key);
    let proofs = Proofs::of(&cx.service.store, &cx.scope(), &rows).await?;
    let answers = Needs::Security.lets(&cx.actor());
    let table = Table {
        list: &list,
        caption: l.pick(&clause.words.zh, &clause.words.en),
        columns: vec![
            Column::sorted("asset", text::graded_asset(l)),
            Column::sorted("result", text::graded_result(l)),
            Column::sorted("adjusted", text::graded_adjusted(l)).wide(),
            Column::new(text::graded_record(l)),
        ],
        rows: rows.iter().map(|line| shown(cx, &inventory, line, &proofs)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(text::graded_none_fits(l), html! { a.button href=(list.path) { (text::table_reset(l)) } }),
        bulk: answers.then(|| bulk(cx, clause)),
    };
    if let Some(file) = table.file(cx, &clause.item)? {
        return Ok(file);
    }
    let title = format!("{} {}", number(clause, matrix.level), l.pick(&clause.words.zh, &clause.words.en));
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l)), ("/baseline?by=item", text::grid_by_item(l))]))
        (ui::heading(&title, beside(l, clause, &matrix)))
        @if let Some(problem) = problem { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        (ui::live(cx, "item", &[Topic::Baseline, Topic::Inventory], html! {
            section.card { (facts(l, clause, &matrix)) }
            (filters(l, &inventory, &list))
            div.graded.item { (table.show(cx)) }
            @if answers { p.help { (text::item_answer_help(l)) } }
            (checks(l, clause, &matrix))
        }))
    };
    Ok(layout::page(cx, Place::Baseline, &title, inside))
}

/// The items before and after it.
fn beside(l: Lang, clause: &Clause, matrix: &Matrix) -> Markup {
    let at = matrix.items.iter().position(|one| one.item == clause.item);
    let near = |step: isize| at.and_then(|at| at.checked_add_signed(step)).and_then(|at| matrix.items.get(at));
    html! {
        @for (step, name) in [(-1, text::item_before(l)), (1, text::item_after(l))] {
            @if let Some(other) = near(step) { a.button href={ "/baseline/items/" (encode(&other.item)) } title=(l.pick(&other.words.zh, &other.words.en)) { (name) } }
        }
    }
}

fn facts(l: Lang, clause: &Clause, matrix: &Matrix) -> Markup {
    let (zh, en) = graded::point_words(crate::baseline::score::point(&clause.l3));
    let merged = matrix.items.iter().position(|one| one.item == clause.item).map(|at| matrix.item(at));
    ui::facts(&[
        (
            text::item_together(l),
            html! { @match merged { Some(m) => (both(l, m.raw, m.adjusted)), None => (text::item_not_at_level(l)) } },
        ),
        (text::item_point(l), html! { (l.pick(zh, en)) }),
        (
            "GB/T 22239-2019",
            html! { span.mono { (clause.l3) } @if !clause.l2.is_empty() { " " (text::item_level_two(l)) " " span.mono { (clause.l2) } } },
        ),
        ("GB/T 22239-2008", html! { span.mono { (ui::or_none(&clause.old)) } }),
        ("GB/T 28448-2019", html! { span.mono { (clause.item) } }),
    ])
}

/// The checks that serve it, with what they came to; a console's own policy may have more than the shipped ones.
fn checks(l: Lang, clause: &Clause, matrix: &Matrix) -> Markup {
    let shipped = SHIPPED.checks.values().filter(|check| check.clause.item == clause.item);
    let mut all: Vec<(String, Option<&str>)> =
        shipped.map(|check| (check.id.clone(), Some(l.pick(&check.title.zh, &check.title.en)))).collect();
    let said = || matrix.rows.iter().flat_map(|row| &row.said).filter(|said| said.item == clause.item);
    for one in said() {
        if !all.iter().any(|(id, _)| *id == one.check) {
            all.push((one.check.clone(), None));
        }
    }
    let count = |id: &str, v: Verdict| said().filter(|one| one.check == id && one.raw() == v).count();
    html! {
        section.card {
            h2 { (text::item_checks(l)) }
            @if all.is_empty() { p { (text::item_no_checks(l)) } } @else {
                div.scroll tabindex="0" role="region" aria-label=(text::item_checks(l)) { table.grid {
                    thead { tr { th scope="col" { (text::graded_check(l)) } th scope="col" { (text::item_title(l)) } @for v in Verdict::ALL { th.number scope="col" { (word(l, v)) } } } }
                    tbody { @for (id, title) in &all {
                        tr { th.mono scope="row" { (id) } td { @match title { Some(title) => (title), None => (text::item_own(l)) } } @for v in Verdict::ALL { td.number { (count(id, v)) } } }
                    } }
                } }
            }
        }
    }
}

fn shown(cx: &Cx, inventory: &Inventory, line: &Line<'_>, proofs: &Proofs) -> Row {
    let l = cx.lang;
    let asset = &line.row.asset;
    let plain = format!("{}\n{}", proofs.record(l, line), proofs.proof(line));
    Row {
        id: asset.to_string(),
        class: "",
        cells: vec![
            asset_cell(cx, inventory, line),
            raw_cell(l, line),
            Cell::html(
                html! { (verdict(l, line.on.adjusted)) @if line.on.waived { " " (badge::mark(text::graded_waived(l))) } },
                word(l, line.on.adjusted),
            ),
            Cell::html(proof(cx, inventory, line, proofs), plain.trim()),
        ],
    }
}

/// The person's words, and every check with its sentence and lines.
fn proof(cx: &Cx, inventory: &Inventory, line: &Line<'_>, proofs: &Proofs) -> Markup {
    let l = cx.lang;
    let none = proofs.answer(line).is_none() && proofs.checks(line).next().is_none();
    html! {
        @if let Some(answer) = proofs.answer(line) {
            p { strong { (text::graded_answer(l)) } " " (answer.reason) " " span.under { (answer.by) " " (time::at(cx, answer.at)) } }
        }
        @for (row, finding) in proofs.checks(line) {
            div.checked {
                p { span.mono { (row.check) } " " (verdict(l, row.result)) " " (l.pick(&finding.record.zh, &finding.record.en)) }
                (super::one::evidence(finding))
                @if let Some(waiver) = proofs.stands(inventory, row, cx.now) { (super::one::waived(cx, waiver)) }
            }
        }
        @if none { (proofs.record(l, line)) }
    }
}

fn filters(l: Lang, inventory: &Inventory, list: &List) -> Markup {
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    html! {
        form.filters method="get" action=(list.path) data-auto {
            (form::select(&field("system", text::graded_system(l)), &systems_of(l, inventory)))
            (form::select(&field("result", text::graded_result(l)), &results(l)))
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href=(list.path) { (text::table_reset(l)) } }
        }
    }
}

fn bulk(cx: &Cx, clause: &Clause) -> Bulk {
    let l = cx.lang;
    let value = if cx.form.text("result").is_empty() { Verdict::Pass.as_str() } else { cx.form.text("result") };
    let reason = cx.form.text("reason");
    Bulk {
        action: format!("/baseline/items/{}", encode(&clause.item)),
        fields: html! {
            (form::select(&Field { name: "result", label: text::graded_result(l), value, ..Field::default() }, &Verdict::ALL.map(|v| (v.as_str(), word(l, v)))))
            (form::input(&Field { name: "reason", label: text::graded_reason(l), value: reason, longest: 600, ..Field::default() }))
        },
        buttons: vec![("answer", text::graded_answer_do(l))],
    }
}
