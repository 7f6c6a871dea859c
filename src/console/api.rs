//! The JSON API of the console.
pub mod problem;
pub mod query;
pub mod shape;
