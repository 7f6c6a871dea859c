//! What there is: nodes with their ports, and the cables between them. Built once, in memory, the same for the
//! same seed; the inventory, the recordings and the world are all made of it.

use std::net::Ipv4Addr;

use super::hardware::{ACCESS, CORE, FIREWALL, Make, SERVER};
use super::places::{CARRIERS, COUNTY_SERVERS, PLACES, Place, SERVERS, SERVICES, SITES_AT_HOME};

/// Ports of the demo's services: all above 1024, none a usual one.
pub(super) const SNMP: u16 = 11161;
pub(super) const HTTP: u16 = 18080;
pub(super) const HTTPS: u16 = 18443;
pub(super) const ECHO: u16 = 17007;

/// A port of a device.
#[derive(Debug, Clone)]
pub(super) struct Port {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) alias: String,
    pub(super) mbps: u32,
    /// Octets a second on average, in and out; 0 on a port that nobody uses.
    pub(super) rates: [f64; 2],
    /// Received packets a second with errors.
    pub(super) errors: f64,
    pub(super) up: bool,
    /// Set up by the administrator; an unused one may be shut.
    pub(super) enabled: bool,
}

/// What answers for a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answers {
    /// SNMP alone.
    Device,
    /// TCP ports, and SNMP too if it has ports of its own.
    Server(Vec<u16>),
    /// A website; whether it speaks TLS.
    Site(bool),
}

/// An asset.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) name: String,
    /// Word of its kind.
    pub(super) kind: &'static str,
    pub(super) place: usize,
    pub(super) address: Ipv4Addr,
    pub(super) importance: u8,
    pub(super) cabinet: String,
    /// What it is, of those that speak SNMP.
    pub(super) make: Option<&'static Make>,
    pub(super) answers: Answers,
    pub(super) ports: Vec<Port>,
    /// Groups of what it hangs on.
    pub(super) depends: Vec<Vec<String>>,
}

/// One end of a cable.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// Node and port index; `None` for a peer that is not ours.
    pub(super) port: Option<(usize, u32)>,
    pub(super) address: Ipv4Addr,
}

/// A link.
#[derive(Debug, Clone)]
pub(super) struct Cable {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) ends: [End; 2],
    pub(super) tier: &'static str,
    pub(super) mbps: u32,
    /// Carrier and circuit number.
    pub(super) carrier: Option<(usize, String)>,
    /// Nodes, and cables, that are out of reach without it, by position.
    pub(super) behind: (Vec<usize>, Vec<usize>),
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) nodes: Vec<Node>,
    pub(super) cables: Vec<Cable>,
}

/// Octets a second of so many Mbit/s.
fn octets(mbps: f64) -> f64 {
    mbps * 125_000.0
}

/// Builds it within 127.NET.0.0/16.
struct Builder {
    net: u8,
    random: fastrand::Rng,
    all: Network,
}

pub(super) fn build(net: u8, seed: u64) -> Network {
    let mut b = Builder { net, random: fastrand::Rng::with_seed(seed), all: Network::default() };
    for (place, at) in PLACES.iter().zip(0..) {
        b.devices(place, at);
    }
    for (server, at) in SERVERS.iter().zip(0u8..) {
        let (id, name, tcp, importance, snmp) = *server;
        b.server(0, at, id, name, tcp, importance, snmp);
    }
    for (place, id, name, port) in COUNTY_SERVERS {
        b.server(*place, 0, id, name, &[*port], 2, false);
    }
    for at in 0..PLACES.len() {
        b.site(at);
    }
    for (service, at) in SERVICES.iter().zip(0u8..) {
        b.service(at, service);
    }
    b.uplinks();
    for at in 1..PLACES.len() {
        b.backbone(at);
    }
    for at in 0..PLACES.len() {
        b.inside(at);
    }
    b.spare_ports();
    b.behind();
    b.all
}

impl Builder {
    fn ip(&self, third: usize, fourth: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.net, u8::try_from(third).unwrap_or(u8::MAX), fourth)
    }

    fn node(&self, id: &str) -> usize {
        self.all.nodes.iter().position(|node| node.id == id).unwrap_or_default()
    }

    fn part(&self, place: usize, part: &str) -> usize {
        let slug = PLACES.get(place).map_or("", |place| place.slug);
        self.node(&format!("{slug}-{part}-1"))
    }

    fn devices(&mut self, place: &Place, at: usize) {
        #[rustfmt::skip]
        let kinds: [(&str, &str, &str, u8, &'static Make, u8); 3] = [
            ("core", "核心交换机", "switch", 1, &CORE, 3),
            ("fw", "出口防火墙", "firewall", 2, &FIREWALL, 2),
            ("access", "接入交换机", "switch", 3, &ACCESS, 1),
        ];
        for (part, name, kind, host, make, importance) in kinds {
            let importance = if at == 0 { importance } else { importance.min(2) };
            let node = Node {
                id: format!("{}-{part}-1", place.slug),
                name: format!("{}{name}", place.name),
                kind,
                place: at,
                address: self.ip(at, host),
                importance,
                cabinet: format!("{} {} 柜 {} U", place.room, if host == 3 { "B1" } else { "A1" }, 30 + host),
                make: Some(make),
                answers: Answers::Device,
                ports: Vec::new(),
                depends: Vec::new(),
            };
            self.all.nodes.push(node);
        }
    }

    /// Adds a port and answers its index.
    fn port(&mut self, node: usize, name: String, alias: String, mbps: u32, rates: [f64; 2]) -> u32 {
        let Some(node) = self.all.nodes.get_mut(node) else { return 0 };
        let index = u32::try_from(node.ports.len()).unwrap_or_default() + 1;
        node.ports.push(Port { index, name, alias, mbps, rates, errors: 0.0, up: true, enabled: true });
        index
    }

    /// Traffic of a line: some tenths of what it can, less on the way back.
    fn load(&mut self, mbps: u32, share: f64) -> [f64; 2] {
        let there = f64::from(mbps) * share * (0.6 + 0.8 * self.random.f64());
        [octets(there), octets(there * (0.25 + 0.5 * self.random.f64()))]
    }

    #[expect(clippy::too_many_arguments, reason = "a row of a table, taken apart")]
    fn server(&mut self, place: usize, at: u8, id: &str, name: &str, tcp: &[u16], importance: u8, snmp: bool) {
        let address = self.ip(place, 20 + at);
        let [there, back] = self.load(1000, 0.04);
        let core = self.part(place, "core");
        let core_id = self.all.nodes.get(core).map_or_else(String::new, |core| core.id.clone());
        self.port(core, format!("GigabitEthernet1/0/{}", at + 1), format!("至 {name}"), 1000, [back, there]);
        let room = PLACES.get(place).map_or("", |place| place.room);
        self.all.nodes.push(Node {
            id: id.to_owned(),
            name: if place == 0 { format!("地区{name}") } else { name.to_owned() },
            kind: "host",
            place,
            address,
            importance,
            cabinet: format!("{room} C{} 柜 {} U", 1 + at / 8, 4 + 3 * (at % 8)),
            make: snmp.then_some(&SERVER),
            answers: Answers::Server(tcp.to_vec()),
            ports: Vec::new(),
            depends: vec![vec![core_id]],
        });
        if snmp {
            let own = self.all.nodes.len() - 1;
            let unused = Port {
                index: 1,
                name: "lo".to_owned(),
                alias: String::new(),
                mbps: 10,
                rates: [octets(0.2), octets(0.2)],
                errors: 0.0,
                up: true,
                enabled: true,
            };
            if let Some(node) = self.all.nodes.get_mut(own) {
                node.ports.push(unused);
            }
            self.port(own, "eth0".to_owned(), "至 地区核心交换机".to_owned(), 1000, [there, back]);
        }
    }

    fn site(&mut self, at: usize) {
        let Some(place) = PLACES.get(at) else { return };
        let at_home = at == 0 || SITES_AT_HOME.contains(&at);
        let host = if at_home { at } else { 0 };
        let fourth = 80 + u8::try_from(at).unwrap_or_default();
        // The prefecture and three counties are further than the others.
        let tls = at == 0 || at % 3 == 1;
        let hangs = if at == 0 || !at_home {
            vec![vec!["aks-web-1".to_owned(), "aks-web-2".to_owned()]]
        } else {
            vec![vec![format!("{}-core-1", place.slug)]]
        };
        self.all.nodes.push(Node {
            id: format!("{}-portal", place.slug),
            name: if at == 0 {
                format!("{}行政公署门户网站", place.name)
            } else {
                format!("{}人民政府门户网站", place.name)
            },
            kind: "website",
            place: at,
            address: self.ip(host, fourth),
            importance: if at == 0 { 3 } else { 2 },
            cabinet: if at_home { place.room.to_owned() } else { "网站集约化平台".to_owned() },
            make: None,
            answers: Answers::Site(tls),
            ports: Vec::new(),
            depends: hangs,
        });
    }

    fn service(&mut self, at: u8, (id, name, server): &(&str, &str, &str)) {
        self.all.nodes.push(Node {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            kind: "service",
            place: 0,
            address: self.ip(0, 60 + at),
            importance: 3,
            cabinet: "行署大院信息中心机房".to_owned(),
            make: None,
            answers: Answers::Site(false),
            ports: Vec::new(),
            depends: vec![vec![(*server).to_owned()]],
        });
    }

    fn uplinks(&mut self) {
        for (n, role, share) in [(1u8, "主用", 0.22), (2, "备用", 0.02)] {
            let core = self.node("aks-core-1");
            let [there, back] = self.load(10_000, share);
            let name = format!("XGigabitEthernet0/0/{}", 22 + n);
            let circuit = format!("XJ-AKS-00{n}");
            let port = self.port(core, name, format!("至 自治区汇聚（{role}） {circuit}"), 10_000, [there, back]);
            let ends = [
                End { port: Some((core, port)), address: self.ip(120 + n as usize, 1) },
                End { port: None, address: self.ip(120 + n as usize, 2) },
            ];
            self.all.cables.push(Cable {
                id: format!("aks-uplink-{n}"),
                name: format!("地区-自治区上联链路（{role}）"),
                ends,
                tier: "backbone",
                mbps: 10_000,
                carrier: Some((n as usize - 1, circuit)),
                behind: Default::default(),
            });
        }
    }

    fn backbone(&mut self, at: usize) {
        let Some(place) = PLACES.get(at) else { return };
        let (near, far) = (self.node("aks-core-1"), self.part(at, "core"));
        let [there, back] = self.load(1000, 0.24);
        let carrier = at % CARRIERS.len();
        let circuit = format!("{}-{:04}", CARRIERS.get(carrier).map_or("", |c| c.2), 2600 + 7 * at);
        let here = format!("XGigabitEthernet0/0/{at}");
        let alias = format!("至 {}核心 {here} {circuit}", place.short);
        let a = self.port(near, here, alias, 10_000, [back, there]);
        let b = self.port(
            far,
            "XGigabitEthernet0/0/1".to_owned(),
            format!("至 地区核心 XGigabitEthernet0/0/{at} {circuit}"),
            10_000,
            [there, back],
        );
        self.all.cables.push(Cable {
            id: format!("aks-{}", place.slug),
            name: format!("地区-{}骨干链路", place.name),
            ends: [
                End { port: Some((near, a)), address: self.ip(100 + at, 1) },
                End { port: Some((far, b)), address: self.ip(100 + at, 2) },
            ],
            tier: "backbone",
            mbps: 1000,
            carrier: Some((carrier, circuit)),
            behind: Default::default(),
        });
        if let Some(core) = self.all.nodes.get_mut(far) {
            core.depends.push(vec![format!("aks-{}", place.slug)]);
        }
    }

    /// Core to firewall, firewall to access switch.
    fn inside(&mut self, at: usize) {
        let Some(place) = PLACES.get(at) else { return };
        let tier = if at == 0 { "metro" } else { "access" };
        let parts = [self.part(at, "core"), self.part(at, "fw"), self.part(at, "access")];
        let names = [
            ("core-fw", "核心至防火墙", "XGigabitEthernet0/0/20", "ethernet0/0", 20u8),
            ("fw-access", "防火墙至接入交换机", "ethernet0/1", "GigabitEthernet1/0/24", 30),
        ];
        let pairs = [(parts[0], parts[1]), (parts[1], parts[2])];
        for ((id, name, from, to, fourth), (near, far)) in names.into_iter().zip(pairs) {
            let [there, back] = self.load(1000, 0.16);
            let label = |node: usize| self.all.nodes.get(node).map_or_else(String::new, |n| n.name.clone());
            let (near_name, far_name) = (label(near), label(far));
            let a = self.port(near, from.to_owned(), format!("至 {far_name}"), 1000, [back, there]);
            let b = self.port(far, to.to_owned(), format!("至 {near_name}"), 1000, [there, back]);
            let id = format!("{}-{id}", place.slug);
            let upstream = self.all.nodes.get(near).map_or_else(String::new, |node| node.id.clone());
            self.all.cables.push(Cable {
                id: id.clone(),
                name: format!("{}{name}", place.name),
                ends: [
                    End { port: Some((near, a)), address: self.ip(at, fourth + 101) },
                    End { port: Some((far, b)), address: self.ip(at, fourth + 102) },
                ],
                tier,
                mbps: 1000,
                carrier: None,
                behind: Default::default(),
            });
            if let Some(node) = self.all.nodes.get_mut(far) {
                node.depends = vec![vec![id], vec![upstream]];
            }
        }
    }

    /// Ports towards offices, and such as every device has: unused, shut, logical.
    fn spare_ports(&mut self) {
        let rooms = ["办公室", "政务服务大厅", "财政局", "教育局"];
        for at in 0..PLACES.len() {
            let (core, fw, access) = (self.part(at, "core"), self.part(at, "fw"), self.part(at, "access"));
            for (room, n) in rooms.iter().zip(1..) {
                let [there, back] = self.load(1000, 0.03);
                let port =
                    self.port(access, format!("GigabitEthernet1/0/{n}"), (*room).to_owned(), 1000, [back, there]);
                // A bad patch cord in a few places: errors, too few for an alert.
                if self.random.u8(..) < 24 {
                    self.change(access, port, |port| port.errors = 0.01);
                }
            }
            let empty = self.port(access, "GigabitEthernet1/0/5".to_owned(), String::new(), 1000, [0.0; 2]);
            self.change(access, empty, |port| port.up = false);
            let shut = self.port(core, "XGigabitEthernet0/0/19".to_owned(), String::new(), 10_000, [0.0; 2]);
            self.change(core, shut, |port| (port.up, port.enabled) = (false, false));
            self.port(core, "Vlanif100".to_owned(), "设备管理".to_owned(), 1000, [octets(0.3), octets(0.4)]);
            self.port(fw, "MGT0".to_owned(), "带外管理".to_owned(), 100, [octets(0.02), octets(0.02)]);
        }
    }

    fn change(&mut self, node: usize, port: u32, how: impl Fn(&mut Port)) {
        let port = self.all.nodes.get_mut(node).and_then(|n| n.ports.iter_mut().find(|p| p.index == port));
        if let Some(port) = port {
            how(port);
        }
    }

    /// What is out of reach without each cable, seen from the prefecture's core.
    fn behind(&mut self) {
        let find = |cables: &[Cable], id: String| cables.iter().position(|cable| cable.id == id);
        for (at, place) in PLACES.iter().enumerate() {
            let cables = &self.all.cables;
            let inner = find(cables, format!("{}-core-fw", place.slug));
            let innermost = find(cables, format!("{}-fw-access", place.slug));
            let (fw, access) = (self.part(at, "fw"), self.part(at, "access"));
            let home =
                |node: &Node| node.place == at && (node.kind != "website" || at == 0 || SITES_AT_HOME.contains(&at));
            let everything: Vec<usize> =
                self.all.nodes.iter().enumerate().filter(|(_, node)| home(node)).map(|(n, _)| n).collect();
            if let (Some(inner), Some(innermost)) = (inner, innermost) {
                let backbone = find(cables, format!("aks-{}", place.slug));
                let cables = &mut self.all.cables;
                if let Some(cable) = backbone.filter(|_| at > 0).and_then(|n| cables.get_mut(n)) {
                    cable.behind = (everything, vec![inner, innermost]);
                }
                if let Some(cable) = cables.get_mut(inner) {
                    cable.behind = (vec![fw, access], vec![innermost]);
                }
                if let Some(cable) = cables.get_mut(innermost) {
                    cable.behind = (vec![access], Vec::new());
                }
            }
        }
    }
}
