//! Between values as they stand on the wire and values that callers keep.

use ::snmp::{Oid, Value};

use crate::codec::snmp::{self as wire, oid, write};

/// A value to keep.
pub(super) fn owned(value: &wire::Value<'_>) -> Value {
    match *value {
        wire::Value::Integer(n) => match (i32::try_from(n), u32::try_from(n)) {
            (Ok(n), _) => Value::Integer(n),
            (_, Ok(n)) => Value::Gauge32(n), // an agent that writes an unsigned number as a signed one
            _ => Value::Unknown { tag: 2, data: n.to_be_bytes().to_vec().into() },
        },
        wire::Value::Octets(bytes) => Value::OctetString(bytes.to_vec().into()),
        wire::Value::Null => Value::Null,
        wire::Value::Oid(oid) => Value::ObjectIdentifier(name(oid)),
        wire::Value::Address(address) => Value::IpAddress(address),
        wire::Value::Counter32(n) => Value::Counter32(n),
        wire::Value::Gauge32(n) => Value::Gauge32(n),
        wire::Value::Unsigned32(n) => Value::UInteger32(n),
        wire::Value::Ticks(n) => Value::TimeTicks(n),
        wire::Value::Counter64(n) => Value::Counter64(n),
        wire::Value::Opaque(bytes) => Value::Opaque(bytes.to_vec().into()),
        wire::Value::Nsap(bytes) => Value::Nsap(bytes.to_vec().into()),
        wire::Value::NoSuchObject => Value::NoSuchObject,
        wire::Value::NoSuchInstance => Value::NoSuchInstance,
        wire::Value::EndOfMibView => Value::EndOfMibView,
        wire::Value::Other { tag, bytes } => Value::Unknown { tag, data: bytes.to_vec().into() },
    }
}

/// A name to keep.
pub(super) fn name(name: wire::Oid<'_>) -> Oid {
    Oid::new(name.arcs())
}

/// A variable that was kept, with its name and, if it is a name too, its value encoded.
pub(super) struct Encoded {
    name: Vec<u8>,
    object: Vec<u8>,
    value: Value,
}

impl Encoded {
    pub(super) fn new(oid: &Oid, value: Value) -> Self {
        let object = match &value {
            Value::ObjectIdentifier(object) => write::name(object.arcs()),
            _ => Vec::new(),
        };
        Self { name: write::name(oid.arcs()), object, value }
    }

    /// About how many bytes it took on the wire.
    pub(super) fn len(&self) -> usize {
        let value = match &self.value {
            Value::OctetString(bytes) | Value::Opaque(bytes) | Value::Nsap(bytes) => bytes.len(),
            _ => self.object.len().max(4),
        };
        self.name.len() + value + 6
    }

    /// As if it were read from the wire; a value that cannot be is told as one of no type.
    pub(super) fn variable(&self) -> Option<wire::Variable<'_>> {
        let value = match &self.value {
            Value::Integer(n) => wire::Value::Integer(i64::from(*n)),
            Value::OctetString(bytes) => wire::Value::Octets(bytes),
            Value::Null => wire::Value::Null,
            Value::ObjectIdentifier(_) => {
                let other = wire::Value::Other { tag: 6, bytes: &self.object };
                wire::Oid::read(&self.object).map_or(other, wire::Value::Oid)
            }
            Value::IpAddress(address) => wire::Value::Address(*address),
            Value::Counter32(n) => wire::Value::Counter32(*n),
            Value::Gauge32(n) => wire::Value::Gauge32(*n),
            Value::UInteger32(n) => wire::Value::Unsigned32(*n),
            Value::TimeTicks(n) => wire::Value::Ticks(*n),
            Value::Counter64(n) => wire::Value::Counter64(*n),
            Value::Opaque(bytes) => wire::Value::Opaque(bytes),
            Value::Nsap(bytes) => wire::Value::Nsap(bytes),
            Value::NoSuchObject => wire::Value::NoSuchObject,
            Value::NoSuchInstance => wire::Value::NoSuchInstance,
            Value::EndOfMibView => wire::Value::EndOfMibView,
            Value::Unknown { tag, data } => wire::Value::Other { tag: *tag, bytes: data },
            _ => return None,
        };
        Some(wire::Variable { name: oid::Oid::read(&self.name)?, value })
    }
}

/// Appends a variable, encoded; nothing for a value that has no encoding.
pub fn encode(oid: &Oid, value: Value, out: &mut Vec<u8>) {
    if let Some(variable) = Encoded::new(oid, value).variable() {
        write::variable(variable.name.as_bytes(), &variable.value, out);
    }
}
