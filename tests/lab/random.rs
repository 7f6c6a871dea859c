//! Faults drawn by a seed. Those that cannot disturb each other are played at once: every county has a lane, in which one
//! fault after the other befalls one of its two lines, or both; the site has one of its own. What concerns all of the
//! network happens alone, between the storms. What must come of each kind stands beside it.

use std::time::Duration;

use super::scenario::{Deed, Expect, Fault, Scenario, Way};
use super::world::{COUNTIES, SITE_DEVICES};

/// Faults of one storm: the longer it is, the less of it is waiting for the lane that ends last.
const STORM: usize = 50;
/// Before each fault of a lane, at random, so that lanes do not keep step.
const APART_MS: u64 = 4_000;
/// A lane rests so long after what its fault may take to end.
const REST: Duration = Duration::from_secs(2);
/// An agent that has been started anew learns so many seconds what is usual.
const LEARN: u64 = 50;
/// Cuts of the site's line in one storm: each takes two minutes of its lane, and the storm must not wait for that.
const SITE_CUTS: usize = 2;
/// A line that goes down a third time within so long flaps, and what flaps is held longer.
const FLAPS: Duration = Duration::from_secs(240);
/// One fault in so many is something of the whole network, a county's both lines, and the site's only line; two are agents
/// and machines.
const RARE: usize = 24;

/// Draws so many faults.
pub(crate) fn draw(faults: usize, seed: u64) -> Vec<Scenario> {
    let mut random = fastrand::Rng::with_seed(seed);
    let sorts: Vec<Sort> = (0..faults).map(|_| Sort::draw(&mut random)).collect();
    let (whole, lines): (Vec<Sort>, Vec<Sort>) = sorts.into_iter().partition(|sort| matches!(sort, Sort::Whole(_)));
    let mut whole = whole.into_iter().enumerate().map(|(n, sort)| alone(n, sort));
    let mut all: Vec<Scenario> = Vec::new();
    // The parts of about one length, and what is alone behind the first of them.
    let parts = lines.len().div_ceil(STORM).max(1);
    for part in lines.chunks(lines.len().div_ceil(parts).max(1)) {
        all.push(storm(&mut random, all.len() + 1, part));
        all.extend(whole.by_ref());
    }
    all.extend(whole);
    all
}

fn pick<T: Copy>(random: &mut fastrand::Rng, of: &[T]) -> T {
    of[random.usize(0..of.len())]
}

/// What befalls.
#[derive(Clone, Copy)]
enum Sort {
    /// One line of a county.
    Line(&'static Kind),
    /// Both lines of a county, one soon after the other.
    Both,
    /// The only line to a site.
    Site,
    /// Something of the whole network.
    Whole(Whole),
}

#[derive(Clone, Copy)]
enum Whole {
    Agent(&'static str),
    Busy,
}

impl Sort {
    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.usize(0..RARE) {
            0 => Self::Whole(Whole::Agent(pick(random, &super::stage::AGENTS))),
            1 => Self::Whole(Whole::Busy),
            2 => Self::Site,
            3 => Self::Both,
            _ => Self::Line(&KINDS[random.usize(0..KINDS.len())]),
        }
    }

    /// From the begin of one to that of the next on its lane.
    fn takes(self) -> Duration {
        let kind = |kind: &Kind| {
            let ends = kind.gives.iter().map(|gives| gives.ends_within).max().unwrap_or(0);
            Duration::from_secs(kind.after + kind.lasts + ends)
        };
        let busy = match self {
            Self::Line(it) => kind(it),
            _ => Duration::from_secs(CUT_OFF + ASSET_ENDS),
        };
        busy + REST + Duration::from_millis(APART_MS)
    }
}

/// Faults of one lane, one after the other.
struct Lane {
    /// Number of the county; none of the site.
    county: Option<usize>,
    sorts: Vec<Sort>,
}

impl Lane {
    fn takes(&self) -> Duration {
        self.sorts.iter().map(|sort| sort.takes()).sum()
    }
}

/// Many faults, each on the lane that is free first.
fn storm(random: &mut fastrand::Rng, number: usize, sorts: &[Sort]) -> Scenario {
    let counties = (1..=COUNTIES).map(Some);
    let mut lanes: Vec<Lane> = counties.chain([None]).map(|county| Lane { county, sorts: Vec::new() }).collect();
    random.shuffle(&mut lanes);
    // The longest first, so that the lanes end at about the same time; within a lane they come as chance has it.
    let mut sorts = sorts.to_vec();
    for more in sorts.iter_mut().filter(|sort| matches!(sort, Sort::Site)).skip(SITE_CUTS) {
        *more = Sort::Both;
    }
    sorts.sort_by_key(|sort| std::cmp::Reverse(sort.takes()));
    for sort in sorts {
        let site = matches!(sort, Sort::Site);
        let free = lanes.iter_mut().filter(|lane| lane.county.is_none() == site).min_by_key(|lane| lane.takes());
        if let Some(lane) = free {
            lane.sorts.push(sort);
        }
    }
    let mut round = Scenario { title: String::new(), alone: true, faults: Vec::new(), expects: Vec::new() };
    for lane in &mut lanes {
        random.shuffle(&mut lane.sorts);
        play(random, lane, &mut round);
    }
    let (faults, longest) = (round.faults.len(), lanes.iter().map(Lane::takes).max().unwrap_or_default());
    round.title =
        format!("storm {number}: {faults} faults on the lines of {COUNTIES} counties and a site, {longest:.0?}");
    round
}

/// Puts the faults of a lane into the storm.
fn play(random: &mut fastrand::Rng, lane: &Lane, round: &mut Scenario) {
    let mut free = Duration::ZERO;
    let mut turn = random.usize(0..2);
    let mut cuts = Cuts::default();
    for sort in &lane.sorts {
        let later = Duration::from_millis(random.u64(0..APART_MS));
        // The other line: the one that just had a fault has some time to itself.
        turn = 1 - turn;
        (turn, free) = cuts.room(*sort, turn, free);
        let at = free + Duration::from_millis(random.u64(0..APART_MS));
        let line = |turn: usize| lane.county.map_or("p1-t".to_owned(), |n| format!("{}-c{n}", ["p1", "p2"][turn]));
        let begin = |kind: &Kind, turn: usize, later: Duration, round: &mut Scenario| {
            let id = round.faults.len().to_string();
            let at = at + later + Duration::from_secs(kind.after);
            round.faults.push(kind.fault(&id, &line(turn), at));
            round.expects.extend(kind.gives.iter().map(|gives| gives.of(&id, &line(turn), kind.name)));
            id
        };
        match sort {
            Sort::Line(kind) => {
                begin(kind, turn, Duration::ZERO, round);
            }
            Sort::Site => {
                let id = begin(&SITE, 0, Duration::ZERO, round);
                round.expects.push(behind(&id, "asset:t*", SITE_DEVICES + 1, &["p1-t"]));
            }
            Sort::Both => {
                begin(&COUNTY, turn, Duration::ZERO, round);
                let id = begin(&COUNTY, 1 - turn, later, round);
                let county = lane.county.unwrap_or_default();
                round.expects.push(behind(&id, &format!("asset:c{county}*"), 2, &[&line(0), &line(1)]));
            }
            Sort::Whole(_) => {}
        }
        free += sort.takes();
    }
}

/// When each line of a lane went down.
#[derive(Default)]
struct Cuts([Vec<Duration>; 2]);

impl Cuts {
    /// On which line, and when at the earliest, a fault is none that makes a line flap.
    fn room(&mut self, sort: Sort, turn: usize, free: Duration) -> (usize, Duration) {
        let ready = |turn: usize| {
            let before = self.0[turn].iter().rev().nth(1).map(|before| *before + FLAPS);
            before.unwrap_or_default().max(free)
        };
        let flaps = match sort {
            Sort::Line(kind) if kind.flap > 0 => Some(Duration::from_secs(kind.lasts)),
            _ => None,
        };
        let lines: &[usize] = match sort {
            Sort::Line(kind) if kind.gives.iter().all(|gives| gives.problem != DOWN.problem) => return (turn, free),
            Sort::Line(_) if ready(turn) > ready(1 - turn) => &[1 - turn],
            Sort::Line(_) | Sort::Site => &[turn],
            Sort::Both | Sort::Whole(_) => &[turn, 1 - turn],
        };
        let at = lines.iter().map(|line| ready(*line)).max().unwrap_or(free);
        for line in lines {
            self.0[*line].push(at);
            // It flaps until its end, and what goes down soon after that flaps still.
            self.0[*line].extend(flaps.into_iter().flat_map(|lasts| [at + lasts; 2]));
        }
        (lines[0], at)
    }
}

/// Devices that are cut off with these lines: symptoms of them.
fn behind(fault: &str, on: &str, count: usize, lines: &[&str]) -> Expect {
    Expect {
        problem: "asset-down".into(),
        on: on.into(),
        count,
        within: Duration::from_secs(45),
        ends_within: Duration::from_secs(ASSET_ENDS),
        under: lines.iter().map(|line| format!("link-down link:{line}")).collect(),
        ..DOWN.of(fault, "", "devices behind a cut")
    }
}

/// Something that is no single line's: an agent, a busy machine. Nothing may come of it.
fn alone(number: usize, sort: Sort) -> Scenario {
    let (figure, deed, on, lasts, with) = match sort {
        Sort::Whole(Whole::Agent(on)) => ("agent killed", Deed::Restart, on, LEARN, ""),
        _ => ("every core busy", Deed::Hog, "", 15, "4"),
    };
    let fault = Fault {
        id: "0".into(),
        at: Duration::ZERO,
        lasts: Duration::from_secs(lasts),
        deed,
        on: on.into(),
        way: Way::Both,
        with: with.into(),
        flap: None,
        figure: figure.into(),
    };
    let title = format!("alone {}: {figure} {on}", number + 1);
    Scenario { title, alone: true, faults: vec![fault], expects: Vec::new() }
}

/// A way for a line to fail.
struct Kind {
    name: &'static str,
    deed: Deed,
    way: Way,
    with: &'static str,
    /// Seconds the line must have been left alone, beyond the rest of its lane.
    after: u64,
    lasts: u64,
    /// It comes and goes, so many seconds each; 0 if it stays.
    flap: u64,
    gives: &'static [Gives],
}

impl Kind {
    fn fault(&self, id: &str, on: &str, at: Duration) -> Fault {
        Fault {
            id: id.into(),
            at,
            lasts: Duration::from_secs(self.lasts),
            deed: self.deed,
            on: on.into(),
            way: self.way,
            with: self.with.to_owned(),
            flap: (self.flap > 0).then(|| Duration::from_secs(self.flap)),
            figure: if self.gives.is_empty() { self.name.into() } else { String::new() },
        }
    }
}

/// An incident of the line itself.
struct Gives {
    problem: &'static str,
    within: u64,
    ends_within: u64,
}

impl Gives {
    fn of(&self, fault: &str, line: &str, figure: &str) -> Expect {
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
            figure: Some(figure.into()),
        }
    }
}

const DOWN: Gives = Gives { problem: "link-down", within: 3, ends_within: 14 };
// What a port says is asked every five seconds, by SNMP, and counts on top of the hold.
const PORT_DOWN: Gives = Gives { ends_within: 20, ..DOWN };
const SLOW: Gives = Gives { problem: "link-slow", within: 30, ends_within: 40 };
const LOSS: Gives = Gives { problem: "link-degraded", within: 40, ends_within: 90 };
// Looked for every ten seconds in the lab.
const MTU: Gives = Gives { problem: "link-mtu", within: 20, ends_within: 25 };
// What flaps is held longer.
const FLAPPING: Gives = Gives { ends_within: 90, ..DOWN };
const ADJACENCY: Gives = Gives { problem: "link-adjacency-lost", within: 25, ends_within: 25 };
/// Devices behind a cut are asked every ten seconds, three times before they are down; their cut lasts so long.
const CUT_OFF: u64 = 50;
/// And they end so long after it.
const ASSET_ENDS: u64 = 60;

const fn kind(
    name: &'static str,
    deed: Deed,
    way: Way,
    with: &'static str,
    lasts: u64,
    gives: &'static [Gives],
) -> Kind {
    Kind { name, deed, way, with, after: 0, lasts, flap: 0, gives }
}

const KINDS: &[Kind] = &[
    kind("cut", Deed::Cut, Way::Both, "", 12, &[DOWN]),
    kind("cut one way", Deed::Cut, Way::Near, "", 12, &[DOWN]),
    kind("cut the other way", Deed::Cut, Way::Far, "", 12, &[DOWN]),
    kind("near port down", Deed::PortDown, Way::Near, "", 12, &[PORT_DOWN]),
    kind("far port down", Deed::PortDown, Way::Far, "", 12, &[PORT_DOWN]),
    kind("far port shut", Deed::Shutdown, Way::Far, "", 12, &[DOWN]),
    kind("firewall", Deed::Drop, Way::Both, "100", 12, &[DOWN]),
    Kind { flap: 4, ..kind("cut again and again", Deed::Cut, Way::Both, "", 40, &[FLAPPING]) },
    kind("30 % loss", Deed::Line, Way::Both, "loss=0.163", 45, &[LOSS]),
    kind("30 % loss one way", Deed::Line, Way::Near, "loss=0.3", 45, &[LOSS]),
    kind("30 % loss the other way", Deed::Line, Way::Far, "loss=0.3", 45, &[LOSS]),
    // The line may have taken another way while a port was shut, and is being learnt anew.
    Kind { after: 30, ..kind("20 ms more", Deed::Line, Way::Both, "delay=10ms", 40, &[SLOW]) },
    kind("adjacency lost", Deed::Adjacency, Way::Both, "", 25, &[ADJACENCY]),
    kind("shorter packets only", Deed::Mtu, Way::Both, "1400", 40, &[MTU]),
    kind("long packets vanish", Deed::BlackHole, Way::Both, "1300", 40, &[MTU]),
    // Both ends go on talking to each other, and what lies behind is reached by the other line.
    kind("routed around", Deed::Cost, Way::Near, "100", 20, &[]),
    kind("narrow, with room", Deed::Shape, Way::Near, "2mbit", 20, &[]),
    kind("doubled and overtaken", Deed::Line, Way::Both, "duplicate=0.2 reorder=0.2 jitter=1ms", 20, &[]),
    kind("1 ms more", Deed::Line, Way::Both, "delay=0.5ms jitter=0.2ms", 20, &[]),
];
const SITE: Kind = kind("site's only line cut", Deed::Cut, Way::Both, "", CUT_OFF, &[DOWN]);
const COUNTY: Kind = kind("county's both lines cut", Deed::Cut, Way::Both, "", CUT_OFF, &[DOWN]);
