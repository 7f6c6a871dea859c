//! What operators write, turned into what it means: settings, inventory, probes, rules, and the plan.
//!
//! Every reader collects all diagnostics of all files at once; a value that comes out is valid. Files are
//! read here and in `watch` only. Nothing here knows a socket, and probe kinds come in as a `Catalog`.

pub mod defs;
pub mod diag;
pub mod expr;
pub mod import;
pub mod inventory;
pub mod kinds;
pub mod pattern;
pub mod plan;
pub(crate) mod reader;
pub mod settings;
#[cfg(test)]
pub(crate) mod testing;
pub mod units;
pub mod watch;
pub mod zh;

pub use diag::{Diagnostic, Level};
pub use kinds::{parse_set, settings_of};
pub use reader::{BASELINE, Sorted, sort_files};
