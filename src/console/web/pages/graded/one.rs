//! One asset under graded protection: its items with the lines that prove them, the person's answer to each, what
//! changed and the states of its configuration side by side.

use maud::{Markup, html};

use super::{named, number, verdict, word};
use crate::baseline::policy::Clause;
use crate::baseline::score::OnAsset;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Role};
use crate::console::graded::{self, AssetRow, Matrix};
use crate::console::store::{ChangeRow, FindingRow, SnapshotRow, judged_as_here};
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::finding::{Origin, Part, Verdict};
use crate::model::waiver::{Answer as Answered, Waiver};
use crate::model::{AssetId, Object};

/// Changes and states shown.
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
    let asset = asset(&cx)?;
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

fn asset(cx: &Cx) -> Result<AssetId, Problem> {
    let unknown = || Problem::unknown("资产", "asset", cx.part("asset"));
    let asset = AssetId::new(cx.part("asset")).map_err(|_| unknown())?;
    let (_, inventory) = cx.service.store.inventory();
    let seen = cx.service.store.sees(&cx.scope(), &Object::Asset(asset.clone()));
    if seen && inventory.assets.contains_key(&asset) { Ok(asset) } else { Err(unknown()) }
}

async fn show(cx: &Cx, problem: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let asset = asset(cx)?;
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
    let compared = compared(cx, &known.states).await?;
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l))]))
        (ui::heading(&title, html! { a.button href={ "/assets/" (encode(asset.as_str())) } { (text::graded_to_asset(l)) } }))
        @if let Some(problem) = problem { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        section.card { (looked_at(cx, row)) }
        @if let Some(row) = row {
            @for (clause, on) in known.matrix.items.iter().zip(&row.items) { (item(cx, &asset, &known, clause, on)) }
        }
        (compared)
        (history(cx, &asset, &known))
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

fn from(l: Lang, origin: Origin) -> &'static str {
    match origin {
        Origin::Ssh => text::graded_from_ssh(l),
        Origin::Watched => text::graded_from_watched(l),
        Origin::Dropped => text::graded_from_dropped(l),
        Origin::Host => text::graded_from_host(l),
        Origin::Imported => text::graded_from_imported(l),
    }
}

fn part(l: Lang, part: Part) -> &'static str {
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
            h2 { span.mono { (number(clause, known.matrix.level)) } " " (l.pick(clause.words.zh.as_str(), clause.words.en.as_str())) }
            p {
                (verdict(l, on.raw))
                @if on.by_hand { " " (badge::mark(text::graded_by_hand(l))) }
                @if on.waived { " " (text::graded_with_waivers(l)) " " (verdict(l, on.adjusted)) }
                " " span.mono { (clause.item) }
            }
            @for row in &findings { (check(cx, known, row)) }
            @if let Some(answer) = answer {
                p { strong { (text::graded_answer(l)) } " " (answer.reason) " " span.under { (answer.by) " " (time::at(cx, answer.at)) } }
            }
            @if cx.actor().role == Role::Security { (answer_form(cx, asset, clause, answer)) }
        }
    }
}

fn check(cx: &Cx, known: &Known, row: &FindingRow) -> Markup {
    let l = cx.lang;
    let Some(finding) = &row.finding else { return html! {} };
    let (_, inventory) = cx.service.store.inventory();
    let waiver = graded::waiver(&inventory, row, &known.waivers, cx.service.clock.wall());
    html! {
        div.checked id=(row.check) {
            h3 { span.mono { (row.check) } " " (l.pick(finding.title.zh.as_str(), finding.title.en.as_str())) " " (verdict(l, row.result)) }
            p { (l.pick(finding.record.zh.as_str(), finding.record.en.as_str())) " " span.under { (text::graded_since(l)) " " (time::at(cx, row.changed)) } }
            @if !finding.block.is_empty() { p.mono { (finding.block) } }
            @if !finding.evidence.is_empty() {
                ul.plain { @for e in &finding.evidence { li.mono { (e.file) @if e.line_from > 0 { ":" (e.line_from) } " " (e.text) } } }
            }
            @if !finding.fix.is_empty() { p { strong { (text::graded_fix(l)) } } pre { (finding.fix) } }
            @if let Some(waiver) = waiver {
                (ui::note(Tone::Info, html! {
                    (text::graded_waived(l)) ": " (waiver.plea.reason)
                    @if !waiver.plea.compensating.is_empty() { " / " (waiver.plea.compensating) }
                    " (" (waiver.approver) ") " (text::graded_until(l)) " " (time::at(cx, waiver.plea.expires))
                }))
            }
        }
    }
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

/// Two states side by side, if the address names them.
async fn compared(cx: &Cx, states: &[SnapshotRow]) -> Result<Markup, Problem> {
    let l: Lang = cx.lang;
    let wanted = |name: &str| states.iter().find(|state| cx.query.get(name) == Some(state.id.to_string().as_str()));
    let (Some(left), Some(right)) = (wanted("left"), wanted("right")) else { return Ok(html! {}) };
    let text_of = async |id| -> Result<String, Problem> {
        Ok(cx.service.store.snapshot(&cx.scope(), id).await?.map(|(_, text)| text).unwrap_or_default())
    };
    let lines = graded::diff(&right.os, &text_of(left.id).await?, &text_of(right.id).await?);
    let side = |line: &Option<(usize, String)>, mark: &'static str| {
        html! {
            td.number { @if let Some((number, _)) = line { (number) } }
            td.mono { @if let Some((_, text)) = line { (mark) (text) } }
        }
    };
    Ok(html! {
        section.card #diff {
            h2 { (text::graded_diff(l)) }
            @if lines.is_empty() { (ui::note(Tone::Good, html! { (text::graded_no_diff(l)) })) }
            @else {
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th colspan="2" { (time::at(cx, left.at)) " " (part(l, left.part)) } th colspan="2" { (time::at(cx, right.at)) " " (part(l, right.part)) } } }
                    tbody {
                        @for line in &lines {
                            tr { (side(&line.left, if line.same() { "  " } else { "- " })) (side(&line.right, if line.same() { "  " } else { "+ " })) }
                        }
                    }
                } }
            }
        }
    })
}

fn history(cx: &Cx, asset: &AssetId, known: &Known) -> Markup {
    let l = cx.lang;
    let older = |at: usize| {
        let state = known.states.get(at)?;
        known.states.iter().skip(at + 1).find(|other| other.part == state.part)
    };
    html! {
        @if !known.states.is_empty() {
            section.card {
                h2 { (text::graded_states(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::graded_taken(l)) } th { (text::graded_part(l)) } th { (text::graded_changed_by(l)) } th { (text::graded_hash(l)) } th {} } }
                    tbody {
                        @for (at, state) in known.states.iter().take(SHOWN).enumerate() {
                            tr {
                                td { (time::at(cx, state.at)) }
                                td { (part(l, state.part)) }
                                td { (ui::or_none(&state.by)) " " (state.by_at) }
                                td.mono { (state.sha256.get(..12).unwrap_or_default()) }
                                td { @if let Some(before) = older(at) {
                                    a href={ "/baseline/" (encode(asset.as_str())) "?left=" (before.id) "&right=" (state.id) "#diff" } { (text::graded_compare(l)) }
                                } }
                            }
                        }
                    }
                } }
            }
        }
        @if !known.changes.is_empty() {
            section.card {
                h2 { (text::graded_changes(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::graded_when(l)) } th { (text::graded_check(l)) } th { (text::graded_before(l)) } th { (text::graded_after(l)) } th { (text::graded_changed_by(l)) } th { (text::graded_cause(l)) } } }
                    tbody {
                        @for change in known.changes.iter().take(SHOWN) {
                            tr {
                                td { (time::at(cx, change.at)) }
                                td.mono { (change.check) }
                                td { (verdict(l, change.before)) }
                                td { (verdict(l, change.after)) }
                                td { (change.by) }
                                td { (match change.cause.as_str() {
                                    "configuration" => text::graded_cause_configuration(l),
                                    "policy" => text::graded_cause_policy(l),
                                    _ => text::graded_cause_look(l),
                                }) }
                            }
                        }
                    }
                } }
            }
        }
    }
}
