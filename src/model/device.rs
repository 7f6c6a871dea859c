//! What a device says of itself, as a profile makes it of the device's answers: the classes of things, their fields
//! in order, and the values. The tables here are the only list: profiles are checked by them, and the printed object
//! has their order.

pub mod report;

use std::sync::Arc;

use super::time::Wall;

/// How devices of a family want to be asked for tables. What is not said is left to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asking {
    /// Rows that a GETBULK asks for at first, if whoever asks does not want fewer.
    pub repetitions: Option<u32>,
    /// Whether tables are asked for with GETBULK, or row by row with GETNEXT.
    pub bulk: Option<bool>,
    /// Whether rows are taken whose names do not come behind those before, as long as none comes again.
    pub nonincreasing: Option<bool>,
}

impl Asking {
    /// What this one says, and where it says nothing the other.
    pub fn or(self, other: Self) -> Self {
        Self {
            repetitions: self.repetitions.or(other.repetitions),
            bulk: self.bulk.or(other.bulk),
            nonincreasing: self.nonincreasing.or(other.nonincreasing),
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A text.
    Text,
    /// A number, in the unit that its name says.
    Number,
    /// A whole number that may be large, such as a counter.
    Count,
    /// A word of a closed list.
    Word(&'static [&'static str]),
}

/// A field of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name, in profiles and in the object.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Without it there is no row.
    pub needed: bool,
    /// It is another value at every look (a counter, a temperature), so that a change of it is no news.
    pub moves: bool,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

impl Part {
    const fn text(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { name, holds: Holds::Text, needed: false, moves: false, zh, en }
    }
    const fn number(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { name, holds: Holds::Number, needed: false, moves: false, zh, en }
    }
    const fn count(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { name, holds: Holds::Count, needed: false, moves: false, zh, en }
    }
    const fn word(name: &'static str, words: &'static [&'static str], zh: &'static str, en: &'static str) -> Self {
        Self { name, holds: Holds::Word(words), needed: false, moves: false, zh, en }
    }
    const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }
    const fn moves(self) -> Self {
        Self { moves: true, ..self }
    }
}

/// A class of things that a device has.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name, in profiles and in the object.
    pub name: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// The fields that tell one from another, if several tables of a device may list the same ones: what a later table
    /// says of one that is known is left out, and of what one table says twice, but for what moves, one counts.
    pub key: &'static [&'static str],
    /// The fields by which a thing is known again at another look.
    pub known_by: &'static [&'static str],
    /// Its fields, in order.
    pub parts: &'static [Part],
}

impl Class {
    /// The class of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CLASSES.iter().find(|class| class.name == name)
    }
    /// The place of a field.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name == name)
    }
}

/// How a thing is. `removed` is what only somebody can say who saw it before: it was there, and is not.
pub const STATUS: &[&str] = &["ok", "warning", "critical", "absent", "unknown", "removed"];
/// ifAdminStatus.
pub const ADMIN: &[&str] = &["up", "down", "testing"];
/// ifOperStatus.
pub const OPER: &[&str] = &["up", "down", "testing", "unknown", "dormant", "not_present", "lower_layer_down"];
/// bgpPeerState.
pub const BGP: &[&str] = &["idle", "connect", "active", "open_sent", "open_confirm", "established"];
/// ospfNbrState.
pub const OSPF: &[&str] = &["down", "attempt", "init", "two_way", "exchange_start", "exchange", "loading", "full"];
/// ipNetToPhysicalType (IP-MIB), without `invalid`.
pub const ARP: &[&str] = &["other", "dynamic", "static", "local"];
/// dot1dTpFdbStatus and dot1qTpFdbStatus (BRIDGE-MIB, Q-BRIDGE-MIB), without `invalid`; `mgmt` is what somebody set.
pub const FDB: &[&str] = &["other", "learned", "self", "static"];
/// Protocols by which devices find each other.
pub const DISCOVERY: &[&str] = &["lldp", "cdp"];

/// A kind of sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorKind {
    /// Its name, in profiles and in the object.
    pub name: &'static str,
    /// Unit of its values; empty if they have none, or count.
    pub unit: &'static str,
    /// The least and most that any device can mean: beyond stands a sentinel that no profile knows.
    pub bounds: (f64, f64),
    /// The field of samples that its value is, and what it is divided by to be that; no field if it has a status alone.
    pub sample: (&'static str, f64),
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

const fn kind(
    name: &'static str,
    unit: &'static str,
    bounds: (f64, f64),
    sample: (&'static str, f64),
    zh: &'static str,
    en: &'static str,
) -> SensorKind {
    SensorKind { name, unit, bounds, sample, zh, en }
}

/// All kinds of sensors.
pub const SENSORS: &[SensorKind] = &[
    kind("temperature", "°C", (-100.0, 300.0), ("temperature_celsius", 1.0), "温度", "temperature"),
    kind("fan", "rpm", (0.0, 100_000.0), ("fan_rpm", 1.0), "风扇", "fan"),
    kind("fan_ratio", "%", (0.0, 100.0), ("fan_ratio", 100.0), "风扇转速比", "fan speed"),
    kind("power_supply", "", (0.0, 0.0), ("", 1.0), "电源", "power supply"),
    kind("board", "", (0.0, 0.0), ("", 1.0), "板卡", "board"),
    kind("voltage", "V", (-100_000.0, 100_000.0), ("voltage_volts", 1.0), "电压", "voltage"),
    kind("current", "A", (-100_000.0, 100_000.0), ("current_amperes", 1.0), "电流", "current"),
    kind("power", "W", (-1e7, 1e7), ("power_watts", 1.0), "功率", "power"),
    kind("optical_rx", "dBm", (-60.0, 40.0), ("optical_dbm", 1.0), "光模块收光功率", "optical power received"),
    kind("optical_tx", "dBm", (-60.0, 40.0), ("optical_dbm", 1.0), "光模块发光功率", "optical power sent"),
    kind("optical", "dBm", (-60.0, 40.0), ("optical_dbm", 1.0), "光功率", "optical power"),
    kind("humidity", "%", (0.0, 100.0), ("humidity_ratio", 100.0), "湿度", "humidity"),
    kind("frequency", "Hz", (0.0, 1e12), ("frequency_hertz", 1.0), "频率", "frequency"),
    kind("charge", "%", (0.0, 100.0), ("charge_ratio", 100.0), "电池电量", "battery charge"),
    kind("battery", "", (0.0, 0.0), ("", 1.0), "电池", "battery"),
    kind("load", "%", (0.0, 1_000.0), ("load_ratio", 100.0), "负载率", "load"),
    kind("runtime", "s", (0.0, 1e8), ("runtime_seconds", 1.0), "电池剩余时间", "battery runtime"),
    kind("sessions", "", (0.0, 1e12), ("sessions", 1.0), "会话数", "sessions"),
];

/// The names of [`SENSORS`].
pub const SENSOR_KINDS: [&str; SENSORS.len()] = {
    let mut names = [""; SENSORS.len()];
    let mut at = 0;
    while at < SENSORS.len() {
        names[at] = SENSORS[at].name;
        at += 1;
    }
    names
};

/// The device itself.
pub static DEVICE: Class = Class {
    name: "device",
    zh: "设备",
    en: "device",
    key: &[],
    known_by: &[],
    parts: &[
        Part::text("profile", "模板", "profile"),
        Part::text("vendor", "厂商", "vendor"),
        Part::text("model", "型号", "model"),
        Part::text("os", "系统", "system"),
        Part::text("version", "版本", "version"),
        Part::text("serial", "序列号", "serial number"),
        Part::text("name", "名称", "name"),
        Part::text("location", "位置", "location"),
        Part::number("uptime_seconds", "运行时间（秒）", "uptime (s)").moves(),
        Part::number("config_changed_seconds", "配置最近变更（启动后）", "configuration changed (after the start)"),
        Part::number("config_saved_seconds", "配置最近保存（启动后）", "configuration saved (after the start)"),
    ],
};

/// What it has, in the order of the object.
pub static CLASSES: [Class; 11] = [
    Class {
        name: "interfaces",
        zh: "接口",
        en: "interfaces",
        key: &[],
        known_by: &["name"],
        parts: &[
            Part::text("name", "名称", "name").needed(),
            Part::count("index", "索引", "index"),
            Part::text("alias", "描述", "alias"),
            Part::text("type", "类型", "type"),
            Part::word("admin", ADMIN, "管理", "admin"),
            Part::word("oper", OPER, "状态", "oper"),
            Part::number("speed_bps", "速率", "speed (bit/s)"),
            Part::count("mtu", "MTU", "MTU"),
            Part::text("mac", "MAC", "MAC"),
            Part::text("aggregate", "聚合口", "aggregate"),
            Part::count("in_octets", "入字节", "octets in").moves(),
            Part::count("out_octets", "出字节", "octets out").moves(),
            Part::count("in_errors", "入错误", "errors in").moves(),
            Part::count("out_errors", "出错误", "errors out").moves(),
            Part::count("in_discards", "入丢弃", "discards in").moves(),
            Part::count("out_discards", "出丢弃", "discards out").moves(),
        ],
    },
    Class {
        name: "cpu",
        zh: "CPU",
        en: "CPU",
        key: &[],
        known_by: &["name"],
        parts: &[
            Part::text("name", "名称", "name").needed(),
            Part::number("ratio", "利用率", "ratio").needed().moves(),
        ],
    },
    Class {
        name: "memory",
        zh: "内存",
        en: "memory",
        key: &[],
        known_by: &["name"],
        parts: &[
            Part::text("name", "名称", "name").needed(),
            Part::number("used_ratio", "利用率", "used ratio").needed().moves(),
            Part::number("size_bytes", "容量（字节）", "size (bytes)"),
            Part::number("used_bytes", "已用（字节）", "used (bytes)").moves(),
            Part::number("free_bytes", "空闲（字节）", "free (bytes)").moves(),
        ],
    },
    Class {
        name: "sensors",
        zh: "传感器",
        en: "sensors",
        key: &[],
        known_by: &["kind", "name"],
        parts: &[
            Part::word("kind", &SENSOR_KINDS, "种类", "kind").needed(),
            Part::text("name", "名称", "name").needed(),
            Part::number("value", "值", "value").moves(),
            Part::text("unit", "单位", "unit"),
            Part::word("status", STATUS, "状态", "status"),
        ],
    },
    Class {
        name: "neighbours",
        zh: "邻居",
        en: "neighbours",
        key: &[],
        known_by: &["protocol", "local_port", "chassis", "port"],
        parts: &[
            Part::word("protocol", DISCOVERY, "协议", "protocol").needed(),
            Part::text("local_port", "本端口", "local port"),
            Part::text("name", "对端名称", "remote name"),
            Part::text("port", "对端端口", "remote port").needed(),
            Part::text("chassis", "对端标识", "remote chassis"),
            Part::text("address", "对端地址", "remote address"),
            Part::text("description", "对端描述", "remote description"),
        ],
    },
    Class {
        name: "vlans",
        zh: "VLAN",
        en: "VLANs",
        key: &[],
        known_by: &["id"],
        parts: &[Part::count("id", "编号", "id").needed(), Part::text("name", "名称", "name")],
    },
    Class {
        name: "addresses",
        zh: "地址",
        en: "addresses",
        key: &[],
        known_by: &["address", "interface"],
        parts: &[
            Part::text("address", "地址", "address").needed(),
            Part::count("prefix_length", "前缀长度", "prefix length"),
            Part::text("interface", "接口", "interface"),
        ],
    },
    Class {
        name: "arp",
        zh: "ARP",
        en: "ARP",
        key: &["address", "interface"],
        known_by: &["address", "interface"],
        parts: &[
            Part::text("address", "地址", "address").needed(),
            Part::text("mac", "MAC", "MAC").needed(),
            Part::text("interface", "接口", "interface"),
            Part::word("type", ARP, "类型", "type"),
        ],
    },
    Class {
        name: "macs",
        zh: "MAC 地址表",
        en: "MAC table",
        key: &["mac"],
        known_by: &["mac", "fdb"],
        parts: &[
            Part::text("mac", "MAC", "MAC").needed(),
            Part::text("port", "端口", "port"),
            Part::count("fdb", "转发库（多数设备即 VLAN）", "filtering database (mostly the VLAN)"),
            Part::word("status", FDB, "状态", "status"),
        ],
    },
    Class {
        name: "bgp_peers",
        zh: "BGP 邻居",
        en: "BGP peers",
        key: &["peer"],
        known_by: &["peer"],
        parts: &[
            Part::text("peer", "对端", "peer").needed(),
            Part::count("remote_as", "对端 AS", "remote AS"),
            Part::word("state", BGP, "状态", "state").needed(),
            Part::text("local_address", "本端地址", "local address"),
            Part::number("established_seconds", "建立时间（秒）", "established (s)").moves(),
        ],
    },
    Class {
        name: "ospf_neighbours",
        zh: "OSPF 邻居",
        en: "OSPF neighbours",
        key: &[],
        known_by: &["address"],
        parts: &[
            Part::text("address", "地址", "address").needed(),
            Part::text("router_id", "路由器标识", "router id"),
            Part::word("state", OSPF, "状态", "state").needed(),
        ],
    },
];

/// One value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Fact {
    /// The device does not say, or says nothing that can be true.
    #[default]
    Null,
    /// A text or a word.
    Text(Arc<str>),
    /// A number.
    Number(f64),
    /// A whole number.
    Count(u64),
}

impl Fact {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
    /// The number, if it is one.
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Count(count) => Some(*count as f64),
            Self::Null | Self::Text(_) => None,
        }
    }
    /// Whether there is none.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// One thing: the values of its class's fields, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thing {
    /// Its values.
    pub facts: Vec<Fact>,
    /// Index of its row in the device's table.
    pub row: Vec<u32>,
    /// Which of the things of its row, from 0: a module with four lanes is a row of four.
    pub item: usize,
    /// The column (or scalar) that its main value comes from.
    pub from: Arc<[u32]>,
    /// When it was seen, if the last look did not reach it.
    pub as_of: Option<Wall>,
}

/// What is missing of a device, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Class that lacks something.
    pub class: &'static str,
    /// Why.
    pub reason: String,
}

/// A device as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Values of [`DEVICE`].
    pub facts: Vec<Fact>,
    /// Things by class, in the order of [`CLASSES`].
    pub things: Vec<Vec<Thing>>,
    /// What was cut; empty if all came.
    pub incomplete: Vec<Incomplete>,
}

impl Device {
    /// The things of a class; none for a class that there is not.
    pub fn of(&self, class: &str) -> &[Thing] {
        CLASSES.iter().position(|c| c.name == class).and_then(|at| self.things.get(at)).map_or(&[], Vec::as_slice)
    }
    /// How many things of a class the last look did not reach, and from when the oldest of them is.
    pub fn kept(&self, class: &str) -> (usize, Option<Wall>) {
        let seen = self.of(class).iter().filter_map(|thing| thing.as_of);
        (seen.clone().count(), seen.min())
    }
    /// A value of the device itself.
    pub fn fact(&self, name: &str) -> &Fact {
        DEVICE.place(name).and_then(|at| self.facts.get(at)).unwrap_or(&Fact::Null)
    }
}

impl Thing {
    /// A value of it.
    pub fn fact(&self, class: &Class, name: &str) -> &Fact {
        class.place(name).and_then(|at| self.facts.get(at)).unwrap_or(&Fact::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_fields_of_a_class_and_no_two_classes_have_one_name() {
        let mut names: Vec<&str> = CLASSES.iter().map(|class| class.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CLASSES.len());
        for class in CLASSES.iter().chain([&DEVICE]) {
            let mut parts: Vec<&str> = class.parts.iter().map(|part| part.name).collect();
            parts.sort_unstable();
            parts.dedup();
            assert_eq!(parts.len(), class.parts.len(), "{}", class.name);
            assert!(class.known_by.iter().all(|name| class.place(name).is_some()), "{}", class.name);
        }
    }
}
