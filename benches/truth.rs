//! How true the round-trip time is: `benches/truth.sh`, or `cargo bench --bench truth -- [TARGET DELAY_MS]`.
//!
//! While every core is kept busy: echoes to 4,000 addresses a second on loopback, which takes no time, each timed by the
//! kernel's stamps and by a clock in user space, read before it is sent and when its answer was read; or echoes to one
//! address behind a line whose delay is known. Prints p50 and p99 of both clocks, and how far the kernel's is from
//! twice the delay. Exit 1 if a limit is missed, 3 without CAP_NET_RAW.
#![allow(clippy::disallowed_methods)] // a benchmark reads its arguments, and the clock that it holds ours against
#![allow(clippy::unwrap_used)] // whatever cannot be set up ends the run, loudly

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fengsui::codec::icmp::Version;
use fengsui::net::clock::Clock;
use fengsui::net::icmp::{Event, Mode, Pinger, Request};
use fengsui::net::sock::Route;

/// Threads that keep each core busy: with one of them whoever wakes up runs at once.
const BUSY: usize = 4;
/// The most that the median may be off from twice the delay.
const MOST_OFF: Duration = Duration::from_micros(300);
/// The kernel's p99 as a share of that of a clock in user space, at most; where the line itself takes no time.
const MOST_SHARE: f64 = 0.1;

/// What is sent.
struct Plan {
    targets: Vec<IpAddr>,
    /// How many leave together, and the time until the next.
    together: usize,
    period: Duration,
    /// How often all are asked.
    rounds: usize,
}

/// Round-trip times of the same echoes by both clocks; those without an answer or a time have none.
#[derive(Default)]
struct Times {
    sent: usize,
    answered: usize,
    kernel: Vec<Duration>,
    user: Vec<Duration>,
}

fn main() -> ExitCode {
    // Cargo passes `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let line = words.next().map(|target| (target, words.next()));
    let (plan, delay): (Plan, u64) = match line {
        Some((target, delay)) => {
            let period = Duration::from_millis(20);
            let plan = Plan { targets: vec![target.parse().unwrap()], together: 1, period, rounds: 1_000 };
            (plan, delay.unwrap().parse().unwrap())
        }
        None => {
            let address = |n: usize| Ipv4Addr::new(127, 20, (n / 250) as u8, (n % 250 + 1) as u8).into();
            // As the pacer sends them.
            let period = Duration::from_millis(50);
            (Plan { targets: (0..4_000).map(address).collect(), together: 200, period, rounds: 10 }, 0)
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    for _ in 0..BUSY * cores {
        let stop = stop.clone();
        std::thread::spawn(move || while !stop.load(Ordering::Relaxed) {});
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let times = runtime.block_on(echoes(&plan));
    stop.store(true, Ordering::Relaxed);
    let Some(Times { sent, answered, kernel, user }) = times else {
        println!("not run: needs CAP_NET_RAW");
        return ExitCode::from(3);
    };
    println!("{sent} echoes, {} lost, {} answered without a time", sent - answered, answered - kernel.len());
    for (name, times) in [("kernel stamps", &kernel), ("a clock in user space", &user)] {
        println!("{name}: p50 {:?}, p99 {:?}", quantile(times, 0.5), quantile(times, 0.99));
    }
    let mut missed = answered < sent || kernel.len() * 100 < sent * 95;
    if delay > 0 {
        let off = quantile(&kernel, 0.5).abs_diff(Duration::from_millis(2 * delay));
        println!("p50 is off from twice the delay of {delay} ms by {off:?} (limit {MOST_OFF:?})");
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

/// Sends what is planned and collects the times.
async fn echoes(plan: &Plan) -> Option<Times> {
    let clock = Clock::system();
    let mut pinger = Pinger::new(clock.clone());
    if pinger.open(Version::of(*plan.targets.first()?)).ok()? != Mode::Raw {
        return None;
    }
    clock.sleep(plan.period).await; // the kernel turns its stamps on a little later
    let (mut events, mut times, mut began) = (Vec::new(), Times::default(), Vec::new());
    let all: Vec<IpAddr> = plan.targets.iter().copied().cycle().take(plan.targets.len() * plan.rounds).collect();
    let mut parts = all.chunks(plan.together);
    let mut quiet = 0;
    // When nothing is left, for a second more.
    while quiet < Duration::from_secs(1).as_millis() / plan.period.as_millis() {
        pinger.drain(&mut events);
        if let Some(part) = parts.next() {
            let deadline = clock.mono().plus(Duration::from_secs(2));
            let first = began.len();
            let request = |(at, to): (usize, &IpAddr)| Request {
                to: SocketAddr::new(*to, 0),
                size: 56,
                route: Route::default(),
                whole: false,
                deadline,
                token: (first + at) as u64,
            };
            let requests: Vec<Request> = part.iter().enumerate().map(request).collect();
            began.extend(part.iter().map(|_| Instant::now()));
            pinger.send(&requests, &mut events);
        } else {
            quiet += 1;
        }
        for event in events.drain(..) {
            if let Event::Reply { token, rtt, .. } = event {
                times.answered += 1;
                times.kernel.extend(rtt);
                times.user.push(began[token as usize].elapsed());
            }
        }
        clock.sleep(plan.period).await;
    }
    times.sent = began.len();
    Some(times)
}
