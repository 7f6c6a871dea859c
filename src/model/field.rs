//! What a probe kind declares: its settings, and the tables of typed fields it observes.
//! One declaration gives the scope of expressions, series, metric names, JSON and documentation;
//! `tests/it/fields.rs` holds them together.

use std::borrow::Cow;

use super::id::ObjectKind;

/// The type of a field's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// A number that goes up and down (f64).
    Gauge,
    /// A number that only grows (u64); rates are taken by whoever reads it.
    Counter,
    /// One of these names; stored as its position.
    State(Cow<'static, [Cow<'static, str>]>),
    /// Text that changes rarely; goes up as a fact, not as a sample.
    Text,
    /// Several measurements a run (f64), kept as a mergeable histogram.
    Histogram,
}

/// One measured quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Snake case, with the base unit as suffix: `rtt_seconds`, `loss_ratio`, `in_octets`.
    pub name: Cow<'static, str>,
    /// Type of its values.
    pub kind: FieldType,
    /// What it says, in Chinese.
    pub zh: Cow<'static, str>,
    /// What it says, in English.
    pub en: Cow<'static, str>,
}

impl Field {
    /// For const tables.
    pub const fn new(name: &'static str, kind: FieldType, zh: &'static str, en: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind, zh: Cow::Borrowed(zh), en: Cow::Borrowed(en) }
    }
    /// A gauge.
    pub const fn gauge(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self::new(name, FieldType::Gauge, zh, en)
    }
    /// A counter.
    pub const fn counter(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self::new(name, FieldType::Counter, zh, en)
    }
    /// A text.
    pub const fn text(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self::new(name, FieldType::Text, zh, en)
    }
    /// Several measurements a run.
    pub const fn histogram(name: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self::new(name, FieldType::Histogram, zh, en)
    }
    /// A state of these names.
    pub const fn state(
        name: &'static str,
        names: &'static [Cow<'static, str>],
        zh: &'static str,
        en: &'static str,
    ) -> Self {
        Self::new(name, FieldType::State(Cow::Borrowed(names)), zh, en)
    }
}

/// Which object the rows of a table are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableOn {
    /// The object of the task (asset, link or agent).
    Target,
    /// The interfaces of the task's asset.
    Interface,
}

/// Rows of one shape. Values stand by slot, in the order of `fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Which object a row is about.
    pub on: TableOn,
    /// What the instance of a row is, such as `disk`; `None` where a row has none.
    pub instance: Option<Cow<'static, str>>,
    /// The fields; names are unique over all tables of a kind.
    pub fields: Cow<'static, [Field]>,
}

/// All that a kind (or an SNMP profile) observes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSchema {
    /// Name of the kind.
    pub kind: Cow<'static, str>,
    /// Its tables; table 0 is on the target and has no instance.
    pub tables: Cow<'static, [Table]>,
}

impl KindSchema {
    /// Table and slot of a field.
    pub fn find(&self, field: &str) -> Option<(usize, usize, &Field)> {
        self.tables.iter().enumerate().find_map(|(t, table)| {
            table.fields.iter().enumerate().find(|(_, f)| f.name == field).map(|(s, f)| (t, s, f))
        })
    }
}

/// Fields that every kind has on its target, set by the runner and the rule engine, not by the probe.
/// They exist in expressions (`fails >= 3`, `w.up.mean`), series and metrics like any other.
pub const IMPLICIT: &[Field] = &[
    Field::gauge("up", "是否可达（1 是，0 否）", "1 when the run answered (ok or degraded), 0 when it failed"),
    Field::gauge("fails", "连续失败次数", "failed runs in a row; invalid runs do not count"),
    Field::gauge("duration_seconds", "一次监测的耗时", "how long the run took"),
];

/// What a task needs of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetNeed {
    /// A network address (or a name that resolves to one).
    Address,
    /// A URL; assets of kind website or service have one, else settings give it.
    Url,
    /// Where the inventory says that an asset's configuration is read.
    Config,
    /// Nothing: the agent looks at its own host.
    Own,
    /// Nothing: nobody looks, the agent listens (syslog, traps). No probe is of such a kind.
    Heard,
    /// Nothing, and no agent looks: the console makes it of what other kinds saw, for rules `at = "console"`.
    Derived,
}

/// The type of a setting, with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingType {
    /// `"900ms"`, `"10s"`, `"5m"`.
    Duration,
    /// A whole number within bounds.
    Int(i64, i64),
    /// true or false.
    Bool,
    /// A text of at most so many bytes.
    Text(usize),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of whole numbers within bounds, such as the statuses an http probe accepts.
    IntList(i64, i64),
    /// A regular expression of at most so many bytes.
    Pattern(usize),
    /// A list of texts of at most so many bytes each.
    Texts(usize),
    /// A list of numbers that are written as these words, or, where one has none here, as itself.
    Named(&'static [(u16, &'static str)]),
    /// Texts by name, of at most so many bytes each.
    Map(Part, usize),
    /// At most so many tables, each with these settings: the steps of a transaction.
    Tables(&'static [SettingDef], usize),
}

/// What the texts of a `SettingType::Map` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Anything.
    Text,
    /// Regular expressions.
    Pattern,
    /// Their names are JSON pointers (RFC 6901), such as `/data/code`.
    AtPointer,
    /// They are JSON pointers.
    Pointer,
}

/// One key of a probe's `settings`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SettingDef {
    /// Key.
    pub name: &'static str,
    /// Type and bounds.
    pub kind: SettingType,
    /// Default as a TOML literal (`"64"`, `"'10s'"`); `None` = unset unless given.
    pub default: Option<&'static str>,
    /// Help in Chinese.
    pub zh: &'static str,
    /// Help in English.
    pub en: &'static str,
}

/// Everything the layers below `probe` need to know about one probe kind.
#[derive(Debug)]
pub struct KindSpec {
    /// Name, as definitions write it.
    pub name: &'static str,
    /// One line, Chinese.
    pub zh: &'static str,
    /// One line, English.
    pub en: &'static str,
    /// Kinds of object it can watch.
    pub on: &'static [ObjectKind],
    /// What it needs of the object.
    pub target: TargetNeed,
    /// Its settings.
    pub settings: &'static [SettingDef],
    /// What it observes.
    pub schema: KindSchema,
    /// True if it takes a named secret (`snmp`).
    pub secret: bool,
    /// True if it reads devices by their profiles: its tasks bring those into the plan.
    pub profiles: bool,
}

/// All probe kinds, handed down from `probe::catalog()` to the layers that may not import it.
pub type Catalog = &'static [&'static KindSpec];

#[cfg(test)]
mod tests {
    use super::*;

    const T: KindSchema = KindSchema {
        kind: Cow::Borrowed("t"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[Field::gauge("load_ratio", "负载", "load")]),
            },
            Table {
                on: TableOn::Interface,
                instance: None,
                fields: Cow::Borrowed(&[Field::counter("in_octets", "入字节", "octets in")]),
            },
        ]),
    };

    #[test]
    fn a_field_is_found_in_its_table() {
        assert_eq!(T.find("in_octets").map(|(t, s, _)| (t, s)), Some((1, 0)));
        assert!(T.find("out_octets").is_none());
    }
}
