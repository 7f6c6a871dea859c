//! x
pub mod problem;
pub mod query;
pub mod shape;
