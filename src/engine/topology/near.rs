//! What one device says of what is around it, and what others may call it by. Made once of a report and small: the
//! join looks at thousands of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::AssetId;
use crate::model::device::{Class, Device, Thing};
use crate::model::port::same as same_port;

/// A port with more addresses behind it leads to another switch, or to a hub: nothing stands alone there.
const MOST_BEHIND: usize = 8;

/// A MAC address as a number.
pub type Mac = u64;

/// A port of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// ifName.
    pub name: Arc<str>,
    /// Its own address.
    pub mac: Option<Mac>,
    /// What it is made of.
    pub nature: Nature,
    /// Bit/s.
    pub speed_bps: Option<u64>,
    /// The aggregate that it is a member of, as far as the device says.
    pub aggregate: Option<Arc<str>>,
    /// It does not carry, though nobody switched it off.
    pub down: bool,
}

/// What a port is made of, by its ifType (IANAifType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// A socket for a cable, as far as anybody knows.
    Cable,
    /// Several ports that act as one: ieee8023adLag (161), or what others are members of.
    Aggregate,
    /// None of its own: VLAN interfaces, tunnels, loopbacks.
    Virtual,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// With the length of its prefix.
    pub net: IpNet,
    /// The interface it is on.
    pub port: Arc<str>,
}

/// A neighbour that a device heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// `lldp` or `cdp`.
    pub protocol: Arc<str>,
    /// On which of its ports.
    pub local: Arc<str>,
    /// What it calls itself.
    pub name: Arc<str>,
    /// What it calls its port.
    pub port: Arc<str>,
    /// What tells it from others: a MAC address, mostly.
    pub chassis: Arc<str>,
    /// Its management address.
    pub address: Option<IpAddr>,
    /// Description of its port (LLDP) or of itself (CDP).
    pub description: Arc<str>,
}

/// What one device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The device.
    pub asset: AssetId,
    /// sysName.
    pub name: Arc<str>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its neighbours.
    pub neighbours: Vec<Heard>,
    /// Not all of its neighbours came: who is not among them may be one all the same.
    pub cut: bool,
    /// Whose MAC addresses it knows, of those who were asked about.
    pub arp: Vec<(IpAddr, Mac)>,
    /// Ports with few learnt addresses behind them.
    pub behind: Vec<(Arc<str>, BTreeSet<Mac>)>,
}

impl Near {
    /// Of a device; `asked` says whose ARP entries are of use.
    pub fn of(asset: AssetId, device: &Device, asked: impl Fn(&IpAddr) -> bool) -> Self {
        let rows = |name: &str| Rows { class: Class::named(name), things: device.of(name) };
        let mut behind: BTreeMap<Arc<str>, BTreeSet<Mac>> = BTreeMap::new();
        rows("macs").each(|row| {
            let learnt = matches!(row.text("status"), "learned" | "");
            if let (true, Some(mac), false) = (learnt, mac(row.text("mac")), row.text("port").is_empty()) {
                let all = behind.entry(row.text("port").into()).or_default();
                if all.len() <= MOST_BEHIND {
                    all.insert(mac);
                }
            }
        });
        let mut ports = rows("interfaces").map(|row| {
            let (name, mac) = (row.text("name").into(), mac(row.text("mac")));
            let speed_bps = row.number("speed_bps").filter(|bps| *bps >= 1.0).map(|bps| bps as u64);
            let aggregate = Some(row.text("aggregate")).filter(|name| !name.is_empty()).map(Arc::from);
            let down = !matches!(row.text("oper"), "up" | "") && row.text("admin") != "down";
            Some(Port { name, mac, nature: nature(row.text("type")), speed_bps, aggregate, down })
        });
        let aggregates: BTreeSet<Arc<str>> = ports.iter().filter_map(|port| port.aggregate.clone()).collect();
        ports.iter_mut().filter(|port| aggregates.contains(&port.name)).for_each(|p| p.nature = Nature::Aggregate);
        let mut heard: BTreeSet<Arc<str>> = BTreeSet::new();
        rows("neighbours").each(|row| {
            if row.thing.as_of.is_none() {
                heard.insert(row.text("local_port").into());
            }
        });
        Self {
            asset,
            name: device.fact("name").text().unwrap_or_default().into(),
            ports,
            addresses: rows("addresses").map(|row| {
                let address: IpAddr = row.text("address").parse().ok()?;
                let longest = if address.is_ipv4() { 32 } else { 128 };
                let length = row.number("prefix_length").map_or(longest, |n| n as u8);
                Some(Address { net: IpNet::new(address, length).ok()?, port: row.text("interface").into() })
            }),
            neighbours: rows("neighbours").map(|row| {
                // What a cut look did not reach is there still, unless it found another on the same port.
                let replaced = row.thing.as_of.is_some() && heard.contains(row.text("local_port"));
                (!replaced).then(|| Heard {
                    protocol: row.text("protocol").into(),
                    local: row.text("local_port").into(),
                    name: row.text("name").into(),
                    port: row.text("port").into(),
                    chassis: row.text("chassis").into(),
                    address: row.text("address").parse().ok(),
                    description: row.text("description").into(),
                })
            }),
            cut: device.incomplete.iter().any(|cut| cut.class == "neighbours"),
            arp: rows("arp").map(|row| {
                let address: IpAddr = row.text("address").parse().ok()?;
                asked(&address).then(|| mac(row.text("mac")).map(|mac| (address, mac))).flatten()
            }),
            behind: behind.into_iter().filter(|(_, all)| all.len() <= MOST_BEHIND).collect(),
        }
    }

    /// A port by its exact name.
    pub fn port(&self, name: &str) -> Option<&Port> {
        self.ports.iter().find(|port| *port.name == *name)
    }

    /// The port of this name, however its kind is written.
    pub fn like(&self, name: &str) -> Option<&Port> {
        self.port(name).or_else(|| self.ports.iter().find(|port| same_port(&port.name, name)))
    }

    /// The aggregate that a port is a member of, or is.
    pub fn aggregate(&self, name: &str) -> Option<&Arc<str>> {
        let port = self.like(name)?;
        if port.nature == Nature::Aggregate { Some(&port.name) } else { port.aggregate.as_ref() }
    }

    /// The members of an aggregate; none where the device does not say.
    pub fn members<'a>(&'a self, aggregate: &'a str) -> impl Iterator<Item = &'a Port> {
        self.ports.iter().filter(move |port| port.aggregate.as_deref().is_some_and(|of| same_port(of, aggregate)))
    }

    /// The port that a neighbour means: by its name, its MAC address, its description, or a shorter way to write it.
    pub fn meant(&self, called: &str, described: &str) -> Option<&Port> {
        let one = |fits: &dyn Fn(&Port) -> bool| {
            let mut found = self.ports.iter().filter(|port| fits(port));
            found.next().filter(|_| found.next().is_none())
        };
        self.port(called)
            .or_else(|| one(&|port| port.name.eq_ignore_ascii_case(called)))
            .or_else(|| {
                mac(called).and_then(|mac| one(&|port| port.mac == Some(mac) && port.nature != Nature::Virtual))
            })
            .or_else(|| self.port(described))
            .or_else(|| one(&|port| same_port(&port.name, called)))
    }
}

/// A MAC address in any of the ways in which devices write one.
pub fn mac(text: &str) -> Option<Mac> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let mac = (digits.len() == 12).then(|| u64::from_str_radix(&digits, 16).ok()).flatten()?;
    // Groups and the address of none belong to nobody.
    (mac != 0 && mac & 0x0100_0000_0000 == 0).then_some(mac)
}

fn nature(kind: &str) -> Nature {
    match kind {
        "ieee8023adLag" => Nature::Aggregate,
        "l3ipvlan" | "l2vlan" | "propVirtual" | "softwareLoopback" | "tunnel" | "bridge" | "mplsTunnel" => {
            Nature::Virtual
        }
        _ => Nature::Cable,
    }
}

/// The things of a class.
struct Rows<'a> {
    class: Option<&'static Class>,
    things: &'a [Thing],
}

/// One of them.
struct Line<'a> {
    class: &'static Class,
    thing: &'a Thing,
}

impl Rows<'_> {
    fn map<T>(&self, make: impl Fn(&Line<'_>) -> Option<T>) -> Vec<T> {
        let Some(class) = self.class else { return Vec::new() };
        self.things.iter().filter_map(|thing| make(&Line { class, thing })).collect()
    }

    fn each(&self, mut see: impl FnMut(&Line<'_>)) {
        let Some(class) = self.class else { return };
        self.things.iter().for_each(|thing| see(&Line { class, thing }));
    }
}

impl Line<'_> {
    fn text(&self, name: &str) -> &str {
        self.thing.fact(self.class, name).text().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.thing.fact(self.class, name).number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_in_any_writing_and_that_of_a_group_or_of_nobody_is_none() {
        for text in ["02:00:5e:00:00:01", "0200-5e00-0001", "0200.5e00.0001", "02005E000001"] {
            assert_eq!(mac(text), Some(0x0200_5e00_0001), "{text}");
        }
        for text in ["", "GE0/0/1", "00:00:00:00:00:00", "01:80:c2:00:00:0e", "02:00:5e:00:00"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
