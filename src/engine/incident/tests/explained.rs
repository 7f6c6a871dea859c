//! What explains in part, and notes: they end with what explains them.

use super::topology::{hanging, play};
use super::*;

/// An alert of `problem` that folds into `into`, with one value of evidence.
fn says(play: &mut Play, t: f64, problem: &str, on: &str, into: &str, (severity, evidence): (Severity, &str)) {
    let mut alert = alert(problem, problem, on, AlertState::Firing, t, t, 1);
    alert.folds_into = vec![into.parse().unwrap()];
    alert.severity = severity;
    alert.evidence = vec![("previous_path".into(), evidence.into())];
    play.apply(t, Input::Alert { agent: "t1".parse().unwrap(), alert, history: false }).unwrap();
}

/// `asset:county` hangs on two lines together. Who has `cause`, or `loses`, goes on working.
fn two_lines() -> Play {
    let mut play = play();
    let mut policy = play.book.policy.clone();
    let object = |text: &str| text.parse::<Object>().unwrap();
    policy.hangs_on.insert(object("asset:county"), vec![vec![object("link:one"), object("link:two")]]);
    policy.partial = ["cause", "loses"].map(|problem| problem.parse().unwrap()).into();
    policy.addresses = BTreeMap::from([
        ("10.0.0.1".parse().unwrap(), object("link:one")),
        ("10.0.0.2".parse().unwrap(), object("link:one")),
        ("10.0.0.6".parse().unwrap(), object("link:two")),
    ]);
    play.book.set_policy(policy);
    play
}

fn line_loses(play: &mut Play, t: f64) {
    play.line(&format!("{t} t1 + cause on=link:two"));
}

#[test]
fn one_of_two_lines_that_loses_packets_explains_what_is_lost_behind_them() {
    let mut play = two_lines();
    line_loses(&mut play, 0.0);
    says(&mut play, 5.0, "loses", "asset:county", "cause", (Severity::Minor, ""));
    assert_eq!(hanging(&play), ["loses|asset:county|<cause|link:two|"]);
    play.line("5000 tick");
    assert_eq!(hanging(&play), ["loses|asset:county|<cause|link:two|"], "for as long as that lasts");
    // Whichever came first.
    let mut play = two_lines();
    says(&mut play, 0.0, "loses", "asset:county", "cause", (Severity::Minor, ""));
    line_loses(&mut play, 5.0);
    assert_eq!(hanging(&play), ["loses|asset:county|<cause|link:two|"]);
    // A line that is down is routed around: one of two explains nothing.
    let mut play = two_lines();
    let policy = Policy { partial: BTreeSet::new(), ..play.book.policy.clone() };
    play.book.set_policy(policy);
    line_loses(&mut play, 0.0);
    says(&mut play, 5.0, "loses", "asset:county", "cause", (Severity::Minor, ""));
    assert_eq!(hanging(&play), Vec::<String>::new());
}

#[test]
fn loss_on_another_way_explains_neither_a_line_of_its_own_nor_what_lies_two_forks_away() {
    let mut play = two_lines();
    let mut policy = play.book.policy.clone();
    let object = |text: &str| text.parse::<Object>().unwrap();
    policy.hangs_on.insert(object("link:one"), vec![vec![object("asset:core")], vec![object("asset:county")]]);
    policy.hangs_on.insert(object("link:three"), vec![vec![object("asset:county")]]);
    policy.hangs_on.insert(object("asset:village"), vec![vec![object("link:three"), object("link:four")]]);
    play.book.set_policy(policy);
    line_loses(&mut play, 0.0);
    for on in ["link:one", "link:three", "asset:village"] {
        says(&mut play, 5.0, "loses", on, "cause", (Severity::Minor, ""));
    }
    assert_eq!(hanging(&play), ["loses|link:three|<cause|link:two|"], "a line behind the county, and it alone");
}

#[test]
fn silence_behind_a_line_that_loses_packets_is_explained_by_it_for_three_minutes() {
    let mut play = two_lines();
    line_loses(&mut play, 0.0);
    play.line("10 t1 + sym on=asset:county");
    assert_eq!(hanging(&play), ["sym|asset:county|<cause|link:two|"]);
    play.line("180 tick");
    assert_eq!(hanging(&play).len(), 1);
    play.line("200 tick");
    assert_eq!(hanging(&play), Vec::<String>::new(), "chance does not last");
    play.line("201 t1 + sym on=asset:county since=10 at=201");
    play.line("202 tick");
    assert_eq!(hanging(&play), Vec::<String>::new());
    // It was heard, and falls silent again: that may be chance once more.
    play.line("300 t1 - sym on=asset:county since=10");
    play.line("400 t1 + sym on=asset:county x=2");
    assert_eq!(hanging(&play), ["sym|asset:county|<cause|link:two|"]);
}

/// The way of `link:behind` has become another one, and led over `link:one` before.
fn way_changes(play: &mut Play, t: f64) {
    says(play, t, "note", "link:behind", "cause", (Severity::Info, "10.9.0.1 > 10.0.0.2 > 10.7.0.9"));
}

fn active(play: &Play) -> Vec<String> {
    let mut all: Vec<String> = play.book.active().map(|i| i.key.to_string()).collect();
    all.sort();
    all
}

#[test]
fn a_way_that_leaves_a_line_that_is_cut_is_a_symptom_of_the_cut_and_ends_with_it() {
    let mut play = two_lines();
    play.line("0 t1 + cause on=link:one");
    way_changes(&mut play, 40.0);
    assert_eq!(hanging(&play), ["note|link:behind|<cause|link:one|"]);
    play.line("100 t1 - cause on=link:one since=0");
    assert_eq!(active(&play), Vec::<String>::new(), "it ends with it");
    assert!(play.log.iter().any(|line| line.contains("resolved console: explained")), "{:?}", play.log);
    // Told again, as it was or in a roster, it stays ended.
    way_changes(&mut play, 40.0);
    play.line("300 tick");
    assert_eq!(active(&play), Vec::<String>::new());
    // The cut may be known later than the change of the way.
    let mut play = two_lines();
    way_changes(&mut play, 0.0);
    play.line("5 t1 + cause on=link:one");
    assert_eq!(hanging(&play), ["note|link:behind|<cause|link:one|"]);
    // Another line explains nothing, nor does a cut of long ago.
    let mut play = two_lines();
    play.line("0 t1 + cause on=link:two");
    way_changes(&mut play, 40.0);
    assert_eq!(hanging(&play), Vec::<String>::new());
}

#[test]
fn the_way_back_after_a_cut_is_no_news() {
    let mut play = two_lines();
    play.line("0 t1 + cause on=link:one");
    play.line("900 t1 - cause on=link:one since=0");
    way_changes(&mut play, 960.0);
    assert_eq!(active(&play), Vec::<String>::new());
    assert!(
        play.stored.values().any(|i| i.key.problem.as_str() == "note" && i.cause.is_some()),
        "but it is on record"
    );
    let mut play = two_lines();
    play.line("0 t1 + cause on=link:one");
    play.line("900 t1 - cause on=link:one since=0");
    way_changes(&mut play, 1_200.0);
    assert_eq!(active(&play), ["note|link:behind|"], "five minutes later nothing explains it");
}

#[test]
fn a_note_on_the_same_line_ends_with_its_cause_and_an_alarm_is_held() {
    let mut play = play();
    play.line("0 t1 + cause on=link:line");
    says(&mut play, 10.0, "note", "link:line", "cause", (Severity::Info, ""));
    says(&mut play, 11.0, "slow", "link:line", "cause", (Severity::Minor, ""));
    play.line("60 t1 - cause on=link:line since=0");
    assert_eq!(active(&play), ["slow|link:line|"]);
    play.line("61 tick");
    assert_eq!(hanging(&play).len(), 1, "held");
}

#[test]
fn a_restart_keeps_what_names_a_line() {
    let mut play = two_lines();
    way_changes(&mut play, 0.0);
    let policy = play.book.policy.clone();
    play.book = Book::restore(play.stored.values().cloned().collect());
    play.book.set_policy(policy);
    play.line("5 t1 + cause on=link:one");
    assert_eq!(hanging(&play), ["note|link:behind|<cause|link:one|"]);
}
