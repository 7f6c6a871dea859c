//! Paces all icmp tasks over one `Pinger`: every task has its own phase in its interval, due work is gathered
//! into ticks, the sockets are read on ticks only (the kernel stamps what arrives in between). The more there is to
//! send, the longer the ticks. Every planned
//! run ends in exactly one `Run`, in the order of its task's runs; several missed in a row are one.

mod burst; // doubts, and the bursts that settle them
mod calendar; // what to do, by the tick it is due in
mod detour; // answers that came by another road than the line
mod place; // addresses of names, and the sockets of their families
mod plan; // which tasks there are, and when each begins

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::codec::icmp::Version;
use crate::engine::confirm::Confirm;
use crate::engine::detour::Detour;
use crate::model::observation::{Cause, Outcome, Tally};
use crate::model::plan::Task;
use crate::model::time::{Mono, Now, Wall};
use crate::net::error::NetError;
use crate::net::icmp::{Event, Pinger, Request};
use crate::net::resolver::too_late;
use crate::probe::icmp::pace::burst::Burst;
use crate::probe::icmp::pace::calendar::Calendar;
use crate::probe::icmp::pace::place::Place;
use crate::probe::icmp::{MAX_INTERVAL, Score, Wants, report};
use crate::probe::way::Ours;
use crate::probe::{self, BulkChannels, Ctx, Ended, Run, TICK};

/// With nothing to send for this long, but answers outstanding, the sockets are read at every `SLOW_TICK`.
const QUIET: Duration = Duration::from_millis(200);
/// See `QUIET`.
const SLOW_TICK: Duration = Duration::from_millis(50);
/// Most packets, events and runs that room is kept for.
const ROOM: usize = 1024;
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
/// Numbers of runs stand above those bits, and wrap there.
const NUMBERS: u32 = u32::MAX >> PACKET_BITS;

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
    before: Option<f64>, // its round trip in seconds, of the runs that are over
    since: u32,          // the number of the first run that is its own: what came before was sent for another
    kept: bool,          // false for a task that came only to run once
}

/// The whole kind.
#[derive(Debug)]
pub(super) struct Pacer {
    cx: Ctx,
    pinger: Pinger,
    ours: Ours,
    slots: Vec<Option<Watched>>,
    free: BTreeSet<usize>, // slots without a task
    by_id: HashMap<Arc<str>, usize>,
    asked: usize, // the slot of the latest run out of turn: those asked for in the order of the plan are next to it
    calendar: Calendar,
    tick: Duration,
    apart: Duration,   // the shortest time between two packets of a task
    pace: (Mono, u64), // packets sent since then
    numbers: u32,
    generations: u32,
    waiting: usize,
    bursts: usize,
    last_send: Mono,
    last_look: Mono,
    closed: [Option<(Mono, NetError)>; 2],
    requests: Vec<Request>,
    events: Vec<Event>,
    begun: Vec<(Mono, usize, u32)>, // runs of this tick, and when to look after them
    out: Vec<Ended>,
    ask: mpsc::Sender<Found>,
    answers: Option<mpsc::Receiver<Found>>,
}

impl Pacer {
    pub(super) fn new(cx: Ctx) -> Self {
        let (ask, answers) = mpsc::channel(MAX_ANSWERS);
        Self {
            pinger: Pinger::new(cx.clock.clone()),
            ours: Ours::default(),
            cx,
            slots: Vec::new(),
            free: BTreeSet::new(),
            by_id: HashMap::new(),
            asked: usize::MAX,
            calendar: Calendar::default(),
            tick: TICK,
            apart: MAX_INTERVAL,
            pace: (Mono::default(), 0),
            numbers: 0,
            generations: 0,
            waiting: 0,
            bursts: 0,
            last_send: Mono::default(),
            last_look: Mono::default(),
            closed: [None, None],
            requests: Vec::new(),
            events: Vec::new(),
            begun: Vec::new(),
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
            self.work();
            // In portions that the channel can hold.
            while !self.out.is_empty() {
                let most = self.out.len().min(out.max_capacity());
                let Ok(places) = out.reserve_many(most).await else { return };
                places.zip(self.out.drain(..most)).for_each(|(place, ended)| place.send(ended));
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
                Some(asked) = now.recv() => {
                    self.once(&asked);
                    // Those that came together go out together.
                    while let Ok(asked) = now.try_recv() {
                        self.once(&asked);
                    }
                }
                Some((slot, host, found)) = answers.recv() => self.found(slot, &host, found),
            }
        }
    }

    /// When there is something to do: the next due time, or the next look at the sockets.
    fn wake(&self) -> Mono {
        let now = self.cx.clock.mono();
        let due = self.calendar.next();
        let look = (self.waiting + self.bursts > 0).then(|| {
            let step = if now.since(self.last_send) < QUIET || self.bursts > 0 { self.tick } else { SLOW_TICK };
            now.plus(step).round_up(self.tick)
        });
        let first = due.into_iter().chain(look).min();
        first.unwrap_or_else(|| now.plus(Duration::from_secs(3600)))
    }

    fn work(&mut self) {
        let at = self.cx.clock.now();
        let now = at.mono;
        let mut due = self.calendar.take(now);
        // Twice within a tick only before a run that has no answer yet is doubted.
        if due.is_some() || now.since(self.last_look) >= self.tick / 2 {
            self.last_look = now;
            self.pinger.drain(&mut self.events);
            self.take_events();
        }
        while let Some((began, todos)) = due {
            for todo in &todos {
                match *todo {
                    Todo::Begin(slot, generation) => self.begin_planned(slot, generation, at),
                    Todo::Packet(slot, number) => self.packet(slot, number, now),
                    Todo::Finish(slot, number) => self.finish(slot, number, now),
                    Todo::Burst(slot, number) => self.burst(slot, number, began, now),
                }
            }
            self.calendar.done(todos);
            due = self.calendar.take(now);
        }
        if !self.requests.is_empty() {
            self.last_send = now;
            self.count(now);
            let requests = std::mem::take(&mut self.requests);
            self.pinger.send(&requests, &mut self.events);
            self.requests = requests;
            self.requests.clear();
            self.take_events();
        }
        // What is near by has answered.
        let mut begun = std::mem::take(&mut self.begun);
        for (look, slot, number) in begun.drain(..) {
            if self.flight(slot, number).is_some() {
                self.calendar.put(look, self.tick, Todo::Finish(slot, number));
            }
        }
        self.begun = begun;
    }

    /// How long ticks are follows from what was sent in the last second.
    fn count(&mut self, now: Mono) {
        let (since, sent) = &mut self.pace;
        *sent += self.requests.len() as u64;
        let within = now.since(*since);
        if within >= Duration::from_secs(1) {
            let second = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            self.tick = probe::tick(sent.saturating_mul(1000) / second, self.apart);
            self.pace = (now, 0);
            // What piled up while this process did not run is not kept room for.
            self.requests.shrink_to(ROOM);
            self.events.shrink_to(ROOM);
            self.begun.shrink_to(ROOM);
            self.out.shrink_to(ROOM);
        }
    }

    fn begin_planned(&mut self, slot: usize, generation: u32, at: Now) {
        let now = at.mono;
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if watched.generation != generation {
            return;
        }
        let interval = watched.wants.interval;
        let late_by = now.since(watched.planned);
        let missed = u32::try_from(late_by.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
        watched.planned = watched.planned.plus(interval.saturating_mul(missed.saturating_add(1)));
        self.calendar.put(watched.planned, self.tick, Todo::Begin(slot, generation));
        if missed > 0 {
            let mut run = Run::invalid(Cause::Late, format!("{missed} runs missed: this process did not run"));
            run.tally.invalid = missed.saturating_mul(watched.wants.count);
            self.refuse(slot, run);
        }
        self.begin(slot, at, true);
    }

    /// Runs tasks once, now.
    fn once(&mut self, tasks: &[Arc<Task>]) {
        let now = self.cx.clock.now();
        for task in tasks {
            let next = self.asked.wrapping_add(1);
            self.asked = match self.slots.get(next) {
                Some(Some(watched)) if Arc::ptr_eq(&watched.task, task) => next,
                _ => match self.by_id.get(&task.id) {
                    Some(slot) => *slot,
                    None => self.add(task, false),
                },
            };
            self.begin(self.asked, now, false);
        }
    }

    fn begin(&mut self, slot: usize, at: Now, planned: bool) {
        let now = at.mono;
        let Some(watched) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if watched.flights.len() >= MAX_FLIGHTS {
            return self.refuse(slot, Run::invalid(Cause::Overrun, "earlier runs have not ended"));
        }
        if watched.place.host.is_empty() {
            return self.refuse(slot, Run::invalid(Cause::Unsupported, "the task has no address"));
        }
        self.numbers = self.numbers.wrapping_add(1) & NUMBERS;
        let number = self.numbers;
        watched.since = first_own(watched.since, number);
        let stale = !watched.place.fixed && now.since(watched.place.found_at) >= RESOLVE_STALE;
        let to = watched.place.address.filter(|_| !stale);
        let end = now.plus(watched.wants.timeout).plus(watched.wants.grace);
        // A name that is not known yet is not worth waiting for longer than the run may take.
        let end = if to.is_none() { now.plus(watched.wants.timeout) } else { end };
        if watched.flights.is_empty() {
            // The same memory again, which is in the cache.
            watched.flights.clear();
        }
        watched.flights.push_back(Flight {
            number,
            began: at.wall,
            start: now,
            end,
            planned,
            to,
            score: Score::default(),
            done: None,
        });
        self.waiting += 1;
        let look = if planned && to.is_some() { watched.in_doubt_at(now).min(end) } else { end };
        self.begun.push((look, slot, number));
        self.look_up(slot, now);
        if to.is_some() {
            self.packet(slot, number, now);
        }
    }

    /// Sends the next packet of a run, and plans the one after it.
    fn packet(&mut self, slot: usize, number: u32, now: Mono) {
        let Some((version, to)) = self.address_of(slot, number) else { return };
        let opened = self.open(version, now);
        let Some(Some(watched)) = self.slots.get(slot) else { return };
        let opened = opened.and_then(|()| self.ours.route(&watched.wants.way, now));
        let Some((_, wants, flight)) = self.flight(slot, number) else { return };
        let route = match opened {
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
        let next = flight.start.plus(wants.spacing * flight.score.tried).max(now);
        self.requests.push(request);
        if more {
            self.calendar.put(next, self.tick, Todo::Packet(slot, number));
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
        let own = |watched: &Watched| is_own(watched.since, number);
        if !self.slots.get(slot).and_then(Option::as_ref).is_some_and(own) {
            return;
        }
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
            self.calendar.put(end, self.tick, Todo::Finish(slot, number));
            return self.doubt(slot, number, now);
        }
        let overflowed = to.is_some_and(|to| self.pinger.overflowed(Version::of(to.ip()), start));
        let Some((_, wants, flight)) = self.flight(slot, number) else { return };
        if to.is_none() {
            let timeout = wants.timeout;
            let host = self.slots.get(slot).and_then(Option::as_ref).map_or("", |w| &w.place.host);
            let run = Run::error(too_late(host), Vec::new(), timeout);
            return self.settle(slot, number, run);
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
        let Some(Some(watched)) = self.slots.get_mut(slot) else { return };
        let Watched { task, wants, flights, confirm, before, .. } = watched;
        let Some(flight) = flights.iter().find(|f| f.number == number && f.done.is_none()) else { return };
        let run = match flight.to {
            Some(to) => report(task, wants, &to.ip(), &flight.score, before),
            None => report(task, wants, &task.id, &flight.score, before),
        };
        (0..run.tally.lost).for_each(|_| confirm.lost());
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

/// Whether a run's number is not before the first own one. Numbers wrap: what is behind by less than half of them is before.
const fn is_own(since: u32, number: u32) -> bool {
    number.wrapping_sub(since) & NUMBERS <= NUMBERS / 2
}

/// The first own number as of the run `number`: it follows at a distance, so that it is never half of the numbers behind.
const fn first_own(since: u32, number: u32) -> u32 {
    let behind = number.wrapping_sub(since) & NUMBERS;
    if behind > NUMBERS / 4 { number.wrapping_sub(NUMBERS / 4) & NUMBERS } else { since }
}

#[cfg(test)]
mod tests;
