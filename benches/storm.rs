//! What other people's ICMP does to the echo engine: `benches/storm.sh`, which makes a network namespace for it.
//!
//! Echoes to a thousand addresses a second on loopback: quiet; in a flood of foreign and broken ICMP as fast as one
//! core sends it; then while somebody who sees our requests forges answers to each (another cookie, cut short, another
//! source) and doubles the true ones. Then the targets fall silent: whatever counts as answered now is a forgery.
//! Prints rates, CPU per echo, losses and false answers with their limits. Exit 1 if a limit is missed, 3 if it could
//! not be run.
#![allow(clippy::disallowed_methods)] // a benchmark reads the clock and files by itself
#![allow(clippy::unwrap_used)] // whatever cannot be set up ends the run, loudly

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fengsui::codec::icmp::{self, Version};
use fengsui::net::clock::Clock;
use fengsui::net::icmp::{Event, Mode, Pinger, Request};
use fengsui::net::sock::Route;
use socket2::{Domain, Protocol, Socket, Type};

/// Echoes a second, and those that leave together.
const RATE: u64 = 1_000;
const TOGETHER: u64 = 20;
/// How long each part takes.
const SECONDS: u64 = 6;
/// An answer after this is late.
const TIMEOUT: Duration = Duration::from_secs(1);
/// CPU per echo in the flood, as a share of that without, at most: the kernel throws it away in the sender's time.
const MOST_FLOODED: f64 = 1.25;
/// The same with three forgeries and a double an echo, which the kernel cannot tell from answers: we read five for one.
const MOST_FORGED: f64 = 2.5;
/// Switches off the kernel's answers in this namespace.
const SILENT: &str = "/proc/sys/net/ipv4/icmp_echo_ignore_all";

/// What a part of the run saw.
#[derive(Debug, Default)]
struct Seen {
    sent: u64,
    answered: u64,
    late: u64,
    doubled: u64,
    other: u64,
    overflowed: bool,
    foreign: u64,
    micros: f64, // of CPU, an echo
    took: Duration,
    p99: Duration,
}

fn main() -> ExitCode {
    if std::fs::write(SILENT, "0").is_err() || raw().is_none() {
        println!("not run: needs root in a network namespace of its own");
        return ExitCode::from(3);
    }
    let mut missed = false;
    let quiet = part("quiet", &[], &mut missed);
    let flooded = part("flood", &[flood], &mut missed);
    let forged = part("forgeries and doubles", &[forge, double], &mut missed);
    for (name, seen, most) in [("flood", &flooded, MOST_FLOODED), ("forgeries and doubles", &forged, MOST_FORGED)] {
        let share = seen.micros / quiet.micros;
        println!("{name}: {share:.2} of the CPU an echo costs in quiet (limit {most})");
        missed |= share > most;
    }
    std::fs::write(SILENT, "1").unwrap();
    let silent = part("silent targets, flood and forgeries", &[flood, forge], &mut missed);
    std::fs::write(SILENT, "0").unwrap();
    println!("false answers: {} of {} (limit 0)", silent.answered, silent.sent);
    missed |= silent.answered > 0;
    ExitCode::from(u8::from(missed))
}

type Attack = fn(&AtomicBool, &AtomicU64);

/// One part of the run, under attack.
fn part(name: &str, attacks: &[Attack], missed: &mut bool) -> Seen {
    let stop = Arc::new(AtomicBool::new(false));
    let packets = Arc::new(AtomicU64::new(0));
    let attackers: Vec<_> = attacks
        .iter()
        .map(|attack| {
            let (attack, stop, packets) = (*attack, stop.clone(), packets.clone());
            std::thread::spawn(move || attack(&stop, &packets))
        })
        .collect();
    let seen = std::thread::spawn(echoes).join().unwrap();
    stop.store(true, Ordering::Relaxed);
    attackers.into_iter().for_each(|attacker| attacker.join().unwrap());
    let attacked = packets.load(Ordering::Relaxed) as f64 / seen.took.as_secs_f64();
    println!(
        "{name}: {attacked:.0} packets a second; {:.0} echoes a second, {:.2} us of CPU an echo, p99 {:?}; \
         {} sent, {} answered, {} late, {} doubled, {} thrown away here{}",
        seen.sent as f64 / seen.took.as_secs_f64(),
        seen.micros,
        seen.p99,
        seen.sent,
        seen.answered,
        seen.late,
        seen.doubled,
        seen.foreign,
        if seen.overflowed { ", buffer overflowed" } else { "" },
    );
    if !name.starts_with("silent") {
        let lost = seen.sent - seen.answered;
        println!("{name}: {lost} lost, {} late, {} refused (limits 0)", seen.late, seen.other);
        *missed |= lost + seen.late + seen.other > 0 || seen.overflowed;
    }
    seen
}

/// Echoes at an even pace, by this thread alone.
fn echoes() -> Seen {
    let clock = Clock::system();
    let mut pinger = Pinger::new(clock.clone());
    assert_eq!(pinger.open(Version::V4).unwrap(), Mode::Raw);
    std::thread::park_timeout(Duration::from_millis(50)); // the kernel turns its stamps on a little later
    let (mut seen, mut events, mut times) = (Seen::default(), Vec::new(), Vec::new());
    let tick = Duration::from_millis(1000 * TOGETHER / RATE);
    let (began, cpu, start) = (Instant::now(), cpu(), clock.mono());
    let last = RATE * SECONDS / TOGETHER;
    for at in 0..last + TIMEOUT.as_millis() as u64 / tick.as_millis() as u64 {
        pinger.drain(&mut events);
        if at < last {
            let request = |n: u64| Request {
                to: SocketAddr::from((Ipv4Addr::new(127, 20, (n % RATE / 250) as u8, (n % 250 + 1) as u8), 0)),
                size: 56,
                route: Route::default(),
                whole: false,
                deadline: clock.mono().plus(TIMEOUT),
                token: n,
            };
            let requests: Vec<Request> = (at * TOGETHER..(at + 1) * TOGETHER).map(request).collect();
            seen.sent += TOGETHER;
            pinger.send(&requests, &mut events);
        }
        for event in events.drain(..) {
            match event {
                Event::Reply { rtt, late, .. } => {
                    seen.answered += 1;
                    seen.late += u64::from(late);
                    times.extend(rtt);
                }
                Event::Duplicate { .. } => seen.doubled += 1,
                Event::Unreachable { .. } | Event::NotSent { .. } => seen.other += 1,
            }
        }
        let due = began + tick * (at as u32 + 1);
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        if at + 1 == last {
            seen.took = began.elapsed();
        }
    }
    seen.micros = (self::cpu() - cpu).as_secs_f64() * 1e6 / seen.sent as f64;
    seen.foreign = pinger.foreign();
    seen.overflowed = pinger.overflowed(Version::V4, start);
    times.sort_unstable();
    seen.p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    seen
}

/// CPU of this thread so far.
fn cpu() -> Duration {
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(ran.split_whitespace().next().unwrap().parse().unwrap())
}

fn raw() -> Option<Socket> {
    Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), Some(Protocol::ICMPV4)).ok()
}

/// Answers to nobody, errors about other people's packets and shreds of both, as fast as one core sends them.
fn flood(stop: &AtomicBool, packets: &AtomicU64) {
    let socket = raw().unwrap();
    socket.set_recv_buffer_size(0).unwrap(); // it only sends
    let to = SocketAddr::from(([127, 0, 0, 1], 0)).into();
    let mut random = fastrand::Rng::with_seed(3);
    let udp = [0x45, 0, 0, 84, 0, 0, 64, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
    while !stop.load(Ordering::Relaxed) {
        let mut packet = Vec::with_capacity(128);
        icmp::write_request(Version::V4, random.u16(..), random.u16(..), random.u64(..), 56, &mut packet);
        match random.u8(0..4) {
            0 => {
                packet = [&[3, random.u8(0..16), 0, 0, 0, 0, 0, 0][..], &udp, &random.u64(..).to_be_bytes()].concat()
            }
            1 => packet = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &packet].concat(),
            _ => packet[0] = 0,
        }
        if random.u8(0..4) == 0 {
            packet.truncate(random.usize(4..packet.len()));
        }
        summed(&mut packet);
        packets.fetch_add(u64::from(socket.send_to(&packet, &to).is_ok()), Ordering::Relaxed);
    }
}

/// Sees every request, and sends three forgeries of its answer: with another cookie, cut short, from elsewhere.
fn forge(stop: &AtomicBool, packets: &AtomicU64) {
    let mut wire = Wire::new();
    while !stop.load(Ordering::Relaxed) {
        let Some((target, message)) = wire.next(8, 16) else { continue };
        let mut answer = message;
        answer[0] = 0;
        let mut cookie = answer.clone();
        cookie[8] ^= 0x55;
        let cut = answer[..12].to_vec();
        for (packet, from) in [(cookie, target), (cut, target), (answer, Ipv4Addr::new(127, 99, 0, 1))] {
            packets.fetch_add(u64::from(wire.send(from, packet)), Ordering::Relaxed);
        }
    }
}

/// Sends every true answer once more.
fn double(stop: &AtomicBool, packets: &AtomicU64) {
    let mut wire = Wire::new();
    let mut seen = HashSet::new();
    while !stop.load(Ordering::Relaxed) {
        let Some((target, message)) = wire.next(0, 12) else { continue };
        if message.len() == 64 && seen.insert(message.clone()) {
            packets.fetch_add(u64::from(wire.send(target, message)), Ordering::Relaxed);
        }
    }
}

/// A raw socket that sees what goes to and from the targets, and sends in anybody's name.
struct Wire(Socket);

impl Wire {
    fn new() -> Self {
        let socket = raw().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        socket.set_header_included_v4(true).unwrap();
        Self(socket)
    }

    /// The next message of this type that has a target at this place of the IP header: 12 source, 16 destination.
    fn next(&mut self, kind: u8, place: usize) -> Option<(Ipv4Addr, Vec<u8>)> {
        let mut bytes = [0; 256];
        let read = std::io::Read::read(&mut &self.0, &mut bytes).ok()?;
        let message = bytes.get(20..read).filter(|message| message.len() >= 16 && message[0] == kind)?;
        let target = Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(place..place + 4)?).unwrap());
        (target.octets()[1] == 20).then(|| (target, message.to_vec()))
    }

    fn send(&self, from: Ipv4Addr, mut message: Vec<u8>) -> bool {
        summed(&mut message);
        let to = Ipv4Addr::LOCALHOST;
        // The kernel fills in the lengths and sums.
        let header = [&[0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0][..], &from.octets(), &to.octets()].concat();
        self.0.send_to(&[header, message].concat(), &SocketAddr::from((to, 0)).into()).is_ok()
    }
}

fn summed(packet: &mut [u8]) {
    packet[2..4].fill(0);
    let sum = pnet::util::checksum(packet, 1);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
}
