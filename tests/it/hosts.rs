//! Shipped checks of hosts against labelled cases, where the machine has a collection of them: small trees of files, each said by its
//! authors to satisfy a rule or not. Their view is strict, ours is what takes effect: where that is why the two differ, the table says so.

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

/// A rule and the check that covers it.
struct Rule {
    name: &'static str,
    check: &'static str,
    /// The word whose occurrences the rule counts.
    key: &'static str,
    /// The rule's variable, the check's parameter, and how many times the variable that is.
    param: Option<(&'static str, &'static str, f64)>,
    /// What the check asks besides, made good.
    also: &'static [(&'static str, &'static str)],
}

const fn rule(name: &'static str, check: &'static str, key: &'static str) -> Rule {
    Rule { name, check, key, param: None, also: &[] }
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
    rule("accounts_maximum_age_login_defs", "H06", "PASS_MAX_DAYS").with(
        "var_accounts_maximum_age_login_defs",
        "days",
        1.0,
    ),
    rule("accounts_minimum_age_login_defs", "H07", "PASS_MIN_DAYS"),
    rule("accounts_password_warn_age_login_defs", "H08", "PASS_WARN_AGE"),
    rule("accounts_password_pam_minlen", "H09", "minlen").with("var_password_pam_minlen", "length", 1.0),
    rule("accounts_password_pam_minclass", "H10", "minclass").with("var_password_pam_minclass", "classes", 1.0),
    rule("accounts_password_all_shadowed", "H05", ""),
    rule("accounts_password_all_shadowed_sha512", "H05", ""),
    rule("accounts_tmout", "H15", "TMOUT").with("var_accounts_tmout", "seconds", 1.0),
    rule("accounts_umask_etc_login_defs", "H35", "UMASK").also(&[("/etc/profile.d/z.sh", "umask 077\n")]),
    rule("accounts_umask_etc_profile", "H35", "umask").also(&[("/etc/login.defs", "UMASK 027\n")]),
    rule("group_unique_id", "H02", ""),
    rule("group_unique_name", "H02", ""),
    rule("no_legacy_plus_entries_etc_passwd", "H01", ""),
    rule("no_legacy_plus_entries_etc_group", "H02", ""),
    rule("no_legacy_plus_entries_etc_shadow", "H04", ""),
    rule("disable_host_auth", "H25", "HostbasedAuthentication"),
    rule("sshd_disable_rhosts", "H25", "IgnoreRhosts"),
    rule("sshd_allow_only_protocol2", "H21", "Protocol"),
    rule("sshd_disable_empty_passwords", "H20", "PermitEmptyPasswords"),
    rule("sshd_disable_root_login", "H19", "PermitRootLogin"),
    rule("sshd_disable_forwarding", "H26", "DisableForwarding"),
    rule("sshd_disable_tcp_forwarding", "H26", "AllowTcpForwarding")
        .also(&[("/etc/ssh/sshd_config.d/zz.conf", "X11Forwarding no\n")]),
    rule("sshd_disable_x11_forwarding", "H26", "X11Forwarding")
        .also(&[("/etc/ssh/sshd_config.d/zz.conf", "AllowTcpForwarding no\n")]),
    rule("sshd_set_idle_timeout", "H16", "ClientAliveInterval").with("sshd_idle_timeout_value", "seconds", 3.0),
    rule("sshd_set_login_grace_time", "H17", "LoginGraceTime").with("var_sshd_set_login_grace_time", "seconds", 1.0),
    rule("sshd_set_max_auth_tries", "H18", "MaxAuthTries").with("sshd_max_auth_tries_value", "attempts", 1.0),
    rule("sshd_use_strong_ciphers", "H22", "Ciphers"),
    rule("sshd_use_strong_macs", "H23", "MACs"),
    rule("sshd_use_strong_kex", "H24", "KexAlgorithms"),
    rule("sudo_remove_nopasswd", "H33", "NOPASSWD"),
    rule("sudo_remove_no_authenticate", "H33", "!authenticate"),
    rule("sudo_require_authentication", "H33", "!authenticate"),
    rule("sudo_restrict_privilege_elevation_to_authorized", "H33", "ALL"),
    rule("sudo_add_use_pty", "H34", "use_pty"),
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

/// Why what is labelled a failure is none in effect: the other occurrences of the word, if that is it.
fn strict(key: &str, files: &[(String, Vec<u8>)]) -> Option<&'static str> {
    let texts =
        files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect::<Vec<_>>().join("\n");
    let lines = texts.lines().map(str::trim).filter(|l| !l.starts_with('#'));
    let values: std::collections::BTreeSet<String> =
        lines.filter_map(|l| l.split_once(key).filter(|_| !key.is_empty())).map(|(_, v)| v.to_owned()).collect();
    match values.len() {
        0 if !key.is_empty() => Some("nothing is written and the default is good"),
        0 | 1 => None,
        _ => Some("the occurrence in force is good, another says otherwise"),
    }
}

/// What came of a rule's cases.
#[derive(Default)]
struct Tally {
    cases: usize,
    agree: usize,
    /// Cases that differ for a reason that is known, by reason.
    named: BTreeMap<&'static str, Vec<String>>,
    others: Vec<String>,
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
        let expected = label["expected"] == "pass";
        let tally = table.entry(rule.name).or_default();
        tally.cases += 1;
        let case = label["scenario"].as_str().unwrap();
        match strict(rule.key, &own).filter(|_| !expected && got == Verdict::Pass) {
            _ if (expected && got == Verdict::Pass) || (!expected && bad) => tally.agree += 1,
            Some(why) => tally.named.entry(why).or_default().push(case.to_owned()),
            None => tally.others.push(format!("{}: {}", label["dir"].as_str().unwrap(), got.as_str())),
        }
    }
    let mut lines = Vec::new();
    let (mut all, mut agree, mut named, mut wrong) = (0, 0, 0, Vec::new());
    for (rule, Tally { cases, agree: good, named: why, others }) in &table {
        let check = RULES.iter().find(|r| r.name == *rule).map_or("", |r| r.check);
        let why: Vec<String> = why.iter().map(|(why, cases)| format!("{}: {why}", cases.join(", "))).collect();
        lines.push(format!("{check} {rule}: {good} of {cases}; {}", why.join("; ")));
        all += cases;
        agree += good;
        named += cases - good - others.len();
        wrong.extend(others.clone());
    }
    let (table, wrong) = (lines.join("\n"), wrong.join("\n"));
    println!("{table}\n{all} cases: {agree} agree, {named} differ by name, the rest:\n{wrong}");
    assert!(all >= FEWEST, "{all} cases\n{table}");
    assert!((agree + named) as f64 >= LEAST * all as f64, "{agree} and {named} of {all}\n{wrong}\n{table}");
    assert!(!wrong.contains(".fail: pass"), "false passes:\n{wrong}");
}
