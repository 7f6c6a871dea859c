//! `tls`: the certificate a server presents: days left, chain, name. It takes whatever is presented, so that
//! a bad certificate can be described, and judges it after: trust by the system's roots, name, dates.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::probe::{Ctx, Prober};

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
        super::FAMILY,
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
};

/// The prober of a task.
pub fn prober(_cx: &Ctx, _task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    Err("tls is not built yet".to_owned())
}
