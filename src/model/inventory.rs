//! What people declare: regions, organisations, agents, assets, links, systems. References between them
//! are checked before such a value exists (`config::inventory`).

use std::collections::BTreeMap;

use super::id::{AgentId, AssetId, CalendarId, LinkId, OrganisationId, PersonId, RegionId, SystemId, ZoneId};

/// Tier of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// 自治区
    Province,
    /// 地区
    Prefecture,
    /// 县市
    County,
    /// 乡镇
    Township,
}

/// A node of the administrative tree (区划).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// GB/T 2260 code where one exists.
    pub id: RegionId,
    /// Name.
    pub name: String,
    /// Tier.
    pub tier: Tier,
    /// The region above it.
    pub parent: Option<RegionId>,
}

/// A unit (单位).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Id.
    pub id: OrganisationId,
    /// Name.
    pub name: String,
    /// Where it is.
    pub region: Option<RegionId>,
    /// The unit above it.
    pub parent: Option<OrganisationId>,
    /// When it works; if not given, that of the unit above it.
    pub calendar: Option<CalendarId>,
}

/// A person responsible (责任人); not necessarily a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// Unit.
    pub organisation: OrganisationId,
    /// Duty.
    pub duty: String,
    /// Mobile number, as text.
    pub mobile: String,
    /// Who stands in.
    pub deputy: Option<PersonId>,
}

/// A network zone (所属网络).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Id, such as `extranet`.
    pub id: ZoneId,
    /// Name.
    pub name: String,
    /// The zone it is a part of.
    pub parent: Option<ZoneId>,
}

/// A declared agent (探针).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentDecl {
    /// Id.
    pub id: AgentId,
    /// Name; the id if not given.
    pub name: String,
    /// Region it stands in.
    pub region: Option<RegionId>,
    /// Zone it stands in.
    pub zone: ZoneId,
    /// Its address, if others must know it.
    pub address: Option<String>,
}

/// Kind of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKind {
    /// 路由器
    Router,
    /// 交换机
    Switch,
    /// 防火墙
    Firewall,
    /// 主机
    Host,
    /// 网站
    Website,
    /// 业务服务
    Service,
    /// 不间断电源
    Ups,
    /// 其他
    Other,
}

/// Status of an asset in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetStatus {
    /// 在建; not watched.
    Building,
    /// 在用
    InUse,
    /// 带病运行; watched.
    KnownFault,
    /// 备用; not watched.
    Spare,
    /// 退役; not watched.
    Retired,
}

impl AssetStatus {
    /// Whether probes run on it.
    pub const fn watched(self) -> bool {
        matches!(self, Self::InUse | Self::KnownFault)
    }
}

macro_rules! words {
    ($($name:ident { $($variant:ident = $text:literal, $zh:literal;)* })*) => {$(
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The word used in files and JSON.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $text,)* } }
            /// The Chinese word.
            pub const fn zh(self) -> &'static str { match self { $(Self::$variant => $zh,)* } }
            /// The value of that word.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|v| v.as_str() == text) }
        }
    )*};
}

words! {
    Tier { Province = "province", "自治区"; Prefecture = "prefecture", "地区"; County = "county", "县市"; Township = "township", "乡镇"; }
    AssetKind {
        Router = "router", "路由器"; Switch = "switch", "交换机"; Firewall = "firewall", "防火墙"; Host = "host", "主机";
        Website = "website", "网站"; Service = "service", "业务服务"; Ups = "ups", "不间断电源"; Other = "other", "其他";
    }
    AssetStatus {
        Building = "building", "在建"; InUse = "in_use", "在用"; KnownFault = "known_fault", "带病运行";
        Spare = "spare", "备用"; Retired = "retired", "退役";
    }
    LinkTier { Backbone = "backbone", "骨干"; Metro = "metro", "城域"; Access = "access", "接入"; }
    WatchMode { First = "first", "首个在线"; All = "all", "全部"; }
}

/// How several watching agents share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchMode {
    /// The first alive one in the order given.
    First,
    /// All of them.
    All,
}

/// Who watches an asset; absent means chosen by zone and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Agents in order.
    pub agents: Vec<AgentId>,
    /// Mode.
    pub mode: WatchMode,
}

/// How to ask an asset by SNMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnmpAccess {
    /// UDP port, 161 unless given.
    pub port: u16,
    /// Name of the secret.
    pub secret: String,
    /// Whether its tables may be read with GETBULK, which some devices answer wrongly; yes unless given.
    pub bulk: bool,
    /// Whether its answers come from the address that was asked; no of some that have several.
    pub strict_source: bool,
}

impl SnmpAccess {
    /// By this secret, as most devices are asked.
    pub const fn new(port: u16, secret: String) -> Self {
        Self { port, secret, bulk: true, strict_source: true }
    }
}

/// Where an asset's configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigAccess {
    /// From where.
    pub source: ConfigSource,
    /// Its command language, such as `huawei-vrp`; empty to recognise it.
    pub dialect: String,
}

/// Source of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// The device itself, over SSH.
    Ssh {
        /// TCP port, 22 unless given.
        port: u16,
        /// Name of the secret.
        secret: String,
        /// Fingerprint of its key that somebody has accepted, `SHA256:...`; empty before that.
        host_key: String,
    },
    /// A file that others write where the watching agent runs, or a directory with a file of this asset's name.
    File(String),
    /// It is the machine that this agent runs on, which looks at itself.
    Own(AgentId),
}

/// What makes an asset a website.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Website {
    /// http or https URL.
    pub url: String,
    /// 政府网站标识码, ten digits, or empty.
    pub site_code: String,
}

/// A device, host, website or business service (资产).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Id.
    pub id: AssetId,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: AssetKind,
    /// Status; in use unless given.
    pub status: AssetStatus,
    /// Address or host name.
    pub address: Option<String>,
    /// Other sources of its traps, syslog and flows.
    pub also: Vec<String>,
    /// Zone.
    pub zone: ZoneId,
    /// Region.
    pub region: Option<RegionId>,
    /// 主管
    pub owner: Option<OrganisationId>,
    /// 运行
    pub operator: Option<OrganisationId>,
    /// 责任人
    pub person: Option<PersonId>,
    /// Where it stands, in words.
    pub location: String,
    /// 1 一般, 2 重要, 3 特别重要.
    pub importance: u8,
    /// Who watches it.
    pub watch: Option<Watch>,
    /// SNMP access.
    pub snmp: Option<SnmpAccess>,
    /// Where its configuration is read.
    pub config: Option<ConfigAccess>,
    /// Website.
    pub website: Option<Website>,
    /// TCP ports on which it should answer.
    pub tcp_ports: Vec<u16>,
    /// Groups of assets or links; unreachable when any group is wholly down.
    pub depends_on: Vec<Vec<String>>,
    /// Free labels for filters.
    pub tags: Vec<String>,
    /// Its id before a renaming; keeps history.
    pub renamed_from: Option<AssetId>,
}

impl Asset {
    /// One in use of which nothing more is known; its importance is 1.
    pub fn bare(id: AssetId, name: String, kind: AssetKind, zone: ZoneId) -> Self {
        Self {
            id,
            name,
            kind,
            status: AssetStatus::InUse,
            address: None,
            also: Vec::new(),
            zone,
            region: None,
            owner: None,
            operator: None,
            person: None,
            location: String::new(),
            importance: 1,
            watch: None,
            snmp: None,
            config: None,
            website: None,
            tcp_ports: Vec::new(),
            depends_on: Vec::new(),
            tags: Vec::new(),
            renamed_from: None,
        }
    }

    /// The agent that runs on it and looks at it from within.
    pub fn own_agent(&self) -> Option<&AgentId> {
        match &self.config.as_ref()?.source {
            ConfigSource::Own(agent) => Some(agent),
            _ => None,
        }
    }
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// A port of an asset of ours.
    Port {
        /// Asset.
        asset: AssetId,
        /// ifName.
        interface: String,
        /// The port's own address on the link.
        address: Option<String>,
    },
    /// A peer that is not ours.
    Peer {
        /// Its name.
        name: String,
        /// Its address on the link.
        address: Option<String>,
    },
}

impl LinkEnd {
    /// Its address on the link.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Port { address, .. } | Self::Peer { address, .. } => address.as_deref(),
        }
    }
}

/// Tier of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkTier {
    /// 骨干
    Backbone,
    /// 城域
    Metro,
    /// 接入
    Access,
}

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// End `a`.
    A,
    /// End `b`.
    B,
}

/// Which agent probes a link, and towards which end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkWatch {
    /// Agent.
    pub agent: AgentId,
    /// The far end.
    pub to: Side,
}

/// The carrier of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carrier {
    /// Name.
    pub name: String,
    /// Circuit number.
    pub circuit: String,
    /// Whom to call.
    pub hotline: String,
}

/// A line between two ends (链路).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Id.
    pub id: LinkId,
    /// Name.
    pub name: String,
    /// One end.
    pub a: LinkEnd,
    /// The other.
    pub b: LinkEnd,
    /// Who probes it.
    pub watch: Vec<LinkWatch>,
    /// Tier.
    pub tier: LinkTier,
    /// Capacity in bit/s, if known.
    pub capacity_bps: Option<u64>,
    /// Carrier.
    pub carrier: Option<Carrier>,
    /// Free words for `where`, such as `stamp`.
    pub tags: Vec<String>,
}

/// Filing (备案) of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filing {
    /// Filing number.
    pub number: String,
    /// Date of the filing (备案日期), ISO 8601.
    pub filed: Option<String>,
    /// Date of the last assessment (等级测评), ISO 8601.
    pub last_assessed: Option<String>,
}

/// A graded system (定级对象).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Id.
    pub id: SystemId,
    /// Name.
    pub name: String,
    /// Protection level 1 to 5 (GB/T 22240).
    pub level: u8,
    /// Its assets.
    pub assets: Vec<AssetId>,
    /// 主管
    pub owner: Option<OrganisationId>,
    /// 备案
    pub filing: Filing,
}

/// Everything declared, by id. Every reference inside points to something inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Regions.
    pub regions: BTreeMap<RegionId, Region>,
    /// Organisations.
    pub organisations: BTreeMap<OrganisationId, Organisation>,
    /// Persons.
    pub persons: BTreeMap<PersonId, Person>,
    /// Zones; the shipped ones plus declared ones.
    pub zones: BTreeMap<ZoneId, Zone>,
    /// Agents.
    pub agents: BTreeMap<AgentId, AgentDecl>,
    /// Assets.
    pub assets: BTreeMap<AssetId, Asset>,
    /// Links.
    pub links: BTreeMap<LinkId, Link>,
    /// Systems.
    pub systems: BTreeMap<SystemId, System>,
}

impl Inventory {
    /// Whether anything is declared but the machines that agents run on, which declare themselves.
    pub fn has_assets(&self) -> bool {
        self.assets.values().any(|asset| asset.own_agent().is_none())
    }
}

impl Inventory {
    /// A region and all regions below it.
    pub fn region_subtree(&self, root: &RegionId) -> Vec<RegionId> {
        let mut found = vec![root.clone()];
        let mut at = 0;
        while let Some(parent) = found.get(at).cloned() {
            found.extend(
                self.regions
                    .values()
                    .filter(|r| r.parent.as_ref() == Some(&parent) && !found.contains(&r.id))
                    .map(|r| r.id.clone())
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        found
    }
}
