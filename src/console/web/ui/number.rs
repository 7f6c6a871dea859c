//! Numbers with their units, scaled for reading: what a field's name says (`_seconds`, `_ratio`, `_bytes`,
//! `_bps`, `_octets`) decides how it is shown. No number stands alone.

use crate::console::web::lang::Lang;

/// A value of a field, with its unit.
pub fn field(lang: Lang, name: &str, value: f64) -> String {
    match name {
        "up" => {
            return lang
                .pick(if value >= 1.0 { "是" } else { "否" }, if value >= 1.0 { "yes" } else { "no" })
                .to_owned();
        }
        "days_left" => return format!("{} {}", trim(value, 1), lang.pick("天", "days")),
        _ => {}
    }
    let ends = |unit: &str| name.ends_with(unit);
    if ends("_seconds") {
        seconds(lang, value)
    } else if ends("_ratio") {
        percent(value)
    } else if ends("_bps") {
        bits(value)
    } else if ends("_bytes") || ends("_octets") {
        bytes(value)
    } else if ends("_celsius") {
        format!("{} °C", trim(value, 1))
    } else {
        trim(value, 3)
    }
}

/// The unit in which charts show a field, as the script knows it.
pub fn unit(name: &str) -> &'static str {
    let ends = |unit: &str| name.ends_with(unit);
    if ends("_seconds") {
        "s"
    } else if ends("_ratio") {
        "ratio"
    } else if ends("_bps") {
        "bps"
    } else if ends("_bytes") || ends("_octets") {
        "B"
    } else {
        ""
    }
}

/// A short time: microseconds to seconds; longer ones in words.
pub fn seconds(lang: Lang, value: f64) -> String {
    match value.abs() {
        0.0 => "0 s".to_owned(),
        v if v < 0.001 => format!("{} µs", trim(value * 1e6, 0)),
        v if v < 1.0 => format!("{} ms", trim(value * 1e3, if v < 0.01 { 2 } else { 1 })),
        v if v < 120.0 => format!("{} s", trim(value, 2)),
        _ => super::time::lasting(lang, std::time::Duration::from_secs_f64(value.clamp(0.0, 1e12))),
    }
}

/// A ratio in percent.
pub fn percent(value: f64) -> String {
    let percent = value * 100.0;
    let digits = if percent == 0.0 || percent >= 99.95 {
        0
    } else if percent < 1.0 {
        2
    } else {
        1
    };
    format!("{} %", trim(percent, digits))
}

/// Bytes, in steps of 1024.
pub fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// Bits a second, in steps of 1000, as carriers count.
pub fn bits(value: f64) -> String {
    scaled(value, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// A count, in groups of three.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let (mut value, mut at) = (value, 0);
    while value.abs() >= step && at + 1 < units.len() {
        value /= step;
        at += 1;
    }
    format!("{} {}", trim(value, if at == 0 { 0 } else { 1 }), units.get(at).copied().unwrap_or_default())
}

/// So many decimals at most, without trailing zeros.
fn trim(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_with_the_unit_of_its_field() {
        for (name, value, shown) in [
            ("rtt_seconds", 0.000_25, "250 µs"),
            ("rtt_seconds", 0.012_34, "12.3 ms"),
            ("total_seconds", 1.5, "1.5 s"),
            ("uptime_seconds", 7_500.0, "2 h 5 min"),
            ("loss_ratio", 0.0, "0 %"),
            ("loss_ratio", 0.004, "0.4 %"),
            ("loss_ratio", 1.0, "100 %"),
            ("speed_bps", 1e9, "1 Gbit/s"),
            ("disk_free_bytes", 1_536.0, "1.5 KiB"),
            ("in_octets", 512.0, "512 B"),
            ("days_left", 29.96, "30 days"),
            ("fails", 3.0, "3"),
            ("up", 1.0, "yes"),
        ] {
            assert_eq!(field(Lang::En, name, value), shown, "{name}");
        }
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
