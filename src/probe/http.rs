//! `http`: one request, its phases timed apart, its answer checked. A new connection each time, and no
//! redirect is followed: what is measured is this URL on this host, not wherever it leads.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::probe::{Ctx, Prober};

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
        super::FAMILY,
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

/// The prober of a task.
pub fn prober(_cx: &Ctx, _task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    Err("http is not built yet".to_owned())
}
