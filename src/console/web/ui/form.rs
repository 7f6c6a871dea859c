//! Form fields with their labels, help and the server's own errors beside them. Every form works as a plain
//! POST; nothing is checked in the browser that is not checked here.

use maud::{Markup, html};

use super::icon;
use crate::console::web::cx::Cx;

/// The hidden field that shows a form is ours.
pub fn csrf(cx: &Cx) -> Markup {
    html! { @if let Some(session) = &cx.session { input type="hidden" name="csrf" value=(session.csrf); } }
}

/// One field of a form.
#[derive(Debug, Clone, Default)]
pub struct Field<'a> {
    /// Name on the wire, and id.
    pub name: &'a str,
    /// Label.
    pub label: &'a str,
    /// What it holds now.
    pub value: &'a str,
    /// `text`, `password`, `number`, `datetime-local` ...; `text` if empty.
    pub kind: &'a str,
    /// What to write.
    pub help: &'a str,
    /// What is wrong with it, from the server.
    pub error: Option<&'a str>,
    /// Must be given.
    pub required: bool,
    /// The longest text.
    pub longest: usize,
    /// `autocomplete`, such as `current-password`; `off` if empty.
    pub complete: &'a str,
    /// Id of a `datalist` with what could be written; none if empty.
    pub list: &'a str,
}

fn labelled(f: &Field<'_>, input: Markup) -> Markup {
    html! {
        div.field.wrong[f.error.is_some()] {
            label for={ "f-" (f.name) } { (f.label) @if f.required { span.must title="*" { " *" } } }
            (input)
            @if !f.help.is_empty() { p.help id={ "h-" (f.name) } { (f.help) } }
            @if let Some(error) = f.error { p.error id={ "e-" (f.name) } { (icon("cross")) " " (error) } }
        }
    }
}

fn described(f: &Field<'_>) -> Option<String> {
    let mut ids = Vec::new();
    if !f.help.is_empty() {
        ids.push(format!("h-{}", f.name));
    }
    if f.error.is_some() {
        ids.push(format!("e-{}", f.name));
    }
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn longest(f: &Field<'_>) -> usize {
    if f.longest == 0 { 200 } else { f.longest }
}

/// A line of text. A password is never sent back.
pub fn input(f: &Field<'_>) -> Markup {
    let kind = if f.kind.is_empty() { "text" } else { f.kind };
    let value = if kind == "password" { "" } else { f.value };
    let complete = if f.complete.is_empty() { "off" } else { f.complete };
    labelled(
        f,
        html! {
            input id={ "f-" (f.name) } name=(f.name) type=(kind) value=(value) maxlength=(longest(f)) autocomplete=(complete)
                list=[(!f.list.is_empty()).then_some(f.list)] required[f.required] aria-invalid=[f.error.map(|_| "true")] aria-describedby=[described(f)];
        },
    )
}

/// A line of text with proposals that may be taken or not: (value, what it is).
pub fn suggest<V: AsRef<str>, S: AsRef<str>>(f: &Field<'_>, options: &[(V, S)]) -> Markup {
    let complete = if f.complete.is_empty() { "off" } else { f.complete };
    let list = (!options.is_empty()).then(|| format!("d-{}", f.name));
    labelled(
        f,
        html! {
            input id={ "f-" (f.name) } name=(f.name) type="text" value=(f.value) maxlength=(longest(f)) autocomplete=(complete)
                list=[list.as_deref()] required[f.required] aria-invalid=[f.error.map(|_| "true")] aria-describedby=[described(f)];
            @if let Some(list) = &list {
                datalist id=(list) {
                    @for (value, shown) in options { option value=(value.as_ref()) { (shown.as_ref()) } }
                }
            }
        },
    )
}

/// Several lines of text.
pub fn area(f: &Field<'_>, rows: u32) -> Markup {
    labelled(
        f,
        html! {
            textarea id={ "f-" (f.name) } name=(f.name) rows=(rows) maxlength=(longest(f)) required[f.required]
                aria-invalid=[f.error.map(|_| "true")] aria-describedby=[described(f)] { (f.value) }
        },
    )
}

/// One of a few: (value, shown). An empty first value is "any" or "none", as the caller names it.
pub fn select<V: AsRef<str>, S: AsRef<str>>(f: &Field<'_>, options: &[(V, S)]) -> Markup {
    labelled(
        f,
        html! {
            select id={ "f-" (f.name) } name=(f.name) required[f.required] aria-describedby=[described(f)] {
                @for (value, shown) in options {
                    option value=(value.as_ref()) selected[value.as_ref() == f.value] { (shown.as_ref()) }
                }
            }
        },
    )
}

/// A file.
pub fn file(f: &Field<'_>, accept: &str) -> Markup {
    labelled(
        f,
        html! {
            input id={ "f-" (f.name) } name=(f.name) type="file" accept=(accept) required[f.required]
                aria-invalid=[f.error.map(|_| "true")] aria-describedby=[described(f)];
        },
    )
}

/// Yes or no.
pub fn check(name: &str, label: &str, on: bool) -> Markup {
    html! { label.check { input type="checkbox" name=(name) value="1" checked[on]; " " (label) } }
}

/// A form of ours that changes something.
pub fn post(cx: &Cx, action: &str, inside: Markup) -> Markup {
    html! { form method="post" action=(action) { (csrf(cx)) (inside) } }
}

/// A button that changes something by itself: `action` with these hidden values.
pub fn button(cx: &Cx, action: &str, label: &str, class: &str, hidden: &[(&str, &str)]) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (csrf(cx))
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            button.(class) type="submit" { (label) }
        }
    }
}
