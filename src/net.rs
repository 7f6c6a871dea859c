//! Every socket and every clock of the program is made here. No policy: what a result means is for others.

pub mod clock; // wall and monotonic time; tests pause the one and shift the other
pub mod error; // why the network did not do what was asked
pub mod serve; // listening sockets of the simulator
pub mod snmp; // asking SNMP agents, v1 v2c and v3
