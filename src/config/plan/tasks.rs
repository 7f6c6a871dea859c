//! One task for each probe, object and far end.

use std::sync::Arc;

use crate::config::defs::{Definitions, NEAR, ProbeDef, SOURCE};
use crate::model::field::{Catalog, TargetNeed};
use crate::model::inventory::{Asset, ConfigSource, Inventory, Link, LinkEnd, Side, Website};
use crate::model::plan::{SettingValue, Settings, Target, Task};
use crate::model::{CalendarId, Object, ObjectKind, ProbeId};

use super::assign::Watched;
use super::attributes::Facts;
use super::when::Calendars;

/// The setting by which a probe chooses a port; a kind that has it without a default probes all ports of an asset.
const PORT: &str = "port";

/// Settings of probes that ask by SNMP which an asset may switch off for itself.
const BULK: &str = "bulk";
const STRICT_SOURCE: &str = "strict_source";

/// The setting by which a probe names a secret of its own.
const SECRET: &str = "secret";

/// Settings in which a task is told where its asset's configuration is read.
const DIALECT: &str = "dialect";
const PATH: &str = "path";
const HOST_KEY: &str = "host_key";
const HOST: &str = "host";

/// All tasks, by probe, then object.
pub(super) fn tasks(
    definitions: &Definitions,
    watched: &Watched<'_>,
    facts: &Facts,
    calendars: &Calendars<'_>,
    notes: &mut Vec<String>,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    for probe in &definitions.probes {
        let filter = probe.filter.as_ref();
        let mut add = |object: Object, made: Result<Vec<Aim>, &'static str>| match made {
            Ok(aims) => {
                let calendar = calendars.of(probe.when.as_ref(), &object);
                tasks.extend(aims.into_iter().map(|aim| task(probe, object.clone(), aim, calendar.clone())));
            }
            Err(why) => notes.push(format!("probe `{}` leaves out {object}: {why}", probe.id)),
        };
        match probe.on {
            ObjectKind::Asset => {
                // From within only the agent on it sees a machine, whoever watches it from outside.
                let within = |asset: &&&Asset| probe.kind.target == TargetNeed::Config && asset.own_agent().is_some();
                let outside = watched.assets.iter().filter(|asset| !within(asset));
                for asset in outside.chain(watched.own.iter().filter(within)) {
                    let object = Object::Asset(asset.id.clone());
                    if facts.passes(&object, filter) {
                        add(object, at_asset(probe, asset));
                    }
                }
            }
            ObjectKind::Link => {
                for (link, side) in &watched.links {
                    let object = Object::Link(link.id.clone());
                    if facts.passes(&object, filter) {
                        let both = watched.links.iter().filter(|(other, _)| other.id == link.id).count() > 1;
                        add(object, at_link(probe, link, *side, both));
                    }
                }
            }
            ObjectKind::Agent => {
                for agent in &watched.agents {
                    let object = Object::Agent(agent.clone());
                    if facts.passes(&object, filter) {
                        add(object, at_agent(probe));
                    }
                }
            }
            // No kind watches these by itself.
            ObjectKind::Region | ObjectKind::Interface => {}
        }
    }
    tasks
}

/// What stands for data that the console finds itself, for each kind of that sort: one a link with an end of ours, or one an
/// asset that is read by SNMP.
pub(super) fn derived(inventory: &Inventory, catalog: Catalog) -> Vec<Task> {
    let ours = |end: &LinkEnd| matches!(end, LinkEnd::Port { .. });
    let links = inventory.links.values().filter(|link| ours(&link.a) || ours(&link.b));
    let assets = inventory.assets.values().filter(|asset| asset.snmp.is_some());
    let objects: Vec<Object> =
        links.map(|link| Object::Link(link.id.clone())).chain(assets.map(|a| Object::Asset(a.id.clone()))).collect();
    let kinds = catalog.iter().filter(|kind| kind.target == TargetNeed::Derived);
    kinds
        .filter_map(|kind| Some((kind, ProbeId::new(kind.name).ok()?)))
        .flat_map(|(kind, probe)| {
            objects.iter().filter(|object| kind.on.contains(&object.kind())).cloned().map(move |object| Task {
                id: Arc::from(format!("{probe}|{object}|")),
                probe: probe.clone(),
                kind: Arc::from(kind.name),
                object,
                instance: Arc::from(""),
                target: Target::default(),
                settings: Settings::default(),
                interval_ms: 0,
                timeout_ms: 0,
                keep_ms: 0,
                secret: None,
                calendar: None,
            })
        })
        .collect()
}

/// Where a task is aimed, and what tells it from others of the same probe and object.
struct Aim {
    to: String,
    /// A part of the object that stands for itself; empty where one task looks at the whole.
    instance: Arc<str>,
    target: Target,
    settings: Settings,
    secret: Option<String>,
}

impl Aim {
    fn of(probe: &ProbeDef) -> Self {
        let settings = probe.settings.clone();
        Self { to: String::new(), instance: Arc::from(""), target: Target::default(), settings, secret: None }
    }
}

fn task(probe: &ProbeDef, object: Object, aim: Aim, calendar: Option<CalendarId>) -> Task {
    let ms = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    Task {
        id: Arc::from(format!("{}|{object}|{}", probe.id, aim.to)),
        probe: probe.id.clone(),
        kind: Arc::from(probe.kind.name),
        object,
        instance: aim.instance,
        target: aim.target,
        settings: aim.settings,
        interval_ms: ms(probe.interval),
        timeout_ms: ms(probe.timeout),
        keep_ms: ms(probe.keep),
        secret: aim.secret.or_else(|| probe.settings.text(SECRET).map(str::to_owned)),
        calendar,
    }
}

fn at_agent(probe: &ProbeDef) -> Result<Vec<Aim>, &'static str> {
    if probe.kind.target != TargetNeed::Own {
        return Err("this kind needs an address; an agent is not probed by address");
    }
    Ok(vec![Aim::of(probe)])
}

fn leaves_near(set: &SettingValue) -> bool {
    matches!(set, SettingValue::Text(source) if source == NEAR)
}

fn at_link(probe: &ProbeDef, link: &Link, side: Side, both: bool) -> Result<Vec<Aim>, &'static str> {
    let (near, end, to) = match side {
        Side::A => (&link.b, &link.a, "a"),
        Side::B => (&link.a, &link.b, "b"),
    };
    // Never the asset's own address: a loopback answers by another road when the link is down.
    let host = end.address().ok_or("its far end has no address")?;
    let target = Target { host: Some(host.to_owned()), port: None, url: None };
    let instance = Arc::from(if both { to } else { "" });
    let mut aim = Aim { to: to.to_owned(), instance, target, ..Aim::of(probe) };
    if let Some(SettingValue::Text(source)) = aim.settings.0.get_mut(SOURCE).filter(|set| leaves_near(set)) {
        *source = near.address().ok_or("its near end has no address, and the probe's source is `near`")?.to_owned();
    }
    Ok(vec![aim])
}

fn at_asset(probe: &ProbeDef, asset: &Asset) -> Result<Vec<Aim>, &'static str> {
    let mut aim = Aim::of(probe);
    match probe.kind.target {
        TargetNeed::Own => return Err("an agent looks at its own host only; put the probe on = \"agent\""),
        TargetNeed::Url => {
            let site = asset.website.as_ref().ok_or("it has no website url")?;
            aim.target.url = Some(site.url.clone());
            return Ok(vec![aim]);
        }
        TargetNeed::Config => return of_config(asset, aim),
        TargetNeed::Heard => return Err("this kind is heard, not probed"),
        TargetNeed::Derived => return Err("this kind is found by the console, not probed"),
        TargetNeed::Address => {}
    }
    match (&asset.website, &asset.address) {
        // A website is where its URL says, by name: certificates are for names.
        (Some(site), _) => {
            let (host, port) = host_and_port(site).ok_or("its url has no host")?;
            aim.target.host = Some(host.to_owned());
            if let (Some(port), Some(SettingValue::Int(own))) = (port, aim.settings.0.get_mut(PORT)) {
                *own = i64::from(port);
            }
        }
        (None, Some(address)) => aim.target.host = Some(address.clone()),
        (None, None) => return Err("it has no address"),
    }
    if probe.kind.secret {
        let snmp = asset.snmp.as_ref().ok_or("it has no snmp access")?;
        aim.target.port = Some(snmp.port);
        aim.secret = Some(snmp.secret.clone());
        for (name, on) in [(BULK, snmp.bulk), (STRICT_SOURCE, snmp.strict_source)] {
            if let Some(setting) = aim.settings.0.get_mut(name).filter(|_| !on) {
                *setting = SettingValue::Bool(false);
            }
        }
        return Ok(vec![aim]);
    }
    let wants_port = probe.kind.settings.iter().any(|s| s.name == PORT) && aim.settings.int(PORT).is_none();
    if !wants_port {
        return Ok(vec![aim]);
    }
    if asset.tcp_ports.is_empty() {
        return Err("it has no tcp ports");
    }
    let ports = asset.tcp_ports.iter().map(|port| Aim {
        to: port.to_string(),
        instance: Arc::from(port.to_string()),
        target: Target { port: Some(*port), ..aim.target.clone() },
        settings: aim.settings.clone(),
        secret: None,
    });
    Ok(ports.collect())
}

/// Where an asset's configuration is read: what the inventory says of it becomes settings of the task.
fn of_config(asset: &Asset, mut aim: Aim) -> Result<Vec<Aim>, &'static str> {
    let config = asset.config.as_ref().ok_or("the inventory does not say where its configuration is read")?;
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            aim.settings.0.insert(name.to_owned(), SettingValue::Text(value.to_owned()));
        }
    };
    set(DIALECT, &config.dialect);
    match &config.source {
        ConfigSource::File(path) => {
            set(PATH, path);
            aim.target.host = asset.address.clone();
        }
        ConfigSource::Own(_) => {
            aim.settings.0.insert(HOST.to_owned(), SettingValue::Bool(true));
        }
        ConfigSource::Ssh { port, secret, host_key } => {
            set(HOST_KEY, host_key);
            aim.target.host = Some(asset.address.clone().ok_or("it has no address")?);
            aim.target.port = Some(*port);
            aim.secret = Some(secret.clone());
        }
    }
    Ok(vec![aim])
}

/// Host and explicit port of a URL that the inventory's reader has checked.
fn host_and_port(site: &Website) -> Option<(&str, Option<u16>)> {
    let rest = site.url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(v6) = authority.strip_prefix('[') {
        let (host, after) = v6.split_once(']')?;
        return Some((host, after.strip_prefix(':').and_then(|p| p.parse().ok())));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None if authority.is_empty() => None,
        None => Some((authority, None)),
    }
}
