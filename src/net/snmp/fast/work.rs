//! What one device is asked: a single exchange, or a walk.

use ::snmp::{ErrorStatus, Oid, Value};

use super::Device;
use crate::codec::snmp::{Head, Kind, Pdu, Writer};
use crate::net::snmp::table::{Step, Table};
use crate::net::snmp::{SnmpError, convert};

/// A task of the engine, and what became of it.
pub(in crate::net::snmp) enum Work {
    /// One request and its answer.
    Once(Once),
    /// A walk.
    Table(Box<Table>),
}

/// One request and its answer.
pub(in crate::net::snmp) struct Once {
    pub(super) kind: Kind,
    /// Encoded.
    pub(super) names: Vec<Vec<u8>>,
    pub(super) repetitions: u32,
    /// None while there is none.
    pub(super) answer: Option<Result<Vec<(Oid, Value)>, SnmpError>>,
}

impl Work {
    /// Writes the next request in the place of what stands in `out`. False if there is none.
    pub(super) fn ask(&mut self, device: &Device, id: i32, out: &mut Vec<u8>) -> bool {
        out.clear();
        let head =
            |kind, index| Head { version: device.version, community: &device.community, kind, id, status: 0, index };
        match self {
            Self::Once(once) => {
                let rows = i32::try_from(once.repetitions).unwrap_or(i32::MAX);
                let mut writer = Writer::begin(&head(once.kind, rows), out);
                once.names.iter().for_each(|name| writer.name(name));
                writer.finish()
            }
            Self::Table(table) => {
                let next = table.asks_next();
                let Some((names, repetitions)) = table.ask() else { return false };
                let (kind, rows) = match next {
                    true => (Kind::GetNext, 0),
                    false => (Kind::GetBulk, i32::try_from(repetitions).unwrap_or(i32::MAX)),
                };
                let mut writer = Writer::begin(&head(kind, rows), out);
                names.for_each(|name| writer.name(name));
                writer.finish()
            }
        }
    }

    /// Takes an answer to the last request, of so many bytes.
    pub(super) fn take(&mut self, device: &Device, answer: &Pdu<'_>, bytes: usize) -> Step {
        if answer.status != 0 {
            let (status, index) = (ErrorStatus::from_i32(answer.status), u32::try_from(answer.index).unwrap_or(0));
            return self.fail(SnmpError::Status { peer: device.peer, status, index });
        }
        let malformed = match self {
            Self::Once(once) => {
                let pair = |variable: crate::codec::snmp::Variable<'_>| {
                    (convert::name(variable.name), convert::owned(&variable.value))
                };
                match answer.variables.map(|variable| variable.map(pair)).collect() {
                    Ok(list) => {
                        once.answer = Some(Ok(list));
                        return Step::Done;
                    }
                    Err(malformed) => malformed,
                }
            }
            Self::Table(table) => match table.take(answer.variables, bytes) {
                Ok(step) => return step,
                Err(malformed) => malformed,
            },
        };
        self.fail(SnmpError::Malformed { peer: device.peer, why: malformed })
    }

    /// There is no answer to the last request, or one that says an error.
    pub(super) fn fail(&mut self, error: SnmpError) -> Step {
        match self {
            Self::Once(_) => self.end(error),
            Self::Table(table) => table.fail(error),
        }
    }

    /// It ends without an answer.
    pub(super) fn end(&mut self, error: SnmpError) -> Step {
        match self {
            Self::Once(once) => {
                once.answer = Some(Err(error));
                Step::Done
            }
            Self::Table(table) => table.end(error),
        }
    }
}
