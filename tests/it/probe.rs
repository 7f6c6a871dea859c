//! `fengsui probe` as a person meets it: the real binary, loopback, and a network namespace for what
//! loopback cannot do (silence, unreachable, no privilege).

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn fengsui(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
    command.args(["probe"]).args(args).env("LANG", "C").env_remove("LC_ALL").env_remove("LC_MESSAGES");
    command
}

fn answer(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

fn run(args: &[&str]) -> (i32, String, String) {
    answer(&mut fengsui(args))
}

#[test]
fn wrong_use_is_told_before_anything_runs() {
    for (args, wanted) in [
        (vec!["icpm", "127.0.0.1"], "no probe kind `icpm`; there are icmp, path, mtu"),
        (vec!["icmp"], "name 1 to 100000 targets, or a --targets file"),
        (
            vec!["icmp", "127.0.0.1", "--set", "cunt=3"],
            "unknown setting `cunt` of kind `icmp`; did you mean `count`?",
        ),
        (vec!["icmp", "127.0.0.1", "--set", "count=21"], "count"),
        (vec!["tcp", "127.0.0.1"], "127.0.0.1: it has no port"),
        (vec!["tcp", "127.0.0.1:99999"], "`99999` is no port"),
        (vec!["http", "ftp://x/"], "http:// or https://"),
        (vec!["icmp", "@core-1"], "add --inventory FILE"),
        (vec!["host", "127.0.0.1"], "leave out `127.0.0.1`"),
        (vec!["icmp", "--targets", "/nonexistent/list"], "/nonexistent/list: No such file"),
    ] {
        let (code, out, error) = run(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {error}");
        assert!(error.contains(wanted), "{args:?}: {error}");
    }
}

#[test]
fn a_refusal_is_one_json_object_and_exit_one() {
    let (code, out, _) = run(&["tcp", "127.0.0.77:1", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(code, 1);
    assert_eq!(line["v"], 1);
    assert_eq!((&line["outcome"], &line["cause"]), (&"failed".into(), &"refused".into()));
    assert_eq!(line["fields"]["connect_seconds"], serde_json::Value::Null);
    let at = line["at"].as_str().unwrap();
    assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
}

#[test]
fn a_list_of_targets_from_stdin_ends_in_a_line_each() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut child = fengsui(&["tcp", "--targets", "-", "--count", "2", "--interval", "50ms"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut list = String::from("# two hundred of them\n\n");
    for at in 0..200 {
        list.push_str(&format!("127.0.0.{}:{port}  # one\n", at % 250 + 1));
    }
    // The listener is on 127.0.0.1 alone: the first is open, the others refuse.
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out.lines().count(), 201, "{out}");
    let first = out.lines().nth(1).unwrap();
    assert!(first.starts_with(&format!("127.0.0.1:{port}")) && first.contains("2/2"), "{first}");
    assert!(out.lines().nth(2).unwrap().contains("refused"), "{out}");
}

#[test]
fn chinese_is_spoken_where_it_is_asked_for() {
    let (_, out, _) = answer(fengsui(&["tcp", "127.0.0.77:1"]).env("LANG", "zh_CN.UTF-8"));
    assert!(out.contains("失败") && out.contains("拒绝连接") && out.contains("丢包率"), "{out}");
}

#[test]
fn the_agents_own_host_needs_no_target() {
    let (code, out, error) = run(&["host", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{e}: {out}{error}"));
    assert_eq!((code, &line["kind"]), (0, &"host".into()));
    assert!(line["fields"]["memory_bytes"].as_f64().unwrap() > 0.0);
}

/// Two network namespaces with a wire between them; gone when dropped.
struct Lab {
    near: String,
    far: String,
}

impl Lab {
    fn new() -> Option<Self> {
        let id = std::process::id();
        let lab = Self { near: format!("fsn{id}"), far: format!("fsf{id}") };
        let (near, far) = (&lab.near, &lab.far);
        let script = format!(
            "set -e
            ip netns add {near}; ip netns add {far}
            ip -n {near} link set lo up; ip -n {far} link set lo up
            ip -n {near} link add w type veth peer name w netns {far}
            ip -n {near} addr add 198.18.0.1/24 dev w; ip -n {far} addr add 198.18.0.2/24 dev w
            ip -n {near} link set w up; ip -n {far} link set w up
            ip -n {near} route add default via 198.18.0.2
            ip -n {far} route add unreachable 203.0.113.0/24
            ip netns exec {far} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
            ip -n {near} neigh add 198.18.0.9 lladdr 02:00:00:00:00:09 dev w nud permanent"
        );
        let made = Command::new("sh").args(["-c", &script]).output().ok()?;
        if made.status.success() {
            return Some(lab);
        }
        println!("not run: needs root: {}", String::from_utf8_lossy(&made.stderr).trim());
        None
    }

    /// The binary inside the near namespace, `wrap`ped in another command.
    fn run(&self, wrap: &[&str], args: &[&str]) -> (i32, String) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.near]).args(wrap).arg(env!("CARGO_BIN_EXE_fengsui")).arg("probe");
        let (code, out, error) = answer(command.args(args).env("LANG", "C"));
        (code, out + &error)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

#[test]
fn silence_unreachable_and_a_missing_privilege_are_told_apart() {
    let Some(lab) = Lab::new() else { return };
    const QUICK: [&str; 4] = ["--timeout", "400ms", "--format", "json"];
    let told = |wrap: &[&str], args: &[&str]| {
        let (code, out) = lab.run(wrap, &[args, &QUICK].concat());
        let line: serde_json::Value =
            serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"));
        let cause = line["cause"].as_str().unwrap_or("").to_owned();
        let detail = line["detail"].as_str().unwrap_or("").to_owned();
        (code, line["outcome"].as_str().unwrap().to_owned(), cause, detail)
    };
    let wanted = |code: i32, outcome: &str, cause: &str| (code, outcome.to_owned(), cause.to_owned());
    let no_raw: &[&str] = &["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
    for (wrap, args, expected, detail) in [
        (&[][..], ["icmp", "198.18.0.2"], wanted(0, "ok", ""), ""),
        (&[], ["icmp", "198.18.0.9"], wanted(1, "failed", "timeout"), "no answer within 400 ms"),
        (&[], ["icmp", "203.0.113.7"], wanted(1, "failed", "unreachable"), "host unreachable, says 198.18.0.2"),
        (&[], ["icmp", "2001:db8::7"], wanted(1, "failed", "unreachable"), "unreachable"),
        (&[], ["tcp", "198.18.0.2:1"], wanted(1, "failed", "refused"), "refused"),
        (&[], ["tcp", "198.18.0.9:1"], wanted(1, "failed", "timeout"), "no answer in time"),
        (&[], ["tcp", "203.0.113.7:1"], wanted(1, "failed", "unreachable"), "No route to host"),
        (no_raw, ["icmp", "198.18.0.2"], wanted(3, "invalid", "permission"), "CAP_NET_RAW"),
    ] {
        let (code, outcome, cause, words) = told(wrap, &args);
        assert_eq!((code, outcome, cause), expected, "{args:?}: {words}");
        assert!(words.contains(detail), "{args:?}: {words}");
    }
    // The unprivileged ping socket, once the host allows it.
    let allow = ["netns", "exec", &lab.near, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"];
    assert!(Command::new("ip").args(allow).status().unwrap().success());
    for (args, expected) in [
        (["icmp", "198.18.0.2"], wanted(0, "ok", "")),
        (["icmp", "198.18.0.9"], wanted(1, "failed", "timeout")),
        (["icmp", "203.0.113.7"], wanted(1, "failed", "unreachable")),
        (["icmp", "::1"], wanted(0, "ok", "")),
    ] {
        let (code, outcome, cause, words) = told(no_raw, &args);
        assert_eq!((code, outcome, cause), expected, "ping socket, {args:?}: {words}");
    }
}

#[test]
fn ctrl_c_prints_the_summary_and_exits_130() {
    let mut child = fengsui(&["tcp", "127.0.0.77:1", "--count", "0", "--interval", "20ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
    for _ in 0..3 {
        assert!(lines.next().unwrap().unwrap().contains("refused"));
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().any(|l| l.starts_with("TARGET")), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
