//! The prefecture of `fengsui up --demo`: about sixty assets of 阿克苏地区 and its nine counties on loopback, what
//! an operator would have written about them, and a loop of troubles that comes and goes.
//!
//! It knows nothing of consoles: whoever starts it hands the inventory and definitions on, and the troubles are
//! met over sockets. The kernel answers ICMP for all of 127.0.0.0/8, so the definitions use none.

mod hardware; // makes of device
mod network; // nodes, ports, cables
mod places; // names, codes, units
mod record; // recordings with moving counters
mod story; // troubles, one after another
mod texts; // inventory and definitions
mod voices; // traps and lines of log

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::network::{Answers, ECHO, HTTP, HTTPS, Network, SNMP};
use super::certificate::Authority;
use super::device::Kind;
use super::world::{DeviceSpec, ServiceSpec, World, WorldError};
use crate::model::{LinkId, Wall};
use crate::net::clock::Clock;
use crate::net::serve::Access;

pub use story::{Order, Show};
pub use texts::{AGENT, SECRET};
pub use voices::Ears;

/// The community of all its devices.
pub const COMMUNITY: &str = "demo";
/// The second octet of its addresses, 127.65.0.0/16, unless another is asked for.
pub const NET: u8 = 65;
/// Certificates live so long when a trouble does not shorten them.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(200 * 86_400);

/// The prefecture, not yet running.
#[derive(Debug)]
pub struct Demo {
    network: Network,
    authority: Arc<Authority>,
    devices: Vec<DeviceSpec>,
    seed: u64,
    ears: Ears,
}

impl Demo {
    /// Builds it within 127.NET.0.0/16; the same seed gives the same prefecture and the same troubles.
    pub fn new(net: u8, seed: u64, now: Wall) -> Result<Self, String> {
        let network = network::build(net, seed);
        let authority = Arc::new(Authority::new("Fengsui demo CA")?);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut devices: Vec<DeviceSpec> =
            (0..network.nodes.len()).filter_map(|at| device(&network, at, &authority, now, &mut random)).collect();
        for cable in &network.cables {
            for (end, side) in cable.ends.iter().zip(["a", "b"]) {
                devices.push(DeviceSpec {
                    name: story::end_name(&cable.id, side),
                    address: IpAddr::V4(end.address),
                    services: vec![ServiceSpec::new(ECHO, Kind::UdpEcho)],
                });
            }
        }
        Ok(Self { network, authority, devices, seed, ears: Ears::of(net) })
    }

    /// Where its devices send traps and log lines to.
    pub const fn ears(&self) -> Ears {
        self.ears
    }

    /// The inventory, TOML. It names the secret `SECRET`, a v2c community whose value is `COMMUNITY`, and the
    /// agent `AGENT`.
    pub fn inventory(&self) -> String {
        texts::inventory(&self.network)
    }

    /// The definitions that judge it, TOML, over the shipped ones. `ca` is the file that will hold `ca_pem`;
    /// everything runs `pace` times as fast (1 but in tests).
    pub fn definitions(&self, ca: &Path, pace: f64) -> String {
        texts::definitions(ca, pace)
    }

    /// The certificate of the authority that its websites are signed by.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Id and name of every link, in the order of the inventory.
    pub fn cables(&self) -> Vec<(LinkId, String)> {
        self.network
            .cables
            .iter()
            .filter_map(|cable| Some((LinkId::new(&cable.id).ok()?, cable.name.clone())))
            .collect()
    }

    /// Opens all sockets; on the first error nothing stays open. Troubles begin with `Show::run`.
    pub async fn start(self, clock: &Clock) -> Result<Show, WorldError> {
        let world = World::start(self.devices, clock).await?;
        Ok(Show::new(self.network, world, self.seed, self.ears, clock.clone()))
    }
}

fn device(
    network: &Network,
    at: usize,
    authority: &Arc<Authority>,
    now: Wall,
    random: &mut fastrand::Rng,
) -> Option<DeviceSpec> {
    let node = network.nodes.get(at)?;
    let mut services = Vec::new();
    if !node.ports.is_empty() {
        let mut recording = record::recording(node, now, random);
        record::neighbours(&mut recording, network, at);
        record::addresses(&mut recording, network, at);
        let recording = Arc::new(recording);
        services.push(ServiceSpec::new(SNMP, Kind::Snmp { recording, access: Access::community(COMMUNITY) }));
    }
    match &node.answers {
        Answers::Device => {}
        Answers::Server(ports) => services.extend(ports.iter().map(|port| ServiceSpec {
            name: format!("tcp-{port}"),
            ..ServiceSpec::new(*port, Kind::Tcp { banner: String::new() })
        })),
        Answers::Site(tls) => {
            let body = format!("<!doctype html><title>{0}</title><h1>{0}</h1><p>演示站点（模拟）。</p>\n", node.name);
            services.push(if *tls {
                let (authority, names) = (authority.clone(), vec![node.address.to_string()]);
                ServiceSpec::new(HTTPS, Kind::Https { status: 200, body, authority, names, life: CERTIFICATE_LIFE })
            } else {
                let delay = Duration::from_millis(random.u64(8..60));
                ServiceSpec::new(HTTP, Kind::Http { status: 200, body, delay })
            });
        }
    }
    Some(DeviceSpec { name: node.id.clone(), address: IpAddr::V4(node.address), services })
}

/// The links that somebody has pulled, by id.
pub type Pulled = BTreeSet<LinkId>;
