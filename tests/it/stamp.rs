//! STAMP from end to end with the real binary: reflector and sender on loopback, two agents that look at one line from
//! both ends. Other implementations play their parts in `scapy` and `stamp_suite`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Site, fengsui, text, wait_for};

/// A running `fengsui stamp reflect`.
pub(crate) struct Reflector {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Reflector {
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fengsui"))
            .args(["stamp", "reflect", "--listen", "127.0.0.1:0"])
            .args(more)
            .env("LANG", "C")
            .env_remove("LC_ALL")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it says where it listens");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, out, port: port.unwrap_or_else(|| panic!("no port in {line}")) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ctrl-C, and what it counted.
    pub(crate) fn stop(mut self) -> String {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let mut told = String::new();
        self.out.read_to_string(&mut told).expect("it ends");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        told.trim().to_owned()
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one line of JSON of a probe.
pub(crate) fn run(output: &Output) -> Value {
    let out = text(&output.stdout);
    serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{e}: {out}{}", text(&output.stderr)))
}

#[test]
fn a_reflector_is_asked_by_name_and_says_what_it_did() {
    let reflector = Reflector::start(&["--rate", "1000"]);
    let target = format!("localhost:{}", reflector.port());
    let asked =
        fengsui(&["probe", "stamp", &target, "--set", "count=10", "--set", "family=ipv4", "--format", "json"]);
    let told = run(&asked);
    assert_eq!((asked.status.code(), &told["outcome"], &told["sent"]), (Some(0), &"ok".into(), &10.into()), "{told}");
    assert_eq!(told["fields"]["reflector"], "stateful");
    assert_eq!(reflector.stop(), "answered: 10");
}

#[test]
fn both_ends_need_the_key_and_a_stranger_is_not_answered() {
    let site = Site::new();
    let key = site.write("key", "a key of sixteen bytes and more\n");
    let reflector = Reflector::start(&["--key", &key, "--allow", "127.0.0.1"]);
    let target = format!("127.0.0.1:{}", reflector.port());
    let ask = |more: &[&str]| {
        let args = ["probe", "stamp", &target, "--format", "json", "--timeout", "300ms"];
        run(&fengsui(&[&args[..], more].concat()))
    };
    let set = format!("key_file='{key}'");
    assert_eq!(ask(&["--set", &set])["outcome"], "ok");
    assert_eq!(ask(&[])["cause"], "timeout");
    assert_eq!(ask(&["--set", &set, "--set", "source='127.0.0.2'"])["cause"], "timeout");
    assert_eq!(reflector.stop(), "answered: 1\nsource not allowed: 1\nmalformed: 1");
    let short = site.write("short", "short");
    let refused = fengsui(&["stamp", "reflect", "--listen", "127.0.0.1:0", "--key", &short]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("holds 5 bytes of key; at least 16"), "{}", text(&refused.stderr));
}

/// An agent that runs alone at one end of a line: it answers on `own`, and asks the other end by the shipped probe.
fn agent(site: &Site, name: &str, own: &str, other: &str) -> crate::rig::Daemon {
    let inventory = site.write(
        &format!("{name}.inventory.toml"),
        &format!(
            "[[asset]]\nid = \"router\"\nkind = \"router\"\nzone = \"extranet\"\n\
             [[link]]\nid = \"line\"\ntags = [\"stamp\"]\n\
             a = {{ asset = \"router\", interface = \"w\", address = \"{own}\" }}\n\
             b = {{ peer = \"far\", address = \"{other}\" }}\n"
        ),
    );
    site.write(
        &format!("{name}.definitions/probes/stamp.toml"),
        "[[probe]]\nid = \"link-stamp\"\nkind = \"stamp\"\non = \"link\"\nwhere = '\"stamp\" in link.tags'\n\
         interval = \"200ms\"\ntimeout = \"100ms\"\nkeep = \"1s\"\nsettings = { port = 18620 }\n",
    );
    let settings = site.write(
        &format!("{name}.toml"),
        &format!(
            "id = \"{name}\"\ndata = \"{}\"\nlisten = \"127.0.0.1:0\"\ninventory = [\"{inventory}\"]\n\
             definitions = [\"{}\"]\n[reflector]\nlisten = \"{own}:18620\"\nallow = [\"127.0.0.0/8\"]\n",
            site.arg(&format!("{name}.data")),
            site.arg(&format!("{name}.definitions")),
        ),
    );
    crate::rig::Daemon::start(&["agent", "--config", &settings], &site.path(&format!("{name}.log")))
}

#[test]
fn two_agents_look_at_one_line_from_both_ends() {
    let site = Site::new();
    let (near, far) = ("127.86.2.1", "127.86.2.2");
    let mut agents = [agent(&site, "near", near, far), agent(&site, "far", far, near)];
    for daemon in &agents {
        let metrics = wait_for("loss of each direction on its metrics", Duration::from_secs(30), || {
            let (_, page) = daemon.get("/metrics");
            let has = |field: &str| page.contains(&format!("fengsui_stamp_{field}{{"));
            (has("rtt_seconds") && has("forward_loss_ratio") && has("return_loss_ratio")).then_some(page)
        });
        let newest = |field: &str| {
            let line = metrics.lines().find(|l| l.starts_with(&format!("fengsui_stamp_{field}{{"))).unwrap();
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        assert!((0.0..0.1).contains(&newest("rtt_seconds")), "{metrics}");
        assert!(newest("up") == 1.0 || newest("fails") > 0.0);
    }
    for daemon in &mut agents {
        let (status, _) = daemon.stop();
        assert!(status.code().is_some(), "it ended by itself");
    }
}
