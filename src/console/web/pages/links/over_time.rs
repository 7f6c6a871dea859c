//! A link over time: the smoke chart up to two years back, what the month came to, and when its path changed.

use std::time::Duration;

use maud::{Markup, html};

use crate::config::plan::{Promise, calendar_of, promised};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::store::ways::PATH;
use crate::console::store::{Fact, Reckoned, SeriesKey};
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::pages::measured::{self, Said};
use crate::console::web::ui::{self, number, time};
use crate::console::web::{assets, text};
use crate::engine::availability::Party;
use crate::engine::calendar::open_spans;
use crate::engine::witness::{self, ROUND_TRIP};
use crate::model::inventory::Link;
use crate::model::{Calendar, Object, ProbeId, Wall};

/// Spans of the smoke chart in days.
const SPANS: [u32; 6] = [1, 7, 31, 92, 366, 731];
/// Changes of the path shown.
const PATHS: usize = 20;

/// Everything these parts show.
pub struct OverTime {
    /// What counts by the SLA first, then what else there is to be told.
    hours: Vec<Counted>,
    /// What is promised, if a rule watches it.
    promised: Option<Promise>,
    paths: Vec<Fact>,
}

/// What the months came to at some hours.
struct Counted {
    /// Within this working calendar; at all hours if there is none.
    calendar: Option<Calendar>,
    /// The month so far, and the one before.
    months: [Reckoned; 2],
}

/// Begin of the month that a time is in, and of the one before.
fn months(cx: &Cx) -> [Wall; 2] {
    let zoned = jiff::Timestamp::from_millisecond(cx.now.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let first = zoned.to_zoned(cx.zone.clone()).date().first_of_month();
    let before = first.yesterday().unwrap_or(first).first_of_month();
    [first, before].map(|date| {
        let zoned = date.to_zoned(cx.zone.clone()).ok();
        Wall::from_millis(zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
    })
}

/// Looks it up.
pub async fn look(cx: &Cx, object: &Object) -> Result<OverTime, Problem> {
    let store = &cx.service.store;
    let (_, inventory) = store.inventory();
    let definitions = cx.service.definitions();
    let promised = promised(&inventory, &definitions, object);
    let by_sla = promised.as_ref().and_then(|promise| promise.calendar.as_ref());
    let within = by_sla.or_else(|| calendar_of(&inventory, object)).and_then(|id| definitions.calendars.get(id));
    let mut hours = vec![counted(cx, object, None).await?];
    if let Some(found) = within {
        hours.push(counted(cx, object, Some(found.calendar.clone())).await?);
    }
    if by_sla.is_some() {
        hours.reverse();
    }
    let paths = store.fact_changes(&cx.scope(), object, PATH).await?;
    Ok(OverTime { hours, promised, paths })
}

async fn counted(cx: &Cx, object: &Object, calendar: Option<Calendar>) -> Result<Counted, Problem> {
    let [this, before] = months(cx);
    let spans = [(this, cx.now.max(this.plus(Duration::from_secs(1)))), (before, this)];
    let of = async |(from, to): (Wall, Wall)| {
        let (object, nothing) = (object.clone(), String::new);
        let key = SeriesKey { object, field: nothing(), instance: nothing(), agent: None, probe: None };
        let open = calendar.as_ref().map(|calendar| open_spans(calendar, from, to));
        cx.service.store.availability(&cx.scope(), key, from, to, open).await
    };
    let months = [of(spans[0]).await?, of(spans[1]).await?];
    Ok(Counted { calendar, months })
}

/// The probe and field whose smoke is drawn: what the kind that speaks for the object declares, for a line that is
/// down has no round trip now.
fn smoked<'a>(cx: &Cx, object: &Object, said: &'a [Said]) -> Option<(&'a ProbeId, &'static str)> {
    let drawn = said.iter().filter_map(|row| {
        let rank = witness::rank(object, &row.kind)?;
        let fields = ROUND_TRIP.iter().zip(0u8..);
        let (field, at) = fields.into_iter().find(|(field, _)| measured::declares(&cx.service, &row.kind, field))?;
        Some(((rank, at, !row.current), (&row.probe, *field)))
    });
    drawn.min_by_key(|(order, _)| *order).map(|(_, smoked)| smoked)
}

fn days(cx: &Cx) -> u32 {
    let asked = cx.query.text("smoke").parse().ok();
    SPANS.into_iter().find(|days| Some(*days) == asked).unwrap_or(SPANS[0])
}

const fn span_name(l: Lang, days: u32) -> &'static str {
    match days {
        1 => text::smoke_span_1(l),
        7 => text::smoke_span_7(l),
        31 => text::smoke_span_31(l),
        92 => text::smoke_span_92(l),
        366 => text::smoke_span_366(l),
        _ => text::smoke_span_731(l),
    }
}

/// The smoke chart, with the spans to choose from; `base` is the page's address.
pub fn smoke(cx: &Cx, object: &Object, said: &[Said], base: &str) -> Markup {
    let l = cx.lang;
    let Some((probe, field)) = smoked(cx, object, said) else {
        return html! { section.card #smoke { h2 { (text::smoke_title(l)) } p.help { (text::smoke_none(l)) } } };
    };
    let here = days(cx);
    let query = format!(
        "object={}&field={}&probe={}&max_points=400",
        encode(&object.to_string()),
        encode(field),
        encode(probe.as_str())
    );
    let names = [
        text::chart_time(l),
        text::smoke_least(l),
        text::smoke_p5(l),
        text::smoke_p25(l),
        text::smoke_median(l),
        text::smoke_p75(l),
        text::smoke_p95(l),
        text::smoke_most(l),
        text::smoke_loss(l),
    ];
    html! {
        section.card #smoke {
            div.heading {
                h2 { (text::smoke_title(l)) }
                div.beside { nav.spans aria-label=(text::measured_span(l)) {
                    @for days in SPANS { a href={ (base) "?smoke=" (days) "#smoke" } aria-current=[(days == here).then_some("true")] { (span_name(l, days)) } }
                } }
            }
            figure.chart data-smoke={ "/api/v1/smoke?" (query) } data-days=(here) data-names=(serde_json::Value::from(names.to_vec()).to_string())
                data-src=(assets::url("chart.js")) data-none=(text::chart_none(l)) data-failed=(text::chart_failed(l)) data-zone=(cx.zone.iana_name().unwrap_or("UTC")) {
                div.plot role="img" aria-label=(text::smoke_title(l)) { (ui::loading(cx)) }
                details { summary { (text::chart_table(l)) } div.numbers {} }
                noscript { p.help { (text::chart_needs_script(l)) } }
            }
            p.help { (text::smoke_help(l)) }
        }
    }
}

/// What the months came to.
pub fn months_card(cx: &Cx, over: &OverTime) -> Markup {
    let l = cx.lang;
    let promise = over.promised.as_ref();
    let now = over.hours.first().map(|counted| &counted.months[0]);
    html! {
        section.card #sla {
            h2 { (text::sla_title(l)) }
            div.scroll tabindex="0" role="region" aria-label=(text::sla_title(l)) { table.grid.sla {
                thead { tr { th scope="col" { span.unseen { (text::sla_figure(l)) } } th.number scope="col" { (text::sla_this_month(l)) } th.number scope="col" { (text::sla_last_month(l)) } } }
                @for (counted, at) in over.hours.iter().zip(0u8..) { tbody {
                    @if over.hours.len() > 1 { tr.part { th scope="rowgroup" colspan="3" { (hours(l, counted.calendar.as_ref())) } } }
                    @if let Some(promise) = promise.filter(|_| at == 0) { tr { th scope="row" { (text::sla_promised(l)) } td.number colspan="2" { (share(Some(promise.target))) } } }
                    @for (name, figure) in FIGURES { tr { th scope="row" { (name(l)) } @for month in &counted.months { td.number { (figure(l, month)) } } } }
                } }
            } }
            @if let Some(now) = now { (parties(cx, now)) }
            p.help {
                @match now.and_then(|now| now.availability.until) {
                    Some(until) => { (text::sla_until(l)) " " (time::at(cx, until)) }
                    None => (text::sla_nothing(l)),
                }
            }
            @if let (Some(promise), true) = (promise, over.hours.len() > 1) {
                p.help { (if promise.calendar.is_some() { text::sla_by_hours(l) } else { text::sla_by_all(l) }) }
            }
            p.help { (text::sla_help(l)) }
        }
    }
}

/// Which hours a part of the table counts.
fn hours(l: Lang, calendar: Option<&Calendar>) -> String {
    match calendar {
        Some(calendar) => text::sla_hours(l, l.pick(&calendar.zh, &calendar.en)),
        None => text::sla_all_hours(l).to_owned(),
    }
}

type Figure = (fn(Lang) -> &'static str, fn(Lang, &Reckoned) -> Markup);

/// Rows of the table.
const FIGURES: [Figure; 9] = [
    (|l| text::sla_raw(l), |_, r| share(r.availability.raw())),
    (|l| text::sla_without_maintenance(l), |_, r| share(r.availability.without_maintenance())),
    (|l| text::sla_down(l), |l, r| lasting(l, r, r.availability.lasting(r.availability.bad))),
    (|l| text::sla_maintained(l), |l, r| lasting(l, r, r.availability.maintained)),
    (
        |l| text::smoke_loss(l),
        |_, r| {
            if r.sent == 0 {
                ui::none()
            } else {
                html! { (number::percent(r.lost as f64 / r.sent as f64)) }
            }
        },
    ),
    (|l| text::smoke_median(l), |l, r| rtt(l, r.rtt.map(|q| q.p50))),
    (|l| text::smoke_p95(l), |l, r| rtt(l, r.rtt.map(|q| q.p95))),
    (|l| text::sla_p99(l), |l, r| rtt(l, r.rtt.map(|q| q.p99))),
    (|l| text::sla_jitter(l), |l, r| rtt(l, r.variation.map(|q| q.p95))),
];

/// Availability is told to the fourth place: a month's 99.99 % is four minutes. Only all of it is 100 %.
fn share(value: Option<f64>) -> Markup {
    match value {
        None => ui::none(),
        Some(1.0) => html! { "100 %" },
        Some(v) => html! { (format!("{:.4} %", (v * 1e6).floor() / 1e4)) },
    }
}

fn lasting(l: Lang, r: &Reckoned, for_so_long: Duration) -> Markup {
    if r.availability.until.is_none() {
        ui::none()
    } else {
        html! { (time::lasting(l, for_so_long)) }
    }
}

fn rtt(l: Lang, value: Option<f64>) -> Markup {
    value.map_or_else(ui::none, |v| html! { (number::seconds(l, v)) })
}

/// Who was responsible for what failed this month.
fn parties(cx: &Cx, r: &Reckoned) -> Markup {
    let l = cx.lang;
    let a = &r.availability;
    html! {
        @if !a.parties.is_empty() {
            h3 { (text::sla_parties(l)) }
            ul.plain { @for (party, bad) in &a.parties {
                li {
                    strong { @match party {
                        Party::Maintenance => (text::sla_party_maintenance(l)),
                        Party::Named(name) => (name),
                        Party::Unnamed => (text::sla_party_unnamed(l)),
                        Party::NoIncident => (text::sla_party_no_incident(l)),
                    } }
                    " " (time::lasting(l, a.lasting(*bad))) " " small { (text::sla_of_party(l)) " " (share(a.of(party))) }
                }
            } }
        }
    }
}

/// When the path changed: hop by hop, the newest first, with what is new in it.
pub fn paths(cx: &Cx, link: &Link, over: &OverTime) -> Markup {
    let l = cx.lang;
    html! {
        section.card #paths {
            h2 { (text::path_title(l)) }
            @if over.paths.is_empty() { p.help { (text::path_none(l, link.name.clone())) } } @else {
                ol.paths { @for (at, fact) in over.paths.iter().take(PATHS).enumerate() {
                    @let before = over.paths.get(at + 1..).and_then(|older| older.iter().find(|old| old.probe == fact.probe && old.instance == fact.instance));
                    li {
                        span.when { (time::at(cx, fact.at)) " " span.mono { (fact.agent) } }
                        p.hops { (hops(&fact.value, before.map(|fact| fact.value.as_str()))) }
                    }
                } }
                @if over.paths.len() > PATHS { p.help { (text::path_more(l, over.paths.len() - PATHS)) } }
            }
        }
    }
}

/// Hops of a path; those that the one before did not have are marked.
fn hops(path: &str, before: Option<&str>) -> Markup {
    let old: Vec<&str> = before.map(|text| cut(text).collect()).unwrap_or_default();
    html! {
        @for (at, hop) in cut(path).enumerate() {
            @if at > 0 { span.arrow aria-hidden="true" { " → " } }
            @if before.is_some() && !old.contains(&hop) { ins.mono { (hop) } } @else { span.mono { (hop) } }
        }
    }
}

fn cut(path: &str) -> impl Iterator<Item = &str> {
    path.split(|c: char| c.is_whitespace() || matches!(c, ',' | '>' | ';')).filter(|hop| !hop.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn availability_is_never_rounded_up_to_all_of_it() {
        for (value, shown) in [(1.0, "100 %"), (0.999_999_9, "99.9999 %"), (0.999, "99.9000 %"), (0.0, "0.0000 %")] {
            assert_eq!(share(Some(value)).into_string(), shown);
        }
    }

    #[test]
    fn a_path_marks_the_hops_that_are_new() {
        let shown = hops("10.0.0.1 10.0.0.9 10.0.0.3", Some("10.0.0.1 10.0.0.2 10.0.0.3")).into_string();
        assert_eq!(shown.matches("<ins").count(), 1);
        assert!(shown.contains("<ins class=\"mono\">10.0.0.9</ins>"), "{shown}");
        assert!(!hops("<b> 1", None).into_string().contains("<b>"));
    }
}
