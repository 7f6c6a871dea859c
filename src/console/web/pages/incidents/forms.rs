//! What can be done with an incident now, as forms; what cannot, with the reason. State and role decide, and
//! the console decides again when the form is sent.

use maud::{Markup, html};

use super::act::{Action, shift_end};
use super::affected::Affected;
use super::one::{Refused, Shown};
use super::words::{Names, close_cause};
use crate::console::api::query::encode;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, time};
use crate::model::Object;
use crate::model::incident::{CloseCause, Incident, IncidentState};

/// All actions, in the order in which a duty officer needs them.
pub fn show(cx: &Cx, shown: &Shown, affected: &Affected<'_>, refused: Option<&Refused>) -> Markup {
    let l = cx.lang;
    let i = &shown.detail.incident;
    html! {
        section.card.actions {
            h2 { (text::incident_actions(l)) }
            @if cx.operates() {
                @for action in Action::ALL {
                    @match barred(l, i, action) {
                        None => (one(cx, shown, affected, action, refused)),
                        // What was just tried is explained, whatever the state has become.
                        Some(why) => (closed(l, action, why, refused)),
                    }
                }
            } @else {
                (ui::note(Tone::Info, html! { (text::incident_viewer(l)) }))
                ul.plain.help { @for action in Action::ALL { li { (title(l, action)) } } }
            }
        }
    }
}

/// Why an action is not to be had in this state; `None` if it is.
fn barred(l: Lang, i: &Incident, action: Action) -> Option<&'static str> {
    use IncidentState::{Acked, Closed, Resolved};
    match (action, i.state) {
        (Action::Ack | Action::Resolve, Resolved) => Some(text::incident_not_resolved_any_more(l)),
        (Action::Ack | Action::Resolve | Action::Assign | Action::Close, Closed) => {
            Some(text::incident_not_closed_any_more(l))
        }
        (Action::Unack, state) if state != Acked => Some(text::incident_not_acked(l)),
        (Action::Close, state) if state.active() => Some(text::incident_not_before_resolved(l)),
        (Action::Probe, _)
            if !matches!(i.key.object, Object::Asset(_) | Object::Interface { .. } | Object::Link(_)) =>
        {
            Some(text::incident_not_probed(l))
        }
        _ => None,
    }
}

const fn title(l: Lang, action: Action) -> &'static str {
    match action {
        Action::Ack => text::incident_do_ack(l),
        Action::Unack => text::incident_do_unack(l),
        Action::Assign => text::incident_do_assign(l),
        Action::Note => text::incident_do_note(l),
        Action::Resolve => text::incident_do_resolve(l),
        Action::Close => text::incident_do_close(l),
        Action::Probe => text::incident_do_probe(l),
    }
}

fn closed(l: Lang, action: Action, why: &str, refused: Option<&Refused>) -> Markup {
    let refused = refused.filter(|r| r.action == action);
    html! {
        div.act.barred {
            p { span.name { (title(l, action)) } " " span.help { (why) } }
            @if let Some(refused) = refused { (ui::note(Tone::Bad, html! { (refused.why) })) }
        }
    }
}

fn one(cx: &Cx, shown: &Shown, affected: &Affected<'_>, action: Action, refused: Option<&Refused>) -> Markup {
    let l = cx.lang;
    let i = &shown.detail.incident;
    let refused = refused.filter(|r| r.action == action);
    let inside = match action {
        Action::Ack => ack(cx),
        Action::Assign => assign(cx, &shown.names, i),
        Action::Note => form::area(
            &Field {
                name: "text",
                label: text::incident_note(l),
                value: cx.form.text("text"),
                required: true,
                longest: 1_300,
                ..Field::default()
            },
            3,
        ),
        Action::Resolve => html! {
            p.help { (text::incident_resolve_help(l)) }
            (form::area(&Field { name: "reason", label: text::incident_reason(l), value: cx.form.text("reason"), required: true, longest: 1_300, ..Field::default() }, 2))
        },
        Action::Close => close(cx, affected),
        Action::Unack => html! { p.help { (text::incident_unack_help(l)) } },
        Action::Probe => html! { p.help { (text::incident_probe_help(l)) } },
    };
    let primary =
        matches!((action, i.state), (Action::Ack, IncidentState::Open) | (Action::Close, IncidentState::Resolved));
    let body = html! {
        @if let Some(refused) = refused { (ui::note(Tone::Bad, html! { (refused.why) })) }
        (form::post(cx, &format!("/incidents/{}/{}", encode(&i.id), action.as_str()), html! {
            (inside)
            button.primary[primary] type="submit" { (title(l, action)) }
        }))
    };
    // The one that is due stands open; a closed `details` is a button that needs no script.
    if primary {
        return html! { div.act.due { (body) } };
    }
    html! { details.act open[refused.is_some()] { summary { (title(l, action)) } (body) } }
}

fn ack(cx: &Cx) -> Markup {
    let l = cx.lang;
    let shift =
        text::incident_ack_shift(l, time::plain(cx, shift_end(cx)).get(11..16).unwrap_or_default().to_owned());
    let terms = [
        ("change", text::incident_until_change(l)),
        ("1h", text::incident_ack_1h(l)),
        ("4h", text::incident_ack_4h(l)),
        ("shift", &shift),
        ("sticky", text::incident_sticky(l)),
    ];
    html! {
        (form::area(&Field { name: "comment", label: text::incident_ack_comment(l), value: cx.form.text("comment"), longest: 1_300, ..Field::default() }, 2))
        (form::select(&Field { name: "until", label: text::incident_ack_until(l), value: cx.form.text("until"), ..Field::default() }, &terms))
    }
}

fn assign(cx: &Cx, names: &Names, i: &Incident) -> Markup {
    let l = cx.lang;
    let own = cx.actor().name.to_string();
    let me = cx
        .session
        .as_ref()
        .map(|s| s.display.clone())
        .filter(|d| !d.is_empty())
        .unwrap_or_else(|| names.person(&own));
    let mut to = vec![
        (String::new(), text::incident_assign_choose(l).to_owned()),
        (own.clone(), text::incident_assign_me(l, me)),
    ];
    to.extend(names.people().into_iter().filter(|(name, _)| *name != own));
    if i.assignee.is_some() {
        to.push(("-".to_owned(), text::incident_assign_nobody(l).to_owned()));
    }
    html! {
        (form::select(&Field { name: "to", label: text::incident_assign_to(l), value: cx.form.text("to"), ..Field::default() }, &to))
        (form::input(&Field { name: "other", label: text::incident_assign_other(l), value: cx.form.text("other"), help: text::incident_assign_help(l), longest: 200, ..Field::default() }))
    }
}

fn close(cx: &Cx, affected: &Affected<'_>) -> Markup {
    let l = cx.lang;
    let mut causes = vec![("", text::incident_choose(l))];
    causes.extend(CloseCause::ALL.iter().map(|c| (c.as_str(), close_cause(l, *c))));
    let (_, inventory) = cx.service.store.inventory();
    let parties = affected.parties(&inventory);
    html! {
        (form::select(&Field { name: "cause", label: text::incident_close_cause(l), value: cx.form.text("cause"), required: true, ..Field::default() }, &causes))
        div.field {
            label for="f-party" { (text::incident_party(l)) span.must title="*" { " *" } }
            input #f-party name="party" required maxlength="200" autocomplete="off" list="parties" value=(cx.form.text("party")) aria-describedby="h-party";
            datalist #parties { @for party in &parties { option value=(party) {} } }
            p.help #h-party { (text::incident_party_help(l)) @if !parties.is_empty() { " " (parties.join(l.pick("、", ", "))) } }
        }
        (form::area(&Field { name: "comment", label: text::incident_close_comment(l), value: cx.form.text("comment"), longest: 1_300, ..Field::default() }, 2))
    }
}
