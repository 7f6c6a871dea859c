//! Importing a register: a sheet is sent, looked at column by column and row by row, and applied in one
//! transaction; an inventory file in TOML likewise. Nothing that came as a secret is shown: not in the preview,
//! not in the sheet of bad rows.

pub mod toml;

use axum::response::Response;
use maud::{Markup, html};

use crate::config::import::{
    self, Fault, Field as Meaning, MAX_COLUMNS, MAX_FILE, Mapping, RowAction, Words, template_xlsx,
};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::imports::{self, Preview};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::pages::declare::lists::tabs;
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::table::download;
use crate::console::web::ui::{self, Tone};

/// The largest upload: a file and the form around it.
pub const BODY: usize = MAX_FILE + (64 << 10);
/// Rows of a page of the preview.
const ROWS: usize = 100;
/// Things of a list that are named.
const MOST_NAMED: usize = 30;
/// The type of a workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const fn sheets(lang: Lang) -> import::Lang {
    match lang {
        Lang::Zh => import::Lang::Zh,
        Lang::En => import::Lang::En,
    }
}

fn words(lang: Lang, words: &Words) -> &str {
    lang.pick(&words.zh, &words.en)
}

/// `GET /import`
pub async fn page(cx: Cx) -> Answer {
    Ok(show(&cx, &Filled::default()))
}

/// The page to send files from.
fn show(cx: &Cx, filled: &Filled) -> Response {
    let l = cx.lang;
    let inside = html! {
        (tabs(cx, "/import"))
        (ui::heading(text::import_title(l), html! { a.button href="/import/template.xlsx" { (ui::icon("down")) (text::import_template(l)) } }))
        (filled.wrong.note(cx))
        div.cards.two {
            section.card {
                h2 { (text::import_sheet(l)) }
                p { (text::import_sheet_about(l)) }
                form method="post" action="/import" enctype="multipart/form-data" {
                    (form::csrf(cx))
                    (form::file(&filled.must("file", text::import_file(l), text::import_file_help(l)), ".xlsx,.csv,.txt,.tsv"))
                    button.primary type="submit" { (text::import_look(l)) }
                }
                details { summary { (text::import_headings(l)) }
                    p { (text::import_headings_about(l)) }
                    ul.fields { @for meaning in Meaning::all().filter(|m| *m != Meaning::Ignore) { li { (name_of(l, meaning)) @if meaning.is_secret() { " " (ui::badge::mark(text::import_secret(l))) } } } }
                }
            }
            section.card {
                h2 { (text::import_toml(l)) }
                p { (text::import_toml_about(l)) }
                form method="post" action="/import/toml" enctype="multipart/form-data" {
                    (form::csrf(cx))
                    (form::file(&filled.field("toml", text::import_toml_file(l), ""), ".toml"))
                    (form::area(&Field { longest: toml::LONGEST, ..filled.field("text", text::import_toml_text(l), text::import_toml_help(l)) }, 6))
                    button type="submit" { (text::import_look(l)) }
                }
                p { a href="/import/inventory.toml" { (text::import_export(l)) } }
            }
        }
    };
    layout::page(cx, Place::Import, text::import_title(l), inside)
}

/// What a column can mean, in the reader's language.
fn name_of(lang: Lang, meaning: Meaning) -> &'static str {
    if meaning == Meaning::Ignore {
        return text::import_ignore(lang);
    }
    lang.pick(meaning.zh(), meaning.en())
}

/// `POST /import`
pub async fn upload(cx: Cx) -> Answer {
    let Some(file) = cx.uploads.iter().find(|u| u.field == "file" && !u.bytes.is_empty()) else {
        let filled = Filled { wrong: Wrong::field("file", text::import_no_file(cx.lang)), ..Filled::default() };
        return Ok(wrong(show(&cx, &filled)));
    };
    let name: String = file.name.chars().filter(|c| !c.is_control()).take(120).collect();
    match imports::preview(&cx.service, &cx.actor(), &name, file.bytes.clone(), Mapping::new()).await {
        Ok(preview) => Ok(redirect(&format!("/import/{}", preview.token))),
        Err(problem) if problem.status.is_client_error() => {
            let filled = Filled { wrong: Wrong::field("file", cx.problem(&problem).to_owned()), ..Filled::default() };
            Ok(wrong(show(&cx, &filled)))
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /import/template.xlsx`
pub async fn template(cx: Cx) -> Answer {
    Ok(download(template_xlsx(sheets(cx.lang)), XLSX, "fengsui-inventory.xlsx"))
}

/// `GET /import/{token}/bad.xlsx`
pub async fn bad(cx: Cx) -> Answer {
    let bytes = imports::bad_rows(&cx.service, &cx.actor(), cx.part("token"), sheets(cx.lang)).await?;
    Ok(download(bytes, XLSX, "fengsui-bad-rows.xlsx"))
}

/// `GET /import/{token}`
pub async fn preview(cx: Cx) -> Answer {
    let preview = imports::again(&cx.service, &cx.actor(), cx.part("token"), None).await?;
    Ok(show_preview(&cx, &preview, None))
}

/// `POST /import/{token}/map`
pub async fn map(cx: Cx) -> Answer {
    let column =
        |name: &str| name.strip_prefix('c').and_then(|n| n.parse::<usize>().ok()).filter(|n| *n < MAX_COLUMNS);
    let mut mapping = Mapping::new();
    for (name, value) in &cx.form.0 {
        let (Some(column), Some(meaning)) = (column(name), Meaning::parse(value)) else { continue };
        // What a person left as it was found stays found: another file's heading may move it.
        let was = cx.form.text(&format!("was{column}")).to_owned();
        let by_hand = cx.form.text(&format!("hand{column}")) == "1";
        if by_hand || was != meaning.as_str() {
            mapping.insert(column, meaning);
        }
    }
    imports::again(&cx.service, &cx.actor(), cx.part("token"), Some(mapping)).await?;
    Ok(redirect(&format!("/import/{}?said=mapped", encode(cx.part("token")))))
}

/// `POST /import/{token}/apply`
pub async fn apply(cx: Cx) -> Answer {
    let token = cx.part("token");
    match imports::apply(&cx.service, &cx.actor(), token, None).await {
        Ok(done) => Ok(redirect(&format!(
            "/import/{}?said=applied&added={}&changed={}&bad={}&sealed={}",
            encode(token),
            done.added,
            done.changed,
            done.bad,
            done.secrets.len()
        ))),
        Err(problem) if problem.status == axum::http::StatusCode::CONFLICT => {
            // Looked at anew right away: what stands on the page is what the next press applies.
            let preview = imports::again(&cx.service, &cx.actor(), token, None).await?;
            Ok(wrong(show_preview(&cx, &preview, Some(&problem))))
        }
        Err(problem) => Err(problem),
    }
}

fn number(cx: &Cx, name: &str) -> u64 {
    cx.query.get(name).and_then(|n| n.parse().ok()).unwrap_or_default()
}

fn show_preview(cx: &Cx, preview: &Preview, refused: Option<&Problem>) -> Response {
    let l = cx.lang;
    let sheet = &preview.sheet;
    let (add, change, same, bad) = sheet.counts();
    let here = format!("/import/{}", encode(&preview.token));
    let title = text::import_preview_title(l, sheet.file.clone());
    let applied = cx.query.text("said") == "applied";
    let inside = html! {
        (ui::trail(&[("/import", text::import_title(l))]))
        (ui::heading(&title, html! { a.button href="/import" { (text::import_other(l)) } }))
        @if let Some(problem) = refused { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        @if applied {
            (ui::note(Tone::Good, html! {
                p { strong { (text::import_applied(l, number(cx, "added"), number(cx, "changed"))) } }
                @if number(cx, "sealed") > 0 { p { (text::import_applied_sealed(l, number(cx, "sealed"))) } }
                @if number(cx, "bad") > 0 { p { (text::import_applied_bad(l, number(cx, "bad"))) } }
                p { a href="/assets" { (text::setup_assets_look(l)) } " · " a href="/setup/links" { (text::setup_links(l)) } " · " a href="/audit" { (text::setup_people_audit(l)) } }
            }))
        } @else if cx.query.text("said") == "mapped" { (ui::note(Tone::Good, html! { (text::import_mapped(l)) })) }
        div.tiles {
            (tile(cx, &here, "add", add, text::import_add(l), "up"))
            (tile(cx, &here, "change", change, text::import_change(l), "warning"))
            (tile(cx, &here, "same", same, text::import_same(l), ""))
            (tile(cx, &here, "bad", bad, text::import_bad(l), if bad > 0 { "down" } else { "" }))
        }
        @if !sheet.notes.is_empty() { (ui::note(Tone::Info, html! { @for note in &sheet.notes { p { (words(l, note)) } } })) }
        (news(cx, preview))
        @if sheet.changes_anything() {
            form method="post" action={ (here) "/apply" } {
                (form::csrf(cx))
                div.act {
                    button.primary type="submit" { (text::import_apply(l, add + change)) }
                    span.help { @if bad > 0 { (text::import_apply_bad(l, bad)) } @else { (text::import_apply_all(l)) } }
                }
            }
        } @else if !applied { (ui::note(Tone::Info, html! { (text::import_nothing(l)) })) }
        @if bad > 0 { div.act { a.button href={ (here) "/bad.xlsx" } { (ui::icon("down")) (text::import_bad_sheet(l)) } " " span.help { (text::import_bad_sheet_help(l)) } } }
        (rows(cx, preview, &here))
        (columns(cx, preview, &here))
    };
    layout::page(cx, Place::Import, &title, inside)
}

fn tile(cx: &Cx, here: &str, show: &str, count: usize, name: &str, class: &str) -> Markup {
    let current = shown(cx, count) == show;
    html! { a.tile.(class) href={ (here) "?show=" (show) "#rows" } aria-current=[current.then_some("true")] { b { (ui::number::count(count as u64)) } span { (name) } } }
}

/// Which rows are asked for.
fn shown(cx: &Cx, _count: usize) -> &str {
    cx.query.text("show")
}

/// What comes into being beside the assets.
fn news(cx: &Cx, preview: &Preview) -> Markup {
    let l = cx.lang;
    let sheet = &preview.sheet;
    let list = |title: &str, all: Vec<String>| {
        html! {
            @if !all.is_empty() {
                div { dt { (title) " (" (all.len()) ")" } dd {
                    (all.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(l.pick("、", ", ")))
                    @if all.len() > MOST_NAMED { " ..." }
                } }
            }
        }
    };
    let secrets: Vec<String> = sheet
        .secrets
        .iter()
        .map(|s| text::import_sealed_one(l, s.name.clone(), s.secret.kind(), s.used_by))
        .collect();
    let any = !(sheet.regions.is_empty()
        && sheet.organisations.is_empty()
        && sheet.persons.is_empty()
        && secrets.is_empty());
    html! {
        @if any {
            section.card { h2 { (text::import_news(l)) }
                dl.facts {
                    (list(text::inventory_regions(l), sheet.regions.iter().map(|r| format!("{} {}", r.id, r.name)).collect()))
                    (list(text::inventory_units(l), sheet.organisations.iter().map(|o| o.name.clone()).collect()))
                    (list(text::inventory_persons(l), sheet.persons.iter().map(|p| p.name.clone()).collect()))
                    (list(text::import_sealed(l), secrets))
                }
            }
        }
    }
}

/// Columns, and what each is taken for.
fn columns(cx: &Cx, preview: &Preview, here: &str) -> Markup {
    let l = cx.lang;
    let sheet = &preview.sheet;
    let meanings: Vec<(&str, &str)> = Meaning::all().map(|m| (m.as_str(), name_of(l, m))).collect();
    html! {
        section.card #columns {
            h2 { (text::import_columns(l)) }
            p.help { (text::import_columns_about(l, sheet.heading_row)) @if !sheet.tab.is_empty() { " " (text::import_tab(l, sheet.tab.clone())) } }
            (form::post(cx, &format!("{here}/map"), html! {
                div.scroll tabindex="0" { table.grid.middle {
                    thead { tr { th scope="col" { (text::import_heading(l)) } th scope="col" { (text::import_meaning(l)) } th scope="col" { (text::import_sample(l)) } } }
                    tbody { @for column in &sheet.columns {
                        @let now = column.field.unwrap_or(Meaning::Ignore);
                        tr {
                            td { (ui::or_none(&column.heading)) @if column.by_hand { " " (ui::badge::mark(text::import_by_hand(l))) } }
                            td {
                                input type="hidden" name={ "was" (column.index) } value=(now.as_str());
                                @if column.by_hand { input type="hidden" name={ "hand" (column.index) } value="1"; }
                                select name={ "c" (column.index) } aria-label=(text::import_meaning(l)) {
                                    @for (value, name) in &meanings { option value=(value) selected[*value == now.as_str()] { (name) } }
                                }
                            }
                            td { @if column.secret { "***" } @else { (ui::or_none(&column.sample)) } }
                        }
                    } }
                } }
                p {} button type="submit" { (text::import_map(l)) }
            }))
        }
    }
}

/// Rows of the kind that is asked for: bad ones first, unless something else is.
fn rows(cx: &Cx, preview: &Preview, here: &str) -> Markup {
    let l = cx.lang;
    let sheet = &preview.sheet;
    let (add, change, _, bad) = sheet.counts();
    let show = match cx.query.text("show") {
        word @ ("add" | "change" | "same" | "bad") => word,
        _ if bad > 0 => "bad",
        _ if change > 0 => "change",
        _ if add > 0 => "add",
        _ => "same",
    };
    let page = usize::try_from(number(cx, "page")).unwrap_or_default().min(1_000);
    let pager = |total: usize| {
        html! {
            @if total > ROWS {
                div.pager {
                    span { (text::table_total(l, ui::number::count(total as u64))) }
                    @if page > 0 { a.button href={ (here) "?show=" (show) "&page=" (page - 1) "#rows" } { (text::import_back(l)) } }
                    @if (page + 1) * ROWS < total { a.button href={ (here) "?show=" (show) "&page=" (page + 1) "#rows" } { (text::table_next(l)) } }
                }
            }
        }
    };
    if show == "bad" {
        return html! {
            section #rows { h2 { (text::import_bad(l)) }
                @if sheet.bad.is_empty() { (ui::empty(text::import_no_rows(l), html! {})) } @else {
                    div.scroll tabindex="0" { table.grid {
                        thead { tr { th.number scope="col" { (text::import_row(l)) } th scope="col" { (text::import_where(l)) } th scope="col" { (text::import_value(l)) } th scope="col" { (text::import_reason(l)) } } }
                        tbody { @for row in sheet.bad.iter().skip(page * ROWS).take(ROWS) {
                            @for (at, fault) in row.faults.iter().enumerate() {
                                tr.major[at == 0] {
                                    td.number { @if at == 0 { (row.number) } }
                                    (fault_cells(cx, fault))
                                }
                            }
                        } }
                    } }
                    (pager(sheet.bad.len()))
                }
            }
        };
    }
    let wanted = match show {
        "add" => RowAction::Add,
        "change" => RowAction::Change,
        _ => RowAction::Same,
    };
    let all: Vec<_> = sheet.good.iter().filter(|row| row.action == wanted).collect();
    let heading = match wanted {
        RowAction::Add => text::import_add(l),
        RowAction::Change => text::import_change(l),
        RowAction::Same => text::import_same(l),
    };
    html! {
        section #rows { h2 { (heading) }
            @if all.is_empty() { (ui::empty(text::import_no_rows(l), html! {})) } @else {
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th.number scope="col" { (text::import_row(l)) } th scope="col" { (text::inventory_name(l)) } th scope="col" { (text::declare_id(l)) } th scope="col" { (if wanted == RowAction::Change { text::import_changes(l) } else { text::asset_address(l) }) } } }
                    tbody { @for row in all.iter().skip(page * ROWS).take(ROWS) {
                        tr {
                            td.number { (row.number) }
                            td { (row.asset.name) }
                            td { code { (row.asset.id) } }
                            td {
                                @if wanted == RowAction::Change {
                                    @for (key, old, new) in &row.fields { div.change { code { (key) } " " del { (ui::or_none(old)) } " → " ins { (ui::or_none(new)) } } }
                                } @else { (ui::or_none(row.asset.address.as_deref().or(row.asset.website.as_ref().map(|w| w.url.as_str())).unwrap_or_default())) }
                            }
                        }
                    } }
                } }
                (pager(all.len()))
            }
        }
    }
}

fn fault_cells(cx: &Cx, fault: &Fault) -> Markup {
    let l = cx.lang;
    html! {
        td { (ui::or_none(&fault.heading)) }
        td { (ui::or_none(&fault.value)) }
        td { strong { (words(l, &fault.what)) } (l.pick("；", "; ")) (words(l, &fault.remedy)) }
    }
}

#[cfg(test)]
mod tests;
