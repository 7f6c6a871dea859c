//! The API's JSON as the command line prints it: one object a line with `"v":1`, or cells of a table.

use serde_json::{Map, Value};

use super::table::table;
use super::text::{local_time, pick};
use super::{Format, print, say};
use crate::console::api::query::encode;
use crate::model::Wall;

/// One object as a line: `"v":1` first.
pub fn line(value: Value) -> String {
    let mut all = Map::new();
    all.insert("v".to_owned(), Value::from(1));
    match value {
        Value::Object(fields) => all.extend(fields),
        other => {
            all.insert("value".to_owned(), other);
        }
    }
    Value::Object(all).to_string()
}

/// A field as text; empty for null and for what is not there.
pub fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A time field, local with its zone.
pub fn time(value: &Value, key: &str) -> String {
    let given = text(value, key);
    Wall::parse(&given).map_or(given, local_time)
}

/// A list field; empty if it is none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A path with those parameters that have a value.
pub fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given: Vec<String> =
        parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?)))).collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}

/// Prints a list in the format asked for.
pub fn show(items: &[Value], format: Format, head: &[&str], row: impl Fn(&Value) -> Vec<String>) {
    match format {
        Format::Json => items.iter().for_each(|item| print(&line(item.clone()))),
        Format::Table if items.is_empty() => say(pick("没有", "none")),
        Format::Table => print(&table(head, &items.iter().map(row).collect::<Vec<_>>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_begins_with_its_version() {
        assert_eq!(line(json!({ "id": "a", "x": null })), r#"{"v":1,"id":"a","x":null}"#);
    }

    #[test]
    fn a_query_holds_only_what_was_given() {
        assert_eq!(with_query("/x", &[("a", None)]), "/x");
        assert_eq!(
            with_query("/x", &[("a", Some("interface:c/G 1".into())), ("b", None)]),
            "/x?a=interface%3Ac%2FG%201"
        );
    }
}
