//! Inventory files in TOML: sent or pasted, read by the same reader as on the command line, shown as what they
//! would add and change, and applied. Nothing is removed by an import. The other way round: the whole inventory as
//! a file.

use axum::response::Response;
use maud::html;

use crate::config::Diagnostic;
use crate::config::inventory::{self, Action, Diff};
use crate::config::zh;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::layout::{self, Place};
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::table::download;
use crate::console::web::ui::{self, Tone, form};

/// The longest text, in bytes; 5,000 assets have about 1 MiB.
pub const LONGEST: usize = 2 << 20;
/// The largest upload: the text may come back from the preview, as forms encode it.
pub const BODY: usize = 3 * LONGEST + (64 << 10);
/// Changes that the preview shows; the rest is counted.
const SHOWN: usize = 1_000;
/// Lines of the plan in an audit row.
const MAX_LINES: usize = 200;

/// `GET /import/inventory.toml`
pub async fn export(cx: Cx) -> Answer {
    let (_, all) = cx.service.store.inventory();
    Ok(download(inventory::export(&all).into_bytes(), "application/toml; charset=utf-8", "fengsui-inventory.toml"))
}

/// `POST /import/toml`: shows what it would do; `do=apply` does it.
pub async fn submit(cx: Cx) -> Answer {
    let l = cx.lang;
    let file = cx.uploads.iter().find(|u| u.field == "toml" && !u.bytes.is_empty());
    let (name, text) = match file {
        Some(file) => match std::str::from_utf8(&file.bytes) {
            Ok(text) => (file.name.chars().filter(|c| !c.is_control()).take(120).collect(), text.to_owned()),
            Err(_) => return Ok(again(&cx, "", Wrong::field("toml", text::import_toml_not_utf8(l)))),
        },
        None => {
            let name = cx.form.text("name");
            let name = if name.is_empty() { "inventory.toml" } else { name };
            (name.to_owned(), cx.form.get("text").unwrap_or_default().replace("\r\n", "\n"))
        }
    };
    if text.trim().is_empty() {
        return Ok(again(&cx, "", Wrong::field("text", text::import_toml_empty(l))));
    }
    if text.len() > LONGEST {
        return Ok(again(&cx, "", Wrong::field("text", text::import_toml_long(l, LONGEST >> 20))));
    }
    let (rev, old) = cx.service.store.inventory();
    let diff = match inventory::apply(&old, &[(name.clone(), text.clone())], false) {
        Ok(diff) => diff,
        Err(list) => return Ok(mistakes(&cx, &text, &list)),
    };
    let looked = cx.form.text("rev").parse::<u64>().ok();
    if cx.form.text("do") != "apply" || diff.changes.is_empty() {
        return Ok(show(&cx, &name, &text, rev, &diff, None));
    }
    if looked != Some(rev) {
        return Ok(wrong(show(&cx, &name, &text, rev, &diff, Some(text::import_toml_moved(l)))));
    }
    let (added, changed, _) = diff.counts();
    let mut summary: Vec<String> = diff.changes.iter().map(ToString::to_string).collect();
    let more = summary.len().saturating_sub(MAX_LINES);
    if more > 0 {
        summary.truncate(MAX_LINES);
        summary.push(format!("... and {more} more"));
    }
    let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary, base_rev: rev };
    cx.command(None, command).await?;
    Ok(redirect(&format!("/inventory?said=saved&added={added}&changed={changed}")))
}

fn again(cx: &Cx, text: &str, found: Wrong) -> Response {
    let mut filled = Filled { wrong: found, ..Filled::default() };
    filled.put("text", text);
    wrong(super::show(cx, &filled))
}

/// Everything that is wrong, with its line, above the text.
fn mistakes(cx: &Cx, text: &str, list: &[Diagnostic]) -> Response {
    let l = cx.lang;
    let mut said = Wrong::default();
    said.top.push(text::import_toml_mistakes(l, list.len()));
    said.top.extend(list.iter().take(SHOWN).map(|d| l.pick(&zh::line(&d.to_string()), &d.to_string()).to_owned()));
    again(cx, text, said)
}

fn show(cx: &Cx, name: &str, text: &str, rev: u64, diff: &Diff, refused: Option<&str>) -> Response {
    let l = cx.lang;
    let (added, changed, _) = diff.counts();
    let title = text::import_preview_title(l, name.to_owned());
    let inside = html! {
        (ui::trail(&[("/import", text::import_title(l))]))
        (ui::heading(&title, html! { a.button href="/import" { (text::import_other(l)) } }))
        @if let Some(refused) = refused { (ui::note(Tone::Bad, html! { (refused) })) }
        @if diff.changes.is_empty() { (ui::note(Tone::Info, html! { (text::import_nothing(l)) })) } @else {
            p { (text::import_toml_plan(l, added, changed)) }
            form method="post" action="/import/toml" enctype="multipart/form-data" {
                (form::csrf(cx))
                input type="hidden" name="name" value=(name);
                input type="hidden" name="rev" value=(rev);
                textarea.kept name="text" hidden { "\n" (text) }
                div.row { button.primary type="submit" name="do" value="apply" { (text::import_apply(l, added + changed)) } a.button href="/import" { (text::declare_cancel(l)) } }
            }
            div.scroll tabindex="0" { table.grid {
                thead { tr { th scope="col" { (text::import_toml_action(l)) } th scope="col" { (text::import_toml_thing(l)) } th scope="col" { (text::import_changes(l)) } } }
                tbody { @for change in diff.changes.iter().take(SHOWN) {
                    tr {
                        td { (match change.action { Action::Add => text::import_add(l), Action::Change => text::import_change(l), Action::Remove => text::inventory_remove(l) }) }
                        td { (l.pick(change.what_zh, change.what)) " " code { (change.id) } }
                        td { @for (key, old, new) in &change.fields { div.change { code { (key) } " " del { (ui::or_none(old)) } " → " ins { (ui::or_none(new)) } } } }
                    }
                } }
            } }
            @if diff.changes.len() > SHOWN { p.help { (text::remove_more(l, diff.changes.len() - SHOWN)) } }
        }
    };
    layout::page(cx, Place::Import, &title, inside)
}
