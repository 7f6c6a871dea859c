//! One link: both ends side by side, what it carries and how well, whose line it is and whom to call.

use maud::{Markup, html};

use super::end_text;
use super::over_time::{self, OverTime};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::board::{Board, LinkNow, PortNow};
use crate::console::command::Command;
use crate::console::store::Brief;
use crate::console::store::traffic::Rate;
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::assets::one as asset_page;
use crate::console::web::pages::maintenance;
use crate::console::web::pages::measured::{self, Said};
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, chart, form, number, strip, time, words};
use crate::engine::expose::Reach;
use crate::model::inventory::{Link, LinkEnd, Side};
use crate::model::{LinkId, Object};

/// Incidents on the page, newest first.
const INCIDENTS: usize = 20;

/// Everything the page shows.
struct Seen {
    board: Board,
    link: Link,
    now: LinkNow,
    object: Object,
    said: Vec<Said>,
    incidents: Vec<Brief>,
    /// Traffic of the last hour at either end.
    hours: [Vec<Rate>; 2],
    over: OverTime,
}

async fn look(cx: &Cx) -> Result<Seen, Problem> {
    let (scope, id) = (cx.scope(), cx.part("id"));
    let unknown = || Problem::unknown("链路", "link", id);
    let wanted = LinkId::new(id).map_err(|_| unknown())?;
    let board = Board::of_link(&cx.service, &scope, &wanted).await?;
    let (link, now) = board.links().next().map(|(link, now)| (link.clone(), *now)).ok_or_else(unknown)?;
    let object = Object::Link(link.id.clone());
    let store = &cx.service.store;
    let ports = [&link.a, &link.b].map(|end| board.end_port(end));
    let about: Vec<Object> = [object.clone()].into_iter().chain(ports.iter().flatten().cloned()).collect();
    let incidents = store.incidents_about(&scope, about, None, INCIDENTS).await?;
    let over = over_time::look(cx, &object).await?;
    let newest = store.newest();
    let said = measured::said(&board, &newest, &object);
    let hours = ports.map(|port| {
        let rows = port.iter().flat_map(|port| newest.of(port));
        let traffic = rows.filter_map(|row| Some((row.at(), row.traffic()?))).max_by_key(|(at, _)| *at);
        traffic.map(|(_, traffic)| traffic.rates(board.now).collect()).unwrap_or_default()
    });
    drop(newest);
    Ok(Seen { board, link, now, object, said, incidents, hours, over })
}

/// `GET /links/{id}`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None).await
}

/// `POST /links/{id}/probe`: has it looked at now.
pub async fn probe(cx: Cx) -> Answer {
    let id = LinkId::new(cx.part("id")).map_err(|_| Problem::unknown("链路", "link", cx.part("id")))?;
    let back = format!("/links/{}?said=probed", encode(id.as_str()));
    let command = Command::ProbeNow { object: Object::Link(id), count: 5, spacing_ms: 500 };
    match cx.command(None, command).await {
        Ok(_) => Ok(redirect(&back)),
        Err(problem) => refused(show(&cx, Some(&problem)).await, &problem),
    }
}

async fn show(cx: &Cx, refused: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let seen = look(cx).await?;
    let (board, link) = (&seen.board, &seen.link);
    let base = format!("/links/{}", encode(link.id.as_str()));
    let beside = html! {
        @if cx.operates() { (form::button(cx, &format!("{base}/probe"), text::assets_one_probe_now(l), "", &[])) }
        @if cx.operates() { a.button href=(maintenance::announce_url(&seen.object)) { (text::maintenance_announce(l)) } }
        @if cx.administers() { a.button href={ (base) "/edit" } { (text::assets_one_edit(l)) } }
    };
    let hours = measured::hours(cx);
    let quarters = cx.service.store.strip(&link.id);
    let inside = html! {
        (ui::trail(&[("/links", text::nav_links(l))]))
        (ui::heading(&link.name, beside))
        @if let Some(problem) = refused { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        (crate::console::web::pages::declare::lists::said(cx))
        @if cx.query.text("said") == "probed" { (ui::note(Tone::Good, html! { (text::assets_one_probed(l)) })) }
        (ui::live(cx, "state", &[Topic::Objects, Topic::Incidents, Topic::Agents], html! {
            (maintenance::of(cx, &seen.object))
            (state(cx, &seen))
            section.card.day { h2 { (text::links_day(l)) } (strip::show(l, &quarters)) p.help { (strip::words(l, &quarters)) } (strip::legend(l)) }
            div.ends {
                (end(cx, board, text::links_a(l), &link.a, seen.now.a, &seen.hours[0]))
                (end(cx, board, text::links_b(l), &link.b, seen.now.b, &seen.hours[1]))
            }
        }))
        (over_time::smoke(cx, &seen.object, &seen.said, &base))
        div.columns.even {
            div {
                section.card #incidents { h2 { (text::assets_one_incidents(l)) } (asset_page::incidents(cx, board, &seen.incidents)) }
                section.card {
                    div.heading { h2 { (text::assets_one_charts(l)) } div.beside { (measured::spans(cx, |word| format!("{base}?span={word}"))) } }
                    div.charts data-marks=(measured::marks(&seen.incidents)) {
                        (measured::charts(cx, &seen.object, &seen.said))
                        @for (id, end) in [("chart-a", &link.a), ("chart-b", &link.b)] {
                            @if let Some(port) = board.end_port(end) {
                                (chart::lines(cx, id, &text::link_traffic(l, end_text(&board.inventory, end)), "bps", hours, &measured::traffic(cx, &port, "")))
                            }
                        }
                    }
                    @if !seen.incidents.is_empty() { p.help { (text::measured_marks(l)) } }
                }
            }
            div {
                (over_time::months_card(cx, &seen.over))
                section.card { h2 { (text::link_line(l)) } (line(cx, link)) }
                (over_time::paths(cx, link, &seen.over))
                section.card { h2 { (text::link_probes(l)) } (probes(cx, &seen)) }
            }
        }
        (measured::values(cx, board, &seen.said))
    };
    Ok(layout::page(cx, Place::Links, &link.name, inside))
}

fn maybe(shown: Option<String>) -> Markup {
    shown.map_or_else(ui::none, |text| html! { (text) })
}

fn state(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let (now, link) = (&seen.now, &seen.link);
    let class = match (now.trouble.worst, now.reach) {
        (Some(worst), _) => worst.as_str(),
        (None, Some(reach)) => reach.as_str(),
        (None, None) => "unwatched",
    };
    html! {
        div.tiles.state {
            div.tile.(class) { b { (badge::reach(l, now.reach)) } span { (text::links_state(l)) } }
            div.tile { b { (maybe(now.vitals.rtt_seconds.map(|v| number::seconds(l, v)))) } span { (text::links_rtt(l)) } }
            div.tile.(if now.vitals.loss_ratio.is_some_and(|v| v > 0.0) { "major" } else { "calm" }) { b { (maybe(now.vitals.loss_ratio.map(number::percent))) } span { (text::links_loss(l)) } }
            div.tile { b { (maybe(now.used_ratio.map(number::percent))) } span { (text::links_used(l)) } }
            div.tile { b { (maybe(link.capacity_bps.map(|c| number::bits(c as f64)))) } span { (text::links_capacity(l)) } }
            a.tile.(now.trouble.worst.map_or("calm", |s| s.as_str())) href="#incidents" { b { (now.trouble.open) } span { (text::links_incidents(l)) } }
        }
        @if now.reach == Some(Reach::Unknown) { @if let Some(at) = now.vitals.looked { (ui::stale(cx, at)) } }
        @if now.reach == Some(Reach::Partly) && [now.a, now.b].into_iter().flatten().any(|p| p.up() == Some(false)) {
            (ui::note(Tone::Warn, html! { (text::link_doubt(l)) }))
        }
    }
}

fn end(cx: &Cx, board: &Board, title: &str, end: &LinkEnd, now: Option<PortNow>, hour: &[Rate]) -> Markup {
    let l = cx.lang;
    let fresh = now.filter(|n| n.fresh);
    let address = end.address().unwrap_or_default();
    let peak = hour.iter().map(|r| r.received_bps.max(r.sent_bps)).reduce(f64::max);
    let rate = |v: Option<f64>, used: Option<f64>| match (v, used) {
        (Some(v), Some(used)) => html! { (number::bits(v)) " " (chart::share(used)) },
        (Some(v), None) => html! { (number::bits(v)) },
        _ => ui::none(),
    };
    html! {
        section.card.end {
            h2 { small { (title) } " "
                @match end {
                    LinkEnd::Port { asset, .. } => (ui::object(&board.inventory, &Object::Asset(asset.clone()))),
                    LinkEnd::Peer { name, .. } => { (ui::or_none(name)) " " small { (text::links_peer(l)) } }
                }
            }
            @if let LinkEnd::Port { interface, .. } = end {
                (ui::facts(&[
                    (text::ports_name(l), html! { @if let Some(port) = board.end_port(end) { a.mono href=(ui::object_url(&port)) { (interface) } } }),
                    (text::ports_oper(l), match now {
                        Some(now) if !now.fresh => html! { (badge::reach(l, Some(Reach::Unknown))) " " small { (time::ago(cx, now.at)) } },
                        Some(PortNow { oper: Some(oper), admin, .. }) => html! {
                            (badge::good(oper == 0.0, words::port_oper(l, oper)))
                            @if let Some(admin) = admin { " " small { (words::port_admin(l, admin)) } }
                        },
                        _ => ui::none(),
                    }),
                    (text::links_address(l), html! { span.mono { (ui::or_none(address)) } }),
                    (text::ports_speed(l), maybe(fresh.and_then(|n| n.speed_bps).map(number::bits))),
                    (text::ports_in(l), rate(fresh.and_then(|n| n.in_bps), fresh.and_then(|n| n.in_ratio))),
                    (text::ports_out(l), rate(fresh.and_then(|n| n.out_bps), fresh.and_then(|n| n.out_ratio))),
                    (text::ports_hour(l), match peak.filter(|_| hour.len() > 1) {
                        Some(peak) => {
                            let received: Vec<f64> = hour.iter().map(|r| r.received_bps).collect();
                            let sent: Vec<f64> = hour.iter().map(|r| r.sent_bps).collect();
                            chart::spark_two(&received, &sent, &text::ports_peak(l, number::bits(peak)))
                        }
                        None => ui::none(),
                    }),
                    (text::ports_errors(l), maybe(fresh.and_then(|n| n.errors).map(|v| number::count(v.max(0.0) as u64)))),
                ]))
            } @else {
                (ui::facts(&[(text::links_address(l), html! { span.mono { (ui::or_none(address)) } })]))
                p.help { (text::link_peer_advice(l)) }
            }
        }
    }
}

fn line(cx: &Cx, link: &Link) -> Markup {
    let l = cx.lang;
    let carrier = link.carrier.as_ref();
    let digits = |number: &str| number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>();
    ui::facts(&[
        (text::links_carrier(l), ui::or_none(carrier.map_or("", |c| c.name.as_str()))),
        (text::link_circuit(l), html! { span.mono { (ui::or_none(carrier.map_or("", |c| c.circuit.as_str()))) } }),
        (
            text::link_hotline(l),
            match carrier.map(|c| c.hotline.as_str()).filter(|h| !h.is_empty()) {
                Some(hotline) => html! { a.mono href={ "tel:" (digits(hotline)) } { (hotline) } },
                None => ui::none(),
            },
        ),
        (text::links_tier(l), html! { (words::link_tier(l, link.tier)) }),
        (text::links_capacity(l), maybe(link.capacity_bps.map(|c| number::bits(c as f64)))),
        (text::assets_id(l), html! { span.mono { (link.id) } }),
    ])
}

/// Who probes it, and from where to where.
fn probes(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let (board, link) = (&seen.board, &seen.link);
    let agents = asset_page::watchers(cx, board, &seen.object);
    if agents.is_empty() && link.watch.is_empty() {
        return html! { p { (text::link_no_probes(l)) } };
    }
    let mut all: Vec<(crate::model::AgentId, Option<Side>)> =
        link.watch.iter().map(|w| (w.agent.clone(), Some(w.to))).collect();
    for agent in agents {
        if !all.iter().any(|(known, _)| *known == agent) {
            all.push((agent, None));
        }
    }
    html! {
        ul.newest { @for (agent, to) in &all {
            @let alive = board.agents.iter().any(|a| a.id == *agent && a.alive);
            li {
                (badge::good(alive, if alive { text::link_agent_alive(l) } else { text::overview_tile_agents(l) })) " "
                (ui::object(&board.inventory, &Object::Agent(agent.clone())))
                @if let Some(to) = to {
                    @let far = if *to == Side::A { &link.a } else { &link.b };
                    " → " (end_text(&board.inventory, far)) " " small.mono { (far.address().unwrap_or_default()) }
                }
            }
        } }
    }
}
