//! Token patterns: what a command looks like, word by word. `local-user <u:word> password [irreversible-]cipher` is
//! no regular expression: it always means the whole command, blanks count once, letters' case does not count.
//!
//! `<name:word|int|ip|secret|rest>` captures, `<name:int=0>` has a value when its optional part is not there,
//! `[...]` is optional, `a|b` is one word of several. Matching is linear in the words of the command.

use std::net::IpAddr;

/// The most variants that the optional parts of a pattern may make.
const MAX_VARIANTS: usize = 64;

/// What a capture takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One word.
    Word,
    /// One whole number.
    Int,
    /// One address, v4 or v6.
    Ip,
    /// One word that no output may show.
    Secret,
    /// All words that are left; may be none.
    Rest,
}

impl Kind {
    const WORDS: &[(&str, Self)] =
        &[("word", Self::Word), ("int", Self::Int), ("ip", Self::Ip), ("secret", Self::Secret), ("rest", Self::Rest)];
}

/// A captured value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// A number.
    Number(f64),
    /// A text.
    Text(&'t str),
    /// A text that no output may show.
    Secret(&'t str),
}

/// Values by name, the latest last.
pub type Bound<'t> = Vec<(&'t str, Value<'t>)>;

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Words(Vec<String>),
    Capture(String, Kind),
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Longest first.
    variants: Vec<Vec<Piece>>,
    /// Captures with their kind, each once.
    names: Vec<(String, Kind)>,
    /// Values of captures that an optional part leaves out.
    defaults: Vec<(String, f64)>,
    /// The first word, in lower case, if it is always the same.
    first: Option<String>,
    /// The same as a number.
    head: Option<u64>,
}

/// A number for a word whose letters' case does not count (FNV-1a, 64 bits): equal words have equal numbers.
pub fn head(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, b| {
        (sum ^ u64::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Pattern {
    /// Compiles one; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { words: split(text), at: 0, names: Vec::new(), defaults: Vec::new() };
        let variants = reader.sequence(false)?;
        if variants.iter().any(Vec::is_empty) {
            return Err("it fits an empty command".to_owned());
        }
        let word = |v: &Vec<Piece>| match v.first() {
            Some(Piece::Words(words)) if words.len() == 1 => words.first().cloned(),
            _ => None,
        };
        let first = variants.first().and_then(word).filter(|w| variants.iter().all(|v| word(v).as_ref() == Some(w)));
        let Reader { names, defaults, .. } = reader;
        let head = first.as_deref().map(head);
        Ok(Self { text: text.to_owned(), variants, names, defaults, first, head })
    }

    /// The text it was made from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its captures.
    pub fn names(&self) -> &[(String, Kind)] {
        &self.names
    }

    /// The first word, in lower case, if it is always the same.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Whether a command whose first word has this number may look so.
    pub fn may_fit(&self, head: u64) -> bool {
        self.head.is_none_or(|own| own == head)
    }

    /// What it captures of a command; nothing if the command does not look so.
    pub fn fit<'t>(&'t self, body: &'t str) -> Option<Bound<'t>> {
        if let Some(first) = &self.first {
            let word = body.split_ascii_whitespace().next()?;
            if !word.eq_ignore_ascii_case(first) {
                return None;
            }
        }
        let words: Vec<&str> = body.split_ascii_whitespace().collect();
        let mut bound = self.variants.iter().find_map(|variant| one(variant, &words, body))?;
        for (name, value) in &self.defaults {
            if !bound.iter().any(|(n, _)| n == name) {
                bound.push((name, Value::Number(*value)));
            }
        }
        Some(bound)
    }
}

fn one<'t>(variant: &'t [Piece], words: &[&'t str], body: &'t str) -> Option<Bound<'t>> {
    let mut bound = Bound::new();
    for (at, piece) in variant.iter().enumerate() {
        let word = words.get(at).copied();
        match piece {
            Piece::Words(all) => {
                let word = word?;
                all.iter().find(|w| w.eq_ignore_ascii_case(word))?;
            }
            Piece::Capture(name, Kind::Rest) => {
                let from = word.map_or(body.len(), |w| w.as_ptr() as usize - body.as_ptr() as usize);
                bound.push((name, Value::Text(body.get(from..)?)));
                return Some(bound);
            }
            Piece::Capture(name, kind) => bound.push((name, capture(*kind, word?)?)),
        }
    }
    (words.len() == variant.len()).then_some(bound)
}

fn capture(kind: Kind, word: &str) -> Option<Value<'_>> {
    Some(match kind {
        Kind::Int => Value::Number(f64::from(word.parse::<u32>().ok()?)),
        Kind::Ip => {
            word.parse::<IpAddr>().ok()?;
            Value::Text(word)
        }
        Kind::Secret => Value::Secret(word),
        Kind::Word | Kind::Rest => Value::Text(word),
    })
}

/// Words, with brackets as words of their own.
fn split(text: &str) -> Vec<String> {
    let spaced = text.replace('[', " [ ").replace(']', " ] ");
    spaced.split_ascii_whitespace().map(str::to_owned).collect()
}

struct Reader {
    words: Vec<String>,
    at: usize,
    names: Vec<(String, Kind)>,
    defaults: Vec<(String, f64)>,
}

impl Reader {
    fn sequence(&mut self, inside: bool) -> Result<Vec<Vec<Piece>>, String> {
        let mut variants: Vec<Vec<Piece>> = vec![Vec::new()];
        while let Some(word) = self.words.get(self.at).cloned() {
            self.at += 1;
            match word.as_str() {
                "]" if inside => return Ok(variants),
                "]" => return Err("`]` without `[`".to_owned()),
                "[" => {
                    let optional = self.sequence(true)?;
                    let with = variants.iter().flat_map(|v| optional.iter().map(move |o| [v.as_slice(), o].concat()));
                    let with: Vec<Vec<Piece>> = with.collect();
                    variants.splice(0..0, with);
                    if variants.len() > MAX_VARIANTS {
                        return Err(format!("more than {MAX_VARIANTS} variants; write fewer optional parts"));
                    }
                }
                _ => {
                    let piece = self.piece(&word)?;
                    variants.iter_mut().for_each(|v| v.push(piece.clone()));
                }
            }
        }
        if inside { Err("`[` without `]`".to_owned()) } else { Ok(variants) }
    }

    fn piece(&mut self, word: &str) -> Result<Piece, String> {
        let Some(inner) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')) else {
            let all: Vec<String> = word.split('|').map(str::to_ascii_lowercase).collect();
            return if all.iter().any(String::is_empty) {
                Err(format!("`{word}` has an empty word"))
            } else {
                Ok(Piece::Words(all))
            };
        };
        let (name, kind) =
            inner.split_once(':').ok_or_else(|| format!("`{word}` lacks its kind, such as <x:word>"))?;
        let (kind, default) = kind.split_once('=').map_or((kind, None), |(k, d)| (k, Some(d)));
        let known = Kind::WORDS.iter().find(|(w, _)| *w == kind);
        let (_, kind) = known.ok_or_else(|| format!("`{kind}` is no kind: word, int, ip, secret, rest"))?;
        if let Some(default) = default {
            let value: f64 = default.parse().map_err(|_| format!("`{default}` is no number"))?;
            self.defaults.push((name.to_owned(), value));
        }
        if *kind == Kind::Rest && self.at < self.words.len() && self.words.iter().skip(self.at).any(|w| w != "]") {
            return Err(format!("`{word}` takes all that is left, so nothing may follow it"));
        }
        if !self.names.iter().any(|(n, _)| n == name) {
            self.names.push((name.to_owned(), *kind));
        }
        Ok(Piece::Capture(name.to_owned(), *kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a pattern takes of a command, as text.
    fn check(pattern: &str, body: &str, want: Option<&str>) {
        let pattern = Pattern::parse(pattern).unwrap();
        let text = pattern.fit(body).map(|bound| {
            let one = |(name, value): &(&str, Value<'_>)| match value {
                Value::Number(n) => format!("{name}={n}"),
                Value::Text(t) | Value::Secret(t) => format!("{name}={t}"),
            };
            bound.iter().map(one).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(text.as_deref(), want, "{} on {body}", pattern.text());
    }

    #[test]
    fn a_pattern_means_the_whole_command() {
        check("idle-timeout <m:int> [<s:int=0>]", "idle-timeout 5 30", Some("m=5 s=30"));
        check("idle-timeout <m:int> [<s:int=0>]", "idle-timeout  5", Some("m=5 s=0"));
        check("idle-timeout <m:int> [<s:int=0>]", "idle-timeout five", None);
        check("acl <n:word> inbound", "description acl 2000 inbound", None);
        check("acl <n:word> inbound", "acl 2000 inbound now", None);
        check("telnet [ipv6] server enable", "Telnet ipv6 server enable", Some(""));
        check(
            "snmp-agent community read|write [cipher|simple] <c:secret> <_:rest>",
            "snmp-agent community read public",
            Some("c=public _="),
        );
        check(
            "info-center loghost [vpn-instance <v:word>] <a:ip> <_:rest>",
            "info-center loghost 10.0.0.1 port 514",
            Some("a=10.0.0.1 _=port 514"),
        );
        check("interface <i:rest>", "interface GigabitEthernet 2/1", Some("i=GigabitEthernet 2/1"));
        check("a [b [c]] d", "a b c d", Some(""));
        check("a [b [c]] d", "a c d", None);
    }

    #[test]
    fn a_wrong_pattern_says_what_is_wrong() {
        for (pattern, why) in [
            ("a [b", "`[` without `]`"),
            ("a] b", "`]` without `[`"),
            ("<x>", "lacks its kind"),
            ("<x:nope>", "is no kind"),
            ("a <r:rest> b", "nothing may follow"),
            ("[a]", "fits an empty command"),
            ("a||b", "an empty word"),
            ("[a] [b] [c] [d] [e] [f] [g] h", "more than 64 variants"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }
}
