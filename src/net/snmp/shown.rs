//! A value as a person reads it: its type, and a text.

use super::Value;
use crate::codec::text;

/// Type, the number if it is one, and the text.
pub fn shown(value: &Value) -> (&'static str, Option<i128>, String) {
    let number = |kind, n: i128| (kind, Some(n), n.to_string());
    match value {
        Value::Integer(v) => number("integer", (*v).into()),
        Value::Counter32(v) => number("counter32", (*v).into()),
        Value::Gauge32(v) | Value::UInteger32(v) => number("gauge32", (*v).into()),
        Value::TimeTicks(v) => number("timeticks", (*v).into()),
        Value::Counter64(v) => number("counter64", (*v).into()),
        Value::ObjectIdentifier(oid) => ("oid", None, oid.to_string()),
        Value::IpAddress(a) => ("address", None, std::net::Ipv4Addr::from(*a).to_string()),
        Value::OctetString(bytes) => text::readable(bytes).map_or_else(|| hex(bytes), |text| ("text", None, text)),
        Value::Opaque(bytes) | Value::Nsap(bytes) => hex(bytes),
        Value::Null => ("null", None, String::new()),
        other => ("unknown", None, format!("{other:?}")),
    }
}

fn hex(bytes: &[u8]) -> (&'static str, Option<i128>, String) {
    ("hex", None, bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_by_its_type_and_chinese_of_old_terminals_is_read() {
        let octets = |bytes: &[u8]| Value::OctetString(bytes.to_vec().into());
        for (value, kind, text) in [
            (Value::Integer(-3), "integer", "-3"),
            (Value::Counter64(u64::MAX), "counter64", "18446744073709551615"),
            (octets("核心 1".as_bytes()), "text", "核心 1"),
            (octets(b"\xba\xcb\xd0\xc4-12"), "text", "核心-12"),
            (octets(&[0xd4, 0xc0, 0xb5, 0x41, 0xc8, 0xd2]), "hex", "d4c0b541c8d2"),
            (octets(&[0, 1, 0x80]), "hex", "000180"),
            (Value::IpAddress([10, 0, 0, 1]), "address", "10.0.0.1"),
        ] {
            let (told, _, shown) = shown(&value);
            assert_eq!((told, shown.as_str()), (kind, text));
        }
    }
}
