//! The audit trail: who did what, on what, when, with what before and after, and what was refused. Filtered and
//! paged by the store; a button recomputes the chain of hashes. It shows rows, it never changes or hides one.

mod change;

use axum::http::StatusCode;
use jiff::civil::DateTime;
use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{AuditFilter, Page};
use crate::console::store::{AuditRow, AuditWords};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::List;
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::{Object, Wall};

const SORTS: &[&str] = &["-seq"];
const FILTERS: &[&str] = &["actor", "action", "target", "result", "from", "to"];
/// Rows that the store gives at once.
const AT_ONCE: usize = 1_000;
/// Characters of a target that a row shows.
const MAX_TARGET: usize = 80;

/// The trail concerns everything, so only an administrator of everything reads it.
fn admit(cx: &Cx) -> Result<(), Problem> {
    if cx.administers() {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "审计记录涉及全部区划，只有不限区划的管理员可以查看",
        "the audit trail concerns all regions: only an admin who is not limited to some may read it",
    ))
}

/// `GET /audit`
pub async fn page(cx: Cx) -> Answer {
    admit(&cx)?;
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let (filter, wrong) = filter(&cx, &list);
    let (rows, next) = rows(&cx, &list, &filter).await?;
    let words = cx.service.store.audit_words().await?;
    let reset = html! { a href="/audit" { (text::table_reset(l)) } };
    let table = Table {
        list: &list,
        caption: text::nav_audit(l),
        columns: vec![
            Column::new(text::audit_col_seq(l)).number(),
            Column::new(text::audit_col_at(l)),
            Column::new(text::audit_col_actor(l)),
            Column::new(text::audit_col_action(l)),
            Column::new(text::audit_col_target(l)),
            Column::new(text::audit_col_result(l)),
            Column::new(text::audit_col_reason(l)).wide(),
            Column::new(text::audit_col_change(l)).wide(),
        ],
        rows: rows.iter().map(|r| row(&cx, r)).collect(),
        next,
        total: None,
        empty: ui::empty(
            text::audit_none(l),
            if list.filters.is_empty() {
                html! {}
            } else {
                reset
            },
        ),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "audit")? {
        return Ok(file);
    }
    let verify = form::button(&cx, "/audit/verify", text::audit_verify(l), "ask", &[]);
    // What stands on a page further back does not change; the first page grows.
    let shown = match list.after {
        None => ui::live(&cx, "trail", &[Topic::Audit], table.show(&cx)),
        Some(_) => table.show(&cx),
    };
    let inside = html! {
        (ui::heading(text::nav_audit(l), verify))
        p.help { (text::audit_help(l)) }
        (form_of(&cx, &list, &words, &wrong))
        (shown)
    };
    Ok(layout::page(&cx, Place::Audit, text::nav_audit(l), inside))
}

/// The filter of an address, and the names of the fields that could not be read.
fn filter(cx: &Cx, list: &List) -> (AuditFilter, Vec<&'static str>) {
    let text = |name: &str| list.filter(name).filter(|t| !t.is_empty()).map(str::to_owned);
    let mut wrong = Vec::new();
    let mut at = |name: &'static str| {
        let given = text(name)?;
        let read = moment(cx, &given);
        if read.is_none() {
            wrong.push(name);
        }
        read
    };
    let (from, to) = (at("from"), at("to"));
    let done = match list.filter("result") {
        Some("ok") => Some(true),
        Some("refused") => Some(false),
        _ => None,
    };
    (AuditFilter { actor: text("actor"), action: text("action"), target: text("target"), done, from, to }, wrong)
}

/// A date or a time of a form, in the console's zone.
pub fn moment(cx: &Cx, text: &str) -> Option<Wall> {
    let at: DateTime = text.parse().or_else(|_| format!("{text}T00:00").parse()).ok()?;
    Some(Wall::from_millis(at.to_zoned(cx.zone.clone()).ok()?.timestamp().as_millisecond()))
}

/// The rows of a page, or all that a file takes.
async fn rows(cx: &Cx, list: &List, filter: &AuditFilter) -> Result<(Vec<AuditRow>, Option<String>), Problem> {
    let (mut rows, mut after) = (Vec::new(), list.after.clone());
    loop {
        let page = Page { limit: (list.limit() - rows.len()).min(AT_ONCE), after };
        let found = cx.service.store.audit_find(filter.clone(), page).await?;
        rows.extend(found.items);
        after = found.next;
        if after.is_none() || rows.len() >= list.limit() {
            return Ok((rows, after));
        }
    }
}

fn form_of(cx: &Cx, list: &List, words: &AuditWords, wrong: &[&str]) -> Markup {
    let l = cx.lang;
    let value = |name: &str| list.filter(name).unwrap_or_default();
    let any = (String::new(), text::table_any(l).to_owned());
    let actions: Vec<(String, String)> = std::iter::once(any.clone())
        .chain(words.actions.iter().map(|a| (a.clone(), action_word(l, a).map_or_else(|| a.clone(), str::to_owned))))
        .collect();
    let results = [
        any,
        ("ok".to_owned(), text::audit_ok(l).to_owned()),
        ("refused".to_owned(), text::audit_refused(l).to_owned()),
    ];
    let when = |name: &'static str, label| Field {
        name,
        label,
        kind: "datetime-local",
        value: value(name),
        error: wrong.contains(&name).then_some(text::audit_time_wrong(l)),
        ..Field::default()
    };
    let line = |name, label, datalist| Field {
        name,
        label,
        kind: "search",
        value: value(name),
        list: datalist,
        ..Field::default()
    };
    let choice = |name, label| Field { name, label, value: value(name), ..Field::default() };
    html! {
        form.filters method="get" action="/audit" data-auto {
            (form::input(&line("actor", text::audit_col_actor(l), "actors")))
            datalist id="actors" { @for actor in &words.actors { option value=(actor) {} } }
            (form::select(&choice("action", text::audit_col_action(l)), &actions))
            (form::input(&line("target", text::audit_col_target(l), "")))
            (form::select(&choice("result", text::audit_col_result(l)), &results))
            (form::input(&when("from", text::audit_from(l))))
            (form::input(&when("to", text::audit_to(l))))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.button href="/audit" { (text::table_reset(l)) } }
        }
    }
}

fn row(cx: &Cx, row: &AuditRow) -> Row {
    let l = cx.lang;
    let done = row.result == "ok";
    let said = action_word(l, &row.action);
    let why = row.result.strip_prefix("refused: ").unwrap_or(&row.result);
    let result = html! {
        @if done { (badge::good(true, text::audit_ok(l))) }
        @else { (badge::good(false, text::audit_refused(l))) br; small { (in_words(l, why)) } }
    };
    let action = html! { (said.unwrap_or(&row.action)) @if said.is_some() { br; small.mono { (row.action) } } };
    let changes = change::between(&row.before, &row.after);
    Row {
        id: row.seq.to_string(),
        class: if done { "" } else { "warning" },
        cells: vec![
            Cell::of(html! { a href={ "/audit/" (row.seq) } { (row.seq) } }, Plain::Number(row.seq as f64)),
            Cell::time(cx, Some(row.at)),
            Cell::html(html! { span.mono { (row.actor) } }, row.actor.clone()),
            Cell::html(action, row.action.clone()),
            Cell::html(target(&row.target), row.target.clone()),
            Cell::html(result, row.result.clone()),
            Cell::html(html! { (ui::or_none(&row.reason)) }, row.reason.clone()),
            Cell::html(change::short(l, &changes), change::plain(&changes)),
        ],
    }
}

fn in_words(l: Lang, line: &str) -> String {
    match l {
        Lang::Zh => crate::config::zh::line(line),
        Lang::En => line.to_owned(),
    }
}

/// A target with a link to its page, where it has one.
fn target(text: &str) -> Markup {
    let shown: String = text.chars().take(MAX_TARGET).collect();
    let href = match text.split_once(':') {
        Some(("incident", id)) => Some(format!("/incidents/{}", encode(id))),
        Some(("user" | "session", _)) => Some("/users".to_owned()),
        Some(_) => text.parse::<Object>().ok().map(|object| ui::object_url(&object)),
        None => None,
    };
    match href {
        Some(href) => html! { a.mono href=(href) { (shown) } },
        None => html! { span.mono { (shown) } },
    }
}

/// `GET /audit/{seq}`
pub async fn one(cx: Cx) -> Answer {
    admit(&cx)?;
    let l = cx.lang;
    let unknown = || Problem::unknown("审计记录", "audit row", cx.part("seq"));
    let seq: u64 = cx.part("seq").parse().map_err(|_| unknown())?;
    let row = cx.service.store.audit_row(seq).await?.ok_or_else(unknown)?;
    let title = text::audit_row(l, seq);
    let done = row.result == "ok";
    let facts = [
        (text::audit_col_at(l), time::at(&cx, row.at)),
        (text::audit_col_actor(l), html! { span.mono { (row.actor) } }),
        (
            text::audit_col_action(l),
            html! { (action_word(l, &row.action).unwrap_or_default()) " " small.mono { (row.action) } },
        ),
        (text::audit_col_target(l), target(&row.target)),
        (text::audit_col_result(l), badge::good(done, if done { text::audit_ok(l) } else { text::audit_refused(l) })),
        (text::audit_col_reason(l), ui::or_none(&row.reason)),
    ];
    let why = row.result.strip_prefix("refused: ").filter(|_| !done);
    let inside = html! {
        (ui::trail(&[("/audit", text::nav_audit(l))]))
        (ui::heading(&title, html! {
            @if seq > 1 { a.button href={ "/audit/" (seq - 1) } rel="prev" { (text::audit_before(l)) } }
            a.button href={ "/audit/" (seq + 1) } rel="next" { (text::audit_after(l)) }
        }))
        section.card { (ui::facts(&facts)) }
        @if let Some(why) = why { (ui::note(Tone::Bad, html! { (in_words(l, why)) })) }
        section.card { h2 { (text::audit_col_change(l)) } (change::whole(l, &change::between(&row.before, &row.after))) }
    };
    Ok(layout::page(&cx, Place::Audit, &title, inside))
}

/// `POST /audit/verify`
pub async fn verify(cx: Cx) -> Answer {
    admit(&cx)?;
    let l = cx.lang;
    let verdict = cx.service.store.audit_verify().await?;
    let checked = number::count(verdict.rows);
    let said = match verdict.broken_at {
        None => ui::note(Tone::Good, html! { (text::audit_whole(l, checked)) }),
        Some(seq) => ui::note(
            Tone::Bad,
            html! {
                p { (text::audit_broken(l, seq, checked)) }
                p { a href={ "/audit/" (seq) } { (text::audit_row(l, seq)) } }
                p { (text::audit_broken_advice(l)) }
            },
        ),
    };
    let facts = [
        (text::audit_verified_at(l), time::at(&cx, cx.now)),
        (text::audit_verified_rows(l), html! { (number::count(verdict.rows)) }),
        (text::audit_verified_head(l), html! { code { (verdict.head) } }),
    ];
    let inside = html! {
        (ui::trail(&[("/audit", text::nav_audit(l))]))
        (ui::heading(text::audit_verify(l), html! {}))
        (said)
        section.card { (ui::facts(&facts)) p.help { (text::audit_verified_help(l)) } }
        p { a.button href="/audit" { (text::audit_back(l)) } }
    };
    Ok(layout::page(&cx, Place::Audit, text::audit_verify(l), inside))
}

/// What an action is called; `None` for one of another version.
fn action_word(l: Lang, action: &str) -> Option<&'static str> {
    Some(match action {
        "incident.ack" => text::audit_do_ack(l),
        "incident.unack" => text::audit_do_unack(l),
        "incident.assign" => text::audit_do_assign(l),
        "incident.resolve" => text::audit_do_resolve(l),
        "incident.close" => text::audit_do_close(l),
        "incident.note" => text::audit_do_note(l),
        "maintenance.add" => text::audit_do_maintenance_add(l),
        "maintenance.approve" => text::audit_do_maintenance_approve(l),
        "maintenance.end" => text::audit_do_maintenance_end(l),
        "probe.now" => text::audit_do_probe(l),
        "snmp.walk" => text::audit_do_walk(l),
        "inventory.apply" => text::audit_do_inventory(l),
        "secret.set" => text::audit_do_secret_set(l),
        "secret.remove" => text::audit_do_secret_remove(l),
        "secret.rotate" => text::audit_do_secret_rotate(l),
        "token.create" => text::audit_do_token_create(l),
        "token.revoke" => text::audit_do_token_revoke(l),
        "agent.enroll_token" => text::audit_do_enroll_token(l),
        "agent.enroll" => text::audit_do_enroll(l),
        "agent.renew" => text::audit_do_renew(l),
        "agent.revoke" => text::audit_do_agent_revoke(l),
        "ingest.refuse" => text::audit_do_ingest_refuse(l),
        "user.add" => text::audit_do_user_add(l),
        "user.lock" => text::audit_do_user_lock(l),
        "user.unlock" => text::audit_do_user_unlock(l),
        "user.reset" => text::audit_do_user_reset(l),
        "user.remove" => text::audit_do_user_remove(l),
        "password.change" => text::audit_do_password_change(l),
        "password.check" => text::audit_do_password_check(l),
        "session.start" => text::audit_do_session_start(l),
        "session.end" | "session.stop" => text::audit_do_session_end(l),
        "link.create" => text::audit_do_link(l),
        "user.link" => text::audit_do_user_link(l),
        "wall.link" => text::audit_do_wall(l),
        "view.save" => text::audit_do_view_save(l),
        "view.remove" => text::audit_do_view_remove(l),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
