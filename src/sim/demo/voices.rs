//! What the demo's devices say by themselves: traps and lines of log, each sent from the device's own address to the agent
//! of the demo. They lie neither about who nor when; what nobody listens to is lost, as with real ones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::network::{Node, Port};
use crate::codec::snmp::{Head, Kind, Version, Writer};
use crate::model::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{Oid, Value, encode};
use crate::net::udp;

/// Where the agent of the demo listens: above 1024, so that nobody needs rights.
const TRAP: u16 = 10_162;
const SYSLOG: u16 = 10_514;
/// Facility local7, severities warning and notice, as switches send (RFC 5424 section 6.2.1).
const WARNING: u8 = 23 * 8 + 4;
const NOTICE: u8 = 23 * 8 + 5;

/// sysUpTime.0 and snmpTrapOID.0, which begin every notification (RFC 3416 section 4.2.6).
const UPTIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];
const TRAP_OID: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
/// linkDown and linkUp (RFC 2863).
const LINK_DOWN: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 5, 3];
const LINK_UP: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 5, 4];
const IF_INDEX: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 1];
const IF_ADMIN: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 7];
const IF_OPER: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8];
const IF_NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1];

/// Where whoever wants to hear the demo listens: for traps, and for lines of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ears {
    /// Traps.
    pub trap: SocketAddr,
    /// Lines of log.
    pub syslog: SocketAddr,
}

impl Ears {
    /// Those within 127.NET.0.0/16.
    pub(super) const fn of(net: u8) -> Self {
        let at = IpAddr::V4(Ipv4Addr::new(127, net, 255, 254));
        Self { trap: SocketAddr::new(at, TRAP), syslog: SocketAddr::new(at, SYSLOG) }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Voices {
    ears: Ears,
    clock: Clock,
    began: Mono,
    community: &'static str,
    said: i32,
}

impl Voices {
    pub(super) fn new(ears: Ears, clock: Clock, community: &'static str) -> Self {
        let began = clock.mono();
        Self { ears, clock, began, community, said: 0 }
    }

    /// A port went up or down: a trap, and a line where its make sends one.
    pub(super) async fn port(&mut self, node: &Node, port: &Port, up: bool) {
        let state = Value::Integer(if up { 1 } else { 2 });
        let name = Value::OctetString(port.name.clone().into_bytes().into());
        let index = Value::Integer(i32::try_from(port.index).unwrap_or_default());
        let variables = [(IF_INDEX, index), (IF_ADMIN, Value::Integer(1)), (IF_OPER, state), (IF_NAME, name)];
        self.trap(
            node,
            if up { LINK_UP } else { LINK_DOWN },
            variables.map(|(base, value)| (base, port.index, value)),
        )
        .await;
        if let Some(line) = node.make.and_then(|make| make.port_line) {
            self.line(node, WARNING, &line(&port.name, up)).await;
        }
    }

    /// Somebody tries passwords, so many times.
    pub(super) async fn guesses(&mut self, node: &Node, from: Ipv4Addr, times: u8) {
        for n in 1..=times {
            let line = format!(
                "%%01SSH/4/SSH_FAIL(l)[{n}]:Failed to login through SSH. (IP={from}, UserName=admin, Times={n}, FailedReason=User public key authentication failed)"
            );
            self.line(node, WARNING, &line).await;
        }
    }

    /// What is said on an ordinary day.
    pub(super) async fn everyday(&mut self, node: &Node, from: Ipv4Addr) {
        self.line(node, NOTICE, &format!("%%01SHELL/5/LOGIN(l)[9]:VTY login from {from}.")).await;
    }

    async fn trap<const N: usize>(&mut self, node: &Node, what: &[u32], variables: [(&[u32], u32, Value); N]) {
        let ticks = self.clock.mono().since(self.began).as_millis() / 10;
        let mut all = Vec::new();
        encode(&Oid::from(UPTIME.to_vec()), Value::TimeTicks(ticks as u32), &mut all);
        encode(&Oid::from(TRAP_OID.to_vec()), Value::ObjectIdentifier(Oid::from(what.to_vec())), &mut all);
        for (base, row, value) in variables {
            encode(&Oid::from([base, &[row]].concat()), value, &mut all);
        }
        self.said = self.said.wrapping_add(1);
        let community = self.community.as_bytes();
        let head = Head { version: Version::V2c, community, kind: Kind::Trap, id: self.said, status: 0, index: 0 };
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&head, &mut bytes);
        writer.encoded(&all);
        if writer.finish() {
            self.send(node, self.ears.trap, &bytes).await;
        }
    }

    async fn line(&self, node: &Node, priority: u8, text: &str) {
        let at = self.clock.wall().to_string();
        self.send(node, self.ears.syslog, format!("<{priority}>{at} {} {text}", node.id.to_uppercase()).as_bytes())
            .await;
    }

    async fn send(&self, node: &Node, to: SocketAddr, bytes: &[u8]) {
        if let Err(error) = udp::tell(IpAddr::V4(node.address), to, bytes).await {
            tracing::warn!(%error, asset = node.id, "a word of the demo could not be sent");
        }
    }
}
