//! `path` and `mtu` against real routers: network namespaces in which the kernel forwards, says what it cannot, or is
//! made to keep silent. near - first - (left | right) - far, and far has an address that both ways lead to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const TARGET: &str = "198.18.9.1";
const LEFT: &str = "198.18.2.2";
const RIGHT: &str = "198.18.3.2";
const NO_RAW: &[&str] = &["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];

/// Five namespaces; gone when dropped.
struct Lab(String);

impl Lab {
    fn new(name: &str) -> Option<Self> {
        let lab = Self(format!("icmp{name}{}", std::process::id()));
        let ns = |which: &str| lab.ns(which);
        let (near, first, left, right, far) = (ns("near"), ns("first"), ns("left"), ns("right"), ns("far"));
        let mut script = "set -e\n".to_owned();
        for each in [&near, &first, &left, &right, &far] {
            script += &format!(
                "ip netns add {each}; ip -n {each} link set lo up
                ip netns exec {each} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 \
                    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n"
            );
        }
        for (a, b, net, dev) in [
            (&near, &first, "198.18.1", "n"),
            (&first, &left, "198.18.2", "l"),
            (&first, &right, "198.18.3", "r"),
            (&left, &far, "198.18.4", "lf"),
            (&right, &far, "198.18.5", "rf"),
        ] {
            script += &format!(
                "ip -n {a} link add {dev}a type veth peer name {dev}b netns {b}
                ip -n {a} addr add {net}.1/24 dev {dev}a; ip -n {b} addr add {net}.2/24 dev {dev}b
                ip -n {a} link set {dev}a up; ip -n {b} link set {dev}b up\n"
            );
        }
        script += &format!(
            "ip -n {near} route add default via 198.18.1.2
            ip -n {first} route add {TARGET} via {LEFT}
            ip -n {left} route add default via 198.18.2.1; ip -n {left} route add {TARGET} via 198.18.4.2
            ip -n {right} route add default via 198.18.3.1; ip -n {right} route add {TARGET} via 198.18.5.2
            ip -n {far} route add default via 198.18.4.1; ip -n {far} addr add {TARGET}/32 dev lo"
        );
        let made = Command::new("sh").args(["-c", &script]).output().ok()?;
        if made.status.success() {
            return Some(lab);
        }
        println!("not run: needs root: {}", String::from_utf8_lossy(&made.stderr).trim());
        None
    }

    fn ns(&self, which: &str) -> String {
        format!("{}{which}", self.0)
    }

    /// A command line with `NEAR`, `FIRST`, ... for the namespaces.
    fn sh(&self, line: &str) {
        let mut line = line.to_owned();
        for which in ["near", "first", "left", "right", "far"] {
            line = line.replace(&which.to_uppercase(), &self.ns(which));
        }
        let done = Command::new("sh").args(["-ec", &line]).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn probe(&self, wrap: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns("near")]).args(wrap).arg(env!("CARGO_BIN_EXE_fengsui"));
        command.arg("probe").args(args).env("LANG", "C").env_remove("LC_ALL").env_remove("LC_MESSAGES");
        command
    }

    /// One run, as JSON.
    fn one(&self, wrap: &[&str], args: &[&str]) -> Value {
        let output = self.probe(wrap, &[args, &["--format", "json"]].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.trim())
            .unwrap_or_else(|e| panic!("{args:?}: {e}: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for which in ["near", "first", "left", "right", "far"] {
            let _ = Command::new("ip").args(["netns", "del", &self.ns(which)]).output();
        }
    }
}

/// Runs one after the other of a process that goes on until dropped.
struct Runs(Child, std::io::Lines<BufReader<std::process::ChildStdout>>);

impl Runs {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        Self(child, BufReader::new(out).lines())
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.1.next().expect("another run").unwrap()).unwrap()
    }

    /// The first of the next twenty runs that is as wanted.
    fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        for _ in 0..20 {
            let run = self.next();
            if wanted(&run) {
                return run;
            }
            seen.push(run["fields"].to_string());
        }
        panic!("no run with {what}: {seen:#?}");
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn way(middle: &str) -> String {
    format!("198.18.1.2 > {middle} > {TARGET}")
}

#[test]
fn the_way_is_told_hop_by_hop_with_and_without_privilege() {
    let Some(lab) = Lab::new("a") else { return };
    for (wrap, set, method) in
        [(&[][..], "method=icmp", "icmp"), (&[], "method=udp", "udp"), (NO_RAW, "method=icmp", "udp")]
    {
        let run = lab.one(wrap, &["path", TARGET, "--set", set, "--set", "wait=300ms"]);
        let fields = &run["fields"];
        assert_eq!((&run["outcome"], &fields["path"]), (&"ok".into(), &way(LEFT).into()), "{set}: {run:#}");
        assert_eq!(fields["used_method"], method, "{run:#}");
        assert_eq!((fields["hop_count"].as_f64(), fields["path_changes"].as_f64()), (Some(3.0), Some(0.0)));
        assert_eq!((&run["sent"], &run["lost"]), (&3.into(), &0.into()), "{run:#}");
        let hops: Vec<&str> =
            run["rows"].as_array().unwrap().iter().filter_map(|r| r["fields"]["hop_address"].as_str()).collect();
        assert_eq!(hops, ["198.18.1.2", LEFT, TARGET]);
        let rtts = run["rows"][1]["fields"]["hop_rtt_seconds"].as_array().unwrap();
        assert!(rtts.len() == 3 && rtts.iter().all(|rtt| rtt.as_f64().unwrap() < 0.1), "{run:#}");
    }
    let output = lab.probe(&[], &["path", TARGET]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    assert!(text.contains("HOP") && text.contains("ADDRESS") && text.contains(LEFT), "{text}");

    // A router that keeps silent, then a target that does, then nobody.
    lab.sh("ip netns exec LEFT nft 'table ip t { chain o { type filter hook output priority 0; icmp type time-exceeded drop; }; }'");
    let run = lab.one(&[], &["path", TARGET, "--set", "wait=100ms"]);
    assert_eq!((&run["outcome"], &run["fields"]["path"]), (&"ok".into(), &way("*").into()), "{run:#}");
    lab.sh("ip netns exec FAR nft 'table ip t { chain i { type filter hook input priority 0; drop; }; }'");
    let run = lab.one(&[], &["path", TARGET, "--set", "wait=100ms", "--set", "max_hops=8"]);
    assert_eq!((&run["outcome"], &run["cause"]), (&"degraded".into(), &"partial".into()), "{run:#}");
    assert_eq!((&run["fields"]["path"], &run["lost"]), (&"198.18.1.2".into(), &run["sent"]), "{run:#}");
    lab.sh("ip netns exec FIRST nft 'table ip t { chain f { type filter hook forward priority 0; \
         reject with icmp host-unreachable; }; }'");
    let run = lab.one(&[], &["path", TARGET, "--set", "wait=100ms"]);
    assert_eq!((&run["outcome"], &run["cause"]), (&"failed".into(), &"unreachable".into()), "{run:#}");
    assert_eq!((&run["fields"]["path"], run["rows"].as_array().unwrap().len()), (&"198.18.1.2".into(), 1), "{run:#}");
    let detail = run["detail"].as_str().unwrap();
    assert_eq!(detail, format!("{TARGET}: host unreachable, says 198.18.1.2"));
}

#[test]
fn another_way_is_a_change_and_the_spreading_of_packets_is_none() {
    let Some(lab) = Lab::new("b") else { return };
    let args = ["path", TARGET, "--count", "0", "--interval", "300ms", "--set", "wait=100ms", "--format", "json"];
    let mut runs = Runs::of(lab.probe(&[], &args));
    let path = |run: &Value, wanted: &str| run["fields"]["path"] == wanted;
    let changed = |run: &Value| run["fields"]["path_changes"].as_f64() == Some(1.0);
    for _ in 0..3 {
        let run = runs.next();
        assert!(path(&run, &way(LEFT)) && !changed(&run), "{run:#}");
    }
    lab.sh("ip -n FIRST route replace 198.18.9.1 via 198.18.3.2");
    let run = runs.find("the change", changed);
    assert!(path(&run, &way(RIGHT)), "{run:#}");
    assert_eq!(run["fields"]["previous_path"], way(LEFT).as_str());
    assert!(!changed(&runs.next()), "it is told once");

    // Every other packet by the other way: nftables marks them, the mark chooses the route.
    lab.sh("ip -n FIRST rule add fwmark 1 table 77; ip -n FIRST route add default via 198.18.2.2 table 77
         ip netns exec FIRST nft 'table ip t { chain p { type filter hook prerouting priority -150; \
         ip daddr 198.18.9.1 meta mark set numgen random mod 2; }; }'");
    let balanced = |run: &Value| run["fields"]["balanced_count"].as_f64() == Some(1.0);
    let run = runs.find("two that share a hop", |run| balanced(run) || changed(run));
    assert!(path(&run, &way(&format!("{LEFT}|{RIGHT}"))) && !changed(&run), "{run:#}");
    for _ in 0..10 {
        let run = runs.next();
        assert!(balanced(&run) && !changed(&run), "{run:#}");
    }
    // An outage is no change of the way.
    lab.sh("ip -n FIRST link set nb down");
    let run = runs.find("the outage", |run| run["outcome"] == "failed");
    assert!(!changed(&run), "{run:#}");
}

#[test]
fn a_limit_that_is_named_is_told_from_a_black_hole() {
    let Some(lab) = Lab::new("c") else { return };
    let look = |more: &[&str]| {
        let run = lab.one(&[], &[&["mtu", TARGET, "--timeout", "20s", "--set", "wait=200ms"], more].concat());
        let (fields, word) = (&run["fields"], |value: &Value| value.as_str().unwrap_or("-").to_owned());
        let bytes = fields["path_mtu_bytes"].as_f64().unwrap_or(0.0);
        println!("{} {bytes} by {} in {}", fields["path_mtu"], fields["limited_by"], run["duration_seconds"]);
        (word(&run["outcome"]), bytes as u32, word(&fields["path_mtu"]), word(&fields["limited_by"]))
    };
    let of = |outcome: &str, bytes, verdict: &str, by: &str| {
        (outcome.to_owned(), bytes, verdict.to_owned(), by.to_owned())
    };
    assert_eq!(look(&[]), of("ok", 1500, "full", "-"));
    assert_eq!(look(&["--set", "largest=3000"]), of("ok", 1500, "limited", "this host"));
    lab.sh("ip -n LEFT link set lfa mtu 1300; ip -n FAR link set lfb mtu 1300");
    assert_eq!(look(&[]), of("ok", 1300, "limited", LEFT));
    lab.sh("ip netns exec LEFT nft 'table ip t { chain o { type filter hook output priority 0; icmp type destination-unreachable drop; }; }'");
    assert_eq!(look(&[]), of("ok", 1300, "black_hole", "-"));
    // A fifth of the packets lost at random is no smaller limit.
    lab.sh("ip netns exec FIRST nft 'table ip t { chain f { type filter hook forward priority 0; numgen random mod 100 < 20 drop; }; }'");
    let found = look(&["--set", "tries=8"]);
    assert_eq!(found, of("ok", 1300, "black_hole", "-"));
    lab.sh("ip netns exec FAR nft 'table ip t { chain i { type filter hook input priority 0; drop; }; }'");
    assert_eq!(look(&["--set", "tries=1"]).0, "failed");
}
