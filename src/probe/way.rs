//! How the packets of a probe travel: DSCP class, source address, interface. The settings that say so, and what
//! they come to on this host when a packet is sent; what this host lacks makes a run invalid, never lost.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::field::{SettingDef, SettingType};
use crate::model::observation::Cause;
use crate::model::plan::Settings;
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::sock::{self, Route};

/// Names of the DSCP classes (RFC 2474, 2597, 3246).
pub const DSCP_NAMES: &[&str] = &[
    "cs0", "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "cs7", "af11", "af12", "af13", "af21", "af22", "af23", "af31",
    "af32", "af33", "af41", "af42", "af43", "ef",
];

/// How many packets.
pub const COUNT: SettingDef = SettingDef {
    name: "count",
    kind: SettingType::Int(1, 20),
    default: Some("1"),
    zh: "每次发送的报文数",
    en: "packets a run",
};

/// How far apart they leave.
pub const SPACING: SettingDef = SettingDef {
    name: "spacing",
    kind: SettingType::Duration,
    default: Some("'100ms'"),
    zh: "一次监测内相邻报文的间隔；所有报文在超时的前一半时间内发出",
    en: "time between the packets of a run; all leave in the first half of the timeout",
};

/// The class.
pub const DSCP: SettingDef = SettingDef {
    name: "dscp",
    kind: SettingType::Choice(DSCP_NAMES),
    default: Some("'cs0'"),
    zh: "DSCP 服务等级",
    en: "DSCP class",
};

/// The address to send from.
pub const SOURCE: SettingDef = SettingDef {
    name: "source",
    kind: SettingType::Text(45),
    default: None,
    zh: "发送用的本机地址；near 为链路的本端地址；不写则由路由决定",
    en: "address of this host to send from, `near` of a link: its near address; as routed unless given",
};

/// The interface to leave by.
pub const INTERFACE: SettingDef = SettingDef {
    name: "interface",
    kind: SettingType::Text(15),
    default: None,
    zh: "发送用的本机网卡；不写则由路由决定",
    en: "interface of this host to leave by; as routed unless given",
};

/// What a task asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Way {
    class: u8,
    hops: u8,
    source: Option<String>,
    interface: Option<String>,
}

impl Way {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            class: dscp(settings.text("dscp").unwrap_or("cs0")) << 2,
            hops: settings.int("ttl").and_then(|v| u8::try_from(v).ok()).unwrap_or(0),
            source: settings.text("source").map(str::to_owned),
            interface: settings.text("interface").map(str::to_owned),
        }
    }

    /// What it comes to now: interfaces come and go.
    pub fn route(&self) -> Result<Route, NetError> {
        self.with(sock::is_ours, sock::interface)
    }

    /// What it comes to where this tells which addresses and interfaces there are.
    fn with(
        &self,
        is_ours: impl FnOnce(IpAddr) -> bool,
        number: impl FnOnce(&str) -> Option<u32>,
    ) -> Result<Route, NetError> {
        let wrong = |detail: String| NetError::new(Cause::Unsupported, detail);
        let source = match &self.source {
            Some(text) => {
                let source = text.parse::<IpAddr>().map_err(|_| wrong(format!("source `{text}` is no address")))?;
                if !is_ours(source) {
                    return Err(wrong(format!("this host does not have the source {source}")));
                }
                Some(source)
            }
            None => None,
        };
        let interface = match &self.interface {
            Some(name) => number(name).ok_or_else(|| wrong(format!("this host has no interface `{name}`")))?,
            None => 0,
        };
        Ok(Route { class: self.class, hops: self.hops, source, interface })
    }
}

/// How long what this host has is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// Most addresses and interfaces remembered: more than a host has.
const MAX_REMEMBERED: usize = 1024;

/// What this host has, as it was within the last second: for who sends thousands of packets in one, and would look before
/// each.
#[derive(Debug, Default)]
pub struct Ours {
    sources: Remembered<IpAddr, bool>,
    interfaces: Remembered<String, Option<u32>>,
}

type Remembered<K, V> = HashMap<K, (Mono, V)>;

impl Ours {
    /// What a way comes to at `now`.
    pub fn route(&mut self, way: &Way, now: Mono) -> Result<Route, NetError> {
        way.with(
            |source| recall(&mut self.sources, &source, now, |source| sock::is_ours(*source)),
            |name| recall(&mut self.interfaces, name, now, sock::interface),
        )
    }
}

/// What was found within the last second, else what is found now.
fn recall<K, Q, V>(held: &mut Remembered<K, V>, key: &Q, now: Mono, look: impl FnOnce(&Q) -> V) -> V
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    V: Copy,
{
    if let Some((at, found)) = held.get(key)
        && now.since(*at) < BELIEVED
    {
        return *found;
    }
    if held.len() >= MAX_REMEMBERED {
        held.clear();
    }
    let found = look(key);
    held.insert(key.to_owned(), (now, found));
    found
}

/// Code point of a DSCP class; 0 for what is none.
fn dscp(name: &str) -> u8 {
    let digits: Vec<u8> = name.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    match (name.get(..2), digits.as_slice()) {
        (Some("ef"), _) => 46,
        (Some("cs"), [class]) => class * 8,
        (Some("af"), [class, drop]) => class * 8 + drop * 2,
        _ => 0,
    }
}

/// What was answered came by another way than the line's.
pub(super) fn detour(to: &dyn std::fmt::Display, hops: u8, usual: u8) -> NetError {
    let words = format!("{to}: answers from {hops} hops away, usually {usual}: not over this line");
    NetError::new(Cause::Unreachable, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::parse_set;
    use crate::probe::icmp::SPEC;

    #[test]
    fn classes_have_their_code_points() {
        for (name, code) in [("cs0", 0), ("cs6", 48), ("af11", 10), ("af43", 38), ("ef", 46)] {
            assert_eq!(dscp(name), code, "{name}");
        }
        assert_eq!(DSCP_NAMES.iter().filter(|n| dscp(n) == 0).count(), 1);
    }

    #[test]
    fn a_way_is_what_the_settings_say_and_what_this_host_has() {
        let told = |set: &[&str]| {
            let route = Way::of(&parse_set(&SPEC, set).unwrap()).route();
            route.map_err(|error| format!("{} {}", error.cause.as_str(), error.detail))
        };
        assert_eq!(told(&[]), Ok(Route::default()));
        let source = Some("127.0.0.9".parse().unwrap());
        let full = Route { class: 34 << 2, hops: 7, source, interface: 1 };
        assert_eq!(told(&["dscp=af41", "ttl=7", "source=127.0.0.9", "interface=lo"]), Ok(full));
        assert_eq!(told(&["source=core-1"]), Err("unsupported source `core-1` is no address".into()));
        let stranger = "unsupported this host does not have the source 192.0.2.77";
        assert_eq!(told(&["source=192.0.2.77"]), Err(stranger.into()));
        assert_eq!(told(&["interface=nope0"]), Err("unsupported this host has no interface `nope0`".into()));
    }

    #[test]
    fn what_this_host_has_is_looked_at_once_a_second() {
        let (mut held, mut looked) = (Remembered::<String, Option<u32>>::new(), Vec::new());
        for ms in [0, 1, 999, 1_000, 1_500, 2_100] {
            let now = Mono::from_origin(Duration::from_millis(ms));
            let found = recall(&mut held, "eth0", now, |_| {
                looked.push(ms);
                (ms < 2_000).then_some(7)
            });
            assert_eq!(found, (ms < 2_000).then_some(7), "{ms}");
        }
        assert_eq!(looked, [0, 1_000, 2_100]);
        let (mut ours, now) = (Ours::default(), Mono::default());
        for set in [&["source=127.0.0.9", "interface=lo"][..], &["source=192.0.2.77"], &["interface=nope0"], &[]] {
            let way = Way::of(&parse_set(&SPEC, set).unwrap());
            assert_eq!(ours.route(&way, now), way.route(), "{set:?}");
            assert_eq!(ours.route(&way, now), way.route(), "{set:?}");
        }
    }
}
