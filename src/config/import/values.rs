//! Single cells as values: the words people write for kinds, states and importance, addresses with a mask or
//! several in one cell, ports. What is none says what would be one. Nothing here quotes a cell: the caller
//! shows it beside the fault, or not, if it is secret.

use super::heading::{fold, narrow};
use super::{Words, words};
use crate::config::inventory::check::{self, BadUrl, MAX_LIST};
use crate::model::inventory::{AssetKind, AssetStatus};
use crate::model::secret::{SnmpAuth, SnmpPrivacy};

/// What is wrong with a cell, and what to do.
pub(super) struct Wrong {
    pub(super) what: Words,
    pub(super) remedy: Words,
}

pub(super) type Judged<T> = Result<T, Wrong>;

pub(super) fn wrong(zh: &str, en: &str, remedy_zh: impl Into<String>, remedy_en: impl Into<String>) -> Wrong {
    Wrong { what: words(zh, en), remedy: words(remedy_zh, remedy_en) }
}

/// What people write into a cell to say that there is nothing.
pub(super) fn is_blank(cell: &str) -> bool {
    let cell = cell.trim();
    matches!(
        cell,
        "" | "-"
            | "--"
            | "---"
            | "/"
            | "\\"
            | "—"
            | "——"
            | "无"
            | "暂无"
            | "空"
            | "N/A"
            | "n/a"
            | "NA"
            | "null"
            | "NULL"
    )
}

/// One line of free text.
pub(super) fn free(cell: &str) -> Judged<String> {
    let text = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    if check::free(&text) {
        return Ok(text);
    }
    Err(wrong("文字过长", "the text is too long", "不超过 200 个字符", "at most 200 characters"))
}

/// Several values in one cell.
pub(super) fn several(cell: &str) -> Vec<String> {
    let parts = cell.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '，' | '；' | '、' | '|'));
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Addresses: the first is the one it is managed by.
pub(super) fn addresses(cell: &str) -> Judged<Vec<String>> {
    let found: Vec<String> = several(&cell.replace('。', "."))
        .iter()
        .map(|part| {
            let plain: String = part.chars().map(narrow).collect();
            // Masks stand in many registers; they say nothing about the device.
            match plain.rsplit_once('/') {
                Some((address, mask)) if is_mask(mask) => address.to_owned(),
                _ => plain,
            }
        })
        .collect();
    if found.len() > MAX_LIST {
        return Err(wrong("地址过多", "too many addresses", "最多 256 个", "at most 256"));
    }
    for address in &found {
        if let Err(hint) = check::host(address) {
            return Err(wrong(
                "不是地址",
                "it is no address",
                match hint {
                    "an IPv4 address has four numbers of 0 to 255" => "IPv4 地址为四个 0 至 255 的数",
                    _ => "请写 IP 地址或主机名，不带端口；多个地址用逗号分开",
                },
                format!("{hint}; several are separated by commas"),
            ));
        }
    }
    Ok(found)
}

fn is_mask(text: &str) -> bool {
    text.parse::<u8>().is_ok_and(|bits| bits <= 128) || text.parse::<std::net::Ipv4Addr>().is_ok()
}

const KINDS: &[(AssetKind, &[&str])] = &[
    (AssetKind::Firewall, &["防火墙", "firewall", "ngfw", "下一代防火墙", "fw"]),
    (
        AssetKind::Switch,
        &["交换机", "switch", "sw", "核心交换机", "汇聚交换机", "接入交换机", "三层交换机", "二层交换机"],
    ),
    (AssetKind::Router, &["路由器", "router", "路由", "核心路由器", "边界路由器", "出口路由器"]),
    (
        AssetKind::Host,
        &[
            "主机",
            "服务器",
            "server",
            "host",
            "虚拟机",
            "云主机",
            "物理机",
            "物理服务器",
            "虚拟服务器",
            "vm",
            "pc",
            "终端",
        ],
    ),
    (AssetKind::Website, &["网站", "门户网站", "website", "web", "站点", "门户", "政府网站", "site"]),
    (
        AssetKind::Service,
        &[
            "业务服务",
            "业务系统",
            "服务",
            "service",
            "系统",
            "应用",
            "应用系统",
            "信息系统",
            "业务",
            "application",
            "app",
            "system",
        ],
    ),
    (AssetKind::Ups, &["ups", "不间断电源", "ups电源", "电源"]),
    (
        AssetKind::Other,
        &[
            "其他",
            "其它",
            "other",
            "安全设备",
            "堡垒机",
            "日志审计",
            "数据库审计",
            "入侵检测",
            "入侵防御",
            "ids",
            "ips",
            "waf",
            "网闸",
            "vpn",
            "存储",
            "storage",
            "无线控制器",
            "无线ap",
            "ap",
            "光端机",
            "光传输设备",
            "olt",
            "负载均衡",
            "打印机",
            "摄像头",
            "空调",
            "上网行为管理",
            "视频会议终端",
        ],
    ),
];

/// The kind of a word.
pub(super) fn kind(cell: &str) -> Judged<AssetKind> {
    let folded = fold(cell);
    if let Some(kind) = AssetKind::ALL.iter().copied().find(|kind| kind.as_str() == folded || kind.zh() == folded) {
        return Ok(kind);
    }
    if let Some((kind, _)) = KINDS.iter().find(|(_, list)| list.contains(&folded.as_str())) {
        return Ok(*kind);
    }
    guess(cell).ok_or_else(|| {
        wrong(
            "不认识的类型",
            "unknown kind",
            "请写 路由器、交换机、防火墙、主机、网站、业务服务、UPS 或 其他",
            "write router, switch, firewall, host, website, service, ups or other",
        )
    })
}

/// A kind by what a longer text contains: `华为三层核心交换机`, `XX系统服务器`.
pub(super) fn guess(text: &str) -> Option<AssetKind> {
    let folded = fold(text);
    // What stands last in a Chinese name says what the thing is.
    let words: &[(&str, AssetKind)] = &[
        ("防火墙", AssetKind::Firewall),
        ("firewall", AssetKind::Firewall),
        ("交换机", AssetKind::Switch),
        ("switch", AssetKind::Switch),
        ("路由器", AssetKind::Router),
        ("router", AssetKind::Router),
        ("服务器", AssetKind::Host),
        ("主机", AssetKind::Host),
        ("虚拟机", AssetKind::Host),
        ("server", AssetKind::Host),
        ("网站", AssetKind::Website),
        ("门户", AssetKind::Website),
        ("不间断电源", AssetKind::Ups),
        ("ups", AssetKind::Ups),
    ];
    words
        .iter()
        .filter_map(|(word, kind)| Some((folded.rfind(word)? + word.len(), *kind)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, kind)| kind)
}

/// The status of a word.
pub(super) fn status(cell: &str) -> Judged<AssetStatus> {
    let folded = fold(cell);
    let known: &[(AssetStatus, &[&str])] = &[
        (
            AssetStatus::InUse,
            &[
                "inuse",
                "在用",
                "使用",
                "使用中",
                "运行",
                "运行中",
                "正常",
                "正常运行",
                "启用",
                "已启用",
                "在线",
                "active",
                "up",
                "是",
            ],
        ),
        (
            AssetStatus::Building,
            &["building", "在建", "建设中", "建设", "待上线", "规划", "安装中", "调试", "planned"],
        ),
        (
            AssetStatus::KnownFault,
            &["knownfault", "带病运行", "故障", "异常", "待修", "带病", "维修", "维修中", "faulty"],
        ),
        (AssetStatus::Spare, &["spare", "备用", "备件", "备机", "库存", "闲置", "未使用", "停机备用", "standby"]),
        (
            AssetStatus::Retired,
            &["retired", "退役", "停用", "报废", "下线", "已下线", "已停用", "待报废", "拆除", "禁用", "否"],
        ),
    ];
    known.iter().find(|(_, list)| list.contains(&folded.as_str())).map(|(status, _)| *status).ok_or_else(|| {
        wrong(
            "不认识的状态",
            "unknown status",
            "请写 在用、在建、带病运行、备用 或 退役",
            "write in_use, building, known_fault, spare or retired",
        )
    })
}

/// 1 to 3.
pub(super) fn importance(cell: &str) -> Judged<u8> {
    match fold(cell).as_str() {
        "1" | "一般" | "普通" | "低" | "一级" | "normal" | "low" => Ok(1),
        "2" | "重要" | "较重要" | "中" | "二级" | "important" | "medium" => Ok(2),
        "3" | "特别重要" | "非常重要" | "核心" | "关键" | "高" | "三级" | "critical" | "high" => Ok(3),
        _ => Err(wrong(
            "不认识的重要程度",
            "unknown importance",
            "请写 一般、重要 或 特别重要（1、2、3）",
            "write 1, 2 or 3",
        )),
    }
}

/// TCP ports.
pub(super) fn ports(cell: &str) -> Judged<Vec<u16>> {
    let plain: String = cell.chars().map(narrow).map(|c| if c == '/' { ',' } else { c }).collect();
    let mut found = Vec::new();
    for part in several(&plain) {
        found.push(port(part.trim_start_matches("tcp").trim_start_matches("TCP"))?);
    }
    if found.len() > MAX_LIST {
        return Err(wrong("端口过多", "too many ports", "最多 256 个", "at most 256"));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// One port.
pub(super) fn port(text: &str) -> Judged<u16> {
    let plain: String = text.chars().map(narrow).collect();
    plain.trim().parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        wrong(
            "不是端口",
            "it is no port",
            "请写 1 至 65535 的整数，多个用逗号分开",
            "write whole numbers of 1 to 65535, separated by commas",
        )
    })
}

/// A URL; one without a scheme is taken for http.
pub(super) fn url(cell: &str) -> Judged<String> {
    let plain: String = cell.chars().map(narrow).filter(|c| !c.is_whitespace()).collect();
    let lower = plain.to_ascii_lowercase();
    let full = if lower.starts_with("http://") || lower.starts_with("https://") {
        // Schemes are written in any case.
        let at = plain.find("://").unwrap_or(0);
        format!("{}{}", lower.get(..at).unwrap_or_default(), plain.get(at..).unwrap_or_default())
    } else {
        format!("http://{plain}")
    };
    match check::url(&full) {
        Ok(()) => Ok(full),
        Err(BadUrl::Form) => Err(wrong(
            "不是网址",
            "it is no URL",
            "请写 http:// 或 https://、主机和路径",
            "write http:// or https://, a host and a path",
        )),
        Err(BadUrl::Credentials) => Err(wrong(
            "网址中有用户名或密码",
            "the URL carries a user or a password",
            "请去掉，改用凭据",
            "take it out and keep it in a secret",
        )),
    }
}

/// The version of SNMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2c,
    V3,
}

/// The version of a word.
pub(super) fn version(cell: &str) -> Judged<Version> {
    let folded = fold(cell);
    match folded.trim_start_matches("snmp").trim_start_matches('v') {
        "1" => Ok(Version::V1),
        "2" | "2c" => Ok(Version::V2c),
        "3" => Ok(Version::V3),
        _ => Err(wrong("不认识的 SNMP 版本", "unknown SNMP version", "请写 v1、v2c 或 v3", "write v1, v2c or v3")),
    }
}

/// The authentication protocol of a word.
pub(super) fn auth(cell: &str) -> Judged<SnmpAuth> {
    match fold(cell).trim_start_matches("hmac") {
        "md5" => Ok(SnmpAuth::Md5),
        "sha" | "sha1" => Ok(SnmpAuth::Sha1),
        "sha224" | "sha2224" => Ok(SnmpAuth::Sha224),
        "sha256" | "sha2256" => Ok(SnmpAuth::Sha256),
        "sha384" | "sha2384" => Ok(SnmpAuth::Sha384),
        "sha512" | "sha2512" => Ok(SnmpAuth::Sha512),
        _ => Err(wrong(
            "不认识的认证算法",
            "unknown authentication protocol",
            "请写 MD5、SHA、SHA224、SHA256、SHA384 或 SHA512",
            "write MD5, SHA, SHA224, SHA256, SHA384 or SHA512",
        )),
    }
}

/// The privacy protocol of a word.
pub(super) fn privacy(cell: &str) -> Judged<SnmpPrivacy> {
    match fold(cell).as_str() {
        "aes" | "aes128" => Ok(SnmpPrivacy::Aes128),
        "aes192" => Ok(SnmpPrivacy::Aes192),
        "aes256" => Ok(SnmpPrivacy::Aes256),
        "des" | "3des" => Err(wrong(
            "DES 已不安全，不支持",
            "DES is broken and not supported",
            "请在设备上改用 AES",
            "set AES on the device",
        )),
        _ => Err(wrong(
            "不认识的加密算法",
            "unknown privacy protocol",
            "请写 AES128、AES192 或 AES256",
            "write AES128, AES192 or AES256",
        )),
    }
}
