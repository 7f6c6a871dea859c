//! One device against what LibreNMS makes of the same recording, value by value.

use std::collections::{BTreeMap, BTreeSet};

use fengsui::config::defs::profile::choose::Chosen;
use fengsui::model::device::{Class, Device, Fact, Thing};
use fengsui::net::snmp::Value as Wire;
use fengsui::probe::device::Wanted;
use serde_json::Value;

/// What ifSpeed says where it cannot say.
const TOO_FAST: f64 = 4_294_967_295.0;

/// Values that agree, that differ, and that LibreNMS has from columns that the profile does not read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) same: usize,
    pub(super) other: usize,
    pub(super) unclaimed: usize,
}

struct Compared<'a> {
    name: &'a str,
    device: &'a Device,
    /// Columns and scalars that the profile reads.
    claimed: BTreeSet<Vec<u32>>,
    tallies: BTreeMap<&'static str, Tally>,
    differences: Vec<String>,
}

/// The rows of a table of an expected file: as polled, else as discovered.
fn rows<'v>(expected: &'v Value, module: &str, table: &str) -> &'v [Value] {
    let of = |stage: &str| expected[module][stage][table].as_array().map(Vec::as_slice);
    of("poller").or_else(|| of("discovery")).unwrap_or_default()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

impl Compared<'_> {
    fn class(name: &str) -> &'static Class {
        Class::named(name).unwrap()
    }

    fn agree(&mut self, class: &'static str) {
        self.tallies.entry(class).or_default().same += 1;
    }

    fn differ(&mut self, class: &'static str, what: String) {
        self.tallies.entry(class).or_default().other += 1;
        self.differences.push(format!("{} {class} {what}", self.name));
    }

    /// The thing that a column and an index of LibreNMS mean, or nothing if the profile does not read the column.
    fn at(&mut self, class: &'static str, oid: &str) -> Option<Option<Thing>> {
        let arcs: Vec<u32> = oid.trim_matches('.').split('.').filter_map(|arc| arc.parse().ok()).collect();
        if !self.claimed.iter().any(|column| arcs.starts_with(column)) {
            self.tallies.entry(class).or_default().unclaimed += 1;
            return None;
        }
        let is = |thing: &&Thing| [&thing.from[..], &thing.row].concat() == arcs;
        Some(self.device.of(class).iter().find(is).cloned())
    }

    /// One value that must be near another; a part of a hundred that LibreNMS rounds is allowed half of one.
    fn near(&mut self, class: &'static str, what: &str, ours: Option<f64>, theirs: f64, within: f64) {
        match ours {
            Some(ours) if (ours - theirs).abs() <= within.max(theirs.abs() * 1e-6) => self.agree(class),
            _ => self.differ(class, format!("{what}: ours {ours:?}, theirs {theirs}")),
        }
    }

    fn ports(&mut self, expected: &Value) {
        let class = Self::class("interfaces");
        for row in rows(expected, "ports", "ports") {
            let index = row["ifIndex"].as_u64().unwrap_or_default();
            let ours = self.device.of("interfaces").iter().find(|t| t.row == [index as u32]).cloned();
            let Some(ours) = ours else {
                self.differ("interfaces", format!("ifIndex {index}: not ours"));
                continue;
            };
            let words = [
                ("name", "ifName"),
                ("admin", "ifAdminStatus"),
                ("oper", "ifOperStatus"),
                ("type", "ifType"),
                ("mac", "ifPhysAddress"),
            ];
            let mut wrong = Vec::new();
            for (field, theirs) in words {
                let (mine, yours) =
                    (ours.fact(class, field).text().unwrap_or_default(), row[theirs].as_str().unwrap_or_default());
                let mine = match field {
                    "mac" => mine.replace(':', ""),
                    "admin" | "oper" => mine.replace('_', ""),
                    _ => mine.to_owned(),
                };
                let yours = if yours == "000000000000" { "" } else { yours };
                // A name that several have gets its index, and blanks at its ends are dropped.
                let same = mine.eq_ignore_ascii_case(yours.trim())
                    || mine
                        .split('#')
                        .next()
                        .is_some_and(|m| field == "name" && m.eq_ignore_ascii_case(yours.trim()));
                if !same && !yours.is_empty() {
                    wrong.push(format!("{field}: ours `{mine}`, theirs `{yours}`"));
                }
            }
            for (field, theirs) in [("speed_bps", "ifSpeed"), ("mtu", "ifMtu")] {
                let (mine, yours) =
                    (ours.fact(class, field).number(), number(&row[theirs]).filter(|v| *v > 0.0 && *v != TOO_FAST));
                if yours.is_some() && mine != yours {
                    wrong.push(format!("{field}: ours {mine:?}, theirs {yours:?}"));
                }
            }
            match wrong.as_slice() {
                [] => self.agree("interfaces"),
                wrong => self.differ("interfaces", format!("ifIndex {index}: {}", wrong.join(", "))),
            }
        }
    }

    /// Members of aggregates, of which LibreNMS has the ifStackTable (and calls the upper one `low`).
    fn aggregates(&mut self, expected: &Value) {
        let class = Self::class("interfaces");
        for row in rows(expected, "ports-stack", "ports_stack") {
            let port = |key: &str| {
                let index = row[key].as_u64().unwrap_or_default() as u32;
                self.device.of("interfaces").iter().find(|thing| thing.row == [index])
            };
            let (Some(member), Some(above)) = (port("high_ifIndex"), port("low_ifIndex")) else { continue };
            let fact = |thing: &Thing, field: &str| thing.fact(class, field).text().unwrap_or_default().to_owned();
            let (ours, theirs, kind) = (fact(member, "aggregate"), fact(above, "name"), fact(above, "type"));
            match kind == "ieee8023adLag" || theirs.starts_with("Po") {
                true if ours == theirs => self.agree("interfaces"),
                false if ours.is_empty() => self.agree("interfaces"),
                _ => self
                    .differ("interfaces", format!("{}: aggregate `{ours}`, above `{theirs}`", fact(member, "name"))),
            }
        }
    }

    fn processors(&mut self, expected: &Value) {
        for row in rows(expected, "processors", "processors") {
            let (oid, theirs) = (row["processor_oid"].as_str().unwrap_or_default(), number(&row["processor_usage"]));
            let (Some(ours), Some(theirs)) = (self.at("cpu", oid), theirs) else { continue };
            let ours = ours.and_then(|thing| thing.fact(Self::class("cpu"), "ratio").number());
            self.near("cpu", oid, ours.map(|ratio| ratio * 100.0), theirs, 0.51);
        }
    }

    fn memory(&mut self, expected: &Value) {
        let class = Self::class("memory");
        for row in rows(expected, "mempools", "mempools") {
            let keys = ["mempool_perc_oid", "mempool_used_oid", "mempool_free_oid"];
            let Some(oid) = keys.iter().find_map(|key| row[*key].as_str()) else { continue };
            if row["mempool_type"] == "hrstorage" && row["mempool_class"] != "system" {
                self.tallies.entry("memory").or_default().unclaimed += 1;
                continue;
            }
            let Some(ours) = self.at("memory", oid) else { continue };
            // The one memory that there is may be told by other columns than theirs.
            let one = self.device.of("memory").first().filter(|_| self.device.of("memory").len() == 1);
            let ours = ours.or_else(|| one.cloned());
            let fact = |name: &str| ours.as_ref().and_then(|thing| thing.fact(class, name).number());
            let (ratio, size) = (fact("used_ratio"), fact("size_bytes"));
            self.near(
                "memory",
                oid,
                ratio.map(|r| r * 100.0),
                number(&row["mempool_perc"]).unwrap_or_default(),
                0.51,
            );
            // LibreNMS calls the size of what it knows only the percentage of 100.
            if let (Some(size), Some(total)) = (size, number(&row["mempool_total"]).filter(|total| *total > 100.0)) {
                self.near("memory", &format!("{oid} size"), Some(size), total, 1.0);
            }
        }
    }

    fn sensors(&mut self, expected: &Value) {
        let class = Self::class("sensors");
        let states = rows(expected, "sensors", "state_indexes");
        for row in rows(expected, "sensors", "sensors") {
            let oid = row["sensor_oid"].as_str().unwrap_or_default();
            let Some(current) = number(&row["sensor_current"]) else { continue };
            let what = format!("{oid} {}", row["sensor_descr"].as_str().unwrap_or_default());
            if row["sensor_class"] == "state" {
                let means = states.iter().find(|state| {
                    state["state_name"] == row["state_name"] && number(&state["state_value"]) == Some(current)
                });
                let Some(means) = means.and_then(|state| number(&state["state_generic_value"])) else { continue };
                self.state(oid, &what, means);
                continue;
            }
            let Some(ours) = self.at("sensors", oid) else { continue };
            let value = ours.as_ref().and_then(|thing| thing.fact(class, "value").number());
            self.near("sensors", &what, value, current, 0.0051);
        }
    }

    /// The status of whatever sensor has its state in this column: 0 ok, 1 warning, 2 critical, 3 unknown.
    fn state(&mut self, oid: &str, what: &str, means: f64) {
        let class = Self::class("sensors");
        let arcs: Vec<u32> = oid.trim_matches('.').split('.').filter_map(|arc| arc.parse().ok()).collect();
        if !self.claimed.iter().any(|column| arcs.starts_with(column)) {
            self.tallies.entry("sensors").or_default().unclaimed += 1;
            return;
        }
        // A value beside the state has another column of the same table.
        let is = |thing: &&Thing| {
            let column = arcs.len().checked_sub(thing.row.len()).map(|at| arcs.split_at(at));
            column.is_some_and(|(column, row)| {
                row == thing.row
                    && column.len() == thing.from.len()
                    && column[..column.len() - 1] == thing.from[..thing.from.len() - 1]
                    && !thing.fact(class, "status").is_null()
            }) || [&thing.from[..], &thing.row].concat() == arcs
        };
        let ours = self.device.of("sensors").iter().find(is);
        let ours = ours.and_then(|thing| thing.fact(class, "status").text()).map(str::to_owned);
        let theirs = match means as u8 {
            0 => "ok",
            1 => "warning",
            2 => "critical",
            _ => "unknown",
        };
        match ours.as_deref() {
            Some(word) if word == theirs || (theirs == "unknown" && word == "absent") => self.agree("sensors"),
            _ => self.differ("sensors", format!("{what}: ours {ours:?}, theirs {theirs}")),
        }
    }

    /// Rows that must be among ours, each as one text.
    fn among(&mut self, class: &'static str, ours: &[String], theirs: Vec<String>) {
        let ours: BTreeSet<&String> = ours.iter().collect();
        for one in theirs {
            if ours.contains(&one) {
                self.agree(class);
            } else {
                self.differ(class, format!("{one}: not among ours"));
            }
        }
    }

    fn texts(&self, class: &'static str, fields: &[&str]) -> Vec<String> {
        let spec = Self::class(class);
        let text = |fact: &Fact| match fact {
            Fact::Text(text) => text.to_string(),
            other => other.number().map(|n| n.to_string()).unwrap_or_default(),
        };
        let one = |thing: &Thing| {
            fields.iter().map(|field| text(thing.fact(spec, field))).collect::<Vec<_>>().join(" ").to_lowercase()
        };
        self.device.of(class).iter().map(one).collect()
    }

    fn tables(&mut self, expected: &Value) {
        let text = |value: &Value| {
            value.as_str().map_or_else(|| number(value).map(|n| n.to_string()).unwrap_or_default(), str::to_owned)
        };
        let joined = |row: &Value, keys: &[&str]| {
            keys.iter().map(|key| text(&row[*key])).collect::<Vec<_>>().join(" ").to_lowercase()
        };
        let vlans = rows(expected, "vlans", "vlans").iter().map(|row| joined(row, &["vlan_vlan"])).collect();
        self.among("vlans", &self.texts("vlans", &["id"]), vlans);
        let v4 = rows(expected, "ipv4-addresses", "ipv4_addresses");
        let v4 = v4.iter().map(|row| joined(row, &["ipv4_address", "ipv4_prefixlen"])).collect();
        self.among("addresses", &self.texts("addresses", &["address", "prefix_length"]), v4);
        let links = rows(expected, "discovery-protocols", "links").iter().map(|row| {
            // `PORT (MAC)` where it adds the chassis.
            let port = text(&row["remote_port"]).split(" (").next().unwrap_or_default().to_owned();
            format!("{} {} {port}", joined(row, &["protocol", "ifName"]), text(&row["remote_hostname"]))
                .to_lowercase()
        });
        self.among(
            "neighbours",
            &self.texts("neighbours", &["protocol", "local_port", "name", "port"]),
            links.collect(),
        );
        let peers = rows(expected, "bgp-peers", "bgpPeers");
        let peers =
            peers.iter().map(|row| joined(row, &["bgpPeerIdentifier", "bgpPeerRemoteAs", "bgpPeerState"])).collect();
        self.among("bgp_peers", &self.texts("bgp_peers", &["peer", "remote_as", "state"]), peers);
        let near = rows(expected, "ospf", "ospf_nbrs");
        let near = near.iter().map(|row| joined(row, &["ospfNbrIpAddr", "ospfNbrRtrId", "ospfNbrState"])).collect();
        self.among("ospf_neighbours", &self.texts("ospf_neighbours", &["address", "router_id", "state"]), near);
    }
}

/// LibreNMS has no ARP and MAC tables of these recordings: what stands in them is held against ours, entry by entry.
pub(super) fn behind(
    name: &str,
    all: &BTreeMap<Vec<u32>, Wire>,
    device: &Device,
) -> (BTreeMap<&'static str, Tally>, Vec<String>) {
    let mut compared =
        Compared { name, device, claimed: BTreeSet::new(), tallies: BTreeMap::new(), differences: Vec::new() };
    let column = |oid: &[u32]| {
        let root = oid.to_vec();
        all.range(root.clone()..)
            .take_while(move |(oid, _)| oid.starts_with(&root))
            .map(|(oid, value)| (oid.clone(), value))
    };
    let mac = |octets: &[u32]| octets.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().join(":");
    let valid = |oid: &[u32], kind: usize, at: u32| {
        let mut oid = oid.to_vec();
        oid[kind] = at;
        !matches!(all.get(&oid), Some(Wire::Integer(2)))
    };
    let arp =
        column(&[1, 3, 6, 1, 2, 1, 4, 22, 1, 2]).filter(|(oid, _)| valid(oid, 9, 4)).filter_map(|(oid, value)| {
            let octets: Vec<u32> = value.as_bytes()?.iter().map(|b| (*b).into()).collect();
            let address = oid.get(11..15)?.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            (octets.len() == 6 && octets.iter().any(|o| *o != 0)).then(|| format!("{address} {}", mac(&octets)))
        });
    let arp = arp.collect();
    compared.among("arp", &compared.texts("arp", &["address", "mac"]), arp);
    let vlan = column(&[1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2]).filter(|(oid, _)| valid(oid, 12, 3));
    let vlan: Vec<String> =
        vlan.filter_map(|(oid, _)| Some(format!("{} {}", mac(oid.get(14..20)?), oid.get(13)?))).collect();
    let plain = column(&[1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2]).filter(|(oid, _)| valid(oid, 10, 3));
    let plain: Vec<String> = plain.filter_map(|(oid, _)| Some(mac(oid.get(11..17)?))).collect();
    let none = "00:00:00:00:00:00";
    compared.among(
        "macs",
        &compared.texts("macs", &["mac", "fdb"]),
        vlan.into_iter().filter(|v| !v.starts_with(none)).collect(),
    );
    compared.among("macs", &compared.texts("macs", &["mac"]), plain.into_iter().filter(|m| m != none).collect());
    (compared.tallies, compared.differences)
}

/// Everything of one recording against its expected file.
pub(super) fn compare(
    name: &str,
    chosen: &Chosen<'_>,
    device: &Device,
    expected: &Value,
) -> (BTreeMap<&'static str, Tally>, Vec<String>) {
    let wanted = Wanted::of(chosen, chosen.tables());
    let claimed = wanted.columns.iter().chain(&wanted.scalars).map(|oid| oid.to_vec()).collect();
    let mut compared = Compared { name, device, claimed, tallies: BTreeMap::new(), differences: Vec::new() };
    compared.ports(expected);
    compared.aggregates(expected);
    compared.processors(expected);
    compared.memory(expected);
    compared.sensors(expected);
    compared.tables(expected);
    (compared.tallies, compared.differences)
}
