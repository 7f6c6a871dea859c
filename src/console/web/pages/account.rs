//! What belongs to the reader: who one is, the password, the browsers that are signed in, language and theme, going
//! out; and links for screens on walls, for administrators. A password is never sent back, not even in an error.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::command::{Command, Outcome, Role, Scope};
use crate::console::store::{Session, SignInWay};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::console::{password, session};
use crate::model::inventory::Inventory;
use crate::model::{Object, SecretText};

/// How long a preference is kept: a year.
const KEEP: u32 = 31_536_000;
/// Characters of a browser's name for itself that are shown.
const MAX_AGENT: usize = 80;

/// `GET /prefer?lang=en&theme=dark&back=/`
pub async fn prefer(cx: Cx) -> Answer {
    let mut answer = redirect(cx.query.text("back"));
    let lang = Lang::parse(cx.query.text("lang")).map(|l| ("lang", l.tag()));
    let theme = ["dark", "light"].into_iter().find(|t| *t == cx.query.text("theme")).map(|t| ("theme", t));
    let secure = if cx.tls { "; Secure" } else { "" };
    for (name, value) in [lang, theme].into_iter().flatten() {
        let cookie = format!("{name}={value}; Path=/; Max-Age={KEEP}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(answer)
}

/// `POST /signout`
pub async fn sign_out(cx: Cx) -> Answer {
    if let Some(session) = &cx.session {
        cx.service.store.sign_out(&session.id).await?;
    }
    let mut answer = redirect("/signin");
    answer.headers_mut().append(header::SET_COOKIE, session::clear_cookie(cx.tls));
    Ok(answer)
}

/// What is wrong with the fields of the password form.
#[derive(Default)]
struct Wrong {
    old: Option<String>,
    new: Option<String>,
    again: Option<String>,
}

/// `GET /account`
pub async fn page(cx: Cx) -> Answer {
    Ok(show(&cx, &Wrong::default(), None))
}

fn show(cx: &Cx, wrong: &Wrong, wall: Option<&str>) -> Response {
    let l = cx.lang;
    let Some(me) = &cx.session else { return redirect("/signin") };
    let said = match cx.query.text("said") {
        "changed" => Some((Tone::Good, text::account_said_changed(l))),
        "ended" => Some((Tone::Good, text::account_said_ended(l))),
        _ => None,
    };
    let inside = html! {
        (ui::heading(text::account_title(l), html! {}))
        @if let Some((tone, said)) = said { (ui::note(tone, html! { (said) })) }
        @if me.must_change { (ui::note(Tone::Warn, html! { (text::account_must(l)) })) }
        div.columns {
            div {
                @if !me.must_change { (about(cx, me)) }
                (password_form(cx, me, wrong))
            }
            div {
                (preferences(cx))
                @if cx.administers() && !me.must_change { (wall_form(cx, wall)) }
            }
        }
        @if !me.must_change {
            section.card { h2 { (text::account_sessions(l)) } (sessions(cx, &own(cx, me), "/account")) }
            @if cx.administers() { p.help { a href="/users" { (text::nav_users(l)) } " · " a href="/gallery" { (text::account_gallery(l)) } } }
        }
    };
    layout::page(cx, Place::None, text::account_title(l), inside)
}

fn about(cx: &Cx, me: &Session) -> Markup {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let facts = [
        (text::account_name(l), html! { (me.display) }),
        (text::account_id(l), html! { span.mono { (me.actor.name) } }),
        (text::account_role(l), html! { (role_word(l, me.actor.role)) }),
        (text::account_scope(l), scope(l, &inventory, &me.actor.scope)),
        (text::account_since(l), time::at(cx, me.created)),
    ];
    html! { section.card { (ui::facts(&facts)) } }
}

/// What a role is called.
pub(super) const fn role_word(l: Lang, role: Role) -> &'static str {
    match role {
        Role::Admin => text::account_role_admin(l),
        Role::Security => text::account_role_security(l),
        Role::Operator => text::account_role_operator(l),
        Role::Viewer => text::account_role_viewer(l),
        Role::Metrics => text::account_role_metrics(l),
    }
}

/// A scope in words.
pub(super) fn scope(l: Lang, inventory: &Inventory, scope: &Scope) -> Markup {
    match scope {
        Scope::All => html! { (text::account_scope_all(l)) },
        Scope::Regions(all) => {
            let names: Vec<String> =
                all.iter().map(|r| ui::object_name(inventory, &Object::Region(r.clone()))).collect();
            html! { (names.join(l.pick("、", ", "))) }
        }
    }
}

fn own(cx: &Cx, me: &Session) -> Vec<Session> {
    cx.service.store.sessions().into_iter().filter(|s| s.actor.name == me.actor.name).collect()
}

/// Sessions with a button to end each but the reader's own, which ends by signing out.
pub(super) fn sessions(cx: &Cx, all: &[Session], back: &str) -> Markup {
    let l = cx.lang;
    let this = cx.session.as_ref().map(|s| s.id.clone());
    html! {
        @if all.is_empty() { p.help { (text::account_sessions_none(l)) } } @else {
            div.scroll tabindex="0" { table.grid {
                thead { tr {
                    th { (text::account_session_who(l)) } th { (text::account_session_way(l)) } th { (text::account_session_from(l)) }
                    th.wide { (text::account_session_browser(l)) } th.wide { (text::account_session_began(l)) } th { (text::account_session_seen(l)) } th {}
                } }
                tbody { @for s in all { tr {
                    td { (s.display) br; small.mono { (s.actor.name) } }
                    td { (way(l, s.way)) }
                    td { (ui::or_none(&s.from)) }
                    td.wide { small { (ui::or_none(&s.agent.chars().take(MAX_AGENT).collect::<String>())) } }
                    td.wide { (time::at(cx, s.created)) }
                    td { (time::ago(cx, s.seen)) }
                    td {
                        @if this.as_ref() == Some(&s.id) { (badge::toned(Tone::Good, text::account_session_this(l))) }
                        @else { (form::button(cx, "/account/sessions/end", text::account_session_end(l), "danger", &[("id", &s.id), ("back", back)])) }
                    }
                } } }
            } }
        }
    }
}

fn way(l: Lang, way: SignInWay) -> Markup {
    match way {
        SignInWay::Password => html! { (text::account_way_password(l)) },
        SignInWay::Link => html! { (text::account_way_link(l)) },
        SignInWay::Wall => badge::toned(Tone::Info, text::account_way_wall(l)),
    }
}

/// `POST /account/sessions/end`
pub async fn end(cx: Cx) -> Answer {
    cx.command(None, Command::SessionEnd { id: cx.form.text("id").to_owned() }).await?;
    let back = if cx.form.text("back") == "/users" { "/users" } else { "/account" };
    Ok(redirect(&format!("{back}?said=ended")))
}

fn password_form(cx: &Cx, me: &Session, wrong: &Wrong) -> Markup {
    let l = cx.lang;
    if !me.actor.name.starts_with("user:") {
        return html! { section.card { h2 { (text::account_password(l)) } p.help { (text::account_password_none(l)) } } };
    }
    let field = |name, label, help, complete, error: &Option<String>| {
        let error = error.as_deref();
        let longest = password::LONGEST;
        form::input(&Field {
            name,
            label,
            kind: "password",
            help,
            error,
            required: true,
            longest,
            complete,
            ..Field::default()
        })
    };
    html! {
        section.card {
            h2 { (text::account_password(l)) }
            (form::post(cx, "/account/password", html! {
                (field("old", text::account_password_old(l), "", "current-password", &wrong.old))
                (field("new", text::account_password_new(l), text::account_password_help(l), "new-password", &wrong.new))
                (field("again", text::account_password_again(l), "", "new-password", &wrong.again))
                button.primary type="submit" { (text::account_password_change(l)) }
            }))
        }
    }
}

/// A password of a form, cut a little above the longest so that a longer one is refused, not shortened.
pub(super) fn given(cx: &Cx, field: &str) -> SecretText {
    let text = cx.form.get(field).unwrap_or_default();
    SecretText::new(text.chars().take(password::LONGEST + 1).collect::<String>())
}

/// `POST /account/password`
pub async fn change(cx: Cx) -> Answer {
    let l = cx.lang;
    let Some(me) = &cx.session else { return Ok(redirect("/signin")) };
    let (old, new, again) = (given(&cx, "old"), given(&cx, "new"), given(&cx, "again"));
    let name = me.actor.name.strip_prefix("user:").unwrap_or_default();
    let mut wrong = Wrong::default();
    if let Some(said) = password::weakness(name, &new) {
        wrong.new = Some(l.pick(&said.zh, &said.en).to_owned());
    } else if new.expose() != again.expose() {
        wrong.again = Some(text::account_password_differs(l).to_owned());
    } else {
        let command = Command::PasswordChange { old, new, keep: Some(me.id.clone()) };
        match cx.command(None, command).await {
            Ok(_) => return Ok(redirect("/account?said=changed")),
            Err(problem) if problem.en.contains("one of the last") => {
                wrong.new = Some(cx.problem(&problem).to_owned())
            }
            Err(problem) => wrong.old = Some(cx.problem(&problem).to_owned()),
        }
    }
    let mut answer = show(&cx, &wrong, None);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

fn preferences(cx: &Cx) -> Markup {
    let l = cx.lang;
    let theme = |name: &'static str, word: &'static str| {
        html! { a.button href={ "/prefer?theme=" (name) "&back=/account" } aria-current=[(cx.theme == name).then_some("true")] { (word) } " " }
    };
    html! {
        section.card {
            h2 { (text::account_language(l)) }
            p { @for other in Lang::ALL {
                a.button href={ "/prefer?lang=" (other.tag()) "&back=/account" } lang=(other.tag()) aria-current=[(other == l).then_some("true")] { (other.own_name()) } " "
            } }
            h2 { (text::account_theme(l)) }
            p { (theme("light", text::theme_light(l))) (theme("dark", text::theme_dark(l))) }
        }
    }
}

fn wall_form(cx: &Cx, error: Option<&str>) -> Markup {
    let l = cx.lang;
    let field = Field {
        name: "display",
        label: text::account_wall_name(l),
        help: text::account_wall_name_help(l),
        error,
        required: true,
        longest: 80,
        ..Field::default()
    };
    html! {
        section.card {
            h2 { (text::account_wall(l)) }
            p.help { (text::account_wall_help(l)) }
            (form::post(cx, "/account/wall", html! { (form::input(&field)) button type="submit" { (text::account_wall_make(l)) } }))
        }
    }
}

/// `POST /account/wall`
pub async fn wall(cx: Cx) -> Answer {
    let l = cx.lang;
    let command = Command::WallLink { display: cx.form.text("display").to_owned() };
    match cx.command(None, command).await {
        Ok(Outcome::Token { token, .. }) => Ok(shown_link(
            &cx,
            &token,
            text::account_wall(l),
            text::account_wall_made(l),
            ("/account", text::account_title(l)),
        )),
        Ok(_) => Ok(redirect("/account")),
        Err(problem) => {
            let mut answer = show(&cx, &Wrong::default(), Some(cx.problem(&problem)));
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(answer)
        }
    }
}

/// A page with a link that is shown this once.
pub(super) fn shown_link(cx: &Cx, token: &SecretText, title: &str, help: &str, back: (&str, &str)) -> Response {
    let l = cx.lang;
    let scheme = if cx.tls { "https" } else { "http" };
    let link = format!("{scheme}://{}/welcome?token={}", cx.authority, token.expose());
    let inside = html! {
        (ui::trail(&[back]))
        (ui::heading(title, html! {}))
        (ui::note(Tone::Good, html! { strong { (text::account_link_once(l)) } }))
        section.card {
            p { (help) }
            pre #one-time-link { (link) }
            p { button type="button" data-copy="one-time-link" data-done=(text::enroll_copied(l)) { (text::enroll_copy(l)) } }
        }
        p { a.button href=(back.0) { (back.1) } }
    };
    layout::page(cx, Place::None, title, inside)
}

#[cfg(test)]
mod tests;
