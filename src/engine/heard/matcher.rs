//! Which rules a line fits, and whose line it is. Looked up by tag, so that the patterns of other devices cost nothing.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::config::pattern::Pattern;
use crate::model::hearing;
use crate::model::plan::{PlanRule, PlanSource};
use crate::model::wire::{Heard, LogSource};
use crate::model::{AssetId, Object, ObjectKind, RuleId};

/// Characters of a line that go into the evidence of an alert.
const MAX_QUOTED: usize = 300;
/// Characters of what a group found.
const MAX_FOUND: usize = 60;
/// Groups of a pattern that are told.
const MAX_GROUPS: usize = 8;
/// The group that names the port of a rule on interfaces.
const PORT: &str = "port";
/// What names of variables begin with whose last number is one of a part or a port: entPhysicalEntry (RFC 6933), ifEntry and
/// ifXEntry (RFC 2863). Devices put numbers that are of no part before them, such as how grave it is.
const PARTS: [&str; 3] = ["1.3.6.1.2.1.47.1.1.1.1.", "1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."];

struct Rule {
    id: RuleId,
    source: LogSource,
    /// What the part of the asset begins with, and the group whose text goes on.
    part: Option<(String, String)>,
    assets: HashSet<AssetId>,
}

struct Look {
    rule: usize,
    raise: bool,
    pattern: Pattern,
}

/// A rule that a line fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: RuleId,
    /// Whose line.
    pub asset: AssetId,
    /// The port or other part it names, where the rule has parts and the pattern says which.
    pub part: Option<Arc<str>>,
    /// It raises; else it clears.
    pub raise: bool,
    /// The line, and what the groups of the pattern found in it.
    pub evidence: Vec<(String, String)>,
}

/// Patterns of all rules of a plan, and the addresses of its assets.
#[derive(Default)]
pub struct Matcher {
    rules: Vec<Rule>,
    looks: Vec<Look>,
    /// Places in `looks` by tag, and by the other tag that a trap of v1 may come as.
    by_tag: HashMap<String, Vec<usize>>,
    any: Vec<usize>,
    sources: HashMap<IpAddr, AssetId>,
}

impl Matcher {
    /// Of a plan; names what cannot be used of it.
    pub fn new(rules: &[PlanRule], sources: &[PlanSource]) -> (Self, Vec<String>) {
        let sources = sources.iter().map(|source| (source.address, source.asset.clone())).collect();
        let (mut all, mut problems) = (Self { sources, ..Self::default() }, Vec::new());
        for def in rules {
            let Some(used) = &def.hears else { continue };
            let part = if def.on == ObjectKind::Interface { Some(PORT) } else { used.instance.as_deref() };
            let part = part.map(hearing::instance_of).map(|(before, group)| (before.to_owned(), group.to_owned()));
            let assets = def.cases.iter().flat_map(|case| &case.objects).filter_map(Object::asset).cloned();
            let rule = Rule { id: def.id.clone(), source: used.source, part, assets: assets.collect() };
            for (raise, written) in [(true, &used.raise), (false, &used.clear)] {
                for written in written {
                    match Pattern::compile(written) {
                        Ok(pattern) => all.add(Look { rule: all.rules.len(), raise, pattern }),
                        Err(why) => problems.push(format!("rule {}: `{written}` is no pattern: {why}", def.id)),
                    }
                }
            }
            all.rules.push(rule);
        }
        let others = all.by_tag.iter().filter_map(|(tag, list)| Some((hearing::with_zero(tag)?, list.clone())));
        for (tag, list) in others.collect::<Vec<_>>() {
            all.by_tag.entry(tag).or_insert(list); // what a rule wants by that very tag goes before
        }
        (all, problems)
    }

    fn add(&mut self, look: Look) {
        let list = match &look.pattern.tag {
            Some(tag) => self.by_tag.entry(tag.clone()).or_default(),
            None => &mut self.any,
        };
        list.push(self.looks.len());
        self.looks.push(look);
    }

    /// Whose address it is.
    pub fn asset(&self, from: IpAddr) -> Option<&AssetId> {
        self.sources.get(&from)
    }

    /// The rules it fits, each at most once: by the first pattern of a rule that does. And whether any rule speaks of its
    /// tag, whatever the text and the asset.
    pub fn look(&self, heard: &Heard) -> (Vec<Hit>, bool) {
        let of_tag = self.by_tag.get(&heard.tag);
        let mut hits: Vec<Hit> = Vec::new();
        let Some(asset) = &heard.asset else { return (hits, of_tag.is_some()) };
        for look in of_tag.into_iter().flatten().chain(&self.any).filter_map(|at| self.looks.get(*at)) {
            let Some(rule) = self.rules.get(look.rule) else { continue };
            let wanted = rule.source == heard.source && rule.assets.contains(asset);
            if !wanted || hits.iter().any(|hit| hit.rule == rule.id) {
                continue;
            }
            let Some(found) = look.pattern.find(&heard.text) else { continue };
            let group =
                |name: &str| found.as_ref().and_then(|found| found.name(name)).map(|m| cut(m.as_str(), MAX_FOUND));
            let mut evidence = vec![("line".to_owned(), cut(&heard.text, MAX_QUOTED).to_owned())];
            let told = look.pattern.groups().filter(|name| *name != PORT).take(MAX_GROUPS);
            evidence.extend(told.filter_map(|name| Some((name.to_owned(), group(name)?.to_owned()))));
            let part = rule.part.as_ref().and_then(|(before, name)| {
                let by_oid = name == hearing::INDEX && heard.source == LogSource::Trap;
                let found = if by_oid { index(&heard.text) } else { group(name) };
                found.map(|found| Arc::from(format!("{before}{}", found.trim())))
            });
            hits.push(Hit { rule: rule.id.clone(), asset: asset.clone(), part, raise: look.raise, evidence });
        }
        (hits, of_tag.is_some())
    }
}

/// The last number of the first variable's name that is of a part or a port, else of the first variable's name.
fn index(text: &str) -> Option<&str> {
    let mut names = text.split(' ').filter_map(|word| word.split_once('=').map(|(name, _)| name));
    let of_part = names.find(|name| PARTS.iter().any(|part| name.starts_with(part)));
    let name = of_part.or_else(|| text.split_once('=').map(|(name, _)| name))?;
    name.rsplit_once('.').map(|(_, index)| index)
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}
