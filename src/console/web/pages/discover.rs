//! Discovering devices: an agent sweeps a network, what answers is proposed, and a person ticks what shall become
//! an asset. How far a sweep is shows by itself; without scripts the page is loaded again by its link.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::response::Response;
use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::discoveries::{self, Adoption, Pick, Proposal, Start, State};
use crate::console::store::DiscoveryRow;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::declare::asset::kind_word;
use crate::console::web::pages::declare::lists::tabs;
use crate::console::web::pages::declare::{self, Filled, Wrong, options, several, wrong};
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, form, number, time};
use crate::model::discovery::{MAX_SECRETS, PORTS, SNMP_PORT, Wanted};
use crate::model::inventory::AssetKind;
use crate::model::{AgentId, OrganisationId, RegionId, ZoneId};

/// The fields of the form.
const FIELDS: &[&str] = &["cidr", "agent", "zone", "region", "tcp", "snmp_port"];
/// Sweeps that are listed.
const SHOWN: usize = 20;

/// `GET /discover`
pub async fn page(cx: Cx) -> Answer {
    let mut filled = Filled::default();
    filled.put("tcp", PORTS.iter().map(u16::to_string).collect::<Vec<_>>().join(", "));
    filled.put("snmp_port", SNMP_PORT.to_string());
    show(&cx, &filled).await
}

/// `POST /discover`
pub async fn start(cx: Cx) -> Answer {
    let mut filled = Filled::sent(&cx, FIELDS);
    match read(&cx, &filled) {
        Ok(wanted) => match discoveries::start(&cx.service, &cx.actor(), wanted).await {
            Ok(id) => return Ok(redirect(&format!("/discover/{}", encode(&id)))),
            Err(problem) if problem.status.is_client_error() => filled.wrong = Wrong::of(&cx, &problem),
            Err(problem) => return Err(problem),
        },
        Err(found) => filled.wrong = found,
    }
    Ok(wrong(show(&cx, &filled).await?))
}

fn read(cx: &Cx, f: &Filled) -> Result<Start, Wrong> {
    let l = cx.lang;
    let mut wrong = Wrong::default();
    let ranges: Vec<String> = several(f.get("cidr")).into_iter().map(str::to_owned).collect();
    if let Err(error) = crate::model::discovery::addresses(&ranges) {
        wrong.fields.insert("cidr", l.pick(&error.zh(), &error.to_string()).to_owned());
    }
    let ports: Option<Vec<u16>> =
        several(f.get("tcp")).into_iter().map(|p| p.parse().ok().filter(|p| *p > 0)).collect();
    let snmp: Option<u16> = f.get("snmp_port").parse().ok().filter(|p| *p > 0);
    if ports.is_none() {
        wrong.fields.insert("tcp", text::discover_bad_ports(l).to_owned());
    }
    if snmp.is_none() {
        wrong.fields.insert("snmp_port", text::discover_bad_ports(l).to_owned());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let wanted = Wanted {
        ranges,
        secrets: cx.form.all("secret").map(str::to_owned).collect(),
        snmp_port: snmp.unwrap_or(SNMP_PORT),
        tcp_ports: ports.unwrap_or_default(),
    };
    Ok(Start {
        agent: AgentId::new(f.get("agent")).ok(),
        wanted,
        zone: ZoneId::new(f.get("zone")).ok(),
        region: RegionId::new(f.get("region")).ok(),
        found: None,
    })
}

async fn show(cx: &Cx, f: &Filled) -> Result<Response, Problem> {
    let l = cx.lang;
    let sweeps = discoveries::list(&cx.service, &cx.actor()).await?;
    let (_, inventory) = cx.service.store.inventory();
    let agents = cx.service.store.agents();
    let alive: Vec<(String, String)> =
        agents.iter().filter(|a| a.alive).map(|a| (a.id.to_string(), a.id.to_string())).collect();
    let secrets: Vec<String> =
        cx.service.store.secrets().into_iter().filter(|s| s.kind.starts_with("snmp")).map(|s| s.name).collect();
    let chosen: Vec<&str> = cx.form.all("secret").collect();
    let inside = html! {
        (tabs(cx, "/discover"))
        (ui::heading(text::discover_title(l), html! {}))
        p { (text::discover_about(l)) }
        (f.wrong.note(cx))
        @if alive.is_empty() { (ui::note(Tone::Warn, html! { (text::discover_no_agent(l)) " " a href="/agents" { (text::nav_agents(l)) } })) }
        section.card {
            (form::post(cx, "/discover", html! {
                div.columns-2 {
                    (form::input(&form::Field { longest: 1_000, ..f.must("cidr", text::discover_cidr(l), text::discover_cidr_help(l)) }))
                    (form::select(&f.field("agent", text::discover_agent(l), ""), &options(text::discover_any_agent(l), alive.into_iter())))
                    (form::input(&f.field("tcp", text::asset_tcp(l), text::discover_tcp_help(l))))
                    (form::input(&f.field("snmp_port", text::asset_snmp_port(l), "")))
                    (form::select(&f.field("region", text::asset_region(l), text::discover_region_help(l)), &options(text::declare_none(l), declare::regions(&inventory).into_iter())))
                    (form::select(&f.field("zone", text::asset_zone(l), ""), &options(text::discover_agents_zone(l), declare::zones(&inventory).into_iter())))
                }
                fieldset { legend { (text::discover_secrets(l, MAX_SECRETS)) }
                    @if secrets.is_empty() { p { (text::discover_no_secrets(l)) " " a href="/setup/credentials" { (text::setup_credentials(l)) } } }
                    div.row { @for name in &secrets { label.check { input type="checkbox" name="secret" value=(name) checked[chosen.contains(&name.as_str())]; " " (name) } } }
                }
                button.primary type="submit" { (text::discover_start(l)) }
            }))
        }
        h2 { (text::discover_sweeps(l)) }
        (ui::live(cx, "sweeps", &[Topic::Discoveries], list(cx, &sweeps)))
    };
    Ok(layout::page(cx, Place::Import, text::discover_title(l), inside))
}

fn list(cx: &Cx, sweeps: &[DiscoveryRow]) -> Markup {
    let l = cx.lang;
    html! {
        @if sweeps.is_empty() { (ui::empty(text::discover_none(l), html! { (text::discover_none_advice(l)) })) } @else {
            div.scroll tabindex="0" { table.grid {
                thead { tr { th scope="col" { (text::discover_cidr(l)) } th scope="col" { (text::discover_state(l)) } th.number scope="col" { (text::discover_looked(l)) } th.number scope="col" { (text::discover_found(l)) } th.wide scope="col" { (text::discover_agent(l)) } th.wide scope="col" { (text::discover_began(l)) } } }
                tbody { @for row in sweeps.iter().take(SHOWN) {
                    tr {
                        td { a href={ "/discover/" (encode(&row.id)) } { (row.wanted.ranges.join(", ")) } }
                        td { (state(cx, row)) }
                        td.number { (number::count(row.looked)) " / " (number::count(row.total)) }
                        td.number { (number::count(row.found)) }
                        td.wide { (row.agent) }
                        td.wide { (time::ago(cx, row.created)) }
                    }
                } }
            } }
        }
    }
}

const fn state_word(lang: Lang, state: State) -> &'static str {
    match state {
        State::Waiting => text::discover_waiting(lang),
        State::Running => text::discover_running(lang),
        State::Done => text::discover_done(lang),
        State::Failed => text::discover_failed(lang),
        State::Lost => text::discover_lost(lang),
    }
}

fn state(cx: &Cx, row: &DiscoveryRow) -> Markup {
    state_badge(cx, State::of(row, cx.now))
}

/// Where a sweep or a walk stands.
pub fn state_badge(cx: &Cx, state: State) -> Markup {
    let word = state_word(cx.lang, state);
    match state {
        State::Done => badge::good(true, word),
        State::Failed | State::Lost => badge::good(false, word),
        State::Waiting | State::Running => badge::mark(word),
    }
}

/// `GET /discover/{id}`
pub async fn one(cx: Cx) -> Answer {
    let (row, proposals) = discoveries::one(&cx.service, &cx.actor(), cx.part("id")).await?;
    Ok(show_one(&cx, &row, &proposals, None))
}

fn show_one(cx: &Cx, row: &DiscoveryRow, proposals: &[Proposal], refused: Option<&Problem>) -> Response {
    let l = cx.lang;
    let here = format!("/discover/{}", encode(&row.id));
    let title = text::discover_one_title(l, row.wanted.ranges.join(", "));
    let going = State::of(row, cx.now).going();
    let progress = html! {
        p { (state(cx, row)) " " (text::discover_progress(l, row.looked, row.total, row.found)) }
        progress max=(row.total.max(1)) value=(row.looked) { (row.looked) "/" (row.total) }
        @if !row.detail.is_empty() { p.help { (l.pick(&crate::config::zh::text(&row.detail), &row.detail)) } }
        @if going { p { a href=(here) { (text::discover_reload(l)) } } }
        (proposed(cx, row, proposals, &here))
    };
    let inside = html! {
        (ui::trail(&[("/discover", text::discover_title(l))]))
        (ui::heading(&title, html! {}))
        @if cx.query.text("said") == "adopted" {
            (ui::note(Tone::Good, html! { (text::discover_adopted(l, cx.query.get("n").and_then(|n| n.parse::<u64>().ok()).unwrap_or_default())) " " a href="/assets" { (text::setup_assets_look(l)) } " · " a href="/setup/links" { (text::setup_links(l)) } }))
        }
        @if let Some(problem) = refused { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        @if going { (ui::live(cx, "sweep", &[Topic::Discoveries], progress)) } @else { section #sweep { (progress) } }
    };
    layout::page(cx, Place::Import, &title, inside)
}

fn proposed(cx: &Cx, row: &DiscoveryRow, proposals: &[Proposal], here: &str) -> Markup {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let kinds: Vec<(&str, &str)> = AssetKind::ALL.iter().map(|k| (k.as_str(), kind_word(l, *k))).collect();
    let fresh = proposals.iter().filter(|p| p.known.is_none()).count();
    html! {
        @if proposals.is_empty() { (ui::empty(text::discover_nothing(l), html! { (text::discover_nothing_advice(l)) })) } @else {
            form method="post" action={ (here) "/adopt" } data-bulk {
                (form::csrf(cx))
                div.scroll tabindex="0" { table.grid.proposals {
                    thead { tr {
                        th.select { input type="checkbox" data-all aria-label=(text::table_select_all(l)); }
                        th scope="col" { (text::asset_address(l)) } th scope="col" { (text::asset_name(l)) } th scope="col" { (text::asset_kind(l)) }
                        th scope="col" { (text::discover_answers(l)) } th.wide scope="col" { (text::discover_says(l)) }
                    } }
                    tbody { @for p in proposals {
                        tr {
                            td.select { @if p.known.is_none() { input type="checkbox" name="id" value=(p.found.address) aria-label=(text::table_select_one(l)); } }
                            td.mono { (p.found.address) }
                            @if let Some(known) = &p.known {
                                td colspan="2" { (text::discover_known(l)) " " a href={ "/assets/" (encode(known.as_str())) } { (inventory.assets.get(known).map_or(known.as_str(), |a| a.name.as_str())) } }
                            } @else {
                                td { input name={ "name-" (p.found.address) } value=(p.name) maxlength="200" aria-label=(text::asset_name(l)) autocomplete="off"; }
                                td { select name={ "kind-" (p.found.address) } aria-label=(text::asset_kind(l)) { @for (value, shown) in &kinds { option value=(value) selected[*value == p.found.kind.as_str()] { (shown) } } } }
                            }
                            td {
                                @if p.found.icmp { (badge::mark("ICMP")) " " }
                                @if let Some(secret) = &p.found.secret { (badge::mark(&format!("SNMP {secret}"))) " " }
                                @for port in &p.found.tcp { (badge::mark(&format!("TCP {port}"))) " " }
                            }
                            td.wide { (ui::or_none(&short(&p.found.description))) }
                        }
                    } }
                } }
                @if fresh > 0 {
                    div.row {
                        (form::select(&form::Field { name: "region", label: text::asset_region(l), value: row.region.as_ref().map_or("", AsRef::as_ref), ..Default::default() }, &options(text::declare_none(l), declare::regions(&inventory).into_iter())))
                        (form::select(&form::Field { name: "owner", label: text::asset_owner(l), ..Default::default() }, &options(text::declare_none(l), declare::units(&inventory).into_iter())))
                        button.primary type="submit" name="do" value="some" { (text::discover_adopt(l)) }
                        button type="submit" name="do" value="all" { (text::discover_adopt_all(l, fresh)) }
                    }
                    p.help { span data-selected=(text::table_selected(l)) { (text::table_select_some(l)) } }
                }
            }
        }
    }
}

/// The first line of what a device says of itself.
fn short(description: &str) -> String {
    description.lines().next().unwrap_or_default().chars().take(90).collect()
}

/// `POST /discover/{id}/adopt`
pub async fn adopt(cx: Cx) -> Answer {
    let id = cx.part("id");
    let field = |what: &str, address: IpAddr| cx.form.get(&format!("{what}-{address}")).map(str::to_owned);
    let (row, proposals) = discoveries::one(&cx.service, &cx.actor(), id).await?;
    let all = cx.form.text("do") == "all";
    let ticked: BTreeMap<IpAddr, ()> = cx.form.all("id").filter_map(|a| Some((a.parse().ok()?, ()))).collect();
    let picks: Vec<Pick> = proposals
        .iter()
        .filter(|p| p.known.is_none() && (all || ticked.contains_key(&p.found.address)))
        .map(|p| Pick {
            address: p.found.address,
            name: field("name", p.found.address).map(|n| n.trim().to_owned()),
            kind: field("kind", p.found.address).and_then(|k| AssetKind::parse(&k)),
        })
        .collect();
    if picks.is_empty() {
        let nothing = Problem::wrong("请先勾选要加入的地址", "tick the addresses first that shall become assets");
        return Ok(wrong(show_one(&cx, &row, &proposals, Some(&nothing))));
    }
    let adoption = Adoption {
        picks: Some(picks),
        region: RegionId::new(cx.form.text("region")).ok(),
        owner: OrganisationId::new(cx.form.text("owner")).ok(),
    };
    match discoveries::adopt(&cx.service, &cx.actor(), id, adoption).await {
        Ok((_, made)) => Ok(redirect(&format!("/discover/{}?said=adopted&n={}", encode(id), made.len()))),
        Err(problem) if problem.status.is_client_error() => {
            Ok(wrong(show_one(&cx, &row, &proposals, Some(&problem))))
        }
        Err(problem) => Err(problem),
    }
}
