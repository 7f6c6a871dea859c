//! The prefecture as console and probes meet it: read by the real readers, asked by the real probes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{defs, inventory, plan};
use crate::model::inventory::Inventory;
use crate::model::plan::{Plan, Task};
use crate::model::{LinkId, Outcome, Value};
use crate::net::clock::Clock;
use crate::probe::device::Profiles;
use crate::probe::{self, Ctx, Run, Runner};

/// Longer than any probe of the demo takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

struct Told {
    inventory: Inventory,
    plan: Plan,
    notes: Vec<String>,
    cables: Vec<(LinkId, String)>,
}

fn community() -> Secret {
    Secret::SnmpCommunity { v1: false, community: SecretText::new(prefecture::COMMUNITY) }
}

/// What the console would make of it.
fn told(built: &prefecture::Demo, dir: &Path) -> Told {
    let ca = dir.join("ca.pem");
    std::fs::write(&ca, built.ca_pem()).unwrap();
    std::fs::write(dir.join("demo.toml"), built.definitions(&ca, 1.0)).unwrap();
    let loaded = defs::load(&[dir.to_owned()], probe::catalog());
    let said: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
    let inventory = inventory::parse(&[("demo.toml".to_owned(), built.inventory())]).unwrap();
    let agent = AgentId::new(prefecture::AGENT).unwrap();
    let secret = |name: &str| (name == prefecture::SECRET).then(community);
    let (definitions, nobody) = (&loaded.definitions, BTreeSet::new());
    let built_plan = plan::build(&inventory, definitions, probe::catalog(), &agent, 1, &secret, &nobody);
    Told { inventory, plan: built_plan.plan, notes: built_plan.notes, cables: built.cables() }
}

/// A prefecture that runs, where nobody else's does.
async fn running(clock: &Clock, dir: &Path) -> (Told, Ears, Show) {
    for net in 66..=250 {
        let built = prefecture::Demo::new(net, SEED, clock.wall()).unwrap();
        let (told, ears) = (told(&built, dir), built.ears());
        if let Ok(show) = built.start(clock).await {
            return (told, ears, show);
        }
    }
    panic!("no free addresses in all of 127.0.0.0/8");
}

fn cx(clock: &Clock) -> Ctx {
    let agent = AgentId::new(prefecture::AGENT).unwrap();
    let profiles = Arc::new(Profiles::default());
    profiles.set(defs::load(&[], probe::catalog()).definitions.profiles.clone());
    Ctx { clock: clock.clone(), agent, limits: Arc::default(), profiles, marks: Arc::default() }
}

async fn look(cx: &Ctx, task: &Task, within: Duration) -> Run {
    let Some(Runner::Each(make)) = probe::kind(&task.kind).map(|kind| &kind.runner) else {
        panic!("{} is looked at by {}", task.id, task.kind)
    };
    let task = Arc::new(Task { timeout_ms: 10_000, ..task.clone() });
    let mut prober = make(cx, &task, Some(&community())).unwrap();
    prober.run(cx, cx.clock.mono().plus(within)).await
}

#[test]
fn the_inventory_is_a_prefecture_that_plans_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let built =
        prefecture::Demo::new(prefecture::NET, SEED, crate::model::Wall::from_millis(1_790_000_000_000)).unwrap();
    let told = told(&built, dir.path());
    assert_eq!(told.notes, Vec::<String>::new());
    let all = &told.inventory;
    let kinds = |kind: &str| all.assets.values().filter(|a| a.kind.as_str() == kind).count();
    assert_eq!((all.assets.len(), kinds("website"), kinds("service"), kinds("firewall")), (60, 10, 3, 10));
    assert_eq!((all.regions.len(), all.links.len(), told.cables.len()), (11, 31, 31));
    let backbone = all.links.values().filter(|l| l.tier.as_str() == "backbone");
    assert!(backbone.clone().count() == 11 && backbone.clone().all(|l| l.carrier.is_some()));
    assert!(all.assets.values().all(|a| a.owner.is_some() && a.person.is_some() && !a.location.is_empty()));
    // The kernel answers ICMP for all of 127.0.0.0/8: nothing is concluded from it.
    let icmp: Vec<&str> = told.plan.tasks.iter().filter(|t| &*t.kind == "icmp").map(|t| &*t.id).collect();
    assert_eq!(icmp, Vec::<&str>::new());
    let devices = told.plan.tasks.iter().filter(|t| t.probe.as_str() == "asset-snmp").count();
    assert_eq!(devices, 35);
    // A port that a link ends at is one that the device has, by the names the recordings give.
    assert_eq!(built.inventory().matches("interface = ").count(), 2 * 31 - 2);
}

#[tokio::test]
async fn every_probe_of_the_demo_is_answered() {
    let clock = Clock::system();
    let dir = tempfile::tempdir().unwrap();
    let (told, _, show) = running(&clock, dir.path()).await;
    let cx = cx(&clock);
    let (mut ports, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for task in told.plan.tasks.iter().filter(|task| &*task.kind != "host") {
        let run = look(&cx, task, LONG).await;
        assert_eq!(run.outcome, Outcome::Ok, "{}: {:?}", task.id, run.detail);
        texts.extend(run.rows.iter().flat_map(|row| &row.values).filter_map(|value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }));
        let aliases = run.rows.iter().filter(|row| row.table == 1);
        ports.extend(aliases.map(|row| row.object.clone()));
    }
    for profile in ["huawei-vrp", "hillstone-stoneos", "h3c-comware", "linux"] {
        assert!(texts.iter().any(|text| &**text == profile), "{profile}: {texts:?}");
    }
    for link in told.inventory.links.values() {
        for end in [&link.a, &link.b] {
            if let crate::model::inventory::LinkEnd::Port { asset, interface, .. } = end {
                let port = crate::model::Object::interface(asset.clone(), interface).unwrap();
                assert!(ports.contains(&port), "{}: no device has {port}", link.id);
            }
        }
    }
    drop(show);
}

#[tokio::test]
async fn a_pulled_cable_takes_what_is_behind_it_along_and_gives_it_back() {
    let clock = Clock::system();
    let dir = tempfile::tempdir().unwrap();
    let (told, _, show) = running(&clock, dir.path()).await;
    let mut pulled = show.pulled();
    let (orders, asked) = mpsc::channel(4);
    // So slow that no trouble of its own comes while we look.
    let playing = tokio::spawn(show.run(0.001, asked));
    let cx = cx(&clock);
    let task = |id: &str| told.plan.tasks.iter().find(|task| *task.id == *id).unwrap();
    let link = LinkId::new("aks-kuqa").unwrap();
    let near = task("asset-snmp|asset:aks-core-1|");
    let state = async |port: &str| {
        let run = look(&cx, near, LONG).await;
        let (_, slot, _) = probe::snmp::SPEC.schema.find("oper").unwrap();
        let row = run.rows.into_iter().find(|row| row.object.to_string().ends_with(port)).unwrap();
        row.values[slot].clone()
    };
    let gone = ["backbone-echo|link:aks-kuqa|b", "link-echo|link:kuqa-core-fw|b", "asset-tcp|asset:kuqa-hall|18080"];
    for (order, outcome, oper) in
        [(Order::Pull(link.clone()), Outcome::Failed, 1), (Order::Plug(link.clone()), Outcome::Ok, 0)]
    {
        orders.send(order).await.unwrap();
        pulled.changed().await.unwrap();
        assert_eq!(pulled.borrow().contains(&link), oper == 1);
        assert_eq!(state("XGigabitEthernet0/0/2").await, Value::State(oper));
        assert_eq!(state("XGigabitEthernet0/0/3").await, Value::State(0), "another county's port");
        for id in gone {
            let run = look(&cx, task(id), Duration::from_secs(if oper == 1 { 1 } else { 20 })).await;
            assert_eq!(run.outcome, outcome, "{id}: {:?}", run.detail);
        }
    }
    drop(orders);
    playing.await.unwrap();
}

#[tokio::test]
#[expect(clippy::disallowed_types, reason = "what the demo says is heard as it comes, by nobody's collector")]
async fn a_pulled_cable_is_told_by_a_trap_and_a_line_of_the_device_that_can_still_be_heard() {
    let clock = Clock::system();
    let dir = tempfile::tempdir().unwrap();
    let (_told, ears, show) = running(&clock, dir.path()).await;
    let socket = |at| {
        let socket = std::net::UdpSocket::bind(at).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket
    };
    let (traps, lines) = (socket(ears.trap), socket(ears.syslog));
    let read = move |socket: &std::net::UdpSocket| {
        let mut bytes = [0; 2048];
        let (len, from) = socket.recv_from(&mut bytes).unwrap();
        (from.ip().to_string(), bytes[..len].to_vec())
    };
    let (orders, asked) = mpsc::channel(4);
    let playing = tokio::spawn(show.run(0.001, asked));
    let link = LinkId::new("aks-kuqa").unwrap();
    orders.send(Order::Pull(link)).await.unwrap();
    let heard = tokio::task::spawn_blocking(move || (read(&traps), read(&lines)));
    let ((from, trap), (wrote, line)) = heard.await.unwrap();
    let core = ears.trap.ip().to_string().replace("255.254", "0.1");
    assert_eq!((&from, &wrote), (&core, &core));
    let notice = crate::codec::trap::read(&trap).unwrap().unwrap();
    assert_eq!(notice.oid, "1.3.6.1.6.3.1.1.5.3");
    assert!(notice.text.contains("=XGigabitEthernet0/0/2"), "{}", notice.text);
    let line = crate::codec::syslog::read(&line);
    assert_eq!((line.host.as_str(), line.tag.as_str(), line.severity), ("AKS-CORE-1", "IFNET/IF_STATE", 4));
    assert_eq!(line.text, "Interface XGigabitEthernet0/0/2 has turned into DOWN state.");
    drop(orders);
    playing.await.unwrap();
}
