//! Bad input: each ends in one clear line with a remedy and the exit code of the design; nothing is lost.

use std::process::Output;

use crate::rig::{Site, fengsui, text};

/// Exit code and the words that must stand in the message.
fn check(what: &str, output: &Output, code: i32, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {said}{}", text(&output.stdout));
    for word in words {
        assert!(said.contains(word) || text(&output.stdout).contains(word), "{what} does not say `{word}`: {said}");
    }
    assert!(!said.contains("panicked"), "{what}: {said}");
}

#[test]
fn definitions_that_are_wrong_are_named_with_file_line_and_hint() {
    let site = Site::new();
    let probe = "[[probe]]\nid = \"x\"\nkind = \"tcp\"\non = \"asset\"\n";
    for (what, definition, words) in [
        ("unknown key", format!("{probe}intervall = \"1s\"\n"), &["bad.toml:5", "intervall", "interval"][..]),
        ("wrong type", format!("{probe}interval = 5\n"), &["bad.toml:5", "interval"]),
        ("bad expression", format!("{probe}where = 'asset.kind =='\n"), &["bad.toml:5", "where"]),
        ("unknown name", format!("{probe}where = 'asset.kindd == \"host\"'\n"), &["bad.toml:5", "kindd", "kind"]),
        ("unknown kind", probe.replace("tcp", "tpc"), &["bad.toml:3", "tpc", "tcp"]),
        ("duplicate id", format!("{probe}\n{probe}"), &["bad.toml:6", "x"]),
    ] {
        site.write("defs/probes/bad.toml", &definition);
        check(what, &fengsui(&["check", &site.arg("defs")]), 2, words);
        let data = site.arg("data");
        let start = ["up", "--data", &data, "--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"];
        let up = fengsui(&[&start[..], &["--definitions", &site.arg("defs")]].concat());
        check(what, &up, 2, words);
        assert!(!site.path("data/core.db").exists(), "{what}: nothing was begun");
    }
}

#[test]
fn a_directory_of_settings_inventory_and_definitions_is_checked_file_by_file() {
    let site = Site::new();
    site.write("etc/console.toml", "listen = \"127.0.0.1:8080\"\n");
    site.write("etc/inventory.toml", "[[region]]\nid = \"652900\"\nname = \"阿克苏地区\"\ntier = \"prefecture\"\n");
    site.write(
        "etc/probes/own.toml",
        "[[probe]]\nid = \"own\"\nkind = \"tcp\"\non = \"asset\"\ninterval = \"10s\"\n",
    );
    let good = fengsui(&["check", &site.arg("etc")]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    site.write("etc/console.toml", "listne = \"127.0.0.1:8080\"\nnames = []\n");
    check("settings", &fengsui(&["check", &site.arg("etc")]), 2, &["console.toml:1", "listne", "listen"]);
}

#[test]
fn files_and_references_that_are_missing_are_named() {
    let site = Site::new();
    let data = site.arg("data");
    let start = ["up", "--data", &data, "--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", "--inventory"];
    let missing = fengsui(&[&start[..], &["/nowhere/inventory.toml"]].concat());
    check("unreadable file", &missing, 2, &["/nowhere/inventory.toml"]);
    let file = site.write(
        "inventory.toml",
        "[[asset]]\nid = \"a\"\nname = \"a\"\nkind = \"host\"\nzone = \"extranet\"\nregion = \"652900\"\n",
    );
    check("missing reference", &fengsui(&[&start[..], &[&file]].concat()), 2, &["inventory.toml:6", "652900"]);
}

#[test]
fn a_port_in_use_is_named_with_its_holder_and_a_second_holder_is_refused() {
    let site = Site::new();
    let up = site.up();
    let other = Site::new();
    let (data, address) = (other.arg("data"), up.http.to_string());
    let taken = fengsui(&["up", "--data", &data, "--listen", &address]);
    check("port in use", &taken, 2, &[&address, "fengsui"]);
    let data = site.arg("data");
    let second = fengsui(&["up", "--data", &data, "--listen", "127.0.0.1:0"]);
    check("second holder", &second, 2, &[&data, &up.pid().to_string()]);
}

#[test]
fn a_data_directory_of_a_newer_version_is_left_untouched() {
    let site = Site::new();
    drop(site.up());
    let path = site.path("data/core.db");
    {
        let core = rusqlite::Connection::open(&path).expect("it opens");
        core.pragma_update(None, "user_version", 9_999).expect("it can be written");
        let newer = "INSERT INTO schema_version (version, applied, build) VALUES (9999, 0, '9.9.9')";
        core.execute(newer, []).expect("a later version is written down");
    }
    let before = std::fs::read(&path).expect("it reads");
    let data = site.arg("data");
    let refused = fengsui(&["up", "--data", &data, "--listen", "127.0.0.1:0"]);
    check("newer version", &refused, 2, &["newer", "9999"]);
    assert_eq!(std::fs::read(&path).expect("it reads"), before);
}

#[test]
fn tokens_and_authorities_that_are_wrong_are_refused_with_a_remedy() {
    let site = Site::new();
    let up = site.up();
    let url = format!("https://{}", up.agents);
    let none = "0".repeat(64);
    let join = |fingerprint: &str, token: &str| {
        let args = ["enroll", "join", "x", "--console", &url, "--ca-fingerprint", fingerprint, "--data"];
        crate::rig::fengsui_in(&[&args[..], &[&site.arg("x")]].concat(), token)
    };
    check("wrong CA", &join(&none, "fse_x"), 3, &["fingerprint"]);
    let made = site.run(&["enroll", "token", "x"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let told = format!("{}{}", text(&made.stdout), text(&made.stderr));
    let fingerprint = told.split(|c: char| !c.is_ascii_hexdigit()).find(|w| w.len() == 64).expect("it is printed");
    check("wrong token", &join(fingerprint, "fse_wrong"), 3, &["token"]);
    let file = site.write("token", "fst_wrong\n");
    let pages = format!("http://{}", up.http);
    let remote = fengsui(&["incident", "list", "--url", &pages, "--token-file", &file]);
    check("wrong API token", &remote, 3, &["token"]);
    check("no such incident", &site.run(&["incident", "ack", "0190-none"]), 2, &["0190-none", "list"]);
    check("no such option", &fengsui(&["incident", "list", "--sate", "open"]), 2, &["--sate", "--state"]);
}
