//! Shipped checks of hosts against labelled cases, where the machine has a collection of them: small trees of files, each said by its
//! authors to satisfy a rule or not. Cases that differ are listed one by one with the reason; any other is a mistake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fengsui::baseline::host::root::{Memory, Root};
use fengsui::baseline::host::{Host, judge};
use fengsui::baseline::judge::Verdict;
use fengsui::baseline::policy::{self, Profile};
use serde_json::Value;

/// The least agreement, and the fewest cases that prove anything.
const LEAST: f64 = 0.97;
const FEWEST: usize = 90;

/// Cases that differ, and why they rightly do.
const DIFFER: &[(&str, &str)] = &[(
    "cases/sshd_allow_only_protocol2/comment.fail",
    "OpenSSH since 7.6 speaks version 2 only and has no such keyword: there is nothing to write",
)];

/// A rule and the check that covers it.
struct Rule {
    name: &'static str,
    check: &'static str,
    /// The rule's variable, the check's parameter, and how many times the variable that is.
    param: Option<(&'static str, &'static str, f64)>,
    /// What the check asks besides, made good.
    also: &'static [(&'static str, &'static str)],
}

const fn rule(name: &'static str, check: &'static str) -> Rule {
    Rule { name, check, param: None, also: &[] }
}

impl Rule {
    const fn with(self, variable: &'static str, param: &'static str, times: f64) -> Self {
        Self { param: Some((variable, param, times)), ..self }
    }

    const fn also(self, also: &'static [(&'static str, &'static str)]) -> Self {
        Self { also, ..self }
    }
}

const RULES: &[Rule] = &[
    rule("accounts_maximum_age_login_defs", "H06").with("var_accounts_maximum_age_login_defs", "days", 1.0),
    rule("accounts_minimum_age_login_defs", "H07"),
    rule("accounts_password_warn_age_login_defs", "H08"),
    rule("accounts_password_pam_minlen", "H09").with("var_password_pam_minlen", "length", 1.0),
    rule("accounts_password_pam_minclass", "H10").with("var_password_pam_minclass", "classes", 1.0),
    rule("accounts_password_all_shadowed", "H05"),
    rule("accounts_password_all_shadowed_sha512", "H05"),
    rule("accounts_tmout", "H15").with("var_accounts_tmout", "seconds", 1.0),
    rule("accounts_umask_etc_login_defs", "H35").also(&[("/etc/profile.d/z.sh", "umask 077\n")]),
    rule("accounts_umask_etc_profile", "H35").also(&[("/etc/login.defs", "UMASK 027\n")]),
    rule("group_unique_id", "H02"),
    rule("group_unique_name", "H02"),
    rule("no_legacy_plus_entries_etc_passwd", "H01"),
    rule("no_legacy_plus_entries_etc_group", "H02"),
    rule("no_legacy_plus_entries_etc_shadow", "H04"),
    rule("disable_host_auth", "H25").also(&[("/etc/ssh/sshd_config.d/zz.conf", "IgnoreRhosts yes\n")]),
    rule("sshd_disable_rhosts", "H25").also(&[("/etc/ssh/sshd_config.d/zz.conf", "HostbasedAuthentication no\n")]),
    rule("sshd_allow_only_protocol2", "H21"),
    rule("sshd_disable_empty_passwords", "H20"),
    rule("sshd_disable_root_login", "H19"),
    rule("sshd_disable_forwarding", "H26"),
    rule("sshd_disable_tcp_forwarding", "H26").also(&[("/etc/ssh/sshd_config.d/zz.conf", "X11Forwarding no\n")]),
    rule("sshd_disable_x11_forwarding", "H26").also(&[("/etc/ssh/sshd_config.d/zz.conf", "AllowTcpForwarding no\n")]),
    rule("sshd_set_idle_timeout", "H16").with("sshd_idle_timeout_value", "seconds", 3.0),
    rule("sshd_set_login_grace_time", "H17").with("var_sshd_set_login_grace_time", "seconds", 1.0),
    rule("sshd_set_max_auth_tries", "H18").with("sshd_max_auth_tries_value", "attempts", 1.0),
    rule("sshd_use_strong_ciphers", "H22"),
    rule("sshd_use_strong_macs", "H23"),
    rule("sshd_use_strong_kex", "H24"),
    rule("sudo_remove_nopasswd", "H33"),
    rule("sudo_remove_no_authenticate", "H33"),
    rule("sudo_require_authentication", "H33"),
    rule("sudo_restrict_privilege_elevation_to_authorized", "H33"),
    rule("sudo_add_use_pty", "H34"),
];

/// What the base lacks of a host: its passwords, and the stacks that a tool of Debian writes when packages are installed.
const REST: &[(&str, &str)] = &[
    ("/etc/shadow", "root:*:19990:1:90:7:::\n"),
    (
        "/etc/pam.d/common-auth",
        "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
    ),
    ("/etc/pam.d/common-account", "account required pam_unix.so\n"),
    ("/etc/pam.d/common-session", "session required pam_unix.so\n"),
    (
        "/etc/pam.d/common-password",
        "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so use_authtok\n\
         password requisite pam_deny.so\npassword required pam_permit.so\n",
    ),
];

/// The collection, if it is there. The folder is told by the environment or stands beside the repository.
#[expect(clippy::disallowed_methods, reason = "where test data stand")]
pub(crate) fn collection() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("shared").join("fixtures").join("linux");
    let found = std::env::var_os("FENGSUI_LINUX_CASES").map_or_else(beside, PathBuf::from);
    found.join("labels.json").is_file().then_some(found)
}

/// The files below a directory, by the paths that a host has them at.
fn files(base: &Path, dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for path in std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.is_dir() {
            files(base, &path, found);
        } else if path.file_name().is_some_and(|name| name != "case.json") {
            found.push((format!("/{}", path.strip_prefix(base).unwrap().display()), std::fs::read(&path).unwrap()));
        }
    }
}

/// All files of a tree.
pub(crate) fn below(base: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    files(base, base, &mut found);
    found
}

/// What came of a rule's cases.
#[derive(Default)]
struct Tally {
    cases: usize,
    agree: usize,
}

#[test]
fn shipped_checks_agree_with_labelled_hosts() {
    let Some(collection) = collection() else {
        println!("not run: no labelled hosts beside the repository, and FENGSUI_LINUX_CASES names none");
        return;
    };
    let policy = policy::load(&[]).policy;
    let labels: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(collection.join("labels.json")).unwrap()).unwrap();
    let base = below(&collection.join("base-debian12"));
    let mut table: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut differ = Vec::new();
    for label in &labels {
        let Some(rule) = RULES.iter().find(|r| Some(r.name) == label["rule"].as_str()) else { continue };
        let dir = collection.join(label["dir"].as_str().unwrap());
        let own = below(&dir);
        let mut host = Memory::default();
        for (path, bytes) in base.iter().cloned() {
            host = host.file(&path, bytes);
        }
        for (path, text) in REST.iter().chain(rule.also) {
            host = host.file(path, *text);
        }
        for (path, bytes) in own.iter().cloned() {
            host = host.file(&path, bytes);
        }
        let value = |(variable, param, times): (&str, &str, f64)| {
            let value: f64 = label["variables"][variable].as_str()?.parse().ok()?;
            Some((rule.check.to_owned(), param.to_owned(), value * times))
        };
        let params = rule.param.and_then(value).into_iter().collect();
        let profile = Profile { id: "case".to_owned(), level: 3, params };
        let host = Host::new(Root::memory(host), 20_000);
        let got = judge::one(&policy, &policy.checks[rule.check], &profile, &host).verdict;
        let bad = matches!(got, Verdict::Fail | Verdict::Partial);
        let dir = label["dir"].as_str().unwrap();
        let tally = table.entry(rule.name).or_default();
        tally.cases += 1;
        if if label["expected"] == "pass" { got == Verdict::Pass } else { bad } {
            tally.agree += 1;
        } else {
            differ.push((dir.to_owned(), got.as_str()));
        }
    }
    let mut lines = Vec::new();
    for (rule, Tally { cases, agree }) in &table {
        let check = RULES.iter().find(|r| r.name == *rule).map_or("", |r| r.check);
        lines.push(format!("{check} {rule}: {agree} of {cases}"));
    }
    let (table, cases) = (lines.join("\n"), table.values().map(|t| t.cases).sum::<usize>());
    let agree = cases - differ.len();
    let reason = |dir: &str| DIFFER.iter().find(|(known, _)| *known == dir).map(|(_, why)| *why);
    for (dir, got) in &differ {
        println!("{dir}: {got}: {}", reason(dir).unwrap_or("UNKNOWN"));
    }
    println!("{table}\n{agree} of {cases} agree");
    assert!(cases >= FEWEST, "{cases} cases\n{table}");
    assert!(agree as f64 >= LEAST * cases as f64, "{agree} of {cases}: {differ:?}\n{table}");
    let unknown: Vec<_> = differ.iter().filter(|(dir, _)| reason(dir).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let gone: Vec<_> = DIFFER.iter().filter(|(dir, _)| differ.iter().all(|(d, _)| d != dir)).collect();
    assert!(gone.is_empty(), "they agree now: {gone:?}");
}
