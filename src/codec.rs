//! Bytes to values and back. Pure, and never panics on input: every decoder says what was wrong and where.

pub mod dns; // one question and its answer
pub mod icmp; // echo requests, their replies, and errors that quote them
pub mod snmp; // SNMP v1 and v2c: requests, answers, notifications
pub mod stamp; // test packets of STAMP and TWAMP Light
pub mod syslog; // lines of devices and hosts, and how they come out of a stream
pub mod text; // texts in UTF-8 or GB18030
pub mod trap; // what traps and informs say
