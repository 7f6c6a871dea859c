//! Which profile a device has, and why.

use super::{GENERIC, Match, ProfileDef, TableDef};
use crate::model::device::Asking;

/// One profile that a device might have.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Profile.
    pub profile: &'a ProfileDef,
    /// What of it matched.
    pub matched: &'a Match,
}

/// The profiles that match, best first: the longer beginning of sysObjectID wins, then the one that also looks at
/// sysDescr, then the id.
pub fn candidates<'a>(profiles: &'a [ProfileDef], object_id: &[u32], descr: &str) -> Vec<Candidate<'a>> {
    let best = |profile: &'a ProfileDef| {
        let of_it = profile.matches.iter().filter(|m| {
            object_id.starts_with(&m.object_id) && m.descr.as_ref().is_none_or(|regex| regex.is_match(descr))
        });
        of_it.max_by_key(|m| weight(m)).map(|matched| Candidate { profile, matched })
    };
    let mut found: Vec<Candidate<'a>> = profiles.iter().filter_map(best).collect();
    found.sort_by(|a, b| weight(b.matched).cmp(&weight(a.matched)).then_with(|| a.profile.id.cmp(&b.profile.id)));
    found
}

fn weight(found: &Match) -> (usize, bool) {
    (found.object_id.len(), found.descr.is_some())
}

/// What is read of a device: its family's tables, those of the family that it is like, and the generic ones.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The family's, if the device is of one.
    pub own: Option<&'a ProfileDef>,
    /// The one that it is like.
    pub like: Option<&'a ProfileDef>,
    /// What every device has, if it was not removed.
    pub generic: Option<&'a ProfileDef>,
}

impl<'a> Chosen<'a> {
    /// Chooses among all profiles.
    pub fn of(profiles: &'a [ProfileDef], object_id: &[u32], descr: &str) -> Self {
        let named = |id: &str| profiles.iter().find(|profile| profile.id.as_str() == id);
        let own = candidates(profiles, object_id, descr).first().map(|candidate| candidate.profile);
        let own = own.filter(|own| own.id.as_str() != GENERIC);
        let like = own.and_then(|own| own.like.as_ref()).and_then(|like| named(like.as_str()));
        Self { own, like, generic: named(GENERIC) }
    }

    /// Name of the profile.
    pub fn id(&self) -> &'a str {
        self.own.or(self.generic).map_or("", |profile| profile.id.as_str())
    }

    /// Its profiles, the more particular first.
    pub fn profiles(&self) -> impl Iterator<Item = &'a ProfileDef> + use<'a> {
        [self.own, self.like, self.generic].into_iter().flatten()
    }

    /// How it wants to be asked for tables.
    pub fn asking(&self) -> Asking {
        self.profiles().fold(Asking::default(), |asking, profile| asking.or(profile.asking))
    }

    /// All tables, the family's own first. A table of the same name takes the place of a more general one.
    pub fn tables(&self) -> Vec<&'a TableDef> {
        let mut tables: Vec<&TableDef> = Vec::new();
        for profile in self.profiles() {
            let general = profile.id.as_str() == GENERIC;
            let without = |id: &str| general && self.profiles().any(|other| other.without.contains(id));
            for table in &profile.tables {
                if !without(&table.id) && tables.iter().all(|known| known.id != table.id) {
                    tables.push(table);
                }
            }
        }
        tables
    }
}
