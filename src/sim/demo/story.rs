//! Troubles, one after another: a county's backbone port goes down and returns, a device stops answering, a
//! website errs, a certificate nears its end and is renewed, a switch grows hot, somebody tries passwords; calm between
//! them, two at once at most. Devices say by traps and log lines what happens to them, and now and then who logs in. Beside them
//! people pull cables and put them back. What two of them break at once is mended with the last.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::network::{Answers, Network, Node};
use super::voices::Voices;
use super::{COMMUNITY, Ears, Pulled};
use crate::model::{LinkId, Mono};
use crate::net::clock::Clock;
use crate::sim::world::{Action, Step, World};

/// From the start to the first trouble, in seconds: long enough for a first look at a calm overview.
const FIRST: u64 = 14;
/// Calm between two troubles.
const CALM: std::ops::Range<u64> = 60..120;
/// How long each kind lasts.
const CABLE_LASTS: u64 = 90;
const DEVICE_LASTS: u64 = 75;
const WEBSITE_LASTS: u64 = 90;
const CERTIFICATE_LASTS: u64 = 150;
/// Longer than the two minutes for which rules wait.
const HEAT_LASTS: u64 = 300;
/// Between two lines that say nothing of note.
const SMALL_TALK: std::ops::Range<u64> = 15..40;
/// Passwords that somebody tries: more than the rule takes for a mistake.
const GUESSES: u8 = 6;
/// Who tries them, and who works there.
const STRANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
const KEEPER: Ipv4Addr = Ipv4Addr::new(10, 65, 0, 57);
/// Troubles at one time.
const MOST: usize = 2;
/// In one of so many troubles the next one does not wait for the end.
const OVERLAP: u8 = 3;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Pull this link's cable.
    Pull(LinkId),
    /// Put it back.
    Plug(LinkId),
}

/// Name of the device that echoes at an end of a link.
pub(super) fn end_name(cable: &str, side: &str) -> String {
    format!("{cable}/{side}")
}

/// A trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// Of the story: cable.
    Cable(usize),
    /// Node whose SNMP agent is silent.
    Silent(usize),
    /// Node whose website errs.
    Website(usize),
    /// Node whose certificate ends soon.
    Certificate(usize),
    /// Node at which somebody tries passwords.
    Guesses(usize),
    /// Node that is hot.
    Heat(usize),
    /// A person has pulled it: cable.
    Pulled(usize),
}

/// The prefecture, running.
#[derive(Debug)]
pub struct Show {
    network: Network,
    world: World,
    clock: Clock,
    random: fastrand::Rng,
    voices: Voices,
    /// Which troubles keep a service silent, or a port down.
    broken: BTreeMap<Part, BTreeSet<Trouble>>,
    /// When those of the story end.
    ends: BTreeMap<Trouble, Mono>,
    /// The kinds still to come before all have been.
    bag: Vec<u8>,
    pulled: watch::Sender<Pulled>,
}

/// Something that can be broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All services of a device.
    Device(String),
    /// One of its services.
    Service(String, String),
    /// A port of a device.
    Port(String, u32),
}

impl Show {
    pub(super) fn new(network: Network, world: World, seed: u64, ears: Ears, clock: Clock) -> Self {
        Self {
            voices: Voices::new(ears, clock.clone(), COMMUNITY),
            network,
            world,
            clock,
            random: fastrand::Rng::with_seed(seed),
            broken: BTreeMap::new(),
            ends: BTreeMap::new(),
            bag: Vec::new(),
            pulled: watch::channel(Pulled::new()).0,
        }
    }

    /// Which links people have pulled, now and from now on.
    pub fn pulled(&self) -> watch::Receiver<Pulled> {
        self.pulled.subscribe()
    }

    /// Plays for ever, `pace` times as fast as written, and does what is ordered. It ends when the orders' sender
    /// is gone, and closes all sockets.
    pub async fn run(mut self, pace: f64, mut orders: mpsc::Receiver<Order>) {
        let span = |seconds: u64| Duration::from_secs(seconds).div_f64(pace);
        let mut next = self.clock.mono().plus(span(FIRST));
        let mut talk = next;
        loop {
            let ends = self.ends.iter().min_by_key(|(_, at)| **at).map(|(trouble, at)| (*trouble, *at));
            let wake = ends.map_or(next, |(_, at)| at.min(next)).min(talk);
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(&order).await,
                    None => break,
                },
                () = self.clock.sleep_until(wake) => {}
            }
            let now = self.clock.mono();
            if now >= talk {
                self.small_talk().await;
                talk = now.plus(span(self.random.u64(SMALL_TALK)));
            }
            if let Some((trouble, _)) = ends.filter(|(_, at)| *at <= now) {
                self.ends.remove(&trouble);
                self.change(trouble, false).await;
                // Calm counts from the end of the last trouble.
                if self.ends.is_empty() {
                    next = next.max(now.plus(span(self.random.u64(CALM) / 2)));
                }
            }
            if now >= next {
                let lasts = self.begin(&span).await;
                let overlaps = self.busy() < MOST && self.random.u8(..OVERLAP) == 0;
                let calm = span(self.random.u64(CALM));
                next = now.plus(if overlaps { lasts / 2 } else { lasts + calm });
            }
        }
        self.world.stop().await;
    }

    /// Begins the next trouble; answers how long it lasts.
    async fn begin(&mut self, span: &impl Fn(u64) -> Duration) -> Duration {
        if self.busy() >= MOST {
            return span(CALM.start);
        }
        if self.bag.is_empty() {
            self.bag = vec![1, 2, 3];
            self.random.shuffle(&mut self.bag);
            self.bag.push(0); // the bag is emptied from its end: a cable first
        }
        let Some((trouble, lasts)) = self.bag.pop().and_then(|kind| self.choose(kind)) else {
            return span(1);
        };
        if self.bag.len() == 1 {
            self.aside(span).await;
        }
        let lasts = span(lasts);
        self.ends.insert(trouble, self.clock.mono().plus(lasts));
        self.change(trouble, true).await;
        lasts
    }

    /// Troubles that the story waits for.
    fn busy(&self) -> usize {
        self.ends.keys().filter(|trouble| !matches!(trouble, Trouble::Heat(_))).count()
    }

    /// Once a round, beside its troubles: somebody tries passwords, and a switch grows hot.
    async fn aside(&mut self, span: &impl Fn(u64) -> Duration) {
        for kind in [4, 5] {
            let Some((trouble, lasts)) = self.choose(kind) else { continue };
            if lasts > 0 {
                self.ends.insert(trouble, self.clock.mono().plus(span(lasts)));
            }
            self.change(trouble, true).await;
        }
    }

    fn choose(&mut self, kind: u8) -> Option<(Trouble, u64)> {
        let nodes = self.network.nodes.iter().enumerate();
        let busy: BTreeSet<usize> = self.ends.keys().filter_map(|trouble| self.place_of(*trouble)).collect();
        let free = |place: usize| !busy.contains(&place);
        let among: Vec<usize> = match kind {
            0 => {
                let cables = self.network.cables.iter().enumerate();
                let backbone = cables.filter(|(_, c)| c.tier == "backbone" && !c.behind.0.is_empty());
                backbone.map(|(n, _)| n).filter(|n| self.place_of(Trouble::Cable(*n)).is_none_or(free)).collect()
            }
            1 => {
                let device = |id: &str| id.contains("-access-") || id.contains("-fw-");
                nodes.filter(|(_, n)| device(&n.id) && free(n.place)).map(|(n, _)| n).collect()
            }
            4 => nodes.filter(|(_, n)| logs_in_words(n) && free(n.place)).map(|(n, _)| n).collect(),
            5 => nodes.filter(|(_, n)| heat(n).is_some() && free(n.place)).map(|(n, _)| n).collect(),
            2 => nodes
                .filter(|(_, n)| matches!(n.answers, Answers::Site(_)) && free(n.place))
                .map(|(n, _)| n)
                .collect(),
            _ => nodes.filter(|(_, n)| n.answers == Answers::Site(true) && free(n.place)).map(|(n, _)| n).collect(),
        };
        let one = *among.get(self.random.usize(..among.len().max(1)))?;
        Some(match kind {
            0 => (Trouble::Cable(one), CABLE_LASTS),
            1 => (Trouble::Silent(one), DEVICE_LASTS),
            2 => (Trouble::Website(one), WEBSITE_LASTS),
            4 => (Trouble::Guesses(one), 0),
            5 => (Trouble::Heat(one), HEAT_LASTS),
            _ => (Trouble::Certificate(one), CERTIFICATE_LASTS),
        })
    }

    /// The place that a trouble is in, so that no two of the story are in one.
    fn place_of(&self, trouble: Trouble) -> Option<usize> {
        match trouble {
            Trouble::Cable(n) | Trouble::Pulled(n) => {
                let far = self.network.cables.get(n)?.ends.get(1)?.port?;
                Some(self.network.nodes.get(far.0)?.place)
            }
            Trouble::Silent(n)
            | Trouble::Website(n)
            | Trouble::Certificate(n)
            | Trouble::Guesses(n)
            | Trouble::Heat(n) => Some(self.network.nodes.get(n)?.place),
        }
    }

    async fn obey(&mut self, order: &Order) {
        let (id, pull) = match order {
            Order::Pull(id) => (id, true),
            Order::Plug(id) => (id, false),
        };
        let Some(cable) = self.network.cables.iter().position(|cable| cable.id == id.as_str()) else {
            tracing::warn!(%id, "no such link in the demo");
            return;
        };
        self.change(Trouble::Pulled(cable), pull).await;
        // A cable that the story pulled is back too when a person puts it back.
        if !pull && self.ends.remove(&Trouble::Cable(cable)).is_some() {
            self.change(Trouble::Cable(cable), false).await;
        }
        self.pulled.send_modify(|pulled| {
            if pull {
                pulled.insert(id.clone())
            } else {
                pulled.remove(id)
            };
        });
    }

    /// A trouble begins or ends.
    async fn change(&mut self, trouble: Trouble, begins: bool) {
        let node = |n: usize| self.network.nodes.get(n);
        match trouble {
            Trouble::Cable(n) | Trouble::Pulled(n) => {
                tracing::info!(link = self.network.cables.get(n).map_or("", |c| &c.id), begins, "demo: cable");
                for part in self.parts_of(n) {
                    self.hold(part, trouble, begins).await;
                }
                self.speak_of(n, !begins).await;
            }
            Trouble::Silent(n) => {
                let Some(id) = node(n).map(|node| node.id.clone()) else { return };
                tracing::info!(asset = id, begins, "demo: silent device");
                self.hold(Part::Service(id, "snmp".to_owned()), trouble, begins).await;
            }
            Trouble::Website(n) => {
                let Some(node) = node(n) else { return };
                let (id, service) = (node.id.clone(), site_service(&node.answers));
                tracing::info!(asset = id, begins, "demo: website errs");
                self.set(id, service, "status", if begins { "500" } else { "200" }).await;
            }
            Trouble::Certificate(n) => {
                let Some(node) = node(n) else { return };
                let (id, service) = (node.id.clone(), site_service(&node.answers));
                tracing::info!(asset = id, begins, "demo: certificate nears its end");
                self.set(id, service, "not_after", if begins { "5d" } else { "365d" }).await;
            }
            Trouble::Guesses(n) => {
                let Some(node) = node(n).filter(|_| begins) else { return };
                tracing::info!(asset = node.id, "demo: somebody tries passwords");
                self.voices.guesses(node, STRANGER, GUESSES).await;
            }
            Trouble::Heat(n) => {
                let Some((id, (variable, [good, bad]))) = node(n).and_then(|n| Some((n.id.clone(), heat(n)?))) else {
                    return;
                };
                tracing::info!(asset = id, begins, "demo: hot device");
                self.set(id, "snmp", variable, if begins { bad } else { good }).await;
            }
        }
    }

    /// The devices at the ends of a cable say that their ports went up or down, if they can be heard.
    async fn speak_of(&mut self, cable: usize, up: bool) {
        let Some(cable) = self.network.cables.get(cable) else { return };
        for (at, index) in cable.ends.iter().filter_map(|end| end.port) {
            let Some(node) = self.network.nodes.get(at) else { continue };
            let port = node.ports.iter().find(|port| port.index == index);
            let cut = self.broken.contains_key(&Part::Device(node.id.clone()));
            let is_up = !self.broken.contains_key(&Part::Port(node.id.clone(), index));
            if let Some(port) = port.filter(|_| !cut && up == is_up) {
                self.voices.port(node, port, up).await;
            }
        }
    }

    /// Somebody logs in somewhere, as on any day.
    async fn small_talk(&mut self) {
        let heard = |node: &&Node| logs_in_words(node) && !self.broken.contains_key(&Part::Device(node.id.clone()));
        let among: Vec<&Node> = self.network.nodes.iter().filter(heard).collect();
        if let Some(node) = self.random.choice(among) {
            self.voices.everyday(node, KEEPER).await;
        }
    }

    /// What a pulled cable breaks: ports at both ends, the echoes, and what is behind.
    fn parts_of(&self, cable: usize) -> Vec<Part> {
        let Some(cable) = self.network.cables.get(cable) else { return Vec::new() };
        let id = |n: usize| self.network.nodes.get(n).map(|node| node.id.clone());
        let mut parts = Vec::new();
        for (end, side) in cable.ends.iter().zip(["a", "b"]) {
            let port = end.port.and_then(|(node, index)| Some(Part::Port(id(node)?, index)));
            parts.extend(port);
            parts.push(Part::Device(end_name(&cable.id, side)));
        }
        let inner = cable.behind.1.iter().filter_map(|n| self.network.cables.get(*n));
        parts.extend(inner.flat_map(|cable| ["a", "b"].map(|side| Part::Device(end_name(&cable.id, side)))));
        parts.extend(cable.behind.0.iter().filter_map(|n| id(*n)).map(Part::Device));
        parts
    }

    /// One more trouble holds a part, or one less; with the first it breaks, with the last it is mended.
    async fn hold(&mut self, part: Part, trouble: Trouble, begins: bool) {
        let holders = self.broken.entry(part.clone()).or_default();
        let was = !holders.is_empty();
        if begins {
            holders.insert(trouble)
        } else {
            holders.remove(&trouble)
        };
        let is = !holders.is_empty();
        if !is {
            self.broken.remove(&part);
        }
        if was == is {
            return;
        }
        match part {
            Part::Port(device, index) => {
                let state = if is { "2" } else { "1" };
                self.set(device, "snmp", &format!("ifOperStatus.{index}"), state).await;
            }
            Part::Device(device) => {
                // Its single services may be held by troubles of their own.
                let held =
                    |service: &str| self.broken.contains_key(&Part::Service(device.clone(), service.to_owned()));
                let services: Vec<String> = self
                    .world
                    .services()
                    .filter(|(name, ..)| *name == device)
                    .map(|(_, service, ..)| service.to_owned())
                    .filter(|service| is || !held(service))
                    .collect();
                for service in services {
                    self.power(device.clone(), service, is).await;
                }
            }
            Part::Service(device, service) => {
                if is || !self.broken.contains_key(&Part::Device(device.clone())) {
                    self.power(device, service, is).await;
                }
            }
        }
    }

    async fn power(&mut self, device: String, service: String, silent: bool) {
        // A port that is held and mute still takes connections, which is all that a TCP probe asks.
        let action = match silent {
            false => Action::Start,
            true if service.starts_with("tcp-") => Action::Stop,
            true => Action::Silence,
        };
        self.apply(Step { device, service: Some(service), action }).await;
    }

    async fn set(&mut self, device: String, service: &str, what: &str, value: &str) {
        let action = Action::Set { what: what.to_owned(), value: value.to_owned() };
        self.apply(Step { device, service: Some(service.to_owned()), action }).await;
    }

    async fn apply(&mut self, step: Step) {
        if let Err(error) = self.world.apply(&step).await {
            tracing::warn!(%error, "a step of the demo could not be done");
        }
    }
}

fn site_service(answers: &Answers) -> &'static str {
    if *answers == Answers::Site(true) { "https" } else { "http" }
}

/// Whether its log speaks of logins in the words of VRP.
fn logs_in_words(node: &Node) -> bool {
    node.make.is_some_and(|make| make.tells_logins)
}

/// What a failing fan does to it.
fn heat(node: &Node) -> Option<(&'static str, [&'static str; 2])> {
    node.make?.heat
}
