//! Runbooks: what a problem means and what to look at first, as shipped in `docs/runbooks`, Chinese above and
//! English below in each. They are embedded; the little Markdown they use is read here, and everything in it is
//! escaped like any other text.

use include_dir::{Dir, include_dir};
use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::{text, ui};

static RUNBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docs/runbooks");

/// What a line of a runbook is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block<'a> {
    Paragraph(&'a str),
    Steps(Vec<&'a str>),
}

/// A runbook in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runbook {
    title: String,
    body: String,
}

/// The runbook of that name; `None` if none is shipped.
pub fn find(lang: Lang, name: &str) -> Option<Runbook> {
    let whole = RUNBOOKS.get_file(format!("{name}.md"))?.contents_utf8()?;
    let (zh, en) = whole.split_once("\n## English").unwrap_or((whole, ""));
    let (title, zh) = zh.trim().split_once('\n').unwrap_or((zh, ""));
    let title = title.trim_start_matches('#').trim();
    Some(match lang {
        Lang::Zh => Runbook { title: title.to_owned(), body: zh.trim().to_owned() },
        Lang::En => {
            // Its first line is the title again, as a sentence.
            let (first, rest) = en.trim().split_once('\n').unwrap_or((en.trim(), ""));
            Runbook { title: first.trim_end_matches('.').to_owned(), body: rest.trim().to_owned() }
        }
    })
}

impl Runbook {
    /// All of it but the title.
    pub fn show(&self) -> Markup {
        html! {
            @for block in blocks(&self.body) {
                @match block {
                    Block::Paragraph(text) => p { (inline(text)) },
                    Block::Steps(steps) => ol { @for step in steps { li { (inline(step)) } } },
                }
            }
        }
    }
}

/// Paragraphs and numbered steps, which is all that runbooks are made of.
fn blocks(body: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let step = line.split_once(". ").filter(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        match (step, found.last_mut()) {
            (Some((_, step)), Some(Block::Steps(steps))) => steps.push(step),
            (Some((_, step)), _) => found.push(Block::Steps(vec![step])),
            (None, _) => found.push(Block::Paragraph(line)),
        }
    }
    found
}

/// `**strong**` and `` `code` ``; a mark without its partner is shown as it is.
fn inline(text: &str) -> Markup {
    let next = [("**", "**"), ("`", "`")]
        .into_iter()
        .filter_map(|(mark, _)| {
            let (before, rest) = text.split_once(mark)?;
            let (inside, after) = rest.split_once(mark)?;
            Some((before, mark, inside, after))
        })
        .min_by_key(|(before, ..)| before.len());
    html! {
        @match next {
            Some((before, "`", inside, after)) => { (before) code { (inside) } (inline(after)) },
            Some((before, _, inside, after)) => { (before) strong { (inside) } (inline(after)) },
            None => (text),
        }
    }
}

/// `GET /runbooks/{name}`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let name = cx.part("name");
    let found = find(l, name).ok_or_else(|| Problem::unknown("处置手册", "runbook", name))?;
    let inside = html! {
        (ui::trail(&[("/incidents", text::nav_incidents(l)), ("", text::incident_runbook(l))]))
        (ui::heading(&found.title, html! {}))
        section.card.prose { (found.show()) }
    };
    Ok(layout::page(&cx, Place::Incidents, &found.title, inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_reads_in_both_languages() {
        let names = RUNBOOKS.files().filter_map(|f| f.path().file_stem()?.to_str());
        for name in names.chain(["agent-silent", "no-data"]) {
            for lang in Lang::ALL {
                let found = find(lang, name).unwrap_or_else(|| panic!("{name}"));
                assert!(!found.title.is_empty() && found.body.len() > 100, "{name} {lang:?}");
                assert!(blocks(&found.body).iter().any(|b| matches!(b, Block::Steps(s) if s.len() > 1)), "{name}");
                assert!(!found.show().into_string().contains("**"), "{name}");
            }
        }
        assert_eq!(find(Lang::En, "../ARCHITECTURE"), None);
    }

    #[test]
    fn markdown_is_read_and_everything_else_is_text() {
        let shown = |text: &str| inline(text).into_string();
        assert_eq!(shown("a **b** `c` d"), "a <strong>b</strong> <code>c</code> d");
        assert_eq!(shown("`**` <b>"), "<code>**</code> &lt;b&gt;");
        assert_eq!(shown("one ` alone **"), "one ` alone **");
        assert_eq!(
            blocks("p\n\n1. a\n2. b\nq"),
            [Block::Paragraph("p"), Block::Steps(vec!["a", "b"]), Block::Paragraph("q")]
        );
    }
}
