//! A line between two network namespaces that is cut, and a host that dies with everything on it.

use std::process::Command;

use super::devices::{Snmpd, snmpd};
use super::*;

/// Two network namespaces with a wire between them; gone when dropped.
struct Lab {
    near: String,
    far: String,
}

impl Lab {
    fn new(name: &str) -> Option<Self> {
        let id = std::process::id();
        let lab = Self { near: format!("{name}n{id}"), far: format!("{name}f{id}") };
        let (near, far) = (&lab.near, &lab.far);
        let script = format!(
            "set -e
            ip netns add {near}; ip netns add {far}
            ip -n {near} link set lo up; ip -n {far} link set lo up
            ip -n {near} link add w type veth peer name w netns {far}
            ip -n {near} addr add 198.18.0.1/24 dev w; ip -n {far} addr add 198.18.0.2/24 dev w
            ip -n {near} link set w up; ip -n {far} link set w up"
        );
        let made = Command::new("sh").args(["-c", &script]).output().ok()?;
        if made.status.success() {
            return Some(lab);
        }
        println!("not run: needs root: {}", String::from_utf8_lossy(&made.stderr).trim());
        None
    }

    fn wire(&self, state: &str) {
        let set = Command::new("ip").args(["-n", &self.far, "link", "set", "w", state]).status();
        assert!(set.is_ok_and(|status| status.success()));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

#[test]
fn a_backbone_link_that_is_cut_is_one_incident_within_three_seconds_and_no_loss() {
    let Some(lab) = Lab::new("fsl") else { return };
    let site = Site::new();
    site.write(
        "inventory.toml",
        "[[asset]]\nid = \"core\"\nkind = \"router\"\nzone = \"extranet\"\n\
         [[link]]\nid = \"line\"\ntier = \"backbone\"\n\
         a = { asset = \"core\", interface = \"w\", address = \"198.18.0.1\" }\n\
         b = { peer = \"far\", address = \"198.18.0.2\" }\n",
    );
    let up = site.up_by(&["ip", "netns", "exec", &lab.near]);
    // Its pages listen inside the namespace; the command line reaches it by its socket.
    // Until it is known what round trip is usual.
    for_a_while(Duration::from_secs(12), || assert_eq!(all(&site), Vec::<String>::new()));
    let cut = now();
    lab.wire("down");
    let down = incident(&site, "link-down", "link:line", "open", SOON);
    took("link-down at 1 s", cut);
    assert!(cut.elapsed() < Duration::from_millis(3_000 + 500), "half a second to look: {:?}", cut.elapsed());
    assert_eq!(down["severity"], "critical");
    let shown = shown(&site, &down).to_string();
    assert!(shown.contains("\"down\"") && shown.contains("address"), "which of port and address: {shown}");
    for_a_while(Duration::from_secs(10), || {});

    lab.wire("up");
    let mended = now();
    incident(&site, "link-down", "link:line", "resolved", SOON);
    took("link-down resolved", mended);
    for_a_while(Duration::from_secs(10), || {});
    assert_eq!(all(&site), ["link-down link:line"], "what an outage loses is no loss");
    drop(up);
}

/// A link `id` from this side to an address of the other.
fn link(id: &str, far: &str) -> String {
    format!(
        "[[link]]\nid = \"{id}\"\ntier = \"backbone\"\n\
         a = {{ asset = \"core\", interface = \"{id}\", address = \"198.18.0.1\" }}\n\
         b = {{ peer = \"far\", address = \"{far}\" }}\n"
    )
}

const CORE: &str = "[[asset]]\nid = \"core\"\nkind = \"router\"\nzone = \"extranet\"\n";

#[test]
fn an_agent_whose_own_wire_is_cut_blames_itself_and_not_its_links() {
    let Some(lab) = Lab::new("fsb") else { return };
    for far in ["198.18.0.3/24", "198.18.0.4/24"] {
        let more = Command::new("ip").args(["-n", &lab.far, "addr", "add", far, "dev", "w"]).status();
        assert!(more.is_ok_and(|status| status.success()));
    }
    let site = Site::new();
    let links = ["2", "3", "4"].map(|far| link(&format!("line-{far}"), &format!("198.18.0.{far}")));
    site.write("inventory.toml", &format!("{CORE}{}", links.concat()));
    let up = site.up_by(&["ip", "netns", "exec", &lab.near]);
    for_a_while(Duration::from_secs(12), || assert_eq!(all(&site), Vec::<String>::new()));
    let cut = now();
    lab.wire("down");
    let blind = wait_for("probe-fault", SOON, || site.incidents("probe-fault").into_iter().next());
    took("probe-fault", cut);
    assert_eq!((&blind["severity"], &blind["state"]), (&"major".into(), &"open".into()));
    for_a_while(Duration::from_secs(8), || assert_eq!(all(&site), Vec::<String>::new()));
    lab.wire("up");
    wait_for("it sees again", SOON, || {
        site.incidents("probe-fault").iter().any(|i| i["state"] == "resolved").then_some(())
    });
    for_a_while(Duration::from_secs(8), || assert_eq!(all(&site), Vec::<String>::new()));
    drop(up);
}

#[test]
fn a_line_that_loses_every_fourth_packet_is_degraded_and_not_down() {
    let Some(lab) = Lab::new("fsd") else { return };
    let nft = |rules: &str| {
        let set = Command::new("ip").args(["netns", "exec", &lab.far, "nft", rules]).output();
        set.is_ok_and(|out| out.status.success())
    };
    let drops = "add table ip d; add chain ip d i { type filter hook input priority 0; }; \
                 add rule ip d i icmp type echo-request numgen inc mod 4 == 0 drop";
    if !nft("list tables") {
        println!("not run: needs nft");
        return;
    }
    let site = Site::new();
    site.write("inventory.toml", &format!("{CORE}{}", link("line", "198.18.0.2")));
    let up = site.up_by(&["ip", "netns", "exec", &lab.near]);
    for_a_while(Duration::from_secs(12), || assert_eq!(all(&site), Vec::<String>::new()));
    let began = now();
    assert!(nft(drops));
    incident(&site, "link-degraded", "link:line", "open", SOON);
    took("loss of a quarter", began);
    assert!(began.elapsed() < Duration::from_secs(40));
    for_a_while(Duration::from_secs(5), || assert_eq!(all(&site), ["link-degraded link:line"]));
    drop(up);
}

#[test]
fn a_host_that_dies_is_one_cause_with_its_services_under_it() {
    let Some(lab) = Lab::new("fsh") else { return };
    if snmpd().is_none() {
        return;
    }
    let site = Site::new();
    site.write(
        "inventory.toml",
        "[[asset]]\nid = \"srv\"\nkind = \"host\"\nzone = \"extranet\"\naddress = \"198.18.0.2\"\ntcp = [1705]\n\
         snmp = { secret = \"srv\" }\n",
    );
    let fast = ["asset-icmp", "asset-tcp", "asset-snmp"].map(|id| probe(id, "1s", ""));
    site.write("definitions/probes/fast.toml", &fast.concat());
    site.write("definitions/alerts/params.toml", &threshold("device-restarted", "within_seconds = 0"));
    let _snmpd = Snmpd::start(&site, &["ip", "netns", "exec", &lab.far], "udp:198.18.0.2:161,tcp:198.18.0.2:1705");
    let up = site.up_by(&["ip", "netns", "exec", &lab.near]);
    secret(&site, &["srv"], "public\n");
    wait_for("the plan with the secret", SOON, || {
        let agents = site.json(&["enroll", "list"]);
        agents.iter().any(|a| a["status"]["tasks"].as_u64().is_some_and(|n| n >= 4)).then_some(())
    });
    for_a_while(Duration::from_secs(5), || {});
    assert_eq!(all(&site), Vec::<String>::new());

    let died = now();
    lab.wire("down");
    let down = incident(&site, "asset-down", "asset:srv", "open", SOON);
    took("asset-down at 1 s", died);
    for problem in ["service-down", "snmp-silent"] {
        wait_for(&format!("{problem} to hang under asset-down"), SOON, || {
            of(&site, problem, "asset:srv").first().is_some_and(|i| hangs_under(i, &down)).then_some(())
        });
    }
    let symptoms = shown(&site, &down)["symptoms"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<&str> = symptoms.iter().filter_map(|s| s["problem"].as_str()).collect();
    names.sort_unstable();
    assert!(names.starts_with(&["service-down", "snmp-silent"]) || names.contains(&"asset-loss"), "{names:?}");
    let page = site.run(&["incident", "show", down["id"].as_str().unwrap()]);
    assert!(text(&page.stdout).contains("service-down") && text(&page.stdout).contains("snmp-silent"));

    lab.wire("up");
    for problem in ["asset-down", "service-down", "snmp-silent"] {
        let ended = incident(&site, problem, "asset:srv", "resolved", LATER);
        assert!(!kinds(&site, &ended).contains(&"unfolded".to_owned()), "{problem} {:?}", kinds(&site, &ended));
    }
    drop(up);
}
