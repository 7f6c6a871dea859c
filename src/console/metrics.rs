//! The console as Prometheus sees it.
pub mod meters;
pub mod process;
