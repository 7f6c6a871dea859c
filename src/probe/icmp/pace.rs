//! Paces all icmp tasks over one `Pinger`: every task has its own phase in its interval, due work is gathered
//! into ticks, the sockets are read on ticks only (the kernel stamps what arrives in between). Every planned
//! run ends in exactly one `Run`, in the order of its task's runs; several missed in a row are one.

mod burst; // doubts, and the bursts that settle them
mod detour; // answers that came by another road than the line
mod place; // addresses of names, and the sockets of their families

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::codec::icmp::Version;
use crate::engine::confirm::Confirm;
use crate::engine::detour::Detour;
use crate::model::Object;
use crate::model::observation::{Cause, Outcome, Tally};
use crate::model::plan::Task;
use crate::model::time::{Mono, Wall};
use crate::net::error::NetError;
use crate::net::icmp::{Event, Pinger, Request};
use crate::probe::icmp::pace::burst::Burst;
use crate::probe::icmp::pace::place::Place;
use crate::probe::icmp::{Score, Wants, report};
use crate::probe::{BulkChannels, Ctx, Run};

/// Work is gathered into ticks of this length: at 1,000 packets a second ten leave together.
const TICK: Duration = Duration::from_nanos(TICK_NANOS);
const TICK_NANOS: u64 = 10_000_000;
/// With nothing to send for this long, but answers outstanding, the sockets are read at every `SLOW_TICK`.
const QUIET: Duration = Duration::from_millis(200);
/// See `QUIET`.
const SLOW_TICK: Duration = Duration::from_millis(50);
/// How long an old address serves while looking up fails: a dead name server is not a dead target.
const RESOLVE_STALE: Duration = Duration::from_secs(300);
/// Most unfinished runs of a task; one more is skipped and counted.
const MAX_FLIGHTS: usize = 16;
/// Answers of the resolver that may wait.
const MAX_ANSWERS: usize = 256;
/// Numbers of packets from here on are those of a run's confirm burst.
const BURST_FROM: u32 = 20;
/// Lower bits of a token that number the packet within its run (20 at most) or its burst (40); above them the run's number.
const PACKET_BITS: u32 = 6;

type Found = (usize, String, Result<Vec<SocketAddr>, NetError>); // slot, name, answer

/// What to do at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Todo {
    /// Begin the next run of a slot, if it is of this generation.
    Begin(usize, u32),
    /// Send the next packet of a run.
    Packet(usize, u32),
    /// Doubt a run, or give up waiting for it.
    Finish(usize, u32),
    /// Go on with the burst that follows a run.
    Burst(usize, u32),
}

/// One unfinished run.
#[derive(Debug)]
struct Flight {
    number: u32,
    began: Wall,
    start: Mono,
    end: Mono,
    planned: bool, // one asked for out of turn is an answer in itself, and followed by no burst
    to: Option<SocketAddr>,
    score: Score,
    done: Option<Run>,
}

/// One task.
#[derive(Debug)]
struct Watched {
    task: Arc<Task>,
    wants: Wants,
    generation: u32,
    planned: Mono,
    place: Place,
    flights: VecDeque<Flight>,
    confirm: Confirm,
    detour: Option<Detour>, // of a link: anything else may be reached by any road
    burst: Option<Burst>,
    carry: Tally,        // late and duplicate replies to runs that were already told
    newest: Option<u32>, // the latest packet that was answered, as in its token
    kept: bool,          // false for a task that came only to run once
}

/// The whole kind.
#[derive(Debug)]
pub(super) struct Pacer {
    cx: Ctx,
    pinger: Pinger,
    slots: Vec<Option<Watched>>,
    by_id: HashMap<Arc<str>, usize>,
    todo: BinaryHeap<Reverse<(Mono, Todo)>>,
    numbers: u32,
    generations: u32,
    waiting: usize,
    bursts: usize,
    last_send: Mono,
    closed: [Option<(Mono, NetError)>; 2],
    requests: Vec<Request>,
    events: Vec<Event>,
    out: Vec<(Arc<Task>, Wall, Run)>,
    ask: mpsc::Sender<Found>,
    answers: Option<mpsc::Receiver<Found>>,
}

impl Pacer {
    pub(super) fn new(cx: Ctx) -> Self {
        let (ask, answers) = mpsc::channel(MAX_ANSWERS);
        Self {
            pinger: Pinger::new(cx.clock.clone()),
            cx,
            slots: Vec::new(),
            by_id: HashMap::new(),
            todo: BinaryHeap::new(),
            numbers: 0,
            generations: 0,
            waiting: 0,
            bursts: 0,
            last_send: Mono::default(),
            closed: [None, None],
            requests: Vec::new(),
            events: Vec::new(),
            out: Vec::new(),
            ask,
            answers: Some(answers),
        }
    }

    pub(super) async fn run(mut self, channels: BulkChannels) {
        let BulkChannels { mut tasks, mut now, out } = channels;
        let Some(mut answers) = self.answers.take() else { return };
        let first = tasks.borrow_and_update().clone();
        self.plan(&first);
        loop {
            self.tick();
            for told in self.out.drain(..) {
                if out.send(told).await.is_err() {
                    return;
                }
            }
            let wake = self.wake();
            let clock = self.cx.clock.clone();
            tokio::select! {
                () = clock.sleep_until(wake) => {}
                changed = tasks.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let plan = tasks.borrow_and_update().clone();
                    self.plan(&plan);
                }
                Some(task) = now.recv() => {
                    self.once(&task);
                    // Those that came together go out together.
                    while let Ok(task) = now.try_recv() {
                        self.once(&task);
                    }
                }
                Some((slot, host, found)) = answers.recv() => self.found(slot, &host, found),
            }
        }
    }

    /// When there is something to do: the next due time on the grid of ticks, or the next look at the sockets.
    fn wake(&self) -> Mono {
        let now = self.cx.clock.mono();
        let due = self.todo.peek().map(|Reverse((at, _))| *at);
        let look = (self.waiting + self.bursts > 0).then(|| {
            let step = if now.since(self.last_send) < QUIET || self.bursts > 0 { TICK } else { SLOW_TICK };
            now.plus(step)
        });
        let at = match (due, look) {
            (Some(a), Some(b)) => a.min(b),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => return now.plus(Duration::from_secs(3600)),
        };
        let since = u64::try_from(at.since_origin().as_nanos()).unwrap_or(u64::MAX);
        Mono::from_origin(Duration::from_nanos(since.div_ceil(TICK_NANOS).saturating_mul(TICK_NANOS)))
    }

    fn tick(&mut self) {
        self.pinger.drain(&mut self.events);
        self.take_events();
        let now = self.cx.clock.mono();
        while let Some(Reverse((at, todo))) = self.todo.peek().copied()
            && at <= now
        {
            self.todo.pop();
            match todo {
                Todo::Begin(slot, generation) => self.begin_planned(slot, generation, now),
                Todo::Packet(slot, number) => self.packet(slot, number, now),
                Todo::Finish(slot, number) => self.finish(slot, number, now),
                Todo::Burst(slot, number) => self.burst(slot, number, at, now),
            }
        }
        if !self.requests.is_empty() {
            self.last_send = now;
            let requests = std::mem::take(&mut self.requests);
            self.pinger.send(&requests, &mut self.events);
            self.requests = requests;
            self.requests.clear();
            self.take_events();
        }
    }

    /// Takes over a new list of tasks; those that stay keep phase, address and unfinished runs.
    fn plan(&mut self, tasks: &[Arc<Task>]) {
        let mut gone: HashMap<Arc<str>, usize> = std::mem::take(&mut self.by_id);
        for task in tasks {
            match gone.remove(&task.id) {
                Some(slot) => {
                    self.by_id.insert(task.id.clone(), slot);
                    self.renew(slot, task);
                }
                None => {
                    let slot = self.add(task, true);
                    self.schedule(slot);
                }
            }
        }
        for slot in gone.into_values() {
            self.remove(slot);
        }
        // Now rather than at the first packet: what is lacking shows at once, and the kernel needs some
        // milliseconds until it stamps what comes in.
        let now = self.cx.clock.mono();
        for version in [Version::V4, Version::V6] {
            let wanted = |w: &Watched| w.place.address.is_some_and(|a| Version::of(a.ip()) == version);
            if self.slots.iter().flatten().any(wanted) {
                // Said in `limits`; the runs that need it say it too.
                let _ = self.open(version, now);
            }
        }
    }

    fn renew(&mut self, slot: usize, task: &Arc<Task>) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let interval = watched.wants.interval;
        watched.wants = Wants::of(task);
        if watched.task.target != task.target || watched.task.settings != task.settings {
            watched.place = Place::of(task);
            watched.confirm = Confirm::default();
            watched.detour = watched.detour.map(|_| Detour::default());
            self.bursts -= usize::from(watched.burst.take().is_some());
        }
        watched.task = task.clone();
        if !watched.kept || watched.wants.interval != interval {
            watched.kept = true;
            self.schedule(slot);
        }
    }

    fn add(&mut self, task: &Arc<Task>, kept: bool) -> usize {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let watched = Watched {
            task: task.clone(),
            wants: Wants::of(task),
            generation: 0,
            planned: Mono::default(),
            place: Place::of(task),
            flights: VecDeque::new(),
            confirm: Confirm::default(),
            detour: matches!(task.object, Object::Link(_)).then(Detour::default),
            burst: None,
            carry: Tally::default(),
            newest: None,
            kept,
        };
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(watched),
            None => self.slots.push(Some(watched)),
        }
        self.generations = self.generations.wrapping_add(1);
        if let Some(Some(watched)) = self.slots.get_mut(slot) {
            watched.generation = self.generations;
        }
        self.by_id.insert(task.id.clone(), slot);
        slot
    }

    fn remove(&mut self, slot: usize) {
        if let Some(watched) = self.slots.get_mut(slot).and_then(Option::take) {
            self.waiting -= watched.flights.iter().filter(|f| f.done.is_none()).count();
            self.bursts -= usize::from(watched.burst.is_some());
        }
    }

    /// Puts the first run of a slot on the calendar, at its task's phase.
    fn schedule(&mut self, slot: usize) {
        self.generations = self.generations.wrapping_add(1);
        let now = self.cx.clock.mono();
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        watched.generation = self.generations;
        watched.planned = first_after(now, watched.wants.interval, &watched.task.id);
        self.todo.push(Reverse((watched.planned, Todo::Begin(slot, watched.generation))));
    }

    fn begin_planned(&mut self, slot: usize, generation: u32, now: Mono) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if watched.generation != generation {
            return;
        }
        let interval = watched.wants.interval;
        let late_by = now.since(watched.planned);
        let missed = u32::try_from(late_by.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
        watched.planned = watched.planned.plus(interval.saturating_mul(missed.saturating_add(1)));
        self.todo.push(Reverse((watched.planned, Todo::Begin(slot, generation))));
        if missed > 0 {
            let mut run = Run::invalid(Cause::Late, format!("{missed} runs missed: this process did not run"));
            run.tally.invalid = missed.saturating_mul(watched.wants.count);
            self.refuse(slot, run);
        }
        self.begin(slot, now, true);
    }

    /// Runs a task once, now.
    fn once(&mut self, task: &Arc<Task>) {
        let slot = match self.by_id.get(&task.id) {
            Some(slot) => *slot,
            None => self.add(task, false),
        };
        self.begin(slot, self.cx.clock.mono(), false);
    }

    fn begin(&mut self, slot: usize, now: Mono, planned: bool) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if watched.flights.len() >= MAX_FLIGHTS {
            return self.refuse(slot, Run::invalid(Cause::Overrun, "earlier runs have not ended"));
        }
        if watched.place.host.is_empty() {
            return self.refuse(slot, Run::invalid(Cause::Unsupported, "the task has no address"));
        }
        self.numbers = self.numbers.wrapping_add(1) & (u32::MAX >> PACKET_BITS);
        let number = self.numbers;
        let stale = !watched.place.fixed && now.since(watched.place.found_at) >= RESOLVE_STALE;
        let to = watched.place.address.filter(|_| !stale);
        let end = now.plus(watched.wants.timeout).plus(watched.wants.grace);
        // A name that is not known yet is not worth waiting for longer than the run may take.
        let end = if to.is_none() { now.plus(watched.wants.timeout) } else { end };
        watched.flights.push_back(Flight {
            number,
            began: self.cx.clock.wall(),
            start: now,
            end,
            planned,
            to,
            score: Score::default(),
            done: None,
        });
        self.waiting += 1;
        let look = if planned && to.is_some() { watched.in_doubt_at(now).min(end) } else { end };
        self.todo.push(Reverse((look, Todo::Finish(slot, number))));
        self.look_up(slot, now);
        if to.is_some() {
            self.packet(slot, number, now);
        }
    }

    /// Sends the next packet of a run, and plans the one after it.
    fn packet(&mut self, slot: usize, number: u32, now: Mono) {
        let Some((version, to)) = self.address_of(slot, number) else { return };
        let opened = self.open(version, now);
        let Some((_, wants, flight)) = self.flight(slot, number) else { return };
        let route = match opened.and_then(|()| wants.way.route()) {
            Ok(route) => route,
            Err(error) => {
                flight.score =
                    Score { tried: wants.count, invalid: wants.count, said: Some(error), ..Score::default() };
                return self.complete(slot, number);
            }
        };
        let packet = flight.score.tried;
        flight.score.tried += 1;
        let request = Request {
            to,
            size: wants.size,
            route,
            whole: wants.whole,
            deadline: flight.start.plus(wants.timeout),
            token: (slot as u64) << 32 | u64::from(number << PACKET_BITS | packet),
        };
        let more = flight.score.tried < wants.count;
        let next = now.plus(wants.spacing);
        self.requests.push(request);
        if more {
            self.todo.push(Reverse((next, Todo::Packet(slot, number))));
        }
    }

    fn address_of(&mut self, slot: usize, number: u32) -> Option<(Version, SocketAddr)> {
        let (_, _, flight) = self.flight(slot, number)?;
        let to = flight.to?;
        Some((Version::of(to.ip()), to))
    }

    /// An unfinished run with its task.
    fn flight(&mut self, slot: usize, number: u32) -> Option<(&Arc<Task>, &Wants, &mut Flight)> {
        let Watched { task, wants, flights, .. } = self.slots.get_mut(slot)?.as_mut()?;
        let flight = flights.iter_mut().find(|f| f.number == number && f.done.is_none())?;
        Some((task, wants, flight))
    }

    fn take_events(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.take_event(event);
        }
        self.events = events;
    }

    fn take_event(&mut self, event: Event) {
        let token = event.token();
        let slot = (token >> 32) as usize;
        let number = token as u32 >> PACKET_BITS;
        let packet = token as u32 & ((1 << PACKET_BITS) - 1);
        if self.take_detour(slot, number, packet, &event) {
            return;
        }
        if packet >= BURST_FROM {
            return self.take_burst_event(slot, number, event);
        }
        if let (Event::Reply { rtt, .. }, Some(Some(watched))) = (&event, self.slots.get_mut(slot)) {
            watched.confirm.answered(*rtt);
        }
        let overtaken = matches!(event, Event::Reply { .. }) && self.overtaken(slot, token as u32);
        let Some((_, wants, flight)) = self.flight(slot, number) else {
            return self.too_late(slot, &event);
        };
        let score = &mut flight.score;
        match event {
            Event::Reply { rtt, late, .. } => {
                score.answered += 1;
                score.late += u32::from(late);
                score.reordered += u32::from(overtaken);
                if let Some(rtt) = rtt {
                    score.rtts.push(rtt.as_secs_f64());
                    score.last = score.last.max(rtt + wants.spacing * packet);
                }
            }
            Event::Duplicate { .. } => score.duplicate += 1,
            Event::Unreachable { why, by, .. } => {
                score.unreachable += 1;
                let to = flight.to.map(|to| to.ip().to_string()).unwrap_or_default();
                let by = by.map(|by| format!(", says {by}")).unwrap_or_default();
                score.said = Some(NetError::new(Cause::Unreachable, format!("{to}: {}{by}", why.words())));
            }
            Event::NotSent { error, .. } => {
                match error.outcome() {
                    Outcome::Failed => score.unreachable += 1,
                    _ => score.invalid += 1,
                }
                score.said = Some(error);
            }
        }
        self.if_over(slot, number);
    }

    /// Ends a run that waits for nothing more.
    fn if_over(&mut self, slot: usize, number: u32) {
        let Some((_, wants, flight)) = self.flight(slot, number) else { return };
        if flight.score.tried == wants.count && flight.score.waiting() == 0 {
            if flight.score.answered == 0 {
                self.doubt(slot, number, self.cx.clock.mono());
            }
            self.complete(slot, number);
        }
    }

    /// Whether a later packet of the task was answered before this one. Numbers may wrap.
    fn overtaken(&mut self, slot: usize, packet: u32) -> bool {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return false };
        let behind = watched.newest.map_or(0, |newest| newest.wrapping_sub(packet) as i32) > 0;
        if !behind {
            watched.newest = Some(packet);
        }
        behind
    }

    /// A reply to a run that was told already is counted in the next one.
    fn too_late(&mut self, slot: usize, event: &Event) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        match event {
            Event::Reply { .. } => watched.carry.late += 1,
            Event::Duplicate { .. } => watched.carry.duplicate += 1,
            Event::Unreachable { .. } | Event::NotSent { .. } => {}
        }
    }

    /// A run has no answer when one is usual, or its time is over.
    fn finish(&mut self, slot: usize, number: u32, now: Mono) {
        let Some((_, _, flight)) = self.flight(slot, number) else { return };
        let (start, to, end) = (flight.start, flight.to, flight.end);
        if now < end {
            self.todo.push(Reverse((end, Todo::Finish(slot, number))));
            return self.doubt(slot, number, now);
        }
        let overflowed = to.is_some_and(|to| self.pinger.overflowed(Version::of(to.ip()), start));
        let Some((_, wants, flight)) = self.flight(slot, number) else { return };
        if to.is_none() {
            let timeout = wants.timeout;
            let host = self.slots.get(slot).and_then(Option::as_ref).map_or("", |w| &w.place.host);
            let error = NetError::new(Cause::Resolve, format!("resolve {host}: no answer in time"));
            return self.settle(slot, number, Run::error(error, Vec::new(), timeout));
        }
        if overflowed && flight.score.waiting() > 0 {
            flight.score.invalid += flight.score.waiting();
            flight.score.said = Some(NetError::new(
                Cause::Overflow,
                "the receive buffer overflowed: a reply may be among the dropped",
            ));
        }
        self.complete(slot, number);
    }

    fn complete(&mut self, slot: usize, number: u32) {
        let Some((task, wants, flight)) = self.flight(slot, number) else { return };
        let run = match flight.to {
            Some(to) => report(task, wants, &to.ip(), &flight.score),
            None => report(task, wants, &task.id, &flight.score),
        };
        if let Some(Some(watched)) = self.slots.get_mut(slot) {
            (0..run.tally.lost).for_each(|_| watched.confirm.lost());
        }
        self.settle(slot, number, run);
    }

    /// A run has ended; it is told as soon as all before it are.
    fn settle(&mut self, slot: usize, number: u32, run: Run) {
        let Some((_, _, flight)) = self.flight(slot, number) else { return };
        flight.done = Some(run);
        self.waiting -= 1;
        self.tell(slot);
    }

    /// A run that ends without having begun.
    fn refuse(&mut self, slot: usize, run: Run) {
        let now = self.cx.clock.now();
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let score = Score::default();
        watched.flights.push_back(Flight {
            number: 0,
            began: now.wall,
            start: now.mono,
            end: now.mono,
            planned: true,
            to: None,
            score,
            done: Some(run),
        });
        self.tell(slot);
    }

    fn tell(&mut self, slot: usize) {
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        while watched.flights.front().is_some_and(|f| f.done.is_some()) {
            let Some(Flight { began, done: Some(mut run), .. }) = watched.flights.pop_front() else { return };
            run.tally.add(std::mem::take(&mut watched.carry));
            self.out.push((watched.task.clone(), began, run));
        }
        if !watched.kept && watched.flights.is_empty() {
            let id = watched.task.id.clone();
            self.by_id.remove(&id);
            self.remove(slot);
        }
    }
}

/// The first time after `now` that has this task's phase: a hash of its id, spread over the interval.
fn first_after(now: Mono, interval: Duration, id: &str) -> Mono {
    // FNV-1a: stable over restarts and builds, unlike std's hashers.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let length = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let phase = hash % length;
    let at = u64::try_from(now.since_origin().as_nanos()).unwrap_or(u64::MAX);
    let ahead = (phase + length - at % length) % length;
    now.plus(Duration::from_nanos(ahead))
}
