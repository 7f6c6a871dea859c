//! The pages: server-rendered HTML in Chinese and English, usable without scripts, better with them. One table
//! lists every page with who may see it; the gate in front of it knows sessions, forms and languages. Pages
//! change nothing but through `Command`, and ask nothing from any other site.

pub mod assets;
pub mod cx;
pub mod gate;
pub mod lang;
pub mod layout;
pub mod live;
pub mod pages;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod ui;

use std::future::Future;
use std::pin::Pin;

use crate::console::api::route::Needs;
use cx::{Answer, Cx};
use pages::declare::{asset as asset_form, link as link_form, lists, remove};
use pages::{
    account, agents, assets as asset_pages, audit, definitions, discover, events, gallery, graded, import, incidents,
    links, maintenance, overview, setup, sign_in, topology, users,
};

/// Who may open a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody; there may be no session.
    Open,
    /// Whoever is signed in with that role.
    Needs(Needs),
}

/// The future of a page.
pub type Page = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One row of the table.
pub struct PageRoute {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path, `{part}` where it varies.
    pub path: &'static str,
    /// Who may.
    pub door: Door,
    /// The largest body; forms are small, files are not.
    pub body: usize,
    /// Does it.
    pub run: fn(Cx) -> Page,
}

/// The largest form: a note of 4,000 characters, or 1,000 selected rows.
const FORM: usize = 64 << 10;

/// The largest form with a pasted text: 40,000 characters of Chinese in two fields, as forms encode them.
const PASTED: usize = 1 << 20;

/// Makes a page's function of an async one.
macro_rules! run {
    ($f:path) => {
        |cx| Box::pin($f(cx))
    };
}

const fn get(path: &'static str, needs: Needs, run: fn(Cx) -> Page) -> PageRoute {
    PageRoute { method: "GET", path, door: Door::Needs(needs), body: 0, run }
}

const fn post(path: &'static str, needs: Needs, run: fn(Cx) -> Page) -> PageRoute {
    PageRoute { method: "POST", path, door: Door::Needs(needs), body: FORM, run }
}

impl PageRoute {
    /// With bodies of at most so many bytes.
    const fn takes(self, body: usize) -> Self {
        Self { body, ..self }
    }
}

const fn open(route: PageRoute) -> PageRoute {
    PageRoute { door: Door::Open, ..route }
}

/// The table.
pub const PAGES: &[PageRoute] = &[
    get("/", Needs::Viewer, run!(overview::page)),
    get("/wall", Needs::Viewer, run!(overview::wall)),
    get("/assets", Needs::Viewer, run!(asset_pages::page)),
    post("/assets/views", Needs::Viewer, run!(asset_pages::keep_view)),
    get("/assets/{id}", Needs::Viewer, run!(asset_pages::one::page)),
    post("/assets/{id}/probe", Needs::Operator, run!(asset_pages::one::probe)),
    get("/assets/{id}/device", Needs::Viewer, run!(asset_pages::one::device::page)),
    get("/assets/{id}/walks", Needs::Operator, run!(asset_pages::one::walk::list)),
    post("/assets/{id}/walks", Needs::Operator, run!(asset_pages::one::walk::start)),
    get("/assets/{id}/walks/{walk}", Needs::Operator, run!(asset_pages::one::walk::page)),
    get("/topology", Needs::Viewer, run!(topology::page)),
    post("/topology/{id}/adopt", Needs::Admin, run!(topology::adopt)),
    get("/links", Needs::Viewer, run!(links::page)),
    post("/links/views", Needs::Viewer, run!(links::keep_view)),
    get("/links/{id}", Needs::Viewer, run!(links::one::page)),
    post("/links/{id}/probe", Needs::Operator, run!(links::one::probe)),
    get("/links/heat", Needs::Viewer, run!(links::heat::page)),
    // -- what devices said
    get("/events", Needs::Viewer, run!(events::page)),
    // -- graded protection
    get("/baseline", Needs::Viewer, run!(graded::page)),
    get("/baseline/files", Needs::Security, run!(graded::files::page)),
    post("/baseline/files", Needs::Security, run!(graded::files::hand_in)).takes(graded::files::BODY),
    post("/baseline/files/answers", Needs::Security, run!(graded::files::upload)).takes(graded::files::BODY),
    get("/baseline/files/answers/{token}", Needs::Security, run!(graded::files::preview)),
    post("/baseline/files/answers/{token}", Needs::Security, run!(graded::files::apply)),
    get("/baseline/items/{item}", Needs::Viewer, run!(graded::item::page)),
    post("/baseline/items/{item}", Needs::Security, run!(graded::item::answer)),
    get("/baseline/report", Needs::Viewer, run!(graded::report::page)),
    get("/baseline/waivers", Needs::Viewer, run!(graded::waivers::page)),
    post("/baseline/waivers", Needs::Security, run!(graded::waivers::submit)),
    get("/baseline/{asset}/states", Needs::Viewer, run!(graded::states::page)),
    get("/baseline/{asset}", Needs::Viewer, run!(graded::asset)),
    post("/baseline/{asset}", Needs::Security, run!(graded::answer)),
    // -- maintenance
    get("/maintenance", Needs::Viewer, run!(maintenance::page)),
    post("/maintenance", Needs::Operator, run!(maintenance::submit)),
    // -- incidents
    get("/incidents", Needs::Viewer, run!(incidents::list)),
    post("/incidents", Needs::Operator, run!(incidents::bulk)),
    post("/incidents/views", Needs::Viewer, run!(incidents::views)),
    get("/incidents/{id}", Needs::Viewer, run!(incidents::one)),
    get("/incidents/{id}/notice", Needs::Viewer, run!(incidents::notice)),
    post("/incidents/{id}/{action}", Needs::Operator, run!(incidents::act)),
    get("/runbooks/{name}", Needs::Viewer, run!(incidents::runbook)),
    // -- agents
    get("/agents", Needs::Viewer, run!(agents::page)),
    get("/agents/{id}", Needs::Viewer, run!(agents::one::page)),
    get("/agents/{id}/revoke", Needs::Admin, run!(agents::enroll::ask_revoke)),
    post("/agents/{id}/revoke", Needs::Admin, run!(agents::enroll::revoke)),
    get("/enroll", Needs::Admin, run!(agents::enroll::page)),
    post("/enroll", Needs::Admin, run!(agents::enroll::submit)),
    // -- definitions
    get("/definitions", Needs::Viewer, run!(definitions::page)),
    get("/definitions/{kind}/{id}", Needs::Viewer, run!(definitions::one::page)),
    // -- audit trail
    get("/audit", Needs::Admin, run!(audit::page)),
    get("/audit/{seq}", Needs::Admin, run!(audit::one)),
    post("/audit/verify", Needs::Admin, run!(audit::verify)),
    // -- coming and going
    open(get("/signin", Needs::Viewer, run!(sign_in::page))),
    open(post("/signin", Needs::Viewer, run!(sign_in::submit))),
    open(get("/welcome", Needs::Viewer, run!(sign_in::welcome))),
    post("/signout", Needs::Viewer, run!(account::sign_out)),
    // -- oneself, and people
    get("/account", Needs::Viewer, run!(account::page)),
    post("/account/password", Needs::Viewer, run!(account::change)),
    post("/account/sessions/end", Needs::Viewer, run!(account::end)),
    post("/account/wall", Needs::Admin, run!(account::wall)),
    get("/users", Needs::Admin, run!(users::page)),
    get("/users/add", Needs::Admin, run!(users::add)),
    post("/users/add", Needs::Admin, run!(users::create)),
    get("/users/{name}/{what}", Needs::Admin, run!(users::ask)),
    post("/users/{name}/{what}", Needs::Admin, run!(users::act)),
    open(get("/prefer", Needs::Viewer, run!(account::prefer))),
    // -- setting up
    get("/setup", Needs::Admin, run!(setup::page)),
    get("/setup/account", Needs::Admin, run!(setup::account::page)),
    post("/setup/account", Needs::Admin, run!(setup::account::submit)),
    get("/setup/units", Needs::Admin, run!(setup::units::page)),
    post("/setup/units", Needs::Admin, run!(setup::units::submit)).takes(PASTED),
    get("/setup/credentials", Needs::Admin, run!(setup::credentials::page)),
    post("/setup/credentials", Needs::Admin, run!(setup::credentials::submit)),
    post("/setup/credentials/remove", Needs::Admin, run!(setup::credentials::remove)),
    get("/setup/assets", Needs::Admin, run!(setup::steps::assets)),
    get("/setup/links", Needs::Admin, run!(setup::steps::links)),
    post("/setup/links", Needs::Admin, run!(setup::steps::links_submit)),
    get("/setup/people", Needs::Admin, run!(setup::people::page)),
    post("/setup/people", Needs::Admin, run!(setup::people::submit)),
    post("/setup/people/test", Needs::Admin, run!(setup::people::test)),
    get("/setup/cable", Needs::Admin, run!(setup::steps::cable)),
    post("/setup/cable", Needs::Admin, run!(setup::steps::cable_order)),
    // -- importing and finding
    get("/import", Needs::Admin, run!(import::page)),
    post("/import", Needs::Admin, run!(import::upload)).takes(import::BODY),
    get("/import/template.xlsx", Needs::Admin, run!(import::template)),
    get("/import/inventory.toml", Needs::Admin, run!(import::toml::export)),
    post("/import/toml", Needs::Admin, run!(import::toml::submit)).takes(import::toml::BODY),
    get("/import/{token}", Needs::Admin, run!(import::preview)),
    post("/import/{token}/map", Needs::Admin, run!(import::map)),
    post("/import/{token}/apply", Needs::Admin, run!(import::apply)),
    get("/import/{token}/bad.xlsx", Needs::Admin, run!(import::bad)),
    get("/discover", Needs::Admin, run!(discover::page)),
    post("/discover", Needs::Admin, run!(discover::start)),
    get("/discover/{id}", Needs::Admin, run!(discover::one)),
    post("/discover/{id}/adopt", Needs::Admin, run!(discover::adopt)).takes(PASTED),
    // -- declaring things by hand
    get("/assets/new", Needs::Admin, run!(asset_form::new)),
    post("/assets/new", Needs::Admin, run!(asset_form::create)),
    get("/assets/{id}/edit", Needs::Admin, run!(asset_form::edit)),
    post("/assets/{id}/edit", Needs::Admin, run!(asset_form::change)),
    get("/assets/{id}/remove", Needs::Admin, run!(remove::asset)),
    post("/assets/{id}/remove", Needs::Admin, run!(remove::asset_gone)),
    get("/links/new", Needs::Admin, run!(link_form::new)),
    post("/links/new", Needs::Admin, run!(link_form::create)),
    get("/links/{id}/edit", Needs::Admin, run!(link_form::edit)),
    post("/links/{id}/edit", Needs::Admin, run!(link_form::change)),
    get("/links/{id}/remove", Needs::Admin, run!(remove::link)),
    post("/links/{id}/remove", Needs::Admin, run!(remove::link_gone)),
    get("/inventory", Needs::Admin, run!(lists::page)),
    get("/inventory/{noun}/new", Needs::Admin, run!(lists::new)),
    post("/inventory/{noun}/new", Needs::Admin, run!(lists::create)),
    get("/inventory/{noun}/{id}/edit", Needs::Admin, run!(lists::edit)),
    post("/inventory/{noun}/{id}/edit", Needs::Admin, run!(lists::change)),
    get("/inventory/{noun}/{id}/remove", Needs::Admin, run!(remove::listed)),
    post("/inventory/{noun}/{id}/remove", Needs::Admin, run!(remove::listed_gone)),
    // -- for those who build pages
    get("/gallery", Needs::Viewer, run!(gallery::page)),
];

#[cfg(test)]
mod tests;
