//! `http`: one request, its phases timed apart, its answer checked. A new connection each time, and no
//! redirect is followed: what is measured is this URL on this host, not wherever it leads.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::certificate::Check;
use crate::net::error::NetError;
use crate::net::fetch::{Fetched, Order};
use crate::net::resolver::Family;
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

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
        SettingDef {
            name: "status",
            kind: SettingType::IntList(100, 599),
            default: None,
            zh: "可接受的状态码；不写则 200 至 399 均可",
            en: "statuses that are good; unset = any from 200 to 399",
        },
        SettingDef {
            name: "body_contains",
            kind: SettingType::Text(1024),
            default: None,
            zh: "正文必须包含的文字",
            en: "text that the body must contain",
        },
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
        crate::probe::CA_FILE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("http"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::gauge("resolve_seconds", "域名解析耗时（秒）", "time to resolve the name"),
                Field::gauge("connect_seconds", "建立连接的耗时（秒）", "time until the connection stood"),
                Field::gauge("tls_seconds", "TLS 握手耗时（秒）", "time of the TLS handshake"),
                Field::gauge("first_byte_seconds", "首字节耗时（秒）", "from the request to the head of its answer"),
                Field::gauge("total_seconds", "总耗时（秒）", "from the start to the last byte read"),
                Field::gauge("status_code", "HTTP 状态码", "status code"),
                Field::gauge("body_bytes", "正文字节数", "bytes of the body that were read"),
            ]),
        }]),
    },
    secret: false,
};

/// Statuses that are good when none are set. Redirects count: where they lead is another URL's probe.
const GOOD: std::ops::RangeInclusive<u16> = 200..=399;

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
    let order = if settings.text("method") == Some("HEAD") { order.head() } else { order };
    let status = settings.ints("status").iter().filter_map(|s| u16::try_from(*s).ok()).collect();
    let contains = settings.text("body_contains").filter(|t| !t.is_empty()).map(str::to_owned);
    Ok(Box::new(Http { task: task.clone(), order, status, contains }))
}

struct Http {
    task: Arc<Task>,
    order: Order,
    status: Vec<u16>,
    contains: Option<String>,
}

impl Prober for Http {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let fetched = self.order.fetch(deadline, &cx.clock).await;
            let took = cx.clock.mono().since(began);
            let rows = vec![target_row(&SPEC.schema, &self.task, values(&fetched))];
            match fetched.error.clone().or_else(|| self.wrong(&fetched)) {
                // Nothing was measured when it did not even resolve.
                Some(error) if fetched.phases.resolve.is_none() => Run::error(error, Vec::new(), took),
                Some(error) => Run::error(error, rows, took),
                None => Run::ok(rows, took),
            }
        })
    }
}

impl Http {
    /// What is wrong with an answer that came.
    fn wrong(&self, fetched: &Fetched) -> Option<NetError> {
        let status = fetched.status?;
        let good = if self.status.is_empty() { GOOD.contains(&status) } else { self.status.contains(&status) };
        if !good {
            let wanted = if self.status.is_empty() { "200 to 399".to_owned() } else { format!("{:?}", self.status) };
            let to = fetched.location.as_ref().map(|l| format!(" to {l}")).unwrap_or_default();
            return Some(NetError::new(Cause::Status, format!("status {status}{to}, wanted {wanted}")));
        }
        let wanted = self.contains.as_ref()?;
        if fetched.body.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
            return None;
        }
        let read = fetched.body.len();
        let cut = if fetched.cut { ", all that max_body allows" } else { "" };
        Some(NetError::new(Cause::Content, format!("`{wanted}` is not in the body ({read} bytes read{cut})")))
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
