//! The console as Prometheus sees it: `/metrics` is about itself and in sums, `/metrics/objects` has the newest
//! value of every series; `/healthz` says that the process lives, `/readyz` that it does its work.

pub mod meters;
pub mod process;
pub(in crate::console) mod snapshot;

use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::console::api::objects::regions_of;
use crate::console::api::problem::Problem;
use crate::console::auth;
use crate::console::command::Scope;
use crate::console::service::Service;
use crate::engine::expose::text::{Dialect, Text};
use crate::model::RegionId;

/// `GET /metrics`
pub async fn page(service: Service, headers: HeaderMap, extensions: Extensions) -> Result<Response, Problem> {
    let scope = auth::metrics_reader(&service, &headers, &extensions).await?;
    if scope != Scope::All {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "`/metrics` 需要不限区划的令牌；限定区划的令牌请读取 `/metrics/objects`",
            "`/metrics` needs a token without regions; with one for regions read `/metrics/objects`",
        ));
    }
    let dialect = dialect(&headers);
    let mut out = Text::new(dialect, 32 << 10);
    service.meters.write(&mut out);
    process::write(&mut out);
    snapshot::write(&service, &mut out).await?;
    Ok(text(dialect, out.finish()))
}

/// `GET /metrics/objects`
pub async fn objects(service: Service, headers: HeaderMap, extensions: Extensions) -> Result<Response, Problem> {
    let scope = auth::metrics_reader(&service, &headers, &extensions).await?;
    let (_, inventory) = service.store.inventory();
    let regions: Option<Vec<RegionId>> = regions_of(&inventory, &scope).map(|all| all.into_iter().collect());
    let dialect = dialect(&headers);
    let written = service.exposition().write(dialect, regions.as_deref(), service.clock.mono());
    Ok(text(dialect, written))
}

fn dialect(headers: &HeaderMap) -> Dialect {
    Dialect::of_accept(headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()))
}

fn text(dialect: Dialect, body: String) -> Response {
    let mut answer = body.into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(dialect.content_type()));
    answer
}

/// `GET /healthz`: the process lives and answers.
pub async fn healthz(_service: Service) -> Result<Response, Problem> {
    Ok(json_text(StatusCode::OK, json!({ "status": "ok" }).to_string()))
}

/// `GET /readyz`: the store answers, its writer keeps up, plans are built.
pub async fn readyz(service: Service) -> Result<Response, Problem> {
    let store = match service.store.incident_counts().await {
        Ok(_) if service.store.stats().queued < snapshot::QUEUE_FULL => Ok(()),
        Ok(_) => Err("the writer does not keep up; look at the disk".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let planner = if service.planner_ready() { Ok(()) } else { Err("plans are being built".to_owned()) };
    let ready = store.is_ok() && planner.is_ok();
    let word = |state: &Result<(), String>| state.as_ref().err().map_or("ok", String::as_str).to_owned();
    let body = json!({
        "status": if ready { "ok" } else { "not ready" },
        "store": word(&store),
        "planner": word(&planner),
        "definitions": if service.reload().ok { "ok" } else { "the files are wrong, older definitions run on; see /api/v1/definitions" },
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(json_text(status, body.to_string()))
}

fn json_text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
