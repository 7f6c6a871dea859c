//! `tcp`: whether a port accepts a connection, and how long that takes. It sends nothing: the connection is
//! closed as soon as it stands.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::Value;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::resolver::{Family, resolve_by};
use crate::net::tcp::connect_any;
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

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
        crate::probe::FAMILY,
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
    profiles: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().ok_or("it has no address")?;
    let set = task.settings.int("port").and_then(|p| u16::try_from(p).ok());
    let port = task.target.port.or(set).ok_or("it has no port: set `port`, or tcp_ports of the asset")?;
    let family = Family::of_setting(task.settings.text("family"));
    Ok(Box::new(Tcp { task: task.clone(), host, port, family }))
}

struct Tcp {
    task: Arc<Task>,
    host: String,
    port: u16,
    family: Family,
}

impl Prober for Tcp {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let connected = self.connect(cx, deadline).await;
            let took = cx.clock.mono().since(began);
            match connected {
                Ok(seconds) => {
                    let values = vec![("connect_seconds", Value::gauge(seconds.as_secs_f64()))];
                    Run::ok(vec![target_row(&SPEC.schema, &self.task, values)], took)
                }
                Err(error) => Run::error(error, Vec::new(), took),
            }
        })
    }
}

impl Tcp {
    /// How long the connection took that stood.
    async fn connect(&self, cx: &Ctx, deadline: Mono) -> Result<Duration, NetError> {
        let addresses = resolve_by(&self.host, self.port, self.family, deadline, &cx.clock).await?;
        let (_stream, attempt) = connect_any(&addresses, deadline, &cx.clock).await?;
        Ok(cx.clock.mono().since(attempt))
    }
}

#[cfg(test)]
mod tests;
