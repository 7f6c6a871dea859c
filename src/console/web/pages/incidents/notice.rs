//! The notice (通报单) of an incident: plain text in the form that offices use, ready to copy or to print, in
//! Chinese and in English. It says what is known and what is not, and leaves the telephone of the duty room to
//! be filled in; it claims no grade, because severities of alerts are none.

use jiff::Timestamp;
use maud::{Markup, html};

use super::affected::Affected;
use super::inbox::url;
use super::one::Shown;
use super::words::{Names, close_cause};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::{self, badge, time};
use crate::model::Wall;
use crate::model::incident::{TimelineEntry, TimelineKind};

/// Symptoms that are named; a notice of more is a list.
const MAX_SYMPTOMS: usize = 10;
/// Lines of what was done.
const MAX_DONE: usize = 30;

/// `GET /incidents/{id}/notice?text=en`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let shown = Shown::read(&cx, cx.part("id")).await?;
    let lang = Lang::parse(cx.query.text("text")).unwrap_or(l);
    let words = compose(&cx, &shown, lang);
    let here = url(&shown.detail.incident);
    let inside = html! {
        div.no-print {
            (ui::trail(&[("/incidents", text::nav_incidents(l)), (&here, &shown.title())]))
            (ui::heading(text::incident_notice(l), html! {
                a.button href={ (here) "/notice?text=" (lang.other().tag()) } { (lang.other().own_name()) }
                button type="button" data-copy="notice" data-done=(text::incident_notice_copied(l)) { (text::incident_notice_copy(l)) }
                button.primary type="button" data-print { (text::incident_notice_print(l)) }
            }))
            p.help { (text::incident_notice_help(l)) }
        }
        (sheet(lang, &words))
    };
    Ok(layout::page(&cx, Place::Incidents, text::incident_notice(l), inside))
}

/// The text as a sheet of paper: the title large, the rest as it is.
fn sheet(lang: Lang, words: &str) -> Markup {
    html! { article.sheet lang=(lang.tag()) { pre #notice { (words) } } }
}

/// Both texts on the page of the incident.
pub fn card(cx: &Cx, shown: &Shown) -> Markup {
    let l = cx.lang;
    let here = url(&shown.detail.incident);
    html! {
        section.card {
            h2 { (text::incident_notice(l)) }
            @for lang in [l, l.other()] {
                @let id = format!("notice-{}", lang.tag());
                details {
                    summary { (lang.own_name()) }
                    pre id=(id) lang=(lang.tag()) { (compose(cx, shown, lang)) }
                    p {
                        button type="button" data-copy=(id) data-done=(text::incident_notice_copied(l)) { (text::incident_notice_copy(l)) }
                        " " a.button href={ (here) "/notice?text=" (lang.tag()) } { (text::incident_notice_open(l)) }
                    }
                }
            }
        }
    }
}

/// The text.
pub fn compose(cx: &Cx, shown: &Shown, l: Lang) -> String {
    let names = Names::in_language(cx, l);
    let i = &shown.detail.incident;
    let affected = Affected::of(&names.inventory, &i.key.object);
    let mut out = Sheet::default();
    if cx.service.demo().is_some() {
        out.line(text::incident_notice_demo(l));
    }
    out.line(text::incident_notice_title(l));
    out.line("");
    out.pair(l, text::incident_notice_number(l), &i.id);
    out.pair(l, text::incident_notice_made(l), &long(cx, l, cx.now));
    out.pair(l, text::incident_state(l), badge::state_word(l, i.state));
    out.pair(l, text::incident_severity(l), &text::incident_notice_severity(l, badge::severity_word(l, i.severity)));

    out.head(text::incident_notice_what(l));
    let (object, problem) = (names.object(&i.key.object), names.problem_of(i));
    let places = affected.places(&names).join(l.pick("、", ", "));
    let place = if places.is_empty() { String::new() } else { text::incident_notice_in(l, places.clone()) };
    let end = i.resolved.or(i.closed);
    let lasting = time::lasting(l, end.unwrap_or(cx.now).since(i.opened));
    let so_far = match end {
        Some(end) => text::incident_notice_over(l, long(cx, l, end), lasting),
        None => text::incident_notice_going_on(l, lasting),
    };
    out.line(&text::incident_notice_sentence(l, long(cx, l, i.opened), object, place, problem, so_far));
    for c in &i.contributions {
        let values = names.evidence_line(&c.rule, &c.evidence);
        let colon = if values.is_empty() { "" } else { l.pick("：", ": ") };
        let judged = format!("{}{colon}{values}", names.rule(&c.rule));
        out.line(&text::incident_notice_judged(l, judged, names.agent(&c.agent)));
    }
    if let Some(cause) = &shown.cause {
        let cause = format!("{} {}", names.object(&cause.key.object), names.problem_of(cause));
        out.line(&text::incident_notice_cause_incident(l, cause));
    }

    out.head(text::incident_notice_affected(l));
    affects(&mut out, l, &names, &affected, &places, shown);

    out.head(text::incident_notice_done(l));
    let done: Vec<&TimelineEntry> = shown.detail.timeline.iter().filter(|entry| counts(entry)).collect();
    if done.is_empty() {
        out.line(text::incident_notice_nothing_done(l));
    }
    for entry in done.iter().rev().take(MAX_DONE).rev() {
        let line = names.line(entry);
        let colon = if line.said.is_empty() { "" } else { l.pick("：", ": ") };
        let words = format!("{}{colon}{}", line.what, line.said.replace('\n', " "));
        out.line(&text::incident_notice_step(l, short(cx, entry.at), names.actor(&entry.actor), words));
    }

    out.head(text::incident_notice_why(l));
    let cause = i.close_cause.map_or(text::incident_notice_unknown(l), |c| close_cause(l, c));
    out.pair(l, text::incident_close_cause(l), cause);
    let party = i.party.as_deref().filter(|p| !p.is_empty()).unwrap_or(text::incident_notice_unknown(l));
    out.pair(l, text::incident_party(l), party);

    out.head(text::incident_notice_contact(l));
    let who = i.assignee.as_deref().map(|a| names.person(a)).or_else(|| i.ack.as_ref().map(|a| names.actor(&a.by)));
    let duty = who.unwrap_or_else(|| names.actor(&cx.actor().name));
    out.pair(l, text::incident_notice_duty(l), &text::incident_notice_duty_line(l, duty));
    for (name, mobile) in affected.persons(&names.inventory) {
        out.pair(l, text::incident_person(l), format!("{name} {mobile}").trim());
    }
    for (_, carrier) in affected.carriers().filter(|(_, c)| !c.hotline.is_empty()) {
        out.pair(l, text::incident_hotline(l), format!("{} {}", carrier.name, carrier.hotline).trim());
    }
    out.0
}

fn affects(out: &mut Sheet, l: Lang, names: &Names, affected: &Affected<'_>, places: &str, shown: &Shown) {
    let comma = l.pick("、", ", ");
    if !places.is_empty() {
        out.pair(l, text::incident_region(l), places);
    }
    let units: Vec<String> = affected
        .units(&names.inventory)
        .into_iter()
        .map(|unit| {
            let as_what = [(unit.owns, text::incident_owns(l)), (unit.operates, text::incident_operates(l))];
            let words: Vec<&str> = as_what.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
            format!("{}{}{}{}", unit.name, l.pick("（", " ("), words.join(comma), l.pick("）", ")"))
        })
        .collect();
    out.pair(l, text::incident_notice_units(l), or(&units.join(comma), text::incident_notice_none_known(l)));
    let systems: Vec<String> = affected
        .systems
        .iter()
        .map(|s| format!("{}{}{}{}", s.name, l.pick("（", " ("), text::incident_level(l, s.level), l.pick("）", ")")))
        .collect();
    out.pair(l, text::incident_notice_systems(l), or(&systems.join(comma), text::incident_notice_none_known(l)));
    for (link, carrier) in affected.carriers() {
        let circuit = if carrier.circuit.is_empty() {
            String::new()
        } else {
            format!("{}{} {}", l.pick("，", ", "), text::incident_circuit(l), carrier.circuit)
        };
        let between = l.pick("，", ", ");
        out.pair(l, text::incident_notice_line(l), &format!("{}{between}{}{circuit}", link.name, carrier.name));
    }
    let symptoms = &shown.detail.symptoms;
    if !symptoms.is_empty() {
        let named: Vec<String> = symptoms
            .iter()
            .take(MAX_SYMPTOMS)
            .map(|s| format!("{} {}", names.object(&s.key.object), names.problem_of(s)))
            .collect();
        let active = symptoms.iter().filter(|s| s.state.active()).count();
        let count = text::incident_notice_symptoms(l, symptoms.len(), active);
        out.pair(l, text::incident_symptoms(l), &format!("{count}{}{}", l.pick("：", ": "), named.join(comma)));
    }
}

/// What belongs into a notice: what people did, and how it went on; not each measurement.
fn counts(entry: &TimelineEntry) -> bool {
    use TimelineKind as K;
    match entry.kind {
        K::Acked | K::Assigned | K::Note | K::Resolved | K::Closed | K::Reopened | K::Worse => true,
        K::Unacked => entry.actor.contains(':'),
        K::Opened | K::Joined | K::Left | K::Folded | K::Unfolded | K::Flag => false,
    }
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

fn zoned(cx: &Cx, at: Wall) -> jiff::Zoned {
    Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_zoned(cx.zone.clone())
}

/// `2026年11月25日 10:13:28（UTC+08:00）`
fn long(cx: &Cx, l: Lang, at: Wall) -> String {
    let format = l.pick("%Y年%-m月%-d日 %H:%M:%S（UTC%:z）", "%-d %B %Y %H:%M:%S (UTC%:z)");
    zoned(cx, at).strftime(format).to_string()
}

fn short(cx: &Cx, at: Wall) -> String {
    zoned(cx, at).strftime("%m-%d %H:%M:%S").to_string()
}

/// A text that grows by lines.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }
    fn head(&mut self, text: &str) {
        self.line("");
        self.line(text);
    }
    fn pair(&mut self, l: Lang, name: &str, value: &str) {
        self.line(&format!("{name}{}{value}", l.pick("：", ": ")));
    }
}
