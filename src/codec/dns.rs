//! DNS messages (RFC 1035): one question out, an answer back as plain values. The crate reads names and records; what it
//! does not know of a message does not concern us. Answers are bounded in number and length, whatever a server sends.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, SimpleDnsError, TYPE, header_buffer};

/// Bytes of the header of every message.
const HEADER: usize = 12;
/// Most records of an answer that are taken, and longest text of one, in characters.
const MAX_RECORDS: usize = 256;
const MAX_TEXT: usize = 512;

/// The words of answer codes; what is not among them is `other`.
pub const RCODES: &[Cow<'static, str>] = &[
    Cow::Borrowed("noerror"),
    Cow::Borrowed("formerr"),
    Cow::Borrowed("servfail"),
    Cow::Borrowed("nxdomain"),
    Cow::Borrowed("notimp"),
    Cow::Borrowed("refused"),
    Cow::Borrowed("other"),
];

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $wire:ident;)*) => {
        /// The type of a record, as far as probes ask for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Type { $($(#[$doc])* $name,)* }
        impl Type {
            /// The word in settings.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// The type of that word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
            const fn wire(self) -> TYPE { match self { $(Self::$name => TYPE::$wire,)* } }
        }
    };
}

types! {
    /// IPv4 address.
    A = "a", A;
    /// IPv6 address.
    Aaaa = "aaaa", AAAA;
    /// Alias.
    Cname = "cname", CNAME;
    /// Mail server.
    Mx = "mx", MX;
    /// Name server.
    Ns = "ns", NS;
    /// Name of an address.
    Ptr = "ptr", PTR;
    /// Beginning of a zone.
    Soa = "soa", SOA;
    /// Service.
    Srv = "srv", SRV;
    /// Text.
    Txt = "txt", TXT;
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Name; a last dot is allowed, a dot alone is the root.
    pub name: String,
    /// Type.
    pub kind: Type,
    /// Whether the server is asked to find out itself.
    pub recursion: bool,
}

impl Question {
    /// The name under which the names of an address stand.
    pub fn reverse(address: IpAddr) -> String {
        match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(v6) => {
                let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
                nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
            }
        }
    }

    /// As a message; an error says what is wrong with the name.
    pub fn write(&self, id: u16) -> Result<Vec<u8>, BadMessage> {
        let name = self.name.strip_suffix('.').unwrap_or(&self.name);
        if name.split('.').any(str::is_empty) && !name.is_empty() {
            return Err(BadMessage("a name with an empty label"));
        }
        let name = if name.is_empty() { Ok(Name::new_with_labels(&[])) } else { Name::new(name) };
        let name =
            name.map_err(|_| BadMessage("no name that can be asked for; letters, digits, `-`, `_` and dots"))?;
        let mut packet = Packet::new_query(id);
        if self.recursion {
            packet.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        let kind = QTYPE::TYPE(self.kind.wire());
        packet.questions.push(simple_dns::Question::new(name, kind, QCLASS::CLASS(CLASS::IN), false));
        packet.build_bytes_vec().map_err(|_| BadMessage("the question cannot be written"))
    }
}

/// Why a text is no question, or bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(&'static str);

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says: an address, a name without its last dot, `10 mail.example`, a text.
    pub text: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    id: u16,
    /// What it answers; servers that did not understand the question may leave it out.
    question: Option<(String, QTYPE)>,
    rcode: u8,
    /// Whether it did not fit.
    pub truncated: bool,
    /// Whether the server speaks for the zone.
    pub authoritative: bool,
    /// Records of the type asked for, in the server's order.
    pub records: Vec<Record>,
}

impl Answer {
    /// Reads a message.
    pub fn read(bytes: &[u8]) -> Result<Self, BadMessage> {
        // The crate takes it for granted that a header is whole.
        if bytes.len() < HEADER {
            return Err(BadMessage("a DNS header that is cut off"));
        }
        let has = |flag| header_buffer::has_flags(bytes, flag).unwrap_or(false);
        if !has(PacketFlag::RESPONSE) {
            return Err(BadMessage("no DNS answer"));
        }
        let truncated = has(PacketFlag::TRUNCATION);
        let head = |_: SimpleDnsError| BadMessage("a DNS header that is cut off");
        let mut answer = Self {
            id: header_buffer::id(bytes).map_err(head)?,
            question: None,
            rcode: slot(header_buffer::rcode(bytes).map_err(head)?),
            truncated,
            authoritative: has(PacketFlag::AUTHORITATIVE_ANSWER),
            records: Vec::new(),
        };
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            // Some servers cut in the middle of a record.
            Err(_) if truncated => return Ok(answer),
            Err(_) => return Err(BadMessage("a DNS message that does not read")),
        };
        let Some(question) = packet.questions.first() else { return Ok(answer) };
        answer.question = Some((question.qname.to_string(), question.qtype));
        let mine = packet.answers.iter().filter(|r| r.class == CLASS::IN);
        let mine = mine.filter(|r| QTYPE::TYPE(r.rdata.type_code()) == question.qtype);
        answer.records = mine
            .filter_map(|record| Some(Record { ttl: record.ttl, text: bounded(&text(&record.rdata)?) }))
            .take(MAX_RECORDS)
            .collect();
        Ok(answer)
    }

    /// Whether it answers this question, sent with this number.
    pub fn answers(&self, question: &Question, id: u16) -> bool {
        let same = |name: &str, kind: QTYPE| {
            name.eq_ignore_ascii_case(question.name.strip_suffix('.').unwrap_or(&question.name))
                && kind == QTYPE::TYPE(question.kind.wire())
        };
        let meant = match &self.question {
            Some((name, kind)) => same(name, *kind),
            None => self.truncated || self.rcode != 0,
        };
        self.id == id && meant
    }

    /// The word of its answer code.
    pub fn rcode_word(&self) -> &'static str {
        match RCODES.get(usize::from(self.rcode)) {
            Some(Cow::Borrowed(word)) => word,
            _ => "other",
        }
    }

    /// The place of that word in `RCODES`.
    pub const fn rcode_slot(&self) -> u8 {
        self.rcode
    }
}

const fn slot(code: RCODE) -> u8 {
    match code {
        RCODE::NoError => 0,
        RCODE::FormatError => 1,
        RCODE::ServerFailure => 2,
        RCODE::NameError => 3,
        RCODE::NotImplemented => 4,
        RCODE::Refused => 5,
        _ => 6,
    }
}

fn text(data: &RData<'_>) -> Option<String> {
    Some(match data {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(a) => Ipv6Addr::from(a.address).to_string(),
        RData::CNAME(name) => name.0.to_string(),
        RData::NS(name) => name.0.to_string(),
        RData::PTR(name) => name.0.to_string(),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange),
        RData::SOA(soa) => format!("{} {} {}", soa.mname, soa.rname, soa.serial),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, srv.target),
        RData::TXT(txt) => String::try_from(txt.clone()).ok()?,
        _ => return None,
    })
}

/// Printable and of bounded length.
fn bounded(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question(name: &str, kind: Type) -> Question {
        Question { name: name.to_owned(), kind, recursion: true }
    }

    /// An answer as BIND 9.18 sent it: `www.aks.test A`, an alias and two addresses.
    const ALIAS: &[u8] = b"\x12\x34\x85\x80\x00\x01\x00\x03\x00\x00\x00\x00\
        \x03www\x03aks\x04test\x00\x00\x01\x00\x01\
        \xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x05\x02lb\xc0\x10\
        \xc0\x2a\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x41\x00\x01\
        \xc0\x2a\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\x0a\x41\x00\x02";

    #[test]
    fn a_question_is_written_as_the_standard_has_it() {
        let bytes = question("aks.test.", Type::A).write(0x1234).unwrap();
        assert_eq!(bytes, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03aks\x04test\x00\x00\x01\x00\x01");
        let root = Question { recursion: false, ..question(".", Type::Ns) }.write(1).unwrap();
        assert_eq!(root, b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01");
        for bad in ["a b", "a..b", &"a".repeat(64), "阿克苏.test", "-a"] {
            assert!(question(bad, Type::A).write(1).is_err(), "{bad}");
        }
        assert_eq!(Question::reverse("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        let v6 = Question::reverse("2001:db8::1".parse().unwrap());
        assert!(v6.starts_with("1.0.0.0.") && v6.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"), "{v6}");
    }

    #[test]
    fn an_answer_has_the_records_asked_for() {
        let answer = Answer::read(ALIAS).unwrap();
        let records: Vec<(&str, u32)> = answer.records.iter().map(|r| (r.text.as_str(), r.ttl)).collect();
        assert_eq!(records, [("10.65.0.1", 60), ("10.65.0.2", 30)]);
        assert_eq!((answer.rcode_word(), answer.authoritative, answer.truncated), ("noerror", true, false));
        assert!(answer.answers(&question("WWW.aks.test", Type::A), 0x1234));
        assert!(!answer.answers(&question("www.aks.test", Type::A), 0x1235));
        assert!(!answer.answers(&question("www.aks.test", Type::Aaaa), 0x1234));
        assert!(!answer.answers(&question("aks.test", Type::A), 0x1234));
    }

    #[test]
    fn what_was_cut_and_what_was_not_understood_is_still_an_answer() {
        let mut cut = ALIAS.to_vec();
        cut[2] |= 2;
        cut.truncate(60);
        let answer = Answer::read(&cut).unwrap();
        assert!(answer.truncated && answer.answers(&question("www.aks.test", Type::A), 0x1234));
        let refused = b"\x12\x34\x80\x05\x00\x00\x00\x00\x00\x00\x00\x00";
        let answer = Answer::read(refused).unwrap();
        assert_eq!(answer.rcode_word(), "refused");
        assert!(answer.answers(&question("any.test", Type::Txt), 0x1234));
        assert!(Answer::read(&question("a.test", Type::A).write(1).unwrap()).is_err(), "a question is no answer");
    }

    #[test]
    fn every_beginning_of_an_answer_reads_or_is_refused() {
        for end in 0..ALIAS.len() {
            assert!(Answer::read(&ALIAS[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(at in 0..ALIAS.len(), byte: u8, other in 0..ALIAS.len(), with: u8) {
            let mut bytes = ALIAS.to_vec();
            (bytes[at], bytes[other]) = (byte, with);
            let _ = Answer::read(&bytes);
        }

        #[test]
        fn no_noise_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Answer::read(&bytes);
        }
    }
}
