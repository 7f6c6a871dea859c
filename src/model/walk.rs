//! A raw walk: everything that a device has below one OID, as somebody asked for it. Wire forms travel in jobs and records.
//! Bounded in rows, bytes and time, because a device has millions of variables and a page shows what a person reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most rows of a walk: more than the ports of a large chassis, and what a page still sorts at once.
pub const MAX_ROWS: usize = 2_000;
/// Most bytes of its OIDs and values together.
pub const MAX_BYTES: usize = 512 << 10;
/// Longest text of a value, in bytes; what is longer is cut.
pub const MAX_VALUE: usize = 1_024;
/// It ends after this, whatever has come.
pub const WITHIN: Duration = Duration::from_secs(60);
/// Most bytes of rows in one record, so that it always fits a batch.
pub const MAX_TOLD: usize = 64 << 10;
/// Most numbers of an OID (RFC 3416 allows as many in an instance's name).
const MAX_ARCS: usize = 128;
/// Fewest: `1.3` is the least that means anything.
const MIN_ARCS: usize = 2;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its OID, dotted.
    pub oid: String,
    /// Type of the value: `integer`, `counter64`, `text`, `hex`...
    #[serde(rename = "type")]
    pub kind: String,
    /// The value as a text.
    pub value: String,
}

impl Row {
    /// What it counts towards [`MAX_BYTES`].
    pub fn bytes(&self) -> usize {
        self.oid.len() + self.kind.len() + self.value.len()
    }
}

/// `walk` record: rows since the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The job.
    pub job: String,
    /// In the order in which the device told them.
    pub rows: Vec<Row>,
}

/// Why a text names no subtree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no OID: write dotted numbers, such as 1.3.6.1.2.1.2.2, or a name, such as ifTable or ifOperStatus.3"
)]
pub struct BadOid(String);

impl BadOid {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        format!("`{}` 不是 OID：请写点分数字，如 1.3.6.1.2.1.2.2，或名称，如 ifTable、ifOperStatus.3", self.0)
    }
}

/// The numbers of a dotted OID, or of a known name with numbers behind it.
pub fn read(text: &str) -> Result<Vec<u32>, BadOid> {
    let bad = || BadOid(text.chars().take(60).collect());
    let plain = text.trim();
    let plain = plain.strip_prefix('.').unwrap_or(plain);
    let (first, rest) = plain.split_once('.').map_or((plain, None), |(first, rest)| (first, Some(rest)));
    let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(first));
    let (head, rest) = known.map_or((plain, None), |(_, oid)| (*oid, rest));
    let parts = head.split('.').chain(rest.into_iter().flat_map(|rest| rest.split('.')));
    let arcs: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
    // The first two share a byte (X.690, 8.19.4).
    let begins = matches!(arcs.as_slice(), [0 | 1, 0..=39, ..] | [2, ..]);
    if begins && (MIN_ARCS..=MAX_ARCS).contains(&arcs.len()) { Ok(arcs) } else { Err(bad()) }
}

/// Dotted numbers.
pub fn dotted(arcs: &[u32]) -> String {
    arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// What a variable is called: the longest known name that its OID begins with, and the numbers behind it.
pub fn called(oid: &str) -> Option<String> {
    let rest_of = |known: &str| oid.strip_prefix(known).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    let fitting = NAMES.iter().filter_map(|(name, known)| Some((name, known.len(), rest_of(known)?)));
    fitting.max_by_key(|(_, len, _)| *len).map(|(name, _, rest)| format!("{name}{rest}"))
}

/// Names of subtrees and columns that people ask for, as their MIBs call them: SNMPv2-MIB, IF-MIB, IP-MIB, BRIDGE-MIB,
/// Q-BRIDGE-MIB, OSPF-MIB, BGP4-MIB, HOST-RESOURCES-MIB, ENTITY-MIB, ENTITY-SENSOR-MIB, LLDP-MIB, UPS-MIB.
pub const NAMES: &[(&str, &str)] = &[
    ("mib-2", "1.3.6.1.2.1"),
    ("system", "1.3.6.1.2.1.1"),
    ("sysDescr", "1.3.6.1.2.1.1.1"),
    ("sysObjectID", "1.3.6.1.2.1.1.2"),
    ("sysUpTime", "1.3.6.1.2.1.1.3"),
    ("sysContact", "1.3.6.1.2.1.1.4"),
    ("sysName", "1.3.6.1.2.1.1.5"),
    ("sysLocation", "1.3.6.1.2.1.1.6"),
    ("sysServices", "1.3.6.1.2.1.1.7"),
    ("ifNumber", "1.3.6.1.2.1.2.1"),
    ("ifTable", "1.3.6.1.2.1.2.2"),
    ("ifIndex", "1.3.6.1.2.1.2.2.1.1"),
    ("ifDescr", "1.3.6.1.2.1.2.2.1.2"),
    ("ifType", "1.3.6.1.2.1.2.2.1.3"),
    ("ifMtu", "1.3.6.1.2.1.2.2.1.4"),
    ("ifSpeed", "1.3.6.1.2.1.2.2.1.5"),
    ("ifPhysAddress", "1.3.6.1.2.1.2.2.1.6"),
    ("ifAdminStatus", "1.3.6.1.2.1.2.2.1.7"),
    ("ifOperStatus", "1.3.6.1.2.1.2.2.1.8"),
    ("ifLastChange", "1.3.6.1.2.1.2.2.1.9"),
    ("ifInOctets", "1.3.6.1.2.1.2.2.1.10"),
    ("ifInUcastPkts", "1.3.6.1.2.1.2.2.1.11"),
    ("ifInDiscards", "1.3.6.1.2.1.2.2.1.13"),
    ("ifInErrors", "1.3.6.1.2.1.2.2.1.14"),
    ("ifOutOctets", "1.3.6.1.2.1.2.2.1.16"),
    ("ifOutUcastPkts", "1.3.6.1.2.1.2.2.1.17"),
    ("ifOutDiscards", "1.3.6.1.2.1.2.2.1.19"),
    ("ifOutErrors", "1.3.6.1.2.1.2.2.1.20"),
    ("ipAddrTable", "1.3.6.1.2.1.4.20"),
    ("ipNetToMediaTable", "1.3.6.1.2.1.4.22"),
    ("ipAddressTable", "1.3.6.1.2.1.4.34"),
    ("ipNetToPhysicalTable", "1.3.6.1.2.1.4.35"),
    ("ospfNbrTable", "1.3.6.1.2.1.14.10"),
    ("ospfNbrState", "1.3.6.1.2.1.14.10.1.6"),
    ("bgpPeerTable", "1.3.6.1.2.1.15.3"),
    ("bgpPeerState", "1.3.6.1.2.1.15.3.1.2"),
    ("dot1dBridge", "1.3.6.1.2.1.17"),
    ("dot1dBasePortIfIndex", "1.3.6.1.2.1.17.1.4.1.2"),
    ("dot1dTpFdbTable", "1.3.6.1.2.1.17.4.3"),
    ("dot1qTpFdbTable", "1.3.6.1.2.1.17.7.1.2.2"),
    ("host", "1.3.6.1.2.1.25"),
    ("hrSystemUptime", "1.3.6.1.2.1.25.1.1"),
    ("hrStorageDescr", "1.3.6.1.2.1.25.2.3.1.3"),
    ("hrStorageAllocationUnits", "1.3.6.1.2.1.25.2.3.1.4"),
    ("hrStorageSize", "1.3.6.1.2.1.25.2.3.1.5"),
    ("hrStorageUsed", "1.3.6.1.2.1.25.2.3.1.6"),
    ("hrProcessorLoad", "1.3.6.1.2.1.25.3.3.1.2"),
    ("ifXTable", "1.3.6.1.2.1.31.1.1"),
    ("ifName", "1.3.6.1.2.1.31.1.1.1.1"),
    ("ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6"),
    ("ifHCInUcastPkts", "1.3.6.1.2.1.31.1.1.1.7"),
    ("ifHCOutOctets", "1.3.6.1.2.1.31.1.1.1.10"),
    ("ifHCOutUcastPkts", "1.3.6.1.2.1.31.1.1.1.11"),
    ("ifHighSpeed", "1.3.6.1.2.1.31.1.1.1.15"),
    ("ifAlias", "1.3.6.1.2.1.31.1.1.1.18"),
    ("ifCounterDiscontinuityTime", "1.3.6.1.2.1.31.1.1.1.19"),
    ("upsMIB", "1.3.6.1.2.1.33"),
    ("entityMIB", "1.3.6.1.2.1.47"),
    ("entPhysicalTable", "1.3.6.1.2.1.47.1.1.1"),
    ("entPhysicalDescr", "1.3.6.1.2.1.47.1.1.1.1.2"),
    ("entPhysicalContainedIn", "1.3.6.1.2.1.47.1.1.1.1.4"),
    ("entPhysicalClass", "1.3.6.1.2.1.47.1.1.1.1.5"),
    ("entPhysicalName", "1.3.6.1.2.1.47.1.1.1.1.7"),
    ("entPhysicalSerialNum", "1.3.6.1.2.1.47.1.1.1.1.11"),
    ("entPhysicalModelName", "1.3.6.1.2.1.47.1.1.1.1.13"),
    ("entPhySensorTable", "1.3.6.1.2.1.99.1.1"),
    ("entPhySensorValue", "1.3.6.1.2.1.99.1.1.1.4"),
    ("lldpLocPortId", "1.0.8802.1.1.2.1.3.7.1.3"),
    ("lldpRemTable", "1.0.8802.1.1.2.1.4.1"),
    ("lldpRemChassisId", "1.0.8802.1.1.2.1.4.1.1.5"),
    ("lldpRemPortId", "1.0.8802.1.1.2.1.4.1.1.7"),
    ("lldpRemPortDesc", "1.0.8802.1.1.2.1.4.1.1.8"),
    ("lldpRemSysName", "1.0.8802.1.1.2.1.4.1.1.9"),
    ("snmpEngineTime", "1.3.6.1.6.3.10.2.1.3"),
    ("enterprises", "1.3.6.1.4.1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_is_named_by_numbers_or_by_what_its_mib_calls_it() {
        for (text, oid) in [
            ("1.3.6.1.2.1.2.2", "1.3.6.1.2.1.2.2"),
            (" .1.3.6.1.4.1.2011 ", "1.3.6.1.4.1.2011"),
            ("ifTable", "1.3.6.1.2.1.2.2"),
            ("IFOPERSTATUS.3", "1.3.6.1.2.1.2.2.1.8.3"),
            ("enterprises.2011.5", "1.3.6.1.4.1.2011.5"),
            ("2.999", "2.999"),
        ] {
            assert_eq!(read(text).map(|arcs| dotted(&arcs)).as_deref(), Ok(oid), "{text}");
        }
        let long = ["1"; 129].join(".");
        for text in
            ["", "1", "3.1.1", "1.40.1", "1.3.", "1..3", "ifTabel", "ifTable.x", "1.3.4294967296", "1.3.-1", &long]
        {
            let refused = read(text).unwrap_err();
            assert!(refused.to_string().contains("is no OID") && refused.zh().contains("不是 OID"), "{text}");
        }
    }

    #[test]
    fn a_variable_is_called_by_the_longest_name_that_it_begins_with() {
        for (oid, name) in [
            ("1.3.6.1.2.1.2.2.1.8.3", Some("ifOperStatus.3")),
            ("1.3.6.1.2.1.2.2.1.80.3", Some("ifTable.1.80.3")),
            ("1.3.6.1.2.1.1.5.0", Some("sysName.0")),
            ("1.3.6.1.4.1.2011.5", Some("enterprises.2011.5")),
            ("1.3.6.1.2.1.310", Some("mib-2.310")),
            ("2.999", None),
        ] {
            assert_eq!(called(oid).as_deref(), name, "{oid}");
        }
        for (name, oid) in NAMES {
            assert_eq!(read(name).map(|arcs| dotted(&arcs)).as_deref(), Ok(*oid), "{name}");
        }
    }
}
