//! x
pub mod meters;
pub mod process;
