//! What was found against what is declared. Only what can be known is called missing: a line of a carrier need not show
//! in any table, and a device that tells nothing of neighbours misses none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::bundle::{cable, carries};
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

    /// How many ports it has in common with what was found; each end may name the aggregate, or one of its cables.
    fn shared(&self, found: &Found) -> usize {
        let [a, b] = self.ends;
        let whole = usize::from(same_port(a.1, &found.a.port)) + usize::from(same_port(b.1, &found.b.port));
        let of = |(x, y): &(Arc<str>, Arc<str>)| {
            let (near, far) = (same_port(a.1, x), same_port(b.1, y));
            let either = |one: bool, declared: &str, end: &End| usize::from(one || same_port(declared, &end.port));
            either(near, a.1, &found.a) + either(far, b.1, &found.b)
        };
        found.members.iter().map(of).max().unwrap_or_default().max(whole)
    }

    /// Whether it names one of these two ports.
    fn touches(&self, (x, y): &(Arc<str>, Arc<str>)) -> bool {
        same_port(self.ends[0].1, x) || same_port(self.ends[1].1, y)
    }

    /// Whether it names just these two ports.
    fn names(&self, (x, y): &(Arc<str>, Arc<str>)) -> bool {
        same_port(self.ends[0].1, x) && same_port(self.ends[1].1, y)
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
            let found = found.remove(at);
            // What names one port of a cable is corrected to that cable, not to the aggregate that it is of.
            let whole = d.shared(&Found { members: Vec::new(), ..found.clone() }) > 0;
            let of = found.members.iter().find(|pair| state == State::WrongPort && !whole && d.touches(pair));
            let found = of.map(|(a, b)| cable(&found, a, b)).unwrap_or(found);
            lines.push(line(state, Some(found), Some(d.link)));
            false
        }
        None => true,
    });
}

/// An aggregate of which several cables are declared by themselves, or some beside itself, gives those up.
fn apart(mut whole: Found, declared: &[Declared<'_>]) -> Vec<Found> {
    let alone = |pair: &(Arc<str>, Arc<str>)| declared.iter().any(|d| d.names(pair));
    let named =
        declared.iter().any(|d| same_port(d.ends[0].1, &whole.a.port) || same_port(d.ends[1].1, &whole.b.port));
    let count = whole.members.iter().filter(|pair| alone(pair)).count();
    if count == 0 || (count == 1 && !named) {
        return vec![whole];
    }
    let mut cables: Vec<Found> = Vec::new();
    let members = std::mem::take(&mut whole.members);
    for pair in members {
        if named && !alone(&pair) {
            whole.members.push(pair);
        } else {
            cables.push(cable(&whole, &pair.0, &pair.1));
        }
    }
    if named {
        cables.push(whole);
    }
    cables
}

/// The lines of one pair of assets: first what agrees, then cables of aggregates, then what has a port in common.
fn pair(
    mut declared: Vec<Declared<'_>>,
    found: Vec<Found>,
    near: &HashMap<&AssetId, &Near>,
    everything: &[Found],
    lines: &mut Vec<Line>,
) {
    let nature = |asset: &AssetId, port: &str| {
        near.get(asset).and_then(|near| near.like(port)).map_or(Nature::Cable, |port| port.nature)
    };
    // An address on a VLAN interface says that there is a line, not by which cable.
    let no_cable = |f: &Found| {
        f.evidence.iter().all(|e| *e == Evidence::Subnet)
            && [&f.a, &f.b].into_iter().any(|end| nature(&end.asset, &end.port) == Nature::Virtual)
    };
    let wholes = found.clone();
    let mut found: Vec<Found> = found.into_iter().flat_map(|whole| apart(whole, &declared)).collect();
    match_up(State::Agrees, &mut declared, &mut found, lines, |d, f| d.shared(f) == 2);
    match_up(State::Agrees, &mut declared, &mut found, lines, Declared::fits);
    let member = |d: &Declared<'_>, f: &Found| {
        let ends = [&f.a, &f.b].into_iter().zip(d.ends);
        ends.into_iter().all(|(end, (_, port))| carries(end, port, near))
    };
    match_up(State::Agrees, &mut declared, &mut found, lines, member);
    // Where a member is declared by itself, its aggregate carries for it, though another declared link has it, too.
    declared.retain(|d| {
        let lost = |f: &Found| {
            d.ends.into_iter().any(|(asset, port)| f.lost.iter().any(|(a, p)| a == asset && same_port(p, port)))
        };
        let Some(whole) = wholes.iter().find(|f| member(d, f) && d.shared(f) < 2 && !lost(f)) else { return true };
        lines.push(line(State::Agrees, Some(cable(whole, d.ends[0].1, d.ends[1].1)), Some(d.link)));
        false
    });
    // A declared aggregate whose device does not say which ports are its own takes all cables that touch no port of
    // another declared link and are of no other aggregate. Where several are declared, nobody knows which cables are
    // whose: those after the first are not seen, and not missing either.
    let (bundles, singles): (Vec<_>, Vec<_>) = declared
        .into_iter()
        .partition(|d| d.ends.into_iter().any(|(asset, port)| nature(asset, port) == Nature::Aggregate));
    declared = singles;
    let (mut blind, mut first) = (Vec::new(), true);
    for d in bundles {
        let could = |f: &Found| {
            let ends = [&f.a, &f.b].into_iter().zip(d.ends);
            !no_cable(f)
                && declared.iter().all(|d| d.shared(f) == 0)
                && ends.into_iter().all(|(end, (asset, port))| {
                    let Some(near) = near.get(asset) else { return true };
                    let told = near.members(port).next().is_some();
                    same_port(&end.port, port) || (!told && near.aggregate(&end.port).is_none())
                })
        };
        let (free, kept): (Vec<_>, Vec<_>) = found.into_iter().partition(could);
        found = kept;
        let told = d
            .ends
            .into_iter()
            .any(|(asset, port)| near.get(asset).is_some_and(|near| near.members(port).next().is_some()));
        match bundle(free, &d) {
            Some(whole) => lines.push(line(State::Agrees, Some(whole), Some(d.link))),
            None if first || told => blind.push(d),
            None => lines.push(line(State::Unseen, None, Some(d.link))),
        }
        first = false;
    }
    declared.extend(blind);
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
    let members = |found: &Found| match found.members.as_slice() {
        [] => vec![(found.a.port.clone(), found.b.port.clone())],
        members => members.to_vec(),
    };
    let mut cables = cables.into_iter();
    let mut whole = cables.next()?;
    whole.members = members(&whole);
    for cable in cables {
        whole.members.extend(members(&cable));
        whole.evidence.extend(cable.evidence);
        whole.said_by.extend(cable.said_by);
        whole.lost.extend(cable.lost);
    }
    for (end, (_, port)) in [&mut whole.a, &mut whole.b].into_iter().zip(declared.ends) {
        end.port = port.into();
    }
    Some(whole)
}

/// Of a declared link of which nothing was found: whether it should have been.
fn unfound(declared: &Declared<'_>, near: &HashMap<&AssetId, &Near>, everything: &[Found]) -> State {
    let elsewhere = declared.ends.into_iter().any(|(asset, port)| {
        let here = |end: &End, port_of: &str| end.asset == *asset && same_port(port_of, port);
        everything.iter().any(|f| {
            let members = f.members.iter().any(|(a, b)| here(&f.a, a) || here(&f.b, b));
            members || here(&f.a, &f.a.port) || here(&f.b, &f.b.port)
        })
    });
    let tells = |asset: &AssetId| near.get(asset).is_some_and(|near| !near.neighbours.is_empty() && !near.cut);
    let silent = declared.link.carrier.is_none() && declared.ends.into_iter().all(|(asset, _)| tells(asset));
    if elsewhere || silent { State::Missing } else { State::Unseen }
}
