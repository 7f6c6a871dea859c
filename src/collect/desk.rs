//! What is done with each thing heard: whose it is, whether it is let in, what rules want of it, who else gets it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};

use crate::engine::heard::{Gate, Matcher};
use crate::model::wire::{Heard, HeardCounts, MAX_UNMAPPED};
use crate::model::{Mono, Now};
use crate::net::hear::Copies;
use crate::net::snmp::{Engine, Opened};

use super::{Form, Kind, Parcel, Terms, Wires, among};

/// Rows that are handed on at once: each time costs a transaction.
const FULL: usize = 2_000;
/// Sources that no asset has, by count; the rest is counted together.
const MAX_UNKNOWN: usize = 1_000;
/// Of those, named in one line.
const MAX_NAMED: usize = 3;
/// Tags counted of those that no rule speaks of, and how long one may be; the rest is counted together.
const MAX_TAGS: usize = 1_000;
const MAX_TAG: usize = 128;
/// How often it is told how much was heard.
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// How often it is told who is unknown or too loud.
const TELL_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Desk<'a> {
    kind: &'static Kind,
    wires: &'a Wires,
    terms: Terms,
    gate: Gate,
    copies: Vec<(Form, Copies)>,
    parcel: Parcel,
    unknown: BTreeMap<IpAddr, u64>,
    more_unknown: u64,
    refused: BTreeMap<&'static str, u64>,
    received: u64,
    kept: u64,
    unmapped: u64,
    /// Of a trap its OID.
    unmapped_tags: HashMap<String, u64>,
    /// How many had come when that was told last.
    counted: u64,
    count_at: Mono,
    uncopied: u64,
    lost: Vec<String>,
    engine: Option<Engine>,
    unusable: Option<String>,
    tell_at: Mono,
    now: Now,
    matcher: Arc<Matcher>,
}

/// Somebody who was let in.
pub(super) struct Door {
    sender: IpAddr,
    relay: bool,
}

impl<'a> Desk<'a> {
    pub(super) fn new(kind: &'static Kind, mut terms: Terms, wires: &'a Wires) -> Self {
        let (mut copies, mut lost) = (Vec::new(), Vec::new());
        for copy in &terms.copies {
            match Copies::open(copy.to) {
                Ok(open) => copies.push((copy.form, open)),
                Err(error) => lost.push(error.to_string()),
            }
        }
        let now = wires.clock.now();
        let mut engine = None;
        if let Some(own) = terms.engine.as_mut() {
            own.users.mark_changed();
            engine = Engine::new(own.id.clone(), own.boots, now.mono);
            if let Some(engine) = &mut engine {
                engine.recall(std::mem::take(&mut own.clocks), now.mono);
                terms.opened.iter().for_each(|community| engine.open_as(community.expose()));
            }
        }
        Self {
            kind,
            engine,
            unusable: None,
            gate: Gate::new(terms.rate),
            copies,
            terms,
            parcel: Parcel::default(),
            unknown: BTreeMap::new(),
            more_unknown: 0,
            refused: BTreeMap::new(),
            received: 0,
            kept: 0,
            unmapped: 0,
            unmapped_tags: HashMap::new(),
            counted: 0,
            count_at: now.mono,
            uncopied: 0,
            lost,
            tell_at: now.mono.plus(TELL_EVERY),
            now,
            matcher: wires.matcher.borrow().clone(),
            wires,
        }
    }

    /// When what is being read came.
    pub(super) const fn now(&self) -> Now {
        self.now
    }

    /// Takes the time and the plan for what is read next. Asking for both with each would cost more than it tells.
    pub(super) fn begin(&mut self) {
        self.now = self.wires.clock.now();
        self.matcher = self.wires.matcher.borrow().clone();
    }

    /// Lets a sender in, unless it is beyond its rate. A relay has none: what it brings counts for whoever wrote it.
    pub(super) fn admit(&mut self, sender: IpAddr) -> Option<Door> {
        self.received += 1;
        let sender = sender.to_canonical();
        let relay = among(&self.terms.relays, sender);
        (relay || self.gate.admits(sender, self.now.mono)).then_some(Door { sender, relay })
    }

    /// Whose it is, and by which relay it came; nothing if it is beyond the rate of whoever wrote it.
    pub(super) fn whose(&mut self, door: Door, origin: Option<IpAddr>) -> Option<(IpAddr, Option<IpAddr>)> {
        if !door.relay {
            return Some((door.sender, None));
        }
        let origin = origin.map(|ip| ip.to_canonical());
        let from = origin.unwrap_or(door.sender);
        self.gate.admits(from, self.now.mono).then(|| (from, origin.map(|_| door.sender)))
    }

    /// Opens what came in SNMP v3.
    pub(super) fn open(&mut self, bytes: &[u8], sender: IpAddr) -> Opened {
        let renewed = among(&self.terms.new_clocks, sender.to_canonical());
        let (Some(engine), Some(own)) = (&mut self.engine, &mut self.terms.engine) else {
            return Opened::Refused { why: "of SNMP v3, for which there is no engine here", answer: None };
        };
        // An error says that no plan comes any more, and the users are those of the last one.
        if own.users.has_changed().unwrap_or(false) {
            self.unusable = engine.know(&own.users.borrow_and_update());
        }
        engine.open(bytes, renewed, self.now.mono)
    }

    /// Counts what is not taken, by what it is.
    pub(super) fn refuse(&mut self, what: &'static str) {
        *self.refused.entry(what).or_default() += 1;
    }

    /// Copies it on; `written` says how for those who want to know whose it is, `None` = as it is.
    pub(super) fn copy(&mut self, bytes: &[u8], written: impl Fn() -> Option<Vec<u8>>) {
        let mut relayed = None;
        for (form, copies) in &self.copies {
            let left = match form {
                Form::Original => copies.send(bytes),
                Form::Relayed => copies.send(relayed.get_or_insert_with(&written).as_deref().unwrap_or(bytes)),
            };
            self.uncopied += u64::from(!left);
        }
    }

    /// Says whose it is, and keeps it for being handed on.
    pub(super) fn keep(&mut self, heard: Heard) {
        let asset = self.matcher.asset(heard.from).cloned();
        if asset.is_none() {
            self.count_unknown(heard.from);
        }
        let heard = Heard { asset, ..heard };
        self.kept += 1;
        // Of those that are alike, one is kept, but rules count them all.
        let (hits, known) = self.matcher.look(&heard);
        if hits.is_empty() && !known {
            self.count_unmapped(&heard.tag);
        }
        self.parcel.hits.extend(hits);
        self.parcel.rows.extend(self.gate.take(heard, self.now.mono));
    }

    fn count_unknown(&mut self, from: IpAddr) {
        let room = self.unknown.len() < MAX_UNKNOWN;
        match self.unknown.get_mut(&from) {
            Some(count) => *count += 1,
            None if room => drop(self.unknown.insert(from, 1)),
            None => self.more_unknown += 1,
        }
    }

    fn count_unmapped(&mut self, tag: &str) {
        self.unmapped += 1;
        let room = self.unmapped_tags.len() < MAX_TAGS && !tag.is_empty() && tag.len() <= MAX_TAG;
        match self.unmapped_tags.get_mut(tag) {
            Some(count) => *count += 1,
            None if room => drop(self.unmapped_tags.insert(tag.to_owned(), 1)),
            None => {}
        }
    }

    fn counts(&mut self) -> Option<HeardCounts> {
        if std::mem::replace(&mut self.counted, self.received) == self.received {
            return None;
        }
        let mut tags: Vec<(&String, &u64)> = self.unmapped_tags.iter().collect();
        tags.sort_by_key(|(tag, n)| (std::cmp::Reverse(*n), *tag));
        Some(HeardCounts {
            source: self.kind.name.to_owned(),
            received: self.received,
            kept: self.kept,
            left_out: self.gate.left_out().0,
            refused: self.refused.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect(),
            unmapped: self.unmapped,
            unmapped_tags: tags.into_iter().take(MAX_UNMAPPED).map(|(tag, n)| (tag.clone(), *n)).collect(),
        })
    }

    /// Whether it holds enough to be handed on.
    pub(super) fn is_full(&self) -> bool {
        self.parcel.rows.len() + self.parcel.hits.len() >= FULL
    }

    /// What was said again within its time, and what a person should know.
    pub(super) fn look_around(&mut self) {
        let now = self.now.mono;
        self.parcel.rows.extend(self.gate.due(now));
        if now >= self.count_at {
            self.count_at = now.plus(COUNT_EVERY);
            self.parcel.counts = self.counts();
        }
        if now < self.tell_at {
            return;
        }
        self.tell_at = now.plus(TELL_EVERY);
        self.parcel.clocks = self.engine.as_mut().and_then(Engine::clocks);
        // Whose addresses the plan has by now is not unknown any more.
        self.unknown.retain(|from, _| self.matcher.asset(*from).is_none());
        (self.wires.trouble)(self.kind.name, self.words());
    }

    fn words(&self) -> Option<String> {
        let (left_out, loud) = self.gate.left_out();
        let mut said = self.lost.clone();
        said.extend(self.unusable.clone());
        if left_out > 0 {
            let (rate, loud) = (self.terms.rate, named(&loud));
            said.push(format!("{left_out} left out of sources that send more than {rate} a second: {loud}"));
        }
        said.extend(self.refused.iter().map(|(what, n)| format!("{n} {what}")));
        if !self.unknown.is_empty() {
            let mut all: Vec<(IpAddr, u64)> = self.unknown.iter().map(|(from, n)| (*from, *n)).collect();
            all.sort_by_key(|(from, n)| (std::cmp::Reverse(*n), *from));
            let (sources, more) = (all.len(), if self.more_unknown > 0 { " and more" } else { "" });
            all.truncate(MAX_NAMED);
            said.push(format!(
                "{sources}{more} sources are no address of an asset here, so no rule judges them: {}; \
                 give the asset the address, or name it with `also`",
                named(&all)
            ));
        }
        if self.uncopied > 0 {
            said.push(format!("{} copies to other receivers could not leave", self.uncopied));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// What still waits to be said again.
    pub(super) fn close(&mut self) {
        self.parcel.rows.extend(self.gate.due(Mono::from_origin(Duration::MAX)));
        self.parcel.clocks = self.engine.as_mut().and_then(Engine::clocks);
        self.parcel.counts = self.counts();
    }

    /// Hands on what it holds; false if nobody takes it.
    pub(super) async fn hand_on(&mut self) -> bool {
        let Parcel { rows, hits, clocks, counts } = &self.parcel;
        if rows.is_empty() && hits.is_empty() && clocks.is_none() && counts.is_none() {
            return !self.wires.out.is_closed();
        }
        // As much will come again.
        let next = Parcel { rows: Vec::with_capacity(rows.len()), ..Parcel::default() };
        let parcel = std::mem::replace(&mut self.parcel, next);
        self.wires.out.send(parcel).await.is_ok()
    }
}

fn named(sources: &[(IpAddr, u64)]) -> String {
    sources.iter().map(|(from, n)| format!("{from} ({n})")).collect::<Vec<_>>().join(", ")
}
