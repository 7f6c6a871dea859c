//! Texts that devices send: UTF-8, or GB18030 where an operator typed Chinese at a terminal of this country, often cut
//! in the middle of a character by a field of fixed length. Nothing says which; valid UTF-8 is taken for UTF-8.

use std::borrow::Cow;

use encoding_rs::GB18030;

/// The longest address: one of IPv6.
const ADDRESS: usize = 16;

/// A text for a person: up to the first NUL, without control characters and blanks around it.
pub fn decode(bytes: &[u8]) -> String {
    shown(bytes).into_owned()
}

/// The bytes, if all are printable ASCII: most are, and one look tells.
pub fn plain(bytes: &[u8]) -> Option<&str> {
    let printable = bytes.iter().fold(true, |all, b| all & matches!(b, b' '..=b'~'));
    std::str::from_utf8(bytes).ok().filter(|_| printable)
}

/// The same, lent where the bytes are such a text already.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(plain) = plain(bytes) {
        return Cow::Borrowed(plain.trim());
    }
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = characters(bytes.get(..end).unwrap_or_default());
    // Control characters are those bytes, or begin with that of U+0080 to U+00BF.
    let text = if text.bytes().any(|b| b < b' ' || matches!(b, 0x7f | 0xc2)) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        text
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// A text, if the bytes are one: UTF-8, or GB18030, without control characters. Few bytes may as well be an address, so
/// that of them, unless they are UTF-8, only the characters of GB/T 2312 make a text.
pub fn readable(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if bytes.len() > ADDRESS || is_common(bytes) => {
            GB18030.decode_without_bom_handling_and_without_replacement(bytes)?
        }
        Err(_) => return None,
    };
    let shown = |c: char| match c {
        '\r' | '\n' | '\t' => Some(' '),
        c if c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c) => None, // for private use: no character at all
        c => Some(c),
    };
    text.trim().chars().map(shown).collect()
}

/// Whether all are ASCII and the two-byte characters of GB/T 2312.
fn is_common(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] => return true,
            [0..=0x7f, rest @ ..] | [0xa1..=0xf7, 0xa1..=0xfe, rest @ ..] => rest,
            _ => return false,
        }
    }
}

fn characters(bytes: &[u8]) -> Cow<'_, str> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(error) => error,
    };
    let good = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
    if error.error_len().is_none() && !good.is_ascii() {
        return good; // UTF-8, cut
    }
    // A character of GB18030 has up to four bytes: as many may be left of a cut one, and the first of them leads.
    for cut in 0..4 {
        let parts = bytes.len().checked_sub(cut).and_then(|end| bytes.split_at_checked(end));
        let Some((whole, rest)) = parts else { break };
        if rest.first().is_none_or(|lead| (0x81..=0xfe).contains(lead))
            && let Some(text) = GB18030.decode_without_bom_handling_and_without_replacement(whole)
        {
            return text;
        }
    }
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_reads_as_it_was_typed_in_either_encoding_and_where_it_was_cut() {
        for (bytes, want) in [
            ("阿克苏 机房".as_bytes(), "阿克苏 机房"),
            (&"阿克苏".as_bytes()[..8], "阿克"),
            (b"\xd6\xd0\xce\xc4", "中文"),
            (b"\xb0\xa2\xbf\xcb\xcb\xd5-1\xb3", "阿克苏-1"),
            (b"GigabitEthernet0/0/1\0\0junk", "GigabitEthernet0/0/1"),
            (b" core\r\nswitch\t1 ", "core  switch 1"),
            (b"caf\xff", "caf\u{fffd}"),
            (b"", ""),
        ] {
            assert_eq!(decode(bytes), want, "{bytes:?}");
        }
    }

    #[test]
    fn bytes_are_a_text_only_if_they_read_as_one() {
        for (bytes, want) in [
            ("阿克苏 机房".as_bytes(), Some("阿克苏 机房")),
            (b"\xb0\xa2\xbf\xcb\xcb\xd5", Some("阿克苏")),
            (b"\xb5\xd8\xc7\xf8-1\r\n", Some("地区-1")),
            (
                b"\xce\xc0\xbd\xa1\xce\xaf\x88\x44 \xce\xc0\xbd\xa1\xce\xaf\xb4\xf3\xc2\xa5",
                Some("卫健委圖 卫健委大楼"),
            ),
            (b"\x88\x44", None), // a rare character, or two bytes of an address
            (b"\x02\x00\x00\x5e\x10\x01", None),
            (b"\xd4\xc0\xb5\x41\xc8\xd2", None),
            (b"\xc0\xa8\x01\x01", None),
            (b"\x07\xea\x0b\x1d", None),
            (b"", Some("")),
        ] {
            assert_eq!(readable(bytes).as_deref(), want, "{bytes:?}");
        }
    }

    #[test]
    fn any_bytes_make_some_text() {
        proptest::proptest!(|(bytes: Vec<u8>)| {
            let text = decode(&bytes);
            proptest::prop_assert!(!text.contains('\0') && text.trim() == text);
        });
    }
}
