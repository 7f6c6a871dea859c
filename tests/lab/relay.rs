//! The relay: a line between pairs of interfaces, in user space. Every frame that arrives at one is put on the
//! other when `tests/lab/impair.rs` says so. Orders come on stdin, one a line, each answered by one line:
//!
//! ```text
//! set NAME a|b|both WORDS...     what goes out at the other end of what `a` sends, of what `b` sends
//! tell                           counts of every way, and how late frames were put out
//! ```
//!
//! It ends with its stdin. The lab runs one for all its lines, a benchmark may run one for its own.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, BufRead as _, Write as _};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use fengsui::net::sock::{Inbox, Queue};
use serde_json::json;
use socket2::Socket;

use super::impair::{Impair, Way};
use super::packet;

/// Frames on their way at one time: 10,000 a second for two seconds; what comes beyond is lost.
const MOST: usize = 20_000;
/// Orders are looked for this often when nothing passes.
const IDLE: Duration = Duration::from_millis(20);

/// A frame on its way: when, the how manieth (the heap keeps the order of equals), where out, its bytes.
type Held = Reverse<(Duration, u64, usize, Vec<u8>)>;

/// An interface that frames come in at, and what happens to them on the way to the other one.
struct Port {
    socket: Socket,
    other: usize,
    way: Way,
}

/// Runs it: `NAME INTERFACE INTERFACE`, and again for each further line.
pub(crate) fn run(words: &[String], seed: u64) -> io::Result<()> {
    let (mut ports, mut names) = (Vec::new(), HashMap::new());
    for line in words.chunks(3) {
        let [name, a, b] = line else { return Err(io::Error::other("a line is NAME INTERFACE INTERFACE")) };
        let at = ports.len();
        names.insert(name.clone(), at);
        for (own, other, interface) in [(at, at + 1, a), (at + 1, at, b)] {
            let way = Way::new(seed.wrapping_add(own as u64));
            ports.push(Port { socket: packet::open(interface)?, other, way });
        }
    }
    let orders = orders();
    println!("ready");
    Relay { ports, names, held: BinaryHeap::new(), number: 0, began: Instant::now(), late: Vec::new() }.serve(&orders)
}

/// What is read from stdin, line by line; ends with it.
fn orders() -> Receiver<String> {
    let (send, orders) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    orders
}

struct Relay {
    ports: Vec<Port>,
    names: HashMap<String, usize>,
    held: BinaryHeap<Held>,
    number: u64,
    began: Instant,
    late: Vec<u32>, // microseconds between when a frame was due and when it went out
}

impl Relay {
    fn serve(&mut self, orders: &Receiver<String>) -> io::Result<()> {
        let mut inbox = Inbox::default();
        loop {
            loop {
                match orders.try_recv() {
                    Ok(order) => println!("{}", self.obey(&order).unwrap_or_else(|error| format!("error {error}"))),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
                io::stdout().flush()?;
            }
            let due = self.held.peek().map_or(IDLE, |Reverse((at, ..))| at.saturating_sub(self.began.elapsed()));
            let sockets: Vec<&dyn AsRawFd> = self.ports.iter().map(|p| &p.socket as &dyn AsRawFd).collect();
            let ready = packet::wait(&sockets, Some(due.min(IDLE)))?;
            for (at, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
                self.take(at, &mut inbox);
            }
            self.give();
        }
    }

    /// Takes what arrived at a port.
    fn take(&mut self, at: usize, inbox: &mut Inbox) {
        let Some(port) = self.ports.get_mut(at) else { return };
        // An interface that is down answers with an error, once: there is nothing to take.
        let Ok(_) = inbox.receive(&port.socket, Queue::Data) else { return };
        let now = self.began.elapsed();
        for frame in inbox.iter() {
            for out in port.way.pass(frame.bytes.len(), now).into_iter().flatten() {
                if self.held.len() < MOST {
                    self.held.push(Reverse((out, self.number, port.other, frame.bytes.to_vec())));
                    self.number += 1;
                }
            }
        }
    }

    /// Puts out what is due.
    fn give(&mut self) {
        let now = self.began.elapsed();
        while self.held.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((due, _, to, bytes))) = self.held.pop() else { return };
            if let Some(port) = self.ports.get(to) {
                // A frame that the other side cannot take is lost, as on any line.
                let _ = port.socket.send(&bytes);
            }
            if self.late.len() < MOST {
                self.late.push(u32::try_from((now - due).as_micros()).unwrap_or(u32::MAX));
            }
        }
    }

    fn obey(&mut self, order: &str) -> Result<String, String> {
        let mut words = order.splitn(4, ' ');
        match words.next() {
            Some("set") => {
                let name = words.next().unwrap_or_default();
                let at = *self.names.get(name).ok_or_else(|| format!("no line `{name}`"))?;
                let ends = match words.next() {
                    Some("a") => at..at + 1,
                    Some("b") => at + 1..at + 2,
                    Some("both") => at..at + 2,
                    other => return Err(format!("{other:?} is not a, b or both")),
                };
                let does = Impair::parse(words.next().unwrap_or_default())?;
                for port in self.ports.get_mut(ends).into_iter().flatten() {
                    port.way.set(does.clone());
                }
                Ok("ok".into())
            }
            Some("tell") => Ok(self.tell()),
            _ => Err(format!("`{order}` is no order")),
        }
    }

    fn tell(&mut self) -> String {
        let mut ways = serde_json::Map::new();
        for (name, at) in &self.names {
            for (end, port) in ["a", "b"].into_iter().zip(self.ports.get(*at..).into_iter().flatten()) {
                let c = port.way.counts;
                let counts =
                    json!({ "frames": c.frames, "lost": c.lost, "doubled": c.doubled, "overtaken": c.overtaken });
                ways.insert(format!("{name} {end}"), counts);
            }
        }
        self.late.sort_unstable();
        let late = |share: usize| self.late.get(self.late.len() * share / 100).copied().unwrap_or(0);
        let told = json!({ "ways": ways, "late_us": { "p50": late(50), "p99": late(99) } });
        self.late.clear();
        told.to_string()
    }
}
