//! Faults made and undone: each is a command to the relay, to a router's kernel, to its FRR, or to a process.

use std::io;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::scenario::{Deed, Fault, Way};
use super::stage::Stage;
use super::world::{Line, World, lines};

/// What a fault may need to be undone: processes that end with it.
#[derive(Default)]
pub(crate) struct Undo(Vec<Child>);

/// Bytes of a packet of a flood.
const FLOOD: usize = 56;
/// And of its headers.
const HEADERS: usize = 42;

impl Drop for Undo {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Lets a fault begin.
pub(crate) fn begin(fault: &Fault, world: &mut World, stage: &mut Stage) -> Result<Undo, String> {
    match fault.deed {
        Deed::Hog => return hog(&fault.with),
        Deed::Flood => {
            let line = line(&fault.on)?;
            let own = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut flood = world.inside(&line.near, own);
            flood.args(["flood", &format!("{}:9", line.far_address), &fault.with]);
            return flood.spawn().map(|child| Undo(vec![child])).map_err(|error| error.to_string());
        }
        Deed::Restart => stage.restart_agent(world, &fault.on)?,
        Deed::Line => world.line(&fault.on, relay_way(fault.way), &fault.with)?,
        Deed::Cut => world.line(&fault.on, relay_way(fault.way), "cut")?,
        Deed::BlackHole => world.line(&fault.on, relay_way(fault.way), &format!("longest={}", fault.with))?,
        Deed::Cost => cost(fault, world, &fault.with)?,
        Deed::Deaf => world.sh(&deaf(fault, true)).map(drop)?,
        Deed::Drop | Deed::PortDown | Deed::Shutdown | Deed::Mtu | Deed::Shape | Deed::Adjacency => {
            world.sh(&kernel(fault, &line(&fault.on)?, true)).map(drop)?;
        }
    }
    Ok(Undo::default())
}

/// Ends it.
pub(crate) fn end(fault: &Fault, world: &mut World) -> Result<(), String> {
    match fault.deed {
        Deed::Hog | Deed::Flood | Deed::Restart => Ok(()),
        Deed::Line | Deed::Cut | Deed::BlackHole => world.line(&fault.on, relay_way(fault.way), ""),
        Deed::Cost => cost(fault, world, "10"),
        Deed::Deaf => world.sh(&deaf(fault, false)).map(drop),
        Deed::Drop | Deed::PortDown | Deed::Shutdown | Deed::Mtu | Deed::Shape | Deed::Adjacency => {
            world.sh(&kernel(fault, &line(&fault.on)?, false)).map(drop)
        }
    }
}

fn line(name: &str) -> Result<Line, String> {
    lines().into_iter().find(|line| line.name == name).ok_or_else(|| format!("no line `{name}`"))
}

fn relay_way(way: Way) -> &'static str {
    match way {
        Way::Both => "both",
        Way::Near => "a",
        Way::Far => "b",
    }
}

/// The shell lines that begin or end a fault of a router's own.
fn kernel(fault: &Fault, line: &Line, begins: bool) -> String {
    let (name, with) = (&line.name, &fault.with);
    let (near, far) = (&line.near, &line.far);
    let ends: &[&String] = match fault.way {
        Way::Both => &[near, far],
        Way::Near => &[near],
        Way::Far => &[far],
    };
    let turn = if begins { "down" } else { "up" };
    let some = if with == "100" { String::new() } else { format!("numgen random mod 100 < {with}") };
    let each = |text: &dyn Fn(&str) -> String| ends.iter().map(|at| text(at) + "\n").collect::<String>();
    match (fault.deed, begins) {
        (Deed::Drop, true) => ingress(far, name, &some),
        (Deed::Drop, false) => format!("ip netns exec @{far} nft delete table netdev lab_{name}"),
        (Deed::Adjacency, true) => each(&|at| ingress(at, name, "ip protocol 89")),
        (Deed::Adjacency, false) => each(&|at| format!("ip netns exec @{at} nft delete table netdev lab_{name}")),
        (Deed::PortDown, _) => {
            // The other end of the wire, on the carrier's side.
            let sides = if fault.way == Way::Near {
                "a"
            } else if fault.way == Way::Far {
                "b"
            } else {
                "ab"
            };
            sides.chars().map(|end| format!("ip -n @x link set {name}.{end} {turn}\n")).collect()
        }
        (Deed::Shutdown, _) => each(&|at| format!("ip -n @{at} link set {name} {turn}")),
        (Deed::Mtu, _) => {
            each(&|at| format!("ip -n @{at} link set {name} mtu {}", if begins { with } else { "1500" }))
        }
        // A queue that counts packets: one that counts bytes has room for small ones while it drops others.
        (Deed::Shape, true) => format!(
            "tc -n @{near} qdisc add dev {name} root handle 1: tbf rate {with} burst 4kb latency 100ms\n\
             tc -n @{near} qdisc add dev {name} parent 1: pfifo limit 100"
        ),
        (Deed::Shape, false) => format!("tc -n @{near} qdisc del dev {name} root"),
        _ => String::new(),
    }
}

/// What comes in there, and is meant, is dropped before anything sees it.
fn ingress(at: &str, port: &str, meant: &str) -> String {
    format!(
        "ip netns exec @{at} nft -f - <<'END'\ntable netdev lab_{port} {{\nchain in {{\n\
         type filter hook ingress device \"{port}\" priority 0;\n{meant} drop\n}}\n}}\nEND"
    )
}

fn deaf(fault: &Fault, begins: bool) -> String {
    let at = &fault.on;
    if begins {
        format!(
            "ip netns exec @{at} nft -f - <<'END'\ntable ip lab_deaf {{\nchain in {{\n\
             type filter hook prerouting priority 0;\nicmp type echo-reply drop\n}}\n}}\nEND"
        )
    } else {
        format!("ip netns exec @{at} nft delete table ip lab_deaf")
    }
}

fn cost(fault: &Fault, world: &World, cost: &str) -> Result<(), String> {
    let line = line(&fault.on)?;
    let commands = format!("configure terminal\ninterface {}\nip ospf cost {cost}", line.name);
    world.vtysh(&line.near, &commands).map(drop)
}

fn hog(with: &str) -> Result<Undo, String> {
    let mut undo = Undo::default();
    let count: usize = with.parse().map_err(|_| format!("`{with}` is no number of processes"))?;
    for _ in 0..count {
        let hog = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn();
        undo.0.push(hog.map_err(|error| error.to_string())?);
    }
    Ok(undo)
}

/// Sends packets to an address, so many kilobits a second, until it is ended.
pub(crate) fn flood(to: &str, kilobits: u64) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    let each = Duration::from_secs_f64((FLOOD + HEADERS) as f64 * 8.0 / (kilobits.max(1) as f64 * 1e3));
    let began = Instant::now();
    for number in 0u32.. {
        std::thread::park_timeout((each * number).saturating_sub(began.elapsed()));
        let _ = socket.send(&[0; FLOOD]); // nobody listens there, and the queue may be full
    }
    Ok(())
}
