//! House rules that no compiler checks: the changelog has its sections, every dependency its reason, the
//! units their hardening, and no file names a place that only its author had.

use crate::tree;

fn read(path: &str) -> String {
    std::fs::read_to_string(tree::root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_changelog_tells_code_and_definitions_apart() {
    let text = read("CHANGELOG.md");
    let unreleased =
        text.split("\n## ").find(|s| s.starts_with("[Unreleased]")).expect("a section `## [Unreleased]`");
    for section in ["\n### Code\n", "\n### Definitions\n"] {
        assert!(unreleased.contains(section), "CHANGELOG.md: `## [Unreleased]` lacks `{}`", section.trim());
    }
}

/// Dependency lines of a manifest without a reason: neither a comment on the line nor one that heads the block.
fn without_reason(manifest: &str) -> Vec<&str> {
    let (mut in_dependencies, mut block_has_one) = (false, false);
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
            block_has_one = false;
        } else if line.trim().is_empty() {
            block_has_one = false;
        } else if line.starts_with('#') {
            block_has_one = true;
        } else if in_dependencies && !block_has_one && !line.contains(" # ") {
            found.push(line);
        }
    }
    found
}

#[test]
fn every_dependency_has_a_reason() {
    assert_eq!(without_reason(&read("Cargo.toml")), Vec::<&str>::new());
    let planted = "[dependencies]\n# formats\na = \"1\"\n\nb = \"1\"\nc = \"1\" # why\n[lints]\nd = 1\n";
    assert_eq!(without_reason(planted), ["b = \"1\""]);
}

/// Hosts of package registries and paths of one author's machine. Split, so that this file does not name them.
const NOBODY_ELSE_HAS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("/wo", "rk/"),
    concat!("sha", "red/fixtures"),
    concat!("sha", "red/design"),
    concat!("sha", "red/research"),
    concat!(".lib", "rary"),
    concat!("/root", "/"),
];

#[test]
fn no_file_names_a_place_that_only_its_author_had() {
    let mut found = Vec::new();
    // The lock file names where packages come from; that is its purpose.
    for file in tree::files("", &[""]).iter().filter(|f| f.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            for word in NOBODY_ELSE_HAS.iter().filter(|w| line.contains(*w)) {
                found.push(format!("{}:{}: `{word}`", file.path, number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What both units have. A line that goes missing is a hole that nobody sees.
const HARDENED: &[&str] = &[
    "Type=notify",
    "WatchdogSec=30",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "UMask=0077",
];

/// What of it would hide from the helper what it is there to see, or is for services that stay.
const NOT_OF_THE_HELPER: &[&str] =
    &["Type=notify", "WatchdogSec=30", "ProtectHome=yes", "PrivateTmp=yes", "ProtectProc=invisible"];

#[test]
fn the_helper_reads_everything_and_can_do_nothing_else() {
    let unit = read("systemd/fengsui-host-audit@.service");
    let has = |line: &str| unit.lines().any(|l| l == line);
    let own = [
        "Type=oneshot",
        "CapabilityBoundingSet=CAP_DAC_READ_SEARCH",
        "AmbientCapabilities=CAP_DAC_READ_SEARCH",
        "RestrictAddressFamilies=none",
        "IPAddressDeny=any",
        "ProtectHome=read-only",
        "StandardInput=null",
    ];
    for line in HARDENED.iter().filter(|line| !NOT_OF_THE_HELPER.contains(line)).chain(&own) {
        assert!(has(line), "it lacks `{line}`");
    }
    let socket = read("systemd/fengsui-host-audit.socket");
    assert!(socket.contains("\nSocketUser=fengsui\n") && socket.contains("\nSocketMode=0600\n"), "{socket}");
    // The agent looks for it where the unit puts it.
    let place = socket.lines().find_map(|l| l.strip_prefix("ListenStream=")).unwrap();
    assert!(read("src/probe/config.rs").contains(&format!("'{place}'")), "{place}");
}

#[test]
fn the_units_are_hardened_and_only_the_agent_has_a_capability() {
    for (path, capabilities) in [
        ("systemd/fengsui-console.service", "CapabilityBoundingSet="),
        ("systemd/fengsui-agent.service", "CapabilityBoundingSet=CAP_NET_RAW"),
    ] {
        let unit = read(path);
        let has = |line: &str| unit.lines().any(|l| l == line);
        // An agent asks how good its clock is, which this forbids; it lacks the capability to set it.
        assert!(has("ProtectClock=yes") || path.contains("agent"), "{path} lacks `ProtectClock=yes`");
        for line in HARDENED {
            assert!(has(line), "{path} lacks `{line}`");
        }
        assert!(has(capabilities), "{path} lacks `{capabilities}`");
        let ambient: Vec<&str> = unit.lines().filter(|l| l.starts_with("AmbientCapabilities=")).collect();
        assert!(ambient.iter().all(|l| *l == "AmbientCapabilities=CAP_NET_RAW"), "{path}: {ambient:?}");
        assert_eq!(ambient.len(), usize::from(path.contains("agent")), "{path}");
    }
}

#[test]
fn one_command_runs_all_tests_and_ci_calls_it() {
    assert!(read(".ci/run").contains("tests/run"));
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = read(readme);
        assert!(text.contains("cargo run --release -- up"), "{readme}: the command that runs it");
        assert!(text.contains("tests/run"), "{readme}: the command that tests it");
    }
}
