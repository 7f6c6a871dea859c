//! A small catalog for the tests of this layer; the real one stands above it, in `probe`.

use std::borrow::Cow;

use crate::model::field::{Catalog, KindSpec, SettingDef, SettingType, TargetNeed};
use crate::model::{Field, KindSchema, ObjectKind, Table, TableOn};

const OPER: &[Cow<'static, str>] = &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("testing")];

const fn setting(name: &'static str, kind: SettingType, default: Option<&'static str>) -> SettingDef {
    SettingDef { name, kind, default, zh: "设置", en: "a setting" }
}

static ICMP: KindSpec = KindSpec {
    name: "icmp",
    zh: "回显",
    en: "echo",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        setting("count", SettingType::Int(1, 20), Some("1")),
        setting("size", SettingType::Int(0, 65_000), Some("64")),
        setting("dscp", SettingType::Choice(&["cs0", "cs6", "ef"]), Some("'cs0'")),
        setting("source", SettingType::Text(64), None),
        setting("burst", SettingType::Int(0, 10), Some("5")),
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("icmp"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::histogram("rtt_seconds", "时延", "round trip"),
                Field::gauge("loss_ratio", "丢包率", "loss"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

static TCP: KindSpec = KindSpec {
    name: "tcp",
    zh: "端口",
    en: "port",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[setting("port", SettingType::Int(1, 65_535), None)],
    schema: KindSchema {
        kind: Cow::Borrowed("tcp"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[Field::gauge("connect_seconds", "连接耗时", "connect")]),
        }]),
    },
    secret: false,
    profiles: false,
};

static HTTP: KindSpec = KindSpec {
    name: "http",
    zh: "网页",
    en: "web",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Url,
    settings: &[
        setting("path", SettingType::Text(255), None),
        setting("status", SettingType::IntList(100, 599), Some("[200]")),
        setting("verify", SettingType::Bool, Some("true")),
        setting("slow", SettingType::Duration, Some("'2s'")),
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("http"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[Field::gauge("total_seconds", "总耗时", "total")]),
        }]),
    },
    secret: false,
    profiles: false,
};

static SNMP: KindSpec = KindSpec {
    name: "snmp",
    zh: "网管",
    en: "snmp",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[
        setting("bulk", SettingType::Bool, Some("true")),
        setting("strict_source", SettingType::Bool, Some("true")),
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("snmp"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("uptime_seconds", "运行时间", "uptime"),
                    Field::text("name", "名称", "name"),
                ]),
            },
            Table {
                on: TableOn::Interface,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::state("admin", OPER, "管理状态", "admin"),
                    Field::state("oper", OPER, "运行状态", "oper"),
                    Field::counter("in_octets", "入字节", "octets in"),
                    Field::gauge("in_ratio", "入方向利用率", "received, of the speed"),
                    Field::gauge("out_ratio", "出方向利用率", "sent, of the speed"),
                ]),
            },
        ]),
    },
    secret: true,
    profiles: true,
};

static HOST: KindSpec = KindSpec {
    name: "host",
    zh: "本机",
    en: "own host",
    on: &[ObjectKind::Agent],
    target: TargetNeed::Own,
    settings: &[],
    schema: KindSchema {
        kind: Cow::Borrowed("host"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[Field::gauge("load1", "负载", "load")]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("disk")),
                fields: Cow::Borrowed(&[Field::gauge("disk_used_ratio", "磁盘占用", "disk used")]),
            },
        ]),
    },
    secret: false,
    profiles: false,
};

/// The test catalog.
pub(crate) static CATALOG: Catalog = &[&ICMP, &TCP, &HTTP, &SNMP, &HOST];

/// A kind of it.
pub(crate) fn kind(name: &str) -> &'static KindSpec {
    CATALOG.iter().find(|k| k.name == name).expect("the tests name kinds that stand above")
}

/// A kind with a field of every type.
pub(crate) static PING: KindSpec = KindSpec {
    name: "ping",
    zh: "回显",
    en: "echo",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[],
    schema: KindSchema {
        kind: Cow::Borrowed("ping"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::histogram("rtt_seconds", "往返时延", "round-trip time"),
                Field::counter("in_octets", "入字节", "octets in"),
                Field::state("oper", &[Cow::Borrowed("up"), Cow::Borrowed("down")], "状态", "state"),
                Field::text("name", "名称", "name"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// That kind alone.
pub(crate) static PINGS: Catalog = &[&PING];
