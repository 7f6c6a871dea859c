//! What the console makes of samples as they are committed: the newest values for metrics and pages, and the
//! rules that run `at = "console"`, because no single agent sees enough for them. Their alerts go through the
//! store like any agent's, under the agent id `console`, with the rules' state in the same transaction.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::config::plan::console_rules;
use crate::console::command::{Actor, Command, Role, Scope};
use crate::console::service::Service;
use crate::console::store::FreshSamples;
use crate::engine::ends::Ends;
use crate::engine::incident::CONSOLE;
use crate::engine::rule::{Effect, HISTORY, Rules, Saved};
use crate::engine::twins::{self, Twins};
use crate::model::wire::RosterEntry;
use crate::model::{AgentId, Alert, AssetId};

/// How often stale series are forgotten, and maintenance is looked for that was announced, ended or begins.
const EXPIRE: Duration = Duration::from_secs(10);
/// How often it is looked up what ports tell in words, and what devices say is held against each other.
const NAMES: Duration = Duration::from_secs(300);
/// Facts are told again once a day: what was not told for two is not so any more.
const TOLD: Duration = Duration::from_secs(2 * 86_400);
/// The shortest pause between two ticks of the rules.
const TICK: Duration = Duration::from_secs(1);

/// Runs until the console stops.
pub async fn run(service: Service) {
    let mut feed = service.store.feed();
    let (mut changes, mut definitions) = (service.store.subscribe(), service.watch_definitions());
    let mut seen = changes.borrow_and_update().plan;
    definitions.borrow_and_update();
    let mut ends = Ends::default();
    ends.set(&service.store.inventory().1);
    let mut rules = start(&service).await;
    let mut twins = raised(&service, &rules);
    tell_planned(&service, &mut rules);
    let mut next_expire = service.clock.mono().plus(EXPIRE);
    let (mut next_tick, mut next_names) = (service.clock.mono(), service.clock.mono());
    loop {
        let wake = next_tick.min(next_expire);
        let effects = tokio::select! {
            fresh = feed.recv() => match fresh {
                Ok(fresh) => take(&service, &mut rules, &mut ends, &fresh),
                Err(RecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "samples came faster than they could be judged; the newest go on");
                    Vec::new()
                }
                Err(RecvError::Closed) => return,
            },
            changed = changes.wait_for(|c| c.plan != seen) => {
                match changed {
                    Ok(now) => seen = now.plan,
                    Err(_) => return,
                }
                ends.set(&service.store.inventory().1);
                reload(&service, &mut rules)
            }
            changed = definitions.changed() => {
                if changed.is_err() { return }
                reload(&service, &mut rules)
            }
            () = service.clock.sleep_until(wake) => {
                let now = service.clock.now();
                if now.mono >= next_expire {
                    service.exposition().expire(now.mono);
                    tell_planned(&service, &mut rules);
                    next_expire = now.mono.plus(EXPIRE);
                }
                if now.mono >= next_tick {
                    next_tick = now.mono.plus(TICK);
                    rules.tick(now)
                } else {
                    Vec::new()
                }
            }
            () = service.stop.stopped() => return,
        };
        carry_out(&service, effects).await;
        if service.clock.mono() >= next_names {
            next_names = service.clock.mono().plus(NAMES);
            let effects = compare(&service, &mut rules, &mut twins).await;
            carry_out(&service, effects).await;
            match service.store.ports_told().await {
                Ok(told) => service.exposition().set_ports(told),
                Err(error) => tracing::warn!(%error, "ports keep the names they had in metrics"),
            }
        }
    }
}

async fn start(service: &Service) -> Rules {
    let saved = service.store.judged().await.unwrap_or_else(|error| {
        tracing::error!(%error, "the state of the console's own rules cannot be read; they begin anew");
        Vec::new()
    });
    let saved = saved.into_iter().map(|(key, body)| Saved { key, body }).collect();
    let (_, inventory) = service.store.inventory();
    let (rules, objects, calendars) = console_rules(&inventory, &service.definitions(), service.catalog);
    let (mut rules, problems) = Rules::new(&rules, &objects, &[], service.catalog, saved, service.clock.now());
    rules.set_calendars(&calendars);
    tell(service, problems);
    rules
}

/// Who shares an engine id by the alerts that fire: those of before a restart end only when it is said that they do not.
fn raised(service: &Service, rules: &Rules) -> Twins {
    let definitions = service.definitions();
    let of_twins = |entry: &RosterEntry| {
        definitions.rules.iter().any(|rule| rule.id == entry.rule && **rule.source.kind() == *twins::KIND)
    };
    let pair = |entry: RosterEntry| Some((entry.object.asset()?.clone(), AssetId::new(&entry.instance).ok()?));
    rules.roster().into_iter().filter(of_twins).filter_map(pair).collect()
}

fn reload(service: &Service, rules: &mut Rules) -> Vec<Effect> {
    let (_, inventory) = service.store.inventory();
    let (fresh, objects, calendars) = console_rules(&inventory, &service.definitions(), service.catalog);
    rules.set_calendars(&calendars);
    let (effects, problems) = rules.reload(&fresh, &objects, &[], service.clock.now());
    tell(service, problems);
    effects
}

/// Tells the rules of maintenance as far back as samples judge anything, and until this is done again.
fn tell_planned(service: &Service, rules: &mut Rules) {
    let now = service.clock.wall();
    rules.set_planned(service.store.planned(now.minus(HISTORY), now.plus(EXPIRE * 2)));
}

fn tell(service: &Service, problems: Vec<String>) {
    for problem in &problems {
        tracing::warn!(problem, "a rule at the console is not used");
    }
    service.set_console_rule_problems(problems);
}

fn take(service: &Service, rules: &mut Rules, ends: &mut Ends, fresh: &FreshSamples) -> Vec<Effect> {
    let now = service.clock.now();
    service.exposition().take(&fresh.agent, &fresh.samples, fresh.skew_ms, now);
    let mut effects = rules.observe_samples(&fresh.agent, &fresh.samples, now);
    // Both ends of a link: no agent need see more than one of them.
    if let (Some(found), Ok(own)) = (ends.take(&fresh.samples, now.mono), AgentId::new(CONSOLE)) {
        service.exposition().take(&own, &found, fresh.skew_ms, now);
        effects.extend(rules.observe_samples(&own, &found, now));
    }
    effects
}

/// What devices said of themselves, each held against all others.
async fn compare(service: &Service, rules: &mut Rules, twins: &mut Twins) -> Vec<Effect> {
    let now = service.clock.now();
    let mut engines = match service.store.engines(now.wall.minus(TOLD)).await {
        Ok(engines) => engines,
        Err(error) => {
            tracing::warn!(%error, "engine ids of devices cannot be compared");
            return Vec::new();
        }
    };
    let (_, inventory) = service.store.inventory();
    engines.retain(|asset, _| inventory.assets.get(asset).is_some_and(|asset| asset.snmp.is_some()));
    match (twins.take(&engines, now.wall.minus(NAMES), now.wall), AgentId::new(CONSOLE)) {
        (Some(found), Ok(own)) => rules.observe_samples(&own, &found, now),
        _ => Vec::new(),
    }
}

async fn carry_out(service: &Service, effects: Vec<Effect>) {
    let (mut alerts, mut saved): (Vec<Alert>, Vec<(String, Option<serde_json::Value>)>) = Default::default();
    let keep = |s: Saved| (s.key, if s.body.is_null() { None } else { Some(s.body) });
    for effect in effects {
        match effect {
            Effect::Alert { alert, saved: state } => {
                alerts.push(alert);
                saved.push(keep(state));
            }
            Effect::Save(state) => saved.push(keep(state)),
            Effect::Forget(key) => saved.push((key, None)),
            Effect::ProbeNow { object, count, spacing, reason, .. } => {
                let actor = Actor { name: Arc::from("console"), role: Role::Operator, scope: Scope::All };
                let spacing_ms = u64::try_from(spacing.as_millis()).unwrap_or(u64::MAX);
                let command = Command::ProbeNow { object, count, spacing_ms };
                if let Err(error) = service.store.command(&actor, Some(&reason), command).await {
                    tracing::debug!(%error, "a rule's wish to look again was not granted");
                }
            }
        }
    }
    if alerts.is_empty() && saved.is_empty() {
        return;
    }
    if let Err(error) = service.store.judge(alerts, saved).await {
        tracing::error!(%error, "what the console's own rules said could not be kept");
    }
}
