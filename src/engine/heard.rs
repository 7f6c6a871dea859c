//! What devices say of themselves makes alerts: lines of syslog (and what else is heard) are looked at by patterns, and
//! a pattern that fits raises or clears. Nothing lasts because nothing is said: an alert ends when it is cleared, when a
//! look at the device does not bear it out, or when it was not heard again for its time. See `docs/syslog.md`.

mod gate;
mod matcher;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::engine::rule::{Effect, Saved};
use crate::model::alert::{AlertKey, AlertState, ClearReason};
use crate::model::hearing;
use crate::model::plan::{ConfirmUse, MatchUse, PlanRule};
use crate::model::port;
use crate::model::wire::{Record, RosterEntry, alert_from_json};
use crate::model::{Alert, AssetId, Mono, Now, Object, ObjectKind, Observation, Outcome, ProblemId, RuleId, Wall};

pub use gate::Gate;
pub use matcher::{Hit, Matcher};

/// Alerts at once; more are counted and not raised, for nobody reads them.
const MAX_RAISED: usize = 10_000;
/// Parts that are being counted towards a rule's `count`.
const MAX_COUNTED: usize = 10_000;
/// Ports remembered of an asset.
const MAX_PORTS: usize = 4_096;
/// What is heard again is told again this often.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Before the keys of what is kept, so that they are told from those of other rules.
const KEPT: &str = "~heard|";

/// A rule and what it is about.
type Key = (RuleId, Object, Arc<str>);

struct Rule {
    def: PlanRule,
    used: MatchUse,
    assets: HashSet<AssetId>,
    /// Of those, the ones for which some rule on what `confirm` looks with raises the same problem, so that its silence
    /// means something.
    borne_out: HashSet<AssetId>,
}

impl Rule {
    /// Whether a look can tell the part that was heard of from others. What traps know by an index, a poll knows by name.
    fn told_apart(&self) -> bool {
        self.used.instance.as_deref() != Some(hearing::INDEX)
    }
}

struct Raised {
    alert: Alert,
    expires: Mono,
    told: Mono,
    /// When what a look found begins to count.
    confirm_at: Option<Mono>,
    /// A look began after it was heard, and was answered.
    looked: bool,
}

/// A look that was asked for.
struct Asked {
    at: Mono,
    /// Until the next.
    every: Duration,
    /// The rule that waits for another, which begins after what it heard.
    waits: Option<RuleId>,
}

/// Alerts of rules on what is heard.
#[derive(Default)]
pub struct Alarms {
    rules: BTreeMap<RuleId, Rule>,
    raised: BTreeMap<Key, Raised>,
    counted: HashMap<Key, VecDeque<Mono>>,
    /// When a look by probes of a kind was asked for. What is heard before the next may be waits for it.
    looks: BTreeMap<(AssetId, Arc<str>), Asked>,
    ports: HashMap<AssetId, BTreeSet<Arc<str>>>,
    dropped: u64,
}

impl Alarms {
    /// Whether what was kept under this key is ours.
    pub fn keeps(key: &str) -> bool {
        key.starts_with(KEPT)
    }

    /// Takes a new plan: what lost its rule is withdrawn.
    pub fn reload(&mut self, rules: &[PlanRule], now: Now) -> Vec<Effect> {
        let mut judged: HashMap<(&ProblemId, &str), HashSet<&AssetId>> = HashMap::new();
        for rule in rules.iter().filter(|rule| rule.hears.is_none()) {
            judged.entry(looks(rule)).or_default().extend(assets(rule));
        }
        let of = |rule: &PlanRule| {
            let used = rule.hears.clone()?;
            let judged = used.confirm.as_ref().and_then(|c| judged.get(&(&rule.problem, &*c.kind)));
            let assets: HashSet<AssetId> = assets(rule).cloned().collect();
            let borne_out = judged.into_iter().flatten().copied().filter(|asset| assets.contains(*asset));
            let borne_out = borne_out.cloned().collect();
            let def = PlanRule { cases: Vec::new(), ..rule.clone() };
            Some((rule.id.clone(), Rule { def, used, assets, borne_out }))
        };
        self.rules = rules.iter().filter_map(of).collect();
        let gone = |(rule, object, _): &&Key| {
            let asset = object.asset();
            !self.rules.get(rule).is_some_and(|rule| asset.is_some_and(|asset| rule.assets.contains(asset)))
        };
        let gone: Vec<Key> = self.raised.keys().filter(gone).cloned().collect();
        gone.iter().flat_map(|key| self.end(key, ClearReason::Withdrawn, now)).collect()
    }

    /// Takes back what was kept over a restart; call it before `reload`.
    pub fn restore(&mut self, saved: Vec<Saved>, now: Now) -> Vec<Effect> {
        let mut out = Vec::new();
        for Saved { key, body } in saved {
            let until = body.get("until").and_then(serde_json::Value::as_i64).map(Wall::from_millis);
            let (Ok(alert), Some(until)) = (alert_from_json(&body), until) else {
                out.push(Effect::Forget(key));
                continue;
            };
            let left = until.since(now.wall);
            let raised =
                Raised { expires: now.mono.plus(left), told: now.mono, confirm_at: None, looked: false, alert };
            self.raised.insert(key_of(&raised.alert), raised);
        }
        out
    }

    /// Something fitted a pattern.
    pub fn hit(&mut self, hit: Hit, now: Now) -> Vec<Effect> {
        let Some(rule) = self.rules.get(&hit.rule).filter(|rule| rule.assets.contains(&hit.asset)) else {
            return Vec::new(); // the plan changed meanwhile
        };
        let part = hit.part.clone().unwrap_or_else(|| Arc::from(""));
        let (object, instance) = match rule.def.on {
            ObjectKind::Interface => {
                let name = self.port(&hit.asset, &part);
                match Object::interface(hit.asset.clone(), &name) {
                    Ok(port) => (port, Arc::from("")),
                    // It tells of a port and does not name it: the look finds out which.
                    Err(_) if part.is_empty() => {
                        return rule
                            .used
                            .confirm
                            .as_ref()
                            .and_then(|confirm| look(&mut self.looks, &hit, confirm, now.mono))
                            .into_iter()
                            .collect();
                    }
                    Err(_) => return Vec::new(), // a line may say anything
                }
            }
            _ => (Object::Asset(hit.asset.clone()), part),
        };
        let mut out = Vec::new();
        if let Some(confirm) = &rule.used.confirm {
            out.extend(look(&mut self.looks, &hit, confirm, now.mono));
        }
        let key = (hit.rule.clone(), object, instance);
        if hit.raise {
            out.extend(self.raise(key, hit, now));
            return out;
        }
        let whole = hit.part.is_none();
        let of = |k: &&Key| k.0 == key.0 && k.1 == key.1 && (whole || k.2 == key.2);
        let over: Vec<Key> = self.raised.keys().filter(of).cloned().collect();
        self.counted.retain(|k, _| !of(&k));
        out.extend(over.iter().filter_map(|key| self.end(key, ClearReason::Condition, now)));
        out
    }

    fn raise(&mut self, key: Key, hit: Hit, now: Now) -> Vec<Effect> {
        let Some(rule) = self.rules.get(&key.0) else { return Vec::new() };
        let used = &rule.used;
        let expires = now.mono.plus(Duration::from_millis(used.expires_ms));
        let confirm = used.confirm.as_ref().filter(|c| c.within_ms > 0 && rule.borne_out.contains(&hit.asset));
        let confirm_at = confirm.map(|c| now.mono.plus(Duration::from_millis(c.within_ms)));
        let mut out = Vec::new();
        if let Some(raised) = self.raised.get_mut(&key) {
            raised.alert.count = raised.alert.count.saturating_add(1);
            (raised.alert.at, raised.alert.evidence) = (now.wall, hit.evidence);
            (raised.expires, raised.confirm_at, raised.looked) = (expires, confirm_at, false);
            if now.mono.since(raised.told) >= TELL_EVERY {
                raised.told = now.mono;
                out.push(told(raised, used.expires_ms, now));
            }
            return out;
        }
        if used.count > 1 && !enough(&mut self.counted, &key, used, now.mono) {
            return Vec::new();
        }
        if self.raised.len() >= MAX_RAISED {
            self.dropped += 1;
            return Vec::new();
        }
        self.counted.remove(&key);
        let def = &rule.def;
        let alert = Alert {
            key: AlertKey { problem: def.problem.clone(), object: key.1.clone(), instance: key.2.clone() },
            rule: def.id.clone(),
            probe: None,
            state: AlertState::Firing,
            cleared_by: None,
            severity: def.severity,
            since: now.wall,
            at: now.wall,
            count: 1,
            flapping: false,
            stale: false,
            evidence: hit.evidence,
            folds_into: def.folds_into.clone(),
            category: Arc::from(def.category.as_str()),
            runbook: Arc::from(def.runbook.as_str()),
        };
        let raised = Raised { alert, expires, told: now.mono, confirm_at, looked: false };
        out.push(told(&raised, used.expires_ms, now));
        self.raised.insert(key, raised);
        out
    }

    fn end(&mut self, key: &Key, by: ClearReason, now: Now) -> Option<Effect> {
        let Raised { alert, .. } = self.raised.remove(key)?;
        let saved = Saved { key: kept_as(&alert), body: serde_json::Value::Null };
        let alert = Alert { state: AlertState::Cleared, cleared_by: Some(by), at: now.wall, ..alert };
        Some(Effect::Alert { alert, saved })
    }

    /// An agent's own look: what ports there are, and whether somebody waited for it.
    pub fn observed(&mut self, seen: &Observation) {
        let Object::Asset(asset) = &seen.object else { return };
        if !matches!(seen.outcome, Outcome::Ok | Outcome::Degraded) {
            return;
        }
        for row in &seen.rows {
            if let Object::Interface { name, .. } = &row.object {
                let ports = self.ports.entry(asset.clone()).or_default();
                if ports.len() < MAX_PORTS && !ports.contains(&**name) {
                    ports.insert(Arc::from(&**name));
                }
            }
        }
        for (key, raised) in &mut self.raised {
            let confirm = self.rules.get(&key.0).and_then(|rule| rule.used.confirm.as_ref());
            let of = confirm.is_some_and(|confirm| *confirm.kind == *seen.schema.kind);
            raised.looked |= of && key.1.asset() == Some(asset) && seen.at >= raised.alert.at;
        }
    }

    /// Once a second: what has expired, what a look did not bear out, and looks that waited. `fires` says whether
    /// another rule holds the same matter: the problem and the object, and the instance where one is told.
    pub fn tick(&mut self, now: Now, fires: impl Fn(&AlertKey, Option<&str>) -> bool) -> Vec<Effect> {
        let mut over = Vec::new();
        for (key, raised) in &mut self.raised {
            if raised.looked && raised.confirm_at.is_some_and(|at| at <= now.mono) {
                raised.looked = false;
                let rule = self.rules.get(&key.0);
                let told_apart = rule.is_none_or(Rule::told_apart);
                if fires(&raised.alert.key, told_apart.then_some(&*raised.alert.key.instance)) {
                    let life = rule.map_or(0, |rule| rule.used.expires_ms);
                    raised.expires = now.mono.plus(Duration::from_millis(life));
                } else if told_apart {
                    over.push((key.clone(), ClearReason::Condition));
                    continue;
                }
            }
            if raised.expires <= now.mono {
                over.push((key.clone(), ClearReason::Expired));
            }
        }
        let mut out: Vec<Effect> = over.iter().filter_map(|(key, by)| self.end(key, *by, now)).collect();
        self.looks.retain(|(asset, kind), asked| {
            if now.mono.since(asked.at) < asked.every {
                return true;
            }
            let Some(rule) = asked.waits.take() else { return false };
            asked.at = now.mono;
            out.push(ask(asset, kind, &rule));
            true
        });
        out
    }

    /// Alerts that are firing, whole.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.raised.values().map(|raised| &raised.alert)
    }

    /// Alerts that are firing, for a roster.
    pub fn roster(&self) -> impl Iterator<Item = RosterEntry> {
        self.firing().map(|alert| RosterEntry {
            problem: alert.key.problem.clone(),
            object: alert.key.object.clone(),
            instance: alert.key.instance.clone(),
            rule: alert.rule.clone(),
        })
    }

    /// Alerts that were not raised because there were too many.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The name under which a port is known, whether it was written out or not: `GigabitEthernet0/1` is `Gi0/1` if the
    /// asset has just one such port.
    fn port(&self, asset: &AssetId, said: &Arc<str>) -> Arc<str> {
        let Some(ports) = self.ports.get(asset).filter(|ports| !ports.contains(said)) else { return said.clone() };
        let mut alike = ports.iter().filter(|port| port::same(port, said));
        match (alike.next(), alike.next()) {
            (Some(port), None) => port.clone(),
            _ => said.clone(),
        }
    }
}

/// The assets that a rule is about.
fn assets(rule: &PlanRule) -> impl Iterator<Item = &AssetId> {
    rule.cases.iter().flat_map(|case| &case.objects).filter_map(Object::asset)
}

/// Whether so many came within the time, this one included.
fn enough(counted: &mut HashMap<Key, VecDeque<Mono>>, key: &Key, used: &MatchUse, now: Mono) -> bool {
    let since = now.minus(Duration::from_millis(used.within_ms));
    if !counted.contains_key(key) && counted.len() >= MAX_COUNTED {
        counted.retain(|_, times| times.back().is_some_and(|last| *last >= since));
        if counted.len() >= MAX_COUNTED {
            return false;
        }
    }
    let times = counted.entry(key.clone()).or_default();
    times.push_back(now);
    times.retain(|at| *at >= since);
    times.len() >= used.count as usize
}

/// A look at the state that the rule speaks of, unless the last one was asked for just now.
fn look(
    looks: &mut BTreeMap<(AssetId, Arc<str>), Asked>,
    hit: &Hit,
    confirm: &ConfirmUse,
    now: Mono,
) -> Option<Effect> {
    let at = (hit.asset.clone(), confirm.kind.clone());
    match looks.get_mut(&at) {
        Some(asked) if now.since(asked.at) < asked.every => {
            asked.waits = Some(hit.rule.clone());
            asked.every = asked.every.min(Duration::from_millis(confirm.every_ms));
            None
        }
        _ => {
            let every = Duration::from_millis(confirm.every_ms);
            looks.insert(at, Asked { at: now, every, waits: None });
            Some(ask(&hit.asset, &confirm.kind, &hit.rule))
        }
    }
}

fn ask(asset: &AssetId, kind: &Arc<str>, rule: &RuleId) -> Effect {
    Effect::ProbeNow {
        object: Object::Asset(asset.clone()),
        kind: Some(kind.clone()),
        count: 1,
        spacing: Duration::from_secs(1),
        reason: format!("rule {rule} heard of it"),
    }
}

/// What a rule raises, and on data of which kind.
fn looks(rule: &PlanRule) -> (&ProblemId, &str) {
    (&rule.problem, rule.source.kind())
}

fn key_of(alert: &Alert) -> Key {
    (alert.rule.clone(), alert.key.object.clone(), alert.key.instance.clone())
}

fn kept_as(alert: &Alert) -> String {
    format!("{KEPT}{}|{}", alert.rule, alert.key)
}

fn told(raised: &Raised, life_ms: u64, now: Now) -> Effect {
    let alert = raised.alert.clone();
    let until = now.wall.plus(Duration::from_millis(life_ms)).millis();
    let mut body = Record::Alert(alert.clone()).body();
    if let serde_json::Value::Object(map) = &mut body {
        map.insert("until".to_owned(), json!(until));
    }
    Effect::Alert { saved: Saved { key: kept_as(&alert), body }, alert }
}

#[cfg(test)]
mod tests;
