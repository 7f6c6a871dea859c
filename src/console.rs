//! The central service: takes batches in, keeps them, makes incidents of alerts, answers people and Prometheus.

pub mod api;
pub mod command;
pub mod metrics;
pub mod pki;
pub mod secrets;
pub mod store;

pub use store::Store;
