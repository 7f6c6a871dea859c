//! Causes on other objects: a line and what hangs on it. `sym` and `symptom` fold into `cause`.

use super::*;

/// near --line-- far -- inner -- deep; `site` hangs on two hosts, both on far; `ring` hangs on itself.
pub(super) fn play() -> Play {
    let mut play = Play::default();
    let object = |text: &str| text.parse::<Object>().unwrap();
    let hangs = |on: &str, groups: &[&[&str]]| {
        let groups = groups.iter().map(|group| group.iter().map(|text| object(text)).collect()).collect();
        (object(on), groups)
    };
    let hangs_on = BTreeMap::from([
        hangs("asset:far", &[&["link:line"]]),
        hangs("interface:near/GE1", &[&["link:line"]]),
        hangs("link:line", &[&["asset:near"], &["asset:far"]]),
        hangs("link:inner", &[&["asset:far"], &["asset:deep"]]),
        hangs("asset:deep", &[&["link:inner"], &["asset:far"]]),
        hangs("asset:host-1", &[&["asset:far"]]),
        hangs("asset:host-2", &[&["asset:far"]]),
        hangs("asset:site", &[&["asset:host-1", "asset:host-2"]]),
        hangs("asset:half", &[&["asset:host-1", "asset:near"]]),
        hangs("asset:ring", &[&["asset:gnir"]]),
        hangs("asset:gnir", &[&["asset:ring"]]),
    ]);
    play.book.set_policy(Policy { hangs_on, ..Policy::default() });
    play
}

/// Who hangs under whom among the active ones, such as `sym|asset:far|<cause|link:line|`.
pub(super) fn hanging(play: &Play) -> Vec<String> {
    let key = |id: &Arc<str>| play.book.incident(id).map(|i| i.key.to_string()).unwrap_or_default();
    let mut all: Vec<String> = play
        .book
        .active()
        .filter(|i| i.flags.topology)
        .map(|i| format!("{}<{}", i.key, i.cause.as_ref().map(key).unwrap_or_default()))
        .collect();
    all.sort();
    all
}

fn after(lines: &[&str]) -> (Play, Vec<String>) {
    let mut play = play();
    lines.iter().for_each(|line| play.line(line));
    let found = hanging(&play);
    (play, found)
}

#[test]
fn what_hangs_on_a_line_has_its_cause_there_whichever_came_first() {
    let symptoms = [
        "0 t1 + sym on=interface:near/GE1",
        "0 t1 + sym on=asset:far",
        "0 t1 + sym on=asset:deep",
        "0 t1 + sym on=asset:site",
        "0 t1 + sym on=asset:half",
        "0 t1 + other on=asset:far",
    ];
    let cause = "1 t1 + cause on=link:line";
    let all = [&symptoms[..], &[cause]].concat();
    let wanted = ["sym|asset:deep|", "sym|asset:far|", "sym|asset:site|", "sym|interface:near/GE1|"]
        .map(|symptom| format!("{symptom}<cause|link:line|"));
    assert_eq!(after(&all).1, wanted);
    let mut first = all.clone();
    first.rotate_right(1);
    assert_eq!(after(&first).1, wanted);
}

/// A link's adjacency is lost (`lost`) or the link is down (`cut`), which explains the former; `lost` counts as `cut`.
fn adjacency(lines: &[&str]) -> Vec<String> {
    let mut play = play();
    let problem = |text: &str| text.parse::<ProblemId>().unwrap();
    let counts_as = [(problem("lost"), problem("cut"))].into();
    play.book.set_policy(Policy { counts_as, ..play.book.policy.clone() });
    for (line, at) in lines.iter().zip(0u32..) {
        let (what, on) = line.split_once(' ').unwrap();
        let at = f64::from(at) * 40.0;
        let mut alert = alert(what, what, on, AlertState::Firing, at, at, 1);
        alert.folds_into = vec![problem("cut")];
        play.apply(at, Input::Alert { agent: "t1".parse().unwrap(), alert, history: false }).unwrap();
    }
    hanging(&play)
}

#[test]
fn a_lost_adjacency_is_to_what_lies_behind_it_what_a_cut_is_and_on_its_own_link_a_symptom_of_that() {
    let behind = ["cut|link:inner|<lost|link:line|", "dead|asset:far|<lost|link:line|"];
    assert_eq!(adjacency(&["lost link:line", "cut link:inner", "dead asset:far"]), behind);
    assert_eq!(adjacency(&["cut link:inner", "dead asset:far", "lost link:line"]), behind, "told two minutes late");
    for own in [["lost link:line", "cut link:line"], ["cut link:line", "lost link:line"]] {
        assert_eq!(adjacency(&own), ["lost|link:line|<cut|link:line|"], "whichever came first");
    }
    let all = ["cut link:inner", "lost link:line", "cut link:line"];
    let under_one = ["cut|link:inner|<cut|link:line|", "lost|link:line|<cut|link:line|"];
    assert_eq!(adjacency(&all), under_one, "one cause for all of it");
    let first = ["cut link:line", "lost link:line", "cut link:inner"];
    assert_eq!(adjacency(&first), under_one);
}

#[test]
fn a_cause_that_is_itself_a_symptom_hands_its_symptoms_on() {
    // A rule may fold into its own problem: the inner line is down because the outer one is.
    let (mut play, found) = after(&["0 t1 + symptom on=link:inner", "1 t1 + sym on=asset:deep"]);
    assert_eq!(found, Vec::<String>::new());
    // The inner line's own trouble is a cause for what is behind it ...
    for line in ["2 t1 - symptom on=link:inner since=0", "3 t1 + cause on=link:inner"] {
        play.line(line);
    }
    assert_eq!(hanging(&play), ["sym|asset:deep|<cause|link:inner|"]);
    // ... until it hangs somewhere itself.
    let mut alert = alert("cause", "outer", "link:inner", AlertState::Firing, 4.0, 4.0, 1);
    alert.folds_into = vec!["cause".parse().unwrap()];
    play.apply(4.0, Input::Alert { agent: "t1".parse().unwrap(), alert, history: false }).unwrap();
    play.line("5 t1 + cause on=link:line");
    assert_eq!(hanging(&play), ["cause|link:inner|<cause|link:line|", "sym|asset:deep|<cause|link:line|"]);
}

#[test]
fn when_the_line_is_back_its_symptoms_are_held_and_then_stand_alone() {
    let (mut play, found) =
        after(&["0 t1 + cause on=link:line", "1 t1 + sym on=asset:far", "2 t1 + sym on=asset:deep"]);
    assert_eq!(found.len(), 2);
    play.line("10 t1 - cause on=link:line since=0");
    play.line("60 tick");
    assert_eq!(hanging(&play).len(), 2, "held");
    // It comes back within the hold: they are its symptoms still, and are held anew when it goes.
    play.line("70 t1 + cause on=link:line x=2");
    play.line("80 t1 - cause on=link:line since=70 x=2");
    play.line("200 tick");
    assert_eq!(hanging(&play).len(), 2, "held anew");
    play.line("90 t1 - sym on=asset:far since=1");
    play.line("270 tick");
    assert_eq!(hanging(&play), Vec::<String>::new());
    assert_eq!(play.book.active().map(|i| i.key.to_string()).collect::<Vec<_>>(), ["sym|asset:deep|"]);
}

#[test]
fn a_symptom_whose_hold_is_over_finds_the_cause_that_is_left() {
    let lines = ["0 t1 + cause on=link:line", "1 t1 + sym on=asset:deep", "2 t1 + cause on=asset:far"];
    let (mut play, found) = after(&lines);
    assert_eq!(found, ["sym|asset:deep|<cause|link:line|"]);
    play.line("10 t1 - cause on=link:line since=0");
    play.line("300 tick");
    assert_eq!(hanging(&play), ["sym|asset:deep|<cause|asset:far|"]);
}

#[test]
fn objects_that_hang_on_each_other_are_no_loop() {
    let (_, found) = after(&["0 t1 + sym on=asset:ring", "1 t1 + sym on=asset:gnir", "2 t1 + symptom on=asset:ring"]);
    assert_eq!(found, Vec::<String>::new());
    let (_, found) = after(&["0 t1 + sym on=asset:ring", "1 t1 + cause on=asset:gnir", "2 t1 + sym on=asset:gnir"]);
    assert_eq!(found, ["sym|asset:gnir|<cause|asset:gnir|", "sym|asset:ring|<cause|asset:gnir|"]);
}

#[test]
fn a_restart_keeps_who_hangs_under_whom() {
    let (play, found) = after(&["0 t1 + cause on=link:line", "1 t1 + sym on=asset:far"]);
    let mut again = self::play();
    let policy = again.book.policy.clone();
    again.book = Book::restore(play.stored.values().cloned().collect());
    again.book.set_policy(policy);
    again.stored = play.stored.clone();
    assert_eq!(hanging(&again), found);
    again.line("10 t1 - cause on=link:line since=0");
    again.line("200 tick");
    assert_eq!(hanging(&again), Vec::<String>::new());
}

#[test]
fn what_hangs_on_something_is_quiet_until_trouble_above_would_be_known() {
    let flags = |play: &Play, on: &str| {
        let found = play.book.active().find(|i| i.key.object.to_string() == on).map(|i| i.flags);
        found.map(|f| (f.held, f.topology))
    };
    let (mut play, _) = after(&["0 t1 + sym on=asset:far", "0 t1 + other on=asset:free"]);
    assert_eq!(flags(&play, "asset:free"), Some((false, false)), "it hangs on nothing");
    assert_eq!(flags(&play, "asset:far"), Some((true, false)));
    play.line("29 tick");
    assert_eq!(flags(&play, "asset:far"), Some((true, false)));
    play.line("31 tick");
    assert_eq!(flags(&play, "asset:far"), Some((false, false)), "nothing came, so it is loud");
    // With word from above it is a symptom, and what was loud goes quiet again.
    let (play, _) = after(&["0 t1 + sym on=asset:far", "3 t1 + cause on=link:line"]);
    assert_eq!(flags(&play, "asset:far"), Some((false, true)));
    // A policy that knows how soon a line is looked at waits no longer than that.
    let mut play = self::play();
    let mut policy = play.book.policy.clone();
    policy.noticed_within.insert("link:line".parse().unwrap(), Duration::from_secs(3));
    play.book.set_policy(policy);
    play.line("0 t1 + sym on=asset:far");
    play.line("3 tick");
    assert_eq!(flags(&play, "asset:far"), Some((false, false)));
}

#[test]
fn what_began_long_before_its_cause_is_no_symptom_of_it() {
    let (_, found) = after(&["0 t1 + sym on=asset:far", "600 t1 + cause on=link:line"]);
    assert_eq!(found, Vec::<String>::new());
    let (_, found) = after(&["0 t1 + sym on=asset:far", "25 t1 + cause on=link:line"]);
    assert_eq!(found, ["sym|asset:far|<cause|link:line|"]);
}

#[test]
fn when_a_cause_is_over_its_symptoms_are_looked_at() {
    let (mut play, _) = after(&["0 t1 + cause on=link:line", "1 t1 + sym on=asset:far", "2 t1 + sym on=asset:deep"]);
    assert_eq!(play.looks, []);
    play.line("3 t1 - sym on=asset:deep since=2");
    play.line("10 t1 - cause on=link:line since=0");
    assert_eq!(play.looks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["asset:far"]);
}
