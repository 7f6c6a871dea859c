//! The policy: which checks there are, what passes them in each dialect, and why. Data that operators write; see
//! `docs/baseline.md`. Shipped ones are embedded, a directory may be laid over them: a check of the same id replaces.

mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;

use include_dir::{Dir, include_dir};

pub(super) use read::{Several, expression, patterns, proven, quantifier, raw, several, verdict};

use super::dialect::{Constraint, Dialect};
use super::host;
use super::judge::Verdict;
use super::pattern::Pattern;
use crate::config::diag::{self, Diagnostic};
use crate::config::expr::Expr;
use crate::config::reader::{self, Faults, Source};
pub use crate::model::finding::{Weight, Words};

/// The operator's own policy, laid over the shipped one if it is there.
pub const OWN: &str = "/etc/fengsui/baseline";

static DEVICE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/probes/baseline/device");
static HOST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/probes/baseline/host");
static PROFILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/probes/baseline/profiles");
static LISTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/probes/baseline/lists");

/// An item of the standard (测评项) under all its numbers.
#[derive(Debug, Clone)]
pub struct Clause {
    /// GB/T 22239-2019 level 3.
    pub l3: String,
    /// GB/T 22239-2019 level 2; empty where level 2 does not have it.
    pub l2: String,
    /// GB/T 28448-2019, level 3.
    pub item: String,
    /// GB/T 22239-2008, level 3; empty where not known.
    pub old: String,
    /// What it asks for.
    pub words: Words,
    /// What a configuration alone proves it for: `device`, `host`. Elsewhere checks that pass prove a part of it.
    pub decides: Vec<String>,
}

impl Clause {
    /// All its numbers as `standard:number`.
    pub fn ids(&self) -> Vec<String> {
        let all = [
            ("22239-2019", &self.l3),
            ("22239-2019", &self.l2),
            ("28448-2019", &self.item),
            ("22239-2008", &self.old),
        ];
        all.into_iter().filter(|(_, id)| !id.is_empty()).map(|(standard, id)| format!("{standard}:{id}")).collect()
    }
}

/// What holds when a line is not there.
#[derive(Debug, Clone)]
pub enum Fallback {
    /// A verdict.
    Verdict(Verdict),
    /// The device's default values, judged like captured ones; by version, the first that fits.
    Values(Vec<(Constraint, Vec<(String, f64)>)>),
}

/// Which of several lines or blocks decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// The worst.
    All,
    /// The best.
    Any,
}

impl Quantifier {
    /// Of several the one that decides, and those that say the same; nothing of none.
    pub(super) fn decide<T>(
        self,
        all: Vec<T>,
        verdict: impl Fn(&T) -> Verdict,
    ) -> Option<(T, impl Iterator<Item = T>)> {
        let rank = move |one: &T| match self {
            Self::All => verdict(one).badness(),
            Self::Any => verdict(one).goodness(),
        };
        let best = all.iter().map(&rank).max()?;
        let mut same = all.into_iter().filter(move |one| rank(one) == best);
        Some((same.next()?, same))
    }
}

/// What a line refers to must be there.
#[derive(Debug, Clone)]
pub struct Reference {
    /// First line of the block, with the capture whose value the line has, too.
    pub block: Pattern,
    /// That capture.
    pub name: String,
    /// What its last command must be.
    pub last: Pattern,
}

/// What is asked of each place.
#[derive(Debug, Clone)]
pub enum Want {
    /// A line, and what it says.
    Line {
        /// How it looks, in any of these ways.
        patterns: Vec<Pattern>,
        /// When it is good; it is if it is there, unless given.
        assert: Option<Expr>,
        /// When it is at least half good.
        partial: Option<Expr>,
        /// What it is when it is not good.
        otherwise: Verdict,
        /// Which of several decide.
        lines: Quantifier,
        /// What `undo LINE` means; the same as no line unless given.
        negated: Option<Verdict>,
        /// What no line means.
        default: Fallback,
        /// What it refers to.
        reference: Option<Box<Reference>>,
    },
    /// No such line; a block's own first line counts.
    Absent {
        /// How it would look.
        patterns: Vec<Pattern>,
    },
    /// The lines that share a captured word must be joined by others about the same word.
    Group {
        /// The lines.
        pattern: Pattern,
        /// The capture.
        by: String,
        /// What each group needs, with the capture in the pattern.
        require: Vec<(Pattern, Option<Expr>)>,
        /// What no line at all means.
        default: Verdict,
    },
}

/// One test.
#[derive(Debug, Clone)]
pub enum Test {
    /// At each place.
    Each {
        /// The block path; the top without one.
        path: Vec<Pattern>,
        /// Which blocks.
        filter: Option<Expr>,
        /// Only blocks with one of these commands; any without.
        having: Vec<Pattern>,
        /// Only blocks with none of these commands.
        without: Vec<Pattern>,
        /// What is asked.
        want: Box<Want>,
        /// Which blocks decide.
        quantifier: Quantifier,
        /// What no block at all means.
        empty: Verdict,
    },
    /// Every one must hold.
    All(Vec<Test>),
    /// One must.
    Any(Vec<Test>),
}

/// A small configuration and what must come of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// Its text.
    pub config: String,
    /// The verdict.
    pub expect: Verdict,
    /// Line of its definition.
    pub line: usize,
}

/// What a check means in some dialects.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Dialects.
    pub os: Vec<Dialect>,
    /// Versions.
    pub version: Constraint,
    /// Only where one of these commands is; not applicable elsewhere.
    pub applies: Vec<Pattern>,
    /// The test.
    pub test: Test,
    /// The definition's own words for it, for `explain`.
    pub asks: Vec<String>,
    /// Where its commands and defaults come from.
    pub source: String,
    /// What to type to mend it.
    pub fix: String,
    /// Small configurations that prove it.
    pub vectors: Vec<Vector>,
}

/// One check.
#[derive(Debug, Clone)]
pub struct Check {
    /// Id, such as `D06`.
    pub id: String,
    /// Title.
    pub title: Words,
    /// Severity.
    pub severity: Weight,
    /// 1 general, 2 important, 3 key.
    pub weight: i64,
    /// Whether it may be a major hazard (重大风险隐患).
    pub major_hazard: bool,
    /// What may compensate a failure; empty if nothing.
    pub compensating: Words,
    /// The item it serves.
    pub clause: Clause,
    /// Numbers that its expressions may use.
    pub params: BTreeMap<String, f64>,
    /// Sentences of the record sheet: passed, failed.
    pub record: (Words, Words),
    /// Dialects that do not have the thing.
    pub not_in: Vec<Dialect>,
    /// What it means by dialect; empty if it is not about devices.
    pub variants: Vec<Variant>,
    /// What it means on hosts; empty if it is not about them.
    pub hosts: Vec<host::Variant>,
    /// File it stands in.
    pub file: String,
    /// Line of its header.
    pub line: usize,
}

impl Check {
    /// Whether a level asks for it: level 2 does not have every item.
    pub fn asked_at(&self, level: i64) -> bool {
        level == 3 || !self.clause.l2.is_empty()
    }
}

/// A protection level's selection.
#[derive(Debug, Clone)]
pub struct Profile {
    /// `l2`, `l3`.
    pub id: String,
    /// Level, 2 or 3.
    pub level: i64,
    /// Parameters other than the checks' own: check, name, value.
    pub params: Vec<(String, String, f64)>,
}

/// Everything that is in force.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Checks by id.
    pub checks: BTreeMap<String, Check>,
    /// Profiles by id.
    pub profiles: BTreeMap<String, Profile>,
    /// Lists of words by name.
    pub lists: BTreeMap<String, Vec<String>>,
    /// SHA-256 of all texts it was read from, hex: results of two policies are not compared.
    pub digest: String,
    /// Items of the standard by their number in level 3.
    pub clauses: BTreeMap<String, Clause>,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The policy; incomplete when a diagnostic is an error.
    pub policy: Policy,
    /// Every mistake.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether the policy may be used.
    pub fn usable(&self) -> bool {
        !diag::any_error(&self.diagnostics)
    }
}

/// Reads the shipped policy and lays directories or files over it.
pub fn load(overlays: &[PathBuf]) -> Loaded {
    let faults = Faults::default();
    let mut layers = vec![shipped()];
    for overlay in overlays {
        layers.push(reader::read_files(&reader::toml_files(overlay, &faults), &faults));
    }
    read::all(&layers, faults)
}

/// The same with texts (name, text) laid over the shipped policy.
pub fn parse(texts: &[(&str, &str)]) -> Loaded {
    let layer =
        texts.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
    read::all(&[shipped(), layer], Faults::default())
}

fn shipped() -> Vec<Source> {
    let mut sources = Vec::new();
    for (prefix, dir) in [("lists", &LISTS), ("profiles", &PROFILES), ("device", &DEVICE), ("host", &HOST)] {
        for file in dir.files() {
            let name = format!("embedded:probes/baseline/{prefix}/{}", file.path().display());
            sources.push(Source { name, text: file.contents_utf8().unwrap_or_default().to_owned() });
        }
    }
    sources
}
