//! One session of a task: sends the packets of a run, takes what comes back, and keeps what it says of each direction
//! from one run to the next. A reply that comes in a later run is late there; its packet was lost where it was sent.

use std::net::SocketAddr;
use std::time::Duration;

use crate::codec::stamp::Format;
use crate::engine::confirm::{Confirm, Found, Step, Verdict};
use crate::engine::detour::Detour;
use crate::engine::directions::{ClockState, Clocks, Directions, Numbers, Times, delays};
use crate::model::observation::{Cause, Outcome};
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::stamp::{Answer, Event, HOPS, Session, Terms};
use crate::probe::stamp::{Settled, Wants};
use crate::probe::{Ctx, way};

/// What the packets of one run met.
#[derive(Debug, Clone)]
pub(super) struct Score {
    pub(super) to: SocketAddr,
    /// Handed to the socket, or refused by it.
    pub(super) tried: u32,
    pub(super) invalid: u32,
    pub(super) answered: u32,
    pub(super) late: u32,
    /// Replies to packets of earlier runs.
    pub(super) earlier_late: u32,
    pub(super) duplicate: u32,
    pub(super) unreachable: u32,
    /// Came from the peer and answered nothing of ours.
    pub(super) strange: u32,
    pub(super) unsigned: u32,
    pub(super) rtts: Vec<f64>,
    pub(super) forward: Vec<f64>,
    pub(super) back: Vec<f64>,
    pub(super) forward_variation: Vec<f64>,
    pub(super) back_variation: Vec<f64>,
    pub(super) jitter: [Option<f64>; 2],
    pub(super) clocks: Option<Clocks>,
    pub(super) clock_error: Option<Duration>,
    pub(super) numbers: Numbers,
    pub(super) settled: Option<Settled>,
    /// What the network said, or why a packet was not sent.
    pub(super) said: Option<NetError>,
    /// Datagrams were dropped here: what is unanswered may have been answered.
    pub(super) overflowed: bool,
}

impl Score {
    pub(super) const fn new(to: SocketAddr) -> Self {
        Self {
            to,
            tried: 0,
            invalid: 0,
            answered: 0,
            late: 0,
            earlier_late: 0,
            duplicate: 0,
            unreachable: 0,
            strange: 0,
            unsigned: 0,
            rtts: Vec::new(),
            forward: Vec::new(),
            back: Vec::new(),
            forward_variation: Vec::new(),
            back_variation: Vec::new(),
            jitter: [None; 2],
            clocks: None,
            clock_error: None,
            numbers: Numbers::Unknown,
            settled: None,
            said: None,
            overflowed: false,
        }
    }

    const fn waiting(&self) -> u32 {
        self.tried.saturating_sub(self.answered + self.unreachable + self.invalid)
    }
}

/// What a burst found, what the network said, and how long that took from the beginning of the run.
pub(super) type Told = (Verdict, Option<NetError>, Duration);

/// A session, and what its replies said so far.
#[derive(Debug)]
pub(super) struct Line {
    session: Session,
    directions: Directions,
    confirm: Confirm,
    /// Of a link: anything else may be reached by any road.
    detour: Option<Detour>,
    /// Numbers of the packets of the last burst.
    numbers: Vec<u32>,
    told: Option<Told>,
}

impl Line {
    pub(super) fn open(to: SocketAddr, wants: &Wants, cx: &Ctx) -> Result<Self, NetError> {
        let terms = Terms { key: wants.key.clone(), size: wants.size, route: wants.way.route()? };
        let session = Session::open(to, terms, cx.clock.clone())?;
        let (directions, confirm) = (Directions::default(), Confirm::default());
        let detour = wants.line.then(Detour::default);
        Ok(Self { session, directions, confirm, detour, numbers: Vec::new(), told: None })
    }

    pub(super) const fn peer(&self) -> SocketAddr {
        self.session.peer()
    }

    /// What the burst that followed the last run found, once.
    pub(super) const fn burst(&mut self) -> Option<Told> {
        self.told.take()
    }

    /// One run: what came late to earlier ones, then its own packets, until all are answered or time is over. If
    /// nothing is answered when that is usual, a burst follows, and the run lasts until that is over.
    pub(super) async fn run(&mut self, wants: &Wants, cx: &Ctx, deadline: Mono) -> Score {
        let clock = &cx.clock;
        let mut run = self.begin(wants, cx);
        let mut events = Vec::new();
        self.session.drain(&mut events);
        self.take(&mut run, &mut events, clock.mono());
        self.session.take_overflowed();
        let (mut next, end) = (clock.mono(), deadline.plus(wants.grace));
        loop {
            let now = clock.mono();
            let more = run.score.tried < wants.count;
            if more && now >= next {
                run.score.tried += 1;
                if let Err(error) = self.session.send(deadline) {
                    run.not_sent(error);
                }
                next = now.plus(wants.spacing);
                continue;
            }
            let over = !more && run.score.waiting() == 0 || now >= end;
            self.doubt(&mut run, wants, over, now);
            if let Some(due) = run.due.filter(|due| *due <= now) {
                self.go_on(&mut run, wants, due, now);
                continue;
            }
            if over && run.due.is_none() {
                break;
            }
            let times = [more.then_some(next), (!over).then_some(end), run.doubted_at, run.due];
            let until = times.into_iter().flatten().min().unwrap_or(end);
            if self.session.receive(until, &mut events).await {
                self.take(&mut run, &mut events, clock.mono());
            }
        }
        self.end(run.score)
    }

    fn begin(&self, wants: &Wants, cx: &Ctx) -> Under {
        let (began, quality) = (cx.clock.mono(), cx.clock.quality());
        let last = wants.spacing.saturating_mul(wants.count.saturating_sub(1));
        Under {
            first: self.session.next(),
            near: ClockState { in_step: quality.in_step, error: quality.error },
            score: Score::new(self.peer()),
            began,
            doubted_at: Some(began.plus(last).plus(self.confirm.patience(wants.timeout))),
            due: None,
            said: None,
        }
    }

    /// Begins a burst if the run has no answer though one is due.
    fn doubt(&mut self, run: &mut Under, wants: &Wants, over: bool, now: Mono) {
        if run.doubted_at.take_if(|at| over || *at <= now).is_none() {
            return;
        }
        // One who never answered, or is asked once by hand, gets none.
        let silent = run.score.answered == 0 && run.score.invalid == 0 && self.confirm.expects();
        if silent && self.confirm.doubt(wants.burst, wants.timeout) {
            self.numbers.clear();
            run.due = Some(now);
        }
    }

    /// Goes on with the burst, where that was due at `due`.
    fn go_on(&mut self, run: &mut Under, wants: &Wants, due: Mono, now: Mono) {
        run.due = match self.confirm.step(due, now) {
            Some(Step::Send(_, next)) => {
                match self.session.send(now.plus(wants.timeout)) {
                    Ok(number) => self.numbers.push(number),
                    Err(error) => {
                        if error.outcome() == Outcome::Invalid {
                            self.confirm.not_sent();
                        }
                        run.said = Some(error);
                    }
                }
                Some(next)
            }
            Some(Step::Wait(next)) => Some(next),
            Some(Step::Over(verdict)) => {
                self.told = Some((verdict, run.said.take(), now.since(run.began)));
                None
            }
            None => None,
        };
    }

    fn end(&mut self, mut score: Score) -> Score {
        score.overflowed = self.session.take_overflowed();
        if score.overflowed && score.waiting() > 0 {
            score.invalid += score.waiting();
            let words = "the receive buffer overflowed: a reply may be among the dropped";
            score.said = Some(NetError::new(Cause::Overflow, words));
        }
        if score.overflowed && self.told.as_ref().is_some_and(|(verdict, ..)| verdict.found == Found::Nobody) {
            self.confirm.unsettled();
        }
        let lost = score.tried.saturating_sub(score.answered + score.invalid);
        (0..lost).for_each(|_| self.confirm.lost());
        score.settled = self.directions.settle();
        score.numbers = self.directions.numbers();
        score.jitter = self.directions.jitter();
        score
    }

    fn take(&mut self, run: &mut Under, events: &mut Vec<Event>, now: Mono) {
        for event in events.drain(..) {
            match event {
                Event::Answered(answer) => self.answered(run, &answer, now),
                Event::Copied { seq, far_seq } => {
                    self.directions.copied(seq, far_seq);
                    run.score.duplicate += u32::from(!self.numbers.contains(&seq));
                }
                Event::Unreachable { seq, error } if self.numbers.contains(&seq) => run.said = Some(error),
                Event::Unreachable { seq, error } if run.mine(seq) => {
                    run.lost_to(error);
                }
                Event::Unreachable { .. } => {}
                Event::Strange { unsigned: true } => run.score.unsigned += 1,
                Event::Strange { unsigned: false } => run.score.strange += 1,
            }
        }
    }

    fn answered(&mut self, run: &mut Under, answer: &Answer, now: Mono) {
        let times = answer.times.map(|t| Times {
            sent: t.sent,
            far_received: t.far_received,
            far_sent: t.far_sent,
            received: t.received,
        });
        // The far side has numbered those of a burst, too.
        let variation = self.directions.answered(answer.seq, answer.far_seq, times.as_ref());
        let of_burst = self.numbers.contains(&answer.seq);
        if let Some(error) = self.elsewhere(answer, now) {
            match of_burst {
                true => run.said = Some(error),
                false if run.mine(answer.seq) => run.lost_to(error),
                false => {}
            }
            return;
        }
        if of_burst {
            return self.confirm.burst_answered(Some(answer.waited));
        }
        self.confirm.answered(Some(answer.waited));
        if !run.mine(answer.seq) {
            run.score.earlier_late += 1;
            return;
        }
        run.score.forward_variation.extend(variation.forward);
        run.score.back_variation.extend(variation.back);
        run.answered(answer, times);
    }
}

impl Line {
    /// That an answer did not come over the line, if it did not.
    fn elsewhere(&mut self, answer: &Answer, now: Mono) -> Option<NetError> {
        let to = self.peer().ip();
        let hops = HOPS.checked_sub(answer.left).filter(|_| answer.left > 0)?;
        let usual = self.detour.as_mut()?.judge(hops, self.confirm.is_silent(), now)?;
        Some(way::detour(&to, hops, usual))
    }
}

/// A run that is under way.
struct Under {
    /// Number of its first packet.
    first: u32,
    near: ClockState,
    score: Score,
    began: Mono,
    /// When it is in doubt, unless it was already.
    doubted_at: Option<Mono>,
    /// When its burst goes on.
    due: Option<Mono>,
    /// What the network said to the burst.
    said: Option<NetError>,
}

impl Under {
    fn not_sent(&mut self, error: NetError) {
        match error.outcome() {
            Outcome::Failed => self.score.unreachable += 1,
            _ => self.score.invalid += 1,
        }
        self.score.said = Some(error);
    }

    fn lost_to(&mut self, error: NetError) {
        self.score.unreachable += 1;
        self.score.said = Some(error);
    }

    const fn mine(&self, seq: u32) -> bool {
        seq.wrapping_sub(self.first) as i32 >= 0
    }

    fn answered(&mut self, answer: &Answer, times: Option<Times>) {
        let score = &mut self.score;
        score.answered += 1;
        score.late += u32::from(answer.late);
        let Some(times) = times else { return };
        let Some(rtt) = times.round_trip() else {
            score.clocks = Some(Clocks::Fault);
            return;
        };
        score.rtts.push(rtt);
        // Times of the other format may or may not count leap seconds; nobody says.
        let comparable = answer.far.in_step && answer.far.format == Format::Ntp;
        let far = ClockState { in_step: comparable, error: answer.far.error };
        let (forward, back, clocks) = delays(&times, self.near, far);
        score.forward.extend(forward);
        score.back.extend(back);
        if clocks == Clocks::InStep {
            score.clock_error = Some(self.near.error + far.error);
        }
        if score.clocks != Some(Clocks::Fault) {
            score.clocks = Some(clocks);
        }
    }
}
