//! Receives traps and informs of SNMP v1 and v2c, and acknowledges informs. Whose one is, is the address it came from;
//! what a declared relay brings is of whom it says it is (agent-addr of v1, snmpTrapAddress). Version 3 needs keys and is
//! not taken: it is counted and named.

use super::desk::Desk;
use super::{Kind, Said};
use crate::codec::{snmp, trap};
use crate::model::wire::{Heard, LogSource};

/// Its row.
pub const KIND: Kind = Kind { name: "trap", noun: "traps", streams: false, take };

/// Facility and severity of a trap, in the words of syslog: local use 7, notice. It has neither.
const FACILITY: u8 = 23;
const SEVERITY: u8 = 5;
/// The version on the wire that is not taken.
const V3: i32 = 3;

fn take(desk: &mut Desk<'_>, said: &Said<'_>) {
    let Some(door) = desk.admit(said.from.ip()) else { return };
    let notice = match trap::read(said.bytes) {
        Ok(Some(notice)) => notice,
        Ok(None) => return desk.refuse("that are no traps"),
        Err(_) if snmp::version_of(said.bytes) == Ok(V3) => {
            return desk.refuse("of SNMP v3, which is not received here");
        }
        Err(_) => return desk.refuse("that cannot be read"),
    };
    let Some((from, via)) = desk.whose(door, notice.origin) else { return };
    // Acknowledged once it is in hand: what comes after can fail only with the whole program.
    if let (Some(answer), Some(port)) = (&notice.answer, said.port) {
        port.answer(answer, said.from);
    }
    desk.copy(said.bytes, || trap::relayed(said.bytes, from));
    let at = desk.now().wall;
    desk.keep(Heard {
        at,
        source: LogSource::Trap,
        from,
        via,
        asset: None,
        host: String::new(),
        facility: FACILITY,
        severity: SEVERITY,
        tag: notice.oid,
        text: notice.text,
        count: 1,
    });
}

#[cfg(test)]
mod tests;
