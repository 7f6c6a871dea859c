//! Charts: a figure that the script fills from `/api/v1/series`, with a table of the same numbers behind it;
//! and sparklines, drawn by the server, which need no script.

use maud::{Markup, html};

use super::number;
use crate::console::api::query::encode;
use crate::console::web::cx::Cx;
use crate::console::web::{assets, text};
use crate::model::Object;
use crate::model::Wall;

/// One line of a chart.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// Of which object.
    pub object: &'a Object,
    /// Field.
    pub field: &'a str,
    /// Instance, or empty.
    pub instance: &'a str,
    /// What the legend calls it.
    pub name: String,
    /// The value is a counter: show its rate a second, times this (8 makes bits of octets).
    pub rate: Option<f64>,
}

/// Which time a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many hours back from now, and it goes on.
    Hours(u32),
    /// Between two times.
    Between(Wall, Wall),
}

/// A chart of lines in one unit. `hours` back from now; the reader may change it.
pub fn lines(cx: &Cx, id: &str, title: &str, unit: &str, hours: u32, lines: &[Line<'_>]) -> Markup {
    lines_of(cx, id, title, unit, Span::Hours(hours), lines)
}

/// A chart of lines in one unit over a span.
pub fn lines_of(cx: &Cx, id: &str, title: &str, unit: &str, span: Span, lines: &[Line<'_>]) -> Markup {
    let (hours, between) = match span {
        Span::Hours(hours) => (Some(hours), None),
        Span::Between(from, to) => (None, Some((from.to_string(), to.to_string()))),
    };
    let (from, to) = between.unzip();
    let all: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let query = format!(
                "object={}&field={}&instance={}",
                encode(&line.object.to_string()),
                encode(line.field),
                encode(line.instance)
            );
            // An instance that is empty means the whole object; it is left out, since the API reads it as given.
            let query = if line.instance.is_empty() { query.replace("&instance=", "") } else { query };
            serde_json::json!({ "url": format!("/api/v1/series?{query}"), "name": line.name, "rate": line.rate })
        })
        .collect();
    html! {
        figure.chart id=(id) data-unit=(unit) data-hours=[hours] data-from=[from] data-to=[to] data-lines=(serde_json::Value::from(all).to_string())
            data-src=(assets::url("chart.js")) data-none=(text::chart_none(cx.lang)) data-failed=(text::chart_failed(cx.lang))
            data-least=(text::chart_least(cx.lang)) data-most=(text::chart_most(cx.lang)) data-time=(text::chart_time(cx.lang)) data-zone=(cx.zone.iana_name().unwrap_or("UTC")) {
            figcaption { (title) }
            div.plot role="img" aria-label=(title) { (super::loading(cx)) }
            details { summary { (text::chart_table(cx.lang)) } div.numbers {} }
            noscript { p.help { (text::chart_needs_script(cx.lang)) } }
        }
    }
}

/// A small line of the newest values, oldest first; the last one stands beside it in words.
pub fn spark(values: &[f64], said: &str) -> Markup {
    spark_lines(&[values], said)
}

/// Two small lines on one scale, such as received and sent; the second is dashed.
pub fn spark_two(first: &[f64], second: &[f64], said: &str) -> Markup {
    spark_lines(&[first, second], said)
}

fn spark_lines(lines: &[&[f64]], said: &str) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 20.0;
    let all = || lines.iter().flat_map(|line| line.iter().copied());
    let (top, low) = (all().fold(f64::MIN, f64::max), all().fold(0.0, f64::min));
    let most = lines.iter().map(|line| line.len()).max().unwrap_or_default();
    if most < 2 || !top.is_finite() {
        return html! { span.spark { (super::none()) } };
    }
    let step = WIDTH / (most - 1) as f64;
    let scale = if top > low { (HEIGHT - 2.0) / (top - low) } else { 0.0 };
    let points = |line: &[f64]| -> String {
        let each = line.iter().enumerate();
        let each = each.map(|(at, v)| format!("{:.1},{:.1}", at as f64 * step, HEIGHT - 1.0 - (v - low) * scale));
        each.collect::<Vec<_>>().join(" ")
    };
    html! {
        span.spark {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img" aria-label=(said) {
                @for (at, line) in lines.iter().enumerate() {
                    polyline points=(points(line)) fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray=[(at > 0).then_some("3 2")] {}
                }
            }
            " " (said)
        }
    }
}

/// A bar for a share between 0 and 1, with its percentage in words.
pub fn share(value: f64) -> Markup {
    let width = (value.clamp(0.0, 1.0) * 100.0).round();
    html! {
        span.share {
            svg viewBox="0 0 100 10" width="80" height="8" preserveAspectRatio="none" aria-hidden="true" {
                rect.rest width="100" height="10" {}
                rect.part width=(width) height="10" {}
            }
            " " (number::percent(value))
        }
    }
}
