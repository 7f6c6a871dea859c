//! What is measured of an object, for its page: the newest values with their age and origin, what agents found
//! out, and charts of whatever has a unit. Nothing here knows a kind of probe: fields, their names and their
//! units come from what the kinds declare.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::console::board::Board;
use crate::console::service::Service;
use crate::console::store::{Brief, Ended, Fact, Newest};
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui::chart::{self, Line};
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::field::{Field, FieldType, IMPLICIT};
use crate::model::{AgentId, Object, ProbeId, Wall};

/// Spans of charts in hours, and the query's words for them.
const SPANS: [(u32, &str); 4] = [(1, "1"), (6, "6"), (24, "24"), (168, "168")];
/// Lines in one chart: more cannot be told apart.
const MAX_LINES: usize = 6;
/// Values in the table of newest values: ports have a table of their own.
const MAX_VALUES: usize = 500;

/// What one probe of one agent said last.
#[derive(Debug, Clone)]
pub struct Said {
    /// Instance, or empty.
    pub instance: String,
    /// Who measured.
    pub agent: AgentId,
    /// The definition.
    pub probe: ProbeId,
    /// Its kind.
    pub kind: String,
    /// When.
    pub at: Wall,
    /// Is it how things are now?
    pub current: bool,
    /// How its runs ended, of the target of a probe.
    pub ended: Option<Ended>,
    /// Fields and values.
    pub fields: Vec<(String, f64)>,
}

impl Said {
    fn value(&self, field: &str) -> Option<f64> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| *value)
    }
}

/// Everything that was said last of an object.
pub fn said(board: &Board, newest: &Newest<'_>, object: &Object) -> Vec<Said> {
    let mut all: Vec<Said> = newest
        .of(object)
        .map(|row| Said {
            instance: row.instance().to_owned(),
            agent: row.agent().clone(),
            probe: row.probe().clone(),
            kind: row.kind().to_owned(),
            at: row.at(),
            current: board.current(&row),
            ended: row.ended().cloned(),
            fields: row.fields().map(|(name, value)| (name.to_owned(), value)).collect(),
        })
        .collect();
    all.sort_by(|a, b| (&a.probe, &a.instance, &a.agent).cmp(&(&b.probe, &b.instance, &b.agent)));
    all
}

/// The declaration of a field of a kind.
fn declared<'a>(service: &Service, kind: &str, field: &str) -> Option<&'a Field> {
    let spec = service.catalog.iter().find(|spec| spec.name == kind);
    let own = spec.and_then(|spec| spec.schema.find(field)).map(|(_, _, field)| field);
    own.or_else(|| IMPLICIT.iter().find(|f| f.name == field))
}

/// Whether a kind measures a field, be there a value of it now or not.
pub fn declares(service: &Service, kind: &str, field: &str) -> bool {
    declared(service, kind, field).is_some()
}

/// What a field is called: its declaration's words, without the unit that stands beside the value.
pub fn field_name(cx: &Cx, kind: &str, field: &str) -> String {
    declared(&cx.service, kind, field).map_or_else(
        || field.to_owned(),
        |f| {
            let full = cx.lang.pick(&f.zh, &f.en);
            full.split_once('（').map_or(full, |(name, _)| name).to_owned()
        },
    )
}

/// A value with its unit; a state by its word.
fn shown(cx: &Cx, kind: &str, field: &str, value: f64) -> String {
    match declared(&cx.service, kind, field).map(|f| &f.kind) {
        Some(FieldType::State(names)) => {
            names.get(value as usize).map_or_else(|| value.to_string(), ToString::to_string)
        }
        _ => number::field(cx.lang, field, value),
    }
}

/// What a probe is called.
fn probe_name(cx: &Cx, id: &ProbeId) -> String {
    let definitions = cx.service.definitions();
    let found = definitions.probes.iter().find(|p| p.id == *id);
    found.map_or_else(|| id.to_string(), |p| cx.lang.pick(&p.zh, &p.en).to_owned())
}

/// The newest values as they are, with age and origin.
pub fn values(cx: &Cx, board: &Board, said: &[Said]) -> Markup {
    let l = cx.lang;
    if said.is_empty() {
        return html! {};
    }
    let mut left = MAX_VALUES;
    html! {
        details.card {
            summary { strong { (text::measured_values(l)) } }
            div.scroll tabindex="0" role="region" aria-label=(text::measured_values(l)) { table.grid {
                thead { tr {
                    th scope="col" { (text::measured_field(l)) } th.number scope="col" { (text::measured_value(l)) } th scope="col" { (text::measured_age(l)) }
                    th.wide scope="col" { (text::measured_probe(l)) } th.wide scope="col" { (text::measured_agent(l)) }
                } }
                tbody { @for row in said { @for (field, value) in &row.fields { @if take(&mut left) {
                    tr class=[(!row.current).then_some("old")] {
                        td { (field_name(cx, &row.kind, field)) @if !row.instance.is_empty() { " " small.mono { (row.instance) } } " " small.mono.wide { (field) } }
                        td.number { (shown(cx, &row.kind, field, *value)) }
                        td { (time::ago(cx, row.at)) @if !row.current { " " (badge::mark(text::measured_old(l))) } }
                        td.wide { (probe_name(cx, &row.probe)) }
                        td.wide { (ui::object(&board.inventory, &Object::Agent(row.agent.clone()))) }
                    }
                } } } }
            } }
        }
    }
}

/// How the newest runs of each probe ended: why one did not go well, what did not come whole, how much it asked.
pub fn runs(cx: &Cx, board: &Board, facts: &[Fact], said: &[Said]) -> Markup {
    let l = cx.lang;
    let all: Vec<(&Said, &Ended)> = said.iter().filter_map(|row| Some((row, row.ended.as_ref()?))).collect();
    if all.is_empty() {
        return html! {};
    }
    let lacks = |row: &Said| {
        let of = |fact: &&Fact| fact.field == "shortfall" && fact.probe == row.probe && fact.agent == row.agent;
        facts.iter().find(of).map(|fact| fact.value.clone()).filter(|text| !text.is_empty())
    };
    let seconds = |row: &Said, field: &str| row.value(field).map(|v| number::seconds(l, v));
    let count = |row: &Said, field: &str| row.value(field).map(|v| number::count(v.max(0.0) as u64));
    html! {
        details.card open[all.iter().any(|(_, ended)| outcome(l, ended).0 != Tone::Good)] {
            summary { strong { (text::measured_runs(l)) } }
            div.scroll tabindex="0" role="region" aria-label=(text::measured_runs(l)) { table.grid {
                thead { tr {
                    th scope="col" { (text::measured_probe(l)) } th scope="col" { (text::measured_outcome(l)) } th scope="col" { (text::measured_why(l)) }
                    th.number scope="col" { (text::measured_took(l)) } th.number.wide scope="col" { (text::measured_round_trip(l)) }
                    th.number.wide scope="col" { (text::measured_requests(l)) } th.number.wide scope="col" { (text::measured_variables(l)) }
                    th scope="col" { (text::measured_age(l)) } th.wide scope="col" { (text::measured_agent(l)) }
                } }
                tbody { @for (row, ended) in &all {
                    @let (tone, word) = outcome(l, ended);
                    tr class=[(!row.current).then_some("old")] {
                        td { (probe_name(cx, &row.probe)) @if !row.instance.is_empty() { " " small.mono { (row.instance) } } }
                        td { (badge::toned(tone, word)) }
                        td {
                            @for cause in &ended.causes { (l.pick(cause.zh(), cause.as_str())) " " }
                            @if let (Some(lacks), false) = (lacks(row), ended.causes.is_empty()) { br; small { (lacks) } }
                        }
                        td.number { (or_none(seconds(row, "duration_seconds"))) }
                        td.number.wide { (or_none(seconds(row, "round_trip_seconds"))) }
                        td.number.wide {
                            (or_none(count(row, "requests_count")))
                            @if let Some(again) = count(row, "retries_count").filter(|n| n != "0") { " (" (text::measured_again(l, again)) ")" }
                        }
                        td.number.wide { (or_none(count(row, "variables_count"))) }
                        td { (time::ago(cx, row.at)) }
                        td.wide { (ui::object(&board.inventory, &Object::Agent(row.agent.clone()))) }
                    }
                } }
            } }
        }
    }
}

/// The worst that happened within a window.
const fn outcome(l: Lang, ended: &Ended) -> (Tone, &'static str) {
    match ended.runs {
        [_, _, failed, _] if failed > 0 => (Tone::Bad, text::measured_failed(l)),
        [_, degraded, _, _] if degraded > 0 => (Tone::Warn, text::measured_degraded(l)),
        [ok, _, _, _] if ok > 0 => (Tone::Good, text::measured_ok(l)),
        _ => (Tone::Warn, text::measured_invalid(l)),
    }
}

fn or_none(shown: Option<String>) -> Markup {
    shown.map_or_else(ui::none, |text| html! { (text) })
}

fn take(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left > 0
}

/// What agents found out, apart from what people declared.
pub fn facts(cx: &Cx, board: &Board, facts: &[Fact], said: &[Said]) -> Markup {
    let l = cx.lang;
    let kind_of = |probe: &ProbeId| {
        let definitions = cx.service.definitions();
        definitions.probes.iter().find(|p| p.id == *probe).map_or("", |p| p.kind.name)
    };
    let uptime = said.iter().filter(|s| s.current).find_map(|s| {
        let (field, value) = s.fields.iter().find(|(name, _)| name == "uptime_seconds")?;
        Some((field_name(cx, &s.kind, field), number::field(l, field, *value)))
    });
    // Two probes may find out the same: the newest of a field counts.
    let mut known: BTreeMap<(&str, &str), &Fact> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| !fact.value.is_empty()) {
        let kept = known.entry((&fact.field, &fact.instance)).or_insert(fact);
        if fact.at > kept.at {
            *kept = fact;
        }
    }
    let newest = facts.iter().max_by_key(|f| f.at);
    html! {
        @if facts.is_empty() && uptime.is_none() { p.help { (text::measured_no_facts(l)) } } @else {
            dl.facts.tall {
                @if let Some((name, value)) = uptime { div { dt { (name) } dd { (value) } } }
                @for fact in known.values() {
                    div {
                        dt { (field_name(cx, kind_of(&fact.probe), &fact.field)) @if !fact.instance.is_empty() { " " small.mono { (fact.instance) } } }
                        dd { (ui::or_none(&fact.value)) }
                    }
                }
            }
            @if let Some(fact) = newest {
                p.help { (text::measured_found_by(l)) " " (ui::object(&board.inventory, &Object::Agent(fact.agent.clone()))) " · " (time::ago(cx, fact.at)) }
            }
        }
    }
}

/// The span that the address asks for, in hours.
pub fn hours(cx: &Cx) -> u32 {
    SPANS.iter().find(|(_, word)| *word == cx.query.text("span")).map_or(SPANS[0].0, |(hours, _)| *hours)
}

/// Links to the other spans; `url` makes the address for one. The script changes the charts in place.
pub fn spans(cx: &Cx, url: impl Fn(&str) -> String) -> Markup {
    let l = cx.lang;
    let here = hours(cx);
    let names =
        [text::measured_span_1(l), text::measured_span_6(l), text::measured_span_24(l), text::measured_span_168(l)];
    html! {
        nav.spans aria-label=(text::measured_span(l)) {
            @for ((hours, word), name) in SPANS.iter().zip(names) {
                a href=(url(word)) data-span=(hours) aria-current=[(*hours == here).then_some("true")] { (name) }
            }
        }
    }
}

/// Id, title and fields of a chart.
type Group = (&'static str, fn(Lang) -> &'static str, &'static [&'static str]);

/// Groups of fields that share a chart: by the unit their names end in.
const GROUPS: [Group; 8] = [
    ("rtt", |l| text::measured_chart_rtt(l), &["rtt_seconds"]),
    ("loss", |l| text::measured_chart_loss(l), &["loss_ratio"]),
    (
        "jitter",
        |l| text::measured_chart_jitter(l),
        &["variation_seconds", "forward_jitter_seconds", "return_jitter_seconds"],
    ),
    (
        "phases",
        |l| text::measured_chart_phases(l),
        &[
            "total_seconds",
            "first_byte_seconds",
            "tls_seconds",
            "connect_seconds",
            "resolve_seconds",
            "handshake_seconds",
        ],
    ),
    // How long an answer takes, where nothing measures it better.
    ("duration", |l| text::measured_chart_duration(l), &["duration_seconds"]),
    ("up", |l| text::measured_chart_up(l), &["up"]),
    (
        "use",
        |l| text::measured_chart_use(l),
        &["cpu_ratio", "memory_used_ratio", "swap_used_ratio", "disk_used_ratio"],
    ),
    ("days", |l| text::measured_chart_days(l), &["days_left"]),
];

/// Charts of what is measured of an object, one a group of fields that it has.
pub fn charts(cx: &Cx, object: &Object, said: &[Said]) -> Markup {
    // By field and instance; several agents and probes of one make one line, which is their mean.
    let mut known: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for row in said {
        for (field, _) in &row.fields {
            known.entry((field, &row.instance)).or_insert(&row.kind);
        }
    }
    let hours = hours(cx);
    let timed = measures(said, is_time);
    html! {
        @for (id, title, fields) in GROUPS {
            @let lines = if id == "duration" && timed { Vec::new() } else { lines(cx, object, &known, fields) };
            @if let Some(first) = lines.first() {
                // Of ones and zeros the mean is a share.
                @let unit = if first.field == "up" { "ratio" } else { number::unit(first.field) };
                (chart::lines(cx, &format!("chart-{id}"), title(cx.lang), unit, hours, &lines))
            }
        }
    }
}

/// Does a field say how long something took, better than the length of a run?
fn is_time(field: &str) -> bool {
    matches!(field, "rtt_seconds" | "total_seconds" | "connect_seconds")
}

/// How long the newest run took, where nothing measures the round trip.
pub fn answer_seconds(said: &[Said]) -> Option<f64> {
    if measures(said, is_time) {
        return None;
    }
    let fields = said.iter().filter(|row| row.current).flat_map(|row| &row.fields);
    fields.filter(|(field, _)| field == "duration_seconds").map(|(_, value)| *value).reduce(f64::max)
}

/// Is such a field measured at all?
pub fn measures(said: &[Said], wanted: impl Fn(&str) -> bool) -> bool {
    said.iter().flat_map(|row| &row.fields).any(|(field, _)| wanted(field))
}

/// Incidents as shades in charts: from when to when, how bad.
pub fn marks(incidents: &[Brief]) -> String {
    let all: Vec<serde_json::Value> = incidents
        .iter()
        .map(|i| serde_json::json!({ "from": i.opened.to_string(), "to": i.resolved.map(|at| at.to_string()), "severity": i.severity.as_str() }))
        .collect();
    serde_json::Value::from(all).to_string()
}

fn lines<'a>(
    cx: &Cx,
    object: &'a Object,
    known: &BTreeMap<(&'a str, &'a str), &str>,
    fields: &[&str],
) -> Vec<Line<'a>> {
    let mut all = Vec::new();
    for wanted in fields {
        for ((field, instance), kind) in known.iter().filter(|((field, _), _)| field == wanted) {
            let name = field_name(cx, kind, field);
            let name = if instance.is_empty() { name } else { format!("{name} {instance}") };
            all.push(Line { object, field, instance, name, rate: None });
        }
    }
    all.truncate(MAX_LINES);
    all
}

/// Traffic of a port, from its octet counters, in bits a second.
pub fn traffic<'a>(cx: &Cx, port: &'a Object, prefix: &str) -> Vec<Line<'a>> {
    let l = cx.lang;
    [("in_octets", text::measured_in(l)), ("out_octets", text::measured_out(l))]
        .map(|(field, name)| Line {
            object: port,
            field,
            instance: "",
            name: if prefix.is_empty() { name.to_owned() } else { format!("{prefix} {name}") },
            rate: Some(8.0),
        })
        .to_vec()
}

/// Packets with errors or dropped at a port, a second.
pub fn errors<'a>(cx: &Cx, port: &'a Object) -> Vec<Line<'a>> {
    let l = cx.lang;
    [
        ("in_errors", text::measured_in_errors(l)),
        ("out_errors", text::measured_out_errors(l)),
        ("in_discards", text::measured_in_discards(l)),
        ("out_discards", text::measured_out_discards(l)),
    ]
    .map(|(field, name)| Line { object: port, field, instance: "", name: name.to_owned(), rate: Some(1.0) })
    .to_vec()
}
