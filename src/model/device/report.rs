//! A device as one JSON object, written and read back, and whether one is news after another: what moves at every
//! look (counters, temperatures) is none. A report is bounded; what does not fit is cut and named as missing. Of a table
//! that was cut, what the look before saw is kept with its time: a device that answers badly has not lost its ports.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};

use super::{CLASSES, Class, DEVICE, Device, Fact, Holds, Incomplete, Part, Thing};
use crate::model::time::Wall;

/// Version of the object.
const VERSION: u32 = 1;

/// The object that `fengsui snmp poll --format json` prints and that reports hold.
pub fn object(device: &Device) -> Json {
    written(device, |_| true)
}

/// Tables that are others at every look on a busy network: who is on the air right now.
pub const ROAMING: [&str; 2] = ["arp", "macs"];
/// Rows of those are kept so long at most: who was on the air yesterday says nothing of today.
const ROAMING_KEPT: Duration = Duration::from_secs(86_400);
/// The field of a row that the last look did not reach: when it was seen, RFC 3339.
const AS_OF: &str = "as_of";

/// A number that changes with everything in the object but what moves (FNV-1a).
pub fn fingerprint(device: &Device) -> u64 {
    hash(&written(device, |part| !part.moves))
}

/// The same without the ARP and MAC tables: what the device is and how it is wired.
pub fn standing(device: &Device) -> u64 {
    let mut still = written(device, |part| !part.moves);
    if let Json::Object(object) = &mut still {
        object.retain(|table, _| !ROAMING.contains(&table.as_str()));
    }
    hash(&still)
}

fn hash(object: &Json) -> u64 {
    let text = object.to_string();
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The object as a text of at most `most` bytes: while it is longer, the longest class loses half of its rows, which
/// `incomplete` then says.
pub fn within(mut device: Device, most: usize) -> String {
    loop {
        let text = object(&device).to_string();
        let longest = device.things.iter().enumerate().max_by_key(|(_, things)| things.len());
        let (Some((at, len)), true) = (longest.map(|(at, things)| (at, things.len())), text.len() > most) else {
            return text;
        };
        if len == 0 {
            return text;
        }
        if let Some(things) = device.things.get_mut(at) {
            things.truncate(len / 2);
        }
        if let Some(class) = CLASSES.get(at) {
            device.incomplete.retain(|i| i.class != class.name || !i.reason.starts_with("cut to "));
            let reason = format!("cut to {} of the rows: a report holds no more", len / 2);
            device.incomplete.push(Incomplete { class: class.name, reason });
        }
    }
}

/// The object as a text of at most `most` bytes, with as many of the rows that were kept from before as there is room for;
/// nothing if that is none. What was read now stays whole.
pub fn with_kept(mut device: Device, most: usize) -> Option<String> {
    loop {
        let kept = |things: &Vec<Thing>| things.iter().filter(|thing| thing.as_of.is_some()).count();
        let (at, count) = device.things.iter().map(kept).enumerate().max_by_key(|(_, count)| *count)?;
        if count == 0 {
            return None;
        }
        let text = object(&device).to_string();
        if text.len() <= most {
            return Some(text);
        }
        // They stand behind those that were read.
        let things = device.things.get_mut(at)?;
        things.truncate(things.len() - count.div_ceil(2));
    }
}

/// Whether a report says that some table did not come whole. A text that is no report says nothing.
pub fn is_cut(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        incomplete: Vec<IgnoredAny>,
    }
    serde_json::from_str::<Head>(text).is_ok_and(|head| !head.incomplete.is_empty())
}

/// A device as seen at `now`, with the rows that its cut tables did not reach as they were `before`. Whole tables are left
/// as they are, and so is everything of another box, which its serial number tells.
pub fn completed(mut device: Device, now: Wall, (before, then): (&Device, Wall)) -> Device {
    if let (Some(was), Some(is)) = (before.fact("serial").text(), device.fact("serial").text())
        && was != is
    {
        return device;
    }
    for ((class, old), new) in CLASSES.iter().zip(&before.things).zip(&mut device.things) {
        if !device.incomplete.iter().any(|cut| cut.class == class.name) {
            continue;
        }
        // Several may have one name: as many are missing as there are fewer of it.
        let mut reached: HashMap<String, usize> = HashMap::new();
        new.iter().for_each(|thing| *reached.entry(known_as(class, thing)).or_default() += 1);
        for thing in old {
            if let Some(left) = reached.get_mut(&known_as(class, thing)).filter(|left| **left > 0) {
                *left -= 1;
                continue;
            }
            let seen = thing.as_of.unwrap_or(then);
            if !ROAMING.contains(&class.name) || now.since(seen) < ROAMING_KEPT {
                new.push(Thing { as_of: Some(seen), ..thing.clone() });
            }
        }
    }
    device
}

fn known_as(class: &Class, thing: &Thing) -> String {
    let facts = class.known_by.iter().map(|name| thing.fact(class, name));
    facts.map(|fact| format!("{fact:?}\u{1f}")).collect()
}

fn written(device: &Device, wanted: impl Fn(&Part) -> bool + Copy) -> Json {
    let mut object = Map::new();
    object.insert("v".into(), json!(VERSION));
    object.insert(DEVICE.name.into(), record(&DEVICE, &device.facts, wanted));
    for (class, things) in CLASSES.iter().zip(&device.things) {
        let rows = things.iter().map(|thing| {
            let mut row = record(class, &thing.facts, wanted);
            if let (Some(at), Json::Object(row)) = (thing.as_of, &mut row) {
                row.insert(AS_OF.into(), json!(at.to_string()));
            }
            row
        });
        object.insert(class.name.into(), rows.collect());
    }
    let incomplete = device.incomplete.iter().map(|i| {
        let (kept, since) = device.kept(i.class);
        match since {
            None => json!({ "table": i.class, "reason": i.reason }),
            Some(at) => {
                json!({ "table": i.class, "reason": i.reason, "kept_rows": kept, AS_OF: at.to_string() })
            }
        }
    });
    object.insert("incomplete".into(), incomplete.collect());
    Json::Object(object)
}

fn record(class: &Class, facts: &[Fact], wanted: impl Fn(&Part) -> bool) -> Json {
    let value = |fact: &Fact| match fact {
        Fact::Null => Json::Null,
        Fact::Text(text) => json!(&**text),
        Fact::Number(number) => json!(number),
        Fact::Count(count) => json!(count),
    };
    let told = class.parts.iter().zip(facts).filter(|(part, _)| wanted(part));
    Json::Object(told.map(|(part, fact)| (part.name.to_owned(), value(fact))).collect())
}

/// Reads an object back; what it lacks, and what another version would call otherwise, is none. A row without what its
/// class needs is left out.
pub fn read(object: &Json) -> Device {
    let things = |class: &'static Class| {
        let rows = object.get(class.name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let thing = |row: &Json| {
            let facts = facts(class, row);
            let lacks = class.parts.iter().zip(&facts).any(|(part, fact)| part.needed && fact.is_null());
            let as_of = row.get(AS_OF).and_then(Json::as_str).and_then(Wall::parse);
            (!lacks).then(|| Thing { facts, as_of, ..Thing::default() })
        };
        rows.iter().filter_map(thing).collect()
    };
    let incomplete = object.get("incomplete").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let cut = |one: &Json| {
        let class = Class::named(one.get("table")?.as_str()?)?;
        Some(Incomplete { class: class.name, reason: one.get("reason")?.as_str()?.to_owned() })
    };
    Device {
        facts: object.get(DEVICE.name).map_or_else(Vec::new, |of| facts(&DEVICE, of)),
        things: CLASSES.iter().map(things).collect(),
        incomplete: incomplete.iter().filter_map(cut).collect(),
    }
}

fn facts(class: &Class, row: &Json) -> Vec<Fact> {
    let fact = |part: &Part| {
        let value = row.get(part.name)?;
        match part.holds {
            Holds::Text | Holds::Word(_) => value.as_str().map(|text| Fact::Text(text.into())),
            Holds::Number => value.as_f64().map(Fact::Number),
            Holds::Count => value.as_u64().map(Fact::Count),
        }
    };
    class.parts.iter().map(|part| fact(part).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(uptime: f64, macs: usize) -> Device {
        let object = json!({
            "device": { "name": "core-1", "serial": "2102351", "uptime_seconds": uptime },
            "interfaces": [{ "name": "GE0/0/1", "index": 5, "in_octets": uptime as u64, "oper": "up" }, { "index": 6 }],
            "macs": (0..macs).map(|n| json!({ "mac": format!("02:00:00:00:{:02x}:{:02x}", n / 256, n % 256), "fdb": 7 })).collect::<Vec<_>>(),
            "incomplete": [{ "table": "arp", "reason": "no answer in time" }, { "table": "holograms", "reason": "?" }],
            "of a later version": 1,
        });
        read(&object)
    }

    #[test]
    fn rows_that_were_kept_make_room_for_what_was_read() {
        let rows =
            |from: usize, to: usize| -> Json { (from..to).map(|n| json!({ "name": format!("GE{n:03}") })).collect() };
        let of = |ports: Json, macs: usize, cut: &[&str]| {
            let mut new = device(1.0, macs);
            let told = json!({ "interfaces": ports, "incomplete": cut.iter().map(|t| json!({ "table": t, "reason": "?" })).collect::<Vec<_>>() });
            let ports = read(&told);
            (new.things[0], new.incomplete) = (ports.things[0].clone(), ports.incomplete);
            new
        };
        let at = |minute: i64| Wall::from_millis(minute * 60_000);
        let whole = completed(of(rows(0, 1), 900, &["interfaces"]), at(20), (&of(rows(0, 101), 900, &[]), at(10)));
        let count = |text: String| {
            let device = read(&serde_json::from_str(&text).unwrap());
            (device.of("interfaces").len(), device.of("macs").len())
        };
        let all = object(&whole).to_string().len();
        assert_eq!(with_kept(whole.clone(), all).map(count), Some((101, 900)));
        assert_eq!(with_kept(whole.clone(), all - 1).map(count), Some((51, 900)));
        assert_eq!(with_kept(whole.clone(), all / 2), None, "not even what was read fits");
        assert_eq!(with_kept(of(rows(0, 1), 900, &["interfaces"]), all), None, "nothing was kept");
    }

    #[test]
    fn an_object_reads_back_as_it_was_written_and_what_is_unknown_is_passed_over() {
        let one = device(7.5, 3);
        assert_eq!(one.fact("serial").text(), Some("2102351"));
        assert_eq!((one.of("interfaces").len(), one.of("macs").len(), one.incomplete.len()), (1, 3, 1));
        assert_eq!(read(&object(&one)), one);
    }

    #[test]
    fn rows_that_a_cut_table_did_not_reach_stay_with_the_time_when_they_were_seen() {
        let at = |minute: i64| Wall::from_millis(minute * 60_000);
        let of = |ports: &[&str], macs: &[&str], incomplete: &[&str]| {
            read(&json!({
                "device": { "serial": "2102351" },
                "interfaces": ports.iter().map(|name| json!({ "name": name, "oper": "up" })).collect::<Vec<_>>(),
                "macs": macs.iter().map(|mac| json!({ "mac": mac, "fdb": 1 })).collect::<Vec<_>>(),
                "incomplete": incomplete.iter().map(|t| json!({ "table": t, "reason": "no answer in time" })).collect::<Vec<_>>(),
            }))
        };
        let told = |device: &Device| -> Vec<String> {
            ["interfaces", "macs"]
                .into_iter()
                .flat_map(|class| {
                    let class = Class::named(class).unwrap();
                    device.of(class.name).iter().map(move |thing| {
                        let name = thing.fact(class, class.parts[0].name).text().unwrap_or_default().to_owned();
                        thing.as_of.map_or(name.clone(), |at| format!("{name} {}", at.millis() / 60_000))
                    })
                })
                .collect()
        };
        let whole = of(&["GE1", "GE2", "GE3", "GE3"], &["a", "b"], &[]);
        // One is cut, the other is whole and replaces; of two alike one came.
        let first = completed(of(&["GE1", "GE3"], &["c"], &["interfaces"]), at(20), (&whole, at(10)));
        assert_eq!(told(&first), ["GE1", "GE3", "GE2 10", "GE3 10", "c"]);
        // Cut again: what was kept keeps its time, and survives the way over the wire.
        let first = read(&object(&first));
        let second = completed(of(&["GE3", "GE4"], &[], &["interfaces", "macs"]), at(30), (&first, at(20)));
        assert_eq!(told(&second), ["GE3", "GE4", "GE1 20", "GE2 10", "GE3 10", "c 20"]);
        assert_eq!(second.kept("interfaces"), (3, Some(at(10))));
        let written = object(&second);
        assert_eq!(written["incomplete"][0]["kept_rows"], 3);
        assert_eq!(written["incomplete"][0]["as_of"], "1970-01-01T00:10:00.000Z");
        assert_eq!(written["interfaces"][2]["as_of"], "1970-01-01T00:20:00.000Z");
        assert!(is_cut(&written.to_string()) && !is_cut(&object(&whole).to_string()) && !is_cut("[]"));
        // Whole again: nothing of before is left.
        let third = completed(of(&["GE1"], &[], &[]), at(40), (&second, at(30)));
        assert_eq!(told(&third), ["GE1"]);
        // Who was on the air is kept for a day; ports for as long as it takes.
        let late = completed(of(&[], &[], &["interfaces", "macs"]), at(20 + 1_440), (&second, at(30)));
        assert_eq!(told(&late), ["GE3 30", "GE4 30", "GE1 20", "GE2 10", "GE3 10"]);
        // Another box has none of it.
        let mut other = of(&["GE9"], &[], &["interfaces"]);
        other.facts[DEVICE.place("serial").unwrap()] = Fact::Text("2102999".into());
        assert_eq!(told(&completed(other, at(50), (&second, at(30)))), ["GE9"]);
    }

    #[test]
    fn what_moves_is_no_news_and_anything_else_is() {
        assert_eq!(fingerprint(&device(7.5, 3)), fingerprint(&device(99.0, 3)));
        assert_ne!(fingerprint(&device(7.5, 3)), fingerprint(&device(7.5, 4)));
        assert_eq!(
            standing(&device(7.5, 3)),
            standing(&device(99.0, 4)),
            "who is on the air says nothing of the device"
        );
        assert_ne!(standing(&device(7.5, 3)), standing(&Device { facts: Vec::new(), ..device(7.5, 3) }));
    }

    #[test]
    fn a_report_that_is_too_long_loses_rows_of_its_longest_class_and_says_so() {
        let text = within(device(7.5, 5_000), 20_000);
        assert!(text.len() <= 20_000, "{}", text.len());
        let cut = read(&serde_json::from_str(&text).unwrap());
        assert!(!cut.of("macs").is_empty());
        assert_eq!(cut.of("interfaces").len(), 1);
        let said: Vec<&str> = cut.incomplete.iter().map(|i| i.class).collect();
        assert_eq!(said, ["arp", "macs"]);
        assert!(read(&serde_json::from_str(&within(device(7.5, 2), 1)).unwrap()).of("macs").is_empty(), "it ends");
    }
}
