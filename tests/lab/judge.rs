//! What was seen of incidents, held against what was expected of them: each in time, each once, each cause a
//! cause and each symptom under the right one, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::figures::Figures;
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
                    evidence: String::new(),
                });
                self.episodes.len() - 1
            });
            let Some(episode) = self.episodes.get_mut(at) else { continue };
            match incident["cause"].as_str() {
                Some(cause) if episode.causes.last().is_some_and(|last| last == cause) => {}
                Some(cause) => episode.causes.push(cause.to_owned()),
                None if !episode.causes.is_empty() => episode.echo = true,
                None => {}
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
        let Some(reign) = Reign::of(scenario, &expect.fault, times) else { return false };
        let of: Vec<usize> = reign.episodes(expect, watch).collect();
        let over = |n: &usize| watch.episodes.get(*n).is_some_and(|e| e.ended.is_some());
        of.len() >= expect.count && (expect.ends_within.is_zero() || of.iter().all(over))
    })
}

/// The time of one fault: what begins in it is of this one, not of the next on the same line.
#[derive(Clone, Copy)]
struct Reign {
    began: Duration,
    ended: Duration,
    until: Duration,
}

impl Reign {
    fn of(scenario: &Scenario, id: &str, times: &Times) -> Option<Self> {
        let (began, ended) = *times.get(id)?;
        let on = &scenario.faults.iter().find(|fault| fault.id == id)?.on;
        let same = scenario.faults.iter().filter(|fault| fault.on == *on && fault.id != id);
        let next = same.filter_map(|fault| times.get(&fault.id)).map(|(began, _)| *began).filter(|at| *at > began);
        Some(Self { began, ended, until: next.min().unwrap_or(Duration::MAX) })
    }

    /// Those that an expectation means.
    fn episodes<'a>(self, expect: &'a Expect, watch: &'a Watch) -> impl Iterator<Item = usize> + 'a {
        let here =
            move |e: &Episode| expect.means(&e.problem, &e.object) && e.began >= self.began && e.began < self.until;
        (0..).zip(&watch.episodes).filter(move |(_, e)| here(e)).map(|(n, _)| n)
    }
}

/// Holds what came against what had to.
pub(crate) fn judge(scenario: &Scenario, watch: &Watch, times: &Times) -> Verdict {
    let mut verdict = Verdict::default();
    let names: BTreeMap<&str, String> = watch.episodes.iter().map(|e| (e.id.as_str(), e.name())).collect();
    let mut meant: BTreeSet<usize> = BTreeSet::new();
    for fault in scenario.faults.iter().filter(|fault| !fault.figure.is_empty()) {
        verdict.figures.row(&fault.figure).wanted += 1;
    }
    for expect in &scenario.expects {
        let Some(reign) = Reign::of(scenario, &expect.fault, times) else { continue };
        let found: Vec<usize> = reign.episodes(expect, watch).collect();
        let objects: BTreeSet<&str> = found.iter().map(|n| watch.episodes[*n].object.as_str()).collect();
        let at = reign.began.as_secs_f64();
        let fault = format!("{} at {at:.1} s", expect.figure.as_deref().unwrap_or(&expect.fault));
        if objects.len() != expect.count && !(expect.maybe && objects.len() < expect.count) {
            let (problem, on, want) = (&expect.problem, &expect.on, expect.count);
            verdict.wrong.push(format!("{problem} {on} ({fault}): on {} objects, not {want}", objects.len()));
        }
        if found.len() > objects.len() {
            verdict.wrong.push(format!("{} {} ({fault}): {} times", expect.problem, expect.on, found.len()));
        }
        if let Some(figure) = &expect.figure {
            let row = verdict.figures.row(figure);
            row.problem.clone_from(&expect.problem);
            row.wanted += expect.count;
        }
        for n in &found {
            let before = verdict.wrong.len();
            held(expect, &fault, &watch.episodes[*n], reign, &names, &mut verdict);
            verdict.right += usize::from(verdict.wrong.len() == before);
        }
        meant.extend(found);
    }
    for (n, episode) in watch.episodes.iter().enumerate().filter(|(n, _)| !meant.contains(n)) {
        let near = near(scenario, times, episode);
        unmeant(episode, watch, &meant, n, &names, &near, &mut verdict);
    }
    verdict
}

/// Before an incident that nobody expected: what befell the lines to the same place in so long a time.
const NEAR: Duration = Duration::from_secs(120);

fn near(scenario: &Scenario, times: &Times, episode: &Episode) -> String {
    let place =
        |line: &str| line.rsplit('-').next().is_some_and(|far| !far.is_empty() && episode.object.contains(far));
    let told = scenario.faults.iter().filter(|fault| place(&fault.on)).filter_map(|fault| {
        let (began, ended) = times.get(&fault.id)?;
        let (began, ended, at) = (began.as_secs_f64(), ended.as_secs_f64(), episode.began.as_secs_f64());
        let recent = began <= at && at - ended < NEAR.as_secs_f64();
        recent.then(|| format!("{:?} {} {} {began:.0}-{ended:.0} s", fault.deed, fault.on, fault.with))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Whether one episode is as expected.
fn held(
    expect: &Expect,
    fault: &str,
    episode: &Episode,
    reign: Reign,
    names: &BTreeMap<&str, String>,
    verdict: &mut Verdict,
) {
    let name = episode.name();
    let took = episode.began.saturating_sub(reign.began);
    let mut wrong = |what: String| verdict.wrong.push(format!("{name} ({fault}): {what}"));
    if took > expect.within {
        wrong(format!("after {:.2} s, not within {:?}", took.as_secs_f64(), expect.within));
    }
    // Once the cause is gone, what stood under it may go under what is still there.
    let cause = episode
        .causes
        .first()
        .map(|id| names.get(id.as_str()).cloned().unwrap_or_else(|| format!("old incident {id}")));
    let misplaced = cause.as_ref().map_or(!expect.under.is_empty(), |cause| !expect.under.contains(cause));
    if misplaced {
        wrong(format!("under {cause:?}, not {:?}", expect.under));
    }
    if episode.echo {
        wrong("stood alone after its cause was gone: an echo".into());
    }
    if !expect.says.is_empty() && !expect.says.iter().any(|word| episode.evidence.contains(word)) {
        wrong(format!("says {}, none of {:?}", episode.evidence, expect.says));
    }
    let over = episode.ended.map(|at| at.saturating_sub(reign.ended));
    match over {
        _ if expect.ends_within.is_zero() => {}
        None => wrong("did not end".into()),
        Some(over) if over > expect.ends_within => {
            wrong(format!("ended {:.2} s after its fault, not within {:?}", over.as_secs_f64(), expect.ends_within));
        }
        Some(_) => {}
    }
    if let Some(figure) = &expect.figure {
        let row = verdict.figures.row(figure);
        row.found.push(took);
        row.over.extend(over);
        let wrong = misplaced || episode.echo;
        row.right += usize::from(!wrong);
        row.wrong += usize::from(wrong);
    }
}

/// An episode that no expectation means: fine as a symptom of one, on the same line or its ports.
fn unmeant(
    episode: &Episode,
    watch: &Watch,
    meant: &BTreeSet<usize>,
    n: usize,
    names: &BTreeMap<&str, String>,
    near: &str,
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
    let name = episode.name();
    verdict.wrong.push(format!("unexpected: {name} at {at:.1} s (no. {n}, under {under:?}{echo}; there: {near})"));
}
