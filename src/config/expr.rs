//! The expression language of rules and filters: CEL's grammar (crate `cel` parses), our own types and names.
//!
//! `Expr::compile` checks names, operand types and that the result is a boolean, and lowers the tree into a
//! small one of ours: evaluating it makes no map and allocates nothing, and a missing value is `Unknown`, which
//! CEL's own interpreter cannot say. See `docs/expressions.md`.

mod check;
mod eval;
mod scope;

pub(crate) use scope::reserved;
pub use scope::{ATTRIBUTES, Scope, Type, attribute_type};

use std::sync::Arc;

use crate::model::ObjectKind;
use crate::model::plan::Attribute;

/// A statistic over a rule's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stat {
    /// Arithmetic mean.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// How many measurements.
    Count,
    /// Newest minus oldest.
    Delta,
}

impl Stat {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Mean, Self::Min, Self::Max, Self::P50, Self::P95, Self::Count, Self::Delta];
    /// The word in `w.FIELD.WORD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::Count => "count",
            Self::Delta => "delta",
        }
    }
    /// The statistic of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// Something an expression asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ref {
    /// Newest value of a field.
    Field(Arc<str>),
    /// A statistic of a field over the rule's window.
    Window(Arc<str>, Stat),
    /// A parameter of the rule.
    Param(Arc<str>),
    /// An attribute of the object, or of the asset an interface belongs to.
    Attr(ObjectKind, Arc<str>),
}

/// A value that a `Lookup` gives. States may be given by name (`Text`) or position (`Number`); a boolean
/// attribute may be given as a number, 0 being false.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Val<'a> {
    /// Number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// Texts.
    List(&'a [String]),
}

impl<'a> From<&'a Attribute> for Val<'a> {
    fn from(attribute: &'a Attribute) -> Self {
        match attribute {
            Attribute::Number(v) => Self::Number(*v),
            Attribute::Text(v) => Self::Text(v),
            Attribute::List(v) => Self::List(v),
        }
    }
}

/// Where an expression's values come from. `None` = not measured, not known.
pub trait Lookup {
    /// The value of a reference.
    fn get(&self, slot: &Ref) -> Option<Val<'_>>;
}

/// What an expression says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Eval {
    /// It holds.
    True,
    /// It does not.
    False,
    /// A value it depends on is missing.
    Unknown,
}

/// Why a text is no expression of this scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {hint}")]
pub struct ExprError {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// A checked expression.
#[derive(Debug, Clone)]
pub struct Expr {
    text: Arc<str>,
    refs: Vec<Ref>,
    table: Option<usize>,
    root: eval::Node,
}

/// The longest expression, in bytes: a page of text; longer ones are mistakes or attacks on the parser.
pub const MAX_EXPR: usize = 4_096;

impl Expr {
    /// Parses, checks and lowers `text`.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, ExprError> {
        check::compile(text, scope)
    }
    /// What it says about these values.
    pub fn eval(&self, values: &dyn Lookup) -> Eval {
        eval::truth(&self.root, values)
    }
    /// Everything it asks for, each once.
    pub fn refs(&self) -> &[Ref] {
        &self.refs
    }
    /// The text it was made from.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The table of the kind's schema whose fields it asks for (0 if only implicit ones); `None` without fields.
    pub const fn table(&self) -> Option<usize> {
        self.table
    }
}

#[cfg(test)]
mod tests;
