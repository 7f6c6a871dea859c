//! The page of one incident: what it is, what it means, who is concerned, what was done, what can be done now.
//! What changes by itself stands in regions of its own, so that nobody loses what they are writing.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::act::Action;
use super::affected::Affected;
use super::inbox::url;
use super::words::{Names, close_cause};
use super::{charts, forms, notice, runbook};
use crate::console::api::problem::Problem;
use crate::console::command::IncidentDetail;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::Severity;
use crate::model::incident::{Ack, AckKind, Contribution, Incident, TimelineEntry};

/// Symptoms in the list of an incident; the inbox has the rest.
const MAX_SYMPTOMS: usize = 50;
/// Lines of the time line at first; older ones open by a click.
const MAX_LINES: usize = 60;

/// An incident with all that its page shows.
pub struct Shown {
    /// The incident, its time line and symptoms.
    pub detail: IncidentDetail,
    /// Names.
    pub names: Names,
    /// Its cause, if it is a symptom and the reader may see it.
    pub cause: Option<Incident>,
    /// The one before it of the same key.
    pub previous: Option<Incident>,
}

impl Shown {
    /// Reads it; a problem if it is not there for this reader.
    pub async fn read(cx: &Cx, id: &str) -> Result<Self, Problem> {
        let store = &cx.service.store;
        let scope = cx.scope();
        let detail = store.incident(&scope, id).await?.ok_or_else(|| Problem::unknown("事件", "incident", id))?;
        let mut others = [None, None];
        for (place, id) in others.iter_mut().zip([&detail.incident.cause, &detail.incident.previous]) {
            if let Some(id) = id {
                *place = store.incident(&scope, id).await?.map(|d| d.incident);
            }
        }
        let [cause, previous] = others;
        Ok(Self { detail, names: Names::of(cx), cause, previous })
    }

    /// Object and problem.
    pub fn title(&self) -> String {
        let i = &self.detail.incident;
        format!("{} {}", self.names.object(&i.key.object), self.names.problem_of(i))
    }
}

/// What was refused, and what the form held.
pub struct Refused {
    /// What was to be done.
    pub action: Action,
    /// Why not, in the reader's language.
    pub why: String,
}

/// `GET /incidents/{id}`
pub async fn page(cx: Cx) -> Answer {
    let shown = Shown::read(&cx, cx.part("id")).await?;
    Ok(show(&cx, &shown, None))
}

/// The page again, with why an action was refused.
pub async fn refused(cx: &Cx, id: &str, action: Action, problem: Problem) -> Answer {
    let shown = Shown::read(cx, id).await?;
    let status = status_of(&problem);
    let mut answer = show(cx, &shown, Some(&Refused { action, why: cx.problem(&problem).to_owned() }));
    *answer.status_mut() = status;
    Ok(answer)
}

/// The status of a page with an error in its form: what was wrongly written is not a wrong request.
pub fn status_of(problem: &Problem) -> StatusCode {
    if problem.status == StatusCode::BAD_REQUEST { StatusCode::UNPROCESSABLE_ENTITY } else { problem.status }
}

fn show(cx: &Cx, shown: &Shown, refused: Option<&Refused>) -> Response {
    let l = cx.lang;
    let i = &shown.detail.incident;
    let title = shown.title();
    let affected = Affected::of(&shown.names.inventory, &i.key.object);
    let inside = html! {
        (ui::trail(&[("/incidents", text::nav_incidents(l)), (&url(i), &title)]))
        (said(cx))
        (ui::live(cx, "now", &[Topic::Incidents], now(cx, shown)))
        div.columns.incident {
            div {
                (charts::show(cx, shown))
                (ui::live(cx, "story", &[Topic::Incidents], html! {
                    (related(cx, shown))
                    (judged(cx, shown))
                    (timeline(cx, shown))
                }))
            }
            div {
                (ui::live(cx, "do", &[Topic::Incidents], forms::show(cx, shown, &affected, refused)))
                (concerned(cx, shown, &affected))
                (meaning(cx, i))
                (notice::card(cx, shown))
            }
        }
    };
    layout::page(cx, Place::Incidents, &title, inside)
}

fn said(cx: &Cx) -> Markup {
    let l = cx.lang;
    let words = match cx.query.text("said") {
        "ack" => text::incident_said_ack(l),
        "unack" => text::incident_said_unack(l),
        "assign" => text::incident_said_assign(l),
        "note" => text::incident_said_note(l),
        "resolve" => text::incident_said_resolve(l),
        "close" => text::incident_said_close(l),
        "probe" => text::incident_said_probe(l),
        _ => return html! {},
    };
    ui::note(Tone::Good, html! { (words) })
}

/// Where it stands.
fn now(cx: &Cx, shown: &Shown) -> Markup {
    let l = cx.lang;
    let i = &shown.detail.incident;
    let names = &shown.names;
    let end = i.resolved.or(i.closed);
    let class = if i.state.active() { i.severity.as_str() } else { "ended" };
    let mut facts: Vec<(&str, Markup)> = vec![
        (text::incident_opened(l), time::at(cx, i.opened)),
        (text::incident_lasting(l), html! { (time::lasting(l, end.unwrap_or(cx.now).since(i.opened))) }),
    ];
    if let Some(resolved) = i.resolved {
        facts.push((text::incident_resolved_at(l), time::at(cx, resolved)));
    }
    if let Some(closed) = i.closed {
        facts.push((text::incident_closed_at(l), time::at(cx, closed)));
    }
    if let Some(cause) = i.close_cause {
        facts.push((text::incident_close_cause(l), html! { (close_cause(l, cause)) }));
        facts.push((text::incident_party(l), ui::or_none(i.party.as_deref().unwrap_or_default())));
    }
    facts.push((text::incident_count(l), html! { (text::incident_times(l, i.count)) }));
    facts.push((
        text::incident_assignee(l),
        match &i.assignee {
            Some(who) => html! { (names.person(who)) },
            None => html! { span.none { (text::incident_who_nobody(l)) } },
        },
    ));
    if let Some(ack) = &i.ack {
        facts.push((text::state_acked(l), acknowledged(cx, names, ack)));
    }
    facts.push((text::incident_updated(l), time::ago(cx, i.updated)));
    html! {
        div.incident-head.(class) {
            div.heading {
                h1 {
                    span.badges { (badge::severity(l, i.severity)) " " (badge::state(l, i.state)) " " (badge::flags(l, i.flags)) }
                    (names.problem_of(i))
                }
                div.beside { a.big href=(ui::object_url(&i.key.object)) { (names.object(&i.key.object)) } }
            }
            (ui::facts(&facts))
        }
    }
}

fn acknowledged(cx: &Cx, names: &Names, ack: &Ack) -> Markup {
    let l = cx.lang;
    html! {
        (names.actor(&ack.by)) " " (time::at(cx, ack.at))
        div.under {
            @match ack.kind {
                AckKind::UntilChange => (text::incident_until_change(l)),
                AckKind::Until(until) => { (text::incident_until(l)) " " (time::at(cx, until)) },
                AckKind::Sticky => (text::incident_sticky(l)),
            }
            @if !ack.comment.is_empty() { " · " (ack.comment) }
        }
    }
}

/// Its cause, its symptoms, the one before.
fn related(cx: &Cx, shown: &Shown) -> Markup {
    let l = cx.lang;
    let i = &shown.detail.incident;
    let symptoms = &shown.detail.symptoms;
    if i.cause.is_none() && symptoms.is_empty() && i.previous.is_none() {
        return html! {};
    }
    let active = symptoms.iter().filter(|s| s.state.active()).count();
    html! {
        section.card {
            @if i.cause.is_some() {
                h2 { (text::incident_its_cause(l)) }
                @match &shown.cause {
                    Some(cause) => (lines(cx, &shown.names, std::slice::from_ref(cause))),
                    None => p.help { (text::incident_cause_hidden(l)) },
                }
            }
            @if !symptoms.is_empty() {
                h2 { (text::incident_its_symptoms(l, symptoms.len(), active)) }
                (lines(cx, &shown.names, symptoms.get(..MAX_SYMPTOMS.min(symptoms.len())).unwrap_or_default()))
                @if symptoms.len() > MAX_SYMPTOMS { p.help { (text::incident_more(l, symptoms.len() - MAX_SYMPTOMS)) } }
            }
            @if i.previous.is_some() {
                h2 { (text::incident_its_previous(l)) }
                @match &shown.previous {
                    Some(previous) => (lines(cx, &shown.names, std::slice::from_ref(previous))),
                    None => p.help { (text::incident_previous_gone(l)) },
                }
            }
        }
    }
}

/// Other incidents, a line each.
fn lines(cx: &Cx, names: &Names, incidents: &[Incident]) -> Markup {
    let l = cx.lang;
    html! {
        ul.plain.incidents {
            @for i in incidents {
                li {
                    (badge::severity(l, i.severity)) " " (badge::state(l, i.state)) " "
                    a href=(url(i)) { (names.object(&i.key.object)) " " (names.problem_of(i)) } " "
                    small { (time::at(cx, i.opened)) " · " (time::lasting(l, i.resolved.unwrap_or(cx.now).since(i.opened))) }
                }
            }
        }
    }
}

/// Who says so, by which rule, since when, by what it measured.
fn judged(cx: &Cx, shown: &Shown) -> Markup {
    let l = cx.lang;
    let names = &shown.names;
    let all = &shown.detail.incident.contributions;
    html! {
        section.card {
            h2 { (text::incident_judged_by(l)) }
            @if all.is_empty() { p.help { (text::incident_judged_none(l)) } }
            @for c in all {
                article.judged.over[!c.firing] {
                    h3 {
                        @if c.firing { (badge::good(false, text::incident_firing(l))) } @else { (badge::good(true, text::incident_cleared(l))) }
                        " " (names.rule(&c.rule)) " " (severity_if_other(cx, shown, c))
                        @if c.flapping { " " (badge::mark(text::flag_flapping(l))) }
                        @if c.stale { " " (badge::mark(text::flag_stale(l))) }
                    }
                    @let values = names.evidence(&c.rule, &c.evidence);
                    @if !values.is_empty() {
                        dl.facts { @for v in &values { div { dt { (v.name) } dd.mono { (v.value) } } } }
                    }
                    p.help {
                        (text::incident_said_by(l)) " "
                        @if c.agent.as_str() == crate::engine::incident::CONSOLE { (names.agent(&c.agent)) }
                        @else { a href={ "/agents/" (c.agent) } { (names.agent(&c.agent)) } }
                        " · " (text::incident_since(l)) " " (time::at(cx, c.since)) " · " (text::incident_last_heard(l)) " " (time::ago(cx, c.at))
                        " · " (text::incident_times(l, c.count)) " · " (text::incident_rule(l)) " " code { (c.rule) }
                    }
                }
            }
        }
    }
}

fn severity_if_other(cx: &Cx, shown: &Shown, c: &Contribution) -> Markup {
    let whole: Severity = shown.detail.incident.severity;
    html! { @if c.severity != whole { (badge::severity(cx.lang, c.severity)) } }
}

/// What happened, the newest first.
fn timeline(cx: &Cx, shown: &Shown) -> Markup {
    let l = cx.lang;
    let names = &shown.names;
    let all = &shown.detail.timeline;
    let line = |entry: &TimelineEntry| {
        let line = names.line(entry);
        html! {
            li.person[line.by_person].(entry.kind.as_str()) {
                div.when { (time::at(cx, entry.at)) " " span.who { (names.actor(&entry.actor)) } }
                strong { (line.what) }
                @if !line.said.is_empty() { div.words { (line.said) } }
            }
        }
    };
    html! {
        section.card {
            h2 { (text::incident_timeline(l)) }
            ol.timeline { @for entry in all.iter().rev().take(MAX_LINES) { (line(entry)) } }
            @if all.len() > MAX_LINES {
                details {
                    summary { (text::incident_more(l, all.len() - MAX_LINES)) }
                    ol.timeline { @for entry in all.iter().rev().skip(MAX_LINES) { (line(entry)) } }
                }
            }
        }
    }
}

/// Who and what is concerned.
fn concerned(cx: &Cx, shown: &Shown, affected: &Affected<'_>) -> Markup {
    let l = cx.lang;
    let inventory = &shown.names.inventory;
    let units = affected.units(inventory);
    let persons = affected.persons(inventory);
    let mut facts: Vec<(&str, Markup)> = Vec::new();
    let places = affected.places(&shown.names);
    if !places.is_empty() {
        facts.push((text::incident_region(l), html! { (places.join(l.pick("、", ", "))) }));
    }
    for asset in &affected.assets {
        if !asset.location.is_empty() {
            facts.push((text::incident_location(l), html! { (asset.location) }));
        }
    }
    for (link, carrier) in affected.carriers() {
        facts.push((text::incident_carrier(l), html! {
            (carrier.name)
            @if !carrier.circuit.is_empty() { div { (text::incident_circuit(l)) " " strong.mono { (carrier.circuit) } } }
            @if !carrier.hotline.is_empty() { div { (text::incident_hotline(l)) " " a.strong href={ "tel:" (phone(&carrier.hotline)) } { (carrier.hotline) } } }
            @if affected.links.len() > 1 { div.under { (link.name) } }
        }));
    }
    html! {
        section.card {
            h2 { (text::incident_affected(l)) }
            @if !affected.systems.is_empty() {
                ul.plain { @for system in &affected.systems {
                    li { strong { (system.name) } " " (badge::mark(&text::incident_level(l, system.level))) }
                } }
            }
            @if !units.is_empty() {
                ul.plain { @for unit in &units {
                    li { (unit.name) " " @if unit.owns { (badge::mark(text::incident_owns(l))) } " " @if unit.operates { (badge::mark(text::incident_operates(l))) } }
                } }
            }
            @if !persons.is_empty() {
                ul.plain { @for (name, mobile) in &persons {
                    li { (name) @if !mobile.is_empty() { " " a href={ "tel:" (phone(mobile)) } { (mobile) } } }
                } }
            }
            @if facts.is_empty() && units.is_empty() && affected.systems.is_empty() { p.help { (text::incident_affected_none(l)) } }
            (ui::facts(&facts))
        }
    }
}

/// What a telephone can dial of a text.
fn phone(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
}

/// What it means and what to do.
fn meaning(cx: &Cx, incident: &Incident) -> Markup {
    let l = cx.lang;
    let found = runbook::find(l, &incident.runbook);
    html! {
        section.card.prose {
            h2 { (text::incident_meaning(l)) }
            @match found {
                Some(book) => { (book.show()) p.help { a href={ "/runbooks/" (incident.runbook) } { (text::incident_runbook_open(l)) } } },
                None => p.help { (text::incident_runbook_none(l)) },
            }
        }
    }
}
