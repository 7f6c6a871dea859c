//! What a sweep of addresses is asked for and what it finds. Wire forms: they travel in jobs and records.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::inventory::AssetKind;
use super::secret::Secret;

/// Most addresses of one sweep: a /22, which 64 in flight look at within two minutes.
pub const MAX_ADDRESSES: usize = 1_024;
/// Most TCP ports tried at an address.
pub const MAX_PORTS: usize = 16;
/// Most secrets tried at an address: each wrong one costs a second, and may be logged by the device as an attack.
pub const MAX_SECRETS: usize = 4;
/// Ports tried unless others are given: remote shell, the web, remote desktop.
pub const PORTS: &[u16] = &[22, 23, 80, 443, 3389, 8080];
/// SNMP's port.
pub const SNMP_PORT: u16 = 161;
/// Longest name or description kept of a device, in bytes (DisplayString of SNMPv2-MIB).
pub const MAX_TEXT: usize = 255;

/// Why ranges cannot be swept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// Not an address or a network.
    #[error("`{0}` is no address range; write 10.65.0.0/24 or one address")]
    Form(String),
    /// Nothing given.
    #[error("there is no address to look at; write 10.65.0.0/24 or one address")]
    None,
    /// Too many.
    #[error("the ranges have more than 1024 addresses; sweep a /22 at a time")]
    TooMany,
}

impl BadRange {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Form(text) => format!("`{text}` 不是地址范围；请写 10.65.0.0/24 或单个地址"),
            Self::None => "没有要发现的地址；请写 10.65.0.0/24 或单个地址".to_owned(),
            Self::TooMany => "地址超过 1024 个；请按 /22 分次发现".to_owned(),
        }
    }
}

/// The addresses of ranges such as `10.65.0.0/24` or `10.65.0.1`, each once, networks without their first and
/// last.
pub fn addresses<T: AsRef<str>>(ranges: &[T]) -> Result<Vec<IpAddr>, BadRange> {
    let mut all = Vec::new();
    for range in ranges {
        let text = range.as_ref().trim();
        let bad = || BadRange::Form(text.chars().take(60).collect());
        let net: IpNet = match text.parse::<IpAddr>() {
            Ok(one) => IpNet::from(one),
            Err(_) => text.parse().map_err(|_| bad())?,
        };
        // One more than may be, so that a /0 is not counted out.
        all.extend(net.hosts().take(MAX_ADDRESSES + 1));
        if all.len() > MAX_ADDRESSES {
            return Err(BadRange::TooMany);
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|address| seen.insert(*address));
    if all.is_empty() { Err(BadRange::None) } else { Ok(all) }
}

/// What a sweep is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// Ranges, as `addresses` reads them.
    pub ranges: Vec<String>,
    /// Names of the secrets to try with SNMP.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// UDP port of SNMP.
    pub snmp_port: u16,
    /// TCP ports to try.
    pub tcp_ports: Vec<u16>,
}

/// The secrets of a sweep by name. They are put in when a job is handed out and are never written down with it.
pub type Keys = BTreeMap<String, Secret>;

/// One address at which something answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Address.
    pub address: IpAddr,
    /// Its sysName; empty if it told none.
    #[serde(default)]
    pub name: String,
    /// What it seems to be.
    #[serde(serialize_with = "write_kind", deserialize_with = "read_kind")]
    pub kind: AssetKind,
    /// Whether it answered an echo.
    #[serde(default)]
    pub icmp: bool,
    /// TCP ports that accepted a connection.
    #[serde(default)]
    pub tcp: Vec<u16>,
    /// Name of the secret with which it answered SNMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Its sysDescr; may be empty.
    #[serde(default)]
    pub description: String,
    /// Its sysObjectID, dotted; may be empty.
    #[serde(default)]
    pub object_id: String,
}

fn write_kind<S: Serializer>(kind: &AssetKind, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(kind.as_str())
}

fn read_kind<'de, D: Deserializer<'de>>(d: D) -> Result<AssetKind, D::Error> {
    // A newer agent may know kinds that this build does not.
    let text = String::deserialize(d)?;
    Ok(AssetKind::parse(&text).unwrap_or(AssetKind::Other))
}

/// `discovery` record: how far a sweep is, and what it found since the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The job.
    pub job: String,
    /// Addresses looked at.
    pub done: u64,
    /// Addresses in all.
    pub total: u64,
    /// What answered, since the record before.
    #[serde(default)]
    pub found: Vec<Found>,
}

/// What a device seems to be, by what it says of itself: sysDescr, sysObjectID, sysServices, open ports.
pub fn guess(description: &str, object_id: &str, services: Option<i64>, tcp: &[u16]) -> AssetKind {
    const WORDS: &[(&str, AssetKind)] = &[
        ("firewall", AssetKind::Firewall),
        ("secpath", AssetKind::Firewall),
        ("fortigate", AssetKind::Firewall),
        ("usg", AssetKind::Firewall),
        ("hillstone", AssetKind::Firewall),
        ("topsec", AssetKind::Firewall),
        ("adaptive security appliance", AssetKind::Firewall),
        ("switch", AssetKind::Switch),
        ("catalyst", AssetKind::Switch),
        ("cloudengine", AssetKind::Switch),
        ("s5700", AssetKind::Switch),
        ("s5720", AssetKind::Switch),
        ("s5735", AssetKind::Switch),
        ("s6730", AssetKind::Switch),
        ("s7700", AssetKind::Switch),
        ("s12700", AssetKind::Switch),
        ("router", AssetKind::Router),
        ("netengine", AssetKind::Router),
        ("routeros", AssetKind::Router),
        ("msr", AssetKind::Router),
        ("uninterruptible", AssetKind::Ups),
        ("ups ", AssetKind::Ups),
        ("linux", AssetKind::Host),
        ("windows", AssetKind::Host),
        ("freebsd", AssetKind::Host),
        ("esxi", AssetKind::Host),
    ];
    // Enterprises that make one kind of thing: net-snmp's own, Microsoft, APC, Eaton, Emerson.
    const MAKERS: &[(&str, AssetKind)] = &[
        ("1.3.6.1.4.1.8072.", AssetKind::Host),
        ("1.3.6.1.4.1.311.", AssetKind::Host),
        ("1.3.6.1.4.1.318.", AssetKind::Ups),
        ("1.3.6.1.4.1.534.", AssetKind::Ups),
        ("1.3.6.1.4.1.476.", AssetKind::Ups),
        ("1.3.6.1.4.1.12356.", AssetKind::Firewall),
    ];
    let lower = description.to_lowercase();
    let dotted = object_id.trim_start_matches('.');
    if let Some((_, kind)) = WORDS.iter().find(|(word, _)| lower.contains(word)) {
        return *kind;
    }
    if let Some((_, kind)) = MAKERS.iter().find(|(maker, _)| dotted.starts_with(maker)) {
        return *kind;
    }
    // sysServices is a sum of 2^(layer-1): 2 bridges, 4 routes, 64 has applications.
    match services {
        Some(n) if n & 64 != 0 && n & 6 == 0 => AssetKind::Host,
        Some(n) if n & 2 != 0 => AssetKind::Switch,
        Some(n) if n & 4 != 0 => AssetKind::Router,
        _ if tcp.iter().any(|port| matches!(port, 22 | 80 | 443 | 3389 | 8080)) && object_id.is_empty() => {
            AssetKind::Host
        }
        _ => AssetKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_give_each_address_once_and_never_too_many() {
        assert_eq!(addresses(&["10.0.0.0/30", "10.0.0.2"]).unwrap().len(), 2);
        assert_eq!(addresses(&["10.65.0.0/22"]).unwrap().len(), 1_022);
        assert_eq!(addresses(&["fd00::1"]).unwrap().len(), 1);
        for wide in ["10.0.0.0/21", "0.0.0.0/0", "::/0"] {
            assert_eq!(addresses(&[wide]), Err(BadRange::TooMany), "{wide}");
        }
        assert_eq!(addresses::<&str>(&[]), Err(BadRange::None));
        for wrong in ["", "10.0.0", "10.0.0.0/33", "www.example.org", "10.0.0.1-9"] {
            assert!(matches!(addresses(&[wrong]), Err(BadRange::Form(_))), "{wrong}");
        }
    }

    #[test]
    fn a_kind_is_told_by_what_a_device_says_of_itself() {
        for (description, object_id, services, tcp, kind) in [
            ("Huawei USG6525E Firewall", "1.3.6.1.4.1.2011.2.321", None, &[][..], AssetKind::Firewall),
            ("S5735-L48T4X-A1 Huawei Switch", "", Some(6), &[], AssetKind::Switch),
            ("Cisco IOS Software, ISR Router", "", Some(78), &[], AssetKind::Router),
            ("Linux web 6.1", "1.3.6.1.4.1.8072.3.2.10", Some(72), &[22], AssetKind::Host),
            ("APC Web/SNMP", "1.3.6.1.4.1.318.1.3.27", Some(72), &[], AssetKind::Ups),
            ("something", "1.3.6.1.4.1.9999.1", Some(2), &[], AssetKind::Switch),
            ("something", "1.3.6.1.4.1.9999.1", Some(4), &[], AssetKind::Router),
            ("", "", None, &[443], AssetKind::Host),
            ("", "", None, &[], AssetKind::Other),
        ] {
            assert_eq!(guess(description, object_id, services, tcp), kind, "{description} {object_id}");
        }
    }
}
