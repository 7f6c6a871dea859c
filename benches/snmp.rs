//! The work of benches/snmp.sh on our side: reads every device of a target once a cycle, keeps what it reads in memory,
//! and tells what that cost. `probe` does it by the probers that an agent runs, whatever they make of it included; `bare`
//! sends the same datagrams and looks at nothing: what sockets alone cost.

#![allow(clippy::disallowed_methods)] // a benchmark reads its arguments and what the kernel says of it
#![allow(clippy::disallowed_types)] // bare sockets are what ours are held against

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fengsui::codec::snmp::{Body, Head, Kind, Message, Value, Version, Writer, oid, write};
use fengsui::config::defs;
use fengsui::config::kinds::settings_of;
use fengsui::model::plan::{Target, Task};
use fengsui::model::{AgentId, Outcome, Secret, SecretText};
use fengsui::net::clock::Clock;
use fengsui::net::snmp::{Manner, Oid, Session, Sink, Walked};
use fengsui::net::sock::{self, BATCH, Inbox, Outgoing, Queue, Route};
use fengsui::probe::device::Profiles;
use fengsui::probe::{Ctx, Prober};
use tokio::io::Interest;

/// Columns of the table that is polled: ifTable and ifXTable.
const TABLE: &[&[u32]] = &[&[1, 3, 6, 1, 2, 1, 2, 2, 1], &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1]];
/// Those of each.
const COLUMNS: &[(usize, u32)] =
    &[(0, 7), (0, 8), (1, 6), (1, 10), (1, 15), (1, 19), (0, 14), (0, 20), (0, 13), (0, 19), (1, 7), (1, 11)];
/// A device that says nothing is given up after two tries of this, on average.
const TRY: Duration = Duration::from_millis(1000);

struct Options {
    mode: String,
    first: Ipv4Addr,
    port: u16,
    devices: u32,
    in_flight: usize,
    cycles: u32,
    repetitions: u32,
    root: String,
    /// Where the seconds of each cycle but the first are added, one a line.
    times: Option<std::path::PathBuf>,
}

fn main() {
    let mut options = Options {
        mode: String::new(),
        first: Ipv4Addr::new(127, 20, 0, 1),
        port: 16_100,
        devices: 1000,
        in_flight: 1000,
        cycles: 3,
        repetitions: 25,
        root: "1.3.6.1.2.1".into(),
        times: None,
    };
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} takes a value"));
        match arg.as_str() {
            "--first" => options.first = value().parse().expect("an address"),
            "--port" => options.port = value().parse().expect("a port"),
            "--devices" => options.devices = value().parse().expect("a number"),
            "--in-flight" => options.in_flight = value().parse().expect("a number"),
            "--cycles" => options.cycles = value().parse().expect("a number"),
            "--repetitions" => options.repetitions = value().parse().expect("a number"),
            "--root" => options.root = value(),
            "--times" => options.times = Some(value().into()),
            mode => options.mode = mode.to_owned(),
        }
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    match options.mode.as_str() {
        "bare" => runtime.block_on(bare(&options)),
        "walk" | "table" => runtime.block_on(poll(Arc::new(options))),
        "probe" => runtime.block_on(probes(&options)),
        _ => eprintln!(
            "usage: snmp walk|table|probe|bare [--first ADDRESS] [--port N] [--devices N] [--in-flight N] [--cycles N] [--repetitions N] [--root OID] [--times FILE]"
        ),
    }
}

/// What one device answered, cycle after cycle in the same place.
#[derive(Default)]
struct Store {
    width: usize,
    /// Encoded, in the order of the table.
    rows: Vec<Box<[u8]>>,
    values: Vec<u64>,
    /// Where each column stands.
    at: Vec<usize>,
    count: u64,
    sum: u64,
}

impl Sink for Store {
    fn take(&mut self, column: usize, index: &[u8], value: &Value<'_>) {
        let at = self.at.get(column).copied().unwrap_or(0);
        let row = match self.rows.get(at) {
            Some(row) if **row == *index => at,
            _ => match self.rows.binary_search_by(|row| oid::order(row, index)) {
                Ok(row) => row,
                Err(row) => {
                    self.rows.insert(row, index.into());
                    let begin = row * self.width;
                    self.values.splice(begin..begin, std::iter::repeat_n(0, self.width));
                    row
                }
            },
        };
        if let Some(at) = self.at.get_mut(column) {
            *at = row + 1;
        }
        let number = number(value);
        if let Some(place) = self.values.get_mut(row * self.width + column) {
            *place = number;
        }
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
    }
}

/// A value as a number; of a text the sum of its bytes.
fn number(value: &Value<'_>) -> u64 {
    match value {
        Value::Integer(n) => *n as u64,
        Value::Counter32(n) | Value::Gauge32(n) | Value::Unsigned32(n) | Value::Ticks(n) => u64::from(*n),
        Value::Counter64(n) => *n,
        Value::Octets(bytes) => bytes.iter().map(|byte| u64::from(*byte)).sum(),
        Value::Oid(oid) => oid.arcs().map(u64::from).sum(),
        _ => 0,
    }
}

/// A device in turn.
struct Device {
    session: Session,
    store: Store,
    cycles: Vec<Duration>,
    failed: u64,
    packets: u64,
}

async fn poll(options: Arc<Options>) {
    let columns: Arc<[Oid]> = match options.mode.as_str() {
        "walk" => [Oid::parse(&options.root).expect("an OID")].into(),
        _ => COLUMNS.iter().map(|(table, column)| Oid::from_slice(TABLE[*table]).child(*column)).collect(),
    };
    let clock = Clock::system();
    let secret = Secret::SnmpCommunity { v1: false, community: SecretText::new("public") };
    let manner = Manner { timeout: TRY, retries: 1, strict_source: true };
    let mut devices = Vec::new();
    for n in 0..options.devices {
        let peer = SocketAddr::new(Ipv4Addr::from(u32::from(options.first) + n).into(), options.port);
        let session = Session::open(peer, &secret, manner).await.expect("a session");
        let store = Store { width: columns.len(), at: vec![0; columns.len()], ..Store::default() };
        devices.push(Device { session, store, cycles: Vec::new(), failed: 0, packets: 0 });
    }
    let shares = options.in_flight.min(devices.len()).max(1);
    let mut lanes: Vec<Vec<Device>> = (0..shares).map(|_| Vec::new()).collect();
    for (at, device) in devices.into_iter().enumerate() {
        lanes[at % shares].push(device);
    }
    let (mut walls, began_cpu) = (Vec::new(), cpu());
    let mut before = None;
    for cycle in 0..options.cycles {
        let began = clock.mono();
        let mut tasks = Vec::new();
        for mut lane in lanes.drain(..) {
            let (columns, clock, options) = (columns.clone(), clock.clone(), options.clone());
            tasks.push(tokio::spawn(async move {
                for device in &mut lane {
                    one(device, &columns, &clock, options.repetitions).await;
                }
                lane
            }));
        }
        for task in tasks {
            lanes.push(task.await.expect("a lane"));
        }
        walls.push(clock.mono().since(began));
        if cycle == 0 {
            before = Some(cpu()); // the first cycle learns the rows; what follows is the steady state
        }
    }
    let spent = cpu() - if options.cycles > 1 { before.unwrap_or(began_cpu) } else { began_cpu };
    report(&options, lanes.into_iter().flatten().collect(), &walls, spent);
}

async fn one(device: &mut Device, columns: &[Oid], clock: &Clock, repetitions: u32) {
    let began = clock.mono();
    let mut store = std::mem::take(&mut device.store);
    store.at.fill(0);
    (store.count, store.sum) = (0, 0);
    let deadline = began.plus(Duration::from_secs(60));
    let (store, walked) = device.session.scan(columns, store, Walked::new(repetitions), clock, deadline).await;
    device.store = store.expect("the engine lives");
    device.packets += u64::from(walked.packets);
    if walked.whole() {
        device.cycles.push(clock.mono().since(began));
    } else {
        device.failed += 1;
    }
}

/// Adds the seconds of each cycle to a file of them; the first gets to know the devices.
fn keep_times(options: &Options, walls: &[Duration]) {
    use std::io::Write;
    let Some(path) = &options.times else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("a file of times");
    for wall in walls.iter().skip(1) {
        writeln!(file, "{:.6}", wall.as_secs_f64()).expect("a file of times");
    }
}

/// The time that a share of them, sorted, did not take longer than.
fn share(of: &[Duration], share: f64) -> f64 {
    of.get(((of.len() as f64 - 1.0) * share) as usize).map_or(0.0, Duration::as_secs_f64)
}

fn report(options: &Options, devices: Vec<Device>, walls: &[Duration], spent: f64) {
    let steady = f64::from(options.cycles.saturating_sub(1).max(1));
    let variables: u64 = devices.iter().map(|device| device.store.count).sum();
    let failed: u64 = devices.iter().map(|device| device.failed).sum();
    let sum = devices.iter().fold(0_u64, |sum, device| sum.wrapping_add(device.store.sum));
    let packets: u64 = devices.iter().map(|device| device.packets).sum();
    let mut each: Vec<Duration> = devices.iter().flat_map(|device| device.cycles.iter().copied()).collect();
    each.sort_unstable();
    keep_times(options, walls);
    let mut walls = walls.to_vec();
    walls.sort_unstable();
    let traffic = devices[0].session.traffic().expect("v2c");
    let per_100k = spent / (variables as f64 * steady / 1e5);
    println!(
        "cpu_per_100k={per_100k:.5} cycle_p50={:.3} cycle_p99={:.3} device_p50={:.4} device_p99={:.4} variables={variables} sum={sum} failed={failed} packets={packets} again={} strays={} overflows={} rss_kib={}",
        share(&walls, 0.5),
        share(&walls, 1.0),
        share(&each, 0.5),
        share(&each, 0.99),
        traffic.again,
        traffic.strays,
        traffic.overflows,
        rss(),
    );
}

/// A device and its prober, as an agent has them.
struct Probed {
    prober: Box<dyn Prober>,
    /// The newest numbers of all rows.
    numbers: Vec<f64>,
    variables: f64,
    retries: f64,
    took: Vec<Duration>,
    failed: u64,
}

impl Probed {
    async fn run(&mut self, cx: &Ctx) {
        let deadline = cx.clock.mono().plus(Duration::from_secs(20));
        let run = self.prober.run(cx, deadline).await;
        if run.outcome != Outcome::Ok {
            self.failed += 1;
            return;
        }
        self.took.push(run.took);
        self.numbers.clear();
        let values = run.rows.iter().flat_map(|row| &row.values);
        self.numbers.extend(values.filter_map(fengsui::model::Value::number));
        self.numbers.shrink_to_fit();
        let field = |name: &str| {
            let (table, at, _) = fengsui::probe::snmp::SPEC.schema.find(name)?;
            run.rows.iter().find(|row| row.table == table)?.values.get(at)?.number()
        };
        self.variables = field("variables_count").unwrap_or(0.0);
        self.retries += field("retries_count").unwrap_or(0.0);
    }
}

/// The probers of an agent, as many at once as it runs.
async fn probes(options: &Options) {
    let profiles = Arc::new(Profiles::default());
    profiles.set(defs::load(&[], fengsui::probe::catalog()).definitions.profiles.clone());
    let cx = Arc::new(Ctx {
        clock: Clock::system(),
        agent: AgentId::new("bench").expect("an id"),
        limits: Arc::default(),
        profiles,
        marks: Arc::default(),
    });
    let secret = Secret::SnmpCommunity { v1: false, community: SecretText::new("public") };
    let settings = settings_of(&fengsui::probe::snmp::SPEC);
    let device = |n: u32| {
        let task = Task {
            instance: "".into(),
            id: format!("asset-snmp|asset:d{n}|").into(),
            probe: "asset-snmp".parse().expect("an id"),
            kind: "snmp".into(),
            object: format!("asset:d{n}").parse().expect("an object"),
            target: Target {
                host: Some(Ipv4Addr::from(u32::from(options.first) + n).to_string()),
                port: Some(options.port),
                url: None,
            },
            settings: settings.clone(),
            interval_ms: 60_000,
            timeout_ms: 20_000,
            keep_ms: 60_000,
            secret: Some("public".into()),
            calendar: None,
        };
        let prober = fengsui::probe::snmp::prober(&cx, &Arc::new(task), Some(&secret)).expect("a prober");
        Probed { prober, numbers: Vec::new(), variables: 0.0, retries: 0.0, took: Vec::new(), failed: 0 }
    };
    let shares = options.in_flight.clamp(1, options.devices as usize);
    let mut lanes: Vec<Vec<Probed>> = (0..shares).map(|_| Vec::new()).collect();
    (0..options.devices).for_each(|n| lanes[n as usize % shares].push(device(n)));
    let (mut walls, mut before) = (Vec::new(), cpu());
    for cycle in 0..options.cycles {
        let began = cx.clock.mono();
        let mut tasks = Vec::new();
        for mut lane in lanes.drain(..) {
            let cx = cx.clone();
            tasks.push(tokio::spawn(async move {
                for device in &mut lane {
                    device.run(&cx).await;
                }
                lane
            }));
        }
        for task in tasks {
            lanes.push(task.await.expect("a lane"));
        }
        walls.push(cx.clock.mono().since(began));
        if cycle == 0 && options.cycles > 1 {
            before = cpu(); // the first cycle gets to know the devices; what follows is the steady state
        }
    }
    let spent = cpu() - before;
    let steady = f64::from(options.cycles.saturating_sub(1).max(1));
    let all: Vec<Probed> = lanes.into_iter().flatten().collect();
    let variables: f64 = all.iter().map(|device| device.variables).sum();
    let mut took: Vec<Duration> = all.iter().flat_map(|device| device.took.iter().copied()).collect();
    took.sort_unstable();
    walls.sort_unstable();
    println!(
        "cpu_per_100k={:.5} cycle_p50={:.3} cycle_p99={:.3} device_p50={:.4} device_p99={:.4} variables={variables} numbers={} failed={} again={} rss_kib={}",
        spent / (variables * steady / 1e5),
        share(&walls, 0.5),
        share(&walls, 1.0),
        share(&took, 0.5),
        share(&took, 0.99),
        all.iter().map(|device| device.numbers.len()).sum::<usize>(),
        all.iter().map(|device| device.failed).sum::<u64>(),
        all.iter().map(|device| device.retries).sum::<f64>(),
        rss(),
    );
}

/// CPU seconds of this process so far, to the nanosecond, user and system.
fn cpu() -> f64 {
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
    };
    std::fs::read_dir("/proc/self/task").expect("procfs").flatten().map(of).sum::<f64>() / 1e9
}

/// The most memory that was resident, in KiB.
fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The requests of a walk of one device, in order, as they go over the wire; with how many variables came back.
fn requests(options: &Options) -> (Vec<Vec<u8>>, u64) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(TRY)).expect("a timeout");
    let (root, mut last) = (name(&options.root), name(&options.root));
    let (mut all, mut variables) = (Vec::new(), 0);
    let mut buffer = vec![0; 65_536];
    loop {
        let head = Head {
            version: Version::V2c,
            community: b"public",
            kind: Kind::GetBulk,
            id: 1 << 30,
            status: 0,
            index: options.repetitions as i32,
        };
        let mut request = Vec::new();
        let mut writer = Writer::begin(&head, &mut request);
        writer.name(&last);
        assert!(writer.finish());
        socket.send_to(&request, (options.first, options.port)).expect("sending");
        all.push(request);
        let (length, _) = socket.recv_from(&mut buffer).expect("an answer");
        let Body::Pdu(answer) = Message::read(&buffer[..length]).expect("a message").body else {
            return (all, variables);
        };
        for variable in answer.variables {
            let variable = variable.expect("a variable");
            if variable.value == Value::EndOfMibView || variable.name.behind(&root).is_none() {
                return (all, variables);
            }
            variables += 1;
            last = variable.name.as_bytes().to_vec();
        }
    }
}

fn name(text: &str) -> Vec<u8> {
    write::name(Oid::parse(text).expect("an OID").arcs())
}

/// The same datagrams, in flight for as many devices at once, and nothing looked at.
async fn bare(options: &Options) {
    let (requests, variables) = requests(options);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).expect("a socket");
    sock::raise_receive_buffer(&socket, 4 << 20).expect("a buffer");
    socket.bind(&SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0).into()).expect("binding");
    socket.set_nonblocking(true).expect("no blocking");
    let udp = tokio::net::UdpSocket::from_std(socket.into()).expect("a runtime");
    let began_cpu = cpu();
    let mut inbox = Inbox::of(BATCH, 65_507);
    let address = |n: u32| SocketAddr::new(Ipv4Addr::from(u32::from(options.first) + n).into(), options.port);
    let mut walls = Vec::new();
    for _ in 0..options.cycles {
        let begin = std::time::Instant::now();
        let mut waiting: Vec<(u32, usize)> = Vec::new(); // device, request
        let mut fresh = 0..options.devices;
        waiting.extend(fresh.by_ref().take(options.in_flight).map(|n| (n, 0)));
        let mut open = waiting.len();
        let mut steps = vec![0_usize; options.devices as usize];
        while open > 0 {
            let socket = socket2::SockRef::from(&udp);
            for part in waiting.chunks(BATCH) {
                let mut done = 0;
                while done < part.len() {
                    let out = part[done..].iter().map(|(n, step)| Outgoing {
                        to: address(*n),
                        bytes: &requests[*step],
                        route: Route::default(),
                        stamped: false,
                    });
                    done += sock::send_many(&socket, out).unwrap_or(0);
                }
            }
            waiting.clear();
            loop {
                udp.readable().await.expect("readable");
                let read = || match inbox.receive(&socket, Queue::Data)? {
                    0 => Err(std::io::ErrorKind::WouldBlock.into()),
                    count => Ok(count),
                };
                if udp.try_io(Interest::READABLE, read).is_ok() {
                    break;
                }
            }
            for received in inbox.iter() {
                let Some(SocketAddr::V4(from)) = received.from else { continue };
                let n = u32::from(*from.ip()) - u32::from(options.first);
                steps[n as usize] += 1;
                if steps[n as usize] < requests.len() {
                    waiting.push((n, steps[n as usize]));
                } else {
                    open -= 1;
                    if let Some(next) = fresh.next() {
                        open += 1;
                        waiting.push((next, 0));
                    }
                }
            }
        }
        walls.push(begin.elapsed());
    }
    keep_times(options, &walls);
    let all = variables as f64 * f64::from(options.devices) * f64::from(options.cycles);
    walls.sort_unstable();
    println!(
        "cpu_per_100k={:.5} cycle_p50={:.3} variables={} rss_kib={}",
        (cpu() - began_cpu) / (all / 1e5),
        share(&walls, 0.5),
        variables * u64::from(options.devices),
        rss(),
    );
}
