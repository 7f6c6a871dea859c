//! The names an expression may use, and their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::field::{IMPLICIT, KindSpec};
use crate::model::{Field, FieldType, ObjectKind, TableOn};

use super::Stat;

/// The type of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// f64; also the comparison result's operands.
    Number,
    /// Text.
    Text,
    /// One of these names; compares as text.
    State(Arc<[String]>),
    /// True or false.
    Bool,
    /// List of texts.
    List,
}

/// Attributes by kind of object: the name in expressions is `asset.NAME`, `link.NAME`, `agent.NAME`. Texts are
/// empty and numbers are missing where the inventory says nothing.
pub const ATTRIBUTES: &[(ObjectKind, &[(&str, Type)])] = &[
    (
        ObjectKind::Asset,
        &[
            ("id", Type::Text),
            ("name", Type::Text),
            ("kind", Type::Text),
            ("status", Type::Text),
            ("zone", Type::Text),
            ("region", Type::Text),
            ("owner", Type::Text),
            ("operator", Type::Text),
            ("person", Type::Text),
            ("location", Type::Text),
            ("address", Type::Text),
            ("url", Type::Text),
            ("importance", Type::Number),
            ("tcp_ports", Type::Number), // how many
            ("has_snmp", Type::Bool),
            ("has_config", Type::Bool),
            ("tags", Type::List),
        ],
    ),
    (
        ObjectKind::Link,
        &[
            ("id", Type::Text),
            ("name", Type::Text),
            ("tier", Type::Text),
            ("carrier", Type::Text),
            ("region", Type::Text), // of the asset at end a, else b
            ("zone", Type::Text),
            ("capacity_bps", Type::Number),
            ("tags", Type::List),
        ],
    ),
    (
        ObjectKind::Agent,
        &[
            ("id", Type::Text),
            ("name", Type::Text),
            ("zone", Type::Text),
            ("region", Type::Text),
            ("address", Type::Text),
        ],
    ),
    (ObjectKind::Region, &[("id", Type::Text), ("name", Type::Text), ("tier", Type::Text), ("parent", Type::Text)]),
];

/// The attributes of a kind of object; an interface has those of its asset.
pub(super) fn attributes(kind: ObjectKind) -> &'static [(&'static str, Type)] {
    let kind = if kind == ObjectKind::Interface { ObjectKind::Asset } else { kind };
    ATTRIBUTES.iter().find(|(k, _)| *k == kind).map_or(&[], |(_, list)| list)
}

/// The type of an attribute, if there is one of that name.
pub fn attribute_type(kind: ObjectKind, name: &str) -> Option<&'static Type> {
    attributes(kind).iter().find(|(n, _)| *n == name).map(|(_, t)| t)
}

/// A field in scope.
#[derive(Debug, Clone)]
pub(super) struct InScope {
    pub(super) kind: Type,
    /// Whether `w.FIELD` makes sense.
    pub(super) numeric: bool,
    /// Table of the schema; `None` for implicit fields.
    pub(super) table: Option<usize>,
}

/// What an expression may ask for.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(super) on: ObjectKind,
    /// Name of the probe kind; `None` in a filter.
    pub(super) kind: Option<String>,
    pub(super) fields: BTreeMap<String, InScope>,
    pub(super) tables: Vec<TableOn>,
    pub(super) params: Vec<String>,
}

impl Scope {
    /// Of a rule's `raise` and `clear`: fields of the kind, implicit fields, `w.`, parameters, attributes.
    pub fn rule(kind: &KindSpec, on: ObjectKind, params: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut fields = BTreeMap::new();
        for (t, table) in kind.schema.tables.iter().enumerate() {
            for field in table.fields.iter() {
                fields.insert(field.name.to_string(), in_scope(field, Some(t)));
            }
        }
        for field in IMPLICIT {
            fields.insert(field.name.to_string(), in_scope(field, None));
        }
        Self {
            on,
            kind: Some(kind.name.to_owned()),
            fields,
            tables: kind.schema.tables.iter().map(|t| t.on).collect(),
            params: params.into_iter().map(|p| p.as_ref().to_owned()).collect(),
        }
    }

    /// Of a `where`: attributes only.
    pub const fn filter(on: ObjectKind) -> Self {
        Self { on, kind: None, fields: BTreeMap::new(), tables: Vec::new(), params: Vec::new() }
    }

    /// Of values with names of their own, such as those that a baseline check captures.
    pub fn values(names: &BTreeMap<String, Type>) -> Self {
        let field = |kind: &Type| InScope { kind: kind.clone(), numeric: false, table: None };
        let fields = names.iter().map(|(name, kind)| (name.clone(), field(kind))).collect();
        Self { fields, ..Self::filter(ObjectKind::Asset) }
    }

    /// The word before the dot of an attribute.
    pub(super) const fn root(&self) -> ObjectKind {
        match self.on {
            ObjectKind::Interface => ObjectKind::Asset,
            other => other,
        }
    }

    /// Every name that may stand bare or before a dot.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.fields.keys().map(String::as_str).collect();
        names.extend(self.params.iter().map(String::as_str));
        names.push(self.root().as_str());
        if self.kind.is_some() {
            names.push("w");
        }
        names
    }

    /// Names of fields that a window can be asked about.
    pub(super) fn numeric_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().filter(|(_, f)| f.numeric).map(|(name, _)| name.as_str())
    }
}

fn in_scope(field: &Field, table: Option<usize>) -> InScope {
    let (kind, numeric) = match &field.kind {
        FieldType::Gauge | FieldType::Counter | FieldType::Histogram => (Type::Number, true),
        FieldType::State(names) => (Type::State(names.iter().map(|n| n.to_string()).collect()), false),
        FieldType::Text => (Type::Text, false),
    };
    InScope { kind, numeric, table }
}

/// Words a parameter may not be called, because they would hide something.
pub(crate) fn reserved(name: &str) -> bool {
    name == "w" || matches!(name, "true" | "false" | "null" | "in") || ObjectKind::parse(name).is_some()
}

/// The words after `w.FIELD.`.
pub(super) fn stats() -> impl Iterator<Item = &'static str> + Clone {
    Stat::ALL.into_iter().map(Stat::as_str)
}
