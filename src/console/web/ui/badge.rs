//! States and severities as badges: a shape, a word, a colour, in that order of importance.

use maud::{Markup, html};

use super::{Tone, icon};
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::engine::expose::Reach;
use crate::model::Severity;
use crate::model::incident::{Flags, IncidentState};

fn badge(class: &str, shape: &str, word: &str) -> Markup {
    html! { span.badge.(class) { (icon(shape)) (word) } }
}

/// The word of a severity.
pub const fn severity_word(lang: Lang, severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => text::severity_critical(lang),
        Severity::Major => text::severity_major(lang),
        Severity::Minor => text::severity_minor(lang),
        Severity::Warning => text::severity_warning(lang),
        Severity::Info => text::severity_info(lang),
    }
}

/// A severity.
pub fn severity(lang: Lang, severity: Severity) -> Markup {
    let shape = match severity {
        Severity::Critical => "octagon",
        Severity::Major => "triangle",
        Severity::Minor => "diamond",
        Severity::Warning => "square",
        Severity::Info => "info",
    };
    badge(severity.as_str(), shape, severity_word(lang, severity))
}

/// The word of an incident's state.
pub const fn state_word(lang: Lang, state: IncidentState) -> &'static str {
    match state {
        IncidentState::Open => text::state_open(lang),
        IncidentState::Acked => text::state_acked(lang),
        IncidentState::Resolved => text::state_resolved(lang),
        IncidentState::Closed => text::state_closed(lang),
    }
}

/// State of an incident.
pub fn state(lang: Lang, state: IncidentState) -> Markup {
    let shape = match state {
        IncidentState::Open => "dot",
        IncidentState::Acked => "half",
        IncidentState::Resolved => "tick",
        IncidentState::Closed => "dash",
    };
    let class = match state {
        IncidentState::Open => "st-open",
        IncidentState::Acked => "st-acked",
        IncidentState::Resolved => "st-resolved",
        IncidentState::Closed => "st-closed",
    };
    badge(class, shape, state_word(lang, state))
}

/// The word of a reach; `None` is for what nobody is to watch.
pub const fn reach_word(lang: Lang, reach: Option<Reach>) -> &'static str {
    match reach {
        Some(Reach::Up) => text::reach_up(lang),
        Some(Reach::Partly) => text::reach_partly(lang),
        Some(Reach::Down) => text::reach_down(lang),
        Some(Reach::Unknown) => text::reach_unknown(lang),
        None => text::reach_unwatched(lang),
    }
}

/// Whether an object answers; `None` for one that is not watched.
pub fn reach(lang: Lang, reach: Option<Reach>) -> Markup {
    let (class, shape) = match reach {
        Some(Reach::Up) => ("up", "tick"),
        Some(Reach::Partly) => ("partly", "half"),
        Some(Reach::Down) => ("down", "cross"),
        Some(Reach::Unknown) => ("unknown", "question"),
        None => ("unwatched", "dash"),
    };
    badge(class, shape, reach_word(lang, reach))
}

/// Good or not, in words of the caller's.
pub fn good(good: bool, word: &str) -> Markup {
    if good { badge("up", "tick", word) } else { badge("down", "cross", word) }
}

/// How something stands, in words of the caller's.
pub fn toned(tone: Tone, word: &str) -> Markup {
    let (class, shape) = match tone {
        Tone::Good => ("up", "tick"),
        Tone::Info => ("unwatched", "info"),
        Tone::Warn => ("minor", "warn"),
        Tone::Bad => ("down", "cross"),
    };
    badge(class, shape, word)
}

/// Something to know, in words of the caller's.
pub fn mark(word: &str) -> Markup {
    html! { span.mark { (word) } }
}

/// The flags of an incident, each in a word.
pub fn flags(lang: Lang, flags: Flags) -> Markup {
    let all = [
        (flags.maintenance, text::flag_maintenance(lang)),
        (flags.topology, text::flag_topology(lang)),
        (flags.flapping, text::flag_flapping(lang)),
        (flags.silence, text::flag_silence(lang)),
        (flags.storm, text::flag_storm(lang)),
        (flags.held, text::flag_held(lang)),
        (flags.stale, text::flag_stale(lang)),
        (flags.late, text::flag_late(lang)),
    ];
    html! { @for (_, word) in all.into_iter().filter(|(set, _)| *set) { (mark(word)) " " } }
}
