//! The one integration-test binary: one module a concern.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails where it should")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests start the binary and play its peers")]

mod acceptance;
mod agent;
mod agreement;
mod allocations;
mod architecture;
mod bad;
mod baseline;
mod chaos;
mod definitions;
mod demo;
mod device;
mod discover;
mod dns;
mod docs;
mod door;
mod fields;
mod grafana;
mod handed;
mod health;
mod hostile;
mod hosts;
mod hours;
mod house;
mod lab;
mod labels;
mod mutated;
mod own_host;
mod path;
mod probe;
mod profiles;
mod refusals;
mod rig;
mod scapy;
mod scrape;
mod shipped;
mod silence;
mod simulate;
mod snippets;
mod snmp;
mod snmpd;
mod sshd;
mod stamp;
mod stamp_suite;
mod trap;
mod tree;
mod walk;
