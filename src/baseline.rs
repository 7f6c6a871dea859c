//! Graded protection (等级保护): configurations judged against a policy, with the lines that prove each verdict.
//!
//! `dialect` turns a device's configuration into a tree, `host` asks a Linux host's files, `policy` reads the checks
//! that operators write, `judge` puts one to the other. Everything is bytes and values in, values out; only
//! `host::root` reads files, those below its root. Nothing here concludes from the absence of a line in a text that is not whole, and no secret of a configuration leaves `mask`.

pub mod dialect;
pub mod due;
pub mod host;
pub mod inspect;
pub mod judge;
pub mod keep;
pub mod mask;
pub mod pattern;
pub mod policy;
pub mod polled; // what reading over SNMP proves
pub mod recipe;
pub mod record;
pub mod score;
