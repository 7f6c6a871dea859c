//! Tables of what results come to.

use super::*;
use crate::model::finding::{Words, sample};
use crate::model::waiver::Plea;
use Verdict::{Error, Fail, Manual, Na, Partial, Pass};

fn clause(item: &str, decides: &[&str]) -> Clause {
    Clause {
        l3: "8.1.4.1 a)".into(),
        l2: String::new(),
        item: item.into(),
        old: String::new(),
        words: Words::default(),
        decides: decides.iter().map(|d| (*d).to_owned()).collect(),
    }
}

fn said(found: Verdict, waived: bool) -> Said {
    Said { check: "D1".into(), item: "I".into(), found, by_hand: None, waived, weight: 2, major: false }
}

#[test]
fn merged_verdicts_never_pass_on_what_is_not_known() {
    let table: &[(&[Verdict], Option<Verdict>)] = &[
        (&[], None),
        (&[Pass, Pass], Some(Pass)),
        (&[Pass, Na], Some(Pass)),
        (&[Na, Na], Some(Na)),
        (&[Pass, Fail], Some(Partial)),
        (&[Fail, Fail, Na], Some(Fail)),
        (&[Partial, Pass], Some(Partial)),
        (&[Pass, Manual], Some(Manual)),
        (&[Pass, Error, Manual], Some(Error)),
        (&[Fail, Error], Some(Fail)),
        (&[Fail, Manual, Pass], Some(Partial)),
    ];
    for (verdicts, expected) in table {
        assert_eq!(merge(verdicts.iter().copied()), *expected, "{verdicts:?}");
    }
}

#[test]
fn an_item_passes_only_where_a_configuration_decides_it() {
    let of = |found: &[Verdict], decides: &[&str], class| {
        let said = found.iter().map(|f| said(*f, false)).collect();
        item(&clause("I", decides), &Asked { said, class, ..Asked::default() }).raw
    };
    assert_eq!(of(&[Pass], &["device"], Some("device")), Pass);
    assert_eq!(of(&[Pass], &["host"], Some("device")), Manual);
    assert_eq!(of(&[Na], &[], Some("device")), Manual);
    assert_eq!(of(&[Fail], &[], Some("device")), Fail);
    assert_eq!(of(&[], &["device"], Some("device")), Manual);
    assert_eq!(of(&[], &["device"], None), Error);
}

#[test]
fn people_and_waivers_are_heard_and_waivers_hide_nothing() {
    let mut asked =
        Asked { said: vec![said(Fail, true), said(Pass, false)], class: Some("device"), ..Asked::default() };
    let on = item(&clause("I", &["device"]), &asked);
    assert_eq!((on.raw, on.adjusted, on.waived, on.weight), (Partial, Pass, true, 2));
    asked.said[0].by_hand = Some(Pass);
    assert_eq!(item(&clause("I", &["device"]), &asked).raw, Pass);
    asked.answers.insert("I".into(), Na);
    let on = item(&clause("I", &["device"]), &asked);
    assert_eq!((on.raw, on.by_hand), (Na, true));
}

#[test]
fn figures_count_the_unknown_as_not_passed() {
    let counts = Counts::of([Pass, Pass, Fail, Manual, Na]);
    assert_eq!((counts.applicable(), counts.rate()), (4, Some(0.5)));
    assert!(!counts.loud());
    assert!(Counts::of([Na, Error, Error, Pass]).loud());
    assert_eq!(Counts::of([Na]).rate(), None);
    // Four items, S = 25: a key item failed takes 75, a general one half met 12.5.
    let items = [(3, vec![Fail]), (1, vec![Partial]), (1, vec![Pass, Pass]), (1, vec![Pass])];
    assert_eq!(index(&items), Some(Index { low: 12.5, high: 12.5 }));
    let unknown = [(1, vec![Manual]), (1, vec![Pass]), (1, vec![Na])];
    assert_eq!(index(&unknown), Some(Index { low: 50.0, high: 100.0 }));
    // The mean over the objects of an item.
    assert_eq!(index(&[(1, vec![Pass, Fail])]), Some(Index { low: 50.0, high: 50.0 }));
    assert_eq!(index(&[(3, vec![Fail]), (3, vec![Fail])]), Some(Index { low: 0.0, high: 0.0 }));
    assert_eq!(index(&[(1, vec![Na])]), None);
}

#[test]
fn a_waiver_reaches_what_it_says_and_no_further() {
    let asset = AssetId::new("sw1").unwrap();
    let finding = &sample("sw1", "D06", Fail).findings[0];
    let pinned = pin(finding);
    let place = Place {
        asset: &asset,
        tags: &["edge".to_owned()],
        levels: &[3],
        check: "D06",
        block: &finding.block,
        pin: &pinned,
    };
    let waiver = |turn: &dyn Fn(&mut Waiver)| {
        let mut waiver = Waiver {
            id: "w".into(),
            plea: Plea {
                check: "D06".into(),
                reach: Reach::All,
                block: String::new(),
                reason: "old".into(),
                compensating: String::new(),
                ticket: String::new(),
                expires: Wall::from_millis(1_000),
                pin: None,
            },
            approver: "user:anquan".into(),
            created: Wall::from_millis(0),
            revoked: None,
        };
        turn(&mut waiver);
        covers(&waiver, place, Wall::from_millis(500))
    };
    assert!(waiver(&|_| {}));
    assert!(waiver(&|w| w.plea.reach = Reach::Tag("edge".into())));
    assert!(waiver(&|w| w.plea.reach = Reach::Level(3)));
    assert!(waiver(&|w| w.plea.pin = Some(pinned.clone())));
    assert!(!waiver(&|w| w.plea.reach = Reach::Asset(AssetId::new("sw2").unwrap())));
    assert!(!waiver(&|w| w.plea.reach = Reach::Level(2)));
    assert!(!waiver(&|w| w.plea.check = "D07".into()));
    assert!(!waiver(&|w| w.plea.block = "user-interface vty 16 20".into()));
    assert!(!waiver(&|w| w.plea.pin = Some("sha256:00".into())));
    assert!(!waiver(&|w| w.plea.expires = Wall::from_millis(500)));
    assert!(!waiver(&|w| w.revoked = Some((Wall::from_millis(1), "user:a".into()))));
}

#[test]
fn what_changes_by_itself_is_no_change() {
    let volatile = ["ntp clock-period ".to_owned()];
    let unordered = ["username ".to_owned()];
    let lines = |text: &str| -> Vec<String> {
        stable(text, &volatile, &unordered).into_iter().map(|(_, line)| line.to_owned()).collect()
    };
    let one = "hostname a\nusername b\nusername a\nntp clock-period 17180086\nend\n";
    let other = "hostname a\n\nusername a\nusername b\nntp clock-period 17180099\nend\n";
    assert_eq!(lines(one), lines(other));
    assert_ne!(lines(one), lines("hostname a\nusername a\nend\n"));
}

#[test]
fn every_item_of_the_standard_is_in_the_shipped_table() {
    let loaded = crate::baseline::policy::parse(&[]);
    let clauses: Vec<&Clause> = loaded.policy.clauses.values().collect();
    let count = |part: &str| clauses.iter().filter(|c| c.item.starts_with(part)).count();
    assert_eq!(clauses.len(), 74);
    assert_eq!([count("L3-CNS1"), count("L3-ABS1"), count("L3-CES1"), count("L3-SMC1")], [8, 20, 34, 12]);
    assert!(!clauses.iter().any(|c| c.item == "L3-CES1-16"));
    assert_eq!(point("8.1.4.1 a)"), "8.1.4.1");
    assert_eq!(class("huawei-vrp"), "device");
    assert_eq!(class("linux"), "host");
}
