//! Processors, memory and sensors by the profile of a device: found by a walk, read again cell by cell.

use fengsui::model::observation::{Outcome, Row, Value};
use fengsui::model::plan::SettingValue;
use fengsui::model::{Secret, SecretText};
use fengsui::probe::{self, Run};

use crate::snmp::{community, cx, field, once, prober, recording, set, text, world};

/// Rows of the table that has this field: instance and value, of a number two digits behind the point.
pub(crate) fn parts(run: &Run, name: &str) -> Vec<String> {
    let (table, slot, _) = probe::kind("snmp").unwrap().spec.schema.find(name).unwrap();
    let shown = |row: &Row| match row.values[slot].number() {
        Some(value) => format!("{} {value:.2}", row.instance),
        None => format!("{} -", row.instance),
    };
    run.rows.iter().filter(|row| row.table == table).map(shown).collect()
}

#[tokio::test]
async fn health_is_found_by_the_profile_read_again_cell_by_cell_and_follows_the_profiles() {
    let (mut world, at) = world(recording("profiles/vrp.snmprec"), vec![community("public")]).await;
    let cx = cx();
    let settings = [("health", SettingValue::Bool(true))];
    for v1 in [true, false] {
        let secret = Secret::SnmpCommunity { v1, community: SecretText::new("public") };
        let mut prober = prober(&cx, at, Some(&secret), &settings);
        let found = once(&cx, &mut prober).await;
        assert_eq!((found.outcome, &found.detail), (Outcome::Ok, &None), "v1 {v1}");
        assert_eq!(field(&found, None, "profile"), text("huawei-vrp"));
        assert_eq!(field(&found, None, "security"), Value::State(u8::from(!v1)));
        assert_eq!(parts(&found, "cpu_ratio"), ["MPU Board 0 0.44", "Slot 1 0.00"]);
        assert_eq!(parts(&found, "memory_used_ratio"), ["MPU Board 0 0.09", "Slot 1 0.54"]);
        assert_eq!(parts(&found, "temperature_celsius")[0], "temperature/MPU Board 0 42.00");
        let states = [
            "temperature/MPU Board 0 0.00",
            "fan_ratio/fan 0.1 0.00",
            "fan_ratio/fan 0.2 2.00",
            "power_supply/PWR 1.0 0.00",
            "power_supply/PWR 2.0 2.00",
        ];
        assert_eq!(parts(&found, "sensor_status"), states, "optics are not read every time");
        let again = once(&cx, &mut prober).await;
        assert_eq!((again.outcome, &again.detail), (Outcome::Ok, &None));
        for name in ["cpu_ratio", "memory_size_bytes", "sensor", "sensor_status", "temperature_celsius", "fan_ratio"]
        {
            assert_eq!(parts(&again, name), parts(&found, name), "{name}");
        }
        let variables = |run: &Run| field(run, None, "variables_count").number().unwrap();
        assert!(variables(&again) < variables(&found) - 50.0, "{} {}", variables(&again), variables(&found));
        assert_eq!(field(&again, None, "retries_count"), Value::F64(0.0));
        if v1 {
            continue;
        }
        world.apply(&set("1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7.0.2", "1")).await.unwrap();
        assert_eq!(parts(&once(&cx, &mut prober).await, "sensor_status")[2], "fan_ratio/fan 0.2 0.00");
        cx.profiles.set(Vec::new());
        let without = once(&cx, &mut prober).await;
        assert_eq!(field(&without, None, "profile"), Value::Null);
        assert!(parts(&without, "cpu_ratio").is_empty() && parts(&without, "sensor").is_empty());
    }
    world.stop().await;
}
