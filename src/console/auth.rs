//! Who is asking: the user at the admin socket, whoever holds a token, or a signed-in browser, which must show
//! that one of our own pages sends what changes anything. Nothing else is an identity; a loopback address alone
//! opens the metrics endpoints and no more.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};

use crate::console::api::problem::Problem;
use crate::console::command::{Actor, Role, Scope};
use crate::console::service::Service;
use crate::console::session;
use crate::net::listen::{PeerAddr, PeerUid};

/// The longest token that is looked at, in bytes; ours have about 50.
const MAX_TOKEN: usize = 200;

/// The principal of a request, or why there is none.
pub async fn actor(
    service: &Service,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor, Problem> {
    if let Some(PeerUid(uid)) = extensions.get::<PeerUid>() {
        return Ok(Actor { name: Arc::from(format!("local:{uid}")), role: Role::Admin, scope: Scope::All });
    }
    let Some(token) = bearer(headers)? else {
        return match session::cookie(headers) {
            Some(token) => browser(service, method, headers, extensions, token),
            None => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "需要令牌：请求头写 `Authorization: Bearer TOKEN`；用 `fengsui token create --role ROLE` 生成",
                "a token is needed: send `Authorization: Bearer TOKEN`; `fengsui token create --role ROLE` makes one",
            )),
        };
    };
    service.store.token_check(token).ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "令牌无效、已过期或已吊销；用 `fengsui token create --role ROLE` 重新生成",
            "the token is unknown, expired or revoked; `fengsui token create --role ROLE` makes a new one",
        )
    })
}

/// A signed-in browser. Reading does not count as activity: scripts of an open page read by themselves.
fn browser(
    service: &Service,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
    token: &str,
) -> Result<Actor, Problem> {
    let reads = *method == Method::GET;
    let found = if reads { service.store.session_look(token) } else { service.store.session(token) };
    let from = extensions.get::<PeerAddr>().map(|a| a.0.ip().to_canonical().to_string()).unwrap_or_default();
    let Some(session) = found.or_else(|| service.store.session_wall(token, &from)) else {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "登录已失效；请重新登录",
            "the session has ended; sign in again",
        ));
    };
    let given = headers.get(session::CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let ours = session::same_origin(headers) && session::csrf_matches(given, &session.csrf);
    if !reads && !ours {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "请求不是由本管理中心的页面发出的；请刷新页面后重试，程序请改用令牌",
            "no page of this console sent this; reload the page and try again, a program uses a token",
        ));
    }
    if session.must_change {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "密码由他人设置；请先修改密码",
            "the password was set by somebody else; change it first",
        ));
    }
    Ok(session.actor)
}

/// The regions whose metrics a request may read; `Scope::All` for a request from this machine without a token.
pub async fn metrics_reader(
    service: &Service,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Scope, Problem> {
    let local = extensions.get::<PeerAddr>().is_some_and(|PeerAddr(a)| a.ip().to_canonical().is_loopback());
    // A gateway on this machine speaks for others; they need a token.
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if local && !forwarded && !headers.contains_key(header::AUTHORIZATION) {
        return Ok(Scope::All);
    }
    Ok(actor(service, &Method::GET, headers, extensions).await?.scope)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|v| {
        let (scheme, token) = v.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    match token {
        Some(token) if !token.is_empty() && token.len() <= MAX_TOKEN => Ok(Some(token)),
        _ => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "`Authorization` 请求头应为 `Bearer TOKEN`",
            "the `Authorization` header must read `Bearer TOKEN`",
        )),
    }
}
