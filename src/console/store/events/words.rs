//! Words of a line for the index, and of a search for it. Letters and digits are words; Chinese has no blanks, so every
//! two characters that stand together are one: a search finds any part of a line that has two or more of them. A whole
//! IPv4 address is a word beside its numbers: those alone are in every line, and looking them up costs as much.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// Words of a search that are looked for; the rest is left out.
const MAX_TERMS: usize = 16;

/// Texts as the index wants them: runs of Chinese as pairs, everything else as it is.
pub(super) fn cut(texts: &[&str]) -> String {
    let mut out = String::with_capacity(texts.iter().map(|text| text.len() * 2).sum());
    for text in texts {
        spread(text, &mut out);
        out.push(' ');
        for part in text.split(|c: char| !(c.is_ascii_digit() || c == '.')) {
            if let Some(word) = address(part.trim_matches('.')) {
                out.push_str(&word);
                out.push(' ');
            }
        }
    }
    out
}

/// An address as a word.
fn address(text: &str) -> Option<String> {
    let address: Ipv4Addr = text.parse().ok()?;
    Some(format!("ip{}", address.to_string().replace('.', "x")))
}

fn spread(text: &str, out: &mut String) {
    let mut last: Option<char> = None;
    let mut paired = true;
    for c in text.chars() {
        if !is_chinese(c) {
            // One that stands alone is a word by itself.
            if let (Some(alone), false) = (last, paired) {
                out.push(alone);
            }
            if last.take().is_some() {
                out.push(' ');
            }
            out.push(c);
            continue;
        }
        match last.replace(c) {
            Some(before) => {
                out.extend([before, c, ' ']);
                paired = true;
            }
            None => {
                out.push(' ');
                paired = false;
            }
        }
    }
    if let (Some(alone), false) = (last, paired) {
        out.push(alone);
    }
}

/// Han characters, with those that only names have.
const fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// What the index is asked; nothing if there is no word in it. Every term is a phrase, and its last word may go on.
pub(super) fn query(words: &str) -> Option<String> {
    let mut out = String::new();
    for term in words.split_whitespace().take(MAX_TERMS) {
        if let Some(word) = address(term) {
            let _ = write!(out, "\"{word}\" ");
            continue;
        }
        let mut spread = String::new();
        self::spread(term, &mut spread);
        let parts: Vec<&str> = spread.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
        let Some(last) = parts.last() else { continue };
        // A pair is whole; a single character may be the first of one.
        let goes_on = last.chars().filter(|c| is_chinese(*c)).count() < 2;
        // Nothing but letters and digits is within the quotes, and writing to a String cannot fail.
        let _ = write!(out, "\"{}\"{} ", parts.join(" "), if goes_on { " *" } else { "" });
    }
    (!out.is_empty()).then(|| out.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_cut_into_pairs_and_everything_else_stays() {
        for (text, want) in [
            ("用户登录失败", "用户 户登 登录 录失 失败"),
            ("接口GE0/0/1 断", "接口 GE0/0/1 断"),
            ("SSH_FAIL admin", "SSH_FAIL admin"),
            ("from 10.1.1.9.", "from 10.1.1.9. ip10x1x1x9"),
            ("", ""),
        ] {
            let words: Vec<String> = cut(&[text]).split_whitespace().map(str::to_owned).collect();
            assert_eq!(words.join(" "), want, "{text}");
        }
    }

    #[test]
    fn a_search_is_phrases_whose_last_word_may_go_on() {
        for (words, want) in [
            ("登录失败", Some("\"登录 录失 失败\"")),
            ("登", Some("\"登\" *")),
            ("SSH_FAIL 10.1.1", Some("\"SSH FAIL\" * \"10 1 1\" *")),
            ("10.1.1.9", Some("\"ip10x1x1x9\"")),
            ("\" OR *) NEAR(", Some("\"OR\" * \"NEAR\" *")),
            ("  ", None),
            ("-- %%", None),
        ] {
            assert_eq!(query(words).as_deref(), want, "{words}");
        }
    }
}
