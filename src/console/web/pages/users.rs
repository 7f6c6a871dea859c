//! Users (用户): who may come in, as what, for which regions; adding, locking, a new password, a one-time link,
//! removing, each asked on a page of its own; and everybody's sessions. It never shows a password again.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::account::{given, role_word, scope, sessions, shown_link};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Outcome, Role, Scope};
use crate::console::password;
use crate::console::store::UserRow;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, badge};
use crate::model::{RegionId, Wall};

const SORTS: &[&str] = &["name", "role", "signed"];
const FILTERS: &[&str] = &["q", "role"];

/// What can be done to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Lock,
    Unlock,
    Reset,
    Link,
    Remove,
}

impl What {
    const ALL: [Self; 5] = [Self::Lock, Self::Unlock, Self::Reset, Self::Link, Self::Remove];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Reset => "reset",
            Self::Link => "link",
            Self::Remove => "remove",
        }
    }
    const fn word(self, l: Lang) -> &'static str {
        match self {
            Self::Lock => text::users_lock(l),
            Self::Unlock => text::users_unlock(l),
            Self::Reset => text::users_reset(l),
            Self::Link => text::users_link(l),
            Self::Remove => text::users_remove(l),
        }
    }
    const fn means(self, l: Lang) -> &'static str {
        match self {
            Self::Lock => text::users_lock_means(l),
            Self::Unlock => text::users_unlock_means(l),
            Self::Reset => text::users_reset_means(l),
            Self::Link => text::users_link_means(l),
            Self::Remove => text::users_remove_means(l),
        }
    }
    /// What can be done to this one now.
    const fn fits(self, row: &UserRow) -> bool {
        let locked = row.locked || row.locked_until.is_some();
        match self {
            Self::Lock => !row.locked,
            Self::Unlock => locked,
            Self::Link => !row.locked,
            Self::Reset | Self::Remove => true,
        }
    }
}

/// `GET /users`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let all = cx.service.store.users();
    let none_at_all = all.is_empty();
    let wanted = |row: &UserRow| {
        let found = list.filter("q").is_none_or(|q| {
            let q = q.to_lowercase();
            row.name.contains(&q) || row.display.to_lowercase().contains(&q)
        });
        found && list.filter("role").is_none_or(|role| row.role.as_str() == role)
    };
    let matching: Vec<UserRow> = all.into_iter().filter(wanted).collect();
    let key = |row: &UserRow| match list.sort {
        "role" => Key::text(row.role.as_str()),
        "signed" => Key::Number(row.signed_in.map(|at: Wall| at.millis() as f64)),
        _ => Key::text(&row.name),
    };
    let (rows, next, total) = list.page(matching, |r| r.name.to_string(), key);
    let advice = html! { @if none_at_all { a href="/users/add" { (text::users_add(l)) } } @else { a href="/users" { (text::table_reset(l)) } } };
    let table = Table {
        list: &list,
        caption: text::nav_users(l),
        columns: vec![
            Column::sorted("name", text::users_name(l)),
            Column::sorted("role", text::account_role(l)),
            Column::new(text::account_scope(l)).wide(),
            Column::new(text::agents_col_state(l)),
            Column::sorted("signed", text::users_signed(l)).wide(),
            Column::new(text::users_do(l)),
        ],
        rows: rows.iter().map(|r| row(&cx, r)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(if none_at_all { text::users_none(l) } else { text::users_no_match(l) }, advice),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "users")? {
        return Ok(file);
    }
    let shown = html! {
        (table.show(&cx))
        section.card { h2 { (text::users_sessions(l)) } (sessions(&cx, &cx.service.store.sessions(), "/users")) }
    };
    let inside = html! {
        (ui::heading(text::nav_users(l), html! { a.button.primary href="/users/add" { (text::users_add(l)) } }))
        @if let Some(said) = said(&cx) { (ui::note(Tone::Good, html! { (said) })) }
        (filters(&cx, &list))
        (ui::live(&cx, "people", &[Topic::Audit], shown))
    };
    Ok(layout::page(&cx, Place::Users, text::nav_users(l), inside))
}

fn said(cx: &Cx) -> Option<&'static str> {
    let l = cx.lang;
    Some(match cx.query.text("said") {
        "added" => text::users_said_added(l),
        "lock" => text::users_said_lock(l),
        "unlock" => text::users_said_unlock(l),
        "reset" => text::users_said_reset(l),
        "remove" => text::users_said_remove(l),
        "ended" => text::account_said_ended(l),
        _ => return None,
    })
}

fn filters(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    let roles: Vec<(&str, &str)> = std::iter::once(("", text::table_any(l)))
        .chain([Role::Admin, Role::Security, Role::Operator, Role::Viewer].map(|r| (r.as_str(), role_word(l, r))))
        .collect();
    let value = |name: &str| list.filter(name).unwrap_or_default();
    let search =
        Field { name: "q", label: text::table_search(l), kind: "search", value: value("q"), ..Field::default() };
    html! {
        form.filters method="get" action="/users" data-auto {
            (form::input(&search))
            (form::select(&Field { name: "role", label: text::account_role(l), value: value("role"), ..Field::default() }, &roles))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.button href="/users" { (text::table_reset(l)) } }
        }
    }
}

fn row(cx: &Cx, row: &UserRow) -> Row {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let named = html! { (row.display) br; small.mono { (row.name) } };
    let (tone, state) = match row {
        UserRow { locked: true, .. } => (Tone::Bad, text::users_locked(l)),
        UserRow { locked_until: Some(_), .. } => (Tone::Warn, text::users_locked_for_now(l)),
        UserRow { must_change: true, .. } => (Tone::Info, text::users_must_change(l)),
        _ => (Tone::Good, text::users_fine(l)),
    };
    let shown_scope = scope(l, &inventory, &row.scope);
    let plain_scope = match &row.scope {
        Scope::All => text::account_scope_all(l).to_owned(),
        Scope::Regions(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let actions = html! {
        @for what in What::ALL.into_iter().filter(|w| w.fits(row)) {
            a href={ "/users/" (encode(&row.name)) "/" (what.as_str()) } { (what.word(l)) } " "
        }
    };
    Row {
        id: row.name.to_string(),
        class: "",
        cells: vec![
            Cell::html(named, format!("{} {}", row.name, row.display)),
            Cell::html(html! { (role_word(l, row.role)) }, row.role.as_str()),
            Cell::html(shown_scope, plain_scope),
            Cell::html(badge::toned(tone, state), state),
            Cell::time(cx, row.signed_in),
            Cell::html(actions, ""),
        ],
    }
}

/// What was written into the form of a new user.
#[derive(Default)]
struct Asked {
    name: String,
    display: String,
    role: String,
    regions: Vec<String>,
}

/// What is wrong with it: field and words.
type Wrong = Option<(&'static str, String)>;

/// `GET /users/add`
pub async fn add(cx: Cx) -> Answer {
    Ok(add_form(&cx, &Asked { role: Role::Viewer.as_str().to_owned(), ..Asked::default() }, &None))
}

fn add_form(cx: &Cx, asked: &Asked, wrong: &Wrong) -> Response {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let error = |field: &str| wrong.as_ref().filter(|(at, _)| *at == field).map(|(_, said)| said.as_str());
    let roles = [Role::Viewer, Role::Operator, Role::Security, Role::Admin].map(|r| (r.as_str(), role_word(l, r)));
    let field = |name, label, value, help, longest| Field {
        name,
        label,
        value,
        help,
        error: error(name),
        required: true,
        longest,
        ..Field::default()
    };
    let name =
        Field { complete: "off", ..field("name", text::users_name(l), &*asked.name, text::users_name_help(l), 64) };
    let display = field("display", text::users_display(l), &*asked.display, "", 80);
    let role = field("role", text::account_role(l), &*asked.role, text::users_role_help(l), 20);
    let password = Field {
        kind: "password",
        complete: "new-password",
        ..field("password", text::users_password(l), "", text::users_password_help(l), password::LONGEST)
    };
    let inside = html! {
        (ui::trail(&[("/users", text::nav_users(l))]))
        section.card.narrow {
            h1 { (text::users_add(l)) }
            @if let Some(said) = error("") { (ui::note(Tone::Bad, html! { (said) })) }
            (form::post(cx, "/users/add", html! {
                (form::input(&name)) (form::input(&display)) (form::select(&role, &roles)) (form::input(&password))
                @if !inventory.regions.is_empty() {
                    fieldset {
                        legend { (text::account_scope(l)) }
                        p.help { (text::users_scope_help(l)) }
                        @if let Some(said) = error("region") { p.error { (said) } }
                        div.choices { @for region in inventory.regions.values() {
                            label.check { input type="checkbox" name="region" value=(region.id) checked[asked.regions.iter().any(|r| r == region.id.as_str())]; " " (region.name) }
                        } }
                    }
                }
                div.row { button.primary type="submit" { (text::users_add(l)) } a.button href="/users" { (text::revoke_cancel(l)) } }
            }))
        }
    };
    let mut answer = layout::page(cx, Place::Users, text::users_add(l), inside);
    if wrong.is_some() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    answer
}

/// `POST /users/add`
pub async fn create(cx: Cx) -> Answer {
    let asked = Asked {
        name: cx.form.text("name").to_ascii_lowercase(),
        display: cx.form.text("display").to_owned(),
        role: cx.form.text("role").to_owned(),
        regions: cx.form.all("region").map(str::to_owned).collect(),
    };
    let secret = given(&cx, "password");
    if let Some(said) = password::weakness(&asked.name, &secret) {
        let said = cx.lang.pick(&said.zh, &said.en).to_owned();
        return Ok(add_form(&cx, &asked, &Some(("password", said))));
    }
    let regions: Vec<RegionId> = asked.regions.iter().filter_map(|r| RegionId::new(r).ok()).collect();
    let command = Command::UserAdd {
        name: asked.name.clone(),
        display: asked.display.clone(),
        role: Role::parse(&asked.role).unwrap_or(Role::Viewer),
        scope: if regions.is_empty() { Scope::All } else { Scope::Regions(regions) },
        password: secret,
    };
    match cx.command(None, command).await {
        Ok(_) => Ok(redirect("/users?said=added")),
        Err(problem) => {
            let field = match problem.en.as_str() {
                en if en.contains("no user name") || en.contains("already: take another name") => "name",
                en if en.contains("name for people") => "display",
                en if en.contains("region") => "region",
                _ => "",
            };
            Ok(add_form(&cx, &asked, &Some((field, cx.problem(&problem).to_owned()))))
        }
    }
}

fn target(cx: &Cx) -> Result<(UserRow, What), Problem> {
    let (name, what) = (cx.part("name"), cx.part("what"));
    let row = cx.service.store.users().into_iter().find(|u| &*u.name == name);
    let what = What::ALL.into_iter().find(|w| w.as_str() == what);
    row.zip(what).ok_or_else(|| Problem::unknown("用户", "user", name))
}

/// `GET /users/{name}/{what}`
pub async fn ask(cx: Cx) -> Answer {
    let (row, what) = target(&cx)?;
    Ok(confirm(&cx, &row, what, None))
}

fn confirm(cx: &Cx, row: &UserRow, what: What, error: Option<&str>) -> Response {
    let l = cx.lang;
    let title = text::users_ask(l, what.word(l), format!("{} ({})", row.display, row.name));
    let path = format!("/users/{}/{}", encode(&row.name), what.as_str());
    let field = Field {
        name: "password",
        label: text::users_password(l),
        kind: "password",
        complete: "new-password",
        help: text::users_password_help(l),
        error,
        required: true,
        longest: password::LONGEST,
        ..Field::default()
    };
    let class = if matches!(what, What::Unlock | What::Link) { "primary" } else { "danger" };
    let inside = html! {
        (ui::trail(&[("/users", text::nav_users(l))]))
        section.card.narrow {
            h1 { (title) }
            (ui::note(Tone::Warn, html! { (what.means(l)) }))
            @if what != What::Reset && let Some(error) = error { (ui::note(Tone::Bad, html! { (error) })) }
            (form::post(cx, &path, html! {
                @if what == What::Reset { (form::input(&field)) }
                div.row { button.(class) type="submit" { (what.word(l)) } a.button href="/users" { (text::revoke_cancel(l)) } }
            }))
        }
    };
    let mut answer = layout::page(cx, Place::Users, &title, inside);
    if error.is_some() {
        *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    answer
}

/// `POST /users/{name}/{what}`
pub async fn act(cx: Cx) -> Answer {
    let l = cx.lang;
    let (row, what) = target(&cx)?;
    let name = row.name.to_string();
    let command = match what {
        What::Lock => Command::UserLock { name, locked: true },
        What::Unlock => Command::UserLock { name, locked: false },
        What::Reset => Command::UserReset { name, password: given(&cx, "password") },
        What::Link => Command::UserLink { name },
        What::Remove => Command::UserRemove { name },
    };
    match cx.command(None, command).await {
        Ok(Outcome::Token { token, .. }) => {
            let title = text::users_ask(l, what.word(l), row.display);
            Ok(shown_link(&cx, &token, &title, text::users_link_made(l), ("/users", text::nav_users(l))))
        }
        Ok(_) => Ok(redirect(&format!("/users?said={}", what.as_str()))),
        Err(problem) => Ok(confirm(&cx, &row, what, Some(cx.problem(&problem)))),
    }
}

#[cfg(test)]
mod tests;
