//! What is heard rather than asked for, as kinds of data that rules name with `source`.

use std::borrow::Cow;

use super::field::{KindSchema, KindSpec, Table, TableOn, TargetNeed};
use super::id::ObjectKind;
use super::wire::LogSource;

/// What rules may name.
pub const SOURCES: [LogSource; 2] = LogSource::ALL;

/// The `instance` of a rule on traps that is the last number of a variable's name: ifIndex, entPhysicalIndex. The variable is
/// the first that is of a row of ENTITY-MIB or IF-MIB, else the first of all.
pub const INDEX: &str = "index";

/// The other OID that a trap of v1 may mean, `ENTERPRISE.SPECIFIC` for `ENTERPRISE.0.SPECIFIC`. RFC 3584 section 3.1 puts the
/// 0 in, whatever the MIB says; section 3.2 takes one out only where there was one, so that what was sent cannot be told.
/// Nothing for a tag of another form.
pub fn without_zero(tag: &str) -> Option<String> {
    let (before, specific) = tag.rsplit_once('.')?;
    Some(format!("{}.{specific}", before.strip_suffix(".0")?))
}

/// The OID that a trap of v1 may come as which means this one: what `without_zero` turns into it.
pub fn with_zero(tag: &str) -> Option<String> {
    let (before, specific) = tag.rsplit_once('.')?;
    Some(format!("{before}.0.{specific}"))
}

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
