//! One line about one mistake: where, what, and what to do about it.

use std::fmt;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The files are not used.
    Error,
    /// Used, but somebody should look.
    Warning,
}

/// A mistake in a file. Prints as `FILE:LINE: WHAT; HINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// File, as the operator named it, or `embedded:probes/core.toml`.
    pub file: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 when unknown.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Error or warning.
    pub severity: Level,
}

impl Diagnostic {
    /// About a whole file.
    pub fn file(file: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            what: what.into(),
            hint: Some(hint.into()),
            severity: Level::Error,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": ")?;
        if self.severity == Level::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Whether any of them is an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Level::Error)
}

/// Sorts by file and place, for a stable print.
pub(crate) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column, &a.what).cmp(&(&b.file, b.line, b.column, &b.what)));
    diagnostics.dedup();
}

/// The known name nearest to `given`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may differ, at least 2: `intervall` and `timout` are caught, `xyz` is not.
    let most = (given.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= most && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean X?`, or the list of what there is.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let mut all: Vec<&str> = known.into_iter().collect();
            all.sort_unstable();
            all.dedup();
            match all.as_slice() {
                [] => "there is none to choose from".to_owned(),
                // More than a dozen names is no help on one line.
                many if many.len() > 12 => {
                    format!("some of the {} known ones: {}", many.len(), many[..12].join(", "))
                }
                few => format!("known: {}", few.join(", ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_is_one_line_with_place_and_remedy() {
        let mut d = Diagnostic::file("a.toml", "cannot read it", "check the path");
        assert_eq!(d.to_string(), "a.toml: cannot read it; check the path");
        d.line = 7;
        d.severity = Level::Warning;
        assert_eq!(d.to_string(), "a.toml:7: warning: cannot read it; check the path");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("intervall", ["interval", "timeout"]), Some("interval"));
        assert_eq!(nearest("xyz", ["interval", "timeout"]), None);
        assert_eq!(did_you_mean("zz", ["b", "a"]), "known: a, b");
    }
}
