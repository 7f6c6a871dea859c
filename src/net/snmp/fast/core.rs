//! The engine without its socket: jobs by number, what they send, what an answer or silence makes of them. A request
//! identifier is the job's number and a generation, so an answer finds its job at once, and one that is late finds
//! nothing. A job has at most one request under way, and so has a device, whoever asks it: its jobs take turns, request by
//! request. Jobs of several devices share only the receive buffer, so a silent device holds up nobody else: its share of
//! the buffer is given back long before its time is up.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::oneshot;

use super::wheel::Wheel;
use super::work::Work;
use super::{Counts, Device};
use crate::codec::snmp::{Body, Claim, Kind, Malformed, Message};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::snmp::SnmpError;
use crate::net::snmp::table::Step;

/// How long a request keeps room for its answer in the receive buffer: what comes later comes alone.
const RESERVE: Duration = Duration::from_millis(250);
/// How long a request without an answer keeps others from its device: silence may be the answer to it alone.
pub(in crate::net::snmp) const HOLD: Duration = Duration::from_secs(1);
/// How often a request is sent again because our own buffer overflowed meanwhile, without counting against the device.
const MAX_EXCUSED: u32 = 3;
/// Bits of the generation in a request identifier. What is above them is the number of the job; the bit above that is
/// always set, so that an identifier takes four bytes.
const GENERATION_BITS: u32 = 14;
/// Jobs at once: as many as what is left of an identifier can number.
pub(super) const MAX_JOBS: usize = 1 << 16;
const ID_MARK: u32 = 1 << 30;

/// A task for the engine.
pub(super) struct Order {
    pub(super) device: Arc<Device>,
    pub(super) work: Work,
    /// It ends by then, whatever came.
    pub(super) end: Option<Mono>,
    /// Where it goes when it ended.
    pub(super) done: oneshot::Sender<Work>,
}

/// Jobs and their timers.
pub(super) struct Core {
    slots: Vec<Slot>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    /// Devices that have a request to answer.
    busy: HashMap<SocketAddr, Turn>,
    wheel: Wheel,
    fired: Vec<(u64, u32)>,
    room: Room,
    overflow_at: Option<Mono>,
    counts: Arc<Counts>,
    /// When what is handed in now came.
    now: Mono,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    job: Option<Job>,
    /// The tick of its entry in the wheel that counts; 0 = none.
    armed: u64,
}

/// The request that a device has to answer.
struct Turn {
    /// Whose it is.
    job: u32,
    /// Those who want to ask next.
    waiting: Vec<u32>,
}

struct Job {
    order: Order,
    request: Vec<u8>,
    /// How often this request was sent, and how often again for our own fault.
    tries: u32,
    excused: u32,
    sent_at: Mono,
    /// Until when its answer is waited for; none while it is not sent.
    until: Option<Mono>,
    /// Bytes of the receive buffer that are kept for its answer.
    reserved: usize,
    /// What came from its device in the name of this request, and could not be read.
    malformed: Option<Malformed>,
}

impl Job {
    /// Nothing came that could be read.
    fn silence(&self) -> SnmpError {
        let peer = self.order.device.peer;
        self.malformed.map_or(SnmpError::Timeout { peer }, |why| SnmpError::Malformed { peer, why })
    }
}

/// The receive buffer, shared among answers that are awaited.
struct Room {
    used: usize,
    now: usize,
    most: usize,
}

impl Room {
    /// An overflow says that answers take more than we thought: half as many from then on, then slowly more.
    const fn shrink(&mut self) {
        let least = self.most / 16;
        self.now = if self.now / 2 > least { self.now / 2 } else { least };
    }

    fn grow(&mut self) {
        self.now = (self.now + self.most / 512).min(self.most);
    }
}

impl Core {
    /// With so many bytes of receive buffer.
    pub(super) fn new(buffer: usize, counts: Arc<Counts>, now: Mono) -> Self {
        let most = buffer / 4 * 3;
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            busy: HashMap::new(),
            wheel: Wheel::new(now),
            fired: Vec::new(),
            room: Room { used: 0, now: most, most },
            overflow_at: None,
            counts,
            now,
        }
    }

    /// What is handed in next came at this time.
    pub(super) const fn at(&mut self, now: Mono) {
        self.now = now;
    }

    /// Takes a task on.
    pub(super) fn submit(&mut self, order: Order, now: Mono) {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.slots.len() < MAX_JOBS => {
                self.slots.push(Slot::default());
                self.slots.len() as u32 - 1
            }
            None => {
                let Order { mut work, done, .. } = order;
                let why = format!("snmp: more than {MAX_JOBS} devices asked at once");
                work.end(SnmpError::Net(NetError::new(Cause::Internal, why)));
                let _ = done.send(work); // whoever asked is gone
                return;
            }
        };
        let job = Job {
            order,
            request: Vec::new(),
            tries: 0,
            excused: 0,
            sent_at: now,
            until: None,
            reserved: 0,
            malformed: None,
        };
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.job = Some(job);
        }
        self.go_on(at, Step::Ask);
    }

    /// Writes the next request of a job, or ends it.
    fn go_on(&mut self, at: u32, step: Step) {
        self.give_turn(at);
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let Some(job) = &mut slot.job else { return };
        self.room.used -= std::mem::take(&mut job.reserved);
        slot.generation = (slot.generation + 1) & ((1 << GENERATION_BITS) - 1);
        let id = (ID_MARK | at << GENERATION_BITS | slot.generation) as i32;
        (job.tries, job.excused, job.until, job.malformed) = (0, 0, None, None);
        if step == Step::Ask && job.order.work.ask(&job.order.device, id, &mut job.request) {
            self.ready.push_back(at);
            if let Some(end) = job.order.end {
                self.arm(at, end);
            }
            return;
        }
        if let Some(Job { order: Order { work, done, .. }, .. }) = slot.job.take() {
            let _ = done.send(work); // whoever asked is gone
        }
        self.free.push(at);
    }

    /// Gives the turn at its device back, if a job has it: those who wait for it are ready, and the first of them has it next.
    fn give_turn(&mut self, at: u32) {
        let job = self.slots.get(at as usize).and_then(|slot| slot.job.as_ref());
        let Some(Entry::Occupied(turn)) = job.map(|job| self.busy.entry(job.order.device.peer)) else { return };
        if turn.get().job == at {
            self.ready.extend(turn.remove().waiting);
        }
    }

    /// Makes sure that a job is looked at by `due`.
    fn arm(&mut self, at: u32, due: Mono) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let tick = self.wheel.tick(due);
        if slot.armed == 0 || tick < slot.armed {
            slot.armed = tick;
            self.wheel.put(at, tick);
        }
    }

    /// The jobs that may send now, at most `most`: a job that waits for room in the receive buffer keeps its place.
    pub(super) fn sending(&mut self, most: usize, out: &mut Vec<u32>) {
        out.clear();
        while out.len() < most {
            let Some(&at) = self.ready.front() else { return };
            let job = self.slots.get_mut(at as usize).and_then(|slot| slot.job.as_mut());
            if job.as_ref().is_some_and(|job| job.order.done.is_closed()) {
                self.ready.pop_front();
                self.go_on(at, Step::Done);
                continue;
            }
            // One that ended while it waited, and one whose number stands here twice, have nothing to send.
            if let Some(job) = job.filter(|job| job.until.is_none() && job.reserved == 0) {
                let cost = job.order.device.cost();
                if self.room.used > 0 && self.room.used + cost > self.room.now {
                    return;
                }
                match self.busy.entry(job.order.device.peer) {
                    Entry::Occupied(mut turn) if turn.get().job != at => turn.get_mut().waiting.push(at),
                    turn => {
                        turn.or_insert_with(|| Turn { job: at, waiting: Vec::new() });
                        job.reserved = cost;
                        self.room.used += cost;
                        out.push(at);
                    }
                }
            }
            self.ready.pop_front();
        }
    }

    /// To whom a job sends what.
    pub(super) fn outgoing(&self, at: u32) -> Option<(SocketAddr, &[u8])> {
        let job = self.slots.get(at as usize)?.job.as_ref()?;
        Some((job.order.device.peer, &job.request))
    }

    /// The request of a job left.
    pub(super) fn sent(&mut self, at: u32, now: Mono) {
        let Some(job) = self.slots.get_mut(at as usize).and_then(|slot| slot.job.as_mut()) else { return };
        self.counts.sent.fetch_add(1, Relaxed);
        job.order.device.sent.fetch_add(1, Relaxed);
        if job.tries > 0 || job.excused > 0 {
            self.counts.again.fetch_add(1, Relaxed);
            job.order.device.again.fetch_add(1, Relaxed);
        }
        job.tries += 1;
        let until = now.plus(job.order.device.wait(job.tries));
        (job.sent_at, job.until) = (now, Some(until));
        self.arm(at, until.min(now.plus(RESERVE)));
    }

    /// The request of a job did not leave: later, or never.
    pub(super) fn unsent(&mut self, at: u32, error: Option<NetError>) {
        let Some(job) = self.slots.get_mut(at as usize).and_then(|slot| slot.job.as_mut()) else { return };
        self.room.used -= std::mem::take(&mut job.reserved);
        match error {
            None => self.ready.push_front(at),
            Some(error) => {
                let step = job.order.work.end(SnmpError::Net(error));
                self.go_on(at, step);
            }
        }
    }

    /// A datagram came.
    pub(super) fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        let step = match Message::read(bytes) {
            Ok(message) => self.matched(from, &message, bytes.len()),
            Err(why) if self.broken(from, bytes, why) => return,
            Err(_) => None,
        };
        let Some((at, step)) = step else {
            self.counts.strays.fetch_add(1, Relaxed);
            return;
        };
        self.counts.answers.fetch_add(1, Relaxed);
        self.go_on(at, step);
    }

    /// The job whose answer this is, and what follows: identifier, version, community and source must be those of its
    /// request.
    fn matched(&mut self, from: SocketAddr, message: &Message<'_>, bytes: usize) -> Option<(u32, Step)> {
        let Body::Pdu(answer) = message.body else { return None };
        let Message { version, community, .. } = *message;
        let now = self.now;
        let (at, job) = self.asked(&Claim { version, community, kind: answer.kind, id: answer.id })?;
        let device = &job.order.device;
        if from != device.peer && device.manner.strict_source {
            return None;
        }
        // Of several that were sent it is not known which one is answered.
        device.answered(bytes, (job.tries == 1 && job.excused == 0).then(|| now.since(job.sent_at)));
        let step = job.order.work.take(device, &answer, bytes);
        Some((at, step))
    }

    /// Notes that an answer could not be read, if it is one: from the very address that was asked, in the name of its
    /// request. Who cannot know that name can spoil nothing, and who can does no more: a good answer is still waited for.
    #[cold]
    fn broken(&mut self, from: SocketAddr, bytes: &[u8], why: Malformed) -> bool {
        let job = Claim::of_broken(bytes).and_then(|claim| self.asked(&claim));
        let Some((_, job)) = job.filter(|(_, job)| job.order.device.peer == from) else { return false };
        job.malformed = Some(why);
        self.counts.malformed.fetch_add(1, Relaxed);
        true
    }

    /// The job whose answer a message claims to be.
    fn asked(&mut self, claim: &Claim<'_>) -> Option<(u32, &mut Job)> {
        let id = claim.id as u32;
        let (at, generation) = ((id & !ID_MARK) >> GENERATION_BITS, id & ((1 << GENERATION_BITS) - 1));
        let slot = self.slots.get_mut(at as usize).filter(|slot| slot.generation == generation)?;
        let job = slot.job.as_mut()?;
        let device = &job.order.device;
        let ours = claim.kind == Kind::Response
            && id & ID_MARK != 0
            && job.tries > 0
            && claim.version == device.version
            && claim.community == &*device.community;
        ours.then_some((at, job))
    }

    /// Our receive buffer overflowed.
    pub(super) fn overflowed(&mut self, datagrams: u32, now: Mono) {
        self.counts.overflows.fetch_add(u64::from(datagrams), Relaxed);
        self.overflow_at = Some(now);
        self.room.shrink();
    }

    /// When to call `tick` next.
    pub(super) fn next(&self) -> Option<Mono> {
        self.wheel.next()
    }

    /// Looks at what is due.
    pub(super) fn tick(&mut self, now: Mono) {
        self.now = now;
        let mut fired = std::mem::take(&mut self.fired);
        if self.wheel.advance(now, &mut fired) {
            self.room.grow();
        }
        for (tick, at) in fired.drain(..) {
            let Some(slot) = self.slots.get_mut(at as usize).filter(|slot| slot.armed == tick) else { continue };
            slot.armed = 0;
            self.look(at, now);
        }
        self.fired = fired;
    }

    fn look(&mut self, at: u32, now: Mono) {
        let Some(job) = self.slots.get_mut(at as usize).and_then(|slot| slot.job.as_mut()) else { return };
        if job.order.done.is_closed() || job.order.end.is_some_and(|end| end <= now) {
            let error = job.silence();
            let step = job.order.work.end(error);
            return self.go_on(at, step);
        }
        if let Some(until) = job.until {
            if now.since(job.sent_at) >= RESERVE || until <= now {
                self.room.used -= std::mem::take(&mut job.reserved);
            }
            if until <= now {
                return self.silent(at);
            }
        }
        let holds = job.until.is_some() && now.since(job.sent_at) < HOLD;
        let later =
            [(job.reserved > 0, RESERVE), (holds, HOLD)].map(|(due, after)| due.then(|| job.sent_at.plus(after)));
        let due = [job.order.end, job.until].into_iter().chain(later).flatten().min();
        if !holds && job.until.is_some() {
            self.give_turn(at);
        }
        if let Some(due) = due {
            self.arm(at, due);
        }
    }

    /// A try had no answer.
    fn silent(&mut self, at: u32) {
        self.give_turn(at);
        let Some(job) = self.slots.get_mut(at as usize).and_then(|slot| slot.job.as_mut()) else { return };
        let peer = job.order.device.peer;
        let ours = self.overflow_at.is_some_and(|overflow| overflow >= job.sent_at);
        job.until = None;
        if ours && job.excused < MAX_EXCUSED {
            job.excused += 1;
            job.tries -= 1;
        } else if job.tries > job.order.device.manner.retries {
            let why = "our receive buffer overflowed: raise net.core.rmem_max, or ask fewer devices at once";
            let error = match ours {
                true => SnmpError::Net(NetError::new(Cause::Overflow, format!("snmp {peer}: {why}"))),
                false => job.silence(),
            };
            let step = job.order.work.fail(error);
            return self.go_on(at, step);
        }
        self.ready.push_back(at);
        if let Some(end) = job.order.end {
            self.arm(at, end);
        }
    }

    /// Whether somebody wants to send.
    pub(super) fn is_waiting(&self) -> bool {
        !self.ready.is_empty()
    }
}
