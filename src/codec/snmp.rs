//! SNMP v1 and v2c messages (RFC 1157, 1901, 3416): requests, responses, traps and informs. Reading borrows everything
//! and allocates nothing; a value that is badly written costs itself, not what comes behind it. Version 3 is not read
//! here: who meets it is told so.

mod ber;
pub mod oid;
pub mod write;

use self::ber::{Reader, signed, tag, unsigned};
pub use self::oid::Oid;
pub use self::write::{Head, Writer};

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no {what} at byte {at}")]
pub struct Malformed {
    /// What was expected.
    pub what: &'static str,
    /// Where.
    pub at: usize,
}

/// Version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 1157.
    V1,
    /// RFC 1901.
    V2c,
}

impl Version {
    const fn of(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::V1),
            1 => Some(Self::V2c),
            _ => None,
        }
    }

    /// As it stands on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 0,
            Self::V2c => 1,
        }
    }
}

/// Kind of a message that bears a request identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Exactly these variables.
    Get,
    /// The variables behind these.
    GetNext,
    /// An answer.
    Response,
    /// Change these.
    Set,
    /// Several rows behind these.
    GetBulk,
    /// A notification that wants an answer.
    Inform,
    /// A notification.
    Trap,
    /// Of v3; never sent in v1 and v2c.
    Report,
}

impl Kind {
    const fn of(tag: u8) -> Option<Self> {
        Some(match tag {
            0xa0 => Self::Get,
            0xa1 => Self::GetNext,
            0xa2 => Self::Response,
            0xa3 => Self::Set,
            0xa5 => Self::GetBulk,
            0xa6 => Self::Inform,
            0xa7 => Self::Trap,
            0xa8 => Self::Report,
            _ => return None,
        })
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Get => 0xa0,
            Self::GetNext => 0xa1,
            Self::Response => 0xa2,
            Self::Set => 0xa3,
            Self::GetBulk => 0xa5,
            Self::Inform => 0xa6,
            Self::Trap => 0xa7,
            Self::Report => 0xa8,
        }
    }
}

/// The tag of a v1 trap.
const TRAP_V1: u8 = 0xa4;

/// A message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Version.
    pub version: Version,
    /// Community.
    pub community: &'a [u8],
    /// The rest.
    pub body: Body<'a>,
}

/// What a message holds.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Everything but a v1 trap.
    Pdu(Pdu<'a>),
    /// A v1 trap.
    TrapV1(TrapV1<'a>),
}

/// A request, an answer or a notification.
#[derive(Debug, Clone, Copy)]
pub struct Pdu<'a> {
    /// Which.
    pub kind: Kind,
    /// Request identifier.
    pub id: i32,
    /// Error status; of a GETBULK the number of variables that are asked for once.
    pub status: i32,
    /// Error index, from 1; of a GETBULK how many rows.
    pub index: i32,
    /// Its variables.
    pub variables: Variables<'a>,
}

/// A v1 trap.
#[derive(Debug, Clone, Copy)]
pub struct TrapV1<'a> {
    /// Who defined it.
    pub enterprise: Oid<'a>,
    /// The sender's address, as it says.
    pub agent: [u8; 4],
    /// 0 to 5 as RFC 1157 lists them, 6 = as `specific` says.
    pub generic: i32,
    /// Its number at the enterprise.
    pub specific: i32,
    /// sysUpTime, in hundredths of a second.
    pub ticks: u32,
    /// Its variables.
    pub variables: Variables<'a>,
}

impl<'a> Message<'a> {
    /// Reads a datagram. Bytes behind the message are ignored, as some agents pad.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut message = Reader::new(bytes, 0).need(tag::SEQUENCE, "message")?;
        let at = message.at();
        let version = message.integer("version")?;
        let version = Version::of(version).ok_or(Malformed { what: "version 1 or 2c", at })?;
        let community = message.need(tag::OCTETS, "community")?.rest();
        let at = message.at();
        let (kind, mut pdu) = message.element()?;
        let body = match Kind::of(kind) {
            Some(kind) => Body::Pdu(Pdu {
                kind,
                id: pdu.integer("request identifier")?,
                status: pdu.integer("error status")?,
                index: pdu.integer("error index")?,
                variables: Variables(pdu.need(tag::SEQUENCE, "list of variables")?),
            }),
            None if kind == TRAP_V1 => Body::TrapV1(TrapV1::read(&mut pdu)?),
            None => return Err(Malformed { what: "known kind of message", at }),
        };
        Ok(Self { version, community, body })
    }
}

/// Whose message bytes claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Version.
    pub version: Version,
    /// Community.
    pub community: &'a [u8],
    /// Kind.
    pub kind: Kind,
    /// Request identifier.
    pub id: i32,
}

impl<'a> Claim<'a> {
    /// What stands at the beginning of a message that is none: the lengths of what holds all that are not looked at,
    /// since they may be what is wrong.
    pub fn of_broken(bytes: &'a [u8]) -> Option<Self> {
        let mut message = Reader::new(bytes, 0);
        if message.enter()? != tag::SEQUENCE {
            return None;
        }
        let version = Version::of(message.integer("version").ok()?)?;
        let community = message.need(tag::OCTETS, "community").ok()?.rest();
        let kind = Kind::of(message.enter()?)?;
        Some(Self { version, community, kind, id: message.integer("request identifier").ok()? })
    }
}

/// The version that a datagram says it has: 0 is v1, 1 is v2c, 3 is v3.
pub fn version_of(bytes: &[u8]) -> Result<i32, Malformed> {
    Reader::new(bytes, 0).need(tag::SEQUENCE, "message")?.integer("version")
}

impl<'a> TrapV1<'a> {
    fn read(pdu: &mut Reader<'a>) -> Result<Self, Malformed> {
        let at = pdu.at();
        let enterprise = pdu.need(tag::OID, "enterprise")?.rest();
        let enterprise = Oid::read(enterprise).ok_or(Malformed { what: "enterprise", at })?;
        let at = pdu.at();
        let agent = pdu.need(tag::ADDRESS, "agent address")?.rest();
        Ok(Self {
            enterprise,
            agent: agent.try_into().map_err(|_| Malformed { what: "agent address", at })?,
            generic: pdu.integer("generic trap")?,
            specific: pdu.integer("specific trap")?,
            ticks: {
                let at = pdu.at();
                let ticks = pdu.need(tag::TICKS, "time stamp")?.rest();
                unsigned(ticks, 4).ok_or(Malformed { what: "time stamp", at })? as u32
            },
            variables: Variables(pdu.need(tag::SEQUENCE, "list of variables")?),
        })
    }
}

/// The variables of a message, read one by one; the first error ends them.
#[derive(Debug, Clone, Copy)]
pub struct Variables<'a>(Reader<'a>);

impl<'a> Variables<'a> {
    /// All that are left, encoded.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0.rest()
    }

    fn one(&mut self) -> Result<Variable<'a>, Malformed> {
        let mut pair = self.0.need(tag::SEQUENCE, "variable")?;
        let at = pair.at();
        let name = pair.need(tag::OID, "name of a variable")?.rest();
        let name = Oid::read(name).ok_or(Malformed { what: "name of a variable", at })?;
        let (tag, value) = pair.element()?;
        Ok(Variable { name, value: Value::read(tag, value.rest()) })
    }
}

impl<'a> Iterator for Variables<'a> {
    type Item = Result<Variable<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.one();
        if read.is_err() {
            self.0 = Reader::new(&[], self.0.at());
        }
        Some(read)
    }
}

/// A name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Name.
    pub name: Oid<'a>,
    /// Value.
    pub value: Value<'a>,
}

/// A value (RFC 2578, 3416).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// INTEGER; 32 bits by the standard, more from agents that write large unsigned ones.
    Integer(i64),
    /// OCTET STRING.
    Octets(&'a [u8]),
    /// NULL.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Oid<'a>),
    /// IpAddress.
    Address([u8; 4]),
    /// Counter32.
    Counter32(u32),
    /// Gauge32, Unsigned32.
    Gauge32(u32),
    /// UInteger32, of early v2.
    Unsigned32(u32),
    /// TimeTicks, hundredths of a second.
    Ticks(u32),
    /// Counter64.
    Counter64(u64),
    /// Opaque.
    Opaque(&'a [u8]),
    /// NsapAddress, of early v2.
    Nsap(&'a [u8]),
    /// The device has nothing of that kind.
    NoSuchObject,
    /// The device has no such row.
    NoSuchInstance,
    /// There is nothing behind.
    EndOfMibView,
    /// A type that is not known, or a value that does not fit its type.
    Other {
        /// The tag.
        tag: u8,
        /// The content.
        bytes: &'a [u8],
    },
}

impl<'a> Value<'a> {
    #[inline]
    fn read(tag: u8, bytes: &'a [u8]) -> Self {
        let number = || unsigned(bytes, 4).map(|n| n as u32);
        let read = match tag {
            tag::INTEGER => signed(bytes).map(Self::Integer),
            tag::OCTETS => Some(Self::Octets(bytes)),
            tag::NULL => Some(Self::Null),
            tag::OID => Oid::read(bytes).map(Self::Oid),
            tag::ADDRESS => bytes.try_into().ok().map(Self::Address),
            tag::COUNTER32 => number().map(Self::Counter32),
            tag::GAUGE32 => number().map(Self::Gauge32),
            tag::UNSIGNED32 => number().map(Self::Unsigned32),
            tag::TICKS => number().map(Self::Ticks),
            tag::COUNTER64 => unsigned(bytes, 8).map(Self::Counter64),
            tag::OPAQUE => Some(Self::Opaque(bytes)),
            tag::NSAP => Some(Self::Nsap(bytes)),
            tag::NO_SUCH_OBJECT => Some(Self::NoSuchObject),
            tag::NO_SUCH_INSTANCE => Some(Self::NoSuchInstance),
            tag::END_OF_MIB_VIEW => Some(Self::EndOfMibView),
            _ => None,
        };
        read.unwrap_or(Self::Other { tag, bytes })
    }

    /// True if it says that there is no value.
    pub const fn is_exception(&self) -> bool {
        matches!(self, Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView)
    }
}

#[cfg(test)]
mod tests;
