//! What expressions may ask about objects: the values behind `expr::ATTRIBUTES`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::expr::{Eval, Expr, Lookup, Ref, Val};
use crate::model::inventory::{Asset, Inventory, Link, LinkEnd};
use crate::model::plan::{Attribute, PlanObject};
use crate::model::{AgentId, Object};

/// Objects with their attributes.
#[derive(Debug)]
pub(super) struct Facts(BTreeMap<Object, PlanObject>);

impl Facts {
    /// Of these objects, as seen by one agent.
    pub(super) fn of(inventory: &Inventory, objects: &BTreeSet<Object>, agent: &AgentId) -> Self {
        let mut facts = Self::of_all(inventory, objects);
        // An agent that nobody declared (a single process on its own) still has an id.
        let own = Object::Agent(agent.clone());
        facts.0.entry(own.clone()).or_insert_with(|| {
            let mut attributes = Attributes::default();
            attributes.texts([
                ("id", agent.as_str()),
                ("name", agent.as_str()),
                ("zone", ""),
                ("region", ""),
                ("address", ""),
            ]);
            PlanObject { object: own, name: agent.to_string(), attributes: attributes.0 }
        });
        facts
    }

    /// Of these objects.
    pub(super) fn of_all(inventory: &Inventory, objects: &BTreeSet<Object>) -> Self {
        let all = objects.iter().filter_map(|object| {
            let (name, attributes) = attributes_of(inventory, object)?;
            Some((object.clone(), PlanObject { object: object.clone(), name, attributes }))
        });
        Self(all.collect())
    }

    /// Whether a filter lets the object through; no filter lets all through, an unknown answer none.
    pub(super) fn passes(&self, object: &Object, filter: Option<&Expr>) -> bool {
        let Some(filter) = filter else { return true };
        self.0.get(object).is_some_and(|facts| filter.eval(&ByName(&facts.attributes)) == Eval::True)
    }

    /// Those that `keep` wants.
    pub(super) fn into_plan_objects(self, keep: impl Fn(&Object) -> bool) -> Vec<PlanObject> {
        self.0.into_values().filter(|o| keep(&o.object)).collect()
    }
}

struct ByName<'a>(&'a BTreeMap<String, Attribute>);

impl Lookup for ByName<'_> {
    fn get(&self, slot: &Ref) -> Option<Val<'_>> {
        match slot {
            Ref::Attr(_, name) => self.0.get(&**name).map(Val::from),
            Ref::Field(_) | Ref::Window(..) | Ref::Param(_) => None,
        }
    }
}

#[derive(Default)]
struct Attributes(BTreeMap<String, Attribute>);

impl Attributes {
    fn texts<const N: usize>(&mut self, all: [(&str, &str); N]) {
        self.0.extend(all.map(|(name, text)| (name.to_owned(), Attribute::Text(text.to_owned()))));
    }
    fn number(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), Attribute::Number(value));
    }
}

fn or_empty<T: AsRef<str>>(id: Option<&T>) -> &str {
    id.map_or("", AsRef::as_ref)
}

/// Name and attributes of an object (an interface has those of its asset); `None` if the inventory lacks it.
pub fn attributes_of(inventory: &Inventory, object: &Object) -> Option<(String, BTreeMap<String, Attribute>)> {
    let mut all = Attributes::default();
    let name = match object {
        Object::Asset(id) => {
            let asset = inventory.assets.get(id)?;
            of_asset(asset, &mut all);
            asset.name.clone()
        }
        Object::Interface { asset, name } => {
            of_asset(inventory.assets.get(asset)?, &mut all);
            format!("{asset} {name}")
        }
        Object::Link(id) => {
            let link = inventory.links.get(id)?;
            of_link(inventory, link, &mut all);
            link.name.clone()
        }
        Object::Agent(id) => {
            let agent = inventory.agents.get(id)?;
            all.texts([
                ("id", id.as_str()),
                ("name", &agent.name),
                ("zone", agent.zone.as_str()),
                ("region", or_empty(agent.region.as_ref())),
                ("address", agent.address.as_deref().unwrap_or("")),
            ]);
            agent.name.clone()
        }
        Object::Region(id) => {
            let region = inventory.regions.get(id)?;
            let parent = or_empty(region.parent.as_ref());
            all.texts([
                ("id", id.as_str()),
                ("name", &region.name),
                ("tier", region.tier.as_str()),
                ("parent", parent),
            ]);
            region.name.clone()
        }
    };
    Some((name, all.0))
}

fn of_asset(asset: &Asset, all: &mut Attributes) {
    all.texts([
        ("id", asset.id.as_str()),
        ("name", &asset.name),
        ("kind", asset.kind.as_str()),
        ("status", asset.status.as_str()),
        ("zone", asset.zone.as_str()),
        ("region", or_empty(asset.region.as_ref())),
        ("owner", or_empty(asset.owner.as_ref())),
        ("operator", or_empty(asset.operator.as_ref())),
        ("person", or_empty(asset.person.as_ref())),
        ("location", &asset.location),
        ("address", asset.address.as_deref().unwrap_or("")),
        ("url", asset.website.as_ref().map_or("", |w| &w.url)),
    ]);
    all.number("importance", f64::from(asset.importance));
    all.number("tcp_ports", asset.tcp_ports.len() as f64);
    all.number("has_config", f64::from(u8::from(asset.config.is_some())));
    all.number("has_snmp", f64::from(u8::from(asset.snmp.is_some())));
    all.0.insert("tags".to_owned(), Attribute::List(asset.tags.clone()));
}

fn of_link(inventory: &Inventory, link: &Link, all: &mut Attributes) {
    let near = [&link.a, &link.b].into_iter().find_map(|end| match end {
        LinkEnd::Port { asset, .. } => inventory.assets.get(asset),
        LinkEnd::Peer { .. } => None,
    });
    all.texts([
        ("id", link.id.as_str()),
        ("name", &link.name),
        ("tier", link.tier.as_str()),
        ("carrier", link.carrier.as_ref().map_or("", |c| &c.name)),
        ("region", near.and_then(|a| a.region.as_ref()).map_or("", |r| r.as_str())),
        ("zone", near.map_or("", |a| a.zone.as_str())),
    ]);
    all.0.insert("tags".to_owned(), Attribute::List(link.tags.clone()));
    if let Some(bps) = link.capacity_bps {
        all.number("capacity_bps", bps as f64);
    }
}
