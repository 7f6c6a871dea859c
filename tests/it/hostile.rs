//! Hosts that nobody should have: files of garbage, includes in circles, links that lead out, lines and directories without
//! end. Every check is put to them; each ends soon, says what it could not see, and nothing of another host.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use fengsui::baseline::host::root::Root;
use fengsui::baseline::host::{Host, judge};
use fengsui::baseline::judge::Verdict;
use fengsui::baseline::policy;

/// All checks on one root, debug build and busy machine included.
const LIMIT: Duration = Duration::from_secs(60);

fn put(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Verdict and reason of each check.
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn judged(root: &Path) -> Vec<(String, Verdict, String)> {
    let begun = Instant::now();
    let policy = policy::load(&[]).policy;
    let host = Host::new(Root::open(root).unwrap(), 20_000);
    let all = judge::judge(&policy, &policy.profiles["l3"], &host);
    let said = all.iter().map(|f| {
        let evidence: String = f.evidence.iter().map(|e| e.text.as_str()).collect();
        (f.check.id.clone(), f.verdict, format!("{} {} {evidence}", f.why.en, f.block))
    });
    let said: Vec<_> = said.collect();
    assert!(said.len() > 60, "{} checks", said.len());
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    said
}

fn verdict<'a>(said: &'a [(String, Verdict, String)], id: &str) -> (Verdict, &'a str) {
    let (_, verdict, why) = said.iter().find(|(i, ..)| i == id).unwrap();
    (*verdict, why)
}

#[test]
fn garbage_without_end_is_not_judged() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "etc/os-release", "ID=debian\n");
    // Sparse files are as long for a reader as others.
    for path in [
        "etc/nginx/nginx.conf",
        "etc/apache2/apache2.conf",
        "etc/mysql/my.cnf",
        "etc/rsyslog.conf",
        "etc/logrotate.conf",
        "etc/audit/rules.d/a.rules",
        "etc/sysctl.d/a.conf",
        "etc/ssh/sshd_config",
        "etc/sudoers",
        "var/lib/dpkg/status",
        "usr/sbin/mysqld",
    ] {
        put(root, path, "");
        std::fs::File::options().write(true).open(root.join(path)).unwrap().set_len(100 << 20).unwrap();
    }
    let said = judged(root);
    for id in ["HN01", "HA01", "HM02", "H55", "H49", "H64", "H59"] {
        let (verdict, why) = verdict(&said, id);
        assert!(verdict == Verdict::Error && why.contains("too large"), "{id}: {verdict:?} {why}");
    }
}

#[test]
fn circles_and_links_that_lead_out_end() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.conf"), "server_tokens MARK;\n").unwrap();
    let root = dir.path();
    put(root, "etc/os-release", "ID=debian\n");
    put(root, "etc/nginx/nginx.conf", "http {\ninclude conf.d/*.conf;\nserver { listen 80; }\n}\n");
    std::fs::create_dir_all(root.join("etc/nginx/conf.d")).unwrap();
    symlink(outside.path().join("secret.conf"), root.join("etc/nginx/conf.d/a.conf")).unwrap();
    symlink("../../../../../../../../../etc/passwd", root.join("etc/nginx/conf.d/b.conf")).unwrap();
    symlink("loop2", root.join("etc/loop1")).unwrap();
    symlink("loop1", root.join("etc/loop2")).unwrap();
    symlink("loop1", root.join("etc/passwd")).unwrap();
    put(root, "etc/apache2/apache2.conf", "Include apache2.conf\nServerTokens Prod\n");
    put(
        root,
        "etc/logrotate.conf",
        "include /etc/logrotate.conf\ninclude /etc/logrotate.d\n/var/log/syslog {\n rotate 999\n daily\n}\n",
    );
    put(root, "etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.conf\n$IncludeConfig /etc/*.conf\n");
    put(root, "etc/mysql/my.cnf", "!include /etc/mysql/my.cnf\n!includedir /etc/mysql\n[mysqld]\nlocal_infile=0\n");
    put(root, "usr/sbin/mysqld", "");
    put(root, "etc/ssh/sshd_config", "Include /etc/ssh/sshd_config\nPermitRootLogin no\n");
    put(root, "etc/sudoers", "@include /etc/sudoers\n@includedir /etc\n");
    put(root, "etc/pam.d/common-auth", "@include common-auth\nauth include common-auth\nauth substack common-auth\n");
    symlink("a.conf", root.join("etc/b.conf")).unwrap();
    symlink("b.conf", root.join("etc/a.conf")).unwrap();
    let said = judged(root);
    assert!(said.iter().all(|(.., why)| !why.contains("MARK")));
    let (verdict_of_apache, why) = verdict(&said, "HA01");
    assert!(verdict_of_apache == Verdict::Error && why.contains("circle"), "{why}");
    assert_eq!(verdict(&said, "HM02").0, Verdict::Pass);
    assert_ne!(verdict(&said, "H55").0, Verdict::Pass);
}

#[test]
fn lines_and_directories_without_end_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "etc/os-release", "ID=debian\n");
    let long = format!("{}\n", "x".repeat(7 << 20));
    put(root, "etc/nginx/nginx.conf", &long);
    put(root, "etc/sysctl.d/a.conf", format!("net.ipv4.ip_forward={long}"));
    let mut blocks = String::new();
    for n in 0..1_000_000 {
        let _ = write!(blocks, "{n}{{");
    }
    put(root, "etc/syslog-ng/syslog-ng.conf", &blocks);
    put(root, "etc/audit/rules.d/a.rules", "-a always,exit -S x -k y\n".repeat(250_000));
    for n in 0..21_000 {
        std::fs::create_dir_all(root.join("etc/rsyslog.d")).unwrap();
        std::fs::File::create(root.join(format!("etc/rsyslog.d/{n}.conf"))).unwrap();
    }
    put(root, "etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n");
    let said = judged(root);
    let (forward, why) = verdict(&said, "H55");
    assert!(forward == Verdict::Error && (why.contains("deep") || why.contains("too large")), "{forward:?} {why}");
    assert_ne!(verdict(&said, "H64").0, Verdict::Pass);
}
