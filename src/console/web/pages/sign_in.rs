//! Coming in: by password, or by the one-time link that the program prints. Works without scripts. What was
//! wrong is never told apart: an unknown name and a wrong password read the same.

use axum::response::Response;
use maud::html;

use crate::console::session;
use crate::console::store::{NewSession, SignInError, SignInWay, WALL_LIFE};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, time};
use crate::console::web::{layout, text};
use crate::model::SecretText;

/// The longest password that is looked at.
const MAX_PASSWORD: usize = 256;

/// `GET /signin`
pub async fn page(cx: Cx) -> Answer {
    if cx.session.is_some() {
        return Ok(redirect(cx.query.text("back")));
    }
    Ok(show(&cx, "", cx.query.text("back"), None))
}

fn show(cx: &Cx, name: &str, back: &str, error: Option<String>) -> Response {
    let l = cx.lang;
    let inside = html! {
        section.card.narrow {
            h1 { (text::brand(l)) " · " (text::signin_title(l)) }
            @if let Some(error) = &error { (ui::note(Tone::Bad, html! { (error) })) }
            @if !cx.service.store.has_users() { (ui::note(Tone::Info, html! { (text::signin_none(l)) })) }
            form method="post" action="/signin" {
                input type="hidden" name="back" value=(back);
                (form::input(&Field { name: "name", label: text::signin_name(l), value: name, complete: "username", required: true, longest: 64, ..Field::default() }))
                (form::input(&Field { name: "password", label: text::signin_password(l), kind: "password", complete: "current-password", required: true, longest: MAX_PASSWORD, ..Field::default() }))
                button.primary type="submit" { (text::signin_submit(l)) }
            }
            p.help { (text::signin_idle(l)) }
        }
    };
    let mut answer = layout::bare(cx, text::signin_title(l), inside);
    if error.is_some() {
        *answer.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    answer
}

/// `POST /signin`
pub async fn submit(cx: Cx) -> Answer {
    let (name, back) = (cx.form.text("name"), cx.form.text("back"));
    let password =
        SecretText::new(cx.form.get("password").unwrap_or_default().chars().take(MAX_PASSWORD).collect::<String>());
    match cx.service.store.sign_in(name, &password, &cx.from, &cx.user_agent).await {
        Ok(new) => Ok(admit(&cx, &new, back)),
        Err(error) => Ok(show(&cx, name, back, Some(why(&cx, &error)))),
    }
}

/// `GET /welcome?token=...`
pub async fn welcome(cx: Cx) -> Answer {
    match cx.service.store.sign_in_link(cx.query.text("token"), &cx.from, &cx.user_agent).await {
        Ok(new) => {
            if new.session.way == SignInWay::Wall {
                let mut answer = redirect("/wall");
                let cookie = session::keep_cookie(&new.token, cx.tls, WALL_LIFE);
                answer.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
                return Ok(answer);
            }
            let first = !cx.service.store.has_users() && cx.service.demo().is_none();
            Ok(admit(&cx, &new, if first { "/setup" } else { "/" }))
        }
        // A link that was opened a moment ago, in this very browser, has done its work.
        Err(SignInError::Wrong) if cx.session.is_some() => Ok(redirect("/")),
        Err(error) => {
            let l = cx.lang;
            let said = match error {
                SignInError::Wrong => text::signin_link_wrong(l).to_owned(),
                other => why(&cx, &other),
            };
            let inside = html! {
                section.card.narrow {
                    h1 { (text::signin_link_title(l)) }
                    (ui::note(Tone::Bad, html! { (said) }))
                    p { a.button href="/signin" { (text::signin_title(l)) } }
                }
            };
            let mut answer = layout::bare(&cx, text::signin_link_title(l), inside);
            *answer.status_mut() = axum::http::StatusCode::FORBIDDEN;
            Ok(answer)
        }
    }
}

fn admit(cx: &Cx, new: &NewSession, to: &str) -> Response {
    let mut answer = redirect(to);
    answer.headers_mut().append(axum::http::header::SET_COOKIE, session::set_cookie(&new.token, cx.tls));
    answer
}

fn why(cx: &Cx, error: &SignInError) -> String {
    let l = cx.lang;
    match error {
        SignInError::Wrong => text::signin_wrong(l).to_owned(),
        SignInError::Locked { until } => text::signin_locked(l, time::plain(cx, *until)),
        SignInError::Busy => text::signin_busy(l).to_owned(),
        SignInError::Store(error) => text::signin_failed(l, error.to_string()),
    }
}
