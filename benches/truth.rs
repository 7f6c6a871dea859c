//! How true the round-trip time is: `benches/truth.sh`, or `cargo bench --bench truth -- [TARGET [DELAY_MS]]`.
//!
//! Echoes to one address while every core is kept busy, by our engine and, in turns, by what most pings do: a
//! thread that sends, waits for the answer, and reads the clock itself. Prints p50 and p99 of both, and how far
//! ours is from twice the delay of a line that is known. Exit 1 if a limit is missed, 3 without CAP_NET_RAW.
#![allow(clippy::disallowed_methods)] // a benchmark reads its arguments, and the clock that it holds ours against
#![allow(clippy::unwrap_used)] // whatever cannot be set up ends the run, loudly

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fengsui::codec::icmp::{self, Message, Version};
use fengsui::net::clock::Clock;
use fengsui::net::icmp::{Event, Mode, Pinger, Request};
use fengsui::net::sock::Route;
use socket2::{Domain, Protocol, Socket, Type};

/// Echoes of each kind.
const ECHOES: u64 = 500;
/// Between two of a kind.
const PERIOD: Duration = Duration::from_millis(20);
/// The most that the median may be off from twice the delay.
const MOST_OFF: Duration = Duration::from_micros(300);
/// Our p99 as a share of that of a clock in user space, at most; where the line itself takes no time.
const MOST_SHARE: f64 = 0.1;

fn main() -> ExitCode {
    // Cargo passes `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let target: IpAddr = words.next().map_or(IpAddr::from([127, 0, 0, 1]), |word| word.parse().unwrap());
    let delay = words.next().map_or(0, |word| word.parse().unwrap());
    let twice = Duration::from_millis(2 * delay);
    let stop = Arc::new(AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    for _ in 0..cores {
        let stop = stop.clone();
        std::thread::spawn(move || while !stop.load(Ordering::Relaxed) {});
    }
    let user = std::thread::spawn(move || by_a_clock_in_user_space(target));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kernel = runtime.block_on(by_the_kernel(target));
    let user = user.join().unwrap();
    stop.store(true, Ordering::Relaxed);
    let (Some(kernel), Some(user)) = (kernel, user) else {
        println!("not run: needs CAP_NET_RAW");
        return ExitCode::from(3);
    };
    let lost = |times: &[Duration]| ECHOES as usize - times.len();
    for (name, times) in [("kernel stamps", &kernel), ("a clock in user space", &user)] {
        let (p50, p99) = (quantile(times, 0.5), quantile(times, 0.99));
        println!("{name}: p50 {p50:?}, p99 {p99:?}, {} of {ECHOES} not answered", lost(times));
    }
    let mut missed = lost(&kernel) > 0;
    if delay > 0 {
        let off = quantile(&kernel, 0.5).abs_diff(twice);
        println!("off from twice the delay of {delay} ms by {off:?} (limit {MOST_OFF:?})");
        missed |= off > MOST_OFF;
    } else {
        let share = quantile(&kernel, 0.99).as_secs_f64() / quantile(&user, 0.99).as_secs_f64();
        println!("p99 is {share:.3} of that in user space (limit {MOST_SHARE})");
        missed |= share > MOST_SHARE;
    }
    ExitCode::from(u8::from(missed))
}

fn quantile(times: &[Duration], q: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (q * sorted.len() as f64).ceil().max(1.0) as usize - 1;
    sorted.get(at).copied().unwrap_or(Duration::MAX)
}

/// Round-trip times as our engine has them.
async fn by_the_kernel(target: IpAddr) -> Option<Vec<Duration>> {
    let clock = Clock::system();
    let mut pinger = Pinger::new(clock.clone());
    if pinger.open(Version::of(target)).ok()? != Mode::Raw {
        return None;
    }
    clock.sleep(PERIOD).await; // the kernel turns its stamps on a little later
    let (mut events, mut times) = (Vec::new(), Vec::new());
    for token in 0..ECHOES + 50 {
        if token < ECHOES {
            let deadline = clock.mono().plus(Duration::from_secs(2));
            let to = SocketAddr::new(target, 0);
            let request = Request { to, size: 56, route: Route::default(), whole: false, deadline, token };
            pinger.send(&[request], &mut events);
        }
        clock.sleep(PERIOD).await;
        pinger.drain(&mut events);
        times.extend(events.drain(..).filter_map(|event| match event {
            Event::Reply { rtt, .. } => rtt,
            _ => None,
        }));
    }
    Some(times)
}

/// Round-trip times as a thread has them that waits for each answer. Version 4 only.
fn by_a_clock_in_user_space(target: IpAddr) -> Option<Vec<Duration>> {
    let socket = Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), Some(Protocol::ICMPV4)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let to = SocketAddr::new(target, 0).into();
    let mut times = Vec::new();
    for seq in 0..ECHOES as u16 {
        let mut packet = Vec::new();
        icmp::write_request(Version::V4, 0x7e57, seq, 0, 56, &mut packet);
        let sent = Instant::now();
        socket.send_to(&packet, &to).ok()?;
        while let Some(bytes) = receive(&socket) {
            if let Ok(Message::Reply(echo)) = icmp::read_ipv4(&bytes)
                && (echo.id, echo.seq) == (0x7e57, seq)
            {
                times.push(sent.elapsed());
                break;
            }
        }
        std::thread::park_timeout(PERIOD.saturating_sub(sent.elapsed()));
    }
    Some(times)
}

fn receive(socket: &Socket) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 1500];
    let read = std::io::Read::read(&mut &*socket, &mut bytes).ok()?;
    bytes.truncate(read);
    Some(bytes)
}
