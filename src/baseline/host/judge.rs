//! Checks put to a host. What could not be seen is `Error` with its reason, never a pass.

use std::collections::BTreeMap;

use super::root::{Root, Unseen};
use super::{Ask, Datum, Fallback, Family, Found, Host, Row, Test, Variant, Vector};
use crate::baseline::judge::{Evidence, Finding, Verdict, params};
use crate::baseline::policy::{Check, Policy, Profile, Quantifier, Words};
use crate::config::expr::{Eval, Expr, Lookup, Ref, Val};
use crate::model::finding::MAX_EVIDENCE;

/// The day of the tests that checks carry: 2024-10-04, days since 1970.
pub const TEST_DAY: i64 = 20_000;

/// Puts a profile's checks to a host.
pub fn judge<'a>(policy: &'a Policy, profile: &Profile, host: &Host) -> Vec<Finding<'a>> {
    let asks = |c: &&Check| !c.hosts.is_empty() && c.asked_at(profile.level);
    policy.checks.values().filter(asks).map(|check| one(policy, check, profile, host)).collect()
}

/// Puts one check to a host.
pub fn one<'a>(policy: &'a Policy, check: &'a Check, profile: &Profile, host: &Host) -> Finding<'a> {
    let Some(variant) = check.hosts.iter().find(|v| v.os.iter().any(|family| host.os.is(*family))) else {
        let (zh, en) = ("该类系统尚无核实过的判据", "no criterion has been verified for systems of this kind");
        return Outcome::said(Verdict::Manual, zh, en).into_finding(check, "");
    };
    let judge = Judge { host, params: params(check, profile), lists: &policy.lists };
    judge.variant(variant).into_finding(check, &variant.fix)
}

#[derive(Debug, Clone)]
struct Outcome {
    verdict: Verdict,
    block: String,
    evidence: Vec<Evidence>,
    why: Words,
    /// Whether what is asked holds today, and is only partly good because it need not last.
    holds: bool,
}

impl Outcome {
    fn said(verdict: Verdict, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let why = Words { zh: zh.into(), en: en.into() };
        Self { verdict, block: String::new(), evidence: Vec::new(), why, holds: false }
    }

    /// What could not be seen: not applicable where there is no running system to look at.
    fn unseen(why: &Unseen) -> Self {
        let verdict = if why.not_running() { Verdict::Na } else { Verdict::Error };
        Self::said(verdict, why.zh(), why.to_string())
    }

    /// Nothing is there; says where it looked.
    fn nothing(verdict: Verdict, looked: &[String]) -> Self {
        let shown = looked.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if looked.len() > 3 { " ..." } else { "" };
        Self::said(verdict, format!("没有相应配置：{shown}{more}"), format!("nothing of it in {shown}{more}"))
    }

    /// The same, good only by a default: what the check makes of that.
    fn by_default(mut self, unwritten: Verdict) -> Self {
        if self.verdict == Verdict::Pass && unwritten != Verdict::Pass {
            (self.verdict, self.holds) = (unwritten, true);
            self.why = Words {
                zh: "未显式配置，仅取决于当前版本的默认值".to_owned(),
                en: "nothing is written: only the default of this version says so".to_owned(),
            };
        }
        self
    }

    /// Of several the one that decides, with the evidence of all that say the same.
    fn decide(all: Vec<Self>, quantifier: Quantifier) -> Option<Self> {
        let (mut first, same) = quantifier.decide(all, |o| o.verdict)?;
        for other in same {
            for proof in other.evidence {
                if first.evidence.len() < MAX_EVIDENCE && !first.evidence.contains(&proof) {
                    first.evidence.push(proof);
                }
            }
            if first.why == Words::default() {
                first.why = other.why;
            }
            // What does not hold even today is said first.
            first.holds &= other.holds;
        }
        Some(first)
    }

    fn into_finding<'a>(self, check: &'a Check, fix: &'a str) -> Finding<'a> {
        let Self { verdict, block, evidence, why, holds } = self;
        let fix = if matches!(verdict, Verdict::Fail | Verdict::Partial) { fix } else { "" };
        Finding { check, verdict, block, evidence, why, holds, fix }
    }
}

struct Judge<'a> {
    host: &'a Host,
    params: BTreeMap<String, f64>,
    lists: &'a BTreeMap<String, Vec<String>>,
}

/// The names of an expression: a row's values, parameters, lists.
struct Names<'a> {
    values: &'a [(String, Datum)],
    judge: &'a Judge<'a>,
}

impl Lookup for Names<'_> {
    fn get(&self, slot: &Ref) -> Option<Val<'_>> {
        let Ref::Field(name) = slot else { return None };
        let name: &str = name;
        if let Some((_, value)) = self.values.iter().rev().find(|(n, _)| n == name) {
            return Some(value.val());
        }
        let list = || self.judge.lists.get(name).map(|l| Val::List(l));
        self.judge.params.get(name).map(|n| Val::Number(*n)).or_else(list)
    }
}

impl Judge<'_> {
    fn variant(&self, variant: &Variant) -> Outcome {
        let mut missing = Ok(!variant.applies.is_empty());
        for path in &variant.applies {
            match self.host.root.exists(path) {
                Ok(true) => return self.test(&variant.test),
                Ok(false) => {}
                Err(why) => missing = Err(why),
            }
        }
        match missing {
            Ok(true) => Outcome::said(
                Verdict::Na,
                format!("没有 {}", variant.applies.join("、")),
                format!("there is no {}", variant.applies.join(", ")),
            ),
            Ok(false) => self.test(&variant.test),
            Err(why) => Outcome::unseen(&why),
        }
    }

    fn test(&self, test: &Test) -> Outcome {
        let (parts, quantifier) = match test {
            Test::All(parts) => (parts, Quantifier::All),
            Test::Any(parts) => (parts, Quantifier::Any),
            Test::Ask(ask) => return self.ask(ask),
        };
        let all = parts.iter().map(|part| self.test(part)).collect();
        Outcome::decide(all, quantifier).unwrap_or_else(|| Outcome::nothing(Verdict::Na, &[]))
    }

    fn ask(&self, ask: &Ask) -> Outcome {
        let mut found = Found::default();
        if let Err(why) = ask.fact.gather(self.host, &mut found) {
            found.unseen.push(why);
        }
        let chosen = found.rows.into_iter().filter(|r| ask.filter.as_ref().is_none_or(|f| self.holds(f, &r.values)));
        let mut all: Vec<Outcome> = chosen.map(|row| self.row(ask, row)).collect();
        all.extend(found.unseen.iter().map(Outcome::unseen));
        if let Some(outcome) = Outcome::decide(all, ask.quantifier) {
            return outcome;
        }
        match &ask.default {
            Fallback::Verdict(verdict) => Outcome::nothing(*verdict, &found.looked),
            Fallback::Values(values) => {
                let mut outcome = Outcome::nothing(self.value(ask, values), &found.looked);
                outcome.why.zh.push_str("，按默认值判定");
                outcome.why.en.push_str(": the default decides");
                outcome.by_default(ask.unwritten)
            }
        }
    }

    /// A row and what it comes to: one that is good is only half good while another line, which a change of order or
    /// of one file brings into force, says otherwise.
    fn row(&self, ask: &Ask, row: Row) -> Outcome {
        let verdict = self.value(ask, &row.values);
        let (block, evidence) = (row.block, vec![row.proof]);
        let mut outcome = Outcome { verdict, block, evidence, why: Words::default(), holds: false };
        if row.unwritten {
            outcome = outcome.by_default(ask.unwritten);
        }
        let rival = |row: &Row| self.value(ask, &row.values) != Verdict::Pass;
        if outcome.verdict == Verdict::Pass
            && let Some(rival) = row.rivals.into_iter().find(rival)
        {
            let Evidence { file, line_from, .. } = &rival.proof;
            outcome.why = Words {
                zh: format!("{file} 第 {line_from} 行另有相反设置，现未生效"),
                en: format!("{file}:{line_from} says otherwise and does not count now"),
            };
            (outcome.verdict, outcome.holds) = (Verdict::Partial, true);
            outcome.evidence.push(rival.proof);
        }
        outcome
    }

    fn value(&self, ask: &Ask, values: &[(String, Datum)]) -> Verdict {
        if ask.assert.as_ref().is_none_or(|a| self.holds(a, values)) {
            return Verdict::Pass;
        }
        if ask.partial.as_ref().is_some_and(|p| self.holds(p, values)) { Verdict::Partial } else { ask.otherwise }
    }

    fn holds(&self, expr: &Expr, values: &[(String, Datum)]) -> bool {
        expr.eval(&Names { values, judge: self }) == Eval::True
    }
}

/// The verdict on a small host of some family, which counts as a whole, running one.
pub(in crate::baseline) fn verdict_of(
    policy: &Policy,
    check: &Check,
    profile: &Profile,
    family: Family,
    vector: &Vector,
) -> Verdict {
    let id = match family {
        Family::Rpm => "ID=openEuler\n",
        Family::Deb | Family::Linux => "ID=debian\n",
    };
    let files = vector.files.clone();
    let files = if files.has("/etc/os-release") { files } else { files.file("/etc/os-release", id) };
    one(policy, check, profile, &Host::new(Root::memory(files), TEST_DAY)).verdict
}
