//! STAMP against scapy's (scapy.contrib.stamp), in both roles: it reflects what we ask, and we reflect what it asks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::rig::fengsui;
use crate::stamp::{Reflector, run};

/// Debian's Python, which has Debian's scapy; another one on the path may not.
const PYTHON: &str = "/usr/bin/python3";

/// Answers three requests, counting them, with its own clock half a second ahead.
const REFLECT: &str = r#"
import socket, time
from scapy.contrib.stamp import *
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.settimeout(60)
print(s.getsockname()[1], flush=True)
for n in range(3):
    data, peer = s.recvfrom(2048)
    came = time.time() + 2208988800 + 0.5
    q = STAMPSessionSenderTestUnauthenticated(data)
    assert q.mbz == 0 and q.ssid != 0 and q.seq == n + 1, q.summary()
    r = STAMPSessionReflectorTestUnauthenticated(
        seq=n, ts=time.time() + 2208988800 + 0.5, err_estimate=ErrorEstimate(S=0, Z=0, scale=20, multiplier=200),
        ssid=q.ssid, ts_rx=came, seq_sender=q.seq, ts_sender=q.ts, err_estimate_sender=q.err_estimate,
        ttl_sender=255)
    s.sendto(bytes(r), peer)
"#;

/// Asks three times and says what it reads: number, our number, its time given back, our times in order, hops.
const ASK: &str = r#"
import socket, sys, time
from scapy.contrib.stamp import *
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
s.settimeout(60)
for n in range(3):
    q = STAMPSessionSenderTestUnauthenticated(
        seq=n, ts=time.time() + 2208988800, err_estimate=ErrorEstimate(S=1, Z=0, scale=12, multiplier=200), ssid=77)
    s.send(bytes(q))
    raw = s.recv(2048)
    r = STAMPSessionReflectorTestUnauthenticated(raw)
    e = r.err_estimate_sender
    print(len(raw), r.seq, r.seq_sender, r.ssid, raw[28:36] == bytes(q)[4:12], r.ts >= r.ts_rx,
          abs(float(r.ts) - time.time() - 2208988800) < 5, (e.S, e.scale, e.multiplier), r.mbz1, r.mbz2)
"#;

fn python(script: &str, args: &[&str]) -> Child {
    Command::new(PYTHON)
        .args(["-c", script])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian's Python runs")
}

#[test]
fn scapy_reflects_what_we_ask() {
    let mut peer = python(REFLECT, &[]);
    let mut port = String::new();
    BufReader::new(peer.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let set = ["--set", "count=3", "--set", "spacing=1ms", "--timeout", "20s"];
    let told = run(&fengsui(
        &[&["probe", "stamp", &format!("127.0.0.1:{}", port.trim()), "--format", "json"], &set[..]].concat(),
    ));
    let ended = peer.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!((&told["outcome"], &told["sent"], &told["lost"]), (&"ok".into(), &3.into(), &0.into()), "{told}");
    assert_eq!(told["fields"]["reflector"], "stateful");
    assert_eq!(told["fields"]["forward_loss_ratio"], serde_json::json!([0.0, 0.0]));
    let rtts = told["fields"]["rtt_seconds"].as_array().unwrap();
    assert!(rtts.len() == 3 && rtts.iter().all(|rtt| rtt.as_f64().unwrap() < 0.4), "{rtts:?}");
    assert_eq!(told["fields"]["forward_delay_seconds"], serde_json::Value::Null, "its clock is half a second off");
}

#[test]
fn we_reflect_what_scapy_asks() {
    let reflector = Reflector::start(&[]);
    let asked = python(ASK, &[&reflector.port().to_string()]).wait_with_output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&asked.stderr));
    let wanted = |n: u32| format!("44 {n} {n} 77 True True True (1, 12, 200) 0 0");
    assert_eq!(out.lines().collect::<Vec<_>>(), [wanted(0), wanted(1), wanted(2)], "{error}");
    assert_eq!(reflector.stop(), "answered: 3");
}
