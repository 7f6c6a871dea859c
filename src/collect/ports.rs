//! The loop of a collector: its ports, what comes by them, and when what was heard is handed on.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::codec::syslog::Frames;
use crate::net::error::NetError;
use crate::net::hear::{Handed, Talk, Tcp, Udp};
use crate::net::sock::{BATCH, Inbox};
use crate::net::stop::{self, Stop};

use super::desk::Desk;
use super::{Kind, Said, Terms, Wires};

/// A port that could not be had is tried again this often.
const BIND_AGAIN: Duration = Duration::from_secs(30);
/// What was heard is handed on this often at least.
const HAND_ON: Duration = Duration::from_millis(200);
/// Once something has come, so long is waited for more: one wake-up for all of it. The kernel keeps it meanwhile: 20,000 a
/// second are 200 by then, and the smallest usual buffer holds more.
const GATHER: Duration = Duration::from_millis(10);
/// Times that a port is read before others get their turn, `BATCH` datagrams each.
const TURN: usize = 16;
/// Lines of streams that wait; then streams are read no further.
const LINES: usize = 1_024;
/// Longest datagram that is taken whole: what an Ethernet of jumbo frames carries; a longer one is cut.
const DATAGRAM: usize = 9_216;

/// Ports that things come in by.
#[derive(Debug, Default)]
pub struct Ports {
    udp: Vec<Udp>,
    tcp: Vec<Tcp>,
}

impl Ports {
    /// Takes over the ports of the service manager, or binds its own at each address.
    pub fn open(kind: &Kind, terms: &mut Terms) -> Result<Self, NetError> {
        let mut ports = Self::default();
        for fd in std::mem::take(&mut terms.handed) {
            match Handed::take(fd)? {
                Handed::Udp(port) => ports.udp.push(port),
                Handed::Tcp(port) => ports.tcp.push(port),
            }
        }
        if ports.udp.is_empty() && ports.tcp.is_empty() {
            for address in &terms.listen {
                let udp = Udp::bind(*address)?;
                if kind.streams {
                    // Port 0 becomes the same for both.
                    ports.tcp.push(Tcp::bind(udp.address())?);
                }
                ports.udp.push(udp);
            }
        }
        Ok(ports)
    }

    /// Where it listens, each address once.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.udp.iter().map(Udp::address).chain(self.tcp.iter().map(Tcp::address));
        let mut all: Vec<SocketAddr> = all.collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Listens until it is stopped; where a port cannot be had it says so, with who holds it, and tries again.
pub async fn run(kind: &'static Kind, mut terms: Terms, wires: Wires) {
    while !wires.stop.is_stopped() {
        match Ports::open(kind, &mut terms) {
            Ok(ports) => {
                (wires.trouble)(kind.name, None);
                tracing::info!(addresses = ?ports.addresses(), "listening for {}", kind.noun);
                return serve(kind, ports, terms, wires).await;
            }
            Err(error) => (wires.trouble)(kind.name, Some(error.to_string())),
        }
        tokio::select! {
            () = wires.clock.sleep(BIND_AGAIN) => {}
            () = wires.stop.stopped() => {}
        }
    }
}

/// Listens on ports until it is stopped.
pub async fn serve(kind: &'static Kind, ports: Ports, terms: Terms, wires: Wires) {
    let Ports { udp, tcp } = ports;
    let (lines, mut line_in) = mpsc::channel(LINES);
    // Ends with this function, whichever way.
    let (_trigger, stop) = stop::pair();
    for port in tcp {
        tokio::spawn(streams(port, lines.clone(), stop.clone()));
    }
    // Held here, so that the channel stays open where there is no TCP port.
    let _lines = lines;
    let mut desk = Desk::new(kind, terms, &wires);
    let mut inbox = Inbox::of(BATCH, DATAGRAM);
    let mut due = wires.clock.mono().plus(HAND_ON);
    loop {
        tokio::select! {
            biased;
            () = wires.stop.stopped() => break,
            () = wires.clock.sleep_until(due) => {}
            Some((from, line)) = line_in.recv() => {
                desk.begin();
                (kind.take)(&mut desk, &Said { from, bytes: &line, port: None });
            }
            () = any_ready(&udp) => wires.clock.sleep(GATHER).await,
        }
        drain(kind, &udp, &mut desk, &mut inbox);
        let now = wires.clock.mono();
        let over = now >= due;
        if over {
            due = now.plus(HAND_ON);
            desk.look_around();
        }
        if (over || desk.is_full()) && !desk.hand_on().await {
            return; // nobody wants it any more
        }
    }
    // What came before the stop was heard.
    drain(kind, &udp, &mut desk, &mut inbox);
    desk.close();
    desk.hand_on().await;
}

fn drain(kind: &Kind, ports: &[Udp], desk: &mut Desk<'_>, inbox: &mut Inbox) {
    desk.begin();
    for port in ports {
        for _ in 0..TURN {
            let came = port.receive(inbox);
            for datagram in inbox.iter().take(came) {
                if let Some(from) = datagram.from {
                    (kind.take)(desk, &Said { from, bytes: datagram.bytes, port: Some(port) });
                }
            }
            if came < BATCH {
                break;
            }
        }
    }
}

async fn any_ready(ports: &[Udp]) {
    let mut ready: Vec<_> = ports.iter().map(|port| Box::pin(port.ready())).collect();
    std::future::poll_fn(|cx| {
        let some = ready.iter_mut().any(|port| port.as_mut().poll(cx).is_ready());
        if some { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Lines of all streams of a port.
async fn streams(port: Tcp, lines: mpsc::Sender<(SocketAddr, Vec<u8>)>, stop: Stop) {
    let talk = |talk: Talk| stream(talk, lines.clone());
    port.accept(stop, talk).await;
}

async fn stream(mut talk: Talk, lines: mpsc::Sender<(SocketAddr, Vec<u8>)>) {
    let (mut frames, from) = (Frames::default(), talk.from());
    while let Some(bytes) = talk.next().await {
        let mut whole = Vec::new();
        frames.push(&bytes, |line| whole.push(line.to_vec()));
        for line in whole {
            if lines.send((from, line)).await.is_err() {
                return;
            }
        }
    }
    let mut last = None;
    frames.finish(|line| last = Some(line.to_vec()));
    if let Some(line) = last {
        let _ = lines.send((from, line)).await; // an error means that we end
    }
}
