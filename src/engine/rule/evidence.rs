//! What an alert was judged by, in words for a person: names as the rule writes them, values with units.

use crate::config::expr::{Lookup, Ref, Val};

use super::compile::{Judge, state_name};
use super::lookup::Look;

/// Entries an alert carries at most.
pub(super) const MAX_EVIDENCE: usize = 16;
/// Longest text of one, in characters.
const MAX_TEXT: usize = 200;

/// Fields and parameters of the rule with their values. A rule that asks for one value only shows its parameters
/// behind it: `loss_ratio = 0.35 (raise_at 0.1)`.
pub(super) fn evidence(look: &Look<'_>) -> Vec<(String, String)> {
    let mut values = Vec::new();
    let mut params = Vec::new();
    if let Some(detector) = look.detector() {
        return bounded(detector.evidence());
    }
    let refs = match &look.rule.judge {
        Judge::Expressions(raise, _) => raise.refs(),
        Judge::Detector(..) => &[],
    };
    for slot in refs {
        match slot {
            Ref::Field(name) => values.push((name.to_string(), text(look, slot, name))),
            Ref::Window(name, stat) => {
                let text = if stat.as_str() == "count" { number(look, slot) } else { text(look, slot, name) };
                values.push((format!("w.{name}.{}", stat.as_str()), text));
            }
            Ref::Param(name) => params.push((name.to_string(), number(look, slot))),
            Ref::Attr(kind, name) => params.push((format!("{kind}.{name}"), text(look, slot, name))),
        }
    }
    match values.as_mut_slice() {
        [(_, only)] if !params.is_empty() => {
            let all: Vec<String> = params.iter().map(|(name, value)| format!("{name} {value}")).collect();
            *only = format!("{only} ({})", all.join(", "));
        }
        _ => values.append(&mut params),
    }
    if let Some((cause, detail)) = &look.feed.trouble {
        values.push(("cause".to_owned(), cause.as_str().to_owned()));
        if let Some(detail) = detail {
            values.push(("detail".to_owned(), detail.to_string()));
        }
    }
    bounded(values)
}

fn bounded(mut values: Vec<(String, String)>) -> Vec<(String, String)> {
    values.truncate(MAX_EVIDENCE);
    for (_, text) in &mut values {
        if let Some((cut, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(cut);
        }
    }
    values
}

fn number(look: &Look<'_>, slot: &Ref) -> String {
    match look.get(slot) {
        Some(Val::Number(v)) => plain(v),
        _ => "?".to_owned(),
    }
}

fn text(look: &Look<'_>, slot: &Ref, name: &str) -> String {
    match look.get(slot) {
        None => "?".to_owned(),
        Some(Val::Text(text)) => text.to_owned(),
        Some(Val::Bool(v)) => v.to_string(),
        Some(Val::List(all)) => all.join(","),
        Some(Val::Number(v)) => match slot {
            Ref::Field(_) => state_name(look.rule.spec, name, v).unwrap_or_else(|| with_unit(name, v)),
            _ => with_unit(name, v),
        },
    }
}

/// A value with the unit that its name ends in.
pub(crate) fn with_unit(name: &str, v: f64) -> String {
    let magnitude = v.abs();
    if name.ends_with("_seconds") {
        return match magnitude {
            m if m < 1e-3 && m > 0.0 => format!("{} us", plain(v * 1e6)),
            m if m < 1.0 => format!("{} ms", plain(v * 1e3)),
            m if m < 172_800.0 => format!("{} s", plain(v)),
            _ => format!("{} d", plain(v / 86_400.0)),
        };
    }
    for (suffix, unit) in
        [("_bps", " bit/s"), ("_bytes", " B"), ("_octets", " B"), ("_celsius", " C"), ("_days", " d")]
    {
        if name.ends_with(suffix) {
            return format!("{}{unit}", plain(v));
        }
    }
    plain(v)
}

/// At most four significant digits after a point, no trailing zeros.
fn plain(v: f64) -> String {
    if v == v.trunc() && v.abs() < 1e15 {
        return format!("{v:.0}");
    }
    let digits = (3 - v.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{v:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::with_unit;

    #[test]
    fn values_carry_their_unit() {
        for (name, v, expected) in [
            ("loss_ratio", 0.35, "0.35"),
            ("loss_ratio", 0.0, "0"),
            ("loss_ratio", 1.0 / 3.0, "0.3333"),
            ("rtt_seconds", 0.012_345, "12.35 ms"),
            ("rtt_seconds", 0.000_05, "50 us"),
            ("duration_seconds", 3.0, "3 s"),
            ("expires_seconds", 864_000.0, "10 d"),
            ("in_bps", 1.5e9, "1500000000 bit/s"),
            ("fails", 3.0, "3"),
            ("x", 1e300, "1e300"),
        ] {
            let got = with_unit(name, v);
            if v < 1e100 {
                assert_eq!(got, expected, "{name} {v}");
            } else {
                assert!(got.starts_with('1'), "{got}");
            }
        }
    }
}
