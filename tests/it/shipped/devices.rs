//! Devices by SNMP: a real `snmpd`, and a simulated switch whose ports and counters do as they are told.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use fengsui::net::clock::Clock;
use fengsui::net::serve::Access;
use fengsui::sim::{Action, DeviceSpec, Kind, Recording, ServiceSpec, Step, World};

use super::*;

const AUTH: &str = "authpass-1";
const PRIVACY: &str = "privpass-1";

/// The path of snmpd; `None` (said on stdout) where it is not installed.
pub(super) fn snmpd() -> Option<&'static Path> {
    let found = ["/usr/sbin/snmpd", "/usr/bin/snmpd"].into_iter().map(Path::new).find(|path| path.exists());
    if found.is_none() {
        println!("not run: snmpd is not installed");
        assert!(std::env::var_os("CI").is_none(), "CI needs snmpd: install the Debian package snmpd");
    }
    found
}

/// A running snmpd; killed when dropped.
pub(super) struct Snmpd(Child);

impl Snmpd {
    /// Starts one in a site's folder; its user and engine outlive it there.
    pub(super) fn start(site: &Site, wrap: &[&str], addresses: &str) -> Self {
        let conf = format!(
            "rocommunity public\ncreateUser watch SHA-256 {AUTH} AES {PRIVACY}\nrouser watch priv\nsysName real-agent\n"
        );
        let conf = site.write("snmpd/snmpd.conf", &conf);
        std::fs::create_dir_all(site.path("snmpd-state")).unwrap();
        let mut line = wrap.iter().copied().chain([snmpd().unwrap().to_str().unwrap()]);
        let mut command = Command::new(line.next().unwrap());
        command.args(line).args(["-f", "-Lf", "/dev/null", "-C", "-c", &conf, "-p", &site.arg("snmpd/pid")]);
        command.args(addresses.split(',')).env("SNMP_PERSISTENT_DIR", site.path("snmpd-state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_device_is_described_falls_silent_returns_and_has_restarted() {
    if snmpd().is_none() {
        return;
    }
    let site = Site::new();
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("udp:127.0.0.1:{port}");
    let asset = |id: &str| {
        format!(
            "[[asset]]\nid = \"{id}\"\nkind = \"host\"\nzone = \"extranet\"\naddress = \"127.0.0.1\"\n\
             snmp = {{ port = {port}, secret = \"{id}\" }}\n"
        )
    };
    site.write("inventory.toml", &(asset("old") + &asset("new")));
    // The one port that surely has traffic here is the loopback, which makes no series by default.
    let every_port = "settings = { port_types_left_out = [\"rs232\"] }";
    site.write("definitions/probes/fast.toml", &probe("asset-snmp", "1s", every_port));
    site.write("definitions/alerts/params.toml", &threshold("device-restarted", "within_seconds = 6"));
    let running = Snmpd::start(&site, &[], &address);
    let up = site.up();
    secret(&site, &["old"], "public\n");
    let v3 = ["new", "--type", "snmp-v3", "--user", "watch", "--auth", "sha256", "--privacy", "aes128"];
    secret(&site, &v3, &format!("{AUTH}\n{PRIVACY}\n"));

    for id in ["old", "new"] {
        let facts = wait_for(&format!("the facts of {id}"), SOON, || {
            let facts = api(&site, &up, &format!("/api/v1/assets/{id}")).to_string();
            (facts.contains("real-agent") && facts.contains("description")).then_some(facts)
        });
        assert!(facts.contains("Linux"), "sysDescr of a real snmpd: {facts}");
        let label = format!("asset=\"{id}\"");
        wait_for(&format!("the loopback's rate on {id}"), SOON, || {
            let rates = values(&up, "fengsui_snmp_in_bps", &label);
            rates.iter().any(|rate| *rate > 0.0).then_some(())
        });
        assert!(!values(&up, "fengsui_snmp_in_octets_total", &label).is_empty());
        // It started only now, which an operator is told; and it passes.
        incident(&site, "device-restarted", &format!("asset:{id}"), "resolved", SOON);
    }

    let killed = now();
    drop(running);
    for id in ["old", "new"] {
        let silent = incident(&site, "snmp-silent", &format!("asset:{id}"), "open", SOON);
        assert_eq!(silent["severity"], "minor");
        took(&format!("snmp-silent on {id} after kill"), killed);
    }
    assert!(killed.elapsed() < Duration::from_millis(3_000 + 2_000 + 2_500), "{:?}", killed.elapsed());

    let _running = Snmpd::start(&site, &[], &address);
    for id in ["old", "new"] {
        let object = format!("asset:{id}");
        incident(&site, "snmp-silent", &object, "resolved", SOON);
        let again = wait_for("the restart to be told", SOON, || {
            of(&site, "device-restarted", &object).into_iter().find(|i| i["count"] == 2)
        });
        assert_eq!(kinds(&site, &again).iter().filter(|kind| *kind == "reopened").count(), 1);
        incident(&site, "device-restarted", &object, "resolved", SOON);
    }
    assert_eq!(
        all(&site),
        [
            "device-restarted asset:new",
            "device-restarted asset:old",
            "snmp-silent asset:new",
            "snmp-silent asset:old"
        ]
    );
}

/// A simulated switch as an asset `sw` of a running site.
struct Switch {
    world: World,
    site: Site,
    up: Daemon,
}

impl Switch {
    async fn start(definitions: &str) -> Self {
        let switch = Self::start_with(definitions, Some("public\n")).await;
        switch.seen();
        switch
    }

    async fn start_with(definitions: &str, community: Option<&str>) -> Self {
        let recording = std::fs::read(root().join("tests/recordings/switch.snmprec")).unwrap();
        Self::start_as(&recording, &probe("asset-snmp", "1s", ""), definitions, community).await
    }

    async fn start_as(recording: &[u8], probes: &str, definitions: &str, community: Option<&str>) -> Self {
        let recording = Arc::new(Recording::parse("switch", recording).unwrap());
        let snmp = ServiceSpec::new(0, Kind::Snmp { recording, access: Access::community("public") });
        let device = DeviceSpec { name: "sw".into(), address: "127.0.0.1".parse().unwrap(), services: vec![snmp] };
        let world = World::start(vec![device], &Clock::system()).await.unwrap();
        let port = world.address("sw", "snmp").unwrap().port();
        let site = Site::new();
        site.write(
            "inventory.toml",
            &format!(
                "[[asset]]\nid = \"sw\"\nkind = \"switch\"\nzone = \"extranet\"\naddress = \"127.0.0.1\"\n\
                 snmp = {{ port = {port}, secret = \"sw\" }}\n"
            ),
        );
        site.write("definitions/probes/fast.toml", probes);
        site.write("definitions/alerts/params.toml", definitions);
        let up = site.up();
        if let Some(community) = community {
            secret(&site, &["sw"], community);
        }
        Self { world, site, up }
    }

    /// Waits until rates are known, hence at least two runs.
    fn seen(&self) {
        wait_for("the switch to be seen", SOON, || {
            (!values(&self.up, "fengsui_snmp_in_bps", "interface=\"GigabitEthernet0/0/1\"").is_empty()).then_some(())
        });
    }

    async fn act(&mut self, action: Action) {
        self.world.apply(&Step { device: "sw".into(), service: None, action }).await.unwrap();
    }

    async fn set(&mut self, what: &str, value: &str) {
        self.act(Action::Set { what: what.into(), value: value.into() }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_goes_down_and_up_and_ports_nobody_uses_say_nothing() {
    let mut switch = Switch::start("").await;
    // One with a description, one that carries traffic without one. Port 8 is up for nobody, port 7 is shut.
    for (port, index) in [("GigabitEthernet0/0/1", 1), ("GigabitEthernet0/0/2", 2)] {
        let object = format!("interface:sw/{port}");
        let cut = now();
        switch.set(&format!("ifOperStatus.{index}"), "2").await;
        let down = incident(&switch.site, "port-down", &object, "open", SOON);
        took(&format!("port-down on {port}"), cut);
        assert_eq!(down["severity"], "minor");
        switch.set(&format!("ifOperStatus.{index}"), "1").await;
        incident(&switch.site, "port-down", &object, "resolved", SOON);
    }
    switch.set("ifOperStatus.3", "2").await;
    switch.set("ifAdminStatus.3", "2").await; // shut by a person
    for_a_while(Duration::from_secs(4), || {
        assert!(of(&switch.site, "port-down", "interface:sw/GigabitEthernet0/0/8").is_empty());
    });
    let third = of(&switch.site, "port-down", "interface:sw/GigabitEthernet0/0/3");
    assert!(third.iter().all(|i| i["state"] == "resolved"), "at most a moment between the two: {third:?}");
    switch.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_device_is_told_and_makes_no_spike() {
    let mut switch = Switch::start("").await;
    switch.act(Action::Stop).await;
    switch.act(Action::Start).await; // counters begin anew
    switch.set("1.3.6.1.2.1.1.3.0", "67|500").await; // up for five seconds
    let restarted = incident(&switch.site, "device-restarted", "asset:sw", "open", SOON);
    assert_eq!(restarted["severity"], "warning");
    switch.set("1.3.6.1.2.1.1.3.0", "67:counter|70000,100").await;
    incident(&switch.site, "device-restarted", "asset:sw", "resolved", SOON);
    for_a_while(Duration::from_secs(4), || {
        for rate in values(&switch.up, "fengsui_snmp_in_bps", "interface=\"GigabitEthernet0/0/1\"") {
            assert!((0.0..2_000_000.0).contains(&rate), "125,000 octets a second, never {rate} bit/s");
        }
    });
    let series =
        api(&switch.site, &switch.up, "/api/v1/series?object=interface:sw/GigabitEthernet0/0/1&field=in_bps");
    let points = series["points"].as_array().cloned().unwrap_or_default();
    assert!(!points.is_empty(), "{series}");
    for point in points {
        let most = point["max"].as_f64().unwrap_or_default();
        assert!(most < 2_000_000.0, "{point}");
    }
    assert_eq!(all(&switch.site), ["device-restarted asset:sw"], "neither errors nor congestion nor silence");
    switch.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flapping_port_is_one_flagged_incident_that_ends_clean() {
    let mut switch = Switch::start("").await;
    let object = "interface:sw/GigabitEthernet0/0/1";
    let flagged =
        |site: &Site| of(site, "port-down", object).into_iter().find(|i| i["flags"].to_string().contains("flapping"));
    let mut seen = false;
    for turn in 0..20 {
        switch.set("ifOperStatus.1", if turn % 2 == 0 { "2" } else { "1" }).await;
        for_a_while(Duration::from_millis(1_000), || seen |= flagged(&switch.site).is_some());
    }
    assert!(seen, "it flapped: {:#?}", of(&switch.site, "port-down", object));
    switch.set("ifOperStatus.1", "1").await;
    let ended = incident(&switch.site, "port-down", object, "resolved", LATER);
    let kinds = kinds(&switch.site, &ended);
    assert!(kinds.len() <= 20, "a bounded timeline: {kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "opened").count(), 1);
    assert!(!ended["flags"].to_string().contains("flapping"), "{ended:#?}");
    println!("timeline of a port that turned 20 times: {kinds:?}");
    switch.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_secret_a_device_is_not_judged_and_that_is_told() {
    let switch = Switch::start_with("", None).await;
    let blind = incident(&switch.site, "no-data", "asset:sw", "open", SOON);
    assert_eq!((&blind["instance"], &blind["severity"]), (&"asset-snmp".into(), &"minor".into()));
    for_a_while(Duration::from_secs(4), || assert_eq!(all(&switch.site), ["no-data asset:sw"]));
    secret(&switch.site, &["sw"], "public\n");
    incident(&switch.site, "no-data", "asset:sw", "resolved", SOON);
    let removed = switch.site.run(&["secret", "remove", "sw"]);
    assert!(!removed.status.success(), "a secret in use is not taken away by mistake");
    assert_eq!(all(&switch.site), ["no-data asset:sw"]);
    switch.world.stop().await;
}

/// A made-up Comware switch with a module in each of two ports: -8.00 and -9.00 dBm (HH3C-TRANSCEIVER-INFO-MIB).
const MODULES: &str = "\
1.3.6.1.2.1.1.1.0|4|H3C Comware Software
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.25506.1.999
1.3.6.1.2.1.1.3.0|67:counter|70000,100
1.3.6.1.2.1.2.2.1.2.1|4|Ten-GigabitEthernet1/0/1
1.3.6.1.2.1.2.2.1.2.2|4|Ten-GigabitEthernet1/0/2
1.3.6.1.4.1.25506.2.70.1.1.1.12.1|2|-800
1.3.6.1.4.1.25506.2.70.1.1.1.12.2|2|-900
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn less_light_in_one_port_is_told_of_that_port_and_ends() {
    let probes = probe("asset-snmp", "1s", "") + &probe("asset-device", "1s", "");
    let rules = rule("devices.toml", "optics-low", "2s");
    let mut switch = Switch::start_as(MODULES.as_bytes(), &probes, &rules, Some("public\n")).await;
    let port = "instance=\"optical_rx/Ten-GigabitEthernet1/0/1\"";
    wait_for("the light", SOON, || (values(&switch.up, "fengsui_device_optical_dbm", port) == [-8.0]).then_some(()));
    assert!(values(&switch.up, "fengsui_snmp_optical_dbm", port).is_empty(), "it is not asked for every time");
    let cut = now();
    switch.set("1.3.6.1.4.1.25506.2.70.1.1.1.12.1", "-1250").await;
    let low = incident(&switch.site, "optics-low", "asset:sw", "open", SOON);
    took("optics-low", cut);
    assert_eq!(
        (&low["instance"], &low["severity"]),
        (&"optical_rx/Ten-GigabitEthernet1/0/1".into(), &"minor".into())
    );
    switch.set("1.3.6.1.4.1.25506.2.70.1.1.1.12.1", "-850").await;
    incident(&switch.site, "optics-low", "asset:sw", "resolved", SOON);
    assert_eq!(all(&switch.site), ["optics-low asset:sw"]);
    switch.world.stop().await;
}
