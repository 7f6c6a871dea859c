//! Definitions (监测项与规则): what is in force, where each stands in the files, with which thresholds, and what was
//! wrong with the files when they were read last. It shows; they are changed in files, which the console watches.

pub mod one;

use std::fmt::Write;

use maud::{Markup, html};

use crate::config::defs::{Definitions, Origin, OverrideDef, ProbeDef, RuleDef};
use crate::config::units::format_duration;
use crate::config::{Level, zh};
use crate::console::api::query::encode;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::{ObjectKind, RuleId, Severity};

const SORTS: &[&str] = &["name", "noun", "kind", "on", "interval", "severity", "origin"];
const FILTERS: &[&str] = &["q", "noun", "kind", "on", "from"];
/// Diagnostics shown at once; whoever has more mends these first.
const MAX_SHOWN: usize = 200;

/// One definition in force, or one that was taken away.
#[derive(Clone, Copy)]
enum Def<'a> {
    Probe(&'a ProbeDef),
    Rule(&'a RuleDef),
    Disabled(&'a str, &'a Origin),
}

impl<'a> Def<'a> {
    const fn noun(&self) -> &'static str {
        match self {
            Self::Probe(_) => "probe",
            Self::Rule(_) => "rule",
            Self::Disabled(..) => "disabled",
        }
    }
    fn id(&self) -> &'a str {
        match self {
            Self::Probe(p) => p.id.as_str(),
            Self::Rule(r) => r.id.as_str(),
            Self::Disabled(id, _) => id,
        }
    }
    fn name(&self, l: Lang) -> &'a str {
        match self {
            Self::Probe(p) => l.pick(&p.zh, &p.en),
            Self::Rule(r) => l.pick(&r.zh, &r.en),
            Self::Disabled(id, _) => id,
        }
    }
    fn names(&self) -> [&'a str; 3] {
        match self {
            Self::Probe(p) => [p.id.as_str(), &p.zh, &p.en],
            Self::Rule(r) => [r.id.as_str(), &r.zh, &r.en],
            Self::Disabled(id, _) => [id, "", ""],
        }
    }
    const fn kind(&self) -> &'static str {
        match self {
            Self::Probe(p) => p.kind.name,
            Self::Rule(r) => r.kind.name,
            Self::Disabled(..) => "",
        }
    }
    const fn on(&self) -> Option<ObjectKind> {
        match self {
            Self::Probe(p) => Some(p.on),
            Self::Rule(r) => Some(r.on),
            Self::Disabled(..) => None,
        }
    }
    fn filter(&self) -> &'a str {
        match self {
            Self::Probe(p) => p.filter.as_ref().map_or("", |e| e.text()),
            Self::Rule(r) => r.filter.as_ref().map_or("", |e| e.text()),
            Self::Disabled(..) => "",
        }
    }
    const fn origin(&self) -> &'a Origin {
        match self {
            Self::Probe(p) => &p.origin,
            Self::Rule(r) => &r.origin,
            Self::Disabled(_, origin) => origin,
        }
    }
}

fn noun_word(l: Lang, noun: &str) -> &'static str {
    match noun {
        "probe" => text::defs_probe(l),
        "rule" => text::defs_rule(l),
        _ => text::defs_disabled(l),
    }
}

fn on_word(l: Lang, on: ObjectKind) -> &'static str {
    match on {
        ObjectKind::Asset => text::defs_on_asset(l),
        ObjectKind::Interface => text::defs_on_interface(l),
        ObjectKind::Link => text::defs_on_link(l),
        ObjectKind::Agent => text::defs_on_agent(l),
        ObjectKind::Region => text::defs_on_region(l),
    }
}

fn shipped(origin: &Origin) -> bool {
    origin.file.starts_with("embedded:")
}

/// `file:line`; of a path only its end unless `whole`, for lists.
fn place(l: Lang, origin: &Origin, whole: bool) -> Markup {
    let file = origin.file.strip_prefix("embedded:").unwrap_or(&origin.file);
    let end = file.rmatch_indices('/').nth(1).and_then(|(at, _)| file.get(at + 1..)).unwrap_or(file);
    let shown = if whole || shipped(origin) { file } else { end };
    html! {
        (badge::mark(if shipped(origin) { text::defs_shipped(l) } else { text::defs_local(l) })) " "
        span.mono title=(file) { (shown) ":" (origin.line) }
    }
}

fn overrides<'a>(all: &'a Definitions, rule: &'a RuleId) -> impl Iterator<Item = &'a OverrideDef> {
    all.overrides.iter().filter(move |o| o.rule == *rule)
}

/// `GET /definitions`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let all = cx.service.definitions();
    let list = List::read(&cx, SORTS, FILTERS);
    let defs: Vec<Def<'_>> = (all.probes.iter().map(Def::Probe))
        .chain(all.rules.iter().map(Def::Rule))
        .chain(all.disabled.iter().map(|(id, origin)| Def::Disabled(id, origin)))
        .filter(|def| wanted(&list, def))
        .collect();
    let (rows, next, total) = list.page(defs, |d| format!("{} {}", d.noun(), d.id()), |d| key(&list, l, d));
    let table = Table {
        list: &list,
        caption: text::nav_definitions(l),
        columns: vec![
            Column::sorted("name", text::defs_col_name(l)),
            Column::sorted("noun", text::defs_col_noun(l)),
            Column::sorted("kind", text::defs_col_kind(l)),
            Column::sorted("on", text::defs_col_on(l)),
            Column::new(text::defs_col_where(l)).wide(),
            Column::sorted("interval", text::defs_col_time(l)).wide(),
            Column::new(text::defs_col_params(l)),
            Column::sorted("severity", text::defs_col_severity(l)),
            Column::sorted("origin", text::defs_col_origin(l)).wide(),
        ],
        rows: rows.iter().map(|d| row(&cx, &all, d)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(text::defs_none(l), html! { a href="/definitions" { (text::table_reset(l)) } }),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "definitions")? {
        return Ok(file);
    }
    let shown = html! { (reload(&cx, &all)) (table.show(&cx)) };
    let inside = html! {
        (ui::heading(text::nav_definitions(l), html! {}))
        (filters(&cx, &list))
        (ui::live(&cx, "definitions", &[Topic::Definitions], shown))
    };
    Ok(layout::page(&cx, Place::Definitions, text::nav_definitions(l), inside))
}

fn wanted(list: &List, def: &Def<'_>) -> bool {
    let is = |name: &str, value: &str| list.filter(name).is_none_or(|f| f == value);
    let found = list.filter("q").is_none_or(|q| {
        let q = q.to_lowercase();
        def.names().iter().chain([&def.filter()]).any(|text| text.to_lowercase().contains(&q))
    });
    let from = if shipped(def.origin()) { "shipped" } else { "local" };
    let on = def.on().map_or("", ObjectKind::as_str);
    found && is("noun", def.noun()) && is("kind", def.kind()) && is("on", on) && is("from", from)
}

fn key(list: &List, l: Lang, def: &Def<'_>) -> Key {
    match list.sort {
        "noun" => Key::text(def.noun()),
        "kind" => Key::text(def.kind()),
        "on" => Key::text(def.on().map_or("", ObjectKind::as_str)),
        "interval" => Key::Number(match def {
            Def::Probe(p) => Some(p.interval.as_secs_f64()),
            _ => None,
        }),
        "severity" => Key::Number(match def {
            Def::Rule(r) => Severity::ALL.iter().position(|s| *s == r.severity).map(|at| at as f64),
            _ => None,
        }),
        "origin" => Key::text(&format!("{} {:06}", def.origin().file, def.origin().line)),
        _ => Key::text(def.name(l)),
    }
}

fn filters(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    let any = || ("", text::table_any(l));
    let nouns =
        [any(), ("probe", text::defs_probe(l)), ("rule", text::defs_rule(l)), ("disabled", text::defs_disabled(l))];
    let kinds: Vec<(&str, &str)> =
        std::iter::once(any()).chain(cx.service.catalog.iter().map(|k| (k.name, k.name))).collect();
    let ons: Vec<(&str, &str)> =
        std::iter::once(any()).chain(ObjectKind::ALL.into_iter().map(|on| (on.as_str(), on_word(l, on)))).collect();
    let from = [any(), ("shipped", text::defs_shipped(l)), ("local", text::defs_local(l))];
    let value = |name: &str| list.filter(name).unwrap_or_default();
    let choice = |name, label| Field { name, label, value: value(name), ..Field::default() };
    let search =
        Field { name: "q", label: text::table_search(l), kind: "search", value: value("q"), ..Field::default() };
    html! {
        form.filters method="get" action="/definitions" data-auto {
            (form::input(&search))
            (form::select(&choice("noun", text::defs_col_noun(l)), &nouns))
            (form::select(&choice("kind", text::defs_col_kind(l)), &kinds))
            (form::select(&choice("on", text::defs_col_on(l)), &ons))
            (form::select(&choice("from", text::defs_col_origin(l)), &from))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.button href="/definitions" { (text::table_reset(l)) } }
        }
    }
}

/// How the files were read last, and what is in force now.
fn reload(cx: &Cx, all: &Definitions) -> Markup {
    let l = cx.lang;
    let reload = cx.service.reload();
    let errors = reload.diagnostics.iter().filter(|d| d.severity == Level::Error).count();
    let problems = cx.service.console_rule_problems();
    let said = if reload.ok {
        html! {}
    } else {
        ui::note(
            Tone::Bad,
            html! {
                p { strong { (text::defs_failed(l, errors)) } }
                p { (text::defs_failed_force(l)) " " (time::at(cx, reload.loaded)) }
                p { (text::defs_failed_do(l)) }
            },
        )
    };
    let counts = text::defs_counts(l, all.probes.len(), all.rules.len(), all.overrides.len());
    let facts = [
        (text::defs_in_force(l), html! { (counts) }),
        (text::defs_loaded(l), time::at(cx, reload.loaded)),
        (
            text::defs_tried(l),
            html! { (time::at(cx, reload.tried)) " " (badge::good(reload.ok, if reload.ok { text::defs_read_ok(l) } else { text::defs_read_bad(l) })) },
        ),
        (
            text::defs_digest(l),
            html! { code title=(all.digest) { (all.digest.chars().take(12).collect::<String>()) } },
        ),
    ];
    let words = |line: &str| if l == Lang::Zh { zh::line(line) } else { line.to_owned() };
    html! {
        (said)
        section.card { (ui::facts(&facts)) }
        @if !reload.diagnostics.is_empty() {
            section.card {
                h2 { (text::defs_diagnostics(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::defs_diagnostic_place(l)) } th { (text::defs_diagnostic_level(l)) } th { (text::defs_diagnostic_what(l)) } } }
                    tbody { @for d in reload.diagnostics.iter().take(MAX_SHOWN) { tr {
                        td.mono { (d.file) @if d.line > 0 { ":" (d.line) } }
                        td { @if d.severity == Level::Error { (badge::toned(Tone::Bad, text::defs_error(l))) } @else { (badge::toned(Tone::Warn, text::defs_warning(l))) } }
                        td { (words(&d.what)) @if let Some(hint) = &d.hint { br; small { (words(hint)) } } }
                    } } }
                } }
                @if reload.diagnostics.len() > MAX_SHOWN { p.help { (text::defs_more(l, reload.diagnostics.len() - MAX_SHOWN)) } }
            }
        }
        @if !problems.is_empty() { (ui::note(Tone::Warn, html! { p { (text::defs_console_rules(l)) } ul { @for p in &problems { li { (words(p)) } } } })) }
    }
}

/// `3`, `0.1`; a whole number has no point.
fn value(v: f64) -> String {
    let mut out = String::new();
    let _ = write!(out, "{v}");
    out
}

fn params(l: Lang, all: &Definitions, rule: &RuleDef) -> Markup {
    let changed = |name: &str| overrides(all, &rule.id).any(|o| o.params.contains_key(name));
    html! {
        @for (name, v) in &rule.params { span.param {
            code { (name) " = " (value(*v)) } @if changed(name) { " " (badge::mark(text::defs_overridden(l))) }
        } }
        @if rule.params.is_empty() { (ui::none()) }
    }
}

fn row(cx: &Cx, all: &Definitions, def: &Def<'_>) -> Row {
    let l = cx.lang;
    let named = html! {
        @match def {
            Def::Disabled(id, _) => span.mono { (id) },
            def => {
                a href={ "/definitions/" (def.noun()) "/" (encode(def.id())) } { (def.name(l)) }
                @if def.name(l) != def.id() { br; small.mono { (def.id()) } }
            },
        }
    };
    let on = def.on().map_or("", |on| on_word(l, on));
    let (times, seconds) = match def {
        Def::Probe(p) => (text::defs_every(l, format_duration(p.interval)), Some(p.interval.as_secs_f64())),
        Def::Rule(r) if !r.for_.is_zero() => (text::defs_for(l, format_duration(r.for_)), None),
        _ => (String::new(), None),
    };
    let (thresholds, plain) = match def {
        Def::Rule(r) => {
            (params(l, all, r), r.params.iter().map(|(n, v)| format!("{n} = {v}")).collect::<Vec<_>>().join("; "))
        }
        _ => (ui::none(), String::new()),
    };
    let severity = match def {
        Def::Rule(r) => Cell::html(badge::severity(l, r.severity), badge::severity_word(l, r.severity)),
        _ => Cell::text(""),
    };
    let origin = def.origin();
    Row {
        id: format!("{}-{}", def.noun(), def.id()),
        class: "",
        cells: vec![
            Cell::html(named, format!("{} {}", def.id(), def.name(l))),
            Cell::html(html! { span.one-line { (noun_word(l, def.noun())) } }, noun_word(l, def.noun())),
            Cell::text(def.kind()),
            Cell::text(on),
            Cell::html(
                html! { @if def.filter().is_empty() { (ui::none()) } @else { code { (def.filter()) } } },
                def.filter(),
            ),
            Cell::of(html! { (ui::or_none(&times)) }, seconds.map_or(Plain::Text(times.clone()), Plain::Number)),
            Cell::html(thresholds, plain),
            severity,
            Cell::html(place(l, origin, false), format!("{}:{}", origin.file, origin.line)),
        ],
    }
}

/// How long, as definitions write it; a dash for none.
fn duration(d: std::time::Duration) -> Markup {
    if d.is_zero() {
        ui::none()
    } else {
        html! { (format_duration(d)) }
    }
}

/// Objects or tasks, as a count.
fn count(n: usize) -> Markup {
    html! { (number::count(n as u64)) }
}

#[cfg(test)]
mod tests;
