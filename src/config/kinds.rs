//! Settings of a probe kind: types and bounds as its `KindSpec` declares them, defaults filled in.

use std::collections::BTreeMap;

use crate::model::field::{KindSpec, Part, SettingDef, SettingType};
use crate::model::plan::{SettingValue, Settings};

use super::diag::did_you_mean;
use super::reader::{Faults, Item, Source, Table};
use super::units::format_duration;

/// Most entries of a list or a map, and longest name in one: a step that needs more is several.
const MAX_ENTRIES: usize = 64;
const MAX_NAME: usize = 128;

/// The settings a kind has when nothing is given.
pub fn settings_of(kind: &KindSpec) -> Settings {
    defaults(kind.settings)
}

fn defaults(defs: &[SettingDef]) -> Settings {
    Settings(defs.iter().filter_map(|def| Some((def.name.to_owned(), default_of(def)?))).collect())
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
    let Some(table) = given else { return settings_of(kind) };
    table.name(format!("the settings of kind `{}`", kind.name));
    read_table(kind.settings, table)
}

fn read_table(defs: &'static [SettingDef], table: &Table<'_>) -> Settings {
    let mut settings = defaults(defs);
    for def in defs {
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
        SettingType::Text(most) => text(item, most).map(SettingValue::Text),
        SettingType::Pattern(most) => pattern(item, most).map(SettingValue::Text),
        SettingType::Texts(most) => {
            let items = item.list()?;
            too_many(item, items.len(), MAX_ENTRIES)?;
            let texts: Vec<String> = items.iter().filter_map(|i| text(i, most)).collect();
            (texts.len() == items.len()).then_some(SettingValue::Texts(texts))
        }
        SettingType::Named(names) => {
            let items = item.list()?;
            too_many(item, items.len(), MAX_ENTRIES)?;
            let words: Vec<&str> = names.iter().map(|(_, word)| *word).collect();
            let number = |word: &str| {
                let named = names.iter().find(|(_, known)| *known == word).map(|(number, _)| *number);
                named.or_else(|| word.parse().ok()).map(i64::from)
            };
            let numbers: Vec<i64> = items.iter().filter_map(|i| i.word(&words, number)).collect();
            (numbers.len() == items.len()).then_some(SettingValue::IntList(numbers))
        }
        SettingType::Map(part, most) => map(item, part, most).map(SettingValue::Map),
        SettingType::Tables(defs, most) => {
            let items = item.list()?;
            too_many(item, items.len(), most)?;
            let tables = items.iter().filter_map(Item::table).inspect(|t| t.name(format!("a `{}`", item.key)));
            let read: Vec<Settings> = tables.map(|table| read_table(defs, &table)).collect();
            (read.len() == items.len()).then_some(SettingValue::Tables(read))
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

fn text(item: &Item<'_>, most: usize) -> Option<String> {
    let text = item.text()?;
    if text.len() > most || text.chars().any(char::is_control) {
        item.fault(format!("`{}` is too long or has control characters", item.key), format!("at most {most} bytes"));
        return None;
    }
    Some(text.to_owned())
}

fn pattern(item: &Item<'_>, most: usize) -> Option<String> {
    let text = text(item, most)?;
    match regex::Regex::new(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            // Its words stand on the last of several lines.
            let why = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            item.fault(
                format!("`{}` is no regular expression: {why}", item.key),
                r"it is of the syntax of the crate regex, such as '^(GE|XGE)\d'; no look-around, no back-references",
            );
            None
        }
    }
}

fn map(item: &Item<'_>, part: Part, most: usize) -> Option<BTreeMap<String, String>> {
    let table = item.table()?;
    let mut all = BTreeMap::new();
    let mut good = true;
    let pointer = |text: &str| text.is_empty() || text.starts_with('/');
    for entry in table.items() {
        let name = entry.key;
        let read = match part {
            Part::Pattern => pattern(&entry, most),
            Part::Text | Part::AtPointer | Part::Pointer => text(&entry, most),
        };
        let at = match (part, &read) {
            (Part::AtPointer, _) => name,
            (Part::Pointer, Some(text)) => text,
            _ => "",
        };
        if !pointer(at) {
            entry.fault(format!("`{at}` is no JSON pointer"), "write it as \"/data/code\"");
            good = false;
        }
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            entry.fault("a name is empty, too long or has control characters", format!("at most {MAX_NAME} bytes"));
            good = false;
        }
        good &= read.is_some();
        all.extend(read.map(|text| (name.to_owned(), text)));
    }
    too_many(item, all.len(), MAX_ENTRIES)?;
    good.then_some(all)
}

fn too_many(item: &Item<'_>, count: usize, most: usize) -> Option<()> {
    if count <= most {
        return Some(());
    }
    item.fault(format!("`{}` has {count} entries", item.key), format!("at most {most}"));
    None
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
        SettingValue::Texts(v) => format!("{v:?}"),
        SettingValue::Map(v) => named(v.iter().map(|(name, text)| (name.as_str(), format!("{text:?}")))),
        SettingValue::Tables(v) => {
            let table = |s: &Settings| named(s.0.iter().map(|(name, value)| (name.as_str(), written(value))));
            format!("[{}]", v.iter().map(table).collect::<Vec<_>>().join(", "))
        }
    }
}

fn named<'a>(all: impl Iterator<Item = (&'a str, String)>) -> String {
    format!("{{ {} }}", all.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", "))
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
