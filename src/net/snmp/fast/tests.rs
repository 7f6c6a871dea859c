//! The engine against agents that exist only here: no sockets, and time as the tests say.

mod turns; // of those who ask one device

use std::collections::BTreeMap;

use super::core::MAX_JOBS;
use super::*;
use crate::codec::snmp::{Body, Head, Message, Oid as Name, Value as Wire, Writer};
use crate::model::device::Asking;
use crate::net::snmp::table::{MOST_AT_ONCE, Sink, Walked};

const PEER: &str = "192.0.2.1:161";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn start() -> Mono {
    Mono::from_origin(Duration::from_secs(3600))
}

fn device(peer: &str, v1: bool, retries: u32) -> Arc<Device> {
    let version = if v1 { Version::V1 } else { Version::V2c };
    let manner = Manner { timeout: ms(900), retries, strict_source: true };
    Arc::new(Device::new(peer.parse().unwrap(), version, b"public".as_slice().into(), manner))
}

/// An engine with its counts, and a clock that stands.
struct Rig {
    core: Core,
    counts: Arc<Counts>,
    now: Mono,
}

impl Rig {
    fn new(buffer: usize) -> Self {
        let counts = Arc::new(Counts::default());
        Self { core: Core::new(buffer, counts.clone(), start()), counts, now: start() }
    }

    fn submit(&mut self, device: &Arc<Device>, work: Work, end: Option<Mono>) -> oneshot::Receiver<Work> {
        let (done, ended) = oneshot::channel();
        self.core.submit(Order { device: device.clone(), work, end, done }, self.now);
        ended
    }

    fn get(&mut self, device: &Arc<Device>) -> oneshot::Receiver<Work> {
        let once = Once { kind: Kind::Get, names: vec![write::name(&[1, 3, 6, 1])], repetitions: 0, answer: None };
        self.submit(device, Work::Once(once), None)
    }

    /// What leaves now.
    fn sent(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let (mut jobs, mut all) = (Vec::new(), Vec::new());
        loop {
            self.core.sending(BATCH, &mut jobs);
            if jobs.is_empty() {
                return all;
            }
            for at in &jobs {
                let (to, bytes) = self.core.outgoing(*at).unwrap();
                all.push((to, bytes.to_vec()));
                self.core.sent(*at, self.now);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.core.tick(self.now);
    }
}

fn outcome(mut ended: oneshot::Receiver<Work>) -> Option<Result<usize, SnmpError>> {
    match ended.try_recv().ok()? {
        Work::Once(once) => Some(once.answer.unwrap().map(|list| list.len())),
        Work::Table(_) => panic!("a single exchange"),
    }
}

/// An answer to `request` that holds what it asks for, changed by `change`.
fn answer(request: &[u8], change: impl FnOnce(&mut Head<'_>)) -> Vec<u8> {
    let message = Message::read(request).unwrap();
    let Body::Pdu(pdu) = message.body else { panic!("a request") };
    let mut head = Head {
        version: message.version,
        community: message.community,
        kind: Kind::Response,
        id: pdu.id,
        status: 0,
        index: 0,
    };
    change(&mut head);
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    writer.encoded(pdu.variables.as_bytes());
    assert!(writer.finish());
    out
}

#[test]
fn only_the_answer_to_this_very_request_counts_and_only_once() {
    let mut rig = Rig::new(1 << 20);
    let device = device(PEER, false, 0);
    let ended = rig.get(&device);
    let (to, request) = rig.sent().remove(0);
    let elsewhere: SocketAddr = "192.0.2.2:161".parse().unwrap();
    rig.core.datagram(elsewhere, &answer(&request, |_| {}));
    rig.core.datagram(to, &answer(&request, |head| head.community = b"private"));
    rig.core.datagram(to, &answer(&request, |head| head.version = Version::V1));
    rig.core.datagram(to, &answer(&request, |head| head.kind = Kind::Report));
    rig.core.datagram(to, &answer(&request, |head| head.id ^= 1));
    rig.core.datagram(to, &answer(&request, |head| head.id ^= 1 << 14));
    rig.core.datagram(to, b"nothing at all");
    assert_eq!(rig.counts.strays.load(Relaxed), 7);
    rig.core.datagram(to, &answer(&request, |_| {}));
    assert_eq!(outcome(ended), Some(Ok(1)));
    rig.core.datagram(to, &answer(&request, |_| {}));
    assert_eq!((rig.counts.strays.load(Relaxed), rig.counts.answers.load(Relaxed)), (8, 1));
}

#[test]
fn an_answer_that_cannot_be_read_is_told_and_a_good_one_is_still_waited_for() {
    let mut rig = Rig::new(1 << 20);
    let device = device(PEER, false, 1);
    let elsewhere: SocketAddr = "192.0.2.2:161".parse().unwrap();
    for good in [true, false] {
        let ended = rig.get(&device);
        let (to, request) = rig.sent().remove(0);
        let whole = answer(&request, |_| {});
        let cut = &whole[..whole.len() - 3];
        let mut long = whole.clone();
        long[1] += 1;
        let before = [&rig.counts.malformed, &rig.counts.strays].map(|count| count.load(Relaxed));
        rig.core.datagram(to, cut);
        rig.core.datagram(to, &long);
        // Nobody else can say so, nor about another request.
        rig.core.datagram(elsewhere, cut);
        let other = answer(&request, |head| head.id ^= 1);
        rig.core.datagram(to, &other[..other.len() - 3]);
        let now = [&rig.counts.malformed, &rig.counts.strays].map(|count| count.load(Relaxed));
        assert_eq!(now, [before[0] + 2, before[1] + 2]);
        if good {
            rig.core.datagram(to, &whole);
            assert_eq!(outcome(ended), Some(Ok(1)));
            continue;
        }
        let mut again = 0;
        for _ in 0..190 {
            rig.pass(ms(10));
            again += rig.sent().len();
        }
        assert_eq!(again, 1, "as often as after silence");
        let Some(Err(error)) = outcome(ended) else { panic!("it ends") };
        assert_eq!(
            (error.cause(), error.to_string().as_str()),
            (Cause::Protocol, "snmp 192.0.2.1:161: an answer could not be decoded: no end of an element at byte 0")
        );
    }
    // What was wrong with one answer says nothing of the next request.
    let ended = rig.get(&device);
    for _ in 0..190 {
        rig.pass(ms(10));
        rig.sent();
    }
    assert_eq!(outcome(ended).unwrap().unwrap_err().cause(), Cause::Timeout);
}

#[test]
fn a_device_with_several_addresses_may_answer_from_another() {
    let mut rig = Rig::new(1 << 20);
    let mut device = Arc::into_inner(device(PEER, false, 0)).unwrap();
    device.manner.strict_source = false;
    let ended = rig.get(&Arc::new(device));
    let (_, request) = rig.sent().remove(0);
    rig.core.datagram("198.51.100.1:9161".parse().unwrap(), &answer(&request, |_| {}));
    assert_eq!(outcome(ended), Some(Ok(1)));
}

#[test]
fn silence_is_asked_again_ever_more_patiently_and_no_longer_than_agreed() {
    let mut rig = Rig::new(1 << 20);
    let mut ended = rig.get(&device(PEER, false, 2));
    let mut at = Vec::new();
    let mut requests = Vec::new();
    for tick in 0..280_u64 {
        for (_, request) in rig.sent() {
            at.push(tick * 10);
            requests.push(request);
        }
        rig.pass(ms(10));
    }
    assert_eq!(at.len(), 3);
    assert!(at[1].abs_diff(385) <= 10 && at[2].abs_diff(1157) <= 20, "{at:?}");
    assert!(requests.iter().all(|request| *request == requests[0]), "an answer to any of them is one");
    assert!(matches!(ended.try_recv(), Ok(Work::Once(Once { answer: Some(Err(SnmpError::Timeout { .. })), .. }))));
    assert_eq!((rig.counts.sent.load(Relaxed), rig.counts.again.load(Relaxed)), (3, 2));
}

#[test]
fn what_our_own_buffer_lost_is_no_silence_of_the_device() {
    let mut rig = Rig::new(1 << 20);
    let ended = rig.get(&device(PEER, false, 0));
    for _ in 0..4 {
        assert_eq!(rig.sent().len(), 1);
        rig.core.overflowed(1, rig.now);
        rig.pass(ms(920));
    }
    assert!(rig.sent().is_empty());
    let Some(Err(error)) = outcome(ended) else { panic!("it ends") };
    assert_eq!(error.cause(), Cause::Overflow);
    assert_eq!(rig.counts.overflows.load(Relaxed), 4);
}

#[test]
fn dead_devices_hold_up_nobody_and_the_buffer_is_never_promised_twice() {
    let mut rig = Rig::new(100_000); // room for 26 answers
    let dead: Vec<_> = (1..=60).map(|n| rig.get(&device(&format!("192.0.2.{n}:161"), false, 1))).collect();
    let live = rig.get(&device("198.51.100.1:161", false, 1));
    assert_eq!(rig.sent().len(), 26);
    rig.pass(ms(10));
    assert!(rig.sent().is_empty(), "no room is left");
    rig.pass(ms(260));
    assert_eq!(rig.sent().len(), 26, "what has not come by now comes alone, if at all");
    rig.pass(ms(270));
    let rest = rig.sent();
    let (to, request) = rest.iter().find(|(to, _)| to.ip().to_string() == "198.51.100.1").unwrap();
    rig.core.datagram(*to, &answer(request, |_| {}));
    assert_eq!(outcome(live), Some(Ok(1)), "long before the dead are given up");
    drop(dead);
    for _ in 0..200 {
        rig.pass(ms(10));
        rig.sent();
    }
    assert_eq!(rig.core.next(), None, "whoever asked is gone, and so is the work");
}

#[test]
fn more_devices_than_can_be_numbered_are_refused() {
    let mut rig = Rig::new(1 << 20);
    let device = device(PEER, false, 0);
    let mut waiting: Vec<_> = (0..MAX_JOBS).map(|_| rig.get(&device)).collect();
    assert!(waiting.iter_mut().all(|ended| ended.try_recv().is_err()));
    let Some(Err(error)) = outcome(rig.get(&device)) else { panic!("no place") };
    assert_eq!(error.cause(), Cause::Internal);
}

// ---- walks

/// What an agent has, by name.
type Mib = BTreeMap<Vec<u32>, i64>;

/// What a walk found, by column and row.
type Cells = BTreeMap<(usize, Vec<u32>), i64>;

/// How an agent misbehaves.
#[derive(Default, Clone, Copy)]
struct Vice {
    /// It answers genErr to more rows than these.
    bears: Option<i32>,
    /// It fits so many variables into an answer.
    fits: Option<usize>,
    /// Its answers repeat what was asked from this column on.
    repeats: Option<u32>,
    /// It says nothing after so many answers.
    dies: Option<usize>,
    /// It cannot count: an answer of more rows than these ends in a variable without a name.
    garbles: Option<i32>,
    /// The rows of a column come from the last to the first, and where the second is set for ever.
    backwards: Option<bool>,
}

impl Vice {
    /// What stands behind a name, as this agent sees it.
    fn behind(self, mib: &Mib, name: &[u32]) -> Option<(Vec<u32>, i64)> {
        let Some(endless) = self.backwards else {
            let next = mib.range(name.to_vec()..).find(|(next, _)| **next != name)?;
            return Some((next.0.clone(), *next.1));
        };
        let column = |name: &[u32]| name.get(3).copied().unwrap_or(0);
        let of = |wanted: u32| mib.iter().rev().filter(move |(next, _)| column(next) == wanted);
        let before = of(column(name)).find(|(next, _)| name.len() == 4 || next.as_slice() < name);
        let again = || of(column(name)).next().filter(|_| endless);
        let further =
            || mib.keys().map(|next| column(next)).find(|next| *next > column(name)).and_then(|c| of(c).next());
        before.or_else(again).or_else(further).map(|(next, value)| (next.clone(), *value))
    }
}

/// A walk of column 1 that keeps nothing.
fn blind() -> Work {
    struct Blind;
    impl Sink for Blind {
        fn take(&mut self, _: usize, index: &[u8], _: &Wire<'_>) {
            assert!(Name::read(index).is_some());
        }
    }
    let columns = vec![write::name(&[1, 3, 9, 1])];
    Work::Table(Box::new(Table::new(columns, Box::new(Blind), Walked::new(1), false, Asking::default())))
}

/// Walks columns 1 to 3 below 1.3.9 at an agent; returns cells, what became of it, and how often it was asked.
fn walk(mib: &Mib, vice: Vice, v1: bool, rows: u32) -> (Cells, Walked, usize) {
    let (cells, walked, asked) = walk_as(mib, vice, v1, rows, Asking::default());
    (cells, walked, asked.len())
}

/// The same, asking as told; returns of each question its kind.
fn walk_as(mib: &Mib, vice: Vice, v1: bool, rows: u32, asking: Asking) -> (Cells, Walked, Vec<Kind>) {
    struct Seen(Cells);
    impl Sink for Seen {
        fn take(&mut self, column: usize, index: &[u8], value: &Wire<'_>) {
            let Wire::Integer(n) = value else { panic!("{value:?}") };
            let index = crate::codec::snmp::oid::index_arcs(index).collect();
            assert_eq!(self.0.insert((column, index), *n), None, "each cell comes once");
        }
    }
    let mut rig = Rig::new(1 << 20);
    let device = device(PEER, v1, 0);
    let columns = (1..=3).map(|column| write::name(&[1, 3, 9, column])).collect();
    let table = Table::new(columns, Box::new(Seen(BTreeMap::new())), Walked::new(rows), v1, asking);
    let mut ended = rig.submit(&device, Work::Table(Box::new(table)), Some(start().plus(ms(5000))));
    let mut asked = Vec::new();
    for _ in 0..3000 {
        for (to, request) in rig.sent() {
            let Body::Pdu(pdu) = Message::read(&request).unwrap().body else { panic!("a request") };
            asked.push(pdu.kind);
            if vice.dies.is_none_or(|most| asked.len() <= most) {
                rig.core.datagram(to, &respond(mib, vice, &request));
            }
        }
        if let Ok(Work::Table(table)) = ended.try_recv() {
            let sink: Box<dyn std::any::Any> = table.sink;
            return (sink.downcast::<Seen>().unwrap().0, table.walked, asked);
        }
        rig.pass(ms(10));
    }
    panic!("a walk ends by its deadline");
}

fn respond(mib: &Mib, vice: Vice, request: &[u8]) -> Vec<u8> {
    let message = Message::read(request).unwrap();
    let Body::Pdu(pdu) = message.body else { panic!("a request") };
    let rows = if pdu.kind == Kind::GetBulk { pdu.index } else { 1 };
    if vice.bears.is_some_and(|most| rows > most) {
        return answer(request, |head| head.status = 5);
    }
    let mut last: Vec<Vec<u32>> = pdu.variables.map(|v| v.unwrap().name.arcs().collect()).collect();
    let mut found: Vec<(Vec<u32>, Wire<'_>)> = Vec::new();
    for _ in 0..rows {
        for (at, name) in last.iter_mut().enumerate() {
            let repeats = vice.repeats.is_some_and(|column| name.get(3).is_some_and(|at| *at >= column));
            match vice.behind(mib, name).filter(|_| !repeats) {
                Some((next, value)) => {
                    *name = next;
                    found.push((name.clone(), Wire::Integer(value)));
                }
                None if message.version == Version::V1 => {
                    return answer(request, |head| (head.status, head.index) = (2, at as i32 + 1));
                }
                None if repeats => found.push((name.clone(), Wire::Integer(0))),
                None => found.push((name.clone(), Wire::EndOfMibView)),
            }
        }
    }
    found.truncate(vice.fits.unwrap_or(usize::MAX));
    let head = Head {
        version: message.version,
        community: b"public",
        kind: Kind::Response,
        id: pdu.id,
        status: 0,
        index: 0,
    };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    for (name, value) in found {
        writer.variable(&write::name(&name), &value);
    }
    if vice.garbles.is_some_and(|most| rows > most) {
        writer.encoded(&[0x30, 2, 5, 0]);
    }
    assert!(writer.finish());
    out
}

/// Columns 1 and 3 have 10 rows, 2 every other; a variable stands behind them.
fn mib() -> Mib {
    let mut mib = Mib::new();
    for row in 1..=10_u32 {
        for column in [1, 2, 3].into_iter().filter(|column| *column != 2 || row % 2 == 0) {
            mib.insert(vec![1, 3, 9, column, row * 100], i64::from(column * row));
        }
    }
    mib
}

fn cells(mib: &Mib) -> Cells {
    mib.iter().map(|(name, value)| ((name[3] as usize - 1, name[4..].to_vec()), *value)).collect()
}

#[test]
fn a_table_comes_whole_whatever_the_version_and_the_rows_asked_for() {
    for behind in [false, true] {
        let mut mib = mib();
        let want = cells(&mib);
        if behind {
            mib.insert(vec![1, 3, 9, 4, 1], 0);
        }
        for (v1, rows) in [(true, 1), (false, 1), (false, 4), (false, 50)] {
            for fits in [None, Some(7), Some(1)] {
                let (got, walked, asked) =
                    walk(&mib, Vice { fits: fits.filter(|_| !v1), ..Vice::default() }, v1, rows);
                assert_eq!(got, want, "v1 {v1}, {rows} rows, {fits:?}");
                assert!(walked.whole() && walked.packets as usize == asked, "{walked:?}");
            }
        }
    }
}

#[test]
fn a_device_that_does_not_bear_so_many_rows_is_asked_for_fewer() {
    let (got, walked, _) = walk(&mib(), Vice { bears: Some(3), ..Vice::default() }, false, 25);
    assert_eq!((got, walked.repetitions), (cells(&mib()), 3));
    let (got, walked, _) = walk(&mib(), Vice { bears: Some(0), ..Vice::default() }, false, 25);
    assert!(got.is_empty() && walked.error.is_none());
    assert_eq!(walked.shortfalls.len(), 3, "each column is given up by name: {:?}", walked.shortfalls);
}

#[test]
fn small_answers_are_followed_by_requests_for_more_rows() {
    let long: Mib = (1..=900).map(|row| (vec![1, 3, 9, 1, row], row.into())).collect();
    let (got, walked, asked) = walk(&long, Vice::default(), false, 5);
    assert_eq!(got.len(), 900);
    assert!(asked < 30, "900 rows, 5 at first: {asked} requests");
    assert!((20..=MOST_AT_ONCE * 3).contains(&walked.roomy) && !walked.worn, "{walked:?}");
    let (got, walked, _) = walk(&long, Vice { fits: Some(4), ..Vice::default() }, false, 5);
    assert_eq!((got.len(), walked.roomy), (900, 0), "an answer that was cut has room for nothing");
}

#[test]
fn names_that_do_not_grow_end_their_column_alone() {
    let (got, walked, _) = walk(&mib(), Vice { repeats: Some(3), ..Vice::default() }, false, 5);
    let want: BTreeMap<_, _> = cells(&mib()).into_iter().filter(|((column, _), _)| *column < 2).collect();
    assert_eq!(got, want);
    assert_eq!(walked.shortfalls, ["1.3.9.3: the agent's OIDs do not grow at 1.3.9.3"]);
}

#[test]
fn names_that_do_not_grow_are_taken_where_the_profile_says_so_and_none_twice() {
    let tolerant = Asking { nonincreasing: Some(true), ..Asking::default() };
    for rows in [1, 4, 50] {
        let (unsorted, endless) =
            ([Some(false), Some(true)]).map(|backwards| Vice { backwards, ..Vice::default() }).into();
        let (got, walked, _) = walk(&mib(), unsorted, false, rows);
        assert_eq!((got.len(), walked.shortfalls.len()), (3, 3), "{:?}", walked.shortfalls);
        assert_eq!(walked.shortfalls[0], "1.3.9.1: the agent's OIDs do not grow at 1.3.9.1.900");
        for bulk in [None, Some(false)] {
            let asking = Asking { bulk, ..tolerant };
            let (got, walked, _) = walk_as(&mib(), unsorted, false, rows, asking);
            assert_eq!((got, walked.whole()), (cells(&mib()), true), "{rows} rows, {walked:?}");
            let (got, walked, asked) = walk_as(&mib(), endless, false, rows, asking);
            assert_eq!((got, walked.shortfalls.len()), (cells(&mib()), 3), "{rows} rows, {walked:?}");
            assert_eq!(walked.shortfalls[0], "1.3.9.2: the agent's OIDs come again at 1.3.9.2.1000");
            assert!(asked.len() <= 12, "a circle is gone round once: {asked:?}");
        }
    }
    let (got, walked, _) = walk_as(&mib(), Vice { repeats: Some(1), ..Vice::default() }, false, 5, tolerant);
    assert_eq!((got.len(), walked.shortfalls.len()), (0, 3), "the column itself is no row of it");
}

#[test]
fn a_device_that_answers_getbulk_wrongly_is_asked_row_by_row() {
    let asking = Asking { bulk: Some(false), ..Asking::default() };
    let (got, walked, asked) = walk_as(&mib(), Vice::default(), false, 25, asking);
    assert_eq!((got, walked.whole(), walked.repetitions), (cells(&mib()), true, 1));
    assert!(asked.iter().all(|kind| *kind == Kind::GetNext), "{asked:?}");
    // One that falls silent is not asked again for fewer rows.
    let (_, walked, asked) = walk_as(&mib(), Vice { dies: Some(2), ..Vice::default() }, false, 25, asking);
    assert!(matches!(walked.error, Some(SnmpError::Timeout { .. })) && asked.len() == 3, "{walked:?}");
}

#[test]
fn what_can_be_read_of_an_answer_is_kept_and_fewer_rows_are_asked_for() {
    let (got, walked, _) = walk(&mib(), Vice { garbles: Some(3), ..Vice::default() }, false, 25);
    assert_eq!((got, walked.whole(), walked.worn), (cells(&mib()), true, true), "{walked:?}");
    let nothing = Vice { garbles: Some(0), fits: Some(0), ..Vice::default() };
    let (_, walked, _) = walk(&mib(), nothing, false, 25);
    let why = walked.error.unwrap().to_string();
    assert!(why.starts_with("snmp 192.0.2.1:161: an answer could not be decoded: no name of a variable at"), "{why}");
}

#[test]
fn what_came_before_a_device_fell_silent_is_kept() {
    let (got, walked, _) = walk(&mib(), Vice { dies: Some(1), ..Vice::default() }, false, 4);
    assert_eq!(got.len(), 12);
    assert!(matches!(walked.error, Some(SnmpError::Timeout { .. })), "{walked:?}");
    assert_eq!(walked.repetitions, 1, "silence may be too much to bear: less was tried");
}

#[test]
fn a_walk_without_end_is_cut() {
    let endless = |request: &[u8]| {
        let Body::Pdu(pdu) = Message::read(request).unwrap().body else { panic!("a request") };
        let variable = pdu.variables.last().unwrap().unwrap();
        let mut next: Vec<u32> = variable.name.arcs().collect();
        let last = next.len() - 1;
        if last < 4 {
            next.push(1)
        } else {
            next[last] += 1
        }
        let name = write::name(&next);
        let mut out = Vec::new();
        let head = Head {
            version: Version::V2c,
            community: b"public",
            kind: Kind::Response,
            id: pdu.id,
            status: 0,
            index: 0,
        };
        let mut writer = Writer::begin(&head, &mut out);
        writer.variable(&name, &Wire::Integer(1));
        assert!(writer.finish());
        out
    };
    let mut rig = Rig::new(1 << 20);
    let device = device(PEER, false, 0);
    let mut ended = rig.submit(&device, blind(), None);
    let table = loop {
        for (to, request) in rig.sent() {
            rig.core.datagram(to, &endless(&request));
        }
        if let Ok(Work::Table(table)) = ended.try_recv() {
            break table;
        }
    };
    assert_eq!(table.walked.shortfalls, ["more than 10000 requests"]);
}
