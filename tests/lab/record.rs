//! Records how a full queue loses: `tests/lab/run record SECONDS` prints a recording for `tests/recordings`. Two namespaces
//! with a shaper between them (tbf, whose queue drops what does not fit), bursts of traffic through it at random, and a
//! small packet a millisecond whose losses are written down.
//!
//! It starts itself in the namespaces: `send ADDRESS SECONDS` numbers and sends the small packets and the bursts, `hear
//! ADDRESS` writes down which small ones never came.

use std::fmt::Write as _;
use std::io;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Between two of the small packets; the recording's unit of time.
const TICK: Duration = Duration::from_millis(1);
/// Bytes of the small ones; they carry their number.
const SMALL: usize = 40;
/// Bytes of the packets of a burst.
const LARGE: usize = 1_400;
/// Of a burst, milliseconds at most.
const BURST_MS: u64 = 400;
/// Packets of it a millisecond, at most; the shaper passes nine in ten milliseconds.
const DENSE: usize = 2;
/// Milliseconds between bursts, at most.
const PAUSE_MS: u64 = 9_000;
/// Nothing came for so long: it is over.
const OVER: Duration = Duration::from_secs(3);
/// The shaper, and its queue: forty packets, as routers count them.
const SHAPER: &str = "tbf rate 10mbit burst 16kb latency 50ms";
const QUEUE: &str = "pfifo limit 40";

/// Records for so many seconds and prints.
pub(crate) fn run(seconds: u64, seed: u64) -> io::Result<()> {
    let name = format!("lab{}", std::process::id());
    let (near, far) = (format!("{name}n"), format!("{name}f"));
    let script = format!(
        "set -e\nip netns add {near}; ip netns add {far}\n\
         ip -n {near} link add w type veth peer name w netns {far}\n\
         ip -n {near} addr add 198.18.0.1/24 dev w; ip -n {far} addr add 198.18.0.2/24 dev w\n\
         ip -n {near} link set w up; ip -n {far} link set w up\n\
         tc -n {near} qdisc add dev w root handle 1: {SHAPER}\n\
         tc -n {near} qdisc add dev w parent 1: {QUEUE}"
    );
    let done = Command::new("sh").args(["-c", &script]).status()?;
    let recorded =
        if done.success() { between(&near, &far, seconds, seed) } else { Err(io::Error::other("no namespaces")) };
    for name in [&near, &far] {
        Command::new("ip").args(["netns", "del", name]).status()?;
    }
    print!("{}", recorded?);
    Ok(())
}

fn between(near: &str, far: &str, seconds: u64, seed: u64) -> io::Result<String> {
    let own = std::env::current_exe()?;
    let inside = |namespace: &str, words: &[&str]| {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(&own).args(words);
        command
    };
    let hears = inside(far, &["hear", "198.18.0.2:5000"]).stdout(Stdio::piped()).spawn()?;
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    inside(near, &["send", "--seed", &seed, "198.18.0.2:5000", &seconds]).status()?;
    let heard = hears.wait_with_output()?;
    let text = String::from_utf8_lossy(&heard.stdout);
    let mut out = format!(
        "# Losses of a full queue, by the millisecond: so many passed, so many lost. Recorded, not made up: {SHAPER},\n\
         # {QUEUE}, between two network namespaces; a packet of {SMALL} bytes a millisecond, and bursts of up to {BURST_MS} ms, up\n\
         # to {PAUSE_MS} ms apart, of up to {DENSE} packets of {LARGE} bytes a millisecond (`tests/lab/run record {seconds} --seed {seed}`, tests/lab/record.rs).\n"
    );
    out += &text;
    Ok(out)
}

/// Sends.
pub(crate) fn send(to: &str, seconds: u64, seed: u64) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    let mut random = fastrand::Rng::with_seed(seed);
    let began = Instant::now();
    // Begin and end of a burst, and how dense it is.
    let mut burst = |after: Duration| {
        let begin = after + Duration::from_millis(random.u64(0..PAUSE_MS));
        (begin, begin + Duration::from_millis(random.u64(20..BURST_MS)), random.usize(1..=DENSE))
    };
    let mut now = burst(Duration::ZERO);
    let (small, large) = ([0u8; SMALL], [0u8; LARGE]);
    for number in 0..seconds * 1_000 {
        let due = TICK * u32::try_from(number).unwrap_or(u32::MAX);
        std::thread::park_timeout(due.saturating_sub(began.elapsed()));
        if due >= now.1 {
            now = burst(due);
        }
        if due >= now.0 {
            for _ in 0..now.2 {
                let _ = socket.send(&large); // what the queue does not take is lost, as it should be
            }
        }
        let mut packet = small;
        packet[..8].copy_from_slice(&(number + 1).to_be_bytes());
        let _ = socket.send(&packet);
    }
    Ok(())
}

/// Hears, and prints runs of passed and lost.
pub(crate) fn hear(at: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    let mut came: Vec<bool> = Vec::new();
    let mut packet = [0u8; LARGE];
    loop {
        match socket.recv(&mut packet) {
            Ok(SMALL) => {
                // The first may be late: this side starts before the other.
                socket.set_read_timeout(Some(OVER))?;
                let number = packet.first_chunk().map_or(0, |n| u64::from_be_bytes(*n)) as usize;
                came.resize(came.len().max(number), false);
                if let Some(place) = number.checked_sub(1).and_then(|at| came.get_mut(at)) {
                    *place = true;
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    let mut text = String::new();
    for run in came.chunk_by(|a, b| a == b) {
        // Every line begins with what passed.
        let (first, lost) = (text.is_empty(), run.first() == Some(&false));
        let _ = match (lost, first) {
            (true, true) => writeln!(text, "0 {}", run.len()),
            (true, false) => writeln!(text, " {}", run.len()),
            (false, _) => write!(text, "{}", run.len()),
        };
    }
    println!("{}{}", text.trim_end(), if text.ends_with('\n') { "" } else { " 0" });
    Ok(())
}
