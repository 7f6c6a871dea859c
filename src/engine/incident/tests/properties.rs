//! What holds whatever agents say and in whatever order.

use proptest::prelude::*;

use super::*;

/// What two agents with two rules each may say about three problems: raises and clears in turn.
fn stream() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0u8..2, 0u8..2, 0u8..3), 1..60)
}

/// The stream as inputs with times, each rule alternating between raise and clear.
fn told(stream: &[(u8, u8, u8)]) -> Vec<(f64, Input)> {
    let mut state: BTreeMap<(u8, u8, u8), (bool, u32, f64)> = BTreeMap::new();
    let mut out = Vec::new();
    for (step, said) in stream.iter().enumerate() {
        let t = step as f64 * 30.0;
        let (firing, count, since) = state.entry(*said).or_insert((false, 0, 0.0));
        if !*firing {
            (*count, *since) = (*count + 1, t);
        }
        *firing = !*firing;
        let word = if *firing { AlertState::Firing } else { AlertState::Cleared };
        let (agent, rule, problem) = said;
        let problem = ["cause", "sym1", "sym2"][usize::from(*problem)];
        let alert = alert(problem, &format!("r{rule}"), "asset:a", word, *since, t, *count);
        out.push((t, Input::Alert { agent: format!("t{agent}").parse().unwrap(), alert, history: false }));
    }
    out
}

/// All that is firing cleared at the end.
fn all_clear(stream: &mut Vec<(u8, u8, u8)>) {
    let mut firing: BTreeSet<(u8, u8, u8)> = BTreeSet::new();
    for said in stream.iter() {
        if !firing.remove(said) {
            firing.insert(*said);
        }
    }
    stream.extend(firing);
}

fn keys_are_unique(play: &Play) -> bool {
    let active: Vec<&AlertKey> = play.stored.values().filter(|i| i.state.active()).map(|i| &i.key).collect();
    active.iter().collect::<BTreeSet<_>>().len() == active.len()
}

proptest! {
    #[test]
    fn a_key_has_one_active_incident_and_all_clear_leaves_none(stream in stream()) {
        let mut stream = stream;
        all_clear(&mut stream);
        let mut play = Play::default();
        for (t, input) in told(&stream) {
            play.apply(t, input).unwrap();
            prop_assert!(keys_are_unique(&play));
            let active: BTreeSet<&str> = play.book.active().map(|i| &*i.id).collect();
            let stored: BTreeSet<&str> = play.stored.values().filter(|i| i.state.active()).map(|i| &*i.id).collect();
            prop_assert_eq!(active, stored, "the book and the store agree");
        }
        prop_assert_eq!(play.book.active().count(), 0, "suppressed or not, all resolve");
        let lines = |word: &str| play.log.iter().filter(|l| l.split(' ').nth(1) == Some(word)).count();
        let resolved = play.log.iter().filter(|l| l.contains(" resolved t")).count();
        prop_assert_eq!(resolved, lines("opened") + lines("reopened"));
        prop_assert!(play.book.by_object.is_empty() && play.book.by_agent.is_empty() && play.book.held.is_empty());
    }

    #[test]
    fn what_is_told_twice_counts_once(stream in stream(), cut in 0usize..60, acks in any::<bool>()) {
        let told = told(&stream);
        let mut play = Play::default();
        for (t, input) in &told {
            play.apply(*t, input.clone()).unwrap();
        }
        if acks {
            let active: Vec<Arc<str>> = play.book.active().map(|i| i.id.clone()).collect();
            for incident in active {
                let (actor, comment, kind) = ("li".into(), String::new(), AckKind::UntilChange);
                play.apply(2_000.0, Input::Ack { incident, actor, comment, kind }).unwrap();
            }
        }
        let (before, log) = (play.stored.clone(), play.log.len());
        for (_, input) in told.iter().take(cut) {
            play.apply(2_000.0, input.clone()).unwrap();
        }
        prop_assert_eq!(before, play.stored);
        prop_assert_eq!(log, play.log.len());
    }

    #[test]
    fn a_book_restored_from_the_store_goes_on_as_before(stream in stream(), cut in 0usize..60) {
        let told = told(&stream);
        let cut = cut.min(told.len());
        let mut whole = Play::default();
        let mut first = Play::default();
        for (i, (t, input)) in told.iter().enumerate() {
            whole.apply(*t, input.clone()).unwrap();
            if i < cut {
                first.apply(*t, input.clone()).unwrap();
            }
        }
        let mut second = Play {
            book: Book::restore(first.stored.values().cloned().collect()),
            ids: first.ids,
            stored: first.stored,
            log: first.log,
            ..Play::default()
        };
        for (t, input) in &told[cut..] {
            second.apply(*t, input.clone()).unwrap();
        }
        let states = |play: &Play| -> Vec<String> {
            play.stored.values().map(|i| format!("{} {} {} x{}", i.id, i.state.as_str(), i.key, i.count)).collect()
        };
        prop_assert_eq!(states(&whole), states(&second));
    }
}
