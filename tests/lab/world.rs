//! The network: a region, a prefecture with two core routers, nine counties each with a line to both, and a site
//! with one line only. Every router is a network namespace with FRR, its lines lead through the relay's
//! namespace, so that a line can fail without its ports going down. All of it goes away when dropped.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Counties of the prefecture.
pub(crate) const COUNTIES: usize = 9;
/// Devices behind the one line of the site `t`.
pub(crate) const SITE_DEVICES: usize = 20;
/// Routers that answer SNMP and speak LLDP: both cores and one county.
pub(crate) const WITH_SNMP: [&str; 3] = ["p1", "p2", "c1"];
/// Where FRR brings snmpd its OSPF-MIB: in every router, to itself.
const AGENTX: &str = "tcp:127.0.0.1:705";
/// Where agents call, in the namespace `m`.
pub(crate) const CONSOLE: &str = "192.0.2.1";

/// A line between two routers.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its name, and that of its interface on both sides.
    pub(crate) name: String,
    /// The router nearer to the prefecture's centre; an agent there probes it.
    pub(crate) near: String,
    /// The other.
    pub(crate) far: String,
    /// Address of the near end.
    pub(crate) near_address: String,
    /// Address of the far end.
    pub(crate) far_address: String,
}

/// All lines: both cores to the region and to each other, every county to both cores, the site to one.
pub(crate) fn lines() -> Vec<Line> {
    let mut ends = vec![("p1".to_owned(), "r".to_owned()), ("p2".into(), "r".into()), ("p1".into(), "p2".into())];
    for county in 1..=COUNTIES {
        ends.extend(["p1", "p2"].map(|core| (core.to_owned(), format!("c{county}"))));
    }
    ends.push(("p1".into(), "t".into()));
    let line = |(at, (near, far)): (usize, (String, String))| Line {
        name: format!("{near}-{far}"),
        near,
        far,
        near_address: format!("198.19.{at}.1"),
        far_address: format!("198.19.{at}.2"),
    };
    ends.into_iter().enumerate().map(line).collect()
}

/// Routers, each a namespace.
pub(crate) fn routers() -> Vec<String> {
    let counties = (1..=COUNTIES).map(|n| format!("c{n}"));
    ["r", "p1", "p2", "t"].into_iter().map(str::to_owned).chain(counties).collect()
}

/// The network behind a router, whose addresses all answer: `198.18.N.1` to `.254`.
pub(crate) fn lan(router: &str) -> String {
    let at = routers().iter().position(|name| name == router).unwrap_or_default();
    format!("198.18.{at}")
}

/// The network, running.
pub(crate) struct World {
    prefix: String,
    dir: PathBuf,
    relay: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
    snmp: Vec<Child>,
}

impl World {
    /// Builds it; `why` it cannot be is for people to read.
    pub(crate) fn build(dir: &Path) -> Result<Self, String> {
        let prefix = format!("lab{}", std::process::id());
        let mut world = Self { prefix, dir: dir.to_owned(), relay: None, snmp: Vec::new() };
        world.sh(&world.layout()).map_err(|why| format!("no network namespaces here: {why}"))?;
        world.start_relay().map_err(|error| format!("the relay does not start: {error}"))?;
        // FRR's programs look for snmpd when they start, and then seldom.
        world.manage()?;
        world.route()?;
        Ok(world)
    }

    /// The full name of a namespace.
    pub(crate) fn netns(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A command inside a namespace; `ip netns exec` becomes it.
    pub(crate) fn inside(&self, name: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns(name)]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs shell lines to their end; `@` stands for the prefix of the namespaces.
    pub(crate) fn sh(&self, script: &str) -> Result<String, String> {
        let text = format!("set -e\n{}", script.replace('@', &self.prefix));
        let done = Command::new("sh").args(["-c", &text]).stdin(Stdio::null()).output();
        let done = done.map_err(|error| error.to_string())?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(format!("{said} ({})", script.lines().next().unwrap_or_default()))
    }

    /// Changes what a line does; see `tests/lab/relay.rs`.
    pub(crate) fn line(&mut self, name: &str, way: &str, does: &str) -> Result<(), String> {
        match self.order(&format!("set {name} {way} {does}"))?.as_str() {
            "ok" => Ok(()),
            other => Err(other.to_owned()),
        }
    }

    /// What the relay counted.
    pub(crate) fn counts(&mut self) -> Result<serde_json::Value, String> {
        serde_json::from_str(&self.order("tell")?).map_err(|error| error.to_string())
    }

    fn order(&mut self, order: &str) -> Result<String, String> {
        let (_, orders, answers) = self.relay.as_mut().ok_or("the relay is gone")?;
        writeln!(orders, "{order}").map_err(|error| error.to_string())?;
        let mut answer = String::new();
        answers.read_line(&mut answer).map_err(|error| error.to_string())?;
        Ok(answer.trim().to_owned())
    }

    /// Namespaces, wires and addresses.
    fn layout(&self) -> String {
        let mut script = String::new();
        let mut say = |line: String| writeln!(script, "{line}").unwrap_or_default();
        for name in routers().iter().map(String::as_str).chain(["x", "m"]) {
            say(format!("ip netns add @{name}; ip -n @{name} link set lo up"));
            say(format!("ip netns exec @{name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1"));
        }
        for line in lines() {
            for (router, address, end) in [(&line.near, &line.near_address, "a"), (&line.far, &line.far_address, "b")]
            {
                let name = &line.name;
                say(format!("ip -n @{router} link add {name} type veth peer name {name}.{end} netns @x"));
                say(format!("ip netns exec @{router} ethtool -K {name} tx off tso off gso off gro off >/dev/null"));
                say(format!("ip -n @{router} addr add {address}/30 dev {name}; ip -n @{router} link set {name} up"));
                say(format!("ip -n @x link set {name}.{end} up"));
            }
        }
        // The network behind a router: one wire into itself keeps it up, and every address of it answers.
        for router in routers() {
            let net = lan(&router);
            say(format!("ip -n @{router} link add lan type veth peer name lan.end"));
            say(format!("ip -n @{router} link set lan up; ip -n @{router} link set lan.end up"));
            say(format!("ip -n @{router} addr add {net}.1/24 dev lan"));
            say(format!("ip -n @{router} route add local {net}.0/24 dev lo"));
        }
        // Management, which no fault touches: the console and the cores.
        say("ip -n @m link add mg type bridge; ip -n @m link set mg up".into());
        say(format!("ip -n @m addr add {CONSOLE}/24 dev mg"));
        for (at, router) in ["p1", "p2", "c1"].into_iter().enumerate() {
            say(format!("ip -n @{router} link add mg type veth peer name mg.{router} netns @m"));
            say(format!("ip -n @{router} addr add 192.0.2.{}/24 dev mg; ip -n @{router} link set mg up", 11 + at));
            say(format!("ip -n @m link set mg.{router} master mg up"));
        }
        script
    }

    fn start_relay(&mut self) -> io::Result<()> {
        // Before all others: a line does not become slow because this machine is busy.
        let mut command = self.inside("x", "chrt");
        command.args(["-f", "20"]).arg(std::env::current_exe()?).args(["relay", "--seed", "1"]);
        for line in lines() {
            command.args([line.name.clone(), format!("{}.a", line.name), format!("{}.b", line.name)]);
        }
        let mut relay = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(orders), Some(answers)) = (relay.stdin.take(), relay.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let mut answers = BufReader::new(answers);
        let mut ready = String::new();
        answers.read_line(&mut ready)?;
        self.relay = Some((relay, orders, answers));
        if ready.trim() == "ready" { Ok(()) } else { Err(io::Error::other(format!("it says {ready:?}"))) }
    }

    /// FRR in every router: OSPF on its lines and on the network behind it.
    fn route(&self) -> Result<(), String> {
        let mut script = String::new();
        for (at, router) in routers().iter().enumerate() {
            let mut conf = format!("hostname {router}\nrouter ospf\n ospf router-id 10.65.0.{}\n", at + 1);
            conf += " network 198.18.0.0/15 area 0\n timers throttle spf 50 100 1000\n passive-interface lan\n";
            for line in lines().iter().filter(|l| l.near == *router || l.far == *router) {
                let name = &line.name;
                let _ = write!(conf, "interface {name}\n ip ospf network point-to-point\n");
                conf += " ip ospf hello-interval 2\n ip ospf dead-interval 8\n";
            }
            let told = if WITH_SNMP.contains(&router.as_str()) { "-M snmp" } else { "" };
            if !told.is_empty() {
                conf += "agentx\n";
            }
            let folder = self.vty(router);
            let folder = folder.display();
            // FRR's programs run as a user of their own and talk to each other by sockets in this folder.
            let _ = write!(
                script,
                "mkdir -p {folder}; cat >{folder}/conf <<'END'\n{conf}END\n\
                 echo 'agentXSocket {AGENTX}' >{folder}/frr.conf\n\
                 chown -R frr:frr {folder}; chmod 755 {folder}\n\
                 for d in zebra ospfd; do\n\
                 c=/dev/null; m=; [ $d = zebra ] || {{ c={folder}/conf; m='{told}'; }}\n\
                 SNMPCONFPATH={folder} ip netns exec @{router} /usr/lib/frr/$d -d $m -f $c -i {folder}/$d.pid -z {folder}/z.sock \
                 --vty_socket {folder} -P 0 -u frr -g frr >/dev/null 2>&1\ndone\n"
            );
        }
        self.sh(&script).map(drop).map_err(|why| format!("FRR does not start: {why}"))
    }

    /// Where a router's FRR has its sockets.
    pub(crate) fn vty(&self, router: &str) -> PathBuf {
        self.dir.join("frr").join(router)
    }

    /// snmpd and lldpd where there are some.
    fn manage(&mut self) -> Result<(), String> {
        // lldpd's unprivileged half lives there; its package's own service would make it.
        std::fs::create_dir_all("/run/lldpd").map_err(|error| error.to_string())?;
        for router in WITH_SNMP {
            let folder = self.dir.join("snmp").join(router);
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            let conf = folder.join("conf");
            let text = format!(
                "rocommunity public\nsysName {router}\nmaster agentx\nagentXSocket {}/agentx,{AGENTX}\n",
                folder.display()
            );
            std::fs::write(&conf, text).map_err(|error| error.to_string())?;
            let mut snmpd = self.inside(router, "snmpd");
            snmpd.args(["-f", "-Lf", "/dev/null", "-C", "-c"]).arg(&conf).arg("-p").arg(folder.join("pid"));
            snmpd.arg(format!("udp:{}.1:161", lan(router))).env("SNMP_PERSISTENT_DIR", &folder);
            let mut lldpd = self.inside(router, "lldpd");
            lldpd.args(["-d", "-S", router, "-I", "p1-*,p2-*", "-u"]).arg(folder.join("lldpd"));
            lldpd.arg("-x").arg("-X").arg(folder.join("agentx"));
            for command in [&mut snmpd, &mut lldpd] {
                let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                self.snmp.push(child.map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }

    /// Whether a router tells its neighbours by SNMP, all of them.
    pub(crate) fn tells_neighbours(&self, router: &str) -> bool {
        let want = lines().iter().filter(|l| l.near == router || l.far == router).count();
        let mut walk = self.inside(router, "snmpwalk");
        walk.args(["-v2c", "-cpublic", "-On", &format!("{}.1", lan(router)), "1.3.6.1.2.1.14.10.1.6"]);
        walk.output().is_ok_and(|out| String::from_utf8_lossy(&out.stdout).lines().count() == want)
    }

    /// Whether every router sees all its neighbours.
    pub(crate) fn is_routed(&self) -> bool {
        let all = lines();
        routers().iter().all(|router| {
            let want = all.iter().filter(|l| l.near == *router || l.far == *router).count();
            self.vtysh(router, "show ip ospf neighbor").is_ok_and(|told| told.matches("Full/").count() == want)
        })
    }

    /// Asks a router's FRR, or tells it: lines of a command each.
    pub(crate) fn vtysh(&self, router: &str, commands: &str) -> Result<String, String> {
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("--vty_socket").arg(self.vty(router)).args(["-d", "ospfd"]);
        for command in commands.lines() {
            vtysh.args(["-c", command]);
        }
        let done = vtysh.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in &mut self.snmp {
            let _ = child.kill();
            let _ = child.wait();
        }
        let mut script = String::new();
        for router in routers() {
            let folder = self.vty(&router);
            let _ = writeln!(
                script,
                "for f in {}/*.pid; do [ ! -e $f ] || kill $(cat $f) || true; done",
                folder.display()
            );
        }
        for name in routers().iter().map(String::as_str).chain(["x", "m"]) {
            let _ = writeln!(script, "ip netns del @{name} 2>/dev/null || true");
        }
        if let Some((mut relay, orders, _)) = self.relay.take() {
            drop(orders);
            let _ = relay.wait();
        }
        if let Err(why) = self.sh(&script) {
            eprintln!("the network was not taken down whole: {why}");
        }
    }
}
