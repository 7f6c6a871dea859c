//! Who is told: contacts with their unit and number, and a message to try it out. Messages by mail and SMS come
//! with a later version; until then a test goes into the audit trail and the console's log, and the page says so.

use axum::response::Response;
use maud::html;

use super::Step;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::pages::declare::lists::{self, Noun, person_id};
use crate::console::web::pages::declare::{Filled, Refused, Wrong, made_id, options, save, units, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, time};
use crate::model::{PersonId, Wall};

/// Persons that the step lists; all of them are on the inventory's page.
const SHOWN: usize = 50;

/// `GET /setup/people`
pub async fn page(cx: Cx) -> Answer {
    Ok(show(&cx, &Filled::default()))
}

/// `POST /setup/people`
pub async fn submit(cx: Cx) -> Answer {
    let mut filled = Filled::sent(&cx, &["name", "organisation", "new_unit", "duty", "mobile"]);
    let (_, inventory) = cx.service.store.inventory();
    let mut drafts = Vec::new();
    let mut unit = filled.get("organisation").to_owned();
    let new_unit = filled.get("new_unit").to_owned();
    if unit.is_empty() && !new_unit.is_empty() {
        let there = inventory.organisations.values().find(|o| o.name == new_unit);
        unit = there.map_or_else(|| made_id("org", &new_unit), |o| o.id.to_string());
        if there.is_none() {
            let mut f = Filled::default();
            f.put("name", new_unit.as_str());
            drafts.push(lists::draft(Noun::Unit, &f, &unit).all_of("new_unit"));
        }
    }
    let name = filled.get("name").to_owned();
    let id = person_id(&unit, &name);
    let mobile_fine = filled.get("mobile").chars().all(|c| c.is_ascii_digit() || " +-()".contains(c));
    if name.is_empty() {
        filled.wrong = Wrong::field("name", text::declare_required(cx.lang));
    } else if unit.is_empty() {
        filled.wrong = Wrong::field("organisation", text::setup_people_no_unit(cx.lang));
    } else if !mobile_fine {
        filled.wrong = Wrong::field("mobile", text::setup_people_mobile_wrong(cx.lang));
    } else if inventory.persons.contains_key(id.as_str()) {
        filled.wrong = Wrong::field("name", text::setup_people_there(cx.lang));
    } else {
        let mut f = Filled::default();
        for field in ["name", "duty", "mobile"] {
            f.put(field, filled.get(field));
        }
        f.put("organisation", unit);
        drafts.push(lists::draft(Noun::Person, &f, &id));
        match save(&cx, &drafts).await {
            Ok(_) => return Ok(redirect("/setup/people?said=saved")),
            Err(Refused::Wrong(found)) => filled.wrong = found,
            Err(Refused::Problem(problem)) => return Err(problem),
        }
    }
    Ok(wrong(show(&cx, &filled)))
}

/// `POST /setup/people/test`
pub async fn test(cx: Cx) -> Answer {
    let person: PersonId = cx.form.text("person").parse().map_err(|error: crate::model::id::BadId| {
        crate::console::api::problem::Problem::wrong(format!("责任人标识有误：{error}"), error.to_string())
    })?;
    cx.command(None, Command::MessageTest { person: person.clone() }).await?;
    // Without the number: a log is read by more people than the inventory.
    tracing::info!(person = %person, by = %cx.actor().name, "test message: written here only, mail and SMS come with a later version");
    Ok(redirect(&format!("/setup/people?said=tested&of={person}&at={}", cx.now.millis())))
}

fn show(cx: &Cx, filled: &Filled) -> Response {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let unit = |id: &crate::model::OrganisationId| {
        inventory.organisations.get(id).map_or_else(|| id.to_string(), |o| o.name.clone())
    };
    let tested = (cx.query.text("said") == "tested").then(|| inventory.persons.get(cx.query.text("of"))).flatten();
    let at = cx.query.get("at").and_then(|at| at.parse().ok()).map_or(cx.now, Wall::from_millis);
    let inside = html! {
        @if cx.query.text("said") == "saved" { (ui::note(Tone::Good, html! { (text::declare_saved(l)) })) }
        @if let Some(person) = tested {
            (ui::note(Tone::Good, html! { p { (text::setup_people_tested(l, person.name.clone())) " " (time::at(cx, at)) } p { a href="/audit" { (text::setup_people_audit(l)) } } }))
        }
        (ui::note(Tone::Info, html! { (text::setup_people_later(l)) }))
        (filled.wrong.note(cx))
        @if !inventory.persons.is_empty() {
            div.scroll tabindex="0" { table.grid.middle {
                thead { tr { th scope="col" { (text::inventory_name(l)) } th scope="col" { (text::inventory_unit(l)) } th.wide scope="col" { (text::inventory_duty(l)) } th scope="col" { (text::inventory_mobile(l)) } th scope="col" { (text::setup_people_try(l)) } } }
                tbody { @for person in inventory.persons.values().take(SHOWN) {
                    tr {
                        td { a href={ "/inventory/person/" (person.id) "/edit" } { (person.name) } }
                        td { (unit(&person.organisation)) }
                        td.wide { (ui::or_none(&person.duty)) }
                        td { (ui::or_none(&person.mobile)) }
                        td { (form::button(cx, "/setup/people/test", text::setup_people_test(l), "", &[("person", person.id.as_str())])) }
                    }
                } }
            } }
            p.help { a href="/inventory?what=person" { (text::setup_units_all(l)) } }
        }
        section.card {
            h2 { (text::inventory_add_person(l)) }
            (form::post(cx, Step::People.path(), html! {
                div.columns-2 {
                    (form::input(&Field { complete: "off", ..filled.must("name", text::setup_people_name(l), "") }))
                    (form::input(&Field { kind: "tel", longest: 40, ..filled.field("mobile", text::inventory_mobile(l), "") }))
                    (form::select(&filled.field("organisation", text::inventory_unit(l), ""), &options(text::declare_none(l), units(&inventory).into_iter())))
                    (form::input(&filled.field("new_unit", text::setup_people_new_unit(l), text::setup_people_new_unit_help(l))))
                    (form::input(&filled.field("duty", text::inventory_duty(l), text::setup_people_duty_help(l))))
                }
                button.primary type="submit" { (text::inventory_add_person(l)) }
            }))
        }
    };
    super::step(cx, Step::People, inside)
}
