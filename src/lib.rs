//! Fengsui (烽燧) watches a government network and tells its duty room what broke.
//!
//! The modules below stand in layer order: a module may use those above it, as the table in
//! `docs/ARCHITECTURE.md` says and `tests/it/architecture.rs` enforces.

#![cfg_attr(test, allow(clippy::unwrap_used))] // a test that unwraps fails where it should

pub mod agent; // runs a plan: schedule, probe, judge, spool
pub mod baseline; // configurations judged against a policy, with the lines that prove it
pub mod cli;
pub mod codec; // bytes <-> values; never panics on input
pub mod collect; // one file a passive source: syslog
pub mod config; // what operators write -> what it means, all diagnostics at once
pub mod console; // ingest, store, incidents, API, metrics
pub mod engine; // (state, input, now) -> effects; no I/O, no clock, no randomness
pub mod model; // plain values: ids, time, inventory, fields, observations, alerts, incidents; no I/O
pub mod net; // every socket and every clock is made here
pub mod probe; // one file a probe kind, and the KINDS table
pub mod relay; // spool, batches, uplink, enrolment: from an agent to its console
pub mod sim; // simulated devices and services for tests and the demo // the only place that reads argv and the environment
