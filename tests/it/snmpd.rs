//! A real `snmpd`: contexts, and an engine that starts anew with other clocks. Where net-snmp is not installed its tests
//! say so, and fail only where CI is set.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fengsui::model::observation::{Cause, Outcome};
use fengsui::net::clock::Clock;
use fengsui::net::serve::Access;
use fengsui::net::snmp::Oid;
use fengsui::sim::{DeviceSpec, Kind, Recording, ServiceSpec, World};

use crate::device;
use crate::snmp::{AUTH, PRIVACY, community, cx, once, prober, session, user};

/// Time for all that a device says: this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The path of a program of net-snmp; `None` (said on stdout) where it is not installed.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin"].iter().map(|dir| Path::new(dir).join(name)).find(|p| p.exists());
    if found.is_none() {
        println!("not run: {name} is not installed");
        assert!(std::env::var_os("CI").is_none(), "CI needs {name}: install the Debian packages snmpd and snmp");
    }
    found
}

/// One with a v2c community `public` and a v3 user, which can be stopped and started again at its port.
pub(crate) struct Snmpd {
    program: PathBuf,
    child: Option<Child>,
    pub(crate) at: SocketAddr,
    dir: tempfile::TempDir,
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Snmpd {
    /// With more lines in its configuration, which say what the v3 user may read.
    pub(crate) fn new(program: &Path, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = free.local_addr().unwrap();
        let conf = format!(
            "rocommunity public 127.0.0.1\ncreateUser watch SHA-256 {AUTH} AES {PRIVACY}\n\
             sysName real-agent\nsysLocation somewhere\nsysContact nobody\n{more}"
        );
        std::fs::write(dir.path().join("snmpd.conf"), conf).unwrap();
        std::fs::create_dir(dir.path().join("kept")).unwrap();
        let snmpd = Self { program: program.to_owned(), child: None, at, dir };
        snmpd.started_before(6);
        snmpd
    }

    /// What it finds written down of its engine: how often it has started so far.
    fn started_before(&self, times: u32) {
        let kept = format!("oldEngineID 0x80001f8804746f776572\nengineBoots {times}\n");
        std::fs::write(self.dir.path().join("kept/snmpd.conf"), kept).unwrap();
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let child = Command::new(&self.program)
            .args(["-f", "-Lf", "/dev/null", "-C", "-c"])
            .arg(format!("{0}/snmpd.conf,{0}/kept/snmpd.conf", self.dir.path().display()))
            .arg("-p")
            .arg(self.dir.path().join("pid"))
            .arg(format!("udp:{}", self.at))
            .env("SNMP_PERSISTENT_DIR", self.dir.path().join("kept"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let session = session(self.at).await;
        let up_time = Oid::from_slice(&[1, 3, 6, 1, 2, 1, 1, 3, 0]);
        for _ in 0..100 {
            if session.get(std::slice::from_ref(&up_time)).await.is_ok() {
                return;
            }
            Clock::system().sleep(Duration::from_millis(50)).await;
        }
        panic!("snmpd did not answer on {}", self.at);
    }

    /// Ends it; it writes down how often it started.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            if !asked.is_ok_and(|status| status.success()) {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }
}

/// snmpEngineBoots, as it tells in the clear.
async fn boots(at: SocketAddr) -> Option<u32> {
    let boots = Oid::from_slice(&[1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0]);
    session(at).await.get(std::slice::from_ref(&boots)).await.unwrap().remove(&boots)?.as_u32()
}

#[tokio::test]
async fn a_device_whose_boots_went_back_is_read_on() {
    let Some(program) = tool("snmpd") else { return };
    let mut snmpd = Snmpd::new(&program, "rouser watch priv\n");
    let cx = cx();
    let secret = user(AUTH, PRIVACY);
    let (mut counters, mut all) =
        (prober(&cx, snmpd.at, Some(&secret), &[]), device::prober_as(&cx, snmpd.at, &secret, PATIENCE));
    let mut told = Vec::new();
    for forgets in [false, false, false, true, false] {
        snmpd.stop();
        if forgets {
            snmpd.started_before(0);
        }
        snmpd.start().await;
        told.push(boots(snmpd.at).await.unwrap());
        // Nobody waits: the same prober, which knows the clock from before, is asked at once.
        let mut run = once(&cx, &mut counters).await;
        if forgets && run.outcome == Outcome::Failed {
            // Its answers are older than what the session believes, as if somebody played them again: that ends it.
            run = once(&cx, &mut counters).await;
        }
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None), "boots {told:?}");
        let run = device::once(&cx, &mut all).await.0;
        assert_eq!(run.outcome, Outcome::Ok, "boots {told:?}: {:?}", run.detail);
    }
    assert_eq!(told, [7, 8, 9, 1, 2]);
}

/// A Catalyst's lists of VLANs, and its BRIDGE-MIB of VLANs 1 and 10: there port 1 is the loopback of this machine, which
/// is interface 1.
const VLANS: &str = "1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.1|2|1\n1.3.6.1.4.1.9.9.46.1.3.1.1.3.1.10|2|1\n\
                     1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.1|4|default\n1.3.6.1.4.1.9.9.46.1.3.1.1.4.1.10|4|offices\n";
const BRIDGES: [&str; 2] = [
    "1.3.6.1.2.1.17.1.4.1.2.1|2|1\n1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.1|2|1\n1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.1|2|3\n",
    "1.3.6.1.2.1.17.1.4.1.2.7|2|1\n1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.7|2|7\n1.3.6.1.2.1.17.4.3.1.3.2.0.0.0.17.7|2|3\n",
];

#[tokio::test]
async fn a_mac_table_a_vlan_is_read_in_contexts_of_v3_where_the_device_lets_this_user() {
    let Some(program) = tool("snmpd") else { return };
    // Behind each context of the agent stands a bridge of its own.
    let service = |lines: &str| {
        let recording = Arc::new(Recording::parse("bridge", lines.as_bytes()).unwrap());
        ServiceSpec::new(0, Kind::Snmp { recording, access: Access::new(vec![community("public")]) })
    };
    let specs = [("vlans", VLANS), ("vlan-1", BRIDGES[0]), ("vlan-10", BRIDGES[1])];
    let devices = specs.map(|(name, lines)| DeviceSpec {
        name: name.into(),
        address: "127.0.0.1".parse().unwrap(),
        services: vec![service(lines)],
    });
    let world = World::start(devices.into(), &Clock::system()).await.unwrap();
    let at = |name: &str| world.address(name, "snmp").unwrap();
    let conf = format!(
        "sysObjectID 1.3.6.1.4.1.9.1.617\nproxy -v 2c -c public {} .1.3.6.1.4.1.9\n\
         proxy -Cn vlan-1 -v 2c -c public {} .1.3.6.1.2.1.17\nproxy -Cn vlan-10 -v 2c -c public {} .1.3.6.1.2.1.17\n",
        at("vlans"),
        at("vlan-1"),
        at("vlan-10"),
    );
    let plain = "group readers usm watch\nview all included .1\naccess readers \"\" usm priv exact all none none\n";
    let allowed = format!("{plain}access readers vlan- usm priv prefix all none none\n");
    let secret = user(AUTH, PRIVACY);
    let cx = cx();
    for (access, want) in [(&*allowed, true), (plain, false)] {
        let mut snmpd = Snmpd::new(&program, &format!("{conf}{access}"));
        snmpd.start().await;
        let (run, report) = device::once(&cx, &mut device::prober_as(&cx, snmpd.at, &secret, PATIENCE)).await;
        let macs = device::told(&device::device(&report.unwrap()), "macs");
        let port = |fdb: u32, mac: u32| format!("mac=02:00:00:00:11:{mac:02x} port=lo fdb={fdb} status=learned");
        if want {
            assert_eq!((run.outcome, run.detail.as_deref()), (Outcome::Ok, None));
            assert_eq!(macs, [port(1, 1), port(10, 7)]);
            // By hand, in one of them.
            let key = |name: &str, text: &str| {
                let path = snmpd.dir.path().join(name);
                std::fs::write(&path, text).unwrap();
                path.display().to_string()
            };
            let (auth, privacy) = (key("auth", AUTH), key("privacy", PRIVACY));
            let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
            command.args(["snmp", "walk", &snmpd.at.to_string(), "1.3.6.1.2.1.17.4.3.1.2", "--v3-user", "watch"]);
            command.args(["--v3-auth", &format!("sha256:{auth}"), "--v3-privacy", &format!("aes128:{privacy}")]);
            let output = tokio::task::spawn_blocking(move || command.args(["--context", "vlan-10"]).output());
            let output = output.await.unwrap().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said.trim(), "1.3.6.1.2.1.17.4.3.1.2.2.0.0.0.17.7 = integer: 7", "{output:?}");
        } else {
            assert_eq!((run.outcome, run.cause), (Outcome::Degraded, Some(Cause::Partial)));
            assert!(macs.is_empty(), "{macs:?}");
            assert!(run.detail.as_deref().is_some_and(|why| why.contains("VLAN 1: ")), "{:?}", run.detail);
        }
    }
    world.stop().await;
}
