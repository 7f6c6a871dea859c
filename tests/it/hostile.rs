//! Hosts that nobody should have: files of garbage, includes in circles, links that lead out, lines and directories without
//! end. Every check is put to them; each ends soon, says what it could not see, and nothing of another host.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use fengsui::baseline::host::root::Root;
use fengsui::baseline::host::{Host, judge};
use fengsui::baseline::judge::Verdict;
use fengsui::baseline::policy;

fn put(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Verdict and reason of each check. What has no bound does not come back before the test is ended.
fn judged(root: &Path) -> Vec<(String, Verdict, String)> {
    let policy = policy::load(&[]).policy;
    let host = Host::new(Root::open(root).unwrap(), 20_000);
    let all = judge::judge(&policy, &policy.profiles["l3"], &host);
    let said = all.iter().map(|f| {
        let evidence: String = f.evidence.iter().map(|e| e.text.as_str()).collect();
        (f.check.id.clone(), f.verdict, format!("{} {} {evidence}", f.why.en, f.block))
    });
    let said: Vec<_> = said.collect();
    assert!(said.len() > 60, "{} checks", said.len());
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
    put(root, "etc/login.defs", format!("PASS_MAX_DAYS 90 {}\n", "x".repeat(10 << 20)));
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
    let (ages, why) = verdict(&said, "H06");
    assert!(ages == Verdict::Error && why.contains("too large"), "{ages:?} {why}");
}

/// Files that include the next one many times over: sixteen levels of ten are more than any machine reads.
#[test]
fn includes_that_multiply_end_with_what_they_may_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "etc/os-release", "ID=debian\n");
    put(root, "etc/passwd", "root:x:0:0::/root:/bin/bash\n");
    put(root, "usr/sbin/mysqld", "");
    let many = |line: &dyn Fn(u32) -> String, n: u32| line(n + 1).repeat(if n == 0 { 100_000 } else { 10 });
    for n in 0..16 {
        let pam = |n: u32| format!("@include l{n}\n");
        put(root, &format!("etc/pam.d/{}", if n == 0 { "sshd".to_owned() } else { format!("l{n}") }), many(&pam, n));
        let log = |n: u32| format!("include /etc/lr/{n}\n");
        put(root, &if n == 0 { "etc/logrotate.conf".to_owned() } else { format!("etc/lr/{n}") }, many(&log, n));
        let sudo = |n: u32| format!("@include /etc/su/{n}\n");
        put(root, &if n == 0 { "etc/sudoers".to_owned() } else { format!("etc/su/{n}") }, many(&sudo, n));
        let sshd = |n: u32| format!("Include /etc/sd/{n}\n");
        put(root, &if n == 0 { "etc/ssh/sshd_config".to_owned() } else { format!("etc/sd/{n}") }, many(&sshd, n));
        let syslog = |n: u32| format!("$IncludeConfig /etc/rs/{n}\n");
        put(root, &if n == 0 { "etc/rsyslog.conf".to_owned() } else { format!("etc/rs/{n}") }, many(&syslog, n));
        let mysql = |n: u32| format!("!include /etc/my/{n}\n");
        put(root, &if n == 0 { "etc/my.cnf".to_owned() } else { format!("etc/my/{n}") }, many(&mysql, n));
    }
    // Blocks without end beside them.
    put(root, "opt/tomcat9/conf/server.xml", "<a>".repeat(1_000_000));
    for path in ["etc/pam.d/l16", "etc/lr/16", "etc/su/16", "etc/sd/16", "etc/rs/16", "etc/my/16"] {
        put(root, path, "");
    }
    let said = judged(root);
    for id in ["H12", "H56", "H33", "H19", "H55", "HM01"] {
        let (verdict, why) = verdict(&said, id);
        assert!(verdict == Verdict::Error && why.contains("too large"), "{id}: {verdict:?} {why}");
    }
    let (tomcat, why) = verdict(&said, "HT01");
    assert!(tomcat == Verdict::Error && why.contains("deep"), "{tomcat:?} {why}");
}
