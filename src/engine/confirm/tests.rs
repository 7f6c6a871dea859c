//! Patience as a table, bursts as plays: which packets are answered, and what is found when.

use super::*;

const TIMEOUT: Duration = Duration::from_millis(900);

fn ms(n: u64) -> Mono {
    Mono::from_origin(Duration::from_millis(n))
}

fn usual(rtt_ms: &[f64]) -> Confirm {
    let mut confirm = Confirm::default();
    rtt_ms.iter().for_each(|rtt| confirm.answered(Some(Duration::from_secs_f64(rtt / 1_000.0))));
    confirm
}

#[test]
fn patience_is_four_times_what_is_usual_within_bounds() {
    let table = [
        ("nothing known", vec![], 900..=900),
        ("too little known", vec![1.0; 7], 900..=900),
        ("a near one", vec![1.0; 100], 50..=50),
        ("a far one", vec![30.0; 100], 120..=170),
        ("one stray in a hundred", [vec![30.0; 99], vec![400.0]].concat(), 120..=170),
        ("by satellite", vec![600.0; 100], 900..=900),
        // A path that has become longer is learnt within three answers.
        ("a detour", [vec![1.0; 150], vec![80.0; 3]].concat(), 320..=450),
        // One that has become shorter is forgotten, too, though more slowly.
        ("a detour that ended", [vec![80.0; 100], vec![1.0; 1_500]].concat(), 50..=50),
    ];
    for (what, answers, expected) in table {
        let got = usual(&answers).patience(TIMEOUT).as_millis();
        assert!(expected.contains(&got), "{what}: {got} ms");
    }
}

#[test]
fn the_scale_is_never_below_the_truth_and_at_most_a_quarter_above() {
    for us in (64..4_000_000).step_by(997) {
        let rtt = Duration::from_micros(us);
        let edge = edge(step(rtt));
        assert!(edge > rtt && edge <= rtt + rtt / 4 + Duration::from_micros(16), "{rtt:?} {edge:?}");
    }
}

/// Plays a burst of five whose packets are answered (`1`), lost (`0`) or not sent (`!`), `late` ms behind its times.
/// The run in doubt began at 0; the burst begins at 50.
fn check(packets: &str, late: u64, expected: &str) {
    let mut confirm = usual(&[1.0; 100]);
    assert!(confirm.doubt(5, TIMEOUT));
    let (mut due, mut log) = (ms(50), String::new());
    let fates: Vec<char> = packets.chars().collect();
    loop {
        let now = due.plus(Duration::from_millis(late));
        match confirm.step(due, now) {
            Some(Step::Send(number, next)) => {
                log.push('s');
                match fates.get(number as usize) {
                    Some('1') => confirm.burst_answered(Some(Duration::from_millis(1))),
                    Some('!') => confirm.not_sent(),
                    _ => {}
                }
                due = next;
            }
            Some(Step::Wait(next)) => {
                log.push('w');
                due = next;
            }
            Some(Step::Over(Verdict { found, tally })) => {
                let at = now.since_origin().as_millis();
                log.push_str(&format!(" {found:?} {}/{}/{} at {at}", tally.sent, tally.lost, tally.invalid));
                break;
            }
            None => panic!("a burst ends with a verdict: {log}"),
        }
    }
    assert_eq!(log, expected, "{packets} late by {late}");
    assert_eq!(confirm.step(ms(9_000), ms(9_000)), None, "it is told once");
}

#[test]
fn none_answered_is_down_within_a_second_and_one_answer_ends_it() {
    check("00000", 0, "sssss Nobody 5/5/0 at 750");
    check("1", 0, "s Someone 1/0/0 at 150");
    // The third is answered: what is under way is waited for, so that counts are right.
    check("001", 0, "sssw Someone 3/2/0 at 550");
    check("00001", 0, "sssss Someone 5/4/0 at 750");
}

#[test]
fn what_this_host_did_wrong_says_nothing_of_the_target() {
    check("00!00", 0, "sssss Unknown 4/4/1 at 750");
    check("!!!!!", 0, "sssss Unknown 0/0/5 at 750");
    check("00000", 120, "ssssswww Unknown 5/5/0 at 2730");
    check("00001", 120, "sssss Someone 5/4/0 at 1470");
    // A little late is as good as in time.
    check("00000", 20, "sssss Nobody 5/5/0 at 870");
}

#[test]
fn a_late_answer_to_the_run_itself_says_that_someone_is_there() {
    let mut confirm = usual(&[1.0; 100]);
    assert!(confirm.doubt(5, TIMEOUT));
    assert_eq!(confirm.step(ms(50), ms(50)), Some(Step::Send(0, ms(150))));
    confirm.answered(Some(Duration::from_millis(80)));
    assert_eq!(confirm.step(ms(150), ms(150)), Some(Step::Wait(ms(350))));
    let over = confirm.step(ms(350), ms(350));
    assert!(matches!(over, Some(Step::Over(Verdict { found: Found::Someone, .. }))), "{over:?}");
}

#[test]
fn a_target_known_to_be_silent_gets_no_further_bursts_until_it_is_heard() {
    let mut confirm = usual(&[1.0; 100]);
    assert!(!confirm.doubt(0, TIMEOUT), "a size of zero means none");
    assert!(confirm.doubt(1, TIMEOUT));
    assert!(!confirm.doubt(1, TIMEOUT), "one at a time");
    confirm.step(ms(50), ms(50));
    let over = confirm.step(ms(350), ms(350));
    assert!(matches!(over, Some(Step::Over(Verdict { found: Found::Nobody, .. }))), "{over:?}");
    assert!(!confirm.doubt(1, TIMEOUT));
    confirm.answered(None);
    assert!(confirm.doubt(1, TIMEOUT));
    confirm.step(ms(2_000), ms(2_000));
    confirm.step(ms(2_300), ms(2_300));
    assert!(!confirm.doubt(1, TIMEOUT));
    confirm.unsettled();
    assert!(confirm.doubt(1, TIMEOUT), "a verdict that is worth nothing has found nobody silent");
}

/// How many packets a burst has after these answers (`.`) and losses (`x`), where five are the least; 0 = none begins.
fn size_after(results: &str) -> u32 {
    let mut confirm = usual(&[1.0; 100]);
    results.chars().for_each(|c| if c == 'x' { confirm.lost() } else { confirm.answered(None) });
    if !confirm.doubt(5, TIMEOUT) {
        return 0;
    }
    let mut due = ms(50);
    loop {
        match confirm.step(due, due) {
            Some(Step::Over(verdict)) => break verdict.tally.sent,
            Some(Step::Wait(next) | Step::Send(_, next)) => due = next,
            None => panic!("a burst ends with a verdict"),
        }
    }
}

#[test]
fn a_burst_is_as_long_as_the_line_is_lossy() {
    assert_eq!(size_after(""), 5);
    assert_eq!(size_after(&".".repeat(200)), 5);
    assert_eq!(size_after(&(".".repeat(60) + "xxxxx")), 5, "what is under way is no loss yet");
    assert_eq!(size_after(&(".".repeat(60) + "x.x.x.")), 9);
    assert_eq!(size_after(&"xx.......x".repeat(13)), 17, "a third is lost");
    assert_eq!(size_after(&"xxx.".repeat(32)), 0, "no burst would prove anything");
}

#[test]
fn what_was_lost_while_nobody_was_there_does_not_make_a_line_lossy() {
    let mut confirm = usual(&[1.0; 100]);
    confirm.lost();
    assert!(confirm.doubt(5, TIMEOUT));
    let mut due = ms(50);
    while let Some(Step::Send(_, next) | Step::Wait(next)) = confirm.step(due, due) {
        due = next;
    }
    (0..50).for_each(|_| confirm.lost());
    confirm.answered(None);
    assert_eq!(confirm.recent, usual(&[1.0; 101]).recent);
}
