//! What a rule on syslog or traps looks for: `TAG`, `TAG: REGEX` or `*: REGEX`. The tag is compared as a whole, the
//! expression finds its place in the text; what its named groups hold is evidence.

use regex::{Captures, Regex, RegexBuilder};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 512;
/// Largest program that a pattern may become, in bytes: beyond it, it repeats too much.
const MAX_PROGRAM: usize = 256 << 10;
/// Stands for any tag.
const ANY: &str = "*";

/// A pattern, ready to look.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The tag it wants; any if absent.
    pub tag: Option<String>,
    /// What it wants of the text; anything if absent.
    pub text: Option<Regex>,
}

impl Pattern {
    /// Reads it; else says what is wrong with it.
    pub fn compile(written: &str) -> Result<Self, String> {
        if written.len() > MAX_PATTERN {
            return Err(format!("it is longer than {MAX_PATTERN} bytes"));
        }
        let (tag, text) = match written.split_once(": ") {
            Some((tag, text)) => (tag.trim(), Some(text)),
            None => (written.trim(), None),
        };
        if tag.is_empty() || tag.contains(char::is_whitespace) || (tag == ANY && text.is_none()) {
            return Err("write TAG, TAG: REGEX, or *: REGEX for any tag".to_owned());
        }
        let text = text.map(|text| RegexBuilder::new(text).size_limit(MAX_PROGRAM).build()).transpose();
        // The library draws the place below the expression, over several lines.
        let text = text.map_err(|e| e.to_string().lines().last().unwrap_or_default().trim().to_owned())?;
        Ok(Self { tag: (tag != ANY).then(|| tag.to_owned()), text })
    }

    /// The tag that a pattern wants, as written; nothing if any will do.
    pub fn tag_of(written: &str) -> Option<&str> {
        let tag = written.split_once(": ").map_or(written, |(tag, _)| tag).trim();
        (tag != ANY).then_some(tag)
    }

    /// Whether it has a group of that name.
    pub fn has_group(&self, name: &str) -> bool {
        self.groups().any(|group| group == name)
    }

    /// Names of its groups.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.text.iter().flat_map(|text| text.capture_names().flatten())
    }

    /// What it finds in a text whose tag fits; nothing to tell if it wants no more than the tag.
    pub fn find<'t>(&self, text: &'t str) -> Option<Option<Captures<'t>>> {
        match &self.text {
            None => Some(None),
            // Most lines do not fit, and only groups need room.
            Some(wanted) => wanted.is_match(text).then(|| wanted.captures(text)).flatten().map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_tag_an_expression_or_both() {
        let both = Pattern::compile(r"SSH/SSH_FAIL: IP=(?<peer>\S+?),").unwrap();
        assert_eq!(both.tag.as_deref(), Some("SSH/SSH_FAIL"));
        assert!(both.has_group("peer") && !both.has_group("user"));
        let found = both.find("(IP=10.1.1.9, Times=3)").unwrap().unwrap();
        assert_eq!(&found["peer"], "10.1.1.9");
        assert!(both.find("nothing").is_none());
        assert!(Pattern::compile("SYS/CONFIG_I").unwrap().find("x").unwrap().is_none());
        assert!(Pattern::compile("*: attack").unwrap().tag.is_none());
    }

    #[test]
    fn what_is_none_says_why() {
        for (written, why) in [
            ("", "write TAG"),
            ("*", "write TAG"),
            ("two words", "write TAG"),
            ("a: (", "unclosed group"),
            ("a: (x{1000}){1000}", "size limit"),
        ] {
            assert!(
                Pattern::compile(written).unwrap_err().contains(why),
                "{written}: {:?}",
                Pattern::compile(written)
            );
        }
    }
}
