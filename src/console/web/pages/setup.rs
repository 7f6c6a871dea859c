//! Setting a console up, step by step: an account, units and regions, credentials, assets, links, persons, and in
//! the demonstration a cable to pull. Each step is a plain page of its own and looks at what is there already, so
//! it can be left, skipped and come back to; nothing is remembered but what the steps themselves declare.

pub mod account;
pub mod credentials;
pub mod people;
mod places;
pub mod steps;
pub mod units;

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
    /// Regions and units.
    Units,
    /// Communities and SNMPv3 users.
    Credentials,
    /// Importing or finding assets.
    Assets,
    /// Links between them.
    Links,
    /// Who is told.
    People,
    /// Pulling a cable in the demonstration.
    Cable,
}

impl Step {
    /// All of them, in order.
    pub const ALL: &'static [Self] =
        &[Self::Account, Self::Units, Self::Credentials, Self::Assets, Self::Links, Self::People, Self::Cable];

    /// Its address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Account => "/setup/account",
            Self::Units => "/setup/units",
            Self::Credentials => "/setup/credentials",
            Self::Assets => "/setup/assets",
            Self::Links => "/setup/links",
            Self::People => "/setup/people",
            Self::Cable => "/setup/cable",
        }
    }

    /// Its name.
    pub const fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Account => text::setup_account(lang),
            Self::Units => text::setup_units(lang),
            Self::Credentials => text::setup_credentials(lang),
            Self::Assets => text::setup_assets(lang),
            Self::Links => text::setup_links(lang),
            Self::People => text::setup_people(lang),
            Self::Cable => text::setup_cable(lang),
        }
    }

    /// What it is for, in a line.
    const fn about(self, lang: Lang) -> &'static str {
        match self {
            Self::Account => text::setup_account_about(lang),
            Self::Units => text::setup_units_about(lang),
            Self::Credentials => text::setup_credentials_about(lang),
            Self::Assets => text::setup_assets_about(lang),
            Self::Links => text::setup_links_about(lang),
            Self::People => text::setup_people_about(lang),
            Self::Cable => text::setup_cable_about(lang),
        }
    }

    /// Whether what it asks for is there.
    pub fn done(self, cx: &Cx) -> bool {
        let store = &cx.service.store;
        let (_, inventory) = store.inventory();
        match self {
            Self::Account => store.has_users(),
            Self::Units => !inventory.regions.is_empty(),
            Self::Credentials => !store.secrets().is_empty(),
            Self::Assets => inventory.has_assets(),
            Self::Links => !inventory.links.is_empty(),
            Self::People => !inventory.persons.is_empty(),
            // There is nothing to keep of it; whoever has links has seen them.
            Self::Cable => cx.service.demo().is_none() && !inventory.links.is_empty(),
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
