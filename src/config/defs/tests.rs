//! Definitions: what they mean, what is reported, how layers lie over each other.

use super::*;
use crate::config::testing::CATALOG;

fn one(text: &str) -> Loaded {
    parse(&[("a.toml".to_owned(), text.to_owned())], CATALOG)
}

fn lines(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

const GOOD: &str = r#"
[[probe]]
id = "backbone-icmp"
kind = "icmp"
on = "link"
where = 'link.tier == "backbone"'
interval = "1s"
timeout = "900ms"
settings = { count = 3, dscp = "cs6" }

[[rule]]
id = "link-loss"
problem = "link-degraded"
on = "link"
probe = "backbone-icmp"
window = "60s"
params = { raise_at = 0.10, clear_at = 0 }
raise = '''
w.loss_ratio.mean > raise_at
'''
clear = 'w.loss_ratio.mean <= clear_at'
for = "10s"
no_data = 3
severity = "major"

[[override]]
rule = "link-loss"
where = 'link.name.contains("卫星")'
params = { raise_at = 0.3 }
"#;

#[test]
fn a_definition_means_what_it_says() {
    let loaded = one(GOOD);
    assert_eq!(lines(&loaded), Vec::<String>::new());
    let probe = &loaded.definitions.probes[0];
    assert_eq!(
        (probe.interval, probe.timeout, probe.keep),
        (Duration::from_secs(1), Duration::from_millis(900), Duration::from_secs(10))
    );
    assert_eq!(
        (probe.settings.int("count"), probe.settings.int("size"), probe.settings.text("dscp")),
        (Some(3), Some(64), Some("cs6"))
    );
    assert_eq!(probe.origin.line, 2);
    let rule = &loaded.definitions.rules[0];
    assert_eq!((rule.problem.as_str(), rule.no_data, rule.params["clear_at"]), ("link-degraded", 3, 0.0));
    assert!(
        matches!(&rule.source, RuleSource::Probe { probe, kind } if probe.as_str() == "backbone-icmp" && &**kind == "icmp")
    );
    assert_eq!(loaded.definitions.overrides[0].params["raise_at"], 0.3);
    assert_eq!(loaded.definitions.digest.len(), 64);
}

#[test]
fn defaults_follow_the_interval() {
    for (interval, timeout_ms, keep_s) in [("500ms", 500, 10), ("10s", 1_500, 10), ("5m", 1_500, 300)] {
        let loaded = one(&format!("[[probe]]\nid = 'p'\nkind = 'icmp'\non = 'asset'\ninterval = '{interval}'"));
        let probe = &loaded.definitions.probes[0];
        assert_eq!((probe.timeout.as_millis(), probe.keep.as_secs()), (timeout_ms, keep_s), "{interval}");
    }
}

#[test]
fn every_mistake_of_every_file_is_reported_at_once() {
    let bad = "[[probe]]\nid = 'p'\nkind = 'icpm'\non = 'asset'\ninterval = 5\ncolour = 'red'\n\n[[rule]]\nid = 'r'\non = 'asset'\nkind = 'icmp'\nraise = 'fials > 1'\nseverity = 'bad'\n";
    let loaded = parse(
        &[("a.toml".into(), bad.into()), ("b.toml".into(), "[[probe]]\nid = 'p'\n[[rules]]\n".into())],
        CATALOG,
    );
    assert_eq!(
        lines(&loaded),
        [
            "a.toml:3: unknown kind `icpm`; did you mean `icmp`?",
            "a.toml:5: `interval` is a whole number, not a duration; write interval = \"10s\"",
            "a.toml:6: unknown key `colour` in probe `p`; known: calendar, disabled, en, id, interval, keep, kind, on, settings, timeout, where, zh",
            "a.toml:12: `raise`: unknown name `fials` for kind `icmp`; did you mean `fails`?",
            "a.toml:13: `bad` is no value of `severity`; known: critical, info, major, minor, warning",
            "b.toml:1: probe `p` is defined twice; the other one is at a.toml:1",
            "b.toml:3: unknown key `rules` in the file; did you mean `rule`?",
        ]
    );
    assert!(!loaded.usable() && loaded.definitions.probes.is_empty());
}

#[test]
fn an_expression_over_several_lines_is_reported_on_its_own_line() {
    let loaded = one(&GOOD.replace("w.loss_ratio.mean > raise_at\n", "up == 0 &&\n  w.lossratio.mean > raise_at\n"));
    assert_eq!(
        lines(&loaded),
        ["a.toml:20: `raise`: unknown field `lossratio` of kind `icmp`; did you mean `loss_ratio`?"]
    );
}

#[test]
fn overlays_replace_and_remove_and_keep_the_origin() {
    let dir = tempfile::tempdir().unwrap();
    let (low, high) = (dir.path().join("low"), dir.path().join("high"));
    std::fs::create_dir_all(low.join("deep")).unwrap();
    std::fs::create_dir_all(&high).unwrap();
    let probe = |id: &str, interval: &str| {
        format!("[[probe]]\nid = '{id}'\nkind = 'icmp'\non = 'asset'\ninterval = '{interval}'\n")
    };
    std::fs::write(low.join("deep/a.toml"), probe("own-a", "10s") + &probe("own-b", "10s")).unwrap();
    std::fs::write(low.join(".hidden.toml"), "nonsense").unwrap();
    std::fs::write(
        high.join("b.toml"),
        probe("own-a", "20s")
            + "[[probe]]\nid = 'own-b'\ndisabled = true\n[[probe]]\nid = 'own-c'\ndisabled = true\n",
    )
    .unwrap();
    let loaded = load(&[low.clone(), high.clone(), dir.path().join("missing")], CATALOG);
    let own: Vec<&ProbeDef> = loaded.definitions.probes.iter().filter(|p| p.id.as_str().starts_with("own")).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].interval, Duration::from_secs(20));
    assert_eq!(own[0].origin.file, high.join("b.toml").display().to_string());
    assert_eq!(own[0].origin.replaces.as_ref().unwrap().file, low.join("deep/a.toml").display().to_string());
    assert!(loaded.definitions.disabled.iter().any(|(id, origin)| id == "own-b" && origin.line == 6));
    assert!(
        lines(&loaded)
            .iter()
            .any(|l| l.contains("warning: probe `own-c` is disabled here but defined nowhere below"))
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("gbk.toml"), b"# one\n# \xd6\xd0\xb9\xfa\n").unwrap();
    std::fs::create_dir(dir.path().join("dir.toml")).unwrap();
    let loaded = load(&[dir.path().to_owned()], CATALOG);
    assert!(
        lines(&loaded)
            .iter()
            .any(|l| l.ends_with("gbk.toml:2: not UTF-8; save it as UTF-8 (an editor's GBK shows here)"))
    );
}

#[test]
fn a_calendar_has_the_holidays_of_its_sets_and_a_later_set_prevails() {
    let loaded = one(r#"
[[calendar]]
id = "office"
hours = ["10:00-14:00", "16:00-20:00"]
holidays = ["cn", "xj"]
[[calendar.season]]
from = "10-01"
to = "04-30"
hours = ["10:00-14:00"]
[[holidays]]
set = "cn"
year = 2027
off = ["2026-12-31..2027-01-02", 2027-05-01]
work = [2027-01-03]
[[holidays]]
set = "cn"
year = 2028
off = [2028-01-01]
[[holidays]]
set = "xj"
year = 2027
work = [2027-05-01]
[[probe]]
id = "p"
kind = "icmp"
on = "asset"
interval = "10s"
calendar = "office"
[[rule]]
id = "r"
kind = "icmp"
on = "asset"
raise = "up == 0"
severity = "minor"
calendar = "organisation"
"#);
    assert_eq!(lines(&loaded), Vec::<String>::new());
    let office = &loaded.definitions.calendars["office"].calendar;
    let days: Vec<String> = office.days.iter().map(|(date, kind)| format!("{date} {kind:?}")).collect();
    assert_eq!(
        days,
        [
            "2026-12-31 Off",
            "2027-01-01 Off",
            "2027-01-02 Off",
            "2027-01-03 Work",
            "2027-05-01 Work",
            "2028-01-01 Off"
        ]
    );
    // 2028 is told in one of the two sets only.
    assert_eq!(office.years.iter().copied().collect::<Vec<_>>(), [2027]);
    assert_eq!((office.seasons.len(), office.hours.work.len()), (1, 2));
    assert_eq!(loaded.definitions.probes[0].when, Some(When::Calendar("office".parse().unwrap())));
    assert_eq!(loaded.definitions.rules[0].when, Some(When::Organisation));
}
