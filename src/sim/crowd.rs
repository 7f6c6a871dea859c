//! Thousands of devices made of one recording, and their vices: loss, death, cut and doubled answers, wrong sources,
//! errors, names that do not grow, or that stand in another order than that of their numbers. A load target, so the
//! recording is encoded once and answers are copied together. It refuses v3 and SET, and gives every device the same values.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use super::recording::Entry;
use crate::codec::snmp::{Body, Head, Kind, Message, Pdu, Value, Version, Writer, oid};
use crate::model::Mono;
use crate::net::clock::Clock;
use crate::net::serve::{Answers, Crowd};
use crate::net::snmp::{Oid, encode};

/// genErr and noSuchName of RFC 1157.
const NO_SUCH_NAME: i32 = 2;
const GEN_ERR: i32 = 5;
/// Names in one request at most: no client of ours asks for more.
const MAX_NAMES: usize = 128;
/// How many variables an answer has room for at most, so that a GETBULK of a billion rows is nothing to us.
const MAX_VARIABLES: usize = 4096;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// How a device misbehaves.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault { $($(#[$doc])* $name,)* }
        impl Fault {
            /// All of them, with their words.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text),)*];
        }
    };
}

faults! {
    /// A request is not answered.
    Loss = "loss";
    /// A device never answers.
    Dead = "dead";
    /// A datagram is cut short.
    Truncate = "truncate";
    /// An answer comes twice.
    Duplicate = "duplicate";
    /// It comes from another address.
    WrongSource = "wrong-source";
    /// It is genErr.
    GenErr = "gen-err";
    /// It has the very names that were asked for.
    NonIncreasing = "non-increasing";
}

impl Fault {
    /// The fault of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, word)| *word == text).map(|(fault, _)| *fault)
    }
}

/// How often devices misbehave, and how much they say at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vices {
    /// By fault, from 0 to 1: of requests, `Dead` of devices.
    shares: [f64; Fault::ALL.len()],
    answer_bytes: usize,
    seed: u64,
}

impl Vices {
    /// None; answers of at most so many bytes. The same seed gives the same deaths, and the same faults for the same
    /// requests in the same order.
    pub const fn new(seed: u64, answer_bytes: usize) -> Self {
        Self { shares: [0.0; Fault::ALL.len()], answer_bytes, seed }
    }

    /// A share of requests (or devices) meets this fault.
    pub const fn set(&mut self, fault: Fault, share: f64) {
        self.shares[fault as usize] = share;
    }

    const fn share(&self, fault: Fault) -> f64 {
        self.shares[fault as usize]
    }
}

/// The devices.
pub struct Template {
    community: Vec<u8>,
    /// Addresses that are devices.
    addresses: Range<u32>,
    table: Table,
    vices: Vices,
    random: fastrand::Rng,
    /// Used again and again: the names of a request, and where the variables behind them stand.
    places: Vec<usize>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({} devices, {} variables)", self.addresses.len(), self.table.entries.len())
    }
}

/// A recording, encoded. A walk goes through it line by line.
struct Table {
    entries: Vec<Line>,
    /// Places of the lines by their names, of those with the same name the first; empty if the lines stand so anyway.
    sorted: Vec<usize>,
    names: Vec<u8>,
    variables: Vec<u8>,
    clock: Clock,
    began: Mono,
}

/// A variable of it.
struct Line {
    name: Range<usize>,
    /// Encoded with its value.
    variable: Range<usize>,
    /// One that moves is encoded when it is asked for.
    moving: Option<Box<(Oid, Entry)>>,
    /// Counter64: not for v1.
    wide: bool,
}

impl Template {
    /// So many devices from `first` on, all answering from these lines to this community. Behind each line they answer the
    /// next, in whatever order: that of a recording, or that of a device which does not sort what it has.
    pub fn new(
        lines: impl IntoIterator<Item = (Oid, Entry)>,
        community: &str,
        first: Ipv4Addr,
        count: u32,
        vices: Vices,
        clock: Clock,
    ) -> Self {
        let first = u32::from(first);
        Self {
            community: community.as_bytes().to_vec(),
            addresses: first..first.saturating_add(count),
            table: Table::new(lines, clock),
            random: fastrand::Rng::with_seed(vices.seed),
            vices,
            places: Vec::new(),
        }
    }

    /// Whether the device at an address never answers.
    fn is_dead(&self, address: u32) -> bool {
        let share = self.vices.share(Fault::Dead);
        share > 0.0 && fastrand::Rng::with_seed(self.vices.seed ^ u64::from(address) << 20).f64() < share
    }

    fn meets(&mut self, fault: Fault) -> bool {
        let share = self.vices.share(fault);
        share > 0.0 && self.random.f64() < share
    }
}

impl Crowd for Template {
    fn answer(&mut self, request: &[u8], at: IpAddr, out: &mut Answers<'_>) {
        let IpAddr::V4(address) = at else { return };
        let address = u32::from(address);
        if !self.addresses.contains(&address) || self.is_dead(address) || self.meets(Fault::Loss) {
            return;
        }
        let Ok(message) = Message::read(request) else { return };
        let Body::Pdu(pdu) = message.body else { return };
        if message.community != self.community {
            return;
        }
        let begin = out.buffer().len();
        self.respond(message.version, &pdu, out.buffer());
        let end = out.buffer().len();
        if end == begin {
            return;
        }
        if self.meets(Fault::Truncate) {
            let cut = begin + self.random.usize(..end - begin);
            out.buffer().truncate(cut);
        }
        let wrong = self.meets(Fault::WrongSource).then(|| Ipv4Addr::from(address ^ 1).into());
        out.send(wrong);
        if self.meets(Fault::Duplicate) {
            let end = out.buffer().len();
            out.buffer().extend_from_within(begin..end);
            out.send(wrong);
        }
    }
}

impl Template {
    /// Appends the answer to a request; nothing to what is none.
    fn respond(&mut self, version: Version, pdu: &Pdu<'_>, out: &mut Vec<u8>) {
        let (gen_err, repeat) = (self.meets(Fault::GenErr), self.meets(Fault::NonIncreasing));
        let mut answer = Answer { table: &self.table, version, pdu, community: &self.community, out };
        let most = self.vices.answer_bytes;
        match pdu.kind {
            Kind::Get | Kind::GetNext | Kind::GetBulk if gen_err => answer.refuse(GEN_ERR, 1),
            Kind::GetNext | Kind::GetBulk if repeat => answer.refuse(0, 0),
            Kind::Get => answer.exactly(),
            Kind::GetNext => answer.behind(&mut self.places, usize::MAX, 1, most),
            Kind::GetBulk => {
                let number = |n: i32| usize::try_from(n).unwrap_or(0);
                answer.behind(&mut self.places, number(pdu.status), number(pdu.index), most);
            }
            _ => {}
        }
    }
}

/// An answer that is being written.
struct Answer<'a, 'o> {
    table: &'a Table,
    version: Version,
    pdu: &'a Pdu<'a>,
    community: &'a [u8],
    out: &'o mut Vec<u8>,
}

impl Answer<'_, '_> {
    fn begin(&mut self, status: i32, index: i32) -> Writer<'_> {
        let (version, community, id) = (self.version, self.community, self.pdu.id);
        Writer::begin(&Head { version, community, kind: Kind::Response, id, status, index }, self.out)
    }

    /// The request's own variables, with an error or without.
    fn refuse(&mut self, status: i32, index: i32) {
        let variables = self.pdu.variables.as_bytes();
        let mut writer = self.begin(status, index);
        writer.encoded(variables);
        writer.finish();
    }

    /// What stands under the names themselves.
    fn exactly(&mut self) {
        let (table, version) = (self.table, self.version);
        let names = self.pdu.variables;
        let before = self.out.len();
        let mut missing = None;
        let mut writer = self.begin(0, 0);
        for (at, variable) in names.flatten().enumerate() {
            let name = variable.name.as_bytes();
            match table.exactly(name, version) {
                Some(line) => table.write(line, &mut writer),
                None if version == Version::V1 => missing = missing.or(Some(at)),
                None => writer.variable(name, &Value::NoSuchInstance),
            }
        }
        writer.finish();
        if let Some(at) = missing {
            self.out.truncate(before);
            self.refuse(NO_SUCH_NAME, at as i32 + 1);
        }
    }

    /// What stands behind the names: once for the first `single` of them, so many rows for the rest, as long as it fits.
    fn behind(&mut self, places: &mut Vec<usize>, single: usize, rows: usize, most: usize) {
        let (table, version, pdu) = (self.table, self.version, self.pdu);
        places.clear();
        let names = pdu.variables.flatten().take(MAX_NAMES);
        places.extend(names.map(|variable| table.behind(variable.name.as_bytes(), version)));
        if version == Version::V1
            && let Some(at) = places.iter().position(|at| *at >= table.entries.len())
        {
            return self.refuse(NO_SUCH_NAME, at as i32 + 1);
        }
        if rows == 0 {
            places.truncate(single);
        }
        let rows = if places.len() <= single { 1 } else { rows };
        let mut writer = self.begin(0, 0);
        let mut written = 0;
        'rows: for row in 0..rows {
            let mut going = false;
            for (at, place) in places.iter_mut().enumerate().skip(if row == 0 { 0 } else { single }) {
                // One goes out however long it is: an agent that recorded it could say it.
                let full = written > 0 && writer.len() + table.length(*place) > most;
                if full || written >= MAX_VARIABLES {
                    break 'rows;
                }
                written += 1;
                match table.entries.get(*place) {
                    Some(line) => {
                        table.write(line, &mut writer);
                        *place = table.next(*place + 1, version);
                        going = true;
                    }
                    // The last name of all, again, as RFC 3416 has it; the one that was asked for does as well.
                    None => match pdu.variables.flatten().nth(at) {
                        Some(variable) => writer.variable(variable.name.as_bytes(), &Value::EndOfMibView),
                        None => break 'rows,
                    },
                }
            }
            if !going {
                break;
            }
        }
        writer.finish();
    }
}

impl Table {
    fn new(lines: impl IntoIterator<Item = (Oid, Entry)>, clock: Clock) -> Self {
        let began = clock.mono();
        let (names, variables) = (Vec::new(), Vec::new());
        let mut table = Self { entries: Vec::new(), sorted: Vec::new(), names, variables, clock, began };
        for (oid, entry) in lines {
            let (name, variable) = (table.names.len(), table.variables.len());
            oid::write(oid.arcs(), &mut table.names);
            encode(&oid, entry.at(std::time::Duration::ZERO), &mut table.variables);
            let wide = entry.tag() == super::recording::Tag::Counter64;
            let moving = (!matches!(entry, Entry::Fixed(_))).then(|| Box::new((oid, entry)));
            let (name, variable) = (name..table.names.len(), variable..table.variables.len());
            table.entries.push(Line { name, variable, moving, wide });
        }
        let order = |a: &Line, b: &Line| oid::order(table.name(a), table.name(b));
        if !table.entries.is_sorted_by(|a, b| order(a, b).is_lt()) {
            let mut places: Vec<(usize, &Line)> = table.entries.iter().enumerate().collect();
            places.sort_by(|(_, a), (_, b)| order(a, b));
            places.dedup_by(|(_, later), (_, first)| order(later, first).is_eq());
            table.sorted = places.into_iter().map(|(place, _)| place).collect();
        }
        table
    }

    fn name(&self, line: &Line) -> &[u8] {
        self.names.get(line.name.clone()).unwrap_or_default()
    }

    /// The place of a name, or else that of the next larger one.
    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        let order = |line: &Line| oid::order(self.name(line), name);
        if self.sorted.is_empty() {
            return self.entries.binary_search_by(order);
        }
        let of = |at: usize| self.sorted.get(at).copied().unwrap_or(self.entries.len());
        let placed = |place: &usize| self.entries.get(*place).map_or(std::cmp::Ordering::Greater, order);
        self.sorted.binary_search_by(placed).map(of).map_err(of)
    }

    fn exactly(&self, name: &[u8], version: Version) -> Option<&Line> {
        let found = self.find(name).ok()?;
        self.entries.get(found).filter(|line| version == Version::V2c || !line.wide)
    }

    /// The place of the first variable behind a name.
    fn behind(&self, name: &[u8], version: Version) -> usize {
        self.next(self.find(name).map_or_else(|next| next, |found| found + 1), version)
    }

    /// This place, or the next that the version can tell.
    fn next(&self, mut place: usize, version: Version) -> usize {
        while version == Version::V1 && self.entries.get(place).is_some_and(|line| line.wide) {
            place += 1;
        }
        place
    }

    fn length(&self, place: usize) -> usize {
        self.entries
            .get(place)
            .map_or(MAX_END, |line| line.variable.len() + if line.moving.is_some() { 9 } else { 0 })
    }

    fn write(&self, line: &Line, writer: &mut Writer<'_>) {
        match &line.moving {
            None => writer.encoded(self.variables.get(line.variable.clone()).unwrap_or_default()),
            Some(moving) => {
                let mut variable = Vec::new();
                encode(&moving.0, moving.1.at(self.clock.mono().since(self.began)), &mut variable);
                writer.encoded(&variable);
            }
        }
    }
}

/// Bytes that the end of everything takes in an answer: a name of usual length and no value.
const MAX_END: usize = 32;

#[cfg(test)]
mod tests;
