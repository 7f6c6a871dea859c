//! What Prometheus itself says of the metrics endpoints.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::acceptance::free_port;
use crate::rig::{Site, text, wait_for};

const SOON: Duration = Duration::from_secs(40);

fn program(name: &str) -> std::process::Command {
    std::process::Command::new(name)
}

/// A test of a program that is not there says so, and fails where everything must be there.
pub(crate) fn present(path: &str, package: &str) -> bool {
    let there = Path::new(path).exists();
    if !there {
        println!("not run: {path} is missing; apt-get install {package}");
        assert!(std::env::var_os("CI").is_none(), "{path} must be there in CI");
    }
    there
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    if !present("/usr/bin/promtool", "prometheus") {
        return;
    }
    let site = Site::new();
    let up = site.up();
    for (path, expected) in [("/metrics", "fengsui_build_info"), ("/metrics/objects", "fengsui_host_load1")] {
        let body = wait_for(expected, SOON, || Some(up.get(path).1).filter(|body| body.contains(expected)));
        let mut lint = program("/usr/bin/promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool runs");
        lint.stdin.take().expect("it is piped").write_all(body.as_bytes()).expect("it reads");
        let said = lint.wait_with_output().expect("it ends");
        let words = format!("{}{}", text(&said.stdout), text(&said.stderr));
        assert!(said.status.success() && words.trim().is_empty(), "{path}: {words}");
    }
}

#[test]
fn a_real_prometheus_scrapes_both_endpoints() {
    if !present("/usr/bin/prometheus", "prometheus") {
        return;
    }
    let site = Site::new();
    let up = site.up();
    wait_for("series", SOON, || up.get("/metrics/objects").1.contains("fengsui_host_load1").then_some(()));
    let port = free_port();
    let config = site.write(
        "prometheus.yml",
        &format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: self\n  static_configs: [{{targets: ['{0}']}}]\n- job_name: objects\n  metrics_path: /metrics/objects\n  static_configs: [{{targets: ['{0}']}}]\n",
            up.http
        ),
    );
    let mut server = program("/usr/bin/prometheus")
        .args([
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={}", site.arg("tsdb")),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus runs");
    let ask = |query: &str| -> Option<serde_json::Value> {
        let url = format!("http://127.0.0.1:{port}/api/v1/query?query={query}");
        let got = program("curl").args(["-s", "--max-time", "2", &url]).output().ok()?;
        let answer: serde_json::Value = serde_json::from_slice(&got.stdout).ok()?;
        answer["data"]["result"].as_array().filter(|all| !all.is_empty()).map(|all| all[0]["value"][1].clone())
    };
    let load = wait_for("the load of this machine in Prometheus", SOON, || ask("fengsui_host_load1"));
    let build = wait_for("the build in Prometheus", SOON, || ask("fengsui_build_info"));
    let healthy = wait_for("both targets to be up", SOON, || ask("sum(up)").filter(|v| v == "2"));
    let _ = server.kill();
    let _ = server.wait();
    assert!(load.as_str().is_some_and(|v| v.parse::<f64>().is_ok()), "{load}");
    assert_eq!((build, healthy), ("1".into(), "2".into()));
}
