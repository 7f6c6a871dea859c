//! The JSON API below `/api/v1`, with `/healthz`, `/readyz` and the metrics pages: what a person, a page and
//! Prometheus ask the console. Every path goes through one gate, made from the table in `route`: who asks,
//! may they, are the query's names known, is the body small enough. Agents have a door of their own: `ingest`.

pub mod accounts;
pub mod admin;
pub mod call;
pub mod discoveries;
pub mod events;
pub mod graded;
pub mod imports;
pub mod incidents;
pub mod inventory;
pub mod keys;
pub mod maintenance;
pub mod objects;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod route;
pub mod shape;
pub mod statistics;
pub mod topology;
pub mod walks;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::{Value, json};

use self::problem::Problem;
use self::query::Query;
use self::route::{Body as Takes, Call, Needs, Reply, Route};
use crate::console::auth;
use crate::console::command::{Page, Scope};
use crate::console::metrics;
use crate::console::service::Service;
use crate::console::store::StoreError;

/// The largest JSON body: an action is a few hundred bytes, a long note 4,000.
const MAX_JSON: usize = 64 << 10;
/// The largest JSON body that carries a list: 1,024 findings of 700 bytes.
const MAX_LONG_JSON: usize = 1 << 20;
/// The largest inventory: 10,000 assets of 400 bytes, four times over.
const MAX_TOML: usize = 16 << 20;
/// The longest a request may take before it is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The router of pages and API.
pub fn router(service: Service) -> Router {
    let mut router = Router::new();
    for route in route::all() {
        let path = format!("/api/v1{}", route.path);
        router = router.route(&path, method(route, service.clone()));
    }
    let (health, ready, page, objects) = (service.clone(), service.clone(), service.clone(), service.clone());
    router
        .route("/healthz", plain_get("/healthz", health, |service, _, _| Box::pin(metrics::healthz(service))))
        .route("/readyz", plain_get("/readyz", ready, |service, _, _| Box::pin(metrics::readyz(service))))
        .route("/metrics", plain_get("/metrics", page, |s, h, e| Box::pin(metrics::page(s, h, e))))
        .route(
            "/metrics/objects",
            plain_get("/metrics/objects", objects, |s, h, e| Box::pin(metrics::objects(s, h, e))),
        )
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
}

type PlainAnswer = std::pin::Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;
type Plain = fn(Service, HeaderMap, axum::http::Extensions) -> PlainAnswer;

/// A page outside the table: guards itself, takes no query.
fn plain_get(path: &'static str, service: Service, run: Plain) -> MethodRouter {
    axum::routing::get(move |request: Request| async move {
        let began = service.clock.mono();
        let (head, _) = request.into_parts();
        let answer = match Query::read(head.uri.query().unwrap_or_default(), &[]) {
            Ok(_) => run(service.clone(), head.headers.clone(), head.extensions).await,
            Err(problem) => Err(problem),
        };
        let answer = answer.unwrap_or_else(|problem| problem.respond(&head.headers));
        service.meters.request(path, answer.status().as_u16(), service.clock.mono().since(began));
        answer
    })
}

fn method(route: &'static Route, service: Service) -> MethodRouter {
    let filter = match route.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    MethodRouter::new().on(filter, move |parts: RawPathParams, request: Request| async move {
        let began = service.clock.mono();
        let headers = request.headers().clone();
        let work = pass(route, service.clone(), parts, request);
        let answer = match service.clock.until(began.plus(TIMEOUT), work).await {
            Some(Ok(reply)) => respond(reply),
            Some(Err(problem)) => problem.respond(&headers),
            None => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "请求超时；请稍后重试或缩小条件",
                "the request took too long; try again or ask for less",
            )
            .retry_after(5)
            .respond(&headers),
        };
        service.meters.request(route.path, answer.status().as_u16(), service.clock.mono().since(began));
        answer
    })
}

/// The gate.
async fn pass(
    route: &'static Route,
    service: Service,
    parts: RawPathParams,
    request: Request,
) -> Result<Reply, Problem> {
    let (head, body) = request.into_parts();
    let actor = auth::actor(&service, &head.method, &head.headers, &head.extensions).await?;
    if !route.needs.lets(&actor) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("角色 `{}` 无权执行此操作；需要 `{}`", actor.role.as_str(), route.needs.as_str()),
            format!("role `{}` may not do this; it needs `{}`", actor.role.as_str(), route.needs.as_str()),
        ));
    }
    // What an administrator reads and changes belongs to no region.
    if route.needs == Needs::Admin && actor.scope != Scope::All {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "此操作涉及所有区划；请使用不限区划的令牌",
            "this is about more than any region: use a token that is not limited to regions",
        ));
    }
    let query = Query::read(head.uri.query().unwrap_or_default(), route.takes)?;
    let body = read_body(route, body).await?;
    let says = |name, what: &str| {
        head.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).is_some_and(|v| v.contains(what))
    };
    let path: BTreeMap<String, String> = parts.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let wants_toml = says(header::ACCEPT, "application/toml");
    let wants_chinese = problem::wants_chinese(&head.headers);
    (route.run)(Call { service, actor, path, query, body, wants_toml, wants_chinese }).await
}

async fn read_body(route: &Route, body: Body) -> Result<Bytes, Problem> {
    let most = match route.body {
        Takes::No => 0,
        Takes::Json(_) => MAX_JSON,
        Takes::LongJson(_) => MAX_LONG_JSON,
        Takes::Toml => MAX_TOML,
        Takes::File => crate::config::import::MAX_FILE,
    };
    axum::body::to_bytes(body, most).await.map_err(|_| {
        let (zh, en) = match most {
            0 => ("此接口不接受请求体".to_owned(), "this path takes no body".to_owned()),
            most => (
                format!("请求体超过 {most} 字节或传输中断；请分批发送"),
                format!("the body is longer than {most} bytes, or broke off; send less at once"),
            ),
        };
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, zh, en)
    })
}

fn respond(reply: Reply) -> Response {
    let (kind, mut answer) = match reply {
        Reply::Json(value) => ("application/json", value.to_string().into_response()),
        Reply::Text(kind, text) => (kind, text.into_response()),
        Reply::File { kind, name, bytes } => {
            let mut answer = bytes.into_response();
            if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
                answer.headers_mut().insert(header::CONTENT_DISPOSITION, value);
            }
            (kind, answer)
        }
    };
    let list = answer.headers_mut();
    list.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Answers depend on who asks, and on the moment.
    list.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    list.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

async fn unknown_path(headers: HeaderMap) -> Response {
    Problem::new(
        StatusCode::NOT_FOUND,
        "没有此路径；可用路径见 /api/v1/openapi.json",
        "there is no such path; /api/v1/openapi.json lists them",
    )
    .respond(&headers)
}

async fn wrong_method(method: Method, headers: HeaderMap) -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("此路径不支持 {method}；可用方法见 /api/v1/openapi.json"),
        format!("this path takes no {method}; /api/v1/openapi.json lists what it takes"),
    )
    .respond(&headers)
}

/// A list.
pub(super) fn page(items: Vec<Value>, next: Option<String>) -> Reply {
    Reply::Json(json!({ "items": items, "next": next }))
}

/// One page of things that are in memory, in order of their keys.
fn page_of<T>(
    all: impl Iterator<Item = T>,
    page: &Page,
    key: impl Fn(&T) -> String,
    show: impl Fn(T) -> Value,
) -> Result<Reply, Problem> {
    let mut rest = all.skip_while(|item| page.after.as_ref().is_some_and(|after| key(item) <= *after)).peekable();
    let (mut items, mut last) = (Vec::new(), None);
    for item in rest.by_ref().take(page.limit) {
        last = Some(key(&item));
        items.push(show(item));
    }
    let next = last.filter(|_| rest.peek().is_some());
    Ok(self::page(items, next))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Request(_) => Self::wrong(error.to_string(), error.to_string()),
            StoreError::Busy(_) | StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("存储繁忙或正在停止：{error}"), error.to_string())
                    .retry_after(1)
            }
            _ => {
                tracing::error!(%error, "the store failed a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("存储失败：{error}"), error.to_string())
                    .retry_after(5)
            }
        }
    }
}

#[cfg(test)]
mod tests;
