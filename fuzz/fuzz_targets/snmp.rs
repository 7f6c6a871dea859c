//! Any datagram through the SNMP decoder: it may refuse it, but never panic, and it gives no more variables than fit.
#![no_main]

use fengsui::codec::snmp::{Body, Message, version_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = version_of(bytes);
    let Ok(message) = Message::read(bytes) else { return };
    let variables = match message.body {
        Body::Pdu(pdu) => pdu.variables,
        Body::TrapV1(trap) => trap.variables,
    };
    let mut count = 0;
    for variable in variables.flatten() {
        count += 1;
        assert!(variable.name.arcs().count() <= 128);
    }
    assert!(count <= bytes.len() / 4);
});
