//! What the kind takes and observes.

use std::borrow::Cow;

use super::ports::TYPES;
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::probe::FAMILY;
use crate::probe::device::part::SENSORS;

const STATES_ADMIN: &[Cow<'static, str>] = &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("testing")];
const STATES_OPER: &[Cow<'static, str>] = &[
    Cow::Borrowed("up"),
    Cow::Borrowed("down"),
    Cow::Borrowed("testing"),
    Cow::Borrowed("unknown"),
    Cow::Borrowed("dormant"),
    Cow::Borrowed("not_present"),
    Cow::Borrowed("lower_layer_down"),
];

/// What a routing neighbour means to traffic; `engine::ends` knows them by position.
const ADJACENCIES: &[Cow<'static, str>] =
    &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("forming"), Cow::Borrowed("shut")];
/// ospfNbrState, then bgpPeerState, then what neither table says.
pub(super) const ADJACENCY_STATES: &[Cow<'static, str>] = &[
    Cow::Borrowed("down"),
    Cow::Borrowed("attempt"),
    Cow::Borrowed("init"),
    Cow::Borrowed("two_way"),
    Cow::Borrowed("exchange_start"),
    Cow::Borrowed("exchange"),
    Cow::Borrowed("loading"),
    Cow::Borrowed("full"),
    Cow::Borrowed("idle"),
    Cow::Borrowed("connect"),
    Cow::Borrowed("active"),
    Cow::Borrowed("open_sent"),
    Cow::Borrowed("open_confirm"),
    Cow::Borrowed("established"),
    Cow::Borrowed("gone"),
];

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 512;
/// Ports that are none, as devices of Huawei, H3C and Cisco call them.
const UNREAL: &str = r"'(?i)^(null ?0|nu0|inloopback ?\d+|register-tunnel\d+|console[\d/]+)$'";
/// Types whose counters say nothing of a network: loopbacks, consoles, telephone lines.
const IDLE: &str = "['softwareLoopback', 'rs232', 'voiceEM', 'voiceFXO', 'voiceFXS', 'voiceEncap', 'voiceOverIp']";

const NO_YES: &[Cow<'static, str>] = &[Cow::Borrowed("no"), Cow::Borrowed("yes")];

/// How well what is said is protected, from worst to best.
const SECURITY: &[Cow<'static, str>] = &[
    Cow::Borrowed("v1"),
    Cow::Borrowed("v2c"),
    Cow::Borrowed("v3_open"),
    Cow::Borrowed("v3_auth"),
    Cow::Borrowed("v3_privacy"),
];

/// Whether a community is one that everybody knows.
const COMMUNITY: &[Cow<'static, str>] = &[Cow::Borrowed("own"), Cow::Borrowed("default")];

/// Rows of a GETBULK, for every kind that asks by SNMP.
pub(in crate::probe) const MAX_REPETITIONS: SettingDef = SettingDef {
    name: "max_repetitions",
    kind: SettingType::Int(1, 200),
    default: Some("25"),
    zh: "每次 GETBULK 请求的行数；设备吃不消时自动减半",
    en: "rows a GETBULK asks for; halved by itself when the device does not bear it",
};
/// Whether GETBULK is asked, for every kind that asks by SNMP.
pub(in crate::probe) const BULK: SettingDef = SettingDef {
    name: "bulk",
    kind: SettingType::Bool,
    default: Some("true"),
    zh: "是否用 GETBULK 读表；关闭后用 GETNEXT 逐行读取，用于 GETBULK 有缺陷的设备",
    en: "whether tables are read with GETBULK; off for devices that answer it wrongly: row by row, with GETNEXT",
};
/// Tries again, for every kind that asks by SNMP.
pub(in crate::probe) const RETRIES: SettingDef = SettingDef {
    name: "retries",
    kind: SettingType::Int(0, 5),
    default: Some("1"),
    zh: "请求超时后的重发次数",
    en: "how often a request without answer is sent again",
};
/// Who may answer, for every kind that asks by SNMP.
pub(in crate::probe) const STRICT_SOURCE: SettingDef = SettingDef {
    name: "strict_source",
    kind: SettingType::Bool,
    default: Some("true"),
    zh: "应答必须来自被询问的地址；多地址设备可关闭",
    en: "answers must come from the address that was asked; off for devices with several addresses",
};

/// How much of a device did not come whole, for every kind that asks by SNMP.
pub(in crate::probe) const INCOMPLETE: Field =
    Field::gauge("incomplete_count", "本次未读全的表数", "tables that did not come whole in this run");
/// What did not come whole, and why.
pub(in crate::probe) const SHORTFALL: Field =
    Field::text("shortfall", "未读全的内容及原因", "what did not come whole, and why");

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "snmp",
    zh: "通过 SNMP 读取设备信息、接口表、路由邻居、处理器、内存与传感器",
    en: "what a device says of itself, its interfaces, routing neighbours, processors, memory and sensors, by SNMP",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[
        MAX_REPETITIONS,
        BULK,
        RETRIES,
        SettingDef {
            name: "interfaces",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否读取接口表",
            en: "whether the interface table is read",
        },
        SettingDef {
            name: "neighbours",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否读取 OSPF、BGP 邻居表",
            en: "whether the tables of OSPF and BGP neighbours are read",
        },
        SettingDef {
            name: "health",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否按设备模板读取处理器、内存与传感器",
            en: "whether processors, memory and sensors are read by the device's profile",
        },
        SettingDef {
            name: "ports",
            kind: SettingType::Pattern(MAX_PATTERN),
            default: None,
            zh: "只记录名称（ifName）匹配的端口；不写则全部",
            en: "only ports whose name (ifName) it matches make series; unset = all",
        },
        SettingDef {
            name: "ports_left_out",
            kind: SettingType::Pattern(MAX_PATTERN),
            default: Some(UNREAL),
            zh: "不记录名称匹配的端口",
            en: "ports whose name it matches make no series",
        },
        SettingDef {
            name: "port_types_left_out",
            kind: SettingType::Named(TYPES),
            default: Some(IDLE),
            zh: "不记录这些类型（ifType）的端口：IANAifType 的名称，没有名称的写数字",
            en: "ports of these ifTypes make no series: names of IANAifType, a number where this has none",
        },
        SettingDef {
            name: "shut_ports_state_only",
            kind: SettingType::Bool,
            default: Some("false"),
            zh: "已关闭（管理状态为 down）的端口是否只记录状态，不记录计数",
            en: "whether ports that are shut (admin down) make no series but those of their state",
        },
        STRICT_SOURCE,
        FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("snmp"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("uptime_seconds", "设备运行时间（秒）", "time since the device's agent started"),
                    Field::gauge("interfaces", "接口数量", "how many interfaces the device has"),
                    Field::gauge(
                        "left_out_count",
                        "按设置不记录的接口数",
                        "interfaces that make no series because the settings leave them out",
                    ),
                    Field::text("name", "设备名称（sysName）", "sysName"),
                    Field::text("description", "设备描述（sysDescr）", "sysDescr"),
                    Field::text("object_id", "设备型号标识（sysObjectID）", "sysObjectID"),
                    Field::text("location", "设备位置（sysLocation）", "sysLocation"),
                    Field::text("contact", "设备联系人（sysContact）", "sysContact"),
                    Field::text(
                        "engine_id",
                        "SNMP 引擎标识（snmpEngineID，十六进制）",
                        "snmpEngineID in hexadecimal, by which SNMPv3 tells engines apart",
                    ),
                    Field::text("profile", "设备模板", "profile of the device's family"),
                    Field::state(
                        "security",
                        SECURITY,
                        "SNMP 版本与安全级别",
                        "SNMP version and security level in use",
                    ),
                    Field::state(
                        "community",
                        COMMUNITY,
                        "SNMPv1、v2c 团体名是否为默认值（不显示团体名本身）",
                        "whether the community of v1 and v2c is a default one; never which",
                    ),
                    Field::gauge("requests_count", "本次发出的请求数", "requests of this run"),
                    Field::gauge("retries_count", "本次重发的请求数", "requests of this run that were sent again"),
                    Field::gauge("variables_count", "本次读到的变量数", "variables that came in this run"),
                    Field::gauge(
                        "round_trip_seconds",
                        "一次请求的往返时间（秒）",
                        "from a request to its answer, where nothing was sent again",
                    ),
                    INCOMPLETE,
                    SHORTFALL,
                ]),
            },
            Table {
                on: TableOn::Interface,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::state("admin", STATES_ADMIN, "接口管理状态", "what the interface is set to"),
                    Field::state("oper", STATES_OPER, "接口运行状态", "what the interface does"),
                    Field::counter("in_octets", "入字节数", "octets received"),
                    Field::counter("out_octets", "出字节数", "octets sent"),
                    Field::counter("in_errors", "入错误包数", "packets received with errors"),
                    Field::counter("out_errors", "出错误包数", "packets not sent because of errors"),
                    Field::counter("in_discards", "入丢弃包数", "received packets discarded"),
                    Field::counter("out_discards", "出丢弃包数", "packets to send discarded"),
                    Field::gauge("in_bps", "入速率（比特每秒）", "bits a second received since the last run"),
                    Field::gauge("out_bps", "出速率（比特每秒）", "bits a second sent since the last run"),
                    Field::gauge("in_ratio", "入带宽利用率", "in_bps as a part of the interface's speed"),
                    Field::gauge("out_ratio", "出带宽利用率", "out_bps as a part of the interface's speed"),
                    Field::gauge("speed_bps", "接口带宽（比特每秒）", "speed of the interface"),
                    Field::gauge("mtu", "最大传输单元（字节）", "largest packet, in octets"),
                    Field::text("alias", "接口描述（ifAlias）", "ifAlias, what the operators call it"),
                    Field::text("mac", "接口 MAC 地址", "physical address"),
                    Field::text("type", "接口类型（ifType）", "ifType: its name in IANAifType, or its number"),
                    Field::text("index", "接口索引（ifIndex）", "ifIndex, which may be another after a restart"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("neighbour")),
                fields: Cow::Borrowed(&[
                    Field::state("adjacency", ADJACENCIES, "路由邻接", "what the adjacency means to traffic"),
                    Field::state(
                        "adjacency_state",
                        ADJACENCY_STATES,
                        "路由邻居状态（OSPF 或 BGP）",
                        "the neighbour's state in the words of OSPF or BGP",
                    ),
                    Field::text("neighbour_router", "邻居路由器标识", "the neighbour's OSPF router id"),
                    Field::text("neighbour_as", "邻居自治系统号", "the peer's BGP AS number"),
                    Field::state(
                        "adjacency_was_up",
                        NO_YES,
                        "一周内是否建立过邻接",
                        "whether it was up within a week, as far as this agent saw",
                    ),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("processor")),
                fields: Cow::Borrowed(&[Field::gauge("cpu_ratio", "处理器利用率", "how busy the processor is")]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("memory")),
                fields: Cow::Borrowed(&[
                    Field::gauge("memory_used_ratio", "内存利用率", "memory in use, as a part of all"),
                    Field::gauge("memory_size_bytes", "内存容量（字节）", "size of the memory"),
                ]),
            },
            SENSORS,
        ]),
    },
    secret: true,
    profiles: true,
};
