//! What is done with each line: whose it is, whether it is let in, what rules want of it, who else gets it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::codec::syslog::{read, relayed};
use crate::collect::{Form, Parcel, Terms, Wires, among};
use crate::engine::heard::Gate;
use crate::model::wire::{Heard, LogSource};
use crate::model::{Mono, Wall};
use crate::net::hear::Copies;

use super::TOPIC;

/// Rows that are handed on at once.
const FULL: usize = 500;
/// Sources that no asset has, by count; the rest is counted together.
const MAX_UNKNOWN: usize = 1_000;
/// Of those, named in one line.
const MAX_NAMED: usize = 3;
/// How often it is told who is unknown or too loud.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Topic of receivers that cannot be reached at all.
const COPIES: &str = "syslog-copies";

pub(super) struct Desk<'a> {
    wires: &'a Wires,
    terms: Terms,
    gate: Gate,
    copies: Vec<(Form, Copies)>,
    parcel: Parcel,
    unknown: BTreeMap<IpAddr, u64>,
    more_unknown: u64,
    uncopied: u64,
    tell_at: Mono,
}

impl<'a> Desk<'a> {
    pub(super) fn new(terms: Terms, wires: &'a Wires) -> Self {
        let mut copies = Vec::new();
        for copy in &terms.copies {
            match Copies::open(copy.to) {
                Ok(open) => copies.push((copy.form, open)),
                Err(error) => (wires.trouble)(COPIES, Some(error.to_string())),
            }
        }
        Self {
            gate: Gate::new(terms.rate),
            copies,
            terms,
            parcel: Parcel::default(),
            unknown: BTreeMap::new(),
            more_unknown: 0,
            uncopied: 0,
            tell_at: wires.clock.mono().plus(TELL_EVERY),
            wires,
        }
    }

    /// A line came.
    pub(super) fn take(&mut self, sender: IpAddr, bytes: &[u8]) {
        let (now, sender) = (self.wires.clock.now(), sender.to_canonical());
        let bytes = bytes.trim_ascii_end();
        let relay = among(&self.terms.relays, sender);
        // A flood of one source is turned away before anything is read; that of a relay, by whoever wrote it.
        if bytes.is_empty() || (!relay && !self.gate.admits(sender, now.mono)) {
            return;
        }
        let line = read(bytes);
        let origin = line.origin.map(|ip| ip.to_canonical()).filter(|_| relay);
        let from = origin.unwrap_or(sender);
        if relay && !self.gate.admits(from, now.mono) {
            return;
        }
        self.copy(bytes, from, now.wall);
        let matcher = self.wires.matcher.borrow().clone();
        let asset = matcher.asset(from).cloned();
        if asset.is_none() {
            self.count_unknown(from);
        }
        let heard = Heard {
            at: now.wall,
            source: LogSource::Syslog,
            from,
            via: origin.map(|_| sender),
            asset,
            host: line.host,
            facility: line.facility,
            severity: line.severity,
            tag: line.tag,
            text: line.text,
            count: 1,
        };
        // Of lines that are alike, one is kept, but rules count them all.
        self.parcel.hits.extend(matcher.look(&heard));
        self.parcel.rows.extend(self.gate.take(heard, now.mono));
    }

    fn copy(&mut self, bytes: &[u8], from: IpAddr, at: Wall) {
        let mut written = None;
        for (form, copies) in &self.copies {
            let left = match form {
                Form::Original => copies.send(bytes),
                Form::Relayed => copies.send(written.get_or_insert_with(|| relayed(bytes, from, &at.to_string()))),
            };
            self.uncopied += u64::from(!left);
        }
    }

    fn count_unknown(&mut self, from: IpAddr) {
        let room = self.unknown.len() < MAX_UNKNOWN;
        match self.unknown.get_mut(&from) {
            Some(count) => *count += 1,
            None if room => drop(self.unknown.insert(from, 1)),
            None => self.more_unknown += 1,
        }
    }

    /// Whether it holds enough to be handed on.
    pub(super) fn is_full(&self) -> bool {
        self.parcel.rows.len() + self.parcel.hits.len() >= FULL
    }

    /// What was said again within its time, and what a person should know.
    pub(super) fn look_around(&mut self) {
        let now = self.wires.clock.mono();
        self.parcel.rows.extend(self.gate.due(now));
        if now < self.tell_at {
            return;
        }
        self.tell_at = now.plus(TELL_EVERY);
        // Whose addresses the plan has by now is not unknown any more.
        let matcher = self.wires.matcher.borrow().clone();
        self.unknown.retain(|from, _| matcher.asset(*from).is_none());
        (self.wires.trouble)(TOPIC, self.words());
    }

    fn words(&self) -> Option<String> {
        let (left_out, loud) = self.gate.left_out();
        let mut said = Vec::new();
        if left_out > 0 {
            let rate = self.terms.rate;
            let loud = named(&loud);
            said.push(format!("{left_out} lines left out of sources that send more than {rate} a second: {loud}"));
        }
        if !self.unknown.is_empty() {
            let mut all: Vec<(IpAddr, u64)> = self.unknown.iter().map(|(from, n)| (*from, *n)).collect();
            all.sort_by_key(|(from, n)| (std::cmp::Reverse(*n), *from));
            let (sources, more) = (all.len(), if self.more_unknown > 0 { " and more" } else { "" });
            all.truncate(MAX_NAMED);
            said.push(format!(
                "lines of {sources}{more} sources that are no address of an asset here, so no rule judges them: {}; \
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
    }

    /// Hands on what it holds; false if nobody takes it.
    pub(super) async fn hand_on(&mut self) -> bool {
        if self.parcel.rows.is_empty() && self.parcel.hits.is_empty() {
            return !self.wires.out.is_closed();
        }
        let parcel = std::mem::take(&mut self.parcel);
        self.wires.out.send(parcel).await.is_ok()
    }
}

fn named(sources: &[(IpAddr, u64)]) -> String {
    sources.iter().map(|(from, n)| format!("{from} ({n})")).collect::<Vec<_>>().join(", ")
}
