//! Working calendars in the rules: while a rule's calendar is closed it raises nothing and misses no data; what
//! fires already is cleared by data as ever, so an outage that outlasts the working day stays one incident.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::calendar::OpenNow;
use crate::model::{Calendar, CalendarId, Wall};

use super::Rules;

/// The calendars of the plan.
#[derive(Debug, Default)]
pub(super) struct OpenHours(BTreeMap<CalendarId, OpenNow>);

impl OpenHours {
    /// Whether it is closed now. Without a calendar, or with one that is not in the plan, it never is.
    pub(super) fn closed(&mut self, calendar: Option<&CalendarId>, at: Wall) -> bool {
        calendar.and_then(|id| self.0.get_mut(id)).is_some_and(|calendar| !calendar.at(at))
    }
}

impl Rules {
    /// Takes the calendars that the rules and tasks of the plan name.
    pub fn set_calendars(&mut self, calendars: &[Arc<Calendar>]) {
        self.hours = OpenHours(calendars.iter().map(|c| (c.id.clone(), OpenNow::new(c.clone()))).collect());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::testing::{CATALOG, kind};
    use crate::engine::rule::Effect;
    use crate::model::calendar::{Hours, Span};
    use crate::model::detector::DetectorUse;
    use crate::model::plan::{PlanRule, RuleAt, RuleCase, RuleSource, Settings, Target, Task};
    use crate::model::wire::{SampleRow, Samples};
    use crate::model::{AgentId, Cause, Mono, Now, ObjectKind, Observation, Outcome, Purpose, Severity, Tally};

    /// Open 10:00 to 14:00 of a Wednesday in 1970, UTC.
    fn office() -> Arc<Calendar> {
        Arc::new(Calendar {
            id: "office".parse().unwrap(),
            zh: String::new(),
            en: String::new(),
            timezone: jiff::tz::TimeZone::UTC,
            hours: Hours { work: vec![Span::parse("10:00-14:00").unwrap()], ..Hours::default() },
            seasons: Vec::new(),
            days: Default::default(),
            years: Default::default(),
        })
    }

    fn at(hour: f64) -> Now {
        let day = Duration::from_secs(6 * 86_400);
        let time = day + Duration::from_secs_f64(hour * 3_600.0);
        Now { wall: Wall::from_millis(time.as_millis() as i64), mono: Mono::from_origin(time) }
    }

    fn rule(id: &str, calendar: bool) -> PlanRule {
        PlanRule {
            id: id.parse().unwrap(),
            problem: id.parse().unwrap(),
            on: ObjectKind::Asset,
            source: RuleSource::Kind("tcp".into()),
            at: RuleAt::Agent,
            window_ms: 0,
            raise: "fails >= 1".to_owned(),
            clear: None,
            detector: None,
            hears: None,
            for_ms: 0,
            clear_for_ms: 0,
            no_data: 3,
            folds_into: Vec::new(),
            severity: Severity::Major,
            category: String::new(),
            runbook: String::new(),
            zh: String::new(),
            en: String::new(),
            cases: vec![RuleCase {
                params: BTreeMap::new(),
                calendar: calendar.then(|| "office".parse().unwrap()),
                objects: vec!["asset:a".parse().unwrap()],
            }],
        }
    }

    fn rules(of_rule: bool, of_task: bool) -> Rules {
        let task = Task {
            instance: "".into(),
            id: "p|asset:a|".into(),
            probe: "p".parse().unwrap(),
            kind: "tcp".into(),
            object: "asset:a".parse().unwrap(),
            target: Target::default(),
            settings: Settings::default(),
            interval_ms: 60_000,
            timeout_ms: 900,
            keep_ms: 60_000,
            secret: None,
            calendar: of_task.then(|| "office".parse().unwrap()),
        };
        let (mut rules, problems) = Rules::new(&[rule("down", of_rule)], &[], &[task], CATALOG, Vec::new(), at(0.0));
        assert!(problems.is_empty(), "{problems:?}");
        rules.set_calendars(&[office()]);
        rules
    }

    /// `1` an answer, `0` a failure, `-` nothing, one a minute from `hour` on; what came out: `+` a raise, `!` no
    /// data, `.` that it ended.
    fn play(rules: &mut Rules, hour: f64, runs: &str) -> String {
        let mut log = String::new();
        for (minute, run) in runs.chars().enumerate() {
            let now = at(hour + minute as f64 / 60.0);
            let mut effects = rules.tick(now);
            if run != '-' {
                let (outcome, cause) =
                    if run == '1' { (Outcome::Ok, None) } else { (Outcome::Failed, Some(Cause::Refused)) };
                let seen = Observation {
                    schema: Arc::new(kind("tcp").schema.clone()),
                    agent: "t".parse().unwrap(),
                    probe: "p".parse().unwrap(),
                    object: "asset:a".parse().unwrap(),
                    instance: "".into(),
                    purpose: Purpose::default(),
                    at: now.wall,
                    took: Duration::ZERO,
                    outcome,
                    cause,
                    detail: None,
                    tally: Tally::default(),
                    rows: Vec::new(),
                };
                effects.extend(rules.observe(&seen, now));
            }
            for effect in effects {
                let Effect::Alert { alert, .. } = effect else { continue };
                log.push(match (alert.state, alert.key.problem.as_str()) {
                    (crate::model::AlertState::Firing, "no-data") => '!',
                    (crate::model::AlertState::Firing, _) if alert.stale => '~',
                    (crate::model::AlertState::Firing, _) => '+',
                    _ => '.',
                });
            }
        }
        log
    }

    #[test]
    fn nothing_is_raised_outside_of_working_hours_and_what_fires_outlasts_them() {
        let mut rules = rules(true, false);
        assert_eq!(play(&mut rules, 9.5, "10000"), "", "closed");
        assert_eq!(play(&mut rules, 10.0, "00"), "+", "opened, and still down");
        assert_eq!(play(&mut rules, 13.9, "0"), "");
        assert_eq!(play(&mut rules, 14.5, "000"), "", "closed: it fires on");
        assert_eq!(play(&mut rules, 15.0, "11"), ".", "data clears it at any hour");
        assert_eq!(play(&mut rules, 15.1, "0"), "");
    }

    #[test]
    fn silence_outside_of_working_hours_is_no_missing_data() {
        for (of_rule, of_task) in [(true, false), (false, true)] {
            let mut rules = rules(of_rule, of_task);
            assert_eq!(play(&mut rules, 13.9, "11"), "");
            assert_eq!(play(&mut rules, 14.0, &"-".repeat(20 * 60)), "", "the night");
            assert_eq!(play(&mut rules, 34.0, "1"), "", "the morning");
            assert_eq!(play(&mut rules, 34.1, &"-".repeat(30)), "!", "silent while open");
        }
        let mut always = rules(false, false);
        assert_eq!(play(&mut always, 13.9, "11"), "");
        assert_eq!(play(&mut always, 14.0, "----------"), "!");
    }

    #[test]
    fn what_failed_outside_of_working_hours_is_not_held_against_the_sla() {
        let agent: AgentId = "t".parse().unwrap();
        let play = |calendar: Option<CalendarId>, down: std::ops::Range<u32>| {
            let used = DetectorUse { name: Arc::from("burn"), field: None, explained_by: None };
            let case = RuleCase { params: BTreeMap::new(), calendar, objects: vec!["asset:a".parse().unwrap()] };
            let sla = PlanRule {
                at: RuleAt::Console,
                detector: Some(used),
                raise: String::new(),
                no_data: 0,
                cases: vec![case],
                ..rule("sla", false)
            };
            let (mut rules, problems) = Rules::new(&[sla], &[], &[], CATALOG, Vec::new(), at(0.0));
            assert!(problems.is_empty(), "{problems:?}");
            rules.set_calendars(&[office()]);
            // Windows of a minute from eight to noon; the office opens at ten.
            (0..240).find(|minute| {
                let failed = if down.contains(minute) { 60 } else { 0 };
                let now = at(8.0 + f64::from(minute + 1) / 60.0);
                let row = SampleRow {
                    object: "asset:a".parse().unwrap(),
                    instance: Arc::from(""),
                    runs: [60 - failed, 0, failed, 0],
                    packets: [0; 5],
                    causes: BTreeMap::new(),
                    fields: BTreeMap::new(),
                };
                let (from, to) = (now.wall.minus(Duration::from_secs(60)), now.wall);
                let samples =
                    Samples { probe: "p".parse().unwrap(), kind: Arc::from("tcp"), from, to, rows: vec![row] };
                let effects = rules.observe_samples(&agent, &samples, now);
                effects.iter().any(|effect| matches!(effect, Effect::Alert { .. }))
            })
        };
        let office = || Some("office".parse().unwrap());
        assert_eq!(play(office(), 60..115), None, "down until five minutes before it opens");
        assert!(play(None, 60..115).is_some(), "at all hours");
        assert!(play(office(), 150..180).is_some_and(|at| at >= 150), "down while it is open");
    }
}
