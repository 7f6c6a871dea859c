//! Who and where: the prefecture and its county-level places with their real GB/T 2260 codes, and persons,
//! units, rooms and circuits that are made up.

/// A place of the demo: the prefecture first, then its counties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// GB/T 2260 code.
    pub(super) code: &'static str,
    /// Begins the ids of its assets.
    pub(super) slug: &'static str,
    /// Full name.
    pub(super) name: &'static str,
    /// Name on labels.
    pub(super) short: &'static str,
    /// Who keeps its network.
    pub(super) person: &'static str,
    /// Where its devices stand.
    pub(super) room: &'static str,
}

/// The prefecture and its nine counties and cities.
#[rustfmt::skip]
pub(super) const PLACES: &[Place] = &[
    Place { code: "652900", slug: "aks", name: "阿克苏地区", short: "地区", person: "王建国", room: "行署大院信息中心机房" },
    Place { code: "652901", slug: "aksu", name: "阿克苏市", short: "阿克苏市", person: "李晓梅", room: "市政府办公楼四楼机房" },
    Place { code: "652902", slug: "kuqa", name: "库车市", short: "库车", person: "艾力·买买提", room: "市政务服务中心机房" },
    Place { code: "652922", slug: "wensu", name: "温宿县", short: "温宿", person: "张伟", room: "县政府办公楼三楼机房" },
    Place { code: "652924", slug: "xayar", name: "沙雅县", short: "沙雅", person: "古丽娜尔·吐尔逊", room: "县政府办公楼二楼机房" },
    Place { code: "652925", slug: "toksu", name: "新和县", short: "新和", person: "刘洋", room: "县行政服务中心机房" },
    Place { code: "652926", slug: "bay", name: "拜城县", short: "拜城", person: "玉素甫·艾合买提", room: "县政府办公楼五楼机房" },
    Place { code: "652927", slug: "wushi", name: "乌什县", short: "乌什", person: "陈志强", room: "县政府综合楼机房" },
    Place { code: "652928", slug: "awat", name: "阿瓦提县", short: "阿瓦提", person: "阿依努尔·卡德尔", room: "县政府办公楼三楼机房" },
    Place { code: "652929", slug: "kalpin", name: "柯坪县", short: "柯坪", person: "马晓东", room: "县政府办公楼一楼机房" },
];

/// Carriers of circuits: name, hotline, begin of the circuit number.
pub(super) const CARRIERS: &[(&str, &str, &str)] = &[
    ("电信阿克苏分公司", "10000", "AKS-DX"),
    ("移动阿克苏分公司", "10086", "AKS-YD"),
    ("联通阿克苏分公司", "10010", "AKS-LT"),
];

/// A server of the prefecture: id, name, TCP ports on which it answers, importance, whether it has an SNMP agent.
pub(super) type Server = (&'static str, &'static str, &'static [u16], u8, bool);

/// Servers in the prefecture's machine room.
#[rustfmt::skip]
pub(super) const SERVERS: &[Server] = &[
    ("aks-exchange", "公文交换服务器", &[18080, 18021], 3, true),
    ("aks-oa", "OA 办公服务器", &[18080], 3, true),
    ("aks-approval", "网上审批服务器", &[18080], 3, true),
    ("aks-db-1", "数据库服务器（主）", &[15432], 3, false),
    ("aks-db-2", "数据库服务器（备）", &[15432], 2, false),
    ("aks-auth", "统一身份认证服务器", &[18443], 3, false),
    ("aks-dns", "政务外网 DNS 服务器", &[10053], 2, false),
    ("aks-log", "日志审计服务器", &[10514], 2, false),
    ("aks-bastion", "运维堡垒机", &[10022], 2, false),
    ("aks-backup", "备份服务器", &[10022], 1, false),
    ("aks-web-1", "网站集约化平台 1", &[18081], 2, true),
    ("aks-web-2", "网站集约化平台 2", &[18081], 2, true),
];

/// Counties with a server of their own: place, id, name, port.
pub(super) const COUNTY_SERVERS: &[(usize, &str, &str, u16)] = &[
    (1, "aksu-hall", "阿克苏市政务服务大厅服务器", 18080),
    (2, "kuqa-hall", "库车市政务服务大厅服务器", 18080),
    (3, "wensu-hall", "温宿县政务服务大厅服务器", 18080),
    (6, "bay-hall", "拜城县政务服务大厅服务器", 18080),
    (8, "awat-hall", "阿瓦提县政务服务大厅服务器", 18080),
];

/// Counties that keep their website at home; the others are on the prefecture's platform.
pub(super) const SITES_AT_HOME: &[usize] = &[2, 4, 7];

/// Business services: id, name, the server that runs them.
pub(super) const SERVICES: &[(&str, &str, &str)] = &[
    ("aks-exchange-app", "公文交换业务", "aks-exchange"),
    ("aks-oa-app", "OA 办公业务", "aks-oa"),
    ("aks-approval-app", "网上审批业务", "aks-approval"),
];

/// Graded systems: id, name, protection level, assets.
pub(super) const SYSTEMS: &[(&str, &str, u8, &[&str])] = &[
    ("aks-exchange-system", "公文交换系统", 3, &["aks-exchange-app", "aks-exchange", "aks-db-1", "aks-core-1"]),
    ("aks-oa-system", "OA 办公系统", 3, &["aks-oa-app", "aks-oa", "aks-db-1", "aks-db-2", "aks-auth"]),
    ("aks-approval-system", "网上审批系统", 3, &["aks-approval-app", "aks-approval", "aks-db-1", "aks-auth"]),
    ("aks-portal-system", "地区门户网站", 3, &["aks-portal", "aks-web-1", "aks-web-2"]),
    ("aks-sites-system", "县市门户网站群", 2, &["aks-web-1", "aks-web-2", "aksu-portal", "wensu-portal"]),
    ("aks-wan-system", "电子政务外网（地区）", 3, &["aks-core-1", "aks-fw-1", "aks-access-1"]),
];
