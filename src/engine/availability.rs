//! What an object's runs come to over a period: how much of it was answered, how much of that with maintenance taken
//! out, and who was responsible for the rest. It counts runs and guesses nothing: time without a run is not measured,
//! and is neither up nor down.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Wall;

/// Runs that began between two times, close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// First of them began.
    pub from: Wall,
    /// Last of them ended.
    pub to: Wall,
    /// Answered, at least partly.
    pub good: u64,
    /// Not answered.
    pub bad: u64,
}

/// Who was responsible for runs that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// It was within a maintenance window.
    Maintenance,
    /// Who was named when the incident was closed.
    Named(String),
    /// There is an incident, and nobody is named.
    Unnamed,
    /// No incident was open: too short for one, or before the rules were there.
    NoIncident,
}

/// An incident as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// It began.
    pub from: Wall,
    /// It was over; nothing while it lasts.
    pub to: Option<Wall>,
    /// Responsible party, once it is closed.
    pub party: Option<String>,
}

/// What a period came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Availability {
    /// Runs answered.
    pub good: u64,
    /// Runs not answered.
    pub bad: u64,
    /// Of those answered, within maintenance.
    pub maintained_good: u64,
    /// Of those not answered, within maintenance.
    pub maintained_bad: u64,
    /// Runs not answered, by who was responsible.
    pub parties: BTreeMap<Party, u64>,
    /// How much of the period was measured.
    pub measured: Duration,
    /// How much of that was maintenance.
    pub maintained: Duration,
    /// End of the last run counted.
    pub until: Option<Wall>,
}

fn share(good: u64, bad: u64) -> Option<f64> {
    let all = good.saturating_add(bad);
    (all > 0).then(|| good as f64 / all as f64)
}

impl Availability {
    /// Part of all runs that were answered; nothing if there were none.
    pub fn raw(&self) -> Option<f64> {
        share(self.good, self.bad)
    }

    /// The same without the runs within maintenance.
    pub fn without_maintenance(&self) -> Option<f64> {
        share(self.good.saturating_sub(self.maintained_good), self.bad.saturating_sub(self.maintained_bad))
    }

    /// What it would be if nothing but what this party was responsible for had failed.
    pub fn of(&self, party: &Party) -> Option<f64> {
        let (all, bad) = (self.good.saturating_add(self.bad), self.parties.get(party).copied().unwrap_or(0));
        share(all.saturating_sub(bad), bad)
    }

    /// How long that many failed runs lasted, as a part of what was measured.
    pub fn lasting(&self, bad: u64) -> Duration {
        let all = self.good.saturating_add(self.bad).max(1);
        self.measured.mul_f64((bad as f64 / all as f64).clamp(0.0, 1.0))
    }
}

/// Whether runs belong to maintenance: they touch one of its windows.
pub fn planned(runs: &Runs, maintenance: &[(Wall, Wall)]) -> bool {
    maintenance.iter().any(|(from, to)| touches(runs, *from, Some(*to)))
}

/// Whether the runs touch a span of time.
fn touches(runs: &Runs, from: Wall, to: Option<Wall>) -> bool {
    runs.to > from && to.is_none_or(|to| runs.from < to)
}

/// Whether runs belong to the open spans of a working calendar, in order and apart from each other: their middle does.
pub fn within(runs: &Runs, open: &[(Wall, Wall)]) -> bool {
    let middle = runs.from.plus(runs.to.since(runs.from) / 2);
    let after = open.partition_point(|(from, _)| *from <= middle);
    after.checked_sub(1).and_then(|at| open.get(at)).is_some_and(|(_, to)| middle < *to)
}

/// Adds up runs in order of time, each as a whole: those that touch a maintenance window count as within it, those
/// that touch an incident as its.
pub fn reckon(runs: &[Runs], maintenance: &[(Wall, Wall)], outages: &[Outage]) -> Availability {
    let mut all = Availability::default();
    let mut end = Wall::default();
    for one in runs {
        all.good = all.good.saturating_add(one.good);
        all.bad = all.bad.saturating_add(one.bad);
        // Several agents measure at one time: it counts once.
        let fresh = one.to.since(one.from.max(end));
        end = end.max(one.to);
        all.measured += fresh;
        let maintained = planned(one, maintenance);
        if maintained {
            all.maintained_good += one.good;
            all.maintained_bad += one.bad;
            all.maintained += fresh;
        }
        if one.bad > 0 {
            let party = if maintained { Party::Maintenance } else { blamed(one, outages) };
            *all.parties.entry(party).or_default() += one.bad;
        }
    }
    all.until = (!runs.is_empty()).then_some(end);
    all
}

/// Who was responsible: whoever is named, if any incident that the runs touch names somebody.
fn blamed(runs: &Runs, outages: &[Outage]) -> Party {
    let mut found = Party::NoIncident;
    for outage in outages.iter().filter(|outage| touches(runs, outage.from, outage.to)) {
        match outage.party.as_ref().filter(|party| !party.is_empty()) {
            Some(party) => return Party::Named(party.clone()),
            None => found = Party::Unnamed,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Wall {
        Wall::from_millis(minute * 60_000)
    }

    /// Five minutes of 300 runs, of which so many failed.
    fn five(minute: i64, bad: u64) -> Runs {
        Runs { from: at(minute), to: at(minute + 5), good: 300 - bad, bad }
    }

    fn outage(from: i64, to: i64, party: &str) -> Outage {
        Outage { from: at(from), to: Some(at(to)), party: (!party.is_empty()).then(|| party.to_owned()) }
    }

    #[test]
    fn runs_belong_to_the_working_hours_in_which_their_middle_is() {
        let open = [(at(10), at(20)), (at(40), at(60))];
        let inside: Vec<i64> = (0..70).step_by(5).filter(|minute| within(&five(*minute, 0), &open)).collect();
        assert_eq!(inside, [10, 15, 40, 45, 50, 55]);
        assert!(!within(&five(10, 0), &[]));
    }

    #[test]
    fn failures_are_told_apart_by_maintenance_and_by_party() {
        let runs: Vec<Runs> = [(0, 0), (5, 300), (10, 100), (15, 0), (20, 50), (25, 3), (30, 0), (35, 0)]
            .map(|(m, bad)| five(m, bad))
            .into();
        let outages = [outage(6, 12, "运营商甲"), outage(21, 24, "")];
        let all = reckon(&runs, &[(at(9), at(16))], &outages);
        assert_eq!((all.good, all.bad, all.maintained_bad), (1_947, 453, 400));
        assert_eq!((all.measured, all.maintained), (Duration::from_secs(2_400), Duration::from_secs(900)));
        // The window begins at 9: it touches the five minutes from 5 to 10.
        assert_eq!(all.parties, [(Party::Maintenance, 400), (Party::Unnamed, 50), (Party::NoIncident, 3)].into());
        assert_eq!(all.raw(), Some(1_947.0 / 2_400.0));
        assert_eq!(all.without_maintenance(), Some(1_447.0 / 1_500.0));
        let all = reckon(&runs, &[], &outages);
        assert_eq!(all.parties[&Party::Named("运营商甲".into())], 400);
        assert_eq!(all.of(&Party::Named("运营商甲".into())), Some(2_000.0 / 2_400.0));
        assert_eq!(all.lasting(400), Duration::from_secs(400));
    }

    #[test]
    fn what_was_not_measured_is_neither_up_nor_down() {
        let all = reckon(&[], &[(at(0), at(5))], &[]);
        assert_eq!((all.raw(), all.without_maintenance(), all.until), (None, None, None));
        let gap = reckon(&[five(0, 0), five(60, 0)], &[], &[]);
        assert_eq!((gap.raw(), gap.measured), (Some(1.0), Duration::from_secs(600)));
    }

    #[test]
    fn two_agents_at_one_time_measure_it_once() {
        let all = reckon(&[five(0, 0), five(0, 300), five(5, 0)], &[], &[]);
        assert_eq!((all.good, all.bad, all.measured), (600, 300, Duration::from_secs(600)));
    }

    proptest! {
        #[test]
        fn parties_add_up_to_all_that_failed(
            bad in prop::collection::vec(0u64..=300, 1..60),
            windows in prop::collection::vec((0i64..300, 1i64..60), 0..4),
            outages in prop::collection::vec((0i64..300, 1i64..60, any::<bool>()), 0..6),
        ) {
            let runs: Vec<Runs> = bad.iter().enumerate().map(|(at, bad)| five(at as i64 * 5, *bad)).collect();
            let windows: Vec<(Wall, Wall)> = windows.into_iter().map(|(from, long)| (at(from), at(from + long))).collect();
            let outages: Vec<Outage> = outages.into_iter().map(|(from, long, named)| outage(from, from + long, if named { "x" } else { "" })).collect();
            let all = reckon(&runs, &windows, &outages);
            prop_assert_eq!(all.parties.values().sum::<u64>(), all.bad);
            prop_assert_eq!(all.good + all.bad, 300 * runs.len() as u64);
            prop_assert_eq!(all.parties.get(&Party::Maintenance).copied().unwrap_or(0), all.maintained_bad);
            prop_assert!(all.maintained <= all.measured);
        }
    }
}
