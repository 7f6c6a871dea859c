//! What the replies of a two-way session (STAMP) say of each direction by itself. A far side that numbers its replies
//! tells how many packets reached it, so loss has a direction; times of both clocks give the variation of delay in
//! each, and, where both clocks are in step, the delay. It refuses to guess: what a far side without numbers or a
//! clock without a master cannot tell stays unsaid.

use std::time::Duration;

/// Replies kept until their neighbours are in: two minutes of the fastest session.
const MAX_PENDING: usize = 4096;
/// Numbers further apart than this were not numbered by the same count: the far side began anew.
const MAX_JUMP: i32 = 64;
/// A gap longer than this is no measurement of a direction but the story of an outage.
const MAX_GAP: i32 = 4096;
/// From so many packets without a reply on it was an outage, which is told by itself: as loss it would raise an echo
/// of what was known when it happened.
const OUTAGE: u32 = 10;
/// RFC 3550, section 6.4.1: a sixteenth of each difference goes in.
const GAIN: f64 = 16.0;

/// The four times of an answered packet, in nanoseconds since 1970, each by the clock of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// It left us.
    pub sent: i64,
    /// It reached the far side.
    pub far_received: i64,
    /// The reply left the far side.
    pub far_sent: i64,
    /// The reply reached us.
    pub received: i64,
}

impl Times {
    /// Round-trip time in seconds without what the far side took; `None` if the times contradict each other: a clock
    /// was set in between.
    pub fn round_trip(&self) -> Option<f64> {
        let whole = self.received.checked_sub(self.sent)?;
        let far = self.far_sent.checked_sub(self.far_received)?;
        (far >= 0 && far <= whole).then(|| seconds(whole - far))
    }

    fn forward(&self) -> i64 {
        self.far_received.saturating_sub(self.sent)
    }

    fn back(&self) -> i64 {
        self.received.saturating_sub(self.far_sent)
    }
}

/// What is known of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// Kept in step with UTC from outside.
    pub in_step: bool,
    /// How far off it may be.
    pub error: Duration,
}

/// What both clocks together are worth; the order is that of the field's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// Both in step: delays of one direction mean something.
    InStep,
    /// Ours is not.
    NearFree,
    /// The far one is not.
    FarFree,
    /// Neither is.
    BothFree,
    /// Both say they are, and a packet arrived before it was sent: one of them is wrong.
    Fault,
}

/// Delay of each direction in seconds, as far as the clocks allow, and what they are worth. A delay below zero that
/// the clocks' error explains is no delay and no fault.
pub fn delays(times: &Times, near: ClockState, far: ClockState) -> (Option<f64>, Option<f64>, Clocks) {
    let clocks = match (near.in_step, far.in_step) {
        (true, true) => Clocks::InStep,
        (false, true) => Clocks::NearFree,
        (true, false) => Clocks::FarFree,
        (false, false) => Clocks::BothFree,
    };
    if clocks != Clocks::InStep {
        return (None, None, clocks);
    }
    let error = i64::try_from((near.error + far.error).as_nanos()).unwrap_or(i64::MAX);
    let (forward, back) = (times.forward(), times.back());
    if forward.min(back) < -error {
        return (None, None, Clocks::Fault);
    }
    let known = |delay: i64| (delay >= 0).then(|| seconds(delay));
    (known(forward), known(back), clocks)
}

/// How the far side numbers its replies; the order is that of the field's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Not heard of yet.
    #[default]
    Unknown,
    /// By its own count: it tells what reached it.
    Own,
    /// It gives ours back: it tells nothing of directions.
    Copied,
}

/// In which direction packets were lost; the order is that of the field's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// On the way there.
    Forward,
    /// On the way back.
    Back,
    /// On both.
    Both,
}

/// What became certain of packets of earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Packets that left us.
    pub packets: u32,
    /// Of these, those that did not reach the far side.
    pub forward_lost: u32,
    /// Of those that did, the ones whose reply did not reach us.
    pub back_lost: u32,
    /// They were an outage, and are in none of the counts.
    pub outage: Option<Way>,
}

/// Differences in delay between an answered packet and the one answered before it, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Variation {
    /// There.
    pub forward: Option<f64>,
    /// And back.
    pub back: Option<f64>,
}

/// One session. Packets are numbered upwards from anything but what the far side begins with (0), so that the first
/// reply tells whose numbers it carries.
#[derive(Debug, Clone, Default)]
pub struct Directions {
    numbers: Numbers,
    /// The newest packet that is settled, and the highest number of the far side so far.
    anchor: Option<(u32, u32)>,
    /// Answered and not settled: our number, the far side's.
    pending: Vec<(u32, u32)>,
    /// Numbers of the far side that went to copies made on the way there.
    copies: Vec<u32>,
    before: Option<Times>,
    jitter: [Option<f64>; 2],
}

impl Directions {
    /// A packet was answered for the first time.
    pub fn answered(&mut self, seq: u32, far_seq: u32, times: Option<&Times>) -> Variation {
        let own = seq != far_seq;
        if own && self.numbers != Numbers::Own {
            self.anchor = None;
            self.pending.retain(|(a, b)| a != b);
        }
        self.numbers = if own || self.numbers == Numbers::Own { Numbers::Own } else { Numbers::Copied };
        if self.pending.len() < MAX_PENDING {
            self.pending.push((seq, far_seq));
        }
        times.map_or_else(Variation::default, |times| self.vary(*times))
    }

    /// A packet was answered once more.
    pub fn copied(&mut self, seq: u32, far_seq: u32) {
        let same = self.pending.contains(&(seq, far_seq));
        if !same && self.numbers == Numbers::Own && self.copies.len() < MAX_PENDING {
            self.copies.push(far_seq); // the copy was made before the far side numbered it
        }
    }

    /// How the far side numbers.
    pub const fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Smoothed variation there and back (RFC 3550), in seconds.
    pub const fn jitter(&self) -> [Option<f64>; 2] {
        self.jitter
    }

    /// What has become certain since this was asked last, to be asked when no reply is waited for any more; `None` if
    /// nothing has. Packets after the last answered one stay open until the next is answered.
    pub fn settle(&mut self) -> Option<Settled> {
        let mut batch = std::mem::take(&mut self.pending);
        if self.numbers != Numbers::Own {
            return None;
        }
        // Later than late is told as lost already.
        let first = batch.iter().copied().reduce(|a, b| if ahead(b.0, a.0) < 0 { b } else { a })?;
        let (seq, far) = *self.anchor.get_or_insert(first);
        batch.retain(|(s, _)| ahead(*s, seq) > 0);
        let last = batch.iter().copied().reduce(|a, b| if ahead(b.0, a.0) > 0 { b } else { a })?;
        let sent = ahead(last.0, seq);
        let highest = batch.iter().map(|(_, f)| ahead(*f, far)).fold(0, i32::max);
        let jumped =
            batch.iter().any(|(_, f)| !(-MAX_JUMP..=sent.saturating_add(MAX_JUMP)).contains(&ahead(*f, far)));
        if jumped || sent > MAX_GAP {
            self.begin(last);
            return None;
        }
        let top = far.wrapping_add(highest.unsigned_abs());
        let copies = self.copies.iter().filter(|f| ahead(**f, far) > 0 && ahead(**f, top) <= 0).count();
        self.copies.retain(|f| ahead(*f, top) > 0);
        self.anchor = Some((last.0, top));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let packets = sent.unsigned_abs();
        let answered = number(batch.len()).min(packets);
        let reached = highest.unsigned_abs().saturating_sub(number(copies)).clamp(answered, packets);
        Some(settled(packets, reached, answered))
    }

    /// Counts from here on: this is another count than that of before.
    fn begin(&mut self, last: (u32, u32)) {
        self.anchor = Some(last);
        self.copies.clear();
        if last.0 == last.1 {
            self.numbers = Numbers::Copied; // or none at all
        }
    }

    fn vary(&mut self, times: Times) -> Variation {
        let Some(before) = self.before.replace(times) else { return Variation::default() };
        // No packet of those can have varied by more than its whole way: a clock was set.
        let most = (times.received - times.sent).max(before.received - before.sent);
        let of = |now: i64, then: i64| {
            let by = now.checked_sub(then)?.checked_abs()?;
            (by <= most).then(|| seconds(by))
        };
        let variation =
            Variation { forward: of(times.forward(), before.forward()), back: of(times.back(), before.back()) };
        for (jitter, by) in self.jitter.iter_mut().zip([variation.forward, variation.back]) {
            if let Some(by) = by {
                let old = jitter.unwrap_or(0.0);
                *jitter = Some(old + (by - old) / GAIN);
            }
        }
        variation
    }
}

fn settled(packets: u32, reached: u32, answered: u32) -> Settled {
    let (forward_lost, back_lost) = (packets - reached, reached - answered);
    let lost = packets - answered;
    if lost < OUTAGE || lost <= packets / 2 {
        return Settled { packets, forward_lost, back_lost, outage: None };
    }
    let way = match (forward_lost, back_lost) {
        (_, 0) => Way::Forward,
        (0, _) => Way::Back,
        _ => Way::Both,
    };
    Settled { outage: Some(way), ..Settled::default() }
}

/// How far `a` is ahead of `b`, both counts that begin again after their end.
const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A far side that counts, seen through `arrive` (packets in the order they reach it) and `lost` replies.
    /// Returns what becomes certain, batch by batch of `per_run` packets.
    fn play(sent: u32, per_run: u32, arrive: impl Fn(u32) -> Vec<u32>, reply_lost: impl Fn(u32) -> bool) -> Settled {
        let mut all = Directions::default();
        let (mut far, mut total) = (0, Settled::default());
        for run in 0..sent / per_run {
            for seq in run * per_run + 1..=(run + 1) * per_run {
                for (n, arrived) in arrive(seq).into_iter().enumerate() {
                    if !reply_lost(arrived) {
                        if n > 0 && arrived == seq {
                            all.copied(arrived, far)
                        } else {
                            all.answered(arrived, far, None);
                        }
                    }
                    far += 1;
                }
            }
            let settled = all.settle().unwrap_or_default();
            total.packets += settled.packets;
            total.forward_lost += settled.forward_lost;
            total.back_lost += settled.back_lost;
            total.outage = settled.outage.or(total.outage);
        }
        total
    }

    fn counts(all: Settled) -> (u32, u32, u32) {
        (all.packets, all.forward_lost, all.back_lost)
    }

    #[test]
    fn loss_has_a_direction() {
        let straight = |seq| vec![seq];
        assert_eq!(counts(play(1000, 1, straight, |_| false)), (999, 0, 0));
        // Every tenth is lost on the way there; every seventh reply on the way back.
        let tenth = |seq: u32| if seq.is_multiple_of(10) { vec![] } else { vec![seq] };
        assert_eq!(counts(play(1001, 1, tenth, |_| false)), (1000, 100, 0));
        assert_eq!(counts(play(1000, 1, straight, |seq| seq % 7 == 3)), (999, 0, 143));
        assert_eq!(counts(play(1010, 10, tenth, |seq| seq % 10 == 5)), (1008, 100, 101));
    }

    #[test]
    fn copies_and_turned_order_are_no_loss() {
        let doubled = |seq: u32| if seq.is_multiple_of(5) { vec![seq, seq] } else { vec![seq] };
        assert_eq!(counts(play(1000, 1, doubled, |_| false)), (999, 0, 0));
        let tenth_and_doubled = |seq: u32| match seq % 10 {
            0 => vec![],
            5 => vec![seq, seq],
            _ => vec![seq],
        };
        assert_eq!(counts(play(1001, 1, tenth_and_doubled, |_| false)), (1000, 100, 0));
        // Neighbours change places within a run, on the way there.
        let mut all = Directions::default();
        for far in 0..100u32 {
            let run = far / 10 * 10;
            let seq = match far % 10 {
                3 => run + 5,
                4 => run + 4,
                _ => far + 1,
            };
            all.answered(seq, far, None);
            if far % 10 == 9 {
                let settled = all.settle().unwrap_or_default();
                assert_eq!((settled.forward_lost, settled.back_lost), (0, 0), "{far}");
            }
        }
    }

    #[test]
    fn an_outage_is_told_by_itself_and_is_no_loss() {
        let cut = |seq: u32| if (100..160).contains(&seq) { vec![] } else { vec![seq] };
        let told = play(400, 1, cut, |_| false);
        assert_eq!((told.outage, counts(told)), (Some(Way::Forward), (338, 0, 0)));
        let told = play(400, 1, |seq| vec![seq], |seq| (100..160).contains(&seq));
        assert_eq!((told.outage, counts(told)), (Some(Way::Back), (338, 0, 0)));
    }

    #[test]
    fn a_far_side_that_does_not_count_or_begins_anew_is_noticed() {
        let mut all = Directions::default();
        for seq in 1..50 {
            all.answered(seq, seq, None);
            assert_eq!((all.settle(), all.numbers()), (None, Numbers::Copied));
        }
        // It was replaced by one that counts; that one starts again; then the first is back.
        let mut told = 0;
        for seq in 50..300u32 {
            let far = if seq < 200 { seq - 50 } else { seq - 200 };
            all.answered(seq, far, None);
            told += all.settle().map_or(0, |s| s.packets + 1000 * (s.forward_lost + s.back_lost));
        }
        assert_eq!((all.numbers(), told), (Numbers::Own, 248));
        all.answered(300, 300, None);
        assert_eq!((all.settle(), all.numbers()), (None, Numbers::Copied));
    }

    #[test]
    fn numbers_may_pass_their_end() {
        let mut all = Directions::default();
        for n in 0..200u32 {
            let (seq, far) = (u32::MAX.wrapping_sub(100).wrapping_add(n), u32::MAX.wrapping_sub(50).wrapping_add(n));
            all.answered(seq, far, None);
            let wanted = Settled { packets: 1, ..Settled::default() };
            assert_eq!(all.settle(), (n > 0).then_some(wanted), "{n}");
        }
    }

    const fn times(sent: i64, there: i64, far: i64, back: i64, offset: i64) -> Times {
        let far_received = sent + there + offset;
        Times { sent, far_received, far_sent: far_received + far, received: sent + there + far + back }
    }

    #[test]
    fn the_round_trip_leaves_out_the_far_side_and_any_difference_of_clocks() {
        assert_eq!(times(0, 2_000_000, 5_000_000, 1_000_000, 77_000_000_000).round_trip(), Some(0.003));
        let stepped = Times { far_sent: -1, ..times(0, 2, 5, 1, 0) };
        assert_eq!(stepped.round_trip(), None);
        let longer = Times { far_sent: 1_000, ..times(0, 2, 5, 1, 0) };
        assert_eq!(longer.round_trip(), None);
    }

    #[test]
    fn one_direction_is_told_only_by_clocks_in_step() {
        let clock = |in_step, micros| ClockState { in_step, error: Duration::from_micros(micros) };
        let (good, free) = (clock(true, 100), clock(false, 1));
        let at = |offset| times(1_000_000_000, 2_000_000, 0, 1_000_000, offset);
        assert_eq!(delays(&at(0), good, good), (Some(0.002), Some(0.001), Clocks::InStep));
        assert_eq!(delays(&at(0), free, good), (None, None, Clocks::NearFree));
        assert_eq!(delays(&at(0), good, free), (None, None, Clocks::FarFree));
        assert_eq!(delays(&at(0), free, free), (None, None, Clocks::BothFree));
        // Within both errors below zero: neither a delay nor a fault. Beyond: a clock is wrong, either way.
        assert_eq!(delays(&at(1_100_000), good, good), (Some(0.0031), None, Clocks::InStep));
        assert_eq!(delays(&at(1_300_000), good, good), (None, None, Clocks::Fault));
        assert_eq!(delays(&at(-2_300_000), good, good), (None, None, Clocks::Fault));
    }

    #[test]
    fn variation_needs_no_clock_in_step_and_a_step_is_none() {
        let mut all = Directions::default();
        let offset = 3_600_000_000_000;
        assert_eq!(all.answered(1, 0, Some(&times(0, 10_000_000, 0, 10_000_000, offset))), Variation::default());
        let second = all.answered(2, 1, Some(&times(1_000_000_000, 14_000_000, 0, 10_000_000, offset)));
        assert_eq!(second, Variation { forward: Some(0.004), back: Some(0.0) });
        assert_eq!(all.jitter(), [Some(0.004 / 16.0), Some(0.0)]);
        let stepped = all.answered(3, 2, Some(&times(2_000_000_000, 14_000_000, 0, 10_000_000, offset + 50_000_000)));
        assert_eq!(stepped, Variation::default());
        assert_eq!(all.jitter(), [Some(0.004 / 16.0), Some(0.0)]);
    }
}
