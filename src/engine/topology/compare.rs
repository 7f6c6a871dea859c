//! What was found against what is declared. Only what can be known is called missing: a line of a carrier need not show
//! in any table, and a device that tells nothing of neighbours misses none.

use std::collections::{BTreeMap, HashMap};

use super::{End, Evidence, Found, Joined, Nature, Near, Stranger};
use crate::model::inventory::{Inventory, Link, LinkEnd};
use crate::model::port::same as same_port;
use crate::model::{AssetId, LinkId};

/// How a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Found on other ports than declared.
    WrongPort,
    /// Declared, but one of its ports leads elsewhere, or neither end sees the other though both tell all neighbours.
    Missing,
    /// Found and not declared.
    Extra,
    /// A neighbour that is no asset.
    Stranger,
    /// Declared, and nothing was found that would tell.
    Unseen,
    /// Found as declared.
    Agrees,
}

impl State {
    /// All of them, what needs somebody first.
    pub const ALL: [Self; 6] =
        [Self::WrongPort, Self::Missing, Self::Extra, Self::Stranger, Self::Unseen, Self::Agrees];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongPort => "wrong_port",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Stranger => "stranger",
            Self::Unseen => "unseen",
            Self::Agrees => "agrees",
        }
    }

    /// The state of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub state: State,
    /// What was found; nothing if only declared.
    pub found: Option<Found>,
    /// What is declared; nothing if only found.
    pub link: Option<LinkId>,
    /// The neighbour, if it is no asset.
    pub stranger: Option<Stranger>,
}

impl Line {
    /// Tells it from all others, as long as its ends are the same.
    pub fn id(&self) -> String {
        let text = match (&self.found, &self.link, &self.stranger) {
            (Some(f), _, _) => [f.a.asset.as_str(), &f.a.port, f.b.asset.as_str(), &f.b.port].join("|"),
            (None, Some(link), _) => format!("link|{link}"),
            (None, None, Some(s)) => {
                [s.by.as_str(), &s.heard.local, &s.heard.chassis, &s.heard.name, &s.heard.port].join("|")
            }
            (None, None, None) => String::new(),
        };
        // FNV-1a: short enough to be typed, and the same tomorrow.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// Whether it can be declared as it was found: both ports have names.
    pub fn adoptable(&self) -> bool {
        let named = |end: &End| !end.port.is_empty();
        matches!(self.state, State::Extra | State::WrongPort)
            && self.found.as_ref().is_some_and(|found| named(&found.a) && named(&found.b))
    }
}

/// A declared link between two assets, its ends in the order of their ids.
struct Declared<'a> {
    link: &'a Link,
    ends: [(&'a AssetId, &'a str); 2],
}

impl<'a> Declared<'a> {
    fn of(link: &'a Link) -> Option<Self> {
        let end = |end: &'a LinkEnd| match end {
            LinkEnd::Port { asset, interface, .. } => Some((asset, interface.as_str())),
            LinkEnd::Peer { .. } => None,
        };
        let (a, b) = (end(&link.a)?, end(&link.b)?);
        Some(Self { link, ends: if a.0 <= b.0 { [a, b] } else { [b, a] } })
    }

    /// How many ports it has in common with what was found.
    fn shared(&self, found: &Found) -> usize {
        let [a, b] = self.ends;
        let pairs = found.members.iter().map(|(a, b)| (a, b)).chain([(&found.a.port, &found.b.port)]);
        let shared = |(x, y): (&str, &str)| usize::from(same_port(a.1, x)) + usize::from(same_port(b.1, y));
        pairs.map(|(x, y)| shared((&**x, &**y))).max().unwrap_or_default()
    }

    /// A port that nobody told can be any.
    fn fits(&self, found: &Found) -> bool {
        let blank = [&found.a, &found.b].into_iter().filter(|end| end.port.is_empty()).count();
        self.shared(found) + blank >= 2
    }
}

/// Compares.
pub fn compare(inventory: &Inventory, all: &[Near], joined: Joined) -> Vec<Line> {
    let near: HashMap<&AssetId, &Near> = all.iter().map(|near| (&near.asset, near)).collect();
    let mut of_pair: BTreeMap<[AssetId; 2], (Vec<Declared<'_>>, Vec<Found>)> = BTreeMap::new();
    for declared in inventory.links.values().filter_map(Declared::of) {
        let [a, b] = declared.ends;
        of_pair.entry([a.0.clone(), b.0.clone()]).or_default().0.push(declared);
    }
    let everything = joined.links.clone();
    for found in joined.links {
        of_pair.entry([found.a.asset.clone(), found.b.asset.clone()]).or_default().1.push(found);
    }
    let mut lines = Vec::new();
    for (declared, found) in of_pair.into_values() {
        pair(declared, found, &near, &everything, &mut lines);
    }
    lines.extend(joined.strangers.into_iter().map(|stranger| Line {
        state: State::Stranger,
        found: None,
        link: None,
        stranger: Some(stranger),
    }));
    lines
}

fn line(state: State, found: Option<Found>, link: Option<&Link>) -> Line {
    Line { state, found, link: link.map(|link| link.id.clone()), stranger: None }
}

/// Makes lines of what fits each other.
fn match_up<'a>(
    state: State,
    declared: &mut Vec<Declared<'a>>,
    found: &mut Vec<Found>,
    lines: &mut Vec<Line>,
    fits: impl Fn(&Declared<'a>, &Found) -> bool,
) {
    declared.retain(|d| match found.iter().position(|f| fits(d, f)) {
        Some(at) => {
            lines.push(line(state, Some(found.remove(at)), Some(d.link)));
            false
        }
        None => true,
    });
}

/// The lines of one pair of assets: first what agrees, then cables of aggregates, then what has a port in common.
fn pair(
    mut declared: Vec<Declared<'_>>,
    mut found: Vec<Found>,
    near: &HashMap<&AssetId, &Near>,
    everything: &[Found],
    lines: &mut Vec<Line>,
) {
    let nature = |asset: &AssetId, port: &str| {
        let port = near.get(asset).and_then(|near| near.ports.iter().find(|p| same_port(&p.name, port)));
        port.map_or(Nature::Cable, |port| port.nature)
    };
    // An address on a VLAN interface says that there is a line, not by which cable.
    let no_cable = |f: &Found| {
        f.evidence.iter().all(|e| *e == Evidence::Subnet)
            && [&f.a, &f.b].into_iter().any(|end| nature(&end.asset, &end.port) == Nature::Virtual)
    };
    match_up(State::Agrees, &mut declared, &mut found, lines, |d, f| d.shared(f) == 2);
    match_up(State::Agrees, &mut declared, &mut found, lines, Declared::fits);
    // A declared aggregate is seen by its cables only. No report says yet which ports are its own (IEEE8023-LAG-MIB is
    // not read), so that it takes all that touch no port of another declared link. Where several are declared, nobody
    // knows which cables are whose: those after the first are not seen, and not missing either.
    let (bundles, singles): (Vec<_>, Vec<_>) = declared
        .into_iter()
        .partition(|d| d.ends.into_iter().any(|(asset, port)| nature(asset, port) == Nature::Aggregate));
    declared = singles;
    if !bundles.is_empty() {
        let (free, kept) = found.into_iter().partition(|f| !no_cable(f) && declared.iter().all(|d| d.shared(f) == 0));
        found = kept;
        match bundles.first().and_then(|first| Some((first, bundle(free, first)?))) {
            Some((first, whole)) => {
                lines.push(line(State::Agrees, Some(whole), Some(first.link)));
                lines.extend(bundles.iter().skip(1).map(|d| line(State::Unseen, None, Some(d.link))));
            }
            None => declared.extend(bundles),
        }
    }
    match_up(State::Agrees, &mut declared, &mut found, lines, |_, f| no_cable(f));
    match_up(State::WrongPort, &mut declared, &mut found, lines, |d, f| d.shared(f) == 1);
    match_up(State::WrongPort, &mut declared, &mut found, lines, |_, _| true);
    for d in declared {
        lines.push(line(unfound(&d, near, everything), None, Some(d.link)));
    }
    lines.extend(found.into_iter().map(|found| line(State::Extra, Some(found), None)));
}

/// The cables of a pair as the aggregate that is declared.
fn bundle(cables: Vec<Found>, declared: &Declared<'_>) -> Option<Found> {
    let mut cables = cables.into_iter();
    let mut whole = cables.next()?;
    whole.members = vec![(whole.a.port.clone(), whole.b.port.clone())];
    for cable in cables {
        whole.evidence.extend(cable.evidence);
        whole.said_by.extend(cable.said_by);
        whole.members.push((cable.a.port, cable.b.port));
    }
    for (end, (_, port)) in [&mut whole.a, &mut whole.b].into_iter().zip(declared.ends) {
        end.port = port.into();
    }
    Some(whole)
}

/// Of a declared link of which nothing was found: whether it should have been.
fn unfound(declared: &Declared<'_>, near: &HashMap<&AssetId, &Near>, everything: &[Found]) -> State {
    let elsewhere = declared.ends.into_iter().any(|(asset, port)| {
        let here = |end: &End| end.asset == *asset && same_port(&end.port, port);
        everything.iter().any(|found| here(&found.a) || here(&found.b))
    });
    let tells = |asset: &AssetId| near.get(asset).is_some_and(|near| !near.neighbours.is_empty() && !near.cut);
    let silent = declared.link.carrier.is_none() && declared.ends.into_iter().all(|(asset, _)| tells(asset));
    if elsewhere || silent { State::Missing } else { State::Unseen }
}
