//! Runbooks (处置手册), which `docs/runbooks/` has for every shipped rule: embedded, and shown in the reader's
//! language. They use headings, lists, `code` and **bold** and nothing else; what is none of these is plain text.

use include_dir::{Dir, include_dir};
use maud::{Markup, html};

use super::lang::Lang;

static RUNBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docs/runbooks");
/// Where the English half begins.
const ENGLISH: &str = "\n## English\n";

/// A runbook without its heading; `None` if there is none of that name.
pub fn show(lang: Lang, name: &str) -> Option<Markup> {
    let file = RUNBOOKS.files().find(|f| f.path().file_stem().is_some_and(|stem| stem == name))?;
    let text = file.contents_utf8()?;
    let (zh, en) = text.split_once(ENGLISH).unwrap_or((text, ""));
    Some(blocks(match lang {
        Lang::En if !en.is_empty() => en,
        _ => zh,
    }))
}

/// Whether there is one of that name.
pub fn exists(name: &str) -> bool {
    RUNBOOKS.files().any(|f| f.path().file_stem().is_some_and(|stem| stem == name))
}

fn blocks(text: &str) -> Markup {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty() && !p.starts_with("# "));
    html! {
        @for paragraph in paragraphs {
            @if let Some(steps) = list(paragraph, |line| line.split_once(". ").filter(|(n, _)| n.parse::<u32>().is_ok()).map(|(_, rest)| rest)) {
                ol { @for step in steps { li { (inline(&step)) } } }
            } @else if let Some(items) = list(paragraph, |line| line.strip_prefix("- ")) {
                ul { @for item in items { li { (inline(&item)) } } }
            } @else if let Some(title) = paragraph.strip_prefix("## ") {
                h3 { (inline(title)) }
            } @else {
                p { (inline(&paragraph.replace('\n', " "))) }
            }
        }
    }
}

/// The items of a list, a broken line joined to the one above; `None` if the paragraph is no list.
fn list<'a>(paragraph: &'a str, item: impl Fn(&'a str) -> Option<&'a str>) -> Option<Vec<String>> {
    let mut items: Vec<String> = Vec::new();
    for line in paragraph.lines() {
        match (item(line), items.last_mut()) {
            (Some(text), _) => items.push(text.to_owned()),
            (None, Some(last)) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            (None, None) => return None,
        }
    }
    Some(items)
}

/// Code and bold; everything is escaped as text.
fn inline(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else {
                @for (at, part) in part.split("**").enumerate() {
                    @if at % 2 == 1 { strong { (part) } } @else { (part) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_shows_in_both_languages() {
        for file in RUNBOOKS.files() {
            let name = file.path().file_stem().unwrap().to_str().unwrap();
            let (zh, en) = (show(Lang::Zh, name).unwrap().into_string(), show(Lang::En, name).unwrap().into_string());
            assert!(zh.contains("<ol>") && zh.contains("<strong>含义</strong>"), "{name}: {zh}");
            assert!(en.contains("<ol>") && en.contains("<strong>Means</strong>"), "{name}: {en}");
            assert!(!en.contains("**") && !zh.contains("## "), "{name}");
        }
        assert!(show(Lang::Zh, "../cli").is_none());
    }

    #[test]
    fn what_is_written_is_text() {
        assert_eq!(inline("a `x<y` **b** <i>").into_string(), "a <code>x&lt;y</code> <strong>b</strong> &lt;i&gt;");
    }
}
