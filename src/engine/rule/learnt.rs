//! What detectors learnt, over a restart: an agent that is started anew must not take the detour that a line is on for
//! what is usual there. A few numbers a detector, written when they are first known and then once an hour.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::model::{Object, ProbeId, RuleId};

use super::compile::home;
use super::feed::Feed;
use super::{Effect, Rules, Saved};

/// Begins such keys; no rule's id does.
const PREFIX: &str = "~learnt";

fn key(rule: &RuleId, feed: &Feed, object: &Object) -> String {
    format!("{PREFIX}|{rule}|{}|{object}|{}", feed.probe, feed.instance)
}

/// Whose it is, and the numbers.
struct Learnt {
    rule: RuleId,
    probe: ProbeId,
    object: Object,
    instance: Arc<str>,
    numbers: Vec<f64>,
}

impl Learnt {
    fn read(body: &Json) -> Option<Self> {
        let word = |name: &str| body.get(name)?.as_str();
        Some(Self {
            rule: word("rule")?.parse().ok()?,
            probe: word("probe")?.parse().ok()?,
            object: word("object")?.parse().ok()?,
            instance: Arc::from(word("instance")?),
            numbers: body.get("numbers")?.as_array()?.iter().filter_map(Json::as_f64).collect(),
        })
    }
}

impl Rules {
    /// Keeps what the detectors of a feed have learnt, of those that are not kept yet, or of all again.
    pub(super) fn keep_learnt(&mut self, h: usize, f: usize, again: bool, out: &mut Vec<Effect>) {
        let Some(feed) = self.homes.get_mut(h).and_then(|home| home.feeds.get_mut(f)) else { return };
        let mut known = Vec::new(); // stays empty, hence unallocated, nearly always
        let detectors = feed.rows.first_mut().map_or(&mut [][..], |target| &mut target.detectors);
        for held in detectors.iter_mut().filter(|held| again || !held.kept) {
            if let Some(numbers) = held.detector.learnt() {
                held.kept = true;
                known.push((held.rule, numbers));
            }
        }
        let (feed, object) = (&self.homes[h].feeds[f], &self.homes[h].object);
        out.extend(known.into_iter().map(|(rule, numbers)| {
            let rule = &self.rules[rule as usize].def.id;
            let body = json!({ "rule": rule.as_str(), "probe": feed.probe.as_str(), "object": object.to_string(),
                "instance": &*feed.instance, "numbers": numbers });
            Effect::Save(Saved { key: key(rule, feed, object), body })
        }));
    }

    /// What a detector had learnt holds no more: it is not to be found after a restart.
    pub(super) fn unlearn(&self, h: usize, f: usize, rules: &[u32], out: &mut Vec<Effect>) {
        let (feed, object) = (&self.homes[h].feeds[f], &self.homes[h].object);
        out.extend(rules.iter().map(|rule| Effect::Forget(key(&self.rules[*rule as usize].def.id, feed, object))));
    }

    /// Takes back what a detector had learnt before the restart. False if the state is no such thing; one that has
    /// lost its place is forgotten.
    pub(super) fn restore_learnt(&mut self, saved: &Saved) -> bool {
        if !saved.key.starts_with(PREFIX) {
            return false;
        }
        if Learnt::read(&saved.body).and_then(|learnt| self.put_learnt(&learnt)).is_none() {
            self.waiting.push(Effect::Forget(saved.key.clone()));
        }
        true
    }

    fn put_learnt(&mut self, learnt: &Learnt) -> Option<()> {
        let rule = self.rules.iter().position(|rule| rule.def.id == learnt.rule)?;
        let h = *self.by_object.get(&home(&learnt.object))?;
        let mut feeds = self.homes.get_mut(h)?.feeds.iter_mut();
        let same = |f: &&mut Feed| f.agent.is_none() && f.probe == learnt.probe && f.instance == learnt.instance;
        let target = feeds.find(same)?.rows.first_mut()?;
        let held = target.detectors.iter_mut().find(|held| held.rule as usize == rule)?;
        held.detector.remember(&learnt.numbers);
        held.kept = true;
        Some(())
    }
}
