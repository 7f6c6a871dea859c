//! A finding as others read it: one JSON object, with the sentence for the record sheet (结果记录) in both languages.

use serde_json::{Value, json};

use super::dialect::Snapshot;
use super::judge::{Finding, Verdict};
use super::policy::Words;

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
        Verdict::Partial => Words { zh: format!("部分符合：{}", fail.zh), en: format!("in part: {}", fail.en) },
        Verdict::Na => Words { zh: "不适用".into(), en: "not applicable".into() },
        Verdict::Manual => Words { zh: "需人工核查".into(), en: "somebody has to look".into() },
        Verdict::Error => Words { zh: "未能核查".into(), en: "could not be checked".into() },
    };
    let join = |first: String, why: &str, open: &str, close: &str| {
        if why.is_empty() { first } else { format!("{first}{open}{why}{close}") }
    };
    Words { zh: join(own.zh, &finding.why.zh, "（", "）"), en: join(own.en, &finding.why.en, " (", ")") }
}

/// The object that is printed and stored.
pub fn object(finding: &Finding<'_>, snapshot: &Snapshot) -> Value {
    let words = sentence(finding);
    let evidence: Vec<Value> = finding
        .evidence
        .iter()
        .map(|e| json!({ "file": snapshot.file, "line_from": e.line_from, "line_to": e.line_to, "text": e.text }))
        .collect();
    json!({
        "check": finding.check.id,
        "asset": asset(snapshot),
        "result": finding.verdict.as_str(),
        "severity": finding.check.severity.as_str(),
        "clauses": finding.check.clause.ids(),
        "block": finding.block,
        "evidence": evidence,
        "record_zh": words.zh,
        "record_en": words.en,
        "fix": finding.fix,
        "waiver": Value::Null,
    })
}
