//! The layer table as a test: reads every source and names file, line and rule of what breaks it.
//! The compiler lets modules import each other in circles; this is what stops them.

use std::collections::BTreeSet;

use crate::tree::{self, Line, has_word};

/// The longest file: one idea a file, and a reader who can hold it.
const MAX_LINES: usize = 600;
/// The shortest header that says something.
const MIN_HEADER: usize = 20;

/// A layer: what it may import, and what its code must not mention.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    bans: &'static [(&'static str, &'static str)],
}

const PURE: &[(&str, &str)] = &[
    ("tokio", "this layer is pure: no async, no sockets"),
    ("std::fs", "this layer is pure: no files"),
    ("std::net::TcpStream", "this layer is pure: no sockets"),
    ("std::net::UdpSocket", "this layer is pure: no sockets"),
    ("SystemTime", "this layer has no clock: time is an argument"),
    ("Instant", "this layer has no clock: time is an argument"),
    ("now()", "this layer has no clock: time is an argument"),
    ("fastrand", "this layer has no randomness: a seed is an argument"),
];

/// In layer order. `docs/ARCHITECTURE.md` shows the same table to people.
const LAYERS: &[Layer] = &[
    Layer { name: "model", may_use: &[], bans: PURE },
    Layer { name: "codec", may_use: &["model"], bans: PURE },
    Layer {
        name: "config",
        may_use: &["model"],
        bans: &[
            ("tokio::net", "config has no sockets"),
            ("std::net::TcpStream", "config has no sockets"),
            ("std::net::UdpSocket", "config has no sockets"),
            ("SystemTime", "config has no clock"),
        ],
    },
    Layer { name: "engine", may_use: &["model", "config"], bans: PURE },
    Layer {
        name: "net",
        may_use: &["model", "codec"],
        bans: &[
            ("model::incident", "net knows no policy"),
            ("model::alert", "net knows no policy"),
            ("model::inventory", "net knows no policy"),
        ],
    },
    Layer {
        name: "baseline",
        may_use: &["model", "codec", "config", "engine", "net"],
        bans: &[
            ("tokio", "this layer is pure but for the files of a host: no async, no sockets"),
            ("std::net::TcpStream", "this layer has no sockets"),
            ("std::net::UdpSocket", "this layer has no sockets"),
            ("SystemTime", "this layer has no clock: time is an argument"),
            ("Instant", "this layer has no clock: time is an argument"),
            ("now()", "this layer has no clock: time is an argument"),
            ("fastrand", "this layer has no randomness: a seed is an argument"),
        ],
    },
    Layer { name: "probe", may_use: &["model", "codec", "config", "engine", "net", "baseline"], bans: &[] },
    Layer { name: "collect", may_use: &["model", "codec", "config", "engine", "net"], bans: &[] },
    Layer {
        name: "relay",
        may_use: &["model", "codec", "config", "net"],
        bans: &[("html", "the relay serves no pages")],
    },
    Layer {
        name: "agent",
        may_use: &["model", "codec", "config", "engine", "net", "probe", "collect", "relay"],
        bans: &[],
    },
    Layer { name: "console", may_use: &["model", "config", "engine", "net", "baseline", "relay"], bans: &[] },
    Layer { name: "sim", may_use: &["model", "codec", "net"], bans: &[] },
    Layer {
        name: "cli",
        may_use: &[
            "model", "codec", "config", "engine", "net", "probe", "collect", "baseline", "relay", "agent", "console",
            "sim",
        ],
        bans: &[],
    },
];

/// Words that only these places may mention in code that is not a test: (word, places, why).
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    (
        "unsafe",
        &["src/net/icmp", "src/net/sock.rs", "src/cli/arenas.rs"],
        "unsafe code stands only where raw sockets need it",
    ),
    ("unsafe_code", &["src/net/icmp", "src/net/sock.rs", "src/cli/arenas.rs"], "the exceptions are named here"),
    ("rusqlite", STORES, "SQLite is spoken only in console/store and relay/spool"),
    ("std::env", &["src/cli"], "only cli reads argv and the environment"),
    ("process::exit", &["src/cli"], "only cli ends the process; others return"),
    ("println!", &["src/cli"], "only cli prints; others return values or log"),
    ("eprintln!", &["src/cli"], "only cli prints; others return values or log"),
    ("tokio::net", &["src/net"], "every socket is made in net"),
    ("socket2", &["src/net"], "every socket is made in net"),
    ("hyper_util::client", &["src/net"], "every socket is made in net"),
    ("snmp::Client", &["src/net"], "clients that open sockets are constructed in net"),
    ("russh", &["src/net/ssh.rs"], "clients that open sockets are constructed in net"),
    ("axum::serve", &["src/net"], "listeners are served in net, with its bounds"),
    ("tokio::time::sleep", &["src/net"], "wait through net::clock, which tests can jump"),
    ("SystemTime", &["src/net/clock.rs"], "ask net::clock"),
    ("std::fs", FILES, "files are read by the directory reader and watcher only"),
];

/// The only places with SQL.
const STORES: &[&str] = &["src/console/store", "src/relay/spool"];
/// Where files may be opened: in config only its reader, its watcher and what keeps the plan.
const FILES: &[&str] = &[
    "src/config/reader",
    "src/config/plan/file.rs",
    "src/config/watch.rs",
    "src/net",
    "src/probe",
    "src/baseline/host/root",
    "src/relay",
    "src/agent",
    "src/console",
    "src/sim",
    "src/cli",
];
/// How SQL begins.
const SQL: &[&str] = &[
    "SELECT ",
    "INSERT INTO",
    "INSERT OR",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE INDEX",
    "ALTER TABLE",
    "DROP TABLE",
    "PRAGMA ",
    "BEGIN IMMEDIATE",
];
/// Never in any source, tests included.
const NEVER: &[(&str, &str)] = &[
    ("todo!", "finish it or leave it out"),
    ("unimplemented!", "finish it or leave it out"),
    ("dbg!", "left over from a search"),
    ("#[ignore", "no test is skipped: assert what holds today"),
    ("thread::sleep", "wait for a condition"),
];

/// What the checker says of one place.
type Finding = String;

/// Every breach of the rules in one file under `src/`.
fn check(path: &str, source: &str, is_test_file: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines = tree::lines(source);
    let header: String = source.lines().take_while(|l| l.starts_with("//!")).collect();
    if header.len() < MIN_HEADER {
        found.push(format!("{path}:1: a file begins with `//!`: what it is, why, what it refuses"));
    }
    if source.lines().count() > MAX_LINES {
        found.push(format!("{path}: {} lines, more than {MAX_LINES}: split it", source.lines().count()));
    }
    let Some(layer) = layer_of(path) else {
        if !matches!(path, "src/main.rs" | "src/lib.rs") {
            found.push(format!("{path}: belongs to no layer of the table"));
        }
        return found;
    };
    for (number, line) in lines.iter().enumerate() {
        for what in check_line(layer, path, line, line.test || is_test_file) {
            found.push(format!("{path}:{}: {what}", number + 1));
        }
    }
    found
}

/// The files that a source includes as `#[cfg(test)] mod NAME;`.
fn test_files(path: &str, source: &str) -> Vec<String> {
    let folder = path.trim_end_matches(".rs").trim_end_matches("/lib");
    let modules = tree::lines(source).into_iter().filter(|l| l.test).filter_map(|l| {
        let name =
            l.code.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')?.to_owned();
        Some(format!("{folder}/{name}.rs"))
    });
    modules.collect()
}

fn layer_of(path: &str) -> Option<&'static Layer> {
    let name = path.strip_prefix("src/")?.split(['/', '.']).next()?;
    LAYERS.iter().find(|l| l.name == name)
}

fn check_line(layer: &Layer, path: &str, line: &Line, test: bool) -> Vec<String> {
    let mut found = Vec::new();
    let code = line.code.as_str();
    for (word, why) in NEVER {
        if code.contains(word) {
            found.push(format!("`{word}`: {why}"));
        }
    }
    if code.contains("crate::{") {
        found.push("`use crate::{...}`: write one layer a line, so that this test can read it".into());
    }
    for target in imports(code) {
        if LAYERS.iter().any(|l| l.name == target) && target != layer.name && !layer.may_use.contains(&target) {
            found.push(format!("{} may not use {target}; it may use: {}", layer.name, layer.may_use.join(", ")));
        }
    }
    if let Some(climb) = climb(code)
        && climb >= depth(path) + line.nested
    {
        found.push("`super::` climbs out of the layer: write `crate::layer::...`".into());
    }
    if code.contains("fengsui::") {
        found.push("`fengsui::` inside the library: write `crate::`".into());
    }
    if test {
        return found;
    }
    for (word, why) in layer.bans {
        if has_word(code, word) {
            found.push(format!("`{word}` in {}: {why}", layer.name));
        }
    }
    for (word, places, why) in ONLY_IN {
        if has_word(code, word) && !places.iter().any(|p| path.starts_with(p)) {
            found.push(format!("`{word}` outside {}: {why}", places.join(", ")));
        }
    }
    if SQL.iter().any(|s| line.strings.contains(s)) && !STORES.iter().any(|p| path.starts_with(p)) {
        found.push(format!("SQL outside {}", STORES.join(", ")));
    }
    if layer.name == "codec" {
        for word in [".unwrap()", ".expect("] {
            if code.contains(word) {
                found.push(format!("`{word}` in codec: bytes from the network never panic"));
            }
        }
        if indexes(code) {
            found.push("indexing in codec: use the reader or `get`, bytes from the network never panic".into());
        }
    }
    found
}

/// The layers that a line names as `crate::LAYER`.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The longest `super::super::` chain of a line; `None` without one.
fn climb(code: &str) -> Option<usize> {
    let chain = |n: usize| "super::".repeat(n);
    (1..=6).rev().find(|&n| code.contains(&chain(n)))
}

/// How many `super::` lead from a file to the top of the crate: 1 for `src/model.rs`.
fn depth(path: &str) -> usize {
    path.matches('/').count()
}

/// Whether a line indexes or slices: a bracket right after a name, a call or another bracket.
fn indexes(code: &str) -> bool {
    let chars: Vec<char> = code.chars().collect();
    chars.windows(2).any(|w| w[1] == '[' && (w[0].is_alphanumeric() || matches!(w[0], '_' | ')' | ']')))
}

#[test]
fn imports_only_point_down() {
    let sources = tree::files("src", &[".rs"]);
    assert!(sources.len() > 20, "the sources were not found");
    let tests: BTreeSet<String> = sources.iter().flat_map(|f| test_files(&f.path, &f.text)).collect();
    assert!(tests.contains("src/config/expr/tests.rs"), "test files were not told from others");
    let found: Vec<Finding> = sources.iter().flat_map(|f| check(&f.path, &f.text, tests.contains(&f.path))).collect();
    assert!(found.is_empty(), "{} breach(es) of docs/ARCHITECTURE.md:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_layer_has_a_row_and_every_row_a_layer() {
    let lib = std::fs::read_to_string(tree::root().join("src/lib.rs")).unwrap();
    let modules: BTreeSet<&str> = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.split(';').next()).collect();
    assert_eq!(modules, LAYERS.iter().map(|l| l.name).collect());
    for (at, layer) in LAYERS.iter().enumerate() {
        for used in layer.may_use {
            assert!(LAYERS[..at].iter().any(|l| l.name == *used), "{} may not use {used}, a layer above", layer.name);
        }
    }
}

#[test]
fn tests_obey_what_holds_for_all() {
    let mut found = Vec::new();
    for file in tree::files("tests", &[".rs"]) {
        if file.text.lines().count() > MAX_LINES {
            found.push(format!("{}: more than {MAX_LINES} lines", file.path));
        }
        if !file.text.starts_with("//!") {
            found.push(format!("{}:1: a file begins with `//!`", file.path));
        }
        for (number, line) in tree::lines(&file.text).iter().enumerate() {
            for (word, why) in NEVER.iter().filter(|(word, _)| line.code.contains(word)) {
                found.push(format!("{}:{}: `{word}`: {why}", file.path, number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_violation_is_caught() {
    let head = "//! A planted file, long enough to count as a header.\n";
    for (path, body, want) in [
        ("src/model/x.rs", "use crate::probe::Kind;", "2: model may not use probe"),
        ("src/engine/x.rs", "fn f() { crate::console::store(); }", "2: engine may not use console"),
        ("src/console/x.rs", "use crate::agent::Runner;", "2: console may not use agent"),
        ("src/agent/x.rs", "use crate::{model, probe};", "2: `use crate::{...}`"),
        ("src/model.rs", "use super::engine::Rules;", "2: `super::` climbs out"),
        ("src/model/x.rs", "use super::super::engine::Rules;", "2: `super::` climbs out"),
        ("src/engine/x.rs", "\nlet t = SystemTime::now();", "3: `SystemTime` in engine"),
        ("src/engine/x.rs", "use tokio::time;", "2: `tokio` in engine"),
        ("src/engine/x.rs", "let n = fastrand::u8(..);", "2: `fastrand` in engine"),
        ("src/codec/x.rs", "let a = bytes[0];", "2: indexing in codec"),
        ("src/codec/x.rs", "let a = f()[1..2];", "2: indexing in codec"),
        ("src/codec/x.rs", "let a = bytes.first().unwrap();", "2: `.unwrap()` in codec"),
        ("src/net/tcp.rs", "unsafe { libc::close(1) };", "2: `unsafe` outside src/net/icmp"),
        ("src/probe/x.rs", "#[expect(unsafe_code)]", "2: `unsafe_code` outside"),
        ("src/console/api.rs", "db(\"SELECT 1\");", "2: SQL outside"),
        ("src/console/api.rs", "db(r#\"\n  INSERT INTO a VALUES (1)\"#);", "3: SQL outside"),
        ("src/agent/x.rs", "use rusqlite::Connection;", "2: `rusqlite` outside"),
        ("src/net/x.rs", "std::env::var(\"HOME\")", "2: `std::env` outside src/cli"),
        ("src/probe/x.rs", "tokio::net::TcpStream::connect(a)", "2: `tokio::net` outside src/net"),
        ("src/config/plan.rs", "std::fs::read(path)", "2: `std::fs` outside"),
        ("src/agent/x.rs", "tokio::time::sleep(d).await", "2: `tokio::time::sleep` outside"),
        ("src/relay/x.rs", "println!(\"x\");", "2: `println!` outside"),
        ("src/cli/x.rs", "todo!()", "2: `todo!`"),
        ("src/helper/x.rs", "", "belongs to no layer"),
    ] {
        let found = check(path, &format!("{head}{body}\n"), false);
        assert!(found.iter().any(|f| f.contains(want)), "{path}: `{body}` gave {found:?}, not `{want}`");
    }
    assert!(check("src/model/x.rs", "use std::fmt;\n", false)[0].contains("begins with `//!`"));
    assert!(check("src/model/x.rs", &format!("{head}{}", "\n".repeat(700)), false)[0].contains("split it"));
}

#[test]
fn what_is_allowed_passes() {
    let head = "//! A planted file, long enough to count as a header.\n";
    for (path, body) in [
        ("src/engine/x.rs", "use crate::model::Wall;\nuse crate::config::expr::Expr;"),
        ("src/model/x.rs", "// crate::probe is not an import here\nlet a = \"crate::probe::Kind\";"),
        ("src/codec/x.rs", "let a: [u8; 4] = [0; 4];\n#[derive(Debug)]\nfn f<'a>(x: &'a [u8]) {}\nlet v = vec![1];"),
        ("src/codec/x.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n    fn f() { x[0].unwrap(); }\n}"),
        ("src/model.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}"),
        ("src/console/store/incident.rs", "use rusqlite::params;\nconst A: &str = \"SELECT 1\";"),
        ("src/net/icmp/socket.rs", "#[expect(unsafe_code, reason = \"sendmmsg\")]\nunsafe { f() }"),
        ("src/cli/up.rs", "std::env::var_os(\"HOME\");\nprintln!(\"Select one\");"),
        ("src/agent/x.rs", "let now = clock.now();\nuse crate::engine::schedule::Schedule;"),
    ] {
        let found = check(path, &format!("{head}{body}\n"), false);
        assert!(found.is_empty(), "{path}: `{body}` gave {found:?}");
    }
}
