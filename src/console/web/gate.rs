//! The gate in front of the pages: who is signed in, is the form really from one of our pages, is the body
//! small enough, which language. What comes out is a `Cx`, or a page that says what to do. Every answer carries
//! the headers that keep scripts, frames and forms of others out.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};

use super::cx::{self, Cx, Params, Upload};
use super::lang::Lang;
use super::{Door, PAGES, PageRoute, assets, layout, live};
use crate::console::api::problem::Problem;
use crate::console::service::Service;
use crate::console::session;
use crate::console::store::SignInWay;
use crate::net::listen::{PeerAddr, PeerTls};

/// The longest a page may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// The longest query of a page.
const MAX_QUERY: usize = 4_096;
/// What somebody may open whose password must be changed first.
const BEFORE_CHANGE: [&str; 3] = ["/account", "/account/password", "/signout"];
/// What a browser may do with our pages. Charts draw on canvas; nothing is inline, nothing comes from elsewhere.
const CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The API's router with the pages beside it.
pub fn with_pages(api: Router, service: &Service) -> Router {
    let mut router = api;
    for route in PAGES {
        router = router.route(route.path, method(route, service.clone()));
    }
    let (events, lost) = (service.clone(), service.clone());
    router
        .route(
            "/static/{file}",
            axum::routing::get(|path: axum::extract::Path<String>, headers: HeaderMap| async move {
                assets::serve(&path, &headers)
            }),
        )
        .route("/live", axum::routing::get(move |request: Request| live::stream(events.clone(), request)))
        .fallback(move |request: Request| not_found(lost.clone(), request))
}

/// What nobody serves: a page for people, a problem for programs.
async fn not_found(service: Service, request: Request) -> Response {
    let problem = Problem::new(
        StatusCode::NOT_FOUND,
        "没有此页面；接口路径见 /api/v1/openapi.json",
        "there is no such page; /api/v1/openapi.json lists the paths of the API",
    );
    let (head, _) = request.into_parts();
    let accepts = head.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if head.uri.path().starts_with("/api/") || !accepts.contains("text/html") {
        return problem.respond(&head.headers);
    }
    let cx = Cx(request_of(service, &head, BTreeMap::new()).into());
    let mut answer = layout::problem(&cx, &problem);
    guard(answer.headers_mut());
    answer
}

fn method(route: &'static PageRoute, service: Service) -> MethodRouter {
    let filter = if route.method == "POST" { MethodFilter::POST } else { MethodFilter::GET };
    MethodRouter::new().on(filter, move |parts: RawPathParams, request: Request| async move {
        let began = service.clock.mono();
        let path = parts.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let mut answer =
            match service.clock.until(began.plus(TIMEOUT), pass(route, service.clone(), path, request)).await {
                Some(answer) => answer,
                None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            };
        guard(answer.headers_mut());
        service.meters.request(route.path, answer.status().as_u16(), service.clock.mono().since(began));
        answer
    })
}

/// The headers of every page.
fn guard(list: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        list.insert(name, HeaderValue::from_static(value));
    }
    list.insert(
        "permissions-policy",
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"),
    );
    list.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
}

async fn pass(
    route: &'static PageRoute,
    service: Service,
    path: BTreeMap<String, String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let mut inner = request_of(service, &head, path);
    let may = allowed(route, &inner);
    let same = session::same_origin(&head.headers);
    if may.is_ok() && route.method == "POST" {
        let read = read_form(route, head.headers, body, &mut inner).await;
        let cx = Cx(inner.into());
        return match read.and_then(|()| genuine(route, &cx, same)) {
            Ok(()) => answer(route, cx).await,
            Err(problem) => layout::problem(&cx, &problem),
        };
    }
    let cx = Cx(inner.into());
    match may {
        Ok(()) => answer(route, cx).await,
        // A password that somebody else chose is changed before anything else is seen.
        Err(_) if cx.session.as_ref().is_some_and(|s| s.must_change) => layout::go_to(&cx, "/account?said=must"),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => {
            layout::sign_in_first(&cx, route.method == "GET")
        }
        Err(problem) => layout::problem(&cx, &problem),
    }
}

/// Everything about a request but its form. Who is signed in counts as active unless only a region is fetched
/// again, which a page does by itself.
fn request_of(service: Service, head: &axum::http::request::Parts, path: BTreeMap<String, String>) -> cx::Request {
    let headers = &head.headers;
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let fragment = headers.contains_key("hx-request");
    let from = head.extensions.get::<PeerAddr>().map(|a| a.0.ip().to_canonical().to_string()).unwrap_or_default();
    cx::Request {
        lang: session::cookie_of(headers, "lang").and_then(Lang::parse).unwrap_or_default(),
        theme: match session::cookie_of(headers, "theme") {
            Some("dark") => "dark",
            Some("light") => "light",
            _ => "",
        },
        session: session::cookie(headers).and_then(|token| {
            let found = if fragment { service.store.session_look(token) } else { service.store.session(token) };
            found.or_else(|| service.store.session_wall(token, &from))
        }),
        query: Params::read(query.get(..MAX_QUERY.min(query.len())).unwrap_or_default().as_bytes()),
        form: Params::default(),
        uploads: Vec::new(),
        path,
        uri: cx::local(head.uri.path_and_query().map_or("/", |p| p.as_str())),
        zone: service.zone.clone(),
        now: service.clock.wall(),
        newest: service.live.newest(),
        fragment,
        tls: head.extensions.get::<PeerTls>().is_some(),
        from,
        authority: Some(text(header::HOST)).filter(|h| !host_of(h).is_empty()).unwrap_or("localhost").to_owned(),
        host: host_of(text(header::HOST)),
        user_agent: text(header::USER_AGENT).chars().take(200).collect(),
        service,
    }
}

/// The host of a `Host` header without its port; nothing if it holds what no host name does.
fn host_of(header: &str) -> String {
    let port = header.rfind(':').filter(|at| !header.get(*at..).is_some_and(|rest| rest.contains(']')));
    let host = port.and_then(|at| header.get(..at)).unwrap_or(header);
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.chars().all(fine) { host.to_owned() } else { String::new() }
}

async fn answer(route: &'static PageRoute, cx: Cx) -> Response {
    match (route.run)(cx.clone()).await {
        Ok(answer) => answer,
        Err(problem) => layout::problem(&cx, &problem),
    }
}

/// May whoever is signed in open this page?
fn allowed(route: &PageRoute, cx: &cx::Request) -> Result<(), Problem> {
    let Door::Needs(needs) = route.door else { return Ok(()) };
    let Some(session) = &cx.session else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "请先登录", "sign in first"));
    };
    if session.must_change && !BEFORE_CHANGE.contains(&route.path) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "密码由他人设置；请先修改密码",
            "the password was set by somebody else; change it first",
        ));
    }
    if session.way == SignInWay::Wall && route.method != "GET" && route.path != "/signout" {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "大屏会话只能查看；请用自己的账户登录后操作",
            "a wall only shows; sign in with an account of your own to change anything",
        ));
    }
    let role = session.actor.role;
    if needs.lets(&session.actor) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        format!("角色 `{}` 无权使用此页面；需要 `{}`", role.as_str(), needs.as_str()),
        format!("role `{}` may not use this page; it needs `{}`", role.as_str(), needs.as_str()),
    ))
}

/// Was the form sent by one of our own pages, for this session?
fn genuine(route: &PageRoute, cx: &Cx, same_origin: bool) -> Result<(), Problem> {
    let token = match (&cx.session, route.door) {
        (Some(session), Door::Needs(_)) => session::csrf_matches(cx.form.text("csrf"), &session.csrf),
        _ => true,
    };
    if same_origin && token {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "表单已过期或来自其他网站；请返回页面刷新后重试",
        "the form is too old, or another site sent it; go back, reload the page and try again",
    ))
}

async fn read_form(route: &PageRoute, headers: HeaderMap, body: Body, into: &mut cx::Request) -> Result<(), Problem> {
    let too_long = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("提交内容超过 {} 字节或传输中断；请减少后重试", route.body),
            format!("what was sent is longer than {} bytes, or broke off; send less", route.body),
        )
    };
    let bytes: Bytes = axum::body::to_bytes(body, route.body).await.map_err(|_| too_long())?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    if !kind.starts_with("multipart/form-data") {
        into.form = Params::read(&bytes);
        return Ok(());
    }
    let broken = |_| {
        Problem::wrong("表单格式有误；请重新选择文件后提交", "the form is broken; choose the file again and send it")
    };
    let mut request = Request::new(Body::from(bytes));
    *request.headers_mut() = headers;
    let mut parts = Multipart::from_request(request, &()).await.map_err(|e| broken(e.to_string()))?;
    while let Some(part) = parts.next_field().await.map_err(|e| broken(e.to_string()))? {
        let field = part.name().unwrap_or_default().to_owned();
        match part.file_name().map(str::to_owned) {
            Some(name) => {
                let bytes = part.bytes().await.map_err(|e| broken(e.to_string()))?;
                into.uploads.push(Upload { field, name, bytes });
            }
            None => into.form.0.push((field, part.text().await.map_err(|e| broken(e.to_string()))?)),
        }
    }
    Ok(())
}
