//! Words of the inventory's own lists (kinds, tiers, states of ports), of verdicts and of problems, in the reader's
//! language.

use crate::config::defs::Definitions;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::model::ProblemId;
use crate::model::finding::Verdict;
use crate::model::inventory::{AssetKind, AssetStatus, LinkTier, Tier};

/// What is known of a check or an item.
pub const fn verdict(l: Lang, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => text::graded_pass(l),
        Verdict::Partial => text::graded_partial(l),
        Verdict::Fail => text::graded_fail(l),
        Verdict::Na => text::graded_na(l),
        Verdict::Manual => text::graded_manual(l),
        Verdict::Error => text::graded_error(l),
    }
}

/// What an asset is.
pub const fn asset_kind(l: Lang, kind: AssetKind) -> &'static str {
    match kind {
        AssetKind::Router => text::word_kind_router(l),
        AssetKind::Switch => text::word_kind_switch(l),
        AssetKind::Firewall => text::word_kind_firewall(l),
        AssetKind::Host => text::word_kind_host(l),
        AssetKind::Website => text::word_kind_website(l),
        AssetKind::Service => text::word_kind_service(l),
        AssetKind::Ups => text::word_kind_ups(l),
        AssetKind::Other => text::word_kind_other(l),
    }
}

/// Where an asset stands in its life.
pub const fn asset_status(l: Lang, status: AssetStatus) -> &'static str {
    match status {
        AssetStatus::Building => text::word_status_building(l),
        AssetStatus::InUse => text::word_status_in_use(l),
        AssetStatus::KnownFault => text::word_status_known_fault(l),
        AssetStatus::Spare => text::word_status_spare(l),
        AssetStatus::Retired => text::word_status_retired(l),
    }
}

/// How much an asset matters.
pub const fn importance(l: Lang, importance: u8) -> &'static str {
    match importance {
        0 | 1 => text::word_importance_1(l),
        2 => text::word_importance_2(l),
        _ => text::word_importance_3(l),
    }
}

/// Tier of a region.
pub const fn region_tier(l: Lang, tier: Tier) -> &'static str {
    match tier {
        Tier::Province => text::word_tier_province(l),
        Tier::Prefecture => text::word_tier_prefecture(l),
        Tier::County => text::word_tier_county(l),
        Tier::Township => text::word_tier_township(l),
    }
}

/// Tier of a link.
pub const fn link_tier(l: Lang, tier: LinkTier) -> &'static str {
    match tier {
        LinkTier::Backbone => text::word_link_backbone(l),
        LinkTier::Metro => text::word_link_metro(l),
        LinkTier::Access => text::word_link_access(l),
    }
}

/// What a port is set to, by the position among its states.
pub fn port_admin(l: Lang, at: f64) -> &'static str {
    match at as u8 {
        0 => text::word_admin_up(l),
        1 => text::word_admin_down(l),
        _ => text::word_admin_testing(l),
    }
}

/// What a port does, by the position among its states.
pub fn port_oper(l: Lang, at: f64) -> &'static str {
    match at as u8 {
        0 => text::word_oper_up(l),
        1 => text::word_oper_down(l),
        2 => text::word_oper_testing(l),
        4 => text::word_oper_dormant(l),
        5 => text::word_oper_not_present(l),
        6 => text::word_oper_lower_layer_down(l),
        _ => text::word_oper_unknown(l),
    }
}

/// What a problem is called, for a page.
pub fn problem(cx: &Cx, problem: &ProblemId) -> String {
    problem_of(cx.lang, &cx.service.definitions(), problem)
}

/// What a problem is called: as the rule of that id, else as the first rule that raises it, else its id.
pub fn problem_of(l: Lang, definitions: &Definitions, problem: &ProblemId) -> String {
    let own = definitions.rules.iter().find(|rule| rule.id.as_str() == problem.as_str());
    match own.or_else(|| definitions.rules.iter().find(|rule| rule.problem == *problem)) {
        Some(rule) => l.pick(&rule.zh, &rule.en).to_owned(),
        None => own_problem(l, problem.as_str()).map_or_else(|| problem.to_string(), str::to_owned),
    }
}

/// Problems that the program raises itself, without a rule.
pub const OWN_PROBLEMS: [&str; 9] = [
    "agent-silent",
    "probe-fault",
    "no-data",
    "clock-skew",
    "spool-reset",
    "spool-gap",
    "plan-partial",
    "baseline-drift",
    "baseline-due",
];

/// What such a problem is called.
pub fn own_problem(l: Lang, id: &str) -> Option<&'static str> {
    Some(match id {
        "agent-silent" => text::word_problem_agent_silent(l),
        "probe-fault" => text::word_problem_probe_fault(l),
        "no-data" => text::word_problem_no_data(l),
        "clock-skew" => text::word_problem_clock_skew(l),
        "spool-reset" => text::word_problem_spool_reset(l),
        "spool-gap" => text::word_problem_spool_gap(l),
        "plan-partial" => text::word_problem_plan_partial(l),
        "baseline-drift" => text::word_problem_baseline_drift(l),
        "baseline-due" => text::word_problem_baseline_due(l),
        _ => return None,
    })
}
