//! What a line does to the frames that pass one way: delay, jitter, loss by chance, in bursts or as it was
//! recorded, frames overtaken and doubled, a rate, a longest frame. Pure: (frame, now) -> when it comes out. The
//! same seed does the same to the same frames. It moves no bytes; `tests/lab/relay.rs` does.

use std::time::Duration;

/// How much later a frame comes that others overtake.
const OVERTAKEN: Duration = Duration::from_millis(20);
/// What a line holds back when frames come faster than its rate; more than this is dropped.
const QUEUE: Duration = Duration::from_millis(50);
/// Bytes of an Ethernet header: the longest frame is said as the longest packet.
const HEADER: usize = 14;

/// Losses as they were recorded, by name: the file says where it comes from.
const RECORDINGS: &[(&str, &str)] = &[("full-queue", include_str!("../recordings/full-queue.losses"))];

/// Loss in bursts: two states of which each frame may change, after Gilbert and Elliott.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bursts {
    /// Chance to turn bad, a frame.
    pub(crate) begin: f64,
    /// Chance to turn good again, a frame.
    pub(crate) end: f64,
    /// Chance of loss while bad.
    pub(crate) loss: f64,
}

/// What one way of a line does.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Impair {
    /// Of every frame.
    pub(crate) delay: Duration,
    /// Added to it, uniform from 0 to this; frames stay in order.
    pub(crate) jitter: Duration,
    /// Chance of loss.
    pub(crate) loss: f64,
    /// Loss in bursts.
    pub(crate) bursts: Option<Bursts>,
    /// Recorded: so many frames pass, so many are lost, and so on, for ever.
    pub(crate) recorded: Vec<u32>,
    /// Recorded by the clock: so long frames pass, so long they are lost, and so on, for ever.
    pub(crate) replay: Vec<Duration>,
    /// Chance to be held up, and how long.
    pub(crate) spikes: Option<(f64, Duration)>,
    /// Chance to be overtaken by what comes after.
    pub(crate) reorder: f64,
    /// Chance to come twice.
    pub(crate) duplicate: f64,
    /// Bits a second.
    pub(crate) rate: Option<f64>,
    /// Longer packets vanish without a word.
    pub(crate) longest: Option<usize>,
}

impl Impair {
    /// Reads words such as `delay=10ms jitter=5ms spikes=0.2/60ms loss=0.3 bursts=0.01/0.3/0.9 recorded=90,3,40,1
    /// replay=full-queue reorder=0.1 duplicate=0.01 rate=2mbit longest=1300 cut`; no word at all is a line that does nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let wrong = || format!("`{word}` is not understood");
            match name {
                "delay" => read.delay = duration(value).ok_or_else(wrong)?,
                "jitter" => read.jitter = duration(value).ok_or_else(wrong)?,
                "loss" => read.loss = chance(value).ok_or_else(wrong)?,
                "reorder" => read.reorder = chance(value).ok_or_else(wrong)?,
                "duplicate" => read.duplicate = chance(value).ok_or_else(wrong)?,
                "cut" if value.is_empty() => read.loss = 1.0,
                "bursts" => {
                    let parts: Vec<f64> = value.split('/').filter_map(chance).collect();
                    let [begin, end, loss] = parts[..] else { return Err(wrong()) };
                    read.bursts = Some(Bursts { begin, end, loss });
                }
                "recorded" => {
                    let runs: Result<Vec<u32>, _> = value.split(',').map(str::parse).collect();
                    read.recorded = runs.map_err(|_| wrong())?;
                    if read.recorded.iter().all(|n| *n == 0) {
                        return Err(wrong());
                    }
                }
                "replay" => {
                    let (_, text) = RECORDINGS.iter().find(|(known, _)| *known == value).ok_or_else(wrong)?;
                    read.replay = losses(text).ok_or_else(wrong)?;
                }
                "spikes" => {
                    let (part, time) = value.split_once('/').ok_or_else(wrong)?;
                    read.spikes = Some(chance(part).zip(duration(time)).ok_or_else(wrong)?);
                }
                "rate" => {
                    let megabits: f64 = value.strip_suffix("mbit").and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
                    read.rate = Some(megabits * 1e6).filter(|rate| *rate > 0.0);
                }
                "longest" => read.longest = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        Ok(read)
    }
}

/// A recording: lines of milliseconds passed and lost, and comments.
fn losses(text: &str) -> Option<Vec<Duration>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let numbers = lines.flat_map(str::split_whitespace).map(|word| word.parse().ok().map(Duration::from_millis));
    let all: Option<Vec<Duration>> = numbers.collect();
    all.filter(|all| all.len() % 2 == 0 && all.iter().any(|time| !time.is_zero()))
}

/// `10ms`, `1.5s`, `250us`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(split)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

fn chance(text: &str) -> Option<f64> {
    text.parse().ok().filter(|p| (0.0..=1.0).contains(p))
}

/// What became of the frames of one way so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Came in.
    pub(crate) frames: u64,
    /// Never came out.
    pub(crate) lost: u64,
    /// Came out twice.
    pub(crate) doubled: u64,
    /// Were overtaken.
    pub(crate) overtaken: u64,
}

/// One way of a line.
#[derive(Debug)]
pub(crate) struct Way {
    does: Impair,
    random: fastrand::Rng,
    bad: bool,
    run: (usize, u32),       // which of the recorded runs, and how far in it
    since: Option<Duration>, // when it began to do this
    free: Duration,          // when the frame before has left, by the rate
    last: Duration,          // when the latest of the frames in order comes out
    /// So far.
    pub(crate) counts: Counts,
}

impl Way {
    /// One that does nothing.
    pub(crate) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let zero = Duration::ZERO;
        Self {
            does: Impair::default(),
            random,
            bad: false,
            run: (0, 0),
            since: None,
            free: zero,
            last: zero,
            counts: Counts::default(),
        }
    }

    /// From now on it does this.
    pub(crate) fn set(&mut self, does: Impair) {
        (self.does, self.bad, self.run, self.since) = (does, false, (0, 0), None);
    }

    /// When a frame of so many bytes that comes in `now` goes out: never, once or twice.
    pub(crate) fn pass(&mut self, bytes: usize, now: Duration) -> [Option<Duration>; 2] {
        self.counts.frames += 1;
        let Some(ready) = self.admit(bytes, now) else {
            self.counts.lost += 1;
            return [None, None];
        };
        let jitter = self.does.jitter.mul_f64(self.random.f64());
        let spike = self.does.spikes.filter(|(part, _)| self.draw(*part)).map_or(Duration::ZERO, |(_, time)| time);
        let mut out = (ready + self.does.delay + jitter + spike).max(self.last);
        if self.draw(self.does.reorder) {
            self.counts.overtaken += 1;
            out += OVERTAKEN;
        } else {
            self.last = out;
        }
        let again = self.draw(self.does.duplicate);
        self.counts.doubled += u64::from(again);
        [Some(out), again.then_some(out)]
    }

    fn draw(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.random.f64() < chance
    }

    /// When the line has taken it; `None` if it is lost.
    fn admit(&mut self, bytes: usize, now: Duration) -> Option<Duration> {
        let longest = self.does.longest.unwrap_or(usize::MAX);
        // Each is asked, so that one sort of loss does not change what another draws.
        let lost = [
            bytes.saturating_sub(HEADER) > longest,
            self.draw(self.does.loss),
            self.in_burst(),
            self.as_recorded(),
            self.replayed(now),
        ];
        if lost.contains(&true) {
            return None;
        }
        let Some(rate) = self.does.rate else { return Some(now) };
        let begins = self.free.max(now);
        if begins - now > QUEUE {
            return None;
        }
        self.free = begins + Duration::from_secs_f64(bytes as f64 * 8.0 / rate);
        Some(self.free)
    }

    fn in_burst(&mut self) -> bool {
        let Some(bursts) = self.does.bursts else { return false };
        let turns = self.draw(if self.bad { bursts.end } else { bursts.begin });
        self.bad ^= turns;
        self.bad && self.draw(bursts.loss)
    }

    fn replayed(&mut self, now: Duration) -> bool {
        let whole: Duration = self.does.replay.iter().sum();
        let since = *self.since.get_or_insert(now);
        let Some(turn) = (now - since).as_nanos().checked_rem(whole.as_nanos()) else { return false };
        let mut end = 0;
        let run = self.does.replay.iter().position(|time| {
            end += time.as_nanos();
            turn < end
        });
        run.is_some_and(|run| run % 2 == 1)
    }

    fn as_recorded(&mut self) -> bool {
        let runs = &self.does.recorded;
        let (mut run, mut into) = self.run;
        if runs.is_empty() {
            return false;
        }
        while runs.get(run).is_none_or(|length| into >= *length) {
            (run, into) = (if run + 1 < runs.len() { run + 1 } else { 0 }, 0);
        }
        self.run = (run, into + 1);
        run % 2 == 1
    }
}
