//! Websites, TCP services and the agent's own host.

use fengsui::net::clock::Clock;
use fengsui::sim::{Action, DeviceSpec, Kind, ServiceSpec, Step, World};

use super::*;
use crate::rig::Service;

fn website(name: &str) -> DeviceSpec {
    let kind = Kind::Http { status: 200, body: "ok".into(), delay: Duration::ZERO };
    DeviceSpec { name: name.into(), address: "127.0.0.1".parse().unwrap(), services: vec![ServiceSpec::new(0, kind)] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_website_that_errs_is_down_and_one_that_dawdles_is_slow() {
    let mut world = World::start(vec![website("errs"), website("dawdles")], &Clock::system()).await.unwrap();
    let site = Site::new();
    let asset = |id: &str| {
        let at = world.address(id, "http").unwrap();
        format!(
            "[[asset]]\nid = \"{id}\"\nkind = \"website\"\nzone = \"extranet\"\nwebsite = {{ url = \"http://{at}/\" }}\n"
        )
    };
    site.write("inventory.toml", &(asset("errs") + &asset("dawdles")));
    site.write("definitions/probes/fast.toml", &probe("website-http", "1s", ""));
    site.write("definitions/alerts/params.toml", &threshold("site-slow", "raise_at = 0.4, clear_at = 0.2"));
    let set = |device: &str, what: &str, value: &str| Step {
        device: device.into(),
        service: None,
        action: Action::Set { what: what.into(), value: value.into() },
    };
    world.apply(&set("dawdles", "delay", "600ms")).await.unwrap();
    let up = site.up();
    wait_for("the website to be seen", SOON, || {
        (values(&up, "fengsui_http_up", "asset=\"errs\"") == [1.0]).then_some(())
    });
    let broke = now();
    world.apply(&set("errs", "status", "500")).await.unwrap();
    let down = incident(&site, "site-down", "asset:errs", "open", SOON);
    took("site-down after the first 500", broke);
    assert_eq!(down["severity"], "critical");
    assert!(shown(&site, &down).to_string().contains("500"), "what it answered is told: {:#}", shown(&site, &down));
    assert!(broke.elapsed() < Duration::from_millis(3_000 + 2_000 + 2_000), "{:?}", broke.elapsed());
    world.apply(&set("errs", "status", "200")).await.unwrap();

    let slow = incident(&site, "site-slow", "asset:dawdles", "open", SOON);
    assert_eq!(slow["severity"], "minor");
    world.apply(&set("dawdles", "delay", "0s")).await.unwrap();
    incident(&site, "site-down", "asset:errs", "resolved", LATER);
    incident(&site, "site-slow", "asset:dawdles", "resolved", LATER);
    assert_eq!(all(&site), ["site-down asset:errs", "site-slow asset:dawdles"]);
    world.stop().await;
}

fn two_ports(a: &Service, b: &Service) -> Site {
    let site = Site::new();
    site.write(
        "inventory.toml",
        &format!(
            "[[asset]]\nid = \"oa\"\nkind = \"host\"\nzone = \"extranet\"\naddress = \"127.0.0.1\"\ntcp = [{}, {}]\n",
            a.port(),
            b.port()
        ),
    );
    site
}

#[test]
fn of_two_ports_of_an_asset_only_the_one_that_fails_has_an_incident() {
    let (mut bad, good) = (Service::start(), Service::start());
    let site = two_ports(&bad, &good);
    site.write("definitions/probes/fast.toml", &probe("asset-tcp", "500ms", ""));
    let up = site.up();
    let label = |port: u16| format!("instance=\"{port}\"");
    wait_for("both ports to be seen", SOON, || {
        [bad.port(), good.port()].into_iter().all(|p| values(&up, "fengsui_tcp_up", &label(p)) == [1.0]).then_some(())
    });
    let stopped = now();
    bad.stop();
    let down = incident(&site, "service-down", "asset:oa", "open", SOON);
    took("service-down", stopped);
    assert_eq!((&down["instance"], &down["severity"]), (&bad.port().to_string().into(), &"major".into()));
    wait_for("the series to tell them apart", SOON, || {
        let (bad, good) = (label(bad.port()), label(good.port()));
        (values(&up, "fengsui_tcp_up", &bad) == [0.0] && values(&up, "fengsui_tcp_up", &good) == [1.0]).then_some(())
    });
    bad.restart();
    incident(&site, "service-down", "asset:oa", "resolved", SOON);
    assert_eq!(all(&site), ["service-down asset:oa"]);
}

#[test]
fn a_service_that_comes_and_goes_is_one_incident_with_a_short_timeline() {
    let (mut shaky, good) = (Service::start(), Service::start());
    let site = two_ports(&shaky, &good);
    site.write("definitions/probes/fast.toml", &probe("asset-tcp", "150ms", ""));
    let _up = site.up();
    for _ in 0..20 {
        shaky.stop();
        std::thread::park_timeout(Duration::from_millis(600));
        shaky.restart();
        std::thread::park_timeout(Duration::from_millis(600));
    }
    let down = incident(&site, "service-down", "asset:oa", "open", SOON);
    let resolved = incident(&site, "service-down", "asset:oa", "resolved", SOON);
    assert_eq!(
        (&down["id"], &resolved["count"]),
        (&resolved["id"], &1.into()),
        "it was never called well in between"
    );
    let kinds = kinds(&site, &resolved);
    assert_eq!(kinds, ["opened", "left", "resolved"]);
}

#[test]
fn this_host_is_watched_and_nothing_is_raised_that_is_not_so() {
    let site = Site::new();
    let up = site.up();
    wait_for("this host to be seen", SOON, || {
        (!values(&up, "fengsui_host_memory_used_ratio", "").is_empty()).then_some(())
    });
    // Longer than `for` of the rules would take an hour on a good host; what is raised within this is a false alarm.
    for_a_while(Duration::from_secs(20), || {});
    let full = values(&up, "fengsui_host_disk_used_ratio", "").into_iter().filter(|ratio| *ratio > 0.9).count();
    let raised = site.json(&["incident", "list", "--all"]);
    assert!(raised.len() <= full, "{full} full disks, and these: {raised:#?}");
}
