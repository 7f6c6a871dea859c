//! The machine that an agent runs on, in the matrix without anybody having declared it: judged by the helper that the
//! service manager starts for each connection, as systemd itself does it (`systemd-socket-activate`). And results of a
//! machine without a console, brought to one as a file.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Daemon, Site, fengsui, text, wait_for};
use crate::shipped::{api, probe};

/// Long enough for a loaded machine.
const SOON: Duration = Duration::from_secs(120);

const SWITCH: &str = "#\nsysname SW1\n#\ntelnet server enable\n#\naaa\n local-user a password simple MARKa\n#\n\
    user-interface vty 0 4\n authentication-mode aaa\n idle-timeout 0 0\n#\nreturn\n";

struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Helper {
    /// Starts one that listens; `None` (said on stdout) where the tool is not installed.
    fn start(socket: &Path) -> Option<Self> {
        let activate = PathBuf::from("/usr/bin/systemd-socket-activate");
        if !activate.exists() {
            println!("not run: systemd-socket-activate is not installed");
            assert!(
                std::env::var_os("CI").is_none(),
                "CI needs systemd-socket-activate: install the Debian package systemd"
            );
            return None;
        }
        let mut command = Command::new(activate);
        command.args(["--accept", "--inetd"]).arg(format!("--listen={}", socket.display()));
        command.arg(env!("CARGO_BIN_EXE_fengsui")).args(["baseline", "check", "--host", "--out", "-"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let helper = Self(child);
        wait_for("the helper's socket", SOON, || socket.exists().then_some(()));
        Some(helper)
    }
}

/// The row of the matrix that a text of this origin gave.
fn row(site: &Site, up: &Daemon, origin: &str) -> Option<Value> {
    let rows = api(site, up, "/api/v1/baseline/assets");
    rows["items"].as_array()?.iter().find(|row| row["inspected"]["origin"] == origin).cloned()
}

#[test]
fn the_own_host_is_in_the_matrix_and_so_is_what_comes_as_a_file() {
    let site = Site::new();
    let socket = site.path("helper.sock");
    let Some(_helper) = Helper::start(&socket) else { return };
    site.write("inventory.toml", "[[asset]]\nid = \"sw1\"\nname = \"SW1\"\nkind = \"switch\"\nzone = \"extranet\"\n");
    let settings = format!("settings = {{ helper = {:?} }}\n", socket.display().to_string());
    site.write("definitions/probes/config.toml", &probe("asset-config", "30s", &settings));
    let up = site.up();

    let file = site.write("sw1.cfg", SWITCH);
    let out = site.arg("sw1.json");
    let done = fengsui(&["baseline", "check", "--config", &file, "--out", &out]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("D17"), "it is printed, too");
    let kept = std::fs::read_to_string(&out).unwrap();
    assert!(kept.lines().count() == 1 && !kept.contains("MARK"), "{kept}");
    let done = site.run(&["baseline", "import", &out]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let switch = row(&site, &up, "imported").expect("what was imported is there at once");
    assert_eq!((&switch["asset"], &switch["inspected"]["complete"]), (&Value::from("sw1"), &Value::from(true)));

    let own = wait_for("the own host in the matrix", SOON, || row(&site, &up, "host"));
    assert_eq!(own["inspected"]["os"], "linux");
    assert!(own["checks"].as_u64().unwrap() > 80, "{own}");
    // Removed, it does not come back by itself.
    let shown = site.run(&["inventory", "export"]);
    let declared = text(&shown.stdout);
    assert!(declared.contains("config = { agent = "), "{declared}");
}
