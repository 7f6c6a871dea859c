//! A finding as others read it: one JSON object, with the sentence for the record sheet (结果记录) in both languages.

use serde_json::{Value, json};

use super::dialect::Snapshot;
use super::judge::{Evidence, Finding, Verdict};
use super::policy::Words;
use crate::model::finding;

/// The asset that a snapshot is of: its own name, else its file's.
pub fn asset(snapshot: &Snapshot) -> String {
    if snapshot.name.is_empty() {
        let file = snapshot.file.rsplit('/').next().unwrap_or(&snapshot.file);
        return file.to_owned();
    }
    snapshot.name.clone()
}

/// The sentence of the record sheet.
pub fn sentence(finding: &Finding<'_>) -> Words {
    let (pass, fail) = &finding.check.record;
    let own = match finding.verdict {
        Verdict::Pass => pass.clone(),
        Verdict::Fail => fail.clone(),
        Verdict::Partial => {
            let own = if finding.holds { pass } else { fail };
            Words { zh: format!("部分符合：{}", own.zh), en: format!("in part: {}", own.en) }
        }
        Verdict::Na => Words { zh: "不适用".into(), en: "not applicable".into() },
        Verdict::Manual => Words { zh: "需人工核查".into(), en: "somebody has to look".into() },
        Verdict::Error => Words { zh: "未能核查".into(), en: "could not be checked".into() },
    };
    let join = |first: String, why: &str, open: &str, close: &str| {
        if why.is_empty() { first } else { format!("{first}{open}{why}{close}") }
    };
    Words { zh: join(own.zh, &finding.why.zh, "（", "）"), en: join(own.en, &finding.why.en, " (", ")") }
}

/// The finding as it is kept and handed over.
pub fn finding(finding: &Finding<'_>) -> finding::Finding {
    let check = finding.check;
    let short = |text: &str| finding::cut(text, finding::MAX_WORDS);
    let both = |words: &Words| Words { zh: short(&words.zh), en: short(&words.en) };
    let evidence = |e: &Evidence| Evidence { file: short(&e.file), text: short(&e.text), ..e.clone() };
    finding::Finding {
        check: check.id.clone(),
        title: both(&check.title),
        result: finding.verdict,
        severity: check.severity,
        weight: u8::try_from(check.weight).unwrap_or(1),
        major_hazard: check.major_hazard,
        clauses: check.clause.ids(),
        block: short(&finding.block),
        evidence: finding.evidence.iter().map(evidence).collect(),
        record: both(&sentence(finding)),
        fix: short(finding.fix),
    }
}

/// The object that is printed.
pub fn object(asset: &str, finding: &finding::Finding) -> Value {
    json!({
        "check": finding.check,
        "asset": asset,
        "result": finding.result,
        "severity": finding.severity,
        "clauses": finding.clauses,
        "block": finding.block,
        "evidence": finding.evidence,
        "record_zh": finding.record.zh,
        "record_en": finding.record.en,
        "fix": finding.fix,
        "waiver": Value::Null,
    })
}
