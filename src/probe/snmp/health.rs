//! Processors, memories and sensors, by the profile of the device's family (docs/profiles.md).
//!
//! Tables of vendors have a row for every part of a chassis, most of them empty. They are walked to find out what there
//! is, when the device is new, started in the last minutes or was looked through ten minutes ago; in between exactly the cells of what was found
//! are asked for, one or two requests. A value that does not come any more makes the next run look again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::Ask;
use super::interfaces::{MAX_AGE, Moment};
use crate::model::device::Thing;
use crate::model::time::Mono;
use crate::probe::device::fetch::Identity;
use crate::probe::device::kept::{Cells, Kept, find};
use crate::probe::device::part::{self, Fitted, MAX_THINGS, Part};
use crate::probe::device::{Families, Family, Wanted};

/// What is kept from run to run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The profiles that the family was chosen among.
    families: Option<Arc<Families>>,
    /// Of sysObjectID and sysDescr.
    identity: u64,
    family: Option<Arc<Family>>,
    kept: Box<[Kept]>,
    cells: Cells,
    found_at: Option<Mono>,
    fitted: Fitted,
}

impl Memory {
    /// The device's family, chosen anew if the device or the profiles are others than before.
    pub(super) fn family(&mut self, families: &Arc<Families>, who: &Identity) -> Arc<Family> {
        let mut hash = DefaultHasher::new();
        who.hash(&mut hash);
        let identity = hash.finish();
        let same = self.identity == identity && self.families.as_ref().is_some_and(|f| Arc::ptr_eq(f, families));
        match &self.family {
            Some(family) if same => family.clone(),
            _ => {
                let family = families.of(who);
                *self = Self {
                    families: Some(families.clone()),
                    identity,
                    family: Some(family.clone()),
                    ..Self::default()
                };
                family
            }
        }
    }

    /// Takes what a walk found. What was there before stays if the walk was cut.
    fn take(&mut self, family: &Family, found: &[(usize, Thing)], whole: bool) -> Vec<Kept> {
        let tables = found.iter().filter_map(|(at, thing)| Some((*at, family.tables.get(*at)?, thing)));
        let (places, things): (Vec<usize>, Vec<_>) = tables.map(|(at, table, thing)| (at, (table, thing))).unzip();
        let names = part::names(&things);
        let all = places.iter().zip(&things).zip(names);
        let mut kept: Vec<Kept> =
            all.map(|((at, (table, thing)), name)| Kept::new(*at, table, thing, name)).collect();
        if !whole {
            let before = std::mem::take(&mut self.kept).into_iter();
            let lost: Vec<Kept> = before.filter(|old| kept.iter().all(|new| !new.is(old))).collect();
            kept.extend(lost);
        }
        kept.truncate(MAX_THINGS);
        kept
    }
}

/// Reads them; what is missing is told in `shortfalls`. `ports` are the names of the device's interfaces by index.
pub(super) async fn read(
    ask: &Ask<'_>,
    memory: &mut Memory,
    family: &Family,
    ports: impl Iterator<Item = (u32, &Arc<str>)>,
    moment: &Moment,
    shortfalls: &mut Vec<String>,
) -> Vec<Part> {
    if moment.elapsed.is_none() {
        memory.found_at = None; // the device is new, or started since
    }
    let fresh = memory.found_at.is_some_and(|at| moment.at.since(at) < MAX_AGE);
    let cells = || Wanted { scalars: memory.cells.names().collect(), ..Wanted::default() };
    let wanted = if fresh { &cells() } else { &family.wanted };
    let answers = match ask.fetch(wanted).await {
        Ok(answers) => answers,
        Err(error) => {
            shortfalls.push(format!("health cut: {error}"));
            return Vec::new();
        }
    };
    let mut walked = false;
    if !fresh {
        let ports = ports.map(|(index, name)| (index, name.clone())).collect();
        let (found, cut) = find(&family.tables, &answers, ports);
        if found.len() > MAX_THINGS {
            shortfalls.push(format!("{} processors and sensors, the first {MAX_THINGS} are shown", found.len()));
        }
        let kept = memory.take(family, &found, cut.is_empty());
        memory.cells = Cells::of(&kept, &family.tables, &answers);
        memory.kept = kept.into();
        walked = cut.is_empty() && !moment.young;
        memory.found_at = walked.then_some(moment.at);
        shortfalls.extend(cut.into_iter().map(|cut| format!("{}: {}", cut.class, cut.reason)));
    } else if wanted.scalars.iter().any(|name| answers.of_scalar(name).is_none()) {
        memory.found_at = None; // something was taken out
    }
    let part = |kept: &Kept| {
        let table = family.tables.get(usize::from(kept.table))?;
        Part::of(table, &kept.read(table, &answers)?, kept.name.clone())
    };
    let mut parts: Vec<Part> = memory.kept.iter().filter_map(part).collect();
    memory.fitted.mark(&mut parts, walked, moment.at);
    parts
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
