//! The program under test: a console in the management namespace and an agent on each core router, the real
//! binary, told what the network is by an inventory and by definitions that differ from the shipped ones in
//! their rhythm and holds alone.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use fengsui::net::clock::Clock;
use fengsui::net::http::Client;
use serde_json::Value;

use super::world::{self, CONSOLE, World};

/// The binary that cargo built beside this one.
const BINARY: &str = env!("CARGO_BIN_EXE_fengsui");
/// A link that is a tunnel between the networks behind two routers.
const ROUTED: &str = "routed";
/// The longest answer read from the console.
const MAX_ANSWER: usize = 16 << 20;
/// The longest that anything may take to start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Agents, each by the router it stands on.
pub(crate) const AGENTS: [&str; 2] = ["p1", "p2"];

/// Console and agents, running; ended when dropped.
pub(crate) struct Stage {
    dir: PathBuf,
    clock: Clock,
    client: Client,
    console: Child,
    agents: Vec<Child>,
}

impl Stage {
    /// Starts all of it and waits until every agent carries out its plan.
    pub(crate) async fn set(world: &World, dir: &Path) -> Result<Self, String> {
        let clock = Clock::system();
        write(
            dir,
            "console.toml",
            &format!("listen = \"127.0.0.1:8080\"\nagent_listen = \"{CONSOLE}:8443\"\nnames = [\"{CONSOLE}\"]\n"),
        )?;
        write(dir, "definitions/probes/lab.toml", &definitions()?)?;
        let mut console = world.inside("m", BINARY);
        console.args(["console", "--config"]).arg(dir.join("console.toml")).arg("--data").arg(dir.join("data"));
        console.arg("--definitions").arg(dir.join("definitions"));
        let console = spawn(console, &dir.join("console.log"))?;
        let client = Client::unix(dir.join("data/admin.sock"), MAX_ANSWER, clock.clone());
        let mut stage = Self { dir: dir.to_owned(), clock, client, console, agents: Vec::new() };
        stage.until("the console to be ready", async |stage| stage.get("/readyz").await.is_ok()).await?;
        let inventory = write(dir, "inventory.toml", &inventory())?;
        stage.run(world, &["inventory", "apply", &inventory], "")?;
        for router in world::WITH_SNMP {
            stage.run(world, &["secret", "set", router, "--type", "snmp-v2c"], "public\n")?;
        }
        for router in AGENTS {
            stage.enrol(world, router)?;
            let agent = stage.agent(world, router)?;
            stage.agents.push(agent);
        }
        let want = world::lines().len() + 1;
        stage
            .until("the agents to carry out their plans", async |stage| {
                let listed = stage.get("/api/v1/agents").await.unwrap_or_default();
                let tasks = |a: &Value| a["status"]["tasks"].as_u64().unwrap_or(0);
                let tasks: Vec<u64> = listed["items"].as_array().into_iter().flatten().map(tasks).collect();
                tasks.len() == AGENTS.len()
                    && tasks.iter().all(|n| *n > 0)
                    && tasks.iter().sum::<u64>() >= want as u64
            })
            .await?;
        Ok(stage)
    }

    fn enrol(&self, world: &World, router: &str) -> Result<(), String> {
        let told = self.run(world, &["enroll", "token", router], "")?;
        let token = told.trim().lines().last().unwrap_or_default().to_owned();
        let print = told.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 64);
        let print = print.ok_or_else(|| format!("no fingerprint in: {told}"))?;
        let (url, data) = (format!("https://{CONSOLE}:8443"), self.dir.join(router).display().to_string());
        let mut join = world.inside(router, BINARY);
        join.args(["enroll", "join", router, "--console", &url, "--ca-fingerprint", print, "--data", &data]);
        output(join, &format!("{token}\n"))?;
        let settings =
            format!("id = \"{router}\"\n\n[console]\nurl = \"{url}\"\n\n[reflector]\nlisten = \"0.0.0.0:862\"\n");
        write(&self.dir, &format!("{router}.toml"), &settings).map(drop)
    }

    fn agent(&self, world: &World, router: &str) -> Result<Child, String> {
        let mut agent = world.inside(router, BINARY);
        agent.args(["agent", "--config"]).arg(self.dir.join(format!("{router}.toml")));
        agent.arg("--data").arg(self.dir.join(router));
        spawn(agent, &self.dir.join(format!("{router}.log")))
    }

    /// Ends an agent, by force, and starts it again.
    pub(crate) fn restart_agent(&mut self, world: &World, router: &str) -> Result<(), String> {
        let again = self.agent_at(router)?;
        let _ = self.agents.get_mut(again).map(Child::kill);
        let _ = self.agents.get_mut(again).map(Child::wait);
        let child = self.agent(world, router)?;
        if let Some(slot) = self.agents.get_mut(again) {
            *slot = child;
        }
        Ok(())
    }

    fn agent_at(&self, router: &str) -> Result<usize, String> {
        AGENTS.iter().position(|name| *name == router).ok_or_else(|| format!("no agent on {router}"))
    }

    /// Runs the command line against the console.
    fn run(&self, world: &World, args: &[&str], input: &str) -> Result<String, String> {
        let mut command = world.inside("m", BINARY);
        command.args(args).arg("--data").arg(self.dir.join("data"));
        output(command, input)
    }

    /// Asks the console as an administrator on its machine.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, String> {
        get(&self.client, path).await
    }

    /// To ask from elsewhere.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits until it holds.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) -> Result<(), String> {
        let wait = async {
            while !holds(self).await {
                self.clock.sleep(Duration::from_millis(200)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.map_err(|_| format!("waited {PATIENCE:?} in vain for {what}"))
    }

    /// What went wrong by the daemons' own account, for a run that failed.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        for name in ["console"].into_iter().chain(AGENTS) {
            let text = std::fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap_or_default();
            let bad = text.lines().filter(|l| l.contains("ERROR") || l.contains("panicked"));
            found.extend(bad.map(|l| format!("{name}: {l}")));
        }
        found
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.agents.iter_mut().chain([&mut self.console]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn get(client: &Client, path: &str) -> Result<Value, String> {
    let headers = [("accept-language", "en")];
    let answer = client.request("GET", path, &headers, Vec::new(), Duration::from_secs(10)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("{path}: {} {}", answer.status, answer.reason()));
    }
    Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// Incidents that are open or acknowledged, symptoms too.
pub(crate) async fn active(client: &Client) -> Result<Vec<Value>, String> {
    let mut found = get(client, "/api/v1/incidents?state=open,acked&limit=1000").await?;
    Ok(found["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn write(dir: &Path, name: &str, text: &str) -> Result<String, String> {
    let path = dir.join(name);
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(&path, text)).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.display().to_string())
}

fn spawn(mut command: std::process::Command, log: &Path) -> Result<Child, String> {
    let log = File::options().create(true).append(true).open(log).map_err(|error| error.to_string())?;
    let copy = log.try_clone().map_err(|error| error.to_string())?;
    command.env("LANG", "C.UTF-8").env("FENGSUI_LOG", "info").env_remove("STATE_DIRECTORY");
    command.stdout(copy).stderr(log).spawn().map_err(|error| error.to_string())
}

/// All that a command prints; an error unless it ends well.
fn output(mut command: std::process::Command, input: &str) -> Result<String, String> {
    command.env("LANG", "C.UTF-8").env_remove("LC_ALL");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes()); // one that reads nothing has closed it
    }
    let done = child.wait_with_output().map_err(|error| error.to_string())?;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if done.status.success() { Ok(format!("{err}{out}")) } else { Err(format!("{command:?}: {err}")) }
}

/// Shipped probes that run more often here, and rules that clear sooner, so that a run takes minutes: table, id, and
/// the lines that differ. No threshold of a link's loss or silence is another.
const RHYTHM: &[(&str, &str, &str)] = &[
    ("[[probe]]", "asset-snmp", "interval = \"5s\"\ntimeout = \"4s\""),
    ("[[probe]]", "link-path", "interval = \"5s\"\ntimeout = \"4s\""),
    ("[[probe]]", "link-mtu", "interval = \"10s\"\ntimeout = \"9s\""),
    ("[[rule]]", "link-loss", "clear_for = \"20s\""),
    ("[[rule]]", "link-latency", "clear_for = \"10s\""),
    ("[[rule]]", "link-jitter", "for = \"5s\"\nclear_for = \"10s\""),
    ("[[rule]]", "link-path", "clear_for = \"2s\""),
];
/// What looks back over hours, what tells that everything here has just been started, and what this machine itself
/// suffers from: its agents' hosts are all this one.
const WITHOUT: &[&str] =
    &["link-loss-slow", "link-sla", "device-restarted", "host-cpu", "host-memory", "host-disk-full"];
/// Learns within a minute what takes ten.
const LEARNS: &str =
    "[[override]]\nrule = \"link-latency\"\nwhere = 'link.tier != \"\"'\nparams = { of = 15, learn = 5 }\n";

/// The shipped definitions as the lab changes them; what is not shipped is not changed.
fn definitions() -> Result<String, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shipped = String::new();
    for folder in ["probes", "alerts/rules"] {
        let entries = std::fs::read_dir(top.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        for entry in entries.flatten().filter(|e| e.path().is_file()) {
            shipped += &std::fs::read_to_string(entry.path()).map_err(|error| error.to_string())?;
            shipped.push('\n');
        }
    }
    let mut text = String::new();
    // A block is a header and the lines up to the next one.
    for (at, _) in shipped.match_indices("\n[[").chain(shipped.starts_with("[[").then_some((0, ""))) {
        let block = shipped.get(at..).unwrap_or_default().trim_start();
        let block = block.split("\n[[").next().unwrap_or_default();
        let id = |id: &str| block.lines().any(|line| line.starts_with(&format!("id = \"{id}\"")));
        if let Some((.., lines)) = RHYTHM.iter().find(|(table, name, _)| block.starts_with(table) && id(name)) {
            let keys: Vec<&str> = lines.lines().filter_map(|line| line.split(" =").next()).collect();
            let kept = block.lines().filter(|l| !keys.contains(&l.split(" =").next().unwrap_or_default()));
            text += &format!("{}\n{lines}\n\n", kept.collect::<Vec<_>>().join("\n"));
        } else if WITHOUT.iter().any(|name| id(name)) {
            text += &format!("{block}\ndisabled = true\n\n");
        }
        if id("link-latency") {
            text += LEARNS;
        }
    }
    Ok(text)
}

/// The network as an operator would declare it.
fn inventory() -> String {
    let mut text = String::from(
        "[[region]]\nid = \"652900\"\nname = \"阿克苏地区\"\ntier = \"prefecture\"\n\n[[organisation]]\nid = \"egov\"\nname = \"地区电子政务管理办公室\"\n",
    );
    for router in AGENTS {
        let _ = write!(text, "\n[[agent]]\nid = \"{router}\"\nzone = \"extranet\"\nregion = \"652900\"\n");
    }
    let asset = |text: &mut String, id: &str, kind: &str, address: &str, depends: &str| {
        let snmp =
            if world::WITH_SNMP.contains(&id) { format!("snmp = {{ secret = \"{id}\" }}\n") } else { String::new() };
        let _ = write!(
            text,
            "\n[[asset]]\nid = \"{id}\"\nname = \"{id}\"\nkind = \"{kind}\"\naddress = \"{address}\"\nzone = \"extranet\"\n\
             region = \"652900\"\nowner = \"egov\"\nwatch = {{ agents = [\"p1\"], mode = \"first\" }}\n{depends}{snmp}"
        );
    };
    let lines = world::lines();
    for router in world::routers() {
        // What lies behind all the lines that lead to it: unreachable only when every one of them is down.
        let to: Vec<String> = lines.iter().filter(|l| l.far == router).map(|l| format!("\"{}\"", l.name)).collect();
        let far = !matches!(router.as_str(), "p1" | "p2");
        let depends = if far { format!("depends_on = [[{}]]\n", to.join(", ")) } else { String::new() };
        let net = world::lan(&router);
        asset(&mut text, &router, "router", &format!("{net}.1"), &depends);
        let devices = if router == "t" { world::SITE_DEVICES } else { usize::from(far) };
        for n in 1..=devices {
            asset(&mut text, &format!("{router}-host-{n}"), "host", &format!("{net}.{}", 10 + n), &depends);
        }
    }
    for line in lines {
        let (name, near, far) = (&line.name, &line.near, &line.far);
        let _ = write!(
            text,
            "\n[[link]]\nid = \"{name}\"\nname = \"{near} - {far}\"\ntier = \"backbone\"\ncapacity = \"1Gbps\"\n\
             a = {{ asset = \"{near}\", interface = \"{name}\", address = \"{}\" }}\n\
             b = {{ asset = \"{far}\", interface = \"{name}\", address = \"{}\" }}\n\
             watch = [{{ agent = \"{near}\", to = \"b\" }}]\n\
             carrier = {{ name = \"运营商\", circuit = \"AKS-{name}\", hotline = \"10000\" }}\n{}",
            line.near_address,
            line.far_address,
            // An agent stands at both ends of this one, and reflects.
            if line.name == "p1-p2" { "tags = [\"stamp\"]\n" } else { "" },
        );
    }
    // One that has no wire of its own: it goes wherever the routers send it.
    let ends = ["p1", "r"].map(|router| {
        format!("{{ asset = \"{router}\", interface = \"lan\", address = \"{}.1\" }}", world::lan(router))
    });
    let _ = write!(
        text,
        "\n[[link]]\nid = \"{ROUTED}\"\nname = \"p1 ~ r\"\ntier = \"backbone\"\na = {}\nb = {}\n\
         watch = [{{ agent = \"p1\", to = \"b\" }}]\n",
        ends[0], ends[1]
    );
    text
}
