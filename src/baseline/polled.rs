//! What reading a device over SNMP proves of it, with or without its configuration. It proves failures alone: that it answers v2c
//! is a fact, and that it answers v3 says nothing of what else it would answer. Pure.

use super::policy::Policy;
use crate::model::finding::{Evidence, Finding, Verdict, Words};

/// The check of default communities.
pub const COMMUNITY: &str = "D26";
/// The check of version and level.
const PRIVACY: &str = "D29";
/// What the evidence stands in: no file, an exchange.
const SOURCE: &str = "SNMP";

/// Levels below authentication and privacy, by the words of the field `security` of kind `snmp`: Chinese, English.
const LEVELS: &[(&str, &str, &str)] = &[
    ("v1", "设备应答了 SNMPv1", "it answers SNMP v1"),
    ("v2c", "设备应答了 SNMPv2c", "it answers SNMP v2c"),
    ("v3_open", "设备应答了无认证、无加密的 SNMPv3", "it answers SNMP v3 without authentication and privacy"),
    ("v3_auth", "设备应答了未加密的 SNMPv3", "it answers SNMP v3 without privacy"),
];

/// The failures that an answer proves: `security` and `community` are the fields of kind `snmp` as they were told last.
pub fn failures(policy: &Policy, security: &str, community: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    if community == "default" {
        let why = ("设备应答了默认团体名", "it answers a default community");
        all.extend(failure(policy, COMMUNITY, why, "community = default"));
    }
    if let Some((word, zh, en)) = LEVELS.iter().find(|(word, ..)| *word == security) {
        all.extend(failure(policy, PRIVACY, (zh, en), &format!("security = {word}")));
    }
    all
}

fn failure(policy: &Policy, check: &str, (zh, en): (&str, &str), text: &str) -> Option<Finding> {
    let check = policy.checks.get(check)?;
    let (_, failed) = &check.record;
    Some(Finding {
        check: check.id.clone(),
        title: check.title.clone(),
        result: Verdict::Fail,
        severity: check.severity,
        weight: u8::try_from(check.weight).unwrap_or(1),
        major_hazard: check.major_hazard,
        clauses: check.clause.ids(),
        block: String::new(),
        evidence: vec![Evidence { file: SOURCE.to_owned(), line_from: 0, line_to: 0, text: text.to_owned() }],
        record: Words { zh: format!("{}（{zh}）", failed.zh), en: format!("{} ({en})", failed.en) },
        fix: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::policy;

    #[test]
    fn an_answer_proves_failures_and_nothing_else() {
        let policy = policy::parse(&[]).policy;
        let told = |security: &str, community: &str| -> Vec<String> {
            failures(&policy, security, community).into_iter().map(|f| f.check).collect()
        };
        for open in ["v1", "v2c"] {
            assert_eq!(told(open, "default"), ["D26", "D29"]);
            assert_eq!(told(open, "own"), ["D29"]);
        }
        assert_eq!(told("v3_auth", ""), ["D29"]);
        assert!(told("v3_privacy", "").is_empty() && told("", "").is_empty());
        let found = failures(&policy, "v2c", "default");
        assert!(found[0].major_hazard && found[0].item().is_some());
        assert!(found[1].record.zh.ends_with("（设备应答了 SNMPv2c）"), "{:?}", found[1].record);
    }
}
