//! The times of one target, in memory that does not grow with their number: smallest, largest and mean are exact, a
//! quantile is off by at most 1/32 of its value (3 %).

/// Parts of an octave, all of one width: their middle is at most 1/32 off.
const PARTS: i32 = 16;
/// The first octave begins at 2^-20 s, about 1 us; faster is counted there.
const FIRST: i32 = -20;
/// The last ends at 2^6 s; slower is counted there.
const OCTAVES: i32 = 26;
const BUCKETS: usize = (OCTAVES * PARTS) as usize;

/// See above.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    n: u64,
    min: f64,
    max: f64,
    sum: f64,
    counts: Option<Box<[u16; BUCKETS]>>, // from the second time on
}

impl Times {
    /// For many: the memory that the second would take is there at once.
    pub(super) fn of_many() -> Self {
        Self { counts: Some(Box::new([0; BUCKETS])), ..Self::default() }
    }

    /// One more, in seconds.
    pub(super) fn add(&mut self, seconds: f64) {
        if self.n == 0 {
            (self.min, self.max) = (seconds, seconds);
        } else {
            (self.min, self.max) = (self.min.min(seconds), self.max.max(seconds));
        }
        match &mut self.counts {
            Some(counts) => count(counts, seconds),
            None if self.n == 0 => {}
            None => {
                let mut counts = Box::new([0; BUCKETS]);
                count(&mut counts, self.sum);
                count(&mut counts, seconds);
                self.counts = Some(counts);
            }
        }
        self.n += 1;
        self.sum += seconds;
    }

    /// How many; what follows is zero without any.
    pub(super) const fn n(&self) -> u64 {
        self.n
    }

    pub(super) const fn min(&self) -> f64 {
        self.min
    }

    pub(super) const fn max(&self) -> f64 {
        self.max
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / self.n.max(1) as f64
    }

    /// The `q` quantile, 0 to 1.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        let Some(counts) = &self.counts else { return self.min };
        let all: u64 = counts.iter().map(|n| u64::from(*n)).sum();
        let rank = (q.clamp(0.0, 1.0) * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reaches = |n: &u16| {
            seen += u64::from(*n);
            seen >= rank
        };
        counts.iter().position(reaches).map_or(self.max, middle).clamp(self.min, self.max)
    }
}

/// Counts one; when a count is full all are halved, so that the shares stay.
fn count(counts: &mut [u16; BUCKETS], seconds: f64) {
    let Some(count) = counts.get_mut(bucket(seconds)) else { return };
    *count += 1;
    if *count == u16::MAX {
        counts.iter_mut().for_each(|count| *count /= 2);
    }
}

fn bucket(seconds: f64) -> usize {
    // An f64 is its exponent (11 bits, 1023 for 1.0) before its fraction, whose first four bits number the 16 parts.
    let part = (seconds.max(0.0).to_bits() >> 48) as i32 - (1023 + FIRST) * PARTS;
    part.clamp(0, BUCKETS as i32 - 1) as usize
}

fn middle(bucket: usize) -> f64 {
    let (octave, part) = (bucket as i32 / PARTS, bucket as i32 % PARTS);
    f64::from(FIRST + octave).exp2() * (1.0 + (f64::from(part) + 0.5) / f64::from(PARTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_off_by_a_thirty_second_at_most_and_the_rest_is_exact() {
        let mut random = fastrand::Rng::with_seed(5);
        for n in [1, 2, 3, 20, 1000, 200_000] {
            let mut times = if n % 2 == 0 { Times::default() } else { Times::of_many() };
            let mut all: Vec<f64> = (0..n).map(|_| 10f64.powf(random.f64() * 7.0 - 6.0)).collect();
            all.iter().for_each(|seconds| times.add(*seconds));
            assert!((times.mean() / (all.iter().sum::<f64>() / n as f64) - 1.0).abs() < 1e-9);
            all.sort_by(f64::total_cmp);
            assert_eq!((times.n(), times.min(), times.max()), (n, all[0], all[n as usize - 1]));
            for q in [0.0, 0.5, 0.95, 1.0] {
                let exact = all[((q * n as f64).ceil().max(1.0) as usize) - 1];
                let off = (times.quantile(q) / exact - 1.0).abs();
                assert!(off <= 1.0 / 32.0 + 1e-9, "{q} of {n}: {off}");
            }
        }
    }

    #[test]
    fn a_full_count_halves_all_and_the_shares_stay() {
        let mut times = Times::default();
        for at in 0..400_000 {
            times.add(if at % 4 == 0 { 0.2 } else { 0.001 });
        }
        assert!((times.quantile(0.74) / 0.001 - 1.0).abs() < 0.04);
        assert!((times.quantile(0.78) / 0.2 - 1.0).abs() < 0.04);
        assert_eq!(times.n(), 400_000);
    }

    #[test]
    fn what_is_off_the_scale_is_counted_at_its_ends() {
        for seconds in [0.0, -1.0, 1e-300, f64::NAN] {
            assert_eq!(bucket(seconds), 0, "{seconds}");
        }
        assert_eq!(bucket(1e300), BUCKETS - 1);
        assert_eq!(bucket(f64::INFINITY), BUCKETS - 1);
    }
}
