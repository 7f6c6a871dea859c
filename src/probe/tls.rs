//! `tls`: the certificate a server presents: days left, chain, name. It takes whatever is presented, so that
//! a bad certificate can be described, and judges it after: trust by the system's roots, name, dates.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::{Mono, Wall};
use crate::net::certificate::{Check, Presented, Trust};
use crate::net::error::NetError;
use crate::net::resolver::{Family, resolve_by};
use crate::net::tcp::connect_any;
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

const NO_YES: &[Cow<'static, str>] = &[Cow::Borrowed("no"), Cow::Borrowed("yes")];

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "tls",
    zh: "TLS 证书：剩余天数、信任链与域名",
    en: "the certificate a server presents: days left, chain and name",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[
        SettingDef { name: "port", kind: SettingType::Int(1, 65535), default: Some("443"), zh: "端口", en: "port" },
        SettingDef {
            name: "server_name",
            kind: SettingType::Text(253),
            default: None,
            zh: "SNI 与校验所用的域名；不写则取目标",
            en: "name for SNI and for the check; unset = the target",
        },
        SettingDef {
            name: "verify",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "证书过期、不受信任或域名不符时是否判为失败",
            en: "whether an expired or untrusted certificate or a wrong name fails the run",
        },
        crate::probe::CA_FILE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("tls"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::gauge("handshake_seconds", "TLS 握手耗时（秒）", "time of the TLS handshake"),
                Field::gauge(
                    "days_left",
                    "证书剩余天数（过期为负）",
                    "days until the certificate expires; negative after",
                ),
                Field::gauge(
                    "chain_days_left",
                    "整条信任链的剩余天数（按其中最早到期的证书）",
                    "days until the first certificate of the chain expires without which it is not trusted",
                ),
                Field::state("trusted", NO_YES, "是否受信任", "whether the chain leads to a trusted root in time"),
                Field::state("name_ok", NO_YES, "域名是否相符", "whether the certificate is for this name"),
                Field::text("subject", "证书主体", "subject of the certificate"),
                Field::text("issuer", "颁发者", "issuer of the certificate"),
                Field::text("names", "证书域名", "names the certificate is for"),
                Field::text("chain", "证书链", "subjects of the certificates presented"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let settings = &task.settings;
    let host = task.target.host.clone().ok_or("it has no address")?;
    let set = settings.int("port").and_then(|p| u16::try_from(p).ok());
    let port = task.target.port.or(set).unwrap_or(443);
    let name = settings.text("server_name").map_or_else(|| host.clone(), str::to_owned);
    let trust = Trust::load(settings.text("ca_file").map(Path::new))?;
    let family = Family::of_setting(settings.text("family"));
    Ok(Box::new(Tls { task: task.clone(), host, port, name, verify: settings.bool("verify"), family, trust }))
}

struct Tls {
    task: Arc<Task>,
    host: String,
    port: u16,
    name: String,
    verify: bool,
    family: Family,
    trust: Arc<Trust>,
}

impl Prober for Tls {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let shaken = self.handshake(cx, deadline).await;
            let took = cx.clock.mono().since(began);
            match shaken {
                Ok((handshake, chain)) => self.report(handshake, &chain, cx.clock.wall(), took),
                Err(error) => Run::error(error, Vec::new(), took),
            }
        })
    }
}

impl Tls {
    /// How long the handshake took, and what was presented.
    async fn handshake(
        &self,
        cx: &Ctx,
        deadline: Mono,
    ) -> Result<(Duration, Vec<CertificateDer<'static>>), NetError> {
        let clock = &cx.clock;
        let addresses = resolve_by(&self.host, self.port, self.family, deadline, clock).await?;
        let (stream, _) = connect_any(&addresses, deadline, clock).await?;
        let began = clock.mono();
        let stream = self.trust.handshake(Check::TakeAny, &self.name, stream, deadline, clock).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        Ok((clock.mono().since(began), chain.iter().map(|der| der.clone().into_owned()).collect()))
    }

    /// What a chain means.
    fn report(&self, handshake: Duration, chain: &[CertificateDer<'_>], now: Wall, took: Duration) -> Run {
        let verdict = self.trust.judge(chain, &self.name, now);
        let Some(presented) = Presented::read(chain, now) else {
            let what = format!("tls {}: what it presented is no certificate", self.name);
            return Run::error(NetError::new(Cause::Protocol, what), Vec::new(), took);
        };
        let text = |text: String| Value::Text(Arc::from(text));
        let values = vec![
            ("handshake_seconds", Value::gauge(handshake.as_secs_f64())),
            ("days_left", Value::gauge(presented.days_left)),
            ("chain_days_left", self.trust.ends(chain, now).map_or(Value::Null, |end| days(now, end))),
            ("trusted", Value::State(u8::from(verdict.untrusted.is_none()))),
            ("name_ok", Value::State(u8::from(verdict.misnamed.is_none()))),
            ("subject", text(presented.subject)),
            ("issuer", text(presented.issuer)),
            ("names", text(presented.names)),
            ("chain", text(presented.chain)),
        ];
        let rows = vec![target_row(&SPEC.schema, &self.task, values)];
        match verdict.untrusted.or(verdict.misnamed) {
            Some(why) if self.verify => {
                Run::error(NetError::new(Cause::Certificate, format!("tls {}: {why}", self.name)), rows, took)
            }
            _ => Run::ok(rows, took),
        }
    }
}

fn days(now: Wall, end: Wall) -> Value {
    Value::gauge(end.since(now).as_secs_f64() / 86_400.0)
}

#[cfg(test)]
mod tests;
