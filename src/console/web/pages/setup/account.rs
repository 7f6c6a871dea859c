//! The first account. Whoever came in by the one-time link makes one and goes on under its name; the link's own
//! session ends. It makes no second account: that is done where accounts are kept.

use axum::http::header;
use axum::response::Response;
use maud::html;

use super::Step;
use crate::console::command::{Command, Role, Scope};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone};
use crate::console::{password, session};
use crate::model::{AgentId, SecretText};

/// `GET /setup/account`
pub async fn page(cx: Cx) -> Answer {
    Ok(show(&cx, &Filled::default()))
}

/// `POST /setup/account`
pub async fn submit(cx: Cx) -> Answer {
    let store = &cx.service.store;
    if store.has_users() {
        return Ok(redirect(Step::Account.path()));
    }
    let mut filled = Filled::sent(&cx, &["name", "display"]);
    let name = filled.get("name").to_ascii_lowercase();
    let display = if filled.get("display").is_empty() { name.clone() } else { filled.get("display").to_owned() };
    let given =
        |field: &str| cx.form.get(field).unwrap_or_default().chars().take(password::LONGEST + 1).collect::<String>();
    let secret = SecretText::new(given("password"));
    filled.wrong = mistakes(&cx, &name, &secret, &given("again"));
    if !filled.wrong.is_empty() {
        return Ok(wrong(show(&cx, &filled)));
    }
    let command = Command::UserAdd {
        name: name.clone(),
        display,
        role: Role::Admin,
        scope: Scope::All,
        password: secret.clone(),
    };
    if let Err(problem) = cx.command(None, command).await {
        filled.wrong = Wrong::of(&cx, &problem);
        return Ok(wrong(show(&cx, &filled)));
    }
    // Whoever just chose the password need not write it again.
    match store.sign_in(&name, &secret, &cx.from, &cx.user_agent).await {
        Ok(new) => {
            if let Some(old) = &cx.session
                && let Err(error) = store.sign_out(&old.id).await
            {
                tracing::warn!(%error, "the session of the one-time link goes on until it is idle");
            }
            let mut answer = redirect("/setup/units");
            answer.headers_mut().append(header::SET_COOKIE, session::set_cookie(&new.token, cx.tls));
            Ok(answer)
        }
        Err(_) => Ok(redirect("/signin?back=/setup/units")),
    }
}

/// What is wrong, each beside its field.
fn mistakes(cx: &Cx, name: &str, secret: &SecretText, again: &str) -> Wrong {
    let l = cx.lang;
    let mut found = Wrong::default();
    if AgentId::new(name).is_err() {
        found.fields.insert("name", text::setup_account_name_wrong(l).to_owned());
    }
    if let Some(said) = password::weakness(name, secret) {
        found.fields.insert("password", l.pick(&said.zh, &said.en).to_owned());
    } else if secret.expose() != again {
        found.fields.insert("again", text::setup_account_differs(l).to_owned());
    }
    found
}

fn show(cx: &Cx, filled: &Filled) -> Response {
    let l = cx.lang;
    let users = cx.service.store.users();
    let inside = html! {
        @if users.is_empty() {
            (filled.wrong.note(cx))
            section.card.narrow {
                (form::post(cx, Step::Account.path(), html! {
                    (form::input(&Field { complete: "username", longest: 64, ..filled.must("name", text::setup_account_name(l), text::setup_account_name_help(l)) }))
                    (form::input(&Field { complete: "name", longest: 80, ..filled.field("display", text::setup_account_display(l), text::setup_account_display_help(l)) }))
                    (form::input(&Field { kind: "password", complete: "new-password", longest: password::LONGEST, ..filled.must("password", text::signin_password(l), text::setup_account_password_help(l)) }))
                    (form::input(&Field { kind: "password", complete: "new-password", longest: password::LONGEST, ..filled.must("again", text::setup_account_again(l), "") }))
                    button.primary type="submit" { (text::setup_account_make(l)) }
                }))
            }
        } @else {
            (ui::note(Tone::Good, html! { (text::setup_account_there(l, users.len())) " " @for user in users.iter().take(5) { strong { (user.display) } " (" (user.name) ") " } }))
            p { a href="/users" { (text::setup_account_more(l)) } }
        }
    };
    super::step(cx, Step::Account, inside)
}
