//! The newest value of every series, in memory and bounded; fed on ingest, pruned by age, rebuilt from the
//! last minutes of the journal at start. A device has its share of the room whatever the others take (`engine::expose::share`):
//! what is beyond is dropped and counted, and its charts are in the journal all the same.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;

use super::traffic::Traffic;
use super::types::Latest;
use crate::engine::expose::{fresh_for, share};
use crate::model::wire::{SampleRow, Samples};
use crate::model::{AgentId, AssetId, Cause, Object, ProbeId, Wall};

/// Series in the cache while nobody claims a share: 5,000 devices with 100 each, or 36,000 ports with their last hour, some 110 bytes
/// a series. What is no device's may take as many again.
pub const MAX_SERIES: usize = 500_000;
/// Devices that come when the room is taken have their shares all the same, which get smaller; by so many times all together
/// exceed it at most.
const MOST_SHARED: usize = 3;

struct Entry {
    instance: Arc<str>,
    agent: AgentId,
    probe: ProbeId,
    kind: Arc<str>,
    at: Wall,
    window: Duration,
    /// End of the last window in which it was answered.
    answered: Option<Wall>,
    fields: Vec<(Arc<str>, f64)>,
    /// Of a target.
    ended: Option<Box<Ended>>,
    /// Of a port whose octets are counted.
    traffic: Option<Box<Traffic>>,
}

/// How the runs of the newest window ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Ok, degraded, failed, invalid.
    pub runs: [u32; 4],
    /// Of those that were not ok.
    pub causes: Vec<Cause>,
}

impl Entry {
    /// Takes a window that is not older than what it holds.
    fn take(&mut self, at: Wall, window: Duration, row: &SampleRow, fields: Vec<(Arc<str>, f64)>) {
        self.at = at;
        self.window = window;
        self.fields = fields;
        self.ended = (row.runs != [0; 4]).then(|| {
            let causes = row.causes.keys().filter_map(|word| Cause::parse(word)).collect();
            Box::new(Ended { runs: row.runs, causes })
        });
        if self.value("up").is_some_and(|up| up > 0.5) {
            self.answered = Some(at);
        }
        let (received, sent) = (row.fields.get("in_octets"), row.fields.get("out_octets"));
        if let (Object::Interface { .. }, Some(received), Some(sent)) = (&row.object, received, sent) {
            self.traffic.get_or_insert_default().take(at, received.0.last, sent.0.last);
        }
    }

    fn value(&self, field: &str) -> Option<f64> {
        self.fields.iter().find(|(name, _)| **name == *field).map(|(_, value)| *value)
    }
}

/// The newest values, lent while no new ones come in: take what is needed and let go.
pub struct Newest<'a>(pub(super) RwLockReadGuard<'a, LatestCache>);

/// What one probe of one agent said last of one object (or an instance of it).
#[derive(Clone, Copy)]
pub struct NewestRow<'a> {
    object: &'a Object,
    entry: &'a Entry,
}

impl Newest<'_> {
    /// What is known of an object. Costs one look-up.
    pub fn of<'a>(&'a self, object: &Object) -> impl Iterator<Item = NewestRow<'a>> + use<'a> {
        let found = self.0.rows.get_key_value(object);
        found.into_iter().flat_map(|(object, entries)| entries.iter().map(move |entry| NewestRow { object, entry }))
    }

    /// What is known of the ports of an asset, in the order of their names. Costs one look-up and what it gives.
    pub fn ports<'a>(&'a self, asset: &'a AssetId) -> impl Iterator<Item = NewestRow<'a>> + use<'a> {
        let from = Object::Interface { asset: asset.clone(), name: Arc::from("") };
        let found = self
            .0
            .rows
            .range(from..)
            .take_while(move |(object, _)| matches!(object, Object::Interface { asset: of, .. } if of == asset));
        found.flat_map(|(object, entries)| entries.iter().map(move |entry| NewestRow { object, entry }))
    }
}

impl<'a> NewestRow<'a> {
    /// The object.
    pub const fn object(&self) -> &'a Object {
        self.object
    }
    /// The instance, or empty.
    pub fn instance(&self) -> &'a str {
        &self.entry.instance
    }
    /// Who measured.
    pub const fn agent(&self) -> &'a AgentId {
        &self.entry.agent
    }
    /// The definition.
    pub const fn probe(&self) -> &'a ProbeId {
        &self.entry.probe
    }
    /// Its kind.
    pub fn kind(&self) -> &'a str {
        &self.entry.kind
    }
    /// End of the window, corrected.
    pub const fn at(&self) -> Wall {
        self.entry.at
    }
    /// End of the last window in which it was answered.
    pub const fn answered(&self) -> Option<Wall> {
        self.entry.answered
    }
    /// How its runs ended; nothing of what is not the target of a probe.
    pub fn ended(&self) -> Option<&'a Ended> {
        self.entry.ended.as_deref()
    }
    /// Fields and values.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        self.entry.fields.iter().map(|(name, value)| (&**name, *value))
    }
    /// The value of a field.
    pub fn value(&self, field: &str) -> Option<f64> {
        self.entry.value(field)
    }
    /// False once no new window came for three windows: what it says is not how things are now.
    pub fn fresh(&self, now: Wall) -> bool {
        now.since(self.entry.at) < fresh_for(self.entry.window)
    }
    /// What went through the port, if it is one whose octets are counted.
    pub fn traffic(&self) -> Option<&'a Traffic> {
        self.entry.traffic.as_deref()
    }
}

/// See above.
#[derive(Default)]
pub(super) struct LatestCache {
    rows: BTreeMap<Object, Vec<Entry>>,
    names: HashSet<Arc<str>>,
    series: usize,
    dropped: u64,
    /// Of those, series of no device.
    others: usize,
    /// Series by device, its ports included.
    of_assets: HashMap<AssetId, usize>,
}

impl LatestCache {
    /// Whether there is room for so many more of an object.
    fn has_room(&self, object: &Object, more: usize) -> bool {
        if more == 0 {
            return true;
        }
        let Some(asset) = object.asset() else { return self.others + more <= MAX_SERIES };
        let all = self.series - self.others + more;
        let own = self.of_assets.get(asset).copied().unwrap_or_default() + more;
        let shared = own <= share(object, MAX_SERIES, self.of_assets.len());
        all <= MAX_SERIES || (shared && all <= MOST_SHARED * MAX_SERIES)
    }

    /// Counts what came in place of what was there.
    fn grew(&mut self, object: &Object, before: usize, now: usize) {
        self.series = (self.series + now).saturating_sub(before);
        let own = match object.asset() {
            Some(asset) => self.of_assets.get_mut(asset),
            None => Some(&mut self.others),
        };
        if let Some(own) = own {
            *own = (*own + now).saturating_sub(before);
        }
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        match self.names.get(name) {
            Some(name) => name.clone(),
            None => {
                let name: Arc<str> = Arc::from(name);
                self.names.insert(name.clone());
                name
            }
        }
    }

    /// Takes a summary window; an older one than it holds changes nothing.
    pub(super) fn put(&mut self, agent: &AgentId, at: Wall, samples: &Samples) {
        let kind = self.intern(&samples.kind);
        let window = samples.to.since(samples.from);
        for row in &samples.rows {
            let fields: Vec<(Arc<str>, f64)> =
                row.fields.iter().map(|(name, body)| (self.intern(name), body.0.last)).collect();
            if let Some(asset) = row.object.asset().filter(|asset| !self.of_assets.contains_key(*asset)) {
                self.of_assets.insert(asset.clone(), 0);
            }
            let same = |e: &Entry| e.instance == row.instance && e.agent == *agent && e.probe == samples.probe;
            let held = self.rows.get(&row.object).and_then(|entries| entries.iter().find(|e| same(e)));
            if held.is_some_and(|entry| entry.at > at) {
                continue;
            }
            let (before, now) = (held.map_or(0, |entry| entry.fields.len()), fields.len());
            // What holds nothing takes no room, and so would have no bound.
            if now == 0 || !self.has_room(&row.object, now.saturating_sub(before)) {
                self.dropped += now as u64;
                continue;
            }
            self.grew(&row.object, before, now);
            let entries = self.rows.entry(row.object.clone()).or_default();
            match entries.iter_mut().find(|e| same(e)) {
                Some(entry) => entry.take(at, window, row, fields),
                None => {
                    let mut entry = Entry {
                        instance: row.instance.clone(),
                        agent: agent.clone(),
                        probe: samples.probe.clone(),
                        kind: kind.clone(),
                        at,
                        window,
                        answered: None,
                        fields: Vec::new(),
                        ended: None,
                        traffic: None,
                    };
                    entry.take(at, window, row, fields);
                    entries.push(entry);
                }
            }
        }
    }

    /// Forgets what is older than `before`, and what `gone` names.
    pub(super) fn prune(&mut self, before: Wall, gone: impl Fn(&Object) -> bool) {
        self.rows.retain(|object, entries| {
            if gone(object) {
                return false;
            }
            entries.retain(|entry| entry.at >= before);
            !entries.is_empty()
        });
        let (mut series, mut others, mut of_assets) = (0, 0, HashMap::new());
        for (object, entries) in &self.rows {
            let held: usize = entries.iter().map(|entry| entry.fields.len()).sum();
            series += held;
            match object.asset() {
                Some(asset) => *of_assets.entry(asset.clone()).or_default() += held,
                None => others += held,
            }
        }
        (self.series, self.others, self.of_assets) = (series, others, of_assets);
        self.names.retain(|name| Arc::strong_count(name) > 1);
    }

    /// Calls `each` for every value of an object.
    pub(super) fn of(&self, object: &Object, mut each: impl FnMut(Latest)) {
        for entry in self.rows.get(object).into_iter().flatten() {
            give(object, entry, &mut each);
        }
    }

    /// Calls `each` for every value, objects in order.
    pub(super) fn all(&self, mut each: impl FnMut(Latest)) {
        for (object, entries) in &self.rows {
            for entry in entries {
                give(object, entry, &mut each);
            }
        }
    }

    /// Whether it has values of this object.
    pub(super) fn knows(&self, object: &Object) -> bool {
        self.rows.contains_key(object)
    }

    /// Series held, and measurements that found no room.
    pub(super) const fn size(&self) -> (usize, u64) {
        (self.series, self.dropped)
    }
}

fn give(object: &Object, entry: &Entry, each: &mut impl FnMut(Latest)) {
    for (field, value) in &entry.fields {
        each(Latest {
            object: object.clone(),
            instance: entry.instance.clone(),
            agent: entry.agent.clone(),
            probe: entry.probe.clone(),
            kind: entry.kind.clone(),
            field: field.clone(),
            value: *value,
            at: entry.at,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Summary;
    use crate::model::wire::SummaryBody;

    /// So many values of an object in one window.
    fn window(objects: &[Object], fields: usize) -> Samples {
        let row = |object: &Object| SampleRow {
            object: object.clone(),
            instance: Arc::from(""),
            runs: [0; 4],
            packets: [0; 5],
            causes: BTreeMap::new(),
            fields: (0..fields).map(|f| (format!("f{f}"), SummaryBody(Summary::one(1.0)))).collect(),
        };
        let (from, to) = (Wall::from_millis(0), Wall::from_millis(60_000));
        let rows = objects.iter().map(row).collect();
        Samples { probe: "asset-snmp".parse().unwrap(), kind: Arc::from("snmp"), from, to, rows }
    }

    #[test]
    fn a_device_has_its_share_whatever_the_others_take_and_itself_half_of_that() {
        const PORT: usize = 1_000;
        let mut cache = LatestCache::default();
        let agent = AgentId::new("tower").unwrap();
        let put = |cache: &mut LatestCache, objects: &[Object], fields: usize| {
            cache.put(&agent, Wall::from_millis(60_000), &window(objects, fields));
            cache.size()
        };
        let port = |asset: &str, n: usize| format!("interface:{asset}/GE0/0/{n}").parse::<Object>().unwrap();
        let greedy: Vec<Object> = (0..MAX_SERIES / PORT + 5).map(|n| port("greedy", n)).collect();
        let full = MAX_SERIES;
        assert_eq!(put(&mut cache, &greedy, PORT), (full, 5 * PORT as u64));
        assert_eq!(put(&mut cache, &greedy[..9], PORT), (full, 5 * PORT as u64), "what is there goes on");
        // The second of two devices may have half of all: a quarter for its ports, and the rest for itself.
        let late: Vec<Object> = (0..MAX_SERIES / PORT).map(|n| port("late", n)).collect();
        let (series, dropped) = put(&mut cache, &late, PORT);
        assert_eq!((series, dropped), (full + full / 4, (5 * PORT + full - full / 4) as u64));
        let itself: Object = "asset:late".parse().unwrap();
        assert_eq!(put(&mut cache, std::slice::from_ref(&itself), 100), (series + 100, dropped));
        let link: Object = "link:l".parse().unwrap();
        assert_eq!(put(&mut cache, &[link], 10), (series + 110, dropped), "links are few");
        assert_eq!(put(&mut cache, std::slice::from_ref(&itself), 40), (series + 50, dropped));
        cache.prune(Wall::from_millis(0), |object| object.asset().is_some_and(|asset| asset.as_str() == "greedy"));
        assert_eq!(cache.size(), (full / 4 + 50, dropped));
        assert_eq!(cache.of_assets.len(), 1);
    }
}
