//! Every row of KINDS keeps the promises that other layers build on: names, units, defaults, documents.

use std::collections::BTreeSet;
use std::path::Path;

use fengsui::config::kinds::{parse_set, settings_of};
use fengsui::model::detector::DETECTORS;
use fengsui::model::field::{FieldType, IMPLICIT, TableOn};
use fengsui::model::id::ProbeId;
use fengsui::probe::{KINDS, catalog};

/// Unit suffixes of numbers, as Prometheus has them, and what counts things.
const UNITS: &[&str] = &[
    "_seconds", "_ratio", "_bytes", "_octets", "_packets", "_total", "_bps", "_celsius", "_volts", "_amperes",
    "_watts", "_dbm", "_hertz", "_rpm",
];
/// Numbers without a unit, each with its reason.
const BARE: &[(&str, &str)] = &[
    ("up", "0 or 1"),
    ("fails", "a count"),
    ("status_code", "a code"),
    ("days_left", "days is its unit: certificates are talked about in days"),
    ("chain_days_left", "as days_left"),
    ("mtu", "IF-MIB's own name; octets"),
    ("load1", "the system's own name"),
    ("load5", "the system's own name"),
    ("load15", "the system's own name"),
];
/// Endings of counts that say what is counted.
const COUNTS: &[&str] = &[
    "errors",
    "discards",
    "count",
    "processes",
    "pkts",
    "interfaces",
    "users",
    "ports",
    "speed",
    "changes",
    "resets",
    "sessions",
];

#[test]
fn kinds_and_fields_are_named_once_and_with_their_unit() {
    let mut kinds = BTreeSet::new();
    for kind in KINDS {
        let spec = kind.spec;
        assert!(kinds.insert(spec.name), "kind {} stands twice", spec.name);
        assert!(ProbeId::new(spec.name).is_ok(), "kind {} is no slug", spec.name);
        assert_eq!(spec.schema.kind, spec.name);
        let mut names: BTreeSet<&str> = IMPLICIT.iter().map(|f| f.name.as_ref()).collect();
        for table in spec.schema.tables.iter() {
            for field in table.fields.iter() {
                let name = field.name.as_ref();
                assert!(names.insert(name), "{}: field {name} stands twice, or is implicit", spec.name);
                assert!(!field.zh.is_empty() && !field.en.is_empty(), "{}: {name} is not explained", spec.name);
                let number = matches!(field.kind, FieldType::Gauge | FieldType::Counter | FieldType::Histogram);
                let named = UNITS.iter().chain(COUNTS).any(|unit| name.ends_with(unit));
                assert!(
                    !number || named || BARE.iter().any(|(bare, _)| *bare == name),
                    "{}: {name} carries no unit; see UNITS, or give a reason in BARE",
                    spec.name
                );
            }
        }
    }
    assert_eq!(catalog().len(), KINDS.len());
}

#[test]
fn the_first_table_is_about_the_target() {
    for kind in KINDS {
        let first = kind.spec.schema.tables.first().expect("a kind observes something");
        assert_eq!(first.on, TableOn::Target, "{}", kind.spec.name);
        assert!(first.instance.is_none(), "{}", kind.spec.name);
    }
}

#[test]
fn defaults_are_values_of_their_settings() {
    for kind in KINDS {
        let spec = kind.spec;
        let defaults = settings_of(spec);
        let mut names = BTreeSet::new();
        for setting in spec.settings {
            assert!(names.insert(setting.name), "{}: setting {} stands twice", spec.name, setting.name);
            assert_eq!(
                defaults.0.contains_key(setting.name),
                setting.default.is_some(),
                "{} {}",
                spec.name,
                setting.name
            );
            if let Some(default) = setting.default {
                let pair = format!("{}={default}", setting.name);
                assert_eq!(parse_set(spec, &[&pair]).as_ref(), Ok(&defaults), "{} {pair}", spec.name);
            }
        }
    }
}

#[test]
fn every_kind_has_a_document_that_names_all_it_takes_and_observes() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/probes");
    for kind in KINDS {
        let spec = kind.spec;
        let path = docs.join(format!("{}.md", spec.name));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let settings = spec.settings.iter().map(|s| s.name);
        let fields = spec.schema.tables.iter().flat_map(|t| t.fields.iter()).map(|f| f.name.as_ref());
        for name in settings.chain(fields) {
            assert!(text.contains(&format!("`{name}`")), "docs/probes/{}.md does not name `{name}`", spec.name);
        }
    }
}

#[test]
fn every_detector_has_a_section_that_names_its_settings() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/detectors.md")).unwrap();
    for spec in DETECTORS {
        let section = text.split("\n## ").find(|part| part.starts_with(spec.name)).unwrap_or_default();
        for setting in spec.settings {
            let row = format!("| `{}` | {} |", setting.name, setting.default);
            assert!(section.contains(&row), "docs/detectors.md, section {}: no row `{row}`", spec.name);
        }
    }
}
