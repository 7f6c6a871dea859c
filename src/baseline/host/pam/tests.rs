//! Stacks as Debian and Red Hat ship them, and ones in which a module stands where nothing reaches it.

use super::super::root::{Memory, Root};
use super::super::{Datum, Host};
use super::*;

fn pam(kind: &'static str, module: &str, arg: Option<&str>, option: Option<&str>) -> Pam {
    let own = |text: &str| text.to_owned();
    Pam {
        services: vec![own("sshd"), own("none")],
        kind,
        modules: vec![own(module)],
        arg: arg.map(own),
        option: option.map(own),
    }
}

/// Rows as `VALUE(good reached, bad reached, fatal)@FILE:LINE`.
fn rows(pam: &Pam, files: Memory) -> String {
    let mut found = Found::default();
    let done = pam.gather(&Host::new(Root::memory(files), 0), &mut found);
    let one = |row: &Row| {
        let get = |name: &str| row.values.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let flags: String = ["on_success", "on_failure", "fatal"]
            .iter()
            .zip(["s", "f", "!"])
            .filter(|(name, _)| get(name) == Some(Datum::Bool(true)))
            .map(|(_, short)| short)
            .collect();
        let value = match get("value") {
            Some(Datum::Text(text)) => text,
            _ => String::new(),
        };
        format!("{value}({flags})@{}:{} ", row.proof.file, row.proof.line_from)
    };
    let unseen = found.unseen.iter().chain(done.as_ref().err()).map(|u| format!("!{u} "));
    let all: String = found.rows.iter().map(one).chain(unseen).collect();
    all.replace("/etc/pam.d/", "").replace("/etc/security/", "").trim_end().to_owned()
}

const RED_HAT: &str = "auth required pam_env.so\nauth required pam_faillock.so preauth silent\n\
    auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\nauth sufficient pam_unix.so nullok\n\
    auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\nauth sufficient pam_sss.so forward_pass\n\
    auth required pam_faillock.so authfail deny=4\nauth required pam_deny.so\naccount required pam_faillock.so\n\
    account required pam_unix.so\npassword requisite pam_pwquality.so local_users_only\npassword sufficient pam_unix.so sha512\n";

fn red_hat() -> Memory {
    Memory::default()
        .file("/etc/pam.d/sshd", "#%PAM-1.0\nauth substack password-auth\nauth include postlogin\naccount include password-auth\npassword include password-auth\n")
        .file("/etc/pam.d/postlogin", "")
        .file("/etc/pam.d/password-auth", RED_HAT)
}

#[test]
fn a_complete_lockout_is_reached_where_it_must_be() {
    assert_eq!(rows(&pam("auth", "pam_faillock", Some("preauth"), None), red_hat()), "(sf!)@password-auth:2");
    assert_eq!(rows(&pam("auth", "pam_faillock", Some("authfail"), None), red_hat()), "(f)@password-auth:7");
    assert_eq!(rows(&pam("account", "pam_faillock", None, None), red_hat()), "(sf!)@password-auth:9");
    assert_eq!(rows(&pam("password", "pam_pwquality", None, None), red_hat()), "(sf!)@password-auth:11");
    assert_eq!(rows(&pam("auth", "pam_wheel", None, None), red_hat()), "()@sshd:0");
}

#[test]
fn a_jump_leaves_out_what_it_jumps_over() {
    let with = |auth: &str| {
        Memory::default().file("/etc/pam.d/sshd", "@include common-auth\n").file("/etc/pam.d/common-auth", auth)
    };
    let good = "auth [success=1 default=bad] pam_unix.so\nauth [default=die] pam_faillock.so authfail\nauth sufficient \\\n pam_faillock.so authsucc\n";
    assert_eq!(rows(&pam("auth", "pam_faillock", Some("authfail"), None), with(good)), "(f)@common-auth:2");
    assert_eq!(rows(&pam("auth", "pam_faillock", Some("authsucc"), None), with(good)), "(s)@common-auth:3");
    let never = "auth sufficient pam_unix.so\nauth requisite pam_deny.so\nauth required pam_faillock.so authfail\n";
    assert_eq!(rows(&pam("auth", "pam_faillock", None, None), with(never)), "()@common-auth:3");
    let over = "auth [success=2 default=2] pam_unix.so\nauth required pam_faillock.so authfail\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
    assert_eq!(rows(&pam("auth", "pam_faillock", None, None), with(over)), "()@common-auth:2");
}

#[test]
fn an_option_is_on_the_line_in_the_file_or_a_default() {
    let files = || {
        red_hat().file("/etc/security/faillock.conf", "# deny = 9\ndeny = 5\nunlock_time=never # x\neven_deny_root\n")
    };
    assert_eq!(
        rows(&pam("auth", "pam_faillock", None, Some("deny")), files()),
        "5(sf!)@faillock.conf:2 4(f)@password-auth:7"
    );
    assert_eq!(
        rows(&pam("account", "pam_faillock", None, Some("unlock_time")), files()),
        "never(sf!)@faillock.conf:3"
    );
    assert_eq!(
        rows(&pam("account", "pam_faillock", None, Some("even_deny_root")), files()),
        "1(sf!)@faillock.conf:4"
    );
    assert_eq!(rows(&pam("account", "pam_faillock", None, Some("deny")), red_hat()), "3(sf!)@password-auth:9");
    let quality = red_hat()
        .file("/etc/security/pwquality.conf.d/a.conf", "minlen = 14\nminclass = 3\n")
        .file("/etc/security/pwquality.conf", "minlen = 9\n");
    assert_eq!(rows(&pam("password", "pam_pwquality", None, Some("minlen")), quality), "9(sf!)@pwquality.conf:1");
}

#[test]
fn what_is_not_there_is_said_and_circles_end() {
    let files = Memory::default().file("/etc/pam.d/sshd", "@include common-auth\n");
    assert_eq!(rows(&pam("auth", "pam_unix", None, None), files), "!there is no common-auth");
    let files = Memory::default().file("/etc/pam.d/sshd", "auth include sshd\n");
    assert!(rows(&pam("auth", "pam_unix", None, None), files).contains("too many links"));
}
