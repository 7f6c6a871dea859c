//! Small charts of the fields that the rules of an incident judged, around its time. A rule that only counts
//! failures says little in a line, so what its probe measures stands beside it.

use std::time::Duration;

use maud::{Markup, html};

use super::one::Shown;
use super::words::{declared, label};
use crate::config::defs::RuleDef;
use crate::console::web::cx::Cx;
use crate::console::web::text;
use crate::console::web::ui::chart::{self, Line, Span};
use crate::console::web::ui::number;
use crate::model::incident::Incident;
use crate::model::{Field, FieldType};

/// Charts of an incident; more say nothing more.
const MAX: usize = 3;
/// What is shown before it began and after it ended.
const AROUND: Duration = Duration::from_secs(30 * 60);
/// The longest span: beyond it the beginning is shown.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The charts, or nothing.
pub fn show(cx: &Cx, shown: &Shown) -> Markup {
    let i = &shown.detail.incident;
    let fields = fields(shown);
    if fields.is_empty() {
        return html! {};
    }
    let span = span(cx, i);
    html! {
        section.card {
            h2 { (text::incident_charts(cx.lang)) }
            div.small-charts {
                @for (at, (rule, field)) in fields.iter().enumerate() { (one(cx, i, at, rule, field, span)) }
            }
        }
    }
}

fn one(cx: &Cx, incident: &Incident, at: usize, rule: &RuleDef, field: &Field, span: Span) -> Markup {
    let counter = field.kind == FieldType::Counter;
    let name = label(cx.lang, field);
    // Of a table of the interfaces or of the whole object the instance is empty; of disks it is the disk.
    let instance = if rule.kind.schema.find(&field.name).is_some() { &*incident.key.instance } else { "" };
    let unit = if counter { "1/s" } else { number::unit(&field.name) };
    let line = Line {
        object: &incident.key.object,
        field: &field.name,
        instance,
        name: name.clone(),
        rate: counter.then_some(1.0),
    };
    chart::lines_of(cx, &format!("chart-{at}"), &name, unit, span, &[line])
}

/// Fields with the rule that judges them, each once.
fn fields(shown: &Shown) -> Vec<(&RuleDef, &Field)> {
    let mut found: Vec<(&RuleDef, &Field)> = Vec::new();
    for c in &shown.detail.incident.contributions {
        let Some(rule) = shown.names.rule_def(&c.rule) else { continue };
        let mut names = rule.judge.fields();
        if names.iter().all(|name| matches!(*name, "fails" | "up")) {
            let first = rule.kind.schema.tables.first().into_iter().flat_map(|t| t.fields.iter());
            // How long an answer took, and how much was lost; not how long a device has been running.
            let tells = |f: &&Field| {
                number_like(f)
                    && f.name != "uptime_seconds"
                    && (f.name.ends_with("_seconds") || f.name.ends_with("_ratio"))
            };
            let measured = first.filter(tells).take(2).map(|f| &*f.name);
            names = measured.chain(["up"]).collect();
        }
        for field in names.into_iter().filter_map(|name| declared(rule, name)).filter(|f| number_like(f)) {
            if found.len() < MAX && found.iter().all(|(_, known)| known.name != field.name) {
                found.push((rule, field));
            }
        }
    }
    found
}

const fn number_like(field: &Field) -> bool {
    matches!(field.kind, FieldType::Gauge | FieldType::Counter | FieldType::Histogram)
}

/// Around it: up to now while it goes on.
fn span(cx: &Cx, incident: &Incident) -> Span {
    let from = incident.opened.minus(AROUND);
    match incident.resolved {
        Some(end) => Span::Between(from, end.plus(AROUND).min(from.plus(LONGEST))),
        None if cx.now.since(from) > LONGEST => Span::Between(from, from.plus(LONGEST)),
        None => {
            let hours = cx.now.since(from).as_secs().div_ceil(3_600).max(1);
            Span::Hours(u32::try_from(hours).unwrap_or(24))
        }
    }
}
