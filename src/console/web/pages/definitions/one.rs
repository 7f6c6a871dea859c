//! One definition: what it says in words, its expressions with every name explained, the thresholds and who
//! overrides them, to how much it applies here, and what to do when it raises.

use std::collections::BTreeSet;
use std::time::Duration;

use maud::{Markup, html};

use super::{count, duration, on_word, overrides, place, shipped, value};
use crate::config::defs::{Definitions, Judge, Origin, OverrideDef, ProbeDef, RuleDef};
use crate::config::expr::{Expr, Ref};
use crate::config::kinds::written;
use crate::config::units::format_duration;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::service::Planned;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::incidents::runbook;
use crate::console::web::text;
use crate::console::web::ui::{self, badge};
use crate::model::field::{Field, IMPLICIT, KindSpec};
use crate::model::plan::{MatchUse, RuleAt, RuleSource};
use crate::model::{FieldType, Object};

/// `GET /definitions/{kind}/{id}`
pub async fn page(cx: Cx) -> Answer {
    let all = cx.service.definitions();
    let (noun, id) = (cx.part("kind"), cx.part("id"));
    let found = match noun {
        "probe" => {
            all.probes.iter().find(|p| p.id.as_str() == id).map(|p| (cx.lang.pick(&p.zh, &p.en), probe(&cx, &all, p)))
        }
        "rule" => {
            all.rules.iter().find(|r| r.id.as_str() == id).map(|r| (cx.lang.pick(&r.zh, &r.en), rule(&cx, &all, r)))
        }
        _ => None,
    };
    let Some((title, inside)) = found else { return Err(Problem::unknown("定义", "definition", id)) };
    let inside = html! {
        (ui::trail(&[("/definitions", text::nav_definitions(cx.lang))]))
        (ui::heading(title, html! {}))
        (ui::live(&cx, "definition", &[Topic::Definitions], inside))
    };
    Ok(layout::page(&cx, Place::Definitions, title, inside))
}

/// The plans of all agents.
fn plans(cx: &Cx) -> Vec<std::sync::Arc<Planned>> {
    cx.service.store.agents().iter().filter_map(|row| cx.service.plan(&row.id)).collect()
}

fn origins(l: Lang, origin: &Origin) -> Markup {
    html! {
        (place(l, origin, true))
        @if let Some(under) = &origin.replaces { br; small { (text::defs_replaces(l)) " " (place(l, under, true)) } }
    }
}

fn probe(cx: &Cx, all: &Definitions, p: &ProbeDef) -> Markup {
    let l = cx.lang;
    let plans = plans(cx);
    let tasks: usize = plans.iter().map(|plan| plan.plan.tasks.iter().filter(|t| t.probe == p.id).count()).sum();
    let judged: Vec<&RuleDef> = all.rules.iter().filter(|r| judges(r, p)).collect();
    let facts = [
        (text::defs_fact_id(l), html! { span.mono { (p.id) } }),
        (text::defs_col_noun(l), html! { (text::defs_probe(l)) }),
        (text::defs_col_kind(l), html! { (p.kind.name) " · " (l.pick(p.kind.zh, p.kind.en)) }),
        (text::defs_col_on(l), html! { (on_word(l, p.on)) }),
        (text::defs_fact_interval(l), duration(p.interval)),
        (text::defs_fact_timeout(l), duration(p.timeout)),
        (text::defs_fact_keep(l), duration(p.keep)),
        (text::defs_fact_tasks(l), count(tasks)),
        (text::defs_col_origin(l), origins(l, &p.origin)),
    ];
    html! {
        section.card { (ui::facts(&facts)) }
        @if let Some(filter) = &p.filter { section.card { h2 { (text::defs_where(l)) } pre { (filter.text()) } (names(cx, p.kind, None, &[filter])) } }
        @if !p.settings.0.is_empty() {
            section.card {
                h2 { (text::defs_settings(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::defs_name(l)) } th { (text::defs_value(l)) } th { (text::defs_meaning(l)) } } }
                    tbody { @for (name, v) in &p.settings.0 { tr {
                        td.mono { (name) } td.mono { (written(v)) }
                        td { (p.kind.settings.iter().find(|s| s.name == name).map_or("", |s| l.pick(s.zh, s.en))) }
                    } } }
                } }
            }
        }
        section.card {
            h2 { (text::defs_observes(l)) }
            div.scroll tabindex="0" { table.grid {
                thead { tr { th { (text::defs_name(l)) } th { (text::defs_type(l)) } th { (text::defs_meaning(l)) } } }
                tbody { @for f in fields(p.kind) { tr { td.mono { (f.name) } td { (type_word(l, &f.kind)) } td { (l.pick(&f.zh, &f.en)) } } } }
            } }
        }
        section.card {
            h2 { (text::defs_judged(l)) }
            @if judged.is_empty() { p.help { (text::defs_judged_none(l)) } }
            ul { @for r in judged { li { a href={ "/definitions/rule/" (encode(r.id.as_str())) } { (l.pick(&r.zh, &r.en)) } " " (badge::severity(l, r.severity)) } }
            }
        }
    }
}

/// Whether a rule reads what a probe measures.
fn judges(rule: &RuleDef, probe: &ProbeDef) -> bool {
    match &rule.source {
        RuleSource::Kind(kind) => **kind == *probe.kind.name,
        RuleSource::Probe { probe: id, .. } => *id == probe.id,
    }
}

fn fields(kind: &KindSpec) -> impl Iterator<Item = &Field> {
    kind.schema.tables.iter().flat_map(|t| t.fields.iter()).chain(IMPLICIT)
}

const fn type_word(l: Lang, kind: &FieldType) -> &'static str {
    match kind {
        FieldType::Gauge => text::defs_type_gauge(l),
        FieldType::Counter => text::defs_type_counter(l),
        FieldType::State(_) => text::defs_type_state(l),
        FieldType::Text => text::defs_type_text(l),
        FieldType::Histogram => text::defs_type_histogram(l),
    }
}

fn rule(cx: &Cx, all: &Definitions, r: &RuleDef) -> Markup {
    let l = cx.lang;
    let objects: BTreeSet<Object> = plans(cx)
        .iter()
        .flat_map(|plan| {
            plan.plan
                .rules
                .iter()
                .filter(|p| p.id == r.id)
                .flat_map(|p| p.cases.iter())
                .flat_map(|c| c.objects.clone())
                .collect::<Vec<_>>()
        })
        .collect();
    let of_probe = match &r.source {
        RuleSource::Kind(kind) => html! { (text::defs_source_kind(l, kind.to_string())) },
        RuleSource::Probe { probe, .. } => {
            html! { a href={ "/definitions/probe/" (encode(probe.as_str())) } { (probe) } }
        }
    };
    let expressions: Vec<&Expr> =
        [r.judge.raise(), r.judge.clear(), r.filter.as_ref()].into_iter().flatten().collect();
    let at = match r.at {
        RuleAt::Agent => text::defs_at_agent(l),
        RuleAt::Console => text::defs_at_console(l),
    };
    html! {
        section.card { (ui::facts(&facts(cx, r, objects.len(), at, of_probe))) }
        section.card {
            (judged(l, r))
            @if let Some(filter) = &r.filter { h2 { (text::defs_where(l)) } pre { (filter.text()) } }
            (names(cx, r.kind, Some(r), &expressions))
        }
        (thresholds(l, r, &overrides(all, &r.id).collect::<Vec<_>>()))
        @if !r.runbook.is_empty() {
            section.card #runbook {
                h2 { (text::defs_runbook(l)) }
                @match runbook::find(l, &r.runbook) { Some(book) => (book.show()), None => p.help { (text::defs_runbook_none(l, r.runbook.clone())) } }
            }
        }
    }
}

/// What raises it, and what clears it.
fn judged(l: Lang, r: &RuleDef) -> Markup {
    let clear = r.judge.clear().map_or_else(|| text::defs_clear_else(l).to_owned(), |e| e.text().to_owned());
    html! {
        @match &r.judge {
            Judge::Match(used) => (patterns(l, used)),
            Judge::Expressions(raise, _) => {
                h2 { (text::defs_raise(l)) } pre { (raise.text()) }
                p.help { (holds(l, r.for_)) }
                h2 { (text::defs_clear(l)) } pre { (clear) }
                p.help { (holds(l, r.clear_for)) }
            }
            Judge::Detector(spec, _) => {
                h2 { (text::defs_raise(l)) } p { (l.pick(spec.zh, spec.en)) }
                p.help { (holds(l, r.for_)) }
                h2 { (text::defs_clear(l)) } p.help { (holds(l, r.clear_for)) }
                h2 { (text::defs_names(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::defs_name(l)) } th { (text::defs_meaning(l)) } } }
                    tbody { @for s in spec.settings { tr { td.mono { (s.name) } td { (l.pick(s.zh, s.en)) } } } }
                } }
            }
        }
    }
}

/// What of what is heard raises and clears it.
fn patterns(l: Lang, used: &MatchUse) -> Markup {
    let life = format_duration(Duration::from_millis(used.expires_ms));
    html! {
        h2 { (text::defs_raise(l)) }
        ul.plain { @for pattern in &used.raise { li { code { (pattern) } } } }
        @if used.count > 1 {
            p.help { (text::defs_match_count(l, used.count, format_duration(Duration::from_millis(used.within_ms)))) }
        }
        h2 { (text::defs_clear(l)) }
        ul.plain { @for pattern in &used.clear { li { code { (pattern) } } } }
        p.help { (text::defs_match_expires(l, life)) }
        @if let Some(confirm) = &used.confirm { p.help { (text::defs_match_confirm(l, confirm.kind.to_string())) } }
    }
}

fn holds(l: Lang, lasts: Duration) -> String {
    if lasts.is_zero() { text::defs_at_once(l).to_owned() } else { text::defs_must_hold(l, format_duration(lasts)) }
}

fn facts(cx: &Cx, r: &RuleDef, objects: usize, at: &'static str, source: Markup) -> Vec<(&'static str, Markup)> {
    let l = cx.lang;
    let silence = if r.no_data == 0 {
        ui::none()
    } else {
        html! { (text::defs_intervals(l, r.no_data)) }
    };
    let folds = html! {
        @if r.folds_into.is_empty() { (ui::none()) }
        @for problem in &r.folds_into { span.param { code { (problem) } } }
    };
    let incidents = format!("/incidents?problem={}&state=all", encode(r.problem.as_str()));
    vec![
        (text::defs_fact_id(l), html! { span.mono { (r.id) } }),
        (text::defs_col_noun(l), html! { (text::defs_rule(l)) }),
        (text::defs_col_severity(l), badge::severity(l, r.severity)),
        (text::defs_fact_problem(l), html! { a.mono href=(incidents) { (r.problem) } }),
        (text::defs_col_on(l), html! { (on_word(l, r.on)) }),
        (text::defs_fact_source(l), source),
        (text::defs_fact_at(l), html! { (at) }),
        (text::defs_fact_window(l), duration(r.window)),
        (text::defs_fact_no_data(l), silence),
        (text::defs_fact_folds(l), folds),
        (text::defs_fact_category(l), ui::or_none(&r.category)),
        (text::defs_fact_objects(l), count(objects)),
        (text::defs_col_origin(l), origins(l, &r.origin)),
    ]
}

fn thresholds(l: Lang, r: &RuleDef, over: &[&OverrideDef]) -> Markup {
    html! {
        section.card {
            h2 { (text::defs_thresholds(l)) }
            @if r.params.is_empty() { p.help { (text::defs_thresholds_none(l)) } } @else {
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th { (text::defs_name(l)) } th.number { (text::defs_value(l)) } th { (text::defs_applies(l)) } th { (text::defs_col_origin(l)) } } }
                    tbody {
                        @for (name, v) in &r.params { tr { td.mono { (name) } td.number { (value(*v)) } td { (text::defs_applies_rest(l)) } td { (place(l, &r.origin, true)) } } }
                        @for o in over { @for (name, v) in &o.params { tr {
                            td.mono { (name) } td.number { (value(*v)) }
                            td { @match &o.filter { Some(filter) => code { (filter.text()) }, None => (text::defs_applies_all(l)) } }
                            td { (place(l, &o.origin, true)) }
                        } } }
                    }
                } }
                p.help { (text::defs_override_help(l)) }
                @if shipped(&r.origin) && over.is_empty() { pre { (sample(r)) } }
            }
        }
    }
}

/// An override that could be copied into a file.
fn sample(r: &RuleDef) -> String {
    let params: Vec<String> = r.params.iter().take(1).map(|(n, v)| format!("{n} = {v}")).collect();
    format!("[[override]]\nrule = \"{}\"\nparams = {{ {} }}", r.id, params.join(", "))
}

/// Every name the expressions use, with what it means.
fn names(cx: &Cx, kind: &KindSpec, rule: Option<&RuleDef>, expressions: &[&Expr]) -> Markup {
    let l = cx.lang;
    let refs: BTreeSet<&Ref> = expressions.iter().flat_map(|e| e.refs()).collect();
    if refs.is_empty() {
        return html! {};
    }
    html! {
        h2 { (text::defs_names(l)) }
        div.scroll tabindex="0" { table.grid {
            thead { tr { th { (text::defs_name(l)) } th { (text::defs_meaning(l)) } } }
            tbody { @for r in refs { tr { td.mono { (written_ref(r)) } td { (meaning(l, kind, rule, r)) } } } }
        } }
    }
}

fn written_ref(r: &Ref) -> String {
    match r {
        Ref::Field(name) | Ref::Param(name) => name.to_string(),
        Ref::Window(name, stat) => format!("w.{name}.{}", stat.as_str()),
        Ref::Attr(kind, name) => format!("{}.{name}", kind.as_str()),
    }
}

fn meaning(l: Lang, kind: &KindSpec, rule: Option<&RuleDef>, r: &Ref) -> String {
    let field = |name: &str| {
        fields(kind).find(|f| f.name == name).map_or_else(String::new, |f| l.pick(&f.zh, &f.en).to_owned())
    };
    match r {
        Ref::Field(name) => text::defs_newest(l, field(name)),
        Ref::Window(name, stat) => {
            let window = rule.map(|r| format_duration(r.window)).unwrap_or_default();
            text::defs_over_window(l, field(name), window, stat_word(l, *stat))
        }
        Ref::Param(name) => {
            let v = rule.and_then(|r| r.params.get(&**name)).map_or_else(String::new, |v| value(*v));
            text::defs_param(l, v)
        }
        Ref::Attr(on, name) => text::defs_attribute(l, on_word(l, *on), attribute_word(l, name)),
    }
}

const fn stat_word(l: Lang, stat: crate::config::expr::Stat) -> &'static str {
    use crate::config::expr::Stat;
    match stat {
        Stat::Mean => text::defs_stat_mean(l),
        Stat::Min => text::defs_stat_min(l),
        Stat::Max => text::defs_stat_max(l),
        Stat::P50 => text::defs_stat_p50(l),
        Stat::P95 => text::defs_stat_p95(l),
        Stat::Count => text::defs_stat_count(l),
        Stat::Delta => text::defs_stat_delta(l),
    }
}

fn attribute_word(l: Lang, name: &str) -> &'static str {
    match name {
        "id" => text::defs_attr_id(l),
        "name" => text::defs_attr_name(l),
        "kind" => text::defs_attr_kind(l),
        "status" => text::defs_attr_status(l),
        "zone" => text::defs_attr_zone(l),
        "region" => text::defs_attr_region(l),
        "owner" => text::defs_attr_owner(l),
        "operator" => text::defs_attr_operator(l),
        "person" => text::defs_attr_person(l),
        "location" => text::defs_attr_location(l),
        "address" => text::defs_attr_address(l),
        "url" => text::defs_attr_url(l),
        "importance" => text::defs_attr_importance(l),
        "tcp_ports" => text::defs_attr_ports(l),
        "has_snmp" => text::defs_attr_snmp(l),
        "has_config" => text::defs_attr_config(l),
        "tags" => text::defs_attr_tags(l),
        "tier" => text::defs_attr_tier(l),
        "carrier" => text::defs_attr_carrier(l),
        "capacity_bps" => text::defs_attr_capacity(l),
        "parent" => text::defs_attr_parent(l),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::expr::ATTRIBUTES;

    #[test]
    fn every_attribute_has_words() {
        for (_, list) in ATTRIBUTES {
            for (name, _) in *list {
                assert!(Lang::ALL.into_iter().all(|l| !attribute_word(l, name).is_empty()), "{name}");
            }
        }
    }
}
