//! How an agent comes and goes: a one-time token with the very line to run on its node, and revoking, which asks
//! on a page of its own. A token is shown once, in the answer to the form that made it; no address ever has it.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::{name, seen};
use crate::config::inventory::diff;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Outcome};
use crate::console::store::AgentRow;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, time};
use crate::model::inventory::{AgentDecl, Inventory};
use crate::model::{AgentId, RegionId, SecretText, Wall, ZoneId};

/// The longest name of an agent, in characters.
const MAX_NAME: usize = 80;
/// The longest reason, in characters; the audit trail keeps it for ever.
const MAX_REASON: usize = 500;
/// Unused tokens shown.
const SHOWN: usize = 100;
/// How long a token works unless something else is chosen: a day to walk to the machine.
const LIFE: Duration = Duration::from_secs(86_400);
/// How long it may work: the word in the form, and how long. A week is the longest the store takes.
const LIVES: [(&str, Duration); 3] =
    [("day", LIFE), ("hour", Duration::from_secs(3_600)), ("week", Duration::from_secs(7 * 86_400))];

/// What was written into the form.
#[derive(Default)]
struct Asked {
    agent: String,
    name: String,
    region: String,
    zone: String,
    life: String,
}

/// `GET /enroll`
pub async fn page(cx: Cx) -> Answer {
    let asked = Asked { agent: cx.query.text("agent").to_owned(), ..Asked::default() };
    Ok(show(&cx, &asked, None))
}

fn show(cx: &Cx, asked: &Asked, problem: Option<&Problem>) -> Response {
    let l = cx.lang;
    let error = problem.map(|p| cx.problem(p));
    let inside = html! {
        (ui::trail(&[("/agents", text::nav_agents(l))]))
        (ui::heading(text::enroll_title(l), html! {}))
        div.columns {
            section.card { p { (text::enroll_help(l)) } (fields(cx, asked, error)) }
            (open_tokens(cx))
        }
    };
    let mut answer = layout::page(cx, Place::Agents, text::enroll_title(l), inside);
    if problem.is_some() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    answer
}

fn fields(cx: &Cx, asked: &Asked, error: Option<&str>) -> Markup {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let missing = |row: &AgentRow| row.enrolled.is_none() || row.revoked.is_some();
    let waiting: Vec<AgentRow> = seen(cx).into_iter().filter(missing).collect();
    let none = (String::new(), text::enroll_region_none(l).to_owned());
    let regions: Vec<(String, String)> = std::iter::once(none)
        .chain(inventory.regions.values().map(|r| (r.id.to_string(), format!("{} {}", r.id, r.name))))
        .collect();
    let zones: Vec<(String, String)> = inventory.zones.values().map(|z| (z.id.to_string(), z.name.clone())).collect();
    let lives =
        [("day", text::enroll_life_day(l)), ("hour", text::enroll_life_hour(l)), ("week", text::enroll_life_week(l))];
    let zone = if asked.zone.is_empty() { "extranet" } else { &asked.zone };
    let agent = Field {
        name: "agent",
        label: text::enroll_agent(l),
        value: &asked.agent,
        help: text::enroll_agent_help(l),
        error,
        required: true,
        longest: 64,
        list: "waiting",
        ..Field::default()
    };
    let called = Field {
        name: "name",
        label: text::enroll_name(l),
        value: &asked.name,
        help: text::enroll_name_help(l),
        longest: MAX_NAME,
        ..Field::default()
    };
    let choice = |name, label, value| Field { name, label, value, ..Field::default() };
    form::post(
        cx,
        "/enroll",
        html! {
            (form::input(&agent))
            datalist id="waiting" { @for row in &waiting { option value=(row.id) { (name(&inventory, row)) } } }
            (form::input(&called))
            (form::select(&choice("region", text::enroll_region(l), &asked.region), &regions))
            (form::select(&choice("zone", text::enroll_zone(l), zone), &zones))
            (form::select(&choice("life", text::enroll_life(l), &asked.life), &lives))
            button.primary type="submit" { (text::enroll_submit(l)) }
        },
    )
}

fn open_tokens(cx: &Cx) -> Markup {
    let l = cx.lang;
    let tokens = cx.service.store.enroll_tokens();
    let open: Vec<_> = tokens.iter().filter(|t| t.used.is_none()).take(SHOWN).collect();
    html! {
        section.card {
            h2 { (text::enroll_open(l)) }
            @if open.is_empty() { p.help { (text::enroll_open_none(l)) } } @else {
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::enroll_open_agent(l)) } th { (text::enroll_open_creator(l)) } th { (text::enroll_open_expires(l)) } } }
                    tbody { @for token in open { tr {
                        td { a href={ "/agents/" (encode(token.agent.as_str())) } { (token.agent) } }
                        td { (token.creator) br; small { (time::ago(cx, token.created)) } }
                        td { @if token.expires <= cx.now { (text::enroll_open_expired(l)) } @else { (time::at(cx, token.expires)) } }
                    } } }
                } }
            }
        }
    }
}

/// `POST /enroll`
pub async fn submit(cx: Cx) -> Answer {
    let of = |name: &str| cx.form.text(name).to_owned();
    let asked =
        Asked { agent: of("agent"), name: of("name"), region: of("region"), zone: of("zone"), life: of("life") };
    match make(&cx, &asked).await {
        Ok((agent, token, expires)) => Ok(made(&cx, &agent, &token, expires)),
        Err(problem) => Ok(show(&cx, &asked, Some(&problem))),
    }
}

async fn make(cx: &Cx, asked: &Asked) -> Result<(AgentId, SecretText, Wall), Problem> {
    let agent = AgentId::new(&asked.agent).map_err(|_| {
        let given: String = asked.agent.chars().take(80).collect();
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("`{given}` 不能作编号：须以 a-z 或 0-9 开头，只含 a-z、0-9、`.`、`_`、`-`，不超过 64 个字符"),
            format!("`{given}` is no id: begin with a-z or 0-9, use a-z, 0-9, `.`, `_`, `-`, at most 64 characters"),
        )
    })?;
    let region = RegionId::new(&asked.region).ok();
    let life = LIVES.iter().find(|(word, _)| *word == asked.life).map_or(LIFE, |(_, life)| *life);
    // Between now and the store's look at it a moment passes.
    let expires = cx.now.plus(life);
    declare(cx, &agent, region.clone(), asked).await?;
    let command = Command::EnrollToken { agent: agent.clone(), region, expires };
    match cx.command(None, command).await? {
        Outcome::Token { token, .. } => Ok((agent, token, expires)),
        _ => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "存储未返回令牌；请查看管理中心日志",
            "the store gave no token; see the console's log",
        )),
    }
}

/// Puts an agent that the inventory does not have into it: one that is not there would watch only itself.
async fn declare(cx: &Cx, agent: &AgentId, region: Option<RegionId>, asked: &Asked) -> Result<(), Problem> {
    let (base_rev, old) = cx.service.store.inventory();
    if old.agents.contains_key(agent) {
        return Ok(());
    }
    let given: String = asked.name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    let called = if given.trim().is_empty() { agent.to_string() } else { given.trim().to_owned() };
    let zone = ZoneId::new(&asked.zone).ok().filter(|zone| old.zones.contains_key(zone));
    let Some(zone) = zone.or_else(|| old.zones.keys().next().cloned()) else { return Ok(()) };
    let region = region.filter(|region| old.regions.contains_key(region));
    let mut new = Inventory::clone(&old);
    new.agents.insert(agent.clone(), AgentDecl { id: agent.clone(), name: called, region, zone, address: None });
    let summary = diff(&old, &new, false).changes.iter().map(ToString::to_string).collect();
    cx.command(None, Command::InventoryApply { inventory: Box::new(new), summary, base_rev }).await?;
    Ok(())
}

/// Where agents reach this console, and whether only this machine can.
fn address(cx: &Cx) -> (String, bool) {
    let Some(listens) = cx.service.agent_address() else { return ("CONSOLE:8443".to_owned(), false) };
    if !listens.ip().is_unspecified() {
        return (listens.to_string(), listens.ip().is_loopback());
    }
    // It listens everywhere: the name by which this browser came is one that works.
    let host = if cx.host.is_empty() { "CONSOLE" } else { cx.host.as_str() };
    (format!("{host}:{}", listens.port()), false)
}

fn made(cx: &Cx, agent: &AgentId, token: &SecretText, expires: Wall) -> Response {
    let l = cx.lang;
    let (address, own_only) = address(cx);
    let fingerprint = cx.service.store.authority().fingerprint();
    let line = format!(
        "printf '%s\\n' '{}' | fengsui enroll join {agent} --console https://{address} --ca-fingerprint {fingerprint}",
        token.expose()
    );
    let settings = format!("id = \"{agent}\"\n\n[console]\nurl = \"https://{address}\"\n");
    let copy = |id: &str| {
        html! { button type="button" data-copy=(id) data-done=(text::enroll_copied(l)) { (text::enroll_copy(l)) } }
    };
    let said = html! {
        p { strong { (text::enroll_made(l)) } }
        p { (text::enroll_made_until(l)) " " (time::at(cx, expires)) }
    };
    let inside = html! {
        (ui::trail(&[("/agents", text::nav_agents(l)), ("/enroll", text::enroll_title(l))]))
        (ui::heading(text::enroll_title(l), html! {}))
        (ui::note(Tone::Good, said))
        @if own_only { (ui::note(Tone::Warn, html! { (text::enroll_loopback(l)) })) }
        section.card {
            h2 { (text::enroll_command(l, agent.to_string())) }
            pre #enroll-line { (line) }
            p { (copy("enroll-line")) }
            h2 { (text::enroll_then(l)) }
            pre #enroll-settings { (settings) }
            p { (copy("enroll-settings")) }
            pre { "fengsui agent --config agent.toml" }
        }
        p {
            a.button href={ "/agents/" (encode(agent.as_str())) } { (text::enroll_to_agent(l)) } " "
            a.button href="/enroll" { (text::enroll_again(l)) }
        }
    };
    layout::page(cx, Place::Agents, text::enroll_title(l), inside)
}

/// The agent of the path.
fn target(cx: &Cx) -> Result<AgentRow, Problem> {
    let id = cx.part("id");
    seen(cx).into_iter().find(|row| row.id.as_str() == id).ok_or_else(|| Problem::unknown("探针", "agent", id))
}

/// `GET /agents/{id}/revoke`
pub async fn ask_revoke(cx: Cx) -> Answer {
    let row = target(&cx)?;
    Ok(ask(&cx, &row, "", None))
}

fn ask(cx: &Cx, row: &AgentRow, reason: &str, error: Option<&str>) -> Response {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let href = format!("/agents/{}", encode(row.id.as_str()));
    let called = name(&inventory, row);
    let title = text::revoke_title(l, called.clone());
    let field = Field {
        name: "reason",
        label: text::revoke_reason(l),
        value: reason,
        help: text::revoke_reason_help(l),
        error,
        required: true,
        longest: MAX_REASON,
        ..Field::default()
    };
    let inside = html! {
        (ui::trail(&[("/agents", text::nav_agents(l)), (&href, &called)]))
        section.card.narrow {
            h1 { (title) }
            (ui::note(Tone::Warn, html! { (text::revoke_what(l)) }))
            (form::post(cx, &format!("{href}/revoke"), html! {
                (form::input(&field))
                div.row {
                    button.danger type="submit" { (text::revoke_submit(l)) }
                    a.button href=(href) { (text::revoke_cancel(l)) }
                }
            }))
        }
    };
    let mut answer = layout::page(cx, Place::Agents, &title, inside);
    if error.is_some() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    answer
}

/// `POST /agents/{id}/revoke`
pub async fn revoke(cx: Cx) -> Answer {
    let row = target(&cx)?;
    let reason: String = cx.form.text("reason").chars().take(MAX_REASON).collect();
    if reason.is_empty() {
        return Ok(ask(&cx, &row, "", Some(text::revoke_reason_missing(cx.lang))));
    }
    let command = Command::AgentRevoke { agent: row.id.clone(), reason: reason.clone() };
    match cx.command(Some(&reason), command).await {
        Ok(_) => Ok(redirect(&format!("/agents/{}?said=revoked", encode(row.id.as_str())))),
        Err(problem) => Ok(ask(&cx, &row, &reason, Some(cx.problem(&problem)))),
    }
}
