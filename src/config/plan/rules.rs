//! Rules with `where` and overrides evaluated into cases.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::defs::{Definitions, Judge, OverrideDef, RuleDef};
use crate::model::detector::detector;
use crate::model::inventory::Inventory;
use crate::model::plan::{PlanRule, RuleAt, RuleCase, RuleSource, Task};
use crate::model::{CalendarId, Object, ObjectKind};

use super::attributes::Facts;
use super::when::Calendars;

/// The rules that run there, each with the objects that tasks give it data about, or that are heard.
pub(super) fn rules(
    definitions: &Definitions,
    at: RuleAt,
    facts: &Facts,
    (tasks, heard): (&[Task], &BTreeSet<Object>),
    calendars: &Calendars<'_>,
) -> Vec<PlanRule> {
    let mut by_kind: BTreeMap<&str, BTreeSet<&Object>> = BTreeMap::new();
    let mut by_probe: BTreeMap<&str, BTreeSet<&Object>> = BTreeMap::new();
    for task in tasks {
        by_kind.entry(&task.kind).or_default().insert(&task.object);
        by_probe.entry(task.probe.as_str()).or_default().insert(&task.object);
    }
    let mut rules = Vec::new();
    for def in definitions.rules.iter().filter(|def| def.at == at) {
        let fed: Box<dyn Iterator<Item = &Object>> = match &def.source {
            _ if matches!(def.judge, Judge::Match(_)) => Box::new(heard.iter()),
            RuleSource::Kind(kind) => Box::new(by_kind.get(&**kind).into_iter().flatten().copied()),
            RuleSource::Probe { probe, .. } => Box::new(by_probe.get(probe.as_str()).into_iter().flatten().copied()),
        };
        // An asset stands for its interfaces.
        let carrier = if def.on == ObjectKind::Interface { ObjectKind::Asset } else { def.on };
        let objects = fed.filter(|o| o.kind() == carrier);
        let objects = objects.filter(|o| facts.passes(o, def.filter.as_ref()));
        let cases = cases(definitions, def, objects, facts, calendars);
        if !cases.is_empty() {
            rules.push(plan_rule(def, cases));
        }
    }
    rules
}

/// Objects grouped by equal parameters and calendars.
fn cases<'a>(
    definitions: &Definitions,
    def: &RuleDef,
    objects: impl Iterator<Item = &'a Object>,
    facts: &Facts,
    calendars: &Calendars<'_>,
) -> Vec<RuleCase> {
    let overrides: Vec<_> = definitions.overrides.iter().filter(|o| o.rule == def.id).collect();
    let mut groups: BTreeMap<(Option<CalendarId>, Vec<u64>), RuleCase> = BTreeMap::new();
    for object in objects {
        let params = params(def, &overrides, object, facts);
        // All objects have the same names, so the values alone tell groups apart.
        let calendar = calendars.of(def.when.as_ref(), object);
        let key = (calendar.clone(), params.values().map(|v| v.to_bits()).collect());
        let case = || RuleCase { params, calendar, objects: Vec::new() };
        groups.entry(key).or_insert_with(case).objects.push(object.clone());
    }
    groups.into_values().collect()
}

/// Parameters of a rule for one object, with all overrides that let it through; the last wins.
fn params(def: &RuleDef, overrides: &[&OverrideDef], object: &Object, facts: &Facts) -> BTreeMap<String, f64> {
    let mut params = def.params.clone();
    for change in overrides.iter().filter(|o| facts.passes(object, o.filter.as_ref())) {
        params.extend(change.params.iter().map(|(name, value)| (name.clone(), *value)));
    }
    params
}

/// What is promised of an object (its SLA).
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// Availability, 0 to 1.
    pub target: f64,
    /// Only what is within this working calendar counts; all hours if there is none.
    pub calendar: Option<CalendarId>,
}

/// What is promised of an object: target and calendar of the rule with detector `burn` that judges it, of several the
/// one with the highest target; nothing if none does.
pub fn promised(inventory: &Inventory, definitions: &Definitions, object: &Object) -> Option<Promise> {
    let calendars = Calendars { definitions, inventory };
    let facts = Facts::of_all(inventory, &BTreeSet::from([object.clone()]));
    let promises = definitions.rules.iter().filter_map(|def| {
        let Judge::Detector(_, used) = &def.judge else { return None };
        let judged = &*used.name == "burn" && def.on == object.kind() && facts.passes(object, def.filter.as_ref());
        let overrides: Vec<_> = definitions.overrides.iter().filter(|o| judged && o.rule == def.id).collect();
        let given = || params(def, &overrides, object, &facts).get("target").copied();
        let default = || detector("burn")?.settings.iter().find(|s| s.name == "target").map(|s| s.default);
        let target = judged.then(|| given().or_else(default)).flatten()?;
        Some(Promise { target, calendar: calendars.of(def.when.as_ref(), object) })
    });
    promises.max_by(|a, b| a.target.total_cmp(&b.target))
}

fn plan_rule(def: &RuleDef, cases: Vec<RuleCase>) -> PlanRule {
    let ms = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    PlanRule {
        id: def.id.clone(),
        problem: def.problem.clone(),
        on: def.on,
        source: def.source.clone(),
        at: def.at,
        window_ms: ms(def.window),
        raise: def.judge.raise().map(|e| e.text().to_owned()).unwrap_or_default(),
        clear: def.judge.clear().map(|e| e.text().to_owned()),
        detector: match &def.judge {
            Judge::Detector(_, used) => Some(used.clone()),
            Judge::Expressions(..) | Judge::Match(_) => None,
        },
        hears: match &def.judge {
            Judge::Match(used) => Some(used.clone()),
            Judge::Expressions(..) | Judge::Detector(..) => None,
        },
        for_ms: ms(def.for_),
        clear_for_ms: ms(def.clear_for),
        no_data: def.no_data,
        folds_into: def.folds_into.clone(),
        severity: def.severity,
        category: def.category.clone(),
        runbook: def.runbook.clone(),
        zh: def.zh.clone(),
        en: def.en.clone(),
        cases,
    }
}
