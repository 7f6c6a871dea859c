//! An alert as it travels and as an agent keeps it over a restart.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::alert::{Alert, AlertKey, AlertState, ClearReason, Severity};
use crate::model::id::{Object, ProbeId, ProblemId, RuleId};
use crate::model::time::Wall;

/// `alert` body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AlertBody {
    problem: ProblemId,
    object: Object,
    #[serde(default)]
    instance: Arc<str>,
    rule: RuleId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probe: Option<ProbeId>,
    firing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cleared_by: Option<String>,
    severity: Severity,
    since: Wall,
    at: Wall,
    count: u32,
    #[serde(default)]
    flapping: bool,
    #[serde(default)]
    stale: bool,
    #[serde(default)]
    evidence: Vec<(String, String)>,
    #[serde(default)]
    folds_into: Vec<ProblemId>,
    #[serde(default)]
    category: Arc<str>,
    #[serde(default)]
    runbook: Arc<str>,
}

impl From<&Alert> for AlertBody {
    fn from(a: &Alert) -> Self {
        Self {
            problem: a.key.problem.clone(),
            object: a.key.object.clone(),
            instance: a.key.instance.clone(),
            rule: a.rule.clone(),
            probe: a.probe.clone(),
            firing: a.state == AlertState::Firing,
            cleared_by: a.cleared_by.map(|r| r.as_str().to_owned()),
            severity: a.severity,
            since: a.since,
            at: a.at,
            count: a.count,
            flapping: a.flapping,
            stale: a.stale,
            evidence: a.evidence.clone(),
            folds_into: a.folds_into.clone(),
            category: a.category.clone(),
            runbook: a.runbook.clone(),
        }
    }
}

impl From<AlertBody> for Alert {
    fn from(b: AlertBody) -> Self {
        let cleared_by = match b.cleared_by.as_deref() {
            Some("withdrawn") => Some(ClearReason::Withdrawn),
            Some("expired") => Some(ClearReason::Expired),
            Some(_) => Some(ClearReason::Condition),
            None => None,
        };
        Self {
            key: AlertKey { problem: b.problem, object: b.object, instance: b.instance },
            rule: b.rule,
            probe: b.probe,
            state: if b.firing { AlertState::Firing } else { AlertState::Cleared },
            cleared_by,
            severity: b.severity,
            since: b.since,
            at: b.at,
            count: b.count,
            flapping: b.flapping,
            stale: b.stale,
            evidence: b.evidence,
            folds_into: b.folds_into,
            category: b.category,
            runbook: b.runbook,
        }
    }
}

/// Reads an alert from its body, as kept in the agent's rule state.
pub fn alert_from_json(body: &serde_json::Value) -> Result<Alert, serde_json::Error> {
    Ok(AlertBody::deserialize(body)?.into())
}
