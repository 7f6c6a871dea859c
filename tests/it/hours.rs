//! What takes hours, played in seconds: a line's packets through the shipped probes and rules, the summaries that leave the
//! agent, the rules of the console and the incidents. Only sockets, the spool and the clock are left out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fengsui::config::{defs, inventory, plan};
use fengsui::engine::incident::{Book, Input, Policy};
use fengsui::engine::maintenance::Planned;
use fengsui::engine::rule::{Effect, Rules};
use fengsui::engine::summarise::Summariser;
use fengsui::model::maintenance::{Maintenance, Mark, Work};
use fengsui::model::observation::{Cause, Outcome, Purpose, Tally};
use fengsui::model::plan::Task;
use fengsui::model::{AgentId, Mono, Now, Observation, Value, Wall};
use fengsui::probe;

const INVENTORY: &str = r#"
[[asset]]
id = "core"
kind = "router"
zone = "extranet"
[[link]]
id = "line"
tier = "backbone"
a = { asset = "core", interface = "GE0/0/1" }
b = { peer = "carrier", address = "10.65.1.2" }
"#;

/// An agent and its console, and one line between.
struct Play {
    /// What looks at the line.
    kind: &'static str,
    agent: AgentId,
    task: Arc<Task>,
    keep: Duration,
    summariser: Summariser,
    near: Rules,
    console: Rules,
    book: Book,
    ids: u32,
    /// `MINUTE + PROBLEM RULE`, `MINUTE - PROBLEM`.
    log: Vec<String>,
}

fn at(second: u32) -> Now {
    let since = Duration::from_secs(u64::from(second));
    Now { wall: Wall::from_millis(1_790_000_000_000).plus(since), mono: Mono::from_origin(since) }
}

impl Play {
    fn new() -> Self {
        Self::of("icmp", "")
    }

    /// Of a line with this tag, that is looked at by this kind.
    fn of(kind: &'static str, tag: &str) -> Self {
        let loaded = defs::load(&[], probe::catalog());
        let tags = if tag.is_empty() { String::new() } else { format!("tags = [\"{tag}\"]\n") };
        let inventory = inventory::parse(&[("line.toml".to_owned(), format!("{INVENTORY}{tags}"))]).unwrap();
        let agent = AgentId::new("tower").unwrap();
        let (definitions, catalog) = (&loaded.definitions, probe::catalog());
        let plan = plan::build(&inventory, definitions, catalog, &agent, 1, &|_| None, &BTreeSet::new()).plan;
        let task = plan.tasks.iter().find(|task| &*task.kind == kind && task.object.to_string() == "link:line");
        let task = Arc::new(task.unwrap().clone());
        let tasks = std::slice::from_ref(&*task);
        let (near, faults) = Rules::new(&plan.rules, &plan.objects, tasks, catalog, Vec::new(), at(0));
        assert_eq!(faults, Vec::<String>::new());
        let (rules, objects, _) = plan::console_rules(&inventory, definitions, catalog);
        let (console, faults) = Rules::new(&rules, &objects, &[], catalog, Vec::new(), at(0));
        assert_eq!(faults, Vec::<String>::new());
        let partial = definitions.rules.iter().filter(|rule| rule.partial).map(|rule| rule.problem.clone()).collect();
        let mut book = Book::default();
        book.set_policy(Policy { partial, ..Policy::default() });
        let (keep, summariser) = (task.keep(), Summariser::new());
        Self { kind, agent, task, keep, summariser, near, console, book, ids: 0, log: Vec::new() }
    }

    /// Planned work on the line.
    fn plan(&mut self, seconds: std::ops::Range<u32>) {
        let [from, to] = [seconds.start, seconds.end].map(|second| at(second).wall);
        let work = Work {
            title: "splice".to_owned(),
            objects: vec!["link:line".parse().unwrap()],
            problems: Vec::new(),
            from,
            to,
            every: None,
            until: None,
        };
        let created = Mark { by: "duty".to_owned(), at: from };
        let window =
            Maintenance { id: Arc::from("1"), work, created, needs_second: false, approved: None, ended: None };
        let inventory = inventory::parse(&[("line.toml".to_owned(), INVENTORY.to_owned())]).unwrap();
        let planned = Planned::of(&window, &inventory, &jiff::tz::TimeZone::UTC, from, to);
        self.console.set_planned(planned.into_iter().collect());
    }

    /// One packet a second, until then; `lost` says which.
    fn until(&mut self, seconds: std::ops::Range<u32>, lost: impl Fn(u32) -> bool) {
        self.play(seconds, |second| (!lost(second)).then_some(0.008 + f64::from(second % 7) * 1e-5));
    }

    /// One packet a second, until then; `rtt` says after how many seconds it is answered, if it is.
    fn play(&mut self, seconds: std::ops::Range<u32>, rtt: impl Fn(u32) -> Option<f64>) {
        for second in seconds {
            let seen = self.seen(second, rtt(second));
            let now = at(second + 1);
            let mut effects = self.near.observe(&seen, now);
            effects.extend(self.near.tick(now));
            self.summariser.push(&seen, self.keep, now);
            while let Some(samples) = self.summariser.ended(now) {
                effects.extend(self.console.observe_samples(&self.agent, &samples, now));
            }
            effects.extend(self.console.tick(now));
            for effect in effects {
                self.take(effect, second);
            }
            if second % 10 == 0 {
                self.apply(Input::Tick, second);
            }
        }
    }

    fn seen(&self, second: u32, rtt: Option<f64>) -> Observation {
        let kind = probe::kind(self.kind).unwrap().spec;
        let lost = rtt.is_none();
        let rtt = rtt.map_or(Value::Null, |rtt| Value::many(vec![rtt]));
        let loss = Value::gauge(f64::from(u8::from(lost)));
        let row = probe::target_row(&kind.schema, &self.task, vec![("rtt_seconds", rtt), ("loss_ratio", loss)]);
        Observation {
            schema: Arc::new(kind.schema.clone()),
            agent: self.agent.clone(),
            probe: self.task.probe.clone(),
            object: self.task.object.clone(),
            instance: self.task.instance.clone(),
            purpose: Purpose::Measure,
            at: at(second).wall,
            took: Duration::from_millis(8),
            outcome: if lost { Outcome::Failed } else { Outcome::Ok },
            cause: lost.then_some(Cause::Timeout),
            detail: None,
            tally: Tally { sent: 1, lost: u32::from(lost), ..Tally::default() },
            rows: vec![row],
        }
    }

    fn take(&mut self, effect: Effect, second: u32) {
        if let Effect::Alert { alert, .. } = effect {
            let agent = self.agent.clone();
            self.apply(Input::Alert { agent, alert, history: false }, second);
        }
    }

    fn apply(&mut self, input: Input, second: u32) {
        let ids = &mut self.ids;
        let mut id = || {
            *ids += 1;
            Arc::from(ids.to_string())
        };
        let active = |book: &Book| -> BTreeSet<String> {
            let told = |i: &fengsui::model::incident::Incident| {
                let rules: Vec<&str> = i.contributions.iter().map(|c| c.rule.as_str()).collect();
                format!("{} {}", i.key.problem, rules.join(" "))
            };
            book.active().map(told).collect()
        };
        let before = active(&self.book);
        self.book.apply(input, at(second).wall, &mut id).unwrap();
        let (after, minute) = (active(&self.book), second / 60);
        self.log.extend(before.difference(&after).map(|gone| format!("{minute} - {gone}")));
        self.log.extend(after.difference(&before).map(|new| format!("{minute} + {new}")));
    }
}

const HOUR: u32 = 3_600;

#[test]
fn a_line_that_loses_one_packet_in_thirty_for_an_hour_is_one_slow_loss_and_nothing_else() {
    let mut play = Play::new();
    play.until(0..HOUR, |_| false);
    play.until(HOUR..2 * HOUR, |second| second % 30 == 0);
    play.until(2 * HOUR..4 * HOUR, |_| false);
    // The fifteenth of the last 600 is the eighth minute's; four are left eight minutes after the end, and the hold is ten.
    assert_eq!(play.log, ["67 + link-degraded link-loss-slow", "137 - link-degraded link-loss-slow"]);
}

#[test]
fn a_line_that_loses_one_packet_in_sixty_all_day_uses_up_its_month_and_nothing_else() {
    let mut play = Play::new();
    play.until(0..HOUR, |_| false);
    // Seventeen times what the month allows: told when half of a month's day is gone, and not as loss.
    play.until(HOUR..9 * HOUR, |second| second % 60 == 0);
    play.until(9 * HOUR..12 * HOUR, |_| false);
    let told: Vec<&str> = play.log.iter().filter_map(|line| line.split_once(' ')).map(|(_, what)| what).collect();
    assert_eq!(told, ["+ link-sla link-sla", "- link-sla link-sla"], "{:?}", play.log);
    let minutes: Vec<u32> = play.log.iter().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert!((60 + 255..60 + 270).contains(&minutes[0]), "{minutes:?}");
    assert!((9 * 60 + 30..9 * 60 + 60).contains(&minutes[1]), "{minutes:?}");
}

#[test]
fn planned_work_on_a_line_is_not_held_against_its_month() {
    let mut play = Play::new();
    play.plan(HOUR..9 * HOUR);
    play.until(0..HOUR, |_| false);
    play.until(HOUR..9 * HOUR, |second| second % 60 == 0);
    play.until(9 * HOUR..12 * HOUR, |_| false);
    assert_eq!(play.log, Vec::<String>::new());
}

/// Where pings do not pass, STAMP finds what they would.
#[test]
fn a_line_that_only_stamp_looks_at_is_judged_as_others_are() {
    let usual = |second: u32| Some(0.008 + f64::from(second % 7) * 1e-5);
    let lossy = |second: u32| usual(second).filter(|_| !second.is_multiple_of(30));
    let slow = |second: u32| usual(second).map(|rtt| rtt + 0.030);
    let jittery = |second: u32| usual(second).map(|rtt| rtt + if second.is_multiple_of(3) { 0.050 } else { 0.0 });
    let worn = |second: u32| usual(second).filter(|_| !second.is_multiple_of(60));
    type Rtt<'a> = &'a dyn Fn(u32) -> Option<f64>;
    let table: [(Rtt<'_>, u32, &str); 4] = [
        (&lossy, HOUR, "link-degraded link-stamp-loss-slow"),
        (&slow, HOUR / 4, "link-slow link-stamp-latency"),
        (&jittery, HOUR / 4, "link-jitter link-stamp-jitter"),
        (&worn, 5 * HOUR, "link-sla link-stamp-sla"),
    ];
    for (rtt, lasts, wanted) in table {
        let mut play = Play::of("stamp", "stamp-only");
        play.play(0..HOUR, usual);
        play.play(HOUR..HOUR + lasts, rtt);
        play.play(HOUR + lasts..3 * HOUR + lasts, usual);
        let told: BTreeSet<&str> = play.log.iter().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
        for way in ["+", "-"] {
            let line = format!("{way} {wanted}");
            assert!(told.contains(&*line), "{wanted}: {:?}", play.log);
        }
        assert!(
            told.iter().all(|line| line.contains(wanted.split(' ').next().unwrap_or_default())),
            "{:?}",
            play.log
        );
    }
}
