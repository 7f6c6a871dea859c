//! `.snmprec` recordings: what one device answers, a line a variable, `OID|TAG|VALUE`.
//!
//! Tags are ASN.1 numbers: 2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OID, 64 IpAddress, 65 Counter32, 66 Gauge32,
//! 67 TimeTicks, 68 Opaque, 70 Counter64; a trailing `x` (`4x`) means that the value is hexadecimal. Our own
//! extension is `TAG:counter` with `START,RATE`: the value grows by RATE a second from the start of the
//! device (`65:counter|1000,125000`, and `67:counter|0,100` is a sysUpTime). Behind it may stand waves,
//! `DEPTH,PERIOD,PHASE` each, by which the rate swings. `TAG:gauge` with `MEAN` and waves swings about its mean. Recordings of the wild carry leading dots, blank lines,
//! duplicates and disorder: those are taken. Anything else is refused by line.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::net::snmp::{Oid, Value};

/// Recordings larger than this are no recordings; the largest of the wild are near 10 MB.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// So many bad lines are told, the rest is counted: a binary file is bad on every line.
const MAX_TOLD: usize = 20;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct BadLine {
    /// File, as given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What, with a remedy where there is one.
    pub what: String,
}

/// One variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Always the same.
    Fixed(Value),
    /// Grows from `start` by `rate` a second, and wraps as its type does.
    Moving {
        /// Which type.
        tag: Tag,
        /// At the start of the device.
        start: u64,
        /// A second, on average.
        rate: f64,
        /// How the rate swings about that; their depths add up to 1 at most, so it never runs backwards.
        waves: Vec<Wave>,
    },
    /// Swings about a mean: a load, a temperature.
    Swinging {
        /// Which type.
        tag: Tag,
        /// What it swings about.
        mean: f64,
        /// How it swings; their depths, parts of the mean, add up to 1 at most.
        waves: Vec<Wave>,
    },
}

/// One swing of a rate or a mean: up and down by `depth` of it, every `period`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wave {
    /// Part of the rate, 0 to 1.
    pub depth: f64,
    /// Seconds from crest to crest.
    pub period: f64,
    /// How many seconds of the first period are over at the start; a crest stands at a quarter of it.
    pub phase: f64,
}

impl Wave {
    /// Seconds' worth of the rate that this adds within so many seconds.
    fn gained(&self, seconds: f64) -> f64 {
        let turn = std::f64::consts::TAU / self.period;
        self.depth / turn * ((turn * self.phase).cos() - (turn * (seconds + self.phase)).cos())
    }

    /// Part of the mean by which it is off at that second.
    fn off(&self, seconds: f64) -> f64 {
        self.depth * (std::f64::consts::TAU / self.period * (seconds + self.phase)).sin()
    }
}

/// Waves of one variable: day, hour and noise are three.
const MAX_WAVES: usize = 8;

/// The types of SMI, by their ASN.1 tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// 2
    Integer,
    /// 4
    Octets,
    /// 5
    Null,
    /// 6
    ObjectId,
    /// 64
    Address,
    /// 65
    Counter32,
    /// 66
    Gauge32,
    /// 67
    TimeTicks,
    /// 68
    Opaque,
    /// 70
    Counter64,
}

impl Tag {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "2" => Self::Integer,
            "4" => Self::Octets,
            "5" => Self::Null,
            "6" => Self::ObjectId,
            "64" => Self::Address,
            "65" => Self::Counter32,
            "66" => Self::Gauge32,
            "67" => Self::TimeTicks,
            "68" => Self::Opaque,
            "70" => Self::Counter64,
            _ => return None,
        })
    }
    fn of(value: &Value) -> Self {
        match value {
            Value::Integer(_) => Self::Integer,
            Value::ObjectIdentifier(_) => Self::ObjectId,
            Value::IpAddress(_) => Self::Address,
            Value::Counter32(_) => Self::Counter32,
            Value::Gauge32(_) | Value::UInteger32(_) => Self::Gauge32,
            Value::TimeTicks(_) => Self::TimeTicks,
            Value::Opaque(_) => Self::Opaque,
            Value::Counter64(_) => Self::Counter64,
            Value::Null => Self::Null,
            _ => Self::Octets,
        }
    }
}

impl Entry {
    /// Its value so long after the start of the device.
    pub fn at(&self, since: Duration) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Moving { tag, start, rate, waves } => {
                let seconds = since.as_secs_f64();
                let swung = seconds + waves.iter().map(|wave| wave.gained(seconds)).sum::<f64>();
                let grown = start.wrapping_add((swung * rate) as u64);
                match tag {
                    Tag::Counter64 => Value::Counter64(grown),
                    Tag::Counter32 => Value::Counter32(grown as u32), // wraps, as on the wire
                    Tag::TimeTicks => Value::TimeTicks(grown as u32),
                    Tag::Gauge32 => Value::Gauge32(u32::try_from(grown).unwrap_or(u32::MAX)),
                    _ => Value::Integer(i32::try_from(grown).unwrap_or(i32::MAX)),
                }
            }
            Self::Swinging { tag, mean, waves } => {
                let seconds = since.as_secs_f64();
                let level = mean * (1.0 + waves.iter().map(|wave| wave.off(seconds)).sum::<f64>());
                match tag {
                    Tag::Gauge32 => Value::Gauge32(level.round() as u32),
                    _ => Value::Integer(level.round() as i32),
                }
            }
        }
    }

    /// The type it answers with.
    pub fn tag(&self) -> Tag {
        match self {
            Self::Fixed(value) => Tag::of(value),
            Self::Moving { tag, .. } | Self::Swinging { tag, .. } => *tag,
        }
    }

    /// Reads `TAG|VALUE`; the message names what is wrong.
    pub fn parse(tag: &str, text: &str) -> Result<Self, String> {
        let (word, variation) = tag.split_once(':').map_or((tag, None), |(w, v)| (w, Some(v)));
        let (word, hex) = word.strip_suffix('x').map_or((word, false), |w| (w, true));
        let kind = Tag::parse(word).ok_or_else(|| {
            format!("`{}` is no tag; known are 2 4 5 6 64 65 66 67 68 70, with `x` for hex", short(tag))
        })?;
        match variation {
            None => Self::fixed(kind, text, hex),
            Some("counter") => {
                let (start, rest) = text.split_once(',').ok_or("`:counter` takes START,RATE, such as 0,125000")?;
                let start = start.trim().parse().map_err(|_| format!("`{}` is no start value", short(start)))?;
                let (rate, swings) = rest.split_once(',').map_or((rest, None), |(rate, swings)| (rate, Some(swings)));
                let rate: f64 = rate.trim().parse().map_err(|_| format!("`{}` is no rate", short(rate)))?;
                let waves = swings.map(waves).transpose()?.unwrap_or_default();
                if !(rate.is_finite() && rate >= 0.0) {
                    return Err("a counter only grows: its rate must be 0 or more".into());
                }
                match kind {
                    Tag::Integer | Tag::Counter32 | Tag::Gauge32 | Tag::TimeTicks | Tag::Counter64 => {
                        Ok(Self::Moving { tag: kind, start, rate, waves })
                    }
                    _ => Err("only the numeric tags 2 65 66 67 70 take `:counter`".into()),
                }
            }
            Some("gauge") => {
                let (mean, swings) = text.split_once(',').map_or((text, None), |(mean, swings)| (mean, Some(swings)));
                let mean: f64 = mean.trim().parse().map_err(|_| format!("`{}` is no mean", short(mean)))?;
                let waves = swings.map(waves).transpose()?.unwrap_or_default();
                match kind {
                    Tag::Integer | Tag::Gauge32 if mean.is_finite() => Ok(Self::Swinging { tag: kind, mean, waves }),
                    _ => Err(
                        "only the tags 2 and 66 take `:gauge`, with MEAN and waves, such as 2:gauge|40,0.1,3600,0"
                            .into(),
                    ),
                }
            }
            Some(other) => {
                Err(format!("variation `{}` is not supported; only `:counter` and `:gauge` are", short(other)))
            }
        }
    }

    /// Reads a value of a known type from plain text.
    pub fn fixed(kind: Tag, text: &str, hex: bool) -> Result<Self, String> {
        let bytes = || if hex { unhex(text) } else { Ok(text.as_bytes().to_vec()) };
        let number = |what: &str| format!("`{}` is no {what}", short(text));
        let unsigned = |what: &str| text.trim().parse::<u32>().map_err(|_| number(what));
        Ok(Self::Fixed(match kind {
            Tag::Integer => Value::Integer(text.trim().parse().map_err(|_| number("INTEGER"))?),
            Tag::Octets => Value::OctetString(bytes()?.into()),
            Tag::Null => Value::Null,
            Tag::ObjectId => Value::ObjectIdentifier(parse_oid(text)?),
            Tag::Address => Value::IpAddress(match bytes()? {
                raw if hex => raw.try_into().map_err(|_| "an address has 4 bytes".to_owned())?,
                _ => text.trim().parse::<std::net::Ipv4Addr>().map_err(|_| number("IPv4 address"))?.octets(),
            }),
            Tag::Counter32 => Value::Counter32(unsigned("Counter32")?),
            Tag::Gauge32 => Value::Gauge32(unsigned("Gauge32")?),
            Tag::TimeTicks => Value::TimeTicks(unsigned("TimeTicks")?),
            Tag::Opaque => Value::Opaque(bytes()?.into()),
            Tag::Counter64 => Value::Counter64(text.trim().parse().map_err(|_| number("Counter64"))?),
        }))
    }
}

/// `DEPTH,PERIOD,PHASE`, as often as wanted.
fn waves(text: &str) -> Result<Vec<Wave>, String> {
    let numbers: Result<Vec<f64>, String> = text
        .split(',')
        .map(|word| word.trim().parse::<f64>().map_err(|_| format!("`{}` is no number", short(word))))
        .collect();
    let waves: Vec<Wave> = numbers?
        .chunks(3)
        .map(|three| match three {
            [depth, period, phase] if *period > 0.0 && *depth >= 0.0 && phase.is_finite() => {
                Ok(Wave { depth: *depth, period: *period, phase: *phase })
            }
            _ => Err("a wave is DEPTH,PERIOD,PHASE with a depth of 0 to 1 and a period in seconds".to_owned()),
        })
        .collect::<Result<_, _>>()?;
    let depth: f64 = waves.iter().map(|wave| wave.depth).sum();
    if depth > 1.0 || waves.len() > MAX_WAVES {
        return Err(format!(
            "at most {MAX_WAVES} waves, and depths that add up to 1 at most: a counter only grows, a gauge is not below 0"
        ));
    }
    Ok(waves)
}

/// What one device answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    entries: BTreeMap<Oid, Entry>,
}

/// The variables of a recording as they stand in it, those that are there twice included; `file` names it in messages.
/// Non-UTF-8 values are kept as they are.
pub fn lines(file: &str, bytes: &[u8]) -> Result<Vec<(Oid, Entry)>, Vec<BadLine>> {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let mut untold = 0_usize;
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) || line.starts_with(b"#") {
            continue;
        }
        match parse_line(line) {
            Ok(variable) => lines.push(variable),
            Err(what) if bad.len() < MAX_TOLD => {
                bad.push(BadLine { file: file.to_owned(), line: index + 1, what });
            }
            Err(_) => untold += 1,
        }
    }
    if let (Some(last), true) = (bad.last_mut(), untold > 0) {
        last.what.push_str(&format!(" (and {untold} more bad lines)"));
    }
    if bad.is_empty() { Ok(lines) } else { Err(bad) }
}

impl Recording {
    /// Reads a whole recording. Of lines with the same name the last counts.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Vec<BadLine>> {
        Ok(Self { entries: lines(file, bytes)?.into_iter().collect() })
    }

    /// Puts a variable in, or in the place of another.
    pub fn put(&mut self, oid: Oid, entry: Entry) {
        self.entries.insert(oid, entry);
    }

    /// How many variables it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// True if it answers nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// The variable at exactly this OID.
    pub fn get(&self, oid: &Oid) -> Option<&Entry> {
        self.entries.get(oid)
    }
    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Oid, &Entry)> {
        self.entries.iter()
    }
    /// The first variable after this OID.
    pub fn after(&self, oid: &Oid) -> Option<(&Oid, &Entry)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.entries.range((Excluded(oid), Unbounded)).next()
    }
}

fn parse_line(line: &[u8]) -> Result<(Oid, Entry), String> {
    let mut parts = line.splitn(3, |b| *b == b'|');
    let (Some(oid), Some(tag), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a line reads OID|TAG|VALUE".into());
    };
    let oid = parse_oid(&String::from_utf8_lossy(oid))?;
    let tag = String::from_utf8_lossy(tag);
    if tag == "4" {
        return Ok((oid, Entry::Fixed(Value::OctetString(value.to_vec().into()))));
    }
    Ok((oid, Entry::parse(&tag, &String::from_utf8_lossy(value))?))
}

/// Reads a dotted OID, with or without a leading dot.
pub fn parse_oid(text: &str) -> Result<Oid, String> {
    let text = text.trim();
    let plain = text.strip_prefix('.').unwrap_or(text);
    let arcs: Result<Vec<u32>, _> = plain.split('.').map(str::parse).collect();
    let oid = Oid::from(arcs.map_err(|_| format!("`{}` is no OID", short(text)))?);
    oid.validate_all().map_err(|_| format!("`{}` is no valid OID", short(text)))?;
    Ok(oid)
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return Err("a hex value has an even number of digits".into());
    }
    let nibble = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [a, b] => Some((nibble(*a)? << 4) | nibble(*b)?),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{}` is not hexadecimal", short(text)))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<Value, String> {
        parse_line(line.as_bytes()).map(|(_, entry)| entry.at(Duration::from_secs(10)))
    }

    #[test]
    fn every_tag_reads_as_its_type() {
        for (line, want) in [
            ("1.3.6.1.2.1.2.1.0|2|-8", Value::Integer(-8)),
            (".1.3.6.1.2.1.1.5.0|4|core|1", Value::OctetString(b"core|1".to_vec().into())),
            ("1.3.6.1.2.1.1.5.0|4x|00 1aFF", Value::OctetString(vec![0, 0x1a, 0xff].into())),
            ("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2011", Value::ObjectIdentifier(parse_oid("1.3.6.1.4.1.2011").unwrap())),
            ("1.3.6.1.2.1.4.20.1.1|64|10.1.2.3", Value::IpAddress([10, 1, 2, 3])),
            ("1.3.6.1.2.1.4.20.1.1|64x|0A010203", Value::IpAddress([10, 1, 2, 3])),
            ("1.3.6.1.2.1.2.2.1.10.1|65|4294967295", Value::Counter32(u32::MAX)),
            ("1.3.6.1.2.1.2.2.1.5.1|66|1000000000", Value::Gauge32(1_000_000_000)),
            ("1.3.6.1.2.1.1.3.0|67:counter|500,100", Value::TimeTicks(1500)),
            ("1.3.6.1.2.1.2.2.1.10.1|65:counter|4294967290,1", Value::Counter32(4)),
            ("1.3.6.1.2.1.31.1.1.1.6.1|70:counter|7,0.5", Value::Counter64(12)),
            ("1.3.6.1.2.1.31.1.1.1.6.1|70:counter|0,100,1,20,5", Value::Counter64(1000)), // from crest to trough
            ("1.3.6.1.2.1.31.1.1.1.6.1|2:gauge|40,0.5,40,0", Value::Integer(60)), // a quarter of the swing: its crest
            ("1.3.6.1.2.1.31.1.1.1.6.1|66:gauge|40", Value::Gauge32(40)),
            ("1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615", Value::Counter64(u64::MAX)),
        ] {
            assert_eq!(one(line).as_ref(), Ok(&want), "{line}");
        }
    }

    #[test]
    fn bad_lines_are_named_with_file_and_line() {
        let text = "# made up\n1.3.6.1|2|1\n\n1.3.6.1|2\nx.y|2|1\n1.3.6.1.2|99|1\n1.3.6.1.2|65|-1\n1.3.6.1.2|65:counter|5\n1.3.6.1.2|4:numeric|5\n1.3.6.1.2|4x|abc\n";
        let bad = Recording::parse("a.snmprec", text.as_bytes()).unwrap_err();
        let told: Vec<String> = bad.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a.snmprec:4: a line reads OID|TAG|VALUE",
                "a.snmprec:5: `x.y` is no OID",
                "a.snmprec:6: `99` is no tag; known are 2 4 5 6 64 65 66 67 68 70, with `x` for hex",
                "a.snmprec:7: `-1` is no Counter32",
                "a.snmprec:8: `:counter` takes START,RATE, such as 0,125000",
                "a.snmprec:9: variation `numeric` is not supported; only `:counter` and `:gauge` are",
                "a.snmprec:10: a hex value has an even number of digits",
            ]
        );
    }

    #[test]
    fn a_counter_that_swings_never_runs_backwards() {
        let entry = Entry::parse("70:counter", "0,1000,0.6,60,13,0.4,7,2").unwrap();
        let at = |tenths: u64| match entry.at(Duration::from_millis(tenths * 100)) {
            Value::Counter64(n) => n,
            other => panic!("{other:?}"),
        };
        let steps: Vec<u64> = (0..600).map(|t| at(t + 1) - at(t)).collect();
        assert!(steps.iter().any(|n| *n > 150) && steps.iter().any(|n| *n < 30), "{steps:?}");
        assert!((at(4200) as f64 / 420_000.0 - 1.0).abs() < 0.02, "on average it is the rate: {}", at(4200));
        for wrong in ["0,1,0.6,60,0,0.5,60,0", "0,1,0.5,0,0", "0,1,0.5,60", "0,1,x,1,1"] {
            assert!(Entry::parse("70:counter", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn disorder_is_sorted_by_arcs_not_by_letters() {
        let recording = Recording::parse("a", b"1.3.10|2|1\n1.3.9|2|2\n1.3.9|2|3\n").unwrap();
        assert_eq!(recording.len(), 2);
        let (first, entry) = recording.after(&parse_oid("1.3.6").unwrap()).unwrap();
        assert_eq!((first.to_string().as_str(), entry.at(Duration::ZERO)), ("1.3.9", Value::Integer(3)));
    }
}
