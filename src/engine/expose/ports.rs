//! What ports are, to be joined: in labels of their counters alias, type, index and speed would make new series of all when
//! somebody writes another description or a device renumbers.

use std::collections::BTreeMap;

use super::text::{MetricType, Text, label};
use super::{Exposition, Place, object_labels, place_of};
use crate::model::{Mono, Object, ObjectKind};

const NAME: &str = "fengsui_interface_info";

/// Texts that a port tells (kind `snmp`) and that its info series has as labels of the same names.
pub const TOLD: [&str; 3] = ["alias", "type", "index"];

/// What a port tells in words, each with the name of its field.
pub type Told = Vec<(&'static str, String)>;

impl Exposition {
    /// Sets what ports tell in words.
    pub fn set_ports(&mut self, ports: BTreeMap<Object, Told>) {
        let labels = |told: Told| {
            let mut labels = String::new();
            for (field, text) in &told {
                label(&mut labels, field, text);
            }
            labels.into_boxed_str()
        };
        self.ports = ports.into_iter().map(|(port, told)| (port, labels(told))).collect();
    }

    /// One of each port that has series, even if nothing is told of it: whoever joins it must not lose the port.
    pub(super) fn write_ports(&self, out: &mut Text, seen: &dyn Fn(Option<&Place>) -> bool, now: Mono) {
        let speed = self.index.iter().find(|((_, field), _)| field == "speed_bps").map(|(_, at)| *at);
        let mut last: Option<(&Object, Option<f64>)> = None;
        for (key, row) in self.rows.iter().filter(|(_, row)| row.stale_at > now) {
            if key.object.kind() != ObjectKind::Interface || !seen(place_of(&self.places, &key.object)) {
                continue;
            }
            let speed = row.values.iter().find(|(family, _)| Some(*family) == speed).map(|(_, value)| *value);
            match &mut last {
                // Several agents may look at it, and one of them tell no speed.
                Some((object, known)) if *object == &key.object => *known = known.or(speed),
                Some(done) => {
                    self.write_port(out, *done);
                    last = Some((&key.object, speed));
                }
                None => {
                    out.family(
                        NAME,
                        MetricType::Gauge,
                        "What a port is called, its type, index and speed in bit/s; always 1.",
                    );
                    last = Some((&key.object, speed));
                }
            }
        }
        if let Some(done) = last {
            self.write_port(out, done);
        }
    }

    fn write_port(&self, out: &mut Text, (object, speed): (&Object, Option<f64>)) {
        let mut labels = object_labels(object, place_of(&self.places, object).and_then(|p| p.region.as_ref()));
        if let Some(told) = self.ports.get(object) {
            labels.push(',');
            labels.push_str(told);
        }
        speed.into_iter().for_each(|speed| label(&mut labels, "speed", &speed.to_string()));
        out.sample(NAME, &labels, 1.0);
    }
}
