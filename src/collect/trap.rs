//! Receives traps and informs of SNMP, and acknowledges informs. Whose one is, is the address it came from; what a
//! declared relay brings is of whom it says it is (agent-addr of v1, snmpTrapAddress). What comes in v3 is opened first,
//! by the engine that is spoken to, and then read like the rest; who asks for that engine is answered.

use super::desk::Desk;
use super::{Kind, Said};
use crate::codec::{snmp, trap};
use crate::model::wire::{Heard, LogSource};
use crate::net::snmp::Opened;

/// Its row.
pub const KIND: Kind = Kind { name: "trap", noun: "traps", streams: false, engine: true, take };

/// Facility and severity of a trap, in the words of syslog: local use 7, notice. It has neither.
const FACILITY: u8 = 23;
const SEVERITY: u8 = 5;
/// The version on the wire that is to be opened.
const V3: i32 = 3;

fn take(desk: &mut Desk<'_>, said: &Said<'_>) {
    let Some(door) = desk.admit(said.from.ip()) else { return };
    let tell = |answer: Option<&[u8]>| {
        if let (Some(answer), Some(port)) = (answer, said.port) {
            port.answer(answer, said.from);
        }
    };
    let opened = (snmp::version_of(said.bytes) == Ok(V3)).then(|| desk.open(said.bytes, said.from.ip()));
    let (bytes, sealed) = match &opened {
        None => (said.bytes, None),
        Some(Opened::Notice { plain, answer }) => (plain.as_slice(), answer.as_deref()),
        Some(Opened::Question(answer)) => return tell(Some(answer.as_slice())),
        Some(Opened::Refused { why, answer }) => {
            tell(answer.as_deref());
            return desk.refuse(why);
        }
    };
    let notice = match trap::read(bytes) {
        Ok(Some(notice)) => notice,
        Ok(None) => return desk.refuse("that are no traps"),
        Err(_) => return desk.refuse("that cannot be read"),
    };
    let Some((from, via)) = desk.whose(door, notice.origin) else { return };
    // Acknowledged once it is in hand: what comes after can fail only with the whole program.
    tell(if opened.is_some() { sealed } else { notice.answer.as_deref() });
    desk.copy(said.bytes, || trap::relayed(bytes, from).or_else(|| opened.is_some().then(|| bytes.to_vec())));
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
