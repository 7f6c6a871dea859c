//! A walk whose answers are handed in instead of received: for tests and for fuzzing, which want millions of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ::snmp::Oid;

use super::work::Work;
use super::{Device, Manner};
use crate::codec::snmp::{Body, Message, Version, write};
use crate::model::device::Asking;
use crate::net::snmp::SnmpError;
use crate::net::snmp::table::{Sink, Step, Table, Walked};

/// Walks these columns until there is nothing more to ask or no answer is left. Each answer is read as one off the network
/// and taken for that to the last request, whatever it holds; one that cannot be read is a lost one. `asked` sees each
/// request.
pub fn rehearse<'a>(
    columns: &[Oid],
    version: Version,
    sink: impl Sink,
    answers: impl IntoIterator<Item = &'a [u8]>,
    mut asked: impl FnMut(&[u8]),
) -> Walked {
    let peer = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 161);
    let manner = Manner { timeout: Duration::from_secs(1), retries: 0, strict_source: true };
    let device = Device::new(peer, version, Box::default(), manner);
    let names = columns.iter().map(|column| write::name(column.arcs())).collect();
    let table = Table::new(names, Box::new(sink), Walked::new(25), version == Version::V1, Asking::default());
    let (mut work, mut request) = (Work::Table(Box::new(table)), Vec::new());
    for bytes in answers {
        if !work.ask(&device, 1, &mut request) {
            break;
        }
        asked(&request);
        let step = match Message::read(bytes).map(|message| message.body) {
            Ok(Body::Pdu(answer)) => work.take(&device, &answer, bytes.len()),
            _ => work.fail(SnmpError::Timeout { peer }),
        };
        if step == Step::Done {
            break;
        }
    }
    match work {
        Work::Table(table) => table.walked,
        Work::Once(_) => Walked::default(),
    }
}
