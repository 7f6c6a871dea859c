//! Variables of a transaction: `${name}` in its texts. Values of the secret, and whatever is taken out of answers, are
//! never shown: `hide` takes them out of every message again.

use std::collections::{BTreeMap, BTreeSet};

/// Shorter values are not hidden: a message in which every `1` is a star tells nothing, and no password is so short.
const MIN_HIDDEN: usize = 3;
/// The longest value that is taken: a session's ticket, not a page.
pub(super) const MAX_VALUE: usize = 8 << 10;

/// Values by name.
#[derive(Clone, Default)]
pub(super) struct Vars {
    all: BTreeMap<String, String>,
    hidden: BTreeSet<String>,
}

impl Vars {
    /// A value that may be shown.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        self.all.insert(name.to_owned(), value.to_owned());
    }

    /// A value that may not.
    pub(super) fn put_hidden(&mut self, name: &str, value: &str) {
        self.put(name, value);
        self.hidden.insert(value.to_owned());
        self.hidden.insert(form_urlencoded::byte_serialize(value.as_bytes()).collect());
        self.hidden.insert(json_escaped(value));
    }

    /// A text with the values put in, each passed through `as_`; what is no variable stays as it is.
    pub(super) fn fill(&self, text: &str, as_: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, name, after)) = split(rest) {
            out.push_str(before);
            match self.all.get(name) {
                Some(value) => out.push_str(&as_(value)),
                None => out.push_str(&format!("${{{name}}}")),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// A message without any value that may not be shown.
    pub(super) fn hide(&self, message: &str) -> String {
        // The longest first: one may be a part of another.
        let mut values: Vec<&str> =
            self.hidden.iter().map(String::as_str).filter(|v| v.len() >= MIN_HIDDEN).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.iter().fold(message.to_owned(), |message, value| message.replace(value, "***"))
    }
}

impl std::fmt::Debug for Vars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vars({})", self.all.keys().cloned().collect::<Vec<_>>().join(", "))
    }
}

/// As it stands inside a JSON string.
pub(super) fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// As it stands in a path or query.
pub(super) fn url_escaped(value: &str) -> String {
    // A blank is `+` in forms only.
    form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The names of variables in a text.
pub(super) fn names(mut text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    while let Some((_, name, after)) = split(text) {
        all.push(name);
        text = after;
    }
    all
}

/// What stands before the first variable, its name, and what stands after it.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("${")?;
        let inside = text.get(at + 2..)?;
        match inside.split_once('}') {
            Some((name, after)) if is_name(name) => return Some((text.get(..at)?, name, after)),
            _ => from = at + 2,
        }
    }
}

/// Whether a variable may be called so.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_and_what_is_no_variable_stays() {
        let mut vars = Vars::default();
        vars.put("user", "张三");
        vars.put_hidden("word", "p&\"w");
        let plain = |text: &str| vars.fill(text, str::to_owned);
        assert_eq!(plain("${user}:${word}"), "张三:p&\"w");
        assert_eq!(plain("$user ${ ${A} ${no} ${user"), "$user ${ ${A} ${no} ${user");
        assert_eq!(vars.fill("w=${word}", url_escaped), "w=p%26%22w");
        assert_eq!(vars.fill("{\"w\":\"${word}\"}", json_escaped), "{\"w\":\"p&\\\"w\"}");
        assert_eq!(names("/a/${user}?w=${word}&${X}&${"), ["user", "word"]);
    }

    #[test]
    fn hidden_values_are_in_no_message_however_they_were_sent() {
        let mut vars = Vars::default();
        vars.put("dept", "oa");
        vars.put_hidden("password", "p&\"w 9");
        vars.put_hidden("part", "p&\"w");
        for sent in ["p&\"w 9", "p%26%22w+9", "p&\\\"w 9", "p&\"w"] {
            let told = vars.hide(&format!("GET /oa?w={sent} failed"));
            assert_eq!(told, "GET /oa?w=*** failed", "{sent}");
        }
        assert!(!format!("{vars:?}").contains("p&"));
    }
}
