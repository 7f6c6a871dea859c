//! `tcp`: whether a port accepts a connection, and how long that takes. It sends nothing: the connection is
//! closed as soon as it stands.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::probe::{Ctx, Prober};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "tcp",
    zh: "TCP 端口连通性与建连时间",
    en: "whether a TCP port accepts a connection, and how long it takes",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "port",
            kind: SettingType::Int(1, 65535),
            default: None,
            zh: "端口；不写则取资产 tcp_ports 或目标自带的端口",
            en: "port; unset = the one the target carries",
        },
        super::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("tcp"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[Field::gauge(
                "connect_seconds",
                "建立连接的耗时（秒）",
                "time until the connection stood",
            )]),
        }]),
    },
    secret: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, _task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    Err("tcp is not built yet".to_owned())
}
