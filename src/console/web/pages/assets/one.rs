//! One asset: state first, then what is open, then how it was over time; what people declared and what agents
//! found out stand apart.

pub mod device;
pub mod fresh;
pub mod ports;
pub mod walk;

use maud::{Markup, html};

use super::filters::{address, unit_name};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::board::{Board, touches};
use crate::console::command::Command;
use crate::console::store::{Brief, Fact};
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::measured::{self, Said};
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, form, number, time, words};
use crate::engine::expose::Reach;
use crate::model::inventory::{Asset, Link, Person};
use crate::model::{AgentId, AssetId, Object};

/// Incidents on the page, newest first.
const INCIDENTS: usize = 20;

/// Everything the page shows.
struct Seen {
    board: Board,
    asset: Asset,
    object: Object,
    said: Vec<Said>,
    facts: Vec<Fact>,
    incidents: Vec<Brief>,
}

async fn look(cx: &Cx) -> Result<Seen, Problem> {
    let (scope, id) = (cx.scope(), cx.part("id"));
    let unknown = || Problem::unknown("资产", "asset", id);
    let wanted = AssetId::new(id).map_err(|_| unknown())?;
    let board = Board::of_asset(&cx.service, &scope, &wanted).await?;
    let asset = board.assets().next().cloned().ok_or_else(unknown)?;
    let object = Object::Asset(asset.id.clone());
    let store = &cx.service.store;
    let facts = store.facts(&scope, &object).await?;
    let incidents = store.incidents_about(&scope, vec![object.clone()], Some(asset.id.clone()), INCIDENTS).await?;
    let said = measured::said(&board, &store.newest(), &object);
    Ok(Seen { board, asset, object, said, facts, incidents })
}

/// `GET /assets/{id}`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None).await
}

/// `POST /assets/{id}/probe`: has it looked at now.
pub async fn probe(cx: Cx) -> Answer {
    let id = AssetId::new(cx.part("id")).map_err(|_| Problem::unknown("资产", "asset", cx.part("id")))?;
    let back = format!("/assets/{}?said=probed", encode(id.as_str()));
    let command = Command::ProbeNow { object: Object::Asset(id), count: 1, spacing_ms: 1_000 };
    match cx.command(None, command).await {
        Ok(_) => Ok(redirect(&back)),
        Err(problem) => refused(show(&cx, Some(&problem)).await, &problem),
    }
}

async fn show(cx: &Cx, refused: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let seen = look(cx).await?;
    let (board, asset) = (&seen.board, &seen.asset);
    let ports = ports::Ports::look(cx, board, asset).await?;
    if let Some(file) = ports.file(cx)? {
        return Ok(file);
    }
    let device = device::card(cx, asset).await?;
    let base = format!("/assets/{}", encode(asset.id.as_str()));
    let region = asset.region.as_ref().and_then(|r| board.inventory.regions.get(r));
    let above = region.map(|r| (ui::object_url(&Object::Region(r.id.clone())), r.name.clone()));
    let mut trail = vec![("/assets", text::nav_assets(l))];
    trail.extend(above.as_ref().map(|(href, name)| (href.as_str(), name.as_str())));
    let beside = html! {
        a.button href={ "/events?asset=" (encode(asset.id.as_str())) } { (text::nav_events(l)) }
        @if cx.operates() { (form::button(cx, &format!("{base}/probe"), text::assets_one_probe_now(l), "", &[])) }
        @if cx.administers() { a.button href={ (base) "/edit" } { (text::assets_one_edit(l)) } }
    };
    let span_url = |word: &str| match cx.query.get("port") {
        Some(port) => format!("{base}?span={word}&port={}#ports", encode(port)),
        None => format!("{base}?span={word}"),
    };
    let charts = measured::charts(cx, &seen.object, &seen.said);
    let inside = html! {
        (ui::trail(&trail))
        (ui::heading(&asset.name, beside))
        @if let Some(problem) = refused { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        (crate::console::web::pages::declare::lists::said(cx))
        @if cx.query.text("said") == "probed" { (ui::note(Tone::Good, html! { (text::assets_one_probed(l)) })) }
        (ui::live(cx, "state", &[Topic::Objects, Topic::Incidents, Topic::Agents], html! {
            (state(cx, &seen))
        }))
        div.columns.even {
            div {
                section.card #incidents { h2 { (text::assets_one_incidents(l)) } (incidents(cx, board, &seen.incidents)) }
                section.card {
                    div.heading { h2 { (text::assets_one_charts(l)) } div.beside { (measured::spans(cx, span_url)) } }
                    @if seen.said.is_empty() { (nothing_measured(cx, &seen)) } @else {
                        div.charts data-marks=(measured::marks(&seen.incidents)) { (charts) }
                        @if !seen.incidents.is_empty() { p.help { (text::measured_marks(l)) } }
                    }
                }
            }
            div {
                section.card { h2 { (text::assets_one_declared(l)) } (declared(cx, &seen)) }
                (device)
                section.card { h2 { (text::assets_one_observed(l)) } (measured::facts(cx, board, &seen.facts, &seen.said)) }
            }
        }
        (ports.show(cx, board, asset, span_url))
        (measured::runs(cx, board, &seen.facts, &seen.said))
        (measured::values(cx, board, &seen.said))
    };
    Ok(layout::page(cx, Place::Assets, &asset.name, inside))
}

/// Whose plan has something to do with the object.
pub fn watchers(cx: &Cx, board: &Board, object: &Object) -> Vec<AgentId> {
    let agents = board.inventory.agents.keys();
    agents
        .filter(|id| cx.service.plan(id).is_some_and(|p| p.plan.tasks.iter().any(|task| task.object == *object)))
        .cloned()
        .collect()
}

fn state(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let (board, asset) = (&seen.board, &seen.asset);
    let reach = board.reach(asset);
    let vitals = board.vitals_of(&asset.id);
    let trouble = board.trouble_of(&asset.id);
    let class = match (trouble.worst, reach) {
        (Some(worst), _) => worst.as_str(),
        (None, Some(reach)) => reach.as_str(),
        (None, None) => "unwatched",
    };
    let quiet: Vec<AgentId> = watchers(cx, board, &seen.object)
        .into_iter()
        .filter(|id| board.agents.iter().any(|a| a.id == *id && !a.alive))
        .collect();
    html! {
        div.tiles.state {
            div.tile.(class) { b { (badge::reach(l, reach)) } span { (text::assets_one_state(l)) } }
            @match measured::answer_seconds(&seen.said) {
                Some(took) => div.tile { b { (number::seconds(l, took)) } span { (text::measured_chart_duration(l)) } },
                None => div.tile { b { (maybe(vitals.rtt_seconds.map(|v| number::seconds(l, v)))) } span { (text::assets_one_rtt(l)) } },
            }
            @if measured::measures(&seen.said, |field| field == "loss_ratio") {
                div.tile.(if vitals.loss_ratio.is_some_and(|v| v > 0.0) { "major" } else { "calm" }) { b { (maybe(vitals.loss_ratio.map(number::percent))) } span { (text::assets_one_loss(l)) } }
            }
            @if let Some(cpu) = vitals.cpu_ratio { div.tile { b { (number::percent(cpu)) } span { (text::assets_one_cpu(l)) } } }
            div.tile { b { (vitals.answered.map_or_else(ui::none, |at| time::ago(cx, at))) } span { (text::assets_one_answered(l)) } }
            a.tile.(trouble.worst.map_or("calm", |s| s.as_str())) href="#incidents" { b { (trouble.open) } span { (text::assets_one_open(l)) } }
        }
        @for agent in &quiet {
            (ui::note(Tone::Warn, html! { (text::assets_one_agent_silent(l, ui::object_name(&board.inventory, &Object::Agent(agent.clone())))) }))
        }
        @if quiet.is_empty() && reach == Some(Reach::Unknown) {
            @match vitals.looked { Some(at) => (ui::stale(cx, at)), None => {} }
        }
    }
}

fn maybe(shown: Option<String>) -> Markup {
    shown.map_or_else(ui::none, |text| html! { (text) })
}

fn nothing_measured(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let why = if !seen.asset.status.watched() {
        text::assets_one_not_watched(l)
    } else if watchers(cx, &seen.board, &seen.object).is_empty() {
        text::assets_one_nobody_watches(l)
    } else {
        text::assets_one_not_yet(l)
    };
    ui::empty(text::assets_one_nothing(l), html! { (why) })
}

/// Incidents, open ones first, then those that are over.
pub fn incidents(cx: &Cx, board: &Board, found: &[Brief]) -> Markup {
    let l = cx.lang;
    if found.is_empty() {
        return html! { p.quiet-good { (ui::icon("tick")) " " (text::assets_one_no_incidents(l)) } };
    }
    let mut found: Vec<&Brief> = found.iter().collect();
    found.sort_by_key(|i| !i.state.active());
    html! {
        ul.newest {
            @for incident in found {
                li.(if incident.state.active() { incident.severity.as_str() } else { "over" }) {
                    (badge::severity(l, incident.severity)) " "
                    a href={ "/incidents/" (encode(&incident.id)) } { (words::problem(cx, &incident.key.problem)) }
                    @if let Object::Interface { name, .. } = &incident.key.object { " " span.mono { (name) } }
                    @if !incident.key.instance.is_empty() { " " span.mono { (incident.key.instance) } }
                    @if matches!(incident.key.object, Object::Link(_)) { " " small { (ui::object_name(&board.inventory, &incident.key.object)) } }
                    @if incident.cause.is_some() { " " (badge::mark(text::flag_topology(l))) }
                    span.when {
                        (badge::state(l, incident.state)) " " (time::ago(cx, incident.opened))
                        @if let Some(ended) = incident.resolved { ", " (text::assets_one_lasted(l, time::lasting(l, ended.since(incident.opened)))) }
                    }
                }
            }
        }
    }
}

fn person(cx: &Cx, board: &Board, person: &Person) -> Markup {
    let deputy = person.deputy.as_ref().and_then(|id| board.inventory.persons.get(id));
    html! {
        (person.name) @if !person.duty.is_empty() { " " small { (person.duty) } } (phone(&person.mobile))
        @if let Some(deputy) = deputy { br; small { (text::assets_one_deputy(cx.lang)) " " (deputy.name) } (phone(&deputy.mobile)) }
    }
}

fn phone(number: &str) -> Markup {
    let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    html! { @if !number.is_empty() { " " a.mono href={ "tel:" (digits) } { (number) } } }
}

fn declared(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let (board, asset) = (&seen.board, &seen.asset);
    let inventory = &board.inventory;
    let region = asset.region.as_ref().and_then(|r| inventory.regions.get(r)).map_or("", |r| r.name.as_str());
    let zone = inventory.zones.get(&asset.zone).map_or(asset.zone.as_str(), |z| z.name.as_str());
    let responsible = asset.person.as_ref().and_then(|p| inventory.persons.get(p));
    let systems: Vec<_> = inventory.systems.values().filter(|s| s.assets.contains(&asset.id)).collect();
    let agents = watchers(cx, board, &seen.object);
    let links: Vec<&Link> = board.links().map(|(link, _)| link).filter(|link| touches(link, &asset.id)).collect();
    let ports: Vec<String> = asset.tcp_ports.iter().map(ToString::to_string).collect();
    let depends: Vec<&str> = asset.depends_on.iter().flatten().map(String::as_str).collect();
    let mut pairs = vec![
        (text::assets_kind(l), html! { (words::asset_kind(l, asset.kind)) }),
        (
            text::assets_address(l),
            html! { span.mono { (ui::or_none(&address(asset))) } @for more in &asset.also { " " small.mono { (more) } } },
        ),
        (text::assets_region(l), ui::or_none(region)),
        (text::assets_zone(l), html! { (zone) }),
        (text::assets_unit(l), ui::or_none(&unit_name(inventory, asset.owner.as_ref()))),
        (text::assets_operator(l), ui::or_none(&unit_name(inventory, asset.operator.as_ref()))),
        (text::assets_person(l), responsible.map_or_else(ui::none, |p| person(cx, board, p))),
        (text::assets_location(l), ui::or_none(&asset.location)),
        (text::assets_importance(l), html! { (words::importance(l, asset.importance)) }),
        (text::assets_status(l), html! { (words::asset_status(l, asset.status)) }),
        (
            text::assets_one_watched_by(l),
            html! {
                @for agent in &agents { (ui::object(inventory, &Object::Agent(agent.clone()))) " " }
                @if agents.is_empty() { (ui::none()) }
            },
        ),
    ];
    if !systems.is_empty() {
        pairs.push((
            text::assets_one_systems(l),
            html! { @for s in &systems { (s.name) " " (badge::mark(&text::assets_one_level(l, s.level))) br; } },
        ));
    }
    if let Some(site) = &asset.website {
        pairs.push((text::assets_one_url(l), html! { span.mono { (site.url) } @if !site.site_code.is_empty() { br; small { (text::assets_one_site_code(l)) " " (site.site_code) } } }));
    }
    if !links.is_empty() {
        pairs.push((
            text::nav_links(l),
            html! { @for link in &links { (ui::object(inventory, &Object::Link(link.id.clone()))) br; } },
        ));
    }
    if !ports.is_empty() {
        pairs.push((text::assets_one_tcp_ports(l), html! { span.mono { (ports.join(", ")) } }));
    }
    if !depends.is_empty() {
        pairs.push((text::assets_one_depends(l), html! { span.mono { (depends.join(", ")) } }));
    }
    if !asset.tags.is_empty() {
        pairs.push((text::assets_one_tags(l), html! { @for tag in &asset.tags { (badge::mark(tag)) " " } }));
    }
    pairs.push((text::assets_id(l), html! { span.mono { (asset.id) } }));
    ui::facts(&pairs)
}
