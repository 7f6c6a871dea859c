//! How the kernel was started: its command line (`/proc/cmdline`), and whether the firmware checked it (the variable
//! `SecureBoot` of UEFI, section 3.3: four bytes of attributes, then 1 if it did).

use std::sync::Arc;

use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The command line.
const CMDLINE: &str = "/proc/cmdline";
/// The firmware's variables; not there on a machine that starts without UEFI.
const VARIABLES: &str = "/sys/firmware/efi/efivars";
/// The variable, by the vendor that defines all of UEFI's own.
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

#[derive(Debug)]
struct Parameter {
    key: String,
}

/// `key` (a parameter of the kernel).
pub(super) fn cmdline(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Parameter { key: table.text("key", "\"audit\"")?.to_owned() }))
}

impl Fact for Parameter {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("value", Type::Text), ("number", Type::Number)])
    }

    /// A row for the last of several; without `=` the value is empty.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(CMDLINE.to_owned());
        let text = host.root.need(CMDLINE)?;
        let said = |word: &str| {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            (key == self.key).then(|| Row::at(CMDLINE, 1, format!("{key}={value}")).valued(value))
        };
        found.rows.extend(text.split_whitespace().rev().find_map(said));
        Ok(())
    }
}

#[derive(Debug)]
struct SecureBoot;

/// No settings.
pub(super) fn secure_boot(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(SecureBoot))
}

impl Fact for SecureBoot {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("on", Type::Bool)])
    }

    /// One row on a machine with UEFI.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(SECURE_BOOT.to_owned());
        if !host.root.exists(VARIABLES)? {
            return Ok(());
        }
        let bytes = host.root.bytes(SECURE_BOOT, 64)?;
        let on = bytes.as_ref().and_then(|b| b.get(4)) == Some(&1);
        found.rows.push(Row::at(SECURE_BOOT, 0, if on { "1" } else { "0" }).with("on", on));
        Ok(())
    }
}
