//! What a row of the audit trail says changed: both states side by side, only where they differ. States are JSON
//! by habit, not by law; what is none is shown as the text it is.

use maud::{Markup, html};
use serde_json::Value;

use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui;

/// Keys and lines a page shows of one row; an import of a county has thousands.
const MAX_SHOWN: usize = 400;
/// Differences that stand in a row of the list.
const IN_LIST: usize = 3;
/// Characters of a value in the list.
const IN_CELL: usize = 60;

/// One difference. A key that is empty means the state as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

fn flat(value: &Value, key: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flat(inner, &key, out);
            }
        }
        Value::Array(items) => {
            let lines: Vec<String> =
                items.iter().map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned)).collect();
            out.push((key.to_owned(), lines.join("\n")));
        }
        Value::Null => {}
        Value::String(text) => out.push((key.to_owned(), text.clone())),
        other => out.push((key.to_owned(), other.to_string())),
    }
}

fn parts(state: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    match serde_json::from_str::<Value>(state) {
        Ok(value) => flat(&value, "", &mut out),
        Err(_) if state.is_empty() => {}
        Err(_) => out.push((String::new(), state.to_owned())),
    }
    out
}

/// The differences, in the order in which the states name them.
pub(super) fn between(before: &str, after: &str) -> Vec<Change> {
    let (old, new) = (parts(before), parts(after));
    let of = |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let added = new.iter().filter(|(key, _)| of(&old, key).is_none());
    old.iter()
        .chain(added)
        .map(|(key, _)| Change { key: key.clone(), before: of(&old, key), after: of(&new, key) })
        .filter(|change| change.before != change.after)
        .collect()
}

fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(IN_CELL).collect();
    if short.len() < text.len() { format!("{short} …") } else { short }
}

/// For a row of the list.
pub(super) fn short(l: Lang, changes: &[Change]) -> Markup {
    if changes.is_empty() {
        return ui::none();
    }
    let more = changes.len().saturating_sub(IN_LIST);
    html! {
        ul.diff {
            @for change in changes.iter().take(IN_LIST) { li {
                @if !change.key.is_empty() { span.key { (change.key) } " " }
                @if let Some(before) = &change.before { del { (cut(before)) } " " }
                @if let Some(after) = &change.after { ins { (cut(after)) } }
            } }
            @if more > 0 { li { small { (text::audit_more(l, more)) } } }
        }
    }
}

/// For a file.
pub(super) fn plain(changes: &[Change]) -> String {
    let of = |side: &Option<String>| side.clone().unwrap_or_default().replace('\n', "; ");
    let one = |c: &Change| format!("{}: {} -> {}", c.key, of(&c.before), of(&c.after));
    changes.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// For a page of its own.
pub(super) fn whole(l: Lang, changes: &[Change]) -> Markup {
    if changes.is_empty() {
        return html! { p.help { (text::audit_no_change(l)) } };
    }
    let side = |text: Option<&String>| match text {
        None => ui::none(),
        Some(text) => {
            html! { @for line in text.lines().take(MAX_SHOWN) { (line) br; } @if text.lines().count() > MAX_SHOWN { "…" } }
        }
    };
    html! {
        div.scroll tabindex="0" { table.grid {
            thead { tr { th { (text::audit_key(l)) } th { (text::audit_old(l)) } th { (text::audit_new(l)) } } }
            tbody { @for change in changes.iter().take(MAX_SHOWN) { tr {
                th scope="row" { (ui::or_none(&change.key)) }
                td { del { (side(change.before.as_ref())) } }
                td { ins { (side(change.after.as_ref())) } }
            } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
        let found = between(before, after);
        let found: Vec<_> = found.iter().map(|c| (&*c.key, c.before.as_deref(), c.after.as_deref())).collect();
        assert_eq!(found, expected, "{before} {after}");
    }

    #[test]
    fn only_what_differs_is_shown_and_what_is_no_json_is_shown_whole() {
        check(
            r#"{"state":"open","ack":null,"severity":"major"}"#,
            r#"{"state":"acked","ack":{"by":"user:li","comment":"去看"},"severity":"major"}"#,
            &[
                ("state", Some("open"), Some("acked")),
                ("ack.by", None, Some("user:li")),
                ("ack.comment", None, Some("去看")),
            ],
        );
        check(
            "",
            r#"{"changes":["add asset a","remove link b"]}"#,
            &[("changes", None, Some("add asset a\nremove link b"))],
        );
        check("", "", &[]);
        check("was", "is {", &[("", Some("was"), Some("is {"))]);
        check(r#"{"n":1}"#, "", &[("n", Some("1"), None)]);
    }
}
