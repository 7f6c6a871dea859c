//! The newest measured values in place of those of a device's last report: a report leaves its agent when it is news, and
//! what moves is none. What was measured later than it is taken, by its name; each row says when it was seen.

use std::collections::HashMap;

use crate::console::store::Newest;
use crate::model::device::{ADMIN, Class, Device, Fact, OPER, SENSORS, STATUS, Thing};
use crate::model::{AssetId, Object, ProbeId, Wall};

/// Things of a class as they are known now, each with the time when it was seen.
pub struct Seen {
    /// The things, in the order of the report.
    pub things: Vec<Thing>,
    /// What goes in and out of each, in bit/s, where that is measured.
    pub rates: Vec<(Option<f64>, Option<f64>)>,
    /// Whether anything of the class is measured: then it changes by itself.
    pub moves: bool,
}

/// Of one class, with a report that was made then.
pub fn of(newest: &Newest<'_>, asset: &AssetId, class: &Class, device: &Device, then: Wall) -> Seen {
    let measured = measured(newest, asset, class);
    let mut seen = Seen { things: device.of(class.name).to_vec(), rates: Vec::new(), moves: !measured.is_empty() };
    for thing in &mut seen.things {
        let at = thing.as_of.unwrap_or(then);
        let values = measured.get(&name(class, thing)).filter(|values| values.at >= at);
        thing.as_of = Some(values.map_or(at, |values| values.at));
        for (part, fact) in values.into_iter().flat_map(|values| &values.facts) {
            if let Some(place) = class.place(part).and_then(|at| thing.facts.get_mut(at)) {
                *place = fact.clone();
            }
        }
        seen.rates.push(values.map_or((None, None), |values| values.rates));
    }
    seen
}

/// When the device was answered last by the probe of its report: what stands in it was so then, too.
pub fn looked(newest: &Newest<'_>, asset: &AssetId, probe: &ProbeId) -> Option<Wall> {
    let of = newest.of(&Object::Asset(asset.clone()));
    of.filter(|row| row.probe() == probe && row.instance().is_empty()).filter_map(|row| row.answered()).max()
}

/// How long the device runs, as measured last, and when that was.
pub fn uptime(newest: &Newest<'_>, asset: &AssetId) -> Option<(Wall, f64)> {
    let of = newest.of(&Object::Asset(asset.clone()));
    of.filter_map(|row| Some((row.at(), row.value("uptime_seconds")?))).max_by_key(|(at, _)| *at)
}

/// Values of one thing.
struct Values {
    at: Wall,
    facts: Vec<(&'static str, Fact)>,
    rates: (Option<f64>, Option<f64>),
}

/// What kinds that read devices call a thing in their samples.
fn name(class: &Class, thing: &Thing) -> String {
    let fact = |name: &str| thing.fact(class, name).text().unwrap_or_default();
    match fact("kind") {
        "" => fact("name").to_owned(),
        kind => format!("{kind}/{}", fact("name")),
    }
}

fn measured(newest: &Newest<'_>, asset: &AssetId, class: &Class) -> HashMap<String, Values> {
    let mut found: HashMap<String, Values> = HashMap::new();
    let mut take = |name: &str, values: Values| {
        if !values.facts.is_empty() && found.get(name).is_none_or(|held| held.at <= values.at) {
            found.insert(name.to_owned(), values);
        }
    };
    let word = |words: &[&'static str], at: f64| words.get(at as usize).map(|word| Fact::Text((*word).into()));
    let number = |part, value: Option<f64>| value.map(|value| (part, Fact::Number(value)));
    if class.name == "interfaces" {
        for row in newest.ports(asset) {
            let Object::Interface { name, .. } = row.object() else { continue };
            let state = |part, field, words| Some((part, word(words, row.value(field)?)?));
            let facts = [
                state("admin", "admin", ADMIN),
                state("oper", "oper", OPER),
                number("speed_bps", row.value("speed_bps")),
            ];
            let rates = (row.value("in_bps"), row.value("out_bps"));
            take(name, Values { at: row.at(), facts: facts.into_iter().flatten().collect(), rates });
        }
        return found;
    }
    for row in newest.of(&Object::Asset(asset.clone())) {
        let facts: Vec<(&str, Fact)> = match class.name {
            "cpu" => number("ratio", row.value("cpu_ratio")).into_iter().collect(),
            "memory" => number("used_ratio", row.value("memory_used_ratio")).into_iter().collect(),
            "sensors" => {
                let Some(kind) = row.value("sensor").and_then(|at| SENSORS.get(at as usize)) else { continue };
                let value = row.value(kind.sample.0).map(|value| value * kind.sample.1);
                let status = row.value("sensor_status").and_then(|at| word(STATUS, at));
                number("value", value).into_iter().chain(status.map(|word| ("status", word))).collect()
            }
            _ => continue,
        };
        take(row.instance(), Values { at: row.at(), facts, rates: (None, None) });
    }
    found
}
