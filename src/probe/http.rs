//! `http`: one request, its phases timed apart, its answer checked. A new look-up and a new connection each time,
//! unless told otherwise, and no redirect is followed: what is measured is this URL on this host, as a first visitor
//! meets it, not wherever it leads.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::Value;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::certificate::Check;
use crate::net::fetch::{Fetched, Line, Order, Phases};
use crate::net::resolver::Family;
use crate::probe::assertion::{self, Assertions};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

/// Of the phases of a request: the name,
pub(super) const RESOLVE: Field = Field::gauge("resolve_seconds", "域名解析耗时（秒）", "time to resolve the name");
/// the connection,
pub(super) const CONNECT: Field =
    Field::gauge("connect_seconds", "建立连接的耗时（秒）", "time until the connection stood");
/// the handshake,
pub(super) const TLS: Field = Field::gauge("tls_seconds", "TLS 握手耗时（秒）", "time of the TLS handshake");
/// the wait for an answer,
pub(super) const FIRST_BYTE: Field =
    Field::gauge("first_byte_seconds", "首字节耗时（秒）", "from the request to the head of its answer");
/// what it says,
pub(super) const STATUS: Field = Field::gauge("status_code", "HTTP 状态码", "status code");
/// and how much of it.
pub(super) const BODY: Field = Field::gauge("body_bytes", "正文字节数", "bytes of the body that were read");

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "http",
    zh: "HTTP/HTTPS 访问：分阶段耗时、状态码与内容",
    en: "one HTTP request: time by phase, status and content",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Url,
    settings: &[
        SettingDef {
            name: "path",
            kind: SettingType::Text(2048),
            default: None,
            zh: "替换 URL 中的路径（含查询串），以 / 开头",
            en: "replaces path and query of the URL; starts with /",
        },
        SettingDef {
            name: "method",
            kind: SettingType::Choice(&["GET", "HEAD"]),
            default: Some("'GET'"),
            zh: "请求方法",
            en: "request method",
        },
        assertion::STATUS,
        assertion::BODY_CONTAINS,
        assertion::BODY_LACKS,
        assertion::BODY_MATCHES,
        assertion::JSON,
        SettingDef {
            name: "verify",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否校验服务器证书",
            en: "whether the server's certificate is verified",
        },
        SettingDef {
            name: "max_body",
            kind: SettingType::Int(0, 67_108_864),
            default: Some("1048576"),
            zh: "最多读取的正文字节数",
            en: "most bytes of the body that are read",
        },
        SettingDef {
            name: "reuse",
            kind: SettingType::Bool,
            default: Some("false"),
            zh: "是否沿用上次的连接；沿用时不测解析、建连和握手",
            en: "whether the connection of the run before is used again; what that spares is not measured",
        },
        crate::probe::CA_FILE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("http"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                RESOLVE,
                CONNECT,
                TLS,
                FIRST_BYTE,
                Field::gauge("total_seconds", "总耗时（秒）", "from the start to the last byte read"),
                STATUS,
                BODY,
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let settings = &task.settings;
    let url = task.target.url.as_deref().ok_or("it has no URL")?;
    let check = if settings.bool("verify") { Check::Verify } else { Check::TakeAny };
    let ca_file = settings.text("ca_file").map(Path::new);
    let max_body = settings.int("max_body").and_then(|v| usize::try_from(v).ok()).unwrap_or(0);
    let order = Order::new(url, settings.text("path"), check, ca_file)?
        .max_body(max_body)
        .family(Family::of_setting(settings.text("family")));
    let order = order.method(settings.text("method").unwrap_or("GET"));
    let wanted = Assertions::of(settings)?;
    Ok(Box::new(Http { task: task.clone(), order, wanted, reuse: settings.bool("reuse"), line: None }))
}

struct Http {
    task: Arc<Task>,
    order: Order,
    wanted: Assertions,
    reuse: bool,
    /// What the run before left, where it may be used again.
    line: Option<Line>,
}

impl Prober for Http {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let fetched = if self.reuse {
                self.order.fetch_on(&mut self.line, deadline, &cx.clock).await
            } else {
                self.order.fetch(deadline, &cx.clock).await
            };
            let took = cx.clock.mono().since(began);
            let rows = vec![target_row(&SPEC.schema, &self.task, values(&fetched))];
            match fetched.error.clone().or_else(|| self.wanted.wrong(&fetched, &str::to_owned)) {
                // Nothing was measured when it did not even resolve.
                Some(error) if fetched.phases == Phases::default() => Run::error(error, Vec::new(), took),
                Some(error) => Run::error(error, rows, took),
                None => Run::ok(rows, took),
            }
        })
    }
}

fn values(fetched: &Fetched) -> Vec<(&'static str, Value)> {
    let seconds = |d: Option<Duration>| d.map_or(Value::Null, |d| Value::gauge(d.as_secs_f64()));
    let phases = &fetched.phases;
    vec![
        ("resolve_seconds", seconds(phases.resolve)),
        ("connect_seconds", seconds(phases.connect)),
        ("tls_seconds", seconds(phases.tls)),
        ("first_byte_seconds", seconds(phases.first_byte)),
        ("total_seconds", seconds(phases.total)),
        ("status_code", fetched.status.map_or(Value::Null, |s| Value::gauge(f64::from(s)))),
        ("body_bytes", fetched.status.map_or(Value::Null, |_| Value::gauge(fetched.body.len() as f64))),
    ]
}

#[cfg(test)]
mod tests;
