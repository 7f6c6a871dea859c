//! What pages are made of: small functions that give markup. Everything that comes from outside goes through
//! maud's escaping; states have a shape and a word, so that colour is never the only signal. The gallery page
//! shows all of it.

pub mod badge;
pub mod chart;
pub mod form;
pub mod list;
pub mod number;
pub mod strip;
pub mod table;
pub mod time;
pub mod views;
pub mod words;

use maud::{Markup, PreEscaped, html};

use super::cx::Cx;
use super::live::Topic;
use super::text;
use crate::model::Object;
use crate::model::inventory::Inventory;

/// How a note sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Something to know.
    Info,
    /// Something to look at.
    Warn,
    /// It went wrong.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
    const fn icon(self) -> &'static str {
        match self {
            Self::Good => "tick",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "cross",
        }
    }
}

/// A message in its own box, with a shape beside its colour.
pub fn note(tone: Tone, said: Markup) -> Markup {
    html! { div.note.(tone.class()) role=(if tone == Tone::Bad { "alert" } else { "status" }) { (icon(tone.icon())) div { (said) } } }
}

/// A region that is fetched again when one of its topics speaks; when that happens during a fetch, once more after it,
/// for the answer under way may be older. `id` is unique on the page.
pub fn live(cx: &Cx, id: &str, topics: &[Topic], inside: Markup) -> Markup {
    let trigger: Vec<String> = topics
        .iter()
        .map(|t| format!("live-{} from:body", t.as_str()))
        .chain(["live-all from:body".into()])
        .collect();
    html! {
        section id=(id) .region hx-ext="morph" hx-get=(cx.uri) hx-trigger=(trigger.join(", ")) hx-select={ "#" (id) }
            hx-swap="morph:outerHTML" hx-sync="this:queue last" { (inside) }
    }
}

/// Nothing is there: what that means, and what to do about it.
pub fn empty(title: &str, advice: Markup) -> Markup {
    html! { div.empty { (icon("empty")) p { strong { (title) } } p { (advice) } } }
}

/// It is on its way.
pub fn loading(cx: &Cx) -> Markup {
    html! { div.loading role="status" { span.bar {} (text::state_loading(cx.lang)) } }
}

/// What is shown is old: since when.
pub fn stale(cx: &Cx, since: crate::model::Wall) -> Markup {
    note(Tone::Warn, html! { (text::state_stale(cx.lang)) " " (time::at(cx, since)) })
}

/// Names and values, one below the other.
pub fn facts(pairs: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in pairs { div { dt { (name) } dd { (value) } } } } }
}

/// A dash for what is not there; never a zero.
pub fn none() -> Markup {
    html! { span.none title="-" { "–" } }
}

/// The text, or a dash.
pub fn or_none(text: &str) -> Markup {
    if text.is_empty() {
        none()
    } else {
        html! { (text) }
    }
}

/// The heading of a page, with what can be done at its side.
pub fn heading(title: &str, beside: Markup) -> Markup {
    html! { div.heading { h1 { (title) } div.beside { (beside) } } }
}

/// Where a page stands: links to what is above it.
pub fn trail(steps: &[(&str, &str)]) -> Markup {
    html! { nav.trail { ol { @for (href, name) in steps { li { a href=(href) { (name) } } } } } }
}

/// What people call an object; its id where it has no name.
pub fn object_name(inventory: &Inventory, object: &Object) -> String {
    let named = match object {
        Object::Region(id) => inventory.regions.get(id).map(|r| r.name.clone()),
        Object::Asset(id) => inventory.assets.get(id).map(|a| a.name.clone()),
        Object::Interface { asset, name } => inventory.assets.get(asset).map(|a| format!("{} {}", a.name, name)),
        Object::Link(id) => inventory.links.get(id).map(|l| l.name.clone()),
        Object::Agent(id) => inventory.agents.get(id).map(|a| a.name.clone()),
    };
    named.unwrap_or_else(|| object.name())
}

/// The page of an object.
pub fn object_url(object: &Object) -> String {
    use crate::console::api::query::encode;
    match object {
        Object::Region(id) => format!("/assets?region={}", encode(id.as_str())),
        Object::Asset(id) => format!("/assets/{}", encode(id.as_str())),
        Object::Interface { asset, name } => {
            format!("/assets/{}?port={}#ports", encode(asset.as_str()), encode(name))
        }
        Object::Link(id) => format!("/links/{}", encode(id.as_str())),
        Object::Agent(id) => format!("/agents/{}", encode(id.as_str())),
    }
}

/// A link to an object by its name.
pub fn object(inventory: &Inventory, object: &Object) -> Markup {
    html! { a href=(object_url(object)) { (object_name(inventory, object)) } }
}

/// A small drawing, 16 by 16, in the colour of the text around it; it says nothing that the words do not.
pub fn icon(name: &str) -> Markup {
    let path = match name {
        "dot" => r#"<circle cx="8" cy="8" r="5"/>"#,
        "ring" => r#"<circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2"/>"#,
        "tick" => {
            r#"<path d="M2.500 8.500l3.500 3.500 7.500-8" fill="none" stroke="currentColor" stroke-width="2.200"/>"#
        }
        "cross" => r#"<path d="M3 3l10 10M13 3L3 13" fill="none" stroke="currentColor" stroke-width="2.200"/>"#,
        "warn" => {
            r#"<path d="M8 1.500L15 14H1z"/><path d="M8 6v4M8 11.500v1.200" stroke="var(--on-mark,#fff)" stroke-width="1.600"/>"#
        }
        "info" => {
            r#"<circle cx="8" cy="8" r="7"/><path d="M8 7v5M8 3.800v1.600" stroke="var(--on-mark,#fff)" stroke-width="1.800"/>"#
        }
        "octagon" => r#"<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/>"#,
        "triangle" => r#"<path d="M8 1.500L15 14H1z"/>"#,
        "diamond" => r#"<path d="M8 1l7 7-7 7-7-7z"/>"#,
        "square" => r#"<rect x="2.500" y="2.500" width="11" height="11"/>"#,
        "half" => {
            r#"<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2"/><path d="M8 2a6 6 0 010 12z"/>"#
        }
        "dash" => r#"<path d="M2 8h12" stroke="currentColor" stroke-width="2.500"/>"#,
        "question" => {
            r#"<path d="M5 5.500a3 3 0 116 0c0 2-3 2.200-3 4.500M8 12v1.600" fill="none" stroke="currentColor" stroke-width="2"/>"#
        }
        "person" => r#"<circle cx="8" cy="5" r="3"/><path d="M2 15c0-4 2.500-6 6-6s6 2 6 6z"/>"#,
        "menu" => r#"<path d="M1 3.500h14M1 8h14M1 12.500h14" stroke="currentColor" stroke-width="2"/>"#,
        "overview" => r#"<path d="M1 1h6v6H1zM9 1h6v4H9zM9 7h6v8H9zM1 9h6v6H1z"/>"#,
        "incident" => {
            r#"<path d="M8 1c3 3 4.500 5 4.500 8A4.500 4.500 0 018 14 4.500 4.500 0 013.500 9C3.500 7 5 6 5.500 4 7 5 8 4 8 1z"/>"#
        }
        "asset" => {
            r#"<path d="M1 2h14v5H1zM1 9h14v5H1z"/><path d="M3 4.500h2M3 11.500h2" stroke="var(--on-mark,#fff)" stroke-width="1.500"/>"#
        }
        "link" => {
            r#"<circle cx="3.500" cy="12.500" r="2.500"/><circle cx="12.500" cy="3.500" r="2.500"/><path d="M5 11l6-6" stroke="currentColor" stroke-width="2"/>"#
        }
        "agent" => r#"<path d="M5 15l1-8h4l1 8zM4 3h2v2h4V3h2v4H4z"/>"#,
        "definition" => {
            r#"<path d="M3 1h7l3 3v11H3z"/><path d="M5 7h6M5 10h6M5 13h4" stroke="var(--on-mark,#fff)" stroke-width="1.200"/>"#
        }
        "import" => {
            r#"<path d="M8 1v8M4.500 6L8 9.500 11.500 6M2 11v3.500h12V11" fill="none" stroke="currentColor" stroke-width="2"/>"#
        }
        "log" => r#"<path d="M3 2h10v12H3z M5.500 5h5 M5.500 8h5 M5.500 11h3"/>"#,
        "audit" => r#"<path d="M8 1l6 2v5c0 3.500-2.500 6-6 7-3.500-1-6-3.500-6-7V3z"/>"#,
        "clock" => {
            r#"<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.800"/><path d="M8 4.500V8l2.500 2" fill="none" stroke="currentColor" stroke-width="1.800"/>"#
        }
        "up" => r#"<path d="M3 10l5-5 5 5" fill="none" stroke="currentColor" stroke-width="2"/>"#,
        "down" => r#"<path d="M3 6l5 5 5-5" fill="none" stroke="currentColor" stroke-width="2"/>"#,
        _ => r#"<rect x="2" y="4" width="12" height="9" fill="none" stroke="currentColor" stroke-width="1.500"/>"#,
    };
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" fill="currentColor" aria-hidden="true" focusable="false" { (PreEscaped(path)) }
    }
}
