//! Figures of a run, a row for each way to fail: how many faults, how many of them were found, how long after the fault
//! the incident stood on the console and how long after its end it was resolved, and whether its cause was the right one.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long the 95th percentile from a fault to an incident of that problem may be, over a whole run.
const LIMITS: &[(&str, Duration)] =
    &[("link-down", Duration::from_secs(3)), ("link-degraded", Duration::from_secs(40))];

/// What was measured of one way to fail.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The problem that comes of it; empty if none does.
    pub(crate) problem: String,
    /// Incidents that had to come; of a fault that raises nothing, the faults.
    pub(crate) wanted: usize,
    /// From the fault to its incident.
    pub(crate) found: Vec<Duration>,
    /// From the fault's end to the incident's.
    pub(crate) over: Vec<Duration>,
    /// Incidents that were a cause, or stood under one, as they had to.
    pub(crate) right: usize,
    /// Those that did not.
    pub(crate) wrong: usize,
}

/// Rows by name.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Row>);

/// The time that such a part of them does not pass.
fn share(times: &[Duration], part: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len().saturating_sub(1) as f64 * part).ceil() as usize;
    times.get(at).copied().unwrap_or_default()
}

/// Median, 95th percentile and longest.
fn spread(times: &[Duration]) -> String {
    if times.is_empty() {
        return format!("{:>24}", "-");
    }
    let at = |part| format!("{:>8.2}", share(times, part).as_secs_f64());
    [at(0.5), at(0.95), at(1.0)].concat()
}

impl Figures {
    /// The row of that name.
    pub(crate) fn row(&mut self, name: &str) -> &mut Row {
        self.0.entry(name.to_owned()).or_default()
    }

    /// Takes in those of another play.
    pub(crate) fn extend(&mut self, other: Self) {
        for (name, more) in other.0 {
            let row = self.0.entry(name).or_default();
            row.problem = more.problem;
            row.wanted += more.wanted;
            row.found.extend(more.found);
            row.over.extend(more.over);
            row.right += more.right;
            row.wrong += more.wrong;
        }
    }

    /// Causes that were right, and wrong.
    pub(crate) fn causes(&self) -> (usize, usize) {
        (self.0.values().map(|row| row.right).sum(), self.0.values().map(|row| row.wrong).sum())
    }

    fn found(&self, problem: &str) -> Vec<Duration> {
        self.0.values().filter(|row| row.problem == problem).flat_map(|row| row.found.iter().copied()).collect()
    }

    /// What is slower than it may be.
    pub(crate) fn too_slow(&self) -> Vec<String> {
        let over = |(problem, limit): &(&str, Duration)| {
            let p95 = share(&self.found(problem), 0.95);
            (p95 > *limit).then(|| format!("{problem}: p95 {:.2} s, over {limit:?}", p95.as_secs_f64()))
        };
        LIMITS.iter().filter_map(over).collect()
    }

    /// A table, seconds.
    pub(crate) fn lines(&self) -> Vec<String> {
        let titles = ["p50", "p95", "max"].map(|title| format!("{title:>8}")).concat();
        let mut lines = vec![
            format!(
                "{:<30} {:>6} {:>6}   {:>24}   {:>24} {:>14}",
                "", "wanted", "found", "to incident", "to resolution", "causes"
            ),
            format!("{:<30} {:>6} {:>6}   {titles}   {titles} {:>8}{:>6}", "", "", "", "right", "wrong"),
        ];
        for (name, row) in &self.0 {
            lines.push(format!(
                "{name:<30} {:>6} {:>6}   {}   {} {:>8}{:>6}",
                row.wanted,
                row.found.len(),
                spread(&row.found),
                spread(&row.over),
                row.right,
                row.wrong
            ));
        }
        for (problem, _) in LIMITS {
            let all = self.found(problem);
            lines.push(format!("{:<30} {:>6} {:>6}   {}", format!("all {problem}"), "", all.len(), spread(&all)));
        }
        lines
    }
}
