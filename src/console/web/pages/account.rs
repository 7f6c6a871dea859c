//! What belongs to the reader: language and theme, going out. Preferences are cookies that hold a word from a
//! short list and nothing about a person.

use axum::http::{HeaderValue, header};

use crate::console::session;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;

/// How long a preference is kept: a year.
const KEEP: u32 = 31_536_000;

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
