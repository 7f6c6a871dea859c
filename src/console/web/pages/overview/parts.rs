//! The parts of the overview, each a function of the board.

use std::time::Duration;

use maud::{Markup, html};

use crate::console::api::query::encode;
use crate::console::board::{Board, LinkNow, RegionNow, Trouble};
use crate::console::store::{AgentRow, Brief};
use crate::console::web::cx::Cx;
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, chart, number, time, words};
use crate::engine::expose::Reach;
use crate::model::incident::IncidentState;
use crate::model::inventory::{AssetKind, Link, Region, Tier};
use crate::model::{Object, Severity};

/// Cards of regions at most: a prefecture has about ten counties; whoever has more pages through the assets.
const MAX_REGIONS: usize = 60;
/// Silent agents that are named.
const MAX_SILENT: usize = 12;
/// Records that were lost longer ago than that need nobody any more.
const LOST_COUNTS: Duration = Duration::from_secs(86_400);

/// What waits for a person. Nothing where nothing does.
pub fn needs(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    let waiting = |i: &&Brief| i.severity == Severity::Critical && i.state == IncidentState::Open;
    let critical = board.causes().filter(waiting).count();
    let reload = cx.service.reload();
    let lost: Vec<(&AgentRow, u64)> = board
        .agents
        .iter()
        .filter_map(|agent| {
            let recent =
                agent.gaps.iter().filter(|g| g.cause.starts_with("cap_") && cx.now.since(g.received) < LOST_COUNTS);
            let n: u64 = recent.map(|g| g.last.saturating_sub(g.first) + 1).sum();
            (n > 0).then_some((agent, n))
        })
        .collect();
    let refused = cx.service.console_rule_problems().len();
    html! {
        @if critical > 0 {
            (ui::note(Tone::Bad, html! { a href="/incidents?state=open&severity=only-critical" { strong { (text::overview_needs_critical(l, critical)) } } }))
        }
        @if !reload.ok {
            (ui::note(Tone::Bad, html! { a href="/definitions" { strong { (text::overview_needs_definitions(l)) } } " " (time::ago(cx, reload.tried)) }))
        }
        @if refused > 0 {
            (ui::note(Tone::Warn, html! { a href="/definitions" { (text::overview_needs_rules(l, refused)) } }))
        }
        @for (agent, n) in &lost {
            (ui::note(Tone::Warn, html! {
                a href=(ui::object_url(&Object::Agent(agent.id.clone()))) {
                    (text::overview_needs_spool(l, ui::object_name(&board.inventory, &Object::Agent(agent.id.clone())), number::count(*n)))
                }
            }))
        }
    }
}

/// All of it in one line, for a wall.
pub fn verdict(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    let unacked = board.causes().filter(|i| i.state == IncidentState::Open).count();
    match board.causes().map(|i| i.severity).max() {
        None => html! { strong.verdict.good { (ui::icon("tick")) " " (text::overview_all_good(l)) } },
        Some(worst) => html! {
            strong.verdict.(worst.as_str()) { (badge::severity(l, worst)) " " (text::overview_verdict(l, board.causes().count(), unacked)) }
        },
    }
}

/// Nothing is declared: what to do first.
pub fn nothing_yet(cx: &Cx) -> Markup {
    let l = cx.lang;
    let advice = if cx.administers() {
        html! {
            (text::overview_fresh_advice(l)) " "
            a.button.primary href="/setup" { (text::overview_fresh_setup(l)) } " "
            a.button href="/import" { (text::overview_fresh_import(l)) }
        }
    } else {
        html! { (text::overview_fresh_ask(l)) }
    };
    html! { section.card { (ui::empty(text::overview_fresh(l), advice)) } }
}

/// Numbers that are seen across the room.
pub fn tiles(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    let of = |severity: Severity| board.causes().filter(|i| i.severity == severity).count();
    let down = |reach: Option<Reach>| reach == Some(Reach::Down);
    let (sites, devices): (Vec<_>, Vec<_>) = board.assets().partition(|a| a.kind == AssetKind::Website);
    let dead = |assets: &[&crate::model::inventory::Asset]| assets.iter().filter(|a| down(board.reach(a))).count();
    let silent = board.agents.iter().filter(|a| is_silent(a)).count();
    let links_down = board.links().filter(|(_, now)| down(now.reach)).count();
    let things = [
        ("/links?state=down", links_down, board.links().count(), text::overview_tile_links(l)),
        ("/assets?state=down", dead(&devices), devices.len(), text::overview_tile_assets(l)),
        ("/assets?kind=website&state=down", dead(&sites), sites.len(), text::overview_tile_sites(l)),
        ("/agents", silent, board.agents.len(), text::overview_tile_agents(l)),
    ];
    html! {
        div.tiles.big {
            @for severity in [Severity::Critical, Severity::Major, Severity::Minor, Severity::Warning] {
                @let n = of(severity);
                a.tile.(if n > 0 { severity.as_str() } else { "calm" }).alarm[n > 0] href={ "/incidents?severity=only-" (severity.as_str()) } {
                    b { (number::count(n as u64)) } (badge::severity(l, severity))
                }
            }
            @for (href, n, all, name) in things {
                a.tile.(if n > 0 { "down" } else if all > 0 { "up" } else { "calm" }).alarm[n > 0] href=(href) {
                    b { (number::count(n as u64)) small { " / " (number::count(all as u64)) } } span { (name) }
                }
            }
        }
    }
}

/// Is it one that should speak, and does not?
pub fn is_silent(agent: &AgentRow) -> bool {
    !agent.alive && agent.revoked.is_none() && (agent.declared || agent.enrolled.is_some())
}

/// A card a region. Townships count in their county where there are too many cards otherwise.
pub fn regions(cx: &Cx, board: &Board) -> Markup {
    let holds = |now: &RegionNow| now.assets.iter().sum::<usize>() + now.unwatched + now.links + now.trouble.open > 0;
    let mut all: Vec<(usize, &Region, RegionNow)> =
        board.regions().into_iter().filter(|(_, _, now)| holds(now)).collect();
    // What only repeats the region below it says nothing.
    let below: Vec<Option<(usize, RegionNow)>> =
        all.iter().skip(1).map(|(d, _, now)| Some((*d, *now))).chain([None]).collect();
    let mut next = below.into_iter();
    all.retain(|(depth, _, now)| next.next().flatten().is_none_or(|(d, below)| d <= *depth || below != *now));
    if all.len() > MAX_REGIONS {
        all.retain(|(_, region, _)| region.tier != Tier::Township);
        all.truncate(MAX_REGIONS);
    }
    let l = cx.lang;
    if all.is_empty() {
        return ui::empty(text::overview_no_regions(l), html! { (text::overview_no_regions_advice(l)) });
    }
    html! {
        div.regions {
            @for (at, (_, region, now)) in all.iter().enumerate() { (card(cx, region, now, at == 0 && all.len() > 1)) }
        }
    }
}

fn card(cx: &Cx, region: &Region, now: &RegionNow, whole: bool) -> Markup {
    let l = cx.lang;
    let id = encode(region.id.as_str());
    let [up, partly, down, unknown] = now.assets;
    let state = match (down + now.links_down, partly + unknown) {
        (1.., _) => "down",
        (0, 1..) => "partly",
        (0, 0) if up > 0 => "up",
        _ => "unwatched",
    };
    let worst = now.trouble.worst.map_or(state, Severity::as_str);
    html! {
        article.region-card.(worst).whole[whole] {
            header {
                a href={ "/assets?region=" (id) } { strong { (region.name) } } " "
                small { (words::region_tier(l, region.tier)) @if whole { " · " (text::overview_with_below(l)) } }
                (trouble(cx, &now.trouble, &format!("/incidents?region={id}")))
            }
            (bar(cx, now))
            p.counts {
                @for (reach, n) in [(Reach::Up, up), (Reach::Partly, partly), (Reach::Down, down), (Reach::Unknown, unknown)] {
                    @if n > 0 || reach == Reach::Up {
                        a href={ "/assets?region=" (id) "&state=" (reach.as_str()) } { (badge::reach(l, Some(reach))) " " (n) } " "
                    }
                }
                @if now.links > 0 {
                    a.counts-links href={ "/links?region=" (id) } {
                        (ui::icon("link")) " "
                        @if now.links_down > 0 { strong.bad { (text::overview_links_down(l, now.links_down, now.links)) } }
                        @else { (text::overview_links(l, now.links)) }
                    }
                }
            }
        }
    }
}

/// Open incidents with the worst severity, as a link; nothing where there are none.
pub fn trouble(cx: &Cx, trouble: &Trouble, href: &str) -> Markup {
    html! {
        @if let Some(worst) = trouble.worst {
            a.trouble href=(href) title=(text::overview_open_incidents(cx.lang, trouble.open)) { (badge::severity(cx.lang, worst)) " " (trouble.open) }
        }
    }
}

/// Shares of assets by reach; the numbers stand below it.
fn bar(cx: &Cx, now: &RegionNow) -> Markup {
    let all: usize = now.assets.iter().sum();
    if all == 0 {
        return html! {};
    }
    let mut at = 0.0;
    let parts: Vec<(&str, f64, f64)> = Reach::ALL
        .into_iter()
        .zip(now.assets)
        .filter(|(_, n)| *n > 0)
        .map(|(reach, n)| {
            let (from, width) = (at, n as f64 * 100.0 / all as f64);
            at += width;
            (reach.as_str(), from, width)
        })
        .collect();
    html! {
        svg.reach-bar viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=(text::overview_bar(cx.lang)) {
            @for (class, from, width) in parts { rect class=(class) x=(format!("{from:.2}")) width=(format!("{width:.2}")) height="6" {} }
        }
    }
}

/// The newest causes that are open.
pub fn newest(cx: &Cx, board: &Board, most: usize) -> Markup {
    let l = cx.lang;
    let found: Vec<&Brief> = board.causes().take(most).collect();
    if found.is_empty() {
        return html! { p.quiet-good { (ui::icon("tick")) " " (text::overview_all_good(l)) } };
    }
    html! {
        ul.newest {
            @for incident in &found {
                li.(incident.severity.as_str()) {
                    (badge::severity(l, incident.severity)) " "
                    a href={ "/incidents/" (encode(&incident.id)) } {
                        strong { (ui::object_name(&board.inventory, &incident.key.object)) } " " (words::problem(cx, &incident.key.problem))
                    }
                    span.when { (badge::state(l, incident.state)) " " (time::ago(cx, incident.opened)) }
                }
            }
        }
    }
}

/// Agents that were not heard of; nothing where all speak.
pub fn silent(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    let found: Vec<&AgentRow> = board.agents.iter().filter(|a| is_silent(a)).collect();
    html! {
        @if !found.is_empty() {
            section.card {
                h2 { a href="/agents" { (text::overview_silent(l)) } }
                ul.newest {
                    @for agent in found.iter().take(MAX_SILENT) {
                        li.major {
                            (badge::good(false, text::overview_tile_agents(l))) " " (ui::object(&board.inventory, &Object::Agent(agent.id.clone())))
                            span.when {
                                @match agent.last_heard {
                                    Some(at) => (time::ago(cx, at)),
                                    None => (text::overview_never_heard(l)),
                                }
                            }
                        }
                    }
                    @if found.len() > MAX_SILENT { li { a href="/agents" { (text::overview_more(l, found.len() - MAX_SILENT)) } } }
                }
            }
        }
    }
}

/// The links that do worst: not up first, then by loss, by use, by round trip.
pub fn worst_links(cx: &Cx, board: &Board, most: usize) -> Markup {
    let l = cx.lang;
    let mut all: Vec<(&Link, &LinkNow)> = board.links().filter(|(_, now)| now.reach.is_some()).collect();
    all.sort_by(|(a, x), (b, y)| {
        let key = |now: &LinkNow| {
            [
                rank(now.reach),
                now.vitals.loss_ratio.unwrap_or(0.0),
                now.used_ratio.unwrap_or(0.0),
                now.vitals.rtt_seconds.unwrap_or(0.0),
            ]
        };
        key(y).partial_cmp(&key(x)).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.id.cmp(&b.id))
    });
    if all.is_empty() {
        return html! { p { (text::overview_no_links(l)) } };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::overview_worst(l)) {
            table.grid {
                thead { tr {
                    th scope="col" { (text::overview_link(l)) } th scope="col" { (text::overview_state(l)) }
                    th.number scope="col" { (text::overview_loss(l)) } th.number scope="col" { (text::overview_rtt(l)) }
                    th.number scope="col" { (text::overview_used(l)) } th.wide scope="col" { (text::overview_incidents(l)) }
                } }
                tbody {
                    @for (link, now) in all.into_iter().take(most) {
                        tr class=[now.trouble.worst.map(Severity::as_str)] {
                            td { a.title href=(ui::object_url(&Object::Link(link.id.clone()))) { (link.name) } }
                            td { (badge::reach(l, now.reach)) }
                            td.number { (maybe(now.vitals.loss_ratio.map(number::percent))) }
                            td.number { (maybe(now.vitals.rtt_seconds.map(|v| number::seconds(l, v)))) }
                            td.number { @match now.used_ratio { Some(used) => (chart::share(used)), None => (ui::none()) } }
                            td.wide { (trouble(cx, &now.trouble, &ui::object_url(&Object::Link(link.id.clone())))) }
                        }
                    }
                }
            }
        }
    }
}

fn maybe(shown: Option<String>) -> Markup {
    shown.map_or_else(ui::none, |text| html! { (text) })
}

/// How bad a state is, for sorting.
pub const fn rank(reach: Option<Reach>) -> f64 {
    match reach {
        Some(Reach::Down) => 3.0,
        Some(Reach::Partly) => 2.0,
        Some(Reach::Unknown) => 1.0,
        Some(Reach::Up) | None => 0.0,
    }
}
