//! The frame around every page: brand, navigation, language, theme, who is signed in, and whether what is shown
//! is still live. Also the pages that say what went wrong. It looks nothing up that costs time.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::cx::{Cx, redirect};
use super::lang::Lang;
use super::{assets, text, ui};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;

/// Where in the navigation a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/`
    Overview,
    /// `/incidents`
    Incidents,
    /// `/assets`
    Assets,
    /// `/links`
    Links,
    /// `/events`
    Events,
    /// `/baseline`
    Baseline,
    /// `/maintenance`
    Maintenance,
    /// `/agents`
    Agents,
    /// `/definitions`
    Definitions,
    /// `/import`, `/setup`
    Import,
    /// `/audit`
    Audit,
    /// `/users`
    Users,
    /// Nowhere in it.
    None,
}

/// A page of ours, in its frame; only its inside for a region that is fetched again.
pub fn page(cx: &Cx, place: Place, title: &str, inside: Markup) -> Response {
    if cx.fragment {
        return inside.into_response();
    }
    frame(cx, Frame::Full(place), title, inside).into_response()
}

/// A page without navigation: sign-in, set-up.
pub fn bare(cx: &Cx, title: &str, inside: Markup) -> Response {
    frame(cx, Frame::Bare, title, inside).into_response()
}

/// A page for a wall: nothing around it, everything large.
pub fn wall(cx: &Cx, title: &str, inside: Markup) -> Response {
    if cx.fragment {
        return inside.into_response();
    }
    frame(cx, Frame::Wall, title, inside).into_response()
}

/// What stands around a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Navigation, brand, language, who is signed in.
    Full(Place),
    /// Language and theme.
    Bare,
    /// Whether it is live.
    Wall,
}

fn frame(cx: &Cx, around: Frame, title: &str, inside: Markup) -> Markup {
    let theme = (!cx.theme.is_empty()).then_some(cx.theme);
    html! {
        (DOCTYPE)
        html lang=(cx.lang.tag()) data-theme=[theme] class=[(around == Frame::Wall).then_some("wall")] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · " (text::brand(cx.lang)) }
                link rel="icon" href=(assets::url("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::url("style.css"));
                script defer src=(assets::url("app.js")) {}
            }
            body class=[(around == Frame::Bare).then_some("bare")] data-live=[cx.session.as_ref().map(|_| &cx.newest)]
                data-stale=(text::live_stale(cx.lang)) data-opened=(text::live_opened(cx.lang)) {
                a.skip href="#main" { (text::skip_to_content(cx.lang)) }
                @if cx.service.demo().is_some() {
                    p.demo { strong { (text::demo_badge(cx.lang)) } " " (text::demo_line(cx.lang)) }
                }
                @match around {
                    Frame::Full(place) => { (top(cx)) (navigation(cx, place)) }
                    Frame::Bare => (corner(cx)),
                    Frame::Wall => (live_sign(cx)),
                }
                main #main tabindex="-1" { (inside) }
                div #announce .unseen aria-live="polite" {}
            }
        }
    }
}

/// No evaluation, no inline styles, no other site, no copies of pages in the browser's storage.
const HTMX: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0,"allowScriptTags":false}"#;

fn top(cx: &Cx) -> Markup {
    html! {
        header.top {
            a.brand href="/" { img src=(assets::url("icon.svg")) alt="" width="28" height="28"; span { (text::brand(cx.lang)) } }
            (live_sign(cx))
            (corner(cx))
        }
    }
}

/// Says whether what is shown is still live.
fn live_sign(cx: &Cx) -> Markup {
    html! { span #live .live title=(text::live_on(cx.lang)) { (ui::icon("dot")) span { (text::live_on(cx.lang)) } } }
}

/// Language, theme, and who is signed in.
fn corner(cx: &Cx) -> Markup {
    let back = encode(&cx.uri);
    let other = cx.lang.other();
    let theme = if cx.theme == "dark" { "light" } else { "dark" };
    html! {
        div.corner {
            a.quiet href={ "/prefer?lang=" (other.tag()) "&back=" (back) } hreflang=(other.tag()) lang=(other.tag()) { (other.own_name()) }
            a.quiet href={ "/prefer?theme=" (theme) "&back=" (back) } {
                @if theme == "dark" { (text::theme_dark(cx.lang)) } @else { (text::theme_light(cx.lang)) }
            }
            @if let Some(session) = &cx.session {
                a.quiet href="/account" { (ui::icon("person")) " " (session.display) }
                form method="post" action="/signout" { (ui::form::csrf(cx)) button.quiet type="submit" { (text::sign_out(cx.lang)) } }
            }
        }
    }
}

fn navigation(cx: &Cx, place: Place) -> Markup {
    let l: Lang = cx.lang;
    let items = [
        (Place::Overview, "/", "overview", text::nav_overview(l), true),
        (Place::Incidents, "/incidents", "incident", text::nav_incidents(l), true),
        (Place::Assets, "/assets", "asset", text::nav_assets(l), true),
        (Place::Links, "/links", "link", text::nav_links(l), true),
        (Place::Events, "/events", "log", text::nav_events(l), true),
        (Place::Baseline, "/baseline", "audit", text::nav_baseline(l), true),
        (Place::Maintenance, "/maintenance", "clock", text::nav_maintenance(l), true),
        (Place::Agents, "/agents", "agent", text::nav_agents(l), true),
        (Place::Definitions, "/definitions", "definition", text::nav_definitions(l), true),
        (Place::Import, "/import", "import", text::nav_import(l), cx.administers()),
        (Place::Audit, "/audit", "audit", text::nav_audit(l), cx.administers()),
        (Place::Users, "/users", "person", text::nav_users(l), cx.administers()),
    ];
    html! {
        nav.side aria-label=(text::nav_label(l)) {
            // A menu that opens and closes without scripts, on narrow screens only.
            details.menu { summary { (ui::icon("menu")) " " (text::nav_menu(l)) } (list(&items, place)) }
            div.wide { (list(&items, place)) }
        }
    }
}

fn list(items: &[(Place, &'static str, &'static str, &'static str, bool)], here: Place) -> Markup {
    html! {
        ul {
            @for (place, href, icon, name, _) in items.iter().filter(|i| i.4) {
                li { a href=(href) aria-current=[(*place == here).then_some("page")] { (ui::icon(icon)) " " (name) } }
            }
        }
    }
}

/// The page of a refused or failed request.
pub fn problem(cx: &Cx, problem: &Problem) -> Response {
    let l = cx.lang;
    let said = cx.problem(problem);
    let inside = html! {
        section.card.narrow {
            h1 { (problem.status.as_u16()) " " (match problem.status {
                StatusCode::NOT_FOUND => text::problem_not_found(l),
                StatusCode::FORBIDDEN => text::problem_forbidden(l),
                _ => text::problem_title(l),
            }) }
            (ui::note(ui::Tone::Bad, html! { (said) }))
            @if !problem.errors.is_empty() { ul { @for line in &problem.errors { li { code { (line) } } } } }
            p { a.button href="/" { (text::problem_home(l)) } }
        }
    };
    let around = cx.session.as_ref().map_or(Frame::Bare, |_| Frame::Full(Place::None));
    let mut answer = frame(cx, around, said, inside).into_response();
    *answer.status_mut() = problem.status;
    if let Some(seconds) = problem.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// To the sign-in page, and back afterwards. A region that is fetched again makes the whole page go there.
pub fn sign_in_first(cx: &Cx, get: bool) -> Response {
    let back =
        if get && !cx.fragment && cx.uri != "/" { format!("?back={}", encode(&cx.uri)) } else { String::new() };
    let to = format!("/signin{back}");
    if cx.fragment { go_to(cx, "/signin") } else { redirect(&to) }
}

/// Sends the browser to a page of ours; a region that is fetched again makes the whole page go there.
pub fn go_to(cx: &Cx, to: &'static str) -> Response {
    if !cx.fragment {
        return redirect(to);
    }
    let mut answer = StatusCode::UNAUTHORIZED.into_response();
    answer.headers_mut().insert("hx-redirect", HeaderValue::from_static(to));
    answer
}
