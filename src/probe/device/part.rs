//! Processors, memories and sensors as rows of samples: what each is called, and which field its value is. The kinds
//! `snmp` (tables of the fast timer) and `device` (those of the slow one) tell of them alike.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::HEALTH;
use crate::config::defs::profile::TableDef;
use crate::model::device::{self, SENSOR_KINDS, STATUS, Thing};
use crate::model::field::{Field, Table, TableOn};
use crate::model::id::MAX_NAME;
use crate::model::observation::Value;
use crate::model::time::Mono;

/// Things of one device; the largest chassis have some hundred sensors.
pub(in crate::probe) const MAX_THINGS: usize = 1_000;

/// By position in `STATUS`: the device does not say. It is a state of its own, so that rules can ask for it.
const UNKNOWN: u8 = 4;
/// The device says that there is none.
const ABSENT: u8 = 3;
/// There was one before.
const REMOVED: u8 = 5;
/// Kinds of sensors that are parts which somebody may pull out.
const FITTED: &[&str] = &["fan", "fan_ratio", "power_supply", "board"];
/// A part that has been away for so long was taken out for good.
const FORGOTTEN: Duration = Duration::from_secs(7 * 86_400);
/// Columns of the table of sensors.
const WIDTH: usize = 15;

/// By position in `model::device::SENSORS`.
const KINDS: &[Cow<'static, str>] = &[
    Cow::Borrowed("temperature"),
    Cow::Borrowed("fan"),
    Cow::Borrowed("fan_ratio"),
    Cow::Borrowed("power_supply"),
    Cow::Borrowed("board"),
    Cow::Borrowed("voltage"),
    Cow::Borrowed("current"),
    Cow::Borrowed("power"),
    Cow::Borrowed("optical_rx"),
    Cow::Borrowed("optical_tx"),
    Cow::Borrowed("optical"),
    Cow::Borrowed("humidity"),
    Cow::Borrowed("frequency"),
    Cow::Borrowed("charge"),
    Cow::Borrowed("battery"),
    Cow::Borrowed("load"),
    Cow::Borrowed("runtime"),
    Cow::Borrowed("sessions"),
];
/// By position in `model::device::STATUS`.
const STATES: &[Cow<'static, str>] = &[
    Cow::Borrowed("ok"),
    Cow::Borrowed("warning"),
    Cow::Borrowed("critical"),
    Cow::Borrowed("absent"),
    Cow::Borrowed("unknown"),
    Cow::Borrowed("removed"),
];

/// Rows of sensors.
pub(in crate::probe) const SENSORS: Table = Table {
    on: TableOn::Target,
    instance: Some(Cow::Borrowed("sensor")),
    fields: Cow::Borrowed(&[
        Field::state("sensor", KINDS, "传感器种类", "what is measured"),
        Field::state("sensor_status", STATES, "设备自述的状态", "how it is, as the device says"),
        Field::gauge("temperature_celsius", "温度（摄氏度）", "temperature"),
        Field::gauge("fan_rpm", "风扇转速（转每分）", "speed of the fan"),
        Field::gauge("fan_ratio", "风扇转速比", "speed of the fan, as a part of the fastest"),
        Field::gauge("voltage_volts", "电压（伏）", "voltage"),
        Field::gauge("current_amperes", "电流（安）", "current"),
        Field::gauge("power_watts", "功率（瓦）", "power"),
        Field::gauge("optical_dbm", "光功率（dBm）", "optical power"),
        Field::gauge("humidity_ratio", "相对湿度", "relative humidity"),
        Field::gauge("charge_ratio", "电池电量", "charge of the battery"),
        Field::gauge("load_ratio", "负载率", "load, as a part of the rated one"),
        Field::gauge("frequency_hertz", "频率（赫兹）", "frequency"),
        Field::gauge("runtime_seconds", "电池剩余时间（秒）", "how long the battery lasts"),
        Field::gauge("sessions", "会话数", "sessions"),
    ]),
};

/// A processor, a memory or a sensor, its values in the order of the fields of its table.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::probe) struct Part {
    /// Which of [`HEALTH`].
    pub(in crate::probe) class: usize,
    pub(in crate::probe) name: Arc<str>,
    pub(in crate::probe) values: Vec<Value>,
}

impl Part {
    /// Of a thing of this table, with the name that it has among the others.
    pub(in crate::probe) fn of(table: &TableDef, thing: &Thing, name: Arc<str>) -> Option<Self> {
        let class = HEALTH.iter().position(|class| *class == table.into.name)?;
        let number = |name: &str| thing.fact(table.into, name).number();
        let gauge = |number: Option<f64>| number.map_or(Value::Null, Value::gauge);
        let word = |words: &[&str], name: &str| {
            let fact = thing.fact(table.into, name).text()?;
            words.iter().position(|word| *word == fact).and_then(|at| u8::try_from(at).ok())
        };
        let values = match table.into.name {
            "cpu" => vec![gauge(number("ratio"))],
            "memory" => vec![gauge(number("used_ratio")), gauge(number("size_bytes"))],
            _ => {
                let mut values = vec![Value::Null; WIDTH];
                let kind = word(&SENSOR_KINDS, "kind")?;
                let set = |values: &mut Vec<Value>, at: usize, value: Value| {
                    if let Some(place) = values.get_mut(at) {
                        *place = value;
                    }
                };
                set(&mut values, 0, Value::State(kind));
                set(&mut values, 1, Value::State(word(STATUS, "status").unwrap_or(UNKNOWN)));
                let (field, by) = device::SENSORS.get(usize::from(kind))?.sample;
                if let Some(at) = SENSORS.fields.iter().position(|of| of.name == field) {
                    set(&mut values, at, gauge(number("value").map(|value| value / by)));
                }
                values
            }
        };
        Some(Self { class, name, values })
    }

    /// Kind and status of a part that somebody may pull out.
    fn fitted(&self) -> Option<(u8, u8)> {
        let [Value::State(kind), Value::State(status), ..] = self.values.as_slice() else { return None };
        let name = SENSOR_KINDS.get(usize::from(*kind))?;
        FITTED.contains(name).then_some((*kind, *status))
    }
}

/// Parts of a device that were there once: fans, power supplies, boards. One that is absent since, or that the device does
/// not name any more, was pulled out.
#[derive(Debug, Default)]
pub(in crate::probe) struct Fitted(BTreeMap<Arc<str>, Seen>);

#[derive(Debug)]
struct Seen {
    kind: u8,
    at: Mono,
    /// It is not among the parts of the device any more.
    gone: bool,
}

impl Fitted {
    /// Marks what was removed among the parts of a run, and adds what is not named any more. `walked`: all parts were
    /// looked for, so that one which is not there is missing.
    pub(in crate::probe) fn mark(&mut self, parts: &mut Vec<Part>, walked: bool, now: Mono) {
        if walked {
            self.miss(parts);
        }
        for part in parts.iter_mut() {
            let Some((kind, status)) = part.fitted() else { continue };
            match (status, self.0.get(&part.name)) {
                (ABSENT, Some(_)) => part.values.iter_mut().skip(1).take(1).for_each(|v| *v = Value::State(REMOVED)),
                (ABSENT | UNKNOWN, _) => {}
                _ => drop(self.0.insert(part.name.clone(), Seen { kind, at: now, gone: false })),
            }
        }
        self.0.retain(|_, seen| now.since(seen.at) < FORGOTTEN);
        let Some(class) = HEALTH.iter().position(|class| *class == "sensors") else { return };
        for (name, seen) in self.0.iter().filter(|(_, seen)| seen.gone) {
            if parts.len() < MAX_THINGS {
                let mut values = vec![Value::State(seen.kind), Value::State(REMOVED)];
                values.resize(WIDTH, Value::Null);
                parts.push(Part { class, name: name.clone(), values });
            }
        }
    }

    /// Names that are missing are of parts that are gone, if there are fewer of the kind; else they were named anew.
    fn miss(&mut self, parts: &[Part]) {
        for kind in KINDS.iter().zip(0u8..).filter(|(kind, _)| FITTED.contains(&&***kind)).map(|(_, at)| at) {
            let there: Vec<&Arc<str>> = parts
                .iter()
                .filter(|part| part.fitted().is_some_and(|(of, _)| of == kind))
                .map(|p| &p.name)
                .collect();
            let known = self.0.values().filter(|seen| seen.kind == kind && !seen.gone).count();
            let fewer = there.len() < known;
            self.0.retain(|name, seen| {
                if seen.kind != kind {
                    return true;
                }
                let missing = !there.contains(&name);
                seen.gone = missing && (seen.gone || fewer);
                !missing || seen.gone
            });
        }
    }
}

/// What things are called, each unlike any other of its class: names that several have get their row, and where two
/// tables tell of one row, its table.
pub(in crate::probe) fn names(found: &[(&TableDef, &Thing)]) -> Vec<Arc<str>> {
    let plain: Vec<String> = found.iter().map(|(table, thing)| plain(table, thing)).collect();
    let with_row = |name: &str, thing: &Thing| {
        let row: Vec<String> = thing.row.iter().map(u32::to_string).collect();
        format!("{name}#{}", row.join("."))
    };
    let mut count: HashMap<(&str, String), u32> = HashMap::new();
    for ((table, thing), name) in found.iter().zip(&plain) {
        for name in [name.clone(), with_row(name, thing)] {
            *count.entry((table.into.name, name)).or_default() += 1;
        }
    }
    let several = |class: &'static str, name: &str| count.get(&(class, name.to_owned())).is_some_and(|n| *n > 1);
    let one = |((table, thing), name): (&(&TableDef, &Thing), &String)| {
        let (class, longer) = (table.into.name, with_row(name, thing));
        let name = match (several(class, name), several(class, &longer)) {
            (false, _) => name.clone(),
            (true, false) => longer,
            (true, true) => format!("{longer}.{}.{}", table.id, thing.item),
        };
        Arc::from(fit(name))
    };
    found.iter().zip(&plain).map(one).collect()
}

/// What one is called by itself; sensors have their kind before it.
fn plain(table: &TableDef, thing: &Thing) -> String {
    let fact = |name: &str| thing.fact(table.into, name).text().unwrap_or_default();
    let own = match fact("kind") {
        "" => fact("name").to_owned(),
        kind => format!("{kind}/{}", fact("name")),
    };
    own.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// At most `MAX_NAME` bytes; what is cut is the front, because vendors put the port last.
pub(in crate::probe) fn fit(name: String) -> String {
    let from = (0..=name.len()).find(|at| name.len() - at <= MAX_NAME && name.is_char_boundary(*at)).unwrap_or(0);
    name.get(from..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device;
    use crate::probe::{catalog, device::SPEC};

    #[test]
    fn every_kind_of_sensor_has_its_column_and_every_state_its_name() {
        let names = |names: &[Cow<'static, str>]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(KINDS), SENSOR_KINDS);
        assert_eq!(names(STATES), STATUS);
        assert_eq!(STATUS[usize::from(UNKNOWN)], "unknown");
        assert_eq!(SENSORS.fields.len(), WIDTH);
        let table = SENSORS;
        for kind in device::SENSORS {
            let value = table.fields.iter().skip(2).find(|field| field.name == kind.sample.0);
            let counts = !kind.unit.is_empty() || kind.name == "sessions";
            assert_eq!(value.is_some(), counts, "{}", kind.name);
            let unit = match kind.unit {
                "°C" => "_celsius",
                "rpm" => "_rpm",
                "%" => "_ratio",
                "V" => "_volts",
                "A" => "_amperes",
                "W" => "_watts",
                "dBm" => "_dbm",
                "Hz" => "_hertz",
                "s" => "_seconds",
                _ => "",
            };
            if let Some(field) = value {
                assert!(field.name.ends_with(unit), "{}", kind.name);
            }
        }
    }

    #[test]
    fn a_part_that_was_there_and_is_not_was_removed() {
        let kind = |name: &str| SENSOR_KINDS.iter().position(|k| *k == name).unwrap() as u8;
        let part = |name: &str, status: u8| {
            let of = name.split('/').next().unwrap();
            let mut values = vec![Value::State(kind(of)), Value::State(status)];
            values.resize(WIDTH, Value::Null);
            Part { class: 2, name: Arc::from(name), values }
        };
        let at = |hours: u64| Mono::default().plus(Duration::from_secs(hours * 3_600));
        let mut fitted = Fitted::default();
        let mut play = |hours, walked, given: &[(&str, u8)]| {
            let mut parts: Vec<Part> = given.iter().map(|(name, status)| part(name, *status)).collect();
            fitted.mark(&mut parts, walked, at(hours));
            let word = |part: &Part| part.values[1].number().map_or("-", |v| STATUS[v as usize]);
            parts.iter().map(|p| format!("{} {}", p.name, word(p))).collect::<Vec<_>>().join(", ")
        };
        // A bay that was always empty is none; what is no part cannot be pulled out.
        assert_eq!(play(0, true, &[("fan/1", 0), ("power_supply/2", ABSENT)]), "fan/1 ok, power_supply/2 absent");
        assert_eq!(play(1, false, &[("fan/1", ABSENT)]), "fan/1 removed");
        assert_eq!(play(2, true, &[("fan/1", 0), ("temperature/1", 0)]), "fan/1 ok, temperature/1 ok");
        // Not named any more: told once all parts were looked for, and as long as it does not come back.
        assert_eq!(play(3, false, &[]), "");
        assert_eq!(play(4, true, &[]), "fan/1 removed");
        assert_eq!(play(5, false, &[]), "fan/1 removed");
        assert_eq!(play(6, true, &[("fan/1", 0)]), "fan/1 ok");
        // A second one of the same name renames the first.
        assert_eq!(play(7, true, &[("fan/1#3", 0), ("fan/1#5", 0)]), "fan/1#3 ok, fan/1#5 ok");
        assert_eq!(play(8, true, &[("fan/1#3", 0)]), "fan/1#3 ok, fan/1#5 removed");
        assert_eq!(play(8 + 7 * 24, true, &[("fan/1#3", 0)]), "fan/1#3 ok", "taken out for good");
    }

    #[test]
    fn both_kinds_tell_of_sensors_alike() {
        let of = |kind: &str| {
            let spec = catalog().iter().find(|spec| spec.name == kind).unwrap();
            spec.schema.tables.iter().find(|table| table.fields[0].name == "sensor").unwrap()
        };
        assert_eq!(of("snmp"), &SENSORS);
        assert_eq!(of(SPEC.name), &SENSORS);
    }
}
