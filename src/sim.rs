//! Simulated devices and services for tests, demonstrations and trials: SNMP agents from recordings, small
//! HTTP, TCP and UDP services, all on loopback addresses, and scenarios that break and mend them.
//!
//! It knows nothing of probes, agents or consoles: they meet it over sockets, as they meet real devices.

pub mod certificate; // what https services show
pub mod crowd; // thousands of devices of one recording, as a load target
pub mod demo; // the prefecture of `up --demo`
pub mod device; // one service: up, silent, down, changed
pub mod play; // a script, played
pub mod recording; // .snmprec
pub mod scenario; // a script of faults, seeded
pub mod world; // devices that run

pub use device::{Kind, Power};
pub use play::{Played, play};
pub use recording::Recording;
pub use scenario::Scenario;
pub use world::{Action, DeviceSpec, ServiceSpec, Step, World, WorldError};
