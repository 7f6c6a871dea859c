//! What is kept of a firing alert over a restart: the alert as sent, and what the machine under it must know so
//! that it neither raises it again nor clears it for want of memory.

use serde_json::{Value as Json, json};

use crate::engine::flap::Flap;
use crate::model::wire::{Record, alert_from_json};
use crate::model::{AgentId, Alert};

/// State to keep over a restart: written in the transaction of the alert it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// `RULE|PROBLEM|OBJECT|INSTANCE`.
    pub key: String,
    /// The state; null = forget what is kept under this key.
    pub body: Json,
}

/// What a body says.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) alert: Alert,
    pub(super) flap: Flap,
    /// Firing underneath; false only while it flaps.
    pub(super) on: bool,
    pub(super) fails: u32,
    pub(super) agent: Option<AgentId>,
}

/// The key under which an alert's state is kept.
pub(super) fn key(alert: &Alert) -> String {
    format!("{}|{}", alert.rule, alert.key)
}

impl Kept {
    pub(super) fn save(self) -> Saved {
        let key = key(&self.alert);
        let mut body = Record::Alert(self.alert).body();
        if let Json::Object(map) = &mut body {
            let extra = json!({ "changes": self.flap.changes(), "on": self.on, "fails": self.fails,
                "agent": self.agent.as_ref().map(AgentId::as_str) });
            map.insert("machine".to_owned(), extra);
        }
        Saved { key, body }
    }

    /// `None` if it is not what `save` wrote.
    pub(super) fn read(saved: &Saved) -> Option<Self> {
        let alert = alert_from_json(&saved.body).ok()?;
        let machine = saved.body.get("machine");
        let number = |name: &str| {
            let n = machine.and_then(|m| m.get(name)).and_then(Json::as_u64).unwrap_or(0);
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        let flap = Flap::restore(number("changes"), alert.flapping);
        let on = machine.and_then(|m| m.get("on")).and_then(Json::as_bool).unwrap_or(true);
        let agent = machine.and_then(|m| m.get("agent")).and_then(Json::as_str).and_then(|id| id.parse().ok());
        Some(Self { flap, on, fails: number("fails"), agent, alert })
    }
}
