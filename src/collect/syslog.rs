//! Receives syslog: datagrams of one line, streams of many (RFC 6587). The source of a line is the address it came
//! from; only what a declared relay brings is of whom the line says it is: the origin in its structured data, else an
//! address as its host. A copy for another receiver says so in the same way, because the address of a datagram of ours
//! is ours.

use super::desk::Desk;
use super::{Kind, Said};
use crate::codec::syslog::{read, relayed};
use crate::model::wire::{Heard, LogSource};

/// Its row.
pub const KIND: Kind = Kind { name: "syslog", noun: "syslog", streams: true, engine: false, take };

fn take(desk: &mut Desk<'_>, said: &Said<'_>) {
    let bytes = said.bytes.trim_ascii_end();
    if bytes.is_empty() {
        return;
    }
    // A flood of one source is turned away before anything is read; that of a relay, by whoever wrote it.
    let Some(door) = desk.admit(said.from.ip()) else { return };
    let line = read(bytes);
    let Some((from, via)) = desk.whose(door, line.origin) else { return };
    let at = desk.now().wall;
    desk.copy(bytes, || Some(relayed(bytes, from, &at.to_string())));
    desk.keep(Heard {
        at,
        source: LogSource::Syslog,
        from,
        via,
        asset: None,
        host: line.host,
        facility: line.facility,
        severity: line.severity,
        tag: line.tag,
        text: line.text,
        count: 1,
    });
}

#[cfg(test)]
mod tests;
