//! The dns probe against a real name server, dnsmasq: every type of record, no such name, refusal, and an answer too
//! long for a datagram.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fengsui::config::kinds::parse_set;
use fengsui::model::plan::{Target, Task};
use fengsui::model::{AgentId, Value};
use fengsui::net::clock::Clock;
use fengsui::probe::{Ctx, Run, dns};

/// The path of dnsmasq; `None` (said on stdout) where it is not installed.
fn dnsmasq() -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin"].iter().map(|dir| Path::new(dir).join("dnsmasq")).find(|p| p.exists());
    if found.is_none() {
        println!("not run: dnsmasq is not installed");
        assert!(std::env::var_os("CI").is_none(), "CI needs dnsmasq: install the Debian package dnsmasq-base");
    }
    found
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    async fn start(path: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(path);
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--no-resolv", "--no-hosts"]);
        command.args([
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--user=",
            "--local=/test/",
            "--auth-ttl=60",
        ]);
        command.arg(format!("--port={port}")).args([
            "--host-record=www.aks.test,10.65.0.1,2001:db8::1,300",
            "--host-record=www.aks.test,10.65.0.2,300",
            "--cname=portal.aks.test,www.aks.test",
            "--mx-host=aks.test,mail.aks.test,10",
            "--srv-host=_oa._tcp.aks.test,www.aks.test,8443,5,7",
            "--txt-record=aks.test,site 6529000001",
        ]);
        for n in 0..40 {
            command.arg(format!("--txt-record=long.aks.test,{n:02} {}", "x".repeat(60)));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            Clock::system().sleep(Duration::from_millis(50)).await;
        }
        panic!("dnsmasq did not answer on {port}");
    }

    async fn ask(&self, set: &[&str]) -> Run {
        let agent = AgentId::new("tower").unwrap();
        let cx = Ctx {
            clock: Clock::system(),
            agent,
            limits: Arc::default(),
            profiles: Arc::default(),
            marks: Arc::default(),
        };
        let task = Arc::new(Task {
            id: "p|asset:a|".into(),
            probe: "p".parse().unwrap(),
            kind: "dns".into(),
            object: "asset:a".parse().unwrap(),
            instance: "".into(),
            target: Target { host: Some("127.0.0.1".into()), port: Some(self.port), url: None },
            settings: parse_set(&dns::SPEC, set).unwrap(),
            interval_ms: 1_000,
            timeout_ms: 900,
            keep_ms: 10_000,
            secret: None,
            calendar: None,
        });
        let mut prober = dns::prober(&cx, &task, None).unwrap();
        prober.run(&cx, cx.clock.mono().plus(Duration::from_secs(10))).await
    }
}

fn answers(run: &Run) -> String {
    let (_, slot, _) = dns::SPEC.schema.find("answers").unwrap();
    match run.rows.first().map(|row| &row.values[slot]) {
        Some(Value::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_real_name_server_is_asked_for_every_type_of_record() {
    let Some(path) = dnsmasq() else { return };
    let server = Server::start(&path).await;
    for (set, wanted, says) in [
        (&["name=www.aks.test", "answers=['10.65.0.2']"][..], "ok", "10.65.0.1, 10.65.0.2"),
        (&["name=WWW.aks.test.", "type=aaaa", "answers=['2001:DB8:0::1']"], "ok", "2001:db8::1"),
        (&["name=portal.aks.test"], "ok", "10.65.0.1, 10.65.0.2"),
        (&["name=portal.aks.test", "type=cname"], "ok", "www.aks.test"),
        (&["name=aks.test", "type=mx"], "ok", "10 mail.aks.test"),
        (&["name=_oa._tcp.aks.test", "type=srv"], "ok", "5 7 8443 www.aks.test"),
        (&["name=aks.test", "type=txt"], "ok", "site 6529000001"),
        (&["name=10.65.0.1", "type=ptr"], "ok", "www.aks.test"),
        (&["name=www.aks.test", "transport=tcp"], "ok", "10.65.0.1, 10.65.0.2"),
        (&["name=www.aks.test", "answers=['10.65.0.9']"], "failed content", "10.65.0.1, 10.65.0.2"),
        (&["name=none.aks.test"], "failed status", ""),
        (&["name=none.aks.test", "rcode=nxdomain"], "ok", ""),
        // Without anybody above it, it refuses what is not its own; that is an answer too.
        (&["name=.", "type=ns", "rcode=any"], "ok", ""),
    ] {
        let run = server.ask(set).await;
        let cause = run.cause.map(|cause| format!(" {}", cause.as_str())).unwrap_or_default();
        assert_eq!(format!("{}{cause}", run.outcome.as_str()), wanted, "{set:?}: {:?}", run.detail);
        assert_eq!(answers(&run), says, "{set:?}");
    }
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_is_asked_for_again_by_tcp() {
    let Some(path) = dnsmasq() else { return };
    let server = Server::start(&path).await;
    let set = ["name=long.aks.test", "type=txt", "min_answers=40"];
    let run = server.ask(&set).await;
    assert_eq!(run.outcome.as_str(), "ok", "{:?}", run.detail);
    let (_, connect, _) = dns::SPEC.schema.find("connect_seconds").unwrap();
    assert!(run.rows[0].values[connect] != Value::Null, "by TCP");
    let run = server.ask(&["name=long.aks.test", "type=txt", "min_answers=40", "transport=udp"]).await;
    assert_eq!(run.outcome.as_str(), "failed", "UDP alone has a part of them at most");
}
