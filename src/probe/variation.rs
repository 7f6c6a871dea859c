//! What kinds that time packets share: by how much the round trip varies from packet to packet.

use crate::model::field::Field;
use crate::model::observation::Value;

/// Most packets of a run.
const MAX: usize = 20;

/// RFC 3550's D, of the way there and back together, without its sign: a percentile of it is what a buffer has to bridge.
pub(super) const FIELD: Field = Field::histogram(
    "variation_seconds",
    "时延变化（秒）",
    "difference in round-trip time from the answered packet before",
);

/// The differences of neighbours, in the order in which they were answered; the first is from the one `before`, which
/// becomes the last of these. Seconds.
pub(super) fn of(before: &mut Option<f64>, rtts: &[f64]) -> Value {
    let (mut steps, mut n) = ([0.0; MAX], 0);
    for rtt in rtts {
        if let (Some(before), Some(step)) = (before.replace(*rtt), steps.get_mut(n)) {
            *step = (rtt - before).abs();
            n += 1;
        }
    }
    Value::of_many(steps.get(..n).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_across_runs() {
        let mut before = None;
        let mut told = |rtts: &[f64]| of(&mut before, rtts);
        assert_eq!(told(&[0.5]), Value::Null, "nothing to compare with");
        assert_eq!(told(&[]), Value::Null, "lost");
        assert_eq!(told(&[0.75]), Value::of_many(&[0.25]));
        assert_eq!(told(&[0.5, 1.0, 1.0]), Value::of_many(&[0.25, 0.5, 0.0]));
        let Value::Many(most) = told(&[1.0; 30]) else { panic!("none") };
        assert_eq!(most.len(), MAX);
    }
}
