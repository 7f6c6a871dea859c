//! Graded protection from the command line: verdicts, exit codes, no secret anywhere; and agreement with a collection
//! of real configurations, where the machine has one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fengsui::baseline::dialect::{Dialect, Snapshot, Tree};
use fengsui::baseline::judge::{self, Verdict};
use fengsui::baseline::keep::keep;
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

/// The forms of H3C.
const SECRETS_H3C: &str = "#\n version 7.1.070, Release 6328\n#\n sysname SW2\n#\n telnet server enable\n#\nradius scheme r\n\
    \x20primary authentication 10.0.0.1 key cipher MARKa\n key accounting simple MARKb\n#\n snmp-agent\n snmp-agent community read simple MARKc\n\
    \x20snmp-agent community write cipher MARKd acl 2000\n snmp-agent usm-user v3 u g simple authentication-mode sha MARKe privacy-mode aes128 MARKf\n\
    \x20snmp-agent target-host trap address udp-domain 10.0.0.1 params securityname MARKg v2c\n#\nline vty 0 63\n authentication-mode password\n\
    \x20set authentication password hash $h$6$MARKh\n set authentication password simple MARKi\n#\nlocal-user a class manage\n password hash $h$6$MARKj\n\
    \x20password cipher $c$3$MARKk\n password simple MARKl\n service-type ssh\n#\nsuper password role network-admin simple MARKm\n#\n\
    ntp-service authentication-keyid 1 authentication-mode md5 simple MARKn\n#\npublic-key peer p\n public-key-code begin\n  MARKo\n public-key-code end\n\
    #\n header motd %\nMARKp\n%\n#\nospf 1\n area 0.0.0.0\n  authentication-mode md5 1 plain MARKq\n#\nbgp 1\n peer 10.0.0.9 password simple MARKr\n#\nreturn\n";

/// The forms of Ruijie.
const SECRETS_RGOS: &str = "version RGOS 10.4(3b19)p3 Release(180891)\nhostname SW3\n!\nwebmaster level 0 username admin password 7 MARKa\n\
    username a password MARKb\nusername b privilege 15 password 7 MARKc\nusername c secret 8 $1c$MARKd$\nno service password-encryption\n\
    enable secret 5 $1$MARKe\nenable password 7 MARKf\nradius-server host 10.0.0.1 test username u idle-time 2 key MARKg\n\
    radius-server key 7 MARKh\nsnmp-server host 10.0.0.1 traps version 2c MARKi\nsnmp-server host 10.0.0.1 MARKj\nsnmp-server community MARKk rw\n\
    snmp-server user u g v3 encrypted auth md5 MARKl priv des56 MARKm\nntp authentication-key 1 md5 MARKn 7\nenable service telnet-server\n\
    line vty 0 4\n password 7 MARKo\n login\nend\n";

/// All of them.
pub(crate) const PLANTED: [&str; 4] = [SECRETS, SECRETS_IOS, SECRETS_H3C, SECRETS_RGOS];

#[expect(clippy::disallowed_methods, reason = "the program as its user starts it")]
fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fengsui")).env("LC_ALL", "C").arg("baseline").args(args).output().unwrap()
}

/// The same in 1 GiB of address space.
#[expect(clippy::disallowed_methods, reason = "the program as its user starts it")]
fn bounded(args: &[&str]) -> Output {
    let words = ["-c", "ulimit -v 1048576; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_fengsui"), "baseline"];
    Command::new("sh").args(words).args(args).env("LC_ALL", "C").output().unwrap()
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_configuration_is_judged_and_no_secret_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let all = [("a", SECRETS), ("r", SECRETS_IOS), ("h", SECRETS_H3C), ("j", SECRETS_RGOS)];
    let all = all.map(|(name, text)| file(dir.path(), &format!("{name}.cfg"), text));
    for (good, format) in all.iter().flat_map(|file| ["json", "table"].map(|format| (file, format))) {
        let done = run(&["check", "--config", good, "--format", format]);
        assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("D01") && !said.contains("MARK"), "{said}");
    }
    for text in PLANTED {
        let snapshot = Snapshot::read("a", text.as_bytes(), None).unwrap().remove(0);
        let kept = keep(&snapshot, &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"key of a test"));
        assert!(!format!("{kept:?}").contains("MARK"), "{}", kept.text);
        let marks = text.matches("MARK").count();
        let hidden = kept.text.lines().filter(|line| line.contains("***")).count();
        assert!(hidden + 2 >= marks, "{hidden} lines of {marks}: {}", kept.text);
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

/// What is known to be bad in configurations of Huawei and H3C: words of a line, and the check that finds them.
const KNOWN_BAD: &[(&str, &str)] = &[
    ("local-user admin password simple", "D01"),
    ("local-user admin password cipher", "D01"),
    ("undo info-center enable", "D34"),
    ("telnet server enable", "D17"),
    ("snmp-agent community read public", "D26"),
    ("snmp-agent community write private", "D26"),
    ("ftp server enable", "D25"),
];

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
                    let at = e.line_from as usize - 1..e.line_to as usize;
                    let raw: Vec<&str> = lines[at].iter().flat_map(|l| l.split_ascii_whitespace()).collect();
                    let mut raw = raw.into_iter();
                    let shown = e.text.split(' ').filter(|word| *word != "***" && !word.ends_with('…'));
                    for word in shown.filter(|word| !word.contains("***")) {
                        assert!(raw.any(|have| have == word), "{name}:{}: no `{word}` of {}", e.line_from, e.text);
                    }
                }
                let printed = record::object(&name, &record::finding(finding)).to_string();
                assert!(!printed.contains("password simple admin"), "{name}");
            }
            let verdict = |id: &str| findings.iter().find(|f| f.check.id == id).unwrap().verdict;
            if name.contains("session") {
                continue; // of several devices, of which one has what the text has
            }
            for (word, check) in KNOWN_BAD {
                let has =
                    text.lines().any(|line| line.trim_end().ends_with(word) || line.contains(&format!("{word} ")));
                if has {
                    println!("{name}: {check} {}", verdict(check).as_str());
                    assert_eq!(verdict(check), Verdict::Fail, "{name} has `{word}`");
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} configurations");
}

/// The commands of a part of a configuration, each with the blocks that it stands in; a banner with its text.
fn section(tree: &Tree, lines: &[&str], starts: &[String]) -> Vec<Vec<String>> {
    let text = |at: usize| {
        let node = tree.node(at);
        let own = &lines[node.line as usize - 1..node.last as usize];
        own.join("\n")
            .trim()
            .replace('\u{3}', "^C")
            .replace("login ^\n", "login ^C\n")
            .replace("\n^", "\n^C")
            .replace("^CC", "^C")
    };
    let mut found = Vec::new();
    let mut waiting: Vec<(usize, Vec<String>)> = tree.tops().map(|at| (at, Vec::new())).collect();
    waiting.retain(|(at, _)| starts.iter().any(|start| format!("{} ", tree.body(*at)).starts_with(start.as_str())));
    waiting.reverse();
    while let Some((at, above)) = waiting.pop() {
        let path: Vec<String> = above.into_iter().chain([text(at)]).collect();
        let below: Vec<usize> = tree.children(at).collect();
        waiting.extend(below.into_iter().rev().map(|child| (child, path.clone())));
        found.push(path);
    }
    found
}

/// The last words of the commands that one side has and the other has not.
fn lacking(of: &[Vec<String>], other: &[Vec<String>]) -> Vec<String> {
    of.iter().filter(|path| !other.contains(path)).filter_map(|path| path.last().cloned()).collect()
}

#[test]
fn trees_differ_where_others_say_that_configurations_do() {
    let Some(root) = collection() else {
        eprintln!("not run: FENGSUI_NETCONFIG names no collection of configurations");
        return;
    };
    let mut compared = 0;
    for (case, dialect) in [("ios_basic", Dialect::Ios), ("hp_comware_basic", Dialect::Comware)] {
        let read = |file: &str| std::fs::read_to_string(root.join("compliance-cases").join(case).join(file)).unwrap();
        let json = |file: &str| serde_json::from_str::<serde_json::Value>(&read(file)).unwrap();
        let (features, expected) = (json("features.json"), json("expected.json"));
        let [actual, intended] = ["backup.txt", "intended.txt"].map(&read);
        let tree = |text: &str| Snapshot::read(case, text.as_bytes(), Some(dialect)).unwrap().remove(0).tree;
        let (actual_tree, intended_tree) = (tree(&actual), tree(&intended));
        let [actual, intended] = [&actual, &intended].map(|text| text.split('\n').collect::<Vec<_>>());
        for feature in features.as_array().unwrap() {
            let name = feature["name"].as_str().unwrap();
            let want = &expected[name];
            let starts: Vec<String> =
                feature["section"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect();
            let have = section(&actual_tree, &actual, &starts);
            let should = section(&intended_tree, &intended, &starts);
            let (missing, extra) = (lacking(&should, &have), lacking(&have, &should));
            let same =
                if feature["ordered"] == true { have == should } else { missing.is_empty() && extra.is_empty() };
            assert_eq!(same, want["compliant"] == true, "{case} {name}: missing {missing:?}, extra {extra:?}");
            // What differs is told by the commands alone here; the blocks around them are not repeated.
            for (told, key) in [(&missing, "missing"), (&extra, "extra")] {
                let wanted = want[key].as_str().unwrap();
                assert_eq!(told.is_empty(), wanted.is_empty(), "{case} {name}: {key} {told:?}");
                assert!(told.iter().all(|line| wanted.contains(line.as_str())), "{case} {name}: {key} {told:?}");
                let leaves = wanted.lines().filter(|line| told.iter().any(|t| line.trim() == t)).count();
                assert_eq!(leaves, told.len(), "{case} {name}: {key} {told:?} against {wanted}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}

#[test]
fn hostile_texts_end_soon_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let garbage: String = (0..u32::from(u16::MAX)).map(|n| char::from_u32(n * 7 % 0xd000).unwrap_or('x')).collect();
    let large = file(dir.path(), "large", &garbage.repeat((100 << 20) / garbage.len() + 1));
    let long = file(dir.path(), "long", &format!("#\nsysname X\n#\naaa\n{}\nreturn\n", "x".repeat(10 << 20)));
    // As many blocks as a text may have lines, each in the one before up to where that makes no difference any more.
    let nested: String = (0..999_990).map(|n| format!("{}x{n}\n", " ".repeat(n % 200))).collect();
    let nested = file(dir.path(), "nested", &format!("#\nsysname X\n#\naaa\n{}return\n", &nested[..30 << 20]));
    let blocks =
        file(dir.path(), "blocks", &format!("#\nsysname X\n#\naaa\n{}return\n", " x\n  y\n".repeat(499_990)));
    let lines = file(dir.path(), "lines", &"x\n".repeat(1_000_001));
    for (path, code, said) in [
        (&large, 3, "larger than 32 MiB"),
        (&long, 3, "line 5 is longer than 64 KiB"),
        (&lines, 3, "more than 1000000 lines"),
        (&nested, 3, ""),
        // It is whole, and judged.
        (&blocks, 1, ""),
    ] {
        let done = bounded(&["check", "--config", path, "--dialect", "huawei-vrp", "--format", "json"]);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(told.contains(said), "{path}: {told}");
        assert_eq!(done.status.code(), Some(code), "{path}: {told}");
    }
}
