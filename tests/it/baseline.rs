//! Graded protection from the command line: verdicts, exit codes, no secret anywhere; and agreement with a collection
//! of real configurations, where the machine has one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fengsui::baseline::dialect::{Dialect, Snapshot};
use fengsui::baseline::judge::{self, Verdict};
use fengsui::baseline::{policy, record};

/// A configuration with a secret of every form; `MARK` stands in each.
const SECRETS: &str = "#\nsysname SW1\n#\nsnmp-agent\nsnmp-agent community read MARKa\nsnmp-agent community write cipher %^%#MARKb%^%#\n\
    snmp-agent usm-user v3 u authentication-mode md5 cipher %#%#MARKc%#%#\n#\nsuper password level 15 simple MARKd\n#\naaa\n\
    \x20local-user a password simple MARKe\n local-user b password cipher %$%$MARKf%$%$\n\
    \x20local-user c password irreversible-cipher $1c$MARKg$ privilege level 15\n#\nuser-interface vty 0 4\n\
    \x20authentication-mode password\n set authentication password cipher %@%@MARKh%@%@\n#\nntp-service authentication-keyid 1 \
    authentication-mode md5 MARKi\nreturn\n";

/// The same in the forms of Cisco and Ruijie.
const SECRETS_IOS: &str = "!\nversion 15.2\nhostname R1\n!\nenable secret 5 $1$MARKa\nenable password 7 MARKb\n!\nusername a secret 9 $9$MARKc\n\
    username b privilege 15 password 0 MARKd\n!\nsnmp-server community MARKe RO 10\nsnmp-server community MARKf view v RW\n\
    snmp-server user u g v3 auth sha MARKg priv aes 128 MARKh\nsnmp-server host 10.0.0.1 version 2c MARKi\n!\ntacacs-server key 7 MARKj\n\
    radius-server host 10.0.0.2 key MARKk\n!\ninterface GigabitEthernet0/0\n ip address 10.0.0.1 255.255.255.0\n\
    \x20ip ospf message-digest-key 1 md5 7 MARKl\n ip ospf authentication-key MARKm\n!\nrouter ospf 1\nrouter bgp 1\n neighbor 10.0.0.9 password MARKn\n!\n\
    ntp authentication-key 1 md5 MARKo 7\nntp server 10.0.0.3\n!\nline vty 0 4\n password 7 MARKp\n login\n transport input telnet\nend\n";

#[expect(clippy::disallowed_methods, reason = "the program as its user starts it")]
fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fengsui")).env("LC_ALL", "C").arg("baseline").args(args).output().unwrap()
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_configuration_is_judged_and_no_secret_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let both = [file(dir.path(), "a.cfg", SECRETS), file(dir.path(), "r.cfg", SECRETS_IOS)];
    for (good, format) in both.iter().flat_map(|file| ["json", "table"].map(|format| (file, format))) {
        let done = run(&["check", "--config", good, "--format", format]);
        assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("D01") && !said.contains("MARK"), "{said}");
    }
    let cut = file(
        dir.path(),
        "b.cfg",
        "#\nsysname SW1\n#\naaa\n local-user b password cipher MARK\n#\nuser-interface vty 0 4\n",
    );
    let said = String::from_utf8(run(&["check", "--config", &cut, "--format", "json"]).stdout).unwrap();
    let d25 = said.lines().find(|l| l.contains("\"D25\"")).unwrap();
    assert!(d25.contains("\"result\":\"error\"") && d25.contains("end marker"), "{d25}");
    let none = file(dir.path(), "c.cfg", "MARK nothing of a device\n");
    let done = run(&["check", "--config", &none]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(
        (done.status.code(), said.contains("--dialect"), said.contains("MARK")),
        (Some(3), true, false),
        "{said}"
    );
}

#[test]
fn the_shipped_policy_is_sound_and_explained() {
    let done = run(&["test"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(run(&["explain", "d06"]).stdout).unwrap();
    for word in ["28448-2019:L3-CES1-02", "huawei-vrp", "idle-timeout", "source", "pass"] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(run(&["explain", "D99"]).status.code(), Some(2));
}

#[test]
fn a_directory_is_judged_as_a_host_and_no_secret_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    for (name, text) in [
        ("hostname", "db1\n"),
        ("os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n"),
        ("passwd", "root:x:0:0::/root:/bin/bash\nold:$1$MARKa$MARKb:1000:1000::/home/old:/bin/bash\n"),
        ("shadow", "root:$1$MARKc$MARKd:19000:0:99999:7:::\nnone::19000:0:99999:7:::\n"),
        ("group", "root:x:0:\n"),
        ("ssh/sshd_config", "PermitRootLogin yes\nMatch User MARK-is-no-secret\n"),
        ("sudoers", "%ops ALL=(ALL) NOPASSWD: ALL\n"),
        ("login.defs", "PASS_MAX_DAYS 99999\n"),
    ] {
        let path = etc.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink("/etc/shadow", etc.join("nologin")).unwrap();
    let (root, file) = (dir.path().display().to_string(), dir.path().join("out.json"));
    let args = ["check", "--host", "--root", &root, "--format", "json", "--out", file.to_str().unwrap()];
    let done = run(&args);
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).unwrap();
    let written = std::fs::read_to_string(&file).unwrap();
    for text in [&said, &written] {
        assert!(!["MARKa", "MARKb", "MARKc", "MARKd"].iter().any(|mark| text.contains(mark)), "{text}");
    }
    let of = |check: &str| said.lines().find(|l| l.contains(&format!("\"{check}\""))).unwrap_or_default().to_owned();
    for check in ["H04", "H05", "H06", "H19", "H33"] {
        assert!(of(check).contains("\"asset\":\"db1\",\"result\":\"fail\""), "{check}: {}", of(check));
    }
    assert!(of("H19").contains("{\"file\":\"/etc/ssh/sshd_config\",\"line_from\":1"), "{}", of("H19"));
    assert!(of("H46").contains("\"result\":\"na\""), "{}", of("H46"));
    assert!(of("D06").is_empty());
    let inspection: fengsui::model::finding::Inspection = serde_json::from_str(&written).unwrap();
    assert_eq!((inspection.wrong(), inspection.findings.len()), (None, said.lines().count()));
    let empty = dir.path().join("home");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(run(&["check", "--host", "--root", empty.to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(run(&["check", "--host", "--config", "x"]).status.code(), Some(2));
    assert!(String::from_utf8(run(&["explain", "h13"]).stdout).unwrap().contains("pam_faillock(8)"));
}

/// Where a collection of configurations is, with a directory a dialect.
#[expect(clippy::disallowed_methods, reason = "only a test machine knows where its collection is")]
fn collection() -> Option<PathBuf> {
    std::env::var_os("FENGSUI_NETCONFIG").map(PathBuf::from)
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn every_real_configuration_gets_a_verdict_with_its_lines() {
    let Some(root) = collection() else {
        eprintln!("not run: FENGSUI_NETCONFIG names no collection of configurations");
        return;
    };
    let policy = policy::load(&[]).policy;
    let (mut files, mut seen) = (Vec::new(), 0);
    ["huawei-vrp", "h3c-comware"].iter().for_each(|d| below(&root.join(d), &mut files));
    for path in files.iter().filter(|p| !p.to_string_lossy().contains("display-diff")) {
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.split('\n').collect();
        let name = path.display().to_string();
        for snapshot in Snapshot::read(&name, &bytes, None).unwrap_or_else(|e| panic!("{name}: {e}")) {
            seen += 1;
            let huawei = matches!(snapshot.dialect, Dialect::Vrp | Dialect::Vrp8);
            assert_eq!(huawei, name.contains("huawei-vrp"), "{name}");
            let findings = judge::judge(&policy, &policy.profiles["l3"], &snapshot);
            assert_eq!(findings.len(), policy.checks.values().filter(|c| !c.variants.is_empty()).count());
            for finding in &findings {
                for e in &finding.evidence {
                    let first = e.text.split(' ').next().unwrap_or("");
                    let line = lines[e.line_from as usize - 1];
                    assert!(line.trim().starts_with(first), "{name}:{}: {line} is not {}", e.line_from, e.text);
                }
                let printed = record::object(&name, &record::finding(finding)).to_string();
                assert!(!printed.contains("password simple admin"), "{name}");
            }
            let verdict = |id: &str| findings.iter().find(|f| f.check.id == id).unwrap().verdict;
            if text.contains("password simple") && snapshot.tree.len() > 1 && !name.contains("session") {
                assert_eq!(verdict("D01"), Verdict::Fail, "{name}");
            }
            if text.contains("undo info-center enable") && !name.contains("session") {
                assert_eq!(verdict("D34"), Verdict::Fail, "{name}");
            }
        }
    }
    assert!(seen > 40, "only {seen} configurations");
}
