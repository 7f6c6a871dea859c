//! One agent: how it stands, what it cannot do and why, what never came from it, its own host. What it said last
//! stays readable when it is silent, with the time beside it. Everything it watches stands in `watch`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};

use super::{Standing, certificate, clock, name, place, seen, watch};
use crate::config::zh;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{IncidentFilter, Page};
use crate::console::service::Planned;
use crate::console::store::AgentRow;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::chart::{self, Line};
use crate::console::web::ui::{self, Tone, badge, number, time, words};
use crate::model::Object;
use crate::model::incident::Incident;
use crate::model::inventory::Inventory;

/// Incidents shown; the rest is a link away.
const INCIDENTS: usize = 10;
/// Disks drawn; a host with more is a storage server, not a tower.
const DISKS: usize = 6;
/// Network cards drawn, two lines each.
const NICS: usize = 3;
/// Hours a chart begins with.
const HOURS: u32 = 3;

/// `GET /agents/{id}`
pub async fn page(cx: Cx) -> Answer {
    let id = cx.part("id");
    let row = seen(&cx).into_iter().find(|row| row.id.as_str() == id);
    let Some(row) = row else { return Err(Problem::unknown("探针", "agent", id)) };
    let (_, inventory) = cx.service.store.inventory();
    let object = Object::Agent(row.id.clone());
    let plan = cx.service.plan(&row.id);
    let watched = match watch::card(&cx, &inventory, plan.as_deref())? {
        watch::Card::Page(markup) => markup,
        watch::Card::File(file) => return Ok(*file),
    };
    let filter = IncidentFilter { object: Some(object.clone()), ..IncidentFilter::default() };
    let newest = Page { limit: INCIDENTS, after: None };
    let incidents = cx.service.store.incidents(&cx.scope(), filter, newest).await?.items;
    let title = name(&inventory, &row);
    let standing = html! {
        (standing(&cx, &inventory, &row, plan.as_deref()))
        div.columns {
            div { (limits(&cx, &row)) (gaps(&cx, &row)) }
            (incident_card(&cx, &object, &incidents))
        }
    };
    let inside = html! {
        (ui::trail(&[("/agents", text::nav_agents(cx.lang))]))
        (ui::heading(&title, buttons(&cx, &row)))
        @if cx.query.text("said") == "revoked" { (ui::note(Tone::Good, html! { (text::agent_said_revoked(cx.lang)) })) }
        (ui::live(&cx, "standing", &[Topic::Agents, Topic::Incidents, Topic::Inventory], standing))
        (charts(&cx, &object))
        (ui::live(&cx, "watch", &[Topic::Inventory, Topic::Definitions, Topic::Objects], watched))
    };
    Ok(layout::page(&cx, Place::Agents, &title, inside))
}

fn buttons(cx: &Cx, row: &AgentRow) -> Markup {
    let (l, id) = (cx.lang, encode(row.id.as_str()));
    html! {
        @if cx.administers() {
            a.button href={ "/enroll?agent=" (id) } { (text::agent_token(l)) }
            @if row.enrolled.is_some() && row.revoked.is_none() {
                a.button.danger href={ "/agents/" (id) "/revoke" } { (text::agent_revoke(l)) }
            }
        }
    }
}

fn standing(cx: &Cx, inventory: &Inventory, row: &AgentRow, plan: Option<&Planned>) -> Markup {
    let l = cx.lang;
    let note = match Standing::of(row) {
        Standing::Silent => ui::note(
            Tone::Warn,
            html! { (text::agent_silent_since(l)) @if let Some(at) = row.status_at { " · " (time::at(cx, at)) } },
        ),
        Standing::Revoked => {
            let why = row.revoked.clone().unwrap_or_default();
            ui::note(Tone::Bad, html! { (text::agent_revoked_because(l, why)) })
        }
        Standing::Unenrolled => ui::note(Tone::Info, html! { (text::agent_never(l)) }),
        Standing::Heard => html! {},
    };
    html! {
        (note)
        @if !inventory.agents.contains_key(&row.id) { (ui::note(Tone::Warn, html! { (text::agent_undeclared(l)) })) }
        section.card { (ui::facts(&facts(cx, inventory, row, plan))) }
        @if let Some(planned) = plan.filter(|p| !p.notes.is_empty()) {
            section.card {
                h2 { (text::agent_notes(l)) }
                ul { @for note in &planned.notes { li { (in_words(l, note)) } } }
            }
        }
    }
}

fn facts(cx: &Cx, inventory: &Inventory, row: &AgentRow, plan: Option<&Planned>) -> Vec<(&'static str, Markup)> {
    let l = cx.lang;
    let (region, zone) = place(inventory, row);
    let address = inventory.agents.get(&row.id).and_then(|d| d.address.as_deref()).unwrap_or_default();
    let heard =
        row.last_heard.map_or_else(ui::none, |at| html! { (time::ago(cx, at)) br; small { (time::at(cx, at)) } });
    let mut all = vec![
        (text::agents_col_state(l), Standing::of(row).badge(l)),
        (text::agent_fact_heard(l), heard),
        (text::agent_fact_region(l), ui::or_none(&region)),
        (text::agent_fact_zone(l), ui::or_none(&zone)),
        (text::agent_fact_id(l), html! { span.mono { (row.id) } }),
        (text::agent_fact_address(l), ui::or_none(address)),
        (text::agent_fact_clock(l), clock(l, row)),
        (text::agent_fact_certificate(l), certificate(cx, row)),
        (text::agent_fact_enrolled(l), time::maybe(cx, row.enrolled)),
        (text::agent_fact_plan(l), revision(l, row, plan)),
    ];
    let Some(s) = &row.status else { return all };
    let count = |n: u64, bad: bool| {
        let words = number::count(n);
        if bad && n > 0 {
            badge::toned(Tone::Warn, &words)
        } else {
            html! { (words) }
        }
    };
    let waiting = html! { (number::count(s.spool_records)) @if s.spool_records > 0 { " (" (number::bytes(s.spool_bytes as f64)) ")" } };
    all.extend([
        (text::agent_fact_tasks(l), count(s.tasks, false)),
        (text::agent_fact_spool(l), waiting),
        (text::agent_fact_dropped(l), count(s.spool_dropped, true)),
        (text::agent_fact_skipped(l), count(s.skipped_runs, false)),
        (text::agent_fact_host(l), ui::or_none(&s.hostname)),
        (text::agent_fact_version(l), ui::or_none(&s.version)),
        (text::agent_fact_uptime(l), html! { (time::lasting(l, Duration::from_secs(s.uptime_seconds))) }),
    ]);
    all
}

/// A line of an agent or of the planner, in the reader's language as far as it is known.
fn in_words(l: Lang, line: &str) -> String {
    match l {
        Lang::Zh => zh::line(line),
        Lang::En => line.to_owned(),
    }
}

fn revision(l: Lang, row: &AgentRow, plan: Option<&Planned>) -> Markup {
    let Some(plan) = plan else { return html! { (text::agent_plan_none(l)) } };
    let used = row.status.as_ref().map(|s| s.plan_rev).filter(|used| *used != plan.plan.rev);
    html! {
        (plan.plan.rev)
        @if let Some(used) = used { br; (badge::toned(Tone::Warn, &text::agent_plan_behind(l, used))) }
    }
}

fn limits(cx: &Cx, row: &AgentRow) -> Markup {
    let l = cx.lang;
    let limits = row.status.as_ref().map(|s| s.limits.as_slice()).unwrap_or_default();
    html! {
        section #limits .card {
            h2 { (text::agent_limits(l)) }
            @if limits.is_empty() { p.help { (text::agent_limits_none(l)) } }
            @else { ul.plain { @for limit in limits { li { (ui::icon("warn")) " " (in_words(l, limit)) } } } }
        }
    }
}

fn gaps(cx: &Cx, row: &AgentRow) -> Markup {
    let l = cx.lang;
    html! {
        section.card {
            h2 { (text::agent_gaps(l)) }
            @if row.gaps.is_empty() { p.help { (text::agent_gaps_none(l)) } } @else {
                p.help { (text::agent_gaps_help(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr {
                        th { (text::agent_gap_received(l)) } th { (text::agent_gap_stream(l)) }
                        th.number { (text::agent_gap_range(l)) } th { (text::agent_gap_cause(l)) }
                    } }
                    tbody { @for gap in row.gaps.iter().rev() { tr {
                        td { (time::at(cx, gap.received)) } td { (gap.stream) }
                        td.number { (number::count(gap.first)) "–" (number::count(gap.last)) } td { (in_words(l, &gap.cause)) }
                    } } }
                } }
            }
        }
    }
}

fn incident_card(cx: &Cx, object: &Object, incidents: &[Incident]) -> Markup {
    let l = cx.lang;
    let all = format!("/incidents?object={}&state=all", encode(&object.to_string()));
    html! {
        section.card {
            h2 { (text::agent_incidents(l)) }
            @if incidents.is_empty() { p.help { (text::agent_incidents_none(l)) } } @else {
                ul.plain { @for incident in incidents { li {
                    (badge::severity(l, incident.severity)) " " (badge::state(l, incident.state)) " "
                    a href={ "/incidents/" (encode(&incident.id)) } { (words::problem(cx, &incident.key.problem)) }
                    br; small { (time::at(cx, incident.opened)) }
                } } }
                p { a href=(all) { (text::agent_incidents_all(l)) } }
            }
        }
    }
}

fn charts(cx: &Cx, object: &Object) -> Markup {
    let l = cx.lang;
    let latest = cx.service.store.latest(&cx.scope(), object);
    let has = |field: &str| latest.iter().any(|v| &*v.field == field);
    let parts = |field: &str, most: usize| -> Vec<Arc<str>> {
        let all: BTreeSet<Arc<str>> =
            latest.iter().filter(|v| &*v.field == field).map(|v| v.instance.clone()).collect();
        all.into_iter().take(most).collect()
    };
    if !has("cpu_ratio") && !has("memory_used_ratio") {
        let nothing = ui::empty(text::agent_charts_none(l), html! { (text::agent_charts_none_advice(l)) });
        return html! { section.card { h2 { (text::agent_charts(l)) } (nothing) } };
    }
    let whole = |fields: &[&'static str]| -> Vec<Line<'_>> {
        let line = |field| Line { object, field, instance: "", name: field_word(l, field).to_owned(), rate: None };
        fields.iter().copied().filter(|f| has(f)).map(line).collect()
    };
    let (disks, nics) = (parts("disk_used_ratio", DISKS), parts("nic_in_octets", NICS));
    let disk =
        |disk| Line { object, field: "disk_used_ratio", instance: disk, name: str::to_owned(disk), rate: None };
    let nic = |nic: &'_ Arc<str>| {
        let both = [
            ("nic_in_octets", text::agent_in(l, nic.to_string())),
            ("nic_out_octets", text::agent_out(l, nic.to_string())),
        ];
        (nic.clone(), both)
    };
    let nic_words: Vec<_> = nics.iter().map(nic).collect();
    let nic_lines: Vec<Line<'_>> = nic_words
        .iter()
        .flat_map(|(nic, both)| both.iter().map(move |(field, name)| (nic, *field, name)))
        .map(|(nic, field, name)| Line { object, field, instance: nic, name: name.clone(), rate: Some(8.0) })
        .collect();
    let disk_lines: Vec<Line<'_>> = disks.iter().map(|d| disk(d)).collect();
    let all = [
        ("cpu", text::agent_chart_cpu(l), "ratio", whole(&["cpu_ratio", "memory_used_ratio", "swap_used_ratio"])),
        ("disk", text::agent_chart_disk(l), "ratio", disk_lines),
        ("load", text::agent_chart_load(l), "", whole(&["load1", "load5", "load15"])),
        ("net", text::agent_chart_net(l), "bps", nic_lines),
    ];
    html! {
        h2 { (text::agent_charts(l)) }
        div.cards.two {
            @for (id, title, unit, lines) in all.iter().filter(|(_, _, _, lines)| !lines.is_empty()) {
                section.card { (chart::lines(cx, id, title, unit, HOURS, lines)) }
            }
        }
    }
}

/// What a line of the host's is called: short, since a legend has little room.
fn field_word(l: Lang, field: &'static str) -> &'static str {
    match field {
        "cpu_ratio" => text::agent_line_cpu(l),
        "memory_used_ratio" => text::agent_line_memory(l),
        "swap_used_ratio" => text::agent_line_swap(l),
        "load1" => text::agent_line_load_1(l),
        "load5" => text::agent_line_load_5(l),
        "load15" => text::agent_line_load_15(l),
        other => other,
    }
}
