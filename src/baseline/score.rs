//! From results of checks to items (测评项), control points (控制点) and figures. Pure: what checks and people say in,
//! what it comes to out. GB/T 28448-2019: all positive is 符合, some 部分符合, none 不符合, no object 不适用. What is not
//! known is never counted as passed.

use std::collections::BTreeMap;

use super::policy::Clause;
use crate::model::Wall;
use crate::model::finding::{Finding, Verdict};
use crate::model::id::AssetId;
use crate::model::waiver::{Reach, Waiver};

/// The problem, and the runbook, of a check that passed and fails now.
pub const DRIFT: &str = "baseline-drift";

/// A run in which more than this share says nothing is broken, not good.
const LOUD: f64 = 0.5;

/// What a result says, without the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The check.
    pub check: String,
    /// The item it serves (GB/T 28448).
    pub item: String,
    /// What the machine found.
    pub found: Verdict,
    /// What a person put in its place.
    pub by_hand: Option<Verdict>,
    /// Whether a waiver stands for it.
    pub waived: bool,
    /// 1 general, 2 important, 3 key.
    pub weight: u8,
    /// Whether a failure may be a major hazard.
    pub major: bool,
}

impl Said {
    /// What counts.
    pub fn raw(&self) -> Verdict {
        self.by_hand.unwrap_or(self.found)
    }
    /// The same with waivers.
    pub fn adjusted(&self) -> Verdict {
        let raw = self.raw();
        if self.waived && matches!(raw, Verdict::Fail | Verdict::Partial) { Verdict::Pass } else { raw }
    }
}

/// What comes of several.
pub fn merge(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
    let mut seen = [false; Verdict::ALL.len()];
    for verdict in verdicts {
        seen[verdict as usize] = true;
    }
    let has = |verdict: Verdict| seen[verdict as usize];
    let good = has(Verdict::Pass) || has(Verdict::Partial);
    Some(match () {
        () if has(Verdict::Fail) && !good => Verdict::Fail,
        () if has(Verdict::Fail) || has(Verdict::Partial) => Verdict::Partial,
        () if has(Verdict::Error) => Verdict::Error,
        () if has(Verdict::Manual) => Verdict::Manual,
        () if has(Verdict::Pass) => Verdict::Pass,
        () if has(Verdict::Na) => Verdict::Na,
        () => return None,
    })
}

/// An item on one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnAsset {
    /// What it comes to.
    pub raw: Verdict,
    /// The same with waivers.
    pub adjusted: Verdict,
    /// Whether a person said so.
    pub by_hand: bool,
    /// Whether a waiver changed it.
    pub waived: bool,
    /// The heaviest of its checks; 1 without any.
    pub weight: u8,
}

/// What is asked of an asset: the machine's results, the person's answers to items, and what the machine looked at.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Results of checks.
    pub said: Vec<Said>,
    /// Answers by item.
    pub answers: BTreeMap<String, Verdict>,
    /// `device` or `host`; nothing if it was never looked at, so that all is 未能核查.
    pub class: Option<&'static str>,
}

/// The class of a command language or an operating system.
pub fn class(os: &str) -> &'static str {
    if super::dialect::Dialect::parse(os).is_some() { "device" } else { "host" }
}

/// What an item comes to on an asset.
pub fn item(clause: &Clause, asked: &Asked) -> OnAsset {
    let checks: Vec<&Said> = asked.said.iter().filter(|said| said.item == clause.item).collect();
    let weight = checks.iter().map(|said| said.weight).max().unwrap_or(1);
    if let Some(answer) = asked.answers.get(&clause.item) {
        return OnAsset { raw: *answer, adjusted: *answer, by_hand: true, waived: false, weight };
    }
    let none = if asked.class.is_some() { Verdict::Manual } else { Verdict::Error };
    let whole = asked.class.is_some_and(|class| clause.decides.iter().any(|one| one == class));
    let of = |verdicts: Option<Verdict>| match verdicts.unwrap_or(none) {
        // A part was proven, the rest is for a person to look at.
        Verdict::Pass | Verdict::Na if !whole => Verdict::Manual,
        verdict => verdict,
    };
    let raw = of(merge(checks.iter().map(|said| said.raw())));
    let adjusted = of(merge(checks.iter().map(|said| said.adjusted())));
    OnAsset { raw, adjusted, by_hand: false, waived: raw != adjusted, weight }
}

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts(pub [u64; Verdict::ALL.len()]);

impl Counts {
    /// Counts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.0[verdict as usize] += 1;
        }
        counts
    }
    /// How many of one.
    pub const fn get(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }
    /// All but those that do not apply.
    pub fn applicable(&self) -> u64 {
        self.0.iter().sum::<u64>() - self.get(Verdict::Na)
    }
    /// 符合率: passed of applicable; nothing if none is.
    pub fn rate(&self) -> Option<f64> {
        (self.applicable() > 0).then(|| self.get(Verdict::Pass) as f64 / self.applicable() as f64)
    }
    /// Whether more than half say nothing: such a run is broken or aims at the wrong thing, it is not good.
    pub fn loud(&self) -> bool {
        let all: u64 = self.0.iter().sum();
        all > 0 && (self.get(Verdict::Na) + self.get(Verdict::Error)) as f64 > LOUD * all as f64
    }
}

/// 自查指数: the deduction of the report template of 2021 over the technical items alone. S is 100 by the applicable
/// items; a key item takes 3 S, an important one 2 S, another S, times what of it is not met (the mean over the
/// objects; 部分符合 is half). What is not known is taken as not met in `low`, as met in `high`. It is our own figure
/// of a self-check and no assessment's score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Index {
    /// Nothing unknown is met.
    pub low: f64,
    /// All unknown is met.
    pub high: f64,
}

/// Computes it of items, each with its weight and its verdicts on all objects; nothing if no item applies.
pub fn index(items: &[(u8, Vec<Verdict>)]) -> Option<Index> {
    let of = |unknown: f64| {
        let met = |verdict: &Verdict| match verdict {
            Verdict::Pass => Some(1.0),
            Verdict::Partial => Some(0.5),
            Verdict::Fail => Some(0.0),
            Verdict::Manual | Verdict::Error => Some(unknown),
            Verdict::Na => None,
        };
        let means: Vec<(f64, f64)> = items
            .iter()
            .filter_map(|(weight, verdicts)| {
                let met: Vec<f64> = verdicts.iter().filter_map(met).collect();
                let mean = met.iter().sum::<f64>() / met.len() as f64;
                (!met.is_empty()).then_some((f64::from(*weight), mean))
            })
            .collect();
        let share = 100.0 / means.len() as f64;
        let lost: f64 = means.iter().map(|(weight, mean)| weight * (1.0 - mean) * share).sum();
        (!means.is_empty()).then_some((100.0 - lost).max(0.0))
    };
    Some(Index { low: of(0.0)?, high: of(1.0)? })
}

/// The control point (控制点) of an item: `8.1.4.1` of `8.1.4.1 a)`.
pub fn point(l3: &str) -> &str {
    l3.split_once(' ').map_or(l3, |(point, _)| point)
}

/// A fingerprint of what a finding rests on: its check, block and lines, but not where they stand.
pub fn pin(finding: &Finding) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let lines = finding.evidence.iter().flat_map(|e| [e.file.as_str(), e.text.as_str()]);
    for text in [finding.check.as_str(), finding.block.as_str()].into_iter().chain(lines) {
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    }
    let hex: String = context.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

/// What a waiver is held against.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The asset.
    pub asset: &'a AssetId,
    /// Its labels.
    pub tags: &'a [String],
    /// Levels of the systems it belongs to.
    pub levels: &'a [u8],
    /// The check.
    pub check: &'a str,
    /// The block that decided.
    pub block: &'a str,
    /// Fingerprint of the evidence.
    pub pin: &'a str,
}

/// Whether a waiver stands for a result now.
pub fn covers(waiver: &Waiver, place: Place<'_>, now: Wall) -> bool {
    let plea = &waiver.plea;
    let reaches = match &plea.reach {
        Reach::Asset(asset) => asset == place.asset,
        Reach::Tag(tag) => place.tags.contains(tag),
        Reach::Level(level) => place.levels.contains(level),
        Reach::All => true,
    };
    reaches
        && waiver.stands(now)
        && plea.check == place.check
        && (plea.block.is_empty() || plea.block == place.block)
        && plea.pin.as_ref().is_none_or(|pin| pin == place.pin)
}

/// The lines of a text that say something: without those that change by themselves, and with runs of lines whose order
/// a device does not keep put in order. Each with its number, from 1.
pub fn stable<'t>(text: &'t str, volatile: &[String], unordered: &[String]) -> Vec<(usize, &'t str)> {
    let begins =
        |line: &str, all: &[String]| all.iter().find(|one| line.trim_start().starts_with(one.as_str())).cloned();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut run: Option<(String, usize)> = None;
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || begins(line, volatile).is_some() {
            continue;
        }
        let kind = begins(line, unordered).filter(|_| !line.starts_with(' '));
        if run.as_ref().map(|(kind, _)| kind) != kind.as_ref() {
            sort(&mut lines, run.take());
            run = kind.map(|kind| (kind, lines.len()));
        }
        lines.push((at + 1, line));
    }
    sort(&mut lines, run);
    lines
}

fn sort(lines: &mut [(usize, &str)], run: Option<(String, usize)>) {
    if let Some(run) = run.and_then(|(_, from)| lines.get_mut(from..)) {
        run.sort_by_key(|(_, line)| *line);
    }
}

#[cfg(test)]
mod tests;
