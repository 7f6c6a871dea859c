//! The shipped host checks on their own tests, what cannot be seen, and host policies that are refused.

use super::judge::{TEST_DAY, judge, one};
use super::root::{Memory, Root};
use super::*;
use crate::baseline::judge::vectors;
use crate::baseline::policy::{self, Policy};
use crate::baseline::record::{self, object};

fn shipped() -> Policy {
    let loaded = policy::load(&[]);
    let faults: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    loaded.policy
}

fn host(files: Memory) -> Host {
    Host::new(Root::memory(files), TEST_DAY)
}

/// The verdict of a check of one's own on a host, with the lines that prove it.
fn verdict(when: &str, files: Memory) -> String {
    let text = format!(
        "[[check]]\nid = \"X\"\nseverity = \"low\"\nclause = \"8.1.4.1 a)\"\ntitle = {{ zh = \"t\", en = \"t\" }}\n\
         pass = {{ zh = \"p\", en = \"p\" }}\nfail = {{ zh = \"f\", en = \"f\" }}\n[[check.when]]\n{when}\nsource = \"s\"\n\
         fix = \"f\"\ntests = [{{ expect = \"pass\" }}, {{ expect = \"fail\" }}]\n"
    );
    let loaded = policy::parse(&[("x.toml", &text)]);
    let faults: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let finding = one(&loaded.policy, &loaded.policy.checks["X"], &loaded.policy.profiles["l3"], &host(files));
    let lines = finding.evidence.iter().map(|e| format!(" {}:{}", e.file, e.line_from)).collect::<String>();
    format!("{}{lines}", finding.verdict.as_str())
}

#[test]
fn every_vector_of_every_host_check_holds() {
    let policy = shipped();
    let hosts = policy.checks.values().filter(|c| !c.hosts.is_empty());
    let wrong: Vec<String> = hosts.flat_map(|check| vectors(&policy, check)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_program_s_own_rule_says_which_line_counts() {
    let files =
        || Memory::default().file("/etc/a", "k = 1\n#k = 2\nK = 3\n k = \"4\"\n").file("/etc/a.d/x", "k = 5\n");
    let kv = |rest: &str| {
        format!(
            "os = \"linux\"\nkv = {{ file = [\"/etc/a\", \"/etc/a.d/*\"], key = \"k\", sep = \"=\", {rest} }}\nassert = \"number == 4\"\ndefault = \"na\""
        )
    };
    assert_eq!(verdict(&kv("wins = \"first\""), files()), "fail /etc/a:1");
    assert_eq!(verdict(&kv("wins = \"last\""), files()), "fail /etc/a.d/x:1");
    assert_eq!(verdict(&kv("wins = \"all\""), files()), "fail /etc/a:1 /etc/a.d/x:1");
    assert_eq!(
        verdict(&kv("wins = \"all\", case = \"any\""), Memory::default().file("/etc/a", "K=4\n")),
        "pass /etc/a:1"
    );
    assert_eq!(verdict(&kv("wins = \"last\""), Memory::default()), "na");
}

#[test]
fn sections_and_lines_are_found() {
    let files = Memory::default().file("/etc/j.conf", "[A]\nS=x\n[B]\nS=auto\nS=persistent\n");
    let ini = "os = \"linux\"\nini = { file = \"/etc/j.conf\", section = \"B\", key = \"S\" }\nassert = 'value == \"persistent\"'\ndefault = { value = \"auto\" }";
    assert_eq!(verdict(ini, files), "partial /etc/j.conf:5 /etc/j.conf:4");
    assert_eq!(
        verdict(ini, Memory::default().file("/etc/j.conf", "[A]\nS=x\n[B]\nS=persistent\n")),
        "pass /etc/j.conf:4"
    );
    assert_eq!(verdict(ini, Memory::default().file("/etc/j.conf", "[A]\nS=persistent\n")), "fail");
    let line = "os = \"linux\"\nfile = { path = \"/etc/c\", line = \"server <a:word> [<r:rest>]\" }\nassert = 'a == \"ntp1\"'\ndefault = \"fail\"";
    assert_eq!(verdict(line, Memory::default().file("/etc/c", "# server x\nserver ntp1 iburst\n")), "pass /etc/c:2");
}

/// Verdict, sentence and lines of a shipped check.
fn said(id: &str, files: Memory) -> (&'static str, String, Vec<String>) {
    let policy = shipped();
    let finding = record::finding(&one(&policy, &policy.checks[id], &policy.profiles["l3"], &host(files)));
    let lines = finding.evidence.iter().map(|e| format!("{}:{} {}", e.file, e.line_from, e.text));
    (finding.result.as_str(), finding.record.zh.clone(), lines.collect())
}

#[test]
fn a_line_that_says_otherwise_is_shown_though_it_does_not_count() {
    let main = "/etc/ssh/sshd_config";
    let (verdict, zh, lines) =
        said("H19", Memory::default().file(main, "PermitRootLogin no\n\nPermitRootLogin yes\n"));
    assert_eq!(verdict, "partial");
    assert_eq!(zh, "部分符合：禁止 root 通过 SSH 直接登录（/etc/ssh/sshd_config 第 3 行另有相反设置，现未生效）");
    assert_eq!(lines, ["/etc/ssh/sshd_config:1 PermitRootLogin no", "/etc/ssh/sshd_config:3 PermitRootLogin yes"]);
    // A drop-in is there to override its main file, and a distribution's own file is there to be overridden.
    let dropin = Memory::default()
        .file(main, "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\n")
        .file("/etc/ssh/sshd_config.d/a.conf", "PermitRootLogin no\n");
    assert_eq!(said("H19", dropin).0, "pass");
    let vendor = Memory::default()
        .file("/usr/lib/sysctl.d/10.conf", "fs.protected_hardlinks = 0\nfs.protected_symlinks = 1\n")
        .file("/etc/sysctl.d/99.conf", "fs.protected_hardlinks = 1\n");
    assert_eq!(said("H97", vendor.clone()).0, "pass");
    assert_eq!(said("H97", vendor.file("/etc/sysctl.d/98.conf", "fs.protected_hardlinks = 0\n")).0, "partial");
    let sudo = "a ALL=(ALL) NOPASSWD: ALL\na ALL=(ALL) ALL\n";
    assert_eq!(said("H33", Memory::default().file("/etc/sudoers", sudo)).0, "partial");
}

#[test]
fn what_only_a_default_says_is_said_to_be_that() {
    let (verdict, zh, lines) =
        said("H20", Memory::default().file("/etc/ssh/sshd_config", "#PermitEmptyPasswords no\n"));
    assert_eq!(verdict, "partial");
    assert_eq!(zh, "部分符合：SSH 禁止空口令登录（未显式配置，仅取决于当前版本的默认值）");
    assert_eq!(lines, ["/etc/ssh/sshd_config:0 PermitEmptyPasswords no (default)"]);
}

#[test]
fn a_variant_is_for_its_family() {
    let when = "os = \"linux-rpm\"\nfile = { path = \"/etc/x\" }\nassert = \"exists\"\ndefault = \"fail\"";
    let with = |release: &str| Memory::default().file("/etc/os-release", release).file("/etc/x", "");
    assert_eq!(verdict(when, with("ID=\"centos\"\n")), "pass /etc/x:0");
    assert_eq!(verdict(when, with("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n")), "manual");
    assert_eq!(verdict(when, with("ID=kylin\n").dir("/var/lib/rpm")), "pass /etc/x:0");
    assert_eq!(verdict(when, with("ID=kylin\n").file("/var/lib/dpkg/status", "")), "manual");
}

#[test]
fn what_cannot_be_seen_never_passes() {
    let when =
        "os = \"linux\"\nkv = { file = \"/etc/a\", key = \"k\", sep = \"=\", wins = \"last\" }\ndefault = \"pass\"";
    assert_eq!(verdict(when, Memory::default()), "pass");
    assert_eq!(verdict(when, Memory::default().link("/etc/a", "a")), "error");
    assert_eq!(verdict(when, Memory::default().dir("/etc/a")), "error");
    let gone = format!("{when}\napplies = [\"/usr/sbin/x\", \"/etc/y\"]");
    assert_eq!(verdict(&gone, Memory::default()), "na");
    assert_eq!(verdict(&gone, Memory::default().link("/etc/y", "y")), "error");
    let policy = shipped();
    let empty = tempfile::tempdir().unwrap();
    let host = Host::new(Root::open(empty.path()).unwrap(), TEST_DAY);
    for finding in judge(&policy, &policy.profiles["l3"], &host) {
        let printed = object("h", &record::finding(&finding)).to_string();
        assert!(printed.starts_with(&format!("{{\"check\":\"{}\",\"asset\":\"h\"", finding.check.id)), "{printed}");
    }
}

#[test]
fn devices_and_hosts_are_asked_their_own() {
    let policy = shipped();
    let findings = judge(&policy, &policy.profiles["l3"], &host(Memory::default()));
    assert!(findings.iter().all(|f| !f.check.hosts.is_empty()));
    assert!(findings.iter().any(|f| f.check.id == "H08"));
}

#[test]
fn a_wrong_host_policy_is_refused_with_place_and_remedy() {
    let head = "[[check]]\nid = \"X\"\n[[check.when]]\nos = \"linux\"\nsource = \"s\"\nfix = \"f\"\n";
    for (rest, want) in [
        ("kv_ = { }", "it asks for nothing"),
        ("kv = { file = \"etc/a\", key = \"k\", sep = \"=\", wins = \"last\" }", "`etc/a` is no path from the root"),
        ("kv = { file = \"/etc/a\", key = \"k\", sep = \"=\" }", "lacks `wins`"),
        ("kv = { file = \"/etc/a\", kye = \"k\" }", "x.toml:7: unknown key `kye` in `kv`; did you mean `key`?"),
        ("file = { path = \"/etc/a\", most = \"rw\" }", "`rw` is no mode"),
        ("file = { path = \"/etc/a\" }", "lacks `default`"),
        ("file = { path = \"/etc/a\" }\ndefault = { mod = \"0600\" }", "x.toml:8: no value `mod`"),
        ("file = { path = \"/etc/a\" }\ndefault = \"na\"\nassert = \"exist\"", "x.toml:9: unknown name `exist`"),
        ("file = { path = \"/etc/a\" }\ndefault = \"na\"", "a variant without a test"),
        (
            "file = { path = \"/etc/a\" }\ndefault = \"na\"\nassrt = \"exists\"\ntests = [{ expect = \"pass\" }, { expect = \"fail\", file = 1 }]",
            "unknown key `assrt`",
        ),
    ] {
        let found: Vec<String> = policy::parse(&[("x.toml", &format!("{head}{rest}"))])
            .diagnostics
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(found.iter().any(|d| d.contains(want)), "{rest} gave\n{}", found.join("\n"));
    }
}
