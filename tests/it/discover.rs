//! Discovery and import from end to end: the real binary, its agent, simulated devices on loopback.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::rig::{Site, text};

/// Simulated devices that run until they are dropped.
pub(crate) struct Devices(Child, u16);

impl Devices {
    /// The port of all of them.
    pub(crate) fn port(&self) -> String {
        self.1.to_string()
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Recordings that are served, in order: frr, router, switch.
const SERVED: usize = 3;

/// One device an address from 127.78.NET.1 on, all on one port that was free at the first.
pub(crate) fn devices(net: u8) -> Devices {
    let start = |port: u16| {
        let listen = format!("127.78.{net}.1/24:{port}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_fengsui"))
            .args(["simulate", "tests/recordings", "--listen", &listen, "--community", "MARKER-community"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("LANG", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines: Vec<String> =
            BufReader::new(child.stdout.take().unwrap()).lines().take(SERVED).map_while(Result::ok).collect();
        let first = lines.first().and_then(|line| line.split(' ').nth(1)?.rsplit(':').next()?.parse().ok());
        (Devices(child, first.unwrap_or(port)), lines.len())
    };
    // A port that is free at the first address is free at the others too, which nobody else uses.
    let (probe, _) = start(0);
    let port = probe.1;
    drop(probe);
    let (devices, served) = start(port);
    assert_eq!(served, SERVED, "all recordings are served at port {port}");
    devices
}

fn by_address<'a>(items: &'a [Value], address: &str) -> &'a Value {
    items.iter().find(|item| item["address"] == address).unwrap_or_else(|| panic!("{address} in {items:#?}"))
}

#[test]
fn an_agent_finds_devices_which_become_assets_and_are_watched() {
    let devices = devices(1);
    let site = Site::new();
    let daemon = site.up();
    site.write("community", "MARKER-community\n");
    let (file, port) = (site.arg("community"), devices.1.to_string());
    let set = site.run(&["secret", "set", "field", "--type", "snmp-v2c", "--file", &file]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let sweep = ["discover", "127.78.1.0/29", "--secret", "field", "--snmp-port", &port, "--ports", "1"];
    let items = site.json(&sweep);
    assert_eq!(items.len(), SERVED, "{items:#?}");
    let switch = by_address(&items, "127.78.1.3");
    assert_eq!((&switch["name"], &switch["kind"]), (&"sim-switch-1".into(), &"switch".into()));
    assert_eq!((&switch["secret"], &switch["icmp"]), (&"field".into(), &false.into()));
    assert_eq!(switch["known"], Value::Null);

    let mut adopt = sweep.to_vec();
    adopt.push("--adopt");
    let adopted = site.run(&adopt);
    assert!(adopted.status.success(), "{}", text(&adopted.stderr));
    let said = text(&adopted.stderr);
    assert!(said.contains("of 6 addresses") && said.contains("3 assets adopted"), "{said}");
    let again = site.json(&sweep);
    assert_eq!(by_address(&again, "127.78.1.3")["known"], "sim-switch-1");

    let (status, list) = daemon.get("/api/v1/discoveries");
    assert_ne!(status, 404, "{list}");
    let audit = text(&site.run(&["inventory", "export"]).stdout);
    assert!(audit.contains("secret = \"field\"") && !audit.contains("MARKER"), "{audit}");
}

#[test]
fn this_machine_finds_devices_by_itself_and_hands_them_to_a_console() {
    let devices = devices(2);
    let site = Site::new();
    let daemon = site.up();
    let port = devices.1.to_string();
    let sweep = [
        "discover",
        "127.78.2.1",
        "127.78.2.2",
        "127.78.2.3",
        "--community",
        "MARKER-community",
        "--snmp-port",
        &port,
    ];
    let mut adopt = sweep.to_vec();
    adopt.extend(["--ports", "1", "--adopt"]);
    let adopted = site.run(&adopt);
    let said = text(&adopted.stderr);
    assert!(adopted.status.success() && said.contains("3 assets adopted"), "{said}");
    assert!(said.contains("kept as secret snmp-1") && !said.contains("MARKER"), "{said}");
    assert!(!daemon.output().contains("MARKER"));
    let nobody = site.run(&["discover", "127.78.2.9", "--ports", "1"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", text(&nobody.stderr));
    let wide = site.run(&["discover", "10.0.0.0/8"]);
    assert_eq!(wide.status.code(), Some(2));
    assert!(text(&wide.stderr).contains("sweep a /22 at a time"), "{}", text(&wide.stderr));
}

#[test]
fn a_register_is_previewed_applied_and_its_bad_rows_are_written_down() {
    let site = Site::new();
    let _daemon = site.up();
    let register = "设备台账\n设备名称,管理IP,类型,团体名,单位\n核心,10.65.0.1,交换机,MARKER-a,电政办\n坏的,10.65.0.999,交换机,MARKER-b,\n";
    let file = site.write("register.csv", register);
    let bad = site.arg("bad.xlsx");
    let shown = site.run(&["inventory", "import", &file, "--bad", &bad]);
    let said = text(&shown.stdout) + &text(&shown.stderr);
    assert_eq!(shown.status.code(), Some(1), "{said}");
    assert!(said.contains("+ asset dev-10-65-0-1 核心") && said.contains("row 4: 管理IP `10.65.0.999`"), "{said}");
    assert!(said.contains("+ secret snmp-1 (snmp-v2c, for 1 rows)") && !said.contains("MARKER"), "{said}");
    assert!(std::fs::read(&bad).unwrap().starts_with(b"PK"));
    let twice = site.run(&["inventory", "import", &file, "--bad", &bad]);
    assert_eq!(twice.status.code(), Some(2), "a sheet that is there is not replaced");
    let exported = text(&site.run(&["inventory", "export"]).stdout);
    assert!(!exported.contains("dev-10-65-0-1"), "a preview changes nothing");

    let applied = site.run(&["inventory", "import", &file, "--apply"]);
    assert!(text(&applied.stderr).contains("applied: 1 added, 0 changed"), "{}", text(&applied.stderr));
    let exported = text(&site.run(&["inventory", "export"]).stdout);
    assert!(exported.contains("dev-10-65-0-1") && exported.contains("secret = \"snmp-1\""), "{exported}");
    let template = site.arg("template.xlsx");
    let made = crate::rig::fengsui(&["inventory", "template", "--out", &template]);
    assert!(made.status.success() && std::fs::read(&template).unwrap().starts_with(b"PK"));
    let empty = site.run(&["inventory", "import", &template]);
    assert_eq!(empty.status.code(), Some(0), "{}", text(&empty.stderr));
}
