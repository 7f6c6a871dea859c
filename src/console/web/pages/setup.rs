//! Setting a console up, step by step: an account, units and regions, credentials, assets, links, persons, and in
//! the demonstration a cable to pull. Each step is a plain page of its own and looks at what is there already, so
//! it can be left, skipped and come back to; nothing is remembered but what the steps themselves declare.

pub mod account;

use maud::{Markup, html};

use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::{text, ui};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first account.
    Account,
}

impl Step {
    /// All of them, in order.
    pub const ALL: &'static [Self] = &[Self::Account];

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Account => "/setup/account",
        }
    }

    /// Its name.
    pub const fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Account => text::setup_account(lang),
        }
    }

    /// What it is for, in a line.
    const fn about(self, lang: Lang) -> &'static str {
        match self {
            Self::Account => text::setup_account_about(lang),
        }
    }

    /// Whether what it asks for is there.
    pub fn done(self, cx: &Cx) -> bool {
        match self {
            Self::Account => cx.service.store.has_users(),
        }
    }

    /// The step after it.
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|step| *step == self)?;
        Self::ALL.get(at + 1).copied()
    }
}

/// `GET /setup`
pub async fn page(cx: Cx) -> Answer {
    if !cx.service.store.has_users() && cx.query.get("list").is_none() {
        return Ok(redirect(Step::Account.path()));
    }
    let l = cx.lang;
    let first = Step::ALL.iter().copied().find(|step| !step.done(&cx));
    let inside = html! {
        (ui::heading(text::setup_title(l), html! {}))
        p { (text::setup_intro(l)) }
        ol.setup {
            @for step in Step::ALL.iter().copied() {
                li.done[step.done(&cx)] {
                    a href=(step.path()) { (ui::icon(if step.done(&cx) { "tick" } else { "ring" })) " " strong { (step.name(l)) } }
                    p.help { (step.about(l)) @if step.done(&cx) { " · " (text::setup_done(l)) } }
                }
            }
        }
        p {
            @match first {
                Some(step) => a.button.primary href=(step.path()) { (text::setup_go_on(l, step.name(l))) },
                None => a.button.primary href="/" { (text::setup_finished(l)) },
            }
        }
    };
    Ok(layout::page(&cx, Place::Import, text::setup_title(l), inside))
}

/// A step in its frame: how far one is, the step itself, and on.
fn step(cx: &Cx, here: Step, inside: Markup) -> axum::response::Response {
    let l = cx.lang;
    let at = Step::ALL.iter().position(|step| *step == here).unwrap_or_default();
    let body = html! {
        (ui::trail(&[("/setup?list=1", text::setup_title(l))]))
        nav.steps aria-label=(text::setup_progress(l)) {
            ol {
                @for step in Step::ALL.iter().copied() {
                    li.done[step.done(cx)] {
                        a href=(step.path()) aria-current=[(step == here).then_some("step")] {
                            (ui::icon(if step.done(cx) { "tick" } else { "ring" })) " " (step.name(l))
                        }
                    }
                }
            }
        }
        (ui::heading(&text::setup_step(l, at + 1, Step::ALL.len(), here.name(l)), html! {}))
        p { (here.about(l)) }
        (inside)
        p.onward {
            @match here.next() {
                Some(next) => a.button.primary[here.done(cx)] href=(next.path()) {
                    @if here.done(cx) { (text::setup_next(l, next.name(l))) } @else { (text::setup_skip(l, next.name(l))) }
                },
                None => a.button.primary href="/" { (text::setup_finished(l)) },
            }
        }
    };
    layout::page(cx, Place::Import, here.name(l), body)
}

#[cfg(test)]
mod tests;
