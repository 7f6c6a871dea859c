//! `detector = "NAME"` of a rule, with its `settings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::diag::did_you_mean;
use crate::config::reader::Table;
use crate::model::detector::{DETECTORS, DetectorSetting, DetectorUse, Reads, detector};
use crate::model::field::KindSpec;
use crate::model::plan::RuleAt;
use crate::model::{FieldType, ProblemId};

use super::Judge;

/// What judges in place of expressions, and with which numbers. They stand where parameters do, so that overrides
/// change them.
pub(super) fn read(
    table: &Table<'_>,
    kind: Option<&KindSpec>,
    at: Option<RuleAt>,
) -> Option<(Judge, BTreeMap<String, f64>)> {
    let item = table.item("detector")?;
    for key in ["raise", "clear", "window", "params"] {
        if let Some(item) = table.item(key) {
            item.fault(format!("`{key}` beside `detector`"), "a detector has `settings`; keep one of them");
        }
    }
    let name = item.text()?;
    let Some(spec) = detector(name) else {
        item.fault(format!("unknown detector `{name}`"), did_you_mean(name, DETECTORS.iter().map(|d| d.name)));
        return None;
    };
    if at.unwrap_or(RuleAt::Agent) != spec.at {
        let (runs, add) = match spec.at {
            RuleAt::Agent => ("the agent", "remove at = \"console\""),
            RuleAt::Console => ("the console", "add at = \"console\""),
        };
        item.fault(format!("detector `{name}` runs at {runs}"), add);
    }
    let given = table.table("settings");
    if let Some(given) = &given {
        given.name(format!("the settings of detector `{name}`"));
    }
    let numbers = spec.settings.iter().map(|def| (def.name.to_owned(), number(def, given.as_ref()))).collect();
    let field = match spec.reads {
        Reads::Runs => None,
        Reads::Field(usual) => field(usual, table, given.as_ref(), kind),
    };
    let explained_by: Option<ProblemId> =
        given.as_ref().and_then(|given| given.item("explained_by")).and_then(|item| item.parsed());
    if let Some(given) = &given {
        given.finish();
    }
    Some((Judge::Detector(spec, DetectorUse { name: Arc::from(spec.name), field, explained_by }), numbers))
}

/// One setting; a duration counts in seconds.
fn number(def: &DetectorSetting, given: Option<&Table<'_>>) -> f64 {
    let Some(item) = given.and_then(|given| given.item(def.name)) else { return def.default };
    let value = if item.is_text() { item.duration().map(|d| d.as_secs_f64()) } else { item.number() };
    let (least, most) = def.bounds;
    match value {
        Some(v) if !(least..=most).contains(&v) => {
            item.fault(format!("`{}` = {v} is out of bounds", def.name), format!("{least} to {most}"));
            def.default
        }
        value => value.unwrap_or(def.default),
    }
}

/// The field it reads: one of the kind's numbers about its target.
fn field(usual: &str, table: &Table<'_>, given: Option<&Table<'_>>, kind: Option<&KindSpec>) -> Option<Arc<str>> {
    let kind = kind?;
    let numbers = || {
        let of_target = kind.schema.tables.first().into_iter().flat_map(|t| t.fields.iter());
        of_target.filter(|f| !matches!(f.kind, FieldType::State(_) | FieldType::Text)).map(|f| &*f.name)
    };
    let item = given.and_then(|given| given.item("field"));
    let name = match &item {
        Some(item) => item.text()?,
        None => usual,
    };
    if numbers().any(|known| known == name) {
        return Some(Arc::from(name));
    }
    let what = format!("kind `{}` measures no `{name}` of its target", kind.name);
    match item {
        Some(item) => item.fault(what, did_you_mean(name, numbers())),
        None => table.fault(what, "name one of its fields: settings = { field = \"...\" }"),
    }
    None
}
