//! Tables of (state, input, now) -> effects. A script has one line an input, `TIME INPUT`, times in seconds; what
//! comes out is one line an effect: a put as `#1 open major link-loss|asset:a| x1 +topology`, a timeline line as
//! `#1 opened t1: ...`.

use super::*;
use crate::model::Severity;
use crate::model::alert::{AlertState, ClearReason};
use crate::model::incident::Flags;

mod explained;
mod maintenance;
mod properties;
mod topology;

fn wall(s: f64) -> Wall {
    Wall::from_millis(1_700_000_000_000 + (s * 1_000.0).round() as i64)
}

fn alert(problem: &str, rule: &str, object: &str, state: AlertState, since: f64, at: f64, count: u32) -> Alert {
    Alert {
        key: AlertKey { problem: problem.parse().unwrap(), object: object.parse().unwrap(), instance: "".into() },
        rule: rule.parse().unwrap(),
        probe: None,
        state,
        cleared_by: (state == AlertState::Cleared).then_some(ClearReason::Condition),
        severity: Severity::Major,
        since: wall(since),
        at: wall(at),
        count,
        flapping: false,
        stale: false,
        evidence: vec![("fails".into(), "3".into())],
        folds_into: if problem.starts_with("sym") { vec!["cause".parse().unwrap()] } else { vec![] },
        category: "DE".into(),
        runbook: "".into(),
    }
}

#[derive(Default)]
struct Play {
    book: Book,
    ids: u32,
    log: Vec<String>,
    /// Objects to be looked at.
    looks: Vec<Object>,
    /// What a store would hold.
    stored: BTreeMap<Arc<str>, Incident>,
}

fn show(i: &Incident) -> String {
    let Flags { maintenance, topology, flapping, silence, storm, stale, late, held } = i.flags;
    let flags = [
        (maintenance, " +maintenance"),
        (topology, " +topology"),
        (flapping, " +flapping"),
        (silence, " +silence"),
        (storm, " +storm"),
        (stale, " +stale"),
        (late, " +late"),
        (held, " +held"),
    ];
    let flags: String = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
    let under = i.cause.as_ref().map(|c| format!(" <#{c}")).unwrap_or_default();
    let after = i.previous.as_ref().map(|p| format!(" after #{p}")).unwrap_or_default();
    format!("#{} {} {} {} x{}{flags}{under}{after}", i.id, i.state.as_str(), i.severity.as_str(), i.key, i.count)
}

impl Play {
    fn apply(&mut self, now: f64, input: Input) -> Result<(), Refused> {
        let ids = &mut self.ids;
        let mut id = || {
            *ids += 1;
            Arc::from(ids.to_string())
        };
        let effects = self.book.apply(input, wall(now), &mut id)?;
        self.take(effects);
        Ok(())
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Put(incident) => {
                    self.log.push(show(&incident));
                    self.stored.insert(incident.id.clone(), incident);
                }
                Effect::Look(object) => self.looks.push(object),
                Effect::Timeline(line) => {
                    assert!(self.stored.contains_key(&line.incident), "a line of an incident that was never put");
                    let text = if line.text.is_empty() { String::new() } else { format!(" {}", line.text) };
                    self.log.push(format!("#{} {} {}:{text}", line.incident, line.kind.as_str(), line.actor));
                }
            }
        }
    }

    /// `t1 + PROBLEM [rule=R] [on=OBJECT] [x=COUNT] [since=S] [at=S] [sev=W] [late] [stale] [flapping]`, `t1 - ...`,
    /// `t1 roster PROBLEM...`, `t1 silent`, `t1 heard`, `tick`, `gone OBJECT`, or a person: `ack #1 sticky`.
    fn line(&mut self, script: &str) {
        let mut words = script.split_whitespace();
        let now: f64 = words.next().unwrap().parse().unwrap();
        let (first, rest) = (words.next().unwrap(), words.collect::<Vec<&str>>());
        let result = match first {
            "tick" => self.apply(now, Input::Tick),
            "gone" => self.apply(now, Input::ObjectGone { object: rest[0].parse().unwrap() }),
            "ack" | "unack" | "assign" | "resolve" | "close" | "note" => self.person(now, first, &rest),
            agent => self.agent(now, agent, &rest),
        };
        if let Err(refused) = result {
            self.log.push(format!("! {refused}"));
        }
    }

    fn agent(&mut self, now: f64, agent: &str, rest: &[&str]) -> Result<(), Refused> {
        let agent: AgentId = agent.parse().unwrap();
        let option = |name: &str| rest.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='));
        let object = option("on").unwrap_or("asset:a");
        let input = match rest[0] {
            "silent" => Input::AgentSilent { agent },
            "heard" => Input::AgentHeard { agent },
            "roster" => {
                let entries = rest[1..].iter().filter(|w| !w.contains('=')).map(|problem| RosterEntry {
                    problem: problem.parse().unwrap(),
                    object: object.parse().unwrap(),
                    instance: "".into(),
                    rule: option("rule").unwrap_or(problem).parse().unwrap(),
                });
                Input::Roster { agent, entries: entries.collect(), at: wall(now) }
            }
            sign => {
                let state = if sign == "+" { AlertState::Firing } else { AlertState::Cleared };
                let problem = rest[1];
                let number = |name: &str, default: f64| option(name).map_or(default, |v| v.parse().unwrap());
                let mut alert = alert(
                    problem,
                    option("rule").unwrap_or(problem),
                    object,
                    state,
                    number("since", now),
                    number("at", now),
                    number("x", 1.0) as u32,
                );
                if let Some(word) = option("sev") {
                    alert.severity = Severity::parse(word).unwrap();
                }
                (alert.stale, alert.flapping) = (rest.contains(&"stale"), rest.contains(&"flapping"));
                Input::Alert { agent, alert, history: rest.contains(&"late") }
            }
        };
        self.apply(now, input)
    }

    fn person(&mut self, now: f64, what: &str, rest: &[&str]) -> Result<(), Refused> {
        let incident: Arc<str> = rest[0].trim_start_matches('#').into();
        let (actor, text) = ("li".to_owned(), rest[1..].join(" "));
        let input = match what {
            "ack" => {
                let kind = match rest.get(1).copied() {
                    Some("sticky") => AckKind::Sticky,
                    Some(until) if until.starts_with("until=") => AckKind::Until(wall(until[6..].parse().unwrap())),
                    _ => AckKind::UntilChange,
                };
                Input::Ack { incident, actor, comment: "on it".into(), kind }
            }
            "unack" => Input::Unack { incident, actor },
            "assign" => Input::Assign { incident, actor, to: rest.get(1).map(|to| (*to).to_owned()) },
            "resolve" => Input::Resolve { incident, actor, reason: text },
            "close" => {
                let cause = CloseCause::FibreCut;
                Input::Close { incident, actor, cause, party: text, comment: String::new() }
            }
            _ => Input::Note { incident, actor, text },
        };
        self.apply(now, input)
    }
}

/// Runs a script; `expected` is what it puts and says, in order.
fn check(script: &str, expected: &str) {
    let mut play = Play::default();
    script.lines().map(str::trim).filter(|l| !l.is_empty()).for_each(|line| play.line(line));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(play.log, expected, "\n{script}\ngave\n{}\n", play.log.join("\n"));
}

#[test]
fn an_alert_opens_and_its_clear_resolves() {
    check(
        "0 t1 + down
         9 t1 - down since=0",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 resolved major down|asset:a| x1
         #1 left t1: down: condition
         #1 resolved t1: condition",
    );
}

#[test]
fn two_rules_on_one_problem_make_one_incident_that_resolves_with_the_last() {
    check(
        "0 t1 + down rule=r1
         1 t1 + down rule=r2 sev=critical
         2 t1 - down rule=r1 since=0
         3 t1 - down rule=r2 since=1",
        "#1 open major down|asset:a| x1
         #1 opened t1: r1: fails = 3
         #1 open critical down|asset:a| x1
         #1 joined t1: r2: fails = 3
         #1 worse t1: critical
         #1 open critical down|asset:a| x1
         #1 left t1: r1: condition
         #1 resolved critical down|asset:a| x1
         #1 left t1: r2: condition
         #1 resolved t1: condition",
    );
}

#[test]
fn what_is_told_twice_changes_nothing() {
    check(
        "0 t1 + down
         1 t1 + down since=0 at=0
         9 t1 - down since=0
         9 t1 - down since=0
         10 t1 + down since=0 at=0",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 resolved major down|asset:a| x1
         #1 left t1: down: condition
         #1 resolved t1: condition",
    );
}

#[test]
fn within_thirty_minutes_it_reopens_later_it_is_a_new_one() {
    check(
        "0 t1 + down
         5 ack #1 sticky
         10 t1 - down since=0
         1800 t1 + down x=2
         1810 t1 - down since=1800 x=2
         9000 t1 + down x=1",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 acked major down|asset:a| x1
         #1 acked li: on it
         #1 resolved major down|asset:a| x1
         #1 left t1: down: condition
         #1 resolved t1: condition
         #1 open major down|asset:a| x2
         #1 reopened t1: down: fails = 3
         #1 resolved major down|asset:a| x2
         #1 left t1: down: condition
         #1 resolved t1: condition
         #2 open major down|asset:a| x1 after #1
         #2 opened t1: down: fails = 3",
    );
    let mut play = Play::default();
    for line in ["0 t1 + down", "5 ack #1 sticky", "10 t1 - down since=0", "1800 t1 + down x=2"] {
        play.line(line);
    }
    assert_eq!(play.book.incident("1").unwrap().ack, None, "a reopening ends the acknowledgement");
}

#[test]
fn a_rise_of_severity_breaks_an_acknowledgement_unless_it_is_sticky() {
    check(
        "0 t1 + down sev=minor
         1 ack #1
         2 t1 + down since=0 sev=major
         3 ack #1 sticky
         4 t1 + down since=0 sev=critical
         5 t1 + down since=0 sev=minor",
        "#1 open minor down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 acked minor down|asset:a| x1
         #1 acked li: on it
         #1 open major down|asset:a| x1
         #1 worse t1: major
         #1 unacked console: severity rose
         #1 acked major down|asset:a| x1
         #1 acked li: on it
         #1 acked critical down|asset:a| x1
         #1 worse t1: critical
         #1 acked critical down|asset:a| x1",
    );
}

#[test]
fn an_acknowledgement_until_a_time_ends_then_and_another_takes_its_place() {
    check(
        "0 t1 + down
         1 ack #1 until=60
         59 tick
         60 tick
         61 ack #1 until=120
         62 ack #1
         200 tick
         201 unack #1
         202 unack #1
         203 ack #1 until=100",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 acked major down|asset:a| x1
         #1 acked li: on it
         #1 open major down|asset:a| x1
         #1 unacked console: expired
         #1 acked major down|asset:a| x1
         #1 acked li: on it
         #1 acked major down|asset:a| x1
         #1 acked li: on it
         #1 open major down|asset:a| x1
         #1 unacked li:
         ! incident 1 is open: it is not acknowledged
         ! incident 1: the acknowledgement would have ended already; give a time in the future",
    );
}

#[test]
fn closing_needs_a_resolved_incident_a_cause_and_a_party() {
    check(
        "0 t1 + down
         1 close #1 carrier
         2 resolve #1
         3 resolve #1 cable mended
         4 close #1
         5 close #1 carrier
         6 close #1 carrier
         7 ack #1
         8 note #1 see report
         9 ack #9",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         ! incident 1 is open: resolve it first
         ! incident 1: the reason must not be empty
         #1 resolved major down|asset:a| x1
         #1 resolved li: cable mended
         ! incident 1: the responsible party must not be empty
         #1 closed major down|asset:a| x1
         #1 closed li: fibre_cut; carrier
         ! incident 1 is closed: it is closed already
         ! incident 1 is closed: only an open incident can be acknowledged
         #1 closed major down|asset:a| x1
         #1 note li: see report
         ! there is no incident 9",
    );
}

#[test]
fn resolved_by_hand_only_a_new_raise_brings_it_back() {
    check(
        "0 t1 + down
         10 resolve #1 known
         20 t1 + down since=0 at=20 stale
         30 t1 roster down
         40 t1 - down since=0
         50 t1 + down since=50 x=2",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 resolved major down|asset:a| x1
         #1 resolved li: known
         #1 open major down|asset:a| x2
         #1 reopened t1: down: fails = 3",
    );
}

#[test]
fn a_roster_withdraws_what_it_lacks() {
    check(
        "0 t1 + down
         0 t1 + lossy
         60 t2 roster
         61 t1 roster lossy
         62 t1 roster lossy
         63 t1 roster unheard lossy",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #2 open major lossy|asset:a| x1
         #2 opened t1: lossy: fails = 3
         #1 resolved major down|asset:a| x1
         #1 left t1: down: withdrawn
         #1 resolved t1: withdrawn",
    );
}

#[test]
fn a_silent_agent_is_one_incident_and_what_it_said_is_stale() {
    check(
        "0 t1 + down
         60 t1 silent
         61 t1 silent
         90 t1 heard
         91 t1 heard",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #2 open major agent-silent|agent:t1| x1
         #1 open major down|asset:a| x1 +stale
         #2 opened console: agent-silent
         #1 flag console: +stale
         #2 resolved major agent-silent|agent:t1| x1
         #1 open major down|asset:a| x1
         #2 left console: agent-silent: condition
         #2 resolved console: condition
         #1 flag console: -stale",
    );
}

#[test]
fn a_symptom_hangs_under_its_cause_whichever_came_first() {
    let under = "#1 open major cause|asset:a| x1
         #1 opened t1: cause: fails = 3
         #2 open major sym|asset:a| x1 +topology <#1
         #2 opened t1: sym: fails = 3
         #2 folded console: cause|asset:a|";
    check(
        "0 t1 + cause\n1 t1 + sym\n2 t1 + sym on=asset:b",
        &format!("{under}\n#3 open major sym|asset:b| x1\n#3 opened t1: sym: fails = 3"),
    );
    check(
        "0 t1 + sym
         1 t1 + cause",
        "#1 open major sym|asset:a| x1
         #1 opened t1: sym: fails = 3
         #2 open major cause|asset:a| x1
         #1 open major sym|asset:a| x1 +topology <#2
         #2 opened t1: cause: fails = 3
         #1 folded console: cause|asset:a|",
    );
}

#[test]
fn when_the_cause_is_gone_a_symptom_waits_for_a_fresh_word() {
    let start = "0 t1 + cause\n1 t1 + sym\n10 t1 - cause since=0\n";
    let folded = "#1 open major cause|asset:a| x1
         #1 opened t1: cause: fails = 3
         #2 open major sym|asset:a| x1 +topology <#1
         #2 opened t1: sym: fails = 3
         #2 folded console: cause|asset:a|
         #1 resolved major cause|asset:a| x1
         #1 left t1: cause: condition
         #1 resolved t1: condition\n";
    let unfolded = "#2 open major sym|asset:a| x1\n#2 unfolded console:";
    for (then, expected) in [
        ("189 tick", ""),
        ("190 tick", unfolded),
        ("20 t1 roster sym", ""), // not cleared yet, which is no news
        ("20 t1 + sym since=1", unfolded),
        ("20 t1 + sym since=1 at=9", "#2 open major sym|asset:a| x1 +topology <#1"), // made before the cause ended
        (
            "20 t1 - sym since=1\n99 tick",
            "#2 resolved major sym|asset:a| x1 +topology <#1\n#2 left t1: sym: condition\n#2 resolved t1: condition",
        ),
        ("20 t1 + cause x=2\n99 tick", "#1 open major cause|asset:a| x2\n#1 reopened t1: cause: fails = 3"),
    ] {
        check(&format!("{start}{then}"), &format!("{folded}{expected}"));
    }
}

#[test]
fn flags_follow_the_alerts() {
    check(
        "0 t1 + down
         1 t1 + down since=0 flapping
         2 t1 + down since=0 stale
         3 t1 - down since=0",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #1 open major down|asset:a| x1 +flapping
         #1 flag console: +flapping
         #1 open major down|asset:a| x1 +stale
         #1 flag console: -flapping
         #1 flag console: +stale
         #1 resolved major down|asset:a| x1
         #1 left t1: down: condition
         #1 resolved t1: condition",
    );
}

#[test]
fn history_still_firing_opens_and_history_that_is_over_is_only_seen_resolved() {
    check(
        "5000 t1 + down since=0 at=0 late",
        "#1 open major down|asset:a| x1 +late
         #1 opened t1: down: fails = 3",
    );
    let mut play = Play::default();
    let agent: AgentId = "t1".parse().unwrap();
    let told = |state, at, x| Input::Alert {
        agent: agent.clone(),
        alert: alert("down", "down", "asset:a", state, if x == 1 { 0.0 } else { 2_400.0 }, at, x),
        history: true,
    };
    let inputs = vec![
        told(AlertState::Firing, 0.0, 1),
        told(AlertState::Cleared, 60.0, 1),
        told(AlertState::Firing, 2_400.0, 2), // 39 minutes later: another incident
        told(AlertState::Cleared, 2_460.0, 2),
    ];
    let mut n = 0;
    let effects = play.book.apply_all(inputs, wall(9_000.0), &mut || {
        n += 1;
        Arc::from(n.to_string().as_str())
    });
    play.take(effects);
    let puts: Vec<&String> = play.log.iter().filter(|l| l.contains("major")).collect();
    assert_eq!(
        puts,
        ["#1 resolved major down|asset:a| x1 +late", "#2 resolved major down|asset:a| x1 +late after #1"],
        "{:?}",
        play.log
    );
    assert_eq!(play.book.incident("1").unwrap().resolved, Some(wall(60.0)));
}

#[test]
fn an_object_that_leaves_takes_its_alerts_along() {
    check(
        "0 t1 + down
         1 t1 + port on=interface:a/ge1
         2 t1 + down on=asset:b
         3 gone asset:a",
        "#1 open major down|asset:a| x1
         #1 opened t1: down: fails = 3
         #2 open major port|interface:a/ge1| x1
         #2 opened t1: port: fails = 3
         #3 open major down|asset:b| x1
         #3 opened t1: down: fails = 3
         #1 resolved major down|asset:a| x1
         #2 resolved major port|interface:a/ge1| x1
         #1 left t1: down: withdrawn
         #1 resolved t1: withdrawn
         #2 left t1: port: withdrawn
         #2 resolved t1: withdrawn",
    );
}

#[test]
fn a_vantage_of_all_needs_every_live_agent() {
    let mut play = Play::default();
    let agents: BTreeSet<AgentId> = ["t1", "t2", "t3"].iter().map(|a| a.parse().unwrap()).collect();
    let policy = |vantage| Policy {
        vantage: BTreeMap::from([("down".parse().unwrap(), vantage)]),
        watchers: BTreeMap::from([("asset:a".parse().unwrap(), agents.clone())]),
        ..Policy::default()
    };
    play.book.set_policy(policy(Vantage::All));
    for line in ["0 t1 + down", "1 t2 + down", "2 t1 - down since=0", "3 t1 + down x=2"] {
        play.line(line);
    }
    assert!(play.log.is_empty(), "{:?}", play.log);
    play.line("4 t3 + down");
    assert_eq!(play.log[0], "#1 open major down|asset:a| x1");
    play.line("5 t3 - down since=4");
    assert_eq!(play.log[2], "#1 resolved major down|asset:a| x1");
    play.log.clear();
    play.line("6 t3 silent");
    let puts: Vec<&String> = play.log.iter().filter(|l| l.contains("down|asset:a| x")).collect();
    assert_eq!(puts, ["#1 open major down|asset:a| x2"], "only t1 and t2 live, and both say so: {:?}", play.log);
    // A majority needs two of three.
    let mut play = Play::default();
    play.book.set_policy(policy(Vantage::Majority));
    play.line("0 t1 + down");
    assert!(play.log.is_empty());
    play.line("1 t2 + down");
    assert_eq!(play.log[0], "#1 open major down|asset:a| x1");
}

#[test]
fn a_restart_of_the_console_loses_nothing() {
    let mut play = Play::default();
    for line in
        ["0 t1 + cause", "1 t1 + sym", "2 t1 + down", "3 ack #3 until=500", "4 t2 silent", "10 t1 - cause since=0"]
    {
        play.line(line);
    }
    let mut again = Play { book: Book::restore(play.stored.values().cloned().collect()), ..Play::default() };
    again.stored = play.stored.clone();
    again.ids = play.ids;
    again.line("20 tick");
    again.line("21 t1 + down since=2 at=2");
    again.line("22 t2 silent");
    assert_eq!(again.log, Vec::<String>::new(), "nothing is done twice");
    again.line("200 tick");
    again.line("500 tick");
    again.line("501 t1 + cause x=2");
    assert_eq!(
        again.log,
        [
            "#2 open major sym|asset:a| x1",
            "#2 unfolded console:",
            "#3 open major down|asset:a| x1",
            "#3 unacked console: expired",
            "#1 open major cause|asset:a| x2",
            "#2 open major sym|asset:a| x1 +topology <#1",
            "#1 reopened t1: cause: fails = 3",
            "#2 folded console: cause|asset:a|",
        ]
    );
}
