//! What is heard rather than asked for, as kinds of data that rules name with `source`.

use std::borrow::Cow;

use super::field::{KindSchema, KindSpec, Table, TableOn, TargetNeed};
use super::id::ObjectKind;
use super::wire::LogSource;

/// What rules may name.
pub const SOURCES: [LogSource; 2] = LogSource::ALL;

/// The `instance` of a rule on traps that is the last number of the first variable's name: ifIndex, entPhysicalIndex.
pub const INDEX: &str = "index";

/// The `instance` of a rule, `bgp/peer`: what stands before what a group found, as the poll names such a part too, and the
/// group.
pub fn instance_of(written: &str) -> (&str, &str) {
    written.rfind('/').map_or(("", written), |slash| written.split_at(slash + 1))
}

const fn heard(name: &'static str, zh: &'static str, en: &'static str) -> KindSpec {
    KindSpec {
        name,
        zh,
        en,
        on: &[ObjectKind::Asset, ObjectKind::Interface],
        target: TargetNeed::Heard,
        settings: &[],
        schema: KindSchema {
            kind: Cow::Borrowed(name),
            tables: Cow::Borrowed(&[Table { on: TableOn::Target, instance: None, fields: Cow::Borrowed(&[]) }]),
        },
        secret: false,
        profiles: false,
    }
}

static SYSLOG: KindSpec = heard("syslog", "设备和主机发来的日志", "lines that devices and hosts send");
static TRAP: KindSpec = heard("trap", "设备发来的 SNMP 陷阱", "SNMP traps that devices send");

/// A source as a kind of data.
pub const fn kind(source: LogSource) -> &'static KindSpec {
    match source {
        LogSource::Syslog => &SYSLOG,
        LogSource::Trap => &TRAP,
    }
}
