//! Files of graded protection: the record sheet to take away, configurations and results of hosts to hand in, and the
//! record sheet that somebody filled in. Everything works as a plain form; what was handed in is told file by file.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use super::{verdict, word};
use crate::baseline::dialect::Dialect;
use crate::config::import::{MAX_FILE, Words};
use crate::console::api::call::Needs;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::dropped::{self, Done, Fate, File, How, MAX_FILES, Told};
use crate::console::record_sheet::filled::{self, Preview};
use crate::console::record_sheet::{Format, named};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::List;
use crate::console::web::ui::{self, Tone};
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;
use crate::model::{AssetId, Object};

/// The largest upload: what a console takes at once, and the form around it.
pub const BODY: usize = MAX_FILE + (64 << 10);
/// Answers of a preview that are shown; the rest is counted.
const SHOWN: usize = 500;

/// What stands beside the title of the record sheet.
pub(super) fn links(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    html! {
        @for format in Format::ALL {
            a.button href=(list.url(&[("format", format.as_str())])) download { (ui::icon("down")) (text::sheet_as(l, format.as_str().to_uppercase())) } " "
        }
        @if Needs::Security.lets(&cx.actor()) { a.button href="/baseline/files" { (text::sheet_hand_in(l)) } }
    }
}

/// `GET /baseline/files`
pub async fn page(cx: Cx) -> Answer {
    Ok(show(&cx, &Filled::default()))
}

fn show(cx: &Cx, filled: &Filled) -> Response {
    let l = cx.lang;
    let taken = cx.query.get("taken").and_then(|n| n.parse::<u64>().ok());
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l))]))
        (ui::heading(text::sheet_files(l), html! {}))
        (filled.wrong.note(cx))
        @if let Some(taken) = taken { (ui::note(Tone::Good, html! { (text::sheet_taken(l, taken)) })) }
        div.cards.two {
            (configurations(cx, filled))
            section.card {
                h2 { (text::sheet_back(l)) }
                p { (text::sheet_back_about(l)) }
                form method="post" action="/baseline/files/answers" enctype="multipart/form-data" {
                    (form::csrf(cx))
                    (form::file(&filled.must("file", text::sheet_file(l), text::sheet_file_help(l)), ".xlsx,.csv"))
                    button type="submit" { (text::sheet_look(l)) }
                }
            }
        }
    };
    layout::page(cx, Place::Baseline, text::sheet_files(l), inside)
}

fn configurations(cx: &Cx, filled: &Filled) -> Markup {
    let l = cx.lang;
    let mut languages = vec![("", text::sheet_recognised(l))];
    languages.extend(Dialect::ALL.map(|dialect| (dialect.as_str(), dialect.as_str())));
    let error = filled.wrong.fields.get("configurations");
    html! {
        section.card {
            h2 { (text::sheet_configurations(l)) }
            p { (text::sheet_configurations_about(l)) }
            form method="post" action="/baseline/files" enctype="multipart/form-data" {
                (form::csrf(cx))
                div.field.wrong[error.is_some()] {
                    label for="f-configurations" { (text::sheet_drop(l)) span.must title="*" { " *" } }
                    input.drop #f-configurations name="configurations" type="file" multiple required aria-describedby="h-configurations" aria-invalid=[error.map(|_| "true")];
                    p.help #h-configurations { (text::sheet_drop_help(l, MAX_FILES)) }
                    @if let Some(error) = error { p.error { (ui::icon("cross")) " " (error) } }
                }
                (form::select(&Field { name: "dialect", label: text::sheet_dialect(l), value: filled.get("dialect"), ..Field::default() }, &languages))
                button.primary type="submit" { (text::sheet_judge(l)) }
            }
        }
    }
}

/// `POST /baseline/files`: files, or whose those are that waited.
pub async fn hand_in(cx: Cx) -> Answer {
    let l = cx.lang;
    if let Some(token) = cx.form.get("token") {
        return whose(&cx, token).await;
    }
    let files = cx.uploads.iter().filter(|u| u.field == "configurations" && !u.bytes.is_empty());
    let files: Vec<File> = files.map(|u| File::new(&u.name, u.bytes.clone())).collect();
    let mut again = Filled::sent(&cx, &["dialect"]);
    if files.is_empty() {
        again.wrong = Wrong::field("configurations", text::import_no_file(l));
        return Ok(wrong(show(&cx, &again)));
    }
    let how = How { dialect: Dialect::parse(cx.form.text("dialect")), ..How::default() };
    match dropped::take(&cx.service, &cx.actor(), files, how).await {
        Ok(done) => Ok(told(&cx, &done, None)),
        Err(problem) if problem.status.is_client_error() => {
            let mut said = cx.problem(&problem).to_owned();
            problem.errors.iter().take(5).for_each(|line| said = format!("{said}\n{line}"));
            again.wrong = Wrong::field("configurations", said);
            Ok(wrong(show(&cx, &again)))
        }
        Err(problem) => Err(problem),
    }
}

/// What a person said about what waits: nothing of it is kept if an asset is not known.
async fn whose(cx: &Cx, token: &str) -> Answer {
    let (_, inventory) = cx.service.store.inventory();
    let mut chosen = BTreeMap::new();
    for (name, value) in cx.form.0.iter().filter(|(_, value)| !value.trim().is_empty()) {
        let Some(at) = name.strip_prefix("asset").and_then(|at| at.parse::<usize>().ok()) else { continue };
        let asset = AssetId::new(value.trim()).ok().filter(|asset| seen(cx, &inventory, asset));
        let Some(asset) = asset else {
            let problem = Problem::unknown("资产", "asset", value.trim());
            let done = dropped::assign(&cx.service, &cx.actor(), token, &BTreeMap::new()).await?;
            return Ok(wrong(told(cx, &done, Some(&problem))));
        };
        chosen.insert(at, asset);
    }
    let done = dropped::assign(&cx.service, &cx.actor(), token, &chosen).await?;
    Ok(told(cx, &done, None))
}

fn seen(cx: &Cx, inventory: &Inventory, asset: &AssetId) -> bool {
    inventory.assets.contains_key(asset) && cx.service.store.sees(&cx.scope(), &Object::Asset(asset.clone()))
}

/// What became of each file.
fn told(cx: &Cx, done: &Done, problem: Option<&Problem>) -> Response {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let of = |wanted: fn(&Fate) -> bool| done.told.iter().filter(|told| wanted(&told.fate)).count();
    let taken = of(|fate| matches!(fate, Fate::Taken(_)));
    let (waits, refused) = (of(|fate| matches!(fate, Fate::Waits(..))), of(|fate| matches!(fate, Fate::Refused(_))));
    let rows = html! {
        div.scroll tabindex="0" { table.grid {
            thead { tr { th scope="col" { (text::sheet_file(l)) } th scope="col" { (text::sheet_calls_itself(l)) } th scope="col" { (text::sheet_counts(l)) } th scope="col" { (text::graded_asset(l)) } } }
            tbody { @for one in &done.told { (told_one(cx, &inventory, one)) } }
        } }
    };
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l)), ("/baseline/files", text::sheet_files(l))]))
        (ui::heading(text::sheet_told(l), html! { a.button href="/baseline/files" { (text::sheet_more(l)) } }))
        @if let Some(problem) = problem { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        @if taken > 0 { (ui::note(Tone::Good, html! { (text::sheet_told_taken(l, taken)) })) }
        @if waits > 0 { (ui::note(Tone::Warn, html! { (text::sheet_told_waits(l, waits)) })) }
        @if refused > 0 { (ui::note(Tone::Bad, html! { (text::sheet_told_refused(l, refused)) })) }
        @if let Some(token) = &done.token {
            form method="post" action="/baseline/files" {
                (form::csrf(cx))
                input type="hidden" name="token" value=(token);
                (rows)
                datalist #d-assets {
                    @for asset in inventory.assets.values().filter(|asset| seen(cx, &inventory, &asset.id)) { option value=(asset.id) { (asset.name) } }
                }
                div.act { button.primary type="submit" { (text::sheet_assign(l)) } }
            }
        } @else { (rows) }
    };
    layout::page(cx, Place::Baseline, text::sheet_told(l), inside)
}

fn told_one(cx: &Cx, inventory: &Inventory, told: &Told) -> Markup {
    let l = cx.lang;
    let counted = Verdict::ALL.into_iter().filter(|v| told.counts.get(*v) > 0);
    html! {
        tr {
            td { (told.file) }
            td { (ui::or_none(&told.name)) @if !told.os.is_empty() { div.under { (told.os) } } @if !told.complete && !told.os.is_empty() { div.under { (text::sheet_not_whole(l)) } } }
            td { @for v in counted { (verdict(l, v)) " " (told.counts.get(v)) " " } }
            td {
                @match &told.fate {
                    Fate::Taken(asset) => { a href={ "/baseline/" (encode(asset.as_str())) } { (named(inventory, asset)) } }
                    Fate::Waits(at, all) => {
                        label for={ "a-" (at) } { (if all.is_empty() { text::sheet_nobody(l).to_owned() } else { text::sheet_several(l, all.iter().map(AssetId::as_str).collect::<Vec<_>>().join(l.pick("、", ", "))) }) }
                        input id={ "a-" (at) } name={ "asset" (at) } list="d-assets" maxlength="64" autocomplete="off";
                    }
                    Fate::Refused(why) => { span.error { (ui::icon("cross")) " " (words(l, why)) } }
                }
            }
        }
    }
}

fn words(l: Lang, words: &Words) -> &str {
    l.pick(&words.zh, &words.en)
}

/// `POST /baseline/files/answers`
pub async fn upload(cx: Cx) -> Answer {
    let Some(file) = cx.uploads.iter().find(|u| u.field == "file" && !u.bytes.is_empty()) else {
        let filled = Filled { wrong: Wrong::field("file", text::import_no_file(cx.lang)), ..Filled::default() };
        return Ok(wrong(show(&cx, &filled)));
    };
    match filled::preview(&cx.service, &cx.actor(), &file.name, file.bytes.clone()).await {
        Ok(preview) => Ok(redirect(&format!("/baseline/files/answers/{}", preview.token))),
        Err(problem) if problem.status.is_client_error() => {
            let filled = Filled { wrong: Wrong::field("file", cx.problem(&problem).to_owned()), ..Filled::default() };
            Ok(wrong(show(&cx, &filled)))
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /baseline/files/answers/{token}`
pub async fn preview(cx: Cx) -> Answer {
    let preview = filled::again(&cx.service, &cx.actor(), cx.part("token")).await?;
    Ok(show_preview(&cx, &preview, None))
}

/// `POST /baseline/files/answers/{token}`
pub async fn apply(cx: Cx) -> Answer {
    match filled::apply(&cx.service, &cx.actor(), cx.part("token"), None).await {
        Ok(count) => Ok(redirect(&format!("/baseline/files?taken={count}"))),
        Err(problem) if problem.status.is_client_error() => {
            // Looked at anew right away: what stands on the page is what the next press takes.
            let preview = filled::again(&cx.service, &cx.actor(), cx.part("token")).await?;
            Ok(wrong(show_preview(&cx, &preview, Some(&problem))))
        }
        Err(problem) => Err(problem),
    }
}

fn show_preview(cx: &Cx, preview: &Preview, refused: Option<&Problem>) -> Response {
    let l = cx.lang;
    let title = text::import_preview_title(l, preview.file.clone());
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l)), ("/baseline/files", text::sheet_files(l))]))
        (ui::heading(&title, html! { a.button href="/baseline/files" { (text::import_other(l)) } }))
        @if let Some(problem) = refused { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        p { (text::sheet_preview(l, preview.given.len(), preview.same, preview.blank)) }
        @if preview.faults > 0 {
            (ui::note(Tone::Bad, html! { (text::sheet_preview_bad(l, preview.faults)) }))
            (faults(l, preview))
        } @else if preview.takes() {
            form method="post" action={ "/baseline/files/answers/" (encode(&preview.token)) } {
                (form::csrf(cx))
                div.act { button.primary type="submit" { (text::sheet_take(l, preview.given.len())) } }
            }
        } @else { (ui::note(Tone::Info, html! { (text::sheet_nothing(l)) })) }
        @if !preview.given.is_empty() { (given(l, preview)) }
    };
    layout::page(cx, Place::Baseline, &title, inside)
}

fn faults(l: Lang, preview: &Preview) -> Markup {
    html! {
        div.scroll tabindex="0" { table.grid {
            thead { tr { th scope="col" { (text::sheet_tab(l)) } th.number scope="col" { (text::import_row(l)) } th scope="col" { (text::import_where(l)) } th scope="col" { (text::import_value(l)) } th scope="col" { (text::import_reason(l)) } } }
            tbody { @for wrong in &preview.wrong {
                tr.major {
                    td { (ui::or_none(&wrong.tab)) }
                    td.number { (wrong.row) }
                    td { (ui::or_none(&wrong.fault.heading)) }
                    td { (ui::or_none(&wrong.fault.value)) }
                    td { strong { (words(l, &wrong.fault.what)) } (l.pick("；", "; ")) (words(l, &wrong.fault.remedy)) }
                }
            } }
        } }
        @if preview.faults > preview.wrong.len() { p.help { (text::sheet_and_more(l, preview.faults - preview.wrong.len())) } }
    }
}

fn given(l: Lang, preview: &Preview) -> Markup {
    html! {
        div.scroll tabindex="0" { table.grid {
            thead { tr { th.number scope="col" { (text::import_row(l)) } th scope="col" { (text::graded_asset(l)) } th scope="col" { (text::sheet_item(l)) } th scope="col" { (text::graded_before(l)) } th scope="col" { (text::graded_after(l)) } } }
            tbody { @for one in preview.given.iter().take(SHOWN) {
                tr {
                    td.number { (one.row) }
                    td { (one.name) div.under { code { (one.answer.asset) } } }
                    td { code { (one.answer.target) } }
                    td { @match &one.before { Some((result, reason)) => { del { (word(l, *result)) " " (reason) } } None => (ui::none()) } }
                    td { (verdict(l, one.answer.result)) " " (one.answer.reason) }
                }
            } }
        } }
        @if preview.given.len() > SHOWN { p.help { (text::sheet_and_more(l, preview.given.len() - SHOWN)) } }
    }
}
