//! Which calendar holds for an object: the one that a definition names, or its organisation's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::defs::{Definitions, When};
use crate::model::inventory::{Inventory, LinkEnd};
use crate::model::plan::{PlanRule, Task};
use crate::model::{Calendar, CalendarId, Object, OrganisationId};

/// The calendar of an object's organisation: its operator's, else its owner's, else that of the nearest organisation
/// above them which has one. A link has that of its end `a`, else `b`.
pub fn calendar_of<'a>(inventory: &'a Inventory, object: &Object) -> Option<&'a CalendarId> {
    match object {
        Object::Asset(asset) | Object::Interface { asset, .. } => {
            let asset = inventory.assets.get(asset)?;
            [&asset.operator, &asset.owner].into_iter().flatten().find_map(|unit| of_organisation(inventory, unit))
        }
        Object::Link(link) => {
            let link = inventory.links.get(link)?;
            [&link.a, &link.b].into_iter().find_map(|end| match end {
                LinkEnd::Port { asset, .. } => calendar_of(inventory, &Object::Asset(asset.clone())),
                LinkEnd::Peer { .. } => None,
            })
        }
        Object::Region(_) | Object::Agent(_) => None,
    }
}

/// Of an organisation, or the nearest above it.
fn of_organisation<'a>(inventory: &'a Inventory, unit: &OrganisationId) -> Option<&'a CalendarId> {
    let mut at = inventory.organisations.get(unit);
    while let Some(unit) = at {
        if unit.calendar.is_some() {
            return unit.calendar.as_ref();
        }
        // Parents have no cycles: the inventory's reader checks.
        at = unit.parent.as_ref().and_then(|parent| inventory.organisations.get(parent));
    }
    None
}

/// Calendars as definitions and inventory together have them.
pub(super) struct Calendars<'a> {
    pub(super) definitions: &'a Definitions,
    pub(super) inventory: &'a Inventory,
}

impl Calendars<'_> {
    /// The calendar that holds for an object; none where it is always open. One that no definition has is as good as
    /// none: what should be watched for some of the day is rather watched for all of it.
    pub(super) fn of(&self, when: Option<&When>, object: &Object) -> Option<CalendarId> {
        let id = match when? {
            When::Calendar(id) => id,
            When::Organisation => calendar_of(self.inventory, object)?,
        };
        self.definitions.calendars.contains_key(id).then(|| id.clone())
    }

    /// Those that tasks and rules name.
    pub(super) fn used(&self, tasks: &[Task], rules: &[PlanRule]) -> Vec<Arc<Calendar>> {
        let by_tasks = tasks.iter().filter_map(|task| task.calendar.as_ref());
        let by_rules = rules.iter().flat_map(|rule| &rule.cases).filter_map(|case| case.calendar.as_ref());
        let used: BTreeMap<&CalendarId, _> = by_tasks
            .chain(by_rules)
            .filter_map(|id| Some((id, Arc::new(self.definitions.calendars.get(id)?.calendar.clone()))))
            .collect();
        used.into_values().collect()
    }

    /// Organisations that name a calendar which no definition has.
    pub(super) fn missing(&self, notes: &mut Vec<String>) {
        for unit in self.inventory.organisations.values() {
            if let Some(id) = unit.calendar.as_ref().filter(|id| !self.definitions.calendars.contains_key(*id)) {
                notes.push(format!(
                    "organisation `{}`: no calendar `{id}` is defined; what follows it is watched at all hours",
                    unit.id
                ));
            }
        }
    }
}
