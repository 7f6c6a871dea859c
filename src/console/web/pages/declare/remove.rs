//! Taking something out of the inventory: what still points to it is shown first. What would be left without
//! meaning (links of an asset) goes with it when a person says so; what merely names it is named and cleaned; the
//! rest keeps it from being removed. Nothing that was measured is deleted.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use super::lists::Noun;
use super::{Refused, Wrong, wrong};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form;
use crate::console::web::ui::{self, Tone};
use crate::model::inventory::{Inventory, Link, LinkEnd};

/// Things that are named on the page; the rest is counted.
const MOST_NAMED: usize = 20;

/// What is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Asset,
    Link,
    Listed(Noun),
}

/// What removing something means for the rest.
#[derive(Default)]
struct Ties {
    name: String,
    /// Links that end at an asset: (id, name).
    links: Vec<(String, String)>,
    /// What names it and is cleaned.
    cleaned: Vec<String>,
    /// What keeps it: (address, name).
    keeps: Vec<(String, String)>,
}

/// `GET /assets/{id}/remove`
pub async fn asset(cx: Cx) -> Answer {
    ask(&cx, What::Asset)
}
/// `POST /assets/{id}/remove`
pub async fn asset_gone(cx: Cx) -> Answer {
    take(&cx, What::Asset).await
}
/// `GET /links/{id}/remove`
pub async fn link(cx: Cx) -> Answer {
    ask(&cx, What::Link)
}
/// `POST /links/{id}/remove`
pub async fn link_gone(cx: Cx) -> Answer {
    take(&cx, What::Link).await
}
/// `GET /inventory/{noun}/{id}/remove`
pub async fn listed(cx: Cx) -> Answer {
    ask(&cx, noun(&cx)?)
}
/// `POST /inventory/{noun}/{id}/remove`
pub async fn listed_gone(cx: Cx) -> Answer {
    let what = noun(&cx)?;
    take(&cx, what).await
}

fn noun(cx: &Cx) -> Result<What, Problem> {
    let found = Noun::parse(cx.part("noun")).map(What::Listed);
    found.ok_or_else(|| Problem::unknown("台账项", "item", cx.part("noun")))
}

fn ask(cx: &Cx, what: What) -> Answer {
    let (_, inventory) = cx.service.store.inventory();
    let ties = ties(cx, what, &inventory)?;
    Ok(show(cx, what, &ties, &Wrong::default()))
}

async fn take(cx: &Cx, what: What) -> Answer {
    let (rev, old) = cx.service.store.inventory();
    let ties = ties(cx, what, &old)?;
    let with_links = cx.form.get("links").is_some();
    if !ties.keeps.is_empty() || (!ties.links.is_empty() && !with_links) {
        let said = Wrong::top(text::remove_still_used(cx.lang));
        return Ok(wrong(show(cx, what, &ties, &said)));
    }
    let new = without(&old, what, cx.part("id"));
    match super::replace(cx, rev, &old, &new).await {
        Ok(_) => Ok(redirect(&format!("{}said=removed", back(what)))),
        Err(Refused::Wrong(found)) => Ok(wrong(show(cx, what, &ties, &found))),
        Err(Refused::Problem(problem)) => Err(problem),
    }
}

fn back(what: What) -> String {
    match what {
        What::Asset => "/assets?".to_owned(),
        What::Link => "/links?".to_owned(),
        What::Listed(noun) => format!("/inventory?what={}&", noun.as_str()),
    }
}

fn ends_at(link: &Link, asset: &str) -> bool {
    [&link.a, &link.b].into_iter().any(|end| matches!(end, LinkEnd::Port { asset: id, .. } if id.as_str() == asset))
}

fn ties(cx: &Cx, what: What, all: &Arc<Inventory>) -> Result<Ties, Problem> {
    let (l, id) = (cx.lang, cx.part("id"));
    let mut ties = Ties::default();
    let asset_url = |id: &str| format!("/assets/{}/edit", encode(id));
    let item_url = |noun: Noun, id: &str| format!("/inventory/{}/{}/edit", noun.as_str(), encode(id));
    let depends = |ties: &mut Ties| {
        let found = all.assets.values().filter(|a| a.depends_on.iter().flatten().any(|d| d == id));
        ties.cleaned.extend(found.map(|a| text::remove_depends(l, a.name.clone())));
    };
    match what {
        What::Asset => {
            let asset = all.assets.get(id).ok_or_else(|| Problem::unknown("资产", "asset", id))?;
            ties.name.clone_from(&asset.name);
            ties.links = all
                .links
                .values()
                .filter(|link| ends_at(link, id))
                .map(|link| (link.id.to_string(), link.name.clone()))
                .collect();
            depends(&mut ties);
            let systems = all.systems.values().filter(|s| s.assets.iter().any(|a| a.as_str() == id));
            ties.cleaned.extend(systems.map(|s| text::remove_system(l, s.name.clone())));
        }
        What::Link => {
            ties.name.clone_from(&all.links.get(id).ok_or_else(|| Problem::unknown("链路", "link", id))?.name);
            depends(&mut ties);
        }
        What::Listed(Noun::Region) => {
            ties.name.clone_from(&all.regions.get(id).ok_or_else(|| Problem::unknown("区划", "region", id))?.name);
            let here = |r: Option<&crate::model::RegionId>| r.is_some_and(|r| r.as_str() == id);
            ties.keeps.extend(
                all.regions
                    .values()
                    .filter(|r| here(r.parent.as_ref()))
                    .map(|r| (item_url(Noun::Region, r.id.as_str()), r.name.clone())),
            );
            ties.keeps.extend(
                all.organisations
                    .values()
                    .filter(|o| here(o.region.as_ref()))
                    .map(|o| (item_url(Noun::Unit, o.id.as_str()), o.name.clone())),
            );
            ties.keeps.extend(
                all.assets
                    .values()
                    .filter(|a| here(a.region.as_ref()))
                    .map(|a| (asset_url(a.id.as_str()), a.name.clone())),
            );
            ties.keeps.extend(
                all.agents
                    .values()
                    .filter(|a| here(a.region.as_ref()))
                    .map(|a| (format!("/agents/{}", encode(a.id.as_str())), a.name.clone())),
            );
        }
        What::Listed(Noun::Unit) => {
            ties.name
                .clone_from(&all.organisations.get(id).ok_or_else(|| Problem::unknown("单位", "unit", id))?.name);
            let here = |o: Option<&crate::model::OrganisationId>| o.is_some_and(|o| o.as_str() == id);
            ties.keeps.extend(
                all.organisations
                    .values()
                    .filter(|o| here(o.parent.as_ref()))
                    .map(|o| (item_url(Noun::Unit, o.id.as_str()), o.name.clone())),
            );
            ties.keeps.extend(
                all.persons
                    .values()
                    .filter(|p| here(Some(&p.organisation)))
                    .map(|p| (item_url(Noun::Person, p.id.as_str()), p.name.clone())),
            );
            ties.keeps.extend(
                all.assets
                    .values()
                    .filter(|a| here(a.owner.as_ref()) || here(a.operator.as_ref()))
                    .map(|a| (asset_url(a.id.as_str()), a.name.clone())),
            );
            let systems = all.systems.values().filter(|s| here(s.owner.as_ref()));
            ties.cleaned.extend(systems.map(|s| text::remove_system(l, s.name.clone())));
        }
        What::Listed(Noun::Person) => {
            ties.name.clone_from(&all.persons.get(id).ok_or_else(|| Problem::unknown("责任人", "person", id))?.name);
            let here = |p: Option<&crate::model::PersonId>| p.is_some_and(|p| p.as_str() == id);
            ties.cleaned.extend(
                all.assets
                    .values()
                    .filter(|a| here(a.person.as_ref()))
                    .map(|a| text::remove_person_of(l, a.name.clone())),
            );
            ties.cleaned.extend(
                all.persons
                    .values()
                    .filter(|p| here(p.deputy.as_ref()))
                    .map(|p| text::remove_deputy_of(l, p.name.clone())),
            );
        }
    }
    Ok(ties)
}

/// The inventory without it and what names it.
fn without(old: &Inventory, what: What, id: &str) -> Inventory {
    let mut new = old.clone();
    let mut gone: Vec<String> = vec![id.to_owned()];
    match what {
        What::Asset => {
            new.assets.remove(id);
            gone.extend(new.links.values().filter(|link| ends_at(link, id)).map(|link| link.id.to_string()));
            new.links.retain(|_, link| !ends_at(link, id));
            for system in new.systems.values_mut() {
                system.assets.retain(|asset| asset.as_str() != id);
            }
        }
        What::Link => drop(new.links.remove(id)),
        What::Listed(Noun::Region) => drop(new.regions.remove(id)),
        What::Listed(Noun::Unit) => {
            new.organisations.remove(id);
            for system in new.systems.values_mut() {
                system.owner.take_if(|owner| owner.as_str() == id);
            }
        }
        What::Listed(Noun::Person) => {
            new.persons.remove(id);
            for asset in new.assets.values_mut() {
                asset.person.take_if(|person| person.as_str() == id);
            }
            for person in new.persons.values_mut() {
                person.deputy.take_if(|deputy| deputy.as_str() == id);
            }
        }
    }
    if matches!(what, What::Asset | What::Link) {
        for asset in new.assets.values_mut() {
            for group in &mut asset.depends_on {
                group.retain(|thing| !gone.contains(thing));
            }
            asset.depends_on.retain(|group| !group.is_empty());
        }
    }
    new
}

fn show(cx: &Cx, what: What, ties: &Ties, said: &Wrong) -> Response {
    let (l, id) = (cx.lang, encode(cx.part("id")));
    let title = text::remove_title(l, ties.name.clone());
    let (action, cancel) = match what {
        What::Asset => (format!("/assets/{id}/remove"), format!("/assets/{id}")),
        What::Link => (format!("/links/{id}/remove"), format!("/links/{id}")),
        What::Listed(noun) => {
            (format!("/inventory/{}/{id}/remove", noun.as_str()), format!("/inventory?what={}", noun.as_str()))
        }
    };
    let place = match what {
        What::Asset => Place::Assets,
        What::Link => Place::Links,
        What::Listed(_) => Place::Import,
    };
    let inside = html! {
        (ui::heading(&title, html! {}))
        (said.note(cx))
        section.card.narrow {
            @if ties.keeps.is_empty() {
                p { (match what {
                    What::Asset | What::Link => text::remove_tombstone(l),
                    What::Listed(_) => text::remove_listed(l),
                }) }
                @if !ties.cleaned.is_empty() { p { (text::remove_cleaned(l)) } (names(cx, ties.cleaned.iter().map(|line| html! { (line) }), ties.cleaned.len())) }
                (form::post(cx, &action, html! {
                    @if !ties.links.is_empty() {
                        p { (form::check("links", &text::remove_links(l, ties.links.len()), false)) }
                        (names(cx, ties.links.iter().map(|(id, name)| html! { a href={ "/links/" (encode(id)) } { (name) } }), ties.links.len()))
                    }
                    div.row { button.danger type="submit" { (text::remove_do(l)) } a.button href=(cancel) { (text::declare_cancel(l)) } }
                }))
            } @else {
                (ui::note(Tone::Warn, html! { (text::remove_kept(l, ties.keeps.len())) }))
                (names(cx, ties.keeps.iter().map(|(url, name)| html! { a href=(url) { (name) } }), ties.keeps.len()))
                p { a.button href=(cancel) { (text::declare_cancel(l)) } }
            }
        }
    };
    layout::page(cx, place, &title, inside)
}

fn names(cx: &Cx, all: impl Iterator<Item = Markup>, count: usize) -> Markup {
    html! {
        ul {
            @for name in all.take(MOST_NAMED) { li { (name) } }
            @if count > MOST_NAMED { li { (text::remove_more(cx.lang, count - MOST_NAMED)) } }
        }
    }
}
