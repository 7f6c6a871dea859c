//! `twins`: assets that answer with one snmpEngineID (SNMP-FRAMEWORK-MIB, RFC 3411). No probe looks at this: the console holds
//! what all devices said against each other, because different agents may watch them. It judges nothing about why: two addresses
//! of one device, a stack declared twice, or a configuration that was copied with its engine id.
//!
//! SNMPv3 keys and clocks hang on the engine id: of two devices that share one, an asker takes the answers of one for replays
//! of the other's, and traps of both look as if they came from one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::wire::{SampleRow, Samples, SummaryBody};
use crate::model::{AssetId, Object, ObjectKind, ProbeId, Summary, Wall};

/// Name of the kind, and of the probe that its samples seem to come from.
pub const KIND: &str = "twins";

const NO_YES: &[Cow<'static, str>] = &[Cow::Borrowed("no"), Cow::Borrowed("yes")];

/// What it observes.
pub static SPEC: KindSpec = KindSpec {
    name: KIND,
    zh: "SNMP 引擎标识相同的资产（由管理中心得出）",
    en: "assets that answer with one SNMP engine id, found by the console",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Derived,
    settings: &[],
    schema: KindSchema {
        kind: Cow::Borrowed(KIND),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[Field::gauge(
                    "twin_count",
                    "引擎标识相同的其他资产数",
                    "how many other assets have its engine id",
                )]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("twin")),
                fields: Cow::Borrowed(&[
                    Field::state("same_engine", NO_YES, "引擎标识是否相同", "whether that asset has its engine id"),
                    Field::gauge("engine_count", "有此引擎标识的资产数", "how many assets have that engine id"),
                ]),
            },
        ]),
    },
    secret: false,
    profiles: false,
};

/// Whether a text is an engine id that devices may be told apart by: 5 to 32 octets in hexadecimal, not all of them 0 or 255
/// (RFC 3411, SnmpEngineID).
fn names_one(id: &str) -> bool {
    let octets = id.len() / 2;
    let all = |digit: char| id.chars().all(|c| c == digit);
    (5..=32).contains(&octets) && id.chars().all(|c| c.is_ascii_hexdigit()) && !all('0') && !all('f')
}

/// Which asset was said to share its engine id with which: of many, each with the next.
#[derive(Debug, Default)]
pub struct Twins(BTreeSet<(AssetId, AssetId)>);

impl FromIterator<(AssetId, AssetId)> for Twins {
    fn from_iter<I: IntoIterator<Item = (AssetId, AssetId)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Twins {
    /// What the engine ids of assets, in hexadecimal, come to in this time; `None` if there is nothing to say.
    pub fn take(&mut self, engines: &BTreeMap<AssetId, String>, from: Wall, to: Wall) -> Option<Samples> {
        let mut by_engine: BTreeMap<&str, Vec<&AssetId>> = BTreeMap::new();
        for (asset, id) in engines.iter().filter(|(_, id)| names_one(id)) {
            by_engine.entry(id).or_default().push(asset);
        }
        let (mut pairs, mut rows) = (BTreeSet::new(), Vec::new());
        for assets in by_engine.values().filter(|assets| assets.len() > 1) {
            for (asset, twin) in assets.iter().zip(assets.iter().cycle().skip(1)) {
                rows.push(row(asset, None, &[("twin_count", (assets.len() - 1) as f64)]));
                rows.push(row(asset, Some(twin), &[("same_engine", 1.0), ("engine_count", assets.len() as f64)]));
                pairs.insert(((*asset).clone(), (*twin).clone()));
            }
        }
        // Told once more, so that what was raised ends.
        for (asset, twin) in self.0.difference(&pairs) {
            if pairs.iter().all(|(other, _)| other != asset) {
                rows.push(row(asset, None, &[("twin_count", 0.0)]));
            }
            rows.push(row(asset, Some(twin), &[("same_engine", 0.0)]));
        }
        self.0 = pairs;
        let probe = ProbeId::new(KIND).ok()?;
        (!rows.is_empty()).then(|| Samples { probe, kind: Arc::from(KIND), from, to, rows })
    }
}

fn row(asset: &AssetId, twin: Option<&AssetId>, fields: &[(&str, f64)]) -> SampleRow {
    let body = |(name, value): &(&str, f64)| ((*name).to_owned(), SummaryBody(Summary::one(*value)));
    SampleRow {
        object: Object::Asset(asset.clone()),
        instance: Arc::from(twin.map_or("", |twin| twin.as_str())),
        // Only rows of targets count runs.
        runs: [u32::from(twin.is_none()), 0, 0, 0],
        packets: [0; 5],
        causes: BTreeMap::new(),
        fields: fields.iter().map(body).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(twins: &mut Twins, engines: &[(&str, &str)]) -> Vec<String> {
        let engines = engines.iter().map(|(asset, id)| (AssetId::new(asset).unwrap(), (*id).to_owned())).collect();
        let found = twins.take(&engines, Wall::from_millis(0), Wall::from_millis(300_000));
        let line = |row: SampleRow| {
            // The last by name is what a row is about.
            let (field, value) = row.fields.iter().next_back().unwrap();
            format!("{} {} {field} {}", row.object, row.instance, value.0.last)
        };
        found.into_iter().flat_map(|samples| samples.rows).map(line).collect()
    }

    #[test]
    fn what_was_raised_before_a_restart_is_told_to_be_over() {
        let pair = |a: &str, b: &str| (AssetId::new(a).unwrap(), AssetId::new(b).unwrap());
        let mut twins: Twins = [pair("a", "b"), pair("b", "a")].into_iter().collect();
        let over =
            ["asset:a  twin_count 0", "asset:a b same_engine 0", "asset:b  twin_count 0", "asset:b a same_engine 0"];
        assert_eq!(told(&mut twins, &[]), over);
        assert!(told(&mut twins, &[]).is_empty());
    }

    const ONE: &str = "800007db0311223344550";

    #[test]
    fn assets_of_one_engine_id_are_told_each_with_the_next_and_told_again_when_it_is_over() {
        let (id, other) = (format!("{ONE}1"), "800063a280aabbccddee00");
        let mut twins = Twins::default();
        assert!(told(&mut twins, &[("a", &id), ("b", other)]).is_empty());
        assert_eq!(
            told(&mut twins, &[("a", &id), ("b", other), ("c", &id)]),
            ["asset:a  twin_count 1", "asset:a c same_engine 1", "asset:c  twin_count 1", "asset:c a same_engine 1",]
        );
        let three = told(&mut twins, &[("a", &id), ("b", &id), ("c", &id)]);
        assert_eq!(
            three,
            [
                "asset:a  twin_count 2",
                "asset:a b same_engine 1",
                "asset:b  twin_count 2",
                "asset:b c same_engine 1",
                "asset:c  twin_count 2",
                "asset:c a same_engine 1",
                "asset:a c same_engine 0",
            ]
        );
        let over = told(&mut twins, &[("a", &id), ("b", other)]);
        assert_eq!(over.iter().filter(|line| line.ends_with(" 0")).count(), 6, "{over:?}");
        assert!(told(&mut twins, &[("a", &id)]).is_empty(), "once is enough");
    }

    #[test]
    fn what_is_no_engine_id_tells_nothing() {
        for id in ["", "80", "0000000000000000", "ffffffffffffffffff", "not hexadecimal at all", &"8".repeat(66)] {
            assert!(told(&mut Twins::default(), &[("a", id), ("b", id)]).is_empty(), "{id}");
        }
    }
}
