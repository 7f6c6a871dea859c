//! The self-check report (自查报告) of one graded system: what is filed and due, what it comes to raw and with waivers, its
//! control points, the worst that was found with the lines that prove it, what changed and who changed it, and the
//! waivers that stand. It is made to be printed, and says on top what it is not.

use maud::{Markup, html};

use super::grid::{areas, both};
use super::{View, age, named, number, one, system_of, systems, verdict, views, waivers};
use crate::baseline::due::{self, Stage};
use crate::baseline::score::{self, Counts, Said};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::record_sheet::day;
use crate::console::store::{ChangeRow, FindingRow};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::list::List;
use crate::console::web::ui::words::verdict as word;
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::AssetId;
use crate::model::finding::Verdict;
use crate::model::inventory::{Inventory, System};

/// Hidden dangers with their evidence; the list has the rest.
const DANGERS: usize = 30;
/// Changes shown, and of each asset at most.
const CHANGES: usize = 100;
/// How far back changes are told.
const RECENT: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);
/// Assets that a note names.
const NAMED: usize = 8;

/// `GET /baseline/report`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, &["id"], &["system"]);
    let (_, inventory) = cx.service.store.inventory();
    let system = system_of(&inventory, &list).and_then(|id| inventory.systems.get(&id));
    let system = system.filter(|system| systems::seen(&cx, system));
    let title = system.map_or_else(
        || text::selfcheck_title(l).to_owned(),
        |system| text::selfcheck_title_of(l, system.name.as_str()),
    );
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l))]))
        (ui::heading(&title, html! { @if system.is_some() { button.primary type="button" data-print { (text::incident_notice_print(l)) } } }))
        (views(l, View::Report, system.map(|system| &system.id)))
        @match system {
            Some(system) => (ui::live(&cx, "report", &[Topic::Baseline, Topic::Inventory], of(&cx, &inventory, system).await?)),
            None => {
                p { (text::selfcheck_choose(l)) }
                @let table = systems::table(&cx, &inventory, "/baseline/report");
                @if table.0.is_empty() { section.card { (ui::empty(text::selfcheck_no_system(l), html! { (text::graded_nothing_advice(l)) })) } }
                (table)
            }
        }
    };
    Ok(layout::page(&cx, Place::Baseline, &title, inside))
}

async fn of(cx: &Cx, inventory: &Inventory, system: &System) -> Result<Markup, Problem> {
    let l = cx.lang;
    let (store, scope) = (&cx.service.store, cx.scope());
    let matrix = graded::matrix(store, &scope, Some(&system.id), cx.now).await?;
    let assets: Vec<AssetId> = matrix.rows.iter().map(|row| row.asset.clone()).collect();
    let results = store.findings(&scope, assets.clone(), false).await?;
    let granted = store.waivers().await?;
    let standing = waivers::standing_for(inventory, &results, &granted, cx.now);
    let changes = store.finding_changes_since(&scope, assets, cx.now.minus(RECENT), CHANGES).await?;
    let dangers = dangers(&matrix);
    let shown = || dangers.iter().take(DANGERS);
    let mut needed: Vec<AssetId> = shown().map(|(row, _)| row.asset.clone()).collect();
    needed.sort_unstable();
    needed.dedup();
    let items = shown().map(|(_, said)| said.item.clone()).collect();
    let proofs = store.findings_of(&scope, needed, items).await?;
    Ok(html! {
        p.help { strong { (text::selfcheck_only(l)) } " " (text::sheet_made(l, day(cx.now, &cx.zone))) }
        (loud(cx, inventory, &matrix))
        (due_note(cx, system))
        section.card { (facts(cx, inventory, system, &matrix)) }
        section.card { (super::figures_of(l, &matrix)) }
        (points(cx, &matrix))
        section.card {
            h2 { (text::selfcheck_dangers(l)) }
            @if dangers.is_empty() { p { (text::selfcheck_no_dangers(l)) } } @else {
                (danger_table(cx, inventory, &dangers, &proofs))
                @if dangers.len() > DANGERS {
                    p { a href={ "/baseline?view=list&result=fail&system=" (encode(system.id.as_str())) } { (text::selfcheck_more(l, dangers.len() - DANGERS)) } }
                }
            }
        }
        section.card {
            h2 { (text::selfcheck_changes(l)) }
            @if changes.is_empty() { p { (text::selfcheck_no_changes(l)) } } @else { (change_table(cx, inventory, &matrix, &changes)) }
        }
        section.card {
            h2 { (text::waiver_title(l)) }
            @if standing.is_empty() { p { (text::selfcheck_no_waivers(l)) } } @else { (waivers::listed(cx, inventory, &standing)) }
        }
    })
}

/// A run in which most says nothing is no good result, and says so before any figure.
fn loud(cx: &Cx, inventory: &Inventory, matrix: &Matrix) -> Markup {
    let l = cx.lang;
    let cells = Counts::of(matrix.rows.iter().flat_map(|row| &row.items).map(|on| on.raw));
    let checks = Counts::of(matrix.rows.iter().flat_map(|row| &row.said).map(|said| said.found));
    let names = |rows: &[&AssetRow]| {
        let shown: Vec<String> = rows.iter().take(NAMED).map(|row| named(inventory, &row.asset)).collect();
        shown.join(l.pick("、", ", ")) + if rows.len() > NAMED { "…" } else { "" }
    };
    let never: Vec<&AssetRow> = matrix.rows.iter().filter(|row| row.inspected.is_none()).collect();
    let silent: Vec<&AssetRow> = matrix.rows.iter().filter(|row| row.loud()).collect();
    html! {
        @if cells.loud() || checks.loud() { (ui::note(Tone::Bad, html! { strong { (text::selfcheck_loud(l)) } })) }
        @if !never.is_empty() { (ui::note(Tone::Warn, html! { (text::graded_never_these(l, never.len(), names(&never))) })) }
        @if !silent.is_empty() { (ui::note(Tone::Warn, html! { (text::graded_loud(l, silent.len(), names(&silent))) })) }
    }
}

/// The reminder of the next assessment, as the incident `baseline-due` has it.
fn due_note(cx: &Cx, system: &System) -> Markup {
    let l = cx.lang;
    let next = due::next(system, cx.now, &cx.zone);
    html! {
        @if let Some(next) = next {
            @if let Some(stage) = Stage::of(next.days) {
                (ui::note(if stage >= Stage::Week { Tone::Bad } else { Tone::Warn }, html! {
                    (text::selfcheck_due(l, next.date.as_str())) " " (systems::left(cx, next.days)) " "
                    a href="/runbooks/baseline-due" { (text::selfcheck_what_to_do(l)) }
                }))
            }
        }
    }
}

fn facts(cx: &Cx, inventory: &Inventory, system: &System, matrix: &Matrix) -> Markup {
    let l = cx.lang;
    let owner = system.owner.as_ref().and_then(|id| inventory.organisations.get(id));
    let filing = &system.filing;
    let newest = matrix.rows.iter().filter_map(|row| row.inspected.as_ref()).map(|row| row.at).max();
    let oldest = matrix.rows.iter().filter_map(|row| row.inspected.as_ref()).map(|row| row.at).min();
    let next = due::next(system, cx.now, &cx.zone);
    ui::facts(&[
        (text::graded_system(l), html! { (system.name) }),
        (text::sheet_level_head(l), html! { (system.level) }),
        (text::selfcheck_owner(l), html! { (ui::or_none(owner.map_or("", |owner| owner.name.as_str()))) }),
        (text::sheet_filing(l), ui::or_none(&filing.number)),
        (text::sheet_filed(l), ui::or_none(filing.filed.as_deref().unwrap_or_default())),
        (text::sheet_assessed(l), ui::or_none(filing.last_assessed.as_deref().unwrap_or_default())),
        (
            text::sheet_next(l),
            html! { @match &next { Some(next) => { (next.date) " " (systems::left(cx, next.days)) } None => (text::sheet_next_unknown(l)) } },
        ),
        (text::selfcheck_assets(l), html! { (matrix.rows.len()) }),
        (text::selfcheck_newest(l), time::maybe(cx, newest)),
        (text::selfcheck_oldest(l), time::maybe(cx, oldest)),
    ])
}

/// Control points, with how many of their items on assets are what.
fn points(cx: &Cx, matrix: &Matrix) -> Markup {
    let l = cx.lang;
    let rows = matrix.points().into_iter().map(|(point, items)| {
        let clause = items.first().and_then(|at| matrix.items.get(*at));
        let shown = clause.map_or(point, |clause| score::point(number(clause, matrix.level)));
        let area = clause.map_or(graded::AREAS.len(), |clause| graded::area(&clause.item));
        let cells = matrix.rows.iter().flat_map(|row| items.iter().filter_map(|at| row.items.get(*at)));
        let (zh, en) = graded::point_words(point);
        (shown, l.pick(zh, en), area, items.len(), Counts::of(cells.map(|on| on.raw)), matrix.merged(&items))
    });
    let names = areas(l);
    html! {
        section.card {
            h2 { (text::selfcheck_points(l)) }
            div.scroll tabindex="0" role="region" aria-label=(text::selfcheck_points(l)) { table.grid {
                thead { tr {
                    th scope="col" { (text::item_point(l)) } th.wide scope="col" { (text::grid_area(l)) } th.number scope="col" { (text::selfcheck_items(l)) }
                    th scope="col" { (text::graded_raw(l)) " → " (text::graded_with_waivers(l)) }
                    @for v in Verdict::ALL { th.number.wide scope="col" { (word(l, v)) } }
                } }
                tbody { @for (number, name, area, items, counts, merged) in rows {
                    tr {
                        th scope="row" { span.mono { (number) } " " (name) }
                        td.wide { (names.get(area).copied().unwrap_or_default()) }
                        td.number { (items) }
                        td { (both(l, merged.raw, merged.adjusted)) }
                        @for v in Verdict::ALL { td.number.wide { (counts.get(v)) } }
                    }
                } }
            } }
            p.help { (text::selfcheck_points_help(l)) }
        }
    }
}

/// What failed, the worst first: what may be a major hazard, then by weight; what is waived stands behind.
fn dangers(matrix: &Matrix) -> Vec<(&AssetRow, &Said)> {
    let mut all: Vec<(&AssetRow, &Said)> = matrix
        .rows
        .iter()
        .flat_map(|row| row.said.iter().filter(|said| said.raw() == Verdict::Fail).map(move |said| (row, said)))
        .collect();
    all.sort_by_key(|(_, said)| (said.waived, std::cmp::Reverse((said.major, said.weight)), said.check.clone()));
    all
}

fn danger_table(cx: &Cx, inventory: &Inventory, dangers: &[(&AssetRow, &Said)], proofs: &[FindingRow]) -> Markup {
    let l = cx.lang;
    let proof = |row: &AssetRow, said: &Said| {
        proofs.iter().find(|proof| proof.asset == row.asset && proof.check == said.check)
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::selfcheck_dangers(l)) { table.grid.graded {
            thead { tr { th scope="col" { (text::graded_asset(l)) } th scope="col" { (text::graded_check(l)) } th scope="col" { (text::graded_record(l)) } th scope="col" { (text::graded_since(l)) } } }
            tbody { @for (row, said) in dangers.iter().take(DANGERS) {
                @let proof = proof(row, said);
                @let finding = proof.and_then(|proof| proof.finding.as_ref());
                tr {
                    td { a href={ "/baseline/" (encode(row.asset.as_str())) "#" (said.check) } { (named(inventory, &row.asset)) } }
                    td {
                        span.mono { (said.check) } " " (finding.map_or("", |f| l.pick(&f.title.zh, &f.title.en)))
                        div { @if said.major { (badge::toned(Tone::Bad, text::selfcheck_major(l))) " " } @if said.waived { (badge::mark(text::graded_waived(l))) } }
                        div.under.mono { (said.item) }
                    }
                    td { @if let Some(finding) = finding { p { (l.pick(&finding.record.zh, &finding.record.en)) } (one::evidence(finding)) } }
                    td { (time::maybe(cx, proof.map(|proof| proof.changed))) }
                }
            } }
        } }
    }
}

fn change_table(cx: &Cx, inventory: &Inventory, matrix: &Matrix, changes: &[(AssetId, ChangeRow)]) -> Markup {
    let l = cx.lang;
    // What the newest look at an asset found is what changed since the check before it.
    let newest = |asset: &AssetId, change: &ChangeRow| {
        let row = matrix.rows.iter().find(|row| row.asset == *asset);
        row.and_then(|row| row.inspected.as_ref()).is_some_and(|inspected| change.at >= inspected.at)
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::selfcheck_changes(l)) { table.grid {
            thead { tr { th scope="col" { (text::graded_when(l)) } th scope="col" { (text::graded_asset(l)) } th scope="col" { (text::graded_check(l)) } th scope="col" { (text::graded_before(l)) } th scope="col" { (text::graded_after(l)) } th scope="col" { (text::graded_changed_by(l)) } th scope="col" { (text::graded_cause(l)) } } }
            tbody { @for (asset, change) in changes.iter().take(CHANGES) {
                tr {
                    td { (time::at(cx, change.at)) @if newest(asset, change) { " " (badge::mark(text::selfcheck_last_look(l))) } }
                    td { a href={ "/baseline/" (encode(asset.as_str())) "/states" } { (named(inventory, asset)) } }
                    td.mono { (change.check) }
                    td { (verdict(l, change.before)) }
                    td { (verdict(l, change.after)) }
                    td { (one::who(l, &change.by)) }
                    td { (one::cause(l, &change.cause)) }
                }
            } }
        } }
        @if changes.len() > CHANGES { p.help { (text::sheet_and_more(l, changes.len() - CHANGES)) } }
        @let old = matrix.rows.iter().filter(|row| row.inspected.is_some()).map(|row| (named(inventory, &row.asset), age(cx, row)));
        details { summary { (text::selfcheck_looks(l)) } ul.plain { @for (name, age) in old { li { (name) " " (age) } } } }
    }
}
