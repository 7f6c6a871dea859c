//! One session of a task: sends the packets of a run, takes what comes back, and keeps what it says of each direction
//! from one run to the next. A reply that comes in a later run is late there; its packet was lost where it was sent.

use std::net::SocketAddr;
use std::time::Duration;

use crate::codec::stamp::Format;
use crate::engine::directions::{ClockState, Clocks, Directions, Numbers, Times, delays};
use crate::model::observation::{Cause, Outcome};
use crate::model::time::Mono;
use crate::net::error::NetError;
use crate::net::stamp::{Answer, Event, Session, Terms};
use crate::probe::Ctx;
use crate::probe::stamp::{Settled, Wants};

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
        }
    }

    const fn waiting(&self) -> u32 {
        self.tried.saturating_sub(self.answered + self.unreachable + self.invalid)
    }
}

/// A session, and what its replies said so far.
#[derive(Debug)]
pub(super) struct Line {
    session: Session,
    directions: Directions,
}

impl Line {
    pub(super) fn open(to: SocketAddr, wants: &Wants, cx: &Ctx) -> Result<Self, NetError> {
        let terms = Terms { key: wants.key.clone(), size: wants.size, route: wants.way.route()? };
        let session = Session::open(to, terms, cx.clock.clone())?;
        Ok(Self { session, directions: Directions::default() })
    }

    pub(super) const fn peer(&self) -> SocketAddr {
        self.session.peer()
    }

    /// One run: what came late to earlier ones, then its own packets, until all are answered or time is over.
    pub(super) async fn run(&mut self, wants: &Wants, cx: &Ctx, deadline: Mono) -> Score {
        let clock = &cx.clock;
        let mut run = Under {
            first: self.session.next(),
            near: ClockState { in_step: clock.quality().in_step, error: clock.quality().error },
            score: Score::new(self.peer()),
        };
        let mut events = Vec::new();
        self.session.drain(&mut events);
        run.take(&mut events, &mut self.directions);
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
            if !more && run.score.waiting() == 0 {
                break;
            }
            let until = if more { next.min(end) } else { end };
            if self.session.receive(until, &mut events).await {
                run.take(&mut events, &mut self.directions);
            } else if clock.mono() >= end {
                break;
            }
        }
        let mut score = run.score;
        if self.session.take_overflowed() && score.waiting() > 0 {
            score.invalid += score.waiting();
            let words = "the receive buffer overflowed: a reply may be among the dropped";
            score.said = Some(NetError::new(Cause::Overflow, words));
        }
        score.settled = self.directions.settle();
        score.numbers = self.directions.numbers();
        score.jitter = self.directions.jitter();
        score
    }
}

/// A run that is under way.
struct Under {
    /// Number of its first packet.
    first: u32,
    near: ClockState,
    score: Score,
}

impl Under {
    fn not_sent(&mut self, error: NetError) {
        match error.outcome() {
            Outcome::Failed => self.score.unreachable += 1,
            _ => self.score.invalid += 1,
        }
        self.score.said = Some(error);
    }

    const fn mine(&self, seq: u32) -> bool {
        seq.wrapping_sub(self.first) as i32 >= 0
    }

    fn take(&mut self, events: &mut Vec<Event>, directions: &mut Directions) {
        for event in events.drain(..) {
            match event {
                Event::Answered(answer) => self.answered(&answer, directions),
                Event::Copied { seq, far_seq } => {
                    directions.copied(seq, far_seq);
                    self.score.duplicate += 1;
                }
                Event::Unreachable { seq, error } if self.mine(seq) => {
                    self.score.unreachable += 1;
                    self.score.said = Some(error);
                }
                Event::Unreachable { .. } => {}
                Event::Strange { unsigned: true } => self.score.unsigned += 1,
                Event::Strange { unsigned: false } => self.score.strange += 1,
            }
        }
    }

    fn answered(&mut self, answer: &Answer, directions: &mut Directions) {
        let times = answer.times.map(|t| Times {
            sent: t.sent,
            far_received: t.far_received,
            far_sent: t.far_sent,
            received: t.received,
        });
        let variation = directions.answered(answer.seq, answer.far_seq, times.as_ref());
        let mine = self.mine(answer.seq);
        let score = &mut self.score;
        if !mine {
            score.earlier_late += 1;
            return;
        }
        score.answered += 1;
        score.late += u32::from(answer.late);
        score.forward_variation.extend(variation.forward);
        score.back_variation.extend(variation.back);
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
