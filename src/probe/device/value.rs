//! One value: where a source points, and what becomes of what is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::{Answers, Ports};
use crate::codec::text;
use crate::config::defs::profile::{Check, From, Shape, Source, Test};
use crate::model::device::{Fact, Holds, Part};
use crate::net::snmp::Value;

/// What values are looked up in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) answers: &'a Answers,
    pub(super) ports: &'a Ports,
}

/// What stands at the place of a source.
#[derive(Debug, Clone)]
enum Raw<'a> {
    Wire(&'a Value),
    Arcs(&'a [u32]),
    Text(Arc<str>),
}

impl Look<'_> {
    /// The value of a source for a field, at a row.
    pub(super) fn fact(&self, source: &Source, part: &Part, index: &[u32], item: usize) -> Fact {
        self.maybe(source, part, index, item).unwrap_or_default()
    }

    /// The value of a source for the device itself: a column stands for its first row that has one.
    pub(super) fn anywhere(&self, source: &Source, part: &Part) -> Fact {
        match &source.from {
            From::Column { column, key: None } => {
                let rows = self.answers.column(column).into_iter().flatten();
                let mut facts = rows.map(|(index, _)| self.fact(source, part, index, 0));
                facts.find(|fact| !fact.is_null()).unwrap_or_default()
            }
            _ => self.fact(source, part, &[], 0),
        }
    }

    /// The cells that a source looks at, at a row: column and index. Those below a row are not among them.
    pub(super) fn cells(&self, source: &Source, index: &[u32], add: &mut dyn FnMut(&[u32], &[u32])) {
        match &source.from {
            From::Column { column, key: None } => add(column, index),
            From::Column { column, key: Some(key) } => {
                self.cells(key, index, add);
                self.key(key, index).into_iter().for_each(|index| add(column, &index));
            }
            From::Scalar(oid) => add(oid, &[]),
            From::Port(inner) => self.cells(inner, index, add),
            From::Index(..) | From::Below { .. } | From::Above { .. } | From::Text(_) => {}
        }
        let others = [&source.exponent, &source.digits, &source.times].into_iter().flatten().map(|inner| &**inner);
        let others = others.chain(source.only.iter().flat_map(|check| check.sources())).chain(&source.plus);
        others.for_each(|inner| self.cells(inner, index, add));
    }

    /// How many things the list of a source makes.
    pub(super) fn items(&self, source: &Source, index: &[u32]) -> usize {
        match (source.split, self.raw(source, index)) {
            (Some(cut), Some(raw)) => plain(&raw).split(cut).count(),
            _ => 1,
        }
    }

    fn maybe(&self, source: &Source, part: &Part, index: &[u32], item: usize) -> Option<Fact> {
        if source.only.as_ref().is_some_and(|check| !self.holds(check, index)) {
            return None;
        }
        let raw = self.raw(source, index)?;
        let raw = match source.split {
            Some(cut) => Raw::Text(plain(&raw).split(cut).nth(item)?.trim().into()),
            None => raw,
        };
        match part.holds {
            Holds::Text => self.text(source, &raw).map(Fact::Text),
            Holds::Word(_) => match &raw {
                Raw::Text(word) if source.states.is_empty() => Some(Fact::Text(word.clone())),
                _ => self.state(source, &raw).map(Fact::Text),
            },
            Holds::Number => self.number(source, &raw, index).map(Fact::Number),
            Holds::Count => self.count(source, &raw, index).map(Fact::Count),
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, check: &Check, index: &[u32]) -> bool {
        let among = |values: &[Arc<str>]| {
            let found = self.raw(&check.source, index).and_then(|raw| taken(&check.source, plain(&raw)));
            found.is_some_and(|found| values.iter().any(|value| **value == *found))
        };
        let both = |limit: &Source| self.of_other(&check.source, index).zip(self.of_other(limit, index));
        match &check.test {
            Test::In(values) => among(values),
            Test::Not(values) => !among(values),
            Test::Over(limit) => both(limit).is_some_and(|(value, limit)| value > limit),
            Test::Within(limit) => both(limit).is_some_and(|(value, limit)| value <= limit),
        }
    }

    fn raw(&self, source: &Source, index: &[u32]) -> Option<Raw<'_>> {
        Some(match &source.from {
            From::Column { column, key: None } => Raw::Wire(self.answers.at(column, index)?),
            From::Column { column, key: Some(key) } => Raw::Wire(self.answers.at(column, &self.key(key, index)?)?),
            From::Scalar(oid) => Raw::Wire(self.answers.of_scalar(oid)?),
            From::Index(first, last) => Raw::Text(joined(slice(index, *first, *last)?)),
            From::Below { column, first, last } => {
                let rows = self.answers.column(column)?.range(index.to_vec()..);
                let (below, _) = rows.take_while(|(below, _)| below.starts_with(index)).next()?;
                Raw::Arcs(slice(below, *first, *last)?)
            }
            From::Above { column, first, last } => {
                let mut rows = self.answers.column(column)?.keys();
                Raw::Arcs(slice(rows.find(|above| above.ends_with(index))?, *first, *last)?)
            }
            From::Port(inner) => {
                let raw = self.raw(inner, index)?;
                let number = self.count(inner, &raw, index).and_then(|n| u32::try_from(n).ok())?;
                Raw::Text(self.ports.get(&number)?.clone())
            }
            From::Text(text) => Raw::Text(text.clone()),
        })
    }

    /// The index that a source says.
    fn key(&self, source: &Source, index: &[u32]) -> Option<Vec<u32>> {
        if source.only.as_ref().is_some_and(|check| !self.holds(check, index)) {
            return None;
        }
        if let From::Index(first, last) = source.from {
            return slice(index, first, last).map(<[u32]>::to_vec);
        }
        match self.raw(source, index)? {
            Raw::Arcs(arcs) => Some(arcs.to_vec()),
            Raw::Wire(Value::ObjectIdentifier(oid)) => Some(oid.arcs().to_vec()),
            raw => Some(vec![u32::try_from(self.count(source, &raw, index)?).ok()?]),
        }
    }

    fn text(&self, source: &Source, raw: &Raw<'_>) -> Option<Arc<str>> {
        let text = match source.shape {
            Shape::Mac => mac(raw)?,
            Shape::Address => address(raw)?.to_string(),
            Shape::Mask => mask(raw)?.to_string(),
            Shape::Plain | Shape::Port if !source.states.is_empty() => self.state(source, raw)?.to_string(),
            Shape::Plain | Shape::Port => taken(source, plain(raw))?,
        };
        if text.is_empty() || (source.shape == Shape::Port && !self.ports.values().any(|name| **name == *text)) {
            return None;
        }
        let none = text.parse::<f64>().is_ok_and(|number| source.none.contains(&number));
        (!none).then(|| format!("{}{text}{}", source.before, source.after).into())
    }

    fn state(&self, source: &Source, raw: &Raw<'_>) -> Option<Arc<str>> {
        let number = taken(source, plain(raw))?.parse::<i64>().ok()?;
        source.states.get(&number).cloned()
    }

    fn number(&self, source: &Source, raw: &Raw<'_>, index: &[u32]) -> Option<f64> {
        let value = if source.shape == Shape::Mask { f64::from(mask(raw)?) } else { read(source, raw)? };
        if source.none.contains(&value) || source.raw.is_some_and(|(least, most)| !(least..=most).contains(&value)) {
            return None;
        }
        let other = |inner: &Source| self.of_other(inner, index);
        let power = |inner: &Option<Box<Source>>| inner.as_ref().map_or(Some(0.0), |inner| other(inner));
        let power = power(&source.exponent)? - power(&source.digits)?;
        let mut value = (value + source.offset) * source.scale;
        // Division by a power of ten is exact where multiplication by its inverse is not.
        value = if power < 0.0 { value / 10_f64.powf(-power) } else { value * 10_f64.powf(power) };
        if let Some(times) = &source.times {
            value *= other(times)?;
        }
        value += source.plus.iter().filter_map(other).sum::<f64>();
        if source.microwatts {
            if value <= 0.0 {
                return None;
            }
            value = 10.0 * (value / 1000.0).log10();
        }
        let value = tidy(value);
        (value.is_finite() && source.range.is_none_or(|(least, most)| (least..=most).contains(&value)))
            .then_some(value)
    }

    /// The number of a source within another.
    fn of_other(&self, source: &Source, index: &[u32]) -> Option<f64> {
        if source.only.as_ref().is_some_and(|check| !self.holds(check, index)) {
            return None;
        }
        self.raw(source, index).and_then(|raw| self.number(source, &raw, index))
    }

    /// A whole number, exact beyond what a double holds where nothing is done to it.
    fn count(&self, source: &Source, raw: &Raw<'_>, index: &[u32]) -> Option<u64> {
        if let Raw::Wire(value) = raw
            && source.pattern.is_none()
            && source.shape == Shape::Plain
            && source.plus.is_empty()
            && source.times.is_none()
            && (source.offset, source.scale) == (0.0, 1.0)
            && let Some(count) = value.as_u64()
        {
            let double = count as f64;
            let true_to = |(least, most): (f64, f64)| (least..=most).contains(&double);
            let good =
                !source.none.contains(&double) && source.raw.is_none_or(true_to) && source.range.is_none_or(true_to);
            return good.then_some(count);
        }
        let number = self.number(source, raw, index)?;
        (number >= 0.0 && number < u64::MAX as f64).then_some(number as u64)
    }
}

fn slice(index: &[u32], first: usize, last: Option<usize>) -> Option<&[u32]> {
    index.get(first..last.unwrap_or(index.len()))
}

fn joined(arcs: &[u32]) -> Arc<str> {
    let texts: Vec<String> = arcs.iter().map(u32::to_string).collect();
    texts.join(".").into()
}

/// Nine decimals are more than any device measures, and fewer than binary fractions show.
fn tidy(value: f64) -> f64 {
    if value.abs() < 1e6 { (value * 1e9).round() / 1e9 } else { value }
}

/// What the pattern of a source takes of a text.
fn taken(source: &Source, text: String) -> Option<String> {
    match &source.pattern {
        None => Some(text),
        Some(regex) => {
            let found = regex.captures(&text)?;
            found.get(1).or_else(|| found.get(0)).map(|part| part.as_str().trim().to_owned())
        }
    }
}

/// As a text, whatever it is.
fn plain(raw: &Raw<'_>) -> String {
    match raw {
        Raw::Text(text) => text.to_string(),
        Raw::Arcs(arcs) => joined(arcs).to_string(),
        Raw::Wire(value) => match value {
            Value::ObjectIdentifier(oid) => oid.to_string(),
            Value::IpAddress(octets) => Ipv4Addr::from(*octets).to_string(),
            Value::Integer(number) => number.to_string(),
            other => match (other.as_u64(), other.as_bytes()) {
                (Some(number), _) => number.to_string(),
                (None, Some(bytes)) => text::decode(bytes),
                (None, None) => String::new(),
            },
        },
    }
}

/// As a number: of a number, or of a text that is one.
fn read(source: &Source, raw: &Raw<'_>) -> Option<f64> {
    match raw {
        Raw::Wire(Value::Integer(number)) if source.pattern.is_none() => Some(f64::from(*number)),
        Raw::Wire(value) if source.pattern.is_none() && value.as_u64().is_some() => value.as_u64().map(|n| n as f64),
        other => taken(source, plain(other))?.trim().parse().ok(),
    }
}

/// Bytes, of an octet string or of the numbers of an index.
fn octets(raw: &Raw<'_>) -> Option<Vec<u8>> {
    match raw {
        Raw::Wire(Value::IpAddress(octets)) => Some(octets.to_vec()),
        Raw::Wire(value) => value.as_bytes().map(<[u8]>::to_vec),
        Raw::Arcs(arcs) => arcs.iter().map(|arc| u8::try_from(*arc).ok()).collect(),
        Raw::Text(text) => text.split('.').map(|arc| arc.parse().ok()).collect(),
    }
}

fn mac(raw: &Raw<'_>) -> Option<String> {
    let octets = octets(raw)?;
    let octets = match octets.as_slice() {
        [6, rest @ ..] if rest.len() == 6 => rest,
        all => all,
    };
    let octets: [u8; 6] = octets.try_into().ok()?;
    // An address of zeros is none.
    (octets != [0; 6]).then(|| octets.map(|octet| format!("{octet:02x}")).join(":"))
}

fn address(raw: &Raw<'_>) -> Option<IpAddr> {
    let octets = octets(raw)?;
    match octets.as_slice() {
        [a, b, c, d] | [4, a, b, c, d] | [1, 4, a, b, c, d] => Some(Ipv4Addr::new(*a, *b, *c, *d).into()),
        [16, rest @ ..] | [2, 16, rest @ ..] | rest if rest.len() == 16 => {
            <[u8; 16]>::try_from(rest).ok().map(|octets| Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

fn mask(raw: &Raw<'_>) -> Option<u32> {
    let octets: [u8; 4] = octets(raw)?.try_into().ok()?;
    let bits = u32::from_be_bytes(octets);
    (bits.leading_ones() == bits.count_ones()).then_some(bits.count_ones())
}
