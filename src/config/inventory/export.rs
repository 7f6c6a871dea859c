//! Writes items as TOML. The same rendering, key by key, is what `diff` compares.

use std::fmt::Write as _;

use crate::config::units::format_capacity;
use crate::model::inventory::*;

/// Keys and values of an item, as a file writes them; defaults are left out. The id comes first.
pub(super) trait Fields {
    /// In the order of writing.
    fn fields(&self) -> Vec<(&'static str, String)>;
}

/// Writes TOML that `parse` reads back equal. Shipped zones are left out unless they were changed.
pub fn export(inventory: &Inventory) -> String {
    let shipped = super::shipped();
    let mut out = String::new();
    section(&mut out, "zone", inventory.zones.values().filter(|z| shipped.zones.get(&z.id) != Some(*z)));
    section(&mut out, "region", inventory.regions.values());
    section(&mut out, "organisation", inventory.organisations.values());
    section(&mut out, "person", inventory.persons.values());
    section(&mut out, "agent", inventory.agents.values());
    section(&mut out, "asset", inventory.assets.values());
    section(&mut out, "link", inventory.links.values());
    section(&mut out, "system", inventory.systems.values());
    out
}

fn section<'a, T: Fields + 'a>(out: &mut String, noun: &str, items: impl Iterator<Item = &'a T>) {
    for item in items {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "[[{noun}]]"); // writing to a String cannot fail
        for (key, value) in item.fields() {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
}

/// A TOML string.
fn quote(text: impl AsRef<str>) -> String {
    toml::Value::String(text.as_ref().to_owned()).to_string()
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(quote).collect::<Vec<_>>().join(", "))
}

fn inline(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

#[derive(Default)]
struct Out(Vec<(&'static str, String)>);

impl Out {
    fn put(mut self, key: &'static str, value: String) -> Self {
        self.0.push((key, value));
        self
    }
    fn text(self, key: &'static str, value: &str) -> Self {
        if value.is_empty() { self } else { self.put(key, quote(value)) }
    }
    fn maybe<T: AsRef<str>>(self, key: &'static str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.put(key, quote(value)),
            None => self,
        }
    }
    fn when(self, condition: bool, key: &'static str, value: impl FnOnce() -> String) -> Self {
        if condition { self.put(key, value()) } else { self }
    }
}

fn start(id: &str, name: &str) -> Out {
    Out::default().put("id", quote(id)).when(name != id, "name", || quote(name))
}

impl Fields for Zone {
    fn fields(&self) -> Vec<(&'static str, String)> {
        start(self.id.as_str(), &self.name).maybe("parent", self.parent.as_ref()).0
    }
}

impl Fields for Region {
    fn fields(&self) -> Vec<(&'static str, String)> {
        start(self.id.as_str(), &self.name)
            .put("tier", quote(self.tier.as_str()))
            .maybe("parent", self.parent.as_ref())
            .0
    }
}

impl Fields for Organisation {
    fn fields(&self) -> Vec<(&'static str, String)> {
        start(self.id.as_str(), &self.name)
            .maybe("region", self.region.as_ref())
            .maybe("parent", self.parent.as_ref())
            .maybe("calendar", self.calendar.as_ref())
            .0
    }
}

impl Fields for Person {
    fn fields(&self) -> Vec<(&'static str, String)> {
        start(self.id.as_str(), &self.name)
            .put("organisation", quote(&self.organisation))
            .text("duty", &self.duty)
            .text("mobile", &self.mobile)
            .maybe("deputy", self.deputy.as_ref())
            .0
    }
}

impl Fields for AgentDecl {
    fn fields(&self) -> Vec<(&'static str, String)> {
        start(self.id.as_str(), &self.name)
            .maybe("region", self.region.as_ref())
            .put("zone", quote(&self.zone))
            .maybe("address", self.address.as_ref())
            .0
    }
}

impl Fields for Asset {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let ports = || format!("[{}]", self.tcp_ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "));
        let groups = || format!("[{}]", self.depends_on.iter().map(|g| list(g)).collect::<Vec<_>>().join(", "));
        let mut out = start(self.id.as_str(), &self.name)
            .put("kind", quote(self.kind.as_str()))
            .when(self.status != AssetStatus::InUse, "status", || quote(self.status.as_str()))
            .maybe("address", self.address.as_ref())
            .when(!self.also.is_empty(), "also", || list(&self.also))
            .put("zone", quote(&self.zone))
            .maybe("region", self.region.as_ref())
            .maybe("owner", self.owner.as_ref())
            .maybe("operator", self.operator.as_ref())
            .maybe("person", self.person.as_ref())
            .text("location", &self.location)
            .when(self.importance != 1, "importance", || self.importance.to_string());
        if let Some(watch) = &self.watch {
            let mode = quote(watch.mode.as_str());
            out = out.put("watch", inline(&[("agents", list(&watch.agents)), ("mode", mode)]));
        }
        if let Some(snmp) = &self.snmp {
            let mut pairs = vec![("port", snmp.port.to_string()), ("secret", quote(&snmp.secret))];
            let off = [("bulk", snmp.bulk), ("strict_source", snmp.strict_source)];
            pairs.extend(off.into_iter().filter(|(_, on)| !on).map(|(name, _)| (name, "false".to_owned())));
            out = out.put("snmp", inline(&pairs));
        }
        if let Some(config) = &self.config {
            let mut pairs = match &config.source {
                ConfigSource::File(path) => vec![("path", quote(path))],
                ConfigSource::Own(agent) => vec![("agent", quote(agent.as_str()))],
                ConfigSource::Ssh { port, secret, .. } => vec![("port", port.to_string()), ("secret", quote(secret))],
            };
            if let ConfigSource::Ssh { host_key, .. } = &config.source
                && !host_key.is_empty()
            {
                pairs.push(("host_key", quote(host_key)));
            }
            if !config.dialect.is_empty() {
                pairs.push(("dialect", quote(&config.dialect)));
            }
            out = out.put("config", inline(&pairs));
        }
        if let Some(site) = &self.website {
            let mut pairs = vec![("url", quote(&site.url))];
            if !site.site_code.is_empty() {
                pairs.push(("site_code", quote(&site.site_code)));
            }
            out = out.put("website", inline(&pairs));
        }
        out.when(!self.tcp_ports.is_empty(), "tcp", ports)
            .when(!self.depends_on.is_empty(), "depends_on", groups)
            .when(!self.tags.is_empty(), "tags", || list(&self.tags))
            .maybe("renamed_from", self.renamed_from.as_ref())
            .0
    }
}

fn end(end: &LinkEnd) -> String {
    let mut pairs = match end {
        LinkEnd::Port { asset, interface, .. } => vec![("asset", quote(asset)), ("interface", quote(interface))],
        LinkEnd::Peer { name, .. } => vec![("peer", quote(name))],
    };
    if let Some(address) = end.address() {
        pairs.push(("address", quote(address)));
    }
    inline(&pairs)
}

impl Fields for Link {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let watch = || {
            let entries = self.watch.iter().map(|w| {
                let to = match w.to {
                    Side::A => "a",
                    Side::B => "b",
                };
                inline(&[("agent", quote(&w.agent)), ("to", quote(to))])
            });
            format!("[{}]", entries.collect::<Vec<_>>().join(", "))
        };
        let mut out = start(self.id.as_str(), &self.name)
            .put("a", end(&self.a))
            .put("b", end(&self.b))
            .when(!self.watch.is_empty(), "watch", watch)
            .put("tier", quote(self.tier.as_str()));
        if let Some(bps) = self.capacity_bps {
            out = out.put("capacity", quote(format_capacity(bps)));
        }
        if let Some(carrier) = &self.carrier {
            let all = [("name", &carrier.name), ("circuit", &carrier.circuit), ("hotline", &carrier.hotline)];
            let given: Vec<(&str, String)> =
                all.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k, quote(v))).collect();
            out = out.put("carrier", inline(&given));
        }
        out.when(!self.tags.is_empty(), "tags", || list(&self.tags)).0
    }
}

impl Fields for System {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut filing = Vec::new();
        if !self.filing.number.is_empty() {
            filing.push(("number", quote(&self.filing.number)));
        }
        let dates = [("filed", &self.filing.filed), ("last_assessed", &self.filing.last_assessed)];
        filing.extend(dates.into_iter().filter_map(|(key, date)| Some((key, date.clone()?))));
        start(self.id.as_str(), &self.name)
            .put("level", self.level.to_string())
            .when(!self.assets.is_empty(), "assets", || list(&self.assets))
            .maybe("owner", self.owner.as_ref())
            .when(!filing.is_empty(), "filing", || inline(&filing))
            .0
    }
}
