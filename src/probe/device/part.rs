//! Processors, memories and sensors as rows of samples: what each is called, and which field its value is. The kinds
//! `snmp` (tables of the fast timer) and `device` (those of the slow one) tell of them alike.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::HEALTH;
use crate::config::defs::profile::TableDef;
use crate::model::device::{SENSOR_KINDS, STATUS, Thing};
use crate::model::field::{Field, Table, TableOn};
use crate::model::id::MAX_NAME;
use crate::model::observation::Value;

/// Things of one device; the largest chassis have some hundred sensors.
pub(in crate::probe) const MAX_THINGS: usize = 1_000;

/// Which column of the table of sensors a kind's value stands in, and what a value is divided by. Kinds that are not
/// here have a status alone.
const VALUES: &[(&str, usize, f64)] = &[
    ("temperature", 2, 1.0),
    ("fan", 3, 1.0),
    ("fan_ratio", 4, 100.0),
    ("voltage", 5, 1.0),
    ("current", 6, 1.0),
    ("power", 7, 1.0),
    ("optical_rx", 8, 1.0),
    ("optical_tx", 8, 1.0),
    ("optical", 8, 1.0),
    ("humidity", 9, 100.0),
    ("charge", 10, 100.0),
    ("load", 11, 100.0),
    ("frequency", 12, 1.0),
    ("runtime", 13, 1.0),
    ("sessions", 14, 1.0),
];
/// By position in `STATUS`: the device does not say. It is a state of its own, so that rules can ask for it.
const UNKNOWN: u8 = 4;
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
                let name = SENSOR_KINDS.get(usize::from(kind))?;
                if let Some((_, at, by)) = VALUES.iter().find(|(of, ..)| of == name) {
                    set(&mut values, *at, gauge(number("value").map(|value| value / by)));
                }
                values
            }
        };
        Some(Self { class, name, values })
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
        for kind in device::SENSORS {
            let value = VALUES.iter().find(|(name, ..)| *name == kind.name);
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
            if let Some((_, at, _)) = value {
                assert!(SENSORS.fields[*at].name.ends_with(unit), "{}", kind.name);
            }
        }
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
