//! Settings of a probe kind: types and bounds as its `KindSpec` declares them.

use crate::model::field::KindSpec;
use crate::model::plan::Settings;

/// Reads `--set k=v` pairs, with defaults filled in. All mistakes at once.
pub fn parse_set(kind: &KindSpec, given: &[&str]) -> Result<Settings, Vec<String>> {
    let _ = (kind, given);
    Ok(Settings::default())
}
/// The settings a kind has when nothing is given.
pub fn settings_of(kind: &KindSpec) -> Settings {
    let _ = kind;
    Settings::default()
}
