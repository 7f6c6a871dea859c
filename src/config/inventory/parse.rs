//! Reads inventory texts. All items first, then what they refer to, so that order does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeTable;

use super::check::{self, BadUrl, MAX_LIST, MAX_TEXT};
use crate::config::diag::{Diagnostic, any_error, did_you_mean};
use crate::config::reader::{self, Faults, Item, Source, Table};
use crate::config::units::parse_capacity;
use crate::model::inventory::*;
use crate::model::{AgentId, AssetId, BadId, Object, OrganisationId, PersonId, RegionId, ZoneId};

/// Where devices listen for SSH.
const SSH_PORT: i64 = 22;
/// SNMP's port.
const SNMP_PORT: i64 = 161;

/// A reference to be looked up when everything is read.
struct Reference<'a> {
    item: Item<'a>,
    /// Nouns it may be of.
    nouns: &'static [&'static str],
    id: String,
}

#[derive(Default)]
struct Reading<'a> {
    out: Inventory,
    places: BTreeMap<(&'static str, String), String>,
    references: Vec<Reference<'a>>,
    /// Where each `parent` stands, for cycles.
    parents: Vec<(&'static str, String, Item<'a>)>,
}

/// Reads all sources; references may point into `base`.
pub(super) fn read(base: &Inventory, sources: &[Source], faults: Faults) -> Result<Inventory, Vec<Diagnostic>> {
    let out = read_all(base, sources, &faults);
    let diagnostics = faults.into_sorted();
    if any_error(&diagnostics) { Err(diagnostics) } else { Ok(out) }
}

fn read_all(base: &Inventory, sources: &[Source], faults: &Faults) -> Inventory {
    let documents: Vec<(&Source, Spanned<DeTable<'_>>)> =
        sources.iter().map(|source| (source, reader::parse(source, faults))).collect();
    let mut reading = Reading::default();
    for (source, document) in &documents {
        reading.document(&Table::root(source, faults, document.get_ref()));
    }
    let Reading { mut out, references, parents, .. } = reading;
    for (id, zone) in super::shipped().zones {
        out.zones.entry(id).or_insert(zone);
    }
    let all = super::diff(base, &out, false).merged;
    check_references(&all, &references);
    check_cycles(&all, &parents);
    out
}

impl<'a> Reading<'a> {
    fn document(&mut self, root: &Table<'a>) {
        macro_rules! nouns {
            ($($noun:literal $map:ident $read:ident;)*) => {$(
                for table in root.tables($noun) {
                    if let Some(item) = self.$read(&table) {
                        if self.first($noun, item.id.as_str(), &table) {
                            self.out.$map.insert(item.id.clone(), item);
                        }
                    }
                    table.finish();
                }
            )*};
        }
        nouns! {
            "region" regions region;
            "organisation" organisations organisation;
            "person" persons person;
            "zone" zones zone;
            "agent" agents agent;
            "asset" assets asset;
            "link" links link;
            "system" systems system;
        }
        root.finish();
    }

    /// Whether the id is new; else says where the other one is.
    fn first(&mut self, noun: &'static str, id: &str, table: &Table<'_>) -> bool {
        let here = format!("{}:{}", table.source.name, table.line());
        match self.places.get(&(noun, id.to_owned())) {
            Some(other) => {
                table.fault(format!("{noun} `{id}` is defined twice"), format!("the other one is at {other}"));
                false
            }
            None => {
                self.places.insert((noun, id.to_owned()), here);
                true
            }
        }
    }

    /// An optional reference; the key counts as known.
    fn reference<T>(&mut self, table: &Table<'a>, key: &'static str, nouns: &'static [&'static str]) -> Option<T>
    where
        T: FromStr<Err = BadId> + AsRef<str>,
    {
        self.refer(table.item(key)?, nouns)
    }

    fn refer<T: FromStr<Err = BadId> + AsRef<str>>(
        &mut self,
        item: Item<'a>,
        nouns: &'static [&'static str],
    ) -> Option<T> {
        let id: T = item.parsed()?;
        self.references.push(Reference { item, nouns, id: id.as_ref().to_owned() });
        Some(id)
    }

    /// A required reference.
    fn needs<T>(
        &mut self,
        table: &Table<'a>,
        key: &'static str,
        nouns: &'static [&'static str],
        example: &str,
    ) -> Option<T>
    where
        T: FromStr<Err = BadId> + AsRef<str>,
    {
        if !table.has(key) {
            table.missing(key, example);
        }
        self.reference(table, key, nouns)
    }

    fn parent<T: FromStr<Err = BadId> + AsRef<str>>(
        &mut self,
        table: &Table<'a>,
        noun: &'static [&'static str; 1],
        id: &str,
    ) -> Option<T> {
        let parent = self.reference(table, "parent", noun);
        if let (Some(_), Some(item)) = (&parent, table.item("parent")) {
            self.parents.push((noun[0], id.to_owned(), item));
        }
        parent
    }

    fn region(&mut self, t: &Table<'a>) -> Option<Region> {
        let id: Option<RegionId> = ident(t, "region", "\"652900\"");
        let name = name(t, id.as_ref());
        if !t.has("tier") {
            t.missing("tier", "\"county\"");
        }
        let tier = word(t, "tier", Tier::ALL, Tier::as_str);
        let parent = self.parent(t, &["region"], id.as_ref().map_or("", |i| i.as_str()));
        Some(Region { id: id?, name, tier: tier?, parent })
    }

    fn organisation(&mut self, t: &Table<'a>) -> Option<Organisation> {
        let id: Option<OrganisationId> = ident(t, "organisation", "\"aks-egov\"");
        let name = name(t, id.as_ref());
        let region = self.reference(t, "region", &["region"]);
        let parent = self.parent(t, &["organisation"], id.as_ref().map_or("", |i| i.as_str()));
        // Calendars are definitions: whether there is one of that id, the plan's notes say.
        let calendar = t.item("calendar").and_then(|item| item.parsed());
        Some(Organisation { id: id?, name, region, parent, calendar })
    }

    fn person(&mut self, t: &Table<'a>) -> Option<Person> {
        let id: Option<PersonId> = ident(t, "person", "\"zhang\"");
        let name = name(t, id.as_ref());
        let organisation = self.needs(t, "organisation", &["organisation"], "\"aks-egov\"");
        let (duty, mobile) = (free(t, "duty"), free(t, "mobile"));
        let deputy = self.reference(t, "deputy", &["person"]);
        Some(Person { id: id?, name, organisation: organisation?, duty, mobile, deputy })
    }

    fn zone(&mut self, t: &Table<'a>) -> Option<Zone> {
        let id: Option<ZoneId> = ident(t, "zone", "\"extranet\"");
        let name = name(t, id.as_ref());
        let parent = self.parent(t, &["zone"], id.as_ref().map_or("", |i| i.as_str()));
        Some(Zone { id: id?, name, parent })
    }

    fn agent(&mut self, t: &Table<'a>) -> Option<AgentDecl> {
        let id: Option<AgentId> = ident(t, "agent", "\"aks-tower\"");
        let name = name(t, id.as_ref());
        let region = self.reference(t, "region", &["region"]);
        let zone = self.needs(t, "zone", &["zone"], "\"extranet\"");
        let address = address(t, "address");
        Some(AgentDecl { id: id?, name, region, zone: zone?, address })
    }

    fn asset(&mut self, t: &Table<'a>) -> Option<Asset> {
        let id: Option<AssetId> = ident(t, "asset", "\"aks-core-1\"");
        let name = name(t, id.as_ref());
        if !t.has("kind") {
            t.missing("kind", "\"switch\"");
        }
        let kind = word(t, "kind", AssetKind::ALL, AssetKind::as_str);
        let status = word(t, "status", AssetStatus::ALL, AssetStatus::as_str);
        let also = t.texts("also").iter().filter_map(host).collect();
        let zone = self.needs(t, "zone", &["zone"], "\"extranet\"");
        let watch = t.table("watch").and_then(|w| self.asset_watch(&w));
        let snmp = t.table("snmp").and_then(|s| snmp(&s));
        let config = t.table("config").and_then(|c| self.config(&c));
        let website = t.table("website").and_then(|w| website(&w));
        if kind == Some(AssetKind::Website) && !t.has("website") {
            t.missing("website", "{ url = \"https://...\" }");
        }
        let asset = Asset {
            address: address(t, "address"),
            also,
            region: self.reference(t, "region", &["region"]),
            owner: self.reference(t, "owner", &["organisation"]),
            operator: self.reference(t, "operator", &["organisation"]),
            person: self.reference(t, "person", &["person"]),
            location: free(t, "location"),
            importance: t.int("importance", 1, 3).and_then(|v| u8::try_from(v).ok()).unwrap_or(1),
            watch,
            snmp,
            config,
            website,
            tcp_ports: ports(t),
            depends_on: self.depends_on(t),
            tags: tags(t),
            renamed_from: t.item("renamed_from").and_then(|i| i.parsed()),
            name,
            status: status.unwrap_or(AssetStatus::InUse),
            id: id?,
            kind: kind?,
            zone: zone?,
        };
        Some(asset)
    }

    /// One of `{ path }`, `{ agent }` and `{ secret, port, host_key }`.
    fn config(&mut self, t: &Table<'a>) -> Option<ConfigAccess> {
        let dialect = free(t, "dialect");
        let source = if t.has("agent") {
            self.reference(t, "agent", &["agent"]).map(ConfigSource::Own)
        } else if t.has("path") {
            config_file(t)
        } else {
            config_over_ssh(t)
        };
        t.finish();
        Some(ConfigAccess { source: source?, dialect })
    }

    fn asset_watch(&mut self, t: &Table<'a>) -> Option<Watch> {
        if !t.has("agents") {
            t.missing("agents", "[\"aks-tower\"]");
        }
        let items = t.texts("agents");
        let agents: Vec<AgentId> = items.into_iter().filter_map(|i| self.refer(i, &["agent"])).collect();
        let mode = word(t, "mode", WatchMode::ALL, WatchMode::as_str).unwrap_or(WatchMode::First);
        t.finish();
        Some(Watch { agents, mode })
    }

    fn depends_on(&mut self, t: &Table<'a>) -> Vec<Vec<String>> {
        let groups = t.item("depends_on").and_then(|i| i.list()).unwrap_or_default();
        let mut all = Vec::new();
        for group in groups {
            let Some(items) = group.list() else { continue };
            // A slug of either kind; which one is looked up later.
            let ids = items.into_iter().filter_map(|i| self.refer::<AssetId>(i, &["asset", "link"]));
            all.push(ids.map(|id| id.to_string()).collect());
        }
        all
    }

    fn link(&mut self, t: &Table<'a>) -> Option<Link> {
        let id = ident(t, "link", "\"aks-wushi\"");
        let name = name(t, id.as_ref());
        let a = self.end(t, "a");
        let b = self.end(t, "b");
        let watch = t.tables("watch").iter().filter_map(|w| self.link_watch(w)).collect();
        let tier = word(t, "tier", LinkTier::ALL, LinkTier::as_str).unwrap_or(LinkTier::Access);
        let capacity_bps = t.item("capacity").and_then(|item| match parse_capacity(item.text()?) {
            Ok(bps) => Some(bps),
            Err(hint) => {
                item.fault(format!("`{}` is no capacity", item.text()?), hint);
                None
            }
        });
        let carrier = t.table("carrier").map(|c| {
            let carrier =
                Carrier { name: free(&c, "name"), circuit: free(&c, "circuit"), hotline: free(&c, "hotline") };
            c.finish();
            carrier
        });
        Some(Link { id: id?, name, a: a?, b: b?, watch, tier, capacity_bps, carrier, tags: tags(t) })
    }

    fn end(&mut self, link: &Table<'a>, key: &'static str) -> Option<LinkEnd> {
        if !link.has(key) {
            link.missing(key, "{ asset = \"...\", interface = \"...\", address = \"...\" }");
        }
        let t = link.table(key)?;
        t.name(format!("end `{key}` of {}", link.label()));
        let address = address(&t, "address");
        let peer = t.item("peer");
        let asset = self.reference::<AssetId>(&t, "asset", &["asset"]);
        let interface = t.item("interface");
        let end = match (peer, t.item("asset")) {
            (Some(peer), None) => {
                if let Some(interface) = interface {
                    interface.fault("`interface` beside `peer`", "a peer is not ours; remove `interface`");
                }
                peer.text().map(|name| LinkEnd::Peer { name: name.to_owned(), address })
            }
            (None, Some(_)) => {
                if interface.is_none() {
                    t.missing("interface", "\"GigabitEthernet0/0/1\"");
                }
                let port = interface.and_then(|item| {
                    let name = item.text()?;
                    // Whatever the asset is, the name must be one of an interface.
                    match Object::interface(AssetId::new("x").ok()?, name) {
                        Ok(_) => Some(name.to_owned()),
                        Err(error) => {
                            item.fault(format!("`{}` is no interface name", error.text), error.why);
                            None
                        }
                    }
                });
                asset.zip(port).map(|(asset, interface)| LinkEnd::Port { asset, interface, address })
            }
            (Some(peer), Some(_)) => {
                peer.fault("`peer` beside `asset`", "an end is either a port of ours or a peer");
                None
            }
            (None, None) => {
                t.fault(format!("{} is neither a port nor a peer", t.label()), "add asset and interface, or peer");
                None
            }
        };
        t.finish();
        end
    }

    fn link_watch(&mut self, t: &Table<'a>) -> Option<LinkWatch> {
        let agent = self.needs(t, "agent", &["agent"], "\"aks-tower\"");
        if !t.has("to") {
            t.missing("to", "\"b\"");
        }
        let to = t.word("to", &["a", "b"], |w| match w {
            "a" => Some(Side::A),
            "b" => Some(Side::B),
            _ => None,
        });
        t.finish();
        Some(LinkWatch { agent: agent?, to: to? })
    }

    fn system(&mut self, t: &Table<'a>) -> Option<System> {
        let id = ident(t, "system", "\"aks-portal-system\"");
        let name = name(t, id.as_ref());
        if !t.has("level") {
            t.missing("level", "3");
        }
        let level = t.int("level", 1, 5).and_then(|v| u8::try_from(v).ok());
        let assets: Vec<AssetId> = t.texts("assets").into_iter().filter_map(|i| self.refer(i, &["asset"])).collect();
        let owner = self.reference(t, "owner", &["organisation"]);
        let filing = t.table("filing").map(|f| {
            let date = |key| f.item(key).and_then(|i| i.date());
            let filing =
                Filing { number: free(&f, "number"), filed: date("filed"), last_assessed: date("last_assessed") };
            f.finish();
            filing
        });
        Some(System { id: id?, name, level: level?, assets, owner, filing: filing.unwrap_or_default() })
    }
}

/// The id; it names the table in later diagnostics.
fn ident<T: FromStr<Err = BadId> + AsRef<str>>(t: &Table<'_>, noun: &str, example: &str) -> Option<T> {
    let id: Option<T> = t.id(example);
    if let Some(id) = &id {
        t.name(format!("{noun} `{}`", id.as_ref()));
    }
    id
}

/// The name; the id if not given.
fn name<T: AsRef<str>>(t: &Table<'_>, id: Option<&T>) -> String {
    let name = free(t, "name");
    if name.is_empty() { id.map_or_else(String::new, |id| id.as_ref().to_owned()) } else { name }
}

/// A free text; empty if absent.
fn free(t: &Table<'_>, key: &'static str) -> String {
    let Some(item) = t.item(key) else { return String::new() };
    let text = item.text().unwrap_or("");
    if !check::free(text) {
        item.fault(
            format!("`{key}` is too long or has control characters"),
            format!("at most {MAX_TEXT} characters"),
        );
    }
    text.to_owned()
}

fn word<T: Copy>(t: &Table<'_>, key: &'static str, all: &'static [T], as_str: fn(T) -> &'static str) -> Option<T> {
    let words: Vec<&str> = all.iter().map(|v| as_str(*v)).collect();
    t.word(key, &words, |text| all.iter().copied().find(|v| as_str(*v) == text))
}

fn address(t: &Table<'_>, key: &'static str) -> Option<String> {
    host(&t.item(key)?)
}

/// An IP address or a host name.
fn host(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    match check::host(text) {
        Ok(()) => Some(text.to_owned()),
        Err(hint) => {
            item.fault(format!("`{text}` is no address"), hint);
            None
        }
    }
}

/// The name of a secret.
fn secret(t: &Table<'_>) -> Option<String> {
    let secret = t.text("secret", "\"aks-core\"").map(str::to_owned);
    if let (Some(secret), Some(item)) = (&secret, t.item("secret"))
        && (secret.is_empty() || secret.len() > crate::model::id::MAX_SLUG || secret.chars().any(char::is_control))
    {
        item.fault("`secret` is no name of a secret", "name one made with: fengsui secret set NAME");
    }
    secret
}

/// A file, or a directory of them.
fn config_file(t: &Table<'_>) -> Option<ConfigSource> {
    let path = t.text("path", "\"/var/lib/oxidized/configs\"")?.to_owned();
    if !path.starts_with('/')
        && let Some(item) = t.item("path")
    {
        item.fault(format!("`{path}` is no absolute path"), "write it from the root, as the watching agent sees it");
    }
    Some(ConfigSource::File(path))
}

/// The device itself.
fn config_over_ssh(t: &Table<'_>) -> Option<ConfigSource> {
    let port = t.int("port", 1, 65_535).unwrap_or(SSH_PORT);
    let secret = secret(t);
    let host_key = free(t, "host_key");
    if !host_key.is_empty()
        && !host_key.starts_with("SHA256:")
        && let Some(item) = t.item("host_key")
    {
        item.fault(format!("`{host_key}` is no fingerprint"), "write it as ssh-keygen -l does: SHA256:...");
    }
    Some(ConfigSource::Ssh { port: u16::try_from(port).ok()?, secret: secret?, host_key })
}

fn snmp(t: &Table<'_>) -> Option<SnmpAccess> {
    let port = t.int("port", 1, 65_535);
    let secret = secret(t);
    let (bulk, strict_source) = (t.bool("bulk").unwrap_or(true), t.bool("strict_source").unwrap_or(true));
    t.finish();
    Some(SnmpAccess { port: u16::try_from(port.unwrap_or(SNMP_PORT)).ok()?, secret: secret?, bulk, strict_source })
}

fn website(t: &Table<'_>) -> Option<Website> {
    let url = t.text("url", "\"https://www.example.gov.cn/\"").map(str::to_owned);
    if let (Some(url), Some(item)) = (&url, t.item("url")) {
        match check::url(url) {
            Ok(()) => {}
            Err(BadUrl::Form) => {
                item.fault(format!("`{url}` is no URL of a website"), "write http:// or https://, a host and a path");
            }
            Err(BadUrl::Credentials) => {
                item.fault("a URL with a user or password", "keep credentials in a secret");
            }
        }
    }
    let site_code = free(t, "site_code");
    if !site_code.is_empty()
        && !check::site_code(&site_code)
        && let Some(item) = t.item("site_code")
    {
        item.fault(format!("`{site_code}` is no site code"), "政府网站标识码 has ten digits");
    }
    t.finish();
    Some(Website { url: url?, site_code })
}

fn ports(t: &Table<'_>) -> Vec<u16> {
    let items = t.item("tcp").and_then(|i| i.list()).unwrap_or_default();
    too_many(t, "tcp", items.len());
    let mut ports: Vec<u16> =
        items.iter().filter_map(|i| i.int(1, 65_535)).filter_map(|p| u16::try_from(p).ok()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn tags(t: &Table<'_>) -> Vec<String> {
    let items = t.texts("tags");
    too_many(t, "tags", items.len());
    items.iter().filter_map(|i| i.text()).map(str::to_owned).collect()
}

fn too_many(t: &Table<'_>, key: &'static str, count: usize) {
    if count > MAX_LIST
        && let Some(item) = t.item(key)
    {
        item.fault(format!("`{key}` has {count} entries"), format!("at most {MAX_LIST}"));
    }
}

/// Ids of a noun.
fn ids<'i>(all: &'i Inventory, noun: &str) -> Vec<&'i str> {
    match noun {
        "region" => all.regions.keys().map(|k| k.as_str()).collect(),
        "organisation" => all.organisations.keys().map(|k| k.as_str()).collect(),
        "person" => all.persons.keys().map(|k| k.as_str()).collect(),
        "zone" => all.zones.keys().map(|k| k.as_str()).collect(),
        "agent" => all.agents.keys().map(|k| k.as_str()).collect(),
        "asset" => all.assets.keys().map(|k| k.as_str()).collect(),
        "link" => all.links.keys().map(|k| k.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn check_references(all: &Inventory, references: &[Reference<'_>]) {
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for reference in references {
        let mut found = false;
        for noun in reference.nouns {
            let set = known.entry(noun).or_insert_with(|| ids(all, noun).into_iter().collect());
            found |= set.contains(reference.id.as_str());
        }
        if !found {
            let names: Vec<&str> = reference.nouns.iter().filter_map(|n| known.get(n)).flatten().copied().collect();
            let noun = reference.nouns.join(" or ");
            reference.item.fault(format!("unknown {noun} `{}`", reference.id), did_you_mean(&reference.id, names));
        }
    }
}

/// A tree has no loops; each is reported where one of its `parent` keys stands.
fn check_cycles(all: &Inventory, parents: &[(&'static str, String, Item<'_>)]) {
    let above = |noun: &str, id: &str| -> Option<String> {
        match noun {
            "region" => all.regions.get(id)?.parent.as_ref().map(ToString::to_string),
            "organisation" => all.organisations.get(id)?.parent.as_ref().map(ToString::to_string),
            _ => all.zones.get(id)?.parent.as_ref().map(ToString::to_string),
        }
    };
    let mut reported: BTreeSet<(&str, String)> = BTreeSet::new();
    for (noun, id, item) in parents {
        let mut path = vec![id.clone()];
        while let Some(next) = path.last().and_then(|last| above(noun, last)) {
            if next == *id {
                if reported.insert((noun, path.iter().min().cloned().unwrap_or_default())) {
                    path.push(next);
                    item.fault(format!("{noun} `{id}` is above itself: {}", path.join(" -> ")), "mend one `parent`");
                }
                break;
            }
            if path.contains(&next) {
                break; // a loop further up; its own members report it
            }
            path.push(next);
        }
    }
}
