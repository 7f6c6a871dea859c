//! STAMP against stamp-suite, in both roles and both modes: it reflects what we ask, and we reflect what it asks.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::rig::{Site, fengsui, text, wait_for};
use crate::stamp::{Reflector, run};

/// A key as it takes it.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// A running `stamp-suite`; gone when dropped.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn suite(args: &[&str]) -> Command {
    let mut command = Command::new("stamp-suite");
    command
        .args(args)
        .env_remove("STAMP_HMAC_KEY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn stamp_suite_reflects_what_we_ask() {
    let site = Site::new();
    let key = site.write("key", KEY);
    let set = format!("key_file='{key}'");
    for (mode, with) in [("O", vec![]), ("A", vec!["--set", &set])] {
        for (how, wanted) in [(vec!["--stateful-reflector"], "stateful"), (vec![], "stateless")] {
            let port = free_port().to_string();
            let at = ["-i", "--local-addr", "127.0.0.1", "--local-port", &port, "--auth-mode", mode];
            let auth = if mode == "A" { vec!["--hmac-key", KEY] } else { vec![] };
            let _peer = Peer(suite(&[&at[..], &auth, &how].concat()).spawn().expect("stamp-suite runs"));
            let target = format!("127.0.0.1:{port}");
            let ask = ["probe", "stamp", &target, "--format", "json", "--timeout", "500ms", "--set", "size=142"];
            // Until it listens, a port that refuses is told.
            let told = wait_for("stamp-suite to answer", Duration::from_secs(20), || {
                let told = run(&fengsui(&[&ask[..], &with, &["--set", "count=5", "--set", "spacing=1ms"]].concat()));
                (told["outcome"] == "ok").then_some(told)
            });
            assert_eq!((&told["sent"], &told["duplicate"]), (&5.into(), &0.into()), "{mode} {wanted}: {told}");
            assert_eq!(told["fields"]["reflector"], wanted, "{mode}: {told}");
            assert_eq!(told["fields"]["rtt_seconds"].as_array().map(Vec::len), Some(5), "{told}");
        }
    }
}

#[test]
fn we_reflect_what_stamp_suite_asks() {
    let site = Site::new();
    let key = site.write("key", KEY);
    for (mode, with) in [("O", vec![]), ("A", vec!["--key", key.as_str()])] {
        let reflector = Reflector::start(&with);
        let (port, own) = (reflector.port().to_string(), free_port().to_string());
        let to =
            ["--remote-addr", "127.0.0.1", "--remote-port", &port, "--local-addr", "127.0.0.1", "--local-port", &own];
        let how = ["--count", "5", "--send-delay", "10", "--timeout", "2", "--auth-mode", mode, "--ssid", "9"];
        let auth = if mode == "A" { vec!["--hmac-key", KEY] } else { vec![] };
        let output = suite(&[&to[..], &how, &auth].concat()).output().expect("stamp-suite runs");
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(told.contains("Packets received: 5") && told.contains("Packets lost: 0"), "{mode}: {told}");
        assert_eq!(reflector.stop(), "answered: 5", "{mode}: {told}");
    }
}
