//! Checks put to a configuration. Three-valued and honest: what cannot be known is `Error` or `Manual`, never a pass.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::dialect::{Dialect, Node, Snapshot};
use super::host;
use super::mask::mask;
use super::pattern::{Bound, Pattern, Value};
use super::policy::{Check, Fallback, Policy, Profile, Quantifier, Reference, Test, Variant, Want, Words};
use crate::config::expr::{Eval, Expr, Lookup, Ref, Val};
use crate::model::finding::MAX_EVIDENCE;
pub use crate::model::finding::{Evidence, Verdict};

/// What a check found.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// The check.
    pub check: &'a Check,
    /// The verdict.
    pub verdict: Verdict,
    /// The block that decided; empty for the top.
    pub block: String,
    /// The lines that prove it; none where absence does.
    pub evidence: Vec<Evidence>,
    /// Why, where the check's own sentence does not say it.
    pub why: Words,
    /// Whether what is asked holds today, and is only partly good because it need not last.
    pub holds: bool,
    /// What to type to mend it.
    pub fix: &'a str,
}

/// Puts a profile's checks to a configuration.
pub fn judge<'a>(policy: &'a Policy, profile: &Profile, snapshot: &Snapshot) -> Vec<Finding<'a>> {
    let asks = |c: &&Check| !c.variants.is_empty() && c.asked_at(profile.level);
    policy.checks.values().filter(asks).map(|check| one(policy, check, profile, snapshot)).collect()
}

/// Puts one check to a configuration.
pub fn one<'a>(policy: &'a Policy, check: &'a Check, profile: &Profile, snapshot: &Snapshot) -> Finding<'a> {
    let bare = |verdict, zh: &str, en: &str| Finding {
        check,
        verdict,
        block: String::new(),
        evidence: Vec::new(),
        why: Words { zh: zh.to_owned(), en: en.to_owned() },
        holds: false,
        fix: "",
    };
    if check.not_in.contains(&snapshot.dialect) {
        return bare(Verdict::Na, "该类设备没有此功能", "devices of this kind do not have it");
    }
    let fits =
        |v: &&Variant| v.os.contains(&snapshot.dialect) && v.version.holds(snapshot.version.as_ref()) != Some(false);
    let Some(variant) = check.variants.iter().find(fits) else {
        return bare(
            Verdict::Manual,
            "该类设备尚无核实过的判据",
            "no criterion has been verified for devices of this kind",
        );
    };
    let judge = Judge { snapshot, params: params(check, profile), lists: &policy.lists, named: RefCell::default() };
    judge.variant(variant).into_finding(check, variant, snapshot)
}

/// A check's parameters as a profile changes them.
pub(super) fn params(check: &Check, profile: &Profile) -> BTreeMap<String, f64> {
    let mut params = check.params.clone();
    let changed = profile.params.iter().filter(|(c, ..)| *c == check.id);
    params.extend(changed.map(|(_, name, value)| (name.clone(), *value)));
    params
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A line.
    Line,
    /// No line, in a whole configuration.
    Absent,
    /// The device's default.
    Default,
    /// The configuration is not whole.
    Gap,
    /// The default depends on a version that is not known.
    Version,
    /// Nothing it is about is there.
    Nothing,
}

#[derive(Debug, Clone)]
struct Outcome {
    verdict: Verdict,
    why: Why,
    block: Option<usize>,
    lines: Vec<usize>,
}

impl Outcome {
    const fn of(verdict: Verdict, why: Why, block: Option<usize>) -> Self {
        Self { verdict, why, block, lines: Vec::new() }
    }

    /// Of several the one that decides, with the lines of all that say the same.
    fn decide(all: Vec<Self>, quantifier: Quantifier) -> Option<Self> {
        let (mut first, same) = quantifier.decide(all, |o| o.verdict)?;
        for other in same {
            if first.lines.len() < MAX_EVIDENCE {
                first.lines.extend(other.lines);
            }
        }
        Some(first)
    }

    fn into_finding<'a>(self, check: &'a Check, variant: &'a Variant, snapshot: &Snapshot) -> Finding<'a> {
        let Self { verdict, why, block, mut lines } = self;
        let tree = &snapshot.tree;
        if lines.is_empty() {
            lines.extend(block);
        }
        lines.sort_unstable();
        lines.dedup();
        let text = |at: usize| {
            let Node { negated, .. } = tree.node(at);
            let word = if *negated { format!("{} ", snapshot.dialect.negation()) } else { String::new() };
            word + &mask(tree.body(at), snapshot.dialect)
        };
        let evidence = |at: &usize| {
            let node = tree.node(*at);
            let (line_from, line_to) = (node.line, node.last);
            Evidence { file: snapshot.file.clone(), line_from, line_to, text: text(*at) }
        };
        let evidence = lines.iter().take(MAX_EVIDENCE).map(evidence).collect();
        let block = block.or_else(|| lines.first().and_then(|at| tree.parent(*at))).map(text).unwrap_or_default();
        let fix = if matches!(verdict, Verdict::Fail | Verdict::Partial) { variant.fix.as_str() } else { "" };
        Finding { check, verdict, block, evidence, why: why.words(snapshot), holds: false, fix }
    }
}

impl Why {
    fn words(self, snapshot: &Snapshot) -> Words {
        let (zh, en) = match self {
            Self::Line => (String::new(), String::new()),
            Self::Absent => ("配置中没有相应命令".to_owned(), "the configuration has no such command".to_owned()),
            Self::Default => (
                "配置中没有相应命令，按设备默认值判定".to_owned(),
                "no such command: the device's default decides".to_owned(),
            ),
            Self::Version => (
                "默认值随版本不同，而版本未知".to_owned(),
                "the default depends on the version, which is not known".to_owned(),
            ),
            Self::Nothing => ("没有相关配置".to_owned(), "nothing it is about is configured".to_owned()),
            Self::Gap => {
                let zh: Vec<String> = snapshot.gaps.iter().take(2).map(super::dialect::Gap::zh).collect();
                let en: Vec<String> = snapshot.gaps.iter().take(2).map(super::dialect::Gap::en).collect();
                (
                    format!("配置不完整：{}", zh.join("；")),
                    format!("the configuration is not whole: {}", en.join("; ")),
                )
            }
        };
        Words { zh, en }
    }
}

struct Judge<'a> {
    snapshot: &'a Snapshot,
    params: BTreeMap<String, f64>,
    lists: &'a BTreeMap<String, Vec<String>>,
    /// Blocks by the name that a reference gives them, by what the reference says.
    named: RefCell<HashMap<String, HashMap<String, usize>>>,
}

/// The names of an expression: captures, parameters, lists.
struct Names<'a> {
    bound: &'a Bound<'a>,
    judge: &'a Judge<'a>,
}

impl Lookup for Names<'_> {
    fn get(&self, slot: &Ref) -> Option<Val<'_>> {
        let Ref::Field(name) = slot else { return None };
        let name: &str = name;
        if let Some((_, value)) = self.bound.iter().rev().find(|(n, _)| *n == name) {
            return Some(match value {
                Value::Number(n) => Val::Number(*n),
                Value::Text(t) | Value::Secret(t) => Val::Text(t),
            });
        }
        let list = || self.judge.lists.get(name).map(|l| Val::List(l));
        self.judge.params.get(name).map(|n| Val::Number(*n)).or_else(list)
    }
}

impl Judge<'_> {
    fn variant(&self, variant: &Variant) -> Outcome {
        if !variant.applies.is_empty()
            && !variant.applies.iter().any(|p| self.find(None, p).any(|(at, _)| self.positive(at)))
        {
            return self.absent(Verdict::Na, Why::Nothing, None);
        }
        self.test(&variant.test)
    }

    fn test(&self, test: &Test) -> Outcome {
        let (parts, quantifier) = match test {
            Test::All(parts) => (parts, Quantifier::All),
            Test::Any(parts) => (parts, Quantifier::Any),
            Test::Each { path, filter, having, without, want, quantifier, empty } => {
                if path.is_empty() {
                    return self.want(want, None, &Bound::new());
                }
                let mut places = Vec::new();
                self.places(path, None, &Bound::new(), &mut |at, bound| {
                    let has = |patterns: &[Pattern]| patterns.iter().any(|p| self.says(at, p));
                    let chosen = (having.is_empty() || has(having)) && !has(without);
                    if chosen && filter.as_ref().is_none_or(|f| self.holds(f, bound)) {
                        places.push(self.want(want, Some(at), bound));
                    }
                });
                let none = || self.absent(*empty, Why::Nothing, None);
                return Outcome::decide(places, *quantifier).unwrap_or_else(none);
            }
        };
        let all = parts.iter().map(|part| self.test(part)).collect();
        Outcome::decide(all, quantifier).unwrap_or(Outcome::of(Verdict::Na, Why::Nothing, None))
    }

    /// Every block that a path leads to, with what it captures.
    fn places(
        &self,
        path: &[Pattern],
        within: Option<usize>,
        bound: &Bound<'_>,
        found: &mut dyn FnMut(usize, &Bound<'_>),
    ) {
        let Some((pattern, rest)) = path.split_first() else { return };
        for (at, captured) in self.find(within, pattern).filter(|(at, _)| self.positive(*at)) {
            let bound: Bound<'_> = bound.iter().cloned().chain(captured).collect();
            match rest {
                [] => found(at, &bound),
                rest => self.places(rest, Some(at), &bound, found),
            }
        }
    }

    /// The commands of a block, or of the top, that look so, turned into their opposite or not.
    fn find<'v>(&'v self, within: Option<usize>, pattern: &'v Pattern) -> impl Iterator<Item = (usize, Bound<'v>)> {
        let tree = &self.snapshot.tree;
        let all: Box<dyn Iterator<Item = usize> + 'v> = match (within, pattern.first()) {
            (Some(at), _) => Box::new(tree.children(at).filter(|at| pattern.may_fit(tree.node(*at).head))),
            (None, Some(word)) => Box::new(tree.tops_with(word)),
            (None, None) => Box::new(tree.tops()),
        };
        all.filter_map(move |at| Some((at, pattern.fit(tree.body(at))?)))
    }

    /// Whether a block has a command that looks so.
    fn says(&self, block: usize, pattern: &Pattern) -> bool {
        self.find(Some(block), pattern).any(|(at, _)| self.positive(at))
    }

    fn positive(&self, at: usize) -> bool {
        !self.snapshot.tree.node(at).negated
    }

    fn holds(&self, expr: &Expr, bound: &Bound<'_>) -> bool {
        expr.eval(&Names { bound, judge: self }) == Eval::True
    }

    /// A verdict that rests on the absence of something.
    fn absent(&self, verdict: Verdict, why: Why, block: Option<usize>) -> Outcome {
        match verdict {
            Verdict::Manual | Verdict::Error => Outcome::of(verdict, why, block),
            _ if !self.snapshot.complete() => Outcome::of(Verdict::Error, Why::Gap, block),
            _ => Outcome::of(verdict, why, block),
        }
    }

    fn want(&self, want: &Want, block: Option<usize>, bound: &Bound<'_>) -> Outcome {
        match want {
            Want::Absent { patterns } => {
                let hits = patterns.iter().flat_map(|p| self.find(block, p)).filter(|(at, _)| self.positive(*at));
                let lines: Vec<usize> = hits.map(|(at, _)| at).collect();
                if lines.is_empty() {
                    return self.absent(Verdict::Pass, Why::Absent, block);
                }
                Outcome { lines, ..Outcome::of(Verdict::Fail, Why::Line, block) }
            }
            Want::Line { .. } => self.line(want, block, bound),
            Want::Group { pattern, by, require, default } => self.group(pattern, by, require, *default, block),
        }
    }

    fn line(&self, want: &Want, block: Option<usize>, bound: &Bound<'_>) -> Outcome {
        let Want::Line { patterns, lines, negated, default, .. } = want else {
            return Outcome::of(Verdict::Error, Why::Nothing, block);
        };
        let mut all = Vec::new();
        let mut opposite = None;
        for (at, captured) in patterns.iter().flat_map(|p| self.find(block, p)) {
            if !self.positive(at) {
                opposite = Some(at);
                continue;
            }
            let bound: Bound<'_> = bound.iter().cloned().chain(captured).collect();
            let verdict = self.value(want, &bound);
            all.push(Outcome { lines: vec![at], ..Outcome::of(verdict, Why::Line, block) });
        }
        if let (Some(at), Some(verdict)) = (opposite, negated) {
            all.push(Outcome { lines: vec![at], ..Outcome::of(*verdict, Why::Line, block) });
        }
        if let Some(outcome) = Outcome::decide(all, *lines) {
            return outcome;
        }
        match default {
            Fallback::Verdict(verdict) => self.absent(*verdict, Why::Absent, block),
            Fallback::Values(versions) => {
                let version = self.snapshot.version.as_ref();
                for (constraint, values) in versions {
                    match constraint.holds(version) {
                        None => return Outcome::of(Verdict::Error, Why::Version, block),
                        Some(false) => {}
                        Some(true) => {
                            let given = values.iter().map(|(n, v)| (n.as_str(), Value::Number(*v)));
                            let bound: Bound<'_> = bound.iter().cloned().chain(given).collect();
                            return self.absent(self.value(want, &bound), Why::Default, block);
                        }
                    }
                }
                Outcome::of(Verdict::Error, Why::Version, block)
            }
        }
    }

    /// What a line's values, captured or default, come to.
    fn value(&self, want: &Want, bound: &Bound<'_>) -> Verdict {
        let Want::Line { assert, partial, otherwise, reference, .. } = want else { return Verdict::Error };
        if assert.as_ref().is_none_or(|a| self.holds(a, bound)) {
            return reference.as_ref().map_or(Verdict::Pass, |r| self.refers(r, bound));
        }
        if partial.as_ref().is_some_and(|p| self.holds(p, bound)) { Verdict::Partial } else { *otherwise }
    }

    /// Whether what a line names is there, and ends as it should.
    fn refers(&self, reference: &Reference, bound: &Bound<'_>) -> Verdict {
        let tree = &self.snapshot.tree;
        let mut named = self.named.borrow_mut();
        let blocks = named.entry(reference.block.text().to_owned()).or_insert_with(|| {
            let mut blocks = HashMap::new();
            for (at, found) in self.find(None, &reference.block) {
                if let Some(name) = text_of(&found, &reference.name) {
                    blocks.entry(name).or_insert(at);
                }
            }
            blocks
        });
        let Some(block) = text_of(bound, &reference.name).and_then(|name| blocks.get(&name).copied()) else {
            return self.absent(Verdict::Fail, Why::Absent, None).verdict;
        };
        let last = tree.children(block).last();
        let good = last.is_some_and(|at| self.positive(at) && reference.last.fit(tree.body(at)).is_some());
        if good { Verdict::Pass } else { Verdict::Partial }
    }

    fn group(
        &self,
        pattern: &Pattern,
        by: &str,
        require: &[(Pattern, Option<Expr>)],
        default: Verdict,
        block: Option<usize>,
    ) -> Outcome {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, bound) in self.find(block, pattern).filter(|(at, _)| self.positive(*at)) {
            groups.entry(text_of(&bound, by).unwrap_or_default()).or_default().push(at);
        }
        let mut all = Vec::new();
        for (wanted, assert) in require {
            let mut hits: HashMap<String, Vec<Outcome>> = HashMap::new();
            for (at, bound) in self.find(block, wanted).filter(|(at, _)| self.positive(*at)) {
                let good = assert.as_ref().is_none_or(|a| self.holds(a, &bound));
                let verdict = if good { Verdict::Pass } else { Verdict::Fail };
                let hit = Outcome { lines: vec![at], ..Outcome::of(verdict, Why::Line, block) };
                hits.entry(text_of(&bound, by).unwrap_or_default()).or_default().push(hit);
            }
            for (name, lines) in &groups {
                let missing = || Outcome { lines: lines.clone(), ..self.absent(Verdict::Fail, Why::Absent, block) };
                let own = hits.remove(name).unwrap_or_default();
                all.push(Outcome::decide(own, Quantifier::All).unwrap_or_else(missing));
            }
        }
        Outcome::decide(all, Quantifier::All).unwrap_or_else(|| self.absent(default, Why::Nothing, block))
    }
}

/// What a capture holds, as text.
fn text_of(bound: &Bound<'_>, name: &str) -> Option<String> {
    bound.iter().find(|(n, _)| *n == name).map(|(_, value)| match value {
        Value::Number(n) => n.to_string(),
        Value::Text(t) | Value::Secret(t) => (*t).to_owned(),
    })
}

/// Runs a check's own test vectors; says for each that does not hold what came instead.
pub fn vectors(policy: &Policy, check: &Check) -> Vec<String> {
    let mut wrong = Vec::new();
    let profile = Profile { id: "l3".to_owned(), level: 3, params: Vec::new() };
    let mut compare = |os: &str, line: usize, expect: Verdict, got: Verdict| {
        if got != expect {
            let (file, id, want, got) = (&check.file, &check.id, expect.as_str(), got.as_str());
            let what = format!("{file}:{line}: check `{id}`, {os}: expected {want}, got {got}");
            wrong.push(what + "; mend the test or the check");
        }
    };
    for (variant, vector) in check.variants.iter().flat_map(|v| v.vectors.iter().map(move |t| (v, t))) {
        for dialect in &variant.os {
            let got = verdict_of(policy, check, &profile, *dialect, &vector.config);
            compare(dialect.as_str(), vector.line, vector.expect, got);
        }
    }
    for (variant, vector) in check.hosts.iter().flat_map(|v| v.vectors.iter().map(move |t| (v, t))) {
        for family in &variant.os {
            let got = host::judge::verdict_of(policy, check, &profile, *family, vector);
            compare(family.as_str(), vector.line, vector.expect, got);
        }
    }
    wrong
}

/// The verdict on a vector, which counts as a whole configuration.
fn verdict_of(policy: &Policy, check: &Check, profile: &Profile, dialect: Dialect, config: &str) -> Verdict {
    match Snapshot::read("test", config.as_bytes(), Some(dialect)).map(|all| all.into_iter().next()) {
        Ok(Some(mut snapshot)) => {
            snapshot.gaps.clear();
            one(policy, check, profile, &snapshot).verdict
        }
        _ => Verdict::Error,
    }
}

#[cfg(test)]
mod tests;
