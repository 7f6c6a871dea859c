//! What profiles find, kept and read again cell by cell.

use std::collections::HashMap;

use super::*;
use crate::config::defs;
use crate::net::snmp::Value as Wire;
use crate::probe::catalog;
use crate::probe::device::{Answers, HEALTH};

const HUAWEI: &str = "1.3.6.1.4.1.2011.2.23.1";

fn arcs(text: &str) -> Vec<u32> {
    text.split('.').map(|arc| arc.parse().unwrap()).collect()
}

fn families() -> Arc<Families> {
    let profiles = crate::probe::device::Profiles::default();
    profiles.set(defs::load(&[], catalog()).definitions.profiles.clone());
    profiles.now()
}

fn huawei() -> Identity {
    Identity { object_id: arcs(HUAWEI), descr: "Huawei Versatile Routing Platform Software".into() }
}

/// Cells of HUAWEI-ENTITY-EXTENT-MIB and ENTITY-MIB: column below its base, row, value.
fn answers(cells: &[(&str, &[u32], Wire)]) -> Answers {
    let mut answers = Answers::default();
    for (column, row, value) in cells {
        answers.cell(&arcs(column).into(), row, value.clone());
    }
    answers
}

const NAME: &str = "1.3.6.1.2.1.47.1.1.1.1.7";
const CPU: &str = "1.3.6.1.4.1.2011.5.25.31.1.1.1.1.5";
const CPU_LIMIT: &str = "1.3.6.1.4.1.2011.5.25.31.1.1.1.1.6";
const TEMPERATURE: &str = "1.3.6.1.4.1.2011.5.25.31.1.1.1.1.11";
const FAN_SPEED: &str = "1.3.6.1.4.1.2011.5.25.31.1.1.10.1.5";
const FAN_STATE: &str = "1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7";

fn text(text: &str) -> Wire {
    Wire::OctetString(text.as_bytes().to_vec().into())
}

fn chassis() -> Answers {
    let number = Wire::Integer;
    answers(&[
        (NAME, &[1], text("MPU A")),
        (NAME, &[2], text("LPU")),
        (NAME, &[3], text("LPU")),
        (NAME, &[4], text("SFP")),
        (CPU, &[1], number(17)),
        (CPU, &[2], number(5)),
        (CPU, &[3], number(6)),
        (CPU, &[4], number(0)),
        (CPU_LIMIT, &[1], number(80)),
        (CPU_LIMIT, &[2], number(80)),
        (CPU_LIMIT, &[3], number(80)),
        (CPU_LIMIT, &[4], number(0)),
        (TEMPERATURE, &[1], number(42)),
        (TEMPERATURE, &[2], number(0)),
        (FAN_SPEED, &[0, 1], number(35)),
        (FAN_STATE, &[0, 1], number(2)),
    ])
}

/// What is read of things that were found, with these answers.
fn shown(memory: &Memory, family: &Family, answers: &Answers) -> Vec<String> {
    let part = |kept: &Kept| {
        let table = &family.tables[usize::from(kept.table)];
        Part::of(table, &kept.read(table, answers)?, kept.name.clone())
    };
    let line = |part: Part| {
        let numbers: Vec<String> =
            part.values.iter().map(|value| value.number().map_or("-".into(), |n| n.to_string())).collect();
        format!("{} {}: {}", HEALTH[part.class], part.name, numbers.join(" ").trim_end_matches(" -"))
    };
    memory.kept.iter().filter_map(part).map(line).collect()
}

fn found(family: &Family, answers: &Answers) -> Memory {
    let (things, cut) = find(&family.tables, answers, HashMap::new());
    assert_eq!(cut, []);
    let mut memory = Memory::default();
    let kept = memory.take(family, &things, true);
    memory.cells = Cells::of(&kept, &family.tables, answers);
    memory.kept = kept.into();
    memory
}

#[test]
fn what_counts_of_a_chassis_is_found_and_read_again_cell_by_cell() {
    let family = families().of(&huawei());
    assert_eq!(&*family.id, "huawei-vrp");
    let memory = found(&family, &chassis());
    let want = [
        "cpu MPU A: 0.17",
        "cpu LPU#2: 0.05",
        "cpu LPU#3: 0.06",
        "sensors temperature/MPU A: 0 4 42",
        "sensors fan_ratio/fan 0.1: 2 2 - - 0.35",
    ];
    assert_eq!(shown(&memory, &family, &chassis()), want);

    let names: Vec<Arc<[u32]>> = memory.cells.names().collect();
    let wanted: Vec<Vec<u32>> = [
        (CPU, "1"),
        (CPU, "2"),
        (CPU, "3"),
        (CPU_LIMIT, "1"),
        (CPU_LIMIT, "2"),
        (CPU_LIMIT, "3"),
        (TEMPERATURE, "1"),
        (FAN_SPEED, "0.1"),
        (FAN_STATE, "0.1"),
    ]
    .iter()
    .map(|(column, row)| arcs(&format!("{column}.{row}")))
    .collect();
    assert_eq!(names.iter().map(|name| name.to_vec()).collect::<Vec<_>>(), wanted, "values, and no names");

    // The same device later: one processor is busier, the fan runs again, a temperature is no more.
    let mut later = Answers::default();
    for (name, value) in names.iter().zip([99, 5, 6, 80, 80, 0, 0, 40, 1]) {
        later.scalar(name.clone(), Wire::Integer(value));
    }
    assert_eq!(
        shown(&memory, &family, &later),
        ["cpu MPU A: 0.99", "cpu LPU#2: 0.05", "sensors fan_ratio/fan 0.1: 2 0 - - 0.4"],
        "a row without a threshold does not count, and a temperature of 0 is none"
    );
    assert!(shown(&memory, &family, &Answers::default()).is_empty(), "nothing came: nothing is 0");
}

#[test]
fn what_a_cut_walk_does_not_reach_is_not_forgotten() {
    let family = families().of(&huawei());
    let mut memory = found(&family, &chassis());
    let half = answers(&[(CPU, &[1], Wire::Integer(20)), (CPU_LIMIT, &[1], Wire::Integer(80))]);
    let (things, _) = find(&family.tables, &half, HashMap::new());
    assert_eq!(memory.take(&family, &things, false).len(), 5);
    assert_eq!(memory.take(&family, &things, true).len(), 1);
}

#[test]
fn a_device_is_of_another_family_when_it_or_the_profiles_change() {
    let mut memory = Memory::default();
    let families = families();
    assert_eq!(&*memory.family(&families, &huawei()).id, "huawei-vrp");
    memory.found_at = Some(Mono::default());
    assert_eq!(&*memory.family(&families, &huawei()).id, "huawei-vrp");
    assert!(memory.found_at.is_some(), "the same device: what was found stays");
    let linux = Identity { object_id: arcs("1.3.6.1.4.1.8072.3.2.10"), descr: "Linux host".into() };
    assert_eq!(&*memory.family(&families, &linux).id, "linux");
    assert!(memory.found_at.is_none());
    memory.found_at = Some(Mono::default());
    let reloaded = self::families();
    assert_eq!(&*memory.family(&reloaded, &linux).id, "linux");
    assert!(memory.found_at.is_none(), "other profiles: it is looked for again");
    assert_eq!(&*memory.family(&Arc::default(), &linux).id, "", "no profiles, no family");
}

#[test]
fn tables_of_what_the_profile_finds_stand_behind_the_others() {
    let first = crate::probe::snmp::SPEC.schema.find("cpu_ratio").unwrap().0;
    assert_eq!(first, super::super::FIRST_OF_HEALTH);
}
