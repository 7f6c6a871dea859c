//! Agreement with labelled cases of Linux hosts, where the machine has a collection of them: small trees of files, each said by
//! its authors to satisfy a rule or not. Each rule that a kind of fact answers is put as a question; what disagrees is named.

use std::collections::BTreeMap;

use fengsui::baseline::host::root::{Memory, Root};
use fengsui::baseline::host::{Host, judge};
use fengsui::baseline::judge::Verdict;
use fengsui::baseline::policy;
use serde_json::Value;

use crate::hosts::{below, collection};

/// The least agreement, and the fewest cases that prove anything.
const LEAST: f64 = 0.97;
const FEWEST: usize = 150;

/// Rules and the question that each is. Rules of sysctl are made of the case's own setting and value.
const QUESTIONS: &[(&str, &str)] = &[
    ("audit_rules_dac_modification_chmod", "audit_rules = { call = \"chmod\" }\nassert = 'recorded'"),
    ("audit_rules_dac_modification_chown", "audit_rules = { call = \"chown\" }\nassert = 'recorded'"),
    ("audit_rules_file_deletion_events_rename", "audit_rules = { call = \"rename\" }\nassert = 'recorded'"),
    ("audit_rules_file_deletion_events_unlink", "audit_rules = { call = \"unlink\" }\nassert = 'recorded'"),
    (
        "audit_rules_kernel_module_loading",
        "audit_rules = { call = [\"init_module\", \"delete_module\", \"finit_module\"] }\nassert = 'recorded'",
    ),
    ("audit_rules_kernel_module_loading_create", "audit_rules = { call = \"create_module\" }\nassert = 'recorded'"),
    ("audit_rules_kernel_module_loading_delete", "audit_rules = { call = \"delete_module\" }\nassert = 'recorded'"),
    ("audit_rules_kernel_module_loading_finit", "audit_rules = { call = \"finit_module\" }\nassert = 'recorded'"),
    ("audit_rules_kernel_module_loading_init", "audit_rules = { call = \"init_module\" }\nassert = 'recorded'"),
    ("audit_rules_kernel_module_loading_query", "audit_rules = { call = \"query_module\" }\nassert = 'recorded'"),
    ("audit_rules_immutable", "audit_rules = { enabled = true }\nassert = 'value == 2'"),
    (
        "audit_rules_login_events",
        "audit_rules = { watch = [\"/var/log/faillock\", \"/var/log/lastlog\"] }\nassert = 'recorded'",
    ),
    (
        "audit_rules_session_events",
        "audit_rules = { watch = [\"/var/run/utmp\", \"/var/log/btmp\", \"/var/log/wtmp\"] }\nassert = 'recorded'",
    ),
    ("audit_rules_mac_modification", "audit_rules = { watch = \"/etc/selinux\" }\nassert = 'recorded'"),
    (
        "audit_rules_sysadmin_actions",
        "audit_rules = { watch = [\"/etc/sudoers\", \"/etc/sudoers.d\"] }\nassert = 'recorded'",
    ),
    ("audit_rules_time_adjtimex", "audit_rules = { call = \"adjtimex\" }\nassert = 'recorded'"),
    ("audit_rules_time_settimeofday", "audit_rules = { call = \"settimeofday\" }\nassert = 'recorded'"),
    ("audit_rules_time_stime", "audit_rules = { call = \"stime\", arch = \"b32\" }\nassert = 'recorded'"),
    ("audit_rules_time_watch_localtime", "audit_rules = { watch = \"/etc/localtime\" }\nassert = 'recorded'"),
    (
        "audit_rules_unsuccessful_file_modification_chown",
        "all = [\n{ audit_rules = { call = \"chown\", exit = \"-EACCES\" }, assert = 'recorded', default = \"fail\" },\n\
         { audit_rules = { call = \"chown\", exit = \"-EPERM\" }, assert = 'recorded', default = \"fail\" },\n]",
    ),
    (
        "audit_rules_unsuccessful_file_modification_open",
        "all = [\n{ audit_rules = { call = \"open\", exit = \"-EACCES\" }, assert = 'recorded', default = \"fail\" },\n\
         { audit_rules = { call = \"open\", exit = \"-EPERM\" }, assert = 'recorded', default = \"fail\" },\n]",
    ),
    (
        "audit_rules_unsuccessful_file_modification_openat",
        "all = [\n{ audit_rules = { call = \"openat\", exit = \"-EACCES\" }, assert = 'recorded', default = \"fail\" },\n\
         { audit_rules = { call = \"openat\", exit = \"-EPERM\" }, assert = 'recorded', default = \"fail\" },\n]",
    ),
    ("rsyslog_remote_loghost", "forward = {}\nquantifier = \"any\""),
    ("rsyslog_omfwd_tls", "forward = {}\nassert = 'encrypted'"),
    (
        "rsyslog_filecreatemode",
        "kv = { file = [\"/etc/rsyslog.conf\", \"/etc/rsyslog.d/*.conf\"], key = \"$FileCreateMode\", sep = \"space\", wins = \"all\" }\n\
         assert = 'value in [\"0640\", \"0600\"]'",
    ),
    (
        "chronyd_server_directive",
        "file = { path = \"/etc/chrony.conf\", line = \"server <source:word> [<rest:rest>]\" }",
    ),
    (
        "disable_users_coredumps",
        "file = { path = [\"/etc/security/limits.conf\", \"/etc/security/limits.d/*.conf\"], line = \"* hard|- core <n:word>\" }\n\
         assert = 'n == \"0\"'",
    ),
    (
        "accounts_max_concurrent_login_sessions",
        "file = { path = [\"/etc/security/limits.conf\", \"/etc/security/limits.d/*.conf\"], line = \"* hard|- maxlogins <n:int>\" }\n\
         assert = 'n >= 1 && n <= 10'",
    ),
    (
        "coredump_disable_storage",
        "ini = { file = [\"/etc/systemd/coredump.conf\", \"/etc/systemd/coredump.conf.d/*.conf\"], section = \"Coredump\", key = \"Storage\" }\n\
         assert = 'value == \"none\"'",
    ),
    (
        "coredump_disable_backtraces",
        "ini = { file = [\"/etc/systemd/coredump.conf\", \"/etc/systemd/coredump.conf.d/*.conf\"], section = \"Coredump\", key = \"ProcessSizeMax\" }\n\
         assert = 'value == \"0\"'",
    ),
    (
        "journald_storage",
        "ini = { file = [\"/etc/systemd/journald.conf\", \"/etc/systemd/journald.conf.d/*.conf\"], section = \"Journal\", key = \"Storage\" }\n\
         assert = 'value == \"persistent\"'",
    ),
    (
        "journald_compress",
        "ini = { file = [\"/etc/systemd/journald.conf\", \"/etc/systemd/journald.conf.d/*.conf\"], section = \"Journal\", key = \"Compress\" }\n\
         assert = 'value == \"yes\"'",
    ),
    (
        "journald_forward_to_syslog",
        "ini = { file = [\"/etc/systemd/journald.conf\", \"/etc/systemd/journald.conf.d/*.conf\"], section = \"Journal\", key = \"ForwardToSyslog\" }\n\
         assert = 'value == \"yes\"'",
    ),
];

/// Cases that rightly disagree, and why.
const KNOWN: &[(&str, &str)] = &[("filecreatemode_duplicate.fail", "said twice, and good both times")];

/// The question that a rule of sysctl is: its setting must have its value wherever it is kept.
fn sysctl(case: &Value) -> Option<String> {
    let vars = &case["template"]["vars"];
    let key = vars["sysctlvar"].as_str()?;
    let given = case["variables"].as_object().and_then(|v| v.values().find_map(Value::as_str));
    let wanted = vars["sysctlval"].as_str().or(given)?;
    let all: Vec<String> =
        wanted.split(|c: char| !c.is_ascii_digit()).filter(|v| !v.is_empty()).map(|v| format!("\"{v}\"")).collect();
    Some(format!("sysctl = {{ key = \"{key}\" }}\nassert = 'value in [{}]'", all.join(", ")))
}

/// A host with the files of a tree.
fn with(host: Memory, dir: &std::path::Path) -> Memory {
    below(dir).into_iter().fold(host, |host, (path, bytes)| host.file(&path, bytes))
}

fn verdict(question: &str, host: Memory) -> Verdict {
    let default = if question.starts_with("all") { "" } else { "default = \"fail\"\n" };
    let text = format!(
        "[[check]]\nid = \"X\"\nseverity = \"low\"\nclause = \"8.1.4.1 a)\"\ntitle = {{ zh = \"t\", en = \"t\" }}\n\
         pass = {{ zh = \"p\", en = \"p\" }}\nfail = {{ zh = \"f\", en = \"f\" }}\n[[check.when]]\nos = \"linux\"\n{question}\n{default}\
         source = \"s\"\nfix = \"f\"\ntests = [{{ expect = \"pass\" }}, {{ expect = \"fail\" }}]\n"
    );
    let loaded = policy::parse(&[("x.toml", &text)]);
    let faults: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{question}: {}", faults.join("\n"));
    let host = Host::new(Root::memory(host), 20_000);
    judge::one(&loaded.policy, &loaded.policy.checks["X"], &loaded.policy.profiles["l3"], &host).verdict
}

#[test]
fn labelled_hosts_are_judged_as_labelled() {
    let Some(collection) = collection() else {
        return;
    };
    let text = std::fs::read_to_string(collection.join("labels.json")).unwrap();
    let labels: Vec<Value> = serde_json::from_str(&text).unwrap();
    let base = with(Memory::default(), &collection.join("base-debian12"));
    let mut rules: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut wrong, mut known) = (Vec::new(), 0);
    for label in &labels {
        let (rule, expected) = (label["rule"].as_str().unwrap(), label["expected"].as_str().unwrap());
        let dir = collection.join(label["dir"].as_str().unwrap());
        let case: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("case.json")).unwrap()).unwrap();
        let asked = QUESTIONS.iter().find(|(r, _)| *r == rule).map(|(_, q)| (*q).to_owned());
        let asked = asked.or_else(|| rule.starts_with("sysctl_").then(|| sysctl(&case)).flatten());
        let Some(question) = asked else { continue };
        let host = with(base.clone(), &dir);
        let got = verdict(&question, host);
        let (agree, all) = rules.entry(rule.to_owned()).or_default();
        *all += 1;
        // Half good is no pass: a line that does not count says otherwise.
        if (got == Verdict::Pass) == (expected == "pass") && got != Verdict::Error {
            *agree += 1;
        } else if KNOWN.iter().any(|(name, _)| dir.to_string_lossy().ends_with(name)) {
            known += 1;
        } else {
            wrong.push(format!("{}: {}", dir.strip_prefix(&collection).unwrap().display(), got.as_str()));
        }
    }
    let (agree, all) = rules.values().fold((0, 0), |(a, n), (agree, all)| (a + agree, n + all));
    let table: String = rules.iter().map(|(rule, (agree, all))| format!("{rule}: {agree} of {all}\n")).collect();
    let share = (agree + known) as f64 / all.max(1) as f64;
    println!("{table}{all} cases: {agree} agree, {known} differ by name, the rest: {wrong:?}");
    assert!(all >= FEWEST, "{all} cases\n{table}");
    assert!(share >= LEAST, "{agree} and {known} of {all}\n{}\n{table}", wrong.join("\n"));
    // What is labelled a failure and passes is worse than the other way around: none beside those that are known.
    let false_passes: Vec<_> = wrong.iter().filter(|w| w.contains(".fail: pass")).collect();
    assert!(false_passes.is_empty(), "{false_passes:?}");
}
