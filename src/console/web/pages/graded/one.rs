//! One asset under graded protection: its items with the lines that prove them, the person's answer to each, what
//! changed and who changed it.

use maud::{Markup, html};

use super::{named, number, verdict, waivers, word};
use crate::baseline::policy::Clause;
use crate::baseline::score::OnAsset;
use crate::console::api::call::Needs;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Role};
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::store::{ChangeRow, FindingRow, SnapshotRow, UNKNOWN, judged_as_here};
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::finding::{Finding, Origin, Part, Verdict};
use crate::model::waiver::{Answer as Answered, Waiver};
use crate::model::{AssetId, Object};

/// Changes shown.
const SHOWN: usize = 50;

/// All that the page shows.
struct Known {
    matrix: Matrix,
    findings: Vec<FindingRow>,
    answers: Vec<Answered>,
    waivers: Vec<Waiver>,
    changes: Vec<ChangeRow>,
    states: Vec<SnapshotRow>,
}

/// `GET /baseline/{asset}`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None).await
}

/// `POST /baseline/{asset}`: what a person found.
pub async fn answer(cx: Cx) -> Answer {
    let asset = asset_of(&cx)?;
    let target = cx.form.text("target").to_owned();
    let reason = cx.form.text("reason").to_owned();
    let result = Verdict::parse(cx.form.text("result")).unwrap_or(Verdict::Manual);
    let (by, at) = (String::new(), cx.service.clock.wall());
    let given = Answered { asset: asset.clone(), target: target.clone(), result, reason, by, at };
    match cx.command(None, Command::Answers(vec![given])).await {
        Ok(_) => Ok(redirect(&format!("/baseline/{}#{}", encode(asset.as_str()), encode(&target)))),
        Err(problem) => refused(show(&cx, Some(&problem)).await, &problem),
    }
}

pub(super) fn asset_of(cx: &Cx) -> Result<AssetId, Problem> {
    let unknown = || Problem::unknown("资产", "asset", cx.part("asset"));
    let asset = AssetId::new(cx.part("asset")).map_err(|_| unknown())?;
    let (_, inventory) = cx.service.store.inventory();
    let seen = cx.service.store.sees(&cx.scope(), &Object::Asset(asset.clone()));
    if seen && inventory.assets.contains_key(&asset) { Ok(asset) } else { Err(unknown()) }
}

async fn show(cx: &Cx, problem: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let asset = asset_of(cx)?;
    let (store, scope) = (&cx.service.store, cx.scope());
    let (_, inventory) = store.inventory();
    let now = cx.service.clock.wall();
    let known = Known {
        matrix: graded::of_asset(store, &scope, &asset, now).await?,
        findings: store.findings(&scope, vec![asset.clone()], true).await?,
        answers: store.answers(&scope, vec![asset.clone()]).await?,
        waivers: store.waivers().await?,
        changes: store.finding_changes(&scope, &asset).await?,
        states: store.snapshots(&scope, &asset).await?,
    };
    let title = named(&inventory, &asset);
    let row = known.matrix.rows.first();
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l))]))
        (ui::heading(&title, html! {
            @if !known.states.is_empty() { a.button href={ "/baseline/" (encode(asset.as_str())) "/states" } { (text::graded_states(l)) } }
            a.button href={ "/assets/" (encode(asset.as_str())) } { (text::graded_to_asset(l)) }
        }))
        @if let Some(problem) = problem { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        (ui::live(cx, "asset", &[Topic::Baseline], html! {
            section.card { (looked_at(cx, row)) }
            (history(cx, &asset, &known))
            @if let Some(row) = row {
                @for (clause, on) in known.matrix.items.iter().zip(&row.items) { (item(cx, &asset, &known, clause, on)) }
            }
        }))
    };
    Ok(layout::page(cx, Place::Baseline, &title, inside))
}

fn looked_at(cx: &Cx, row: Option<&AssetRow>) -> Markup {
    let l = cx.lang;
    let Some(inspected) = row.and_then(|row| row.inspected.as_ref()) else {
        return ui::empty(text::graded_never(l), html! { (text::graded_nothing_advice(l)) });
    };
    html! {
        (ui::facts(&[
            (text::graded_taken(l), time::at(cx, inspected.at)),
            (text::graded_source(l), html! { (inspected.source) " (" (from(l, inspected.origin)) ")" }),
            (text::graded_os(l), html! { (inspected.os) " " (inspected.version) }),
            (text::graded_profile(l), html! { (inspected.profile) }),
            (text::graded_hash(l), html! { span.mono { (ui::or_none(&inspected.sha256)) } }),
        ]))
        @if !inspected.complete && !inspected.sha256.is_empty() { (ui::note(Tone::Warn, html! { (text::graded_incomplete(l)) })) }
        @if !judged_as_here(&inspected.policy) { (ui::note(Tone::Info, html! { (text::graded_other_policy(l)) })) }
        @if row.is_some_and(AssetRow::loud) { (ui::note(Tone::Warn, html! { (text::graded_loud_one(l)) })) }
    }
}

pub(super) const fn from(l: Lang, origin: Origin) -> &'static str {
    match origin {
        Origin::Ssh => text::graded_from_ssh(l),
        Origin::Watched => text::graded_from_watched(l),
        Origin::Dropped => text::graded_from_dropped(l),
        Origin::Host => text::graded_from_host(l),
        Origin::Imported => text::graded_from_imported(l),
    }
}

pub(super) const fn part(l: Lang, part: Part) -> &'static str {
    match part {
        Part::Running => text::graded_running(l),
        Part::Startup => text::graded_startup(l),
    }
}

fn item(cx: &Cx, asset: &AssetId, known: &Known, clause: &Clause, on: &OnAsset) -> Markup {
    let l = cx.lang;
    let findings: Vec<&FindingRow> = known.findings.iter().filter(|row| row.item == clause.item).collect();
    let answer = known.answers.iter().find(|a| a.target == clause.item);
    html! {
        section.card id=(clause.item) {
            h2 { a.mono href={ "/baseline/items/" (encode(&clause.item)) } { (number(clause, known.matrix.level)) } " " (l.pick(clause.words.zh.as_str(), clause.words.en.as_str())) }
            p {
                (verdict(l, on.raw))
                @if on.by_hand { " " (badge::mark(text::graded_by_hand(l))) }
                @if on.waived { " " (text::graded_with_waivers(l)) " " (verdict(l, on.adjusted)) }
                " " span.mono { (clause.item) }
            }
            @for row in &findings { (check(cx, asset, known, row)) }
            @if let Some(answer) = answer {
                p { strong { (text::graded_answer(l)) } " " (answer.reason) " " span.under { (answer.by) " " (time::at(cx, answer.at)) } }
            }
            @if cx.actor().role == Role::Security { (answer_form(cx, asset, clause, answer)) }
        }
    }
}

fn check(cx: &Cx, asset: &AssetId, known: &Known, row: &FindingRow) -> Markup {
    let l = cx.lang;
    let Some(finding) = &row.finding else { return html! {} };
    let (_, inventory) = cx.service.store.inventory();
    let waiver = graded::waiver(&inventory, row, &known.waivers, cx.service.clock.wall());
    html! {
        div.checked id=(row.check) {
            h3 { span.mono { (row.check) } " " (l.pick(finding.title.zh.as_str(), finding.title.en.as_str())) " " (verdict(l, row.result)) }
            p { (l.pick(finding.record.zh.as_str(), finding.record.en.as_str())) " " span.under { (text::graded_since(l)) " " (time::at(cx, row.changed)) } }
            @if !finding.block.is_empty() { p.mono { (finding.block) } }
            (evidence(finding))
            @if !finding.fix.is_empty() { p { strong { (text::graded_fix(l)) } } pre { (finding.fix) } }
            @if let Some(waiver) = waiver { (waived(cx, waiver)) }
            @else if matches!(row.result, Verdict::Fail | Verdict::Partial) && Needs::Security.lets(&cx.actor()) {
                p { a href=(waivers::grant_url(asset, &row.check)) { (text::waiver_grant(l)) } }
            }
        }
    }
}

/// The lines that prove a finding.
pub(super) fn evidence(finding: &Finding) -> Markup {
    html! {
        @if !finding.evidence.is_empty() {
            ul.plain { @for e in &finding.evidence { li.mono { (e.file) @if e.line_from > 0 { ":" (e.line_from) } " " (e.text) } } }
        }
    }
}

/// The waiver that stands for a result.
pub(super) fn waived(cx: &Cx, waiver: &Waiver) -> Markup {
    let l = cx.lang;
    ui::note(
        Tone::Info,
        html! {
            (text::graded_waived(l)) ": " (waiver.plea.reason)
            @if !waiver.plea.compensating.is_empty() { " / " (waiver.plea.compensating) }
            " (" (waiver.approver) ") " (text::graded_until(l)) " " (time::at(cx, waiver.plea.expires))
        },
    )
}

fn answer_form(cx: &Cx, asset: &AssetId, clause: &Clause, answer: Option<&Answered>) -> Markup {
    let l = cx.lang;
    let results = Verdict::ALL.map(|v| (v.as_str(), word(l, v)));
    let value = answer.map_or(Verdict::Pass, |a| a.result).as_str();
    let reason = answer.map(|a| a.reason.as_str()).unwrap_or_default();
    html! {
        details { summary { (text::graded_answer_do(l)) }
            form method="post" action={ "/baseline/" (encode(asset.as_str())) } {
                (form::csrf(cx))
                input type="hidden" name="target" value=(clause.item);
                (form::select(&Field { name: "result", label: text::graded_result(l), value, ..Field::default() }, &results))
                (form::area(&Field { name: "reason", label: text::graded_reason(l), help: text::graded_reason_help(l), value: reason, longest: 600, ..Field::default() }, 3))
                button type="submit" { (text::graded_answer_save(l)) }
            }
        }
    }
}

/// The newest state of the configuration with who changed it, and what changed of the results.
fn history(cx: &Cx, asset: &AssetId, known: &Known) -> Markup {
    let l = cx.lang;
    let path = format!("/baseline/{}/states", encode(asset.as_str()));
    html! {
        @if let Some(state) = known.states.first() {
            section.card {
                h2 { (text::graded_states(l)) }
                p {
                    (time::at(cx, state.at)) " " (part(l, state.part)) "; " (text::graded_changed_by(l)) " " (who(l, &state.by)) " " (state.by_at) " "
                    a href=(path) { (text::graded_compare(l)) " (" (known.states.len()) ")" }
                }
            }
        }
        @if !known.changes.is_empty() {
            section.card {
                h2 { (text::graded_changes(l)) }
                div.scroll tabindex="0" role="region" aria-label=(text::graded_changes(l)) { table.grid {
                    thead { tr { th scope="col" { (text::graded_when(l)) } th scope="col" { (text::graded_check(l)) } th scope="col" { (text::graded_before(l)) } th scope="col" { (text::graded_after(l)) } th scope="col" { (text::graded_changed_by(l)) } th scope="col" { (text::graded_cause(l)) } } }
                    tbody {
                        @for change in known.changes.iter().take(SHOWN) {
                            tr {
                                td { (time::at(cx, change.at)) }
                                td.mono { (change.check) }
                                td { (verdict(l, change.before)) }
                                td { (verdict(l, change.after)) }
                                td { (who(l, &change.by)) }
                                td { (cause(l, &change.cause)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Who changed a configuration; nobody may say so.
pub(super) fn who(l: Lang, by: &str) -> Markup {
    html! { @if by.is_empty() || by == UNKNOWN { (text::states_unknown(l)) } @else { (by) } }
}

/// Why a result is another.
pub(super) fn cause(l: Lang, cause: &str) -> &'static str {
    match cause {
        "configuration" => text::graded_cause_configuration(l),
        "policy" => text::graded_cause_policy(l),
        _ => text::graded_cause_look(l),
    }
}
