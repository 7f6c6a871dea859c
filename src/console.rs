//! The central service: takes batches in, keeps them, makes incidents of alerts, answers people and Prometheus.
//! `Console::start` puts it together: the store, the definitions in force, plans for the agents, three doors
//! (pages and API, agents, the admin socket). `Handle::stop` ends it within five seconds.

pub mod api;
pub mod auth;
pub mod board;
pub mod command;
pub mod demo;
pub mod discoveries;
pub mod dropped;
pub mod graded;
pub mod imports;
pub mod ingest;
pub mod judge;
pub mod metrics;
pub mod parents;
pub mod password;
pub mod pki;
pub mod planner;
pub mod record_sheet;
pub mod secrets;
pub mod service;
pub mod session;
pub mod start;
pub mod store;
pub mod throttle;
pub mod topology;
pub mod web;

pub use service::Service;
pub use start::{Addresses, Console, ConsoleParts, Handle, Local, StartError};
