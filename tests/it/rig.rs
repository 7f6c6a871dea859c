//! The real binary on loopback: started, asked, killed by pid, and always waited for by condition.

use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Asks again this often while waiting for a condition.
const POLL: Duration = Duration::from_millis(40);

/// Waits until `probe` gives something, or fails with the last thing `tell` says.
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < within, "waited {within:?} in vain for: {what}");
        std::thread::park_timeout(POLL);
    }
}

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn command() -> std::process::Command {
    wrapped(&[])
}

/// The binary, started by another program such as `ip netns exec NAME`, which must become it.
fn wrapped(by: &[&str]) -> std::process::Command {
    let mut line = by.iter().copied().chain([env!("CARGO_BIN_EXE_fengsui")]);
    let mut command = std::process::Command::new(line.next().expect("the binary is the last"));
    command.args(line);
    command.env("LANG", "C.UTF-8").env_remove("LC_ALL").env_remove("STATE_DIRECTORY").stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn fengsui(args: &[&str]) -> Output {
    command().args(args).output().expect("the binary runs")
}

/// Runs the binary to its end with text on standard input.
pub(crate) fn fengsui_in(args: &[&str], input: &str) -> Output {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("it ends")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `fengsui up`, `console` or `agent`.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
    /// Where pages and API are; port 0 if it has none.
    pub(crate) http: SocketAddr,
    /// Where agents call; port 0 if it has none.
    pub(crate) agents: SocketAddr,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str], log: &Path) -> Self {
        let daemon = Self::spawn(args, log);
        daemon.ready()
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(args: &[&str], log: &Path) -> Self {
        Self::spawn_by(&[], args, log)
    }

    fn spawn_by(wrap: &[&str], args: &[&str], log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("the log can be written");
        let before = out.metadata().map_or(0, |meta| meta.len());
        let child = wrapped(wrap)
            .args(args)
            .stdout(out.try_clone().expect("a file handle can be copied"))
            .stderr(out)
            .env("FENGSUI_LOG", "info")
            .spawn()
            .expect("the binary runs");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut daemon = Self { child, log: log.to_owned(), http: nowhere, agents: nowhere };
        daemon.skip(before);
        daemon
    }

    fn skip(&mut self, before: u64) {
        // Addresses are read from what this run printed, not from what an earlier one left in the log.
        std::fs::write(self.log.with_extension("from"), before.to_string()).expect("the log's folder can be written");
    }

    fn printed(&self) -> String {
        let from: usize = std::fs::read_to_string(self.log.with_extension("from"))
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let all = std::fs::read(&self.log).unwrap_or_default();
        text(all.get(from..).unwrap_or_default())
    }

    fn ready(mut self) -> Self {
        let log = self.log.clone();
        let printed = wait_for("the daemon to be ready", Duration::from_secs(30), || {
            let printed = self.printed();
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("it ended with {status} before it was ready:\n{printed}");
            }
            printed.contains("ready").then_some(printed)
        });
        self.http = address(&printed, "http://").unwrap_or(self.http);
        self.agents = address(&printed, "https://").unwrap_or(self.agents);
        let _ = log;
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything this run printed so far.
    pub(crate) fn output(&self) -> String {
        self.printed()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and how long it took to end.
    pub(crate) fn stop(&mut self) -> (ExitStatus, Duration) {
        let start = now();
        let sent = std::process::Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -TERM works");
        let status = wait_for("the daemon to end", Duration::from_secs(10), || self.child.try_wait().ok().flatten());
        (status, start.elapsed())
    }

    /// Status and body of a GET on the pages' address.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// The same with extra header lines, each ended by CRLF.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (u16, String) {
        let mut stream = std::net::TcpStream::connect(self.http).expect("the pages' address answers");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n", self.http)
            .expect("the request can be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer ends");
        let answer = text(&answer);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("it is HTTP");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it has a body");
        (
            status,
            if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
                unchunk(body)
            } else {
                body.to_owned()
            },
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let tail: Vec<_> = self.printed().lines().rev().take(40).map(str::to_owned).collect();
            for line in tail.iter().rev() {
                eprintln!("  | {line}");
            }
        }
        self.kill();
    }
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { break };
        let (Some(chunk), Some(next)) = (rest.get(..size), rest.get(size + 2..)) else { break };
        whole.push_str(chunk);
        body = next;
    }
    whole
}

fn address(printed: &str, scheme: &str) -> Option<SocketAddr> {
    printed
        .match_indices(scheme)
        .filter_map(|(at, _)| {
            let rest = &printed[at + scheme.len()..];
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .next()
}

/// A data directory with everything that a console and its agent need, and the command line to ask it.
pub(crate) struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("temporary paths are UTF-8").to_owned()
    }

    /// Writes a file by rename, as an editor does.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is inside the folder")).expect("a folder can be made");
        let new = path.with_extension("new");
        std::fs::write(&new, text).expect("a file can be written");
        std::fs::rename(&new, &path).expect("a file can be renamed");
        self.arg(name)
    }

    /// `up` on this site, with an inventory and definitions if they were written.
    pub(crate) fn up(&self) -> Daemon {
        self.up_by(&[])
    }

    /// The same, started by another program such as `ip netns exec NAME`.
    pub(crate) fn up_by(&self, wrap: &[&str]) -> Daemon {
        let (data, inventory, definitions) = (self.arg("data"), self.arg("inventory.toml"), self.arg("definitions"));
        let mut args = vec!["up", "--data", &data, "--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"];
        if self.path("inventory.toml").exists() {
            args.extend(["--inventory", &inventory]);
        }
        if self.path("definitions").exists() {
            args.extend(["--definitions", &definitions]);
        }
        Daemon::spawn_by(wrap, &args, &self.path("up.log")).ready()
    }

    /// Runs a command against this site's data directory.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let data = self.arg("data");
        let mut all = args.to_vec();
        all.extend(["--data", &data]);
        fengsui(&all)
    }

    /// The same, and its lines of JSON; fails if it did not end well.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let mut all = args.to_vec();
        all.extend(["--format", "json"]);
        let output = self.run(&all);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{args:?} ended with {}: {}",
            output.status,
            text(&output.stderr)
        );
        text(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
            .collect()
    }

    /// Incidents of a problem, newest first.
    pub(crate) fn incidents(&self, problem: &str) -> Vec<Value> {
        let mut all = self.json(&["incident", "list", "--all"]);
        all.retain(|incident| incident["problem"] == problem);
        all
    }

    /// Waits for exactly one incident of a problem in a state.
    pub(crate) fn incident(&self, problem: &str, state: &str, within: Duration) -> Value {
        wait_for(&format!("one {problem} incident in state {state}"), within, || {
            let found = self.incidents(problem);
            assert!(found.len() < 2, "more than one incident of {problem}: {found:#?}");
            found.into_iter().find(|incident| incident["state"] == state)
        })
    }
}

/// A TCP service that can be stopped and started on the same port.
pub(crate) struct Service {
    address: SocketAddr,
    running: Option<(std::sync::Arc<std::sync::atomic::AtomicBool>, std::thread::JoinHandle<()>)>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let mut service = Self { address: listener.local_addr().expect("it is bound"), running: None };
        service.serve(listener);
        service
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    fn serve(&mut self, listener: std::net::TcpListener) {
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                drop(stream);
                if stopping.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
            }
        });
        self.running = Some((stop, thread));
    }

    /// Connections are refused from now on.
    pub(crate) fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            let _ = std::net::TcpStream::connect(self.address);
            let _ = thread.join();
        }
    }

    /// Answers again, on the same port.
    pub(crate) fn restart(&mut self) {
        if self.running.is_none() {
            let listener = wait_for("the port to be free again", Duration::from_secs(10), || {
                std::net::TcpListener::bind(self.address).ok()
            });
            self.serve(listener);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}
