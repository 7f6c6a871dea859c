//! Which of two package versions is newer, by the rules of dpkg (deb-version(7)) and of rpm (rpm-version(7)). Both
//! orders put `~` before everything, the end included; they differ in what separates and in how letters sort.

use std::cmp::Ordering;

/// Compares two versions as dpkg does: epoch, upstream part, revision.
pub(super) fn deb(a: &str, b: &str) -> Ordering {
    let split = |v: &str| {
        let (epoch, rest) = v.split_once(':').unwrap_or(("0", v));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.trim().parse::<u64>().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0)
        .then_with(|| deb_part(a.1.as_bytes(), b.1.as_bytes()))
        .then_with(|| deb_part(a.2.as_bytes(), b.2.as_bytes()))
}

/// The place of a byte among the text parts: `~`, the end and digits, letters, the rest.
fn deb_order(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

fn deb_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        while a.first().is_some_and(|c| !c.is_ascii_digit()) || b.first().is_some_and(|c| !c.is_ascii_digit()) {
            let order = deb_order(a.first()).cmp(&deb_order(b.first()));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
        }
        let order = number(&mut a).cmp(&number(&mut b));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes a number off the front, as something that compares by value however long it is.
fn number<'a>(text: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    (digits.len(), digits)
}

/// Compares two versions `[EPOCH:]VERSION[-RELEASE]` as rpm does. A version without a release equals any release.
pub(super) fn rpm(a: &str, b: &str) -> Ordering {
    let split = |v: &str| {
        let (epoch, rest) = v.split_once(':').unwrap_or(("0", v));
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release.to_owned())),
            None => (rest, None),
        };
        (epoch.parse::<u64>().unwrap_or(0), version.to_owned(), release)
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| rpm_part(a.1.as_bytes(), b.1.as_bytes())).then_with(|| match (&a.2, &b.2) {
        (Some(a), Some(b)) => rpm_part(a.as_bytes(), b.as_bytes()),
        _ => Ordering::Equal,
    })
}

fn rpm_part<'a>(mut a: &'a [u8], mut b: &'a [u8]) -> Ordering {
    let separator = |c: &u8| !c.is_ascii_alphanumeric() && *c != b'~' && *c != b'^';
    loop {
        for text in [&mut a, &mut b] {
            let skip = text.iter().take_while(|c| separator(c)).count();
            *text = text.get(skip..).unwrap_or_default();
        }
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            // `^` is newer than the end and older than anything else.
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let order = number(&mut a).cmp(&number(&mut b));
                if order != Ordering::Equal {
                    return order;
                }
            }
            // A number is newer than letters.
            (Some(x), Some(_)) if x.is_ascii_digit() => return Ordering::Greater,
            (Some(_), Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(_), Some(_)) => {
                let order = letters(&mut a).cmp(letters(&mut b));
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

fn letters<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    *text = rest;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_sort_as_dpkg_sorts_them() {
        for (a, b) in [
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0+b1"),
            ("1.0-1", "1.0-1+deb12u1"),
            ("9.2p1-2", "9.2p1-10"),
            ("1.9", "1.10"),
            ("2", "1:1"),
            ("1.0a", "1.0+"),
            ("1.0~~", "1.0~"),
            ("0", "0.1"),
        ] {
            assert_eq!(deb(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(deb(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(deb("1.00", "1.0"), Ordering::Equal);
        assert_eq!(deb("0:1", "1"), Ordering::Equal);
    }

    #[test]
    fn rpm_versions_sort_as_rpm_sorts_them() {
        for (a, b) in [
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0^git1"),
            ("1.0^git1", "1.0.1"),
            ("1.a", "1.1"),
            ("7.4p1-16", "7.4p1-21"),
            ("5.9", "5.10"),
            ("9", "1:1"),
            ("1.0", "1.0a"),
            ("2.0", "2.0.1"),
        ] {
            assert_eq!(rpm(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(rpm(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(rpm("1_0", "1.0"), Ordering::Equal);
        assert_eq!(rpm("7.4", "7.4-21"), Ordering::Equal);
    }
}
