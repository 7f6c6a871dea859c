//! What was seen of incidents, held against what was expected of them: each in time, each once, each cause a
//! cause and each symptom under the right one, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::scenario::{Expect, Scenario};

/// An incident from when it became active to when it was no longer.
#[derive(Debug, Clone)]
pub(crate) struct Episode {
    id: String,
    problem: String,
    object: String,
    began: Duration,
    ended: Option<Duration>,
    causes: Vec<String>, // what it stood under, in turn
    echo: bool,          // stood under one and then alone
    loud: Duration,      // until when it stood alone, before it went under one
    evidence: String,
}

impl Episode {
    fn name(&self) -> String {
        format!("{} {}", self.problem, self.object)
    }
}

/// Follows the incidents of the console.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// All that were active since the watch began.
    pub(crate) episodes: Vec<Episode>,
    active: BTreeMap<String, usize>,
}

impl Watch {
    /// Takes what is active now.
    pub(crate) fn see(&mut self, active: &[Value], now: Duration) {
        let ids: BTreeSet<&str> = active.iter().filter_map(|i| i["id"].as_str()).collect();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        for incident in active {
            let id = text(&incident["id"]);
            let at = *self.active.entry(id.clone()).or_insert_with(|| {
                self.episodes.push(Episode {
                    id,
                    problem: text(&incident["problem"]),
                    object: text(&incident["object"]),
                    began: now,
                    ended: None,
                    causes: Vec::new(),
                    echo: false,
                    loud: now,
                    evidence: String::new(),
                });
                self.episodes.len() - 1
            });
            let Some(episode) = self.episodes.get_mut(at) else { continue };
            match incident["cause"].as_str() {
                Some(cause) if episode.causes.last().is_some_and(|last| last == cause) => {}
                Some(cause) => episode.causes.push(cause.to_owned()),
                None if !episode.causes.is_empty() => episode.echo = true,
                None => episode.loud = now,
            }
            let says = incident["contributions"].to_string();
            if !episode.evidence.contains(&says) {
                episode.evidence += &says;
            }
        }
        self.active.retain(|id, at| {
            let stays = ids.contains(id.as_str());
            if let (false, Some(episode)) = (stays, self.episodes.get_mut(*at)) {
                episode.ended = Some(now);
            }
            stays
        });
    }

    /// Whether nothing is active.
    pub(crate) fn is_quiet(&self) -> bool {
        self.active.is_empty()
    }

    /// What is active, for people.
    pub(crate) fn standing(&self) -> Vec<String> {
        self.active.values().filter_map(|at| self.episodes.get(*at)).map(Episode::name).collect()
    }
}

/// When a fault began and ended.
pub(crate) type Times = BTreeMap<String, (Duration, Duration)>;

/// Percentiles that must hold over a whole run.
const LIMITS: &[(&str, Duration)] =
    &[("cut -> incident", Duration::from_secs(3)), ("30 % loss -> incident", Duration::from_secs(40))];

/// The time that such a part of them does not pass.
fn share(times: &[Duration], part: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len().saturating_sub(1) as f64 * part).ceil() as usize;
    times.get(at).copied().unwrap_or_default()
}

/// Times by name: from a fault to its incident, from its end to the incident's end.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<Duration>>);

impl Figures {
    fn add(&mut self, name: &str, time: Duration) {
        self.0.entry(name.to_owned()).or_default().push(time);
    }

    /// Takes in those of another run.
    pub(crate) fn extend(&mut self, other: Self) {
        for (name, times) in other.0 {
            self.0.entry(name).or_default().extend(times);
        }
    }

    /// What is slower than it may be: at the 95th percentile, three seconds from a cut to its incident.
    pub(crate) fn too_slow(&self) -> Vec<String> {
        let over = |(name, limit): &(&str, Duration)| {
            let times = self.0.get(*name)?;
            let p95 = share(times, 0.95);
            (p95 > *limit).then(|| format!("{name}: p95 {:.2} s, over {limit:?}", p95.as_secs_f64()))
        };
        LIMITS.iter().filter_map(over).collect()
    }

    /// One line each: how many, median, 95th percentile, longest.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(name, times): (&String, &Vec<Duration>)| {
            let at = |part| format!("{:.2} s", share(times, part).as_secs_f64());
            format!("{name:<28} {:>4}  p50 {:>8}  p95 {:>8}  max {:>8}", times.len(), at(0.5), at(0.95), at(1.0))
        };
        self.0.iter().filter(|(_, times)| !times.is_empty()).map(line).collect()
    }
}

/// The outcome of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What was not as expected, a line each.
    pub(crate) wrong: Vec<String>,
    /// Times.
    pub(crate) figures: Figures,
    /// Incidents that were expected and came.
    pub(crate) right: usize,
    /// Causes that nobody expected.
    pub(crate) false_causes: usize,
}

/// Whether all that must come is there and over.
pub(crate) fn is_complete(scenario: &Scenario, watch: &Watch, times: &Times) -> bool {
    scenario.expects.iter().filter(|e| !e.maybe).all(|expect| {
        let of: Vec<&Episode> = of(expect, watch, times).collect();
        of.len() >= expect.count && (expect.ends_within.is_zero() || of.iter().all(|e| e.ended.is_some()))
    })
}

/// The episodes that an expectation means: of its problem and object, since its fault began.
fn of<'a>(expect: &'a Expect, watch: &'a Watch, times: &Times) -> impl Iterator<Item = &'a Episode> {
    let began = times.get(&expect.fault).map(|(began, _)| *began).unwrap_or(Duration::MAX);
    watch.episodes.iter().filter(move |e| expect.means(&e.problem, &e.object) && e.began >= began)
}

/// Holds what came against what had to.
pub(crate) fn judge(scenario: &Scenario, watch: &Watch, times: &Times) -> Verdict {
    let mut verdict = Verdict::default();
    let names: BTreeMap<&str, String> = watch.episodes.iter().map(|e| (e.id.as_str(), e.name())).collect();
    let mut meant: BTreeSet<usize> = BTreeSet::new();
    for expect in &scenario.expects {
        let Some(times) = times.get(&expect.fault).copied() else { continue };
        let found: Vec<usize> = (0..watch.episodes.len())
            .filter(|n| {
                watch.episodes.get(*n).is_some_and(|e| expect.means(&e.problem, &e.object) && e.began >= times.0)
            })
            .collect();
        let objects: BTreeSet<&str> = found.iter().map(|n| watch.episodes[*n].object.as_str()).collect();
        if objects.len() != expect.count && !(expect.maybe && objects.len() < expect.count) {
            let (problem, on, want) = (&expect.problem, &expect.on, expect.count);
            verdict.wrong.push(format!("{problem} {on}: on {} objects, not {want}", objects.len()));
        }
        if found.len() > objects.len() {
            verdict.wrong.push(format!("{} {}: {} times", expect.problem, expect.on, found.len()));
        }
        for n in &found {
            let episode = &watch.episodes[*n];
            let before = verdict.wrong.len();
            held(expect, episode, times, &names, &mut verdict);
            verdict.right += usize::from(verdict.wrong.len() == before);
        }
        meant.extend(found);
    }
    for (n, episode) in watch.episodes.iter().enumerate().filter(|(n, _)| !meant.contains(n)) {
        unmeant(episode, watch, &meant, n, &names, &mut verdict);
    }
    verdict
}

/// Whether one episode is as expected.
fn held(
    expect: &Expect,
    episode: &Episode,
    (began, ended): (Duration, Duration),
    names: &BTreeMap<&str, String>,
    verdict: &mut Verdict,
) {
    let name = episode.name();
    let took = episode.began.saturating_sub(began);
    let mut wrong = |what: String| verdict.wrong.push(format!("{name}: {what}"));
    if took > expect.within {
        wrong(format!("after {:.2} s, not within {:?}", took.as_secs_f64(), expect.within));
    }
    // Once the cause is gone, what stood under it may go under what is still there.
    let cause = episode
        .causes
        .first()
        .map(|id| names.get(id.as_str()).cloned().unwrap_or_else(|| format!("old incident {id}")));
    if cause.as_ref().map_or(!expect.under.is_empty(), |cause| !expect.under.contains(cause)) {
        wrong(format!("under {cause:?}, not {:?}", expect.under));
    }
    if episode.echo {
        wrong("stood alone after its cause was gone: an echo".into());
    }
    if !expect.says.is_empty() && !expect.says.iter().any(|word| episode.evidence.contains(word)) {
        wrong(format!("says {}, none of {:?}", episode.evidence, expect.says));
    }
    let over = episode.ended.map(|at| at.saturating_sub(ended));
    match over {
        _ if expect.ends_within.is_zero() => {}
        None => wrong("did not end".into()),
        Some(over) if over > expect.ends_within => {
            wrong(format!("ended {:.2} s after its fault, not within {:?}", over.as_secs_f64(), expect.ends_within));
        }
        Some(_) => {}
    }
    if let Some(figure) = &expect.figure {
        verdict.figures.add(&format!("{figure} -> incident"), took);
        if let Some(over) = over {
            verdict.figures.add(&format!("{figure} mended -> resolved"), over);
        }
    }
    if cause.is_some() && episode.loud > episode.began {
        verdict.figures.add("symptom stood alone at first", episode.loud - episode.began);
    }
}

/// An episode that no expectation means: fine as a symptom of one, on the same line or its ports.
fn unmeant(
    episode: &Episode,
    watch: &Watch,
    meant: &BTreeSet<usize>,
    n: usize,
    names: &BTreeMap<&str, String>,
    verdict: &mut Verdict,
) {
    let cause = episode.causes.first().and_then(|id| meant.iter().map(|m| &watch.episodes[*m]).find(|e| e.id == *id));
    let line = cause.and_then(|e| e.object.strip_prefix("link:"));
    let own = line.is_some_and(|line| episode.object.contains(line));
    if own && !episode.echo {
        return;
    }
    let under = episode.causes.first().map(|id| names.get(id.as_str()).cloned().unwrap_or_else(|| id.to_owned()));
    verdict.false_causes += usize::from(under.is_none());
    let at = episode.began.as_secs_f64();
    let echo = if episode.echo { ", stood alone after its cause was gone" } else { "" };
    verdict.wrong.push(format!("unexpected: {} at {at:.1} s (no. {n}, under {under:?}{echo})", episode.name()));
}
