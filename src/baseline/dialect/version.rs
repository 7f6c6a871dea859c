//! Software versions, as far as defaults depend on them: the numbers in them, in order.

use std::fmt;

/// A version: `V200R003C00` is 200, 3, 0; `7.1.064` is 7, 1, 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

/// The most numbers kept of a version.
const MOST: usize = 6;

impl Version {
    /// Reads one; nothing comes of a text without a number.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split([',', ' ']).next().unwrap_or("");
        let numbers: Vec<u32> =
            word.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).take(MOST).collect();
        (!numbers.is_empty()).then_some(Self(numbers))
    }
    /// The first number.
    pub fn major(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

/// Which versions are meant: `*`, `>=V200R006`, `<V200R006`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// All.
    Any,
    /// That one and later.
    From(Version),
    /// Earlier ones.
    Before(Version),
}

impl Constraint {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        match (text.strip_prefix(">="), text.strip_prefix('<')) {
            (Some(rest), _) => Version::parse(rest).map(Self::From),
            (_, Some(rest)) => Version::parse(rest).map(Self::Before),
            _ => None,
        }
    }
    /// Whether a version is meant; `None` when it is not known and that matters.
    pub fn holds(&self, version: Option<&Version>) -> Option<bool> {
        match (self, version) {
            (Self::Any, _) => Some(true),
            (_, None) => None,
            (Self::From(least), Some(v)) => Some(v >= least),
            (Self::Before(end), Some(v)) => Some(v < end),
        }
    }
}
