//! Settings of a probe kind: types and bounds as its `KindSpec` declares them, defaults filled in.

use crate::model::field::{KindSpec, SettingDef, SettingType};
use crate::model::plan::{SettingValue, Settings};

use super::diag::did_you_mean;
use super::reader::{Faults, Item, Source, Table};
use super::units::format_duration;

/// The settings a kind has when nothing is given.
pub fn settings_of(kind: &KindSpec) -> Settings {
    Settings(kind.settings.iter().filter_map(|def| Some((def.name.to_owned(), default_of(def)?))).collect())
}

/// Reads `--set key=value` pairs, with defaults filled in. All mistakes at once. A value is written as in a
/// definition, quotes may be left away.
pub fn parse_set(kind: &KindSpec, given: &[&str]) -> Result<Settings, Vec<String>> {
    let mut settings = settings_of(kind);
    let mut wrong = Vec::new();
    for pair in given {
        let Some((key, value)) = pair.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
            wrong.push(format!("`{pair}` is no setting; write KEY=VALUE"));
            continue;
        };
        let Some(def) = kind.settings.iter().find(|def| def.name == key) else {
            let hint = did_you_mean(key, kind.settings.iter().map(|def| def.name));
            wrong.push(format!("unknown setting `{key}` of kind `{}`; {hint}", kind.name));
            continue;
        };
        // What is no TOML was meant as a text; then the text's mistake is the one to tell.
        let plain = toml::de::DeValue::parse(value).is_ok();
        let read = from_literal(def, value)
            .or_else(|error| from_literal(def, &quoted(value)).map_err(|other| if plain { error } else { other }));
        match read {
            Ok(value) => {
                settings.0.insert(key.to_owned(), value);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
}

/// Reads a probe's `settings` table; mistakes are reported.
pub(crate) fn read(kind: &KindSpec, given: Option<&Table<'_>>) -> Settings {
    let mut settings = settings_of(kind);
    let Some(table) = given else { return settings };
    table.name(format!("the settings of kind `{}`", kind.name));
    for def in kind.settings {
        if let Some(value) = table.item(def.name).and_then(|item| value(def, &item)) {
            settings.0.insert(def.name.to_owned(), value);
        }
    }
    table.finish();
    settings
}

fn value(def: &SettingDef, item: &Item<'_>) -> Option<SettingValue> {
    match def.kind {
        SettingType::Duration => {
            item.duration().map(|d| SettingValue::DurationMs(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
        }
        SettingType::Int(min, max) => item.int(min, max).map(SettingValue::Int),
        SettingType::Bool => item.bool().map(SettingValue::Bool),
        SettingType::Text(most) => {
            let text = item.text()?;
            if text.len() > most || text.chars().any(char::is_control) {
                item.fault(
                    format!("`{}` is too long or has control characters", item.key),
                    format!("at most {most} bytes"),
                );
                return None;
            }
            Some(SettingValue::Text(text.to_owned()))
        }
        SettingType::Choice(words) => {
            item.word(words, |w| words.contains(&w).then(|| w.to_owned())).map(SettingValue::Text)
        }
        SettingType::IntList(min, max) => {
            let items = item.list()?;
            let numbers: Vec<i64> = items.iter().filter_map(|i| i.int(min, max)).collect();
            (numbers.len() == items.len()).then_some(SettingValue::IntList(numbers))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn from_literal(def: &SettingDef, literal: &str) -> Result<SettingValue, String> {
    let source = Source { name: String::new(), text: format!("{} = {literal}", def.name) };
    let faults = Faults::default();
    let parsed = super::reader::parse(&source, &faults);
    let read = Table::root(&source, &faults, parsed.get_ref()).item(def.name).and_then(|item| value(def, &item));
    match (read, faults.into_sorted().into_iter().next()) {
        (Some(value), None) => Ok(value),
        (_, Some(d)) => Err(match d.hint {
            Some(hint) => format!("{}; {hint}", d.what),
            None => d.what,
        }),
        (None, None) => Err(format!("`{literal}` is no value of `{}`", def.name)),
    }
}

/// A default that cannot be read gives none; a test walks the catalog for those.
fn default_of(def: &SettingDef) -> Option<SettingValue> {
    from_literal(def, def.default?).ok()
}

/// How a setting is written, for `--explain` and documents.
pub fn written(value: &SettingValue) -> String {
    match value {
        SettingValue::DurationMs(ms) => format_duration(std::time::Duration::from_millis(*ms)),
        SettingValue::Int(v) => v.to_string(),
        SettingValue::Bool(v) => v.to_string(),
        SettingValue::Text(v) => v.clone(),
        SettingValue::IntList(v) => v.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{CATALOG, kind};

    #[test]
    fn every_default_can_be_read() {
        for kind in CATALOG {
            let with_default = kind.settings.iter().filter(|s| s.default.is_some()).count();
            assert_eq!(settings_of(kind).0.len(), with_default, "{}", kind.name);
        }
    }

    #[test]
    fn pairs_from_the_command_line_are_typed_and_checked() {
        let http = kind("http");
        let settings = parse_set(http, &["path=/a b", "status=[200, 301]", "slow=500ms", "verify=false"]).unwrap();
        assert_eq!(settings.text("path"), Some("/a b"));
        assert_eq!(settings.ints("status"), [200, 301]);
        assert_eq!(settings.duration("slow"), super::super::units::parse_duration("500ms").ok());
        assert!(!settings.bool("verify"));
        let wrong = parse_set(kind("icmp"), &["cuont=3", "size=1000000", "dscp=cs7", "x"]).unwrap_err();
        assert_eq!(
            wrong,
            [
                "unknown setting `cuont` of kind `icmp`; did you mean `count`?",
                "`size` = 1000000 is out of bounds; 0 to 65000",
                "`cs7` is no value of `dscp`; did you mean `cs0`?",
                "`x` is no setting; write KEY=VALUE",
            ]
        );
    }
}
