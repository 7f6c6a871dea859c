//! Whether anybody is there at all: one datagram from a socket of its own, so that a port that refuses is heard. Nothing
//! is sent again, and nothing is made of what the answer says.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::snmp::MessageSize;
use ::snmp::message::V3Message;

use super::SnmpError;
use super::user::RECEIVE_CAPACITY;
use crate::codec::snmp::{Head, Kind, Version, Writer, write};
use crate::model::Secret;
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::{NetError, cause_of};

/// Time a port has to refuse an empty datagram: the ICMP message comes from the device itself.
const REFUSAL: Duration = Duration::from_millis(150);
/// sysUpTime.0 (SNMPv2-MIB, RFC 3418), which no agent is without.
const SYS_UP_TIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];

#[expect(clippy::disallowed_types, reason = "this is net")]
type Udp = tokio::net::UdpSocket;

/// Asks once for sysUpTime.0 alone (of v3 for its engine, without which nothing else can be asked) and waits for any
/// answer until `deadline`. With `strict_source` it must come from the address that was asked; without, a port that
/// refuses is not told from silence.
pub async fn knock(
    peer: SocketAddr,
    secret: &Secret,
    strict_source: bool,
    clock: &Clock,
    deadline: Mono,
) -> Result<(), SnmpError> {
    let failed = |error: &io::Error| SnmpError::Net(NetError::io(format_args!("snmp {peer}"), error));
    let socket = bind(peer).await.map_err(|error| failed(&error))?;
    // A number that another knock does not have at the same time: its socket is another.
    let id = socket.local_addr().map_or(1, |at| i32::from(at.port()));
    // What cannot be asked (a secret of another type) is told by whoever opens a session.
    let Some(question) = question(secret, id) else { return Ok(()) };
    let sent = if strict_source {
        socket.connect(peer).await.map_err(|error| failed(&error))?;
        socket.send(&question).await
    } else {
        socket.send_to(&question, peer).await
    };
    sent.map_err(|error| failed(&error))?;
    match clock.until(deadline, socket.recv(&mut [0; 1])).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) if cause_of(&error) == Cause::Refused => Err(SnmpError::Refused { peer }),
        Some(Err(_)) | None => Err(SnmpError::Timeout { peer }),
    }
}

/// Whether a port refuses: an empty datagram, which no agent answers, brings an ICMP message if nobody listens.
pub async fn refuses(peer: SocketAddr, clock: &Clock) -> bool {
    let Ok(socket) = bind(peer).await else { return false };
    if socket.connect(peer).await.is_err() || socket.send(&[]).await.is_err() {
        return false;
    }
    let heard = clock.until(clock.mono().plus(REFUSAL), socket.recv(&mut [0; 1])).await;
    matches!(heard, Some(Err(error)) if cause_of(&error) == Cause::Refused)
}

async fn bind(peer: SocketAddr) -> io::Result<Udp> {
    Udp::bind(SocketAddr::new(if peer.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() }, 0)).await
}

fn question(secret: &Secret, id: i32) -> Option<Vec<u8>> {
    match secret {
        Secret::SnmpCommunity { v1, community } => {
            let version = if *v1 { Version::V1 } else { Version::V2c };
            let community = community.expose().as_bytes();
            let mut out = Vec::new();
            let head = Head { version, community, kind: Kind::Get, id, status: 0, index: 0 };
            let mut writer = Writer::begin(&head, &mut out);
            writer.name(&write::name(SYS_UP_TIME));
            writer.finish().then_some(out)
        }
        Secret::SnmpV3 { .. } => {
            let size = MessageSize::new(RECEIVE_CAPACITY).ok()?;
            V3Message::discovery_request(id, size).ok()?.encode().ok().map(|bytes| bytes.to_vec())
        }
        _ => None,
    }
}
