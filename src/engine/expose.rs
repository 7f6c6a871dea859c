//! The newest value of every series, as `/metrics/objects` shows it: on the console for all agents, on an
//! agent for itself, so that a cut-off tower can still be scraped. Metric names are derived from the FIELDS
//! a probe kind declares: `fengsui_KIND_FIELD`, counters with `_total`.
//!
//! A series that nothing refreshes for three of its windows disappears; absent means absent. Labels are
//! region, asset, interface, link, agent, probe, instance: never addresses, messages or incident ids.
//! A device has its share of `MAX_SERIES` whatever the others take, and more while there is room, up to `MAX_OF_ASSET`: what
//! is beyond that is dropped and counted by device. Links, agents and regions are few and always have a place.

mod ports;
pub mod text;

pub use self::ports::{TOLD, Told};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::text::{Dialect, MetricType, Text, is_name, label};
use crate::engine::witness;
use crate::model::field::{Catalog, Field, FieldType, IMPLICIT};
use crate::model::wire::{SampleRow, Samples};
use crate::model::{AgentId, AssetId, Cause, Mono, Now, Object, ObjectKind, ProbeId, RegionId};

/// The most series while nobody claims a share: a row of a port has 14 in some 600 bytes, so they take 20 MB of memory, and
/// 110 bytes of text each, 55 MB a scrape, written in 40 ms. With shares there may be twice as many.
pub const MAX_SERIES: usize = 500_000;
/// The most series of one device: a chassis of 1,400 ports. What has more is made up, or to be asked for less.
pub const MAX_OF_ASSET: usize = 20_000;
/// The most families: shipped kinds have about 100; a peer that invents names must not fill the memory.
const MAX_FAMILIES: usize = 1_000;
/// After so many windows without a new value a series is stale.
const STALE_WINDOWS: u32 = 3;
/// The shortest time until a series is stale, so that one delayed batch does not make holes.
const STALE_FLOOR: Duration = Duration::from_secs(30);

/// How many series one of so many devices may have of a room for so many, whatever the others take. Its ports fill half of
/// that: what it says of itself (it answers, processors, sensors) counts for more than any of them.
pub fn share(object: &Object, room: usize, devices: usize) -> usize {
    let share = room / devices.max(1);
    if object.kind() == ObjectKind::Interface { share / 2 } else { share }
}

/// How long values of such a window are current.
pub fn fresh_for(window: Duration) -> Duration {
    (window * STALE_WINDOWS).max(STALE_FLOOR)
}

/// What is known of an object besides its id, for labels and `_info`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Its region.
    pub region: Option<RegionId>,
    /// Further labels of `fengsui_KIND_info`: name, kind, zone and the like. Never addresses.
    pub info: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    object: Object,
    instance: Arc<str>,
    probe: ProbeId,
    agent: AgentId,
}

#[derive(Debug)]
struct Row {
    labels: Box<str>,
    stale_at: Mono,
    /// Family and newest value.
    values: Vec<(usize, f64)>,
    runs: [u64; 4],
    packets: [u64; 5],
    causes: BTreeMap<Cause, u64>,
}

#[derive(Debug)]
struct Family {
    name: String,
    help: String,
    kind: MetricType,
    /// A histogram field shows the mean of its newest window.
    mean: bool,
}

/// Whether an object answers, by the `up` of all probes on it that are not stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All probes answer.
    Up,
    /// Some do.
    Partly,
    /// None does.
    Down,
    /// Nothing fresh is known.
    Unknown,
}

impl Reach {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Up, Self::Partly, Self::Down, Self::Unknown];
    /// The word used in JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Partly => "partly",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a probe was answered, until when that counts, and how well it says whether the object is there.
#[derive(Debug, Clone, Copy)]
struct Answered {
    up: bool,
    until: Mono,
    rank: u8,
}

/// Of one object, by probe and agent.
type Answers = BTreeMap<(ProbeId, AgentId), Answered>;

fn reach_of(answers: &Answers, counts: impl Fn(&AgentId) -> bool, now: Mono) -> Reach {
    let counted =
        || answers.iter().filter(|((_, agent), said)| said.until > now && counts(agent)).map(|(_, said)| said);
    let best = counted().map(|said| said.rank).min();
    let (mut yes, mut no) = (false, false);
    for said in counted().filter(|said| Some(said.rank) == best) {
        yes |= said.up;
        no |= !said.up;
    }
    match (yes, no) {
        (true, false) => Reach::Up,
        (true, true) => Reach::Partly,
        (false, true) => Reach::Down,
        (false, false) => Reach::Unknown,
    }
}

/// The newest values.
#[derive(Debug)]
pub struct Exposition {
    families: Vec<Family>,
    /// (kind, field) to family.
    index: BTreeMap<(Arc<str>, String), usize>,
    places: BTreeMap<Object, Place>,
    rows: BTreeMap<RowKey, Row>,
    /// Whether the newest run of each probe was answered, and until when that counts.
    up: BTreeMap<Object, Answers>,
    series: usize,
    dropped: u64,
    of_assets: BTreeMap<AssetId, OfAsset>,
    assets: usize,
    /// What is told of ports in words, as labels.
    ports: BTreeMap<Object, Box<str>>,
}

/// Series of one device, its ports included.
#[derive(Debug, Default)]
struct OfAsset {
    series: usize,
    dropped: u64,
}

impl Exposition {
    /// Without values.
    pub fn new(catalog: Catalog) -> Self {
        let mut all = Self {
            families: Vec::new(),
            index: BTreeMap::new(),
            places: BTreeMap::new(),
            rows: BTreeMap::new(),
            up: BTreeMap::new(),
            series: 0,
            dropped: 0,
            of_assets: BTreeMap::new(),
            assets: 0,
            ports: BTreeMap::new(),
        };
        for spec in catalog {
            let kind: Arc<str> = Arc::from(spec.name);
            let declared = spec.schema.tables.iter().flat_map(|t| t.fields.iter());
            for field in IMPLICIT.iter().chain(declared) {
                all.add_family(&kind, field);
            }
        }
        all
    }

    fn add_family(&mut self, kind: &Arc<str>, field: &Field) {
        if let Some((name, metric)) = metric_of(kind, field) {
            self.index.insert((kind.clone(), field.name.to_string()), self.families.len());
            self.families.push(Family {
                name,
                help: help_of(field),
                kind: metric,
                mean: matches!(field.kind, FieldType::Histogram),
            });
        }
    }

    /// How many series there are, and how many values were dropped because there were too many.
    pub fn counts(&self) -> (usize, u64) {
        (self.series, self.dropped)
    }

    /// Sets what is known of objects; rows of objects that are no longer there go.
    pub fn set_places(&mut self, places: BTreeMap<Object, Place>) {
        self.places = places;
        let places = &self.places;
        self.assets = places.keys().filter(|object| object.kind() == ObjectKind::Asset).count();
        self.of_assets.retain(|asset, _| places.contains_key(&Object::Asset(asset.clone())));
        self.rows.retain(|key, _| place_of(places, &key.object).is_some());
        self.up.retain(|object, _| place_of(places, object).is_some());
        for (key, row) in &mut self.rows {
            row.labels = labels_of(key, place_of(places, &key.object)).into();
        }
        self.recount();
    }

    /// Whether there is room for so many series more of an object.
    fn has_room(&self, object: &Object, more: usize) -> bool {
        let total = self.series + more;
        let Some(asset) = object.asset() else { return total <= 2 * MAX_SERIES };
        let own = self.of_assets.get(asset).map_or(0, |held| held.series) + more;
        let fair = || own <= share(object, MAX_SERIES, self.assets);
        more == 0 || (own <= MAX_OF_ASSET && (total <= MAX_SERIES || fair()))
    }

    /// Takes in one window. `skew_ms` is the console's clock minus the agent's. Old windows change nothing: they
    /// are history.
    pub fn take(&mut self, agent: &AgentId, samples: &Samples, skew_ms: i64, now: Now) {
        let fresh = fresh_for(samples.to.since(samples.from));
        let ended = crate::model::Wall::from_millis(samples.to.millis().saturating_add(skew_ms));
        let age = now.wall.since(ended);
        if age >= fresh || (samples.rows.len() > crate::model::wire::MAX_SAMPLE_ROWS) {
            return;
        }
        let stale_at = now.mono.plus(fresh - age);
        for row in &samples.rows {
            self.take_row(agent, samples, row, stale_at);
        }
    }

    fn take_row(&mut self, agent: &AgentId, samples: &Samples, given: &SampleRow, stale_at: Mono) {
        if place_of(&self.places, &given.object).is_none() {
            return;
        }
        if let (Some(up), Some(rank)) = (given.fields.get("up"), witness::rank(&given.object, &samples.kind)) {
            let by_probe = self.up.entry(given.object.clone()).or_default();
            let said = Answered { up: up.0.last > 0.5, until: stale_at, rank };
            by_probe.insert((samples.probe.clone(), agent.clone()), said);
        }
        let key = RowKey {
            object: given.object.clone(),
            instance: given.instance.clone(),
            probe: samples.probe.clone(),
            agent: agent.clone(),
        };
        let values: Vec<(usize, f64)> = given
            .fields
            .iter()
            .filter_map(|(field, summary)| {
                let family = self.family(&samples.kind, field)?;
                let mean = self.families.get(family).is_some_and(|f| f.mean);
                Some((family, if mean { summary.0.mean() } else { summary.0.last }))
            })
            .collect();
        let known = self.rows.get(&key).map_or(0, |row| row.values.len());
        let fits = self.has_room(&key.object, values.len().saturating_sub(known));
        let held = key.object.asset().map(|asset| self.of_assets.entry(asset.clone()).or_default());
        if !fits {
            let lost = values.len() as u64;
            self.dropped = self.dropped.saturating_add(lost);
            held.into_iter().for_each(|held| held.dropped = held.dropped.saturating_add(lost));
            return;
        }
        self.series = self.series + values.len() - known;
        held.into_iter().for_each(|held| held.series = held.series + values.len() - known);
        let places = &self.places;
        let row = self.rows.entry(key).or_insert_with_key(|key| Row {
            labels: labels_of(key, place_of(places, &key.object)).into(),
            stale_at,
            values: Vec::new(),
            runs: [0; 4],
            packets: [0; 5],
            causes: BTreeMap::new(),
        });
        row.stale_at = stale_at;
        row.values = values;
        for (sum, n) in row.runs.iter_mut().zip(given.runs) {
            *sum = sum.saturating_add(u64::from(n));
        }
        for (sum, n) in row.packets.iter_mut().zip(given.packets) {
            *sum = sum.saturating_add(u64::from(n));
        }
        // Only causes that this version knows, so that a peer cannot make labels.
        for (cause, n) in given.causes.iter().filter_map(|(word, n)| Some((Cause::parse(word)?, *n))) {
            let sum = row.causes.entry(cause).or_default();
            *sum = sum.saturating_add(u64::from(n));
        }
    }

    /// The family of a field; a field this build does not know becomes a gauge if its name can be one.
    fn family(&mut self, kind: &Arc<str>, field: &str) -> Option<usize> {
        let key = (kind.clone(), field.to_owned());
        if let Some(at) = self.index.get(&key) {
            return Some(*at);
        }
        if self.families.len() >= MAX_FAMILIES {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        let unknown = Field {
            name: field.to_owned().into(),
            kind: FieldType::Gauge,
            zh: "".into(),
            en: "a field that this version does not know".into(),
        };
        self.add_family(kind, &unknown);
        self.index.get(&key).copied()
    }

    /// Whether an object answers.
    pub fn reach(&self, object: &Object, now: Mono) -> Reach {
        self.up.get(object).map_or(Reach::Unknown, |answers| reach_of(answers, |_| true, now))
    }

    /// Whether each object answers, by agents that are alive: what a silent one said last is not how things are.
    /// An object of which nothing is known is left out.
    pub fn reaches<'a>(
        &'a self,
        alive: &'a BTreeSet<AgentId>,
        now: Mono,
    ) -> impl Iterator<Item = (&'a Object, Reach)> {
        self.up.iter().map(move |(object, answers)| (object, reach_of(answers, |agent| alive.contains(agent), now)))
    }

    /// Forgets what is stale.
    pub fn expire(&mut self, now: Mono) {
        self.rows.retain(|_, row| row.stale_at > now);
        self.up.retain(|_, by_probe| {
            by_probe.retain(|_, said| said.until > now);
            !by_probe.is_empty()
        });
        self.recount();
    }

    fn recount(&mut self) {
        self.series = self.rows.values().map(|row| row.values.len()).sum();
        self.of_assets.values_mut().for_each(|held| held.series = 0);
        for (key, row) in &self.rows {
            if let Some(held) = key.object.asset().and_then(|asset| self.of_assets.get_mut(asset)) {
                held.series += row.values.len();
            }
        }
    }

    /// Writes everything that is not stale; with `regions`, only objects of those regions.
    pub fn write(&self, dialect: Dialect, regions: Option<&[RegionId]>, now: Mono) -> String {
        let seen = |place: Option<&Place>| match regions {
            None => true,
            Some(list) => place.and_then(|p| p.region.as_ref()).is_some_and(|r| list.contains(r)),
        };
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|(key, row)| row.stale_at > now && seen(place_of(&self.places, &key.object)))
            .map(|(_, row)| row)
            .collect();
        let mut by_family: Vec<Vec<(&str, f64)>> = vec![Vec::new(); self.families.len()];
        for row in &rows {
            for (family, value) in &row.values {
                if let Some(list) = by_family.get_mut(*family) {
                    list.push((&row.labels, *value));
                }
            }
        }
        let mut out = Text::new(dialect, 4096 + self.series * 110);
        self.write_info(&mut out, &seen);
        self.write_ports(&mut out, &seen, now);
        self.write_dropped(&mut out, &seen);
        write_counts(&mut out, &rows);
        for (family, samples) in self.families.iter().zip(&by_family) {
            if samples.is_empty() {
                continue;
            }
            out.family(&family.name, family.kind, &family.help);
            for (labels, value) in samples {
                out.sample(&family.name, labels, *value);
            }
        }
        out.finish()
    }

    fn write_info(&self, out: &mut Text, seen: &dyn Fn(Option<&Place>) -> bool) {
        for kind in ObjectKind::ALL {
            let mut of_kind = self
                .places
                .iter()
                .filter(|(object, place)| object.kind() == kind && !place.info.is_empty() && seen(Some(place)))
                .peekable();
            if of_kind.peek().is_none() {
                continue;
            }
            let name = format!("fengsui_{kind}_info");
            out.family(&name, MetricType::Gauge, &format!("What the inventory says of each {kind}; always 1."));
            for (object, place) in of_kind {
                let mut labels = object_labels(object, place.region.as_ref());
                for (key, value) in &place.info {
                    label(&mut labels, key, value);
                }
                out.sample(&name, &labels, 1.0);
            }
        }
    }
}

impl Exposition {
    fn write_dropped(&self, out: &mut Text, seen: &dyn Fn(Option<&Place>) -> bool) {
        const NAME: &str = "fengsui_asset_series_dropped_total";
        let place = |asset: &AssetId| self.places.get(&Object::Asset(asset.clone()));
        let lost = |(asset, held): &(&AssetId, &OfAsset)| held.dropped > 0 && seen(place(asset));
        let mut all = self.of_assets.iter().filter(lost).peekable();
        if all.peek().is_some() {
            out.family(
                NAME,
                MetricType::Counter,
                "Values of a device left out here because there were too many series.",
            );
        }
        for (asset, held) in all {
            let labels = object_labels(&Object::Asset(asset.clone()), place(asset).and_then(|p| p.region.as_ref()));
            out.sample(NAME, &labels, held.dropped as f64);
        }
    }
}

/// Runs by outcome and packets by fate, counted since this process started.
fn write_counts(out: &mut Text, rows: &[&Row]) {
    const RUNS: &str = "fengsui_probe_runs_total";
    const CAUSES: &str = "fengsui_probe_causes_total";
    const PACKETS: &str = "fengsui_probe_packets_total";
    let mut labels = String::new();
    let mut part = |out: &mut Text, name: &str, row: &Row, key: &str, word: &str, n: u64| {
        labels.clear();
        labels.push_str(&row.labels);
        label(&mut labels, key, word);
        out.sample(name, &labels, n as f64);
    };
    if rows.iter().any(|row| row.runs != [0; 4]) {
        out.family(RUNS, MetricType::Counter, "Runs of a probe by outcome; invalid means our own fault.");
        for row in rows.iter().filter(|row| row.runs != [0; 4]) {
            for (word, n) in ["ok", "degraded", "failed", "invalid"].into_iter().zip(row.runs) {
                part(out, RUNS, row, "outcome", word, n);
            }
        }
    }
    if rows.iter().any(|row| !row.causes.is_empty()) {
        out.family(CAUSES, MetricType::Counter, "Runs of a probe that were not ok, by cause.");
        for row in rows {
            for (cause, n) in &row.causes {
                part(out, CAUSES, row, "cause", cause.as_str(), *n);
            }
        }
    }
    if rows.iter().any(|row| row.packets != [0; 5]) {
        out.family(PACKETS, MetricType::Counter, "Requests of a probe by fate; sent does not count invalid ones.");
        for row in rows.iter().filter(|row| row.packets != [0; 5]) {
            for (word, n) in ["sent", "lost", "late", "duplicate", "invalid"].into_iter().zip(row.packets) {
                part(out, PACKETS, row, "fate", word, n);
            }
        }
    }
}

/// Metric name and type of a field; nothing for texts and for names that cannot be a metric's.
pub fn metric_of(kind: &str, field: &Field) -> Option<(String, MetricType)> {
    if !is_name(kind) || !is_name(&field.name) {
        return None;
    }
    let name = &field.name;
    match field.kind {
        FieldType::Text => None,
        FieldType::Counter => Some((format!("fengsui_{kind}_{name}_total"), MetricType::Counter)),
        FieldType::Gauge | FieldType::State(_) | FieldType::Histogram => {
            Some((format!("fengsui_{kind}_{name}"), MetricType::Gauge))
        }
    }
}

/// What HELP says of a field: English, Chinese, and the numbers of a state.
fn help_of(field: &Field) -> String {
    let mut help = field.en.to_string();
    if !field.zh.is_empty() {
        help = format!("{help} ({})", field.zh);
    }
    match &field.kind {
        FieldType::Histogram => help.push_str("; the mean of the newest window"),
        FieldType::State(names) => {
            let map: Vec<String> = names.iter().enumerate().map(|(n, word)| format!("{n} {word}")).collect();
            help = format!("{help}; {}", map.join(", "));
        }
        _ => {}
    }
    help
}

/// An interface stands where its asset stands unless it has a place of its own.
fn place_of<'a>(places: &'a BTreeMap<Object, Place>, object: &Object) -> Option<&'a Place> {
    places.get(object).or_else(|| match object {
        Object::Interface { asset, .. } => places.get(&Object::Asset(asset.clone())),
        _ => None,
    })
}

fn object_labels(object: &Object, region: Option<&RegionId>) -> String {
    let mut list = String::new();
    match (object, region) {
        (Object::Region(id), _) => label(&mut list, "region", id.as_str()),
        (_, Some(region)) => label(&mut list, "region", region.as_str()),
        (_, None) => {}
    }
    match object {
        Object::Region(_) => {}
        Object::Asset(id) => label(&mut list, "asset", id.as_str()),
        Object::Interface { asset, name } => {
            label(&mut list, "asset", asset.as_str());
            label(&mut list, "interface", name);
        }
        Object::Link(id) => label(&mut list, "link", id.as_str()),
        Object::Agent(id) => label(&mut list, "agent", id.as_str()),
    }
    list
}

fn labels_of(key: &RowKey, place: Option<&Place>) -> String {
    let mut list = object_labels(&key.object, place.and_then(|p| p.region.as_ref()));
    // An agent is watched by itself alone; it must not stand there twice.
    if key.object.kind() != ObjectKind::Agent {
        label(&mut list, "agent", key.agent.as_str());
    }
    label(&mut list, "probe", key.probe.as_str());
    if !key.instance.is_empty() {
        label(&mut list, "instance", &key.instance);
    }
    list
}

#[cfg(test)]
mod tests;
