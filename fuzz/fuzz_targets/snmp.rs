//! Any datagram through the SNMP decoder: it may refuse it, but never panic, gives no more variables than fit, and takes
//! nothing from the heap.
#![no_main]

mod counted;

use fengsui::codec::snmp::{Body, Message, version_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    counted::within(0, || {
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
});
