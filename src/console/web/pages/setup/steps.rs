//! The steps that lead to other pages or show little of their own: assets, links, and the cable.

use axum::http::StatusCode;
use maud::html;

use super::Step;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::board::known_port;
use crate::console::command::{IncidentFilter, Page};
use crate::console::demo::{Demo, DemoOrder};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::live::Topic;
use crate::console::web::pages::declare::link::{self, Taken, end_words, tier_word};
use crate::console::web::pages::declare::wrong;
use crate::console::web::text;
use crate::console::web::ui::form;
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::incident::Incident;
use crate::model::inventory::Inventory;
use crate::model::{LinkId, Object};

/// Links that the step lists; all of them are on their own page.
const SHOWN: usize = 50;
/// Incidents shown of a pulled cable.
const INCIDENTS: usize = 5;

/// `GET /setup/assets`
pub async fn assets(cx: Cx) -> Answer {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let ways = [
        ("/import", text::setup_assets_import(l), text::setup_assets_import_about(l)),
        ("/discover", text::setup_assets_discover(l), text::setup_assets_discover_about(l)),
        ("/assets/new", text::setup_assets_one(l), text::setup_assets_one_about(l)),
    ];
    let inside = html! {
        @if !inventory.has_assets() { (ui::note(Tone::Info, html! { (text::setup_assets_none(l)) })) }
        @else { (ui::note(Tone::Good, html! { (text::setup_assets_there(l, inventory.assets.len())) " " a href="/assets" { (text::setup_assets_look(l)) } })) }
        div.cards { @for (href, name, about) in ways { section.card { h2 { a href=(href) { (name) } } p { (about) } a.button href=(href) { (name) } } } }
    };
    Ok(super::step(&cx, Step::Assets, inside))
}

/// `GET /setup/links`
pub async fn links(cx: Cx) -> Answer {
    let filled = link::empty(&cx);
    show_links(&cx, &filled).await
}

/// `POST /setup/links`
pub async fn links_submit(cx: Cx) -> Answer {
    match link::take(&cx, None).await? {
        Taken::Saved(id) => Ok(redirect(&format!("/setup/links?said=saved&of={id}"))),
        Taken::Again(filled) => {
            let bad = !filled.wrong.is_empty();
            let page = show_links(&cx, &filled).await?;
            Ok(if bad { wrong(page) } else { page })
        }
    }
}

async fn show_links(cx: &Cx, filled: &crate::console::web::pages::declare::Filled) -> Answer {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let enough = inventory.has_assets();
    let inside = html! {
        @if cx.query.text("said") == "saved" { (ui::note(Tone::Good, html! { (text::declare_saved(l)) })) }
        @if !inventory.links.is_empty() {
            div.scroll tabindex="0" { table.grid {
                thead { tr { th scope="col" { (text::linkform_name(l)) } th scope="col" { (text::linkform_end_a(l)) } th scope="col" { (text::linkform_end_b(l)) } th.wide scope="col" { (text::linkform_tier(l)) } th.wide.number scope="col" { (text::linkform_capacity(l)) } } }
                tbody { @for link in inventory.links.values().take(SHOWN) {
                    tr {
                        td { a href={ "/links/" (encode(link.id.as_str())) "/edit" } { (link.name) } }
                        td { (end_words(&inventory, &link.a)) }
                        td { (end_words(&inventory, &link.b)) }
                        td.wide { (tier_word(l, link.tier)) }
                        td.wide.number { @match link.capacity_bps { Some(bps) => (number::bits(bps as f64)), None => (ui::none()) } }
                    }
                } }
            } }
            p.help { (text::setup_links_there(l, inventory.links.len())) " " a href="/links" { (text::setup_links_all(l)) } }
        }
        @if enough {
            h2 { (text::linkform_new_title(l)) }
            (link::form(cx, None, filled, Step::Links.path(), Step::Links.path()).await?)
        } @else {
            (ui::empty(text::setup_links_no_assets(l), html! { a.button href=(Step::Assets.path()) { (text::setup_assets(l)) } }))
        }
    };
    Ok(super::step(cx, Step::Links, inside))
}

/// `GET /setup/cable?link=ID`
pub async fn cable(cx: Cx) -> Answer {
    let l = cx.lang;
    let inside = match cx.service.demo() {
        None => html! {
            (ui::note(Tone::Info, html! { (text::setup_cable_no_demo(l)) }))
            pre { "fengsui up --demo" }
            p { (text::setup_cable_no_demo_more(l)) }
        },
        Some(demo) => {
            let (_, inventory) = cx.service.store.inventory();
            let pulled = demo.pulled.borrow().clone();
            let said = match cx.query.text("said") {
                "pulled" => Some(text::setup_cable_pulled(l)),
                "plugged" => Some(text::setup_cable_plugged(l)),
                _ => None,
            };
            let opened = match cx.query.get("link").and_then(|id| LinkId::new(id).ok()) {
                Some(id) => incidents(&cx, &inventory, &id).await?,
                None => Vec::new(),
            };
            let body = html! {
                @if let Some(id) = cx.query.get("link") {
                    div.act {
                        h2 { (text::setup_cable_incidents(l)) }
                        @if pulled.iter().any(|out| out.as_str() == id) { (form::button(&cx, Step::Cable.path(), text::setup_cable_plug(l), "primary", &[("link", id), ("do", "plug")])) }
                    }
                    @if opened.is_empty() { p.help { (text::setup_cable_wait(l)) } }
                    @else {
                        ul.plain { @for incident in &opened {
                            li {
                                (badge::severity(l, incident.severity)) " " (badge::state(l, incident.state)) " "
                                a href={ "/incidents/" (encode(&incident.id)) } { (ui::object_name(&inventory, &incident.key.object)) " · " (title(&cx, incident)) }
                                " " (time::ago(&cx, incident.opened))
                            }
                        } }
                        p.help { (text::setup_cable_follow(l)) }
                    }
                }
                div.scroll tabindex="0" { table.grid.middle {
                    thead { tr { th scope="col" { (text::nav_links(l)) } th scope="col" { (text::setup_cable_state(l)) } th scope="col" { (text::setup_cable_do(l)) } } }
                    tbody { @for (id, name) in &demo.cables {
                        @let out = pulled.contains(id);
                        tr {
                            td { a href={ "/links/" (encode(id.as_str())) } { (name) } }
                            td { (badge::good(!out, if out { text::setup_cable_out(l) } else { text::setup_cable_in(l) })) }
                            td {
                                @let (word, label, class) = if out { ("plug", text::setup_cable_plug(l), "primary") } else { ("pull", text::setup_cable_pull(l), "danger") };
                                (form::button(&cx, Step::Cable.path(), label, class, &[("link", id.as_str()), ("do", word)]))
                            }
                        }
                    } }
                } }
            };
            html! {
                @if let Some(said) = said { (ui::note(Tone::Good, html! { (said) })) }
                (ui::live(&cx, "cables", &[Topic::Incidents, Topic::Objects], body))
            }
        }
    };
    Ok(super::step(&cx, Step::Cable, inside))
}

/// What a rule calls its problem, in the reader's language; the problem's id where no rule is loaded for it.
fn title(cx: &Cx, incident: &Incident) -> String {
    let definitions = cx.service.definitions();
    let rule = definitions.rules.iter().find(|rule| rule.problem == incident.key.problem);
    rule.map_or_else(|| incident.key.problem.to_string(), |rule| cx.lang.pick(&rule.zh, &rule.en).to_owned())
}

/// Incidents of a link and of its ports that go on, or ended a moment ago.
async fn incidents(cx: &Cx, inventory: &Inventory, id: &LinkId) -> Result<Vec<Incident>, Problem> {
    let mut objects = vec![Object::Link(id.clone())];
    if let Some(link) = inventory.links.get(id) {
        let ports = {
            let newest = cx.service.store.newest();
            [&link.a, &link.b].map(|end| known_port(&newest, end))
        };
        objects.extend(ports.into_iter().flatten());
    }
    let mut found = Vec::new();
    for object in objects {
        let filter = IncidentFilter { object: Some(object), ..IncidentFilter::default() };
        let page = Page { limit: INCIDENTS, after: None };
        found.extend(cx.service.store.incidents(&cx.scope(), filter, page).await?.items);
    }
    // An hour: what the demonstration did before somebody came is not theirs.
    let recent = |i: &Incident| i.state.active() || cx.now.since(i.updated) < std::time::Duration::from_secs(3_600);
    found.retain(recent);
    found.sort_by(|a, b| b.opened.cmp(&a.opened).then_with(|| a.id.cmp(&b.id)));
    found.truncate(INCIDENTS);
    Ok(found)
}

/// `POST /setup/cable`
pub async fn cable_order(cx: Cx) -> Answer {
    let demo = cx.service.demo().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "这不是演示；请用 fengsui up --demo 启动",
            "this is no demonstration; start one with fengsui up --demo",
        )
    })?;
    let (id, name) = known(demo, cx.form.text("link"))?;
    let pull = cx.form.text("do") != "plug";
    let order = if pull { DemoOrder::Pull(id.clone()) } else { DemoOrder::Plug(id.clone()) };
    demo.pull.try_send(order).map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "演示正忙；请稍后再试",
            "the demonstration is busy; try again in a moment",
        )
        .retry_after(2)
    })?;
    tracing::info!(link = %id, name, pull, by = %cx.actor().name, "a cable of the demonstration");
    Ok(redirect(&format!("/setup/cable?link={id}&said={}", if pull { "pulled" } else { "plugged" })))
}

fn known<'a>(demo: &'a Demo, id: &str) -> Result<&'a (LinkId, String), Problem> {
    demo.cables.iter().find(|(link, _)| link.as_str() == id).ok_or_else(|| Problem::unknown("链路", "link", id))
}
