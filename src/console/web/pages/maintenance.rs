//! Maintenance windows: what is open and to come, announcing one, agreeing to it, ending it.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use maud::{Markup, html};

use super::audit::moment;
use crate::console::api::query::encode;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, badge, time, words};
use crate::engine::maintenance::stage;
use crate::model::inventory::Inventory;
use crate::model::maintenance::{Every, Maintenance, Stage, Work};
use crate::model::{Object, ProblemId, Wall};

/// Windows that are over, newest first, at most.
const OVER: usize = 50;
/// Objects of a window that a row names.
const NAMED: usize = 4;
/// Objects that the form proposes; others are written by their ids.
const PROPOSED: usize = 1_000;

type Next = Option<(Wall, Wall)>;

/// `GET /maintenance`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None)
}

fn show(cx: &Cx, refused: Option<&str>) -> Answer {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let mut all: Vec<(Stage, Next, Arc<Maintenance>)> = cx
        .service
        .store
        .maintenance(&cx.scope())
        .into_iter()
        .map(|window| {
            let (stage, next) = stage(&window, &cx.zone, cx.now);
            (stage, next, window)
        })
        .collect();
    all.sort_by_key(|(stage, next, _)| (*stage, next.map(|(from, _)| from)));
    let (ended, ahead): (Vec<_>, Vec<_>) = all.into_iter().partition(|(stage, ..)| *stage == Stage::Over);
    let inside = html! {
        (ui::heading(text::nav_maintenance(l), html! {}))
        @if let Some(said) = said(cx) { (ui::note(Tone::Good, html! { (said) })) }
        @if let Some(why) = refused.filter(|_| cx.form.text("do") != "add") { (ui::note(Tone::Bad, html! { (why) })) }
        p.help { (text::maintenance_help(l)) }
        (ui::live(cx, "windows", &[Topic::Incidents, Topic::Inventory], html! {
            @if ahead.is_empty() {
                section.card { (ui::empty(text::maintenance_none(l), html! { (text::maintenance_none_advice(l)) })) }
            } @else { (table(cx, &inventory, &ahead)) }
        }))
        @if cx.operates() {
            section.card #announce-window { h2 { (text::maintenance_add(l)) } (announce(cx, &inventory, refused.filter(|_| cx.form.text("do") == "add"))) }
        }
        @if !ended.is_empty() {
            details.card { summary { strong { (text::maintenance_over(l)) } } (table(cx, &inventory, ended.get(..OVER.min(ended.len())).unwrap_or_default())) }
        }
    };
    let mut answer = layout::page(cx, Place::Maintenance, text::nav_maintenance(l), inside);
    if refused.is_some() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(answer)
}

fn said(cx: &Cx) -> Option<&'static str> {
    let l = cx.lang;
    Some(match cx.query.text("said") {
        "added" => text::maintenance_said_added(l),
        "approved" => text::maintenance_said_approved(l),
        "ended" => text::maintenance_said_ended(l),
        _ => return None,
    })
}

const fn stage_word(l: Lang, stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => text::maintenance_stage_waiting(l),
        Stage::Running => text::maintenance_stage_running(l),
        Stage::Planned => text::maintenance_stage_planned(l),
        Stage::Over => text::maintenance_stage_over(l),
    }
}

fn stage_badge(l: Lang, stage: Stage) -> Markup {
    let tone = match stage {
        Stage::Waiting => Tone::Warn,
        Stage::Running => Tone::Good,
        Stage::Planned | Stage::Over => Tone::Info,
    };
    badge::toned(tone, stage_word(l, stage))
}

fn table(cx: &Cx, inventory: &Inventory, all: &[(Stage, Next, Arc<Maintenance>)]) -> Markup {
    let l = cx.lang;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::nav_maintenance(l)) { table.grid {
            thead { tr {
                th scope="col" { (text::maintenance_stage(l)) } th scope="col" { (text::maintenance_title(l)) }
                th scope="col" { (text::maintenance_objects(l)) } th scope="col" { (text::maintenance_when(l)) }
                th.wide scope="col" { (text::maintenance_by(l)) } @if cx.operates() { th scope="col" { (text::users_do(l)) } }
            } }
            tbody { @for (stage, next, window) in all { (row(cx, inventory, *stage, *next, window)) } }
        } }
    }
}

fn row(cx: &Cx, inventory: &Inventory, stage: Stage, next: Next, window: &Maintenance) -> Markup {
    let l = cx.lang;
    let (from, to) = next.unwrap_or((window.work.from, window.ended.as_ref().map_or(window.work.to, |mark| mark.at)));
    let mine = *window.created.by == *cx.actor().name;
    html! {
        tr {
            td { (stage_badge(l, stage)) }
            td { strong { (window.work.title) } @if !window.work.problems.is_empty() { div.under { (text::maintenance_only(l)) " " (problems(cx, window)) } } }
            td {
                @for object in window.work.objects.iter().take(NAMED) { div { (ui::object(inventory, object)) } }
                @if window.work.objects.len() > NAMED { div.under { (text::maintenance_more(l, window.work.objects.len() - NAMED)) } }
            }
            td {
                (time::at(cx, from)) br; (time::at(cx, to))
                div.under {
                    (text::maintenance_lasts(l, time::lasting(l, to.since(from))))
                    @if let (Some(every), Some(until)) = (window.work.every, window.work.until) {
                        " · " (match every { Every::Day => text::maintenance_every_day(l), Every::Week => text::maintenance_every_week(l) })
                        " " (text::maintenance_until(l)) " " (time::at(cx, until))
                    }
                }
            }
            td.wide {
                span.mono { (window.created.by) } br; small { (time::ago(cx, window.created.at)) }
                @if let Some(mark) = &window.approved { div.under { (text::maintenance_approved_by(l)) " " span.mono { (mark.by) } } }
                @if let Some(mark) = &window.ended { div.under { (text::maintenance_ended_by(l)) " " span.mono { (mark.by) } " " (time::ago(cx, mark.at)) } }
            }
            @if cx.operates() { td {
                @if stage == Stage::Waiting {
                    @if mine { p.help { (text::maintenance_needs_other(l)) } }
                    @else { (form::button(cx, "/maintenance", text::maintenance_approve(l), "primary", &[("do", "approve"), ("id", &window.id)])) " " }
                }
                @if stage != Stage::Over {
                    (form::button(cx, "/maintenance", if stage == Stage::Running { text::maintenance_end(l) } else { text::maintenance_call_off(l) }, "", &[("do", "end"), ("id", &window.id)]))
                }
            } }
        }
    }
}

/// The form; what was written stays when it was refused, and a page of an object fills it in.
fn announce(cx: &Cx, inventory: &Inventory, refused: Option<&str>) -> Markup {
    let l = cx.lang;
    let given = |name: &str| {
        let form = cx.form.text(name);
        if form.is_empty() { cx.query.text(name).to_owned() } else { form.to_owned() }
    };
    let (title, objects, problems) = (given("title"), given("objects"), given("problems"));
    let or = |name: &str, or: Wall| {
        let form = cx.form.text(name).to_owned();
        if form.is_empty() { local(cx, or) } else { form }
    };
    let (from, to) = (or("from", cx.now), or("to", cx.now.plus(Duration::from_secs(4 * 3_600))));
    let field = |name, label| Field { name, label, required: true, ..Field::default() };
    let when = |name, label| Field { kind: "datetime-local", ..field(name, label) };
    let every = [
        ("", text::maintenance_once(l)),
        ("day", text::maintenance_every_day(l)),
        ("week", text::maintenance_every_week(l)),
    ];
    html! {
        @if let Some(why) = refused { (ui::note(Tone::Bad, html! { (why) })) }
        (form::post(cx, "/maintenance", html! {
            input type="hidden" name="do" value="add";
            div.columns-2 {
                (form::input(&Field { value: &title, longest: 300, ..field("title", text::maintenance_title(l)) }))
                (form::suggest(&Field { value: &objects, longest: 4_000, help: text::maintenance_objects_help(l), ..field("objects", text::maintenance_objects(l)) }, &proposals(inventory)))
                (form::suggest(&Field { value: &problems, longest: 1_000, required: false, help: text::maintenance_problems_help(l), ..field("problems", text::maintenance_problems(l)) }, &known(cx)))
                (form::input(&Field { value: &from, ..when("from", text::maintenance_from(l)) }))
                (form::input(&Field { value: &to, help: text::maintenance_zone_help(l), ..when("to", text::maintenance_to(l)) }))
                (form::select(&Field { value: cx.form.text("every"), required: false, ..field("every", text::maintenance_every(l)) }, &every))
                (form::input(&Field { value: cx.form.text("until"), required: false, help: text::maintenance_until_help(l), ..when("until", text::maintenance_until(l)) }))
            }
            button.primary type="submit" { (text::maintenance_add(l)) }
        }))
    }
}

/// The only problems of a window, as a reader knows them.
fn problems(cx: &Cx, window: &Maintenance) -> String {
    let separator = if cx.lang == Lang::Zh { "、" } else { ", " };
    window.work.problems.iter().map(|problem| words::problem(cx, problem)).collect::<Vec<_>>().join(separator)
}

/// Problems that rules raise, with what they are.
fn known(cx: &Cx) -> Vec<(String, String)> {
    let definitions = cx.service.definitions();
    let own = words::OWN_PROBLEMS.iter().filter_map(|problem| problem.parse().ok());
    let all: BTreeSet<ProblemId> = definitions.rules.iter().map(|rule| rule.problem.clone()).chain(own).collect();
    all.into_iter().map(|problem| (problem.to_string(), words::problem(cx, &problem))).collect()
}

/// A time as such a field of a form holds it.
fn local(cx: &Cx, at: Wall) -> String {
    let zoned = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zoned.to_zoned(cx.zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// What could be written: links and regions first, they are what is worked on.
fn proposals(inventory: &Inventory) -> Vec<(String, String)> {
    let links = inventory.links.values().map(|link| (Object::Link(link.id.clone()), &link.name));
    let regions = inventory.regions.values().map(|region| (Object::Region(region.id.clone()), &region.name));
    let assets = inventory.assets.values().map(|asset| (Object::Asset(asset.id.clone()), &asset.name));
    links
        .chain(regions)
        .chain(assets)
        .take(PROPOSED)
        .map(|(object, name)| (object.to_string(), name.clone()))
        .collect()
}

/// `POST /maintenance`: announces, agrees or ends, as `do` says.
pub async fn submit(cx: Cx) -> Answer {
    let (command, said) = match cx.form.text("do") {
        "approve" => (Command::MaintenanceApprove { id: cx.form.text("id").to_owned() }, "approved"),
        "end" => (Command::MaintenanceEnd { id: cx.form.text("id").to_owned() }, "ended"),
        _ => match asked(&cx) {
            Ok(asked) => (Command::MaintenanceAdd(Box::new(asked)), "added"),
            Err(why) => return show(&cx, Some(&why)),
        },
    };
    match cx.command(None, command).await {
        Ok(_) => Ok(redirect(&format!("/maintenance?said={said}"))),
        Err(problem) => show(&cx, Some(cx.problem(&problem))),
    }
}

/// The form as it was sent; else what is wrong with it.
fn asked(cx: &Cx) -> Result<Work, String> {
    let l = cx.lang;
    let at = |name: &str, label: &str| {
        moment(cx, cx.form.text(name)).ok_or_else(|| text::maintenance_time_wrong(l, label.to_owned()))
    };
    let objects = listed(cx.form.text("objects"), |word| text::maintenance_object_wrong(l, word))?;
    let problems: Vec<ProblemId> = listed(cx.form.text("problems"), |word| text::maintenance_problem_wrong(l, word))?;
    let known = known(cx);
    if let Some(strange) = problems.iter().find(|problem| known.iter().all(|(id, _)| id != problem.as_str())) {
        return Err(text::maintenance_problem_wrong(l, strange.to_string()));
    }
    Ok(Work {
        title: cx.form.text("title").to_owned(),
        objects,
        problems,
        from: at("from", text::maintenance_from(l))?,
        to: at("to", text::maintenance_to(l))?,
        every: Every::parse(cx.form.text("every")),
        until: match cx.form.text("until") {
            "" => None,
            _ => Some(at("until", text::maintenance_until(l))?),
        },
    })
}

/// Several values of a text, however they are set apart; else what is wrong with the first that is none.
fn listed<T: FromStr>(text: &str, wrong: impl Fn(String) -> String) -> Result<Vec<T>, String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '，' | '、' | ';'));
    words.filter(|word| !word.is_empty()).map(|word| word.parse().map_err(|_| wrong(word.to_owned()))).collect()
}

/// The page on which maintenance of an object is announced.
pub fn announce_url(object: &Object) -> String {
    format!("/maintenance?objects={}#announce-window", encode(&object.to_string()))
}

/// Windows of an object that are open or to come, for its page.
pub fn of(cx: &Cx, object: &Object) -> Markup {
    let l = cx.lang;
    let week = cx.now.plus(Duration::from_secs(7 * 86_400));
    let windows = cx.service.store.maintained(&cx.scope(), object, cx.now, week);
    html! {
        @for (window, from, to) in windows.iter().take(NAMED) {
            @let open = *from <= cx.now;
            (ui::note(if open { Tone::Warn } else { Tone::Info }, html! {
                strong { (if open { text::maintenance_open_now(l) } else { text::maintenance_to_come(l) }) } " "
                a href="/maintenance" { (window.work.title) } ": " (time::at(cx, *from)) " – " (time::at(cx, *to))
            }))
        }
    }
}

#[cfg(test)]
mod tests;
