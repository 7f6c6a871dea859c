//! A rule of the plan made ready: expressions compiled again, every name resolved to the place of its value.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::config::expr::{Expr, Ref, Scope, Stat};
use crate::engine::detect::{self, Detector, Make, Settings};
use crate::engine::window::Asked;
use crate::model::detector::DetectorSpec;
use crate::model::field::{Catalog, KindSpec};
use crate::model::plan::{PlanRule, RuleAt, RuleSource};
use crate::model::{CalendarId, FieldType, Object, ObjectKind, ProbeId, TableOn};

use super::machine::Holds;

/// See `Compiled::flap_every`: twenty results are then three minutes, in which a line that comes and goes every
/// twenty seconds has changed eight times.
const FLAP_EVERY: Duration = Duration::from_secs(10);

/// What a series is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A field of the row's table.
    Slot(usize),
    /// 1 when it answered.
    Up,
    /// Failures in a row.
    Fails,
    /// How long the run took, seconds.
    Duration,
}

/// A window that some rule asks for. Implicit fields stand in table 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) table: usize,
    pub(super) what: What,
    pub(super) span: Duration,
}

/// Where the value of a reference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Newest value.
    Newest(usize, What),
    /// Over a window.
    Window(Series, Stat),
    /// In the case.
    Param,
    /// Of the feed's object.
    Attribute,
}

/// What judges.
#[derive(Debug)]
pub(super) enum Judge {
    /// Expressions.
    Expressions(Expr, Option<Expr>),
    /// A detector a target; it reads this slot of table 0, if it reads one.
    Detector(&'static DetectorSpec, Make, Option<usize>),
}

impl Judge {
    fn of(rule: &PlanRule, spec: &'static KindSpec) -> Result<Self, String> {
        if let Some(used) = &rule.detector {
            let (known, make) = detect::find(&used.name)
                .ok_or_else(|| format!("rule {}: this build knows no detector `{}`", rule.id, used.name))?;
            let slot = match &used.field {
                None => None,
                Some(field) => match spec.schema.find(field) {
                    Some((0, slot, _)) => Some(slot),
                    _ => {
                        return Err(format!("rule {}: kind {} tells no `{field}` of its target", rule.id, spec.name));
                    }
                },
            };
            return Ok(Self::Detector(known, make, slot));
        }
        let params: HashSet<&str> =
            rule.cases.iter().flat_map(|case| case.params.keys()).map(String::as_str).collect();
        let scope = Scope::rule(spec, rule.on, params);
        let compile = |what: &str, text: &str| {
            Expr::compile(text, &scope).map_err(|e| format!("rule {}: {what}: {e}", rule.id))
        };
        let raise = compile("raise", &rule.raise)?;
        Ok(Self::Expressions(raise, rule.clear.as_deref().map(|text| compile("clear", text)).transpose()?))
    }

    /// Its expressions, if it has any.
    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let (raise, clear) = match self {
            Self::Expressions(raise, clear) => (Some(raise), clear.as_ref()),
            Self::Detector(..) => (None, None),
        };
        raise.into_iter().chain(clear)
    }
}

/// A rule, compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    /// As the plan has it, without its cases.
    pub(super) def: PlanRule,
    pub(super) spec: &'static KindSpec,
    pub(super) judge: Judge,
    /// Whose rows it judges.
    pub(super) table: usize,
    pub(super) refs: Vec<(Ref, Source)>,
    pub(super) cases: Vec<BTreeMap<String, f64>>,
    /// The calendar of each case.
    pub(super) calendars: Vec<Option<CalendarId>>,
    /// Case by object.
    pub(super) objects: HashMap<Object, u32>,
    /// Objects whose tasks feed it: its own, or the assets of its interfaces.
    pub(super) homes: HashSet<Object>,
}

impl Compiled {
    /// The rule, or why it cannot be used.
    pub(super) fn new(rule: &PlanRule, specs: Catalog) -> Result<Self, String> {
        let kind = match &rule.source {
            RuleSource::Kind(kind) | RuleSource::Probe { kind, .. } => kind,
        };
        let spec = specs
            .iter()
            .find(|spec| spec.name == &**kind)
            .ok_or_else(|| format!("rule {}: this build knows no probe kind `{kind}`", rule.id))?;
        let judge = Judge::of(rule, spec)?;
        let table = judge.expressions().filter_map(Expr::table).max().unwrap_or(0);
        let of_interfaces = spec.schema.tables.get(table).is_some_and(|t| t.on == TableOn::Interface);
        if of_interfaces != (rule.on == ObjectKind::Interface) {
            return Err(format!("rule {}: its fields are not those of {}s", rule.id, rule.on));
        }
        let span = Duration::from_millis(rule.window_ms);
        let mut refs: Vec<(Ref, Source)> = Vec::new();
        for slot in judge.expressions().flat_map(Expr::refs) {
            if refs.iter().all(|(known, _)| known != slot) {
                refs.push((slot.clone(), source(slot, spec, span)?));
            }
        }
        let objects = rule
            .cases
            .iter()
            .zip(0u32..)
            .flat_map(|(case, i)| case.objects.iter().map(move |object| (object.clone(), i)))
            .collect::<HashMap<_, _>>();
        let homes = objects.keys().map(home).collect();
        let cases = rule.cases.iter().map(|case| case.params.clone()).collect();
        let calendars = rule.cases.iter().map(|case| case.calendar.clone()).collect();
        let def = PlanRule { cases: Vec::new(), ..rule.clone() };
        Ok(Self { def, spec, judge, table, refs, cases, calendars, objects, homes })
    }

    /// Whether it reads what this probe sees, at the agent or at the console.
    pub(super) fn reads(&self, probe: &ProbeId, kind: &str, at: RuleAt) -> bool {
        self.def.at == at
            && match &self.def.source {
                RuleSource::Kind(k) => &**k == kind,
                RuleSource::Probe { probe: p, .. } => p == probe,
            }
    }

    /// The case of an object, if it has one. An asset stands for all its interfaces.
    pub(super) fn case_of(&self, object: &Object) -> Option<u32> {
        if let Some(case) = self.objects.get(object) {
            return Some(*case);
        }
        match object {
            Object::Interface { asset, .. } => self.objects.get(&Object::Asset(asset.clone())).copied(),
            _ => None,
        }
    }

    /// The calendar of a case, if it has one.
    pub(super) fn calendar(&self, case: u32) -> Option<&CalendarId> {
        self.calendars.get(case as usize)?.as_ref()
    }

    pub(super) const fn hold(&self) -> Duration {
        Duration::from_millis(self.def.for_ms)
    }
    pub(super) const fn clear_hold(&self) -> Duration {
        Duration::from_millis(self.def.clear_for_ms)
    }
    /// The detector for one case, if that is what judges, and the slot it reads.
    pub(super) fn detector(&self, case: u32) -> Option<(Box<dyn Detector>, Option<usize>)> {
        let Judge::Detector(spec, make, slot) = &self.judge else { return None };
        let case = self.cases.get(case as usize)?;
        Some((make(&Settings::new(spec, case)), *slot))
    }

    /// How long things must last for it.
    pub(super) const fn holds(&self) -> Holds {
        Holds { hold: self.hold(), clear_hold: self.clear_hold(), flap_every: self.flap_every() }
    }
    /// How often an unchanged result counts for flapping: a detector's feed may tell ten results a second, and
    /// twenty of those are no history.
    const fn flap_every(&self) -> Duration {
        match self.judge {
            Judge::Expressions(..) => Duration::ZERO,
            Judge::Detector(..) => FLAP_EVERY,
        }
    }

    /// How much past it needs to clear; zero if that looks at newest values only. A detector knows itself.
    pub(super) fn memory(&self) -> Duration {
        let Some(last) = self.judge.expressions().last() else { return Duration::ZERO };
        let windowed = last.refs().iter().any(|slot| matches!(slot, Ref::Window(..)));
        if windowed { Duration::from_millis(self.def.window_ms) } else { Duration::ZERO }
    }
}

/// The object whose task sees this one.
pub(super) fn home(object: &Object) -> Object {
    match object {
        Object::Interface { asset, .. } => Object::Asset(asset.clone()),
        other => other.clone(),
    }
}

fn source(slot: &Ref, spec: &KindSpec, span: Duration) -> Result<Source, String> {
    let place = |name: &str| match name {
        "up" => Ok((0, What::Up)),
        "fails" => Ok((0, What::Fails)),
        "duration_seconds" => Ok((0, What::Duration)),
        _ => spec
            .schema
            .find(name)
            .map(|(table, slot, _)| (table, What::Slot(slot)))
            .ok_or_else(|| format!("kind {} has no field `{name}`", spec.name)),
    };
    Ok(match slot {
        Ref::Field(name) => {
            let (table, what) = place(name)?;
            Source::Newest(table, what)
        }
        Ref::Window(name, stat) => {
            let (table, what) = place(name)?;
            Source::Window(Series { table, what, span }, *stat)
        }
        Ref::Param(_) => Source::Param,
        Ref::Attr(..) => Source::Attribute,
    })
}

/// What all rules on one probe ask of its observations. Shared by the feeds of that probe.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) spec: Option<&'static KindSpec>,
    /// Rules that read this probe.
    pub(super) rules: Vec<u32>,
    /// Windows, and what is asked of them.
    pub(super) series: Vec<(Series, Asked)>,
}

impl Layout {
    pub(super) fn new(rules: &[Compiled], probe: &ProbeId, kind: &str, at: RuleAt) -> Self {
        let mut layout = Self { spec: None, rules: Vec::new(), series: Vec::new() };
        for (rule, i) in rules.iter().zip(0u32..).filter(|(rule, _)| rule.reads(probe, kind, at)) {
            layout.spec = Some(rule.spec);
            layout.rules.push(i);
            for (_, source) in &rule.refs {
                let Source::Window(series, stat) = source else { continue };
                let also = Asked::of(&[*stat]);
                match layout.series.iter_mut().find(|(known, _)| known == series) {
                    Some((_, asked)) => *asked = asked.and(also),
                    None => layout.series.push((*series, also)),
                }
            }
        }
        layout
    }

    /// How many fields a table has.
    pub(super) fn width(&self, table: usize) -> Option<usize> {
        self.spec.and_then(|spec| spec.schema.tables.get(table)).map(|table| table.fields.len())
    }

    /// Whether a row of this table may speak about this object.
    pub(super) fn fits(&self, table: usize, home: &Object, object: &Object) -> bool {
        match self.spec.and_then(|spec| spec.schema.tables.get(table)).map(|table| table.on) {
            Some(TableOn::Target) => home == object,
            Some(TableOn::Interface) => matches!(object, Object::Interface { .. }) && home.asset() == object.asset(),
            None => false,
        }
    }
}

/// The names of a state field, for a person to read its value.
pub(super) fn state_name(spec: &KindSpec, field: &str, position: f64) -> Option<String> {
    let (_, _, field) = spec.schema.find(field)?;
    match &field.kind {
        FieldType::State(names) => names.get(position as usize).map(|name| name.to_string()),
        _ => None,
    }
}
