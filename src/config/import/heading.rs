//! What the columns of a sheet mean: headings in Chinese or English, written as people write them, mapped to
//! fields by name. The heading row may stand below a title, and may be two rows with merged cells. What is
//! not known stays an ignored column, which a person may map by hand.

use std::collections::HashMap;
use std::sync::OnceLock;

/// A field of the inventory that a column may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Id of the asset.
    Id,
    /// Name.
    Name,
    /// Address or host name.
    Address,
    /// Other addresses.
    Also,
    /// Kind.
    Kind,
    /// Status.
    Status,
    /// Zone.
    Zone,
    /// Region, by code or name.
    Region,
    /// 主管 unit.
    Owner,
    /// 运行 unit.
    Operator,
    /// 责任人.
    Person,
    /// Their telephone.
    Mobile,
    /// Where it stands.
    Location,
    /// Importance.
    Importance,
    /// Agents that watch it.
    Agents,
    /// SNMP community: goes into the sealed store.
    Community,
    /// SNMP version.
    SnmpVersion,
    /// SNMP port.
    SnmpPort,
    /// SNMPv3 user: goes into the sealed store.
    SnmpUser,
    /// SNMPv3 authentication protocol.
    AuthProtocol,
    /// SNMPv3 authentication key: goes into the sealed store.
    AuthKey,
    /// SNMPv3 privacy protocol.
    PrivacyProtocol,
    /// SNMPv3 privacy key: goes into the sealed store.
    PrivacyKey,
    /// Name of a secret that is in the store already.
    Secret,
    /// URL.
    Url,
    /// 政府网站标识码.
    SiteCode,
    /// TCP ports.
    TcpPorts,
    /// Labels.
    Tags,
    /// Nothing: the column is left out.
    Ignore,
}

/// One field: its word in JSON and options, its headings in the template, and other headings that mean it, folded.
pub(super) struct Row {
    pub(super) field: Field,
    pub(super) key: &'static str,
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    pub(super) also: &'static [&'static str],
}

macro_rules! fields {
    ($($field:ident $key:literal $zh:literal $en:literal [$($also:literal),* $(,)?];)*) => {
        pub(super) const TABLE: &[Row] = &[$(
            Row { field: Field::$field, key: $key, zh: $zh, en: $en, also: &[$($also),*] },
        )*];
    };
}

fields! {
    Name "name" "设备名称" "Name" [
        "名称", "资产名称", "系统名称", "网站名称", "主机名", "主机名称", "设备名", "服务器名称", "hostname", "devicename",
        "assetname", "device", "业务名称", "节点名称", "sysname",
    ];
    Id "id" "编号" "Id" ["标识", "资产编号", "设备编号", "资产标识", "设备标识", "assetid", "deviceid", "固定资产编号", "资产编码", "设备编码"];
    Kind "kind" "类型" "Kind" [
        "设备类型", "资产类型", "种类", "类别", "设备类别", "资产类别", "设备种类", "type", "devicetype", "assettype", "category",
    ];
    Address "address" "管理IP" "Address" [
        "ip", "ip地址", "管理ip地址", "管理地址", "设备ip", "设备地址", "地址", "设备ip地址", "主机ip", "服务器ip", "ipaddress", "ipaddr",
        "ipv4", "ipv4地址", "managementip", "mgmtip", "management address", "managementaddress", "host", "loopback", "loopback地址",
        "带内管理ip", "带内管理地址", "内网ip", "内网地址", "域名或ip",
    ];
    Also "also" "其他地址" "Other addresses" ["其它地址", "其他ip", "其它ip", "业务ip", "业务地址", "备用ip", "备用地址", "otherips", "secondaryaddress", "also"];
    Zone "zone" "所属网络" "Zone" ["网络", "网络区域", "网络类型", "所在网络", "接入网络", "网络归属", "network", "安全域", "网络环境"];
    Region "region" "区划" "Region" [
        "行政区划", "区划代码", "行政区划代码", "地区", "县市", "所属区划", "所属地区", "所属县市", "所在县市", "区域", "所属区域", "县区", "区县",
        "所在地区", "district", "county", "区划名称", "属地",
    ];
    Owner "owner" "主管单位" "Owner" [
        "单位", "单位名称", "所属单位", "使用单位", "责任单位", "部门", "所属部门", "使用部门", "主办单位", "建设单位", "organisation",
        "organization", "department", "unit", "归属单位", "产权单位",
    ];
    Operator "operator" "运行单位" "Operator" ["运维单位", "维护单位", "运行维护单位", "运营单位", "承办单位", "维保单位", "运维部门", "管理单位"];
    Person "person" "责任人" "Person" ["负责人", "管理员", "联系人", "责任人姓名", "运维人员", "维护人员", "运维人", "维护人", "设备管理员", "contact", "responsible", "administrator"];
    Mobile "mobile" "联系电话" "Mobile" ["电话", "手机", "手机号", "手机号码", "联系方式", "责任人电话", "责任人手机", "联系人电话", "负责人电话", "phone", "telephone", "tel"];
    Location "location" "位置" "Location" ["安装位置", "机房", "机房位置", "所在机房", "存放地点", "安装地点", "放置地点", "机柜位置", "所在位置", "物理位置", "地点", "site", "place", "room"];
    Importance "importance" "重要程度" "Importance" ["重要性", "重要级别", "重要等级", "级别", "优先级", "priority", "资产价值"];
    Status "status" "状态" "Status" ["使用状态", "运行状态", "资产状态", "设备状态", "在用状态", "使用情况", "state"];
    Agents "agents" "监测探针" "Agents" ["探针", "agent", "监测节点"];
    SnmpVersion "snmp_version" "SNMP版本" "SNMP version" ["snmp协议版本", "协议版本", "snmpver"];
    SnmpPort "snmp_port" "SNMP端口" "SNMP port" ["snmp端口号"];
    Community "community" "团体名" "Community" [
        "团体字", "读团体名", "只读团体名", "snmp团体名", "snmp团体字", "共同体", "snmp共同体", "snmp只读团体名", "只读团体字", "snmp读团体字",
        "readcommunity", "rocommunity", "snmpcommunity", "communitystring", "snmp只读团体字", "团体",
    ];
    SnmpUser "snmp_user" "SNMP用户" "SNMP user" ["snmp用户名", "snmpv3用户", "snmpv3用户名", "v3用户", "v3用户名", "usm用户", "snmpusername", "snmpv3user", "securityname", "安全名"];
    AuthProtocol "auth_protocol" "认证算法" "Auth protocol" ["认证协议", "认证方式", "鉴权算法", "鉴权协议", "authentication", "authalgorithm", "snmp认证协议", "snmp认证算法"];
    AuthKey "auth_key" "认证密码" "Auth key" ["认证密钥", "认证密码", "鉴权密码", "鉴权密钥", "authpassword", "authkey", "authenticationpassword", "authpassphrase", "snmp认证密码", "snmp认证密钥"];
    PrivacyProtocol "privacy_protocol" "加密算法" "Privacy protocol" ["加密协议", "加密方式", "privprotocol", "privacyalgorithm", "privalgorithm", "snmp加密协议", "snmp加密算法"];
    PrivacyKey "privacy_key" "加密密码" "Privacy key" ["加密密钥", "加密密码", "privpassword", "privkey", "privacypassword", "privpassphrase", "snmp加密密码", "snmp加密密钥"];
    Secret "secret" "凭据" "Secret" ["凭据名", "凭据名称", "snmp凭据", "secretname", "credential"];
    Url "url" "网址" "URL" ["网站地址", "网站网址", "网站url", "访问地址", "域名", "网站域名", "首页地址", "首页网址", "link", "website", "链接"];
    SiteCode "site_code" "网站标识码" "Site code" ["标识码", "政府网站标识码"];
    TcpPorts "tcp_ports" "TCP端口" "TCP ports" ["端口", "服务端口", "开放端口", "监测端口", "业务端口", "端口号", "ports", "port", "tcp", "tcpport"];
    Tags "tags" "标签" "Tags" ["标记", "tag", "labels", "label", "分组"];
}

impl Field {
    /// All that a column may be mapped to, `Ignore` last.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.field).chain([Self::Ignore])
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.field == self)
    }

    /// The word in JSON and options.
    pub fn as_str(self) -> &'static str {
        self.row().map_or("ignore", |row| row.key)
    }

    /// Its heading in Chinese.
    pub fn zh(self) -> &'static str {
        self.row().map_or("忽略", |row| row.zh)
    }

    /// Its heading in English.
    pub fn en(self) -> &'static str {
        self.row().map_or("Ignore", |row| row.en)
    }

    /// The field of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|field| field.as_str() == text)
    }

    /// Whether its values go into the sealed store and are shown nowhere.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Community | Self::SnmpUser | Self::AuthKey | Self::PrivacyKey)
    }
}

/// Words in a heading by which its column holds secrets, mapped or not.
const SECRET_WORDS: &[&str] = &[
    "密码",
    "密码",
    "密钥",
    "团体",
    "共同体",
    "community",
    "passw",
    "passphrase",
    "authkey",
    "privkey",
    "secretkey",
];

/// Whether the values below a heading must not be shown, whatever it is mapped to.
pub(super) fn looks_secret(heading: &str) -> bool {
    // Parentheses count here: 备注（含密码） is as secret as 密码.
    let all: String =
        heading.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_WORDS.iter().any(|word| all.contains(word))
}

/// Full-width forms as the ASCII they stand for.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    }
}

/// A heading or a name without what people write differently: case, width, spaces, punctuation, what stands in
/// parentheses.
pub(super) fn fold(text: &str) -> String {
    let (mut out, mut all, mut depth) = (String::new(), String::new(), 0_u32);
    for c in text.chars().map(narrow) {
        match c {
            '(' | '[' | '【' | '〔' => depth += 1,
            ')' | ']' | '】' | '〕' => depth = depth.saturating_sub(1),
            c if c.is_alphanumeric() => {
                all.extend(c.to_lowercase());
                if depth == 0 {
                    out.extend(c.to_lowercase());
                }
            }
            _ => {}
        }
    }
    if out.is_empty() { all } else { out }
}

/// What a heading means.
pub(super) fn field_of(heading: &str) -> Option<Field> {
    let folded = fold(heading);
    if folded.is_empty() {
        return None;
    }
    known().get(&folded).copied()
}

/// Every heading that is known, folded.
fn known() -> &'static HashMap<String, Field> {
    static KNOWN: OnceLock<HashMap<String, Field>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let names = |row: &'static Row| [row.zh, row.en, row.key].into_iter().chain(row.also.iter().copied());
        TABLE.iter().flat_map(|row| names(row).map(|name| (fold(name), row.field))).collect()
    })
}

/// Rows in which headings are looked for: a title, a date, a note on how to fill in, and some air.
const LOOK_AT: usize = 30;

/// Where the headings are.
pub(super) struct Found {
    /// Index of the last heading row.
    pub(super) last: usize,
    /// The heading of each column, of two rows if there are two.
    pub(super) headings: Vec<String>,
    /// What each means.
    pub(super) fields: Vec<Option<Field>>,
    /// How many are known.
    pub(super) known: usize,
}

/// Looks for the headings among the first rows.
pub(super) fn find(rows: &[Vec<String>]) -> Option<Found> {
    let score = |row: &Vec<String>| {
        let fields: Vec<Field> = row.iter().filter_map(|cell| field_of(cell)).collect();
        let named = fields.iter().any(|f| matches!(f, Field::Id | Field::Name | Field::Address | Field::Url));
        if named { fields.len() } else { 0 }
    };
    let best = rows.iter().take(LOOK_AT).map(score).enumerate().max_by_key(|(at, n)| (*n, usize::MAX - at));
    let (at, _) = best.filter(|(_, known)| *known > 0)?;
    let row = rows.get(at)?;
    let above = at.checked_sub(1).and_then(|n| rows.get(n));
    let below = rows.get(at + 1).filter(|below| is_second_row(row, below));
    let (upper, lower, last) = match (above, below) {
        (_, Some(below)) => (Some(row), below, at + 1),
        (above, None) => (above, row, at),
    };
    let width = row.len().max(lower.len());
    let (mut headings, mut fields) = (Vec::new(), Vec::new());
    for column in 0..width {
        let (heading, field) = heading_at(upper, lower, column);
        // The first column of a meaning has it; a second one is for a person to decide.
        let field = field.filter(|f| !fields.contains(&Some(*f)));
        headings.push(heading);
        fields.push(field);
    }
    let known = fields.iter().flatten().count();
    Some(Found { last, headings, fields, known })
}

fn cell(row: &[String], column: usize) -> &str {
    row.get(column).map_or("", String::as_str).trim()
}

/// The heading over a column: its own, or under a merged one, such as `SNMP` over `版本`.
fn heading_at(upper: Option<&Vec<String>>, lower: &[String], column: usize) -> (String, Option<Field>) {
    let own = cell(lower, column);
    let Some(upper) = upper else { return (own.to_owned(), field_of(own)) };
    if own.is_empty() {
        let over = cell(upper, column);
        return match field_of(over) {
            Some(field) => (over.to_owned(), Some(field)),
            None => (String::new(), None),
        };
    }
    let over = (0..=column).rev().map(|c| cell(upper, c)).find(|text| !text.is_empty()).unwrap_or("");
    let both = format!("{over}{own}");
    match field_of(&both).or_else(|| field_of(own)) {
        Some(field) => (own.to_owned(), Some(field)),
        None => (own.to_owned(), None),
    }
}

/// Whether `below` goes on with the headings of `row`: it says nothing new under a known heading, and gives
/// meaning to a column that had none.
fn is_second_row(row: &[String], below: &[String]) -> bool {
    let upper = row.to_vec();
    let mut gained = false;
    for column in 0..below.len() {
        let own = cell(below, column);
        let over = cell(row, column);
        if own.is_empty() || own == over {
            continue;
        }
        if field_of(over).is_some() {
            return false;
        }
        gained |= heading_at(Some(&upper), below, column).1.is_some();
    }
    gained
}
