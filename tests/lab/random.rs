//! Faults drawn by a seed, in rounds: in each a few lines fail in one of the ways that lines fail, all at once, or
//! something that concerns the whole network happens alone. What must come of each kind stands beside it.

use std::time::Duration;

use super::scenario::{Deed, Expect, Fault, Scenario, Way};
use super::world::{COUNTIES, SITE_DEVICES};

/// Lines that fail at one time, at most: one in every county but one.
const AT_ONCE: usize = 8;
/// Within how long the faults of one round begin.
const SPREAD_MS: u64 = 4_000;
/// An agent that has been started anew learns so many seconds what is usual.
const LEARN: u64 = 50;
/// One round in so many is something of the whole network.
const WHOLE: u64 = 5;

/// Draws so many faults.
pub(crate) fn draw(faults: usize, seed: u64) -> Vec<Scenario> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut rounds, mut left) = (Vec::new(), faults);
    while left > 0 {
        let n = rounds.len() + 1;
        let round =
            if random.u64(0..WHOLE) == 0 { whole(&mut random) } else { storm(&mut random, left.min(AT_ONCE)) };
        left -= round.faults.len().min(left);
        rounds.push(Scenario { title: format!("round {n}: {}", round.title), ..round });
    }
    rounds
}

fn pick<'a, T>(random: &mut fastrand::Rng, of: &'a [T]) -> &'a T {
    &of[random.usize(0..of.len())]
}

/// Several lines, each of another county, so that no county is cut off whole.
fn storm(random: &mut fastrand::Rng, count: usize) -> Scenario {
    let mut counties: Vec<usize> = (1..=COUNTIES).collect();
    random.shuffle(&mut counties);
    let mut round = Scenario { title: String::new(), alone: true, faults: Vec::new(), expects: Vec::new() };
    let mut words = Vec::new();
    for (n, county) in counties.into_iter().take(count).enumerate() {
        let line = format!("{}-c{county}", pick(random, &["p1", "p2"]));
        let at = Duration::from_millis(random.u64(0..SPREAD_MS));
        let kind = pick(random, KINDS);
        let id = format!("{n}");
        words.push(format!("{} {line}", kind.name));
        round.faults.push(Fault {
            id: id.clone(),
            at,
            lasts: Duration::from_secs(kind.lasts),
            deed: kind.deed,
            on: line.clone(),
            way: kind.way,
            with: kind.with.to_owned(),
            flap: None,
        });
        round.expects.extend(kind.gives.iter().map(|gives| gives.of(&id, &line)));
    }
    round.title = words.join(", ");
    round
}

/// Something that is no single line's: the line to a site with all that is behind it, an agent, a busy machine.
fn whole(random: &mut fastrand::Rng) -> Scenario {
    let fault = |deed, on: &str, lasts, with: &str| Fault {
        id: "0".into(),
        at: Duration::ZERO,
        lasts: Duration::from_secs(lasts),
        deed,
        on: on.into(),
        way: Way::Both,
        with: with.into(),
        flap: None,
    };
    let (title, fault, expects) = match random.u8(0..4) {
        0 => {
            let agent = *pick(random, &super::stage::AGENTS);
            ("an agent is killed and starts again".to_owned(), fault(Deed::Restart, agent, LEARN, ""), Vec::new())
        }
        1 => ("every core is busy".to_owned(), fault(Deed::Hog, "", 15, "4"), Vec::new()),
        _ => {
            let line = "p1-t";
            let mut expects = vec![DOWN.of("0", line)];
            expects.push(Expect {
                problem: "asset-down".into(),
                on: "asset:t*".into(),
                count: SITE_DEVICES + 1,
                within: Duration::from_secs(45),
                ends_within: Duration::from_secs(60),
                under: vec![format!("link-down link:{line}")],
                ..DOWN.of("0", line)
            });
            ("the only line to a site with 20 devices is cut".to_owned(), fault(Deed::Cut, line, 50, ""), expects)
        }
    };
    Scenario { title, alone: true, faults: vec![fault], expects }
}

/// A way for a line to fail.
struct Kind {
    name: &'static str,
    deed: Deed,
    way: Way,
    with: &'static str,
    lasts: u64,
    gives: &'static [Gives],
}

/// An incident of the line itself.
struct Gives {
    problem: &'static str,
    within: u64,
    ends_within: u64,
    figure: &'static str,
}

impl Gives {
    fn of(&self, fault: &str, line: &str) -> Expect {
        Expect {
            problem: self.problem.into(),
            on: format!("link:{line}"),
            count: 1,
            fault: fault.into(),
            within: Duration::from_secs(self.within),
            ends_within: Duration::from_secs(self.ends_within),
            under: Vec::new(),
            says: Vec::new(),
            maybe: false,
            figure: Some(self.figure.into()),
        }
    }
}

const DOWN: Gives = Gives { problem: "link-down", within: 3, ends_within: 14, figure: "cut" };
// What a port says is asked every five seconds, by SNMP, and counts on top of the hold.
const PORT_DOWN: Gives = Gives { ends_within: 20, ..DOWN };
const SLOW: Gives = Gives { problem: "link-slow", within: 30, ends_within: 40, figure: "20 ms more" };
const LOSS: Gives = Gives { problem: "link-degraded", within: 40, ends_within: 90, figure: "30 % loss" };

const fn kind(
    name: &'static str,
    deed: Deed,
    way: Way,
    with: &'static str,
    lasts: u64,
    gives: &'static [Gives],
) -> Kind {
    Kind { name, deed, way, with, lasts, gives }
}

const KINDS: &[Kind] = &[
    kind("cut", Deed::Cut, Way::Both, "", 12, &[DOWN]),
    kind("cut one way", Deed::Cut, Way::Near, "", 12, &[DOWN]),
    kind("cut the other way", Deed::Cut, Way::Far, "", 12, &[DOWN]),
    kind("near port down", Deed::PortDown, Way::Near, "", 12, &[PORT_DOWN]),
    kind("far port down", Deed::PortDown, Way::Far, "", 12, &[PORT_DOWN]),
    kind("far port shut", Deed::Shutdown, Way::Far, "", 12, &[DOWN]),
    kind("firewall", Deed::Drop, Way::Both, "100", 12, &[DOWN]),
    kind("30 % loss", Deed::Line, Way::Both, "loss=0.163", 60, &[LOSS]),
    kind("20 ms more", Deed::Line, Way::Both, "delay=10ms", 45, &[SLOW]),
    kind("doubled and overtaken", Deed::Line, Way::Both, "duplicate=0.2 reorder=0.2 jitter=1ms", 20, &[]),
    kind("1 ms more", Deed::Line, Way::Both, "delay=0.5ms jitter=0.2ms", 20, &[]),
];
